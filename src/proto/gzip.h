/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Compression of HTTP bodies: gzip (RFC 1952) and "deflate", which in HTTP means zlib's format (RFC
 * 9110 8.4.1).
 *
 * One compressor serves all answers of a reactor, one after the other; its 256 KiB are taken with
 * the first use.
 */
#ifndef PROTO_GZIP_H
#define PROTO_GZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/text.h"

enum gzip_format { GZIP_GZIP, GZIP_DEFLATE, GZIP_FORMATS };

/** A zeroed one is ready. */
struct gzip {
    z_stream streams[GZIP_FORMATS];
    bool ready[GZIP_FORMATS];
};

/**
 * Compresses a body.
 *
 * @param out  appended to; unchanged on failure
 * @return 0; SIO_ERR_NOMEM, SIO_ERR_TOO_BIG (limit of out)
 */
int sio__gzip_pack(struct gzip *g, enum gzip_format format, struct text body, struct buf *out);

/** Frees its memory; it is ready for use again. */
void sio__gzip_done(struct gzip *g);

#endif /* PROTO_GZIP_H */
