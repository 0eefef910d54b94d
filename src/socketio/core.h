/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The objects of the Socket.IO server and how they hang together:
 *
 *     sio_server --- sio_ns (by name) --- sio_socket (by id, in rooms)
 *         |                                   |
 *         +------- session --- peer ----------+
 *
 * A peer is what the server keeps for one client connection: its sockets, one for each namespace
 * that it has joined. A socket is made by a CONNECT packet, passes the middlewares
 * (SOCKET_PENDING), is connected, and ends. When it ends it leaves the peer at once, so that the
 * client may connect anew; the callbacks come from a task, while peer and session still stand.
 *
 * Files: server.c life of the server; ns.c namespaces and registration; peer.c packets of a
 * connection; connect.c CONNECT and middlewares; socket.c life and state of a socket; emit.c
 * sending; event.c received events; ack.c acknowledgements; room.c membership; broadcast.c
 * selections; cluster.c the adapter's side.
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
    sio_server *server;
    char *name;
    size_t name_len;
    uint8_t kind;
    bool removed;              /* no longer in the server's directory */
    uint32_t refs;             /* the directory, and every socket */
    struct handlers *handlers; /* own_handlers, or the parent's */
    struct handlers own_handlers;

    sio_ns *parent;
    struct list children; /* of parents */
    struct list link;     /* in parent->children, or server->parents */
    regex_t pattern;
    sio_ns_check_fn check;
    void *check_user;

    sio_socket **sockets; /* connected ones */
    uint32_t socket_count;
    uint32_t socket_cap;
    uint32_t pending_count;
    struct map ids;   /* the same sockets by id */
    struct map rooms; /* struct room by name */
    struct map waits; /* struct ack_wait by id and socket */
    uint64_t next_ack;
    struct task cleanup;

    const sio_adapter_ops *adapter; /* NULL: this node only */
    void *adapter_self;
};

/** A connection, seen from Socket.IO. */
struct peer {
    struct session *session;
    struct list sockets;             /* sio_socket.task.link, pending and connected */
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

enum socket_state { SOCKET_PENDING, SOCKET_CONNECTED, SOCKET_ENDING, SOCKET_GONE };

/** What few sockets have; made when it is needed. */
struct socket_auth {
    struct value_doc doc;
    bool parsed;
    size_t len;
    char json[];
};

struct sio_socket {
    /* What a broadcast looks at comes first. */
    struct peer *peer; /* NULL once it is gone */
    uint64_t visit;    /* mark of the last broadcast that looked at it */
    sio_ns *ns;
    uint8_t state;
    uint8_t reason;
    uint8_t cause;
    bool left_own_room;
    uint32_t at; /* index in ns->sockets */

    struct membership *rooms;
    uint32_t room_count;
    uint32_t room_cap;
    void *user;
    void (*destroy)(void *user);
    struct socket_auth *auth;
    char *data;            /* JSON, NULL for {} */
    struct sio_next *next; /* while a middleware decides */
    struct list waits;     /* struct ack_wait.link */
    struct task task;      /* tells of the end; until then its link is in peer->sockets */
    uint32_t refs;
    uint32_t middleware; /* index of the one that is asked */
    char id[SID_CHARS + 1];
};

/** A received event, an acknowledgement, or an event of another node. */
struct sio_event {
    struct value_args args; /* first: see proto/value.h */
    sio_socket *socket;     /* NULL for events of other nodes */
    struct text name;
    uint64_t ack_id;
    bool wants_ack;
    bool answered;
    sio_server *on_answer_server;  /* events of other nodes */
    sio_local_answer_fn on_answer; /* takes the reply to one */
    void *on_answer_user;
};

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
sio_socket *sio__peer_find(const struct peer *p, struct text nsp);

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
int sio__socket_new(struct peer *p, sio_ns *ns, struct text auth, sio_socket **ret_socket);

/** Puts a pending socket into its namespace. @return 0, SIO_ERR_NOMEM */
int sio__socket_enter(sio_socket *s);

/** No middleware is asked any more; a decision that comes later is ignored. */
void sio__socket_end_asking(sio_socket *s);

/** Takes a pending socket away, without callbacks. */
void sio__socket_discard(sio_socket *s);

/** Ends a connected socket; callbacks come from a task. */
void sio__socket_end(sio_socket *s, int reason, int cause);

/** The same, callbacks at once: from a task only. */
void sio__socket_end_now(sio_socket *s, int reason, int cause);

/** Disconnects by order of the application: tells the client. */
void sio__socket_disconnect(sio_socket *s, bool close_connection);

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

/* ---- event.c ---- */

/** Dispatches an event of a client. doc: its parsed and bound JSON. */
void sio__event_dispatch(sio_socket *s, const struct sio_packet *packet,
                         const struct value_doc *doc, const struct value_bytes *attachments,
                         uint32_t count);

/** Notes an event that was sent, for the outgoing catch-all handlers. Nothing happens without such.
 */
void sio__event_note_outgoing(sio_socket *s, struct frame *f);

/* ---- ack.c ---- */

/** An ACK packet of a client. */
void sio__ack_receive(sio_socket *s, const struct sio_packet *packet, const struct value_doc *doc,
                      const struct value_bytes *attachments, uint32_t count);

/** The socket is gone: its waiting acknowledgements fail. */
void sio__ack_fail_all(sio_socket *s);

/** Key of struct ack_wait in ns->waits. */
const char *sio__ack_key(const void *item, size_t *ret_len);

/* ---- emit.c ---- */

/** Sends what the packer holds to one socket. @return as sio_emit_opt() */
int sio__emit_packed(sio_socket *s, unsigned flags);

/** What the packer holds, as a frame with one reference; NULL when out of memory. */
struct frame *sio__emit_frame(sio_server *server);

/* ---- room.c ---- */

const char *sio__room_key(const void *item, size_t *ret_len);
const char *sio__socket_key(const void *item, size_t *ret_len);
void sio__room_leave_all(sio_socket *s);

struct room {
    sio_ns *ns;
    struct room_member *members;
    uint32_t count;
    uint32_t cap;
    size_t name_len;
    char name[];
};

struct room_member {
    sio_socket *socket;
    uint32_t at; /* index in socket->rooms */
};

/* ---- broadcast.c ---- */

/** Calls fn for every connected socket of this node that is meant; fn must not call the
 * application. */
void sio__select(sio_ns *ns, const sio_to *to, void (*fn)(sio_socket *s, void *arg), void *arg);

/** A selector in the layout of this version; to may be NULL. */
sio_to sio__to(const sio_to *to);

#endif /* SOCKETIO_CORE_H */
