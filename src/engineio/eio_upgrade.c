/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "engineio/eio_upgrade.h"

#include <sio/error.h>
#include <sio/reason.h>

#include "base/alloc.h"

struct eio_upgrade {
    struct reactor *reactor;
    const struct eio_upgrade_ops *ops;
    void *owner;
    struct eio_websocket *ws;
    struct timer timer;
    bool probed;
    bool busy; /* in a callback: it is freed later */
    bool dead;
};

void sio__eio_upgrade_free(struct eio_upgrade *u) {
    if (u == NULL) {
        return;
    }
    sio__reactor_stop(u->reactor, &u->timer);
    if (u->ws != NULL) {
        sio__eio_websocket_let_go(u->ws, 0);
        u->ws = NULL;
    }
    if (u->busy) {
        u->dead = true;
    } else {
        sio__free(u);
    }
}

static void leave(struct eio_upgrade *u) {
    u->busy = false;
    if (u->dead) {
        sio__free(u);
    }
}

static void fail(struct eio_upgrade *u, const struct eio_failure *why) {
    u->busy = true;
    u->ops->on_failed(u->owner, why);
    leave(u);
}

static void fail_text(struct eio_upgrade *u, int cause, int status, const char *text) {
    struct eio_failure why;
    sio__eio_failure_set(&why, cause, status, "probe error: %s", text);
    fail(u, &why);
}

static int send_packet(struct eio_upgrade *u, struct text packet) {
    int r = sio__eio_websocket_send(u->ws, packet.data, packet.len, false);
    if (r == 0) {
        u->ops->on_packet(u->owner, true, packet, false);
    }
    return r;
}

static void on_open(void *owner) {
    struct eio_upgrade *u = owner;
    u->busy = true;
    int r = send_packet(u, SIO_TEXT("2probe"));
    if (r < 0 && !u->dead) {
        fail_text(u, sio__eio_failure_cause(r), r, sio_strerror(r));
        return;
    }
    leave(u);
}

static void on_message(void *owner, uint8_t *data, size_t len, bool binary) {
    struct eio_upgrade *u = owner;
    struct text packet = {(const char *)data, len};
    u->busy = true;
    u->ops->on_packet(u->owner, false, packet, binary);
    if (u->dead) {
        leave(u);
        return;
    }
    if (binary || u->probed || !sio__text_eq(packet, SIO_TEXT("3probe"))) {
        fail_text(u, SIO_CAUSE_PACKET_STATE, SIO_ERR_PROTO, "unexpected packet");
        return;
    }
    u->probed = true;
    sio__reactor_stop(u->reactor, &u->timer);
    u->ops->on_probed(u->owner);
    leave(u);
}

static void on_drain(void *owner) {
    (void)owner;
}

static void on_closed(void *owner, const struct eio_failure *why) {
    fail_text(owner, why->cause, why->status == 0 ? SIO_ERR_CLOSED : why->status, why->text);
}

static void on_timer(struct timer *t) {
    fail_text(SIO_CONTAINER_OF(t, struct eio_upgrade, timer), SIO_CAUSE_UPGRADE_TIME,
              SIO_ERR_TIMEOUT, "timeout");
}

int sio__eio_upgrade_new(struct reactor *r, const struct eio_client_config *config, struct text sid,
                         const struct eio_upgrade_ops *ops, void *owner,
                         struct eio_upgrade **ret_upgrade) {
    static const struct eio_websocket_ops websocket_ops = {on_open, on_message, on_drain, on_closed,
                                                           NULL};
    struct eio_upgrade *u = sio__calloc(1, sizeof *u);
    if (u == NULL) {
        return SIO_ERR_NOMEM;
    }
    u->reactor = r;
    u->ops = ops;
    u->owner = owner;
    sio__timer_init(&u->timer, on_timer);
    int status = sio__eio_websocket_new(r, config, sid, &websocket_ops, u, &u->ws);
    if (status < 0) {
        sio__free(u);
        return status;
    }
    uint32_t limit = config->open_timeout_ms;
    sio__reactor_start(r, &u->timer, limit > 0 ? limit : EIO_UPGRADE_TIMEOUT_MS);
    *ret_upgrade = u;
    return 0;
}

bool sio__eio_upgrade_probed(const struct eio_upgrade *u) {
    return u->probed;
}

struct eio_websocket *sio__eio_upgrade_take(struct eio_upgrade *u,
                                            const struct eio_websocket_ops *ops, void *owner) {
    struct eio_websocket *ws = u->ws;
    if (sio__eio_websocket_send(ws, "5", 1, false) < 0) {
        return NULL;
    }
    u->ws = NULL;
    sio__eio_websocket_set_owner(ws, ops, owner);
    sio__eio_upgrade_free(u);
    return ws;
}
