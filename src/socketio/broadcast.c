/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Selections of sockets, and what can be done with one: broadcast, join, leave, disconnect.
 *
 * Every selection gets a number, its mark. Sockets to be left out are marked first, then those that
 * are meant are walked over and marked as they are met: each is taken once, and no set is built. A
 * message is encoded once; all receivers share the frame.
 */
#include <sio/error.h>
#include <string.h>

#include "base/alloc.h"
#include "base/vec.h"
#include "engineio/websocket.h"
#include "socketio/answers.h"
#include "socketio/cluster.h"

sio_to sio__to(const sio_to *to) {
    sio_to copy = {0};
    if (to != NULL && to->size >= sizeof to->size) {
        memcpy(&copy, to, to->size < sizeof copy ? to->size : sizeof copy);
    }
    copy.size = sizeof copy;
    return copy;
}

/* ---- selecting ---- */

typedef void (*select_fn)(struct server_socket *s, void *arg);

static void mark_rooms(sio_ns *ns, const char *const *rooms, uint64_t mark) {
    for (; rooms != NULL && *rooms != NULL; rooms++) {
        size_t len = strlen(*rooms);
        const struct room *room = sio__map_find(&ns->rooms, *rooms, len);
        for (uint32_t i = 0; room != NULL && i < room->count; i++) {
            room->members[i].socket->visit = mark;
        }
        struct server_socket *own = sio__map_find(&ns->ids, *rooms, len);
        if (own != NULL && !own->base.left_own_room) {
            own->visit = mark;
        }
    }
}

static inline void take(struct server_socket *s, uint64_t mark, select_fn fn, void *arg) {
    if (s->visit != mark && s->base.state == SOCKET_CONNECTED) {
        s->visit = mark;
        fn(s, arg);
    }
}

static void take_room(sio_ns *ns, const char *name, uint64_t mark, select_fn fn, void *arg) {
    size_t len = strlen(name);
    const struct room *room = sio__map_find(&ns->rooms, name, len);
    for (uint32_t i = 0; room != NULL && i < room->count; i++) {
        take(room->members[i].socket, mark, fn, arg);
    }
    struct server_socket *own = sio__map_find(&ns->ids, name, len);
    if (own != NULL && !own->base.left_own_room) {
        take(own, mark, fn, arg);
    }
}

/*
 * The way from a socket to its output goes through four objects, each of which may have to come
 * from memory. They are asked for some sockets ahead, one step at a time.
 */
static inline void prefetch_ahead(sio_ns *ns, uint32_t i) {
    if (i + 8 >= ns->socket_count) {
        return;
    }
    struct server_socket *const *s = ns->sockets + i;
    __builtin_prefetch(s[8]);
    const struct peer *near_peer = s[2]->peer;
    const struct peer *peer = s[4]->peer;
    if (s[6]->peer != NULL) {
        __builtin_prefetch(s[6]->peer);
    }
    if (peer != NULL) {
        __builtin_prefetch(peer->session);
    }
    if (near_peer != NULL && near_peer->session->ws != NULL) {
        __builtin_prefetch(near_peer->session->ws);
        __builtin_prefetch(&near_peer->session->ws->stream->out);
    }
}

void sio__select(sio_ns *ns, const sio_to *to, select_fn fn, void *arg) {
    ns->server->visit++;
    uint64_t mark = ns->server->visit;
    mark_rooms(ns, to->except, mark);
    if (to->but != NULL) {
        struct server_socket *but = sio__server_socket(to->but);
        if (but != NULL) {
            but->visit = mark;
        }
    }
    if (to->rooms == NULL) {
        for (uint32_t i = 0; i < ns->socket_count; i++) {
            prefetch_ahead(ns, i);
            take(ns->sockets[i], mark, fn, arg);
        }
        return;
    }
    for (const char *const *room = to->rooms; *room != NULL; room++) {
        take_room(ns, *room, mark, fn, arg);
    }
}

/*
 * Selections whose members are changed need to be listed before: joining and leaving moves sockets
 * within the lists that are walked over.
 */
struct list_of_sockets {
    struct server_socket **items;
    uint32_t len;
    uint32_t cap;
    int error;
};

static void add_to_list(struct server_socket *s, void *arg) {
    struct list_of_sockets *l = arg;
    if (l->error == 0) {
        l->error = sio__vec_reserve(&l->items, &l->cap, l->len + 1, sizeof(struct server_socket *));
    }
    if (l->error == 0) {
        l->items[l->len] = s;
        l->len++;
    }
}

/* ---- broadcasting ---- */

struct delivery {
    struct frame *frame;
    unsigned flags;
    int count;
    struct answer_group *group; /* when answers are wanted */
    uint64_t id;
    int error;
};

static void deliver(struct server_socket *s, void *arg) {
    struct delivery *d = arg;
    if (d->group != NULL) {
        int r = sio__group_add(d->group, s, d->id);
        if (r < 0) {
            d->error = r;
            return;
        }
    }
    int r = sio__session_send_frame(s->peer->session, d->frame, d->flags);
    if (r >= 0) {
        d->count++;
        sio__server_note_outgoing(s, d->frame);
    }
}

/* Hands what the packer holds to the matching sockets of this node. @return their number, or an
 * error */
static int deliver_local(sio_ns *ns, const sio_to *to, struct answer_group *group, uint64_t id) {
    struct engine *e = &ns->server->engine;
    struct frame *f = sio__emit_frame(&ns->home);
    if (f == NULL) {
        return SIO_ERR_NOMEM;
    }
    struct delivery d = {.frame = f, .flags = to->flags, .group = group, .id = id};
    sio__select(ns, to, deliver, &d);
    sio__frame_unref(&e->frames, f);
    e->stats.broadcasts++;
    e->stats.deliveries += (uint64_t)d.count;
    return d.error < 0 ? d.error : d.count;
}

/* The same selection for other nodes: the sender is left out by its id. */
struct remote_to {
    sio_to to;
    const char **except; /* owned */
};

static int make_remote(const sio_to *to, struct remote_to *ret) {
    ret->to = *to;
    ret->except = NULL;
    ret->to.but = NULL;
    if (to->but == NULL) {
        return 0;
    }
    size_t n = 0;
    while (to->except != NULL && to->except[n] != NULL) {
        n++;
    }
    ret->except = sio__reallocarray(NULL, n + 2, sizeof *ret->except);
    if (ret->except == NULL) {
        return SIO_ERR_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        ret->except[i] = to->except[i];
    }
    ret->except[n] = sio_socket_id(to->but);
    ret->except[n + 1] = NULL;
    ret->to.except = ret->except;
    return 0;
}

/* JSON and attachments of what the packer holds. */
sio_packet_view sio__packet_view(const struct packer *p, sio_bytes_view *attachments) {
    struct text text = sio__packer_text(p);
    struct sio_packet packet;
    (void)sio__packet_decode(text.data + 1, text.len - 1, UINT32_MAX, &packet);
    for (uint32_t i = 0; i < p->attachments.len; i++) {
        attachments[i] =
            (sio_bytes_view){p->attachments.items[i].data, p->attachments.items[i].len};
    }
    return (sio_packet_view){.json = packet.json.data,
                             .json_len = packet.json.len,
                             .attachments = attachments,
                             .attachment_count = p->attachments.len};
}

static int publish(sio_ns *ns, const sio_to *to, uint32_t timeout_ms,
                   struct sio_cluster_request *request) {
    struct packer *p = &ns->server->packer;
    struct remote_to remote;
    sio_bytes_view *attachments =
        sio__reallocarray(NULL, (size_t)p->attachments.len + 1, sizeof *attachments);
    int r = attachments != NULL ? make_remote(to, &remote) : SIO_ERR_NOMEM;
    if (r == 0) {
        sio_packet_view view = sio__packet_view(p, attachments);
        if (request != NULL) {
            r = ns->adapter->broadcast_ack(ns->adapter_self, &view, &remote.to, timeout_ms,
                                           request);
        } else {
            r = ns->adapter->broadcast(ns->adapter_self, &view, &remote.to);
        }
        sio__free(remote.except);
    }
    sio__free(attachments);
    return r;
}

static bool is_remote(const sio_ns *ns, const sio_to *to) {
    return ns->adapter != NULL && (to->flags & SIO_LOCAL) == 0;
}

static void log_adapter(sio_ns *ns, const char *what, int r) {
    SIO_LOG_AT(&ns->server->log, SIO_LOG_ERROR, LOG_COMPONENT_ADAPTER, "%s: %s: %s", ns->name, what,
               sio_strerror(r));
}

/* Sends what the packer holds, for this namespace, to all nodes. */
static int broadcast_packed(sio_ns *ns, const sio_to *to) {
    if (is_remote(ns, to) && ns->adapter->broadcast != NULL) {
        int r = publish(ns, to, 0, NULL);
        if (r < 0) {
            log_adapter(ns, "broadcast to other nodes", r);
        }
    }
    return deliver_local(ns, to, NULL, 0);
}

static bool is_parent(const sio_ns *ns) {
    return ns->kind == NS_PATTERN || ns->kind == NS_CHECK;
}

static int pack_and_broadcast(sio_ns *ns, const sio_to *to, const char *event, const char *format,
                              va_list *args, sio_msg *msg) {
    struct packer *p = &ns->server->packer;
    int r;
    if (msg != NULL) {
        r = sio__pack_event_msg(p, sio__ns_text(ns), false, 0, msg);
    } else {
        va_list copy;
        va_copy(copy, *args);
        r = sio__pack_event(p, sio__ns_text(ns), false, 0, sio__text_of(event), format, &copy);
        va_end(copy);
    }
    return r < 0 ? r : broadcast_packed(ns, to);
}

static int broadcast(sio_ns *ns, const sio_to *to, const char *event, const char *format,
                     va_list *args, sio_msg *msg) {
    sio_to selection = sio__to(to);
    if (!is_parent(ns)) {
        return pack_and_broadcast(ns, &selection, event, format, args, msg);
    }
    int total = 0;
    for (struct list *node = ns->children.next; node != &ns->children; node = node->next) {
        sio_ns *child = SIO_CONTAINER_OF(node, sio_ns, link);
        int r = pack_and_broadcast(child, &selection, event, format, args, msg);
        if (r < 0) {
            return r;
        }
        total += r;
    }
    return total;
}

int sio_broadcast_v(sio_ns *ns, const sio_to *to, const char *event, const char *format,
                    va_list args) {
    if (ns == NULL || event == NULL || format == NULL) {
        return SIO_ERR_INVALID;
    }
    va_list copy;
    va_copy(copy, args);
    int r = broadcast(ns, to, event, format, &copy, NULL);
    va_end(copy);
    return r;
}

int sio_broadcast(sio_ns *ns, const sio_to *to, const char *event, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int r = sio_broadcast_v(ns, to, event, format, args);
    va_end(args);
    return r;
}

int sio_broadcast_msg(sio_ns *ns, const sio_to *to, sio_msg *msg) {
    if (ns == NULL || msg == NULL) {
        return SIO_ERR_INVALID;
    }
    return broadcast(ns, to, NULL, NULL, NULL, msg);
}

int sio_broadcast_ack(sio_ns *ns, const sio_to *to, uint32_t timeout_ms, sio_answers_fn fn,
                      void *user, const char *event, const char *format, ...) {
    if (ns == NULL || timeout_ms == 0 || fn == NULL || event == NULL || format == NULL ||
        is_parent(ns)) {
        return SIO_ERR_INVALID;
    }
    sio_to selection = sio__to(to);
    selection.flags &= ~(unsigned)SIO_VOLATILE; /* who is asked has to hear the question */
    uint64_t id = ns->home.next_ack;
    va_list args;
    va_start(args, format);
    int r = sio__pack_event(&ns->server->packer, sio__ns_text(ns), true, id, sio__text_of(event),
                            format, &args);
    va_end(args);
    if (r < 0) {
        return r;
    }
    struct answer_group *g = sio__group_new(ns->server, timeout_ms);
    if (g == NULL) {
        return SIO_ERR_NOMEM;
    }
    ns->home.next_ack++;
    g->fn = fn;
    g->user = user;
    if (is_remote(ns, &selection) && ns->adapter->broadcast_ack != NULL) {
        struct sio_cluster_request *request = sio__request_for_group(g);
        r = request != NULL ? publish(ns, &selection, timeout_ms, request) : SIO_ERR_NOMEM;
        if (r < 0) {
            log_adapter(ns, "broadcast to other nodes", r);
            sio_request_done(request, SIO_ERR_CLUSTER);
        }
    }
    r = deliver_local(ns, &selection, g, id);
    if (r < 0) {
        sio__group_abort(g);
        return r;
    }
    sio__group_ready(g);
    return r;
}

/* ---- the adapter's side ---- */

static int pack_view(sio_ns *ns, const sio_packet_view *view, bool has_id, uint64_t id) {
    return sio__pack_event_raw(&ns->server->packer, sio__ns_text(ns), has_id, id,
                               (struct text){view->json, view->json_len},
                               (const struct value_bytes *)(const void *)view->attachments,
                               (uint32_t)view->attachment_count);
}

_Static_assert(sizeof(struct value_bytes) == sizeof(sio_bytes_view),
               "the same pair of pointer and length");

int sio_ns_local_broadcast(sio_ns *ns, const sio_packet_view *packet, const sio_to *to) {
    if (ns == NULL || packet == NULL) {
        return SIO_ERR_INVALID;
    }
    sio_to selection = sio__to(to);
    int r = pack_view(ns, packet, false, 0);
    return r < 0 ? r : deliver_local(ns, &selection, NULL, 0);
}

int sio_ns_local_broadcast_ack(sio_ns *ns, const sio_packet_view *packet, const sio_to *to,
                               uint32_t timeout_ms, sio_local_answer_fn on_answer,
                               void (*on_done)(void *user), void *user) {
    if (ns == NULL || packet == NULL || timeout_ms == 0 || on_answer == NULL) {
        return SIO_ERR_INVALID;
    }
    sio_to selection = sio__to(to);
    uint64_t id = ns->home.next_ack;
    int r = pack_view(ns, packet, true, id);
    if (r < 0) {
        return r;
    }
    struct answer_group *g = sio__group_new(ns->server, timeout_ms);
    if (g == NULL) {
        return SIO_ERR_NOMEM;
    }
    ns->home.next_ack++;
    g->on_answer = on_answer;
    g->on_done = on_done;
    g->user = user;
    r = deliver_local(ns, &selection, g, id);
    if (r < 0) {
        sio__group_abort(g);
        return r;
    }
    sio__group_ready(g);
    return r;
}

/* ---- joining, leaving, disconnecting ---- */

/* One bulk operation; a node's own part of it, and that of the others. */
enum bulk { BULK_JOIN, BULK_LEAVE, BULK_DISCONNECT };

static int apply(struct server_socket *s, enum bulk bulk, const char *const *rooms,
                 bool close_connection) {
    if (bulk == BULK_JOIN) {
        return sio_socket_join(&s->base, rooms);
    }
    if (bulk == BULK_LEAVE) {
        sio_socket_leave(&s->base, rooms);
    } else {
        sio__socket_disconnect(s, close_connection);
    }
    return 0;
}

/* Does what can be done, and returns the last error. */
static int bulk_local(sio_ns *ns, enum bulk bulk, const sio_to *to, const char *const *rooms,
                      bool close_connection) {
    if (ns == NULL || (rooms == NULL && bulk != BULK_DISCONNECT)) {
        return SIO_ERR_INVALID;
    }
    sio_to selection = sio__to(to);
    struct list_of_sockets list = {0};
    sio__select(ns, &selection, add_to_list, &list);
    int r = list.error;
    for (uint32_t i = 0; list.error == 0 && i < list.len; i++) {
        int status = apply(list.items[i], bulk, rooms, close_connection);
        r = status < 0 ? status : r;
    }
    sio__free(list.items);
    return r;
}

int sio_ns_local_join(sio_ns *ns, const sio_to *to, const char *const *rooms) {
    return bulk_local(ns, BULK_JOIN, to, rooms, false);
}

int sio_ns_local_leave(sio_ns *ns, const sio_to *to, const char *const *rooms) {
    return bulk_local(ns, BULK_LEAVE, to, rooms, false);
}

int sio_ns_local_disconnect(sio_ns *ns, const sio_to *to, bool close_connection) {
    return bulk_local(ns, BULK_DISCONNECT, to, NULL, close_connection);
}

static int tell_nodes(sio_ns *ns, enum bulk bulk, const sio_to *to, const char *const *rooms,
                      bool close_connection) {
    const sio_adapter_ops *ops = ns->adapter;
    if (bulk == BULK_JOIN) {
        return ops->join != NULL ? ops->join(ns->adapter_self, to, rooms) : 0;
    }
    if (bulk == BULK_LEAVE) {
        return ops->leave != NULL ? ops->leave(ns->adapter_self, to, rooms) : 0;
    }
    return ops->disconnect != NULL ? ops->disconnect(ns->adapter_self, to, close_connection) : 0;
}

static int do_bulk(sio_ns *ns, enum bulk bulk, const sio_to *to, const char *const *rooms,
                   bool close_connection) {
    sio_to selection = sio__to(to);
    if (is_remote(ns, &selection)) {
        struct remote_to remote;
        int r = make_remote(&selection, &remote);
        if (r == 0) {
            r = tell_nodes(ns, bulk, &remote.to, rooms, close_connection);
            sio__free(remote.except);
        }
        if (r < 0) {
            log_adapter(ns, "operation on other nodes", r);
        }
    }
    return bulk_local(ns, bulk, to, rooms, close_connection);
}

static int bulk_all(sio_ns *ns, enum bulk bulk, const sio_to *to, const char *const *rooms,
                    bool close_connection) {
    if (!is_parent(ns)) {
        return do_bulk(ns, bulk, to, rooms, close_connection);
    }
    int r = 0;
    for (struct list *node = ns->children.next; node != &ns->children; node = node->next) {
        int status =
            do_bulk(SIO_CONTAINER_OF(node, sio_ns, link), bulk, to, rooms, close_connection);
        r = status < 0 ? status : r;
    }
    return r;
}

int sio_ns_join(sio_ns *ns, const sio_to *to, const char *const *rooms) {
    return ns != NULL && rooms != NULL ? bulk_all(ns, BULK_JOIN, to, rooms, false)
                                       : SIO_ERR_INVALID;
}

int sio_ns_leave(sio_ns *ns, const sio_to *to, const char *const *rooms) {
    return ns != NULL && rooms != NULL ? bulk_all(ns, BULK_LEAVE, to, rooms, false)
                                       : SIO_ERR_INVALID;
}

int sio_ns_disconnect(sio_ns *ns, const sio_to *to, bool close_connection) {
    return ns != NULL ? bulk_all(ns, BULK_DISCONNECT, to, NULL, close_connection) : SIO_ERR_INVALID;
}
