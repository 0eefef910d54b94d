/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The containers of base while memory runs out: after a refusal each of them has to be consistent
 * and to work on, and nothing may leak. Also the first use of the harness, so that it is tested
 * here, too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <uv.h>

#include <sio/error.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/map.h"
#include "base/slab.h"
#include "base/vec.h"
#include "base/wheel.h"
#include "support/torture.h"

/* ---- scenarios ---- */

/* Appends pieces as they come; one that is refused leaves no trace, and a later one may fit. */
static int fill_a_buffer(void *user) {
    (void)user;
    static const char piece[] = "0123456789abcdef";
    struct buf b;
    sio__buf_init(&b, 4096);
    int result = 0;
    size_t expected = 0;
    for (int i = 0; i < 100; i++) {
        int r = sio__buf_append(&b, piece, 16);
        if (r == 0) {
            expected += 16;
        } else {
            result = r;
        }
        assert_int_equal(b.len, expected);
    }
    for (size_t i = 0; i < b.len; i++) {
        assert_int_equal(b.data[i], piece[i % 16]);
    }
    b.len -= b.len / 2;
    sio__buf_shrink(&b, 0);
    assert_int_equal(b.len, expected - expected / 2);
    sio__buf_done(&b);
    return result;
}

static int fill_an_array(void *user) {
    (void)user;
    struct {
        uint64_t *items;
        uint32_t len;
        uint32_t cap;
    } v = {0};
    int result = 0;
    for (uint64_t i = 0; i < 200; i++) {
        int r = sio__vec_reserve(&v.items, &v.cap, v.len + 1, sizeof(*v.items));
        if (r < 0) {
            result = r;
            continue;
        }
        v.items[v.len] = v.len;
        v.len++;
    }
    v.len /= 10;
    sio__vec_shrink(&v.items, &v.cap, v.len, sizeof(*v.items));
    for (uint32_t i = 0; i < v.len; i++) {
        assert_int_equal(v.items[i], i);
    }
    sio__free(v.items);
    return result;
}

/* A directory of sessions: a pool of objects, a map to find them, and a timer in each. */
struct session {
    char id[8];
    struct timer timer;
    struct directory *home;
};

struct directory {
    struct slab slab;
    struct map map;
    struct wheel wheel;
};

static const char *session_id(const void *item, size_t *ret_len) {
    *ret_len = sizeof(((const struct session *)item)->id);
    return ((const struct session *)item)->id;
}

static void close_session(struct timer *t) {
    struct session *s = SIO_CONTAINER_OF(t, struct session, timer);
    assert_ptr_equal(sio__map_remove(&s->home->map, s->id, sizeof(s->id)), s);
    sio__slab_free(&s->home->slab, s);
}

static int open_session(struct directory *d, uint64_t number, uint64_t lifetime_ms) {
    struct session *s = sio__slab_alloc(&d->slab);
    if (s == NULL) {
        return SIO_ERR_NOMEM;
    }
    memcpy(s->id, &number, sizeof(s->id));
    s->home = d;
    int r = sio__map_insert(&d->map, s);
    if (r < 0) {
        sio__slab_free(&d->slab, s);
        return r;
    }
    sio__timer_init(&s->timer, close_session);
    sio__wheel_start(&d->wheel, &s->timer, d->wheel.now_ms + lifetime_ms);
    return 0;
}

static int keep_sessions(void *user) {
    uint64_t count = *(const uint64_t *)user;
    static const uint64_t seed[2] = {1, 2};
    struct directory d;
    sio__slab_init(&d.slab, sizeof(struct session));
    sio__map_init(&d.map, session_id, seed);
    sio__wheel_init(&d.wheel, 1000);
    int result = 0;
    uint32_t open = 0;
    for (uint64_t i = 0; i < count; i++) {
        int r = open_session(&d, i, 1 + i * 7 % 5000);
        if (r == 0) {
            open++;
        } else {
            result = r;
        }
        assert_int_equal(d.map.len, open);
        assert_int_equal(d.slab.used, open);
        assert_true((sio__map_find(&d.map, &i, sizeof(i)) != NULL) == (r == 0));
    }
    /* Half of them by their timers, the rest at once. */
    open -= (uint32_t)sio__wheel_advance(&d.wheel, 3500);
    assert_int_equal(d.map.len, open);
    assert_int_equal(sio__wheel_advance(&d.wheel, UINT64_MAX), open);
    assert_int_equal(d.map.len, 0);
    sio__map_done(&d.map);
    sio__slab_done(&d.slab);
    return result;
}

/* ---- tests ---- */

static void buffers_survive(void **state) {
    (void)state;
    torture_run(fill_a_buffer, NULL);
}

static void arrays_survive(void **state) {
    (void)state;
    torture_run(fill_an_array, NULL);
}

static void a_directory_of_sessions_survives(void **state) {
    (void)state;
    uint64_t count = 300;
    torture_run(keep_sessions, &count);
}

static void blocks_of_a_pool_come_and_go(void **state) {
    (void)state;
    uint64_t count = 2500; /* more than one block of the pool; few enough to fail each in turn */
#ifdef SIO_NO_POOL
    count = 300; /* then each session is an allocation */
#endif
    torture_run(keep_sessions, &count);
}

static void a_directory_in_steady_use_allocates_nothing(void **state) {
    (void)state;
#ifndef SIO_NO_POOL
    torture_install();
    static const uint64_t seed[2] = {3, 4};
    struct directory d;
    sio__slab_init(&d.slab, sizeof(struct session));
    sio__map_init(&d.map, session_id, seed);
    sio__wheel_init(&d.wheel, 0);
    for (uint64_t i = 0; i < 100; i++) {
        assert_int_equal(open_session(&d, i, 2500), 0);
    }
    size_t before = torture_count();
    for (uint64_t i = 100; i < 5000; i++) {
        (void)sio__wheel_advance(&d.wheel, d.wheel.now_ms + 50);
        assert_int_equal(open_session(&d, i, 2500), 0);
    }
    assert_int_equal(torture_count(), before);
    (void)sio__wheel_advance(&d.wheel, UINT64_MAX);
    sio__map_done(&d.map);
    sio__slab_done(&d.slab);
    torture_uninstall();
#endif
}

/* ---- the harness itself ---- */

struct journal {
    size_t runs;
    size_t refused[32]; /* per run: bit i is set when allocation i was refused */
};

static int allocate_three_times(void *user) {
    struct journal *j = user;
    for (unsigned i = 0; i < 3; i++) {
        void *p = sio__malloc(10);
        j->refused[j->runs] |= p == NULL ? 1u << i : 0;
        sio__free(p);
    }
    j->runs++;
    return j->refused[j->runs - 1] != 0 ? SIO_ERR_NOMEM : 0;
}

static void every_allocation_is_refused_once_and_from_there_on(void **state) {
    (void)state;
    struct journal j = {0};
    torture_run(allocate_three_times, &j);
    /* To count; each alone, and one run beyond; from each on, and one run beyond. */
    static const size_t expected[] = {0, 1, 2, 4, 0, 7, 6, 4, 0};
    assert_int_equal(j.runs, sizeof(expected) / sizeof(expected[0]));
    assert_memory_equal(j.refused, expected, sizeof(expected));
}

static void blocks_and_bytes_are_counted(void **state) {
    (void)state;
    torture_install();
    size_t count = torture_count();
    void *p = sio__malloc(100);
    assert_non_null(p);
    void *pages = sio__pages_alloc(65536);
    assert_non_null(pages);
    assert_int_equal((uintptr_t)pages % 65536, 0);
    assert_int_equal(torture_blocks(), 2);
    assert_int_equal(torture_bytes(), 65636);
    p = sio__realloc(p, 50);
    assert_non_null(p);
    assert_int_equal(torture_count(), count + 3);
    assert_int_equal(torture_bytes(), 65586);
    sio__free(p);
    sio__pages_free(pages, 65536);
    assert_int_equal(torture_blocks(), 0);
    assert_int_equal(torture_bytes(), 0);
    assert_int_equal(torture_count(), count + 3);
    torture_uninstall();
}

static void a_refused_realloc_leaves_the_block(void **state) {
    (void)state;
    torture_install();
    char *p = sio__strndup("kept", 4);
    assert_non_null(p);
    torture_plan(TORTURE_ONCE, 1);
    assert_null(sio__realloc(p, 1000));
    assert_int_equal(torture_refused(), 1);
    assert_string_equal(p, "kept");
    p = sio__realloc(p, 1000);
    assert_non_null(p);
    assert_string_equal(p, "kept");
    sio__free(p);
    torture_uninstall();
}

static int run_a_loop(void *user) {
    size_t count = torture_count();
    void *p = sio__malloc(10);
    uv_loop_t loop;
    assert_int_equal(uv_loop_init(&loop), 0);
    *(size_t *)user = torture_count() - count;
    assert_int_equal(uv_loop_close(&loop), 0);
    sio__free(p);
    return p == NULL ? SIO_ERR_NOMEM : 0;
}

/* The last test, since there is no way back. */
static void libuv_can_be_put_under_the_harness(void **state) {
    (void)state;
    size_t allocations = 0;
    torture_install_uv();
    torture_run(run_a_loop, &allocations);
    assert_true(allocations > 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(every_allocation_is_refused_once_and_from_there_on,
                                  torture_teardown),
        cmocka_unit_test_teardown(blocks_and_bytes_are_counted, torture_teardown),
        cmocka_unit_test_teardown(a_refused_realloc_leaves_the_block, torture_teardown),
        cmocka_unit_test_teardown(buffers_survive, torture_teardown),
        cmocka_unit_test_teardown(arrays_survive, torture_teardown),
        cmocka_unit_test_teardown(a_directory_of_sessions_survives, torture_teardown),
        cmocka_unit_test_teardown(blocks_of_a_pool_come_and_go, torture_teardown),
        cmocka_unit_test_teardown(a_directory_in_steady_use_allocates_nothing, torture_teardown),
        cmocka_unit_test_teardown(libuv_can_be_put_under_the_harness, torture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
