/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The Engine.IO server of one reactor: connections come in, sessions come out.
 *
 *     listener -> http_conn -> handshake -> session <-> polling | websocket
 *
 * The engine holds what they share: options, the directory of sessions, memory pools, scratch
 * buffers, counters. The layer above is told of sessions through engine_ops. Its callbacks are
 * called from the loop only.
 */
#ifndef ENGINEIO_ENGINE_H
#define ENGINEIO_ENGINE_H

#include <sio/server.h>

#include "base/map.h"
#include "engineio/headers.h"
#include "engineio/options.h"
#include "net/listener.h"
#include "net/reactor.h"
#include "proto/frame.h"
#include "proto/gzip.h"
#include "proto/http1.h"
#include "proto/ws_parser.h"

struct engine;
struct http_conn;
struct session;

/** The layer above. */
struct engine_ops {
    /** A session has opened. @return 0, or negative to refuse it (out of memory) */
    int (*on_open)(struct session *s);
    /** A message came. The data is the callee's to change until the return. */
    void (*on_message)(struct session *s, uint8_t *data, size_t len, bool binary);
    /** A session has ended; called exactly once for each on_open, the last call for it. */
    void (*on_close)(struct session *s, int reason, int cause);
    /** Output that was queued above the high-water mark is sent. */
    void (*on_drain)(struct session *s);
    /** Many sessions have gone: unused memory may be given back. */
    void (*on_trim)(struct engine *e);
    /** A request of another path is complete. NULL: they get 404. */
    sio_request_fn on_request;
    void *on_request_user;
};

struct engine {
    struct reactor *reactor;
    const struct options *options;
    struct logger *log;
    struct engine_ops ops;
    void *owner;

    struct map sessions; /* by id */
    struct list conns;   /* HTTP connections */
    struct list closing; /* WebSockets in the closing handshake, without session */
    struct list flush;   /* polling sessions with packets and a waiting request */
    uint32_t sid_counter;
    bool closed;

    struct slab session_slab;
    struct slab polling_slab;
    struct slab packet_slab;
    struct slab websocket_slab;
    struct slab conn_slab;
    struct frame_pool frames;
    struct frame *ping;    /* made once, for all */
    struct frame *initial; /* option initial_packet, or NULL */
    struct ws_pool ws_pool;
    struct ws_config ws_config;
    struct http1_limits http_limits;

    struct buf head;    /* scratch: heads of answers */
    struct buf payload; /* scratch: bodies of answers */
    struct buf packed;  /* scratch: compressed bodies */
    struct buf bytes;   /* scratch: decoded base64 */
    struct buf base64;  /* scratch: a binary packet as text; the hooks of answers may send */
    struct sio_headers headers; /* scratch: fields of an answer */
    struct gzip gzip;
    struct timer trim_timer; /* gives memory back after many sessions have gone */
    uint64_t peak_sessions;  /* since it last did */
    char date[32];           /* value of the Date field, of second `date_s` */
    int64_t date_s;

    sio_stats stats;
    struct log_limit limits[SIO_CAUSE_COUNT]; /* one log line a second for each cause */
};

/**
 * Prepares an engine. The struct must not move afterwards.
 *
 * @return 0, SIO_ERR_NOMEM or a negative errno; call sio__engine_done() in any case
 */
int sio__engine_init(struct engine *e, struct reactor *r, const struct options *options,
                     struct logger *log, const struct engine_ops *ops, void *owner);

/** Closes all sessions ("server shutting down" is the upper layer's business) and connections. */
void sio__engine_close(struct engine *e);

/** Frees memory, after the reactor has closed. */
void sio__engine_done(struct engine *e);

/** Takes a connection from a listener. */
void sio__engine_accept(struct engine *e, int fd, const struct peer_address *peer);

/** Finds a session by its id; NULL when there is none. */
struct session *sio__engine_find(const struct engine *e, struct text sid);

/**
 * Counts a cause; limits are logged as warnings, once a second at most, all others as debug lines.
 *
 * @param detail  static text, or NULL
 */
void sio__engine_count(struct engine *e, int cause, const char *detail);

/** A session has opened or ended. */
void sio__engine_watch_sessions(struct engine *e);

/** Value of the Date field, NUL-terminated (RFC 9110 6.6.1). */
const char *sio__engine_date(struct engine *e);

/** Starts a timer, unless the limit is SIO_NEVER. */
static inline void sio__engine_start(struct engine *e, struct timer *t, uint32_t ms) {
    if (ms == SIO_NEVER) {
        sio__reactor_stop(e->reactor, t);
    } else {
        sio__reactor_start(e->reactor, t, ms);
    }
}

#endif /* ENGINEIO_ENGINE_H */
