/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The handler tables of a namespace, or of a client's socket: what the application has registered.
 * Those of a server are filled before it runs, then only read, and the namespaces made from a
 * parent share the parent's. Those of a client change at any time, also while its handlers run.
 */
#ifndef SOCKETIO_HANDLERS_H
#define SOCKETIO_HANDLERS_H

#include <sio/socket.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

/** A callback, to be cast back to what its list holds. */
typedef void (*handler_fn)(void);

struct handler {
    handler_fn fn; /* NULL: removed while handlers ran */
    void *user;
    bool once;
};

struct handler_list {
    struct handler *items;
    uint32_t len;
    uint32_t cap;
};

/** First and last eight bytes of a name, fewer if it is shorter: up to 16 bytes they are all of it.
 */
struct name_key {
    uint64_t first;
    uint64_t last;
};

/** The handlers of one event name. */
struct event_handlers {
    struct handler_list list;
    struct name_key key;
    size_t name_len;
    char name[];
};

/**
 * Handlers by event name. Names are the application's, so its hash needs no secret, and is cheap: a
 * lookup is part of every event.
 */
struct event_table {
    struct event_handlers **slots; /* NULL where free; at most half full */
    uint32_t len;
    uint32_t cap; /* 0 or a power of two */
};

struct handlers {
    struct handler_list connect;          /* sio_socket_fn */
    struct handler_list connect_error;    /* sio_connect_error_fn, of clients */
    struct handler_list disconnecting;    /* sio_disconnect_fn */
    struct handler_list disconnect;       /* sio_disconnect_fn */
    struct handler_list any;              /* sio_event_fn */
    struct handler_list any_outgoing;     /* sio_event_fn */
    struct handler_list error;            /* sio_error_fn */
    struct handler_list drain;            /* sio_socket_fn */
    struct handler_list middleware;       /* sio_middleware_fn */
    struct handler_list event_middleware; /* sio_event_middleware_fn */
    struct event_table events;            /* sio_event_fn */
    struct event_table server_events;     /* sio_event_fn, for events of other nodes */
    bool has_holes;                       /* some were removed while handlers ran */
};

/** Frees the tables; they are empty then, as zeroed ones are. */
void sio__handlers_done(struct handlers *h);

/** Appends a callback. @return 0, SIO_ERR_NOMEM */
int sio__handlers_add(struct handler_list *list, handler_fn fn, void *user);

/** Makes a callback that is about to be called for the only time a removed one. */
void sio__handlers_remove_at(struct handlers *h, struct handler_list *list, uint32_t at);

/**
 * Removes callbacks: their places stay until sio__handlers_compact(), so that this may be done
 * while the list is walked over.
 *
 * @param fn  NULL: all
 * @return how many
 */
int sio__handlers_remove(struct handlers *h, struct handler_list *list, handler_fn fn);

/** Closes the gaps that removed callbacks have left. No list may be walked over. */
void sio__handlers_compact(struct handlers *h);

/** Appends a callback for an event name. @return 0, SIO_ERR_NOMEM */
int sio__handlers_add_event(struct event_table *events, const char *name, handler_fn fn,
                            void *user);

/** The callbacks of an event name; NULL when there are none. */
const struct handler_list *sio__handlers_find(const struct event_table *events, struct text name);

#endif /* SOCKETIO_HANDLERS_H */
