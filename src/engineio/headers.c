/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "engineio/headers.h"

#include <sio/error.h>
#include <string.h>

#include "proto/http1.h"

/* All fields of one answer together. */
#define HEADERS_BYTES_MAX 65536u

void sio__headers_init(struct sio_headers *h) {
    sio__buf_init(&h->text, HEADERS_BYTES_MAX);
    h->error = 0;
}

void sio__headers_done(struct sio_headers *h) {
    sio__buf_done(&h->text);
}

void sio__headers_clear(struct sio_headers *h) {
    sio__buf_clear(&h->text);
    h->error = 0;
}

/* Cuts the next field off; both texts are NUL-terminated in place. */
static bool next_field(struct text *rest, struct text *ret_name, struct text *ret_value) {
    if (rest->len == 0) {
        return false;
    }
    const char *end = rest->data + rest->len;
    *ret_name = (struct text){rest->data, strnlen(rest->data, rest->len)};
    const char *value = rest->data + ret_name->len + 1;
    *ret_value = (struct text){value, strnlen(value, (size_t)(end - value))};
    size_t used = ret_name->len + ret_value->len + 2;
    *rest = (struct text){rest->data + used, rest->len - used};
    return true;
}

static int append(struct sio_headers *h, struct text name, struct text value) {
    int r = sio__buf_reserve(&h->text, name.len + value.len + 2);
    if (r == 0) {
        sio__buf_append(&h->text, name.data, name.len);
        sio__buf_push(&h->text, 0);
        sio__buf_append(&h->text, value.data, value.len);
        sio__buf_push(&h->text, 0);
    } else if (h->error == 0) {
        h->error = r;
    }
    return r;
}

void sio__headers_put(struct sio_headers *h, const char *name, struct text value) {
    append(h, sio__text_of(name), value);
}

int sio__headers_write(const struct sio_headers *h, struct buf *out) {
    if (h->error < 0) {
        return h->error;
    }
    struct text rest = sio__buf_text(&h->text);
    struct text name;
    struct text value;
    int r = 0;
    while (r == 0 && next_field(&rest, &name, &value)) {
        r = sio__http1_write_field(out, name, value);
    }
    return r;
}

/* Fields that say where an answer ends and what becomes of the connection: the library's own (RFC
 * 9112 6, 9). */
static bool is_framing(struct text name) {
    return sio__text_eq_nocase(name, SIO_TEXT("content-length")) ||
           sio__text_eq_nocase(name, SIO_TEXT("transfer-encoding")) ||
           sio__text_eq_nocase(name, SIO_TEXT("connection"));
}

static bool is_valid(const char *name, const char *value) {
    return name != NULL && value != NULL && sio__text_is_token(sio__text_of(name)) &&
           !is_framing(sio__text_of(name)) && sio__text_is_field_value(sio__text_of(value));
}

int sio_headers_add(sio_headers *headers, const char *name, const char *value) {
    if (headers == NULL || !is_valid(name, value)) {
        return SIO_ERR_INVALID;
    }
    return append(headers, sio__text_of(name), sio__text_of(value));
}

int sio_headers_set(sio_headers *headers, const char *name, const char *value) {
    if (headers == NULL || !is_valid(name, value)) {
        return SIO_ERR_INVALID;
    }
    /* Append first, so that a failure leaves the old value. */
    size_t old = headers->text.len;
    int r = append(headers, sio__text_of(name), sio__text_of(value));
    if (r < 0) {
        return r;
    }
    size_t added = headers->text.len - old;
    headers->text.len = old;
    sio_headers_remove(headers, name);
    memmove(headers->text.data + headers->text.len, headers->text.data + old, added);
    headers->text.len += added;
    return 0;
}

void sio_headers_remove(sio_headers *headers, const char *name) {
    if (headers == NULL || name == NULL) {
        return;
    }
    struct text wanted = sio__text_of(name);
    struct text rest = sio__buf_text(&headers->text);
    struct text key;
    struct text value;
    size_t kept = 0;
    while (rest.len > 0) {
        const char *start = rest.data;
        next_field(&rest, &key, &value);
        size_t size = (size_t)(rest.data - start);
        if (!sio__text_eq_nocase(key, wanted)) {
            memmove(headers->text.data + kept, start, size);
            kept += size;
        }
    }
    headers->text.len = kept;
}

const char *sio_headers_get(const sio_headers *headers, const char *name) {
    if (headers == NULL || name == NULL) {
        return NULL;
    }
    struct text wanted = sio__text_of(name);
    struct text rest = sio__buf_text(&headers->text);
    struct text key;
    struct text value;
    while (next_field(&rest, &key, &value)) {
        if (sio__text_eq_nocase(key, wanted)) {
            return value.data;
        }
    }
    return NULL;
}
