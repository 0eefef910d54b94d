/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Timers: a hierarchical wheel with ticks of one millisecond.
 *
 * The wheel knows no clock, time is passed in. A time is seen as a number of 11 digits of 6 bits. A
 * timer waits at the level of the highest digit in which its expiry differs from now, in the slot
 * that this digit of the expiry names. So every timer of a lower level is due before every one of a
 * higher level, and the lowest bits of one bitmap per level name the next slot to look at. When its
 * time comes the slot's timers move down, or are due: each moves at most once per level.
 * Starting and stopping are O(1) and never fail, no memory is allocated. Used by one thread.
 */
#ifndef BASE_WHEEL_H
#define BASE_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

#define SIO_WHEEL_LEVELS 11 /* 11 * 6 bits >= 64 */
#define SIO_WHEEL_SLOTS  64

/** A timer; lives within the struct that it serves, see SIO_CONTAINER_OF(). */
struct timer {
    struct list link;
    uint64_t expires_ms;
    void (*fn)(struct timer *t);
};

_Static_assert(sizeof(struct timer) <= 4 * sizeof(uint64_t), "every connection has timers");

struct wheel {
    uint64_t now_ms;                     /* time of the last advance */
    uint32_t levels;                     /* bit l: level l has timers */
    uint64_t occupied[SIO_WHEEL_LEVELS]; /* bit s: slot s of the level has timers */
    struct list due;                     /* started for a time that had passed already */
    struct list expired;                 /* taken out by the advance that is running */
    struct list slots[SIO_WHEEL_LEVELS][SIO_WHEEL_SLOTS];
};

/** Makes an empty wheel. The struct must not move in memory afterwards (it is about 11 KiB). */
void sio__wheel_init(struct wheel *w, uint64_t now_ms);

/** Makes a timer that is not running. @param fn  called by sio__wheel_advance() */
static inline void sio__timer_init(struct timer *t, void (*fn)(struct timer *t)) {
    sio__list_init(&t->link);
    t->expires_ms = 0;
    t->fn = fn;
}

/** True from sio__wheel_start() until the timer is stopped or its fn is about to be called. */
static inline bool sio__timer_active(const struct timer *t) {
    return sio__list_linked(&t->link);
}

/**
 * Starts a timer, or moves one that is running.
 *
 * @param expires_ms  absolute; a time that has passed counts as the time of the last advance, and
 *                    the timer fires with the next one
 */
void sio__wheel_start(struct wheel *w, struct timer *t, uint64_t expires_ms);

/** Stops a timer; one that is not running stays so. Has to come before its memory is freed. */
void sio__wheel_stop(struct wheel *w, struct timer *t);

/**
 * Tells when to call sio__wheel_advance() next.
 *
 * @return absolute ms at or before the earliest expiry, never later; UINT64_MAX when no timer runs
 */
uint64_t sio__wheel_next(const struct wheel *w);

/**
 * Moves the time on and calls fn of every timer with expires_ms <= now_ms, in the order of their
 * expiry, none early.
 *
 * A fn may start and stop every timer, itself and others due in this run included, and free its
 * timer's memory. What it starts for now or earlier fires with the next advance. It must not
 * advance the wheel.
 *
 * @param now_ms  a time before that of the last advance counts as the latter
 * @return number of timers that fired
 */
size_t sio__wheel_advance(struct wheel *w, uint64_t now_ms);

#endif /* BASE_WHEEL_H */
