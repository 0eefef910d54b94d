/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#ifndef SIO_TOOLS_SERVE_TABLE_H
#define SIO_TOOLS_SERVE_TABLE_H

/*
 * The options of `sio serve` as a table, from which they are read and explained: so help, defaults
 * and limits are always those that count.
 */

#include <stddef.h>
#include <stdint.h>

enum serve_kind {
    SERVE_TITLE,      /* no option: `help` is the title of a group */
    SERVE_FLAG,       /* bool */
    SERVE_TEXT,       /* const char *, not empty */
    SERVE_PORT,       /* uint16_t */
    SERVE_PATH,       /* const char *: a path of a URL */
    SERVE_ORIGINS,    /* char *: several origins, which add up */
    SERVE_TRANSPORTS, /* unsigned */
    SERVE_LEVEL,      /* int */
    SERVE_TIME,       /* uint32_t, milliseconds */
    SERVE_COUNT,      /* uint32_t */
    SERVE_TOTAL,      /* size_t, a number of things */
    SERVE_BYTES,      /* size_t */
    SERVE_HELP        /* prints the help */
};

/* Numbers of which the word "none" is a name: no limit. */
#define SERVE_NONE UINT64_MAX

struct serve_option {
    enum serve_kind kind;
    char letter; /* short form, or 0 */
    const char *name;
    const char *arg; /* name of the argument, NULL for none */
    const char *help;
    size_t at;       /* where the value is in struct serve_options */
    uint64_t min;    /* of numbers */
    uint64_t max;    /* SERVE_NONE: "none" is allowed */
    uint64_t preset; /* default of numbers, printed in the help */
};

extern const struct serve_option serve_table[];
extern const size_t serve_table_count;

/* Prints the help, at most 80 columns wide. */
void serve_table_print(void);

#endif
