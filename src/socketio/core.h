/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The objects of the Socket.IO server and how they hang together:
 *
 *     sio_server --- sio_ns (by name) --- server_socket (by id, in rooms)
 *         |                                   |
 *         +------- session --- peer ----------+
 *
 * A peer is what the server keeps for one client connection: its sockets, one for each namespace
 * that it has joined. A socket is made by a CONNECT packet, passes the middlewares
 * (SOCKET_PENDING), is connected, and ends. When it ends it leaves the peer at once, so that the
 * client may connect anew; the callbacks come from a task, while peer and session still stand.
 *
 * Files: server.c life of the server; ns.c namespaces and registration; peer.c packets of a
 * connection; connect.c CONNECT and middlewares; socket.c life and state of a socket; send.c
 * sending; room.c membership; broadcast.c selections; answers.c answers of many; cluster.c the
 * adapter's side. What a server shares with clients: socket_base.h.
 */
#ifndef SOCKETIO_CORE_H
#define SOCKETIO_CORE_H

#include <regex.h>
#include <sio/adapter.h>
#include <sio/server.h>
#include <stdatomic.h>

#include "engineio/next.h"
#include "engineio/session.h"
#include "proto/pack.h"
#include "proto/sio_assembler.h"
#include "proto/value.h"
#include "socketio/handlers.h"
#include "socketio/socket_base.h"

struct room;

enum server_state {
    SERVER_NEW,     /* no loop yet */
    SERVER_OPEN,    /* on its loop */
    SERVER_CLOSING, /* waits for connections to end */
    SERVER_CLOSED
};

struct sio_server {
    struct options options;
    struct logger log;
    struct reactor reactor;
    struct engine engine;
    uv_loop_t *loop;    /* that it runs on; NULL before */
    uv_loop_t own_loop; /* unless the application gave one */
    bool has_own_loop;
    bool started; /* handlers are fixed */
    bool free_when_closed;
    bool engine_ready; /* there is something to free */
    uint8_t state;     /* enum server_state */
    bool running;      /* within uv_run() of its own loop */
    struct list listeners;
    struct task close_task;    /* ends connections, outside of all callbacks */
    struct task adapters_task; /* closes the adapters, after the last disconnect callbacks */
    struct mail stop_mail;
    atomic_bool stoppable;   /* there is a loop to send it to */
    atomic_bool stop_asked;  /* by sio_server_stop(), perhaps before there was one */
    atomic_bool stop_posted; /* or it never will be */
    bool stop_came;          /* the mail has arrived */
    bool stop_awaited;       /* closing waits for that */
    uv_mutex_t post_lock;
    bool accepts_posts; /* under post_lock */
    void (*on_closed)(sio_server *server, void *user);
    void *on_closed_user;
    void (*on_new_ns)(sio_ns *ns, void *user);
    void *on_new_ns_user;

    struct map namespaces; /* by name */
    struct list parents;   /* in order of their making */
    uint64_t seed[2];      /* of all maps */
    struct rand_pool random;
    uint32_t sid_counter;
    uint32_t dynamic_count; /* namespaces made for clients */
    uint32_t pending_count; /* sockets and namespaces that wait for a decision */
    uint64_t visit;         /* the last broadcast's mark */

    struct packer packer;
    struct value_scratch scratch;
    struct assembler_pool assemblers;
    struct slab peer_slab;
    struct slab socket_slab;
    struct slab wait_slab; /* struct ack_wait */
    struct list groups;    /* struct answer_group.link */
};

enum ns_kind {
    NS_PLAIN,   /* made by name */
    NS_CHILD,   /* made for a client, from a parent */
    NS_PATTERN, /* parent: regular expression */
    NS_CHECK    /* parent: function */
};

struct sio_ns {
    struct socket_home home; /* its handlers: own_handlers, or the parent's */
    sio_server *server;
    char *name;
    size_t name_len;
    uint8_t kind;
    bool removed;  /* no longer in the server's directory */
    uint32_t refs; /* the directory, and every socket */
    struct handlers own_handlers;

    sio_ns *parent;
    struct list children; /* of parents */
    struct list link;     /* in parent->children, or server->parents */
    regex_t pattern;
    sio_ns_check_fn check;
    void *check_user;

    struct server_socket **sockets; /* connected ones */
    uint32_t socket_count;
    uint32_t socket_cap;
    uint32_t pending_count;
    struct map ids;   /* the same sockets by id */
    struct map rooms; /* struct room by name */
    struct task cleanup;

    const sio_adapter_ops *adapter; /* NULL: this node only */
    void *adapter_self;
};

/** A connection, seen from Socket.IO. */
struct peer {
    struct session *session;
    struct list sockets;             /* server_socket.task.link, pending and connected */
    struct pending_ns *pending;      /* namespaces that wait for a decision */
    struct sio_assembler *assembler; /* packet that waits for attachments */
    struct timer timer;              /* connect_timeout_ms, later attachment_timeout_ms */
    uint32_t count;                  /* of sockets and pending namespaces */
    bool joined;                     /* has been in a namespace */
    bool closing;                    /* packets are not looked at any more */
};

/** A socket's place in a room. */
struct membership {
    struct room *room;
    uint32_t at; /* index in room->members */
};

/** What few sockets have; made when it is needed. */
struct socket_auth {
    struct value_doc doc;
    bool parsed;
    size_t len;
    char json[];
};

struct server_socket {
    /* What a broadcast looks at comes first. */
    struct peer *peer; /* NULL once it is gone */
    uint64_t visit;    /* mark of the last broadcast that looked at it */
    sio_socket base;
    uint32_t at; /* index in ns->sockets */

    uint32_t room_count;
    uint32_t room_cap;
    uint32_t middleware; /* index of the one that is asked */
    struct membership *rooms;
    struct socket_auth *auth;
    char *data;            /* JSON, NULL for {} */
    struct sio_next *next; /* while a middleware decides */
    struct task task;      /* tells of the end; until then its link is in peer->sockets */
    char id[SID_CHARS + 1];
};

/** Its namespace. */
static inline sio_ns *sio__socket_ns(const struct server_socket *s) {
    return SIO_CONTAINER_OF(s->base.home, sio_ns, home);
}

/** The socket of a server behind what applications hold; NULL for those of clients. */
struct server_socket *sio__server_socket(const sio_socket *s);

/* ---- peer.c ---- */

/** The server that a connection belongs to. */
static inline sio_server *sio__peer_server(const struct peer *p) {
    return p->session->engine->owner;
}

int sio__peer_open(struct session *session);
void sio__peer_message(struct session *session, uint8_t *data, size_t len, bool binary);
void sio__peer_close(struct session *session, int reason, int cause);
void sio__peer_drain(struct session *session);

/** The socket of a namespace; NULL when there is none. */
struct server_socket *sio__peer_find(const struct peer *p, struct text nsp);

/** Closes the connection because of a packet; tells the error callbacks when message is not NULL.
 */
void sio__peer_violation(struct peer *p, int cause, const char *message);

/* ---- connect.c ---- */

/** A CONNECT packet. auth: JSON text, empty for none. */
void sio__connect(struct peer *p, struct text nsp, struct text auth);

/** The peer goes away: forgets namespaces that wait for a decision. */
void sio__connect_abandon(struct peer *p);

/* ---- socket.c ---- */

/** Makes a pending socket. @return 0, SIO_ERR_NOMEM, or a negative errno */
int sio__socket_new(struct peer *p, sio_ns *ns, struct text auth,
                    struct server_socket **ret_socket);

/** Puts a pending socket into its namespace. @return 0, SIO_ERR_NOMEM */
int sio__socket_enter(struct server_socket *s);

/** No middleware is asked any more; a decision that comes later is ignored. */
void sio__socket_end_asking(struct server_socket *s);

/** Takes a pending socket away, without callbacks. */
void sio__socket_discard(struct server_socket *s);

/** Ends a connected socket; callbacks come from a task. */
void sio__socket_end(struct server_socket *s, int reason, int cause);

/** The same, callbacks at once: from a task only. */
void sio__socket_end_now(struct server_socket *s, int reason, int cause);

extern const struct socket_ops sio__server_socket_ops;

/** Disconnects by order of the application: tells the client. */
void sio__socket_disconnect(struct server_socket *s, bool close_connection);

/* ---- ns.c ---- */

/** Makes a namespace and puts it into the directory. NULL when out of memory or the adapter
 * refused. */
sio_ns *sio__ns_new(sio_server *server, struct text name, sio_ns *parent);
void sio__ns_unref(sio_ns *ns);

/** The server closes: ends all adapters, which end their open requests, while the loop still runs.
 */
void sio__ns_close_adapters(sio_server *server);

/** Frees all namespaces. */
void sio__ns_free_all(sio_server *server);

/** A socket has left, or was refused: an empty child may be removed. */
void sio__ns_emptied(sio_ns *ns);

/** The namespace as text. */
static inline struct text sio__ns_text(const sio_ns *ns) {
    return (struct text){ns->name, ns->name_len};
}

/* ---- send.c ---- */

/** As socket_ops says. */
int sio__server_send(sio_socket *socket, unsigned flags, struct ack_wait *wait);
int sio__server_reply(sio_socket *socket);

/** Tells the outgoing catch-all handlers of an event that was sent. */
void sio__server_note_outgoing(struct server_socket *s, struct frame *f);

/* ---- room.c ---- */

const char *sio__room_key(const void *item, size_t *ret_len);
const char *sio__socket_key(const void *item, size_t *ret_len);
void sio__room_leave_all(struct server_socket *s);

struct room {
    sio_ns *ns;
    struct room_member *members;
    uint32_t count;
    uint32_t cap;
    size_t name_len;
    char name[];
};

struct room_member {
    struct server_socket *socket;
    uint32_t at; /* index in socket->rooms */
};

/* ---- broadcast.c ---- */

/** Calls fn for every connected socket of this node that is meant; fn must not call the
 * application. */
void sio__select(sio_ns *ns, const sio_to *to, void (*fn)(struct server_socket *s, void *arg),
                 void *arg);

/** A selector in the layout of this version; to may be NULL. */
sio_to sio__to(const sio_to *to);

#endif /* SOCKETIO_CORE_H */
