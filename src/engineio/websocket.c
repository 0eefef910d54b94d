/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "engineio/websocket.h"

#include <sio/error.h>

#include "base/alloc.h"
#include "engineio/session.h"
#include "engineio/upgrade.h"

/* How long the peer may take to close TCP after both Close frames. */
#define TCP_LINGER_MS 1000

/* Exists while a WebSocket waits for the peer's Close frame. */
struct ws_closing {
    struct timer timer;
    struct list link; /* in engine.closing */
    struct websocket *ws;
};

static void free_websocket(struct websocket *ws) {
    sio__ws_parser_done(&ws->parser);
    sio__slab_free(&ws->engine->websocket_slab, ws);
}

/* Forgets the stream, which is closing or gone, and frees the rest. */
static void bury(struct websocket *ws) {
    if (ws->closing != NULL) {
        sio__reactor_stop(ws->engine->reactor, &ws->closing->timer);
        sio__list_remove(&ws->closing->link);
        sio__free(ws->closing);
        ws->closing = NULL;
    }
    ws->session = NULL;
    ws->stream = NULL;
    if (ws->busy) {
        ws->dead = true;
    } else {
        free_websocket(ws);
    }
}

void sio__websocket_drop(struct websocket *ws) {
    sio__stream_close(ws->stream);
    bury(ws);
}

/* Both sides have said Close: the server closes TCP (RFC 6455 7.1.1). */
static void finish(struct websocket *ws) {
    sio__stream_finish(ws->stream, TCP_LINGER_MS);
    bury(ws);
}

void sio__websocket_finish(struct list *link) {
    finish(SIO_CONTAINER_OF(link, struct ws_closing, link)->ws);
}

static void on_closing_timer(struct timer *t) {
    struct ws_closing *closing = SIO_CONTAINER_OF(t, struct ws_closing, timer);
    sio__engine_count(closing->ws->engine, SIO_CAUSE_CLOSE_TIME, NULL);
    sio__websocket_drop(closing->ws);
}

static int send_close(struct websocket *ws, uint16_t code) {
    uint8_t payload[WS_CONTROL_MAX];
    uint8_t header[WS_HEADER_MAX_SERVER];
    size_t len = sio__ws_close_payload(payload, code, (struct text){"", 0});
    size_t n = sio__ws_header(header, WS_FIN | WS_OP_CLOSE, len, NULL);
    return sio__stream_write(ws->stream, header, n, payload, len);
}

void sio__websocket_close(struct websocket *ws, uint16_t code) {
    struct engine *e = ws->engine;
    if (ws->closing != NULL || ws->dead) {
        return;
    }
    ws->session = NULL;
    struct ws_closing *closing = sio__malloc(sizeof *closing);
    if (closing == NULL || send_close(ws, code) < 0) {
        sio__free(closing);
        sio__websocket_drop(ws);
        return;
    }
    sio__timer_init(&closing->timer, on_closing_timer);
    sio__list_init(&closing->link);
    closing->ws = ws;
    ws->closing = closing;
    sio__list_push_back(&e->closing, &closing->link);
    sio__engine_start(e, &closing->timer, e->options->o.close_timeout_ms);
}

/* ---- input ---- */

static int cause_of(uint16_t code) {
    switch (code) {
    case WS_CLOSE_BAD_DATA: return SIO_CAUSE_WS_UTF8;
    case WS_CLOSE_TOO_BIG: return SIO_CAUSE_MESSAGE_BYTES;
    case WS_CLOSE_POLICY: return SIO_CAUSE_FRAGMENTS;
    case WS_CLOSE_INTERNAL: return SIO_CAUSE_OUT_OF_MEMORY;
    default: return SIO_CAUSE_WS_SYNTAX;
    }
}

/* The session, or its upgrade, loses this WebSocket. It is not called from here on. */
static void detach(struct websocket *ws, int reason, int cause) {
    struct session *s = ws->session;
    ws->session = NULL;
    if (s == NULL) {
        return;
    }
    if (ws->probing) {
        sio__upgrade_lost(s);
    } else {
        s->ws = NULL;
        sio__session_ended(s, reason, cause);
    }
}

/* Fails the WebSocket connection (RFC 6455 7.1.7): what the peer has to say does not matter any
 * more. */
static void on_violation(struct websocket *ws, const struct ws_message *m) {
    int cause = cause_of(m->code);
    SIO_DEBUG(ws->engine->log, LOG_COMPONENT_ENGINE_WS, "closing with %u: %s", (unsigned)m->code,
              m->rule);
    if (ws->session == NULL || ws->probing) {
        sio__engine_count(ws->engine, cause, m->rule);
    }
    detach(ws, SIO_REASON_TRANSPORT_ERROR, cause);
    if (ws->closing == NULL && send_close(ws, m->code) < 0) {
        sio__websocket_drop(ws);
    } else {
        finish(ws);
    }
}

static void on_peer_close(struct websocket *ws, uint16_t code) {
    if (ws->closing == NULL) {
        detach(ws, SIO_REASON_TRANSPORT_CLOSE, SIO_CAUSE_PEER_CLOSED);
        if (send_close(ws, code) < 0) {
            sio__websocket_drop(ws);
            return;
        }
    }
    finish(ws);
}

static void on_ping(struct websocket *ws, const struct ws_message *m) {
    uint8_t header[WS_HEADER_MAX_SERVER];
    size_t n = sio__ws_header(header, WS_FIN | WS_OP_PONG, m->len, NULL);
    /* Who sends pings and reads nothing gets no more pongs than the queue may hold. */
    if (ws->closing == NULL &&
        sio__stream_pending(ws->stream) < ws->engine->options->o.send_high_water_bytes) {
        (void)sio__stream_write(ws->stream, header, n, m->data, m->len);
    }
}

static void on_text(struct websocket *ws, struct ws_message *m) {
    struct session *s = ws->session;
    struct engine *e = ws->engine;
    if (m->len > 0 && m->data[0] == '4' && !ws->probing) {
        struct eio_packet message = {.type = EIO_MESSAGE,
                                     .data = {(const char *)m->data + 1, m->len - 1}};
        sio__session_packet(s, &message);
        return;
    }
    struct eio_packet packet;
    int r =
        sio__eio_packet_decode((struct text){(const char *)m->data, m->len}, &e->bytes, &packet);
    if (r < 0 && ws->probing) {
        sio__upgrade_cancel(s);
    } else if (r < 0) {
        sio__session_close(s, SIO_REASON_PARSE_ERROR, SIO_CAUSE_ENGINE_SYNTAX);
    } else if (ws->probing) {
        sio__upgrade_packet(s, &packet);
    } else {
        sio__session_packet(s, &packet);
    }
}

static void on_binary(struct websocket *ws, const struct ws_message *m) {
    if (ws->probing) {
        sio__upgrade_cancel(ws->session);
        return;
    }
    struct eio_packet packet = {
        .type = EIO_MESSAGE, .binary = true, .data = {(const char *)m->data, m->len}};
    sio__session_packet(ws->session, &packet);
}

/* While it closes, data is read but not looked at (RFC 6455 1.4). */
static void on_event(struct websocket *ws, enum ws_event event, struct ws_message *m) {
    switch (event) {
    case WS_TEXT:
        if (ws->session != NULL) {
            on_text(ws, m);
        }
        break;
    case WS_BINARY:
        if (ws->session != NULL) {
            on_binary(ws, m);
        }
        break;
    case WS_PING: on_ping(ws, m); break;
    case WS_CLOSE: on_peer_close(ws, m->code); break;
    case WS_ERROR: on_violation(ws, m); break;
    default: break;
    }
}

void sio__websocket_input(struct websocket *ws, uint8_t *data, size_t len) {
    ws->busy = true;
    while (!ws->dead) {
        struct ws_message m;
        size_t used = 0;
        enum ws_event event = sio__ws_parse(&ws->parser, data, len, &used, &m);
        data += used;
        len -= used;
        if (event == WS_MORE) {
            break;
        }
        on_event(ws, event, &m);
        if (event == WS_ERROR || event == WS_CLOSE) {
            break;
        }
    }
    ws->busy = false;
    if (ws->dead) {
        free_websocket(ws);
    }
}

static void on_input(struct stream *stream, uint8_t *data, size_t len) {
    sio__websocket_input(sio__stream_owner(stream), data, len);
}

static void on_end(struct stream *stream, int status) {
    struct websocket *ws = sio__stream_owner(stream);
    /* Without a Close frame before. */
    detach(ws, status == 0 ? SIO_REASON_TRANSPORT_CLOSE : SIO_REASON_TRANSPORT_ERROR,
           SIO_CAUSE_CONNECTION_LOST);
    sio__websocket_drop(ws);
}

static void on_drain(struct stream *stream) {
    struct websocket *ws = sio__stream_owner(stream);
    if (ws->session != NULL && !ws->probing) {
        sio__session_drained(ws->session);
    }
}

static const struct stream_ops websocket_ops = {on_input, on_end, on_drain, NULL};

struct websocket *sio__websocket_new(struct engine *e, struct stream *stream) {
    struct websocket *ws = sio__slab_alloc(&e->websocket_slab);
    if (ws == NULL) {
        return NULL;
    }
    *ws = (struct websocket){.stream = stream, .engine = e, .busy = true};
    sio__ws_parser_init(&ws->parser, &e->ws_config);
    sio__stream_set_owner(stream, &websocket_ops, ws);
    return ws;
}

/* ---- output ---- */

static int send_data(struct websocket *ws, uint8_t first_byte, const void *data, size_t len) {
    uint8_t header[WS_HEADER_MAX_SERVER];
    size_t n = sio__ws_header(header, first_byte, len, NULL);
    return sio__stream_write(ws->stream, header, n, data, len);
}

int sio__websocket_text(struct websocket *ws, struct text text) {
    return send_data(ws, WS_FIN | WS_OP_TEXT, text.data, text.len);
}

int sio__websocket_binary(struct websocket *ws, const void *data, size_t len) {
    return send_data(ws, WS_FIN | WS_OP_BINARY, data, len);
}

int sio__websocket_frame(struct websocket *ws, struct frame *f) {
    for (uint32_t i = 0; i < f->part_count; i++) {
        struct text bytes = sio__frame_part_ws(&f->parts[i]);
        int r = sio__stream_write_ref(ws->stream, bytes.data, bytes.len, sio__frame_ref(f));
        if (r < 0) {
            return r;
        }
    }
    return 0;
}
