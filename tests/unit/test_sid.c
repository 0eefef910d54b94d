/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* Ids: form, uniqueness, and that nothing about the random part can be guessed from statistics. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engineio/sid.h"

#define IDS          100000
#define RANDOM_CHARS 16

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static char ids[IDS][SID_CHARS + 1];

static int setup(void **state) {
    static struct rand_pool pool;
    uint32_t counter = 0;
    (void)state;
    for (size_t i = 0; i < IDS; i++) {
        assert_int_equal(sio__sid_new(&pool, &counter, ids[i]), 0);
    }
    assert_int_equal(counter, IDS);
    return 0;
}

static void ids_have_their_form(void **state) {
    (void)state;
    for (size_t i = 0; i < IDS; i++) {
        assert_int_equal(strlen(ids[i]), SID_CHARS);
        assert_int_equal(strspn(ids[i], alphabet), SID_CHARS);
    }
}

/* 64 characters, 63 degrees of freedom: 150 is passed once in more than 10^7 times. */
static void characters_are_evenly_distributed(void **state) {
    (void)state;
    for (size_t at = 0; at < RANDOM_CHARS; at++) {
        size_t counts[64] = {0};
        double chi_square = 0;
        for (size_t i = 0; i < IDS; i++) {
            counts[strchr(alphabet, ids[i][at]) - alphabet]++;
        }
        for (size_t c = 0; c < 64; c++) {
            double off = (double)counts[c] - IDS / 64.0;
            chi_square += off * off / (IDS / 64.0);
        }
        assert_true(chi_square < 150);
    }
}

/* How often a character says the next one: pairs within an id, and the same place of the id before.
 */
static void characters_do_not_depend_on_each_other(void **state) {
    (void)state;
    for (size_t at = 0; at + 1 < RANDOM_CHARS; at++) {
        size_t same_next = 0;
        size_t same_before = 0;
        for (size_t i = 1; i < IDS; i++) {
            same_next += ids[i][at] == ids[i][at + 1] ? 1 : 0;
            same_before += ids[i][at] == ids[i - 1][at] ? 1 : 0;
        }
        /* IDS / 64 = 1562, standard deviation 39. */
        assert_in_range(same_next, 1562 - 250, 1562 + 250);
        assert_in_range(same_before, 1562 - 250, 1562 + 250);
    }
}

static int compare(const void *a, const void *b) {
    return memcmp(a, b, SID_CHARS);
}

static void ids_are_unique(void **state) {
    static char sorted[IDS][SID_CHARS + 1];
    (void)state;
    memcpy(sorted, ids, sizeof sorted);
    qsort(sorted, IDS, sizeof sorted[0], compare);
    for (size_t i = 1; i < IDS; i++) {
        assert_memory_not_equal(sorted[i - 1], sorted[i],
                                RANDOM_CHARS); /* without the counter's help */
    }
}

static void the_counter_runs_over(void **state) {
    static struct rand_pool pool;
    uint32_t counter = UINT32_MAX;
    char last[SID_CHARS + 1];
    char first[SID_CHARS + 1];
    (void)state;
    assert_int_equal(sio__sid_new(&pool, &counter, last), 0);
    assert_int_equal(sio__sid_new(&pool, &counter, first), 0);
    assert_string_equal(last + RANDOM_CHARS, "____");
    assert_string_equal(first + RANDOM_CHARS, "AAAA");
    assert_int_equal(counter, 1);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_have_their_form),
        cmocka_unit_test(characters_are_evenly_distributed),
        cmocka_unit_test(characters_do_not_depend_on_each_other),
        cmocka_unit_test(ids_are_unique),
        cmocka_unit_test(the_counter_runs_over),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
