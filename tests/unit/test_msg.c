/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Messages: building them step by step, their errors, and sending one many times.
 */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sio/error.h>
#include <sio/msg.h>

#include "proto/msg.h"
#include "proto/pack.h"
#include "proto/value.h"
#include "support/torture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define PLACEHOLDER(num) "{\"_placeholder\":true,\"num\":" #num "}"

static sio_msg *new_msg(const char *event) {
    sio_msg *m = NULL;
    assert_int_equal(sio_msg_new(&m, event), 0);
    assert_non_null(m);
    return m;
}

/* Packs a message as the event of the main namespace. */
static void assert_event(sio_msg *m, const char *text) {
    struct packer p;
    sio__packer_init(&p, 10000);
    assert_int_equal(sio__pack_event_msg(&p, SIO_TEXT("/"), false, 0, m), 0);
    struct text packet = sio__packer_text(&p);
    if (!sio__text_eq(packet, sio__text_of(text))) {
        fail_msg("%.*s instead of %s", (int)packet.len, packet.data, text);
    }
    sio__packer_done(&p);
}

static int pack_event(sio_msg *m) {
    struct packer p;
    sio__packer_init(&p, 10000);
    int r = sio__pack_event_msg(&p, SIO_TEXT("/"), false, 0, m);
    assert_true(r == 0 || sio__packer_text(&p).len == 0);
    sio__packer_done(&p);
    return r;
}

static struct value_doc parse(const char *json, const struct value_bytes *bytes, uint32_t count) {
    struct value_doc doc;
    assert_int_equal(sio__value_parse(NULL, json, strlen(json), &doc), 0);
    if (count > 0) {
        assert_int_equal(sio__value_bind(&doc, bytes, count), 0);
    }
    return doc;
}

/* ---- building ---- */

static void every_step_adds_its_value(void **state) {
    (void)state;
    sio_msg *m = new_msg("all");
    assert_int_equal(sio_msg_add_str(m, "text\n", SIO_NUL), 0);
    assert_int_equal(sio_msg_add_str(m, "a\0b", 3), 0);
    assert_int_equal(sio_msg_add_int(m, INT64_MIN), 0);
    assert_int_equal(sio_msg_add_uint(m, UINT64_MAX), 0);
    assert_int_equal(sio_msg_add_real(m, 0.1), 0);
    assert_int_equal(sio_msg_add_real(m, (double)NAN), 0);
    assert_int_equal(sio_msg_add_bool(m, true), 0);
    assert_int_equal(sio_msg_add_bool(m, false), 0);
    assert_int_equal(sio_msg_add_null(m), 0);
    assert_int_equal(sio_msg_add_json(m, "[1, 2]", SIO_NUL), 0);
    assert_int_equal(sio_msg_add_json(m, "{}#", 2), 0);
    assert_int_equal(sio_msg_add_val(m, NULL), 0);
    assert_int_equal(sio_msg_error(m), 0);
    assert_event(m,
                 "42[\"all\",\"text\\n\",\"a\\u0000b\",-9223372036854775808,18446744073709551615,"
                 "0.1,null,true,false,null,[1, 2],{},null]");
    sio_msg_unref(m);
}

static void objects_and_arrays_nest(void **state) {
    (void)state;
    sio_msg *m = new_msg("e");
    sio_msg_begin_object(m);
    sio_msg_key(m, "a");
    sio_msg_add_int(m, 1);
    sio_msg_key(m, "b:\"");
    sio_msg_begin_array(m);
    sio_msg_add_str(m, ":", SIO_NUL);
    sio_msg_begin_object(m);
    sio_msg_end(m);
    sio_msg_begin_array(m);
    sio_msg_end(m);
    sio_msg_end(m);
    sio_msg_key(m, "c");
    sio_msg_begin_object(m);
    sio_msg_key(m, "");
    sio_msg_add_null(m);
    sio_msg_end(m);
    sio_msg_end(m);
    assert_int_equal(sio_msg_add_bool(m, true), 0);
    assert_event(m, "42[\"e\",{\"a\":1,\"b:\\\"\":[\":\",{},[]],\"c\":{\"\":null}},true]");
    sio_msg_unref(m);
}

static void acknowledgements_have_no_event_name(void **state) {
    (void)state;
    struct packer p;
    sio__packer_init(&p, 1000);
    sio_msg *m = new_msg(NULL);
    assert_int_equal(sio__pack_ack_msg(&p, SIO_TEXT("/a"), 7, m), 0);
    assert_true(sio__text_eq(sio__packer_text(&p), SIO_TEXT("43/a,7[]")));
    sio_msg_unref(m);
    m = new_msg(NULL);
    sio_msg_add_int(m, 1);
    sio_msg_add_bytes(m, "x", 1);
    assert_int_equal(sio__pack_ack_msg(&p, SIO_TEXT("/"), 7, m), 0);
    assert_true(sio__text_eq(sio__packer_text(&p), SIO_TEXT("461-7[1," PLACEHOLDER(0) "]")));
    assert_int_equal(pack_event(m), SIO_ERR_FORMAT);
    sio_msg_unref(m);
    m = new_msg("e");
    assert_int_equal(sio__pack_ack_msg(&p, SIO_TEXT("/"), 7, m), SIO_ERR_FORMAT);
    sio_msg_unref(m);
    sio__packer_done(&p);
}

static void bytes_are_copied(void **state) {
    (void)state;
    char data[] = "data";
    sio_msg *m = new_msg("e");
    assert_int_equal(sio_msg_add_bytes(m, data, 4), 0);
    assert_int_equal(sio_msg_add_bytes(m, NULL, 0), 0);
    memset(data, '#', 4);
    struct packer p;
    sio__packer_init(&p, 1000);
    assert_int_equal(sio__pack_event_msg(&p, SIO_TEXT("/"), true, 5, m), 0);
    assert_true(sio__text_eq(sio__packer_text(&p),
                             SIO_TEXT("452-5[\"e\"," PLACEHOLDER(0) "," PLACEHOLDER(1) "]")));
    assert_int_equal(p.attachments.len, 2);
    assert_int_equal(p.attachments.items[0].len, 4);
    assert_memory_equal(p.attachments.items[0].data, "data", 4);
    assert_int_equal(p.attachments.items[1].len, 0);
    sio__packer_done(&p);
    sio_msg_unref(m);
}

static void received_values_are_copied(void **state) {
    (void)state;
    char first[] = "A";
    char second[] = "BC";
    struct value_bytes bytes[] = {{(const uint8_t *)first, 1}, {(const uint8_t *)second, 2}};
    struct value_doc doc = parse("[" PLACEHOLDER(1) ",{\"k\":" PLACEHOLDER(0) "}]", bytes, 2);
    sio_msg *m = new_msg("e");
    assert_int_equal(sio_msg_add_bytes(m, "first", 5), 0);
    assert_int_equal(sio_msg_add_val(m, doc.root), 0);
    sio__value_release(&doc);
    memset(first, '#', sizeof(first));
    memset(second, '#', sizeof(second));
    assert_event(m,
                 "453-[\"e\"," PLACEHOLDER(0) ",[" PLACEHOLDER(1) ",{\"k\":" PLACEHOLDER(2) "}]]");
    assert_int_equal(m->attachments.len, 3);
    assert_memory_equal(m->attachments.items[1].data, "BC", 2);
    assert_memory_equal(m->attachments.items[2].data, "A", 1);
    sio_msg_unref(m);
}

/* ---- errors ---- */

/* One step of a message by a letter, those of the formats and '.' for an end. */
static int take_step(sio_msg *m, char step) {
    switch (step) {
    case '{': return sio_msg_begin_object(m);
    case '[': return sio_msg_begin_array(m);
    case '.': return sio_msg_end(m);
    case 'k': return sio_msg_key(m, "key");
    case 'i': return sio_msg_add_int(m, 1);
    case 's': return sio_msg_add_str(m, "text", SIO_NUL);
    case 'u': return sio_msg_add_uint(m, 1);
    case 'f': return sio_msg_add_real(m, 1);
    case 'b': return sio_msg_add_bool(m, true);
    case 'n': return sio_msg_add_null(m);
    case 'B': return sio_msg_add_bytes(m, "x", 1);
    case 'r': return sio_msg_add_json(m, "1", 1);
    default: return sio_msg_add_val(m, NULL);
    }
}

/* The last step of each row has no place where it comes. */
static void steps_that_do_not_fit_are_refused(void **state) {
    (void)state;
    static const char *const table[] = {
        ".",  "k",  "[k", "{i",  "{s",  "{u",  "{f",   "{b",   "{n",   "{B",  "{r",  "{v",
        "{[", "{{", "i.", "[..", "{kk", "{k.", "{kii", "{ki{", "{k[k", "[{i", "[.k", "{.k",
    };
    for (size_t i = 0; i < COUNT(table); i++) {
        sio_msg *m = new_msg("e");
        const char *step = table[i];
        for (; step[1] != '\0'; step++) {
            assert_int_equal(take_step(m, *step), 0);
        }
        assert_int_equal(take_step(m, *step), SIO_ERR_FORMAT);
        assert_int_equal(sio_msg_error(m), SIO_ERR_FORMAT);
        sio_msg_unref(m);
    }
}

static void first_error_is_sticky(void **state) {
    (void)state;
    sio_msg *m = new_msg("e");
    assert_int_equal(sio_msg_add_str(m, "\xff", SIO_NUL), SIO_ERR_INVALID);
    for (const char *step = "{[.kisufbnBrv"; *step != '\0'; step++) {
        assert_int_equal(take_step(m, *step), SIO_ERR_INVALID);
    }
    assert_int_equal(sio_msg_error(m), SIO_ERR_INVALID);
    assert_int_equal(pack_event(m), SIO_ERR_INVALID);
    assert_int_equal(m->text.len, 3);
    sio_msg_unref(m);
}

static void wrong_arguments_are_refused(void **state) {
    (void)state;
    sio_msg *m = new_msg("e");
    assert_int_equal(sio_msg_add_str(m, NULL, SIO_NUL), SIO_ERR_INVALID);
    sio_msg_unref(m);
    m = new_msg("e");
    assert_int_equal(sio_msg_add_bytes(m, NULL, 1), SIO_ERR_INVALID);
    sio_msg_unref(m);
    m = new_msg("e");
    assert_int_equal(sio_msg_add_bytes(m, "x", MSG_MAX_BYTES + 1), SIO_ERR_TOO_BIG);
    sio_msg_unref(m);
    m = new_msg("e");
    assert_int_equal(sio_msg_add_json(m, NULL, 0), SIO_ERR_INVALID);
    sio_msg_unref(m);
    m = new_msg("e");
    assert_int_equal(sio_msg_add_json(m, "[1", SIO_NUL), SIO_ERR_JSON);
    sio_msg_unref(m);
    m = new_msg("e");
    sio_msg_begin_object(m);
    assert_int_equal(sio_msg_key(m, NULL), SIO_ERR_INVALID);
    sio_msg_unref(m);
    m = new_msg("e");
    sio_msg_begin_object(m);
    assert_int_equal(sio_msg_key(m, "\x80"), SIO_ERR_INVALID);
    sio_msg_unref(m);
}

static void names_are_checked(void **state) {
    (void)state;
    sio_msg *m = NULL;
    assert_int_equal(sio_msg_new(&m, "disconnect"), SIO_ERR_RESERVED);
    assert_int_equal(sio_msg_new(&m, "\xff"), SIO_ERR_INVALID);
    assert_null(m);
}

static void steps_on_no_message_report_lack_of_memory(void **state) {
    (void)state;
    for (const char *step = "{[.kisufbnBrv"; *step != '\0'; step++) {
        assert_int_equal(take_step(NULL, *step), SIO_ERR_NOMEM);
    }
    assert_int_equal(sio_msg_error(NULL), SIO_ERR_NOMEM);
    assert_int_equal(pack_event(NULL), SIO_ERR_NOMEM);
    assert_null(sio_msg_ref(NULL));
    sio_msg_unref(NULL);
}

static void depth_is_limited(void **state) {
    (void)state;
    sio_msg *m = new_msg("e");
    for (int i = 0; i < MSG_MAX_DEPTH; i++) {
        assert_int_equal(i % 2 == 0 ? sio_msg_begin_array(m) : sio_msg_begin_object(m), 0);
        assert_int_equal(i % 2 == 0 ? 0 : sio_msg_key(m, "k"), 0);
    }
    assert_int_equal(sio_msg_begin_array(m), SIO_ERR_TOO_BIG);
    sio_msg_unref(m);
    m = new_msg("e");
    for (int i = 0; i < MSG_MAX_DEPTH; i++) {
        assert_int_equal(sio_msg_begin_array(m), 0);
    }
    for (int i = 0; i < MSG_MAX_DEPTH; i++) {
        assert_int_equal(sio_msg_end(m), 0);
    }
    assert_int_equal(pack_event(m), 0);
    sio_msg_unref(m);
}

static void literal_placeholders_do_not_get_into_binary_packets(void **state) {
    (void)state;
    struct value_doc doc = parse("[" PLACEHOLDER(9) "]", NULL, 0);
    sio_msg *m = new_msg("e");
    sio_msg_add_val(m, doc.root);
    sio_msg_add_json(m, PLACEHOLDER(9), SIO_NUL);
    assert_event(m, "42[\"e\",[" PLACEHOLDER(9) "]," PLACEHOLDER(9) "]");
    sio_msg_unref(m);
    m = new_msg("e");
    sio_msg_add_bytes(m, "x", 1);
    sio_msg_add_val(m, doc.root);
    assert_int_equal(pack_event(m), SIO_ERR_INVALID);
    sio_msg_unref(m);
    m = new_msg("e");
    sio_msg_add_json(m, PLACEHOLDER(9), SIO_NUL);
    sio_msg_add_bytes(m, "x", 1);
    assert_int_equal(pack_event(m), SIO_ERR_INVALID);
    sio_msg_unref(m);
    sio__value_release(&doc);
}

/* ---- sending ---- */

static void sent_messages_do_not_change(void **state) {
    (void)state;
    sio_msg *m = new_msg("e");
    sio_msg_add_int(m, 1);
    assert_event(m, "42[\"e\",1]");
    for (const char *step = "{[.kisufbnBrv"; *step != '\0'; step++) {
        assert_int_equal(take_step(m, *step), SIO_ERR_STATE);
    }
    assert_int_equal(sio_msg_error(m), 0);
    assert_event(m, "42[\"e\",1]");
    sio_msg_unref(m);
}

static void unfinished_messages_are_not_sent(void **state) {
    (void)state;
    sio_msg *m = new_msg("e");
    sio_msg_begin_object(m);
    assert_int_equal(pack_event(m), SIO_ERR_FORMAT);
    assert_int_equal(sio_msg_end(m), 0);
    assert_event(m, "42[\"e\",{}]");
    sio_msg_unref(m);
}

static void message_over_the_packers_limit_is_refused(void **state) {
    (void)state;
    sio_msg *m = new_msg("event");
    struct packer p;
    sio__packer_init(&p, 11); /* 42["event"] */
    assert_int_equal(sio__pack_event_msg(&p, SIO_TEXT("/"), false, 0, m), 0);
    sio__packer_done(&p);
    for (size_t max = 1; max < 11; max++) {
        sio__packer_init(&p, max);
        assert_int_equal(sio__pack_event_msg(&p, SIO_TEXT("/"), false, 0, m), SIO_ERR_TOO_BIG);
        assert_int_equal(sio__packer_text(&p).len, 0);
        sio__packer_done(&p);
    }
    sio_msg_unref(m);
}

static void *send_many_times(void *arg) {
    sio_msg *m = arg;
    struct packer p;
    sio__packer_init(&p, 1000);
    bool ok = true;
    for (int i = 0; i < 2000; i++) {
        sio_msg_ref(m);
        ok &= sio__pack_event_msg(&p, SIO_TEXT("/"), false, 0, m) == 0;
        ok &= sio__text_eq(sio__packer_text(&p), SIO_TEXT("451-[\"e\"," PLACEHOLDER(0) "]"));
        sio_msg_unref(m);
    }
    sio__packer_done(&p);
    sio_msg_unref(m);
    return ok ? arg : NULL;
}

static void threads_may_send_one_message_at_once(void **state) {
    (void)state;
    sio_msg *m = new_msg("e");
    sio_msg_add_bytes(m, "bytes", 5);
    pthread_t threads[4];
    for (size_t i = 0; i < COUNT(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, send_many_times, sio_msg_ref(m)), 0);
    }
    for (size_t i = 0; i < COUNT(threads); i++) {
        void *result = NULL;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_ptr_equal(result, m);
    }
    assert_int_equal(atomic_load(&m->refs), 1);
    sio_msg_unref(m);
}

static int build_and_pack(void *user) {
    const struct value_doc *doc = user;
    sio_msg *m = NULL;
    int made = sio_msg_new(&m, "an event with a name");
    sio_msg_begin_object(m);
    sio_msg_key(m, "a key that is not so very short either, for the buffer to grow");
    sio_msg_add_json(m, "[1,2,3]", SIO_NUL);
    sio_msg_end(m);
    sio_msg_add_bytes(m, "bytes", 5);
    sio_msg_add_val(m, doc->root);
    int r = sio_msg_error(m);
    assert_true(made == 0 || r == made);
    if (r == 0) {
        r = pack_event(m);
    }
    sio_msg_unref(m);
    return r;
}

static void lack_of_memory_is_reported(void **state) {
    (void)state;
    struct value_bytes bytes[] = {{(const uint8_t *)"A", 1}, {(const uint8_t *)"BC", 2}};
    struct value_doc doc = parse(
        "[" PLACEHOLDER(1) "," PLACEHOLDER(0) "," PLACEHOLDER(0) "," PLACEHOLDER(1) "]", bytes, 2);
    torture_run(build_and_pack, &doc);
    sio__value_release(&doc);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_step_adds_its_value),
        cmocka_unit_test(objects_and_arrays_nest),
        cmocka_unit_test(acknowledgements_have_no_event_name),
        cmocka_unit_test(bytes_are_copied),
        cmocka_unit_test(received_values_are_copied),
        cmocka_unit_test(steps_that_do_not_fit_are_refused),
        cmocka_unit_test(first_error_is_sticky),
        cmocka_unit_test(wrong_arguments_are_refused),
        cmocka_unit_test(names_are_checked),
        cmocka_unit_test(steps_on_no_message_report_lack_of_memory),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(literal_placeholders_do_not_get_into_binary_packets),
        cmocka_unit_test(sent_messages_do_not_change),
        cmocka_unit_test(unfinished_messages_are_not_sent),
        cmocka_unit_test(message_over_the_packers_limit_is_refused),
        cmocka_unit_test(threads_may_send_one_message_at_once),
        cmocka_unit_test_teardown(lack_of_memory_is_reported, torture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
