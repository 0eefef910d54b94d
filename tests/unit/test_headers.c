/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <sio/error.h>

#include "engineio/headers.h"
#include "support/torture.h"

static struct sio_headers h;

static int setup(void **state) {
    (void)state;
    sio__headers_init(&h);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    sio__headers_done(&h);
    return 0;
}

static void expect_written(const char *text) {
    struct buf out;
    sio__buf_init(&out, 100000);
    assert_int_equal(sio__headers_write(&h, &out), 0);
    assert_int_equal(out.len, strlen(text));
    assert_memory_equal(out.len > 0 ? (const char *)out.data : "", text, out.len);
    sio__buf_done(&out);
}

static void fields_are_written_in_order(void **state) {
    (void)state;
    expect_written("");
    sio__headers_put(&h, "A", SIO_TEXT("1"));
    sio__headers_put(&h, "B", SIO_TEXT(""));
    assert_int_equal(sio_headers_add(&h, "C", "3"), 0);
    expect_written("A: 1\r\nB: \r\nC: 3\r\n");
    sio__headers_clear(&h);
    expect_written("");
}

static void setting_replaces_all_of_the_name(void **state) {
    (void)state;
    assert_int_equal(sio_headers_add(&h, "x", "1"), 0);
    assert_int_equal(sio_headers_add(&h, "y", "2"), 0);
    assert_int_equal(sio_headers_add(&h, "X", "3"), 0);
    assert_int_equal(sio_headers_set(&h, "X", "4"), 0);
    expect_written("y: 2\r\nX: 4\r\n");
    assert_string_equal(sio_headers_get(&h, "x"), "4");
    assert_string_equal(sio_headers_get(&h, "Y"), "2");
    assert_null(sio_headers_get(&h, "z"));
}

static void removing_takes_all_of_the_name(void **state) {
    (void)state;
    static const char *const names[] = {"a", "b", "A", "ab", "b", "a"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(sio_headers_add(&h, names[i], "v"), 0);
    }
    sio_headers_remove(&h, "A");
    expect_written("b: v\r\nab: v\r\nb: v\r\n");
    sio_headers_remove(&h, "none");
    sio_headers_remove(&h, "b");
    expect_written("ab: v\r\n");
    sio_headers_remove(&h, "ab");
    expect_written("");
}

static void names_and_values_are_checked(void **state) {
    (void)state;
    static const char *const bad_names[] = {"", "a b", "a:", "a\r", "a\n", "(", "\xc3\xa9", NULL};
    static const char *const bad_values[] = {"a\rb", "a\nb", "a\x01", "a\x7f", NULL};
    for (size_t i = 0; i < sizeof bad_names / sizeof bad_names[0]; i++) {
        assert_int_equal(sio_headers_set(&h, bad_names[i], "v"), SIO_ERR_INVALID);
        assert_int_equal(sio_headers_add(&h, bad_names[i], "v"), SIO_ERR_INVALID);
    }
    for (size_t i = 0; i < sizeof bad_values / sizeof bad_values[0]; i++) {
        assert_int_equal(sio_headers_set(&h, "a", bad_values[i]), SIO_ERR_INVALID);
        assert_int_equal(sio_headers_add(&h, "a", bad_values[i]), SIO_ERR_INVALID);
    }
    assert_int_equal(sio_headers_set(&h, "a", "tab\tand \xc3\xa9"), 0);
    expect_written("a: tab\tand \xc3\xa9\r\n");
}

static void all_fields_together_have_a_limit(void **state) {
    (void)state;
    static char value[10001];
    memset(value, 'v', sizeof value - 1);
    int r = 0;
    int count = 0;
    while (r == 0 && count < 100) {
        r = sio_headers_add(&h, "name", value);
        count++;
    }
    assert_int_equal(r, SIO_ERR_TOO_BIG);
    assert_true(count > 5 && count < 10);
    struct buf out;
    sio__buf_init(&out, 1000000);
    assert_int_equal(sio__headers_write(&h, &out), SIO_ERR_TOO_BIG); /* rather none than some */
    assert_int_equal(out.len, 0);
    sio__buf_done(&out);
    sio__headers_clear(&h);
    expect_written("");
}

static int change(void *user) {
    (void)user;
    (void)setup(NULL);
    static char value[3000];
    memset(value, 'v', sizeof value - 1);
    int r = 0;
    for (int i = 0; i < 10 && r == 0; i++) {
        r = sio_headers_set(&h, "a", value + 300 * (9 - i));
        if (r == 0) {
            r = sio_headers_add(&h, "b", "v");
        }
    }
    if (r < 0) { /* what was there before stays */
        const char *a = sio_headers_get(&h, "a");
        assert_true(a == NULL || strspn(a, "v") == strlen(a));
    }
    (void)teardown(NULL);
    return r;
}

static void headers_survive_every_failure(void **state) {
    (void)state;
    torture_run(change, NULL);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(fields_are_written_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(setting_replaces_all_of_the_name, setup, teardown),
        cmocka_unit_test_setup_teardown(removing_takes_all_of_the_name, setup, teardown),
        cmocka_unit_test_setup_teardown(names_and_values_are_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(all_fields_together_have_a_limit, setup, teardown),
        cmocka_unit_test_teardown(headers_survive_every_failure, torture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
