/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "support/eio_user.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sio/error.h>

/* ---- what is told ---- */

static struct eio_user *note(struct eio_client *c, enum eio_user_event event) {
    struct eio_user *u = sio__eio_client_owner(c);
    assert_ptr_equal(u->client, c);
    assert_false(u->calling);
    u->counts[event]++;
    if (u->activity != NULL) {
        (*u->activity)++;
    }
    uv_stop(u->loop);
    return u;
}

/* Behind everything else: the client may be gone then. */
static void finish(struct eio_user *u, enum eio_user_event event) {
    if (u->on_event != NULL) {
        u->on_event(u, event);
    }
    if (u->frees_in == (int)event) {
        struct eio_client *c = u->client;
        u->client = NULL;
        sio__eio_client_free(c);
    }
}

static void on_open(struct eio_client *c) {
    struct eio_user *u = note(c, EIO_USER_OPEN);
    assert_int_equal(sio__eio_client_state(c), EIO_CLIENT_OPEN);
    (void)snprintf(u->sid, sizeof u->sid, "%s", sio__eio_client_sid(c));
    finish(u, EIO_USER_OPEN);
}

static void on_message(struct eio_client *c, uint8_t *data, size_t len, bool binary) {
    struct eio_user *u = note(c, EIO_USER_MESSAGE);
    size_t n = len < sizeof u->message - 1 ? len : sizeof u->message - 1;
    memcpy(u->message, data, n);
    u->message[n] = '\0';
    u->message_bytes += len;
    u->binary = binary;
    finish(u, EIO_USER_MESSAGE);
    memset(data, 'x', len); /* they are ours */
}

static void on_close(struct eio_client *c, int reason, int cause, int status, const char *text) {
    struct eio_user *u = note(c, EIO_USER_CLOSE);
    assert_int_equal(sio__eio_client_state(c), EIO_CLIENT_CLOSED);
    assert_string_equal(sio__eio_client_sid(c), "");
    assert_string_equal(sio__eio_client_transport(c), "");
    assert_int_equal(sio__eio_client_pending(c), 0);
    u->reason = reason;
    u->cause = cause;
    u->status = status;
    (void)snprintf(u->text, sizeof u->text, "%s", text);
    finish(u, EIO_USER_CLOSE);
}

static void on_drain(struct eio_client *c) {
    struct eio_user *u = note(c, EIO_USER_DRAIN);
    assert_int_equal(sio__eio_client_pending(c), 0);
    finish(u, EIO_USER_DRAIN);
}

static void on_ping(struct eio_client *c) {
    finish(note(c, EIO_USER_PING), EIO_USER_PING);
}

static void on_upgrade(struct eio_client *c) {
    assert_string_equal(sio__eio_client_transport(c), "websocket");
    finish(note(c, EIO_USER_UPGRADE), EIO_USER_UPGRADE);
}

static void on_upgrade_error(struct eio_client *c, int status, const char *text) {
    struct eio_user *u = note(c, EIO_USER_UPGRADE_ERROR);
    assert_true(status < 0);
    u->status = status;
    (void)snprintf(u->text, sizeof u->text, "%s", text);
    finish(u, EIO_USER_UPGRADE_ERROR);
}

static void put(struct eio_user *u, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct eio_user *u, const char *format, ...) {
    va_list args;
    size_t room = sizeof u->trace - u->trace_len;
    va_start(args, format);
    int n = vsnprintf(u->trace + u->trace_len, room, format, args);
    va_end(args);
    u->trace_len += (size_t)n < room ? (size_t)n : room - 1;
}

static void on_trace(struct eio_client *c, bool sent, const void *data, size_t len, bool binary) {
    struct eio_user *u = note(c, EIO_USER_TRACE);
    put(u, sent ? "> " : "< ");
    if (binary) {
        put(u, "b");
        for (size_t i = 0; i < len && i < 16; i++) {
            put(u, "%02x", ((const uint8_t *)data)[i]);
        }
    } else {
        put(u, "%.*s", len < 200 ? (int)len : 200, (const char *)data);
    }
    put(u, "\n");
    finish(u, EIO_USER_TRACE);
}

static const struct eio_client_ops ops = {
    .on_open = on_open,
    .on_message = on_message,
    .on_close = on_close,
    .on_drain = on_drain,
    .on_ping = on_ping,
    .on_upgrade = on_upgrade,
    .on_upgrade_error = on_upgrade_error,
    .on_trace = on_trace,
};

/* ---- life ---- */

static void init(struct eio_user *u, uv_loop_t *loop, uint16_t port) {
    memset(u, 0, sizeof *u);
    u->loop = loop;
    u->frees_in = -1;
    sio__logger_init(&u->log, SIO_LOG_NONE, NULL, NULL, NULL);
    sio__frame_pool_init(&u->frames);
    u->config = (struct eio_client_config){
        .server = {.link = {.host = SIO_TEXT("127.0.0.1"), .port = port},
                   .authority = SIO_TEXT("localhost"),
                   .limits = {16384, 200, 1 << 20}},
        .path = SIO_TEXT("/socket.io/"),
        .transports = {SIO_POLLING, SIO_WEBSOCKET},
        .timestamp_param = SIO_TEXT("t"),
        .open_timeout_ms = 20000,
        .max_message_bytes = 1 << 20,
        .max_fragments = 100,
        .send_high_water_bytes = 1 << 20,
        .send_hard_bytes = 64 << 20,
    };
}

void eio_user_init(struct eio_user *u, uv_loop_t *loop, uint16_t port) {
    init(u, loop, port);
    u->has_own = true;
    u->reactor = &u->own;
    assert_int_equal(sio__reactor_init(&u->own, loop, &u->log), 0);
}

void eio_user_init_on(struct eio_user *u, struct reactor *r, uint16_t port) {
    init(u, r->loop, port);
    u->reactor = r;
}

int eio_user_open(struct eio_user *u) {
    int r = 0;
    if (u->client == NULL) {
        r = sio__eio_client_new(u->reactor, &u->config, &u->frames, &u->log, &ops, u, &u->client);
    }
    if (r < 0) {
        return r;
    }
    u->calling = true;
    r = sio__eio_client_open(u->client);
    u->calling = false;
    return r;
}

static int send_parts(struct eio_user *u, const struct frame_source *parts, uint32_t count) {
    struct frame *f = sio__frame_new(&u->frames, parts, count);
    if (f == NULL) {
        return SIO_ERR_NOMEM;
    }
    bool was_calling = u->calling;
    u->calling = true;
    int r = sio__eio_client_send(u->client, f);
    u->calling = was_calling;
    sio__frame_unref(&u->frames, f);
    return r;
}

int eio_user_send(struct eio_user *u, const char *text) {
    char packet[4096];
    int n = snprintf(packet, sizeof packet, "4%s", text);
    assert_true(n > 0 && (size_t)n < sizeof packet);
    return send_parts(u, &(struct frame_source){packet, (size_t)n, false}, 1);
}

int eio_user_send_binary(struct eio_user *u, const void *data, size_t len) {
    return send_parts(u, &(struct frame_source){data, len, true}, 1);
}

int eio_user_send_both(struct eio_user *u, const char *text, const void *data, size_t len) {
    char packet[1024];
    int n = snprintf(packet, sizeof packet, "4%s", text);
    assert_true(n > 0 && (size_t)n < sizeof packet);
    struct frame_source parts[] = {{packet, (size_t)n, false}, {data, len, true}};
    return send_parts(u, parts, 2);
}

void eio_user_close(struct eio_user *u) {
    u->calling = true;
    sio__eio_client_close(u->client);
    u->calling = false;
}

static void on_reactor_closed(void *context) {
    ((struct eio_user *)context)->reactor_closed = true;
}

void eio_user_done(struct eio_user *u) {
    u->calling = true;
    sio__eio_client_free(u->client);
    u->calling = false;
    u->client = NULL;
    if (u->has_own) {
        sio__reactor_close(&u->own, on_reactor_closed, u);
        while (!u->reactor_closed) {
            uv_run(u->loop, UV_RUN_ONCE);
        }
        sio__reactor_done(&u->own);
    }
    sio__frame_pool_done(&u->frames);
}
