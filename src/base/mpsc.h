/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Intrusive queue with many producers and one consumer.
 *
 * Producers push onto a lock-free stack; the consumer takes the whole of it with one exchange and
 * turns it round. So an element is never popped alone, which is what makes such stacks hard (ABA).
 * What one thread pushes comes out in the order in which it was pushed.
 */
#ifndef BASE_MPSC_H
#define BASE_MPSC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/** Link within an element, see SIO_CONTAINER_OF(). */
struct mpsc_node {
    struct mpsc_node *next;
};

struct mpsc {
    _Atomic(struct mpsc_node *) head; /* newest first */
};

/** Makes an empty queue. */
static inline void sio__mpsc_init(struct mpsc *q) {
    atomic_init(&q->head, NULL);
}

/**
 * Adds an element. From any thread.
 *
 * @return true when the queue was empty before: the consumer has to be woken
 */
bool sio__mpsc_push(struct mpsc *q, struct mpsc_node *node);

/**
 * Takes all elements out. By the consumer only.
 *
 * @return the oldest element, the others linked by next up to NULL; NULL when the queue is empty
 */
struct mpsc_node *sio__mpsc_take_all(struct mpsc *q);

#endif /* BASE_MPSC_H */
