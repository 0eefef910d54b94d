/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The transport HTTP long-polling: one waiting GET takes packets to the client, POSTs bring packets
 * from it.
 *
 * Packets wait in a queue until there is a GET, and until the end of the turn, so that one answer
 * takes all of them.
 */
#ifndef ENGINEIO_POLLING_H
#define ENGINEIO_POLLING_H

#include <stdbool.h>

#include "base/list.h"
#include "base/text.h"
#include "proto/frame.h"

struct http_conn;
struct session;
struct upgrade;

struct queued_packet {
    struct queued_packet *next;
    struct frame *frame;
    bool no_compress;
};

struct polling {
    struct session *session;
    struct upgrade *upgrade; /* while a WebSocket is being probed */
    struct http_conn *get;   /* waits for packets */
    struct http_conn *post;  /* is bringing packets */
    struct queued_packet *head;
    struct queued_packet *tail;
    size_t bytes;        /* of all queued frames */
    struct list flush;   /* in engine.flush when there is something to answer */
    bool noop;           /* answer the GET, with a noop if there is nothing else */
    bool saying_goodbye; /* end the next answer with a close packet, */
    bool patient;        /* when nothing is queued any more */
    bool opening;        /* the next answer is the session's first */
};

/** Gives a session the polling transport. @return 0 or SIO_ERR_NOMEM */
int sio__polling_new(struct session *s);

/** Frees it with its queue. Waiting requests must be gone. */
void sio__polling_free(struct polling *p);

/** Queues a frame; takes a reference of its own. @return 0 or SIO_ERR_NOMEM */
int sio__polling_send(struct polling *p, struct frame *f, bool no_compress);

/** A GET of this session. It is answered now, later, or with an error. */
void sio__polling_get(struct session *s, struct http_conn *conn);

/** The head of a POST of this session. @return false when it was refused, and the session ended */
bool sio__polling_post(struct session *s, struct http_conn *conn, bool octet_stream);

/** Its body is complete. The connection answers afterwards. */
void sio__polling_body(struct session *s, struct text body);

/** The connection of a waiting GET or an unfinished POST has ended. @param cause  enum sio_cause */
void sio__polling_lost(struct session *s, struct http_conn *conn, int cause);

/** Answers a waiting GET with what there is; a noop when there is nothing. */
void sio__polling_release(struct polling *p);

/** Answers the waiting GET if there is something to send. From the loop only, because of the hooks.
 */
void sio__polling_flush(struct polling *p);

/**
 * Has the session end with a close packet: at the end of the turn when a GET is waiting, else with
 * the next GET. sio__session_finish() is called then.
 *
 * @param patiently  what is queued gets an answer of its own before: clients drop what comes
 * together with the end
 * @return whether there is a GET
 */
bool sio__polling_close(struct polling *p, bool patiently);

/** Ends a waiting GET with nothing but a close packet; the queue stays. */
void sio__polling_end_get(struct polling *p);

/** Ends requests that are still open: the POST is cut off, the GET gets a close packet. */
void sio__polling_abort(struct polling *p);

#endif /* ENGINEIO_POLLING_H */
