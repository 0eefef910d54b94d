/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "status_page.h"

#include <ctype.h>
#include <inttypes.h>
#include <sio/reason.h>
#include <sio/version.h>
#include <stdio.h>
#include <stdlib.h>

#include "answer.h"

static const struct {
    const char *name;
    const char *type;
    const char *help;
    size_t at;
} metrics[] = {
#define GAUGE(name, help)                                                                          \
    { "sio_" #name, "gauge", (help), offsetof(sio_stats, name) }
#define COUNTER(name, field, help)                                                                 \
    { "sio_" #name "_total", "counter", (help), offsetof(sio_stats, field) }
    GAUGE(connections, "TCP connections now."),
    GAUGE(sessions, "Engine.IO sessions now."),
    GAUGE(polling_sessions, "Sessions on HTTP long-polling now."),
    GAUGE(websocket_sessions, "Sessions on WebSocket now."),
    GAUGE(sockets, "Sockets in namespaces now."),
    GAUGE(namespaces, "Namespaces now."),
    GAUGE(rooms, "Rooms now, those of single sockets not counted."),
    COUNTER(connections, connections_total, "Accepted TCP connections."),
    COUNTER(sessions, sessions_total, "Engine.IO handshakes."),
    COUNTER(upgrades, upgrades_total, "Completed upgrades to WebSocket."),
    COUNTER(packets_in, packets_in, "Engine.IO packets received."),
    COUNTER(packets_out, packets_out, "Engine.IO packets sent."),
    COUNTER(bytes_in, bytes_in, "Bytes read from connections."),
    COUNTER(bytes_out, bytes_out, "Bytes written to connections."),
    COUNTER(events_in, events_in, "Socket.IO events dispatched."),
    COUNTER(broadcasts, broadcasts, "Broadcasts."),
    COUNTER(deliveries, deliveries, "Copies of broadcasts handed to connections."),
    COUNTER(volatile_dropped, volatile_dropped, "Volatile messages dropped."),
#undef GAUGE
#undef COUNTER
};

static uint64_t value_at(const sio_stats *stats, size_t at) {
    return *(const uint64_t *)(const void *)((const char *)stats + at);
}

struct page {
    const sio_stats *stats;
    time_t uptime;
    const char *type;
    void (*write)(const struct page *page, FILE *out);
};

/* Writes a page to memory, and answers with it. */
static void answer_page(const struct page *page, sio_response *res) {
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (out != NULL) {
        page->write(page, out);
    }
    if (out == NULL || fclose(out) != 0) {
        answer_text(res, 503, "out of memory");
    } else {
        answer_body(res, &(struct representation){.type = page->type, .cache = "no-store"}, text,
                    len);
    }
    free(text);
}

static void write_health(const struct page *page, FILE *out) {
    const sio_stats *stats = page->stats;
    fprintf(out, "{\"status\":\"ok\",\"version\":\"%s\",\"uptime\":%jd,", sio_version(),
            (intmax_t)page->uptime);
    fprintf(out, "\"connections\":%" PRIu64 ",\"sessions\":%" PRIu64 ",\"sockets\":%" PRIu64 "}\n",
            stats->connections, stats->sessions, stats->sockets);
}

void status_page_health(const sio_server *server, time_t uptime, const sio_request *req,
                        sio_response *res) {
    sio_stats stats = {.size = sizeof stats};
    if (answer_allows(req, res)) {
        sio_server_stats(server, &stats);
        answer_page(&(struct page){.stats = &stats,
                                   .uptime = uptime,
                                   .type = "application/json; charset=utf-8",
                                   .write = write_health},
                    res);
    }
}

static void write_head(FILE *out, const char *name, const char *type, const char *help) {
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* Reasons go by their texts, which every client knows; causes by their names in lower case. */
static void write_labelled(FILE *out, const sio_stats *stats) {
    write_head(out, "sio_disconnects_total", "counter", "Disconnected sockets by reason.");
    size_t reasons = sizeof stats->reasons / sizeof stats->reasons[0];
    for (size_t i = 1; i < reasons; i++) {
        fprintf(out, "sio_disconnects_total{reason=\"%s\"} %" PRIu64 "\n", sio_reason_text((int)i),
                stats->reasons[i]);
    }
    write_head(out, "sio_causes_total", "counter", "Ended or refused connections by cause.");
    for (int i = 1; i < SIO_CAUSE_COUNT; i++) {
        fputs("sio_causes_total{cause=\"", out);
        for (const char *c = sio_cause_name(i); *c != '\0'; c++) {
            putc(tolower((unsigned char)*c), out);
        }
        fprintf(out, "\"} %" PRIu64 "\n", stats->causes[i]);
    }
}

static void write_metrics(const struct page *page, FILE *out) {
    write_head(out, "sio_info", "gauge", "Version of the server.");
    fprintf(out, "sio_info{version=\"%s\"} 1\n", sio_version());
    write_head(out, "sio_uptime_seconds", "gauge", "Seconds since the start.");
    fprintf(out, "sio_uptime_seconds %jd\n", (intmax_t)page->uptime);
    for (size_t i = 0; i < sizeof metrics / sizeof metrics[0]; i++) {
        write_head(out, metrics[i].name, metrics[i].type, metrics[i].help);
        fprintf(out, "%s %" PRIu64 "\n", metrics[i].name, value_at(page->stats, metrics[i].at));
    }
    write_labelled(out, page->stats);
}

void status_page_metrics(const sio_server *server, time_t uptime, const sio_request *req,
                         sio_response *res) {
    sio_stats stats = {.size = sizeof stats};
    if (answer_allows(req, res)) {
        sio_server_stats(server, &stats);
        answer_page(&(struct page){.stats = &stats,
                                   .uptime = uptime,
                                   .type = "text/plain; version=0.0.4; charset=utf-8",
                                   .write = write_metrics},
                    res);
    }
}
