/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The version of the library, as it was compiled.
 */
#include <sio/version.h>

const char *sio_version(void) {
    return SIO_VERSION_STRING;
}
