/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Growable byte buffer with a mandatory limit.
 *
 * The limit is set when the buffer is made, so that no path can forget it: a peer never makes a
 * buffer grow beyond it. Memory is taken with the first byte and doubles from then on.
 * Invariants: len <= cap <= max; data is NULL when cap is 0; data[0 .. len) are the contents.
 * The contents are not NUL-terminated. After a failed call the buffer is as it was.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"

struct buf {
    uint8_t *data; /* owned by the buffer; moves when it grows */
    size_t len;    /* bytes in use */
    size_t cap;    /* bytes allocated */
    size_t max;    /* bytes that may be allocated at most */
};

/**
 * Makes an empty buffer; allocates nothing.
 *
 * @param max  limit in bytes, greater than 0; SIZE_MAX for none
 */
static inline void sio__buf_init(struct buf *b, size_t max) {
    assert(max > 0);
    *b = (struct buf){.max = max};
}

/** Frees the memory; the buffer is then empty and usable, with the same limit. NULL is fine. */
void sio__buf_done(struct buf *b);

/** Makes room for n more bytes; the part of sio__buf_reserve() that is not inline. */
int sio__buf_grow(struct buf *b, size_t n);

/** Empties the buffer and keeps its memory. */
static inline void sio__buf_clear(struct buf *b) {
    b->len = 0;
}

/**
 * Makes room for n bytes behind the contents, to be written at data + len by the caller, who then
 * adds to len.
 *
 * @return 0; SIO_ERR_TOO_BIG when len + n is over the limit, SIO_ERR_NOMEM
 */
static inline int sio__buf_reserve(struct buf *b, size_t n) {
    if (__builtin_expect(b->cap - b->len >= n, 1)) {
        return 0;
    }
    return sio__buf_grow(b, n);
}

/**
 * Appends n bytes. Inline, so that short constants become plain stores.
 *
 * @param p  not within this buffer; may be NULL when n is 0
 * @return 0, SIO_ERR_TOO_BIG or SIO_ERR_NOMEM
 */
static inline int sio__buf_append(struct buf *b, const void *p, size_t n) {
    int r = sio__buf_reserve(b, n);
    if (r < 0) {
        return r;
    }
    if (n > 0) {
        memcpy(b->data + b->len, p, n);
        b->len += n;
    }
    return 0;
}

/** Appends one byte. @return 0, SIO_ERR_TOO_BIG or SIO_ERR_NOMEM */
static inline int sio__buf_push(struct buf *b, uint8_t byte) {
    int r = sio__buf_reserve(b, 1);
    if (r < 0) {
        return r;
    }
    b->data[b->len] = byte;
    b->len++;
    return 0;
}

/** Appends a NUL-terminated string without its NUL. @return as sio__buf_append() */
static inline int sio__buf_append_str(struct buf *b, const char *s) {
    return sio__buf_append(b, s, strlen(s));
}

/** Appends a text. @return as sio__buf_append() */
static inline int sio__buf_append_text(struct buf *b, struct text t) {
    return sio__buf_append(b, t.data, t.len);
}

/** Appends a number in decimal, without leading zeros. @return as sio__buf_append() */
int sio__buf_append_u64(struct buf *b, uint64_t value);

/**
 * Gives memory back: cap becomes at most the greater of len and keep_cap. That it may fail to does
 * not matter: the buffer is then as it was.
 *
 * @param keep_cap  bytes worth keeping; 0 frees the memory of an empty buffer
 */
void sio__buf_shrink(struct buf *b, size_t keep_cap);

/** The contents as text, valid until the buffer changes. */
static inline struct text sio__buf_text(const struct buf *b) {
    return (struct text){(const char *)b->data, b->len};
}

#endif /* BASE_BUF_H */
