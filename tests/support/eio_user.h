/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * A client of Engine.IO that records all it is told, for tests: over a loop of the test's.
 */
#ifndef SUPPORT_EIO_USER_H
#define SUPPORT_EIO_USER_H

#include "engineio/eio_client.h"

/** What the client can be told. */
enum eio_user_event {
    EIO_USER_OPEN,
    EIO_USER_MESSAGE,
    EIO_USER_CLOSE,
    EIO_USER_DRAIN,
    EIO_USER_PING,
    EIO_USER_UPGRADE,
    EIO_USER_UPGRADE_ERROR,
    EIO_USER_TRACE,
    EIO_USER_EVENTS
};

#define EIO_USER_TRACE_BYTES 65536

struct eio_user {
    uv_loop_t *loop;
    struct reactor own;      /* of eio_user_init() */
    struct reactor *reactor; /* that one, or another */
    bool has_own;
    bool reactor_closed;
    struct logger log;
    struct frame_pool frames;
    struct eio_client_config config; /* may be changed until it opens */
    struct eio_client *client;       /* NULL when it was freed */

    size_t counts[EIO_USER_EVENTS];
    size_t *activity; /* grows with every event; or NULL */
    int reason;       /* of the last end */
    int cause;
    int status;
    char text[512];                   /* of the last end or failed upgrade */
    char message[256];                /* the last one that has come, cut, NUL-terminated */
    size_t message_bytes;             /* of all messages */
    bool binary;                      /* the last one was */
    char sid[300];                    /* at the last opening */
    char trace[EIO_USER_TRACE_BYTES]; /* lines: "> 4hello", "< b0102"; cut at the end */
    size_t trace_len;

    bool calling; /* inside a function of the client: no callback may come */
    int frees_in; /* callback in which the client is freed; -1: none */
    void (*on_event)(struct eio_user *u, enum eio_user_event event); /* or NULL */
};

/** Makes a client to 127.0.0.1:port on a reactor of its own on a loop. */
void eio_user_init(struct eio_user *u, uv_loop_t *loop, uint16_t port);

/** The same on a reactor that is there. */
void eio_user_init_on(struct eio_user *u, struct reactor *r, uint16_t port);

/** Makes the client itself, and opens it. @return of these two */
int eio_user_open(struct eio_user *u);

/** Sends a text message, without its type. @return of sio__eio_client_send() */
int eio_user_send(struct eio_user *u, const char *text);

/** Sends a binary message. */
int eio_user_send_binary(struct eio_user *u, const void *data, size_t len);

/** Sends a text, and a binary one, as one frame. */
int eio_user_send_both(struct eio_user *u, const char *text, const void *data, size_t len);

void eio_user_close(struct eio_user *u);

/** Frees everything. */
void eio_user_done(struct eio_user *u);

#endif /* SUPPORT_EIO_USER_H */
