/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* Emissions that are packed now and get their id later. */
#include <sio/error.h>

#include "base/alloc.h"
#include "socketio/client_core.h"

int sio__parcel_new(struct packer *packer, struct text nsp, const struct emission *e,
                    struct parcel **ret_parcel) {
    int r = sio__emission_pack(packer, nsp, e, false, 0);
    if (r < 0) {
        return r;
    }
    struct text text = sio__packer_text(packer);
    struct sio_packet packet;
    (void)sio__packet_decode(text.data + 1, text.len - 1, UINT32_MAX, &packet);
    struct contents contents;
    struct parcel *p = sio__contents_new(sizeof *p, packet.json, packer->attachments.items,
                                         packer->attachments.len, &contents);
    if (p == NULL) {
        return SIO_ERR_NOMEM;
    }
    sio__list_init(&p->link);
    p->flags = e->flags;
    p->is_reply = e->is_reply;
    p->reply_id = e->reply_id;
    if (e->ack != NULL) {
        p->ack = *e->ack;
    }
    p->contents = contents;
    *ret_parcel = p;
    return 0;
}
