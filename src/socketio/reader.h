/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * From messages of a connection to complete Socket.IO packets: decodes, parses the JSON, and
 * gathers attachments. The same for both sides.
 *
 * A text is read by sio__reader_text(). When it announces attachments the caller decides whether
 * they are waited for, by sio__reader_begin(); each comes to sio__reader_binary() then.
 */
#ifndef SOCKETIO_READER_H
#define SOCKETIO_READER_H

#include "proto/sio_assembler.h"
#include "proto/sio_packet.h"
#include "proto/value.h"

/** Of one connection. The pool and the scratch are shared by those of a reactor. */
struct reader {
    struct assembler_pool *pool;
    struct value_scratch *scratch;
    struct sio_assembler *assembler; /* packet that waits for attachments */
};

/** A packet that was read; belongs to the caller until sio__received_done(). */
struct received {
    struct sio_packet packet;
    struct value_doc doc; /* its JSON; root is NULL when there is none */
    const struct value_bytes *attachments;
    uint32_t count;
    struct sio_assembler *assembler; /* memory of the attachments */
};

enum read_state {
    READ_PACKET, /* a complete packet */
    READ_BEGINS, /* a packet whose attachments are still to come; its text was checked */
    READ_MORE,   /* an attachment, and others are to come */
    READ_ERROR
};

/**
 * Reads a text.
 *
 * @param max_attachments  that a packet may announce
 * @param ret              for READ_PACKET and READ_BEGINS
 * @param ret_error        for READ_ERROR
 */
enum read_state sio__reader_text(struct reader *r, const char *text, size_t len,
                                 uint32_t max_attachments, struct received *ret,
                                 enum packet_error *ret_error);

/** After READ_BEGINS: waits for the attachments. The packet itself is done. */
enum packet_error sio__reader_begin(struct reader *r, struct received *packet);

/** Reads an attachment. */
enum read_state sio__reader_binary(struct reader *r, const void *data, size_t len,
                                   struct received *ret, enum packet_error *ret_error);

/** Forgets a packet that waits. */
void sio__reader_reset(struct reader *r);

/** Frees a packet. */
void sio__received_done(struct reader *r, struct received *packet);

#endif /* SOCKETIO_READER_H */
