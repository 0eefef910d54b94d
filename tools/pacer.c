/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "pacer.h"

#include <errno.h>
#include <unistd.h>

#include "usage.h"

#ifdef __linux__

#include <sys/timerfd.h>

static void on_readable(uv_poll_t *handle, int status, int events) {
    struct pacer *p = handle->data;
    uint64_t expirations;
    (void)status, (void)events;
    if (read(p->fd, &expirations, sizeof expirations) == (ssize_t)sizeof expirations) {
        p->fn(p->user);
    }
}

int pacer_init(struct pacer *p, uv_loop_t *loop, void (*fn)(void *user), void *user) {
    p->fn = fn;
    p->user = user;
    p->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (p->fd < 0) {
        return -errno;
    }
    int r = uv_poll_init(loop, &p->handle, p->fd);
    if (r < 0) {
        close(p->fd);
        return r;
    }
    p->handle.data = p;
    uv_poll_start(&p->handle, UV_READABLE, on_readable);
    return 0;
}

void pacer_set(struct pacer *p, uint64_t when) {
    struct itimerspec at = {.it_value = {.tv_sec = (time_t)(when / 1000000000u),
                                         .tv_nsec = (long)(when % 1000000000u)}};
    (void)timerfd_settime(p->fd, TFD_TIMER_ABSTIME, &at, NULL);
}

void pacer_close(struct pacer *p) {
    uv_close((uv_handle_t *)&p->handle, NULL);
    close(p->fd);
}

#else

static void on_timer(uv_timer_t *handle) {
    struct pacer *p = handle->data;
    p->fn(p->user);
}

int pacer_init(struct pacer *p, uv_loop_t *loop, void (*fn)(void *user), void *user) {
    p->fn = fn;
    p->user = user;
    p->handle.data = p;
    return uv_timer_init(loop, &p->handle);
}

void pacer_set(struct pacer *p, uint64_t when) {
    uint64_t now = usage_clock();
    uv_update_time(p->handle.loop);
    uv_timer_start(&p->handle, on_timer, when > now ? (when - now) / 1000000u : 0, 0);
}

void pacer_close(struct pacer *p) {
    uv_close((uv_handle_t *)&p->handle, NULL);
}

#endif
