/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The WebSocket decoder. The first byte of the input chooses the side and the limits, the rest is
 * the stream. Held to be true of every stream:
 * - cut anywhere, it gives the same events;
 * - messages keep the limits, texts are UTF-8, control frames are short, close codes allowed;
 * - memory is at most twice what came, and a constant; without an unfinished message there is none;
 * - after an error nothing is eaten, after a close frame nothing is said.
 */
#undef NDEBUG
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "counting.h"
#include "proto/ws_parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { EVENTS_MAX = 4096, OVERHEAD = 1024 };

struct entry {
    enum ws_event event;
    uint16_t code;
    const char *rule;
    size_t len;
    uint32_t hash;
};

struct events {
    struct entry entries[EVENTS_MAX];
    size_t count;
};

static struct events whole;
static struct events pieces;

/* ---- events ---- */

static uint32_t hash_of(const uint8_t *data, size_t len) {
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ data[i]) * 16777619u;
    }
    return hash;
}

static void check_event(const struct ws_config *config, enum ws_event event,
                        const struct ws_message *m) {
    switch (event) {
    case WS_TEXT: assert(sio__utf8_valid(m->data, m->len)); break;
    case WS_CLOSE:
        assert(m->code == WS_CLOSE_NO_STATUS || sio__ws_close_code_valid(m->code));
        assert(m->len <= WS_REASON_MAX && sio__utf8_valid(m->data, m->len));
        break;
    case WS_PING:
    case WS_PONG: assert(m->len <= WS_CONTROL_MAX); break;
    case WS_ERROR:
        assert(m->rule != NULL && m->code >= WS_CLOSE_PROTOCOL_ERROR &&
               m->code < WS_CLOSE_INTERNAL);
        return;
    default: break;
    }
    assert(m->data != NULL);
    assert(event == WS_PING || event == WS_PONG || event == WS_CLOSE ||
           m->len <= config->max_message_bytes);
}

static void note(struct events *events, enum ws_event event, const struct ws_message *m) {
    if (events->count == EVENTS_MAX) {
        return;
    }
    struct entry *e = &events->entries[events->count++];
    memset(e, 0, sizeof(*e));
    e->event = event;
    if (event == WS_ERROR) {
        e->code = m->code;
        e->rule = m->rule;
        return;
    }
    e->code = event == WS_CLOSE ? m->code : 0;
    e->len = m->len;
    e->hash = hash_of(m->data, m->len);
}

/* Feeds one piece, in memory of its own; returns the last event. */
static enum ws_event feed(struct ws_parser *p, const uint8_t *data, size_t len,
                          struct events *events) {
    uint8_t *piece = malloc(len > 0 ? len : 1);
    assert(piece != NULL);
    memcpy(piece, data, len);
    size_t at = 0;
    enum ws_event event;
    do {
        size_t used;
        struct ws_message m = {0};
        event = sio__ws_parse(p, piece + at, len - at, &used, &m);
        assert(used <= len - at);
        at += used;
        if (event != WS_MORE) {
            check_event(p->config, event, &m);
            assert(events->count == 0 || events->count == EVENTS_MAX ||
                   events->entries[events->count - 1].event != WS_CLOSE);
            note(events, event, &m);
        }
    } while (event != WS_MORE && event != WS_ERROR);
    assert(event == WS_ERROR || at == len);
    free(piece);
    return event;
}

/* Runs a stream, cut at places that the seed tells; seed 0 does not cut. */
static void run(const struct ws_config *config, const uint8_t *data, size_t size, uint32_t seed,
                struct events *events) {
    struct ws_parser p;
    sio__ws_parser_init(&p, config);
    events->count = 0;
    enum ws_event event = WS_MORE;
    for (size_t at = 0; at < size && event == WS_MORE;) {
        size_t n = size;
        if (seed != 0) {
            seed = seed * 1664525u + 1013904223u;
            n = 1 + (seed >> 8) % (1u << (seed >> 24) % 9);
        }
        n = n < size - at ? n : size - at;
        event = feed(&p, data + at, n, events);
        at += n;
        assert(bytes_alive <= 2 * at + OVERHEAD);
    }
    if (event == WS_ERROR) {
        assert(!sio__ws_parser_busy(&p));
        size_t used;
        uint8_t byte = 0;
        struct ws_message m = {0};
        assert(sio__ws_parse(&p, &byte, 1, &used, &m) == WS_ERROR && used == 0);
    }
    sio__ws_parser_done(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const size_t SIZES[] = {0, 1, 125, 126, 1000, 65535, 65536, 1000000};
    if (size == 0) {
        return 0;
    }
    count_memory();
    struct ws_pool pool;
    struct ws_config config = {
        .max_message_bytes = SIZES[data[0] >> 1 & 7],
        .max_fragments = (data[0] & 0x10) != 0 ? 3 : WS_FRAGMENTS_DEFAULT,
        .is_server = (data[0] & 1) != 0,
        .pool = &pool,
    };
    uint32_t seed = hash_of(data, size) | 1;
    for (uint32_t i = 0; i < 4; i++) {
        struct events *events = i == 0 ? &whole : &pieces;
        sio__ws_pool_init(&pool);
        run(&config, data + 1, size - 1, i * seed, events);
        sio__ws_pool_done(&pool);
        assert(bytes_alive == 0);
        assert(events->count == whole.count);
        assert(memcmp(events->entries, whole.entries, whole.count * sizeof(struct entry)) == 0);
    }
    return 0;
}
