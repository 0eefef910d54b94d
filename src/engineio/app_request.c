/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "engineio/app_request.h"

#include <sio/error.h>

#include "base/alloc.h"
#include "engineio/http_conn.h"

struct sio_response {
    struct http_conn *conn; /* NULL when the client is gone */
    struct sio_headers headers;
};

static void free_response(struct sio_response *res) {
    sio__headers_done(&res->headers);
    sio__free(res);
}

void sio__app_request(struct http_conn *conn, struct text body) {
    struct engine *e = conn->engine;
    if (e->ops.on_request == NULL) {
        sio__http_answer_empty(conn, 404, false);
        return;
    }
    struct sio_response *res = sio__malloc(sizeof *res);
    const struct sio_request *request = sio__http_request(conn);
    if (res == NULL || request == NULL) {
        sio__free(res);
        sio__http_answer_empty(conn, 503, false);
        return;
    }
    res->conn = conn;
    sio__headers_init(&res->headers);
    conn->response = res;
    e->ops.on_request(request, body.data != NULL ? body.data : "", body.len, res,
                      e->ops.on_request_user);
}

void sio__app_request_abandon(struct http_conn *conn) {
    if (conn->response != NULL) {
        conn->response->conn = NULL;
        conn->response = NULL;
    }
}

sio_headers *sio_response_headers(sio_response *res) {
    return res != NULL ? &res->headers : NULL;
}

int sio_response_send(sio_response *res, int status, const void *body, size_t len) {
    if (res == NULL || status < 200 || status > 599 || (body == NULL && len > 0)) {
        return SIO_ERR_INVALID;
    }
    struct http_conn *conn = res->conn;
    int r = SIO_ERR_CLOSED;
    if (conn != NULL) {
        conn->response = NULL;
        r = res->headers.error;
        if (r == 0) {
            sio__http_answer(
                conn,
                &(struct answer){.status = status, .body = {body, len}, .fields = &res->headers});
        } else {
            sio__http_cut(conn);
        }
    }
    free_response(res);
    return r;
}
