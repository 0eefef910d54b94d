/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* Received events: dispatch to handlers, and what handlers may ask of them. */
#include <sio/error.h>
#include <sio/server.h>

#include "base/alloc.h"
#include "proto/unpack.h"
#include "socketio/socket_base.h"

/* An event that was sent and is to be shown to the outgoing catch-all handlers, after the current
 * callback. */
struct outgoing {
    struct task task;
    sio_socket *socket;
    struct frame *frame;
};

struct sio_ack {
    sio_socket *socket; /* a reference */
    uint64_t id;
};

/* ---- dispatch ---- */

/* Handlers of clients may come and go meanwhile: those that are added are not called for this
 * event, and of those that are removed the place stays. */
static void call(const struct handler_list *list, sio_socket *s, sio_event *ev) {
    uint32_t count = list->len;
    for (uint32_t i = 0; i < count && s->state == SOCKET_CONNECTED; i++) {
        const struct handler h = list->items[i];
        if (h.once) {
            sio__handlers_remove_at(s->home->handlers, (struct handler_list *)(uintptr_t)list, i);
        }
        if (h.fn != NULL) {
            ((sio_event_fn)h.fn)(s, ev, h.user);
        }
    }
}

static void tell_dropped(sio_socket *s, int status) {
    const struct handler_list *list = &s->home->handlers->error;
    for (uint32_t i = 0; i < list->len && s->state == SOCKET_CONNECTED; i++) {
        ((sio_error_fn)list->items[i].fn)(s, status, "event was refused by a middleware",
                                          list->items[i].user);
    }
}

/* @return false when a middleware drops the event */
static bool pass_middlewares(sio_socket *s, sio_event *ev) {
    const struct handler_list *list = &s->home->handlers->event_middleware;
    for (uint32_t i = 0; i < list->len; i++) {
        int r = ((sio_event_middleware_fn)list->items[i].fn)(s, ev, list->items[i].user);
        if (r < 0) {
            tell_dropped(s, r);
            return false;
        }
        if (s->state != SOCKET_CONNECTED) {
            return false;
        }
    }
    return true;
}

struct text sio__event_name_of(const sio_val *root) {
    struct text name = {"", 0};
    const char *s = sio_val_str(sio_val_at(root, 0), &name.len);
    if (s != NULL) {
        name.data = s;
    }
    return name;
}

/* Runs the handlers of an event for which there are listeners, one after the other. */
static void dispatch(sio_socket *s, sio_event *ev, bool is_named) {
    const struct handlers *h = s->home->handlers;
    if (h->any.len > 0) {
        call(&h->any, s, ev);
        if (s->state != SOCKET_CONNECTED) {
            return;
        }
    }
    if (h->event_middleware.len > 0 && !pass_middlewares(s, ev)) {
        return;
    }
    const struct handler_list *list = is_named ? sio__handlers_find(&h->events, ev->name) : NULL;
    if (list != NULL) {
        call(list, s, ev);
    }
}

/* Runs handlers of a socket, or of another that has them too. */
static void begin_calls(sio_socket *s) {
    s->home->dispatching++;
}

static void end_calls(sio_socket *s) {
    s->home->dispatching--;
    if (s->home->dispatching == 0 && s->home->handlers->has_holes) {
        sio__handlers_compact(s->home->handlers);
    }
}

void sio__event_dispatch(sio_socket *s, const struct sio_packet *packet,
                         const struct value_doc *doc, const struct value_bytes *attachments,
                         uint32_t count) {
    if (doc->root == NULL) {
        return; /* an event without data: accepted, without effect */
    }
    sio_event ev = {.args = {.root = doc->root,
                             .first = 1,
                             .json = packet->json,
                             .attachments = attachments,
                             .attachment_count = count},
                    .socket = s,
                    .name = {.data = ""},
                    .ack_id = packet->id,
                    .wants_ack = packet->has_id};
    /* Numbers are accepted as names, but name no handler. */
    const char *name = sio_val_str(sio_val_at(doc->root, 0), &ev.name.len);
    if (name != NULL) {
        ev.name.data = name;
    }
    begin_calls(s);
    dispatch(s, &ev, name != NULL);
    end_calls(s);
}

/* ---- outgoing ---- */

static void on_outgoing(struct task *task) {
    struct outgoing *note = SIO_CONTAINER_OF(task, struct outgoing, task);
    sio_socket *s = note->socket;
    struct frame *f = note->frame;
    struct text text = sio__frame_part_data(&f->parts[0]);
    struct value_bytes *attachments = sio__reallocarray(NULL, f->part_count, sizeof *attachments);
    struct sio_packet packet;
    struct value_doc doc = {0};
    if (attachments != NULL && s->state == SOCKET_CONNECTED &&
        sio__packet_decode(text.data + 1, text.len - 1, UINT32_MAX, &packet) == PACKET_OK &&
        sio__value_parse(NULL, packet.json.data, packet.json.len, &doc) == 0) {
        for (uint32_t i = 1; i < f->part_count; i++) {
            attachments[i - 1] = (struct value_bytes){f->parts[i].data, f->parts[i].len};
        }
        if (f->part_count == 1 || sio__value_bind(&doc, attachments, f->part_count - 1) == 0) {
            sio_event ev = {.args = {.root = doc.root,
                                     .first = 1,
                                     .json = packet.json,
                                     .attachments = attachments,
                                     .attachment_count = f->part_count - 1},
                            .socket = s,
                            .name = sio__event_name_of(doc.root)};
            begin_calls(s);
            call(&s->home->handlers->any_outgoing, s, &ev);
            end_calls(s);
        }
        sio__value_release(&doc);
    }
    sio__free(attachments);
    sio__frame_unref(s->home->frames, f);
    sio__free(note);
    sio_socket_unref(s);
}

int sio__event_note_outgoing(sio_socket *s, struct frame *f) {
    if (s->home->handlers->any_outgoing.len == 0) {
        return 0;
    }
    struct outgoing *note = sio__malloc(sizeof *note);
    if (note == NULL) {
        return SIO_ERR_NOMEM;
    }
    sio__task_init(&note->task, on_outgoing);
    note->socket = sio_socket_ref(s);
    note->frame = sio__frame_ref(f);
    sio__task_queue(s->home->reactor, &note->task);
    return 0;
}

/* ---- reading ---- */

const char *sio_event_name(const sio_event *ev) {
    return ev != NULL ? ev->name.data : "";
}

size_t sio_event_count(const sio_event *ev) {
    return ev != NULL ? sio__args_count(&ev->args) : 0;
}

const sio_val *sio_event_arg(const sio_event *ev, size_t index) {
    return ev != NULL ? sio__args_at(&ev->args, index) : NULL;
}

int sio_event_unpack(const sio_event *ev, const char *format, ...) {
    if (format == NULL) {
        return SIO_ERR_FORMAT;
    }
    va_list args;
    va_start(args, format);
    int r = sio__args_unpack(ev != NULL ? &ev->args : NULL, format, &args);
    va_end(args);
    return r;
}

const char *sio_event_json(const sio_event *ev, size_t *ret_len) {
    struct text text = {"", 0};
    if (ev != NULL && ev->args.root != NULL) {
        text = sio__args_text(&ev->args);
    }
    if (ret_len != NULL) {
        *ret_len = text.len;
    }
    return text.data != NULL ? text.data : "";
}

bool sio_event_wants_ack(const sio_event *ev) {
    return ev != NULL && ev->wants_ack && !ev->answered;
}

struct event_copy {
    sio_event ev;
    struct value_doc doc;
    char *name;
};

sio_event *sio_event_copy(const sio_event *ev) {
    if (ev == NULL) {
        return NULL;
    }
    struct contents contents;
    struct event_copy *copy = sio__contents_new(sizeof *copy, ev->args.json, ev->args.attachments,
                                                ev->args.attachment_count, &contents);
    if (copy == NULL) {
        return NULL;
    }
    int r = 0;
    if (contents.json.len > 0) {
        r = sio__value_parse(NULL, contents.json.data, contents.json.len, &copy->doc);
    }
    if (r == 0 && contents.count > 0) {
        r = sio__value_bind(&copy->doc, contents.attachments, contents.count);
    }
    copy->name = sio__strndup(ev->name.data, ev->name.len);
    if (r < 0 || copy->name == NULL) {
        sio_event_free(&copy->ev);
        return NULL;
    }
    copy->ev.args = (struct value_args){.root = copy->doc.root,
                                        .first = ev->args.first,
                                        .json = contents.json,
                                        .attachments = contents.attachments,
                                        .attachment_count = contents.count};
    copy->ev.name = (struct text){copy->name, ev->name.len};
    return &copy->ev;
}

void sio_event_free(sio_event *ev) {
    if (ev != NULL) {
        struct event_copy *copy = SIO_CONTAINER_OF(ev, struct event_copy, ev);
        sio__value_release(&copy->doc);
        sio__free(copy->name);
        sio__free(copy);
    }
}

/* ---- answering ---- */

static int reply_to(sio_socket *s, const struct emission *e) {
    return sio__socket_sends(s, e->flags, true) ? sio__emit(s, e) : s->home->ops->divert(s, e);
}

/* @return 1 when an answer is due, 0 when none was asked for, or SIO_ERR_STATE */
static int answer_due(const sio_event *ev) {
    if (!ev->wants_ack) {
        return 0;
    }
    return ev->answered ? SIO_ERR_STATE : 1;
}

static int reply(sio_event *ev, const struct emission *e) {
    int r = answer_due(ev);
    if (r <= 0) {
        return r;
    }
    if (ev->socket != NULL) {
        r = reply_to(ev->socket, e);
    } else {
        r = sio__emission_pack(ev->packer, SIO_TEXT("/"), e, false, 0);
        r = r < 0 ? r : ev->answer(ev);
    }
    ev->answered = r >= 0;
    return r;
}

static int reply_by_format(sio_event *ev, const char *format, va_list *args) {
    if (ev == NULL || format == NULL) {
        return SIO_ERR_INVALID;
    }
    sio_socket *s = ev->socket;
    if (s == NULL || answer_due(ev) <= 0 || !sio__socket_sends(s, 0, true)) {
        return reply(ev,
                     &(struct emission){
                         .is_reply = true, .reply_id = ev->ack_id, .format = format, .args = args});
    }
    /* As in sio_emit(): what is sent here and now needs no emission. */
    const struct socket_home *home = s->home;
    if (s->state != SOCKET_CONNECTED) {
        return SIO_ERR_CLOSED;
    }
    int r = sio__pack_ack(home->packer, home->nsp, ev->ack_id, format, args);
    r = r < 0 ? r : home->ops->reply(s);
    ev->answered = r >= 0;
    return r;
}

int sio_event_reply_v(sio_event *ev, const char *format, va_list args) {
    va_list copy;
    va_copy(copy, args);
    int r = reply_by_format(ev, format, &copy);
    va_end(copy);
    return r;
}

int sio_event_reply_msg(sio_event *ev, sio_msg *msg) {
    if (ev == NULL || msg == NULL) {
        return SIO_ERR_INVALID;
    }
    return reply(ev, &(struct emission){.is_reply = true, .reply_id = ev->ack_id, .msg = msg});
}

int sio_event_reply(sio_event *ev, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int r = reply_by_format(ev, format, &args);
    va_end(args);
    return r;
}

sio_ack *sio_event_take_ack(sio_event *ev) {
    if (!sio_event_wants_ack(ev) || ev->socket == NULL) {
        return NULL;
    }
    sio_ack *ack = sio__malloc(sizeof *ack);
    if (ack != NULL) {
        ack->socket = sio_socket_ref(ev->socket);
        ack->id = ev->ack_id;
        ev->answered = true;
    }
    return ack;
}

int sio_ack_reply(sio_ack *ack, const char *format, ...) {
    if (ack == NULL) {
        return 0;
    }
    int r = SIO_ERR_INVALID;
    if (format != NULL) {
        va_list args;
        va_start(args, format);
        r = reply_to(ack->socket,
                     &(struct emission){
                         .is_reply = true, .reply_id = ack->id, .format = format, .args = &args});
        va_end(args);
    }
    sio_ack_free(ack);
    return r;
}

int sio_ack_reply_msg(sio_ack *ack, sio_msg *msg) {
    if (ack == NULL) {
        return 0;
    }
    int r = SIO_ERR_INVALID;
    if (msg != NULL) {
        r = reply_to(ack->socket,
                     &(struct emission){.is_reply = true, .reply_id = ack->id, .msg = msg});
    }
    sio_ack_free(ack);
    return r;
}

void sio_ack_free(sio_ack *ack) {
    if (ack != NULL) {
        sio_socket_unref(ack->socket);
        sio__free(ack);
    }
}
