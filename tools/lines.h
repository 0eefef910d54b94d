/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#ifndef SIO_TOOLS_LINES_H
#define SIO_TOOLS_LINES_H

/* Lines out of a descriptor that is read when it has something. Begin with an empty struct. */

#include <stdbool.h>
#include <stddef.h>

struct lines {
    char *data;
    size_t start; /* of what was not given out yet */
    size_t len;
    size_t room;
    bool end; /* nothing more will come */
};

/* Reads once. At the end of the input, and when it cannot be read, `end` is set. */
void lines_read(struct lines *l, int fd);

/* The next whole line, without its end; after the end of the input also a last one without. Valid
 * until the next call of either function; may be written to. NULL: there is none. */
char *lines_next(struct lines *l);

void lines_done(struct lines *l);

#endif
