/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Packing: from an event name and a format (<sio/value.h>) or a message (<sio/msg.h>) straight to
 * the text of a packet, with the type of the Engine.IO message in front: 42["echo",1].
 *
 * The type of a packet depends on whether it has attachments, which is known only at its end.
 * Therefore the text is written behind some head-room, into which the type and the number of
 * attachments are put last: nothing is ever moved.
 *
 * One packer serves all packets of a reactor, one after the other. A packet lives in it until the
 * next call; the bytes of its attachments are borrowed from where the arguments pointed to.
 *
 * Results of the functions that pack: 0; SIO_ERR_FORMAT for a malformed format; SIO_ERR_INVALID for
 * strings that are not UTF-8, for NULL where no `?` allows it, and for values with a literal
 * "_placeholder": true in a packet with attachments (receivers would take them for one);
 * SIO_ERR_JSON for raw text that is not JSON; SIO_ERR_RESERVED for a reserved event name;
 * SIO_ERR_TOO_BIG over the limit; SIO_ERR_NOMEM. After a failure the packer holds no packet.
 */
#ifndef SIO_PROTO_PACK_H
#define SIO_PROTO_PACK_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include <sio/msg.h>

#include "base/buf.h"
#include "base/text.h"
#include "proto/json_write.h"
#include "proto/value.h"

/** Deepest nesting of brackets in a format. */
#define PACK_MAX_DEPTH 64

struct packer {
    struct buf text; /* head-room, then the packet */
    size_t start;    /* where in `text` the packet begins */
    struct json_attachments attachments;
    bool placeholder;             /* a value with a literal placeholder was written */
    struct value_scratch scratch; /* for checking raw JSON text */
};

/**
 * Prepares a packer; allocates nothing.
 *
 * @param max_bytes  limit of the text of one packet, not counting its number of attachments
 */
void sio__packer_init(struct packer *p, size_t max_bytes);

/** Forgets the packet and keeps the memory. */
void sio__packer_reset(struct packer *p);

/** Forgets the packet and gives back what is more than `keep` bytes of memory for text. */
void sio__packer_trim(struct packer *p, size_t keep);

/** Frees all memory. NULL is fine. */
void sio__packer_done(struct packer *p);

/** The text of the packet, borrowed until the next call on the packer; empty without a packet. */
static inline struct text sio__packer_text(const struct packer *p) {
    if (p->text.len == 0) {
        return (struct text){0};
    }
    return (struct text){(const char *)p->text.data + p->start, p->text.len - p->start};
}

/**
 * True for names that applications may not emit: connect, connect_error, disconnect, disconnecting,
 * newListener, removeListener.
 */
bool sio__event_name_reserved(struct text name);

/**
 * Packs an EVENT, or a BINARY_EVENT when it has attachments.
 *
 * @param nsp         namespace with its slash; "/" or empty for the main one
 * @param has_id, id  with an acknowledgement id
 * @param ap          is consumed as far as the format was followed; the caller ends it
 */
int sio__pack_event(struct packer *p, struct text nsp, bool has_id, uint64_t id, struct text event,
                    const char *format, va_list *ap);

/** Packs an ACK, or a BINARY_ACK when it has attachments. Parameters as above. */
int sio__pack_ack(struct packer *p, struct text nsp, uint64_t id, const char *format, va_list *ap);

/**
 * Packs a message, which is sealed by that. Attachments are borrowed from it.
 *
 * @return also its sticky error; SIO_ERR_FORMAT when brackets are open or a value is missing, when
 *         it has no event name (event), or when it has one (acknowledgement)
 */
int sio__pack_event_msg(struct packer *p, struct text nsp, bool has_id, uint64_t id, sio_msg *m);
int sio__pack_ack_msg(struct packer *p, struct text nsp, uint64_t id, sio_msg *m);

/**
 * Packs an EVENT whose array is JSON text already, with placeholders for its attachments: what
 * comes from another node. SIO_ERR_JSON when it is no JSON array, SIO_ERR_PROTO when placeholders
 * and attachments do not fit.
 */
int sio__pack_event_raw(struct packer *p, struct text nsp, bool has_id, uint64_t id,
                        struct text json, const struct value_bytes *attachments, uint32_t count);

/** The same for an ACK. */
int sio__pack_ack_raw(struct packer *p, struct text nsp, uint64_t id, struct text json,
                      const struct value_bytes *attachments, uint32_t count);

/** Packs a CONNECT. @param json  payload, taken as it is; may be empty */
int sio__pack_connect(struct packer *p, struct text nsp, struct text json);

/** Packs a DISCONNECT. */
int sio__pack_disconnect(struct packer *p, struct text nsp);

/**
 * Packs a CONNECT_ERROR: {"message":..,"data":..}.
 *
 * @param data  JSON text, checked; empty: there is no member "data"
 */
int sio__pack_connect_error(struct packer *p, struct text nsp, struct text message,
                            struct text data);

/** Packs only the array of arguments, without a packet around it: [1,"x"]. */
int sio__pack_args(struct packer *p, const char *format, va_list *ap);

#endif /* SIO_PROTO_PACK_H */
