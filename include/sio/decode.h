/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Decoding captured traffic: what packets and frames say, for tools, logs and tests.
 *
 *     sio_payload_iter it = {0};
 *     while (sio_decode_payload(body, len, &it)) {
 *         sio_decoded d = {.size = sizeof(d)};
 *         int r = sio_decode_packet(it.packet, it.len, 0, &d);
 *         if (r < 0) printf("byte %zu: %s\n", d.position, d.rule);
 *     }
 *
 * Nothing here needs a client or a server, and nothing is kept: the results are slices of the
 * input, not NUL-terminated, and live as long as it does. What a packet means depends on it alone,
 * except that of binary messages: they are the attachments of the last packet that announced some.
 *
 * Everything is [any].
 */
#ifndef SIO_DECODE_H
#define SIO_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sio/api.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What is to be decoded. */
enum sio_decode_flags {
    SIO_DECODE_BINARY = 1, /**< a binary message, that is an attachment: no type in front */
    SIO_DECODE_INNER = 2   /**< a Socket.IO packet without the type of its Engine.IO message */
};

/** What a packet says. Texts that are absent are NULL with length 0. */
typedef struct sio_decoded {
    size_t size; /**< sizeof(sio_decoded), set by the caller */

    /* Engine.IO, version 4 */
    int engine;              /**< the type, 0 to 6; -1 for none */
    const char *engine_name; /**< "open", "close", "ping", "pong", "message", "upgrade", "noop"; ""
                                  for none. Static. */
    bool binary;             /**< a binary message: data are its bytes */
    bool base64;             /**< a binary message on a carrier of text: data is base64, checked */
    size_t bytes;            /**< of a binary message: its length, after base64 */
    const char *data;        /**< what follows the type: a Socket.IO packet in a message */
    size_t data_len;

    /* Socket.IO, version 5 */
    int type;              /**< 0 to 6; -1 for none */
    const char *type_name; /**< "CONNECT", "DISCONNECT", "EVENT", "ACK", "CONNECT_ERROR",
                                "BINARY_EVENT", "BINARY_ACK"; "" for none. Static. */
    uint32_t attachments;  /**< announced: as many binary messages follow */
    bool has_id;           /**< with an acknowledgement id */
    uint64_t id;
    const char *nsp; /**< namespace; "/" (static) where the packet names none */
    size_t nsp_len;
    const char *event; /**< name of an event as JSON text: a string, or a number */
    size_t event_len;
    const char *json; /**< the arguments of an event or acknowledgement as JSON texts with commas
                           between, or the one JSON value of the other types */
    size_t json_len;

    /* the error, if any; what stands above is what was understood before it */
    const char *rule; /**< which rule is broken, in English; NULL for none. Static. */
    size_t position;  /**< offset in the input, where it is broken */
} sio_decoded;

/**
 * Decodes one packet: the text of a WebSocket frame, one packet of a polling payload, or with
 * SIO_DECODE_BINARY the bytes of a binary frame.
 *
 * @param flags        enum sio_decode_flags
 * @param ret_decoded  its size must be set; members beyond it are not written. The only result that
 *                     is written on failure, too.
 * @return 0; SIO_ERR_PROTO for a packet that breaks the rule; SIO_ERR_JSON for one whose JSON does;
 *         SIO_ERR_INVALID when data or ret_decoded is NULL; SIO_ERR_NOMEM
 */
SIO_API int sio_decode_packet(const void *data, size_t len, unsigned flags,
                              sio_decoded *ret_decoded);

/** Walks over the packets of a polling payload; {0} at its begin. */
typedef struct sio_payload_iter {
    const char *packet; /**< the current packet, may be empty */
    size_t len;         /**< its length */
    size_t offset;      /**< its place in the payload */
    size_t index;       /**< number of packets given out so far */
} sio_payload_iter;

/**
 * Takes the next packet of a payload, which are separated by the byte 0x1e. An empty payload has
 * one packet, which is empty.
 *
 * @return false behind the last one
 */
SIO_API bool sio_decode_payload(const void *payload, size_t len, sio_payload_iter *it);

/** The head of a WebSocket frame (RFC 6455 5.2). */
typedef struct sio_ws_head {
    size_t size;      /**< sizeof(sio_ws_head), set by the caller */
    size_t head_len;  /**< bytes of the head; the payload follows */
    uint64_t len;     /**< bytes of the payload */
    int opcode;       /**< 0 to 15 */
    const char *name; /**< "continuation", "text", "binary", "close", "ping", "pong", else
                           "reserved". Static. */
    bool fin;         /**< the last frame of its message */
    unsigned rsv;     /**< the reserved bits; 4 (RSV1) marks a compressed message (RFC 7692) */
    bool masked;      /**< sent by a client */
    uint8_t key[4];   /**< for sio_decode_ws_unmask() */
    const char *rule; /**< which rule is broken, in English; NULL for none. Static. */
} sio_ws_head;

/**
 * Decodes the head of the frame at the front of a captured stream, of either direction.
 *
 * @param ret_head  its size must be set; written unless more bytes are needed
 * @return 0; 1 when more bytes are needed; SIO_ERR_PROTO for a head that breaks the rule, which can
 *         be stepped over nevertheless; SIO_ERR_INVALID when data or ret_head is NULL
 */
SIO_API int sio_decode_ws(const void *data, size_t len, sio_ws_head *ret_head);

/**
 * Unmasks payload in place; nothing happens to that of a frame which is not masked.
 *
 * @param offset  how many bytes of the frame's payload stand before data
 */
SIO_API void sio_decode_ws_unmask(const sio_ws_head *head, void *data, size_t len, size_t offset);

#ifdef __cplusplus
}
#endif

#endif /* SIO_DECODE_H */
