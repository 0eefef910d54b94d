/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#ifndef SIO_TOOLS_CHAT_TEXT_H
#define SIO_TOOLS_CHAT_TEXT_H

/* The types of demo/chat/PROTOCOL.md, section "Types", and their JSON. */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Largest sizes in bytes, without the NUL. */
enum { CHAT_LABEL_BYTES = 96, CHAT_TEXT_BYTES = 4000, CHAT_KEY_BYTES = 32 };

/* True when s, which may be NULL, is a good name of a user or room. */
bool chat_is_label(const char *s, size_t len);

/* True when s, which may be NULL, is the good body of a message. */
bool chat_is_text(const char *s, size_t len);

/* True when s, which may be NULL, is a good key of a message. */
bool chat_is_key(const char *s, size_t len);

/*
 * True when a JSON text has an escape of half a surrogate pair. The library reads one as U+FFFD, so
 * this tells a string that held U+FFFD from one that is no Unicode at all.
 */
bool chat_has_lone_surrogate(const char *json, size_t len);

/* Writes a string without NUL as JSON. */
void chat_write_json(FILE *out, const char *s);

#endif
