/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#ifndef SIO_TOOLS_BASE64_H
#define SIO_TOOLS_BASE64_H

/* Base64 (RFC 4648 section 4), as bytes are written in JSON. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Writes bytes as base64. */
void base64_write(FILE *out, const uint8_t *data, size_t len);

/*
 * Reads base64, with or without padding. `to` has room for 3 bytes for each 4 characters that were
 * begun. Returns false when the text is none.
 */
bool base64_read(const char *text, size_t len, uint8_t *to, size_t *ret_len);

#endif
