/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#ifndef SIO_TOOLS_ARGS_H
#define SIO_TOOLS_ARGS_H

/*
 * Arguments of events as people type them, on command lines and in `sio connect`:
 *
 *     JSON           what it says; {"base64":"..."} is bytes
 *     @FILE, @-      the bytes of a file, of the standard input
 *     @@TEXT         the text with one @
 *     anything else  a text, as it stands
 */

#include <sio/msg.h>
#include <stdbool.h>
#include <stddef.h>

enum { ARGS_WHY_BYTES = 256 };

/*
 * Makes a message of an event and arguments.
 *
 * event: NULL for an answer
 * literal: all arguments are texts as they stand, whatever they look like
 * ret_why: room for ARGS_WHY_BYTES; gets what is wrong if anything is, "@x: No such file or
 *          directory"
 * Returns 0, to be given back by sio_msg_unref(), or an error of the library or the system.
 */
int args_to_msg(sio_msg **ret_msg, const char *event, char *const *args, size_t count, bool literal,
                char *ret_why);

/* The first argument that begins as JSON and is none, which is likely a mistake; NULL for none. */
const char *args_doubtful(char *const *args, size_t count);

/* Says that an event is not sent, in the manner of args_to_msg(). */
void args_explain(char *ret_why, const char *event, int error);

/*
 * Divides a line into words, in place. Blanks separate them, except within JSON (from a bracket or
 * quote at the begin of a word to its partner) and between single quotes, which are dropped.
 *
 * Returns the number of words, at most max; -1 when there are more, or when a single quote has no
 * partner.
 */
int args_split(char *line, char **ret_words, int max);

#endif
