/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "socketio/handlers.h"

#include <sio/error.h>
#include <string.h>

#include "base/alloc.h"
#include "base/vec.h"

static const char *event_key(const void *item, size_t *ret_len) {
    const struct event_handlers *e = item;
    *ret_len = e->name_len;
    return e->name;
}

void sio__handlers_init(struct handlers *h, const uint64_t seed[2]) {
    memset(h, 0, sizeof *h);
    sio__map_init(&h->events, event_key, seed);
    sio__map_init(&h->server_events, event_key, seed);
}

static void free_events(struct map *events) {
    uint32_t cursor = 0;
    struct event_handlers *e = sio__map_next(events, &cursor);
    while (e != NULL) {
        sio__free(e->list.items);
        sio__free(e);
        e = sio__map_next(events, &cursor);
    }
    sio__map_done(events);
}

void sio__handlers_done(struct handlers *h) {
    struct handler_list *lists[] = {&h->connect, &h->disconnecting, &h->disconnect,
                                    &h->any,     &h->any_outgoing,  &h->error,
                                    &h->drain,   &h->middleware,    &h->event_middleware};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        sio__free(lists[i]->items);
    }
    free_events(&h->events);
    free_events(&h->server_events);
    memset(h, 0, sizeof *h);
}

int sio__handlers_add(struct handler_list *list, handler_fn fn, void *user) {
    if (list->len == list->cap) {
        int r = sio__vec_reserve((void **)&list->items, &list->cap, list->len + 1, sizeof *list->items);
        if (r < 0) {
            return r;
        }
    }
    list->items[list->len] = (struct handler){fn, user};
    list->len++;
    return 0;
}

int sio__handlers_add_event(struct map *events, const char *name, handler_fn fn, void *user) {
    size_t len = strlen(name);
    struct event_handlers *e = sio__map_find(events, name, len);
    if (e == NULL) {
        e = sio__calloc(1, sizeof *e + len + 1);
        if (e == NULL) {
            return SIO_ERR_NOMEM;
        }
        e->name_len = len;
        memcpy(e->name, name, len + 1);
        int r = sio__map_insert(events, e);
        if (r < 0) {
            sio__free(e);
            return r;
        }
    }
    return sio__handlers_add(&e->list, fn, user);
}

const struct handler_list *sio__handlers_find(const struct map *events, struct text name) {
    const struct event_handlers *e = sio__map_find(events, name.data, name.len);
    return e != NULL ? &e->list : NULL;
}
