/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * A server, or a proxy, whose every byte the test writes: for clients of HTTP in the same thread.
 * It owns a loop with two reactors, one for the code under test and one for itself, so that it does
 * not matter what it holds when the other one is looked at.
 *
 *     struct peer_conn *c = peer_accept(p);
 *     peer_expect(c, "GET / HTTP/1.1\r\n\r\n");
 *     peer_puts(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
 *     peer_run(p, is_answered, &call);
 *
 * Or it answers by itself, see struct peer_answer; then nothing but its TLS is subject to torture.
 */
#ifndef SUPPORT_PEER_H
#define SUPPORT_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/stream.h"

struct peer;

/** A connection that was accepted. */
struct peer_conn {
    struct peer *peer;
    struct stream *stream; /* NULL when it is closed */
    char *in;              /* input that was not expected yet; followed by NUL */
    size_t in_len;
    size_t in_cap;
    size_t received; /* all input */
    bool ended;
    int status;         /* of the end */
    size_t next_answer; /* of the peer's */
};

/** What a peer that answers by itself does when its turn has come. */
struct peer_answer {
    size_t bytes;     /* waits for so many; 0: for the end of a head */
    const char *data; /* then says this; NULL: begins TLS, without waiting */
    size_t len;       /* 0: a string */
};

#define PEER_CONNS_MAX 512

struct peer {
    uv_loop_t loop;
    struct logger log;
    struct reactor reactor; /* of the code under test */
    struct reactor own;
    uv_poll_t listener;
    uv_timer_t watchdog;
    bool moved; /* something has come since the watchdog has looked */
    int fd;
    uint16_t port; /* it listens there, on 127.0.0.1 */
    size_t closed; /* reactors */
    struct peer_conn conns[PEER_CONNS_MAX];
    size_t count;
    size_t accepted;                   /* of them, those that peer_accept() has told of */
    const struct peer_answer *answers; /* NULL: the test answers. The last one is repeated */
    size_t answer_count;
    struct tls_context *tls; /* of a peer that answers */
    bool suspended;          /* the test has suspended torture itself */
};

/** Listens. */
struct peer *peer_new(void);

/** Closes everything; the code under test must have closed its streams. */
void peer_free(struct peer *p);

/** Runs the loop until the condition holds; the test fails when nothing has come for half a minute.
 * What happens just before the loop sleeps has to wake it, by uv_stop(). */
void peer_run(struct peer *p, bool (*condition)(void *arg), void *arg);

/** Runs the loop for all that can be done at once. */
void peer_turn(struct peer *p);

/** Runs the loop for a time, for tests of periods. */
void peer_pass_ms(struct peer *p, uint64_t ms);

/** Closes all connections, and forgets them. */
void peer_reset_conns(struct peer *p);

/** Waits for the next connection. */
struct peer_conn *peer_accept(struct peer *p);

/** Begins TLS, with a certificate. */
void peer_start_tls(struct peer_conn *c, struct tls_context *context);

/** Waits for exactly these bytes. */
void peer_expect_bytes(struct peer_conn *c, const void *data, size_t len);
void peer_expect(struct peer_conn *c, const char *text);

/** Waits for a head; what follows it stays. @return it, to be freed */
char *peer_head(struct peer_conn *c);

/** Waits until the other side has ended the connection. */
void peer_expect_end(struct peer_conn *c);

void peer_send(struct peer_conn *c, const void *data, size_t len);
void peer_puts(struct peer_conn *c, const char *text);

/** Sends each byte on its own, and has it read before the next. */
void peer_dribble(struct peer_conn *c, const void *data, size_t len);

/** Sends what is queued, and closes. */
void peer_finish(struct peer_conn *c);

/** Closes at once: with a TCP reset, if it is to be rude. */
void peer_close(struct peer_conn *c, bool rudely);

#endif /* SUPPORT_PEER_H */
