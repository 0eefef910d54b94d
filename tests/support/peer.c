/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "support/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/tls_pair.h"
#include "support/torture.h"

#define WATCHDOG_MS 30000
#define LINGER_MS   5000

/* ---- connections ---- */

static void close_conn(struct peer_conn *c) {
    if (c->stream != NULL) {
        sio__stream_close(c->stream);
        c->stream = NULL;
    }
}

static void drop(struct peer_conn *c, size_t n) {
    assert_true(n <= c->in_len);
    c->in_len -= n;
    memmove(c->in, c->in + n, c->in_len + 1);
}

/* Bytes up to the end of the next answer's question; 0 when it is not complete. */
static size_t question_len(const struct peer_conn *c, const struct peer_answer *answer) {
    if (answer->bytes > 0) {
        return c->in_len >= answer->bytes ? answer->bytes : 0;
    }
    const char *end = strstr(c->in, "\r\n\r\n");
    return end == NULL ? 0 : (size_t)(end - c->in) + 4;
}

static void answer(struct peer_conn *c) {
    const struct peer *p = c->peer;
    size_t len = 1;
    while (p->answers != NULL && len > 0 && c->stream != NULL) {
        const struct peer_answer *next = &p->answers[c->next_answer];
        if (next->data == NULL) {
            peer_start_tls(c, p->tls);
            c->next_answer++;
            return;
        }
        len = question_len(c, next);
        if (len > 0) {
            drop(c, len);
            peer_send(c, next->data, next->len > 0 ? next->len : strlen(next->data));
            c->next_answer += c->next_answer + 1 < p->answer_count;
        }
    }
}

static void reserve(struct peer_conn *c, size_t size) {
    if (size > c->in_cap) {
        c->in_cap = 2 * size;
        c->in = realloc(c->in, c->in_cap);
        assert_non_null(c->in);
    }
}

static void on_input(struct stream *s, uint8_t *data, size_t len) {
    struct peer_conn *c = sio__stream_owner(s);
    c->peer->moved = true;
    reserve(c, c->in_len + len + 1);
    memcpy(c->in + c->in_len, data, len);
    c->in_len += len;
    c->received += len;
    c->in[c->in_len] = '\0';
    torture_suspend(true);
    answer(c);
    torture_suspend(c->peer->suspended);
}

static void on_end(struct stream *s, int status) {
    struct peer_conn *c = sio__stream_owner(s);
    c->ended = true;
    c->status = status;
    close_conn(c);
}

static void on_drain(struct stream *s) {
    (void)s;
}

static const struct stream_ops ops = {.on_input = on_input, .on_end = on_end, .on_drain = on_drain};

static void on_connection(uv_poll_t *handle, int status, int events) {
    struct peer *p = handle->data;
    (void)status;
    (void)events;
    int fd = accept4(p->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        return;
    }
    assert_true(p->count < PEER_CONNS_MAX);
    struct peer_conn *c = &p->conns[p->count++];
    int one = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    *c = (struct peer_conn){.peer = p, .in = calloc(1, 1), .in_cap = 1};
    torture_suspend(true);
    assert_int_equal(sio__stream_open(&p->own, fd, &ops, c, &c->stream), 0);
    if (p->answers != NULL && p->answers[0].data == NULL) {
        answer(c);
    }
    torture_suspend(p->suspended);
}

/* ---- life ---- */

static void on_watchdog(uv_timer_t *handle) {
    struct peer *p = SIO_CONTAINER_OF(handle, struct peer, watchdog);
    if (!p->moved) {
        fail_msg("nothing happens any more");
    }
    p->moved = false;
}

static void listen_somewhere(struct peer *p) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    p->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(p->fd >= 0);
    assert_int_equal(bind(p->fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(p->fd, 100), 0);
    assert_int_equal(getsockname(p->fd, (struct sockaddr *)&address, &len), 0);
    p->port = ntohs(address.sin_port);
    assert_int_equal(uv_poll_init_socket(&p->loop, &p->listener, p->fd), 0);
    p->listener.data = p;
    assert_int_equal(uv_poll_start(&p->listener, UV_READABLE, on_connection), 0);
}

struct peer *peer_new(void) {
    struct peer *p = calloc(1, sizeof *p);
    assert_non_null(p);
    torture_suspend(true);
    assert_int_equal(uv_loop_init(&p->loop), 0);
    sio__logger_init(&p->log, SIO_LOG_NONE, NULL, NULL, NULL);
    assert_int_equal(sio__reactor_init(&p->reactor, &p->loop, &p->log), 0);
    assert_int_equal(sio__reactor_init(&p->own, &p->loop, &p->log), 0);
    assert_int_equal(uv_timer_init(&p->loop, &p->watchdog), 0);
    listen_somewhere(p);
    torture_suspend(false);
    return p;
}

void peer_reset_conns(struct peer *p) {
    for (size_t i = 0; i < p->count; i++) {
        close_conn(&p->conns[i]);
        free(p->conns[i].in);
    }
    p->count = 0;
    p->accepted = 0;
}

static void on_closed(void *context) {
    ((struct peer *)context)->closed++;
}

void peer_free(struct peer *p) {
    peer_reset_conns(p);
    assert_int_equal(p->reactor.stats.streams, 0);
    uv_close((uv_handle_t *)&p->listener, NULL);
    uv_close((uv_handle_t *)&p->watchdog, NULL);
    close(p->fd);
    sio__reactor_close(&p->reactor, on_closed, p);
    sio__reactor_close(&p->own, on_closed, p);
    assert_int_equal(uv_run(&p->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(p->closed, 2);
    sio__reactor_done(&p->reactor);
    sio__reactor_done(&p->own);
    assert_int_equal(uv_loop_close(&p->loop), 0);
    free(p);
}

/* ---- waiting ---- */

void peer_run(struct peer *p, bool (*condition)(void *arg), void *arg) {
    uv_update_time(&p->loop);
    p->moved = false;
    uv_timer_start(&p->watchdog, on_watchdog, WATCHDOG_MS, WATCHDOG_MS);
    while (!condition(arg)) {
        uv_run(&p->loop, UV_RUN_ONCE);
    }
    uv_timer_stop(&p->watchdog);
}

void peer_turn(struct peer *p) {
    for (int i = 0; i < 4; i++) {
        uv_run(&p->loop, UV_RUN_NOWAIT);
    }
}

static void on_passed(uv_timer_t *handle) {
    *(bool *)handle->data = true;
}

void peer_pass_ms(struct peer *p, uint64_t ms) {
    bool passed = false;
    p->watchdog.data = &passed;
    uv_update_time(&p->loop);
    uv_timer_start(&p->watchdog, on_passed, ms, 0);
    while (!passed) {
        uv_run(&p->loop, UV_RUN_ONCE);
    }
}

static bool has_connection(void *arg) {
    const struct peer *p = arg;
    return p->count > p->accepted;
}

struct peer_conn *peer_accept(struct peer *p) {
    peer_run(p, has_connection, p);
    return &p->conns[p->accepted++];
}

struct wanted {
    const struct peer_conn *conn;
    size_t len;
};

static bool has_bytes(void *arg) {
    const struct wanted *w = arg;
    return w->conn->in_len >= w->len || w->conn->ended;
}

void peer_expect_bytes(struct peer_conn *c, const void *data, size_t len) {
    struct wanted w = {c, len};
    peer_run(c->peer, has_bytes, &w);
    if (c->in_len < len || memcmp(c->in, data, len) != 0) {
        fail_msg("got \"%s\" instead of \"%.*s\"", c->in, (int)len, (const char *)data);
    }
    drop(c, len);
}

void peer_expect(struct peer_conn *c, const char *text) {
    peer_expect_bytes(c, text, strlen(text));
}

static bool has_head(void *arg) {
    const struct peer_conn *c = arg;
    return strstr(c->in, "\r\n\r\n") != NULL || c->ended;
}

char *peer_head(struct peer_conn *c) {
    peer_run(c->peer, has_head, c);
    const char *end = strstr(c->in, "\r\n\r\n");
    assert_non_null(end);
    size_t len = (size_t)(end - c->in) + 4;
    char *head = strndup(c->in, len);
    assert_non_null(head);
    drop(c, len);
    return head;
}

static bool has_ended(void *arg) {
    return ((const struct peer_conn *)arg)->ended;
}

void peer_expect_end(struct peer_conn *c) {
    peer_run(c->peer, has_ended, c);
}

/* ---- speaking ---- */

void peer_start_tls(struct peer_conn *c, struct tls_context *context) {
    sio__stream_flush(c->stream); /* what is plain goes before */
    assert_int_equal(sio__stream_start_tls(c->stream, context, NULL), 0);
}

void peer_send(struct peer_conn *c, const void *data, size_t len) {
    if (c->stream != NULL) {
        assert_int_equal(sio__stream_write(c->stream, data, len, NULL, 0), 0);
    }
}

void peer_puts(struct peer_conn *c, const char *text) {
    peer_send(c, text, strlen(text));
}

void peer_dribble(struct peer_conn *c, const void *data, size_t len) {
    for (size_t i = 0; i < len; i++) {
        peer_send(c, (const char *)data + i, 1);
        peer_turn(c->peer);
    }
}

void peer_finish(struct peer_conn *c) {
    if (c->stream != NULL) {
        sio__stream_finish(c->stream, LINGER_MS);
        c->stream = NULL;
    }
}

void peer_close(struct peer_conn *c, bool rudely) {
    if (c->stream != NULL && rudely) {
        pair_reset(c->stream);
        c->stream = NULL;
    }
    close_conn(c);
}
