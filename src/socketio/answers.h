/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The answers of the many receivers of a broadcast.
 *
 * Ids come from one counter per namespace; the receivers of a broadcast share one, and each is
 * waited for on its own (ack.c).
 */
#ifndef SOCKETIO_ANSWERS_H
#define SOCKETIO_ANSWERS_H

#include "socketio/core.h"

/** Answers of many. */
struct sio_answers {
    struct answer_item *items;
    uint32_t len;
    uint32_t cap;
};

struct answer_item {
    struct value_doc doc; /* the array of arguments, or one value */
    bool is_array;
    struct value_bytes *attachments; /* copies, in one block with their bytes */
};

/**
 * Waits for the answers to a broadcast. It ends when all local receivers have answered or left and
 * the cluster has reported, or with its timeout.
 */
struct answer_group {
    sio_server *server;
    struct list link;  /* in server->groups */
    struct list waits; /* struct ack_wait.group_link */
    struct timer timer;
    struct task task; /* ends it, when nothing is waited for from the start */
    struct sio_answers answers;
    sio_answers_fn fn;             /* gets all of them at the end; */
    sio_local_answer_fn on_answer; /* or this each, and on_done at the end */
    void (*on_done)(void *user);
    void *user;
    uint32_t lost; /* receivers that left without an answer */
    uint64_t remote_expected;
    uint64_t remote_came;
    bool remote_open; /* the cluster has not reported yet */
    int remote_status;
    struct sio_cluster_request *request; /* of the cluster, while it is open */
};

/** Makes a group without receivers. NULL when out of memory. */
struct answer_group *sio__group_new(sio_server *server, uint32_t timeout_ms);

/** Frees a group that waits for nobody. */
void sio__group_free(struct answer_group *g);

/** Adds a receiver. @return 0, SIO_ERR_NOMEM */
int sio__group_add(struct answer_group *g, struct server_socket *s, uint64_t id);

/** All receivers are added: ends it from a task when nothing is to come. */
void sio__group_ready(struct answer_group *g);

/** Adds one answer out of JSON text. @return 0, SIO_ERR_JSON, SIO_ERR_NOMEM */
int sio__group_answer(struct answer_group *g, struct text json,
                      const struct value_bytes *attachments, uint32_t count, bool is_array);

/** Ends it if nothing is to come any more. From the loop only. */
void sio__group_check(struct answer_group *g);

/** The server has closed, its adapters too: ends all groups, which wait for other nodes in vain. */
void sio__groups_close(sio_server *server);

/** Removes a receiver without an answer being told; for a broadcast that fails halfway. */
void sio__group_abort(struct answer_group *g);

#endif /* SOCKETIO_ANSWERS_H */
