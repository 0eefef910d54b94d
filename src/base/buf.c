/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Growable byte buffer: the paths that are not inline.
 */
#include "base/buf.h"

#include <sio/error.h>

#include "base/alloc.h"

#define FIRST_CAP 64u

void sio__buf_done(struct buf *b) {
    if (b != NULL) {
        sio__free(b->data);
        *b = (struct buf){.max = b->max};
    }
}

int sio__buf_grow(struct buf *b, size_t n) {
    if (n > b->max - b->len) {
        return SIO_ERR_TOO_BIG;
    }
    size_t need = b->len + n;
    size_t cap = b->cap > b->max / 2 ? b->max : 2 * b->cap;
    if (cap < FIRST_CAP) {
        cap = FIRST_CAP;
    }
    if (cap < need) {
        cap = need;
    }
    if (cap > b->max) {
        cap = b->max;
    }
    uint8_t *data = sio__realloc(b->data, cap);
    if (data == NULL) {
        return SIO_ERR_NOMEM;
    }
    b->data = data;
    b->cap = cap;
    return 0;
}

int sio__buf_append_u64(struct buf *b, uint64_t value) {
    if (b->cap - b->len >= SIO_U64_CHARS) {
        b->len += sio__u64_write((char *)b->data + b->len, value);
        return 0;
    }
    char digits[SIO_U64_CHARS];
    return sio__buf_append(b, digits, sio__u64_write(digits, value));
}

void sio__buf_shrink(struct buf *b, size_t keep_cap) {
    size_t cap = b->len > keep_cap ? b->len : keep_cap;
    if (cap >= b->cap) {
        return;
    }
    if (cap == 0) {
        sio__buf_done(b);
        return;
    }
    uint8_t *data = sio__realloc(b->data, cap);
    if (data != NULL) {
        b->data = data;
        b->cap = cap;
    }
}
