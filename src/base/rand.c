/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Random bytes from the kernel, fetched in stock because a system call per id would be dear.
 */
#include "base/rand.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

static int from_system(uint8_t *dst, size_t n) {
    while (n > 0) {
        ssize_t got = getrandom(dst, n, 0);
        if (got < 0) {
            if (errno == EINTR) {
                continue;
            }
            return -errno;
        }
        dst += got;
        n -= (size_t)got;
    }
    return 0;
}

int sio__rand_bytes(struct rand_pool *pool, void *dst, size_t n) {
    if (n > sizeof(pool->bytes)) {
        return from_system(dst, n);
    }
    if (n > pool->left) {
        pool->left = 0;
        int r = from_system(pool->bytes, sizeof(pool->bytes));
        if (r < 0) {
            return r;
        }
        pool->left = sizeof(pool->bytes);
    }
    if (n > 0) {
        pool->left -= n;
        memcpy(dst, pool->bytes + pool->left, n);
        explicit_bzero(pool->bytes + pool->left, n);
    }
    return 0;
}
