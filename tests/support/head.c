/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "support/head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct http1_limits limits = {
    .max_head_bytes = 4096, .max_headers = 100, .max_body_bytes = 100};

void test_head_init(struct test_head *t, const char *method, const char *fields) {
    struct http1_result result;
    int n = snprintf(t->text, sizeof t->text, "%s / HTTP/1.1\r\n%s\r\n", method, fields);
    assert_true(n > 0 && (size_t)n < sizeof t->text);
    sio__http1_init(&t->parser, &limits);
    if (sio__http1_parse(&t->parser, t->text, (size_t)n, &result) != HTTP1_HEAD) {
        fail_msg("this is no head: %s", t->text);
    }
}

void test_head_done(struct test_head *t) {
    sio__http1_done(&t->parser);
}
