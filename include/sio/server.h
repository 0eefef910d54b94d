/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The server.
 *
 *     sio_server *srv = NULL;
 *     int r = sio_server_new(&srv, SIO_SERVER_OPTIONS(.cors = SIO_CORS(.origin = "*")));
 *     if (r == 0) r = sio_ns_on(sio_server_ns(srv, "/"), "chat", on_chat, NULL);
 *     if (r == 0) r = sio_server_listen(srv, NULL, 3000);
 *     if (r == 0) r = sio_server_run(srv);
 *     sio_server_free(srv);
 *
 * Handlers belong to the namespace, not to each socket; state of a socket is attached to it with
 * sio_socket_set_user(). Handlers, middlewares and options are [setup]: they are fixed by
 * sio_server_run(), or by the first connection on a loop of yours.
 */
#ifndef SIO_SERVER_H
#define SIO_SERVER_H

#include <sio/log.h>
#include <sio/reason.h>
#include <sio/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sio_server sio_server; /**< a server; opaque */

/* ---- options ---- */

/** Cross-origin requests; build it with SIO_CORS(.origin = "https://example.com"). */
typedef struct sio_cors {
    size_t size; /**< sizeof(sio_cors), set by the macro */
    /**
     * "*" for every origin; one origin; or several, separated by blanks, of which one that equals
     * the request's Origin is answered. NULL: "*".
     */
    const char *origin;
    /** Decides instead of `origin`; returns true when the origin is allowed. */
    bool (*check)(const char *origin, void *user);
    void *user;          /**< for check */
    const char *methods; /**< NULL: "GET,HEAD,PUT,PATCH,POST,DELETE" */
    const char *headers; /**< allowed request headers; NULL: those that the browser asks for */
    const char *expose;  /**< Access-Control-Expose-Headers; NULL: none */
    bool credentials;    /**< cookies allowed */
    uint32_t max_age_s;  /**< how long browsers may keep a preflight's answer; 0: not said */
} sio_cors;

#define SIO_CORS(...) (&(sio_cors){.size = sizeof(sio_cors), __VA_ARGS__})

/** The session cookie of polling handshakes; build it with SIO_COOKIE(.secure = true). */
typedef struct sio_cookie {
    size_t size;           /**< sizeof(sio_cookie), set by the macro */
    const char *name;      /**< NULL: "io" */
    const char *path;      /**< NULL: "/"; "" leaves it out */
    const char *domain;    /**< NULL: none */
    const char *same_site; /**< "Strict", "Lax" or "None"; NULL: "Lax" */
    uint32_t max_age_s;    /**< 0: until the browser is closed */
    bool secure;           /**< HTTPS only */
    bool script_access;    /**< readable for scripts (no HttpOnly) */
} sio_cookie;

#define SIO_COOKIE(...) (&(sio_cookie){.size = sizeof(sio_cookie), __VA_ARGS__})

/**
 * Decides whether a handshake is accepted; requests of existing sessions are not asked about.
 * Refusal: HTTP 403 with the message of sio_next_fail().
 */
typedef void (*sio_allow_fn)(const sio_request *req, sio_next *next, void *user);

/** Changes the header fields of an answer. */
typedef void (*sio_headers_fn)(sio_headers *headers, const sio_request *req, void *user);

/**
 * Makes a session id.
 *
 * @param buffer  room for the id, NUL-terminated: 1 to 63 characters of [A-Za-z0-9_-]; unique
 * @return 0, or negative to refuse the handshake
 */
typedef int (*sio_generate_id_fn)(const sio_request *req, char *buffer, size_t size, void *user);

/** A refused handshake or request. */
typedef struct sio_connection_error {
    int code;               /**< 0 to 5, as sent to the client */
    const char *message;    /**< as sent to the client */
    const char *context;    /**< for example "TRANSPORT_MISMATCH", or "" */
    const sio_request *req; /**< the request; borrowed */
} sio_connection_error;

typedef void (*sio_connection_error_fn)(const sio_connection_error *error, void *user);

/**
 * Options of a server. Zero means the default everywhere; SIO_NEVER disables a time limit and
 * SIO_UNLIMITED a size limit. Strings and nested structures are copied.
 */
typedef struct sio_server_options {
    size_t size; /**< sizeof(sio_server_options), set by the macro */

    /* Engine.IO */
    const char *path;                   /**< "/socket.io" */
    bool no_trailing_slash;             /**< do not put a "/" behind the path */
    unsigned transports;                /**< enum sio_transport; both */
    bool no_upgrade;                    /**< do not offer the upgrade from polling */
    uint32_t ping_interval_ms;          /**< 25000: pause between heartbeats */
    uint32_t ping_timeout_ms;           /**< 20000: time to answer one */
    uint32_t upgrade_timeout_ms;        /**< 10000: time to complete an upgrade */
    size_t max_payload_bytes;           /**< 1000000: largest message and largest polling body */
    size_t compression_threshold_bytes; /**< 1024: polling answers from here on are compressed */
    bool no_compression;                /**< never compress polling answers */
    const sio_cors *cors;       /**< NULL: other origins get no CORS headers and no WebSocket */
    bool any_websocket_origin;  /**< do not check Origin on WebSocket handshakes */
    const sio_cookie *cookie;   /**< NULL: no cookie */
    const char *initial_packet; /**< a message sent right after the handshake; NULL: none */
    sio_allow_fn allow_request; /**< asked before every handshake */
    void *allow_request_user;
    sio_headers_fn on_initial_headers; /**< first answer of a session */
    void *on_initial_headers_user;
    sio_headers_fn on_headers; /**< every answer of the engine, also to WebSocket handshakes */
    void *on_headers_user;
    sio_generate_id_fn generate_id; /**< NULL: random ids */
    void *generate_id_user;
    sio_connection_error_fn on_connection_error; /**< told of every refused request */
    void *on_connection_error_user;
    uint32_t destroy_upgrade_timeout_ms; /**< 1000: upgrade requests of other paths end after it */

    /* Socket.IO */
    bool no_client;                /**< do not serve the browser client */
    uint32_t connect_timeout_ms;   /**< 45000: time to join a first namespace */
    bool cleanup_empty_namespaces; /**< remove dynamic namespaces with their last socket */

    /* limits: what one peer may cost */
    size_t max_connections;         /**< no limit: TCP connections at once */
    size_t max_head_bytes;          /**< 16384: request line and header fields, at most 65535 */
    uint32_t max_headers;           /**< 200: header fields of a request */
    uint32_t head_timeout_ms;       /**< 10000: from connection or first byte to its end */
    uint32_t body_timeout_ms;       /**< 30000: from head to end of body */
    uint32_t keep_alive_timeout_ms; /**< 10000: idle HTTP connection between requests */
    uint32_t close_timeout_ms;      /**< 30000: wait for the peer's part of closing */
    uint32_t max_fragments;         /**< 16384: frames of one WebSocket message */
    uint32_t max_attachments;       /**< 10: attachments of one packet, as the official parser */
    size_t max_attachment_bytes;    /**< 10000000: their sum */
    uint32_t attachment_timeout_ms; /**< 60000: time for all attachments of a packet to come */
    uint32_t max_namespaces_per_connection; /**< 100 */
    uint32_t max_dynamic_namespaces;        /**< 10000: namespaces made by patterns and callbacks */
    uint32_t max_rooms_per_socket;          /**< 10000 */
    uint32_t max_pending_connects; /**< 10000: sockets that wait for a middleware, in all */
    size_t send_high_water_bytes;  /**< 65536: above it SIO_SLOW, volatile is dropped */
    size_t send_soft_bytes;        /**< 4194304: a queue above it ... */
    uint32_t send_soft_ms;         /**< 60000: ... for this time closes the connection */
    size_t send_hard_bytes;        /**< 33554432: a queue above it closes the connection at once */

    /* logging */
    int log_level;  /**< enum sio_log_level; SIO_LOG_WARN */
    sio_log_fn log; /**< NULL: standard error */
    void *log_user;
    const char *debug; /**< components to trace, for example "engine*,-engine:ws" */

    /* for several nodes */
    const struct sio_adapter_factory *adapter; /**< NULL: in memory; see adapter.h */

} sio_server_options;

#define SIO_SERVER_OPTIONS(...)                                                                    \
    (&(sio_server_options){.size = sizeof(sio_server_options), __VA_ARGS__})

/** Fills options with zeros and their size, for languages without compound literals. [any] */
SIO_API void sio_server_options_init(sio_server_options *options);

/* ---- life ---- */

/**
 * Makes a server. [any] It does not listen yet.
 *
 * @param ret_server  set on success; end it with sio_server_free()
 * @param options     copied; NULL for the defaults
 * @return 0; SIO_ERR_INVALID (also logged, saying which option), SIO_ERR_VERSION, SIO_ERR_NOMEM, or
 *         a code of libuv
 */
SIO_API int sio_server_new(sio_server **ret_server, const sio_server_options *options);

/**
 * Listens on an address. [setup] May be called several times.
 *
 * @param host  numeric address, or host name (all its addresses are taken; looking it up may
 *              block); NULL or "" for all addresses of IPv4 and IPv6
 * @param port  0 to let the system choose, see sio_server_port()
 * @return 0, or a code of the system such as UV_EADDRINUSE
 */
SIO_API int sio_server_listen(sio_server *server, const char *host, uint16_t port);

/** Port of the first listening socket, 0 before sio_server_listen(). [owner] */
SIO_API uint16_t sio_server_port(const sio_server *server);

/**
 * Runs the server on the caller's thread until sio_server_stop() or sio_server_close(). Callbacks
 * come on this thread. [setup]
 *
 * @return 0 after a clean end; SIO_ERR_STATE when attached to another loop, closed, or running
 *         already; a code of libuv
 */
SIO_API int sio_server_run(sio_server *server);

/**
 * Asks a running server to end: as sio_server_close(), after which sio_server_run() returns. [any]
 *
 * May be called from a signal handler. Before the server is on a loop it is remembered: it then
 * ends as soon as it runs.
 */
SIO_API void sio_server_stop(sio_server *server);

/**
 * Closes the server in good order: stops listening, disconnects every socket ("server shutting
 * down"), closes all connections. [owner]
 *
 * @param fn  called when all is closed; may be NULL
 * @return 0, SIO_ERR_STATE when it is being closed already
 */
SIO_API int sio_server_close(sio_server *server, void (*fn)(sio_server *server, void *user),
                             void *user);

/**
 * Frees the server; NULL is fine. [owner]
 *
 * A server that still runs is closed first. In its callbacks, too, this may be called: its memory
 * then goes when sio_server_run() returns. One that is attached to a loop of yours is freed when
 * that loop has run its closing callbacks, or at once in the callback of sio_server_close().
 * References to sockets and acknowledgements taken have to be given back before.
 */
SIO_API void sio_server_free(sio_server *server);

/**
 * Runs a function on the server's thread, soon. [any]
 *
 * @return 0; SIO_ERR_CLOSED before the server is on a loop and once it is being closed;
 *         SIO_ERR_NOMEM. On failure fn is never called.
 */
SIO_API int sio_server_post(sio_server *server, void (*fn)(sio_server *server, void *arg),
                            void *arg);

/** Answers requests of other paths (health checks, pages). [setup] Without it they get 404. */
SIO_API void sio_server_on_request(sio_server *server, sio_request_fn fn, void *user);

/** Counters since the start, and gauges. */
typedef struct sio_stats {
    size_t size;                      /**< sizeof(sio_stats), set by the caller */
    uint64_t connections;             /**< TCP connections now */
    uint64_t sessions;                /**< Engine.IO sessions now (clientsCount) */
    uint64_t polling_sessions;        /**< of these on polling */
    uint64_t websocket_sessions;      /**< of these on WebSocket */
    uint64_t sockets;                 /**< sockets in namespaces now */
    uint64_t namespaces;              /**< namespaces now */
    uint64_t rooms;                   /**< rooms now, those of single sockets not counted */
    uint64_t connections_total;       /**< accepted TCP connections */
    uint64_t sessions_total;          /**< handshakes */
    uint64_t upgrades_total;          /**< completed upgrades to WebSocket */
    uint64_t packets_in;              /**< Engine.IO packets received */
    uint64_t packets_out;             /**< Engine.IO packets sent */
    uint64_t bytes_in;                /**< bytes read from connections */
    uint64_t bytes_out;               /**< bytes written to connections */
    uint64_t events_in;               /**< events dispatched */
    uint64_t broadcasts;              /**< broadcasts */
    uint64_t deliveries;              /**< copies of broadcasts handed to connections */
    uint64_t volatile_dropped;        /**< volatile messages dropped */
    uint64_t reasons[10];             /**< disconnected sockets by enum sio_reason */
    uint64_t causes[SIO_CAUSE_COUNT]; /**< what happened, by enum sio_cause */
} sio_stats;

/**
 * Reads the statistics. [owner]
 *
 * @param ret_stats  its size must be set; fields beyond it are not written
 */
SIO_API void sio_server_stats(const sio_server *server, sio_stats *ret_stats);

/* ---- namespaces ---- */

/**
 * Gets a namespace, or makes it. [owner]
 *
 * A name that fits a pattern of sio_server_ns_match() becomes a child of that parent.
 *
 * @param name  "/" is the main one; a missing leading "/" is added
 * @return the namespace, owned by the server; NULL when out of memory or server is NULL
 */
SIO_API sio_ns *sio_server_ns(sio_server *server, const char *name);

/** Finds a namespace, dynamic ones too. [owner] NULL when there is none. */
SIO_API sio_ns *sio_server_find_ns(sio_server *server, const char *name);

/**
 * Makes a parent namespace: clients may connect to every name that matches the pattern, and get a
 * namespace of that name with the parent's handlers and middlewares. [setup]
 *
 * Existing namespaces win, then parents in the order of their making. Broadcasting to the parent
 * reaches all its children. Parents are not asked about names longer than 1,024 bytes.
 *
 * @param pattern  POSIX extended regular expression, for example "^/room-[0-9]+$"
 * @return NULL when the pattern is malformed (logged), out of memory, or once the server runs
 */
SIO_API sio_ns *sio_server_ns_match(sio_server *server, const char *pattern);

/**
 * Decides whether a dynamic namespace may be made; sio_next_ok() makes it, sio_next_fail() asks the
 * next parent.
 *
 * @param name  that the client asks for
 * @param auth  of its CONNECT packet, may be NULL; valid until the callback returns
 */
typedef void (*sio_ns_check_fn)(const char *name, const sio_val *auth, sio_next *next, void *user);

/** As sio_server_ns_match(), with a function to decide. [setup] NULL when out of memory. */
SIO_API sio_ns *sio_server_ns_check(sio_server *server, sio_ns_check_fn fn, void *user);

/** Name of a namespace, for example "/chat". Borrowed. [owner] */
SIO_API const char *sio_ns_name(const sio_ns *ns);

/** Its server. [any] */
SIO_API sio_server *sio_ns_server(const sio_ns *ns);

/** Number of its sockets on this node. [owner] */
SIO_API size_t sio_ns_count(const sio_ns *ns);

/** Number of sockets in a room on this node. [owner] */
SIO_API size_t sio_ns_room_count(const sio_ns *ns, const char *room);

/** Finds a socket of this node by its id. [owner] Borrowed; NULL when there is none. */
SIO_API sio_socket *sio_ns_find(sio_ns *ns, const char *id);

/** Told when the first client makes a dynamic namespace. [setup] */
SIO_API void sio_server_on_new_ns(sio_server *server, void (*fn)(sio_ns *ns, void *user),
                                  void *user);

/*
 * ---- handlers of a namespace ----
 *
 * All [setup]. Results: 0; SIO_ERR_INVALID for NULL and reserved event names; SIO_ERR_STATE once
 * the server runs, and for namespaces made from a parent; SIO_ERR_NOMEM.
 */

typedef void (*sio_middleware_fn)(sio_socket *s, sio_next *next, void *user);

/**
 * Looks at every event of a client before its handlers.
 *
 * @return 0 to go on; negative to drop the event, which is then told to the error callback
 */
typedef int (*sio_event_middleware_fn)(sio_socket *s, sio_event *ev, void *user);

/** Told of an error of one client that ends nothing by itself or precedes a disconnection. */
typedef void (*sio_error_fn)(sio_socket *s, int status, const char *message, void *user);

/** A socket has connected. Joins and emits here come before anything else for it. */
SIO_API int sio_ns_on_connect(sio_ns *ns, sio_socket_fn fn, void *user);

/** A socket is disconnecting; its rooms are still there. */
SIO_API int sio_ns_on_disconnecting(sio_ns *ns, sio_disconnect_fn fn, void *user);

/** A socket has disconnected, its rooms are left. */
SIO_API int sio_ns_on_disconnect(sio_ns *ns, sio_disconnect_fn fn, void *user);

/** Events of one name. Several handlers are called in the order of registration. */
SIO_API int sio_ns_on(sio_ns *ns, const char *event, sio_event_fn fn, void *user);

/** All events, before the handlers of their names. */
SIO_API int sio_ns_on_any(sio_ns *ns, sio_event_fn fn, void *user);

/**
 * All events sent to sockets of this node, once per receiver; called after the callback that sent
 * them.
 */
SIO_API int sio_ns_on_any_outgoing(sio_ns *ns, sio_event_fn fn, void *user);

/** Malformed packets and events dropped by a middleware. */
SIO_API int sio_ns_on_error(sio_ns *ns, sio_error_fn fn, void *user);

/** The send queue of a client that had been reported SIO_SLOW is empty again. */
SIO_API int sio_ns_on_drain(sio_ns *ns, sio_socket_fn fn, void *user);

/**
 * Decides whether a socket may connect; called in order of registration. May finish later. Refusal:
 * the client gets connect_error with message and data of sio_next_fail().
 */
SIO_API int sio_ns_use(sio_ns *ns, sio_middleware_fn fn, void *user);

/** A middleware for events. */
SIO_API int sio_ns_use_event(sio_ns *ns, sio_event_middleware_fn fn, void *user);

/* ---- broadcasting; all [owner] ---- */

/**
 * Whom a broadcast or another bulk operation concerns; build it with SIO_TO(.rooms =
 * SIO_ROOMS("a"), .but = s). NULL means everybody in the namespace. Each socket counts once, in
 * however many of the rooms it is.
 */
typedef struct sio_to {
    size_t size;               /**< sizeof(sio_to), set by the macro */
    const char *const *rooms;  /**< members of any of these, NULL-terminated; NULL: everybody */
    const char *const *except; /**< but nobody who is in one of these */
    const sio_socket *but;     /**< and not this one (the sender) */
    unsigned flags;            /**< enum sio_emit_flags */
} sio_to;

#define SIO_TO(...) (&(sio_to){.size = sizeof(sio_to), __VA_ARGS__})

/**
 * Sends an event to many sockets, on all nodes unless SIO_LOCAL. Encoded once.
 *
 * @return number of receivers on this node; SIO_ERR_RESERVED, SIO_ERR_FORMAT, SIO_ERR_INVALID,
 *         SIO_ERR_JSON, SIO_ERR_NOMEM
 */
SIO_API int sio_broadcast(sio_ns *ns, const sio_to *to, const char *event, const char *format, ...);

/** As sio_broadcast(), with a va_list. */
SIO_API int sio_broadcast_v(sio_ns *ns, const sio_to *to, const char *event, const char *format,
                            va_list args);

/** As sio_broadcast(), with a prepared message. */
SIO_API int sio_broadcast_msg(sio_ns *ns, const sio_to *to, sio_msg *msg);

/** Answers of many; opaque, borrowed. */
typedef struct sio_answers sio_answers;

/** Number of answers. [owner] */
SIO_API size_t sio_answers_count(const sio_answers *answers);

/** First argument of one answer, NULL past the end or when it had none. [owner] Borrowed. */
SIO_API const sio_val *sio_answers_at(const sio_answers *answers, size_t index);

/**
 * Receives the answers to a broadcast. Called exactly once.
 *
 * @param status   0 when all answered; SIO_ERR_TIMEOUT; SIO_ERR_CLOSED when some disconnected
 *                 instead of answering; SIO_ERR_CLUSTER when nodes did not report
 * @param answers  those that came
 */
typedef void (*sio_answers_fn)(int status, const sio_answers *answers, void *user);

/**
 * Sends an event to many and collects the answers.
 *
 * @param timeout_ms  how long to wait; 0 is SIO_ERR_INVALID; SIO_NEVER: as long as one of the
 *                    receivers is connected
 * @return as sio_broadcast(), and SIO_ERR_INVALID for a parent namespace; when negative, fn is
 *         never called. The flag SIO_VOLATILE is ignored.
 */
SIO_API int sio_broadcast_ack(sio_ns *ns, const sio_to *to, uint32_t timeout_ms, sio_answers_fn fn,
                              void *user, const char *event, const char *format, ...);

/** One socket of a selection, of this or another node. */
typedef struct sio_socket_info {
    const char *id;           /**< its id */
    const char *const *rooms; /**< NULL-terminated */
    size_t room_count;        /**< number of rooms */
    const char *data;         /**< JSON text, see sio_socket_set_data() */
    const char *handshake;    /**< JSON text of the handshake object; NULL when not sent */
    sio_socket *socket;       /**< the socket itself when it is on this node, else NULL */
} sio_socket_info;

/**
 * Receives a selection. Called exactly once; everything is borrowed until it returns.
 *
 * @param status  0; SIO_ERR_TIMEOUT or SIO_ERR_CLUSTER when nodes did not answer (those that did
 *                are there); SIO_ERR_NOMEM (some are missing)
 */
typedef void (*sio_fetch_fn)(int status, const sio_socket_info *sockets, size_t count, void *user);

/**
 * Fetches a selection of all nodes.
 *
 * @return 0; SIO_ERR_INVALID for a parent namespace, SIO_ERR_NOMEM (fn is then never called)
 */
SIO_API int sio_ns_fetch(sio_ns *ns, const sio_to *to, sio_fetch_fn fn, void *user);

/**
 * Makes a selection join rooms.
 *
 * @return 0; SIO_ERR_NOMEM, SIO_ERR_LIMIT when one of them could not (the others have joined)
 */
SIO_API int sio_ns_join(sio_ns *ns, const sio_to *to, const char *const *rooms);

/** Makes a selection leave rooms. @return 0, SIO_ERR_NOMEM */
SIO_API int sio_ns_leave(sio_ns *ns, const sio_to *to, const char *const *rooms);

/**
 * Disconnects a selection.
 *
 * @param close_connection  as in sio_socket_disconnect()
 * @return 0, SIO_ERR_NOMEM
 */
SIO_API int sio_ns_disconnect(sio_ns *ns, const sio_to *to, bool close_connection);

/** Events from other nodes, sent with sio_ns_server_emit(). [setup] `s` is NULL in the callback. */
SIO_API int sio_ns_on_server(sio_ns *ns, const char *event, sio_event_fn fn, void *user);

/**
 * Sends an event to the other nodes of the cluster.
 *
 * @return 0; SIO_ERR_UNSUPPORTED with the in-memory adapter (there is nobody else);
 *         SIO_ERR_RESERVED for connect, connection and new_namespace; else as sio_broadcast()
 */
SIO_API int sio_ns_server_emit(sio_ns *ns, const char *event, const char *format, ...);

/** As sio_ns_server_emit(), and collects one answer of every node. */
SIO_API int sio_ns_server_emit_ack(sio_ns *ns, uint32_t timeout_ms, sio_answers_fn fn, void *user,
                                   const char *event, const char *format, ...);

#ifdef __cplusplus
}
#endif

#endif /* SIO_SERVER_H */
