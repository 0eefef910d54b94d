/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * HTTP/1.0 and HTTP/1.1 messages (RFC 9110, RFC 9112): requests and responses are read, their heads
 * are written.
 *
 * The reader is pulled: sio__http1_parse() eats input up to the next event, and the caller decides
 * when to go on. A message gives HTTP1_HEAD, any number of HTTP1_BODY, HTTP1_DONE. However the
 * input is cut, the events are the same but for the cuts between the HTTP1_BODY pieces.
 *
 * It is strict, because every liberty is a way to smuggle requests past a proxy: one meaning or
 * none. Refused are, among others: HTTP versions other than 1.0 and 1.1; bare CR or LF; folded
 * lines; blanks around field names; NUL and other control bytes; a repeated Content-Length; a
 * Content-Length together with a Transfer-Encoding; transfer codings other than "chunked", and any
 * in HTTP/1.0; a request without exactly one Host (HTTP/1.0 may omit it); a response that has no
 * body by its status, 304 apart, but speaks of one.
 *
 * Memory is bounded by the limits: a head is only copied when it came in pieces, or when it has to
 * outlive the input; bodies and trailers are never stored.
 */
#ifndef PROTO_HTTP1_H
#define PROTO_HTTP1_H

#include <llhttp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/text.h"

/** Caps of the limits below; larger values count as these. */
#define HTTP1_HEAD_MAX    65535u
#define HTTP1_HEADERS_MAX 1024u

/** Interim responses (RFC 9110 15.2) that may come before the one that counts. */
#define HTTP1_INTERIM_MAX 16

/** What a peer may send. Zero allows nothing at all: fill in every member. */
struct http1_limits {
    uint32_t max_head_bytes; /* first line, fields, blank line; a chunk's line; the trailer */
    uint32_t max_headers;    /* fields of the head */
    uint64_t max_body_bytes; /* payload, without the framing of chunks */
};

/** One field of a head: places in http1_head.raw. Blanks around the value are not included. */
struct http1_field {
    uint16_t name_at;
    uint16_t name_len;
    uint16_t value_at;
    uint16_t value_len;
};

/**
 * A message's head, part of the parser. All text points into memory that holds the whole head
 * contiguously: the input of sio__http1_parse() if the head came in one piece, else the parser's.
 * It is valid until sio__http1_next_message(), unless the input is overwritten earlier; before
 * HTTP1_MORE is returned, and by sio__http1_keep(), the head moves into the parser's memory. So
 * read the members again after a call; copies of a struct text may be stale.
 */
struct http1_head {
    struct text raw;    /* the head as it came, up to and including the blank line */
    struct text method; /* request: in capitals, as it came: one of the registered methods */
    struct text target; /* request: not decoded, not empty, without blanks or control bytes */
    struct http1_field *fields;
    uint32_t field_count;
    uint8_t minor;           /* HTTP/1.<minor>: 0 or 1 */
    bool keep_alive;         /* the connection may serve another request */
    bool upgrade;            /* HTTP/1.1, "Connection: upgrade", an Upgrade field; response: 101 */
    bool chunked;            /* the body, if there is one, is chunked */
    bool has_length;         /* a Content-Length was sent */
    bool expect_continue;    /* request: HTTP/1.1 and "Expect: 100-continue" */
    int status;              /* response: 101, or 200 to 999 */
    uint64_t content_length; /* 0 unless has_length */
};

enum http1_event {
    HTTP1_MORE,  /* the input is eaten, more is needed */
    HTTP1_HEAD,  /* the head is complete: see http1_parser.head */
    HTTP1_BODY,  /* a piece of the body (never empty): http1_result.body, points into the input */
    HTTP1_DONE,  /* the message is complete: next comes sio__http1_next_message() */
    HTTP1_ERROR, /* answer a request with http1_result.status; close; stays so for all calls */
};

struct http1_result {
    size_t used;      /* bytes of the input that were eaten, set for every event */
    struct text body; /* HTTP1_BODY */
    int status;       /* HTTP1_ERROR: 400, 413, 414, 431, 500 (out of memory), 501 or 505; for
                         responses the same numbers tell the kind of the error */
    const char *rule; /* HTTP1_ERROR: which rule was broken, static text for logs */
};

/** One per connection; may be moved between calls. Members other than head are private. */
struct http1_parser {
    struct http1_head head;
    const struct http1_limits *limits;
    llhttp_t http;
    struct buf bytes;    /* the head, as far as it is kept here */
    const char *input;   /* of the call that is running */
    const char *rule;    /* that was broken, in PHASE_FAILED */
    struct text piece;   /* of a chunk, found by the call that is running */
    uint64_t body_left;  /* of the length, or of the limit for a body that ends with the input */
    uint64_t body_bytes; /* sum of the chunks' sizes so far */
    uint32_t fields_cap; /* of head.fields */
    uint32_t head_bytes; /* of the head so far; then of framing since the last byte of the body */
    uint16_t method_len; /* places in the head, as in struct http1_field */
    uint16_t target_at;
    uint16_t target_len;
    uint16_t status; /* to be answered, in PHASE_FAILED */
    uint8_t phase;
    uint8_t span; /* which part of a field came last */
    bool has_version;
    bool asked_head;       /* the response answers HEAD */
    uint8_t interim_count; /* interim responses before this one */
};

/**
 * Makes a parser for requests. Allocates nothing.
 *
 * @param limits  borrowed, has to outlive the parser
 */
void sio__http1_init(struct http1_parser *p, const struct http1_limits *limits);

/** Makes a parser for responses. As sio__http1_init(). */
void sio__http1_init_responses(struct http1_parser *p, const struct http1_limits *limits);

/**
 * Tells which method was asked with, because a response to HEAD has no body. For each response
 * before its first byte; GET is assumed. Not for CONNECT.
 */
void sio__http1_set_method(struct http1_parser *p, struct text method);

/** Frees what the parser holds. NULL and zeroed memory are fine. */
void sio__http1_done(struct http1_parser *p);

/**
 * Eats input up to the next event.
 *
 * Call again with the rest (data + ret->used) until HTTP1_MORE, HTTP1_ERROR or HTTP1_DONE. After
 * HTTP1_HEAD or HTTP1_BODY the rest may be empty: the call still tells whether the message is done.
 * After HTTP1_DONE nothing is eaten and HTTP1_DONE is repeated until sio__http1_next_message().
 *
 * Upgrade: a request with head.upgrade is like any other; input behind its end (mostly that of its
 * head) stays untouched. Who declines the upgrade goes on with sio__http1_next_message().
 *
 * Too large a body: a Content-Length over the limit gives HTTP1_HEAD, then HTTP1_ERROR 413 from the
 * next call whatever its input. A chunk that goes over the limit gives HTTP1_ERROR 413 as soon as
 * its size was read, before a byte of it.
 *
 * Interim responses are skipped. Status 101 is not one of them: it has no body, what comes behind
 * its head stays untouched, and HTTP/1 is over.
 *
 * A response with neither length nor chunks goes on until sio__http1_end(). Of its body all that
 * keeps the limit is given before HTTP1_ERROR 413.
 *
 * One empty line before a request line is skipped (RFC 9112 2.2).
 *
 * @param data  input, may be NULL if len is 0; HTTP1_HEAD and HTTP1_BODY point into it
 * @param ret   result, see struct http1_result; members that the event has no use for are unchanged
 */
enum http1_event sio__http1_parse(struct http1_parser *p, const char *data, size_t len,
                                  struct http1_result *ret);

/** After HTTP1_ERROR 431: whether it was the number of fields; else it was the size. */
bool sio__http1_has_too_many_fields(const struct http1_parser *p);

/**
 * Tells that the input has ended. The caller has to know that it was the peer who ended it: over
 * TLS that takes a close_notify.
 *
 * @param ret  as for sio__http1_parse()
 * @return HTTP1_DONE if the message is complete (now, or was so before), else HTTP1_ERROR, also
 *         when nothing of it has come
 */
enum http1_event sio__http1_end(struct http1_parser *p, struct http1_result *ret);

/**
 * Makes the head independent of the input, between HTTP1_HEAD and sio__http1_next_message().
 * Its text moves; nothing happens if that was done before.
 *
 * @return 0 or SIO_ERR_NOMEM (the head is as before)
 */
int sio__http1_keep(struct http1_parser *p);

/** After HTTP1_DONE: drops the head, makes the parser ready for the next message. */
void sio__http1_next_message(struct http1_parser *p);

/**
 * The value of the first field of this name; data is NULL if there is none.
 *
 * @param name  in lower case; upper and lower case of the field do not matter
 */
struct text sio__http1_field(const struct http1_head *head, const char *name);

/** Number of fields of this (lower case) name. */
uint32_t sio__http1_field_count(const struct http1_head *head, const char *name);

/** Name (as it came) and value of field number i, i < head->field_count. */
void sio__http1_field_at(const struct http1_head *head, uint32_t i, struct text *ret_name,
                         struct text *ret_value);

/**
 * Takes the next member off a comma-separated list (RFC 9110 5.6.1): blanks around it are dropped,
 * empty members are skipped. Commas within quoted strings do not separate.
 *
 * @param rest  what is left of the list, advanced
 * @return false at the end of the list
 */
bool sio__http1_list_next(struct text *rest, struct text *ret_item);

/** Whether a list-valued field, taken over all its lines, has this (lower case) token. */
bool sio__http1_list_has(const struct http1_head *head, const char *name, const char *token);

/** The registered reason phrase of a status, "Unknown" for others. */
const char *sio__http1_reason(int status);

/**
 * Writers of heads of HTTP/1.1: request or status line, fields, blank line, in this order. Each
 * writes all or nothing.
 *
 * @return 0; SIO_ERR_NOMEM or SIO_ERR_TOO_BIG from the buffer; SIO_ERR_INVALID if a status has not
 *         three digits, a method or name is no token, a value has control bytes other than a tab (a
 *         CR or LF would end the field: RFC 9110 5.5), or a target is empty, or has a fragment,
 *         blanks, control bytes or bytes over 0x7E
 */
int sio__http1_write_request_line(struct buf *out, struct text method, struct text target);
int sio__http1_write_status(struct buf *out, int status);
int sio__http1_write_field(struct buf *out, struct text name, struct text value);
int sio__http1_write_length(struct buf *out, uint64_t content_length);
int sio__http1_write_end(struct buf *out);

/**
 * Writes a field as sio__http1_write_field(), unless its value is empty, or others replace it.
 *
 * @param others  fields that follow or precede it, as lines with CRLF
 */
int sio__http1_write_default(struct buf *out, struct text others, struct text name,
                             struct text value);

#endif /* PROTO_HTTP1_H */
