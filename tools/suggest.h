/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#ifndef SIO_TOOLS_SUGGEST_H
#define SIO_TOOLS_SUGGEST_H

#include <stddef.h>

/*
 * Looks for what was meant by a mistyped word: fewest insertions, deletions, replacements and swaps
 * of neighbours. Begin with an empty struct, show it every candidate, then read `best`.
 */
struct suggestion {
    const char *best; /* NULL: nothing is near enough */
    size_t distance;
};

/* Compares one more candidate, which has to live as long as `best` is read. */
void suggestion_try(struct suggestion *s, const char *word, const char *candidate);

#endif
