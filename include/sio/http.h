/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The HTTP requests behind the sockets: who connects, with which headers, and how to answer
 * requests that are not Socket.IO's.
 */
#ifndef SIO_HTTP_H
#define SIO_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sio/api.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A received request head; opaque, borrowed, immutable. */
typedef struct sio_request sio_request;

/** Header fields of an answer that hooks may change; opaque, valid inside the hook. */
typedef struct sio_headers sio_headers;

/** The answer to one request; opaque. */
typedef struct sio_response sio_response;

/** A decision that is still to be made; opaque. */
typedef struct sio_next sio_next;

/** Method, for example "GET". [owner] Borrowed from the request. */
SIO_API const char *sio_request_method(const sio_request *req);

/**
 * Request target as it was sent, for example "/socket.io/?EIO=4&transport=polling". [owner]
 * Borrowed.
 */
SIO_API const char *sio_request_url(const sio_request *req);

/**
 * Reads a query parameter, decoded (percent and plus). [owner]
 *
 * @param name    its name; when it is given more than once the last one counts
 * @param buffer  receives the value, NUL-terminated and cut to size
 * @return the length of the whole value in bytes; SIO_ERR_NOT_FOUND, SIO_ERR_INVALID, SIO_ERR_NOMEM
 */
SIO_API int sio_request_query(const sio_request *req, const char *name, char *buffer, size_t size);

/**
 * Reads a header field. [owner]
 *
 * @param name  its name, in any case
 * @return the value, borrowed from the request; repeated fields are joined with ", "; NULL when
 *         absent
 */
SIO_API const char *sio_request_header(const sio_request *req, const char *name);

/**
 * Walks all header fields; names are in lower case. [owner]
 *
 * @param cursor  start with 0
 * @return true and both strings, borrowed from the request; false at the end
 */
SIO_API bool sio_request_next_header(const sio_request *req, size_t *cursor, const char **ret_name,
                                     const char **ret_value);

/** Numeric address of the peer, for example "192.0.2.7" or "2001:db8::1". [owner] Borrowed. */
SIO_API const char *sio_request_address(const sio_request *req);

/** Port of the peer. [owner] */
SIO_API uint16_t sio_request_port(const sio_request *req);

/** True when the connection is encrypted. [owner] */
SIO_API bool sio_request_secure(const sio_request *req);

/**
 * True when the request has an Origin header (xdomain of the official handshake object). [owner]
 */
SIO_API bool sio_request_cross_domain(const sio_request *req);

/** When the request came, in milliseconds since 1970. [owner] */
SIO_API int64_t sio_request_issued_ms(const sio_request *req);

/**
 * Sets a header field of the answer and removes others of its name. [owner]
 *
 * @return 0; SIO_ERR_INVALID when the name is no token or the value holds CR, LF or NUL, and for
 *         Content-Length, Transfer-Encoding and Connection, which are the library's; SIO_ERR_NOMEM
 */
SIO_API int sio_headers_set(sio_headers *headers, const char *name, const char *value);

/** As sio_headers_set(), but keeps others of its name (Set-Cookie). [owner] */
SIO_API int sio_headers_add(sio_headers *headers, const char *name, const char *value);

/** Removes all header fields of a name. [owner] */
SIO_API void sio_headers_remove(sio_headers *headers, const char *name);

/** Value of a header field of the answer, or NULL. [owner] Borrowed until the next change. */
SIO_API const char *sio_headers_get(const sio_headers *headers, const char *name);

/**
 * Answers a request that is not Socket.IO's (see sio_server_on_request()).
 *
 * @param req   the request, valid until the answer was sent
 * @param body  of the request, with its length; valid until the callback returns
 * @param res   the answer; must be ended by exactly one sio_response_send(), now or later
 */
typedef void (*sio_request_fn)(const sio_request *req, const void *body, size_t len,
                               sio_response *res, void *user);

/** Header fields of the answer, to be set before it is sent. [owner] Borrowed from the answer. */
SIO_API sio_headers *sio_response_headers(sio_response *res);

/**
 * Sends the answer and ends it; `res` is gone afterwards. [owner]
 *
 * Content-Length is added. When the client went away meanwhile nothing is sent.
 *
 * @param status  200 to 599
 * @param body    copied; may be NULL when len is 0. Not sent in answer to HEAD.
 * @return 0; SIO_ERR_CLOSED, SIO_ERR_INVALID, SIO_ERR_TOO_BIG (more than 64 KiB of header fields)
 * or SIO_ERR_NOMEM (the connection is then closed)
 */
SIO_API int sio_response_send(sio_response *res, int status, const void *body, size_t len);

/**
 * Lets a pending decision pass. [owner] Now or later; `next` is gone afterwards.
 *
 * Exactly one of sio_next_ok() and sio_next_fail() must be called for every `next`. When the client
 * went away meanwhile, or the server was closed, the call only frees it.
 */
SIO_API void sio_next_ok(sio_next *next);

/**
 * Refuses. [owner] Now or later; `next` is gone afterwards.
 *
 * @param message    text for the client, NULL for the default of the place
 * @param data_json  JSON text that a refused Socket.IO client finds in err.data, or NULL; ignored
 *                   by allow_request; text that is no JSON is left out and logged
 */
SIO_API void sio_next_fail(sio_next *next, const char *message, const char *data_json);

#ifdef __cplusplus
}
#endif

#endif /* SIO_HTTP_H */
