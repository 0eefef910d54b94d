/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The handshake of Engine.IO as a client reads it: the data of the open packet (Engine.IO protocol,
 * "Handshake"). Every value is the server's to choose, so every one is checked.
 */
#ifndef ENGINEIO_EIO_HANDSHAKE_H
#define ENGINEIO_EIO_HANDSHAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

#define EIO_SID_MAX 256

struct eio_handshake {
    char sid[EIO_SID_MAX + 1]; /* printable ASCII, at least one character */
    uint32_t ping_interval_ms; /* less than 2^31 each, not both 0 */
    uint32_t ping_timeout_ms;
    uint64_t max_payload; /* bytes of a polling request; 0: no limit */
    bool has_websocket;   /* among the upgrades */
};

/**
 * Reads the data of an open packet.
 *
 * @return 0; SIO_ERR_PROTO when a member is missing, of another type or out of range; SIO_ERR_JSON;
 *         SIO_ERR_NOMEM
 */
int sio__eio_handshake_parse(struct text data, struct eio_handshake *ret);

#endif /* ENGINEIO_EIO_HANDSHAKE_H */
