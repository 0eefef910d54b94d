/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * What is particular to the heads of requests.
 *
 * llhttp lets through and this file does not: more than one blank in the request line, other
 * protocols, fragments and CONNECT, a missing or repeated Host.
 */
#include "proto/http1_core.h"

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
        return sio__http1_refuse(p, 505, "HTTP version is neither 1.0 nor 1.1");
    }
    if (p->target_at != p->method_len + 1 || !sio__text_starts(rest, version)) {
        return sio__http1_refuse(p, 400, "malformed request line");
    }
    if (memchr(head->target.data, '#', head->target.len) != NULL) {
        return sio__http1_refuse(p, 400, "request target has a fragment");
    }
    if (p->http.method == HTTP_CONNECT) {
        return sio__http1_refuse(p, 501, "method CONNECT is for proxies");
    }
    return 0;
}

/* RFC 9112 3.2 */
static int check_host(struct http1_parser *p) {
    const struct http1_head *head = &p->head;
    uint32_t count = sio__http1_field_count(head, "host");
    if (count > 1 || (count == 0 && head->minor > 0)) {
        return sio__http1_refuse(p, 400, "Host is missing or repeated");
    }
    if (count == 1 && !is_host(sio__http1_field(head, "host"))) {
        return sio__http1_refuse(p, 400, "Host is malformed");
    }
    return 0;
}

enum http1_phase sio__http1_end_request(struct http1_parser *p) {
    struct http1_head *head = &p->head;
    if (check_request_line(p) != 0 || sio__http1_check_coding(p) != 0 || check_host(p) != 0) {
        return PHASE_FAILED;
    }
    struct text expect = sio__http1_field(head, "expect");
    bool wants_continue = sio__text_eq_nocase(expect, SIO_TEXT("100-continue"));
    head->expect_continue = head->minor > 0 && wants_continue;
    if (head->chunked) {
        return PHASE_CHUNKS;
    }
    return head->content_length > 0 ? PHASE_LENGTH : PHASE_DONE;
}
