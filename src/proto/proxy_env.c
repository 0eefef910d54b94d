/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The proxy that the environment names for a server. The environment itself is read by the caller.
 */
#include "proto/proxy.h"
#include "proto/url.h"

const char *sio__proxy_variable_name(enum proxy_variable variable) {
    static const char *const names[] = {
#define XX(name, text) [PROXY_VARIABLE_##name] = (text),
        PROXY_VARIABLE_MAP(XX)
#undef XX
    };
    return names[variable];
}

/* ---- no_proxy ---- */

struct server {
    struct text host;
    enum url_host kind;
    uint8_t address[16];
    uint16_t port;
};

/* Cuts the next entry off the list. */
static bool next_entry(struct text *list, struct text *ret) {
    size_t start = 0;
    while (start < list->len && strchr(", \t", list->data[start]) != NULL) {
        start++;
    }
    size_t end = start;
    while (end < list->len && strchr(", \t", list->data[end]) == NULL) {
        end++;
    }
    *ret = (struct text){list->data + start, end - start};
    *list = (struct text){list->data + end, list->len - end};
    return ret->len > 0;
}

/* Takes ":port" and brackets off an entry. Returns false when the port is another one. */
static bool take_port(struct text *entry, uint16_t port) {
    struct text host = *entry;
    struct text after = {0};
    if (host.data[0] == '[') {
        after = (struct text){host.data + 1, host.len - 1};
        (void)sio__text_cut(&after, ']', &host);
        if (after.data == NULL) {
            return false; /* the bracket is not closed */
        }
    } else {
        after = host;
        (void)sio__text_cut(&after, ':', &host);
        if (after.data == NULL || memchr(after.data, ':', after.len) != NULL) {
            return true; /* no port, or an IPv6 address without brackets */
        }
        after = (struct text){after.data - 1, after.len + 1};
    }
    *entry = host;
    if (after.len == 0) {
        return true;
    }
    uint64_t number;
    struct text digits = {after.data + 1, after.len - 1};
    return after.data[0] == ':' && sio__parse_u64(digits, 5, &number) == 0 && number == port;
}

static bool same_bits(const uint8_t *a, const uint8_t *b, size_t bits) {
    size_t bytes = bits / 8;
    if (memcmp(a, b, bytes) != 0) {
        return false;
    }
    return bits % 8 == 0 || ((a[bytes] ^ b[bytes]) >> (8 - bits % 8)) == 0;
}

/* An entry "address" or "address/bits" (RFC 4632 3.1, RFC 4291 2.3). */
static bool covers_address(struct text entry, const struct server *server) {
    struct text address;
    uint8_t bytes[16];
    uint64_t max = server->kind == URL_HOST_IPV4 ? 32 : 128;
    uint64_t bits = max;
    (void)sio__text_cut(&entry, '/', &address);
    if (entry.data != NULL && (sio__parse_u64(entry, 3, &bits) < 0 || bits > max)) {
        return false;
    }
    return sio__url_host(address, bytes) == server->kind &&
           same_bits(bytes, server->address, (size_t)bits);
}

static struct text without_last_dot(struct text t) {
    return t.len > 0 && t.data[t.len - 1] == '.' ? (struct text){t.data, t.len - 1} : t;
}

/* The name, or a name below it. */
static bool covers_name(struct text entry, struct text host) {
    entry = without_last_dot(entry);
    host = without_last_dot(host);
    if (entry.len > 0 && entry.data[0] == '.') {
        entry = (struct text){entry.data + 1, entry.len - 1};
    }
    if (entry.len == 0 || entry.len > host.len) {
        return false;
    }
    size_t before = host.len - entry.len;
    struct text end = {host.data + before, entry.len};
    return sio__text_eq_nocase(end, entry) && (before == 0 || host.data[before - 1] == '.');
}

static bool is_exempt(struct text list, const struct server *server) {
    struct text entry;
    while (list.len > 0 && next_entry(&list, &entry)) {
        if (sio__text_eq(entry, SIO_TEXT("*"))) {
            return true;
        }
        if (!take_port(&entry, server->port)) {
            continue;
        }
        bool covered = server->kind == URL_HOST_NAME ? covers_name(entry, server->host)
                                                     : covers_address(entry, server);
        if (covered) {
            return true;
        }
    }
    return false;
}

/* ---- choice ---- */

/* The first of two variables that is set, and not to nothing. */
static struct text first_of(const char *const *values, enum proxy_variable a,
                            enum proxy_variable b) {
    struct text value = sio__text_of(values[a]);
    if (value.len == 0) {
        value = sio__text_of(values[b]);
    }
    return value.len == 0 ? (struct text){0} : value;
}

struct text sio__proxy_choose(const char *const values[PROXY_VARIABLES], bool secure,
                              struct text host, uint16_t port) {
    struct server server = {.host = host, .port = port};
    struct text proxy = secure ? first_of(values, PROXY_VARIABLE_HTTPS, PROXY_VARIABLE_HTTPS_UPPER)
                               : first_of(values, PROXY_VARIABLE_HTTP, PROXY_VARIABLE_HTTP);
    if (proxy.data == NULL) {
        proxy = first_of(values, PROXY_VARIABLE_ALL, PROXY_VARIABLE_ALL_UPPER);
    }
    server.kind = sio__url_host(host, server.address);
    struct text list = first_of(values, PROXY_VARIABLE_NO, PROXY_VARIABLE_NO_UPPER);
    return is_exempt(list, &server) ? (struct text){0} : proxy;
}
