/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The head of Socket.IO packets, protocol version 5 (and 4, which has the same form).
 *
 *     packet = type [attachments "-"] [namespace ","] [id] [json]
 *
 * A packet travels in an Engine.IO message. sio__packet_decode() takes it apart without looking
 * into the JSON: one pass over the head, no copy, no allocation. What the JSON of each type must
 * look like is checked by sio__packet_check_shape(), once the caller has parsed it. Both together
 * accept what the grammar of the protocol allows; they refuse some input that the reference
 * implementation lets pass because JavaScript reads many strings as numbers: a blank, "1e0", "0x1".
 * The types 5 and 6 announce attachments: see sio_assembler.h.
 */
#ifndef SIO_PROTO_SIO_PACKET_H
#define SIO_PROTO_SIO_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sio/value.h>

#include "base/buf.h"
#include "base/text.h"

/** Types of packets; the values are the digits on the wire. */
enum sio_packet_type {
    SIO_PACKET_CONNECT = 0,
    SIO_PACKET_DISCONNECT = 1,
    SIO_PACKET_EVENT = 2,
    SIO_PACKET_ACK = 3,
    SIO_PACKET_CONNECT_ERROR = 4,
    SIO_PACKET_BINARY_EVENT = 5,
    SIO_PACKET_BINARY_ACK = 6
};

/** How many attachments a packet may announce, unless the application sets another limit. */
#define SIO_PACKET_MAX_ATTACHMENTS 10

/** Greatest acknowledgement id: the greatest integer that a peer in JavaScript can count to. */
#define SIO_PACKET_MAX_ID ((uint64_t)9007199254740991)

/** The rules that input can break, XX(NAME, text), in the words of the reference implementation. */
#define PACKET_ERROR_MAP(XX)                                                                       \
    XX(UNKNOWN_TYPE, "unknown packet type")                                                        \
    XX(ILLEGAL_ATTACHMENTS, "Illegal attachments")                                                 \
    XX(TOO_MANY_ATTACHMENTS, "too many attachments")                                               \
    XX(ILLEGAL_ID, "Illegal acknowledgement id")                                                   \
    XX(INVALID_PAYLOAD, "invalid payload")                                                         \
    XX(TEXT_WHILE_PENDING, "got plaintext data when reconstructing a packet")                      \
    XX(BINARY_UNEXPECTED, "got binary data when not reconstructing a packet")                      \
    XX(ATTACHMENTS_TOO_BIG, "attachments are too big")                                             \
    XX(PLACEHOLDER, "illegal attachments")                                                         \
    XX(NOMEM, "out of memory")

/** What was wrong with a packet. NOMEM is our own failure, not the peer's. */
enum packet_error {
    PACKET_OK = 0,
#define XX(name, text) PACKET_##name,
    PACKET_ERROR_MAP(XX)
#undef XX
};

struct sio_packet {
    enum sio_packet_type type; /* as on the wire, that is also BINARY_EVENT and BINARY_ACK */
    uint32_t attachments;      /* at least 1 for the binary types, else 0 */
    struct text nsp;  /* begins with '/'; "/" (static) when the packet names none; borrowed */
    struct text json; /* the rest, unchecked; empty when absent; borrowed */
    uint64_t id;      /* at most SIO_PACKET_MAX_ID; 0 without has_id */
    bool has_id;
};

/** Describes an error, for example "invalid payload"; a static string, never NULL. */
const char *sio__packet_error_text(enum packet_error error);

/**
 * Takes the head of a text packet apart.
 *
 * @param text, len        the packet, without the type of the Engine.IO message around it; UTF-8
 * @param max_attachments  how many attachments may be announced
 * @param ret              the packet; nsp and json point into `text` (nsp may be static)
 * @return PACKET_OK, or PACKET_UNKNOWN_TYPE (also for no text at all), ILLEGAL_ATTACHMENTS (a count
 *         that is missing, malformed or 0), TOO_MANY_ATTACHMENTS, ILLEGAL_ID (above
 *         SIO_PACKET_MAX_ID: a peer in JavaScript would get another id back than it sent),
 *         INVALID_PAYLOAD (a DISCONNECT with data)
 *
 * Numbers may have leading zeros, and the comma behind a namespace may be missing at the end, as
 * the reference implementation allows. White space before the JSON is part of the JSON.
 */
enum packet_error sio__packet_decode(const char *text, size_t len, uint32_t max_attachments,
                                     struct sio_packet *ret);

/**
 * Checks what the JSON of a packet is: an object for CONNECT, an object or a string for
 * CONNECT_ERROR, an array that begins with a number or an event name for EVENT (no reserved one,
 * sio__event_name_reserved()), an array for ACK, nothing for DISCONNECT.
 *
 * @param root  the parsed JSON; NULL when the packet has none, which every type may do.
 *              To be called before placeholders are bound to attachments.
 * @return PACKET_OK or PACKET_INVALID_PAYLOAD
 */
enum packet_error sio__packet_check_shape(enum sio_packet_type type, const sio_val *root);

/**
 * Appends the head of a packet, without the type of the Engine.IO message around it. The JSON, if
 * any, is to be appended right behind.
 *
 * @param attachments  written for the binary types, where it must not be 0; else ignored
 * @param nsp          "/" (or nothing) is left out; else it begins with '/' and holds no comma
 * @param id           written when has_id
 * @return 0; SIO_ERR_TOO_BIG or SIO_ERR_NOMEM, then nothing is appended
 */
int sio__packet_head(struct buf *out, enum sio_packet_type type, uint32_t attachments,
                     struct text nsp, bool has_id, uint64_t id);

#endif /* SIO_PROTO_SIO_PACKET_H */
