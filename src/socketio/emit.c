/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* Sending to one socket. */
#include <sio/error.h>

#include "base/alloc.h"
#include "socketio/core.h"

struct frame *sio__emit_frame(sio_server *server) {
    struct packer *p = &server->packer;
    struct text text = sio__packer_text(p);
    struct frame_source one = {text.data, text.len, false};
    uint32_t count = p->attachments.len;
    if (count == 0) {
        return sio__frame_new(&server->engine.frames, &one, 1);
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
    struct frame *f = sio__frame_new(&server->engine.frames, parts, count + 1);
    sio__free(parts);
    return f;
}

int sio__emit_packed(sio_socket *s, unsigned flags) {
    sio_server *server = s->ns->server;
    struct packer *p = &server->packer;
    if (s->ns->handlers->any_outgoing.len == 0) {
        return sio__session_send(s->peer->session, sio__packer_text(p), p->attachments.items,
                                 p->attachments.len, flags);
    }
    struct frame *f = sio__emit_frame(server);
    if (f == NULL) {
        return SIO_ERR_NOMEM;
    }
    int r = sio__session_send_frame(s->peer->session, f, flags);
    if (r >= 0) {
        sio__event_note_outgoing(s, f);
    }
    sio__frame_unref(&server->engine.frames, f);
    return r;
}

static bool is_alive(const sio_socket *s) {
    return s->state == SOCKET_CONNECTED || s->state == SOCKET_PENDING;
}

/* All of the emit functions with a format. The list is consumed. */
static int emit(sio_socket *s, unsigned flags, const char *event, const char *format,
                va_list *args) {
    if (s == NULL || event == NULL || format == NULL) {
        return SIO_ERR_INVALID;
    }
    if (!is_alive(s)) {
        return SIO_ERR_CLOSED;
    }
    int r = sio__pack_event(&s->ns->server->packer, sio__ns_text(s->ns), false, 0,
                            sio__text_of(event), format, args);
    return r < 0 ? r : sio__emit_packed(s, flags);
}

int sio_emit_v(sio_socket *s, unsigned flags, const char *event, const char *format, va_list args) {
    va_list copy;
    va_copy(copy, args);
    int r = emit(s, flags, event, format, &copy);
    va_end(copy);
    return r;
}

int sio_emit(sio_socket *s, const char *event, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int r = emit(s, 0, event, format, &args);
    va_end(args);
    return r;
}

int sio_emit_opt(sio_socket *s, unsigned flags, const char *event, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int r = emit(s, flags, event, format, &args);
    va_end(args);
    return r;
}

int sio_emit_msg(sio_socket *s, unsigned flags, sio_msg *msg) {
    if (s == NULL || msg == NULL) {
        return SIO_ERR_INVALID;
    }
    if (!is_alive(s)) {
        return SIO_ERR_CLOSED;
    }
    int r = sio__pack_event_msg(&s->ns->server->packer, sio__ns_text(s->ns), false, 0, msg);
    return r < 0 ? r : sio__emit_packed(s, flags);
}

size_t sio_socket_pending_bytes(const sio_socket *s) {
    return s != NULL && s->peer != NULL ? sio__session_pending(s->peer->session) : 0;
}
