/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Text: slices, and what protocols do with bytes that are text.
 *
 * A struct text is borrowed and not NUL-terminated. Nothing here allocates; functions that write
 * say how much room they need. "ASCII case" means that only A-Z and a-z are paired, whatever the
 * locale. Implemented in text.c, utf8.c, base64.c and query.c.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* ---- slices ---- */

struct text {
    const char *data; /* may be NULL when len is 0 */
    size_t len;
};

/** A string literal as text. */
#define SIO_TEXT(literal) ((struct text){"" literal, sizeof(literal) - 1})

/** A NUL-terminated string as text; NULL gives the empty one. */
static inline struct text sio__text_of(const char *s) {
    return (struct text){s, s == NULL ? 0 : strlen(s)};
}

/** True when both have the same bytes. */
static inline bool sio__text_eq(struct text a, struct text b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/** True when both are the same but for ASCII case. */
bool sio__text_eq_nocase(struct text a, struct text b);

/** True when t begins with the prefix. */
static inline bool sio__text_starts(struct text t, struct text prefix) {
    return t.len >= prefix.len && sio__text_eq((struct text){t.data, prefix.len}, prefix);
}

/** Offset of the first occurrence of needle in t; SIZE_MAX when there is none. "" is at 0. */
size_t sio__text_find(struct text t, struct text needle);

/** Drops blanks and tabs (OWS of RFC 9110 5.6.3) at both ends. */
struct text sio__text_trim(struct text t);

/**
 * Cuts the part up to the next separator off the front: n separators make n + 1 parts.
 *
 *     for (struct text part; sio__text_cut(&rest, ',', &part);) { ... }
 *
 * @param rest      shortened; its data is NULL after the last part
 * @param ret_part  the part, without the separator
 * @return false when there is no further part (rest->data is NULL)
 */
bool sio__text_cut(struct text *rest, char separator, struct text *ret_part);

/** An ASCII letter in lower case, other bytes as they are. */
static inline char sio__ascii_lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/** True for one character or more, all allowed in a token (RFC 9110 5.6.2). */
bool sio__text_is_token(struct text t);

/** True for what a header value may hold: HTAB, SP, VCHAR, obs-text (RFC 9110 5.5). */
bool sio__text_is_field_value(struct text t);

/** True when the pattern, in which `*` stands for any bytes, matches all of t. */
bool sio__glob_match(struct text pattern, struct text t);

/**
 * Makes bytes of a peer fit for a log: printable ASCII stays, but `\` becomes `\\` and every other
 * byte `\xNN`. What does not fit is cut, and "..." put at the end.
 *
 * @param dst  room for size bytes, at least 8; is NUL-terminated
 * @return dst
 */
const char *sio__text_escape(char *dst, size_t size, struct text t);

/* ---- numbers ---- */

#define SIO_U64_CHARS 20 /* decimal digits of UINT64_MAX */

/** Writes a number in decimal, without NUL. @param dst  SIO_U64_CHARS bytes @return its length */
size_t sio__u64_write(char *dst, uint64_t value);

/** Number of decimal digits at the front of t. */
size_t sio__text_digits(struct text t);

/**
 * Reads a number: all of t is decimal digits, at least one. Leading zeros are fine and counted.
 *
 * @param max_digits  longest text that is accepted
 * @return 0; SIO_ERR_INVALID, also when the number does not fit
 */
int sio__parse_u64(struct text t, size_t max_digits, uint64_t *ret_value);

/* ---- UTF-8 (RFC 3629) ---- */

/** True when the bytes are UTF-8: no overlong forms, no surrogates, nothing over U+10FFFF. */
bool sio__utf8_valid(const uint8_t *p, size_t n);

/** Place within a text that is checked in pieces; all zero at its start. */
struct utf8_state {
    uint8_t need;  /* continuation bytes still missing */
    uint8_t lower; /* least value of the next one, when need is not 0 */
    uint8_t upper; /* its greatest value */
};

/** Checks the next piece. @return false when the text cannot be UTF-8 any more; it stays so */
bool sio__utf8_feed(struct utf8_state *u, const uint8_t *p, size_t n);

/** True when what was fed ends with a whole character. */
static inline bool sio__utf8_complete(const struct utf8_state *u) {
    return u->need == 0;
}

/* ---- base64 (RFC 4648) ---- */

/** Length of n bytes in padded base64; n is at most SIZE_MAX / 2. */
static inline size_t sio__base64_encoded_len(size_t n) {
    return (n + 2) / 3 * 4;
}

/** Room that sio__base64_decode() needs for n characters. */
static inline size_t sio__base64_decoded_max(size_t n) {
    return n / 4 * 3 + 3;
}

/** Writes n bytes in the standard alphabet, padded, without NUL. @return the encoded length */
size_t sio__base64_encode(char *dst, const void *src, size_t n);

/** Writes n bytes in the URL and filename safe alphabet, not padded, without NUL. @return length */
size_t sio__base64_encode_url(char *dst, const void *src, size_t n);

/**
 * Decodes base64 of the standard alphabet. Padding may be missing, as some encoders leave it out;
 * all else has to be as RFC 4648 4 and 3.5 want it: no line ends, no other characters, no bits set
 * behind the last byte.
 *
 * @param dst  sio__base64_decoded_max(n) bytes; may be the same address as src
 * @return 0; SIO_ERR_INVALID, and dst is then undefined
 */
int sio__base64_decode(void *dst, const char *src, size_t n, size_t *ret_len);

/* ---- query strings (application/x-www-form-urlencoded of the URL standard) ---- */

/**
 * Cuts the next parameter off a query string ("a=1&b=2", without the question mark). Empty ones are
 * skipped, one without '=' has an empty value.
 *
 * @param query      shortened
 * @param ret_name   as it stands there, see sio__query_decode()
 * @param ret_value  the same
 * @return false when there is no further one
 */
bool sio__query_next(struct text *query, struct text *ret_name, struct text *ret_value);

/**
 * Decodes a name or value as URLSearchParams does: '+' is a blank, %XX a byte, a '%' that is not
 * followed by two hex digits stands for itself, and what is not UTF-8 becomes U+FFFD.
 *
 * @param dst      room for size bytes; 3 * component.len always suffice. No NUL is added
 * @param ret_len  bytes written
 * @return 0; SIO_ERR_TOO_BIG when it does not fit
 */
int sio__query_decode(struct text component, char *dst, size_t size, size_t *ret_len);

/** True when the encoded component, decoded, is the name; the name is ASCII. */
bool sio__query_is(struct text component, const char *name);

/**
 * Finds and decodes the value of a parameter; of several with the same name the last one counts.
 *
 * @param name       decoded, ASCII
 * @param dst        room for size bytes
 * @param ret_value  the decoded value, in dst
 * @return 0; SIO_ERR_NOT_FOUND; SIO_ERR_TOO_BIG when the value does not fit
 */
int sio__query_get(struct text query, const char *name, char *dst, size_t size,
                   struct text *ret_value);

#endif /* BASE_TEXT_H */
