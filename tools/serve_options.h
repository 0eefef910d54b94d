/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#ifndef SIO_TOOLS_SERVE_OPTIONS_H
#define SIO_TOOLS_SERVE_OPTIONS_H

/* The command line of `sio serve`. */

#include <sio/server.h>
#include <stdbool.h>
#include <stdint.h>

#include "options.h"

struct serve_options {
    const char *host; /* NULL: all addresses */
    uint16_t port;
    const char *static_dir; /* NULL: the demo page */
    bool no_demo;
    bool quiet;
    char *origins; /* of all --cors, separated by blanks; NULL: none */
    sio_cors cors;
    sio_server_options server; /* complete: no member is left to the defaults of the library */
};

/*
 * Reads the arguments, and the environment variables PORT and DEBUG. Strings of *ret_options are
 * borrowed from both. To be ended by serve_options_done() whatever the result.
 */
enum options_result serve_options_parse(struct serve_options *ret_options, int argc, char **argv);

/* Take the values of --cors and --transports; see struct option_entry. */
const char *serve_origins(void *to, const char *value);
const char *serve_transports(void *to, const char *value);

/* Frees what is owned. */
void serve_options_done(struct serve_options *o);

#endif
