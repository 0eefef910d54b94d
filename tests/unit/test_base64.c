/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <sio/error.h>

#include "base/text.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void assert_decodes(const char *text, size_t n, const void *bytes, size_t len) {
    uint8_t decoded[512];
    memset(decoded, 'Z', sizeof(decoded));
    size_t decoded_len = SIZE_MAX;
    assert_int_equal(sio__base64_decode(decoded, text, n, &decoded_len), 0);
    assert_int_equal(decoded_len, len);
    if (len > 0) {
        assert_memory_equal(decoded, bytes, len);
    }
    assert_true(len <= sio__base64_decoded_max(n));
    assert_int_equal(decoded[sio__base64_decoded_max(n)], 'Z');
}

static void vectors_of_the_rfc_hold(void **state) {
    (void)state;
    static const struct {
        const char *plain;
        const char *encoded;
    } cases[] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char encoded[16];
        size_t n = strlen(cases[i].plain);
        size_t len = sio__base64_encode(encoded, cases[i].plain, n);
        assert_int_equal(len, strlen(cases[i].encoded));
        assert_int_equal(len, sio__base64_encoded_len(n));
        assert_memory_equal(encoded, cases[i].encoded, len);
        assert_decodes(cases[i].encoded, len, cases[i].plain, n);
    }
}

/* One character at a time, straight from RFC 4648 4. */
static size_t reference_encode(char *dst, const uint8_t *p, size_t n) {
    size_t len = 0;
    for (size_t bit = 0; bit < 8 * n; bit += 6) {
        unsigned two = (unsigned)p[bit / 8] << 8 | (bit / 8 + 1 < n ? p[bit / 8 + 1] : 0);
        dst[len] = alphabet[two >> (10 - bit % 8) & 63];
        len++;
    }
    while (len % 4 != 0) {
        dst[len] = '=';
        len++;
    }
    return len;
}

static void fill(uint8_t *bytes, size_t n) {
    uint32_t random = (uint32_t)n;
    for (size_t i = 0; i < n; i++) {
        random = random * 1664525u + 1013904223u;
        bytes[i] = (uint8_t)(random >> 24);
    }
}

static void bytes_of_every_length_survive(void **state) {
    (void)state;
    for (size_t n = 0; n <= 300; n++) {
        uint8_t bytes[300] = {0};
        char encoded[512];
        char expected[512];
        fill(bytes, n);
        memset(encoded, 'Z', sizeof(encoded));
        size_t len = sio__base64_encode(encoded, bytes, n);
        assert_int_equal(len, reference_encode(expected, bytes, n));
        assert_int_equal(len, sio__base64_encoded_len(n));
        if (len > 0) {
            assert_memory_equal(encoded, expected, len);
        }
        assert_int_equal(encoded[len], 'Z');
        assert_decodes(encoded, len, bytes, n);

        /* Without padding, and in place. */
        size_t unpadded = n / 3 * 4 + (n % 3 > 0 ? n % 3 + 1 : 0);
        assert_decodes(encoded, unpadded, bytes, n);
        size_t decoded_len;
        assert_int_equal(sio__base64_decode(encoded, encoded, len, &decoded_len), 0);
        assert_int_equal(decoded_len, n);
        assert_true(n == 0 || memcmp(encoded, bytes, n) == 0);
    }
}

static void url_safe_form_differs_in_two_characters_and_the_padding(void **state) {
    (void)state;
    for (size_t n = 0; n <= 60; n++) {
        uint8_t bytes[60];
        char encoded[96];
        char expected[96];
        fill(bytes, n);
        memset(bytes, 0xff, n / 2);
        size_t len = reference_encode(expected, bytes, n);
        while (len > 0 && expected[len - 1] == '=') {
            len--;
        }
        for (size_t i = 0; i < len; i++) {
            expected[i] = expected[i] == '+' ? '-' : expected[i] == '/' ? '_' : expected[i];
        }
        memset(encoded, 'Z', sizeof(encoded));
        assert_int_equal(sio__base64_encode_url(encoded, bytes, n), len);
        assert_true(len == 0 || memcmp(encoded, expected, len) == 0);
        assert_int_equal(encoded[len], 'Z');
    }
}

/* Decodes n characters, all 'A' but for the one in that place, with every byte there in turn. */
static void try_every_byte(size_t n, size_t place) {
    for (int c = 0; c < 256; c++) {
        char text[20];
        memset(text, 'A', sizeof(text));
        text[place] = (char)c;
        bool padding = c == '=' && n % 4 == 0 && place == n - 1;
        bool known = c != 0 && strchr(alphabet, c) != NULL;
        if (place == n - 1 && n % 4 != 0 && known) {
            continue; /* may set bits behind the last byte, see below */
        }
        size_t len;
        uint8_t decoded[64];
        int r = sio__base64_decode(decoded, text, n, &len);
        assert_int_equal(r, known || padding ? 0 : SIO_ERR_INVALID);
    }
}

static void every_foreign_character_is_refused_in_every_place(void **state) {
    (void)state;
    for (size_t n = 2; n <= 19; n++) {
        for (size_t place = 0; place < n && n % 4 != 1; place++) {
            try_every_byte(n, place);
        }
    }
}

static void malformed_ends_are_refused(void **state) {
    (void)state;
    static const char *const texts[] = {
        "A",      "AAAAA",     "=",     "==",    "===",        "====",     "A===",
        "AA=",    "AA=A",      "AAA==", "AAAA=", "AAAA==",     "AAAA====", "AA==AAAA",
        "AAA=A",  "AAAAAAA=A", "AB==",  "AAB=",  "AB",         "AAB",      "AAAAAAAAAB==",
        "AAAA\n", "AAAA\r\n",  "AA A",  " AAAA", "AAAAAAAA\n", "AA-_",     "AAAAAAAAA",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        uint8_t decoded[32];
        size_t len = 4711;
        assert_int_equal(sio__base64_decode(decoded, texts[i], strlen(texts[i]), &len),
                         SIO_ERR_INVALID);
        assert_int_equal(len, 4711);
    }
}

static void a_single_character_behind_groups_is_refused_whatever_follows(void **state) {
    (void)state;
    for (size_t n = 1; n <= 17; n += 4) {
        uint8_t decoded[32];
        size_t len;
        assert_int_equal(sio__base64_decode(decoded, "AAAAAAAAAAAAAAAAAAAA", n, &len),
                         SIO_ERR_INVALID);
    }
}

static void nothing_decodes_to_nothing(void **state) {
    (void)state;
    size_t len = 1;
    assert_int_equal(sio__base64_decode(NULL, NULL, 0, &len), 0);
    assert_int_equal(len, 0);
    assert_int_equal(sio__base64_encode(NULL, NULL, 0), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_of_the_rfc_hold),
        cmocka_unit_test(bytes_of_every_length_survive),
        cmocka_unit_test(url_safe_form_differs_in_two_characters_and_the_padding),
        cmocka_unit_test(every_foreign_character_is_refused_in_every_place),
        cmocka_unit_test(malformed_ends_are_refused),
        cmocka_unit_test(a_single_character_behind_groups_is_refused_whatever_follows),
        cmocka_unit_test(nothing_decodes_to_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
