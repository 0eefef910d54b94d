/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Decoding of captured packets, payloads and heads of WebSocket frames: what is said of each, and
 * where what is malformed is said to be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sio/decode.h>
#include <sio/error.h>

#include "base/text.h"
#include "support/torture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define NO_ID UINT64_MAX

static void assert_slice(const char *data, size_t len, const char *expected, const char *packet) {
    size_t expected_len = expected ? strlen(expected) : 0;
    if (len != expected_len || (len > 0 && memcmp(data, expected, len) != 0) ||
        (expected == NULL) != (data == NULL)) {
        fail_msg("%s: '%.*s' instead of '%s'", packet, (int)len, data ? data : "",
                 expected ? expected : "nothing");
    }
}

/* ---- well-formed packets ---- */

static const struct {
    const char *packet;
    const char *engine_name;
    int engine;
    const char *data;
} ENGINE[] = {
    {"0{\"sid\":\"x\"}", "open", 0, "{\"sid\":\"x\"}"},
    {"1", "close", 1, ""},
    {"2", "ping", 2, ""},
    {"2probe", "ping", 2, "probe"},
    {"3probe", "pong", 3, "probe"},
    {"5", "upgrade", 5, ""},
    {"6", "noop", 6, ""},
};

static void packets_of_the_engine_have_type_and_data(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(ENGINE); i++) {
        sio_decoded d = {.size = sizeof(d)};
        const char *packet = ENGINE[i].packet;
        assert_int_equal(sio_decode_packet(packet, strlen(packet), 0, &d), 0);
        assert_int_equal(d.engine, ENGINE[i].engine);
        assert_string_equal(d.engine_name, ENGINE[i].engine_name);
        assert_slice(d.data, d.data_len, ENGINE[i].data, packet);
        assert_int_equal(d.type, -1);
        assert_string_equal(d.type_name, "");
        assert_null(d.nsp);
        assert_null(d.rule);
    }
}

static const struct {
    const char *packet;
    int type;
    const char *type_name;
    uint32_t attachments;
    uint64_t id;
    const char *nsp;
    const char *event;
    const char *json;
} INNER[] = {
    {"0", 0, "CONNECT", 0, NO_ID, "/", NULL, NULL},
    {"0/chat,{\"a\":1}", 0, "CONNECT", 0, NO_ID, "/chat", NULL, "{\"a\":1}"},
    {"1/chat,", 1, "DISCONNECT", 0, NO_ID, "/chat", NULL, NULL},
    {"2[\"news\"]", 2, "EVENT", 0, NO_ID, "/", "\"news\"", NULL},
    {"2[\"news\",1,\"x\"]", 2, "EVENT", 0, NO_ID, "/", "\"news\"", "1,\"x\""},
    {"2/c,12[ \"a\\\"b\" , {} ]", 2, "EVENT", 0, 12, "/c", "\"a\\\"b\"", " {} "},
    {"2[7,8]", 2, "EVENT", 0, NO_ID, "/", "7", "8"},
    {"30[]", 3, "ACK", 0, 0, "/", NULL, NULL},
    {"3/c,5[1,[2]]", 3, "ACK", 0, 5, "/c", NULL, "1,[2]"},
    {"4{\"message\":\"no\"}", 4, "CONNECT_ERROR", 0, NO_ID, "/", NULL, "{\"message\":\"no\"}"},
    {"52-/c,1[\"x\",2]", 5, "BINARY_EVENT", 2, 1, "/c", "\"x\"", "2"},
    {"61-9[3]", 6, "BINARY_ACK", 1, 9, "/", NULL, "3"},
    {"5999-[\"x\"]", 5, "BINARY_EVENT", 999, NO_ID, "/", "\"x\"", NULL},
};

static void messages_are_taken_apart(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(INNER); i++) {
        char outer[80] = "4";
        strcat(outer, INNER[i].packet);
        for (unsigned inner = 0; inner < 2; inner++) {
            const char *packet = inner ? INNER[i].packet : outer;
            sio_decoded d = {.size = sizeof(d)};
            assert_int_equal(
                sio_decode_packet(packet, strlen(packet), inner ? SIO_DECODE_INNER : 0, &d), 0);
            assert_int_equal(d.engine, inner ? -1 : 4);
            assert_int_equal(d.type, INNER[i].type);
            assert_string_equal(d.type_name, INNER[i].type_name);
            assert_int_equal(d.attachments, INNER[i].attachments);
            assert_int_equal(d.has_id, INNER[i].id != NO_ID);
            assert_int_equal(d.id, d.has_id ? INNER[i].id : 0);
            assert_slice(d.nsp, d.nsp_len, INNER[i].nsp, packet);
            assert_slice(d.event, d.event_len, INNER[i].event, packet);
            assert_slice(d.json, d.json_len, INNER[i].json, packet);
            assert_null(d.rule);
        }
    }
}

static void bytes_come_as_base64_or_as_they_are(void **state) {
    (void)state;
    sio_decoded d = {.size = sizeof(d)};
    assert_int_equal(sio_decode_packet("bAQIDBA==", 9, 0, &d), 0);
    assert_true(d.binary && d.base64);
    assert_int_equal(d.bytes, 4);
    assert_slice(d.data, d.data_len, "AQIDBA==", "base64");
    assert_int_equal(sio_decode_packet("4\xff", 2, SIO_DECODE_BINARY, &d), 0);
    assert_true(d.binary && !d.base64);
    assert_int_equal(d.bytes, 2);
    assert_int_equal(d.engine, 4);
    assert_slice(d.data, d.data_len, "4\xff", "bytes");
}

/* ---- malformed ones ---- */

static const struct {
    struct text packet;
    int status;
    size_t position;
    const char *rule; /* a part of it */
} MALFORMED[] = {
    {SIO_TEXT(""), SIO_ERR_PROTO, 0, "has a type"},
    {SIO_TEXT("7"), SIO_ERR_PROTO, 0, "unknown Engine.IO"},
    {SIO_TEXT("x"), SIO_ERR_PROTO, 0, "unknown Engine.IO"},
    {SIO_TEXT("0"), SIO_ERR_JSON, 1, "unexpected end"},
    {SIO_TEXT("0[]"), SIO_ERR_PROTO, 1, "handshake"},
    {SIO_TEXT("0{\"sid\":}"), SIO_ERR_JSON, 8, "unexpected character"},
    {SIO_TEXT("bAQ*D"), SIO_ERR_PROTO, 3, "base64"},
    {SIO_TEXT("bAQIDB"), SIO_ERR_PROTO, 6, "base64"},
    {SIO_TEXT("4"), SIO_ERR_PROTO, 1, "has a type"},
    {SIO_TEXT("47"), SIO_ERR_PROTO, 1, "unknown packet type"},
    {SIO_TEXT("42[\"\xff\"]"), SIO_ERR_PROTO, 4, "UTF-8"},
    {SIO_TEXT("42[\"a\xe2\x82"), SIO_ERR_PROTO, 7, "UTF-8"},
    {SIO_TEXT("45[\"x\"]"), SIO_ERR_PROTO, 2, "Illegal attachments"},
    {SIO_TEXT("4512[\"x\"]"), SIO_ERR_PROTO, 4, "Illegal attachments"},
    {SIO_TEXT("450-[\"x\"]"), SIO_ERR_PROTO, 2, "at least one"},
    {SIO_TEXT("459999999999-[]"), SIO_ERR_PROTO, 2, "too many"},
    {SIO_TEXT("42/c,9007199254740992[\"x\"]"), SIO_ERR_PROTO, 5, "acknowledgement id"},
    {SIO_TEXT("451-/c,9007199254740992[\"x\"]"), SIO_ERR_PROTO, 7, "acknowledgement id"},
    {SIO_TEXT("41/c,{}"), SIO_ERR_PROTO, 5, "DISCONNECT"},
    {SIO_TEXT("415x"), SIO_ERR_PROTO, 3, "DISCONNECT"},
    {SIO_TEXT("40[]"), SIO_ERR_PROTO, 2, "CONNECT has an object"},
    {SIO_TEXT("42{}"), SIO_ERR_PROTO, 2, "EVENT"},
    {SIO_TEXT("42[]"), SIO_ERR_PROTO, 2, "EVENT"},
    {SIO_TEXT("42[\"connect\"]"), SIO_ERR_PROTO, 2, "EVENT"},
    {SIO_TEXT("43{}"), SIO_ERR_PROTO, 2, "ACK"},
    {SIO_TEXT("441[]"), SIO_ERR_PROTO, 3, "CONNECT_ERROR"},
    {SIO_TEXT("44 1"), SIO_ERR_PROTO, 2, "CONNECT_ERROR"},
    {SIO_TEXT("42[\"a\",}]"), SIO_ERR_JSON, 7, "unexpected character"},
    {SIO_TEXT("42[\"a\""), SIO_ERR_JSON, 6, "unexpected end"},
    {SIO_TEXT("42[\"a\n\"]"), SIO_ERR_JSON, 5, "string"},
    {SIO_TEXT("42[\"a\"]x"), SIO_ERR_JSON, 7, "follows"},
};

static void errors_have_a_rule_and_a_position(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(MALFORMED); i++) {
        struct text packet = MALFORMED[i].packet;
        sio_decoded d = {.size = sizeof(d)};
        int r = sio_decode_packet(packet.data, packet.len, 0, &d);
        const char *rule = d.rule ? d.rule : "none";
        if (r != MALFORMED[i].status || d.position != MALFORMED[i].position ||
            !strstr(rule, MALFORMED[i].rule)) {
            fail_msg("%s: %d at %zu: %s", packet.data, r, d.position, rule);
        }
    }
}

static void what_came_before_an_error_is_told(void **state) {
    (void)state;
    sio_decoded d = {.size = sizeof(d)};
    assert_int_equal(sio_decode_packet("42/c,7[\"a\",]", 12, 0, &d), SIO_ERR_JSON);
    assert_string_equal(d.engine_name, "message");
    assert_string_equal(d.type_name, "EVENT");
    assert_int_equal(d.id, 7);
    assert_slice(d.nsp, d.nsp_len, "/c", "namespace");
    assert_null(d.event);
}

static void arguments_are_checked_and_sizes_obeyed(void **state) {
    (void)state;
    sio_decoded d = {.size = sizeof(d)};
    assert_int_equal(sio_decode_packet(NULL, 0, 0, &d), SIO_ERR_INVALID);
    assert_int_equal(sio_decode_packet("2", 1, 0, NULL), SIO_ERR_INVALID);
    d.size = 0;
    assert_int_equal(sio_decode_packet("2", 1, 0, &d), SIO_ERR_INVALID);
    /* of an older program, which knows nothing behind the first members */
    memset(&d, 0x55, sizeof(d));
    d.size = offsetof(sio_decoded, engine_name);
    assert_int_equal(sio_decode_packet("2", 1, 0, &d), 0);
    assert_int_equal(d.engine, 2);
    assert_int_equal(d.type, 0x55555555);
}

static int decode_everything(void *user) {
    (void)user;
    static const char *const PACKETS[] = {"0{}", "bAQ==", "42[\"a\",1]", "42[\"a\",}]", "0{"};
    int r = 0;
    for (size_t i = 0; i < COUNT(PACKETS) && r != SIO_ERR_NOMEM; i++) {
        sio_decoded d = {.size = sizeof(d)};
        r = sio_decode_packet(PACKETS[i], strlen(PACKETS[i]), 0, &d);
    }
    return r == SIO_ERR_NOMEM ? r : 0;
}

static void decoding_survives_every_failing_allocation(void **state) {
    (void)state;
    torture_run(decode_everything, NULL);
}

/* ---- payloads ---- */

static void payloads_are_divided(void **state) {
    (void)state;
    static const char PAYLOAD[] = "4a\x1e\x1e"
                                  "2";
    static const struct {
        const char *packet;
        size_t offset;
    } EXPECTED[] = {{"4a", 0}, {"", 3}, {"2", 4}};
    sio_payload_iter it = {0};
    for (size_t i = 0; i < COUNT(EXPECTED); i++) {
        assert_true(sio_decode_payload(PAYLOAD, sizeof(PAYLOAD) - 1, &it));
        assert_slice(it.packet, it.len, EXPECTED[i].packet, PAYLOAD);
        assert_int_equal(it.offset, EXPECTED[i].offset);
        assert_int_equal(it.index, i + 1);
    }
    assert_false(sio_decode_payload(PAYLOAD, sizeof(PAYLOAD) - 1, &it));
}

static void an_empty_payload_has_one_empty_packet(void **state) {
    (void)state;
    sio_payload_iter it = {0};
    assert_true(sio_decode_payload(NULL, 0, &it));
    assert_non_null(it.packet);
    assert_int_equal(it.len, 0);
    assert_false(sio_decode_payload(NULL, 0, &it));
}

/* ---- frames ---- */

static const struct {
    struct text bytes;
    int status;
    size_t head_len;
    uint64_t len;
    const char *name;
    bool fin;
    unsigned rsv;
    bool masked;
    const char *rule; /* a part of it */
} FRAMES[] = {
    {SIO_TEXT("\x81\x05"), 0, 2, 5, "text", true, 0, false, NULL},
    {SIO_TEXT("\x02\x00"), 0, 2, 0, "binary", false, 0, false, NULL},
    {SIO_TEXT("\x80\x81"
              "abcd"),
     0, 6, 1, "continuation", true, 0, true, NULL},
    {SIO_TEXT("\xc1\x7e\x01\x00"), 0, 4, 256, "text", true, 4, false, NULL},
    {SIO_TEXT("\x82\x7f\0\0\0\0\0\x01\0\0"), 0, 10, 65536, "binary", true, 0, false, NULL},
    {SIO_TEXT("\x88\x02"), 0, 2, 2, "close", true, 0, false, NULL},
    {SIO_TEXT("\x8a\x7d"), 0, 2, 125, "pong", true, 0, false, NULL},
    {SIO_TEXT("\x83\x00"), SIO_ERR_PROTO, 2, 0, "reserved", true, 0, false, "opcode"},
    {SIO_TEXT("\x91\x00"), SIO_ERR_PROTO, 2, 0, "text", true, 1, false, "reserved bits"},
    {SIO_TEXT("\xc9\x00"), SIO_ERR_PROTO, 2, 0, "ping", true, 4, false, "reserved bits"},
    {SIO_TEXT("\x09\x00"), SIO_ERR_PROTO, 2, 0, "ping", false, 0, false, "not fragmented"},
    {SIO_TEXT("\x89\x7e\0\x7e"), SIO_ERR_PROTO, 4, 126, "ping", true, 0, false, "at most 125"},
    {SIO_TEXT("\x81\x7e\0\x7d"), SIO_ERR_PROTO, 4, 125, "text", true, 0, false, "fewest"},
    {SIO_TEXT("\x81\x7f\0\0\0\0\0\0\xff\xff"), SIO_ERR_PROTO, 10, 65535, "text", true, 0, false,
     "fewest"},
    {SIO_TEXT("\x81\x7f\x80\0\0\0\0\0\0\0"), SIO_ERR_PROTO, 10, UINT64_C(1) << 63, "text", true, 0,
     false, "63 bits"},
};

static void heads_of_frames_are_read_when_they_are_whole(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(FRAMES); i++) {
        sio_ws_head head = {.size = sizeof(head)};
        struct text bytes = FRAMES[i].bytes;
        for (size_t len = 0; len < bytes.len; len++) {
            assert_int_equal(sio_decode_ws(bytes.data, len, &head), 1);
        }
        assert_int_equal(sio_decode_ws(bytes.data, bytes.len, &head), FRAMES[i].status);
        assert_int_equal(head.head_len, FRAMES[i].head_len);
        assert_true(head.len == FRAMES[i].len);
        assert_string_equal(head.name, FRAMES[i].name);
        assert_int_equal(head.fin, FRAMES[i].fin);
        assert_int_equal(head.rsv, FRAMES[i].rsv);
        assert_int_equal(head.masked, FRAMES[i].masked);
        assert_int_equal(head.rule == NULL, FRAMES[i].rule == NULL);
        assert_true(head.rule == NULL || strstr(head.rule, FRAMES[i].rule));
    }
}

static void payload_is_unmasked_in_pieces(void **state) {
    (void)state;
    /* the example of RFC 6455 5.7 */
    uint8_t frame[] = {0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58};
    sio_ws_head head = {.size = sizeof(head)};
    assert_int_equal(sio_decode_ws(frame, sizeof(frame), &head), 0);
    sio_decode_ws_unmask(&head, frame + 6, 3, 0);
    sio_decode_ws_unmask(&head, frame + 9, 2, 3);
    assert_memory_equal(frame + 6, "Hello", 5);
    head.masked = false;
    sio_decode_ws_unmask(&head, frame + 6, 5, 0);
    assert_memory_equal(frame + 6, "Hello", 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_of_the_engine_have_type_and_data),
        cmocka_unit_test(messages_are_taken_apart),
        cmocka_unit_test(bytes_come_as_base64_or_as_they_are),
        cmocka_unit_test(errors_have_a_rule_and_a_position),
        cmocka_unit_test(what_came_before_an_error_is_told),
        cmocka_unit_test(arguments_are_checked_and_sizes_obeyed),
        cmocka_unit_test_teardown(decoding_survives_every_failing_allocation, torture_teardown),
        cmocka_unit_test(payloads_are_divided),
        cmocka_unit_test(an_empty_payload_has_one_empty_packet),
        cmocka_unit_test(heads_of_frames_are_read_when_they_are_whole),
        cmocka_unit_test(payload_is_unmasked_in_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
