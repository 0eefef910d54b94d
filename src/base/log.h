/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Logging inside the library.
 *
 * There is no global logger, each server has its own. A message that is not wanted costs one test.
 * Errors, warnings and information are chosen by level; debug lines by component, with a bit each.
 * Protocol errors of peers never log above debug, else attackers fill disks; what a peer can repeat
 * and is logged higher goes through sio__log_allow(). Bytes of a peer go through
 * sio__text_escape().
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include <sio/log.h>

/** Components and the names that the official packages have for them. */
#define SIO_LOG_COMPONENT_MAP(XX)                                                                  \
    XX(ENGINE, "engine")                                                                           \
    XX(ENGINE_SOCKET, "engine:socket")                                                             \
    XX(ENGINE_TRANSPORT, "engine:transport")                                                       \
    XX(ENGINE_POLLING, "engine:polling")                                                           \
    XX(ENGINE_WS, "engine:ws")                                                                     \
    XX(ENGINE_HTTP, "engine:http")                                                                 \
    XX(SERVER, "socket.io:server")                                                                 \
    XX(CLIENT, "socket.io:client")                                                                 \
    XX(NAMESPACE, "socket.io:namespace")                                                           \
    XX(PARENT_NAMESPACE, "socket.io:parent-namespace")                                             \
    XX(SOCKET, "socket.io:socket")                                                                 \
    XX(BROADCAST, "socket.io:broadcast-operator")                                                  \
    XX(PARSER, "socket.io-parser")                                                                 \
    XX(ADAPTER, "socket.io-adapter")

enum log_component {
#define XX(name, text) LOG_COMPONENT_##name,
    SIO_LOG_COMPONENT_MAP(XX)
#undef XX
        LOG_COMPONENTS
};

_Static_assert(LOG_COMPONENTS <= 32, "one bit each in the mask of a logger");

struct logger {
    int level;     /* ERROR to INFO are written up to this one */
    uint32_t mask; /* bit c: debug lines of component c are written */
    sio_log_fn fn;
    void *user;
};

/**
 * Makes a logger; owns nothing.
 *
 * @param level          enum sio_log_level; SIO_LOG_DEFAULT means WARN
 * @param fn             receives the messages; NULL writes them to stderr
 * @param user           for fn
 * @param debug_pattern  components whose debug lines are written, whatever the level: names with
 *                       `*`, separated by commas or blanks, `-name` excludes; not kept.
 *                       NULL or "": all of them if level is DEBUG, else none
 */
void sio__logger_init(struct logger *l, int level, sio_log_fn fn, void *user,
                      const char *debug_pattern);

/** Formats and hands out a message, wanted or not; long ones are cut. */
void sio__log_write(const struct logger *l, int level, enum log_component component,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));

/** True when a message is wanted. One test if the level is a constant. */
static inline bool sio__log_wants(const struct logger *l, int level, enum log_component component) {
    if (level >= SIO_LOG_DEBUG) {
        return ((l->mask >> component) & 1u) != 0;
    }
    return level <= l->level;
}

/** Logs a message: logger, level, component, printf-like format and arguments. */
#define SIO_LOG_AT(l, level, component, ...)                                                       \
    do {                                                                                           \
        if (__builtin_expect(sio__log_wants((l), (level), (component)), 0)) {                      \
            sio__log_write((l), (level), (component), __VA_ARGS__);                                \
        }                                                                                          \
    } while (0)

/** Logs a debug line: logger, component, printf-like format and arguments. */
#define SIO_DEBUG(l, component, ...) SIO_LOG_AT(l, SIO_LOG_DEBUG, component, __VA_ARGS__)

/** Limits a message that a peer can cause to one a second; all zero at first. */
struct log_limit {
    uint64_t last_ms;    /* when it was let through last, 0 for never */
    uint32_t suppressed; /* times it was not since */
};

/**
 * Asks whether a limited message may be logged now.
 *
 * @param now_ms          monotonic time
 * @param ret_suppressed  how often it was held back since the last time; only set with true
 */
bool sio__log_allow(struct log_limit *limit, uint64_t now_ms, uint32_t *ret_suppressed);

#endif /* BASE_LOG_H */
