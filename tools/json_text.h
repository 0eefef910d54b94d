/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#ifndef SIO_TOOLS_JSON_TEXT_H
#define SIO_TOOLS_JSON_TEXT_H

/*
 * JSON as text: walked over, printed, and made into messages. Whether a text is JSON is decided by
 * the library, json_valid(); the other functions want texts that are.
 *
 * What is printed here cannot do anything to a terminal: control characters, which JSON allows from
 * U+007F on, are escaped.
 */

#include <sio/msg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* A part of a text. */
struct slice {
    const char *data;
    size_t len;
};

/* True when the text is one JSON value. */
bool json_valid(const char *text, size_t len);

/* The end of the value that begins at p; the end of the text if it is cut off there. Also for texts
 * that are not known to be JSON: strings and brackets are paired, nothing else is looked at. */
const char *json_skip(const char *p, const char *end);

/* Takes the next member of an object, or the next element of an array (the key is then empty), out
 * of its text; *rest is moved behind it, and is the whole text at first. Returns false at the end.
 * The key is JSON text, with its quotes. */
bool json_next(struct slice *rest, struct slice *ret_key, struct slice *ret_value);

/* The text of a JSON string, to be freed; NULL when out of memory. *ret_len may be NULL. */
char *json_unescape(struct slice string, size_t *ret_len);

/**
 * True for a character of UTF-8 that shows nothing but turns the direction or the order of what is
 * shown: U+200B to U+200F, U+2028 to U+202E, U+2060 to U+206F.
 */
bool json_is_invisible(const char *text, size_t len);

/* Prints UTF-8 as a JSON string. */
void json_print_string(FILE *out, const char *text, size_t len);

/* Prints JSON in one line. */
void json_print_line(FILE *out, const char *text, size_t len);

/* Prints JSON values that are separated by commas, each on lines of its own that begin with
 * `indent` blanks. */
void json_print_pretty(FILE *out, const char *text, size_t len, int indent);

/*
 * Adds JSON to a message. Objects {"base64":"..."}, at any depth, become bytes. Returns 0, or
 * SIO_ERR_JSON, SIO_ERR_NOMEM, or another error of the message.
 */
int json_to_msg(sio_msg *m, const char *text, size_t len);

#endif
