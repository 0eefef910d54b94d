/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "support/tls_pair.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define WATCHDOG_MS 60000
#define LINGER_MS   2000

/* ---- owners ---- */

static uint8_t pattern(size_t place) {
    return (uint8_t)(place * 7 + (place >> 8) * 13);
}

static void close_end(struct pair_end *e) {
    struct stream *s = e->stream;
    e->stream = NULL;
    sio__stream_close(s);
}

static void on_input(struct stream *s, uint8_t *data, size_t len) {
    struct pair_end *e = sio__stream_owner(s);
    e->inputs++;
    e->input_while_paused |= s->paused;
    for (size_t i = 0; i < len; i++) {
        e->pattern_broken |= data[i] != pattern(e->received + i);
        if (e->received + i < sizeof e->text - 1) {
            e->text[e->received + i] = (char)data[i];
        }
    }
    memset(data, 0xee, len); /* it is ours to change */
    e->received += len;
    if (e->close_at > 0 && e->received >= e->close_at) {
        close_end(e);
    } else if (e->pause_every > 0 && e->received - e->paused_at >= e->pause_every) {
        e->paused_at = e->received;
        sio__stream_pause(s);
    }
}

static void on_end(struct stream *s, int status) {
    struct pair_end *e = sio__stream_owner(s);
    e->ends++;
    e->status = status;
    (void)snprintf(e->error, sizeof e->error, "%s", sio__stream_tls_error(s));
    if (e->finish_at_end) {
        e->stream = NULL;
        sio__stream_finish(s, LINGER_MS);
    } else {
        close_end(e);
    }
}

static void on_drain(struct stream *s) {
    struct pair_end *e = sio__stream_owner(s);
    assert_int_equal(sio__stream_pending(s), 0);
    e->drains++;
}

static void on_secured(struct stream *s) {
    struct pair_end *e = sio__stream_owner(s);
    e->secured++;
    if (e->close_when_secured) {
        close_end(e);
    }
}

static const struct stream_ops ops = {on_input, on_end, on_drain, on_secured};

/* ---- set up ---- */

static void on_watchdog(uv_timer_t *handle) {
    (void)handle;
    fail_msg("nothing happens any more");
}

void pair_init(struct pair *p) {
    memset(p, 0, sizeof *p);
    p->client_fd = -1;
    p->server_fd = -1;
    assert_int_equal(uv_loop_init(&p->loop), 0);
    sio__logger_init(&p->log, SIO_LOG_NONE, NULL, NULL, NULL);
    assert_int_equal(uv_timer_init(&p->loop, &p->watchdog), 0);
    assert_int_equal(sio__reactor_init(&p->reactor, &p->loop, &p->log), 0);
}

void pair_connect(struct pair *p, int buffer) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(listener >= 0 && client >= 0);
    for (int i = 0; i < 2 && buffer > 0; i++) { /* accepted sockets inherit it */
        int fd = i == 0 ? listener : client;
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer), 0);
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer), 0);
    }
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof address), 0);
    int server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(server >= 0);
    close(listener);
    p->client_fd = client;
    p->server_fd = server;
    p->client = (struct pair_end){.pair = p};
    p->server = (struct pair_end){.pair = p};
}

static void open_end(struct pair *p, struct pair_end *e, int *fd) {
    assert_true(fcntl(*fd, F_SETFL, O_NONBLOCK) == 0);
    assert_int_equal(sio__stream_open(&p->reactor, *fd, &ops, e, &e->stream), 0);
    *fd = -1;
}

void pair_open_client(struct pair *p) {
    open_end(p, &p->client, &p->client_fd);
}

void pair_open_server(struct pair *p) {
    open_end(p, &p->server, &p->server_fd);
}

struct tls_context *pair_context(const struct tls_options *o, bool is_server) {
    struct tls_context *c = NULL;
    char error[TLS_ERROR_CHARS];
    if (sio__tls_context_new(o, is_server, &c, error) < 0) {
        fail_msg("%s", error);
    }
    return c;
}

void pair_connect_tls(struct pair *p, struct tls_context *client, struct tls_context *server,
                      const char *host, int buffer) {
    struct tls_peer peer = {.host = host};
    pair_connect(p, buffer);
    pair_open_client(p);
    pair_open_server(p);
    assert_int_equal(sio__stream_start_tls(p->client.stream, client, &peer), 0);
    assert_int_equal(sio__stream_start_tls(p->server.stream, server, NULL), 0);
}

static void drop_end(struct pair_end *e, int *fd) {
    if (e->stream != NULL) {
        close_end(e);
    }
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

void pair_disconnect(struct pair *p) {
    drop_end(&p->client, &p->client_fd);
    drop_end(&p->server, &p->server_fd);
}

static void on_closed(void *context) {
    ((struct pair *)context)->closed = true;
}

void pair_done(struct pair *p) {
    pair_disconnect(p);
    sio__reactor_close(&p->reactor, on_closed, p);
    uv_close((uv_handle_t *)&p->watchdog, NULL);
    assert_int_equal(uv_run(&p->loop, UV_RUN_DEFAULT), 0);
    assert_true(p->closed);
    assert_int_equal(p->reactor.stats.streams, 0);
    sio__reactor_done(&p->reactor);
    assert_int_equal(uv_loop_close(&p->loop), 0);
}

/* ---- play ---- */

void pair_write(struct pair_end *e, size_t n) {
    uint8_t block[5000];
    while (n > 0) {
        size_t len = n < sizeof block ? n : sizeof block;
        for (size_t i = 0; i < len; i++) {
            block[i] = pattern(e->sent + i);
        }
        assert_int_equal(
            sio__stream_write(e->stream, block, len / 3, block + len / 3, len - len / 3), 0);
        e->sent += len;
        n -= len;
    }
}

void pair_reset(struct stream *s) {
    struct linger off = {.l_onoff = 1, .l_linger = 0};
    assert_int_equal(setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &off, sizeof off), 0);
    sio__stream_close(s);
}

void pair_run(struct pair *p, bool (*condition)(struct pair *p)) {
    uv_timer_start(&p->watchdog, on_watchdog, WATCHDOG_MS, 0);
    while (!condition(p)) {
        uv_run(&p->loop, UV_RUN_ONCE);
    }
    uv_timer_stop(&p->watchdog);
}

void pair_turn(struct pair *p) {
    uv_run(&p->loop, UV_RUN_NOWAIT);
}

bool pair_is_secured(struct pair *p) {
    return p->client.secured > 0 && p->server.secured > 0;
}

bool pair_is_over(struct pair *p) {
    return p->reactor.stats.streams == 0;
}

bool pair_client_ended(struct pair *p) {
    return p->client.ends > 0;
}

bool pair_server_ended(struct pair *p) {
    return p->server.ends > 0;
}

bool pair_is_transferred(struct pair *p) {
    return p->client.received == p->server.sent && p->server.received == p->client.sent;
}
