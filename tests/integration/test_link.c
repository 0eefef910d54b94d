/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* Links to a server whose every byte is the test's; those through proxies are in test_link_proxy.c.
 * But what may happen at any time, and to any link, is tested here with the longest ways. */
#include "support/dialer.h"
#include "support/link_attempt.h"
#include "support/torture.h"

#include <stdlib.h>
#include <string.h>

#include <sio/error.h>

/* ---- directly ---- */

static void links_connect(void **state) {
    (void)state;
    struct peer *p = peer_new();
    struct attempt a = attempt_direct(p);
    a.cancels = true;
    attempt_start(&a, p, 10000);
    attempt_expect_ready(&a, peer_accept(p));
    peer_free(p);
}

static void refused_connections_name_the_address(void **state) {
    (void)state;
    struct peer *p = peer_new();
    struct place refusing = place_refusing(AF_INET);
    struct attempt a = attempt_direct(p);
    a.cancels = true;
    a.target.port = place_port(&refusing);
    attempt_start(&a, p, 0);
    attempt_expect_failure(&a, UV_ECONNREFUSED, "connect ECONNREFUSED 127.0.0.1:%u", a.target.port);
    if (place_has_ipv6()) {
        struct place refusing6 = place_refusing(AF_INET6);
        a = attempt_direct(p);
        a.target.host = SIO_TEXT("::1");
        a.target.port = place_port(&refusing6);
        attempt_start(&a, p, 0);
        attempt_expect_failure(&a, UV_ECONNREFUSED, "connect ECONNREFUSED [::1]:%u", a.target.port);
        place_leave(&refusing6);
    }
    place_leave(&refusing);
    peer_free(p);
}

static void unknown_names_are_told(void **state) {
    (void)state;
    struct peer *p = peer_new();
    struct attempt a = attempt_direct(p);
    a.target.host = SIO_TEXT(RESOLVED_NAME);
    resolver_answer(NULL, 0, EAI_NONAME);
    attempt_start(&a, p, 0);
    attempt_expect_failure(&a, UV_EAI_NONAME,
                           "getaddrinfo EAI_NONAME " RESOLVED_NAME ":%u (name not known)", p->port);
    peer_free(p);
}

static void connecting_takes_no_longer_than_the_timeout(void **state) {
    (void)state;
    struct peer *p = peer_new();
    struct place hole = place_black_hole(AF_INET);
    struct attempt a = attempt_direct(p);
    a.target.port = place_port(&hole);
    attempt_start(&a, p, 200);
    attempt_expect_failure(&a, SIO_ERR_TIMEOUT, "connect timeout 127.0.0.1:%u", a.target.port);
    place_leave(&hole);
    peer_free(p);
}

/* The clock of a loop that has not run for long stands still. */
static void time_counts_from_when_the_loop_runs(void **state) {
    (void)state;
    struct peer *p = peer_new();
    struct attempt a = attempt_direct(p);
    uint64_t begun = uv_hrtime();
    attempt_start(&a, p, 1000);
    while (uv_hrtime() - begun < 1100000000) {
        /* the application is busy */
    }
    attempt_expect_ready(&a, peer_accept(p));
    peer_free(p);
}

/* ---- TLS ---- */

static void links_are_secured(void **state) {
    (void)state;
    struct peer *p = peer_new();
    struct attempt a = attempt_direct(p);
    a.target.tls = attempt_context(&(struct tls_options){.ca_pem = cert_pem(attempt_root)}, false);
    a.cancels = true;
    attempt_start(&a, p, 10000);
    struct peer_conn *c = peer_accept(p);
    peer_start_tls(c, attempt_server);
    attempt_expect_ready(&a, c);
    sio__tls_context_free(a.target.tls);
    peer_free(p);
}

static void failures_of_tls_are_told_in_its_words(void **state) {
    (void)state;
    struct cert *expired = cert_make(&(struct cert_spec){.name = "old",
                                                         .alt = "IP:127.0.0.1",
                                                         .issuer = attempt_root,
                                                         .from = -2 * CERT_DAY,
                                                         .to = -CERT_DAY});
    struct cert *other = cert_make(
        &(struct cert_spec){.name = "other", .alt = "DNS:other.example", .issuer = attempt_root});
    const struct {
        const struct cert *cert;
        const char *text;
    } cases[] = {
        {expired, "certificate has expired"},
        {other, "IP address mismatch"},
    };
    struct peer *p = peer_new();
    struct tls_context *client =
        attempt_context(&(struct tls_options){.ca_pem = cert_pem(attempt_root)}, false);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tls_context *server =
            attempt_context(&(struct tls_options){.cert_pem = cert_pem(cases[i].cert),
                                                  .key_pem = cert_key(cases[i].cert)},
                            true);
        struct attempt a = attempt_direct(p);
        a.target.tls = client;
        a.cancels = true;
        attempt_start(&a, p, 0);
        struct peer_conn *c = peer_accept(p);
        peer_start_tls(c, server);
        attempt_expect_failure(&a, SIO_ERR_TLS, "%s", cases[i].text);
        peer_expect_end(c);
        sio__tls_context_free(server);
    }
    sio__tls_context_free(client);
    cert_free(other);
    cert_free(expired);
    peer_free(p);
}

static void handshakes_that_break_are_told(void **state) {
    (void)state;
    struct peer *p = peer_new();
    struct attempt a = attempt_direct(p);
    a.target.tls = attempt_context(&(struct tls_options){.ca_pem = cert_pem(attempt_root)}, false);
    attempt_start(&a, p, 0);
    peer_finish(peer_accept(p));
    attempt_expect_failure(&a, SIO_ERR_TLS, "peer closed during handshake");

    a.status = 0;
    attempt_start(&a, p, 0);
    struct peer_conn *c = peer_accept(p);
    peer_turn(p);
    peer_close(c, true);
    attempt_expect_failure(&a, UV_ECONNRESET, "TLS handshake ECONNRESET 127.0.0.1:%u", p->port);

    attempt_start(&a, p, 200);
    (void)peer_accept(p);
    attempt_expect_failure(&a, SIO_ERR_TIMEOUT, "TLS handshake timeout 127.0.0.1:%u", p->port);
    sio__tls_context_free(a.target.tls);
    peer_free(p);
}

/* ---- giving up ---- */

#define BYTES(literal) (literal), (sizeof(literal) - 1)

static const struct peer_answer http_script[] = {
    {0, "HTTP/1.1 200 OK\r\n\r\n", 0}, {0, NULL, 0}, {1000, "", 0}};
static const struct peer_answer socks_script[] = {
    {4, BYTES("\x05\x02")},
    {5, BYTES("\x01\x00")},
    {10, BYTES("\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50")},
    {0, NULL, 0},
    {1000, "", 0}};

/* The longest ways there are. */
static void prepare(struct attempt *a, struct peer *p, int kind) {
    static union dial_address address;
    address = place_loopback(AF_INET, 0);
    resolver_answer(&address, 1, 0);
    if (kind == 0) {
        attempt_through(a, p, "http", "u:p");
        p->answers = http_script;
        p->answer_count = sizeof http_script / sizeof *http_script;
    } else {
        attempt_through(a, p, "socks5", "u:p");
        a->target.host = SIO_TEXT(RESOLVED_NAME);
        p->answers = socks_script;
        p->answer_count = sizeof socks_script / sizeof *socks_script;
    }
    p->tls = attempt_server;
}

/* After any number of turns of the loop. */
static void links_are_cancelled_in_every_state(void **state) {
    (void)state;
    struct tls_context *insecure = attempt_context(&(struct tls_options){.insecure = true}, false);
    for (int kind = 0; kind < 2; kind++) {
        struct peer *p = peer_new();
        bool was_over = false;
        for (int turns = 0; turns < 200 && !was_over; turns++) {
            struct attempt a;
            prepare(&a, p, kind);
            a.target.tls = insecure;
            attempt_start(&a, p, 5000);
            for (int i = 0; i < turns && a.calls == 0; i++) {
                uv_run(&p->loop, UV_RUN_ONCE);
            }
            was_over = a.calls > 0;
            if (!was_over) {
                sio__link_cancel(a.link);
                assert_true(p->reactor.stats.streams == 0);
            }
            attempt_close(&a);
            peer_turn(p);
            assert_int_equal(a.calls, was_over);
            sio__proxy_done(&a.proxy);
            peer_reset_conns(p);
        }
        assert_true(was_over);
        peer_free(p);
        assert_int_equal(resolver.lists, 0);
    }
    sio__tls_context_free(insecure);
}

static void streams_may_be_closed_when_they_are_handed_over(void **state) {
    (void)state;
    struct tls_context *insecure = attempt_context(&(struct tls_options){.insecure = true}, false);
    for (int kind = 0; kind < 4; kind++) {
        struct peer *p = peer_new();
        struct attempt a;
        prepare(&a, p, kind % 2);
        a.target.tls = kind < 2 ? insecure : NULL;
        a.closes = true;
        a.cancels = true;
        attempt_start(&a, p, 5000);
        peer_run(p, attempt_is_over, &a);
        assert_null(a.stream);
        assert_int_equal(a.status, 0);
        peer_turn(p);
        assert_int_equal(a.calls, 1);
        sio__proxy_done(&a.proxy);
        peer_free(p);
    }
    sio__tls_context_free(insecure);
}

static void cancelling_nothing_is_fine(void **state) {
    (void)state;
    sio__link_cancel(NULL);
}

/* ---- memory ---- */

static int link_once(void *arg) {
    int kind = *(const int *)arg;
    struct peer *p = peer_new();
    struct attempt a;
    torture_suspend(true);
    prepare(&a, p, kind % 2);
    a.peer = p;
    if (kind >= 2) {
        a.target.tls = attempt_context(&(struct tls_options){.insecure = true}, false);
    }
    torture_suspend(false);
    int r = sio__link_start(&p->reactor, &a.target, 0, &attempt_ops, &a, &a.link);
    if (r == 0) {
        peer_run(p, attempt_is_over, &a);
    }
    bool ok = r == 0 && a.stream != NULL;
    attempt_close(&a);
    assert_true(ok || torture_refused() > 0);
    if (a.calls > 0 && a.stream == NULL && !ok) {
        assert_true(a.status < 0);
        assert_true(a.text[0] != '\0');
    }
    sio__tls_context_free(a.target.tls);
    sio__proxy_done(&a.proxy);
    peer_free(p);
    return ok ? 0 : SIO_ERR_NOMEM;
}

static void links_survive_without_memory(void **state) {
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        torture_run(link_once, &kind);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(links_connect),
        cmocka_unit_test(refused_connections_name_the_address),
        cmocka_unit_test(unknown_names_are_told),
        cmocka_unit_test(connecting_takes_no_longer_than_the_timeout),
        cmocka_unit_test(time_counts_from_when_the_loop_runs),
        cmocka_unit_test(links_are_secured),
        cmocka_unit_test(failures_of_tls_are_told_in_its_words),
        cmocka_unit_test(handshakes_that_break_are_told),
        cmocka_unit_test(links_are_cancelled_in_every_state),
        cmocka_unit_test(streams_may_be_closed_when_they_are_handed_over),
        cmocka_unit_test(cancelling_nothing_is_fine),
        cmocka_unit_test_teardown(links_survive_without_memory, torture_teardown),
    };
    return cmocka_run_group_tests(tests, attempt_setup, attempt_teardown);
}
