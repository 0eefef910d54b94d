/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * HTTP/1 messages over llhttp: what requests and responses have in common.
 *
 * llhttp reads heads and chunked bodies; bodies of known length are counted here. It pushes, so its
 * callbacks pause it wherever an event is to be pulled. While a head is read only places are noted,
 * relative to its first byte, because the bytes themselves may yet move into the parser's buffer.
 *
 * llhttp is used without any of its lenient flags. What it lets through and the parser does not:
 * other versions, all transfer codings but plain "chunked", endless chunk extensions; and what the
 * two files say that know the heads of requests and of responses.
 */
#include "proto/http1_core.h"

#include <sio/error.h>

#include "base/alloc.h"
#include "base/vec.h"

/* Memory that a connection keeps between two messages. */
#define KEEP_BYTES  4096
#define KEEP_FIELDS 64

#define OUT_OF_MEMORY  "out of memory"
#define BODY_TOO_LARGE "body is larger than the limit"

enum span { SPAN_NONE, SPAN_NAME, SPAN_VALUE };

static struct http1_parser *parser_of(llhttp_t *http) {
    return http->data;
}

/* Limits, with their caps. */
static uint32_t max_head(const struct http1_parser *p) {
    uint32_t max = p->limits->max_head_bytes;
    return max < HTTP1_HEAD_MAX ? max : HTTP1_HEAD_MAX;
}

static uint32_t max_headers(const struct http1_parser *p) {
    uint32_t max = p->limits->max_headers;
    return max < HTTP1_HEADERS_MAX ? max : HTTP1_HEADERS_MAX;
}

bool sio__http1_has_too_many_fields(const struct http1_parser *p) {
    return p->head.field_count > max_headers(p);
}

int sio__http1_refuse(struct http1_parser *p, int status, const char *rule) {
    p->phase = PHASE_FAILED;
    p->status = (uint16_t)status;
    p->rule = rule;
    return HPE_USER;
}

static enum http1_event failed(const struct http1_parser *p, struct http1_result *ret) {
    ret->status = p->status;
    ret->rule = p->rule;
    return HTTP1_ERROR;
}

static enum http1_event fail(struct http1_parser *p, int status, const char *rule,
                             struct http1_result *ret) {
    sio__http1_refuse(p, status, rule);
    return failed(p, ret);
}

/* ---- callbacks of llhttp ---- */

/* Place of a byte of the head. */
static uint16_t place_of(const struct http1_parser *p, const char *at) {
    return (uint16_t)(p->head_bytes + (size_t)(at - p->input));
}

static int on_method(llhttp_t *http, const char *at, size_t len) {
    struct http1_parser *p = parser_of(http);
    p->method_len = (uint16_t)(place_of(p, at) + len);
    return HPE_OK;
}

static int on_url(llhttp_t *http, const char *at, size_t len) {
    struct http1_parser *p = parser_of(http);
    if (p->target_at == 0) {
        p->target_at = place_of(p, at);
    }
    p->target_len = (uint16_t)(place_of(p, at) + len - p->target_at);
    return HPE_OK;
}

static int on_version_complete(llhttp_t *http) {
    struct http1_parser *p = parser_of(http);
    if (http->http_major != 1) {
        return sio__http1_refuse(p, 505, "HTTP version is neither 1.0 nor 1.1");
    }
    p->has_version = true;
    return HPE_OK;
}

static int add_field(struct http1_parser *p, const char *at) {
    struct http1_head *head = &p->head;
    if (sio__vec_reserve(&head->fields, &p->fields_cap, head->field_count + 1,
                         sizeof(head->fields[0])) < 0) {
        return sio__http1_refuse(p, 500, OUT_OF_MEMORY);
    }
    head->fields[head->field_count] = (struct http1_field){.name_at = place_of(p, at)};
    head->field_count++;
    p->span = SPAN_NAME;
    return HPE_OK;
}

static int on_header_field(llhttp_t *http, const char *at, size_t len) {
    struct http1_parser *p = parser_of(http);
    if (p->phase != PHASE_HEAD) {
        return HPE_OK; /* the trailer is read over */
    }
    if (p->span != SPAN_NAME) {
        int r = add_field(p, at);
        if (r != HPE_OK) {
            return r;
        }
    }
    struct http1_field *field = &p->head.fields[p->head.field_count - 1];
    field->name_len = (uint16_t)(place_of(p, at) + len - field->name_at);
    return HPE_OK;
}

/* The number is checked here, because a name that is cut is seen earlier than one that is not. */
static int on_header_field_complete(llhttp_t *http) {
    struct http1_parser *p = parser_of(http);
    if (p->phase == PHASE_HEAD && p->head.field_count > max_headers(p)) {
        return sio__http1_refuse(p, 431, "too many header fields");
    }
    return HPE_OK;
}

static int on_header_value(llhttp_t *http, const char *at, size_t len) {
    struct http1_parser *p = parser_of(http);
    if (p->phase != PHASE_HEAD) {
        return HPE_OK;
    }
    struct http1_field *field = &p->head.fields[p->head.field_count - 1];
    if (p->span != SPAN_VALUE) {
        p->span = SPAN_VALUE;
        field->value_at = place_of(p, at);
    }
    field->value_len = (uint16_t)(place_of(p, at) + len - field->value_at);
    return HPE_OK;
}

static int on_headers_complete(llhttp_t *http) {
    (void)http;
    return HPE_PAUSED;
}

static int on_chunk_header(llhttp_t *http) {
    struct http1_parser *p = parser_of(http);
    if (http->content_length > p->limits->max_body_bytes - p->body_bytes) {
        return sio__http1_refuse(p, 413, BODY_TOO_LARGE);
    }
    p->body_bytes += http->content_length;
    return HPE_OK;
}

static int on_body(llhttp_t *http, const char *at, size_t len) {
    if (len == 0) {
        return HPE_OK;
    }
    parser_of(http)->piece = (struct text){at, len};
    return HPE_PAUSED;
}

static int on_message_complete(llhttp_t *http) {
    (void)http;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_method = on_method,
    .on_url = on_url,
    .on_version_complete = on_version_complete,
    .on_header_field = on_header_field,
    .on_header_field_complete = on_header_field_complete,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_chunk_header = on_chunk_header,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

/* ---- life ---- */

static void init(struct http1_parser *p, const struct http1_limits *limits, llhttp_type_t type) {
    *p = (struct http1_parser){.limits = limits};
    p->phase = type == HTTP_RESPONSE ? PHASE_HEAD : PHASE_START;
    sio__buf_init(&p->bytes, HTTP1_HEAD_MAX);
    llhttp_init(&p->http, type, &settings);
}

void sio__http1_init(struct http1_parser *p, const struct http1_limits *limits) {
    init(p, limits, HTTP_REQUEST);
}

void sio__http1_init_responses(struct http1_parser *p, const struct http1_limits *limits) {
    init(p, limits, HTTP_RESPONSE);
}

void sio__http1_set_method(struct http1_parser *p, struct text method) {
    p->asked_head = sio__text_eq(method, SIO_TEXT("HEAD"));
}

void sio__http1_done(struct http1_parser *p) {
    if (p == NULL) {
        return;
    }
    sio__buf_done(&p->bytes);
    sio__free(p->head.fields);
    p->head = (struct http1_head){0};
    p->fields_cap = 0;
}

void sio__http1_next_message(struct http1_parser *p) {
    struct buf bytes = p->bytes;
    struct http1_field *fields = p->head.fields;
    uint32_t fields_cap = p->fields_cap;
    init(p, p->limits, sio__http1_is_response(p) ? HTTP_RESPONSE : HTTP_REQUEST);
    if (fields_cap > KEEP_FIELDS) {
        sio__free(fields);
    } else {
        p->head.fields = fields;
        p->fields_cap = fields_cap;
    }
    if (bytes.cap > KEEP_BYTES) {
        sio__buf_done(&bytes);
    }
    p->bytes = bytes;
    sio__buf_clear(&p->bytes);
}

/* Drops an interim response: the next head answers the same request. */
static void skip_interim(struct http1_parser *p) {
    bool asked_head = p->asked_head;
    uint8_t interim_count = p->interim_count;
    sio__http1_next_message(p);
    p->asked_head = asked_head;
    p->interim_count = interim_count;
}

/* Lets the head point into the memory that begins with its first byte. */
static void set_base(struct http1_parser *p, const char *base, size_t len) {
    p->head.raw = (struct text){base, len};
    p->head.method = (struct text){base, p->method_len};
    p->head.target = (struct text){base + p->target_at, p->target_len};
}

int sio__http1_keep(struct http1_parser *p) {
    struct text raw = p->head.raw;
    if (raw.len == 0 || p->bytes.len > 0) {
        return 0;
    }
    int r = sio__buf_append_text(&p->bytes, raw);
    if (r < 0) {
        return r;
    }
    set_base(p, (const char *)p->bytes.data, raw.len);
    return 0;
}

/* ---- the head ---- */

/* Of the transfer codings only "chunked" is known, and there is none in HTTP/1.0. llhttp has to
 * take it for that too, as it reads the chunks: it does not with a tab behind it. */
int sio__http1_check_coding(struct http1_parser *p) {
    struct http1_head *head = &p->head;
    uint32_t count = sio__http1_field_count(head, "transfer-encoding");
    if (count == 0) {
        return 0;
    }
    struct text value = sio__http1_field(head, "transfer-encoding");
    if (head->minor == 0 || value.len == 0) {
        return sio__http1_refuse(p, 400, "Transfer-Encoding is empty or in HTTP/1.0");
    }
    bool is_chunked = (p->http.flags & F_CHUNKED) != 0;
    if (count > 1 || !is_chunked || !sio__text_eq_nocase(value, SIO_TEXT("chunked"))) {
        return sio__http1_refuse(p, 501, "transfer coding is not just \"chunked\"");
    }
    head->chunked = true;
    return 0;
}

/* Blanks behind a value are not a part of it (RFC 9110 5.5); llhttp drops those before it. */
static void trim_values(struct http1_head *head) {
    for (uint32_t i = 0; i < head->field_count; i++) {
        struct http1_field *field = &head->fields[i];
        struct text value = {head->raw.data + field->value_at, field->value_len};
        field->value_len = (uint16_t)sio__text_trim(value).len;
    }
}

/* RFC 9112 9.3 */
static bool persists(const struct http1_parser *p) {
    bool asked = p->head.minor > 0 || (p->http.flags & F_CONNECTION_KEEP_ALIVE) != 0;
    return asked && (p->http.flags & F_CONNECTION_CLOSE) == 0;
}

/* The head is complete. */
static enum http1_event end_head(struct http1_parser *p, const char *base, size_t len,
                                 struct http1_result *ret) {
    struct http1_head *head = &p->head;
    set_base(p, base, len);
    trim_values(head);
    head->minor = p->http.http_minor;
    head->keep_alive = persists(p);
    head->upgrade = head->minor > 0 && p->http.upgrade != 0;
    head->has_length = (p->http.flags & F_CONTENT_LENGTH) != 0;
    head->content_length = head->has_length ? p->http.content_length : 0;
    enum http1_phase phase =
        sio__http1_is_response(p) ? sio__http1_end_response(p) : sio__http1_end_request(p);
    if (phase == PHASE_FAILED) {
        return failed(p, ret);
    }
    if (phase == PHASE_CHUNKS) {
        llhttp_resume(&p->http);
    }
    p->phase = (uint8_t)phase;
    p->body_left = phase == PHASE_TO_END ? p->limits->max_body_bytes : head->content_length;
    p->head_bytes = 0;
    return HTTP1_HEAD;
}

/* llhttp has found an error, or a callback has. */
static enum http1_event llhttp_failed(struct http1_parser *p, llhttp_errno_t e,
                                      struct http1_result *ret) {
    if (p->phase == PHASE_FAILED) {
        return failed(p, ret);
    }
    int status = e == HPE_INVALID_VERSION && !p->has_version ? 505 : 400;
    return fail(p, status, llhttp_get_error_reason(&p->http), ret);
}

/* The parser may have been moved since the last time. */
static llhttp_errno_t execute(struct http1_parser *p, const char *data, size_t len) {
    p->http.data = p;
    p->input = data;
    return llhttp_execute(&p->http, data, len);
}

static enum http1_event parse_head(struct http1_parser *p, const char *data, size_t len,
                                   struct http1_result *ret) {
    size_t room = max_head(p) - p->head_bytes;
    size_t n = len < room ? len : room;
    llhttp_errno_t e = execute(p, data, n);
    if (e != HPE_OK && e != HPE_PAUSED) {
        return llhttp_failed(p, e, ret);
    }
    if (e == HPE_PAUSED) {
        n = (size_t)(llhttp_get_error_pos(&p->http) - data);
    }
    ret->used += n;
    if (e == HPE_PAUSED && p->bytes.len == 0) {
        return end_head(p, data, n, ret);
    }
    if (sio__buf_append(&p->bytes, data, n) < 0) {
        return fail(p, 500, OUT_OF_MEMORY, ret);
    }
    p->head_bytes += (uint32_t)n;
    if (e == HPE_PAUSED) {
        return end_head(p, (const char *)p->bytes.data, p->bytes.len, ret);
    }
    if (n == room) {
        bool in_target = !p->has_version && !sio__http1_is_response(p);
        return fail(p, in_target ? 414 : 431, "head is larger than the limit", ret);
    }
    return HTTP1_MORE;
}

/* Reads the head, and over those of interim responses. */
static enum http1_event parse_heads(struct http1_parser *p, const char *data, size_t len,
                                    struct http1_result *ret) {
    while (ret->used < len) {
        enum http1_event event = parse_head(p, data + ret->used, len - ret->used, ret);
        if (event != HTTP1_HEAD || p->phase != PHASE_HEAD) {
            return event;
        }
        skip_interim(p);
    }
    return HTTP1_MORE;
}

/* Skips the empty line that may stand before a request line; returns how many bytes were eaten. */
static size_t skip_empty_line(struct http1_parser *p, const char *data, size_t len) {
    size_t at = 0;
    while (at < len && p->phase < PHASE_HEAD) {
        if (p->phase == PHASE_START && data[at] == '\r') {
            p->phase = PHASE_CR;
        } else if (p->phase == PHASE_CR && data[at] == '\n') {
            p->phase = PHASE_LF;
        } else if (p->phase == PHASE_CR || data[at] == '\r' || data[at] == '\n') {
            sio__http1_refuse(p, 400, "request begins with line ends");
            break;
        } else {
            p->phase = PHASE_HEAD;
            break;
        }
        at++;
    }
    return at;
}

/* ---- bodies ---- */

/* The message goes on with the next input, so its head must not stay in this one. */
static enum http1_event more(struct http1_parser *p, struct http1_result *ret) {
    if (sio__http1_keep(p) < 0) {
        return fail(p, 500, OUT_OF_MEMORY, ret);
    }
    return HTTP1_MORE;
}

static enum http1_event parse_length(struct http1_parser *p, const char *data, size_t len,
                                     struct http1_result *ret) {
    if (p->head.content_length > p->limits->max_body_bytes) {
        return fail(p, 413, BODY_TOO_LARGE, ret);
    }
    if (len == 0) {
        return more(p, ret);
    }
    size_t n = len < p->body_left ? len : (size_t)p->body_left;
    p->body_left -= n;
    if (p->body_left == 0) {
        p->phase = PHASE_DONE;
    }
    ret->used = n;
    ret->body = (struct text){data, n};
    return HTTP1_BODY;
}

/* What of the body keeps the limit is given before the error, however the input is cut. */
static enum http1_event parse_to_end(struct http1_parser *p, const char *data, size_t len,
                                     struct http1_result *ret) {
    if (len == 0) {
        return more(p, ret);
    }
    if (p->body_left == 0) {
        return fail(p, 413, BODY_TOO_LARGE, ret);
    }
    size_t n = len < p->body_left ? len : (size_t)p->body_left;
    p->body_left -= n;
    ret->used = n;
    ret->body = (struct text){data, n};
    return HTTP1_BODY;
}

/* The input goes to llhttp in portions, so that framing is counted before it is too much. */
static enum http1_event parse_chunks(struct http1_parser *p, const char *data, size_t len,
                                     struct http1_result *ret) {
    if (len == 0) {
        return more(p, ret);
    }
    size_t room = max_head(p) - p->head_bytes;
    size_t n = len < room ? len : room;
    p->piece = (struct text){0};
    llhttp_errno_t e = execute(p, data, n);
    if (e == HPE_OK) {
        ret->used = n;
        p->head_bytes += (uint32_t)n;
        if (n == room) {
            return fail(p, 431, "chunk extension or trailer is larger than the limit", ret);
        }
        return more(p, ret);
    }
    if (e != HPE_PAUSED) {
        return llhttp_failed(p, e, ret);
    }
    ret->used = (size_t)(llhttp_get_error_pos(&p->http) - data);
    if (p->piece.len > 0) {
        p->head_bytes = 0;
        llhttp_resume(&p->http);
        ret->body = p->piece;
        return HTTP1_BODY;
    }
    p->phase = PHASE_DONE;
    return HTTP1_DONE;
}

enum http1_event sio__http1_parse(struct http1_parser *p, const char *data, size_t len,
                                  struct http1_result *ret) {
    ret->used = 0;
    if (p->phase < PHASE_HEAD) {
        ret->used = skip_empty_line(p, data, len);
    }
    switch ((enum http1_phase)p->phase) {
    case PHASE_START:
    case PHASE_CR:
    case PHASE_LF: return HTTP1_MORE;
    case PHASE_HEAD: return parse_heads(p, data, len, ret);
    case PHASE_LENGTH: return parse_length(p, data, len, ret);
    case PHASE_CHUNKS: return parse_chunks(p, data, len, ret);
    case PHASE_TO_END: return parse_to_end(p, data, len, ret);
    case PHASE_DONE: return HTTP1_DONE;
    case PHASE_FAILED: break;
    }
    return failed(p, ret);
}

enum http1_event sio__http1_end(struct http1_parser *p, struct http1_result *ret) {
    ret->used = 0;
    switch ((enum http1_phase)p->phase) {
    case PHASE_TO_END: p->phase = PHASE_DONE; return HTTP1_DONE;
    case PHASE_DONE: return HTTP1_DONE;
    case PHASE_FAILED: return failed(p, ret);
    default: return fail(p, 400, "input ends before the message does", ret);
    }
}
