/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <sio/error.h>

#include "base/sized.h"

struct ours {
    size_t size;
    int a;
    int b;
};

struct newer {
    size_t size;
    int a;
    int b;
    int c;
    int d;
};

static void what_an_older_program_does_not_know_is_zero(void **state) {
    (void)state;
    struct ours given = {.size = offsetof(struct ours, b), .a = 1, .b = 77};
    struct ours own;
    memset(&own, 0xff, sizeof own);
    assert_int_equal(sio__sized_copy(&own, sizeof own, &given, given.size), 0);
    assert_int_equal(own.a, 1);
    assert_int_equal(own.b, 0);
    assert_int_equal(own.size, sizeof own);
}

static void what_we_do_not_know_has_to_be_zero(void **state) {
    (void)state;
    struct newer given = {.size = sizeof given, .a = 1, .b = 2};
    struct ours own;
    assert_int_equal(sio__sized_copy(&own, sizeof own, &given, given.size), 0);
    assert_int_equal(own.a, 1);
    assert_int_equal(own.b, 2);
    given.d = 1;
    assert_int_equal(sio__sized_copy(&own, sizeof own, &given, given.size), SIO_ERR_VERSION);
}

static void a_size_that_was_not_set_is_refused(void **state) {
    (void)state;
    struct ours given = {.a = 1};
    struct ours own;
    assert_int_equal(sio__sized_copy(&own, sizeof own, &given, given.size), SIO_ERR_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_an_older_program_does_not_know_is_zero),
        cmocka_unit_test(what_we_do_not_know_has_to_be_zero),
        cmocka_unit_test(a_size_that_was_not_set_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
