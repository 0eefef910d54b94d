/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#ifndef SIO_TOOLS_HISTOGRAM_H
#define SIO_TOOLS_HISTOGRAM_H

/*
 * Log-linear histogram of durations, as HdrHistogram has it.
 *
 * Values below 128 have a bucket each; above, every power of two is cut into 64 buckets of equal
 * width. So a quantile is exact or at most 1.6 % above the true one, over all of uint64_t, in 30
 * KiB. Threads record into histograms of their own, which are merged at the end.
 */

#include <stddef.h>
#include <stdint.h>

enum {
    HISTOGRAM_SUB_BITS = 6,
    HISTOGRAM_SUBS = 1 << HISTOGRAM_SUB_BITS,
    HISTOGRAM_BUCKETS = (64 - HISTOGRAM_SUB_BITS + 1) * HISTOGRAM_SUBS
};

/* All zero is an empty one. */
struct histogram {
    uint64_t buckets[HISTOGRAM_BUCKETS];
    uint64_t count;
    uint64_t max;
    double sum;
};

/* Records a value. */
void histogram_add(struct histogram *h, uint64_t value);

/* Adds all that another one has recorded. */
void histogram_merge(struct histogram *h, const struct histogram *other);

/* The value that the share q, from 0 to 1, of those recorded does not exceed; 0 without any. */
uint64_t histogram_quantile(const struct histogram *h, double q);

/* 0 without any. */
double histogram_mean(const struct histogram *h);

#endif
