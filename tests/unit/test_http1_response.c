/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Responses (RFC 9112): what they give, where their bodies end, and what is refused; and the
 * request lines that they answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sio/error.h>

#include "proto/http1.h"
#include "support/http1_events.h"
#include "support/torture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { HEAD_BYTES = 300, HEADERS = 8, BODY_BYTES = 20 };

static const struct http1_limits LIMITS = {HEAD_BYTES, HEADERS, BODY_BYTES};

#define OK           "HTTP/1.1 200 OK\r\n"
#define EMPTY        OK "Content-Length: 0\r\n\r\n"
#define EMPTY_EVENTS "head(200 1.1 keep-alive length=0) done"
#define CHUNKED      OK "Transfer-Encoding: chunked\r\n\r\n"
#define CHUNKED_HEAD "head(200 1.1 keep-alive chunked) "

static void expect(const char *asked, const struct http1_example *examples, size_t count) {
    for (size_t i = 0; i < count; i++) {
        http1_events_expect(&LIMITS, asked, examples[i].wire, examples[i].events);
    }
}

static void expect_repeated(const struct http1_limits *limits, const char *before,
                            const char *filler, size_t count, const char *after,
                            const char *events) {
    struct text wire = http1_events_repeat(before, filler, count, after);
    http1_events_expect(limits, "G", wire, events);
    free((char *)wire.data);
}

/* ---- what is read ---- */

static void status_lines_are_read(void **state) {
    (void)state;
#define NOTHING "Content-Length: 0\r\n\r\n"
    static const struct http1_example EXAMPLES[] = {
        E(EMPTY, EMPTY_EVENTS),
        E("HTTP/1.1 200 \r\n" NOTHING, EMPTY_EVENTS),
        E("HTTP/1.1 200\r\n" NOTHING, EMPTY_EVENTS),
        E("HTTP/1.1 200 all right\t\x80\xff, \"so\" \r\n" NOTHING, EMPTY_EVENTS),
        E("HTTP/1.0 200 OK\r\n" NOTHING, "head(200 1.0 close length=0) done"),
        E("HTTP/1.1 400 Bad Request\r\n" NOTHING, "head(400 1.1 keep-alive length=0) done"),
        E("HTTP/1.1 503 x\r\n" NOTHING, "head(503 1.1 keep-alive length=0) done"),
        E("HTTP/1.1 999 x\r\n" NOTHING, "head(999 1.1 keep-alive length=0) done"),
    };
    expect("G", EXAMPLES, COUNT(EXAMPLES));
}

static void connections_persist_as_both_sides_say(void **state) {
    (void)state;
    static const struct http1_example EXAMPLES[] = {
        E(OK "Connection: close\r\n" NOTHING, "head(200 1.1 close length=0) done"),
        E(OK "Connection: x, Close\r\n" NOTHING, "head(200 1.1 close length=0) done"),
        E(OK "Connection: keep-alive\r\n" NOTHING, EMPTY_EVENTS),
        E("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" NOTHING,
          "head(200 1.0 keep-alive length=0) done"),
        E("HTTP/1.0 200 OK\r\nConnection: keep-alive, close\r\n" NOTHING,
          "head(200 1.0 close length=0) done"),
        E("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n", "head(200 1.0 close) done"),
    };
    expect("G", EXAMPLES, COUNT(EXAMPLES));
}

static void bodies_of_known_length_are_read(void **state) {
    (void)state;
    static const struct http1_example EXAMPLES[] = {
        E(OK "Content-Length: 5\r\n\r\nhello",
          "head(200 1.1 keep-alive length=5) body(hello) done"),
        E("HTTP/1.0 404 Not Found\r\nContent-Length: 2\r\n\r\nno",
          "head(404 1.0 close length=2) body(no) done"),
        E(OK "Content-Length: 20\r\n\r\n01234567890123456789",
          "head(200 1.1 keep-alive length=20) body(01234567890123456789) done"),
    };
    expect("G", EXAMPLES, COUNT(EXAMPLES));
}

static void chunked_bodies_are_read(void **state) {
    (void)state;
    static const struct http1_example EXAMPLES[] = {
        E(CHUNKED "0\r\n\r\n", CHUNKED_HEAD "done"),
        E(CHUNKED "3\r\nhel\r\n2;x=\"y\"\r\nlo\r\n0\r\nTrailer: x\r\n\r\n",
          CHUNKED_HEAD "body(hello) done"),
        E(OK "Transfer-Encoding: Chunked\r\nConnection: close\r\n\r\n1\r\nx\r\n0\r\n\r\n",
          "head(200 1.1 close chunked) body(x) done"),
        E(OK "Connection: upgrade\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked\r\n\r\n"
             "1\r\nx\r\n0\r\n\r\n" EMPTY,
          CHUNKED_HEAD "body(x) done " EMPTY_EVENTS),
    };
    expect("G", EXAMPLES, COUNT(EXAMPLES));
}

static void body_without_length_goes_on_until_the_input_ends(void **state) {
    (void)state;
    static const struct http1_example EXAMPLES[] = {
        E(OK "\r\n", "head(200 1.1 close) done"),
        E(OK "\r\nhello", "head(200 1.1 close) body(hello) done"),
        E(OK "\r\n" EMPTY, "head(200 1.1 close) error(413)"),
        E(OK "Connection: keep-alive\r\n\r\n\r\n\r\n", "head(200 1.1 close) body(\r\n\r\n) done"),
        E("HTTP/1.0 500 x\r\n\r\nx", "head(500 1.0 close) body(x) done"),
        E(OK "\r\n01234567890123456789", "head(200 1.1 close) body(01234567890123456789) done"),
    };
    expect("G", EXAMPLES, COUNT(EXAMPLES));
}

static void messages_that_have_no_body_end_with_their_head(void **state) {
    (void)state;
    static const struct http1_example ANY_METHOD[] = {
        E("HTTP/1.1 204 x\r\n\r\n" EMPTY, "head(204 1.1 keep-alive) done " EMPTY_EVENTS),
        E("HTTP/1.1 204 x\r\nContent-Length: 0\r\n\r\n" EMPTY,
          "head(204 1.1 keep-alive length=0) done " EMPTY_EVENTS),
        E("HTTP/1.1 304 x\r\nContent-Length: 9000\r\n\r\n" EMPTY,
          "head(304 1.1 keep-alive length=9000) done " EMPTY_EVENTS),
        E("HTTP/1.1 304 x\r\nTransfer-Encoding: chunked\r\n\r\n" EMPTY,
          "head(304 1.1 keep-alive chunked) done " EMPTY_EVENTS),
        E("HTTP/1.1 304 x\r\n\r\n" EMPTY, "head(304 1.1 keep-alive) done " EMPTY_EVENTS),
    };
    expect("G", ANY_METHOD, COUNT(ANY_METHOD));
    expect("HG", ANY_METHOD, COUNT(ANY_METHOD));
    static const struct http1_example TO_HEAD[] = {
        E(OK "\r\n" EMPTY, "head(200 1.1 keep-alive) done " EMPTY_EVENTS),
        E(OK "Content-Length: 9000\r\n\r\n" EMPTY,
          "head(200 1.1 keep-alive length=9000) done " EMPTY_EVENTS),
        E(CHUNKED EMPTY, CHUNKED_HEAD "done " EMPTY_EVENTS),
        E("HTTP/1.1 100 x\r\n\r\n" OK "Content-Length: 5\r\n\r\n" EMPTY,
          "head(200 1.1 keep-alive length=5) done " EMPTY_EVENTS),
    };
    expect("HG", TO_HEAD, COUNT(TO_HEAD));
}

static void method_counts_for_one_response(void **state) {
    (void)state;
    static const char WIRE[] = OK "Content-Length: 5\r\n\r\n";
    struct http1_parser p;
    struct http1_result result;
    sio__http1_init_responses(&p, &LIMITS);
    sio__http1_set_method(&p, SIO_TEXT("HEAD"));
    assert_int_equal(sio__http1_parse(&p, WIRE, strlen(WIRE), &result), HTTP1_HEAD);
    assert_int_equal(sio__http1_parse(&p, NULL, 0, &result), HTTP1_DONE);
    sio__http1_next_message(&p);
    assert_int_equal(sio__http1_parse(&p, WIRE, strlen(WIRE), &result), HTTP1_HEAD);
    assert_int_equal(sio__http1_parse(&p, NULL, 0, &result), HTTP1_MORE);
    sio__http1_done(&p);
}

static void messages_follow_each_other(void **state) {
    (void)state;
    static const struct http1_example EXAMPLES[] = {
        E(EMPTY EMPTY, EMPTY_EVENTS " " EMPTY_EVENTS),
        E(OK "Content-Length: 2\r\n\r\nab" CHUNKED "1\r\nc\r\n0\r\n\r\n" OK "\r\nd",
          "head(200 1.1 keep-alive length=2) body(ab) done " CHUNKED_HEAD
          "body(c) done head(200 1.1 close) body(d) done"),
        E(EMPTY "GARBAGE", EMPTY_EVENTS " error(400)"),
    };
    expect("G", EXAMPLES, COUNT(EXAMPLES));
}

static void interim_responses_are_skipped(void **state) {
    (void)state;
#define CONTINUE "HTTP/1.1 100 Continue\r\n\r\n"
    static const struct http1_example EXAMPLES[] = {
        E(CONTINUE EMPTY, EMPTY_EVENTS),
        E(CONTINUE "HTTP/1.1 103 x\r\nLink: a\r\nLink: b\r\n\r\n" EMPTY, EMPTY_EVENTS),
        E("HTTP/1.1 199\r\nConnection: close\r\nContent-Length: 0\r\n\r\n" EMPTY, EMPTY_EVENTS),
        E("HTTP/1.1 100 x\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n" EMPTY, EMPTY_EVENTS),
        E(CONTINUE OK "\r\nx", "head(200 1.1 close) body(x) done"),
        E(EMPTY CONTINUE EMPTY, EMPTY_EVENTS " " EMPTY_EVENTS),
        E(CONTINUE, "error(400)"),
        E(CONTINUE "\r\n" EMPTY, "error(400)"),
        E("HTTP/1.1 100 x\r\nContent-Length: 2\r\n\r\nab" EMPTY, "error(400)"),
        E("HTTP/1.1 100 x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" EMPTY, "error(400)"),
    };
    expect("G", EXAMPLES, COUNT(EXAMPLES));
}

static void number_of_interim_responses_is_limited(void **state) {
    (void)state;
    expect_repeated(&LIMITS, "", CONTINUE, HTTP1_INTERIM_MAX, EMPTY, EMPTY_EVENTS);
    expect_repeated(&LIMITS, "", CONTINUE, HTTP1_INTERIM_MAX + 1, EMPTY, "error(400)");
    expect_repeated(&LIMITS, EMPTY, CONTINUE, HTTP1_INTERIM_MAX, EMPTY,
                    EMPTY_EVENTS " " EMPTY_EVENTS);
}

static void upgrades_leave_the_rest_untouched(void **state) {
    (void)state;
#define SWITCH  "HTTP/1.1 101 Switching Protocols\r\n"
#define UPGRADE "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
    static const struct http1_example EXAMPLES[] = {
        E(SWITCH UPGRADE "\r\n", "head(101 1.1 close upgrade) done rest(0)"),
        E(SWITCH UPGRADE "\r\n\x81\1a", "head(101 1.1 close upgrade) done rest(3)"),
        E(SWITCH UPGRADE "\r\n" EMPTY, "head(101 1.1 close upgrade) done rest(38)"),
        E(CONTINUE SWITCH UPGRADE "\r\n\x81", "head(101 1.1 close upgrade) done rest(1)"),
        E(SWITCH UPGRADE "Content-Length: 0\r\n\r\nx",
          "head(101 1.1 close upgrade length=0) done rest(1)"),
        E(SWITCH "\r\nx", "head(101 1.1 close) done rest(1)"),
        E("HTTP/1.0 101 x\r\n" UPGRADE "\r\nx", "head(101 1.0 close) done rest(1)"),
        E("HTTP/1.1 426 x\r\n" UPGRADE NOTHING EMPTY,
          "head(426 1.1 keep-alive length=0) done " EMPTY_EVENTS),
        E(SWITCH UPGRADE "Content-Length: 2\r\n\r\nab", "error(400)"),
        E(SWITCH UPGRADE "Transfer-Encoding: chunked\r\n\r\n", "error(400)"),
    };
    expect("G", EXAMPLES, COUNT(EXAMPLES));
}

/* ---- what is refused ---- */

static void truncated_messages_are_refused(void **state) {
    (void)state;
    static const struct http1_example EXAMPLES[] = {
        E("", "error(400)"),
        E("H", "error(400)"),
        E("HTTP/1.1 200 OK\r\n", "error(400)"),
        E("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r", "error(400)"),
        E(OK "Content-Length: 5\r\n\r\n", "head(200 1.1 keep-alive length=5) error(400)"),
        E(OK "Content-Length: 5\r\n\r\nhell", "head(200 1.1 keep-alive length=5) error(400)"),
        E(CHUNKED, CHUNKED_HEAD "error(400)"),
        E(CHUNKED "2\r\nab", CHUNKED_HEAD "error(400)"),
        E(CHUNKED "2\r\nab\r\n", CHUNKED_HEAD "error(400)"),
        E(CHUNKED "2\r\nab\r\n0\r\n", CHUNKED_HEAD "error(400)"),
        E(EMPTY "HTTP/1.1 2", EMPTY_EVENTS " error(400)"),
    };
    expect("G", EXAMPLES, COUNT(EXAMPLES));
}

static void end_between_messages_is_an_error_too(void **state) {
    (void)state;
    struct http1_parser p;
    struct http1_result result;
    sio__http1_init_responses(&p, &LIMITS);
    assert_int_equal(sio__http1_parse(&p, EMPTY, strlen(EMPTY), &result), HTTP1_HEAD);
    assert_int_equal(sio__http1_end(&p, &result), HTTP1_DONE);
    sio__http1_next_message(&p);
    assert_int_equal(sio__http1_end(&p, &result), HTTP1_ERROR);
    assert_int_equal(result.used, 0);
    assert_int_equal(result.status, 400);
    assert_string_equal(result.rule, "input ends before the message does");
    sio__http1_done(&p);
}

static void malformed_status_lines_are_refused(void **state) {
    (void)state;
    static const struct http1_example EXAMPLES[] = {
        E("\r\n" EMPTY, "error(400)"),
        E("\n" EMPTY, "error(400)"),
        E(" " EMPTY, "error(400)"),
        E("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "error(400)"),
        E("ICY 200 OK\r\n" NOTHING, "error(400)"),
        E("http/1.1 200 OK\r\n" NOTHING, "error(400)"),
        E("RTSP/1.0 200 OK\r\n" NOTHING, "error(400)"),
        E("HTTP/1.1  200 OK\r\n" NOTHING, "error(400)"),
        E("HTTP/1.1\t200 OK\r\n" NOTHING, "error(400)"),
        E("HTTP/1.1200 OK\r\n" NOTHING, "error(400)"),
        E("HTTP/1.10 200 OK\r\n" NOTHING, "error(400)"),
        E("HTTP/1.1 \r\n" NOTHING, "error(400)"),
        E("HTTP/1.1\r\n" NOTHING, "error(400)"),
        E("HTTP/1.1 OK\r\n" NOTHING, "error(400)"),
        E("HTTP/1.1 20\r\n" NOTHING, "error(400)"),
        E("HTTP/1.1 20 OK\r\n" NOTHING, "error(400)"),
        E("HTTP/1.1 2000 OK\r\n" NOTHING, "error(400)"),
        E("HTTP/1.1 200OK\r\n" NOTHING, "error(400)"),
        E("HTTP/1.1 200\tOK\r\n" NOTHING, "error(400)"),
        E("HTTP/1.1 -20 OK\r\n" NOTHING, "error(400)"),
        E("HTTP/1.1 0x2 OK\r\n" NOTHING, "error(400)"),
        E("HTTP/1.1 099 OK\r\n" NOTHING EMPTY, "error(400)"),
        E("HTTP/1.1 000 OK\r\n" NOTHING EMPTY, "error(400)"),
        E("HTTP/1.1 200 OK\n" NOTHING, "error(400)"),
        E("HTTP/1.1 200 OK\r" NOTHING, "error(400)"),
        E("HTTP/1.1 200 O\rK\r\n" NOTHING, "error(400)"),
        E("HTTP/1.1 200\n" NOTHING, "error(400)"),
        E("HTTP/1.1 200\rX: y\r\n" NOTHING, "error(400)"),
        E("HTTP/1.1 200 \0\r\n" NOTHING, "error(400)"),
        E("HTTP/1.1 200 a\x01\r\n" NOTHING, "error(400)"),
        E("HTTP/1.1 200 a\x7f\r\n" NOTHING, "error(400)"),
    };
    expect("G", EXAMPLES, COUNT(EXAMPLES));
}

static void other_versions_are_refused(void **state) {
    (void)state;
    static const struct http1_example EXAMPLES[] = {
        E("HTTP/0.9 200 OK\r\n" NOTHING, "error(505)"),
        E("HTTP/1.2 200 OK\r\n" NOTHING, "error(505)"),
        E("HTTP/2.0 200 OK\r\n" NOTHING, "error(505)"),
        E("HTTP/3.0 200 OK\r\n" NOTHING, "error(505)"),
    };
    expect("G", EXAMPLES, COUNT(EXAMPLES));
}

static void malformed_fields_are_refused(void **state) {
    (void)state;
    static const struct http1_example EXAMPLES[] = {
        E(OK "X : y\r\n" NOTHING, "error(400)"),
        E(OK " X: y\r\n" NOTHING, "error(400)"),
        E(OK "X: y\r\n z\r\n" NOTHING, "error(400)"),
        E(OK "X: y\r\n\tz\r\n" NOTHING, "error(400)"),
        E(OK "X: y\r\n \r\n" NOTHING, "error(400)"),
        E(OK "X y: z\r\n" NOTHING, "error(400)"),
        E(OK "X\r\n" NOTHING, "error(400)"),
        E(OK ": y\r\n" NOTHING, "error(400)"),
        E(OK "X\x80: y\r\n" NOTHING, "error(400)"),
        E(OK "X: \0\r\n" NOTHING, "error(400)"),
        E(OK "X: a\x01\r\n" NOTHING, "error(400)"),
        E(OK "X: a\x7f\r\n" NOTHING, "error(400)"),
        E(OK "X: a\rb\r\n" NOTHING, "error(400)"),
        E(OK "X: a\n" NOTHING, "error(400)"),
        E(OK "X: a\r\n\n", "error(400)"),
        E(OK "\n", "error(400)"),
    };
    expect("G", EXAMPLES, COUNT(EXAMPLES));
}

static void ambiguous_bodies_are_refused(void **state) {
    (void)state;
    static const struct http1_example EXAMPLES[] = {
        E(OK "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", "error(400)"),
        E(OK "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", "error(400)"),
        E(OK "Content-Length: 0\r\nContent-Length: 0\r\n\r\n", "error(400)"),
        E(OK "Content-Length: 3, 3\r\n\r\nabc", "error(400)"),
        E(OK "Content-Length: +3\r\n\r\nabc", "error(400)"),
        E(OK "Content-Length: -3\r\n\r\nabc", "error(400)"),
        E(OK "Content-Length: 3 3\r\n\r\nabc", "error(400)"),
        E(OK "Content-Length:\r\n\r\n", "error(400)"),
        E(OK "Content-Length: 18446744073709551616\r\n\r\n", "error(400)"),
        E(OK "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", "error(400)"),
        E(OK "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", "error(400)"),
        E(OK "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n", "error(400)"),
        E(OK "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n", "error(400)"),
        E(OK "Content-Length: 3\r\nTransfer-Encoding: gzip\r\n\r\n", "error(400)"),
        E(OK "Transfer-Encoding: gzip\r\nContent-Length: 3\r\n\r\n", "error(400)"),
        E(OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", "error(501)"),
        E(OK "Transfer-Encoding: chunked, gzip\r\n\r\n", "error(501)"),
        E(OK "Transfer-Encoding: gzip\r\n\r\n", "error(501)"),
        E(OK "Transfer-Encoding: gzip, chunked\r\n\r\n", "error(501)"),
        E(OK "Transfer-Encoding: identity\r\n\r\n", "error(501)"),
        E(OK "Transfer-Encoding: chunked\t\r\n\r\n", "error(501)"),
        E(OK "Transfer-Encoding:\r\n\r\n", "error(400)"),
        E("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "error(400)"),
        E("HTTP/1.1 204 x\r\nContent-Length: 1\r\n\r\n", "error(400)"),
        E("HTTP/1.1 204 x\r\nTransfer-Encoding: chunked\r\n\r\n", "error(400)"),
    };
    expect("G", EXAMPLES, COUNT(EXAMPLES));
    expect("H", EXAMPLES, COUNT(EXAMPLES));
}

static void malformed_chunks_are_refused(void **state) {
    (void)state;
    static const struct http1_example EXAMPLES[] = {
        E(CHUNKED "\r\n\r\n", CHUNKED_HEAD "error(400)"),
        E(CHUNKED "g\r\n", CHUNKED_HEAD "error(400)"),
        E(CHUNKED "0x1\r\na\r\n0\r\n\r\n", CHUNKED_HEAD "error(400)"),
        E(CHUNKED "1 \r\na\r\n0\r\n\r\n", CHUNKED_HEAD "error(400)"),
        E(CHUNKED "1\na\r\n0\r\n\r\n", CHUNKED_HEAD "error(400)"),
        E(CHUNKED "1\r\nab\r\n0\r\n\r\n", CHUNKED_HEAD "error(400)"),
        E(CHUNKED "1\r\na\n0\r\n\r\n", CHUNKED_HEAD "error(400)"),
        E(CHUNKED "10000000000000001\r\na\r\n", CHUNKED_HEAD "error(400)"),
        E(CHUNKED "1;\x01\r\na\r\n", CHUNKED_HEAD "error(400)"),
        E(CHUNKED "0\r\nX : y\r\n\r\n", CHUNKED_HEAD "error(400)"),
        E(CHUNKED "0\r\n\n", CHUNKED_HEAD "error(400)"),
    };
    expect("G", EXAMPLES, COUNT(EXAMPLES));
}

/* ---- limits and memory ---- */

static void heads_are_limited(void **state) {
    (void)state;
    static const char FIELD[] = OK "Content-Length: 0\r\nX: ";
    size_t fits = HEAD_BYTES - strlen(FIELD) - 4;
    expect_repeated(&LIMITS, FIELD, "x", fits, "\r\n\r\n", EMPTY_EVENTS);
    expect_repeated(&LIMITS, FIELD, "x", fits + 1, "\r\n\r\n", "error(431)");
    expect_repeated(&LIMITS, FIELD, "x", 100000, "", "error(431)");
    expect_repeated(&LIMITS, "HTTP/1.1 200 ", "x", 100000, "", "error(431)");
    expect_repeated(&LIMITS, "", "\r\n", 50000, "", "error(431)");
    expect_repeated(&LIMITS, OK "Content-Length: 0\r\n", "X: y\r\n", HEADERS - 1, "\r\n",
                    EMPTY_EVENTS);
    expect_repeated(&LIMITS, OK "Content-Length: 0\r\n", "X: y\r\n", HEADERS, "\r\n", "error(431)");
    /* Each interim response has the limit for itself. */
    expect_repeated(&LIMITS, "HTTP/1.1 103 x\r\n", "X: y\r\n", HEADERS, "\r\n" EMPTY, EMPTY_EVENTS);
    expect_repeated(&LIMITS, "HTTP/1.1 103 x\r\n", "X: y\r\n", HEADERS + 1, "\r\n" EMPTY,
                    "error(431)");
    struct http1_limits none = {0, 0, 0};
    http1_events_expect(&none, "G", SIO_TEXT(EMPTY), "error(431)");
}

static void bodies_are_limited(void **state) {
    (void)state;
    static const struct http1_example EXAMPLES[] = {
        E(OK "Content-Length: 21\r\n\r\n", "head(200 1.1 keep-alive length=21) error(413)"),
        E(OK "Content-Length: 18446744073709551615\r\n\r\nabc",
          "head(200 1.1 keep-alive length=18446744073709551615) error(413)"),
        E(CHUNKED "15\r\n", CHUNKED_HEAD "error(413)"),
        E(CHUNKED "a\r\n0123456789\r\nffffffffffffffff\r\n0", CHUNKED_HEAD "error(413)"),
        E(OK "\r\n012345678901234567890", "head(200 1.1 close) error(413)"),
    };
    expect("G", EXAMPLES, COUNT(EXAMPLES));
    expect_repeated(&LIMITS, CHUNKED "1;e=\"", "e", 100000, "", CHUNKED_HEAD "error(431)");
    expect_repeated(&LIMITS, CHUNKED "0\r\n", "X: y\r\n", 1000, "", CHUNKED_HEAD "error(431)");
    expect_repeated(&LIMITS, OK "\r\n", "x", 100000, "", "head(200 1.1 close) error(413)");
}

static void body_until_the_end_is_given_up_to_the_limit(void **state) {
    (void)state;
    static const char WIRE[] = OK "\r\n0123456789012345678901";
    static const size_t HEAD = sizeof(OK "\r\n") - 1;
    struct http1_parser p;
    struct http1_result result;
    sio__http1_init_responses(&p, &LIMITS);
    assert_int_equal(sio__http1_parse(&p, WIRE, strlen(WIRE), &result), HTTP1_HEAD);
    assert_int_equal(result.used, HEAD);
    assert_int_equal(sio__http1_parse(&p, WIRE + HEAD, 22, &result), HTTP1_BODY);
    assert_int_equal(result.used, BODY_BYTES);
    assert_ptr_equal(result.body.data, WIRE + HEAD);
    assert_int_equal(result.body.len, BODY_BYTES);
    assert_int_equal(sio__http1_parse(&p, WIRE + HEAD + 20, 2, &result), HTTP1_ERROR);
    assert_int_equal(result.status, 413);
    assert_int_equal(sio__http1_end(&p, &result), HTTP1_ERROR);
    assert_int_equal(result.status, 413);
    sio__http1_done(&p);
}

static void parser_between_responses_holds_little(void **state) {
    (void)state;
    torture_install();
    static const struct http1_limits LARGE = {HTTP1_HEAD_MAX, HTTP1_HEADERS_MAX, 100};
    struct http1_parser p;
    struct http1_result result;
    sio__http1_init_responses(&p, &LARGE);
    assert_int_equal(torture_blocks(), 0);
    for (int i = 0; i < HTTP1_INTERIM_MAX; i++) {
        struct text wire = http1_events_repeat("HTTP/1.1 103 x\r\n", "Name: Value\r\n", 1000, "\r");
        assert_int_equal(sio__http1_parse(&p, wire.data, wire.len, &result), HTTP1_MORE);
        free((char *)wire.data);
        assert_true(torture_bytes() > wire.len);
        assert_int_equal(sio__http1_parse(&p, "\n", 1, &result), HTTP1_MORE);
        assert_int_equal(torture_blocks(), 0);
    }
    assert_int_equal(sio__http1_parse(&p, EMPTY, strlen(EMPTY), &result), HTTP1_HEAD);
    assert_int_equal(p.head.field_count, 1);
    assert_int_equal(p.head.status, 200);
    assert_int_equal(sio__http1_parse(&p, NULL, 0, &result), HTTP1_DONE);
    sio__http1_done(&p);
    torture_uninstall();
}

/* A response in pieces of a size, behind an interim one; its body ends with the input. */
static int read_response(void *user) {
    static const char WIRE[] = CONTINUE OK "A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\nE: 5\r\n\r\nhello";
    const size_t *step = user;
    struct http1_parser p;
    struct http1_result result;
    sio__http1_init_responses(&p, &LIMITS);
    enum http1_event event = HTTP1_MORE;
    size_t end = 0;
    for (size_t at = 0; event != HTTP1_DONE && event != HTTP1_ERROR;) {
        if (event == HTTP1_MORE && end == strlen(WIRE)) {
            event = sio__http1_end(&p, &result);
            continue;
        }
        end = event == HTTP1_MORE ? end + *step : end;
        end = end < strlen(WIRE) ? end : strlen(WIRE);
        event = sio__http1_parse(&p, WIRE + at, end - at, &result);
        at += result.used;
    }
    int r = 0;
    if (event == HTTP1_ERROR) {
        assert_int_equal(result.status, 500);
        r = SIO_ERR_NOMEM;
    } else {
        assert_int_equal(p.head.field_count, 5);
    }
    sio__http1_done(&p);
    return r;
}

static void every_failure_of_memory_is_a_status_500(void **state) {
    (void)state;
    for (size_t step = 1; step < 120; step += 7) {
        torture_run(read_response, &step);
    }
}

/* ---- requests ---- */

static void request_lines_are_written(void **state) {
    (void)state;
    struct buf out;
    sio__buf_init(&out, 1000);
    assert_int_equal(sio__http1_write_request_line(&out, SIO_TEXT("GET"), SIO_TEXT("/")), 0);
    assert_int_equal(sio__http1_write_field(&out, SIO_TEXT("Host"), SIO_TEXT("a")), 0);
    assert_int_equal(sio__http1_write_end(&out), 0);
    assert_int_equal(sio__http1_write_request_line(&out, SIO_TEXT("POST"),
                                                   SIO_TEXT("/socket.io/?EIO=4&t=%20~!\"{}")),
                     0);
    assert_true(sio__text_eq(sio__buf_text(&out),
                             SIO_TEXT("GET / HTTP/1.1\r\nHost: a\r\n\r\n"
                                      "POST /socket.io/?EIO=4&t=%20~!\"{} HTTP/1.1\r\n")));
    sio__buf_done(&out);
}

static void request_lines_cannot_be_split(void **state) {
    (void)state;
    static const struct {
        struct text method;
        struct text target;
    } CASES[] = {
        {SIO_TEXT("GET"), SIO_TEXT("")},
        {SIO_TEXT("GET"), SIO_TEXT(" /")},
        {SIO_TEXT("GET"), SIO_TEXT("/ ")},
        {SIO_TEXT("GET"), SIO_TEXT("/a b")},
        {SIO_TEXT("GET"), SIO_TEXT("/\t")},
        {SIO_TEXT("GET"), SIO_TEXT("/\r\nX: y")},
        {SIO_TEXT("GET"), SIO_TEXT("/\r")},
        {SIO_TEXT("GET"), SIO_TEXT("/\n")},
        {SIO_TEXT("GET"), SIO_TEXT("/\0")},
        {SIO_TEXT("GET"), SIO_TEXT("/\x7f")},
        {SIO_TEXT("GET"), SIO_TEXT("/\xc3\xa4")},
        {SIO_TEXT("GET"), SIO_TEXT("/a#b")},
        {SIO_TEXT(""), SIO_TEXT("/")},
        {SIO_TEXT("GET "), SIO_TEXT("/")},
        {SIO_TEXT("GE\nT"), SIO_TEXT("/")},
        {SIO_TEXT("G\0T"), SIO_TEXT("/")},
    };
    struct buf out;
    sio__buf_init(&out, 1000);
    for (size_t i = 0; i < COUNT(CASES); i++) {
        int r = sio__http1_write_request_line(&out, CASES[i].method, CASES[i].target);
        assert_int_equal(r, SIO_ERR_INVALID);
        assert_int_equal(out.len, 0);
    }
    sio__buf_done(&out);
}

static void request_lines_are_written_wholly_or_not(void **state) {
    (void)state;
    struct buf out;
    sio__buf_init(&out, 15);
    assert_int_equal(sio__http1_write_request_line(&out, SIO_TEXT("GET"), SIO_TEXT("/")),
                     SIO_ERR_TOO_BIG);
    assert_int_equal(out.len, 0);
    sio__buf_done(&out);
    sio__buf_init(&out, 16);
    assert_int_equal(sio__http1_write_request_line(&out, SIO_TEXT("GET"), SIO_TEXT("/")), 0);
    assert_int_equal(out.len, 16);
    sio__buf_done(&out);
}

/* What is written is read back by the other side. */
static void written_heads_are_read(void **state) {
    (void)state;
    struct buf out;
    struct http1_parser p;
    struct http1_result result;
    sio__buf_init(&out, 1000);
    assert_int_equal(sio__http1_write_request_line(&out, SIO_TEXT("POST"), SIO_TEXT("/x?y")), 0);
    assert_int_equal(sio__http1_write_field(&out, SIO_TEXT("Host"), SIO_TEXT("a:1")), 0);
    assert_int_equal(sio__http1_write_length(&out, 7), 0);
    assert_int_equal(sio__http1_write_end(&out), 0);
    sio__http1_init(&p, &LIMITS);
    assert_int_equal(sio__http1_parse(&p, (const char *)out.data, out.len, &result), HTTP1_HEAD);
    assert_true(sio__text_eq(p.head.method, SIO_TEXT("POST")));
    assert_true(sio__text_eq(p.head.target, SIO_TEXT("/x?y")));
    assert_int_equal(p.head.content_length, 7);
    sio__http1_done(&p);
    sio__http1_init_responses(&p, &LIMITS);
    for (int status = 200; status <= 999; status++) {
        sio__buf_clear(&out);
        assert_int_equal(sio__http1_write_status(&out, status), 0);
        assert_int_equal(sio__http1_write_length(&out, 0), 0);
        assert_int_equal(sio__http1_write_end(&out), 0);
        assert_int_equal(sio__http1_parse(&p, (const char *)out.data, out.len, &result),
                         HTTP1_HEAD);
        assert_int_equal(p.head.status, status);
        assert_int_equal(sio__http1_end(&p, &result), HTTP1_DONE);
        sio__http1_next_message(&p);
    }
    sio__http1_done(&p);
    sio__buf_done(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_lines_are_read),
        cmocka_unit_test(connections_persist_as_both_sides_say),
        cmocka_unit_test(bodies_of_known_length_are_read),
        cmocka_unit_test(chunked_bodies_are_read),
        cmocka_unit_test(body_without_length_goes_on_until_the_input_ends),
        cmocka_unit_test(messages_that_have_no_body_end_with_their_head),
        cmocka_unit_test(method_counts_for_one_response),
        cmocka_unit_test(messages_follow_each_other),
        cmocka_unit_test(interim_responses_are_skipped),
        cmocka_unit_test(number_of_interim_responses_is_limited),
        cmocka_unit_test(upgrades_leave_the_rest_untouched),
        cmocka_unit_test(truncated_messages_are_refused),
        cmocka_unit_test(end_between_messages_is_an_error_too),
        cmocka_unit_test(malformed_status_lines_are_refused),
        cmocka_unit_test(other_versions_are_refused),
        cmocka_unit_test(malformed_fields_are_refused),
        cmocka_unit_test(ambiguous_bodies_are_refused),
        cmocka_unit_test(malformed_chunks_are_refused),
        cmocka_unit_test(heads_are_limited),
        cmocka_unit_test(bodies_are_limited),
        cmocka_unit_test(body_until_the_end_is_given_up_to_the_limit),
        cmocka_unit_test_teardown(parser_between_responses_holds_little, torture_teardown),
        cmocka_unit_test_teardown(every_failure_of_memory_is_a_status_500, torture_teardown),
        cmocka_unit_test(request_lines_are_written),
        cmocka_unit_test(request_lines_cannot_be_split),
        cmocka_unit_test(request_lines_are_written_wholly_or_not),
        cmocka_unit_test(written_heads_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
