/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#ifndef SIO_TOOLS_FRAMES_H
#define SIO_TOOLS_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/*
 * Explains the WebSocket frames of a captured stream: those of clients, which are masked, and those
 * of servers, also mixed. HTTP heads of the upgrade are skipped. The bytes are unmasked in place.
 *
 * Returns false when a rule is broken somewhere, which is told.
 */
bool frames_explain(FILE *out, char *data, size_t len);

#endif
