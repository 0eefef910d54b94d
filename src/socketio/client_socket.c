/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * A socket of a client: CONNECT and its answer, events, and its end.
 *
 *     inactive --open()--> waits for the connection --> CONNECT sent --> connected
 *         ^                          ^                       |              |
 *         |                          +--- connection lost ---+--------------+
 *         +------- refused, disconnected by either side -----+--------------+
 */
#include <sio/error.h>
#include <string.h>

#include "base/alloc.h"
#include "proto/json_write.h"
#include "socketio/client_core.h"

/* What a client of protocol 5 gets to see of a server of protocol 4; the text of the official
 * client. */
static const char OLD_SERVER[] =
    "It seems you are trying to reach a Socket.IO server in v2.x with a v3.x client, but they are "
    "not compatible (more information here: "
    "https://socket.io/docs/v3/migrating-from-2-x-to-3-0/)";

/* The payload of a CONNECT packet, on its way from the application. */
struct sio_auth_request {
    struct mail mail;
    struct client_socket *socket; /* a reference */
    char *json;
    bool cancelled; /* it comes too late */
};

static void call_sockets(struct client_socket *s, struct handler_list *list,
                         void (*call)(struct client_socket *s, const struct handler *h, void *arg),
                         void *arg) {
    uint32_t count = list->len;
    s->home.dispatching++;
    for (uint32_t i = 0; i < count && s->base.state != SOCKET_GONE; i++) {
        const struct handler h = list->items[i];
        if (h.fn != NULL) {
            call(s, &h, arg);
        }
    }
    s->home.dispatching--;
    if (s->home.dispatching == 0 && s->handlers.has_holes) {
        sio__handlers_compact(&s->handlers);
    }
}

/* ---- CONNECT ---- */

static void stop_asking(struct client_socket *s) {
    s->asked = false;
    sio__reactor_stop(&s->client->host->reactor, &s->connect_timer);
    if (s->auth_request != NULL) {
        s->auth_request->cancelled = true;
        s->auth_request = NULL;
    }
}

static void free_early(struct client_socket *s, struct early *e) {
    sio__list_remove(&e->link);
    s->early_bytes -= e->bytes;
    sio__free(e);
}

/* They belong to a connection that is over. */
static void drop_early(struct client_socket *s) {
    while (!sio__list_empty(&s->early)) {
        free_early(s, SIO_CONTAINER_OF(s->early.next, struct early, link));
    }
}

static void tell_error(struct client_socket *s, const struct handler *h, void *arg) {
    ((sio_connect_error_fn)h->fn)(&s->base, arg, h->user);
}

/* Whether it is connected again, or for the first time, without the application's doing. */
static bool will_retry(const struct client_socket *s) {
    return s->active && !s->client->gave_up;
}

static void fail(struct client_socket *s, int status, const char *message, const sio_val *data) {
    sio_connect_error error = {
        .status = status, .message = message, .data = data, .active = will_retry(s)};
    SIO_DEBUG(&s->client->log, LOG_COMPONENT_SOCKET, "%s: cannot connect: %s", s->nsp, message);
    call_sockets(s, &s->handlers.connect_error, tell_error, &error);
}

/* The server does not want it, or cannot: it does not try again by itself. */
static void refuse(struct client_socket *s, int status, const char *message, const sio_val *data) {
    stop_asking(s);
    drop_early(s);
    s->active = false;
    fail(s, status, message, data);
    if (s->base.state != SOCKET_GONE && !s->active) {
        sio__manager_release(s->client, status);
    }
}

static void on_connect_timer(struct timer *t) {
    struct client_socket *s = SIO_CONTAINER_OF(t, struct client_socket, connect_timer);
    refuse(s, SIO_ERR_TIMEOUT, "the server does not answer CONNECT", NULL);
}

/* {"pid":"..","offset":"..", and the members of auth}, as the official client has it. */
static int write_payload(const struct client_socket *s, const char *auth, struct buf *out) {
    struct text members = auth != NULL ? sio__text_of(auth) : (struct text){"", 0};
    if (s->pid == NULL) {
        return sio__buf_append_text(out, members);
    }
    int r = sio__buf_append_str(out, "{\"pid\":");
    if (r == 0) {
        r = sio__json_write_string(out, sio__text_of(s->pid));
    }
    if (r == 0 && s->offset != NULL) {
        r = sio__buf_append_str(out, ",\"offset\":");
        r = r < 0 ? r : sio__json_write_string(out, sio__text_of(s->offset));
    }
    const char *brace = auth != NULL ? strchr(auth, '{') : NULL;
    if (brace == NULL) {
        return r < 0 ? r : sio__buf_push(out, '}');
    }
    const char *rest = brace + 1 + strspn(brace + 1, " \t\r\n");
    if (r == 0 && *rest != '}') {
        r = sio__buf_push(out, ',');
    }
    return r < 0 ? r : sio__buf_append_str(out, rest);
}

static void send_connect(struct client_socket *s, const char *auth) {
    sio_client *c = s->client;
    struct buf payload;
    sio__buf_init(&payload, SIZE_MAX / 2);
    int r = write_payload(s, auth, &payload);
    if (r == 0) {
        r = sio__pack_connect(&c->host->packer, s->home.nsp, sio__buf_text(&payload));
    }
    struct frame *f = r == 0 ? sio__emit_frame(&s->home) : NULL;
    sio__buf_done(&payload);
    r = f != NULL ? sio__manager_send(c, f) : SIO_ERR_NOMEM;
    sio__frame_unref(&c->host->frames, f);
    if (r < 0 && r != SIO_ERR_CLOSED) {
        refuse(s, r, sio_strerror(r), NULL);
    }
}

static void free_request(struct sio_auth_request *request) {
    struct client_socket *s = request->socket;
    sio__free(request->json);
    sio__free(request);
    sio_socket_unref(&s->base);
}

static void on_auth(struct mail *mail) {
    struct sio_auth_request *request = SIO_CONTAINER_OF(mail, struct sio_auth_request, mail);
    struct client_socket *s = request->socket;
    if (!request->cancelled && s->base.state != SOCKET_GONE) {
        s->auth_request = NULL;
        send_connect(s, request->json);
    }
    free_request(request);
}

int sio_auth_give(sio_auth_request *request, const char *json) {
    if (request == NULL) {
        return SIO_ERR_INVALID;
    }
    int r = json != NULL ? sio__check_auth(json) : 0;
    if (r == 0 && json != NULL) {
        request->json = sio__strndup(json, strlen(json));
        r = request->json != NULL ? 0 : SIO_ERR_NOMEM;
    }
    if (sio__client_mail(request->socket->client, &request->mail) < 0) {
        free_request(request);
    }
    return r;
}

static void ask_for_auth(struct client_socket *s) {
    struct sio_auth_request *request = sio__calloc(1, sizeof *request);
    if (request == NULL) {
        refuse(s, SIO_ERR_NOMEM, sio_strerror(SIO_ERR_NOMEM), NULL);
        return;
    }
    request->mail.fn = on_auth;
    request->socket = s;
    (void)sio_socket_ref(&s->base);
    s->auth_request = request;
    s->auth_fn(&s->base, request, s->auth_user);
}

void sio__client_socket_on_open(struct client_socket *s) {
    if (!s->active || s->asked || s->base.state != SOCKET_PENDING) {
        return;
    }
    s->asked = true;
    if (s->connect_timeout_ms != SIO_NEVER) {
        sio__reactor_start(&s->client->host->reactor, &s->connect_timer, s->connect_timeout_ms);
    }
    if (s->auth_fn != NULL) {
        ask_for_auth(s);
    } else {
        send_connect(s, s->auth);
    }
}

static void send_disconnect(struct client_socket *s) {
    sio_client *c = s->client;
    if (sio__pack_disconnect(&c->host->packer, s->home.nsp) == 0) {
        struct frame *f = sio__emit_frame(&s->home);
        if (f != NULL) {
            (void)sio__manager_send(c, f);
        }
        sio__frame_unref(&c->host->frames, f);
    }
}

/* ---- events ---- */

/* The last argument of an event is its offset when the server can restore connections; but not of
 * one that is to be acknowledged, which it does not keep. */
static void note_offset(struct client_socket *s, const struct sio_packet *packet,
                        const sio_val *root) {
    if (s->pid == NULL || packet->has_id) {
        return;
    }
    size_t count = sio_val_count(root);
    size_t len = 0;
    const char *last = count > 1 ? sio_val_str(sio_val_at(root, count - 1), &len) : NULL;
    if (last == NULL) {
        return;
    }
    char *copy = sio__strndup(last, len);
    if (copy != NULL) { /* else the old one: what came since is sent again */
        sio__free(s->offset);
        s->offset = copy;
    }
}

static void dispatch(struct client_socket *s, const struct sio_packet *packet,
                     const struct value_doc *doc, const struct value_bytes *attachments,
                     uint32_t count) {
    note_offset(s, packet, doc->root);
    sio__event_dispatch(&s->base, packet, doc, attachments, count);
}

/* Events that overtake the answer to CONNECT are those that a restored connection has missed. */
static void keep_early(struct client_socket *s, const struct received *r) {
    struct contents contents;
    struct early *e = NULL;
    size_t bytes = sizeof *e + r->packet.json.len;
    for (uint32_t i = 0; i < r->count; i++) {
        bytes += sizeof *r->attachments + r->attachments[i].len;
    }
    bool fits = bytes <= s->client->options.o.max_attachment_bytes - s->early_bytes;
    if (!fits) {
        sio__manager_violation(s->client, SIO_CAUSE_ATTACHMENT_BYTES,
                               "too much before the answer to CONNECT");
        return;
    }
    e = sio__contents_new(sizeof *e, r->packet.json, r->attachments, r->count, &contents);
    if (e == NULL) {
        sio__manager_violation(s->client, SIO_CAUSE_OUT_OF_MEMORY, sio_strerror(SIO_ERR_NOMEM));
        return;
    }
    e->bytes = bytes;
    sio__list_init(&e->link);
    e->id = r->packet.id;
    e->has_id = r->packet.has_id;
    e->contents = contents;
    s->early_bytes += bytes;
    sio__list_push_back(&s->early, &e->link);
}

static void deliver_early(struct client_socket *s) {
    while (s->base.state == SOCKET_CONNECTED && !sio__list_empty(&s->early)) {
        struct early *e = SIO_CONTAINER_OF(s->early.next, struct early, link);
        sio__list_remove(&e->link); /* a handler may end the connection, and drop the others */
        const struct contents *c = &e->contents;
        struct value_doc doc = {0};
        int r = sio__value_parse(NULL, c->json.data, c->json.len, &doc);
        if (r == 0 && c->count > 0) {
            r = sio__value_bind(&doc, c->attachments, c->count);
        }
        if (r == 0) {
            struct sio_packet packet = {.type = SIO_PACKET_EVENT,
                                        .nsp = s->home.nsp,
                                        .json = c->json,
                                        .id = e->id,
                                        .has_id = e->has_id};
            dispatch(s, &packet, &doc, c->attachments, c->count);
        }
        sio__value_release(&doc);
        free_early(s, e);
    }
}

/* ---- connected ---- */

static void tell_connect(struct client_socket *s, const struct handler *h, void *arg) {
    (void)arg;
    if (s->base.state == SOCKET_CONNECTED) {
        ((sio_socket_fn)h->fn)(&s->base, h->user);
    }
}

static char *copy_string(const sio_val *v) {
    size_t len = 0;
    const char *s = sio_val_str(v, &len);
    return s != NULL ? sio__strndup(s, len) : NULL;
}

static void on_connected(struct client_socket *s, const sio_val *data) {
    const sio_val *pid_value = sio_val_get(data, "pid");
    char *id = copy_string(sio_val_get(data, "sid"));
    char *pid = copy_string(pid_value);
    if (id == NULL || (pid == NULL && sio_val_type(pid_value) == SIO_STRING)) {
        sio__free(id);
        sio__free(pid);
        send_disconnect(s);
        refuse(s, SIO_ERR_NOMEM, sio_strerror(SIO_ERR_NOMEM), NULL);
        return;
    }
    stop_asking(s);
    s->recovered = pid != NULL && s->pid != NULL && strcmp(pid, s->pid) == 0;
    sio__free(s->pid);
    s->pid = pid;
    sio__free(s->id);
    s->id = id;
    s->base.state = SOCKET_CONNECTED;
    SIO_DEBUG(&s->client->log, LOG_COMPONENT_SOCKET, "%s: connected, socket %s", s->nsp, s->id);
    /* The order of the official client. */
    deliver_early(s);
    sio__client_flush(s);
    sio__client_queue_next(s);
    call_sockets(s, &s->handlers.connect, tell_connect, NULL);
}

static void on_connect(struct client_socket *s, const struct received *r) {
    if (s->base.state != SOCKET_PENDING || !s->asked || s->auth_request != NULL) {
        if (s->base.state == SOCKET_PENDING && !s->active) {
            send_disconnect(s); /* we have given it up meanwhile */
        }
        return;
    }
    if (sio_val_type(sio_val_get(r->doc.root, "sid")) == SIO_STRING) {
        on_connected(s, r->doc.root);
    } else {
        refuse(s, SIO_ERR_UNSUPPORTED, OLD_SERVER, NULL);
    }
}

/* ---- the end ---- */

static void tell_disconnect(struct client_socket *s, const struct handler *h, void *arg) {
    (void)arg;
    ((sio_disconnect_fn)h->fn)(&s->base, s->base.reason, s->base.cause, h->user);
}

/* A socket that was connected is not any more. From the loop. */
static void tell_end(struct client_socket *s) {
    SIO_DEBUG(&s->client->log, LOG_COMPONENT_SOCKET, "%s: closing: %s", s->nsp,
              sio_reason_text(s->base.reason));
    call_sockets(s, &s->handlers.disconnect, tell_disconnect, NULL);
    if (s->base.state != SOCKET_GONE) {
        sio__ack_fail_all(&s->base);
    }
}

static void become_disconnected(struct client_socket *s, int reason, int cause) {
    s->base.state = SOCKET_PENDING;
    s->base.reason = (uint8_t)reason;
    s->base.cause = (uint8_t)cause;
    sio__free(s->id);
    s->id = NULL;
    s->recovered = false;
}

static void on_end_task(struct task *task) {
    tell_end(SIO_CONTAINER_OF(task, struct client_socket, end_task));
}

void sio__client_socket_on_close(struct client_socket *s, int reason, int cause, const char *text) {
    bool was_connected = s->base.state == SOCKET_CONNECTED;
    bool was_asking = s->asked;
    stop_asking(s);
    drop_early(s);
    if (was_connected) {
        become_disconnected(s, reason, cause);
        tell_end(s);
    } else if (was_asking && s->active) {
        fail(s, SIO_ERR_CLOSED, text, NULL);
    }
}

void sio__client_socket_on_error(struct client_socket *s, int status, const char *text) {
    if (s->active && s->base.state == SOCKET_PENDING) {
        fail(s, status, text, NULL);
    }
}

void sio__client_socket_close(struct client_socket *s) {
    bool was_connected = s->base.state == SOCKET_CONNECTED;
    bool was_active = s->active;
    if (was_connected) {
        send_disconnect(s);
        become_disconnected(s, SIO_REASON_IO_CLIENT_DISCONNECT, SIO_CAUSE_APPLICATION);
        sio__task_queue(&s->client->host->reactor, &s->end_task);
    }
    stop_asking(s);
    drop_early(s);
    s->active = false;
    s->parked = false;
    if (was_active) {
        sio__manager_release(s->client, 0);
    }
}

static void on_server_disconnect(struct client_socket *s) {
    bool was_connected = s->base.state == SOCKET_CONNECTED;
    if (!was_connected && s->asked) {
        refuse(s, SIO_ERR_REFUSED, sio_reason_text(SIO_REASON_IO_SERVER_DISCONNECT), NULL);
        return;
    }
    stop_asking(s);
    drop_early(s);
    s->active = false;
    if (was_connected) {
        become_disconnected(s, SIO_REASON_IO_SERVER_DISCONNECT, SIO_CAUSE_PEER_CLOSED);
        tell_end(s);
    }
    if (s->base.state != SOCKET_GONE && !s->active) {
        sio__manager_release(s->client, 0);
    }
}

static void on_refused(struct client_socket *s, const struct received *r) {
    if (s->base.state != SOCKET_PENDING || !s->asked) {
        return;
    }
    /* An object; a string from servers of protocol 4. */
    const sio_val *root = r->doc.root;
    const char *message =
        sio_val_str(sio_val_type(root) == SIO_STRING ? root : sio_val_get(root, "message"), NULL);
    refuse(s, SIO_ERR_REFUSED, message != NULL ? message : "", sio_val_get(root, "data"));
}

void sio__client_socket_on_packet(struct client_socket *s, const struct received *r) {
    switch (r->packet.type) {
    case SIO_PACKET_CONNECT: on_connect(s, r); break;
    case SIO_PACKET_DISCONNECT: on_server_disconnect(s); break;
    case SIO_PACKET_CONNECT_ERROR: on_refused(s, r); break;
    case SIO_PACKET_ACK:
    case SIO_PACKET_BINARY_ACK:
        if (s->base.state == SOCKET_CONNECTED) {
            sio__ack_receive(&s->base, &r->packet, &r->doc, r->attachments, r->count);
        }
        break;
    default:
        if (s->base.state == SOCKET_CONNECTED) {
            dispatch(s, &r->packet, &r->doc, r->attachments, r->count);
        } else if (s->asked) {
            keep_early(s, r);
        }
        break;
    }
}

/* ---- life ---- */

/* It was open when this was asked for; one that opens later tells by itself. */
static void on_open_task(struct task *task) {
    struct client_socket *s = SIO_CONTAINER_OF(task, struct client_socket, open_task);
    if (atomic_load(&s->client->state) == SIO_CLIENT_OPEN && !s->client->closing) {
        sio__client_socket_on_open(s);
    }
}

struct client_socket *sio__client_socket_new(sio_client *c, struct text nsp,
                                             const sio_socket_options *o) {
    struct client_socket *s = sio__calloc(1, sizeof *s);
    if (s == NULL) {
        return NULL;
    }
    s->nsp = sio__strndup(nsp.data, nsp.len);
    s->auth = o->auth != NULL ? sio__strndup(o->auth, strlen(o->auth)) : NULL;
    if (s->nsp == NULL || (s->auth == NULL && o->auth != NULL)) {
        sio__free(s->nsp);
        sio__free(s->auth);
        sio__free(s);
        return NULL;
    }
    sio__socket_base_init(&s->base, &s->home);
    s->home = (struct socket_home){.ops = &sio__client_socket_ops,
                                   .reactor = &c->host->reactor,
                                   .packer = &c->host->packer,
                                   .frames = &c->host->frames,
                                   .wait_slab = &c->host->wait_slab,
                                   .handlers = &s->handlers,
                                   .nsp = {s->nsp, nsp.len},
                                   .ack_timeout_ms = o->ack_timeout_ms};
    s->client = sio__client_ref(c);
    s->auth_fn = o->auth_fn;
    s->auth_user = o->auth_user;
    s->connect_timeout_ms = o->connect_timeout_ms;
    s->retries = o->retries;
    s->max_buffered_bytes = o->max_buffered_bytes;
    s->overflow = o->overflow;
    sio__timer_init(&s->connect_timer, on_connect_timer);
    sio__task_init(&s->end_task, on_end_task);
    sio__task_init(&s->open_task, on_open_task);
    sio__list_init(&s->unsent);
    sio__list_init(&s->early);
    sio__list_init(&s->queue);
    sio__list_init(&s->link);
    sio__list_push_back(&c->sockets, &s->link);
    return s;
}

void sio__client_socket_open(struct client_socket *s) {
    s->active = true;
    s->parked = false;
    sio__manager_wanted(s->client);
    if (atomic_load(&s->client->state) == SIO_CLIENT_OPEN) {
        sio__task_queue(&s->client->host->reactor, &s->open_task);
    }
}

/* Answers that somebody is blocked for are given, the others are forgotten. */
static void end_waits(struct client_socket *s) {
    struct list *node = sio__list_first(&s->base.waits);
    while (node != NULL) {
        struct ack_wait *w = SIO_CONTAINER_OF(node, struct ack_wait, link);
        if (w->always_told) {
            sio__ack_fail(w, SIO_ERR_CLOSED);
        } else {
            sio__ack_free(w);
        }
        node = sio__list_first(&s->base.waits);
    }
}

void sio__client_socket_fail_calls(struct client_socket *s) {
    struct list *node = s->base.waits.next;
    while (node != &s->base.waits) {
        struct ack_wait *w = SIO_CONTAINER_OF(node, struct ack_wait, link);
        node = node->next;
        if (w->always_told) {
            sio__ack_fail(w, SIO_ERR_CLOSED);
        }
    }
    sio__client_queue_fail_calls(s);
}

void sio__client_socket_give_up(struct client_socket *s) {
    size_t count = 0; /* callbacks may ask anew */
    for (struct list *node = s->base.waits.next; node != &s->base.waits; node = node->next) {
        count++;
    }
    struct list *first = sio__list_first(&s->base.waits);
    for (; count > 0 && first != NULL && s->base.state == SOCKET_PENDING; count--) {
        struct ack_wait *w = SIO_CONTAINER_OF(first, struct ack_wait, link);
        bool made_room = w->unsent == NULL && w->status == SIO_ERR_DROPPED;
        sio__ack_fail(w, made_room ? SIO_ERR_DROPPED : SIO_ERR_CLOSED);
        first = sio__list_first(&s->base.waits);
    }
    if (s->base.state == SOCKET_PENDING) {
        sio__client_drop(s, false);
    }
    sio__client_queue_give_up(s);
}

void sio__client_socket_silence(struct client_socket *s) {
    s->base.state = SOCKET_GONE;
    stop_asking(s);
}

void sio__client_socket_end(struct client_socket *s) {
    s->active = false;
    sio__task_cancel(&s->end_task);
    sio__task_cancel(&s->open_task);
    end_waits(s);
    sio__client_drop(s, true);
    sio__client_queue_drop(s);
    drop_early(s);
    sio__ack_table_done(&s->home.waits);
    sio__handlers_done(&s->handlers);
    sio__list_remove(&s->link);
    sio_socket_unref(&s->base);
}

static void free_socket(struct client_socket *s) {
    sio_client *c = s->client;
    sio__socket_base_done(&s->base);
    sio__free(s->nsp);
    sio__free(s->id);
    sio__free(s->pid);
    sio__free(s->offset);
    sio__free(s->auth);
    sio__free(s);
    sio__client_unref(c);
}

/* ---- what all sockets can do ---- */

/* What another thread asks of a socket. */
struct request {
    struct mail mail;
    struct client_socket *socket; /* a reference */
    void (*fn)(struct client_socket *s);
};

static void on_request(struct mail *mail) {
    struct request *request = SIO_CONTAINER_OF(mail, struct request, mail);
    struct client_socket *s = request->socket;
    if (s->base.state != SOCKET_GONE) {
        request->fn(s);
    }
    sio__free(request);
    sio_socket_unref(&s->base);
}

/* Calls fn on the client's thread: now, if it is this one. @return 0, SIO_ERR_CLOSED, _NOMEM */
static int call_there(struct client_socket *s, void (*fn)(struct client_socket *s)) {
    if (!sio__client_is_foreign(s->client)) {
        if (s->base.state == SOCKET_GONE) {
            return SIO_ERR_CLOSED;
        }
        sio__client_update_time(s->client);
        fn(s);
        return 0;
    }
    struct request *request = sio__malloc(sizeof *request);
    if (request == NULL) {
        return SIO_ERR_NOMEM;
    }
    *request = (struct request){.mail = {.fn = on_request}, .socket = s, .fn = fn};
    (void)sio_socket_ref(&s->base);
    int r = sio__client_mail(s->client, &request->mail);
    if (r < 0) {
        sio__free(request);
        sio_socket_unref(&s->base);
    }
    return r;
}

static void disconnect(sio_socket *socket, bool close_connection) {
    struct client_socket *s = sio__client_socket_of(socket);
    if (close_connection) {
        (void)sio_client_close(s->client);
    } else {
        (void)call_there(s, sio__client_socket_close);
    }
}

static const char *id_of(const sio_socket *socket) {
    const struct client_socket *s = sio__client_socket_of(socket);
    return socket->state == SOCKET_CONNECTED && s->id != NULL ? s->id : "";
}

static const char *transport_of(const sio_socket *socket) {
    return socket->state != SOCKET_GONE
               ? sio_client_transport(sio__client_socket_of(socket)->client)
               : "";
}

static size_t pending_of(const sio_socket *socket) {
    const struct client_socket *s = sio__client_socket_of(socket);
    sio_client *c = s->client;
    if (sio__client_is_foreign(c)) {
        return atomic_load(&c->mailed_bytes);
    }
    if (socket->state == SOCKET_GONE) {
        return 0;
    }
    return s->buffered_bytes + (c->engine != NULL ? sio__eio_client_pending(c->engine) : 0);
}

static sio_socket *ref(sio_socket *s) {
    atomic_fetch_add(&s->refs, 1);
    return s;
}

static void unref(sio_socket *s) {
    if (atomic_fetch_sub(&s->refs, 1) == 1) {
        free_socket(sio__client_socket_of(s));
    }
}

const struct socket_ops sio__client_socket_ops = {.send = sio__client_send,
                                                  .reply = sio__client_reply,
                                                  .diverts = sio__client_diverts,
                                                  .divert = sio__client_divert,
                                                  .unsend = sio__client_unsend,
                                                  .disconnect = disconnect,
                                                  .id = id_of,
                                                  .transport = transport_of,
                                                  .pending = pending_of,
                                                  .ref = ref,
                                                  .unref = unref};

struct client_socket *sio__client_socket(const sio_socket *s) {
    return s != NULL && s->home->ops == &sio__client_socket_ops ? sio__client_socket_of(s) : NULL;
}

/* ---- what only those of clients can do ---- */

sio_client *sio_socket_client(const sio_socket *socket) {
    const struct client_socket *s = sio__client_socket(socket);
    return s != NULL && s->base.state != SOCKET_GONE ? s->client : NULL;
}

int sio_socket_connect(sio_socket *socket) {
    struct client_socket *s = sio__client_socket(socket);
    return s != NULL ? call_there(s, sio__client_socket_open) : SIO_ERR_INVALID;
}

bool sio_socket_active(const sio_socket *socket) {
    const struct client_socket *s = sio__client_socket(socket);
    return s != NULL && s->base.state != SOCKET_GONE &&
           (s->base.state == SOCKET_CONNECTED || will_retry(s));
}

bool sio_socket_recovered(const sio_socket *socket) {
    const struct client_socket *s = sio__client_socket(socket);
    return s != NULL && s->recovered;
}

int sio_socket_set_auth(sio_socket *socket, const char *json) {
    struct client_socket *s = sio__client_socket(socket);
    if (s == NULL) {
        return SIO_ERR_INVALID;
    }
    char *copy = NULL;
    if (json != NULL) {
        int r = sio__check_auth(json);
        if (r < 0) {
            return r;
        }
        copy = sio__strndup(json, strlen(json));
        if (copy == NULL) {
            return SIO_ERR_NOMEM;
        }
    }
    sio__free(s->auth);
    s->auth = copy;
    s->auth_fn = NULL;
    return 0;
}
