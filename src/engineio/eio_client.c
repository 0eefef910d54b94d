/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The state of a connection. What the transports tell, and what timers and the task do, is put
 * between enter() and leave(): the client may be freed in any callback of these, and goes when the
 * outermost of its functions returns. The task does what functions of the interface have asked for:
 * it sends, begins the upgrade, and tells of the end.
 */
#include "engineio/eio_client.h"

#include <assert.h>
#include <sio/error.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "engineio/eio_connection.h"

/* Time for closing in order: the heartbeat's timeout, within these limits; the least one when the
   handshake is still under way. */
#define CLOSE_MIN_MS 1000u
#define CLOSE_MAX_MS 30000u

static void enter(struct eio_client *c) {
    assert(!c->busy);
    c->busy = true;
}

static void leave(struct eio_client *c) {
    c->busy = false;
    if (c->dead) {
        sio__eio_client_free(c);
    }
}

/* ---- end ---- */

static void drop_transports(struct eio_client *c, bool at_once) {
    sio__eio_upgrade_free(c->upgrade);
    sio__eio_polling_free(c->polling);
    if (c->ws != NULL && at_once) {
        sio__eio_websocket_free(c->ws);
    } else if (c->ws != NULL) {
        sio__eio_websocket_let_go(c->ws, 0);
    }
    c->upgrade = NULL;
    c->polling = NULL;
    c->ws = NULL;
    c->in_batch = false;
    c->fresh = false;
}

static void reset(struct eio_client *c, bool at_once) {
    sio__reactor_stop(c->reactor, &c->heartbeat);
    sio__reactor_stop(c->reactor, &c->limit);
    drop_transports(c, at_once);
    sio__eio_queue_clear(&c->queue, c->frames);
    sio__buf_shrink(&c->payload, 0);
    c->posting_bytes = 0;
    c->upgrade_due = false;
    c->pong_due = false;
    c->waited = false;
    c->farewell = false;
}

/* Ends the connection; the owner is told by the task. */
void sio__eio_client_finish(struct eio_client *c, const struct eio_failure *why) {
    if (c->ended || c->state == EIO_CLIENT_CLOSED) {
        return;
    }
    bool asked_for = c->state == EIO_CLIENT_CLOSING;
    c->ending = *why;
    if (asked_for) {
        c->ending.reason = SIO_REASON_FORCED_CLOSE;
    }
    if (why->reason == SIO_REASON_TRANSPORT_ERROR || c->state == EIO_CLIENT_OPENING) {
        c->prior_websocket = false;
    }
    SIO_DEBUG(c->log, LOG_COMPONENT_ENGINE_SOCKET, "closed: %s (%s)",
              sio_reason_text(c->ending.reason), c->ending.text);
    c->state = EIO_CLIENT_CLOSING;
    c->ended = true;
    reset(c, why->reason == SIO_REASON_PING_TIMEOUT);
    sio__task_queue(c->reactor, &c->task);
}

static void finish_in_order(struct eio_client *c) {
    sio__eio_client_finish(c, &(struct eio_failure){.reason = SIO_REASON_FORCED_CLOSE,
                                                    .cause = SIO_CAUSE_APPLICATION});
}

void sio__eio_client_finish_status(struct eio_client *c, int status) {
    struct eio_failure why;
    sio__eio_failure_set(&why, sio__eio_failure_cause(status), status, "%s", sio_strerror(status));
    sio__eio_client_finish(c, &why);
}

static void finish_ping_timeout(struct eio_client *c) {
    struct eio_failure why;
    sio__eio_failure_set(&why, SIO_CAUSE_HEARTBEAT, SIO_ERR_TIMEOUT, "ping timeout");
    why.reason = SIO_REASON_PING_TIMEOUT;
    sio__eio_client_finish(c, &why);
}

static void tell_end(struct eio_client *c) {
    struct eio_failure why = c->ending;
    c->ended = false;
    c->state = EIO_CLIENT_CLOSED;
    c->transport = 0;
    c->handshake.sid[0] = '\0';
    c->ops->on_close(c, why.reason, why.cause, why.status, why.text);
}

/* ---- heartbeat ---- */

/* Milliseconds of a clock that counts the time in which the machine sleeps, where there is one. */
static uint64_t awake_clock(void) {
    struct timespec now = {0};
#ifdef CLOCK_BOOTTIME
    (void)clock_gettime(CLOCK_BOOTTIME, &now);
#else
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
#endif
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint64_t heartbeat_ms(const struct eio_client *c) {
    return (uint64_t)c->handshake.ping_interval_ms + c->handshake.ping_timeout_ms;
}

static void await_ping(struct eio_client *c) {
    c->deadline_ms = awake_clock() + heartbeat_ms(c);
    sio__reactor_start(c->reactor, &c->heartbeat, heartbeat_ms(c));
}

static void on_heartbeat(struct timer *t) {
    struct eio_client *c = SIO_CONTAINER_OF(t, struct eio_client, heartbeat);
    finish_ping_timeout(c);
}

bool sio__eio_client_expired(struct eio_client *c) {
    if (c->state != EIO_CLIENT_OPEN) {
        return c->ended;
    }
    if (c->fresh || awake_clock() <= c->deadline_ms) {
        c->fresh = c->in_batch;
        return false;
    }
    finish_ping_timeout(c);
    return true;
}

/* ---- packets ---- */

static bool has_transport(const struct eio_client *c, int transport) {
    for (size_t i = 0; i < sizeof c->config->transports; i++) {
        if (c->config->transports[i] == transport) {
            return true;
        }
    }
    return false;
}

static void fail_transport(struct eio_client *c, const struct eio_failure *why);

/* The first packet of a session (Engine.IO protocol, "Handshake"). */
static void take_handshake(struct eio_client *c, const struct eio_packet *packet) {
    struct eio_failure why;
    int r = packet->binary || packet->type != EIO_OPEN
                ? SIO_ERR_PROTO
                : sio__eio_handshake_parse(packet->data, &c->handshake);
    if (r < 0) {
        sio__eio_failure_set(&why,
                             r == SIO_ERR_NOMEM ? SIO_CAUSE_OUT_OF_MEMORY : SIO_CAUSE_HANDSHAKE, r,
                             "malformed handshake");
        fail_transport(c, &why);
        return;
    }
    if (c->polling != NULL) {
        sio__eio_polling_set_session(c->polling, sio__text_of(c->handshake.sid), heartbeat_ms(c));
    }
    await_ping(c);
    sio__task_queue(c->reactor, &c->task);
    if (c->state == EIO_CLIENT_CLOSING) {
        return; /* the task takes leave */
    }
    SIO_DEBUG(c->log, LOG_COMPONENT_ENGINE_SOCKET, "open: %s", c->handshake.sid);
    sio__reactor_stop(c->reactor, &c->limit);
    c->state = EIO_CLIENT_OPEN;
    c->prior_websocket = c->ws != NULL;
    c->upgrade_due = c->polling != NULL && c->handshake.has_websocket && !c->config->no_upgrade &&
                     has_transport(c, SIO_WEBSOCKET);
    c->ops->on_open(c);
}

static void take_ping(struct eio_client *c) {
    await_ping(c);
    c->pong_due = true;
    sio__task_queue(c->reactor, &c->task);
    c->ops->on_ping(c);
}

static void close_by_server(struct eio_client *c) {
    struct eio_failure why;
    sio__eio_failure_set(&why, SIO_CAUSE_PEER_CLOSED, 0, "transport closed by the server");
    why.reason = SIO_REASON_TRANSPORT_CLOSE;
    fail_transport(c, &why);
}

/* Types that a server has no business to send are ignored, as the official client does. */
static void take_packet(struct eio_client *c, const struct eio_packet *packet) {
    if (c->polling != NULL && packet->type == EIO_CLOSE) {
        close_by_server(c);
    } else if (c->handshake.sid[0] == '\0') {
        take_handshake(c, packet);
    } else if (packet->type == EIO_PING) {
        take_ping(c);
    } else if (packet->type == EIO_MESSAGE) {
        uint8_t *data = (uint8_t *)(uintptr_t)packet->data.data;
        c->ops->on_message(c, data, packet->data.len, packet->binary);
    }
}

/* ---- transports ---- */

static int start_transport(struct eio_client *c, int transport);

/* The transport of an opening: the one that has worked, then in the order of preference. */
static int next_transport(const struct eio_client *c) {
    if (c->config->remember_upgrade && c->prior_websocket && c->tried == 0 &&
        has_transport(c, SIO_WEBSOCKET)) {
        return SIO_WEBSOCKET;
    }
    for (size_t i = 0; i < sizeof c->config->transports; i++) {
        if ((c->config->transports[i] & ~c->tried) != 0) {
            return c->config->transports[i];
        }
    }
    return 0;
}

/* The transport has failed: the next one may do while the client opens. */
static void fail_transport(struct eio_client *c, const struct eio_failure *why) {
    if (c->state != EIO_CLIENT_OPENING || !c->config->try_all_transports) {
        sio__eio_client_finish(c, why);
        return;
    }
    c->prior_websocket = false;
    c->tried |= c->transport;
    int transport = next_transport(c);
    if (transport == 0) {
        sio__eio_client_finish(c, why);
        return;
    }
    drop_transports(c, false);
    int r = start_transport(c, transport);
    if (r < 0) {
        sio__eio_client_finish_status(c, r);
    }
}

static void on_packet(void *owner, const struct eio_packet *packet, struct text raw) {
    struct eio_client *c = owner;
    enter(c);
    if (sio__eio_client_trace(c, false, raw, packet->binary)) {
        take_packet(c, packet);
    }
    leave(c);
}

static void on_posted(void *owner) {
    struct eio_client *c = owner;
    enter(c);
    c->posting_bytes = 0;
    if (c->farewell) {
        finish_in_order(c);
    } else {
        sio__eio_client_send_queue(c);
    }
    leave(c);
}

static void on_paused(void *owner);

static void on_transport_failed(void *owner, const struct eio_failure *why) {
    struct eio_client *c = owner;
    enter(c);
    if (c->farewell) {
        finish_in_order(c); /* the connection may go before the answer to the close packet */
    } else {
        fail_transport(c, why);
    }
    leave(c);
}

static const struct eio_polling_ops polling_ops = {on_packet, on_posted, on_paused,
                                                   on_transport_failed};

static void on_websocket_open(void *owner) {
    (void)owner; /* the handshake of Engine.IO follows */
}

/* Nearly all frames are messages of text. */
static bool is_message(const struct eio_client *c, struct text frame, bool binary) {
    return !binary && frame.len > 0 && frame.data[0] == '4' && c->handshake.sid[0] != '\0';
}

static void take_other(struct eio_client *c, struct text frame, bool binary) {
    struct eio_packet packet = {.type = EIO_MESSAGE, .binary = true, .data = frame};
    int r = binary ? 0 : sio__eio_packet_decode(frame, &c->bytes, &packet);
    if (r < 0) {
        struct eio_failure why;
        sio__eio_failure_set(
            &why, r == SIO_ERR_PROTO ? SIO_CAUSE_ENGINE_SYNTAX : sio__eio_failure_cause(r), r,
            "server error");
        fail_transport(c, &why);
        return;
    }
    take_packet(c, &packet);
    if (!c->dead) {
        sio__buf_shrink(&c->bytes, EIO_KEEP_BYTES);
    }
}

static void on_frame(void *owner, uint8_t *data, size_t len, bool binary) {
    struct eio_client *c = owner;
    struct text frame = {(const char *)data, len};
    c->in_batch = true;
    enter(c);
    bool alive = sio__eio_client_trace(c, false, frame, binary);
    if (alive && is_message(c, frame, binary)) {
        c->ops->on_message(c, data + 1, len - 1, false);
    } else if (alive) {
        take_other(c, frame, binary);
    }
    leave(c);
}

/* Output that input has caused is sent while its memory is in the cache; the next connection finds
 * it there, too. */
static void on_batch_end(void *owner) {
    struct eio_client *c = owner;
    c->in_batch = false;
    c->fresh = false;
    enter(c);
    if (c->queue.len > 0 || c->pong_due) {
        sio__eio_client_send_queue(c);
    }
    if (sio__eio_client_lives(c) && c->ws != NULL) {
        sio__eio_websocket_flush(c->ws);
    }
    leave(c);
}

static void on_websocket_drain(void *owner) {
    struct eio_client *c = owner;
    enter(c);
    c->waited = true;
    sio__eio_client_send_queue(c);
    leave(c);
}

static void on_websocket_closed(void *owner, const struct eio_failure *why) {
    struct eio_client *c = owner;
    enter(c);
    if (c->farewell) {
        finish_in_order(c);
    } else {
        fail_transport(c, why);
    }
    leave(c);
}

static const struct eio_websocket_ops websocket_ops = {
    on_websocket_open, on_frame, on_websocket_drain, on_websocket_closed, on_batch_end};

static int start_transport(struct eio_client *c, int transport) {
    c->transport = (uint8_t)transport;
    if (transport == SIO_POLLING) {
        return sio__eio_polling_new(c->reactor, c->config, &polling_ops, c, &c->polling);
    }
    return sio__eio_websocket_new(c->reactor, c->config, (struct text){"", 0}, &websocket_ops, c,
                                  &c->ws);
}

/* ---- upgrade ---- */

static void on_probed(void *owner) {
    struct eio_client *c = owner;
    c->prior_websocket = true;
    sio__eio_polling_pause(c->polling);
}

/* The session goes on with polling. */
static void fail_upgrade(struct eio_client *c, const struct eio_failure *why) {
    bool was_pausing = sio__eio_client_switching(c);
    sio__eio_upgrade_free(c->upgrade);
    c->upgrade = NULL;
    c->prior_websocket = false;
    int r = was_pausing ? sio__eio_polling_resume(c->polling) : 0;
    if (r < 0) {
        sio__eio_client_finish_status(c, r);
        return;
    }
    sio__task_queue(c->reactor, &c->task);
    SIO_DEBUG(c->log, LOG_COMPONENT_ENGINE_SOCKET, "upgrade failed: %s", why->text);
    c->ops->on_upgrade_error(c, why->status, why->text);
}

static void on_upgrade_failed(void *owner, const struct eio_failure *why) {
    struct eio_client *c = owner;
    enter(c);
    fail_upgrade(c, why);
    leave(c);
}

static void on_probe_packet(void *owner, bool sent, struct text raw, bool binary) {
    struct eio_client *c = owner;
    enter(c);
    (void)sio__eio_client_trace(c, sent, raw, binary);
    leave(c);
}

static void begin_upgrade(struct eio_client *c) {
    static const struct eio_upgrade_ops ops = {on_probed, on_upgrade_failed, on_probe_packet};
    c->upgrade_due = false;
    c->prior_websocket = false;
    struct text sid = sio__text_of(c->handshake.sid);
    int r = sio__eio_upgrade_new(c->reactor, c->config, sid, &ops, c, &c->upgrade);
    if (r < 0) {
        struct eio_failure why;
        sio__eio_failure_set(&why, sio__eio_failure_cause(r), r, "probe error: %s",
                             sio_strerror(r));
        fail_upgrade(c, &why);
    }
}

/* Nothing is on its way by polling any more: the WebSocket takes over. */
static void switch_transport(struct eio_client *c) {
    struct eio_websocket *ws = sio__eio_upgrade_take(c->upgrade, &websocket_ops, c);
    if (ws == NULL) {
        struct eio_failure why;
        sio__eio_failure_set(&why, SIO_CAUSE_OUT_OF_MEMORY, SIO_ERR_NOMEM, "probe error: %s",
                             sio_strerror(SIO_ERR_NOMEM));
        fail_upgrade(c, &why);
        return;
    }
    c->upgrade = NULL;
    c->ws = ws;
    c->transport = SIO_WEBSOCKET;
    sio__eio_polling_free(c->polling);
    c->polling = NULL;
    SIO_DEBUG(c->log, LOG_COMPONENT_ENGINE_SOCKET, "%s: upgraded to websocket", c->handshake.sid);
    if (sio__eio_client_trace(c, true, SIO_TEXT("5"), false)) {
        c->ops->on_upgrade(c);
    }
    if (sio__eio_client_lives(c)) {
        sio__eio_client_send_queue(c);
    }
}

static void on_paused(void *owner) {
    struct eio_client *c = owner;
    enter(c);
    if (c->upgrade != NULL) { /* else it takes leave */
        switch_transport(c);
    }
    leave(c);
}

/* ---- life ---- */

static void on_task(struct task *task) {
    struct eio_client *c = SIO_CONTAINER_OF(task, struct eio_client, task);
    enter(c);
    if (c->ended) {
        tell_end(c);
        leave(c);
        return;
    }
    sio__eio_client_send_queue(c);
    if (sio__eio_client_lives(c) && c->upgrade_due && c->state == EIO_CLIENT_OPEN) {
        begin_upgrade(c);
    }
    leave(c);
}

static void on_limit(struct timer *t) {
    struct eio_client *c = SIO_CONTAINER_OF(t, struct eio_client, limit);
    struct eio_failure why;
    if (c->state == EIO_CLIENT_OPENING) {
        sio__eio_failure_set(&why, SIO_CAUSE_CONNECT_FAILED, SIO_ERR_TIMEOUT, "timeout");
    } else {
        sio__eio_failure_set(&why, SIO_CAUSE_CLOSE_TIME, SIO_ERR_TIMEOUT,
                             "the server did not close in time");
    }
    sio__eio_client_finish(c, &why);
}

int sio__eio_client_new(struct reactor *r, const struct eio_client_config *config,
                        struct frame_pool *frames, struct logger *log,
                        const struct eio_client_ops *ops, void *owner, struct eio_client **ret) {
    struct eio_client *c = sio__calloc(1, sizeof *c);
    size_t max = config->max_message_bytes;
    if (c == NULL) {
        return SIO_ERR_NOMEM;
    }
    c->reactor = r;
    c->config = config;
    c->frames = frames;
    c->log = log;
    c->ops = ops;
    c->owner = owner;
    c->traced = ops->on_trace != NULL;
    sio__timer_init(&c->heartbeat, on_heartbeat);
    sio__timer_init(&c->limit, on_limit);
    sio__task_init(&c->task, on_task);
    sio__buf_init(&c->payload, SIZE_MAX);
    sio__buf_init(&c->bytes, max < SIZE_MAX - 8 ? max + 8 : SIZE_MAX);
    *ret = c;
    return 0;
}

void sio__eio_client_free(struct eio_client *c) {
    if (c == NULL) {
        return;
    }
    if (c->busy) {
        c->dead = true;
        return;
    }
    sio__task_cancel(&c->task);
    reset(c, true);
    sio__buf_done(&c->payload);
    sio__buf_done(&c->bytes);
    sio__free(c);
}

void sio__eio_client_set_traced(struct eio_client *c, bool traced) {
    c->traced = traced;
}

void *sio__eio_client_owner(const struct eio_client *c) {
    return c->owner;
}

int sio__eio_client_open(struct eio_client *c) {
    if (c->state != EIO_CLIENT_CLOSED) {
        return SIO_ERR_STATE;
    }
    c->tried = 0;
    int transport = next_transport(c);
    int r = transport == 0 ? SIO_ERR_INVALID : start_transport(c, transport);
    if (r < 0) {
        c->transport = 0;
        return r;
    }
    c->state = EIO_CLIENT_OPENING;
    if (c->config->open_timeout_ms > 0) {
        sio__reactor_start(c->reactor, &c->limit, c->config->open_timeout_ms);
    }
    return 0;
}

int sio__eio_client_send(struct eio_client *c, struct frame *f) {
    if (c->state != EIO_CLIENT_OPEN) {
        return SIO_ERR_CLOSED;
    }
    size_t pending = sio__eio_client_pending(c);
    size_t most = c->config->send_hard_bytes;
    if (f->bytes > most) {
        return SIO_ERR_TOO_BIG;
    }
    if (pending > most || f->bytes > most - pending) {
        c->waited = true;
        sio__task_queue(c->reactor, &c->task);
        return SIO_ERR_BUSY;
    }
    int r = sio__eio_queue_push(&c->queue, f);
    if (r < 0) {
        return r;
    }
    sio__task_queue(c->reactor, &c->task);
    bool slow = pending + f->bytes > c->config->send_high_water_bytes;
    c->waited = c->waited || slow || !sio__eio_client_writable(c);
    return slow ? SIO_SLOW : 0;
}

/* Whether a packet of so many bytes can go to the WebSocket, past the queue. */
static bool is_clear(const struct eio_client *c, size_t len) {
    if (c->state != EIO_CLIENT_OPEN || c->ws == NULL || c->queue.len > 0 || c->pong_due ||
        c->traced) {
        return false;
    }
    const struct eio_client_config *config = c->config;
    size_t pending = sio__eio_websocket_pending(c->ws);
    size_t high = config->send_high_water_bytes;
    size_t most = high < config->send_hard_bytes ? high : config->send_hard_bytes;
    return pending < EIO_WEBSOCKET_WINDOW && pending <= most && len <= most - pending;
}

int sio__eio_client_send_text(struct eio_client *c, struct text packet) {
    return is_clear(c, packet.len) ? sio__eio_websocket_send(c->ws, packet.data, packet.len, false)
                                   : SIO_ERR_STATE;
}

bool sio__eio_client_writable(const struct eio_client *c) {
    if (c->state != EIO_CLIENT_OPEN || sio__eio_client_switching(c) ||
        sio__eio_client_pending(c) > c->config->send_high_water_bytes) {
        return false;
    }
    return c->ws != NULL ? !sio__eio_websocket_blocked(c->ws)
                         : !sio__eio_polling_posting(c->polling);
}

size_t sio__eio_client_pending(const struct eio_client *c) {
    size_t written = c->ws == NULL ? c->posting_bytes : sio__eio_websocket_pending(c->ws);
    return c->queue.bytes + written;
}

void sio__eio_client_close(struct eio_client *c) {
    if (c->state != EIO_CLIENT_OPENING && c->state != EIO_CLIENT_OPEN) {
        return;
    }
    bool was_open = c->state == EIO_CLIENT_OPEN;
    uint32_t most = CLOSE_MIN_MS;
    c->state = EIO_CLIENT_CLOSING;
    if (!was_open && c->polling == NULL) {
        finish_in_order(c);
        return;
    }
    if (was_open) {
        uint32_t timeout = c->handshake.ping_timeout_ms;
        most = timeout < CLOSE_MIN_MS   ? CLOSE_MIN_MS
               : timeout < CLOSE_MAX_MS ? timeout
                                        : CLOSE_MAX_MS;
    }
    if (c->upgrade != NULL && !sio__eio_client_switching(c)) {
        sio__eio_upgrade_free(c->upgrade);
        c->upgrade = NULL;
    }
    sio__reactor_start(c->reactor, &c->limit, most);
    sio__task_queue(c->reactor, &c->task);
}

void sio__eio_client_fail(struct eio_client *c, int reason, int cause, int status,
                          const char *text) {
    struct eio_failure why;
    sio__eio_failure_set(&why, cause, status, "%s", text);
    why.reason = reason;
    sio__eio_client_finish(c, &why);
}

enum eio_client_state sio__eio_client_state(const struct eio_client *c) {
    return (enum eio_client_state)c->state;
}

const char *sio__eio_client_sid(const struct eio_client *c) {
    return c->handshake.sid;
}

const char *sio__eio_client_transport(const struct eio_client *c) {
    switch (c->transport) {
    case SIO_POLLING: return "polling";
    case SIO_WEBSOCKET: return "websocket";
    default: return "";
    }
}
