/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * A server and its clients in one thread: the harness owns a loop with a server on it, and serves
 * the sockets of the test's clients (wire.h, client.h) from the same loop. Nothing sleeps: the loop
 * runs until what a test waits for has happened, or nothing moves any more.
 *
 *     static void server_answers(void **state) {
 *         struct harness h;
 *         harness_init(&h, SIO_SERVER_OPTIONS(.max_headers = 10));
 *         sio_ns_on(harness_root(&h), "ping", on_ping, NULL);
 *         harness_listen(&h);
 *         struct client *c = client_open(&h, SIO_WEBSOCKET);
 *         client_join(c, "/");
 *         client_send(c, "42[\"ping\"]");
 *         client_expect(c, "42[\"pong\"]");
 *         client_close(c);
 *         harness_done(&h);
 *     }
 */
#ifndef SUPPORT_HARNESS_H
#define SUPPORT_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sio/uv.h>

/** What has happened in the namespaces that are observed, see harness_observe(). */
struct observed {
    size_t connects;
    size_t disconnects;
    int reason;       /* of the last disconnection, enum sio_reason */
    int cause;        /* the same, enum sio_cause */
    size_t errors;    /* calls of the error callback */
    char error[160];  /* its last message */
    char last_id[64]; /* id of the socket that has connected last */
    size_t drains;    /* calls of the drain callback */
};

struct harness {
    uv_loop_t loop;
    sio_server *server; /* attached to the loop; NULL after harness_close() */
    uint16_t port;
    struct observed seen;

    /**
     * How long to wait for what does not come: until nothing has moved for many seconds, which is
     * what tests want that expect it to come; or, when false, for a few milliseconds. For tests
     * that make the server lose things.
     */
    bool patient;
    /** Tells when patience ends; NULL: never. */
    bool (*may_have_lost)(void);

    uv_poll_t poll;   /* watches `epoll`, which watches the clients' sockets */
    uv_timer_t timer; /* wakes the loop at the end of waiting */
    int epoll;
    bool expired;
    bool closed;     /* the server has closed */
    size_t activity; /* grows with everything that clients read */
    char *log;       /* all that was logged: lines of "level component message" */
    size_t log_len;
    size_t log_cap;
};

/** Something with a socket that the loop has to watch; for wire.h and the like. */
struct harness_watch {
    void (*fn)(struct harness_watch *watch, uint32_t events); /* EPOLLIN .. */
    int fd;
};

/* ---- life ---- */

/**
 * Makes loop and server, with the namespace "/". The server logs to the harness unless the options
 * have a log function.
 *
 * @param options  copied; NULL for the defaults
 */
void harness_init(struct harness *h, const sio_server_options *options);

/** The same, for tests in which it may fail. @return 0, or the error: then nothing is left to free
 */
int harness_try_init(struct harness *h, const sio_server_options *options);

/** The namespace "/". */
sio_ns *harness_root(struct harness *h);

/** Records connections, disconnections, errors and drains of a namespace in h->seen. */
void harness_observe(struct harness *h, sio_ns *ns);

/** Listens on 127.0.0.1, on a port of the system's choice. */
void harness_listen(struct harness *h);

/** The same, for tests in which it may fail. @return 0, or the error */
int harness_try_listen(struct harness *h);

/** Closes and frees the server, and waits for that. Nothing happens when it is closed. */
void harness_close(struct harness *h);

/** Ends it all; clients have to be closed before. */
void harness_done(struct harness *h);

/* ---- waiting ---- */

/**
 * Runs the loop until done(arg) is true.
 *
 * @return whether it is; false at rest, see `patient`
 */
bool harness_wait(struct harness *h, bool (*done)(void *arg), void *arg);

/** Runs the loop until a counter has reached a value at least; fails the test at rest. */
void harness_wait_count_at(struct harness *h, const size_t *counter, size_t value, const char *file,
                           int line);
#define harness_wait_count(h, counter, value)                                                      \
    harness_wait_count_at(h, counter, value, __FILE__, __LINE__)

/** Runs the loop for all that can be done at once. */
void harness_turn(struct harness *h);

/** Runs the loop until nothing has moved for a few milliseconds: for what should not happen. */
void harness_settle(struct harness *h);

/** Runs the loop for a time, for tests of periods. */
void harness_pass_ms(struct harness *h, uint64_t ms);

/* ---- what the server tells ---- */

/** Whether a text was logged. */
bool harness_logged(const struct harness *h, const char *text);

/** Counters and gauges of the server. */
sio_stats harness_stats(const struct harness *h);

/** Counter of one cause, enum sio_cause. */
uint64_t harness_cause(const struct harness *h, int cause);

/** Runs the loop until a cause was counted; fails the test at rest. */
void harness_wait_cause_at(struct harness *h, int cause, const char *file, int line);
#define harness_wait_cause(h, cause) harness_wait_cause_at(h, cause, __FILE__, __LINE__)

/* ---- for clients ---- */

/** Has a socket watched. @param events  EPOLLIN, EPOLLOUT or both */
void harness_watch(struct harness *h, struct harness_watch *w, uint32_t events);

/** Changes the events; 0: it is not watched any more. */
void harness_rewatch(struct harness *h, struct harness_watch *w, uint32_t old_events,
                     uint32_t events);

#endif /* SUPPORT_HARNESS_H */
