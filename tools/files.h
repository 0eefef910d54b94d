/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#ifndef SIO_TOOLS_FILES_H
#define SIO_TOOLS_FILES_H

#include <stddef.h>

/*
 * Reads a file as a whole; "-" is the standard input. A NUL is put behind its bytes. Returns 0 or a
 * negative errno; the data is to be freed.
 */
int file_read(const char *name, char **ret_data, size_t *ret_len);

#endif
