/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "demo_page.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "answer.h"
#include "embedded.h"

#define FOLDER "chat/"

static const struct embedded_file *find(const char *url) {
    size_t len = strcspn(url, "?");
    if (len == 0 || url[0] != '/') {
        return NULL;
    }
    const char *name = url + 1;
    len--;
    if (len == 0) {
        name = "index.html";
        len = strlen(name);
    }
    for (const struct embedded_file *f = demo_files; f->name != NULL; f++) {
        const char *own = f->name + strlen(FOLDER);
        if (strlen(own) == len && memcmp(own, name, len) == 0) {
            return f;
        }
    }
    return NULL;
}

/* FNV-1a, 64 bits: tells versions of our own files apart. */
static uint64_t hash_of(const struct embedded_body *body) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < body->len; i++) {
        hash = (hash ^ body->data[i]) * 0x100000001b3u;
    }
    return hash;
}

void demo_page_answer(const sio_request *req, sio_response *res) {
    const struct embedded_file *f = find(answer_path(req));
    if (f == NULL) {
        answer_text(res, 404, "not found");
        return;
    }
    if (!answer_allows(req, res)) {
        return;
    }
    struct representation r = {.type = f->content_type, .cache = "no-cache", .varies = true};
    const struct embedded_body *body = &f->plain;
    if (f->br.len > 0 && answer_may_encode(req, "br")) {
        body = &f->br;
        r.encoding = "br";
    } else if (f->gzip.len > 0 && answer_may_encode(req, "gzip")) {
        body = &f->gzip;
        r.encoding = "gzip";
    }
    char etag[ETAG_BYTES];
    snprintf(etag, sizeof etag, "\"%016" PRIx64 "\"", hash_of(body));
    r.etag = etag;
    if (answer_is_fresh(req, &r)) {
        answer_not_modified(res, &r);
    } else {
        answer_body(res, &r, body->data, body->len);
    }
}
