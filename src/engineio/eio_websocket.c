/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "engineio/eio_websocket.h"

#include <sio/error.h>
#include <sio/reason.h>

#include "base/alloc.h"
#include "engineio/link.h"
#include "proto/ws_handshake.h"
#include "proto/ws_parser.h"

/* How long the server may take to close TCP after both Close frames. */
#define TCP_LINGER_MS 1000

enum state {
    LINKING, /* there is no stream yet */
    SHAKING, /* the request is sent */
    OPEN,
    CLOSING, /* our Close frame is sent */
    OVER     /* the owner has been told */
};

struct eio_websocket {
    struct reactor *reactor;
    const struct eio_client_config *config;
    const struct eio_websocket_ops *ops;
    void *owner;
    struct link *link;     /* while LINKING */
    struct stream *stream; /* from SHAKING on, until it has ended */
    uint8_t state;
    bool busy; /* within a callback of the stream or link: it is freed later */
    bool dead;
    char key[WS_KEY_LEN + 1];
    struct buf target;
    struct http1_parser http; /* while SHAKING */
    struct ws_pool pool;
    struct ws_config ws_config;
    struct ws_parser parser;
};

/* ---- end ---- */

static void drop_stream(struct eio_websocket *ws) {
    if (ws->stream != NULL) {
        sio__stream_close(ws->stream);
        ws->stream = NULL;
    }
}

static void destroy(struct eio_websocket *ws) {
    sio__ws_parser_done(&ws->parser);
    sio__ws_pool_done(&ws->pool);
    sio__http1_done(&ws->http);
    sio__buf_done(&ws->target);
    sio__free(ws);
}

void sio__eio_websocket_free(struct eio_websocket *ws) {
    if (ws == NULL) {
        return;
    }
    sio__link_cancel(ws->link);
    ws->link = NULL;
    drop_stream(ws);
    if (ws->busy) {
        ws->dead = true;
    } else {
        destroy(ws);
    }
}

/* Callbacks of the loop are between these two. */
static void enter(struct eio_websocket *ws) {
    ws->busy = true;
}

static void leave(struct eio_websocket *ws) {
    ws->busy = false;
    if (ws->dead) {
        destroy(ws);
    }
}

static void tell_closed(struct eio_websocket *ws, const struct eio_failure *why) {
    ws->state = OVER;
    ws->ops->on_closed(ws->owner, why);
}

/* ---- frames out ---- */

/* Masks a frame on its way into the output. */
static int write_frame(struct eio_websocket *ws, uint8_t first_byte, const void *data, size_t len) {
    uint8_t mask[4];
    uint8_t *out;
    int r = sio__rand_mask(&ws->reactor->random, mask);
    if (r == 0) {
        r = sio__stream_extend(ws->stream, sio__ws_client_header_len(len) + len, &out);
    }
    if (r == 0 && out != NULL) {
        out += sio__ws_header(out, first_byte, len, mask);
        sio__ws_mask_copy(out, data, len, mask);
    }
    return r;
}

int sio__eio_websocket_send(struct eio_websocket *ws, const void *data, size_t len, bool binary) {
    return write_frame(ws, WS_FIN | (binary ? WS_OP_BINARY : WS_OP_TEXT), data, len);
}

static int write_close(struct eio_websocket *ws, uint16_t code) {
    uint8_t payload[WS_CONTROL_MAX];
    size_t len = sio__ws_close_payload(payload, code, (struct text){"", 0});
    return write_frame(ws, WS_FIN | WS_OP_CLOSE, payload, len);
}

/* Both sides have said Close, or nothing more is expected of the server. */
static void finish_stream(struct eio_websocket *ws) {
    sio__stream_finish(ws->stream, TCP_LINGER_MS);
    ws->stream = NULL;
}

void sio__eio_websocket_let_go(struct eio_websocket *ws, uint16_t code) {
    if (ws->stream != NULL &&
        (ws->state == CLOSING || (ws->state == OPEN && write_close(ws, code) == 0))) {
        finish_stream(ws);
    }
    sio__eio_websocket_free(ws);
}

int sio__eio_websocket_close(struct eio_websocket *ws) {
    if (ws->state != OPEN) {
        return SIO_ERR_STATE;
    }
    int r = write_close(ws, 0);
    if (r == 0) {
        ws->state = CLOSING;
    }
    return r;
}

size_t sio__eio_websocket_pending(const struct eio_websocket *ws) {
    return ws->stream == NULL ? 0 : sio__stream_pending(ws->stream);
}

bool sio__eio_websocket_blocked(const struct eio_websocket *ws) {
    return ws->stream != NULL && ws->stream->blocked;
}

void sio__eio_websocket_flush(struct eio_websocket *ws) {
    if (ws->stream != NULL) {
        sio__stream_flush(ws->stream);
    }
}

/* ---- frames in ---- */

static int cause_of(uint16_t code) {
    switch (code) {
    case WS_CLOSE_BAD_DATA: return SIO_CAUSE_WS_UTF8;
    case WS_CLOSE_TOO_BIG: return SIO_CAUSE_MESSAGE_BYTES;
    case WS_CLOSE_POLICY: return SIO_CAUSE_FRAGMENTS;
    case WS_CLOSE_INTERNAL: return SIO_CAUSE_OUT_OF_MEMORY;
    default: return SIO_CAUSE_WS_SYNTAX;
    }
}

static int status_of(uint16_t code) {
    switch (code) {
    case WS_CLOSE_TOO_BIG:
    case WS_CLOSE_POLICY: return SIO_ERR_TOO_BIG;
    case WS_CLOSE_INTERNAL: return SIO_ERR_NOMEM;
    default: return SIO_ERR_PROTO;
    }
}

/* Fails the WebSocket connection (RFC 6455 7.1.7). */
static void on_violation(struct eio_websocket *ws, const struct ws_message *m) {
    struct eio_failure why;
    sio__eio_failure_set(&why, cause_of(m->code), status_of(m->code), "websocket error: %s",
                         m->rule);
    if (ws->state == OPEN && write_close(ws, m->code) < 0) {
        drop_stream(ws);
    } else {
        finish_stream(ws);
    }
    tell_closed(ws, &why);
}

static void on_peer_close(struct eio_websocket *ws, uint16_t code) {
    struct eio_failure why;
    sio__eio_failure_set(&why, SIO_CAUSE_PEER_CLOSED, 0, "websocket connection closed");
    if (code != WS_CLOSE_NO_STATUS) {
        sio__eio_failure_set(&why, SIO_CAUSE_PEER_CLOSED, 0, "websocket connection closed: code %u",
                             (unsigned)code);
    }
    why.reason = SIO_REASON_TRANSPORT_CLOSE;
    if (ws->state == OPEN && write_close(ws, code) < 0) {
        drop_stream(ws);
    } else {
        finish_stream(ws);
    }
    tell_closed(ws, &why);
}

/* Who sends pings and reads nothing gets no more pongs than the window holds. */
static void on_ping(struct eio_websocket *ws, const struct ws_message *m) {
    if (ws->state == OPEN && sio__stream_pending(ws->stream) < EIO_WEBSOCKET_WINDOW) {
        (void)write_frame(ws, WS_FIN | WS_OP_PONG, m->data, m->len);
    }
}

static void on_frame(struct eio_websocket *ws, enum ws_event event, struct ws_message *m) {
    switch (event) {
    case WS_TEXT:
    case WS_BINARY: ws->ops->on_message(ws->owner, m->data, m->len, event == WS_BINARY); break;
    case WS_PING: on_ping(ws, m); break;
    case WS_CLOSE: on_peer_close(ws, m->code); break;
    case WS_ERROR: on_violation(ws, m); break;
    default: break;
    }
}

static void take_frames(struct eio_websocket *ws, uint8_t *data, size_t len) {
    while (!ws->dead && ws->stream != NULL) {
        struct ws_message m;
        size_t used = 0;
        enum ws_event event = sio__ws_parse(&ws->parser, data, len, &used, &m);
        data += used;
        len -= used;
        if (event == WS_MORE) {
            break;
        }
        on_frame(ws, event, &m);
    }
}

/* ---- opening handshake ---- */

static void fail_handshake(struct eio_websocket *ws, int cause, int status, const char *text) {
    struct eio_failure why;
    sio__eio_failure_set(&why, cause, status, "websocket error: %s", text);
    drop_stream(ws);
    tell_closed(ws, &why);
}

static void refuse_status(struct eio_websocket *ws, int status) {
    struct eio_failure why;
    sio__eio_failure_set(&why, SIO_CAUSE_HTTP_STATUS, SIO_ERR_HTTP, "websocket error: status %d",
                         status);
    drop_stream(ws);
    tell_closed(ws, &why);
}

/* @return true when the WebSocket is open */
static bool check_answer(struct eio_websocket *ws) {
    const struct http1_head *head = &ws->http.head;
    struct text protocol;
    sio__eio_request_keep_cookies(ws->config, sio__buf_text(&ws->target), head);
    enum ws_fault fault = sio__ws_handshake_check_answer(head->status, head, ws->key,
                                                         ws->config->protocols, &protocol);
    if (fault == WS_FAULT_STATUS) {
        refuse_status(ws, head->status);
    } else if (fault != WS_FAULT_NONE) {
        int status = fault == WS_FAULT_INTERNAL ? SIO_ERR_NOMEM : SIO_ERR_PROTO;
        fail_handshake(ws, sio__eio_failure_cause(status), status, sio__ws_fault_text(fault));
    }
    return fault == WS_FAULT_NONE;
}

/* What comes behind the answer's head are frames already. */
static void take_answer(struct eio_websocket *ws, uint8_t *data, size_t len) {
    struct http1_result result;
    enum http1_event event = sio__http1_parse(&ws->http, (const char *)data, len, &result);
    if (event == HTTP1_ERROR) {
        int cause;
        int status = sio__eio_response_failure(&ws->http, &result, &cause);
        fail_handshake(ws, cause, status, result.rule);
        return;
    }
    if (event != HTTP1_HEAD || !check_answer(ws)) {
        return;
    }
    sio__http1_done(&ws->http);
    sio__buf_done(&ws->target);
    ws->state = OPEN;
    ws->ops->on_open(ws->owner);
    take_frames(ws, data + result.used, len - result.used);
}

/* ---- stream ---- */

static void on_input(struct stream *stream, uint8_t *data, size_t len) {
    struct eio_websocket *ws = sio__stream_owner(stream);
    enter(ws);
    if (ws->state == SHAKING) {
        take_answer(ws, data, len);
    } else {
        take_frames(ws, data, len);
    }
    if (ws->state != SHAKING && !ws->dead && ws->ops->on_batch_end != NULL) {
        ws->ops->on_batch_end(ws->owner);
    }
    leave(ws);
}

static const char *end_text(const struct stream *stream, int status, const char *if_closed) {
    if (status == SIO_ERR_TLS) {
        return sio__stream_tls_error(stream);
    }
    return status == 0 ? if_closed : sio_strerror(status);
}

/* Without a Close frame before. */
static void on_end(struct stream *stream, int status) {
    struct eio_websocket *ws = sio__stream_owner(stream);
    struct eio_failure why;
    int code = status == 0 ? SIO_ERR_CLOSED : status;
    const char *prefix = ws->state == SHAKING ? "websocket error" : "websocket connection closed";
    const char *closed = ws->state == SHAKING ? "the connection was closed" : "no Close frame came";
    int cause = ws->state == SHAKING ? SIO_CAUSE_CONNECT_FAILED : SIO_CAUSE_CONNECTION_LOST;
    sio__eio_failure_set(&why, cause, code, "%s: %s", prefix, end_text(stream, status, closed));
    if (ws->state != SHAKING) {
        why.reason = SIO_REASON_TRANSPORT_CLOSE;
    }
    enter(ws);
    drop_stream(ws);
    tell_closed(ws, &why);
    leave(ws);
}

static void on_drain(struct stream *stream) {
    struct eio_websocket *ws = sio__stream_owner(stream);
    if (ws->state != SHAKING) {
        enter(ws);
        ws->ops->on_drain(ws->owner);
        leave(ws);
    }
}

static const struct stream_ops stream_ops = {on_input, on_end, on_drain, NULL};

/* ---- opening ---- */

static int put_request(struct eio_websocket *ws, struct buf *out) {
    const struct exchange_server *server = &ws->config->server;
    const struct {
        const char *name;
        struct text value;
    } fields[] = {
        {"Host", server->authority},
        {"Connection", SIO_TEXT("Upgrade")},
        {"Upgrade", SIO_TEXT("websocket")},
        {"Sec-WebSocket-Version", SIO_TEXT("13")},
        {"Sec-WebSocket-Key", {ws->key, WS_KEY_LEN}},
        {"Sec-WebSocket-Protocol", ws->config->protocols},
        {"User-Agent", server->user_agent},
    };
    struct text target = sio__buf_text(&ws->target);
    int r = sio__http1_write_request_line(out, SIO_TEXT("GET"), target);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0] && r == 0; i++) {
        r = sio__http1_write_default(out, server->fields, sio__text_of(fields[i].name),
                                     fields[i].value);
    }
    if (r == 0) {
        r = sio__buf_append_text(out, server->fields);
    }
    if (r == 0) {
        r = sio__eio_request_cookies(ws->config, target, out);
    }
    return r < 0 ? r : sio__http1_write_end(out);
}

static int send_request(struct eio_websocket *ws) {
    struct buf out;
    sio__buf_init(&out, 4 * (size_t)EIO_REQUEST_MAX);
    int r = sio__ws_new_key(&ws->reactor->random, ws->key);
    if (r == 0) {
        r = put_request(ws, &out);
    }
    if (r == 0) {
        r = sio__stream_write(ws->stream, out.data, out.len, NULL, 0);
    }
    sio__buf_done(&out);
    return r;
}

static void on_link_ready(void *owner, struct stream *stream) {
    struct eio_websocket *ws = owner;
    ws->link = NULL;
    ws->stream = stream;
    ws->state = SHAKING;
    sio__stream_set_owner(stream, &stream_ops, ws);
    enter(ws);
    int r = send_request(ws);
    if (r < 0) {
        fail_handshake(ws, sio__eio_failure_cause(r), r, sio_strerror(r));
    }
    leave(ws);
}

static void on_link_failed(void *owner, int status, const char *text) {
    struct eio_websocket *ws = owner;
    ws->link = NULL;
    enter(ws);
    fail_handshake(ws, sio__eio_failure_cause(status), status, text);
    leave(ws);
}

static const struct link_ops link_ops = {on_link_ready, on_link_failed};

int sio__eio_websocket_new(struct reactor *r, const struct eio_client_config *config,
                           struct text sid, const struct eio_websocket_ops *ops, void *owner,
                           struct eio_websocket **ret_ws) {
    struct eio_websocket *ws = sio__calloc(1, sizeof *ws);
    if (ws == NULL) {
        return SIO_ERR_NOMEM;
    }
    ws->reactor = r;
    ws->config = config;
    sio__eio_websocket_set_owner(ws, ops, owner);
    sio__buf_init(&ws->target, EIO_REQUEST_MAX);
    sio__http1_init_responses(&ws->http, &config->server.limits);
    sio__ws_pool_init(&ws->pool);
    ws->ws_config = (struct ws_config){.max_message_bytes = config->max_message_bytes,
                                       .max_fragments = config->max_fragments,
                                       .pool = &ws->pool};
    sio__ws_parser_init(&ws->parser, &ws->ws_config);
    int status = sio__eio_request_target(config, r, SIO_WEBSOCKET, sid, &ws->target);
    if (status == 0) {
        status = sio__link_start(r, &config->server.link, config->server.link_timeout_ms, &link_ops,
                                 ws, &ws->link);
    }
    if (status < 0) {
        sio__eio_websocket_free(ws);
        return status;
    }
    *ret_ws = ws;
    return 0;
}

void sio__eio_websocket_set_owner(struct eio_websocket *ws, const struct eio_websocket_ops *ops,
                                  void *owner) {
    ws->ops = ops;
    ws->owner = owner;
}
