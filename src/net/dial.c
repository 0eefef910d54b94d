/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The stages: a task, so that nothing happens within sio__dial_start(); for most names a lookup;
 * then attempts, each with a uv_poll_t of its own that outlives it until libuv has closed it.
 */
#include "net/dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sio/error.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/vec.h"
#include "net/lookup.h"

/* RFC 1035 2.3.4 allows 253 characters in a name, and the root's dot may follow. */
#define HOST_MAX 254

struct dial {
    struct reactor *reactor;
    void (*on_done)(void *owner, int result); /* NULL: it has ended */
    void *owner;
    struct task begin;
    struct timer timeout;
    struct timer next;     /* the head start of the latest attempt */
    struct lookup *lookup; /* while it runs, else NULL */
    uint16_t port;
    uint16_t last_family; /* of the latest attempt */
    uint32_t attempt_delay_ms;
    uint32_t timeout_ms;
    union dial_address *addresses; /* not tried yet */
    uint32_t count;
    uint32_t capacity;
    struct list attempts; /* under way */
    int error;            /* the weightiest so far */
    char host[HOST_MAX + 1];
};

struct attempt {
    uv_poll_t poll;
    struct list link;
    struct reactor *reactor;
    struct dial *dial; /* NULL when it is over */
    int fd;
};

/* ---- ending ---- */

static void on_attempt_closed(uv_handle_t *handle) {
    struct attempt *a = SIO_CONTAINER_OF((uv_poll_t *)(void *)handle, struct attempt, poll);
    struct reactor *r = a->reactor;
    sio__free(a);
    sio__reactor_drop(r);
}

/* Ends an attempt and gives its socket, which libuv knows nothing of any more, to the caller. */
static int take_socket(struct attempt *a) {
    sio__list_remove(&a->link);
    a->dial = NULL;
    uv_close((uv_handle_t *)&a->poll, on_attempt_closed);
    return a->fd;
}

static void stop(struct dial *d) {
    d->on_done = NULL;
    sio__task_cancel(&d->begin);
    sio__reactor_stop(d->reactor, &d->timeout);
    sio__reactor_stop(d->reactor, &d->next);
    struct list *node = sio__list_first(&d->attempts);
    while (node != NULL) {
        close(take_socket(SIO_CONTAINER_OF(node, struct attempt, link)));
        node = sio__list_first(&d->attempts);
    }
    sio__lookup_cancel(d->lookup);
}

static void destroy(struct dial *d) {
    sio__free(d->addresses);
    sio__free(d);
}

static void finish(struct dial *d, int result) {
    void (*on_done)(void *owner, int result) = d->on_done;
    stop(d);
    on_done(d->owner, result);
    destroy(d);
}

void sio__dial_cancel(struct dial *d) {
    if (d == NULL || d->on_done == NULL) {
        return;
    }
    stop(d);
    destroy(d);
}

/* ---- attempts ---- */

static int weight(int error) {
    switch (error) {
    case SIO_ERR_NOMEM:
    case -ENOMEM:
    case -ENOBUFS:
    case -EMFILE:
    case -ENFILE: return 3;
    case -EAFNOSUPPORT:
    case -EADDRNOTAVAIL:
    case -ENETDOWN:
    case -ENETUNREACH: return 1;
    default: return 2;
    }
}

static void note_error(struct dial *d, int error) {
    if (d->error == 0 || weight(error) >= weight(d->error)) {
        d->error = error;
    }
}

/* Returns the socket or an error. */
static int make_socket(int family) {
#if defined(SOCK_NONBLOCK) && defined(SOCK_CLOEXEC)
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
#else
    int fd = socket(family, SOCK_STREAM, 0);
    if (fd < 0) {
        return -errno;
    }
    fcntl(fd, F_SETFL, O_NONBLOCK);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
#endif
    int one = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

/*
 * A socket that connects to a port of this machine on which nobody listens can meet itself, when
 * the system chooses that very port as its own (the simultaneous open of RFC 9293 3.5). Who tries
 * again and again to reach a server that is down would get there, and keep the port from it.
 */
static bool has_met_itself(int fd) {
    union dial_address own;
    union dial_address peer;
    socklen_t own_len = sizeof own;
    socklen_t peer_len = sizeof peer;
    memset(&own, 0, sizeof own);
    memset(&peer, 0, sizeof peer);
    if (getsockname(fd, &own.any, &own_len) < 0 || getpeername(fd, &peer.any, &peer_len) < 0) {
        return false;
    }
    if (own.any.sa_family == AF_INET) {
        return own.in.sin_port == peer.in.sin_port &&
               own.in.sin_addr.s_addr == peer.in.sin_addr.s_addr;
    }
    return own.in6.sin6_port == peer.in6.sin6_port &&
           IN6_ARE_ADDR_EQUAL(&own.in6.sin6_addr, &peer.in6.sin6_addr);
}

/* What came of an attempt: 0 or an error. */
static int outcome(int fd, int status) {
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0) {
        return -errno;
    }
    if (error != 0) {
        return -error; /* libuv has only EBADF to tell */
    }
    if (status < 0) {
        return status;
    }
    return has_met_itself(fd) ? -ECONNREFUSED : 0;
}

static void start_next(struct dial *d);

static void on_attempt(uv_poll_t *handle, int status, int events) {
    struct attempt *a = SIO_CONTAINER_OF(handle, struct attempt, poll);
    struct dial *d = a->dial;
    (void)events;
    int fd = take_socket(a);
    int error = outcome(fd, status);
    if (error == 0) {
        finish(d, fd);
        return;
    }
    close(fd);
    note_error(d, error);
    start_next(d);
}

static socklen_t address_len(const union dial_address *address) {
    return address->any.sa_family == AF_INET ? sizeof address->in : sizeof address->in6;
}

static int start_attempt(struct dial *d, const union dial_address *address) {
    int fd = make_socket(address->any.sa_family);
    if (fd < 0) {
        return fd;
    }
    /* Interrupted, it goes on nevertheless. */
    if (connect(fd, &address->any, address_len(address)) < 0 && errno != EINPROGRESS &&
        errno != EINTR) {
        int error = errno;
        close(fd);
        return -error;
    }
    struct attempt *a = sio__calloc(1, sizeof *a);
    int status = a == NULL ? SIO_ERR_NOMEM : uv_poll_init_socket(d->reactor->loop, &a->poll, fd);
    if (status < 0) {
        sio__free(a);
        close(fd);
        return status;
    }
    a->reactor = d->reactor;
    a->dial = d;
    a->fd = fd;
    sio__list_init(&a->link);
    sio__list_push_back(&d->attempts, &a->link);
    sio__reactor_hold(d->reactor);
    uv_poll_start(&a->poll, UV_WRITABLE, on_attempt);
    return 0;
}

/* The first address of another family than the latest, or else the first (RFC 8305 4). */
static union dial_address take_address(struct dial *d) {
    uint32_t i = 0;
    while (i < d->count && d->addresses[i].any.sa_family == d->last_family) {
        i++;
    }
    if (i == d->count) {
        i = 0;
    }
    union dial_address address = d->addresses[i];
    d->count--;
    memmove(&d->addresses[i], &d->addresses[i + 1], (d->count - i) * sizeof address);
    d->last_family = address.any.sa_family;
    return address;
}

/* Starts the next attempt that can be started. Ends the dial when there is nothing to wait for. */
static void start_next(struct dial *d) {
    sio__reactor_stop(d->reactor, &d->next);
    while (d->count > 0) {
        union dial_address address = take_address(d);
        int status = start_attempt(d, &address);
        if (status == 0) {
            if (d->count > 0) {
                sio__reactor_start(d->reactor, &d->next, d->attempt_delay_ms);
            }
            return;
        }
        note_error(d, status);
    }
    if (sio__list_empty(&d->attempts)) {
        finish(d, d->error);
    }
}

static void on_next(struct timer *t) {
    start_next(SIO_CONTAINER_OF(t, struct dial, next));
}

static void on_timeout(struct timer *t) {
    finish(SIO_CONTAINER_OF(t, struct dial, timeout), SIO_ERR_TIMEOUT);
}

/* ---- addresses ---- */

/* Those of other families, and what is too many of one, are left out. */
static int add_address(struct dial *d, const union dial_address *address) {
    sa_family_t family = address->any.sa_family;
    uint32_t same = 0;
    for (uint32_t i = 0; i < d->count; i++) {
        same += d->addresses[i].any.sa_family == family;
    }
    if ((family != AF_INET && family != AF_INET6) || same == DIAL_FAMILY_ADDRESSES) {
        return 0;
    }
    int status = sio__vec_reserve(&d->addresses, &d->capacity, d->count + 1, sizeof *d->addresses);
    if (status == 0) {
        d->addresses[d->count++] = *address;
    }
    return status;
}

/* RFC 6761 6.3: localhost, and what ends in .localhost, is loopback; no server is to be asked. */
static bool is_localhost(struct text name) {
    static const struct text suffix = {".localhost", sizeof ".localhost" - 1};
    if (name.len > 0 && name.data[name.len - 1] == '.') {
        name.len--;
    }
    if (name.len >= suffix.len) {
        name.data += name.len - suffix.len;
        name.len = suffix.len;
        return sio__text_eq_nocase(name, suffix);
    }
    return sio__text_eq_nocase(name, SIO_TEXT("localhost"));
}

static int add_loopback(struct dial *d) {
    union dial_address v6 = {.in6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT}};
    union dial_address v4 = {.in = {.sin_family = AF_INET}};
    v6.in6.sin6_port = htons(d->port);
    v4.in.sin_port = htons(d->port);
    v4.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int status = add_address(d, &v6);
    return status < 0 ? status : add_address(d, &v4);
}

static bool read_literal(const struct dial *d, union dial_address *ret) {
    memset(ret, 0, sizeof *ret);
    if (inet_pton(AF_INET, d->host, &ret->in.sin_addr) == 1) {
        ret->in.sin_family = AF_INET;
        ret->in.sin_port = htons(d->port);
        return true;
    }
    if (inet_pton(AF_INET6, d->host, &ret->in6.sin6_addr) == 1) {
        ret->in6.sin6_family = AF_INET6;
        ret->in6.sin6_port = htons(d->port);
        return true;
    }
    return false;
}

/* ---- lookup ---- */

static int add_resolved(struct dial *d, const struct addrinfo *list) {
    for (const struct addrinfo *info = list; info != NULL; info = info->ai_next) {
        union dial_address address;
        memset(&address, 0, sizeof address);
        if (info->ai_family == AF_INET) {
            memcpy(&address.in, info->ai_addr, sizeof address.in);
            address.in.sin_port = htons(d->port);
        } else if (info->ai_family == AF_INET6) {
            memcpy(&address.in6, info->ai_addr, sizeof address.in6);
            address.in6.sin6_port = htons(d->port);
        }
        int status = add_address(d, &address);
        if (status < 0) {
            return status;
        }
    }
    return 0;
}

static void on_resolved(void *owner, int status, const struct addrinfo *list) {
    struct dial *d = owner;
    d->lookup = NULL;
    if (status == 0) {
        status = add_resolved(d, list);
    }
    if (status < 0) {
        finish(d, status);
    } else {
        start_next(d);
    }
}

/* Finds the addresses of the host, or has them looked up. */
static int resolve(struct dial *d) {
    union dial_address literal;
    if (read_literal(d, &literal)) {
        return add_address(d, &literal);
    }
    if (is_localhost(sio__text_of(d->host))) {
        return add_loopback(d);
    }
    return sio__lookup_start(d->reactor, d->host, on_resolved, d, &d->lookup);
}

/* ---- starting ---- */

static void on_begin(struct task *task) {
    struct dial *d = SIO_CONTAINER_OF(task, struct dial, begin);
    if (d->timeout_ms > 0) {
        sio__reactor_start(d->reactor, &d->timeout, d->timeout_ms);
    }
    int status = d->count == 0 ? resolve(d) : 0;
    if (status < 0) {
        finish(d, status);
    } else if (d->lookup == NULL) {
        start_next(d);
    }
}

/* Printable ASCII; what getaddrinfo() makes of it is its business. */
static bool is_host(struct text host) {
    for (size_t i = 0; i < host.len; i++) {
        if (host.data[i] <= ' ' || host.data[i] >= 0x7f) {
            return false;
        }
    }
    return host.len > 0 && host.len <= HOST_MAX;
}

static int copy_target(struct dial *d, const struct dial_options *options) {
    if (options->address_count == 0) {
        if (!is_host(options->host)) {
            return SIO_ERR_INVALID;
        }
        memcpy(d->host, options->host.data, options->host.len);
        return 0;
    }
    for (uint32_t i = 0; i < options->address_count; i++) {
        int status = add_address(d, &options->addresses[i]);
        if (status < 0) {
            return status;
        }
    }
    return d->count == 0 ? SIO_ERR_INVALID : 0;
}

int sio__dial_start(struct reactor *r, const struct dial_options *options,
                    void (*on_done)(void *owner, int result), void *owner, struct dial **ret_dial) {
    struct dial *d = sio__calloc(1, sizeof *d);
    if (d == NULL) {
        return SIO_ERR_NOMEM;
    }
    int status = copy_target(d, options);
    if (status < 0) {
        destroy(d);
        return status;
    }
    d->reactor = r;
    d->on_done = on_done;
    d->owner = owner;
    d->port = options->port;
    d->attempt_delay_ms =
        options->attempt_delay_ms != 0 ? options->attempt_delay_ms : DIAL_ATTEMPT_DELAY_MS;
    d->timeout_ms = options->timeout_ms;
    sio__task_init(&d->begin, on_begin);
    sio__timer_init(&d->timeout, on_timeout);
    sio__timer_init(&d->next, on_next);
    sio__list_init(&d->attempts);
    sio__task_queue(r, &d->begin);
    *ret_dial = d;
    return 0;
}
