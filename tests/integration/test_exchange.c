/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* Exchanges with a server whose every byte is the test's: requests, and answers of all kinds. What
 * becomes of the connection afterwards is in test_exchange_kept.c. */
#include "support/exchange_caller.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include <sio/error.h>

/* ---- requests ---- */

static void requests_have_the_fields_of_the_official_client(void **state) {
    (void)state;
    struct caller c;
    caller_begin(&c);
    caller_start(&c, &caller_get);
    struct peer_conn *conn = peer_accept(c.peer);
    peer_expect(conn, "GET /x?a=1 HTTP/1.1\r\nAccept: */*\r\nHost: a.example:81\r\n\r\n");
    peer_puts(conn, OK_EMPTY);
    caller_expect_answer(&c, 200, "");

    c.server.user_agent = SIO_TEXT("sio");
    c.server.fields = SIO_TEXT("X-A: 1\r\nX-B: 2\r\n");
    caller_start(&c, &caller_post);
    peer_expect(conn, "POST /x HTTP/1.1\r\nUser-Agent: sio\r\nAccept: */*\r\nX-A: 1\r\nX-B: 2\r\n"
                      "Content-type: text/plain;charset=UTF-8\r\nHost: a.example:81\r\n"
                      "Content-Length: 3\r\n\r\n4hi");
    peer_puts(conn, OK_HELLO);
    caller_expect_answer(&c, 200, "hello");
    caller_end(&c);
}

static void fields_of_the_application_come_first(void **state) {
    (void)state;
    struct caller c;
    caller_begin(&c);
    c.server.user_agent = SIO_TEXT("sio");
    c.server.fields = SIO_TEXT("hOST: b\r\nuser-agent: me\r\nACCEPT: text/plain\r\nHostile: 1\r\n");
    caller_start(&c, &caller_get);
    peer_expect(peer_accept(c.peer), "GET /x?a=1 HTTP/1.1\r\nhOST: b\r\nuser-agent: me\r\n"
                                     "ACCEPT: text/plain\r\nHostile: 1\r\n\r\n");
    caller_end(&c);
}

static void impossible_requests_are_refused(void **state) {
    (void)state;
    struct caller c;
    caller_begin(&c);
    struct exchange_request r = caller_get;
    r.target = SIO_TEXT("/a b");
    assert_int_equal(sio__exchange_start(c.exchange, &r), SIO_ERR_INVALID);
    r.target = SIO_TEXT("/a\r\nX: y");
    assert_int_equal(sio__exchange_start(c.exchange, &r), SIO_ERR_INVALID);
    r = caller_get;
    r.method = SIO_TEXT("G T");
    assert_int_equal(sio__exchange_start(c.exchange, &r), SIO_ERR_INVALID);
    r = caller_get;
    r.body = SIO_TEXT("x");
    assert_int_equal(sio__exchange_start(c.exchange, &r), SIO_ERR_INVALID);
    assert_false(sio__exchange_busy(c.exchange));
    caller_start(&c, &caller_get);
    assert_int_equal(sio__exchange_start(c.exchange, &caller_get), SIO_ERR_STATE);
    caller_end(&c);
}

static void bodies_of_many_megabytes_are_sent(void **state) {
    (void)state;
    enum { BYTES = 8 << 20 };
    struct caller c;
    caller_begin(&c);
    char *body = malloc(BYTES);
    assert_non_null(body);
    memset(body, 'b', BYTES);
    struct exchange_request r = caller_post;
    r.body = (struct text){body, BYTES};
    caller_start(&c, &r);
    memset(body, 'x', BYTES); /* it was copied */
    struct peer_conn *conn = caller_accept(&c);
    memset(body, 'b', BYTES);
    peer_expect_bytes(conn, body, BYTES);
    peer_puts(conn, OK_HELLO);
    caller_expect_answer(&c, 200, "hello");
    free(body);
    caller_end(&c);
}

/* ---- answers ---- */

static void answers_are_taken_however_they_are_cut(void **state) {
    (void)state;
    static const struct {
        const char *answer;
        int status;
        const char *body;
        bool closes; /* the answer ends with the connection */
        bool kept;
    } cases[] = {
        {OK_HELLO, 200, "hello", false, true},
        {OK_EMPTY, 200, "", false, true},
        {"HTTP/1.1 204 No Content\r\n\r\n", 204, "", false, true},
        {"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno", 400, "no", false, true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\n"
         "Trailer: 1\r\n\r\n",
         200, "hello", false, true},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" OK_HELLO, 200,
         "hello", false, true},
        {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello", 200, "hello",
         false, false},
        {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", false, false},
        {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello", 200,
         "hello", false, true},
        {"HTTP/1.1 200 OK\r\n\r\nhello", 200, "hello", true, false},
        {"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", 101, "",
         false, false},
        {OK_HELLO "HTTP/1.1 200 OK\r\n", 200, "hello", false, false},
        {"HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello", 200,
         "hello", false, true},
        {"HTTP/1.1 403 No\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello", 403, "",
         false, true},
    };
    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
        const char *answer = cases[i / 2].answer;
        struct caller c;
        caller_begin(&c);
        caller_start(&c, &caller_get);
        struct peer_conn *conn = caller_accept(&c);
        if (i % 2 == 0) {
            peer_puts(conn, answer);
        } else {
            peer_dribble(conn, answer, strlen(answer));
        }
        if (cases[i / 2].closes) {
            peer_finish(conn);
        }
        caller_expect_answer(&c, cases[i / 2].status, cases[i / 2].body);
        peer_turn(c.peer);
        assert_int_equal(c.peer->reactor.stats.streams, cases[i / 2].kept);
        caller_end(&c);
    }
}

static void answers_of_many_small_chunks_are_joined(void **state) {
    (void)state;
    enum { CHUNKS = 20000 };
    struct caller c;
    caller_begin(&c);
    caller_start(&c, &caller_get);
    struct peer_conn *conn = caller_accept(&c);
    peer_puts(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < CHUNKS; i++) {
        peer_puts(conn, "1\r\nx\r\n");
    }
    peer_puts(conn, "0\r\n\r\n");
    peer_run(c.peer, caller_is_idle, &c);
    assert_int_equal(c.status, 200);
    assert_int_equal(c.body_len, CHUNKS);
    caller_end(&c);
}

static void malformed_answers_are_failures(void **state) {
    (void)state;
    static const struct {
        const char *answer;
        int status;
    } cases[] = {
        {"garbage\r\n\r\n", SIO_ERR_PROTO},
        {"HTTP/2.0 200 OK\r\n\r\n", SIO_ERR_PROTO},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", SIO_ERR_PROTO},
        {"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", SIO_ERR_PROTO},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", SIO_ERR_PROTO},
        {"HTTP/1.1 200 OK\r\nContent-Length: 100001\r\n\r\n", SIO_ERR_TOO_BIG},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n186a1\r\n", SIO_ERR_TOO_BIG},
        {"HTTP/1.1 200 OK\r\nA:1\r\nA:1\r\nA:1\r\nA:1\r\nA:1\r\nA:1\r\nA:1\r\nA:1\r\nA:1\r\nA:1\r\n"
         "A:1\r\n\r\n",
         SIO_ERR_TOO_BIG},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct caller c;
        caller_begin(&c);
        caller_start(&c, &caller_get);
        struct peer_conn *conn = caller_accept(&c);
        peer_puts(conn, cases[i].answer);
        caller_expect(&c, true);
        assert_int_equal(c.status, cases[i].status);
        assert_true(c.text[0] != '\0');
        peer_expect_end(conn);
        (void)caller_exchange(&c, OK_HELLO, "hello");
        caller_end(&c);
    }
}

static void heads_and_bodies_are_bounded(void **state) {
    (void)state;
    enum { BYTES = 100001 };
    static const char *const heads[] = {"", "HTTP/1.1 200 OK\r\nA: ", "HTTP/1.1 200 OK\r\n\r\n"};
    char *filler = malloc(BYTES);
    assert_non_null(filler);
    memset(filler, 'x', BYTES);
    for (size_t i = 1; i < sizeof heads / sizeof *heads; i++) {
        struct caller c;
        caller_begin(&c);
        caller_start(&c, &caller_get);
        struct peer_conn *conn = caller_accept(&c);
        peer_puts(conn, heads[i]);
        peer_send(conn, filler, BYTES);
        peer_run(c.peer, caller_is_idle, &c);
        assert_int_equal(c.status, SIO_ERR_TOO_BIG);
        caller_end(&c);
    }
    free(filler);
}

static void codings_that_were_not_asked_for_are_refused(void **state) {
    (void)state;
    struct caller c;
    caller_begin(&c);
    caller_start(&c, &caller_get);
    struct peer_conn *conn = caller_accept(&c);
    peer_puts(conn, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx");
    caller_expect_failure(&c, SIO_ERR_PROTO,
                          "the answer has a content coding, and none was asked for");
    caller_end(&c);
}

static void answers_that_are_cut_short_are_failures(void **state) {
    (void)state;
    static const char *const answers[] = {
        "H",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n",
    };
    struct caller c;
    caller_begin(&c);
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        caller_start(&c, &caller_get);
        struct peer_conn *conn = caller_accept(&c);
        peer_puts(conn, answers[i]);
        peer_finish(conn);
        caller_expect_failure(&c, SIO_ERR_CLOSED,
                              "the server closed the connection before the end of its answer");
    }
    caller_start(&c, &caller_get);
    peer_finish(caller_accept(&c));
    caller_expect_failure(&c, SIO_ERR_CLOSED, "the server closed the connection without an answer");
    caller_start(&c, &caller_post);
    peer_close(caller_accept(&c), true);
    caller_expect_failure(&c, UV_ECONNRESET, "read ECONNRESET a.example:81");
    caller_end(&c);
}

/* As of a server that refuses a large body by its length. */
static void answers_before_the_request_is_sent_end_the_connection(void **state) {
    (void)state;
    enum { BYTES = 32 << 20 };
    struct caller c;
    caller_begin(&c);
    char *body = calloc(1, BYTES);
    assert_non_null(body);
    struct exchange_request r = caller_post;
    r.body = (struct text){body, BYTES};
    caller_start(&c, &r);
    struct peer_conn *conn = caller_accept(&c);
    sio__stream_pause(conn->stream);
    peer_puts(conn, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig");
    caller_expect_answer(&c, 413, "big");
    assert_int_equal(c.peer->reactor.stats.streams, 0);
    free(body);
    caller_end(&c);
}

/* As of a server that refuses a large body, and closes without reading it. */
static void answers_before_a_reset_are_taken(void **state) {
    (void)state;
    struct caller c;
    caller_begin(&c);
    static const struct {
        const char *answer;
        const char *body; /* NULL: it is not complete */
    } CASES[] = {
        {"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbi", NULL},
        {"HTTP/1.1 413 Content Too Large\r\n\r\nbig", NULL},
        {"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig", "big"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        caller_start(&c, &caller_post);
        struct peer_conn *conn = caller_accept(&c);
        peer_puts(conn, CASES[i].answer);
        sio__stream_flush(conn->stream);
        peer_close(conn, true);
        if (CASES[i].body != NULL) {
            caller_expect_answer(&c, 413, CASES[i].body);
        } else {
            caller_expect_failure(&c, UV_ECONNRESET, "read ECONNRESET a.example:81");
        }
    }
    caller_end(&c);
}

/* ---- timeouts ---- */

static void answers_have_to_come_in_time(void **state) {
    (void)state;
    struct caller c;
    caller_begin(&c);
    c.server.request_timeout_ms = 200;
    caller_start(&c, &caller_get);
    struct peer_conn *conn = caller_accept(&c);
    peer_puts(conn, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell");
    caller_expect_failure(&c, SIO_ERR_TIMEOUT, "no answer within 200 ms");
    peer_expect_end(conn);
    c.server.request_timeout_ms = 0;
    (void)caller_exchange(&c, OK_HELLO, "hello");
    caller_end(&c);
}

static void failures_of_the_link_are_passed_on(void **state) {
    (void)state;
    struct caller c;
    char text[60];
    caller_begin(&c);
    struct tls_context *tls = NULL;
    char error[TLS_ERROR_CHARS];
    assert_int_equal(sio__tls_context_new(NULL, false, &tls, error), 0);
    (void)snprintf(text, sizeof text, "TLS handshake timeout 127.0.0.1:%u", (unsigned)c.peer->port);
    c.server.link.tls = tls;
    c.server.link_timeout_ms = 200;
    caller_start(&c, &caller_get);
    caller_expect_failure(&c, SIO_ERR_TIMEOUT, text);
    c.server.link_timeout_ms = 0;
    c.server.request_timeout_ms = 200;
    caller_start(&c, &caller_get);
    caller_expect_failure(&c, SIO_ERR_TIMEOUT, "no answer within 200 ms");
    sio__tls_context_free(tls);
    caller_end(&c);
}

/* ---- TLS ---- */

/* Without close_notify anyone could have cut it (RFC 9112 9.8). */
static void bodies_that_end_with_the_connection_need_close_notify(void **state) {
    (void)state;
    struct tls_context *server = NULL;
    struct tls_context *client = NULL;
    caller_tls_contexts(&server, &client);
    for (int in_order = 0; in_order < 2; in_order++) {
        struct caller c;
        caller_begin(&c);
        c.server.link.tls = client;
        caller_start(&c, &caller_get);
        struct peer_conn *conn = peer_accept(c.peer);
        peer_start_tls(conn, server);
        free(peer_head(conn));
        peer_puts(conn, "HTTP/1.1 200 OK\r\n\r\nhello");
        if (in_order == 1) {
            peer_finish(conn);
            caller_expect_answer(&c, 200, "hello");
        } else {
            peer_turn(c.peer);
            peer_close(conn, false);
            caller_expect_failure(&c, SIO_ERR_CLOSED,
                                  "the server closed the connection before the end of its answer");
        }
        caller_end(&c);
    }
    sio__tls_context_free(client);
    sio__tls_context_free(server);
}

static void failures_of_tls_are_told_in_its_words(void **state) {
    (void)state;
    struct tls_context *server = NULL;
    struct tls_context *client = NULL;
    struct caller c;
    caller_tls_contexts(&server, &client);
    caller_begin(&c);
    c.server.link.tls = client;
    caller_start(&c, &caller_get);
    struct peer_conn *conn = peer_accept(c.peer);
    peer_start_tls(conn, server);
    free(peer_head(conn));
    assert_int_equal(send(conn->stream->fd, "HTTP/1.1 200 OK\r\n\r\n", 19, 0), 19);
    caller_expect_failure(&c, SIO_ERR_TLS, "wrong version number");
    caller_end(&c);
    sio__tls_context_free(client);
    sio__tls_context_free(server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_have_the_fields_of_the_official_client),
        cmocka_unit_test(fields_of_the_application_come_first),
        cmocka_unit_test(impossible_requests_are_refused),
        cmocka_unit_test(bodies_of_many_megabytes_are_sent),
        cmocka_unit_test(answers_are_taken_however_they_are_cut),
        cmocka_unit_test(answers_of_many_small_chunks_are_joined),
        cmocka_unit_test(malformed_answers_are_failures),
        cmocka_unit_test(heads_and_bodies_are_bounded),
        cmocka_unit_test(codings_that_were_not_asked_for_are_refused),
        cmocka_unit_test(answers_that_are_cut_short_are_failures),
        cmocka_unit_test(answers_before_the_request_is_sent_end_the_connection),
        cmocka_unit_test(answers_before_a_reset_are_taken),
        cmocka_unit_test(answers_have_to_come_in_time),
        cmocka_unit_test(failures_of_the_link_are_passed_on),
        cmocka_unit_test(bodies_that_end_with_the_connection_need_close_notify),
        cmocka_unit_test(failures_of_tls_are_told_in_its_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
