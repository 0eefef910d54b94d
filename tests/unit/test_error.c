/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <uv.h>

#include <sio/error.h>

static void own_codes_have_the_name_and_text_of_the_map(void **state) {
    (void)state;
#define XX(code, name, text)                                                                       \
    assert_string_equal(sio_errname(SIO_ERR_##name), "SIO_ERR_" #name);                            \
    assert_string_equal(sio_strerror(SIO_ERR_##name), text);
    SIO_ERROR_MAP(XX)
#undef XX
}

static void own_codes_do_not_meet_those_of_the_system(void **state) {
    (void)state;
#define XX(code, name, text) assert_true((code) <= -20001);
    SIO_ERROR_MAP(XX)
#undef XX
}

static void every_code_of_libuv_has_the_same_name_here(void **state) {
    (void)state;
#define XX(name, text)                                                                             \
    assert_string_equal(sio_errname(UV_##name), uv_err_name(UV_##name));                           \
    assert_string_not_equal(sio_strerror(UV_##name), "unknown error");                             \
    assert_true(strlen(sio_strerror(UV_##name)) > 0);
    UV_ERRNO_MAP(XX)
#undef XX
}

static void codes_of_the_system_are_described(void **state) {
    (void)state;
    static const struct {
        int code;
        const char *name;
        const char *text;
    } cases[] = {
        {-EADDRINUSE, "EADDRINUSE", "address already in use"},
        {-ECONNRESET, "ECONNRESET", "connection reset by peer"},
        {-EMFILE, "EMFILE", "too many open files"},
        {-4095, "EOF", "end of file"},
        {-3008, "EAI_NONAME", "unknown host or service"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_string_equal(sio_errname(cases[i].code), cases[i].name);
        assert_string_equal(sio_strerror(cases[i].code), cases[i].text);
    }
}

static void codes_of_no_list_are_unknown(void **state) {
    (void)state;
    static const int codes[] = {-4000, -20000, -29999, INT32_MIN};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        assert_string_equal(sio_errname(codes[i]), "unknown");
        assert_string_equal(sio_strerror(codes[i]), "unknown error");
    }
}

static void results_that_are_no_errors_read_success(void **state) {
    (void)state;
    assert_string_equal(sio_strerror(0), "success");
    assert_string_equal(sio_strerror(SIO_SLOW), "success");
    assert_string_equal(sio_strerror(INT32_MAX), "success");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_codes_have_the_name_and_text_of_the_map),
        cmocka_unit_test(own_codes_do_not_meet_those_of_the_system),
        cmocka_unit_test(every_code_of_libuv_has_the_same_name_here),
        cmocka_unit_test(codes_of_the_system_are_described),
        cmocka_unit_test(codes_of_no_list_are_unknown),
        cmocka_unit_test(results_that_are_no_errors_read_success),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
