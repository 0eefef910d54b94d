/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The client.
 *
 *     sio_client *client = NULL;
 *     int r = sio_client_new(&client, "https://example.com", NULL);
 *     sio_socket *s = sio_client_socket(client, NULL, NULL);
 *     if (r == 0) r = sio_socket_on(s, "news", on_news, NULL);
 *     if (r == 0) r = sio_client_run(client);
 *     sio_client_free(client);
 *
 * A client is one connection (the Manager of the official client): it connects, and connects again
 * when the connection is lost. On it run sockets, one for each namespace, with the verbs of
 * socket.h. What is emitted while a socket is not connected waits, and is sent when it is.
 *
 * Four ways to run it: sio_client_run() on this thread; sio_client_start() on a thread of its own;
 * sio_client_attach_uv() of uv.h on a loop of yours; sio_client_tick() from a loop that is none, as
 * games have it. Callbacks come from there only, never from inside another function of the library.
 *
 * Functions marked [any] may be called from every thread while the client runs; the others on the
 * thread that runs it, or before it does. The emit, reply, disconnect and reference functions of
 * socket.h are [any] for the sockets of a client. What threads other than the client's send is
 * handed over first: errors that come up later are told to the acknowledgement, else logged.
 * Between two runs the thread of the last one counts as the client's; what others send waits.
 */
#ifndef SIO_CLIENT_H
#define SIO_CLIENT_H

#include <sio/log.h>
#include <sio/reason.h>
#include <sio/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sio_client sio_client; /**< a client; opaque */

/* ---- options ---- */

/**
 * TLS of https and wss; build it with SIO_TLS(.ca_file = "ca.pem"). The server's certificate and
 * its name are always verified, unless `insecure` says otherwise. Texts are PEM.
 */
typedef struct sio_tls {
    size_t size;         /**< sizeof(sio_tls), set by the macro */
    const char *ca_file; /**< who is trusted; with one of the three the system's list is not used */
    const char *ca_dir;  /**< a directory as `openssl rehash` makes it */
    const char *ca_pem;
    const char *cert_file; /**< the client's certificate, followed by its chain */
    const char *key_file;
    const char *cert_pem; /**< instead of the files */
    const char *key_pem;
    const char *key_password;  /**< of an encrypted key */
    const char *server_name;   /**< expected in the certificate, and sent as SNI; NULL: the host */
    const char *ciphers;       /**< of TLS 1.2, as OpenSSL lists them; NULL: its default */
    const char *cipher_suites; /**< of TLS 1.3 */
    int min_version;           /**< 0x0303 for TLS 1.2, 0x0304 for TLS 1.3; 0: TLS 1.2 */
    bool insecure; /**< verify nothing: whoever is on the way can read and change everything */
} sio_tls;

#define SIO_TLS(...) (&(sio_tls){.size = sizeof(sio_tls), __VA_ARGS__})

/**
 * Gives the payload of a CONNECT packet. Called before every one, so that tokens can be renewed.
 * It has to answer, now or later, by sio_auth_give(), also when the client is gone by then.
 */
typedef struct sio_auth_request sio_auth_request;
typedef void (*sio_auth_fn)(sio_socket *s, sio_auth_request *request, void *user);

/** What happens to an event when the buffer of a socket that is not connected is full. */
enum sio_overflow {
    SIO_OVERFLOW_REFUSE = 0, /**< emit fails with SIO_ERR_BUSY */
    SIO_OVERFLOW_DROP_OLDEST /**< the oldest make room; their acknowledgements fail with
                                  SIO_ERR_DROPPED */
};

/** Options of one socket; build them with SIO_SOCKET(.auth = "{\"token\":\"x\"}"). */
typedef struct sio_socket_options {
    size_t size;         /**< sizeof(sio_socket_options), set by the macro */
    const char *auth;    /**< payload of CONNECT, the text of a JSON object; NULL: none */
    sio_auth_fn auth_fn; /**< gives it instead */
    void *auth_user;
    /**
     * How often an event is sent again when it is not acknowledged in ack_timeout_ms: at least once
     * instead of at most once. Events are then sent one after the other. 0: events are sent once.
     */
    uint32_t retries;
    uint32_t ack_timeout_ms;     /**< for events without a time limit of their own; 0: none */
    uint32_t connect_timeout_ms; /**< 20000: for the server's answer to CONNECT */
    size_t max_buffered_bytes;   /**< 1 MiB: events that wait for the connection */
    int overflow;                /**< enum sio_overflow */
} sio_socket_options;

#define SIO_SOCKET(...) (&(sio_socket_options){.size = sizeof(sio_socket_options), __VA_ARGS__})

/**
 * Options of a client. Zero means the default everywhere; SIO_NEVER disables a time limit and
 * SIO_UNLIMITED a size limit. Strings and nested structures are copied.
 */
typedef struct sio_client_options {
    size_t size; /**< sizeof(sio_client_options), set by the macro */

    /* Engine.IO */
    const char *path;       /**< "/socket.io" */
    bool no_trailing_slash; /**< do not put a "/" behind the path */
    const char *query;      /**< "a=1&b=2", encoded; the query of the URL is used instead if any */
    const char *const *headers;  /**< NULL-terminated list of "Name: value", for all requests; not
                                    those that frame a message, such as Content-Length */
    uint8_t transports[4];       /**< SIO_POLLING, SIO_WEBSOCKET, the preferred one first; none:
                                      polling, then websocket */
    bool no_upgrade;             /**< stay on polling when the server offers websocket */
    bool remember_upgrade;       /**< connect again over websocket where that has worked */
    bool try_all_transports;     /**< when the first one fails, try the next */
    bool force_base64;           /**< no binary frames */
    bool timestamp_always;       /**< a changing parameter on websocket requests too */
    bool no_timestamp;           /**< on none */
    const char *timestamp_param; /**< its name; NULL: "t" */
    bool cookies;                /**< keep the server's cookies, and send them, after those of your
                                      own Cookie field; together in one field, in which the longest
                                      are left out beyond 8 KiB */
    const char *protocols;       /**< Sec-WebSocket-Protocol: "a, b"; NULL: none. A server
                                      that takes none of them is left, as by browsers */
    uint32_t request_timeout_ms; /**< of each polling request; 0: none but the heartbeat's */
    const sio_tls *tls;          /**< NULL: the system's certificates */
    /**
     * "http://host:port", "https://..." is not supported, "socks5://host:port" (names are resolved
     * here), "socks5h://host:port" (there); with "user:password@" before the host if needed. NULL:
     * as http_proxy, https_proxy, all_proxy and no_proxy of the environment say; "": none.
     */
    const char *proxy;

    /* reconnection */
    bool no_reconnection;
    uint32_t reconnection_attempts;     /**< 0: without end */
    uint32_t reconnection_delay_ms;     /**< 1000: before the first one; doubles with each */
    uint32_t reconnection_delay_max_ms; /**< 5000 */
    uint32_t randomization_percent;     /**< 50: of the delay, up or down; SIO_NEVER: none */
    uint32_t open_timeout_ms;           /**< 20000: one attempt, from its start to the handshake */
    bool no_auto_connect;               /**< wait for sio_client_open() or sio_socket_connect() */

    const sio_socket_options *socket; /**< for sockets that are made without options */

    /* limits: what a server may cost */
    size_t max_message_bytes;       /**< 16 MiB: message or polling body that is received */
    size_t max_head_bytes;          /**< 16384: head of a response, at most 65535 */
    uint32_t max_headers;           /**< 200: fields in it */
    uint32_t max_fragments;         /**< 4096: WebSocket frames of a message */
    uint32_t max_attachments;       /**< 10: of a packet */
    size_t max_attachment_bytes;    /**< 16 MiB: text and attachments of a packet */
    uint32_t attachment_timeout_ms; /**< 20000: from a packet to its last attachment */
    size_t send_high_water_bytes;   /**< 1 MiB: more than this waits to be sent: SIO_SLOW */
    size_t send_hard_bytes;         /**< 64 MiB: more is refused with SIO_ERR_BUSY, and what is
                                         larger by itself with SIO_ERR_TOO_BIG */

    /* logging, see log.h */
    int log_level;
    sio_log_fn log;
    void *log_user;
    const char *debug; /**< components to trace, for example "engine*,socket.io:socket" */
} sio_client_options;

#define SIO_CLIENT_OPTIONS(...)                                                                    \
    (&(sio_client_options){.size = sizeof(sio_client_options), __VA_ARGS__})

/* ---- life ---- */

/**
 * Makes a client. It connects as soon as it runs, unless no_auto_connect is set.
 *
 * @param url      "https://host:port/namespace?query"; http, https, ws, wss; https without a scheme
 * @param options  NULL: the defaults
 * @return 0; SIO_ERR_INVALID (a malformed URL, header, query, auth or proxy; the log says which),
 *         SIO_ERR_VERSION, SIO_ERR_TLS (a certificate or key that cannot be read), SIO_ERR_NOMEM,
 *         or a code of the system
 */
SIO_API int sio_client_new(sio_client **ret_client, const char *url,
                           const sio_client_options *options);

/**
 * Closes and frees a client with its sockets, from every state, also inside its callbacks (then it
 * ends behind the current one). Waits neither for the network nor for the resolver, only for a
 * callback that is running on another thread.
 *
 * No callback comes after the return, except the rest of the one it is called in: acknowledgements
 * that are waited for are forgotten, posted functions are not called. To have those told, close
 * first, and wait with sio_client_join(), or until sio_client_run() has returned. Sockets of the
 * client that you hold references to stay safe to use: SIO_ERR_CLOSED.
 *
 * [any] with sio_client_start(); otherwise on the thread that runs the client, or after it has
 * run. On a loop of yours the loop has to run on until the client's handles are closed: for a
 * moment, or until the resolver has answered. NULL is fine.
 */
SIO_API void sio_client_free(sio_client *client);

/**
 * Closes in order: DISCONNECT packets and what was emitted before are sent, waiting
 * acknowledgements fail, disconnect callbacks run; then sio_client_run() returns. Events that were
 * not sent, because there was no connection, are kept with their acknowledgements. It may be opened
 * again, then they are sent; one that has not run yet does not connect before. [any]
 *
 * @return 0; SIO_ERR_CLOSED when it is closed already (not told to other threads); SIO_ERR_NOMEM
 */
SIO_API int sio_client_close(sio_client *client);

/**
 * The same as sio_client_close(), for signal handlers: async-signal-safe. One that has not run yet
 * is closed as soon as it does, so that sio_client_run() returns. Not while or after it is freed.
 * [any] NULL is fine.
 */
SIO_API void sio_client_stop(sio_client *client);

/**
 * Waits until a client that was closed, or has given up connecting, is at rest: packets are sent,
 * disconnect callbacks have run, and every acknowledgement has been told. Events that were not sent
 * are not kept then: their acknowledgements fail with SIO_ERR_CLOSED. To be called between
 * sio_client_close() and sio_client_free() when it runs on a thread of its own:
 *
 *     sio_client_close(client);
 *     sio_client_join(client, 5000);
 *     sio_client_free(client);
 *
 * [any] but the client's own thread; not while it is freed. On a loop of yours the loop has to be
 * run on meanwhile.
 *
 * @param timeout_ms  0, SIO_NEVER: as long as it takes
 * @return 0; SIO_ERR_TIMEOUT, and it can be called again; SIO_ERR_WOULD_DEADLOCK on the client's
 *         own thread, or when nobody runs it; SIO_ERR_STATE when it was not closed, or was opened
 *         again; SIO_ERR_CLOSED when it was freed meanwhile, in a callback; SIO_ERR_NOMEM
 */
SIO_API int sio_client_join(sio_client *client, uint32_t timeout_ms);

/**
 * Connects, after no_auto_connect, sio_client_close() or the last attempt. Its sockets come with
 * it, but for those that were refused or disconnected one by one: see sio_socket_connect(). [any]
 *
 * @return 0; SIO_ERR_CLOSED when it is being freed; SIO_ERR_NOMEM or a code of the system
 */
SIO_API int sio_client_open(sio_client *client);

/**
 * Runs until the client has been closed, or has given up connecting. Not for clients with a loop of
 * yours. It may be run again: after sio_client_open(), else it returns the same at once.
 *
 * @return 0 when it was closed; SIO_ERR_REFUSED when all its sockets were refused; the last error
 *         when it has given up; SIO_ERR_STATE when it runs already
 */
SIO_API int sio_client_run(sio_client *client);

/**
 * Runs it on a thread of its own until sio_client_free().
 *
 * @return 0; SIO_ERR_STATE when it runs already; a code of the system
 */
SIO_API int sio_client_start(sio_client *client);

/**
 * Does what is due, without waiting; callbacks run inside. For loops that come by regularly:
 *
 *     while (playing) { sio_client_tick(client); draw(); }
 *
 * @return 0; SIO_ERR_STATE when it runs otherwise
 */
SIO_API int sio_client_tick(sio_client *client);

/** A descriptor that becomes readable when sio_client_tick() has something to do; -1 without. */
SIO_API int sio_client_fd(sio_client *client);

/** Milliseconds until sio_client_tick() is due if the descriptor stays quiet; -1: no limit. To be
 * asked after every tick, and after every other function of the client. */
SIO_API int sio_client_timeout(sio_client *client);

/**
 * Calls a function on the client's thread, soon: when it runs, and unless it is freed before. [any]
 *
 * @return 0; SIO_ERR_CLOSED, SIO_ERR_NOMEM, a code of the system: it will not be called
 */
SIO_API int sio_client_post(sio_client *client, void (*fn)(sio_client *client, void *arg),
                            void *arg);

/* ---- what happens to the connection ---- */

/** Kinds of notices: XX(NAME, name of the official event). */
#define SIO_NOTICE_MAP(XX)                                                                         \
    XX(OPEN, "open")                           /* the connection stands */                         \
    XX(CLOSE, "close")                         /* it is lost or closed: reason, cause */           \
    XX(ERROR, "error")                         /* an attempt has failed: status, text */           \
    XX(PING, "ping")                           /* heartbeat of the server */                       \
    XX(RECONNECT_ATTEMPT, "reconnect_attempt") /* attempt */                                       \
    XX(RECONNECT, "reconnect")                 /* it stands again, after: attempt */               \
    XX(RECONNECT_ERROR, "reconnect_error")     /* status, text */                                  \
    XX(RECONNECT_FAILED, "reconnect_failed")   /* no attempts are left */                          \
    XX(UPGRADE, "upgrade")                     /* the transport is now: text */                    \
    XX(UPGRADE_ERROR, "upgradeError")          /* it stays on polling: status, text */             \
    XX(DRAIN, "drain")                         /* room again, after SIO_SLOW or SIO_ERR_BUSY */

enum sio_notice_kind {
#define XX(name, text) SIO_NOTICE_##name,
    SIO_NOTICE_MAP(XX)
#undef XX
        SIO_NOTICE_COUNT
};

/** What has happened; valid until the callback returns. */
typedef struct sio_notice {
    int kind;         /**< enum sio_notice_kind */
    int status;       /**< error code */
    int reason;       /**< enum sio_reason */
    int cause;        /**< enum sio_cause */
    uint32_t attempt; /**< number of the attempt, from 1 */
    uint32_t
        delay_ms;     /**< CLOSE and the errors: until the next attempt; SIO_NEVER: there is none */
    const char *text; /**< in English, "" for none; for example "certificate has expired" */
} sio_notice;

typedef void (*sio_notice_fn)(sio_client *client, const sio_notice *notice, void *user);

/** Sets the function that is told of everything; NULL: nobody. */
SIO_API void sio_client_on_notice(sio_client *client, sio_notice_fn fn, void *user);

/** Sees packets: `text` is one of Engine.IO, with its type; binary messages as they are. */
typedef void (*sio_trace_fn)(sio_client *client, bool sent, const char *transport, const void *data,
                             size_t len, bool binary, void *user);

/** Sets the function that sees all packets, sent and received; NULL: nobody. */
SIO_API void sio_client_on_trace(sio_client *client, sio_trace_fn fn, void *user);

/**
 * State of the connection, for displays. It is CLOSED also between two attempts to connect, and
 * before the callbacks of a loss have run: sio_client_join() waits for the end. [any]
 */
enum sio_client_state { SIO_CLIENT_CLOSED, SIO_CLIENT_OPENING, SIO_CLIENT_OPEN };
SIO_API int sio_client_state(const sio_client *client);

/** Transport in use: "polling", "websocket", or "" without a connection. Static. */
SIO_API const char *sio_client_transport(const sio_client *client);

/** Engine.IO session id, "" without a connection. Borrowed until the connection ends. */
SIO_API const char *sio_client_sid(const sio_client *client);

/* ---- sockets of a client ---- */

/**
 * The socket of a namespace; makes it if there is none. It belongs to the client: do not free it.
 * It connects with the client unless no_auto_connect is set.
 *
 * @param nsp      with or without its slash; NULL: that of the URL
 * @param options  used when it is made; NULL: those of the client
 * @return NULL when out of memory, when the client is NULL, or when the options are malformed
 *         (logged)
 */
SIO_API sio_socket *sio_client_socket(sio_client *client, const char *nsp,
                                      const sio_socket_options *options);

/** Its client; NULL for sockets of a server, and when the client is gone. */
SIO_API sio_client *sio_socket_client(const sio_socket *s);

/** Connects a socket that is not; nothing happens otherwise. [any] @return 0, SIO_ERR_CLOSED,
 * SIO_ERR_INVALID for sockets of a server */
SIO_API int sio_socket_connect(sio_socket *s);

/** True when it is connected or will connect by itself (`active` of the official client). */
SIO_API bool sio_socket_active(const sio_socket *s);

/** True when the server has restored the state of the last connection (`recovered`). */
SIO_API bool sio_socket_recovered(const sio_socket *s);

/** Changes the payload of the next CONNECT. @return 0, SIO_ERR_JSON (no object), SIO_ERR_NOMEM */
SIO_API int sio_socket_set_auth(sio_socket *s, const char *json);

/** Answers a sio_auth_fn, once. @param json  text of an object; NULL: no payload. [any]
 * @return 0, SIO_ERR_JSON (no payload is sent), SIO_ERR_NOMEM */
SIO_API int sio_auth_give(sio_auth_request *request, const char *json);

/* Handlers of a client's socket. All return 0, SIO_ERR_INVALID (no function, a reserved event name,
 * a socket of a server) or SIO_ERR_NOMEM. Inside callbacks, too, handlers can be added and
 * removed. */

/** Why a socket could not connect. */
typedef struct sio_connect_error {
    int status;          /**< SIO_ERR_REFUSED: by the server; else what was in the way */
    const char *message; /**< of the server, or in English */
    const sio_val *data; /**< of the server; NULL for none */
    bool active;         /**< it tries again by itself */
} sio_connect_error;

typedef void (*sio_connect_error_fn)(sio_socket *s, const sio_connect_error *error, void *user);

SIO_API int sio_socket_on_connect(sio_socket *s, sio_socket_fn fn, void *user);
SIO_API int sio_socket_on_connect_error(sio_socket *s, sio_connect_error_fn fn, void *user);

/** fn gets the reason and the cause of the end, see reason.h. */
SIO_API int sio_socket_on_disconnect(sio_socket *s, sio_disconnect_fn fn, void *user);

/** Calls fn with every event of this name. */
SIO_API int sio_socket_on(sio_socket *s, const char *event, sio_event_fn fn, void *user);

/** As sio_socket_on(), for the next one only. */
SIO_API int sio_socket_once(sio_socket *s, const char *event, sio_event_fn fn, void *user);

/** Every event, before its own handlers. */
SIO_API int sio_socket_on_any(sio_socket *s, sio_event_fn fn, void *user);

/** Every event that is sent. */
SIO_API int sio_socket_on_any_outgoing(sio_socket *s, sio_event_fn fn, void *user);

/**
 * Removes event handlers.
 *
 * @param event  NULL: the catch-all handlers, of both directions
 * @param fn     NULL: all of the event
 * @return how many were removed
 */
SIO_API int sio_socket_off(sio_socket *s, const char *event, sio_event_fn fn);

/* ---- calling ---- */

/**
 * Emits, and waits for the answer: the only function that blocks. For simple programs beside
 * sio_client_start(). [any] but the client's own thread
 *
 * @param timeout_ms  0: ack_timeout_ms of the socket. SIO_NEVER, and 0 without that: as long as it
 *                    takes, or until the client is closed or has given up
 * @param ret_reply   the answer, to be freed with sio_event_free(); may be NULL
 * @return 0; SIO_ERR_WOULD_DEADLOCK on the client's own thread, or when nobody runs it;
 *         SIO_ERR_TIMEOUT; SIO_ERR_CLOSED; and as sio_emit_ack()
 */
SIO_API int sio_socket_call(sio_socket *s, uint32_t timeout_ms, sio_event **ret_reply,
                            const char *event, const char *format, ...);

#ifdef __cplusplus
}
#endif

#endif /* SIO_CLIENT_H */
