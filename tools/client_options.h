/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#ifndef SIO_TOOLS_CLIENT_OPTIONS_H
#define SIO_TOOLS_CLIENT_OPTIONS_H

/* What the command lines of `sio connect`, `sio emit` and `sio listen` have in common. */

#include <sio/client.h>
#include <stdbool.h>
#include <stdint.h>

#include "options.h"

enum { CLIENT_HEADERS_MAX = 64, CLIENT_WHY_BYTES = 512 };

struct client_headers {
    const char *lines[CLIENT_HEADERS_MAX + 1]; /* NULL-terminated */
    size_t count;
};

/* The log of the client. While it is made, what is wrong is kept instead of written. */
struct client_log {
    sio_log_fn fn;
    void *user;
    bool is_opening;
    char why[CLIENT_WHY_BYTES];
};

struct client_options {
    const char *url;
    const char *auth; /* JSON, or "@FILE" */
    const char *nsp;  /* NULL: that of the URL */
    uint32_t timeout_ms;
    bool ack;   /* emit */
    bool text;  /* emit */
    bool trace; /* connect */
    struct client_headers headers;
    sio_tls tls;
    sio_client_options client;
    struct client_log log;
    char *auth_text; /* of the file */
};

/* The options that the commands share. */
extern const struct option_table client_table;

/* One more, which not all of them have. */
#define CLIENT_NO_RECONNECT                                                                        \
    {                                                                                              \
        .kind = OPTION_FLAG, .name = "no-reconnect",                                               \
        .at = offsetof(struct client_options, client.no_reconnection),                             \
        .help = "do not connect again when the connection is lost or cannot be made"               \
    }

/* Behind the options of each help. */
#define CLIENT_NOTES                                                                               \
    "MS are milliseconds, or with a unit: 500ms, 30s, 5m, 1h. An ARG is JSON, or else\n"           \
    "a text as it stands; {\"base64\":\"AAEC\"} is bytes, @FILE the bytes of a file, @-\n"         \
    "those of the standard input, @@x the text @x.\n"

/*
 * Reads a command line: options, the URL, and more behind it. To be ended by client_options_done()
 * whatever the result.
 */
enum options_result client_options_parse(struct client_options *ret_options,
                                         const struct option_command *command, int argc,
                                         char **argv, struct operands *ret_operands);

/*
 * Makes the client, and says on the standard error why it cannot, in terms of the command line. Its
 * log goes to the standard error unless o->client.log says otherwise. Once for an `o`, in which the
 * client's log is then.
 *
 * Returns EXIT_OK, EXIT_USAGE or EXIT_FAILED.
 */
int client_options_open(struct client_options *o, const struct option_command *command,
                        sio_client **ret_client);

/* Frees what is owned; clients that were made with the options are freed before. */
void client_options_done(struct client_options *o);

#endif
