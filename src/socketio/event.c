/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* Received events: dispatch to handlers, and what handlers may ask of them. */
#include <sio/error.h>

#include "base/alloc.h"
#include "proto/unpack.h"
#include "socketio/core.h"

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

static void call(const struct handler_list *list, sio_socket *s, sio_event *ev) {
    for (uint32_t i = 0; i < list->len && s->state == SOCKET_CONNECTED; i++) {
        ((sio_event_fn)list->items[i].fn)(s, ev, list->items[i].user);
    }
}

static void tell_dropped(sio_socket *s, int status) {
    const struct handler_list *list = &s->ns->handlers->error;
    for (uint32_t i = 0; i < list->len && s->state == SOCKET_CONNECTED; i++) {
        ((sio_error_fn)list->items[i].fn)(s, status, "event was refused by a middleware",
                                          list->items[i].user);
    }
}

/* @return false when a middleware drops the event */
static bool pass_middlewares(sio_socket *s, sio_event *ev) {
    const struct handler_list *list = &s->ns->handlers->event_middleware;
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

static struct text name_of(const sio_val *root) {
    struct text name = {"", 0};
    const char *s = sio_val_str(sio_val_at(root, 0), &name.len);
    if (s != NULL) {
        name.data = s;
    }
    return name;
}

void sio__event_dispatch(sio_socket *s, const struct sio_packet *packet,
                         const struct value_doc *doc, const struct value_bytes *attachments,
                         uint32_t count) {
    const struct handlers *h = s->ns->handlers;
    if (doc->root == NULL) {
        return; /* an event without data: accepted, without effect */
    }
    sio_event ev = {.args = {.root = doc->root,
                             .first = 1,
                             .json = packet->json,
                             .attachments = attachments,
                             .attachment_count = count},
                    .socket = s,
                    .name = name_of(doc->root),
                    .ack_id = packet->id,
                    .wants_ack = packet->has_id};
    s->ns->server->engine.stats.events_in++;
    call(&h->any, s, &ev);
    if (s->state != SOCKET_CONNECTED || !pass_middlewares(s, &ev)) {
        return;
    }
    /* Numbers are accepted as names, but name no handler. */
    const struct handler_list *list = NULL;
    if (sio_val_type(sio_val_at(doc->root, 0)) == SIO_STRING) {
        list = sio__handlers_find(&h->events, ev.name);
    }
    if (list != NULL) {
        call(list, s, &ev);
    }
}

/* ---- outgoing ---- */

static void on_outgoing(struct task *task) {
    struct outgoing *note = SIO_CONTAINER_OF(task, struct outgoing, task);
    sio_socket *s = note->socket;
    sio_server *server = s->ns->server;
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
                            .name = name_of(doc.root)};
            call(&s->ns->handlers->any_outgoing, s, &ev);
        }
        sio__value_release(&doc);
    }
    sio__free(attachments);
    sio__frame_unref(&server->engine.frames, f);
    sio__free(note);
    sio_socket_unref(s);
}

void sio__event_note_outgoing(sio_socket *s, struct frame *f) {
    if (s->ns->handlers->any_outgoing.len == 0) {
        return;
    }
    struct outgoing *note = sio__malloc(sizeof *note);
    if (note == NULL) {
        sio__engine_count(&s->ns->server->engine, SIO_CAUSE_OUT_OF_MEMORY, "outgoing catch-all");
        return;
    }
    sio__task_init(&note->task, on_outgoing);
    note->socket = sio_socket_ref(s);
    note->frame = sio__frame_ref(f);
    sio__task_queue(&s->ns->server->reactor, &note->task);
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

/* ---- answering ---- */

/* Sends the acknowledgement that the packer holds. */
static int send_packed(sio_socket *s) {
    struct packer *p = &s->ns->server->packer;
    return sio__session_send(s->peer->session, sio__packer_text(p), p->attachments.items,
                             p->attachments.len, 0);
}

static int reply_packed(sio_socket *s, uint64_t id, const char *format, va_list *args) {
    if (s->state != SOCKET_CONNECTED) {
        return SIO_ERR_CLOSED;
    }
    int r = sio__pack_ack(&s->ns->server->packer, sio__ns_text(s->ns), id, format, args);
    return r < 0 ? r : send_packed(s);
}

static int reply_msg(sio_socket *s, uint64_t id, sio_msg *msg) {
    if (s->state != SOCKET_CONNECTED) {
        return SIO_ERR_CLOSED;
    }
    int r = sio__pack_ack_msg(&s->ns->server->packer, sio__ns_text(s->ns), id, msg);
    return r < 0 ? r : send_packed(s);
}

/* Events of other nodes: the first argument of the reply is the answer. */
static int tell_node(sio_event *ev, struct text array) {
    struct packer *p = &ev->on_answer_server->packer;
    struct value_doc doc = {0};
    int r = sio__value_parse(NULL, array.data, array.len, &doc);
    if (r == 0 && p->attachments.len > 0) {
        r = sio__value_bind(&doc, p->attachments.items, p->attachments.len);
    }
    if (r == 0) {
        ev->on_answer(ev->on_answer_user, sio_val_at(doc.root, 0));
    }
    sio__value_release(&doc);
    return r;
}

static int reply_to_node(sio_event *ev, const char *format, va_list *args) {
    struct packer *p = &ev->on_answer_server->packer;
    int r = sio__pack_args(p, format, args);
    return r < 0 ? r : tell_node(ev, sio__packer_text(p));
}

static int reply_to_node_msg(sio_event *ev, sio_msg *msg) {
    struct packer *p = &ev->on_answer_server->packer;
    struct sio_packet packet;
    int r = sio__pack_ack_msg(p, SIO_TEXT("/"), 0, msg);
    if (r < 0) {
        return r;
    }
    struct text text = sio__packer_text(p);
    (void)sio__packet_decode(text.data + 1, text.len - 1, UINT32_MAX, &packet);
    return tell_node(ev, packet.json);
}

/* @return 1 when an answer is due, 0 when none was asked for, or SIO_ERR_STATE */
static int answer_due(const sio_event *ev) {
    if (!ev->wants_ack) {
        return 0;
    }
    return ev->answered ? SIO_ERR_STATE : 1;
}

/* The list is consumed. */
static int reply(sio_event *ev, const char *format, va_list *args) {
    if (ev == NULL || format == NULL) {
        return SIO_ERR_INVALID;
    }
    int r = answer_due(ev);
    if (r <= 0) {
        return r;
    }
    r = ev->socket != NULL ? reply_packed(ev->socket, ev->ack_id, format, args)
                           : reply_to_node(ev, format, args);
    ev->answered = r >= 0;
    return r;
}

int sio_event_reply_v(sio_event *ev, const char *format, va_list args) {
    va_list copy;
    va_copy(copy, args);
    int r = reply(ev, format, &copy);
    va_end(copy);
    return r;
}

int sio_event_reply_msg(sio_event *ev, sio_msg *msg) {
    if (ev == NULL || msg == NULL) {
        return SIO_ERR_INVALID;
    }
    int r = answer_due(ev);
    if (r <= 0) {
        return r;
    }
    r = ev->socket != NULL ? reply_msg(ev->socket, ev->ack_id, msg) : reply_to_node_msg(ev, msg);
    ev->answered = r >= 0;
    return r;
}

int sio_event_reply(sio_event *ev, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int r = reply(ev, format, &args);
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
        r = reply_packed(ack->socket, ack->id, format, &args);
        va_end(args);
    }
    sio_ack_free(ack);
    return r;
}

int sio_ack_reply_msg(sio_ack *ack, sio_msg *msg) {
    if (ack == NULL) {
        return 0;
    }
    int r = msg != NULL ? reply_msg(ack->socket, ack->id, msg) : SIO_ERR_INVALID;
    sio_ack_free(ack);
    return r;
}

void sio_ack_free(sio_ack *ack) {
    if (ack != NULL) {
        sio_socket_unref(ack->socket);
        sio__free(ack);
    }
}

/* ---- events of other nodes ---- */

int sio_ns_local_server_event(sio_ns *ns, const sio_packet_view *packet,
                              sio_local_answer_fn on_answer, void *user) {
    if (ns == NULL || packet == NULL) {
        return SIO_ERR_INVALID;
    }
    uint32_t count = (uint32_t)packet->attachment_count;
    struct value_bytes *attachments = NULL;
    if (count > 0) {
        attachments = sio__reallocarray(NULL, count, sizeof *attachments);
        if (attachments == NULL) {
            return SIO_ERR_NOMEM;
        }
        for (uint32_t i = 0; i < count; i++) {
            attachments[i] =
                (struct value_bytes){packet->attachments[i].data, packet->attachments[i].len};
        }
    }
    struct value_doc doc = {0};
    int r = sio__value_parse(NULL, packet->json, packet->json_len, &doc);
    if (r == 0 && count > 0) {
        r = sio__value_bind(&doc, attachments, count);
    }
    if (r == 0 && sio__packet_check_shape(SIO_PACKET_EVENT, doc.root) != PACKET_OK) {
        r = SIO_ERR_JSON;
    }
    if (r == 0) {
        sio_event ev = {.args = {.root = doc.root,
                                 .first = 1,
                                 .json = {packet->json, packet->json_len},
                                 .attachments = attachments,
                                 .attachment_count = count},
                        .name = name_of(doc.root),
                        .wants_ack = on_answer != NULL,
                        .on_answer = on_answer,
                        .on_answer_user = user,
                        .on_answer_server = ns->server};
        const struct handler_list *list = sio__handlers_find(&ns->handlers->server_events, ev.name);
        for (uint32_t i = 0; list != NULL && i < list->len; i++) {
            ((sio_event_fn)list->items[i].fn)(NULL, &ev, list->items[i].user);
        }
    }
    sio__value_release(&doc);
    sio__free(attachments);
    return r;
}
