/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Reads WebSocket messages out of a stream of bytes (RFC 6455 5 to 8), for both sides.
 *
 * The parser is pulled: sio__ws_parse() eats input up to the next event. A frame that is whole in
 * the input is unmasked in place and delivered without a copy or an allocation. Only an unfinished
 * frame or message is stored, in a partial object out of a pool, so that an idle connection holds
 * nothing but struct ws_parser, and steady traffic whose frames are cut by reads allocates nothing.
 *
 * However the input is cut, the events are the same. Memory follows the bytes that really came,
 * never the lengths that a peer announces, and is bounded by ws_config.max_message_bytes.
 */
#ifndef PROTO_WS_PARSER_H
#define PROTO_WS_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/ws_frame.h"

struct ws_partial;

/** Unfinished frames that are free for reuse. One per thread, shared by its parsers. */
struct ws_pool {
    struct ws_partial *free;
    uint32_t count;
};

/** Shared by all parsers of a server; has to outlive them. */
struct ws_config {
    size_t max_message_bytes; /* payload of a message, over all its fragments */
    uint32_t max_fragments;   /* frames of one message, such as WS_FRAGMENTS_DEFAULT */
    bool is_server;           /* frames have to be masked; else they must not be */
    struct ws_pool *pool;
};

#define WS_FRAGMENTS_DEFAULT 16384

/** One per connection: 24 bytes. All members are private. */
struct ws_parser {
    const struct ws_config *config;
    struct ws_partial *partial; /* NULL between messages */
    uint8_t state;
    uint8_t rule;
};

enum ws_event {
    WS_MORE,   /* the input is eaten, more is needed */
    WS_TEXT,   /* a text message: valid UTF-8 */
    WS_BINARY, /* a binary message */
    WS_PING,   /* answer a pong with the same data */
    WS_PONG,
    WS_CLOSE, /* the peer closes: code, and the reason as data; input after it is dropped */
    WS_ERROR, /* close with code; stays so for all further calls */
};

struct ws_message {
    uint8_t *data;    /* payload; never NULL when the event has one, even if len is 0 */
    size_t len;       /* bytes */
    uint16_t code;    /* WS_CLOSE: the peer's code, 1005 if it sent none. WS_ERROR: 1002, 1007,
                         1008, 1009, or 1011 when memory ran out */
    const char *rule; /* WS_ERROR: which rule was broken, static text for logs */
};

void sio__ws_pool_init(struct ws_pool *pool);

/** Frees all objects of the pool; its parsers have to be done before. */
void sio__ws_pool_done(struct ws_pool *pool);

/** Makes a parser. Allocates nothing. The configuration is borrowed. */
void sio__ws_parser_init(struct ws_parser *p, const struct ws_config *config);

/** Gives back what the parser holds. NULL and zeroed memory are fine. */
void sio__ws_parser_done(struct ws_parser *p);

/**
 * Eats input up to the next event.
 *
 * Call again with the rest (data + *ret_used) until WS_MORE, WS_CLOSE or WS_ERROR; also when the
 * rest is empty, because that call gives back the memory of the message before.
 *
 * @param data      input, may be NULL if len is 0; it is overwritten (unmasked in place)
 * @param ret_used  bytes that were eaten, set for every event
 * @param ret       result, see struct ws_message; members that the event has no use for are
 *                  unchanged. The data is part of the input or of the parser, may be written to,
 *                  and lives until the next call for this parser or until the input is gone
 */
enum ws_event sio__ws_parse(struct ws_parser *p, uint8_t *data, size_t len, size_t *ret_used,
                            struct ws_message *ret);

/** Whether the parser holds memory: a frame or message is not finished, or was the last event. */
static inline bool sio__ws_parser_busy(const struct ws_parser *p) {
    return p->partial != NULL;
}

#endif /* PROTO_WS_PARSER_H */
