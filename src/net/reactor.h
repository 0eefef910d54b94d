/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * A reactor: one event loop and everything that lives on it.
 *
 * Within one turn of the loop the order is: libuv calls the handlers of readable streams; these
 * queue output and tasks; then (uv_check) tasks run, timers advance, and every stream with output
 * is flushed once, however many messages it was given. The same happens before the loop sleeps
 * (uv_prepare), for what timers and mail have caused. So a message costs no system call of its own
 * when others come with it.
 *
 * Callbacks of the application run in stream handlers, tasks and timers only, never inside a
 * function that the application called: such functions queue a task instead.
 *
 * A reactor is used by the thread of its loop. Only sio__reactor_post() may be called from
 * others.
 */
#ifndef NET_REACTOR_H
#define NET_REACTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/list.h"
#include "base/log.h"
#include "base/mpsc.h"
#include "base/rand.h"
#include "base/slab.h"
#include "base/wheel.h"

/** Bytes that are read at once; one buffer for all streams. */
#define REACTOR_INPUT_BYTES 65536u

/** Output of up to this size is gathered into one piece before it is written. */
#define REACTOR_GATHER_BYTES 16384u

/** A function to be called from the loop, soon; embedded in what it concerns. */
struct task {
    struct list link;
    void (*fn)(struct task *task);
};

/** A message from another thread; the receiver's fn frees it. */
struct mail {
    struct mpsc_node node;
    void (*fn)(struct mail *mail);
};

/** Called before streams are flushed, for layers that gather output themselves. */
struct flush_hook {
    void (*fn)(void *owner);
    void *owner;
};

/** Counters of all streams. */
struct reactor_stats {
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t streams; /* open now */
};

struct reactor {
    uv_loop_t *loop;
    uv_prepare_t prepare;
    uv_check_t check;
    uv_timer_t timer;
    uv_async_t async;
    uint32_t own_handles;  /* of the four above, those that were initialised */
    uint32_t open_handles; /* these, streams and listeners, until their close callbacks came */
    uint32_t lookups;      /* of these, resolver requests, which cannot be ended */
    bool closing;          /* waits for the others to close */
    bool closed;           /* has closed its own */
    uint64_t armed_ms;     /* when `timer` fires, UINT64_MAX when it is stopped */

    struct wheel wheel;
    struct list tasks;
    struct list dirty; /* streams with output */
    struct flush_hook hook;
    struct mpsc mailbox;

    struct slab stream_slab;
    struct slab chunk_slab; /* output bytes */
    struct slab ref_slab;   /* references to shared output */
    uint8_t *input;         /* REACTOR_INPUT_BYTES */
    uint8_t *gather;        /* REACTOR_GATHER_BYTES */
    uint8_t *tls_plain;     /* TLS_PLAIN_BYTES, from the first stream with TLS on */
    uint8_t *tls_out;       /* TLS_OUT_BYTES that no stream needs now, or NULL */
    /** Drops one reference to shared output; set by the layer that makes it. */
    void (*release)(void *context, void *shared);
    void *release_context;

    struct rand_pool random;
    struct reactor_stats stats;
    struct logger *log;

    /** Called when all handles and streams are closed. */
    void (*on_closed)(void *context);
    void *on_closed_context;
};

/**
 * Prepares a reactor on a loop. The struct must not move afterwards.
 *
 * @param loop  borrowed; has to outlive the reactor
 * @param log   borrowed
 * @return 0; SIO_ERR_NOMEM or a code of libuv. After a failure, too, sio__reactor_close() and
 * _done() end it.
 */
int sio__reactor_init(struct reactor *r, uv_loop_t *loop, struct logger *log);

/**
 * Closes the reactor as soon as all streams and listeners are gone and all tasks have run; these
 * must be told to close by their owners. on_closed is called when everything is gone: from the
 * loop, or at once when there is no handle.
 */
void sio__reactor_close(struct reactor *r, void (*on_closed)(void *context), void *context);

/** Frees memory, after on_closed, or when sio__reactor_init() failed. */
void sio__reactor_done(struct reactor *r);

/** Monotonic time in milliseconds, sampled once per turn of the loop. */
static inline uint64_t sio__reactor_now(const struct reactor *r) {
    return uv_now(r->loop);
}

/** Prepares a task that is not queued. */
static inline void sio__task_init(struct task *task, void (*fn)(struct task *task)) {
    sio__list_init(&task->link);
    task->fn = fn;
}

/** Queues a task, unless it is queued already. It runs before the loop sleeps. */
static inline void sio__task_queue(struct reactor *r, struct task *task) {
    if (!sio__list_linked(&task->link)) {
        sio__list_push_back(&r->tasks, &task->link);
    }
}

/** Takes a task back; one that is not queued stays so. */
static inline void sio__task_cancel(struct task *task) {
    sio__list_remove(&task->link);
}

/** Starts a timer `delay_ms` from now. */
static inline void sio__reactor_start(struct reactor *r, struct timer *t, uint64_t delay_ms) {
    sio__wheel_start(&r->wheel, t, sio__reactor_now(r) + delay_ms);
}

/** Stops a timer. */
static inline void sio__reactor_stop(struct reactor *r, struct timer *t) {
    sio__wheel_stop(&r->wheel, t);
}

/** Gives memory of the pools that nobody uses back to the system. */
void sio__reactor_trim(struct reactor *r);

/** Hands a message to the reactor's thread. From any thread, and from signal handlers. */
void sio__reactor_post(struct reactor *r, struct mail *mail);

/** Counts a stream or listener that closes asynchronously; see sio__reactor_drop(). */
void sio__reactor_hold(struct reactor *r);
void sio__reactor_drop(struct reactor *r);

#endif /* NET_REACTOR_H */
