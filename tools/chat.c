/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The events of the chat. A client for whom there is no memory is disconnected: its page connects
 * anew and catches up, which is better than a page that shows less than the others.
 */
#include "chat.h"

#include <inttypes.h>
#include <sio/error.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "chat_rooms.h"

#define INTRODUCED  "introduced"   /* the room of those who said hello */
#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */
#define CHANNEL     "chat:" /* before the name of a room: sockets are in rooms of their ids, too */

enum { BURST = 20, PER_SECOND = 5 };

struct chat {
    sio_ns *ns;
    struct chat_rooms rooms;
};

/* The Socket.IO room of a room of the chat. */
struct channel {
    char name[sizeof CHANNEL + CHAT_LABEL_BYTES];
};

static struct channel channel_of(const struct chat_room *room) {
    struct channel channel;
    snprintf(channel.name, sizeof channel.name, CHANNEL "%s", room->name);
    return channel;
}

static int64_t now_ms(void) {
    struct timespec now = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static double monotonic_seconds(void) {
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void refuse(sio_event *ev, const char *error) {
    sio_event_reply(ev, "{s:b,s:s}", "ok", 0, "error", error);
}

static void out_of_memory(sio_socket *s) {
    sio_socket_disconnect(s, true);
}

/* ---- arguments ---- */

/* A string, or NULL when the argument is none, or none that is valid Unicode. */
static const char *string_arg(const sio_event *ev, size_t index, size_t *ret_len) {
    size_t len = 0;
    const char *s = sio_val_str(sio_event_arg(ev, index), &len);
    if (s != NULL && memmem(s, len, REPLACEMENT, strlen(REPLACEMENT)) != NULL) {
        size_t json_len = 0;
        const char *json = sio_event_json(ev, &json_len);
        s = chat_has_lone_surrogate(json, json_len) ? NULL : s;
    }
    *ret_len = s != NULL ? len : 0;
    return s;
}

/* A name, or NULL when the argument is none. */
static const char *label_arg(const sio_event *ev, size_t index) {
    size_t len = 0;
    const char *label = string_arg(ev, index, &len);
    return chat_is_label(label, len) ? label : NULL;
}

/* Takes one token; false when the bucket is empty. */
static bool charge(struct chat_visitor *visitor) {
    double now = monotonic_seconds();
    visitor->tokens += (now - visitor->refilled) * PER_SECOND;
    visitor->refilled = now;
    if (visitor->tokens > BURST) {
        visitor->tokens = BURST;
    }
    if (visitor->tokens < 1) {
        return false;
    }
    visitor->tokens -= 1;
    return true;
}

/* What all events behind hello have in common: NULL, or the error that is found first. */
static const char *check(struct chat_visitor *visitor, bool valid) {
    bool paid = visitor->user == NULL || charge(visitor);
    if (!valid) {
        return "invalid";
    }
    if (visitor->user == NULL) {
        return "not-introduced";
    }
    return paid ? NULL : "too-fast";
}

/* The room of that name when the visitor is in it. */
static struct chat_room *own_room(const struct chat *chat, const struct chat_visitor *visitor,
                                  const char *name) {
    struct chat_room *room = chat_room_find(&chat->rooms, name);
    return room != NULL && chat_room_has(room, visitor) ? room : NULL;
}

/* ---- JSON texts ---- */

/* A text that is being written; `out` is NULL when there is no memory. */
struct writer {
    FILE *out;
    char *text;
    size_t len;
};

static bool begin(struct writer *w) {
    *w = (struct writer){0};
    w->out = open_memstream(&w->text, &w->len);
    return w->out != NULL;
}

/* The finished text, owned by the caller; NULL when there was no memory. */
static char *end(struct writer *w) {
    bool failed = ferror(w->out) != 0;
    if (fclose(w->out) != 0 || failed) {
        free(w->text);
        return NULL;
    }
    return w->text;
}

/* Answers with what was written. */
static void reply_written(sio_socket *s, sio_event *ev, struct writer *w) {
    char *text = end(w);
    if (text == NULL) {
        out_of_memory(s);
    } else {
        sio_event_reply(ev, "r#", text, w->len);
        free(text);
    }
}

static char *user_json(const sio_socket *s, const char *name) {
    struct writer w;
    if (!begin(&w)) {
        return NULL;
    }
    fprintf(w.out, "{\"id\":\"%s\",\"name\":", sio_socket_id(s));
    chat_write_json(w.out, name);
    putc('}', w.out);
    return end(&w);
}

static char *message_json(const struct chat_room *room, const struct chat_visitor *visitor,
                          const char *text, const char *key, int64_t time) {
    struct writer w;
    if (!begin(&w)) {
        return NULL;
    }
    fprintf(w.out, "{\"key\":\"%s\",\"room\":", key);
    chat_write_json(w.out, room->name);
    fprintf(w.out, ",\"user\":%s,\"text\":", visitor->user);
    chat_write_json(w.out, text);
    fprintf(w.out, ",\"time\":%" PRId64 "}", time);
    return end(&w);
}

/* ---- rooms ---- */

/* Tells everybody the number of members, and removes a room that nobody needs. */
static void announce(struct chat *chat, struct chat_room *room) {
    const sio_to *everybody = SIO_TO(.rooms = SIO_ROOMS(INTRODUCED));
    if (room->member_count == 0 && !room->permanent) {
        sio_broadcast(chat->ns, everybody, "gone", "s", room->name);
        chat_room_remove(&chat->rooms, room);
    } else {
        sio_broadcast(chat->ns, everybody, "room", "sU", room->name, (uint64_t)room->member_count);
    }
}

/* Adds a socket to a room: 0, or a negative error of the library. */
static int enter(struct chat *chat, sio_socket *s, struct chat_visitor *visitor,
                 struct chat_room *room) {
    struct channel channel = channel_of(room);
    int r = sio_socket_join(s, SIO_ROOMS(channel.name));
    if (r == 0 && !chat_room_add(room, visitor)) {
        sio_socket_leave(s, SIO_ROOMS(channel.name));
        r = SIO_ERR_NOMEM;
    }
    if (r == 0) {
        sio_broadcast(chat->ns, SIO_TO(.rooms = SIO_ROOMS(channel.name), .but = s), "joined", "srI",
                      room->name, visitor->user, now_ms());
        announce(chat, room);
    } else if (room->member_count == 0 && !room->permanent) {
        chat_room_remove(&chat->rooms, room);
    }
    return r;
}

static void leave(struct chat *chat, sio_socket *s, struct chat_visitor *visitor,
                  struct chat_room *room) {
    struct channel channel = channel_of(room);
    chat_room_drop(room, visitor);
    sio_socket_leave(s, SIO_ROOMS(channel.name));
    sio_broadcast(chat->ns, SIO_TO(.rooms = SIO_ROOMS(channel.name), .but = s), "left", "srI",
                  room->name, visitor->user, now_ms());
    announce(chat, room);
}

/* ---- events ---- */

static void on_hello(sio_socket *s, sio_event *ev, void *user) {
    struct chat *chat = user;
    struct chat_visitor *visitor = sio_socket_user(s);
    const char *name = label_arg(ev, 0);
    if (visitor == NULL) {
        return;
    }
    if (name == NULL || visitor->user != NULL) {
        refuse(ev, name == NULL ? "invalid" : "already-introduced");
        return;
    }
    struct writer w;
    char *json = user_json(s, name);
    if (json == NULL || sio_socket_join(s, SIO_ROOMS(INTRODUCED)) < 0 || !begin(&w)) {
        free(json);
        out_of_memory(s);
        return;
    }
    visitor->user = json;
    fprintf(w.out, "{\"ok\":true,\"user\":%s,\"rooms\":", json);
    chat_rooms_write(w.out, &chat->rooms);
    putc('}', w.out);
    reply_written(s, ev, &w);
}

/* Why a visitor cannot join a room, which may be NULL: not there yet. */
static const char *obstacle(const struct chat *chat, const struct chat_visitor *visitor,
                            const struct chat_room *room) {
    if (visitor->room_count == CHAT_ROOMS_OF_VISITOR) {
        return "too-many-rooms";
    }
    if (room == NULL) {
        return chat->rooms.count == CHAT_ROOMS ? "too-many-rooms" : NULL;
    }
    return room->member_count == CHAT_MEMBERS ? "room-full" : NULL;
}

static void on_join(sio_socket *s, sio_event *ev, void *user) {
    struct chat *chat = user;
    struct chat_visitor *visitor = sio_socket_user(s);
    const char *name = label_arg(ev, 0);
    const char *error = visitor == NULL ? "invalid" : check(visitor, name != NULL);
    if (error != NULL) {
        refuse(ev, error);
        return;
    }
    struct chat_room *room = chat_room_find(&chat->rooms, name);
    if (room == NULL || !chat_room_has(room, visitor)) {
        error = obstacle(chat, visitor, room);
        if (error != NULL) {
            refuse(ev, error);
            return;
        }
        if (room == NULL) {
            room = chat_room_new(&chat->rooms, name, false);
        }
        int r = room == NULL ? SIO_ERR_NOMEM : enter(chat, s, visitor, room);
        if (r == SIO_ERR_LIMIT) {
            refuse(ev, "too-many-rooms");
            return;
        }
        if (r < 0) {
            out_of_memory(s);
            return;
        }
    }
    struct writer w;
    if (!begin(&w)) {
        out_of_memory(s);
        return;
    }
    chat_room_write(w.out, room);
    reply_written(s, ev, &w);
}

static void on_leave(sio_socket *s, sio_event *ev, void *user) {
    struct chat *chat = user;
    struct chat_visitor *visitor = sio_socket_user(s);
    const char *name = label_arg(ev, 0);
    const char *error = visitor == NULL ? "invalid" : check(visitor, name != NULL);
    struct chat_room *room = error == NULL ? own_room(chat, visitor, name) : NULL;
    if (room == NULL) {
        refuse(ev, error != NULL ? error : "not-a-member");
        return;
    }
    leave(chat, s, visitor, room);
    sio_event_reply(ev, "{s:b}", "ok", 1);
}

/* Accepts a message, unless it came before. Returns its time, or negative without memory. */
static int64_t post(struct chat *chat, sio_socket *s, struct chat_room *room, const char *text,
                    const char *key) {
    const struct chat_message *known = chat_room_message(room, key);
    if (known != NULL) {
        return known->time;
    }
    int64_t time = now_ms();
    char *json = message_json(room, sio_socket_user(s), text, key, time);
    if (json == NULL) {
        return SIO_ERR_NOMEM;
    }
    struct channel channel = channel_of(room);
    chat_room_remember(room, key, time, json);
    sio_broadcast(chat->ns, SIO_TO(.rooms = SIO_ROOMS(channel.name), .but = s), "message", "r",
                  json);
    return time;
}

static void on_message(sio_socket *s, sio_event *ev, void *user) {
    struct chat *chat = user;
    struct chat_visitor *visitor = sio_socket_user(s);
    size_t text_len = 0;
    size_t key_len = 0;
    const char *name = label_arg(ev, 0);
    const char *text = string_arg(ev, 1, &text_len);
    const char *key = string_arg(ev, 2, &key_len);
    bool valid = name != NULL && chat_is_text(text, text_len) && chat_is_key(key, key_len);
    const char *error = visitor == NULL ? "invalid" : check(visitor, valid);
    struct chat_room *room = error == NULL ? own_room(chat, visitor, name) : NULL;
    if (room == NULL) {
        refuse(ev, error != NULL ? error : "not-a-member");
        return;
    }
    int64_t time = post(chat, s, room, text, key);
    if (time < 0) {
        out_of_memory(s);
        return;
    }
    sio_event_reply(ev, "{s:b,s:I}", "ok", 1, "time", time);
}

static void on_typing(sio_socket *s, sio_event *ev, void *user) {
    struct chat *chat = user;
    struct chat_visitor *visitor = sio_socket_user(s);
    bool on = false;
    const char *name = label_arg(ev, 0);
    bool valid = sio_val_bool(sio_event_arg(ev, 1), &on) == 0 && name != NULL;
    struct chat_room *room = NULL;
    if (visitor != NULL && check(visitor, valid) == NULL) {
        room = own_room(chat, visitor, name);
    }
    if (room != NULL) {
        struct channel channel = channel_of(room);
        sio_broadcast(chat->ns, SIO_TO(.rooms = SIO_ROOMS(channel.name), .but = s), "typing", "srb",
                      room->name, visitor->user, (int)on);
    }
}

/* ---- sockets ---- */

static void free_visitor(void *user) {
    struct chat_visitor *visitor = user;
    free(visitor->user);
    free(visitor);
}

static void on_connect(sio_socket *s, void *user) {
    (void)user;
    struct chat_visitor *visitor = calloc(1, sizeof *visitor);
    if (visitor == NULL) {
        out_of_memory(s);
        return;
    }
    visitor->tokens = BURST;
    visitor->refilled = monotonic_seconds();
    sio_socket_set_user(s, visitor, free_visitor);
}

static void on_disconnect(sio_socket *s, int reason, int cause, void *user) {
    (void)reason;
    (void)cause;
    struct chat_visitor *visitor = sio_socket_user(s);
    while (visitor != NULL && visitor->room_count > 0) {
        leave(user, s, visitor, visitor->rooms[0]);
    }
}

/* ---- life ---- */

static int listen_to(struct chat *chat) {
    static const struct {
        const char *event;
        sio_event_fn fn;
    } handlers[] = {
        {"hello", on_hello},     {"join", on_join},     {"leave", on_leave},
        {"message", on_message}, {"typing", on_typing},
    };
    int r = sio_ns_on_connect(chat->ns, on_connect, chat);
    for (size_t i = 0; r == 0 && i < sizeof handlers / sizeof handlers[0]; i++) {
        r = sio_ns_on(chat->ns, handlers[i].event, handlers[i].fn, chat);
    }
    return r == 0 ? sio_ns_on_disconnect(chat->ns, on_disconnect, chat) : r;
}

struct chat *chat_new(sio_server *server) {
    static const char *const permanent[] = {"general", "ideas", "random"};
    struct chat *chat = calloc(1, sizeof *chat);
    if (chat == NULL) {
        return NULL;
    }
    chat->ns = sio_server_ns(server, "/");
    bool ok = chat->ns != NULL && listen_to(chat) == 0;
    for (size_t i = 0; ok && i < sizeof permanent / sizeof permanent[0]; i++) {
        ok = chat_room_new(&chat->rooms, permanent[i], true) != NULL;
    }
    if (!ok) {
        chat_free(chat);
        return NULL;
    }
    return chat;
}

void chat_free(struct chat *chat) {
    if (chat != NULL) {
        chat_rooms_done(&chat->rooms);
        free(chat);
    }
}
