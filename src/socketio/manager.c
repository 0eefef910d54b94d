/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The connection of a client: opened, lost, and opened again (the Manager of the official client).
 *
 * A round of reconnection is: wait, tell of the attempt, open; a failure begins the next round. The
 * delay doubles with each, and is back at its beginning once a connection stands.
 */
#include <sio/error.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "socketio/client_core.h"

/* A text with the URL that may have been meant: a host is no longer than 255 characters. */
#define HINTED_CHARS 600

static bool is_idle(const sio_client *c) {
    return atomic_load(&c->state) == SIO_CLIENT_CLOSED;
}

bool sio__manager_is_at_rest(const sio_client *c) {
    return is_idle(c) && !c->reconnecting && !c->wanted && !sio__list_linked(&c->open_task.link);
}

static void notify(sio_client *c, const sio_notice *notice) {
    if (c->on_notice != NULL && !c->silent) {
        c->on_notice(c, notice, c->on_notice_user);
    }
}

/* Calls fn for the sockets there are now. The application may make others meanwhile; none goes
 * away before the client does. */
static void for_each_socket(sio_client *c,
                            void (*fn)(struct client_socket *s, const sio_notice *notice),
                            const sio_notice *notice) {
    struct list *last = c->sockets.prev;
    for (struct list *node = c->sockets.next; !c->silent && !sio__list_empty(&c->sockets);
         node = node->next) {
        fn(SIO_CONTAINER_OF(node, struct client_socket, link), notice);
        if (node == last) {
            return;
        }
    }
}

static void socket_drain(struct client_socket *s, const sio_notice *notice) {
    (void)notice;
    sio__client_flush(s);
    sio__client_queue_next(s);
}

static void socket_open(struct client_socket *s, const sio_notice *notice) {
    (void)notice;
    sio__client_socket_on_open(s);
}

static void socket_close(struct client_socket *s, const sio_notice *notice) {
    sio__client_socket_on_close(s, notice->reason, notice->cause, notice->text);
}

static void socket_error(struct client_socket *s, const sio_notice *notice) {
    sio__client_socket_on_error(s, notice->status, notice->text);
}

/* ---- rounds ---- */

static void begin_round(sio_client *c, uint32_t delay_ms) {
    c->reconnecting = true;
    sio__reactor_start(&c->host->reactor, &c->timer, delay_ms);
}

/* @return the delay before the next attempt; SIO_NEVER when there is to be none */
static uint32_t next_delay(sio_client *c) {
    const sio_client_options *o = &c->options.o;
    if (c->wanted) { /* opened again while it was closing */
        return 0;
    }
    if (o->no_reconnection || c->skip_reconnect) {
        return SIO_NEVER;
    }
    if (o->reconnection_attempts != 0 && c->backoff.attempts >= o->reconnection_attempts) {
        return SIO_NEVER;
    }
    uint32_t random = 0;
    if (sio__rand_bytes(&c->host->reactor.random, &random, sizeof random) < 0) {
        random = (uint32_t)sio__reactor_now(&c->host->reactor); /* jitter needs no secret */
    }
    return sio__backoff_next(&c->backoff, random);
}

static void give_up(sio_client *c) {
    bool was_trying = !c->options.o.no_reconnection && !c->skip_reconnect;
    c->reconnecting = false;
    sio__backoff_reset(&c->backoff);
    if (was_trying) {
        notify(c, &(sio_notice){.kind = SIO_NOTICE_RECONNECT_FAILED,
                                .status = c->last_status,
                                .delay_ms = SIO_NEVER,
                                .text = ""});
    }
    if (sio__manager_is_at_rest(c)) {
        sio__client_finish(c, c->skip_reconnect ? c->close_result : c->last_status);
    }
}

/* After everybody was told; they may have opened or closed it meanwhile. */
static void go_on(sio_client *c, uint32_t delay_ms) {
    if (c->silent || !is_idle(c) || c->reconnecting || sio__list_linked(&c->open_task.link)) {
        return;
    }
    if (c->wanted) {
        c->wanted = false;
        sio__task_queue(&c->host->reactor, &c->open_task);
        return;
    }
    if (c->skip_reconnect || delay_ms == SIO_NEVER) {
        give_up(c);
    } else {
        begin_round(c, delay_ms);
    }
}

/* A URL without a scheme is one of https, which a server without TLS does not take. */
static const char *with_hint(const sio_client *c, int status, const char *text,
                             char hinted[HINTED_CHARS]) {
    static const char no_tls[] = "peer does not speak TLS";
    size_t len = strlen(text);
    if (!c->options.url.no_scheme || status != SIO_ERR_TLS || len < sizeof no_tls - 1 ||
        strcmp(text + len - (sizeof no_tls - 1), no_tls) != 0) {
        return text;
    }
    (void)snprintf(hinted, HINTED_CHARS, "%s; did you mean http://%s?", text,
                   c->options.url.authority.data);
    return hinted;
}

static void attempt_failed(sio_client *c, int cause, int status, const char *text) {
    char hinted[HINTED_CHARS];
    bool was_reconnecting = c->reconnecting;
    c->last_status = status;
    c->reconnecting = false;
    sio_notice notice = {.kind = SIO_NOTICE_ERROR,
                         .status = status,
                         .cause = cause,
                         .attempt = c->backoff.attempts,
                         .delay_ms = next_delay(c),
                         .text = with_hint(c, status, text, hinted)};
    c->gave_up = notice.delay_ms == SIO_NEVER;
    notify(c, &notice);
    for_each_socket(c, socket_error, &notice);
    if (was_reconnecting) {
        notice.kind = SIO_NOTICE_RECONNECT_ERROR;
        notify(c, &notice);
    }
    go_on(c, notice.delay_ms);
}

/* ---- the engine ---- */

static void on_open(struct eio_client *e) {
    sio_client *c = sio__eio_client_owner(e);
    atomic_store(&c->state, SIO_CLIENT_OPEN);
    notify(c, &(sio_notice){.kind = SIO_NOTICE_OPEN, .text = sio__eio_client_transport(e)});
    for_each_socket(c, socket_open, NULL);
    uint32_t attempts = c->backoff.attempts;
    sio__backoff_reset(&c->backoff);
    if (c->reconnecting) {
        c->reconnecting = false;
        notify(c, &(sio_notice){.kind = SIO_NOTICE_RECONNECT, .attempt = attempts, .text = ""});
    }
}

static void connection_lost(sio_client *c, int reason, int cause, int status, const char *text) {
    sio__backoff_reset(&c->backoff);
    c->last_status = status < 0 ? status : SIO_ERR_CLOSED;
    sio_notice notice = {.kind = SIO_NOTICE_CLOSE,
                         .status = status,
                         .reason = reason,
                         .cause = cause,
                         .delay_ms = next_delay(c),
                         .text = text};
    c->gave_up = notice.delay_ms == SIO_NEVER;
    notify(c, &notice);
    for_each_socket(c, socket_close, &notice);
    go_on(c, notice.delay_ms);
}

/* Somebody was told that too much waits to be sent. */
static bool awaits_room(const sio_client *c) {
    return atomic_load(&c->is_slow) || atomic_load(&c->is_full);
}

/* What other threads send is taken again. */
static void has_room(sio_client *c) {
    atomic_store(&c->is_slow, false);
    atomic_store(&c->is_full, false);
}

void sio__manager_tell_room(sio_client *c) {
    if (!awaits_room(c)) {
        notify(c, &(sio_notice){.kind = SIO_NOTICE_DRAIN, .text = ""});
    }
}

static void on_close(struct eio_client *e, int reason, int cause, int status, const char *text) {
    sio_client *c = sio__eio_client_owner(e);
    bool was_open = atomic_load(&c->state) == SIO_CLIENT_OPEN;
    bool was_closing = c->closing;
    bool was_full = awaits_room(c);
    c->closing = false;
    atomic_store(&c->state, SIO_CLIENT_CLOSED);
    has_room(c);
    sio__reader_reset(&c->reader);
    sio__reactor_stop(&c->host->reactor, &c->attachment_timer);
    if (was_open) {
        connection_lost(c, reason, cause, status, text);
    } else if (was_closing) {
        go_on(c, SIO_NEVER);
    } else { /* a server that closes in order has not opened either */
        attempt_failed(c, cause, status < 0 ? status : SIO_ERR_CLOSED, text);
    }
    if (was_full) { /* by what has gone with the connection */
        sio__manager_tell_room(c);
    }
}

/* What waits because send_hard_bytes was reached may go on. */
static void on_drain(struct eio_client *e) {
    sio_client *c = sio__eio_client_owner(e);
    bool was_full = awaits_room(c);
    has_room(c);
    for_each_socket(c, socket_drain, NULL);
    if (was_full) {
        sio__manager_tell_room(c);
    }
}

static void on_ping(struct eio_client *e) {
    notify(sio__eio_client_owner(e), &(sio_notice){.kind = SIO_NOTICE_PING, .text = ""});
}

static void on_upgrade(struct eio_client *e) {
    notify(sio__eio_client_owner(e),
           &(sio_notice){.kind = SIO_NOTICE_UPGRADE, .text = sio__eio_client_transport(e)});
}

static void on_upgrade_error(struct eio_client *e, int status, const char *text) {
    notify(sio__eio_client_owner(e),
           &(sio_notice){.kind = SIO_NOTICE_UPGRADE_ERROR, .status = status, .text = text});
}

static void on_trace(struct eio_client *e, bool sent, const void *data, size_t len, bool binary) {
    sio_client *c = sio__eio_client_owner(e);
    if (c->on_trace != NULL && !c->silent) {
        c->on_trace(c, sent, sio__eio_client_transport(e), data, len, binary, c->on_trace_user);
    }
}

/* ---- packets ---- */

static int cause_of(enum packet_error error) {
    switch (error) {
    case PACKET_TOO_MANY_ATTACHMENTS: return SIO_CAUSE_ATTACHMENT_COUNT;
    case PACKET_ATTACHMENTS_TOO_BIG: return SIO_CAUSE_ATTACHMENT_BYTES;
    case PACKET_NOMEM: return SIO_CAUSE_OUT_OF_MEMORY;
    default: return SIO_CAUSE_PACKET_SYNTAX;
    }
}

static int violation_status(int cause) {
    switch (cause) {
    case SIO_CAUSE_OUT_OF_MEMORY: return SIO_ERR_NOMEM;
    case SIO_CAUSE_ATTACHMENT_COUNT:
    case SIO_CAUSE_ATTACHMENT_BYTES: return SIO_ERR_TOO_BIG;
    case SIO_CAUSE_ATTACHMENT_TIME: return SIO_ERR_TIMEOUT;
    default: return SIO_ERR_PROTO;
    }
}

void sio__manager_violation(sio_client *c, int cause, const char *text) {
    sio__eio_client_fail(c->engine, SIO_REASON_PARSE_ERROR, cause, violation_status(cause), text);
}

static void on_attachment_timer(struct timer *t) {
    sio_client *c = SIO_CONTAINER_OF(t, sio_client, attachment_timer);
    sio__manager_violation(c, SIO_CAUSE_ATTACHMENT_TIME, "attachments are missing");
}

static struct client_socket *find(const sio_client *c, struct text nsp) {
    for (struct list *node = c->sockets.next; node != &c->sockets; node = node->next) {
        struct client_socket *s = SIO_CONTAINER_OF(node, struct client_socket, link);
        /* All begin with a '/', so the main one is known by its length. */
        if (s->home.nsp.len == nsp.len && (nsp.len == 1 || sio__text_eq(s->home.nsp, nsp))) {
            return s;
        }
    }
    return NULL;
}

static void begin_attachments(sio_client *c, struct received *packet) {
    enum packet_error error = sio__reader_begin(&c->reader, packet);
    if (error != PACKET_OK) {
        sio__manager_violation(c, cause_of(error), sio__packet_error_text(error));
    } else if (c->options.o.attachment_timeout_ms != SIO_NEVER) {
        sio__reactor_start(&c->host->reactor, &c->attachment_timer,
                           c->options.o.attachment_timeout_ms);
    }
}

static void on_packet(sio_client *c, struct received *packet) {
    struct client_socket *s = find(c, packet->packet.nsp);
    if (s != NULL) { /* others were never asked for: ignored, as the official client does */
        sio__client_socket_on_packet(s, packet);
    }
    sio__received_done(&c->reader, packet);
}

static void on_message(struct eio_client *e, uint8_t *data, size_t len, bool binary) {
    sio_client *c = sio__eio_client_owner(e);
    if (c->silent) {
        return;
    }
    struct received packet;
    enum packet_error error = PACKET_OK;
    enum read_state state = binary
                                ? sio__reader_binary(&c->reader, data, len, &packet, &error)
                                : sio__reader_text(&c->reader, (const char *)data, len,
                                                   c->options.o.max_attachments, &packet, &error);
    if (c->reader.assembler == NULL && sio__timer_active(&c->attachment_timer)) {
        sio__reactor_stop(&c->host->reactor, &c->attachment_timer);
    }
    switch (state) {
    case READ_MORE: break;
    case READ_ERROR:
        sio__manager_violation(c, cause_of(error), sio__packet_error_text(error));
        break;
    case READ_BEGINS: begin_attachments(c, &packet); break;
    case READ_PACKET: on_packet(c, &packet); break;
    }
}

/* ---- opening and closing ---- */

static const struct eio_client_ops ops = {.on_open = on_open,
                                          .on_message = on_message,
                                          .on_close = on_close,
                                          .on_drain = on_drain,
                                          .on_ping = on_ping,
                                          .on_upgrade = on_upgrade,
                                          .on_upgrade_error = on_upgrade_error,
                                          .on_trace = on_trace};

static int open_engine(sio_client *c) {
    int r = 0;
    if (c->engine == NULL) {
        r = sio__eio_client_new(&c->host->reactor, &c->options.engine, &c->host->frames, &c->log,
                                &ops, c, &c->engine);
    }
    if (r == 0) {
        sio__eio_client_set_traced(c->engine, c->on_trace != NULL);
        r = sio__eio_client_open(c->engine);
    }
    if (r == 0) {
        atomic_store(&c->state, SIO_CLIENT_OPENING);
    }
    return r;
}

/* Tries to open; from the loop. */
static void try_open(sio_client *c) {
    int r = open_engine(c);
    if (r < 0) {
        attempt_failed(c, SIO_CAUSE_CONNECT_FAILED, r, sio_strerror(r));
    }
}

static void on_timer(struct timer *t) {
    sio_client *c = SIO_CONTAINER_OF(t, sio_client, timer);
    notify(c, &(sio_notice){.kind = SIO_NOTICE_RECONNECT_ATTEMPT,
                            .attempt = c->backoff.attempts,
                            .text = ""});
    if (!c->silent && !c->skip_reconnect && is_idle(c)) {
        try_open(c);
    }
}

static void on_open_task(struct task *task) {
    sio_client *c = SIO_CONTAINER_OF(task, sio_client, open_task);
    if (!c->silent && !c->skip_reconnect && is_idle(c)) {
        try_open(c);
    }
}

static void on_room_task(struct task *task) {
    sio__manager_tell_room(SIO_CONTAINER_OF(task, sio_client, room_task));
}

void sio__manager_init(sio_client *c) {
    const sio_client_options *o = &c->options.o;
    sio__timer_init(&c->timer, on_timer);
    sio__timer_init(&c->attachment_timer, on_attachment_timer);
    sio__task_init(&c->open_task, on_open_task);
    sio__task_init(&c->room_task, on_room_task);
    sio__backoff_init(&c->backoff, o->reconnection_delay_ms, o->reconnection_delay_max_ms,
                      o->randomization_percent == SIO_NEVER ? 0.0
                                                            : o->randomization_percent / 100.0);
    c->reader.pool = &c->assemblers;
}

void sio__manager_done(sio_client *c) {
    sio__reactor_stop(&c->host->reactor, &c->timer);
    sio__reactor_stop(&c->host->reactor, &c->attachment_timer);
    sio__task_cancel(&c->open_task);
    sio__task_cancel(&c->room_task);
    sio__eio_client_free(c->engine);
    c->engine = NULL;
    sio__reader_reset(&c->reader);
    atomic_store(&c->state, SIO_CLIENT_CLOSED);
}

void sio__manager_open(sio_client *c) {
    c->skip_reconnect = false;
    c->gave_up = false;
    c->finished = false;
    sio__client_tell_joins(c, SIO_ERR_STATE);
    if (!is_idle(c) && !c->closing) {
        return;
    }
    if (c->closing || atomic_load(&c->mode) == MODE_NONE) {
        c->wanted = true;
        return;
    }
    sio__client_keep_alive(c, true);
    sio__reactor_stop(&c->host->reactor, &c->timer);
    sio__task_queue(&c->host->reactor, &c->open_task);
}

void sio__manager_wanted(sio_client *c) {
    if (!c->reconnecting || c->skip_reconnect) {
        sio__manager_open(c);
    }
}

void sio__manager_close(sio_client *c, int result) {
    c->skip_reconnect = true;
    c->reconnecting = false;
    sio__backoff_reset(&c->backoff);
    c->wanted = false;
    c->close_result = result;
    sio__reactor_stop(&c->host->reactor, &c->timer);
    sio__task_cancel(&c->open_task);
    if (is_idle(c)) {
        sio__client_finish(c, result);
    } else if (!c->closing) {
        c->closing = true;
        sio__eio_client_close(c->engine);
    }
}

void sio__manager_release(sio_client *c, int result) {
    for (struct list *node = c->sockets.next; node != &c->sockets; node = node->next) {
        if (SIO_CONTAINER_OF(node, struct client_socket, link)->active) {
            return;
        }
    }
    sio__manager_close(c, result);
}

int sio__manager_send(sio_client *c, struct frame *f) {
    int r = c->engine != NULL ? sio__eio_client_send(c->engine, f) : SIO_ERR_CLOSED;
    if (r == SIO_SLOW) {
        atomic_store(&c->is_slow, true);
    } else if (r == SIO_ERR_BUSY) {
        atomic_store(&c->is_full, true);
    }
    return r;
}

int sio__manager_send_text(sio_client *c, struct text packet) {
    return c->engine != NULL ? sio__eio_client_send_text(c->engine, packet) : SIO_ERR_STATE;
}
