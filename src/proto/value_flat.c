/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "proto/value_flat.h"

#include <string.h>
#include <yyjson.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Digits that fit into an int64_t whatever they are. */
#define DIGITS_MAX 18

_Static_assert(sizeof(yyjson_val) == 16, "VALUE_FLAT_BYTES counts on it");

/* The end of a string's plain part: the first byte that is not printable ASCII, or is '"' or '\\'. */
static char *skip_plain(char *p) {
#ifdef __SSE2__
    for (;; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i special = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
        /* Signed: bytes from 0x80 on are less than a blank, as controls are. */
        __m128i other = _mm_cmplt_epi8(v, _mm_set1_epi8(' '));
        unsigned found = (unsigned)_mm_movemask_epi8(_mm_or_si128(special, other));
        if (found != 0) {
            return p + __builtin_ctz(found);
        }
    }
#else
    while ((unsigned char)*p >= ' ' && (unsigned char)*p < 0x80 && *p != '"' && *p != '\\') {
        p++;
    }
    return p;
#endif
}

static void set_tag(yyjson_val *cell, size_t len, unsigned kind) {
    cell->tag = ((uint64_t)len << YYJSON_TAG_BIT) | kind;
}

/* Each reader takes the text of one value and returns what follows it, or NULL. */

static char *read_string(char *p, yyjson_val *cell) {
    char *end = skip_plain(p + 1);
    if (*end != '"') {
        return NULL;
    }
    set_tag(cell, (size_t)(end - p - 1), YYJSON_TYPE_STR | YYJSON_SUBTYPE_NOESC);
    cell->uni.str = p + 1;
    *end = '\0';
    return end + 1;
}

static char *read_integer(char *p, yyjson_val *cell) {
    bool negative = *p == '-';
    p += negative ? 1 : 0;
    char *start = p;
    uint64_t value = 0;
    while (*p >= '0' && *p <= '9') {
        value = value * 10 + (uint64_t)(*p - '0');
        p++;
    }
    size_t digits = (size_t)(p - start);
    if (digits == 0 || digits > DIGITS_MAX || (*start == '0' && (digits > 1 || negative))) {
        return NULL;
    }
    if (negative) {
        set_tag(cell, 0, YYJSON_TYPE_NUM | YYJSON_SUBTYPE_SINT);
        cell->uni.i64 = -(int64_t)value;
    } else {
        set_tag(cell, 0, YYJSON_TYPE_NUM | YYJSON_SUBTYPE_UINT);
        cell->uni.u64 = value;
    }
    return p;
}

static char *read_word(char *p, yyjson_val *cell) {
    cell->uni.u64 = 0;
    if (memcmp(p, "true", 4) == 0) {
        set_tag(cell, 0, YYJSON_TYPE_BOOL | YYJSON_SUBTYPE_TRUE);
        return p + 4;
    }
    if (memcmp(p, "null", 4) == 0) {
        set_tag(cell, 0, YYJSON_TYPE_NULL);
        return p + 4;
    }
    if (memcmp(p, "false", 5) == 0) {
        set_tag(cell, 0, YYJSON_TYPE_BOOL | YYJSON_SUBTYPE_FALSE);
        return p + 5;
    }
    return NULL;
}

static char *read_value(char *p, yyjson_val *cell) {
    if (*p == '"') {
        return read_string(p, cell);
    }
    if (*p == '-' || (*p >= '0' && *p <= '9')) {
        return read_integer(p, cell);
    }
    return read_word(p, cell);
}

const sio_val *sio__value_read_flat(const char *json, size_t len, uint8_t *memory) {
    yyjson_val *root = (yyjson_val *)(void *)memory;
    char *p = (char *)(root + VALUE_FLAT_MAX + 1);
    if (len < 2 || json[0] != '[') {
        return NULL;
    }
    /* The text is worked on in a copy that ends in zeros, where every reader stops. */
    memcpy(p, json, len);
    memset(p + len, 0, 16);
    const char *end = p + len;
    size_t count = 0;
    do {
        p++;
        if (count == VALUE_FLAT_MAX) {
            return NULL;
        }
        count++;
        p = read_value(p, root + count);
    } while (p != NULL && *p == ',');
    if (p == NULL || *p != ']' || p + 1 != end) {
        return NULL;
    }
    set_tag(root, count, YYJSON_TYPE_ARR);
    root->uni.ofs = (count + 1) * sizeof(yyjson_val);
    return (const sio_val *)root;
}
