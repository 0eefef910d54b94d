/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * JSON text, written as JSON.stringify() of JavaScript does: UTF-8 as it is, `/` not escaped,
 * numbers with the fewest digits that read back as the same double, in the layout of
 * Number::toString (ECMA-262 6.1.6.1.20).
 *
 * The functions append to a buffer. Besides what is said at each they return 0, SIO_ERR_TOO_BIG
 * (limit of the buffer) or SIO_ERR_NOMEM; after a failure the buffer is as it was before.
 */
#ifndef SIO_PROTO_JSON_WRITE_H
#define SIO_PROTO_JSON_WRITE_H

#include <stddef.h>
#include <stdint.h>

#include <sio/value.h>

#include "base/buf.h"
#include "base/text.h"
#include "proto/value.h"

/** Room for any double as text, NUL included. */
#define JSON_REAL_SIZE 32

/** Attachments, in the order of their numbers. The bytes are borrowed. Zeroed means empty. */
struct json_attachments {
    struct value_bytes *items;
    uint32_t len;
    uint32_t cap;
};

/** Adds an attachment with the number list->len. @return 0 or SIO_ERR_NOMEM */
int sio__json_attach(struct json_attachments *list, const void *data, size_t len);

/** Frees the list, not the bytes; it is empty then. */
void sio__json_attachments_done(struct json_attachments *list);

/**
 * Puts a comma before the next element or member if one is needed there: not at the start of the
 * buffer, and not behind an opening bracket or a colon.
 */
static inline int sio__json_separate(struct buf *out) {
    if (out->len == 0) {
        return 0;
    }
    uint8_t last = out->data[out->len - 1];
    return last == '[' || last == '{' || last == ':' ? 0 : sio__buf_push(out, ',');
}

/** Writes a string, quotes included. @return also SIO_ERR_INVALID when it is not UTF-8 */
int sio__json_write_string(struct buf *out, struct text s);

int sio__json_write_int(struct buf *out, int64_t value);

int sio__json_write_uint(struct buf *out, uint64_t value);

/** Writes a double: NaN and the infinities as null, -0 as 0. */
int sio__json_write_real(struct buf *out, double value);

/** The text of a double, as sio__json_write_real() writes it. @return its length; 0: no memory */
size_t sio__json_format_real(char dst[JSON_REAL_SIZE], double value);

/** Writes {"_placeholder":true,"num":num}. */
int sio__json_write_placeholder(struct buf *out, uint64_t num);

/**
 * Writes a value, NULL as null, bytes as placeholders.
 *
 * @param list  to which bytes are added, and which numbers them; NULL: they keep the number that
 *              they were received with. What a failed call has added to it stays there.
 */
int sio__json_write_value(struct buf *out, const sio_val *v, struct json_attachments *list);

#endif /* SIO_PROTO_JSON_WRITE_H */
