/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "engineio/polling.h"

#include <sio/error.h>

#include "engineio/http_conn.h"
#include "engineio/session.h"
#include "engineio/upgrade.h"
#include "proto/eio_payload.h"

#define TEXT_TYPE "text/plain; charset=UTF-8"

/* A scratch buffer that a large answer has grown beyond this is given back. */
#define SCRATCH_KEEP_BYTES 65536u

int sio__polling_new(struct session *s) {
    struct polling *p = sio__slab_alloc(&s->engine->polling_slab);
    if (p == NULL) {
        return SIO_ERR_NOMEM;
    }
    *p = (struct polling){.session = s};
    sio__list_init(&p->flush);
    s->polling = p;
    return 0;
}

static void clear_queue(struct polling *p) {
    struct engine *e = p->session->engine;
    struct queued_packet *q = p->head;
    while (q != NULL) {
        struct queued_packet *next = q->next;
        sio__frame_unref(&e->frames, q->frame);
        sio__slab_free(&e->packet_slab, q);
        q = next;
    }
    p->head = NULL;
    p->tail = NULL;
    p->bytes = 0;
}

void sio__polling_free(struct polling *p) {
    if (p != NULL) {
        clear_queue(p);
        sio__list_remove(&p->flush);
        sio__slab_free(&p->session->engine->polling_slab, p);
    }
}

static void mark(struct polling *p) {
    if (p->get != NULL && !sio__list_linked(&p->flush)) {
        sio__list_push_back(&p->session->engine->flush, &p->flush);
    }
}

int sio__polling_send(struct polling *p, struct frame *f, bool no_compress) {
    struct queued_packet *q = sio__slab_alloc(&p->session->engine->packet_slab);
    if (q == NULL) {
        return SIO_ERR_NOMEM;
    }
    *q = (struct queued_packet){.frame = sio__frame_ref(f), .no_compress = no_compress};
    if (p->tail != NULL) {
        p->tail->next = q;
    } else {
        p->head = q;
    }
    p->tail = q;
    p->bytes += f->bytes;
    mark(p);
    return 0;
}

/* ---- answers to GET ---- */

static int put_frame(struct buf *out, const struct frame *f) {
    int r = 0;
    for (uint32_t i = 0; i < f->part_count && r == 0; i++) {
        struct text data = sio__frame_part_data(&f->parts[i]);
        if (f->parts[i].binary) {
            r = sio__eio_payload_append_binary(out, 0, data.data, data.len);
        } else {
            r = sio__eio_payload_append_text(out, 0, data);
        }
    }
    return r;
}

static int build_payload(struct polling *p, bool goodbye, struct buf *out, bool *ret_compress) {
    int r = 0;
    *ret_compress = false;
    sio__buf_clear(out);
    for (struct queued_packet *q = p->head; q != NULL && r == 0; q = q->next) {
        r = put_frame(out, q->frame);
        *ret_compress = *ret_compress || !q->no_compress;
    }
    if (r == 0 && p->noop && p->head == NULL) {
        r = sio__eio_payload_append_text(out, 0, SIO_TEXT("6"));
    }
    if (r == 0 && goodbye) {
        r = sio__eio_payload_append_text(out, 0, SIO_TEXT("1"));
    }
    return r;
}

/* @return the encoding of e->packed, or NULL when the payload is to be sent as it is */
static const char *pack_payload(struct engine *e, const struct http_conn *conn) {
    const sio_server_options *o = &e->options->o;
    if (o->no_compression || e->payload.len < o->compression_threshold_bytes) {
        return NULL;
    }
    enum http_encoding encoding = sio__http_encoding(&conn->parser.head, HTTP_GZIP | HTTP_DEFLATE);
    if (encoding == HTTP_PLAIN) {
        return NULL;
    }
    sio__buf_clear(&e->packed);
    enum gzip_format format = encoding == HTTP_GZIP ? GZIP_GZIP : GZIP_DEFLATE;
    if (sio__gzip_pack(&e->gzip, format, sio__buf_text(&e->payload), &e->packed) < 0) {
        return NULL; /* without memory it goes out as it is */
    }
    return encoding == HTTP_GZIP ? "gzip" : "deflate";
}

static struct http_conn *take_get(struct polling *p) {
    struct http_conn *conn = p->get;
    p->get = NULL;
    conn->session = NULL;
    sio__list_remove(&p->flush);
    return conn;
}

static void answer_get(struct polling *p, struct http_conn *conn, struct text payload,
                       const char *encoding) {
    struct engine *e = p->session->engine;
    bool first = p->opening;
    p->opening = false;
    sio__http_answer(conn, &(struct answer){.status = 200,
                                            .content_type = TEXT_TYPE,
                                            .encoding = encoding,
                                            .body = payload,
                                            .engine = true,
                                            .first = first});
    sio__buf_shrink(&e->payload, SCRATCH_KEEP_BYTES);
    sio__buf_shrink(&e->packed, SCRATCH_KEEP_BYTES);
}

void sio__polling_flush(struct polling *p) {
    struct session *s = p->session;
    struct engine *e = s->engine;
    if (p->get == NULL || (p->head == NULL && !p->noop && !p->saying_goodbye)) {
        sio__list_remove(&p->flush);
        return;
    }
    bool may_compress = false;
    bool goodbye = p->saying_goodbye && (p->head == NULL || !p->patient);
    if (build_payload(p, goodbye, &e->payload, &may_compress) < 0) {
        sio__http_cut(take_get(p));
        sio__session_ended(s, SIO_REASON_TRANSPORT_ERROR, SIO_CAUSE_OUT_OF_MEMORY);
        return;
    }
    const char *encoding = may_compress ? pack_payload(e, p->get) : NULL;
    struct http_conn *conn = take_get(p);
    clear_queue(p);
    p->noop = false;
    SIO_DEBUG(e->log, LOG_COMPONENT_ENGINE_POLLING, "%s: writing %zu bytes", sio__session_sid(s),
              e->payload.len);
    answer_get(p, conn, sio__buf_text(encoding != NULL ? &e->packed : &e->payload), encoding);
    if (goodbye) {
        sio__session_finish(s);
    } else if (s->drain_wanted && !sio__list_linked(&p->flush)) {
        sio__list_push_back(&e->flush,
                            &p->flush); /* who waits for it is told at the end of the turn */
    }
}

void sio__polling_release(struct polling *p) {
    if (p->get != NULL) {
        p->noop = true;
        sio__polling_flush(p);
    }
}

bool sio__polling_close(struct polling *p, bool patiently) {
    p->saying_goodbye = true;
    p->patient = patiently;
    mark(p);
    return p->get != NULL;
}

void sio__polling_end_get(struct polling *p) {
    if (p->get != NULL) {
        answer_get(p, take_get(p), SIO_TEXT("1"), NULL);
    }
}

/* ---- requests ---- */

void sio__polling_get(struct session *s, struct http_conn *conn) {
    struct polling *p = s->polling;
    if (p->get != NULL) {
        sio__session_close(s, SIO_REASON_TRANSPORT_ERROR, SIO_CAUSE_OVERLAP);
        sio__http_answer_empty(conn, 400, true);
        return;
    }
    p->get = conn;
    conn->session = s;
    bool is_probed = p->upgrade != NULL && p->upgrade->probed;
    if (is_probed || s->state == SESSION_CLOSING) {
        /* A client that upgrades pauses polling as soon as this returns. */
        sio__polling_release(p);
    } else if (p->head != NULL) {
        mark(p);
    }
}

bool sio__polling_post(struct session *s, struct http_conn *conn, bool octet_stream) {
    if (octet_stream) {
        sio__session_close(s, SIO_REASON_TRANSPORT_ERROR, SIO_CAUSE_CONTENT_TYPE);
        return false;
    }
    if (s->polling->post != NULL) {
        sio__session_close(s, SIO_REASON_TRANSPORT_ERROR, SIO_CAUSE_OVERLAP);
        return false;
    }
    s->polling->post = conn;
    conn->session = s;
    return true;
}

void sio__polling_body(struct session *s, struct text body) {
    struct engine *e = s->engine;
    s->polling->post->session = NULL;
    s->polling->post = NULL;
    struct eio_payload payload;
    struct eio_packet packet;
    sio__eio_payload_init(&payload, body, &e->bytes);
    int r = sio__eio_payload_next(&payload, &packet);
    while (r > 0 && sio__session_packet(s, &packet)) {
        r = sio__eio_payload_next(&payload, &packet);
    }
    if (r < 0) {
        int cause = r == SIO_ERR_NOMEM ? SIO_CAUSE_OUT_OF_MEMORY : SIO_CAUSE_ENGINE_SYNTAX;
        sio__session_close(s, SIO_REASON_PARSE_ERROR, cause);
    }
    sio__buf_shrink(&e->bytes, SCRATCH_KEEP_BYTES);
}

void sio__polling_lost(struct session *s, struct http_conn *conn, int cause) {
    struct polling *p = s->polling;
    if (p->get == conn) {
        take_get(p);
    } else {
        p->post = NULL;
        conn->session = NULL;
    }
    sio__session_ended(s, SIO_REASON_TRANSPORT_ERROR, cause);
}

void sio__polling_abort(struct polling *p) {
    struct http_conn *post = p->post;
    if (post != NULL) {
        p->post = NULL;
        post->session = NULL;
        sio__http_cut(post);
    }
    sio__polling_end_get(p);
    sio__list_remove(&p->flush);
}
