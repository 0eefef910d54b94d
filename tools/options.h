/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#ifndef SIO_TOOLS_OPTIONS_H
#define SIO_TOOLS_OPTIONS_H

/*
 * Command lines. The options of a command are a table, from which they are read and explained: so
 * help, defaults and limits are always those that count. Values go to members of a structure of the
 * command, at the offsets that the table names.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_kind {
    OPTION_TITLE, /* no option: `help` is the title of a group */
    OPTION_FLAG,  /* bool */
    OPTION_TEXT,  /* const char *, not empty */
    OPTION_PORT,  /* uint16_t */
    OPTION_PATH,  /* const char *: a path of a URL */
    OPTION_LEVEL, /* int, enum sio_log_level */
    OPTION_TIME,  /* uint32_t, milliseconds */
    OPTION_COUNT, /* uint32_t */
    OPTION_TOTAL, /* size_t, a number of things */
    OPTION_BYTES, /* size_t */
    OPTION_OWN,   /* `set` of the entry knows */
    OPTION_HELP   /* prints the help */
};

/* Numbers of which the word "none" is a name: no limit. */
#define OPTION_NONE UINT64_MAX

struct option_entry {
    enum option_kind kind;
    char letter; /* short form, or 0 */
    const char *name;
    const char *arg; /* name of the argument, NULL for none */
    const char *help;
    size_t at;       /* where the value is in the structure */
    uint64_t min;    /* of numbers */
    uint64_t max;    /* OPTION_NONE: "none" is allowed */
    uint64_t preset; /* default of numbers, printed in the help */
    const char *env; /* variable whose value is the default, unless it is empty; NULL: none */

    /* Stores a value, which is borrowed for as long as the process runs. Returns NULL, or what is
     * wrong with it: "is not ...". */
    const char *(*set)(void *to, const char *value);
};

struct option_table {
    const struct option_entry *entries;
    size_t count;
};

enum { OPTION_TABLES = 4 };

struct option_command {
    const char *name;     /* "sio serve" */
    const char *synopsis; /* printed before the options */
    const char *notes;    /* and behind them */
    const struct option_table *tables[OPTION_TABLES];
    bool leading; /* options may stand before and behind the first argument; else only before it */
};

/* What to do next. */
enum options_result {
    OPTIONS_RUN,  /* what the command is for */
    OPTIONS_HELP, /* nothing: help was asked for and printed */
    OPTIONS_WRONG /* nothing: the command line is wrong, which was said */
};

/* The arguments that are no options; borrowed from argv. */
struct operands {
    char *leading; /* the first one, if the command has such; NULL: there is none */
    char **rest;   /* those behind */
    int rest_count;
};

/* Stores the defaults of the numbers in *options, which is zero otherwise. */
void options_preset(const struct option_command *command, void *options);

/* Reads arguments and environment. Texts in *options are borrowed from both. */
enum options_result options_parse(const struct option_command *command, void *options, int argc,
                                  char **argv, struct operands *ret_operands);

/* True for a word that is an option of the command: "--ack" or "--timeout=5s". */
bool options_has(const struct option_command *command, const char *word);

/* Says on the standard error that the command line is wrong, and where help is. */
enum options_result options_wrong(const struct option_command *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
