/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "net/reactor.h"

#include <sio/error.h>
#include <string.h>

#include "base/alloc.h"
#include "net/outq.h"
#include "net/stream.h"

/* Tasks that queue tasks for ever would starve input: beyond so many, new ones wait a turn. */
#define TURN_TASKS_MAX 10000

/* Empty blocks that the pools of output keep: 1 MiB each. */
#define OUTPUT_BLOCKS_KEPT 16

/* prepare, check, timer, async */
#define OWN_HANDLES 4u

static void take_mail(struct reactor *r) {
    struct mpsc_node *node = sio__mpsc_take_all(&r->mailbox);
    while (node != NULL) {
        struct mail *mail = SIO_CONTAINER_OF(node, struct mail, node);
        node = node->next;
        mail->fn(mail);
    }
}

/* All that input has queued run: else peers could have tasks queued faster than they are run. */
static void run_tasks(struct reactor *r) {
    struct list mark; /* behind the last of them */
    sio__list_init(&mark);
    sio__list_push_back(&r->tasks, &mark);
    bool passed = false;
    for (int i = 0; i < TURN_TASKS_MAX || !passed; i++) {
        struct list *node = sio__list_pop_front(&r->tasks);
        if (node == NULL) {
            return;
        }
        if (node == &mark) {
            passed = true;
            continue;
        }
        struct task *task = SIO_CONTAINER_OF(node, struct task, link);
        task->fn(task);
    }
}

/* While one stream is in the kernel, the next ones come from memory. */
static void prefetch_next(const struct reactor *r) {
    const struct list *next = r->dirty.next;
    if (next != &r->dirty) {
        const struct stream *s =
            SIO_CONTAINER_OF((struct list *)(uintptr_t)next, struct stream, dirty);
        __builtin_prefetch(s->out.tail);
        __builtin_prefetch(next->next);
    }
}

static void flush_all(struct reactor *r) {
    if (r->hook.fn != NULL) {
        r->hook.fn(r->hook.owner);
    }
    struct list *node = sio__list_pop_front(&r->dirty);
    while (node != NULL) {
        prefetch_next(r);
        sio__stream_flush(SIO_CONTAINER_OF(node, struct stream, dirty));
        node = sio__list_pop_front(&r->dirty);
    }
}

static void on_timer(uv_timer_t *handle) {
    struct reactor *r = handle->data;
    r->armed_ms = UINT64_MAX;
    sio__wheel_advance(&r->wheel, sio__reactor_now(r));
}

/* One libuv timer serves the whole wheel. It is only touched when the earliest expiry moves. */
static void arm_timer(struct reactor *r) {
    uint64_t next = sio__wheel_next(&r->wheel);
    if (next >= r->armed_ms || r->closed) {
        return; /* fires early at worst, and is armed anew then */
    }
    uint64_t now = sio__reactor_now(r);
    uv_timer_start(&r->timer, on_timer, next > now ? next - now : 0, 0);
    r->armed_ms = next;
}

/* Runs what has been queued. */
static void turn(struct reactor *r) {
    run_tasks(r);
    flush_all(r);
    /* A flush can queue tasks, and these may write. */
    if (!sio__list_empty(&r->tasks)) {
        run_tasks(r);
        flush_all(r);
    }
}

static void close_if_idle(struct reactor *r);

static void on_prepare(uv_prepare_t *handle) {
    struct reactor *r = handle->data;
    turn(r);
    if (!sio__list_empty(&r->tasks)) {
        uv_async_send(&r->async);
    }
    arm_timer(r);
    close_if_idle(r);
}

static void on_check(uv_check_t *handle) {
    turn(handle->data);
}

static void on_async(uv_async_t *handle) {
    take_mail(handle->data);
}

void sio__reactor_hold(struct reactor *r) {
    r->open_handles++;
}

void sio__reactor_drop(struct reactor *r) {
    r->open_handles--;
    if (r->open_handles == 0 && r->closed) {
        r->on_closed(r->on_closed_context);
    }
}

static void on_handle_closed(uv_handle_t *handle) {
    sio__reactor_drop(handle->data);
}

static int init_handles(struct reactor *r) {
    r->prepare.data = r;
    r->check.data = r;
    r->timer.data = r;
    r->async.data = r;
    /* The first three only fail for bad arguments. */
    int status = uv_prepare_init(r->loop, &r->prepare);
    if (status == 0) {
        status = uv_check_init(r->loop, &r->check);
    }
    if (status == 0) {
        status = uv_timer_init(r->loop, &r->timer);
    }
    r->own_handles = OWN_HANDLES - 1;
    if (status == 0) {
        status = uv_async_init(r->loop, &r->async, on_async);
    }
    if (status == 0) {
        r->own_handles = OWN_HANDLES;
        uv_prepare_start(&r->prepare, on_prepare);
        uv_check_start(&r->check, on_check);
        /* Listeners and streams keep the loop alive, not the reactor itself. */
        uv_unref((uv_handle_t *)&r->prepare);
        uv_unref((uv_handle_t *)&r->check);
        uv_unref((uv_handle_t *)&r->timer);
        uv_unref((uv_handle_t *)&r->async);
    }
    r->open_handles = r->own_handles;
    return status;
}

int sio__reactor_init(struct reactor *r, uv_loop_t *loop, struct logger *log) {
    memset(r, 0, sizeof *r);
    r->loop = loop;
    r->log = log;
    r->armed_ms = UINT64_MAX;
    sio__wheel_init(&r->wheel, uv_now(loop));
    sio__list_init(&r->tasks);
    sio__list_init(&r->dirty);
    sio__mpsc_init(&r->mailbox);
    sio__slab_init(&r->stream_slab, sizeof(struct stream));
    sio__slab_init(&r->chunk_slab, OUTQ_CHUNK_BYTES);
    sio__slab_init(&r->ref_slab, sizeof(struct outq_node));
    /* Output comes and goes with every broadcast. */
    sio__slab_keep(&r->chunk_slab, OUTPUT_BLOCKS_KEPT);
    sio__slab_keep(&r->ref_slab, OUTPUT_BLOCKS_KEPT);
    r->input = sio__malloc(REACTOR_INPUT_BYTES);
    r->gather = sio__malloc(REACTOR_GATHER_BYTES);
    if (r->input == NULL || r->gather == NULL) {
        return SIO_ERR_NOMEM;
    }
    return init_handles(r);
}

/* Closing goes on when streams and listeners are gone and nothing is left to do. */
static void close_if_idle(struct reactor *r) {
    if (!r->closing || r->closed || r->open_handles > r->own_handles ||
        !sio__list_empty(&r->tasks)) {
        return;
    }
    take_mail(r);
    if (!sio__list_empty(&r->tasks) || r->open_handles > r->own_handles) {
        return; /* it brought work */
    }
    r->closed = true;
    uv_handle_t *handles[] = {(uv_handle_t *)&r->prepare, (uv_handle_t *)&r->check,
                              (uv_handle_t *)&r->timer, (uv_handle_t *)&r->async};
    for (size_t i = 0; i < r->own_handles; i++) {
        uv_close(handles[i], on_handle_closed);
    }
}

void sio__reactor_close(struct reactor *r, void (*on_closed)(void *context), void *context) {
    if (r->closing) {
        return;
    }
    r->closing = true;
    r->on_closed = on_closed;
    r->on_closed_context = context;
    if (r->own_handles < OWN_HANDLES) { /* sio__reactor_init() has failed halfway */
        close_if_idle(r);
        if (r->own_handles == 0) {
            on_closed(context);
        }
        return;
    }
    /* The loop has to go on, and to take a turn now. */
    uv_ref((uv_handle_t *)&r->prepare);
    uv_async_send(&r->async);
}

void sio__reactor_done(struct reactor *r) {
    sio__slab_done(&r->stream_slab);
    sio__slab_done(&r->chunk_slab);
    sio__slab_done(&r->ref_slab);
    sio__free(r->input);
    sio__free(r->gather);
    sio__free(r->tls_plain);
    sio__free(r->tls_out);
    r->input = NULL;
    r->gather = NULL;
    r->tls_plain = NULL;
    r->tls_out = NULL;
}

void sio__reactor_trim(struct reactor *r) {
    sio__slab_trim(&r->stream_slab);
    sio__slab_trim(&r->chunk_slab);
    sio__slab_trim(&r->ref_slab);
    sio__free(r->tls_out);
    r->tls_out = NULL;
}

void sio__reactor_post(struct reactor *r, struct mail *mail) {
    if (sio__mpsc_push(&r->mailbox, &mail->node)) {
        uv_async_send(&r->async);
    }
}
