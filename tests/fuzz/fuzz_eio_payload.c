/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Payloads of long-polling. The input is a body. Held to be true of every body:
 * - the walk gives what its packets give one by one, cut at the separators, up to the first error;
 * - the scratch buffer does not grow over its limit, and a small limit only turns packets into
 *   SIO_ERR_TOO_BIG;
 * - what was read, written and read again is the same.
 */
#undef NDEBUG
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sio/error.h>

#include "proto/eio_payload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same_packet(const struct eio_packet *a, const struct eio_packet *b) {
    return a->type == b->type && a->binary == b->binary && sio__text_eq(a->data, b->data);
}

/* Cuts the body by hand, and holds the walk against the packets one by one. */
static void compare_with_single_packets(struct text body) {
    struct buf walk_bytes;
    struct buf packet_bytes;
    sio__buf_init(&walk_bytes, body.len + 8);
    sio__buf_init(&packet_bytes, body.len + 8);
    struct eio_payload payload;
    sio__eio_payload_init(&payload, body, &walk_bytes);
    int r = 1;
    for (size_t begin = 0; r == 1 && begin <= body.len;) {
        size_t end = begin;
        while (end < body.len && body.data[end] != EIO_PAYLOAD_SEPARATOR) {
            end++;
        }
        struct text in = {body.data + begin, end - begin};
        struct eio_packet expected;
        struct eio_packet packet;
        bool valid = sio__utf8_valid((const uint8_t *)in.data, in.len) &&
                     sio__eio_packet_decode(in, &packet_bytes, &expected) == 0;
        r = sio__eio_payload_next(&payload, &packet);
        assert(r == (valid ? 1 : SIO_ERR_PROTO));
        assert(!valid || same_packet(&packet, &expected));
        assert(!valid || !packet.binary || packet.type == EIO_MESSAGE);
        begin = end + 1;
    }
    struct eio_packet packet;
    assert(sio__eio_payload_next(&payload, &packet) == (r == 1 ? 0 : r));
    assert(walk_bytes.cap <= body.len + 8);
    sio__buf_done(&walk_bytes);
    sio__buf_done(&packet_bytes);
}

/* Writes the packets of a body into a payload again; returns what ended the body. */
static int rewrite(struct text body, size_t limit, struct buf *out) {
    struct buf bytes;
    sio__buf_init(&bytes, limit);
    struct eio_payload payload;
    sio__eio_payload_init(&payload, body, &bytes);
    struct eio_packet packet;
    int r = sio__eio_payload_next(&payload, &packet);
    for (; r == 1; r = sio__eio_payload_next(&payload, &packet)) {
        size_t before = out->len;
        assert(sio__eio_payload_append(out, 0, &packet) == 0);
        assert(out->len == before + (before > 0 ? 1 : 0) + sio__eio_packet_size(&packet));
        assert(bytes.cap <= limit);
    }
    sio__buf_done(&bytes);
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct text body = {size > 0 ? (const char *)data : "", size};
    compare_with_single_packets(body);

    struct buf once;
    struct buf twice;
    struct buf limited;
    sio__buf_init(&once, SIZE_MAX);
    sio__buf_init(&twice, SIZE_MAX);
    sio__buf_init(&limited, SIZE_MAX);
    int end = rewrite(body, size + 8, &once);
    assert(end == 0 || end == SIO_ERR_PROTO);
    if (once.len > 0) {
        /* Padding may have been added, but nothing else changed. */
        assert(once.len >= (end == 0 ? size : 1));
        assert(rewrite(sio__buf_text(&once), once.len + 8, &twice) == 0);
        assert(sio__text_eq(sio__buf_text(&once), sio__buf_text(&twice)));
    }
    int limited_end = rewrite(body, 16, &limited);
    assert(limited_end == end || limited_end == SIO_ERR_TOO_BIG);
    assert(sio__text_starts(sio__buf_text(&once), sio__buf_text(&limited)));
    sio__buf_done(&once);
    sio__buf_done(&twice);
    sio__buf_done(&limited);
    return 0;
}
