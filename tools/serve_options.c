/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "serve_options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "serve_table.h"
#include "suggest.h"
#include "values.h"

/* getopt_long() returns this plus the index in the table. */
enum { FIRST_OPTION = 256, OPTIONS_MAX = 64 };

/* A value, where it comes from, and where it goes. */
struct assignment {
    const struct serve_option *option;
    const char *source; /* "--port" or "environment variable PORT" */
    const char *value;
    void *to;
};

static bool complain(const struct assignment *a, const char *why) {
    fprintf(stderr, "sio serve: %s: '%s' %s\n", a->source, a->value, why);
    return false;
}

/* ---- values ---- */

static enum value_unit unit_of(const struct serve_option *o) {
    switch (o->kind) {
    case SERVE_TIME: return VALUE_TIME;
    case SERVE_BYTES: return VALUE_BYTES;
    default: return VALUE_COUNT;
    }
}

static void store_number(const struct serve_option *o, void *to, uint64_t value) {
    if (o->kind == SERVE_PORT) {
        *(uint16_t *)to = (uint16_t)value;
    } else if (o->kind == SERVE_TIME || o->kind == SERVE_COUNT) {
        *(uint32_t *)to = value == SERVE_NONE ? SIO_NEVER : (uint32_t)value;
    } else {
        *(size_t *)to = value == SERVE_NONE ? SIO_UNLIMITED : (size_t)value;
    }
}

static const char *form_of(enum value_unit unit) {
    switch (unit) {
    case VALUE_TIME: return "is not a time such as 500, 500ms, 30s, 5m or 1h";
    case VALUE_BYTES: return "is not a number of bytes such as 1000000, 64k, 10M or 1G";
    default: return "is not a number";
    }
}

static bool set_number(const struct assignment *a) {
    const struct serve_option *o = a->option;
    bool may_be_none = o->max == SERVE_NONE;
    uint64_t max = may_be_none ? UINT32_MAX - 1 : o->max;
    uint64_t value = 0;
    if (may_be_none && strcmp(a->value, "none") == 0) {
        store_number(o, a->to, SERVE_NONE);
        return true;
    }
    if (!value_parse(a->value, unit_of(o), &value)) {
        return complain(a, form_of(unit_of(o)));
    }
    if (value < o->min || value > max) {
        char least[24];
        char most[24];
        char why[128];
        value_format(o->min, unit_of(o), least, sizeof least);
        value_format(max, unit_of(o), most, sizeof most);
        snprintf(why, sizeof why, "is not in the range from %s to %s%s", least, most,
                 may_be_none ? " ('none' for no limit)" : "");
        return complain(a, why);
    }
    store_number(o, a->to, value);
    return true;
}

static bool set_text(const struct assignment *a) {
    if (a->value[0] == '\0') {
        return complain(a, "must not be empty");
    }
    *(const char **)a->to = a->value;
    return true;
}

static bool set_path(const struct assignment *a) {
    if (a->value[0] != '/') {
        return complain(a, "does not begin with '/'");
    }
    for (const char *p = a->value; *p != '\0'; p++) {
        if (*p <= ' ' || *p >= 0x7f || strchr("?#\"<>\\^`{|}", *p) != NULL) {
            return complain(a, "holds a character that cannot stand in a path");
        }
    }
    *(const char **)a->to = a->value;
    return true;
}

static bool set_level(const struct assignment *a) {
    int level = sio_log_level_parse(a->value);
    if (level < 0) {
        return complain(a, "is not one of none, error, warn, info, debug");
    }
    *(int *)a->to = level;
    return true;
}

static bool is_word(const char *s, size_t len, const char *word) {
    return len == strlen(word) && memcmp(s, word, len) == 0;
}

static bool set_transports(const struct assignment *a) {
    unsigned transports = 0;
    const char *p = a->value;
    for (;;) {
        size_t len = strcspn(p, ",");
        if (is_word(p, len, "polling")) {
            transports |= SIO_POLLING;
        } else if (is_word(p, len, "websocket")) {
            transports |= SIO_WEBSOCKET;
        } else {
            return complain(a, "is not a list of polling and websocket, separated by a comma");
        }
        if (p[len] == '\0') {
            break;
        }
        p += len + 1;
    }
    *(unsigned *)a->to = transports;
    return true;
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

static bool add_origins(const struct assignment *a) {
    char **origins = a->to;
    const char *p = a->value + strspn(a->value, " ");
    if (*p == '\0') {
        return complain(a, "must not be empty");
    }
    while (*p != '\0') {
        size_t len = strcspn(p, " ");
        if (!is_origin(p, len)) {
            return complain(a, "is not '*' or an origin such as https://example.com, without a "
                               "path or a slash at its end");
        }
        p += len;
        p += strspn(p, " ");
    }
    char *all = NULL;
    int n = *origins == NULL ? asprintf(&all, "%s", a->value)
                             : asprintf(&all, "%s %s", *origins, a->value);
    if (n < 0) {
        return complain(a, "cannot be stored: out of memory");
    }
    free(*origins);
    *origins = all;
    return true;
}

static bool assign(const struct assignment *a) {
    switch (a->option->kind) {
    case SERVE_FLAG: *(bool *)a->to = true; return true;
    case SERVE_TEXT: return set_text(a);
    case SERVE_PATH: return set_path(a);
    case SERVE_ORIGINS: return add_origins(a);
    case SERVE_TRANSPORTS: return set_transports(a);
    case SERVE_LEVEL: return set_level(a);
    default: return set_number(a);
    }
}

/* ---- the command line ---- */

static int fill_getopt(struct option *longs, char *shorts) {
    int count = 0;
    *shorts++ = ':'; /* tell a missing argument from an unknown option */
    for (size_t i = 0; i < serve_table_count && count < OPTIONS_MAX; i++) {
        const struct serve_option *o = &serve_table[i];
        if (o->kind == SERVE_TITLE) {
            continue;
        }
        int has_arg = o->arg != NULL ? required_argument : no_argument;
        longs[count++] = (struct option){o->name, has_arg, NULL, FIRST_OPTION + (int)i};
        if (o->letter != 0) {
            *shorts++ = o->letter;
            if (o->arg != NULL) {
                *shorts++ = ':';
            }
        }
    }
    *shorts = '\0';
    return count;
}

/* The option that getopt_long() found, by its value or letter; NULL for none. */
static const struct serve_option *option_of(int value) {
    if (value >= FIRST_OPTION) {
        return &serve_table[value - FIRST_OPTION];
    }
    for (size_t i = 0; i < serve_table_count; i++) {
        if (value != 0 && serve_table[i].letter == value) {
            return &serve_table[i];
        }
    }
    return NULL;
}

static enum serve_options_result wrong(void) {
    fputs("Try 'sio serve --help'.\n", stderr);
    return SERVE_OPTIONS_WRONG;
}

/* An option that getopt_long() did not take: unknown, ambiguous, or with an argument too many. */
static enum serve_options_result refuse(const char *word, int value) {
    const struct serve_option *o = option_of(value);
    if (o != NULL) {
        fprintf(stderr, "sio serve: --%s takes no argument\n", o->name);
        return wrong();
    }
    if (value != 0) {
        fprintf(stderr, "sio serve: unknown option '-%c'\n", value);
        return wrong();
    }
    char name[64];
    struct suggestion s = {0};
    snprintf(name, sizeof name, "%.*s", (int)strcspn(word, "="), word);
    for (size_t i = 0; i < serve_table_count; i++) {
        if (serve_table[i].name != NULL && strlen(name) > 2) {
            suggestion_try(&s, name + 2, serve_table[i].name);
        }
    }
    fprintf(stderr, "sio serve: unknown option '%s'", name);
    if (s.best != NULL) {
        fprintf(stderr, "; did you mean '--%s'?", s.best);
    }
    putc('\n', stderr);
    return wrong();
}

static bool assign_option(struct serve_options *options, const struct serve_option *o,
                          const char *source, const char *value) {
    struct assignment a = {.option = o, .source = source, .value = value};
    a.to = (char *)options + o->at;
    return assign(&a);
}

static enum serve_options_result parse_arguments(struct serve_options *options, int argc,
                                                 char **argv) {
    struct option longs[OPTIONS_MAX + 1] = {{0}};
    char shorts[2 * OPTIONS_MAX + 2];
    fill_getopt(longs, shorts);
    opterr = 0;
    optind = 1;
    for (;;) {
        const char *word = optind < argc ? argv[optind] : "";
        int value = getopt_long(argc, argv, shorts, longs, NULL);
        if (value == -1) {
            break;
        }
        if (value == '?') {
            return refuse(argv[optind - 1], optopt);
        }
        if (value == ':') {
            fprintf(stderr, "sio serve: %s needs an argument\n", word);
            return wrong();
        }
        const struct serve_option *o = option_of(value);
        if (o->kind == SERVE_HELP) {
            serve_table_print();
            return SERVE_OPTIONS_HELP;
        }
        char source[64];
        snprintf(source, sizeof source, "--%s", o->name);
        if (!assign_option(options, o, source, optarg)) {
            return wrong();
        }
    }
    if (optind < argc) {
        fprintf(stderr, "sio serve: unexpected argument '%s' (a directory goes behind --static)\n",
                argv[optind]);
        return wrong();
    }
    return SERVE_OPTIONS_RUN;
}

/* ---- all together ---- */

static void set_presets(struct serve_options *options) {
    memset(options, 0, sizeof *options);
    sio_server_options_init(&options->server);
    for (size_t i = 0; i < serve_table_count; i++) {
        const struct serve_option *o = &serve_table[i];
        if (o->preset != 0) {
            store_number(o, (char *)options + o->at, o->preset);
        }
    }
    options->server.path = "/socket.io";
    options->server.transports = SIO_POLLING | SIO_WEBSOCKET;
    options->server.log_level = SIO_LOG_WARN;
}

/* Defaults from the environment; variables that are empty do not count. */
static bool take_environment(struct serve_options *options) {
    const char *port = getenv("PORT");
    const char *debug = getenv("DEBUG");
    for (size_t i = 0; port != NULL && port[0] != '\0' && i < serve_table_count; i++) {
        if (serve_table[i].kind == SERVE_PORT &&
            !assign_option(options, &serve_table[i], "environment variable PORT", port)) {
            return false;
        }
    }
    options->server.debug = debug != NULL && debug[0] != '\0' ? debug : NULL;
    return true;
}

/* Rules that concern several options. */
static bool is_consistent(const struct serve_options *options) {
    const sio_server_options *o = &options->server;
    if (o->send_high_water_bytes > o->send_soft_bytes || o->send_soft_bytes > o->send_hard_bytes) {
        fprintf(stderr,
                "sio serve: --send-high-water (%zu bytes), --send-soft (%zu) and --send-hard (%zu) "
                "must not decrease in this order\n",
                o->send_high_water_bytes, o->send_soft_bytes, o->send_hard_bytes);
        return false;
    }
    return true;
}

enum serve_options_result serve_options_parse(struct serve_options *ret_options, int argc,
                                              char **argv) {
    set_presets(ret_options);
    if (!take_environment(ret_options)) {
        return wrong();
    }
    enum serve_options_result result = parse_arguments(ret_options, argc, argv);
    if (result == SERVE_OPTIONS_RUN && !is_consistent(ret_options)) {
        result = wrong();
    }
    if (ret_options->origins != NULL) {
        ret_options->cors = (sio_cors){.size = sizeof(sio_cors), .origin = ret_options->origins};
        ret_options->server.cors = &ret_options->cors;
    }
    return result;
}

void serve_options_done(struct serve_options *o) {
    free(o->origins);
    o->origins = NULL;
}
