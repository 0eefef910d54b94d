/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* Life and state of a socket. */
#include <sio/error.h>
#include <string.h>

#include "base/alloc.h"
#include "base/vec.h"
#include "socketio/core.h"

/* ---- birth ---- */

static void on_task(struct task *task);

static int set_auth(struct server_socket *s, struct text auth) {
    if (auth.len == 0) {
        return 0;
    }
    struct socket_auth *a = sio__calloc(1, sizeof *a + auth.len + 1);
    if (a == NULL) {
        return SIO_ERR_NOMEM;
    }
    a->len = auth.len;
    memcpy(a->json, auth.data, auth.len);
    s->auth = a;
    return 0;
}

int sio__socket_new(struct peer *p, sio_ns *ns, struct text auth,
                    struct server_socket **ret_socket) {
    sio_server *server = sio__peer_server(p);
    struct server_socket *s = sio__slab_alloc(&server->socket_slab);
    if (s == NULL) {
        return SIO_ERR_NOMEM;
    }
    memset(s, 0, sizeof *s);
    sio__socket_base_init(&s->base, &ns->home);
    int r = sio__sid_new(&server->random, &server->sid_counter, s->id);
    if (r == 0) {
        r = set_auth(s, auth);
    }
    if (r < 0) {
        sio__slab_free(&server->socket_slab, s);
        return r;
    }
    s->peer = p;
    sio__task_init(&s->task, on_task);
    sio__list_push_back(&p->sockets, &s->task.link);
    p->count++;
    ns->refs++;
    ns->pending_count++;
    *ret_socket = s;
    return 0;
}

int sio__socket_enter(struct server_socket *s) {
    sio_ns *ns = sio__socket_ns(s);
    int r = sio__vec_reserve(&ns->sockets, &ns->socket_cap, ns->socket_count + 1,
                             sizeof(struct server_socket *));
    if (r == 0) {
        r = sio__map_insert(&ns->ids, s);
    }
    if (r < 0) {
        return r;
    }
    s->at = ns->socket_count;
    ns->sockets[ns->socket_count] = s;
    ns->socket_count++;
    ns->pending_count--;
    ns->server->engine.stats.sockets++;
    s->base.state = SOCKET_CONNECTED;
    if (ns->adapter != NULL && ns->adapter->room_created != NULL) {
        ns->adapter->room_created(ns->adapter_self, s->id, true);
    }
    return 0;
}

/* ---- death ---- */

static void free_socket(struct server_socket *s) {
    sio_ns *ns = sio__socket_ns(s);
    sio__socket_base_done(&s->base);
    if (s->auth != NULL) {
        sio__value_release(&s->auth->doc);
        sio__free(s->auth);
    }
    sio__free(s->data);
    sio__slab_free(&ns->server->socket_slab, s);
    sio__ns_unref(ns);
}

static sio_socket *ref(sio_socket *s) {
    s->refs++;
    return s;
}

static void unref(sio_socket *s) {
    s->refs--;
    if (s->refs == 0) {
        free_socket(SIO_CONTAINER_OF(s, struct server_socket, base));
    }
}

static void leave_peer(struct server_socket *s) {
    if (sio__list_linked(&s->task.link)) {
        sio__list_remove(&s->task.link);
        s->peer->count--;
    }
}

/* Out of the namespace's lists: the last one takes its place. */
static void leave_ns(struct server_socket *s) {
    sio_ns *ns = sio__socket_ns(s);
    ns->socket_count--;
    ns->sockets[s->at] = ns->sockets[ns->socket_count];
    ns->sockets[s->at]->at = s->at;
    if (ns->socket_cap > 64 && ns->socket_count < ns->socket_cap / 4) {
        sio__vec_shrink(&ns->sockets, &ns->socket_cap, ns->socket_count * 2,
                        sizeof(struct server_socket *));
    }
    sio__map_remove(&ns->ids, s->id, SID_CHARS);
    ns->server->engine.stats.sockets--;
    if (ns->adapter != NULL && ns->adapter->room_deleted != NULL) {
        ns->adapter->room_deleted(ns->adapter_self, s->id, true);
    }
}

static void become_gone(struct server_socket *s) {
    s->base.state = SOCKET_GONE;
    s->peer = NULL;
    sio__ns_emptied(sio__socket_ns(s));
    unref(&s->base);
}

void sio__socket_end_asking(struct server_socket *s) {
    if (s->next != NULL) {
        struct sio_next *next = s->next;
        s->next = NULL;
        sio__socket_ns(s)->server->pending_count--;
        sio__next_abandon(next);
    }
}

void sio__socket_discard(struct server_socket *s) {
    sio__socket_end_asking(s);
    sio__socket_ns(s)->pending_count--;
    leave_peer(s);
    sio__ack_fail_all(&s->base);
    sio__room_leave_all(s);
    become_gone(s);
}

static void call_all(const struct handler_list *list, struct server_socket *s) {
    for (uint32_t i = 0; i < list->len; i++) {
        ((sio_disconnect_fn)list->items[i].fn)(&s->base, s->base.reason, s->base.cause,
                                               list->items[i].user);
    }
}

/* The end as the application sees it. Not inside any call of its own. */
static void tell_end(struct server_socket *s) {
    const struct handlers *h = sio__socket_ns(s)->home.handlers;
    SIO_DEBUG(&sio__socket_ns(s)->server->log, LOG_COMPONENT_SOCKET, "%s: closing: %s", s->id,
              sio_reason_text(s->base.reason));
    sio__ack_fail_all(&s->base);
    call_all(&h->disconnecting, s);
    sio__room_leave_all(s);
    leave_ns(s);
    sio__socket_ns(s)->server->engine.stats.reasons[s->base.reason]++;
    s->base.left_own_room = true;
    call_all(&h->disconnect, s);
    become_gone(s);
}

static void on_task(struct task *task) {
    tell_end(SIO_CONTAINER_OF(task, struct server_socket, task));
}

static void begin_end(struct server_socket *s, int reason, int cause) {
    s->base.state = SOCKET_ENDING;
    s->base.reason = (uint8_t)reason;
    s->base.cause = (uint8_t)cause;
    leave_peer(s);
}

void sio__socket_end(struct server_socket *s, int reason, int cause) {
    if (s->base.state == SOCKET_CONNECTED) {
        begin_end(s, reason, cause);
        sio__task_queue(&sio__socket_ns(s)->server->reactor, &s->task);
    }
}

void sio__socket_end_now(struct server_socket *s, int reason, int cause) {
    if (s->base.state == SOCKET_CONNECTED) {
        begin_end(s, reason, cause);
        tell_end(s);
    }
}

static void send_disconnect(struct server_socket *s) {
    sio_server *server = sio__socket_ns(s)->server;
    if (sio__pack_disconnect(&server->packer, sio__ns_text(sio__socket_ns(s))) == 0) {
        (void)sio__session_send(s->peer->session, sio__packer_text(&server->packer), NULL, 0, 0);
    }
}

/* Tells the client. A connection that ends over that takes all its sockets with it: none of them
   may outlive it. */
static void disconnect_one(struct server_socket *s) {
    send_disconnect(s);
    if (s->peer->session->state == SESSION_OPEN) {
        sio__socket_end(s, SIO_REASON_SERVER_NAMESPACE_DISCONNECT, SIO_CAUSE_APPLICATION);
    }
}

static void disconnect_all(struct peer *p) {
    struct list *node = p->sockets.next;
    while (node != &p->sockets) {
        struct server_socket *s = SIO_CONTAINER_OF(node, struct server_socket, task.link);
        node = node->next;
        if (s->base.state == SOCKET_CONNECTED) {
            disconnect_one(s);
        }
    }
    p->closing = true;
    sio__session_close(p->session, SIO_REASON_FORCED_CLOSE, SIO_CAUSE_APPLICATION);
}

void sio__socket_disconnect(struct server_socket *s, bool close_connection) {
    if (s->base.state != SOCKET_CONNECTED && s->base.state != SOCKET_PENDING) {
        return;
    }
    if (s->peer->session->state != SESSION_OPEN) {
        return; /* the connection has ended, and takes all its sockets with it */
    }
    if (close_connection) {
        disconnect_all(s->peer);
    } else if (s->base.state == SOCKET_CONNECTED) {
        disconnect_one(s);
    }
}

/* ---- what an application may know ---- */

struct server_socket *sio__server_socket(const sio_socket *s) {
    bool is_ours = s != NULL && s->home->ops == &sio__server_socket_ops;
    return is_ours ? SIO_CONTAINER_OF((sio_socket *)(uintptr_t)s, struct server_socket, base)
                   : NULL;
}

sio_ns *sio_socket_ns(const sio_socket *socket) {
    const struct server_socket *s = sio__server_socket(socket);
    return s != NULL ? sio__socket_ns(s) : NULL;
}

const sio_request *sio_socket_request(const sio_socket *socket) {
    const struct server_socket *s = sio__server_socket(socket);
    return s != NULL && s->peer != NULL ? s->peer->session->request : NULL;
}

void sio_socket_forget_request(sio_socket *socket) {
    struct server_socket *s = sio__server_socket(socket);
    if (s != NULL && s->peer != NULL) {
        sio__request_free(s->peer->session->request);
        s->peer->session->request = NULL;
    }
}

const sio_val *sio_socket_auth(sio_socket *socket) {
    struct server_socket *s = sio__server_socket(socket);
    struct socket_auth *a = s != NULL ? s->auth : NULL;
    if (a == NULL) {
        return NULL;
    }
    if (!a->parsed) {
        /* It was checked when it came; without memory it is tried again with the next call. */
        if (sio__value_parse(NULL, a->json, a->len, &a->doc) < 0) {
            return NULL;
        }
        a->parsed = true;
    }
    return a->doc.root;
}

/* What the packer holds, "[value]", without the brackets. */
static int copy_value(const struct packer *p, char **ret_data) {
    struct text text = sio__packer_text(p);
    struct value_doc doc = {0};
    if (p->attachments.len > 0) {
        return SIO_ERR_INVALID;
    }
    int r = sio__value_parse(NULL, text.data, text.len, &doc);
    if (r == 0 && sio_val_count(doc.root) != 1) {
        r = SIO_ERR_FORMAT;
    }
    sio__value_release(&doc);
    if (r == 0) {
        *ret_data = sio__strndup(text.data + 1, text.len - 2);
        r = *ret_data != NULL ? 0 : SIO_ERR_NOMEM;
    }
    return r;
}

int sio_socket_set_data(sio_socket *socket, const char *format, ...) {
    struct server_socket *s = sio__server_socket(socket);
    if (s == NULL) {
        return SIO_ERR_INVALID;
    }
    char *data = NULL;
    if (format != NULL) {
        struct packer *p = &sio__socket_ns(s)->server->packer;
        va_list args;
        va_start(args, format);
        int r = sio__pack_args(p, format, &args);
        va_end(args);
        if (r == 0) {
            r = copy_value(p, &data);
        }
        if (r < 0) {
            return r;
        }
    }
    sio__free(s->data);
    s->data = data;
    return 0;
}

const char *sio_socket_data(const sio_socket *socket) {
    const struct server_socket *s = sio__server_socket(socket);
    return s != NULL && s->data != NULL ? s->data : "{}";
}

/* ---- what all sockets can do ---- */

static void disconnect(sio_socket *s, bool close_connection) {
    sio__socket_disconnect(SIO_CONTAINER_OF(s, struct server_socket, base), close_connection);
}

static const char *id_of(const sio_socket *s) {
    return SIO_CONTAINER_OF((sio_socket *)(uintptr_t)s, struct server_socket, base)->id;
}

static const char *transport_of(const sio_socket *socket) {
    const struct server_socket *s = sio__server_socket(socket);
    return s->peer != NULL && s->peer->session->polling == NULL ? "websocket" : "polling";
}

static size_t pending_of(const sio_socket *socket) {
    const struct server_socket *s = sio__server_socket(socket);
    return s->peer != NULL ? sio__session_pending(s->peer->session) : 0;
}

const struct socket_ops sio__server_socket_ops = {.send = sio__server_send,
                                                  .reply = sio__server_reply,
                                                  .disconnect = disconnect,
                                                  .id = id_of,
                                                  .transport = transport_of,
                                                  .pending = pending_of,
                                                  .ref = ref,
                                                  .unref = unref};
