/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <sio/reason.h>
#include <sio/server.h>

/* As the official packages spell them in their disconnect events. */
static void reasons_have_the_official_texts(void **state) {
    (void)state;
    static const char *const texts[] = {"",
                                        "server namespace disconnect",
                                        "client namespace disconnect",
                                        "server shutting down",
                                        "ping timeout",
                                        "transport close",
                                        "transport error",
                                        "parse error",
                                        "forced close",
                                        "forced server close",
                                        "io server disconnect",
                                        "io client disconnect"};
    for (int i = 0; i < 12; i++) {
        assert_string_equal(sio_reason_text(i), texts[i]);
    }
    assert_string_equal(sio_reason_text(-1), "unknown");
    assert_string_equal(sio_reason_text(12), "unknown");
    /* Those of a server's sockets. */
    assert_int_equal(sizeof(((sio_stats *)NULL)->reasons) / sizeof(uint64_t),
                     SIO_REASON_FORCED_SERVER_CLOSE + 1);
}

static void causes_have_distinct_texts_and_names(void **state) {
    (void)state;
    for (int i = 0; i < SIO_CAUSE_COUNT; i++) {
        assert_true(strlen(sio_cause_text(i)) > 5);
        assert_int_equal(strspn(sio_cause_name(i), "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789"),
                         strlen(sio_cause_name(i)));
        for (int k = 0; k < i; k++) {
            assert_string_not_equal(sio_cause_text(i), sio_cause_text(k));
            assert_string_not_equal(sio_cause_name(i), sio_cause_name(k));
        }
    }
    assert_string_equal(sio_cause_text(-1), "unknown");
    assert_string_equal(sio_cause_name(SIO_CAUSE_COUNT), "UNKNOWN");
}

/* Numbers are in logs and dashboards: they never change. */
static void causes_keep_their_numbers(void **state) {
    (void)state;
    assert_int_equal(SIO_CAUSE_HEARTBEAT, 4);
    assert_int_equal(SIO_CAUSE_OUT_OF_MEMORY, 19);
    assert_int_equal(SIO_CAUSE_HEAD_BYTES, 20);
    assert_int_equal(SIO_CAUSE_SEND_QUEUE, 34);
    assert_int_equal(SIO_CAUSE_PENDING_CONNECTS, 41);
    assert_string_equal(sio_cause_name(25), "MESSAGE_BYTES");
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(reasons_have_the_official_texts),
        cmocka_unit_test(causes_have_distinct_texts_and_names),
        cmocka_unit_test(causes_keep_their_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
