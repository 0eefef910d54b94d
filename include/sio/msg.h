/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Messages: an event with its arguments, built step by step. The type-safe twin of the format
 * strings of <sio/value.h>, and a message that is encoded once can be sent many times:
 *
 *     sio_msg *m = NULL;
 *     int r = sio_msg_new(&m, "chat");
 *     if (r < 0) return r;
 *     sio_msg_begin_object(m);
 *     sio_msg_key(m, "text");
 *     sio_msg_add_str(m, text, SIO_NUL);
 *     sio_msg_end(m);
 *     r = sio_emit_msg(socket, m);         (the first error of all the steps comes out here)
 *     sio_msg_unref(m);
 *
 * Errors are sticky: after the first one all further steps do nothing and return it, so that it is
 * enough to look at the result of the last call. A message is built by one thread at a time. With
 * the first send it becomes immutable, and may then be sent by several threads at once.
 *
 * Every function that adds returns 0, or
 *     SIO_ERR_NOMEM    out of memory; also for m == NULL, so that sio_msg_new() needs no test
 *     SIO_ERR_INVALID  a string is not UTF-8, or a pointer is NULL
 *     SIO_ERR_FORMAT   the step has no place here: a value without a key in an object, a key
 *                      elsewhere, an end without a begin
 *     SIO_ERR_JSON     raw text that is not JSON
 *     SIO_ERR_TOO_BIG  more than 2 GiB of text, or nested deeper than 64 levels
 *     SIO_ERR_STATE    the message was sent already (this one is not sticky)
 */
#ifndef SIO_MSG_H
#define SIO_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sio/api.h>
#include <sio/value.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A message; opaque, reference counted. */
typedef struct sio_msg sio_msg;

/** As a length: the string ends at its NUL. */
#define SIO_NUL ((size_t)-1)

/**
 * Makes an empty message with one reference. [any]
 *
 * @param event  name of the event, copied; NULL for the arguments of an acknowledgement
 * @return 0; SIO_ERR_RESERVED for a reserved name; SIO_ERR_INVALID when it is not UTF-8;
 *         SIO_ERR_NOMEM
 */
SIO_API int sio_msg_new(sio_msg **ret_msg, const char *event);

/** Takes one more reference. [any] @return m, which may be NULL */
SIO_API sio_msg *sio_msg_ref(sio_msg *m);

/** Gives a reference back; with the last one the message is freed. NULL is fine. [any] */
SIO_API void sio_msg_unref(sio_msg *m);

/** The first error of all steps so far, or 0. [any] */
SIO_API int sio_msg_error(const sio_msg *m);

/** Adds a string of len bytes, or up to its NUL with SIO_NUL. [any] */
SIO_API int sio_msg_add_str(sio_msg *m, const char *s, size_t len);

/** Adds an integer. [any] */
SIO_API int sio_msg_add_int(sio_msg *m, int64_t value);

/** Adds an unsigned integer. [any] */
SIO_API int sio_msg_add_uint(sio_msg *m, uint64_t value);

/** Adds a number; NaN and infinities become null, as in JavaScript. [any] */
SIO_API int sio_msg_add_real(sio_msg *m, double value);

/** Adds true or false. [any] */
SIO_API int sio_msg_add_bool(sio_msg *m, bool value);

/** Adds null. [any] */
SIO_API int sio_msg_add_null(sio_msg *m);

/** Adds bytes (a binary attachment), copied; data may be NULL when len is 0. [any] */
SIO_API int sio_msg_add_bytes(sio_msg *m, const void *data, size_t len);

/** Adds JSON text of len bytes, or up to its NUL with SIO_NUL, after a check. [any] */
SIO_API int sio_msg_add_json(sio_msg *m, const char *json, size_t len);

/** Adds a copy of a received value, binary included; NULL adds null. [any] */
SIO_API int sio_msg_add_val(sio_msg *m, const sio_val *v);

/** Begins an object: pairs of sio_msg_key() and a value until sio_msg_end(). [any] */
SIO_API int sio_msg_begin_object(sio_msg *m);

/** Begins an array: values until sio_msg_end(). [any] */
SIO_API int sio_msg_begin_array(sio_msg *m);

/** Names the next value of an object. [any] */
SIO_API int sio_msg_key(sio_msg *m, const char *key);

/** Ends the object or array that was begun last. [any] */
SIO_API int sio_msg_end(sio_msg *m);

#ifdef __cplusplus
}
#endif

#endif /* SIO_MSG_H */
