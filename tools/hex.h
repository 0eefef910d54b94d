/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#ifndef SIO_TOOLS_HEX_H
#define SIO_TOOLS_HEX_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Turns hexadecimal digits into bytes, in place: "81 05 48", "8105:48", "0x81 0x05". Blanks, line
 * ends, colons, and 0x in front of digits do not count. Returns false for anything else, and for an
 * odd number of digits.
 */
bool hex_read(char *text, size_t len, size_t *ret_len);

#endif
