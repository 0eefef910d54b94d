/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* Exchanges over kept connections, how they are given up, and how they do without memory. */
#include "support/exchange_caller.h"
#include "support/torture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sio/error.h>

/* ---- kept connections ---- */

static void connections_are_kept(void **state) {
    (void)state;
    struct caller c;
    caller_begin(&c);
    struct peer_conn *conn = caller_exchange(&c, OK_HELLO, "hello");
    for (int i = 0; i < 50; i++) {
        caller_start(&c, i % 2 == 0 ? &caller_post : &caller_get);
        free(peer_head(conn));
        if (i % 2 == 0) {
            peer_expect(conn, "4hi");
        }
        peer_puts(conn, OK_HELLO);
        caller_expect_answer(&c, 200, "hello");
    }
    assert_int_equal(c.peer->count, 1);
    caller_end(&c);
}

static void closed_connections_are_opened_anew(void **state) {
    (void)state;
    struct caller c;
    caller_begin(&c);
    for (int i = 0; i < 4; i++) {
        struct peer_conn *conn = caller_exchange(&c, OK_HELLO, "hello");
        if (i == 2) {
            peer_puts(conn, "HTTP/1.1 408 Request Timeout\r\n\r\n"); /* nobody has asked */
        } else {
            peer_close(conn, i == 1);
        }
        peer_run(c.peer, caller_has_no_stream, &c);
    }
    assert_int_equal(c.failures, 0);
    assert_int_equal(c.peer->count, 4);
    caller_end(&c);
}

/* The server closes it just when the next request is under way. */
static void gets_are_sent_again_when_the_kept_connection_breaks(void **state) {
    (void)state;
    for (int rudely = 0; rudely < 2; rudely++) {
        struct caller c;
        caller_begin(&c);
        struct peer_conn *conn = caller_exchange(&c, OK_EMPTY, "");
        caller_start(&c, &caller_get);
        free(peer_head(conn));
        peer_close(conn, rudely == 1);
        conn = caller_accept(&c);
        peer_puts(conn, OK_HELLO);
        caller_expect_answer(&c, 200, "hello");
        caller_end(&c);
    }
}

static void gets_are_sent_again_once(void **state) {
    (void)state;
    struct caller c;
    caller_begin(&c);
    struct peer_conn *conn = caller_exchange(&c, OK_EMPTY, "");
    caller_start(&c, &caller_get);
    free(peer_head(conn));
    peer_finish(conn);
    peer_finish(caller_accept(&c));
    caller_expect_failure(&c, SIO_ERR_CLOSED, "the server closed the connection without an answer");
    assert_int_equal(c.peer->count, 2);
    caller_end(&c);
}

/* The server may have answered what it has had for long, and the answer be lost. */
static void gets_that_have_waited_are_not_sent_again(void **state) {
    (void)state;
    struct caller c;
    caller_begin(&c);
    struct peer_conn *conn = caller_exchange(&c, OK_EMPTY, "");
    caller_start(&c, &caller_get);
    free(peer_head(conn));
    peer_pass_ms(c.peer, 1100);
    peer_close(conn, true);
    caller_expect_failure(&c, UV_ECONNRESET, "read ECONNRESET a.example:81");
    assert_int_equal(c.peer->count, 1);
    caller_end(&c);
}

static void gets_whose_answer_has_begun_are_not_sent_again(void **state) {
    (void)state;
    struct caller c;
    caller_begin(&c);
    struct peer_conn *conn = caller_exchange(&c, OK_EMPTY, "");
    caller_start(&c, &caller_get);
    free(peer_head(conn));
    peer_puts(conn, "H");
    peer_finish(conn);
    caller_expect_failure(&c, SIO_ERR_CLOSED,
                          "the server closed the connection before the end of its answer");
    assert_int_equal(c.peer->count, 1);
    caller_end(&c);
}

static void posts_are_not_sent_again(void **state) {
    (void)state;
    struct caller c;
    caller_begin(&c);
    struct peer_conn *conn = caller_exchange(&c, OK_EMPTY, "");
    caller_start(&c, &caller_post);
    free(peer_head(conn));
    peer_expect(conn, "4hi");
    peer_finish(conn);
    caller_expect_failure(&c, SIO_ERR_CLOSED, "the server closed the connection without an answer");
    assert_int_equal(c.peer->count, 1);
    caller_end(&c);
}

/* A POST that is on its way when the server closes would be lost. */
static void connections_are_left_before_the_server_closes_them(void **state) {
    (void)state;
    static const struct {
        const char *value;
        bool kept;
    } cases[] = {
        {"timeout=0", false},
        {"timeout=1", false},
        {"max=5, timeout=1", false},
        {"timeout=5, max=100", true},
        {"timeout=999999999", true},
        {"timeout=99999999999999999999", true},
        {"timeout=-1, max=0", true},
        {"time", true},
        {"", true},
    };
    struct caller c;
    caller_begin(&c);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char answer[200];
        (void)snprintf(answer, sizeof answer,
                       "HTTP/1.1 200 OK\r\nKeep-Alive: %s\r\nContent-Length: 0\r\n\r\n",
                       cases[i].value);
        struct peer_conn *conn = caller_exchange(&c, answer, "");
        assert_int_equal(c.peer->reactor.stats.streams, cases[i].kept);
        peer_close(conn, false);
        peer_run(c.peer, caller_has_no_stream, &c);
    }
    uint64_t begun = uv_hrtime();
    peer_expect_end(caller_exchange(&c, OK_BRIEFLY, ""));
    uint64_t took_ms = (uv_hrtime() - begun) / 1000000;
    assert_in_range(took_ms, 990, 20000);
    (void)caller_exchange(&c, OK_HELLO, "hello");
    caller_end(&c);
}

/* What was said of one connection does not end another, nor the next request. */
static void times_end_with_what_they_are_for(void **state) {
    (void)state;
    struct caller c;
    caller_begin(&c);
    c.server.request_timeout_ms = 1000;
    peer_close(caller_exchange(&c, OK_BRIEFLY, ""), false);
    peer_run(c.peer, caller_has_no_stream, &c);
    struct peer_conn *conn = caller_exchange(&c, OK_EMPTY, "");
    peer_pass_ms(c.peer, 1200);
    assert_int_equal(c.peer->reactor.stats.streams, 1);
    assert_int_equal(c.failures, 0);

    c.server.request_timeout_ms = 0;
    caller_start(&c, &caller_get);
    free(peer_head(conn));
    peer_puts(conn, OK_BRIEFLY);
    caller_expect_answer(&c, 200, "");
    caller_start(&c, &caller_get);
    free(peer_head(conn));
    peer_pass_ms(c.peer, 1200);
    peer_puts(conn, OK_HELLO);
    caller_expect_answer(&c, 200, "hello");
    assert_int_equal(c.peer->count, 2);
    caller_end(&c);
}

/* ---- giving up ---- */

static void callbacks_may_do_anything(void **state) {
    (void)state;
    static const char *const answers[] = {
        OK_HELLO,
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\n\r\nhello",
        "garbage",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
        "",
    };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        for (int reaction = CALLER_FREES; reaction <= CALLER_RESTARTS_AND_FREES; reaction++) {
            struct caller c;
            caller_begin(&c);
            c.reaction = (enum caller_reaction)reaction;
            caller_start(&c, &caller_get);
            struct peer_conn *conn = caller_accept(&c);
            peer_puts(conn, answers[i]);
            if (i != 0 && i != 1) {
                peer_finish(conn);
            }
            if (reaction == CALLER_RESTARTS) {
                conn = i == 0 ? conn : peer_accept(c.peer);
                free(peer_head(conn));
                assert_int_equal(c.answers + c.failures, 1);
                peer_puts(conn, OK_HELLO);
                peer_run(c.peer, caller_is_idle, &c);
                assert_string_equal(c.text, "hello");
                assert_int_equal(c.answers + c.failures, 2);
            } else {
                peer_run(c.peer, caller_is_idle, &c);
                assert_int_equal(c.answers + c.failures, 1);
            }
            caller_end(&c);
        }
    }
}

static void callbacks_of_failed_links_may_do_anything(void **state) {
    (void)state;
    for (int reaction = CALLER_FREES; reaction <= CALLER_RESTARTS_AND_FREES; reaction++) {
        struct caller c;
        caller_begin(&c);
        c.server.link.host = SIO_TEXT("a b");
        c.reaction = (enum caller_reaction)reaction;
        caller_start(&c, &caller_get);
        peer_run(c.peer, caller_is_idle, &c);
        peer_turn(c.peer);
        assert_int_equal(c.failures, reaction == CALLER_RESTARTS ? 2 : 1);
        caller_end(&c);
    }
}

static const struct peer_answer script[] = {{0, OK_HELLO, 0}};
static const struct peer_answer tls_script[] = {{0, NULL, 0}, {0, OK_HELLO, 0}};

/* After any number of turns of the loop: the second exchange over a connection is given up. */
static void exchanges_are_given_up_in_every_state(void **state) {
    (void)state;
    struct tls_context *server = NULL;
    struct tls_context *client = NULL;
    caller_tls_contexts(&server, &client);
    for (int kind = 0; kind < 2; kind++) {
        bool was_over = false;
        for (int turns = 0; turns < 200 && !was_over; turns++) {
            struct caller c;
            caller_begin(&c);
            c.peer->answers = kind == 0 ? tls_script : script;
            c.peer->answer_count = kind == 0 ? 2 : 1;
            c.peer->tls = server;
            c.server.link.tls = kind == 0 ? client : NULL;
            c.server.request_timeout_ms = 10000;
            c.reaction = CALLER_RESTARTS;
            caller_start(&c, &caller_get);
            for (int i = 0; i < turns && c.answers < 2; i++) {
                uv_run(&c.peer->loop, UV_RUN_ONCE);
            }
            int answers = c.answers;
            was_over = answers == 2;
            sio__exchange_free(c.exchange);
            c.exchange = NULL;
            assert_int_equal(c.peer->reactor.stats.streams, 0);
            peer_turn(c.peer);
            assert_int_equal(c.answers, answers);
            c.told = answers;
            caller_end(&c);
        }
        assert_true(was_over);
    }
    sio__tls_context_free(client);
    sio__tls_context_free(server);
}

static void freeing_nothing_is_fine(void **state) {
    (void)state;
    sio__exchange_free(NULL);
}

/* ---- memory ---- */

/* Two exchanges over a kept connection, then one over another. */
static int exchange_thrice(void *arg) {
    struct caller c;
    (void)arg;
    caller_set_up(&c, peer_new());
    c.peer->answers = script;
    c.peer->answer_count = 1;
    c.exchange = sio__exchange_new(&c.peer->reactor, &c.server, &caller_ops, &c);
    int r = c.exchange == NULL ? SIO_ERR_NOMEM : 0;
    for (int i = 0; i < 3 && r == 0; i++) {
        if (i == 2) {
            peer_reset_conns(c.peer);
            peer_run(c.peer, caller_has_no_stream, &c);
        }
        r = sio__exchange_start(c.exchange, &caller_get);
        if (r == 0) {
            peer_run(c.peer, caller_is_idle, &c);
            r = c.failures > 0 ? c.status : 0;
        }
    }
    assert_true(r == 0 || r == SIO_ERR_NOMEM);
    assert_true(r == 0 || torture_refused() > 0);
    c.peer->suspended = true;
    torture_suspend(true);
    if (c.exchange != NULL) { /* it works again */
        assert_int_equal(sio__exchange_start(c.exchange, &caller_get), 0);
        peer_run(c.peer, caller_is_idle, &c);
        assert_string_equal(c.text, "hello");
    }
    caller_end(&c);
    torture_suspend(false);
    return r;
}

static void exchanges_survive_without_memory(void **state) {
    (void)state;
    torture_run(exchange_thrice, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_are_kept),
        cmocka_unit_test(closed_connections_are_opened_anew),
        cmocka_unit_test(gets_are_sent_again_when_the_kept_connection_breaks),
        cmocka_unit_test(gets_are_sent_again_once),
        cmocka_unit_test(gets_that_have_waited_are_not_sent_again),
        cmocka_unit_test(gets_whose_answer_has_begun_are_not_sent_again),
        cmocka_unit_test(posts_are_not_sent_again),
        cmocka_unit_test(connections_are_left_before_the_server_closes_them),
        cmocka_unit_test(times_end_with_what_they_are_for),
        cmocka_unit_test(callbacks_may_do_anything),
        cmocka_unit_test(callbacks_of_failed_links_may_do_anything),
        cmocka_unit_test(exchanges_are_given_up_in_every_state),
        cmocka_unit_test(freeing_nothing_is_fine),
        cmocka_unit_test_teardown(exchanges_survive_without_memory, torture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
