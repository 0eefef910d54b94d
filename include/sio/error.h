/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Errors.
 *
 * Functions that can fail return an int: zero or a positive hint on success, a negative code on
 * failure. The codes below are sio's own (-20001 and down). Codes of libuv and of the operating
 * system (-4095 .. -1, negated errno on POSIX) pass through unchanged, so that nothing is lost in
 * translation; sio_strerror() and sio_errname() know both. There is no errno and no last error.
 */
#ifndef SIO_ERROR_H
#define SIO_ERROR_H

#include <sio/api.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The one list of error codes: XX(code, NAME, text). */
#define SIO_ERROR_MAP(XX)                                                                          \
    XX(-20001, NOMEM, "out of memory")                                                             \
    XX(-20002, INVALID, "invalid argument")                                                        \
    XX(-20003, STATE, "not possible in this state")                                                \
    XX(-20004, CLOSED, "the connection, socket or server is closed")                               \
    XX(-20005, FORMAT, "malformed format string, or arguments that do not fit it")                 \
    XX(-20006, TYPE, "value has another type")                                                     \
    XX(-20007, PROTO, "protocol violation by the peer")                                            \
    XX(-20008, TOO_BIG, "larger than the limit allows")                                            \
    XX(-20009, TIMEOUT, "operation has timed out")                                                 \
    XX(-20010, SLOW_CONSUMER, "peer reads too slowly, its send queue is full")                     \
    XX(-20011, REFUSED, "refused by the server or the application")                                \
    XX(-20012, VERSION, "options were made for a newer version of the library")                    \
    XX(-20013, NOT_FOUND, "no such entry")                                                         \
    XX(-20014, EXISTS, "exists already")                                                           \
    XX(-20015, RESERVED, "event name is reserved")                                                 \
    XX(-20016, BUSY, "queue is full, try again later")                                             \
    XX(-20017, UNSUPPORTED, "not supported by this build, adapter or protocol version")            \
    XX(-20018, CLUSTER, "an answer from another node of the cluster is missing")                   \
    XX(-20019, DROPPED, "volatile message was dropped, the transport was not ready")               \
    XX(-20020, JSON, "malformed JSON")                                                             \
    XX(-20021, LIMIT, "a configured limit was reached")                                            \
    XX(-20022, TLS, "TLS: a certificate or key cannot be used, or the handshake failed")           \
    XX(-20023, PROXY, "the proxy refused or failed")                                               \
    XX(-20024, HTTP, "the server answered with an HTTP status that refuses")                       \
    XX(-20025, WOULD_DEADLOCK, "would wait for this thread, or for a client that nobody runs")

enum sio_error_code {
#define XX(code, name, text) SIO_ERR_##name = (code),
    SIO_ERROR_MAP(XX)
#undef XX
};

/**
 * Positive result of the emit functions: the message was taken, but the peer's send queue is above
 * send_high_water_bytes. A sender that can wait should do so until sio_ns_on_drain() calls, or at a
 * client the notice SIO_NOTICE_DRAIN comes.
 */
#define SIO_SLOW 1

/**
 * Describes an error code in English, for example "operation has timed out". [any]
 *
 * @param code  a result of any function of the library; positive values and 0 give "success"
 * @return a static string, never NULL
 */
SIO_API const char *sio_strerror(int code);

/**
 * Names an error code, for example "SIO_ERR_TIMEOUT" or "EADDRINUSE". [any]
 *
 * @return a static string, never NULL; "unknown" for codes of no list
 */
SIO_API const char *sio_errname(int code);

#ifdef __cplusplus
}
#endif

#endif /* SIO_ERROR_H */
