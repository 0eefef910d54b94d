/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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

/* ---- slices ---- */

static void texts_are_equal_when_their_bytes_are(void **state) {
    (void)state;
    static const struct {
        struct text a;
        struct text b;
        bool equal;
        bool equal_nocase;
    } cases[] = {
        {{"", 0}, {NULL, 0}, true, true},
        {{"abc", 3}, {"abc", 3}, true, true},
        {{"abc", 3}, {"abcd", 4}, false, false},
        {{"Connection", 10}, {"cONNECTION", 10}, false, true},
        {{"a\0b", 3}, {"a\0c", 3}, false, false},
        {{"a\0b", 3}, {"A\0B", 3}, false, true},
        {{"@[`{", 4}, {"`{@[", 4}, false, false}, /* neighbours of the letters */
        {{"\xc3\x84", 2}, {"\xc3\xa4", 2}, false, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(sio__text_eq(cases[i].a, cases[i].b), cases[i].equal);
        assert_int_equal(sio__text_eq_nocase(cases[i].a, cases[i].b), cases[i].equal_nocase);
    }
}

static void texts_are_made_of_strings(void **state) {
    (void)state;
    assert_text(SIO_TEXT("probe"), "probe");
    assert_int_equal(SIO_TEXT("a\0b").len, 3);
    assert_text(sio__text_of("probe"), "probe");
    assert_text(sio__text_of(NULL), "");
}

static void starts_compares_the_front(void **state) {
    (void)state;
    assert_true(sio__text_starts(SIO_TEXT("2probe"), SIO_TEXT("2")));
    assert_true(sio__text_starts(SIO_TEXT("2probe"), SIO_TEXT("2probe")));
    assert_true(sio__text_starts(SIO_TEXT("2probe"), SIO_TEXT("")));
    assert_true(sio__text_starts((struct text){NULL, 0}, SIO_TEXT("")));
    assert_false(sio__text_starts(SIO_TEXT("2"), SIO_TEXT("2probe")));
    assert_false(sio__text_starts(SIO_TEXT("3probe"), SIO_TEXT("2")));
}

static void find_tells_the_first_offset(void **state) {
    (void)state;
    assert_int_equal(sio__text_find(SIO_TEXT("a,b,c"), SIO_TEXT(",")), 1);
    assert_int_equal(sio__text_find(SIO_TEXT("aab"), SIO_TEXT("ab")), 1);
    assert_int_equal(sio__text_find(SIO_TEXT("abc"), SIO_TEXT("abc")), 0);
    assert_int_equal(sio__text_find(SIO_TEXT("abc"), SIO_TEXT("")), 0);
    assert_int_equal(sio__text_find((struct text){NULL, 0}, SIO_TEXT("")), 0);
    assert_true(sio__text_find(SIO_TEXT("abc"), SIO_TEXT("abcd")) == SIZE_MAX);
    assert_true(sio__text_find(SIO_TEXT("abc"), SIO_TEXT("d")) == SIZE_MAX);
    assert_true(sio__text_find((struct text){NULL, 0}, SIO_TEXT("a")) == SIZE_MAX);
}

static void trim_drops_blanks_and_tabs_only(void **state) {
    (void)state;
    assert_text(sio__text_trim(SIO_TEXT(" \t a b\t ")), "a b");
    assert_text(sio__text_trim(SIO_TEXT("ab")), "ab");
    assert_text(sio__text_trim(SIO_TEXT(" \t ")), "");
    assert_text(sio__text_trim(SIO_TEXT("")), "");
    assert_text(sio__text_trim(SIO_TEXT("\na\r")), "\na\r");
}

static void cut_yields_one_part_more_than_separators(void **state) {
    (void)state;
    static const struct {
        struct text text;
        const char *parts[4];
        size_t count;
    } cases[] = {
        {{"4hello\x1e"
          "2\x1e"
          "bAQ==",
          14},
         {"4hello", "2", "bAQ=="},
         3},
        {{"one", 3}, {"one"}, 1},
        {{"", 0}, {""}, 1},
        {{"\x1e", 1}, {"", ""}, 2},
        {{"a\x1e\x1e", 3}, {"a", "", ""}, 3},
        {{NULL, 0}, {NULL}, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct text rest = cases[i].text;
        size_t count = 0;
        for (struct text part; sio__text_cut(&rest, '\x1e', &part); count++) {
            assert_true(count < cases[i].count);
            assert_text(part, cases[i].parts[count]);
        }
        assert_int_equal(count, cases[i].count);
        assert_null(rest.data);
    }
}

/* ---- character classes ---- */

static void tokens_are_made_of_tchars(void **state) {
    (void)state;
    static const char tchars[] = "!#$%&'*+-.^_`|~0123456789"
                                 "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (int c = 0; c < 256; c++) {
        char text[3] = {'x', (char)c, 'x'};
        bool expected = c != 0 && strchr(tchars, c) != NULL;
        assert_int_equal(sio__text_is_token((struct text){text, 3}), expected);
    }
    assert_false(sio__text_is_token(SIO_TEXT("")));
    assert_true(sio__text_is_token(sio__text_of(tchars)));
}

static void field_values_have_no_control_characters_but_tabs(void **state) {
    (void)state;
    for (int c = 0; c < 256; c++) {
        char text[3] = {'x', (char)c, 'x'};
        bool expected = c == '\t' || (c >= 0x20 && c != 0x7f);
        assert_int_equal(sio__text_is_field_value((struct text){text, 3}), expected);
    }
    assert_true(sio__text_is_field_value(SIO_TEXT("")));
}

static void lower_changes_ascii_letters_only(void **state) {
    (void)state;
    for (int c = 0; c < 256; c++) {
        int expected = c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
        assert_int_equal((unsigned char)sio__ascii_lower((char)c), expected);
    }
}

/* ---- globs and escapes ---- */

static void globs_match_whole_texts(void **state) {
    (void)state;
    static const struct {
        const char *pattern;
        const char *text;
        bool match;
    } cases[] = {
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"*", "anything", true},
        {"**", "", true},
        {"engine", "engine", true},
        {"engine", "engine:ws", false},
        {"engine:ws", "engine", false},
        {"engine*", "engine", true},
        {"engine*", "engine:ws", true},
        {"engine:*", "engine", false},
        {"*:ws", "engine:ws", true},
        {"*:ws", "engine:wss", false},
        {"*a*b*", "xxaxxbxx", true},
        {"*a*b*", "xxbxxaxx", false},
        {"a*a", "a", false},
        {"a*a", "aa", true},
        {"*ab", "aab", true},
        {"*aab*aab", "aaabaaab", true},
        {"https://*.example.com", "https://a.b.example.com", true},
        {"https://*.example.com", "https://example.com", false},
        {"https://*.example.com", "https://a.example.com.evil", false},
        {"a?c", "abc", false},
        {"[a]", "a", false},
        {"*", "*", true},
        {"a*", "b*", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(
            sio__glob_match(sio__text_of(cases[i].pattern), sio__text_of(cases[i].text)),
            cases[i].match);
    }
}

static void hostile_globs_take_at_most_quadratic_time(void **state) {
    (void)state;
    /* With a try for each way to share the text among the stars this would not end. */
    static char text[4000];
    static char pattern[401];
    memset(text, 'a', sizeof(text));
    for (size_t i = 0; i < 400; i++) {
        pattern[i] = i % 2 == 0 ? '*' : 'a';
    }
    pattern[400] = 'b';
    assert_false(sio__glob_match((struct text){pattern, sizeof(pattern)},
                                 (struct text){text, sizeof(text)}));
}

static void escaped_text_is_printable_ascii(void **state) {
    (void)state;
    static const struct {
        struct text text;
        size_t size;
        const char *expected;
    } cases[] = {
        {{"", 0}, 8, ""},
        {{NULL, 0}, 8, ""},
        {{"GET /a b\"", 9}, 100, "GET /a b\""},
        {{"a\r\nb\0\x7f\x80\xff", 8}, 100, "a\\x0d\\x0ab\\x00\\x7f\\x80\\xff"},
        {{"c:\\x", 4}, 100, "c:\\\\x"},
        {{"\x1b[31m", 5}, 100, "\\x1b[31m"},
        {{"1234567", 7}, 8, "1234567"},
        {{"12345678", 8}, 8, "1234..."},
        {{"123456\n", 7}, 8, "1234..."},
        {{"123\n", 4}, 8, "123\\x0a"},
        {{"123\nx", 5}, 8, "123..."},
        {{"\n\n", 2}, 8, "\\x0a..."},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char dst[101];
        memset(dst, 'Z', sizeof(dst));
        assert_ptr_equal(sio__text_escape(dst, cases[i].size, cases[i].text), dst);
        assert_string_equal(dst, cases[i].expected);
        assert_int_equal(dst[cases[i].size], 'Z');
    }
}

/* ---- numbers ---- */

static void assert_written(uint64_t value) {
    char expected[32];
    (void)snprintf(expected, sizeof(expected), "%llu", (unsigned long long)value);
    char written[SIO_U64_CHARS + 1];
    memset(written, 'Z', sizeof(written));
    size_t len = sio__u64_write(written, value);
    assert_text((struct text){written, len}, expected);
    assert_int_equal(written[len], 'Z');
    uint64_t read = value + 1;
    assert_int_equal(sio__parse_u64((struct text){written, len}, len, &read), 0);
    assert_true(read == value);
}

static void numbers_are_written_and_read_back(void **state) {
    (void)state;
    for (uint64_t value = 0; value < 20000; value++) {
        assert_written(value);
    }
    for (uint64_t power = 1; power <= UINT64_MAX / 10; power *= 10) {
        assert_written(power * 10 - 1);
        assert_written(power * 10);
        assert_written(power * 10 + 1);
    }
    for (unsigned bit = 0; bit < 64; bit++) {
        assert_written((UINT64_C(1) << bit) - 1);
        assert_written(UINT64_C(1) << bit);
    }
    assert_written(UINT64_MAX);
}

static void only_digits_that_fit_are_read(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t max_digits;
        int result;
        uint64_t value;
    } cases[] = {
        {"0", 20, 0, 0},
        {"007", 20, 0, 7},
        {"18446744073709551615", 20, 0, UINT64_MAX},
        {"18446744073709551616", 20, SIO_ERR_INVALID, 0},
        {"99999999999999999999", 20, SIO_ERR_INVALID, 0},
        {"000018446744073709551615", 30, 0, UINT64_MAX},
        {"1234", 4, 0, 1234},
        {"12345", 4, SIO_ERR_INVALID, 0},
        {"", 20, SIO_ERR_INVALID, 0},
        {"-1", 20, SIO_ERR_INVALID, 0},
        {"+1", 20, SIO_ERR_INVALID, 0},
        {" 1", 20, SIO_ERR_INVALID, 0},
        {"1 ", 20, SIO_ERR_INVALID, 0},
        {"1.0", 20, SIO_ERR_INVALID, 0},
        {"0x1", 20, SIO_ERR_INVALID, 0},
        {"1e3", 20, SIO_ERR_INVALID, 0},
        {"/", 20, SIO_ERR_INVALID, 0},
        {":", 20, SIO_ERR_INVALID, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint64_t value = 4711;
        int r = sio__parse_u64(sio__text_of(cases[i].text), cases[i].max_digits, &value);
        assert_int_equal(r, cases[i].result);
        assert_true(value == (r == 0 ? cases[i].value : 4711));
    }
}

static void digits_counts_those_at_the_front(void **state) {
    (void)state;
    assert_int_equal(sio__text_digits(SIO_TEXT("12[\"a\"]")), 2);
    assert_int_equal(sio__text_digits(SIO_TEXT("[1]")), 0);
    assert_int_equal(sio__text_digits(SIO_TEXT("0123456789")), 10);
    assert_int_equal(sio__text_digits(SIO_TEXT("/:")), 0);
    assert_int_equal(sio__text_digits((struct text){NULL, 0}), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_equal_when_their_bytes_are),
        cmocka_unit_test(texts_are_made_of_strings),
        cmocka_unit_test(starts_compares_the_front),
        cmocka_unit_test(find_tells_the_first_offset),
        cmocka_unit_test(trim_drops_blanks_and_tabs_only),
        cmocka_unit_test(cut_yields_one_part_more_than_separators),
        cmocka_unit_test(tokens_are_made_of_tchars),
        cmocka_unit_test(field_values_have_no_control_characters_but_tabs),
        cmocka_unit_test(lower_changes_ascii_letters_only),
        cmocka_unit_test(globs_match_whole_texts),
        cmocka_unit_test(hostile_globs_take_at_most_quadratic_time),
        cmocka_unit_test(escaped_text_is_printable_ascii),
        cmocka_unit_test(numbers_are_written_and_read_back),
        cmocka_unit_test(only_digits_that_fit_are_read),
        cmocka_unit_test(digits_counts_those_at_the_front),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
