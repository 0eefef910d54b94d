/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * URLs of servers, and the request target of Engine.IO made from them.
 *
 * sio__url_init() reads what applications give to a client, as io(url) of the official client does:
 * the path is the namespace, not the path of the requests, and is kept as it stands. It is stricter
 * where that one guesses (RFC 3986): one meaning or none. A query is put together with
 * sio__query_add() and sio__query_add_encoded(), a target with sio__url_write_target().
 */
#ifndef PROTO_URL_H
#define PROTO_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/text.h"

/** Longest URL and longest host, in bytes. */
#define URL_MAX      8000
#define URL_HOST_MAX 255

/* ---- hosts ---- */

enum url_host {
    URL_HOST_INVALID,
    URL_HOST_NAME, /* letters, digits, '-', '_' and '.' */
    URL_HOST_IPV4,
    URL_HOST_IPV6,
};

/**
 * Tells what a host, without brackets, is. Names with other letters than ASCII have to come in
 * their ASCII form ("xn--...", RFC 5891): they are invalid here, as are addresses with a zone id.
 *
 * @param ret_address  room for 16 bytes, in network order: 4 are written for IPv4, 16 for IPv6
 */
enum url_host sio__url_host(struct text host, uint8_t *ret_address);

/* ---- the parts of any URL ---- */

/** Parts of a URL as they stand in it, borrowed from it. Data is NULL for a part that is missing.
 */
struct url_parts {
    struct text scheme;   /* without "://" */
    struct text user;     /* percent-encoded, see sio__url_decode() */
    struct text password; /* the same */
    struct text host;     /* valid; without brackets, not in lower case yet */
    struct text path;     /* from the first '/' to the query; data is never NULL */
    struct text query;    /* without '?' */
    uint16_t port;        /* 0 when missing */
    bool is_ipv6;         /* the host was in brackets */
};

/**
 * Splits [scheme://][user[:password]@]host[:port][/path][?query][#fragment]; the fragment is
 * dropped.
 *
 * "http:/host" is refused, which could only mean a host named "http". The host is a name, an IPv4
 * address or, in brackets, an IPv6 address; see sio__url_host(). The rest is UTF-8 without control
 * characters.
 *
 * @param ret_rule  which rule was broken, static text; written with SIO_ERR_INVALID only
 * @return 0; SIO_ERR_INVALID
 */
int sio__url_split(struct text url, struct url_parts *ret, const char **ret_rule);

/**
 * Takes a byte, or the %XX that stands for one, off the front of t, which is not empty.
 *
 * @return 0 to 255; -1 for a '%' without two hex digits, and t is as it was
 */
int sio__url_take_byte(struct text *t);

/**
 * Decodes %XX in a user, password or host, and puts a NUL behind it.
 *
 * @param encoded  its data is NULL for a part that is missing: nothing is written, 0 returned
 * @param dst      room for encoded.len + 1 bytes; advanced behind the NUL
 * @param ret      the text that was written
 * @return 0; SIO_ERR_INVALID for a '%' without two hex digits and for control characters
 */
int sio__url_decode(struct text encoded, char **dst, struct text *ret);

/* ---- the URL of a server ---- */

/** A server as an application names it. All texts are followed by a NUL, and live in the block. */
struct url {
    struct text host;      /* in lower case, without brackets: for the resolver, for certificates */
    struct text authority; /* value of Host: brackets, and the port if it is not the default */
    struct text ns;        /* namespace: the path, "/" when there is none */
    struct text query;     /* as it stands there, without '?'; may be empty */
    struct text user;      /* decoded; data is NULL if there is none */
    struct text password;  /* decoded; data is NULL if there is none */
    char *block;           /* owned: the memory of all texts */
    uint16_t port;         /* 80 or 443 if none was given */
    bool secure;           /* https or wss */
    bool no_scheme;        /* it stood without one: "https" was assumed */
    bool websocket;        /* ws or wss was said */
};

/**
 * Reads the URL of a server: http, https, ws or wss; without a scheme ("host:3000/ns", "//host/ns")
 * it is https. The namespace may have any character that a path may have; nothing in it is decoded.
 *
 * @param raw       at most URL_MAX bytes; copied
 * @param ret       on success: free with sio__url_done()
 * @param ret_rule  which rule was broken, static text; written with SIO_ERR_INVALID only
 * @return 0; SIO_ERR_INVALID; SIO_ERR_NOMEM
 */
int sio__url_init(struct url *ret, struct text raw, const char **ret_rule);

/** Frees what a URL holds. NULL and zeroed memory are fine. */
void sio__url_done(struct url *u);

/* ---- queries ---- */

/**
 * Adds a parameter to a query: name=value, both encoded as encodeURIComponent() does, behind a '&'
 * unless it is the first. An earlier parameter of the same name is dropped.
 *
 * @param query  holds the query and nothing else
 * @return 0; SIO_ERR_INVALID for what is not UTF-8; SIO_ERR_NOMEM, SIO_ERR_TOO_BIG. On failure the
 *         query is as it was
 */
int sio__query_add(struct buf *query, struct text name, struct text value);

/**
 * Adds all parameters of a query as it stands in a URL: decoded as decodeURIComponent() does (a '+'
 * stays one), then as sio__query_add(). Empty ones are skipped.
 *
 * @return as sio__query_add(); SIO_ERR_INVALID also for a '%' without two hex digits. On failure
 *         the query has the parameters before the wrong one
 */
int sio__query_add_encoded(struct buf *query, struct text encoded);

/* ---- Engine.IO ---- */

/** What a request of Engine.IO asks for. Data that is NULL: without that parameter. */
struct url_target {
    struct text path;           /* such as "/socket.io"; the server's `path` option */
    bool no_trailing_slash;     /* else the path gets one, if it has none */
    struct text query;          /* of the application, from sio__query_add() */
    struct text transport;      /* "polling" or "websocket" */
    struct text timestamp_name; /* mostly "t" */
    struct text timestamp;      /* see sio__url_timestamp() */
    bool base64;                /* the client cannot take binary */
    struct text sid;
};

/**
 * Appends a request target: path, '?', the application's parameters, then EIO=4, transport, the
 * timestamp, b64=1, sid. Parameters of the application that have the name of one of these are left
 * out, sid always.
 *
 * @return 0; SIO_ERR_INVALID when the path does not begin with '/', or has a '?', a '#', a blank, a
 *         control character or one that is not ASCII, or when a value is not UTF-8; SIO_ERR_NOMEM,
 *         SIO_ERR_TOO_BIG. On failure out is as it was
 */
int sio__url_write_target(struct buf *out, const struct url_target *target);

#define URL_TIMESTAMP_LEN 8

/**
 * Makes the value that keeps caches from answering: five digits of the time and three of chance, in
 * base 36.
 *
 * @param now_ms  wall clock
 * @param dst     URL_TIMESTAMP_LEN bytes; no NUL is added
 * @return dst as text
 */
struct text sio__url_timestamp(uint64_t now_ms, uint32_t random, char *dst);

#endif /* PROTO_URL_H */
