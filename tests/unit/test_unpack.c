/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Unpacking: what each item of a format stores, and what it does not when a value does not fit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sio/error.h>

#include "proto/unpack.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct value_doc parse(const char *json) {
    struct value_doc doc;
    int r = sio__value_parse(NULL, json, strlen(json), &doc);
    if (r < 0) {
        fail_msg("%s: %s", json, sio_errname(r));
    }
    return doc;
}

static int unpack_args(const struct value_args *args, const char *format, ...) {
    va_list ap;
    va_start(ap, format);
    int r = sio__args_unpack(args, format, &ap);
    va_end(ap);
    return r;
}

static void every_letter_stores_its_type(void **state) {
    (void)state;
    struct value_doc doc = parse("[\"text\",\"n\\u0000l\",-1,2,-3,4,1.5,true,null,[\"any\"],{}]");
    const char *s = NULL;
    const char *t = NULL;
    size_t t_len = 0;
    int i = 0;
    unsigned u = 0;
    int64_t I = 0;
    uint64_t U = 0;
    double f = 0;
    bool b = false;
    const sio_val *v = NULL;
    assert_int_equal(
        sio_val_unpack(doc.root, "[ss#iuIUfbnv-]", &s, &t, &t_len, &i, &u, &I, &U, &f, &b, &v), 0);
    assert_string_equal(s, "text");
    assert_int_equal(t_len, 3);
    assert_memory_equal(t, "n\0l", 4);
    assert_int_equal(i, -1);
    assert_int_equal(u, 2);
    assert_int_equal(I, -3);
    assert_int_equal(U, 4);
    assert_true(f == 1.5);
    assert_true(b);
    assert_ptr_equal(v, sio_val_at(doc.root, 9));
    sio__value_release(&doc);
}

static void bytes_are_stored_with_their_length(void **state) {
    (void)state;
    struct value_doc doc = parse("[{\"_placeholder\":true,\"num\":0}]");
    struct value_bytes bytes = {(const uint8_t *)"data", 4};
    const void *data = NULL;
    size_t len = 0;
    assert_int_equal(sio_val_unpack(doc.root, "[B]", &data, &len), SIO_ERR_TYPE);
    assert_int_equal(sio__value_bind(&doc, &bytes, 1), 0);
    assert_int_equal(sio_val_unpack(doc.root, "[B]", &data, &len), 0);
    assert_ptr_equal(data, bytes.data);
    assert_int_equal(len, 4);
    const char *s = NULL;
    assert_int_equal(sio_val_unpack(doc.root, "[s]", &s), SIO_ERR_TYPE);
    assert_int_equal(sio_val_unpack(doc.root, "[{}]"), SIO_ERR_TYPE);
    sio__value_release(&doc);
}

static void wrong_types_are_refused_and_store_nothing(void **state) {
    (void)state;
    static const char *const others[] = {"null", "true", "7", "0.5", "\"x\"", "[]", "{}"};
    static const struct {
        const char *format;
        const char *fitting[3];
    } table[] = {
        {"s", {"\"x\""}}, {"s#", {"\"x\""}}, {"i", {"7"}},        {"u", {"7"}},
        {"I", {"7"}},     {"U", {"7"}},      {"b", {"true"}},     {"B", {NULL}},
        {"n", {"null"}},  {"[]", {"[]"}},    {"f", {"7", "0.5"}}, {"{}", {"{}"}},
    };
    for (size_t n = 0; n < COUNT(table); n++) {
        for (size_t o = 0; o < COUNT(others); o++) {
            bool fits = false;
            for (size_t k = 0; k < 3 && table[n].fitting[k]; k++) {
                fits |= strcmp(table[n].fitting[k], others[o]) == 0;
            }
            struct value_doc doc = parse(others[o]);
            max_align_t first = {0};
            size_t second = 0;
            int r = sio_val_unpack(doc.root, table[n].format, &first, &second);
            if (fits) {
                assert_int_equal(r, 0);
            } else {
                bool fraction = strcmp(others[o], "0.5") == 0 && strchr("iuIU", table[n].format[0]);
                assert_int_equal(r, fraction ? SIO_ERR_INVALID : SIO_ERR_TYPE);
                static const max_align_t zero;
                assert_memory_equal(&first, &zero, 16);
                assert_int_equal(second, 0);
            }
            sio__value_release(&doc);
        }
    }
}

static void numbers_must_fit_their_type(void **state) {
    (void)state;
    static const struct {
        const char *json;
        const char *format;
        int result;
    } table[] = {
        {"2147483647", "i", 0},          {"2147483648", "i", SIO_ERR_INVALID},
        {"-2147483648", "i", 0},         {"-2147483649", "i", SIO_ERR_INVALID},
        {"4294967295", "u", 0},          {"4294967296", "u", SIO_ERR_INVALID},
        {"-1", "u", SIO_ERR_INVALID},    {"3.0", "i", 0},
        {"3.5", "u", SIO_ERR_INVALID},   {"9223372036854775808", "I", SIO_ERR_INVALID},
        {"9223372036854775808", "U", 0}, {"-1", "U", SIO_ERR_INVALID},
    };
    for (size_t i = 0; i < COUNT(table); i++) {
        struct value_doc doc = parse(table[i].json);
        uint64_t untouched = 0;
        assert_int_equal(sio_val_unpack(doc.root, table[i].format, &untouched), table[i].result);
        assert_int_equal(untouched != 0, table[i].result == 0);
        sio__value_release(&doc);
    }
}

/* A name compared up to its NUL must not pass for another. */
static void string_with_nul_needs_a_length(void **state) {
    (void)state;
    struct value_doc doc = parse("\"admin\\u0000x\"");
    const char *s = NULL;
    size_t len = 0;
    assert_int_equal(sio_val_unpack(doc.root, "s", &s), SIO_ERR_INVALID);
    assert_null(s);
    assert_int_equal(sio_val_unpack(doc.root, "s#", &s, &len), 0);
    assert_int_equal(len, 7);
    sio__value_release(&doc);
}

static void objects_are_taken_apart_by_key(void **state) {
    (void)state;
    struct value_doc doc = parse("{\"x\":1,\"more\":[],\"y\":{\"z\":[2,{\"w\":3},4]}}");
    int x = 0;
    int w = 0;
    int last = 0;
    const sio_val *y = NULL;
    assert_int_equal(sio_val_unpack(doc.root, " { s : i , s:{s:[-{s:i}i]}, s#:v}\n", "x", &x, "y",
                                    "z", "w", &w, &last, "y and more", (size_t)1, &y),
                     0);
    assert_int_equal(x, 1);
    assert_int_equal(w, 3);
    assert_int_equal(last, 4);
    assert_ptr_equal(y, sio_val_get(doc.root, "y"));
    assert_int_equal(sio_val_unpack(doc.root, "{}"), 0);
    assert_int_equal(sio_val_unpack(doc.root, "{s:{s:[---i]}}", "y", "z", &x), SIO_ERR_TYPE);
    assert_int_equal(sio_val_unpack(doc.root, "{s:i}", "missing", &x), SIO_ERR_TYPE);
    assert_int_equal(x, 1);
    sio__value_release(&doc);
}

static void null_and_missing_values_are_skipped_where_allowed(void **state) {
    (void)state;
    struct value_doc doc = parse("[null,{\"a\":null,\"b\":2}]");
    const char *s = "default";
    size_t len = 7;
    int i = 42;
    int a = 43;
    int b = 0;
    const sio_val *v = NULL;
    const void *data = &i;
    assert_int_equal(sio_val_unpack(doc.root, "[s#?{s:i?,s:i}i?v?B?n?-?]", &s, &len, "a", &a, "b",
                                    &b, &i, &v, &data, &len),
                     0);
    assert_string_equal(s, "default");
    assert_int_equal(len, 7);
    assert_int_equal(i, 42);
    assert_int_equal(a, 43);
    assert_int_equal(b, 2);
    assert_null(v);
    assert_ptr_equal(data, &i);
    assert_int_equal(sio_val_unpack(doc.root, "[s]", &s), SIO_ERR_TYPE);
    assert_int_equal(sio_val_unpack(doc.root, "[--s]", &s), SIO_ERR_TYPE);
    assert_int_equal(sio_val_unpack(doc.root, "[--v]", &v), SIO_ERR_TYPE);
    assert_int_equal(sio_val_unpack(doc.root, "[---]"), SIO_ERR_TYPE);
    assert_int_equal(sio_val_unpack(doc.root, "[--n]"), SIO_ERR_TYPE);
    assert_int_equal(sio_val_unpack(doc.root, "[v]", &v), 0);
    assert_ptr_equal(v, sio_val_at(doc.root, 0));
    assert_int_equal(sio_val_unpack(NULL, "i?", &i), 0);
    assert_int_equal(sio_val_unpack(NULL, "i", &i), SIO_ERR_TYPE);
    sio__value_release(&doc);
}

static void optional_members_leave_their_pointers_alone(void **state) {
    (void)state;
    struct value_doc doc = parse("{\"last\":9,\"null\":null}");
    const char *s = NULL;
    size_t len = 0;
    int i = 0;
    unsigned u = 0;
    int64_t I = 0;
    uint64_t U = 0;
    double f = 0;
    bool b = false;
    const void *data = NULL;
    const sio_val *v = NULL;
    int last = 0;
    assert_int_equal(sio_val_unpack(doc.root, "{s?:{s:[ss#iuIUfbBvn-]},s#?:[{s?:i}],s:i}", "gone",
                                    "x", &s, &s, &len, &i, &u, &I, &U, &f, &b, &data, &len, &v,
                                    "gone too", (size_t)8, "y", &i, "last", &last),
                     0);
    assert_int_equal(last, 9);
    assert_null(s);
    assert_int_equal(i, 0);
    assert_int_equal(u, 0);
    assert_int_equal(I, 0);
    assert_int_equal(U, 0);
    assert_true(f == 0);
    assert_false(b);
    assert_null(data);
    assert_int_equal(len, 0);
    assert_null(v);
    assert_int_equal(sio_val_unpack(doc.root, "{s?:i}", "null", &i), SIO_ERR_TYPE);
    assert_int_equal(sio_val_unpack(doc.root, "{s?:i?}", "null", &i), 0);
    sio__value_release(&doc);
}

static void malformed_formats_are_refused(void **state) {
    (void)state;
    static const char *const table[] = {
        "",     " ",    "-- ",  "z",     "?",     "#",       "-#",     "v#",    "]",
        "}",    ":",    "[",    "{",     "[}",    "{]",      "[-",     "{s",    "{s:",
        "{s:-", "{s}",  "{s:}", "{-:-}", "{s-}",  "{s::-}",  "{:-}",   "{s:-]", "[-}",
        "[]]",  "[]{}", "{}?",  "[]?",   "-\x80", "{s?#:-}", "{s:-:}", "-??",
    };
    for (size_t i = 0; i < COUNT(table); i++) {
        const char *json = table[i][0] == '[' ? "[1]" : table[i][0] == '{' ? "{\"k\":1}" : "null";
        struct value_doc doc = parse(json);
        _Alignas(max_align_t) char place[2][sizeof(max_align_t)] = {"k"}; /* a key or a result */
        if (sio_val_unpack(doc.root, table[i], place[0], place[1]) != SIO_ERR_FORMAT) {
            fail_msg("accepted: %s", table[i]);
        }
        sio__value_release(&doc);
    }
    assert_int_equal(sio_val_unpack(NULL, NULL), SIO_ERR_FORMAT);
    assert_int_equal(unpack_args(NULL, NULL), SIO_ERR_FORMAT);
}

static void key_that_is_null_is_refused(void **state) {
    (void)state;
    struct value_doc doc = parse("{\"\":1}");
    assert_int_equal(sio_val_unpack(doc.root, "{s:-}", NULL), SIO_ERR_FORMAT);
    assert_int_equal(sio_val_unpack(doc.root, "{s#:-}", "", (size_t)0), 0);
    sio__value_release(&doc);
}

static void depth_of_formats_is_limited(void **state) {
    (void)state;
    for (size_t depth = UNPACK_MAX_DEPTH - 1; depth <= UNPACK_MAX_DEPTH + 1; depth++) {
        char text[2 * UNPACK_MAX_DEPTH + 3] = {0};
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        struct value_doc doc = parse(text);
        assert_int_equal(sio_val_unpack(doc.root, text),
                         depth <= UNPACK_MAX_DEPTH ? 0 : SIO_ERR_FORMAT);
        sio__value_release(&doc);
    }
}

static void arguments_are_taken_apart_from_the_first_on(void **state) {
    (void)state;
    struct value_doc doc = parse("[\"name\",\"text\",7,[8]]");
    struct value_args args = {.root = doc.root, .first = 1};
    const char *s = NULL;
    int i = 0;
    int in_array = 0;
    assert_int_equal(unpack_args(&args, "s, i, [i]", &s, &i, &in_array), 0);
    assert_string_equal(s, "text");
    assert_int_equal(i, 7);
    assert_int_equal(in_array, 8);
    assert_int_equal(unpack_args(&args, ""), 0);
    assert_int_equal(unpack_args(&args, "s", &s), 0);
    assert_int_equal(unpack_args(&args, "---i?", &i), 0);
    assert_int_equal(unpack_args(&args, "----"), SIO_ERR_TYPE);
    assert_int_equal(unpack_args(&args, "--]"), SIO_ERR_FORMAT);
    assert_int_equal(unpack_args(&args, "--["), SIO_ERR_FORMAT);
    assert_int_equal(unpack_args(&args, "--[-"), SIO_ERR_FORMAT);
    args.first = 0;
    assert_int_equal(unpack_args(&args, "s", &s), 0);
    assert_string_equal(s, "name");
    sio__value_release(&doc);
}

static void without_data_all_arguments_are_missing(void **state) {
    (void)state;
    struct value_args args = {.first = 1};
    int i = 5;
    assert_int_equal(unpack_args(&args, ""), 0);
    assert_int_equal(unpack_args(&args, "i?", &i), 0);
    assert_int_equal(unpack_args(&args, "i", &i), SIO_ERR_TYPE);
    assert_int_equal(unpack_args(NULL, "i?", &i), 0);
    assert_int_equal(unpack_args(NULL, "i", &i), SIO_ERR_TYPE);
    assert_int_equal(i, 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_letter_stores_its_type),
        cmocka_unit_test(bytes_are_stored_with_their_length),
        cmocka_unit_test(wrong_types_are_refused_and_store_nothing),
        cmocka_unit_test(numbers_must_fit_their_type),
        cmocka_unit_test(string_with_nul_needs_a_length),
        cmocka_unit_test(objects_are_taken_apart_by_key),
        cmocka_unit_test(null_and_missing_values_are_skipped_where_allowed),
        cmocka_unit_test(optional_members_leave_their_pointers_alone),
        cmocka_unit_test(malformed_formats_are_refused),
        cmocka_unit_test(key_that_is_null_is_refused),
        cmocka_unit_test(depth_of_formats_is_limited),
        cmocka_unit_test(arguments_are_taken_apart_from_the_first_on),
        cmocka_unit_test(without_data_all_arguments_are_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
