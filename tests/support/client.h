/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * A Socket.IO client for tests: a session on polling or WebSocket, its packets as text.
 *
 * It answers heartbeats by itself. Everything else that the server sends stands in one queue, in
 * order: Engine.IO packets as they are written on a WebSocket, without a type for binary ones.
 * Functions that wait return false or NULL when the session has ended, or nothing moves any
 * more; the _expect functions fail the test then.
 */
#ifndef SUPPORT_CLIENT_H
#define SUPPORT_CLIENT_H

#include "support/wire.h"

/** A received packet; borrowed until the next one is received. */
struct packet {
    struct packet *next;
    bool binary;
    size_t len;
    char data[]; /* NUL-terminated */
};

struct client {
    struct harness *h;
    struct wire *ws;     /* the WebSocket, NULL on polling */
    struct wire *get;    /* on polling: connection of the GETs */
    struct wire *post;   /* on polling: connection of the POSTs */
    char *path;          /* request target of the session, on polling */
    size_t asking;       /* GETs without answer yet */
    size_t posting;      /* POSTs without answer yet */
    bool post_failed;    /* one was not answered with 200 */
    bool silent;         /* do not answer heartbeats */
    bool ended;          /* session is over, as far as the client knows */
    char sid[64];        /* of the session */
    char socket_sid[64]; /* of the namespace joined last */
    struct packet *head; /* received */
    struct packet **tail;
    struct packet *taken; /* the last one received */
};

/** Opens a session (SIO_POLLING or SIO_WEBSOCKET) on the default path; fails the test when it is
 * refused. */
struct client *client_open(struct harness *h, unsigned transport);

/** As client_open(), with extra header fields; NULL when it is refused. */
struct client *client_try_open(struct harness *h, unsigned transport, const char *fields);

/** Opens a session on WebSocket and joins "/". */
struct client *client_join_root(struct harness *h);

/** Ends the connections, without a good-bye, and frees it; NULL is fine. */
void client_close(struct client *c);

/** Moves a session from polling to WebSocket. @return whether it was done */
bool client_upgrade(struct client *c);

/** Sends packets as text; on polling waits for the answer to the POST. @return whether they were
 * taken */
bool client_send(struct client *c, const char *packet);

/** The same with a format of printf. */
bool client_sendf(struct client *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Sends a binary packet (an attachment). */
bool client_send_binary(struct client *c, const void *data, size_t len);

/** Waits for the next packet. */
const struct packet *client_receive(struct client *c);

/** Takes a packet that is there already; NULL when there is none. Does not run the loop. */
const struct packet *client_poll(struct client *c);

/**
 * Joins a namespace ("/", "/chat") without a payload and waits for the answer.
 *
 * @return true and c->socket_sid; false when it was refused: see the packet in c->taken
 */
bool client_try_join(struct client *c, const char *nsp);

/** As client_try_join(); fails the test when it is refused. */
void client_join(struct client *c, const char *nsp);

/** Waits for the next packet and requires it to be this text. */
void client_expect_at(struct client *c, const char *packet, const char *file, int line);
#define client_expect(c, packet) client_expect_at(c, packet, __FILE__, __LINE__)

/** Waits for the next packet and requires it to be these bytes. */
void client_expect_binary_at(struct client *c, const void *data, size_t len, const char *file,
                             int line);
#define client_expect_binary(c, data, len) client_expect_binary_at(c, data, len, __FILE__, __LINE__)

/** Waits for the end of the session, skipping packets. */
bool client_wait_end(struct client *c);

/** Requires that an echo comes and nothing before it: "42["echo",..]" is answered by the server's
 * handler. */
void client_expect_alive_at(struct client *c, const char *file, int line);
#define client_expect_alive(c) client_expect_alive_at(c, __FILE__, __LINE__)

/** Registers the handler of "echo": it answers with the same event and arguments, or acknowledges
 * with them. */
void harness_echo(sio_ns *ns);

#endif /* SUPPORT_CLIENT_H */
