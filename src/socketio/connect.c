/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * CONNECT: from a client's wish for a namespace to a connected socket.
 *
 *     find namespace --(unknown)--> ask parents, one after the other --> make it
 *           |                                                             |
 *           +-----------------------> pending socket <--------------------+
 *                                          |
 *                             middlewares, one after the other
 *                                          |
 *                        CONNECT and callbacks, or CONNECT_ERROR
 *
 * Parents and middlewares may decide later. The steps then go on from a task.
 */
#include <sio/error.h>
#include <string.h>

#include "base/alloc.h"
#include "socketio/core.h"

/* Longest name of a namespace that is made for a client; patterns often accept any length. */
#define DYNAMIC_NAME_MAX 1024

/* A namespace that a client wants and a function of the application has to allow. */
struct pending_ns {
    struct pending_ns *next_pending; /* of the same peer */
    struct peer *peer;
    sio_ns *parent; /* that is asked */
    struct sio_next *next;
    struct text name;
    struct text auth;
    char bytes[]; /* of both */
};

static void send_error(struct peer *p, struct text nsp, const char *message, const char *data) {
    sio_server *server = sio__peer_server(p);
    int r =
        sio__pack_connect_error(&server->packer, nsp, sio__text_of(message), sio__text_of(data));
    if (r < 0 && r != SIO_ERR_NOMEM) {
        SIO_LOG_AT(&server->log, SIO_LOG_ERROR, LOG_COMPONENT_NAMESPACE,
                   "refusal of %.*s: message is not UTF-8 or data is not JSON", (int)nsp.len,
                   nsp.data);
        r = sio__pack_connect_error(&server->packer, nsp, SIO_TEXT("refused"),
                                    (struct text){NULL, 0});
    }
    if (r == 0) {
        (void)sio__session_send(p->session, sio__packer_text(&server->packer), NULL, 0, 0);
    }
}

/* ---- middlewares ---- */

static void connected(struct server_socket *s) {
    struct peer *p = s->peer;
    sio_server *server = sio__peer_server(p);
    if (p->session->state != SESSION_OPEN) {
        sio__socket_discard(s); /* nobody is there any more to be told */
        return;
    }
    char json[] = "{\"sid\":\"....................\"}";
    memcpy(json + 8, s->id, SID_CHARS);
    int r = sio__pack_connect(&server->packer, sio__ns_text(sio__socket_ns(s)),
                              (struct text){json, sizeof json - 1});
    if (r == 0) {
        r = sio__socket_enter(s);
    }
    if (r < 0) {
        sio__engine_count(&server->engine, SIO_CAUSE_OUT_OF_MEMORY, "socket");
        send_error(p, sio__ns_text(sio__socket_ns(s)), "Out of memory", NULL);
        sio__socket_discard(s);
        return;
    }
    (void)sio__session_send(p->session, sio__packer_text(&server->packer), NULL, 0, 0);
    if (!p->joined) {
        p->joined = true;
        if (p->assembler == NULL) {
            sio__reactor_stop(&server->reactor, &p->timer);
        }
    }
    SIO_DEBUG(&server->log, LOG_COMPONENT_NAMESPACE, "%s: socket %s connected",
              sio__socket_ns(s)->name, s->id);
    const struct handler_list *list = &sio__socket_ns(s)->home.handlers->connect;
    for (uint32_t i = 0; i < list->len && s->base.state == SOCKET_CONNECTED; i++) {
        ((sio_socket_fn)list->items[i].fn)(&s->base, list->items[i].user);
    }
}

static void refused(struct server_socket *s, const char *message, const char *data) {
    sio__engine_count(&sio__socket_ns(s)->server->engine, SIO_CAUSE_MIDDLEWARE_REFUSED, NULL);
    send_error(s->peer, sio__ns_text(sio__socket_ns(s)), message != NULL ? message : "Forbidden",
               data);
    sio__socket_discard(s);
}

/* Asks one middleware after the other, as long as they decide at once. */
static void run_middlewares(struct server_socket *s) {
    const struct handler_list *list = &sio__socket_ns(s)->home.handlers->middleware;
    while (s->middleware < list->len) {
        struct sio_next *next = s->next;
        const struct handler *h = &list->items[s->middleware];
        s->middleware++;
        sio__next_reset(next);
        sio__next_begin(next);
        ((sio_middleware_fn)h->fn)(&s->base, next, h->user);
        if (!sio__next_end(next)) {
            return; /* goes on in on_decided() */
        }
        if (!next->ok) {
            refused(s, next->message, next->data);
            return;
        }
    }
    sio__socket_end_asking(s);
    connected(s);
}

static void on_decided(struct sio_next *next) {
    struct server_socket *s = next->owner;
    if (next->ok) {
        run_middlewares(s);
    } else {
        refused(s, next->message, next->data);
    }
}

/* The client may enter the namespace; whether it may stay is the middlewares' question. */
static void enter(struct peer *p, sio_ns *ns, struct text auth) {
    sio_server *server = sio__peer_server(p);
    struct server_socket *s = NULL;
    bool ask = ns->home.handlers->middleware.len > 0;
    if (ask && server->pending_count >= server->options.o.max_pending_connects) {
        sio__engine_count(&server->engine, SIO_CAUSE_PENDING_CONNECTS, NULL);
        send_error(p, sio__ns_text(ns), "Too many pending connections", NULL);
        sio__ns_emptied(ns);
        return;
    }
    if (sio__socket_new(p, ns, auth, &s) < 0) {
        sio__engine_count(&server->engine, SIO_CAUSE_OUT_OF_MEMORY, "socket");
        send_error(p, sio__ns_text(ns), "Out of memory", NULL);
        sio__ns_emptied(ns);
        return;
    }
    if (!ask) {
        connected(s);
        return;
    }
    s->next = sio__next_new(&server->reactor, on_decided, s);
    if (s->next == NULL) {
        sio__engine_count(&server->engine, SIO_CAUSE_OUT_OF_MEMORY, "middleware");
        send_error(p, sio__ns_text(ns), "Out of memory", NULL);
        sio__socket_discard(s);
        return;
    }
    server->pending_count++;
    run_middlewares(s);
}

/* ---- namespaces made for clients ---- */

static void unknown(struct peer *p, struct text nsp) {
    sio__engine_count(&sio__peer_server(p)->engine, SIO_CAUSE_UNKNOWN_NAMESPACE, NULL);
    send_error(p, nsp, "Invalid namespace", NULL);
}

/* A parent has allowed the name. */
static void make_child(struct peer *p, sio_ns *parent, struct text name, struct text auth) {
    sio_server *server = sio__peer_server(p);
    sio_ns *ns = sio__map_find(&server->namespaces, name.data, name.len); /* made meanwhile? */
    if (ns == NULL && server->dynamic_count >= server->options.o.max_dynamic_namespaces) {
        sio__engine_count(&server->engine, SIO_CAUSE_DYNAMIC_NAMESPACES, NULL);
        send_error(p, name, "Too many namespaces", NULL);
        return;
    }
    if (ns == NULL) {
        ns = sio__ns_new(server, name, parent);
        if (ns == NULL) {
            sio__engine_count(&server->engine, SIO_CAUSE_OUT_OF_MEMORY, "namespace");
            send_error(p, name, "Out of memory", NULL);
            return;
        }
        if (server->on_new_ns != NULL) {
            server->on_new_ns(ns, server->on_new_ns_user);
        }
    }
    enter(p, ns, auth);
}

static void ask_parents(struct peer *p, struct list *from, struct text name, struct text auth);

static void unlink_pending(struct pending_ns *pending) {
    struct pending_ns **link = &pending->peer->pending;
    while (*link != pending) {
        link = &(*link)->next_pending;
    }
    *link = pending->next_pending;
    pending->peer->count--;
    sio__peer_server(pending->peer)->pending_count--;
}

static void on_checked(struct sio_next *next) {
    struct pending_ns *pending = next->owner;
    struct peer *p = pending->peer;
    unlink_pending(pending);
    if (next->ok) {
        make_child(p, pending->parent, pending->name, pending->auth);
    } else {
        ask_parents(p, pending->parent->link.next, pending->name, pending->auth);
    }
    sio__next_free(next);
    sio__free(pending);
}

/* @return false when there is no memory or too many wait */
static bool ask_check(struct peer *p, sio_ns *parent, struct text name, struct text auth) {
    sio_server *server = sio__peer_server(p);
    if (server->pending_count >= server->options.o.max_pending_connects) {
        sio__engine_count(&server->engine, SIO_CAUSE_PENDING_CONNECTS, NULL);
        return false;
    }
    struct pending_ns *pending = sio__malloc(sizeof *pending + name.len + auth.len + 1);
    struct sio_next *next = sio__next_new(&server->reactor, on_checked, pending);
    if (pending == NULL || next == NULL) {
        sio__next_free(next);
        sio__free(pending);
        return false;
    }
    memcpy(pending->bytes, name.data, name.len);
    pending->bytes[name.len] = '\0';
    if (auth.len > 0) {
        memcpy(pending->bytes + name.len + 1, auth.data, auth.len);
    }
    pending->peer = p;
    pending->parent = parent;
    pending->next = next;
    pending->name = (struct text){pending->bytes, name.len};
    pending->auth = (struct text){pending->bytes + name.len + 1, auth.len};
    pending->next_pending = p->pending;
    p->pending = pending;
    p->count++;
    server->pending_count++;
    struct value_doc doc = {0};
    if (auth.len > 0) {
        (void)sio__value_parse(&server->scratch, auth.data, auth.len, &doc);
    }
    sio__next_begin(next);
    parent->check(pending->bytes, doc.root, next, parent->check_user);
    sio__value_release(&doc);
    if (sio__next_end(next)) {
        on_checked(next);
    }
    return true;
}

static bool matches(const sio_ns *parent, struct text name) {
    char *s = sio__strndup(name.data, name.len);
    bool ok = s != NULL && regexec(&parent->pattern, s, 0, NULL, 0) == 0;
    sio__free(s);
    return ok;
}

static void ask_parents(struct peer *p, struct list *from, struct text name, struct text auth) {
    for (struct list *node = from; node != &sio__peer_server(p)->parents; node = node->next) {
        sio_ns *parent = SIO_CONTAINER_OF(node, sio_ns, link);
        if (parent->kind == NS_PATTERN) {
            if (matches(parent, name)) {
                make_child(p, parent, name, auth);
                return;
            }
        } else if (ask_check(p, parent, name, auth)) {
            return;
        }
    }
    unknown(p, name);
}

static bool is_pending(const struct peer *p, struct text name) {
    for (const struct pending_ns *n = p->pending; n != NULL; n = n->next_pending) {
        if (sio__text_eq(n->name, name)) {
            return true;
        }
    }
    return false;
}

void sio__connect(struct peer *p, struct text nsp, struct text auth) {
    sio_server *server = sio__peer_server(p);
    if (sio__peer_find(p, nsp) != NULL || is_pending(p, nsp)) {
        sio__peer_violation(p, SIO_CAUSE_PACKET_STATE, NULL);
        return;
    }
    if (p->count >= server->options.o.max_namespaces_per_connection) {
        sio__engine_count(&server->engine, SIO_CAUSE_NAMESPACES, NULL);
        send_error(p, nsp, "Too many namespaces", NULL);
        return;
    }
    sio_ns *ns = sio__map_find(&server->namespaces, nsp.data, nsp.len);
    if (ns != NULL) {
        enter(p, ns, auth);
    } else if (nsp.len > DYNAMIC_NAME_MAX || memchr(nsp.data, '\0', nsp.len) != NULL) {
        unknown(p, nsp); /* with a NUL, parents would be asked about the name up to there */
    } else {
        ask_parents(p, server->parents.next, nsp, auth);
    }
}

void sio__connect_abandon(struct peer *p) {
    while (p->pending != NULL) {
        struct pending_ns *pending = p->pending;
        unlink_pending(pending);
        sio__next_abandon(pending->next);
        sio__free(pending);
    }
}
