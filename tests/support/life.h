/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The life of a client, for tests of its end: a client that is run in one of four ways, with every
 * callback there is, each of which can be made to free or close it; a server on a thread of its
 * own; and a mute server that leaves clients waiting at a certain place.
 *
 *     struct life l;
 *     life_begin(&l, LIFE_THREAD, url, NULL);
 *     life_run(&l);
 *     life_wait_count(&l, LIFE_ON_CONNECT, 1);
 *     life_act(&l, LIFE_FREE);
 *     life_end(&l);
 */
#ifndef SUPPORT_LIFE_H
#define SUPPORT_LIFE_H

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sio/sio.h>
#include <sio/uv.h>

/* ---- servers ---- */

/**
 * A server on a thread. "/" knows these events: "echo" is acknowledged with its arguments, "event"
 * is sent back as an event, "silent" is never acknowledged, "kick" ends the socket. "/refused"
 * refuses, "/slow" never answers CONNECT. More than LIFE_TOO_BIG bytes end the connection.
 */
struct life_server {
    sio_server *server;
    pthread_t thread;
    sio_next *next; /* of "/slow" */
    atomic_int asked;
    char url[64];
};

#define LIFE_TOO_BIG 10000

void life_server_start(struct life_server *server);
void life_server_stop(struct life_server *server);

enum life_stub_kind {
    LIFE_STUB_MUTE,    /* reads, and answers nothing */
    LIFE_STUB_UPGRADE, /* answers the handshake by polling, and nothing after it */
    LIFE_STUB_SESSION  /* the same, without offering an upgrade */
};

/** A mute server on a thread. */
struct life_stub {
    enum life_stub_kind kind;
    int fd;
    int stop[2];
    uint16_t port;
    pthread_t thread;
    atomic_bool reached; /* the client waits for the answer that does not come */
};

void life_stub_start(struct life_stub *stub, enum life_stub_kind kind);
void life_stub_stop(struct life_stub *stub);

/* ---- clients ---- */

enum life_mode { LIFE_THREAD, LIFE_RUN, LIFE_LOOP, LIFE_TICK, LIFE_MODES };

/** Callbacks, all that there are. */
enum life_callback {
    LIFE_ON_CONNECT,
    LIFE_ON_CONNECT_ERROR,
    LIFE_ON_DISCONNECT,
    LIFE_ON_EVENT,
    LIFE_ON_ANY,
    LIFE_ON_ANY_OUTGOING,
    LIFE_ON_ACK,
    LIFE_ON_AUTH,
    LIFE_ON_TRACE,
    LIFE_ON_POST,
    LIFE_ON_NOTICE, /* and those of enum sio_notice_kind */
    LIFE_CALLBACKS = LIFE_ON_NOTICE + SIO_NOTICE_COUNT
};

enum life_action {
    LIFE_NOTHING,
    LIFE_FREE,
    LIFE_CLOSE,
    LIFE_CLOSE_AND_FREE,
    LIFE_DISCONNECT,
    LIFE_RECONNECT, /* disconnect and connect of the socket */
    LIFE_REOPEN,    /* close and open of the client */
    LIFE_ACTIONS
};

struct life {
    enum life_mode mode;
    sio_client *client;
    sio_socket *s; /* a reference */
    pthread_t runner;
    pthread_t *helper;    /* a thread of the test that uses the socket; NULL: none */
    pthread_mutex_t lock; /* of posts, against the end */
    atomic_int deed;      /* enum life_action, that was posted */
    uv_loop_t loop;
    bool has_begun;          /* somebody runs it */
    bool busy;               /* emits, asks and breaks the connection again and again */
    bool keep_auth;          /* the payload of CONNECT is given by the test */
    sio_auth_request *auth;  /* that was kept */
    int act_on;              /* enum life_callback */
    int act_at;              /* with the call of this number, from 1 */
    enum life_action action; /* that is done then */
    atomic_int counts[LIFE_CALLBACKS];
    atomic_bool freeing; /* somebody does it, or has done it */
    atomic_bool over;    /* sio_client_free() has returned */
    atomic_int late;     /* callbacks after that */
    atomic_int asked;    /* questions that were taken */
    atomic_int told;     /* their callbacks */
    atomic_int run_result;
    atomic_bool run_ended;
    int64_t free_ms; /* how long sio_client_free() has taken */
    pthread_t freed_by;
};

/** Makes a client with one socket. @param options  may be NULL */
void life_begin(struct life *l, enum life_mode mode, const char *url,
                const sio_client_options *options);

/** Begins to run it. */
void life_run(struct life *l);

/** Does something to the client, on a thread that may do it. */
void life_act(struct life *l, enum life_action action);

/** Runs the client until a condition holds; the test fails when it does not. */
void life_wait(struct life *l, bool (*condition)(struct life *l));
void life_wait_count(struct life *l, int callback, int count);

/** Runs it for a few turns. */
void life_turn(struct life *l);

/** Frees the client if that was not done, waits for the end of its threads, and checks: freeing was
 * quick, no callback has come late, sockets that are held are safe. */
void life_end(struct life *l);

/** Milliseconds of a clock. */
int64_t life_now_ms(void);

#endif /* SUPPORT_LIFE_H */
