/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Streams of HTTP/1 messages as unit tests write them: bytes, and the events that they have to give
 * as a line of text. Every one runs in one piece, byte by byte, and cut at random places, each
 * piece in memory that is gone afterwards.
 *
 * The line has one word for each event, the body in one: head(GET / 1.1 keep-alive length=5)
 * body(hello) done; head(200 1.1 close) for responses; error(400) with the status; rest(6) for the
 * bytes behind an upgrade.
 */
#ifndef SUPPORT_HTTP1_EVENTS_H
#define SUPPORT_HTTP1_EVENTS_H

#include "base/text.h"
#include "proto/http1.h"

struct http1_example {
    struct text wire;
    const char *events;
};

#define E(wire, events)                                                                            \
    { SIO_TEXT(wire), events }

/**
 * Fails the test if a stream gives other events, however it is cut.
 *
 * @param asked  NULL for requests; for responses a letter for each, H if it answers HEAD and G if
 *               it answers GET, the last one for all that follow. The input ends behind the stream
 *               if there was no response at all, or one is not complete
 */
void http1_events_expect(const struct http1_limits *limits, const char *asked, struct text wire,
                         const char *events);

/** A stream to be freed: before, count times the filler, after. */
struct text http1_events_repeat(const char *before, const char *filler, size_t count,
                                const char *after);

#endif /* SUPPORT_HTTP1_EVENTS_H */
