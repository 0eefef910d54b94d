/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Bytes of WebSocket frames: headers, masking, close payloads (RFC 6455 5.2, 5.3, 5.5.1, 7.4).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/ws_frame.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void header_has_the_shortest_length(void **state) {
    (void)state;
    static const struct {
        uint64_t len;
        struct text header;
    } CASES[] = {
        {0, SIO_TEXT("\x81\x00")},
        {1, SIO_TEXT("\x81\x01")},
        {125, SIO_TEXT("\x81\x7d")},
        {126, SIO_TEXT("\x81\x7e\x00\x7e")},
        {127, SIO_TEXT("\x81\x7e\x00\x7f")},
        {256, SIO_TEXT("\x81\x7e\x01\x00")},
        {65535, SIO_TEXT("\x81\x7e\xff\xff")},
        {65536, SIO_TEXT("\x81\x7f\0\0\0\0\0\1\0\0")},
        {UINT64_C(0x7fffffffffffffff), SIO_TEXT("\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xff")},
    };
    static const uint8_t KEY[4] = {0xde, 0xad, 0xbe, 0xef};
    for (size_t i = 0; i < COUNT(CASES); i++) {
        uint8_t out[WS_HEADER_MAX + 1];
        memset(out, 0x55, sizeof(out));
        size_t n = sio__ws_header(out, WS_FIN | WS_OP_TEXT, CASES[i].len, NULL);
        assert_int_equal(n, CASES[i].header.len);
        assert_true(n <= WS_HEADER_MAX_SERVER);
        assert_memory_equal(out, CASES[i].header.data, n);
        assert_int_equal(out[n], 0x55);

        n = sio__ws_header(out, WS_FIN | WS_OP_TEXT, CASES[i].len, KEY);
        assert_int_equal(n, CASES[i].header.len + 4);
        assert_int_equal(n, sio__ws_client_header_len(CASES[i].len));
        assert_int_equal(out[1], (uint8_t)CASES[i].header.data[1] | WS_MASKED);
        assert_memory_equal(out + 2, CASES[i].header.data + 2, n - 6);
        assert_memory_equal(out + n - 4, KEY, 4);
    }
}

static void header_begins_with_the_byte_given(void **state) {
    (void)state;
    uint8_t out[WS_HEADER_MAX];
    for (unsigned first = 0; first < 256; first++) {
        assert_int_equal(sio__ws_header(out, (uint8_t)first, 3, NULL), 2);
        assert_int_equal(out[0], first);
        assert_int_equal(out[1], 3);
    }
}

enum { AREA = 420 };

static void fill(uint8_t *data, size_t len) {
    for (size_t i = 0; i < len; i++) {
        data[i] = (uint8_t)(i * 167 + 13);
    }
}

static void mask_is_that_of_the_rfc_for_every_length_and_place(void **state) {
    (void)state;
    static const uint8_t KEY[4] = {0x12, 0xa4, 0x56, 0xf8};
    uint8_t original[AREA];
    uint8_t expected[AREA];
    uint8_t data[AREA];
    fill(original, AREA);
    for (size_t len = 0; len <= 260; len++) {
        for (size_t place = 0; place < 17; place += len < 100 ? 1 : 5) {
            for (size_t offset = 0; offset < 6; offset++) {
                memcpy(expected, original, AREA);
                for (size_t i = 0; i < len; i++) {
                    expected[place + i] ^= KEY[(offset + i) % 4];
                }
                memcpy(data, original, AREA);
                sio__ws_mask(data + place, len, KEY, offset);
                assert_memory_equal(data, expected, AREA);
                sio__ws_mask(data + place, len, KEY, offset);
                assert_memory_equal(data, original, AREA);
            }
        }
    }
}

static void masked_copies_touch_nothing_else(void **state) {
    (void)state;
    static const uint8_t KEY[4] = {0x12, 0xa4, 0x56, 0xf8};
    uint8_t original[AREA];
    uint8_t expected[AREA];
    uint8_t copy[AREA];
    fill(original, AREA);
    for (size_t len = 0; len <= 260; len++) {
        for (size_t place = 0; place < 17; place += len < 100 ? 1 : 5) {
            memset(expected, 0x55, AREA);
            for (size_t i = 0; i < len; i++) {
                expected[3 + i] = original[place + i] ^ KEY[i % 4];
            }
            memset(copy, 0x55, AREA);
            sio__ws_mask_copy(copy + 3, original + place, len, KEY);
            assert_memory_equal(copy, expected, AREA);
        }
    }
}

static void mask_in_pieces_is_mask_of_the_whole(void **state) {
    (void)state;
    static const uint8_t KEY[4] = {1, 2, 4, 128};
    uint8_t whole[AREA];
    uint8_t pieces[AREA];
    fill(whole, AREA);
    sio__ws_mask(whole, AREA, KEY, 0);
    for (size_t step = 1; step < 70; step++) {
        fill(pieces, AREA);
        for (size_t at = 0; at < AREA; at += step) {
            size_t n = AREA - at < step ? AREA - at : step;
            sio__ws_mask(pieces + at, n, KEY, at);
        }
        assert_memory_equal(pieces, whole, AREA);
    }
}

static void mask_ascii_finds_a_high_byte_anywhere(void **state) {
    (void)state;
    static const uint8_t KEY[4] = {0x92, 0x34, 0xd6, 0x78};
    uint8_t data[AREA];
    for (size_t len = 0; len < 150; len++) {
        for (size_t high = 0; high <= len; high++) {
            memset(data, 'a', sizeof(data));
            if (high < len) {
                data[1 + high] = 0x80;
            }
            /* Bytes around the data do not count. */
            data[0] = 0xff;
            data[1 + len] = 0xff;
            sio__ws_mask(data + 1, len, KEY, 3);
            assert_int_equal(sio__ws_mask_ascii(data + 1, len, KEY, 3), high == len);
            assert_int_equal(data[0], 0xff);
            assert_int_equal(data[1 + len], 0xff);
            for (size_t i = 0; i < len; i++) {
                assert_int_equal(data[1 + i], i == high ? 0x80 : 'a');
            }
        }
    }
}

static void close_codes_are_those_of_the_registry(void **state) {
    (void)state;
    static const struct {
        unsigned from;
        unsigned to;
        bool valid;
    } RANGES[] = {
        {0, 999, false},     {1000, 1003, true}, {1004, 1006, false},  {1007, 1014, true},
        {1015, 2999, false}, {3000, 4999, true}, {5000, 65535, false},
    };
    for (size_t i = 0; i < COUNT(RANGES); i++) {
        for (unsigned code = RANGES[i].from; code <= RANGES[i].to; code++) {
            assert_int_equal(sio__ws_close_code_valid((uint16_t)code), RANGES[i].valid);
        }
    }
}

static void close_payload_fits_a_control_frame(void **state) {
    (void)state;
    static const size_t LENGTHS[] = {0, 1, 2, 122, 123, 124, 125, 126, 1000};
    char reason[1000];
    memset(reason, 'r', sizeof(reason));
    for (size_t i = 0; i < COUNT(LENGTHS); i++) {
        uint8_t out[WS_CONTROL_MAX + 1];
        memset(out, 0x55, sizeof(out));
        size_t n = sio__ws_close_payload(out, 1001, (struct text){reason, LENGTHS[i]});
        size_t kept = LENGTHS[i] < WS_REASON_MAX ? LENGTHS[i] : WS_REASON_MAX;
        assert_int_equal(n, 2 + kept);
        assert_int_equal(out[0], 0x03);
        assert_int_equal(out[1], 0xe9);
        assert_memory_equal(out + 2, reason, kept);
        assert_int_equal(out[n], 0x55);
    }
}

static void close_payload_without_a_code_is_empty(void **state) {
    (void)state;
    uint8_t out[WS_CONTROL_MAX];
    assert_int_equal(sio__ws_close_payload(out, 0, SIO_TEXT("why")), 0);
    assert_int_equal(sio__ws_close_payload(out, WS_CLOSE_NO_STATUS, SIO_TEXT("why")), 0);
    assert_int_equal(sio__ws_close_payload(out, WS_CLOSE_NORMAL, (struct text){NULL, 0}), 2);
}

static void close_payload_is_cut_between_characters(void **state) {
    (void)state;
    static const char *const CHARACTERS[] = {"\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    for (size_t i = 0; i < COUNT(CHARACTERS); i++) {
        size_t width = strlen(CHARACTERS[i]);
        for (size_t shift = 0; shift < width; shift++) {
            char reason[200];
            size_t len = shift;
            memset(reason, 'r', shift);
            while (len + width <= sizeof(reason)) {
                memcpy(reason + len, CHARACTERS[i], width);
                len += width;
            }
            uint8_t out[WS_CONTROL_MAX];
            size_t n = sio__ws_close_payload(out, 1000, (struct text){reason, len});
            assert_int_equal((n - 2 - shift) % width, 0);
            assert_true(n <= WS_CONTROL_MAX && n > WS_CONTROL_MAX - width);
            assert_memory_equal(out + 2, reason, n - 2);
        }
    }
}

static void close_payload_of_a_malformed_reason_keeps_nothing(void **state) {
    (void)state;
    char reason[200];
    memset(reason, '\x80', sizeof(reason));
    uint8_t out[WS_CONTROL_MAX];
    assert_int_equal(sio__ws_close_payload(out, 1000, (struct text){reason, sizeof(reason)}), 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_has_the_shortest_length),
        cmocka_unit_test(header_begins_with_the_byte_given),
        cmocka_unit_test(mask_is_that_of_the_rfc_for_every_length_and_place),
        cmocka_unit_test(masked_copies_touch_nothing_else),
        cmocka_unit_test(mask_in_pieces_is_mask_of_the_whole),
        cmocka_unit_test(mask_ascii_finds_a_high_byte_anywhere),
        cmocka_unit_test(close_codes_are_those_of_the_registry),
        cmocka_unit_test(close_payload_fits_a_control_frame),
        cmocka_unit_test(close_payload_without_a_code_is_empty),
        cmocka_unit_test(close_payload_is_cut_between_characters),
        cmocka_unit_test(close_payload_of_a_malformed_reason_keeps_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
