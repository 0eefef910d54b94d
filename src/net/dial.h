/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Dialling: opens a TCP connection to a host, whichever of its addresses answers.
 *
 * IP literals and "localhost" need no resolver; other names go to getaddrinfo() in libuv's thread
 * pool. The addresses are tried as Happy Eyeballs (RFC 8305 4 and 5) has it: in the order of RFC
 * 6724, in which getaddrinfo() gives them, but with the families taking turns. Each attempt gets a
 * head start on the next, which comes at once when one fails; the first to succeed wins, the others
 * are closed.
 *
 * A dial ends with its callback or with sio__dial_cancel(), and is gone then. Only a lookup that is
 * running cannot be taken back: see net/lookup.h.
 */
#ifndef NET_DIAL_H
#define NET_DIAL_H

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/text.h"
#include "net/reactor.h"

/** Head start of an attempt (RFC 8305 8: "Connection Attempt Delay"). */
#define DIAL_ATTEMPT_DELAY_MS 250u

/** So many addresses of one family are tried; names may have any number of them. */
#define DIAL_FAMILY_ADDRESSES 32u

/** An address to connect to. */
union dial_address {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

/** What to dial; borrowed until sio__dial_start() returns. */
struct dial_options {
    /** A name (ASCII; others in their IDNA form), an IPv4 address, or an IPv6 address without
     * brackets and zone. */
    struct text host;
    uint16_t port;
    /** These are tried instead of host and port when there are any. */
    const union dial_address *addresses;
    uint32_t address_count;
    uint32_t attempt_delay_ms; /* 0: DIAL_ATTEMPT_DELAY_MS */
    uint32_t timeout_ms;       /* for all of it, the lookup included; 0: none */
};

struct dial;

/**
 * Starts to dial. The loop has to be kept alive by the caller until the callback has come.
 *
 * @param on_done   called from the loop, exactly once unless the dial is cancelled. The result is
 *                  the connected socket, non-blocking, close-on-exec, with TCP_NODELAY, which is
 *                  the owner's from then on; or an error:
 *                  SIO_ERR_TIMEOUT    timeout_ms have passed
 *                  UV_EAI_...         the name could not be resolved
 *                  otherwise why no address could be reached. Of several reasons the weightiest is
 *                  reported: lack of descriptors or memory, as the address was not even tried;
 *                  then what came of an attempt, such as UV_ECONNREFUSED; then that the family is
 *                  of no use here, such as UV_ENETUNREACH. Of equal ones it is the latest
 * @param ret_dial  for sio__dial_cancel()
 * @return 0; SIO_ERR_INVALID when the host can be no name and no address, or all addresses are of
 * other families; SIO_ERR_NOMEM. After an error there is no callback
 */
int sio__dial_start(struct reactor *r, const struct dial_options *options,
                    void (*on_done)(void *owner, int result), void *owner, struct dial **ret_dial);

/** Gives a dial up: its callback does not come. In its own callback without effect, so that owners
 * may cancel whatever they have. NULL is fine. */
void sio__dial_cancel(struct dial *d);

#endif /* NET_DIAL_H */
