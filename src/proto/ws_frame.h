/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * WebSocket frames as bytes (RFC 6455 5.2, 5.3, 5.5.1, 7.4): headers, masking, close payloads.
 */
#ifndef PROTO_WS_FRAME_H
#define PROTO_WS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

#define WS_FIN         0x80
#define WS_RSV1        0x40 /* permessage-deflate: RFC 7692 */
#define WS_RSV_MASK    0x70
#define WS_OPCODE_MASK 0x0f

/* In the second byte: mask bit, and the lengths that say "in the next 2 or 8 bytes". */
#define WS_MASKED   0x80
#define WS_LEN_MASK 0x7f
#define WS_LEN_16   126
#define WS_LEN_64   127

enum ws_opcode {
    WS_OP_CONTINUATION = 0x0,
    WS_OP_TEXT = 0x1,
    WS_OP_BINARY = 0x2,
    WS_OP_CLOSE = 0x8,
    WS_OP_PING = 0x9,
    WS_OP_PONG = 0xa,
};

/** Largest header of a frame: as a server writes it, and at all. */
#define WS_HEADER_MAX_SERVER 10
#define WS_HEADER_MAX        14

/** Largest payload of a control frame, and of the reason within a close frame. */
#define WS_CONTROL_MAX 125
#define WS_REASON_MAX  123

enum ws_close_code {
    WS_CLOSE_NORMAL = 1000,
    WS_CLOSE_GOING_AWAY = 1001,
    WS_CLOSE_PROTOCOL_ERROR = 1002,
    WS_CLOSE_UNSUPPORTED = 1003,
    WS_CLOSE_NO_STATUS = 1005, /* never on the wire: the close frame had no code */
    WS_CLOSE_ABNORMAL = 1006,  /* never on the wire: there was no close frame */
    WS_CLOSE_BAD_DATA = 1007,
    WS_CLOSE_POLICY = 1008,
    WS_CLOSE_TOO_BIG = 1009,
    WS_CLOSE_INTERNAL = 1011,
};

/**
 * Writes the header of a frame, with the shortest encoding of the length.
 *
 * @param out         room for WS_HEADER_MAX bytes; WS_HEADER_MAX_SERVER without a mask
 * @param first_byte  opcode with WS_FIN and RSV bits
 * @param len         bytes of payload, below 2^63
 * @param mask        4 bytes (a client's frame), or NULL (a server's)
 * @return bytes written: 2 to 14
 */
size_t sio__ws_header(uint8_t *out, uint8_t first_byte, uint64_t len, const uint8_t *mask);

/** Bytes of the header of a client's frame, with its mask. */
static inline size_t sio__ws_client_header_len(uint64_t len) {
    return len <= WS_CONTROL_MAX ? 6 : len <= UINT16_MAX ? 8 : WS_HEADER_MAX;
}

/**
 * Masks or unmasks payload in place (RFC 6455 5.3).
 *
 * @param key     4 bytes
 * @param offset  how many bytes of the frame's payload stand before data
 */
void sio__ws_mask(uint8_t *data, size_t len, const uint8_t *key, size_t offset);

/** Writes a masked copy of a frame's whole payload. dst does not overlap src. */
void sio__ws_mask_copy(uint8_t *dst, const uint8_t *src, size_t len, const uint8_t *key);

/** As sio__ws_mask(); returns whether all bytes that were written are below 0x80. */
bool sio__ws_mask_ascii(uint8_t *data, size_t len, const uint8_t *key, size_t offset);

/** Whether a peer may send this code in a close frame (RFC 6455 7.4 and the IANA registry). */
bool sio__ws_close_code_valid(uint16_t code);

/**
 * Writes the payload of a close frame. A reason too long is cut between two characters.
 *
 * @param out     room for WS_CONTROL_MAX bytes
 * @param code    0 or WS_CLOSE_NO_STATUS: an empty payload
 * @param reason  UTF-8
 * @return bytes written
 */
size_t sio__ws_close_payload(uint8_t *out, uint16_t code, struct text reason);

#endif /* PROTO_WS_FRAME_H */
