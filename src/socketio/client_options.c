/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "socketio/client_options.h"

#include <sio/error.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/sized.h"
#include "proto/http1.h"
#include "proto/value.h"

/* Header fields and query of the application together stay below what servers take. */
#define FIELDS_MAX_BYTES 65536u

#define DEFAULT(o, field, value)                                                                   \
    do {                                                                                           \
        if ((o)->field == 0) {                                                                     \
            (o)->field = (value);                                                                  \
        }                                                                                          \
    } while (0)

static void fill_defaults(sio_client_options *o) {
    DEFAULT(o, path, "/socket.io");
    DEFAULT(o, timestamp_param, "t");
    DEFAULT(o, protocols, "");
    if (o->transports[0] == 0) {
        o->transports[0] = SIO_POLLING;
        o->transports[1] = SIO_WEBSOCKET;
    }
    DEFAULT(o, reconnection_delay_ms, 1000);
    DEFAULT(o, reconnection_delay_max_ms, 5000);
    DEFAULT(o, randomization_percent, 50);
    DEFAULT(o, open_timeout_ms, 20000);
    DEFAULT(o, max_message_bytes, 16u << 20);
    DEFAULT(o, max_head_bytes, 16384);
    DEFAULT(o, max_headers, 200);
    DEFAULT(o, max_fragments, 4096);
    DEFAULT(o, max_attachments, 10);
    DEFAULT(o, max_attachment_bytes, 16u << 20);
    DEFAULT(o, attachment_timeout_ms, 20000);
    DEFAULT(o, send_high_water_bytes, 1u << 20);
    DEFAULT(o, send_hard_bytes, 64u << 20);
    DEFAULT(o, log_level, SIO_LOG_WARN);
}

static void fill_socket_defaults(sio_socket_options *o) {
    DEFAULT(o, connect_timeout_ms, 20000);
    DEFAULT(o, max_buffered_bytes, 1u << 20);
}

int sio__check_auth(const char *json) {
    struct value_doc doc = {0};
    int r = sio__value_parse(NULL, json, strlen(json), &doc);
    if (r == 0 && sio_val_type(doc.root) != SIO_OBJECT) {
        r = SIO_ERR_JSON;
    }
    sio__value_release(&doc);
    return r;
}

int sio__socket_options_init(sio_socket_options *ret, const sio_socket_options *given,
                             const sio_socket_options *defaults, const char **ret_what) {
    if (given == NULL) {
        *ret = *defaults;
        return 0;
    }
    int r = sio__sized_copy(ret, sizeof *ret, given, given->size);
    if (r < 0) {
        *ret_what = r == SIO_ERR_INVALID ? "size is missing" : sio_strerror(r);
        return r;
    }
    r = ret->auth != NULL ? sio__check_auth(ret->auth) : 0;
    if (r < 0) {
        *ret_what = r == SIO_ERR_NOMEM ? sio_strerror(r) : "auth is no JSON object";
        return r == SIO_ERR_NOMEM ? r : SIO_ERR_INVALID;
    }
    if (ret->auth == NULL && ret->auth_fn == NULL) {
        ret->auth = defaults->auth;
        ret->auth_fn = defaults->auth_fn;
        ret->auth_user = defaults->auth_user;
    }
    DEFAULT(ret, retries, defaults->retries);
    DEFAULT(ret, ack_timeout_ms, defaults->ack_timeout_ms);
    DEFAULT(ret, connect_timeout_ms, defaults->connect_timeout_ms);
    DEFAULT(ret, max_buffered_bytes, defaults->max_buffered_bytes);
    DEFAULT(ret, overflow, defaults->overflow);
    return 0;
}

/* ---- checks ---- */

static int invalid(const struct logger *log, const char *what, const char *why) {
    SIO_LOG_AT(log, SIO_LOG_ERROR, LOG_COMPONENT_CLIENT, "%s: %s", what, why);
    return SIO_ERR_INVALID;
}

static int check_transports(const sio_client_options *o, const struct logger *log) {
    unsigned seen = 0;
    for (size_t i = 0; i < sizeof o->transports && o->transports[i] != 0; i++) {
        unsigned t = o->transports[i];
        if ((t != SIO_POLLING && t != SIO_WEBSOCKET) || (seen & t) != 0) {
            return invalid(log, "transports", "each is SIO_POLLING or SIO_WEBSOCKET, once");
        }
        seen |= t;
    }
    return 0;
}

static int copy_text(char **ret, const char *s) {
    *ret = sio__strndup(s, strlen(s));
    return *ret != NULL ? 0 : SIO_ERR_NOMEM;
}

/* The path of all requests, with its slash at the end. */
static int make_path(struct client_options *options, const struct logger *log) {
    const char *path = options->o.path;
    size_t len = strlen(path);
    if (path[0] != '/' || strpbrk(path, "?# \t\r\n") != NULL) {
        return invalid(log, "path", "begins with a slash, without query and blanks");
    }
    bool add = !options->o.no_trailing_slash && path[len - 1] != '/';
    options->path = sio__malloc(len + 2);
    if (options->path == NULL) {
        return SIO_ERR_NOMEM;
    }
    memcpy(options->path, path, len + 1);
    if (add) {
        memcpy(options->path + len, "/", 2);
    }
    return 0;
}

/* Fields that say where a request ends, or what becomes of its connection: ours to write. */
static bool is_framing(struct text name) {
    static const char *const names[] = {
        "connection",        "content-length",        "transfer-encoding",     "upgrade",
        "sec-websocket-key", "sec-websocket-version", "sec-websocket-protocol"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (sio__text_eq_nocase(name, sio__text_of(names[i]))) {
            return true;
        }
    }
    return false;
}

/* Cookies are kept apart, to be sent with those of the jar in one field (RFC 6265 5.4). */
static int add_field(struct client_options *options, struct text name, struct text value) {
    if (!sio__text_eq_nocase(name, SIO_TEXT("cookie"))) {
        return sio__http1_write_field(&options->fields, name, value);
    }
    if (!sio__text_is_field_value(value)) {
        return SIO_ERR_INVALID;
    }
    int r = options->cookie.len > 0 ? sio__buf_append_str(&options->cookie, "; ") : 0;
    return r == 0 ? sio__buf_append_text(&options->cookie, value) : r;
}

/* "Name: value" lines become fields. */
static int make_fields(struct client_options *options, const struct logger *log) {
    const char *const *lines = options->o.headers;
    for (; lines != NULL && *lines != NULL; lines++) {
        const char *colon = strchr(*lines, ':');
        if (colon == NULL) {
            return invalid(log, *lines, "a header field is \"Name: value\"");
        }
        const struct text name = {*lines, (size_t)(colon - *lines)};
        if (is_framing(name)) {
            return invalid(log, *lines, "this header field is written by the library");
        }
        const char *value = colon + 1 + strspn(colon + 1, " \t");
        int r = add_field(options, name, sio__text_of(value));
        if (r == SIO_ERR_NOMEM) {
            return r;
        }
        if (r < 0) {
            return invalid(log, *lines, "malformed header field, or too many");
        }
    }
    return 0;
}

static int make_query(struct client_options *options, const struct logger *log) {
    struct text query = options->url.query;
    if (query.len == 0 && options->o.query != NULL) {
        query = sio__text_of(options->o.query);
    }
    int r = sio__query_add_encoded(&options->query, query);
    return r == 0 || r == SIO_ERR_NOMEM ? r : invalid(log, "query", "malformed, or too long");
}

static int make_tls(struct client_options *options, const struct logger *log) {
    if (!options->url.secure) {
        return 0;
    }
    sio_tls given = {.size = sizeof given};
    if (options->o.tls != NULL) {
        int r = sio__sized_copy(&given, sizeof given, options->o.tls, options->o.tls->size);
        if (r < 0) {
            return r;
        }
    }
    const struct tls_options tls = {.ca_file = given.ca_file,
                                    .ca_dir = given.ca_dir,
                                    .ca_pem = given.ca_pem,
                                    .cert_file = given.cert_file,
                                    .cert_pem = given.cert_pem,
                                    .key_file = given.key_file,
                                    .key_pem = given.key_pem,
                                    .key_password = given.key_password,
                                    .server_name = given.server_name,
                                    .ciphers = given.ciphers,
                                    .cipher_suites = given.cipher_suites,
                                    .min_version = given.min_version,
                                    .insecure = given.insecure};
    char error[TLS_ERROR_CHARS];
    int r = sio__tls_context_new(&tls, false, &options->tls, error);
    if (r < 0 && r != SIO_ERR_NOMEM) {
        SIO_LOG_AT(log, SIO_LOG_ERROR, LOG_COMPONENT_CLIENT, "tls: %s", error);
        return SIO_ERR_TLS;
    }
    if (r == 0 && given.insecure) {
        SIO_LOG_AT(log, SIO_LOG_WARN, LOG_COMPONENT_CLIENT,
                   "tls: the server's certificate is not verified");
    }
    return r;
}

/* The proxy that was given, or that the environment names. */
static int make_proxy(struct client_options *options, const struct logger *log) {
    struct text url = {NULL, 0};
    if (options->o.proxy != NULL) {
        url = sio__text_of(options->o.proxy);
    } else {
        const char *values[PROXY_VARIABLES];
        for (int i = 0; i < PROXY_VARIABLES; i++) {
            values[i] = getenv(sio__proxy_variable_name((enum proxy_variable)i));
        }
        url = sio__proxy_choose(values, options->url.secure, options->url.host, options->url.port);
    }
    if (url.len == 0) {
        return 0;
    }
    const char *rule = "";
    int r = sio__proxy_init(&options->proxy, url, &rule);
    if (r == 0) {
        options->engine.server.link.proxy = &options->proxy;
    }
    return r == 0 || r == SIO_ERR_NOMEM ? r : invalid(log, "proxy", rule);
}

static int make_socket(struct client_options *options, const struct logger *log) {
    const sio_socket_options none = {.size = sizeof none};
    const char *what = "";
    int r = sio__socket_options_init(&options->socket, options->o.socket, &none, &what);
    if (r == SIO_ERR_INVALID) {
        return invalid(log, "socket", what);
    }
    if (r == 0 && options->socket.auth != NULL) {
        r = copy_text(&options->auth, options->socket.auth);
        options->socket.auth = options->auth;
    }
    fill_socket_defaults(&options->socket);
    return r;
}

/* ---- all together ---- */

static uint32_t limit_ms(uint32_t ms) {
    return ms == SIO_NEVER ? 0 : ms;
}

static void fill_engine(struct client_options *options) {
    const sio_client_options *o = &options->o;
    struct eio_client_config *e = &options->engine;
    e->server.link.host = options->url.host;
    e->server.link.port = options->url.port;
    e->server.link.tls = options->tls;
    e->server.authority = options->url.authority;
    e->server.fields = sio__buf_text(&options->fields);
    e->cookie = sio__buf_text(&options->cookie);
    e->server.limits = (struct http1_limits){.max_head_bytes = (uint32_t)o->max_head_bytes,
                                             .max_headers = o->max_headers,
                                             .max_body_bytes = o->max_message_bytes};
    e->server.link_timeout_ms = limit_ms(o->open_timeout_ms);
    e->server.request_timeout_ms = limit_ms(o->request_timeout_ms);
    e->path = sio__text_of(options->path);
    e->query = sio__buf_text(&options->query);
    memcpy(e->transports, o->transports, sizeof e->transports);
    e->no_upgrade = o->no_upgrade;
    e->remember_upgrade = o->remember_upgrade;
    e->try_all_transports = o->try_all_transports;
    e->force_base64 = o->force_base64;
    e->timestamp_always = o->timestamp_always;
    e->no_timestamp = o->no_timestamp;
    e->timestamp_param = sio__text_of(options->timestamp_param);
    e->protocols = sio__text_of(options->protocols);
    e->open_timeout_ms = limit_ms(o->open_timeout_ms);
    e->max_message_bytes = o->max_message_bytes;
    e->max_fragments = o->max_fragments;
    e->send_high_water_bytes = o->send_high_water_bytes;
    e->send_hard_bytes = o->send_hard_bytes;
    if (o->cookies) {
        sio__cookie_jar_init(&options->cookies, options->url.host, options->url.secure);
        e->cookies = &options->cookies;
    }
}

static int make_all(struct client_options *options, const struct logger *log) {
    sio_client_options *o = &options->o;
    if (o->max_head_bytes > HTTP1_HEAD_MAX) {
        o->max_head_bytes = HTTP1_HEAD_MAX;
    }
    if (!sio__text_is_field_value(sio__text_of(o->protocols))) {
        return invalid(log, "protocols", "not the value of a header field");
    }
    int r = check_transports(o, log);
    r = r < 0 ? r : make_path(options, log);
    r = r < 0 ? r : copy_text(&options->timestamp_param, o->timestamp_param);
    r = r < 0 ? r : copy_text(&options->protocols, o->protocols);
    r = r < 0 ? r : make_fields(options, log);
    r = r < 0 ? r : make_query(options, log);
    r = r < 0 ? r : make_proxy(options, log);
    r = r < 0 ? r : make_tls(options, log);
    return r < 0 ? r : make_socket(options, log);
}

int sio__client_options_init(struct client_options *options, const char *url,
                             const sio_client_options *given, const struct logger *log) {
    memset(options, 0, sizeof *options);
    sio__buf_init(&options->fields, FIELDS_MAX_BYTES);
    sio__buf_init(&options->cookie, FIELDS_MAX_BYTES);
    sio__buf_init(&options->query, FIELDS_MAX_BYTES);
    if (given != NULL) {
        int r = sio__sized_copy(&options->o, sizeof options->o, given, given->size);
        if (r < 0) {
            return r;
        }
    }
    fill_defaults(&options->o);
    const char *rule = "";
    int r = sio__url_init(&options->url, sio__text_of(url), &rule);
    if (r == SIO_ERR_INVALID) {
        return invalid(log, "URL", rule);
    }
    if (r == 0) {
        r = make_all(options, log);
    }
    if (r < 0) {
        sio__client_options_done(options);
        return r;
    }
    fill_engine(options);
    return 0;
}

void sio__client_options_done(struct client_options *options) {
    sio__cookie_jar_done(&options->cookies);
    sio__tls_context_free(options->tls);
    sio__proxy_done(&options->proxy);
    sio__url_done(&options->url);
    sio__buf_done(&options->fields);
    sio__buf_done(&options->cookie);
    sio__buf_done(&options->query);
    sio__free(options->path);
    sio__free(options->timestamp_param);
    sio__free(options->protocols);
    sio__free(options->auth);
    memset(options, 0, sizeof *options);
}
