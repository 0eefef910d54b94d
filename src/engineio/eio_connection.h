/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The inside of a client, for eio_client.c, which has its state, and eio_send.c, which empties its
 * queue.
 */
#ifndef ENGINEIO_EIO_CONNECTION_H
#define ENGINEIO_EIO_CONNECTION_H

#include "engineio/eio_handshake.h"
#include "engineio/eio_polling.h"
#include "engineio/eio_queue.h"
#include "engineio/eio_upgrade.h"
#include "engineio/eio_websocket.h"

/* Memory of the scratch buffers that is worth keeping. */
#define EIO_KEEP_BYTES 65536u

struct eio_client {
    struct reactor *reactor;
    const struct eio_client_config *config;
    struct frame_pool *frames;
    struct logger *log;
    const struct eio_client_ops *ops;
    void *owner;

    uint8_t state;     /* enum eio_client_state */
    uint8_t transport; /* enum sio_transport of the attempt or connection; 0: none */
    uint8_t tried;     /* transports that have failed in this opening */
    bool busy;         /* in a callback of the loop: it is freed later */
    bool dead;
    bool ended;           /* on_close is due */
    bool upgrade_due;     /* the upgrade is to be begun */
    bool pong_due;        /* a ping came */
    bool waited;          /* on_drain is due when all is sent */
    bool traced;          /* somebody wants to see the packets */
    bool in_batch;        /* messages come that have arrived together */
    bool fresh;           /* in it the heartbeat was looked at, and no time has passed since */
    bool farewell;        /* the close packet or Close frame is sent */
    bool prior_websocket; /* a WebSocket has worked last time */

    struct eio_polling *polling; /* at most one of these two */
    struct eio_websocket *ws;
    struct eio_upgrade *upgrade; /* beside polling */
    struct eio_queue queue;
    size_t posting_bytes; /* on their way by POST */
    struct eio_handshake handshake;
    uint64_t deadline_ms; /* of the heartbeat, by a clock that goes on while the machine sleeps */
    struct timer heartbeat;
    struct timer limit; /* of opening and closing */
    struct task task;
    struct buf payload; /* scratch: body of a POST, or a binary packet as text */
    struct buf bytes;   /* scratch: decoded base64 */
    struct eio_failure ending;
};

/** True when no callback has freed or ended the client. */
static inline bool sio__eio_client_lives(const struct eio_client *c) {
    return !c->dead && !c->ended;
}

/** True when polling comes to its end, for the WebSocket to take over. */
static inline bool sio__eio_client_switching(const struct eio_client *c) {
    return c->upgrade != NULL && sio__eio_upgrade_probed(c->upgrade);
}

/** Shows a packet to whom it may concern. @return whether the client lives */
static inline bool sio__eio_client_trace(struct eio_client *c, bool sent, struct text packet,
                                         bool binary) {
    if (c->traced) {
        c->ops->on_trace(c, sent, packet.data, packet.len, binary);
    }
    return sio__eio_client_lives(c);
}

/** Ends the connection; the owner is told by the task. */
void sio__eio_client_finish(struct eio_client *c, const struct eio_failure *why);

/** The same, for an error code. */
void sio__eio_client_finish_status(struct eio_client *c, int status);

/** Sends of the queue what can be sent now; from the loop only. */
void sio__eio_client_send_queue(struct eio_client *c);

#endif /* ENGINEIO_EIO_CONNECTION_H */
