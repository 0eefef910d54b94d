/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The transport HTTP long-polling of a client (Engine.IO protocol, "HTTP long-polling"): one GET
 * waits for packets at all times, one POST at a time takes packets to the server, each over a
 * connection of its own.
 *
 *     start --> [GET -> payload -> GET -> payload -> ...]
 *     post  --> [POST -> "ok"]
 *     pause --> both come to their end, and none follows
 */
#ifndef ENGINEIO_EIO_POLLING_H
#define ENGINEIO_EIO_POLLING_H

#include "engineio/eio_request.h"
#include "proto/eio_packet.h"

struct eio_polling;

/** Called from the loop; the transport may be freed in each of them. */
struct eio_polling_ops {
    /** A packet, and how it stood in the payload (bytes if it is binary). What it points to is the
     * callee's to change until it returns. */
    void (*on_packet)(void *owner, const struct eio_packet *packet, struct text raw);
    /** The server has taken what was posted. */
    void (*on_posted)(void *owner);
    /** Nothing is on its way any more, after sio__eio_polling_pause(). */
    void (*on_paused)(void *owner);
    /** It has failed: nothing more comes. */
    void (*on_failed)(void *owner, const struct eio_failure *why);
};

/**
 * Makes one, and starts with the first GET, that of the handshake.
 *
 * @param config  borrowed, as long as it lives
 * @return 0; SIO_ERR_NOMEM, SIO_ERR_INVALID, a negative errno: no callback comes
 */
int sio__eio_polling_new(struct reactor *r, const struct eio_client_config *config,
                         const struct eio_polling_ops *ops, void *owner,
                         struct eio_polling **ret_polling);

/** Ends it at once, from every state; no callback comes. NULL is fine. */
void sio__eio_polling_free(struct eio_polling *p);

/**
 * Tells what the handshake has brought; for all requests that follow.
 *
 * @param sid              borrowed, as long as it lives
 * @param post_timeout_ms  for the answer to a POST
 */
void sio__eio_polling_set_session(struct eio_polling *p, struct text sid, uint64_t post_timeout_ms);

/** Posts a payload, copied; the last one has been taken. @return 0; SIO_ERR_STATE, SIO_ERR_NOMEM or
 * a negative errno */
int sio__eio_polling_post(struct eio_polling *p, struct text payload);

/** True while a POST is on its way. */
bool sio__eio_polling_posting(const struct eio_polling *p);

/** Lets the requests that are on their way end, of which a GET always is one, and starts no other:
 * on_paused follows, unless it fails. The owner does not post meanwhile. */
void sio__eio_polling_pause(struct eio_polling *p);

/** Polls again, before or after on_paused. @return 0; SIO_ERR_NOMEM or a negative errno */
int sio__eio_polling_resume(struct eio_polling *p);

#endif /* ENGINEIO_EIO_POLLING_H */
