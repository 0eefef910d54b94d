/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* Sending to one socket: of a server to its client, or of a client to its server. */
#include <sio/error.h>
#include <string.h>

#include "base/alloc.h"
#include "socketio/socket_base.h"

struct frame *sio__emit_frame(const struct socket_home *home) {
    const struct packer *p = home->packer;
    struct text text = sio__packer_text(p);
    struct frame_source one = {text.data, text.len, false};
    uint32_t count = p->attachments.len;
    if (count == 0) {
        return sio__frame_new(home->frames, &one, 1);
    }
    struct frame_source *parts = sio__reallocarray(NULL, (size_t)count + 1, sizeof *parts);
    if (parts == NULL) {
        return NULL;
    }
    parts[0] = one;
    for (uint32_t i = 0; i < count; i++) {
        parts[i + 1] =
            (struct frame_source){p->attachments.items[i].data, p->attachments.items[i].len, true};
    }
    struct frame *f = sio__frame_new(home->frames, parts, count + 1);
    sio__free(parts);
    return f;
}

int sio__emission_pack(struct packer *p, struct text nsp, const struct emission *e, bool has_id,
                       uint64_t id) {
    if (e->raw != NULL) {
        const struct contents *c = e->raw;
        return e->is_reply
                   ? sio__pack_ack_raw(p, nsp, e->reply_id, c->json, c->attachments, c->count)
                   : sio__pack_event_raw(p, nsp, has_id, id, c->json, c->attachments, c->count);
    }
    if (e->is_reply) {
        return e->msg != NULL ? sio__pack_ack_msg(p, nsp, e->reply_id, e->msg)
                              : sio__pack_ack(p, nsp, e->reply_id, e->format, e->args);
    }
    return e->msg != NULL
               ? sio__pack_event_msg(p, nsp, has_id, id, e->msg)
               : sio__pack_event(p, nsp, has_id, id, sio__text_of(e->event), e->format, e->args);
}

/* Sends what was packed with `id`, and waits for the answer. */
static int send_and_wait(sio_socket *s, const struct emission *e, uint64_t id) {
    struct ack_wait *w = sio__ack_new(s, id);
    if (w == NULL) {
        return SIO_ERR_NOMEM;
    }
    w->fn = e->ack->fn;
    w->user = e->ack->user;
    w->always_told = (e->ack->flags & EMIT_ALWAYS_TELL) != 0;
    int r = s->home->ops->send(s, e->flags, w);
    if (r < 0) {
        sio__ack_free(w);
        return r;
    }
    sio__ack_start(w, e->ack->timeout_ms != 0 ? e->ack->timeout_ms : s->home->ack_timeout_ms);
    return r;
}

int sio__emit(sio_socket *s, const struct emission *e) {
    struct socket_home *home = s->home;
    if (!sio__socket_is_alive(s) || (e->is_reply && s->state != SOCKET_CONNECTED)) {
        return SIO_ERR_CLOSED;
    }
    uint64_t id = home->next_ack;
    int r = sio__emission_pack(home->packer, home->nsp, e, e->ack != NULL, id);
    if (r < 0) {
        return r;
    }
    if (e->is_reply) {
        return home->ops->reply(s);
    }
    if (e->ack == NULL) {
        return home->ops->send(s, e->flags, NULL);
    }
    home->next_ack++;
    return send_and_wait(s, e, id);
}

static int emit(sio_socket *s, const struct emission *e) {
    if (s == NULL || (e->msg == NULL && (e->event == NULL || e->format == NULL))) {
        return SIO_ERR_INVALID;
    }
    return sio__socket_sends(s, e->flags, e->is_reply) ? sio__emit(s, e)
                                                       : s->home->ops->divert(s, e);
}

/* The same for what is sent here and now, and wants no answer: no emission has to be described. */
static int emit_plain(sio_socket *s, unsigned flags, const char *event, const char *format,
                      va_list *args) {
    if (s == NULL || event == NULL || format == NULL) {
        return SIO_ERR_INVALID;
    }
    const struct socket_home *home = s->home;
    if (!sio__socket_sends(s, flags, false)) {
        return home->ops->divert(
            s, &(struct emission){.flags = flags, .event = event, .format = format, .args = args});
    }
    if (!sio__socket_is_alive(s)) {
        return SIO_ERR_CLOSED;
    }
    int r = sio__pack_event(home->packer, home->nsp, false, 0, sio__text_of(event), format, args);
    return r < 0 ? r : home->ops->send(s, flags, NULL);
}

/* ---- the verbs ---- */

int sio_emit_v(sio_socket *s, unsigned flags, const char *event, const char *format, va_list args) {
    va_list copy;
    va_copy(copy, args);
    int r = emit_plain(s, flags & EMIT_PUBLIC_FLAGS, event, format, &copy);
    va_end(copy);
    return r;
}

int sio_emit(sio_socket *s, const char *event, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int r = emit_plain(s, 0, event, format, &args);
    va_end(args);
    return r;
}

int sio_emit_opt(sio_socket *s, unsigned flags, const char *event, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int r = emit_plain(s, flags & EMIT_PUBLIC_FLAGS, event, format, &args);
    va_end(args);
    return r;
}

int sio_emit_msg(sio_socket *s, unsigned flags, sio_msg *msg) {
    if (s == NULL || msg == NULL) {
        return SIO_ERR_INVALID;
    }
    const struct socket_home *home = s->home;
    flags &= EMIT_PUBLIC_FLAGS;
    if (!sio__socket_sends(s, flags, false)) {
        return home->ops->divert(s, &(struct emission){.flags = flags, .msg = msg});
    }
    if (!sio__socket_is_alive(s)) {
        return SIO_ERR_CLOSED;
    }
    int r = sio__pack_event_msg(home->packer, home->nsp, false, 0, msg);
    return r < 0 ? r : home->ops->send(s, flags, NULL);
}

/* What the application says of an answer, in the layout of this version: where it is, or in `room`.
 * @return NULL when it is invalid */
static const sio_ack_options *read_options(const sio_ack_options *ack, sio_ack_options *room) {
    if (ack == NULL || ack->size < sizeof ack->size) {
        return NULL;
    }
    if (ack->size < sizeof *ack || (ack->flags & ~EMIT_PUBLIC_FLAGS) != 0) {
        memset(room, 0, sizeof *room);
        memcpy(room, ack, ack->size < sizeof *room ? ack->size : sizeof *room);
        room->flags &= EMIT_PUBLIC_FLAGS;
        ack = room;
    }
    return ack->fn != NULL ? ack : NULL;
}

int sio_emit_ack(sio_socket *s, const sio_ack_options *ack, const char *event, const char *format,
                 ...) {
    sio_ack_options room;
    const sio_ack_options *options = read_options(ack, &room);
    if (options == NULL) {
        return SIO_ERR_INVALID;
    }
    va_list args;
    va_start(args, format);
    int r = emit(s, &(struct emission){.flags = options->flags,
                                       .event = event,
                                       .format = format,
                                       .args = &args,
                                       .ack = options});
    va_end(args);
    return r;
}

int sio_emit_ack_msg(sio_socket *s, const sio_ack_options *ack, sio_msg *msg) {
    sio_ack_options room;
    const sio_ack_options *options = read_options(ack, &room);
    if (options == NULL) {
        return SIO_ERR_INVALID;
    }
    return emit(s, &(struct emission){.flags = options->flags, .msg = msg, .ack = options});
}
