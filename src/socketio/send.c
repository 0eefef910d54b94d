/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* Sending to a client: what the packer holds goes to its session. */
#include <sio/error.h>

#include "socketio/core.h"

void sio__server_note_outgoing(struct server_socket *s, struct frame *f) {
    if (sio__event_note_outgoing(&s->base, f) < 0) {
        sio__engine_count(&sio__socket_ns(s)->server->engine, SIO_CAUSE_OUT_OF_MEMORY,
                          "outgoing catch-all");
    }
}

int sio__server_send(sio_socket *socket, unsigned flags, struct ack_wait *wait) {
    struct server_socket *s = SIO_CONTAINER_OF(socket, struct server_socket, base);
    const struct packer *p = socket->home->packer;
    (void)wait;
    if (socket->home->handlers->any_outgoing.len == 0) {
        return sio__session_send(s->peer->session, sio__packer_text(p), p->attachments.items,
                                 p->attachments.len, flags);
    }
    struct frame *f = sio__emit_frame(socket->home);
    if (f == NULL) {
        return SIO_ERR_NOMEM;
    }
    int r = sio__session_send_frame(s->peer->session, f, flags);
    if (r >= 0) {
        sio__server_note_outgoing(s, f);
    }
    sio__frame_unref(socket->home->frames, f);
    return r;
}

int sio__server_reply(sio_socket *socket) {
    const struct server_socket *s = SIO_CONTAINER_OF(socket, struct server_socket, base);
    const struct packer *p = socket->home->packer;
    return sio__session_send(s->peer->session, sio__packer_text(p), p->attachments.items,
                             p->attachments.len, 0);
}
