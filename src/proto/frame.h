/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Frames: messages encoded once and sent many times.
 *
 * A frame holds one or more Engine.IO packets that belong together (a Socket.IO packet and its
 * attachments) in the form that goes on the wire. It is immutable and counted: a broadcast to
 * thousands of sockets puts thousands of references to one frame into their output queues.
 *
 * The WebSocket header of a part (server side: unmasked, final; RFC 6455 section 5.2) stands right
 * before its data in memory: a part is one contiguous range for WebSocket and, without the header,
 * for polling. Text parts begin with the type of the Engine.IO packet ('4'), binary ones have none.
 *
 * Frame, part table, headers and data are one allocation, taken from slabs of a few sizes. Counters
 * are plain and nothing is locked: a frame never leaves its reactor.
 */
#ifndef SIO_PROTO_FRAME_H
#define SIO_PROTO_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slab.h"
#include "base/text.h"

/** Frames up to FRAME_SLAB_MIN << (FRAME_SLAB_COUNT - 1) = 4096 bytes in all come from slabs. */
#define FRAME_SLAB_MIN   128
#define FRAME_SLAB_COUNT 6

/** One packet of a frame. */
struct frame_part {
    uint8_t *data;         /* the packet: type and data of a text packet, or bytes */
    uint32_t len;          /* length of data */
    uint8_t ws_header_len; /* 2, 4 or 10 bytes of WebSocket header stand right before data */
    bool binary;
};

struct frame {
    uint32_t refs;
    uint32_t part_count;
    size_t bytes;       /* of all parts with their WebSocket headers: what a queue accounts for */
    uint8_t flags;      /* for whoever made the frame; 0 at first */
    uint8_t size_class; /* of the pool: index of the slab, or FRAME_SLAB_COUNT for the heap */
    struct frame_part parts[];
};

/** What a part is made of; borrowed. */
struct frame_source {
    const void *data;
    size_t len;
    bool binary;
};

/** Memory for the frames of a reactor. */
struct frame_pool {
    struct slab slabs[FRAME_SLAB_COUNT];
    size_t live; /* frames that exist */
};

/** Prepares a pool; allocates nothing. */
void sio__frame_pool_init(struct frame_pool *pool);

/** Gives the memory back. No frame may be alive any more. */
void sio__frame_pool_done(struct frame_pool *pool);

/** Gives memory that no frame uses back to the system. */
void sio__frame_pool_trim(struct frame_pool *pool);

/**
 * Makes a frame with one reference out of copies of the parts.
 *
 * @param parts, count  what it holds, in this order; count >= 1. Text parts are whole Engine.IO
 *                      packets including the type.
 * @return the frame; NULL when there is no memory, or when it would have more than UINT32_MAX bytes
 */
struct frame *sio__frame_new(struct frame_pool *pool, const struct frame_source *parts,
                             uint32_t count);

/** Takes one more reference. */
static inline struct frame *sio__frame_ref(struct frame *f) {
    f->refs++;
    return f;
}

/** Drops a reference; the last one frees the frame. NULL is accepted. */
void sio__frame_unref(struct frame_pool *pool, struct frame *f);

/** The part as WebSocket sends it: header and data. */
static inline struct text sio__frame_part_ws(const struct frame_part *part) {
    return (struct text){(const char *)part->data - part->ws_header_len,
                         (size_t)part->ws_header_len + part->len};
}

/** The part without WebSocket's header. */
static inline struct text sio__frame_part_data(const struct frame_part *part) {
    return (struct text){(const char *)part->data, part->len};
}

#endif /* SIO_PROTO_FRAME_H */
