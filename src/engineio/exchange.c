/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * A request goes through these phases, all of them from the loop but the first:
 *
 *     IDLE --start()--> STARTED --task--> LINKING --link--> WAITING --answer--> IDLE
 *                          +-----------kept connection------^
 *
 * In every phase but WAITING the connection, if there is one, is only kept: whatever it has to tell
 * ends it. Callbacks come when all is settled, so that they may do anything; an exchange that is
 * freed in its own callback is taken apart at once, and its memory goes after the return.
 */
#include "engineio/exchange.h"

#include <sio/error.h>
#include <stdio.h>

#include "base/alloc.h"
#include "engineio/eio_request.h"

/* Memory for bodies that is worth keeping from one answer to the next. */
#define KEEP_BODY_BYTES 16384

/* A connection is given up so long before the server closes it, as the way there takes time. */
#define KEEP_ALIVE_MARGIN_S 1

/* A kept connection that breaks so soon after a request was closed before the server saw it. */
#define CROSSING_MS 1000u

#define TEXT_CHARS 160

enum exchange_phase {
    EXCHANGE_IDLE,
    EXCHANGE_STARTED, /* the task is queued */
    EXCHANGE_LINKING, /* there is a link */
    EXCHANGE_WAITING, /* the request was given to the stream */
};

struct exchange {
    struct reactor *reactor;
    const struct exchange_server *server;
    const struct exchange_ops *ops;
    void *owner;
    struct task begin;
    struct timer timeout; /* of the request */
    struct timer expiry;  /* of the kept connection */
    uint64_t sent_ms;     /* when the request was given to the stream */
    struct link *link;
    struct stream *stream;
    struct buf request;
    struct buf body; /* of the answer */
    struct http1_parser parser;
    enum exchange_phase phase;
    bool repeatable; /* the request may be sent twice */
    bool kept;       /* the stream has served a request before */
    bool answered;   /* bytes of the answer have come */
    bool drops_body;
    bool calling; /* a callback is running */
    bool freed;   /* meanwhile */
};

/* ---- ending ---- */

static void drop_connection(struct exchange *x) {
    sio__reactor_stop(x->reactor, &x->expiry);
    sio__link_cancel(x->link);
    x->link = NULL;
    if (x->stream != NULL) {
        sio__stream_close(x->stream);
        x->stream = NULL;
    }
}

/* Nothing runs any more. */
static void settle(struct exchange *x) {
    x->phase = EXCHANGE_IDLE;
    sio__task_cancel(&x->begin);
    sio__reactor_stop(x->reactor, &x->timeout);
}

static void destroy(struct exchange *x) {
    sio__buf_done(&x->request);
    sio__buf_done(&x->body);
    sio__http1_done(&x->parser);
    sio__free(x);
}

void sio__exchange_free(struct exchange *x) {
    if (x == NULL) {
        return;
    }
    settle(x);
    drop_connection(x);
    if (x->calling) {
        x->freed = true;
    } else {
        destroy(x);
    }
}

/* After a callback, which may have freed it. */
static void leave_callback(struct exchange *x) {
    x->calling = false;
    if (x->freed) {
        destroy(x);
        return;
    }
    sio__buf_clear(&x->body);
    sio__buf_shrink(&x->body, KEEP_BODY_BYTES);
}

static void fail_for(struct exchange *x, int cause, int status, const char *text) {
    struct stream *stream = x->stream; /* the text may be part of it */
    x->stream = NULL;
    settle(x);
    drop_connection(x);
    x->calling = true;
    x->ops->on_failed(x->owner, cause, status, text);
    leave_callback(x);
    if (stream != NULL) {
        sio__stream_close(stream);
    }
}

static void fail(struct exchange *x, int status, const char *text) {
    fail_for(x, sio__eio_failure_cause(status), status, text);
}

static void on_timeout(struct timer *t) {
    struct exchange *x = SIO_CONTAINER_OF(t, struct exchange, timeout);
    char text[TEXT_CHARS];
    (void)snprintf(text, sizeof text, "no answer within %u ms",
                   (unsigned)x->server->request_timeout_ms);
    fail(x, SIO_ERR_TIMEOUT, text);
}

static void on_expiry(struct timer *t) {
    drop_connection(SIO_CONTAINER_OF(t, struct exchange, expiry));
}

/* ---- the answer ---- */

/* How long the server keeps an idle connection (RFC 2068 19.7.1): true when it has told so. */
static bool read_keep_alive(const struct http1_head *head, uint64_t *ret_seconds) {
    static const struct text name = {"timeout=", 8};
    struct text list = sio__http1_field(head, "keep-alive");
    struct text item;
    while (sio__http1_list_next(&list, &item)) {
        if (sio__text_starts(item, name)) {
            struct text digits = {item.data + name.len, item.len - name.len};
            return sio__parse_u64(digits, 9, ret_seconds) == 0;
        }
    }
    return false;
}

/* Watches the connection until the next request, or closes it. */
static void keep_connection(struct exchange *x) {
    uint64_t seconds;
    x->kept = true;
    if (!read_keep_alive(&x->parser.head, &seconds)) {
        return;
    }
    if (seconds <= KEEP_ALIVE_MARGIN_S) {
        drop_connection(x);
        return;
    }
    sio__reactor_start(x->reactor, &x->expiry, (seconds - KEEP_ALIVE_MARGIN_S) * 1000);
}

/* The answer is complete. */
static void finish(struct exchange *x, bool can_keep) {
    const struct exchange_answer answer = {
        .status = x->parser.head.status,
        .head = &x->parser.head,
        .body = sio__buf_text(&x->body),
    };
    settle(x);
    if (can_keep && x->parser.head.keep_alive && sio__stream_pending(x->stream) == 0) {
        keep_connection(x);
    } else {
        drop_connection(x);
    }
    x->calling = true;
    x->ops->on_answer(x->owner, &answer);
    leave_callback(x);
}

static bool has_coding(const struct http1_head *head) {
    struct text coding = sio__http1_field(head, "content-encoding");
    return coding.len > 0 && !sio__text_eq_nocase(coding, SIO_TEXT("identity"));
}

static int on_head(struct exchange *x) {
    int status = x->parser.head.status;
    x->drops_body = has_coding(&x->parser.head);
    return x->drops_body && status >= 200 && status <= 299 ? SIO_ERR_PROTO : 0;
}

static void fail_parsing(struct exchange *x, const struct http1_result *result) {
    int cause;
    int status = sio__eio_response_failure(&x->parser, result, &cause);
    fail_for(x, cause, status, result->rule);
}

static void take_input(struct exchange *x, const char *data, size_t len) {
    struct http1_result result;
    int r = 0;
    for (;;) {
        enum http1_event event = sio__http1_parse(&x->parser, data, len, &result);
        data += result.used;
        len -= result.used;
        switch (event) {
        case HTTP1_HEAD:
            r = on_head(x);
            if (r < 0) {
                fail(x, r, "the answer has a content coding, and none was asked for");
                return;
            }
            break;
        case HTTP1_BODY:
            r = x->drops_body ? 0 : sio__buf_append_text(&x->body, result.body);
            if (r < 0) {
                fail(x, r, sio_strerror(r));
                return;
            }
            break;
        case HTTP1_MORE: return;
        case HTTP1_DONE: finish(x, len == 0); return;
        case HTTP1_ERROR: fail_parsing(x, &result); return;
        }
    }
}

/* ---- the stream ---- */

static void open_connection(struct exchange *x);

static void on_input(struct stream *s, uint8_t *data, size_t len) {
    struct exchange *x = sio__stream_owner(s);
    if (x->phase != EXCHANGE_WAITING) {
        drop_connection(x); /* there is nothing to be answered */
        return;
    }
    x->answered = true;
    take_input(x, (const char *)data, len);
}

/* Ends a body that has no length of its own (RFC 9112 8). */
static bool is_complete(struct exchange *x) {
    struct http1_result result;
    return sio__stream_tls_error(x->stream)[0] == '\0' &&
           sio__http1_end(&x->parser, &result) == HTTP1_DONE;
}

static void fail_closed(struct exchange *x, int status) {
    char text[TEXT_CHARS];
    if (status == 0) {
        fail(x, SIO_ERR_CLOSED,
             x->answered ? "the server closed the connection before the end of its answer"
                         : "the server closed the connection without an answer");
    } else if (status == SIO_ERR_TLS) {
        fail(x, status, sio__stream_tls_error(x->stream));
    } else {
        (void)snprintf(text, sizeof text, "read %s %.*s", sio_errname(status),
                       (int)x->server->authority.len, x->server->authority.data);
        fail(x, status, text);
    }
}

/* Later on the server may have answered, and with the answer packets would be lost unnoticed. */
static bool may_repeat(const struct exchange *x) {
    return x->repeatable && x->kept && !x->answered &&
           sio__reactor_now(x->reactor) - x->sent_ms < CROSSING_MS;
}

static void on_end(struct stream *s, int status) {
    struct exchange *x = sio__stream_owner(s);
    if (x->phase != EXCHANGE_WAITING) {
        drop_connection(x);
    } else if (x->answered && status == 0 && is_complete(x)) {
        finish(x, false);
    } else if (may_repeat(x)) {
        drop_connection(x);
        open_connection(x);
    } else {
        fail_closed(x, status);
    }
}

static void on_drain(struct stream *s) {
    (void)s;
}

static const struct stream_ops exchange_stream_ops = {
    .on_input = on_input,
    .on_end = on_end,
    .on_drain = on_drain,
};

/* ---- sending ---- */

static void send_request(struct exchange *x) {
    x->phase = EXCHANGE_WAITING;
    x->sent_ms = sio__reactor_now(x->reactor);
    x->answered = false;
    x->drops_body = false;
    int r = sio__stream_write(x->stream, x->request.data, x->request.len, NULL, 0);
    if (r < 0) {
        fail(x, r, sio_strerror(r));
        return;
    }
    if (!x->repeatable) {
        sio__buf_done(&x->request);
    }
}

static void on_linked(void *owner, struct stream *stream) {
    struct exchange *x = owner;
    x->link = NULL;
    x->stream = stream;
    x->kept = false;
    sio__stream_set_owner(stream, &exchange_stream_ops, x);
    sio__http1_done(&x->parser);
    sio__http1_init_responses(&x->parser, &x->server->limits);
    send_request(x);
}

static void on_link_failed(void *owner, int status, const char *text) {
    struct exchange *x = owner;
    x->link = NULL;
    fail(x, status, text);
}

static void open_connection(struct exchange *x) {
    static const struct link_ops ops = {.on_ready = on_linked, .on_failed = on_link_failed};
    x->phase = EXCHANGE_LINKING;
    int r = sio__link_start(x->reactor, &x->server->link, x->server->link_timeout_ms, &ops, x,
                            &x->link);
    if (r < 0) {
        fail(x, r, sio_strerror(r));
    }
}

static void on_begin(struct task *task) {
    struct exchange *x = SIO_CONTAINER_OF(task, struct exchange, begin);
    if (x->server->request_timeout_ms > 0) {
        sio__reactor_start(x->reactor, &x->timeout, x->server->request_timeout_ms);
    }
    if (x->stream == NULL) {
        open_connection(x);
        return;
    }
    sio__reactor_stop(x->reactor, &x->expiry);
    sio__http1_next_message(&x->parser);
    send_request(x);
}

/* ---- the request ---- */

/* The order of the fields is that of the official client. */
static int write_request(struct buf *out, const struct exchange_server *server,
                         const struct exchange_request *request, bool is_get) {
    struct text fields = server->fields;
    int r = sio__http1_write_request_line(out, request->method, request->target);
    if (r == 0) {
        r = sio__http1_write_default(out, fields, SIO_TEXT("User-Agent"), server->user_agent);
    }
    if (r == 0) {
        r = sio__http1_write_default(out, fields, SIO_TEXT("Accept"), SIO_TEXT("*/*"));
    }
    if (r == 0) {
        r = sio__buf_append_text(out, fields);
    }
    if (r == 0) {
        r = sio__buf_append_text(out, request->fields);
    }
    if (r == 0) {
        r = sio__http1_write_default(out, fields, SIO_TEXT("Host"), server->authority);
    }
    if (r == 0 && !is_get) {
        r = sio__http1_write_length(out, request->body.len);
    }
    if (r == 0) {
        r = sio__http1_write_end(out);
    }
    return r == 0 ? sio__buf_append_text(out, request->body) : r;
}

int sio__exchange_start(struct exchange *x, const struct exchange_request *request) {
    bool is_get = sio__text_eq(request->method, SIO_TEXT("GET"));
    if (x->phase != EXCHANGE_IDLE) {
        return SIO_ERR_STATE;
    }
    if (is_get && request->body.len > 0) {
        return SIO_ERR_INVALID;
    }
    sio__buf_clear(&x->request);
    int r = write_request(&x->request, x->server, request, is_get);
    if (r < 0) {
        return r;
    }
    x->repeatable = is_get;
    x->phase = EXCHANGE_STARTED;
    sio__task_queue(x->reactor, &x->begin);
    return 0;
}

bool sio__exchange_busy(const struct exchange *x) {
    return x->phase != EXCHANGE_IDLE;
}

struct exchange *sio__exchange_new(struct reactor *r, const struct exchange_server *server,
                                   const struct exchange_ops *ops, void *owner) {
    struct exchange *x = sio__calloc(1, sizeof *x);
    uint64_t max = server->limits.max_body_bytes;
    if (x == NULL) {
        return NULL;
    }
    x->reactor = r;
    x->server = server;
    x->ops = ops;
    x->owner = owner;
    sio__task_init(&x->begin, on_begin);
    sio__timer_init(&x->timeout, on_timeout);
    sio__timer_init(&x->expiry, on_expiry);
    sio__buf_init(&x->request, SIZE_MAX);
    sio__buf_init(&x->body, max == 0 ? 1 : max < SIZE_MAX ? (size_t)max : SIZE_MAX);
    return x;
}
