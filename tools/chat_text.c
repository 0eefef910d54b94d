/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "chat_text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { LABEL_CHARACTERS = 24, TEXT_CHARACTERS = 1000, KEY_MIN_BYTES = 8 };

static const struct {
    uint32_t first;
    uint32_t last;
} not_in_label[] = {
    {0x0000, 0x001f}, {0x007f, 0x009f}, {0x200b, 0x200f}, {0x2028, 0x202e},
    {0x2060, 0x206f}, {0xd800, 0xdfff}, {0xfeff, 0xfeff},
};

/*
 * Takes one character off a UTF-8 string that is not at its end; false when it is malformed. Longer
 * forms than necessary need no look: the library hands out valid UTF-8 only. What this checks on
 * top is that nothing is read behind the end.
 */
static bool next_character(const char **s, const char *end, uint32_t *ret_c) {
    const uint8_t *p = (const uint8_t *)*s;
    size_t more = 0;
    uint32_t c = p[0];
    if (c >= 0xf0) {
        more = 3;
        c &= 0x07;
    } else if (c >= 0xe0) {
        more = 2;
        c &= 0x0f;
    } else if (c >= 0xc0) {
        more = 1;
        c &= 0x1f;
    } else if (c >= 0x80) {
        return false;
    }
    if (more >= (size_t)(end - *s)) {
        return false;
    }
    for (size_t i = 1; i <= more; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return false;
        }
        c = c << 6 | (p[i] & 0x3fu);
    }
    *s += more + 1;
    *ret_c = c;
    return true;
}

static bool may_be_in_label(uint32_t c) {
    for (size_t i = 0; i < sizeof not_in_label / sizeof not_in_label[0]; i++) {
        if (c >= not_in_label[i].first && c <= not_in_label[i].last) {
            return false;
        }
    }
    return true;
}

static bool may_be_in_text(uint32_t c) {
    bool control = c < 0x20 || (c >= 0x7f && c <= 0x9f);
    bool surrogate = c >= 0xd800 && c <= 0xdfff;
    return (!control || c == '\n' || c == '\t') && !surrogate;
}

static bool is_made_of(const char *s, size_t len, size_t max_characters, bool (*may)(uint32_t c)) {
    const char *end = s + len;
    size_t count = 0;
    while (s < end) {
        uint32_t c = 0;
        if (++count > max_characters || !next_character(&s, end, &c) || !may(c)) {
            return false;
        }
    }
    return true;
}

bool chat_is_label(const char *s, size_t len) {
    return s != NULL && len > 0 && len <= CHAT_LABEL_BYTES && s[0] != ' ' && s[len - 1] != ' ' &&
           is_made_of(s, len, LABEL_CHARACTERS, may_be_in_label);
}

bool chat_is_text(const char *s, size_t len) {
    if (s == NULL || len == 0 || len > CHAT_TEXT_BYTES || strspn(s, " \n\t") >= len) {
        return false;
    }
    return is_made_of(s, len, TEXT_CHARACTERS, may_be_in_text);
}

bool chat_is_key(const char *s, size_t len) {
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789_-";
    return s != NULL && len >= KEY_MIN_BYTES && len <= CHAT_KEY_BYTES && strspn(s, allowed) == len;
}

/* The code unit that is escaped as \\uXXXX at p; 0 when there is no such escape. */
static unsigned long escaped_unit(const char *p, size_t len) {
    char digits[5] = "";
    if (len < 6 || p[0] != '\\' || p[1] != 'u') {
        return 0;
    }
    memcpy(digits, p + 2, 4);
    return strtoul(digits, NULL, 16);
}

bool chat_has_lone_surrogate(const char *json, size_t len) {
    const char *end = json + len;
    const char *p = memchr(json, '\\', len);
    while (p != NULL) {
        size_t left = (size_t)(end - p);
        size_t step = left < 2 ? left : 2;
        unsigned long unit = escaped_unit(p, left);
        if (unit >= 0xd800 && unit <= 0xdfff) {
            unsigned long next = escaped_unit(p + 6, left - 6);
            if (unit >= 0xdc00 || next < 0xdc00 || next > 0xdfff) {
                return true;
            }
            step = 12;
        }
        p = memchr(p + step, '\\', left - step);
    }
    return false;
}

void chat_write_json(FILE *out, const char *s) {
    putc('"', out);
    for (; *s != '\0'; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\') {
            fprintf(out, "\\%c", c);
        } else if (c < 0x20) {
            fprintf(out, "\\u%04x", c);
        } else {
            putc(c, out);
        }
    }
    putc('"', out);
}
