/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * A listening socket: accepts connections in batches and hands them on.
 *
 * When the process has no descriptor left, a reserve descriptor is given up to accept and close one
 * connection at a time, so that the peers see an end instead of a hang. When not even that is
 * possible, accepting pauses: the loop does not spin.
 */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "net/reactor.h"

/** Address of a peer, in the compact form that is kept with a connection. */
struct peer_address {
    uint8_t ip[16]; /* IPv4 in the first four bytes */
    uint16_t port;  /* host order */
    uint8_t family; /* 4, 6, or 0 when unknown */
};

/** Room for the text of an address, NUL included. */
#define PEER_ADDRESS_CHARS 46

/** Writes the numeric address, "" when unknown. IPv4 in IPv6 is written as IPv4. */
void sio__peer_address_text(const struct peer_address *address, char text[PEER_ADDRESS_CHARS]);

struct listener;

struct listener_ops {
    /** A connection came; fd is non-blocking and the owner's. */
    void (*on_accept)(struct listener *l, int fd, const struct peer_address *peer);
    /** A connection was dropped because there are no descriptors left. */
    void (*on_exhausted)(struct listener *l);
};

struct listener {
    struct list link; /* for the owner */
    uv_poll_t poll;
    struct timer pause; /* while nothing can be accepted */
    struct reactor *reactor;
    const struct listener_ops *ops;
    void *owner;
    int fd;
    int reserve_fd;
    uint16_t port;
    bool closed;
};

/**
 * Listens on an address.
 *
 * @param address  family, address and port (0: the system chooses)
 * @param ret_listener  ended by sio__listener_close()
 * @return 0; SIO_ERR_NOMEM or a code of the system
 */
int sio__listener_open(struct reactor *r, const struct sockaddr *address, socklen_t len,
                       bool both_families, const struct listener_ops *ops, void *owner,
                       struct listener **ret_listener);

/** Stops listening; the memory goes later. */
void sio__listener_close(struct listener *l);

#endif /* NET_LISTENER_H */
