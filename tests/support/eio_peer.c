/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "support/eio_peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/ws_handshake.h"

struct eio_peer *eio_peer_begin(void) {
    struct eio_peer *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->peer = peer_new();
    eio_user_init_on(&f->user, &f->peer->reactor, f->peer->port);
    f->user.config.query = SIO_TEXT("foo=bar");
    return f;
}

static bool is_quiet(void *arg) {
    const struct peer *p = arg;
    return p->reactor.stats.streams == 0;
}

void eio_peer_end(struct eio_peer *f) {
    eio_user_done(&f->user);
    peer_reset_conns(f->peer);
    /* A WebSocket that has said Close stays until the server has closed. */
    peer_run(f->peer, is_quiet, f->peer);
    peer_free(f->peer);
    free(f);
}

struct awaited {
    const size_t *counter;
    size_t count;
};

static bool has_come(void *arg) {
    const struct awaited *a = arg;
    return *a->counter >= a->count;
}

void eio_peer_wait(struct eio_peer *f, enum eio_user_event event, size_t count) {
    struct awaited a = {&f->user.counts[event], count};
    peer_run(f->peer, has_come, &a);
}

void eio_peer_expect_closed(struct eio_peer *f, int reason, int cause, int status,
                            const char *text) {
    eio_peer_wait(f, EIO_USER_CLOSE, 1);
    assert_string_equal(f->user.text, text);
    assert_int_equal(f->user.reason, reason);
    assert_int_equal(f->user.cause, cause);
    assert_int_equal(f->user.status, status);
    peer_turn(f->peer);
    assert_int_equal(f->user.counts[EIO_USER_CLOSE], 1);
}

void eio_peer_only(struct eio_peer *f, uint8_t transport) {
    f->user.config.transports[0] = transport;
    f->user.config.transports[1] = 0;
}

/* ---- HTTP ---- */

void eio_peer_hide_timestamp(char *head) {
    char *t = strstr(head, "&t=");
    if (t != NULL) {
        memset(t + 3, '.', 8);
    }
}

/* Waits for a request; its first line, and one of its fields, have to be these. */
void eio_peer_expect_request(struct peer_conn *c, const char *line, const char *field) {
    char *head = peer_head(c);
    eio_peer_hide_timestamp(head);
    assert_memory_equal(head, line, strlen(line));
    assert_non_null(strstr(head, "\r\nHost: localhost\r\n"));
    if (field != NULL) {
        assert_non_null(strstr(head, field));
    }
    free(head);
}

void eio_peer_answer_status(struct peer_conn *c, int status, const char *body) {
    char head[128];
    (void)snprintf(head, sizeof head, "HTTP/1.1 %d Text\r\nContent-Length: %zu\r\n\r\n", status,
                   strlen(body));
    peer_puts(c, head);
    peer_puts(c, body);
}

void eio_peer_answer(struct peer_conn *c, const char *body) {
    eio_peer_answer_status(c, 200, body);
}

/* ---- WebSocket ---- */

/* Waits for the request to open one. @return its key */
void eio_peer_expect_upgrade(struct peer_conn *c, const char *line, char *ret_key) {
    static const char field[] = "\r\nSec-WebSocket-Key: ";
    char *head = peer_head(c);
    assert_memory_equal(head, line, strlen(line));
    assert_non_null(strstr(head, "\r\nSec-WebSocket-Version: 13\r\n"));
    assert_non_null(strstr(head, "\r\nUpgrade: websocket\r\n"));
    assert_non_null(strstr(head, "\r\nConnection: Upgrade\r\n"));
    assert_null(strstr(head, "Sec-WebSocket-Extensions"));
    const char *key = strstr(head, field);
    assert_non_null(key);
    memcpy(ret_key, key + strlen(field), WS_KEY_LEN);
    ret_key[WS_KEY_LEN] = '\0';
    free(head);
}

void eio_peer_accept_upgrade(struct peer_conn *c, const char *key) {
    eio_peer_accept_upgrade_with(c, key, "");
}

void eio_peer_accept_upgrade_with(struct peer_conn *c, const char *key, const char *fields) {
    char accept[WS_ACCEPT_LEN + 1];
    assert_int_equal(sio__ws_accept(key, accept), 0);
    peer_puts(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                 "Connection: Upgrade\r\nSec-WebSocket-Accept: ");
    peer_puts(c, accept);
    peer_puts(c, "\r\n");
    peer_puts(c, fields);
    peer_puts(c, "\r\n");
}

void eio_peer_send_frame(struct peer_conn *c, uint8_t first, const void *data, size_t len) {
    uint8_t header[WS_HEADER_MAX];
    size_t n = sio__ws_header(header, first, len, NULL);
    peer_send(c, header, n);
    peer_send(c, data, len);
}

void eio_peer_send_text(struct peer_conn *c, const char *text) {
    eio_peer_send_frame(c, WS_FIN | WS_OP_TEXT, text, strlen(text));
}

struct awaited_input {
    const struct peer_conn *conn;
    size_t bytes;
};

static bool has_input(void *arg) {
    const struct awaited_input *a = arg;
    bool has = a->conn->in_len >= a->bytes;
    assert_true(has || !a->conn->ended);
    return has;
}

void eio_peer_await_bytes(struct peer_conn *c, size_t n) {
    struct awaited_input a = {c, n};
    peer_run(c->peer, has_input, &a);
}

/* Waits for a masked frame of less than 126 bytes. */
void eio_peer_expect_frame(struct peer_conn *c, uint8_t first, const void *data, size_t len) {
    eio_peer_await_bytes(c, 6);
    uint8_t *in = (uint8_t *)c->in;
    assert_int_equal(in[0], first);
    assert_int_equal(in[1], WS_MASKED | len);
    eio_peer_await_bytes(c, 6 + len);
    in = (uint8_t *)c->in;
    sio__ws_mask(in + 6, len, in + 2, 0);
    assert_memory_equal(in + 6, data, len);
    c->in_len -= 6 + len;
    memmove(in, in + 6 + len, c->in_len + 1);
}

void eio_peer_expect_text(struct peer_conn *c, const char *text) {
    eio_peer_expect_frame(c, WS_FIN | WS_OP_TEXT, text, strlen(text));
}

/* ---- opening ---- */

void eio_peer_open_polling(struct eio_peer *f, const char *handshake) {
    assert_int_equal(eio_user_open(&f->user), 0);
    f->get = peer_accept(f->peer);
    eio_peer_expect_request(f->get, EIO_PEER_GET_1, NULL);
    eio_peer_answer(f->get, handshake);
    eio_peer_wait(f, EIO_USER_OPEN, 1);
    eio_peer_expect_request(f->get, EIO_PEER_GET_N, NULL);
}

void eio_peer_open_websocket(struct eio_peer *f) {
    char key[WS_KEY_LEN + 1];
    eio_peer_only(f, SIO_WEBSOCKET);
    assert_int_equal(eio_user_open(&f->user), 0);
    f->ws = peer_accept(f->peer);
    eio_peer_expect_upgrade(f->ws, "GET /socket.io/?foo=bar&EIO=4&transport=websocket HTTP/1.1\r\n",
                            key);
    eio_peer_accept_upgrade(f->ws, key);
    eio_peer_send_text(f->ws, EIO_PEER_NO_UPGRADES);
    eio_peer_wait(f, EIO_USER_OPEN, 1);
}

/* Polls, and has its WebSocket open, with 2probe sent. */
void eio_peer_open_probe(struct eio_peer *f) {
    char key[WS_KEY_LEN + 1];
    eio_peer_open_polling(f, EIO_PEER_HANDSHAKE);
    f->ws = peer_accept(f->peer);
    eio_peer_expect_upgrade(f->ws, EIO_PEER_UPGRADE, key);
    eio_peer_accept_upgrade(f->ws, key);
    eio_peer_expect_text(f->ws, "2probe");
}
