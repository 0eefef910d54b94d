/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <sio/version.h>

static void version_is_that_of_the_header(void **state) {
    (void)state;
    assert_string_equal(sio_version(), SIO_VERSION_STRING);
}

static void version_string_is_made_of_the_numbers(void **state) {
    (void)state;
    char text[64];
    (void)snprintf(text, sizeof(text), "%d.%d.%d", SIO_VERSION_MAJOR, SIO_VERSION_MINOR,
                   SIO_VERSION_PATCH);
    assert_string_equal(text, SIO_VERSION_STRING);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_is_that_of_the_header),
        cmocka_unit_test(version_string_is_made_of_the_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
