/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The JSON array of an event or an answer with its attachments, copied into the block of whatever
 * keeps it.
 */
#ifndef SOCKETIO_CONTENTS_H
#define SOCKETIO_CONTENTS_H

#include "proto/value.h"

struct contents {
    struct text json;
    const struct value_bytes *attachments;
    uint32_t count;
    size_t bytes; /* of text and attachments */
};

/**
 * Allocates a zeroed object of `size` bytes with copies of the contents behind it.
 *
 * @param ret  set to the copies; may be a member of another object
 * @return the object, to be freed with sio__free(); NULL when out of memory
 */
void *sio__contents_new(size_t size, struct text json, const struct value_bytes *attachments,
                        uint32_t count, struct contents *ret);

#endif /* SOCKETIO_CONTENTS_H */
