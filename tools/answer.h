/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#ifndef SIO_TOOLS_ANSWER_H
#define SIO_TOOLS_ANSWER_H

/*
 * HTTP answers that the pages of the tool have in common. Functions that take a response end it,
 * unless they say otherwise. Errors of the library are left to it: it closes the connection.
 */

#include <sio/http.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

enum { ETAG_BYTES = 64, DATE_BYTES = 32 };

/* What an answer says about its body (RFC 9110 8). */
struct representation {
    const char *type;     /* Content-Type */
    const char *encoding; /* Content-Encoding, or NULL */
    const char *etag;     /* with its quotes, or NULL */
    const char *cache;    /* Cache-Control, or NULL */
    time_t modified;      /* Last-Modified, or 0 */
    bool varies;          /* Vary: Accept-Encoding */
};

/*
 * The path and query of a request, borrowed from it: of "/a?b" and of "http://host/a?b" (RFC 9112
 * 3.2.2) "/a?b". What does not begin with a slash is no path, such as "*".
 */
const char *answer_path(const sio_request *req);

/* Answers with one line of text. */
void answer_text(sio_response *res, int status, const char *text);

/* Answers 405 unless the method is GET or HEAD: false when it did. */
bool answer_allows(const sio_request *req, sio_response *res);

/* True when the client's copy is good (If-None-Match, If-Modified-Since; RFC 9110 13.2.2). */
bool answer_is_fresh(const sio_request *req, const struct representation *r);

/* Answers with 200 and a body. */
void answer_body(sio_response *res, const struct representation *r, const void *body, size_t len);

/* Answers 304: the client's copy is good. */
void answer_not_modified(sio_response *res, const struct representation *r);

/* True when the client takes a content coding, such as "br" (Accept-Encoding, RFC 9110 12.5.3). */
bool answer_may_encode(const sio_request *req, const char *coding);

#endif
