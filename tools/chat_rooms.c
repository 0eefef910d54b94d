/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "chat_rooms.h"

#include <stdlib.h>
#include <string.h>

struct chat_room *chat_room_find(const struct chat_rooms *rooms, const char *name) {
    for (size_t i = 0; i < rooms->count; i++) {
        if (strcmp(rooms->all[i]->name, name) == 0) {
            return rooms->all[i];
        }
    }
    return NULL;
}

struct chat_room *chat_room_new(struct chat_rooms *rooms, const char *name, bool permanent) {
    struct chat_room *room = calloc(1, sizeof *room);
    if (room == NULL) {
        return NULL;
    }
    snprintf(room->name, sizeof room->name, "%s", name);
    room->permanent = permanent;
    rooms->all[rooms->count++] = room;
    return room;
}

static void free_room(struct chat_room *room) {
    for (size_t i = 0; i < CHAT_HISTORY; i++) {
        free(room->history[i].json);
    }
    free(room->members);
    free(room);
}

void chat_room_remove(struct chat_rooms *rooms, struct chat_room *room) {
    size_t i = 0;
    while (rooms->all[i] != room) {
        i++;
    }
    rooms->count--;
    memmove(&rooms->all[i], &rooms->all[i + 1], (rooms->count - i) * sizeof(struct chat_room *));
    free_room(room);
}

void chat_rooms_done(struct chat_rooms *rooms) {
    for (size_t i = 0; i < rooms->count; i++) {
        free_room(rooms->all[i]);
    }
    rooms->count = 0;
}

bool chat_room_has(const struct chat_room *room, const struct chat_visitor *visitor) {
    for (size_t i = 0; i < visitor->room_count; i++) {
        if (visitor->rooms[i] == room) {
            return true;
        }
    }
    return false;
}

bool chat_room_add(struct chat_room *room, struct chat_visitor *visitor) {
    if (room->member_count == room->member_capacity) {
        size_t capacity = room->member_capacity == 0 ? 4 : 2 * room->member_capacity;
        void *members = realloc(room->members, capacity * sizeof(struct chat_visitor *));
        if (members == NULL) {
            return false;
        }
        room->members = members;
        room->member_capacity = capacity;
    }
    room->members[room->member_count++] = visitor;
    visitor->rooms[visitor->room_count++] = room;
    return true;
}

void chat_room_drop(struct chat_room *room, struct chat_visitor *visitor) {
    size_t i = 0;
    while (room->members[i] != visitor) {
        i++;
    }
    room->member_count--;
    memmove(&room->members[i], &room->members[i + 1],
            (room->member_count - i) * sizeof(struct chat_visitor *));
    i = 0;
    while (visitor->rooms[i] != room) {
        i++;
    }
    visitor->rooms[i] = visitor->rooms[--visitor->room_count];
}

const struct chat_message *chat_room_message(const struct chat_room *room, const char *key) {
    for (size_t i = 0; i < room->message_count; i++) {
        if (strcmp(room->history[i].key, key) == 0) {
            return &room->history[i];
        }
    }
    return NULL;
}

void chat_room_remember(struct chat_room *room, const char *key, int64_t time, char *json) {
    size_t at = room->message_count;
    if (at < CHAT_HISTORY) {
        room->message_count++;
    } else {
        at = room->oldest;
        room->oldest = (at + 1) % CHAT_HISTORY;
    }
    struct chat_message *message = &room->history[at];
    free(message->json);
    message->json = json;
    message->time = time;
    snprintf(message->key, sizeof message->key, "%s", key);
}

void chat_room_write(FILE *out, const struct chat_room *room) {
    fputs("{\"ok\":true,\"members\":[", out);
    for (size_t i = 0; i < room->member_count; i++) {
        fprintf(out, "%s%s", i > 0 ? "," : "", room->members[i]->user);
    }
    fputs("],\"history\":[", out);
    for (size_t i = 0; i < room->message_count; i++) {
        const struct chat_message *message = &room->history[(room->oldest + i) % CHAT_HISTORY];
        fprintf(out, "%s%s", i > 0 ? "," : "", message->json);
    }
    fputs("]}", out);
}

void chat_rooms_write(FILE *out, const struct chat_rooms *rooms) {
    putc('[', out);
    for (size_t i = 0; i < rooms->count; i++) {
        fputs(i > 0 ? ",{\"name\":" : "{\"name\":", out);
        chat_write_json(out, rooms->all[i]->name);
        fprintf(out, ",\"members\":%zu}", rooms->all[i]->member_count);
    }
    putc(']', out);
}
