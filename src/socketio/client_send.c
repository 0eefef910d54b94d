/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Sending over a client's connection, or into the buffer while there is none; and what comes from
 * other threads.
 */
#include <sio/error.h>

#include "base/alloc.h"
#include "socketio/client_core.h"

/* ---- the buffer ---- */

void sio__client_note_room(struct client_socket *s) {
    if (s->awaits_room && s->buffered_bytes == 0 && !s->client->silent) {
        s->awaits_room = false;
        sio__task_queue(&s->client->host->reactor, &s->client->room_task);
    }
}

/* Takes an event out of the buffer. @return its frame, with the reference */
static struct frame *take(struct client_socket *s, struct unsent *u) {
    struct frame *f = u->frame;
    sio__list_remove(&u->link);
    s->buffered_bytes -= f->bytes;
    if (u->wait != NULL) {
        u->wait->unsent = NULL;
    }
    sio__free(u);
    sio__client_note_room(s);
    return f;
}

void sio__client_unsend(struct ack_wait *w) {
    struct client_socket *s = sio__client_socket_of(w->socket);
    sio__frame_unref(&s->client->host->frames, take(s, w->unsent));
}

/* The oldest event makes room. Whoever waits for its answer is told from the loop. */
static void drop_oldest(struct client_socket *s) {
    struct unsent *u = SIO_CONTAINER_OF(s->unsent.next, struct unsent, link);
    struct ack_wait *w = u->wait;
    sio__frame_unref(&s->client->host->frames, take(s, u));
    if (w != NULL) {
        w->status = SIO_ERR_DROPPED;
        sio__reactor_start(&s->client->host->reactor, &w->timer, 0);
    }
}

static int buffer(struct client_socket *s, struct frame *f, struct ack_wait *wait) {
    if (f->bytes > s->client->options.o.send_hard_bytes) {
        return SIO_ERR_TOO_BIG; /* it would wait for ever, and what comes after it */
    }
    if (s->overflow == SIO_OVERFLOW_DROP_OLDEST && f->bytes <= s->max_buffered_bytes) {
        while (s->max_buffered_bytes - f->bytes < s->buffered_bytes &&
               !sio__list_empty(&s->unsent)) {
            drop_oldest(s);
        }
    }
    if (f->bytes > s->max_buffered_bytes || s->max_buffered_bytes - f->bytes < s->buffered_bytes) {
        s->awaits_room = true;
        return SIO_ERR_BUSY;
    }
    struct unsent *u = sio__malloc(sizeof *u);
    if (u == NULL) {
        return SIO_ERR_NOMEM;
    }
    u->frame = sio__frame_ref(f);
    u->wait = wait;
    if (wait != NULL) {
        wait->unsent = u;
    }
    sio__list_init(&u->link);
    sio__list_push_back(&s->unsent, &u->link);
    s->buffered_bytes += f->bytes;
    return 0;
}

void sio__client_flush(struct client_socket *s) {
    sio_client *c = s->client;
    while (s->base.state == SOCKET_CONNECTED && !sio__list_empty(&s->unsent)) {
        struct unsent *u = SIO_CONTAINER_OF(s->unsent.next, struct unsent, link);
        struct ack_wait *w = u->wait;
        int r = sio__manager_send(c, u->frame);
        if (r == SIO_ERR_CLOSED || r == SIO_ERR_BUSY) {
            return; /* it waits for the next connection, or for room */
        }
        struct frame *f = take(s, u);
        if (r >= 0) {
            (void)sio__event_note_outgoing(&s->base, f);
        }
        sio__frame_unref(&c->host->frames, f);
        if (r < 0 && w != NULL) {
            sio__ack_fail(w, r);
        }
    }
    sio__client_note_room(s); /* of what never fits into the buffer */
}

void sio__client_drop(struct client_socket *s, bool all) {
    struct list *node = s->unsent.next;
    while (node != &s->unsent) {
        struct unsent *u = SIO_CONTAINER_OF(node, struct unsent, link);
        node = node->next;
        if (all || u->wait == NULL) {
            sio__frame_unref(&s->client->host->frames, take(s, u));
        }
    }
}

/* ---- sending ---- */

/* Most packets need no frame: one text that goes straight into the output.
 * @return SIO_ERR_STATE for the others */
static int send_text(struct client_socket *s) {
    const struct packer *p = s->home.packer;
    if (p->attachments.len > 0 || s->handlers.any_outgoing.len > 0) {
        return SIO_ERR_STATE;
    }
    return sio__manager_send_text(s->client, sio__packer_text(p));
}

int sio__client_send(sio_socket *socket, unsigned flags, struct ack_wait *wait) {
    struct client_socket *s = sio__client_socket_of(socket);
    sio_client *c = s->client;
    bool is_open = c->engine != NULL && sio__eio_client_state(c->engine) == EIO_CLIENT_OPEN;
    if ((flags & SIO_VOLATILE) != 0 && !(is_open && sio__eio_client_writable(c->engine))) {
        return SIO_ERR_DROPPED;
    }
    sio__client_update_time(c);
    bool can_send =
        socket->state == SOCKET_CONNECTED && is_open && !sio__eio_client_expired(c->engine);
    bool is_next = can_send && sio__list_empty(&s->unsent);
    int r = is_next ? send_text(s) : SIO_ERR_STATE;
    if (r != SIO_ERR_STATE) {
        return r;
    }
    struct frame *f = sio__emit_frame(socket->home);
    if (f == NULL) {
        return SIO_ERR_NOMEM;
    }
    if (is_next) {
        r = sio__manager_send(c, f);
        if (r >= 0) {
            (void)sio__event_note_outgoing(socket, f);
        }
    } else if ((flags & EMIT_UNBUFFERED) != 0) {
        r = can_send ? SIO_ERR_BUSY : SIO_ERR_CLOSED;
    } else {
        r = buffer(s, f, wait);
    }
    sio__frame_unref(&c->host->frames, f);
    return r;
}

int sio__client_reply(sio_socket *socket) {
    struct client_socket *s = sio__client_socket_of(socket);
    sio_client *c = s->client;
    int r = send_text(s);
    if (r != SIO_ERR_STATE) {
        return r;
    }
    struct frame *f = sio__emit_frame(socket->home);
    if (f == NULL) {
        return SIO_ERR_NOMEM;
    }
    r = sio__manager_send(c, f);
    sio__frame_unref(&c->host->frames, f);
    return r;
}

/* ---- other ways ---- */

/* An emission on its way from another thread. */
struct foreign {
    struct mail mail;
    struct client_socket *socket; /* a reference */
    struct parcel *parcel;
};

static bool is_queued(const struct client_socket *s, unsigned flags, bool is_reply) {
    return s->retries > 0 && !is_reply && (flags & SIO_VOLATILE) == 0;
}

/* On the client's thread. */
static int send_parcel(struct client_socket *s, struct parcel *p) {
    if ((p->ack.flags & EMIT_ALWAYS_TELL) != 0 && s->client->finished) {
        return SIO_ERR_CLOSED; /* its caller must not wait for it to be opened again */
    }
    if (is_queued(s, p->flags, p->is_reply)) {
        return sio__client_queue_add(s, p);
    }
    int r = sio__emit(&s->base, &(struct emission){.flags = p->flags,
                                                   .raw = &p->contents,
                                                   .ack = p->ack.fn != NULL ? &p->ack : NULL,
                                                   .is_reply = p->is_reply,
                                                   .reply_id = p->reply_id});
    if (r >= 0) {
        sio__free(p);
    }
    return r;
}

/* The emit function has returned 0 long ago: this is the way to tell that nothing was sent. */
static void tell_unsent(struct client_socket *s, int status, const sio_ack_options *ack) {
    bool is_gone = s->base.state == SOCKET_GONE;
    if (ack->fn != NULL) {
        if (!is_gone || (ack->flags & EMIT_ALWAYS_TELL) != 0) {
            ack->fn(&s->base, status, NULL, ack->user);
        }
    } else if (status != SIO_ERR_DROPPED && !is_gone) {
        SIO_LOG_AT(&s->client->log, SIO_LOG_WARN, LOG_COMPONENT_SOCKET,
                   "%s: an event of another thread was not sent: %s", s->nsp, sio_strerror(status));
    }
}

static void on_foreign(struct mail *mail) {
    struct foreign *f = SIO_CONTAINER_OF(mail, struct foreign, mail);
    struct client_socket *s = f->socket;
    struct parcel *p = f->parcel;
    sio__free(f);
    sio_client *c = s->client;
    size_t left = atomic_fetch_sub(&c->mailed_bytes, p->contents.bytes) - p->contents.bytes;
    bool has_room = left <= c->options.o.send_high_water_bytes && atomic_load(&c->is_mail_slow) &&
                    atomic_exchange(&c->is_mail_slow, false);
    const sio_ack_options ack = p->ack; /* no fn: no answer is wanted */
    int r = send_parcel(s, p);
    if (r < 0) {
        sio__free(p);
        tell_unsent(s, r, &ack);
    }
    if (has_room) {
        sio__manager_tell_room(c);
    }
    sio_socket_unref(&s->base);
}

/* Whether too much is on its way: noted before it is looked at again, so that whoever takes what
 * is too much of it knows that somebody waits. */
static bool is_mailed(sio_client *c, size_t limit) {
    if (atomic_load(&c->mailed_bytes) <= limit) {
        return false;
    }
    atomic_store(&c->is_mail_slow, true);
    return atomic_load(&c->mailed_bytes) > limit;
}

/* Why another thread cannot send now. c->lock is held. @return 0, SIO_SLOW, or an error */
static int check_mail(sio_client *c, const struct emission *e) {
    if (!c->accepts_mail) {
        return SIO_ERR_CLOSED;
    }
    if (e->ack != NULL && (e->ack->flags & EMIT_ALWAYS_TELL) != 0 && !c->accepts_calls) {
        return SIO_ERR_WOULD_DEADLOCK;
    }
    if (is_mailed(c, c->options.o.send_hard_bytes) || atomic_load(&c->is_full)) {
        return SIO_ERR_BUSY;
    }
    bool is_slow = is_mailed(c, c->options.o.send_high_water_bytes) || atomic_load(&c->is_slow);
    return is_slow ? SIO_SLOW : 0;
}

static int hand_over(struct client_socket *s, const struct emission *e) {
    sio_client *c = s->client;
    struct foreign *f = sio__malloc(sizeof *f);
    if (f == NULL) {
        return SIO_ERR_NOMEM;
    }
    *f = (struct foreign){.mail = {.fn = on_foreign}, .socket = s};
    uv_mutex_lock(&c->lock);
    int r = check_mail(c, e);
    int packed = r < 0 ? r : sio__parcel_new(&c->foreign_packer, s->home.nsp, e, &f->parcel);
    r = packed < 0 ? packed : r;
    if (r >= 0) {
        (void)sio_socket_ref(&s->base);
        atomic_fetch_add(&c->mailed_bytes, f->parcel->contents.bytes);
        sio__reactor_post(&c->host->reactor, &f->mail);
    }
    uv_mutex_unlock(&c->lock);
    if (r < 0) {
        sio__free(f);
    }
    return r;
}

bool sio__client_diverts(const sio_socket *socket, unsigned flags, bool is_reply) {
    const struct client_socket *s = sio__client_socket_of(socket);
    return is_queued(s, flags, is_reply) || sio__client_is_foreign(s->client);
}

int sio__client_divert(sio_socket *socket, const struct emission *e) {
    struct client_socket *s = sio__client_socket_of(socket);
    if (sio__client_is_foreign(s->client)) {
        return hand_over(s, e);
    }
    if (!sio__socket_is_alive(socket)) {
        return SIO_ERR_CLOSED;
    }
    struct parcel *p = NULL;
    int r = sio__parcel_new(&s->client->host->packer, s->home.nsp, e, &p);
    if (r == 0) {
        r = sio__client_queue_add(s, p);
        if (r < 0) {
            sio__free(p);
        }
    }
    return r;
}
