/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#ifndef SIO_TOOLS_BENCH_H
#define SIO_TOOLS_BENCH_H

/*
 * A run of `sio bench`: threads (bench_worker.c) that hold connections (bench_connection.c), led by
 * the main thread (cmd_bench.c), and what comes of it (bench_report.c).
 *
 * Each worker has a loop of its own, on which its clients are. What it counts is written by itself
 * only, and read by the main thread at any time; its histograms are read when it has ended.
 */

#include <pthread.h>
#include <sio/uv.h>
#include <stdatomic.h>

#include "bench_options.h"
#include "histogram.h"
#include "pacer.h"
#include "usage.h"

enum { BENCH_CAST_TIMES = 1 << 16, BENCH_FAILURE_BYTES = 512 };

enum bench_phase {
    BENCH_CONNECT, /* connections are made */
    BENCH_RUN,     /* messages are sent */
    BENCH_DRAIN,   /* those that are under way come back */
    BENCH_END      /* connections are closed */
};

/* A number that one thread writes and others read. */
typedef atomic_uint_fast64_t bench_count;

static inline uint64_t bench_count_get(const bench_count *n) {
    return atomic_load_explicit(n, memory_order_relaxed);
}

static inline void bench_count_add(bench_count *n, uint64_t more) {
    atomic_store_explicit(n, bench_count_get(n) + more, memory_order_relaxed);
}

struct bench_counts {
    bench_count ready;    /* connections that stood */
    bench_count sent;     /* messages */
    bench_count received; /* messages that came back */
    bench_count wrong;    /* of these, those that were not what had been sent */
    bench_count refused;  /* messages that the library did not take */
    bench_count lost;     /* connections that ended before they were to */
};

/* Points of time at which messages were sent, in order. */
struct bench_times {
    uint64_t *at; /* a ring */
    uint32_t capacity;
    uint32_t first;
    uint32_t count;
};

struct bench_worker;

struct bench_connection {
    struct bench_worker *worker;
    sio_client *client;
    sio_socket *socket; /* while it is connected */
    bool is_ready;      /* has been */
    struct bench_times times;
    uint64_t casts; /* received */
};

struct bench {
    const struct bench_options *options;
    sio_client_options client;
    sio_socket_options socket;
    char *payload; /* as JSON, with its quotes */

    atomic_int phase; /* enum bench_phase */
    /* Messages that are due in between are measured; set before BENCH_RUN. */
    bench_count from;
    bench_count to;

    /* Messages that were cast, and when, for those who receive them. */
    bench_count casts;
    bench_count cast_times[BENCH_CAST_TIMES];

    struct bench_worker *workers;
    size_t worker_count;

    pthread_mutex_t lock; /* of the following two */
    int failure_status;   /* of the process; 0: nothing has failed */
    char failure[BENCH_FAILURE_BYTES];
};

struct bench_worker {
    struct bench *bench;
    pthread_t thread;
    uv_loop_t loop;
    uv_async_t wake; /* the phase has changed */
    uv_prepare_t turn;
    uv_timer_t ramp;
    struct pacer pacer;
    sio_msg *msg;
    int phase; /* as far as it knows */

    struct bench_connection *connections;
    size_t count;
    size_t senders; /* of them */
    size_t begun;   /* connections that are or were made */
    size_t over;    /* of these, those that stand, or have failed */
    uint64_t began;
    double ramp_rate; /* connections per second, 0: no limit */

    /* With a rate: message number n is due at start + n * interval. */
    uint64_t start;
    double interval;
    uint64_t number;
    size_t next; /* connection */

    uint64_t now; /* when the messages of this connection in this turn came */
    const struct bench_connection *now_of;

    struct bench_counts counts;
    struct histogram latency; /* nanoseconds */
    struct histogram delay;   /* with a rate: how late messages were sent */
};

/* How things stood at one moment. */
struct bench_totals {
    uint64_t at; /* the time */
    uint64_t ready;
    uint64_t sent;
    uint64_t expected; /* of received, when all of it has come back */
    uint64_t received;
    uint64_t wrong;
    uint64_t refused;
    uint64_t lost;
    struct usage self;
    struct usage server;
};

/* What is reported. */
struct bench_result {
    struct bench_totals start;     /* before the first connection */
    struct bench_totals connected; /* after the last one */
    struct bench_totals from;      /* of the measurement */
    struct bench_totals to;
    struct bench_totals end; /* after all has come back, or too much time */
    double busiest;          /* share of a core that the busiest worker used while measuring */
    bool interrupted;
    struct histogram latency;
    struct histogram delay;
};

/* True for a message that is due at this time. */
static inline bool bench_is_measured(const struct bench *b, uint64_t due) {
    return due >= bench_count_get(&b->from) && due < bench_count_get(&b->to);
}

/* ---- bench_connection.c ---- */

/* Makes the client. Returns 0 or an error of the library. */
int bench_connection_open(struct bench_worker *w, struct bench_connection *c);

/* Sends a message that is due at `due`. */
void bench_connection_send(struct bench_connection *c, uint64_t due);

/* Frees the client. */
void bench_connection_free(struct bench_connection *c);

/* ---- bench_worker.c ---- */

/* Starts a thread with its share of the connections. Returns 0 or a negative errno. */
int bench_worker_start(struct bench_worker *w, struct bench *b, size_t index);

/* Tells it that the phase has changed. */
void bench_worker_wake(struct bench_worker *w);

/* Waits for its end, after BENCH_END. */
void bench_worker_join(struct bench_worker *w);

/* A connection stands, or has failed: the next one may begin. */
void bench_worker_connected(struct bench_worker *w);

/* ---- bench_report.c ---- */

/* Messages that did not come back, or connections for BENCH_IDLE. */
uint64_t bench_missing(const struct bench *b, const struct bench_result *r);

/* Prints the result. */
void bench_report(const struct bench *b, const struct bench_result *r);

/* ---- cmd_bench.c ---- */

/* Notes what has gone wrong first. From any thread. */
void bench_fail(struct bench *b, int status, const char *text);

#endif
