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
    const char *p;   /* what is looked at */
    const char *end; /* of the text */
    char *copy;      /* of the text: byte i of it is byte i of the text */
    const char *text;
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

/* Each reader takes one value off the text; false when it is none of those that are read here. */

static bool read_string(struct flat *f, yyjson_val *cell) {
    const char *start = f->p + 1;
    const char *end = skip_plain(start, f->end);
    if (end == f->end || *end != '"') {
        return false;
    }
    set_tag(cell, (size_t)(end - start), YYJSON_TYPE_STR | YYJSON_SUBTYPE_NOESC);
    cell->uni.str = f->copy + (start - f->text);
    f->copy[end - f->text] = '\0';
    f->p = end + 1;
    return true;
}

static bool read_integer(struct flat *f, yyjson_val *cell) {
    const char *p = f->p;
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
        return false;
    }
    if (negative) {
        set_tag(cell, 0, YYJSON_TYPE_NUM | YYJSON_SUBTYPE_SINT);
        cell->uni.i64 = -(int64_t)value;
    } else {
        set_tag(cell, 0, YYJSON_TYPE_NUM | YYJSON_SUBTYPE_UINT);
        cell->uni.u64 = value;
    }
    f->p = p;
    return true;
}

static bool read_word(struct flat *f, yyjson_val *cell, const char *word, size_t len,
                      unsigned kind) {
    if ((size_t)(f->end - f->p) < len || memcmp(f->p, word, len) != 0) {
        return false;
    }
    set_tag(cell, 0, kind);
    cell->uni.u64 = 0;
    f->p += len;
    return true;
}

static bool read_value(struct flat *f, yyjson_val *cell) {
    switch (f->p < f->end ? *f->p : '\0') {
    case '"': return read_string(f, cell);
    case 't': return read_word(f, cell, "true", 4, YYJSON_TYPE_BOOL | YYJSON_SUBTYPE_TRUE);
    case 'f': return read_word(f, cell, "false", 5, YYJSON_TYPE_BOOL | YYJSON_SUBTYPE_FALSE);
    case 'n': return read_word(f, cell, "null", 4, YYJSON_TYPE_NULL);
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9': return read_integer(f, cell);
    default: return false;
    }
}

const sio_val *sio__value_read_flat(const char *json, size_t len, uint8_t *memory) {
    yyjson_val *root = (yyjson_val *)(void *)memory;
    if (len < 2 || json[0] != '[') {
        return NULL;
    }
    struct flat f = {
        .p = json, .end = json + len, .copy = (char *)(root + VALUE_FLAT_MAX + 1), .text = json};
    memcpy(f.copy, json, len);
    size_t count = 0;
    do {
        f.p++; /* the bracket, or a comma */
        if (count == VALUE_FLAT_MAX) {
            return NULL;
        }
        count++;
        if (!read_value(&f, root + count)) {
            return NULL;
        }
    } while (f.p < f.end && *f.p == ',');
    if (f.p + 1 != f.end || *f.p != ']') {
        return NULL;
    }
    set_tag(root, count, YYJSON_TYPE_ARR);
    root->uni.ofs = (count + 1) * sizeof(yyjson_val);
    return (const sio_val *)root;
}
