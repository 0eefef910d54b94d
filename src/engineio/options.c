/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "engineio/options.h"

#include <sio/error.h>
#include <string.h>

#include "base/alloc.h"
#include "base/sized.h"
#include "proto/http1.h"

#define DEFAULT(field, value)                                                                      \
    do {                                                                                           \
        if (o->field == 0) {                                                                       \
            o->field = (value);                                                                    \
        }                                                                                          \
    } while (0)

void sio_server_options_init(sio_server_options *options) {
    memset(options, 0, sizeof *options);
    options->size = sizeof *options;
}

static void fill_defaults(sio_server_options *o) {
    DEFAULT(path, "/socket.io");
    DEFAULT(transports, SIO_POLLING | SIO_WEBSOCKET);
    DEFAULT(ping_interval_ms, 25000);
    DEFAULT(ping_timeout_ms, 20000);
    DEFAULT(upgrade_timeout_ms, 10000);
    DEFAULT(max_payload_bytes, 1000000);
    DEFAULT(compression_threshold_bytes, 1024);
    DEFAULT(destroy_upgrade_timeout_ms, 1000);
    DEFAULT(connect_timeout_ms, 45000);
    DEFAULT(max_connections, SIO_UNLIMITED);
    DEFAULT(max_head_bytes, 16384);
    DEFAULT(max_headers, 200);
    DEFAULT(head_timeout_ms, 10000);
    DEFAULT(body_timeout_ms, 30000);
    DEFAULT(keep_alive_timeout_ms, 10000);
    DEFAULT(close_timeout_ms, 30000);
    DEFAULT(max_fragments, 16384);
    DEFAULT(max_attachments, 10);
    DEFAULT(max_attachment_bytes, 10000000);
    DEFAULT(attachment_timeout_ms, 60000);
    DEFAULT(max_namespaces_per_connection, 100);
    DEFAULT(max_dynamic_namespaces, 10000);
    DEFAULT(max_rooms_per_socket, 10000);
    DEFAULT(max_pending_connects, 10000);
    DEFAULT(send_high_water_bytes, 65536);
    DEFAULT(send_soft_bytes, 4u << 20);
    DEFAULT(send_soft_ms, 60000);
    DEFAULT(send_hard_bytes, 32u << 20);
    DEFAULT(log_level, SIO_LOG_WARN);
}

static int invalid(const struct logger *log, const char *what) {
    SIO_LOG_AT(log, SIO_LOG_ERROR, LOG_COMPONENT_SERVER, "option %s", what);
    return SIO_ERR_INVALID;
}

static bool is_field_value(const char *s) {
    return s == NULL || sio__text_is_field_value(sio__text_of(s));
}

static bool is_cookie_part(const char *s) {
    if (s == NULL) {
        return true;
    }
    for (; *s != '\0'; s++) {
        if (*s <= ' ' || *s == ';' || *s == ',' || *s == '"' || *s == '\\' || *s == 0x7f) {
            return false;
        }
    }
    return true;
}

static int check(const struct options *options, const struct logger *log) {
    const sio_server_options *o = &options->o;
    if (o->path[0] != '/') {
        return invalid(log, "path: must begin with '/'");
    }
    if ((o->transports & ~(unsigned)(SIO_POLLING | SIO_WEBSOCKET)) != 0) {
        return invalid(log, "transports: unknown flag");
    }
    if (o->max_head_bytes > HTTP1_HEAD_MAX) {
        return invalid(log, "max_head_bytes: at most 65535");
    }
    if (o->max_payload_bytes > UINT32_MAX - 64 && o->max_payload_bytes != SIO_UNLIMITED) {
        return invalid(log, "max_payload_bytes: at most 4 GiB");
    }
    if (o->send_hard_bytes < o->send_soft_bytes || o->send_soft_bytes < o->send_high_water_bytes) {
        return invalid(log, "send_*_bytes: high water <= soft <= hard is required");
    }
    if (o->log_level < SIO_LOG_NONE || o->log_level > SIO_LOG_DEBUG) {
        return invalid(log, "log_level: unknown");
    }
    if (o->cors != NULL &&
        (!is_field_value(o->cors->origin) || !is_field_value(o->cors->methods) ||
         !is_field_value(o->cors->headers) || !is_field_value(o->cors->expose))) {
        return invalid(log, "cors: a value cannot stand in a header");
    }
    if (o->cookie != NULL &&
        (!is_cookie_part(o->cookie->path) || !is_cookie_part(o->cookie->domain) ||
         !is_cookie_part(o->cookie->same_site) ||
         !sio__text_is_token(sio__text_of(o->cookie->name)))) {
        return invalid(log, "cookie: a value cannot stand in a cookie");
    }
    if (o->initial_packet != NULL && (strlen(o->initial_packet) > o->max_payload_bytes ||
                                      strlen(o->initial_packet) > o->send_hard_bytes)) {
        return invalid(log, "initial_packet: larger than max_payload_bytes or send_hard_bytes");
    }
    if (o->adapter != NULL && (o->adapter->ops == NULL || o->adapter->open == NULL)) {
        return invalid(log, "adapter: ops and open are required");
    }
    return 0;
}

/* Replaces a borrowed string by a copy. */
static int own(const char **s) {
    if (*s == NULL) {
        return 0;
    }
    char *copy = sio__strndup(*s, strlen(*s));
    *s = copy;
    return copy == NULL ? SIO_ERR_NOMEM : 0;
}

static int own_all(struct options *options) {
    const char **strings[] = {
        &options->o.path,        &options->o.initial_packet, &options->o.debug,
        &options->cors.origin,   &options->cors.methods,     &options->cors.headers,
        &options->cors.expose,   &options->cookie.name,      &options->cookie.path,
        &options->cookie.domain, &options->cookie.same_site};
    int r = 0;
    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
        /* Go on after a failure: no pointer of the application may be left for sio__options_done().
         */
        if (own(strings[i]) < 0) {
            r = SIO_ERR_NOMEM;
        }
    }
    return r;
}

static int set_path(struct options *options) {
    struct text path = sio__text_of(options->o.path);
    if (path.len > 0 && path.data[path.len - 1] == '/') {
        path.len--;
    }
    char *prefix = sio__malloc(path.len + 2);
    if (prefix == NULL) {
        return SIO_ERR_NOMEM;
    }
    memcpy(prefix, path.data, path.len);
    if (!options->o.no_trailing_slash) {
        prefix[path.len] = '/';
        path.len++;
    }
    prefix[path.len] = '\0';
    options->path = (struct text){prefix, path.len};
    return 0;
}

static int copy_adapter(struct options *options) {
    const sio_adapter_factory *given = options->o.adapter;
    int r = sio__sized_copy(&options->adapter, sizeof options->adapter, given, given->size);
    const sio_adapter_ops *ops = options->adapter.ops;
    if (r == 0 && ops != NULL) {
        r = sio__sized_copy(&options->adapter_ops, sizeof options->adapter_ops, ops, ops->size);
        options->adapter.ops = &options->adapter_ops;
    }
    options->o.adapter = &options->adapter;
    return r;
}

static int copy_nested(struct options *options) {
    int r = 0;
    if (options->o.cors != NULL) {
        r = sio__sized_copy(&options->cors, sizeof options->cors, options->o.cors,
                            options->o.cors->size);
        options->o.cors = &options->cors;
    }
    if (r == 0 && options->o.cookie != NULL) {
        r = sio__sized_copy(&options->cookie, sizeof options->cookie, options->o.cookie,
                            options->o.cookie->size);
        options->o.cookie = &options->cookie;
        if (options->cookie.name == NULL) {
            options->cookie.name = "io";
        }
        if (options->cookie.path == NULL) {
            options->cookie.path = "/";
        }
        if (options->cookie.same_site == NULL) {
            options->cookie.same_site = "Lax";
        }
    }
    if (r == 0 && options->o.adapter != NULL) {
        r = copy_adapter(options);
    }
    return r;
}

int sio__options_init(struct options *options, const sio_server_options *user,
                      const struct logger *log) {
    memset(options, 0, sizeof *options);
    int r = 0;
    if (user != NULL) {
        r = sio__sized_copy(&options->o, sizeof options->o, user, user->size);
    }
    if (r == 0) {
        r = copy_nested(options);
    }
    if (r == 0) {
        fill_defaults(&options->o);
        r = check(options, log);
    }
    if (r < 0) {
        memset(options, 0, sizeof *options); /* nothing is owned yet */
        return r;
    }
    r = own_all(options);
    if (r == 0) {
        r = set_path(options);
    }
    if (r < 0) {
        sio__options_done(options);
    }
    return r;
}

void sio__options_done(struct options *options) {
    const char *strings[] = {
        options->o.path,        options->o.initial_packet, options->o.debug,
        options->cors.origin,   options->cors.methods,     options->cors.headers,
        options->cors.expose,   options->cookie.name,      options->cookie.path,
        options->cookie.domain, options->cookie.same_site, options->path.data};
    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
        sio__free((void *)(uintptr_t)strings[i]);
    }
    memset(options, 0, sizeof *options);
}
