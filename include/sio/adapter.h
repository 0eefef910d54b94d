/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The adapter interface: how several nodes become one.
 *
 * Nodes never share membership. Each node keeps its own sockets and rooms; an adapter carries
 * operations from node to node, and every node applies them to its own sockets. The server
 * therefore does all local work itself and calls the adapter only for the others; the adapter hands
 * what it receives to the sio_ns_local_ functions below. An operation with the flag SIO_LOCAL never
 * reaches the adapter.
 *
 * Built-in: the in-memory adapter (one node), which is used when the option `adapter` is NULL.
 *
 * All functions are called, and must be called, on the server's thread.
 */
#ifndef SIO_ADAPTER_H
#define SIO_ADAPTER_H

#include <sio/server.h>

#ifdef __cplusplus
extern "C" {
#endif

/** An event packet on its way between nodes: everything borrowed for the call. */
typedef struct sio_packet_view {
    const char *json; /**< JSON text of the array ["event", args...], bytes as placeholders */
    size_t json_len;  /**< its length */
    const struct sio_bytes_view *attachments; /**< the bytes, in order of their numbers */
    size_t attachment_count;
} sio_packet_view;

/** Some bytes, borrowed. */
typedef struct sio_bytes_view {
    const void *data;
    size_t len;
} sio_bytes_view;

/**
 * A request to the other nodes that waits for answers. The adapter passes answers on and ends it
 * exactly once with sio_request_done(). Opaque.
 */
typedef struct sio_cluster_request sio_cluster_request;

/**
 * What an adapter implements; one instance per namespace. `self` is what `open` returned. Optional
 * members may be NULL. Functions that return int: 0 or a negative error, which is logged; the local
 * part is done regardless.
 */
typedef struct sio_adapter_ops {
    size_t size; /**< sizeof(sio_adapter_ops) */

    /**
     * Ends the instance, and its open requests by sio_request_done(). No sio_ns_local_ call may
     * follow. When the server closes, this comes after the last disconnect callbacks.
     */
    void (*close)(void *self);

    /** Number of nodes, this one included (an estimate is fine). */
    size_t (*server_count)(void *self);

    /**
     * Sends an event to the matching sockets of all other nodes. `to->but` is NULL: it is in
     * `to->except` by id.
     */
    int (*broadcast)(void *self, const sio_packet_view *packet, const sio_to *to);

    /**
     * The same, asking for acknowledgements: report with sio_request_expect() and
     * sio_request_answer().
     */
    int (*broadcast_ack)(void *self, const sio_packet_view *packet, const sio_to *to,
                         uint32_t timeout_ms, sio_cluster_request *request);

    /** Joins, leaves and disconnects matching sockets of all other nodes. */
    int (*join)(void *self, const sio_to *to, const char *const *rooms);
    int (*leave)(void *self, const sio_to *to, const char *const *rooms);
    int (*disconnect)(void *self, const sio_to *to, bool close_connection);

    /** Fetches matching sockets of all other nodes: report with sio_request_sockets(). */
    int (*fetch)(void *self, const sio_to *to, sio_cluster_request *request);

    /**
     * Sends an event to the other nodes themselves; `request` is NULL when no answers are wanted.
     */
    int (*server_emit)(void *self, const sio_packet_view *packet, uint32_t timeout_ms,
                       sio_cluster_request *request);

    /*
     * Membership of this node, optional: for adapters that subscribe per room. These, and
     * `broadcast`, are called in the middle of an operation: they must not send to clients
     * themselves, but later, from the loop.
     */
    void (*room_created)(void *self, const char *room, bool is_socket_id);
    void (*room_deleted)(void *self, const char *room, bool is_socket_id);
} sio_adapter_ops;

/** Makes the adapters of a server. Copied with its operations by sio_server_new(). */
typedef struct sio_adapter_factory {
    size_t size; /**< sizeof(sio_adapter_factory) */
    const sio_adapter_ops *ops;

    /**
     * Makes the instance of a namespace.
     *
     * @param ns       which the instance may use until `close`
     * @param ret_self passed to all of `ops`
     * @return 0, or a negative error: the namespace is then not made
     */
    int (*open)(sio_ns *ns, void *user, void **ret_self);
    void *user; /**< for open */
} sio_adapter_factory;

/* ---- what an adapter calls: operations that came from other nodes, applied to this one ---- */

/** Delivers an event to matching sockets of this node. @return number of receivers or an error */
SIO_API int sio_ns_local_broadcast(sio_ns *ns, const sio_packet_view *packet, const sio_to *to);

/** One acknowledgement of a client: its first argument. */
typedef void (*sio_local_answer_fn)(void *user, const sio_val *value);

/**
 * As sio_ns_local_broadcast(), asking for acknowledgements.
 *
 * @param on_answer  called for every answer within timeout_ms
 * @param on_done    called once at the end; no on_answer follows
 * @return number of receivers (on_done comes also when it is 0), or an error (neither is called)
 */
SIO_API int sio_ns_local_broadcast_ack(sio_ns *ns, const sio_packet_view *packet, const sio_to *to,
                                       uint32_t timeout_ms, sio_local_answer_fn on_answer,
                                       void (*on_done)(void *user), void *user);

/**
 * Joins, leaves, disconnects matching sockets of this node.
 *
 * @return 0; SIO_ERR_NOMEM; SIO_ERR_LIMIT when one of them could not join (the others have)
 */
SIO_API int sio_ns_local_join(sio_ns *ns, const sio_to *to, const char *const *rooms);
SIO_API int sio_ns_local_leave(sio_ns *ns, const sio_to *to, const char *const *rooms);
SIO_API int sio_ns_local_disconnect(sio_ns *ns, const sio_to *to, bool close_connection);

/** Shows matching sockets of this node to `fn`, before the return. @return 0, SIO_ERR_NOMEM */
SIO_API int sio_ns_local_fetch(sio_ns *ns, const sio_to *to, sio_fetch_fn fn, void *user);

/**
 * Runs the handlers of sio_ns_on_server() for an event of another node.
 *
 * @param on_answer  called when a handler replies; NULL when no answer is wanted
 * @return 0, SIO_ERR_JSON, SIO_ERR_NOMEM
 */
SIO_API int sio_ns_local_server_event(sio_ns *ns, const sio_packet_view *packet,
                                      sio_local_answer_fn on_answer, void *user);

/* ---- requests ---- */

/** Another node told how many of its clients will answer. */
SIO_API void sio_request_expect(sio_cluster_request *request, size_t clients);

/**
 * One answer of another node: JSON text of a value, with its attachments.
 *
 * @return 0, SIO_ERR_JSON, SIO_ERR_NOMEM
 */
SIO_API int sio_request_answer(sio_cluster_request *request, const sio_packet_view *value);

/** Sockets of another node; copied. @return 0, SIO_ERR_NOMEM */
SIO_API int sio_request_sockets(sio_cluster_request *request, const sio_socket_info *sockets,
                                size_t count);

/**
 * All nodes have answered, or (status SIO_ERR_TIMEOUT, SIO_ERR_CLUSTER) will not; `request` is
 * gone.
 */
SIO_API void sio_request_done(sio_cluster_request *request, int status);

#ifdef __cplusplus
}
#endif

#endif /* SIO_ADAPTER_H */
