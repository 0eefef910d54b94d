/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* Life of a server: made, listening, running, closed. */
#include <netdb.h>
#include <sio/error.h>
#include <sio/uv.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "socketio/answers.h"

/* What the packer keeps of its memory when many clients have gone. */
#define PACKER_KEEP_BYTES 65536u

/* Engine.IO digit, type, namespace and JSON of one event. */
#define PACKET_MAX_BYTES ((size_t)0x7fffffff)

/* ---- making ---- */

static const char *ns_key(const void *item, size_t *ret_len) {
    const sio_ns *ns = item;
    *ret_len = ns->name_len;
    return ns->name;
}

static void on_stop_mail(struct mail *mail);
static void on_close_task(struct task *task);
static void on_adapters_task(struct task *task);

static void init_members(sio_server *server) {
    sio__list_init(&server->listeners);
    sio__list_init(&server->parents);
    sio__list_init(&server->groups);
    server->stop_mail.fn = on_stop_mail;
    sio__task_init(&server->close_task, on_close_task);
    sio__task_init(&server->adapters_task, on_adapters_task);
    atomic_init(&server->stoppable, false);
    atomic_init(&server->stop_asked, false);
    atomic_init(&server->stop_posted, false);
    sio__packer_init(&server->packer, PACKET_MAX_BYTES);
    sio__value_scratch_init(&server->scratch, VALUE_SCRATCH_BYTES);
    sio__assembler_pool_init(&server->assemblers, server->options.o.max_attachment_bytes);
    sio__slab_init(&server->peer_slab, sizeof(struct peer));
    sio__slab_init(&server->socket_slab, sizeof(struct server_socket));
    sio__slab_init(&server->wait_slab, sizeof(struct ack_wait));
    sio__map_init(&server->namespaces, ns_key, server->seed);
}

static void free_server(sio_server *server) {
    sio__ns_free_all(server);
    sio__map_done(&server->namespaces);
    sio__packer_done(&server->packer);
    sio__value_scratch_done(&server->scratch);
    sio__assembler_pool_done(&server->assemblers);
    sio__slab_done(&server->peer_slab);
    sio__slab_done(&server->socket_slab);
    sio__slab_done(&server->wait_slab);
    sio__options_done(&server->options);
    uv_mutex_destroy(&server->post_lock);
    if (server->has_own_loop) {
        uv_loop_close(&server->own_loop);
    }
    sio__free(server);
}

int sio_server_new(sio_server **ret_server, const sio_server_options *options) {
    if (ret_server == NULL) {
        return SIO_ERR_INVALID;
    }
    sio_server *server = sio__calloc(1, sizeof *server);
    if (server == NULL) {
        return SIO_ERR_NOMEM;
    }
    bool readable = options != NULL && options->size >= offsetof(sio_server_options, adapter);
    sio__logger_init(&server->log, readable ? options->log_level : SIO_LOG_DEFAULT,
                     readable ? options->log : NULL, readable ? options->log_user : NULL,
                     readable ? options->debug : NULL);
    int r = sio__options_init(&server->options, options, &server->log);
    if (r == 0) {
        r = sio__rand_bytes(&server->random, server->seed, sizeof server->seed);
        if (r < 0) {
            sio__options_done(&server->options);
        }
    }
    if (r < 0) {
        sio__free(server);
        return r;
    }
    r = uv_mutex_init(&server->post_lock);
    if (r < 0) {
        sio__options_done(&server->options);
        sio__free(server);
        return r;
    }
    init_members(server);
    *ret_server = server;
    return 0;
}

/* ---- the loop ---- */

static void on_trim(struct engine *e) {
    sio_server *server = e->owner;
    sio__slab_trim(&server->peer_slab);
    sio__slab_trim(&server->socket_slab);
    sio__slab_trim(&server->wait_slab);
    sio__packer_trim(&server->packer, PACKER_KEEP_BYTES);
}

static const struct engine_ops ops = {.on_open = sio__peer_open,
                                      .on_message = sio__peer_message,
                                      .on_close = sio__peer_close,
                                      .on_drain = sio__peer_drain,
                                      .on_trim = on_trim};

static void on_reactor_closed(void *context);

/* Sends the mail that stops the server when that has been asked for and there is somebody to send
   it to: whichever of both comes last does it. */
static void post_stop(sio_server *server) {
    if (atomic_load(&server->stoppable) && atomic_load(&server->stop_asked) &&
        !atomic_exchange(&server->stop_posted, true)) {
        sio__reactor_post(&server->reactor, &server->stop_mail);
    }
}

/* Puts the server on a loop. */
static int open_on(sio_server *server, uv_loop_t *loop) {
    struct engine_ops with_request = ops;
    with_request.on_request = server->engine.ops.on_request;
    with_request.on_request_user = server->engine.ops.on_request_user;
    sio_stats before = server->engine.stats; /* namespaces made already */
    int r = sio__reactor_init(&server->reactor, loop, &server->log);
    if (r == 0) {
        r = sio__engine_init(&server->engine, &server->reactor, &server->options, &server->log,
                             &with_request, server);
        server->engine.stats = before;
    }
    server->loop = loop;
    server->state = r == 0 ? SERVER_OPEN : SERVER_CLOSING;
    if (r < 0) {
        server->engine_ready = server->engine.owner != NULL;
        sio__reactor_close(&server->reactor, on_reactor_closed, server);
    } else {
        server->engine_ready = true;
        uv_mutex_lock(&server->post_lock);
        server->accepts_posts = true;
        uv_mutex_unlock(&server->post_lock);
        atomic_store(&server->stoppable, true);
        post_stop(server);
        /* Clients expect the main namespace, whether the application has named it or not. */
        r = sio_server_ns(server, "/") != NULL ? 0 : SIO_ERR_NOMEM;
    }
    return r;
}

static int ensure_open(sio_server *server) {
    if (server->state == SERVER_OPEN) {
        return 0;
    }
    if (server->state != SERVER_NEW) {
        return SIO_ERR_STATE;
    }
    int r = uv_loop_init(&server->own_loop);
    if (r < 0) {
        return r;
    }
    server->has_own_loop = true;
    return open_on(server, &server->own_loop);
}

int sio_server_attach_uv(sio_server *server, uv_loop_t *loop) {
    if (server == NULL || loop == NULL) {
        return SIO_ERR_INVALID;
    }
    if (server->state != SERVER_NEW) {
        return SIO_ERR_STATE;
    }
    server->started = false;
    return open_on(server, loop);
}

/* ---- listening ---- */

static void on_accept(struct listener *l, int fd, const struct peer_address *peer) {
    sio_server *server = l->owner;
    server->started = true;
    sio__engine_accept(&server->engine, fd, peer);
}

static void on_exhausted(struct listener *l) {
    sio_server *server = l->owner;
    sio__engine_count(&server->engine, SIO_CAUSE_FILES, NULL);
}

static const struct listener_ops listener_ops = {on_accept, on_exhausted};

static int listen_on(sio_server *server, const struct sockaddr *address, socklen_t len, bool both) {
    struct listener *l = NULL;
    int r = sio__listener_open(&server->reactor, address, len, both, &listener_ops, server, &l);
    if (r == 0) {
        sio__list_push_back(&server->listeners, &l->link);
    }
    return r;
}

/* All addresses: one socket for both families, or IPv4 alone where there is no IPv6. */
static int listen_all(sio_server *server, uint16_t port) {
    struct sockaddr_in6 any6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    int r = listen_on(server, (const struct sockaddr *)&any6, sizeof any6, true);
    if (r == UV_EAFNOSUPPORT || r == UV_EADDRNOTAVAIL || r == UV_EPROTONOSUPPORT) {
        struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
        r = listen_on(server, (const struct sockaddr *)&any, sizeof any, false);
    }
    return r;
}

static int resolve(const char *host, uint16_t port, struct addrinfo **ret_list) {
    char service[8];
    snprintf(service, sizeof service, "%u", (unsigned)port);
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    int r = getaddrinfo(host, service, &hints, ret_list);
    switch (r) {
    case 0: return 0;
    case EAI_MEMORY: return SIO_ERR_NOMEM;
    case EAI_AGAIN: return UV_EAI_AGAIN;
    default: return UV_EAI_NONAME;
    }
}

static void set_port(struct sockaddr *address, uint16_t port) {
    if (address->sa_family == AF_INET6) {
        ((struct sockaddr_in6 *)(void *)address)->sin6_port = htons(port);
    } else {
        ((struct sockaddr_in *)(void *)address)->sin_port = htons(port);
    }
}

/* All addresses of a host name; one that this machine lacks is no error as long as there is
 * another. */
static int listen_host(sio_server *server, const char *host, uint16_t port) {
    struct addrinfo *list = NULL;
    int r = resolve(host, port, &list);
    if (r < 0) {
        return r;
    }
    int first_error = 0;
    bool any = false;
    for (struct addrinfo *a = list; a != NULL; a = a->ai_next) {
        if (any && port == 0) {
            set_port(a->ai_addr, sio_server_port(server)); /* the same for all */
        }
        r = listen_on(server, a->ai_addr, a->ai_addrlen, false);
        any = any || r == 0;
        first_error = first_error == 0 ? r : first_error;
    }
    freeaddrinfo(list);
    return any ? 0 : first_error;
}

int sio_server_listen(sio_server *server, const char *host, uint16_t port) {
    if (server == NULL) {
        return SIO_ERR_INVALID;
    }
    int r = ensure_open(server);
    if (r < 0) {
        return r;
    }
    r = host == NULL || host[0] == '\0' ? listen_all(server, port)
                                        : listen_host(server, host, port);
    if (r == 0) {
        SIO_LOG_AT(&server->log, SIO_LOG_INFO, LOG_COMPONENT_SERVER, "listening on %s port %u",
                   host == NULL || host[0] == '\0' ? "all addresses" : host,
                   (unsigned)sio_server_port(server));
    }
    return r;
}

uint16_t sio_server_port(const sio_server *server) {
    if (server == NULL || sio__list_empty(&server->listeners)) {
        return 0;
    }
    return SIO_CONTAINER_OF(server->listeners.next, struct listener, link)->port;
}

/* ---- closing ---- */

static void on_reactor_closed(void *context) {
    sio_server *server = context;
    server->state = SERVER_CLOSED;
    if (server->engine_ready) {
        sio__engine_done(&server->engine);
    }
    sio__reactor_done(&server->reactor);
    SIO_LOG_AT(&server->log, SIO_LOG_INFO, LOG_COMPONENT_SERVER, "closed");
    bool free_now = server->free_when_closed && !server->running;
    if (server->on_closed != NULL) {
        server->on_closed(
            server, server->on_closed_user); /* may free it, when it was not to be freed anyway */
    }
    if (free_now) {
        free_server(server);
    }
}

/* From here on other threads hand nothing in; what they have handed in still runs. */
static void shut_mailbox(sio_server *server) {
    uv_mutex_lock(&server->post_lock);
    server->accepts_posts = false;
    uv_mutex_unlock(&server->post_lock);
    if (atomic_exchange(&server->stop_posted, true) && !server->stop_came) {
        /* Somebody is in sio_server_stop(): the loop's wake-up has to stay until that has arrived.
         */
        server->stop_awaited = true;
        sio__reactor_hold(&server->reactor);
    }
}

static void on_adapters_task(struct task *task) {
    sio_server *server = SIO_CONTAINER_OF(task, sio_server, adapters_task);
    sio__ns_close_adapters(server);
    sio__groups_close(server);
}

static void on_close_task(struct task *task) {
    sio_server *server = SIO_CONTAINER_OF(task, sio_server, close_task);
    sio__engine_close(&server->engine);
    /* Behind the ends of all sessions: what disconnect callbacks broadcast still reaches the other
     * nodes. */
    sio__task_queue(&server->reactor, &server->adapters_task);
}

/* May be called inside a callback, whose session and connection have to outlive it: they end in a
 * task. */
static void begin_close(sio_server *server) {
    server->state = SERVER_CLOSING;
    shut_mailbox(server);
    struct list *node = sio__list_first(&server->listeners);
    while (node != NULL) {
        sio__listener_close(SIO_CONTAINER_OF(node, struct listener, link));
        node = sio__list_first(&server->listeners);
    }
    sio__task_queue(&server->reactor, &server->close_task);
    sio__reactor_close(&server->reactor, on_reactor_closed, server);
}

int sio_server_close(sio_server *server, void (*fn)(sio_server *server, void *user), void *user) {
    if (server == NULL) {
        return SIO_ERR_INVALID;
    }
    if (server->state != SERVER_OPEN) {
        return SIO_ERR_STATE;
    }
    server->on_closed = fn;
    server->on_closed_user = user;
    begin_close(server);
    return 0;
}

static void on_stop_mail(struct mail *mail) {
    sio_server *server = SIO_CONTAINER_OF(mail, sio_server, stop_mail);
    server->stop_came = true;
    if (server->stop_awaited) {
        sio__reactor_drop(&server->reactor);
    } else {
        (void)sio_server_close(server, NULL, NULL);
    }
}

void sio_server_stop(sio_server *server) {
    if (server != NULL) {
        atomic_store(&server->stop_asked, true);
        post_stop(server);
    }
}

/* Runs the server's own loop until the server is closed. */
static void run_loop(sio_server *server) {
    server->running = true;
    uv_run(server->loop, UV_RUN_DEFAULT);
    server->running = false;
    if (server->free_when_closed) {
        free_server(server);
    }
}

int sio_server_run(sio_server *server) {
    if (server == NULL) {
        return SIO_ERR_INVALID;
    }
    int r = ensure_open(server);
    if (r < 0) {
        return r;
    }
    if (!server->has_own_loop || server->running) {
        return SIO_ERR_STATE;
    }
    server->started = true;
    uv_ref((uv_handle_t *)&server->reactor.async); /* runs until it is stopped, listening or not */
    run_loop(server);
    return 0;
}

void sio_server_free(sio_server *server) {
    if (server == NULL) {
        return;
    }
    if (server->state == SERVER_OPEN) {
        begin_close(server);
    }
    bool closed = server->state == SERVER_NEW || server->state == SERVER_CLOSED;
    if (closed && !server->running) {
        free_server(server);
        return;
    }
    server->free_when_closed = true; /* by whoever runs the loop */
    if (server->has_own_loop && !server->running) {
        run_loop(server);
    }
}

/* ---- from other threads ---- */

struct post {
    struct mail mail;
    sio_server *server;
    void (*fn)(sio_server *server, void *arg);
    void *arg;
};

static void on_post(struct mail *mail) {
    struct post *post = SIO_CONTAINER_OF(mail, struct post, mail);
    post->fn(post->server, post->arg);
    sio__free(post);
}

int sio_server_post(sio_server *server, void (*fn)(sio_server *server, void *arg), void *arg) {
    if (server == NULL || fn == NULL) {
        return SIO_ERR_INVALID;
    }
    struct post *post = sio__malloc(sizeof *post);
    if (post == NULL) {
        return SIO_ERR_NOMEM;
    }
    *post = (struct post){.mail = {.fn = on_post}, .server = server, .fn = fn, .arg = arg};
    uv_mutex_lock(&server->post_lock);
    bool accepted = server->accepts_posts;
    if (accepted) {
        sio__reactor_post(&server->reactor, &post->mail);
    }
    uv_mutex_unlock(&server->post_lock);
    if (!accepted) {
        sio__free(post);
        return SIO_ERR_CLOSED;
    }
    return 0;
}

/* ---- the rest ---- */

void sio_server_on_request(sio_server *server, sio_request_fn fn, void *user) {
    if (server != NULL && !server->started) {
        server->engine.ops.on_request = fn;
        server->engine.ops.on_request_user = user;
    }
}

void sio_server_on_new_ns(sio_server *server, void (*fn)(sio_ns *ns, void *user), void *user) {
    if (server != NULL) {
        server->on_new_ns = fn;
        server->on_new_ns_user = user;
    }
}

void sio_server_stats(const sio_server *server, sio_stats *ret_stats) {
    if (server == NULL || ret_stats == NULL || ret_stats->size < sizeof ret_stats->size) {
        return;
    }
    sio_stats now = server->engine.stats;
    size_t size = ret_stats->size < sizeof now ? ret_stats->size : sizeof now;
    now.size = size;
    now.connections = server->reactor.stats.streams;
    now.bytes_in = server->reactor.stats.bytes_in;
    now.bytes_out = server->reactor.stats.bytes_out;
    memcpy(ret_stats, &now, size);
}
