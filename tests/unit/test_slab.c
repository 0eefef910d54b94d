/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/slab.h"
#include "support/torture.h"

#define OBJECTS 5000

static uint32_t next_random(uint32_t *x) {
    *x = *x * 1664525u + 1013904223u;
    return *x >> 8;
}

static void objects_of_every_size_are_aligned_and_apart(void **state) {
    (void)state;
    static const size_t sizes[] = {1, 8, 16, 17, 100, 320, 1024, 4000, SIO_SLAB_OBJECT_MAX};
    for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
        enum { COUNT = 300 };
        uint8_t *objects[COUNT];
        struct slab s;
        sio__slab_init(&s, sizes[k]);
        for (size_t i = 0; i < COUNT; i++) {
            objects[i] = sio__slab_alloc(&s);
            assert_non_null(objects[i]);
            assert_int_equal((uintptr_t)objects[i] % 16, 0);
            memset(objects[i], (int)(i % 251), sizes[k]);
        }
        assert_int_equal(s.used, COUNT);
        for (size_t i = 0; i < COUNT; i++) {
            for (size_t b = 0; b < sizes[k]; b++) {
                assert_int_equal(objects[i][b], i % 251);
            }
        }
        for (size_t i = 0; i < COUNT; i++) {
            sio__slab_free(&s, objects[i]);
        }
        assert_int_equal(s.used, 0);
        sio__slab_free(&s, NULL);
        sio__slab_done(&s);
    }
    sio__slab_done(NULL);
}

static void random_use_never_hands_out_an_object_twice(void **state) {
    (void)state;
    torture_install();
    static uint32_t *objects[OBJECTS];
    struct slab s;
    sio__slab_init(&s, 200);
    memset(objects, 0, sizeof(objects));
    uint32_t random = 7;
    size_t used = 0;
    for (int step = 0; step < 300000; step++) {
        uint32_t i = next_random(&random) % OBJECTS;
        if (objects[i] == NULL) {
            objects[i] = sio__slab_alloc(&s);
            assert_non_null(objects[i]);
            for (size_t k = 0; k < 50; k++) {
                objects[i][k] = i;
            }
            used++;
        } else {
            for (size_t k = 0; k < 50; k++) {
                assert_int_equal(objects[i][k], i);
            }
            sio__slab_free(&s, objects[i]);
            objects[i] = NULL;
            used--;
        }
        assert_int_equal(s.used, used);
    }
    for (size_t i = 0; i < OBJECTS; i++) {
        sio__slab_free(&s, objects[i]);
    }
    sio__slab_done(&s);
    torture_uninstall();
}

static void without_memory_alloc_returns_null_and_recovers(void **state) {
    (void)state;
    torture_install();
    struct slab s;
    sio__slab_init(&s, 64);
    torture_plan(TORTURE_FROM, 1);
    assert_null(sio__slab_alloc(&s));
    assert_null(sio__slab_alloc(&s));
    torture_plan(TORTURE_NEVER, 0);
    void *p = sio__slab_alloc(&s);
    assert_non_null(p);
    assert_int_equal(s.used, 1);
    sio__slab_free(&s, p);
    sio__slab_done(&s);
    torture_uninstall();
}

#ifndef SIO_NO_POOL

static void *objects[OBJECTS];

static void allocate_all(struct slab *s) {
    for (size_t i = 0; i < OBJECTS; i++) {
        objects[i] = sio__slab_alloc(s);
        assert_non_null(objects[i]);
    }
}

static void blocks_hold_as_many_objects_as_fit(void **state) {
    (void)state;
    static const struct {
        size_t size;
        uint32_t per_block;
    } cases[] = {{1, 4092},  {16, 4092}, {17, 2046},
                 {320, 204}, {1024, 63}, {SIO_SLAB_OBJECT_MAX, 4}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct slab s;
        sio__slab_init(&s, cases[i].size);
        assert_int_equal(s.per_block, cases[i].per_block);
        for (uint32_t k = 0; k < cases[i].per_block; k++) {
            objects[k] = sio__slab_alloc(&s);
            assert_non_null(objects[k]);
            assert_int_equal(s.blocks, 1);
        }
        void *more = sio__slab_alloc(&s);
        assert_non_null(more);
        assert_int_equal(s.blocks, 2);
        sio__slab_free(&s, more);
        for (uint32_t k = 0; k < cases[i].per_block; k++) {
            sio__slab_free(&s, objects[k]);
        }
        sio__slab_done(&s);
    }
}

static void empty_blocks_go_back_but_for_one(void **state) {
    (void)state;
    torture_install();
    struct slab s;
    sio__slab_init(&s, 320);
    allocate_all(&s);
    size_t blocks = (OBJECTS + s.per_block - 1) / s.per_block;
    assert_int_equal(s.blocks, blocks);
    assert_int_equal(torture_bytes(), blocks * SIO_SLAB_BLOCK_BYTES);
    for (size_t i = 0; i < OBJECTS; i++) {
        sio__slab_free(&s, objects[i]);
    }
    assert_int_equal(s.blocks, 1);
    assert_int_equal(torture_blocks(), 1);
    sio__slab_trim(&s);
    assert_int_equal(s.blocks, 0);
    assert_int_equal(torture_blocks(), 0);
    sio__slab_trim(&s);

    void *p = sio__slab_alloc(&s);
    assert_non_null(p);
    sio__slab_trim(&s); /* the only block is in use */
    assert_int_equal(s.blocks, 1);
    sio__slab_free(&s, p);
    sio__slab_done(&s);
    torture_uninstall();
}

static void use_at_the_edge_of_a_block_does_not_thrash(void **state) {
    (void)state;
    torture_install();
    struct slab s;
    sio__slab_init(&s, 1024);
    for (uint32_t i = 0; i < s.per_block; i++) {
        objects[i] = sio__slab_alloc(&s);
        assert_non_null(objects[i]);
    }
    void *p = sio__slab_alloc(&s);
    assert_non_null(p);
    size_t before = torture_count();
    for (int i = 0; i < 1000; i++) {
        sio__slab_free(&s, p);
        p = sio__slab_alloc(&s);
        assert_non_null(p);
    }
    assert_int_equal(torture_count(), before);
    sio__slab_free(&s, p);
    for (uint32_t i = 0; i < s.per_block; i++) {
        sio__slab_free(&s, objects[i]);
    }
    sio__slab_done(&s);
    torture_uninstall();
}

static uintptr_t block_of(const void *p) {
    return (uintptr_t)p / SIO_SLAB_BLOCK_BYTES;
}

static void the_fullest_block_serves_first(void **state) {
    (void)state;
    struct slab s;
    sio__slab_init(&s, 1024);
    uint32_t n = s.per_block;
    for (uint32_t i = 0; i < 3 * n; i++) {
        objects[i] = sio__slab_alloc(&s);
        assert_non_null(objects[i]);
    }
    /* The first block keeps a half of its objects, the second nearly all, the third a few. */
    uintptr_t fullest = block_of(objects[n]);
    for (uint32_t i = 0; i < n / 2; i++) {
        sio__slab_free(&s, objects[i]);
    }
    for (uint32_t i = n; i < n + 3; i++) {
        sio__slab_free(&s, objects[i]);
    }
    for (uint32_t i = 2 * n + 2; i < 3 * n; i++) {
        sio__slab_free(&s, objects[i]);
    }
    for (uint32_t i = n; i < n + 3; i++) {
        objects[i] = sio__slab_alloc(&s);
        assert_non_null(objects[i]);
        assert_int_equal(block_of(objects[i]), fullest);
    }
    uintptr_t half_full = block_of(objects[n - 1]);
    objects[0] = sio__slab_alloc(&s);
    assert_non_null(objects[0]);
    assert_int_equal(block_of(objects[0]), half_full);
    sio__slab_free(&s, objects[0]);
    for (uint32_t i = n / 2; i < 2 * n + 2; i++) {
        sio__slab_free(&s, objects[i]);
    }
    assert_int_equal(s.used, 0);
    assert_int_equal(s.blocks, 1);
    sio__slab_done(&s);
}

static void the_empty_block_serves_last(void **state) {
    (void)state;
    struct slab s;
    sio__slab_init(&s, 1024);
    for (uint32_t i = 0; i < 2 * s.per_block; i++) {
        objects[i] = sio__slab_alloc(&s);
        assert_non_null(objects[i]);
    }
    uintptr_t used = block_of(objects[0]);
    for (uint32_t i = 1; i < 2 * s.per_block; i++) {
        sio__slab_free(&s, objects[i]);
    }
    assert_int_equal(s.blocks, 2);
    void *p = sio__slab_alloc(&s);
    assert_non_null(p);
    assert_int_equal(block_of(p), used);
    sio__slab_trim(&s);
    assert_int_equal(s.blocks, 1);
    sio__slab_free(&s, p);
    sio__slab_free(&s, objects[0]);
    sio__slab_done(&s);
}

/*
 * Nine objects of ten die, at random. Those that live on are then replaced one by one, as
 * connections are: each time the fullest block serves, so the many blocks with few objects drain.
 */
static void memory_comes_back_after_churn(void **state) {
    (void)state;
    struct slab s;
    sio__slab_init(&s, 320);
    allocate_all(&s);
    size_t blocks_at_peak = s.blocks;
    uint32_t random = 3;
    size_t alive = OBJECTS;
    while (alive > OBJECTS / 10) {
        size_t i = next_random(&random) % alive;
        sio__slab_free(&s, objects[i]);
        alive--;
        objects[i] = objects[alive];
    }
    for (size_t step = 0; step < 20 * alive; step++) {
        size_t i = next_random(&random) % alive;
        void *p = sio__slab_alloc(&s);
        assert_non_null(p);
        sio__slab_free(&s, objects[i]);
        objects[i] = p;
    }
    assert_true(blocks_at_peak >= 20);
    assert_true(s.blocks <= 6);
    while (alive > 0) {
        alive--;
        sio__slab_free(&s, objects[alive]);
    }
    assert_int_equal(s.blocks, 1);
    sio__slab_done(&s);
}

#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_of_every_size_are_aligned_and_apart),
        cmocka_unit_test_teardown(random_use_never_hands_out_an_object_twice, torture_teardown),
        cmocka_unit_test_teardown(without_memory_alloc_returns_null_and_recovers, torture_teardown),
#ifndef SIO_NO_POOL
        cmocka_unit_test(blocks_hold_as_many_objects_as_fit),
        cmocka_unit_test_teardown(empty_blocks_go_back_but_for_one, torture_teardown),
        cmocka_unit_test_teardown(use_at_the_edge_of_a_block_does_not_thrash, torture_teardown),
        cmocka_unit_test(the_fullest_block_serves_first),
        cmocka_unit_test(the_empty_block_serves_last),
        cmocka_unit_test(memory_comes_back_after_churn),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
