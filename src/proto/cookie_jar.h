/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The cookies that a server has set, kept and sent back by a client (RFC 6265 5): what keeps the
 * requests of a session at the same server behind a load balancer.
 *
 * A jar is for one host and for one of secure and not secure: it is never asked for the cookies of
 * another origin, so the public suffixes of RFC 6265 5.3 step 5 do not matter. Where a cookie could
 * be sent to a place that it was not made for, it is dropped.
 * A jar holds at most COOKIE_JAR_MAX cookies of bounded size. Time is passed in: seconds since 1970
 * of the wall clock. Everything is linear in its input.
 */
#ifndef PROTO_COOKIE_JAR_H
#define PROTO_COOKIE_JAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/text.h"

/** Cookies in a jar; bytes of a cookie's name and value; bytes of an attribute's value. */
#define COOKIE_JAR_MAX       50
#define COOKIE_BYTES_MAX     4096
#define COOKIE_ATTRIBUTE_MAX 1024

struct cookie;

/** Members are private. Invariant: longer paths come first, then what was created earlier. */
struct cookie_jar {
    struct text host; /* borrowed */
    struct cookie *cookies;
    uint32_t len;
    uint32_t cap;
    uint64_t created; /* cookies made so far */
    bool secure;
    bool is_address; /* the host is an IP address */
};

/**
 * Makes an empty jar; allocates nothing.
 *
 * @param host    in lower case, without brackets and port; borrowed, has to outlive the jar
 * @param secure  whether all requests go over TLS
 */
void sio__cookie_jar_init(struct cookie_jar *jar, struct text host, bool secure);

/** Frees what the jar holds. NULL and zeroed memory are fine. */
void sio__cookie_jar_done(struct cookie_jar *jar);

/**
 * Takes the value of one Set-Cookie field (RFC 6265 5.2, 5.3): adds a cookie, replaces one of the
 * same name, domain and path, or removes it when the new one has expired. If the jar is full then,
 * the oldest cookie makes room.
 *
 * Ignored are cookies without a name, for another host, with control characters or that are too
 * large, and those with the attribute Secure in a jar that is not secure. HttpOnly, SameSite and
 * unknown attributes have no meaning here.
 *
 * @param target  of the request that was answered; the path is what is before the '?'
 * @return 1 when the jar has changed; 0 when the cookie was ignored or nothing was there to be
 *         removed; SIO_ERR_NOMEM, and no cookie has changed
 */
int sio__cookie_jar_set(struct cookie_jar *jar, struct text set_cookie, struct text target,
                        int64_t now_s);

/**
 * Appends the value of the Cookie field of a request (RFC 6265 5.4), and drops what has expired.
 * When there is too much for the field, the longest cookies are left out, of equally long ones the
 * last in order: few are lost then, and seldom the short ones that lead to the right server.
 *
 * @param target  of the request
 * @param max     bytes of the value
 * @return number of cookies that were appended, with 0 there is to be no such field; SIO_ERR_NOMEM,
 *         SIO_ERR_TOO_BIG, and out is as it was
 */
int sio__cookie_jar_write(struct cookie_jar *jar, struct text target, int64_t now_s, size_t max,
                          struct buf *out);

/**
 * Reads a date as user agents do (RFC 6265 5.1.1): any order, any separators, English months.
 *
 * @param ret_s  seconds since 1970, negative before
 * @return 0; SIO_ERR_INVALID
 */
int sio__cookie_date_parse(struct text date, int64_t *ret_s);

#endif /* PROTO_COOKIE_JAR_H */
