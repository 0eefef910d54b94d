/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * What the files of the HTTP/1 parser share, for nobody else: http1.c reads heads and bodies,
 * http1_request.c and http1_response.c know what is particular to the heads of either kind.
 */
#ifndef PROTO_HTTP1_CORE_H
#define PROTO_HTTP1_CORE_H

#include "proto/http1.h"

/* Values of http1_parser.phase. */
enum http1_phase {
    PHASE_START, /* nothing came yet; responses begin with PHASE_HEAD */
    PHASE_CR,    /* the first half of an empty line */
    PHASE_LF,    /* the empty line */
    PHASE_HEAD,
    PHASE_LENGTH, /* body of known length */
    PHASE_CHUNKS,
    PHASE_TO_END, /* body that ends with the input */
    PHASE_DONE,
    PHASE_FAILED,
};

/** Whether these are responses, not requests. */
static inline bool sio__http1_is_response(const struct http1_parser *p) {
    return p->http.type == HTTP_RESPONSE;
}

/**
 * Notes an error for the event HTTP1_ERROR.
 *
 * @param rule  static text
 * @return not 0: as the result of a callback it stops llhttp
 */
int sio__http1_refuse(struct http1_parser *p, int status, const char *rule);

/**
 * Checks the field Transfer-Encoding, sets head.chunked (RFC 9112 6.1).
 *
 * @return 0, or the result of sio__http1_refuse()
 */
int sio__http1_check_coding(struct http1_parser *p);

/**
 * Check a head of which all fields are known, and set the members that are particular to its kind.
 *
 * @return the phase that comes behind the head: PHASE_HEAD after an interim response, of which
 *         nothing is told; PHASE_FAILED, noted by sio__http1_refuse()
 */
enum http1_phase sio__http1_end_request(struct http1_parser *p);
enum http1_phase sio__http1_end_response(struct http1_parser *p);

#endif /* PROTO_HTTP1_CORE_H */
