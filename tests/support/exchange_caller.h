/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The owner of an exchange with a peer (peer.h), and what it was told.
 */
#ifndef SUPPORT_EXCHANGE_CALLER_H
#define SUPPORT_EXCHANGE_CALLER_H

#include "engineio/exchange.h"
#include "support/peer.h"

#define OK_EMPTY   "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define OK_BRIEFLY "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=2\r\nContent-Length: 0\r\n\r\n"
#define OK_HELLO   "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

/** What a callback does with its exchange. */
enum caller_reaction { CALLER_RETURNS, CALLER_FREES, CALLER_RESTARTS, CALLER_RESTARTS_AND_FREES };

struct caller {
    struct peer *peer;
    struct exchange_server server;
    struct exchange *exchange; /* NULL when it was freed */
    int answers;
    int failures;
    int told; /* of both, those that the test has looked at */
    int status;
    char text[400]; /* of the failure, or the body */
    size_t body_len;
    enum caller_reaction reaction; /* in the next callback */
};

extern const struct exchange_request caller_get;
extern const struct exchange_request caller_post; /* with the body "4hi" */
extern const struct exchange_ops caller_ops;

/** Prepares all but the exchange. */
void caller_set_up(struct caller *c, struct peer *p);

/** Makes a peer and an exchange. */
void caller_begin(struct caller *c);

/** Ends both, and sees that nothing is left. */
void caller_end(struct caller *c);

/** Starts a request, which calls nobody. */
void caller_start(struct caller *c, const struct exchange_request *request);

/** Waits for the one callback that comes next. */
void caller_expect(struct caller *c, bool failure);
void caller_expect_answer(struct caller *c, int status, const char *body);

/** After a failure, there is no connection. */
void caller_expect_failure(struct caller *c, int status, const char *text);

/** The next connection, without the head of the first request on it. */
struct peer_conn *caller_accept(struct caller *c);

/** GET over a new connection, with success. */
struct peer_conn *caller_exchange(struct caller *c, const char *answer, const char *body);

/** No request runs; for peer_run(). */
bool caller_is_idle(void *caller);

/** No connection is open at this end; for peer_run(). */
bool caller_has_no_stream(void *caller);

/** Contexts of a server, and of a client that does not mind its certificate. */
void caller_tls_contexts(struct tls_context **ret_server, struct tls_context **ret_client);

#endif /* SUPPORT_EXCHANGE_CALLER_H */
