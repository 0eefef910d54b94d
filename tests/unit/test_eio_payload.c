/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Payloads of long-polling: joining, splitting, and where splitting stops.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sio/error.h>

#include "proto/eio_payload.h"
#include "support/torture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* "\x1e" before a letter a-f would be read as a longer escape. */
#define RS "\x1e"

struct vector {
    struct text body;
    const char *packets; /* type and data of each packet, with '|' behind it; binary has type 'b' */
    int end;             /* result behind the last packet: 0 or an error */
};

static const struct vector VECTORS[] = {
    {SIO_TEXT("4hello" RS "2" RS "bAQIDBA=="), "4hello|2|b\x01\x02\x03\x04|", 0},
    {SIO_TEXT("4hello"), "4hello|", 0},
    {SIO_TEXT("4a" RS "4b" RS "4c"), "4a|4b|4c|", 0},
    {SIO_TEXT("2" RS "4\xe2\x82\xac"), "2|4\xe2\x82\xac|", 0},
    {SIO_TEXT("6" RS "1"), "6|1|", 0},
    {SIO_TEXT("451-[\"x\",{\"_placeholder\":true,\"num\":0}]" RS "bAQ=="),
     "451-[\"x\",{\"_placeholder\":true,\"num\":0}]|b\x01|", 0},
    {SIO_TEXT("b" RS "b"), "b|b|", 0},
    /* the empty body is one empty packet */
    {SIO_TEXT(""), "", SIO_ERR_PROTO},
    {SIO_TEXT(RS), "", SIO_ERR_PROTO},
    {SIO_TEXT(RS "4a"), "", SIO_ERR_PROTO},
    {SIO_TEXT("4a" RS), "4a|", SIO_ERR_PROTO},
    {SIO_TEXT("4a" RS RS "4b"), "4a|", SIO_ERR_PROTO},
    /* packets before a bad one count, those behind it do not */
    {SIO_TEXT("4a" RS "7" RS "4b"), "4a|", SIO_ERR_PROTO},
    {SIO_TEXT("4a" RS "abc" RS "4b"), "4a|", SIO_ERR_PROTO},
    {SIO_TEXT("4a" RS "b!!!!" RS "4b"), "4a|", SIO_ERR_PROTO},
    {SIO_TEXT("abc"), "", SIO_ERR_PROTO},
    /* UTF-8: overlong, surrogate, truncated, stray continuation */
    {SIO_TEXT("4a" RS "4\xc0\x80"), "4a|", SIO_ERR_PROTO},
    {SIO_TEXT("4\xed\xa0\x80"), "", SIO_ERR_PROTO},
    {SIO_TEXT("4\xe2\x82" RS "4b"), "", SIO_ERR_PROTO},
    {SIO_TEXT("4a\x80"), "", SIO_ERR_PROTO},
};

static void assert_text_equal(struct text actual, struct text expected) {
    assert_int_equal(actual.len, expected.len);
    assert_memory_equal(actual.data, expected.data, expected.len);
}

/* Reads a whole body into the notation of the table; returns what ended it. */
static int describe(struct text body, struct buf *description) {
    struct buf bytes;
    sio__buf_init(&bytes, body.len + 8);
    struct eio_payload payload;
    sio__eio_payload_init(&payload, body, &bytes);
    struct eio_packet packet;
    int r = sio__eio_payload_next(&payload, &packet);
    for (; r == 1; r = sio__eio_payload_next(&payload, &packet)) {
        uint8_t type = packet.binary ? 'b' : (uint8_t)('0' + packet.type);
        assert_int_equal(sio__buf_push(description, type), 0);
        assert_int_equal(sio__buf_append_text(description, packet.data), 0);
        assert_int_equal(sio__buf_push(description, '|'), 0);
    }
    assert_int_equal(sio__eio_payload_next(&payload, &packet), r); /* and so it stays */
    sio__buf_done(&bytes);
    return r;
}

static void payloads_are_split_up_to_the_first_error(void **state) {
    (void)state;
    struct buf description;
    sio__buf_init(&description, 1000);
    for (size_t i = 0; i < COUNT(VECTORS); i++) {
        const struct vector *v = &VECTORS[i];
        char *copy = malloc(v->body.len + 1);
        assert_non_null(copy);
        memcpy(copy + 1, v->body.data, v->body.len);
        sio__buf_clear(&description);
        assert_int_equal(describe((struct text){copy + 1, v->body.len}, &description), v->end);
        assert_text_equal(sio__buf_text(&description), sio__text_of(v->packets));
        free(copy);
    }
    sio__buf_done(&description);
}

static void absent_body_is_an_empty_packet(void **state) {
    (void)state;
    struct buf description;
    sio__buf_init(&description, 10);
    assert_int_equal(describe((struct text){NULL, 0}, &description), SIO_ERR_PROTO);
    assert_int_equal(description.len, 0);
}

static void million_tiny_packets_are_split_in_linear_time(void **state) {
    (void)state;
    enum { PACKETS = 1000000 };
    char *body = malloc(2 * PACKETS);
    assert_non_null(body);
    for (size_t i = 0; i < PACKETS; i++) {
        body[2 * i] = '6';
        body[2 * i + 1] = EIO_PAYLOAD_SEPARATOR;
    }
    struct eio_payload payload;
    sio__eio_payload_init(&payload, (struct text){body, 2 * PACKETS - 1}, NULL);
    struct eio_packet packet;
    size_t count = 0;
    while (sio__eio_payload_next(&payload, &packet) == 1) {
        assert_true(packet.type == EIO_NOOP && packet.data.len == 0);
        count++;
    }
    assert_int_equal(count, PACKETS);
    assert_int_equal(payload.error, 0);
    free(body);
}

static void packets_are_joined_with_separators_between(void **state) {
    (void)state;
    struct buf out;
    sio__buf_init(&out, 1000);
    assert_int_equal(sio__buf_append_str(&out, "HEAD"), 0);
    struct eio_packet ping = {.type = EIO_PING};
    assert_int_equal(sio__eio_payload_append_text(&out, 4, SIO_TEXT("4hello")), 0);
    assert_int_equal(sio__eio_payload_append(&out, 4, &ping), 0);
    assert_int_equal(sio__eio_payload_append_binary(&out, 4, "\x01\x02\x03\x04", 4), 0);
    assert_int_equal(sio__eio_payload_append_binary(&out, 4, NULL, 0), 0);
    assert_text_equal(sio__buf_text(&out), SIO_TEXT("HEAD4hello" RS "2" RS "bAQIDBA==" RS "b"));
    sio__buf_done(&out);
}

static void joining_over_the_limit_appends_nothing(void **state) {
    (void)state;
    struct buf out;
    sio__buf_init(&out, 8);
    struct eio_packet packet = {.type = EIO_MESSAGE, .data = SIO_TEXT("123456")};
    assert_int_equal(sio__eio_payload_append_text(&out, 0, SIO_TEXT("4a")), 0);
    assert_int_equal(sio__eio_payload_append_text(&out, 0, SIO_TEXT("412345")), SIO_ERR_TOO_BIG);
    assert_int_equal(sio__eio_payload_append(&out, 0, &packet), SIO_ERR_TOO_BIG);
    assert_int_equal(sio__eio_payload_append_binary(&out, 0, "1234", 4), SIO_ERR_TOO_BIG);
    assert_text_equal(sio__buf_text(&out), SIO_TEXT("4a"));
    assert_int_equal(sio__eio_payload_append_text(&out, 0, SIO_TEXT("41234")), 0);
    assert_text_equal(sio__buf_text(&out), SIO_TEXT("4a" RS "41234"));
    sio__buf_done(&out);
}

static void what_was_joined_is_split_into_the_same(void **state) {
    (void)state;
    struct buf out;
    struct buf bytes;
    sio__buf_init(&out, SIZE_MAX);
    sio__buf_init(&bytes, 1024);
    uint8_t data[256];
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t)i;
    }
    for (size_t len = 0; len <= sizeof data; len++) {
        assert_int_equal(sio__eio_payload_append_binary(&out, 0, data, len), 0);
    }
    struct eio_payload payload;
    sio__eio_payload_init(&payload, sio__buf_text(&out), &bytes);
    for (size_t len = 0; len <= sizeof data; len++) {
        struct eio_packet packet;
        assert_int_equal(sio__eio_payload_next(&payload, &packet), 1);
        assert_true(packet.binary);
        assert_text_equal(packet.data, (struct text){(const char *)data, len});
    }
    struct eio_packet packet;
    assert_int_equal(sio__eio_payload_next(&payload, &packet), 0);
    sio__buf_done(&out);
    sio__buf_done(&bytes);
}

static int read_and_write(void *user) {
    (void)user;
    struct buf out;
    struct buf bytes;
    sio__buf_init(&out, 1000);
    sio__buf_init(&bytes, 1000);
    int r = sio__eio_payload_append_text(&out, 0, SIO_TEXT("4x"));
    if (r == 0) {
        r = sio__eio_payload_append_binary(&out, 0, "abcdefghijklmnopqrstuvwxyz", 26);
    }
    struct eio_payload payload;
    struct eio_packet packet;
    sio__eio_payload_init(&payload, SIO_TEXT("4x" RS "bAQID" RS "4y"), &bytes);
    for (int more = r == 0; more;) {
        r = sio__eio_payload_next(&payload, &packet);
        more = r == 1;
    }
    sio__buf_done(&out);
    sio__buf_done(&bytes);
    return r;
}

static void lack_of_memory_ends_reading_and_writing(void **state) {
    (void)state;
    torture_run(read_and_write, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(payloads_are_split_up_to_the_first_error),
        cmocka_unit_test(absent_body_is_an_empty_packet),
        cmocka_unit_test(million_tiny_packets_are_split_in_linear_time),
        cmocka_unit_test(packets_are_joined_with_separators_between),
        cmocka_unit_test(joining_over_the_limit_appends_nothing),
        cmocka_unit_test(what_was_joined_is_split_into_the_same),
        cmocka_unit_test_teardown(lack_of_memory_ends_reading_and_writing, torture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
