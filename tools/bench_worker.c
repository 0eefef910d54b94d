/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* A thread of `sio bench`, with its loop and its share of the connections. */
#include <sio/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "command.h"

enum {
    HANDSHAKES_MAX = 64, /* under way at once, so that none waits long enough to time out */
    RAMP_MS = 5,         /* how often connections are begun with --ramp */
    CLOSE_MS = 3000      /* for closing in order */
};

/* ---- connecting ---- */

/* How many may have been begun by now. */
static size_t allowance(const struct bench_worker *w) {
    if (w->ramp_rate <= 0) {
        return w->count;
    }
    double due = (double)(usage_clock() - w->began) * 1e-9 * w->ramp_rate + 1;
    return due < (double)w->count ? (size_t)due : w->count;
}

static void connect_more(struct bench_worker *w) {
    if (w->phase != BENCH_CONNECT) {
        return;
    }
    size_t most = allowance(w);
    while (w->begun < most && w->begun - w->over < HANDSHAKES_MAX) {
        struct bench_connection *c = &w->connections[w->begun];
        w->begun++;
        int r = bench_connection_open(w, c);
        if (r < 0) {
            bench_fail(w->bench, EXIT_FAILED, sio_strerror(r));
            return;
        }
    }
    if (w->begun == w->count) {
        uv_timer_stop(&w->ramp);
    }
}

void bench_worker_connected(struct bench_worker *w) {
    w->over++;
    connect_more(w);
}

static void on_ramp(uv_timer_t *timer) {
    connect_more(timer->data);
}

/* ---- sending ---- */

static uint64_t due_at(const struct bench_worker *w, uint64_t number) {
    return w->start + (uint64_t)((double)number * w->interval);
}

/* Sends all that is due. */
static void on_pacer(void *user) {
    struct bench_worker *w = user;
    const struct bench *b = w->bench;
    if (w->phase != BENCH_RUN) {
        return;
    }
    uint64_t now = usage_clock();
    uint64_t due = due_at(w, w->number);
    w->now_of = NULL;
    for (; due <= now; due = due_at(w, w->number)) {
        bench_connection_send(&w->connections[w->next], due);
        if (bench_is_measured(b, due)) {
            histogram_add(&w->delay, now - due);
        }
        w->number++;
        w->next = w->next + 1 < w->senders ? w->next + 1 : 0;
    }
    pacer_set(&w->pacer, due);
}

static bool is_first(const struct bench_worker *w) {
    return w == w->bench->workers;
}

/* One connection casts at the whole rate; else the workers share it, and take turns. */
static void begin_pace(struct bench_worker *w) {
    const struct bench *b = w->bench;
    double rate = (double)b->options->rate;
    double index = (double)(w - b->workers);
    if (b->options->mode != BENCH_CAST) {
        rate *= (double)w->count / (double)b->options->connections;
    }
    w->interval = 1e9 / rate;
    w->start = usage_clock() + (uint64_t)(w->interval * index / (double)b->worker_count);
    pacer_set(&w->pacer, w->start);
}

static void begin_window(struct bench_worker *w) {
    const struct bench_options *o = w->bench->options;
    for (size_t i = 0; i < w->senders; i++) {
        for (size_t j = 0; j < o->window; j++) {
            bench_connection_send(&w->connections[i], usage_clock());
        }
    }
}

static void begin_run(struct bench_worker *w) {
    const struct bench_options *o = w->bench->options;
    if (o->mode == BENCH_IDLE || (o->mode == BENCH_CAST && !is_first(w))) {
        return;
    }
    w->senders = o->mode == BENCH_CAST ? 1 : w->count;
    if (o->rate > 0) {
        begin_pace(w);
    } else {
        begin_window(w);
    }
}

/* ---- ending ---- */

static void on_close_time(uv_timer_t *timer) {
    uv_stop(timer->loop);
}

static void begin_end(struct bench_worker *w) {
    for (size_t i = 0; i < w->begun; i++) {
        if (w->connections[i].client != NULL) {
            (void)sio_client_close(w->connections[i].client);
        }
    }
    uv_timer_start(&w->ramp, on_close_time, CLOSE_MS, 0);
    uv_unref((uv_handle_t *)&w->ramp);
    uv_unref((uv_handle_t *)&w->wake);
}

static void on_wake(uv_async_t *wake) {
    struct bench_worker *w = wake->data;
    int phase = atomic_load(&w->bench->phase);
    if (phase == w->phase) {
        return;
    }
    w->phase = phase;
    w->now_of = NULL;
    if (phase == BENCH_RUN) {
        begin_run(w);
    } else if (phase == BENCH_END) {
        begin_end(w);
    }
}

/* ---- the thread ---- */

/* Before the loop sleeps: what comes afterwards comes later. */
static void on_turn(uv_prepare_t *turn) {
    struct bench_worker *w = turn->data;
    w->now_of = NULL;
}

static void close_handle(uv_handle_t *handle, void *arg) {
    (void)arg;
    if (!uv_is_closing(handle)) {
        uv_close(handle, NULL);
    }
}

static void *run(void *arg) {
    struct bench_worker *w = arg;
    w->began = usage_clock();
    if (w->ramp_rate > 0) {
        uv_timer_start(&w->ramp, on_ramp, 0, RAMP_MS);
    }
    connect_more(w);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    for (size_t i = 0; i < w->begun; i++) {
        bench_connection_free(&w->connections[i]);
    }
    pacer_close(&w->pacer);
    uv_close((uv_handle_t *)&w->wake, NULL);
    uv_close((uv_handle_t *)&w->turn, NULL);
    uv_close((uv_handle_t *)&w->ramp, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    return NULL;
}

static void close_loop(struct bench_worker *w) {
    uv_walk(&w->loop, close_handle, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    uv_loop_close(&w->loop);
}

static int init_loop(struct bench_worker *w) {
    int r = uv_loop_init(&w->loop);
    if (r < 0) {
        return r;
    }
    uv_timer_init(&w->loop, &w->ramp);
    uv_prepare_init(&w->loop, &w->turn);
    uv_prepare_start(&w->turn, on_turn);
    uv_unref((uv_handle_t *)&w->turn);
    w->ramp.data = w;
    w->turn.data = w;
    w->wake.data = w;
    r = uv_async_init(&w->loop, &w->wake, on_wake);
    if (r == 0) {
        r = pacer_init(&w->pacer, &w->loop, on_pacer, w);
    }
    if (r < 0) {
        close_loop(w);
        return r;
    }
    uv_unref((uv_handle_t *)&w->pacer.handle);
    return 0;
}

static int make_message(struct bench_worker *w) {
    const struct bench_options *o = w->bench->options;
    int r = sio_msg_new(&w->msg, o->event);
    return r < 0 ? r : sio_msg_add_str(w->msg, w->bench->payload + 1, o->payload);
}

int bench_worker_start(struct bench_worker *w, struct bench *b, size_t index) {
    const struct bench_options *o = b->options;
    w->bench = b;
    w->count = o->connections / o->threads + (index < o->connections % o->threads ? 1 : 0);
    w->ramp_rate = (double)o->ramp * (double)w->count / (double)o->connections;
    w->connections = calloc(w->count, sizeof *w->connections);
    int r = w->connections == NULL ? SIO_ERR_NOMEM : make_message(w);
    if (r == 0) {
        r = init_loop(w);
    }
    if (r == 0) {
        r = -pthread_create(&w->thread, NULL, run, w);
        if (r < 0) {
            pacer_close(&w->pacer);
            close_loop(w);
        }
    }
    if (r < 0) {
        sio_msg_unref(w->msg);
        free(w->connections);
    }
    return r;
}

void bench_worker_wake(struct bench_worker *w) {
    uv_async_send(&w->wake);
}

void bench_worker_join(struct bench_worker *w) {
    pthread_join(w->thread, NULL);
    uv_loop_close(&w->loop);
    sio_msg_unref(w->msg);
    free(w->connections);
    w->connections = NULL;
}
