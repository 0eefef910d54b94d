/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "engineio/request.h"

#include <limits.h>
#include <sio/error.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"

/* Longest name of a header field that can be asked for. */
#define NAME_MAX_CHARS 128

static const struct http_copy *head_of(const struct sio_request *req) {
    return (const struct http_copy *)(const void *)(req + 1);
}

int sio__request_new(const struct http1_head *head, const struct peer_address *peer, bool secure,
                     struct sio_request **ret_request) {
    struct http_copy *copy = NULL;
    int r = sio__http_copy_embed(head, sizeof(struct sio_request), &copy);
    if (r < 0) {
        return r;
    }
    struct sio_request *req = (struct sio_request *)(void *)((char *)copy - sizeof *req);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    req->address_text = NULL;
    req->issued_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    req->peer = *peer;
    req->secure = secure;
    *ret_request = req;
    return 0;
}

void sio__request_free(struct sio_request *req) {
    if (req != NULL) {
        sio__free(req->address_text);
        sio__free(req);
    }
}

/* Cuts scheme and authority off a target in absolute form; data of the authority is NULL for
 * others. */
static struct text cut_authority(struct text *target) {
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        struct text scheme = sio__text_of(schemes[i]);
        if (target->len < scheme.len ||
            !sio__text_eq_nocase((struct text){target->data, scheme.len}, scheme)) {
            continue;
        }
        struct text rest = {target->data + scheme.len, target->len - scheme.len};
        size_t end = 0;
        while (end < rest.len && rest.data[end] != '/' && rest.data[end] != '?') {
            end++;
        }
        *target = (struct text){rest.data + end, rest.len - end};
        return (struct text){rest.data, end};
    }
    return (struct text){NULL, 0};
}

struct text sio__target_origin(struct text target) {
    (void)cut_authority(&target);
    return target.len > 0 ? target : SIO_TEXT("/");
}

struct text sio__request_host(const struct http1_head *head) {
    struct text target = head->target;
    struct text authority = cut_authority(&target);
    return authority.data != NULL ? authority : sio__http1_field(head, "host");
}

struct text sio__target_query(struct text target) {
    const char *mark = target.len > 0 ? memchr(target.data, '?', target.len) : NULL;
    if (mark == NULL) {
        return (struct text){"", 0};
    }
    size_t at = (size_t)(mark - target.data) + 1;
    return (struct text){target.data + at, target.len - at};
}

struct text sio__target_path(struct text target) {
    target = sio__target_origin(target);
    const char *mark = target.len > 0 ? memchr(target.data, '?', target.len) : NULL;
    return (struct text){target.data, mark == NULL ? target.len : (size_t)(mark - target.data)};
}

const char *sio_request_method(const sio_request *req) {
    return req != NULL ? sio__http_copy_method(head_of(req)) : "";
}

const char *sio_request_url(const sio_request *req) {
    return req != NULL ? sio__http_copy_target(head_of(req)) : "";
}

int sio_request_query(const sio_request *req, const char *name, char *buffer, size_t size) {
    if (req == NULL || name == NULL || (buffer == NULL && size > 0)) {
        return SIO_ERR_INVALID;
    }
    struct text query = sio__target_query(sio__text_of(sio_request_url(req)));
    struct text wanted = {NULL, 0};
    struct text key;
    struct text value;
    while (sio__query_next(&query, &key, &value)) {
        if (sio__query_is(key, name)) {
            wanted = value;
        }
    }
    if (wanted.data == NULL) {
        return SIO_ERR_NOT_FOUND;
    }
    /* A decoded value is at most three times as long (a stray byte becomes U+FFFD). */
    size_t room = 3 * wanted.len + 1;
    char *decoded = sio__malloc(room);
    if (decoded == NULL) {
        return SIO_ERR_NOMEM;
    }
    size_t len = 0;
    int r = sio__query_decode(wanted, decoded, room, &len);
    if (r == 0) {
        r = len > INT_MAX ? SIO_ERR_TOO_BIG : (int)len;
        if (size > 0) {
            size_t n = len < size ? len : size - 1;
            memcpy(buffer, decoded, n);
            buffer[n] = '\0';
        }
    }
    sio__free(decoded);
    return r;
}

const char *sio_request_header(const sio_request *req, const char *name) {
    char lower[NAME_MAX_CHARS];
    size_t len = name != NULL ? strlen(name) : 0;
    if (req == NULL || len == 0 || len >= sizeof lower) {
        return NULL;
    }
    for (size_t i = 0; i <= len; i++) {
        lower[i] = sio__ascii_lower(name[i]);
    }
    return sio__http_copy_field(head_of(req), lower);
}

bool sio_request_next_header(const sio_request *req, size_t *cursor, const char **ret_name,
                             const char **ret_value) {
    if (req == NULL || *cursor > UINT32_MAX) {
        return false;
    }
    uint32_t at = (uint32_t)*cursor;
    bool more = sio__http_copy_next(head_of(req), &at, ret_name, ret_value);
    *cursor = at;
    return more;
}

const char *sio_request_address(const sio_request *req) {
    if (req == NULL) {
        return "";
    }
    if (req->address_text == NULL) {
        char text[PEER_ADDRESS_CHARS];
        sio__peer_address_text(&req->peer, text);
        /* A cache of something derived: the request stays what it was. */
        ((struct sio_request *)(uintptr_t)req)->address_text = sio__strndup(text, strlen(text));
    }
    return req->address_text != NULL ? req->address_text : "";
}

uint16_t sio_request_port(const sio_request *req) {
    return req != NULL ? req->peer.port : 0;
}

bool sio_request_secure(const sio_request *req) {
    return req != NULL && req->secure;
}

bool sio_request_cross_domain(const sio_request *req) {
    return req != NULL && sio__http_copy_field(head_of(req), "origin") != NULL;
}

int64_t sio_request_issued_ms(const sio_request *req) {
    return req != NULL ? req->issued_ms : 0;
}
