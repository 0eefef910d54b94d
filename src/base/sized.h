/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Structures of the public API that begin with their size, so that programs and library may be of
 * different versions (the scheme of openat2(2)).
 */
#ifndef BASE_SIZED_H
#define BASE_SIZED_H

#include <stddef.h>

/**
 * Copies a structure into the layout of this version: what a program of an older version has not
 * set is zero.
 *
 * @param own_size  of the structure as this version knows it
 * @param size      as the program has it: its first member
 * @return 0; SIO_ERR_INVALID when the size was not set; SIO_ERR_VERSION when something is set that
 *         this version does not know
 */
int sio__sized_copy(void *dst, size_t own_size, const void *src, size_t size);

#endif /* BASE_SIZED_H */
