/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Values: the arguments of events.
 *
 * Reading: a sio_val is a JSON value, or bytes that came as a binary attachment. It is borrowed
 * from the event, acknowledgement or handshake that it was taken from and lives as long as that
 * does. All readers accept NULL and answer as for a value of another type, so that look-ups can be
 * chained:
 *
 *     int64_t x = 0;
 *     sio_val_int(sio_val_get(sio_event_arg(ev, 0), "x"), &x);
 *
 * Writing: a format string says what the arguments are; the packet is written straight to the
 * output, no tree is built. The top level of the format is the argument list:
 *
 *     char   arguments                    becomes
 *     s      const char *                 string (UTF-8, checked)
 *     s#     const char *, size_t         string with length
 *     s?     const char * or NULL         string or null
 *     i      int                          number
 *     u      unsigned                     number
 *     I      int64_t                      number
 *     U      uint64_t                     number
 *     f      double                       number (NaN and infinities become null, as in JavaScript)
 *     b      int                          true or false
 *     n      -                            null
 *     B      const void *, size_t         bytes (a binary attachment)
 *     r      const char *                 JSON text, taken as it is after validation
 *     r#     const char *, size_t         the same with length
 *     v      const sio_val *              a received value, binary included
 *     v?     const sio_val * or NULL      the same, or null
 *     a      const sio_event *            all arguments of a received event or acknowledgement
 *     {..}   key, value pairs             object; keys as s or s#, then ':', then a value
 *     [..]   values                       array
 *
 * Blanks and commas are ignored. Examples: "si", "{s:s, s:[ii]}", "sB", "a". A format that is
 * malformed yields SIO_ERR_FORMAT and nothing is sent; strings that are not UTF-8 and JSON text
 * that is not JSON yield SIO_ERR_INVALID and SIO_ERR_JSON. Mind the types of variable arguments: a
 * literal 5 is an int ("i"), sizeof is a size_t.
 */
#ifndef SIO_VALUE_H
#define SIO_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sio/api.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A received value; opaque, borrowed, immutable. */
typedef struct sio_val sio_val;

enum sio_type {
    SIO_NONE = 0, /**< no value: NULL was given, or the argument is missing */
    SIO_NULL = 1,
    SIO_BOOL = 2,
    SIO_INT = 3,  /**< a number without fraction or exponent, within int64_t or uint64_t */
    SIO_REAL = 4, /**< any other number */
    SIO_STRING = 5,
    SIO_BYTES = 6, /**< a binary attachment */
    SIO_ARRAY = 7,
    SIO_OBJECT = 8
};

/** Type of a value, enum sio_type; SIO_NONE for NULL. [any] */
SIO_API int sio_val_type(const sio_val *v);

/** True for NULL and for JSON null. [any] */
SIO_API bool sio_val_is_null(const sio_val *v);

/**
 * Reads a string. [any]
 *
 * @param ret_len  length in bytes, or NULL when not wanted (a string may hold U+0000)
 * @return the NUL-terminated text, borrowed; NULL when the value is no string
 */
SIO_API const char *sio_val_str(const sio_val *v, size_t *ret_len);

/**
 * Reads an integer; numbers such as 3.0 count, 3.5 does not. [any]
 *
 * @return 0; SIO_ERR_TYPE when the value is no number, SIO_ERR_INVALID when it has a fraction or
 *         does not fit
 */
SIO_API int sio_val_int(const sio_val *v, int64_t *ret_value);

/** As sio_val_int(), for unsigned values. [any] */
SIO_API int sio_val_uint(const sio_val *v, uint64_t *ret_value);

/** Reads any number. [any] @return 0 or SIO_ERR_TYPE */
SIO_API int sio_val_real(const sio_val *v, double *ret_value);

/** Reads true or false. [any] @return 0 or SIO_ERR_TYPE */
SIO_API int sio_val_bool(const sio_val *v, bool *ret_value);

/**
 * Reads bytes. [any]
 *
 * @param ret_len  length in bytes; set to 0 when the value is not bytes
 * @return the bytes, borrowed (not NULL for zero bytes); NULL when the value is not bytes
 */
SIO_API const void *sio_val_bytes(const sio_val *v, size_t *ret_len);

/** Number of elements of an array or members of an object, else 0. [any] */
SIO_API size_t sio_val_count(const sio_val *v);

/** Element of an array by index, O(n) in mixed arrays; NULL when there is none. [any] */
SIO_API const sio_val *sio_val_at(const sio_val *v, size_t index);

/**
 * Member of an object by key; NULL when there is none. On duplicate keys the first is found. [any]
 */
SIO_API const sio_val *sio_val_get(const sio_val *v, const char *key);

/**
 * Walks an array or object in O(n) overall. [any]
 *
 *     sio_val_iter it = {0};
 *     for (const sio_val *e = sio_val_next(v, &it); e; e = sio_val_next(v, &it)) { ... it.key ... }
 */
typedef struct sio_val_iter {
    const char *key;      /**< key of the current member of an object, else NULL; borrowed */
    size_t key_len;       /**< its length in bytes */
    size_t index;         /**< number of elements given out so far */
    const void *reserved; /**< of the library */
} sio_val_iter;

SIO_API const sio_val *sio_val_next(const sio_val *v, sio_val_iter *it);

/**
 * Takes values apart by a format; the mirror of the formats above with pointers as arguments:
 *
 *     s const char **;  s# const char **, size_t *;
 *     i int *;  u unsigned *;  I int64_t *;  U uint64_t *;
 *     f double *;  b bool *;  B const void **, size_t *;  v const sio_val ** (any value);
 *     n nothing (must be null);  - nothing (any value, skipped)
 *
 * `?` behind a letter: null or a missing value leaves the pointers as they are.
 * `{s:i, s?:s}`: keys are arguments (const char *), `s?:` marks a member that may be missing (null
 * is refused unless the value has a `?`); further members are ignored.
 * `[ii]`: an array; further elements are ignored. Pointers into the value are borrowed from it.
 *
 * @return 0; SIO_ERR_TYPE when a value is missing or of another type; SIO_ERR_INVALID when a number
 *         does not fit; SIO_ERR_FORMAT when the format is malformed. What was stored before an
 *         error remains.
 */
SIO_API int sio_val_unpack(const sio_val *v, const char *format, ...);

/**
 * Writes a value as JSON text. Bytes are written as {"_placeholder":true,"num":i}. [any]
 *
 * @param buffer  where to write; always NUL-terminated when size > 0; may be NULL when size is 0
 * @return the length that the whole text has (as snprintf), or SIO_ERR_NOMEM
 */
SIO_API long sio_val_json(const sio_val *v, char *buffer, size_t size);

#ifdef __cplusplus
}
#endif

#endif /* SIO_VALUE_H */
