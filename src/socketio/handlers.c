/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "socketio/handlers.h"

#include <sio/error.h>
#include <string.h>

#include "base/alloc.h"
#include "base/vec.h"

static struct name_key key_of(const char *name, size_t len) {
    struct name_key key = {0, 0};
    if (len >= 8) {
        memcpy(&key.first, name, 8);
        memcpy(&key.last, name + len - 8, 8);
    } else if (len >= 4) {
        memcpy(&key.first, name, 4);
        memcpy(&key.last, name + len - 4, 4);
    } else if (len > 0) { /* of up to three, one may be taken twice */
        key.first = (uint64_t)(uint8_t)name[0] << 16 | (uint64_t)(uint8_t)name[len / 2] << 8 |
                    (uint8_t)name[len - 1];
    }
    return key;
}

static uint32_t hash_of(struct name_key key, size_t len) {
    uint64_t h = (key.first ^ (key.last << 29 | key.last >> 35) ^ len) * 0x9e3779b97f4a7c15u;
    return (uint32_t)(h >> 32);
}

static struct event_handlers *find(const struct event_table *t, const char *name, size_t len) {
    if (t->len == 0) {
        return NULL;
    }
    struct name_key key = key_of(name, len);
    uint32_t mask = t->cap - 1;
    for (uint32_t i = hash_of(key, len) & mask; t->slots[i] != NULL; i = (i + 1) & mask) {
        struct event_handlers *e = t->slots[i];
        if (e->key.first == key.first && e->key.last == key.last && e->name_len == len &&
            (len <= 16 || memcmp(e->name, name, len) == 0)) {
            return e;
        }
    }
    return NULL;
}

static void put(struct event_table *t, struct event_handlers *e) {
    uint32_t mask = t->cap - 1;
    uint32_t i = hash_of(e->key, e->name_len) & mask;
    while (t->slots[i] != NULL) {
        i = (i + 1) & mask;
    }
    t->slots[i] = e;
    t->len++;
}

static int grow(struct event_table *t) {
    struct event_table bigger = {.cap = t->cap > 0 ? t->cap * 2 : 8};
    bigger.slots = sio__calloc(bigger.cap, sizeof(struct event_handlers *));
    if (bigger.slots == NULL) {
        return SIO_ERR_NOMEM;
    }
    for (uint32_t i = 0; i < t->cap; i++) {
        if (t->slots[i] != NULL) {
            put(&bigger, t->slots[i]);
        }
    }
    sio__free(t->slots);
    *t = bigger;
    return 0;
}

static void free_events(struct event_table *t) {
    for (uint32_t i = 0; i < t->cap; i++) {
        if (t->slots[i] != NULL) {
            sio__free(t->slots[i]->list.items);
            sio__free(t->slots[i]);
        }
    }
    sio__free(t->slots);
}

/* All lists but those of events. */
static void for_each_list(struct handlers *h, void (*fn)(struct handler_list *list)) {
    struct handler_list *lists[] = {&h->connect,         &h->connect_error, &h->disconnecting,
                                    &h->disconnect,      &h->any,           &h->any_outgoing,
                                    &h->error,           &h->drain,         &h->middleware,
                                    &h->event_middleware};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        fn(lists[i]);
    }
}

static void free_list(struct handler_list *list) {
    sio__free(list->items);
}

void sio__handlers_done(struct handlers *h) {
    for_each_list(h, free_list);
    free_events(&h->events);
    free_events(&h->server_events);
    memset(h, 0, sizeof *h);
}

int sio__handlers_add(struct handler_list *list, handler_fn fn, void *user) {
    if (list->len == list->cap) {
        int r =
            sio__vec_reserve((void **)&list->items, &list->cap, list->len + 1, sizeof *list->items);
        if (r < 0) {
            return r;
        }
    }
    list->items[list->len] = (struct handler){.fn = fn, .user = user};
    list->len++;
    return 0;
}

void sio__handlers_remove_at(struct handlers *h, struct handler_list *list, uint32_t at) {
    list->items[at].fn = NULL;
    h->has_holes = true;
}

int sio__handlers_remove(struct handlers *h, struct handler_list *list, handler_fn fn) {
    int removed = 0;
    for (uint32_t i = 0; i < list->len; i++) {
        if (list->items[i].fn != NULL && (fn == NULL || list->items[i].fn == fn)) {
            sio__handlers_remove_at(h, list, i);
            removed++;
        }
    }
    return removed;
}

static void compact(struct handler_list *list) {
    uint32_t len = 0;
    for (uint32_t i = 0; i < list->len; i++) {
        if (list->items[i].fn != NULL) {
            list->items[len] = list->items[i];
            len++;
        }
    }
    list->len = len;
}

int sio__handlers_add_event(struct event_table *events, const char *name, handler_fn fn,
                            void *user) {
    size_t len = strlen(name);
    struct event_handlers *e = find(events, name, len);
    if (e != NULL) {
        return sio__handlers_add(&e->list, fn, user);
    }
    if (2 * events->len >= events->cap) {
        int r = grow(events);
        if (r < 0) {
            return r;
        }
    }
    e = sio__calloc(1, sizeof *e + len + 1);
    if (e == NULL) {
        return SIO_ERR_NOMEM;
    }
    int r = sio__handlers_add(&e->list, fn, user);
    if (r < 0) {
        sio__free(e);
        return r;
    }
    e->key = key_of(name, len);
    e->name_len = len;
    memcpy(e->name, name, len + 1);
    put(events, e);
    return 0;
}

const struct handler_list *sio__handlers_find(const struct event_table *events, struct text name) {
    const struct event_handlers *e = find(events, name.data, name.len);
    return e != NULL ? &e->list : NULL;
}

void sio__handlers_compact(struct handlers *h) {
    for_each_list(h, compact);
    for (uint32_t i = 0; i < h->events.cap; i++) {
        if (h->events.slots[i] != NULL) {
            compact(&h->events.slots[i]->list);
        }
    }
    h->has_holes = false;
}
