/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Memory: the only door to the allocator.
 *
 * Nothing else in the library calls malloc() and its kin. Every function here may return NULL, and
 * the caller answers that with SIO_ERR_NOMEM and an unchanged state.
 * The allocator is replaced with sio_set_allocator() of <sio/alloc.h>, which is how tests make the
 * n-th allocation fail.
 */
#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H

#include <stddef.h>

/** Frees p; NULL is fine. */
void sio__free(void *p);

/** Returns n uninitialised bytes, NULL when there is no memory. n may be 0: a unique block. */
void *sio__malloc(size_t n) __attribute__((malloc, warn_unused_result));

/** Returns zeroed memory for n items of size bytes; NULL also when n * size overflows. */
void *sio__calloc(size_t n, size_t size) __attribute__((malloc, warn_unused_result));

/** As realloc(): p may be NULL; on NULL p is unchanged and still owned by the caller. */
void *sio__realloc(void *p, size_t n) __attribute__((warn_unused_result));

/** As sio__realloc() for n items of size bytes; NULL also when n * size overflows. */
void *sio__reallocarray(void *p, size_t n, size_t size) __attribute__((warn_unused_result));

/**
 * Copies n bytes and terminates them with NUL; bytes 0 within them are copied, too.
 *
 * @param s  may be NULL when n is 0
 * @return the copy, for sio__free(), or NULL when there is no memory
 */
char *sio__strndup(const char *s, size_t n) __attribute__((malloc, warn_unused_result));

/**
 * Returns size uninitialised bytes aligned to size; they go back to the system when freed.
 *
 * @param size  a power of two, at least 4096
 * @return for sio__pages_free() with the same size; NULL when there is no memory
 */
void *sio__pages_alloc(size_t size) __attribute__((warn_unused_result));

/** Gives back what sio__pages_alloc() returned; NULL is fine. */
void sio__pages_free(void *p, size_t size);

/**
 * Asks the allocator to give unused memory back to the system, where it can be asked: after many
 * objects were freed. Costs time; not for hot paths.
 */
void sio__alloc_trim(void);

#endif /* BASE_ALLOC_H */
