/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Heads of requests and responses, written by hand. Whatever comes from outside is checked here, so
 * that no value can end its line and begin another one.
 */
#include "proto/http1.h"

#include <sio/error.h>

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

/* What RFC 9112 3.2 lets through: no blanks, no control bytes, no fragment; ASCII. */
static bool is_target(struct text target) {
    for (size_t i = 0; i < target.len; i++) {
        char c = target.data[i];
        if (c <= ' ' || c > '~' || c == '#') {
            return false;
        }
    }
    return target.len > 0;
}

int sio__http1_write_request_line(struct buf *out, struct text method, struct text target) {
    if (!sio__text_is_token(method) || !is_target(target)) {
        return SIO_ERR_INVALID;
    }
    const struct text parts[] = {method, SIO_TEXT(" "), target, SIO_TEXT(" HTTP/1.1\r\n")};
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

/* Whether there is a field of this name among lines of a head. */
static bool has_field(struct text lines, struct text name) {
    struct text line;
    while (sio__text_cut(&lines, '\n', &line)) {
        struct text line_name;
        if (sio__text_cut(&line, ':', &line_name) && line.data != NULL &&
            sio__text_eq_nocase(line_name, name)) {
            return true;
        }
    }
    return false;
}

int sio__http1_write_default(struct buf *out, struct text others, struct text name,
                             struct text value) {
    if (value.len == 0 || has_field(others, name)) {
        return 0;
    }
    return sio__http1_write_field(out, name, value);
}
