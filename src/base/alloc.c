/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The allocator hook and its default: the C library, and mmap() for aligned blocks.
 *
 * The hook is the library's only mutable global. It is written by sio_set_allocator() before
 * anything else runs and only read afterwards, so it needs no lock.
 */
#include "base/alloc.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <sio/alloc.h>
#include <sio/error.h>

static void *system_malloc(size_t size, void *user) {
    (void)user;
    return malloc(size);
}

static void *system_realloc(void *p, size_t size, void *user) {
    (void)user;
    return realloc(p, size);
}

static void system_free(void *p, void *user) {
    (void)user;
    free(p);
}

static void *map_pages(size_t size) {
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

static void system_pages_free(void *p, size_t size, void *user) {
    (void)user;
    if (munmap(p, size) != 0) {
        /* The system is out of map entries; the memory itself can go back all the same. */
        (void)madvise(p, size, MADV_DONTNEED);
    }
}

static void *system_pages(size_t size, void *user) {
    uint8_t *p = map_pages(size);
    if (p == NULL || ((uintptr_t)p & (size - 1)) == 0) {
        return p; /* the usual case: mappings line up behind one another */
    }
    system_pages_free(p, size, user);
    p = map_pages(2 * size); /* no overflow: half of that was there just now */
    if (p == NULL) {
        return NULL;
    }
    size_t before = (size_t)(-(uintptr_t)p & (size - 1));
    if (before > 0) {
        system_pages_free(p, before, user);
    }
    if (before < size) {
        system_pages_free(p + before + size, size - before, user);
    }
    return p + before;
}

#define SYSTEM_ALLOCATOR                                                                           \
    {                                                                                              \
        .size = sizeof(sio_allocator), .malloc_fn = system_malloc, .realloc_fn = system_realloc,   \
        .free_fn = system_free, .pages_fn = system_pages, .pages_free_fn = system_pages_free,      \
    }

static sio_allocator hook = SYSTEM_ALLOCATOR;

static bool all_zero(const uint8_t *p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (p[i] != 0) {
            return false;
        }
    }
    return true;
}

int sio_set_allocator(const sio_allocator *allocator) {
    if (allocator == NULL) {
        hook = (sio_allocator)SYSTEM_ALLOCATOR;
        return 0;
    }
    if (allocator->size < sizeof(sio_allocator) || allocator->malloc_fn == NULL ||
        allocator->realloc_fn == NULL || allocator->free_fn == NULL ||
        (allocator->pages_fn == NULL) != (allocator->pages_free_fn == NULL)) {
        return SIO_ERR_INVALID;
    }
    const uint8_t *tail = (const uint8_t *)allocator + sizeof(sio_allocator);
    if (!all_zero(tail, allocator->size - sizeof(sio_allocator))) {
        return SIO_ERR_VERSION;
    }
    hook = *allocator;
    if (hook.pages_fn == NULL) {
        hook.pages_fn = system_pages;
        hook.pages_free_fn = system_pages_free;
    }
    return 0;
}

void sio__free(void *p) {
    if (p != NULL) {
        hook.free_fn(p, hook.user);
    }
}

void *sio__malloc(size_t n) {
    return hook.malloc_fn(n > 0 ? n : 1, hook.user);
}

void *sio__calloc(size_t n, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes)) {
        return NULL;
    }
    if (hook.malloc_fn == system_malloc) {
        return calloc(1, bytes > 0 ? bytes : 1); /* knows which memory is zero already */
    }
    void *p = sio__malloc(bytes);
    return p == NULL ? NULL : memset(p, 0, bytes);
}

void *sio__realloc(void *p, size_t n) {
    return hook.realloc_fn(p, n > 0 ? n : 1, hook.user);
}

void *sio__reallocarray(void *p, size_t n, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes)) {
        return NULL;
    }
    return sio__realloc(p, bytes);
}

char *sio__strndup(const char *s, size_t n) {
    if (n == SIZE_MAX) {
        return NULL;
    }
    char *copy = sio__malloc(n + 1);
    if (copy == NULL) {
        return NULL;
    }
    if (n > 0) {
        memcpy(copy, s, n);
    }
    copy[n] = '\0';
    return copy;
}

void *sio__pages_alloc(size_t size) {
    assert(size >= 4096 && (size & (size - 1)) == 0);
    return hook.pages_fn(size, hook.user);
}

void sio__pages_free(void *p, size_t size) {
    if (p != NULL) {
        hook.pages_free_fn(p, size, hook.user);
    }
}

void sio__alloc_trim(void) {
#ifdef __GLIBC__
    /* The C library keeps what is free between blocks that are not, unless it is told otherwise. */
    if (hook.malloc_fn == system_malloc) {
        malloc_trim(0);
    }
#endif
}
