/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Hierarchical timer wheel; the idea is in the header.
 *
 * Invariants, for each timer in a slot: its expiry is later than now_ms; it has the digits of
 * now_ms above its level; at its level the digit is that of the slot, which is greater than that of
 * now_ms. So slots never wrap round, and the lowest bit that is set at the lowest level with timers
 * names the slot that is due first.
 */
#include "base/wheel.h"

#include <assert.h>

#define DIGIT_BITS 6u

void sio__wheel_init(struct wheel *w, uint64_t now_ms) {
    w->now_ms = now_ms;
    w->levels = 0;
    sio__list_init(&w->due);
    sio__list_init(&w->expired);
    for (unsigned level = 0; level < SIO_WHEEL_LEVELS; level++) {
        w->occupied[level] = 0;
        for (unsigned slot = 0; slot < SIO_WHEEL_SLOTS; slot++) {
            sio__list_init(&w->slots[level][slot]);
        }
    }
}

/* Links a timer, whose own link may be stale, where it belongs; `past` is for what is due. */
static void place(struct wheel *w, struct timer *t, struct list *past) {
    if (t->expires_ms <= w->now_ms) {
        sio__list_push_back(past, &t->link);
        return;
    }
    unsigned highest_bit = 63u - (unsigned)__builtin_clzll(t->expires_ms ^ w->now_ms);
    unsigned level = highest_bit / DIGIT_BITS;
    unsigned slot = (unsigned)(t->expires_ms >> (level * DIGIT_BITS)) % SIO_WHEEL_SLOTS;
    sio__list_push_back(&w->slots[level][slot], &t->link);
    w->occupied[level] |= UINT64_C(1) << slot;
    w->levels |= 1u << level;
}

static void slot_emptied(struct wheel *w, unsigned level, unsigned slot) {
    w->occupied[level] &= ~(UINT64_C(1) << slot);
    if (w->occupied[level] == 0) {
        w->levels &= ~(1u << level);
    }
}

/* Unlinks a timer from its neighbours, and leaves its own link as it is. */
static void take_out(struct wheel *w, struct timer *t) {
    struct list *next = t->link.next;
    struct list *prev = t->link.prev;
    prev->next = next;
    next->prev = prev;
    if (next != prev || next == &t->link) {
        return;
    }
    /* Both neighbours are the head of a list that is empty now: of a slot, or due or expired. */
    uintptr_t offset = (uintptr_t)next - (uintptr_t)w->slots;
    if (offset < sizeof(w->slots)) {
        unsigned index = (unsigned)(offset / sizeof(*next));
        slot_emptied(w, index / SIO_WHEEL_SLOTS, index % SIO_WHEEL_SLOTS);
    }
}

void sio__wheel_stop(struct wheel *w, struct timer *t) {
    take_out(w, t);
    sio__list_init(&t->link);
}

void sio__wheel_start(struct wheel *w, struct timer *t, uint64_t expires_ms) {
    take_out(w, t);
    t->expires_ms = expires_ms > w->now_ms ? expires_ms : w->now_ms;
    place(w, t, &w->due);
}

/* Start of the first slot with timers: at or before their expiry. Some level has timers. */
static uint64_t first_slot(const struct wheel *w, unsigned *ret_level, unsigned *ret_slot) {
    unsigned level = (unsigned)__builtin_ctz(w->levels);
    unsigned slot = (unsigned)__builtin_ctzll(w->occupied[level]);
    unsigned shift = level * DIGIT_BITS;
    uint64_t digit_and_below =
        (uint64_t)(SIO_WHEEL_SLOTS - 1) << shift | ((UINT64_C(1) << shift) - 1);
    *ret_level = level;
    *ret_slot = slot;
    return (w->now_ms & ~digit_and_below) | (uint64_t)slot << shift;
}

uint64_t sio__wheel_next(const struct wheel *w) {
    if (!sio__list_empty(&w->due) || !sio__list_empty(&w->expired)) {
        return w->now_ms;
    }
    if (w->levels == 0) {
        return UINT64_MAX;
    }
    unsigned level;
    unsigned slot;
    return first_slot(w, &level, &slot);
}

/* Moves the time to the start of a slot: its timers are due now, or go to lower levels. */
static void open_slot(struct wheel *w, uint64_t start_ms, unsigned level, unsigned slot) {
    struct list timers;
    sio__list_init(&timers);
    sio__list_splice(&timers, &w->slots[level][slot]);
    slot_emptied(w, level, slot);
    w->now_ms = start_ms;
    if (level == 0) {
        sio__list_splice(&w->expired, &timers);
        return;
    }
    for (struct list *n = sio__list_pop_front(&timers); n != NULL;
         n = sio__list_pop_front(&timers)) {
        place(w, SIO_CONTAINER_OF(n, struct timer, link), &w->expired);
    }
}

size_t sio__wheel_advance(struct wheel *w, uint64_t now_ms) {
    assert(sio__list_empty(&w->expired));
    sio__list_splice(&w->expired, &w->due);
    while (w->levels != 0) {
        unsigned level;
        unsigned slot;
        uint64_t start_ms = first_slot(w, &level, &slot);
        if (start_ms > now_ms) {
            break;
        }
        open_slot(w, start_ms, level, slot);
    }
    if (now_ms > w->now_ms) {
        w->now_ms = now_ms;
    }
    size_t fired = 0;
    for (struct list *n = sio__list_pop_front(&w->expired); n != NULL;
         n = sio__list_pop_front(&w->expired)) {
        struct timer *t = SIO_CONTAINER_OF(n, struct timer, link);
        t->fn(t);
        fired++;
    }
    return fired;
}
