/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Reaching a server through a proxy: which proxy the environment names, and the dialogue that makes
 * it open a tunnel. Kinds are HTTP proxies (CONNECT, RFC 9110 9.3.6, with Basic authentication, RFC
 * 7617) and SOCKS5 (RFC 1928, with user and password, RFC 1929).
 *
 * The dialogue is sans-IO: after sio__proxy_dialogue_init() and after each PROXY_MORE the caller
 * sends what sio__proxy_dialogue_output() gives, then feeds what comes. At PROXY_DONE the
 * connection is a tunnel, to which the input that was not eaten belongs. It allocates nothing, and
 * reads at most PROXY_HEAD_MAX bytes.
 */
#ifndef PROTO_PROXY_H
#define PROTO_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/text.h"

/** Most bytes of an HTTP proxy's answer, informational ones included. */
#define PROXY_HEAD_MAX 16384

/* ---- which proxy ---- */

enum proxy_kind { PROXY_HTTP, PROXY_SOCKS5 };

/** A proxy as its URL names it. All texts are followed by a NUL, and live in the block. */
struct proxy {
    struct text host;     /* without brackets */
    struct text user;     /* decoded; data is NULL if there is none */
    struct text password; /* decoded; data is NULL if there is none */
    char *block;          /* owned: the memory of all texts */
    enum proxy_kind kind;
    uint16_t port;        /* 1080 if none was given */
    bool resolve_locally; /* the target is to be given by its address, not by its name */
};

/**
 * Reads the URL of a proxy as curl does: http://, socks5h:// (the proxy resolves names) or
 * socks5:// (the client does); http without a scheme. A path is ignored.
 *
 * @param ret       on success: free with sio__proxy_done()
 * @param ret_rule  what is wrong, static text; written with SIO_ERR_INVALID and SIO_ERR_UNSUPPORTED
 * @return 0; SIO_ERR_INVALID; SIO_ERR_UNSUPPORTED for other schemes, such as https and socks4;
 *         SIO_ERR_NOMEM
 */
int sio__proxy_init(struct proxy *ret, struct text url, const char **ret_rule);

/** Frees what a proxy holds. NULL and zeroed memory are fine. */
void sio__proxy_done(struct proxy *p);

/**
 * The variables of the environment that name proxies. HTTP_PROXY is none of them: in a CGI program
 * the client sets it, by a field "Proxy".
 */
#define PROXY_VARIABLE_MAP(XX)                                                                     \
    XX(HTTP, "http_proxy")                                                                         \
    XX(HTTPS, "https_proxy")                                                                       \
    XX(HTTPS_UPPER, "HTTPS_PROXY")                                                                 \
    XX(ALL, "all_proxy")                                                                           \
    XX(ALL_UPPER, "ALL_PROXY")                                                                     \
    XX(NO, "no_proxy")                                                                             \
    XX(NO_UPPER, "NO_PROXY")

enum proxy_variable {
#define XX(name, text) PROXY_VARIABLE_##name,
    PROXY_VARIABLE_MAP(XX)
#undef XX
};

/** Number of them. */
#define PROXY_VARIABLES (PROXY_VARIABLE_NO_UPPER + 1)

/** Name of a variable in the environment, static. */
const char *sio__proxy_variable_name(enum proxy_variable variable);

/**
 * Chooses a proxy as curl does: https_proxy or http_proxy, then all_proxy; lower case comes first,
 * empty is unset. None is used for a host that no_proxy lists: names stand for all below them (a
 * dot at their front does not matter), addresses for themselves or, with "/bits", for their
 * network, "*" for all hosts. Commas and blanks separate. Beyond curl, an entry may end with
 * ":port", an IPv6 address may be in brackets, and "*" may be one entry of several.
 *
 * @param values  of all variables, by enum proxy_variable; NULL for one that is not set
 * @param secure  whether the server is reached over TLS
 * @param host    of the server, without brackets
 * @return the URL of the proxy, part of the values; data is NULL for a direct connection
 */
struct text sio__proxy_choose(const char *const values[PROXY_VARIABLES], bool secure,
                              struct text host, uint16_t port);

/* ---- the dialogue ---- */

enum proxy_event {
    PROXY_MORE,  /* the input is eaten; there may be output now */
    PROXY_DONE,  /* the tunnel is open; the input behind proxy_result.used belongs to it */
    PROXY_ERROR, /* close the connection; stays so for all further calls */
};

struct proxy_result {
    size_t used;      /* bytes of the input that were eaten, set for every event */
    int error;        /* PROXY_ERROR: a code of <sio/error.h> or a negative errno */
    int status;       /* PROXY_ERROR: of HTTP, or the reply code of SOCKS5; 0 for other errors */
    const char *rule; /* PROXY_ERROR: what went wrong, static text */
};

/** One per connection; may be moved between calls. Members are private. */
struct proxy_dialogue {
    const struct proxy *proxy;
    struct text host;
    const char *rule; /* of the error */
    int error;
    int status;
    uint32_t eaten; /* bytes of the answers of an HTTP proxy so far */
    uint16_t port;
    uint16_t left;     /* bytes of a SOCKS5 answer that have no meaning here */
    uint8_t answer[5]; /* the begin of a SOCKS5 answer */
    uint8_t answer_len;
    uint8_t at; /* place within the status line */
    uint8_t step;
    bool pending; /* there is output */
};

/**
 * Begins a dialogue.
 *
 * @param proxy  borrowed, has to outlive the dialogue
 * @param host   of the server, a name or an address without brackets; borrowed as the proxy is.
 *               An address when proxy->resolve_locally is set
 * @return 0; SIO_ERR_INVALID when the host is not valid, or a name although it has to be resolved
 *         locally, or when user or password are too long for the protocol (255 bytes with SOCKS5)
 *         or, for an HTTP proxy, the user has a colon
 */
int sio__proxy_dialogue_init(struct proxy_dialogue *d, const struct proxy *proxy, struct text host,
                             uint16_t port);

/**
 * Appends what is to be sent now; nothing when the proxy is to answer first.
 *
 * @return 0; SIO_ERR_NOMEM, SIO_ERR_TOO_BIG, and out is as it was: call again
 */
int sio__proxy_dialogue_output(struct proxy_dialogue *d, struct buf *out);

/**
 * Eats input. However it is cut, the outcome is the same.
 *
 * SIO_ERR_REFUSED is the error when the proxy does not want to (status 407, a login that it does
 * not take, any other status), SIO_ERR_PROTO when its answer is malformed, SIO_ERR_TOO_BIG when it
 * is longer than PROXY_HEAD_MAX, SIO_ERR_UNSUPPORTED when it cannot; what SOCKS5 tells about the
 * way to the server becomes -ENETUNREACH, -EHOSTUNREACH, -ECONNREFUSED or -ETIMEDOUT.
 *
 * @param data  input, may be NULL if len is 0
 * @param ret   result, see struct proxy_result; members that the event has no use for are unchanged
 */
enum proxy_event sio__proxy_dialogue_feed(struct proxy_dialogue *d, const void *data, size_t len,
                                          struct proxy_result *ret);

#endif /* PROTO_PROXY_H */
