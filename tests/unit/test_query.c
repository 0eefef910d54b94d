/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <sio/error.h>

#include "base/text.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void assert_text(struct text t, const char *expected) {
    assert_int_equal(t.len, strlen(expected));
    if (t.len > 0) {
        assert_memory_equal(t.data, expected, t.len);
    }
}

static void parameters_are_split_as_the_url_standard_has_it(void **state) {
    (void)state;
    static const struct {
        const char *query;
        const char *pairs[8]; /* name, value, name, value, ... */
    } cases[] = {
        {"", {NULL}},
        {"&", {NULL}},
        {"&&&", {NULL}},
        {"EIO=4&transport=polling", {"EIO", "4", "transport", "polling"}},
        {"a", {"a", ""}},
        {"a=", {"a", ""}},
        {"=b", {"", "b"}},
        {"=", {"", ""}},
        {"a=b=c", {"a", "b=c"}},
        {"&a=1&&b=2&", {"a", "1", "b", "2"}},
        {"a%3Db=%26", {"a%3Db", "%26"}},
        {"a;b=1", {"a;b", "1"}},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct text rest = sio__text_of(cases[i].query);
        struct text name;
        struct text value;
        size_t n = 0;
        while (sio__query_next(&rest, &name, &value)) {
            assert_non_null(cases[i].pairs[n]);
            assert_text(name, cases[i].pairs[n]);
            assert_text(value, cases[i].pairs[n + 1]);
            n += 2;
        }
        assert_null(cases[i].pairs[n]);
        assert_false(sio__query_next(&rest, &name, &value));
    }
}

#define FFFD "\xef\xbf\xbd"

/* Expectations are what URLSearchParams gives for the same text. */
static const struct {
    struct text encoded;
    const char *decoded;
} decodings[] = {
    {{"", 0}, ""},
    {{"a+b%20c", 7}, "a b c"},
    {{"%2B", 3}, "+"},
    {{"%e4%BD%a0", 9}, "\xe4\xbd\xa0"},
    {{"\xe4\xbd\xa0", 3}, "\xe4\xbd\xa0"},
    {{"%f0\x9f%98\x80", 8}, "\xf0\x9f\x98\x80"},
    {{"100%", 4}, "100%"},
    {{"%4", 2}, "%4"},
    {{"%zz", 3}, "%zz"},
    {{"%4g%41", 6}, "%4gA"},
    {{"%%41", 4}, "%A"},
    {{"%2541", 5}, "%41"},
    {{"%FF", 3}, FFFD},
    {{"\xff\xff", 2}, FFFD FFFD},
    {{"%C3(", 4}, FFFD "("},
    {{"%E4%BD", 6}, FFFD},
    {{"%E4%BDx", 7}, FFFD "x"},
    {{"%E4%BD%E4%BD%A0", 15}, FFFD "\xe4\xbd\xa0"},
    {{"%F0%9F%98%41", 12}, FFFD "A"},
    {{"%C0%AF", 6}, FFFD FFFD},
    {{"%E0%80%80", 9}, FFFD FFFD FFFD},
    {{"%ED%A0%80", 9}, FFFD FFFD FFFD},
    {{"%F4%90%80%80", 12}, FFFD FFFD FFFD FFFD},
    {{"%F0%80", 6}, FFFD FFFD},
    {{"%E4+", 4}, FFFD " "},
    {{"%EF%BB%BFa", 10},
     "\xef\xbb\xbf"
     "a"},
    {{"%C3%A4%C3%A4", 12}, "\xc3\xa4\xc3\xa4"},
};

static void components_are_decoded_as_urlsearchparams_does(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(decodings); i++) {
        char dst[64];
        size_t len = 0;
        assert_int_equal(sio__query_decode(decodings[i].encoded, dst, sizeof(dst), &len), 0);
        assert_text((struct text){dst, len}, decodings[i].decoded);
        assert_true(sio__utf8_valid((const uint8_t *)dst, len));
    }
}

static void decoding_needs_the_room_of_its_result(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(decodings); i++) {
        size_t need = strlen(decodings[i].decoded);
        assert_true(need <= 3 * decodings[i].encoded.len);
        for (size_t size = 0; size <= need; size++) {
            char dst[64];
            memset(dst, 'Z', sizeof(dst));
            size_t len = 4711;
            int r = sio__query_decode(decodings[i].encoded, dst, size, &len);
            assert_int_equal(r, size < need ? SIO_ERR_TOO_BIG : 0);
            assert_int_equal(len, size < need ? 4711 : need);
            assert_int_equal(dst[size], 'Z');
        }
    }
}

static void a_zero_byte_is_a_byte(void **state) {
    (void)state;
    char dst[8];
    size_t len = 0;
    assert_int_equal(sio__query_decode(SIO_TEXT("a%00b"), dst, sizeof(dst), &len), 0);
    assert_int_equal(len, 3);
    assert_memory_equal(dst, "a\0b", 3);
    assert_false(sio__query_is(SIO_TEXT("sid%00"), "sid"));
}

static void names_are_compared_decoded(void **state) {
    (void)state;
    assert_true(sio__query_is(SIO_TEXT("sid"), "sid"));
    assert_true(sio__query_is(SIO_TEXT("%73i%64"), "sid"));
    assert_true(sio__query_is(SIO_TEXT("a+b"), "a b"));
    assert_true(sio__query_is(SIO_TEXT(""), ""));
    assert_false(sio__query_is(SIO_TEXT("sid"), "si"));
    assert_false(sio__query_is(SIO_TEXT("si"), "sid"));
    assert_false(sio__query_is(SIO_TEXT("SID"), "sid"));
    assert_false(sio__query_is(SIO_TEXT(""), "sid"));
}

static void get_finds_the_last_of_a_name(void **state) {
    (void)state;
    static const struct {
        const char *query;
        int result;
        const char *value;
    } cases[] = {
        {"EIO=4&sid=abc&t=x", 0, "abc"},
        {"sid=a&sid=b", 0, "b"},
        {"sid=a&%73id=c", 0, "c"},
        {"sid=a&sid", 0, ""},
        {"sid=", 0, ""},
        {"sid", 0, ""},
        {"sid=a%26b", 0, "a&b"},
        {"sid=12345678", 0, "12345678"},
        {"sid=123456789", SIO_ERR_TOO_BIG, NULL},
        {"sid=123456789&sid=1", 0, "1"},
        {"sid=1&sid=123456789", SIO_ERR_TOO_BIG, NULL},
        {"xsid=1&sidx=2&Sid=3", SIO_ERR_NOT_FOUND, NULL},
        {"", SIO_ERR_NOT_FOUND, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char dst[8];
        struct text value = {NULL, 4711};
        int r = sio__query_get(sio__text_of(cases[i].query), "sid", dst, sizeof(dst), &value);
        assert_int_equal(r, cases[i].result);
        if (r == 0) {
            assert_text(value, cases[i].value);
            assert_ptr_equal(value.data, dst);
        } else {
            assert_int_equal(value.len, 4711);
        }
    }
    struct text value;
    assert_int_equal(sio__query_get((struct text){NULL, 0}, "sid", NULL, 0, &value),
                     SIO_ERR_NOT_FOUND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_are_split_as_the_url_standard_has_it),
        cmocka_unit_test(components_are_decoded_as_urlsearchparams_does),
        cmocka_unit_test(decoding_needs_the_room_of_its_result),
        cmocka_unit_test(a_zero_byte_is_a_byte),
        cmocka_unit_test(names_are_compared_decoded),
        cmocka_unit_test(get_finds_the_last_of_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
