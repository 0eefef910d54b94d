/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Pool of objects of one size in aligned blocks.
 *
 * Invariants: a block with room is in the list partial[used >> class_shift], one without in the
 * list full. Blocks that have become empty are spare, at most `keep` of them, and used when there
 * is no other with room. Memory that no object has used yet is never touched.
 */
#include "base/slab.h"

#include <assert.h>
#include <stdbool.h>

#include "base/alloc.h"

#define ALIGNMENT    16u
#define HEADER_BYTES 64u /* a cache line */

void sio__slab_init(struct slab *s, size_t object_size) {
    assert(object_size > 0 && object_size <= SIO_SLAB_OBJECT_MAX);
    *s = (struct slab){0};
    for (unsigned i = 0; i < SIO_SLAB_CLASSES; i++) {
        sio__list_init(&s->partial[i]);
    }
    sio__list_init(&s->full);
    sio__list_init(&s->spares);
    s->keep = 1;
    s->object_size = (uint32_t)((object_size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1));
    s->per_block = (SIO_SLAB_BLOCK_BYTES - HEADER_BYTES) / s->object_size;
    while ((s->per_block - 1) >> s->class_shift >= SIO_SLAB_CLASSES) {
        s->class_shift++;
    }
}

void sio__slab_keep(struct slab *s, uint32_t blocks) {
    s->keep = blocks;
}

#ifdef SIO_NO_POOL

void sio__slab_done(struct slab *s) {
    assert(s == NULL || s->used == 0);
    (void)s;
}

void *sio__slab_alloc(struct slab *s) {
    void *p = sio__malloc(s->object_size);
    s->used += p != NULL;
    return p;
}

void sio__slab_free(struct slab *s, void *p) {
    s->used -= p != NULL;
    sio__free(p);
}

void sio__slab_trim(struct slab *s) {
    (void)s;
}

#else

struct slab_block {
    struct list link;
    struct slab *slab; /* owner, to notice objects of another pool */
    void *free;        /* object given back, whose first word points to the next one */
    uint32_t used;     /* objects handed out */
    uint32_t fresh;    /* offset in bytes of the first object that was never handed out */
};

_Static_assert(sizeof(struct slab_block) <= HEADER_BYTES, "objects begin behind it");

static struct slab_block *block_of(void *p) {
    return (void *)((uint8_t *)p - (uintptr_t)p % SIO_SLAB_BLOCK_BYTES);
}

static void enter_class(struct slab *s, struct slab_block *b) {
    uint32_t class = b->used >> s->class_shift;
    if (b->used > 0) {
        sio__list_push_front(&s->partial[class], &b->link);
    } else {
        sio__list_push_back(&s->partial[class], &b->link);
    }
    s->classes |= 1u << class;
}

static void leave_class(struct slab *s, struct slab_block *b, uint32_t class) {
    sio__list_remove(&b->link);
    if (sio__list_empty(&s->partial[class])) {
        s->classes &= ~(1u << class);
    }
}

static void release(struct slab *s, struct slab_block *b) {
    s->blocks--;
    sio__pages_free(b, SIO_SLAB_BLOCK_BYTES);
}

/* Makes room: by a spare block, or a new one. */
static bool add_block(struct slab *s) {
    struct list *spare = sio__list_pop_front(&s->spares);
    if (spare != NULL) {
        s->spare_count--;
        enter_class(s, SIO_CONTAINER_OF(spare, struct slab_block, link));
        return true;
    }
    struct slab_block *b = sio__pages_alloc(SIO_SLAB_BLOCK_BYTES);
    if (b == NULL) {
        return false;
    }
    *b = (struct slab_block){.slab = s, .fresh = HEADER_BYTES};
    enter_class(s, b);
    s->blocks++;
    return true;
}

void *sio__slab_alloc(struct slab *s) {
    if (s->classes == 0 && !add_block(s)) {
        return NULL;
    }
    uint32_t class = 31u - (uint32_t)__builtin_clz(s->classes);
    struct slab_block *b = SIO_CONTAINER_OF(s->partial[class].next, struct slab_block, link);
    void *p = b->free;
    if (p != NULL) {
        b->free = *(void **)p;
        __builtin_prefetch(b->free); /* the next one's link */
    } else {
        p = (uint8_t *)b + b->fresh;
        b->fresh += s->object_size;
    }
    b->used++;
    s->used++;
    if (b->used == s->per_block) {
        leave_class(s, b, class);
        sio__list_push_back(&s->full, &b->link);
    } else if (b->used >> s->class_shift != class) {
        leave_class(s, b, class);
        enter_class(s, b);
    }
    return p;
}

/* Keeps a block that has just become empty as a spare one, or gives it back if there are enough. */
static void retire(struct slab *s, struct slab_block *b) {
    leave_class(s, b, 0);
    if (s->spare_count >= s->keep) {
        release(s, b);
        return;
    }
    sio__list_push_front(&s->spares, &b->link);
    s->spare_count++;
}

void sio__slab_free(struct slab *s, void *p) {
    if (p == NULL) {
        return;
    }
    struct slab_block *b = block_of(p);
    assert(b->slab == s && b->used > 0);
    *(void **)p = b->free;
    b->free = p;
    uint32_t class = b->used >> s->class_shift;
    bool was_full = b->used == s->per_block;
    b->used--;
    s->used--;
    if (was_full) {
        sio__list_remove(&b->link);
        enter_class(s, b);
    } else if (b->used >> s->class_shift != class) {
        leave_class(s, b, class);
        enter_class(s, b);
    }
    if (b->used == 0) {
        retire(s, b);
    }
}

static void release_all(struct slab *s, struct list *blocks) {
    for (struct list *n = sio__list_pop_front(blocks); n != NULL; n = sio__list_pop_front(blocks)) {
        release(s, SIO_CONTAINER_OF(n, struct slab_block, link));
    }
}

void sio__slab_trim(struct slab *s) {
    release_all(s, &s->spares);
    s->spare_count = 0;
}

void sio__slab_done(struct slab *s) {
    if (s == NULL) {
        return;
    }
    assert(s->used == 0);
    for (unsigned i = 0; i < SIO_SLAB_CLASSES; i++) {
        release_all(s, &s->partial[i]);
    }
    release_all(s, &s->full);
    sio__slab_trim(s);
    s->classes = 0;
    s->used = 0;
}

#endif
