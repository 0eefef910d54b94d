/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#ifndef SIO_TOOLS_OPTIONS_HELP_H
#define SIO_TOOLS_OPTIONS_HELP_H

#include "options.h"
#include "values.h"

/* Prints the help of a command, at most 80 columns wide. */
void options_help(const struct option_command *command);

/* In what a kind of option is counted. */
enum value_unit options_unit(enum option_kind kind);

#endif
