/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The events of a stream of messages as bytes, so that those of the same stream cut at other places
 * can be compared with them. For fuzz targets, which are one thread and one file each.
 */
#ifndef SIO_TESTS_FUZZ_EVENT_LOG_H
#define SIO_TESTS_FUZZ_EVENT_LOG_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

struct log {
    uint8_t *data;
    size_t len;
    size_t cap;
};

static struct log whole;  /* of the stream in one piece */
static struct log pieces; /* of the stream that is cut */

static void note(struct log *log, const void *data, size_t len) {
    if (log->cap - log->len < len) {
        log->cap = 2 * (log->len + len);
        log->data = realloc(log->data, log->cap);
        assert(log->data != NULL);
    }
    if (len > 0) {
        memcpy(log->data + log->len, data, len);
        log->len += len;
    }
}

static void note_number(struct log *log, char mark, uint64_t number) {
    note(log, &mark, 1);
    note(log, &number, sizeof(number));
}

static void note_text(struct log *log, struct text text) {
    note_number(log, '"', text.len);
    note(log, text.data, text.len);
}

static void check_same(const struct log *a, const struct log *b) {
    assert(a->len == b->len);
    assert(a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

/* Places to cut at follow from the input alone. */
static uint32_t seed_of(const uint8_t *data, size_t size) {
    uint32_t seed = 1;
    for (size_t i = 0; i < size; i++) {
        seed = (seed ^ data[i]) * 16777619u;
    }
    return seed;
}

/* Length of the next piece: 1 to 256 bytes, mostly few. */
static size_t next_piece(uint32_t *seed) {
    *seed = *seed * 1664525u + 1013904223u;
    return 1 + (*seed >> 8) % (1u << (*seed >> 24) % 9);
}

#endif
