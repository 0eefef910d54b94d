/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Pool of objects of one size.
 *
 * Objects are cut from blocks of 64 KiB that are aligned to their size, so that the block of an
 * object is found by its address. Each block has its own free list. Blocks with room are sorted
 * into classes by how full they are, and the fullest serves first: the others can run empty, and an
 * empty block goes back to the system at once, but for one that is kept against thrashing, or more
 * where that was asked for.
 * All operations are O(1). A slab is used by one thread.
 * Compiled with SIO_NO_POOL every object comes from sio__malloc(), where checkers see it.
 */
#ifndef BASE_SLAB_H
#define BASE_SLAB_H

#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

#define SIO_SLAB_BLOCK_BYTES 65536u
#define SIO_SLAB_OBJECT_MAX  16320u /* four to a block */
#define SIO_SLAB_CLASSES     8

struct slab_block;

struct slab {
    struct list partial[SIO_SLAB_CLASSES]; /* blocks with room, by used >> class_shift */
    struct list full;                      /* blocks without */
    struct list spares;                    /* blocks without objects */
    uint32_t spare_count;
    uint32_t keep;    /* most spare blocks */
    uint32_t classes; /* bit i: partial[i] is not empty */
    uint32_t class_shift;
    uint32_t object_size; /* bytes, a multiple of 16 */
    uint32_t per_block;   /* objects that fit into a block */
    size_t used;          /* objects handed out */
    size_t blocks;        /* blocks held, with the spare ones */
};

/**
 * Makes an empty pool; allocates nothing. The struct must not move in memory afterwards.
 *
 * @param object_size  bytes, 1 to SIO_SLAB_OBJECT_MAX
 */
void sio__slab_init(struct slab *s, size_t object_size);

/** Frees all blocks. All objects have to be back by then (asserted). NULL is fine. */
void sio__slab_done(struct slab *s);

/** Returns an uninitialised object, aligned to 16 bytes; NULL when there is no memory. */
void *sio__slab_alloc(struct slab *s) __attribute__((warn_unused_result));

/** Takes back an object of this pool; NULL is fine. */
void sio__slab_free(struct slab *s, void *p);

/**
 * Sets how many empty blocks are kept against thrashing, 1 at first: for pools that fill and empty
 * again and again. Until sio__slab_trim() they stay.
 */
void sio__slab_keep(struct slab *s, uint32_t blocks);

/** Gives the spare blocks back to the system. */
void sio__slab_trim(struct slab *s);

#endif /* BASE_SLAB_H */
