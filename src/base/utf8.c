/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * UTF-8 validation after RFC 3629.
 *
 * Most text is ASCII, so runs of it are skipped 32 bytes at a time. What is left is decided by the
 * table of RFC 3629 4: the lead byte says how many continuation bytes follow and narrows the range
 * of the first of them, which excludes overlong forms, surrogates and all over U+10FFFF.
 */
#include "base/text.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#define HIGH_BITS 0x8080808080808080u

static uint64_t high_bits(const uint8_t *p) {
    uint64_t word;
    memcpy(&word, p, sizeof(word));
    return word & HIGH_BITS;
}

#if defined(__SSE2__)
static unsigned high_bits_16(const uint8_t *p) {
    return (unsigned)_mm_movemask_epi8(_mm_loadu_si128((const __m128i *)(const void *)p));
}
#endif

/*
 * Skips ASCII at the front: returns an offset up to which all is ASCII, perhaps not yet all that
 * is. The rest of less than a step is looked at together with bytes that were seen already.
 */
static size_t skip_ascii(const uint8_t *p, size_t n) {
    size_t i = 0;
#if defined(__SSE2__)
    while (n - i >= 32) {
        unsigned high = high_bits_16(p + i) | high_bits_16(p + i + 16) << 16;
        if (high != 0) {
            return i + (unsigned)__builtin_ctz(high);
        }
        i += 32;
    }
    while (n >= 16 && i < n) {
        i = n - i >= 16 ? i : n - 16;
        unsigned high = high_bits_16(p + i);
        if (high != 0) {
            return i + (unsigned)__builtin_ctz(high);
        }
        i += 16;
    }
#elif defined(__aarch64__)
    while (n - i >= 32 && vmaxvq_u8(vorrq_u8(vld1q_u8(p + i), vld1q_u8(p + i + 16))) < 0x80) {
        i += 32;
    }
#endif
    while (n >= 8 && i < n) {
        size_t next = n - i >= 8 ? i : n - 8;
        if (high_bits(p + next) != 0) {
            return i;
        }
        i = next + 8;
    }
    return i;
}

static bool is_continuation(uint8_t c) {
    return (c & 0xc0) == 0x80;
}

/* Length of the whole, valid character at p, which is not ASCII; 0 when there is none. */
static size_t wide_character(const uint8_t *p, size_t n) {
    uint8_t c = p[0];
    if (c >= 0xe0 && c < 0xf0) {
        if (n < 3 || !is_continuation(p[1]) || !is_continuation(p[2])) {
            return 0;
        }
        unsigned code = (unsigned)(c & 0x0f) << 6 | (p[1] & 0x3f); /* without the last 6 bits */
        return code >= 0x20 && (code & 0x3e0) != 0x360 ? 3 : 0;
    }
    if (c >= 0xc2 && c < 0xe0) {
        return n >= 2 && is_continuation(p[1]) ? 2 : 0;
    }
    if (c < 0xf0 || c > 0xf4 || n < 4 || !is_continuation(p[1]) || !is_continuation(p[2]) ||
        !is_continuation(p[3])) {
        return 0;
    }
    unsigned code = (unsigned)(c & 0x07) << 6 | (p[1] & 0x3f); /* without the last 12 bits */
    return code >= 0x10 && code < 0x110 ? 4 : 0;
}

/* Number of bytes at the front that are whole, valid characters. */
static size_t valid_prefix(const uint8_t *p, size_t n) {
    size_t i = 0;
    while (i < n) {
        if (p[i] < 0x80) {
            i += skip_ascii(p + i, n - i);
            while (i < n && p[i] < 0x80) {
                i++;
            }
            if (i == n) {
                break;
            }
        }
        size_t len = wide_character(p + i, n - i);
        if (len == 0) {
            break;
        }
        i += len;
    }
    return i;
}

bool sio__utf8_valid(const uint8_t *p, size_t n) {
    return valid_prefix(p, n) == n;
}

/* No byte gets past this one. */
static const struct utf8_state failed = {.need = 1, .lower = 1, .upper = 0};

/* Takes the next byte of the character that has begun, or the first of one that is not ASCII. */
static bool step(struct utf8_state *u, uint8_t c) {
    if (u->need > 0) {
        if (c < u->lower || c > u->upper) {
            *u = failed;
            return false;
        }
        u->need--;
        u->lower = 0x80;
        u->upper = 0xbf;
        return true;
    }
    if (c < 0xc2 || c > 0xf4) {
        *u = failed;
        return false;
    }
    u->need = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
    u->lower = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    u->upper = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    return true;
}

bool sio__utf8_feed(struct utf8_state *u, const uint8_t *p, size_t n) {
    size_t i = 0;
    while (i < n && u->need > 0) {
        if (!step(u, p[i])) {
            return false;
        }
        i++;
    }
    if (i == n) {
        return u->need == 0 || u->lower <= u->upper;
    }
    /* What is no whole character is the front of one, at most three bytes, or step() refuses it. */
    for (i += valid_prefix(p + i, n - i); i < n; i++) {
        if (!step(u, p[i])) {
            return false;
        }
    }
    return true;
}
