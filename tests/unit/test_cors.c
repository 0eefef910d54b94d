/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engineio/cors.h"
#include "support/head.h"

static bool ends_with_good(const char *origin, void *user) {
    size_t *calls = user;
    size_t len = strlen(origin);
    (*calls)++;
    return len >= 4 && strcmp(origin + len - 4, "good") == 0;
}

static size_t calls;

static const sio_cors any = {.size = sizeof any};
static const sio_cors star = {.size = sizeof star, .origin = " * "};
static const sio_cors one = {.size = sizeof one, .origin = "https://a.example"};
static const sio_cors several = {.size = sizeof several,
                                 .origin = "https://a.example  https://b.example:8443"};
static const sio_cors asked = {.size = sizeof asked, .check = ends_with_good, .user = &calls};
static const sio_cors rich = {.size = sizeof rich,
                              .origin = "*",
                              .methods = "GET",
                              .headers = "X-A, X-B",
                              .expose = "X-C",
                              .credentials = true,
                              .max_age_s = 600};

static void begin(struct test_head *t, const char *origin, const char *host) {
    char fields[512];
    (void)snprintf(fields, sizeof fields, "Host: %s\r\n%s%s%s", host,
                   origin != NULL ? "Origin: " : "", origin != NULL ? origin : "",
                   origin != NULL ? "\r\n" : "");
    test_head_init(t, "GET", fields);
}

static void expect_fields(const sio_cors *cors, bool preflight, const char *more,
                          const char *expected) {
    struct test_head t;
    struct sio_headers h;
    struct buf out;
    char fields[512];
    (void)snprintf(fields, sizeof fields, "Host: a\r\n%s", more);
    test_head_init(&t, preflight ? "OPTIONS" : "GET", fields);
    sio__headers_init(&h);
    sio__buf_init(&out, 10000);
    if (preflight) {
        sio__cors_preflight(cors, &t.parser.head, &h);
    } else {
        sio__cors_headers(cors, &t.parser.head, &h);
    }
    assert_int_equal(sio__headers_write(&h, &out), 0);
    assert_int_equal(sio__buf_push(&out, 0), 0);
    assert_string_equal((const char *)out.data, expected);
    sio__buf_done(&out);
    sio__headers_done(&h);
    test_head_done(&t);
}

#define ALLOW        "Access-Control-Allow-Origin: "
#define VARY         "Vary: Origin\r\n"
#define FROM(origin) "Origin: " origin "\r\n"

static const struct {
    const sio_cors *cors;
    const char *fields;
    const char *expected;
} answers[] = {
    {NULL, FROM("https://a.example"), ""},
    {&any, FROM("https://a.example"), ALLOW "*\r\n"},
    {&any, "", ALLOW "*\r\n"},
    {&star, FROM("null"), ALLOW "*\r\n"},
    {&one, FROM("https://evil.example"), ALLOW "https://a.example\r\n" VARY},
    {&one, "", ALLOW "https://a.example\r\n" VARY},
    {&several, FROM("https://b.example:8443"), ALLOW "https://b.example:8443\r\n" VARY},
    {&several, FROM("https://a.example"), ALLOW "https://a.example\r\n" VARY},
    {&several, FROM("https://b.example"), VARY},
    {&several, FROM("https://a.example.evil"), VARY},
    {&several, FROM("https://A.example"), VARY},
    {&several, FROM("https://a.example https://b.example:8443"), VARY},
    {&several, "", VARY},
    {&asked, FROM("https://so.good"), ALLOW "https://so.good\r\n" VARY},
    {&asked, FROM("https://bad"), VARY},
    {&asked, "", VARY},
    {&rich, "",
     ALLOW "*\r\nAccess-Control-Allow-Credentials: true\r\nAccess-Control-Expose-Headers: X-C\r\n"},
};

static void answers_name_the_origin_that_may_read_them(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        expect_fields(answers[i].cors, false, answers[i].fields, answers[i].expected);
    }
}

static void preflights_name_what_may_be_sent(void **state) {
    (void)state;
    expect_fields(&any, true, "",
                  "Access-Control-Allow-Methods: GET,HEAD,PUT,PATCH,POST,DELETE\r\n"
                  "Vary: Access-Control-Request-Headers\r\n");
    expect_fields(&any, true, "Access-Control-Request-Headers: x-one, x-two\r\n",
                  "Access-Control-Allow-Methods: GET,HEAD,PUT,PATCH,POST,DELETE\r\n"
                  "Vary: Access-Control-Request-Headers\r\n"
                  "Access-Control-Allow-Headers: x-one, x-two\r\n");
    expect_fields(&rich, true, "Access-Control-Request-Headers: x-one\r\n",
                  "Access-Control-Allow-Methods: GET\r\nAccess-Control-Allow-Headers: X-A, X-B\r\n"
                  "Access-Control-Max-Age: 600\r\n");
}

static const struct {
    const sio_cors *cors;
    const char *origin; /* NULL: none */
    const char *host;
    bool ok;
} handshakes[] = {
    {NULL, NULL, "a.example", true}, /* not a browser */
    {NULL, "https://a.example", "a.example", true},
    {NULL, "http://a.example", "a.example", true},
    {NULL, "https://A.Example", "a.example", true},
    {NULL, "https://a.example:8443", "a.example:8443", true},
    {NULL, "https://a.example:8443", "a.example", false},
    {NULL, "https://evil.example", "a.example", false},
    {NULL, "https://a.example.evil", "a.example", false},
    {NULL, "https://evil-a.example", "a.example", false},
    {NULL, "null", "a.example", false},
    {NULL, "null", "null", false},
    {NULL, "", "a.example", false},
    {NULL, "a.example", "a.example", false},
    {NULL, "://", "a.example", false},
    {&any, "https://evil.example", "a.example", true},
    {&star, "null", "a.example", true},
    {&one, "https://a.example", "other", true},
    {&one, "https://evil.example", "other", false},
    {&one, "https://other", "other", true},
    {&several, "https://b.example:8443", "other", true},
    {&several, "https://b.example", "other", false},
    {&asked, "https://so.good", "other", true},
    {&asked, "https://bad", "other", false},
};

static void handshakes_of_other_origins_are_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof handshakes / sizeof handshakes[0]; i++) {
        struct test_head t;
        begin(&t, handshakes[i].origin, handshakes[i].host);
        if (sio__cors_websocket_ok(handshakes[i].cors, &t.parser.head) != handshakes[i].ok) {
            fail_msg("case %zu: %s at %s", i, handshakes[i].origin, handshakes[i].host);
        }
        test_head_done(&t);
    }
}

static void functions_are_asked_once_for_each_answer(void **state) {
    (void)state;
    calls = 0;
    expect_fields(&asked, false, FROM("https://so.good"), ALLOW "https://so.good\r\n" VARY);
    assert_int_equal(calls, 1);
    expect_fields(&asked, false, "", VARY);
    assert_int_equal(calls, 1);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_name_the_origin_that_may_read_them),
        cmocka_unit_test(preflights_name_what_may_be_sent),
        cmocka_unit_test(handshakes_of_other_origins_are_refused),
        cmocka_unit_test(functions_are_asked_once_for_each_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
