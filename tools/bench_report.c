/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* What comes of `sio bench`, for people and for programs. */
#include <inttypes.h>
#include <sio/version.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "bench.h"
#include "json_text.h"

/* Above this share of a core a thread has no time to wait for the server. */
#define BUSY 0.9

/* A schedule that is kept to has messages later than this in one of a hundred cases at most. */
#define LATE_NS UINT64_C(1000000)

static const struct {
    const char *name;
    const char *key;
    double share;
} quantiles[] = {
    {"p50", "p50", 0.5},
    {"p90", "p90", 0.9},
    {"p99", "p99", 0.99},
    {"p99.9", "p999", 0.999},
};

enum { QUANTILES = sizeof quantiles / sizeof quantiles[0] };

/* What both forms are made of. */
struct figures {
    double connect_seconds;
    double seconds;
    uint64_t messages; /* received while measuring */
    double per_second;
    double server_ns; /* per message */
    double server_cores;
    double self_ns;
    double self_cores;
    double connect_ns; /* time of the server for a new connection */
    double server_bytes_per_connection;
    double self_bytes_per_connection;
    bool has_server;
    bool is_busy; /* the generator had no time left */
    bool is_late; /* messages were sent later than they were due */
};

static double seconds_between(const struct bench_totals *from, const struct bench_totals *to) {
    return (double)(to->at - from->at) * 1e-9;
}

static double ratio(double a, double b) {
    return b > 0 ? a / b : 0;
}

static double growth(uint64_t before, uint64_t after, uint64_t count) {
    return ratio((double)after - (double)before, (double)count);
}

uint64_t bench_missing(const struct bench *b, const struct bench_result *r) {
    if (b->options->mode == BENCH_IDLE) {
        return r->end.lost;
    }
    return r->end.expected > r->end.received ? r->end.expected - r->end.received : 0;
}

static struct figures figure(const struct bench *b, const struct bench_result *r) {
    struct figures f = {.connect_seconds = seconds_between(&r->start, &r->connected),
                        .seconds = seconds_between(&r->from, &r->to),
                        .messages = r->to.received - r->from.received,
                        .has_server = b->options->server_pid != 0};
    double messages = (double)f.messages;
    double server_ns = (double)(r->to.server.cpu_ns - r->from.server.cpu_ns);
    uint64_t ready = r->connected.ready;
    f.per_second = ratio(messages, f.seconds);
    f.server_ns = ratio(server_ns, messages);
    f.server_cores = ratio(server_ns * 1e-9, f.seconds);
    f.self_ns = ratio((double)(r->to.self.cpu_ns - r->from.self.cpu_ns), messages);
    f.connect_ns =
        ratio((double)(r->connected.server.cpu_ns - r->start.server.cpu_ns), (double)ready);
    const struct bench_totals *after = b->options->mode == BENCH_IDLE ? &r->to : &r->connected;
    f.server_bytes_per_connection =
        growth(r->start.server.resident_bytes, after->server.resident_bytes, ready);
    f.self_bytes_per_connection =
        growth(r->start.self.resident_bytes, after->self.resident_bytes, ready);
    f.self_cores = ratio((double)(r->to.self.cpu_ns - r->from.self.cpu_ns) * 1e-9, f.seconds);
    f.is_busy = r->busiest > BUSY || f.self_cores > BUSY * uv_available_parallelism();
    f.is_late = histogram_quantile(&r->delay, 0.99) > LATE_NS;
    return f;
}

static void system_name(char *name, size_t size) {
    struct utsname system;
    if (uname(&system) == 0) {
        snprintf(name, size, "%s %s %s", system.sysname, system.release, system.machine);
    } else {
        snprintf(name, size, "unknown");
    }
}

static const char *transport_of(const struct bench *b) {
    const uint8_t *transports = b->options->client.client.transports;
    if (transports[1] != 0) {
        return transports[0] == SIO_POLLING ? "polling,websocket" : "websocket,polling";
    }
    return transports[0] == SIO_POLLING ? "polling" : "websocket";
}

/* ---- for people ---- */

static void print_time(uint64_t ns) {
    if (ns < 10000) {
        printf("%.2f us", (double)ns * 1e-3);
    } else if (ns < 10000000) {
        printf("%.0f us", (double)ns * 1e-3);
    } else {
        printf("%.1f ms", (double)ns * 1e-6);
    }
}

static void print_bytes(double bytes) {
    if (bytes >= 10e6) {
        printf("%.1f MB", bytes * 1e-6);
    } else {
        printf("%.0f kB", bytes * 1e-3);
    }
}

static void print_times(const char *title, const struct histogram *h) {
    if (h->count == 0) {
        return;
    }
    printf("%-12s", title);
    for (size_t i = 0; i < QUANTILES; i++) {
        printf("%s ", quantiles[i].name);
        print_time(histogram_quantile(h, quantiles[i].share));
        fputs(", ", stdout);
    }
    fputs("max ", stdout);
    print_time(h->max);
    fputs(", mean ", stdout);
    print_time((uint64_t)histogram_mean(h));
    putchar('\n');
}

static void print_head(const struct bench *b) {
    const struct bench_options *o = b->options;
    char system[256];
    system_name(system, sizeof system);
    printf("sio %s, libuv %s, %s\n", sio_version(), uv_version_string(), system);
    printf("%s over %s, %zu connections on %zu %s", bench_mode_name(o->mode), transport_of(b),
           o->connections, o->threads, o->threads == 1 ? "thread" : "threads");
    if (o->mode != BENCH_IDLE) {
        printf(", %zu bytes, ", o->payload);
        if (o->rate > 0) {
            printf("%zu messages per second", o->rate);
        } else {
            printf("%zu under way%s", o->window,
                   o->mode == BENCH_CAST ? "" : " on each connection");
        }
    }
    puts("\n");
}

static void print_if_any(const char *before, uint64_t number, const char *behind) {
    if (number > 0) {
        printf("%s%" PRIu64 "%s", before, number, behind);
    }
}

static void print_messages(const struct bench *b, const struct bench_result *r,
                           const struct figures *f) {
    printf("%-12s%" PRIu64 " in %.2f s: %.0f per second\n", "messages", f->messages, f->seconds,
           f->per_second);
    printf("%-12s%" PRIu64 " of %" PRIu64, "received", r->end.received, r->end.expected);
    print_if_any(", ", bench_missing(b, r), " are missing");
    print_if_any(", ", r->end.wrong, " are wrong");
    print_if_any("; ", r->end.refused, " could not be sent");
    putchar('\n');
    print_times("latency", &r->latency);
    print_times("sent late", &r->delay);
}

static void print_process(const char *title, const struct usage *usage, double ns, double cores,
                          double bytes_per_connection, bool has_messages) {
    printf("%-12s", title);
    if (has_messages) {
        printf("%.3f us of CPU per message, ", ns * 1e-3);
    }
    printf("%.0f %% of a core, ", cores * 100);
    print_bytes((double)usage->resident_bytes);
    printf(" resident, %.0f bytes per connection\n", bytes_per_connection);
}

static void print_verdict(const struct bench *b, const struct bench_result *r,
                          const struct figures *f) {
    if (r->interrupted) {
        puts("\nThe measurement was interrupted.");
    }
    if (r->busiest > BUSY) {
        printf(
            "\nThe generator was the limit: a thread of it was busy for %.0f %% of the time.%s\n",
            r->busiest * 100,
            f->server_cores > BUSY           ? " So was the server."
            : b->options->mode == BENCH_CAST ? ""
                                             : " The server may do more\nwith more --threads.");
    } else if (f->is_busy) {
        puts("\nThe generator was the limit: it has used all of the cores that it may run on.");
    }
    if (f->is_late) {
        puts("\nThe generator could not keep its schedule: see \"sent late\".");
    }
}

static void print_text(const struct bench *b, const struct bench_result *r) {
    struct figures f = figure(b, r);
    bool has_messages = f.messages > 0;
    print_head(b);
    printf("%-12s%" PRIu64 " in %.2f s: %.0f per second", "connected", r->connected.ready,
           f.connect_seconds, ratio((double)r->connected.ready, f.connect_seconds));
    if (f.has_server) {
        printf(", %.1f us of the server's CPU each", f.connect_ns * 1e-3);
    }
    print_if_any("; ", r->end.lost, " were lost");
    putchar('\n');
    if (b->options->mode != BENCH_IDLE) {
        print_messages(b, r, &f);
    }
    if (f.has_server) {
        print_process("server", &r->to.server, f.server_ns, f.server_cores,
                      f.server_bytes_per_connection, has_messages);
    }
    print_process("generator", &r->to.self, f.self_ns, f.self_cores, f.self_bytes_per_connection,
                  has_messages);
    print_verdict(b, r, &f);
}

/* ---- for programs ---- */

static void json_times(const char *name, const struct histogram *h) {
    printf("  \"%s\": {\"count\": %" PRIu64 ", \"mean\": %.3f", name, h->count,
           histogram_mean(h) * 1e-3);
    for (size_t i = 0; i < QUANTILES; i++) {
        printf(", \"%s\": %.3f", quantiles[i].key,
               (double)histogram_quantile(h, quantiles[i].share) * 1e-3);
    }
    printf(", \"max\": %.3f},\n", (double)h->max * 1e-3);
}

static void json_process(const char *name, const struct bench_result *r, bool is_server,
                         double bytes_per_connection) {
    const struct usage *start = is_server ? &r->start.server : &r->start.self;
    const struct usage *from = is_server ? &r->from.server : &r->from.self;
    const struct usage *to = is_server ? &r->to.server : &r->to.self;
    double messages = (double)(r->to.received - r->from.received);
    double ns = (double)(to->cpu_ns - from->cpu_ns);
    printf("  \"%s\": {\"cpu_us_per_message\": %.4f, \"cores\": %.4f, \"resident_before\": %" PRIu64
           ", \"resident\": %" PRIu64 ", \"bytes_per_connection\": %.0f},\n",
           name, ratio(ns * 1e-3, messages), ratio(ns * 1e-9, seconds_between(&r->from, &r->to)),
           start->resident_bytes, to->resident_bytes, bytes_per_connection);
}

static void json_load(const struct bench *b) {
    const struct bench_options *o = b->options;
    printf("  \"mode\": \"%s\",\n  \"event\": ", bench_mode_name(o->mode));
    json_print_string(stdout, o->event, strlen(o->event));
    printf(",\n  \"transport\": \"%s\",\n  \"connections\": %zu,\n  \"threads\": %zu,\n",
           transport_of(b), o->connections, o->threads);
    if (o->rate > 0) {
        printf("  \"rate\": %zu,\n", o->rate);
    } else {
        printf("  \"window\": %zu,\n", o->window);
    }
    printf("  \"payload\": %zu,\n", o->payload);
}

static void print_json(const struct bench *b, const struct bench_result *r) {
    struct figures f = figure(b, r);
    char system[256];
    system_name(system, sizeof system);
    puts("{");
    json_load(b);
    printf("  \"connected\": {\"count\": %" PRIu64 ", \"seconds\": %.4f, \"per_second\": %.1f",
           r->connected.ready, f.connect_seconds,
           ratio((double)r->connected.ready, f.connect_seconds));
    if (f.has_server) {
        printf(", \"server_cpu_us\": %.3f", f.connect_ns * 1e-3);
    }
    printf("},\n  \"sent\": %" PRIu64 ",\n  \"expected\": %" PRIu64 ",\n  \"received\": %" PRIu64
           ",\n  \"missing\": %" PRIu64 ",\n  \"wrong\": %" PRIu64 ",\n  \"refused\": %" PRIu64
           ",\n  \"lost\": %" PRIu64 ",\n",
           r->end.sent, r->end.expected, r->end.received, bench_missing(b, r), r->end.wrong,
           r->end.refused, r->end.lost);
    printf("  \"measured\": {\"seconds\": %.4f, \"messages\": %" PRIu64
           ", \"per_second\": %.1f, \"interrupted\": %s},\n",
           f.seconds, f.messages, f.per_second, r->interrupted ? "true" : "false");
    json_times("latency_us", &r->latency);
    if (b->options->rate > 0) {
        json_times("sent_late_us", &r->delay);
    }
    if (f.has_server) {
        json_process("server", r, true, f.server_bytes_per_connection);
    }
    json_process("generator", r, false, f.self_bytes_per_connection);
    printf("  \"busiest_thread\": %.4f,\n  \"generator_was_limit\": %s,\n", r->busiest,
           f.is_busy || f.is_late ? "true" : "false");
    printf("  \"versions\": {\"sio\": \"%s\", \"libuv\": \"%s\", \"system\": ", sio_version(),
           uv_version_string());
    json_print_string(stdout, system, strlen(system));
    puts("}\n}");
}

void bench_report(const struct bench *b, const struct bench_result *r) {
    if (b->options->json) {
        print_json(b, r);
    } else {
        print_text(b, r);
    }
}
