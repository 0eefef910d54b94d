/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * What requests of the engine's path ask for, whether they may, and the opening of sessions.
 */
#ifndef ENGINEIO_HANDSHAKE_H
#define ENGINEIO_HANDSHAKE_H

struct http_conn;

/** The head of a request of the engine is complete: decides its role. */
void sio__handshake_head(struct http_conn *conn);

/** A request of the roles ROLE_HANDSHAKE to ROLE_WEBSOCKET, or ROLE_REFUSED, is complete: does it.
 */
void sio__handshake_done(struct http_conn *conn);

#endif /* ENGINEIO_HANDSHAKE_H */
