/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "net/stream.h"

#include <errno.h>
#include <sio/error.h>
#include <string.h>
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
    bool stalled = s->blocked && s->tls != NULL && s->tls->unread;
    bool reads = !s->paused && !stalled;
    int events = (reads ? UV_READABLE : 0) | (s->blocked ? UV_WRITABLE : 0);
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
    s->tls = NULL;
    s->fd = fd;
    s->state = STREAM_OPEN;
    s->blocked = false;
    s->paused = false;
    s->end = STREAM_LIVES;
    s->failure = 0;
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

static void close_tls(struct stream *s) {
    if (s->tls != NULL) {
        sio__task_cancel(&s->tls->go_on);
        sio__tls_free(s->tls);
        s->tls = NULL;
    }
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
    close_tls(s);
    r->stats.streams--;
    uv_close((uv_handle_t *)&s->poll, on_closed);
    close(s->fd);
}

/* No output can be sent any more. */
static void drop_output(struct stream *s) {
    sio__outq_clear(s->reactor, &s->out);
    if (s->tls != NULL) {
        sio__tls_sent(s->tls, sio__tls_unsent(s->tls));
    }
}

/* The stream has ended, as the loop found out: tells the owner. */
static void end(struct stream *s, int status) {
    if (s->state != STREAM_OPEN) {
        sio__stream_close(s);
        return;
    }
    s->end = status < 0 ? STREAM_FAILED : STREAM_ENDED;
    if (status < 0) {
        drop_output(s);
    }
    s->ops->on_end(s, status);
}

static void forget_input(struct tls *t) {
    sio__tls_drop_input(t);
    t->unread = false;
}

/* Writing failed, possibly inside a call of the owner, who must not hear of it now: a socket that
   is shut down reads as ended in the next turn of the loop. The system tells an error once, so it
   is kept until then, from what is written meanwhile, too. EPIPE says no more than that end: the
   peer had closed in order before. */
static void break_off(struct stream *s, int status) {
    if (s->state != STREAM_OPEN) {
        sio__stream_close(s);
        return;
    }
    if (s->failure == 0 && status != -EPIPE) {
        s->failure = status;
    }
    drop_output(s);
    if (s->tls != NULL) {
        forget_input(s->tls);
    }
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

int sio__stream_extend(struct stream *s, size_t len, uint8_t **ret_room) {
    uint8_t *room = NULL;
    if (s->end != STREAM_FAILED) {
        room = sio__outq_extend(s->reactor, &s->out, len);
        if (room == NULL) {
            return SIO_ERR_NOMEM;
        }
        if (!s->blocked) {
            sio__stream_mark(s);
        }
    }
    *ret_room = room;
    return 0;
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

/* What a send() that has failed leads to; true when it is to be tried again at once. */
static bool retry_send(struct stream *s, int error) {
    if (error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS) {
        s->blocked = true;
        arm(s);
        return false;
    }
    if (error != EINTR) {
        break_off(s, -error);
        return false;
    }
    return true;
}

/* ---- output with TLS ---- */

/* One record, of what is queued. */
static int encrypt_some(struct stream *s) {
    uint8_t *gather = s->reactor->gather;
    struct iovec iov[IOV_COUNT];
    int count = sio__outq_peek(&s->out, iov, IOV_COUNT);
    size_t n = 0;
    for (int i = 0; i < count && n < TLS_PLAIN_BYTES; i++) {
        size_t room = TLS_PLAIN_BYTES - n;
        size_t len = iov[i].iov_len < room ? iov[i].iov_len : room;
        memcpy(gather + n, iov[i].iov_base, len);
        n += len;
    }
    int r = n == 0 ? 0 : sio__tls_write(s->tls, gather, n);
    if (r == 0) {
        sio__outq_consume(s->reactor, &s->out, n);
    }
    return r;
}

/* Fills the buffer of encrypted output, as far as it can be now. When the stream finishes,
   close_notify comes last. */
static int encrypt_output(struct stream *s) {
    int r = 0;
    while (r == 0 && !sio__outq_is_empty(&s->out) && sio__tls_can_write(s->tls)) {
        r = encrypt_some(s);
    }
    if (r == 0 && s->state == STREAM_FINISHING && sio__outq_is_empty(&s->out) &&
        sio__tls_can_write(s->tls)) {
        r = sio__tls_finish(s->tls);
    }
    return r;
}

static void flush_tls(struct stream *s) {
    struct tls *t = s->tls;
    while (encrypt_output(s) >= 0 && sio__tls_unsent(t) > 0) {
        ssize_t n = send(s->fd, t->out + t->out_from, sio__tls_unsent(t), MSG_NOSIGNAL);
        if (n >= 0) {
            s->reactor->stats.bytes_out += (uint64_t)n;
            sio__tls_sent(t, (size_t)n);
        } else if (!retry_send(s, errno)) {
            return;
        }
    }
    if (t->status < 0) {
        break_off(s, t->status);
        return;
    }
    if (t->unread && !s->paused) {
        sio__task_queue(s->reactor, &t->go_on); /* it may have waited for room */
    }
    if (sio__outq_is_empty(&s->out)) {
        finish_output(s);
    }
}

void sio__stream_flush(struct stream *s) {
    if (s->state == STREAM_CLOSED || s->blocked || s->end == STREAM_FAILED) {
        return;
    }
    if (s->tls != NULL) {
        flush_tls(s);
        return;
    }
    while (!sio__outq_is_empty(&s->out)) {
        ssize_t n = write_some(s);
        if (n >= 0) {
            s->reactor->stats.bytes_out += (uint64_t)n;
            sio__outq_consume(s->reactor, &s->out, (size_t)n);
        } else if (!retry_send(s, errno)) {
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
    if (s->state == STREAM_OPEN && sio__stream_pending(s) == 0) {
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

/* ---- input ---- */

/* What the end of the input means. */
static int end_of_input(struct stream *s) {
    if (s->failure < 0) {
        return s->failure;
    }
    return s->tls == NULL ? 0 : sio__tls_end(s->tls);
}

/* @return bytes in the reactor's buffer, 0 when there are none for the owner */
static size_t receive(struct stream *s) {
    struct reactor *r = s->reactor;
    ssize_t n = recv(s->fd, r->input, REACTOR_INPUT_BYTES, 0);
    while (n < 0 && errno == EINTR) {
        n = recv(s->fd, r->input, REACTOR_INPUT_BYTES, 0);
    }
    if (n < 0) {
        if (errno != EAGAIN && errno != EWOULDBLOCK) {
            end(s, -errno);
        }
        return 0;
    }
    if (s->state != STREAM_OPEN) {
        drop_input(s, n);
        return 0;
    }
    if (n == 0) {
        end(s, end_of_input(s));
        return 0;
    }
    r->stats.bytes_in += (uint64_t)n;
    return (size_t)n;
}

static void read_input(struct stream *s) {
    for (int i = 0; i < READ_ROUNDS; i++) {
        size_t n = receive(s);
        if (n > 0) {
            s->ops->on_input(s, s->reactor->input, n);
        }
        if (n < REACTOR_INPUT_BYTES || s->state != STREAM_OPEN || s->paused ||
            s->end != STREAM_LIVES || s->tls != NULL) {
            return;
        }
    }
}

/* ---- input with TLS ---- */

/* Output that has waited for the handshake goes out now. */
static void secure(struct stream *s) {
    bool waited = !sio__outq_is_empty(&s->out);
    if (s->ops->on_secured != NULL) {
        s->ops->on_secured(s);
    }
    if (waited && s->state == STREAM_OPEN) {
        sio__stream_flush(s);
        if (s->state == STREAM_OPEN && sio__stream_pending(s) == 0) {
            s->ops->on_drain(s);
        }
    }
}

/* Decrypting cannot go on now, and reading neither. */
static void leave_input(struct stream *s) {
    int r = sio__tls_keep(s->tls);
    if (r < 0) {
        end(s, r);
        return;
    }
    s->tls->unread = true;
    arm(s);
}

static void end_tls(struct stream *s, int event) {
    struct tls *t = s->tls;
    sio__tls_drop_input(t);
    if (event < 0 && sio__tls_unsent(t) > 0) { /* the alert; it is lost where there is no room */
        (void)!send(s->fd, t->out + t->out_from, sio__tls_unsent(t), MSG_NOSIGNAL);
    }
    end(s, event == TLS_CLOSED ? 0 : event);
}

/* Decrypts what has come, and hands it on until the owner pauses or ends the stream.
   @return true when all of it was used, and there may be more */
static bool decrypt_input(struct stream *s) {
    struct tls *t = s->tls;
    int event = TLS_PLAIN;
    t->unread = false;
    while (event != TLS_MORE) {
        size_t len = 0;
        event = s->paused ? TLS_FULL : sio__tls_read(t, s->reactor->tls_plain, &len);
        if (event == TLS_PLAIN) {
            s->ops->on_input(s, s->reactor->tls_plain, len);
        } else if (event == TLS_SECURED) {
            secure(s);
        } else if (event == TLS_FULL) {
            leave_input(s);
            return false;
        } else if (event != TLS_MORE) {
            end_tls(s, event);
            return false;
        }
        if (s->state != STREAM_OPEN) {
            return false;
        }
    }
    sio__tls_drop_input(t);
    return true;
}

/* What the input has caused for this stream itself goes out at once, while it is in the cache, and
   its memory serves the next stream. Others are flushed at the end of the turn. */
static void answer(struct stream *s) {
    if (sio__stream_pending(s) > 0 && !s->blocked) {
        sio__list_remove(&s->dirty);
        sio__stream_flush(s);
    }
}

static void read_tls(struct stream *s) {
    if (s->tls->unread && !decrypt_input(s)) {
        return; /* what was left comes first */
    }
    for (int i = 0; i < READ_ROUNDS; i++) {
        size_t n = receive(s);
        if (n == 0) {
            return;
        }
        sio__tls_feed(s->tls, s->reactor->input, n);
        if (!decrypt_input(s) || n < REACTOR_INPUT_BYTES) {
            return;
        }
    }
}

static void on_go_on(struct task *task) {
    struct stream *s = SIO_CONTAINER_OF(task, struct tls, go_on)->stream;
    if (s->state != STREAM_OPEN || s->end != STREAM_LIVES || s->paused) {
        return;
    }
    if (decrypt_input(s)) {
        arm(s);
    }
    answer(s);
}

int sio__stream_start_tls(struct stream *s, struct tls_context *c, const struct tls_peer *peer) {
    if (s->state != STREAM_OPEN || s->end != STREAM_LIVES || s->tls != NULL ||
        !sio__outq_is_empty(&s->out)) {
        return SIO_ERR_STATE;
    }
    struct tls *t;
    int r = sio__tls_new(s->reactor, c, peer, &t);
    if (r < 0) {
        return r;
    }
    t->stream = s;
    t->unread = true; /* a client has something to say first, if need be when it is resumed */
    sio__task_init(&t->go_on, on_go_on);
    s->tls = t;
    sio__task_queue(s->reactor, &t->go_on);
    return 0;
}

const char *sio__stream_tls_error(const struct stream *s) {
    return s->tls == NULL ? "" : s->tls->error;
}

/* Why the socket has failed: libuv says EBADF, the socket knows better. 0: what came before that is
   still there to be read, and can be. */
static int failure_of(const struct stream *s, int status) {
    bool stalled = s->tls != NULL && s->tls->unread;
    if (s->state == STREAM_OPEN && !s->paused && !stalled) {
        uint8_t byte;
        ssize_t n = recv(s->fd, &byte, 1, MSG_PEEK);
        if (n > 0) {
            return 0;
        }
        if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
            return -errno;
        }
    }
    int error = 0;
    socklen_t len = sizeof error;
    getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len);
    return error != 0 ? -error : status;
}

static void on_poll(uv_poll_t *handle, int status, int events) {
    struct stream *s = (struct stream *)(void *)handle;
    bool failed = status < 0;
    int failure = failed ? failure_of(s, status) : 0;
    if (failure < 0) {
        end(s, failure);
        return;
    }
    if ((events & UV_READABLE) || failed) {
        if (s->tls == NULL) {
            read_input(s);
        } else {
            read_tls(s);
        }
        answer(s);
    }
    if (failed && s->state != STREAM_CLOSED && s->end == STREAM_LIVES) {
        arm(s); /* libuv has stopped watching it: the failure comes again */
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
        if (s->tls != NULL && s->tls->unread) {
            sio__task_queue(s->reactor, &s->tls->go_on);
        }
        arm(s);
    }
}

static void on_linger_timer(struct timer *t) {
    struct stream_linger *linger = SIO_CONTAINER_OF(t, struct stream_linger, timer);
    struct stream *s = linger->stream;
    size_t unsent = sio__stream_pending(s);
    linger->stalled_ms = unsent < linger->unsent ? 0 : linger->stalled_ms + linger->period_ms;
    linger->unsent = unsent;
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
    bool can_send = s->end != STREAM_FAILED && (s->tls == NULL || s->tls->secured);
    if (linger == NULL || !can_send) {
        sio__free(linger);
        sio__stream_close(s);
        return;
    }
    sio__timer_init(&linger->timer, on_linger_timer);
    linger->stream = s;
    linger->period_ms = linger_ms;
    linger->stalled_ms = 0;
    linger->unsent = sio__stream_pending(s);
    linger->dropped = 0;
    s->ops = NULL;
    s->poll.data = linger;
    s->state = STREAM_FINISHING;
    sio__reactor_start(s->reactor, &linger->timer, linger_ms);
    if (s->tls != NULL) {
        forget_input(s->tls);
    }
    bool ended = s->end == STREAM_ENDED;
    if (s->paused != ended || s->tls != NULL) {
        s->paused = ended; /* input is dropped, until there is no more of it */
        arm(s);
    }
    if (sio__outq_is_empty(&s->out)) {
        sio__stream_flush(s);
    }
}
