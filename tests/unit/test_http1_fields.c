/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Fields and lists of a head, what the parser keeps of it in memory, and heads of responses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sio/error.h>

#include "proto/http1.h"
#include "support/torture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct http1_limits LIMITS = {8192, 600, 100};

#define GET "GET /x HTTP/1.1\r\nHost: a\r\n"

static void parse_head(struct http1_parser *p, const char *wire) {
    struct http1_result result;
    sio__http1_init(p, &LIMITS);
    assert_int_equal(sio__http1_parse(p, wire, strlen(wire), &result), HTTP1_HEAD);
    assert_int_equal(result.used, strlen(wire));
}

static void assert_text(struct text found, const char *expected) {
    assert_non_null(found.data);
    assert_int_equal(found.len, strlen(expected));
    assert_memory_equal(found.data, expected, found.len);
}

/* ---- fields ---- */

static void fields_are_found_by_name_whatever_their_case(void **state) {
    (void)state;
    struct http1_parser p;
    parse_head(&p, GET "X-One: first\r\nEmpty:\r\nx-oNE:  second \t \r\nBlank: \t\r\n"
                       "Inner: a \t b\r\nTight:x\r\n\r\n");
    assert_int_equal(p.head.field_count, 7);
    assert_text(sio__http1_field(&p.head, "host"), "a");
    assert_text(sio__http1_field(&p.head, "x-one"), "first");
    assert_text(sio__http1_field(&p.head, "empty"), "");
    assert_text(sio__http1_field(&p.head, "blank"), "");
    assert_text(sio__http1_field(&p.head, "inner"), "a \t b");
    assert_text(sio__http1_field(&p.head, "tight"), "x");
    assert_null(sio__http1_field(&p.head, "x-on").data);
    assert_null(sio__http1_field(&p.head, "x-one-").data);
    assert_int_equal(sio__http1_field_count(&p.head, "x-one"), 2);
    assert_int_equal(sio__http1_field_count(&p.head, "host"), 1);
    assert_int_equal(sio__http1_field_count(&p.head, "x-two"), 0);
    struct text name;
    struct text value;
    sio__http1_field_at(&p.head, 3, &name, &value);
    assert_text(name, "x-oNE");
    assert_text(value, "second");
    sio__http1_done(&p);
}

static void lists_are_walked(void **state) {
    (void)state;
    static const struct {
        const char *list;
        const char *items; /* each followed by | */
    } CASES[] = {
        {"", ""},
        {" \t", ""},
        {",", ""},
        {", ,\t,", ""},
        {"a", "a|"},
        {" a ", "a|"},
        {"a,b", "a|b|"},
        {"a , b\t,c", "a|b|c|"},
        {",a,,b,", "a|b|"},
        {"a b,c", "a b|c|"},
        {"\"a,b\",c", "\"a,b\"|c|"},
        {"\"a\\\",b\",c", "\"a\\\",b\"|c|"},
        {"\"a,b", "\"a,b|"},
        {"\"a\\", "\"a\\|"},
        {"x=\"1,2\";q=0.5, y", "x=\"1,2\";q=0.5|y|"},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        char found[100] = "";
        struct text rest = sio__text_of(CASES[i].list);
        struct text item;
        while (sio__http1_list_next(&rest, &item)) {
            strncat(found, item.data, item.len);
            strcat(found, "|");
        }
        assert_string_equal(found, CASES[i].items);
        assert_int_equal(rest.len, 0);
        assert_false(sio__http1_list_next(&rest, &item));
    }
    struct text nothing = {0};
    struct text item;
    assert_false(sio__http1_list_next(&nothing, &item));
}

static void lists_are_searched_over_all_lines(void **state) {
    (void)state;
    struct http1_parser p;
    parse_head(&p, GET "Accept: a, b\r\nX: c\r\naccept: D\r\n\r\n");
    assert_true(sio__http1_list_has(&p.head, "accept", "a"));
    assert_true(sio__http1_list_has(&p.head, "accept", "b"));
    assert_true(sio__http1_list_has(&p.head, "accept", "d"));
    assert_false(sio__http1_list_has(&p.head, "accept", "c"));
    assert_false(sio__http1_list_has(&p.head, "accept", ""));
    assert_false(sio__http1_list_has(&p.head, "y", "a"));
    sio__http1_done(&p);
}

/* ---- memory ---- */

static void head_of_one_piece_is_not_copied(void **state) {
    (void)state;
    static const char WIRE[] = GET "\r\n";
    struct http1_parser p;
    parse_head(&p, WIRE);
    assert_ptr_equal(p.head.raw.data, WIRE);
    assert_ptr_equal(p.head.target.data, WIRE + 4);
    sio__http1_done(&p);
}

static void head_that_is_kept_outlives_the_input(void **state) {
    (void)state;
    char wire[] = GET "X: y\r\n\r\n";
    struct http1_parser p;
    parse_head(&p, wire);
    assert_int_equal(sio__http1_keep(&p), 0);
    memset(wire, '#', sizeof(wire));
    const char *place = p.head.raw.data;
    assert_text(p.head.raw, GET "X: y\r\n\r\n");
    assert_text(p.head.method, "GET");
    assert_text(p.head.target, "/x");
    assert_text(sio__http1_field(&p.head, "x"), "y");
    assert_int_equal(sio__http1_keep(&p), 0);
    assert_ptr_equal(p.head.raw.data, place);
    sio__http1_next_message(&p);
    assert_int_equal(sio__http1_keep(&p), 0);
    assert_int_equal(p.head.raw.len, 0);
    sio__http1_done(&p);
}

static void parser_between_messages_holds_little(void **state) {
    (void)state;
    torture_install();
    struct http1_parser p;
    sio__http1_init(&p, &LIMITS);
    assert_int_equal(torture_blocks(), 0);
    for (int large = 0; large <= 1; large++) {
        struct http1_result result;
        size_t fields = large ? 500 : 10;
        const char *start = GET;
        assert_int_equal(sio__http1_parse(&p, start, strlen(start), &result), HTTP1_MORE);
        for (size_t i = 0; i < fields; i++) {
            const char *field = "Name: Value\r\n";
            assert_int_equal(sio__http1_parse(&p, field, strlen(field), &result), HTTP1_MORE);
        }
        assert_int_equal(sio__http1_parse(&p, "\r\n", 2, &result), HTTP1_HEAD);
        assert_int_equal(p.head.field_count, 1 + fields);
        assert_int_equal(sio__http1_parse(&p, NULL, 0, &result), HTTP1_DONE);
        assert_true(torture_bytes() < 20000);
        sio__http1_next_message(&p);
        assert_int_equal(p.head.field_count, 0);
        assert_true(torture_bytes() <= 4096 + 64 * sizeof(struct http1_field));
        assert_int_equal(torture_blocks(), large ? 0 : 2);
    }
    sio__http1_done(&p);
    sio__http1_done(NULL);
    torture_uninstall();
}

/* A request in pieces of a size: its head grows, and is kept for the sake of the body. */
static int read_request(void *user) {
    static const char WIRE[] = "POST /x HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n"
                               "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    const size_t *step = user;
    struct http1_parser p;
    sio__http1_init(&p, &LIMITS);
    enum http1_event event = HTTP1_MORE;
    struct http1_result result;
    size_t end = 0;
    for (size_t at = 0; event != HTTP1_DONE && event != HTTP1_ERROR;) {
        end = event == HTTP1_MORE ? end + *step : end;
        end = end < strlen(WIRE) ? end : strlen(WIRE);
        event = sio__http1_parse(&p, WIRE + at, end - at, &result);
        at += result.used;
    }
    int r = 0;
    if (event == HTTP1_ERROR) {
        assert_int_equal(result.status, 500);
        r = SIO_ERR_NOMEM;
    }
    sio__http1_done(&p);
    return r;
}

static void every_failure_of_memory_is_a_status_500(void **state) {
    (void)state;
    for (size_t step = 1; step < 160; step += 13) {
        torture_run(read_request, &step);
    }
}

static int keep_head_then_read_body(void *user) {
    (void)user;
    static const char HEAD[] = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n";
    struct http1_parser p;
    struct http1_result result;
    sio__http1_init(&p, &LIMITS);
    enum http1_event event = sio__http1_parse(&p, HEAD, strlen(HEAD), &result);
    int r = 0;
    if (event == HTTP1_HEAD) {
        r = sio__http1_keep(&p);
        if (r < 0) {
            assert_ptr_equal(p.head.raw.data, HEAD);
        }
        event = sio__http1_parse(&p, NULL, 0, &result);
    }
    r = event == HTTP1_ERROR ? SIO_ERR_NOMEM : r;
    assert_true(event == HTTP1_MORE || result.status == 500);
    sio__http1_done(&p);
    return r;
}

static void failure_to_keep_a_head_leaves_it_where_it_was(void **state) {
    (void)state;
    torture_run(keep_head_then_read_body, NULL);
}

/* ---- responses ---- */

static void assert_written(struct buf *out, int result, const char *expected) {
    assert_int_equal(result, 0);
    assert_text(sio__buf_text(out), expected);
    sio__buf_clear(out);
}

static void responses_are_written(void **state) {
    (void)state;
    struct buf out;
    sio__buf_init(&out, 1000);
    assert_written(&out, sio__http1_write_status(&out, 200), "HTTP/1.1 200 OK\r\n");
    assert_written(&out, sio__http1_write_status(&out, 413), "HTTP/1.1 413 Content Too Large\r\n");
    assert_written(&out, sio__http1_write_status(&out, 599), "HTTP/1.1 599 Unknown\r\n");
    assert_written(&out, sio__http1_write_field(&out, SIO_TEXT("A"), SIO_TEXT("b\t\x80 c")),
                   "A: b\t\x80 c\r\n");
    assert_written(&out, sio__http1_write_field(&out, SIO_TEXT("A"), (struct text){0}), "A: \r\n");
    assert_written(&out, sio__http1_write_length(&out, 0), "Content-Length: 0\r\n");
    assert_written(&out, sio__http1_write_length(&out, UINT64_MAX),
                   "Content-Length: 18446744073709551615\r\n");
    assert_written(&out, sio__http1_write_end(&out), "\r\n");
    sio__buf_done(&out);
}

static void responses_cannot_be_split(void **state) {
    (void)state;
    static const struct {
        struct text name;
        struct text value;
    } CASES[] = {
        {SIO_TEXT("A"), SIO_TEXT("b\r\nC: d")}, {SIO_TEXT("A"), SIO_TEXT("b\n")},
        {SIO_TEXT("A"), SIO_TEXT("\r")},        {SIO_TEXT("A"), SIO_TEXT("a\0b")},
        {SIO_TEXT("A"), SIO_TEXT("\x7f")},      {SIO_TEXT(""), SIO_TEXT("b")},
        {SIO_TEXT("A b"), SIO_TEXT("c")},       {SIO_TEXT("A:"), SIO_TEXT("c")},
        {SIO_TEXT("A\r\n"), SIO_TEXT("c")},     {SIO_TEXT("\xc3\xa4"), SIO_TEXT("c")},
    };
    struct buf out;
    sio__buf_init(&out, 1000);
    for (size_t i = 0; i < COUNT(CASES); i++) {
        int r = sio__http1_write_field(&out, CASES[i].name, CASES[i].value);
        assert_int_equal(r, SIO_ERR_INVALID);
        assert_int_equal(out.len, 0);
    }
    assert_int_equal(sio__http1_write_status(&out, 99), SIO_ERR_INVALID);
    assert_int_equal(sio__http1_write_status(&out, 1000), SIO_ERR_INVALID);
    assert_int_equal(out.len, 0);
    sio__buf_done(&out);
}

static void responses_are_written_wholly_or_not(void **state) {
    (void)state;
    struct buf out;
    sio__buf_init(&out, 20);
    assert_int_equal(sio__http1_write_status(&out, 200), 0);
    assert_int_equal(out.len, 17);
    assert_int_equal(sio__http1_write_field(&out, SIO_TEXT("A"), SIO_TEXT("b")), SIO_ERR_TOO_BIG);
    assert_int_equal(sio__http1_write_length(&out, 1), SIO_ERR_TOO_BIG);
    assert_int_equal(sio__http1_write_status(&out, 200), SIO_ERR_TOO_BIG);
    assert_int_equal(out.len, 17);
    assert_int_equal(sio__http1_write_end(&out), 0);
    assert_int_equal(sio__http1_write_end(&out), SIO_ERR_TOO_BIG);
    assert_text(sio__buf_text(&out), "HTTP/1.1 200 OK\r\n\r\n");
    sio__buf_done(&out);
}

static void reasons_are_the_registered_ones(void **state) {
    (void)state;
    static const struct {
        int status;
        const char *reason;
    } CASES[] = {
        {101, "Switching Protocols"},
        {200, "OK"},
        {400, "Bad Request"},
        {403, "Forbidden"},
        {405, "Method Not Allowed"},
        {414, "URI Too Long"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {505, "HTTP Version Not Supported"},
        {0, "Unknown"},
        {418, "Unknown"},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        assert_string_equal(sio__http1_reason(CASES[i].status), CASES[i].reason);
    }
}

static void defaults_give_way_to_others(void **state) {
    (void)state;
    static const struct {
        const char *others;
        const char *value;
        const char *expected;
    } CASES[] = {
        {"", "a", ">Host: a\r\n"},
        {"host: b\r\n", "a", ">"},
        {"X: 1\r\nHOST:\r\n", "a", ">"},
        {"Hos: b\r\nHostt: b\r\nX: Host: b\r\n", "a", ">Host: a\r\n"},
        {"Host\r\n", "a", ">Host: a\r\n"},
        {"", "", ">"},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct buf out;
        sio__buf_init(&out, 100);
        assert_int_equal(sio__buf_append_str(&out, ">"), 0);
        int r = sio__http1_write_default(&out, sio__text_of(CASES[i].others), SIO_TEXT("Host"),
                                         sio__text_of(CASES[i].value));
        assert_written(&out, r, CASES[i].expected);
        sio__buf_done(&out);
    }
    struct buf out;
    sio__buf_init(&out, 100);
    assert_int_equal(
        sio__http1_write_default(&out, SIO_TEXT(""), SIO_TEXT("Host"), SIO_TEXT("a\r\nb")),
        SIO_ERR_INVALID);
    sio__buf_done(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_found_by_name_whatever_their_case),
        cmocka_unit_test(lists_are_walked),
        cmocka_unit_test(lists_are_searched_over_all_lines),
        cmocka_unit_test(head_of_one_piece_is_not_copied),
        cmocka_unit_test(head_that_is_kept_outlives_the_input),
        cmocka_unit_test_teardown(parser_between_messages_holds_little, torture_teardown),
        cmocka_unit_test_teardown(every_failure_of_memory_is_a_status_500, torture_teardown),
        cmocka_unit_test_teardown(failure_to_keep_a_head_leaves_it_where_it_was, torture_teardown),
        cmocka_unit_test(responses_are_written),
        cmocka_unit_test(responses_cannot_be_split),
        cmocka_unit_test(responses_are_written_wholly_or_not),
        cmocka_unit_test(reasons_are_the_registered_ones),
        cmocka_unit_test(defaults_give_way_to_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
