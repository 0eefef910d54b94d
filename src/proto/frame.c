/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Layout of a frame: struct frame, its part table, then header and data of each part.
 */
#include "proto/frame.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "proto/ws_frame.h"

_Static_assert(sizeof(struct frame) + sizeof(struct frame_part) + 2 + 64 <= FRAME_SLAB_MIN,
               "a short message does not fit the smallest slab");

void sio__frame_pool_init(struct frame_pool *pool) {
    for (unsigned i = 0; i < FRAME_SLAB_COUNT; i++) {
        sio__slab_init(&pool->slabs[i], (size_t)FRAME_SLAB_MIN << i);
    }
    pool->live = 0;
}

void sio__frame_pool_trim(struct frame_pool *pool) {
    for (size_t i = 0; i < FRAME_SLAB_COUNT; i++) {
        sio__slab_trim(&pool->slabs[i]);
    }
}

void sio__frame_pool_done(struct frame_pool *pool) {
    assert(pool->live == 0);
    for (unsigned i = 0; i < FRAME_SLAB_COUNT; i++) {
        sio__slab_done(&pool->slabs[i]);
    }
}

/* Length of the header of a server's frame (RFC 6455 section 5.2). */
static uint8_t header_len(size_t len) {
    return len < 126 ? 2 : len <= UINT16_MAX ? 4 : 10;
}

/* Index of the smallest slab whose objects have `size` bytes; FRAME_SLAB_COUNT when none is. */
static uint8_t size_class_of(size_t size) {
    uint8_t index = 0;
    while (index < FRAME_SLAB_COUNT && size > (size_t)FRAME_SLAB_MIN << index) {
        index++;
    }
    return index;
}

/* Bytes of a frame in memory, and of its parts on WebSocket; false when they are too many. */
static bool measure(const struct frame_source *parts, uint32_t count, size_t *ret_size,
                    size_t *ret_bytes) {
    uint64_t table = (uint64_t)count * sizeof(struct frame_part);
    if (table > UINT32_MAX - sizeof(struct frame)) {
        return false;
    }
    size_t head = sizeof(struct frame) + (size_t)table;
    size_t room = UINT32_MAX - head;
    size_t left = room;
    for (uint32_t i = 0; i < count; i++) {
        size_t len = parts[i].len;
        if (len > left || header_len(len) > left - len) {
            return false;
        }
        left -= header_len(len) + len;
    }
    *ret_bytes = room - left;
    *ret_size = head + *ret_bytes;
    return true;
}

static struct frame *alloc_frame(struct frame_pool *pool, size_t size) {
    uint8_t size_class = size_class_of(size);
    struct frame *f = size_class < FRAME_SLAB_COUNT ? sio__slab_alloc(&pool->slabs[size_class])
                                                    : sio__malloc(size);
    if (f) {
        f->size_class = size_class;
        pool->live++;
    }
    return f;
}

struct frame *sio__frame_new(struct frame_pool *pool, const struct frame_source *parts,
                             uint32_t count) {
    size_t size;
    size_t bytes;
    if (!measure(parts, count, &size, &bytes)) {
        return NULL;
    }
    struct frame *f = alloc_frame(pool, size);
    if (!f) {
        return NULL;
    }
    f->refs = 1;
    f->part_count = count;
    f->bytes = bytes;
    f->flags = 0;
    uint8_t *p = (uint8_t *)&f->parts[count];
    for (uint32_t i = 0; i < count; i++) {
        const struct frame_source *source = &parts[i];
        uint8_t first_byte = WS_FIN | (source->binary ? WS_OP_BINARY : WS_OP_TEXT);
        size_t ws_header_len = sio__ws_header(p, first_byte, source->len, NULL);
        p += ws_header_len;
        f->parts[i] = (struct frame_part){.data = p,
                                          .len = (uint32_t)source->len,
                                          .ws_header_len = (uint8_t)ws_header_len,
                                          .binary = source->binary};
        if (source->len > 0) {
            memcpy(p, source->data, source->len);
            p += source->len;
        }
    }
    assert(p == (uint8_t *)f + size);
    return f;
}

void sio__frame_unref(struct frame_pool *pool, struct frame *f) {
    if (!f) {
        return;
    }
    assert(f->refs > 0);
    if (--f->refs > 0) {
        return;
    }
    pool->live--;
    if (f->size_class < FRAME_SLAB_COUNT) {
        sio__slab_free(&pool->slabs[f->size_class], f);
    } else {
        sio__free(f);
    }
}
