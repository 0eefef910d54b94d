/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "support/link_attempt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/dialer.h"

struct cert *attempt_root;
struct tls_context *attempt_server;

struct tls_context *attempt_context(const struct tls_options *o, bool is_server) {
    struct tls_context *c = NULL;
    char error[TLS_ERROR_CHARS];
    if (sio__tls_context_new(o, is_server, &c, error) < 0) {
        fail_msg("%s", error);
    }
    return c;
}

int attempt_setup(void **state) {
    (void)state;
    resolver_init();
    attempt_root = cert_make(&(struct cert_spec){.name = "root", .authority = true});
    struct cert *good = cert_make(&(struct cert_spec){
        .name = "good", .alt = "DNS:" ATTEMPT_SERVER ",IP:127.0.0.1", .issuer = attempt_root});
    attempt_server = attempt_context(
        &(struct tls_options){.cert_pem = cert_pem(good), .key_pem = cert_key(good)}, true);
    cert_free(good);
    return 0;
}

int attempt_teardown(void **state) {
    (void)state;
    sio__tls_context_free(attempt_server);
    cert_free(attempt_root);
    return 0;
}

/* ---- the link, and what comes of it ---- */

static void on_input(struct stream *s, uint8_t *data, size_t len) {
    struct attempt *a = sio__stream_owner(s);
    assert_true(a->in_len + len < sizeof a->in);
    memcpy(a->in + a->in_len, data, len);
    a->in_len += len;
    a->in[a->in_len] = '\0';
}

static void on_end(struct stream *s, int status) {
    (void)s;
    fail_msg("the stream has ended: %d", status);
}

static void on_drain(struct stream *s) {
    (void)s;
}

static const struct stream_ops stream_ops = {
    .on_input = on_input, .on_end = on_end, .on_drain = on_drain};

static void on_ready(void *owner, struct stream *stream) {
    struct attempt *a = owner;
    a->calls++;
    uv_stop(&a->peer->loop);
    sio__stream_set_owner(stream, &stream_ops, a);
    a->stream = stream;
    if (a->cancels) {
        sio__link_cancel(a->link);
    }
    if (a->closes) {
        sio__stream_close(stream);
        a->stream = NULL;
    }
}

static void on_failed(void *owner, int status, const char *text) {
    struct attempt *a = owner;
    a->calls++;
    uv_stop(&a->peer->loop);
    a->status = status;
    (void)snprintf(a->text, sizeof a->text, "%s", text);
    if (a->cancels) {
        sio__link_cancel(a->link);
    }
}

const struct link_ops attempt_ops = {.on_ready = on_ready, .on_failed = on_failed};

bool attempt_is_over(void *arg) {
    return ((const struct attempt *)arg)->calls > 0;
}

void attempt_start(struct attempt *a, struct peer *p, uint32_t timeout_ms) {
    a->peer = p;
    a->calls = 0;
    assert_int_equal(
        sio__link_start(&p->reactor, &a->target, timeout_ms, &attempt_ops, a, &a->link), 0);
    assert_int_equal(a->calls, 0);
}

void attempt_close(struct attempt *a) {
    if (a->stream != NULL) {
        sio__stream_close(a->stream);
        a->stream = NULL;
    }
}

struct attempt attempt_direct(const struct peer *p) {
    return (struct attempt){.target = {.host = SIO_TEXT("127.0.0.1"), .port = p->port}};
}

void attempt_through(struct attempt *a, const struct peer *p, const char *scheme,
                     const char *login) {
    char url[600];
    const char *rule = "";
    *a = (struct attempt){.target = {.host = SIO_TEXT(ATTEMPT_SERVER), .port = 8443}};
    (void)snprintf(url, sizeof url, "%s://%s%s127.0.0.1:%u", scheme, login,
                   login[0] != '\0' ? "@" : "", (unsigned)p->port);
    assert_int_equal(sio__proxy_init(&a->proxy, sio__text_of(url), &rule), 0);
    a->target.proxy = &a->proxy;
}

void attempt_expect_failure(struct attempt *a, int status, const char *format, ...) {
    char text[400];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    peer_run(a->peer, attempt_is_over, a);
    assert_null(a->stream);
    assert_string_equal(a->text, text);
    assert_int_equal(a->status, status);
    peer_turn(a->peer);
    assert_int_equal(a->calls, 1);
    assert_int_equal(a->peer->reactor.stats.streams, 0);
}

static bool has_input(void *arg) {
    return ((const struct attempt *)arg)->in_len == 5;
}

void attempt_expect_ready(struct attempt *a, struct peer_conn *c) {
    peer_run(a->peer, attempt_is_over, a);
    assert_string_equal(a->text, "");
    assert_non_null(a->stream);
    assert_int_equal(a->in_len, 0);
    assert_int_equal(sio__stream_write(a->stream, "ping", 4, NULL, 0), 0);
    peer_expect(c, "ping");
    peer_puts(c, "hello");
    peer_run(a->peer, has_input, a);
    assert_string_equal(a->in, "hello");
    assert_int_equal(a->calls, 1);
    attempt_close(a);
}
