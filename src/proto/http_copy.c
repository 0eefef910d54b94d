/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The compact copy of a head: strings one behind the other, all ended by NUL. First come method and
 * target, then a name and a value for every field. Names that most requests have are not written
 * out: a single byte from 0x80 on, with which no token begins, says which one it is. Nothing is
 * indexed: looking a field up walks the strings, which is rarely done and costs less than an index
 * would take.
 */
#include "proto/http_copy.h"

#include <sio/error.h>

#include "base/alloc.h"

struct http_copy {
    uint32_t len;       /* of bytes */
    uint16_t target_at; /* places in bytes */
    uint16_t fields_at;
    char bytes[];
};

/* A head has 65535 bytes at most, and its copy is never longer. */
_Static_assert(sizeof(struct http_copy) == 8, "the whole overhead of a copy");
_Static_assert(HTTP1_HEAD_MAX <= UINT16_MAX, "places in a head are 16 bits wide");

/* Fields of which only the first counts, because their values are no lists. */
static const char *const singles[] = {
    "age",
    "authorization",
    "content-length",
    "content-type",
    "etag",
    "expires",
    "from",
    "host",
    "last-modified",
    "location",
    "referer",
    "if-modified-since",
    "max-forwards",
    "retry-after",
    "server",
    "user-agent",
    "if-unmodified-since",
    "proxy-authorization",
};

/* Fields that need one byte for their name; at most 128. */
static const char *const known[] = {
    "host",
    "user-agent",
    "accept",
    "accept-encoding",
    "accept-language",
    "connection",
    "upgrade",
    "sec-websocket-key",
    "sec-websocket-version",
    "sec-websocket-extensions",
    "sec-websocket-protocol",
    "origin",
    "cookie",
    "referer",
    "cache-control",
    "pragma",
    "content-type",
    "content-length",
    "authorization",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-real-ip",
    "forwarded",
    "via",
    "dnt",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "sec-ch-ua",
    "sec-ch-ua-mobile",
    "sec-ch-ua-platform",
};

#define KNOWN_COUNT (sizeof(known) / sizeof(known[0]))
#define KNOWN_BIT   0x80u

static bool is_single(struct text name) {
    for (size_t i = 0; i < sizeof(singles) / sizeof(singles[0]); i++) {
        if (sio__text_eq_nocase(name, sio__text_of(singles[i]))) {
            return true;
        }
    }
    return false;
}

static char *append(char *at, struct text t) {
    if (t.len > 0) {
        memcpy(at, t.data, t.len);
    }
    return at + t.len;
}

static char *append_string(char *at, struct text t) {
    at = append(at, t);
    *at = '\0';
    return at + 1;
}

static char *append_name(char *at, struct text name) {
    for (size_t i = 0; i < KNOWN_COUNT; i++) {
        if (sio__text_eq_nocase(name, sio__text_of(known[i]))) {
            *at = (char)(KNOWN_BIT | i);
            return at + 1;
        }
    }
    for (size_t i = 0; i < name.len; i++) {
        at[i] = sio__ascii_lower(name.data[i]);
    }
    at[name.len] = '\0';
    return at + name.len + 1;
}

/* The next field of the same name, from number i on; field_count if there is none. */
static uint32_t find_field(const struct http1_head *head, uint32_t i, struct text name,
                           struct text *ret_value) {
    struct text found;
    for (; i < head->field_count; i++) {
        if (head->fields[i].name_len != name.len) {
            continue;
        }
        sio__http1_field_at(head, i, &found, ret_value);
        if (sio__text_eq_nocase(found, name)) {
            break;
        }
    }
    return i;
}

static char *append_fields(char *at, const struct http1_head *head) {
    for (uint32_t i = 0; i < head->field_count; i++) {
        struct text name;
        struct text value;
        struct text other;
        sio__http1_field_at(head, i, &name, &value);
        if (find_field(head, 0, name, &other) < i) {
            continue; /* joined to that one */
        }
        at = append_name(at, name);
        at = append(at, value);
        uint32_t next = find_field(head, i + 1, name, &other);
        if (next < head->field_count && !is_single(name)) {
            bool cookie = sio__text_eq_nocase(name, SIO_TEXT("cookie"));
            while (next < head->field_count) {
                at = append(at, cookie ? SIO_TEXT("; ") : SIO_TEXT(", "));
                at = append(at, other);
                next = find_field(head, next + 1, name, &other);
            }
        }
        *at = '\0';
        at++;
    }
    return at;
}

int sio__http_copy_embed(const struct http1_head *head, size_t room, struct http_copy **ret_copy) {
    size_t len = head->method.len + 1 + head->target.len + 1;
    for (uint32_t i = 0; i < head->field_count; i++) {
        len += (size_t)head->fields[i].name_len + 1 + head->fields[i].value_len + 1;
    }
    char *block = sio__malloc(room + sizeof(struct http_copy) + len);
    if (block == NULL) {
        return SIO_ERR_NOMEM;
    }
    struct http_copy *copy = (struct http_copy *)(void *)(block + room);
    char *at = append_string(copy->bytes, head->method);
    copy->target_at = (uint16_t)(at - copy->bytes);
    at = append_string(at, head->target);
    copy->fields_at = (uint16_t)(at - copy->bytes);
    at = append_fields(at, head);
    copy->len = (uint32_t)(at - copy->bytes);
    if (copy->len < len) {
        char *smaller = sio__realloc(block, room + sizeof(*copy) + copy->len);
        copy = smaller != NULL ? (struct http_copy *)(void *)(smaller + room) : copy;
    }
    *ret_copy = copy;
    return 0;
}

const char *sio__http_copy_method(const struct http_copy *copy) {
    return copy->bytes;
}

const char *sio__http_copy_target(const struct http_copy *copy) {
    return copy->bytes + copy->target_at;
}

const char *sio__http_copy_field(const struct http_copy *copy, const char *name) {
    uint32_t cursor = 0;
    const char *found;
    const char *value;
    while (sio__http_copy_next(copy, &cursor, &found, &value)) {
        if (strcmp(found, name) == 0) {
            return value;
        }
    }
    return NULL;
}

bool sio__http_copy_next(const struct http_copy *copy, uint32_t *cursor, const char **ret_name,
                         const char **ret_value) {
    size_t at = *cursor > 0 ? *cursor : copy->fields_at;
    if (at >= copy->len) {
        return false;
    }
    const char *name = copy->bytes + at;
    const char *value;
    if (((uint8_t)*name & KNOWN_BIT) != 0) {
        value = name + 1;
        name = known[(uint8_t)*name & ~KNOWN_BIT];
    } else {
        value = name + strlen(name) + 1;
    }
    *cursor = (uint32_t)(value + strlen(value) + 1 - copy->bytes);
    *ret_name = name;
    *ret_value = value;
    return true;
}

size_t sio__http_copy_size(const struct http_copy *copy) {
    return sizeof(*copy) + copy->len;
}
