/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Slices, character classes, globs, escapes and decimal numbers.
 *
 * The character classes are 256-bit sets: bit c % 64 of word c / 64 is set when byte c is in it.
 */
#include "base/text.h"

#include <sio/error.h>

struct byte_set {
    uint64_t words[4];
};

/* RFC 9110 5.6.2: tchar = "!#$%&'*+-.^_`|~", DIGIT and ALPHA. */
static const struct byte_set token_bytes = {
    {0x03ff6cfa00000000u, 0x57ffffffc7fffffeu, 0, 0},
};

/* RFC 9110 5.5: HTAB, SP, VCHAR and obs-text; no other control characters, no DEL. */
static const struct byte_set field_value_bytes = {
    {0xffffffff00000200u, 0x7fffffffffffffffu, UINT64_MAX, UINT64_MAX},
};

static bool all_in(const struct byte_set *set, struct text t) {
    for (size_t i = 0; i < t.len; i++) {
        unsigned char c = (unsigned char)t.data[i];
        if (((set->words[c / 64] >> (c % 64)) & 1) == 0) {
            return false;
        }
    }
    return true;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

bool sio__text_eq_nocase(struct text a, struct text b) {
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (sio__ascii_lower(a.data[i]) != sio__ascii_lower(b.data[i])) {
            return false;
        }
    }
    return true;
}

size_t sio__text_find(struct text t, struct text needle) {
    if (needle.len == 0) {
        return 0;
    }
    if (needle.len > t.len) {
        return SIZE_MAX;
    }
    const char *found = memmem(t.data, t.len, needle.data, needle.len);
    return found == NULL ? SIZE_MAX : (size_t)(found - t.data);
}

struct text sio__text_trim(struct text t) {
    while (t.len > 0 && is_blank(t.data[0])) {
        t.data++;
        t.len--;
    }
    while (t.len > 0 && is_blank(t.data[t.len - 1])) {
        t.len--;
    }
    return t;
}

bool sio__text_cut(struct text *rest, char separator, struct text *ret_part) {
    if (rest->data == NULL) {
        return false;
    }
    const char *found = memchr(rest->data, separator, rest->len);
    if (found == NULL) {
        *ret_part = *rest;
        *rest = (struct text){NULL, 0};
        return true;
    }
    size_t len = (size_t)(found - rest->data);
    *ret_part = (struct text){rest->data, len};
    *rest = (struct text){found + 1, rest->len - len - 1};
    return true;
}

bool sio__text_is_token(struct text t) {
    return t.len > 0 && all_in(&token_bytes, t);
}

bool sio__text_is_field_value(struct text t) {
    return all_in(&field_value_bytes, t);
}

bool sio__glob_match(struct text pattern, struct text t) {
    size_t p = 0;
    size_t i = 0;
    size_t star = SIZE_MAX; /* place behind the last `*` seen */
    size_t star_i = 0;      /* where in t what it stands for ends */
    while (i < t.len) {
        if (p < pattern.len && pattern.data[p] == '*') {
            p++;
            star = p;
            star_i = i;
        } else if (p < pattern.len && pattern.data[p] == t.data[i]) {
            p++;
            i++;
        } else if (star != SIZE_MAX) {
            /* Let the last `*` stand for one byte more; earlier ones need no second try. */
            star_i++;
            i = star_i;
            p = star;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.data[p] == '*') {
        p++;
    }
    return p == pattern.len;
}

const char *sio__text_escape(char *dst, size_t size, struct text t) {
    static const char hex[] = "0123456789abcdef";
    size_t len = 0;
    size_t cut = 0; /* the greatest len that leaves room for dots */
    for (size_t i = 0; i < t.len; i++) {
        unsigned char c = (unsigned char)t.data[i];
        size_t need = c == '\\' ? 2 : c >= 0x20 && c < 0x7f ? 1 : 4;
        if (len + need >= size) {
            memcpy(dst + cut, "...", 3);
            len = cut + 3;
            break;
        }
        if (need == 4) {
            dst[len] = '\\';
            dst[len + 1] = 'x';
            dst[len + 2] = hex[c >> 4];
            dst[len + 3] = hex[c & 15];
        } else {
            dst[len] = '\\';
            dst[len + need - 1] = (char)c;
        }
        len += need;
        if (len + 3 < size) {
            cut = len;
        }
    }
    dst[len] = '\0';
    return dst;
}

static const char digit_pairs[] = "0001020304050607080910111213141516171819"
                                  "2021222324252627282930313233343536373839"
                                  "4041424344454647484950515253545556575859"
                                  "6061626364656667686970717273747576777879"
                                  "8081828384858687888990919293949596979899";

static size_t count_digits(uint64_t value) {
    size_t n = 1;
    while (value >= 10000) {
        value /= 10000;
        n += 4;
    }
    if (value >= 1000) {
        return n + 3;
    }
    if (value >= 100) {
        return n + 2;
    }
    return value >= 10 ? n + 1 : n;
}

size_t sio__u64_write(char *dst, uint64_t value) {
    if (value < 10) {
        dst[0] = (char)('0' + value);
        return 1;
    }
    size_t len = count_digits(value);
    char *end = dst + len;
    while (value >= 100) {
        end -= 2;
        memcpy(end, digit_pairs + 2 * (value % 100), 2);
        value /= 100;
    }
    if (value >= 10) {
        memcpy(end - 2, digit_pairs + 2 * value, 2);
    } else {
        end[-1] = (char)('0' + value);
    }
    return len;
}

size_t sio__text_digits(struct text t) {
    size_t n = 0;
    while (n < t.len && is_digit(t.data[n])) {
        n++;
    }
    return n;
}

int sio__parse_u64(struct text t, size_t max_digits, uint64_t *ret_value) {
    if (t.len == 0 || t.len > max_digits) {
        return SIO_ERR_INVALID;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < t.len; i++) {
        if (!is_digit(t.data[i]) || __builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t)(t.data[i] - '0'), &value)) {
            return SIO_ERR_INVALID;
        }
    }
    *ret_value = value;
    return 0;
}
