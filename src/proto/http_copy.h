/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * A compact copy of a request's head, for as long as a session may want it: applications read the
 * headers of a handshake hours later. One allocation of 8 bytes and the text itself.
 *
 * Fields are as Node.js shows them: names in lower case; of repeated fields only the first is kept
 * where a list makes no sense (authorization, content-type, host, user-agent and the like), cookies
 * are joined by "; ", all others by ", ". The order is that of the first occurrences.
 */
#ifndef PROTO_HTTP_COPY_H
#define PROTO_HTTP_COPY_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/http1.h"

struct http_copy;

/**
 * Copies a head into a block of which the caller uses the first `room` bytes (a multiple of 8) for
 * what belongs to the copy. The block begins `room` bytes before the copy, and is to be freed with
 * sio__free().
 *
 * @return 0; SIO_ERR_NOMEM
 */
int sio__http_copy_embed(const struct http1_head *head, size_t room, struct http_copy **ret_copy);

/** Method, request target, field value: NUL-terminated, live as long as the copy. */
const char *sio__http_copy_method(const struct http_copy *copy);
const char *sio__http_copy_target(const struct http_copy *copy);

/** The value of a field by its lower case name, NULL if the request had none. */
const char *sio__http_copy_field(const struct http_copy *copy, const char *name);

/**
 * Walks all fields.
 *
 * @param cursor  0 to begin; private to this function otherwise
 * @return false when there are no more
 */
bool sio__http_copy_next(const struct http_copy *copy, uint32_t *cursor, const char **ret_name,
                         const char **ret_value);

/** Memory that the copy takes, in bytes. */
size_t sio__http_copy_size(const struct http_copy *copy);

#endif /* PROTO_HTTP_COPY_H */
