/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sio/error.h>

#include "base/alloc.h"
#include "base/vec.h"
#include "support/torture.h"

struct pair {
    uint32_t a;
    uint64_t b;
};

struct pairs {
    struct pair *items;
    uint32_t len;
    uint32_t cap;
};

static int append(struct pairs *v, uint32_t a) {
    int r = sio__vec_reserve(&v->items, &v->cap, v->len + 1, sizeof(*v->items));
    if (r < 0) {
        return r;
    }
    v->items[v->len] = (struct pair){a, UINT64_MAX - a};
    v->len++;
    return 0;
}

static void assert_counts_up(const struct pairs *v) {
    for (uint32_t i = 0; i < v->len; i++) {
        assert_int_equal(v->items[i].a, i);
        assert_true(v->items[i].b == UINT64_MAX - i);
    }
}

static void capacity_doubles_from_four(void **state) {
    (void)state;
    struct pairs v = {0};
    uint32_t expected = 4;
    for (uint32_t i = 0; i < 1000; i++) {
        assert_int_equal(append(&v, i), 0);
        expected = v.len > expected ? 2 * expected : expected;
        assert_int_equal(v.cap, expected);
    }
    assert_counts_up(&v);
    sio__free(v.items);
}

static void a_large_need_is_met_exactly(void **state) {
    (void)state;
    struct pairs v = {0};
    assert_int_equal(sio__vec_reserve(&v.items, &v.cap, 1000, sizeof(*v.items)), 0);
    assert_int_equal(v.cap, 1000);
    const struct pair *before = v.items;
    assert_int_equal(sio__vec_reserve(&v.items, &v.cap, 1000, sizeof(*v.items)), 0);
    assert_ptr_equal(v.items, before);
    sio__free(v.items);
}

static void counts_and_sizes_that_overflow_are_refused(void **state) {
    (void)state;
    struct pairs v = {.len = UINT32_MAX, .cap = UINT32_MAX};
    assert_int_equal(append(&v, 1), SIO_ERR_NOMEM);
    v.cap = 0;
    assert_int_equal(sio__vec_reserve(&v.items, &v.cap, UINT32_MAX, SIZE_MAX / 1000),
                     SIO_ERR_NOMEM);
    assert_null(v.items);
    assert_int_equal(v.cap, 0);
}

static void shrink_gives_back_what_is_mostly_unused(void **state) {
    (void)state;
    struct pairs v = {0};
    for (uint32_t i = 0; i < 1000; i++) {
        assert_int_equal(append(&v, i), 0);
    }
    v.len = 256;
    sio__vec_shrink(&v.items, &v.cap, v.len, sizeof(*v.items));
    assert_int_equal(v.cap, 1024);
    v.len = 255;
    sio__vec_shrink(&v.items, &v.cap, v.len, sizeof(*v.items));
    assert_int_equal(v.cap, 510);
    assert_counts_up(&v);
    v.len = 1;
    sio__vec_shrink(&v.items, &v.cap, v.len, sizeof(*v.items));
    assert_int_equal(v.cap, 4);
    assert_counts_up(&v);
    sio__vec_shrink(&v.items, &v.cap, 0, sizeof(*v.items));
    assert_null(v.items);
    assert_int_equal(v.cap, 0);
    sio__vec_shrink(&v.items, &v.cap, 0, sizeof(*v.items));
    assert_null(v.items);
}

static void a_failed_call_changes_nothing(void **state) {
    (void)state;
    torture_install();
    struct pairs v = {0};
    for (uint32_t i = 0; i < 32; i++) {
        assert_int_equal(append(&v, i), 0);
    }
    torture_plan(TORTURE_FROM, 1);
    assert_int_equal(append(&v, 32), SIO_ERR_NOMEM);
    assert_int_equal(v.cap, 32);
    assert_int_equal(v.len, 32);
    v.len = 7;
    sio__vec_shrink(&v.items, &v.cap, v.len, sizeof(*v.items));
    assert_int_equal(v.cap, 32);
    assert_int_equal(torture_refused(), 2);
    assert_counts_up(&v);
    sio__free(v.items);
    torture_uninstall();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(capacity_doubles_from_four),
        cmocka_unit_test(a_large_need_is_met_exactly),
        cmocka_unit_test(counts_and_sizes_that_overflow_are_refused),
        cmocka_unit_test(shrink_gives_back_what_is_mostly_unused),
        cmocka_unit_test_teardown(a_failed_call_changes_nothing, torture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
