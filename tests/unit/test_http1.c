/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Requests (RFC 9112): what they give, and what is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/http1.h"
#include "support/http1_events.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { HEAD_BYTES = 300, HEADERS = 8, BODY_BYTES = 20 };

static const struct http1_limits LIMITS = {HEAD_BYTES, HEADERS, BODY_BYTES};

#define HOST         "Host: a\r\n"
#define GET          "GET / HTTP/1.1\r\n" HOST
#define POST         "POST / HTTP/1.1\r\n" HOST
#define CHUNKED      POST "Transfer-Encoding: chunked\r\n\r\n"
#define CHUNKED_HEAD "head(POST / 1.1 keep-alive chunked) "

static void expect(const struct http1_limits *limits, struct text wire, const char *events) {
    http1_events_expect(limits, NULL, wire, events);
}

static void expect_examples(const struct http1_example *examples, size_t count) {
    for (size_t i = 0; i < count; i++) {
        expect(&LIMITS, examples[i].wire, examples[i].events);
    }
}

/* ---- what is read ---- */

static void requests_are_read(void **state) {
    (void)state;
    static const struct http1_example EXAMPLES[] = {
        E("", ""),
        E(GET, ""),
        E(GET "\r\n", "head(GET / 1.1 keep-alive) done"),
        E("GET / HTTP/1.0\r\n\r\n", "head(GET / 1.0 close) done"),
        E("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "head(GET / 1.0 keep-alive) done"),
        E(GET "Connection: close\r\n\r\n", "head(GET / 1.1 close) done"),
        E(GET "cOnNeCtIoN: foo, CLOSE\r\n\r\n", "head(GET / 1.1 close) done"),
        E("GET /socket.io/?EIO=4&transport=polling&t=P%20x HTTP/1.1\r\nHost: [::1]:3000\r\n\r\n",
          "head(GET /socket.io/?EIO=4&transport=polling&t=P%20x 1.1 keep-alive) done"),
        E("OPTIONS * HTTP/1.1\r\n" HOST "\r\n", "head(OPTIONS * 1.1 keep-alive) done"),
        E("GET http://a.b/c HTTP/1.1\r\n" HOST "\r\n",
          "head(GET http://a.b/c 1.1 keep-alive) done"),
        E("DELETE / HTTP/1.1\r\nHost:\r\n\r\n", "head(DELETE / 1.1 keep-alive) done"),
        E("\r\n" GET "\r\n", "head(GET / 1.1 keep-alive) done"),
        E(GET "X-Any: \x80\xff \t'\"\r\n\r\n", "head(GET / 1.1 keep-alive) done"),
        E(GET "Expect: 100-Continue\r\n\r\n", "head(GET / 1.1 keep-alive continue) done"),
        E("GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n", "head(GET / 1.0 close) done"),
        E(GET "Expect: something\r\n\r\n", "head(GET / 1.1 keep-alive) done"),
    };
    expect_examples(EXAMPLES, COUNT(EXAMPLES));
}

static void bodies_of_known_length_are_read(void **state) {
    (void)state;
    static const struct http1_example EXAMPLES[] = {
        E(POST "Content-Length: 0\r\n\r\n", "head(POST / 1.1 keep-alive length=0) done"),
        E(POST "Content-Length: 5\r\n\r\nhello",
          "head(POST / 1.1 keep-alive length=5) body(hello) done"),
        E(POST "Content-Length: 005 \r\n\r\nhello",
          "head(POST / 1.1 keep-alive length=5) body(hello) done"),
        E(POST "Content-Length: 20\r\n\r\n01234567890123456789",
          "head(POST / 1.1 keep-alive length=20) body(01234567890123456789) done"),
        E(POST "Content-Length: 5\r\n\r\nhel", "head(POST / 1.1 keep-alive length=5)"),
        E(POST "Content-Length: 5\r\n\r\n", "head(POST / 1.1 keep-alive length=5)"),
        E(GET "Content-Length: 1\r\n\r\nx", "head(GET / 1.1 keep-alive length=1) body(x) done"),
    };
    expect_examples(EXAMPLES, COUNT(EXAMPLES));
}

static void chunked_bodies_are_read(void **state) {
    (void)state;
    static const struct http1_example EXAMPLES[] = {
        E(CHUNKED "0\r\n\r\n", CHUNKED_HEAD "done"),
        E(CHUNKED "5\r\nhello\r\n0\r\n\r\n", CHUNKED_HEAD "body(hello) done"),
        E(CHUNKED "3\r\nhel\r\n1\r\nl\r\n01\r\no\r\n000\r\n\r\n", CHUNKED_HEAD "body(hello) done"),
        E(CHUNKED "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n",
          CHUNKED_HEAD "body(01234567890123456789) done"),
        E(CHUNKED "2;a;b=c;d=\"e f\"\r\nhi\r\n0;x\r\n\r\n", CHUNKED_HEAD "body(hi) done"),
        E(CHUNKED "2\r\nhi\r\n0\r\nTrailer: x\r\nOther:\r\n\r\n", CHUNKED_HEAD "body(hi) done"),
        E(CHUNKED "2\r\nhi\r\n0\r\nHost: x\r\nHost: y\r\n\r\n", CHUNKED_HEAD "body(hi) done"),
        E(POST "transfer-encoding:\tChUnKeD \r\n\r\n1\r\nx\r\n0\r\n\r\n",
          CHUNKED_HEAD "body(x) done"),
        E(CHUNKED "2\r\nhi\r\n0\r\n", "head(POST / 1.1 keep-alive chunked)"),
        E(CHUNKED "2\r\nh", "head(POST / 1.1 keep-alive chunked)"),
    };
    expect_examples(EXAMPLES, COUNT(EXAMPLES));
}

static void messages_follow_each_other(void **state) {
    (void)state;
    static const struct http1_example EXAMPLES[] = {
        E(GET "\r\n" GET "\r\n", "head(GET / 1.1 keep-alive) done head(GET / 1.1 keep-alive) done"),
        E(POST "Content-Length: 2\r\n\r\nab" CHUNKED "1\r\nc\r\n0\r\n\r\n" GET "X: y\r\n\r\n",
          "head(POST / 1.1 keep-alive length=2) body(ab) done " CHUNKED_HEAD
          "body(c) done head(GET / 1.1 keep-alive) done"),
        E(POST "Content-Length: 2\r\n\r\nab\r\n" GET "\r\n",
          "head(POST / 1.1 keep-alive length=2) body(ab) done head(GET / 1.1 keep-alive) done"),
        E(GET "\r\nGARBAGE", "head(GET / 1.1 keep-alive) done error(400)"),
    };
    expect_examples(EXAMPLES, COUNT(EXAMPLES));
}

static void upgrades_leave_the_rest_untouched(void **state) {
    (void)state;
#define UPGRADE GET "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
    static const struct http1_example EXAMPLES[] = {
        E(UPGRADE "\r\n", "head(GET / 1.1 keep-alive upgrade) done rest(0)"),
        E(UPGRADE "\r\n\x81\x80\1\2\3\4", "head(GET / 1.1 keep-alive upgrade) done rest(6)"),
        E(UPGRADE "Content-Length: 2\r\n\r\nab\x81\x80\1\2\3\4",
          "head(GET / 1.1 keep-alive upgrade length=2) body(ab) done rest(6)"),
        E(UPGRADE "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n\x81\x80",
          "head(GET / 1.1 keep-alive upgrade chunked) body(ab) done rest(2)"),
        E(GET "Connection: upgrade\r\n\r\n", "head(GET / 1.1 keep-alive) done"),
        E(GET "Upgrade: websocket\r\n\r\n", "head(GET / 1.1 keep-alive) done"),
        E("GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
          "head(GET / 1.0 close) done"),
    };
    expect_examples(EXAMPLES, COUNT(EXAMPLES));
}

static void declined_upgrade_goes_on_with_the_next_message(void **state) {
    (void)state;
    static const char WIRE[] = GET "Connection: upgrade\r\nUpgrade: h2c\r\n\r\n" POST "\r\n";
    struct http1_parser p;
    sio__http1_init(&p, &LIMITS);
    struct http1_result result;
    assert_int_equal(sio__http1_parse(&p, WIRE, sizeof(WIRE) - 1, &result), HTTP1_HEAD);
    size_t at = result.used;
    assert_true(p.head.upgrade);
    assert_int_equal(sio__http1_parse(&p, WIRE + at, sizeof(WIRE) - 1 - at, &result), HTTP1_DONE);
    sio__http1_next_message(&p);
    assert_int_equal(sio__http1_parse(&p, WIRE + at, sizeof(WIRE) - 1 - at, &result), HTTP1_HEAD);
    assert_true(sio__text_eq(p.head.method, SIO_TEXT("POST")));
    assert_int_equal(p.head.field_count, 1);
    sio__http1_done(&p);
}

/* ---- what is refused ---- */

static void malformed_request_lines_are_refused(void **state) {
    (void)state;
    static const struct http1_example EXAMPLES[] = {
        E("GET  / HTTP/1.1\r\n" HOST "\r\n", "error(400)"),
        E("GET /  HTTP/1.1\r\n" HOST "\r\n", "error(400)"),
        E("GET / HTTP/1.1 \r\n" HOST "\r\n", "error(400)"),
        E("GET\t/ HTTP/1.1\r\n" HOST "\r\n", "error(400)"),
        E(" GET / HTTP/1.1\r\n" HOST "\r\n", "error(400)"),
        E("get / HTTP/1.1\r\n" HOST "\r\n", "error(400)"),
        E("NONSENSE / HTTP/1.1\r\n" HOST "\r\n", "error(400)"),
        E("GET HTTP/1.1\r\n" HOST "\r\n", "error(400)"),
        E("GET x HTTP/1.1\r\n" HOST "\r\n", "error(400)"),
        E("GET /a b HTTP/1.1\r\n" HOST "\r\n", "error(400)"),
        E("GET /a#b HTTP/1.1\r\n" HOST "\r\n", "error(400)"),
        E("GET /\x80 HTTP/1.1\r\n" HOST "\r\n", "error(400)"),
        E("GET /\0 HTTP/1.1\r\n" HOST "\r\n", "error(400)"),
        E("GET /\t HTTP/1.1\r\n" HOST "\r\n", "error(400)"),
        E("GET / HTTP/1.1\n" HOST "\r\n", "error(400)"),
        E("GET / HTTP/1.1\r" HOST "\r\n", "error(400)"),
        E("GET / http/1.1\r\n" HOST "\r\n", "error(400)"),
        E("GET / HTTP/1.10\r\n" HOST "\r\n", "error(400)"),
        E("SETUP / RTSP/1.0\r\n\r\n", "error(400)"),
        E("SOURCE / ICE/1.0\r\n\r\n", "error(400)"),
        E("\n" GET "\r\n", "error(400)"),
        E("\r" GET "\r\n", "error(400)"),
        E("\r\r\n" GET "\r\n", "error(400)"),
        E("\r\n\r\n" GET "\r\n", "error(400)"),
        E("\r\n\n" GET "\r\n", "error(400)"),
        E("CONNECT a:1 HTTP/1.1\r\n" HOST "\r\n", "error(501)"),
    };
    expect_examples(EXAMPLES, COUNT(EXAMPLES));
}

static void other_versions_are_refused(void **state) {
    (void)state;
    static const struct http1_example EXAMPLES[] = {
        E("GET /\r\n\r\n", "error(505)"),
        E("GET / HTTP/0.9\r\n\r\n", "error(505)"),
        E("GET / HTTP/1.2\r\n" HOST "\r\n", "error(505)"),
        E("GET / HTTP/2.0\r\n" HOST "\r\n", "error(505)"),
        E("GET / HTTP/9.9\r\n" HOST "\r\n", "error(505)"),
        E("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "error(505)"),
    };
    expect_examples(EXAMPLES, COUNT(EXAMPLES));
}

static void malformed_fields_are_refused(void **state) {
    (void)state;
    static const struct http1_example EXAMPLES[] = {
        E(GET "X : y\r\n\r\n", "error(400)"),
        E(GET " X: y\r\n\r\n", "error(400)"),
        E(GET "X: y\r\n z\r\n\r\n", "error(400)"),
        E(GET "X: y\r\n\tz\r\n\r\n", "error(400)"),
        E("GET / HTTP/1.1\r\n Host: a\r\n\r\n", "error(400)"),
        E(GET "X y: z\r\n\r\n", "error(400)"),
        E(GET "X\r\n\r\n", "error(400)"),
        E(GET ": y\r\n\r\n", "error(400)"),
        E(GET "X(: y\r\n\r\n", "error(400)"),
        E(GET "X\x80: y\r\n\r\n", "error(400)"),
        E(GET "X\0: y\r\n\r\n", "error(400)"),
        E(GET "X: \0\r\n\r\n", "error(400)"),
        E(GET "X: a\x01\r\n\r\n", "error(400)"),
        E(GET "X: a\x7f\r\n\r\n", "error(400)"),
        E(GET "X: a\rb\r\n\r\n", "error(400)"),
        E(GET "X: a\n\r\n", "error(400)"),
        E(GET "X: a\r\n\n", "error(400)"),
        E(GET "X: a\r\n\rb", "error(400)"),
        E(GET "\n", "error(400)"),
    };
    expect_examples(EXAMPLES, COUNT(EXAMPLES));
}

static void host_is_there_once_and_well_formed(void **state) {
    (void)state;
    static const struct http1_example EXAMPLES[] = {
        E("GET / HTTP/1.1\r\n\r\n", "error(400)"),
        E("GET / HTTP/1.1\r\nX: y\r\n\r\n", "error(400)"),
        E(GET "Host: a\r\n\r\n", "error(400)"),
        E(GET "hOST: b\r\n\r\n", "error(400)"),
        E("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", "error(400)"),
        E("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "error(400)"),
        E("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "error(400)"),
        E("GET / HTTP/1.1\r\nHost: u@b\r\n\r\n", "error(400)"),
        E("GET / HTTP/1.1\r\nHost: \xc3\xa4\r\n\r\n", "error(400)"),
        E("GET / HTTP/1.1\r\nHost: A-z_0.9%20~:80\r\n\r\n", "head(GET / 1.1 keep-alive) done"),
    };
    expect_examples(EXAMPLES, COUNT(EXAMPLES));
}

static void ambiguous_bodies_are_refused(void **state) {
    (void)state;
    static const struct http1_example EXAMPLES[] = {
        E(POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", "error(400)"),
        E(POST "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", "error(400)"),
        E(POST "Content-Length: 3, 3\r\n\r\nabc", "error(400)"),
        E(POST "Content-Length: +3\r\n\r\nabc", "error(400)"),
        E(POST "Content-Length: -3\r\n\r\nabc", "error(400)"),
        E(POST "Content-Length: 0x3\r\n\r\nabc", "error(400)"),
        E(POST "Content-Length: 3 3\r\n\r\nabc", "error(400)"),
        E(POST "Content-Length: 3.0\r\n\r\nabc", "error(400)"),
        E(POST "Content-Length:\r\n\r\n", "error(400)"),
        E(POST "Content-Length: 18446744073709551616\r\n\r\n", "error(400)"),
        E(POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", "error(400)"),
        E(POST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", "error(400)"),
        E(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", "error(400)"),
        E(POST "Transfer-Encoding: chunked, gzip\r\n\r\n", "error(400)"),
        E(POST "Transfer-Encoding:\r\n\r\n", "error(400)"),
        E(POST "Transfer-Encoding: gzip\r\n\r\n", "error(501)"),
        E(POST "Transfer-Encoding: gzip, chunked\r\n\r\n", "error(501)"),
        E(POST "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n", "error(501)"),
        E(POST "Transfer-Encoding: xchunked\r\n\r\n", "error(501)"),
        E(POST "Transfer-Encoding: identity\r\n\r\n", "error(501)"),
        E(POST "Transfer-Encoding: chunked\t\r\n\r\n", "error(501)"),
        E("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "error(400)"),
    };
    expect_examples(EXAMPLES, COUNT(EXAMPLES));
}

static void malformed_chunks_are_refused(void **state) {
    (void)state;
    static const struct http1_example EXAMPLES[] = {
        E(CHUNKED "\r\n\r\n", CHUNKED_HEAD "error(400)"),
        E(CHUNKED "g\r\n", CHUNKED_HEAD "error(400)"),
        E(CHUNKED "0x1\r\na\r\n0\r\n\r\n", CHUNKED_HEAD "error(400)"),
        E(CHUNKED "-1\r\n", CHUNKED_HEAD "error(400)"),
        E(CHUNKED " 1\r\n", CHUNKED_HEAD "error(400)"),
        E(CHUNKED "1 \r\na\r\n0\r\n\r\n", CHUNKED_HEAD "error(400)"),
        E(CHUNKED "1\na\r\n0\r\n\r\n", CHUNKED_HEAD "error(400)"),
        E(CHUNKED "1\r\nab\r\n0\r\n\r\n", CHUNKED_HEAD "error(400)"),
        E(CHUNKED "1\r\na\n0\r\n\r\n", CHUNKED_HEAD "error(400)"),
        E(CHUNKED "10000000000000001\r\na\r\n", CHUNKED_HEAD "error(400)"),
        E(CHUNKED "1;a\nb\r\na\r\n", CHUNKED_HEAD "error(400)"),
        E(CHUNKED "1;\x01\r\na\r\n", CHUNKED_HEAD "error(400)"),
        E(CHUNKED "0\r\nX : y\r\n\r\n", CHUNKED_HEAD "error(400)"),
        E(CHUNKED "0\r\nContent-Length: 1\r\n\r\n", CHUNKED_HEAD "error(400)"),
        E(CHUNKED "0\r\n\n", CHUNKED_HEAD "error(400)"),
    };
    expect_examples(EXAMPLES, COUNT(EXAMPLES));
}

/* ---- limits ---- */

static void expect_repeated(const struct http1_limits *limits, const char *before,
                            const char *filler, size_t count, const char *after,
                            const char *events) {
    struct text wire = http1_events_repeat(before, filler, count, after);
    expect(limits, wire, events);
    free((char *)wire.data);
}

static void head_is_limited(void **state) {
    (void)state;
    static const char FIELD[] = GET "X: ";
    size_t fits = HEAD_BYTES - strlen(FIELD) - 4;
    static const char OK[] = "head(GET / 1.1 keep-alive) done";
    expect_repeated(&LIMITS, FIELD, "x", fits, "\r\n\r\n", OK);
    expect_repeated(&LIMITS, FIELD, "x", fits + 1, "\r\n\r\n", "error(431)");
    expect_repeated(&LIMITS, FIELD, "x", 100000, "", "error(431)");
    expect_repeated(&LIMITS, FIELD, " ", 100000, "", "error(431)");
    expect_repeated(&LIMITS, GET, "x", 100000, "", "error(431)");
    expect_repeated(&LIMITS, "GET /", "x", 100000, "", "error(414)");
    expect_repeated(&LIMITS, "GET ", " ", 100000, "", "error(414)");
    /* What comes behind the limit does not matter, be it in the same input. */
    expect_repeated(&LIMITS, "GET /", "x", HEAD_BYTES, "\x01 HTTP/7.7", "error(414)");
    struct http1_limits none = {0, 0, 0};
    expect(&none, SIO_TEXT(GET "\r\n"), "error(414)");
}

static void number_of_fields_is_limited(void **state) {
    (void)state;
    expect_repeated(&LIMITS, GET, "X: y\r\n", HEADERS - 1, "\r\n",
                    "head(GET / 1.1 keep-alive) done");
    expect_repeated(&LIMITS, GET, "X: y\r\n", HEADERS, "\r\n", "error(431)");
    expect_repeated(&LIMITS, "GET / HTTP/1.1\r\n", "X: y\r\n", 10000, HOST "\r\n", "error(431)");
}

static void limits_have_a_cap(void **state) {
    (void)state;
    static const struct http1_limits LARGE = {UINT32_MAX, UINT32_MAX, UINT64_MAX};
    static const char FIELD[] = GET "X: ";
    size_t fits = HTTP1_HEAD_MAX - strlen(FIELD) - 4;
    static const char OK[] = "head(GET / 1.1 keep-alive) done";
    expect_repeated(&LARGE, FIELD, "x", fits, "\r\n\r\n", OK);
    expect_repeated(&LARGE, FIELD, "x", fits + 1, "\r\n\r\n", "error(431)");
    expect_repeated(&LARGE, GET, "X:y\r\n", HTTP1_HEADERS_MAX - 1, "\r\n", OK);
    expect_repeated(&LARGE, GET, "X:y\r\n", HTTP1_HEADERS_MAX, "\r\n", "error(431)");
}

static void body_is_limited(void **state) {
    (void)state;
    static const struct http1_example EXAMPLES[] = {
        E(POST "Content-Length: 21\r\n\r\n", "head(POST / 1.1 keep-alive length=21) error(413)"),
        E(POST "Content-Length: 18446744073709551615\r\n\r\nabc",
          "head(POST / 1.1 keep-alive length=18446744073709551615) error(413)"),
        E(CHUNKED "15\r\n", CHUNKED_HEAD "error(413)"),
        E(CHUNKED "ffffffffffffffff\r\n", CHUNKED_HEAD "error(413)"),
        E(CHUNKED "a\r\n0123456789\r\nb\r\n0", CHUNKED_HEAD "error(413)"),
        E(CHUNKED "a\r\n0123456789\r\nffffffffffffffff\r\n0", CHUNKED_HEAD "error(413)"),
    };
    expect_examples(EXAMPLES, COUNT(EXAMPLES));
}

static void framing_of_chunks_is_limited(void **state) {
    (void)state;
    static const char OK[] = CHUNKED_HEAD "body(x) done";
    static const char TOO_LONG[] = CHUNKED_HEAD "error(431)";
    expect_repeated(&LIMITS, CHUNKED "1;", "e", HEAD_BYTES - 10, "\r\nx\r\n0\r\n\r\n", OK);
    expect_repeated(&LIMITS, CHUNKED "1;", "e", HEAD_BYTES, "\r\nx\r\n0\r\n\r\n", TOO_LONG);
    expect_repeated(&LIMITS, CHUNKED "1;e=\"", "e", 100000, "", TOO_LONG);
    expect_repeated(&LIMITS, CHUNKED, "0", HEAD_BYTES, "1\r\nx\r\n0\r\n\r\n", TOO_LONG);
    expect_repeated(&LIMITS, CHUNKED "1\r\nx\r\n0\r\n", "X: yz\r\n", 40, "\r\n", OK);
    expect_repeated(&LIMITS, CHUNKED "1\r\nx\r\n0\r\n", "X: yz\r\n", 43, "\r\n", TOO_LONG);
    expect_repeated(&LIMITS, CHUNKED "1\r\nx\r\n0\r\nX: ", "y", 100000, "", TOO_LONG);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_read),
        cmocka_unit_test(bodies_of_known_length_are_read),
        cmocka_unit_test(chunked_bodies_are_read),
        cmocka_unit_test(messages_follow_each_other),
        cmocka_unit_test(upgrades_leave_the_rest_untouched),
        cmocka_unit_test(declined_upgrade_goes_on_with_the_next_message),
        cmocka_unit_test(malformed_request_lines_are_refused),
        cmocka_unit_test(other_versions_are_refused),
        cmocka_unit_test(malformed_fields_are_refused),
        cmocka_unit_test(host_is_there_once_and_well_formed),
        cmocka_unit_test(ambiguous_bodies_are_refused),
        cmocka_unit_test(malformed_chunks_are_refused),
        cmocka_unit_test(head_is_limited),
        cmocka_unit_test(number_of_fields_is_limited),
        cmocka_unit_test(limits_have_a_cap),
        cmocka_unit_test(body_is_limited),
        cmocka_unit_test(framing_of_chunks_is_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
