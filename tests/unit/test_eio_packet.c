/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Engine.IO packets: the vectors of the protocol's document, and what must be refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sio/error.h>

#include "proto/eio_packet.h"
#include "support/torture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct vector {
    struct text encoded;
    enum eio_packet_type type;
    bool binary;
    struct text data;
};

static const struct vector VECTORS[] = {
    {SIO_TEXT("0{\"sid\":\"x\"}"), EIO_OPEN, false, SIO_TEXT("{\"sid\":\"x\"}")},
    {SIO_TEXT("1"), EIO_CLOSE, false, SIO_TEXT("")},
    {SIO_TEXT("2"), EIO_PING, false, SIO_TEXT("")},
    {SIO_TEXT("2probe"), EIO_PING, false, SIO_TEXT("probe")},
    {SIO_TEXT("3"), EIO_PONG, false, SIO_TEXT("")},
    {SIO_TEXT("3probe"), EIO_PONG, false, SIO_TEXT("probe")},
    {SIO_TEXT("4"), EIO_MESSAGE, false, SIO_TEXT("")},
    {SIO_TEXT("4hello"), EIO_MESSAGE, false, SIO_TEXT("hello")},
    {SIO_TEXT("4\xe2\x82\xac"), EIO_MESSAGE, false, SIO_TEXT("\xe2\x82\xac")},
    {SIO_TEXT("4b"), EIO_MESSAGE, false, SIO_TEXT("b")},
    {SIO_TEXT("4a\0b"), EIO_MESSAGE, false, SIO_TEXT("a\0b")},
    {SIO_TEXT("461-"), EIO_MESSAGE, false, SIO_TEXT("61-")},
    {SIO_TEXT("5"), EIO_UPGRADE, false, SIO_TEXT("")},
    {SIO_TEXT("6"), EIO_NOOP, false, SIO_TEXT("")},
    {SIO_TEXT("b"), EIO_MESSAGE, true, SIO_TEXT("")},
    {SIO_TEXT("bAQIDBA=="), EIO_MESSAGE, true, SIO_TEXT("\x01\x02\x03\x04")},
    {SIO_TEXT("bAQID"), EIO_MESSAGE, true, SIO_TEXT("\x01\x02\x03")},
    {SIO_TEXT("bAQI="), EIO_MESSAGE, true, SIO_TEXT("\x01\x02")},
    {SIO_TEXT("b+/+/"), EIO_MESSAGE, true, SIO_TEXT("\xfb\xff\xbf")},
};

static const struct text MALFORMED[] = {
    SIO_TEXT(""),      SIO_TEXT("7"),           SIO_TEXT("8x"),     SIO_TEXT("9"),
    SIO_TEXT("abc"),   SIO_TEXT(" 4hello"),     SIO_TEXT("/"),      SIO_TEXT(":"),
    SIO_TEXT("\0"),    SIO_TEXT("B"),           SIO_TEXT("\xff"),   SIO_TEXT("-1"),
    SIO_TEXT("bA"),    SIO_TEXT("bAQID!"),      SIO_TEXT("bAQ ID"), SIO_TEXT("bAQID\n"),
    SIO_TEXT("b===="), SIO_TEXT("bA==="),       SIO_TEXT("b-_-_"),  SIO_TEXT("bAQ==AQ=="),
    SIO_TEXT("bAR=="), SIO_TEXT("b\xc3\xa9xx"),
};

/* The input at the end of an allocation of its own, where a checker sees bytes read too far. */
static char *exact_copy(struct text in) {
    char *copy = malloc(in.len > 0 ? in.len : 1);
    assert_non_null(copy);
    if (in.len > 0) {
        memcpy(copy, in.data, in.len);
    }
    return copy;
}

static void assert_text_equal(struct text actual, struct text expected) {
    assert_int_equal(actual.len, expected.len);
    assert_memory_equal(actual.data, expected.data, expected.len);
}

static void packets_of_the_protocol_are_decoded(void **state) {
    (void)state;
    struct buf bytes;
    sio__buf_init(&bytes, 64);
    for (size_t i = 0; i < COUNT(VECTORS); i++) {
        const struct vector *v = &VECTORS[i];
        char *copy = exact_copy(v->encoded);
        struct eio_packet packet;
        assert_int_equal(
            sio__eio_packet_decode((struct text){copy, v->encoded.len}, &bytes, &packet), 0);
        assert_int_equal(packet.type, v->type);
        assert_int_equal(packet.binary, v->binary);
        assert_text_equal(packet.data, v->data);
        assert_non_null(packet.data.data);
        free(copy);
    }
    sio__buf_done(&bytes);
}

static void packets_of_the_protocol_are_encoded(void **state) {
    (void)state;
    struct buf out;
    sio__buf_init(&out, 64);
    for (size_t i = 0; i < COUNT(VECTORS); i++) {
        const struct vector *v = &VECTORS[i];
        struct eio_packet packet = {.type = v->type, .binary = v->binary, .data = v->data};
        sio__buf_clear(&out);
        assert_int_equal(sio__eio_packet_append(&out, &packet), 0);
        assert_text_equal(sio__buf_text(&out), v->encoded);
        assert_int_equal(sio__eio_packet_size(&packet), v->encoded.len);
    }
    sio__buf_done(&out);
}

static void encoding_accepts_absent_data(void **state) {
    (void)state;
    struct buf out;
    sio__buf_init(&out, 64);
    struct eio_packet ping = {.type = EIO_PING};
    struct eio_packet bytes = {.type = EIO_MESSAGE, .binary = true};
    assert_int_equal(sio__eio_packet_append(&out, &ping), 0);
    assert_int_equal(sio__eio_packet_append(&out, &bytes), 0);
    assert_text_equal(sio__buf_text(&out), SIO_TEXT("2b"));
    sio__buf_done(&out);
}

static void malformed_packets_are_refused(void **state) {
    (void)state;
    struct buf bytes;
    sio__buf_init(&bytes, 64);
    for (size_t i = 0; i < COUNT(MALFORMED); i++) {
        char *copy = exact_copy(MALFORMED[i]);
        struct eio_packet packet = {.type = EIO_NOOP};
        struct text in = {copy, MALFORMED[i].len};
        assert_int_equal(sio__eio_packet_decode(in, &bytes, &packet), SIO_ERR_PROTO);
        assert_int_equal(packet.type, EIO_NOOP);
        free(copy);
    }
    sio__buf_done(&bytes);
}

static void missing_padding_of_base64_is_accepted(void **state) {
    (void)state;
    struct buf bytes;
    sio__buf_init(&bytes, 64);
    struct eio_packet packet;
    assert_int_equal(sio__eio_packet_decode(SIO_TEXT("bAQIDBA"), &bytes, &packet), 0);
    assert_true(packet.binary);
    assert_text_equal(packet.data, SIO_TEXT("\x01\x02\x03\x04"));
    sio__buf_done(&bytes);
}

static void binary_in_text_is_refused_without_a_buffer(void **state) {
    (void)state;
    struct eio_packet packet;
    assert_int_equal(sio__eio_packet_decode(SIO_TEXT("bAQID"), NULL, &packet), SIO_ERR_PROTO);
    assert_int_equal(sio__eio_packet_decode(SIO_TEXT("4x"), NULL, &packet), 0);
}

static void binary_over_the_limit_of_the_buffer_is_refused(void **state) {
    (void)state;
    struct buf bytes;
    sio__buf_init(&bytes, 16);
    struct eio_packet packet;
    assert_int_equal(sio__eio_packet_decode(SIO_TEXT("bAQIDAQIDAQIDAQID"), &bytes, &packet), 0);
    assert_int_equal(packet.data.len, 12);
    assert_int_equal(sio__eio_packet_decode(SIO_TEXT("bAQIDAQIDAQIDAQIDAQID"), &bytes, &packet),
                     SIO_ERR_TOO_BIG);
    sio__buf_done(&bytes);
}

static void encoding_over_the_limit_appends_nothing(void **state) {
    (void)state;
    struct buf out;
    sio__buf_init(&out, 8);
    assert_int_equal(sio__buf_append_str(&out, "head"), 0);
    struct eio_packet text = {.type = EIO_MESSAGE, .data = SIO_TEXT("1234")};
    struct eio_packet binary = {.type = EIO_MESSAGE, .binary = true, .data = SIO_TEXT("1")};
    assert_int_equal(sio__eio_packet_append(&out, &text), SIO_ERR_TOO_BIG);
    assert_int_equal(sio__eio_packet_append(&out, &binary), SIO_ERR_TOO_BIG);
    assert_text_equal(sio__buf_text(&out), SIO_TEXT("head"));
    text.data.len = 3;
    assert_int_equal(sio__eio_packet_append(&out, &text), 0);
    assert_text_equal(sio__buf_text(&out), SIO_TEXT("head4123"));
    sio__buf_done(&out);
}

static int round_trip_of_binary(void *user) {
    (void)user;
    struct buf out;
    struct buf bytes;
    sio__buf_init(&out, 1000);
    sio__buf_init(&bytes, 1000);
    struct eio_packet sent = {
        .type = EIO_MESSAGE, .binary = true, .data = SIO_TEXT("\x00\xff\x1e")};
    struct eio_packet received;
    int r = sio__eio_packet_append(&out, &sent);
    if (r == 0) {
        r = sio__eio_packet_decode(sio__buf_text(&out), &bytes, &received);
    }
    if (r == 0) {
        assert_text_equal(received.data, sent.data);
    }
    sio__buf_done(&out);
    sio__buf_done(&bytes);
    return r;
}

static void lack_of_memory_is_reported(void **state) {
    (void)state;
    torture_run(round_trip_of_binary, NULL);
}

static void types_have_the_names_of_the_reference(void **state) {
    (void)state;
    static const char *const NAMES[] = {"open",    "close",   "ping", "pong",
                                        "message", "upgrade", "noop"};
    for (size_t i = 0; i < COUNT(NAMES); i++) {
        assert_string_equal(sio__eio_packet_name((enum eio_packet_type)i), NAMES[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_of_the_protocol_are_decoded),
        cmocka_unit_test(packets_of_the_protocol_are_encoded),
        cmocka_unit_test(encoding_accepts_absent_data),
        cmocka_unit_test(malformed_packets_are_refused),
        cmocka_unit_test(missing_padding_of_base64_is_accepted),
        cmocka_unit_test(binary_in_text_is_refused_without_a_buffer),
        cmocka_unit_test(binary_over_the_limit_of_the_buffer_is_refused),
        cmocka_unit_test(encoding_over_the_limit_appends_nothing),
        cmocka_unit_test_teardown(lack_of_memory_is_reported, torture_teardown),
        cmocka_unit_test(types_have_the_names_of_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
