/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Requests of HTTP/1. The first byte of the input chooses the limits, the rest is the stream. Held
 * to be true of every stream:
 * - cut anywhere, it gives the same heads, bodies and errors;
 * - heads, fields and bodies keep the limits, and memory is bounded by them;
 * - a head says one thing: no control bytes in it, one Host, a length or chunks;
 * - its compact copy has every field.
 */
#undef NDEBUG
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "counting.h"
#include "event_log.h"
#include "proto/http1.h"
#include "proto/http_copy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_copy(const struct http1_head *head) {
    struct http_copy *copy;
    int r = sio__http_copy_embed(head, 0, &copy);
    assert(r == 0);
    assert(strlen(sio__http_copy_method(copy)) == head->method.len);
    assert(strlen(sio__http_copy_target(copy)) == head->target.len);
    assert(sio__http_copy_size(copy) <= 8 + head->raw.len);
    uint32_t cursor = 0;
    uint32_t count = 0;
    const char *name;
    const char *value;
    while (sio__http_copy_next(copy, &cursor, &name, &value)) {
        struct text first = sio__http1_field(head, name);
        assert(first.data != NULL && strncmp(value, first.data, first.len) == 0);
        assert(sio__http_copy_field(copy, name) == value);
        count += sio__http1_field_count(head, name);
    }
    assert(count == head->field_count);
    sio__free(copy);
}

static void note_head(struct log *log, const struct http1_limits *limits,
                      const struct http1_head *head) {
    assert(head->raw.len <= limits->max_head_bytes);
    assert(head->field_count <= limits->max_headers);
    assert(head->minor <= 1 && !(head->chunked && head->has_length));
    assert(sio__text_is_token(head->method) && head->target.len > 0);
    assert(sio__http1_field_count(head, "host") + (head->minor == 0) >= 1);
    assert(sio__http1_field_count(head, "host") <= 1);
    assert(memchr(head->raw.data, '\0', head->raw.len) == NULL);
    note_text(log, head->raw);
    note_text(log, head->method);
    note_text(log, head->target);
    const bool flags[] = {head->keep_alive, head->upgrade, head->chunked, head->has_length,
                          head->expect_continue};
    note(log, flags, sizeof(flags));
    note_number(log, 'm', head->minor);
    note_number(log, 'l', head->content_length);
    for (uint32_t i = 0; i < head->field_count; i++) {
        struct text name;
        struct text value;
        sio__http1_field_at(head, i, &name, &value);
        assert(sio__text_is_token(name) && sio__text_is_field_value(value));
        note_text(log, name);
        note_text(log, value);
        struct text item;
        while (sio__http1_list_next(&value, &item)) {
            assert(item.len > 0);
            note_text(log, item);
        }
        assert(value.len == 0);
    }
    check_copy(head);
}

struct run {
    struct http1_parser parser;
    const struct http1_limits *limits;
    struct log *log;
    uint64_t body_bytes;
};

/* Returns whether the piece is eaten. */
static bool on_event(struct run *run, enum http1_event event, const struct http1_result *result) {
    switch (event) {
    case HTTP1_MORE: return true;
    case HTTP1_HEAD:
        run->body_bytes = 0;
        note_head(run->log, run->limits, &run->parser.head);
        return false;
    case HTTP1_BODY:
        assert(result->body.len > 0);
        run->body_bytes += result->body.len;
        assert(run->body_bytes <= run->limits->max_body_bytes);
        note(run->log, result->body.data, result->body.len);
        return false;
    case HTTP1_DONE:
        note_number(run->log, 'd', run->body_bytes);
        note_text(run->log, run->parser.head.raw);
        sio__http1_next_message(&run->parser);
        return false;
    case HTTP1_ERROR:
        assert(result->status >= 400 && result->status <= 505 && result->rule != NULL);
        note_number(run->log, 'e', (uint64_t)result->status);
        return true;
    }
    assert(false);
    return true;
}

/* Feeds one piece, in memory of its own; returns the last event. */
static enum http1_event feed(struct run *run, const uint8_t *data, size_t len) {
    char *piece = malloc(len);
    assert(piece != NULL);
    memcpy(piece, data, len);
    size_t at = 0;
    struct http1_result result;
    enum http1_event event;
    do {
        event = sio__http1_parse(&run->parser, piece + at, len - at, &result);
        assert(result.used <= len - at);
        at += result.used;
    } while (!on_event(run, event, &result));
    assert(event == HTTP1_ERROR || at == len);
    free(piece);
    return event;
}

/* Runs a stream, cut at places that the seed tells; seed 0 does not cut. */
static void run_stream(const struct http1_limits *limits, const uint8_t *data, size_t size,
                       uint32_t seed, struct log *log) {
    struct run run = {.limits = limits, .log = log};
    sio__http1_init(&run.parser, limits);
    log->len = 0;
    enum http1_event event = HTTP1_MORE;
    for (size_t at = 0; at < size && event == HTTP1_MORE;) {
        size_t n = size;
        if (seed != 0) {
            n = next_piece(&seed);
        }
        n = n < size - at ? n : size - at;
        event = feed(&run, data + at, n);
        at += n;
        size_t fields = 2 * (limits->max_headers + 4) * sizeof(struct http1_field);
        assert(bytes_alive <= 2 * limits->max_head_bytes + fields + 1024);
    }
    sio__http1_done(&run.parser);
    assert(bytes_alive == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint32_t HEADS[] = {64, 300, 4096, HTTP1_HEAD_MAX};
    static const uint32_t HEADERS[] = {2, 8, 100, HTTP1_HEADERS_MAX};
    static const uint64_t BODIES[] = {0, 10, 1000, UINT64_MAX};
    if (size == 0) {
        return 0;
    }
    count_memory();
    struct http1_limits limits = {
        .max_head_bytes = HEADS[data[0] & 3],
        .max_headers = HEADERS[data[0] >> 2 & 3],
        .max_body_bytes = BODIES[data[0] >> 4 & 3],
    };
    uint32_t seed = seed_of(data, size);
    for (uint32_t i = 0; i < 4; i++) {
        struct log *log = i == 0 ? &whole : &pieces;
        run_stream(&limits, data + 1, size - 1, i * (seed | 1), log);
        check_same(log, &whole);
    }
    return 0;
}
