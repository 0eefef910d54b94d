/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "net/stream.h"

#include <errno.h>
#include <sio/error.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/alloc.h"

#if !defined(MSG_NOSIGNAL)
#define MSG_NOSIGNAL 0
#endif

#define IOV_COUNT 64

/* Full reads in a row that one stream may do per turn, before the others get theirs. */
#define READ_ROUNDS 4

/* Input that is dropped while a stream finishes; who sends more is cut off. */
#define LINGER_INPUT_MAX (8u << 20)

enum stream_state {
    STREAM_OPEN,
    STREAM_FINISHING, /* no owner; output is still being sent */
    STREAM_LINGERING, /* no owner; our side is shut down */
    STREAM_CLOSED
};

/* A peer that takes nothing of the last output for so long is given up. */
#define STALL_MAX_MS 30000u

/* Exists while a stream finishes. */
struct stream_linger {
    struct timer timer;
    struct stream *stream;
    uint32_t period_ms;
    uint32_t stalled_ms; /* since when nothing was sent */
    size_t unsent;       /* output at the last look */
    size_t dropped;      /* input so far */
};

static void on_poll(uv_poll_t *handle, int status, int events);

static void arm(struct stream *s) {
    int events = (s->paused ? 0 : UV_READABLE) | (s->blocked ? UV_WRITABLE : 0);
    if (events == 0) {
        uv_poll_stop(&s->poll);
    } else {
        uv_poll_start(&s->poll, events, on_poll);
    }
}

int sio__stream_open(struct reactor *r, int fd, const struct stream_ops *ops, void *owner,
                     struct stream **ret_stream) {
    struct stream *s = sio__slab_alloc(&r->stream_slab);
    if (s == NULL) {
        return SIO_ERR_NOMEM;
    }
    int status = uv_poll_init_socket(r->loop, &s->poll, fd);
    if (status < 0) {
        sio__slab_free(&r->stream_slab, s);
        return status;
    }
    s->ops = ops;
    s->poll.data = owner;
    s->reactor = r;
    sio__list_init(&s->dirty);
    s->out = (struct outq){0};
    s->fd = fd;
    s->state = STREAM_OPEN;
    s->blocked = false;
    s->paused = false;
    s->end = STREAM_LIVES;
    sio__reactor_hold(r);
    r->stats.streams++;
    arm(s);
    *ret_stream = s;
    return 0;
}

static void on_closed(uv_handle_t *handle) {
    struct stream *s = (struct stream *)(void *)handle;
    struct reactor *r = s->reactor;
    sio__slab_free(&r->stream_slab, s);
    sio__reactor_drop(r);
}

void sio__stream_close(struct stream *s) {
    if (s->state == STREAM_CLOSED) {
        return;
    }
    struct reactor *r = s->reactor;
    if (s->state != STREAM_OPEN) {
        struct stream_linger *linger = s->poll.data;
        sio__reactor_stop(r, &linger->timer);
        sio__free(linger);
    }
    s->state = STREAM_CLOSED;
    s->ops = NULL;
    s->poll.data = NULL;
    sio__list_remove(&s->dirty);
    sio__outq_clear(r, &s->out);
    r->stats.streams--;
    uv_close((uv_handle_t *)&s->poll, on_closed);
    close(s->fd);
}

void sio__stream_reset(struct stream *s) {
    struct linger off = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &off, sizeof off);
    sio__stream_close(s);
}

/* The stream has ended, as the loop found out: tells the owner. */
static void end(struct stream *s, int status) {
    if (s->state != STREAM_OPEN) {
        sio__stream_close(s);
        return;
    }
    s->end = status < 0 ? STREAM_FAILED : STREAM_ENDED;
    if (status < 0) {
        sio__outq_clear(s->reactor, &s->out);
    }
    s->ops->on_end(s, status);
}

/* Writing failed, possibly inside a call of the owner, who must not hear of it now: a socket that
   is shut down reads as ended in the next turn of the loop. */
static void break_off(struct stream *s) {
    if (s->state != STREAM_OPEN) {
        sio__stream_close(s);
        return;
    }
    sio__outq_clear(s->reactor, &s->out);
    shutdown(s->fd, SHUT_RDWR);
    s->blocked = false;
    s->paused = false;
    arm(s);
}

int sio__stream_write(struct stream *s, const void *head, size_t head_len, const void *body,
                      size_t body_len) {
    if (s->end == STREAM_FAILED) {
        return 0;
    }
    int r = sio__outq_append(s->reactor, &s->out, head, head_len, body, body_len);
    if (r == 0 && !s->blocked) {
        sio__stream_mark(s);
    }
    return r;
}

int sio__stream_write_ref(struct stream *s, const void *data, size_t len, void *shared) {
    int r = 0;
    if (s->end != STREAM_FAILED) {
        r = sio__outq_append_ref(s->reactor, &s->out, data, len, shared);
        if (r == 0) {
            if (!s->blocked) {
                sio__stream_mark(s);
            }
            return 0;
        }
    }
    s->reactor->release(s->reactor->release_context, shared);
    return r;
}

static ssize_t write_some(struct stream *s) {
    struct reactor *r = s->reactor;
    struct iovec single;
    if (sio__outq_single(&s->out, &single)) {
        return send(s->fd, single.iov_base, single.iov_len, MSG_NOSIGNAL);
    }
    if (s->out.bytes <= REACTOR_GATHER_BYTES) {
        /* One copy is cheaper than many small pieces for the kernel to walk. */
        sio__outq_copy(&s->out, r->gather);
        return send(s->fd, r->gather, s->out.bytes, MSG_NOSIGNAL);
    }
    struct iovec iov[IOV_COUNT];
    struct msghdr message = {.msg_iov = iov};
    message.msg_iovlen = (size_t)sio__outq_peek(&s->out, iov, IOV_COUNT);
    return sendmsg(s->fd, &message, MSG_NOSIGNAL);
}

static void finish_output(struct stream *s) {
    if (s->state != STREAM_FINISHING) {
        return;
    }
    if (s->end == STREAM_ENDED) {
        sio__stream_close(s);
        return;
    }
    struct stream_linger *linger = s->poll.data;
    s->state = STREAM_LINGERING;
    shutdown(s->fd, SHUT_WR);
    sio__reactor_start(s->reactor, &linger->timer, linger->period_ms);
}

void sio__stream_flush(struct stream *s) {
    if (s->state == STREAM_CLOSED || s->blocked || s->end == STREAM_FAILED) {
        return;
    }
    while (s->out.head != NULL) {
        ssize_t n = write_some(s);
        if (n >= 0) {
            s->reactor->stats.bytes_out += (uint64_t)n;
            sio__outq_consume(s->reactor, &s->out, (size_t)n);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
            s->blocked = true;
            arm(s);
            return;
        } else if (errno != EINTR) {
            break_off(s);
            return;
        }
    }
    finish_output(s);
}

static void on_writable(struct stream *s) {
    s->blocked = false;
    sio__stream_flush(s);
    if (s->state == STREAM_CLOSED || s->blocked || s->end == STREAM_FAILED) {
        return;
    }
    arm(s);
    if (s->state == STREAM_OPEN) {
        s->ops->on_drain(s);
    }
}

/* Without an owner: input is dropped. */
static void drop_input(struct stream *s, ssize_t n) {
    if (n <= 0) {
        if (n == 0 && s->state == STREAM_FINISHING) {
            s->end = STREAM_ENDED; /* it may still read what we have to say */
            s->paused = true;
            arm(s);
        } else {
            sio__stream_close(s);
        }
        return;
    }
    struct stream_linger *linger = s->poll.data;
    linger->dropped += (size_t)n;
    if (linger->dropped > LINGER_INPUT_MAX) {
        sio__stream_close(s);
    }
}

static void read_input(struct stream *s) {
    struct reactor *r = s->reactor;
    for (int i = 0; i < READ_ROUNDS; i++) {
        ssize_t n = recv(s->fd, r->input, REACTOR_INPUT_BYTES, 0);
        if (n < 0) {
            if (errno == EINTR) {
                continue;
            }
            if (errno != EAGAIN && errno != EWOULDBLOCK) {
                end(s, -errno);
            }
            return;
        }
        if (s->state != STREAM_OPEN) {
            drop_input(s, n);
        } else if (n == 0) {
            end(s, 0);
            return;
        } else {
            r->stats.bytes_in += (uint64_t)n;
            s->ops->on_input(s, r->input, (size_t)n);
        }
        if (n < (ssize_t)REACTOR_INPUT_BYTES || s->state == STREAM_CLOSED || s->paused ||
            s->end != STREAM_LIVES) {
            return;
        }
    }
}

/*
 * What the input has caused for this stream itself goes out at once, while it is in the cache, and
 * its memory serves the next stream. Others are flushed at the end of the turn.
 */
static void on_readable(struct stream *s) {
    read_input(s);
    if (s->out.head != NULL && !s->blocked) {
        sio__list_remove(&s->dirty);
        sio__stream_flush(s);
    }
}

static void on_poll(uv_poll_t *handle, int status, int events) {
    struct stream *s = (struct stream *)(void *)handle;
    if (status < 0 && !(events & UV_READABLE)) {
        /* libuv reports a lone POLLERR as EBADF; the socket knows better. */
        int error = 0;
        socklen_t len = sizeof error;
        getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len);
        end(s, error != 0 ? -error : status);
        return;
    }
    if (events & UV_READABLE) {
        on_readable(s);
    }
    if ((events & UV_WRITABLE) && s->state != STREAM_CLOSED && s->blocked) {
        on_writable(s);
    }
}

void sio__stream_pause(struct stream *s) {
    if (!s->paused && s->state == STREAM_OPEN) {
        s->paused = true;
        arm(s);
    }
}

void sio__stream_resume(struct stream *s) {
    if (s->paused && s->state == STREAM_OPEN) {
        s->paused = false;
        arm(s);
    }
}

static void on_linger_timer(struct timer *t) {
    struct stream_linger *linger = SIO_CONTAINER_OF(t, struct stream_linger, timer);
    struct stream *s = linger->stream;
    linger->stalled_ms = s->out.bytes < linger->unsent ? 0 : linger->stalled_ms + linger->period_ms;
    linger->unsent = s->out.bytes;
    if (s->state == STREAM_FINISHING && linger->stalled_ms < STALL_MAX_MS && !s->reactor->closing) {
        sio__reactor_start(s->reactor, t, linger->period_ms); /* slow, but it takes what it gets */
    } else {
        sio__stream_close(s);
    }
}

void sio__stream_finish(struct stream *s, uint32_t linger_ms) {
    if (s->state != STREAM_OPEN) {
        return;
    }
    struct stream_linger *linger = sio__malloc(sizeof *linger);
    if (linger == NULL || s->end == STREAM_FAILED) {
        sio__free(linger);
        sio__stream_close(s);
        return;
    }
    sio__timer_init(&linger->timer, on_linger_timer);
    linger->stream = s;
    linger->period_ms = linger_ms;
    linger->stalled_ms = 0;
    linger->unsent = s->out.bytes;
    linger->dropped = 0;
    s->ops = NULL;
    s->poll.data = linger;
    s->state = STREAM_FINISHING;
    sio__reactor_start(s->reactor, &linger->timer, linger_ms);
    bool ended = s->end == STREAM_ENDED;
    if (s->paused != ended) {
        s->paused = ended; /* input is dropped, until there is no more of it */
        arm(s);
    }
    if (s->out.head == NULL) {
        finish_output(s);
    }
}
