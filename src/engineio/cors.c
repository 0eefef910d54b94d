/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "engineio/cors.h"

#include <string.h>

#include "base/alloc.h"
#include "engineio/request.h"

#define DEFAULT_METHODS "GET,HEAD,PUT,PATCH,POST,DELETE"

enum origin_policy {
    ORIGIN_ANY,   /* "*" */
    ORIGIN_FIXED, /* always the same one, whoever asks */
    ORIGIN_LIST   /* the request's own, when it is allowed */
};

static struct text configured(const sio_cors *cors) {
    return sio__text_trim(sio__text_of(cors->origin));
}

static enum origin_policy policy_of(const sio_cors *cors) {
    if (cors->check != NULL) {
        return ORIGIN_LIST;
    }
    struct text origin = configured(cors);
    if (origin.len == 0 || sio__text_eq(origin, SIO_TEXT("*"))) {
        return ORIGIN_ANY;
    }
    return memchr(origin.data, ' ', origin.len) == NULL ? ORIGIN_FIXED : ORIGIN_LIST;
}

static bool in_list(const sio_cors *cors, struct text origin) {
    struct text rest = configured(cors);
    struct text item;
    while (sio__text_cut(&rest, ' ', &item)) {
        if (item.len > 0 && sio__text_eq(item, origin)) {
            return true;
        }
    }
    return false;
}

static bool check(const sio_cors *cors, struct text origin) {
    char *s = sio__strndup(origin.data, origin.len);
    bool ok = s != NULL && cors->check(s, cors->user);
    sio__free(s);
    return ok;
}

static bool allows(const sio_cors *cors, struct text origin) {
    switch (policy_of(cors)) {
    case ORIGIN_ANY: return true;
    case ORIGIN_FIXED: return sio__text_eq(configured(cors), origin);
    default: return cors->check != NULL ? check(cors, origin) : in_list(cors, origin);
    }
}

void sio__cors_headers(const sio_cors *cors, const struct http1_head *head, struct sio_headers *h) {
    if (cors == NULL) {
        return;
    }
    struct text origin = sio__http1_field(head, "origin");
    enum origin_policy policy = policy_of(cors);
    if (policy == ORIGIN_ANY) {
        sio__headers_put(h, "Access-Control-Allow-Origin", SIO_TEXT("*"));
    } else if (policy == ORIGIN_FIXED) {
        sio__headers_put(h, "Access-Control-Allow-Origin", configured(cors));
        sio__headers_put(h, "Vary", SIO_TEXT("Origin"));
    } else {
        if (origin.data != NULL && allows(cors, origin)) {
            sio__headers_put(h, "Access-Control-Allow-Origin", origin);
        }
        sio__headers_put(h, "Vary", SIO_TEXT("Origin"));
    }
    if (cors->credentials) {
        sio__headers_put(h, "Access-Control-Allow-Credentials", SIO_TEXT("true"));
    }
    if (cors->expose != NULL) {
        sio__headers_put(h, "Access-Control-Expose-Headers", sio__text_of(cors->expose));
    }
}

void sio__cors_preflight(const sio_cors *cors, const struct http1_head *head,
                         struct sio_headers *h) {
    const char *methods = cors->methods != NULL ? cors->methods : DEFAULT_METHODS;
    sio__headers_put(h, "Access-Control-Allow-Methods", sio__text_of(methods));
    if (cors->headers != NULL) {
        sio__headers_put(h, "Access-Control-Allow-Headers", sio__text_of(cors->headers));
    } else {
        struct text asked = sio__http1_field(head, "access-control-request-headers");
        sio__headers_put(h, "Vary", SIO_TEXT("Access-Control-Request-Headers"));
        if (asked.data != NULL && asked.len > 0) {
            sio__headers_put(h, "Access-Control-Allow-Headers", asked);
        }
    }
    if (cors->max_age_s > 0) {
        char digits[SIO_U64_CHARS];
        size_t n = sio__u64_write(digits, cors->max_age_s);
        sio__headers_put(h, "Access-Control-Max-Age", (struct text){digits, n});
    }
}

/* The host and port of an origin ("https://host:port"), to be compared with the Host field. */
static struct text host_of(struct text origin) {
    size_t at = sio__text_find(origin, SIO_TEXT("://"));
    if (at == SIZE_MAX) {
        return (struct text){NULL, 0};
    }
    return (struct text){origin.data + at + 3, origin.len - at - 3};
}

bool sio__cors_websocket_ok(const sio_cors *cors, const struct http1_head *head) {
    struct text origin = sio__http1_field(head, "origin");
    if (origin.data == NULL || (cors != NULL && allows(cors, origin))) {
        return true;
    }
    struct text host = sio__request_host(head);
    return host.len > 0 && sio__text_eq_nocase(host_of(origin), host);
}
