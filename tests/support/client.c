/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "support/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "proto/ws_frame.h"

#define ENGINE_PATH "/socket.io/?EIO=4&transport="

/* ---- packets ---- */

static void queue(struct client *c, const char *data, size_t len, bool binary) {
    struct packet *p = malloc(sizeof *p + len + 1);
    assert_non_null(p);
    p->next = NULL;
    p->binary = binary;
    p->len = len;
    if (len > 0) {
        memcpy(p->data, data, len);
    }
    p->data[len] = '\0';
    *c->tail = p;
    c->tail = &p->next;
}

static void post(struct client *c, const void *data, size_t len) {
    wire_post(c->post, c->path, "Content-Type: text/plain;charset=UTF-8\r\n", data, len);
    c->posting++;
}

static void send_text(struct client *c, const char *packet) {
    if (c->ws != NULL) {
        wire_text(c->ws, packet);
    } else {
        post(c, packet, strlen(packet));
    }
}

/* Takes one packet: heartbeat, close and noop are dealt with here. */
static void take(struct client *c, const char *data, size_t len, bool binary) {
    char type = !binary && len == 1 ? data[0] : '\0';
    if (type == '2') {
        if (!c->silent) {
            send_text(c, "3");
        }
    } else if (type == '1') {
        c->ended = true;
    } else if (type != '6') {
        queue(c, data, len, binary);
    }
}

static void take_base64(struct client *c, const char *text, size_t len) {
    char *bytes = malloc(sio__base64_decoded_max(len));
    size_t n = 0;
    assert_non_null(bytes);
    assert_int_equal(sio__base64_decode(bytes, text, len, &n), 0);
    take(c, bytes, n, true);
    free(bytes);
}

/* Packets of a polling payload are separated by U+001E (Engine.IO protocol, "HTTP long-polling").
 */
static void take_payload(struct client *c, const char *data, size_t len) {
    const char *end = data + len;
    while (data < end) {
        const char *stop = memchr(data, '\x1e', (size_t)(end - data));
        stop = stop != NULL ? stop : end;
        if (*data == 'b') {
            take_base64(c, data + 1, (size_t)(stop - data) - 1);
        } else {
            take(c, data, (size_t)(stop - data), false);
        }
        data = stop + 1;
    }
}

static void take_frame(struct client *c, const struct ws_received *f) {
    int opcode = f->first & WS_OPCODE_MASK;
    if (opcode == WS_OP_TEXT || opcode == WS_OP_BINARY) {
        take(c, f->data, f->len, opcode == WS_OP_BINARY);
    } else if (opcode == WS_OP_CLOSE && !c->ended) {
        c->ended = true;
        wire_frame(c->ws, WS_FIN | WS_OP_CLOSE, f->data, f->len);
    }
}

/* Takes all that has come. */
static void pump(struct client *c) {
    if (c->ws != NULL) {
        const struct ws_received *f = wire_poll_frame(c->ws);
        while (f != NULL) {
            take_frame(c, f);
            f = wire_poll_frame(c->ws);
        }
        c->ended = c->ended || c->ws->ended;
        return;
    }
    const struct response *res = c->posting > 0 ? wire_poll_response(c->post) : NULL;
    if (res != NULL) {
        c->posting--;
        c->post_failed = c->post_failed || res->status != 200;
    }
    res = c->asking > 0 ? wire_poll_response(c->get) : NULL;
    if (res != NULL) {
        c->asking--;
        c->ended = c->ended || res->status != 200;
        if (res->status == 200) {
            take_payload(c, res->body, res->len);
        }
    }
    c->ended = c->ended || c->post_failed || c->get->ended || c->post->ended;
}

const struct packet *client_poll(struct client *c) {
    pump(c);
    struct packet *p = c->head;
    if (p == NULL) {
        return NULL;
    }
    c->head = p->next;
    if (c->head == NULL) {
        c->tail = &c->head;
    }
    free(c->taken);
    c->taken = p;
    return p;
}

static void ask(struct client *c) {
    if (c->ws == NULL && c->asking == 0 && !c->ended) {
        c->asking++;
        wire_get(c->get, c->path, "");
    }
}

static bool has_packet(void *arg) {
    struct client *c = arg;
    pump(c);
    if (c->head == NULL) {
        ask(c);
    }
    return c->head != NULL || c->ended;
}

const struct packet *client_receive(struct client *c) {
    (void)harness_wait(c->h, has_packet, c);
    return client_poll(c);
}

static bool is_posted(void *arg) {
    struct client *c = arg;
    pump(c);
    return c->posting == 0 || c->ended;
}

static bool sent(struct client *c) {
    if (c->ws == NULL) {
        (void)harness_wait(c->h, is_posted, c);
        return c->posting == 0 && !c->post_failed;
    }
    return !c->ended;
}

bool client_send(struct client *c, const char *packet) {
    send_text(c, packet);
    return sent(c);
}

bool client_sendf(struct client *c, const char *format, ...) {
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int n = vasprintf(&text, format, args);
    va_end(args);
    assert_true(n >= 0);
    bool ok = client_send(c, text);
    free(text);
    return ok;
}

bool client_send_binary(struct client *c, const void *data, size_t len) {
    if (c->ws != NULL) {
        wire_frame(c->ws, WS_FIN | WS_OP_BINARY, data, len);
        return sent(c);
    }
    char *text = malloc(sio__base64_encoded_len(len) + 2);
    assert_non_null(text);
    text[0] = 'b';
    text[1 + sio__base64_encode(text + 1, data, len)] = '\0';
    bool ok = client_send(c, text);
    free(text);
    return ok;
}

static bool has_ended(void *arg) {
    struct client *c = arg;
    pump(c);
    ask(c);
    return c->ended;
}

bool client_wait_end(struct client *c) {
    return harness_wait(c->h, has_ended, c);
}

/* ---- sessions ---- */

static struct client *new_client(struct harness *h) {
    struct client *c = calloc(1, sizeof *c);
    assert_non_null(c);
    c->h = h;
    c->tail = &c->head;
    return c;
}

/* Reads the handshake: 0{"sid":"..",..}. */
static bool read_handshake(struct client *c) {
    const struct packet *p = client_receive(c);
    return p != NULL && sscanf(p->data, "0{\"sid\":\"%63[^\"]\"", c->sid) == 1;
}

static bool open_websocket(struct client *c, const char *fields) {
    struct wire *w = wire_open(c->h);
    wire_upgrade_request(w, ENGINE_PATH "websocket", fields);
    c->ws = w;
    const struct response *res = wire_response(w);
    return res != NULL && res->status == 101 && read_handshake(c);
}

static bool open_polling(struct client *c, const char *fields) {
    c->get = wire_open(c->h);
    c->post = wire_open(c->h);
    c->asking = 1;
    wire_get(c->get, ENGINE_PATH "polling", fields);
    if (!read_handshake(c)) {
        return false;
    }
    int n = asprintf(&c->path, ENGINE_PATH "polling&sid=%s", c->sid);
    assert_true(n > 0);
    return true;
}

struct client *client_try_open(struct harness *h, unsigned transport, const char *fields) {
    struct client *c = new_client(h);
    bool ok = transport == SIO_WEBSOCKET ? open_websocket(c, fields) : open_polling(c, fields);
    if (!ok) {
        client_close(c);
        return NULL;
    }
    return c;
}

struct client *client_open(struct harness *h, unsigned transport) {
    struct client *c = client_try_open(h, transport, "");
    assert_non_null(c);
    return c;
}

struct client *client_join_root(struct harness *h) {
    struct client *c = client_open(h, SIO_WEBSOCKET);
    client_join(c, "/");
    return c;
}

void client_close(struct client *c) {
    if (c == NULL) {
        return;
    }
    wire_close(c->ws);
    wire_close(c->get);
    wire_close(c->post);
    while (c->head != NULL) {
        struct packet *p = c->head;
        c->head = p->next;
        free(p);
    }
    free(c->taken);
    free(c->path);
    free(c);
}

static bool is_asked(void *arg) {
    struct client *c = arg;
    pump(c);
    return c->asking == 0 || c->ended;
}

bool client_upgrade(struct client *c) {
    char *path = NULL;
    int n = asprintf(&path, ENGINE_PATH "websocket&sid=%s", c->sid);
    assert_true(n > 0);
    struct wire *w = wire_open(c->h);
    wire_upgrade_request(w, path, "");
    free(path);
    const struct response *res = wire_response(w);
    bool ok = res != NULL && res->status == 101;
    if (ok) {
        wire_text(w, "2probe");
        const struct ws_received *f = wire_read_frame(w);
        ok = f != NULL && strcmp(f->data, "3probe") == 0;
    }
    /* The server ends a waiting GET with a noop; it may bring packets, too. */
    ok = ok && harness_wait(c->h, is_asked, c) && !c->ended;
    if (!ok) {
        wire_close(w);
        return false;
    }
    wire_text(w, "5");
    c->ws = w;
    wire_close(c->get);
    wire_close(c->post);
    c->get = NULL;
    c->post = NULL;
    return true;
}

/* ---- Socket.IO ---- */

bool client_try_join(struct client *c, const char *nsp) {
    bool is_root = strcmp(nsp, "/") == 0;
    if (!client_sendf(c, "40%s%s", is_root ? "" : nsp, is_root ? "" : ",")) {
        return false;
    }
    const struct packet *p = client_receive(c);
    const char *sid =
        p != NULL && strncmp(p->data, "40", 2) == 0 ? strstr(p->data, "{\"sid\":\"") : NULL;
    return sid != NULL && sscanf(sid, "{\"sid\":\"%63[^\"]\"", c->socket_sid) == 1;
}

void client_join(struct client *c, const char *nsp) {
    if (!client_try_join(c, nsp)) {
        fail_msg("could not join %s: %s", nsp, c->taken != NULL ? c->taken->data : "no answer");
    }
}

void client_expect_at(struct client *c, const char *packet, const char *file, int line) {
    const struct packet *p = client_receive(c);
    if (p == NULL || p->binary || strcmp(p->data, packet) != 0) {
        print_error("%s:%d: waited for %s, and got %s%s\n", file, line, packet,
                    p != NULL && p->binary ? "binary " : "", p != NULL ? p->data : "nothing");
        _fail(file, line);
    }
}

void client_expect_binary_at(struct client *c, const void *data, size_t len, const char *file,
                             int line) {
    const struct packet *p = client_receive(c);
    if (p == NULL || !p->binary || p->len != len || memcmp(p->data, data, len) != 0) {
        print_error("%s:%d: waited for %zu bytes, and got %s\n", file, line, len,
                    p == NULL   ? "nothing"
                    : p->binary ? "others"
                                : p->data);
        _fail(file, line);
    }
}

void client_expect_alive_at(struct client *c, const char *file, int line) {
    assert_true(client_send(c, "42[\"echo\",1]"));
    client_expect_at(c, "42[\"echo\",1]", file, line);
}

static void on_echo(sio_socket *s, sio_event *ev, void *user) {
    (void)user;
    if (sio_event_wants_ack(ev)) {
        (void)sio_event_reply(ev, "a", ev);
    } else {
        (void)sio_emit(s, "echo", "a", ev);
    }
}

void harness_echo(sio_ns *ns) {
    assert_int_equal(sio_ns_on(ns, "echo", on_echo, NULL), 0);
}
