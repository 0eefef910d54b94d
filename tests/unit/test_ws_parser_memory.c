/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * What the WebSocket decoder holds in memory, and when it lets go.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <sio/error.h>

#include "base/buf.h"
#include "proto/ws_parser.h"
#include "support/torture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { MESSAGE_MAX = 70000, FRAGMENTS_MAX = 50 };

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

#define F(first, literal)                                                                          \
    { first, SIO_TEXT(literal) }

/* Appends a masked frame. */
static void put_frame(struct buf *wire, uint8_t first_byte, struct text data) {
    static const uint8_t KEY[4] = {0x11, 0x82, 0x53, 0x94};
    uint8_t header[WS_HEADER_MAX];
    size_t n = sio__ws_header(header, first_byte, data.len, KEY);
    assert_int_equal(sio__buf_append(wire, header, n), 0);
    assert_int_equal(sio__buf_append_text(wire, data), 0);
    sio__ws_mask(wire->data + wire->len - data.len, data.len, KEY, 0);
}

/* Feeds a masked frame in two pieces, cut at a place; returns the last event. */
static enum ws_event feed_cut(struct ws_parser *p, const struct buf *wire, size_t cut) {
    uint8_t copy[256];
    assert_true(wire->len <= sizeof(copy));
    memcpy(copy, wire->data, wire->len);
    size_t used;
    struct ws_message m;
    assert_int_equal(sio__ws_parse(p, copy, cut, &used, &m), WS_MORE);
    assert_int_equal(used, cut);
    assert_int_equal(sio__ws_parser_busy(p), cut > 0);
    enum ws_event event = sio__ws_parse(p, copy + cut, wire->len - cut, &used, &m);
    assert_int_equal(used, wire->len - cut);
    if (event != WS_ERROR) {
        enum ws_event next = sio__ws_parse(p, copy + wire->len, 0, &used, &m);
        assert_int_equal(next, WS_MORE);
    }
    return event;
}

static void parser_of_an_idle_connection_holds_nothing(void **state) {
    (void)state;
    static const struct frame FRAMES[] = {F(TEXT, "hello"), F(BINARY, ""), F(PING, "?"),
                                          F(CLOSE, "\x03\xe8 bye")};
    static const enum ws_event EVENTS[] = {WS_TEXT, WS_BINARY, WS_PING, WS_CLOSE};
    assert_true(sizeof(struct ws_parser) <= 24);
    struct ws_pool pool;
    sio__ws_pool_init(&pool);
    struct ws_config config = {MESSAGE_MAX, FRAGMENTS_MAX, true, &pool};
    for (size_t i = 0; i < COUNT(FRAMES); i++) {
        struct buf wire;
        sio__buf_init(&wire, SIZE_MAX);
        put_frame(&wire, FRAMES[i].first_byte, FRAMES[i].data);
        for (size_t cut = 0; cut < wire.len; cut++) {
            struct ws_parser p;
            sio__ws_parser_init(&p, &config);
            assert_int_equal(feed_cut(&p, &wire, cut), EVENTS[i]);
            assert_false(sio__ws_parser_busy(&p));
        }
        sio__buf_done(&wire);
    }
    sio__ws_pool_done(&pool);
}

static void whole_frames_allocate_nothing(void **state) {
    (void)state;
    torture_install();
    struct ws_pool pool;
    sio__ws_pool_init(&pool);
    struct ws_config config = {MESSAGE_MAX, FRAGMENTS_MAX, false, &pool};
    struct ws_parser p;
    sio__ws_parser_init(&p, &config);
    uint8_t wire[] = {TEXT, 1, 'a', BINARY, 1, 'b', PING, 0, PONG, 0, CLOSE, 0};
    size_t at = 0;
    enum ws_event event;
    do {
        size_t used;
        struct ws_message m;
        event = sio__ws_parse(&p, wire + at, sizeof(wire) - at, &used, &m);
        assert_ptr_equal(m.data + m.len, wire + at + used);
        at += used;
    } while (event != WS_CLOSE);
    assert_int_equal(at, sizeof(wire));
    assert_int_equal(torture_count(), 0);
    torture_uninstall();
}

static void frames_that_are_cut_allocate_only_once(void **state) {
    (void)state;
    torture_install();
    struct ws_pool pool;
    sio__ws_pool_init(&pool);
    struct ws_config config = {MESSAGE_MAX, FRAGMENTS_MAX, true, &pool};
    struct ws_parser p;
    sio__ws_parser_init(&p, &config);
    struct buf wire;
    sio__buf_init(&wire, SIZE_MAX);
    put_frame(&wire, TEXT, SIO_TEXT("a text of more than a few bytes, so that it is cut"));
    assert_int_equal(feed_cut(&p, &wire, 20), WS_TEXT);
    size_t before = torture_count();
    for (size_t cut = 1; cut < wire.len; cut++) {
        assert_int_equal(feed_cut(&p, &wire, cut), WS_TEXT);
    }
#ifndef SIO_NO_POOL
    assert_int_equal(torture_count(), before);
#else
    assert_true(torture_count() > before);
#endif
    sio__ws_parser_done(&p);
    sio__ws_pool_done(&pool);
    sio__buf_done(&wire);
    torture_uninstall();
}

static void memory_follows_bytes_that_came_not_lengths_announced(void **state) {
    (void)state;
    torture_install();
    struct ws_pool pool;
    sio__ws_pool_init(&pool);
    struct ws_config config = {SIZE_MAX, FRAGMENTS_MAX, false, &pool};
    struct ws_parser p;
    sio__ws_parser_init(&p, &config);
    uint8_t header[] = {BINARY, WS_LEN_64, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff};
    uint8_t data[1000] = {0};
    size_t used;
    struct ws_message m;
    assert_int_equal(sio__ws_parse(&p, header, sizeof(header), &used, &m), WS_MORE);
    size_t came = 0;
    for (int i = 0; i < 100; i++) {
        assert_int_equal(sio__ws_parse(&p, data, sizeof(data), &used, &m), WS_MORE);
        came += sizeof(data);
        assert_true(torture_bytes() <= 2 * came + 1024);
    }
    sio__ws_parser_done(&p);
    sio__ws_pool_done(&pool);
    torture_uninstall();
}

enum { CONNECTIONS = 100 };

static void pool_keeps_little(void **state) {
    (void)state;
    torture_install();
    struct ws_pool pool;
    sio__ws_pool_init(&pool);
    struct ws_config config = {MESSAGE_MAX, FRAGMENTS_MAX, false, &pool};
    struct ws_parser parsers[CONNECTIONS];
    static uint8_t wire[30000];
    for (size_t i = 0; i < CONNECTIONS; i++) {
        sio__ws_parser_init(&parsers[i], &config);
        size_t used;
        struct ws_message m;
        memcpy(wire, "\x82\x7e\xff\xff", 4);
        assert_int_equal(sio__ws_parse(&parsers[i], wire, sizeof(wire), &used, &m), WS_MORE);
    }
    assert_true(torture_bytes() >= CONNECTIONS * (sizeof(wire) - 4));
    for (size_t i = 0; i < CONNECTIONS; i++) {
        sio__ws_parser_done(&parsers[i]);
    }
    assert_true(pool.count <= 64);
    assert_int_equal(torture_blocks(), pool.count);
    assert_true(torture_bytes() <= 64 * 512);
    sio__ws_pool_done(&pool);
    assert_int_equal(torture_blocks(), 0);
    torture_uninstall();
}

static void pool_serves_parsers_of_several_limits(void **state) {
    (void)state;
    struct ws_pool pool;
    sio__ws_pool_init(&pool);
    struct ws_config large = {MESSAGE_MAX, FRAGMENTS_MAX, false, &pool};
    struct ws_config small = {100, FRAGMENTS_MAX, false, &pool};
    for (int i = 0; i < 4; i++) {
        const struct ws_config *config = i % 2 == 0 ? &large : &small;
        uint8_t wire[2000] = {BINARY, WS_LEN_16, 0x08, 0x00};
        struct ws_parser p;
        sio__ws_parser_init(&p, config);
        size_t used;
        struct ws_message m;
        if (config == &large) {
            assert_int_equal(sio__ws_parse(&p, wire, sizeof(wire), &used, &m), WS_MORE);
        } else {
            uint8_t begin[] = {FIRST_BINARY, 1, 'a'};
            uint8_t end[] = {LAST, 99};
            assert_int_equal(sio__ws_parse(&p, begin, sizeof(begin), &used, &m), WS_MORE);
            assert_int_equal(sio__ws_parse(&p, end, sizeof(end), &used, &m), WS_MORE);
            assert_int_equal(sio__ws_parse(&p, wire, 99, &used, &m), WS_BINARY);
            assert_int_equal(m.len, 100);
        }
        sio__ws_parser_done(&p);
    }
    sio__ws_pool_done(&pool);
}

static void errors_give_memory_back(void **state) {
    (void)state;
    struct ws_pool pool;
    sio__ws_pool_init(&pool);
    struct ws_config config = {MESSAGE_MAX, FRAGMENTS_MAX, false, &pool};
    struct ws_parser p;
    sio__ws_parser_init(&p, &config);
    uint8_t wire[] = {FIRST_TEXT, 2, 'a', 'b', TEXT, 0};
    size_t used;
    struct ws_message m;
    assert_int_equal(sio__ws_parse(&p, wire, sizeof(wire), &used, &m), WS_ERROR);
    assert_false(sio__ws_parser_busy(&p));
    sio__ws_pool_done(&pool);
    sio__ws_pool_done(NULL);
    sio__ws_parser_done(NULL);
}

/* All that allocates: a header cut, a frame cut, a message that grows, a control frame cut. */
static int read_in_pieces(void *user) {
    static const struct frame FRAMES[] = {
        F(FIRST_TEXT, "a fragment that is longer than the others, to make the buffer grow again"),
        F(PING, "control"), F(MIDDLE, "!"), F(LAST, "the end"), F(BINARY, "next")};
    const size_t *step = user;
    struct ws_pool pool;
    sio__ws_pool_init(&pool);
    struct ws_config config = {MESSAGE_MAX, FRAGMENTS_MAX, true, &pool};
    struct ws_parser p;
    sio__ws_parser_init(&p, &config);
    static uint8_t area[256];
    struct buf wire = {area, 0, sizeof(area), sizeof(area)};
    for (size_t i = 0; i < COUNT(FRAMES); i++) {
        put_frame(&wire, FRAMES[i].first_byte, FRAMES[i].data);
    }
    int r = 0;
    size_t end = 0;
    for (size_t at = 0; at < wire.len && r == 0;) {
        end = end < wire.len && at == end ? end + *step : end;
        end = end < wire.len ? end : wire.len;
        size_t used;
        struct ws_message m;
        enum ws_event event = sio__ws_parse(&p, wire.data + at, end - at, &used, &m);
        at += used;
        if (event == WS_ERROR) {
            assert_int_equal(m.code, WS_CLOSE_INTERNAL);
            r = SIO_ERR_NOMEM;
        }
    }
    sio__ws_parser_done(&p);
    sio__ws_pool_done(&pool);
    return r;
}

static void every_failure_of_memory_is_an_error_1011(void **state) {
    (void)state;
    for (size_t step = 1; step < 40; step += 3) {
        torture_run(read_in_pieces, &step);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parser_of_an_idle_connection_holds_nothing),
        cmocka_unit_test_teardown(whole_frames_allocate_nothing, torture_teardown),
        cmocka_unit_test_teardown(frames_that_are_cut_allocate_only_once, torture_teardown),
        cmocka_unit_test_teardown(memory_follows_bytes_that_came_not_lengths_announced,
                                  torture_teardown),
        cmocka_unit_test_teardown(pool_keeps_little, torture_teardown),
        cmocka_unit_test(pool_serves_parsers_of_several_limits),
        cmocka_unit_test(errors_give_memory_back),
        cmocka_unit_test_teardown(every_failure_of_memory_is_an_error_1011, torture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
