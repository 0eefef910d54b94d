/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Unpacking: taking values apart by a format, as described in <sio/value.h>.
 *
 * A format is followed from left to right with a stack of open brackets, no recursion. Where a
 * value is missing and may be so, the pointers that belong to it are stepped over.
 */
#ifndef SIO_PROTO_UNPACK_H
#define SIO_PROTO_UNPACK_H

#include <stdarg.h>

#include "proto/value.h"

/** Deepest nesting of brackets in a format. */
#define UNPACK_MAX_DEPTH 32

/**
 * Takes arguments apart: each item of the format is one argument. Further arguments are ignored, a
 * missing one is SIO_ERR_TYPE unless its item has a `?`.
 *
 * @param args  NULL: no arguments
 * @param ap    is consumed as far as the format was followed; the caller ends it
 * @return as sio_val_unpack()
 */
int sio__args_unpack(const struct value_args *args, const char *format, va_list *ap);

/** sio_val_unpack() with a va_list: the format is exactly one item, for v itself. */
int sio__value_unpack(const sio_val *v, const char *format, va_list *ap);

#endif /* SIO_PROTO_UNPACK_H */
