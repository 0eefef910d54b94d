/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "socketio/contents.h"

#include <stdalign.h>
#include <string.h>

#include "base/alloc.h"

static size_t aligned(size_t size) {
    size_t unit = alignof(max_align_t);
    return (size + unit - 1) / unit * unit;
}

/* Attachments stand first, each where numbers in it can be read in place. */
void *sio__contents_new(size_t size, struct text json, const struct value_bytes *attachments,
                        uint32_t count, struct contents *ret) {
    size_t table = aligned(size);
    size_t bytes = json.len;
    size_t total = table + aligned(count * sizeof *attachments) + json.len + 1;
    for (uint32_t i = 0; i < count; i++) {
        bytes += attachments[i].len;
        total += aligned(attachments[i].len);
    }
    char *block = sio__calloc(1, total);
    if (block == NULL) {
        return NULL;
    }
    struct value_bytes *copies = (struct value_bytes *)(void *)(block + table);
    char *at = block + table + aligned(count * sizeof *attachments);
    for (uint32_t i = 0; i < count; i++) {
        if (attachments[i].len > 0) {
            memcpy(at, attachments[i].data, attachments[i].len);
        }
        copies[i] = (struct value_bytes){(const uint8_t *)at, attachments[i].len};
        at += aligned(attachments[i].len);
    }
    if (json.len > 0) {
        memcpy(at, json.data, json.len);
    }
    *ret = (struct contents){
        .json = {at, json.len}, .attachments = copies, .count = count, .bytes = bytes};
    return block;
}
