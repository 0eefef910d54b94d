/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The opening handshake of WebSocket (RFC 6455 4), from both sides.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <sio/error.h>

#include "proto/ws_handshake.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The example of RFC 6455 1.3. */
#define KEY    "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

static const struct http1_limits LIMITS = {HTTP1_HEAD_MAX, 100, 0};

static void parse_head(struct http1_parser *p, const char *wire) {
    struct http1_result result;
    sio__http1_init(p, &LIMITS);
    assert_int_equal(sio__http1_parse(p, wire, strlen(wire), &result), HTTP1_HEAD);
}

static enum ws_fault check(struct http1_parser *p, const char *wire, struct ws_handshake *ret) {
    parse_head(p, wire);
    return sio__ws_handshake_check(&p->head, ret);
}

static void assert_text(struct text found, const char *expected) {
    if (expected == NULL) {
        assert_null(found.data);
        return;
    }
    assert_non_null(found.data);
    assert_int_equal(found.len, strlen(expected));
    assert_memory_equal(found.data, expected, found.len);
}

/* ---- the server's side ---- */

#define LINE     " /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\n"
#define UPGRADES "Connection: Upgrade\r\nUpgrade: websocket\r\n"
#define KEY_LINE "Sec-WebSocket-Key: " KEY "\r\n"
#define VERSION  "Sec-WebSocket-Version: 13\r\n"
#define GOOD     "GET" LINE UPGRADES KEY_LINE VERSION
#define END      "\r\n"

static const struct {
    const char *wire;
    enum ws_fault fault;
} REQUESTS[] = {
    {GOOD END, WS_FAULT_NONE},
    {"GET" LINE UPGRADES KEY_LINE "Sec-WebSocket-Version: 8\r\n" END, WS_FAULT_NONE},
    {"GET" LINE "connection: keep-alive, upgrade\r\nUPGRADE: WebSocket\r\n" KEY_LINE VERSION END,
     WS_FAULT_NONE},
    {"GET" LINE "Connection: Upgrade\r\nUpgrade: foo, websocket\r\n" KEY_LINE VERSION END,
     WS_FAULT_NONE},
    /* The last bits of a key of 16 bytes are not looked at. */
    {"GET" LINE UPGRADES "Sec-WebSocket-Key: 09azAZ+/09azAZ+/09azAZ==\r\n" VERSION END,
     WS_FAULT_NONE},

    {"POST" LINE UPGRADES KEY_LINE VERSION END, WS_FAULT_METHOD},
    {"HEAD" LINE UPGRADES KEY_LINE VERSION END, WS_FAULT_METHOD},
    {"PUT" LINE END, WS_FAULT_METHOD},

    {"GET" LINE KEY_LINE VERSION END, WS_FAULT_UPGRADE},
    {"GET" LINE "Connection: Upgrade\r\n" KEY_LINE VERSION END, WS_FAULT_UPGRADE},
    {"GET" LINE "Upgrade: websocket\r\n" KEY_LINE VERSION END, WS_FAULT_UPGRADE},
    {"GET" LINE "Connection: Upgrade\r\nUpgrade: h2c\r\n" KEY_LINE VERSION END, WS_FAULT_UPGRADE},
    {"GET" LINE "Connection: Upgrade\r\nUpgrade: websockets\r\n" KEY_LINE VERSION END,
     WS_FAULT_UPGRADE},
    {"GET" LINE "Connection: close\r\nUpgrade: websocket\r\n" KEY_LINE VERSION END,
     WS_FAULT_UPGRADE},
    {"GET / HTTP/1.0\r\n" UPGRADES KEY_LINE VERSION END, WS_FAULT_UPGRADE},
    {"GET" LINE END, WS_FAULT_UPGRADE},

    {"GET" LINE UPGRADES VERSION END, WS_FAULT_KEY},
    {"GET" LINE UPGRADES "Sec-WebSocket-Key:\r\n" VERSION END, WS_FAULT_KEY},
    {"GET" LINE UPGRADES KEY_LINE KEY_LINE VERSION END, WS_FAULT_KEY},
    {"GET" LINE UPGRADES "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=\r\n" VERSION END,
     WS_FAULT_KEY},
    {"GET" LINE UPGRADES "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQa=\r\n" VERSION END,
     WS_FAULT_KEY},
    {"GET" LINE UPGRADES "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=a\r\n" VERSION END,
     WS_FAULT_KEY},
    {"GET" LINE UPGRADES "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQaaa==\r\n" VERSION END,
     WS_FAULT_KEY},
    {"GET" LINE UPGRADES "Sec-WebSocket-Key: dGhl_HNhbXBsZSBub25jZQ==\r\n" VERSION END,
     WS_FAULT_KEY},
    {"GET" LINE UPGRADES "Sec-WebSocket-Key: dGhl{HNhbXBsZSBub25jZQ==\r\n" VERSION END,
     WS_FAULT_KEY},
    {"GET" LINE UPGRADES "Sec-WebSocket-Key: dGhl HNhbXBsZSBub25jZQ==\r\n" VERSION END,
     WS_FAULT_KEY},
    {"GET" LINE UPGRADES "Sec-WebSocket-Version: 1\r\n" END, WS_FAULT_KEY},

    {"GET" LINE UPGRADES KEY_LINE END, WS_FAULT_VERSION},
    {"GET" LINE UPGRADES KEY_LINE "Sec-WebSocket-Version: 12\r\n" END, WS_FAULT_VERSION},
    {"GET" LINE UPGRADES KEY_LINE "Sec-WebSocket-Version: 013\r\n" END, WS_FAULT_VERSION},
    {"GET" LINE UPGRADES KEY_LINE "Sec-WebSocket-Version: 13, 8\r\n" END, WS_FAULT_VERSION},
    {"GET" LINE UPGRADES KEY_LINE VERSION VERSION END, WS_FAULT_VERSION},

    {GOOD "Sec-WebSocket-Protocol: a b\r\nSec-WebSocket-Extensions: =\r\n" END, WS_FAULT_PROTOCOL},
    {GOOD "Sec-WebSocket-Extensions: =\r\n" END, WS_FAULT_EXTENSIONS},
};

static void requests_are_checked_in_order(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(REQUESTS); i++) {
        struct http1_parser p;
        struct ws_handshake handshake;
        memset(&handshake, 0x55, sizeof(handshake));
        enum ws_fault fault = check(&p, REQUESTS[i].wire, &handshake);
        if (fault != REQUESTS[i].fault) {
            print_message("%s", REQUESTS[i].wire);
        }
        assert_int_equal(fault, REQUESTS[i].fault);
        assert_true((fault == WS_FAULT_NONE) == (handshake.accept[0] != 0x55));
        sio__http1_done(&p);
    }
}

static void refusals_have_status_and_text(void **state) {
    (void)state;
    static const struct {
        enum ws_fault fault;
        int status;
        const char *text;
    } CASES[] = {
        {WS_FAULT_METHOD, 405, "Invalid HTTP method"},
        {WS_FAULT_UPGRADE, 400, "Invalid Upgrade header"},
        {WS_FAULT_KEY, 400, "Missing or invalid Sec-WebSocket-Key header"},
        {WS_FAULT_VERSION, 400, "Missing or invalid Sec-WebSocket-Version header"},
        {WS_FAULT_PROTOCOL, 400, "Invalid Sec-WebSocket-Protocol header"},
        {WS_FAULT_EXTENSIONS, 400, "Invalid or unacceptable Sec-WebSocket-Extensions header"},
        {WS_FAULT_NO_PROTOCOL, 400, "Server sent no subprotocol"},
        {WS_FAULT_INTERNAL, 500, "Internal error"},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        assert_int_equal(sio__ws_fault_status(CASES[i].fault), CASES[i].status);
        assert_string_equal(sio__ws_fault_text(CASES[i].fault), CASES[i].text);
    }
}

static void first_subprotocol_is_taken(void **state) {
    (void)state;
#define P "Sec-WebSocket-Protocol: "
    static const struct {
        const char *lines;
        const char *protocol;
        bool fault;
    } CASES[] = {
        {"", NULL, false},
        {P "a\r\n", "a", false},
        {P "a, b\r\n", "a", false},
        {P " \ta.b!1 ,\tb\r\n", "a.b!1", false},
        {P "a\r\n" P "b\r\n", "a", false},
        {P "\r\n", NULL, true},
        {P ",\r\n", NULL, true},
        {P "a,\r\n", NULL, true},
        {P ",a\r\n", NULL, true},
        {P "a,,b\r\n", NULL, true},
        {P "a b\r\n", NULL, true},
        {P "a, b(\r\n", NULL, true},
        {P "\"a\"\r\n", NULL, true},
        {P "a/b\r\n", NULL, true},
        {P "\x80\r\n", NULL, true},
        {P "a\r\n" P ";\r\n", NULL, true},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        char wire[1000];
        snprintf(wire, sizeof(wire), "%s%s\r\n", GOOD, CASES[i].lines);
        struct http1_parser p;
        struct ws_handshake handshake = {0};
        enum ws_fault fault = check(&p, wire, &handshake);
        assert_int_equal(fault, CASES[i].fault ? WS_FAULT_PROTOCOL : WS_FAULT_NONE);
        assert_text(handshake.protocol, CASES[i].protocol);
        sio__http1_done(&p);
    }
}

/* Cutting by regular expressions took quadratic time here (CVE-2021-32640). */
static void header_of_blanks_takes_no_time(void **state) {
    (void)state;
    static const char *const NAMES[] = {"Sec-WebSocket-Protocol: a", "Sec-WebSocket-Extensions: a"};
    static const char *const FILLERS[] = {" ", "\t ", "a, ", "a,", "a;", "=", "\""};
    static char wire[HTTP1_HEAD_MAX + 1];
    struct timespec begin;
    struct timespec end;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
    for (size_t i = 0; i < COUNT(NAMES) * COUNT(FILLERS); i++) {
        const char *filler = FILLERS[i / COUNT(NAMES)];
        char *at = stpcpy(stpcpy(wire, GOOD), NAMES[i % COUNT(NAMES)]);
        while (at - wire < 65000) {
            at = stpcpy(at, filler);
        }
        stpcpy(at, "b\r\n\r\n");
        struct http1_parser p;
        struct ws_handshake handshake;
        enum ws_fault fault = check(&p, wire, &handshake);
        assert_int_not_equal(fault, WS_FAULT_INTERNAL);
        sio__http1_done(&p);
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    assert_true(end.tv_sec - begin.tv_sec < 5);
}

static void answer_is_written(void **state) {
    (void)state;
    static const char START[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                                "Connection: Upgrade\r\nSec-WebSocket-Accept: " ACCEPT "\r\n";
    struct http1_parser p;
    struct ws_handshake handshake;
    struct buf out;
    sio__buf_init(&out, 1000);

    assert_int_equal(check(&p, GOOD END, &handshake), WS_FAULT_NONE);
    assert_string_equal(handshake.accept, ACCEPT);
    assert_int_equal(sio__ws_handshake_write(&out, &handshake), 0);
    assert_text(sio__buf_text(&out), START);
    sio__http1_done(&p);

    sio__buf_clear(&out);
    assert_int_equal(check(&p, GOOD P "x, y\r\n" END, &handshake), WS_FAULT_NONE);
    assert_int_equal(sio__ws_handshake_write(&out, &handshake), 0);
    assert_int_equal(sio__http1_write_end(&out), 0);
    char expected[300];
    snprintf(expected, sizeof(expected), "%sSec-WebSocket-Protocol: x\r\n\r\n", START);
    assert_text(sio__buf_text(&out), expected);
    sio__buf_done(&out);

    for (size_t max = 1; max < strlen(expected) - 2; max++) {
        sio__buf_init(&out, max);
        assert_int_equal(sio__ws_handshake_write(&out, &handshake), SIO_ERR_TOO_BIG);
        sio__buf_done(&out);
    }
    sio__http1_done(&p);
}

/* ---- extensions ---- */

static void extensions_are_parsed(void **state) {
    (void)state;
    static const struct {
        const char *list;
        const char *parsed; /* name(param=value param) ... */
    } CASES[] = {
        {"permessage-deflate", "permessage-deflate()"},
        {"permessage-deflate; client_max_window_bits",
         "permessage-deflate(client_max_window_bits)"},
        {"a; b=1;c , d;e=\"f\"", "a(b=1 c) d(e=f)"},
        {" a\t;\tb = 10 ", "a(b=10)"},
        {"constructor; __proto__=toString", "constructor(__proto__=toString)"},
        {"a, a", "a() a()"},
        {"", "error"},
        {",", "error"},
        {"a,", "a() error"},
        {",a", "error"},
        {";", "error"},
        {"a;", "error"},
        {"a;;b", "error"},
        {"a;b=", "error"},
        {"a;=b", "error"},
        {"a;b=\"\"", "error"},
        {"a;b=\"", "error"},
        {"a;b=\"c", "error"},
        {"a;b=c\"", "error"},
        {"a;b=\"c,d\"", "error"},
        {"a;b=\"c;d\"", "error"},
        {"a;b=\"c d\"", "error"},
        {"a;b=\"\\c\"", "error"},
        {"a;b=c=d", "error"},
        {"a b", "error"},
        {"a;b c", "error"},
        {"a=b", "error"},
        {"a, b;\x80", "a() error"},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        char *found;
        size_t found_len;
        FILE *out = open_memstream(&found, &found_len);
        struct text rest = sio__text_of(CASES[i].list);
        struct text name;
        struct text params;
        int r = sio__ws_extension_next(&rest, &name, &params);
        for (; r == 1; r = sio__ws_extension_next(&rest, &name, &params)) {
            fprintf(out, "%.*s(", (int)name.len, name.data);
            struct text param;
            struct text value;
            const char *blank = "";
            while (sio__ws_param_next(&params, &param, &value) == 1) {
                fprintf(out, "%s%.*s", blank, (int)param.len, param.data);
                if (value.data != NULL) {
                    fprintf(out, "=%.*s", (int)value.len, value.data);
                }
                blank = " ";
            }
            fputs(") ", out);
        }
        fputs(r < 0 ? "error " : "", out);
        fclose(out);
        found[found_len - 1] = '\0';
        assert_string_equal(found, CASES[i].parsed);
        free(found);
        assert_true(r == 0 || r == SIO_ERR_PROTO);
    }
}

static void extensions_of_all_lines_are_checked(void **state) {
    (void)state;
#define X "Sec-WebSocket-Extensions: "
    struct http1_parser p;
    struct ws_handshake handshake;
    assert_int_equal(check(&p, GOOD X "a;b\r\n" X "c\r\n" END, &handshake), WS_FAULT_NONE);
    sio__http1_done(&p);
    assert_int_equal(check(&p, GOOD X "a;b\r\n" X "c;\r\n" END, &handshake), WS_FAULT_EXTENSIONS);
    sio__http1_done(&p);
}

/* ---- the client's side ---- */

static void accept_is_that_of_the_rfc(void **state) {
    (void)state;
    char accept[WS_ACCEPT_LEN + 1];
    assert_int_equal(sio__ws_accept(KEY, accept), 0);
    assert_string_equal(accept, ACCEPT);
}

static void keys_are_valid_and_differ(void **state) {
    (void)state;
    struct rand_pool rand = {0};
    char keys[100][WS_KEY_LEN + 1];
    for (size_t i = 0; i < COUNT(keys); i++) {
        uint8_t bytes[WS_KEY_LEN];
        size_t len;
        assert_int_equal(sio__ws_new_key(&rand, keys[i]), 0);
        assert_int_equal(strlen(keys[i]), WS_KEY_LEN);
        assert_int_equal(sio__base64_decode(bytes, keys[i], WS_KEY_LEN, &len), 0);
        assert_int_equal(len, 16);
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(keys[i], keys[k]);
        }
    }
}

static void answers_are_checked(void **state) {
    (void)state;
#define A      "Sec-WebSocket-Accept: " ACCEPT "\r\n"
#define SWITCH "HTTP/1.1 101 Switching Protocols\r\n"
    static const struct {
        const char *head; /* without the blank line */
        const char *offered;
        enum ws_fault fault;
        const char *protocol;
    } CASES[] = {
        {SWITCH UPGRADES A, "", WS_FAULT_NONE, NULL},
        {SWITCH UPGRADES A P "b\r\n", "a, b", WS_FAULT_NONE, "b"},
        {"HTTP/1.1 101\r\n" A "X: y\r\nUPGRADE: WebSocket\r\nconnection: x, UPGRADE\r\n", "",
         WS_FAULT_NONE, NULL},
        {"HTTP/1.1 103 x\r\nLink: y\r\n\r\n" SWITCH UPGRADES A, "", WS_FAULT_NONE, NULL},
        {"HTTP/1.1 200 OK\r\n" UPGRADES A, "", WS_FAULT_STATUS, NULL},
        {"HTTP/1.1 400 Bad Request\r\n", "", WS_FAULT_STATUS, NULL},
        {"HTTP/1.0 101 x\r\n" UPGRADES A, "", WS_FAULT_UPGRADE, NULL},
        {SWITCH A, "", WS_FAULT_UPGRADE, NULL},
        {SWITCH "Connection: upgrade\r\n" A, "", WS_FAULT_UPGRADE, NULL},
        {SWITCH "Upgrade: websocket\r\n" A, "", WS_FAULT_UPGRADE, NULL},
        {SWITCH "Connection: upgrade\r\nUpgrade: h2c\r\n" A, "", WS_FAULT_UPGRADE, NULL},
        {SWITCH UPGRADES, "", WS_FAULT_ACCEPT, NULL},
        {SWITCH UPGRADES A A, "", WS_FAULT_ACCEPT, NULL},
        {SWITCH UPGRADES "Sec-WebSocket-Accept:\r\n", "", WS_FAULT_ACCEPT, NULL},
        {SWITCH UPGRADES "Sec-WebSocket-Accept: t3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n", "",
         WS_FAULT_ACCEPT, NULL},
        {SWITCH UPGRADES A P "a\r\n", "", WS_FAULT_PROTOCOL, NULL},
        {SWITCH UPGRADES A P "c\r\n", "a, b", WS_FAULT_PROTOCOL, NULL},
        {SWITCH UPGRADES A P "A\r\n", "a, b", WS_FAULT_PROTOCOL, NULL},
        {SWITCH UPGRADES A P "\r\n", "a, b", WS_FAULT_PROTOCOL, NULL},
        {SWITCH UPGRADES A P "a, b\r\n", "a, b", WS_FAULT_PROTOCOL, NULL},
        {SWITCH UPGRADES A P "a\r\n" P "b\r\n", "a, b", WS_FAULT_PROTOCOL, NULL},
        {SWITCH UPGRADES A, "a, b", WS_FAULT_NO_PROTOCOL, NULL},
        {SWITCH UPGRADES A X "permessage-deflate\r\n", "", WS_FAULT_EXTENSIONS, NULL},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        char wire[1000];
        snprintf(wire, sizeof(wire), "%s\r\n", CASES[i].head);
        struct http1_parser p;
        struct http1_result result;
        sio__http1_init_responses(&p, &LIMITS);
        assert_int_equal(sio__http1_parse(&p, wire, strlen(wire), &result), HTTP1_HEAD);
        struct text protocol = {0};
        enum ws_fault fault = sio__ws_handshake_check_answer(
            p.head.status, &p.head, KEY, sio__text_of(CASES[i].offered), &protocol);
        assert_int_equal(fault, CASES[i].fault);
        assert_text(protocol, CASES[i].protocol);
        sio__http1_done(&p);
    }
}

/* What this server answers is what this client takes; the frames behind it are not touched. */
static void written_answer_is_accepted(void **state) {
    (void)state;
    struct http1_parser p;
    struct http1_result result;
    struct ws_handshake handshake;
    struct buf out;
    sio__buf_init(&out, 1000);
    assert_int_equal(check(&p, GOOD P "x, y\r\n" END, &handshake), WS_FAULT_NONE);
    assert_int_equal(sio__ws_handshake_write(&out, &handshake), 0);
    assert_int_equal(sio__http1_write_end(&out), 0);
    sio__http1_done(&p);
    size_t head_len = out.len;
    assert_int_equal(sio__buf_append_str(&out, "\x81\x01x"), 0);
    const char *wire = (const char *)out.data;

    sio__http1_init_responses(&p, &LIMITS);
    assert_int_equal(sio__http1_parse(&p, wire, out.len, &result), HTTP1_HEAD);
    assert_int_equal(result.used, head_len);
    assert_true(p.head.upgrade);
    struct text protocol = {0};
    assert_int_equal(
        sio__ws_handshake_check_answer(p.head.status, &p.head, KEY, SIO_TEXT("x, y"), &protocol),
        WS_FAULT_NONE);
    assert_text(protocol, "x");
    assert_int_equal(sio__http1_parse(&p, wire + head_len, 3, &result), HTTP1_DONE);
    assert_int_equal(result.used, 0);
    sio__http1_done(&p);
    sio__buf_done(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_checked_in_order),
        cmocka_unit_test(refusals_have_status_and_text),
        cmocka_unit_test(first_subprotocol_is_taken),
        cmocka_unit_test(header_of_blanks_takes_no_time),
        cmocka_unit_test(answer_is_written),
        cmocka_unit_test(extensions_are_parsed),
        cmocka_unit_test(extensions_of_all_lines_are_checked),
        cmocka_unit_test(accept_is_that_of_the_rfc),
        cmocka_unit_test(keys_are_valid_and_differ),
        cmocka_unit_test(answers_are_checked),
        cmocka_unit_test(written_answer_is_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
