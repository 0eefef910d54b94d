/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * A WebSocket of a client (RFC 6455): the transport, or the probe of an upgrade.
 *
 *     link --> opening handshake --> open --> closing handshake --> over
 *
 * Whatever ends it, the owner hears of it once, by on_closed, and then has to free it; also of the
 * end of a closing handshake that it has begun itself. How long it may take over each step is the
 * owner's to watch.
 */
#ifndef ENGINEIO_EIO_WEBSOCKET_H
#define ENGINEIO_EIO_WEBSOCKET_H

#include "engineio/eio_request.h"

/** Output of more bytes than this waits at the owner's, where a heartbeat can overtake it. */
#define EIO_WEBSOCKET_WINDOW 65536u

struct eio_websocket;

/** Called from the loop; the WebSocket may be freed in each of them. */
struct eio_websocket_ops {
    void (*on_open)(void *owner);
    /** A text or binary frame; the data is the callee's to change until it returns. */
    void (*on_message)(void *owner, uint8_t *data, size_t len, bool binary);
    /** The kernel has taken all output, after it had not at first. */
    void (*on_drain)(void *owner);
    void (*on_closed)(void *owner, const struct eio_failure *why);
    /** The messages that have come together were given; may be NULL. */
    void (*on_batch_end)(void *owner);
};

/**
 * Opens one.
 *
 * @param config  borrowed, as long as it lives
 * @param sid     of the session; empty for a new one
 * @return 0; SIO_ERR_NOMEM, SIO_ERR_INVALID, a negative errno: no callback comes
 */
int sio__eio_websocket_new(struct reactor *r, const struct eio_client_config *config,
                           struct text sid, const struct eio_websocket_ops *ops, void *owner,
                           struct eio_websocket **ret_ws);

/** Ends it at once, from every state; no callback comes. NULL is fine. */
void sio__eio_websocket_free(struct eio_websocket *ws);

/** Gives it to another owner. */
void sio__eio_websocket_set_owner(struct eio_websocket *ws, const struct eio_websocket_ops *ops,
                                  void *owner);

/** Sends a message, masked (RFC 6455 5.3). It has to be open. @return 0; SIO_ERR_NOMEM, or a
 * negative errno without randomness: then nothing is sent of it */
int sio__eio_websocket_send(struct eio_websocket *ws, const void *data, size_t len, bool binary);

/** Bytes that the kernel has not taken yet. */
size_t sio__eio_websocket_pending(const struct eio_websocket *ws);

/** True when the kernel does not take more now: on_drain comes. */
bool sio__eio_websocket_blocked(const struct eio_websocket *ws);

/** Hands the kernel what it takes. */
void sio__eio_websocket_flush(struct eio_websocket *ws);

/**
 * Begins the closing handshake: sends what is queued, and a Close frame without a code. Messages
 * that come still are given; on_closed follows.
 *
 * @return 0; SIO_ERR_STATE unless it is open; SIO_ERR_NOMEM or a negative errno: as if not called
 */
int sio__eio_websocket_close(struct eio_websocket *ws);

/** Ends it for the owner, as sio__eio_websocket_free(), but what is queued is sent still, and a
 * Close frame with this code (0: none) behind it. */
void sio__eio_websocket_let_go(struct eio_websocket *ws, uint16_t code);

#endif /* ENGINEIO_EIO_WEBSOCKET_H */
