/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The client that the interoperability tests drive: commands on standard input, reports on standard
 * output, one JSON array on each line, as tests/interop/CLIENT.md has them.
 */
#include <sio/sio.h>
#include <sio/uv.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#define LATER_MAX  64 /* answers that are owed */
#define HEADER_MAX 64

static uv_loop_t loop;
static uv_pipe_t input;
static sio_client *client;
static char *line; /* what was read of the current line */
static size_t line_len;
static size_t line_size;
static sio_ack *owed[LATER_MAX];
static size_t owed_count;

static void check(int r, const char *what) {
    if (r < 0) {
        fprintf(stderr, "interop_client: %s: %s\n", what, sio_strerror(r));
        exit(EXIT_FAILURE);
    }
}

static void *must(void *p) {
    check(p != NULL ? 0 : SIO_ERR_NOMEM, "memory");
    return p;
}

/* ---- reports ---- */

static void put_text(const char *s, size_t len) {
    putchar('"');
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c == '"' || c == '\\') {
            printf("\\%c", c);
        } else if (c < 0x20) {
            printf("\\u%04x", c);
        } else {
            putchar(c);
        }
    }
    putchar('"');
}

static void put_str(const char *s) {
    put_text(s, strlen(s));
}

static void put_bytes(const void *data, size_t len) {
    const unsigned char *bytes = data;
    printf("{\"$bytes\":\"");
    for (size_t i = 0; i < len; i++) {
        putchar("0123456789abcdef"[bytes[i] >> 4]);
        putchar("0123456789abcdef"[bytes[i] & 15]);
    }
    printf("\"}");
}

static void put_leaf(const sio_val *v) {
    size_t size = (size_t)sio_val_json(v, NULL, 0) + 1;
    char *text = must(malloc(size));
    sio_val_json(v, text, size);
    fputs(text, stdout);
    free(text);
}

/* The library bounds how deep values are nested. */
static void put_val(const sio_val *v) {
    int type = sio_val_type(v);
    size_t len = 0;
    if (type == SIO_NONE) {
        printf("null");
    } else if (type == SIO_BYTES) {
        const void *data = sio_val_bytes(v, &len);
        put_bytes(data, len);
    } else if (type == SIO_ARRAY || type == SIO_OBJECT) {
        sio_val_iter it = {0};
        putchar(type == SIO_ARRAY ? '[' : '{');
        const char *separator = "";
        for (const sio_val *e = sio_val_next(v, &it); e != NULL; e = sio_val_next(v, &it)) {
            fputs(separator, stdout);
            separator = ",";
            if (type == SIO_OBJECT) {
                put_text(it.key, it.key_len);
                putchar(':');
            }
            put_val(e);
        }
        putchar(type == SIO_ARRAY ? ']' : '}');
    } else {
        put_leaf(v);
    }
}

static void put_args(const sio_event *ev) {
    putchar('[');
    for (size_t i = 0; i < sio_event_count(ev); i++) {
        printf(i > 0 ? "," : "");
        put_val(sio_event_arg(ev, i));
    }
    putchar(']');
}

static const char *status_name(int status) {
    return status == 0 ? "" : status > 0 ? "SIO_SLOW" : sio_errname(status);
}

/* Begins a report about a socket. */
static void report(const char *kind, const sio_socket *s) {
    printf("[\"%s\",", kind);
    put_str(sio_socket_nsp(s));
}

static void report_end(void) {
    puts("]");
    fflush(stdout);
}

static void report_event(const char *kind, const sio_socket *s, const sio_event *ev) {
    report(kind, s);
    putchar(',');
    put_str(sio_event_name(ev));
    putchar(',');
    put_args(ev);
    printf(",%s", sio_event_wants_ack(ev) ? "true" : "false");
    report_end();
}

/* ---- callbacks ---- */

static void on_connect(sio_socket *s, void *user) {
    (void)user;
    report("connect", s);
    printf(",\"%s\",%s", sio_socket_id(s), sio_socket_recovered(s) ? "true" : "false");
    report_end();
}

static void on_connect_error(sio_socket *s, const sio_connect_error *error, void *user) {
    (void)user;
    report("connect_error", s);
    putchar(',');
    put_str(error->message);
    putchar(',');
    put_val(error->data);
    printf(",%s,\"%s\"", error->active ? "true" : "false", status_name(error->status));
    report_end();
}

static void on_disconnect(sio_socket *s, int reason, int cause, void *user) {
    (void)user;
    report("disconnect", s);
    printf(",\"%s\",\"%s\"", sio_reason_text(reason), sio_cause_name(cause));
    report_end();
}

static void on_notice(sio_client *c, const sio_notice *n, void *user) {
    static const char *const names[] = {
#define XX(name, text) text,
        SIO_NOTICE_MAP(XX)
#undef XX
    };
    (void)c;
    (void)user;
    printf(
        "[\"notice\",\"%s\",{\"status\":\"%s\",\"reason\":\"%s\",\"cause\":\"%s\",\"attempt\":%u",
        names[n->kind], status_name(n->status), sio_reason_text(n->reason),
        sio_cause_name(n->cause), (unsigned)n->attempt);
    if (n->delay_ms == SIO_NEVER) {
        printf(",\"delay\":null,\"text\":");
    } else {
        printf(",\"delay\":%u,\"text\":", (unsigned)n->delay_ms);
    }
    put_str(n->text);
    putchar('}');
    report_end();
}

static void on_trace(sio_client *c, bool sent, const char *transport, const void *data, size_t len,
                     bool binary, void *user) {
    (void)c;
    (void)user;
    printf("[\"trace\",\"%s\",\"%s\",", sent ? "sent" : "received", transport);
    if (binary) {
        put_bytes(data, len);
    } else {
        put_text(data, len);
    }
    report_end();
}

static void on_log(int level, const char *component, const char *message, void *user) {
    (void)user;
    printf("[\"log\",\"%s\",\"%s\",", sio_log_level_name(level), component);
    put_str(message);
    report_end();
}

static sio_auth_request *auth_request; /* the last one, not answered yet */

static void on_auth(sio_socket *s, sio_auth_request *request, void *user) {
    (void)user;
    auth_request = request;
    report("auth", s);
    report_end();
}

static void on_any(sio_socket *s, sio_event *ev, void *user) {
    report_event(user, s, ev);
}

/* A second function, which can be removed alone. */
static void on_other(sio_socket *s, sio_event *ev, void *user) {
    (void)user;
    report_event("other", s, ev);
}

static void on_event(sio_socket *s, sio_event *ev, void *user) {
    const char *how = user;
    report_event("event", s, ev);
    if (strcmp(how, "reply") == 0) {
        check(sio_event_reply(ev, "a", ev), "reply");
    } else if (strcmp(how, "later") == 0 && owed_count < LATER_MAX) {
        owed[owed_count++] = sio_event_take_ack(ev);
    } else if (strcmp(how, "disconnect") == 0) {
        sio_socket_disconnect(s, false);
    } else if (strcmp(how, "close") == 0) {
        sio_client_close(client);
    } else if (strcmp(how, "echo") == 0) {
        sio_emit(s, sio_event_name(ev), "a", ev);
    }
}

static void on_ack(sio_socket *s, int status, sio_event *reply, void *user) {
    report("ack", s);
    printf(",%d,\"%s\",", (int)(intptr_t)user, status_name(status));
    put_args(reply);
    report_end();
}

/* ---- options ---- */

enum option_kind { TEXT, NUMBER, SIZE, SWITCH, INTEGER };

struct option {
    const char *name;
    enum option_kind kind;
    size_t at;
};

#define OPTION(type, kind, field)                                                                  \
    { #field, kind, offsetof(type, field) }

static const struct option client_options[] = {
    OPTION(sio_client_options, TEXT, path),
    OPTION(sio_client_options, SWITCH, no_trailing_slash),
    OPTION(sio_client_options, TEXT, query),
    OPTION(sio_client_options, SWITCH, no_upgrade),
    OPTION(sio_client_options, SWITCH, remember_upgrade),
    OPTION(sio_client_options, SWITCH, try_all_transports),
    OPTION(sio_client_options, SWITCH, force_base64),
    OPTION(sio_client_options, SWITCH, timestamp_always),
    OPTION(sio_client_options, SWITCH, no_timestamp),
    OPTION(sio_client_options, TEXT, timestamp_param),
    OPTION(sio_client_options, SWITCH, cookies),
    OPTION(sio_client_options, TEXT, protocols),
    OPTION(sio_client_options, NUMBER, request_timeout_ms),
    OPTION(sio_client_options, TEXT, proxy),
    OPTION(sio_client_options, SWITCH, no_reconnection),
    OPTION(sio_client_options, NUMBER, reconnection_attempts),
    OPTION(sio_client_options, NUMBER, reconnection_delay_ms),
    OPTION(sio_client_options, NUMBER, reconnection_delay_max_ms),
    OPTION(sio_client_options, NUMBER, randomization_percent),
    OPTION(sio_client_options, NUMBER, open_timeout_ms),
    OPTION(sio_client_options, SWITCH, no_auto_connect),
    OPTION(sio_client_options, SIZE, max_message_bytes),
    OPTION(sio_client_options, SIZE, max_head_bytes),
    OPTION(sio_client_options, NUMBER, max_headers),
    OPTION(sio_client_options, NUMBER, max_fragments),
    OPTION(sio_client_options, NUMBER, max_attachments),
    OPTION(sio_client_options, SIZE, max_attachment_bytes),
    OPTION(sio_client_options, NUMBER, attachment_timeout_ms),
    OPTION(sio_client_options, SIZE, send_high_water_bytes),
    OPTION(sio_client_options, SIZE, send_hard_bytes),
    OPTION(sio_client_options, INTEGER, log_level),
    OPTION(sio_client_options, TEXT, debug),
    {NULL, TEXT, 0}};

static const struct option tls_options[] = {
    OPTION(sio_tls, TEXT, ca_file),       OPTION(sio_tls, TEXT, ca_dir),
    OPTION(sio_tls, TEXT, ca_pem),        OPTION(sio_tls, TEXT, cert_file),
    OPTION(sio_tls, TEXT, key_file),      OPTION(sio_tls, TEXT, cert_pem),
    OPTION(sio_tls, TEXT, key_pem),       OPTION(sio_tls, TEXT, key_password),
    OPTION(sio_tls, TEXT, server_name),   OPTION(sio_tls, TEXT, ciphers),
    OPTION(sio_tls, TEXT, cipher_suites), OPTION(sio_tls, INTEGER, min_version),
    OPTION(sio_tls, SWITCH, insecure),    {NULL, TEXT, 0}};

static const struct option socket_options[] = {
    OPTION(sio_socket_options, TEXT, auth),
    OPTION(sio_socket_options, NUMBER, retries),
    OPTION(sio_socket_options, NUMBER, ack_timeout_ms),
    OPTION(sio_socket_options, NUMBER, connect_timeout_ms),
    OPTION(sio_socket_options, SIZE, max_buffered_bytes),
    OPTION(sio_socket_options, INTEGER, overflow),
    {NULL, TEXT, 0}};

static void set_option(void *options, const struct option *option, yyjson_val *value) {
    void *at = (char *)options + option->at;
    bool never = yyjson_equals_str(value, "never");
    switch (option->kind) {
    case TEXT: *(const char **)at = yyjson_get_str(value); break;
    case NUMBER: *(uint32_t *)at = never ? SIO_NEVER : (uint32_t)yyjson_get_uint(value); break;
    case SIZE: *(size_t *)at = never ? SIO_UNLIMITED : (size_t)yyjson_get_uint(value); break;
    case SWITCH: *(bool *)at = yyjson_get_bool(value); break;
    case INTEGER: *(int *)at = yyjson_get_int(value); break;
    }
}

/* @return false when the table has no such option */
static bool find_option(void *options, const struct option *table, yyjson_val *key,
                        yyjson_val *value) {
    for (; table->name != NULL; table++) {
        if (yyjson_equals_str(key, table->name)) {
            set_option(options, table, value);
            return true;
        }
    }
    return false;
}

static void unknown_option(yyjson_val *key) {
    fprintf(stderr, "interop_client: no option %s\n", yyjson_get_str(key));
    exit(EXIT_FAILURE);
}

static const sio_tls *read_tls(sio_tls *tls, yyjson_val *object) {
    yyjson_obj_iter it = yyjson_obj_iter_with(object);
    for (yyjson_val *key = yyjson_obj_iter_next(&it); key != NULL;
         key = yyjson_obj_iter_next(&it)) {
        if (!find_option(tls, tls_options, key, yyjson_obj_iter_get_val(key))) {
            unknown_option(key);
        }
    }
    return tls;
}

static const sio_socket_options *read_socket(sio_socket_options *options, yyjson_val *object) {
    yyjson_obj_iter it = yyjson_obj_iter_with(object);
    for (yyjson_val *key = yyjson_obj_iter_next(&it); key != NULL;
         key = yyjson_obj_iter_next(&it)) {
        yyjson_val *value = yyjson_obj_iter_get_val(key);
        if (yyjson_equals_str(key, "auth_fn")) {
            options->auth_fn = yyjson_get_bool(value) ? on_auth : NULL;
        } else if (!find_option(options, socket_options, key, value)) {
            unknown_option(key);
        }
    }
    return options;
}

static void read_headers(const char **headers, yyjson_val *array) {
    for (size_t i = 0; i < yyjson_arr_size(array) && i + 1 < HEADER_MAX; i++) {
        headers[i] = yyjson_get_str(yyjson_arr_get(array, i));
    }
}

static void read_transports(uint8_t *transports, yyjson_val *array) {
    for (size_t i = 0; i < yyjson_arr_size(array) && i < 4; i++) {
        bool polling = yyjson_equals_str(yyjson_arr_get(array, i), "polling");
        transports[i] = polling ? SIO_POLLING : SIO_WEBSOCKET;
    }
}

static int new_client(const char *url, yyjson_val *object) {
    const char *headers[HEADER_MAX] = {0};
    sio_tls tls = {.size = sizeof tls};
    sio_socket_options socket = {.size = sizeof socket};
    sio_client_options options = {
        .size = sizeof options, .headers = headers, .log_level = SIO_LOG_WARN, .log = on_log};
    yyjson_obj_iter it = yyjson_obj_iter_with(object);
    for (yyjson_val *key = yyjson_obj_iter_next(&it); key != NULL;
         key = yyjson_obj_iter_next(&it)) {
        yyjson_val *value = yyjson_obj_iter_get_val(key);
        if (yyjson_equals_str(key, "tls")) {
            options.tls = read_tls(&tls, value);
        } else if (yyjson_equals_str(key, "socket")) {
            options.socket = read_socket(&socket, value);
        } else if (yyjson_equals_str(key, "headers")) {
            read_headers(headers, value);
        } else if (yyjson_equals_str(key, "transports")) {
            read_transports(options.transports, value);
        } else if (!find_option(&options, client_options, key, value)) {
            unknown_option(key);
        }
    }
    return sio_client_new(&client, url, &options);
}

/* ---- messages ---- */

static void add_bytes(sio_msg *m, const char *hex) {
    size_t len = strlen(hex) / 2;
    unsigned char *bytes = must(malloc(len + 1));
    for (size_t i = 0; i < len; i++) {
        const char digits[] = {hex[2 * i], hex[2 * i + 1], '\0'};
        bytes[i] = (unsigned char)strtoul(digits, NULL, 16);
    }
    sio_msg_add_bytes(m, bytes, len);
    free(bytes);
}

/* Tests do not nest deeply. */
static void add_value(sio_msg *m, yyjson_val *v) {
    size_t index;
    size_t count;
    yyjson_val *key;
    yyjson_val *item;
    if (yyjson_is_arr(v)) {
        sio_msg_begin_array(m);
        yyjson_arr_foreach(v, index, count, item) {
            add_value(m, item);
        }
        sio_msg_end(m);
    } else if (yyjson_obj_get(v, "$bytes") != NULL) {
        add_bytes(m, yyjson_get_str(yyjson_obj_get(v, "$bytes")));
    } else if (yyjson_is_obj(v)) {
        sio_msg_begin_object(m);
        yyjson_obj_foreach(v, index, count, key, item) {
            sio_msg_key(m, yyjson_get_str(key));
            add_value(m, item);
        }
        sio_msg_end(m);
    } else if (yyjson_is_str(v)) {
        sio_msg_add_str(m, yyjson_get_str(v), yyjson_get_len(v));
    } else {
        char *json = must(yyjson_val_write(v, 0, NULL));
        sio_msg_add_json(m, json, SIO_NUL);
        free(json);
    }
}

static sio_msg *new_msg(const char *event, yyjson_val *args, int *ret_error) {
    sio_msg *m = NULL;
    size_t index;
    size_t count;
    yyjson_val *item;
    *ret_error = sio_msg_new(&m, event);
    yyjson_arr_foreach(args, index, count, item) {
        add_value(m, item);
    }
    return m;
}

/* ---- commands: each gets its whole array ---- */

#define ARG(command, index) yyjson_arr_get(command, index)
#define STR(command, index) yyjson_get_str(ARG(command, index))

static sio_socket *socket_of(yyjson_val *command) {
    return sio_client_socket(client, STR(command, 1), NULL);
}

/* ["client", url, options] */
static int do_client(yyjson_val *command) {
    int r = new_client(STR(command, 1), ARG(command, 2));
    if (r == 0) {
        check(sio_client_attach_uv(client, &loop), "loop");
        sio_client_on_notice(client, on_notice, NULL);
    }
    return r;
}

/* ["socket", nsp, options] */
static int do_socket(yyjson_val *command) {
    sio_socket_options options = {.size = sizeof options};
    yyjson_val *given = ARG(command, 2);
    sio_socket *s = sio_client_socket(client, STR(command, 1),
                                      given != NULL ? read_socket(&options, given) : NULL);
    int r = s != NULL ? sio_socket_on_connect(s, on_connect, NULL) : SIO_ERR_INVALID;
    r = r < 0 ? r : sio_socket_on_connect_error(s, on_connect_error, NULL);
    return r < 0 ? r : sio_socket_on_disconnect(s, on_disconnect, NULL);
}

/* What handlers do with an event, beside reporting it. */
static void *how_of(yyjson_val *v) {
    static const char *const all[] = {"reply", "later", "disconnect", "close", "echo"};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (yyjson_equals_str(v, all[i])) {
            return (void *)(uintptr_t)all[i];
        }
    }
    return "";
}

static bool is_other(yyjson_val *how) {
    return yyjson_equals_str(how, "other");
}

/* ["on", nsp, event, how] */
static int do_on(yyjson_val *command) {
    yyjson_val *how = ARG(command, 3);
    return sio_socket_on(socket_of(command), STR(command, 2), is_other(how) ? on_other : on_event,
                         how_of(how));
}

static int do_once(yyjson_val *command) {
    yyjson_val *how = ARG(command, 3);
    return sio_socket_once(socket_of(command), STR(command, 2), is_other(how) ? on_other : on_event,
                           how_of(how));
}

/* ["any", nsp, how], ["any_outgoing", nsp, how] */
static int do_any(yyjson_val *command) {
    return sio_socket_on_any(socket_of(command), is_other(ARG(command, 2)) ? on_other : on_any,
                             "any");
}

static int do_any_outgoing(yyjson_val *command) {
    return sio_socket_on_any_outgoing(socket_of(command),
                                      is_other(ARG(command, 2)) ? on_other : on_any, "outgoing");
}

/* ["off", nsp, event or null, how]: the result says how many were removed */
static int do_off(yyjson_val *command) {
    int removed = sio_socket_off(socket_of(command), STR(command, 2),
                                 is_other(ARG(command, 3)) ? on_other : NULL);
    printf("[\"removed\",%d", removed);
    report_end();
    return 0;
}

/* ["emit", nsp, event, [args], volatile] */
static int do_emit(yyjson_val *command) {
    int r = 0;
    unsigned flags = yyjson_get_bool(ARG(command, 4)) ? SIO_VOLATILE : 0;
    sio_msg *m = new_msg(STR(command, 2), ARG(command, 3), &r);
    r = r < 0 ? r : sio_emit_msg(socket_of(command), flags, m);
    sio_msg_unref(m);
    return r;
}

/* ["emit_ack", nsp, event, [args], tag, timeout, volatile] */
static int do_emit_ack(yyjson_val *command) {
    int r = 0;
    const sio_ack_options ack = {
        .size = sizeof ack,
        .fn = on_ack,
        .user = (void *)(intptr_t)yyjson_get_int(ARG(command, 4)),
        .timeout_ms = (uint32_t)yyjson_get_uint(ARG(command, 5)),
        .flags = yyjson_get_bool(ARG(command, 6)) ? SIO_VOLATILE : 0,
    };
    sio_msg *m = new_msg(STR(command, 2), ARG(command, 3), &r);
    r = r < 0 ? r : sio_emit_ack_msg(socket_of(command), &ack, m);
    sio_msg_unref(m);
    return r;
}

/* ["reply", [args]]: the oldest of the answers that are owed */
static int do_reply(yyjson_val *command) {
    int r = 0;
    if (owed_count == 0) {
        return SIO_ERR_STATE;
    }
    sio_ack *ack = owed[0];
    memmove(owed, owed + 1, --owed_count * sizeof owed[0]);
    sio_msg *m = new_msg(NULL, ARG(command, 1), &r);
    r = r < 0 ? r : sio_ack_reply_msg(ack, m);
    sio_msg_unref(m);
    return r;
}

/* ["give_auth", JSON text or null]: to the last request */
static int do_give_auth(yyjson_val *command) {
    sio_auth_request *request = auth_request;
    auth_request = NULL;
    return sio_auth_give(request, STR(command, 1));
}

/* ["set_auth", nsp, JSON text] */
static int do_set_auth(yyjson_val *command) {
    return sio_socket_set_auth(socket_of(command), STR(command, 2));
}

/* ["connect", nsp] */
static int do_connect(yyjson_val *command) {
    return sio_socket_connect(socket_of(command));
}

/* ["disconnect", nsp, close] */
static int do_disconnect(yyjson_val *command) {
    sio_socket_disconnect(socket_of(command), yyjson_get_bool(ARG(command, 2)));
    return 0;
}

static int do_open(yyjson_val *command) {
    (void)command;
    return sio_client_open(client);
}

static int do_close(yyjson_val *command) {
    (void)command;
    return sio_client_close(client);
}

static int do_trace(yyjson_val *command) {
    (void)command;
    sio_client_on_trace(client, on_trace, NULL);
    return 0;
}

/* ["state", nsp] */
static int do_state(yyjson_val *command) {
    static const char *const states[] = {"closed", "opening", "open"};
    const sio_socket *s = socket_of(command);
    report("state", s);
    printf(",{\"state\":\"%s\",\"transport\":\"%s\",\"sid\":", states[sio_client_state(client)],
           sio_client_transport(client));
    put_str(sio_client_sid(client));
    printf(",\"id\":");
    put_str(sio_socket_id(s));
    printf(",\"connected\":%d,\"active\":%d,\"recovered\":%d,\"pending\":%zu}",
           sio_socket_connected(s), sio_socket_active(s), sio_socket_recovered(s),
           sio_socket_pending_bytes(s));
    report_end();
    return 0;
}

static int do_free(yyjson_val *command) {
    (void)command;
    while (owed_count > 0) {
        sio_ack_free(owed[--owed_count]);
    }
    if (auth_request != NULL) {
        (void)sio_auth_give(auth_request, NULL);
        auth_request = NULL;
    }
    sio_client_free(client);
    client = NULL;
    return 0;
}

static const struct {
    const char *name;
    int (*fn)(yyjson_val *command);
} commands[] = {
    {"client", do_client},
    {"socket", do_socket},
    {"on", do_on},
    {"once", do_once},
    {"any", do_any},
    {"any_outgoing", do_any_outgoing},
    {"off", do_off},
    {"emit", do_emit},
    {"emit_ack", do_emit_ack},
    {"reply", do_reply},
    {"give_auth", do_give_auth},
    {"set_auth", do_set_auth},
    {"connect", do_connect},
    {"disconnect", do_disconnect},
    {"open", do_open},
    {"close", do_close},
    {"trace", do_trace},
    {"state", do_state},
    {"free", do_free},
};

static void run_command(yyjson_val *command) {
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (yyjson_equals_str(ARG(command, 0), commands[i].name)) {
            int r = commands[i].fn(command);
            printf("[\"result\",\"%s\"", status_name(r));
            report_end();
            return;
        }
    }
    fprintf(stderr, "interop_client: no command %s\n", STR(command, 0));
    exit(EXIT_FAILURE);
}

/* ---- standard input ---- */

static void run_line(void) {
    yyjson_doc *doc = yyjson_read(line, line_len, 0);
    check(doc != NULL ? 0 : SIO_ERR_JSON, "command");
    run_command(yyjson_doc_get_root(doc));
    yyjson_doc_free(doc);
    line_len = 0;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf) {
    static char chunk[65536];
    (void)handle;
    (void)suggested;
    *ret_buf = uv_buf_init(chunk, sizeof chunk);
}

static void add_to_line(const char *data, size_t len) {
    if (line_size - line_len < len) {
        line_size = 2 * line_size + len;
        line = must(realloc(line, line_size));
    }
    memcpy(line + line_len, data, len);
    line_len += len;
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf) {
    const char *at = buf->base;
    size_t left = len > 0 ? (size_t)len : 0;
    const char *end = left > 0 ? memchr(at, '\n', left) : NULL;
    while (end != NULL) {
        size_t part = (size_t)(end - at);
        add_to_line(at, part);
        run_line();
        at = end + 1;
        left -= part + 1;
        end = left > 0 ? memchr(at, '\n', left) : NULL;
    }
    if (left > 0) {
        add_to_line(at, left);
    }
    if (len < 0) {
        do_free(NULL);
        uv_close((uv_handle_t *)stream, NULL);
    }
}

int main(void) {
    check(uv_loop_init(&loop), "loop");
    check(uv_pipe_init(&loop, &input, 0), "input");
    check(uv_pipe_open(&input, 0), "input");
    check(uv_read_start((uv_stream_t *)&input, on_alloc, on_read), "input");
    uv_run(&loop, UV_RUN_DEFAULT);
    check(uv_loop_close(&loop), "loop");
    free(line);
    return EXIT_SUCCESS;
}
