/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "engineio/http_conn.h"

#include <sio/error.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "engineio/app_request.h"
#include "engineio/bundle.h"
#include "engineio/cors.h"
#include "engineio/handshake.h"
#include "engineio/polling.h"
#include "engineio/session.h"
#include "engineio/websocket.h"

/* How long a peer may take to read the last answer of a connection. */
#define LINGER_MS 2000

/* How long it may take none of an answer before. */
#define READING_MS 30000

/* Memory that an idle connection keeps for its next body. */
#define BODY_KEEP_BYTES 4096u

static const char too_many[] =
    "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/* ---- the end of a connection ---- */

static void free_conn(struct http_conn *conn) {
    struct engine *e = conn->engine;
    sio__http1_done(&conn->parser);
    sio__buf_done(&conn->kept);
    sio__buf_done(&conn->body);
    sio__slab_free(&e->conn_slab, conn);
}

/* Takes it out of everything; the stream is somebody else's or closing by now. */
static void bury(struct http_conn *conn) {
    struct engine *e = conn->engine;
    sio__list_remove(&conn->link);
    sio__reactor_stop(e->reactor, &conn->timer);
    sio__task_cancel(&conn->resume);
    if (conn->next != NULL) {
        sio__next_abandon(conn->next);
        conn->next = NULL;
    }
    sio__app_request_abandon(conn);
    sio__request_free(conn->request);
    conn->request = NULL;
    conn->stream = NULL;
    conn->dead = true;
    if (!conn->busy) {
        free_conn(conn);
    }
}

void sio__http_cut(struct http_conn *conn) {
    sio__stream_close(conn->stream);
    bury(conn);
}

void sio__http_finish(struct http_conn *conn) {
    sio__stream_finish(conn->stream, LINGER_MS);
    bury(conn);
}

void sio__http_convert(struct http_conn *conn, struct websocket *ws) {
    struct buf kept = conn->kept; /* nothing when it is busy */
    bool busy = conn->busy;
    sio__buf_init(&conn->kept, SIZE_MAX);
    sio__stream_resume(conn->stream);
    conn->websocket = ws;
    bury(conn);
    if (!busy) {
        uint8_t nothing = 0;
        sio__websocket_input(ws, kept.len > 0 ? kept.data : &nothing, kept.len);
    }
    sio__buf_done(&kept);
}

static void lose(struct http_conn *conn) {
    if (conn->session != NULL) {
        sio__polling_lost(conn->session, conn, SIO_CAUSE_CONNECTION_LOST);
    }
    sio__http_cut(conn);
}

/* ---- answers ---- */

const struct sio_request *sio__http_request(struct http_conn *conn) {
    if (conn->request == NULL) {
        (void)sio__request_new(&conn->parser.head, &conn->peer, false, &conn->request);
    }
    return conn->request;
}

struct sio_request *sio__http_take_request(struct http_conn *conn) {
    (void)sio__http_request(conn);
    struct sio_request *request = conn->request;
    conn->request = NULL;
    return request;
}

void sio__http_engine_fields(struct http_conn *conn, bool first) {
    struct engine *e = conn->engine;
    const sio_server_options *o = &e->options->o;
    sio__cors_headers(o->cors, &conn->parser.head, &e->headers);
    if (first && o->on_initial_headers != NULL) {
        o->on_initial_headers(&e->headers, sio__http_request(conn), o->on_initial_headers_user);
    }
    if (o->on_headers != NULL) {
        o->on_headers(&e->headers, sio__http_request(conn), o->on_headers_user);
    }
}

/* Old versions of Internet Explorer took polling answers for cross-site scripting. */
static bool needs_xss_field(const struct http1_head *head) {
    struct text agent = sio__http1_field(head, "user-agent");
    return agent.data != NULL && (sio__text_find(agent, SIO_TEXT(";MSIE")) != SIZE_MAX ||
                                  sio__text_find(agent, SIO_TEXT("Trident/")) != SIZE_MAX);
}

static int put_field(struct buf *out, const char *name, const char *value) {
    return sio__http1_write_field(out, sio__text_of(name), sio__text_of(value));
}

/* Answers of these statuses never have a body (RFC 9110 6.4.1). */
static bool is_bodyless(int status) {
    return status == 204 || status == 304;
}

static int write_head(struct http_conn *conn, const struct answer *a, bool keep_alive) {
    struct engine *e = conn->engine;
    struct buf *out = &e->head;
    sio__buf_clear(out);
    int r = sio__http1_write_status(out, a->status);
    if (r == 0 && a->content_type != NULL) {
        r = put_field(out, "Content-Type", a->content_type);
    }
    if (r == 0 && a->encoding != NULL) {
        r = put_field(out, "Content-Encoding", a->encoding);
    }
    if (r == 0 && !is_bodyless(a->status)) {
        r = sio__http1_write_length(out, a->body.len);
    }
    if (r == 0 && a->engine) {
        r = put_field(out, "Cache-Control", "no-store");
    }
    if (r == 0) {
        r = sio__headers_write(a->fields != NULL ? a->fields : &e->headers, out);
    }
    if (r == 0) {
        r = put_field(out, "Date", sio__engine_date(e));
    }
    if (r == 0 && (!keep_alive || conn->parser.head.minor == 0)) {
        r = put_field(out, "Connection", keep_alive ? "keep-alive" : "close");
    }
    return r < 0 ? r : sio__http1_write_end(out);
}

/* The answer is written: the connection waits for the next request, or ends. */
static void complete(struct http_conn *conn, bool keep_alive) {
    struct engine *e = conn->engine;
    sio__request_free(conn->request);
    conn->request = NULL;
    conn->waiting = false;
    if (!keep_alive) {
        sio__http_finish(conn);
        return;
    }
    conn->role = ROLE_IDLE;
    conn->whole = (struct text){NULL, 0};
    sio__buf_clear(&conn->body);
    sio__buf_shrink(&conn->body, BODY_KEEP_BYTES);
    sio__http1_next_message(&conn->parser);
    conn->unsent = SIZE_MAX;
    sio__engine_start(e, &conn->timer, e->options->o.keep_alive_timeout_ms);
    if (!conn->busy && (conn->kept.len > 0 || conn->stream->paused)) {
        sio__task_queue(e->reactor, &conn->resume);
    }
}

static bool stays_open(const struct http_conn *conn) {
    /* An answer before the end of the body leaves the rest of it in the way of the next request. */
    return conn->waiting && conn->parser.head.keep_alive && !conn->engine->closed;
}

void sio__http_answer(struct http_conn *conn, const struct answer *a) {
    struct engine *e = conn->engine;
    bool keep_alive = stays_open(conn);
    if (a->engine) {
        if (needs_xss_field(&conn->parser.head)) {
            sio__headers_put(&e->headers, "X-XSS-Protection", SIO_TEXT("0"));
        }
        sio__http_engine_fields(conn, a->first);
    }
    int r = write_head(conn, a, keep_alive);
    if (a->fields == NULL) {
        sio__headers_clear(&e->headers);
    }
    if (r == 0) {
        bool no_body =
            is_bodyless(a->status) || sio__text_eq(conn->parser.head.method, SIO_TEXT("HEAD"));
        r = sio__stream_write(conn->stream, e->head.data, e->head.len, a->body.data,
                              no_body ? 0 : a->body.len);
    }
    if (r < 0) {
        sio__engine_count(e, SIO_CAUSE_OUT_OF_MEMORY, "answer");
        sio__http_cut(conn);
        return;
    }
    complete(conn, keep_alive);
}

void sio__http_answer_empty(struct http_conn *conn, int status, bool engine) {
    sio__http_answer(conn, &(struct answer){.status = status, .engine = engine, .body = {"", 0}});
}

void sio__http_refuse_upgrade(struct http_conn *conn, int status, const char *message,
                              const char *versions) {
    struct buf *out = &conn->engine->head;
    sio__buf_clear(out);
    int r = sio__http1_write_status(out, status);
    if (r == 0) {
        r = put_field(out, "Connection", "close");
    }
    if (r == 0) {
        r = put_field(out, "Content-Type", "text/html");
    }
    if (r == 0) {
        r = sio__http1_write_length(out, strlen(message));
    }
    if (r == 0 && versions != NULL) {
        r = put_field(out, "Sec-WebSocket-Version", versions);
    }
    if (r == 0) {
        r = sio__http1_write_end(out);
    }
    if (r == 0) {
        r = sio__stream_write(conn->stream, out->data, out->len, message, strlen(message));
    }
    if (r < 0) {
        sio__http_cut(conn);
    } else {
        sio__http_finish(conn);
    }
}

/* ---- requests ---- */

static void on_head(struct http_conn *conn) {
    struct engine *e = conn->engine;
    const struct http1_head *head = &conn->parser.head;
    sio__engine_start(e, &conn->timer, e->options->o.body_timeout_ms);
    conn->file = sio__bundle_find(e, head);
    SIO_DEBUG(e->log, LOG_COMPONENT_ENGINE_HTTP, "request %.*s, %u fields", (int)head->method.len,
              head->method.data, (unsigned)head->field_count);
    if (conn->file != NULL) {
        conn->role = ROLE_BUNDLE;
    } else if (sio__text_starts(sio__target_origin(head->target), e->options->path)) {
        sio__handshake_head(conn);
    } else {
        bool websocket = head->upgrade && sio__http1_list_has(head, "upgrade", "websocket");
        conn->role = websocket ? ROLE_FOREIGN_UPGRADE : ROLE_APP;
    }
    bool too_big = head->content_length > e->http_limits.max_body_bytes; /* answered 413 next */
    if (head->expect_continue && conn->role != ROLE_REFUSED && !too_big) {
        (void)sio__stream_write(conn->stream, "HTTP/1.1 100 Continue\r\n\r\n", 25, NULL, 0);
    }
}

static void on_body(struct http_conn *conn, struct text piece) {
    if (conn->role != ROLE_POST && conn->role != ROLE_APP) {
        return; /* nobody wants it */
    }
    const struct http1_head *head = &conn->parser.head;
    if (head->has_length && head->content_length == piece.len) {
        conn->whole = piece; /* all of it, in place */
        return;
    }
    if (sio__buf_append(&conn->body, piece.data, piece.len) < 0) {
        sio__engine_count(conn->engine, SIO_CAUSE_OUT_OF_MEMORY, "body");
        lose(conn);
    }
}

static void on_error(struct http_conn *conn, const struct http1_result *result) {
    struct engine *e = conn->engine;
    int cause = SIO_CAUSE_HTTP_SYNTAX;
    if (result->status == 413) {
        cause = SIO_CAUSE_BODY_BYTES;
    } else if (result->status == 431 || result->status == 414) {
        bool count = sio__http1_has_too_many_fields(&conn->parser);
        cause = count ? SIO_CAUSE_HEAD_COUNT : SIO_CAUSE_HEAD_BYTES;
    } else if (result->status == 500) {
        cause = SIO_CAUSE_OUT_OF_MEMORY;
    }
    sio__engine_count(e, cause, result->rule);
    if (conn->session != NULL) { /* a POST that is refused; its session stays */
        conn->session->polling->post = NULL;
        conn->session = NULL;
    }
    conn->waiting = false;
    sio__http_answer_empty(conn, result->status, conn->role == ROLE_POST);
}

static struct text body_of(const struct http_conn *conn) {
    return conn->whole.data != NULL ? conn->whole : sio__buf_text(&conn->body);
}

static void on_post(struct http_conn *conn) {
    struct session *s = conn->session;
    if (s == NULL) { /* the session ended while the body was coming */
        sio__http_answer_empty(conn, 400, true);
        return;
    }
    sio__polling_body(s, body_of(conn));
    sio__http_answer(conn, &(struct answer){.status = 200,
                                            .content_type = "text/html",
                                            .body = SIO_TEXT("ok"),
                                            .engine = true});
}

static void on_done(struct http_conn *conn) {
    struct engine *e = conn->engine;
    conn->waiting = true;
    sio__reactor_stop(e->reactor, &conn->timer);
    switch (conn->role) {
    case ROLE_BUNDLE: sio__bundle_answer(conn); break;
    case ROLE_APP: sio__app_request(conn, body_of(conn)); break;
    case ROLE_POST: on_post(conn); break;
    case ROLE_FOREIGN_UPGRADE:
        sio__engine_start(e, &conn->timer, e->options->o.destroy_upgrade_timeout_ms);
        break;
    default: sio__handshake_done(conn); break;
    }
}

/* ---- input ---- */

/* Waiting for more: the time for a head runs from its first byte. */
static void on_more(struct http_conn *conn, bool got_some) {
    if (conn->role == ROLE_IDLE && got_some && !conn->in_head) {
        conn->in_head = true;
        sio__engine_start(conn->engine, &conn->timer, conn->engine->options->o.head_timeout_ms);
    }
}

/* Input behind a request that waits for its answer. */
static void keep(struct http_conn *conn, const uint8_t *data, size_t len) {
    /* The request itself may have to outlive this input. */
    if (sio__http1_keep(&conn->parser) < 0 || sio__buf_append(&conn->kept, data, len) < 0) {
        sio__engine_count(conn->engine, SIO_CAUSE_OUT_OF_MEMORY, "pipelined input");
        lose(conn);
    } else if (conn->kept.len > conn->engine->options->o.max_head_bytes) {
        sio__stream_pause(conn->stream);
    }
}

/* Who pipelines requests has to read the answers, too. */
static bool is_choked(struct http_conn *conn) {
    size_t limit = conn->engine->options->o.send_high_water_bytes;
    if (conn->role == ROLE_IDLE && sio__stream_pending(conn->stream) > limit) {
        sio__stream_flush(conn->stream);
        conn->choked = sio__stream_pending(conn->stream) > limit;
    }
    return conn->choked;
}

static void feed(struct http_conn *conn, uint8_t *data, size_t len) {
    conn->busy = true;
    bool more = false;
    bool got_some = len > 0;
    while (!conn->dead && !conn->waiting && !more && !is_choked(conn)) {
        struct http1_result result;
        enum http1_event event = sio__http1_parse(&conn->parser, (const char *)data, len, &result);
        data += result.used;
        len -= result.used;
        switch (event) {
        case HTTP1_HEAD:
            conn->in_head = false;
            on_head(conn);
            break;
        case HTTP1_BODY: on_body(conn, result.body); break;
        case HTTP1_DONE:
            on_done(conn);
            got_some = len > 0;
            break;
        case HTTP1_ERROR: on_error(conn, &result); break;
        default: more = true; break;
        }
    }
    if (more) {
        on_more(conn, got_some);
    } else if (!conn->dead) {
        keep(conn, data, len);
    }
    conn->busy = false;
    if (conn->dead) {
        struct websocket *ws = conn->websocket;
        free_conn(conn);
        if (ws != NULL) {
            sio__websocket_input(ws, data, len);
        }
    }
}

static void on_input(struct stream *stream, uint8_t *data, size_t len) {
    struct http_conn *conn = sio__stream_owner(stream);
    if (conn->waiting || conn->choked || sio__list_linked(&conn->resume.link)) {
        keep(conn, data, len);
    } else {
        feed(conn, data, len);
    }
}

/* A peer that has closed its side, or only shut it down, may still read answers that are on their
   way. Of those that are still to be made it wants none, as with Node.js. */
static void on_end(struct stream *stream, int status) {
    struct http_conn *conn = sio__stream_owner(stream);
    if (status < 0 || sio__stream_pending(stream) == 0) {
        lose(conn);
        return;
    }
    if (conn->session != NULL) {
        sio__polling_lost(conn->session, conn, SIO_CAUSE_CONNECTION_LOST);
    }
    sio__http_finish(conn);
}

static void on_drain(struct stream *stream) {
    struct http_conn *conn = sio__stream_owner(stream);
    if (conn->role == ROLE_IDLE && !conn->in_head) { /* it begins to be idle now */
        sio__engine_start(conn->engine, &conn->timer,
                          conn->engine->options->o.keep_alive_timeout_ms);
    }
    if (conn->choked) {
        conn->choked = false;
        sio__task_queue(conn->engine->reactor, &conn->resume);
    }
}

static const struct stream_ops http_ops = {on_input, on_end, on_drain, NULL};

/* Goes on with input that came while the last request waited. */
static void on_resume(struct task *task) {
    struct http_conn *conn = SIO_CONTAINER_OF(task, struct http_conn, resume);
    struct buf kept = conn->kept;
    sio__buf_init(&conn->kept, SIZE_MAX);
    sio__stream_resume(conn->stream);
    if (kept.len > 0) {
        feed(conn, kept.data, kept.len);
    }
    sio__buf_done(&kept);
}

/* A peer that is slow, but has taken some of the last answer since the last look, is not idle. */
static bool is_reading(struct http_conn *conn) {
    size_t before = conn->unsent;
    conn->unsent = sio__stream_pending(conn->stream);
    return conn->unsent > 0 && conn->unsent < before;
}

static void on_timer(struct timer *t) {
    struct http_conn *conn = SIO_CONTAINER_OF(t, struct http_conn, timer);
    struct engine *e = conn->engine;
    if (conn->role == ROLE_FOREIGN_UPGRADE) {
        sio__http_cut(conn);
        return;
    }
    if (conn->role == ROLE_IDLE && !conn->in_head && is_reading(conn)) {
        sio__reactor_start(e->reactor, &conn->timer, READING_MS);
        return;
    }
    if (conn->role == ROLE_IDLE && !conn->in_head) {
        sio__engine_count(e, SIO_CAUSE_IDLE_TIME, NULL);
        sio__http_cut(conn);
        return;
    }
    if (conn->session != NULL) {
        sio__polling_lost(conn->session, conn, SIO_CAUSE_BODY_TIME); /* which counts it */
    } else {
        sio__engine_count(e, conn->role == ROLE_IDLE ? SIO_CAUSE_HEAD_TIME : SIO_CAUSE_BODY_TIME,
                          NULL);
    }
    conn->waiting = false;
    sio__http_answer_empty(conn, 408, false);
}

int sio__http_accept(struct engine *e, int fd, const struct peer_address *peer) {
    struct http_conn *conn = sio__slab_alloc(&e->conn_slab);
    if (conn == NULL) {
        return SIO_ERR_NOMEM;
    }
    memset(conn, 0, sizeof *conn);
    int r = sio__stream_open(e->reactor, fd, &http_ops, conn, &conn->stream);
    if (r < 0) {
        sio__slab_free(&e->conn_slab, conn);
        return r;
    }
    conn->engine = e;
    conn->peer = *peer;
    sio__http1_init(&conn->parser, &e->http_limits);
    sio__timer_init(&conn->timer, on_timer);
    sio__task_init(&conn->resume, on_resume);
    sio__buf_init(&conn->kept, SIZE_MAX);
    sio__buf_init(&conn->body, SIZE_MAX);
    sio__list_init(&conn->link);
    sio__list_push_back(&e->conns, &conn->link);
    conn->in_head = true; /* the first request has to come within the time for a head */
    sio__engine_start(e, &conn->timer, e->options->o.head_timeout_ms);
    return 0;
}

void sio__engine_accept(struct engine *e, int fd, const struct peer_address *peer) {
    e->stats.connections_total++;
    if (e->reactor->stats.streams >= e->options->o.max_connections) {
        sio__engine_count(e, SIO_CAUSE_CONNECTIONS, NULL);
        ssize_t n = send(fd, too_many, sizeof too_many - 1, MSG_NOSIGNAL);
        (void)n; /* an answer is a courtesy here */
        close(fd);
        return;
    }
    if (sio__http_accept(e, fd, peer) < 0) {
        sio__engine_count(e, SIO_CAUSE_OUT_OF_MEMORY, "connection");
        close(fd);
    }
}
