/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "engineio/bundle.h"

#include <stdio.h>

#include "engineio/cors.h"
#include "engineio/http_conn.h"

const struct client_bundle_file *sio__bundle_find(const struct engine *e,
                                                  const struct http1_head *head) {
    struct text path = sio__target_path(head->target);
    if (e->options->o.no_client || head->upgrade || !sio__text_starts(path, e->options->path)) {
        return NULL;
    }
    struct text name = {path.data + e->options->path.len, path.len - e->options->path.len};
    if (name.len > 0 && name.data[0] == '/') { /* the path has no trailing slash of its own */
        name = (struct text){name.data + 1, name.len - 1};
    }
    if (name.len == 0) {
        return NULL; /* as most requests: none of the bundle's pages is touched for them */
    }
    for (size_t i = 0; i < sio__client_bundle_count; i++) {
        if (sio__text_eq(name, sio__text_of(sio__client_bundle[i].name))) {
            return &sio__client_bundle[i];
        }
    }
    return NULL;
}

static bool is_known(const struct http1_head *head, const char *etag) {
    struct text rest = sio__http1_field(head, "if-none-match");
    struct text item;
    while (rest.data != NULL && sio__http1_list_next(&rest, &item)) {
        if (sio__text_starts(item, SIO_TEXT("W/"))) {
            item = (struct text){item.data + 2, item.len - 2};
        }
        if (sio__text_eq(item, sio__text_of(etag))) {
            return true;
        }
    }
    return false;
}

static struct client_bundle_body choose(const struct client_bundle_file *file,
                                        const struct http1_head *head, const char **ret_encoding) {
    unsigned available =
        (file->gzip.data != NULL ? HTTP_GZIP : 0u) | (file->br.data != NULL ? HTTP_BR : 0u);
    switch (sio__http_encoding(head, available)) {
    case HTTP_BR: *ret_encoding = "br"; return file->br;
    case HTTP_GZIP: *ret_encoding = "gzip"; return file->gzip;
    default: *ret_encoding = NULL; return file->plain;
    }
}

void sio__bundle_answer(struct http_conn *conn) {
    struct engine *e = conn->engine;
    const struct http1_head *head = &conn->parser.head;
    char etag[64];
    snprintf(etag, sizeof etag, "\"%s\"", sio__client_bundle_version);
    sio__cors_headers(e->options->o.cors, head, &e->headers);
    sio__headers_put(&e->headers, "Cache-Control", SIO_TEXT("public, max-age=0"));
    sio__headers_put(&e->headers, "ETag", sio__text_of(etag));
    sio__headers_put(&e->headers, "Vary", SIO_TEXT("Accept-Encoding"));
    if (is_known(head, etag)) {
        sio__http_answer(conn, &(struct answer){.status = 304, .body = {"", 0}});
        return;
    }
    struct answer answer = {.status = 200, .content_type = conn->file->content_type};
    struct client_bundle_body body = choose(conn->file, head, &answer.encoding);
    answer.body = (struct text){(const char *)body.data, body.len};
    sio__http_answer(conn, &answer);
}
