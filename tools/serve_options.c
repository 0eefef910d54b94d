/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "serve_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "serve_table.h"

/* ---- values of its own ---- */

static bool is_word(const char *s, size_t len, const char *word) {
    return len == strlen(word) && memcmp(s, word, len) == 0;
}

const char *serve_transports(void *to, const char *value) {
    unsigned transports = 0;
    const char *p = value;
    for (;;) {
        size_t len = strcspn(p, ",");
        if (is_word(p, len, "polling")) {
            transports |= SIO_POLLING;
        } else if (is_word(p, len, "websocket")) {
            transports |= SIO_WEBSOCKET;
        } else {
            return "is not a list of polling and websocket, separated by a comma";
        }
        if (p[len] == '\0') {
            break;
        }
        p += len + 1;
    }
    *(unsigned *)to = transports;
    return NULL;
}

/* "*", "null", or scheme "://" host and port, and nothing behind (RFC 6454 6.2). */
static bool is_origin(const char *s, size_t len) {
    if (is_word(s, len, "*") || is_word(s, len, "null")) {
        return true;
    }
    const char *mark = memmem(s, len, "://", 3);
    if (mark == NULL || mark == s || mark + 3 == s + len) {
        return false;
    }
    for (const char *p = mark + 3; p < s + len; p++) {
        if (*p <= ' ' || *p >= 0x7f || strchr("/?#@*,\\", *p) != NULL) {
            return false;
        }
    }
    return true;
}

const char *serve_origins(void *to, const char *value) {
    char **origins = to;
    const char *p = value + strspn(value, " ");
    if (*p == '\0') {
        return "must not be empty";
    }
    while (*p != '\0') {
        size_t len = strcspn(p, " ");
        if (!is_origin(p, len)) {
            return "is not '*' or an origin such as https://example.com, without a path or a "
                   "slash at its end";
        }
        p += len;
        p += strspn(p, " ");
    }
    char *all = NULL;
    int n =
        *origins == NULL ? asprintf(&all, "%s", value) : asprintf(&all, "%s %s", *origins, value);
    if (n < 0) {
        return "cannot be stored: out of memory";
    }
    free(*origins);
    *origins = all;
    return NULL;
}

/* ---- all together ---- */

/* The thresholds of the send queue, of which each includes the one before. */
static enum options_result check_queues(const sio_server_options *o) {
    if (o->send_high_water_bytes > o->send_soft_bytes || o->send_soft_bytes > o->send_hard_bytes) {
        return options_wrong(&serve_command,
                             "--send-high-water (%zu bytes), --send-soft (%zu) and --send-hard "
                             "(%zu) must not decrease in this order",
                             o->send_high_water_bytes, o->send_soft_bytes, o->send_hard_bytes);
    }
    return OPTIONS_RUN;
}

enum options_result serve_options_parse(struct serve_options *ret_options, int argc, char **argv) {
    struct serve_options *o = ret_options;
    struct operands operands;
    memset(o, 0, sizeof *o);
    sio_server_options_init(&o->server);
    o->server.path = "/socket.io";
    o->server.transports = SIO_POLLING | SIO_WEBSOCKET;
    o->server.log_level = SIO_LOG_WARN;
    options_preset(&serve_command, o);
    enum options_result result = options_parse(&serve_command, o, argc, argv, &operands);
    if (result != OPTIONS_RUN) {
        return result;
    }
    if (operands.rest_count > 0) {
        return options_wrong(&serve_command,
                             "unexpected argument '%s' (a directory goes behind --static)",
                             operands.rest[0]);
    }
    if (o->origins != NULL) {
        o->cors = (sio_cors){.size = sizeof(sio_cors), .origin = o->origins};
        o->server.cors = &o->cors;
    }
    return check_queues(&o->server);
}

void serve_options_done(struct serve_options *o) {
    free(o->origins);
    o->origins = NULL;
}
