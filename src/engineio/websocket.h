/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The transport WebSocket: a stream, a parser, and the closing handshake (RFC 6455 7).
 *
 * A WebSocket belongs to a session as its transport, or to the session's upgrade. When its owner
 * lets go of it, it sends a Close frame and waits for the peer's for close_timeout_ms, on its own.
 */
#ifndef ENGINEIO_WEBSOCKET_H
#define ENGINEIO_WEBSOCKET_H

#include "engineio/engine.h"
#include "net/stream.h"
#include "proto/value.h"
#include "proto/ws_parser.h"

struct session;

struct websocket {
    struct stream *stream;
    struct engine *engine;
    struct session *session; /* whose transport or upgrade it is; NULL when it closes on its own */
    struct ws_closing *closing; /* while it closes */
    struct ws_parser parser;
    bool probing; /* it belongs to the session's upgrade */
    bool busy;    /* new, or inside its input handler: freed later */
    bool dead;
};

/**
 * Turns a stream into a WebSocket, after the answer 101 was written. Its memory stays until it gets
 * its first input, whatever happens before: see sio__http_convert().
 *
 * @return NULL when out of memory; the stream is still the caller's
 */
struct websocket *sio__websocket_new(struct engine *e, struct stream *stream);

/** Feeds input that came behind the handshake, which may be none. */
void sio__websocket_input(struct websocket *ws, uint8_t *data, size_t len);

/** Sends one text frame, copied. @return 0 or SIO_ERR_NOMEM */
int sio__websocket_text(struct websocket *ws, struct text text);

/** Sends one binary frame, copied. @return 0 or SIO_ERR_NOMEM */
int sio__websocket_binary(struct websocket *ws, const void *data, size_t len);

/** Sends all parts of a frame by reference. @return 0 or SIO_ERR_NOMEM */
int sio__websocket_frame(struct websocket *ws, struct frame *f);

/**
 * Lets go of a WebSocket: sends a Close frame and waits for the peer's.
 *
 * @param code  close code, 0 for a frame without one
 */
void sio__websocket_close(struct websocket *ws, uint16_t code);

/** Ends the waiting of one in engine.closing, given by its link: closes TCP once its Close frame is
 * out. */
void sio__websocket_finish(struct list *link);

/** Ends it at once. */
void sio__websocket_drop(struct websocket *ws);

#endif /* ENGINEIO_WEBSOCKET_H */
