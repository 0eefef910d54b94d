/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The decoding of captures. The first byte of the input chooses the flags; the rest is a packet, a
 * payload, and a stream of WebSocket frames. Held to be true:
 * - what is said lies within the input (or is static), and so does the position of an error;
 * - there is a rule exactly if there is an error;
 * - Socket.IO packets are accepted exactly if clients and servers accept them;
 * - the packets of a payload and the separators between them are the payload.
 */
#undef NDEBUG
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <sio/decode.h>
#include <sio/error.h>

#include "base/text.h"
#include "proto/sio_packet.h"
#include "proto/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_within(const char *slice, size_t len, const char *in, size_t in_len) {
    assert(slice || len == 0);
    assert(!slice || (slice >= in && slice + len <= in + in_len));
}

static bool is_accepted(const char *packet, size_t len) {
    struct sio_packet head;
    struct value_doc doc = {0};
    if (!sio__utf8_valid((const uint8_t *)packet, len) ||
        sio__packet_decode(packet, len, UINT32_MAX, &head)) {
        return false;
    }
    if (head.json.len == 0) {
        return true;
    }
    if (sio__value_parse(NULL, head.json.data, head.json.len, &doc) < 0) {
        return false;
    }
    bool fits = sio__packet_check_shape(head.type, doc.root) == PACKET_OK;
    sio__value_release(&doc);
    return fits;
}

static void check_packet(const char *in, size_t len, unsigned flags) {
    sio_decoded d = {.size = sizeof(d)};
    int r = sio_decode_packet(in, len, flags, &d);
    assert(r <= 0 && (d.rule != NULL) == (r < 0));
    assert(d.position <= len);
    assert(d.engine >= -1 && d.engine <= 6 && d.type >= -1 && d.type <= 6);
    check_within(d.data, d.data_len, in, len);
    check_within(d.event, d.event_len, in, len);
    check_within(d.json, d.json_len, in, len);
    if (d.nsp_len > 1) {
        check_within(d.nsp, d.nsp_len, in, len);
    }
    if (flags == SIO_DECODE_INNER) {
        assert((r == 0) == is_accepted(in, len));
    }
    if (flags & SIO_DECODE_BINARY) {
        assert(r == 0 && d.bytes == len);
    }
}

static void check_payload(const char *in, size_t len) {
    sio_payload_iter it = {0};
    size_t seen = 0;
    while (sio_decode_payload(in, len, &it)) {
        assert(it.offset == seen && it.packet == in + it.offset);
        assert(it.len == 0 || !memchr(it.packet, 0x1e, it.len));
        seen += it.len + 1;
    }
    assert(seen == len + 1);
}

static void check_frames(const char *in, size_t len) {
    size_t at = 0;
    while (at < len) {
        sio_ws_head head = {.size = sizeof(head)};
        int r = sio_decode_ws(in + at, len - at, &head);
        if (r > 0) {
            break;
        }
        assert((head.rule != NULL) == (r < 0));
        assert(head.head_len >= 2 && head.head_len <= len - at);
        at += head.head_len;
        if (head.len > len - at) {
            break;
        }
        at += (size_t)head.len;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) {
        return 0;
    }
    const char *in = (const char *)data + 1;
    check_packet(in, size - 1, data[0] & 3);
    check_payload(in, size - 1);
    check_frames(in, size - 1);
    return 0;
}
