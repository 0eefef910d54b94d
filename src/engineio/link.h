/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * A link: a client's way to its server, ready to carry HTTP.
 *
 *     dial the server, or its proxy --> talk to the proxy --> TLS --> a stream for the owner
 *
 * Each step is left out where it is not needed; a proxy that does not resolve names makes a lookup
 * of the server's name the first one; when it cannot reach one of the addresses, it is asked for
 * the next, on another connection. The result is a stream (net/stream.h) that is the owner's; the
 * link is gone then. Nothing of it remains after sio__link_cancel() either, in whatever step it is.
 */
#ifndef ENGINEIO_LINK_H
#define ENGINEIO_LINK_H

#include "base/text.h"
#include "net/stream.h"
#include "net/tls_context.h"
#include "proto/proxy.h"

/** Where to, and through what. Shared by all links of a client; borrowed, outlives them. */
struct link_target {
    struct text host; /* NUL-terminated, without brackets */
    uint16_t port;
    struct tls_context *tls;   /* NULL: no TLS */
    const struct proxy *proxy; /* NULL: the server is reached directly */
};

struct link;

/** Called from the loop. In them sio__link_cancel() has no effect any more. */
struct link_ops {
    /** The stream is the owner's from now on: it has to set its own operations on it. */
    void (*on_ready)(void *owner, struct stream *stream);
    /**
     * It could not be made.
     *
     * @param status  SIO_ERR_TIMEOUT, SIO_ERR_TLS, SIO_ERR_PROXY, SIO_ERR_NOMEM, SIO_ERR_INVALID
     *                for a host that can be none, or one or a login that the proxy's protocol has
     *                no room for; or a code of the system such as UV_ECONNREFUSED or UV_EAI_NONAME
     * @param text    says more, in English: "connect ECONNREFUSED 127.0.0.1:3000", "certificate has
     *                expired"; borrowed for the call
     */
    void (*on_failed)(void *owner, int status, const char *text);
};

/**
 * Starts to make a link. One of the callbacks comes from the loop, exactly once, unless it is
 * cancelled.
 *
 * @param timeout_ms  for all steps together; 0: none
 * @return 0; SIO_ERR_NOMEM: no callback comes
 */
int sio__link_start(struct reactor *r, const struct link_target *target, uint32_t timeout_ms,
                    const struct link_ops *ops, void *owner, struct link **ret_link);

/** Gives it up: no callback comes. NULL is fine. */
void sio__link_cancel(struct link *l);

#endif /* ENGINEIO_LINK_H */
