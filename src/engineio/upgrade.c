/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "engineio/upgrade.h"

#include "base/alloc.h"
#include "engineio/polling.h"
#include "engineio/session.h"
#include "engineio/websocket.h"

static void free_upgrade(struct upgrade *u) {
    sio__reactor_stop(u->session->engine->reactor, &u->timer);
    u->session->polling->upgrade = NULL;
    sio__free(u);
}

static void on_timer(struct timer *t) {
    struct upgrade *u = SIO_CONTAINER_OF(t, struct upgrade, timer);
    sio__engine_count(u->session->engine, SIO_CAUSE_UPGRADE_TIME, NULL);
    sio__upgrade_cancel(u->session);
}

void sio__upgrade_begin(struct session *s, struct websocket *ws) {
    struct upgrade *u = NULL;
    if (s->state == SESSION_OPEN && s->polling != NULL && s->polling->upgrade == NULL) {
        u = sio__malloc(sizeof *u);
    }
    if (u == NULL) {
        sio__websocket_close(ws, 0);
        return;
    }
    sio__timer_init(&u->timer, on_timer);
    u->session = s;
    u->ws = ws;
    u->probed = false;
    s->polling->upgrade = u;
    ws->session = s;
    ws->probing = true;
    sio__engine_start(s->engine, &u->timer, s->engine->options->o.upgrade_timeout_ms);
}

void sio__upgrade_packet(struct session *s, const struct eio_packet *packet) {
    struct upgrade *u = s->polling->upgrade;
    struct websocket *ws = u->ws;
    if (packet->type == EIO_PING && sio__text_eq(packet->data, SIO_TEXT("probe"))) {
        SIO_DEBUG(s->engine->log, LOG_COMPONENT_ENGINE_SOCKET,
                  "%s: got probe ping packet, sending pong", sio__session_sid(s));
        u->probed = true;
        /* Clients ask once; who asks on and reads no answer fills the memory. */
        bool unread = sio__stream_pending(ws->stream) > s->engine->options->o.send_high_water_bytes;
        if (unread || sio__websocket_text(ws, SIO_TEXT("3probe")) < 0) {
            sio__upgrade_cancel(s);
            return;
        }
        /* The client pauses polling when its GET returns. */
        sio__polling_release(s->polling);
        return;
    }
    if (packet->type == EIO_UPGRADE && u->probed) {
        SIO_DEBUG(s->engine->log, LOG_COMPONENT_ENGINE_SOCKET, "%s: upgraded to websocket",
                  sio__session_sid(s));
        free_upgrade(u);
        ws->probing = false;
        sio__session_switch(s, ws);
        return;
    }
    sio__upgrade_cancel(s);
}

void sio__upgrade_lost(struct session *s) {
    if (s->polling != NULL && s->polling->upgrade != NULL) {
        free_upgrade(s->polling->upgrade);
    }
}

void sio__upgrade_cancel(struct session *s) {
    if (s->polling != NULL && s->polling->upgrade != NULL) {
        struct websocket *ws = s->polling->upgrade->ws;
        free_upgrade(s->polling->upgrade);
        sio__websocket_close(ws, 0);
    }
}
