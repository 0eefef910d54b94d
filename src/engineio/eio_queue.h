/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * What a client has to send: a queue of frames, taken off part by part.
 *
 * A frame is one unit for whoever gives it, but its parts are packets of their own: a polling
 * request may end between two of them. Each entry holds one reference to its frame.
 */
#ifndef ENGINEIO_EIO_QUEUE_H
#define ENGINEIO_EIO_QUEUE_H

#include <stdbool.h>

#include "proto/frame.h"

/** All zero: empty. Members are private, except bytes. */
struct eio_queue {
    struct frame **ring;
    uint32_t cap;   /* a power of two, or 0 */
    uint32_t first; /* index of the first frame */
    uint32_t len;
    uint32_t part; /* the first frame's parts before this one are taken */
    size_t bytes;  /* of the parts, with their WebSocket headers */
};

/** Drops everything; the queue is usable. */
void sio__eio_queue_clear(struct eio_queue *q, struct frame_pool *pool);

/** Appends a frame; takes a reference of its own. @return 0 or SIO_ERR_NOMEM */
int sio__eio_queue_push(struct eio_queue *q, struct frame *f);

/** The first part; NULL when the queue is empty. Valid until it is dropped. */
const struct frame_part *sio__eio_queue_first(const struct eio_queue *q);

/** Place of a walk over the parts, which does not take them; all zero at first. */
struct eio_queue_walk {
    uint32_t frame;
    uint32_t part;
};

/** The next part of a walk, NULL behind the last one. */
const struct frame_part *sio__eio_queue_next(const struct eio_queue *q, struct eio_queue_walk *w);

/** Drops the first part; the queue is not empty. */
void sio__eio_queue_drop(struct eio_queue *q, struct frame_pool *pool);

#endif /* ENGINEIO_EIO_QUEUE_H */
