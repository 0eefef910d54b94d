/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Formats for reading.
 *
 * A bracket of the format opens a level, on which the values behind it are looked up: elements of
 * an array one after the other, members of an object by key. A level that is absent (an optional
 * member that is not there) is walked through all the same, because its pointers have to be taken
 * from the argument list, but nothing is stored.
 */
#include "proto/unpack.h"

#include <limits.h>
#include <string.h>

#include <sio/error.h>

struct level {
    char close; /* ']' or '}'; '\0' for a list of arguments */
    bool absent;
    const sio_val *container;
    sio_val_iter elements;
};

struct unpacker {
    const char *format; /* what is left of it */
    va_list *ap;
    uint32_t depth; /* of the level that is filled now */
    struct level levels[UNPACK_MAX_DEPTH + 1];
};

/* One item of a format: the letter, its suffixes, and the value that it is for. */
struct item {
    char letter;
    bool with_len;
    bool absent;
    const sio_val *value; /* NULL when there is none */
};

static char peek(struct unpacker *u) {
    while (*u->format == ' ' || *u->format == ',' || *u->format == '\t' || *u->format == '\n') {
        u->format++;
    }
    return *u->format;
}

static bool accept(struct unpacker *u, char c) {
    if (*u->format != c) {
        return false;
    }
    u->format++;
    return true;
}

static int store_string(struct unpacker *u, const struct item *item) {
    const char **ret = va_arg(*u->ap, const char **);
    size_t *ret_len = item->with_len ? va_arg(*u->ap, size_t *) : NULL;
    if (item->absent) {
        return 0;
    }
    size_t len;
    const char *s = sio_val_str(item->value, &len);
    if (!s) {
        return SIO_ERR_TYPE;
    }
    /* Who gets no length would take what stands before a NUL for the whole. */
    if (!ret_len && memchr(s, '\0', len)) {
        return SIO_ERR_INVALID;
    }
    *ret = s;
    if (ret_len) {
        *ret_len = len;
    }
    return 0;
}

static int store_bytes(struct unpacker *u, const struct item *item) {
    const void **ret = va_arg(*u->ap, const void **);
    size_t *ret_len = va_arg(*u->ap, size_t *);
    if (item->absent) {
        return 0;
    }
    size_t len;
    const void *data = sio_val_bytes(item->value, &len);
    if (!data) {
        return SIO_ERR_TYPE;
    }
    *ret = data;
    *ret_len = len;
    return 0;
}

static int store_int(struct unpacker *u, const struct item *item) {
    int *ret = va_arg(*u->ap, int *);
    if (item->absent) {
        return 0;
    }
    int64_t value;
    int r = sio_val_int(item->value, &value);
    if (r == 0 && (value < INT_MIN || value > INT_MAX)) {
        r = SIO_ERR_INVALID;
    }
    if (r == 0) {
        *ret = (int)value;
    }
    return r;
}

static int store_unsigned(struct unpacker *u, const struct item *item) {
    unsigned *ret = va_arg(*u->ap, unsigned *);
    if (item->absent) {
        return 0;
    }
    uint64_t value;
    int r = sio_val_uint(item->value, &value);
    if (r == 0 && value > UINT_MAX) {
        r = SIO_ERR_INVALID;
    }
    if (r == 0) {
        *ret = (unsigned)value;
    }
    return r;
}

static int store_value(struct unpacker *u, const struct item *item) {
    const sio_val **ret = va_arg(*u->ap, const sio_val **);
    if (item->absent) {
        return 0;
    }
    if (!item->value) {
        return SIO_ERR_TYPE;
    }
    *ret = item->value;
    return 0;
}

static int open_level(struct unpacker *u, const struct item *item) {
    bool is_object = item->letter == '{';
    if (u->depth == UNPACK_MAX_DEPTH) {
        return SIO_ERR_FORMAT;
    }
    if (!item->absent && sio_val_type(item->value) != (is_object ? SIO_OBJECT : SIO_ARRAY)) {
        return SIO_ERR_TYPE;
    }
    u->depth++;
    u->levels[u->depth] = (struct level){
        .close = is_object ? '}' : ']', .absent = item->absent, .container = item->value};
    return 0;
}

/* Stores a value where the next pointers say, or opens a level for it. */
static int store(struct unpacker *u, const struct item *item) {
    switch (item->letter) {
    case 's': return store_string(u, item);
    case 'i': return store_int(u, item);
    case 'u': return store_unsigned(u, item);
    case 'I': {
        int64_t *ret = va_arg(*u->ap, int64_t *);
        return item->absent ? 0 : sio_val_int(item->value, ret);
    }
    case 'U': {
        uint64_t *ret = va_arg(*u->ap, uint64_t *);
        return item->absent ? 0 : sio_val_uint(item->value, ret);
    }
    case 'f': {
        double *ret = va_arg(*u->ap, double *);
        return item->absent ? 0 : sio_val_real(item->value, ret);
    }
    case 'b': {
        bool *ret = va_arg(*u->ap, bool *);
        return item->absent ? 0 : sio_val_bool(item->value, ret);
    }
    case 'n': return item->absent || sio_val_type(item->value) == SIO_NULL ? 0 : SIO_ERR_TYPE;
    case '-': return item->absent || item->value ? 0 : SIO_ERR_TYPE;
    case 'B': return store_bytes(u, item);
    case 'v': return store_value(u, item);
    case '[':
    case '{': return open_level(u, item);
    default: return SIO_ERR_FORMAT;
    }
}

/* Reads the next item of the format and stores a value by it. */
static int unpack_item(struct unpacker *u, const sio_val *value, bool absent) {
    struct item item = {.letter = peek(u), .absent = absent, .value = value};
    if (item.letter == '\0') {
        return SIO_ERR_FORMAT;
    }
    u->format++;
    item.with_len = item.letter == 's' && accept(u, '#');
    bool is_bracket = item.letter == '[' || item.letter == '{';
    if (!is_bracket && accept(u, '?') && sio_val_is_null(value)) {
        item.absent = true;
    }
    return store(u, &item);
}

/* Reads a key, `s:`, `s#:` or with `?` before the colon, and the item of the member. */
static int unpack_member(struct unpacker *u, const struct level *level) {
    if (!accept(u, 's')) {
        return SIO_ERR_FORMAT;
    }
    bool with_len = accept(u, '#');
    bool optional = accept(u, '?');
    if (peek(u) != ':') {
        return SIO_ERR_FORMAT;
    }
    u->format++;
    struct text key = {.data = va_arg(*u->ap, const char *)};
    if (!key.data) {
        return SIO_ERR_FORMAT;
    }
    key.len = with_len ? va_arg(*u->ap, size_t) : strlen(key.data);
    const sio_val *value = level->absent ? NULL : sio__value_member(level->container, key);
    return unpack_item(u, value, level->absent || (optional && !value));
}

/* Follows one item, one member or one closing bracket of the format. */
static int step(struct unpacker *u) {
    char c = peek(u);
    struct level *level = &u->levels[u->depth];
    if (u->depth > 0 && c == level->close) {
        u->format++;
        u->depth--;
        return 0;
    }
    if (level->close == '}') {
        return unpack_member(u, level);
    }
    const sio_val *value = level->absent ? NULL : sio_val_next(level->container, &level->elements);
    return unpack_item(u, value, level->absent);
}

int sio__args_unpack(const struct value_args *args, const char *format, va_list *ap) {
    if (!format) {
        return SIO_ERR_FORMAT;
    }
    struct unpacker u;
    u.format = format;
    u.ap = ap;
    u.depth = 0;
    u.levels[0] = (struct level){.container = args ? args->root : NULL};
    for (uint32_t i = 0; args && i < args->first; i++) {
        sio_val_next(args->root, &u.levels[0].elements);
    }
    int r = 0;
    while (r == 0 && (u.depth > 0 || peek(&u) != '\0')) {
        r = step(&u);
    }
    return r;
}

int sio__value_unpack(const sio_val *v, const char *format, va_list *ap) {
    if (!format) {
        return SIO_ERR_FORMAT;
    }
    struct unpacker u;
    u.format = format;
    u.ap = ap;
    u.depth = 0;
    int r = unpack_item(&u, v, false);
    while (r == 0 && u.depth > 0) {
        r = step(&u);
    }
    return r == 0 && peek(&u) != '\0' ? SIO_ERR_FORMAT : r;
}

int sio_val_unpack(const sio_val *v, const char *format, ...) {
    va_list ap;
    va_start(ap, format);
    int r = sio__value_unpack(v, format, &ap);
    va_end(ap);
    return r;
}
