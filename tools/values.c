/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "values.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Of each kind the largest unit first. */
static const struct {
    enum value_unit unit;
    const char *suffix;
    uint64_t factor;
} units[] = {
    {VALUE_COUNT, "", 1},         {VALUE_BYTES, "G", 1u << 30}, {VALUE_BYTES, "M", 1u << 20},
    {VALUE_BYTES, "k", 1u << 10}, {VALUE_BYTES, "", 1},         {VALUE_TIME, "h", 3600000},
    {VALUE_TIME, "m", 60000},     {VALUE_TIME, "s", 1000},      {VALUE_TIME, "ms", 1},
    {VALUE_TIME, "", 1},
};

enum { UNITS = sizeof units / sizeof units[0] };

static uint64_t times(uint64_t a, uint64_t b) {
    return a > UINT64_MAX / b ? UINT64_MAX : a * b;
}

bool value_parse(const char *text, enum value_unit unit, uint64_t *ret_value) {
    size_t digits = strspn(text, "0123456789");
    uint64_t value = 0;
    for (size_t i = 0; i < digits; i++) {
        uint64_t digit = (uint64_t)(text[i] - '0');
        value = times(value, 10);
        value = value > UINT64_MAX - digit ? UINT64_MAX : value + digit;
    }
    for (size_t i = 0; digits > 0 && i < UNITS; i++) {
        if (units[i].unit == unit && strcmp(text + digits, units[i].suffix) == 0) {
            *ret_value = times(value, units[i].factor);
            return true;
        }
    }
    return false;
}

void value_format(uint64_t value, enum value_unit unit, char *buffer, size_t size) {
    for (size_t i = 0; i < UNITS; i++) {
        if (units[i].unit == unit && value % units[i].factor == 0 &&
            (value > 0 || units[i].factor == 1)) {
            snprintf(buffer, size, "%" PRIu64 "%s", value / units[i].factor, units[i].suffix);
            return;
        }
    }
}
