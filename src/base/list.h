/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Intrusive, circular, doubly linked list.
 *
 * A struct list is both the head of a list and the link within an element. An element that is in
 * no list points to itself, so that removing it again is harmless and sio__list_linked() can tell.
 * Walking:
 *
 *     for (struct list *n = head.next; n != &head; n = n->next) {
 *         struct thing *t = SIO_CONTAINER_OF(n, struct thing, link);
 *     }
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

/** The struct of the given type whose member is at the address. */
#define SIO_CONTAINER_OF(address, type, member)                                                    \
    ((type *)(void *)((char *)(address)-offsetof(type, member)))

struct list {
    struct list *next;
    struct list *prev;
};

/** Makes an empty head, or an element that is in no list. */
static inline void sio__list_init(struct list *l) {
    l->next = l;
    l->prev = l;
}

/** True for a head without elements. */
static inline bool sio__list_empty(const struct list *head) {
    return head->next == head;
}

/** True for an element that is in a list. */
static inline bool sio__list_linked(const struct list *node) {
    return node->next != node;
}

/** First element, NULL when there is none. */
static inline struct list *sio__list_first(const struct list *head) {
    return head->next == head ? NULL : head->next;
}

/** Inserts an element that is in no list between two neighbours. */
static inline void sio__list_insert(struct list *node, struct list *prev, struct list *next) {
    node->prev = prev;
    node->next = next;
    prev->next = node;
    next->prev = node;
}

/** Appends an element that is in no list. */
static inline void sio__list_push_back(struct list *head, struct list *node) {
    sio__list_insert(node, head->prev, head);
}

/** Prepends an element that is in no list. */
static inline void sio__list_push_front(struct list *head, struct list *node) {
    sio__list_insert(node, head, head->next);
}

/** Takes an element out of its list; one that is in no list stays so. */
static inline void sio__list_remove(struct list *node) {
    node->prev->next = node->next;
    node->next->prev = node->prev;
    sio__list_init(node);
}

/** Takes out and returns the first element, NULL when there is none. */
static inline struct list *sio__list_pop_front(struct list *head) {
    struct list *node = head->next;
    if (node == head) {
        return NULL;
    }
    sio__list_remove(node);
    return node;
}

/** Moves all elements of from to the end of to, in their order; from is empty then. O(1). */
static inline void sio__list_splice(struct list *to, struct list *from) {
    if (sio__list_empty(from)) {
        return;
    }
    struct list *first = from->next;
    struct list *last = from->prev;
    first->prev = to->prev;
    to->prev->next = first;
    last->next = to;
    to->prev = last;
    sio__list_init(from);
}

#endif /* BASE_LIST_H */
