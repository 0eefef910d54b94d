/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * A request head as applications see it (<sio/http.h>): a compact copy, kept as long as its
 * session.
 */
#ifndef ENGINEIO_REQUEST_H
#define ENGINEIO_REQUEST_H

#include <sio/http.h>

#include "net/listener.h"
#include "proto/http1.h"
#include "proto/http_copy.h"

struct sio_request {
    char *address_text; /* made when asked for */
    int64_t issued_ms;  /* since 1970 */
    struct peer_address peer;
    bool secure;
    /* The copy of the head follows in the same block. */
};

/** Copies a request head. @return 0, SIO_ERR_NOMEM */
int sio__request_new(const struct http1_head *head, const struct peer_address *peer, bool secure,
                     struct sio_request **ret_request);

/** Frees it; NULL is fine. */
void sio__request_free(struct sio_request *req);

/**
 * Origin form of a request target: "/path?query" of "http://host/path?query" (RFC 9112 3.2.2),
 * others as they are.
 */
struct text sio__target_origin(struct text target);

/** Host and port of a request: those of its target when that has any, else the Host field (RFC
 * 9112 3.2.2). */
struct text sio__request_host(const struct http1_head *head);

/** Query part of a request target: what follows the first '?'; empty when there is none. */
struct text sio__target_query(struct text target);

/** Path part of a request target: what precedes the first '?'. */
struct text sio__target_path(struct text target);

#endif /* ENGINEIO_REQUEST_H */
