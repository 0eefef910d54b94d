/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#ifndef SIO_TOOLS_SERVE_TABLE_H
#define SIO_TOOLS_SERVE_TABLE_H

/* The options of `sio serve`; their values go to a struct serve_options. */

#include "options.h"

extern const struct option_command serve_command;

#endif
