/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * A client of Engine.IO and its server, whose every byte the test writes.
 */
#ifndef SUPPORT_EIO_PEER_H
#define SUPPORT_EIO_PEER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/ws_frame.h"
#include "support/eio_user.h"
#include "support/peer.h"

/* Handshakes with and without an upgrade, and the first lines of requests; timestamps are dots. */
#define EIO_PEER_SID   "L0dvZUXlE55RzL0LAAAA"
#define EIO_PEER_TIMES "\"pingInterval\":25000,\"pingTimeout\":20000,\"maxPayload\":1000000}"
#define EIO_PEER_HANDSHAKE                                                                         \
    "0{\"sid\":\"" EIO_PEER_SID "\",\"upgrades\":[\"websocket\"]," EIO_PEER_TIMES
#define EIO_PEER_NO_UPGRADES "0{\"sid\":\"" EIO_PEER_SID "\",\"upgrades\":[]," EIO_PEER_TIMES
#define EIO_PEER_TARGET      "/socket.io/?foo=bar&EIO=4&transport="
#define EIO_PEER_POLLING     EIO_PEER_TARGET "polling&t=........"
#define EIO_PEER_GET_1       "GET " EIO_PEER_POLLING " HTTP/1.1\r\n"
#define EIO_PEER_GET_N       "GET " EIO_PEER_POLLING "&sid=" EIO_PEER_SID " HTTP/1.1\r\n"
#define EIO_PEER_POST_N      "POST " EIO_PEER_POLLING "&sid=" EIO_PEER_SID " HTTP/1.1\r\n"
#define EIO_PEER_UPGRADE     "GET " EIO_PEER_TARGET "websocket&sid=" EIO_PEER_SID " HTTP/1.1\r\n"

struct eio_peer {
    struct peer *peer;
    struct eio_user user;
    struct peer_conn *get; /* the connections, as far as they are there */
    struct peer_conn *post;
    struct peer_conn *ws;
};

/** Makes both; nothing is opened. */
struct eio_peer *eio_peer_begin(void);

/** Ends both. */
void eio_peer_end(struct eio_peer *f);

/** Leaves the client one transport. */
void eio_peer_only(struct eio_peer *f, uint8_t transport);

/** Waits for a callback to have come `count` times. */
void eio_peer_wait(struct eio_peer *f, enum eio_user_event event, size_t count);

/** Waits for the end, which comes once. */
void eio_peer_expect_closed(struct eio_peer *f, int reason, int cause, int status,
                            const char *text);

/** Puts dots in place of the timestamp of a request. */
void eio_peer_hide_timestamp(char *head);

/** Waits for a request that begins with this line, and has this field. @param field  may be NULL */
void eio_peer_expect_request(struct peer_conn *c, const char *line, const char *field);

/** Answers a request. */
void eio_peer_answer_status(struct peer_conn *c, int status, const char *body);
void eio_peer_answer(struct peer_conn *c, const char *body);

/** Waits for the request to open a WebSocket. @param ret_key  WS_KEY_LEN + 1 bytes */
void eio_peer_expect_upgrade(struct peer_conn *c, const char *line, char *ret_key);
void eio_peer_accept_upgrade(struct peer_conn *c, const char *key);
/** The same, with more fields, as lines with CRLF. */
void eio_peer_accept_upgrade_with(struct peer_conn *c, const char *key, const char *fields);

/** Waits for so many bytes of input. */
void eio_peer_await_bytes(struct peer_conn *c, size_t n);

/** Frames; those that are expected are masked, and have less than 126 bytes. */
void eio_peer_send_frame(struct peer_conn *c, uint8_t first, const void *data, size_t len);
void eio_peer_send_text(struct peer_conn *c, const char *text);
void eio_peer_expect_frame(struct peer_conn *c, uint8_t first, const void *data, size_t len);
void eio_peer_expect_text(struct peer_conn *c, const char *text);

/** Opens the client by polling, up to the GET that waits. */
void eio_peer_open_polling(struct eio_peer *f, const char *handshake);

/** Opens the client by WebSocket. */
void eio_peer_open_websocket(struct eio_peer *f);

/** Opens it by polling, and its WebSocket, up to 2probe. */
void eio_peer_open_probe(struct eio_peer *f);

#endif /* SUPPORT_EIO_PEER_H */
