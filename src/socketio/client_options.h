/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The options of a client: copied, checked, completed by their defaults, and in the form in which
 * the lower layers want them.
 */
#ifndef SOCKETIO_CLIENT_OPTIONS_H
#define SOCKETIO_CLIENT_OPTIONS_H

#include <sio/client.h>

#include "base/buf.h"
#include "base/log.h"
#include "engineio/eio_client.h"
#include "net/tls_context.h"
#include "proto/cookie_jar.h"
#include "proto/proxy.h"
#include "proto/url.h"

/** Owns all that it points to. Must not move: the parts point to each other. */
struct client_options {
    sio_client_options o;      /* with defaults; strings and nested structures are not to be used */
    sio_socket_options socket; /* defaults of the sockets; auth is a copy */
    struct url url;
    struct proxy proxy;
    struct tls_context *tls; /* NULL without TLS */
    struct cookie_jar cookies;
    struct buf fields; /* header fields of all requests but Cookie */
    struct buf cookie; /* the application's part of that */
    struct buf query;
    char *path;
    char *timestamp_param;
    char *protocols;
    char *auth;
    struct eio_client_config engine;
};

/**
 * @param log  is told what is wrong
 * @return 0; SIO_ERR_INVALID, SIO_ERR_VERSION, SIO_ERR_TLS, SIO_ERR_NOMEM, or a code of the system.
 *         After an error there is nothing to be freed
 */
int sio__client_options_init(struct client_options *options, const char *url,
                             const sio_client_options *given, const struct logger *log);

/** Frees them. */
void sio__client_options_done(struct client_options *options);

/**
 * A socket's options in the layout of this version.
 *
 * @param given     NULL: the defaults
 * @param defaults  what counts where the given ones have zero
 * @param ret_what  which option is wrong, static text; written on failure only
 * @return 0; SIO_ERR_INVALID, SIO_ERR_VERSION, SIO_ERR_NOMEM
 */
int sio__socket_options_init(sio_socket_options *ret, const sio_socket_options *given,
                             const sio_socket_options *defaults, const char **ret_what);

/** @return 0 when the text is a JSON object; SIO_ERR_JSON, SIO_ERR_NOMEM */
int sio__check_auth(const char *json);

#endif /* SOCKETIO_CLIENT_OPTIONS_H */
