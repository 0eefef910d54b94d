/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Socket.IO packets: head and shape. The first byte of the input is the limit of attachments, the
 * rest is the packet. Held to be true of every packet that is accepted:
 * - its slices lie within the input, its numbers within their limits;
 * - written again it decodes to the same;
 * - when its JSON has the shape of its type, the first element of an event is a name or a number.
 */
#undef NDEBUG
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "proto/pack.h"
#include "proto/sio_packet.h"
#include "proto/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_binary(enum sio_packet_type type) {
    return type == SIO_PACKET_BINARY_EVENT || type == SIO_PACKET_BINARY_ACK;
}

static void check_bounds(struct text in, const struct sio_packet *packet, uint32_t max) {
    assert(packet->type == (enum sio_packet_type)(in.data[0] - '0'));
    assert(is_binary(packet->type) ? packet->attachments >= 1 : packet->attachments == 0);
    assert(packet->attachments <= max);
    assert(packet->id <= SIO_PACKET_MAX_ID && (packet->has_id || packet->id == 0));
    assert(packet->nsp.len >= 1 && packet->nsp.data[0] == '/');
    assert(!memchr(packet->nsp.data, ',', packet->nsp.len));
    assert(packet->json.data > in.data);
    assert(packet->json.data + packet->json.len == in.data + in.len);
}

static void check_round_trip(const struct sio_packet *packet, uint32_t max) {
    /* Not JSON anyway: without the main namespace's name it would be taken for one. */
    if (packet->json.len > 0 && packet->json.data[0] == '/' && packet->nsp.len == 1) {
        return;
    }
    struct buf out;
    sio__buf_init(&out, SIZE_MAX);
    assert(sio__packet_head(&out, packet->type, packet->attachments, packet->nsp, packet->has_id,
                            packet->id) == 0);
    assert(sio__buf_append_text(&out, packet->json) == 0);
    struct sio_packet again;
    assert(sio__packet_decode((const char *)out.data, out.len, max, &again) == PACKET_OK);
    assert(again.type == packet->type && again.attachments == packet->attachments);
    assert(again.has_id == packet->has_id && again.id == packet->id);
    assert(sio__text_eq(again.nsp, packet->nsp) && sio__text_eq(again.json, packet->json));
    sio__buf_done(&out);
}

static void check_shape(const struct sio_packet *packet) {
    struct value_doc doc;
    if (packet->json.len == 0 ||
        sio__value_parse(NULL, packet->json.data, packet->json.len, &doc) < 0) {
        return;
    }
    enum packet_error error = sio__packet_check_shape(packet->type, doc.root);
    assert(error == PACKET_OK || error == PACKET_INVALID_PAYLOAD);
    if (error == PACKET_OK &&
        (packet->type == SIO_PACKET_EVENT || packet->type == SIO_PACKET_BINARY_EVENT)) {
        const sio_val *first = sio_val_at(doc.root, 0);
        double number;
        size_t len;
        const char *name = sio_val_str(first, &len);
        assert(name || sio_val_real(first, &number) == 0);
        assert(!name || !sio__event_name_reserved((struct text){name, len}));
    }
    sio__value_release(&doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) {
        return 0;
    }
    uint32_t max = data[0] < 255 ? data[0] : UINT32_MAX;
    struct text in = {(const char *)data + 1, size - 1};
    struct sio_packet packet;
    enum packet_error error = sio__packet_decode(in.data, in.len, max, &packet);
    if (error) {
        assert(sio__packet_error_text(error)[0] != '\0');
        return 0;
    }
    check_bounds(in, &packet, max);
    check_round_trip(&packet, max);
    check_shape(&packet);
    return 0;
}
