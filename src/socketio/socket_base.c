/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* What all sockets can do, besides sending and receiving. */
#include "socketio/socket_base.h"

void sio__socket_base_init(sio_socket *s, struct socket_home *home) {
    *s = (sio_socket){.home = home, .refs = 1, .state = SOCKET_PENDING};
    sio__list_init(&s->waits);
}

void sio__socket_base_done(sio_socket *s) {
    sio_socket_set_user(s, NULL, NULL);
}

const char *sio_socket_id(const sio_socket *s) {
    return s != NULL ? s->home->ops->id(s) : "";
}

const char *sio_socket_nsp(const sio_socket *s) {
    return s != NULL ? s->home->nsp.data : "";
}

bool sio_socket_connected(const sio_socket *s) {
    return s != NULL && s->state == SOCKET_CONNECTED;
}

const char *sio_socket_transport(const sio_socket *s) {
    return s != NULL ? s->home->ops->transport(s) : "polling";
}

size_t sio_socket_pending_bytes(const sio_socket *s) {
    return s != NULL ? s->home->ops->pending(s) : 0;
}

sio_socket *sio_socket_ref(sio_socket *s) {
    return s != NULL ? s->home->ops->ref(s) : NULL;
}

void sio_socket_unref(sio_socket *s) {
    if (s != NULL) {
        s->home->ops->unref(s);
    }
}

void sio_socket_disconnect(sio_socket *s, bool close_connection) {
    if (s != NULL) {
        s->home->ops->disconnect(s, close_connection);
    }
}

void sio_socket_set_user(sio_socket *s, void *user, void (*destroy)(void *user)) {
    if (s != NULL) {
        if (s->destroy != NULL && s->user != user) {
            s->destroy(s->user);
        }
        s->user = user;
        s->destroy = destroy;
    }
}

void *sio_socket_user(const sio_socket *s) {
    return s != NULL ? s->user : NULL;
}
