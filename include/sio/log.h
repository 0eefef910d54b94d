/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Logging.
 *
 * The library has no global logger: a server has its own level and callback in its options.
 * Levels from ERROR to INFO are for people who run a server; DEBUG is the trace of the protocol,
 * and only of the components that were selected in the manner of the DEBUG variable of the
 * official packages ("engine*,socket.io:socket,-engine:ws").
 * Repeatable messages that a peer can cause are counted, and logged at most once a second each.
 */
#ifndef SIO_LOG_H
#define SIO_LOG_H

#include <sio/api.h>

#ifdef __cplusplus
extern "C" {
#endif

enum sio_log_level {
    SIO_LOG_DEFAULT = 0, /**< in options: SIO_LOG_WARN */
    SIO_LOG_NONE = 1,    /**< nothing at all */
    SIO_LOG_ERROR = 2,   /**< something is lost or broken, somebody has to act */
    SIO_LOG_WARN = 3,    /**< a limit was hit, a peer was refused, work goes on */
    SIO_LOG_INFO = 4,    /**< start, stop, listening addresses */
    SIO_LOG_DEBUG = 5    /**< the protocol, packet by packet, of the selected components */
};

/**
 * Receives log messages.
 *
 * @param level      enum sio_log_level, ERROR to DEBUG
 * @param component  who says it, for example "engine:ws" or "socket.io:socket"; static
 * @param message    one line of text without line end, UTF-8, valid until the callback returns;
 *                   bytes that a peer supplied are escaped
 * @param user       log_user of the options
 *
 * Called on the loop's thread, and by sio_server_new(). Must not call back into the library.
 */
typedef void (*sio_log_fn)(int level, const char *component, const char *message, void *user);

/**
 * Names a level: "error", "warn", "info", "debug" or "none". [any]
 */
SIO_API const char *sio_log_level_name(int level);

/**
 * Reads a level's name, in the spelling of sio_log_level_name(). [any]
 *
 * @return the level, or SIO_ERR_INVALID
 */
SIO_API int sio_log_level_parse(const char *name);

#ifdef __cplusplus
}
#endif

#endif /* SIO_LOG_H */
