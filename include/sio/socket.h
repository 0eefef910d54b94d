/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Sockets and events.
 *
 * A socket is one client in one namespace, seen from the server (server.h) or from the client
 * (client.h). In callbacks it is borrowed: it lives at least until the callback returns. Keep it
 * longer with sio_socket_ref().
 *
 * On a server all functions here are [owner]: call them on the loop's thread; sio_server_post()
 * brings you there. On a client, those that send, disconnect, take or give back references are
 * [any].
 *
 * Callbacks are only ever called from the loop, never from inside another function of the library:
 * state does not change below your feet.
 */
#ifndef SIO_SOCKET_H
#define SIO_SOCKET_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sio/api.h>
#include <sio/http.h>
#include <sio/msg.h>
#include <sio/value.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sio_socket sio_socket; /**< one client in one namespace */
typedef struct sio_ns sio_ns;         /**< a namespace, see server.h */
typedef struct sio_event sio_event;   /**< a received event or the answer to one */
typedef struct sio_ack sio_ack;       /**< an acknowledgement still to be sent */

/** Transports, as flags. */
enum sio_transport { SIO_POLLING = 1, SIO_WEBSOCKET = 2 };

/** Told of a socket: it has connected, or it takes output again. */
typedef void (*sio_socket_fn)(sio_socket *s, void *user);

/** Told of an event. */
typedef void (*sio_event_fn)(sio_socket *s, sio_event *ev, void *user);

/**
 * Told of a disconnection.
 *
 * @param reason  enum sio_reason, as the official packages
 * @param cause   enum sio_cause, which rule or limit it was
 */
typedef void (*sio_disconnect_fn)(sio_socket *s, int reason, int cause, void *user);

/* ---- the socket ---- */

/**
 * Its id, 20 characters, unique in the cluster; "" for a client's socket that is not connected.
 * Borrowed from the socket, on a client until it disconnects.
 */
SIO_API const char *sio_socket_id(const sio_socket *s);

/** Its namespace; NULL for sockets of a client, see sio_socket_nsp(). */
SIO_API sio_ns *sio_socket_ns(const sio_socket *s);

/** Name of its namespace, for sockets of both sides: "/chat". Borrowed from the socket. */
SIO_API const char *sio_socket_nsp(const sio_socket *s);

/** True from the connect callback until the disconnection. */
SIO_API bool sio_socket_connected(const sio_socket *s);

/** Transport in use now: "polling" or "websocket"; "" for a client without connection. Static. */
SIO_API const char *sio_socket_transport(const sio_socket *s);

/**
 * First request of the connection: headers, query, address. Borrowed; NULL after
 * sio_socket_forget_request(), when the socket is gone, and for sockets of a client.
 */
SIO_API const sio_request *sio_socket_request(const sio_socket *s);

/**
 * Frees the stored request, to save its memory for the rest of the connection (about 200 to 800
 * bytes).
 */
SIO_API void sio_socket_forget_request(sio_socket *s);

/**
 * Payload that the client sent with its CONNECT packet (`auth`); NULL when it sent none. Borrowed
 * from the socket.
 */
SIO_API const sio_val *sio_socket_auth(sio_socket *s);

/**
 * Keeps a socket beyond the callback. Emitting to a socket that is gone is safe: SIO_ERR_CLOSED.
 * All references have to be given back before the server is freed; those to sockets of a client
 * may be kept longer.
 *
 * @return s
 */
SIO_API sio_socket *sio_socket_ref(sio_socket *s);

/** Gives a reference back; NULL is fine. */
SIO_API void sio_socket_unref(sio_socket *s);

/**
 * Attaches a pointer of yours.
 *
 * @param destroy  called with it when the socket is freed or another pointer is set; may be NULL
 */
SIO_API void sio_socket_set_user(sio_socket *s, void *user, void (*destroy)(void *user));

/** The pointer set with sio_socket_set_user(), else NULL. */
SIO_API void *sio_socket_user(const sio_socket *s);

/**
 * Sets the data that sio_ns_fetch() shows to all nodes (socket.data of the official server).
 *
 * @param format  one value, see value.h; no bytes. NULL removes the data.
 * @return 0, SIO_ERR_FORMAT, SIO_ERR_INVALID, SIO_ERR_JSON, SIO_ERR_NOMEM
 */
SIO_API int sio_socket_set_data(sio_socket *s, const char *format, ...);

/** That data as JSON text; "{}" when none was set. Borrowed until it is set again. */
SIO_API const char *sio_socket_data(const sio_socket *s);

/**
 * Disconnects the socket from its namespace; the disconnect callbacks run after the current
 * callback.
 *
 * Messages emitted before are still sent. Nothing happens when it is disconnected already.
 *
 * @param close_connection  true: all namespaces of the client, and the connection itself
 */
SIO_API void sio_socket_disconnect(sio_socket *s, bool close_connection);

/* ---- rooms; of a server's sockets ---- */

/**
 * A NULL-terminated list of room names, as an expression: SIO_ROOMS("a", "b"). Not in C++: use an
 * array.
 */
#define SIO_ROOMS(...) ((const char *const[]){__VA_ARGS__, NULL})

/**
 * Joins rooms. Every socket is in the room of its own id from the start.
 *
 * @param rooms  NULL-terminated list; joining twice is no error
 * @return 0; SIO_ERR_CLOSED when it is disconnected; SIO_ERR_LIMIT above max_rooms_per_socket;
 *         SIO_ERR_NOMEM (those before the failing one are joined)
 */
SIO_API int sio_socket_join(sio_socket *s, const char *const *rooms);

/** Leaves rooms; those it is not in are skipped. */
SIO_API void sio_socket_leave(sio_socket *s, const char *const *rooms);

/** True when it is in the room. */
SIO_API bool sio_socket_in(const sio_socket *s, const char *room);

/** Number of its rooms, that of its own id included. */
SIO_API size_t sio_socket_room_count(const sio_socket *s);

/**
 * Name of one of its rooms, the own id first; NULL past the end. Borrowed until it joins or leaves.
 */
SIO_API const char *sio_socket_room(const sio_socket *s, size_t index);

/* ---- sending ---- */

/** Flags of the emit and broadcast functions. */
enum sio_emit_flags {
    SIO_VOLATILE = 1,    /**< may be dropped when the client cannot take it at once */
    SIO_NO_COMPRESS = 2, /**< leave it out of compression */
    SIO_LOCAL = 4        /**< broadcasts: clients of this node only */
};

/**
 * Sends an event.
 *
 *     sio_emit(s, "news", "s{s:i}", "headline", "id", 7);
 *
 * @param event   its name, UTF-8; the reserved names connect, connect_error, disconnect,
 *                disconnecting, newListener and removeListener are refused
 * @param format  of the arguments, see value.h; "" for none. Everything is copied before the
 *                return.
 * @return 0; SIO_SLOW when it was queued above the high-water mark; SIO_ERR_CLOSED,
 *         SIO_ERR_RESERVED, SIO_ERR_FORMAT, SIO_ERR_INVALID, SIO_ERR_JSON, SIO_ERR_TOO_BIG,
 *         SIO_ERR_NOMEM; SIO_ERR_SLOW_CONSUMER when send_hard_bytes, or send_soft_bytes for too
 *         long, is reached (the connection is closed)
 */
SIO_API int sio_emit(sio_socket *s, const char *event, const char *format, ...);

/**
 * As sio_emit(), with flags.
 *
 * @return also SIO_ERR_DROPPED when a volatile event was dropped
 */
SIO_API int sio_emit_opt(sio_socket *s, unsigned flags, const char *event, const char *format, ...);

/** As sio_emit_opt(), with a va_list. */
SIO_API int sio_emit_v(sio_socket *s, unsigned flags, const char *event, const char *format,
                       va_list args);

/** Sends a prepared message; the same one may be sent any number of times. */
SIO_API int sio_emit_msg(sio_socket *s, unsigned flags, sio_msg *msg);

/**
 * Receives the answer to an event. Called exactly once, unless a client is freed before.
 *
 * @param s       the socket that was asked; borrowed
 * @param status  0; SIO_ERR_TIMEOUT; SIO_ERR_CLOSED when the client disconnected before it answered
 * @param reply   the answer, its arguments read by sio_event_arg(); NULL unless status is 0
 */
typedef void (*sio_ack_fn)(sio_socket *s, int status, sio_event *reply, void *user);

/** How to wait for an answer; build it with SIO_ACK(.fn = on_reply, .timeout_ms = 5000). */
typedef struct sio_ack_options {
    size_t size;         /**< sizeof(sio_ack_options), set by the macro */
    sio_ack_fn fn;       /**< gets the answer; required */
    void *user;          /**< for fn */
    uint32_t timeout_ms; /**< 0: as long as the client is connected */
    unsigned flags;      /**< enum sio_emit_flags */
} sio_ack_options;

#define SIO_ACK(...) (&(sio_ack_options){.size = sizeof(sio_ack_options), __VA_ARGS__})

/**
 * Sends an event and asks for an answer.
 *
 * When an error is returned, ack->fn is never called.
 *
 * @return as sio_emit_opt(), and SIO_ERR_INVALID when ack or its fn is missing
 */
SIO_API int sio_emit_ack(sio_socket *s, const sio_ack_options *ack, const char *event,
                         const char *format, ...);

/** As sio_emit_ack(), with a prepared message. */
SIO_API int sio_emit_ack_msg(sio_socket *s, const sio_ack_options *ack, sio_msg *msg);

/** Bytes that wait to be sent to this client, of all its namespaces. On threads other than that of
 * a client: those that wait for its thread. */
SIO_API size_t sio_socket_pending_bytes(const sio_socket *s);

/* ---- receiving; an event dies when its callback returns ---- */

/**
 * Copies an event or a reply, to keep it beyond the callback. It can be read as the original, but
 * not be answered: see sio_event_take_ack().
 *
 * @return to be freed with sio_event_free(); NULL when out of memory
 */
SIO_API sio_event *sio_event_copy(const sio_event *ev);

/** Frees a copy. NULL is fine; not for events that a callback was given. */
SIO_API void sio_event_free(sio_event *ev);

/** Name of the event, NUL-terminated; "" for answers. Borrowed from the event. */
SIO_API const char *sio_event_name(const sio_event *ev);

/** Number of its arguments. */
SIO_API size_t sio_event_count(const sio_event *ev);

/** Argument by index from 0, NULL when there is none. Borrowed from the event. */
SIO_API const sio_val *sio_event_arg(const sio_event *ev, size_t index);

/**
 * Takes the arguments apart by a format, as sio_val_unpack() on the argument list.
 *
 *     const char *room; int x;
 *     if (sio_event_unpack(ev, "si", &room, &x) < 0) return;
 */
SIO_API int sio_event_unpack(const sio_event *ev, const char *format, ...);

/**
 * The arguments as JSON text, separated by commas, without brackets; length 0 for none.
 *
 * @return borrowed from the event, not NUL-terminated; bytes stand as placeholders
 */
SIO_API const char *sio_event_json(const sio_event *ev, size_t *ret_len);

/** True when the client waits for an answer and none was sent. */
SIO_API bool sio_event_wants_ack(const sio_event *ev);

/**
 * Answers the event (acknowledgement). No-op with result 0 when none was asked for.
 *
 * @return as sio_emit(); SIO_ERR_STATE when it was answered before
 */
SIO_API int sio_event_reply(sio_event *ev, const char *format, ...);

/** As sio_event_reply(), with a va_list. */
SIO_API int sio_event_reply_v(sio_event *ev, const char *format, va_list args);

/** As sio_event_reply(), with a message without event name. @return also its first error */
SIO_API int sio_event_reply_msg(sio_event *ev, sio_msg *msg);

/**
 * Takes the duty to answer out of the event, to answer later.
 *
 * @return an object of yours, to be ended by sio_ack_reply() or sio_ack_free() before the server is
 *         freed; NULL when no answer was asked for, or out of memory
 */
SIO_API sio_ack *sio_event_take_ack(sio_event *ev);

/** Answers; `ack` is gone afterwards. NULL is a no-op. @return as sio_emit() */
SIO_API int sio_ack_reply(sio_ack *ack, const char *format, ...);

/** As sio_ack_reply(), with a message without event name. @return also its first error */
SIO_API int sio_ack_reply_msg(sio_ack *ack, sio_msg *msg);

/** Gives up an answer that will never be sent; NULL is fine. */
SIO_API void sio_ack_free(sio_ack *ack);

#ifdef __cplusplus
}
#endif

#endif /* SIO_SOCKET_H */
