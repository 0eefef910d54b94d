/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * URLs of servers and of proxies, and the requests that are made from them. Held to be true:
 * - what is in the parts of a URL cannot break out of a line of HTTP;
 * - a URL that is put together from its parts is read as the same;
 * - a query stays as it is when it is encoded once more.
 */
#undef NDEBUG
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include <sio/error.h>

#include "proto/proxy.h"
#include "proto/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void append(struct buf *b, struct text t) {
    int r = sio__buf_append_text(b, t);
    assert(r == 0);
}

static void check_same(const struct url *u) {
    struct buf raw;
    struct url again;
    const char *rule;
    sio__buf_init(&raw, SIZE_MAX);
    append(&raw, u->websocket ? SIO_TEXT("ws") : SIO_TEXT("http"));
    append(&raw, u->secure ? SIO_TEXT("s://") : SIO_TEXT("://"));
    append(&raw, u->authority);
    append(&raw, u->ns);
    append(&raw, SIO_TEXT("?"));
    append(&raw, u->query);
    if (raw.len <= URL_MAX) {
        int r = sio__url_init(&again, sio__buf_text(&raw), &rule);
        assert(r == 0);
        assert(sio__text_eq(u->host, again.host) && sio__text_eq(u->authority, again.authority));
        assert(sio__text_eq(u->ns, again.ns) && sio__text_eq(u->query, again.query));
        assert(u->port == again.port && u->secure == again.secure);
        assert(u->websocket == again.websocket && again.user.data == NULL);
        sio__url_done(&again);
    }
    sio__buf_done(&raw);
}

static void check_target(struct text query) {
    struct url_target target = {
        .path = SIO_TEXT("/socket.io"), .query = query, .transport = SIO_TEXT("polling")};
    struct buf out;
    sio__buf_init(&out, SIZE_MAX);
    int r = sio__url_write_target(&out, &target);
    assert(r == 0);
    for (size_t i = 0; i < out.len; i++) {
        assert(out.data[i] > ' ' && out.data[i] < 0x7f && out.data[i] != '#');
    }
    struct text t = sio__buf_text(&out);
    struct text ours = SIO_TEXT("EIO=4&transport=polling");
    assert(sio__text_find(t, ours) == t.len - ours.len);
    sio__buf_done(&out);
}

static void check_query(struct text encoded) {
    struct buf query;
    struct buf again;
    sio__buf_init(&query, SIZE_MAX);
    sio__buf_init(&again, SIZE_MAX);
    int r = sio__query_add_encoded(&query, encoded);
    assert(r == 0 || r == SIO_ERR_INVALID);
    r = sio__query_add_encoded(&again, sio__buf_text(&query));
    assert(r == 0 && sio__text_eq(sio__buf_text(&query), sio__buf_text(&again)));
    check_target(sio__buf_text(&query));
    sio__buf_done(&query);
    sio__buf_done(&again);
}

static void check_server(struct text raw) {
    struct url u;
    const char *rule = NULL;
    uint8_t address[16];
    if (sio__url_init(&u, raw, &rule) < 0) {
        assert(rule != NULL);
        return;
    }
    assert(u.host.len > 0 && u.port > 0 && u.ns.len > 0 && u.ns.data[0] == '/');
    assert(sio__url_host(u.host, address) != URL_HOST_INVALID);
    assert(strlen(u.host.data) == u.host.len && strlen(u.authority.data) == u.authority.len);
    assert(strlen(u.ns.data) == u.ns.len && strlen(u.query.data) == u.query.len);
    check_same(&u);
    check_query(u.query);
    sio__url_done(&u);
}

static void check_proxy(struct text raw) {
    struct proxy proxy;
    struct proxy_dialogue d;
    const char *rule = NULL;
    if (sio__proxy_init(&proxy, raw, &rule) < 0) {
        assert(rule != NULL);
        return;
    }
    if (sio__proxy_dialogue_init(&d, &proxy, SIO_TEXT("192.0.2.1"), 80) == 0) {
        struct buf out;
        sio__buf_init(&out, SIZE_MAX);
        int r = sio__proxy_dialogue_output(&d, &out);
        assert(r == 0 && out.len > 0);
        sio__buf_done(&out);
    }
    sio__proxy_done(&proxy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct text raw = {(const char *)data, size};
    check_server(raw);
    check_proxy(raw);
    if (size > 0 && size <= URL_MAX) {
        check_query(raw);
    }
    return 0;
}
