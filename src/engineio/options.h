/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Options of a server, resolved: copied, checked, defaults filled in.
 */
#ifndef ENGINEIO_OPTIONS_H
#define ENGINEIO_OPTIONS_H

#include <sio/adapter.h>
#include <sio/server.h>

#include "base/log.h"
#include "base/text.h"

/** Most characters of a session id, without the NUL. */
#define SID_MAX 63

struct options {
    sio_server_options o; /* no zero means "default" any more; strings are owned by this struct */
    sio_cors cors;        /* o.cors points here when it is set */
    sio_cookie cookie;    /* o.cookie, the same */
    sio_adapter_factory adapter; /* o.adapter, the same */
    sio_adapter_ops adapter_ops; /* adapter.ops, the same */
    struct text path;            /* prefix of request targets that are ours, "/socket.io/" */
};

/**
 * Resolves options.
 *
 * @param user  of the application; NULL for all defaults
 * @param log   told which option is wrong, and why
 * @return 0; SIO_ERR_INVALID, SIO_ERR_VERSION, SIO_ERR_NOMEM: then nothing is left to free
 */
int sio__options_init(struct options *options, const sio_server_options *user,
                      const struct logger *log);

/** Frees the copies. Zeroed memory is fine. */
void sio__options_done(struct options *options);

#endif /* ENGINEIO_OPTIONS_H */
