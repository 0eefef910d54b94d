/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * One HTTP/1 connection: reads a request, has it handled, writes the answer, reads the next.
 *
 * Requests are handled one after the other. While one waits for its answer, what the peer pipelines
 * is kept, up to the size of a head, then reading pauses. What a request is for (its role) is
 * decided when its head is complete; the handler is called when its body is, too.
 *
 * A connection ends by its peer, by an error, by timeouts, or becomes a WebSocket.
 */
#ifndef ENGINEIO_HTTP_CONN_H
#define ENGINEIO_HTTP_CONN_H

#include "engineio/engine.h"
#include "engineio/next.h"
#include "engineio/request.h"
#include "net/stream.h"
#include "proto/http1.h"

struct session;
struct websocket;
struct client_bundle_file;

/** What a request is for. */
enum http_role {
    ROLE_IDLE,           /* no request yet */
    ROLE_APP,            /* not ours: the application's */
    ROLE_BUNDLE,         /* a file of the browser client */
    ROLE_PREFLIGHT,      /* CORS */
    ROLE_REFUSED,        /* has an error already; its body is read and dropped */
    ROLE_HANDSHAKE,      /* opens a session */
    ROLE_POLL,           /* GET of a polling session */
    ROLE_POST,           /* POST of a polling session */
    ROLE_WEBSOCKET,      /* opens a session or upgrades one */
    ROLE_FOREIGN_UPGRADE /* upgrade of another path: left alone, then ended */
};

struct http_conn {
    struct list link; /* in engine.conns */
    struct engine *engine;
    struct stream *stream;
    struct http1_parser parser;
    struct timer timer;
    struct task resume;            /* goes on with kept input after a late answer */
    struct buf kept;               /* input that came while a request waited */
    struct buf body;               /* body that came in pieces */
    struct text whole;             /* body that came in one */
    struct session *session;       /* while the session has this request waiting */
    struct sio_next *next;         /* while the application decides */
    struct sio_request *request;   /* made when somebody wants to see it */
    struct sio_response *response; /* while the application answers */
    const struct client_bundle_file *file;
    struct peer_address peer;
    int error_code;            /* ROLE_REFUSED: 0 to 5, or -1 for an answer with a status only */
    int error_status;          /* that status */
    const char *error_context; /* for connection_error; static */
    uint8_t role;
    bool waiting; /* the request is complete and has no answer yet */
    bool busy;    /* inside its input handler: freed later */
    bool in_head; /* the time for a head is running */
    bool dead;
    bool choked;   /* the next request waits until the peer has taken earlier answers */
    size_t unsent; /* while it is idle: output at the last look */
    struct websocket *websocket; /* that has taken the stream over */
};

/** An answer. */
struct answer {
    int status;
    const char *content_type; /* NULL: none */
    const char *encoding;     /* Content-Encoding, NULL: none */
    struct text body;
    const struct sio_headers *fields; /* further fields; NULL: those of engine.headers */
    bool engine;                      /* of the engine: with CORS fields and hooks */
    bool first;                       /* the first of a session */
};

/** Takes a connection. @return 0, or a negative error: fd is still the caller's */
int sio__http_accept(struct engine *e, int fd, const struct peer_address *peer);

/**
 * Answers the request of a connection. Fields that were put into engine.headers before are sent,
 * too, and cleared, unless the answer brings its own. The connection may be gone afterwards.
 */
void sio__http_answer(struct http_conn *conn, const struct answer *answer);

/** Answers with a status and nothing else. */
void sio__http_answer_empty(struct http_conn *conn, int status, bool engine);

/** The request, copied for the application; NULL when out of memory. Owned by the connection. */
const struct sio_request *sio__http_request(struct http_conn *conn);

/** The same, handed over to a session. */
struct sio_request *sio__http_take_request(struct http_conn *conn);

/** Ends a connection at once, without an answer. */
void sio__http_cut(struct http_conn *conn);

/** Ends a connection after what was written to it has gone out. */
void sio__http_finish(struct http_conn *conn);

/**
 * Gives the stream to a WebSocket; the connection ends without closing it. Input behind the request
 * goes to the WebSocket, and be it none: that ends its being busy.
 */
void sio__http_convert(struct http_conn *conn, struct websocket *ws);

/** Adds the fields of every answer of the engine: CORS, and those of the hooks. */
void sio__http_engine_fields(struct http_conn *conn, bool first);

/** Writes a refusal of a WebSocket handshake, as the npm package ws words it, and closes. */
void sio__http_refuse_upgrade(struct http_conn *conn, int status, const char *message,
                              const char *versions);

/** What the peer accepts best of what there is, by Accept-Encoding (RFC 9110 12.5.3). */
enum http_encoding { HTTP_PLAIN = 0, HTTP_GZIP = 1, HTTP_DEFLATE = 2, HTTP_BR = 4 };
enum http_encoding sio__http_encoding(const struct http1_head *head, unsigned available);

#endif /* ENGINEIO_HTTP_CONN_H */
