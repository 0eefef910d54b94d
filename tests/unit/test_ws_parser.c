/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The WebSocket decoder against RFC 6455. A case is a list of frames and the events that they have
 * to give, written down as a line of text. Every case runs as server (masked frames) and as client
 * (plain ones), and in one piece, byte by byte, and cut at random places.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/text.h"
#include "proto/ws_parser.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum {
    FRAMES_MAX = 8,
    LOGGED_BYTES = 48,
    RANDOM_RUNS = 6,
    MESSAGE_MAX = 70000,
    FRAGMENTS_MAX = 50
};

/* First bytes of frames. */
enum {
    TEXT = 0x81,
    BINARY = 0x82,
    CLOSE = 0x88,
    PING = 0x89,
    PONG = 0x8a,
    LAST = 0x80,
    MIDDLE = 0x00,
    FIRST_TEXT = 0x01,
    FIRST_BINARY = 0x02,
};

struct frame {
    uint8_t first_byte;
    struct text data;
};

struct example {
    const char *name;
    struct frame frames[FRAMES_MAX];
    size_t count;
    const char *events;
};

#define F(first, literal)                                                                          \
    { first, SIO_TEXT(literal) }
#define EXAMPLE(name, events, ...)                                                                 \
    { name, {__VA_ARGS__}, sizeof((struct frame[]){__VA_ARGS__}) / sizeof(struct frame), events }

/* ---- the wire ---- */

static void put_header(struct buf *wire, bool masked, uint8_t first_byte, uint64_t len,
                       const uint8_t *key) {
    uint8_t header[WS_HEADER_MAX];
    size_t n = sio__ws_header(header, first_byte, len, masked ? key : NULL);
    assert_int_equal(sio__buf_append(wire, header, n), 0);
}

/* Appends a frame; every one has another key. */
static void put_frame(struct buf *wire, bool masked, uint8_t first_byte, struct text data) {
    uint32_t seed = (uint32_t)(wire->len + 1) * 2654435761u;
    uint8_t key[4];
    memcpy(key, &seed, sizeof(key));
    put_header(wire, masked, first_byte, data.len, key);
    assert_int_equal(sio__buf_append_text(wire, data), 0);
    for (size_t i = 0; masked && i < data.len; i++) {
        wire->data[wire->len - data.len + i] ^= key[i % 4];
    }
}

/* ---- events as text ---- */

static void log_bytes(FILE *log, const uint8_t *data, size_t len) {
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ data[i]) * 16777619u;
        if (len <= LOGGED_BYTES && data[i] >= 0x20 && data[i] < 0x7f) {
            fputc(data[i], log);
        } else if (len <= LOGGED_BYTES) {
            fprintf(log, "\\x%02x", data[i]);
        }
    }
    if (len > LOGGED_BYTES) {
        fprintf(log, "%zu bytes, hash %08x", len, hash);
    }
}

static void log_event(FILE *log, enum ws_event event, const struct ws_message *m) {
    static const char *const NAMES[] = {
        [WS_TEXT] = "text", [WS_BINARY] = "binary", [WS_PING] = "ping",
        [WS_PONG] = "pong", [WS_CLOSE] = "close",   [WS_ERROR] = "error",
    };
    fprintf(log, "%s(", NAMES[event]);
    if (event == WS_CLOSE || event == WS_ERROR) {
        fprintf(log, "%u ", m->code);
    }
    if (event == WS_ERROR) {
        fputs(m->rule, log);
    } else {
        assert_non_null(m->data);
        log_bytes(log, m->data, m->len);
    }
    fputs(") ", log);
}

/* Expected events, to be freed: every % stands for these bytes. */
static char *events_with(const char *template, struct text data) {
    char *text;
    size_t text_len;
    FILE *log = open_memstream(&text, &text_len);
    assert_non_null(log);
    for (const char *c = template; *c != '\0'; c++) {
        if (*c == '%') {
            log_bytes(log, (const uint8_t *)data.data, data.len);
        } else {
            fputc(*c, log);
        }
    }
    fclose(log);
    return text;
}

/* Feeds one piece, in memory of its own; returns the last event. */
static enum ws_event feed(struct ws_parser *p, const uint8_t *data, size_t len, FILE *log) {
    uint8_t *piece = malloc(len + 1);
    assert_non_null(piece);
    memmove(piece + 1, data, len); /* at an odd place */
    size_t at = 0;
    enum ws_event event;
    do {
        size_t used = SIZE_MAX;
        struct ws_message m = {0};
        event = sio__ws_parse(p, piece + 1 + at, len - at, &used, &m);
        assert_true(used <= len - at);
        at += used;
        if (event == WS_MORE) {
            assert_int_equal(at, len);
        } else {
            log_event(log, event, &m);
        }
        if (event == WS_ERROR) {
            struct ws_message again = {0};
            assert_int_equal(sio__ws_parse(p, piece, len, &used, &again), WS_ERROR);
            assert_int_equal(used, 0);
            assert_int_equal(again.code, m.code);
            assert_ptr_equal(again.rule, m.rule);
        }
    } while (event != WS_MORE && event != WS_ERROR);
    free(piece);
    if (event == WS_MORE) {
        size_t used = SIZE_MAX;
        struct ws_message m;
        assert_int_equal(sio__ws_parse(p, NULL, 0, &used, &m), WS_MORE);
        assert_int_equal(used, 0);
    }
    return event;
}

enum cut { CUT_NEVER, CUT_EVERYWHERE, CUT_RANDOM };

/* Feeds the wire; returns the events, to be freed. "..." stands for a message that is not over. */
static char *events_of(const struct ws_config *config, const struct buf *wire, unsigned cut) {
    char *text;
    size_t text_len;
    FILE *log = open_memstream(&text, &text_len);
    assert_non_null(log);
    struct ws_parser p;
    sio__ws_parser_init(&p, config);
    uint32_t random = cut * 7919u;
    enum ws_event event = WS_MORE;
    for (size_t at = 0; at < wire->len && event == WS_MORE;) {
        size_t n = cut == CUT_NEVER ? wire->len : 1;
        if (cut >= CUT_RANDOM) {
            random = random * 1664525u + 1013904223u;
            n = 1 + (random >> 8) % (1u << (random >> 24) % 14);
        }
        n = n < wire->len - at ? n : wire->len - at;
        event = feed(&p, wire->data + at, n, log);
        at += n;
    }
    if (sio__ws_parser_busy(&p)) {
        fputs("... ", log);
    }
    sio__ws_parser_done(&p);
    assert_false(sio__ws_parser_busy(&p));
    fclose(log);
    if (text_len > 0) {
        text[text_len - 1] = '\0';
    }
    return text;
}

/* Holds a wire to its events, whatever the cuts. */
static void expect_wire(struct ws_config *config, const struct buf *wire, const char *name,
                        const char *events) {
    struct ws_pool pool;
    sio__ws_pool_init(&pool);
    config->pool = &pool;
    for (unsigned cut = CUT_NEVER; cut < CUT_RANDOM + RANDOM_RUNS; cut++) {
        char *found = events_of(config, wire, cut);
        if (strcmp(found, events) != 0) {
            print_message("%s (%s, cut %u)\n", name, config->is_server ? "server" : "client", cut);
            assert_string_equal(found, events);
        }
        free(found);
    }
    sio__ws_pool_done(&pool);
}

static void expect_frames(const struct frame *frames, size_t count, const char *name,
                          const char *events) {
    for (int is_server = 0; is_server <= 1; is_server++) {
        struct ws_config config = {
            .max_message_bytes = MESSAGE_MAX,
            .max_fragments = FRAGMENTS_MAX,
            .is_server = is_server != 0,
        };
        struct buf wire;
        sio__buf_init(&wire, SIZE_MAX);
        for (size_t i = 0; i < count; i++) {
            put_frame(&wire, config.is_server, frames[i].first_byte, frames[i].data);
        }
        expect_wire(&config, &wire, name, events);
        sio__buf_done(&wire);
    }
}

static void expect_examples(const struct example *examples, size_t count) {
    for (size_t i = 0; i < count; i++) {
        expect_frames(examples[i].frames, examples[i].count, examples[i].name, examples[i].events);
    }
}

/* ---- framing ---- */

static void frames_of_one_message_each_are_delivered(void **state) {
    (void)state;
    static const struct example EXAMPLES[] = {
        EXAMPLE("text", "text(hello)", F(TEXT, "hello")),
        EXAMPLE("empty text", "text()", F(TEXT, "")),
        EXAMPLE("binary", "binary(\\x00\\xff\\x80)", F(BINARY, "\0\xff\x80")),
        EXAMPLE("empty binary", "binary()", F(BINARY, "")),
        EXAMPLE("ping", "ping(abc)", F(PING, "abc")),
        EXAMPLE("empty ping", "ping()", F(PING, "")),
        EXAMPLE("ping that is no text", "ping(\\xff\\x00)", F(PING, "\xff\0")),
        EXAMPLE("pong", "pong(abc)", F(PONG, "abc")),
        EXAMPLE("empty pong", "pong()", F(PONG, "")),
        EXAMPLE("several", "text(a) binary(b) ping(c) text(d) pong() text()", F(TEXT, "a"),
                F(BINARY, "b"), F(PING, "c"), F(TEXT, "d"), F(PONG, ""), F(TEXT, "")),
    };
    expect_examples(EXAMPLES, COUNT(EXAMPLES));
}

static void fragments_are_joined(void **state) {
    (void)state;
    static const struct example EXAMPLES[] = {
        EXAMPLE("two", "text(hello)", F(FIRST_TEXT, "hel"), F(LAST, "lo")),
        EXAMPLE("three", "text(abcdef)", F(FIRST_TEXT, "ab"), F(MIDDLE, "cd"), F(LAST, "ef")),
        EXAMPLE("binary", "binary(\\x01\\xfe)", F(FIRST_BINARY, "\1"), F(LAST, "\xfe")),
        EXAMPLE("empty ones", "text(a)", F(FIRST_TEXT, ""), F(MIDDLE, "a"), F(MIDDLE, ""),
                F(LAST, "")),
        EXAMPLE("only empty ones", "text()", F(FIRST_TEXT, ""), F(MIDDLE, ""), F(LAST, "")),
        EXAMPLE("only empty ones, binary", "binary()", F(FIRST_BINARY, ""), F(LAST, "")),
        EXAMPLE("message after message", "text(ab) binary(cd) text(e)", F(FIRST_TEXT, "a"),
                F(LAST, "b"), F(FIRST_BINARY, "c"), F(LAST, "d"), F(TEXT, "e")),
        EXAMPLE("not over", "...", F(FIRST_TEXT, "a"), F(MIDDLE, "b")),
    };
    expect_examples(EXAMPLES, COUNT(EXAMPLES));
}

static void control_frames_come_between_fragments(void **state) {
    (void)state;
    static const struct example EXAMPLES[] = {
        EXAMPLE("ping", "ping(p) text(ab)", F(FIRST_TEXT, "a"), F(PING, "p"), F(LAST, "b")),
        EXAMPLE("pong before the last", "pong() text(abc)", F(FIRST_TEXT, "a"), F(MIDDLE, "b"),
                F(PONG, ""), F(LAST, "c")),
        EXAMPLE("many", "ping(1) ping(2) pong(3) ping() binary(ab) ping(4)", F(FIRST_BINARY, "a"),
                F(PING, "1"), F(PING, "2"), F(PONG, "3"), F(PING, ""), F(LAST, "b"), F(PING, "4")),
        EXAMPLE("within a character", "ping(p) text(\\xe2\\x82\\xac)", F(FIRST_TEXT, "\xe2\x82"),
                F(PING, "p"), F(LAST, "\xac")),
        EXAMPLE("close", "close(1000 ) ...", F(FIRST_TEXT, "a"), F(CLOSE, "\x03\xe8"),
                F(LAST, "b")),
    };
    expect_examples(EXAMPLES, COUNT(EXAMPLES));
}

static void order_of_frames_is_checked(void **state) {
    (void)state;
    static const struct example EXAMPLES[] = {
        EXAMPLE("continuation first", "error(1002 a continuation without a message)", F(LAST, "a")),
        EXAMPLE("continuation first, not last", "error(1002 a continuation without a message)",
                F(MIDDLE, "a")),
        EXAMPLE("continuation after a message",
                "text(a) error(1002 a continuation without a message)", F(TEXT, "a"), F(LAST, "")),
        EXAMPLE("continuation after fragments",
                "text(ab) error(1002 a continuation without a message)", F(FIRST_TEXT, "a"),
                F(LAST, "b"), F(LAST, "c")),
        EXAMPLE("text in a message", "error(1002 a new message within a fragmented one)",
                F(FIRST_TEXT, "a"), F(TEXT, "b")),
        EXAMPLE("fragment in a message", "error(1002 a new message within a fragmented one)",
                F(FIRST_BINARY, "a"), F(FIRST_BINARY, "b")),
        EXAMPLE("binary after a ping", "ping() error(1002 a new message within a fragmented one)",
                F(FIRST_TEXT, ""), F(PING, ""), F(BINARY, "")),
    };
    expect_examples(EXAMPLES, COUNT(EXAMPLES));
}

static void reserved_bits_and_opcodes_are_refused(void **state) {
    (void)state;
    for (unsigned first = 0; first < 256; first++) {
        unsigned opcode = first & WS_OPCODE_MASK;
        bool known = opcode <= WS_OP_BINARY || (opcode >= WS_OP_CLOSE && opcode <= WS_OP_PONG);
        struct frame frame = {(uint8_t)first, SIO_TEXT("")};
        if ((first & WS_RSV_MASK) != 0) {
            expect_frames(&frame, 1, "RSV", "error(1002 a reserved bit is set)");
        } else if (!known) {
            expect_frames(&frame, 1, "opcode", "error(1002 the opcode is reserved)");
        }
    }
}

static void reserved_bits_are_refused_within_messages(void **state) {
    (void)state;
    static const struct example EXAMPLES[] = {
        EXAMPLE("continuation", "error(1002 a reserved bit is set)", F(FIRST_TEXT, "a"),
                F(LAST | WS_RSV1, "b")),
        EXAMPLE("ping", "text(x) error(1002 a reserved bit is set)", F(TEXT, "x"),
                F(FIRST_TEXT, "a"), F(PING | 0x10, "")),
        EXAMPLE("opcode", "error(1002 the opcode is reserved)", F(FIRST_TEXT, "a"), F(0x83, "")),
    };
    expect_examples(EXAMPLES, COUNT(EXAMPLES));
}

static void control_frames_are_short_and_whole(void **state) {
    (void)state;
    static const uint8_t OPCODES[] = {WS_OP_CLOSE, WS_OP_PING, WS_OP_PONG};
    char data[WS_CONTROL_MAX + 1];
    memset(data, '\3', sizeof(data)); /* also close code 771, which is not valid */
    for (size_t i = 0; i < COUNT(OPCODES); i++) {
        struct frame fragment = {OPCODES[i], SIO_TEXT("")};
        struct frame within[] = {F(FIRST_TEXT, "a"), fragment};
        struct frame longer = {WS_FIN | OPCODES[i], {data, sizeof(data)}};
        expect_frames(&fragment, 1, "no FIN", "error(1002 a control frame is fragmented)");
        expect_frames(within, 2, "no FIN", "error(1002 a control frame is fragmented)");
        expect_frames(&longer, 1, "long", "error(1002 a control frame has more than 125 bytes)");
    }
    struct frame longest[] = {{PING, {data, WS_CONTROL_MAX}}, {PONG, {data, WS_CONTROL_MAX}}};
    char *events = events_with("ping(%) pong(%)", longest[0].data);
    expect_frames(longest, 2, "125 bytes", events);
    free(events);
}

static void mask_is_demanded_of_clients_only(void **state) {
    (void)state;
    static const uint8_t FIRST_BYTES[] = {TEXT, BINARY, FIRST_TEXT, PING, CLOSE};
    for (size_t i = 0; i < COUNT(FIRST_BYTES); i++) {
        for (int is_server = 0; is_server <= 1; is_server++) {
            struct ws_config config = {MESSAGE_MAX, FRAGMENTS_MAX, is_server != 0, NULL};
            struct buf wire;
            sio__buf_init(&wire, SIZE_MAX);
            put_frame(&wire, !config.is_server, FIRST_BYTES[i], SIO_TEXT("abcdef"));
            expect_wire(&config, &wire, "mask",
                        is_server ? "error(1002 a frame of the client is not masked)"
                                  : "error(1002 a frame of the server is masked)");
            sio__buf_done(&wire);
        }
    }
}

/* ---- lengths ---- */

static void lengths_at_all_borders_are_read(void **state) {
    (void)state;
    static const size_t LENGTHS[] = {0,   1,   7,   8,   9,     15,    16,    17,   124,
                                     125, 126, 127, 128, 65534, 65535, 65536, 65537};
    char *data = malloc(MESSAGE_MAX);
    assert_non_null(data);
    for (size_t i = 0; i < MESSAGE_MAX; i++) {
        data[i] = (char)('!' + i % 89);
    }
    for (size_t i = 0; i < COUNT(LENGTHS); i++) {
        struct text payload = {data, LENGTHS[i]};
        struct frame frames[] = {{TEXT, payload}, {BINARY, payload}, F(PING, "!")};
        char *events = events_with("text(%) binary(%) ping(!)", payload);
        expect_frames(frames, COUNT(frames), "length", events);
        free(events);
    }
    free(data);
}

/* Headers without payload: they have to be judged by themselves. */
static void lengths_are_judged_by_the_header(void **state) {
    (void)state;
    static const char NOT_SHORTEST[] = "error(1002 the length is not in its shortest form)";
    static const char TOP_BIT[] = "error(1002 the most significant bit of the length is set)";
    static const char TOO_BIG[] = "error(1009 the message is too big)";
    static const char CONTROL[] = "error(1002 a control frame has more than 125 bytes)";
    static const struct {
        uint8_t first_byte;
        struct text len;
        const char *events;
    } CASES[] = {
        {TEXT, SIO_TEXT("\x7e\x00\x00"), NOT_SHORTEST},
        {TEXT, SIO_TEXT("\x7e\x00\x01"), NOT_SHORTEST},
        {BINARY, SIO_TEXT("\x7e\x00\x7d"), NOT_SHORTEST},
        {FIRST_TEXT, SIO_TEXT("\x7e\x00\x7d"), NOT_SHORTEST},
        {TEXT, SIO_TEXT("\x7e\x00\x7e"), "..."},
        {TEXT, SIO_TEXT("\x7f\0\0\0\0\0\0\0\0"), NOT_SHORTEST},
        {TEXT, SIO_TEXT("\x7f\0\0\0\0\0\0\0\x7d"), NOT_SHORTEST},
        {BINARY, SIO_TEXT("\x7f\0\0\0\0\0\0\xff\xff"), NOT_SHORTEST},
        {TEXT, SIO_TEXT("\x7f\0\0\0\0\0\1\0\0"), "..."},
        {TEXT, SIO_TEXT("\x7f\0\0\0\0\0\1\x11\x70"), "..."},
        {TEXT, SIO_TEXT("\x7f\0\0\0\0\0\1\x11\x71"), TOO_BIG},
        {TEXT, SIO_TEXT("\x7f\0\0\0\1\0\0\0\0"), TOO_BIG},
        {FIRST_BINARY, SIO_TEXT("\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"), TOO_BIG},
        {TEXT, SIO_TEXT("\x7f\x80\0\0\0\0\0\0\0"), TOP_BIT},
        {BINARY, SIO_TEXT("\x7f\xff\xff\xff\xff\xff\xff\xff\xff"), TOP_BIT},
        {PING, SIO_TEXT("\x7e\x00\x05"), CONTROL},
        {PONG, SIO_TEXT("\x7f\0\0\0\0\0\0\0\5"), CONTROL},
        {CLOSE, SIO_TEXT("\x7f\xff\xff\xff\xff\xff\xff\xff\xff"), CONTROL},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        for (int is_server = 0; is_server <= 1; is_server++) {
            struct ws_config config = {MESSAGE_MAX, FRAGMENTS_MAX, is_server != 0, NULL};
            struct buf wire;
            sio__buf_init(&wire, SIZE_MAX);
            assert_int_equal(sio__buf_push(&wire, CASES[i].first_byte), 0);
            assert_int_equal(sio__buf_append_text(&wire, CASES[i].len), 0);
            if (is_server) {
                wire.data[1] |= WS_MASKED;
                assert_int_equal(sio__buf_append(&wire, "mask", 4), 0);
            }
            expect_wire(&config, &wire, "header", CASES[i].events);
            sio__buf_done(&wire);
        }
    }
}

/* ---- limits ---- */

/* Runs fragments of the given lengths as server. */
static void expect_limits(size_t max_bytes, uint32_t max_fragments, const size_t *lengths,
                          size_t count, const char *events) {
    static const char DATA[] = "xxxxxxxxxxxxxxxxxxxx";
    struct ws_config config = {max_bytes, max_fragments, true, NULL};
    struct buf wire;
    sio__buf_init(&wire, SIZE_MAX);
    for (size_t i = 0; i < count; i++) {
        uint8_t first = (uint8_t)((i == 0 ? WS_OP_BINARY : 0) | (i + 1 == count ? WS_FIN : 0));
        put_frame(&wire, true, first, (struct text){DATA, lengths[i]});
    }
    expect_wire(&config, &wire, "limits", events);
    sio__buf_done(&wire);
}

static void message_size_is_limited_over_all_fragments(void **state) {
    (void)state;
    static const char TOO_BIG[] = "error(1009 the message is too big)";
    expect_limits(10, 9, (size_t[]){10}, 1, "binary(xxxxxxxxxx)");
    expect_limits(10, 9, (size_t[]){11}, 1, TOO_BIG);
    expect_limits(10, 9, (size_t[]){5, 5}, 2, "binary(xxxxxxxxxx)");
    expect_limits(10, 9, (size_t[]){5, 6}, 2, TOO_BIG);
    expect_limits(10, 9, (size_t[]){0, 10, 0}, 3, "binary(xxxxxxxxxx)");
    expect_limits(10, 9, (size_t[]){0, 10, 1}, 3, TOO_BIG);
    expect_limits(10, 9, (size_t[]){10, 0, 1, 0}, 4, TOO_BIG);
    expect_limits(0, 9, (size_t[]){0}, 1, "binary()");
    expect_limits(0, 9, (size_t[]){0, 0}, 2, "binary()");
    expect_limits(0, 9, (size_t[]){1}, 1, TOO_BIG);
}

static void number_of_fragments_is_limited(void **state) {
    (void)state;
    static const char FRAGMENTS[] = "error(1008 the message has too many fragments)";
    expect_limits(10, 3, (size_t[]){1, 1, 1}, 3, "binary(xxx)");
    expect_limits(10, 3, (size_t[]){1, 1, 1, 1}, 4, FRAGMENTS);
    expect_limits(10, 3, (size_t[]){0, 0, 0, 0}, 4, FRAGMENTS);
    expect_limits(10, 1, (size_t[]){4}, 1, "binary(xxxx)");
    expect_limits(10, 1, (size_t[]){4, 4}, 2, FRAGMENTS);
}

static void limits_do_not_count_control_frames(void **state) {
    (void)state;
    struct ws_config config = {3, 2, true, NULL};
    struct buf wire;
    sio__buf_init(&wire, SIZE_MAX);
    put_frame(&wire, true, FIRST_TEXT, SIO_TEXT("ab"));
    for (int i = 0; i < 4; i++) {
        put_frame(&wire, true, PING, SIO_TEXT("long ping"));
    }
    put_frame(&wire, true, LAST, SIO_TEXT("c"));
    expect_wire(&config, &wire, "control frames",
                "ping(long ping) ping(long ping) ping(long ping) ping(long ping) text(abc)");
    sio__buf_done(&wire);
}

/* ---- closing ---- */

static void close_frames_are_read(void **state) {
    (void)state;
    static const char CODE[] = "error(1002 the close code is not allowed)";
    static const struct example EXAMPLES[] = {
        EXAMPLE("empty", "close(1005 )", F(CLOSE, "")),
        EXAMPLE("one byte", "error(1002 a close frame has one byte)", F(CLOSE, "\x03")),
        EXAMPLE("code", "close(1000 )", F(CLOSE, "\x03\xe8")),
        EXAMPLE("reason", "close(1001 bye)",
                F(CLOSE, "\x03\xe9"
                         "bye")),
        EXAMPLE("reason in UTF-8", "close(4999 \\xe2\\x82\\xac)", F(CLOSE, "\x13\x87\xe2\x82\xac")),
        EXAMPLE("reason not UTF-8", "error(1007 text is not UTF-8)", F(CLOSE, "\x03\xe8\xff")),
        EXAMPLE("reason cut", "error(1007 text is not UTF-8)", F(CLOSE, "\x03\xe8\xe2\x82")),
        EXAMPLE("no status", CODE, F(CLOSE, "\x03\xed")),
        EXAMPLE("abnormal", CODE, F(CLOSE, "\x03\xee")),
        EXAMPLE("zero", CODE, F(CLOSE, "\0\0")),
        EXAMPLE("highest", CODE, F(CLOSE, "\xff\xff")),
        EXAMPLE("last word", "text(a) close(1000 )", F(TEXT, "a"), F(CLOSE, "\x03\xe8"),
                F(TEXT, "b"), F(PING, ""), F(0xff, "")),
        EXAMPLE("only one", "close(1005 )", F(CLOSE, ""), F(CLOSE, "\x03\xe8")),
    };
    expect_examples(EXAMPLES, COUNT(EXAMPLES));
}

static void close_codes_and_reasons_of_all_lengths(void **state) {
    (void)state;
    uint8_t payload[WS_CONTROL_MAX];
    memset(payload, 'r', sizeof(payload));
    for (unsigned code = 990; code < 5010; code++) {
        payload[0] = (uint8_t)(code >> 8);
        payload[1] = (uint8_t)code;
        struct ws_pool pool;
        sio__ws_pool_init(&pool);
        struct ws_config config = {MESSAGE_MAX, FRAGMENTS_MAX, true, &pool};
        struct buf wire;
        sio__buf_init(&wire, SIZE_MAX);
        size_t reason_len = code % (WS_REASON_MAX + 1);
        put_frame(&wire, true, CLOSE, (struct text){(char *)payload, 2 + reason_len});
        struct ws_parser p;
        sio__ws_parser_init(&p, &config);
        size_t used;
        struct ws_message m = {0};
        enum ws_event event = sio__ws_parse(&p, wire.data, wire.len, &used, &m);
        if (sio__ws_close_code_valid((uint16_t)code)) {
            assert_int_equal(event, WS_CLOSE);
            assert_int_equal(m.code, code);
            assert_int_equal(m.len, reason_len);
            assert_memory_equal(m.data, payload + 2, reason_len);
        } else {
            assert_int_equal(event, WS_ERROR);
            assert_int_equal(m.code, WS_CLOSE_PROTOCOL_ERROR);
        }
        sio__ws_parser_done(&p);
        sio__buf_done(&wire);
    }
}

/* ---- UTF-8 ---- */

static const struct {
    struct text text;
    bool valid;
} UTF8[] = {
    {SIO_TEXT("plain"), true},
    {SIO_TEXT("\0\x01\x7f"), true},
    {SIO_TEXT("\xc2\x80"), true},
    {SIO_TEXT("\xdf\xbf"), true},
    {SIO_TEXT("\xe0\xa0\x80"), true},
    {SIO_TEXT("\xed\x9f\xbf"), true},
    {SIO_TEXT("\xee\x80\x80"), true},
    {SIO_TEXT("\xef\xbf\xbf"), true},
    {SIO_TEXT("\xf0\x90\x80\x80"), true},
    {SIO_TEXT("\xf4\x8f\xbf\xbf"), true},
    {SIO_TEXT("\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5"), true},
    {SIO_TEXT("some ascii before it \xf0\x9f\x98\x80 and quite some more behind it"), true},
    {SIO_TEXT("\x80"), false},
    {SIO_TEXT("\xbf"), false},
    {SIO_TEXT("\xc0\x80"), false},
    {SIO_TEXT("\xc1\xbf"), false},
    {SIO_TEXT("\xe0\x80\x80"), false},
    {SIO_TEXT("\xe0\x9f\xbf"), false},
    {SIO_TEXT("\xed\xa0\x80"), false},
    {SIO_TEXT("\xed\xbf\xbf"), false},
    {SIO_TEXT("\xf0\x80\x80\x80"), false},
    {SIO_TEXT("\xf0\x8f\xbf\xbf"), false},
    {SIO_TEXT("\xf4\x90\x80\x80"), false},
    {SIO_TEXT("\xf5\x80\x80\x80"), false},
    {SIO_TEXT("\xf8\x88\x80\x80\x80"), false},
    {SIO_TEXT("\xfe"), false},
    {SIO_TEXT("\xff"), false},
    {SIO_TEXT("\xc2"), false},
    {SIO_TEXT("\xe2\x82"), false},
    {SIO_TEXT("\xf0\x9f\x98"), false},
    {SIO_TEXT("\xc2\x41"), false},
    {SIO_TEXT("\xe2\x82\x41"), false},
    {SIO_TEXT("\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80\x65\x64"), false},
    {SIO_TEXT("some ascii before it \xf0\x9f\x98 and quite some more behind it"), false},
};

static void text_has_to_be_utf8_in_one_frame(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(UTF8); i++) {
        struct frame frames[] = {{TEXT, UTF8[i].text}, F(BINARY, "\xff")};
        const char *template =
            UTF8[i].valid ? "text(%) binary(\\xff)" : "error(1007 text is not UTF-8)";
        char *events = events_with(template, UTF8[i].text);
        expect_frames(frames, 2, "UTF-8", events);
        free(events);
    }
}

static void text_has_to_be_utf8_over_fragments_cut_anywhere(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(UTF8); i++) {
        struct text t = UTF8[i].text;
        const char *template = UTF8[i].valid ? "text(%) pong()" : "error(1007 text is not UTF-8)";
        char *events = events_with(template, t);
        for (size_t cut = 0; cut <= t.len; cut++) {
            struct frame frames[] = {
                {FIRST_TEXT, {t.data, cut / 2}},
                {MIDDLE, {t.data + cut / 2, cut - cut / 2}},
                {LAST, {t.data + cut, t.len - cut}},
                F(PONG, ""),
            };
            expect_frames(frames, COUNT(frames), "UTF-8 in fragments", events);
        }
        free(events);
    }
}

static void wrong_utf8_is_noticed_before_the_message_ends(void **state) {
    (void)state;
    static const struct example EXAMPLES[] = {
        EXAMPLE("first fragment", "error(1007 text is not UTF-8)", F(FIRST_TEXT, "ab\xff")),
        EXAMPLE("second fragment", "error(1007 text is not UTF-8)", F(FIRST_TEXT, "ab\xe2\x82"),
                F(MIDDLE, "\x41")),
        EXAMPLE("not yet wrong", "...", F(FIRST_TEXT, "ab\xf4\x8f")),
        EXAMPLE("fourth byte is wrong", "error(1007 text is not UTF-8)",
                F(FIRST_TEXT, "ab\xf4\x90")),
    };
    expect_examples(EXAMPLES, COUNT(EXAMPLES));

    /* Also within a frame of which not all has come. */
    struct ws_pool pool;
    sio__ws_pool_init(&pool);
    struct ws_config config = {MESSAGE_MAX, FRAGMENTS_MAX, false, &pool};
    uint8_t wire[] = {TEXT, 100, 'a', 'b', 0xc3, 0x28};
    struct ws_parser p;
    sio__ws_parser_init(&p, &config);
    size_t used;
    struct ws_message m;
    assert_int_equal(sio__ws_parse(&p, wire, sizeof(wire), &used, &m), WS_ERROR);
    assert_int_equal(m.code, WS_CLOSE_BAD_DATA);
    sio__ws_parser_done(&p);
    sio__ws_pool_done(&pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_of_one_message_each_are_delivered),
        cmocka_unit_test(fragments_are_joined),
        cmocka_unit_test(control_frames_come_between_fragments),
        cmocka_unit_test(order_of_frames_is_checked),
        cmocka_unit_test(reserved_bits_and_opcodes_are_refused),
        cmocka_unit_test(reserved_bits_are_refused_within_messages),
        cmocka_unit_test(control_frames_are_short_and_whole),
        cmocka_unit_test(mask_is_demanded_of_clients_only),
        cmocka_unit_test(lengths_at_all_borders_are_read),
        cmocka_unit_test(lengths_are_judged_by_the_header),
        cmocka_unit_test(message_size_is_limited_over_all_fragments),
        cmocka_unit_test(number_of_fragments_is_limited),
        cmocka_unit_test(limits_do_not_count_control_frames),
        cmocka_unit_test(close_frames_are_read),
        cmocka_unit_test(close_codes_and_reasons_of_all_lengths),
        cmocka_unit_test(text_has_to_be_utf8_in_one_frame),
        cmocka_unit_test(text_has_to_be_utf8_over_fragments_cut_anywhere),
        cmocka_unit_test(wrong_utf8_is_noticed_before_the_message_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
