/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"

/* ---- reference: decodes a character and sees whether its shortest form is the same ---- */

static size_t encode(uint32_t code, uint8_t dst[4]) {
    if (code < 0x80) {
        dst[0] = (uint8_t)code;
        return 1;
    }
    if (code < 0x800) {
        dst[0] = (uint8_t)(0xc0 | code >> 6);
        dst[1] = (uint8_t)(0x80 | (code & 63));
        return 2;
    }
    if (code < 0x10000) {
        dst[0] = (uint8_t)(0xe0 | code >> 12);
        dst[1] = (uint8_t)(0x80 | (code >> 6 & 63));
        dst[2] = (uint8_t)(0x80 | (code & 63));
        return 3;
    }
    dst[0] = (uint8_t)(0xf0 | code >> 18);
    dst[1] = (uint8_t)(0x80 | (code >> 12 & 63));
    dst[2] = (uint8_t)(0x80 | (code >> 6 & 63));
    dst[3] = (uint8_t)(0x80 | (code & 63));
    return 4;
}

static bool reference_valid(const uint8_t *p, size_t n) {
    size_t i = 0;
    while (i < n) {
        size_t len = p[i] < 0x80 ? 1 : p[i] < 0xe0 ? 2 : p[i] < 0xf0 ? 3 : 4;
        if (len > n - i) {
            return false;
        }
        uint32_t code = len == 1 ? p[i] : p[i] & (0x7fu >> len);
        for (size_t k = 1; k < len; k++) {
            code = code << 6 | (p[i + k] & 63);
        }
        uint8_t again[4];
        if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000) || encode(code, again) != len ||
            memcmp(again, p + i, len) != 0) {
            return false;
        }
        i += len;
    }
    return true;
}

/* Feeds a text in two pieces, or in single bytes if cut is beyond its end. */
static bool valid_in_pieces(const uint8_t *p, size_t n, size_t cut) {
    struct utf8_state u = {0};
    if (cut <= n) {
        return sio__utf8_feed(&u, p, cut) && sio__utf8_feed(&u, p + cut, n - cut) &&
               sio__utf8_complete(&u);
    }
    for (size_t i = 0; i < n; i++) {
        if (!sio__utf8_feed(&u, p + i, 1)) {
            return false;
        }
    }
    return sio__utf8_complete(&u);
}

static void assert_same_verdict(const uint8_t *p, size_t n) {
    bool expected = reference_valid(p, n);
    if (sio__utf8_valid(p, n) != expected) {
        fail_msg("%02x %02x %02x %02x: should be %d", p[0], n > 1 ? p[1] : 0, n > 2 ? p[2] : 0,
                 n > 3 ? p[3] : 0, expected);
    }
    assert_int_equal(valid_in_pieces(p, n, n + 1), expected);
}

static void every_sequence_of_up_to_three_bytes_is_judged_right(void **state) {
    (void)state;
    uint8_t p[3];
    for (uint32_t i = 0; i < 1u << 24; i++) {
        p[0] = (uint8_t)(i >> 16);
        p[1] = (uint8_t)(i >> 8);
        p[2] = (uint8_t)i;
        if (p[0] < 0x80 && (i & 0x7fff) != 0) {
            continue; /* that is the same as a sequence of two */
        }
        bool expected = reference_valid(p, 3);
        assert_true(sio__utf8_valid(p, 3) == expected);
    }
    for (uint32_t i = 0; i < 1u << 16; i++) {
        p[0] = (uint8_t)(i >> 8);
        p[1] = (uint8_t)i;
        assert_same_verdict(p, 2);
        assert_same_verdict(p + 1, 1);
    }
}

static void sequences_of_four_bytes_are_judged_right(void **state) {
    (void)state;
    static const uint8_t ends[] = {0x00, 0x7f, 0x80, 0x81, 0xa5, 0xbf, 0xc0, 0xff};
    for (unsigned first = 0xe0; first < 0x100; first++) {
        for (unsigned second = 0; second < 0x100; second++) {
            for (size_t i = 0; i < sizeof(ends) * sizeof(ends); i++) {
                uint8_t p[4] = {(uint8_t)first, (uint8_t)second, ends[i / sizeof(ends)],
                                ends[i % sizeof(ends)]};
                assert_same_verdict(p, 4);
            }
        }
    }
}

static void every_character_is_valid(void **state) {
    (void)state;
    for (uint32_t code = 0; code <= 0x10ffff; code++) {
        uint8_t p[4];
        size_t n = encode(code, p);
        bool surrogate = code >= 0xd800 && code < 0xe000;
        assert_true(sio__utf8_valid(p, n) == !surrogate);
        assert_true(n == 1 || !sio__utf8_valid(p, n - 1));
    }
}

static const struct {
    const char *bytes;
    bool valid;
} samples[] = {
    {"x", true},
    {"\xc3\xa4", true},
    {"\xe4\xbd\xa0", true},
    {"\xef\xbf\xbf", true},
    {"\xf0\x9f\x98\x80", true},
    {"\xf4\x8f\xbf\xbf", true},
    {"\x80", false},
    {"\xc0\xaf", false},
    {"\xc1\xbf", false},
    {"\xe0\x9f\xbf", false},
    {"\xed\xa0\x80", false},
    {"\xf0\x8f\xbf\xbf", false},
    {"\xf4\x90\x80\x80", false},
    {"\xf8\x88\x80\x80\x80", false},
    {"\xff", false},
    {"\xe4\xbd", false},
    {"\xf0\x9f\x98", false},
    {"\xc3", false},
};

/* The places within long texts are those where the fast path begins, ends and changes its step. */
static void what_stands_around_does_not_matter(void **state) {
    (void)state;
    for (size_t s = 0; s < sizeof(samples) / sizeof(samples[0]); s++) {
        size_t len = strlen(samples[s].bytes);
        for (size_t before = 0; before < 70; before++) {
            for (size_t after = 0; after < 70; after++) {
                /* At the very end of the array, so that a sanitizer sees reads beyond it. */
                uint8_t text[160];
                size_t n = before + len + after;
                uint8_t *p = text + sizeof(text) - n;
                memset(p, 'a', n);
                memcpy(p + before, samples[s].bytes, len);
                assert_int_equal(sio__utf8_valid(p, n), samples[s].valid);
            }
        }
    }
    assert_true(sio__utf8_valid(NULL, 0));
}

static void the_place_of_a_cut_does_not_matter(void **state) {
    (void)state;
    for (size_t s = 0; s < sizeof(samples) / sizeof(samples[0]); s++) {
        uint8_t text[160];
        size_t n = 0;
        for (size_t i = 0; i < 20; i++) {
            const char *piece = i == 11 ? samples[s].bytes : samples[i % 6].bytes;
            memcpy(text + n, piece, strlen(piece));
            n += strlen(piece);
        }
        for (size_t cut = 0; cut <= n + 1; cut++) {
            assert_int_equal(valid_in_pieces(text, n, cut), samples[s].valid);
        }
    }
}

static void a_stream_fails_with_the_first_byte_that_cannot_be(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t good; /* bytes that are still the front of a valid text */
    } cases[] = {
        {"a\x80", 1},    {"\xc0", 0}, {"\xe0\x9f", 1},  {"\xed\xa0", 1},      {"\xf0\x8f", 1},
        {"\xf4\x90", 1}, {"\xf5", 0}, {"\xe4\xbd(", 2}, {"\xf0\x9f\x98(", 3}, {"\xc3(", 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const uint8_t *p = (const uint8_t *)cases[i].bytes;
        struct utf8_state u = {0};
        assert_true(sio__utf8_feed(&u, p, cases[i].good));
        assert_false(sio__utf8_feed(&u, p + cases[i].good, 1));
        assert_false(sio__utf8_feed(&u, (const uint8_t *)"a", 1));
        assert_false(sio__utf8_feed(&u, NULL, 0));
        assert_false(sio__utf8_complete(&u));
    }
}

static void random_bytes_are_judged_right(void **state) {
    (void)state;
    uint32_t random = 5;
    for (int round = 0; round < 100000; round++) {
        uint8_t p[24];
        size_t n = 0;
        while (n + 4 <= sizeof(p)) {
            random = random * 1664525u + 1013904223u;
            n += encode((random >> 8) % 0x110000 >> (random >> 4 & 15), p + n);
        }
        if ((random & 1u << 30) != 0) {
            p[random >> 8 & 15] ^= (uint8_t)(1u << (random >> 12 & 7));
        }
        bool expected = reference_valid(p, n);
        assert_int_equal(sio__utf8_valid(p, n), expected);
        assert_int_equal(valid_in_pieces(p, n, (random >> 16) % (n + 1)), expected);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sequence_of_up_to_three_bytes_is_judged_right),
        cmocka_unit_test(sequences_of_four_bytes_are_judged_right),
        cmocka_unit_test(every_character_is_valid),
        cmocka_unit_test(what_stands_around_does_not_matter),
        cmocka_unit_test(the_place_of_a_cut_does_not_matter),
        cmocka_unit_test(a_stream_fails_with_the_first_byte_that_cannot_be),
        cmocka_unit_test(random_bytes_are_judged_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
