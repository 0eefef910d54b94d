/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Membership: which socket is in which room.
 *
 * Both sides know where the other keeps them, so that joining and leaving are O(1) but for looking
 * whether a socket is in a room already: that goes through the shorter of the two lists. The room
 * of a socket's own id is not stored: the directory of ids is it.
 */
#include <sio/error.h>
#include <string.h>

#include "base/alloc.h"
#include "base/vec.h"
#include "socketio/core.h"

#define NOWHERE UINT32_MAX

const char *sio__room_key(const void *item, size_t *ret_len) {
    const struct room *room = item;
    *ret_len = room->name_len;
    return room->name;
}

const char *sio__socket_key(const void *item, size_t *ret_len) {
    *ret_len = SID_CHARS;
    return ((const struct server_socket *)item)->id;
}

static void tell_adapter(sio_ns *ns, const char *room, bool created, bool is_id) {
    const sio_adapter_ops *ops = ns->adapter;
    if (ops == NULL) {
        return;
    }
    if (created && ops->room_created != NULL) {
        ops->room_created(ns->adapter_self, room, is_id);
    } else if (!created && ops->room_deleted != NULL) {
        ops->room_deleted(ns->adapter_self, room, is_id);
    }
}

static struct room *new_room(sio_ns *ns, struct text name) {
    struct room *room = sio__calloc(1, sizeof *room + name.len + 1);
    if (room == NULL) {
        return NULL;
    }
    room->ns = ns;
    room->name_len = name.len;
    memcpy(room->name, name.data, name.len);
    if (sio__map_insert(&ns->rooms, room) < 0) {
        sio__free(room);
        return NULL;
    }
    ns->server->engine.stats.rooms++;
    tell_adapter(ns, room->name, true, false);
    return room;
}

static void free_if_empty(struct room *room) {
    if (room->count > 0) {
        return;
    }
    sio_ns *ns = room->ns;
    sio__map_remove(&ns->rooms, room->name, room->name_len);
    ns->server->engine.stats.rooms--;
    tell_adapter(ns, room->name, false, false);
    sio__free(room->members);
    sio__free(room);
}

/* Index in s->rooms, NOWHERE when it is not a member. */
static uint32_t place(const struct server_socket *s, const struct room *room) {
    if (s->room_count <= room->count) {
        for (uint32_t i = 0; i < s->room_count; i++) {
            if (s->rooms[i].room == room) {
                return i;
            }
        }
    } else {
        for (uint32_t i = 0; i < room->count; i++) {
            if (room->members[i].socket == s) {
                return room->members[i].at;
            }
        }
    }
    return NOWHERE;
}

static int add(struct server_socket *s, struct room *room) {
    int r = 0;
    if (s->room_count == s->room_cap) {
        r = sio__vec_reserve((void **)&s->rooms, &s->room_cap, s->room_count + 1, sizeof *s->rooms);
    }
    if (r == 0 && room->count == room->cap) {
        r = sio__vec_reserve((void **)&room->members, &room->cap, room->count + 1,
                             sizeof *room->members);
    }
    if (r < 0) {
        return r;
    }
    s->rooms[s->room_count] = (struct membership){room, room->count};
    room->members[room->count] = (struct room_member){s, s->room_count};
    s->room_count++;
    room->count++;
    return 0;
}

/* The last of each list takes the free place. */
static void remove_at(struct server_socket *s, uint32_t i) {
    struct room *room = s->rooms[i].room;
    uint32_t at = s->rooms[i].at;
    room->count--;
    if (at != room->count) {
        struct room_member moved = room->members[room->count];
        room->members[at] = moved;
        moved.socket->rooms[moved.at].at = at;
    }
    s->room_count--;
    if (i != s->room_count) {
        struct membership moved = s->rooms[s->room_count];
        s->rooms[i] = moved;
        moved.room->members[moved.at].at = i;
    }
    /* A room that has shrunk far gives memory back; failing to is harmless. */
    if (room->cap > 64 && room->count < room->cap / 4) {
        sio__vec_shrink((void **)&room->members, &room->cap, room->count * 2,
                        sizeof *room->members);
    }
    free_if_empty(room);
}

static int join_one(struct server_socket *s, struct text name) {
    sio_ns *ns = sio__socket_ns(s);
    if (sio__text_eq(name, (struct text){s->id, SID_CHARS})) {
        s->base.left_own_room = false;
        return 0;
    }
    struct room *room = sio__map_find(&ns->rooms, name.data, name.len);
    if (room != NULL && place(s, room) != NOWHERE) {
        return 0;
    }
    if (s->room_count >= ns->server->options.o.max_rooms_per_socket) {
        sio__engine_count(&ns->server->engine, SIO_CAUSE_ROOMS, NULL);
        return SIO_ERR_LIMIT;
    }
    if (room == NULL) {
        room = new_room(ns, name);
        if (room == NULL) {
            return SIO_ERR_NOMEM;
        }
    }
    int r = add(s, room);
    if (r < 0) {
        free_if_empty(room);
    }
    return r;
}

int sio_socket_join(sio_socket *socket, const char *const *rooms) {
    struct server_socket *s = sio__server_socket(socket);
    if (s == NULL || rooms == NULL) {
        return SIO_ERR_INVALID;
    }
    if (s->base.state != SOCKET_PENDING && s->base.state != SOCKET_CONNECTED) {
        return SIO_ERR_CLOSED;
    }
    int r = 0;
    for (; *rooms != NULL && r == 0; rooms++) {
        r = join_one(s, sio__text_of(*rooms));
    }
    return r;
}

void sio_socket_leave(sio_socket *socket, const char *const *rooms) {
    struct server_socket *s = sio__server_socket(socket);
    if (s == NULL || rooms == NULL || s->base.state == SOCKET_GONE) {
        return;
    }
    for (; *rooms != NULL; rooms++) {
        struct text name = sio__text_of(*rooms);
        struct room *room = sio__map_find(&sio__socket_ns(s)->rooms, name.data, name.len);
        uint32_t i = room != NULL ? place(s, room) : NOWHERE;
        if (i != NOWHERE) {
            remove_at(s, i);
        } else if (sio__text_eq(name, (struct text){s->id, SID_CHARS})) {
            s->base.left_own_room = true;
        }
    }
}

void sio__room_leave_all(struct server_socket *s) {
    while (s->room_count > 0) {
        remove_at(s, s->room_count - 1);
    }
    sio__free(s->rooms);
    s->rooms = NULL;
    s->room_cap = 0;
}

static bool has_own_room(const struct server_socket *s) {
    return !s->base.left_own_room && s->base.state != SOCKET_GONE;
}

bool sio_socket_in(const sio_socket *socket, const char *room) {
    const struct server_socket *s = sio__server_socket(socket);
    if (s == NULL || room == NULL || s->base.state == SOCKET_GONE) {
        return false;
    }
    if (strcmp(room, s->id) == 0) {
        return has_own_room(s);
    }
    const struct room *found = sio__map_find(&sio__socket_ns(s)->rooms, room, strlen(room));
    return found != NULL && place(s, found) != NOWHERE;
}

size_t sio_socket_room_count(const sio_socket *socket) {
    const struct server_socket *s = sio__server_socket(socket);
    return s != NULL ? s->room_count + (has_own_room(s) ? 1u : 0u) : 0;
}

const char *sio_socket_room(const sio_socket *socket, size_t index) {
    const struct server_socket *s = sio__server_socket(socket);
    if (s == NULL) {
        return NULL;
    }
    if (has_own_room(s)) {
        if (index == 0) {
            return s->id;
        }
        index--;
    }
    return index < s->room_count ? s->rooms[index].room->name : NULL;
}

size_t sio_ns_room_count(const sio_ns *ns, const char *room) {
    if (ns == NULL || room == NULL) {
        return 0;
    }
    size_t len = strlen(room);
    const struct room *found = sio__map_find(&ns->rooms, room, len);
    const struct server_socket *own = sio__map_find(&ns->ids, room, len);
    return (found != NULL ? found->count : 0) + (own != NULL && has_own_room(own) ? 1u : 0u);
}
