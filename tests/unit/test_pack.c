/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Packing: texts of packets as the Socket.IO protocol gives them, every item of the formats, and
 * what a packer has to refuse.
 */
#include <float.h>
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sio/error.h>

#include "proto/pack.h"
#include "support/torture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define PLACEHOLDER(num) "{\"_placeholder\":true,\"num\":" #num "}"

static int pack_in(struct packer *p, const char *nsp, int64_t id, const char *event,
                   const char *format, ...) {
    va_list ap;
    va_start(ap, format);
    int r = event ? sio__pack_event(p, sio__text_of(nsp), id >= 0, (uint64_t)id,
                                    sio__text_of(event), format, &ap)
                  : sio__pack_ack(p, sio__text_of(nsp), (uint64_t)id, format, &ap);
    va_end(ap);
    return r;
}

#define PACK(p, ...) pack_in(p, "/", -1, "e", __VA_ARGS__)

static int pack_args(struct packer *p, const char *format, ...) {
    va_list ap;
    va_start(ap, format);
    int r = sio__pack_args(p, format, &ap);
    va_end(ap);
    return r;
}

static void assert_packet(const struct packer *p, const char *text) {
    struct text packet = sio__packer_text(p);
    if (!sio__text_eq(packet, sio__text_of(text))) {
        fail_msg("%.*s instead of %s", (int)packet.len, packet.data ? packet.data : "", text);
    }
}

static void assert_no_packet(const struct packer *p) {
    assert_int_equal(sio__packer_text(p).len, 0);
    assert_int_equal(p->attachments.len, 0);
}

static void assert_attachment(const struct packer *p, uint32_t i, const void *data, size_t len) {
    assert_true(i < p->attachments.len);
    assert_ptr_equal(p->attachments.items[i].data, data);
    assert_int_equal(p->attachments.items[i].len, len);
}

static int make_packer(void **state) {
    static struct packer p;
    sio__packer_init(&p, 10000);
    *state = &p;
    return 0;
}

static int free_packer(void **state) {
    sio__packer_done(*state);
    return 0;
}

/* A received event with its document; first: 1 for events, 0 for acknowledgements. */
struct received {
    struct value_doc doc;
    struct value_args args;
};

static struct received receive(const char *json, uint32_t first, const struct value_bytes *bytes,
                               uint32_t count) {
    struct received e;
    assert_int_equal(sio__value_parse(NULL, json, strlen(json), &e.doc), 0);
    if (count > 0) {
        assert_int_equal(sio__value_bind(&e.doc, bytes, count), 0);
    }
    e.args = (struct value_args){e.doc.root, sio__text_of(json), bytes, count, first};
    return e;
}

/* ---- packets ---- */

static void packets_are_written_as_the_protocol_has_them(void **state) {
    struct packer *p = *state;
    assert_int_equal(pack_in(p, "/", -1, "foo", ""), 0);
    assert_packet(p, "42[\"foo\"]");
    assert_int_equal(pack_in(p, "", -1, "foo", "i", 1), 0);
    assert_packet(p, "42[\"foo\",1]");
    assert_int_equal(pack_in(p, "/", 12, "foo", ""), 0);
    assert_packet(p, "4212[\"foo\"]");
    assert_int_equal(pack_in(p, "/admin", 456, "project:delete", "i", 123), 0);
    assert_packet(p, "42/admin,456[\"project:delete\",123]");
    assert_int_equal(pack_in(p, "/admin", -1, "x", ""), 0);
    assert_packet(p, "42/admin,[\"x\"]");
    assert_int_equal(pack_in(p, "/admin", 13, NULL, "s", "bar"), 0);
    assert_packet(p, "43/admin,13[\"bar\"]");
    assert_int_equal(pack_in(p, "/", 0, NULL, ""), 0);
    assert_packet(p, "430[]");
    assert_int_equal(pack_in(p, "/", -1, "baz", "B", "\1\2\3", (size_t)3), 0);
    assert_packet(p, "451-[\"baz\"," PLACEHOLDER(0) "]");
    assert_int_equal(pack_in(p, "/admin", 456, "project:delete", "B", "x", (size_t)1), 0);
    assert_packet(p, "451-/admin,456[\"project:delete\"," PLACEHOLDER(0) "]");
    assert_int_equal(pack_in(p, "/admin", 456, NULL, "B", "x", (size_t)1), 0);
    assert_packet(p, "461-/admin,456[" PLACEHOLDER(0) "]");
    assert_int_equal(pack_in(p, "/", INT64_MAX, "", ""), 0);
    assert_packet(p, "429223372036854775807[\"\"]");
}

static void packets_without_arguments_are_written_too(void **state) {
    struct packer *p = *state;
    assert_int_equal(sio__pack_connect(p, SIO_TEXT("/"), SIO_TEXT("{\"sid\":\"abc\"}")), 0);
    assert_packet(p, "40{\"sid\":\"abc\"}");
    assert_int_equal(sio__pack_connect(p, SIO_TEXT("/a"), SIO_TEXT("")), 0);
    assert_packet(p, "40/a,");
    assert_int_equal(sio__pack_disconnect(p, SIO_TEXT("/")), 0);
    assert_packet(p, "41");
    assert_int_equal(sio__pack_disconnect(p, SIO_TEXT("/admin")), 0);
    assert_packet(p, "41/admin,");
}

static void connect_errors_have_a_message_and_perhaps_data(void **state) {
    struct packer *p = *state;
    struct text nsp = SIO_TEXT("/x");
    struct text none = {0};
    assert_int_equal(sio__pack_connect_error(p, nsp, SIO_TEXT("Invalid namespace"), none), 0);
    assert_packet(p, "44/x,{\"message\":\"Invalid namespace\"}");
    assert_int_equal(
        sio__pack_connect_error(p, SIO_TEXT("/"), SIO_TEXT("no \"way\""), SIO_TEXT("{\"code\":7}")),
        0);
    assert_packet(p, "44{\"message\":\"no \\\"way\\\"\",\"data\":{\"code\":7}}");
    assert_int_equal(sio__pack_connect_error(p, nsp, none, none), 0);
    assert_packet(p, "44/x,{\"message\":\"\"}");
    assert_int_equal(sio__pack_connect_error(p, nsp, SIO_TEXT("\xff"), none), SIO_ERR_INVALID);
    assert_no_packet(p);
    assert_int_equal(sio__pack_connect_error(p, nsp, none, SIO_TEXT("{")), SIO_ERR_JSON);
    assert_no_packet(p);
}

static void arguments_alone_are_an_array(void **state) {
    struct packer *p = *state;
    assert_int_equal(pack_args(p, "si", "x", 1), 0);
    assert_packet(p, "[\"x\",1]");
    assert_int_equal(pack_args(p, ""), 0);
    assert_packet(p, "[]");
    assert_int_equal(pack_args(p, "B", "x", (size_t)1), 0);
    assert_packet(p, "[" PLACEHOLDER(0) "]");
    assert_attachment(p, 0, p->attachments.items[0].data, 1);
    assert_int_equal(pack_args(p, "i]", 1), SIO_ERR_FORMAT);
    assert_no_packet(p);
    assert_int_equal(pack_args(p, "Br", "x", (size_t)1, PLACEHOLDER(0)), SIO_ERR_INVALID);
    assert_no_packet(p);
}

static void number_of_attachments_may_have_many_digits(void **state) {
    struct packer *p = *state;
    static const struct value_bytes bytes[] = {{(const uint8_t *)"x", 1}};
    char json[5000] = "[";
    for (int i = 0; i < 123; i++) {
        strcat(json, PLACEHOLDER(0) ",");
    }
    json[strlen(json) - 1] = ']';
    struct received e = receive(json, 0, bytes, 1);
    assert_int_equal(PACK(p, "Ba", "y", (size_t)1, &e.args), 0);
    assert_int_equal(p->attachments.len, 124);
    struct text packet = sio__packer_text(p);
    assert_memory_equal(packet.data, "45124-[\"e\",", 11);
    assert_memory_equal(packet.data + packet.len - 6, ":123}]", 6);
    sio__value_release(&e.doc);
}

/* ---- items ---- */

static void every_letter_writes_its_type(void **state) {
    struct packer *p = *state;
    assert_int_equal(PACK(p, "ss#siuIUfbbn", "text", "a\0b", (size_t)3, "", INT_MIN, UINT_MAX,
                          INT64_MIN, UINT64_MAX, 1e21, 1, 0),
                     0);
    assert_packet(p, "42[\"e\",\"text\",\"a\\u0000b\",\"\",-2147483648,4294967295,"
                     "-9223372036854775808,18446744073709551615,1e+21,true,false,null]");
    assert_int_equal(PACK(p, "fffff", (double)NAN, (double)-INFINITY, -0.0, 0.1, 5e-324), 0);
    assert_packet(p, "42[\"e\",null,null,0,0.1,5e-324]");
    assert_int_equal(PACK(p, "bbb", -1, 256, INT_MIN), 0);
    assert_packet(p, "42[\"e\",true,true,true]");
}

static void brackets_make_objects_and_arrays(void **state) {
    struct packer *p = *state;
    assert_int_equal(PACK(p, "{s:s, s:[ii]}", "a", "b", "c", 1, 2), 0);
    assert_packet(p, "42[\"e\",{\"a\":\"b\",\"c\":[1,2]}]");
    assert_int_equal(PACK(p, "[]{}[[],{}]{s:{}}", "k"), 0);
    assert_packet(p, "42[\"e\",[],{},[[],{}],{\"k\":{}}]");
    assert_int_equal(
        PACK(p, " [ i , {s : i\t,s#:[{}{}]\n} ] ,,i", 1, "x", 2, "long key", (size_t)4, 3), 0);
    assert_packet(p, "42[\"e\",[1,{\"x\":2,\"long\":[{},{}]}],3]");
    assert_int_equal(PACK(p, "{s#:n,s:n}", NULL, (size_t)0, "\"\n"), 0);
    assert_packet(p, "42[\"e\",{\"\":null,\"\\\"\\n\":null}]");
    assert_int_equal(pack_in(p, "/", 1, NULL, "{s:i}i", "a", 1, 2), 0);
    assert_packet(p, "431[{\"a\":1},2]");
}

static void null_pointers_give_null_where_allowed(void **state) {
    struct packer *p = *state;
    const char *none = NULL;
    assert_int_equal(PACK(p, "s?s?s#?r?r#?v?B?B?", none, "x", none, (size_t)0, none, none,
                          (size_t)3, NULL, NULL, (size_t)0, "y", (size_t)1),
                     0);
    assert_packet(p, "451-[\"e\",null,\"x\",null,null,null,null,null," PLACEHOLDER(0) "]");
    assert_int_equal(PACK(p, "s#?r?r#?", "abc", (size_t)2, "[]", "{}x", (size_t)2), 0);
    assert_packet(p, "42[\"e\",\"ab\",[],{}]");
    assert_int_equal(PACK(p, "s#", none, (size_t)0), 0);
    assert_packet(p, "42[\"e\",\"\"]");
    static const char *const refused[] = {"s", "s#", "r", "r#", "v", "B", "a", "{s:i}", "{s#:i}"};
    for (size_t i = 0; i < COUNT(refused); i++) {
        assert_int_equal(PACK(p, refused[i], none, (size_t)1, 1), SIO_ERR_INVALID);
        assert_no_packet(p);
    }
}

static void bytes_become_attachments_in_order(void **state) {
    struct packer *p = *state;
    const char first[] = "one";
    const char second[] = "second";
    assert_int_equal(
        PACK(p, "{s:B,s:[B]}B", "a", first, sizeof(first), "b", second, (size_t)6, NULL, (size_t)0),
        0);
    assert_packet(
        p, "453-[\"e\",{\"a\":" PLACEHOLDER(0) ",\"b\":[" PLACEHOLDER(1) "]}," PLACEHOLDER(2) "]");
    assert_int_equal(p->attachments.len, 3);
    assert_attachment(p, 0, first, sizeof(first));
    assert_attachment(p, 1, second, 6);
    assert_attachment(p, 2, NULL, 0);
    assert_int_equal(PACK(p, "i", 1), 0);
    assert_packet(p, "42[\"e\",1]");
    assert_int_equal(p->attachments.len, 0);
}

static void raw_json_is_checked_and_taken_as_it_is(void **state) {
    struct packer *p = *state;
    assert_int_equal(PACK(p, "r{s:r#}i", " {\"a\" : [1.50] } ", "b", "\"\\ud800\"#", (size_t)8, 1),
                     0);
    assert_packet(p, "42[\"e\", {\"a\" : [1.50] } ,{\"b\":\"\\ud800\"},1]");
    static const char *const refused[] = {"", " ", "1,2", "]", "{", "'x'", "\"\xff\"", "1]", "nul"};
    for (size_t i = 0; i < COUNT(refused); i++) {
        assert_int_equal(PACK(p, "r", refused[i]), SIO_ERR_JSON);
        assert_no_packet(p);
    }
}

static void received_values_are_written_again(void **state) {
    struct packer *p = *state;
    static const struct value_bytes bytes[] = {{(const uint8_t *)"A", 1},
                                               {(const uint8_t *)"BC", 2}};
    struct received e = receive(
        "[\"x\",{\"k\":[1.0,\"\\u0041\"]}," PLACEHOLDER(1) "," PLACEHOLDER(1) "]", 1, bytes, 2);
    assert_int_equal(PACK(p, "v[v]{s:v}", sio_val_at(e.doc.root, 1), sio_val_at(e.doc.root, 0), "b",
                          sio_val_at(e.doc.root, 2)),
                     0);
    assert_packet(p, "451-[\"e\",{\"k\":[1,\"A\"]},[\"x\"],{\"b\":" PLACEHOLDER(0) "}]");
    assert_attachment(p, 0, bytes[1].data, 2);
    assert_int_equal(PACK(p, "Bv", "first", (size_t)5, e.doc.root), 0);
    assert_packet(p, "453-[\"e\"," PLACEHOLDER(0) ",[\"x\",{\"k\":[1,\"A\"]}," PLACEHOLDER(
                         1) "," PLACEHOLDER(2) "]]");
    sio__value_release(&e.doc);
}

static void all_arguments_are_passed_on_as_text(void **state) {
    struct packer *p = *state;
    struct received e = receive("[ \"echo\" , 1.0 , {\"a\": []} ]", 1, NULL, 0);
    assert_int_equal(PACK(p, "a", &e.args), 0);
    assert_packet(p, "42[\"e\", 1.0 , {\"a\": []} ]");
    assert_int_equal(PACK(p, "iai[a]", 1, &e.args, 2, &e.args), 0);
    assert_packet(p, "42[\"e\",1, 1.0 , {\"a\": []} ,2,[ 1.0 , {\"a\": []} ]]");
    e.args.first = 0;
    assert_int_equal(pack_in(p, "/", 3, NULL, "a", &e.args), 0);
    assert_packet(p, "433[ \"echo\" , 1.0 , {\"a\": []} ]");
    sio__value_release(&e.doc);
}

static void no_arguments_pass_nothing_on(void **state) {
    struct packer *p = *state;
    struct received e = receive("[\"echo\"]", 1, NULL, 0);
    struct value_args no_data = {.first = 1};
    assert_int_equal(PACK(p, "aia[a]", &e.args, 1, &no_data, &e.args), 0);
    assert_packet(p, "42[\"e\",1,[]]");
    assert_int_equal(pack_in(p, "/", 3, NULL, "aai", &e.args, &no_data, 1), 0);
    assert_packet(p, "433[1]");
    sio__value_release(&e.doc);
}

static void binary_arguments_are_passed_on_with_their_attachments(void **state) {
    struct packer *p = *state;
    static const struct value_bytes bytes[] = {{(const uint8_t *)"A", 1},
                                               {(const uint8_t *)"BC", 2}};
    struct received e =
        receive("[\"x\"," PLACEHOLDER(1) ",{\"num\":0, \"_placeholder\":true}]", 1, bytes, 2);
    assert_int_equal(PACK(p, "a", &e.args), 0);
    assert_packet(p, "452-[\"e\"," PLACEHOLDER(1) ",{\"num\":0, \"_placeholder\":true}]");
    assert_int_equal(p->attachments.len, 2);
    assert_attachment(p, 0, bytes[0].data, 1);
    assert_attachment(p, 1, bytes[1].data, 2);
    assert_int_equal(PACK(p, "aB", &e.args, "D", (size_t)1), 0);
    assert_packet(
        p, "453-[\"e\"," PLACEHOLDER(1) ",{\"num\":0, \"_placeholder\":true}," PLACEHOLDER(2) "]");
    assert_int_equal(PACK(p, "Ba", "D", (size_t)1, &e.args), 0);
    assert_packet(p, "453-[\"e\"," PLACEHOLDER(0) "," PLACEHOLDER(1) "," PLACEHOLDER(2) "]");
    assert_attachment(p, 1, bytes[1].data, 2);
    assert_attachment(p, 2, bytes[0].data, 1);
    sio__value_release(&e.doc);
}

/* Receivers would take them for attachments, and close the connection over a wrong number. */
static void literal_placeholders_do_not_get_into_binary_packets(void **state) {
    struct packer *p = *state;
    struct received e = receive("[\"x\",[" PLACEHOLDER(99) "]]", 1, NULL, 0);
    assert_int_equal(PACK(p, "a", &e.args), 0);
    assert_packet(p, "42[\"e\",[" PLACEHOLDER(99) "]]");
    assert_int_equal(PACK(p, "v", e.doc.root), 0);
    assert_int_equal(PACK(p, "r", PLACEHOLDER(99)), 0);
    assert_int_equal(PACK(p, "ai", &e.args, 1), 0);
    assert_int_equal(PACK(p, "aB", &e.args, "x", (size_t)1), SIO_ERR_INVALID);
    assert_no_packet(p);
    assert_int_equal(PACK(p, "Ba", "x", (size_t)1, &e.args), SIO_ERR_INVALID);
    assert_int_equal(PACK(p, "Bv", "x", (size_t)1, e.doc.root), SIO_ERR_INVALID);
    assert_int_equal(PACK(p, "rB", PLACEHOLDER(99), "x", (size_t)1), SIO_ERR_INVALID);
    assert_no_packet(p);
    assert_int_equal(PACK(p, "rB", "[]", "x", (size_t)1), 0);
    sio__value_release(&e.doc);
}

/* ---- refusals ---- */

static void malformed_formats_are_refused(void **state) {
    struct packer *p = *state;
    static const char *const table[] = {
        "z",    "?",   "#",   "i?",   "i#",   "]",      "}",     "[",    "{",      "[}",    "{]",
        "{s",   "{s:", "{s}", "{s:}", "{n}",  "{n:n}",  "{sn}",  "{s:n", "{s::n}", ":",     "n:n",
        "{:n}", "[n",  "n]",  "{}}",  "{s#}", "{s?:n}", "[s:n]", "n?",   "-",      "{,:n}", "n\x80",
    };
    for (size_t i = 0; i < COUNT(table); i++) {
        if (PACK(p, table[i], "k", (size_t)1) != SIO_ERR_FORMAT) {
            fail_msg("accepted: %s", table[i]);
        }
        assert_no_packet(p);
    }
    struct received e = receive("[\"x\",1]", 1, NULL, 0);
    assert_int_equal(PACK(p, "{a}", &e.args), SIO_ERR_FORMAT);
    assert_int_equal(PACK(p, "{s:a}", "k", &e.args), SIO_ERR_FORMAT);
    assert_int_equal(PACK(p, NULL), SIO_ERR_FORMAT);
    assert_no_packet(p);
    sio__value_release(&e.doc);
}

static void depth_of_formats_is_limited(void **state) {
    struct packer *p = *state;
    for (size_t depth = PACK_MAX_DEPTH - 1; depth <= PACK_MAX_DEPTH + 1; depth++) {
        char format[2 * PACK_MAX_DEPTH + 3] = {0};
        memset(format, '[', depth);
        memset(format + depth, ']', depth);
        assert_int_equal(PACK(p, format), depth <= PACK_MAX_DEPTH ? 0 : SIO_ERR_FORMAT);
    }
}

static void text_that_is_not_utf8_is_refused(void **state) {
    struct packer *p = *state;
    assert_int_equal(PACK(p, "is", 1, "\xff"), SIO_ERR_INVALID);
    assert_no_packet(p);
    assert_int_equal(PACK(p, "s#", "\xe2\x82\xac", (size_t)2), SIO_ERR_INVALID);
    assert_int_equal(PACK(p, "{s:i}", "\x80", 1), SIO_ERR_INVALID);
    assert_int_equal(pack_in(p, "/", -1, "\xc0\x80", "i", 1), SIO_ERR_INVALID);
    assert_no_packet(p);
}

static void reserved_names_are_refused(void **state) {
    struct packer *p = *state;
    static const char *const reserved[] = {"connect",       "connect_error", "disconnect",
                                           "disconnecting", "newListener",   "removeListener"};
    static const char *const free[] = {"",
                                       "connec",
                                       "Connect",
                                       "connects",
                                       "reconnect",
                                       "disconnected",
                                       "error",
                                       "message",
                                       "newlisteners",
                                       "connect_errors",
                                       "disconnect!!!",
                                       "removeListeneR",
                                       "newListeneR",
                                       "disconnecT"};
    for (size_t i = 0; i < COUNT(reserved); i++) {
        assert_true(sio__event_name_reserved(sio__text_of(reserved[i])));
        assert_int_equal(pack_in(p, "/", -1, reserved[i], ""), SIO_ERR_RESERVED);
        assert_no_packet(p);
    }
    for (size_t i = 0; i < COUNT(free); i++) {
        assert_false(sio__event_name_reserved(sio__text_of(free[i])));
        assert_int_equal(pack_in(p, "/", -1, free[i], ""), 0);
    }
}

static int pack_something_of_all(struct packer *p, const struct received *e) {
    return pack_in(p, "/nsp", 7, "name", "ss#iUfbn{s:[B]}rvaB", "string", "\n\n\n", (size_t)3, 1,
                   UINT64_MAX, 0.1, 1, "key", "data", (size_t)4, "[null]",
                   sio_val_at(e->doc.root, 1), &e->args, "more", (size_t)4);
}

#define SOMETHING_OF_ALL                                                                           \
    "452-/nsp,7[\"name\",\"string\",\"\\n\\n\\n\",1,18446744073709551615,0.1,true,null,{\"key\":[" \
    "{\"_placeholder\":true,\"num\":0}]},[null],[1,\"two\"],[1,\"two\"]," PLACEHOLDER(1) "]"

static void packet_over_the_limit_is_refused(void **state) {
    (void)state;
    struct received e = receive("[\"x\",[1,\"two\"]]", 1, NULL, 0);
    size_t fits = strlen(SOMETHING_OF_ALL);
    for (size_t max = 1; max < fits + 40; max++) {
        struct packer p;
        sio__packer_init(&p, max);
        int r = pack_something_of_all(&p, &e);
        if (r == 0) {
            assert_true(max >= fits);
            assert_packet(&p, SOMETHING_OF_ALL);
        } else {
            assert_int_equal(r, SIO_ERR_TOO_BIG);
            assert_true(max < fits + 30);
            assert_no_packet(&p);
        }
        sio__packer_done(&p);
    }
    struct packer unlimited;
    sio__packer_init(&unlimited, SIZE_MAX);
    assert_int_equal(pack_something_of_all(&unlimited, &e), 0);
    sio__packer_done(&unlimited);
    sio__value_release(&e.doc);
}

/* ---- memory ---- */

static void steady_state_allocates_nothing(void **state) {
    (void)state;
    torture_install();
    struct packer p;
    sio__packer_init(&p, 10000);
    assert_no_packet(&p);
    struct received e = receive("[\"x\",[1,\"two\"]]", 1, NULL, 0);
    assert_int_equal(pack_something_of_all(&p, &e), 0);
#ifndef SIO_NO_POOL
    size_t count = torture_count();
    for (int i = 0; i < 100; i++) {
        assert_int_equal(pack_something_of_all(&p, &e), 0);
    }
    assert_int_equal(torture_count(), count);
#endif
    sio__packer_reset(&p);
    assert_no_packet(&p);
    sio__value_release(&e.doc);
    sio__packer_done(&p);
    sio__packer_done(NULL);
    torture_uninstall();
}

static void trimming_gives_memory_back(void **state) {
    (void)state;
    torture_install();
    struct packer p;
    sio__packer_init(&p, 10000);
    assert_int_equal(PACK(&p, "rB", "[1]", "x", (size_t)1), 0);
    assert_true(torture_bytes() > 0);
    sio__packer_trim(&p, 0);
    assert_int_equal(torture_bytes(), 0);
    assert_no_packet(&p);
    assert_int_equal(PACK(&p, "rB", "[1]", "x", (size_t)1), 0);
    assert_packet(&p, "451-[\"e\",[1]," PLACEHOLDER(0) "]");
    sio__packer_done(&p);
    torture_uninstall();
}

static int pack_and_free(void *user) {
    const struct received *e = user;
    struct packer p;
    sio__packer_init(&p, 10000);
    int r = pack_something_of_all(&p, e);
    if (r == 0) {
        assert_packet(&p, SOMETHING_OF_ALL);
    } else {
        assert_no_packet(&p);
    }
    sio__packer_done(&p);
    return r;
}

static int pack_binary_and_free(void *user) {
    const struct received *e = user;
    struct packer p;
    sio__packer_init(&p, 10000);
    int r = PACK(&p, "a", &e->args);
    if (r == 0) {
        r = PACK(&p, "BBBBa", "", (size_t)0, "", (size_t)0, "", (size_t)0, "", (size_t)0, &e->args);
    }
    if (r == 0) {
        r = sio__pack_connect_error(&p, SIO_TEXT("/"), SIO_TEXT("no"), SIO_TEXT("[1]"));
    }
    sio__packer_done(&p);
    return r;
}

static void lack_of_memory_is_reported(void **state) {
    (void)state;
    struct received e = receive("[\"x\",[1,\"two\"]]", 1, NULL, 0);
    torture_run(pack_and_free, &e);
    sio__value_release(&e.doc);
    static const struct value_bytes bytes[] = {{(const uint8_t *)"A", 1}};
    e = receive("[\"x\"," PLACEHOLDER(0) "]", 1, bytes, 1);
    torture_run(pack_binary_and_free, &e);
    sio__value_release(&e.doc);
}

#define WITH_PACKER(test) cmocka_unit_test_setup_teardown(test, make_packer, free_packer)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_PACKER(packets_are_written_as_the_protocol_has_them),
        WITH_PACKER(packets_without_arguments_are_written_too),
        WITH_PACKER(connect_errors_have_a_message_and_perhaps_data),
        WITH_PACKER(arguments_alone_are_an_array),
        WITH_PACKER(number_of_attachments_may_have_many_digits),
        WITH_PACKER(every_letter_writes_its_type),
        WITH_PACKER(brackets_make_objects_and_arrays),
        WITH_PACKER(null_pointers_give_null_where_allowed),
        WITH_PACKER(bytes_become_attachments_in_order),
        WITH_PACKER(raw_json_is_checked_and_taken_as_it_is),
        WITH_PACKER(received_values_are_written_again),
        WITH_PACKER(all_arguments_are_passed_on_as_text),
        WITH_PACKER(no_arguments_pass_nothing_on),
        WITH_PACKER(binary_arguments_are_passed_on_with_their_attachments),
        WITH_PACKER(literal_placeholders_do_not_get_into_binary_packets),
        WITH_PACKER(malformed_formats_are_refused),
        WITH_PACKER(depth_of_formats_is_limited),
        WITH_PACKER(text_that_is_not_utf8_is_refused),
        WITH_PACKER(reserved_names_are_refused),
        cmocka_unit_test(packet_over_the_limit_is_refused),
        cmocka_unit_test_teardown(steady_state_allocates_nothing, torture_teardown),
        cmocka_unit_test_teardown(trimming_gives_memory_back, torture_teardown),
        cmocka_unit_test_teardown(lack_of_memory_is_reported, torture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
