/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * A stream: one non-blocking connected socket on a reactor.
 *
 * Input is read into the reactor's buffer and handed to the owner, who may change it. Output is
 * queued and flushed once per turn of the loop; only when the kernel does not take all of it does
 * the stream wait for writability. The owner can be exchanged (an HTTP connection becomes a
 * WebSocket).
 *
 * Ends: the owner calls sio__stream_close() (at once, output is dropped) or sio__stream_finish()
 * (after the output was sent, and the peer has had time to read it). After either, the owner hears
 * no more of it. When the peer or the network ends it, the owner is told by on_end and then has to
 * do one of both: a peer that has only closed its side may still read what is on its way.
 *
 * With TLS a stream looks the same. The filter is between the queue and the socket: output waits in
 * the queue until the handshake is complete, and is encrypted when it is flushed, small messages
 * together in one record. Input is decrypted in the reactor's buffers. What cannot go on is
 * bounded: two records of output that the kernel does not take, and, while the owner pauses, one
 * buffer of input. A connection that the peer closes without close_notify ends like one with it,
 * because the protocols above know their lengths; sio__stream_tls_error() tells the difference.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/list.h"
#include "net/outq.h"
#include "net/reactor.h"
#include "net/tls.h"

struct stream;

/** What the owner of a stream gets told; called from the loop. */
struct stream_ops {
    /** Bytes came; they are the owner's to change until the return. */
    void (*on_input)(struct stream *s, uint8_t *data, size_t len);
    /** The stream has ended: 0 when the peer closed its side, else a negative code of the system,
     * SIO_ERR_TLS or SIO_ERR_NOMEM. */
    void (*on_end)(struct stream *s, int status);
    /** All output was taken by the kernel, after it had not been at first. */
    void (*on_drain)(struct stream *s);
    /** The TLS handshake is complete; may be NULL. */
    void (*on_secured)(struct stream *s);
};

/** Whether on_end was given, and why. */
enum stream_end {
    STREAM_LIVES,
    STREAM_ENDED, /* the peer has closed its side, and may still read */
    STREAM_FAILED /* no output is taken any more */
};

struct stream {
    uv_poll_t poll; /* first: its handle is the stream's. Its data is the owner, or, while the
                       stream finishes, the struct stream_linger */
    const struct stream_ops *ops; /* NULL while it finishes */
    struct reactor *reactor;
    struct list dirty; /* in reactor.dirty, or in no list */
    struct outq out;
    struct tls *tls; /* NULL for a plain one */
    int fd;
    uint8_t state;
    bool blocked; /* waits for writability */
    bool paused;  /* does not read */
    uint8_t end;  /* enum stream_end */
    int failure;  /* why writing has failed, until the owner is told */
};

/**
 * Makes a stream on a connected socket.
 *
 * @param fd  non-blocking; owned by the stream on success
 * @return 0; SIO_ERR_NOMEM or a code of libuv, the fd is still the caller's
 */
int sio__stream_open(struct reactor *r, int fd, const struct stream_ops *ops, void *owner,
                     struct stream **ret_stream);

/** Gives the stream to another owner. */
static inline void sio__stream_set_owner(struct stream *s, const struct stream_ops *ops,
                                         void *owner) {
    s->ops = ops;
    s->poll.data = owner;
}

/** Its owner. */
static inline void *sio__stream_owner(const struct stream *s) {
    return s->poll.data;
}

/** Queues a flush at the end of this turn. */
static inline void sio__stream_mark(struct stream *s) {
    if (!sio__list_linked(&s->dirty)) {
        sio__list_push_back(&s->reactor->dirty, &s->dirty);
    }
}

/**
 * Queues output, copied; two pieces that belong together.
 *
 * @return 0; SIO_ERR_NOMEM, nothing was queued. Output of a stream that has failed is dropped
 * silently: on_end tells.
 */
int sio__stream_write(struct stream *s, const void *head, size_t head_len, const void *body,
                      size_t body_len);

/**
 * As sio__stream_write(), of bytes that the caller writes at once.
 *
 * @param ret_room  len bytes in one piece; NULL when the stream has failed, which drops them
 */
int sio__stream_extend(struct stream *s, size_t len, uint8_t **ret_room);

/** Queues output that `shared` keeps in place; takes over one reference to it, also on failure. */
int sio__stream_write_ref(struct stream *s, const void *data, size_t len, void *shared);

/** Bytes that the kernel has not taken yet. */
static inline size_t sio__stream_pending(const struct stream *s) {
    return s->out.bytes + (s->tls == NULL ? 0 : sio__tls_unsent(s->tls));
}

/**
 * Begins TLS: from here on all bytes of both directions are in it. on_secured tells that the
 * handshake is complete, on_end with SIO_ERR_TLS that it failed or that the peer could not be
 * verified. Watching the time is the owner's part.
 *
 * @param c     referenced; a client's begins the handshake, a server's waits for it
 * @param peer  whom a client expects, see sio__tls_new(); NULL for a server's context
 * @return 0; SIO_ERR_NOMEM; SIO_ERR_INVALID; SIO_ERR_STATE when the stream has TLS already, has
 * ended, or has plain output that was not sent yet
 */
int sio__stream_start_tls(struct stream *s, struct tls_context *c, const struct tls_peer *peer);

/**
 * Why TLS has failed, in words: "certificate has expired", "hostname mismatch"; "" when it has not.
 * After an end with status 0: "" when the peer had announced it (close_notify, RFC 8446 6.1), so
 * that nothing can be missing. Valid until the stream is closed.
 */
const char *sio__stream_tls_error(const struct stream *s);

/** Writes what is queued, as far as the kernel takes it. Calls nobody; after a failure on_end comes
 * from the loop. */
void sio__stream_flush(struct stream *s);

/** Stops and resumes reading. While it is paused the end of the stream goes unnoticed. */
void sio__stream_pause(struct stream *s);
void sio__stream_resume(struct stream *s);

/** Closes at once. Output that is still queued is dropped. The stream is gone for the caller. */
void sio__stream_close(struct stream *s);

/**
 * Closes when all output is sent: then shuts its side down and drops input until the peer closes
 * too, for at most `linger_ms`, so that the peer can read the answer before a reset (RFC 9112 9.6).
 * A peer that takes none of the output for half a minute, or for `linger_ms` when the reactor
 * closes, is given up. With TLS, close_notify comes last; before the handshake is complete nothing
 * can be sent, and it closes at once. The stream is gone for the caller.
 */
void sio__stream_finish(struct stream *s, uint32_t linger_ms);

#endif /* NET_STREAM_H */
