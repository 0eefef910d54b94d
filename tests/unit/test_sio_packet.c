/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The head of Socket.IO packets: examples of the protocol's document, malformed input (among it
 * what advisories on implementations of the protocol were about), and the shape of the JSON.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sio/error.h>

#include "proto/sio_packet.h"
#include "proto/value.h"
#include "support/torture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define NO_ID UINT64_MAX

struct vector {
    const char *text;
    enum sio_packet_type type;
    uint32_t attachments;
    const char *nsp;
    uint64_t id; /* or NO_ID */
    const char *json;
};

/* Written as the encoder writes them. */
static const struct vector CANONICAL[] = {
    {"0", SIO_PACKET_CONNECT, 0, "/", NO_ID, ""},
    {"0{\"token\":\"123\"}", SIO_PACKET_CONNECT, 0, "/", NO_ID, "{\"token\":\"123\"}"},
    {"0/admin,{\"token\":\"abc\"}", SIO_PACKET_CONNECT, 0, "/admin", NO_ID, "{\"token\":\"abc\"}"},
    {"0/admin,", SIO_PACKET_CONNECT, 0, "/admin", NO_ID, ""},
    {"0/a?x=1&y=2,", SIO_PACKET_CONNECT, 0, "/a?x=1&y=2", NO_ID, ""},
    {"0{\"sid\":\"wZX3oN0bSVIhsaknAAAI\"}", SIO_PACKET_CONNECT, 0, "/", NO_ID,
     "{\"sid\":\"wZX3oN0bSVIhsaknAAAI\"}"},
    {"1", SIO_PACKET_DISCONNECT, 0, "/", NO_ID, ""},
    {"1/admin,", SIO_PACKET_DISCONNECT, 0, "/admin", NO_ID, ""},
    {"2[\"foo\",1]", SIO_PACKET_EVENT, 0, "/", NO_ID, "[\"foo\",1]"},
    {"2[\"echo\",\"xxx\"]", SIO_PACKET_EVENT, 0, "/", NO_ID, "[\"echo\",\"xxx\"]"},
    {"2[", SIO_PACKET_EVENT, 0, "/", NO_ID, "["},
    {"212[\"foo\"]", SIO_PACKET_EVENT, 0, "/", 12, "[\"foo\"]"},
    {"20[\"foo\"]", SIO_PACKET_EVENT, 0, "/", 0, "[\"foo\"]"},
    {"2/admin,456[\"project:delete\",123]", SIO_PACKET_EVENT, 0, "/admin", 456,
     "[\"project:delete\",123]"},
    {"2/a,[\"x\"]", SIO_PACKET_EVENT, 0, "/a", NO_ID, "[\"x\"]"},
    {"2/a/b-c_d.\xc3\xa9,1[\"x\"]", SIO_PACKET_EVENT, 0, "/a/b-c_d.\xc3\xa9", 1, "[\"x\"]"},
    {"3/admin,13[\"bar\"]", SIO_PACKET_ACK, 0, "/admin", 13, "[\"bar\"]"},
    {"3/admin,456[]", SIO_PACKET_ACK, 0, "/admin", 456, "[]"},
    {"30[]", SIO_PACKET_ACK, 0, "/", 0, "[]"},
    {"4{\"message\":\"Not authorized\"}", SIO_PACKET_CONNECT_ERROR, 0, "/", NO_ID,
     "{\"message\":\"Not authorized\"}"},
    {"4/x,{\"message\":\"Invalid namespace\"}", SIO_PACKET_CONNECT_ERROR, 0, "/x", NO_ID,
     "{\"message\":\"Invalid namespace\"}"},
    {"4/no,\"plain\"", SIO_PACKET_CONNECT_ERROR, 0, "/no", NO_ID, "\"plain\""},
    {"51-[\"baz\",{\"_placeholder\":true,\"num\":0}]", SIO_PACKET_BINARY_EVENT, 1, "/", NO_ID,
     "[\"baz\",{\"_placeholder\":true,\"num\":0}]"},
    {"51-/admin,456[\"project:delete\",{\"_placeholder\":true,\"num\":0}]", SIO_PACKET_BINARY_EVENT,
     1, "/admin", 456, "[\"project:delete\",{\"_placeholder\":true,\"num\":0}]"},
    {"510-[\"x\"]", SIO_PACKET_BINARY_EVENT, 10, "/", NO_ID, "[\"x\"]"},
    {"61-/admin,456[{\"_placeholder\":true,\"num\":0}]", SIO_PACKET_BINARY_ACK, 1, "/admin", 456,
     "[{\"_placeholder\":true,\"num\":0}]"},
    {"61-", SIO_PACKET_BINARY_ACK, 1, "/", NO_ID, ""},
    {"2", SIO_PACKET_EVENT, 0, "/", NO_ID, ""},
    {"3", SIO_PACKET_ACK, 0, "/", NO_ID, ""},
    {"2999999999999999[\"x\"]", SIO_PACKET_EVENT, 0, "/", UINT64_C(999999999999999), "[\"x\"]"},
    {"31000000000000000[]", SIO_PACKET_ACK, 0, "/", UINT64_C(1000000000000000), "[]"},
    {"29007199254740991[\"x\"]", SIO_PACKET_EVENT, 0, "/", SIO_PACKET_MAX_ID, "[\"x\"]"},
    {"312", SIO_PACKET_ACK, 0, "/", 12, ""},
};

/* Accepted, although no encoder writes them. */
static const struct vector LENIENT[] = {
    {"0/random", SIO_PACKET_CONNECT, 0, "/random", NO_ID, ""},
    {"0/", SIO_PACKET_CONNECT, 0, "/", NO_ID, ""},
    {"0/,", SIO_PACKET_CONNECT, 0, "/", NO_ID, ""},
    {"0/,{}", SIO_PACKET_CONNECT, 0, "/", NO_ID, "{}"},
    {"1/a", SIO_PACKET_DISCONNECT, 0, "/a", NO_ID, ""},
    {"15", SIO_PACKET_DISCONNECT, 0, "/", 5, ""},
    {"2007[\"x\"]", SIO_PACKET_EVENT, 0, "/", 7, "[\"x\"]"},
    {"20000000000000000000000000000000001[]", SIO_PACKET_EVENT, 0, "/", 1, "[]"},
    {"2 [\"x\"]", SIO_PACKET_EVENT, 0, "/", NO_ID, " [\"x\"]"},
    {"21 [\"x\"]", SIO_PACKET_EVENT, 0, "/", 1, " [\"x\"]"},
    {"2abc[\"x\"]", SIO_PACKET_EVENT, 0, "/", NO_ID, "abc[\"x\"]"},
    {"2-1[\"x\"]", SIO_PACKET_EVENT, 0, "/", NO_ID, "-1[\"x\"]"},
    {"2/a[\"x\",1]", SIO_PACKET_EVENT, 0, "/a[\"x\"", 1, "]"},
    {"501-[\"x\"]", SIO_PACKET_BINARY_EVENT, 1, "/", NO_ID, "[\"x\"]"},
    {"5000000000000000000000000000002-[\"x\"]", SIO_PACKET_BINARY_EVENT, 2, "/", NO_ID, "[\"x\"]"},
    {"2}", SIO_PACKET_EVENT, 0, "/", NO_ID, "}"},
};

static const struct {
    struct text text;
    enum packet_error error;
} MALFORMED[] = {
    {SIO_TEXT(""), PACKET_UNKNOWN_TYPE},
    {SIO_TEXT("7"), PACKET_UNKNOWN_TYPE},
    {SIO_TEXT("8[]"), PACKET_UNKNOWN_TYPE},
    {SIO_TEXT("9{}"), PACKET_UNKNOWN_TYPE},
    {SIO_TEXT("abc"), PACKET_UNKNOWN_TYPE},
    {SIO_TEXT("/"), PACKET_UNKNOWN_TYPE},
    {SIO_TEXT(":"), PACKET_UNKNOWN_TYPE},
    {SIO_TEXT(" 2[]"), PACKET_UNKNOWN_TYPE},
    {SIO_TEXT("\0"), PACKET_UNKNOWN_TYPE},
    {SIO_TEXT("\xff["), PACKET_UNKNOWN_TYPE},
    {SIO_TEXT("[\"x\"]"), PACKET_UNKNOWN_TYPE},
    {SIO_TEXT("5"), PACKET_ILLEGAL_ATTACHMENTS},
    {SIO_TEXT("6"), PACKET_ILLEGAL_ATTACHMENTS},
    {SIO_TEXT("5-"), PACKET_ILLEGAL_ATTACHMENTS},
    {SIO_TEXT("5[\"x\"]"), PACKET_ILLEGAL_ATTACHMENTS},
    {SIO_TEXT("50-[\"x\"]"), PACKET_ILLEGAL_ATTACHMENTS},
    {SIO_TEXT("50-[\"x\",{\"_placeholder\":true,\"num\":0}]"), PACKET_ILLEGAL_ATTACHMENTS},
    {SIO_TEXT("500000-[]"), PACKET_ILLEGAL_ATTACHMENTS},
    {SIO_TEXT("60-[]"), PACKET_ILLEGAL_ATTACHMENTS},
    {SIO_TEXT("5--1-[]"), PACKET_ILLEGAL_ATTACHMENTS},
    {SIO_TEXT("5+1-[]"), PACKET_ILLEGAL_ATTACHMENTS},
    {SIO_TEXT("51.5-[]"), PACKET_ILLEGAL_ATTACHMENTS},
    {SIO_TEXT("51e0-[]"), PACKET_ILLEGAL_ATTACHMENTS},
    {SIO_TEXT("50x1-[]"), PACKET_ILLEGAL_ATTACHMENTS},
    {SIO_TEXT("5 1-[]"), PACKET_ILLEGAL_ATTACHMENTS},
    {SIO_TEXT("51 -[]"), PACKET_ILLEGAL_ATTACHMENTS},
    {SIO_TEXT("51"), PACKET_ILLEGAL_ATTACHMENTS},
    {SIO_TEXT("51[\"x\"]"), PACKET_ILLEGAL_ATTACHMENTS},
    {SIO_TEXT("51/a,-[]"), PACKET_ILLEGAL_ATTACHMENTS},
    {SIO_TEXT("5999999999999999999999999"), PACKET_ILLEGAL_ATTACHMENTS},
    {SIO_TEXT("5NaN-[]"), PACKET_ILLEGAL_ATTACHMENTS},
    {SIO_TEXT("5Infinity-[]"), PACKET_ILLEGAL_ATTACHMENTS},
    {SIO_TEXT("511-[\"x\"]"), PACKET_TOO_MANY_ATTACHMENTS},
    {SIO_TEXT("611-[]"), PACKET_TOO_MANY_ATTACHMENTS},
    {SIO_TEXT("59999999-"), PACKET_TOO_MANY_ATTACHMENTS},
    {SIO_TEXT("54294967297-[]"), PACKET_TOO_MANY_ATTACHMENTS},
    {SIO_TEXT("518446744073709551617-[]"), PACKET_TOO_MANY_ATTACHMENTS},
    {SIO_TEXT("29007199254740992[\"x\"]"), PACKET_ILLEGAL_ID},
    {SIO_TEXT("218446744073709551617[\"x\"]"), PACKET_ILLEGAL_ID},
    {SIO_TEXT("3/a,99999999999999999999999999999999999999[]"), PACKET_ILLEGAL_ID},
    {SIO_TEXT("1{}"), PACKET_INVALID_PAYLOAD},
    {SIO_TEXT("1/a,[]"), PACKET_INVALID_PAYLOAD},
    {SIO_TEXT("1 "), PACKET_INVALID_PAYLOAD},
};

static enum packet_error decode(struct text text, struct sio_packet *ret) {
    return sio__packet_decode(text.data, text.len, SIO_PACKET_MAX_ATTACHMENTS, ret);
}

/* The input at the end of an allocation of its own, where a checker sees bytes read too far. */
static struct text exact_copy(struct text in) {
    char *copy = malloc(in.len > 0 ? in.len : 1);
    assert_non_null(copy);
    memcpy(copy, in.data, in.len);
    return (struct text){copy, in.len};
}

static void assert_text_equal(struct text actual, const char *expected) {
    assert_int_equal(actual.len, strlen(expected));
    assert_memory_equal(actual.data, expected, actual.len);
}

static void assert_decodes(const struct vector *v) {
    struct text in = exact_copy(sio__text_of(v->text));
    struct sio_packet packet;
    assert_int_equal(decode(in, &packet), PACKET_OK);
    assert_int_equal(packet.type, v->type);
    assert_int_equal(packet.attachments, v->attachments);
    assert_text_equal(packet.nsp, v->nsp);
    assert_int_equal(packet.has_id, v->id != NO_ID);
    assert_true(packet.id == (v->id == NO_ID ? 0 : v->id));
    assert_text_equal(packet.json, v->json);
    free((char *)in.data);
}

static void packets_of_the_protocol_are_decoded(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(CANONICAL); i++) {
        assert_decodes(&CANONICAL[i]);
    }
}

static void unusual_spellings_are_decoded(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(LENIENT); i++) {
        assert_decodes(&LENIENT[i]);
    }
}

static void malformed_heads_are_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(MALFORMED); i++) {
        struct text in = exact_copy(MALFORMED[i].text);
        struct sio_packet packet = {.attachments = 77};
        assert_int_equal(decode(in, &packet), MALFORMED[i].error);
        assert_int_equal(packet.attachments, 77);
        free((char *)in.data);
    }
    struct sio_packet packet;
    assert_int_equal(sio__packet_decode(NULL, 0, 10, &packet), PACKET_UNKNOWN_TYPE);
}

static void every_beginning_of_a_packet_is_decoded_within_its_bounds(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(CANONICAL); i++) {
        struct text whole = sio__text_of(CANONICAL[i].text);
        for (size_t len = 0; len < whole.len; len++) {
            struct text in = exact_copy((struct text){whole.data, len});
            struct sio_packet packet;
            if (decode(in, &packet) == PACKET_OK) {
                assert_ptr_equal(packet.json.data + packet.json.len, in.data + len);
            } else {
                assert_true(len == 0 || in.data[0] == '5' || in.data[0] == '6');
            }
            free((char *)in.data);
        }
    }
}

static void limit_of_attachments_is_the_callers(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint32_t max;
        enum packet_error error;
    } CASES[] = {
        {"51-[]", 0, PACKET_TOO_MANY_ATTACHMENTS},
        {"51-[]", 1, PACKET_OK},
        {"52-[]", 1, PACKET_TOO_MANY_ATTACHMENTS},
        {"511-[]", 11, PACKET_OK},
        {"54294967295-[]", UINT32_MAX, PACKET_OK},
        {"54294967296-[]", UINT32_MAX, PACKET_TOO_MANY_ATTACHMENTS},
        {"5184467440737095516150-[]", UINT32_MAX, PACKET_TOO_MANY_ATTACHMENTS},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        struct text in = sio__text_of(CASES[i].text);
        struct sio_packet packet;
        assert_int_equal(sio__packet_decode(in.data, in.len, CASES[i].max, &packet),
                         CASES[i].error);
    }
}

static void megabyte_of_digits_or_namespace_is_no_burden(void **state) {
    (void)state;
    enum { LEN = 1000000 };
    char *text = malloc(LEN);
    assert_non_null(text);
    struct sio_packet packet;
    memset(text, '9', LEN);
    text[0] = '5';
    assert_int_equal(decode((struct text){text, LEN}, &packet), PACKET_ILLEGAL_ATTACHMENTS);
    text[LEN - 1] = '-';
    assert_int_equal(decode((struct text){text, LEN}, &packet), PACKET_TOO_MANY_ATTACHMENTS);
    text[0] = '2';
    assert_int_equal(decode((struct text){text, LEN}, &packet), PACKET_ILLEGAL_ID);
    memset(text, '0', LEN);
    text[0] = '3';
    assert_int_equal(decode((struct text){text, LEN}, &packet), PACKET_OK);
    assert_true(packet.has_id && packet.id == 0 && packet.json.len == 0);
    memset(text, '/', LEN);
    text[0] = '0';
    assert_int_equal(decode((struct text){text, LEN}, &packet), PACKET_OK);
    assert_int_equal(packet.nsp.len, LEN - 1);
    free(text);
}

static void heads_are_encoded_as_the_protocol_has_them(void **state) {
    (void)state;
    struct buf out;
    sio__buf_init(&out, 1000);
    for (size_t i = 0; i < COUNT(CANONICAL); i++) {
        const struct vector *v = &CANONICAL[i];
        sio__buf_clear(&out);
        assert_int_equal(sio__packet_head(&out, v->type, v->attachments, sio__text_of(v->nsp),
                                          v->id != NO_ID, v->id),
                         0);
        assert_int_equal(sio__buf_append_str(&out, v->json), 0);
        assert_text_equal(sio__buf_text(&out), v->text);
    }
    sio__buf_done(&out);
}

static void head_of_the_main_namespace_names_none(void **state) {
    (void)state;
    struct buf out;
    sio__buf_init(&out, 100);
    assert_int_equal(sio__packet_head(&out, SIO_PACKET_EVENT, 3, SIO_TEXT("/"), false, 9), 0);
    assert_int_equal(sio__packet_head(&out, SIO_PACKET_ACK, 0, (struct text){0}, true, 9), 0);
    assert_text_equal(sio__buf_text(&out), "239");
    sio__buf_done(&out);
}

static void head_over_the_limit_appends_nothing(void **state) {
    (void)state;
    struct buf out;
    sio__buf_init(&out, 12);
    assert_int_equal(
        sio__packet_head(&out, SIO_PACKET_BINARY_ACK, 12, SIO_TEXT("/admin"), true, 12),
        SIO_ERR_TOO_BIG);
    assert_int_equal(out.len, 0);
    assert_int_equal(sio__packet_head(&out, SIO_PACKET_BINARY_ACK, 1, SIO_TEXT("/admin"), true, 12),
                     0);
    assert_text_equal(sio__buf_text(&out), "61-/admin,12");
    sio__buf_done(&out);
}

static void greatest_numbers_are_written_in_full(void **state) {
    (void)state;
    struct buf out;
    sio__buf_init(&out, 100);
    assert_int_equal(sio__packet_head(&out, SIO_PACKET_BINARY_EVENT, UINT32_MAX, SIO_TEXT("/a"),
                                      true, UINT64_MAX),
                     0);
    assert_text_equal(sio__buf_text(&out), "54294967295-/a,18446744073709551615");
    sio__buf_done(&out);
}

#define ON(type)  (1u << SIO_PACKET_##type)
#define ON_EVENTS (ON(EVENT) | ON(BINARY_EVENT))
#define ON_ACKS   (ON(ACK) | ON(BINARY_ACK))

static const struct {
    const char *json;
    unsigned accepted; /* by these types of packets, no others */
} SHAPES[] = {
    {"{}", ON(CONNECT) | ON(CONNECT_ERROR)},
    {"{\"token\":1}", ON(CONNECT) | ON(CONNECT_ERROR)},
    {"{\"_placeholder\":true,\"num\":0}", ON(CONNECT) | ON(CONNECT_ERROR)},
    {"\"x\"", ON(CONNECT_ERROR)},
    {"\"\"", ON(CONNECT_ERROR)},
    {"null", 0},
    {"true", 0},
    {"false", 0},
    {"1", 0},
    {"1.5", 0},
    {"[]", ON_ACKS},
    {"[\"x\"]", ON_EVENTS | ON_ACKS},
    {"[\"\"]", ON_EVENTS | ON_ACKS},
    {"[\"x\",1,{},[]]", ON_EVENTS | ON_ACKS},
    {"[1,2]", ON_EVENTS | ON_ACKS},
    {"[-1]", ON_EVENTS | ON_ACKS},
    {"[1.5]", ON_EVENTS | ON_ACKS},
    {"[1e300]", ON_EVENTS | ON_ACKS},
    /* the event name is of another type (CVE-2023-32695) */
    {"[{\"toString\":\"foo\"}]", ON_ACKS},
    {"[{}]", ON_ACKS},
    {"[[]]", ON_ACKS},
    {"[[\"x\"]]", ON_ACKS},
    {"[null]", ON_ACKS},
    {"[true]", ON_ACKS},
    {"[false,\"x\"]", ON_ACKS},
    {"[{\"_placeholder\":true,\"num\":0}]", ON_ACKS},
    /* reserved, also when escaped; and what is near to them */
    {"[\"connect\"]", ON_ACKS},
    {"[\"connect_error\",1]", ON_ACKS},
    {"[\"disconnect\"]", ON_ACKS},
    {"[\"disconnecting\"]", ON_ACKS},
    {"[\"newListener\"]", ON_ACKS},
    {"[\"removeListener\"]", ON_ACKS},
    {"[\"\\u0063onnect\"]", ON_ACKS},
    {"[\"connect\\u0000\"]", ON_EVENTS | ON_ACKS},
    {"[\"Connect\"]", ON_EVENTS | ON_ACKS},
    {"[\"connecting\"]", ON_EVENTS | ON_ACKS},
    {"[\"connected\"]", ON_EVENTS | ON_ACKS},
    {"[\"x\",\"connect\"]", ON_EVENTS | ON_ACKS},
    {"[\"error\"]", ON_EVENTS | ON_ACKS},
    {"[\"__proto__\"]", ON_EVENTS | ON_ACKS},
};

static void json_must_have_the_shape_of_its_packet_type(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(SHAPES); i++) {
        struct value_doc doc;
        assert_int_equal(sio__value_parse(NULL, SHAPES[i].json, strlen(SHAPES[i].json), &doc), 0);
        for (unsigned type = SIO_PACKET_CONNECT; type <= SIO_PACKET_BINARY_ACK; type++) {
            enum packet_error error = sio__packet_check_shape((enum sio_packet_type)type, doc.root);
            bool accepted = (SHAPES[i].accepted & 1u << type) != 0;
            assert_int_equal(error, accepted ? PACKET_OK : PACKET_INVALID_PAYLOAD);
        }
        sio__value_release(&doc);
    }
}

static void every_type_may_come_without_json(void **state) {
    (void)state;
    for (unsigned type = SIO_PACKET_CONNECT; type <= SIO_PACKET_BINARY_ACK; type++) {
        assert_int_equal(sio__packet_check_shape((enum sio_packet_type)type, NULL), PACKET_OK);
    }
}

static void errors_have_the_texts_of_the_reference(void **state) {
    (void)state;
    static const struct {
        enum packet_error error;
        const char *text;
    } TEXTS[] = {
        {PACKET_OK, "success"},
        {PACKET_UNKNOWN_TYPE, "unknown packet type"},
        {PACKET_ILLEGAL_ATTACHMENTS, "Illegal attachments"},
        {PACKET_TOO_MANY_ATTACHMENTS, "too many attachments"},
        {PACKET_ILLEGAL_ID, "Illegal acknowledgement id"},
        {PACKET_INVALID_PAYLOAD, "invalid payload"},
        {PACKET_TEXT_WHILE_PENDING, "got plaintext data when reconstructing a packet"},
        {PACKET_BINARY_UNEXPECTED, "got binary data when not reconstructing a packet"},
        {PACKET_ATTACHMENTS_TOO_BIG, "attachments are too big"},
        {PACKET_PLACEHOLDER, "illegal attachments"},
        {PACKET_NOMEM, "out of memory"},
    };
    for (size_t i = 0; i < COUNT(TEXTS); i++) {
        assert_string_equal(sio__packet_error_text(TEXTS[i].error), TEXTS[i].text);
    }
}

static int write_a_head(void *user) {
    (void)user;
    struct buf out;
    sio__buf_init(&out, 1000);
    int r = sio__packet_head(&out, SIO_PACKET_EVENT, 0, SIO_TEXT("/a"), true, 1);
    assert_int_equal(out.len, r == 0 ? 5 : 0);
    sio__buf_done(&out);
    return r;
}

static void lack_of_memory_is_reported(void **state) {
    (void)state;
    torture_run(write_a_head, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_of_the_protocol_are_decoded),
        cmocka_unit_test(unusual_spellings_are_decoded),
        cmocka_unit_test(malformed_heads_are_refused),
        cmocka_unit_test(every_beginning_of_a_packet_is_decoded_within_its_bounds),
        cmocka_unit_test(limit_of_attachments_is_the_callers),
        cmocka_unit_test(megabyte_of_digits_or_namespace_is_no_burden),
        cmocka_unit_test(heads_are_encoded_as_the_protocol_has_them),
        cmocka_unit_test(head_of_the_main_namespace_names_none),
        cmocka_unit_test(head_over_the_limit_appends_nothing),
        cmocka_unit_test(greatest_numbers_are_written_in_full),
        cmocka_unit_test(json_must_have_the_shape_of_its_packet_type),
        cmocka_unit_test(every_type_may_come_without_json),
        cmocka_unit_test(errors_have_the_texts_of_the_reference),
        cmocka_unit_test_teardown(lack_of_memory_is_reported, torture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
