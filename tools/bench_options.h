/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#ifndef SIO_TOOLS_BENCH_OPTIONS_H
#define SIO_TOOLS_BENCH_OPTIONS_H

/* The command line of `sio bench`. */

#include "client_options.h"

enum bench_mode { BENCH_ECHO, BENCH_ACK, BENCH_CAST, BENCH_IDLE, BENCH_MODES };

struct bench_options {
    struct client_options client; /* first: the common table stores there */
    int mode;                     /* enum bench_mode */
    const char *event;
    size_t connections;
    size_t threads;
    size_t ramp; /* connections per second; 0: as fast as they come */
    size_t window;
    size_t rate; /* messages per second; 0: a window instead */
    uint32_t duration_ms;
    uint32_t warmup_ms;
    size_t payload;
    size_t server_pid; /* 0: unknown */
    bool json;
};

extern const struct option_command bench_command;

/* Names of the modes: "echo". */
const char *bench_mode_name(int mode);

/* Reads the command line; to be ended by client_options_done(&o->client) whatever the result. */
enum options_result bench_options_parse(struct bench_options *ret_options, int argc, char **argv);

#endif
