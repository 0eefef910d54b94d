/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * `sio bench`: puts a server under load.
 *
 * The main thread leads the workers through the phases of a run, looks at all counters where one
 * ends and the next begins, and reports. A signal ends the phase early.
 */
#include <inttypes.h>
#include <signal.h>
#include <sio/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "command.h"

#define NAME "sio bench"

enum {
    GLANCE_MS = 2,        /* how often the main thread looks whether a phase has ended */
    PROGRESS_MS = 250,    /* how often it tells */
    SILENCE_MS = 1000,    /* without what has to come, before it tells that */
    LOST_DRAIN_MS = 1000, /* to wait for answers after connections were lost */
    SPARE_FILES = 64      /* descriptors for all but connections */
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number) {
    (void)number;
    interrupted = 1;
}

void bench_fail(struct bench *b, int status, const char *text) {
    pthread_mutex_lock(&b->lock);
    if (b->failure_status == EXIT_OK) {
        b->failure_status = status;
        snprintf(b->failure, sizeof b->failure, "%s", text);
    }
    pthread_mutex_unlock(&b->lock);
}

static int failure_status(struct bench *b) {
    pthread_mutex_lock(&b->lock);
    int status = b->failure_status;
    pthread_mutex_unlock(&b->lock);
    return status;
}

/* ---- looking ---- */

static void look_at_counters(const struct bench *b, struct bench_totals *t) {
    *t = (struct bench_totals){.at = usage_clock()};
    for (size_t i = 0; i < b->worker_count; i++) {
        const struct bench_counts *c = &b->workers[i].counts;
        t->ready += bench_count_get(&c->ready);
        t->received += bench_count_get(&c->received);
        t->wrong += bench_count_get(&c->wrong);
        t->refused += bench_count_get(&c->refused);
        t->lost += bench_count_get(&c->lost);
        t->sent += bench_count_get(&c->sent);
    }
    t->expected = b->options->mode == BENCH_CAST ? t->sent * b->options->connections : t->sent;
}

static void look(const struct bench *b, struct bench_totals *t) {
    look_at_counters(b, t);
    (void)usage_of_process(getpid(), &t->self);
    if (b->options->server_pid != 0) {
        (void)usage_of_process((pid_t)b->options->server_pid, &t->server);
    }
}

/* ---- progress ---- */

struct progress {
    bool wanted;
    uint64_t last_at;
    uint64_t last_received;
    uint64_t phase_at; /* when this one has begun */
    bool is_told;      /* that something does not come, or that everything does */
};

static void show_progress(const struct bench *b, struct progress *p) {
    struct bench_totals t;
    uint64_t now = usage_clock();
    if (!p->wanted || now - p->last_at < PROGRESS_MS * UINT64_C(1000000)) {
        return;
    }
    look_at_counters(b, &t);
    if (atomic_load(&b->phase) == BENCH_CONNECT) {
        fprintf(stderr, "\r\033[K%" PRIu64 " of %zu connections", t.ready, b->options->connections);
    } else {
        double rate = (double)(t.received - p->last_received) * 1e9 / (double)(t.at - p->last_at);
        fprintf(stderr, "\r\033[K%" PRIu64 " messages, %.0f per second", t.received, rate);
    }
    if (t.lost > 0) {
        fprintf(stderr, ", %" PRIu64 " connections lost", t.lost);
    }
    fflush(stderr);
    p->last_at = now;
    p->last_received = t.received;
}

static void end_progress(const struct progress *p) {
    if (p->wanted && p->last_at > 0) {
        fputs("\r\033[K", stderr);
    }
}

/* ---- silence ---- */

static const char *duty_of(int mode) {
    switch (mode) {
    case BENCH_ECHO: return "send back";
    case BENCH_ACK: return "acknowledge";
    default: return "send to all";
    }
}

/* Tells soon what the result would tell late: that the server does not do its part. */
static void tell_silence(const struct bench *b, struct progress *p) {
    struct bench_totals t;
    int phase = atomic_load(&b->phase);
    look_at_counters(b, &t);
    if (p->is_told || (phase != BENCH_RUN && phase != BENCH_DRAIN) ||
        t.at - p->phase_at < SILENCE_MS * UINT64_C(1000000)) {
        return;
    }
    p->is_told = true;
    bool is_silent = t.sent > 0 && t.received == 0;
    if (phase == BENCH_DRAIN || is_silent) {
        end_progress(p);
    }
    if (phase == BENCH_DRAIN) {
        fprintf(stderr,
                NAME ": waiting for %" PRIu64 " messages that have not come back, as long as "
                     "--timeout allows; Ctrl-C ends it\n",
                t.expected > t.received ? t.expected - t.received : 0);
    } else if (is_silent) {
        fprintf(stderr,
                NAME ": nothing has come back yet: the server has to %s the event '%s' with its "
                     "arguments (see --mode and --event)\n",
                duty_of(b->options->mode), b->options->event);
    }
}

/* ---- phases ---- */

static void set_phase(struct bench *b, struct progress *p, int phase) {
    p->phase_at = usage_clock();
    p->is_told = false;
    atomic_store(&b->phase, phase);
    for (size_t i = 0; i < b->worker_count; i++) {
        bench_worker_wake(&b->workers[i]);
    }
}

static bool is_connected(struct bench *b) {
    struct bench_totals t;
    look_at_counters(b, &t);
    return t.ready == b->options->connections || failure_status(b) != EXIT_OK;
}

static bool has_lost_all(struct bench *b) {
    struct bench_totals t;
    look_at_counters(b, &t);
    return t.lost >= b->options->connections;
}

static bool is_drained(struct bench *b) {
    struct bench_totals t;
    look_at_counters(b, &t);
    return t.received >= t.expected;
}

/* Waits until `is_over` says so or the time has come. Returns false when it was interrupted. */
static bool wait_until(struct bench *b, struct progress *p, uint64_t when,
                       bool (*is_over)(struct bench *b)) {
    bool is_urgent = is_over == is_connected || is_over == is_drained;
    while (!interrupted && !(is_over != NULL && is_over(b))) {
        uint64_t now = usage_clock();
        if (now >= when) {
            return true;
        }
        uint64_t most = (is_urgent ? GLANCE_MS : PROGRESS_MS) * UINT64_C(1000000);
        uint64_t left = when - now < most ? when - now : most;
        struct timespec time = {.tv_nsec = (long)left};
        nanosleep(&time, NULL);
        show_progress(b, p);
        tell_silence(b, p);
    }
    return !interrupted;
}

static uint64_t after_ms(uint64_t when, uint64_t ms) {
    return when + ms * UINT64_C(1000000);
}

static void look_at_threads(const struct bench *b, uint64_t *times) {
    for (size_t i = 0; i < b->worker_count; i++) {
        times[i] = usage_of_thread(b->workers[i].thread);
    }
}

/* The time that the busiest thread has used since then. */
static uint64_t busiest_since(const struct bench *b, const uint64_t *times) {
    uint64_t most = 0;
    for (size_t i = 0; i < b->worker_count; i++) {
        uint64_t used = usage_of_thread(b->workers[i].thread) - times[i];
        most = used > most ? used : most;
    }
    return most;
}

/* The measurement itself. */
static void measure(struct bench *b, struct bench_result *r, struct progress *p, uint64_t *times) {
    const struct bench_options *o = b->options;
    uint64_t warmup_ms = o->mode == BENCH_IDLE ? 0 : o->warmup_ms;
    uint64_t from = after_ms(usage_clock(), warmup_ms);
    uint64_t to = after_ms(from, o->duration_ms);
    bench_count_add(&b->from, from);
    bench_count_add(&b->to, to);
    set_phase(b, p, BENCH_RUN);
    r->interrupted = !wait_until(b, p, from, NULL);
    look(b, &r->from);
    look_at_threads(b, times);
    r->interrupted = r->interrupted || !wait_until(b, p, to, has_lost_all);
    uint64_t most = busiest_since(b, times);
    look(b, &r->to);
    r->busiest = r->to.at > r->from.at ? (double)most / (double)(r->to.at - r->from.at) : 0;
    set_phase(b, p, BENCH_DRAIN);
    interrupted = 0; /* once more ends the wait for what is missing */
    uint64_t drain_ms = o->client.timeout_ms;
    if (r->to.lost > 0 && drain_ms > LOST_DRAIN_MS) {
        drain_ms = LOST_DRAIN_MS;
    }
    (void)wait_until(b, p, after_ms(usage_clock(), drain_ms), is_drained);
    look(b, &r->end);
}

static void join_workers(struct bench *b, struct progress *p, struct bench_result *r) {
    set_phase(b, p, BENCH_END);
    for (size_t i = 0; i < b->worker_count; i++) {
        bench_worker_join(&b->workers[i]);
        histogram_merge(&r->latency, &b->workers[i].latency);
        histogram_merge(&r->delay, &b->workers[i].delay);
    }
}

static int explain(struct bench *b, const struct bench_result *r) {
    int status = failure_status(b);
    if (status != EXIT_OK) {
        fprintf(stderr, NAME ": %s\n", b->failure);
        return status;
    }
    if (r->end.wrong > 0 || r->end.refused > 0) {
        return EXIT_FAILED;
    }
    return bench_missing(b, r) > 0 ? EXIT_NO_ANSWER : EXIT_OK;
}

static int run(struct bench *b, struct bench_result *r, uint64_t *times) {
    struct progress progress = {.wanted = isatty(STDERR_FILENO) != 0};
    const struct bench_options *o = b->options;
    look(b, &r->start);
    for (size_t i = 0; i < o->threads; i++) {
        int error = bench_worker_start(&b->workers[i], b, i);
        if (error < 0) {
            bench_fail(b, EXIT_FAILED, sio_strerror(error));
            break;
        }
        b->worker_count++;
    }
    bool is_whole = wait_until(b, &progress, UINT64_MAX, is_connected);
    look(b, &r->connected);
    bool has_started = is_whole && failure_status(b) == EXIT_OK;
    if (has_started) {
        measure(b, r, &progress, times);
    } else if (!is_whole) {
        bench_fail(b, EXIT_FAILED, "interrupted");
    }
    end_progress(&progress);
    join_workers(b, &progress, r);
    if (has_started) {
        bench_report(b, r);
    }
    return explain(b, r);
}

/* ---- the command ---- */

/* Each connection is a descriptor. */
static void allow_files(const struct bench_options *o) {
    struct rlimit limit;
    rlim_t wanted = (rlim_t)o->connections + SPARE_FILES;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < wanted) {
        limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
        if (limit.rlim_cur < wanted) {
            fprintf(stderr,
                    NAME ": warning: %zu connections need more than the %llu open files that are "
                         "allowed (ulimit -n)\n",
                    o->connections, (unsigned long long)limit.rlim_cur);
        }
    }
}

/* Finds out whether clients can be made at all, and says why not. */
static int try_client(struct bench_options *o) {
    sio_client *client = NULL;
    int status = client_options_open(&o->client, &bench_command, &client);
    sio_client_free(client);
    struct usage usage;
    if (status == EXIT_OK && o->server_pid != 0 &&
        usage_of_process((pid_t)o->server_pid, &usage) < 0) {
        fprintf(stderr, NAME ": --server-pid: there is no process %zu\n", o->server_pid);
        return EXIT_FAILED;
    }
    return status;
}

static int run_all(struct bench_options *o) {
    struct bench *b = calloc(1, sizeof *b);
    struct bench_result *r = calloc(1, sizeof *r);
    struct bench_worker *workers = calloc(o->threads, sizeof *workers);
    uint64_t *times = calloc(o->threads, sizeof *times);
    char *payload = malloc(o->payload + 2);
    int status = EXIT_FAILED;
    if (b == NULL || r == NULL || workers == NULL || times == NULL || payload == NULL) {
        fputs(NAME ": out of memory\n", stderr);
    } else {
        memset(payload, 'x', o->payload + 2);
        payload[0] = payload[o->payload + 1] = '"';
        pthread_mutex_init(&b->lock, NULL);
        b->options = o;
        b->payload = payload;
        b->workers = workers;
        b->client = o->client.client;
        b->socket = (sio_socket_options){.size = sizeof(sio_socket_options),
                                         .auth = o->client.auth,
                                         .connect_timeout_ms = o->client.timeout_ms};
        b->client.socket = &b->socket;
        status = run(b, r, times);
        pthread_mutex_destroy(&b->lock);
    }
    free(payload);
    free(times);
    free(workers);
    free(r);
    free(b);
    return status;
}

int cmd_bench(int argc, char **argv) {
    struct bench_options options;
    int status = EXIT_USAGE;
    enum options_result result = bench_options_parse(&options, argc, argv);
    if (result == OPTIONS_HELP) {
        status = command_end_output(NAME, EXIT_OK);
    } else if (result == OPTIONS_RUN) {
        struct sigaction action = {.sa_handler = on_signal};
        sigemptyset(&action.sa_mask);
        sigaction(SIGINT, &action, NULL);
        sigaction(SIGTERM, &action, NULL);
        signal(SIGPIPE, SIG_IGN);
        allow_files(&options);
        status = try_client(&options);
        if (status == EXIT_OK) {
            status = command_end_output(NAME, run_all(&options));
        }
    }
    client_options_done(&options.client);
    return status;
}
