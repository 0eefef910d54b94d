/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "net/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sio/error.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"

#define BACKLOG      4096
#define ACCEPT_BATCH 64

void sio__peer_address_text(const struct peer_address *address, char text[PEER_ADDRESS_CHARS]) {
    text[0] = '\0';
    if (address->family != 0) {
        inet_ntop(address->family == 4 ? AF_INET : AF_INET6, address->ip, text, PEER_ADDRESS_CHARS);
    }
}

static void read_address(const struct sockaddr_storage *from, struct peer_address *ret) {
    memset(ret, 0, sizeof *ret);
    if (from->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)from;
        ret->family = 4;
        ret->port = ntohs(in->sin_port);
        memcpy(ret->ip, &in->sin_addr, 4);
    } else if (from->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)from;
        ret->port = ntohs(in6->sin6_port);
        if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
            ret->family = 4;
            memcpy(ret->ip, (const uint8_t *)&in6->sin6_addr + 12, 4);
        } else {
            ret->family = 6;
            memcpy(ret->ip, &in6->sin6_addr, 16);
        }
    }
}

static int accept_one(int listen_fd, struct sockaddr_storage *from) {
    socklen_t len = sizeof *from;
    memset(from, 0, sizeof *from);
#if defined(__linux__)
    return accept4(listen_fd, (struct sockaddr *)from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
#else
    int fd = accept(listen_fd, (struct sockaddr *)from, &len);
    if (fd >= 0) {
        fcntl(fd, F_SETFL, O_NONBLOCK);
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
    return fd;
#endif
}

static int open_reserve(void) {
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Nothing can be accepted for a while: the loop must not spin over it. */
#define PAUSE_MS 100

static void on_poll(uv_poll_t *handle, int status, int events);

static void on_pause_end(struct timer *t) {
    struct listener *l = SIO_CONTAINER_OF(t, struct listener, pause);
    uv_poll_start(&l->poll, UV_READABLE, on_poll);
}

static void pause_listening(struct listener *l) {
    uv_poll_stop(&l->poll);
    sio__reactor_start(l->reactor, &l->pause, PAUSE_MS);
}

/* No descriptors left: gives up the reserve to get rid of one waiting connection. */
static bool drop_one(struct listener *l) {
    if (l->reserve_fd < 0) {
        l->reserve_fd = open_reserve();
    }
    if (l->reserve_fd < 0) {
        return false;
    }
    close(l->reserve_fd);
    struct sockaddr_storage from;
    int fd = accept_one(l->fd, &from);
    if (fd >= 0) {
        close(fd);
        l->ops->on_exhausted(l);
    }
    l->reserve_fd = open_reserve();
    return fd >= 0;
}

static void take(struct listener *l, int fd, const struct sockaddr_storage *from) {
    int one = 1;
    struct peer_address peer;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    read_address(from, &peer);
    l->ops->on_accept(l, fd, &peer);
}

static void on_poll(uv_poll_t *handle, int status, int events) {
    struct listener *l = SIO_CONTAINER_OF(handle, struct listener, poll);
    (void)status;
    (void)events;
    for (int i = 0; i < ACCEPT_BATCH && !l->closed; i++) {
        struct sockaddr_storage from;
        int fd = accept_one(l->fd, &from);
        if (fd >= 0) {
            take(l, fd, &from);
            continue;
        }
        int error = errno;
        if (error == EAGAIN || error == EWOULDBLOCK) {
            return;
        }
        bool no_files = error == EMFILE || error == ENFILE;
        if (no_files && drop_one(l)) {
            continue;
        }
        if (no_files || error == ENOBUFS || error == ENOMEM) {
            pause_listening(l);
            return;
        }
        /* Others, such as ECONNABORTED, concern that connection only. */
    }
}

static int make_socket(const struct sockaddr *address, socklen_t len, bool both_families,
                       int *ret_fd) {
    int fd = socket(address->sa_family, SOCK_STREAM, 0);
    if (fd < 0) {
        return -errno;
    }
    int one = 1;
    int both = both_families ? 0 : 1;
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (address->sa_family == AF_INET6) {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &both, sizeof both);
    }
    if (bind(fd, address, len) < 0 || listen(fd, BACKLOG) < 0 ||
        fcntl(fd, F_SETFL, O_NONBLOCK) < 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    *ret_fd = fd;
    return 0;
}

static uint16_t bound_port(int fd) {
    struct sockaddr_storage own;
    socklen_t len = sizeof own;
    struct peer_address address;
    memset(&own, 0, sizeof own);
    if (getsockname(fd, (struct sockaddr *)&own, &len) < 0) {
        return 0;
    }
    read_address(&own, &address);
    return address.port;
}

int sio__listener_open(struct reactor *r, const struct sockaddr *address, socklen_t len,
                       bool both_families, const struct listener_ops *ops, void *owner,
                       struct listener **ret_listener) {
    struct listener *l = sio__calloc(1, sizeof *l);
    if (l == NULL) {
        return SIO_ERR_NOMEM;
    }
    int status = make_socket(address, len, both_families, &l->fd);
    if (status == 0) {
        status = uv_poll_init_socket(r->loop, &l->poll, l->fd);
        if (status < 0) {
            close(l->fd);
        }
    }
    if (status < 0) {
        sio__free(l);
        return status;
    }
    sio__list_init(&l->link);
    sio__timer_init(&l->pause, on_pause_end);
    l->reactor = r;
    l->ops = ops;
    l->owner = owner;
    l->port = bound_port(l->fd);
    l->reserve_fd = open_reserve();
    sio__reactor_hold(r);
    uv_poll_start(&l->poll, UV_READABLE, on_poll);
    *ret_listener = l;
    return 0;
}

static void on_closed(uv_handle_t *handle) {
    struct listener *l = SIO_CONTAINER_OF((uv_poll_t *)(void *)handle, struct listener, poll);
    struct reactor *r = l->reactor;
    sio__free(l);
    sio__reactor_drop(r);
}

void sio__listener_close(struct listener *l) {
    if (l->closed) {
        return;
    }
    l->closed = true;
    sio__list_remove(&l->link);
    sio__reactor_stop(l->reactor, &l->pause);
    uv_close((uv_handle_t *)&l->poll, on_closed);
    close(l->fd);
    if (l->reserve_fd >= 0) {
        close(l->reserve_fd);
    }
}
