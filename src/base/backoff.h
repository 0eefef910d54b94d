/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * How long to wait before the next attempt to connect: exponential backoff with jitter, number for
 * number as the official client has it (npm package backo2), so that a server sees the same load.
 *
 * Attempt n waits min_ms * 2^n, changed at random by up to the given part, at most max_ms. Random
 * numbers are passed in; there is no clock here.
 */
#ifndef BASE_BACKOFF_H
#define BASE_BACKOFF_H

#include <stdint.h>

struct backoff {
    uint32_t min_ms;
    uint32_t max_ms;
    double jitter;     /* in 0..1 */
    uint32_t attempts; /* delays handed out since the last reset; stops at UINT32_MAX */
};

/**
 * Starts anew, with attempt 0.
 *
 * @param min_ms  delay of the first attempt, before jitter
 * @param max_ms  longest delay, after jitter; may be less than min_ms
 * @param jitter  part of a delay by which it may be longer or shorter; outside of 0..1: none
 */
void sio__backoff_init(struct backoff *b, uint32_t min_ms, uint32_t max_ms, double jitter);

/** After a success: the next attempt is number 0 again. */
static inline void sio__backoff_reset(struct backoff *b) {
    b->attempts = 0;
}

/**
 * Hands out the delay of the next attempt, in milliseconds, and counts it.
 *
 * @param random  all bits random; stands for the number random / 2^32 in [0, 1)
 */
uint32_t sio__backoff_next(struct backoff *b, uint32_t random);

#endif /* BASE_BACKOFF_H */
