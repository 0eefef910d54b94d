/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "proto/gzip.h"

#include <limits.h>
#include <sio/error.h>

#include "base/alloc.h"

/* As Node's default: 6 is zlib's compromise, 15 bits its whole window, 8 its default memory. */
#define LEVEL        6
#define WINDOW_BITS  15
#define MEMORY_LEVEL 8

static void *take(void *opaque, uInt items, uInt size) {
    (void)opaque;
    return sio__calloc(items, size);
}

static void give(void *opaque, void *p) {
    (void)opaque;
    sio__free(p);
}

static int prepare(struct gzip *g, enum gzip_format format) {
    z_stream *z = &g->streams[format];
    if (g->ready[format]) {
        return deflateReset(z) == Z_OK ? 0 : SIO_ERR_NOMEM;
    }
    *z = (z_stream){.zalloc = take, .zfree = give};
    int bits = format == GZIP_GZIP ? WINDOW_BITS + 16 : WINDOW_BITS;
    if (deflateInit2(z, LEVEL, Z_DEFLATED, bits, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) {
        return SIO_ERR_NOMEM;
    }
    g->ready[format] = true;
    return 0;
}

int sio__gzip_pack(struct gzip *g, enum gzip_format format, struct text body, struct buf *out) {
    if (body.len > UINT_MAX) {
        return SIO_ERR_TOO_BIG;
    }
    int r = prepare(g, format);
    if (r < 0) {
        return r;
    }
    z_stream *z = &g->streams[format];
    size_t bound = deflateBound(z, (uLong)body.len);
    r = sio__buf_reserve(out, bound);
    if (r < 0) {
        return r;
    }
    z->next_in = (Bytef *)(uintptr_t)body.data;
    z->avail_in = (uInt)body.len;
    z->next_out = out->data + out->len;
    z->avail_out = (uInt)bound;
    if (deflate(z, Z_FINISH) != Z_STREAM_END) {
        return SIO_ERR_NOMEM;
    }
    out->len += bound - z->avail_out;
    return 0;
}

void sio__gzip_done(struct gzip *g) {
    for (int i = 0; i < GZIP_FORMATS; i++) {
        if (g->ready[i]) {
            deflateEnd(&g->streams[i]);
            g->ready[i] = false;
        }
    }
}
