/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Log-linear histogram of durations in nanoseconds.
 *
 * Values below 128 have a bucket each; above, every power of two is cut into 64 buckets of equal
 * width, so a quantile is at most 1.6 % above the true one, over the whole range of uint64_t, in
 * constant memory. Recording costs a few instructions and never fails. No allocation, no threads.
 */
#ifndef SIO_BENCH_HISTOGRAM_H
#define SIO_BENCH_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define HISTOGRAM_SUB_BITS  6
#define HISTOGRAM_SUB_COUNT (1u << HISTOGRAM_SUB_BITS)
#define HISTOGRAM_BUCKETS   ((64u - HISTOGRAM_SUB_BITS + 1u) * HISTOGRAM_SUB_COUNT)

struct histogram {
    uint64_t buckets[HISTOGRAM_BUCKETS];
    uint64_t count;
    uint64_t max;
    double sum;
};

static inline void histogram_reset(struct histogram *h) {
    memset(h, 0, sizeof(*h));
}

static inline size_t histogram_bucket(uint64_t value) {
    if (value < HISTOGRAM_SUB_COUNT) {
        return (size_t)value;
    }
    unsigned top = 63u - (unsigned)__builtin_clzll(value);
    unsigned shift = top - HISTOGRAM_SUB_BITS;
    return (size_t)shift * HISTOGRAM_SUB_COUNT + (size_t)(value >> shift);
}

/* The largest value that falls into a bucket. */
static inline uint64_t histogram_bucket_end(size_t bucket) {
    if (bucket < HISTOGRAM_SUB_COUNT) {
        return bucket;
    }
    unsigned shift = (unsigned)(bucket / HISTOGRAM_SUB_COUNT) - 1u;
    uint64_t first = (uint64_t)(bucket - (size_t)shift * HISTOGRAM_SUB_COUNT) << shift;
    return first + ((UINT64_C(1) << shift) - 1u);
}

static inline void histogram_record(struct histogram *h, uint64_t value) {
    h->buckets[histogram_bucket(value)]++;
    h->count++;
    h->sum += (double)value;
    if (value > h->max) {
        h->max = value;
    }
}

/* The value that the share `q` (0 to 1) of the recorded ones does not exceed; 0 without any. */
static inline uint64_t histogram_quantile(const struct histogram *h, double q) {
    uint64_t rank = (uint64_t)(q * (double)h->count + 0.5);
    if (rank < 1) {
        rank = 1;
    }
    uint64_t seen = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += h->buckets[i];
        if (seen >= rank) {
            uint64_t end = histogram_bucket_end(i);
            return end < h->max ? end : h->max;
        }
    }
    return h->max;
}

static inline double histogram_mean(const struct histogram *h) {
    return h->count > 0 ? h->sum / (double)h->count : 0.0;
}

#endif
