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
        sio_socket *s = SIO_CONTAINER_OF(node, sio_socket, task.link);
        if (s->state == SOCKET_PENDING) {
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
static sio_socket *nth_socket(const struct peer *p, uint32_t n) {
    for (const struct list *node = p->sockets.next; node != &p->sockets; node = node->next) {
        if (n == 0) {
            return SIO_CONTAINER_OF((struct list *)(uintptr_t)node, sio_socket, task.link);
        }
        n--;
    }
    return NULL;
}

static void for_each_socket(struct peer *p, void (*fn)(sio_socket *s, const char *message),
                            const char *message) {
    uint32_t i = 0;
    for (sio_socket *s = nth_socket(p, 0); s != NULL; s = nth_socket(p, i)) {
        fn(s, message);
        i += nth_socket(p, i) == s ? 1 : 0;
    }
}

static void call_drain(sio_socket *s, const char *message) {
    (void)message;
    const struct handler_list *list = &s->ns->handlers->drain;
    for (uint32_t i = 0; i < list->len && s->state == SOCKET_CONNECTED; i++) {
        ((sio_socket_fn)list->items[i].fn)(s, list->items[i].user);
    }
}

void sio__peer_drain(struct session *session) {
    for_each_socket(session->user, call_drain, NULL);
}

static void call_error(sio_socket *s, const char *message) {
    const struct handler_list *list = &s->ns->handlers->error;
    for (uint32_t i = 0; i < list->len && s->state == SOCKET_CONNECTED; i++) {
        ((sio_error_fn)list->items[i].fn)(s, SIO_ERR_PROTO, message, list->items[i].user);
    }
}

sio_socket *sio__peer_find(const struct peer *p, struct text nsp) {
    for (const struct list *node = p->sockets.next; node != &p->sockets; node = node->next) {
        sio_socket *s = SIO_CONTAINER_OF(node, sio_socket, task.link);
        /* Every name begins with a slash: of one character there is only one. */
        if (s->ns->name_len == nsp.len &&
            (nsp.len == 1 || memcmp(s->ns->name, nsp.data, nsp.len) == 0)) {
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

/* ---- complete packets ---- */

static void on_disconnect(struct peer *p, const struct sio_packet *packet) {
    sio_socket *s = sio__peer_find(p, packet->nsp);
    if (s == NULL || s->state != SOCKET_CONNECTED) {
        sio__peer_violation(p, SIO_CAUSE_PACKET_STATE, NULL);
        return;
    }
    sio__socket_end(s, SIO_REASON_CLIENT_NAMESPACE_DISCONNECT, SIO_CAUSE_PEER_CLOSED);
}

/* An event or acknowledgement whose attachments, if any, have come. */
static void on_data(struct peer *p, const struct sio_packet *packet, const struct value_doc *doc,
                    const struct value_bytes *attachments, uint32_t count) {
    sio_socket *s = sio__peer_find(p, packet->nsp);
    if (s == NULL || s->state != SOCKET_CONNECTED) {
        sio__peer_violation(p, SIO_CAUSE_PACKET_STATE, NULL);
        return;
    }
    if (packet->type == SIO_PACKET_EVENT || packet->type == SIO_PACKET_BINARY_EVENT) {
        sio__event_dispatch(s, packet, doc, attachments, count);
    } else {
        sio__ack_receive(s, packet, doc, attachments, count);
    }
}

/* @return PACKET_OK, and the parsed JSON, empty when there is none */
static enum packet_error parse(struct peer *p, const struct sio_packet *packet,
                               struct value_doc *ret_doc) {
    *ret_doc = (struct value_doc){0};
    if (packet->json.len > 0) {
        int r = sio__value_parse(&sio__peer_server(p)->scratch, packet->json.data, packet->json.len,
                                 ret_doc);
        if (r < 0) {
            return r == SIO_ERR_NOMEM ? PACKET_NOMEM : PACKET_INVALID_PAYLOAD;
        }
    }
    enum packet_error error = sio__packet_check_shape(packet->type, ret_doc->root);
    if (error != PACKET_OK) {
        sio__value_release(ret_doc);
    }
    return error;
}

static void on_complete(struct peer *p) {
    struct sio_assembler *a = p->assembler;
    p->assembler = NULL;
    if (p->joined) {
        sio__reactor_stop(&sio__peer_server(p)->reactor, &p->timer);
    }
    struct value_doc doc;
    enum packet_error error = parse(p, &a->packet, &doc);
    if (error == PACKET_OK && doc.root != NULL &&
        sio__value_bind(&doc, a->attachments, a->count) < 0) {
        error = PACKET_PLACEHOLDER;
    }
    if (error == PACKET_OK) {
        on_data(p, &a->packet, &doc, a->attachments, a->count);
        sio__value_release(&doc);
    } else {
        if (error == PACKET_PLACEHOLDER) {
            sio__value_release(&doc);
        }
        refuse(p, error);
    }
    sio__assembler_end(&sio__peer_server(p)->assemblers, &a);
}

/* A packet announces attachments: it is looked at now, so that nothing is awaited for a malformed
 * one. */
static void begin_attachments(struct peer *p, const struct sio_packet *packet) {
    struct value_doc doc;
    sio_socket *s = sio__peer_find(p, packet->nsp);
    if (s == NULL || s->state != SOCKET_CONNECTED) {
        sio__peer_violation(p, SIO_CAUSE_PACKET_STATE, NULL);
        return;
    }
    enum packet_error error = parse(p, packet, &doc);
    if (error == PACKET_OK) {
        sio__value_release(&doc);
        error = sio__assembler_begin(&sio__peer_server(p)->assemblers, &p->assembler, packet);
    }
    if (error != PACKET_OK) {
        refuse(p, error);
        return;
    }
    sio__engine_start(&sio__peer_server(p)->engine, &p->timer,
                      sio__peer_server(p)->options.o.attachment_timeout_ms);
}

static void on_binary(struct peer *p, const uint8_t *data, size_t len) {
    bool complete = false;
    enum packet_error error =
        sio__assembler_add(&sio__peer_server(p)->assemblers, p->assembler, data, len, &complete);
    if (error != PACKET_OK) {
        refuse(p, error);
    } else if (complete) {
        on_complete(p);
    }
}

static void on_text(struct peer *p, const char *text, size_t len) {
    struct sio_packet packet;
    enum packet_error error = sio__assembler_admit_text(p->assembler);
    if (error == PACKET_OK) {
        error =
            sio__packet_decode(text, len, sio__peer_server(p)->options.o.max_attachments, &packet);
    }
    if (error == PACKET_OK && packet.attachments > 0) {
        begin_attachments(p, &packet);
        return;
    }
    struct value_doc doc = {0};
    if (error == PACKET_OK) {
        error = parse(p, &packet, &doc);
    }
    if (error != PACKET_OK) {
        refuse(p, error);
        return;
    }
    switch (packet.type) {
    case SIO_PACKET_CONNECT: sio__connect(p, packet.nsp, packet.json); break;
    case SIO_PACKET_DISCONNECT: on_disconnect(p, &packet); break;
    case SIO_PACKET_CONNECT_ERROR: sio__peer_violation(p, SIO_CAUSE_PACKET_STATE, NULL); break;
    default: on_data(p, &packet, &doc, NULL, 0); break;
    }
    sio__value_release(&doc);
}

void sio__peer_message(struct session *session, uint8_t *data, size_t len, bool binary) {
    struct peer *p = session->user;
    if (p == NULL || p->closing) {
        return;
    }
    if (binary) {
        on_binary(p, data, len);
    } else {
        on_text(p, (const char *)data, len);
    }
}
