/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* Links through a proxy whose every byte is the test's. */
#include "support/dialer.h"
#include "support/link_attempt.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sio/error.h>

/* ---- HTTP proxies ---- */

#define CONNECT "CONNECT " ATTEMPT_SERVER ":8443 HTTP/1.1\r\nHost: " ATTEMPT_SERVER ":8443\r\n"

static void http_proxies_are_asked_for_a_tunnel(void **state) {
    (void)state;
    static const struct {
        const char *login;
        const char *question;
        const char *answer;
        bool in_pieces;
    } cases[] = {
        {"", CONNECT "\r\n", "HTTP/1.1 200 Connection established\r\n\r\n", false},
        {"", CONNECT "\r\n", "HTTP/1.0 200 OK\r\nVia: x\r\n\r\n", true},
        {"", CONNECT "\r\n", "HTTP/1.1 100 Go on\r\n\r\nHTTP/1.1 200\r\n\r\n", true},
        {"Aladdin:open%20sesame",
         CONNECT "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n",
         "HTTP/1.1 200 OK\r\n\r\n", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct peer *p = peer_new();
        struct attempt a;
        attempt_through(&a, p, "http", cases[i].login);
        a.cancels = true;
        attempt_start(&a, p, 0);
        struct peer_conn *c = peer_accept(p);
        peer_expect(c, cases[i].question);
        if (cases[i].in_pieces) {
            peer_dribble(c, cases[i].answer, strlen(cases[i].answer));
        } else {
            peer_puts(c, cases[i].answer);
        }
        attempt_expect_ready(&a, c);
        sio__proxy_done(&a.proxy);
        peer_free(p);
    }
}

static void refusals_of_http_proxies_are_told(void **state) {
    (void)state;
    static const struct {
        const char *login;
        const char *answer;
        const char *text;
    } cases[] = {
        {"", "HTTP/1.1 407 Who are you\r\n\r\n", "the proxy wants a login, status 407"},
        {"u:p", "HTTP/1.1 407 No\r\n\r\n",
         "the proxy does not accept user and password, status 407"},
        {"", "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\nbad",
         "the proxy refused the tunnel, status 502"},
        {"", "SSH-2.0-OpenSSH\r\n", "the proxy does not speak HTTP/1"},
        {"", "HTTP/1.1 200 OK\r\n\r\n220 smtp", "the proxy sent more than its answer"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct peer *p = peer_new();
        struct attempt a;
        attempt_through(&a, p, "http", cases[i].login);
        attempt_start(&a, p, 0);
        struct peer_conn *c = peer_accept(p);
        free(peer_head(c));
        peer_puts(c, cases[i].answer);
        attempt_expect_failure(&a, SIO_ERR_PROXY, "%s: 127.0.0.1:%u (proxy)", cases[i].text,
                               p->port);
        peer_expect_end(c);
        sio__proxy_done(&a.proxy);
        peer_free(p);
    }
}

static void answers_of_http_proxies_are_bounded(void **state) {
    (void)state;
    struct peer *p = peer_new();
    struct attempt a;
    char *fields = calloc(1, PROXY_HEAD_MAX + 1);
    assert_non_null(fields);
    memset(fields, 'x', PROXY_HEAD_MAX);
    attempt_through(&a, p, "http", "");
    attempt_start(&a, p, 0);
    struct peer_conn *c = peer_accept(p);
    free(peer_head(c));
    peer_puts(c, "HTTP/1.1 200 OK\r\n");
    peer_puts(c, fields);
    attempt_expect_failure(&a, SIO_ERR_PROXY,
                           "the proxy's answer is too long: 127.0.0.1:%u (proxy)", p->port);
    free(fields);
    sio__proxy_done(&a.proxy);
    peer_free(p);
}

static void proxies_have_to_hear_the_question_first(void **state) {
    (void)state;
    enum { BYTES = 16 << 20 }; /* more than sockets hold */
    struct peer *p = peer_new();
    struct attempt a = attempt_direct(p);
    char *user = calloc(1, BYTES);
    assert_non_null(user);
    a.proxy = (struct proxy){
        .host = SIO_TEXT("127.0.0.1"), .user = {user, BYTES}, .kind = PROXY_HTTP, .port = p->port};
    memset(user, 'u', BYTES);
    a.target.proxy = &a.proxy;
    attempt_start(&a, p, 0);
    struct peer_conn *c = peer_accept(p);
    sio__stream_pause(c->stream);
    peer_puts(c, "HTTP/1.1 200 OK\r\n\r\n");
    attempt_expect_failure(&a, SIO_ERR_PROXY,
                           "the proxy answered before it was asked: 127.0.0.1:%u (proxy)", p->port);
    free(user);
    peer_free(p);
}

static void proxies_that_go_away_are_told(void **state) {
    (void)state;
    static const char *const schemes[] = {"http", "socks5h"};
    for (size_t i = 0; i < 2; i++) {
        struct peer *p = peer_new();
        struct attempt a;
        attempt_through(&a, p, schemes[i], "");
        attempt_start(&a, p, 0);
        struct peer_conn *c = peer_accept(p);
        peer_finish(c);
        attempt_expect_failure(&a, SIO_ERR_PROXY,
                               "the proxy closed the connection: 127.0.0.1:%u (proxy)", p->port);

        attempt_start(&a, p, 0);
        c = peer_accept(p);
        peer_close(c, true);
        attempt_expect_failure(&a, UV_ECONNRESET, "tunnel ECONNRESET 127.0.0.1:%u (proxy)",
                               p->port);

        attempt_start(&a, p, 200);
        (void)peer_accept(p);
        attempt_expect_failure(&a, SIO_ERR_TIMEOUT, "tunnel timeout 127.0.0.1:%u (proxy)", p->port);

        struct place refusing = place_refusing(AF_INET);
        a.proxy.port = place_port(&refusing);
        attempt_start(&a, p, 0);
        attempt_expect_failure(&a, UV_ECONNREFUSED, "connect ECONNREFUSED 127.0.0.1:%u (proxy)",
                               a.proxy.port);
        place_leave(&refusing);
        sio__proxy_done(&a.proxy);
        peer_free(p);
    }
}

/* ---- SOCKS5 ---- */

#define BYTES(literal) (literal), (sizeof(literal) - 1)

#define SOCKS_BY_NAME "\x05\x01\x00\x03\x0eserver.example\x20\xfb"
#define SOCKS_YES     "\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50"

static void socks_proxies_are_given_the_name(void **state) {
    (void)state;
    for (int in_pieces = 0; in_pieces < 2; in_pieces++) {
        struct peer *p = peer_new();
        struct attempt a;
        void (*say)(struct peer_conn *, const void *, size_t) =
            in_pieces ? peer_dribble : peer_send;
        attempt_through(&a, p, "socks5h", "");
        a.cancels = true;
        attempt_start(&a, p, 0);
        struct peer_conn *c = peer_accept(p);
        peer_expect_bytes(c, BYTES("\x05\x01\x00"));
        say(c, BYTES("\x05\x00"));
        peer_expect_bytes(c, BYTES(SOCKS_BY_NAME));
        say(c, BYTES(SOCKS_YES));
        attempt_expect_ready(&a, c);
        sio__proxy_done(&a.proxy);
        peer_free(p);
    }
}

static void socks_proxies_get_user_and_password(void **state) {
    (void)state;
    struct peer *p = peer_new();
    struct attempt a;
    attempt_through(&a, p, "socks5h", "user:pa%20ss");
    attempt_start(&a, p, 0);
    struct peer_conn *c = peer_accept(p);
    peer_expect_bytes(c, BYTES("\x05\x02\x00\x02"));
    peer_send(c, BYTES("\x05\x02"));
    peer_expect_bytes(c, BYTES("\x01\x04user\x05pa ss"));
    peer_send(c, BYTES("\x01\x00"));
    peer_expect_bytes(c, BYTES(SOCKS_BY_NAME));
    peer_send(c, BYTES(SOCKS_YES));
    attempt_expect_ready(&a, c);

    attempt_start(&a, p, 0);
    c = peer_accept(p);
    peer_send(c, BYTES("\x05\x02"));
    peer_expect_bytes(c, BYTES("\x05\x02\x00\x02\x01\x04user\x05pa ss"));
    peer_send(c, BYTES("\x01\x01"));
    attempt_expect_failure(&a, SIO_ERR_PROXY,
                           "the proxy does not accept user and password: 127.0.0.1:%u (proxy)",
                           p->port);
    sio__proxy_done(&a.proxy);
    peer_free(p);
}

/* socks5: the name is looked up here, with socks5h and for addresses it is not. */
static void names_are_resolved_here_when_the_proxy_is_not_to(void **state) {
    (void)state;
    union dial_address v4 = place_loopback(AF_INET, 0);
    union dial_address v6 = place_loopback(AF_INET6, 0);
    union dial_address other = {.any = {.sa_family = AF_UNIX}};
    v4.in.sin_addr.s_addr = htonl(0x0a010203);
    const struct {
        const char *scheme;
        const char *host;
        union dial_address addresses[2];
        const char *question;
        size_t len;
        int lookups;
    } cases[] = {
        {"socks5", RESOLVED_NAME, {v4, v6}, BYTES("\x05\x01\x00\x01\x0a\x01\x02\x03\x20\xfb"), 1},
        {"socks5",
         RESOLVED_NAME,
         {other, v4},
         BYTES("\x05\x01\x00\x01\x0a\x01\x02\x03\x20\xfb"),
         1},
        {"socks5",
         RESOLVED_NAME,
         {v6, v4},
         BYTES("\x05\x01\x00\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x20\xfb"),
         1},
        {"socks5", "9.8.7.6", {v4, v6}, BYTES("\x05\x01\x00\x01\x09\x08\x07\x06\x20\xfb"), 0},
        {"socks5h",
         RESOLVED_NAME,
         {v4, v6},
         BYTES("\x05\x01\x00\x03\x10resolved.example\x20\xfb"),
         0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct peer *p = peer_new();
        struct attempt a;
        int calls = resolver.calls;
        resolver_answer(cases[i].addresses, 2, 0);
        attempt_through(&a, p, cases[i].scheme, "");
        a.target.host = sio__text_of(cases[i].host);
        a.cancels = true;
        attempt_start(&a, p, 0);
        struct peer_conn *c = peer_accept(p);
        peer_expect_bytes(c, BYTES("\x05\x01\x00"));
        peer_send(c, BYTES("\x05\x00"));
        peer_expect_bytes(c, cases[i].question, cases[i].len);
        peer_send(c, BYTES(SOCKS_YES));
        attempt_expect_ready(&a, c);
        assert_int_equal(resolver.calls - calls, cases[i].lookups);
        sio__proxy_done(&a.proxy);
        peer_free(p);
        assert_int_equal(resolver.lists, 0);
    }
}

static void begin_by_address(struct attempt *a, struct peer *p,
                             const union dial_address addresses[3]) {
    resolver_answer(addresses, 3, 0);
    attempt_through(a, p, "socks5", "");
    a->target.host = SIO_TEXT(RESOLVED_NAME);
    attempt_start(a, p, 0);
}

/* What the proxy is asked for on the next connection, and answers. */
static struct peer_conn *answer_address(struct peer *p, const char *question, size_t len,
                                        uint8_t code) {
    const uint8_t reply[] = {5, code, 0, 1, 0, 0, 0, 0, 0, 0};
    struct peer_conn *c = peer_accept(p);
    peer_expect_bytes(c, BYTES("\x05\x01\x00"));
    peer_send(c, BYTES("\x05\x00"));
    peer_expect_bytes(c, question, len);
    peer_send(c, reply, sizeof reply);
    return c;
}

/* The proxy is asked for one address after the other until it reaches one. */
static void addresses_that_a_proxy_cannot_reach_are_followed_by_the_next(void **state) {
    (void)state;
    static const uint8_t codes[] = {1, 3, 4, 5, 6, 8};
#define ADDRESS_1 BYTES("\x05\x01\x00\x01\x0a\x00\x00\x01\x20\xfb")
#define ADDRESS_2 BYTES("\x05\x01\x00\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x20\xfb")
#define ADDRESS_3 BYTES("\x05\x01\x00\x01\x0a\x00\x00\x03\x20\xfb")
    union dial_address addresses[] = {place_loopback(AF_INET, 0), place_loopback(AF_INET6, 0),
                                      place_loopback(AF_INET, 0)};
    addresses[0].in.sin_addr.s_addr = htonl(0x0a000001);
    addresses[2].in.sin_addr.s_addr = htonl(0x0a000003);
    struct peer *p;
    struct attempt a;
    for (size_t i = 0; i < sizeof codes; i++) {
        p = peer_new();
        begin_by_address(&a, p, addresses);
        answer_address(p, ADDRESS_1, codes[i]);
        answer_address(p, ADDRESS_2, codes[i]);
        attempt_expect_ready(&a, answer_address(p, ADDRESS_3, 0));
        sio__proxy_done(&a.proxy);
        peer_free(p);
    }
    p = peer_new();
    begin_by_address(&a, p, addresses);
    answer_address(p, ADDRESS_1, 5);
    answer_address(p, ADDRESS_2, 5);
    answer_address(p, ADDRESS_3, 4);
    attempt_expect_failure(&a, UV_EHOSTUNREACH,
                           "the proxy cannot reach the server, code 4: 127.0.0.1:%u (proxy)",
                           p->port);
    sio__proxy_done(&a.proxy);
    /* What is no answer about an address ends it. */
    begin_by_address(&a, p, addresses);
    answer_address(p, ADDRESS_1, 99);
    attempt_expect_failure(&a, SIO_ERR_PROXY,
                           "the proxy sent an unknown reply code, code 99: 127.0.0.1:%u (proxy)",
                           p->port);
    sio__proxy_done(&a.proxy);
    peer_free(p);
    assert_int_equal(resolver.lists, 0);
}

static void failing_lookups_for_a_proxy_are_told(void **state) {
    (void)state;
    union dial_address other = {.any = {.sa_family = AF_UNIX}};
    struct peer *p = peer_new();
    struct attempt a;
    attempt_through(&a, p, "socks5", "");
    a.target.host = SIO_TEXT(RESOLVED_NAME);
    a.cancels = true;
    resolver_answer(NULL, 0, EAI_AGAIN);
    attempt_start(&a, p, 0);
    attempt_expect_failure(&a, UV_EAI_AGAIN, "getaddrinfo EAI_AGAIN " RESOLVED_NAME ":8443");
    resolver_answer(&other, 1, 0);
    attempt_start(&a, p, 0);
    attempt_expect_failure(&a, UV_EAI_NODATA, "getaddrinfo EAI_NODATA " RESOLVED_NAME ":8443");
    resolver.held = true;
    attempt_start(&a, p, 200);
    attempt_expect_failure(&a, SIO_ERR_TIMEOUT, "getaddrinfo timeout " RESOLVED_NAME ":8443");
    sem_wait(&resolver.entered);
    resolver.held = false;
    sem_post(&resolver.release);
    sio__proxy_done(&a.proxy);
    peer_free(p);
    assert_int_equal(resolver.lists, 0);
}

static void refusals_of_socks_proxies_are_told(void **state) {
    (void)state;
    static const struct {
        uint8_t code;
        int status;
        const char *text;
    } cases[] = {
        {1, SIO_ERR_PROXY, "the proxy failed, code 1"},
        {2, SIO_ERR_PROXY, "the proxy's rules do not allow the connection, code 2"},
        {3, UV_ENETUNREACH, "the proxy cannot reach the server's network, code 3"},
        {4, UV_EHOSTUNREACH, "the proxy cannot reach the server, code 4"},
        {5, UV_ECONNREFUSED, "the server refused the proxy's connection, code 5"},
        {6, UV_ETIMEDOUT, "the proxy's packets to the server expired on their way, code 6"},
        {7, SIO_ERR_PROXY, "the proxy does not support CONNECT, code 7"},
        {8, SIO_ERR_PROXY, "the proxy does not support this type of address, code 8"},
        {99, SIO_ERR_PROXY, "the proxy sent an unknown reply code, code 99"},
    };
    struct peer *p = peer_new();
    struct attempt a;
    attempt_through(&a, p, "socks5h", "");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const uint8_t reply[] = {5, cases[i].code, 0, 1, 0, 0, 0, 0, 0, 0};
        attempt_start(&a, p, 0);
        struct peer_conn *c = peer_accept(p);
        peer_send(c, BYTES("\x05\x00"));
        peer_expect_bytes(c, BYTES("\x05\x01\x00" SOCKS_BY_NAME));
        peer_send(c, reply, sizeof reply);
        attempt_expect_failure(&a, cases[i].status, "%s: 127.0.0.1:%u (proxy)", cases[i].text,
                               p->port);
    }
    sio__proxy_done(&a.proxy);
    peer_free(p);
}

/* The certificate has to be that of the server, whatever is between. */
static void tunnels_are_secured(void **state) {
    (void)state;
    static const struct peer_answer http[] = {
        {0, "HTTP/1.1 200 OK\r\n\r\n", 0}, {0, NULL, 0}, {1000, "", 0}};
    static const struct peer_answer socks[] = {
        {3, BYTES("\x05\x00")}, {21, BYTES(SOCKS_YES)}, {0, NULL, 0}, {1000, "", 0}};
    struct tls_context *client =
        attempt_context(&(struct tls_options){.ca_pem = cert_pem(attempt_root)}, false);
    for (int i = 0; i < 2; i++) {
        struct peer *p = peer_new();
        struct attempt a;
        attempt_through(&a, p, i == 0 ? "http" : "socks5h", "");
        a.target.tls = client;
        p->tls = attempt_server;
        p->answers = i == 0 ? http : socks;
        p->answer_count = i == 0 ? 3 : 4;
        attempt_start(&a, p, 10000);
        attempt_expect_ready(&a, peer_accept(p));
        a.target.host = SIO_TEXT("others.example"); /* as long as the other one */
        attempt_start(&a, p, 10000);
        attempt_expect_failure(&a, SIO_ERR_TLS, "hostname mismatch");
        sio__proxy_done(&a.proxy);
        peer_free(p);
    }
    sio__tls_context_free(client);
}

/* ---- any proxy ---- */

static void impossible_hosts_are_told(void **state) {
    (void)state;
    struct peer *p = peer_new();
    struct attempt a = attempt_direct(p);
    a.target.host = SIO_TEXT("a b");
    attempt_start(&a, p, 0);
    attempt_expect_failure(&a, SIO_ERR_INVALID, "connect SIO_ERR_INVALID a b:%u", p->port);
    attempt_through(&a, p, "http", "");
    a.target.host = SIO_TEXT("a b");
    attempt_start(&a, p, 0);
    attempt_expect_failure(&a, SIO_ERR_INVALID,
                           "the host, or the login, does not fit into the proxy's protocol: "
                           "127.0.0.1:%u (proxy)",
                           p->port);
    sio__proxy_done(&a.proxy);
    char login[400];
    memset(login, 'u', 300);
    (void)snprintf(login + 300, 10, ":p");
    attempt_through(&a, p, "socks5h", login);
    attempt_start(&a, p, 0);
    attempt_expect_failure(&a, SIO_ERR_INVALID,
                           "the host, or the login, does not fit into the proxy's protocol: "
                           "127.0.0.1:%u (proxy)",
                           p->port);
    sio__proxy_done(&a.proxy);
    peer_free(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(http_proxies_are_asked_for_a_tunnel),
        cmocka_unit_test(refusals_of_http_proxies_are_told),
        cmocka_unit_test(answers_of_http_proxies_are_bounded),
        cmocka_unit_test(proxies_have_to_hear_the_question_first),
        cmocka_unit_test(proxies_that_go_away_are_told),
        cmocka_unit_test(socks_proxies_are_given_the_name),
        cmocka_unit_test(socks_proxies_get_user_and_password),
        cmocka_unit_test(names_are_resolved_here_when_the_proxy_is_not_to),
        cmocka_unit_test(addresses_that_a_proxy_cannot_reach_are_followed_by_the_next),
        cmocka_unit_test(failing_lookups_for_a_proxy_are_told),
        cmocka_unit_test(refusals_of_socks_proxies_are_told),
        cmocka_unit_test(tunnels_are_secured),
        cmocka_unit_test(impossible_hosts_are_told),
    };
    return cmocka_run_group_tests(tests, attempt_setup, attempt_teardown);
}
