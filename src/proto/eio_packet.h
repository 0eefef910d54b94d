/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * One packet of the Engine.IO protocol, version 4.
 *
 * In its text form a packet is one digit, the type, followed by its data: `4hello`, `2probe`.
 * Binary data is always a message: on WebSocket it is a binary frame without a type, on carriers of
 * text it is the letter `b` followed by base64.
 *
 * Nothing here owns memory: decoded data is a slice of the input, or of the buffer that the caller
 * lends for the bytes of base64. Version 3 of the protocol has the same packet types, but another
 * form of payloads and of binary packets: it gets functions of its own beside these.
 */
#ifndef SIO_PROTO_EIO_PACKET_H
#define SIO_PROTO_EIO_PACKET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/text.h"

/** Types of packets; the values are the digits on the wire. */
enum eio_packet_type {
    EIO_OPEN = 0,
    EIO_CLOSE = 1,
    EIO_PING = 2,
    EIO_PONG = 3,
    EIO_MESSAGE = 4,
    EIO_UPGRADE = 5,
    EIO_NOOP = 6
};

struct eio_packet {
    enum eio_packet_type type;
    bool binary;      /* data is bytes, type is EIO_MESSAGE */
    struct text data; /* what follows the type; may be empty; borrowed */
};

/**
 * Name of a packet type as the reference implementation writes it into its debug output: "open",
 * "close", "ping", "pong", "message", "upgrade", "noop". A static string.
 */
const char *sio__eio_packet_name(enum eio_packet_type type);

/**
 * Decodes one packet from a carrier of text: a WebSocket text frame, or one packet of a payload.
 *
 * @param in     the packet; that it is UTF-8 is the carrier's promise and not checked here
 * @param bytes  receives the bytes of a base64 packet, after being cleared; may be NULL for callers
 *               that do not accept binary data in text, then such packets are refused.
 *               A limit of the largest packet's length and 8 is enough for any packet.
 * @param ret    the packet; data points into `in`, or into `bytes` when binary, and is valid as
 *               long as those are unchanged
 * @return 0; SIO_ERR_PROTO for an empty packet, an unknown type, or base64 that is none (strict
 *         alphabet of RFC 4648 section 4; the padding may be missing); SIO_ERR_TOO_BIG or
 *         SIO_ERR_NOMEM when `bytes` cannot hold the data
 */
int sio__eio_packet_decode(struct text in, struct buf *bytes, struct eio_packet *ret);

/**
 * Number of bytes that sio__eio_packet_append() writes for this packet.
 */
size_t sio__eio_packet_size(const struct eio_packet *packet);

/**
 * Appends a packet in its form for carriers of text: type and data, or `b` and base64.
 *
 * @return 0; SIO_ERR_TOO_BIG or SIO_ERR_NOMEM, then nothing is appended
 */
int sio__eio_packet_append(struct buf *out, const struct eio_packet *packet);

#endif /* SIO_PROTO_EIO_PACKET_H */
