/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Base64 after RFC 4648: six bytes to eight characters at a time and back.
 */
#include <sio/error.h>

#include "base/text.h"

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Value of a character; NO, whose high bit no value has, for those that are not in the alphabet. */
#define NO 0x80
/* clang-format off */
static const uint8_t values[256] = {
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, 62, NO, NO, NO, 63,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, NO, NO, NO, NO, NO, NO,
    NO, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, NO, NO, NO, NO, NO,
    NO, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
};
/* clang-format on */

/* Eight bytes as a number, the first one highest. */
static uint64_t load_be64(const uint8_t *p) {
    uint64_t word;
    memcpy(&word, p, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

static void store_be64(uint8_t *p, uint64_t word) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    memcpy(p, &word, sizeof(word));
}

/* Writes n bytes without padding; returns the number of characters. */
static size_t encode(char *dst, const uint8_t *p, size_t n, const char *alphabet) {
    char *d = dst;
    for (; n >= 8; n -= 6, p += 6, d += 8) {
        uint64_t word = load_be64(p);
        d[0] = alphabet[word >> 58];
        d[1] = alphabet[word >> 52 & 63];
        d[2] = alphabet[word >> 46 & 63];
        d[3] = alphabet[word >> 40 & 63];
        d[4] = alphabet[word >> 34 & 63];
        d[5] = alphabet[word >> 28 & 63];
        d[6] = alphabet[word >> 22 & 63];
        d[7] = alphabet[word >> 16 & 63];
    }
    for (; n >= 3; n -= 3, p += 3, d += 4) {
        uint32_t word = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
        d[0] = alphabet[word >> 18];
        d[1] = alphabet[word >> 12 & 63];
        d[2] = alphabet[word >> 6 & 63];
        d[3] = alphabet[word & 63];
    }
    if (n > 0) {
        d[0] = alphabet[p[0] >> 2];
        d[1] = alphabet[(p[0] & 3) << 4 | (n == 2 ? p[1] >> 4 : 0)];
        d += 2;
    }
    if (n == 2) {
        d[0] = alphabet[(p[1] & 15) << 2];
        d++;
    }
    return (size_t)(d - dst);
}

size_t sio__base64_encode(char *dst, const void *src, size_t n) {
    size_t len = encode(dst, src, n, standard);
    while (len % 4 != 0) {
        dst[len] = '=';
        len++;
    }
    return len;
}

size_t sio__base64_encode_url(char *dst, const void *src, size_t n) {
    return encode(dst, src, n, url_safe);
}

/* Four characters as 24 bits; the bits from 24 on are set when one is not in the alphabet. */
static uint32_t four(const uint8_t *p) {
    uint32_t a = values[p[0]];
    uint32_t b = values[p[1]];
    uint32_t c = values[p[2]];
    uint32_t d = values[p[3]];
    return ((a | b | c | d) & NO) << 24 | a << 18 | b << 12 | c << 6 | d;
}

static void put_three(uint8_t *d, uint32_t word) {
    d[0] = (uint8_t)(word >> 16);
    d[1] = (uint8_t)(word >> 8);
    d[2] = (uint8_t)word;
}

int sio__base64_decode(void *dst, const char *src, size_t n, size_t *ret_len) {
    const uint8_t *p = (const uint8_t *)src;
    uint8_t *d = dst;
    if (n > 0 && n % 4 == 0) {
        n -= p[n - 1] != '=' ? 0 : p[n - 2] != '=' ? 1 : 2;
    }
    /* Each step reads all that it overwrites: 8 bytes at 6 * i, where 8 * (i + 1) were read. */
    for (; n >= 8; n -= 8, p += 8, d += 6) {
        uint32_t high = four(p);
        uint32_t low = four(p + 4);
        if (((high | low) >> 24) != 0) {
            return SIO_ERR_INVALID;
        }
        store_be64(d, (uint64_t)high << 40 | (uint64_t)low << 16);
    }
    if (n >= 4) {
        uint32_t word = four(p);
        if ((word >> 24) != 0) {
            return SIO_ERR_INVALID;
        }
        put_three(d, word);
        n -= 4;
        p += 4;
        d += 3;
    }
    if (n > 0) {
        if (n == 1) {
            return SIO_ERR_INVALID;
        }
        uint8_t last[4] = {p[0], p[1], n == 3 ? p[2] : 'A', 'A'}; /* 'A' is 0 */
        uint8_t bytes[3];
        uint32_t word = four(last);
        if ((word >> 24) != 0 || (word & (n == 3 ? 0xff : 0xffff)) != 0) {
            return SIO_ERR_INVALID;
        }
        put_three(bytes, word);
        memcpy(d, bytes, n - 1);
        d += n - 1;
    }
    *ret_len = (size_t)(d - (uint8_t *)dst);
    return 0;
}
