/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#ifndef SIO_TOOLS_EMBEDDED_H
#define SIO_TOOLS_EMBEDDED_H

/*
 * Files embedded in the tool, written by tools/embed.c at build time. Each table ends with an
 * entry whose name is NULL; SYMBOL_count does not count that one.
 */

#include <stddef.h>
#include <stdint.h>

/* One representation of a file. data is NULL and len 0 where there is none. */
struct embedded_body {
    const uint8_t *data;
    size_t len;
};

struct embedded_file {
    const char *name;         /* path below the embedded directory, such as "chat/index.html" */
    const char *content_type; /* value of the Content-Type header */
    struct embedded_body plain;
    struct embedded_body gzip; /* Content-Encoding: gzip */
    struct embedded_body br;   /* Content-Encoding: br */
};

/* The demo pages, listed in demo/CMakeLists.txt. */
extern const struct embedded_file demo_files[];
extern const size_t demo_files_count;
extern const char demo_files_version[];

#endif
