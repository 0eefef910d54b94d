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

/*
 * The text is looked at where it is, and copied to where its strings stay: a copy that is read
 * again at once would have to wait for its own stores.
 */
struct flat {
    const char *text;
    const char *end;
    char *copy; /* byte i of it is byte i of the text */
};

/* The end of a string's plain part: the first byte that is not printable ASCII, or is '"' or '\\',
 * or the end. */
static const char *skip_plain(const char *p, const char *end) {
#ifdef __SSE2__
    for (; end - p >= 16; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i special = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')),
                                       _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
        /* Signed: bytes from 0x80 on are less than a blank, as controls are. */
        __m128i other = _mm_cmplt_epi8(v, _mm_set1_epi8(' '));
        unsigned found = (unsigned)_mm_movemask_epi8(_mm_or_si128(special, other));
        if (found != 0) {
            return p + __builtin_ctz(found);
        }
    }
#endif
    while (p < end && (unsigned char)*p >= ' ' && (unsigned char)*p < 0x80 && *p != '"' &&
           *p != '\\') {
        p++;
    }
    return p;
}

static void set_tag(yyjson_val *cell, size_t len, unsigned kind) {
    cell->tag = ((uint64_t)len << YYJSON_TAG_BIT) | kind;
}

/* Each reader takes the value at p and returns what follows it; NULL when it is none of those that
 * are read here. */

static inline const char *read_string(const struct flat *f, const char *p, yyjson_val *cell) {
    const char *start = p + 1;
    const char *end = skip_plain(start, f->end);
    if (end == f->end || *end != '"') {
        return NULL;
    }
    char *copy = f->copy + (start - f->text);
    set_tag(cell, (size_t)(end - start), YYJSON_TYPE_STR | YYJSON_SUBTYPE_NOESC);
    cell->uni.str = copy;
    copy[end - start] = '\0';
    return end + 1;
}

static const char *read_integer(const struct flat *f, const char *p, yyjson_val *cell) {
    bool negative = *p == '-';
    p += negative ? 1 : 0;
    const char *start = p;
    uint64_t value = 0;
    while (p < f->end && *p >= '0' && *p <= '9') {
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

static const char *read_word(const struct flat *f, const char *p, yyjson_val *cell) {
    static const struct {
        const char *word;
        size_t len;
        unsigned kind;
    } words[] = {
        {"true", 4, YYJSON_TYPE_BOOL | YYJSON_SUBTYPE_TRUE},
        {"false", 5, YYJSON_TYPE_BOOL | YYJSON_SUBTYPE_FALSE},
        {"null", 4, YYJSON_TYPE_NULL},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if ((size_t)(f->end - p) >= words[i].len && memcmp(p, words[i].word, words[i].len) == 0) {
            set_tag(cell, 0, words[i].kind);
            cell->uni.u64 = 0;
            return p + words[i].len;
        }
    }
    return NULL;
}

static inline const char *read_value(const struct flat *f, const char *p, yyjson_val *cell) {
    if (p == f->end) {
        return NULL;
    }
    if (*p == '"') {
        return read_string(f, p, cell);
    }
    if (*p == '-' || (*p >= '0' && *p <= '9')) {
        return read_integer(f, p, cell);
    }
    return read_word(f, p, cell);
}

const sio_val *sio__value_read_flat(const char *json, size_t len, uint8_t *memory) {
    yyjson_val *root = (yyjson_val *)(void *)memory;
    if (len < 2 || json[0] != '[') {
        return NULL;
    }
    struct flat f = {.text = json, .end = json + len, .copy = (char *)(root + VALUE_FLAT_MAX + 1)};
    memcpy(f.copy, json, len);
    const char *p = json;
    yyjson_val *cell = root;
    do {
        p++; /* the bracket, or a comma */
        if (cell == root + VALUE_FLAT_MAX) {
            return NULL;
        }
        cell++;
        p = read_value(&f, p, cell);
    } while (p != NULL && p < f.end && *p == ',');
    if (p == NULL || p + 1 != f.end || *p != ']') {
        return NULL;
    }
    size_t count = (size_t)(cell - root);
    set_tag(root, count, YYJSON_TYPE_ARR);
    root->uni.ofs = (count + 1) * sizeof(yyjson_val);
    return (const sio_val *)root;
}
