/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "socketio/reader.h"

#include <sio/error.h>

/* The packet's JSON, in the shape that its type asks for. */
static enum packet_error parse(struct reader *r, const struct sio_packet *packet,
                               struct value_doc *ret_doc) {
    *ret_doc = (struct value_doc){0};
    if (packet->json.len > 0) {
        int status = sio__value_parse(r->scratch, packet->json.data, packet->json.len, ret_doc);
        if (status < 0) {
            return status == SIO_ERR_NOMEM ? PACKET_NOMEM : PACKET_INVALID_PAYLOAD;
        }
    }
    enum packet_error error = sio__packet_check_shape(packet->type, ret_doc->root);
    if (error != PACKET_OK) {
        sio__value_release(ret_doc);
    }
    return error;
}

enum read_state sio__reader_text(struct reader *r, const char *text, size_t len,
                                 uint32_t max_attachments, struct received *ret,
                                 enum packet_error *ret_error) {
    enum packet_error error = sio__assembler_admit_text(r->assembler);
    if (error == PACKET_OK) {
        error = sio__packet_decode(text, len, max_attachments, &ret->packet);
    }
    if (error == PACKET_OK) {
        error = parse(r, &ret->packet, &ret->doc);
    }
    if (error != PACKET_OK) {
        *ret_error = error;
        return READ_ERROR;
    }
    ret->attachments = NULL;
    ret->count = 0;
    ret->assembler = NULL;
    return ret->packet.attachments > 0 ? READ_BEGINS : READ_PACKET;
}

enum packet_error sio__reader_begin(struct reader *r, struct received *packet) {
    sio__value_release(&packet->doc);
    return sio__assembler_begin(r->pool, &r->assembler, &packet->packet);
}

/* All attachments are there: the text is parsed again, as it was copied meanwhile. */
static enum packet_error complete(struct reader *r, struct received *ret) {
    struct sio_assembler *a = r->assembler;
    *ret = (struct received){
        .packet = a->packet, .attachments = a->attachments, .count = a->count, .assembler = a};
    r->assembler = NULL;
    enum packet_error error = parse(r, &ret->packet, &ret->doc);
    if (error == PACKET_OK && ret->doc.root != NULL &&
        sio__value_bind(&ret->doc, ret->attachments, ret->count) < 0) {
        error = PACKET_PLACEHOLDER;
        sio__value_release(&ret->doc);
    }
    if (error != PACKET_OK) {
        sio__assembler_end(r->pool, &ret->assembler);
    }
    return error;
}

enum read_state sio__reader_binary(struct reader *r, const void *data, size_t len,
                                   struct received *ret, enum packet_error *ret_error) {
    bool is_last = false;
    enum packet_error error = sio__assembler_add(r->pool, r->assembler, data, len, &is_last);
    if (error == PACKET_OK && !is_last) {
        return READ_MORE;
    }
    if (error == PACKET_OK) {
        error = complete(r, ret);
    }
    if (error != PACKET_OK) {
        *ret_error = error;
        return READ_ERROR;
    }
    return READ_PACKET;
}

void sio__reader_reset(struct reader *r) {
    sio__assembler_end(r->pool, &r->assembler);
}

void sio__received_done(struct reader *r, struct received *packet) {
    sio__value_release(&packet->doc);
    sio__assembler_end(r->pool, &packet->assembler);
}
