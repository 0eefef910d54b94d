/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "engineio/sid.h"

#include "base/text.h"

int sio__sid_new(struct rand_pool *random, uint32_t *counter, char ret_sid[SID_CHARS + 1]) {
    uint8_t bytes[15];
    int r = sio__rand_bytes(random, bytes, 12);
    if (r < 0) {
        return r;
    }
    bytes[12] = (uint8_t)(*counter >> 16);
    bytes[13] = (uint8_t)(*counter >> 8);
    bytes[14] = (uint8_t)*counter;
    (*counter)++;
    sio__base64_encode_url(ret_sid, bytes, sizeof bytes);
    ret_sid[SID_CHARS] = '\0';
    return 0;
}
