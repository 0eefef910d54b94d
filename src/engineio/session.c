/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "engineio/session.h"

#include <sio/error.h>
#include <string.h>

#include "base/alloc.h"
#include "engineio/polling.h"
#include "engineio/upgrade.h"
#include "engineio/websocket.h"
#include "proto/eio_payload.h"

/* Timers of JavaScript clients hold 31 bits; more would fire at once. */
#define CLIENT_MS_MAX 0x7fffffffu

/* Greatest integer of JavaScript. */
#define CLIENT_NUMBER_MAX ((uint64_t)9007199254740991)

/* The scratch buffer of base64 is given back when a message has made it larger than this. */
#define BASE64_KEEP_BYTES 65536u

/* ---- birth ---- */

static bool is_sid(const char *sid) {
    size_t len = 0;
    for (; sid[len] != '\0'; len++) {
        char c = sid[len];
        bool ok = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                  c == '-' || c == '_';
        if (!ok) {
            return false;
        }
    }
    return len >= 1 && len <= SID_MAX;
}

static int make_sid(struct engine *e, struct session *s) {
    const sio_server_options *o = &e->options->o;
    if (o->generate_id == NULL) {
        return sio__sid_new(&e->reactor->random, &e->sid_counter, s->sid);
    }
    char sid[SID_MAX + 1] = "";
    int r = o->generate_id(s->request, sid, sizeof sid, o->generate_id_user);
    if (r < 0) {
        return r;
    }
    sid[SID_MAX] = '\0';
    if (!is_sid(sid)) {
        return SIO_ERR_INVALID;
    }
    size_t len = strlen(sid);
    if (len < sizeof s->sid) {
        memcpy(s->sid, sid, len + 1);
        return 0;
    }
    s->long_sid = sio__strndup(sid, len);
    return s->long_sid != NULL ? 0 : SIO_ERR_NOMEM;
}

static void on_timer(struct timer *t);
static void on_task(struct task *task);

int sio__session_new(struct engine *e, struct sio_request *request, struct session **ret_session) {
    struct session *s = sio__slab_alloc(&e->session_slab);
    if (s == NULL) {
        return SIO_ERR_NOMEM;
    }
    memset(s, 0, sizeof *s);
    s->engine = e;
    s->request = request;
    sio__timer_init(&s->timer, on_timer);
    sio__task_init(&s->task, on_task);
    int r = make_sid(e, s);
    if (r == 0) {
        r = sio__map_insert(&e->sessions, s);
    }
    if (r < 0) {
        sio__free(s->long_sid);
        sio__slab_free(&e->session_slab, s);
        return r;
    }
    *ret_session = s;
    return 0;
}

static void free_session(struct session *s) {
    struct engine *e = s->engine;
    sio__reactor_stop(e->reactor, &s->timer);
    sio__task_cancel(&s->task);
    sio__polling_free(s->polling);
    sio__request_free(s->request);
    sio__free(s->long_sid);
    sio__slab_free(&e->session_slab, s);
}

static void forget_sid(struct session *s) {
    const char *sid = sio__session_sid(s);
    if (sio__engine_find(s->engine, sio__text_of(sid)) == s) {
        sio__map_remove(&s->engine->sessions, sid, strlen(sid));
    }
}

void sio__session_discard(struct session *s) {
    forget_sid(s);
    free_session(s);
}

static int put_number(struct buf *out, const char *key, uint64_t value) {
    int r = sio__buf_append_str(out, key);
    return r < 0 ? r : sio__buf_append_u64(out, value);
}

static uint32_t client_ms(uint32_t ms, uint32_t other) {
    uint32_t most = CLIENT_MS_MAX - (other < CLIENT_MS_MAX / 2 ? other : CLIENT_MS_MAX / 2);
    return ms < most ? ms : most;
}

int sio__session_handshake(const struct session *s, struct buf *out) {
    const sio_server_options *o = &s->engine->options->o;
    bool upgradable = s->polling != NULL && !o->no_upgrade && (o->transports & SIO_WEBSOCKET) != 0;
    uint64_t payload =
        o->max_payload_bytes < CLIENT_NUMBER_MAX ? o->max_payload_bytes : CLIENT_NUMBER_MAX;
    int r = sio__buf_append_str(out, "{\"sid\":\"");
    if (r == 0) {
        r = sio__buf_append_str(out, sio__session_sid(s));
    }
    if (r == 0) {
        r = sio__buf_append_str(out, upgradable ? "\",\"upgrades\":[\"websocket\"]"
                                                : "\",\"upgrades\":[]");
    }
    if (r == 0) {
        r = put_number(out,
                       ",\"pingInterval\":", client_ms(o->ping_interval_ms, o->ping_timeout_ms));
    }
    if (r == 0) {
        r = put_number(out, ",\"pingTimeout\":", client_ms(o->ping_timeout_ms, 0));
    }
    if (r == 0) {
        r = put_number(out, ",\"maxPayload\":", payload);
    }
    return r < 0 ? r : sio__buf_push(out, '}');
}

static int send_control(struct session *s, struct text packet, struct frame *f) {
    s->engine->stats.packets_out++;
    if (s->ws != NULL) {
        return sio__websocket_text(s->ws, packet);
    }
    return sio__polling_send(s->polling, f, true);
}

static int send_handshake(struct session *s) {
    struct engine *e = s->engine;
    struct buf *out = &e->bytes;
    sio__buf_clear(out);
    int r = sio__buf_push(out, '0');
    if (r == 0) {
        r = sio__session_handshake(s, out);
    }
    if (r < 0) {
        return r;
    }
    if (s->ws != NULL) {
        return send_control(s, sio__buf_text(out), NULL);
    }
    struct frame_source source = {out->data, out->len, false};
    struct frame *f = sio__frame_new(&e->frames, &source, 1);
    if (f == NULL) {
        return SIO_ERR_NOMEM;
    }
    r = send_control(s, sio__buf_text(out), f);
    sio__frame_unref(&e->frames, f);
    s->polling->opening = true;
    return r;
}

static void start_heartbeat(struct session *s) {
    s->pong_due = false;
    s->grace_used = false;
    sio__engine_start(s->engine, &s->timer, s->engine->options->o.ping_interval_ms);
}

static void count_transport(struct session *s, int by) {
    sio_stats *stats = &s->engine->stats;
    uint64_t *gauge = s->ws != NULL ? &stats->websocket_sessions : &stats->polling_sessions;
    *gauge += (uint64_t)(int64_t)by;
}

int sio__session_open(struct session *s) {
    struct engine *e = s->engine;
    int r = send_handshake(s);
    if (r == 0 && e->initial != NULL) {
        r = sio__session_send_frame(s, e->initial, 0);
    }
    if (r >= 0) {
        r = e->ops.on_open(s);
    }
    if (r < 0) {
        return r;
    }
    e->stats.sessions++;
    e->stats.sessions_total++;
    sio__engine_watch_sessions(e);
    count_transport(s, 1);
    start_heartbeat(s);
    SIO_DEBUG(e->log, LOG_COMPONENT_ENGINE, "handshake done: %s over %s", sio__session_sid(s),
              s->ws != NULL ? "websocket" : "polling");
    return 0;
}

/* ---- death ---- */

static void on_task(struct task *task) {
    struct session *s = SIO_CONTAINER_OF(task, struct session, task);
    if (!s->told) {
        s->told = true;
        s->engine->ops.on_close(s, s->reason, s->cause);
        s->user = NULL;
    }
    if (s->state == SESSION_CLOSED) {
        free_session(s);
    }
}

static void begin_end(struct session *s, int reason, int cause) {
    struct engine *e = s->engine;
    SIO_DEBUG(e->log, LOG_COMPONENT_ENGINE_SOCKET, "%s: closing: %s (%s)", sio__session_sid(s),
              sio_reason_text(reason), sio_cause_text(cause));
    s->state = SESSION_CLOSING;
    s->reason = (uint8_t)reason;
    s->cause = (uint8_t)cause;
    sio__engine_count(e, cause, NULL);
    sio__reactor_stop(e->reactor, &s->timer);
    e->stats.sessions--;
    sio__engine_watch_sessions(e);
    count_transport(s, -1);
    sio__upgrade_cancel(s);
    sio__task_queue(e->reactor, &s->task);
}

static void become_closed(struct session *s) {
    s->state = SESSION_CLOSED;
    forget_sid(s);
    if (s->polling != NULL) {
        sio__polling_abort(s->polling);
    }
    sio__task_queue(s->engine->reactor, &s->task);
}

static void close_websocket(struct session *s, int cause) {
    struct websocket *ws = s->ws;
    s->ws = NULL;
    if (cause == SIO_CAUSE_SEND_QUEUE || cause == SIO_CAUSE_SEND_TIME) {
        sio__websocket_drop(ws); /* a Close frame would queue behind all the rest */
    } else {
        sio__websocket_close(ws, 0);
    }
}

static void end(struct session *s, int reason, int cause, bool wait) {
    if (s->state != SESSION_OPEN) {
        return;
    }
    begin_end(s, reason, cause);
    if (s->ws != NULL) {
        close_websocket(s, cause);
        become_closed(s);
        return;
    }
    /* A waiting GET takes the news at the end of the turn: nothing of the application is called
     * here. */
    bool has_get = sio__polling_close(s->polling, wait);
    if (wait) {
        if (!has_get && reason == SIO_REASON_FORCED_CLOSE) {
            s->reason = SIO_REASON_FORCED_SERVER_CLOSE; /* as the official server */
        }
        sio__engine_start(s->engine, &s->timer, s->engine->options->o.close_timeout_ms);
    } else if (!has_get) {
        become_closed(s);
    }
}

void sio__session_close(struct session *s, int reason, int cause) {
    /* Only a close that was asked for waits until a polling client has heard of it. */
    end(s, reason, cause, reason == SIO_REASON_FORCED_CLOSE);
}

void sio__session_shut(struct session *s) {
    end(s, SIO_REASON_SERVER_SHUTTING_DOWN, SIO_CAUSE_APPLICATION, false);
    if (s->state == SESSION_CLOSING) {
        sio__polling_flush(s->polling); /* before its connection is closed */
        sio__session_finish(s);
    }
}

void sio__session_ended(struct session *s, int reason, int cause) {
    if (s->state == SESSION_CLOSING) {
        sio__session_finish(s);
    } else if (s->state == SESSION_OPEN) {
        /* The gauge of its transport needs to know which it was. */
        bool was_websocket = s->polling == NULL;
        begin_end(s, reason, cause);
        if (was_websocket) {
            s->engine->stats.polling_sessions++;
            s->engine->stats.websocket_sessions--;
        }
        become_closed(s);
    }
}

void sio__session_finish(struct session *s) {
    if (s->state == SESSION_CLOSING) {
        become_closed(s);
    }
}

/* ---- heartbeat ---- */

static int judge_queue(struct session *s);

static void on_timer(struct timer *t) {
    struct session *s = SIO_CONTAINER_OF(t, struct session, timer);
    const sio_server_options *o = &s->engine->options->o;
    if (s->state != SESSION_OPEN) {
        sio__session_finish(s);
        return;
    }
    if (s->pong_due) {
        sio__session_close(s, SIO_REASON_PING_TIMEOUT, SIO_CAUSE_HEARTBEAT);
        return;
    }
    s->pong_due = true;
    s->grace_used = false;
    if (send_control(s, SIO_TEXT("2"), s->engine->ping) < 0) {
        sio__session_close(s, SIO_REASON_TRANSPORT_ERROR, SIO_CAUSE_OUT_OF_MEMORY);
        return;
    }
    sio__engine_start(s->engine, &s->timer, o->ping_timeout_ms);
    if (sio__session_pending(s) > o->send_high_water_bytes) {
        (void)judge_queue(s); /* nothing may be sent any more that would have it looked at */
    }
}

/* A peer that is busy sending is alive: once per ping it gets its time again. */
static void extend_heartbeat(struct session *s) {
    s->grace_used = true;
    sio__engine_start(s->engine, &s->timer, s->engine->options->o.ping_timeout_ms);
}

/* ---- input ---- */

bool sio__session_packet(struct session *s, const struct eio_packet *packet) {
    struct engine *e = s->engine;
    if (s->state != SESSION_OPEN) {
        return false;
    }
    e->stats.packets_in++;
    if (s->pong_due && !s->grace_used && packet->type != EIO_PONG) {
        extend_heartbeat(s);
    }
    switch (packet->type) {
    case EIO_MESSAGE:
        e->ops.on_message(s, (uint8_t *)(uintptr_t)packet->data.data, packet->data.len,
                          packet->binary);
        break;
    case EIO_PONG:
        if (s->pong_due) { /* others ask for nothing, and get nothing */
            start_heartbeat(s);
        }
        break;
    case EIO_PING:
        sio__session_close(s, SIO_REASON_TRANSPORT_ERROR, SIO_CAUSE_HEARTBEAT_DIRECTION);
        break;
    case EIO_CLOSE:
        if (s->polling != NULL) {
            sio__polling_release(s->polling);
            sio__session_ended(s, SIO_REASON_TRANSPORT_CLOSE, SIO_CAUSE_PEER_CLOSED);
        }
        break;
    default: break; /* open, upgrade, noop: ignored, as the official server does */
    }
    return s->state == SESSION_OPEN;
}

/* ---- output ---- */

size_t sio__session_pending(const struct session *s) {
    if (s->ws != NULL) {
        return sio__stream_pending(s->ws->stream);
    }
    return s->polling != NULL ? s->polling->bytes : 0;
}

bool sio__session_writable(const struct session *s) {
    if (s->state != SESSION_OPEN) {
        return false;
    }
    if (sio__session_pending(s) > s->engine->options->o.send_high_water_bytes) {
        return false;
    }
    return s->ws != NULL ? !s->ws->stream->blocked : s->polling->get != NULL;
}

/* Above the high-water mark: lets the kernel take what it can, then judges what is left. */
static int judge_queue(struct session *s) {
    const sio_server_options *o = &s->engine->options->o;
    if (s->ws != NULL) {
        sio__stream_flush(s->ws->stream);
    }
    size_t pending = sio__session_pending(s);
    if (pending <= o->send_high_water_bytes) {
        s->soft_since_ms = 0;
        return 0;
    }
    uint64_t now = sio__reactor_now(s->engine->reactor);
    if (pending <= o->send_soft_bytes) {
        s->soft_since_ms = 0;
    } else if (s->soft_since_ms == 0) {
        s->soft_since_ms = now;
    }
    if (pending > o->send_hard_bytes) {
        sio__session_close(s, SIO_REASON_TRANSPORT_ERROR, SIO_CAUSE_SEND_QUEUE);
        return SIO_ERR_SLOW_CONSUMER;
    }
    if (s->soft_since_ms != 0 && o->send_soft_ms != SIO_NEVER &&
        now - s->soft_since_ms > o->send_soft_ms) {
        sio__session_close(s, SIO_REASON_TRANSPORT_ERROR, SIO_CAUSE_SEND_TIME);
        return SIO_ERR_SLOW_CONSUMER;
    }
    s->drain_wanted = true;
    return SIO_SLOW;
}

static int after_send(struct session *s, int r, uint32_t packets) {
    if (r < 0) {
        if (packets > 1 && s->ws != NULL) {
            /* A part of the message may be out: its attachments would be missing for ever. */
            sio__session_close(s, SIO_REASON_TRANSPORT_ERROR, SIO_CAUSE_OUT_OF_MEMORY);
        }
        return r;
    }
    s->engine->stats.packets_out += packets;
    if (sio__session_pending(s) > s->engine->options->o.send_high_water_bytes) {
        return judge_queue(s);
    }
    return 0;
}

/* To a WebSocket whose client takes no binary frames: the form of the polling transport. */
static int send_base64(struct session *s, const void *data, size_t len) {
    struct buf *packet = &s->engine->base64;
    sio__buf_clear(packet);
    int r = sio__eio_payload_append_binary(packet, 0, data, len);
    if (r == 0) {
        r = sio__websocket_text(s->ws, sio__buf_text(packet));
    }
    sio__buf_shrink(packet, BASE64_KEEP_BYTES);
    return r;
}

static int send_binary(struct session *s, const void *data, size_t len) {
    return s->text_only ? send_base64(s, data, len) : sio__websocket_binary(s->ws, data, len);
}

static int send_to_websocket(struct session *s, struct frame *f) {
    if (!s->text_only) {
        return sio__websocket_frame(s->ws, f);
    }
    int r = 0;
    for (uint32_t i = 0; i < f->part_count && r == 0; i++) {
        struct text data = sio__frame_part_data(&f->parts[i]);
        r = f->parts[i].binary ? send_base64(s, data.data, data.len)
                               : sio__websocket_text(s->ws, data);
    }
    return r;
}

/* @return 0, or why the message is not sent */
static int admit(struct session *s, unsigned flags) {
    if (s->state != SESSION_OPEN) {
        return SIO_ERR_CLOSED;
    }
    if ((flags & SIO_VOLATILE) != 0 && !sio__session_writable(s)) {
        s->engine->stats.volatile_dropped++;
        return SIO_ERR_DROPPED;
    }
    return 0;
}

static int send_queued(struct session *s, struct text text, const struct value_bytes *attachments,
                       uint32_t count, unsigned flags) {
    struct frame_source one;
    struct frame_source *parts = &one;
    if (count > 0) {
        parts = sio__reallocarray(NULL, (size_t)count + 1, sizeof *parts);
        if (parts == NULL) {
            return SIO_ERR_NOMEM;
        }
    }
    parts[0] = (struct frame_source){text.data, text.len, false};
    for (uint32_t i = 0; i < count; i++) {
        parts[i + 1] = (struct frame_source){attachments[i].data, attachments[i].len, true};
    }
    struct frame *f = sio__frame_new(&s->engine->frames, parts, count + 1);
    if (parts != &one) {
        sio__free(parts);
    }
    if (f == NULL) {
        return SIO_ERR_NOMEM;
    }
    int r = sio__polling_send(s->polling, f, (flags & SIO_NO_COMPRESS) != 0);
    sio__frame_unref(&s->engine->frames, f);
    return r;
}

int sio__session_send(struct session *s, struct text text, const struct value_bytes *attachments,
                      uint32_t count, unsigned flags) {
    int r = admit(s, flags);
    if (r < 0) {
        return r;
    }
    if (s->ws != NULL) {
        r = sio__websocket_text(s->ws, text);
        for (uint32_t i = 0; i < count && r == 0; i++) {
            r = send_binary(s, attachments[i].data, attachments[i].len);
        }
    } else {
        r = send_queued(s, text, attachments, count, flags);
    }
    return after_send(s, r, count + 1);
}

int sio__session_send_frame(struct session *s, struct frame *f, unsigned flags) {
    int r = admit(s, flags);
    if (r < 0) {
        return r;
    }
    if (s->ws != NULL) {
        r = send_to_websocket(s, f);
    } else {
        r = sio__polling_send(s->polling, f, (flags & SIO_NO_COMPRESS) != 0);
    }
    return after_send(s, r, f->part_count);
}

void sio__session_drained(struct session *s) {
    s->soft_since_ms = 0;
    if (s->drain_wanted && s->state == SESSION_OPEN) {
        s->drain_wanted = false;
        s->engine->ops.on_drain(s);
    }
}

/* ---- upgrade ---- */

void sio__session_switch(struct session *s, struct websocket *ws) {
    struct engine *e = s->engine;
    struct polling *p = s->polling;
    count_transport(s, -1);
    s->ws = ws;
    s->polling = NULL;
    s->upgraded = true;
    count_transport(s, 1);
    e->stats.upgrades_total++;
    int r = 0;
    for (struct queued_packet *q = p->head; q != NULL && r == 0; q = q->next) {
        r = send_to_websocket(s, q->frame);
    }
    if (s->pong_due) {
        /* The ping may have been lost with the old transport; its answer may be late with the new
         * one. */
        extend_heartbeat(s);
    }
    if (r < 0) {
        sio__session_close(s, SIO_REASON_TRANSPORT_ERROR, SIO_CAUSE_OUT_OF_MEMORY);
    }
    sio__polling_abort(p); /* calls hooks, which may close the session */
    sio__polling_free(p);
    if (s->state == SESSION_OPEN) {
        sio__stream_flush(ws->stream);
        if (!ws->stream->blocked) { /* else the stream will tell */
            sio__session_drained(s);
        }
    }
}
