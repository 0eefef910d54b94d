/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The compact copy of a request's head.
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

#include "base/alloc.h"
#include "proto/http_copy.h"
#include "support/torture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct http1_limits LIMITS = {HTTP1_HEAD_MAX, HTTP1_HEADERS_MAX, 0};

/* Copies the head of a request, whose own memory is gone afterwards. */
static struct http_copy *copy_of(const char *wire) {
    struct http1_parser p;
    struct http1_result result;
    struct http_copy *copy = NULL;
    char *input = strdup(wire);
    assert_non_null(input);
    sio__http1_init(&p, &LIMITS);
    assert_int_equal(sio__http1_parse(&p, input, strlen(input), &result), HTTP1_HEAD);
    assert_int_equal(sio__http_copy_embed(&p.head, 0, &copy), 0);
    sio__http1_done(&p);
    free(input);
    return copy;
}

static void assert_fields(const struct http_copy *copy, const char *expected) {
    char *found;
    size_t found_len;
    FILE *out = open_memstream(&found, &found_len);
    uint32_t cursor = 0;
    const char *name;
    const char *value;
    while (sio__http_copy_next(copy, &cursor, &name, &value)) {
        fprintf(out, "%s=%s|", name, value);
        assert_non_null(sio__http_copy_field(copy, name));
        assert_string_equal(sio__http_copy_field(copy, name), value);
    }
    fclose(out);
    assert_string_equal(found, expected);
    free(found);
}

static void method_target_and_fields_are_copied(void **state) {
    (void)state;
    struct http_copy *copy = copy_of("GET /socket.io/?EIO=4 HTTP/1.1\r\nHost: a.example:3000\r\n"
                                     "User-Agent:  x y \r\nX-Empty:\r\nX-MiXed_123: V\x80\r\n\r\n");
    assert_string_equal(sio__http_copy_method(copy), "GET");
    assert_string_equal(sio__http_copy_target(copy), "/socket.io/?EIO=4");
    assert_fields(copy, "host=a.example:3000|user-agent=x y|x-empty=|x-mixed_123=V\x80|");
    assert_string_equal(sio__http_copy_field(copy, "x-empty"), "");
    assert_null(sio__http_copy_field(copy, "X-Empty"));
    assert_null(sio__http_copy_field(copy, "x-emp"));
    assert_null(sio__http_copy_field(copy, "v\x80"));
    sio__free(copy);
}

static void head_without_fields_is_copied(void **state) {
    (void)state;
    struct http_copy *copy = copy_of("POST / HTTP/1.0\r\n\r\n");
    assert_string_equal(sio__http_copy_method(copy), "POST");
    assert_string_equal(sio__http_copy_target(copy), "/");
    assert_fields(copy, "");
    assert_null(sio__http_copy_field(copy, "host"));
    assert_int_equal(sio__http_copy_size(copy), 8 + strlen("POST") + 1 + strlen("/") + 1);
    sio__free(copy);
}

static void repeated_fields_are_joined(void **state) {
    (void)state;
#define START "GET / HTTP/1.1\r\nHost: h\r\n"
    static const struct {
        const char *wire;
        const char *fields;
    } CASES[] = {
        {START "A: 1\r\nB: 2\r\na: 3\r\nA: 4\r\n\r\n", "host=h|a=1, 3, 4|b=2|"},
        {START "A:\r\nA:\r\n\r\n", "host=h|a=, |"},
        {START "Cookie: a=1\r\ncookie: b=2\r\n\r\n", "host=h|cookie=a=1; b=2|"},
        {START "User-Agent: x\r\nuser-agent: y\r\nZ: z\r\n\r\n", "host=h|user-agent=x|z=z|"},
        {START "Authorization: x\r\nAuthorization: y\r\n\r\n", "host=h|authorization=x|"},
        {START "Content-Type: x\r\nContent-Type: y\r\n\r\n", "host=h|content-type=x|"},
        {START "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: 5.6.7.8, 9.9.9.9\r\n\r\n",
         "host=h|x-forwarded-for=1.2.3.4, 5.6.7.8, 9.9.9.9|"},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        struct http_copy *copy = copy_of(CASES[i].wire);
        assert_fields(copy, CASES[i].fields);
        sio__free(copy);
    }
}

static void copy_takes_the_text_and_8_bytes_and_common_names_take_one(void **state) {
    (void)state;
    struct http_copy *copy = copy_of("GET /x HTTP/1.1\r\nHost: ab\r\nX: y\r\nX: z\r\n\r\n");
    static const char TEXT[] = "GET\0/x\0#ab\0x\0y, z"; /* # stands for host; and its NUL */
    assert_int_equal(sio__http_copy_size(copy), 8 + sizeof(TEXT));
    sio__free(copy);
}

static void largest_head_is_copied(void **state) {
    (void)state;
    static const char START_LINE[] = "GET / HTTP/1.1\r\n";
    char *wire = malloc(HTTP1_HEAD_MAX + 1);
    assert_non_null(wire);
    char *at = stpcpy(wire, START_LINE);
    at = stpcpy(at, "host:");
    size_t left = HTTP1_HEAD_MAX - (size_t)(at - wire);
    size_t value_len = left - (HTTP1_HEADERS_MAX - 1) * strlen("a:b\r\n") - strlen("\r\n\r\n");
    memset(at, 'h', value_len);
    at = stpcpy(at + value_len, "\r\n");
    for (size_t i = 1; i < HTTP1_HEADERS_MAX; i++) {
        at = stpcpy(at, "a:b\r\n");
    }
    stpcpy(at, "\r\n");
    assert_int_equal(strlen(wire), HTTP1_HEAD_MAX);
    struct http_copy *copy = copy_of(wire);
    assert_int_equal(strlen(sio__http_copy_field(copy, "host")), value_len);
    assert_int_equal(strlen(sio__http_copy_field(copy, "a")), (HTTP1_HEADERS_MAX - 1) * 3 - 2);
    sio__free(copy);
    free(wire);
}

static int copy_head(void *user) {
    (void)user;
    static const char WIRE[] = "GET / HTTP/1.0\r\nA: b\r\nA: c\r\n\r\n";
    struct http1_parser p;
    struct http1_result result;
    sio__http1_init(&p, &LIMITS);
    if (sio__http1_parse(&p, WIRE, strlen(WIRE), &result) != HTTP1_HEAD) {
        sio__http1_done(&p);
        return SIO_ERR_NOMEM;
    }
    struct http_copy *copy = NULL;
    int r = sio__http_copy_embed(&p.head, 0, &copy);
    if (r == 0) {
        /* A shorter block is welcome, but not needed. */
        assert_string_equal(sio__http_copy_field(copy, "a"), "b, c");
        r = torture_refused() > 0 ? SIO_ERR_NOMEM : 0;
    } else {
        assert_null(copy);
    }
    sio__free(copy);
    sio__http1_done(&p);
    return r;
}

static void failures_of_memory_are_survived(void **state) {
    (void)state;
    torture_run(copy_head, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(method_target_and_fields_are_copied),
        cmocka_unit_test(head_without_fields_is_copied),
        cmocka_unit_test(repeated_fields_are_joined),
        cmocka_unit_test(copy_takes_the_text_and_8_bytes_and_common_names_take_one),
        cmocka_unit_test(largest_head_is_copied),
        cmocka_unit_test_teardown(failures_of_memory_are_survived, torture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
