/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Packets with attachments: a text packet of type 5 or 6 announces them, each then comes as a
 * message of its own. An assembler holds the text and the attachments until the last one is there.
 *
 * A connection has a pointer to an assembler, NULL as long as no packet waits: an idle connection
 * pays 8 bytes. Assemblers are kept in a pool of the reactor with their memory, so that the steady
 * state allocates nothing.
 *
 * What a peer can make us hold is bounded: the number of attachments by sio__packet_decode(), the
 * bytes of text and attachments together by the pool's max_bytes; each attachment is charged for
 * its bookkeeping too, so that empty ones are not free. Memory grows with the bytes that came, and
 * never by what was announced. How long a packet may wait is for the session to decide: there is no
 * clock here.
 */
#ifndef SIO_PROTO_SIO_ASSEMBLER_H
#define SIO_PROTO_SIO_ASSEMBLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "proto/sio_packet.h"

struct value_bytes; /* value.h */

/** Charged against max_bytes for each attachment, besides its bytes. */
#define ASSEMBLER_ATTACHMENT_COST 32

/** Attachments begin at multiples of this, so that numbers in them can be read in place. */
#define ASSEMBLER_ALIGNMENT 8

/** An assembler goes back to the pool with its memory when that is no more than this. */
#define ASSEMBLER_KEEP_BYTES 16384

/** More idle assemblers than this are not kept. */
#define ASSEMBLER_KEEP_COUNT 64

/** Idle assemblers of a reactor. */
struct assembler_pool {
    struct sio_assembler *idle; /* linked by sio_assembler.next */
    uint32_t idle_count;
    uint32_t in_use;  /* assemblers that connections (or events being dispatched) hold */
    size_t max_bytes; /* of one packet: text, attachments and their cost */
};

/** A packet that waits for its attachments, or, when complete, stands ready to be dispatched. */
struct sio_assembler {
    struct sio_assembler *next;      /* in the pool */
    struct sio_packet packet;        /* nsp and json point into `bytes`: valid once complete */
    struct value_bytes *attachments; /* `count` of them; data is valid once complete */
    uint32_t count;                  /* attachments that came, at most packet.attachments */
    uint32_t cap;                    /* room in `attachments` */
    size_t charged;                  /* against max_bytes */
    struct buf bytes;                /* namespace, JSON and attachments, one behind the other */
};

/**
 * Prepares a pool; allocates nothing.
 *
 * @param max_bytes  limit for one waiting packet, text and attachments together
 */
void sio__assembler_pool_init(struct assembler_pool *pool, size_t max_bytes);

/** Frees what the pool keeps. No assembler of it may be in use any more. */
void sio__assembler_pool_done(struct assembler_pool *pool);

/**
 * Refuses or admits a text packet: to be called for every text packet that arrives, before it is
 * decoded. Text must not come between a packet and its attachments (Socket.IO protocol).
 *
 * @param a  the connection's assembler, or NULL
 * @return PACKET_OK or PACKET_TEXT_WHILE_PENDING
 */
static inline enum packet_error sio__assembler_admit_text(const struct sio_assembler *a) {
    return a ? PACKET_TEXT_WHILE_PENDING : PACKET_OK;
}

/**
 * Begins to wait for the attachments of a packet. The packet's text is copied.
 *
 * @param slot    the connection's pointer; set on success
 * @param packet  of a binary type, with attachments >= 1; its JSON should have been checked, so
 *                that nothing is awaited for a packet that is refused anyway
 * @return PACKET_OK; PACKET_TEXT_WHILE_PENDING when *slot is not NULL; PACKET_ATTACHMENTS_TOO_BIG
 *         when the text alone is over the limit; PACKET_NOMEM
 */
enum packet_error sio__assembler_begin(struct assembler_pool *pool, struct sio_assembler **slot,
                                       const struct sio_packet *packet);

/**
 * Takes the next attachment. Its bytes are copied.
 *
 * @param a             the connection's assembler; NULL when no packet waits
 * @param data, len     the bytes; len may be 0, then data may be NULL
 * @param ret_complete  true when this was the last one: a->packet and a->attachments are valid
 *                      then, until sio__assembler_end()
 * @return PACKET_OK; PACKET_BINARY_UNEXPECTED when a is NULL or complete;
 *         PACKET_ATTACHMENTS_TOO_BIG; PACKET_NOMEM. After an error the assembler is as before.
 */
enum packet_error sio__assembler_add(struct assembler_pool *pool, struct sio_assembler *a,
                                     const void *data, size_t len, bool *ret_complete);

/**
 * Forgets the packet, complete or not, and gives the assembler back. *slot becomes NULL; it may be
 * NULL already.
 *
 * A caller that dispatches a complete packet takes the assembler out of the connection first
 * (`a = *slot; *slot = NULL;`) and ends it when the event is released.
 */
void sio__assembler_end(struct assembler_pool *pool, struct sio_assembler **slot);

#endif /* SIO_PROTO_SIO_ASSEMBLER_H */
