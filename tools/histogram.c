/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "histogram.h"

static size_t bucket_of(uint64_t value) {
    if (value < HISTOGRAM_SUBS) {
        return (size_t)value;
    }
    unsigned top = 63u - (unsigned)__builtin_clzll(value);
    unsigned shift = top - HISTOGRAM_SUB_BITS;
    return (size_t)shift * HISTOGRAM_SUBS + (size_t)(value >> shift);
}

/* The largest value of a bucket. */
static uint64_t bucket_end(size_t bucket) {
    if (bucket < HISTOGRAM_SUBS) {
        return bucket;
    }
    unsigned shift = (unsigned)(bucket / HISTOGRAM_SUBS) - 1u;
    uint64_t first = (uint64_t)(bucket - (size_t)shift * HISTOGRAM_SUBS) << shift;
    return first + ((UINT64_C(1) << shift) - 1u);
}

void histogram_add(struct histogram *h, uint64_t value) {
    h->buckets[bucket_of(value)]++;
    h->count++;
    h->sum += (double)value;
    if (value > h->max) {
        h->max = value;
    }
}

void histogram_merge(struct histogram *h, const struct histogram *other) {
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        h->buckets[i] += other->buckets[i];
    }
    h->count += other->count;
    h->sum += other->sum;
    if (other->max > h->max) {
        h->max = other->max;
    }
}

/* How many of them the share is: rounded up, so that 99 % of 3 are all three. */
static uint64_t rank_of(const struct histogram *h, double q) {
    double exact = q * (double)h->count;
    uint64_t rank = (uint64_t)exact;
    if ((double)rank < exact) {
        rank++;
    }
    return rank > 0 ? rank : 1;
}

uint64_t histogram_quantile(const struct histogram *h, double q) {
    uint64_t rank = rank_of(h, q);
    uint64_t seen = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += h->buckets[i];
        if (seen >= rank) {
            uint64_t end = bucket_end(i);
            return end < h->max ? end : h->max;
        }
    }
    return h->max;
}

double histogram_mean(const struct histogram *h) {
    return h->count > 0 ? h->sum / (double)h->count : 0.0;
}
