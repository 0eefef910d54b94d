/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * An Engine.IO session: what outlives single requests and transports.
 *
 *              open                      close, or the peer or network ends it
 *     (new) ----------> SESSION_OPEN -----------------------------------------> SESSION_CLOSED ->
 * freed |                                                        ^ | close on polling without a
 * waiting request             |
 *                            +-------------------> SESSION_CLOSING -------------------+
 *                                                  the next request, or close_timeout_ms
 *
 * A session begins on polling or WebSocket. One that began on polling may upgrade (upgrade.c).
 * Packets to a polling session wait in its queue for the next request; those to a WebSocket go to
 * its stream at once.
 *
 * Whatever ends a session, the upper layer is told from a task: never from inside a call that it
 * made.
 */
#ifndef ENGINEIO_SESSION_H
#define ENGINEIO_SESSION_H

#include "engineio/engine.h"
#include "engineio/request.h"
#include "engineio/sid.h"
#include "proto/eio_packet.h"
#include "proto/value.h"

enum session_state { SESSION_OPEN, SESSION_CLOSING, SESSION_CLOSED };

struct polling;
struct websocket;

struct session {
    /* What sending looks at comes first. */
    struct websocket *ws; /* one of these two is the transport */
    struct polling *polling;
    struct engine *engine;
    uint8_t state;  /* enum session_state */
    uint8_t reason; /* of the end */
    uint8_t cause;
    bool pong_due;   /* a ping was sent */
    bool grace_used; /* its time limit was extended once */
    bool upgraded;
    bool drain_wanted; /* a sender was told SIO_SLOW */
    bool told;         /* on_close was called, or on_open refused */
    bool text_only;    /* the client has asked for base64 instead of binary frames */

    void *user;                  /* of the upper layer; NULL after on_close */
    struct sio_request *request; /* of the handshake; NULL when the application forgot it */
    struct timer timer;          /* heartbeat; in SESSION_CLOSING the end of waiting */
    struct task task;            /* tells of the end */
    uint64_t soft_since_ms; /* since when the queue is above send_soft_bytes, 0 when it is not */
    char *long_sid;         /* an id of the application that does not fit into `sid` */
    char sid[SID_CHARS + 1];
};

/** The id, NUL-terminated. */
static inline const char *sio__session_sid(const struct session *s) {
    return s->long_sid != NULL ? s->long_sid : s->sid;
}

/**
 * Makes a session with a new id, without a transport yet.
 *
 * @param request  of the handshake; taken over on success
 * @return 0; SIO_ERR_NOMEM, SIO_ERR_INVALID (the application's id is malformed), SIO_ERR_EXISTS, or
 * what the application's function returned
 */
int sio__session_new(struct engine *e, struct sio_request *request, struct session **ret_session);

/** Frees a session that was not opened, with its transport. */
void sio__session_discard(struct session *s);

/**
 * Opens a session that has its transport: sends the handshake, starts the heartbeat, tells the
 * upper layer.
 *
 * @return 0; a negative error: the session is then to be discarded
 */
int sio__session_open(struct session *s);

/**
 * Sends a message: a text that begins with the packet type '4', and attachments, as one unit.
 * Copied.
 *
 * @param flags  SIO_VOLATILE, SIO_NO_COMPRESS
 * @return 0; SIO_SLOW; SIO_ERR_DROPPED, SIO_ERR_CLOSED, SIO_ERR_NOMEM, SIO_ERR_SLOW_CONSUMER (it is
 * closed then)
 */
int sio__session_send(struct session *s, struct text text, const struct value_bytes *attachments,
                      uint32_t count, unsigned flags);

/** The same for a frame that others may share; it takes references of its own. */
int sio__session_send_frame(struct session *s, struct frame *f, unsigned flags);

/** True when a volatile message would be sent now. */
bool sio__session_writable(const struct session *s);

/** Bytes that wait to be sent. */
size_t sio__session_pending(const struct session *s);

/**
 * Ends a session. What was sent before still goes out, unless the connection itself is the reason.
 *
 * @param reason  enum sio_reason
 * @param cause   enum sio_cause
 */
void sio__session_close(struct session *s, int reason, int cause);

/** As sio__session_close(); the peer is not waited for (the server shuts down). */
void sio__session_shut(struct session *s);

/* ---- for the transports ---- */

/**
 * Takes a packet that a transport received.
 *
 * @return true when the session goes on; false when it has ended
 */
bool sio__session_packet(struct session *s, const struct eio_packet *packet);

/** The transport has sent everything. */
void sio__session_drained(struct session *s);

/** The transport of a session has ended: by the peer (TRANSPORT_CLOSE) or otherwise. */
void sio__session_ended(struct session *s, int reason, int cause);

/** A session in SESSION_CLOSING has said good-bye: nothing keeps it any more. */
void sio__session_finish(struct session *s);

/** Moves the session from polling to the WebSocket of its upgrade; upgrade.c has checked that it
 * may. */
void sio__session_switch(struct session *s, struct websocket *ws);

/** Data of the open packet, without its type digit. @return 0 or SIO_ERR_NOMEM */
int sio__session_handshake(const struct session *s, struct buf *out);

#endif /* ENGINEIO_SESSION_H */
