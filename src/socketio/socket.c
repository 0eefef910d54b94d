/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* Life and state of a socket. */
#include <sio/error.h>
#include <string.h>

#include "base/alloc.h"
#include "base/vec.h"
#include "socketio/core.h"

/* ---- birth ---- */

static void on_task(struct task *task);

static int set_auth(sio_socket *s, struct text auth) {
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

int sio__socket_new(struct peer *p, sio_ns *ns, struct text auth, sio_socket **ret_socket) {
    sio_server *server = sio__peer_server(p);
    sio_socket *s = sio__slab_alloc(&server->socket_slab);
    if (s == NULL) {
        return SIO_ERR_NOMEM;
    }
    memset(s, 0, sizeof *s);
    int r = sio__sid_new(&server->random, &server->sid_counter, s->id);
    if (r == 0) {
        r = set_auth(s, auth);
    }
    if (r < 0) {
        sio__slab_free(&server->socket_slab, s);
        return r;
    }
    s->peer = p;
    s->ns = ns;
    s->refs = 1;
    s->state = SOCKET_PENDING;
    sio__list_init(&s->waits);
    sio__task_init(&s->task, on_task);
    sio__list_push_back(&p->sockets, &s->task.link);
    p->count++;
    ns->refs++;
    ns->pending_count++;
    *ret_socket = s;
    return 0;
}

int sio__socket_enter(sio_socket *s) {
    sio_ns *ns = s->ns;
    int r =
        sio__vec_reserve(&ns->sockets, &ns->socket_cap, ns->socket_count + 1, sizeof(sio_socket *));
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
    s->state = SOCKET_CONNECTED;
    if (ns->adapter != NULL && ns->adapter->room_created != NULL) {
        ns->adapter->room_created(ns->adapter_self, s->id, true);
    }
    return 0;
}

/* ---- death ---- */

static void free_socket(sio_socket *s) {
    sio_ns *ns = s->ns;
    if (s->destroy != NULL) {
        s->destroy(s->user);
    }
    if (s->auth != NULL) {
        sio__value_release(&s->auth->doc);
        sio__free(s->auth);
    }
    sio__free(s->data);
    sio__slab_free(&ns->server->socket_slab, s);
    sio__ns_unref(ns);
}

sio_socket *sio_socket_ref(sio_socket *s) {
    if (s != NULL) {
        s->refs++;
    }
    return s;
}

void sio_socket_unref(sio_socket *s) {
    if (s != NULL) {
        s->refs--;
        if (s->refs == 0) {
            free_socket(s);
        }
    }
}

static void leave_peer(sio_socket *s) {
    if (sio__list_linked(&s->task.link)) {
        sio__list_remove(&s->task.link);
        s->peer->count--;
    }
}

/* Out of the namespace's lists: the last one takes its place. */
static void leave_ns(sio_socket *s) {
    sio_ns *ns = s->ns;
    ns->socket_count--;
    ns->sockets[s->at] = ns->sockets[ns->socket_count];
    ns->sockets[s->at]->at = s->at;
    if (ns->socket_cap > 64 && ns->socket_count < ns->socket_cap / 4) {
        sio__vec_shrink(&ns->sockets, &ns->socket_cap, ns->socket_count * 2, sizeof(sio_socket *));
    }
    sio__map_remove(&ns->ids, s->id, SID_CHARS);
    ns->server->engine.stats.sockets--;
    if (ns->adapter != NULL && ns->adapter->room_deleted != NULL) {
        ns->adapter->room_deleted(ns->adapter_self, s->id, true);
    }
}

static void become_gone(sio_socket *s) {
    s->state = SOCKET_GONE;
    s->peer = NULL;
    sio__ns_emptied(s->ns);
    sio_socket_unref(s);
}

void sio__socket_end_asking(sio_socket *s) {
    if (s->next != NULL) {
        struct sio_next *next = s->next;
        s->next = NULL;
        s->ns->server->pending_count--;
        sio__next_abandon(next);
    }
}

void sio__socket_discard(sio_socket *s) {
    sio__socket_end_asking(s);
    s->ns->pending_count--;
    leave_peer(s);
    sio__ack_fail_all(s);
    sio__room_leave_all(s);
    become_gone(s);
}

static void call_all(const struct handler_list *list, sio_socket *s) {
    for (uint32_t i = 0; i < list->len; i++) {
        ((sio_disconnect_fn)list->items[i].fn)(s, s->reason, s->cause, list->items[i].user);
    }
}

/* The end as the application sees it. Not inside any call of its own. */
static void tell_end(sio_socket *s) {
    const struct handlers *h = s->ns->handlers;
    SIO_DEBUG(&s->ns->server->log, LOG_COMPONENT_SOCKET, "%s: closing: %s", s->id,
              sio_reason_text(s->reason));
    sio__ack_fail_all(s);
    call_all(&h->disconnecting, s);
    sio__room_leave_all(s);
    leave_ns(s);
    s->ns->server->engine.stats.reasons[s->reason]++;
    s->left_own_room = true;
    call_all(&h->disconnect, s);
    become_gone(s);
}

static void on_task(struct task *task) {
    tell_end(SIO_CONTAINER_OF(task, sio_socket, task));
}

static void begin_end(sio_socket *s, int reason, int cause) {
    s->state = SOCKET_ENDING;
    s->reason = (uint8_t)reason;
    s->cause = (uint8_t)cause;
    leave_peer(s);
}

void sio__socket_end(sio_socket *s, int reason, int cause) {
    if (s->state == SOCKET_CONNECTED) {
        begin_end(s, reason, cause);
        sio__task_queue(&s->ns->server->reactor, &s->task);
    }
}

void sio__socket_end_now(sio_socket *s, int reason, int cause) {
    if (s->state == SOCKET_CONNECTED) {
        begin_end(s, reason, cause);
        tell_end(s);
    }
}

static void send_disconnect(sio_socket *s) {
    sio_server *server = s->ns->server;
    if (sio__pack_disconnect(&server->packer, sio__ns_text(s->ns)) == 0) {
        (void)sio__session_send(s->peer->session, sio__packer_text(&server->packer), NULL, 0, 0);
    }
}

/* Tells the client. A connection that ends over that takes all its sockets with it: none of them
   may outlive it. */
static void disconnect_one(sio_socket *s) {
    send_disconnect(s);
    if (s->peer->session->state == SESSION_OPEN) {
        sio__socket_end(s, SIO_REASON_SERVER_NAMESPACE_DISCONNECT, SIO_CAUSE_APPLICATION);
    }
}

static void disconnect_all(struct peer *p) {
    struct list *node = p->sockets.next;
    while (node != &p->sockets) {
        sio_socket *s = SIO_CONTAINER_OF(node, sio_socket, task.link);
        node = node->next;
        if (s->state == SOCKET_CONNECTED) {
            disconnect_one(s);
        }
    }
    p->closing = true;
    sio__session_close(p->session, SIO_REASON_FORCED_CLOSE, SIO_CAUSE_APPLICATION);
}

void sio__socket_disconnect(sio_socket *s, bool close_connection) {
    if (s->state != SOCKET_CONNECTED && s->state != SOCKET_PENDING) {
        return;
    }
    if (s->peer->session->state != SESSION_OPEN) {
        return; /* the connection has ended, and takes all its sockets with it */
    }
    if (close_connection) {
        disconnect_all(s->peer);
    } else if (s->state == SOCKET_CONNECTED) {
        disconnect_one(s);
    }
}

void sio_socket_disconnect(sio_socket *s, bool close_connection) {
    if (s != NULL) {
        sio__socket_disconnect(s, close_connection);
    }
}

/* ---- what an application may know ---- */

const char *sio_socket_id(const sio_socket *s) {
    return s != NULL ? s->id : "";
}

sio_ns *sio_socket_ns(const sio_socket *s) {
    return s != NULL ? s->ns : NULL;
}

bool sio_socket_connected(const sio_socket *s) {
    return s != NULL && s->state == SOCKET_CONNECTED;
}

const char *sio_socket_transport(const sio_socket *s) {
    return s != NULL && s->peer != NULL && s->peer->session->polling == NULL ? "websocket"
                                                                             : "polling";
}

const sio_request *sio_socket_request(const sio_socket *s) {
    return s != NULL && s->peer != NULL ? s->peer->session->request : NULL;
}

void sio_socket_forget_request(sio_socket *s) {
    if (s != NULL && s->peer != NULL) {
        sio__request_free(s->peer->session->request);
        s->peer->session->request = NULL;
    }
}

const sio_val *sio_socket_auth(sio_socket *s) {
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

void sio_socket_set_user(sio_socket *s, void *user, void (*destroy)(void *user)) {
    if (s != NULL) {
        if (s->destroy != NULL && s->user != user) {
            s->destroy(s->user);
        }
        s->user = user;
        s->destroy = destroy;
    }
}

void *sio_socket_user(const sio_socket *s) {
    return s != NULL ? s->user : NULL;
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

int sio_socket_set_data(sio_socket *s, const char *format, ...) {
    if (s == NULL) {
        return SIO_ERR_INVALID;
    }
    char *data = NULL;
    if (format != NULL) {
        struct packer *p = &s->ns->server->packer;
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

const char *sio_socket_data(const sio_socket *s) {
    return s != NULL && s->data != NULL ? s->data : "{}";
}
