/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The opening handshake of WebSocket (RFC 6455 4), for both sides.
 *
 * A server checks the request with sio__ws_handshake_check(), then writes either the answer with
 * sio__ws_handshake_write(), or a refusal made of sio__ws_fault_status() and sio__ws_fault_text():
 * the texts are those of the npm package ws, which clients of Socket.IO may know.
 * All header values are read in one pass, in linear time.
 */
#ifndef PROTO_WS_HANDSHAKE_H
#define PROTO_WS_HANDSHAKE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/rand.h"
#include "base/text.h"
#include "proto/http1.h"

/** Base64 of 16 and of 20 bytes, without the NUL. */
#define WS_KEY_LEN    24
#define WS_ACCEPT_LEN 28

/** XX(NAME, status, text) */
#define WS_FAULT_MAP(XX)                                                                           \
    XX(METHOD, 405, "Invalid HTTP method")                                                         \
    XX(UPGRADE, 400, "Invalid Upgrade header")                                                     \
    XX(KEY, 400, "Missing or invalid Sec-WebSocket-Key header")                                    \
    XX(VERSION, 400, "Missing or invalid Sec-WebSocket-Version header")                            \
    XX(PROTOCOL, 400, "Invalid Sec-WebSocket-Protocol header")                                     \
    XX(EXTENSIONS, 400, "Invalid or unacceptable Sec-WebSocket-Extensions header")                 \
    XX(STATUS, 400, "Unexpected server response")                                                  \
    XX(ACCEPT, 400, "Invalid Sec-WebSocket-Accept header")                                         \
    XX(NO_PROTOCOL, 400, "Server sent no subprotocol")                                             \
    XX(INTERNAL, 500, "Internal error")

enum ws_fault {
    WS_FAULT_NONE,
#define XX(name, status, text) WS_FAULT_##name,
    WS_FAULT_MAP(XX)
#undef XX
};

/** Value of the Sec-WebSocket-Version field that a refusal because of WS_FAULT_VERSION carries. */
#define WS_VERSIONS "13, 8"

/** What a server has to know of a valid request. */
struct ws_handshake {
    char accept[WS_ACCEPT_LEN + 1]; /* value of Sec-WebSocket-Accept, NUL-terminated */
    struct text protocol; /* first subprotocol offered, data is NULL if none; part of the head */
};

/**
 * Checks a client's request, in the order of the faults: GET, "Upgrade: websocket" and "Connection:
 * upgrade", key, version 13 or 8, subprotocols (tokens), extensions (their grammar).
 *
 * @return WS_FAULT_NONE, then *ret is set, or what is wrong
 */
enum ws_fault sio__ws_handshake_check(const struct http1_head *head, struct ws_handshake *ret);

/** Status and message text (static) of the refusal of a request. */
int sio__ws_fault_status(enum ws_fault fault);
const char *sio__ws_fault_text(enum ws_fault fault);

/**
 * Writes the answer that accepts, without the blank line: status 101, Upgrade, Connection,
 * Sec-WebSocket-Accept, and Sec-WebSocket-Protocol if one was offered. More fields may follow, then
 * sio__http1_write_end().
 *
 * @return 0, SIO_ERR_NOMEM, SIO_ERR_TOO_BIG; the buffer may have a part of it then
 */
int sio__ws_handshake_write(struct buf *out, const struct ws_handshake *handshake);

/**
 * Computes the value of Sec-WebSocket-Accept (RFC 6455 4.2.2).
 *
 * @param key         WS_KEY_LEN characters
 * @param ret_accept  room for WS_ACCEPT_LEN + 1
 * @return 0 or SIO_ERR_NOMEM
 */
int sio__ws_accept(const char *key, char *ret_accept);

/**
 * Takes the next offer off the value of a Sec-WebSocket-Extensions field (RFC 6455 9.1).
 *
 * @param rest        what is left of the value, advanced
 * @param ret_name    the extension's token
 * @param ret_params  its parameters, for sio__ws_param_next(); checked already
 * @return 1, 0 at the end, SIO_ERR_PROTO if the grammar is violated
 */
int sio__ws_extension_next(struct text *rest, struct text *ret_name, struct text *ret_params);

/**
 * Takes the next parameter off the list that sio__ws_extension_next() gave.
 *
 * @param ret_value  without quotes; data is NULL if the parameter has no value
 * @return 1, 0 at the end, SIO_ERR_PROTO if the grammar is violated
 */
int sio__ws_param_next(struct text *rest, struct text *ret_name, struct text *ret_value);

/**
 * For a client: makes the value of Sec-WebSocket-Key.
 *
 * @param ret_key  room for WS_KEY_LEN + 1
 * @return 0, or a negative errno if there is no randomness
 */
int sio__ws_new_key(struct rand_pool *rand, char *ret_key);

/**
 * For a client: checks the server's answer (RFC 6455 4.1): status 101, HTTP/1.1, Upgrade and
 * Connection, Accept, a subprotocol that was offered, and no extension. RFC 6455 would also take
 * an answer without a subprotocol where some were offered; browsers (WHATWG WebSockets, "establish
 * a WebSocket connection") and Node.js do not, so neither does this.
 *
 * @param status   of the response: head->status
 * @param key      that the request had, WS_KEY_LEN characters
 * @param offered  value of the request's Sec-WebSocket-Protocol, empty if there was none
 * @param ret_protocol  the subprotocol that the server took, data is NULL if none
 */
enum ws_fault sio__ws_handshake_check_answer(int status, const struct http1_head *head,
                                             const char *key, struct text offered,
                                             struct text *ret_protocol);

#endif /* PROTO_WS_HANDSHAKE_H */
