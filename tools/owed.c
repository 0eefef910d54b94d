/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "owed.h"

#include <stddef.h>

unsigned owed_add(struct owed *o, sio_event *ev) {
    sio_ack *ack = sio_event_take_ack(ev);
    if (ack == NULL) {
        return 0;
    }
    o->last++;
    sio_ack_free(o->acks[o->last % OWED_MAX]);
    o->acks[o->last % OWED_MAX] = ack;
    return o->last;
}

sio_ack *owed_take(struct owed *o, unsigned long number) {
    if (number == 0 || number > o->last || o->last - number >= OWED_MAX) {
        return NULL;
    }
    sio_ack *ack = o->acks[number % OWED_MAX];
    o->acks[number % OWED_MAX] = NULL;
    return ack;
}

void owed_done(struct owed *o) {
    for (size_t i = 0; i < OWED_MAX; i++) {
        sio_ack_free(o->acks[i]);
        o->acks[i] = NULL;
    }
}
