/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Responses of HTTP/1. The first byte of the input chooses the limits, the bits of the second one
 * which responses answer HEAD, the rest is the stream. Held to be true of every stream:
 * - cut anywhere, it gives the same heads, bodies and errors, and the same when it ends;
 * - heads, fields and bodies keep the limits, and memory is bounded by them;
 * - a head is what its status and its fields say, line by line, and nothing else stands in it;
 * - the body is as long as the head says; there is none where there cannot be one;
 * - behind a response to HEAD, and behind status 101, nothing is eaten.
 */
#undef NDEBUG
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "counting.h"
#include "event_log.h"
#include "proto/http1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
    struct http1_parser parser;
    const struct http1_limits *limits;
    struct log *log;
    unsigned heads;  /* a bit for each response, the lowest is the next: it answers HEAD */
    bool asked_head; /* this one does */
    bool has_head;   /* of this one */
    bool over;       /* status 101 came, HTTP/1 is over */
    uint64_t body_bytes;
};

/* Cuts what has to stand there off the front of the rest. */
static void skip(struct text *rest, struct text part) {
    assert(sio__text_starts(*rest, part));
    *rest = (struct text){rest->data + part.len, rest->len - part.len};
}

static void skip_blanks(struct text *rest) {
    while (rest->len > 0 && (rest->data[0] == ' ' || rest->data[0] == '\t')) {
        skip(rest, (struct text){rest->data, 1});
    }
}

/* The head is written anew from its members: that leaves one way to read it. */
static void check_lines(const struct http1_head *head) {
    struct text rest = head->raw;
    skip(&rest, head->minor == 0 ? SIO_TEXT("HTTP/1.0 ") : SIO_TEXT("HTTP/1.1 "));
    uint64_t status;
    assert(sio__parse_u64((struct text){rest.data, 3}, 3, &status) == 0);
    assert(status == (uint64_t)head->status);
    skip(&rest, (struct text){rest.data, 3});
    struct text reason = {rest.data, sio__text_find(rest, SIO_TEXT("\r\n"))};
    assert(sio__text_is_field_value(reason) && (reason.len == 0 || reason.data[0] == ' '));
    skip(&rest, reason);
    skip(&rest, SIO_TEXT("\r\n"));
    for (uint32_t i = 0; i < head->field_count; i++) {
        struct text name;
        struct text value;
        sio__http1_field_at(head, i, &name, &value);
        assert(sio__text_is_token(name) && sio__text_is_field_value(value));
        assert(value.len == sio__text_trim(value).len);
        skip(&rest, name);
        skip(&rest, SIO_TEXT(":"));
        skip_blanks(&rest);
        skip(&rest, value);
        skip_blanks(&rest);
        skip(&rest, SIO_TEXT("\r\n"));
    }
    skip(&rest, SIO_TEXT("\r\n"));
    assert(rest.len == 0);
}

static bool has_no_body(const struct run *run) {
    int status = run->parser.head.status;
    return run->asked_head || status == 101 || status == 204 || status == 304;
}

static bool is_to_end(const struct run *run) {
    const struct http1_head *head = &run->parser.head;
    return !has_no_body(run) && !head->chunked && !head->has_length;
}

static void check_framing(const struct run *run) {
    const struct http1_head *head = &run->parser.head;
    uint32_t lengths = sio__http1_field_count(head, "content-length");
    uint32_t codings = sio__http1_field_count(head, "transfer-encoding");
    assert(lengths + codings <= 1);
    assert(head->has_length == (lengths == 1) && head->chunked == (codings == 1));
    if (lengths == 1) {
        uint64_t length;
        struct text value = sio__http1_field(head, "content-length");
        assert(sio__parse_u64(value, value.len, &length) == 0 && length == head->content_length);
    }
    if (codings == 1) {
        struct text value = sio__http1_field(head, "transfer-encoding");
        assert(head->minor == 1 && sio__text_eq_nocase(value, SIO_TEXT("chunked")));
    }
    assert(!head->upgrade || (head->status == 101 && head->minor == 1));
    assert(!head->keep_alive || (head->status != 101 && !is_to_end(run)));
    assert(!head->keep_alive || !sio__http1_list_has(head, "connection", "close"));
    assert(!head->keep_alive || head->minor == 1 ||
           sio__http1_list_has(head, "connection", "keep-alive") ||
           sio__http1_list_has(head, "proxy-connection", "keep-alive"));
}

static void on_head(struct run *run) {
    const struct http1_head *head = &run->parser.head;
    assert(head->raw.len <= run->limits->max_head_bytes);
    assert(head->field_count <= run->limits->max_headers);
    assert(head->status == 101 || (head->status >= 200 && head->status <= 999));
    assert(head->method.len == 0 && head->target.len == 0 && !head->expect_continue);
    check_lines(head);
    check_framing(run);
    run->has_head = true;
    run->body_bytes = 0;
    note_text(run->log, head->raw);
    const bool flags[] = {head->keep_alive, head->upgrade, head->chunked, head->has_length};
    note(run->log, flags, sizeof(flags));
    note_number(run->log, 's', (uint64_t)head->status);
    note_number(run->log, 'l', head->content_length);
    for (uint32_t i = 0; i < head->field_count; i++) {
        struct text name;
        struct text value;
        sio__http1_field_at(head, i, &name, &value);
        note_text(run->log, name);
        note_text(run->log, value);
    }
}

static void ask(struct run *run) {
    run->asked_head = (run->heads & 1) != 0;
    run->heads >>= 1;
    run->has_head = false;
    sio__http1_set_method(&run->parser, run->asked_head ? SIO_TEXT("HEAD") : SIO_TEXT("GET"));
}

static void on_done(struct run *run) {
    const struct http1_head *head = &run->parser.head;
    assert(run->has_head);
    if (has_no_body(run)) {
        assert(run->body_bytes == 0);
    } else if (head->has_length) {
        assert(run->body_bytes == head->content_length);
    }
    note_number(run->log, 'd', run->body_bytes);
    note_text(run->log, head->raw);
    run->over = head->status == 101;
    if (!run->over) {
        sio__http1_next_message(&run->parser);
        ask(run);
    }
}

/* Returns whether the piece is eaten. */
static bool on_event(struct run *run, enum http1_event event, const struct http1_result *result) {
    switch (event) {
    case HTTP1_MORE: return true;
    case HTTP1_HEAD:
        assert(!run->has_head);
        on_head(run);
        return false;
    case HTTP1_BODY:
        assert(run->has_head && !has_no_body(run) && result->body.len > 0);
        run->body_bytes += result->body.len;
        assert(run->body_bytes <= run->limits->max_body_bytes);
        note(run->log, result->body.data, result->body.len);
        return false;
    case HTTP1_DONE:
        assert(!is_to_end(run));
        on_done(run);
        return run->over;
    case HTTP1_ERROR:
        assert(result->status >= 400 && result->status <= 505 && result->rule != NULL);
        assert(result->status != 500 && result->status != 414);
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
        assert(event != HTTP1_DONE || !has_no_body(run) || result.used == 0);
        at += result.used;
    } while (!on_event(run, event, &result));
    assert(event != HTTP1_MORE || at == len);
    free(piece);
    return event;
}

/* The input ends; within a message that is an error, but for one that only its end ends. */
static void end(struct run *run) {
    struct http1_result result;
    bool complete = run->has_head && is_to_end(run);
    enum http1_event event = sio__http1_end(&run->parser, &result);
    assert(event == (complete ? HTTP1_DONE : HTTP1_ERROR));
    assert(sio__http1_end(&run->parser, &result) == event && result.used == 0);
    if (complete) {
        on_done(run);
    } else {
        on_event(run, event, &result);
    }
}

/* Runs a stream, cut at places that the seed tells; seed 0 does not cut. */
static void run_stream(const struct http1_limits *limits, unsigned heads, const uint8_t *data,
                       size_t size, uint32_t seed, struct log *log) {
    struct run run = {.limits = limits, .log = log, .heads = heads};
    sio__http1_init_responses(&run.parser, limits);
    ask(&run);
    log->len = 0;
    enum http1_event event = HTTP1_MORE;
    for (size_t at = 0; at < size && event == HTTP1_MORE;) {
        size_t n = seed == 0 ? size : next_piece(&seed);
        n = n < size - at ? n : size - at;
        event = feed(&run, data + at, n);
        at += n;
        size_t fields = 2 * (limits->max_headers + 4) * sizeof(struct http1_field);
        assert(bytes_alive <= 2 * limits->max_head_bytes + fields + 1024);
    }
    if (event == HTTP1_MORE) {
        end(&run);
    }
    sio__http1_done(&run.parser);
    assert(bytes_alive == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint32_t HEADS[] = {64, 300, 4096, HTTP1_HEAD_MAX};
    static const uint32_t HEADERS[] = {2, 8, 100, HTTP1_HEADERS_MAX};
    static const uint64_t BODIES[] = {0, 10, 1000, UINT64_MAX};
    if (size < 2) {
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
        run_stream(&limits, data[1], data + 2, size - 2, i * (seed | 1), log);
        check_same(log, &whole);
    }
    return 0;
}
