/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The short way of reading JSON: what it reads is what yyjson reads, and what it cannot read it
 * leaves alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/value.h"
#include "proto/value_flat.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Reads in memory of exactly the promised size, so that checkers see every byte too many. */
static const sio_val *read_flat(const char *json, size_t len, uint8_t **ret_memory) {
    *ret_memory = aligned_alloc(16, (VALUE_FLAT_BYTES(len) + 15) & ~(size_t)15);
    assert_non_null(*ret_memory);
    return sio__value_read_flat(json, len, *ret_memory);
}

/* Both ways give the same value: same types, same texts, same extent. */
static void assert_same(const sio_val *flat, const sio_val *full) {
    char a[512];
    char b[512];
    assert_int_equal(sio_val_type(flat), sio_val_type(full));
    assert_int_equal(sio_val_count(flat), sio_val_count(full));
    for (size_t i = 0; i < sio_val_count(full); i++) {
        const sio_val *x = sio_val_at(flat, i);
        const sio_val *y = sio_val_at(full, i);
        assert_int_equal(sio_val_type(x), sio_val_type(y));
        assert_true(sio_val_json(x, a, sizeof a) == sio_val_json(y, b, sizeof b));
        assert_string_equal(a, b);
        if (sio_val_type(y) == SIO_STRING) {
            assert_int_equal(strlen(sio_val_str(x, NULL)), strlen(sio_val_str(y, NULL)));
        }
    }
}

static void check_readable(const char *json) {
    uint8_t *memory;
    struct value_doc doc;
    const sio_val *flat = read_flat(json, strlen(json), &memory);
    assert_non_null(flat);
    assert_int_equal(sio__value_parse(NULL, json, strlen(json), &doc), 0);
    assert_same(flat, doc.root);
    sio__value_release(&doc);
    free(memory);
}

static void plain_arrays_are_read_as_yyjson_reads_them(void **state) {
    (void)state;
    static const char *const texts[] = {
        "[\"echo\",\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"]",
        "[\"\"]",
        "[\"a\",\"\",\"b\"]",
        "[0]",
        "[-1,1,999999999999999999,-999999999999999999]",
        "[true,false,null]",
        "[\"m\",1,true,null,\"0123456789abcde\",\"0123456789abcdef\",\"0123456789abcdef0\"]",
        "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]",
        "[\"/ ~!#[]{},:\"]",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        check_readable(texts[i]);
    }
}

static void other_texts_are_left_alone(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",
        "[",
        "]",
        "{}",
        "\"a\"",
        "1",
        "[]",
        "[ ]",
        "[1 ]",
        "[ 1]",
        "[1] ",
        "[1,]",
        "[,1]",
        "[1",
        "[1,2",
        "[\"a",
        "[\"a\"",
        "[\"a\\n\"]",
        "[\"\xc3\xa9\"]",
        "[\"a\tb\"]",
        "[01]",
        "[-]",
        "[-0]",
        "[1.5]",
        "[1e3]",
        "[1000000000000000000]",
        "[tru]",
        "[truee]",
        "[nul",
        "[fals",
        "[{}]",
        "[[1]]",
        "[\"a\"\"b\"]",
        "[\"a\":1]",
        "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]",
        "[1]]",
        "[+1]",
        "[NaN]",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        uint8_t *memory;
        if (read_flat(texts[i], strlen(texts[i]), &memory) != NULL) {
            fail_msg("read: %s", texts[i]);
        }
        free(memory);
    }
}

static void nul_bytes_are_left_alone(void **state) {
    (void)state;
    static const char json[] = "[\"a\0b\"]";
    uint8_t *memory;
    assert_null(read_flat(json, sizeof json - 1, &memory));
    free(memory);
}

static uint32_t next_random(uint32_t *seed) {
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Random texts out of the pieces of JSON: whatever is read here is JSON, and means the same. */
static void whatever_is_read_yyjson_reads_too(void **state) {
    (void)state;
    static const char *const pieces[] = {"\"abc\"", "\"", "1",  "-7", "0", "true", "false",
                                         "null",    ",",  ",",  ",",  "]", "[",    " ",
                                         "{",       "}",  "\\", "x",  "9", ".",    "\"\""};
    uint32_t seed = 20260901;
    size_t read = 0;
    for (int round = 0; round < 200000; round++) {
        char json[128] = "[";
        for (uint32_t n = next_random(&seed) % 7; n > 0; n--) {
            strcat(json, pieces[next_random(&seed) % COUNT(pieces)]);
        }
        strcat(json, "]");
        uint8_t *memory;
        const sio_val *flat = read_flat(json, strlen(json), &memory);
        if (flat != NULL) {
            struct value_doc doc;
            read++;
            assert_int_equal(sio__value_parse(NULL, json, strlen(json), &doc), 0);
            assert_same(flat, doc.root);
            sio__value_release(&doc);
        }
        free(memory);
    }
    assert_true(read > 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_arrays_are_read_as_yyjson_reads_them),
        cmocka_unit_test(other_texts_are_left_alone),
        cmocka_unit_test(nul_bytes_are_left_alone),
        cmocka_unit_test(whatever_is_read_yyjson_reads_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
