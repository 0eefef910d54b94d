/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Values: parsing, the readers of <sio/value.h>, binding of attachments, memory of documents.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sio/error.h>

#include "proto/value.h"
#include "support/torture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define PLACEHOLDER(num) "{\"_placeholder\":true,\"num\":" #num "}"

static struct value_doc parse(const char *json) {
    struct value_doc doc;
    int r = sio__value_parse(NULL, json, strlen(json), &doc);
    if (r < 0) {
        fail_msg("%s: %s", json, sio_errname(r));
    }
    return doc;
}

/* A text of n times `open`, then the middle, then n times `close`; for free(). */
static char *nest(const char *open, size_t n, const char *middle, const char *close) {
    size_t open_len = strlen(open);
    size_t close_len = strlen(close);
    size_t middle_len = strlen(middle);
    char *text = malloc(n * (open_len + close_len) + middle_len + 1);
    assert_non_null(text);
    char *p = text;
    for (size_t i = 0; i < n; i++, p += open_len) {
        memcpy(p, open, open_len);
    }
    memcpy(p, middle, middle_len);
    p += middle_len;
    for (size_t i = 0; i < n; i++, p += close_len) {
        memcpy(p, close, close_len);
    }
    *p = '\0';
    return text;
}

/* ---- parsing ---- */

static void types_are_told_apart(void **state) {
    (void)state;
    static const struct {
        const char *json;
        int type;
    } table[] = {
        {"null", SIO_NULL},
        {"true", SIO_BOOL},
        {"false", SIO_BOOL},
        {"0", SIO_INT},
        {"-0", SIO_INT},
        {"9223372036854775807", SIO_INT},
        {"-9223372036854775808", SIO_INT},
        {"18446744073709551615", SIO_INT},
        {"18446744073709551616", SIO_REAL},
        {"-9223372036854775809", SIO_REAL},
        {"1.0", SIO_REAL},
        {"1e2", SIO_REAL},
        {"\"\"", SIO_STRING},
        {"[]", SIO_ARRAY},
        {"{}", SIO_OBJECT},
        {"{\"_placeholder\":true,\"num\":0}", SIO_OBJECT},
        {" \t\r\n[ 1 , 2 ]\n", SIO_ARRAY},
    };
    for (size_t i = 0; i < COUNT(table); i++) {
        struct value_doc doc = parse(table[i].json);
        assert_int_equal(sio_val_type(doc.root), table[i].type);
        sio__value_release(&doc);
    }
    assert_int_equal(sio_val_type(NULL), SIO_NONE);
}

static void only_strict_json_is_accepted(void **state) {
    (void)state;
    static const char *const table[] = {
        "",
        " ",
        "[",
        "]",
        "[1,]",
        "{\"a\":1,}",
        "{a:1}",
        "'a'",
        "nul",
        "True",
        "NaN",
        "Infinity",
        "-",
        "01",
        "1.",
        ".5",
        "+1",
        "0x10",
        "1e",
        "1e999",
        "-1e999",
        "[1]x",
        "[1][2]",
        "/**/1",
        "\"",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\n\"",
        "\"\x01\"",
        "\"\x80\"",
        "\"\xc0\xaf\"",
        "\"\xed\xa0\x80\"",
        "\"\xf4\x90\x80\x80\"",
        "\xef\xbb\xbf[]",
        "{\"a\"}",
        "{\"a\":}",
        "{1:2}",
        "[\"\\ud8zz\"]",
        "[\"\\ud800]",
        "\\ud800",
        "[\"\\ud800\\",
        "\"\\ud800\\u\"",
        "[\"\\ud800\",]",
    };
    for (size_t i = 0; i < COUNT(table); i++) {
        struct value_doc doc;
        if (sio__value_parse(NULL, table[i], strlen(table[i]), &doc) != SIO_ERR_JSON) {
            fail_msg("accepted: %s", table[i]);
        }
    }
}

static void nul_byte_in_the_text_is_refused(void **state) {
    (void)state;
    struct value_doc doc;
    assert_int_equal(sio__value_parse(NULL, "\"a\0b\"", 5, &doc), SIO_ERR_JSON);
    assert_int_equal(sio__value_parse(NULL, "1\0", 2, &doc), SIO_ERR_JSON);
    assert_int_equal(sio__value_parse(NULL, NULL, 0, &doc), SIO_ERR_JSON);
}

static void strings_are_unescaped(void **state) {
    (void)state;
    static const struct {
        const char *json;
        const char *text;
    } table[] = {
        {"\"\"", ""},
        {"\"a\\\"\\\\\\/\\b\\f\\n\\r\\tz\"", "a\"\\/\b\f\n\r\tz"},
        {"\"\\u00e9\\u20AC\\uD83D\\uDE00\"", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"\"\xc3\xa9\xe2\x80\xa8\xf0\x9f\x98\x80\"", "\xc3\xa9\xe2\x80\xa8\xf0\x9f\x98\x80"},
        {"\"\\\\ud800\"", "\\ud800"},
    };
    for (size_t i = 0; i < COUNT(table); i++) {
        struct value_doc doc = parse(table[i].json);
        size_t len;
        const char *s = sio_val_str(doc.root, &len);
        assert_string_equal(s, table[i].text);
        assert_int_equal(len, strlen(table[i].text));
        sio__value_release(&doc);
    }
}

/* As written by JavaScript for a string that was cut within a character. */
static void lone_surrogates_become_replacement_characters(void **state) {
    (void)state;
    static const struct {
        const char *json;
        const char *text;
    } table[] = {
        {"\"\\ud800\"", "\xef\xbf\xbd"},
        {"\"\\uDFFF\"", "\xef\xbf\xbd"},
        {"\"a\\uDbFfb\"", "a\xef\xbf\xbd"
                          "b"},
        {"\"\\udc00\\ud800\"", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\"\\ud800\\ud83d\\ude00\"", "\xef\xbf\xbd\xf0\x9f\x98\x80"},
        {"\"\\ud800\\n\\u0041\"", "\xef\xbf\xbd\nA"},
        {"\"\\ud800\\\\udc00\"", "\xef\xbf\xbd\\udc00"},
    };
    for (size_t i = 0; i < COUNT(table); i++) {
        struct value_doc doc = parse(table[i].json);
        assert_string_equal(sio_val_str(doc.root, NULL), table[i].text);
        sio__value_release(&doc);
    }
}

static void nesting_is_limited_by_nothing_but_length(void **state) {
    (void)state;
    enum { DEPTH = 200000 };
    char *text = nest("[", DEPTH, "[]", "]");
    struct value_doc doc = parse(text);
    struct value_bytes none = {NULL, 0};
    assert_int_equal(sio__value_bind(&doc, &none, 1), 0);
    assert_false(sio__value_has_placeholder(doc.root));
    size_t depth = 0;
    for (const sio_val *v = doc.root; v; v = sio_val_at(v, 0)) {
        depth++;
    }
    assert_int_equal(depth, DEPTH + 1);
    sio__value_release(&doc);
    free(text);
}

/* ---- readers ---- */

static void readers_answer_null_and_other_types(void **state) {
    (void)state;
    struct value_doc doc = parse("[null,true,1,1.5,\"s\",[1],{\"k\":1}]");
    for (size_t i = 0; i <= 7; i++) {
        const sio_val *v = sio_val_at(doc.root, i); /* 7: NULL */
        int64_t int_value = -1;
        uint64_t uint_value = 99;
        double real_value = -1;
        bool bool_value = false;
        size_t len = 99;
        assert_int_equal(sio_val_str(v, &len) != NULL, i == 4);
        assert_int_equal(len, i == 4 ? 1 : 99);
        assert_int_equal(sio_val_int(v, &int_value), i == 2   ? 0
                                                     : i == 3 ? SIO_ERR_INVALID
                                                              : SIO_ERR_TYPE);
        assert_int_equal(int_value, i == 2 ? 1 : -1);
        assert_int_equal(sio_val_uint(v, &uint_value), i == 2   ? 0
                                                       : i == 3 ? SIO_ERR_INVALID
                                                                : SIO_ERR_TYPE);
        assert_int_equal(uint_value, i == 2 ? 1 : 99);
        assert_int_equal(sio_val_real(v, &real_value), i == 2 || i == 3 ? 0 : SIO_ERR_TYPE);
        assert_int_equal(sio_val_bool(v, &bool_value), i == 1 ? 0 : SIO_ERR_TYPE);
        assert_int_equal(bool_value, i == 1);
        assert_null(sio_val_bytes(v, &len));
        assert_int_equal(len, 0);
        assert_null(sio_val_bytes(v, NULL));
        assert_int_equal(sio_val_is_null(v), i == 0 || i == 7);
        assert_int_equal(sio_val_count(v), i == 5 || i == 6 ? 1 : 0);
        assert_int_equal(sio_val_at(v, 0) != NULL, i == 5);
        assert_int_equal(sio_val_get(v, "k") != NULL, i == 6);
        sio_val_iter it = {0};
        assert_int_equal(sio_val_next(v, &it) != NULL, i == 5 || i == 6);
    }
    assert_null(sio_val_get(sio_val_at(doc.root, 6), NULL));
    sio__value_release(&doc);
}

static void numbers_are_read_where_they_fit(void **state) {
    (void)state;
    static const struct {
        const char *json;
        int int_result;
        int64_t int_value;
        int uint_result;
        uint64_t uint_value;
        double real_value;
    } table[] = {
        {"0", 0, 0, 0, 0, 0},
        {"-0", 0, 0, 0, 0, 0},
        {"-0.0", 0, 0, 0, 0, 0},
        {"-1", 0, -1, SIO_ERR_INVALID, 0, -1},
        {"3.0", 0, 3, 0, 3, 3},
        {"-3.0", 0, -3, SIO_ERR_INVALID, 0, -3},
        {"3.5", SIO_ERR_INVALID, 0, SIO_ERR_INVALID, 0, 3.5},
        {"1e3", 0, 1000, 0, 1000, 1000},
        {"9223372036854775807", 0, INT64_MAX, 0, INT64_MAX, 0x1p63},
        {"9223372036854775808", SIO_ERR_INVALID, 0, 0, (uint64_t)1 << 63, 0x1p63},
        {"-9223372036854775808", 0, INT64_MIN, SIO_ERR_INVALID, 0, -0x1p63},
        {"-9223372036854775808.0", 0, INT64_MIN, SIO_ERR_INVALID, 0, -0x1p63},
        {"-9223372036854777856.0", SIO_ERR_INVALID, 0, SIO_ERR_INVALID, 0, -9223372036854777856.0},
        {"9223372036854775808.0", SIO_ERR_INVALID, 0, 0, (uint64_t)1 << 63, 0x1p63},
        {"18446744073709551615", SIO_ERR_INVALID, 0, 0, UINT64_MAX, 0x1p64},
        {"18446744073709551616", SIO_ERR_INVALID, 0, SIO_ERR_INVALID, 0, 0x1p64},
        {"1e300", SIO_ERR_INVALID, 0, SIO_ERR_INVALID, 0, 1e300},
        {"5e-324", SIO_ERR_INVALID, 0, SIO_ERR_INVALID, 0, 5e-324},
    };
    for (size_t i = 0; i < COUNT(table); i++) {
        struct value_doc doc = parse(table[i].json);
        int64_t int_value = 0;
        uint64_t uint_value = 0;
        double real_value = 0;
        assert_int_equal(sio_val_int(doc.root, &int_value), table[i].int_result);
        assert_true(int_value == table[i].int_value);
        assert_int_equal(sio_val_uint(doc.root, &uint_value), table[i].uint_result);
        assert_true(uint_value == table[i].uint_value);
        assert_int_equal(sio_val_real(doc.root, &real_value), 0);
        assert_true(real_value == table[i].real_value);
        sio__value_release(&doc);
    }
}

static void strings_may_hold_nul(void **state) {
    (void)state;
    struct value_doc doc = parse("{\"a\\u0000b\":\"c\\u0000d\"}");
    sio_val_iter it = {0};
    size_t len;
    const char *s = sio_val_str(sio_val_next(doc.root, &it), &len);
    assert_int_equal(len, 3);
    assert_memory_equal(s, "c\0d", 4);
    assert_int_equal(it.key_len, 3);
    assert_memory_equal(it.key, "a\0b", 4);
    assert_null(sio_val_get(doc.root, "a"));
    assert_non_null(sio__value_member(doc.root, SIO_TEXT("a\0b")));
    sio__value_release(&doc);
}

static void first_of_duplicate_keys_is_found(void **state) {
    (void)state;
    struct value_doc doc = parse("{\"a\":1,\"b\":[7,{}],\"a\":2}");
    int64_t value = 0;
    assert_int_equal(sio_val_int(sio_val_get(doc.root, "a"), &value), 0);
    assert_int_equal(value, 1);
    assert_int_equal(sio_val_count(doc.root), 3);
    assert_null(sio_val_get(doc.root, "c"));
    assert_null(sio_val_get(doc.root, ""));
    sio__value_release(&doc);
}

static void walking_gives_every_element_once(void **state) {
    (void)state;
    struct value_doc doc = parse("[[1,[2]],{\"a\":[],\"b\":{\"c\":0},\"d\":\"e\"},[],{}]");
    static const size_t counts[] = {2, 3, 0, 0};
    sio_val_iter outer = {0};
    for (size_t i = 0; i < COUNT(counts); i++) {
        const sio_val *v = sio_val_next(doc.root, &outer);
        assert_ptr_equal(v, sio_val_at(doc.root, i));
        assert_null(outer.key);
        assert_int_equal(outer.index, i + 1);
        sio_val_iter inner = {0};
        size_t n = 0;
        for (const sio_val *e = sio_val_next(v, &inner); e; e = sio_val_next(v, &inner)) {
            if (sio_val_type(v) == SIO_OBJECT) {
                assert_ptr_equal(e, sio_val_get(v, inner.key));
                assert_int_equal(inner.key_len, 1);
            } else {
                assert_ptr_equal(e, sio_val_at(v, n));
            }
            n++;
        }
        assert_int_equal(n, counts[i]);
        assert_null(sio_val_next(v, &inner));
        assert_null(inner.key);
    }
    assert_null(sio_val_next(doc.root, &outer));
    assert_null(sio_val_at(doc.root, 4));
    sio__value_release(&doc);
}

/* ---- attachments ---- */

static const struct value_bytes ATTACHMENTS[] = {
    {(const uint8_t *)"zero", 4}, {(const uint8_t *)"one", 3}, {NULL, 0}};

static void assert_bytes(const sio_val *v, size_t index) {
    size_t len = 99;
    const void *data = sio_val_bytes(v, &len);
    assert_int_equal(sio_val_type(v), SIO_BYTES);
    assert_non_null(data);
    assert_int_equal(len, ATTACHMENTS[index].len);
    assert_true(len == 0 || data == ATTACHMENTS[index].data);
}

static void placeholders_become_bytes(void **state) {
    (void)state;
    static const struct {
        const char *json;
        size_t index;
    } table[] = {
        {PLACEHOLDER(0), 0},
        {PLACEHOLDER(1), 1},
        {PLACEHOLDER(2), 2},
        {"{\"num\":1,\"_placeholder\":true}", 1},
        {"{\"a\":[{\"b\":[]},{}],\"num\":1,\"_placeholder\":true,\"c\":{\"num\":7}}", 1},
        {"{\"_placeholder\":true,\"num\":1.0}", 1},
        {"{\"_placeholder\":true,\"num\":10e-1}", 1},
        {"{\"_placeholder\":true,\"num\":-0}", 0},
        {"{\"_placeholder\":true,\"num\":-0.0}", 0},
        {"{\"_placehol\\u0064er\":true,\"num\":1}", 1},
        {"{\"_placeholder\":false,\"num\":9,\"_placeholder\":true,\"num\":1}", 1},
        {"{\"_placeholder\":true,\"num\":1,\"x\":{\"_placeholder\":true,\"num\":9}}", 1},
    };
    for (size_t i = 0; i < COUNT(table); i++) {
        struct value_doc doc = parse(table[i].json);
        assert_int_equal(sio__value_bind(&doc, ATTACHMENTS, 3), 0);
        assert_bytes(doc.root, table[i].index);
        assert_int_equal(sio_val_count(doc.root), 0);
        assert_null(sio_val_get(doc.root, "num"));
        assert_null(sio_val_get(doc.root, "_placeholder"));
        sio_val_iter it = {0};
        assert_null(sio_val_next(doc.root, &it));
        assert_false(sio__value_has_placeholder(doc.root));
        sio__value_release(&doc);
    }
}

static void neighbours_of_bytes_stay_as_they_are(void **state) {
    (void)state;
    struct value_doc doc =
        parse("[\"e\"," PLACEHOLDER(1) ",{\"a\":{\"x\":[1,[2,3]],\"num\":0,"
                                       "\"_placeholder\":true},\"b\":[" PLACEHOLDER(1) ",7]},8]");
    assert_int_equal(sio__value_bind(&doc, ATTACHMENTS, 2), 0);
    assert_int_equal(sio_val_count(doc.root), 4);
    assert_string_equal(sio_val_str(sio_val_at(doc.root, 0), NULL), "e");
    assert_bytes(sio_val_at(doc.root, 1), 1);
    const sio_val *object = sio_val_at(doc.root, 2);
    assert_int_equal(sio_val_count(object), 2);
    assert_bytes(sio_val_get(object, "a"), 0);
    const sio_val *array = sio_val_get(object, "b");
    assert_bytes(sio_val_at(array, 0), 1);
    int64_t value = 0;
    assert_int_equal(sio_val_int(sio_val_at(array, 1), &value), 0);
    assert_int_equal(value, 7);
    assert_int_equal(sio_val_int(sio_val_at(doc.root, 3), &value), 0);
    assert_int_equal(value, 8);
    sio__value_release(&doc);
}

static void other_objects_stay_objects(void **state) {
    (void)state;
    static const char *const table[] = {
        "{}",
        "{\"num\":0}",
        "{\"_placeholder\":false,\"num\":0}",
        "{\"_placeholder\":1,\"num\":0}",
        "{\"_placeholder\":\"true\",\"num\":0}",
        "{\"_placeholder\":{},\"num\":0}",
        "{\"_placeholder\":[true],\"num\":0}",
        "{\"_placeholders\":true,\"num\":0}",
        "{\"_Placeholder\":true,\"num\":0}",
        "{\"_placeholder\\u0000\":true,\"num\":0}",
        "{\"_placeholder\":true,\"num\":0,\"_placeholder\":false}",
    };
    for (size_t i = 0; i < COUNT(table); i++) {
        struct value_doc doc = parse(table[i]);
        size_t count = sio_val_count(doc.root);
        assert_int_equal(sio__value_bind(&doc, ATTACHMENTS, 3), 0);
        assert_int_equal(sio_val_type(doc.root), SIO_OBJECT);
        assert_int_equal(sio_val_count(doc.root), count);
        assert_false(sio__value_has_placeholder(doc.root));
        sio__value_release(&doc);
    }
}

static void illegal_attachments_are_refused(void **state) {
    (void)state;
    static const char *const table[] = {
        PLACEHOLDER(2),
        PLACEHOLDER(-1),
        PLACEHOLDER(0.5),
        PLACEHOLDER(1e300),
        PLACEHOLDER(18446744073709551616),
        PLACEHOLDER("0"),
        PLACEHOLDER(null),
        PLACEHOLDER(true),
        PLACEHOLDER([0]),
        PLACEHOLDER({}),
        "{\"_placeholder\":true}",
        "{\"_placeholder\":true,\"num\":0,\"num\":5}",
        "[\"e\"," PLACEHOLDER(1) ",[{\"a\":" PLACEHOLDER(7) "}]]",
    };
    for (size_t i = 0; i < COUNT(table); i++) {
        struct value_doc doc = parse(table[i]);
        if (sio__value_bind(&doc, ATTACHMENTS, 2) != SIO_ERR_PROTO) {
            fail_msg("bound: %s", table[i]);
        }
        sio__value_release(&doc);
    }
}

static void literal_placeholders_are_found(void **state) {
    (void)state;
    static const struct {
        const char *json;
        bool found;
    } table[] = {
        {"1", false},
        {"\"_placeholder\"", false},
        {"[\"_placeholder\",true]", false},
        {"{\"_placeholder\":1}", false},
        {"{\"_placeholder\":true}", true},
        {"[1,[{\"a\":{\"num\":0,\"_placeholder\":true}}]]", true},
        {"{\"_placeholder\":false,\"x\":{\"_placeholder\":true}}", true},
    };
    for (size_t i = 0; i < COUNT(table); i++) {
        struct value_doc doc = parse(table[i].json);
        assert_int_equal(sio__value_has_placeholder(doc.root), table[i].found);
        sio__value_release(&doc);
    }
    assert_false(sio__value_has_placeholder(NULL));
}

/* With quadratic time this would take minutes. */
static void binding_takes_linear_time(void **state) {
    (void)state;
    enum { MANY = 100000 };
    char *text = nest("{\"x\":" PLACEHOLDER(0) ",\"y\":", MANY, PLACEHOLDER(1), "}");
    struct value_doc doc = parse(text);
    assert_true(sio__value_has_placeholder(doc.root));
    assert_int_equal(sio__value_bind(&doc, ATTACHMENTS, 2), 0);
    assert_false(sio__value_has_placeholder(doc.root));
    const sio_val *v = doc.root;
    for (size_t i = 0; i < MANY; i++) {
        assert_bytes(sio_val_get(v, "x"), 0);
        v = sio_val_get(v, "y");
    }
    assert_bytes(v, 1);
    sio__value_release(&doc);
    free(text);
}

/* ---- arguments ---- */

static void arguments_follow_the_name(void **state) {
    (void)state;
    static const struct {
        const char *json;
        uint32_t first;
        size_t count;
        const char *text;
    } table[] = {
        {"[\"echo\",1,\"x\"]", 1, 2, "1,\"x\""},
        {"[\"echo\"]", 1, 0, ""},
        {" [ \"echo\" , 1 , \"x\" ] \n", 1, 2, " 1 , \"x\" "},
        {"[\"a\\\"],[\\\\\",[\"]\"]]", 1, 1, "[\"]\"]"},
        {"[\"\",{}]", 1, 1, "{}"},
        {"[\"\\u0022\\\\\",\"\\\\\"]", 1, 1, "\"\\\\\""},
        {"[1.5e3,2]", 1, 1, "2"},
        {"[-1 ,2,[3]]", 1, 2, "2,[3]"},
        {"[7]", 1, 0, ""},
        {"[]", 1, 0, ""},
        {"[]", 0, 0, ""},
        {"[1]", 0, 1, "1"},
        {"[\"x\",[],{\"a\":[]}]", 0, 3, "\"x\",[],{\"a\":[]}"},
    };
    for (size_t i = 0; i < COUNT(table); i++) {
        struct value_doc doc = parse(table[i].json);
        struct value_args args = {
            .root = doc.root, .json = sio__text_of(table[i].json), .first = table[i].first};
        assert_int_equal(sio__args_count(&args), table[i].count);
        struct text text = sio__args_text(&args);
        assert_int_equal(text.len, strlen(table[i].text));
        assert_true(text.len == 0 || memcmp(text.data, table[i].text, text.len) == 0);
        for (size_t n = 0; n < table[i].count; n++) {
            assert_ptr_equal(sio__args_at(&args, n), sio_val_at(doc.root, n + table[i].first));
        }
        assert_null(sio__args_at(&args, table[i].count));
        assert_null(sio__args_at(&args, SIZE_MAX));
        sio__value_release(&doc);
    }
}

static void packet_without_data_has_no_arguments(void **state) {
    (void)state;
    struct value_args args = {.first = 1};
    assert_int_equal(sio__args_count(&args), 0);
    assert_int_equal(sio__args_text(&args).len, 0);
    assert_null(sio__args_at(&args, 0));
}

/* ---- memory ---- */

static void steady_state_allocates_nothing(void **state) {
    (void)state;
    torture_install();
    struct value_scratch scratch;
    sio__value_scratch_init(&scratch, VALUE_SCRATCH_BYTES);
    static const char dense[] = "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]";
    size_t after_first = 0;
    for (int i = 0; i < 1000; i++) {
        struct value_doc doc;
        assert_int_equal(sio__value_parse(&scratch, dense, sizeof(dense) - 1, &doc), 0);
        assert_int_equal(sio_val_count(doc.root), 30);
        sio__value_release(&doc);
        after_first = i == 0 ? torture_count() : after_first;
    }
#ifndef SIO_NO_POOL
    assert_int_equal(torture_count(), after_first);
#endif
    sio__value_scratch_done(&scratch);
    torture_uninstall();
}

/* Documents that fit the scratch, that outgrow it while they are parsed, and that never fit. */
static void documents_of_every_size_are_parsed(void **state) {
    (void)state;
    struct value_scratch scratch;
    sio__value_scratch_init(&scratch, 4096);
    for (size_t n = 0; n < 3000; n += 7) {
        char *text = nest("[1,1,1,", n, "0", "]");
        struct value_doc doc;
        assert_int_equal(sio__value_parse(&scratch, text, strlen(text), &doc), 0);
        const sio_val *v = doc.root;
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(sio_val_count(v), 4);
            v = sio_val_at(v, 3);
        }
        assert_int_equal(sio_val_type(v), SIO_INT);
        sio__value_release(&doc);
        text[strlen(text) - 1] = 'x';
        assert_int_equal(sio__value_parse(&scratch, text, strlen(text), &doc), SIO_ERR_JSON);
        assert_int_equal(scratch.used, 0);
        assert_int_equal(scratch.live, 0);
        free(text);
    }
    sio__value_scratch_done(&scratch);
}

static void documents_may_overlap_and_end_in_any_order(void **state) {
    (void)state;
    enum { MANY = 40 };
    struct value_scratch scratch;
    sio__value_scratch_init(&scratch, 4096);
    struct value_doc docs[MANY];
    char text[] = "[\"document\",00]";
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < MANY; i++) {
            text[12] = (char)('1' + i / 10);
            text[13] = (char)('0' + i % 10);
            assert_int_equal(sio__value_parse(&scratch, text, strlen(text), &docs[i]), 0);
        }
        for (int i = 0; i < MANY; i++) {
            int n = i * 27 % MANY;
            int64_t value = 0;
            assert_int_equal(sio_val_int(sio_val_at(docs[n].root, 1), &value), 0);
            assert_int_equal(value, 10 + n);
            assert_string_equal(sio_val_str(sio_val_at(docs[n].root, 0), NULL), "document");
            sio__value_release(&docs[n]);
            assert_null(docs[n].root);
        }
        assert_int_equal(scratch.used, 0);
    }
    sio__value_scratch_done(&scratch);
}

static void releasing_nothing_is_fine(void **state) {
    (void)state;
    struct value_doc empty = {0};
    sio__value_release(&empty);
    sio__value_release(NULL);
    sio__value_scratch_done(NULL);
}

struct parse_case {
    size_t scratch_bytes; /* 0: none */
    const char *json;
};

static int parse_and_release(void *user) {
    const struct parse_case *c = user;
    struct value_scratch scratch;
    sio__value_scratch_init(&scratch, c->scratch_bytes);
    struct value_doc doc;
    int r =
        sio__value_parse(c->scratch_bytes > 0 ? &scratch : NULL, c->json, strlen(c->json), &doc);
    if (r == 0) {
        sio__value_release(&doc);
    }
    sio__value_scratch_done(&scratch);
    return r;
}

static void lack_of_memory_is_reported(void **state) {
    (void)state;
    static const char dense[] = "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]";
    struct parse_case cases[] = {
        {0, "[\"echo\",{\"a\":[1,2,3]}]"},
        {0, dense},
        {0, "[\"\\ud800\"]"},
        {65536, "[\"echo\",{\"a\":[1,2,3]}]"},
        {64, dense},
        {320, dense},
        {512, dense},
        {65536, "[\"\\ud800\"]"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        torture_run(parse_and_release, &cases[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_are_told_apart),
        cmocka_unit_test(only_strict_json_is_accepted),
        cmocka_unit_test(nul_byte_in_the_text_is_refused),
        cmocka_unit_test(strings_are_unescaped),
        cmocka_unit_test(lone_surrogates_become_replacement_characters),
        cmocka_unit_test(nesting_is_limited_by_nothing_but_length),
        cmocka_unit_test(readers_answer_null_and_other_types),
        cmocka_unit_test(numbers_are_read_where_they_fit),
        cmocka_unit_test(strings_may_hold_nul),
        cmocka_unit_test(first_of_duplicate_keys_is_found),
        cmocka_unit_test(walking_gives_every_element_once),
        cmocka_unit_test(placeholders_become_bytes),
        cmocka_unit_test(neighbours_of_bytes_stay_as_they_are),
        cmocka_unit_test(other_objects_stay_objects),
        cmocka_unit_test(illegal_attachments_are_refused),
        cmocka_unit_test(literal_placeholders_are_found),
        cmocka_unit_test(binding_takes_linear_time),
        cmocka_unit_test(arguments_follow_the_name),
        cmocka_unit_test(packet_without_data_has_no_arguments),
        cmocka_unit_test_teardown(steady_state_allocates_nothing, torture_teardown),
        cmocka_unit_test(documents_of_every_size_are_parsed),
        cmocka_unit_test(documents_may_overlap_and_end_in_any_order),
        cmocka_unit_test(releasing_nothing_is_fine),
        cmocka_unit_test_teardown(lack_of_memory_is_reported, torture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
