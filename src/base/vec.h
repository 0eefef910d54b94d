/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The core of typed growable arrays. A user writes
 *
 *     struct { struct thing *items; uint32_t len; uint32_t cap; } v = {0};
 *
 *     int r = sio__vec_reserve(&v.items, &v.cap, v.len + 1, sizeof(*v.items));
 *     if (r < 0) {
 *         return r;
 *     }
 *     v.items[v.len++] = thing;
 *
 * and frees v.items with sio__free(). Capacities double from 4.
 */
#ifndef BASE_VEC_H
#define BASE_VEC_H

#include <stddef.h>
#include <stdint.h>

/** Part of sio__vec_reserve() that is not inline. */
int sio__vec_grow(void *items, uint32_t *cap, uint32_t need, size_t item_size);

/**
 * Makes sure that there is room for need items in all.
 *
 * @param items      address of the pointer to the items (of any object type); NULL pointer at first
 * @param cap        number of items that there is room for
 * @param need       number of items that there has to be room for; 0 is an overflowed len + 1 and
 *                   refused
 * @param item_size  bytes of one item
 * @return 0; SIO_ERR_NOMEM, and the array is as it was
 */
static inline int sio__vec_reserve(void *items, uint32_t *cap, uint32_t need, size_t item_size) {
    if (__builtin_expect(need - 1 < *cap, 1)) {
        return 0;
    }
    return sio__vec_grow(items, cap, need, item_size);
}

/**
 * Gives memory back when less than a quarter is in use; none in use frees all. A failure to do so
 * does not matter: the array is then as it was.
 */
void sio__vec_shrink(void *items, uint32_t *cap, uint32_t len, size_t item_size);

#endif /* BASE_VEC_H */
