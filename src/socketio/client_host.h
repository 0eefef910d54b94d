/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * A host: what the clients on one loop have in common. That is the reactor, and memory of which
 * only one of them makes use at a time, so that thousands of clients cost little more than their
 * own state.
 *
 * Its reactor closes when the last client has left. Its memory stays as long as anybody refers to
 * it: the reactor until it is closed, and clients as long as they exist.
 */
#ifndef SOCKETIO_CLIENT_HOST_H
#define SOCKETIO_CLIENT_HOST_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/log.h"
#include "base/slab.h"
#include "net/reactor.h"
#include "proto/frame.h"
#include "proto/pack.h"
#include "proto/value.h"

struct client_host {
    atomic_uint refs;
    uint32_t clients; /* that have not left */
    uint32_t awake;   /* of these, those that keep the loop alive */
    bool owns_loop;
    bool closed; /* the reactor is, with its handles */
    uv_loop_t own_loop;
    struct logger log;
    struct reactor reactor;
    struct value_scratch scratch;
    struct packer packer;
    struct frame_pool frames;
    struct slab wait_slab;    /* struct ack_wait */
    struct list tls_contexts; /* of its clients: struct tls_context.joined */
};

/**
 * Makes a host without clients, and with one reference, the caller's.
 *
 * @param loop  NULL: one of its own
 * @return 0; SIO_ERR_NOMEM or a code of the system; a loop of the application has to run on for a
 *         moment then
 */
int sio__client_host_new(uv_loop_t *loop, struct client_host **ret_host);

/** Takes and drops references; NULL is fine. From any thread. */
struct client_host *sio__client_host_ref(struct client_host *h);
void sio__client_host_unref(struct client_host *h);

/** A client comes. */
void sio__client_host_enter(struct client_host *h);

/** A client leaves; with the last one the reactor closes. */
void sio__client_host_leave(struct client_host *h);

/** Turns its own loop until the reactor is closed, and closes the loop. */
void sio__client_host_close_loop(struct client_host *h);

/** One client more, or less, keeps the loop alive. */
void sio__client_host_wake(struct client_host *h);
void sio__client_host_rest(struct client_host *h);

#endif /* SOCKETIO_CLIENT_HOST_H */
