/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "hex.h"

#include <string.h>

static int digit_of(char c) {
    static const char digits[] = "0123456789abcdef";
    const char *at = memchr(digits, c >= 'A' && c <= 'F' ? c | 0x20 : c, sizeof digits - 1);
    return at != NULL ? (int)(at - digits) : -1;
}

bool hex_read(char *text, size_t len, size_t *ret_len) {
    size_t count = 0; /* digits */
    unsigned byte = 0;
    for (size_t i = 0; i < len; i++) {
        int digit = digit_of(text[i]);
        if (digit == 0 && count % 2 == 0 && i + 1 < len && (text[i + 1] | 0x20) == 'x') {
            i++;
        } else if (digit >= 0) {
            byte = byte << 4 | (unsigned)digit;
            count++;
            if (count % 2 == 0) {
                text[count / 2 - 1] = (char)byte;
            }
        } else if (memchr(" \t\r\n:", text[i], 5) == NULL) {
            return false;
        }
    }
    *ret_len = count / 2;
    return count % 2 == 0;
}
