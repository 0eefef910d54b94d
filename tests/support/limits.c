/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "support/limits.h"

#include <stdio.h>

static void on_request(const sio_request *req, const void *body, size_t len, sio_response *res,
                       void *user) {
    char text[24];
    (void)req;
    (void)body;
    (void)user;
    int n = snprintf(text, sizeof text, "%zu", len);
    assert_int_equal(sio_response_send(res, 200, text, (size_t)n), 0);
}

void limit_begin(struct limit_test *t, const sio_server_options *options,
                 void (*setup)(struct limit_test *t)) {
    sio_server_options o = *options;
    o.debug = "engine";
    harness_init(&t->h, &o);
    harness_echo(harness_root(&t->h));
    harness_observe(&t->h, harness_root(&t->h));
    sio_server_on_request(t->h.server, on_request, NULL);
    if (setup != NULL) {
        setup(t);
    }
    harness_listen(&t->h);
    t->bystander = client_join_root(&t->h);
}

void limit_expect_at(struct limit_test *t, int cause, const char *file, int line) {
    harness_wait_cause_at(&t->h, cause, file, line);
    if (!harness_logged(&t->h, sio_cause_text(cause))) {
        print_error("%s:%d: %s was not logged\n", file, line, sio_cause_name(cause));
        _fail(file, line);
    }
    client_expect_alive_at(t->bystander, file, line);
}

void limit_expect_none(struct limit_test *t, int cause) {
    assert_int_equal(harness_cause(&t->h, cause), 0);
}

void limit_expect_disconnect(struct limit_test *t, int reason, int cause) {
    harness_wait_count(&t->h, &t->h.seen.disconnects, 1);
    assert_int_equal(t->h.seen.reason, reason);
    assert_int_equal(t->h.seen.cause, cause);
    assert_int_equal(harness_cause(&t->h, cause), 1);
    assert_int_equal(harness_stats(&t->h).reasons[reason], 1);
}

void limit_end(struct limit_test *t) {
    client_expect_alive(t->bystander);
    client_close(t->bystander);
    harness_done(&t->h);
}
