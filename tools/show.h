/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#ifndef SIO_TOOLS_SHOW_H
#define SIO_TOOLS_SHOW_H

/*
 * Values, arguments and bytes, shown to people or written for programs. Whatever a server has sent:
 * it cannot do anything to the terminal.
 */

#include <sio/socket.h>
#include <stdbool.h>
#include <stdio.h>

enum show_bytes {
    SHOW_BASE64, /* {"base64":"..."}, for programs */
    SHOW_MARK    /* <3 bytes>, for people, who get show_dumps() as well */
};

/* Writes the arguments of an event or answer as JSON values with `separator` between. */
void show_args(FILE *out, const sio_event *ev, const char *separator, enum show_bytes bytes);

/* Writes one value as JSON. */
void show_value(FILE *out, const sio_val *v, enum show_bytes bytes);

/* Dumps all bytes within the arguments, in lines of their own. */
void show_dumps(FILE *out, const sio_event *ev);

/* Writes bytes in hexadecimal and as ASCII, 16 in each line; of many only the first ones. */
void show_dump(FILE *out, const void *data, size_t len, int indent);

/* Writes text that may be anything: printable ASCII and UTF-8 stay, other bytes become \xNN. Of
 * more than max bytes only the first ones. */
void show_text(FILE *out, const char *text, size_t len, size_t max);

#endif
