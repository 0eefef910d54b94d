/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * A client on a thread of its own, and calls that wait for it.
 *
 * The thread ends with sio_client_free(): that one waits until the client is silent, which takes as
 * long as the callback that is running, and for the end of the thread unless a lookup keeps it;
 * then the thread is left to end by itself.
 */
#include <pthread.h>
#include <signal.h>
#include <sio/error.h>

#include "base/alloc.h"
#include "socketio/client_core.h"

enum thread_state {
    THREAD_RUNS,
    THREAD_ENDED,    /* may be joined */
    THREAD_LEFT_OVER /* only a lookup keeps it */
};

struct client_thread {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct mail free_mail;
    sio_client *client;
    enum thread_state state; /* under lock */
};

static void set_state(struct client_thread *t, enum thread_state state) {
    pthread_mutex_lock(&t->lock);
    t->state = state;
    pthread_cond_signal(&t->changed);
    pthread_mutex_unlock(&t->lock);
}

static void free_thread(struct client_thread *t) {
    pthread_cond_destroy(&t->changed);
    pthread_mutex_destroy(&t->lock);
    sio__free(t);
}

/* ---- the thread ---- */

/* The client is silenced, and is ended here. */
static void end_client(struct client_thread *t, bool detached) {
    sio_client *c = t->client;
    sio__client_begin_end(c);
    if (!sio__client_drain(c)) {
        if (!detached) {
            set_state(t, THREAD_LEFT_OVER); /* whoever waits goes, and takes `t` along */
        } else {
            free_thread(t);
        }
        sio__client_drain_fully(c);
        return;
    }
    if (detached) {
        free_thread(t);
    } else {
        set_state(t, THREAD_ENDED);
    }
}

static void *run(void *arg) {
    struct client_thread *t = arg;
    sio_client *c = t->client;
    pthread_mutex_lock(&t->lock); /* until sio_client_start() has written the thread's id */
    pthread_mutex_unlock(&t->lock);
    sio__client_enter(c);
    c->in_loop = true;
    while (!c->silent) {
        uv_run(sio__client_loop(c), UV_RUN_DEFAULT);
    }
    c->in_loop = false;
    end_client(t, c->freed_inside);
    return NULL;
}

static void on_free_mail(struct mail *mail) {
    sio_client *c = SIO_CONTAINER_OF(mail, struct client_thread, free_mail)->client;
    sio__client_silence(c);
    uv_stop(sio__client_loop(c));
}

/* sio_client_free() on the thread itself, in a callback. */
static void free_inside(sio_client *c) {
    c->freed_inside = true;
    pthread_detach(pthread_self());
    sio__client_silence(c);
    uv_stop(sio__client_loop(c));
}

static void free_outside(sio_client *c) {
    struct client_thread *t = c->runner;
    if (sio__client_mail(c, &t->free_mail) < 0) {
        return; /* freed inside, at the same time: a mistake of the application */
    }
    pthread_mutex_lock(&t->lock);
    while (t->state == THREAD_RUNS) {
        pthread_cond_wait(&t->changed, &t->lock);
    }
    bool has_ended = t->state == THREAD_ENDED;
    pthread_mutex_unlock(&t->lock);
    if (has_ended) {
        pthread_join(t->thread, NULL);
    } else {
        pthread_detach(t->thread);
    }
    free_thread(t);
}

static void free_there(sio_client *c) {
    if (sio__client_is_foreign(c)) {
        free_outside(c);
    } else {
        free_inside(c);
    }
}

/* Signals are for the threads of the application. */
static int create(struct client_thread *t) {
    sigset_t all;
    sigset_t old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int r = -pthread_create(&t->thread, NULL, run, t);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return r;
}

int sio_client_start(sio_client *client) {
    if (client == NULL) {
        return SIO_ERR_INVALID;
    }
    int r = sio__client_ensure_loop(client);
    if (r < 0) {
        return r;
    }
    if (!client->host->owns_loop || atomic_load(&client->mode) != MODE_NONE) {
        return SIO_ERR_STATE;
    }
    struct client_thread *t = sio__calloc(1, sizeof *t);
    if (t == NULL) {
        return SIO_ERR_NOMEM;
    }
    t->client = client;
    t->free_mail.fn = on_free_mail;
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->changed, NULL);
    pthread_mutex_lock(&t->lock);
    client->runner = t;
    client->free_there = free_there;
    r = create(t);
    if (r == 0) {
        sio__client_set_runner(client, MODE_THREAD, t->thread);
    } else {
        client->runner = NULL;
        client->free_there = NULL;
    }
    pthread_mutex_unlock(&t->lock);
    if (r < 0) {
        free_thread(t);
    }
    return r;
}

/* ---- a lookup that nobody waits for ---- */

static void *drain(void *arg) {
    sio__client_drain_fully(arg);
    return NULL;
}

void sio__client_drain_elsewhere(sio_client *c) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, drain, c) == 0) {
        pthread_detach(thread);
    } else {
        sio__client_drain_fully(c);
    }
}

/* ---- calls that wait ---- */

struct call {
    pthread_mutex_t lock;
    pthread_cond_t done;
    bool is_done;
    int status;
    sio_event *reply;
};

static void on_reply(sio_socket *s, int status, sio_event *reply, void *user) {
    struct call *call = user;
    (void)s;
    sio_event *copy = status == 0 ? sio_event_copy(reply) : NULL;
    pthread_mutex_lock(&call->lock);
    call->status = status == 0 && copy == NULL ? SIO_ERR_NOMEM : status;
    call->reply = copy;
    call->is_done = true;
    pthread_cond_signal(&call->done);
    pthread_mutex_unlock(&call->lock);
}

static int emit_and_wait(struct call *call, sio_socket *s, uint32_t timeout_ms, const char *event,
                         const char *format, va_list *args) {
    const sio_ack_options ack = {.size = sizeof ack,
                                 .fn = on_reply,
                                 .user = call,
                                 .timeout_ms = timeout_ms,
                                 .flags = EMIT_ALWAYS_TELL};
    int r = s->home->ops->divert(
        s, &(struct emission){.event = event, .format = format, .args = args, .ack = &ack});
    if (r < 0) {
        return r;
    }
    pthread_mutex_lock(&call->lock);
    while (!call->is_done) {
        pthread_cond_wait(&call->done, &call->lock);
    }
    pthread_mutex_unlock(&call->lock);
    return call->status;
}

int sio_socket_call(sio_socket *s, uint32_t timeout_ms, sio_event **ret_reply, const char *event,
                    const char *format, ...) {
    const struct client_socket *cs = sio__client_socket(s);
    if (cs == NULL || event == NULL || format == NULL) {
        return SIO_ERR_INVALID;
    }
    if (!sio__client_is_foreign(cs->client)) {
        return s->state == SOCKET_GONE ? SIO_ERR_CLOSED : SIO_ERR_WOULD_DEADLOCK;
    }
    struct call call = {.is_done = false};
    pthread_mutex_init(&call.lock, NULL);
    pthread_cond_init(&call.done, NULL);
    va_list args;
    va_start(args, format);
    int r = emit_and_wait(&call, s, timeout_ms, event, format, &args);
    va_end(args);
    pthread_cond_destroy(&call.done);
    pthread_mutex_destroy(&call.lock);
    if (ret_reply != NULL && r == 0) {
        *ret_reply = call.reply;
    } else {
        sio_event_free(call.reply);
    }
    return r;
}
