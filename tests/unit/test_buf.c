/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <sio/error.h>

#include "base/buf.h"
#include "support/torture.h"

static void assert_contents(const struct buf *b, const char *expected) {
    assert_int_equal(b->len, strlen(expected));
    if (b->len > 0) {
        assert_memory_equal(b->data, expected, b->len);
    }
    assert_true(b->len <= b->cap && b->cap <= b->max);
}

static void a_new_buffer_holds_nothing(void **state) {
    (void)state;
    struct buf b;
    sio__buf_init(&b, 10);
    assert_null(b.data);
    assert_contents(&b, "");
    sio__buf_done(&b);
    sio__buf_done(NULL);
}

static void appended_pieces_follow_one_another(void **state) {
    (void)state;
    struct buf b;
    sio__buf_init(&b, 1000);
    assert_int_equal(sio__buf_append(&b, "42", 2), 0);
    assert_int_equal(sio__buf_append(&b, NULL, 0), 0);
    assert_int_equal(sio__buf_push(&b, '['), 0);
    assert_int_equal(sio__buf_append_str(&b, "\"chat\","), 0);
    assert_int_equal(sio__buf_append_u64(&b, 0), 0);
    assert_int_equal(sio__buf_append_text(&b, SIO_TEXT(",")), 0);
    assert_int_equal(sio__buf_append_u64(&b, UINT64_MAX), 0);
    assert_int_equal(sio__buf_push(&b, ']'), 0);
    assert_contents(&b, "42[\"chat\",0,18446744073709551615]");
    assert_true(sio__text_eq(sio__buf_text(&b), SIO_TEXT("42[\"chat\",0,18446744073709551615]")));
    sio__buf_done(&b);
    assert_null(b.data);
    assert_int_equal(b.max, 1000);
}

static void a_buffer_can_be_filled_up_to_its_limit_exactly(void **state) {
    (void)state;
    struct buf b;
    sio__buf_init(&b, 100);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(sio__buf_push(&b, 'x'), 0);
    }
    assert_int_equal(b.cap, 100);
    assert_int_equal(sio__buf_push(&b, 'y'), SIO_ERR_TOO_BIG);
    assert_int_equal(sio__buf_append(&b, "yy", 2), SIO_ERR_TOO_BIG);
    assert_int_equal(sio__buf_append(&b, NULL, 0), 0);
    assert_int_equal(b.len, 100);
    assert_int_equal(b.data[99], 'x');
    sio__buf_done(&b);
}

static void more_than_the_limit_is_refused_before_memory_is_taken(void **state) {
    (void)state;
    static const size_t sizes[] = {9, 1 << 20, SIZE_MAX - 1, SIZE_MAX};
    struct buf b;
    sio__buf_init(&b, 8);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(sio__buf_reserve(&b, sizes[i]), SIO_ERR_TOO_BIG);
        assert_null(b.data);
    }
    assert_int_equal(sio__buf_append(&b, "abc", 3), 0);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(sio__buf_reserve(&b, sizes[i]), SIO_ERR_TOO_BIG);
    }
    assert_contents(&b, "abc");
    sio__buf_done(&b);
}

static void numbers_fit_where_their_digits_fit(void **state) {
    (void)state;
    struct buf b;
    sio__buf_init(&b, 3);
    assert_int_equal(sio__buf_append_u64(&b, 123), 0);
    assert_int_equal(sio__buf_append_u64(&b, 4), SIO_ERR_TOO_BIG);
    assert_contents(&b, "123");
    sio__buf_done(&b);
}

static void reserved_room_can_be_written_directly(void **state) {
    (void)state;
    struct buf b;
    sio__buf_init(&b, SIZE_MAX);
    assert_int_equal(sio__buf_reserve(&b, 5000), 0);
    assert_true(b.cap >= 5000);
    memset(b.data + b.len, 'z', 5000);
    b.len += 5000;
    const uint8_t *before = b.data;
    sio__buf_clear(&b);
    assert_int_equal(sio__buf_reserve(&b, 5000), 0);
    assert_ptr_equal(b.data, before);
    assert_int_equal(b.len, 0);
    sio__buf_done(&b);
}

static void growth_is_geometric(void **state) {
    (void)state;
    torture_install();
    struct buf b;
    sio__buf_init(&b, SIZE_MAX);
    for (size_t i = 0; i < 1 << 20; i++) {
        assert_int_equal(sio__buf_push(&b, (uint8_t)i), 0);
    }
    assert_true(torture_count() <= 20);
    for (size_t i = 0; i < 1 << 20; i++) {
        assert_int_equal(b.data[i], (uint8_t)i);
    }
    sio__buf_done(&b);
    torture_uninstall();
}

static void shrink_keeps_contents_and_what_was_asked_for(void **state) {
    (void)state;
    struct buf b;
    sio__buf_init(&b, 1 << 20);
    assert_int_equal(sio__buf_reserve(&b, 100000), 0);
    assert_int_equal(sio__buf_append_str(&b, "0123456789"), 0);
    sio__buf_shrink(&b, 1000);
    assert_int_equal(b.cap, 1000);
    assert_contents(&b, "0123456789");
    sio__buf_shrink(&b, 2000);
    assert_int_equal(b.cap, 1000);
    sio__buf_shrink(&b, 0);
    assert_int_equal(b.cap, 10);
    assert_contents(&b, "0123456789");
    sio__buf_clear(&b);
    sio__buf_shrink(&b, 0);
    assert_null(b.data);
    assert_int_equal(b.cap, 0);
    assert_int_equal(sio__buf_push(&b, 'x'), 0);
    sio__buf_done(&b);
}

static void a_failed_call_changes_nothing(void **state) {
    (void)state;
    torture_install();
    struct buf b;
    sio__buf_init(&b, 1 << 20);
    assert_int_equal(sio__buf_append_str(&b, "kept"), 0);
    size_t cap = b.cap;
    torture_plan(TORTURE_FROM, 1);
    assert_int_equal(sio__buf_reserve(&b, 1000), SIO_ERR_NOMEM);
    sio__buf_shrink(&b, 4);
    assert_int_equal(torture_refused(), 2);
    torture_plan(TORTURE_NEVER, 0);
    assert_int_equal(b.cap, cap);
    assert_contents(&b, "kept");
    sio__buf_done(&b);
    torture_uninstall();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_buffer_holds_nothing),
        cmocka_unit_test(appended_pieces_follow_one_another),
        cmocka_unit_test(a_buffer_can_be_filled_up_to_its_limit_exactly),
        cmocka_unit_test(more_than_the_limit_is_refused_before_memory_is_taken),
        cmocka_unit_test(numbers_fit_where_their_digits_fit),
        cmocka_unit_test(reserved_room_can_be_written_directly),
        cmocka_unit_test_teardown(growth_is_geometric, torture_teardown),
        cmocka_unit_test(shrink_keeps_contents_and_what_was_asked_for),
        cmocka_unit_test_teardown(a_failed_call_changes_nothing, torture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
