/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * What the sockets of a server and those of a client have in common.
 *
 *     struct server_socket (core.h) or struct client_socket (client_core.h)
 *          '--- sio_socket ---> struct socket_home: of a server's namespace, or of one client
 * socket
 *
 * The verbs of <sio/socket.h> are written once, against sio_socket and socket_home. What differs is
 * behind struct socket_ops, so that a client program is linked without the server, and the other
 * way round.
 *
 * Files: emit.c sending; event.c received events; ack.c acknowledgements; socket_base.c the rest.
 */
#ifndef SOCKETIO_SOCKET_BASE_H
#define SOCKETIO_SOCKET_BASE_H

#include <sio/socket.h>

#include "net/reactor.h"
#include "proto/frame.h"
#include "proto/pack.h"
#include "proto/sio_packet.h"
#include "proto/value.h"
#include "socketio/contents.h"
#include "socketio/handlers.h"

/** What an application wants to send: an event, by name or as a message, or an answer. */
struct emission {
    unsigned flags;     /* enum sio_emit_flags */
    const char *event;  /* its name; NULL for answers and messages */
    const char *format; /* of the arguments, consumed from args; or */
    va_list *args;
    sio_msg *msg;               /* all of it; or */
    const struct contents *raw; /* all of it, packed before */
    const sio_ack_options *ack; /* how to wait for an answer; NULL: none is wanted */
    bool is_reply;
    uint64_t reply_id; /* of what is answered */
};

/** What applications may set of the flags. */
#define EMIT_PUBLIC_FLAGS 0xffffu

/** A flag of acknowledgements: they fail even when the client is closed or freed, as somebody is
 * blocked until then. */
#define EMIT_ALWAYS_TELL 0x80000000u

/** A flag of emissions of a client: sent now or not at all, as there is another queue for them. */
#define EMIT_UNBUFFERED 0x40000000u

/** An answer that is waited for: found by id and socket, so a peer can answer only what it was
 * asked, and only once. */
struct ack_wait {
    uint64_t id;
    sio_socket *socket;
    struct ack_wait *next;  /* in the table */
    struct list link;       /* in socket->waits */
    struct list group_link; /* in the list of whoever waits for many */
    struct timer timer;
    void *unsent; /* clients: the event, while it waits for the connection */
    int status;   /* that the timer tells */
    bool always_told;
    sio_ack_fn fn;
    void *user;
};

/**
 * The answers that are waited for, by id and socket: lists of those with the same hash. Both are
 * chosen here, not by peers, so a simple hash will do. All zero is an empty one.
 */
struct ack_table {
    struct ack_wait **lists; /* 1 << bits of them; NULL for none */
    uint32_t bits;
    uint32_t count;
    struct ack_wait *spare; /* one that has ended, while others last; or NULL */
};

/** What differs between the two sides. */
struct socket_ops {
    /**
     * Sends the event that home->packer holds. `wait`: the answer that is waited for, or NULL;
     * after an error the caller frees it.
     *
     * @return as sio_emit_opt()
     */
    int (*send)(sio_socket *s, unsigned flags, struct ack_wait *wait);
    /** Sends the acknowledgement that home->packer holds. @return as sio_emit() */
    int (*reply)(sio_socket *s);
    /** Whether an emission takes another way than to be packed and sent at once: from another
     * thread, or one after the other with retries. NULL: none ever does. */
    bool (*diverts)(const sio_socket *s, unsigned flags, bool is_reply);
    /** Takes such an emission. @return as sio_emit_opt() */
    int (*divert)(sio_socket *s, const struct emission *e);
    /** A wait that belongs to an unsent event ends: the event is not to be sent. */
    void (*unsend)(struct ack_wait *w);
    void (*disconnect)(sio_socket *s, bool close_connection);
    const char *(*id)(const sio_socket *s);
    const char *(*transport)(const sio_socket *s);
    size_t (*pending)(const sio_socket *s);
    sio_socket *(*ref)(sio_socket *s);
    void (*unref)(sio_socket *s);
};

/** What a socket belongs to: what it needs for sending, and its handlers. */
struct socket_home {
    const struct socket_ops *ops;
    struct reactor *reactor;
    struct packer *packer;
    struct frame_pool *frames;
    struct slab *wait_slab;    /* struct ack_wait */
    struct handlers *handlers; /* of a child namespace: its parent's */
    struct text nsp;
    struct ack_table waits;
    uint64_t next_ack;
    uint32_t dispatching;    /* handlers that are being called must not move */
    uint32_t ack_timeout_ms; /* of questions without a time limit; 0: none */
};

enum socket_state {
    SOCKET_PENDING, /* servers: a middleware decides; clients: not connected, or not yet */
    SOCKET_CONNECTED,
    SOCKET_ENDING,
    SOCKET_GONE
};

struct sio_socket {
    struct socket_home *home;
    _Atomic uint32_t refs;
    uint8_t state; /* enum socket_state */
    uint8_t reason;
    uint8_t cause;
    bool left_own_room; /* servers: the room of its own id */
    void *user;
    void (*destroy)(void *user);
    struct list waits; /* struct ack_wait.link */
};

/** A received event, an acknowledgement, or an event of another node. */
struct sio_event {
    struct value_args args; /* first: see proto/value.h */
    sio_socket *socket;     /* NULL for events of other nodes */
    struct text name;
    uint64_t ack_id;
    bool wants_ack;
    bool answered;
    /** Events of other nodes: where an answer is packed, and who takes it then. */
    struct packer *packer;
    int (*answer)(sio_event *ev);
};

/* ---- socket_base.c ---- */

/** Prepares a socket with one reference. */
void sio__socket_base_init(sio_socket *s, struct socket_home *home);

/** Drops the application's pointer. */
void sio__socket_base_done(sio_socket *s);

/** True while events may be emitted. */
static inline bool sio__socket_is_alive(const sio_socket *s) {
    return s->state == SOCKET_CONNECTED || s->state == SOCKET_PENDING;
}

/** Whether an emission is to be packed and sent here and now, on the socket's thread. */
static inline bool sio__socket_sends(const sio_socket *s, unsigned flags, bool is_reply) {
    const struct socket_ops *ops = s->home->ops;
    return ops->diverts == NULL || !ops->diverts(s, flags, is_reply);
}

/* ---- emit.c ---- */

/** Sends an emission on the socket's thread. @return as sio_emit_opt(), answers as sio_emit() */
int sio__emit(sio_socket *s, const struct emission *e);

/** Packs an emission; id is that of the question, when has_id. @return as sio__pack_event() */
int sio__emission_pack(struct packer *p, struct text nsp, const struct emission *e, bool has_id,
                       uint64_t id);

/** What the packer holds, as a frame with one reference; NULL when out of memory. */
struct frame *sio__emit_frame(const struct socket_home *home);

/* ---- event.c ---- */

/** Dispatches an event of the peer. doc: its parsed and bound JSON. */
void sio__event_dispatch(sio_socket *s, const struct sio_packet *packet,
                         const struct value_doc *doc, const struct value_bytes *attachments,
                         uint32_t count);

/** Name of an event: the first member of its array; "" when that is no string. */
struct text sio__event_name_of(const sio_val *root);

/**
 * Notes an event that was sent, for the outgoing catch-all handlers. Nothing happens without such.
 *
 * @return 0, SIO_ERR_NOMEM: they will not be told
 */
int sio__event_note_outgoing(sio_socket *s, struct frame *f);

/* ---- ack.c ---- */

/** Waits for an answer with this id. fn, user and timer are the caller's to set. NULL when out of
 * memory. */
struct ack_wait *sio__ack_new(sio_socket *s, uint64_t id);

/** Waits no more; nobody is told. */
void sio__ack_free(struct ack_wait *w);

/** Ends a wait, and tells. */
void sio__ack_fail(struct ack_wait *w, int status);

/** Starts the time limit. @param timeout_ms  0 and SIO_NEVER: none */
void sio__ack_start(struct ack_wait *w, uint32_t timeout_ms);

/** An ACK packet of the peer. */
void sio__ack_receive(sio_socket *s, const struct sio_packet *packet, const struct value_doc *doc,
                      const struct value_bytes *attachments, uint32_t count);

/** The connection is gone: what was asked over it fails. Unsent events go on waiting. */
void sio__ack_fail_all(sio_socket *s);

/** Frees the memory of a table; none may be waited for. */
void sio__ack_table_done(struct ack_table *t);

#endif /* SOCKETIO_SOCKET_BASE_H */
