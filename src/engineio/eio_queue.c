/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "engineio/eio_queue.h"

#include <sio/error.h>
#include <string.h>

#include "base/alloc.h"

#define RING_MIN 16u

/* An empty ring of more frames than this is given back. */
#define RING_KEEP 1024u

static struct frame *frame_at(const struct eio_queue *q, uint32_t i) {
    return q->ring[(q->first + i) & (q->cap - 1)];
}

static size_t part_bytes(const struct frame_part *part) {
    return (size_t)part->ws_header_len + part->len;
}

static void give_back(struct eio_queue *q) {
    sio__free(q->ring);
    *q = (struct eio_queue){0};
}

void sio__eio_queue_clear(struct eio_queue *q, struct frame_pool *pool) {
    for (uint32_t i = 0; i < q->len; i++) {
        sio__frame_unref(pool, frame_at(q, i));
    }
    give_back(q);
}

static int grow(struct eio_queue *q) {
    uint32_t cap = q->cap == 0 ? RING_MIN : q->cap * 2;
    struct frame **ring = cap > q->cap ? sio__reallocarray(NULL, cap, sizeof *ring) : NULL;
    if (ring == NULL) {
        return SIO_ERR_NOMEM;
    }
    for (uint32_t i = 0; i < q->len; i++) {
        ring[i] = frame_at(q, i);
    }
    sio__free(q->ring);
    q->ring = ring;
    q->cap = cap;
    q->first = 0;
    return 0;
}

int sio__eio_queue_push(struct eio_queue *q, struct frame *f) {
    int r = q->len < q->cap ? 0 : grow(q);
    if (r == 0) {
        q->ring[(q->first + q->len) & (q->cap - 1)] = sio__frame_ref(f);
        q->len++;
        q->bytes += f->bytes;
    }
    return r;
}

const struct frame_part *sio__eio_queue_first(const struct eio_queue *q) {
    return q->len == 0 ? NULL : &frame_at(q, 0)->parts[q->part];
}

const struct frame_part *sio__eio_queue_next(const struct eio_queue *q, struct eio_queue_walk *w) {
    if (w->frame == 0 && w->part < q->part) {
        w->part = q->part;
    }
    if (w->frame < q->len && w->part == frame_at(q, w->frame)->part_count) {
        w->frame++;
        w->part = 0;
    }
    return w->frame < q->len ? &frame_at(q, w->frame)->parts[w->part++] : NULL;
}

void sio__eio_queue_drop(struct eio_queue *q, struct frame_pool *pool) {
    struct frame *f = frame_at(q, 0);
    q->bytes -= part_bytes(&f->parts[q->part]);
    q->part++;
    if (q->part < f->part_count) {
        return;
    }
    q->part = 0;
    q->first = (q->first + 1) & (q->cap - 1);
    q->len--;
    sio__frame_unref(pool, f);
    if (q->len == 0 && q->cap > RING_KEEP) {
        give_back(q);
    }
}
