/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "histogram.h"

static struct histogram one;
static struct histogram other;
static struct histogram both;

static int clear(void **state) {
    (void)state;
    memset(&one, 0, sizeof one);
    memset(&other, 0, sizeof other);
    memset(&both, 0, sizeof both);
    return 0;
}

static void without_values_everything_is_zero(void **state) {
    (void)state;
    assert_int_equal(histogram_quantile(&one, 0.5), 0);
    assert_int_equal(histogram_quantile(&one, 1), 0);
    assert_int_equal(one.max, 0);
    assert_true(histogram_mean(&one) < 1e-9);
}

static void a_single_value_is_every_quantile(void **state) {
    (void)state;
    static const uint64_t values[] = {
        0,         1, 63, 64, 127, 128, 129, 1000000, 1u << 31, UINT64_C(1) << 40, UINT64_MAX - 1,
        UINT64_MAX};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        clear(state);
        histogram_add(&one, values[i]);
        assert_true(histogram_quantile(&one, 0) == values[i]);
        assert_true(histogram_quantile(&one, 0.5) == values[i]);
        assert_true(histogram_quantile(&one, 1) == values[i]);
        assert_true(one.max == values[i]);
    }
}

static void small_values_are_exact(void **state) {
    (void)state;
    for (uint64_t i = 1; i <= 100; i++) {
        histogram_add(&one, i);
    }
    assert_int_equal(histogram_quantile(&one, 0.01), 1);
    assert_int_equal(histogram_quantile(&one, 0.5), 50);
    assert_int_equal(histogram_quantile(&one, 0.9), 90);
    assert_int_equal(histogram_quantile(&one, 0.99), 99);
    assert_int_equal(histogram_quantile(&one, 0.999), 100);
    assert_true(histogram_mean(&one) > 50.49 && histogram_mean(&one) < 50.51);
}

static void a_share_of_few_values_is_rounded_up(void **state) {
    (void)state;
    histogram_add(&one, 1);
    histogram_add(&one, 2);
    histogram_add(&one, 3);
    assert_int_equal(histogram_quantile(&one, 0.5), 2);
    assert_int_equal(histogram_quantile(&one, 0.67), 3);
}

static int compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Against sorting, over all magnitudes. */
static void quantiles_are_at_most_one_64th_too_high(void **state) {
    (void)state;
    enum { COUNT = 20000 };
    static uint64_t values[COUNT];
    static const double shares[] = {0.001, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1};
    uint64_t x = 88172645463325252u;
    for (size_t i = 0; i < COUNT; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        values[i] = x >> (x % 64);
        histogram_add(&one, values[i]);
    }
    qsort(values, COUNT, sizeof values[0], compare);
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        size_t rank = (size_t)(shares[i] * COUNT + 0.999999);
        uint64_t exact = values[rank - 1];
        uint64_t found = histogram_quantile(&one, shares[i]);
        assert_true(found >= exact);
        assert_true(found - exact <= exact / 64);
    }
    assert_true(one.max == values[COUNT - 1]);
}

static void merged_ones_are_as_if_one_had_recorded_all(void **state) {
    (void)state;
    for (uint64_t i = 0; i < 5000; i++) {
        uint64_t value = i * i * i;
        histogram_add(i % 3 == 0 ? &one : &other, value);
        histogram_add(&both, value);
    }
    histogram_merge(&one, &other);
    assert_int_equal(one.count, 5000);
    assert_true(one.max == both.max);
    assert_memory_equal(one.buckets, both.buckets, sizeof both.buckets);
    assert_true(histogram_mean(&one) > histogram_mean(&both) * 0.999999);
    assert_true(histogram_mean(&one) < histogram_mean(&both) * 1.000001);
}

static void merging_an_empty_one_changes_nothing(void **state) {
    (void)state;
    histogram_add(&one, 7);
    histogram_merge(&one, &other);
    assert_int_equal(one.count, 1);
    assert_int_equal(histogram_quantile(&one, 0.5), 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(without_values_everything_is_zero, clear),
        cmocka_unit_test_setup(a_single_value_is_every_quantile, clear),
        cmocka_unit_test_setup(small_values_are_exact, clear),
        cmocka_unit_test_setup(a_share_of_few_values_is_rounded_up, clear),
        cmocka_unit_test_setup(quantiles_are_at_most_one_64th_too_high, clear),
        cmocka_unit_test_setup(merged_ones_are_as_if_one_had_recorded_all, clear),
        cmocka_unit_test_setup(merging_an_empty_one_changes_nothing, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
