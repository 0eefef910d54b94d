/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The failing allocator.
 *
 * Every block has a header, which links it into the list of those alive and remembers which
 * allocation of the run it was. Blocks are filled with a pattern, so that nobody comes to rely on
 * zeroed memory; realloc always moves them, so that nobody comes to rely on their address. Pages
 * have their header in memory of its own.
 */
#include "support/torture.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <uv.h>

#include <sio/alloc.h>
#include <sio/error.h>

#include "base/list.h"

#define FILL_NEW 0xa5
#define FILL_OLD 0xdd
#define MAGIC    0x70b10c4ed5eedb10u

enum { LIBRARY, LIBUV, ORIGINS };

struct block {
    _Alignas(16) struct list link;
    uint64_t magic;
    void *data;
    size_t size;
    size_t number; /* which allocation of the library it was since the plan was made */
    size_t origin; /* LIBRARY or LIBUV */
};

static struct {
    pthread_mutex_t lock;
    struct list alive;
    size_t blocks[ORIGINS];
    size_t bytes;
    size_t count; /* allocations ever */

    enum torture_mode mode; /* the plan, and what came of it */
    size_t n;
    size_t number; /* allocations of the library since then */
    size_t refused;
    bool suspended;

    bool installed;
    size_t installed_with; /* blocks of the library that a failed test has left behind */
    bool under_uv;
    enum torture_mode running; /* of the run that torture_run() has under way */
    size_t running_n;
} torture = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .alive = {&torture.alive, &torture.alive},
};

/* ---- blocks ---- */

/* Counts an allocation; true when it has to fail. The lock is held. */
static bool refuse(size_t origin) {
    torture.count++;
    if (origin == LIBUV || torture.suspended) {
        return false;
    }
    torture.number++;
    bool hit = (torture.mode == TORTURE_ONCE && torture.number == torture.n) ||
               (torture.mode == TORTURE_FROM && torture.number >= torture.n);
    torture.refused += hit;
    return hit;
}

static void enter(struct block *b, void *data, size_t size, size_t origin) {
    *b = (struct block){
        .magic = MAGIC,
        .data = data,
        .size = size,
        .number = torture.number,
        .origin = origin,
    };
    sio__list_push_back(&torture.alive, &b->link);
    torture.blocks[origin]++;
    torture.bytes += size;
    memset(data, FILL_NEW, size);
}

static void leave(struct block *b) {
    if (b->magic != MAGIC) {
        (void)fprintf(stderr, "torture: %p was not allocated here, or is freed twice\n", b->data);
        abort();
    }
    sio__list_remove(&b->link);
    torture.blocks[b->origin]--;
    torture.bytes -= b->size;
    memset(b->data, FILL_OLD, b->size);
    b->magic = 0;
}

static struct block *header_of(void *p) {
    return (struct block *)p - 1;
}

static void *allocate(size_t size, size_t origin) {
    struct block *b = NULL;
    pthread_mutex_lock(&torture.lock);
    if (!refuse(origin)) {
        b = malloc(sizeof(*b) + size);
        assert_non_null(b);
        enter(b, b + 1, size, origin);
    }
    pthread_mutex_unlock(&torture.lock);
    return b == NULL ? NULL : b + 1;
}

static void release(void *p) {
    pthread_mutex_lock(&torture.lock);
    leave(header_of(p));
    pthread_mutex_unlock(&torture.lock);
    free(header_of(p));
}

static void *reallocate(void *old, size_t size, size_t origin) {
    void *p = allocate(size, origin);
    if (p == NULL || old == NULL) {
        return p;
    }
    size_t old_size = header_of(old)->size;
    memcpy(p, old, size < old_size ? size : old_size);
    release(old);
    return p;
}

static void *hook_malloc(size_t size, void *user) {
    (void)user;
    return allocate(size, LIBRARY);
}

static void *hook_realloc(void *old, size_t size, void *user) {
    (void)user;
    return reallocate(old, size, LIBRARY);
}

static void hook_free(void *p, void *user) {
    (void)user;
    release(p);
}

static void *hook_pages(size_t size, void *user) {
    (void)user;
    void *pages = NULL;
    pthread_mutex_lock(&torture.lock);
    if (!refuse(LIBRARY)) {
        struct block *b = malloc(sizeof(*b));
        pages = aligned_alloc(size, size);
        assert_non_null(b);
        assert_non_null(pages);
        enter(b, pages, size, LIBRARY);
    }
    pthread_mutex_unlock(&torture.lock);
    return pages;
}

static void hook_pages_free(void *p, size_t size, void *user) {
    (void)user;
    pthread_mutex_lock(&torture.lock);
    struct list *n = torture.alive.next;
    while (n != &torture.alive && SIO_CONTAINER_OF(n, struct block, link)->data != p) {
        n = n->next;
    }
    assert_ptr_not_equal(n, &torture.alive);
    struct block *b = SIO_CONTAINER_OF(n, struct block, link);
    assert_int_equal(b->size, size);
    leave(b);
    pthread_mutex_unlock(&torture.lock);
    free(b);
    free(p);
}

/* ---- libuv, whose hooks have no user pointer ---- */

static void *uv_hook_malloc(size_t size) {
    return allocate(size, LIBUV);
}

static void *uv_hook_realloc(void *p, size_t size) {
    return reallocate(p, size, LIBUV);
}

static void *uv_hook_calloc(size_t n, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes)) {
        return NULL;
    }
    void *p = allocate(bytes, LIBUV);
    return p == NULL ? NULL : memset(p, 0, bytes);
}

static void uv_hook_free(void *p) {
    if (p != NULL) {
        release(p);
    }
}

/* ---- interface ---- */

void torture_install(void) {
    static const sio_allocator allocator = {
        .size = sizeof(allocator),
        .malloc_fn = hook_malloc,
        .realloc_fn = hook_realloc,
        .free_fn = hook_free,
        .pages_fn = hook_pages,
        .pages_free_fn = hook_pages_free,
    };
    torture_plan(TORTURE_NEVER, 0);
    assert_int_equal(sio_set_allocator(&allocator), 0);
    torture.installed = true;
    torture.installed_with = torture.blocks[LIBRARY];
}

void torture_install_uv(void) {
    if (!torture.under_uv) {
        assert_int_equal(
            uv_replace_allocator(uv_hook_malloc, uv_hook_realloc, uv_hook_calloc, uv_hook_free), 0);
        torture.under_uv = true;
    }
}

static void restore(void) {
    torture_plan(TORTURE_NEVER, 0);
    assert_int_equal(sio_set_allocator(NULL), 0);
    torture.installed = false;
}

/* Fails the test, and lists the newest blocks, when more of these origins are alive than before. */
static void assert_no_leak(size_t before, size_t origins) {
    size_t alive = 0;
    for (size_t i = 0; i < origins; i++) {
        alive += torture.blocks[i];
    }
    if (alive <= before) {
        return;
    }
    size_t leaked = alive - before;
    for (struct list *n = torture.alive.prev; n != &torture.alive && leaked > 0; n = n->prev) {
        const struct block *b = SIO_CONTAINER_OF(n, struct block, link);
        if (b->origin < origins) {
            leaked--;
            print_error("torture: %zu bytes of allocation %zu are still alive\n", b->size,
                        b->number);
        }
    }
    fail_msg("%zu blocks are alive, %zu were before", alive, before);
}

void torture_uninstall(void) {
    restore();
    assert_no_leak(torture.installed_with, LIBUV); /* libuv keeps some for good */
}

void torture_plan(enum torture_mode mode, size_t n) {
    pthread_mutex_lock(&torture.lock);
    torture.mode = mode;
    torture.n = n;
    torture.number = 0;
    torture.refused = 0;
    torture.suspended = false;
    pthread_mutex_unlock(&torture.lock);
}

void torture_suspend(bool suspended) {
    pthread_mutex_lock(&torture.lock);
    torture.suspended = suspended;
    pthread_mutex_unlock(&torture.lock);
}

static size_t locked_read(const size_t *value) {
    pthread_mutex_lock(&torture.lock);
    size_t copy = *value;
    pthread_mutex_unlock(&torture.lock);
    return copy;
}

size_t torture_refused(void) {
    return locked_read(&torture.refused);
}

size_t torture_count(void) {
    return locked_read(&torture.count);
}

size_t torture_blocks(void) {
    return locked_read(&torture.blocks[LIBRARY]) + locked_read(&torture.blocks[LIBUV]);
}

size_t torture_bytes(void) {
    return locked_read(&torture.bytes);
}

/* ---- runs ---- */

static const char *mode_name(enum torture_mode mode) {
    return mode == TORTURE_ONCE ? "only allocation" : "all from allocation";
}

/* Runs the scenario under a plan; returns how many allocations were refused. */
static size_t run_once(torture_fn scenario, void *user, enum torture_mode mode, size_t n) {
    if (getenv("TORTURE_VERBOSE") != NULL && mode != TORTURE_NEVER) {
        print_message("torture: %s %zu fails\n", mode_name(mode), n);
    }
    size_t blocks_before = torture_blocks();
    torture.running = mode;
    torture.running_n = n;
    torture_plan(mode, n);
    int r = scenario(user);
    size_t refused = torture_refused();
    torture_plan(TORTURE_NEVER, 0);
    if (r != 0 && (refused == 0 || (r != SIO_ERR_NOMEM && r != -ENOMEM))) {
        fail_msg("the scenario returned %d, %s, with %zu allocations refused", r, sio_errname(r),
                 refused);
    }
    assert_no_leak(blocks_before, ORIGINS);
    return refused;
}

void torture_run(torture_fn scenario, void *user) {
    bool was_installed = torture.installed;
    if (!was_installed) {
        torture_install();
    }
    if (torture.under_uv) {
        /* What libuv allocates once and for all does not count as a leak. */
        assert_int_equal(scenario(user), 0);
    }
    size_t first = torture_count();
    (void)run_once(scenario, user, TORTURE_NEVER, 0);
    if (torture_count() == first) {
        fail_msg("the scenario allocates nothing");
    }
    for (enum torture_mode mode = TORTURE_ONCE; mode <= TORTURE_FROM; mode++) {
        size_t n = 1;
        while (run_once(scenario, user, mode, n) > 0) {
            n++;
        }
    }
    torture.running = TORTURE_NEVER;
    if (!was_installed) {
        restore();
    }
}

int torture_teardown(void **state) {
    (void)state;
    if (torture.running != TORTURE_NEVER) {
        print_error("torture: the test failed when %s %zu was refused\n",
                    mode_name(torture.running), torture.running_n);
        torture.running = TORTURE_NEVER;
    }
    if (torture.installed) {
        restore();
    }
    return 0;
}
