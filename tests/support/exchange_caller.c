/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "support/exchange_caller.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sio/error.h>
#include <sio/reason.h>

#include "support/certs.h"

const struct exchange_request caller_get = {.method = {"GET", 3}, .target = {"/x?a=1", 6}};
const struct exchange_request caller_post = {
    .method = {"POST", 4},
    .target = {"/x", 2},
    .fields = {"Content-type: text/plain;charset=UTF-8\r\n", 40},
    .body = {"4hi", 3},
};

static void react(struct caller *c) {
    enum caller_reaction reaction = c->reaction;
    c->reaction = CALLER_RETURNS;
    uv_stop(&c->peer->loop);
    assert_false(sio__exchange_busy(c->exchange));
    if (reaction >= CALLER_RESTARTS) {
        assert_int_equal(sio__exchange_start(c->exchange, &caller_get), 0);
        assert_true(sio__exchange_busy(c->exchange));
    }
    if (reaction == CALLER_FREES || reaction == CALLER_RESTARTS_AND_FREES) {
        sio__exchange_free(c->exchange);
        c->exchange = NULL;
    }
}

static void on_answer(void *owner, const struct exchange_answer *answer) {
    struct caller *c = owner;
    c->answers++;
    react(c);
    /* All of it is still there. */
    c->status = answer->status;
    c->body_len = answer->body.len;
    (void)snprintf(c->text, sizeof c->text, "%.*s", (int)answer->body.len, answer->body.data);
    assert_int_equal(answer->head->status, answer->status);
    assert_true(sio__text_starts(answer->head->raw, SIO_TEXT("HTTP/1.")));
}

static void on_failed(void *owner, int cause, int status, const char *text) {
    struct caller *c = owner;
    assert_int_not_equal(cause, SIO_CAUSE_NONE);
    c->failures++;
    react(c);
    c->status = status;
    (void)snprintf(c->text, sizeof c->text, "%s", text);
}

const struct exchange_ops caller_ops = {.on_answer = on_answer, .on_failed = on_failed};

static const struct http1_limits limits = {
    .max_head_bytes = 1000, .max_headers = 10, .max_body_bytes = 100000};

void caller_set_up(struct caller *c, struct peer *p) {
    *c = (struct caller){.peer = p};
    c->server = (struct exchange_server){
        .link = {.host = SIO_TEXT("127.0.0.1"), .port = p->port},
        .authority = SIO_TEXT("a.example:81"),
        .limits = limits,
    };
}

void caller_begin(struct caller *c) {
    caller_set_up(c, peer_new());
    c->exchange = sio__exchange_new(&c->peer->reactor, &c->server, &caller_ops, c);
    assert_non_null(c->exchange);
}

void caller_end(struct caller *c) {
    sio__exchange_free(c->exchange);
    assert_int_equal(c->peer->reactor.stats.streams, 0);
    peer_turn(c->peer);
    peer_free(c->peer);
}

void caller_start(struct caller *c, const struct exchange_request *request) {
    int calls = c->answers + c->failures;
    assert_int_equal(sio__exchange_start(c->exchange, request), 0);
    assert_true(sio__exchange_busy(c->exchange));
    assert_int_equal(c->answers + c->failures, calls);
}

bool caller_is_idle(void *arg) {
    const struct caller *c = arg;
    return c->exchange == NULL || !sio__exchange_busy(c->exchange);
}

void caller_expect(struct caller *c, bool failure) {
    int failures = c->failures;
    int calls = c->answers + c->failures;
    peer_run(c->peer, caller_is_idle, c);
    c->told++;
    assert_int_equal(c->answers + c->failures, c->told);
    assert_true(calls == c->told || (c->failures > failures) == failure);
}

void caller_expect_answer(struct caller *c, int status, const char *body) {
    caller_expect(c, false);
    assert_string_equal(c->text, body);
    assert_int_equal(c->status, status);
}

void caller_expect_failure(struct caller *c, int status, const char *text) {
    caller_expect(c, true);
    assert_string_equal(c->text, text);
    assert_int_equal(c->status, status);
    assert_int_equal(c->peer->reactor.stats.streams, 0);
}

struct peer_conn *caller_accept(struct caller *c) {
    struct peer_conn *conn = peer_accept(c->peer);
    free(peer_head(conn));
    return conn;
}

struct peer_conn *caller_exchange(struct caller *c, const char *answer, const char *body) {
    caller_start(c, &caller_get);
    struct peer_conn *conn = caller_accept(c);
    peer_puts(conn, answer);
    caller_expect_answer(c, 200, body);
    return conn;
}

bool caller_has_no_stream(void *arg) {
    return ((const struct caller *)arg)->peer->reactor.stats.streams == 0;
}

void caller_tls_contexts(struct tls_context **ret_server, struct tls_context **ret_client) {
    struct cert *cert = cert_make(&(struct cert_spec){.name = "x"});
    char error[TLS_ERROR_CHARS];
    struct tls_options o = {.cert_pem = cert_pem(cert), .key_pem = cert_key(cert)};
    assert_int_equal(sio__tls_context_new(&o, true, ret_server, error), 0);
    o = (struct tls_options){.insecure = true};
    assert_int_equal(sio__tls_context_new(&o, false, ret_client, error), 0);
    cert_free(cert);
}
