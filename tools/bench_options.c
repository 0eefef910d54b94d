/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "bench_options.h"

#include <limits.h>
#include <string.h>

static const char *const mode_names[BENCH_MODES] = {"echo", "ack", "cast", "idle"};

const char *bench_mode_name(int mode) {
    return mode_names[mode];
}

static const char *set_mode(void *to, const char *value) {
    for (int i = 0; i < BENCH_MODES; i++) {
        if (strcmp(value, mode_names[i]) == 0) {
            *(int *)to = i;
            return NULL;
        }
    }
    return "is not echo, ack, cast or idle";
}

#define AT(member) offsetof(struct bench_options, member)

/* clang-format off */
static const struct option_entry entries[] = {
    {.kind = OPTION_TITLE, .help = "Load"},
    {.kind = OPTION_OWN, .letter = 'm', .name = "mode", .arg = "MODE", .at = AT(mode),
     .set = set_mode,
     .help = "what the server does with the event: echo: sends it back; ack: acknowledges it; "
             "cast: sends it to all; each with the same arguments; idle: nothing is sent "
             "(default:~echo)"},
    {.kind = OPTION_TEXT, .name = "event", .arg = "NAME", .at = AT(event),
     .help = "event to send (default: echo, ack or cast)"},
    {.kind = OPTION_TOTAL, .letter = 'c', .name = "connections", .arg = "N",
     .at = AT(connections), .min = 1, .max = 1000000, .preset = 100,
     .help = "clients, each with a connection of its own"},
    {.kind = OPTION_TOTAL, .name = "ramp", .arg = "N", .at = AT(ramp), .min = 1, .max = 1000000,
     .help = "new connections per second (default: as many as the server takes)"},
    {.kind = OPTION_TOTAL, .letter = 'j', .name = "threads", .arg = "N", .at = AT(threads),
     .min = 1, .max = 256, .preset = 1,
     .help = "threads among which the connections are divided"},
    {.kind = OPTION_TOTAL, .letter = 'w', .name = "window", .arg = "N", .at = AT(window),
     .min = 1, .max = 100000,
     .help = "messages that each connection has under way, the next one when one comes back "
             "(default:~1)"},
    {.kind = OPTION_TOTAL, .letter = 'r', .name = "rate", .arg = "N", .at = AT(rate), .min = 1,
     .max = 100000000,
     .help = "messages per second in all, whatever comes back, instead of a window; latencies "
             "count from the time at which a message was due"},
    {.kind = OPTION_TIME, .letter = 'd', .name = "duration", .arg = "MS", .at = AT(duration_ms),
     .min = 1, .max = INT_MAX, .preset = 5000, .help = "time to measure"},
    {.kind = OPTION_TIME, .name = "warmup", .arg = "MS", .at = AT(warmup_ms), .min = 0,
     .max = INT_MAX, .preset = 500, .help = "time under load before"},
    {.kind = OPTION_BYTES, .letter = 's', .name = "payload", .arg = "N", .at = AT(payload),
     .min = 0, .max = 1 << 24, .preset = 32, .help = "bytes of text in each message"},

    {.kind = OPTION_TITLE, .help = "Result"},
    {.kind = OPTION_TOTAL, .letter = 'p', .name = "server-pid", .arg = "PID",
     .at = AT(server_pid), .min = 1, .max = INT_MAX,
     .help = "process of the server on this machine, to tell its time per message and memory"},
    {.kind = OPTION_FLAG, .name = "json", .at = AT(json),
     .help = "print the result as JSON"},
};
/* clang-format on */

static const struct option_table table = {entries, sizeof entries / sizeof entries[0]};

const struct option_command bench_command = {
    .name = "sio bench",
    .synopsis = "Usage: sio bench [OPTION]... URL\n"
                "\n"
                "Puts a server under load, and tells how many messages it has answered, how\n"
                "fast, and what that has cost. Every message has to come back; what is missing\n"
                "is told. The server has to answer the event: see --mode, and for a server that\n"
                "does, examples/bench_server.c.",
    .notes = "Without --transport it is websocket. MS are milliseconds, or with a unit:\n"
             "500ms, 30s, 5m; bytes have k or M.\n"
             "\n"
             "Exit status: 0 everything came back, 1 failure, 2 wrong command line, 3 could\n"
             "not connect, 4 refused by the server, 5 messages are missing, 6 connections\n"
             "were lost.\n"
             "\n"
             "Examples:\n"
             "  sio bench -c 1000 -w 8 -p $(pidof my_server) http://localhost:3000\n"
             "  sio bench --mode ack --rate 20000 --duration 30s http://localhost:3000\n"
             "  sio bench --mode idle -c 10000 --ramp 2000 --json https://example.com/chat",
    .tables = {&table, &client_table},
    .leading = true,
};

static enum options_result check(struct bench_options *o) {
    if (o->rate > 0 && o->window > 0) {
        return options_wrong(&bench_command, "--rate and --window exclude each other");
    }
    if (o->mode == BENCH_IDLE && (o->rate > 0 || o->window > 0 || o->event != NULL)) {
        return options_wrong(&bench_command, "--mode idle sends nothing");
    }
    if (o->threads > o->connections) {
        return options_wrong(&bench_command, "there are more --threads than --connections");
    }
    return OPTIONS_RUN;
}

enum options_result bench_options_parse(struct bench_options *ret_options, int argc, char **argv) {
    struct bench_options *o = ret_options;
    struct operands operands;
    memset(o, 0, sizeof *o);
    enum options_result result =
        client_options_parse(&o->client, &bench_command, argc, argv, &operands);
    if (result != OPTIONS_RUN) {
        return result;
    }
    if (operands.rest_count > 0) {
        return options_wrong(&bench_command, "unexpected argument '%s'", operands.rest[0]);
    }
    result = check(o);
    if (o->window == 0) {
        o->window = 1;
    }
    if (o->event == NULL) {
        o->event = mode_names[o->mode];
    }
    if (o->client.client.transports[0] == 0) {
        o->client.client.transports[0] = SIO_WEBSOCKET;
    }
    o->client.client.no_reconnection = true;
    return result;
}
