/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The short way to a document, for the form that most events have: one array, without white space,
 * of strings in ASCII without escapes, integers, true, false and null.
 *
 *     ["message","hello",42,true]
 *
 * Everything else is left to yyjson, which reads byte by byte where this looks at sixteen at once.
 * The cells that come out are the same (the unit test and a fuzzer compare them); in a message of
 * one short string this saves two thirds of the time of parsing, in one of 1 KiB three quarters.
 */
#ifndef PROTO_VALUE_FLAT_H
#define PROTO_VALUE_FLAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sio/value.h>

/** Most elements of an array that is read here. */
#define VALUE_FLAT_MAX 16

/** Bytes of memory that a text of len bytes needs. */
#define VALUE_FLAT_BYTES(len) ((size_t)16 * (VALUE_FLAT_MAX + 1) + (size_t)(len))

/**
 * Tries to read a JSON text.
 *
 * @param memory  VALUE_FLAT_BYTES(len), aligned to 16; the document lives in it
 * @return the document's root, or NULL: not of this form, which says nothing about its being JSON
 */
const sio_val *sio__value_read_flat(const char *json, size_t len, uint8_t *memory);

#endif /* PROTO_VALUE_FLAT_H */
