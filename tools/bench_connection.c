/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* One of the connections of `sio bench`. */
#include <sio/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "command.h"
#include "states.h"

enum { TIMES_MIN = 8, TIMES_MAX = 1 << 20 };

/* ---- times ---- */

static bool times_grow(struct bench_times *t) {
    uint32_t capacity = t->capacity == 0 ? TIMES_MIN : t->capacity * 2;
    uint64_t *at = capacity <= TIMES_MAX ? malloc(capacity * sizeof *at) : NULL;
    if (at == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < t->count; i++) {
        at[i] = t->at[(t->first + i) & (t->capacity - 1)];
    }
    free(t->at);
    t->at = at;
    t->capacity = capacity;
    t->first = 0;
    return true;
}

static void times_push(struct bench_times *t, uint64_t at) {
    t->at[(t->first + t->count) & (t->capacity - 1)] = at;
    t->count++;
}

static bool times_pop(struct bench_times *t, uint64_t *ret_at) {
    if (t->count == 0) {
        return false;
    }
    *ret_at = t->at[t->first];
    t->first = (t->first + 1) & (t->capacity - 1);
    t->count--;
    return true;
}

/* ---- receiving ---- */

/* The messages that a connection has received at once have come at the same time. */
static uint64_t arrival(struct bench_connection *c) {
    struct bench_worker *w = c->worker;
    if (w->now_of != c) {
        w->now_of = c;
        w->now = usage_clock();
    }
    return w->now;
}

static void record(struct bench_worker *w, uint64_t sent, uint64_t now) {
    if (bench_is_measured(w->bench, sent)) {
        histogram_add(&w->latency, now > sent ? now - sent : 0);
    }
}

static bool is_payload(const struct bench *b, const sio_event *ev) {
    size_t len = 0;
    size_t expected = b->options->payload;
    const char *json = sio_event_json(ev, &len);
    if (len == expected + 2 && memcmp(json, b->payload, len) == 0) {
        return true;
    }
    const char *text = sio_val_str(sio_event_arg(ev, 0), &len); /* written in another way */
    return text != NULL && len == expected && memcmp(text, b->payload + 1, len) == 0;
}

static void check(struct bench_worker *w, const sio_event *ev) {
    if (!is_payload(w->bench, ev)) {
        bench_count_add(&w->counts.wrong, 1);
    }
}

/* Every answer makes room for the next message. */
static void go_on(struct bench_connection *c, uint64_t now) {
    struct bench_worker *w = c->worker;
    if (w->phase == BENCH_RUN && w->bench->options->rate == 0) {
        bench_connection_send(c, now);
    }
}

static void on_echo(sio_socket *s, sio_event *ev, void *user) {
    struct bench_connection *c = user;
    struct bench_worker *w = c->worker;
    uint64_t sent;
    (void)s;
    bench_count_add(&w->counts.received, 1);
    check(w, ev);
    if (!times_pop(&c->times, &sent)) {
        bench_count_add(&w->counts.wrong, 1); /* nobody has asked for it */
        return;
    }
    uint64_t now = arrival(c);
    record(w, sent, now);
    go_on(c, now);
}

/* The user pointer is the time at which the message was sent: as many of its bits as there are,
 * which is enough for the difference. */
static void on_ack(sio_socket *s, int status, sio_event *reply, void *user) {
    struct bench_connection *c = sio_socket_user(s);
    struct bench_worker *w = c->worker;
    if (status != 0) {
        return; /* the connection was lost, which is told elsewhere */
    }
    bench_count_add(&w->counts.received, 1);
    check(w, reply);
    uint64_t now = arrival(c);
    uint64_t latency = (uintptr_t)now - (uintptr_t)user;
    record(w, now - latency, now);
    go_on(c, now);
}

/* The sender of all is the first connection of the first worker. */
static bool is_caster(const struct bench_connection *c) {
    return c == c->worker->bench->workers[0].connections;
}

static void on_cast(sio_socket *s, sio_event *ev, void *user) {
    struct bench_connection *c = user;
    struct bench_worker *w = c->worker;
    struct bench *b = w->bench;
    (void)s;
    bench_count_add(&w->counts.received, 1);
    check(w, ev);
    uint64_t now = arrival(c);
    uint64_t casts = atomic_load_explicit(&b->casts, memory_order_acquire);
    if (c->casts >= casts) {
        bench_count_add(&w->counts.wrong, 1);
        return;
    }
    /* Of those too far behind the time is forgotten. */
    if (casts - c->casts < BENCH_CAST_TIMES) {
        record(w, bench_count_get(&b->cast_times[c->casts % BENCH_CAST_TIMES]), now);
    }
    c->casts++;
    if (is_caster(c)) {
        go_on(c, now);
    }
}

/* ---- sending ---- */

static int send_echo(struct bench_connection *c, uint64_t due) {
    struct bench_times *t = &c->times;
    if (t->count == t->capacity && !times_grow(t)) {
        return SIO_ERR_NOMEM;
    }
    int r = sio_emit_msg(c->socket, 0, c->worker->msg);
    if (r >= 0) {
        times_push(t, due);
    }
    return r;
}

static int send_ack(struct bench_connection *c, uint64_t due) {
    /* NOLINTNEXTLINE(performance-no-int-to-ptr) */
    const sio_ack_options ack = {.size = sizeof ack, .fn = on_ack, .user = (void *)(uintptr_t)due};
    return sio_emit_ack_msg(c->socket, &ack, c->worker->msg);
}

static int send_cast(struct bench_connection *c, uint64_t due) {
    struct bench *b = c->worker->bench;
    int r = sio_emit_msg(c->socket, 0, c->worker->msg);
    if (r >= 0) {
        uint64_t number = bench_count_get(&b->casts);
        atomic_store_explicit(&b->cast_times[number % BENCH_CAST_TIMES], due, memory_order_relaxed);
        atomic_store_explicit(&b->casts, number + 1, memory_order_release);
    }
    return r;
}

void bench_connection_send(struct bench_connection *c, uint64_t due) {
    struct bench_worker *w = c->worker;
    int r = SIO_ERR_CLOSED;
    if (c->socket != NULL) {
        switch (w->bench->options->mode) {
        case BENCH_ECHO: r = send_echo(c, due); break;
        case BENCH_ACK: r = send_ack(c, due); break;
        default: r = send_cast(c, due); break;
        }
    }
    bench_count_add(r < 0 ? &w->counts.refused : &w->counts.sent, 1);
}

/* ---- connecting ---- */

/* Notes a failure, in the words that `print` writes. */
static FILE *begin_failure(char **text, size_t *len) {
    return open_memstream(text, len);
}

static void end_failure(struct bench_connection *c, int status, FILE *out, char **text) {
    if (out != NULL) {
        fclose(out);
        bench_fail(c->worker->bench, status, *text);
        free(*text);
    } else {
        bench_fail(c->worker->bench, status, sio_strerror(SIO_ERR_NOMEM));
    }
}

static void on_connect(sio_socket *s, void *user) {
    struct bench_connection *c = user;
    c->socket = s;
    c->is_ready = true;
    bench_count_add(&c->worker->counts.ready, 1);
    bench_worker_connected(c->worker);
}

static void on_connect_error(sio_socket *s, const sio_connect_error *error, void *user) {
    struct bench_connection *c = user;
    char *text = NULL;
    size_t len;
    if (!states_is_of_namespace(s)) {
        return; /* a notice tells of it */
    }
    FILE *out = begin_failure(&text, &len);
    if (out != NULL) {
        states_connect_error(out, s, error);
    }
    end_failure(c, states_exit_status(error), out, &text);
}

static void on_disconnect(sio_socket *s, int reason, int cause, void *user) {
    struct bench_connection *c = user;
    char *text = NULL;
    size_t len;
    c->socket = NULL;
    if (c->worker->phase == BENCH_END) {
        return;
    }
    bench_count_add(&c->worker->counts.lost, 1);
    FILE *out = begin_failure(&text, &len);
    if (out != NULL) {
        states_disconnected(out, s, reason, cause);
    }
    end_failure(c, EXIT_DISCONNECTED, out, &text);
}

static void on_notice(sio_client *client, const sio_notice *notice, void *user) {
    struct bench_connection *c = user;
    char *text = NULL;
    size_t len;
    if (notice->kind != SIO_NOTICE_ERROR || c->worker->phase == BENCH_END) {
        return;
    }
    FILE *out = begin_failure(&text, &len);
    if (out != NULL) {
        const char *url = c->worker->bench->options->client.url;
        fprintf(out, "%s: ", url);
        states_notice(out, client, url, notice);
    }
    end_failure(c, EXIT_UNREACHABLE, out, &text);
}

static int attach(struct bench_worker *w, struct bench_connection *c) {
    sio_client *first = w->connections[0].client;
    return c->client == first ? sio_client_attach_uv(first, &w->loop)
                              : sio_client_attach_beside(c->client, first);
}

int bench_connection_open(struct bench_worker *w, struct bench_connection *c) {
    const struct bench_options *o = w->bench->options;
    c->worker = w;
    int r = sio_client_new(&c->client, o->client.url, &w->bench->client);
    if (r == 0) {
        r = attach(w, c);
    }
    if (r < 0) {
        return r;
    }
    sio_client_on_notice(c->client, on_notice, c);
    sio_socket *s = sio_client_socket(c->client, o->client.nsp, NULL);
    if (s == NULL) {
        return SIO_ERR_NOMEM;
    }
    sio_socket_set_user(s, c, NULL);
    r = sio_socket_on_connect(s, on_connect, c);
    r = r < 0 ? r : sio_socket_on_connect_error(s, on_connect_error, c);
    r = r < 0 ? r : sio_socket_on_disconnect(s, on_disconnect, c);
    if (r == 0 && o->mode == BENCH_ECHO) {
        r = sio_socket_on(s, o->event, on_echo, c);
    } else if (r == 0 && o->mode == BENCH_CAST) {
        r = sio_socket_on(s, o->event, on_cast, c);
    }
    return r;
}

void bench_connection_free(struct bench_connection *c) {
    sio_client_free(c->client);
    c->client = NULL;
    c->socket = NULL;
    free(c->times.at);
    c->times = (struct bench_times){0};
}
