/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Values: JSON documents with binary attachments, the reading side of <sio/value.h>.
 *
 * A document is parsed into a flat array of cells by yyjson; a sio_val is one of these cells.
 * Memory comes from a scratch block that is used again for the next document, so that parsing a
 * message allocates nothing in the steady state; what does not fit there comes from the heap.
 *
 * Attachments are bound after parsing: an object {"_placeholder":true,"num":i} becomes the bytes
 * with the index i. It stays an object cell, but its first member gets a raw value, a type that no
 * JSON text can produce: that is how bytes are recognised in O(1).
 *
 * Nothing here recurses: documents may be nested as deeply as their length allows.
 */
#ifndef SIO_PROTO_VALUE_H
#define SIO_PROTO_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sio/value.h>

#include "base/text.h"

/** Bytes of a binary attachment, borrowed. */
struct value_bytes {
    const uint8_t *data; /* may be NULL when len is 0 */
    size_t len;
};

#define VALUE_SCRATCH_BYTES ((size_t)65536)

/**
 * Memory for documents, one per reactor. Several documents may be alive in it and be released in
 * any order; it is rewound when none is left. A document that is to outlive the dispatch of its
 * message does not belong here.
 */
struct value_scratch {
    uint8_t *block; /* NULL until the first document */
    size_t size;    /* of the block; 0 until it is there */
    size_t wanted;  /* size that the block will have */
    size_t used;
    size_t last;   /* offset of the newest piece, which can still grow in place */
    uint32_t live; /* documents alive */
    bool spilled;  /* the document being parsed has taken memory from the heap */
};

/** A parsed document. Zeroed means empty. */
struct value_doc {
    const sio_val *root;
    struct yyjson_doc *memory;
    struct value_scratch *scratch; /* NULL: wholly on the heap */
    bool spilled;                  /* has pieces on the heap, too */
};

/**
 * The arguments of a received event or acknowledgement: the elements of a JSON array from `first`.
 * A sio_event has this as its first member, so that a const sio_event * may be cast to it.
 */
struct value_args {
    const sio_val *root;                   /* the array; NULL when the packet had no data */
    struct text json;                      /* the text of the array, as received */
    const struct value_bytes *attachments; /* those bound to the array */
    uint32_t attachment_count;
    uint32_t first; /* 1 for events (element 0 is the name), 0 for acknowledgements */
};

/** Prepares a scratch; allocates nothing yet. @param size  usually VALUE_SCRATCH_BYTES */
void sio__value_scratch_init(struct value_scratch *scratch, size_t size);

/** Frees the block; no document may be alive. The scratch can be used again. NULL is fine. */
void sio__value_scratch_done(struct value_scratch *scratch);

/**
 * Parses a JSON text: RFC 8259, strict, any value at the top; duplicate keys are kept. Lone
 * surrogates, which JavaScript writes as "\ud800", are read as U+FFFD.
 *
 * @param scratch  where memory is taken from; NULL for the heap
 * @param json     is copied, not needed afterwards
 * @param ret_doc  for sio__value_release()
 * @return 0; SIO_ERR_JSON when the text is not JSON, or has a number beyond the range of a double;
 *         SIO_ERR_NOMEM
 */
int sio__value_parse(struct value_scratch *scratch, const char *json, size_t len,
                     struct value_doc *ret_doc);

/** Releases a document and all its values; it is empty then. NULL and an empty one are fine. */
void sio__value_release(struct value_doc *doc);

/**
 * Binds attachments: every object with a member `_placeholder` that is true becomes bytes
 * (Socket.IO protocol, BINARY_EVENT). As in the reference implementation any order, repeats and
 * unused attachments are fine, the last of duplicate members counts, and whatever else such an
 * object holds is dropped.
 *
 * @param doc          not bound before
 * @param attachments  borrowed; the bytes have to live as long as the document
 * @return 0; SIO_ERR_PROTO ("illegal attachments") when a `num` is missing, not a whole number or
 *         out of range: the document may then only be released
 */
int sio__value_bind(struct value_doc *doc, const struct value_bytes *attachments, uint32_t count);

/**
 * True when somewhere in a value there is an object that a receiver of a binary packet would take
 * for an attachment, but that is not bytes: one with "_placeholder": true. NULL has none. O(n).
 */
bool sio__value_has_placeholder(const sio_val *v);

/** sio_val_get() for a key that may hold U+0000. */
const sio_val *sio__value_member(const sio_val *v, struct text key);

/** Number of arguments; 0 without data. */
size_t sio__args_count(const struct value_args *args);

/** An argument; NULL when there is none with this index. */
const sio_val *sio__args_at(const struct value_args *args, size_t index);

/**
 * The text of the arguments alone, without brackets and without the elements before `first`:
 * 1,"x" for ["echo",1,"x"].
 *
 * @return a slice of args->json; empty when there are no arguments
 */
struct text sio__args_text(const struct value_args *args);

#endif /* SIO_PROTO_VALUE_H */
