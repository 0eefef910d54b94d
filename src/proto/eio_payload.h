/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Payloads: several Engine.IO packets in one body of HTTP long-polling, protocol version 4.
 *
 * Packets are joined by the byte 0x1e (the record separator of ASCII), without lengths; the whole
 * is UTF-8, bytes are base64 (eio_packet.h). A payload has at least one packet: the empty body is
 * one empty packet, and that is an error.
 *
 * Reading is a pull: one packet per call, nothing is stored, the time is linear in the size of the
 * body whatever its packets look like. Bytes are looked at when their packet is asked for: a caller
 * that stops early (after a close packet, say) pays nothing for the rest.
 */
#ifndef SIO_PROTO_EIO_PAYLOAD_H
#define SIO_PROTO_EIO_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/text.h"
#include "proto/eio_packet.h"

/** The byte between two packets. */
#define EIO_PAYLOAD_SEPARATOR 0x1e

/** Walks over the packets of a body; borrows the body and the buffer. */
struct eio_payload {
    struct text rest;  /* what was not looked at yet; data is NULL behind the last packet */
    struct buf *bytes; /* for the bytes of base64 packets */
    int error;         /* that ended the walk, or 0 */
};

/**
 * Starts to read a body.
 *
 * @param body   the whole body; must stay as it is while its packets are in use
 * @param bytes  scratch for binary packets, as in sio__eio_packet_decode()
 */
void sio__eio_payload_init(struct eio_payload *p, struct text body, struct buf *bytes);

/**
 * Takes the next packet.
 *
 * @param ret  the packet; text lies in the body, bytes lie in the scratch buffer and are valid
 *             until the next call
 * @return 1 for a packet; 0 at the end; SIO_ERR_PROTO for a packet that is malformed or not UTF-8;
 *         SIO_ERR_TOO_BIG or SIO_ERR_NOMEM from the scratch buffer. Packets that came before a bad
 *         one count; none is given out after it: the error is repeated.
 */
int sio__eio_payload_next(struct eio_payload *p, struct eio_packet *ret);

/**
 * Appends a packet to a payload that is being written, and the separator where one is due.
 *
 * @param start   out->len at the payload's begin (0 when the buffer holds nothing but the payload)
 * @param packet  its data must not hold the byte 0x1e when it is text; JSON never does
 * @return 0; SIO_ERR_TOO_BIG or SIO_ERR_NOMEM, then nothing is appended
 */
int sio__eio_payload_append(struct buf *out, size_t start, const struct eio_packet *packet);

/**
 * As sio__eio_payload_append(), for a packet that was encoded before: the type and the data of a
 * text packet, or the bytes of a binary message. This is the form in which frames hold their parts
 * (frame.h), so that one frame serves WebSocket and polling.
 */
int sio__eio_payload_append_text(struct buf *out, size_t start, struct text encoded);
int sio__eio_payload_append_binary(struct buf *out, size_t start, const void *data, size_t len);

#endif /* SIO_PROTO_EIO_PAYLOAD_H */
