/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Retries: events wait in line, the first one is sent with an acknowledgement, and again when that
 * does not come in time or the connection is lost, each time with a new id (the option `retries` of
 * the official client). So the server gets each at least once, in order.
 */
#include <sio/error.h>

#include "base/alloc.h"
#include "socketio/client_core.h"

static struct parcel *first(const struct client_socket *s) {
    return sio__list_empty(&s->queue) ? NULL : SIO_CONTAINER_OF(s->queue.next, struct parcel, link);
}

static void take_out(struct client_socket *s, struct parcel *p) {
    sio__list_remove(&p->link);
    s->buffered_bytes -= p->contents.bytes;
    sio__client_note_room(s);
}

static void on_answer(sio_socket *socket, int status, sio_event *reply, void *user) {
    struct client_socket *s = sio__client_socket_of(socket);
    struct parcel *p = user;
    p->pending = false;
    if (status == 0 || p->tries > s->retries) {
        take_out(s, p);
        if (p->ack.fn != NULL) {
            p->ack.fn(socket, status, reply, p->ack.user);
        }
        sio__free(p);
    }
    sio__client_queue_next(s);
}

static int send_first(struct client_socket *s, struct parcel *p) {
    const sio_ack_options ack = {
        .size = sizeof ack, .fn = on_answer, .user = p, .timeout_ms = p->ack.timeout_ms};
    int r = sio__emit(
        &s->base,
        &(struct emission){.flags = p->flags | EMIT_UNBUFFERED, .raw = &p->contents, .ack = &ack});
    if (r >= 0) {
        p->pending = true;
        p->tries++;
    }
    return r;
}

/* It waits for the next connection, or for room. */
static bool is_temporary(int r) {
    return r == SIO_ERR_CLOSED || r == SIO_ERR_BUSY;
}

void sio__client_queue_next(struct client_socket *s) {
    struct parcel *p = first(s);
    while (p != NULL && s->base.state == SOCKET_CONNECTED && !p->pending) {
        int r = send_first(s, p);
        if (r >= 0 || is_temporary(r)) {
            return;
        }
        /* It cannot be sent at all: the next one may. */
        take_out(s, p);
        if (p->ack.fn != NULL) {
            p->ack.fn(&s->base, r, NULL, p->ack.user);
        }
        sio__free(p);
        p = first(s);
    }
}

int sio__client_queue_add(struct client_socket *s, struct parcel *p) {
    if (s->base.state == SOCKET_GONE) {
        return SIO_ERR_CLOSED;
    }
    if (p->contents.bytes > s->client->options.o.send_hard_bytes ||
        p->contents.bytes > s->max_buffered_bytes) {
        return SIO_ERR_TOO_BIG;
    }
    if (s->max_buffered_bytes - p->contents.bytes < s->buffered_bytes) {
        s->awaits_room = true;
        return SIO_ERR_BUSY;
    }
    bool was_empty = sio__list_empty(&s->queue);
    sio__list_push_back(&s->queue, &p->link);
    s->buffered_bytes += p->contents.bytes;
    int r = 0;
    if (was_empty && s->base.state == SOCKET_CONNECTED) {
        r = send_first(s, p);
        if (r < 0 && !is_temporary(r)) {
            take_out(s, p); /* nobody is called here: the caller is told */
            return r;
        }
    }
    return r > 0 ? r : 0;
}

void sio__client_queue_fail_calls(struct client_socket *s) {
    struct list *node = s->queue.next;
    while (node != &s->queue) {
        struct parcel *p = SIO_CONTAINER_OF(node, struct parcel, link);
        node = node->next;
        if ((p->ack.flags & EMIT_ALWAYS_TELL) == 0) {
            continue;
        }
        p->ack.fn(&s->base, SIO_ERR_CLOSED, NULL, p->ack.user);
        p->ack = (sio_ack_options){0};
        if (!p->pending) { /* else somebody still waits for its answer */
            take_out(s, p);
            sio__free(p);
        }
    }
}

void sio__client_queue_give_up(struct client_socket *s) {
    size_t count = 0; /* callbacks may add others */
    for (struct list *node = s->queue.next; node != &s->queue; node = node->next) {
        count++;
    }
    struct parcel *p = first(s);
    for (; count > 0 && p != NULL && !p->pending && s->base.state == SOCKET_PENDING; count--) {
        const sio_ack_options ack = p->ack;
        take_out(s, p);
        sio__free(p);
        if (ack.fn != NULL) {
            ack.fn(&s->base, SIO_ERR_CLOSED, NULL, ack.user);
        }
        p = first(s);
    }
}

void sio__client_queue_drop(struct client_socket *s) {
    struct parcel *p = first(s);
    while (p != NULL) {
        take_out(s, p);
        if ((p->ack.flags & EMIT_ALWAYS_TELL) != 0) {
            p->ack.fn(&s->base, SIO_ERR_CLOSED, NULL, p->ack.user);
        }
        sio__free(p);
        p = first(s);
    }
}
