/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Two streams on one reactor, connected over loopback, with TLS or without; and their owners, who
 * note what they are told. Either may be missing: its descriptor is then the test's. Input has to
 * be the pattern of pair_write(), or is compared with a text.
 */
#ifndef SUPPORT_TLS_PAIR_H
#define SUPPORT_TLS_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "net/stream.h"

struct pair;

/** One end. What it is to do in its callbacks is set by the test; the rest is noted. */
struct pair_end {
    struct pair *pair;
    struct stream *stream; /* NULL when it is closed or finished */
    size_t close_at;       /* closes when it has got so many bytes */
    size_t pause_every;    /* pauses each time it has got so many more */
    bool close_when_secured;
    bool finish_at_end; /* instead of closing */

    size_t sent;
    size_t received;
    size_t paused_at; /* bytes received when it paused last */
    size_t inputs;    /* calls of on_input */
    char text[64];    /* the first of them */
    bool pattern_broken;
    bool input_while_paused;
    unsigned secured;
    unsigned drains;
    unsigned ends;
    int status; /* of the end */
    char error[TLS_ERROR_CHARS];
};

struct pair {
    uv_loop_t loop;
    uv_timer_t watchdog;
    struct logger log;
    struct reactor reactor;
    struct pair_end client;
    struct pair_end server;
    int client_fd; /* of an end without a stream, else -1 */
    int server_fd;
    bool closed;
};

/** Prepares loop and reactor. */
void pair_init(struct pair *p);

/** Connects two sockets. @param buffer  size of their buffers; 0: as the system has it */
void pair_connect(struct pair *p, int buffer);

/** Makes streams of them. */
void pair_open_client(struct pair *p);
void pair_open_server(struct pair *p);

/** Makes a context; failures fail the test. */
struct tls_context *pair_context(const struct tls_options *o, bool is_server);

/**
 * Connects, opens both streams and begins TLS on both.
 *
 * @param host    whom the client expects
 * @param buffer  as in pair_connect()
 */
void pair_connect_tls(struct pair *p, struct tls_context *client, struct tls_context *server,
                      const char *host, int buffer);

/** Closes what is open, so that pair_connect() may come again. */
void pair_disconnect(struct pair *p);

/** Ends everything, and sees that nothing is left. */
void pair_done(struct pair *p);

/** Writes n more bytes of the pattern. */
void pair_write(struct pair_end *e, size_t n);

/** Closes a stream at once, and resets its connection. */
void pair_reset(struct stream *s);

/** Runs the loop until the condition holds; the test fails when it does not within seconds. */
void pair_run(struct pair *p, bool (*condition)(struct pair *p));

/** One turn of the loop, if there is something to do. */
void pair_turn(struct pair *p);

/** Conditions. */
bool pair_is_secured(struct pair *p);     /* both ends */
bool pair_is_over(struct pair *p);        /* no end has a stream that lives */
bool pair_client_ended(struct pair *p);   /* on_end was called */
bool pair_server_ended(struct pair *p);   /* the same */
bool pair_is_transferred(struct pair *p); /* each has got what the other has written */

#endif /* SUPPORT_TLS_PAIR_H */
