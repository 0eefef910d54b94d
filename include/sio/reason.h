/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Why something ended.
 *
 * A reason is what the official packages say in their disconnect event, with the same texts. A
 * cause is finer: which rule or limit brought it about. Every cause has a number that never
 * changes, a counter in sio_stats, and a log line, so that "transport close" is never all that one
 * can learn.
 */
#ifndef SIO_REASON_H
#define SIO_REASON_H

#include <sio/api.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Disconnect reasons: XX(number, NAME, text of the official packages). */
#define SIO_REASON_MAP(XX)                                                                         \
    XX(0, NONE, "")                                                                                \
    XX(1, SERVER_NAMESPACE_DISCONNECT, "server namespace disconnect")                              \
    XX(2, CLIENT_NAMESPACE_DISCONNECT, "client namespace disconnect")                              \
    XX(3, SERVER_SHUTTING_DOWN, "server shutting down")                                            \
    XX(4, PING_TIMEOUT, "ping timeout")                                                            \
    XX(5, TRANSPORT_CLOSE, "transport close")                                                      \
    XX(6, TRANSPORT_ERROR, "transport error")                                                      \
    XX(7, PARSE_ERROR, "parse error")                                                              \
    XX(8, FORCED_CLOSE, "forced close")                                                            \
    XX(9, FORCED_SERVER_CLOSE, "forced server close")                                              \
    XX(10, IO_SERVER_DISCONNECT, "io server disconnect") /* the server's doing, at a client */     \
    XX(11, IO_CLIENT_DISCONNECT, "io client disconnect") /* its own */

enum sio_reason {
#define XX(number, name, text) SIO_REASON_##name = (number),
    SIO_REASON_MAP(XX)
#undef XX
};

/** Causes: XX(number, NAME, text). Numbers from 20 to 41 are limits; each limit is an option. */
#define SIO_CAUSE_MAP(XX)                                                                          \
    XX(0, NONE, "no particular cause")                                                             \
    XX(1, APPLICATION, "closed by the application")                                                \
    XX(2, PEER_CLOSED, "closed by the peer")                                                       \
    XX(3, CONNECTION_LOST, "the connection was lost")                                              \
    XX(4, HEARTBEAT, "no answer to the heartbeat")                                                 \
    XX(5, HTTP_SYNTAX, "malformed HTTP request")                                                   \
    XX(6, WS_SYNTAX, "malformed WebSocket frame")                                                  \
    XX(7, WS_UTF8, "text frame is not UTF-8")                                                      \
    XX(8, ENGINE_SYNTAX, "malformed Engine.IO packet")                                             \
    XX(9, PACKET_SYNTAX, "malformed Socket.IO packet")                                             \
    XX(10, PACKET_STATE, "packet is not allowed in this state")                                    \
    XX(11, HEARTBEAT_DIRECTION, "ping from the wrong side")                                        \
    XX(12, OVERLAP, "two polling requests at once")                                                \
    XX(13, CONTENT_TYPE, "binary polling payload in protocol 4")                                   \
    XX(14, ORIGIN_REFUSED, "origin is not allowed")                                                \
    XX(15, REQUEST_REFUSED, "request was refused by the application")                              \
    XX(16, MIDDLEWARE_REFUSED, "connection was refused by a middleware")                           \
    XX(17, UNKNOWN_NAMESPACE, "no such namespace")                                                 \
    XX(18, UNKNOWN_SESSION, "no such session")                                                     \
    XX(19, OUT_OF_MEMORY, "out of memory")                                                         \
    XX(20, HEAD_BYTES, "HTTP head is larger than max_head_bytes")                                  \
    XX(21, HEAD_COUNT, "HTTP head has more than max_headers fields")                               \
    XX(22, HEAD_TIME, "request head took longer than head_timeout_ms")                             \
    XX(23, BODY_BYTES, "request body is larger than max_payload_bytes")                            \
    XX(24, BODY_TIME, "request body took longer than body_timeout_ms")                             \
    XX(25, MESSAGE_BYTES, "message is larger than max_payload_bytes")                              \
    XX(26, FRAGMENTS, "message has more than max_fragments fragments")                             \
    XX(27, ATTACHMENT_COUNT, "packet announces more than max_attachments attachments")             \
    XX(28, ATTACHMENT_BYTES, "attachments are larger than max_attachment_bytes")                   \
    XX(29, ATTACHMENT_TIME, "attachments took longer than attachment_timeout_ms")                  \
    XX(30, CONNECT_TIME, "no namespace was joined within connect_timeout_ms")                      \
    XX(31, NAMESPACES, "connection joins more than max_namespaces_per_connection namespaces")      \
    XX(32, ROOMS, "socket joins more than max_rooms_per_socket rooms")                             \
    XX(33, CONNECTIONS, "more than max_connections connections")                                   \
    XX(34, SEND_QUEUE, "peer reads too slowly, its send queue reached send_hard_bytes")            \
    XX(35, SEND_TIME, "peer reads too slowly, its send queue stayed above send_soft_bytes")        \
    XX(36, UPGRADE_TIME, "upgrade took longer than upgrade_timeout_ms")                            \
    XX(37, CLOSE_TIME, "peer did not answer the closing handshake")                                \
    XX(38, IDLE_TIME, "kept-alive HTTP connection was idle for keep_alive_timeout_ms")             \
    XX(39, DYNAMIC_NAMESPACES, "more than max_dynamic_namespaces namespaces")                      \
    XX(40, FILES, "the process has no file descriptor left")                                       \
    XX(41, PENDING_CONNECTS, "more than max_pending_connects connections wait for middlewares")    \
    XX(42, CONNECT_FAILED, "the connection could not be made")                                     \
    XX(43, HTTP_STATUS, "the server answered with an HTTP status that refuses")                    \
    XX(44, HANDSHAKE, "malformed handshake of the server")

enum sio_cause {
#define XX(number, name, text) SIO_CAUSE_##name = (number),
    SIO_CAUSE_MAP(XX)
#undef XX
        SIO_CAUSE_COUNT
};

/**
 * Text of a reason as the official packages spell it, for example "ping timeout". [any] Static,
 * never NULL.
 */
SIO_API const char *sio_reason_text(int reason);

/** Text of a cause in English. [any] Static, never NULL. */
SIO_API const char *sio_cause_text(int cause);

/** Name of a cause for metrics and logs, for example "MESSAGE_BYTES". [any] Static, never NULL. */
SIO_API const char *sio_cause_name(int cause);

#ifdef __cplusplus
}
#endif

#endif /* SIO_REASON_H */
