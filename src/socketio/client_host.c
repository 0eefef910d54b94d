/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "socketio/client_host.h"

#include <sio/error.h>

#include "base/alloc.h"
#include "socketio/socket_base.h"

/* Digits, namespace and JSON of one event. */
#define PACKET_MAX_BYTES ((size_t)0x7fffffff)

struct client_host *sio__client_host_ref(struct client_host *h) {
    atomic_fetch_add(&h->refs, 1);
    return h;
}

void sio__client_host_unref(struct client_host *h) {
    if (h != NULL && atomic_fetch_sub(&h->refs, 1) == 1) {
        sio__free(h);
    }
}

static void on_closed(void *context) {
    struct client_host *h = context;
    sio__reactor_done(&h->reactor);
    sio__packer_done(&h->packer);
    sio__value_scratch_done(&h->scratch);
    sio__frame_pool_done(&h->frames);
    sio__slab_done(&h->wait_slab);
    h->closed = true;
    sio__client_host_unref(h); /* the reactor's reference */
}

static void close_reactor(struct client_host *h) {
    sio__reactor_close(&h->reactor, on_closed, h);
}

void sio__client_host_close_loop(struct client_host *h) {
    while (!h->closed) {
        uv_run(&h->own_loop, UV_RUN_ONCE);
    }
    uv_loop_close(&h->own_loop);
}

int sio__client_host_new(uv_loop_t *loop, struct client_host **ret_host) {
    struct client_host *h = sio__calloc(1, sizeof *h);
    if (h == NULL) {
        return SIO_ERR_NOMEM;
    }
    int r = loop == NULL ? uv_loop_init(&h->own_loop) : 0;
    if (r < 0) {
        sio__free(h);
        return r;
    }
    h->owns_loop = loop == NULL;
    atomic_init(&h->refs, 2); /* the caller's, and the reactor's */
    sio__logger_init(&h->log, SIO_LOG_NONE, NULL, NULL, NULL);
    sio__packer_init(&h->packer, PACKET_MAX_BYTES);
    sio__value_scratch_init(&h->scratch, VALUE_SCRATCH_BYTES);
    sio__frame_pool_init(&h->frames);
    sio__slab_init(&h->wait_slab, sizeof(struct ack_wait));
    sio__list_init(&h->tls_contexts);
    r = sio__reactor_init(&h->reactor, h->owns_loop ? &h->own_loop : loop, &h->log);
    if (r < 0) {
        close_reactor(h);
        if (h->owns_loop) {
            sio__client_host_close_loop(h);
        }
        sio__client_host_unref(h);
        return r;
    }
    *ret_host = h;
    return 0;
}

void sio__client_host_enter(struct client_host *h) {
    h->clients++;
}

void sio__client_host_leave(struct client_host *h) {
    h->clients--;
    if (h->clients == 0) {
        close_reactor(h);
        /* Only connections that linger have timers now: they are not waited for. */
        sio__wheel_advance(&h->reactor.wheel, UINT64_MAX);
    }
}

/* One handle stands for all of them. */
void sio__client_host_wake(struct client_host *h) {
    h->awake++;
    uv_ref((uv_handle_t *)&h->reactor.async);
}

void sio__client_host_rest(struct client_host *h) {
    h->awake--;
    if (h->awake == 0) {
        uv_unref((uv_handle_t *)&h->reactor.async);
    }
}
