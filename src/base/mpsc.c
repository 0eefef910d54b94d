/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Queue with many producers and one consumer, on C11 atomics.
 */
#include "base/mpsc.h"

bool sio__mpsc_push(struct mpsc *q, struct mpsc_node *node) {
    struct mpsc_node *head = atomic_load_explicit(&q->head, memory_order_relaxed);
    do {
        node->next = head;
        /* Release: what the producer wrote into the element comes before the element. */
    } while (!atomic_compare_exchange_weak_explicit(&q->head, &head, node, memory_order_release,
                                                    memory_order_relaxed));
    return head == NULL;
}

struct mpsc_node *sio__mpsc_take_all(struct mpsc *q) {
    if (atomic_load_explicit(&q->head, memory_order_relaxed) == NULL) {
        return NULL; /* without the exchange, which would take the cache line from the producers */
    }
    struct mpsc_node *node = atomic_exchange_explicit(&q->head, NULL, memory_order_acquire);
    struct mpsc_node *oldest = NULL;
    while (node != NULL) {
        struct mpsc_node *next = node->next;
        node->next = oldest;
        oldest = node;
        node = next;
    }
    return oldest;
}
