/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sio/error.h>

#include "proto/proxy.h"
#include "support/torture.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void assert_text(struct text t, const char *expected) {
    if (expected == NULL) {
        assert_null(t.data);
        return;
    }
    assert_non_null(t.data);
    assert_string_equal(t.data, expected);
    assert_int_equal(t.len, strlen(expected));
}

/* ---- URLs ---- */

static void proxies_are_named_as_for_curl(void **state) {
    (void)state;
    static const struct {
        const char *url;
        enum proxy_kind kind;
        bool resolve_locally;
        const char *host;
        uint16_t port;
        const char *user;
        const char *password;
    } cases[] = {
        {"http://p", PROXY_HTTP, false, "p", 1080, NULL, NULL},
        {"HTTP://p:3128/", PROXY_HTTP, false, "p", 3128, NULL, NULL},
        {"p:3128", PROXY_HTTP, false, "p", 3128, NULL, NULL},
        {"//p", PROXY_HTTP, false, "p", 1080, NULL, NULL},
        {"socks5://p", PROXY_SOCKS5, true, "p", 1080, NULL, NULL},
        {"socks5h://p:1", PROXY_SOCKS5, false, "p", 1, NULL, NULL},
        {"socks5h://[::1]:1", PROXY_SOCKS5, false, "::1", 1, NULL, NULL},
        {"http://u%40:p%3a%2F@p:80", PROXY_HTTP, false, "p", 80, "u@", "p:/"},
        {"http://u@p", PROXY_HTTP, false, "p", 1080, "u", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct proxy p;
        const char *rule;
        assert_int_equal(sio__proxy_init(&p, sio__text_of(cases[i].url), &rule), 0);
        assert_int_equal(p.kind, cases[i].kind);
        assert_int_equal(p.resolve_locally, cases[i].resolve_locally);
        assert_int_equal(p.port, cases[i].port);
        assert_text(p.host, cases[i].host);
        assert_text(p.user, cases[i].user);
        assert_text(p.password, cases[i].password);
        sio__proxy_done(&p);
        assert_null(p.block);
    }
    sio__proxy_done(NULL);
}

static void wrong_proxies_are_refused_with_the_reason(void **state) {
    (void)state;
    static const struct {
        const char *url;
        int error;
        const char *rule;
    } cases[] = {
        {"https://p", SIO_ERR_UNSUPPORTED,
         "the scheme of a proxy is none of http, socks5, socks5h"},
        {"socks4://p", SIO_ERR_UNSUPPORTED,
         "the scheme of a proxy is none of http, socks5, socks5h"},
        {"", SIO_ERR_INVALID, "the host is missing"},
        {"http://p:0", SIO_ERR_INVALID, "the port is no number from 1 to 65535"},
        {"http://u%0d%0a@p", SIO_ERR_INVALID,
         "the user or password of a proxy is not percent-encoded"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct proxy p;
        const char *rule = "";
        int r = sio__proxy_init(&p, sio__text_of(cases[i].url), &rule);
        assert_int_equal(r, cases[i].error);
        assert_string_equal(rule, cases[i].rule);
    }
}

/* ---- dialogues ---- */

/* Nothing but the bytes that belong to the tunnel, or an error. */
struct outcome {
    size_t rest; /* bytes of the last answer that were not eaten */
    int error;
    int status;
    const char *rule;
};

/* What is sent and what comes, in turn. */
struct scene {
    const char *proxy;
    const char *host;
    struct text script[8];
    struct outcome outcome;
};

/* Feeds an answer in pieces of at most `piece` bytes, each in its own memory. */
static enum proxy_event feed(struct proxy_dialogue *d, struct text *answer, size_t piece,
                             struct proxy_result *result) {
    enum proxy_event event = PROXY_MORE;
    while (answer->len > 0 && event == PROXY_MORE) {
        size_t n = answer->len < piece ? answer->len : piece;
        char *copy = malloc(n);
        assert_non_null(copy);
        memcpy(copy, answer->data, n);
        event = sio__proxy_dialogue_feed(d, copy, n, result);
        free(copy);
        assert_true(event == PROXY_MORE ? result->used == n : result->used <= n);
        *answer = (struct text){answer->data + result->used, answer->len - result->used};
    }
    return event;
}

static void assert_output(struct proxy_dialogue *d, struct text expected) {
    struct buf out;
    sio__buf_init(&out, SIZE_MAX);
    for (int i = 0; i < 2; i++) { /* there is nothing more the second time */
        assert_int_equal(sio__proxy_dialogue_output(d, &out), 0);
        assert_int_equal(out.len, expected.len);
        assert_memory_equal(out.data, expected.data, expected.len);
    }
    sio__buf_done(&out);
}

static void play(const struct scene *scene, size_t piece) {
    struct proxy proxy;
    const char *rule;
    struct proxy_dialogue d;
    struct proxy_result result = {0};
    enum proxy_event event = PROXY_MORE;
    struct text answer = {0};
    assert_int_equal(sio__proxy_init(&proxy, sio__text_of(scene->proxy), &rule), 0);
    int r = sio__proxy_dialogue_init(&d, &proxy, sio__text_of(scene->host), 80);
    assert_int_equal(r, 0);
    for (size_t i = 0; scene->script[i].data != NULL; i += 2) {
        assert_int_equal(event, PROXY_MORE);
        assert_output(&d, scene->script[i]);
        answer = scene->script[i + 1];
        event = feed(&d, &answer, piece, &result);
    }
    assert_int_equal(event, scene->outcome.error == 0 ? PROXY_DONE : PROXY_ERROR);
    assert_int_equal(answer.len, scene->outcome.rest);
    assert_int_equal(result.error, scene->outcome.error);
    assert_int_equal(result.status, scene->outcome.status);
    assert_true((result.rule == NULL) == (scene->outcome.rule == NULL));
    if (result.rule != NULL) {
        assert_string_equal(result.rule, scene->outcome.rule);
    }
    assert_int_equal(sio__proxy_dialogue_feed(&d, "x", 1, &result), event);
    assert_int_equal(result.used, 0);
    sio__proxy_done(&proxy);
}

static void play_in_pieces(const struct scene *scene) {
    for (size_t piece = 1; piece < 70; piece++) {
        play(scene, piece);
    }
}

/* ---- HTTP ---- */

#define ASKED "CONNECT h.example:80 HTTP/1.1\r\nHost: h.example:80\r\n"

static void an_http_proxy_is_asked_to_connect(void **state) {
    (void)state;
    static const struct {
        const char *proxy;
        const char *host;
        const char *request;
    } cases[] = {
        {"http://p", "h.example", ASKED "\r\n"},
        {"http://p", "::1", "CONNECT [::1]:80 HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"},
        {"http://Aladdin:open%20sesame@p", "h.example",
         ASKED "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n"},
        {"http://u@p", "h.example", ASKED "Proxy-Authorization: Basic dTo=\r\n\r\n"},
        {"http://@p", "h.example", ASKED "Proxy-Authorization: Basic Og==\r\n\r\n"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct text request = sio__text_of(cases[i].request);
        struct text answer = SIO_TEXT("HTTP/1.1 200 OK\r\n\r\n");
        struct scene scene = {cases[i].proxy, cases[i].host, {request, answer}, {0}};
        play_in_pieces(&scene);
    }
}

#define NO_HTTP   "the proxy does not speak HTTP/1"
#define MALFORMED "the proxy's answer is malformed"
#define REFUSED   "the proxy refused the tunnel"

static void answers_of_an_http_proxy_are_understood(void **state) {
    (void)state;
    static const struct {
        struct text answer;
        struct outcome outcome;
    } cases[] = {
        {SIO_TEXT("HTTP/1.1 200 OK\r\n\r\n"), {0}},
        {SIO_TEXT("HTTP/1.0 200 Connection established\r\nVia: 1.1 x\r\nX:\r\n\r\n\x16\r\n"),
         {.rest = 3}},
        {SIO_TEXT("HTTP/1.1 299\r\nContent-Length: 5\r\n\r\nhello"), {.rest = 5}},
        {SIO_TEXT("HTTP/1.1 100 Go on\r\nA: b\r\n\r\nHTTP/1.1 102 \r\n\r\nHTTP/1.1 204 \r\n\r\n!"),
         {.rest = 1}},
        {SIO_TEXT("HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\n\r\n"),
         {0, SIO_ERR_REFUSED, 407, "the proxy wants a login"}},
        {SIO_TEXT("HTTP/1.1 503 x\r\n\r\n"), {0, SIO_ERR_REFUSED, 503, REFUSED}},
        {SIO_TEXT("HTTP/1.1 101 x\r\n\r\n"), {0, SIO_ERR_REFUSED, 101, REFUSED}},
        {SIO_TEXT("HTTP/1.1 301 x\r\n\r\n"), {0, SIO_ERR_REFUSED, 301, REFUSED}},
        {SIO_TEXT("HTTP/1.1 000 x\r\n\r\n"), {0, SIO_ERR_REFUSED, 0, REFUSED}},
        {SIO_TEXT("HTTP/2 200\r\n"), {6, SIO_ERR_PROTO, 0, NO_HTTP}},
        {SIO_TEXT("HTTP/1.2 200\r\n"), {6, SIO_ERR_PROTO, 0, NO_HTTP}},
        {SIO_TEXT("HTTP/1.1 nnn \r\n"), {5, SIO_ERR_PROTO, 0, NO_HTTP}},
        {SIO_TEXT("HTTP/1.x 200 \r\n"), {7, SIO_ERR_PROTO, 0, NO_HTTP}},
        {SIO_TEXT("HTTP/1.1 20\r\n"), {1, SIO_ERR_PROTO, 0, NO_HTTP}},
        {SIO_TEXT("\r\nHTTP/1.1 200\r\n"), {15, SIO_ERR_PROTO, 0, NO_HTTP}},
        {SIO_TEXT("\x05\x00"), {1, SIO_ERR_PROTO, 0, NO_HTTP}},
        {SIO_TEXT("HTTP/1.1 2000\r\n"), {2, SIO_ERR_PROTO, 0, MALFORMED}},
        {SIO_TEXT("HTTP/1.1 200 OK\n\n"), {1, SIO_ERR_PROTO, 0, MALFORMED}},
        {SIO_TEXT("HTTP/1.1 200 OK\r\r\n"), {1, SIO_ERR_PROTO, 0, MALFORMED}},
        {SIO_TEXT("HTTP/1.1 200 OK\r\n\rx"), {0, SIO_ERR_PROTO, 0, MALFORMED}},
        {SIO_TEXT("HTTP/1.1 200 OK\r\n a: b\r\n"), {6, SIO_ERR_PROTO, 0, MALFORMED}},
        {SIO_TEXT("HTTP/1.1 200 OK\r\na : b\r\n"), {5, SIO_ERR_PROTO, 0, MALFORMED}},
        {SIO_TEXT("HTTP/1.1 200 OK\r\n: b\r\n"), {4, SIO_ERR_PROTO, 0, MALFORMED}},
        {SIO_TEXT("HTTP/1.1 200 OK\r\nab\r\n"), {1, SIO_ERR_PROTO, 0, MALFORMED}},
        {SIO_TEXT("HTTP/1.1 200 OK\r\na:\x01\r\n"), {2, SIO_ERR_PROTO, 0, MALFORMED}},
        {SIO_TEXT("HTTP/1.1 200 OK\r\na:\0\r\n"), {2, SIO_ERR_PROTO, 0, MALFORMED}},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct text request = SIO_TEXT(ASKED "\r\n");
        struct scene scene = {
            "http://p", "h.example", {request, cases[i].answer}, cases[i].outcome};
        play_in_pieces(&scene);
    }
}

static void a_login_that_an_http_proxy_does_not_take_is_told(void **state) {
    (void)state;
    static const struct scene scene = {
        "http://u@p",
        "h.example",
        {SIO_TEXT(ASKED "Proxy-Authorization: Basic dTo=\r\n\r\n"),
         SIO_TEXT("HTTP/1.1 407 No\r\n\r\n")},
        {0, SIO_ERR_REFUSED, 407, "the proxy does not accept user and password"},
    };
    play_in_pieces(&scene);
}

/* ---- SOCKS5 ---- */

#define HELLO       SIO_TEXT("\x05\x01\x00")
#define HELLO_LOGIN SIO_TEXT("\x05\x02\x00\x02")
#define LOGIN       SIO_TEXT("\x01\x02us\x04pass")
#define NO_LOGIN    SIO_TEXT("\x05\x00")
#define PASSWORD    SIO_TEXT("\x05\x02")
#define CONNECT     SIO_TEXT("\x05\x01\x00\x03\x09h.example\x00\x50")
#define CONNECTED   SIO_TEXT("\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50")

static void a_socks_proxy_connects_to_a_name(void **state) {
    (void)state;
    static const struct {
        struct text reply;
        struct outcome outcome;
    } cases[] = {
        {CONNECTED, {0}},
        {SIO_TEXT("\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50!"), {.rest = 1}},
        {SIO_TEXT("\x05\x00\x00\x03\x00\x00\x50"
                  "xy"),
         {.rest = 2}},
        {SIO_TEXT("\x05\x00\x00\x03\x03"
                  "abc\x00\x50xyz"),
         {.rest = 3}},
        {SIO_TEXT("\x05\x00\x00\x04"
                  "0123456789abcdef\x00\x50"),
         {0}},
        {SIO_TEXT("\x04\x00"), {0, SIO_ERR_PROTO, 0, "the proxy does not speak SOCKS5"}},
        {SIO_TEXT("\x05\x00\x00\x02\x01"),
         {0, SIO_ERR_PROTO, 0, "the proxy sent an unknown type of address"}},
        {SIO_TEXT("\x05\x01"), {0, SIO_ERR_REFUSED, 1, "the proxy failed"}},
        {SIO_TEXT("\x05\x02\x00\x01"),
         {2, SIO_ERR_REFUSED, 2, "the proxy's rules do not allow the connection"}},
        {SIO_TEXT("\x05\x03"), {0, -ENETUNREACH, 3, "the proxy cannot reach the server's network"}},
        {SIO_TEXT("\x05\x04"), {0, -EHOSTUNREACH, 4, "the proxy cannot reach the server"}},
        {SIO_TEXT("\x05\x05"), {0, -ECONNREFUSED, 5, "the server refused the proxy's connection"}},
        {SIO_TEXT("\x05\x06"),
         {0, -ETIMEDOUT, 6, "the proxy's packets to the server expired on their way"}},
        {SIO_TEXT("\x05\x07"), {0, SIO_ERR_UNSUPPORTED, 7, "the proxy does not support CONNECT"}},
        {SIO_TEXT("\x05\x08"),
         {0, SIO_ERR_UNSUPPORTED, 8, "the proxy does not support this type of address"}},
        {SIO_TEXT("\x05\x09"), {0, SIO_ERR_PROTO, 9, "the proxy sent an unknown reply code"}},
        {SIO_TEXT("\x05\xff"), {0, SIO_ERR_PROTO, 255, "the proxy sent an unknown reply code"}},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct scene scene = {"socks5h://p",
                              "h.example",
                              {HELLO, NO_LOGIN, CONNECT, cases[i].reply},
                              cases[i].outcome};
        play_in_pieces(&scene);
    }
}

static void a_socks_proxy_connects_to_an_address(void **state) {
    (void)state;
    static const struct {
        const char *host;
        struct text request;
    } cases[] = {
        {"192.0.2.1", SIO_TEXT("\x05\x01\x00\x01\xc0\x00\x02\x01\x00\x50")},
        {"::2", SIO_TEXT("\x05\x01\x00\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x02\x00\x50")},
    };
    static const char *const proxies[] = {"socks5://p", "socks5h://p"};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        for (size_t k = 0; k < COUNT_OF(proxies); k++) {
            struct scene scene = {
                proxies[k], cases[i].host, {HELLO, NO_LOGIN, cases[i].request, CONNECTED}, {0}};
            play_in_pieces(&scene);
        }
    }
}

static void a_socks_proxy_chooses_the_login(void **state) {
    (void)state;
    static const struct {
        const char *proxy;
        struct text script[8];
        struct outcome outcome;
    } cases[] = {
        {"socks5h://us:pass@p",
         {HELLO_LOGIN, PASSWORD, LOGIN, SIO_TEXT("\x01\x00"), CONNECT, CONNECTED},
         {0}},
        {"socks5h://us:pass@p",
         {HELLO_LOGIN, PASSWORD, LOGIN, SIO_TEXT("\x05\x00"), CONNECT, CONNECTED},
         {0}},
        {"socks5h://us@p",
         {HELLO_LOGIN, PASSWORD, SIO_TEXT("\x01\x02us\x00"), SIO_TEXT("\x01\x00"), CONNECT,
          CONNECTED},
         {0}},
        {"socks5h://us:pass@p", {HELLO_LOGIN, NO_LOGIN, CONNECT, CONNECTED}, {0}},
        {"socks5h://us:pass@p",
         {HELLO_LOGIN, PASSWORD, LOGIN, SIO_TEXT("\x01\x01")},
         {0, SIO_ERR_REFUSED, 0, "the proxy does not accept user and password"}},
        {"socks5h://us:pass@p",
         {HELLO_LOGIN, SIO_TEXT("\x05\xff")},
         {0, SIO_ERR_REFUSED, 0, "the proxy wants another kind of login"}},
        {"socks5h://p",
         {HELLO, SIO_TEXT("\x05\xff")},
         {0, SIO_ERR_REFUSED, 0, "the proxy wants a login"}},
        {"socks5h://p", {HELLO, PASSWORD}, {0, SIO_ERR_REFUSED, 0, "the proxy wants a login"}},
        {"socks5h://p",
         {HELLO, SIO_TEXT("\x05\x01")},
         {0, SIO_ERR_PROTO, 0, "the proxy chose a login that was not offered"}},
        {"socks5h://p",
         {HELLO, SIO_TEXT("HTTP")},
         {2, SIO_ERR_PROTO, 0, "the proxy does not speak SOCKS5"}},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct scene scene = {cases[i].proxy, "h.example", {{0}}, cases[i].outcome};
        memcpy(scene.script, cases[i].script, sizeof(scene.script));
        play_in_pieces(&scene);
    }
}

/* ---- limits ---- */

static void an_answer_that_is_not_complete_needs_more(void **state) {
    (void)state;
    static const struct {
        const char *proxy;
        struct text script[2];
    } cases[] = {
        {"http://p", {SIO_TEXT(""), SIO_TEXT("HTTP/1.1 200 OK\r\na: b\r\n\r")}},
        {"socks5h://p", {NO_LOGIN, SIO_TEXT("\x05\x00\x00\x01\x7f\x00\x00\x01\x00")}},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct proxy proxy;
        const char *rule;
        struct proxy_dialogue d;
        struct proxy_result result;
        struct buf out;
        sio__buf_init(&out, SIZE_MAX);
        assert_int_equal(sio__proxy_init(&proxy, sio__text_of(cases[i].proxy), &rule), 0);
        assert_int_equal(sio__proxy_dialogue_init(&d, &proxy, SIO_TEXT("h"), 80), 0);
        for (size_t k = 0; k < 2; k++) {
            assert_int_equal(sio__proxy_dialogue_output(&d, &out), 0);
            struct text answer = cases[i].script[k];
            assert_int_equal(feed(&d, &answer, 100, &result), PROXY_MORE);
            assert_int_equal(answer.len, 0);
        }
        sio__buf_done(&out);
        sio__proxy_done(&proxy);
    }
}

static void an_answer_without_a_question_is_an_error(void **state) {
    (void)state;
    struct proxy proxy = {.kind = PROXY_SOCKS5};
    struct proxy_dialogue d;
    struct proxy_result result;
    struct buf out;
    sio__buf_init(&out, SIZE_MAX);
    assert_int_equal(sio__proxy_dialogue_init(&d, &proxy, SIO_TEXT("h"), 80), 0);
    assert_int_equal(sio__proxy_dialogue_feed(&d, NULL, 0, &result), PROXY_MORE);
    assert_int_equal(result.used, 0);
    assert_int_equal(sio__proxy_dialogue_output(&d, &out), 0);
    assert_int_equal(sio__proxy_dialogue_feed(&d, "\x05\x00\x05", 3, &result), PROXY_ERROR);
    assert_int_equal(result.error, SIO_ERR_PROTO);
    assert_int_equal(result.used, 2);
    assert_string_equal(result.rule, "the proxy answered before it was asked");
    size_t before = out.len;
    assert_int_equal(sio__proxy_dialogue_output(&d, &out), 0);
    assert_int_equal(out.len, before);
    sio__buf_done(&out);
}

/* Feeds a status line, then a field so long that all has `total` bytes with the blank line. */
static enum proxy_event feed_long_head(size_t total, struct proxy_result *result) {
    static const char start[] = "HTTP/1.1 200 OK\r\na:";
    struct proxy proxy = {.kind = PROXY_HTTP};
    struct proxy_dialogue d;
    struct buf out;
    char *head = malloc(total);
    assert_non_null(head);
    memset(head, 'x', total);
    memcpy(head, start, strlen(start));
    memcpy(head + total - 4, "\r\n\r\n", 4);
    sio__buf_init(&out, SIZE_MAX);
    assert_int_equal(sio__proxy_dialogue_init(&d, &proxy, SIO_TEXT("h"), 80), 0);
    assert_int_equal(sio__proxy_dialogue_output(&d, &out), 0);
    enum proxy_event event = sio__proxy_dialogue_feed(&d, head, total, result);
    sio__buf_done(&out);
    free(head);
    return event;
}

static void an_endless_answer_is_an_error(void **state) {
    (void)state;
    struct proxy_result result;
    assert_int_equal(feed_long_head(PROXY_HEAD_MAX, &result), PROXY_DONE);
    assert_int_equal(result.used, PROXY_HEAD_MAX);
    assert_int_equal(feed_long_head(PROXY_HEAD_MAX + 1, &result), PROXY_ERROR);
    assert_int_equal(result.used, PROXY_HEAD_MAX);
    assert_int_equal(result.error, SIO_ERR_TOO_BIG);
    assert_string_equal(result.rule, "the proxy's answer is too long");
}

static void what_the_protocol_cannot_say_is_refused(void **state) {
    (void)state;
    char long_text[300];
    memset(long_text, 'a', sizeof(long_text));
    struct text t255 = {long_text, 255};
    struct text t256 = {long_text, 256};
    const struct {
        struct proxy proxy;
        struct text host;
        int result;
    } cases[] = {
        {{.kind = PROXY_SOCKS5}, t255, 0},
        {{.kind = PROXY_SOCKS5}, t256, SIO_ERR_INVALID},
        {{.kind = PROXY_SOCKS5}, {NULL, 0}, SIO_ERR_INVALID},
        {{.kind = PROXY_HTTP}, SIO_TEXT("h\r\nX: y"), SIO_ERR_INVALID},
        {{.kind = PROXY_HTTP}, SIO_TEXT("[::1]"), SIO_ERR_INVALID},
        {{.kind = PROXY_SOCKS5, .resolve_locally = true}, SIO_TEXT("h"), SIO_ERR_INVALID},
        {{.kind = PROXY_SOCKS5, .resolve_locally = true}, SIO_TEXT("::1"), 0},
        {{.kind = PROXY_SOCKS5, .user = t255, .password = t255}, SIO_TEXT("h"), 0},
        {{.kind = PROXY_SOCKS5, .user = t256}, SIO_TEXT("h"), SIO_ERR_INVALID},
        {{.kind = PROXY_SOCKS5, .user = t255, .password = t256}, SIO_TEXT("h"), SIO_ERR_INVALID},
        {{.kind = PROXY_HTTP, .user = t256, .password = t256}, SIO_TEXT("h"), 0},
        {{.kind = PROXY_HTTP, .user = SIO_TEXT("a:b")}, SIO_TEXT("h"), SIO_ERR_INVALID},
        {{.kind = PROXY_SOCKS5, .user = SIO_TEXT("a:b")}, SIO_TEXT("h"), 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct proxy_dialogue d;
        int r = sio__proxy_dialogue_init(&d, &cases[i].proxy, cases[i].host, 80);
        assert_int_equal(r, cases[i].result);
    }
}

static void output_that_does_not_fit_can_be_had_later(void **state) {
    (void)state;
    static const char *const urls[] = {"http://user:pw@p", "socks5h://p", "socks5h://user:pw@p"};
    for (size_t i = 0; i < COUNT_OF(urls); i++) {
        struct proxy proxy;
        const char *rule;
        struct proxy_dialogue d;
        assert_int_equal(sio__proxy_init(&proxy, sio__text_of(urls[i]), &rule), 0);
        assert_int_equal(sio__proxy_dialogue_init(&d, &proxy, SIO_TEXT("h"), 80), 0);
        int r = SIO_ERR_TOO_BIG;
        for (size_t max = 1; r < 0; max++) {
            struct buf out;
            sio__buf_init(&out, max);
            r = sio__proxy_dialogue_output(&d, &out);
            assert_true(r == 0 || r == SIO_ERR_TOO_BIG);
            assert_int_equal(out.len > 0, r == 0);
            sio__buf_done(&out);
            assert_in_range(max, 1, 200);
        }
        sio__proxy_done(&proxy);
    }
}

static int ask(void *user) {
    struct proxy proxy;
    const char *rule;
    struct proxy_dialogue d;
    int r = sio__proxy_init(&proxy, sio__text_of(user), &rule);
    if (r < 0) {
        return r;
    }
    struct buf out;
    sio__buf_init(&out, SIZE_MAX);
    r = sio__proxy_dialogue_init(&d, &proxy, SIO_TEXT("h"), 80);
    assert_int_equal(r, 0);
    r = sio__proxy_dialogue_output(&d, &out);
    sio__buf_done(&out);
    sio__proxy_done(&proxy);
    return r;
}

static void memory_that_runs_out_is_reported(void **state) {
    (void)state;
    char http[] = "http://u:p@h";
    torture_run(ask, http);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proxies_are_named_as_for_curl),
        cmocka_unit_test(wrong_proxies_are_refused_with_the_reason),
        cmocka_unit_test(an_http_proxy_is_asked_to_connect),
        cmocka_unit_test(answers_of_an_http_proxy_are_understood),
        cmocka_unit_test(a_login_that_an_http_proxy_does_not_take_is_told),
        cmocka_unit_test(a_socks_proxy_connects_to_a_name),
        cmocka_unit_test(a_socks_proxy_connects_to_an_address),
        cmocka_unit_test(a_socks_proxy_chooses_the_login),
        cmocka_unit_test(an_answer_that_is_not_complete_needs_more),
        cmocka_unit_test(an_answer_without_a_question_is_an_error),
        cmocka_unit_test(an_endless_answer_is_an_error),
        cmocka_unit_test(what_the_protocol_cannot_say_is_refused),
        cmocka_unit_test(output_that_does_not_fit_can_be_had_later),
        cmocka_unit_test_teardown(memory_that_runs_out_is_reported, torture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
