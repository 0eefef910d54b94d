/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Output queue of a stream: what the kernel has not taken yet.
 *
 * A list of nodes of two kinds. A block holds bytes that were copied in, of one or many small
 * messages. A bundle holds references to output that is shared with other streams (a broadcast);
 * each holds one reference on its owner, given back through reactor.release once the bytes are
 * written. A queue without output holds no memory.
 */
#ifndef NET_OUTQ_H
#define NET_OUTQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct reactor;

/** A block of the usual size with its node; not a power of two, so that blocks do not meet in the
 * same cache sets. */
#define OUTQ_CHUNK_BYTES 4032u

/** References in a bundle. */
#define OUTQ_REFS 7

enum outq_kind {
    OUTQ_CHUNK, /* block, from the chunk slab */
    OUTQ_HEAP,  /* block, larger, from the heap */
    OUTQ_REF    /* bundle, from the ref slab */
};

/** Output in memory of its owner: it begins `offset` bytes behind the owner's address. */
struct outq_ref {
    uint8_t *shared;
    uint32_t offset;
    uint32_t len;
};

struct outq_node {
    struct outq_node *next; /* of the last one: the first */
    uint32_t room;          /* blocks: bytes free behind what is in it */
    uint8_t kind;           /* enum outq_kind */
    uint8_t first;          /* bundles: those before are written */
    uint8_t count;          /* bundles: those from here on are free */
    union {
        struct {
            uint8_t *data; /* what is still to be written */
            uint32_t len;
        } block;
        struct outq_ref refs[OUTQ_REFS];
    } u;
};

struct outq {
    struct outq_node *tail; /* the nodes form a ring; NULL without nodes */
    size_t bytes;           /* in all nodes */
};

/** True when nothing is queued. */
static inline bool sio__outq_is_empty(const struct outq *q) {
    return q->tail == NULL;
}

/** Frees everything that is queued. */
void sio__outq_clear(struct reactor *r, struct outq *q);

/**
 * Copies bytes behind what is queued, two pieces that belong together (header and body). Either may
 * be empty.
 *
 * @return 0 or SIO_ERR_NOMEM; then nothing was queued
 */
int sio__outq_append(struct reactor *r, struct outq *q, const void *head, size_t head_len,
                     const void *body, size_t body_len);

/**
 * Queues bytes that the owner keeps in place. Takes over one reference to the owner on success.
 *
 * @param data  in the owner's own memory, at most 4 GiB behind its address
 * @return 0 or SIO_ERR_NOMEM; then the reference is still the caller's
 */
int sio__outq_append_ref(struct reactor *r, struct outq *q, const void *data, size_t len,
                         void *shared);

/** Queues n bytes in one piece, which the caller writes at once. @return where, or NULL when out of
 * memory */
uint8_t *sio__outq_extend(struct reactor *r, struct outq *q, size_t n);

/** Drops n bytes from the front: they are written. n <= bytes. */
void sio__outq_consume(struct reactor *r, struct outq *q, size_t n);

/**
 * Lists the pieces at the front for writev().
 *
 * @return number of entries set in iov, at most max
 */
int sio__outq_peek(const struct outq *q, struct iovec *iov, int max);

/** The one piece that the queue consists of; false when there are more. The queue is not empty. */
bool sio__outq_single(const struct outq *q, struct iovec *ret_piece);

/** Copies all of the queue; for short queues of many pieces. dst has room for q->bytes. */
void sio__outq_copy(const struct outq *q, uint8_t *dst);

#endif /* NET_OUTQ_H */
