/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Requests of other paths: handed to the application, answered by it now or later (sio_response of
 * <sio/http.h>).
 */
#ifndef ENGINEIO_APP_REQUEST_H
#define ENGINEIO_APP_REQUEST_H

#include "base/text.h"

struct http_conn;

/** Asks the application, or answers 404 when it has no handler. */
void sio__app_request(struct http_conn *conn, struct text body);

/** The connection ends: an answer that is still to come goes nowhere. */
void sio__app_request_abandon(struct http_conn *conn);

#endif /* ENGINEIO_APP_REQUEST_H */
