/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Serving the official browser client below the engine's path: GET /socket.io/socket.io.js and its
 * siblings.
 */
#ifndef ENGINEIO_BUNDLE_H
#define ENGINEIO_BUNDLE_H

#include "engineio/client_bundle.h"
#include "engineio/engine.h"

/** The file that a request is for; NULL when it is for none, or serving is off. */
const struct client_bundle_file *sio__bundle_find(const struct engine *e,
                                                  const struct http1_head *head);

/** Answers a request for conn->file. */
void sio__bundle_answer(struct http_conn *conn);

#endif /* ENGINEIO_BUNDLE_H */
