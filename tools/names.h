/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#ifndef SIO_TOOLS_NAMES_H
#define SIO_TOOLS_NAMES_H

#include <stddef.h>

/* Names of events that were seen, for completion. Begin with an empty struct. */

enum { NAMES_MAX = 256 };

struct names {
    char *items[NAMES_MAX];
    size_t count;
};

/* Adds a name, unless it is known, there are too many, or it cannot be typed as it is (with blanks,
 * quotes or control characters: a server may call its events as it likes). */
void names_add(struct names *n, const char *name);

void names_done(struct names *n);

#endif
