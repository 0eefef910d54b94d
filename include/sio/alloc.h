/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Where the library takes its memory from.
 *
 * Every allocation of the library goes through one allocator, by default that of the C library
 * and, for large aligned blocks, mmap(). A program may put its own in place before it makes any
 * other call. Every allocation may fail: the failure is local, it costs a message or a connection,
 * never the process.
 */
#ifndef SIO_ALLOC_H
#define SIO_ALLOC_H

#include <stddef.h>

#include <sio/api.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * An allocator. The functions may be called from every thread that uses the library, so they have
 * to be thread safe; they must not call back into the library.
 */
typedef struct sio_allocator {
    /** sizeof(sio_allocator), so that later versions can add members. */
    size_t size;

    /** As malloc(); size is never 0. Returns NULL when there is no memory. */
    void *(*malloc_fn)(size_t size, void *user);

    /** As realloc(); p may be NULL, size is never 0. On NULL the old block stays as it was. */
    void *(*realloc_fn)(void *p, size_t size, void *user);

    /** As free(); p is never NULL. */
    void (*free_fn)(void *p, void *user);

    /**
     * Returns memory for pools: size bytes, aligned to size, which is a power of two of at least
     * 4096. The contents do not matter. NULL when there is none.
     * Both functions for pages may be left NULL: then the library uses mmap() and munmap().
     */
    void *(*pages_fn)(size_t size, void *user);

    /** Takes back what pages_fn returned, with the same size. */
    void (*pages_free_fn)(void *p, size_t size, void *user);

    /** Handed to every function. */
    void *user;
} sio_allocator;

/**
 * Replaces the allocator. [setup]
 *
 * Has to be the first call into the library, or one made when nothing of the library is alive:
 * memory is given back to the allocator that is in place at that time.
 *
 * @param allocator  is copied; NULL restores the default
 * @return 0; SIO_ERR_INVALID when one of malloc_fn, realloc_fn and free_fn is missing, or only one
 *         of the functions for pages is there; SIO_ERR_VERSION when the struct is larger than that
 *         of this library and what it has more is not zero
 */
SIO_API int sio_set_allocator(const sio_allocator *allocator);

#ifdef __cplusplus
}
#endif

#endif /* SIO_ALLOC_H */
