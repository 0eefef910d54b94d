/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#ifndef SIO_TOOLS_CHAT_ROOMS_H
#define SIO_TOOLS_CHAT_ROOMS_H

/*
 * What the chat remembers: rooms, who is in them, and their last messages. Nothing here sends or
 * receives anything.
 *
 * Invariant: a visitor is among the members of a room exactly when the room is among the visitor's.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "chat_text.h"

enum {
    CHAT_ROOMS = 100,
    CHAT_ROOMS_OF_VISITOR = 8,
    CHAT_MEMBERS = 500,
    CHAT_HISTORY = 50,
};

/* A message as it was sent, and what finds it again. */
struct chat_message {
    char *json;
    int64_t time;
    char key[CHAT_KEY_BYTES + 1];
};

struct chat_room {
    char name[CHAT_LABEL_BYTES + 1];
    bool permanent;
    struct chat_visitor **members; /* in the order in which they came */
    size_t member_count;
    size_t member_capacity;
    struct chat_message history[CHAT_HISTORY]; /* a ring: the oldest is at `oldest` */
    size_t oldest;
    size_t message_count;
};

/* A socket. */
struct chat_visitor {
    char *user; /* JSON of the user; NULL before hello */
    struct chat_room *rooms[CHAT_ROOMS_OF_VISITOR];
    size_t room_count;
    double tokens;
    double refilled; /* seconds of the monotonic clock */
};

struct chat_rooms {
    struct chat_room *all[CHAT_ROOMS];
    size_t count;
};

/* Finds a room; NULL when there is none of that name. */
struct chat_room *chat_room_find(const struct chat_rooms *rooms, const char *name);

/* Makes a room; there has to be place for one. NULL when there is no memory. */
struct chat_room *chat_room_new(struct chat_rooms *rooms, const char *name, bool permanent);

/* Removes a room that nobody is in. */
void chat_room_remove(struct chat_rooms *rooms, struct chat_room *room);

/* Frees all rooms. */
void chat_rooms_done(struct chat_rooms *rooms);

/* True when the visitor is a member. */
bool chat_room_has(const struct chat_room *room, const struct chat_visitor *visitor);

/* Adds a member; there has to be place in both. False when there is no memory. */
bool chat_room_add(struct chat_room *room, struct chat_visitor *visitor);

/* Removes a member. */
void chat_room_drop(struct chat_room *room, struct chat_visitor *visitor);

/* Finds a message of the history by its key; NULL when there is none. */
const struct chat_message *chat_room_message(const struct chat_room *room, const char *key);

/* Puts a message into the history, which owns json from then on; the oldest may have to go. */
void chat_room_remember(struct chat_room *room, const char *key, int64_t time, char *json);

/* Writes the answer to a join: members and history. */
void chat_room_write(FILE *out, const struct chat_room *room);

/* Writes the list of rooms of the answer to a hello. */
void chat_rooms_write(FILE *out, const struct chat_rooms *rooms);

#endif
