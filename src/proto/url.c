/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * URLs: from the left to the right, each part cut off by the first character that ends it. What is
 * ambiguous (a second '@', a host with an odd character) is refused, for another reader of the same
 * URL may have understood another host.
 */
#include "proto/url.h"

#include <arpa/inet.h>
#include <sio/error.h>

#include "base/alloc.h"

/* ---- characters ---- */

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_alphanumeric(char c) {
    char lower = sio__ascii_lower(c);
    return is_digit(c) || (lower >= 'a' && lower <= 'z');
}

static bool is_control(char c) {
    unsigned char byte = (unsigned char)c;
    return byte < 0x20 || byte == 0x7f;
}

static int hex_value(char c) {
    if (is_digit(c)) {
        return c - '0';
    }
    char lower = sio__ascii_lower(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

int sio__url_take_byte(struct text *t) {
    int byte = (unsigned char)t->data[0];
    size_t used = 1;
    if (byte == '%') {
        int high = t->len < 3 ? -1 : hex_value(t->data[1]);
        int low = t->len < 3 ? -1 : hex_value(t->data[2]);
        if (high < 0 || low < 0) {
            return -1;
        }
        byte = high * 16 + low;
        used = 3;
    }
    *t = (struct text){t->data + used, t->len - used};
    return byte;
}

/* ---- hosts ---- */

static bool is_name(struct text host) {
    for (size_t i = 0; i < host.len; i++) {
        char c = host.data[i];
        if (!is_alphanumeric(c) && c != '-' && c != '_' && c != '.') {
            return false;
        }
    }
    return host.len > 0 && host.len <= URL_HOST_MAX;
}

enum url_host sio__url_host(struct text host, uint8_t *ret_address) {
    char address[INET6_ADDRSTRLEN];
    if (host.len > 0 && host.len < sizeof(address)) {
        memcpy(address, host.data, host.len);
        address[host.len] = '\0';
        if (inet_pton(AF_INET, address, ret_address) == 1) {
            return URL_HOST_IPV4;
        }
        if (inet_pton(AF_INET6, address, ret_address) == 1) {
            return URL_HOST_IPV6;
        }
    }
    return is_name(host) ? URL_HOST_NAME : URL_HOST_INVALID;
}

/* ---- splitting ---- */

static int broken(const char **ret_rule, const char *rule) {
    *ret_rule = rule;
    return SIO_ERR_INVALID;
}

/* Cuts t at the first of the characters: the front stays in t, the rest with that one is returned;
 * its data is NULL if there is none. */
static struct text cut_at(struct text *t, const char *characters) {
    for (size_t i = 0; i < t->len; i++) {
        if (strchr(characters, t->data[i]) != NULL) {
            struct text rest = {t->data + i, t->len - i};
            t->len = i;
            return rest;
        }
    }
    return (struct text){0};
}

/* Without its first n bytes. */
static struct text skip(struct text t, size_t n) {
    return (struct text){t.data + n, t.len - n};
}

/* Takes "scheme://" or "//" off the front. */
static struct text take_scheme(struct text *t) {
    size_t n = 0;
    while (n < t->len && (is_alphanumeric(t->data[n]) || strchr("+-.", t->data[n]) != NULL)) {
        n++;
    }
    if (!sio__text_starts(skip(*t, n), n == 0 ? SIO_TEXT("//") : SIO_TEXT("://"))) {
        return (struct text){0};
    }
    struct text scheme = {n == 0 ? NULL : t->data, n};
    *t = skip(*t, n == 0 ? 2 : n + 3);
    return scheme;
}

/* Takes an IPv6 address in its brackets off the front. */
static int take_bracketed(struct text *t, struct url_parts *parts, const char **ret_rule) {
    uint8_t address[16];
    struct text host = skip(*t, 1);
    struct text rest = cut_at(&host, "]");
    if (rest.data == NULL) {
        return broken(ret_rule, "the bracket of an IPv6 address is not closed");
    }
    if (memchr(host.data, '%', host.len) != NULL) {
        return broken(ret_rule, "zone ids of IPv6 addresses are not supported");
    }
    if (sio__url_host(host, address) != URL_HOST_IPV6) {
        return broken(ret_rule, "what is in brackets is no IPv6 address");
    }
    parts->host = host;
    parts->is_ipv6 = true;
    *t = skip(rest, 1);
    return 0;
}

static int take_host(struct text *t, struct url_parts *parts, const char **ret_rule) {
    if (t->len > 0 && t->data[0] == '[') {
        return take_bracketed(t, parts, ret_rule);
    }
    struct text host = *t;
    struct text rest = cut_at(&host, ":");
    if (host.len == 0) {
        return broken(ret_rule, "the host is missing");
    }
    if (host.len > URL_HOST_MAX) {
        return broken(ret_rule, "the host is too long");
    }
    if (!is_name(host)) {
        return broken(ret_rule, "the host has a character that names do not have");
    }
    parts->host = host;
    *t = rest;
    return 0;
}

static int read_port(struct text t, struct url_parts *parts, const char **ret_rule) {
    if (t.len == 0) {
        return 0;
    }
    if (t.data[0] != ':') {
        return broken(ret_rule, "something other than a port follows the host");
    }
    uint64_t port = 0;
    if (t.len == 1) {
        return 0; /* "host:" is without a port (RFC 3986 6.2.3) */
    }
    if (sio__parse_u64(skip(t, 1), 5, &port) < 0 || port == 0 || port > UINT16_MAX) {
        return broken(ret_rule, "the port is no number from 1 to 65535");
    }
    parts->port = (uint16_t)port;
    return 0;
}

static int read_authority(struct text t, struct url_parts *parts, const char **ret_rule) {
    if (memchr(t.data, '\\', t.len) != NULL) {
        return broken(ret_rule, "a backslash stands before the path"); /* to browsers a slash */
    }
    struct text userinfo = t;
    struct text rest = cut_at(&userinfo, "@");
    if (rest.data != NULL) {
        t = skip(rest, 1);
        struct text password = cut_at(&userinfo, ":");
        parts->user = userinfo;
        if (password.data != NULL) {
            parts->password = skip(password, 1);
        }
        if (memchr(t.data, '@', t.len) != NULL) {
            return broken(ret_rule, "an '@' in a user or password is to be written %40");
        }
    }
    int r = take_host(&t, parts, ret_rule);
    return r < 0 ? r : read_port(t, parts, ret_rule);
}

int sio__url_split(struct text url, struct url_parts *ret, const char **ret_rule) {
    if (url.len == 0) {
        return broken(ret_rule, "the host is missing");
    }
    if (url.len > URL_MAX) {
        return broken(ret_rule, "the URL is too long");
    }
    for (size_t i = 0; i < url.len; i++) {
        if (is_control(url.data[i])) {
            return broken(ret_rule, "the URL has a control character");
        }
    }
    if (!sio__utf8_valid((const uint8_t *)url.data, url.len)) {
        return broken(ret_rule, "the URL is not UTF-8");
    }
    struct url_parts parts = {0};
    const char *start = url.data;
    parts.scheme = take_scheme(&url);
    bool is_bare = url.data == start; /* begins with its authority */
    (void)cut_at(&url, "#");
    struct text query = cut_at(&url, "?");
    if (query.data != NULL) {
        parts.query = skip(query, 1);
    }
    parts.path = cut_at(&url, "/");
    bool has_path = parts.path.data != NULL;
    if (!has_path) {
        parts.path = skip(url, url.len);
    }
    int r = read_authority(url, &parts, ret_rule);
    if (r < 0) {
        return r;
    }
    if (is_bare && has_path && url.data[url.len - 1] == ':') {
        return broken(ret_rule,
                      "\":/\" follows what is a scheme without its second slash, or a host "
                      "without its port");
    }
    *ret = parts;
    return 0;
}

/* Ends the text that was begun at dst, which is advanced behind its NUL. */
static struct text end_text(char **dst, size_t len) {
    struct text t = {*dst, len};
    (*dst)[len] = '\0';
    *dst += len + 1;
    return t;
}

int sio__url_decode(struct text encoded, char **dst, struct text *ret) {
    if (encoded.data == NULL) {
        return 0;
    }
    size_t len = 0;
    while (encoded.len > 0) {
        int byte = sio__url_take_byte(&encoded);
        if (byte < 0 || is_control((char)byte)) {
            return SIO_ERR_INVALID;
        }
        (*dst)[len] = (char)byte;
        len++;
    }
    *ret = end_text(dst, len);
    return 0;
}

/* ---- the URL of a server ---- */

/* Sets secure, websocket and the default port. */
static int read_scheme(struct text scheme, struct url *u, const char **ret_rule) {
    if (scheme.data == NULL || sio__text_eq_nocase(scheme, SIO_TEXT("https"))) {
        u->secure = true;
        u->no_scheme = scheme.data == NULL;
    } else if (sio__text_eq_nocase(scheme, SIO_TEXT("wss"))) {
        u->secure = true;
        u->websocket = true;
    } else if (sio__text_eq_nocase(scheme, SIO_TEXT("ws"))) {
        u->websocket = true;
    } else if (!sio__text_eq_nocase(scheme, SIO_TEXT("http"))) {
        return broken(ret_rule, "the scheme is none of http, https, ws, wss");
    }
    u->port = u->secure ? 443 : 80;
    return 0;
}

static struct text put(char **dst, struct text t) {
    if (t.len > 0) {
        memcpy(*dst, t.data, t.len);
    }
    return end_text(dst, t.len);
}

static struct text put_authority(char **dst, const struct url *u, bool is_ipv6) {
    char *p = *dst;
    size_t len = 0;
    if (is_ipv6) {
        p[len++] = '[';
    }
    memcpy(p + len, u->host.data, u->host.len);
    len += u->host.len;
    if (is_ipv6) {
        p[len++] = ']';
    }
    if (u->port != (u->secure ? 443 : 80)) {
        p[len++] = ':';
        len += sio__u64_write(p + len, u->port);
    }
    return end_text(dst, len);
}

int sio__url_init(struct url *ret, struct text raw, const char **ret_rule) {
    struct url_parts parts;
    struct url u = {0};
    int r = sio__url_split(raw, &parts, ret_rule);
    if (r == 0) {
        r = read_scheme(parts.scheme, &u, ret_rule);
    }
    if (r < 0) {
        return r;
    }
    u.port = parts.port != 0 ? parts.port : u.port;
    /* The parts, the host once more, what the authority has around it, "/", and six NULs. */
    u.block = sio__malloc(raw.len + parts.host.len + sizeof("[]:65535/") + 6);
    if (u.block == NULL) {
        return SIO_ERR_NOMEM;
    }
    char *dst = u.block;
    u.host = put(&dst, parts.host);
    for (size_t i = 0; i < u.host.len; i++) {
        u.block[i] = sio__ascii_lower(u.block[i]);
    }
    u.authority = put_authority(&dst, &u, parts.is_ipv6);
    u.ns = put(&dst, parts.path.len > 0 ? parts.path : SIO_TEXT("/"));
    u.query = put(&dst, parts.query);
    r = sio__url_decode(parts.user, &dst, &u.user);
    if (r == 0) {
        r = sio__url_decode(parts.password, &dst, &u.password);
    }
    if (r < 0) {
        sio__free(u.block);
        return broken(ret_rule, "the user or password is not percent-encoded");
    }
    *ret = u;
    return 0;
}

void sio__url_done(struct url *u) {
    if (u == NULL) {
        return;
    }
    sio__free(u->block);
    *u = (struct url){0};
}
