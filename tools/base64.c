/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "base64.h"

#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_write(FILE *out, const uint8_t *data, size_t len) {
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        unsigned group = (unsigned)data[i] << 16;
        group |= left > 1 ? (unsigned)data[i + 1] << 8 : 0;
        group |= left > 2 ? data[i + 2] : 0;
        putc(alphabet[group >> 18], out);
        putc(alphabet[group >> 12 & 63], out);
        putc(left > 1 ? alphabet[group >> 6 & 63] : '=', out);
        putc(left > 2 ? alphabet[group & 63] : '=', out);
    }
}

/* Characters without the padding, of which a text of whole groups may have two. */
static size_t without_padding(const char *text, size_t len) {
    size_t padding = 0;
    while (len > 0 && len % 4 == 0 && padding < 2 && text[len - 1 - padding] == '=') {
        padding++;
    }
    return len - padding;
}

bool base64_read(const char *text, size_t len, uint8_t *to, size_t *ret_len) {
    unsigned bits = 0;
    unsigned held = 0; /* how many of them wait for the rest of their byte */
    size_t written = 0;
    size_t digits = without_padding(text, len);
    for (size_t i = 0; i < digits; i++) {
        const char *at = memchr(alphabet, text[i], sizeof alphabet - 1);
        if (at == NULL) {
            return false;
        }
        bits = bits << 6 | (unsigned)(at - alphabet);
        held += 6;
        if (held >= 8) {
            held -= 8;
            to[written++] = (uint8_t)(bits >> held);
        }
    }
    *ret_len = written;
    return digits % 4 != 1 && (bits & ((1u << held) - 1)) == 0;
}
