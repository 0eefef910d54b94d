/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Messages (<sio/msg.h>) as the packer sees them: the text between the brackets of a packet's
 * array, event name included, and attachments whose bytes the message owns.
 *
 * Once a message is sealed nothing in it changes any more but the number of references, so that
 * several threads may send it at once.
 */
#ifndef SIO_PROTO_MSG_H
#define SIO_PROTO_MSG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <sio/msg.h>

#include "base/buf.h"
#include "proto/json_write.h"

/** Deepest nesting of objects and arrays that are built step by step. */
#define MSG_MAX_DEPTH 64

/** Most bytes of text and of one attachment: lengths of frames have 32 bits. */
#define MSG_MAX_BYTES ((size_t)0x7fffffff)

struct sio_msg {
    atomic_uint refs;
    atomic_bool sealed;
    bool has_event;
    bool placeholder; /* a value with a literal placeholder was added */
    int error;        /* the first one; sticky */
    uint32_t depth;   /* open brackets */
    uint64_t objects; /* bit i is set: the bracket opened at depth i is that of an object */
    struct buf text;  /* "event",1,{"a":2} */
    struct json_attachments attachments;
};

/**
 * Closes a message for changes, which has to be done before it is packed. [any]
 *
 * @return 0; the sticky error; SIO_ERR_FORMAT when brackets are open; SIO_ERR_NOMEM for NULL
 */
int sio__msg_seal(sio_msg *m);

#endif /* SIO_PROTO_MSG_H */
