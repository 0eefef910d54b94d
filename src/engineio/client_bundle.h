/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#ifndef SIO_ENGINEIO_CLIENT_BUNDLE_H
#define SIO_ENGINEIO_CLIENT_BUNDLE_H

/*
 * The official browser client, embedded: the files of the npm package socket.io-client that the
 * server hands out below its path (GET /socket.io/socket.io.js and so on).
 *
 * The table is generated at build time by cmake/embed.cmake out of .deps/client, where
 * script/bundle puts the files. It is constant data of the library and lives as long as the
 * process. A build without the files has an empty table and an empty version; everything else
 * works.
 */

#include <stddef.h>
#include <stdint.h>

/* One representation of a file. data is NULL and len 0 where there is none. */
struct client_bundle_body {
    const uint8_t *data;
    size_t len;
};

struct client_bundle_file {
    const char *name;         /* as in the request, such as "socket.io.min.js" */
    const char *content_type; /* value of the Content-Type header */
    struct client_bundle_body plain;
    struct client_bundle_body gzip; /* Content-Encoding: gzip */
    struct client_bundle_body br;   /* Content-Encoding: br */
};

/* sio__client_bundle_count entries, followed by one whose name is NULL. */
extern const struct client_bundle_file sio__client_bundle[];
extern const size_t sio__client_bundle_count;

/* Version of socket.io-client, such as "4.8.4"; it makes the ETag. "" if the table is empty. */
extern const char sio__client_bundle_version[];

#endif
