/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Reader and writer for the payloads of long-polling.
 */
#include "proto/eio_payload.h"

#include <sio/error.h>

void sio__eio_payload_init(struct eio_payload *p, struct text body, struct buf *bytes) {
    /* An empty body is one empty packet; data is NULL only behind the last one. */
    *p = (struct eio_payload){.rest = {body.data ? body.data : "", body.len}, .bytes = bytes};
}

int sio__eio_payload_next(struct eio_payload *p, struct eio_packet *ret) {
    struct text in;
    if (p->error < 0 || !sio__text_cut(&p->rest, EIO_PAYLOAD_SEPARATOR, &in)) {
        return p->error;
    }
    int r = SIO_ERR_PROTO;
    if (sio__utf8_valid((const uint8_t *)in.data, in.len)) {
        r = sio__eio_packet_decode(in, p->bytes, ret);
    }
    if (r < 0) {
        p->error = r;
        return r;
    }
    return 1;
}

/* Makes room for a packet of `size` bytes and writes the separator before it. */
static int begin_packet(struct buf *out, size_t start, size_t size) {
    size_t separator = out->len > start ? 1 : 0;
    int r = sio__buf_reserve(out, separator + size);
    if (r < 0) {
        return r;
    }
    if (separator > 0) {
        out->data[out->len++] = EIO_PAYLOAD_SEPARATOR;
    }
    return 0;
}

int sio__eio_payload_append(struct buf *out, size_t start, const struct eio_packet *packet) {
    int r = begin_packet(out, start, sio__eio_packet_size(packet));
    return r < 0 ? r : sio__eio_packet_append(out, packet);
}

int sio__eio_payload_append_text(struct buf *out, size_t start, struct text encoded) {
    int r = begin_packet(out, start, encoded.len);
    return r < 0 ? r : sio__buf_append(out, encoded.data, encoded.len);
}

int sio__eio_payload_append_binary(struct buf *out, size_t start, const void *data, size_t len) {
    struct eio_packet packet = {.type = EIO_MESSAGE, .binary = true, .data = {data, len}};
    return sio__eio_payload_append(out, start, &packet);
}
