/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "base/sized.h"

#include <sio/error.h>
#include <stdint.h>
#include <string.h>

int sio__sized_copy(void *dst, size_t own_size, const void *src, size_t size) {
    if (size < sizeof(size_t)) {
        return SIO_ERR_INVALID;
    }
    const uint8_t *bytes = src;
    for (size_t i = own_size; i < size; i++) {
        if (bytes[i] != 0) {
            return SIO_ERR_VERSION;
        }
    }
    memset(dst, 0, own_size);
    memcpy(dst, src, size < own_size ? size : own_size);
    memcpy(dst, &own_size, sizeof own_size);
    return 0;
}
