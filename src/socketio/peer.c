/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Packets of a connection: decoding, attachments, and who they are for.
 *
 * Whatever is malformed, or not allowed in the state of the connection, closes it (Socket.IO
 * protocol, and as the official server does it).
 */
#include <sio/error.h>
#include <string.h>

#include "socketio/core.h"
#include "socketio/reader.h"

static void on_timer(struct timer *t);

int sio__peer_open(struct session *session) {
    sio_server *server = session->engine->owner;
    struct peer *p = sio__slab_alloc(&server->peer_slab);
    if (p == NULL) {
        return SIO_ERR_NOMEM;
    }
    *p = (struct peer){.session = session};
    sio__list_init(&p->sockets);
    sio__timer_init(&p->timer, on_timer);
    sio__engine_start(&server->engine, &p->timer, server->options.o.connect_timeout_ms);
    session->user = p;
    return 0;
}

static void on_timer(struct timer *t) {
    struct peer *p = SIO_CONTAINER_OF(t, struct peer, timer);
    if (p->assembler != NULL) {
        sio__peer_violation(p, SIO_CAUSE_ATTACHMENT_TIME, "attachments are missing");
    } else {
        p->closing = true;
        sio__session_close(p->session, SIO_REASON_FORCED_CLOSE, SIO_CAUSE_CONNECT_TIME);
    }
}

void sio__peer_close(struct session *session, int reason, int cause) {
    struct peer *p = session->user;
    sio_server *server = sio__peer_server(p);
    p->closing = true;
    sio__connect_abandon(p);
    struct list *node = sio__list_first(&p->sockets);
    while (node != NULL) {
        struct server_socket *s = SIO_CONTAINER_OF(node, struct server_socket, task.link);
        if (s->base.state == SOCKET_PENDING) {
            sio__socket_discard(s);
        } else {
            sio__socket_end_now(s, reason, cause);
        }
        node = sio__list_first(&p->sockets);
    }
    sio__reactor_stop(&server->reactor, &p->timer);
    sio__assembler_end(&server->assemblers, &p->assembler);
    session->user = NULL;
    sio__slab_free(&server->peer_slab, p);
}

/* Sockets may leave the peer while their callbacks run: they are counted off, not followed from
 * link to link. */
static struct server_socket *nth_socket(const struct peer *p, uint32_t n) {
    for (const struct list *node = p->sockets.next; node != &p->sockets; node = node->next) {
        if (n == 0) {
            return SIO_CONTAINER_OF((struct list *)(uintptr_t)node, struct server_socket,
                                    task.link);
        }
        n--;
    }
    return NULL;
}

static void for_each_socket(struct peer *p,
                            void (*fn)(struct server_socket *s, const char *message),
                            const char *message) {
    uint32_t i = 0;
    for (struct server_socket *s = nth_socket(p, 0); s != NULL; s = nth_socket(p, i)) {
        fn(s, message);
        i += nth_socket(p, i) == s ? 1 : 0;
    }
}

static void call_drain(struct server_socket *s, const char *message) {
    (void)message;
    const struct handler_list *list = &sio__socket_ns(s)->home.handlers->drain;
    for (uint32_t i = 0; i < list->len && s->base.state == SOCKET_CONNECTED; i++) {
        ((sio_socket_fn)list->items[i].fn)(&s->base, list->items[i].user);
    }
}

void sio__peer_drain(struct session *session) {
    for_each_socket(session->user, call_drain, NULL);
}

static void call_error(struct server_socket *s, const char *message) {
    const struct handler_list *list = &sio__socket_ns(s)->home.handlers->error;
    for (uint32_t i = 0; i < list->len && s->base.state == SOCKET_CONNECTED; i++) {
        ((sio_error_fn)list->items[i].fn)(&s->base, SIO_ERR_PROTO, message, list->items[i].user);
    }
}

struct server_socket *sio__peer_find(const struct peer *p, struct text nsp) {
    for (const struct list *node = p->sockets.next; node != &p->sockets; node = node->next) {
        struct server_socket *s = SIO_CONTAINER_OF(node, struct server_socket, task.link);
        /* Every name begins with a slash: of one character there is only one. */
        if (sio__socket_ns(s)->name_len == nsp.len &&
            (nsp.len == 1 || memcmp(sio__socket_ns(s)->name, nsp.data, nsp.len) == 0)) {
            return s;
        }
    }
    return NULL;
}

void sio__peer_violation(struct peer *p, int cause, const char *message) {
    SIO_DEBUG(&sio__peer_server(p)->log, LOG_COMPONENT_CLIENT, "%s: invalid packet: %s",
              sio__session_sid(p->session),
              message != NULL ? message : "not allowed in this state");
    p->closing = true;
    if (message != NULL) {
        for_each_socket(p, call_error, message);
    }
    sio__session_close(p->session, SIO_REASON_FORCED_CLOSE, cause);
}

static int cause_of(enum packet_error error) {
    switch (error) {
    case PACKET_TOO_MANY_ATTACHMENTS: return SIO_CAUSE_ATTACHMENT_COUNT;
    case PACKET_ATTACHMENTS_TOO_BIG: return SIO_CAUSE_ATTACHMENT_BYTES;
    case PACKET_NOMEM: return SIO_CAUSE_OUT_OF_MEMORY;
    default: return SIO_CAUSE_PACKET_SYNTAX;
    }
}

static void refuse(struct peer *p, enum packet_error error) {
    sio__peer_violation(p, cause_of(error), sio__packet_error_text(error));
}

static struct reader reader_of(const struct peer *p) {
    sio_server *server = sio__peer_server(p);
    return (struct reader){
        .pool = &server->assemblers, .scratch = &server->scratch, .assembler = p->assembler};
}

/* ---- packets ---- */

static void on_disconnect(struct peer *p, const struct sio_packet *packet) {
    struct server_socket *s = sio__peer_find(p, packet->nsp);
    if (s == NULL || s->base.state != SOCKET_CONNECTED) {
        sio__peer_violation(p, SIO_CAUSE_PACKET_STATE, NULL);
        return;
    }
    sio__socket_end(s, SIO_REASON_CLIENT_NAMESPACE_DISCONNECT, SIO_CAUSE_PEER_CLOSED);
}

/* An event or acknowledgement whose attachments, if any, have come. */
static void on_data(struct peer *p, const struct sio_packet *packet, const struct value_doc *doc,
                    const struct value_bytes *attachments, uint32_t count) {
    struct server_socket *s = sio__peer_find(p, packet->nsp);
    if (s == NULL || s->base.state != SOCKET_CONNECTED) {
        sio__peer_violation(p, SIO_CAUSE_PACKET_STATE, NULL);
        return;
    }
    if (packet->type == SIO_PACKET_EVENT || packet->type == SIO_PACKET_BINARY_EVENT) {
        sio__peer_server(p)->engine.stats.events_in += doc->root != NULL ? 1 : 0;
        sio__event_dispatch(&s->base, packet, doc, attachments, count);
    } else {
        sio__ack_receive(&s->base, packet, doc, attachments, count);
    }
}

/* A packet announces attachments: who it is for is looked at now, so that nothing is awaited in
 * vain. */
static void begin_attachments(struct peer *p, struct received *packet) {
    sio_server *server = sio__peer_server(p);
    const struct server_socket *s = sio__peer_find(p, packet->packet.nsp);
    struct reader r = reader_of(p);
    if (s == NULL || s->base.state != SOCKET_CONNECTED) {
        sio__received_done(&r, packet);
        sio__peer_violation(p, SIO_CAUSE_PACKET_STATE, NULL);
        return;
    }
    enum packet_error error = sio__reader_begin(&r, packet);
    p->assembler = r.assembler;
    if (error != PACKET_OK) {
        refuse(p, error);
        return;
    }
    sio__engine_start(&server->engine, &p->timer, server->options.o.attachment_timeout_ms);
}

static void on_packet(struct peer *p, const struct received *r) {
    switch (r->packet.type) {
    case SIO_PACKET_CONNECT: sio__connect(p, r->packet.nsp, r->packet.json); break;
    case SIO_PACKET_DISCONNECT: on_disconnect(p, &r->packet); break;
    case SIO_PACKET_CONNECT_ERROR: sio__peer_violation(p, SIO_CAUSE_PACKET_STATE, NULL); break;
    default: on_data(p, &r->packet, &r->doc, r->attachments, r->count); break;
    }
}

void sio__peer_message(struct session *session, uint8_t *data, size_t len, bool binary) {
    struct peer *p = session->user;
    if (p == NULL || p->closing) {
        return;
    }
    sio_server *server = sio__peer_server(p);
    struct reader reader = reader_of(p);
    struct received packet;
    enum packet_error error = PACKET_OK;
    enum read_state state =
        binary ? sio__reader_binary(&reader, data, len, &packet, &error)
               : sio__reader_text(&reader, (const char *)data, len,
                                  server->options.o.max_attachments, &packet, &error);
    bool was_waiting = p->assembler != NULL;
    p->assembler = reader.assembler;
    if (was_waiting && p->assembler == NULL && p->joined) {
        sio__reactor_stop(&server->reactor, &p->timer);
    }
    switch (state) {
    case READ_MORE: break;
    case READ_ERROR: refuse(p, error); break;
    case READ_BEGINS: begin_attachments(p, &packet); break;
    case READ_PACKET:
        on_packet(p, &packet);
        sio__received_done(&reader, &packet);
        break;
    }
}
