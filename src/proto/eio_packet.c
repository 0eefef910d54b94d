/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The text form of Engine.IO packets, both ways.
 */
#include "proto/eio_packet.h"

#include <string.h>

#include <sio/error.h>

const char *sio__eio_packet_name(enum eio_packet_type type) {
    static const char *const NAMES[] = {"open",    "close",   "ping", "pong",
                                        "message", "upgrade", "noop"};
    return NAMES[type];
}

static int decode_base64(struct text digits, struct buf *bytes, struct eio_packet *ret) {
    if (!bytes) {
        return SIO_ERR_PROTO;
    }
    sio__buf_clear(bytes);
    int r = sio__buf_reserve(bytes, sio__base64_decoded_max(digits.len));
    if (r < 0) {
        return r;
    }
    r = sio__base64_decode(bytes->data, digits.data, digits.len, &bytes->len);
    if (r < 0) {
        return SIO_ERR_PROTO;
    }
    *ret = (struct eio_packet){.type = EIO_MESSAGE, .binary = true, .data = sio__buf_text(bytes)};
    return 0;
}

int sio__eio_packet_decode(struct text in, struct buf *bytes, struct eio_packet *ret) {
    if (in.len == 0) {
        return SIO_ERR_PROTO;
    }
    struct text data = {in.data + 1, in.len - 1};
    if (in.data[0] == 'b') {
        return decode_base64(data, bytes, ret);
    }
    if (in.data[0] < '0' || in.data[0] > '6') {
        return SIO_ERR_PROTO;
    }
    *ret = (struct eio_packet){.type = (enum eio_packet_type)(in.data[0] - '0'), .data = data};
    return 0;
}

size_t sio__eio_packet_size(const struct eio_packet *packet) {
    size_t len = packet->data.len;
    return 1 + (packet->binary ? sio__base64_encoded_len(len) : len);
}

int sio__eio_packet_append(struct buf *out, const struct eio_packet *packet) {
    size_t size = sio__eio_packet_size(packet);
    int r = sio__buf_reserve(out, size);
    if (r < 0) {
        return r;
    }
    char *dst = (char *)out->data + out->len;
    struct text data = packet->data;
    if (packet->binary) {
        dst[0] = 'b';
        sio__base64_encode(dst + 1, data.data, data.len);
    } else {
        dst[0] = (char)('0' + packet->type);
        if (data.len > 0) {
            memcpy(dst + 1, data.data, data.len);
        }
    }
    out->len += size;
    return 0;
}
