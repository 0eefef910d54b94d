/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * HTTP/1.1 of a client: requests to one server, one at a time, over a connection that is kept.
 *
 * The polling transport has two of them, for GET and POST. A connection that the server has closed
 * between two requests is opened anew, and a request whose kept connection breaks within a second,
 * before a byte of the answer came, is sent once more over a new one if it is a GET (RFC 9110
 * 9.2.2): a POST may have been taken already, so it fails. So that this does not happen, a
 * connection that is about to end by the server's word ("Keep-Alive: timeout=5") is not used any
 * more.
 *
 * The bytes of the answer's body are gathered, up to a limit. A body with a content coding, which
 * is not asked for, is refused with a status that means success, and left out with others.
 *
 * An answer that comes before the request is wholly sent is taken, and ends the connection.
 */
#ifndef ENGINEIO_EXCHANGE_H
#define ENGINEIO_EXCHANGE_H

#include "base/buf.h"
#include "engineio/link.h"
#include "proto/http1.h"

/** An answer; all of it borrowed for the callback, in which another request may be started. */
struct exchange_answer {
    int status;
    const struct http1_head *head;
    struct text body;
};

struct exchange_ops {
    /** The answer, whatever its status is. */
    void (*on_answer)(void *owner, const struct exchange_answer *answer);
    /**
     * There is none.
     *
     * @param cause         enum sio_cause
     * @param status, text  as in struct link_ops; also SIO_ERR_PROTO (malformed HTTP, or a content
     *                      coding), SIO_ERR_TOO_BIG, SIO_ERR_CLOSED (the connection was closed
     *                      before its end)
     */
    void (*on_failed)(void *owner, int cause, int status, const char *text);
};

/** What all requests to a server have in common; borrowed, outlives the exchanges. */
struct exchange_server {
    struct link_target link;
    struct text authority;       /* value of Host */
    struct text fields;          /* the application's header fields, as lines with CRLF; Host,
                                    User-Agent and Accept replace those of the exchange */
    struct text user_agent;      /* empty: none is sent */
    struct http1_limits limits;  /* of answers */
    uint32_t link_timeout_ms;    /* for a connection; 0: none */
    uint32_t request_timeout_ms; /* for an answer, from the start; 0: none */
};

/** A request; borrowed until sio__exchange_start() returns. */
struct exchange_request {
    struct text method; /* "GET" or "POST" */
    struct text target;
    struct text fields; /* of this request, as lines with CRLF: Cookie, Content-Type */
    struct text body;   /* copied */
};

struct exchange;

/** Makes one without a connection. NULL when out of memory. */
struct exchange *sio__exchange_new(struct reactor *r, const struct exchange_server *server,
                                   const struct exchange_ops *ops, void *owner);

/** Ends it from every state; no callback comes. NULL is fine; allowed in its own callbacks. */
void sio__exchange_free(struct exchange *x);

/**
 * Sends a request; the previous one has to be over. One of the callbacks comes from the loop.
 *
 * @return 0; SIO_ERR_NOMEM; SIO_ERR_STATE; SIO_ERR_INVALID when method, target or a field that is
 *         written here cannot be in HTTP. After an error no callback comes
 */
int sio__exchange_start(struct exchange *x, const struct exchange_request *request);

/** True between sio__exchange_start() and the callback. */
bool sio__exchange_busy(const struct exchange *x);

#endif /* ENGINEIO_EXCHANGE_H */
