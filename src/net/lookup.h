/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Lookup: the addresses of a name.
 *
 * The work is done by getaddrinfo() in libuv's thread pool. A lookup that is running cannot be
 * taken back: it holds the reactor until the resolver has answered.
 */
#ifndef NET_LOOKUP_H
#define NET_LOOKUP_H

#include "net/reactor.h"

struct lookup;

/**
 * Called from the loop.
 *
 * @param list  with status 0: the addresses in the order of RFC 6724, without ports; the first one
 *              is of IPv4 or IPv6. Borrowed for the call
 */
typedef void (*lookup_fn)(void *owner, int status, const struct addrinfo *list);

/**
 * Starts to look a name up.
 *
 * @param name     NUL-terminated; borrowed until the return
 * @param on_done  comes exactly once unless the lookup is cancelled: with 0, or UV_EAI_...
 * @return 0; SIO_ERR_NOMEM or a code of libuv, as for a name that is too long: no callback comes
 */
int sio__lookup_start(struct reactor *r, const char *name, lookup_fn on_done, void *owner,
                      struct lookup **ret_lookup);

/** Gives a lookup up: its callback does not come. In its own callback without effect. NULL is fine.
 */
void sio__lookup_cancel(struct lookup *l);

#endif /* NET_LOOKUP_H */
