/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "engineio/engine.h"

#include <sio/error.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "engineio/http_conn.h"
#include "engineio/polling.h"
#include "engineio/session.h"
#include "engineio/websocket.h"
#include "proto/ws_handshake.h"

/* Causes from here on are limits: somebody may want to know. */
#define FIRST_LIMIT SIO_CAUSE_HEAD_BYTES

static const char *session_key(const void *item, size_t *ret_len) {
    const char *sid = sio__session_sid(item);
    *ret_len = strlen(sid);
    return sid;
}

static void release_frame(void *context, void *shared) {
    sio__frame_unref(context, shared);
}

/* Sends what polling sessions have gathered in this turn. */
static void flush_polling(void *owner) {
    struct engine *e = owner;
    struct list *node = sio__list_pop_front(&e->flush);
    while (node != NULL) {
        struct polling *p = SIO_CONTAINER_OF(node, struct polling, flush);
        struct session *s = p->session;
        sio__polling_flush(p);
        if (s->polling == p && p->head == NULL) {
            sio__session_drained(s);
        }
        node = sio__list_pop_front(&e->flush);
    }
}

static struct frame *make_frame(struct engine *e, const char *text) {
    struct frame_source source = {text, strlen(text), false};
    return sio__frame_new(&e->frames, &source, 1);
}

static int make_frames(struct engine *e) {
    const char *initial = e->options->o.initial_packet;
    e->ping = make_frame(e, "2");
    if (e->ping == NULL) {
        return SIO_ERR_NOMEM;
    }
    if (initial == NULL) {
        return 0;
    }
    size_t len = strlen(initial);
    char *message = sio__malloc(len + 2);
    if (message == NULL) {
        return SIO_ERR_NOMEM;
    }
    message[0] = '4';
    memcpy(message + 1, initial, len + 1);
    e->initial = make_frame(e, message);
    sio__free(message);
    return e->initial != NULL ? 0 : SIO_ERR_NOMEM;
}

/* ---- memory ---- */

/* Fewer sessions are not worth the trouble. */
#define TRIM_SESSIONS_MIN 256

/* Those who leave together are waited for. */
#define TRIM_DELAY_MS 1000

static void on_trim_timer(struct timer *t) {
    struct engine *e = SIO_CONTAINER_OF(t, struct engine, trim_timer);
    e->peak_sessions = e->stats.sessions;
    struct slab *slabs[] = {&e->session_slab, &e->polling_slab, &e->packet_slab, &e->websocket_slab,
                            &e->conn_slab};
    for (size_t i = 0; i < sizeof slabs / sizeof slabs[0]; i++) {
        sio__slab_trim(slabs[i]);
    }
    sio__frame_pool_trim(&e->frames);
    sio__reactor_trim(e->reactor);
    if (e->ops.on_trim != NULL) {
        e->ops.on_trim(e);
    }
    sio__alloc_trim();
}

void sio__engine_watch_sessions(struct engine *e) {
    if (e->stats.sessions > e->peak_sessions) {
        e->peak_sessions = e->stats.sessions;
    } else if (e->peak_sessions >= TRIM_SESSIONS_MIN && e->stats.sessions < e->peak_sessions / 2 &&
               !sio__timer_active(&e->trim_timer) && !e->closed) {
        sio__reactor_start(e->reactor, &e->trim_timer, TRIM_DELAY_MS);
    }
}

static void init_limits(struct engine *e) {
    const sio_server_options *o = &e->options->o;
    sio__ws_pool_init(&e->ws_pool);
    e->ws_config = (struct ws_config){.max_message_bytes = o->max_payload_bytes,
                                      .max_fragments = o->max_fragments,
                                      .is_server = true,
                                      .pool = &e->ws_pool};
    e->http_limits = (struct http1_limits){.max_head_bytes = (uint32_t)o->max_head_bytes,
                                           .max_headers = o->max_headers,
                                           .max_body_bytes = o->max_payload_bytes};
}

static void init_memory(struct engine *e) {
    sio__slab_init(&e->session_slab, sizeof(struct session));
    sio__slab_init(&e->polling_slab, sizeof(struct polling));
    sio__slab_init(&e->packet_slab, sizeof(struct queued_packet));
    sio__slab_init(&e->websocket_slab, sizeof(struct websocket));
    sio__slab_init(&e->conn_slab, sizeof(struct http_conn));
    sio__frame_pool_init(&e->frames);
    sio__buf_init(&e->head, 2 * (size_t)HTTP1_HEAD_MAX);
    sio__buf_init(&e->payload, SIZE_MAX);
    sio__buf_init(&e->packed, SIZE_MAX);
    sio__buf_init(&e->bytes, SIZE_MAX);
    sio__buf_init(&e->base64, SIZE_MAX);
    sio__headers_init(&e->headers);
}

int sio__engine_init(struct engine *e, struct reactor *r, const struct options *options,
                     struct logger *log, const struct engine_ops *ops, void *owner) {
    memset(e, 0, sizeof *e);
    e->reactor = r;
    e->options = options;
    e->log = log;
    e->ops = *ops;
    e->owner = owner;
    sio__list_init(&e->conns);
    sio__list_init(&e->closing);
    sio__list_init(&e->flush);
    sio__timer_init(&e->trim_timer, on_trim_timer);
    init_memory(e);
    init_limits(e);
    uint64_t seed[2] = {0, 0};
    int status = sio__rand_bytes(&r->random, seed, sizeof seed);
    sio__map_init(&e->sessions, session_key, seed);
    if (status < 0) {
        return status;
    }
    /* The first use of a digest loads much of OpenSSL: now, not with the first connection. */
    char accept[WS_ACCEPT_LEN + 1];
    status = sio__ws_accept("dGhlIHNhbXBsZSBub25jZQ==", accept);
    if (status < 0) {
        return status;
    }
    r->release = release_frame;
    r->release_context = &e->frames;
    r->hook = (struct flush_hook){flush_polling, e};
    return make_frames(e);
}

struct session *sio__engine_find(const struct engine *e, struct text sid) {
    return sio__map_find(&e->sessions, sid.data, sid.len);
}

static void shut_sessions(struct engine *e) {
    /* Sessions leave the map, and others move into their places: look there again, and begin anew
     * at the end. */
    while (e->sessions.len > 0) {
        uint32_t cursor = 0;
        struct session *s = sio__map_next(&e->sessions, &cursor);
        while (s != NULL) {
            sio__session_shut(s);
            cursor -= cursor > 0 ? 1 : 0;
            s = sio__map_next(&e->sessions, &cursor);
        }
    }
}

void sio__engine_close(struct engine *e) {
    if (e->closed) {
        return;
    }
    e->closed = true;
    sio__reactor_stop(e->reactor, &e->trim_timer);
    shut_sessions(e);
    struct list *closing = sio__list_first(&e->closing);
    while (closing != NULL) {
        sio__websocket_finish(closing);
        closing = sio__list_first(&e->closing);
    }
    struct list *node = e->conns.next;
    while (node != &e->conns) {
        struct http_conn *conn = SIO_CONTAINER_OF(node, struct http_conn, link);
        node = node->next;
        /* What was answered in this turn still goes out. */
        sio__http_finish(conn);
    }
}

void sio__engine_done(struct engine *e) {
    sio__frame_unref(&e->frames, e->ping);
    sio__frame_unref(&e->frames, e->initial);
    sio__frame_pool_done(&e->frames);
    sio__ws_pool_done(&e->ws_pool);
    sio__map_done(&e->sessions);
    sio__slab_done(&e->session_slab);
    sio__slab_done(&e->polling_slab);
    sio__slab_done(&e->packet_slab);
    sio__slab_done(&e->websocket_slab);
    sio__slab_done(&e->conn_slab);
    sio__buf_done(&e->head);
    sio__buf_done(&e->payload);
    sio__buf_done(&e->packed);
    sio__buf_done(&e->bytes);
    sio__buf_done(&e->base64);
    sio__headers_done(&e->headers);
    sio__gzip_done(&e->gzip);
}

void sio__engine_count(struct engine *e, int cause, const char *detail) {
    e->stats.causes[cause]++;
    const char *more = detail != NULL ? detail : "";
    bool everyday = cause == SIO_CAUSE_IDLE_TIME || cause == SIO_CAUSE_CLOSE_TIME;
    if (everyday || (cause < FIRST_LIMIT && cause != SIO_CAUSE_OUT_OF_MEMORY)) {
        SIO_DEBUG(e->log, LOG_COMPONENT_ENGINE, "%s %s", sio_cause_text(cause), more);
        return;
    }
    uint32_t suppressed = 0;
    if (sio__log_allow(&e->limits[cause], sio__reactor_now(e->reactor), &suppressed)) {
        SIO_LOG_AT(e->log, SIO_LOG_WARN, LOG_COMPONENT_ENGINE, "cause %d: %s%s%s (%u more before)",
                   cause, sio_cause_text(cause), *more != '\0' ? ": " : "", more,
                   (unsigned)suppressed);
    }
}

const char *sio__engine_date(struct engine *e) {
    static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if ((int64_t)now.tv_sec != e->date_s) {
        struct tm tm;
        gmtime_r(&now.tv_sec, &tm);
        /* Remainders of unsigned numbers, so that the compiler sees that it fits. */
        snprintf(e->date, sizeof e->date, "%s, %02u %s %04u %02u:%02u:%02u GMT",
                 days[(unsigned)tm.tm_wday % 7], (unsigned)tm.tm_mday % 100,
                 months[(unsigned)tm.tm_mon % 12], (unsigned)(tm.tm_year + 1900) % 10000,
                 (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100);
        e->date_s = now.tv_sec;
    }
    return e->date;
}
