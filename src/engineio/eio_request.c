/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "engineio/eio_request.h"

#include <sio/error.h>
#include <sio/reason.h>
#include <stdio.h>
#include <time.h>

void sio__eio_failure_set(struct eio_failure *f, int cause, int status, const char *format, ...) {
    va_list args;
    f->reason = SIO_REASON_TRANSPORT_ERROR;
    f->cause = cause;
    f->status = status;
    va_start(args, format);
    (void)vsnprintf(f->text, sizeof f->text, format, args);
    va_end(args);
}

int sio__eio_failure_cause(int status) {
    switch (status) {
    case SIO_ERR_NOMEM: return SIO_CAUSE_OUT_OF_MEMORY;
    case SIO_ERR_PROTO: return SIO_CAUSE_HANDSHAKE;
    case SIO_ERR_TOO_BIG: return SIO_CAUSE_MESSAGE_BYTES;
    case SIO_ERR_HTTP: return SIO_CAUSE_HTTP_STATUS;
    case SIO_ERR_CLOSED: return SIO_CAUSE_CONNECTION_LOST;
    default: return SIO_CAUSE_CONNECT_FAILED;
    }
}

int sio__eio_response_failure(const struct http1_parser *p, const struct http1_result *result,
                              int *ret_cause) {
    switch (result->status) {
    case 413: *ret_cause = SIO_CAUSE_MESSAGE_BYTES; return SIO_ERR_TOO_BIG;
    case 431:
        *ret_cause =
            sio__http1_has_too_many_fields(p) ? SIO_CAUSE_HEAD_COUNT : SIO_CAUSE_HEAD_BYTES;
        return SIO_ERR_TOO_BIG;
    case 500: *ret_cause = SIO_CAUSE_OUT_OF_MEMORY; return SIO_ERR_NOMEM;
    default: *ret_cause = SIO_CAUSE_HANDSHAKE; return SIO_ERR_PROTO;
    }
}

static struct timespec wall_clock(void) {
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return now;
}

static int put_timestamp(struct url_target *target, struct text name, struct reactor *r,
                         char *dst) {
    uint32_t random;
    int status = sio__rand_bytes(&r->random, &random, sizeof random);
    if (status < 0) {
        return status;
    }
    struct timespec now = wall_clock();
    uint64_t now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    target->timestamp_name = name;
    target->timestamp = sio__url_timestamp(now_ms, random, dst);
    return 0;
}

int sio__eio_request_target(const struct eio_client_config *config, struct reactor *r,
                            int transport, struct text sid, struct buf *out) {
    bool polls = transport == SIO_POLLING;
    struct text path = config->path;
    struct url_target target = {
        .path = path,
        .no_trailing_slash = path.len == 0 || path.data[path.len - 1] != '/',
        .query = config->query,
        .transport = polls ? SIO_TEXT("polling") : SIO_TEXT("websocket"),
        .base64 = config->force_base64 && (!polls || sid.len == 0),
        .sid = sid.len > 0 ? sid : (struct text){NULL, 0},
    };
    char timestamp[URL_TIMESTAMP_LEN];
    if (config->timestamp_always || (polls && !config->no_timestamp)) {
        int status = put_timestamp(&target, config->timestamp_param, r, timestamp);
        if (status < 0) {
            return status;
        }
    }
    return sio__url_write_target(out, &target);
}

/* @return number of cookies */
static int put_kept_cookies(const struct eio_client_config *config, struct text target,
                            size_t line_len, struct buf *out) {
    size_t room = line_len < EIO_COOKIE_LINE_MAX ? EIO_COOKIE_LINE_MAX - line_len : 0;
    if (config->cookies == NULL) {
        return 0;
    }
    return sio__cookie_jar_write(config->cookies, target, wall_clock().tv_sec, room, out);
}

int sio__eio_request_cookies(const struct eio_client_config *config, struct text target,
                             struct buf *out) {
    bool has_own = config->cookie.len > 0;
    size_t before = out->len;
    int r = sio__buf_append_str(out, "Cookie: ");
    r = r < 0 ? r : sio__buf_append_text(out, config->cookie);
    size_t own_end = has_own ? out->len : before;
    r = r < 0 || !has_own ? r : sio__buf_append_str(out, "; ");
    r = r < 0 ? r : put_kept_cookies(config, target, out->len - before, out);
    if (r == 0) {
        out->len = own_end;
    }
    if (r >= 0 && out->len > before) {
        r = sio__buf_append_str(out, "\r\n");
    }
    if (r < 0) {
        out->len = before;
    }
    return r;
}

void sio__eio_request_keep_cookies(const struct eio_client_config *config, struct text target,
                                   const struct http1_head *head) {
    if (config->cookies == NULL) {
        return;
    }
    for (uint32_t i = 0; i < head->field_count; i++) {
        struct text name;
        struct text value;
        sio__http1_field_at(head, i, &name, &value);
        if (sio__text_eq_nocase(name, SIO_TEXT("set-cookie"))) {
            (void)sio__cookie_jar_set(config->cookies, value, target, wall_clock().tv_sec);
        }
    }
}
