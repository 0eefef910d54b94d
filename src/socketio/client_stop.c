/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The orderly end of a client: asked for in a signal handler, and waited for by another thread.
 *
 * A stop is one message that belongs to the client. Signal handlers can take no lock, so they are
 * counted: a client that ends lets nobody in any more, and waits for those that are inside.
 *
 * Whoever waits for the end is told by a task that stands behind those that tell of the end of
 * sockets. Before, what was kept for the next connection is given up, as nobody would be told of
 * it otherwise.
 */
#include <sched.h>
#include <sio/error.h>

#include "base/alloc.h"
#include "socketio/client_core.h"

/* A thread that waits for the end. */
struct join {
    struct mail mail;
    struct list link;   /* in client->joins */
    sio_client *client; /* a reference */
    uv_cond_t told;     /* with client->lock, which is also of the following */
    bool is_told;
    bool is_left; /* the thread waits no longer, and whoever would tell it frees this */
    int result;
};

/* ---- stopping ---- */

static void on_stop_mail(struct mail *mail) {
    sio_client *c = SIO_CONTAINER_OF(mail, sio_client, stop_mail);
    atomic_store(&c->stop_asked, false);
    atomic_store(&c->stop_posted, false);
    if (!c->silent && !c->finished) {
        sio__client_close_now(c);
    }
    sio__client_unref(c);
}

/* When there is a loop to send it to; else the one that makes the loop does it. */
static void post_stop(sio_client *c) {
    if (atomic_load(&c->stoppable) && atomic_load(&c->stop_asked) &&
        !atomic_exchange(&c->stop_posted, true)) {
        sio__reactor_post(&c->host->reactor, &sio__client_ref(c)->stop_mail);
    }
}

void sio_client_stop(sio_client *client) {
    if (client != NULL) {
        atomic_fetch_add(&client->stoppers, 1);
        atomic_store(&client->stop_asked, true);
        post_stop(client);
        atomic_fetch_sub(&client->stoppers, 1);
    }
}

void sio__client_allow_stop(sio_client *c) {
    atomic_store(&c->stoppable, true);
    post_stop(c);
}

void sio__client_forbid_stop(sio_client *c) {
    atomic_store(&c->stoppable, false);
    while (atomic_load(&c->stoppers) > 0) {
        sched_yield(); /* for the few instructions of sio_client_stop() */
    }
}

/* ---- joining: the client's thread ---- */

static void free_join(struct join *j) {
    uv_cond_destroy(&j->told);
    sio__client_unref(j->client);
    sio__free(j);
}

static void tell(struct join *j, int result) {
    sio_client *c = j->client;
    sio__list_remove(&j->link);
    uv_mutex_lock(&c->lock);
    j->result = result;
    j->is_told = true;
    bool is_left = j->is_left;
    uv_cond_signal(&j->told);
    uv_mutex_unlock(&c->lock);
    if (is_left) {
        free_join(j);
    }
}

void sio__client_tell_joins(sio_client *c, int result) {
    sio__task_cancel(&c->rest_task);
    sio__task_cancel(&c->joined_task);
    while (!sio__list_empty(&c->joins)) {
        tell(SIO_CONTAINER_OF(c->joins.next, struct join, link), result);
    }
}

void sio__client_note_rest(sio_client *c) {
    if (!sio__list_empty(&c->joins)) {
        sio__task_queue(&c->host->reactor, &c->rest_task);
    }
}

static bool is_over(const sio_client *c) {
    return c->finished || sio__manager_is_at_rest(c);
}

static void on_rest_task(struct task *task) {
    sio_client *c = SIO_CONTAINER_OF(task, sio_client, rest_task);
    const struct list *last = c->sockets.prev; /* callbacks may make others */
    struct list *node = &c->sockets;
    while (node != last && is_over(c) && !c->silent) {
        node = node->next;
        sio__client_socket_give_up(SIO_CONTAINER_OF(node, struct client_socket, link));
    }
    if (is_over(c) && !c->silent) {
        sio__task_queue(&c->host->reactor, &c->joined_task);
    }
}

static void on_joined_task(struct task *task) {
    sio__client_tell_joins(SIO_CONTAINER_OF(task, sio_client, joined_task), 0);
}

static void on_join_mail(struct mail *mail) {
    struct join *j = SIO_CONTAINER_OF(mail, struct join, mail);
    sio_client *c = j->client;
    if (c->silent) {
        tell(j, SIO_ERR_CLOSED);
    } else if (c->wanted || (!c->closing && !is_over(c))) {
        tell(j, SIO_ERR_STATE);
    } else {
        sio__list_push_back(&c->joins, &j->link);
        if (is_over(c)) {
            sio__client_note_rest(c);
        }
    }
}

void sio__client_stop_init(sio_client *c) {
    c->stop_mail.fn = on_stop_mail;
    sio__list_init(&c->joins);
    sio__task_init(&c->rest_task, on_rest_task);
    sio__task_init(&c->joined_task, on_joined_task);
}

/* ---- joining: the other thread ---- */

static int new_join(sio_client *c, struct join **ret_join) {
    struct join *j = sio__calloc(1, sizeof *j);
    if (j == NULL) {
        return SIO_ERR_NOMEM;
    }
    int r = uv_cond_init(&j->told);
    if (r < 0) {
        sio__free(j);
        return r;
    }
    j->mail.fn = on_join_mail;
    sio__list_init(&j->link);
    j->client = sio__client_ref(c);
    *ret_join = j;
    return 0;
}

/* client->lock is held. @return false when it took too long */
static bool wait_until_told(struct join *j, uint32_t timeout_ms) {
    bool is_limited = timeout_ms != 0 && timeout_ms != SIO_NEVER;
    uint64_t end = uv_hrtime() + timeout_ms * UINT64_C(1000000);
    while (!j->is_told && is_limited) {
        uint64_t now = uv_hrtime();
        if (now >= end) {
            return false;
        }
        (void)uv_cond_timedwait(&j->told, &j->client->lock, end - now);
    }
    while (!j->is_told) {
        uv_cond_wait(&j->told, &j->client->lock);
    }
    return true;
}

int sio_client_join(sio_client *client, uint32_t timeout_ms) {
    if (client == NULL) {
        return SIO_ERR_INVALID;
    }
    if (!sio__client_is_foreign(client)) {
        return SIO_ERR_WOULD_DEADLOCK;
    }
    struct join *j = NULL;
    int r = new_join(client, &j);
    if (r < 0) {
        return r;
    }
    uv_mutex_lock(&client->lock);
    if (!client->accepts_mail || !client->accepts_calls) {
        r = client->accepts_mail ? SIO_ERR_WOULD_DEADLOCK : SIO_ERR_CLOSED;
    } else {
        sio__reactor_post(&client->host->reactor, &j->mail);
        j->is_left = !wait_until_told(j, timeout_ms);
        r = j->is_left ? SIO_ERR_TIMEOUT : j->result;
    }
    bool is_left = j->is_left; /* then it may be gone behind the lock */
    uv_mutex_unlock(&client->lock);
    if (!is_left) {
        free_join(j);
    }
    return r;
}
