/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "socketio/cluster.h"

#include <sio/error.h>
#include <string.h>

#include "base/alloc.h"
#include "base/vec.h"

/* ---- requests ---- */

static struct sio_cluster_request *new_request(void) {
    return sio__calloc(1, sizeof(struct sio_cluster_request));
}

struct sio_cluster_request *sio__request_for_group(struct answer_group *g) {
    struct sio_cluster_request *request = new_request();
    if (request != NULL) {
        request->group = g;
        g->request = request;
        g->remote_open = true;
    }
    return request;
}

void sio_request_expect(sio_cluster_request *request, size_t clients) {
    if (request != NULL && request->group != NULL) {
        request->group->remote_expected += clients;
    }
}

int sio_request_answer(sio_cluster_request *request, const sio_packet_view *value) {
    if (request == NULL || value == NULL) {
        return SIO_ERR_INVALID;
    }
    struct answer_group *g = request->group;
    if (g == NULL) {
        return 0; /* too late */
    }
    g->remote_came++;
    int r = sio__group_answer(g, (struct text){value->json, value->json_len},
                              (const struct value_bytes *)(const void *)value->attachments,
                              (uint32_t)value->attachment_count, false);
    g->lost += r < 0 ? 1 : 0;
    return r;
}

/* ---- fetching ---- */

/* Collects what sio_ns_fetch() was asked for: other nodes first, this one at the end. */
struct fetch {
    struct task task;
    sio_ns *ns; /* a reference */
    sio_to to;  /* deep copy */
    sio_fetch_fn fn;
    void *user;
    int status;
    sio_socket_info *infos; /* of other nodes, each with its texts in one block */
    uint32_t len;
    uint32_t cap;
};

/* A growing list of sockets of this node, as applications see them. */
struct info_list {
    sio_socket_info *items;
    uint32_t len;
    uint32_t cap;
    int error;
};

static void add_local(struct server_socket *s, void *arg) {
    struct info_list *l = arg;
    size_t count = sio_socket_room_count(&s->base);
    if (l->error < 0) {
        return;
    }
    l->error = sio__vec_reserve(&l->items, &l->cap, l->len + 1, sizeof *l->items);
    const char **rooms = sio__reallocarray(NULL, count + 1, sizeof *rooms);
    if (rooms == NULL) {
        l->error = SIO_ERR_NOMEM;
        return;
    }
    if (l->error < 0) {
        sio__free(rooms);
        return;
    }
    for (size_t i = 0; i <= count; i++) {
        rooms[i] = sio_socket_room(&s->base, i);
    }
    l->items[l->len] = (sio_socket_info){.id = s->id,
                                         .rooms = rooms,
                                         .room_count = count,
                                         .data = sio_socket_data(&s->base),
                                         .socket = &s->base};
    l->len++;
}

static void free_locals(struct info_list *l, uint32_t from) {
    for (uint32_t i = from; i < l->len; i++) {
        sio__free((void *)(uintptr_t)l->items[i].rooms);
    }
}

int sio_ns_local_fetch(sio_ns *ns, const sio_to *to, sio_fetch_fn fn, void *user) {
    if (ns == NULL || fn == NULL) {
        return SIO_ERR_INVALID;
    }
    struct info_list l = {0};
    sio_to selection = sio__to(to);
    sio__select(ns, &selection, add_local, &l);
    if (l.error == 0) {
        fn(0, l.items, l.len, user);
    }
    free_locals(&l, 0);
    sio__free(l.items);
    return l.error;
}

static void free_names(const char *const *names) {
    if (names != NULL) {
        for (size_t i = 0; names[i] != NULL; i++) {
            sio__free((void *)(uintptr_t)names[i]);
        }
        sio__free((void *)(uintptr_t)names);
    }
}

/* @return false when out of memory; NULL is copied as NULL */
static bool copy_names(const char *const *names, const char *extra, const char *const **ret_names) {
    *ret_names = NULL;
    if (names == NULL && extra == NULL) {
        return true;
    }
    size_t n = 0;
    while (names != NULL && names[n] != NULL) {
        n++;
    }
    const char **copy = sio__calloc(n + 2, sizeof *copy);
    if (copy == NULL) {
        return false;
    }
    *ret_names = copy;
    for (size_t i = 0; i <= n; i++) {
        const char *name = i < n ? names[i] : extra;
        if (name != NULL) {
            copy[i] = sio__strndup(name, strlen(name));
            if (copy[i] == NULL) {
                free_names(copy);
                *ret_names = NULL;
                return false;
            }
        }
    }
    return true;
}

static void free_fetch(struct fetch *f) {
    for (uint32_t i = 0; i < f->len; i++) {
        sio__free((void *)(uintptr_t)f->infos[i].rooms);
    }
    sio__free(f->infos);
    free_names(f->to.rooms);
    free_names(f->to.except);
    sio__ns_unref(f->ns);
    sio__free(f);
}

/* All nodes have reported: adds this one's sockets and tells. */
static void end_fetch(struct task *task) {
    struct fetch *f = SIO_CONTAINER_OF(task, struct fetch, task);
    struct info_list l = {f->infos, f->len, f->cap, 0};
    uint32_t remote = f->len;
    sio__select(f->ns, &f->to, add_local, &l);
    f->infos = l.items;
    f->cap = l.cap;
    f->fn(l.error < 0 ? l.error : f->status, l.items, l.len, f->user);
    free_locals(&l, remote);
    free_fetch(f);
}

int sio_ns_fetch(sio_ns *ns, const sio_to *to, sio_fetch_fn fn, void *user) {
    if (ns == NULL || fn == NULL || ns->kind == NS_PATTERN || ns->kind == NS_CHECK) {
        return SIO_ERR_INVALID;
    }
    sio_to selection = sio__to(to);
    struct fetch *f = sio__calloc(1, sizeof *f);
    if (f == NULL) {
        return SIO_ERR_NOMEM;
    }
    sio__task_init(&f->task, end_fetch);
    f->ns = ns;
    ns->refs++;
    f->fn = fn;
    f->user = user;
    f->to = (sio_to){.size = sizeof f->to, .flags = selection.flags};
    const char *but = selection.but != NULL ? sio_socket_id(selection.but) : NULL;
    if (!copy_names(selection.rooms, NULL, &f->to.rooms) ||
        !copy_names(selection.except, but, &f->to.except)) {
        free_fetch(f);
        return SIO_ERR_NOMEM;
    }
    struct sio_cluster_request *request = NULL;
    if (ns->adapter != NULL && ns->adapter->fetch != NULL && (selection.flags & SIO_LOCAL) == 0) {
        request = new_request();
        if (request == NULL) {
            free_fetch(f);
            return SIO_ERR_NOMEM;
        }
        request->fetch = f;
        int r = ns->adapter->fetch(ns->adapter_self, &f->to, request);
        if (r < 0) {
            sio_request_done(request, r);
        }
        return 0;
    }
    sio__task_queue(&ns->server->reactor, &f->task);
    return 0;
}

/* Size of one socket's texts, and of its table of rooms, in one block. */
static size_t info_size(const sio_socket_info *info) {
    size_t size =
        sizeof(char *) * (info->room_count + 1) + strlen(info->id) + 1 + strlen(info->data) + 1;
    if (info->handshake != NULL) {
        size += strlen(info->handshake) + 1;
    }
    for (size_t i = 0; i < info->room_count; i++) {
        size += strlen(info->rooms[i]) + 1;
    }
    return size;
}

static const char *put_text(char **at, const char *s) {
    size_t size = strlen(s) + 1;
    char *copy = *at;
    memcpy(copy, s, size);
    *at += size;
    return copy;
}

int sio_request_sockets(sio_cluster_request *request, const sio_socket_info *sockets,
                        size_t count) {
    if (request == NULL || request->fetch == NULL || (sockets == NULL && count > 0)) {
        return SIO_ERR_INVALID;
    }
    struct fetch *f = request->fetch;
    for (size_t i = 0; i < count; i++) {
        const sio_socket_info *info = &sockets[i];
        int r = sio__vec_reserve(&f->infos, &f->cap, f->len + 1, sizeof *f->infos);
        const char **rooms = r == 0 ? sio__malloc(info_size(info)) : NULL;
        if (rooms == NULL) {
            return SIO_ERR_NOMEM;
        }
        char *at = (char *)(rooms + info->room_count + 1);
        for (size_t k = 0; k < info->room_count; k++) {
            rooms[k] = put_text(&at, info->rooms[k]);
        }
        rooms[info->room_count] = NULL;
        sio_socket_info *copy = &f->infos[f->len];
        *copy = (sio_socket_info){.rooms = rooms, .room_count = info->room_count};
        copy->id = put_text(&at, info->id);
        copy->data = put_text(&at, info->data);
        if (info->handshake != NULL) {
            copy->handshake = put_text(&at, info->handshake);
        }
        f->len++;
    }
    return 0;
}

void sio_request_done(sio_cluster_request *request, int status) {
    if (request == NULL) {
        return;
    }
    struct answer_group *g = request->group;
    struct fetch *f = request->fetch;
    sio__free(request);
    if (f != NULL) {
        f->status = status;
        sio__task_queue(&f->ns->server->reactor, &f->task);
    }
    if (g != NULL) {
        g->request = NULL;
        g->remote_open = false;
        g->remote_status = status;
        sio__task_queue(&g->server->reactor, &g->task);
    }
}

/* ---- events between nodes ---- */

static bool is_reserved(const char *event) {
    return strcmp(event, "connect") == 0 || strcmp(event, "connection") == 0 ||
           strcmp(event, "new_namespace") == 0;
}

/* Sends what the packer holds to the other nodes. */
static int emit_to_nodes(sio_ns *ns, uint32_t timeout_ms, struct sio_cluster_request *request) {
    struct packer *p = &ns->server->packer;
    sio_bytes_view *attachments =
        sio__reallocarray(NULL, (size_t)p->attachments.len + 1, sizeof *attachments);
    if (attachments == NULL) {
        return SIO_ERR_NOMEM;
    }
    sio_packet_view view = sio__packet_view(p, attachments);
    int r = ns->adapter->server_emit(ns->adapter_self, &view, timeout_ms, request);
    sio__free(attachments);
    return r;
}

static int pack_server_event(sio_ns *ns, const char *event, const char *format, va_list *args) {
    if (ns == NULL || event == NULL || format == NULL) {
        return SIO_ERR_INVALID;
    }
    if (is_reserved(event)) {
        return SIO_ERR_RESERVED;
    }
    if (ns->adapter == NULL || ns->adapter->server_emit == NULL) {
        return SIO_ERR_UNSUPPORTED;
    }
    return sio__pack_event(&ns->server->packer, SIO_TEXT("/"), false, 0, sio__text_of(event),
                           format, args);
}

int sio_ns_server_emit(sio_ns *ns, const char *event, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int r = pack_server_event(ns, event, format, &args);
    va_end(args);
    return r < 0 ? r : emit_to_nodes(ns, 0, NULL);
}

int sio_ns_server_emit_ack(sio_ns *ns, uint32_t timeout_ms, sio_answers_fn fn, void *user,
                           const char *event, const char *format, ...) {
    if (timeout_ms == 0 || fn == NULL) {
        return SIO_ERR_INVALID;
    }
    va_list args;
    va_start(args, format);
    int r = pack_server_event(ns, event, format, &args);
    va_end(args);
    if (r < 0) {
        return r;
    }
    struct answer_group *g = sio__group_new(ns->server, timeout_ms);
    struct sio_cluster_request *request = g != NULL ? sio__request_for_group(g) : NULL;
    if (request == NULL) {
        if (g != NULL) {
            sio__group_free(g);
        }
        return SIO_ERR_NOMEM;
    }
    g->fn = fn;
    g->user = user;
    r = emit_to_nodes(ns, timeout_ms, request);
    if (r < 0) {
        sio__group_free(g);
        sio__free(request);
    }
    return r;
}

/* ---- events of other nodes ---- */

struct node_event {
    sio_event ev;
    sio_local_answer_fn on_answer;
    void *user;
};

/* The first argument of the reply is the answer. */
static int answer_node(sio_event *ev) {
    const struct node_event *event = SIO_CONTAINER_OF(ev, struct node_event, ev);
    const struct packer *p = ev->packer;
    struct text text = sio__packer_text(p);
    struct sio_packet packet;
    (void)sio__packet_decode(text.data + 1, text.len - 1, UINT32_MAX, &packet);
    struct value_doc doc = {0};
    int r = sio__value_parse(NULL, packet.json.data, packet.json.len, &doc);
    if (r == 0 && p->attachments.len > 0) {
        r = sio__value_bind(&doc, p->attachments.items, p->attachments.len);
    }
    if (r == 0) {
        event->on_answer(event->user, sio_val_at(doc.root, 0));
    }
    sio__value_release(&doc);
    return r;
}

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
        struct node_event event = {.ev = {.args = {.root = doc.root,
                                                   .first = 1,
                                                   .json = {packet->json, packet->json_len},
                                                   .attachments = attachments,
                                                   .attachment_count = count},
                                          .name = sio__event_name_of(doc.root),
                                          .wants_ack = on_answer != NULL,
                                          .packer = &ns->server->packer,
                                          .answer = answer_node},
                                   .on_answer = on_answer,
                                   .user = user};
        const struct handler_list *list =
            sio__handlers_find(&ns->home.handlers->server_events, event.ev.name);
        for (uint32_t i = 0; list != NULL && i < list->len; i++) {
            ((sio_event_fn)list->items[i].fn)(NULL, &event.ev, list->items[i].user);
        }
    }
    sio__value_release(&doc);
    sio__free(attachments);
    return r;
}
