/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Queries and request targets that a client writes.
 *
 * The encoding of encodeURIComponent() is canonical: texts are equal when their encodings are. So a
 * query is searched for a name without decoding it.
 */
#include <sio/error.h>

#include "proto/url.h"

/* ---- encoding ---- */

/* What encodeURIComponent() leaves as it is. */
static bool is_plain(uint8_t c) {
    char lower = sio__ascii_lower((char)c);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-_.!~*'()", c) != NULL);
}

/* Takes the next byte off the front of t, which is not empty; -1 for a bad %XX. */
static int take_byte(struct text *t, bool is_encoded) {
    if (is_encoded) {
        return sio__url_take_byte(t);
    }
    uint8_t byte = (uint8_t)t->data[0];
    *t = (struct text){t->data + 1, t->len - 1};
    return byte;
}

/* Appends a text, which was percent-encoded already or not. */
static int append_component(struct buf *out, struct text t, bool is_encoded) {
    static const char hex[] = "0123456789ABCDEF";
    struct utf8_state utf8 = {0};
    while (t.len > 0) {
        int c = take_byte(&t, is_encoded);
        uint8_t byte = (uint8_t)c;
        if (c < 0 || !sio__utf8_feed(&utf8, &byte, 1)) {
            return SIO_ERR_INVALID;
        }
        const char escape[] = {'%', hex[byte >> 4], hex[byte & 15]};
        int r = is_plain(byte) ? sio__buf_push(out, byte) : sio__buf_append(out, escape, 3);
        if (r < 0) {
            return r;
        }
    }
    return sio__utf8_complete(&utf8) ? 0 : SIO_ERR_INVALID;
}

/* ---- queries ---- */

/* Drops the parameters before `end` that have the name; end is where another one begins. */
static void drop_earlier(struct buf *query, size_t end, struct text name) {
    struct text rest = {(const char *)query->data, end};
    struct text param;
    while (sio__text_cut(&rest, '&', &param)) {
        struct text param_name;
        struct text value = param;
        (void)sio__text_cut(&value, '=', &param_name);
        if (param_name.data != NULL && sio__text_eq(param_name, name)) {
            /* With the '&' behind it. */
            uint8_t *from = query->data + (param.data - (const char *)query->data);
            uint8_t *next = from + param.len + 1;
            memmove(from, next, (size_t)(query->data + query->len - next));
            query->len -= param.len + 1;
            return;
        }
    }
}

static int add(struct buf *query, struct text name, struct text value, bool is_encoded) {
    size_t before = query->len;
    int r = before > 0 ? sio__buf_push(query, '&') : 0;
    size_t start = query->len;
    if (r == 0) {
        r = append_component(query, name, is_encoded);
    }
    size_t name_len = query->len - start;
    if (r == 0) {
        r = sio__buf_push(query, '=');
    }
    if (r == 0) {
        r = append_component(query, value, is_encoded);
    }
    if (r < 0) {
        query->len = before;
        return r;
    }
    if (before > 0) {
        struct text written = {(const char *)query->data + start, name_len};
        drop_earlier(query, before, written);
    }
    return 0;
}

int sio__query_add(struct buf *query, struct text name, struct text value) {
    return add(query, name, value, false);
}

int sio__query_add_encoded(struct buf *query, struct text encoded) {
    struct text name;
    struct text value;
    while (sio__query_next(&encoded, &name, &value)) {
        int r = add(query, name, value, true);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

/* ---- targets ---- */

/* RFC 9112 3.2.1: visible ASCII, and nothing that would begin the query. */
static bool is_path(struct text path) {
    if (path.len == 0 || path.data[0] != '/') {
        return false;
    }
    for (size_t i = 0; i < path.len; i++) {
        char c = path.data[i];
        if (c <= ' ' || c > '~' || c == '?' || c == '#') {
            return false;
        }
    }
    return true;
}

static int append_path(struct buf *out, const struct url_target *target) {
    struct text path = target->path;
    if (!is_path(path)) {
        return SIO_ERR_INVALID;
    }
    if (path.data[path.len - 1] == '/') {
        path.len--;
    }
    int r = sio__buf_append_text(out, path);
    if (r == 0 && (!target->no_trailing_slash || path.len == 0)) {
        r = sio__buf_push(out, '/');
    }
    return r == 0 ? sio__buf_push(out, '?') : r;
}

/* Whether the target has a parameter of this name already, or must not have it. */
static bool is_reserved(const struct url_target *target, struct text name) {
    return sio__text_eq(name, SIO_TEXT("EIO")) || sio__text_eq(name, SIO_TEXT("transport")) ||
           sio__text_eq(name, SIO_TEXT("sid")) ||
           (target->base64 && sio__text_eq(name, SIO_TEXT("b64"))) ||
           (target->timestamp.data != NULL && sio__text_eq(name, target->timestamp_name));
}

/* The application's parameters, each followed by '&'. */
static int append_query(struct buf *out, const struct url_target *target) {
    struct text rest = target->query;
    struct text param;
    while (rest.len > 0 && sio__text_cut(&rest, '&', &param)) {
        struct text name;
        struct text value = param;
        (void)sio__text_cut(&value, '=', &name);
        if (is_reserved(target, name)) {
            continue;
        }
        int r = sio__buf_append_text(out, param);
        if (r == 0) {
            r = sio__buf_push(out, '&');
        }
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

/* A parameter of the library; nothing when the value's data is NULL. */
static int append_own(struct buf *out, const char *separator, struct text name, struct text value) {
    if (value.data == NULL) {
        return 0;
    }
    int r = sio__buf_append_str(out, separator);
    if (r == 0) {
        r = append_component(out, name, false);
    }
    if (r == 0) {
        r = sio__buf_push(out, '=');
    }
    return r == 0 ? append_component(out, value, false) : r;
}

int sio__url_write_target(struct buf *out, const struct url_target *target) {
    size_t before = out->len;
    struct text base64 = target->base64 ? SIO_TEXT("1") : (struct text){0};
    int r = append_path(out, target);
    if (r == 0) {
        r = append_query(out, target);
    }
    if (r == 0) {
        r = append_own(out, "", SIO_TEXT("EIO"), SIO_TEXT("4"));
    }
    if (r == 0) {
        r = append_own(out, "&", SIO_TEXT("transport"), target->transport);
    }
    if (r == 0) {
        r = append_own(out, "&", target->timestamp_name, target->timestamp);
    }
    if (r == 0) {
        r = append_own(out, "&", SIO_TEXT("b64"), base64);
    }
    if (r == 0) {
        r = append_own(out, "&", SIO_TEXT("sid"), target->sid);
    }
    if (r < 0) {
        out->len = before;
    }
    return r;
}

/* Writes the lowest `digits` digits of a number in base 36. */
static void write_base36(char *dst, size_t digits, uint64_t value) {
    static const char alphabet[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    for (size_t i = digits; i > 0; i--) {
        dst[i - 1] = alphabet[value % 36];
        value /= 36;
    }
}

struct text sio__url_timestamp(uint64_t now_ms, uint32_t random, char *dst) {
    write_base36(dst, 5, now_ms);
    write_base36(dst + 5, URL_TIMESTAMP_LEN - 5, random);
    return (struct text){dst, URL_TIMESTAMP_LEN};
}
