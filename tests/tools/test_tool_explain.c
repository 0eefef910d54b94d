/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* Packets and WebSocket frames in words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "explain.h"
#include "frames.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What is said while `e->out` is open. To be freed. */
struct said {
    char *text;
    size_t len;
};

static void assert_said(FILE *out, struct said *said, const char *expected) {
    fclose(out);
    assert_string_equal(said->text, expected);
    free(said->text);
}

static void layers_are_explained_in_lines(void **state) {
    (void)state;
    struct said said;
    struct explainer e = {.out = open_memstream(&said.text, &said.len)};
    assert_true(explain_text(&e, "42/c,7[\"ask\",{\"a\":1},2]", 23));
    assert_said(e.out, &said,
                "42/c,7[\"ask\",{\"a\":1},2]\n"
                "  Engine.IO  4 message\n"
                "  Socket.IO  2 EVENT, namespace /c, id 7, event \"ask\"\n"
                "    {\"a\":1}\n"
                "    2\n");
}

static void a_brief_explanation_is_a_line(void **state) {
    (void)state;
    static const struct {
        const char *packet;
        const char *line;
    } VECTORS[] = {
        {"2probe", "2 ping, data probe\n"},
        {"40", "4 message | 0 CONNECT, namespace /\n"},
        {"42[\"a\",1]", "4 message | 2 EVENT, namespace /, event \"a\" | 1\n"},
        {"43/c,1[ 5 ]", "4 message | 3 ACK, namespace /c, id 1 | 5\n"},
        {"42[\"a\",",
         "4 message | 2 EVENT, namespace / | error at byte 7 (the end): malformed JSON: "
         "unexpected end\n"},
        {"9", "error at byte 0 ('9'): unknown Engine.IO packet type: 0 to 6 and b are known\n"},
    };
    for (size_t i = 0; i < COUNT(VECTORS); i++) {
        struct said said;
        struct explainer e = {.out = open_memstream(&said.text, &said.len), .brief = true};
        bool fine = explain_text(&e, VECTORS[i].packet, strlen(VECTORS[i].packet));
        assert_int_equal(fine, strstr(VECTORS[i].line, "error") == NULL);
        const char *line = VECTORS[i].line;
        fclose(e.out);
        assert_true(strcmp(said.text, line) == 0 || strcmp(said.text + 3, line) == 0);
        free(said.text);
    }
}

static void attachments_are_counted(void **state) {
    (void)state;
    struct said said;
    struct explainer e = {.out = open_memstream(&said.text, &said.len), .brief = true};
    assert_true(explain_text(&e, "452-[\"a\"]", 9));
    assert_false(explain_end(&e));
    assert_true(explain_text(&e, "2", 1)); /* heartbeats come between */
    assert_true(explain_binary(&e, "\1", 1));
    assert_true(explain_text(&e, "bAg==", 5));
    assert_true(explain_end(&e));
    assert_false(explain_binary(&e, "\3", 1));
    assert_true(explain_text(&e, "451-[\"a\"]", 9));
    assert_false(explain_text(&e, "42[\"b\"]", 7));
    assert_true(explain_end(&e));
    fclose(e.out);
    assert_non_null(strstr(said.text, "attachment 1 of 2"));
    assert_non_null(strstr(said.text, "attachment 2 of 2"));
    assert_non_null(strstr(said.text, "no packet has announced"));
    assert_non_null(strstr(said.text, "1 of 1 attachments are missing"));
    free(said.text);
}

/* ---- frames ---- */

#define UPGRADE "GET / HTTP/1.1\r\nA: b\r\n\r\nHTTP/1.1 101 Switching\r\n\r\n"

static const struct {
    const char *name;
    const char *bytes;
    size_t len;
    bool fine;
    const char *says; /* a part */
} STREAMS[] = {
#define STREAM(name, bytes, fine, says)                                                            \
    { name, bytes, sizeof(bytes) - 1, fine, says }
    STREAM("heads are skipped",
           UPGRADE "\x81\x01"
                   "2",
           true, "frame 1 at byte 50: text"),
    STREAM("masked",
           "\x81\x81"
           "abcd"
           "\x53",
           true, "2 ping"),
    STREAM("fragments are joined",
           "\x01\x01"
           "2"
           "\x89\x00"
           "\x80\x05"
           "probe",
           true, "data probe"),
    STREAM("directions do not mix",
           "\x01\x01"
           "2"
           "\x81\x81"
           "abcd"
           "\x57"
           "\x80\x05"
           "probe",
           true, "6 noop"),
    STREAM("binary",
           "\x81\x0a"
           "451-[\"xy\"]"
           "\x82\x01"
           "\x07",
           true, "attachment 1 of 1"),
    STREAM("close",
           "\x88\x07\x03\xe8"
           "going",
           true, "code 1000, reason going"),
    STREAM("compressed",
           "\xc1\x01"
           "x",
           true, "permessage-deflate"),
    STREAM("no message to continue",
           "\x80\x01"
           "2",
           false, "no message to continue"),
    STREAM("not finished",
           "\x01\x01"
           "2"
           "\x81\x01"
           "2",
           false, "not finished"),
    STREAM("cut head", "\x81", false, "within its head"),
    STREAM("cut frame",
           "\x81\x05"
           "2",
           false, "within this frame"),
    STREAM("reserved", "\x83\x00", false, "reserved opcode"),
    STREAM("missing attachment",
           "\x81\x09"
           "451-[\"x\"]",
           false, "1 of 1 attachments"),
    STREAM("length beyond memory", "\x82\x7f\x80\0\0\0\0\0\0\0", false, "63 bits"),
};

static void streams_of_frames_are_explained(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(STREAMS); i++) {
        struct said said;
        FILE *out = open_memstream(&said.text, &said.len);
        char *copy = malloc(STREAMS[i].len);
        memcpy(copy, STREAMS[i].bytes, STREAMS[i].len);
        bool fine = frames_explain(out, copy, STREAMS[i].len);
        fclose(out);
        if (fine != STREAMS[i].fine || strstr(said.text, STREAMS[i].says) == NULL) {
            fail_msg("%s: %s", STREAMS[i].name, said.text);
        }
        free(copy);
        free(said.text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_are_explained_in_lines),
        cmocka_unit_test(a_brief_explanation_is_a_line),
        cmocka_unit_test(attachments_are_counted),
        cmocka_unit_test(streams_of_frames_are_explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
