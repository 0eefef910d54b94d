/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* Namespaces: the directory, parents and children, registration of handlers. */
#include <sio/error.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "socketio/answers.h"

/* ---- life ---- */

static void on_cleanup(struct task *task);

static void free_ns(sio_ns *ns) {
    sio__handlers_done(&ns->own_handlers);
    sio__map_done(&ns->ids);
    sio__map_done(&ns->rooms);
    sio__ack_table_done(&ns->home.waits);
    sio__free(ns->sockets);
    sio__free(ns->name);
    if (ns->kind == NS_PATTERN) {
        regfree(&ns->pattern);
    }
    sio__free(ns);
}

void sio__ns_unref(sio_ns *ns) {
    ns->refs--;
    if (ns->refs == 0) {
        free_ns(ns);
    }
}

/* A namespace in no directory, with one reference. */
static sio_ns *alloc_ns(sio_server *server, struct text name, enum ns_kind kind) {
    sio_ns *ns = sio__calloc(1, sizeof *ns);
    if (ns == NULL) {
        return NULL;
    }
    ns->name = sio__strndup(name.data, name.len);
    if (ns->name == NULL) {
        sio__free(ns);
        return NULL;
    }
    ns->server = server;
    ns->name_len = name.len;
    ns->kind = (uint8_t)kind;
    ns->refs = 1;
    ns->home = (struct socket_home){.ops = &sio__server_socket_ops,
                                    .reactor = &server->reactor,
                                    .packer = &server->packer,
                                    .frames = &server->engine.frames,
                                    .wait_slab = &server->wait_slab,
                                    .handlers = &ns->own_handlers,
                                    .nsp = {ns->name, name.len}};
    sio__list_init(&ns->children);
    sio__list_init(&ns->link);
    sio__map_init(&ns->ids, sio__socket_key, server->seed);
    sio__map_init(&ns->rooms, sio__room_key, server->seed);
    sio__task_init(&ns->cleanup, on_cleanup);
    return ns;
}

static int open_adapter(sio_ns *ns) {
    const struct sio_adapter_factory *factory = ns->server->options.o.adapter;
    if (factory == NULL) {
        return 0;
    }
    int r = factory->open(ns, factory->user, &ns->adapter_self);
    if (r == 0) {
        ns->adapter = factory->ops;
    }
    return r;
}

sio_ns *sio__ns_new(sio_server *server, struct text name, sio_ns *parent) {
    sio_ns *ns = alloc_ns(server, name, parent != NULL ? NS_CHILD : NS_PLAIN);
    if (ns == NULL) {
        return NULL;
    }
    if (sio__map_insert(&server->namespaces, ns) < 0) {
        free_ns(ns);
        return NULL;
    }
    if (parent != NULL) {
        ns->parent = parent;
        ns->home.handlers = parent->home.handlers;
        sio__list_push_back(&parent->children, &ns->link);
        server->dynamic_count++;
    }
    int r = open_adapter(ns);
    if (r < 0) {
        SIO_LOG_AT(&server->log, SIO_LOG_ERROR, LOG_COMPONENT_ADAPTER,
                   "%s: cannot open the adapter: %s", ns->name, sio_strerror(r));
        sio__map_remove(&server->namespaces, ns->name, ns->name_len);
        sio__list_remove(&ns->link);
        server->dynamic_count -= parent != NULL ? 1u : 0u;
        free_ns(ns);
        return NULL;
    }
    server->engine.stats.namespaces++;
    SIO_DEBUG(&server->log, LOG_COMPONENT_SERVER, "namespace %s made", ns->name);
    return ns;
}

static void close_adapter(sio_ns *ns) {
    const sio_adapter_ops *ops = ns->adapter;
    ns->adapter = NULL;
    if (ops != NULL && ops->close != NULL) {
        ops->close(ns->adapter_self);
    }
}

void sio__ns_close_adapters(sio_server *server) {
    uint32_t cursor = 0;
    sio_ns *ns = sio__map_next(&server->namespaces, &cursor);
    while (ns != NULL) {
        close_adapter(ns);
        ns = sio__map_next(&server->namespaces, &cursor);
    }
}

static void remove_ns(sio_ns *ns) {
    sio_server *server = ns->server;
    ns->removed = true;
    sio__map_remove(&server->namespaces, ns->name, ns->name_len);
    sio__task_cancel(&ns->cleanup);
    if (ns->parent != NULL) {
        sio__list_remove(&ns->link);
        server->dynamic_count--;
    }
    server->engine.stats.namespaces--;
    close_adapter(ns);
    sio__ns_unref(ns);
}

static void on_cleanup(struct task *task) {
    sio_ns *ns = SIO_CONTAINER_OF(task, sio_ns, cleanup);
    if (ns->socket_count == 0 && ns->pending_count == 0) {
        SIO_DEBUG(&ns->server->log, LOG_COMPONENT_PARENT_NAMESPACE, "closing child namespace %s",
                  ns->name);
        remove_ns(ns);
    }
}

void sio__ns_emptied(sio_ns *ns) {
    if (ns->kind == NS_CHILD && !ns->removed && ns->socket_count == 0 && ns->pending_count == 0 &&
        ns->server->options.o.cleanup_empty_namespaces) {
        sio__task_queue(&ns->server->reactor, &ns->cleanup);
    }
}

void sio__ns_free_all(sio_server *server) {
    uint32_t cursor = 0;
    sio_ns *ns = sio__map_next(&server->namespaces, &cursor);
    while (ns != NULL) {
        remove_ns(ns);
        cursor = 0;
        ns = sio__map_next(&server->namespaces, &cursor);
    }
    struct list *node = sio__list_pop_front(&server->parents);
    while (node != NULL) {
        sio__ns_unref(SIO_CONTAINER_OF(node, sio_ns, link));
        node = sio__list_pop_front(&server->parents);
    }
}

/* ---- the directory ---- */

/* The name with a leading slash. */
static char *full_name(const char *name) {
    size_t len = name != NULL ? strlen(name) : 0;
    if (len > 0 && name[0] == '/') {
        return sio__strndup(name, len);
    }
    char *full = sio__malloc(len + 2);
    if (full != NULL) {
        full[0] = '/';
        memcpy(full + 1, name != NULL ? name : "", len);
        full[len + 1] = '\0';
    }
    return full;
}

/* A parent that was registered for names such as this one. */
static sio_ns *parent_for(sio_server *server, const char *name) {
    for (struct list *node = server->parents.next; node != &server->parents; node = node->next) {
        sio_ns *parent = SIO_CONTAINER_OF(node, sio_ns, link);
        if (parent->kind == NS_PATTERN && regexec(&parent->pattern, name, 0, NULL, 0) == 0) {
            return parent;
        }
    }
    return NULL;
}

sio_ns *sio_server_ns(sio_server *server, const char *name) {
    sio_ns *ns = sio_server_find_ns(server, name);
    char *full = server != NULL && ns == NULL ? full_name(name) : NULL;
    if (full != NULL) {
        /* For want of memory it may not have been found without its slash. */
        size_t len = strlen(full);
        ns = sio__map_find(&server->namespaces, full, len);
        if (ns == NULL) {
            ns = sio__ns_new(server, (struct text){full, len}, parent_for(server, full));
        }
        sio__free(full);
    }
    return ns;
}

sio_ns *sio_server_find_ns(sio_server *server, const char *name) {
    /* As a rule, what exists is found without memory. */
    if (server != NULL && name != NULL && name[0] == '/') {
        return sio__map_find(&server->namespaces, name, strlen(name));
    }
    char *full = server != NULL ? full_name(name) : NULL;
    sio_ns *ns = full != NULL ? sio__map_find(&server->namespaces, full, strlen(full)) : NULL;
    sio__free(full);
    return ns;
}

static sio_ns *new_parent(sio_server *server, enum ns_kind kind) {
    static const char name[] = "/_parent"; /* never seen by clients */
    return alloc_ns(server, (struct text){name, sizeof name - 1}, kind);
}

sio_ns *sio_server_ns_match(sio_server *server, const char *pattern) {
    if (server == NULL || pattern == NULL || server->started) {
        return NULL;
    }
    regex_t compiled;
    int r = regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB);
    if (r != 0) {
        char why[128];
        regerror(r, &compiled, why, sizeof why);
        SIO_LOG_AT(&server->log, SIO_LOG_ERROR, LOG_COMPONENT_PARENT_NAMESPACE,
                   "pattern \"%s\": %s", pattern, why);
        return NULL;
    }
    sio_ns *ns = new_parent(server, NS_PATTERN);
    if (ns == NULL) {
        regfree(&compiled);
        return NULL;
    }
    ns->pattern = compiled;
    sio__list_push_back(&server->parents, &ns->link);
    return ns;
}

sio_ns *sio_server_ns_check(sio_server *server, sio_ns_check_fn fn, void *user) {
    if (server == NULL || fn == NULL || server->started) {
        return NULL;
    }
    sio_ns *ns = new_parent(server, NS_CHECK);
    if (ns != NULL) {
        ns->check = fn;
        ns->check_user = user;
        sio__list_push_back(&server->parents, &ns->link);
    }
    return ns;
}

const char *sio_ns_name(const sio_ns *ns) {
    return ns != NULL ? ns->name : "";
}

sio_server *sio_ns_server(const sio_ns *ns) {
    return ns != NULL ? ns->server : NULL;
}

size_t sio_ns_count(const sio_ns *ns) {
    return ns != NULL ? ns->socket_count : 0;
}

sio_socket *sio_ns_find(sio_ns *ns, const char *id) {
    if (ns == NULL || id == NULL) {
        return NULL;
    }
    struct server_socket *s = sio__map_find(&ns->ids, id, strlen(id));
    return s != NULL ? &s->base : NULL;
}

/* ---- registration ---- */

static int add(sio_ns *ns, size_t list_offset, handler_fn fn, void *user) {
    if (ns == NULL || fn == NULL) {
        return SIO_ERR_INVALID;
    }
    if (ns->server->started || ns->kind == NS_CHILD) {
        return SIO_ERR_STATE; /* handlers are read without looking whether they change */
    }
    struct handler_list *list =
        (struct handler_list *)(void *)((char *)ns->home.handlers + list_offset);
    return sio__handlers_add(list, fn, user);
}

#define ADD(ns, list, fn, user) add((ns), offsetof(struct handlers, list), (handler_fn)(fn), (user))

int sio_ns_on_connect(sio_ns *ns, sio_socket_fn fn, void *user) {
    return ADD(ns, connect, fn, user);
}

int sio_ns_on_disconnecting(sio_ns *ns, sio_disconnect_fn fn, void *user) {
    return ADD(ns, disconnecting, fn, user);
}

int sio_ns_on_disconnect(sio_ns *ns, sio_disconnect_fn fn, void *user) {
    return ADD(ns, disconnect, fn, user);
}

int sio_ns_on_any(sio_ns *ns, sio_event_fn fn, void *user) {
    return ADD(ns, any, fn, user);
}

int sio_ns_on_any_outgoing(sio_ns *ns, sio_event_fn fn, void *user) {
    return ADD(ns, any_outgoing, fn, user);
}

int sio_ns_on_error(sio_ns *ns, sio_error_fn fn, void *user) {
    return ADD(ns, error, fn, user);
}

int sio_ns_on_drain(sio_ns *ns, sio_socket_fn fn, void *user) {
    return ADD(ns, drain, fn, user);
}

int sio_ns_use(sio_ns *ns, sio_middleware_fn fn, void *user) {
    return ADD(ns, middleware, fn, user);
}

int sio_ns_use_event(sio_ns *ns, sio_event_middleware_fn fn, void *user) {
    return ADD(ns, event_middleware, fn, user);
}

static int add_event(sio_ns *ns, struct event_table *events, const char *event, sio_event_fn fn,
                     void *user) {
    if (event == NULL || fn == NULL || sio__event_name_reserved(sio__text_of(event))) {
        return SIO_ERR_INVALID;
    }
    if (ns->server->started || ns->kind == NS_CHILD) {
        return SIO_ERR_STATE;
    }
    return sio__handlers_add_event(events, event, (handler_fn)fn, user);
}

int sio_ns_on(sio_ns *ns, const char *event, sio_event_fn fn, void *user) {
    return ns != NULL ? add_event(ns, &ns->home.handlers->events, event, fn, user)
                      : SIO_ERR_INVALID;
}

int sio_ns_on_server(sio_ns *ns, const char *event, sio_event_fn fn, void *user) {
    return ns != NULL ? add_event(ns, &ns->home.handlers->server_events, event, fn, user)
                      : SIO_ERR_INVALID;
}
