/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Output queue of a stream: what the kernel has not taken yet.
 *
 * A list of nodes of two kinds. A chunk holds bytes that were copied in, of one or many small messages. A
 * reference points to output that is shared with other streams (a broadcast) or too large to copy, and holds
 * one reference on its owner, given back through reactor.release once the bytes are written.
 * A queue without output holds no memory.
 */
#ifndef NET_OUTQ_H
#define NET_OUTQ_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct reactor;

/** A chunk with its node; not a power of two, so that chunks do not meet in the same cache sets. */
#define OUTQ_CHUNK_BYTES 4032u

struct outq_node {
    struct outq_node *next;
    const uint8_t *data; /* what is still to be written */
    uint32_t len;        /* bytes of it */
    uint32_t room;       /* chunks: bytes free behind data + len */
    void *shared;        /* references: the owner; NULL for chunks and heap blocks */
    uint8_t kind;        /* enum outq_kind */
};

enum outq_kind {
    OUTQ_CHUNK, /* node and bytes from the chunk slab */
    OUTQ_HEAP,  /* node and bytes from the heap: larger than a chunk */
    OUTQ_REF    /* node from the ref slab, bytes elsewhere */
};

struct outq {
    struct outq_node *head;
    struct outq_node *tail;
    size_t bytes; /* in all nodes */
};

/** Frees everything that is queued. */
void sio__outq_clear(struct reactor *r, struct outq *q);

/**
 * Copies bytes behind what is queued, two pieces that belong together (header and body). Either may be empty.
 *
 * @return 0 or SIO_ERR_NOMEM; then nothing was queued
 */
int sio__outq_append(struct reactor *r, struct outq *q, const void *head, size_t head_len, const void *body,
                     size_t body_len);

/**
 * Queues bytes that the owner keeps in place. Takes over one reference to the owner on success.
 *
 * @return 0 or SIO_ERR_NOMEM; then the reference is still the caller's
 */
int sio__outq_append_ref(struct reactor *r, struct outq *q, const void *data, size_t len, void *shared);

/** Drops n bytes from the front: they are written. n <= bytes. */
void sio__outq_consume(struct reactor *r, struct outq *q, size_t n);

/**
 * Lists the pieces at the front for writev().
 *
 * @return number of entries set in iov, at most max
 */
int sio__outq_peek(const struct outq *q, struct iovec *iov, int max);

/** Copies all of the queue; for short queues of many pieces. dst has room for q->bytes. */
void sio__outq_copy(const struct outq *q, uint8_t *dst);

#endif /* NET_OUTQ_H */
