/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * JSON text: what is written has to be, byte for byte, what JSON.stringify() of JavaScript writes.
 */
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sio/error.h>

#include "proto/json_write.h"
#include "support/torture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define MARK "before:"

/* A buffer that has something in it, which no failure may touch. */
static struct buf marked_buf(size_t max) {
    struct buf out;
    sio__buf_init(&out, max + strlen(MARK));
    assert_int_equal(sio__buf_append_str(&out, MARK), 0);
    return out;
}

static void assert_appended(const struct buf *out, const char *text, size_t len) {
    size_t mark = strlen(MARK);
    assert_true(out->len >= mark);
    assert_memory_equal(out->data, MARK, mark);
    if (out->len - mark != len || memcmp(out->data + mark, text, len) != 0) {
        fail_msg("%.*s instead of %.*s", (int)(out->len - mark), (const char *)out->data + mark,
                 (int)len, text);
    }
}

static struct value_doc parse(const char *json) {
    struct value_doc doc;
    assert_int_equal(sio__value_parse(NULL, json, strlen(json), &doc), 0);
    return doc;
}

/* ---- strings ---- */

static void strings_are_escaped_as_in_javascript(void **state) {
    (void)state;
    static const struct {
        struct text s;
        const char *json;
    } table[] = {
        {SIO_TEXT(""), "\"\""},
        {{NULL, 0}, "\"\""},
        {SIO_TEXT("hello"), "\"hello\""},
        {SIO_TEXT("\"\\/"), "\"\\\"\\\\/\""},
        {SIO_TEXT("\b\t\n\f\r"), "\"\\b\\t\\n\\f\\r\""},
        {SIO_TEXT("\0\x01\x0b\x1f\x7f"), "\"\\u0000\\u0001\\u000b\\u001f\x7f\""},
        {SIO_TEXT("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"),
         "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
        {SIO_TEXT("\xe2\x80\xa8\xe2\x80\xa9"), "\"\xe2\x80\xa8\xe2\x80\xa9\""},
        {SIO_TEXT("<script>'&"), "\"<script>'&\""},
        {SIO_TEXT("\xc3\xa9\"\xc3\xa9\n"), "\"\xc3\xa9\\\"\xc3\xa9\\n\""},
        {SIO_TEXT("\n\xc3\xa9"), "\"\\n\xc3\xa9\""},
    };
    for (size_t i = 0; i < COUNT(table); i++) {
        struct buf out = marked_buf(1000);
        assert_int_equal(sio__json_write_string(&out, table[i].s), 0);
        assert_appended(&out, table[i].json, strlen(table[i].json));
        sio__buf_done(&out);
    }
}

/* The writer again, one byte at a time. */
static size_t escape_slowly(char *dst, const uint8_t *s, size_t len) {
    static const char *const short_escapes[128] = {
        ['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n",  ['\f'] = "\\f",
        ['\r'] = "\\r", ['"'] = "\\\"", ['\\'] = "\\\\",
    };
    char *p = dst;
    *p++ = '"';
    for (size_t i = 0; i < len; i++) {
        if (s[i] < 0x80 && short_escapes[s[i]]) {
            p += sprintf(p, "%s", short_escapes[s[i]]);
        } else if (s[i] < 0x20) {
            p += sprintf(p, "\\u%04x", (unsigned)s[i]);
        } else {
            *p++ = (char)s[i];
        }
    }
    *p++ = '"';
    return (size_t)(p - dst);
}

/* The string lies at the end of an allocation, so that a byte read too far is seen. */
static void check_string(const uint8_t *s, size_t len) {
    uint8_t *copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, s, len);
    char expected[1000];
    size_t expected_len = escape_slowly(expected, s, len);
    struct buf out = marked_buf(1000);
    assert_int_equal(sio__json_write_string(&out, (struct text){(char *)copy, len}), 0);
    assert_appended(&out, expected, expected_len);
    sio__buf_done(&out);
    free(copy);
}

static void every_byte_is_right_at_every_place(void **state) {
    (void)state;
    uint8_t s[50];
    for (size_t len = 0; len <= 40; len++) {
        memset(s, 'x', sizeof(s));
        check_string(s, len);
        for (size_t at = 0; at < len; at++) {
            for (unsigned c = 0; c < 0x80; c++) {
                memset(s, 'x', len);
                s[at] = (uint8_t)c;
                check_string(s, len);
            }
            memset(s, '\x1f', len);
            s[at] = '~';
            check_string(s, len);
            memset(s, 'x', len);
            memcpy(s + at, "\xf0\x9f\x98\x80\n", 5);
            check_string(s, len > at + 5 ? len : at + 5);
        }
    }
}

static void text_that_is_not_utf8_is_refused(void **state) {
    (void)state;
    static const struct text table[] = {
        SIO_TEXT("\x80"),
        SIO_TEXT("\xc3"),
        SIO_TEXT("\xc3("),
        SIO_TEXT("\xc0\x80"),
        SIO_TEXT("\xed\xa0\x80"),
        SIO_TEXT("\xf4\x90\x80\x80"),
        SIO_TEXT("\xff"),
        SIO_TEXT("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\x80"),
        SIO_TEXT("\n\xc3\xa9\"xxxxxxxxxxxxxxxxxxxxxxxxxxx\xc3"),
    };
    for (size_t i = 0; i < COUNT(table); i++) {
        struct buf out = marked_buf(1000);
        assert_int_equal(sio__json_write_string(&out, table[i]), SIO_ERR_INVALID);
        assert_appended(&out, "", 0);
        sio__buf_done(&out);
    }
}

static void string_over_the_limit_appends_nothing(void **state) {
    (void)state;
    static const char json[] = "\"a\\nb\\u0001\xc3\xa9\"";
    for (size_t max = 1; max < sizeof(json) + 8; max++) {
        struct buf out = marked_buf(max);
        int r = sio__json_write_string(&out, SIO_TEXT("a\nb\x01\xc3\xa9"));
        if (r == 0) {
            assert_true(max >= sizeof(json) - 1);
            assert_appended(&out, json, sizeof(json) - 1);
        } else {
            assert_int_equal(r, SIO_ERR_TOO_BIG);
            assert_appended(&out, "", 0);
        }
        sio__buf_done(&out);
    }
    struct buf out = marked_buf(10);
    assert_int_equal(sio__json_write_string(&out, (struct text){"", SIZE_MAX}), SIO_ERR_TOO_BIG);
    sio__buf_done(&out);
}

/* ---- numbers ---- */

static void reals_are_written_as_in_javascript(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *json;
    } table[] = {
        {0.0, "0"},
        {-0.0, "0"},
        {(double)NAN, "null"},
        {(double)INFINITY, "null"},
        {(double)-INFINITY, "null"},
        {1.0, "1"},
        {-1.0, "-1"},
        {42.0, "42"},
        {0.1, "0.1"},
        {-0.1, "-0.1"},
        {0.5, "0.5"},
        {1.5, "1.5"},
        {4.35, "4.35"},
        {0.1 + 0.2, "0.30000000000000004"},
        {2.0 / 3, "0.6666666666666666"},
        {1.0 / 3, "0.3333333333333333"},
        {123456.789, "123456.789"},
        {4294967296.5, "4294967296.5"},
        {1e15, "1000000000000000"},
        {1e16, "10000000000000000"},
        {9007199254740991.0, "9007199254740991"},
        {9007199254740992.0, "9007199254740992"},
        {-9007199254740992.0, "-9007199254740992"},
        {9007199254740994.0, "9007199254740994"},
        {-9007199254740994.0, "-9007199254740994"},
        {0x1p63, "9223372036854776000"},
        {0x1p64, "18446744073709552000"},
        {12345678901234567890.0, "12345678901234567000"},
        {1e20, "100000000000000000000"},
        {123456789012345680000.0, "123456789012345680000"},
        {9.9999999999999987e+20, "999999999999999900000"},
        {1e21, "1e+21"},
        {-1.5e21, "-1.5e+21"},
        {1e22, "1e+22"},
        {1e23, "1e+23"},
        {1.2345678901234567e25, "1.2345678901234566e+25"},
        {6.02214076e23, "6.02214076e+23"},
        {1e100, "1e+100"},
        {1.7976931348623157e+308, "1.7976931348623157e+308"},
        {-1.7976931348623157e+308, "-1.7976931348623157e+308"},
        {0.001, "0.001"},
        {0.000001, "0.000001"},
        {0.0000015, "0.0000015"},
        {9.5367431640625e-7, "9.5367431640625e-7"},
        {5e-7, "5e-7"},
        {1e-7, "1e-7"},
        {-1.5e-7, "-1.5e-7"},
        {1.2345e-10, "1.2345e-10"},
        {6.62607015e-34, "6.62607015e-34"},
        {1e-100, "1e-100"},
        {2.2250738585072014e-308, "2.2250738585072014e-308"},
        {2.2250738585072009e-308, "2.225073858507201e-308"},
        {1.5e-310, "1.5e-310"},
        {9.5e-322, "9.5e-322"},
        {5e-323, "5e-323"},
        {5e-324, "5e-324"},
        {-5e-324, "-5e-324"},
    };
    for (size_t i = 0; i < COUNT(table); i++) {
        struct buf out = marked_buf(JSON_REAL_SIZE);
        assert_int_equal(sio__json_write_real(&out, table[i].value), 0);
        assert_appended(&out, table[i].json, strlen(table[i].json));
        sio__buf_done(&out);
        char text[JSON_REAL_SIZE];
        assert_int_equal(sio__json_format_real(text, table[i].value), strlen(table[i].json));
        assert_string_equal(text, table[i].json);
    }
}

/* Digits are few enough if one less gives another number, and enough if they give the same. */
static void reals_are_read_back_as_the_same(void **state) {
    (void)state;
    uint64_t bits = 0x9e3779b97f4a7c15;
    for (int i = 0; i < 20000; i++) {
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        double value;
        memcpy(&value, &bits, sizeof(value));
        if (!isfinite(value)) {
            continue;
        }
        char text[JSON_REAL_SIZE];
        size_t len = sio__json_format_real(text, value);
        assert_int_equal(len, strlen(text));
        assert_true(strtod(text, NULL) == value);
        size_t digits = 0;
        for (const char *p = text; *p != '\0' && *p != 'e'; p++) {
            digits += *p >= '0' && *p <= '9' ? 1 : 0;
        }
        if (strchr(text, 'e') && digits > 1) {
            char shorter[JSON_REAL_SIZE * 2];
            snprintf(shorter, sizeof(shorter), "%.*e", (int)digits - 2, value);
            assert_true(strtod(shorter, NULL) != value);
        }
    }
}

static void integers_are_written_in_full(void **state) {
    (void)state;
    static const struct {
        int64_t value;
        const char *json;
    } table[] = {
        {0, "0"},
        {-1, "-1"},
        {42, "42"},
        {INT64_MAX, "9223372036854775807"},
        {INT64_MIN, "-9223372036854775808"},
    };
    for (size_t i = 0; i < COUNT(table); i++) {
        struct buf out = marked_buf(100);
        assert_int_equal(sio__json_write_int(&out, table[i].value), 0);
        assert_appended(&out, table[i].json, strlen(table[i].json));
        sio__buf_done(&out);
    }
    struct buf out = marked_buf(100);
    assert_int_equal(sio__json_write_uint(&out, UINT64_MAX), 0);
    assert_appended(&out, "18446744073709551615", 20);
    sio__buf_done(&out);
}

static void numbers_over_the_limit_append_nothing(void **state) {
    (void)state;
    struct buf out = marked_buf(2);
    assert_int_equal(sio__json_write_int(&out, -100), SIO_ERR_TOO_BIG);
    assert_int_equal(sio__json_write_uint(&out, 100), SIO_ERR_TOO_BIG);
    assert_int_equal(sio__json_write_real(&out, 0.25), SIO_ERR_TOO_BIG);
    assert_int_equal(sio__json_write_placeholder(&out, 0), SIO_ERR_TOO_BIG);
    assert_appended(&out, "", 0);
    sio__buf_done(&out);
}

/* ---- values ---- */

static void values_are_written_as_in_javascript(void **state) {
    (void)state;
    static const struct {
        const char *json;
        const char *written; /* NULL: as it was */
    } table[] = {
        {"null", NULL},
        {"true", NULL},
        {"false", NULL},
        {"\"\"", NULL},
        {"[]", NULL},
        {"{}", NULL},
        {"[[],{},[[]],[{}],{\"a\":[]},{\"b\":{}}]", NULL},
        {"{\"a\":1,\"b\":[true,false,null],\"c\":{\"d\":\"e\"},\"f\":2}", NULL},
        {"[\"d\",null,null,null,null,\"1970-01-01T00:00:00.000Z\",{},[null],\"\\u0007/\",1e+21,0,"
         "123456789012345680000,0.1,1e-7,5e-324]",
         NULL},
        {"[-9223372036854775808,18446744073709551615,-1,1.0,-0,-0.0,1E2]",
         "[-9223372036854775808,18446744073709551615,-1,1,0,0,100]"},
        {" [ 1 , { \"a\" : [ ] } ] ", "[1,{\"a\":[]}]"},
        {"{\"\\u00e9\\n\":\"\\u0041\\/\"}", "{\"\xc3\xa9\\n\":\"A/\"}"},
        {"\"\\ud83d\"", "\"\xef\xbf\xbd\""},
        {"{\"a\":1,\"a\":2}", NULL},
    };
    for (size_t i = 0; i < COUNT(table); i++) {
        const char *written = table[i].written ? table[i].written : table[i].json;
        struct value_doc doc = parse(table[i].json);
        struct buf out = marked_buf(1000);
        assert_int_equal(sio__json_write_value(&out, doc.root, NULL), 0);
        assert_appended(&out, written, strlen(written));
        sio__buf_done(&out);
        sio__value_release(&doc);
    }
}

static void missing_value_is_null(void **state) {
    (void)state;
    struct buf out = marked_buf(10);
    assert_int_equal(sio__json_write_value(&out, NULL, NULL), 0);
    assert_appended(&out, "null", 4);
    sio__buf_done(&out);
}

static void nesting_is_limited_by_nothing_but_length(void **state) {
    (void)state;
    for (size_t depth = 1; depth < 100000; depth = depth * 3 / 2 + 1) {
        char *text = malloc(6 * depth + 2);
        assert_non_null(text);
        size_t len = 0;
        for (size_t i = 0; i < depth; i++) {
            struct text open = i % 3 == 0 ? SIO_TEXT("[1,") : SIO_TEXT("{\"a\":");
            memcpy(text + len, open.data, open.len);
            len += open.len;
        }
        text[len++] = '7';
        for (size_t i = depth; i > 0; i--) {
            text[len++] = (i - 1) % 3 == 0 ? ']' : '}';
        }
        struct value_doc doc;
        assert_int_equal(sio__value_parse(NULL, text, len, &doc), 0);
        struct buf out = marked_buf(SIZE_MAX / 2);
        assert_int_equal(sio__json_write_value(&out, doc.root, NULL), 0);
        assert_appended(&out, text, len);
        sio__buf_done(&out);
        sio__value_release(&doc);
        free(text);
    }
}

#define BINARY                                                                                     \
    "[{\"_placeholder\":true,\"num\":1},{\"a\":{\"x\":[0],\"num\":0,\"_placeholder\":true}},"      \
    "{\"_placeholder\":true,\"num\":1}]"

static struct value_doc parse_binary(void) {
    static const struct value_bytes bytes[] = {{(const uint8_t *)"zero", 4},
                                               {(const uint8_t *)"one", 3}};
    struct value_doc doc = parse(BINARY);
    assert_int_equal(sio__value_bind(&doc, bytes, 2), 0);
    return doc;
}

static void bytes_get_numbers_in_the_order_of_the_text(void **state) {
    (void)state;
    struct value_doc doc = parse_binary();
    struct json_attachments list = {0};
    assert_int_equal(sio__json_attach(&list, "first", 5), 0);
    struct buf out = marked_buf(1000);
    assert_int_equal(sio__json_write_value(&out, doc.root, &list), 0);
    static const char json[] = "[{\"_placeholder\":true,\"num\":1},"
                               "{\"a\":{\"_placeholder\":true,\"num\":2}},"
                               "{\"_placeholder\":true,\"num\":3}]";
    assert_appended(&out, json, strlen(json));
    static const char *const contents[] = {"first", "one", "zero", "one"};
    assert_int_equal(list.len, COUNT(contents));
    for (size_t i = 0; i < COUNT(contents); i++) {
        assert_int_equal(list.items[i].len, strlen(contents[i]));
        assert_memory_equal(list.items[i].data, contents[i], list.items[i].len);
    }
    sio__buf_done(&out);
    sio__json_attachments_done(&list);
    assert_int_equal(list.len, 0);
    sio__value_release(&doc);
}

static void bytes_keep_their_numbers_without_a_list(void **state) {
    (void)state;
    struct value_doc doc = parse_binary();
    struct buf out = marked_buf(1000);
    assert_int_equal(sio__json_write_value(&out, doc.root, NULL), 0);
    static const char json[] = "[{\"_placeholder\":true,\"num\":1},"
                               "{\"a\":{\"_placeholder\":true,\"num\":0}},"
                               "{\"_placeholder\":true,\"num\":1}]";
    assert_appended(&out, json, strlen(json));
    out.len = strlen(MARK);
    assert_int_equal(sio__json_write_value(&out, sio_val_at(doc.root, 0), NULL), 0);
    assert_appended(&out, "{\"_placeholder\":true,\"num\":1}", 29);
    sio__buf_done(&out);
    sio__value_release(&doc);
}

static void value_over_the_limit_appends_nothing(void **state) {
    (void)state;
    struct value_doc doc = parse_binary();
    size_t failures = 0;
    for (size_t max = 1; max < 200; max++) {
        struct buf out = marked_buf(max);
        struct json_attachments list = {0};
        int r = sio__json_write_value(&out, doc.root, &list);
        if (r < 0) {
            assert_int_equal(r, SIO_ERR_TOO_BIG);
            assert_appended(&out, "", 0);
            failures++;
        }
        sio__buf_done(&out);
        sio__json_attachments_done(&list);
    }
    assert_in_range(failures, 90, 130);
    sio__value_release(&doc);
}

static void separators_are_put_between_elements_only(void **state) {
    (void)state;
    static const struct {
        const char *before;
        const char *after;
    } table[] = {{"", ""},      {"[", "["},  {"{", "{"},  {"{\"a\":", "{\"a\":"},
                 {"[1", "[1,"}, {"]", "],"}, {"}", "},"}, {"\"[\"", "\"[\","}};
    for (size_t i = 0; i < COUNT(table); i++) {
        struct buf out;
        sio__buf_init(&out, 100);
        assert_int_equal(sio__buf_append_str(&out, table[i].before), 0);
        assert_int_equal(sio__json_separate(&out), 0);
        assert_true(sio__text_eq(sio__buf_text(&out), sio__text_of(table[i].after)));
        sio__buf_done(&out);
    }
}

static void json_of_a_value_is_cut_as_by_snprintf(void **state) {
    (void)state;
    struct value_doc doc = parse(" [1, \"two\"] ");
    char text[20];
    assert_int_equal(sio_val_json(doc.root, NULL, 0), 9);
    for (size_t size = 1; size < sizeof(text); size++) {
        memset(text, '#', sizeof(text));
        assert_int_equal(sio_val_json(doc.root, text, size), 9);
        size_t len = size > 9 ? 9 : size - 1;
        assert_memory_equal(text, "[1,\"two\"]", len);
        assert_int_equal(text[len], '\0');
        assert_int_equal(text[len + 1], '#');
    }
    assert_int_equal(sio_val_json(NULL, text, sizeof(text)), 4);
    assert_string_equal(text, "null");
    sio__value_release(&doc);
}

/* ---- memory ---- */

static int write_binary(void *user) {
    const struct value_doc *doc = user;
    struct buf out;
    sio__buf_init(&out, 1000);
    struct json_attachments list = {0};
    int r = sio__json_write_string(&out, SIO_TEXT("\n\xc3\xa9 and so on, for more than one block"));
    if (r == 0) {
        r = sio__json_write_real(&out, 0.1);
    }
    if (r == 0) {
        r = sio__json_write_value(&out, doc->root, &list);
    }
    sio__json_attachments_done(&list);
    sio__buf_done(&out);
    return r;
}

static int write_text(void *user) {
    const struct value_doc *doc = user;
    char text[200] = "#";
    long len = sio_val_json(doc->root, text, sizeof(text));
    if (len < 0) {
        assert_string_equal(text, "");
        return (int)len;
    }
    assert_int_equal(len, 141);
    return 0;
}

static void lack_of_memory_is_reported(void **state) {
    (void)state;
    struct value_doc doc = parse_binary();
    torture_run(write_binary, &doc);
    sio__value_release(&doc);
    char nested[142] = {0};
    memset(nested, '[', 70);
    nested[70] = '1';
    memset(nested + 71, ']', 70);
    doc = parse(nested);
    torture_run(write_text, &doc);
    sio__value_release(&doc);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_are_escaped_as_in_javascript),
        cmocka_unit_test(every_byte_is_right_at_every_place),
        cmocka_unit_test(text_that_is_not_utf8_is_refused),
        cmocka_unit_test(string_over_the_limit_appends_nothing),
        cmocka_unit_test(reals_are_written_as_in_javascript),
        cmocka_unit_test(reals_are_read_back_as_the_same),
        cmocka_unit_test(integers_are_written_in_full),
        cmocka_unit_test(numbers_over_the_limit_append_nothing),
        cmocka_unit_test(values_are_written_as_in_javascript),
        cmocka_unit_test(missing_value_is_null),
        cmocka_unit_test(nesting_is_limited_by_nothing_but_length),
        cmocka_unit_test(bytes_get_numbers_in_the_order_of_the_text),
        cmocka_unit_test(bytes_keep_their_numbers_without_a_list),
        cmocka_unit_test(value_over_the_limit_appends_nothing),
        cmocka_unit_test(separators_are_put_between_elements_only),
        cmocka_unit_test(json_of_a_value_is_cut_as_by_snprintf),
        cmocka_unit_test_teardown(lack_of_memory_is_reported, torture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
