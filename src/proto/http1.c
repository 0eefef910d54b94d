/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * HTTP/1 requests over llhttp, responses by hand.
 *
 * llhttp reads heads and chunked bodies; bodies of known length are counted here. It pushes, so its
 * callbacks pause it wherever an event is to be pulled. While a head is read only places are noted,
 * relative to its first byte, because the bytes themselves may yet move into the parser's buffer.
 *
 * llhttp is used without any of its lenient flags. What it lets through and this file does not:
 * more than one blank in the request line, other versions and protocols, fragments and CONNECT,
 * missing or repeated Host, all transfer codings but plain "chunked", endless chunk extensions.
 */
#include "proto/http1.h"

#include <sio/error.h>

#include "base/alloc.h"
#include "base/vec.h"

/* Memory that a connection keeps between two messages. */
#define KEEP_BYTES  4096
#define KEEP_FIELDS 64

#define OUT_OF_MEMORY "out of memory"

enum phase {
    PHASE_START, /* nothing came yet */
    PHASE_CR,    /* the first half of an empty line */
    PHASE_LF,    /* the empty line */
    PHASE_HEAD,
    PHASE_LENGTH, /* body of known length */
    PHASE_CHUNKS,
    PHASE_DONE,
    PHASE_FAILED,
};

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

/* Notes an error for the event; as result of a callback it stops llhttp. */
static int refuse(struct http1_parser *p, int status, const char *rule) {
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
    refuse(p, status, rule);
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
        return refuse(p, 505, "HTTP version is neither 1.0 nor 1.1");
    }
    p->has_version = true;
    return HPE_OK;
}

static int add_field(struct http1_parser *p, const char *at) {
    struct http1_head *head = &p->head;
    if (sio__vec_reserve(&head->fields, &p->fields_cap, head->field_count + 1,
                         sizeof(head->fields[0])) < 0) {
        return refuse(p, 500, OUT_OF_MEMORY);
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
        return refuse(p, 431, "too many header fields");
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
        return refuse(p, 413, "body is larger than the limit");
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

void sio__http1_init(struct http1_parser *p, const struct http1_limits *limits) {
    *p = (struct http1_parser){.limits = limits};
    sio__buf_init(&p->bytes, HTTP1_HEAD_MAX);
    llhttp_init(&p->http, HTTP_REQUEST, &settings);
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
    sio__http1_init(p, p->limits);
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

/* RFC 3986 3.2.2 and 3.2.3 by their characters; an empty one is allowed. */
static bool is_host(struct text host) {
    static const char others[] = "-._~%!$&'()*+,;=:[]";
    for (size_t i = 0; i < host.len; i++) {
        char c = host.data[i];
        char lower = sio__ascii_lower(c);
        bool alphanumeric = (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9');
        if (!alphanumeric && memchr(others, c, sizeof(others) - 1) == NULL) {
            return false;
        }
    }
    return true;
}

/* RFC 9112 3: one blank each between method, target and version. */
static int check_request_line(struct http1_parser *p) {
    const struct http1_head *head = &p->head;
    struct text version = SIO_TEXT(" HTTP/1.");
    size_t end = (size_t)p->target_at + p->target_len;
    struct text rest = {head->raw.data + end, head->raw.len - end};
    if (!p->has_version) {
        return refuse(p, 505, "HTTP version is neither 1.0 nor 1.1");
    }
    if (p->target_at != p->method_len + 1 || !sio__text_starts(rest, version)) {
        return refuse(p, 400, "malformed request line");
    }
    if (memchr(head->target.data, '#', head->target.len) != NULL) {
        return refuse(p, 400, "request target has a fragment");
    }
    if (p->http.method == HTTP_CONNECT) {
        return refuse(p, 501, "method CONNECT is for proxies");
    }
    return 0;
}

/* RFC 9112 6.1: of the transfer codings only "chunked" is known, and there is none in HTTP/1.0. */
static int check_transfer_coding(struct http1_parser *p) {
    struct http1_head *head = &p->head;
    uint32_t count = sio__http1_field_count(head, "transfer-encoding");
    if (count == 0) {
        return 0;
    }
    struct text value = sio__http1_field(head, "transfer-encoding");
    if (head->minor == 0 || value.len == 0) {
        return refuse(p, 400, "Transfer-Encoding is empty or in HTTP/1.0");
    }
    if (count > 1 || !sio__text_eq_nocase(value, SIO_TEXT("chunked"))) {
        return refuse(p, 501, "transfer coding is not just \"chunked\"");
    }
    head->chunked = true;
    return 0;
}

/* RFC 9112 3.2 */
static int check_host(struct http1_parser *p) {
    const struct http1_head *head = &p->head;
    uint32_t count = sio__http1_field_count(head, "host");
    if (count > 1 || (count == 0 && head->minor > 0)) {
        return refuse(p, 400, "Host is missing or repeated");
    }
    if (count == 1 && !is_host(sio__http1_field(head, "host"))) {
        return refuse(p, 400, "Host is malformed");
    }
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

/* The head is complete. */
static enum http1_event end_head(struct http1_parser *p, const char *base, size_t len,
                                 struct http1_result *ret) {
    struct http1_head *head = &p->head;
    set_base(p, base, len);
    trim_values(head);
    head->minor = p->http.http_minor;
    if (check_request_line(p) != 0 || check_transfer_coding(p) != 0 || check_host(p) != 0) {
        return failed(p, ret);
    }
    struct text expect = sio__http1_field(head, "expect");
    bool wants_continue = sio__text_eq_nocase(expect, SIO_TEXT("100-continue"));
    head->expect_continue = head->minor > 0 && wants_continue;
    head->keep_alive = llhttp_should_keep_alive(&p->http) != 0;
    head->upgrade = head->minor > 0 && p->http.upgrade != 0;
    head->has_length = (p->http.flags & F_CONTENT_LENGTH) != 0;
    head->content_length = head->has_length ? p->http.content_length : 0;
    p->body_left = head->content_length;
    p->head_bytes = 0;
    if (head->chunked) {
        p->phase = PHASE_CHUNKS;
        llhttp_resume(&p->http);
    } else {
        p->phase = p->body_left > 0 ? PHASE_LENGTH : PHASE_DONE;
    }
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
        bool in_target = !p->has_version;
        return fail(p, in_target ? 414 : 431, "head is larger than the limit", ret);
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
            refuse(p, 400, "request begins with line ends");
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
        return fail(p, 413, "body is larger than the limit", ret);
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
    switch ((enum phase)p->phase) {
    case PHASE_START:
    case PHASE_CR:
    case PHASE_LF: return HTTP1_MORE;
    case PHASE_HEAD:
        if (ret->used == len) {
            return HTTP1_MORE;
        }
        return parse_head(p, data + ret->used, len - ret->used, ret);
    case PHASE_LENGTH: return parse_length(p, data, len, ret);
    case PHASE_CHUNKS: return parse_chunks(p, data, len, ret);
    case PHASE_DONE: return HTTP1_DONE;
    case PHASE_FAILED: break;
    }
    return failed(p, ret);
}

/* ---- fields ---- */

void sio__http1_field_at(const struct http1_head *head, uint32_t i, struct text *ret_name,
                         struct text *ret_value) {
    const struct http1_field *field = &head->fields[i];
    *ret_name = (struct text){head->raw.data + field->name_at, field->name_len};
    *ret_value = (struct text){head->raw.data + field->value_at, field->value_len};
}

/* Whether field number i has this name; then its value is set. */
static bool match_field(const struct http1_head *head, uint32_t i, struct text name,
                        struct text *ret_value) {
    if (head->fields[i].name_len != name.len) {
        return false;
    }
    struct text found;
    sio__http1_field_at(head, i, &found, ret_value);
    return sio__text_eq_nocase(found, name);
}

struct text sio__http1_field(const struct http1_head *head, const char *name) {
    struct text wanted = sio__text_of(name);
    struct text value;
    for (uint32_t i = 0; i < head->field_count; i++) {
        if (match_field(head, i, wanted, &value)) {
            return value;
        }
    }
    return (struct text){0};
}

uint32_t sio__http1_field_count(const struct http1_head *head, const char *name) {
    struct text wanted = sio__text_of(name);
    struct text value;
    uint32_t count = 0;
    for (uint32_t i = 0; i < head->field_count; i++) {
        count += match_field(head, i, wanted, &value);
    }
    return count;
}

bool sio__http1_list_next(struct text *rest, struct text *ret_item) {
    size_t at = 0;
    struct text item = {0};
    while (at < rest->len && item.len == 0) {
        size_t begin = at;
        bool quoted = false;
        while (at < rest->len && (quoted || rest->data[at] != ',')) {
            if (rest->data[at] == '"') {
                quoted = !quoted;
            } else if (quoted && rest->data[at] == '\\' && at + 1 < rest->len) {
                at++;
            }
            at++;
        }
        item = sio__text_trim((struct text){rest->data + begin, at - begin});
        at += at < rest->len;
    }
    *rest = (struct text){at > 0 ? rest->data + at : rest->data, rest->len - at};
    if (item.len == 0) {
        return false;
    }
    *ret_item = item;
    return true;
}

bool sio__http1_list_has(const struct http1_head *head, const char *name, const char *token) {
    struct text wanted_name = sio__text_of(name);
    struct text wanted = sio__text_of(token);
    struct text rest;
    for (uint32_t i = 0; i < head->field_count; i++) {
        if (!match_field(head, i, wanted_name, &rest)) {
            continue;
        }
        struct text item;
        while (sio__http1_list_next(&rest, &item)) {
            if (sio__text_eq_nocase(item, wanted)) {
                return true;
            }
        }
    }
    return false;
}

/* ---- responses ---- */

const char *sio__http1_reason(int status) {
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {100, "Continue"},
        {101, "Switching Protocols"},
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"},
        {417, "Expectation Failed"},
        {421, "Misdirected Request"},
        {426, "Upgrade Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (reasons[i].status == status) {
            return reasons[i].reason;
        }
    }
    return "Unknown";
}

/* Writes parts one behind the other, all or none. */
static int write_parts(struct buf *out, const struct text *parts, size_t count) {
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        len += parts[i].len;
    }
    int r = sio__buf_reserve(out, len);
    for (size_t i = 0; i < count && r == 0; i++) {
        r = sio__buf_append_text(out, parts[i]);
    }
    return r;
}

int sio__http1_write_status(struct buf *out, int status) {
    if (status < 100 || status > 999) {
        return SIO_ERR_INVALID;
    }
    char digits[SIO_U64_CHARS];
    struct text number = {digits, sio__u64_write(digits, (uint64_t)status)};
    const struct text parts[] = {
        SIO_TEXT("HTTP/1.1 "), number, SIO_TEXT(" "), sio__text_of(sio__http1_reason(status)),
        SIO_TEXT("\r\n"),
    };
    return write_parts(out, parts, sizeof(parts) / sizeof(parts[0]));
}

int sio__http1_write_field(struct buf *out, struct text name, struct text value) {
    if (!sio__text_is_token(name) || !sio__text_is_field_value(value)) {
        return SIO_ERR_INVALID;
    }
    const struct text parts[] = {name, SIO_TEXT(": "), value, SIO_TEXT("\r\n")};
    return write_parts(out, parts, sizeof(parts) / sizeof(parts[0]));
}

int sio__http1_write_length(struct buf *out, uint64_t content_length) {
    char digits[SIO_U64_CHARS];
    struct text number = {digits, sio__u64_write(digits, content_length)};
    return sio__http1_write_field(out, SIO_TEXT("Content-Length"), number);
}

int sio__http1_write_end(struct buf *out) {
    return sio__buf_append_text(out, SIO_TEXT("\r\n"));
}
