/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The bytes of WebSocket frames.
 *
 * Masking works on vectors of 16 bytes, which the compiler turns into SSE2 or NEON registers, or
 * into pairs of words. The last 16 bytes are loaded before the loop begins and stored after it has
 * ended, so the overlap of both is written twice with the same values, and there is no tail loop.
 */
#include "proto/ws_frame.h"

#include <string.h>

#define TOP_BITS UINT64_C(0x8080808080808080)

typedef uint64_t vector __attribute__((vector_size(16)));

size_t sio__ws_header(uint8_t *out, uint8_t first_byte, uint64_t len, const uint8_t *mask) {
    size_t n = 2;
    out[0] = first_byte;
    if (len <= WS_CONTROL_MAX) {
        out[1] = (uint8_t)len;
    } else if (len <= UINT16_MAX) {
        out[1] = WS_LEN_16;
        out[2] = (uint8_t)(len >> 8);
        out[3] = (uint8_t)len;
        n = 4;
    } else {
        out[1] = WS_LEN_64;
        for (size_t i = 0; i < 8; i++) {
            out[2 + i] = (uint8_t)(len >> (56 - 8 * i));
        }
        n = 10;
    }
    if (mask != NULL) {
        out[1] |= WS_MASKED;
        memcpy(out + n, mask, 4);
        n += 4;
    }
    return n;
}

/* The key that masks a byte so many places further on. The pattern repeats every four bytes. */
static inline uint64_t advance_key(uint64_t key, size_t places) {
    unsigned shift = (unsigned)(places & 3) * 8;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return key << shift | key >> ((64 - shift) & 63);
#else
    return key >> shift | key << ((64 - shift) & 63);
#endif
}

static inline vector load_vector(const uint8_t *p) {
    vector v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static inline void store_vector(uint8_t *p, vector v) {
    memcpy(p, &v, sizeof(v));
}

/* Masks at least 16 bytes; returns all words that were written, ORed together. */
static inline uint64_t mask_long(uint8_t *dst, const uint8_t *src, size_t len, uint64_t key) {
    uint64_t last_key = advance_key(key, len - sizeof(vector));
    vector k = {key, key};
    vector last_k = {last_key, last_key};
    const uint8_t *last_at = src + len - sizeof(vector);
    vector last = load_vector(last_at) ^ last_k;
    vector seen = last;
    const uint8_t *p = src;
    uint8_t *out = dst;
    while ((size_t)(last_at - p) >= 4 * sizeof(vector)) {
        vector a = load_vector(p) ^ k;
        vector b = load_vector(p + 16) ^ k;
        vector c = load_vector(p + 32) ^ k;
        vector d = load_vector(p + 48) ^ k;
        store_vector(out, a);
        store_vector(out + 16, b);
        store_vector(out + 32, c);
        store_vector(out + 48, d);
        seen |= (a | b) | (c | d);
        p += 4 * sizeof(vector);
        out += 4 * sizeof(vector);
    }
    while (p < last_at) {
        vector a = load_vector(p) ^ k;
        store_vector(out, a);
        seen |= a;
        p += sizeof(vector);
        out += sizeof(vector);
    }
    store_vector(dst + len - sizeof(vector), last);
    return seen[0] | seen[1];
}

/* Masks fewer than 16 bytes; returns as mask_long(). */
static inline uint64_t mask_short(uint8_t *dst, const uint8_t *src, size_t len, uint64_t key) {
    if (len >= 8) {
        uint64_t first;
        uint64_t last;
        memcpy(&first, src, 8);
        memcpy(&last, src + len - 8, 8);
        first ^= key;
        last ^= advance_key(key, len - 8);
        memcpy(dst, &first, 8);
        memcpy(dst + len - 8, &last, 8);
        return first | last;
    }
    uint64_t seen = 0;
    for (size_t i = 0; i < len; i++) {
        uint8_t byte;
        memcpy(&byte, (const uint8_t *)&key + (i & 3), 1);
        dst[i] = src[i] ^ byte;
        seen |= dst[i];
    }
    return seen;
}

/* dst is src, or does not overlap it. */
static inline uint64_t mask(uint8_t *dst, const uint8_t *src, size_t len, const uint8_t *key,
                            size_t offset) {
    uint32_t half;
    memcpy(&half, key, 4);
    uint64_t whole = advance_key((uint64_t)half << 32 | half, offset);
    return len >= sizeof(vector) ? mask_long(dst, src, len, whole)
                                 : mask_short(dst, src, len, whole);
}

void sio__ws_mask(uint8_t *data, size_t len, const uint8_t *key, size_t offset) {
    mask(data, data, len, key, offset);
}

void sio__ws_mask_copy(uint8_t *dst, const uint8_t *src, size_t len, const uint8_t *key) {
    mask(dst, src, len, key, 0);
}

bool sio__ws_mask_ascii(uint8_t *data, size_t len, const uint8_t *key, size_t offset) {
    return (mask(data, data, len, key, offset) & TOP_BITS) == 0;
}

bool sio__ws_close_code_valid(uint16_t code) {
    if (code >= 3000) {
        return code <= 4999; /* 3000: registered ones of libraries; 4000: private use */
    }
    return code >= 1000 && code <= 1014 && (code < 1004 || code > 1006);
}

size_t sio__ws_close_payload(uint8_t *out, uint16_t code, struct text reason) {
    if (code == 0 || code == WS_CLOSE_NO_STATUS) {
        return 0;
    }
    size_t n = reason.len;
    if (n > WS_REASON_MAX) {
        n = WS_REASON_MAX;
        while (n > 0 && ((uint8_t)reason.data[n] & 0xc0) == 0x80) {
            n--; /* the byte that would follow continues a character */
        }
    }
    out[0] = (uint8_t)(code >> 8);
    out[1] = (uint8_t)code;
    if (n > 0) {
        memcpy(out + 2, reason.data, n);
    }
    return 2 + n;
}
