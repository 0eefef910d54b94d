/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "support/dialer.h"

#include <dirent.h>
#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

/* ---- the resolver ---- */

#define OURS 0x5100 /* ai_flags of lists that were made here */

int resolver_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                         struct addrinfo **ret) __asm__("getaddrinfo")
    __attribute__((visibility("default")));
void resolver_freeaddrinfo(struct addrinfo *list) __asm__("freeaddrinfo")
    __attribute__((visibility("default")));

struct resolver resolver;

struct answer {
    struct addrinfo info;
    union dial_address address;
};

static struct addrinfo *make_list(void) {
    struct addrinfo *list = NULL;
    for (size_t i = resolver.count; i-- > 0;) {
        struct answer *answer = calloc(1, sizeof *answer);
        if (answer == NULL) {
            abort();
        }
        answer->address = resolver.addresses[i];
        answer->info.ai_flags = OURS;
        answer->info.ai_family = answer->address.any.sa_family;
        answer->info.ai_addr = &answer->address.any;
        answer->info.ai_addrlen = sizeof answer->address;
        answer->info.ai_next = list;
        list = &answer->info;
        resolver.lists++;
    }
    return list;
}

int resolver_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                         struct addrinfo **ret) {
    if (node == NULL || strcmp(node, RESOLVED_NAME) != 0) {
        int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = NULL;
        *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
        return real(node, service, hints, ret);
    }
    resolver.calls++;
    if (resolver.held) {
        sem_post(&resolver.entered);
        while (sem_wait(&resolver.release) < 0) {
            /* interrupted */
        }
    }
    if (resolver.error == 0) {
        *ret = make_list();
    }
    return resolver.error;
}

void resolver_freeaddrinfo(struct addrinfo *list) {
    if (list != NULL && list->ai_flags != OURS) {
        void (*real)(struct addrinfo *) = NULL;
        *(void **)&real = dlsym(RTLD_NEXT, "freeaddrinfo");
        real(list);
        return;
    }
    while (list != NULL) {
        struct addrinfo *next = list->ai_next;
        free(list); /* first in its struct answer */
        resolver.lists--;
        list = next;
    }
}

void resolver_answer(const union dial_address *addresses, size_t count, int error) {
    resolver.addresses = addresses;
    resolver.count = count;
    resolver.error = error;
}

void resolver_init(void) {
    assert_int_equal(setenv("UV_THREADPOOL_SIZE", "1", 1), 0);
    assert_int_equal(sem_init(&resolver.entered, 0, 0), 0);
    assert_int_equal(sem_init(&resolver.release, 0, 0), 0);
}

/* ---- places ---- */

union dial_address place_loopback(int family, uint16_t port) {
    union dial_address address;
    memset(&address, 0, sizeof address);
    address.any.sa_family = (sa_family_t)family;
    if (family == AF_INET) {
        address.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.in.sin_port = htons(port);
    } else {
        address.in6.sin6_addr = in6addr_loopback;
        address.in6.sin6_port = htons(port);
    }
    return address;
}

uint16_t place_port(const struct place *p) {
    return ntohs(p->address.any.sa_family == AF_INET ? p->address.in.sin_port
                                                     : p->address.in6.sin6_port);
}

static socklen_t len_of(const union dial_address *address) {
    return address->any.sa_family == AF_INET ? sizeof address->in : sizeof address->in6;
}

union dial_address place_unreachable(void) {
    union dial_address address = place_loopback(AF_INET, 9);
    address.in.sin_addr.s_addr = htonl(0xe0000001); /* multicast: TCP refuses it at once */
    return address;
}

/* A port that refuses. */
struct place place_refusing(int family) {
    struct place p = {.address = place_loopback(family, 0)};
    p.fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(p.fd >= 0);
    socklen_t len = len_of(&p.address);
    assert_int_equal(bind(p.fd, &p.address.any, len), 0);
    assert_int_equal(getsockname(p.fd, &p.address.any, &len), 0);
    return p;
}

struct place place_listening(int family) {
    struct place p = place_refusing(family);
    assert_int_equal(listen(p.fd, 1000), 0);
    return p;
}

/* True when the kernel has taken the connection within a moment. */
static bool is_taken(int fd) {
    fd_set set;
    struct timeval moment = {.tv_usec = 200000};
    FD_ZERO(&set);
    FD_SET(fd, &set);
    return select(fd + 1, NULL, &set, NULL, &moment) == 1;
}

/* A listener that answers nothing more, because its backlog is full. */
struct place place_black_hole(int family) {
    struct place p = place_refusing(family);
    assert_int_equal(listen(p.fd, 0), 0);
    bool taken = true;
    while (taken) {
        assert_true(p.filler_count < 8);
        int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_true(fd >= 0);
        (void)connect(fd, &p.address.any, len_of(&p.address));
        p.fillers[p.filler_count++] = fd;
        taken = is_taken(fd);
    }
    return p;
}

void place_leave(struct place *p) {
    close(p->fd);
    for (size_t i = 0; i < p->filler_count; i++) {
        close(p->fillers[i]);
    }
}

bool place_is_peer(const struct place *p, int fd) {
    union dial_address peer;
    socklen_t len = sizeof peer;
    memset(&peer, 0, sizeof peer);
    return getpeername(fd, &peer.any, &len) == 0 && len == len_of(&p->address) &&
           memcmp(&peer, &p->address, len) == 0;
}

size_t dialer_fds(void) {
    DIR *dir = opendir("/proc/self/fd");
    if (dir == NULL) {
        return 0;
    }
    size_t count = 0;
    while (readdir(dir) != NULL) {
        count++;
    }
    closedir(dir);
    return count;
}

/* ---- the dialler ---- */

struct dialer *dialer_begin(void) {
    struct dialer *f = calloc(1, sizeof *f);
    assert_non_null(f);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    sio__logger_init(&f->log, SIO_LOG_NONE, NULL, NULL, NULL);
    assert_int_equal(sio__reactor_init(&f->reactor, &f->loop, &f->log), 0);
    uv_ref((uv_handle_t *)&f->reactor.async); /* as a client would keep its loop alive */
    uv_run(&f->loop, UV_RUN_NOWAIT);
    f->fds = dialer_fds();
    resolver.held = false;
    resolver.calls = 0;
    return f;
}

void dialer_on_closed(void *context) {
    ((struct dialer *)context)->closed = true;
}

/* What libuv still has to close may be closed, but all descriptors are given back before. */
void dialer_end(struct dialer *f) {
    assert_int_equal(dialer_fds(), f->fds);
    assert_true(sio__wheel_next(&f->reactor.wheel) == UINT64_MAX);
    sio__reactor_close(&f->reactor, dialer_on_closed, f);
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    assert_true(f->closed);
    sio__reactor_done(&f->reactor);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    assert_int_equal(resolver.lists, 0);
    free(f);
}

void dialer_on_done(void *owner, int result) {
    struct call *call = owner;
    call->calls++;
    call->result = result;
    uv_stop(&call->dialer->loop);
    if (call->cancels) {
        sio__dial_cancel(call->dial);
        sio__dial_cancel(call->dial);
    }
}

void dialer_start(struct dialer *f, struct call *call, const struct dial_options *options) {
    call->dialer = f;
    call->calls = 0;
    assert_int_equal(sio__dial_start(&f->reactor, options, dialer_on_done, call, &call->dial), 0);
    assert_int_equal(call->calls, 0);
}

int dialer_wait(struct call *call) {
    while (call->calls == 0) {
        uv_run(&call->dialer->loop, UV_RUN_DEFAULT);
    }
    assert_int_equal(call->calls, 1);
    return call->result;
}

int dialer_dial(struct dialer *f, const struct dial_options *options) {
    struct call call = {0};
    dialer_start(f, &call, options);
    return dialer_wait(&call);
}

void dialer_turn(struct dialer *f, int times) {
    for (int i = 0; i < times; i++) {
        uv_run(&f->loop, UV_RUN_NOWAIT);
    }
}

bool place_has_ipv6(void) {
    union dial_address address = place_loopback(AF_INET6, 0);
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    bool has = fd >= 0 && bind(fd, &address.any, sizeof address.in6) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return has;
}
