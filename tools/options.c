/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "options.h"

#include <getopt.h>
#include <sio/log.h>
#include <sio/server.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options_help.h"
#include "suggest.h"
#include "values.h"

/* getopt_long() returns this plus the number of the entry, counted over all tables. */
enum { FIRST_OPTION = 256, OPTIONS_MAX = 64 };

/* A value, where it comes from, and where it goes. */
struct assignment {
    const struct option_command *command;
    const struct option_entry *option;
    const char *source; /* "--port" or "environment variable PORT" */
    const char *value;
    void *to;
};

static bool complain(const struct assignment *a, const char *why) {
    fprintf(stderr, "%s: %s: '%s' %s\n", a->command->name, a->source, a->value, why);
    return false;
}

/* The entry with a number, counted over all tables; NULL past the end. */
static const struct option_entry *entry_at(const struct option_command *command, size_t number) {
    for (size_t t = 0; t < OPTION_TABLES && command->tables[t] != NULL; t++) {
        if (number < command->tables[t]->count) {
            return &command->tables[t]->entries[number];
        }
        number -= command->tables[t]->count;
    }
    return NULL;
}

bool options_has(const struct option_command *command, const char *word) {
    if (strncmp(word, "--", 2) != 0) {
        return false;
    }
    const char *name = word + 2;
    size_t len = strcspn(name, "=");
    const struct option_entry *o = entry_at(command, 0);
    for (size_t i = 1; o != NULL; i++) {
        if (o->name != NULL && strlen(o->name) == len && memcmp(o->name, name, len) == 0) {
            return true;
        }
        o = entry_at(command, i);
    }
    return false;
}

/* ---- values ---- */

/* Without a limit of its own, a number ends where its member of 32 bits does, which is named only
 * to those who have passed it. */
static bool complain_of_range(const struct assignment *a, uint64_t value, uint64_t max) {
    const struct option_entry *o = a->option;
    bool is_below = value < o->min;
    char least[24];
    char most[24];
    char why[128];
    value_format(o->min, options_unit(o->kind), least, sizeof least);
    value_format(max, options_unit(o->kind), most, sizeof most);
    if (o->max == OPTION_NONE) {
        snprintf(why, sizeof why, "is %s %s ('none' for no limit)", is_below ? "below" : "above",
                 is_below ? least : most);
    } else {
        snprintf(why, sizeof why, "is not in the range from %s to %s", least, most);
    }
    return complain(a, why);
}

static void store_number(const struct option_entry *o, void *to, uint64_t value) {
    if (o->kind == OPTION_PORT) {
        *(uint16_t *)to = (uint16_t)value;
    } else if (o->kind == OPTION_TIME || o->kind == OPTION_COUNT) {
        *(uint32_t *)to = value == OPTION_NONE ? SIO_NEVER : (uint32_t)value;
    } else {
        *(size_t *)to = value == OPTION_NONE ? SIO_UNLIMITED : (size_t)value;
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
    const struct option_entry *o = a->option;
    enum value_unit unit = options_unit(o->kind);
    bool may_be_none = o->max == OPTION_NONE;
    uint64_t max = may_be_none ? UINT32_MAX - 1 : o->max;
    uint64_t value = 0;
    if (may_be_none && strcmp(a->value, "none") == 0) {
        store_number(o, a->to, OPTION_NONE);
        return true;
    }
    if (!value_parse(a->value, unit, &value)) {
        return complain(a, form_of(unit));
    }
    if (value < o->min || value > max) {
        return complain_of_range(a, value, max);
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

static bool set_own(const struct assignment *a) {
    const char *why = a->option->set(a->to, a->value);
    return why == NULL || complain(a, why);
}

static bool assign(const struct option_command *command, const struct option_entry *o,
                   void *options, const char *source, const char *value) {
    struct assignment a = {.command = command, .option = o, .source = source, .value = value};
    a.to = (char *)options + o->at;
    switch (o->kind) {
    case OPTION_FLAG: *(bool *)a.to = true; return true;
    case OPTION_TEXT: return set_text(&a);
    case OPTION_PATH: return set_path(&a);
    case OPTION_LEVEL: return set_level(&a);
    case OPTION_OWN: return set_own(&a);
    default: return set_number(&a);
    }
}

/* ---- mistakes ---- */

static enum options_result wrong(const struct option_command *command) {
    fprintf(stderr, "Try '%s --help'.\n", command->name);
    return OPTIONS_WRONG;
}

enum options_result options_wrong(const struct option_command *command, const char *format, ...) {
    va_list args;
    fprintf(stderr, "%s: ", command->name);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    putc('\n', stderr);
    return wrong(command);
}

/* The option that getopt_long() found, by its value or letter; NULL for none. */
static const struct option_entry *option_of(const struct option_command *command, int value) {
    if (value >= FIRST_OPTION) {
        return entry_at(command, (size_t)(value - FIRST_OPTION));
    }
    for (size_t i = 0; value != 0 && entry_at(command, i) != NULL; i++) {
        if (entry_at(command, i)->letter == value) {
            return entry_at(command, i);
        }
    }
    return NULL;
}

/* An option that getopt_long() did not take: unknown, ambiguous, or with an argument too many. */
static enum options_result refuse(const struct option_command *command, const char *word,
                                  int value) {
    const struct option_entry *o = option_of(command, value);
    if (o != NULL) {
        return options_wrong(command, "--%s takes no argument", o->name);
    }
    if (value != 0) {
        return options_wrong(command, "unknown option '-%c'", value);
    }
    char name[64];
    struct suggestion s = {0};
    snprintf(name, sizeof name, "%.*s", (int)strcspn(word, "="), word);
    for (size_t i = 0; entry_at(command, i) != NULL && strlen(name) > 2; i++) {
        if (entry_at(command, i)->name != NULL) {
            suggestion_try(&s, name + 2, entry_at(command, i)->name);
        }
    }
    if (s.best != NULL) {
        return options_wrong(command, "unknown option '%s'; did you mean '--%s'?", name, s.best);
    }
    return options_wrong(command, "unknown option '%s'", name);
}

/* ---- the command line ---- */

static void fill_getopt(const struct option_command *command, struct option *longs, char *shorts) {
    int count = 0;
    *shorts++ = '+'; /* stop at the first argument that is no option */
    *shorts++ = ':'; /* tell a missing argument from an unknown option */
    for (int i = 0; entry_at(command, (size_t)i) != NULL && count < OPTIONS_MAX; i++) {
        const struct option_entry *o = entry_at(command, (size_t)i);
        if (o->kind == OPTION_TITLE) {
            continue;
        }
        int has_arg = o->arg != NULL ? required_argument : no_argument;
        longs[count++] = (struct option){o->name, has_arg, NULL, FIRST_OPTION + i};
        if (o->letter != 0) {
            *shorts++ = o->letter;
            if (o->arg != NULL) {
                *shorts++ = ':';
            }
        }
    }
    *shorts = '\0';
}

static bool take_environment(const struct option_command *command, void *options) {
    for (size_t i = 0; entry_at(command, i) != NULL; i++) {
        const struct option_entry *o = entry_at(command, i);
        const char *value = o->env != NULL ? getenv(o->env) : NULL;
        char source[64];
        snprintf(source, sizeof source, "environment variable %s", o->env != NULL ? o->env : "");
        if (value != NULL && value[0] != '\0' && !assign(command, o, options, source, value)) {
            return false;
        }
    }
    return true;
}

/* Takes one option that getopt_long() has returned. */
static enum options_result take(const struct option_command *command, void *options, char **argv,
                                const char *word, int value) {
    if (value == '?') {
        return refuse(command, argv[optind - 1], optopt);
    }
    if (value == ':') {
        return options_wrong(command, "%s needs an argument", word);
    }
    const struct option_entry *o = option_of(command, value);
    if (o->kind == OPTION_HELP) {
        options_help(command);
        return OPTIONS_HELP;
    }
    char source[64];
    snprintf(source, sizeof source, "--%s", o->name);
    return assign(command, o, options, source, optarg) ? OPTIONS_RUN : wrong(command);
}

void options_preset(const struct option_command *command, void *options) {
    for (size_t i = 0; entry_at(command, i) != NULL; i++) {
        const struct option_entry *o = entry_at(command, i);
        if (o->preset != 0) {
            store_number(o, (char *)options + o->at, o->preset);
        }
    }
}

enum options_result options_parse(const struct option_command *command, void *options, int argc,
                                  char **argv, struct operands *ret_operands) {
    struct option longs[OPTIONS_MAX + 1] = {{0}};
    char shorts[2 * OPTIONS_MAX + 3];
    struct operands operands = {0};
    if (!take_environment(command, options)) {
        return wrong(command);
    }
    fill_getopt(command, longs, shorts);
    opterr = 0;
    optind = 0; /* from the start, although another command line may have been read before */
    for (;;) {
        int next = optind > 0 ? optind : 1;
        int value = getopt_long(argc, argv, shorts, longs, NULL);
        if (value != -1) {
            enum options_result result = take(command, options, argv, argv[next], value);
            if (result != OPTIONS_RUN) {
                return result;
            }
            continue;
        }
        bool ended = optind > next; /* by "--" */
        if (!command->leading || operands.leading != NULL || optind >= argc) {
            break;
        }
        operands.leading = argv[optind];
        optind++;
        if (ended) {
            break;
        }
    }
    operands.rest = argv + optind;
    operands.rest_count = argc - optind;
    *ret_operands = operands;
    return OPTIONS_RUN;
}
