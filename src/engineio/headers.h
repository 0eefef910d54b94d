/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Header fields of an answer, as the hooks of applications may change them (sio_headers of
 * <sio/http.h>).
 */
#ifndef ENGINEIO_HEADERS_H
#define ENGINEIO_HEADERS_H

#include <sio/http.h>

#include "base/buf.h"

/** Fields in their order: name, NUL, value, NUL. The first failure to add one is remembered. */
struct sio_headers {
    struct buf text;
    int error;
};

void sio__headers_init(struct sio_headers *h);
void sio__headers_done(struct sio_headers *h);

/** Forgets all fields and keeps the memory. */
void sio__headers_clear(struct sio_headers *h);

/** Appends a field; name and value are the library's own or were checked. Failure is in h->error.
 */
void sio__headers_put(struct sio_headers *h, const char *name, struct text value);

/** Writes all fields to a head. @return 0, h->error, or a failure of the buffer */
int sio__headers_write(const struct sio_headers *h, struct buf *out);

#endif /* ENGINEIO_HEADERS_H */
