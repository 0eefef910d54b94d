/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* Registration of handlers of a client's socket. */
#include <sio/error.h>

#include "socketio/client_core.h"

static int add(struct client_socket *s, struct handler_list *list, handler_fn fn, void *user) {
    return fn != NULL && s->base.state != SOCKET_GONE ? sio__handlers_add(list, fn, user)
                                                      : SIO_ERR_INVALID;
}

#define ADD(socket, name, fn, user)                                                                \
    struct client_socket *s = sio__client_socket(socket);                                          \
    return s != NULL ? add(s, &s->handlers.name, (handler_fn)(fn), (user)) : SIO_ERR_INVALID

int sio_socket_on_connect(sio_socket *socket, sio_socket_fn fn, void *user) {
    ADD(socket, connect, fn, user);
}

int sio_socket_on_connect_error(sio_socket *socket, sio_connect_error_fn fn, void *user) {
    ADD(socket, connect_error, fn, user);
}

int sio_socket_on_disconnect(sio_socket *socket, sio_disconnect_fn fn, void *user) {
    ADD(socket, disconnect, fn, user);
}

int sio_socket_on_any(sio_socket *socket, sio_event_fn fn, void *user) {
    ADD(socket, any, fn, user);
}

int sio_socket_on_any_outgoing(sio_socket *socket, sio_event_fn fn, void *user) {
    ADD(socket, any_outgoing, fn, user);
}

static int add_event(sio_socket *socket, const char *event, sio_event_fn fn, void *user,
                     bool once) {
    struct client_socket *s = sio__client_socket(socket);
    if (s == NULL || event == NULL || fn == NULL || s->base.state == SOCKET_GONE ||
        sio__event_name_reserved(sio__text_of(event))) {
        return SIO_ERR_INVALID;
    }
    int r = sio__handlers_add_event(&s->handlers.events, event, (handler_fn)fn, user);
    if (r == 0 && once) {
        const struct handler_list *list =
            sio__handlers_find(&s->handlers.events, sio__text_of(event));
        list->items[list->len - 1].once = true;
    }
    return r;
}

int sio_socket_on(sio_socket *socket, const char *event, sio_event_fn fn, void *user) {
    return add_event(socket, event, fn, user, false);
}

int sio_socket_once(sio_socket *socket, const char *event, sio_event_fn fn, void *user) {
    return add_event(socket, event, fn, user, true);
}

int sio_socket_off(sio_socket *socket, const char *event, sio_event_fn fn) {
    struct client_socket *s = sio__client_socket(socket);
    if (s == NULL || s->base.state == SOCKET_GONE) {
        return 0;
    }
    struct handlers *h = &s->handlers;
    int removed = 0;
    if (event == NULL) {
        removed = sio__handlers_remove(h, &h->any, (handler_fn)fn) +
                  sio__handlers_remove(h, &h->any_outgoing, (handler_fn)fn);
    } else {
        const struct handler_list *list = sio__handlers_find(&h->events, sio__text_of(event));
        if (list != NULL) {
            removed =
                sio__handlers_remove(h, (struct handler_list *)(uintptr_t)list, (handler_fn)fn);
        }
    }
    if (h->has_holes && s->home.dispatching == 0) {
        sio__handlers_compact(h);
    }
    return removed;
}
