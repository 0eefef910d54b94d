/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Cross-origin policy (Fetch standard), with the semantics of the npm package cors, and the Origin
 * check of WebSocket handshakes (RFC 6455 10.2), to which browsers apply no CORS.
 */
#ifndef ENGINEIO_CORS_H
#define ENGINEIO_CORS_H

#include <sio/server.h>

#include "engineio/headers.h"
#include "proto/http1.h"

/** Adds the fields that every answer to this request has. cors may be NULL: none. */
void sio__cors_headers(const sio_cors *cors, const struct http1_head *head, struct sio_headers *h);

/** Adds the further fields of the answer to a preflight (OPTIONS). */
void sio__cors_preflight(const sio_cors *cors, const struct http1_head *head,
                         struct sio_headers *h);

/**
 * True when a WebSocket handshake is acceptable: it has no Origin (not a browser), comes from the
 * page's own host, or the policy allows its origin.
 */
bool sio__cors_websocket_ok(const sio_cors *cors, const struct http1_head *head);

#endif /* ENGINEIO_CORS_H */
