/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "answer.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define HTTP_DATE "%a, %d %b %Y %H:%M:%S GMT"

const char *answer_path(const sio_request *req) {
    const char *url = sio_request_url(req);
    const char *authority = NULL;
    if (strncasecmp(url, "http://", 7) == 0) {
        authority = url + 7;
    } else if (strncasecmp(url, "https://", 8) == 0) {
        authority = url + 8;
    }
    if (authority == NULL) {
        return url;
    }
    const char *path = authority + strcspn(authority, "/?");
    return *path == '\0' ? "/" : path;
}

void answer_text(sio_response *res, int status, const char *text) {
    char line[128];
    int len = snprintf(line, sizeof line, "%s\n", text);
    sio_headers *headers = sio_response_headers(res);
    sio_headers_set(headers, "Content-Type", "text/plain; charset=utf-8");
    sio_headers_set(headers, "X-Content-Type-Options", "nosniff");
    sio_response_send(res, status, line, len > 0 ? (size_t)len : 0);
}

bool answer_allows(const sio_request *req, sio_response *res) {
    const char *method = sio_request_method(req);
    if (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0) {
        return true;
    }
    sio_headers_set(sio_response_headers(res), "Allow", "GET, HEAD");
    answer_text(res, 405, "method not allowed");
    return false;
}

/* Takes the next element off a comma-separated list; false at its end. */
static bool next_element(const char **list, const char **ret_start, size_t *ret_len) {
    const char *start = *list + strspn(*list, ", \t");
    if (*start == '\0') {
        return false;
    }
    size_t len = strcspn(start, ",");
    *list = start + len;
    while (start[len - 1] == ' ' || start[len - 1] == '\t') {
        len--;
    }
    *ret_start = start;
    *ret_len = len;
    return true;
}

/* Weak comparison (RFC 9110 8.8.3.2). Our own tags hold no comma, so a list can be cut at them. */
static bool list_has_etag(const char *list, const char *etag) {
    const char *opaque = etag + (strncmp(etag, "W/", 2) == 0 ? 2 : 0);
    const char *element = NULL;
    size_t len = 0;
    while (next_element(&list, &element, &len)) {
        if (len == 1 && element[0] == '*') {
            return true;
        }
        if (len > 2 && strncmp(element, "W/", 2) == 0) {
            element += 2;
            len -= 2;
        }
        if (len == strlen(opaque) && memcmp(element, opaque, len) == 0) {
            return true;
        }
    }
    return false;
}

bool answer_is_fresh(const sio_request *req, const struct representation *r) {
    const char *tags = sio_request_header(req, "If-None-Match");
    if (tags != NULL) {
        return r->etag != NULL && list_has_etag(tags, r->etag);
    }
    const char *since = sio_request_header(req, "If-Modified-Since");
    struct tm date = {0};
    if (since == NULL || r->modified == 0) {
        return false;
    }
    const char *end = strptime(since, HTTP_DATE, &date);
    return end != NULL && *end == '\0' && r->modified <= timegm(&date);
}

static void set_validators(sio_headers *headers, const struct representation *r) {
    struct tm utc = {0};
    char date[DATE_BYTES];
    if (r->etag != NULL) {
        sio_headers_set(headers, "ETag", r->etag);
    }
    if (r->modified != 0 && gmtime_r(&r->modified, &utc) != NULL &&
        strftime(date, sizeof date, HTTP_DATE, &utc) > 0) {
        sio_headers_set(headers, "Last-Modified", date);
    }
    if (r->cache != NULL) {
        sio_headers_set(headers, "Cache-Control", r->cache);
    }
    if (r->varies) {
        sio_headers_set(headers, "Vary", "Accept-Encoding");
    }
}

void answer_body(sio_response *res, const struct representation *r, const void *body, size_t len) {
    sio_headers *headers = sio_response_headers(res);
    sio_headers_set(headers, "Content-Type", r->type);
    if (r->encoding != NULL) {
        sio_headers_set(headers, "Content-Encoding", r->encoding);
    }
    sio_headers_set(headers, "X-Content-Type-Options", "nosniff");
    set_validators(headers, r);
    sio_response_send(res, 200, body, len);
}

void answer_not_modified(sio_response *res, const struct representation *r) {
    set_validators(sio_response_headers(res), r);
    sio_response_send(res, 304, NULL, 0);
}

/* True when the parameters of an element are a weight of zero: "not this one". */
static bool is_refused(const char *parameters, size_t len) {
    size_t at = 0;
    while (at < len && strchr("; \t", parameters[at]) != NULL) {
        at++;
    }
    if (len - at < 3 || strncasecmp(parameters + at, "q=0", 3) != 0) {
        return false;
    }
    for (at += 3; at < len; at++) {
        if (parameters[at] != '.' && parameters[at] != '0') {
            return false;
        }
    }
    return true;
}

bool answer_may_encode(const sio_request *req, const char *coding) {
    const char *list = sio_request_header(req, "Accept-Encoding");
    const char *element = NULL;
    size_t len = 0;
    while (list != NULL && next_element(&list, &element, &len)) {
        size_t name = 0;
        while (name < len && strchr("; \t", element[name]) == NULL) {
            name++;
        }
        if (name == strlen(coding) && strncasecmp(element, coding, name) == 0) {
            return !is_refused(element + name, len - name);
        }
    }
    return false;
}
