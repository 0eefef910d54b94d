/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The upgrade of a session from polling to WebSocket (Engine.IO protocol, "Upgrade").
 *
 *     client (WebSocket)      server
 *     2probe  ------------->
 *             <-------------  3probe; the waiting GET is answered, so that the client can pause
 * polling 5       ------------->  the WebSocket becomes the transport, queued packets go to it
 *
 * Until the 5 packets flow over polling. Anything else on the WebSocket, its end, or
 * upgrade_timeout_ms without a 5 ends the attempt; the session goes on with polling.
 */
#ifndef ENGINEIO_UPGRADE_H
#define ENGINEIO_UPGRADE_H

#include <stdbool.h>

#include "base/wheel.h"

struct session;
struct websocket;
struct eio_packet;

struct upgrade {
    struct timer timer;
    struct session *session;
    struct websocket *ws;
    bool probed; /* 2probe came */
};

/**
 * Begins an upgrade. A session that is upgraded, upgrading or closing refuses: the WebSocket is
 * closed.
 */
void sio__upgrade_begin(struct session *s, struct websocket *ws);

/** A text packet came on the probing WebSocket. */
void sio__upgrade_packet(struct session *s, const struct eio_packet *packet);

/** The probing WebSocket has ended by itself. */
void sio__upgrade_lost(struct session *s);

/** Gives the attempt up and closes its WebSocket. Nothing happens when there is none. */
void sio__upgrade_cancel(struct session *s);

#endif /* ENGINEIO_UPGRADE_H */
