/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Engine.IO, protocol version 4, from the client's side: one connection to a server.
 *
 *     EIO_CLIENT_CLOSED --open()--> EIO_CLIENT_OPENING --handshake--> EIO_CLIENT_OPEN
 *            ^                              |                              |
 *            +------------------------------+---- EIO_CLIENT_CLOSING <-----+
 *
 * It opens with its preferred transport, upgrades from polling to websocket if the server offers
 * that, answers heartbeats, and closes when they fail to come. Packets are sent in the order in
 * which they were given, over whichever transport: they wait in a queue while the transport is busy
 * or an upgrade runs. It never opens again by itself: that is the manager's job
 * (socketio/client.c).
 *
 * Callbacks come from the loop only, never inside a function here, and none after
 * sio__eio_client_free().
 */
#ifndef ENGINEIO_EIO_CLIENT_H
#define ENGINEIO_EIO_CLIENT_H

#include <sio/client.h>

#include "base/log.h"
#include "engineio/exchange.h"
#include "proto/cookie_jar.h"
#include "proto/frame.h"
#include "proto/url.h"

struct eio_client;

struct eio_client_ops {
    /** The handshake is done; sid and transport are known. */
    void (*on_open)(struct eio_client *c);
    /** A message: of a text, without the type of the Engine.IO packet. The bytes are the callee's
     * to change until it returns. It may close or free the client, as all of these may. Messages
     * that come while it closes are given, too. */
    void (*on_message)(struct eio_client *c, uint8_t *data, size_t len, bool binary);
    /**
     * It has ended, after an open() that returned 0: exactly once.
     *
     * @param reason  enum sio_reason as the official client says it: TRANSPORT_ERROR,
     *                TRANSPORT_CLOSE, PING_TIMEOUT, PARSE_ERROR, FORCED_CLOSE
     * @param cause   enum sio_cause
     * @param status  0 when it was closed in order, by either side; else an error code:
     *                SIO_ERR_HTTP, SIO_ERR_PROTO, SIO_ERR_TOO_BIG, SIO_ERR_TIMEOUT, SIO_ERR_CLOSED,
     *                and those of a link (engineio/link.h)
     * @param text    says more, as "xhr poll error: status 403, Forbidden", "websocket error:
     *                certificate has expired", "timeout" (of the opening); borrowed for the call
     */
    void (*on_close)(struct eio_client *c, int reason, int cause, int status, const char *text);
    /** Everything that was queued has been handed to the kernel (by polling: taken by the server),
     * after it had not been at once, or after SIO_SLOW or SIO_ERR_BUSY. */
    void (*on_drain)(struct eio_client *c);
    /** The server's heartbeat; the answer is on its way. */
    void (*on_ping)(struct eio_client *c);
    void (*on_upgrade)(struct eio_client *c);
    void (*on_upgrade_error)(struct eio_client *c, int status, const char *text);
    /** Every packet as on the wire, with its type; NULL when nobody wants to see them. */
    void (*on_trace)(struct eio_client *c, bool sent, const void *data, size_t len, bool binary);
};

/** Where to, and how: made once by the manager; borrowed, outlives the client. */
struct eio_client_config {
    struct exchange_server server;
    struct text path;      /* of requests, with its slash at the end if it is to have one */
    struct text query;     /* the application's, encoded */
    uint8_t transports[4]; /* enum sio_transport in order of preference, 0 ends */
    bool no_upgrade;
    bool remember_upgrade;
    bool try_all_transports;
    bool force_base64;
    bool timestamp_always;
    bool no_timestamp;
    struct text timestamp_param;
    struct text protocols;    /* value of Sec-WebSocket-Protocol; empty: none */
    uint32_t open_timeout_ms; /* for all of the opening; 0: none */
    size_t max_message_bytes;
    uint32_t max_fragments;
    size_t send_high_water_bytes;
    size_t send_hard_bytes;
    struct text cookie;         /* the application's, as in a Cookie field; or empty */
    struct cookie_jar *cookies; /* NULL: they are not kept */
};

enum eio_client_state {
    EIO_CLIENT_CLOSED,
    EIO_CLIENT_OPENING,
    EIO_CLIENT_OPEN,
    EIO_CLIENT_CLOSING
};

/** Makes one. The config, the pool and the log are borrowed. @return 0, SIO_ERR_NOMEM */
int sio__eio_client_new(struct reactor *r, const struct eio_client_config *config,
                        struct frame_pool *frames, struct logger *log,
                        const struct eio_client_ops *ops, void *owner, struct eio_client **ret);

/** Whether on_trace is told of packets; at first it is when there is one. */
void sio__eio_client_set_traced(struct eio_client *c, bool traced);

/** Ends it from every state, at once and without callbacks; allowed in its callbacks. NULL is fine.
 */
void sio__eio_client_free(struct eio_client *c);

/** Its owner, as given to sio__eio_client_new(). */
void *sio__eio_client_owner(const struct eio_client *c);

/**
 * Opens it.
 *
 * @return 0; SIO_ERR_STATE unless it is closed; SIO_ERR_INVALID when there is no transport, or no
 *         request can be made of the path and query; SIO_ERR_NOMEM, or a negative errno without
 *         randomness: no callback comes
 */
int sio__eio_client_open(struct eio_client *c);

/**
 * Sends a message: its parts are whole Engine.IO packets as frames have them (proto/frame.h). Takes
 * a reference of its own.
 *
 * @return 0; SIO_SLOW above send_high_water_bytes; SIO_ERR_CLOSED unless it is open; SIO_ERR_BUSY
 *         above send_hard_bytes; SIO_ERR_TOO_BIG when it is larger than these by itself;
 *         SIO_ERR_NOMEM. After an error nothing is sent of it
 */
int sio__eio_client_send(struct eio_client *c, struct frame *f);

/**
 * Sends a text message that nothing is in the way of, and that nobody wants to see, as a whole
 * Engine.IO packet, without a frame.
 *
 * @return 0; SIO_ERR_STATE: it has to be sent as a frame; SIO_ERR_NOMEM or a negative errno
 */
int sio__eio_client_send_text(struct eio_client *c, struct text packet);

/** True when a message would be on its way at once: what volatile ones ask. */
bool sio__eio_client_writable(const struct eio_client *c);

/** Bytes that wait to be sent. */
size_t sio__eio_client_pending(const struct eio_client *c);

/**
 * Closes in order: an upgrade whose probe was answered is brought to its end (others are given up),
 * what is queued is sent, then polling says so with a close packet, websocket with a Close frame;
 * on_close follows with FORCED_CLOSE. A server that takes longer over it than the timeout of its
 * heartbeat, within 1 and 30 seconds, is left. While it opens, only a polling handshake that is on
 * its way is waited for, for a second, so that the server gets rid of the session.
 */
void sio__eio_client_close(struct eio_client *c);

/** Closes now, because of what the server has sent: on_close follows with this reason. */
void sio__eio_client_fail(struct eio_client *c, int reason, int cause, int status,
                          const char *text);

enum eio_client_state sio__eio_client_state(const struct eio_client *c);
const char *sio__eio_client_sid(const struct eio_client *c);       /* "" before the handshake */
const char *sio__eio_client_transport(const struct eio_client *c); /* "" when closed; static */

/**
 * The heartbeat's deadline has passed unnoticed, as on a machine that has slept: then it is closed
 * from the loop, and the message that was to be sent should wait (`_hasPingExpired` of the official
 * client).
 */
bool sio__eio_client_expired(struct eio_client *c);

#endif /* ENGINEIO_EIO_CLIENT_H */
