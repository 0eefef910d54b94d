/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* JSON as text: walking, printing, and messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sio/error.h>

#include "json_text.h"
#include "lines.h"
#include "names.h"
#include "proto/msg.h"
#include "show.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What a printing function prints. To be freed. */
static char *printed(void (*print)(FILE *out, const char *text, size_t len), const char *text) {
    char *result = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&result, &size);
    print(out, text, strlen(text));
    fclose(out);
    return result;
}

/* ---- walking ---- */

static void values_are_skipped(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t len;
    } VECTORS[] = {
        {"1,2", 1},       {"\"a,b\",2", 5}, {"\"\\\\\"x", 4},
        {"\"\\\"\",", 4}, {"[1,[2]],3", 7}, {"{\"a\":{\"]\":1}}]", 13},
        {" true ]", 5},   {"[1,2", 4},      {"\"open", 5},
        {"\"open\\", 6},  {"[]x", 2},
    };
    for (size_t i = 0; i < COUNT(VECTORS); i++) {
        const char *text = VECTORS[i].text;
        assert_int_equal(json_skip(text, text + strlen(text)) - text, VECTORS[i].len);
    }
}

static void members_and_elements_come_one_by_one(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *parts; /* key=value; */
    } VECTORS[] = {
        {"{}", ""},
        {"[ ]", ""},
        {"[1, [2,3] ,\"x\"]", "=1;=[2,3];=\"x\";"},
        {"{\"a\" : 1,\"b\":{\"c\":[]}, \"\":\"}\"}", "\"a\"=1;\"b\"={\"c\":[]};\"\"=\"}\";"},
    };
    for (size_t i = 0; i < COUNT(VECTORS); i++) {
        struct slice rest = {VECTORS[i].text, strlen(VECTORS[i].text)};
        struct slice key;
        struct slice value;
        char parts[80] = "";
        while (json_next(&rest, &key, &value)) {
            strncat(parts, key.data ? key.data : "", key.len);
            strcat(parts, "=");
            strncat(parts, value.data, value.len);
            strcat(parts, ";");
        }
        assert_string_equal(parts, VECTORS[i].parts);
    }
}

static void strings_lose_their_escapes(void **state) {
    (void)state;
    static const struct {
        const char *string;
        const char *text;
    } VECTORS[] = {
        {"\"\"", ""},
        {"\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "a\"\\/\b\f\n\r\t"},
        {"\"\\u0041\\u00e9\\u20AC\"", "A\xc3\xa9\xe2\x82\xac"},
        {"\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80"},
        {"\"\\ud83dx\\ude00\"", "\xef\xbf\xbdx\xef\xbf\xbd"},
        {"\"\\ud83d\\u0041\"", "\xef\xbf\xbd"
                               "A"},
    };
    for (size_t i = 0; i < COUNT(VECTORS); i++) {
        size_t len = 0;
        char *text =
            json_unescape((struct slice){VECTORS[i].string, strlen(VECTORS[i].string)}, &len);
        assert_string_equal(text, VECTORS[i].text);
        assert_int_equal(len, strlen(text));
        free(text);
    }
}

static void json_is_told_from_other_texts(void **state) {
    (void)state;
    assert_true(json_valid("{\"a\":[1]}", 9));
    assert_true(json_valid("12x", 2));
    assert_false(json_valid("{a:1}", 5));
    assert_false(json_valid("1 2", 3));
    assert_false(json_valid("", 0));
}

/* ---- printing ---- */

static void nothing_printed_controls_the_terminal(void **state) {
    (void)state;
    char *text = printed(json_print_string, "a\x1b[2J\x7f\xc2\x9b\n\"\\\xc3\xa9");
    assert_string_equal(text, "\"a\\u001b[2J\\u007f\\u009b\\n\\\"\\\\\xc3\xa9\"");
    free(text);
    text = printed(json_print_line, "[ \"\x7f\" , {\"\xc2\x80\" : 1 } ]");
    assert_string_equal(text, "[\"\\u007f\",{\"\\u0080\":1}]");
    free(text);
    text = printed(json_print_string, "a\xe2\x80\xae"
                                      "b\xe2\x81\xa6\xe2\x82\xac");
    assert_string_equal(text, "\"a\\u202eb\\u2066\xe2\x82\xac\"");
    free(text);
}

static void print_text(FILE *out, const char *text, size_t len) {
    show_text(out, text, len, 8);
}

static void texts_are_cut_and_escaped(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *shown;
    } VECTORS[] = {
        {"plain", "plain"},
        {"\xc3\xa9\xe2\x82\xac", "\xc3\xa9\xe2\x82\xac"},
        {"a\\\n\x1b", "a\\\\\\x0a\\x1b"},
        {"\xff\xc3", "\\xff\\xc3"},
        {"\xc2\x9b"
         "1m",
         "\\xc2\\x9b1m"},
        {"123456789", "12345678..."},
    };
    for (size_t i = 0; i < COUNT(VECTORS); i++) {
        char *shown = printed(print_text, VECTORS[i].text);
        assert_string_equal(shown, VECTORS[i].shown);
        free(shown);
    }
}

static void print_pretty(FILE *out, const char *text, size_t len) {
    json_print_pretty(out, text, len, 2);
}

static void short_values_are_printed_in_a_line_and_long_ones_in_many(void **state) {
    (void)state;
    char *text = printed(print_pretty, "1, {\"a\": []},[]");
    assert_string_equal(text, "  1\n  {\"a\":[]}\n  []\n");
    free(text);
    text = printed(print_pretty,
                   "{\"long\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\","
                   "\"b\":[1,2]},3");
    assert_string_equal(text, "  {\n"
                              "    \"long\": "
                              "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\",\n"
                              "    \"b\": [1,2]\n"
                              "  }\n"
                              "  3\n");
    free(text);
}

static void deep_nesting_does_not_run_away_to_the_right(void **state) {
    (void)state;
    char deep[401];
    memset(deep, '[', 200);
    memset(deep + 200, ']', 200);
    deep[400] = '\0';
    char *text = printed(print_pretty, deep);
    assert_true(strlen(text) < 400 * 80);
    free(text);
}

static void dump(FILE *out, const char *text, size_t len) {
    show_dump(out, text, len, 0);
}

static void dumps_show_the_first_bytes(void **state) {
    (void)state;
    char *text = printed(dump, "0123456789abcdef\n");
    assert_string_equal(text, "0000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  "
                              "0123456789abcdef\n"
                              "0010  0a                                                .\n");
    free(text);
    char many[100];
    memset(many, 'x', sizeof(many));
    many[99] = '\0';
    text = printed(dump, many);
    assert_non_null(strstr(text, "... 35 more bytes\n"));
    free(text);
}

/* ---- messages ---- */

static void objects_of_base64_become_bytes_at_any_depth(void **state) {
    (void)state;
    static const struct {
        const char *json;
        const char *text;
        size_t attachments;
    } VECTORS[] = {
        {"{\"base64\":\"AQI=\"}", "{\"_placeholder\":true,\"num\":0}", 1},
        {" [1, {\"a\\n\": {\"base64\": \"\"}, \"b\":[null ,\"x\"]} ] ",
         "[1,{\"a\\n\":{\"_placeholder\":true,\"num\":0},\"b\":[null,\"x\"]}]", 1},
        {"[{\"base64\":\"AQ\"},{\"base64\":\"Ag\"}]",
         "[{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":1}]", 2},
        {"{\"base64\":\"AQI=\",\"x\":1}", "{\"base64\":\"AQI=\",\"x\":1}", 0},
        {"{\"base64\":\"*\"}", "{\"base64\":\"*\"}", 0},
        {"{\"base64\":1}", "{\"base64\":1}", 0},
        {"\"base64\"", "\"base64\"", 0},
    };
    for (size_t i = 0; i < COUNT(VECTORS); i++) {
        sio_msg *m = NULL;
        assert_int_equal(sio_msg_new(&m, NULL), 0);
        assert_int_equal(json_to_msg(m, VECTORS[i].json, strlen(VECTORS[i].json)), 0);
        assert_int_equal(m->text.len, strlen(VECTORS[i].text));
        assert_memory_equal(m->text.data, VECTORS[i].text, m->text.len);
        assert_int_equal(m->attachments.len, VECTORS[i].attachments);
        sio_msg_unref(m);
    }
}

static void what_is_no_json_is_refused(void **state) {
    (void)state;
    static const char *const TEXTS[] = {"{\"base64\":\"AQI=\"", "{\"base64\":}", "nothing"};
    for (size_t i = 0; i < COUNT(TEXTS); i++) {
        sio_msg *m = NULL;
        assert_int_equal(sio_msg_new(&m, NULL), 0);
        assert_int_equal(json_to_msg(m, TEXTS[i], strlen(TEXTS[i])), SIO_ERR_JSON);
        sio_msg_unref(m);
    }
}

/* ---- names ---- */

static void names_that_cannot_be_typed_are_not_kept(void **state) {
    (void)state;
    static const char *const NAMES[] = {"",    "a b",      "\x1b[2J", "it's", "\"q\"",
                                        "{x}", "\xc2\x9b", "@file",   "\x7f"};
    struct names n = {0};
    for (size_t i = 0; i < COUNT(NAMES); i++) {
        names_add(&n, NAMES[i]);
    }
    assert_int_equal(n.count, 0);
    names_add(&n, "news");
    names_add(&n, "d\xc3\xa9j\xc3\xa0");
    names_add(&n, "news");
    assert_int_equal(n.count, 2);
    for (int i = 0; i < 2 * NAMES_MAX; i++) {
        char name[20];
        snprintf(name, sizeof(name), "event%d", i);
        names_add(&n, name);
    }
    assert_int_equal(n.count, NAMES_MAX);
    names_done(&n);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_skipped),
        cmocka_unit_test(members_and_elements_come_one_by_one),
        cmocka_unit_test(strings_lose_their_escapes),
        cmocka_unit_test(json_is_told_from_other_texts),
        cmocka_unit_test(nothing_printed_controls_the_terminal),
        cmocka_unit_test(texts_are_cut_and_escaped),
        cmocka_unit_test(short_values_are_printed_in_a_line_and_long_ones_in_many),
        cmocka_unit_test(deep_nesting_does_not_run_away_to_the_right),
        cmocka_unit_test(dumps_show_the_first_bytes),
        cmocka_unit_test(objects_of_base64_become_bytes_at_any_depth),
        cmocka_unit_test(what_is_no_json_is_refused),
        cmocka_unit_test(names_that_cannot_be_typed_are_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
