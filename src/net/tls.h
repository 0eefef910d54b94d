/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * One TLS connection over memory: it knows no socket.
 *
 * Bytes of the peer are lent to it by sio__tls_feed(), and come out of sio__tls_read() as plain
 * ones. Plain output is put in by sio__tls_write(), one record at a time, and what is to be sent
 * lies in the buffer `out`, from where sio__tls_sent() takes it. That buffer is bounded, and is
 * held while there is something in it only: one free buffer waits in the reactor for the next
 * connection that needs one. The stream (stream.c) carries bytes between this and its socket.
 *
 * A failure is final: `status` has the code and `error` the description. OpenSSL's queue of errors
 * is empty after every function here.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/reactor.h"
#include "net/tls_context.h"

/** Most plain bytes in a record (RFC 8446 5.1), and what sio__tls_read() is given room for. */
#define TLS_PLAIN_BYTES 16384u

/** Encrypted output that waits: two records, even if they are split into small fragments. */
#define TLS_OUT_BYTES 40960u

/** What a record may become. */
#define TLS_RECORD_ROOM (TLS_OUT_BYTES / 2)

/** First bytes of the peer that are remembered: those that tell its protocol version. */
#define TLS_HEAD_BYTES 11

/** Whom a client wants to reach. */
struct tls_peer {
    const char *host; /* name, or numeric address without brackets; borrowed */
};

/** What sio__tls_read() has come to. */
enum tls_event {
    TLS_MORE,    /* it needs more bytes of the peer */
    TLS_SECURED, /* the handshake is complete: told once */
    TLS_PLAIN,   /* there are plain bytes */
    TLS_FULL,    /* it goes on when `out` has room again */
    TLS_CLOSED   /* the peer has ended its side (close_notify) */
};

struct stream;

struct tls {
    struct ssl_st *ssl;
    struct tls_context *context;
    struct reactor *reactor;
    const uint8_t *in; /* lent, or `rest` */
    size_t in_len;
    uint8_t *rest; /* owned: input that could not be used yet, or NULL */
    uint8_t *out;  /* TLS_OUT_BYTES, or NULL; what is to be sent is out[out_from .. out_to) */
    uint32_t out_from;
    uint32_t out_to;
    int status;    /* negative: it has failed */
    bool secured;  /* the handshake is complete */
    bool closed;   /* the peer has ended its side */
    bool notified; /* we have ended ours */
    uint8_t head_len;
    uint8_t head[TLS_HEAD_BYTES];
    char host[TLS_HOST_CHARS]; /* of the peer; "" at a server */
    char error[TLS_ERROR_CHARS];
    /* Used by the stream: */
    struct stream *stream;
    struct task go_on; /* reads input that was left */
    bool unread;       /* there may be some */
};

/**
 * Begins a connection.
 *
 * @param c     referenced
 * @param peer  for a client. Its host, or the context's server_name instead, is what the
 *              certificate has to be for; may be missing for an insecure context only. NULL for a
 *              server
 * @return 0; SIO_ERR_NOMEM; SIO_ERR_INVALID for a host that is missing or too long
 */
int sio__tls_new(struct reactor *r, struct tls_context *c, const struct tls_peer *peer,
                 struct tls **ret_tls);

/** Frees it. NULL is fine. */
void sio__tls_free(struct tls *t);

/** Lends bytes of the peer, until they are used or sio__tls_keep() is called. Those of before are
 * used. */
void sio__tls_feed(struct tls *t, const void *data, size_t len);

/** Copies what was lent and not yet used. @return 0 or SIO_ERR_NOMEM, which ends the connection */
int sio__tls_keep(struct tls *t);

/** Forgets input that was not used yet. */
void sio__tls_drop_input(struct tls *t);

/**
 * Goes on with the handshake, and decrypts. Has to be called until it needs more.
 *
 * @param dst      room for TLS_PLAIN_BYTES
 * @param ret_len  plain bytes, for TLS_PLAIN
 * @return enum tls_event; SIO_ERR_TLS or SIO_ERR_NOMEM: it has failed, and an alert for the peer
 * may be in `out`
 */
int sio__tls_read(struct tls *t, uint8_t *dst, size_t *ret_len);

/** The peer has closed the connection. @return 0; the failure, when it was too early for that */
int sio__tls_end(struct tls *t);

/** True when sio__tls_write() may be called. */
static inline bool sio__tls_can_write(const struct tls *t) {
    return t->secured && t->status == 0 && !t->notified &&
           t->out_to - t->out_from <= TLS_OUT_BYTES - TLS_RECORD_ROOM;
}

/**
 * Encrypts bytes as one record.
 *
 * @param len  1 to TLS_PLAIN_BYTES
 * @return 0; 1: nothing is written before more has been read, as a message of TLS itself (a ticket)
 * has come in part only; SIO_ERR_TLS or SIO_ERR_NOMEM, it has failed
 */
int sio__tls_write(struct tls *t, const void *data, size_t len);

/** Ends our side with close_notify; where sio__tls_write() may be called. @return 0; SIO_ERR_TLS or
 * SIO_ERR_NOMEM, it has failed */
int sio__tls_finish(struct tls *t);

/** Encrypted bytes that are to be sent. */
static inline size_t sio__tls_unsent(const struct tls *t) {
    return t->out_to - t->out_from;
}

/** Takes n bytes off `out`, n <= sio__tls_unsent(). */
void sio__tls_sent(struct tls *t, size_t n);

/* ---- for tls_context.c ---- */

/** The BIO that reads `in` and writes `out`; NULL when there is no memory. */
struct bio_method_st *sio__tls_bio_method(void);

/** A server has offered a session. @return 1: the reference was taken over */
int sio__tls_on_session(struct ssl_st *ssl, struct ssl_session_st *session);

#endif /* NET_TLS_H */
