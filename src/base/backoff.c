/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Exponential backoff. All values are whole numbers below 2^53, which double holds exactly: so the
 * results are those of the official client, bit for bit.
 */
#include "base/backoff.h"

/*
 * Where doubling ends. A delay from here on is cut by jitter to a tenth at the least (the random
 * number is below 0.9 when the delay becomes shorter), and that is over every max_ms.
 */
#define LONGEST_MS ((uint64_t)1 << 36)

void sio__backoff_init(struct backoff *b, uint32_t min_ms, uint32_t max_ms, double jitter) {
    *b = (struct backoff){
        .min_ms = min_ms,
        .max_ms = max_ms,
        .jitter = jitter > 0 && jitter <= 1 ? jitter : 0,
    };
}

static uint64_t exponential_ms(const struct backoff *b) {
    uint64_t ms = b->min_ms;
    for (uint32_t i = 0; i < b->attempts && ms > 0 && ms < LONGEST_MS; i++) {
        ms *= 2;
    }
    return ms;
}

uint32_t sio__backoff_next(struct backoff *b, uint32_t random) {
    uint64_t ms = exponential_ms(b);
    if (b->attempts < UINT32_MAX) {
        b->attempts++;
    }
    double fraction = (double)random / 4294967296.0;
    uint64_t deviation = (uint64_t)(fraction * b->jitter * (double)ms);
    /* The first decimal digit decides between shorter and longer. */
    if ((uint32_t)(fraction * 10) % 2 == 0) {
        ms -= deviation;
    } else {
        ms += deviation;
    }
    return ms < b->max_ms ? (uint32_t)ms : b->max_ms;
}
