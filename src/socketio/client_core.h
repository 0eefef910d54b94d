/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The objects of the Socket.IO client and how they hang together:
 *
 *     sio_client (the manager) --- eio_client, while there is a connection
 *         |
 *         +--- client_socket, one for each namespace --- queues of what is to be sent
 *
 * The manager goes round: CLOSED -> OPENING -> OPEN -> CLOSED, and waits for a timer between CLOSED
 * and the next OPENING while it reconnects. Sockets that are active connect whenever it is open.
 *
 * What the application does from another thread is packed there and mailed to the loop's thread as
 * a parcel; everything else here runs on that thread.
 *
 * A client is freed in two steps: sio_client_free() silences it and ends everything that runs; its
 * memory stays as long as somebody holds one of its sockets.
 *
 * Clients on one loop of the application may share a host (client_host.h): reactor and memory.
 *
 * Files: client.c life and ways to run; client_thread.c its own thread, and calls that wait;
 * client_stop.c its orderly end; manager.c the connection; client_socket.c sockets;
 * client_handlers.c registration; client_send.c sending; client_queue.c retries; parcel.c emissions
 * that are sent later; client_options.c options.
 */
#ifndef SOCKETIO_CLIENT_CORE_H
#define SOCKETIO_CLIENT_CORE_H

#include <sio/client.h>
#include <stdatomic.h>

#include "base/backoff.h"
#include "engineio/eio_client.h"
#include "proto/sio_assembler.h"
#include "socketio/client_host.h"
#include "socketio/client_options.h"
#include "socketio/contents.h"
#include "socketio/reader.h"
#include "socketio/socket_base.h"

/** Who runs the loop. */
enum client_mode {
    MODE_NONE,  /* nobody now */
    MODE_LOOP,  /* the application's loop */
    MODE_RUN,   /* sio_client_run() */
    MODE_TICK,  /* sio_client_tick() */
    MODE_THREAD /* sio_client_start() */
};

struct sio_client {
    atomic_uint refs; /* the application, the open loop, and every socket that exists */
    struct client_options options;
    struct logger log;
    struct client_host *host; /* a reference; shared with others on a loop of the application. NULL
                                 until it has a loop */
    bool is_awake;            /* keeps the loop alive */
    bool is_shut;             /* has left the host */
    bool in_loop;             /* inside uv_run() of the own loop */
    bool silent;              /* no callback any more */
    bool freed_inside;        /* in a callback on its own thread */
    bool finished;            /* nothing is left to be done: run() returns */
    int result;               /* of run() */
    atomic_int mode;          /* enum client_mode */
    atomic_bool has_thread; /* it has run: before that every thread may be the one that prepares */
    _Atomic(uv_thread_t) thread; /* that runs the loop, or was the last to do so */
    uv_mutex_t lock;             /* of the following three */
    bool accepts_mail;
    bool accepts_calls;                /* of sio_socket_call(): somebody runs it */
    struct packer foreign_packer;      /* for emissions of other threads */
    struct client_thread *runner;      /* MODE_THREAD */
    void (*free_there)(sio_client *c); /* sio_client_free() for MODE_THREAD; see client_thread.c */

    /* the manager */
    struct eio_client *engine; /* NULL until it is opened for the first time */
    atomic_int state;          /* enum sio_client_state */
    bool reconnecting;
    bool skip_reconnect;
    bool gave_up; /* there will be no attempt any more unless it is opened */
    bool wanted;  /* to be opened as soon as it runs, or has closed */
    bool closing; /* waits for the engine's end, to stay closed */
    int close_result;
    int last_status; /* of the last failed attempt */
    struct backoff backoff;
    struct timer timer; /* delay of a reconnection */
    struct timer attachment_timer;
    struct task open_task; /* opens, outside of all callbacks */
    struct task room_task; /* tells of room, outside of all callbacks */
    struct task free_task; /* ends everything, outside of all callbacks */
    struct reader reader;
    struct assembler_pool assemblers;
    struct list sockets; /* struct client_socket.link */

    /* its end, see client_stop.c */
    atomic_bool stop_asked;  /* by sio_client_stop(), perhaps before there was a loop */
    atomic_bool stop_posted; /* stop_mail is on its way, with a reference */
    atomic_bool stoppable;   /* there is a loop, and the client is not being freed */
    atomic_uint stoppers;    /* calls of sio_client_stop() that have not returned */
    struct mail stop_mail;
    struct list joins;       /* struct join.link: they wait until the client is at rest */
    struct task rest_task;   /* gives up what was kept, behind the ends of the sockets */
    struct task joined_task; /* tells those that wait, behind what that has caused */

    /* what other threads may send */
    atomic_size_t mailed_bytes; /* of emissions on their way to the client's thread */
    atomic_bool is_slow;        /* more waits to be sent than the high-water mark */
    atomic_bool is_full;        /* something was refused because of send_hard_bytes */
    atomic_bool is_mail_slow;   /* another thread was told of too many mailed_bytes */

    sio_notice_fn on_notice;
    void *on_notice_user;
    sio_trace_fn on_trace;
    void *on_trace_user;
};

/** An emission of which only the id is missing: it is sent later, or from another thread. */
struct parcel {
    struct list link;
    unsigned flags;
    bool is_reply;
    uint64_t reply_id;
    sio_ack_options ack; /* without fn when nobody waits for the answer */
    /* of a queue with retries */
    uint32_t tries;
    bool pending;             /* sent, and not answered yet */
    struct contents contents; /* the array of an event or an answer */
};

/** An event that waits for the connection. */
struct unsent {
    struct list link;
    struct frame *frame;
    struct ack_wait *wait; /* that belongs to it, or NULL */
};

/** An event that came before the socket was connected. */
struct early {
    struct list link;
    uint64_t id;
    bool has_id;
    size_t bytes; /* that it takes */
    struct contents contents;
};

struct client_socket {
    sio_socket base;
    struct socket_home home;
    struct handlers handlers;
    sio_client *client; /* a reference */
    struct list link;   /* in client->sockets */
    char *nsp;
    char *id; /* while it is connected */

    bool active; /* takes part in the connection */
    bool parked; /* will do so when the client is opened */
    bool recovered;
    bool asked;   /* CONNECT was sent, or its payload is awaited */
    char *pid;    /* private id, of connection state recovery; NULL without */
    char *offset; /* of the last event */
    char *auth;   /* JSON text of an object, or NULL */
    sio_auth_fn auth_fn;
    void *auth_user;
    struct sio_auth_request *auth_request; /* that is not answered yet */
    struct timer connect_timer;
    struct task open_task; /* asks for the namespace */
    struct task end_task;  /* tells of the end */

    uint32_t connect_timeout_ms;
    uint32_t retries;
    size_t max_buffered_bytes;
    int overflow;

    struct list unsent; /* struct unsent */
    struct list early;  /* struct early */
    struct list queue;  /* struct parcel: with retries, one after the other */
    size_t buffered_bytes;
    bool awaits_room; /* something was refused because of max_buffered_bytes */
    size_t early_bytes;
};

/** The loop that it runs on, once it has a host. */
static inline uv_loop_t *sio__client_loop(const sio_client *c) {
    return c->host->reactor.loop;
}

static inline struct client_socket *sio__client_socket_of(const sio_socket *s) {
    return SIO_CONTAINER_OF((sio_socket *)(uintptr_t)s, struct client_socket, base);
}

/** The socket of a client behind what applications hold; NULL for those of servers. */
struct client_socket *sio__client_socket(const sio_socket *s);

/* ---- client.c ---- */

/** Puts the client on its own loop, if it is on none. @return 0 or an error */
int sio__client_ensure_loop(sio_client *c);

/** True on a thread that does not run the client, nor has been the last to do so. */
bool sio__client_is_foreign(const sio_client *c);

sio_client *sio__client_ref(sio_client *c);
void sio__client_unref(sio_client *c);

/** Hands a message to the client's thread. From any thread. @return 0, SIO_ERR_CLOSED */
int sio__client_mail(sio_client *c, struct mail *mail);

/** Before timers are started in a function of the interface: outside of the loop, time stands. */
void sio__client_update_time(sio_client *c);

/** The client has nothing left to do: run() returns this. */
void sio__client_finish(sio_client *c, int result);

/** Keeps the loop alive, or not: while the manager is at work. */
void sio__client_keep_alive(sio_client *c, bool alive);

/** No callback comes any more; everything is ended by a task, or when nobody runs the loop. */
void sio__client_silence(sio_client *c);

/** A silenced client that nobody runs: ends everything on its own loop. */
void sio__client_end(sio_client *c);

/** The first half of that: what is left is to turn the loop. */
void sio__client_begin_end(sio_client *c);

/** Notes who runs it from now on. */
void sio__client_set_runner(sio_client *c, enum client_mode mode, uv_thread_t thread);

/** Begins to run, on the thread that does it. */
void sio__client_enter(sio_client *c);

/**
 * Runs the own loop until it is closed, or until only lookups keep it open, which cannot be taken
 * back.
 *
 * @return true when it is closed
 */
bool sio__client_drain(sio_client *c);

/** The same, however long lookups take. */
void sio__client_drain_fully(sio_client *c);

/** Closes the client and its sockets, on its thread. */
void sio__client_close_now(sio_client *c);

/* ---- client_stop.c ---- */

void sio__client_stop_init(sio_client *c);

/** There is a loop: a stop that was asked for before is on its way now. */
void sio__client_allow_stop(sio_client *c);

/** The client is being freed: no stop comes any more but one that is on its way. */
void sio__client_forbid_stop(sio_client *c);

/** The client is at rest: who waits for that is told soon. */
void sio__client_note_rest(sio_client *c);

/** Tells all that wait for it. */
void sio__client_tell_joins(sio_client *c, int result);

/* ---- client_thread.c ---- */

/** Lets a thread bring the own loop to its end. */
void sio__client_drain_elsewhere(sio_client *c);

/* ---- manager.c ---- */

void sio__manager_init(sio_client *c);

/** Frees the connection without callbacks. */
void sio__manager_done(sio_client *c);

/** Opens, unless it is open or opening. */
void sio__manager_open(sio_client *c);

/** A socket wants to connect: opens unless it is about to; later, if nobody runs the client yet. */
void sio__manager_wanted(sio_client *c);

/** Closes, and stays closed. @param result  of sio_client_run() */
void sio__manager_close(sio_client *c, int result);

/** A socket has become inactive: closes when it was the last one. */
void sio__manager_release(sio_client *c, int result);

/** Closes because of a packet. */
void sio__manager_violation(sio_client *c, int cause, const char *text);

/** True when it is closed, and nothing is about to open it. */
bool sio__manager_is_at_rest(const sio_client *c);

/** Sends a frame. @return as sio__eio_client_send(), SIO_ERR_CLOSED without a connection */
int sio__manager_send(sio_client *c, struct frame *f);

/** What had been too much has gone: tells so, unless there is too much elsewhere. */
void sio__manager_tell_room(sio_client *c);

/** Sends a text packet that nothing is in the way of, and that nobody wants to see.
 * @return as sio__eio_client_send_text(): SIO_ERR_STATE: a frame is needed */
int sio__manager_send_text(sio_client *c, struct text packet);

/* ---- client_socket.c ---- */

extern const struct socket_ops sio__client_socket_ops;

/** Makes an inactive one. NULL when out of memory. */
struct client_socket *sio__client_socket_new(sio_client *c, struct text nsp,
                                             const sio_socket_options *o);

/** Connects: takes part in the connection from now on. */
void sio__client_socket_open(struct client_socket *s);

/** Leaves the namespace: "io client disconnect". */
void sio__client_socket_close(struct client_socket *s);

/** The connection stands: asks for the namespace. */
void sio__client_socket_on_open(struct client_socket *s);

/** The connection is gone. */
void sio__client_socket_on_close(struct client_socket *s, int reason, int cause, const char *text);

/** An attempt to connect has failed. */
void sio__client_socket_on_error(struct client_socket *s, int status, const char *text);

/** A packet for it. */
void sio__client_socket_on_packet(struct client_socket *s, const struct received *r);

/** The client is closed: who is blocked for an answer must not wait for it to be opened again. */
void sio__client_socket_fail_calls(struct client_socket *s);

/** Nothing will be sent any more: acknowledgements fail with SIO_ERR_CLOSED, events that were kept
 * for the next connection are dropped. From the loop, as callbacks run. */
void sio__client_socket_give_up(struct client_socket *s);

/** No callback of it comes any more. Before the client refuses mail: an auth request that is
 * answered after that is freed at once. */
void sio__client_socket_silence(struct client_socket *s);

/** Ends it for good: the client is being freed. Drops the client's reference. */
void sio__client_socket_end(struct client_socket *s);

/* ---- client_send.c ---- */

int sio__client_send(sio_socket *s, unsigned flags, struct ack_wait *wait);
int sio__client_reply(sio_socket *s);
bool sio__client_diverts(const sio_socket *s, unsigned flags, bool is_reply);
int sio__client_divert(sio_socket *s, const struct emission *e);
void sio__client_unsend(struct ack_wait *w);

/** Sends what has waited for the connection. */
void sio__client_flush(struct client_socket *s);

/** Forgets what has waited for the connection. @param all  also what an answer is waited for */
void sio__client_drop(struct client_socket *s, bool all);

/** Less is buffered: whoever was refused is told, from the loop, once all of it has gone. */
void sio__client_note_room(struct client_socket *s);

/* ---- client_queue.c ---- */

/** Puts an emission behind the others; it is the queue's on success.
 * @return as sio__emit(), SIO_ERR_BUSY; SIO_ERR_TOO_BIG when there is never room for it */
int sio__client_queue_add(struct client_socket *s, struct parcel *p);

/** Sends the first of the queue, unless that was sent and is not answered yet. */
void sio__client_queue_next(struct client_socket *s);

/** Those whose callers are blocked fail. */
void sio__client_queue_fail_calls(struct client_socket *s);

/** Nothing of it will be sent any more: the callers are told. */
void sio__client_queue_give_up(struct client_socket *s);

/** Forgets the queue; no answer may be waited for any more. */
void sio__client_queue_drop(struct client_socket *s);

/* ---- parcel.c ---- */

/** Packs an emission. @param packer  of the calling thread @return 0, as sio__pack_event() */
int sio__parcel_new(struct packer *packer, struct text nsp, const struct emission *e,
                    struct parcel **ret_parcel);

#endif /* SOCKETIO_CLIENT_CORE_H */
