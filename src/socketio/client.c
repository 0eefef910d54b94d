/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Life of a client: made, run in one of four ways, closed, freed.
 *
 * Freeing has to return from every state, without waiting for the network, and without a callback
 * afterwards. So it silences the client, ends what runs, and turns its own loop until all handles
 * are closed. A lookup in the resolver is the one thing that cannot be ended: a thread waits for it
 * then, with the loop and the memory.
 */
#include <limits.h>
#include <sio/error.h>
#include <sio/uv.h>
#include <string.h>

#include "base/alloc.h"
#include "base/sized.h"
#include "socketio/client_core.h"

/* Digits, namespace and JSON of one event of another thread. */
#define PACKET_MAX_BYTES ((size_t)0x7fffffff)

/* ---- memory ---- */

sio_client *sio__client_ref(sio_client *c) {
    atomic_fetch_add(&c->refs, 1);
    return c;
}

void sio__client_unref(sio_client *c) {
    if (atomic_fetch_sub(&c->refs, 1) == 1) {
        uv_mutex_destroy(&c->lock);
        sio__client_host_unref(c->host);
        sio__free(c);
    }
}

static void free_members(sio_client *c) {
    sio__packer_done(&c->foreign_packer);
    sio__assembler_pool_done(&c->assemblers);
    sio__client_options_done(&c->options);
}

int sio_client_new(sio_client **ret_client, const char *url, const sio_client_options *options) {
    if (ret_client == NULL || url == NULL) {
        return SIO_ERR_INVALID;
    }
    sio_client *c = sio__calloc(1, sizeof *c);
    if (c == NULL) {
        return SIO_ERR_NOMEM;
    }
    sio_client_options given = {.size = sizeof given};
    int r = options != NULL ? sio__sized_copy(&given, sizeof given, options, options->size) : 0;
    if (r == 0) {
        r = uv_mutex_init(&c->lock);
    }
    if (r < 0) {
        sio__free(c);
        return r;
    }
    sio__logger_init(&c->log, given.log_level, given.log, given.log_user, given.debug);
    r = sio__client_options_init(&c->options, url, &given, &c->log);
    if (r < 0) {
        uv_mutex_destroy(&c->lock);
        sio__free(c);
        return r;
    }
    atomic_init(&c->refs, 1);
    atomic_init(&c->mode, MODE_NONE);
    atomic_init(&c->state, SIO_CLIENT_CLOSED);
    sio__list_init(&c->sockets);
    sio__packer_init(&c->foreign_packer, PACKET_MAX_BYTES);
    sio__assembler_pool_init(&c->assemblers, c->options.o.max_attachment_bytes);
    sio__manager_init(c);
    sio__client_stop_init(c);
    c->wanted = !c->options.o.no_auto_connect;
    *ret_client = c;
    return 0;
}

/* ---- the loop ---- */

/* Everything ends, outside of all callbacks. On a loop of the application this may be the client's
 * own end: nothing that the reactor still has to close refers to it. */
static void shut(sio_client *c) {
    sio__manager_done(c);
    while (!sio__list_empty(&c->sockets)) {
        sio__client_socket_end(SIO_CONTAINER_OF(c->sockets.next, struct client_socket, link));
    }
    c->is_shut = true;
    sio__tls_context_leave(c->options.tls);
    free_members(c);
    sio__client_keep_alive(c, false);
    sio__client_host_leave(c->host);
    if (!c->host->owns_loop) {
        sio__client_unref(c); /* the loop's reference */
    }
}

static void on_free_task(struct task *task) {
    shut(SIO_CONTAINER_OF(task, sio_client, free_task));
}

/* Puts the client on a host, whose reference it takes over. */
static void open_on(sio_client *c, struct client_host *host) {
    sio__client_host_enter(host);
    c->host = host;
    c->reader.scratch = &host->scratch;
    if (c->options.tls != NULL) {
        sio__tls_context_join(c->options.tls, &host->tls_contexts);
    }
    sio__client_ref(c); /* the loop's */
    sio__task_init(&c->free_task, on_free_task);
    uv_mutex_lock(&c->lock);
    c->accepts_mail = true;
    uv_mutex_unlock(&c->lock);
    sio__client_allow_stop(c);
}

int sio__client_ensure_loop(sio_client *c) {
    if (c->host != NULL) {
        return c->silent ? SIO_ERR_STATE : 0;
    }
    struct client_host *host;
    int r = sio__client_host_new(NULL, &host);
    if (r < 0) {
        return r;
    }
    open_on(c, host);
    return 0;
}

bool sio__client_is_foreign(const sio_client *c) {
    if (!atomic_load(&c->has_thread)) {
        return false;
    }
    uv_thread_t self = uv_thread_self();
    uv_thread_t runner = atomic_load(&c->thread);
    return uv_thread_equal(&self, &runner) == 0;
}

void sio__client_update_time(sio_client *c) {
    if (c->host->owns_loop && !c->in_loop) {
        uv_update_time(sio__client_loop(c));
    }
}

/* A loop of its own lives as long as the client: it waits for mail. One of the application also
 * lives until the client is freed. */
void sio__client_keep_alive(sio_client *c, bool alive) {
    bool wanted = !c->is_shut && (alive || c->host->owns_loop || c->silent);
    if (wanted && !c->is_awake) {
        sio__client_host_wake(c->host);
    } else if (!wanted && c->is_awake) {
        sio__client_host_rest(c->host);
    }
    c->is_awake = wanted;
}

void sio__client_finish(sio_client *c, int result) {
    c->finished = true;
    c->result = result;
    for (struct list *node = c->sockets.next; node != &c->sockets; node = node->next) {
        sio__client_socket_fail_calls(SIO_CONTAINER_OF(node, struct client_socket, link));
    }
    sio__client_note_rest(c);
    sio__client_keep_alive(c, false);
    if (atomic_load(&c->mode) == MODE_RUN) {
        uv_stop(sio__client_loop(c));
    }
}

static void accept_calls(sio_client *c, bool accept) {
    uv_mutex_lock(&c->lock);
    c->accepts_calls = accept;
    uv_mutex_unlock(&c->lock);
}

void sio__client_set_runner(sio_client *c, enum client_mode mode, uv_thread_t thread) {
    atomic_store(&c->thread, thread);
    atomic_store(&c->has_thread, true);
    atomic_store(&c->mode, mode);
    accept_calls(c, true);
}

void sio__client_enter(sio_client *c) {
    uv_update_time(sio__client_loop(c));
    sio__client_keep_alive(c, c->wanted);
    if (c->wanted && !atomic_load(&c->stop_asked)) {
        c->wanted = false;
        sio__manager_open(c);
    }
}

int sio_client_attach_uv(sio_client *client, uv_loop_t *loop) {
    if (client == NULL || loop == NULL) {
        return SIO_ERR_INVALID;
    }
    if (client->host != NULL) {
        return SIO_ERR_STATE;
    }
    struct client_host *host;
    int r = sio__client_host_new(loop, &host);
    if (r < 0) {
        return r;
    }
    open_on(client, host);
    sio__client_set_runner(client, MODE_LOOP, uv_thread_self());
    sio__client_enter(client);
    return 0;
}

int sio_client_attach_beside(sio_client *client, sio_client *other) {
    if (client == NULL || other == NULL) {
        return SIO_ERR_INVALID;
    }
    if (client->host != NULL || atomic_load(&other->mode) != MODE_LOOP || other->silent) {
        return SIO_ERR_STATE;
    }
    open_on(client, sio__client_host_ref(other->host));
    sio__client_set_runner(client, MODE_LOOP, uv_thread_self());
    sio__client_enter(client);
    return 0;
}

/* Turns the own loop. @return false when the client was freed meanwhile, and is gone */
static bool turn(sio_client *c, uv_run_mode mode) {
    c->in_loop = true;
    uv_run(sio__client_loop(c), mode);
    c->in_loop = false;
    if (c->silent) {
        sio__client_end(c);
        return false;
    }
    return true;
}

int sio_client_run(sio_client *client) {
    if (client == NULL) {
        return SIO_ERR_INVALID;
    }
    int r = sio__client_ensure_loop(client);
    if (r < 0) {
        return r;
    }
    if (atomic_load(&client->mode) != MODE_NONE) {
        return SIO_ERR_STATE;
    }
    sio__client_set_runner(client, MODE_RUN, uv_thread_self());
    sio__client_enter(client);
    do {
        accept_calls(client, true);
        while (!client->finished) {
            if (!turn(client, UV_RUN_DEFAULT)) {
                return 0;
            }
        }
        /* Calls that have come before are failed with the rest of the mail, which may also open
         * the client. */
        accept_calls(client, false);
        if (!turn(client, UV_RUN_NOWAIT)) {
            return 0;
        }
    } while (!client->finished);
    atomic_store(&client->mode, MODE_NONE);
    return client->result;
}

int sio_client_tick(sio_client *client) {
    if (client == NULL) {
        return SIO_ERR_INVALID;
    }
    int r = sio__client_ensure_loop(client);
    if (r < 0) {
        return r;
    }
    int mode = atomic_load(&client->mode);
    if ((mode != MODE_NONE && mode != MODE_TICK) || client->in_loop) {
        return SIO_ERR_STATE;
    }
    if (mode == MODE_NONE) {
        sio__client_set_runner(client, MODE_TICK, uv_thread_self());
        sio__client_enter(client);
    }
    (void)turn(client, UV_RUN_NOWAIT);
    return 0;
}

int sio_client_fd(sio_client *client) {
    return client != NULL && sio__client_ensure_loop(client) == 0
               ? uv_backend_fd(sio__client_loop(client))
               : -1;
}

int sio_client_timeout(sio_client *client) {
    if (client == NULL) {
        return -1;
    }
    if (atomic_load(&client->mode) == MODE_NONE) {
        return 0; /* the first tick is due */
    }
    const struct reactor *r = &client->host->reactor;
    if (!sio__list_empty(&r->tasks) || !sio__list_empty(&r->dirty)) {
        return 0;
    }
    uv_update_time(sio__client_loop(client));
    uint64_t now = sio__reactor_now(r);
    uint64_t next = sio__wheel_next(&r->wheel);
    uint64_t wait = next > now ? next - now : 0;
    int timeout = next == UINT64_MAX ? -1 : (int)(wait < INT_MAX ? wait : INT_MAX);
    int loop_timeout =
        uv_loop_alive(sio__client_loop(client)) ? uv_backend_timeout(sio__client_loop(client)) : -1;
    if (loop_timeout < 0 || (timeout >= 0 && timeout < loop_timeout)) {
        return timeout;
    }
    return loop_timeout;
}

/* ---- opening and closing ---- */

/* What another thread asks of the client. */
struct request {
    struct mail mail;
    sio_client *client; /* a reference */
    void (*fn)(sio_client *c, void *arg);
    void *arg;
};

static void on_request(struct mail *mail) {
    struct request *request = SIO_CONTAINER_OF(mail, struct request, mail);
    sio_client *c = request->client;
    if (!c->silent) {
        request->fn(c, request->arg);
    }
    sio__free(request);
    sio__client_unref(c);
}

int sio__client_mail(sio_client *c, struct mail *mail) {
    uv_mutex_lock(&c->lock);
    bool accepted = c->accepts_mail;
    if (accepted) {
        sio__reactor_post(&c->host->reactor, mail);
    }
    uv_mutex_unlock(&c->lock);
    return accepted ? 0 : SIO_ERR_CLOSED;
}

int sio_client_post(sio_client *client, void (*fn)(sio_client *client, void *arg), void *arg) {
    if (client == NULL || fn == NULL) {
        return SIO_ERR_INVALID;
    }
    int r = sio__client_is_foreign(client) ? 0 : sio__client_ensure_loop(client);
    if (r < 0) {
        return r == SIO_ERR_STATE ? SIO_ERR_CLOSED : r;
    }
    struct request *request = sio__malloc(sizeof *request);
    if (request == NULL) {
        return SIO_ERR_NOMEM;
    }
    *request = (struct request){
        .mail = {.fn = on_request}, .client = sio__client_ref(client), .fn = fn, .arg = arg};
    r = sio__client_mail(client, &request->mail);
    if (r < 0) {
        sio__free(request);
        sio__client_unref(client);
    }
    return r;
}

/* Calls fn on the client's thread: now, if it is this one. */
static int call_there(sio_client *c, void (*fn)(sio_client *c, void *arg)) {
    if (sio__client_is_foreign(c)) {
        return sio_client_post(c, fn, NULL);
    }
    int r = sio__client_ensure_loop(c);
    if (r < 0) {
        return r == SIO_ERR_STATE ? SIO_ERR_CLOSED : r;
    }
    sio__client_update_time(c);
    fn(c, NULL);
    return 0;
}

/* Sockets that were closed with the client, or wait for it, come with it. */
static void do_open(sio_client *c, void *arg) {
    (void)arg;
    for (struct list *node = c->sockets.next; node != &c->sockets; node = node->next) {
        struct client_socket *s = SIO_CONTAINER_OF(node, struct client_socket, link);
        if (s->parked) {
            sio__client_socket_open(s);
        }
    }
    sio__manager_open(c);
}

int sio_client_open(sio_client *client) {
    return client != NULL ? call_there(client, do_open) : SIO_ERR_INVALID;
}

void sio__client_close_now(sio_client *c) {
    for (struct list *node = c->sockets.next; node != &c->sockets; node = node->next) {
        struct client_socket *s = SIO_CONTAINER_OF(node, struct client_socket, link);
        bool parked = s->parked || s->active;
        sio__client_socket_close(s);
        s->parked = parked;
    }
    sio__manager_close(c, 0);
}

static void do_close(sio_client *c, void *arg) {
    (void)arg;
    sio__client_close_now(c);
}

int sio_client_close(sio_client *client) {
    if (client == NULL) {
        return SIO_ERR_INVALID;
    }
    if (!sio__client_is_foreign(client) && sio__manager_is_at_rest(client)) {
        return SIO_ERR_CLOSED;
    }
    return call_there(client, do_close);
}

/* ---- freeing ---- */

void sio__client_silence(sio_client *c) {
    c->silent = true;
    sio__client_forbid_stop(c);
    sio__logger_init(&c->log, SIO_LOG_NONE, NULL, NULL, NULL);
    for (struct list *node = c->sockets.next; node != &c->sockets; node = node->next) {
        sio__client_socket_silence(SIO_CONTAINER_OF(node, struct client_socket, link));
    }
    uv_mutex_lock(&c->lock);
    c->accepts_mail = false;
    c->accepts_calls = false;
    uv_mutex_unlock(&c->lock);
    sio__client_tell_joins(c, SIO_ERR_CLOSED);
}

void sio__client_drain_fully(sio_client *c) {
    sio__client_host_close_loop(c->host);
    sio__client_unref(c); /* the loop's reference */
}

bool sio__client_drain(sio_client *c) {
    const struct reactor *r = &c->host->reactor;
    while (!c->host->closed) {
        if (r->lookups > 0 && r->open_handles == r->own_handles + r->lookups) {
            return false;
        }
        uv_run(sio__client_loop(c), UV_RUN_ONCE);
    }
    sio__client_drain_fully(c);
    return true;
}

void sio__client_begin_end(sio_client *c) {
    if (!c->is_shut) {
        shut(c);
    }
}

void sio__client_end(sio_client *c) {
    sio__client_begin_end(c);
    if (!sio__client_drain(c)) {
        sio__client_drain_elsewhere(c);
    }
}

void sio_client_free(sio_client *client) {
    if (client == NULL) {
        return;
    }
    if (client->host == NULL) { /* it has never run, and has no sockets */
        free_members(client);
    } else if (client->free_there != NULL) {
        client->free_there(client);
    } else if (!client->silent) {
        sio__client_silence(client);
        if (!client->host->owns_loop) {
            sio__client_keep_alive(client, true);
            sio__task_queue(&client->host->reactor, &client->free_task);
            uv_async_send(&client->host->reactor.async);
        } else if (client->in_loop) {
            uv_stop(sio__client_loop(client)); /* who runs it ends it */
        } else {
            sio__client_end(client);
        }
    }
    sio__client_unref(client);
}

/* ---- the rest ---- */

void sio_client_on_notice(sio_client *client, sio_notice_fn fn, void *user) {
    if (client != NULL) {
        client->on_notice = fn;
        client->on_notice_user = user;
    }
}

void sio_client_on_trace(sio_client *client, sio_trace_fn fn, void *user) {
    if (client != NULL) {
        client->on_trace = fn;
        client->on_trace_user = user;
        if (client->engine != NULL) {
            sio__eio_client_set_traced(client->engine, fn != NULL);
        }
    }
}

int sio_client_state(const sio_client *client) {
    return client != NULL ? atomic_load(&client->state) : SIO_CLIENT_CLOSED;
}

const char *sio_client_transport(const sio_client *client) {
    return client != NULL && client->engine != NULL ? sio__eio_client_transport(client->engine)
                                                    : "";
}

const char *sio_client_sid(const sio_client *client) {
    return client != NULL && client->engine != NULL ? sio__eio_client_sid(client->engine) : "";
}

static struct client_socket *find(sio_client *c, const char *nsp) {
    for (struct list *node = c->sockets.next; node != &c->sockets; node = node->next) {
        struct client_socket *s = SIO_CONTAINER_OF(node, struct client_socket, link);
        if (strcmp(s->nsp, nsp) == 0) {
            return s;
        }
    }
    return NULL;
}

static struct client_socket *make(sio_client *c, const char *nsp,
                                  const sio_socket_options *options) {
    sio_socket_options o;
    int r = sio__client_ensure_loop(c);
    const char *what = sio_strerror(r);
    if (r == 0) {
        r = sio__socket_options_init(&o, options, &c->options.socket, &what);
    }
    if (r < 0) {
        SIO_LOG_AT(&c->log, SIO_LOG_ERROR, LOG_COMPONENT_CLIENT, "%s: %s", nsp, what);
        return NULL;
    }
    struct client_socket *s = sio__client_socket_new(c, sio__text_of(nsp), &o);
    if (s != NULL && c->options.o.no_auto_connect) {
        s->parked = true;
    } else if (s != NULL) {
        sio__client_socket_open(s);
    }
    return s;
}

sio_socket *sio_client_socket(sio_client *client, const char *nsp,
                              const sio_socket_options *options) {
    if (client == NULL || client->silent) {
        return NULL;
    }
    struct text name = nsp != NULL ? sio__text_of(nsp) : client->options.url.ns;
    bool has_slash = name.len > 0 && name.data[0] == '/';
    char *full = sio__malloc(name.len + 2);
    if (full == NULL) {
        return NULL;
    }
    full[0] = '/';
    memcpy(full + 1, name.data + (has_slash ? 1 : 0), name.len - (has_slash ? 1 : 0));
    full[name.len + (has_slash ? 0 : 1)] = '\0';
    struct client_socket *s = find(client, full);
    if (s == NULL) {
        s = make(client, full, options);
    }
    sio__free(full);
    return s != NULL ? &s->base : NULL;
}
