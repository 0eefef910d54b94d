/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "support/http1_events.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

enum { RANDOM_RUNS = 6 };

struct run {
    struct http1_parser parser;
    const char *asked; /* see http1_events_expect(); at the letter of this message */
    FILE *log;
    struct buf body; /* of the message */
    struct buf head; /* its bytes, to see that they stay the same */
    size_t used;     /* bytes of the stream */
    size_t begin;    /* of this message */
    enum http1_event event;
};

static void log_head(const struct run *run) {
    const struct http1_head *head = &run->parser.head;
    if (run->asked != NULL) {
        fprintf(run->log, "head(%d", head->status);
    } else {
        fprintf(run->log, "head(%.*s %.*s", (int)head->method.len, head->method.data,
                (int)head->target.len, head->target.data);
    }
    fprintf(run->log, " 1.%u %s", head->minor, head->keep_alive ? "keep-alive" : "close");
    fputs(head->upgrade ? " upgrade" : "", run->log);
    fputs(head->chunked ? " chunked" : "", run->log);
    fputs(head->expect_continue ? " continue" : "", run->log);
    if (head->has_length) {
        fprintf(run->log, " length=%llu", (unsigned long long)head->content_length);
    } else {
        assert_int_equal(head->content_length, 0);
    }
    fputs(") ", run->log);
}

static void check_head(const struct run *run) {
    const struct http1_head *head = &run->parser.head;
    assert_true(sio__text_eq(head->raw, sio__buf_text(&run->head)));
    if (run->asked != NULL) {
        assert_int_equal(head->method.len + head->target.len, 0);
        return;
    }
    assert_int_equal(head->status, 0);
    assert_ptr_equal(head->method.data, head->raw.data);
    assert_true(head->target.data > head->raw.data);
    assert_true(head->target.data + head->target.len < head->raw.data + head->raw.len);
}

static void on_event(struct run *run, const struct http1_result *result) {
    switch (run->event) {
    case HTTP1_HEAD:
        log_head(run);
        sio__buf_clear(&run->body);
        sio__buf_clear(&run->head);
        assert_int_equal(sio__buf_append_text(&run->head, run->parser.head.raw), 0);
        check_head(run);
        break;
    case HTTP1_BODY:
        assert_true(result->body.len > 0);
        assert_int_equal(sio__buf_append_text(&run->body, result->body), 0);
        check_head(run);
        break;
    case HTTP1_DONE:
        check_head(run);
        if (run->body.len > 0) {
            fprintf(run->log, "body(%.*s) ", (int)run->body.len, (const char *)run->body.data);
        }
        fputs("done ", run->log);
        break;
    case HTTP1_ERROR:
        assert_true(result->rule != NULL && strlen(result->rule) > 0);
        fprintf(run->log, "error(%d) ", result->status);
        break;
    case HTTP1_MORE:
        if (run->parser.head.raw.len > 0) {
            check_head(run);
        }
        break;
    }
}

static void tell_method(struct run *run) {
    if (run->asked != NULL) {
        const char *method = run->asked[0] == 'H' ? "HEAD" : "GET";
        sio__http1_set_method(&run->parser, sio__text_of(method));
    }
}

static void next_message(struct run *run) {
    sio__http1_next_message(&run->parser);
    run->begin = run->used;
    if (run->asked != NULL && run->asked[1] != '\0') {
        run->asked++;
    }
    tell_method(run);
}

/* Feeds one piece, in memory of its own. */
static void feed(struct run *run, const char *data, size_t len) {
    char *piece = malloc(len > 0 ? len : 1);
    assert_non_null(piece);
    memcpy(piece, data, len);
    size_t at = 0;
    bool end = false;
    while (!end) {
        struct http1_result result = {.used = SIZE_MAX};
        run->event = sio__http1_parse(&run->parser, piece + at, len - at, &result);
        assert_true(result.used <= len - at);
        at += result.used;
        run->used += result.used;
        on_event(run, &result);
        end = run->event == HTTP1_MORE || run->event == HTTP1_ERROR;
        if (run->event == HTTP1_DONE) {
            struct http1_result again = {.used = SIZE_MAX};
            assert_int_equal(sio__http1_parse(&run->parser, piece + at, len - at, &again),
                             HTTP1_DONE);
            assert_int_equal(again.used, 0);
            end = run->parser.head.upgrade || run->parser.head.status == 101;
        }
        if (run->event == HTTP1_DONE && !end) {
            next_message(run);
        }
    }
    free(piece);
    if (run->event == HTTP1_MORE) {
        struct http1_result nothing = {.used = SIZE_MAX};
        assert_int_equal(at, len);
        assert_int_equal(sio__http1_parse(&run->parser, NULL, 0, &nothing), HTTP1_MORE);
        assert_int_equal(nothing.used, 0);
    }
}

/* The input ends within a message. */
static void end(struct run *run) {
    struct http1_result result = {.used = SIZE_MAX};
    run->event = sio__http1_end(&run->parser, &result);
    assert_true(run->event == HTTP1_DONE || run->event == HTTP1_ERROR);
    assert_int_equal(result.used, 0);
    on_event(run, &result);
    struct http1_result again = {.used = SIZE_MAX};
    assert_int_equal(sio__http1_end(&run->parser, &again), run->event);
    assert_int_equal(sio__http1_parse(&run->parser, "x", 1, &again), run->event);
    assert_int_equal(again.used, 0);
}

enum cut { CUT_NEVER, CUT_EVERYWHERE, CUT_RANDOM };

/* Feeds a stream; returns the events, to be freed. */
static char *events_of(const struct http1_limits *limits, const char *asked, struct text wire,
                       unsigned cut) {
    char *text;
    size_t text_len;
    struct run run = {.event = HTTP1_MORE, .asked = asked, .log = open_memstream(&text, &text_len)};
    assert_non_null(run.log);
    if (asked != NULL) {
        sio__http1_init_responses(&run.parser, limits);
    } else {
        sio__http1_init(&run.parser, limits);
    }
    tell_method(&run);
    sio__buf_init(&run.body, SIZE_MAX);
    sio__buf_init(&run.head, SIZE_MAX);
    uint32_t random = cut * 7919u;
    for (size_t at = 0; at < wire.len && run.event == HTTP1_MORE;) {
        size_t n = cut == CUT_NEVER ? wire.len : 1;
        if (cut >= CUT_RANDOM) {
            random = random * 1664525u + 1013904223u;
            n = 1 + (random >> 8) % (1u << (random >> 24) % 9);
        }
        n = n < wire.len - at ? n : wire.len - at;
        feed(&run, wire.data + at, n);
        at += n;
    }
    if (run.event == HTTP1_DONE) {
        fprintf(run.log, "rest(%zu) ", wire.len - run.used);
    }
    if (asked != NULL && run.event == HTTP1_MORE && (run.begin == 0 || run.used > run.begin)) {
        end(&run);
    }
    if (run.event == HTTP1_ERROR) {
        struct http1_result again;
        assert_int_equal(sio__http1_parse(&run.parser, "G", 1, &again), HTTP1_ERROR);
        assert_int_equal(again.used, 0);
    }
    sio__http1_done(&run.parser);
    sio__buf_done(&run.body);
    sio__buf_done(&run.head);
    fclose(run.log);
    if (text_len > 0) {
        text[text_len - 1] = '\0';
    }
    return text;
}

void http1_events_expect(const struct http1_limits *limits, const char *asked, struct text wire,
                         const char *events) {
    for (unsigned cut = CUT_NEVER; cut < CUT_RANDOM + RANDOM_RUNS; cut++) {
        char *found = events_of(limits, asked, wire, cut);
        if (strcmp(found, events) != 0) {
            print_message("cut %u of: %.*s\n", cut, (int)wire.len, wire.data);
            assert_string_equal(found, events);
        }
        free(found);
    }
}

struct text http1_events_repeat(const char *before, const char *filler, size_t count,
                                const char *after) {
    size_t filler_len = strlen(filler);
    size_t len = strlen(before) + count * filler_len + strlen(after);
    char *data = malloc(len + 1);
    assert_non_null(data);
    char *at = stpcpy(data, before);
    for (size_t i = 0; i < count; i++) {
        at = stpcpy(at, filler);
    }
    stpcpy(at, after);
    return (struct text){data, len};
}
