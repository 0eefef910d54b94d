/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * A whole client, and what a server sends to it. Its links are pairs of sockets in this process.
 * The first byte of the input chooses how the rest is sent:
 *
 *     bits 0-1   0: answers of polling, as they are    1: payloads of polling, two bytes of length
 *                2: frames of WebSocket, as they are   3: messages, as payloads; odd ones binary
 *     bit 2      in 1 to 3, an open packet and the answer to CONNECT come first
 *     bits 3-7   the answers as they are come in pieces of this many bytes; 0: in one piece
 *
 * Held to be true of every server:
 * - memory is bounded by the limits, and all of it is given back;
 * - a connection that opens closes at most once, a socket connects before it disconnects, and
 *   an acknowledgement comes at most once;
 * - what the client sends is masked, and is at most a pong for each ping and an answer for each
 *   event.
 */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <sio/client.h>
#include <sio/error.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "counting.h"
#include "engineio/link.h"
#include "net/reactor.h"
#include "proto/ws_frame.h"
#include "proto/ws_handshake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int __wrap_sio__link_start(struct reactor *r, const struct link_target *target, uint32_t timeout_ms,
                           const struct link_ops *ops, void *owner, struct link **ret_link);
void __wrap_sio__link_cancel(struct link *l);

enum { LINKS_MAX = 8, LIMIT = 65536, TURNS_MAX = 400, MEMORY_MAX = 6 << 20 };

enum mode { ANSWERS, PAYLOADS, FRAMES, MESSAGES };

/* ---- the server's side ---- */

struct peer {
    int fd;
    bool answered; /* the opening handshake of WebSocket */
    struct buf request;
};

static struct server {
    enum mode mode;
    unsigned piece;
    struct text rest;  /* of the input */
    unsigned greeting; /* packets of it that were sent */
    bool greets;
    struct peer peers[LINKS_MAX];
    size_t peer_count;
    size_t posts;
} server;

static const char OPEN_PACKET[] = "0{\"sid\":\"fuzz\",\"upgrades\":[],\"pingInterval\":25000,"
                                  "\"pingTimeout\":20000,\"maxPayload\":1000000}";
static const char CONNECT_PACKET[] = "40{\"sid\":\"socket\",\"pid\":\"p\"}";

static void give(struct peer *p, const void *data, size_t len) {
    const uint8_t *bytes = data;
    while (len > 0) {
        ssize_t n = send(p->fd, bytes, len, MSG_NOSIGNAL);
        if (n <= 0) {
            return; /* the client has closed, or reads no more */
        }
        bytes += n;
        len -= (size_t)n;
    }
}

static struct text take(size_t len) {
    struct text part = {server.rest.data, len < server.rest.len ? len : server.rest.len};
    server.rest = (struct text){part.data + part.len, server.rest.len - part.len};
    return part;
}

/* The next packet, or payload. @return false when there is none any more */
static bool next_message(struct text *ret, bool *ret_binary) {
    *ret_binary = false;
    if (server.greets && server.greeting < 2) {
        *ret = sio__text_of(server.greeting == 0 ? OPEN_PACKET : CONNECT_PACKET);
        server.greeting++;
        return true;
    }
    if (server.rest.len < 2) {
        return false;
    }
    struct text length = take(2);
    size_t len = (size_t)(uint8_t)length.data[0] << 8 | (uint8_t)length.data[1];
    *ret_binary = (len & 0x8000) != 0;
    *ret = take(len & 0x7fff);
    return true;
}

static bool has_line(struct text head, const char *line) {
    return sio__text_find(head, sio__text_of(line)) < head.len;
}

static void answer_payload(struct peer *p, struct text payload) {
    char head[64];
    int n =
        snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", payload.len);
    give(p, head, (size_t)n);
    give(p, payload.data, payload.len);
}

static void send_message(struct peer *p, struct text message, bool binary) {
    uint8_t header[WS_HEADER_MAX];
    size_t n =
        sio__ws_header(header, WS_FIN | (binary ? WS_OP_BINARY : WS_OP_TEXT), message.len, NULL);
    give(p, header, n);
    give(p, message.data, message.len);
}

static void accept_websocket(struct peer *p, struct text head) {
    static const struct text name = {"Sec-WebSocket-Key: ", 19};
    struct buf out;
    struct ws_handshake answer = {.accept = ""};
    size_t at = sio__text_find(head, name);
    assert(at + name.len + WS_KEY_LEN < head.len);
    int r = sio__ws_accept(head.data + at + name.len, answer.accept);
    assert(r == 0);
    sio__buf_init(&out, 4096);
    r = sio__ws_handshake_write(&out, &answer);
    assert(r == 0);
    r = sio__buf_append_str(&out, "\r\n");
    assert(r == 0);
    give(p, out.data, out.len);
    sio__buf_done(&out);
    p->answered = true;
}

/* All of a request has come. @return false when there is no answer, and none follows */
static bool answer_request(struct peer *p, struct text head) {
    struct text payload;
    bool binary;
    if (sio__text_starts(head, SIO_TEXT("GET")) && has_line(head, "\r\nUpgrade: websocket\r\n")) {
        accept_websocket(p, head);
        return true;
    }
    if (server.mode == ANSWERS) {
        return true;
    }
    if (sio__text_starts(head, SIO_TEXT("POST"))) {
        server.posts++;
        answer_payload(p, SIO_TEXT("ok"));
        return true;
    }
    if (!next_message(&payload, &binary)) {
        return false;
    }
    answer_payload(p, payload);
    return true;
}

static size_t body_length(struct text head) {
    static const struct text name = {"Content-Length: ", 16};
    size_t at = sio__text_find(head, name);
    return at < head.len ? (size_t)strtoul(head.data + at + name.len, NULL, 10) : 0;
}

/* @return whether anything happened */
static bool read_requests(struct peer *p) {
    char bytes[4096];
    bool any = false;
    for (;;) {
        ssize_t n = recv(p->fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (n <= 0) {
            break;
        }
        any = true;
        int r = p->answered ? 0 : sio__buf_append(&p->request, bytes, (size_t)n);
        assert(r == 0);
    }
    struct text all = sio__buf_text(&p->request);
    size_t end = sio__text_find(all, SIO_TEXT("\r\n\r\n"));
    if (end >= all.len || all.len < end + 4 + body_length((struct text){all.data, end})) {
        return any;
    }
    if (answer_request(p, (struct text){all.data, end + 4})) {
        sio__buf_clear(&p->request);
        return true;
    }
    return any;
}

/* What is sent without being asked for. @return whether there was any */
static bool push(struct peer *p) {
    struct text part;
    bool binary;
    if (server.mode == MESSAGES ||
        (server.mode == FRAMES && server.greeting < 2 && server.greets)) {
        if (!p->answered || !next_message(&part, &binary)) {
            return false;
        }
        send_message(p, part, binary);
        return true;
    }
    if ((server.mode == FRAMES && !p->answered) || server.mode == PAYLOADS ||
        server.rest.len == 0) {
        return false;
    }
    part = take(server.piece == 0 ? server.rest.len : server.piece);
    give(p, part.data, part.len);
    return true;
}

/* ---- links ---- */

struct link {
    struct task task;
    struct reactor *reactor;
    const struct link_ops *ops;
    void *owner;
};

static void on_link(struct task *task) {
    struct link *l = SIO_CONTAINER_OF(task, struct link, task);
    struct link copy = *l;
    int fds[2];
    sio__free(l);
    if (server.peer_count == LINKS_MAX) {
        copy.ops->on_failed(copy.owner, SIO_ERR_TIMEOUT, "there are links enough");
        return;
    }
    int r = socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds);
    assert(r == 0);
    struct stream *stream;
    static const struct stream_ops none = {NULL, NULL, NULL, NULL};
    r = sio__stream_open(copy.reactor, fds[0], &none, NULL, &stream);
    assert(r == 0);
    struct peer *p = &server.peers[server.peer_count++];
    *p = (struct peer){.fd = fds[1]};
    sio__buf_init(&p->request, SIZE_MAX);
    copy.ops->on_ready(copy.owner, stream);
}

int __wrap_sio__link_start(struct reactor *r, const struct link_target *target, uint32_t timeout_ms,
                           const struct link_ops *ops, void *owner, struct link **ret_link) {
    struct link *l = sio__calloc(1, sizeof *l);
    (void)target;
    (void)timeout_ms;
    assert(l != NULL);
    *l = (struct link){.reactor = r, .ops = ops, .owner = owner};
    sio__task_init(&l->task, on_link);
    sio__task_queue(r, &l->task);
    *ret_link = l;
    return 0;
}

void __wrap_sio__link_cancel(struct link *l) {
    if (l != NULL) {
        sio__task_cancel(&l->task);
        sio__free(l);
    }
}

/* ---- the application ---- */

static struct app {
    bool open;
    bool connected;
    unsigned acks; /* bits: the acknowledgement has come */
    size_t events;
} app;

static void on_ack(sio_socket *s, int status, sio_event *reply, void *user) {
    unsigned bit = 1u << (uintptr_t)user;
    (void)s;
    assert((app.acks & bit) == 0);
    assert((status == 0) == (reply != NULL));
    app.acks |= bit;
}

static void on_connect(sio_socket *s, void *user) {
    (void)user;
    assert(app.open && !app.connected);
    assert(sio_socket_id(s)[0] != '\0' || app.open);
    app.connected = true;
    for (uintptr_t i = 0; i < 3; i++) {
        (void)sio_emit_ack(s, SIO_ACK(.fn = on_ack, .user = (void *)i), "ask", "b", "\1\2", 2);
    }
}

static void on_disconnect(sio_socket *s, int reason, int cause, void *user) {
    (void)s;
    (void)user;
    assert(app.connected && reason != SIO_REASON_NONE);
    assert(cause != SIO_CAUSE_NONE);
    app.connected = false;
    app.acks = 0;
}

static void on_event(sio_socket *s, sio_event *ev, void *user) {
    (void)s;
    (void)user;
    assert(app.connected || app.open);
    app.events++;
    for (size_t i = 0; i < sio_event_count(ev); i++) {
        assert(sio_event_arg(ev, i) != NULL);
    }
    if (sio_event_wants_ack(ev)) {
        (void)sio_event_reply(ev, "s", sio_event_name(ev));
    }
}

static void on_connect_error(sio_socket *s, const sio_connect_error *error, void *user) {
    (void)s;
    (void)user;
    assert(error->status < 0 && error->message != NULL && !app.connected);
}

static void on_notice(sio_client *client, const sio_notice *n, void *user) {
    (void)client;
    (void)user;
    assert(n->text != NULL);
    if (n->kind == SIO_NOTICE_OPEN) {
        assert(!app.open);
        app.open = true;
    } else if (n->kind == SIO_NOTICE_CLOSE) {
        assert(app.open);
        app.open = false;
    } else if (n->kind == SIO_NOTICE_ERROR) {
        assert(!app.open && n->status < 0);
    }
}

static sio_client *make_client(void) {
    sio_client *client = NULL;
    int r = sio_client_new(
        &client, "http://127.0.0.1:1",
        SIO_CLIENT_OPTIONS(.transports = {server.mode >= FRAMES ? SIO_WEBSOCKET : SIO_POLLING},
                           .no_reconnection = true, .cookies = true, .proxy = "",
                           .log_level = SIO_LOG_NONE, .max_message_bytes = LIMIT,
                           .max_attachment_bytes = LIMIT, .max_fragments = 64,
                           .max_head_bytes = 4096));
    assert(r == 0);
    sio_client_on_notice(client, on_notice, NULL);
    sio_socket *s = sio_client_socket(client, NULL, NULL);
    assert(s != NULL);
    r = sio_socket_on_connect(s, on_connect, NULL);
    assert(r == 0);
    r = sio_socket_on_connect_error(s, on_connect_error, NULL);
    assert(r == 0);
    r = sio_socket_on_disconnect(s, on_disconnect, NULL);
    assert(r == 0);
    r = sio_socket_on_any(s, on_event, NULL);
    assert(r == 0);
    return client;
}

static bool serve(void) {
    bool any = false;
    for (size_t i = 0; i < server.peer_count; i++) {
        any = read_requests(&server.peers[i]) || any;
    }
    if (server.peer_count > 0) {
        any = push(&server.peers[0]) || any;
    }
    return any;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) {
        return 0;
    }
    count_memory();
    server = (struct server){.mode = data[0] & 3,
                             .greets = (data[0] & 3) != ANSWERS && (data[0] & 4) != 0,
                             .piece = data[0] >> 3,
                             .rest = {(const char *)data + 1, size - 1}};
    app = (struct app){.open = false};
    sio_client *client = make_client();
    unsigned quiet = 0;
    for (unsigned turn = 0; turn < TURNS_MAX && quiet < 4; turn++) {
        int r = sio_client_tick(client);
        assert(r == 0);
        assert(bytes_alive < MEMORY_MAX);
        quiet = serve() ? 0 : quiet + 1;
    }
    for (size_t i = 0; i < server.peer_count; i++) { /* the server hangs up */
        close(server.peers[i].fd);
        sio__buf_done(&server.peers[i].request);
    }
    for (unsigned turn = 0; turn < 4; turn++) {
        (void)sio_client_tick(client);
    }
    sio_client_free(client);
    assert(bytes_alive == 0);
    return 0;
}
