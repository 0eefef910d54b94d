/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * JSON text: strings, numbers, values.
 *
 * Most strings need no escapes, so they are copied in blocks of 16 bytes (8 without SSE2) while
 * the same pass looks for bytes that cannot stay as they are: controls, `"`, `\`, and, as long as
 * the string was not found to be UTF-8, those from 0x80 on.
 */
#include "proto/json_write.h"

#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>
#include <yyjson.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <sio/error.h>

#include "base/alloc.h"
#include "base/vec.h"

/* Longest escape: \u001f. */
#define ESCAPE_BYTES 6

/* Levels of nesting for which the writer of values needs no memory. */
#define WRITER_LEVELS 32

/* Room for yyjson to write one number. */
#define NUMBER_POOL_BYTES 256

/* Which bytes of a string may be copied. */
enum plain { PLAIN_ASCII, PLAIN_UTF8 };

/* ---- attachments ---- */

int sio__json_attach(struct json_attachments *list, const void *data, size_t len) {
    int r = sio__vec_reserve(&list->items, &list->cap, list->len + 1, sizeof(*list->items));
    if (r < 0) {
        return r;
    }
    list->items[list->len] = (struct value_bytes){data, len};
    list->len++;
    return 0;
}

void sio__json_attachments_done(struct json_attachments *list) {
    sio__free(list->items);
    *list = (struct json_attachments){0};
}

/* ---- strings ---- */

static bool is_plain(uint8_t c, enum plain plain) {
    return c >= 0x20 && c != '"' && c != '\\' && (c < 0x80 || plain == PLAIN_UTF8);
}

/* Copies up to the first byte that is not plain, one at a time. */
static size_t copy_bytes(uint8_t *dst, const uint8_t *src, size_t len, enum plain plain) {
    size_t i = 0;
    while (i < len && is_plain(src[i], plain)) {
        dst[i] = src[i];
        i++;
    }
    return i;
}

/* True when all bytes of a word are plain: each test leaves a high bit behind if one is not. */
static bool word_is_plain(uint64_t w, enum plain plain) {
    const uint64_t ones = 0x0101010101010101;
    uint64_t quote = w ^ ones * '"';
    uint64_t backslash = w ^ ones * '\\';
    uint64_t found =
        ((w - ones * 0x20) & ~w) | ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash);
    if (plain == PLAIN_ASCII) {
        found |= w;
    }
    return (found & ones * 0x80) == 0;
}

#ifdef __SSE2__

/* A bit for each of 16 bytes that is not plain; copies all of them. */
static inline unsigned copy_block(uint8_t *dst, const uint8_t *src, enum plain plain) {
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)src);
    _mm_storeu_si128((__m128i *)(void *)dst, v);
    __m128i quote = _mm_cmpeq_epi8(v, _mm_set1_epi8('"'));
    __m128i backslash = _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'));
    __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1f)), v);
    __m128i found = _mm_or_si128(_mm_or_si128(quote, backslash), control);
    if (plain == PLAIN_ASCII) {
        found = _mm_or_si128(found, v);
    }
    return (unsigned)_mm_movemask_epi8(found);
}

#endif

/* Copies fewer than 16 bytes by words that may overlap. Returns false if some are not plain. */
static inline bool copy_tail(uint8_t *dst, const uint8_t *src, size_t len, enum plain plain) {
    if (len >= 8) {
        uint64_t head;
        uint64_t tail;
        memcpy(&head, src, 8);
        memcpy(&tail, src + len - 8, 8);
        memcpy(dst, &head, 8);
        memcpy(dst + len - 8, &tail, 8);
        return word_is_plain(head, plain) && word_is_plain(tail, plain);
    }
    if (len >= 4) {
        uint32_t head;
        uint32_t tail;
        memcpy(&head, src, 4);
        memcpy(&tail, src + len - 4, 4);
        memcpy(dst, &head, 4);
        memcpy(dst + len - 4, &tail, 4);
        return word_is_plain(head | (uint64_t)tail << 32, plain);
    }
    return copy_bytes(dst, src, len, plain) == len;
}

/*
 * Copies bytes up to the first that is not plain and returns their number; dst has room for len,
 * and what lies behind the copied part is undefined.
 */
static inline size_t copy_plain(uint8_t *dst, const uint8_t *src, size_t len, enum plain plain) {
    size_t i = 0;
#ifdef __SSE2__
    for (; len - i >= 16; i += 16) {
        unsigned found = copy_block(dst + i, src + i, plain);
        if (found != 0) {
            return i + (size_t)__builtin_ctz(found);
        }
    }
#else
    for (; len - i >= 16; i += 8) {
        uint64_t word;
        memcpy(&word, src + i, 8);
        if (!word_is_plain(word, plain)) {
            break;
        }
        memcpy(dst + i, &word, 8);
    }
#endif
    if (len - i < 16 && copy_tail(dst + i, src + i, len - i, plain)) {
        return len;
    }
    return i + copy_bytes(dst + i, src + i, len - i, plain);
}

/* Writes the escape of a control, `"` or `\`. Returns its length. */
static size_t write_escape(uint8_t *dst, uint8_t c) {
    static const char digits[] = "0123456789abcdef";
    /* Second characters of the short escapes; 0: \u00XX. */
    static const char names[0x20] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    char name = c < 0x20 ? names[c] : (char)c;
    if (name != 0) {
        dst[0] = '\\';
        dst[1] = (uint8_t)name;
        return 2;
    }
    memcpy(dst, "\\u00", 4);
    dst[4] = (uint8_t)digits[c >> 4];
    dst[5] = (uint8_t)digits[c & 15];
    return ESCAPE_BYTES;
}

/* Appends what is left of a string from the first byte on that is not plain. */
static int append_rest(struct buf *out, const uint8_t *src, size_t len, enum plain plain) {
    while (len > 0) {
        if (*src >= 0x80 && plain == PLAIN_ASCII) {
            if (!sio__utf8_valid(src, len)) {
                return SIO_ERR_INVALID;
            }
            plain = PLAIN_UTF8;
        }
        int r = sio__buf_reserve(out, len + ESCAPE_BYTES);
        if (r < 0) {
            return r;
        }
        if (!is_plain(*src, plain)) {
            out->len += write_escape(out->data + out->len, *src);
            src++;
            len--;
        }
        size_t n = copy_plain(out->data + out->len, src, len, plain);
        out->len += n;
        src += n;
        len -= n;
    }
    return sio__buf_push(out, '"');
}

/* Not inline, so that the common case of write_string() stays short. */
static __attribute__((noinline)) int write_rest(struct buf *out, size_t mark, const uint8_t *src,
                                                size_t len, enum plain plain) {
    int r = append_rest(out, src, len, plain);
    if (r < 0) {
        out->len = mark;
    }
    return r;
}

static inline int write_string(struct buf *out, const char *data, size_t len, enum plain plain) {
    if (len >= out->max - 1) { /* two quotes do not fit; and len + 2 must not overflow */
        return SIO_ERR_TOO_BIG;
    }
    int r = sio__buf_reserve(out, len + 2);
    if (r < 0) {
        return r;
    }
    const uint8_t *src = (const uint8_t *)(len > 0 ? data : "");
    uint8_t *dst = out->data + out->len;
    size_t n = copy_plain(dst + 1, src, len, plain);
    dst[0] = '"';
    if (n == len) {
        dst[len + 1] = '"';
        out->len += len + 2;
        return 0;
    }
    size_t mark = out->len;
    out->len += n + 1;
    return write_rest(out, mark, src + n, len - n, plain);
}

int sio__json_write_string(struct buf *out, struct text s) {
    return write_string(out, s.data, s.len, PLAIN_ASCII);
}

/* ---- numbers ---- */

int sio__json_write_uint(struct buf *out, uint64_t value) {
    int r = sio__buf_reserve(out, SIO_U64_CHARS);
    if (r < 0) {
        return r;
    }
    out->len += sio__u64_write((char *)out->data + out->len, value);
    return 0;
}

int sio__json_write_int(struct buf *out, int64_t value) {
    int r = sio__buf_reserve(out, SIO_U64_CHARS + 1);
    if (r < 0) {
        return r;
    }
    uint64_t magnitude = (uint64_t)value;
    if (value < 0) {
        out->data[out->len] = '-';
        out->len++;
        magnitude = 0 - magnitude;
    }
    out->len += sio__u64_write((char *)out->data + out->len, magnitude);
    return 0;
}

/* What yyjson writes differs from JavaScript in two points: 1.0 for 1 and 1e21 for 1e+21. */
size_t sio__json_format_real(char dst[JSON_REAL_SIZE], double value) {
    if (!isfinite(value) || value == 0) {
        const char *text = value == 0 ? "0" : "null";
        size_t len = strlen(text);
        memcpy(dst, text, len + 1);
        return len;
    }
    char pool[NUMBER_POOL_BYTES];
    yyjson_alc alc;
    yyjson_alc_pool_init(&alc, pool, sizeof(pool));
    yyjson_val cell = {0};
    unsafe_yyjson_set_real(&cell, value);
    size_t len = 0;
    const char *text = yyjson_val_write_opts(&cell, YYJSON_WRITE_NOFLAG, &alc, &len, NULL);
    if (!text || len + 2 > JSON_REAL_SIZE) {
        return 0;
    }
    if (len > 2 && text[len - 2] == '.' && text[len - 1] == '0') {
        len -= 2;
    }
    const char *exponent = memchr(text, 'e', len);
    size_t head = exponent && exponent[1] != '-' ? (size_t)(exponent + 1 - text) : len;
    memcpy(dst, text, head);
    if (head < len) {
        dst[head] = '+';
        memcpy(dst + head + 1, text + head, len - head);
        len++;
    }
    dst[len] = '\0';
    return len;
}

int sio__json_write_real(struct buf *out, double value) {
    if (value >= -0x1p53 && value <= 0x1p53 && value == (double)(int64_t)value) {
        return sio__json_write_int(out, (int64_t)value);
    }
    char text[JSON_REAL_SIZE];
    size_t len = sio__json_format_real(text, value);
    return len > 0 ? sio__buf_append(out, text, len) : SIO_ERR_NOMEM;
}

/* ---- values ---- */

int sio__json_write_placeholder(struct buf *out, uint64_t num) {
    static const char head[] = "{\"_placeholder\":true,\"num\":";
    int r = sio__buf_reserve(out, sizeof(head) + SIO_U64_CHARS);
    if (r < 0) {
        return r;
    }
    sio__buf_append(out, head, sizeof(head) - 1);
    sio__json_write_uint(out, num);
    return sio__buf_push(out, '}');
}

/* Writes bytes, whose cell is that of an object: cell + 2 is the raw value, cell + 4 the number. */
static int write_bytes(struct buf *out, yyjson_val *cell, struct json_attachments *list) {
    uint64_t num = unsafe_yyjson_get_uint(cell + 4);
    if (list) {
        num = list->len;
        size_t len;
        const void *data = sio_val_bytes((const sio_val *)cell, &len);
        int r = sio__json_attach(list, data, len);
        if (r < 0) {
            return r;
        }
    }
    return sio__json_write_placeholder(out, num);
}

/* Writes a value that has no elements; an empty container, too. */
static int write_scalar(struct buf *out, yyjson_val *cell) {
    switch (unsafe_yyjson_get_type(cell)) {
    case YYJSON_TYPE_STR:
        return write_string(out, unsafe_yyjson_get_str(cell), unsafe_yyjson_get_len(cell),
                            PLAIN_UTF8);
    case YYJSON_TYPE_NUM:
        if (yyjson_is_real(cell)) {
            return sio__json_write_real(out, unsafe_yyjson_get_real(cell));
        }
        return yyjson_is_sint(cell) ? sio__json_write_int(out, unsafe_yyjson_get_sint(cell))
                                    : sio__json_write_uint(out, unsafe_yyjson_get_uint(cell));
    case YYJSON_TYPE_BOOL:
        return sio__buf_append_str(out, unsafe_yyjson_get_bool(cell) ? "true" : "false");
    case YYJSON_TYPE_ARR: return sio__buf_append(out, "[]", 2);
    case YYJSON_TYPE_OBJ: return sio__buf_append(out, "{}", 2);
    default: return sio__buf_append(out, "null", 4);
    }
}

/* The containers that are open while a value is written. */
struct writer {
    struct buf *out;
    struct json_attachments *list;
    yyjson_val **open;
    uint32_t depth;
    uint32_t cap;
    yyjson_val *first[WRITER_LEVELS]; /* `open` points here until that is too small */
};

static int open_container(struct writer *w, yyjson_val *cell) {
    if (w->depth == w->cap) {
        yyjson_val **open = w->open == w->first ? NULL : w->open;
        uint32_t cap = open ? w->cap : 0;
        int r = sio__vec_reserve(&open, &cap, w->depth + 1, sizeof(*open));
        if (r < 0) {
            return r;
        }
        if (w->open == w->first) {
            memcpy(open, w->first, sizeof(w->first));
        }
        w->open = open;
        w->cap = cap;
    }
    w->open[w->depth] = cell;
    w->depth++;
    return sio__buf_push(w->out, yyjson_is_obj(cell) ? '{' : '[');
}

/* Writes what stands before a value within the innermost container: comma and key. */
static int write_prefix(struct writer *w, yyjson_val **cell) {
    if (w->depth == 0) {
        return 0;
    }
    yyjson_val *container = w->open[w->depth - 1];
    if (*cell != container + 1) {
        int r = sio__buf_push(w->out, ',');
        if (r < 0) {
            return r;
        }
    }
    if (!yyjson_is_obj(container)) {
        return 0;
    }
    int r = write_scalar(w->out, *cell);
    *cell += 1;
    return r < 0 ? r : sio__buf_push(w->out, ':');
}

/* Writes one value, of a container only the bracket, and moves on to the cell behind it. */
static int write_cell(struct writer *w, yyjson_val **cell) {
    yyjson_val *v = *cell;
    *cell = unsafe_yyjson_get_next(v);
    if (sio_val_type((const sio_val *)v) == SIO_BYTES) {
        return write_bytes(w->out, v, w->list);
    }
    if (!yyjson_is_ctn(v) || unsafe_yyjson_get_len(v) == 0) {
        return write_scalar(w->out, v);
    }
    *cell = v + 1;
    return open_container(w, v);
}

/* Closes the containers that end before a cell. */
static int close_containers(struct writer *w, yyjson_val *cell) {
    while (w->depth > 0 && unsafe_yyjson_get_next(w->open[w->depth - 1]) == cell) {
        w->depth--;
        int r = sio__buf_push(w->out, yyjson_is_obj(w->open[w->depth]) ? '}' : ']');
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

static int write_container(struct buf *out, yyjson_val *cell, struct json_attachments *list) {
    struct writer w;
    w.out = out;
    w.list = list;
    w.open = w.first;
    w.depth = 0;
    w.cap = WRITER_LEVELS;
    size_t mark = out->len;
    int r;
    do {
        r = write_prefix(&w, &cell);
        if (r == 0) {
            r = write_cell(&w, &cell);
        }
        if (r == 0) {
            r = close_containers(&w, cell);
        }
    } while (r == 0 && w.depth > 0);
    if (w.open != w.first) {
        sio__free(w.open);
    }
    if (r < 0) {
        out->len = mark;
    }
    return r;
}

int sio__json_write_value(struct buf *out, const sio_val *v, struct json_attachments *list) {
    yyjson_val *cell = (yyjson_val *)v;
    if (!cell) {
        return sio__buf_append(out, "null", 4);
    }
    return yyjson_is_ctn(cell) ? write_container(out, cell, list) : write_scalar(out, cell);
}

long sio_val_json(const sio_val *v, char *buffer, size_t size) {
    struct buf text;
    sio__buf_init(&text, LONG_MAX);
    int r = sio__json_write_value(&text, v, NULL);
    if (r == 0 && size > 0) {
        size_t len = text.len < size ? text.len : size - 1;
        memcpy(buffer, text.data, len);
        buffer[len] = '\0';
    } else if (size > 0) {
        buffer[0] = '\0';
    }
    long len = r < 0 ? r : (long)text.len;
    sio__buf_done(&text);
    return len;
}
