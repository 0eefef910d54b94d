/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The server that the protocol suites talk to; see tests/interop/SERVER.md.
 *
 *     protocol_server [PORT]
 *
 * /engine.io/ is plain Engine.IO, where every message is sent back; /socket.io/ is Socket.IO. Both
 * are on one port, hence in one engine, whose path is "/": which of the two a session is for is
 * told by the request that opened it.
 */
#include <signal.h>
#include <sio/sio.h>
#include <sio/uv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "engineio/session.h"
#include "socketio/core.h"
#include "starve.h"

static sio_server *server;

/* ---- Engine.IO ---- */

static bool is_echo(const struct session *s) {
    static const char path[] = "/engine.io/";
    return strncmp(sio_request_url(s->request), path, sizeof path - 1) == 0;
}

static void send_back(struct session *s, const uint8_t *data, size_t len, bool binary) {
    struct frame_pool *pool = &s->engine->frames;
    struct buf text;
    sio__buf_init(&text, SIZE_MAX);
    struct frame *f = NULL;
    struct frame_source source = {data, len, true};
    if (!binary) {
        (void)sio__buf_push(&text, '4');
        (void)sio__buf_append(&text, data, len);
        source = (struct frame_source){text.data, text.len, false};
    }
    if (binary || text.len == len + 1) { /* there was memory, see starve.h */
        f = sio__frame_new(pool, &source, 1);
    }
    if (f != NULL) {
        (void)sio__session_send_frame(s, f, 0);
        sio__frame_unref(pool, f);
    }
    sio__buf_done(&text);
}

static int on_open(struct session *s) {
    return is_echo(s) ? 0 : sio__peer_open(s);
}

static void on_message(struct session *s, uint8_t *data, size_t len, bool binary) {
    if (is_echo(s)) {
        send_back(s, data, len, binary);
    } else {
        sio__peer_message(s, data, len, binary);
    }
}

static void on_close(struct session *s, int reason, int cause) {
    if (!is_echo(s)) {
        sio__peer_close(s, reason, cause);
    }
}

static void on_drain(struct session *s) {
    if (!is_echo(s)) {
        sio__peer_drain(s);
    }
}

/* ---- Socket.IO ---- */

static void send_auth(sio_socket *s, void *user) {
    (void)user;
    const sio_val *auth = sio_socket_auth(s);
    (void)sio_emit(s, "auth", auth != NULL ? "v" : "{}", auth);
}

static void on_event(sio_socket *s, sio_event *ev, void *user) {
    (void)user;
    (void)sio_emit(s, "message-back", "a", ev);
}

static void on_event_with_ack(sio_socket *s, sio_event *ev, void *user) {
    (void)s;
    (void)user;
    (void)sio_event_reply(ev, "a", ev);
}

/* ---- main ---- */

static void check(int r, const char *what) {
    if (r < 0) {
        fprintf(stderr, "protocol_server: %s: %s\n", what, sio_strerror(r));
        exit(EXIT_FAILURE);
    }
}

static void on_signal(int number) {
    (void)number;
    sio_server_stop(server);
}

static void add_handlers(void) {
    sio_ns *root = sio_server_ns(server, "/");
    sio_ns *custom = sio_server_ns(server, "/custom");
    check(sio_ns_on_connect(root, send_auth, NULL), "handler");
    check(sio_ns_on(root, "message", on_event, NULL), "handler");
    check(sio_ns_on(root, "message-with-ack", on_event_with_ack, NULL), "handler");
    check(sio_ns_on_connect(custom, send_auth, NULL), "handler");
}

static void listen_on(uint16_t port) {
    check(sio_server_listen(server, "127.0.0.1", port), "127.0.0.1");
    int r = sio_server_listen(server, "::1", sio_server_port(server));
    if (r != UV_EADDRNOTAVAIL && r != UV_EAFNOSUPPORT) { /* a machine without IPv6 is fine */
        check(r, "::1");
    }
    struct engine_ops *ops = &server->engine.ops;
    ops->on_open = on_open;
    ops->on_message = on_message;
    ops->on_close = on_close;
    ops->on_drain = on_drain;
}

int main(int argc, char **argv) {
    starve_init();
    unsigned long port = argc > 1 ? strtoul(argv[1], NULL, 10) : 3000;
    check(sio_server_new(&server,
                         SIO_SERVER_OPTIONS(.path = "/", .ping_interval_ms = 300,
                                            .ping_timeout_ms = 200, .max_payload_bytes = 1000000,
                                            .connect_timeout_ms = 1000,
                                            .cors = SIO_CORS(.origin = "*"))),
          "server");
    add_handlers();
    listen_on((uint16_t)port);
    signal(SIGTERM, on_signal);
    printf("listening %u\n", (unsigned)sio_server_port(server));
    fflush(stdout);
    starve_begin();
    int r = sio_server_run(server);
    sio_server_free(server);
    check(r, "run");
    return EXIT_SUCCESS;
}
