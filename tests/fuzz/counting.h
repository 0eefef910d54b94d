/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * An allocator that knows how many bytes are alive: what a decoder holds can be compared with what
 * it was given. For fuzz targets, which are one thread and one file each.
 */
#ifndef SIO_TESTS_FUZZ_COUNTING_H
#define SIO_TESTS_FUZZ_COUNTING_H

#include <assert.h>
#include <malloc.h>
#include <stddef.h>
#include <stdlib.h>

#include <sio/alloc.h>

/* Usable bytes of all blocks that are not freed. */
static size_t bytes_alive;

static void *count_malloc(size_t size, void *user) {
    (void)user;
    void *p = malloc(size);
    bytes_alive += malloc_usable_size(p);
    return p;
}

static void *count_realloc(void *old, size_t size, void *user) {
    (void)user;
    bytes_alive -= malloc_usable_size(old);
    void *p = realloc(old, size);
    assert(p != NULL);
    bytes_alive += malloc_usable_size(p);
    return p;
}

static void count_free(void *p, void *user) {
    (void)user;
    bytes_alive -= malloc_usable_size(p);
    free(p);
}

/* Every allocation of the library is counted from here on. */
static void count_memory(void) {
    static const sio_allocator COUNTING = {
        .size = sizeof(COUNTING),
        .malloc_fn = count_malloc,
        .realloc_fn = count_realloc,
        .free_fn = count_free,
    };
    int r = sio_set_allocator(&COUNTING);
    assert(r == 0);
}

#endif
