/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The upgrade of a client from polling to WebSocket (Engine.IO protocol, "Upgrade").
 *
 *     client (WebSocket)      server
 *     2probe  ------------->
 *             <-------------  3probe; the owner pauses polling, and takes the WebSocket then
 *     5       ------------->  the WebSocket is the transport
 *
 * Until the WebSocket is taken, anything else on it, its end, or too long a time ends the attempt;
 * the session goes on with polling.
 */
#ifndef ENGINEIO_EIO_UPGRADE_H
#define ENGINEIO_EIO_UPGRADE_H

#include "engineio/eio_websocket.h"

/** How long the attempt may take up to 3probe, when openings have no limit; else as long as these.
 */
#define EIO_UPGRADE_TIMEOUT_MS 20000u

struct eio_upgrade;

/** Called from the loop; the upgrade may be freed in each of them. */
struct eio_upgrade_ops {
    /** 3probe has come. */
    void (*on_probed)(void *owner);
    /** It has failed, and is to be freed. */
    void (*on_failed)(void *owner, const struct eio_failure *why);
    /** A packet of the probe was sent or has come. */
    void (*on_packet)(void *owner, bool sent, struct text raw, bool binary);
};

/** Begins. @return 0, or as sio__eio_websocket_new(): no callback comes */
int sio__eio_upgrade_new(struct reactor *r, const struct eio_client_config *config, struct text sid,
                         const struct eio_upgrade_ops *ops, void *owner,
                         struct eio_upgrade **ret_upgrade);

/** Gives it up, and closes its WebSocket. NULL is fine. */
void sio__eio_upgrade_free(struct eio_upgrade *u);

/** True when 3probe has come. */
bool sio__eio_upgrade_probed(const struct eio_upgrade *u);

/**
 * Completes an upgrade that was probed: sends 5.
 *
 * @param ops, owner  of the WebSocket from now on
 * @return the WebSocket: the upgrade is freed; NULL when 5 could not be sent: it is as before
 */
struct eio_websocket *sio__eio_upgrade_take(struct eio_upgrade *u,
                                            const struct eio_websocket_ops *ops, void *owner);

#endif /* ENGINEIO_EIO_UPGRADE_H */
