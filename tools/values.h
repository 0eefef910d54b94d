/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#ifndef SIO_TOOLS_VALUES_H
#define SIO_TOOLS_VALUES_H

/*
 * Numbers as people write them on a command line: "65536", "64k", "1.5" is refused, "30s", "500ms".
 * Only decimal digits and at most one unit behind them; no sign, no blanks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum value_unit {
    VALUE_COUNT, /* no unit */
    VALUE_BYTES, /* k, M, G: 1024, 1024^2, 1024^3 */
    VALUE_TIME   /* ms (as without one), s, m, h; the value is in milliseconds */
};

/* Reads a number; false when it is malformed. One that is too large for 64 bits is UINT64_MAX. */
bool value_parse(const char *text, enum value_unit unit, uint64_t *ret_value);

/* Writes a number in the largest unit that needs no fraction; at most 24 bytes are needed. */
void value_format(uint64_t value, enum value_unit unit, char *buffer, size_t size);

#endif
