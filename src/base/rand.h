/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Random bytes for ids, masks and seeds: a small store in front of getrandom().
 *
 * Every byte is handed out once and wiped. The bytes left are part of the memory, so a process that
 * forks must not use the same pool in both halves.
 */
#ifndef BASE_RAND_H
#define BASE_RAND_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/** A store of random bytes; all zero is an empty one. Used by one thread. */
struct rand_pool {
    uint8_t bytes[512];
    size_t left; /* bytes[0 .. left) are unused */
};

/**
 * Fills dst with n bytes fit for keys.
 *
 * @return 0; a negative errno when the system has none to give, and dst is then undefined
 */
int sio__rand_bytes(struct rand_pool *pool, void *dst, size_t n)
    __attribute__((warn_unused_result));

/** The same for four bytes, which every frame of a WebSocket client takes (RFC 6455 5.3). */
static inline int sio__rand_mask(struct rand_pool *pool, uint8_t dst[4]) {
    if (pool->left < 4) {
        return sio__rand_bytes(pool, dst, 4);
    }
    pool->left -= 4;
    memcpy(dst, pool->bytes + pool->left, 4);
    memset(pool->bytes + pool->left, 0, 4);
    return 0;
}

#endif /* BASE_RAND_H */
