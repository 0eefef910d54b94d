/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "options_help.h"

#include <stdio.h>
#include <string.h>

enum { HELP_COLUMN = 30, COLUMNS = 80, HELP_BYTES = 512 };

enum value_unit options_unit(enum option_kind kind) {
    switch (kind) {
    case OPTION_TIME: return VALUE_TIME;
    case OPTION_BYTES: return VALUE_BYTES;
    default: return VALUE_COUNT;
    }
}

/* Prints a text that starts at `column`, in lines that begin at HELP_COLUMN; '~' is a blank at
 * which no line ends. */
static void print_wrapped(const char *text, size_t column) {
    if (column + 2 > HELP_COLUMN) {
        putchar('\n');
        column = 0;
    }
    printf("%*s", (int)(HELP_COLUMN - column), "");
    column = HELP_COLUMN;
    while (*text != '\0') {
        size_t word = strcspn(text, " ");
        if (column > HELP_COLUMN && column + 1 + word > COLUMNS - 1) {
            printf("\n%*s", HELP_COLUMN, "");
            column = HELP_COLUMN;
        } else if (column > HELP_COLUMN) {
            putchar(' ');
            column++;
        }
        for (size_t i = 0; i < word; i++) {
            putchar(text[i] == '~' ? ' ' : text[i]);
        }
        column += word;
        text += word;
        text += strspn(text, " ");
    }
    putchar('\n');
}

static void print_option(const struct option_entry *o) {
    char text[HELP_BYTES];
    char preset[24] = "";
    const char *format = o->preset == 0 || o->preset == OPTION_NONE ? "%s" : "%s (default:~%s)";
    if (o->kind == OPTION_PORT) {
        format = "%s %s";
    }
    value_format(o->preset, options_unit(o->kind), preset, sizeof preset);
    snprintf(text, sizeof text, format, o->help, preset);
    int column =
        o->letter != 0 ? printf("  -%c, --%s", o->letter, o->name) : printf("      --%s", o->name);
    if (o->arg != NULL) {
        column += printf(" %s", o->arg);
    }
    print_wrapped(text, (size_t)column);
}

void options_help(const struct option_command *command) {
    puts(command->synopsis);
    for (size_t t = 0; t < OPTION_TABLES && command->tables[t] != NULL; t++) {
        const struct option_table *table = command->tables[t];
        for (size_t i = 0; i < table->count; i++) {
            if (table->entries[i].kind == OPTION_TITLE) {
                printf("\n%s:\n", table->entries[i].help);
            } else {
                print_option(&table->entries[i]);
            }
        }
    }
    printf("\n%s\n", command->notes);
}
