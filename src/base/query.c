/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Query strings, read as URLSearchParams reads them: the parser of
 * application/x-www-form-urlencoded (URL standard, 5.1), with UTF-8 decoding that replaces what is
 * malformed (Encoding standard, 8.1.1).
 */
#include <sio/error.h>

#include "base/text.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

static int hex_value(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char lower = sio__ascii_lower(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Takes the next decoded byte off the front; -1 at the end. */
static int next_byte(struct text *t) {
    if (t->len == 0) {
        return -1;
    }
    char c = t->data[0];
    size_t used = 1;
    int byte = c == '+' ? ' ' : (unsigned char)c;
    if (c == '%' && t->len >= 3) {
        int high = hex_value(t->data[1]);
        int low = hex_value(t->data[2]);
        if (high >= 0 && low >= 0) {
            byte = high * 16 + low;
            used = 3;
        }
    }
    t->data += used;
    t->len -= used;
    return byte;
}

/*
 * Takes the bytes that follow a lead byte of UTF-8. Returns the number of bytes of the character,
 * which are then in ret_bytes. Returns 0 when it is malformed: then the bytes that might have
 * belonged to it are taken, up to the first that could not, and one U+FFFD stands for them all.
 */
static size_t wide_character(struct text *t, uint8_t lead, uint8_t ret_bytes[4]) {
    struct utf8_state u = {0};
    if (!sio__utf8_feed(&u, &lead, 1)) {
        return 0;
    }
    size_t len = 1;
    ret_bytes[0] = lead;
    while (!sio__utf8_complete(&u)) {
        struct text ahead = *t;
        int c = next_byte(&ahead);
        if (c < 0) {
            return 0;
        }
        uint8_t byte = (uint8_t)c;
        if (!sio__utf8_feed(&u, &byte, 1)) {
            return 0;
        }
        *t = ahead;
        ret_bytes[len] = byte;
        len++;
    }
    return len;
}

bool sio__query_next(struct text *query, struct text *ret_name, struct text *ret_value) {
    struct text part;
    do {
        if (!sio__text_cut(query, '&', &part)) {
            return false;
        }
    } while (part.len == 0);
    *ret_name = (struct text){NULL, 0};
    *ret_value = (struct text){part.data + part.len, 0};
    (void)sio__text_cut(&part, '=', ret_name);
    if (part.data != NULL) {
        *ret_value = part;
    }
    return true;
}

int sio__query_decode(struct text component, char *dst, size_t size, size_t *ret_len) {
    size_t len = 0;
    for (int c = next_byte(&component); c >= 0; c = next_byte(&component)) {
        uint8_t bytes[4] = {(uint8_t)c};
        size_t n = 1;
        if (c >= 0x80) {
            n = wide_character(&component, (uint8_t)c, bytes);
            if (n == 0) {
                n = sizeof(REPLACEMENT) - 1;
                memcpy(bytes, REPLACEMENT, n);
            }
        }
        if (n > size - len) {
            return SIO_ERR_TOO_BIG;
        }
        memcpy(dst + len, bytes, n);
        len += n;
    }
    *ret_len = len;
    return 0;
}

bool sio__query_is(struct text component, const char *name) {
    for (; *name != '\0'; name++) {
        if (next_byte(&component) != (unsigned char)*name) {
            return false;
        }
    }
    return component.len == 0;
}

int sio__query_get(struct text query, const char *name, char *dst, size_t size,
                   struct text *ret_value) {
    struct text found = {NULL, 0};
    struct text key;
    struct text value;
    while (sio__query_next(&query, &key, &value)) {
        if (sio__query_is(key, name)) {
            found = value;
        }
    }
    if (found.data == NULL) {
        return SIO_ERR_NOT_FOUND;
    }
    size_t len;
    int r = sio__query_decode(found, dst, size, &len);
    if (r < 0) {
        return r;
    }
    *ret_value = (struct text){dst, len};
    return 0;
}
