/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * What the requests of a client's transports have in common: the target, the cookies, and why a
 * transport has failed.
 */
#ifndef ENGINEIO_EIO_REQUEST_H
#define ENGINEIO_EIO_REQUEST_H

#include <stdarg.h>

#include "base/buf.h"
#include "engineio/eio_client.h"
#include "net/reactor.h"
#include "proto/http1.h"

/** Most bytes of the target of a request. */
#define EIO_REQUEST_MAX 65535u

/** Bytes of a Cookie line that servers take: Apache httpd does up to 8190, nginx up to 8192. */
#define EIO_COOKIE_LINE_MAX 8190u

#define EIO_FAILURE_TEXT_MAX 512

/** Why a transport, or the connection, has ended. */
struct eio_failure {
    int reason; /* enum sio_reason */
    int cause;  /* enum sio_cause */
    int status; /* an error code; 0: in order */
    char text[EIO_FAILURE_TEXT_MAX];
};

/** Fills one in: a transport error, with a text by a format of printf. */
void sio__eio_failure_set(struct eio_failure *f, int cause, int status, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/** The cause that goes with the status of a link or a stream. */
int sio__eio_failure_cause(int status);

/** What HTTP1_ERROR means at a parser of responses. @return SIO_ERR_PROTO, SIO_ERR_TOO_BIG or
 * SIO_ERR_NOMEM, with the cause */
int sio__eio_response_failure(const struct http1_parser *p, const struct http1_result *result,
                              int *ret_cause);

/**
 * Appends the target of a request (sio__url_write_target()).
 *
 * @param transport  SIO_POLLING or SIO_WEBSOCKET
 * @param sid        of the session; empty for the first request
 * @return 0; SIO_ERR_NOMEM, SIO_ERR_TOO_BIG, SIO_ERR_INVALID, or a negative errno without
 *         randomness
 */
int sio__eio_request_target(const struct eio_client_config *config, struct reactor *r,
                            int transport, struct text sid, struct buf *out);

/**
 * Appends the Cookie field of a request, as a line with CRLF; nothing without cookies. There is one
 * such field at most (RFC 6265 5.4): first come the application's cookies, then those of the jar,
 * as far as the line has room within EIO_COOKIE_LINE_MAX.
 *
 * @return 0; SIO_ERR_NOMEM, SIO_ERR_TOO_BIG
 */
int sio__eio_request_cookies(const struct eio_client_config *config, struct text target,
                             struct buf *out);

/** Keeps the cookies that an answer sets. Those that there is no memory for are lost. */
void sio__eio_request_keep_cookies(const struct eio_client_config *config, struct text target,
                                   const struct http1_head *head);

#endif /* ENGINEIO_EIO_REQUEST_H */
