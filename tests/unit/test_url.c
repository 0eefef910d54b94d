/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sio/error.h>

#include "proto/url.h"
#include "support/torture.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void assert_text(struct text t, const char *expected) {
    if (expected == NULL) {
        assert_null(t.data);
        return;
    }
    assert_non_null(t.data);
    assert_int_equal(t.len, strlen(expected));
    assert_memory_equal(t.data, expected, t.len);
}

/* ---- servers ---- */

/* Scheme, host, port, path and query are those that socket.io-client's url() gives. */
static const struct {
    const char *url;
    const char *host;
    const char *authority;
    const char *ns;
    const char *query;
    uint16_t port;
    bool secure;
    bool websocket;
} servers[] = {
    {"http://localhost", "localhost", "localhost", "/", "", 80, false, false},
    {"https://localhost", "localhost", "localhost", "/", "", 443, true, false},
    {"ws://localhost", "localhost", "localhost", "/", "", 80, false, true},
    {"wss://h:3000/admin", "h", "h:3000", "/admin", "", 3000, true, true},
    {"http://h:80", "h", "h", "/", "", 80, false, false},
    {"https://h:80", "h", "h:80", "/", "", 80, true, false},
    {"http://h:443", "h", "h:443", "/", "", 443, false, false},
    {"http://h/admin/", "h", "h", "/admin/", "", 80, false, false},
    {"http://h//a//b", "h", "h", "//a//b", "", 80, false, false},
    {"http://h/a%20b?x=1&y=%41#f", "h", "h", "/a%20b", "x=1&y=%41", 80, false, false},
    {"http://h?x=1", "h", "h", "/", "x=1", 80, false, false},
    {"http://h#f", "h", "h", "/", "", 80, false, false},
    {"http://h/?", "h", "h", "/", "", 80, false, false},
    {"http://[::1]:3000/ns?q=1", "::1", "[::1]:3000", "/ns", "q=1", 3000, false, false},
    {"http://[::1]", "::1", "[::1]", "/", "", 80, false, false},
    {"http://u:p@h:1/x", "h", "h:1", "/x", "", 1, false, false},
    {"http://h:", "h", "h", "/", "", 80, false, false},
    {"http://h:/ns", "h", "h", "/ns", "", 80, false, false},
    {"//h:/ns", "h", "h", "/ns", "", 443, true, false},
    {"http:8080/ns", "http", "http:8080", "/ns", "", 8080, true, false},
    {"http://h/a b", "h", "h", "/a b", "", 80, false, false},
    {"http://h/\xc3\xa9", "h", "h", "/\xc3\xa9", "", 80, false, false},
    {"http://h/a?b?c", "h", "h", "/a", "b?c", 80, false, false},
    {"http://h/a#b?c", "h", "h", "/a", "", 80, false, false},
    {"http://h/a.b/c.d?e", "h", "h", "/a.b/c.d", "e", 80, false, false},
    {"http://h/x@y", "h", "h", "/x@y", "", 80, false, false},
    {"http://h?a@b", "h", "h", "/", "a@b", 80, false, false},
    {"http://h/ns/[x]", "h", "h", "/ns/[x]", "", 80, false, false},
    {"http://192.0.2.1:8080", "192.0.2.1", "192.0.2.1:8080", "/", "", 8080, false, false},
    {"http://http://h", "http", "http", "//h", "", 80, false, false},
    {"http://h:65535", "h", "h:65535", "/", "", 65535, false, false},
    {"http://h:00080", "h", "h", "/", "", 80, false, false},
};

static void urls_are_read_as_the_official_client_does(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(servers); i++) {
        struct url u;
        const char *rule;
        assert_int_equal(sio__url_init(&u, sio__text_of(servers[i].url), &rule), 0);
        assert_text(u.host, servers[i].host);
        assert_text(u.authority, servers[i].authority);
        assert_text(u.ns, servers[i].ns);
        assert_text(u.query, servers[i].query);
        assert_int_equal(u.port, servers[i].port);
        assert_int_equal(u.secure, servers[i].secure);
        assert_int_equal(u.websocket, servers[i].websocket);
        sio__url_done(&u);
    }
}

static void texts_are_followed_by_nul(void **state) {
    (void)state;
    struct url u;
    const char *rule;
    struct text raw = SIO_TEXT("https://us%40r:p%3Aw@[2001:db8::1]:65535/ns?a=b");
    assert_int_equal(sio__url_init(&u, raw, &rule), 0);
    assert_string_equal(u.host.data, "2001:db8::1");
    assert_string_equal(u.authority.data, "[2001:db8::1]:65535");
    assert_string_equal(u.ns.data, "/ns");
    assert_string_equal(u.query.data, "a=b");
    assert_string_equal(u.user.data, "us@r");
    assert_string_equal(u.password.data, "p:w");
    sio__url_done(&u);
}

static void a_missing_scheme_is_https(void **state) {
    (void)state;
    static const char *const urls[] = {"localhost:3000/x?http://y", "//localhost:3000/x?http://y"};
    for (size_t i = 0; i < COUNT_OF(urls); i++) {
        struct url u;
        const char *rule;
        assert_int_equal(sio__url_init(&u, sio__text_of(urls[i]), &rule), 0);
        assert_text(u.authority, "localhost:3000");
        assert_text(u.ns, "/x");
        assert_text(u.query, "http://y");
        assert_true(u.secure && !u.websocket && u.no_scheme);
        sio__url_done(&u);
    }
}

static void scheme_and_host_may_be_in_capitals(void **state) {
    (void)state;
    struct url u;
    const char *rule;
    assert_int_equal(sio__url_init(&u, SIO_TEXT("WSS://Example.COM:443/Ns"), &rule), 0);
    assert_text(u.host, "example.com");
    assert_text(u.authority, "example.com");
    assert_text(u.ns, "/Ns");
    assert_true(u.secure && u.websocket && !u.no_scheme);
    sio__url_done(&u);
}

static void user_and_password_are_told_apart(void **state) {
    (void)state;
    static const struct {
        const char *url;
        const char *user;
        const char *password;
    } cases[] = {
        {"http://h", NULL, NULL},       {"http://u@h", "u", NULL},
        {"http://u:@h", "u", ""},       {"http://:p@h", "", "p"},
        {"http://u:p:q@h", "u", "p:q"}, {"http://@h", "", NULL},
        {"http://a%3A@h", "a:", NULL},  {"http://%C3%A9:%25@h", "\xc3\xa9", "%"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct url u;
        const char *rule;
        assert_int_equal(sio__url_init(&u, sio__text_of(cases[i].url), &rule), 0);
        assert_text(u.host, "h");
        assert_text(u.user, cases[i].user);
        assert_text(u.password, cases[i].password);
        sio__url_done(&u);
    }
}

static void wrong_urls_are_refused_with_the_reason(void **state) {
    (void)state;
#define COLON_SLASH                                                                                \
    "\":/\" follows what is a scheme without its second slash, or a host without its port"
    static const struct {
        struct text url;
        const char *rule;
    } cases[] = {
        {{"", 0}, "the host is missing"},
        {{NULL, 0}, "the host is missing"},
        {SIO_TEXT("/ns"), "the host is missing"},
        {SIO_TEXT("http://"), "the host is missing"},
        {SIO_TEXT("http:///ns"), "the host is missing"},
        {SIO_TEXT("http://:80"), "the host is missing"},
        {SIO_TEXT("http://u@"), "the host is missing"},
        {SIO_TEXT("http://::1"), "the host is missing"},
        {SIO_TEXT("ftp://h"), "the scheme is none of http, https, ws, wss"},
        {SIO_TEXT("h://"), "the host is missing"},
        {SIO_TEXT("http:/h"), COLON_SLASH},
        {SIO_TEXT("HTTPS:/h:3000/ns?a"), COLON_SLASH},
        {SIO_TEXT("h:/ns"), COLON_SLASH},
        {SIO_TEXT("u:p@h:/ns"), COLON_SLASH},
        {SIO_TEXT("http://h:0"), "the port is no number from 1 to 65535"},
        {SIO_TEXT("http://h:65536"), "the port is no number from 1 to 65535"},
        {SIO_TEXT("http://h:000080"), "the port is no number from 1 to 65535"},
        {SIO_TEXT("http://h:-1"), "the port is no number from 1 to 65535"},
        {SIO_TEXT("http://h:8a"), "the port is no number from 1 to 65535"},
        {SIO_TEXT("http://2001:db8::1"), "the port is no number from 1 to 65535"},
        {SIO_TEXT("http://[::1"), "the bracket of an IPv6 address is not closed"},
        {SIO_TEXT("http://[]"), "what is in brackets is no IPv6 address"},
        {SIO_TEXT("http://[h]"), "what is in brackets is no IPv6 address"},
        {SIO_TEXT("http://[127.0.0.1]"), "what is in brackets is no IPv6 address"},
        {SIO_TEXT("http://[1:2:3:4:5:6:7:8:9]"), "what is in brackets is no IPv6 address"},
        {SIO_TEXT("http://[fe80::1%25eth0]"), "zone ids of IPv6 addresses are not supported"},
        {SIO_TEXT("http://[fe80::1%eth0]"), "zone ids of IPv6 addresses are not supported"},
        {SIO_TEXT("http://[::1]80"), "something other than a port follows the host"},
        {SIO_TEXT("http://b\xc3\xbc"
                  "cher.example"),
         "the host has a character that names do not have"},
        {SIO_TEXT("http://a b"), "the host has a character that names do not have"},
        {SIO_TEXT(" http://h"), "the host has a character that names do not have"},
        {SIO_TEXT("http://h\\@evil"), "a backslash stands before the path"},
        {SIO_TEXT("http://h%2e"), "the host has a character that names do not have"},
        {SIO_TEXT("http://a@b@c/x"), "an '@' in a user or password is to be written %40"},
        {SIO_TEXT("http://a%4@c/x"), "the user or password is not percent-encoded"},
        {SIO_TEXT("http://a:%00@c/x"), "the user or password is not percent-encoded"},
        {SIO_TEXT("http://h/\r\nX: y"), "the URL has a control character"},
        {SIO_TEXT("http://h\0/"), "the URL has a control character"},
        {SIO_TEXT("http://h/\x7f"), "the URL has a control character"},
        {SIO_TEXT("http://h/\xff"), "the URL is not UTF-8"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct url u;
        const char *rule = "";
        int r = sio__url_init(&u, cases[i].url, &rule);
        if (r == 0 || strcmp(rule, cases[i].rule) != 0) {
            print_message("%s: %s\n", cases[i].url.data, rule);
        }
        assert_int_equal(r, SIO_ERR_INVALID);
        assert_string_equal(rule, cases[i].rule);
    }
}

static void hosts_and_urls_have_a_longest_length(void **state) {
    (void)state;
    char *raw = malloc(URL_MAX + 2);
    assert_non_null(raw);
    struct url u;
    const char *rule;
    memset(raw, 'a', URL_MAX + 1);
    assert_int_equal(sio__url_init(&u, (struct text){raw, URL_HOST_MAX}, &rule), 0);
    assert_int_equal(u.host.len, URL_HOST_MAX);
    sio__url_done(&u);
    assert_int_equal(sio__url_init(&u, (struct text){raw, URL_HOST_MAX + 1}, &rule),
                     SIO_ERR_INVALID);
    assert_string_equal(rule, "the host is too long");
    raw[1] = '/';
    assert_int_equal(sio__url_init(&u, (struct text){raw, URL_MAX}, &rule), 0);
    assert_int_equal(u.ns.len, URL_MAX - 1);
    sio__url_done(&u);
    assert_int_equal(sio__url_init(&u, (struct text){raw, URL_MAX + 1}, &rule), SIO_ERR_INVALID);
    assert_string_equal(rule, "the URL is too long");
    free(raw);
}

static void a_zeroed_url_may_be_freed(void **state) {
    (void)state;
    struct url u = {0};
    sio__url_done(&u);
    sio__url_done(NULL);
    assert_null(u.block);
}

static void hosts_are_names_or_addresses(void **state) {
    (void)state;
    static const struct {
        const char *host;
        enum url_host kind;
    } cases[] = {
        {"", URL_HOST_INVALID},
        {"h", URL_HOST_NAME},
        {"a-b_c.example.", URL_HOST_NAME},
        {"127.0.0.1", URL_HOST_IPV4},
        {"127.0.0.256", URL_HOST_NAME},
        {"::", URL_HOST_IPV6},
        {"::ffff:1.2.3.4", URL_HOST_IPV6},
        {"[::1]", URL_HOST_INVALID},
        {"fe80::1%lo", URL_HOST_INVALID},
        {"a:b", URL_HOST_INVALID},
        {"a b", URL_HOST_INVALID},
        {"a\r\n", URL_HOST_INVALID},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint8_t address[16];
        assert_int_equal(sio__url_host(sio__text_of(cases[i].host), address), cases[i].kind);
    }
    uint8_t address[16] = {0};
    assert_int_equal(sio__url_host(SIO_TEXT("192.0.2.7"), address), URL_HOST_IPV4);
    assert_memory_equal(address, "\xc0\x00\x02\x07\x00", 5);
}

/* ---- queries ---- */

/* What parseqs of engine.io-client makes of a query: encode(decode(query)). */
static void queries_are_encoded_anew_as_the_official_client_does(void **state) {
    (void)state;
    static const struct {
        const char *query;
        const char *expected;
    } cases[] = {
        {"", ""},
        {"a=1&b=2", "a=1&b=2"},
        {"a", "a="},
        {"a=", "a="},
        {"=b", "=b"},
        {"a=b=c", "a=b%3Dc"},
        {"x=%41%20+&y=%c3%a9", "x=A%20%2B&y=%C3%A9"},
        {"\xc3\xa9=\xc3\xbc", "%C3%A9=%C3%BC"},
        {"a=!*'()~-_.", "a=!*'()~-_."},
        {"a=:@/?$,;&c=[]", "a=%3A%40%2F%3F%24%2C%3B&c=%5B%5D"},
        {"a=\xf0\x9f\x98\x80", "a=%F0%9F%98%80"},
        /* An empty parameter is left out; of equal names, the last one stands at its own place. */
        {"a=1&", "a=1"},
        {"&&a=1&&b=2", "a=1&b=2"},
        {"a=1&a=2&b=3", "a=2&b=3"},
        {"a=1&b=2&%61=3", "b=2&a=3"},
        {"b=1&aa=2&a=3&b=4", "aa=2&a=3&b=4"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf query;
        sio__buf_init(&query, SIZE_MAX);
        assert_int_equal(sio__query_add_encoded(&query, sio__text_of(cases[i].query)), 0);
        assert_int_equal(query.len, strlen(cases[i].expected));
        assert_true(query.len == 0 || memcmp(query.data, cases[i].expected, query.len) == 0);
        sio__buf_done(&query);
    }
}

static void what_is_malformed_leaves_the_query_as_it_was(void **state) {
    (void)state;
    static const char *const cases[] = {"%",     "a=%4",     "a=%4g",  "a=%ff",
                                        "a=%c3", "a=%c3%28", "\xff=1", "a=\xed\xa0\x80"};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf query;
        sio__buf_init(&query, SIZE_MAX);
        assert_int_equal(sio__query_add(&query, SIO_TEXT("a"), SIO_TEXT("1")), 0);
        assert_int_equal(sio__query_add_encoded(&query, sio__text_of(cases[i])), SIO_ERR_INVALID);
        assert_text(sio__buf_text(&query), "a=1");
        sio__buf_done(&query);
    }
    struct buf query;
    sio__buf_init(&query, SIZE_MAX);
    assert_int_equal(sio__query_add(&query, SIO_TEXT("a"), SIO_TEXT("\xff")), SIO_ERR_INVALID);
    assert_int_equal(query.len, 0);
    sio__buf_done(&query);
}

static void a_full_query_stays_as_it_was(void **state) {
    (void)state;
    struct buf query;
    sio__buf_init(&query, 8);
    assert_int_equal(sio__query_add(&query, SIO_TEXT("a"), SIO_TEXT("1")), 0);
    assert_int_equal(sio__query_add(&query, SIO_TEXT("a"), SIO_TEXT("%%")), SIO_ERR_TOO_BIG);
    assert_text(sio__buf_text(&query), "a=1");
    assert_int_equal(sio__query_add(&query, SIO_TEXT("a"), SIO_TEXT("23")), 0);
    assert_text(sio__buf_text(&query), "a=23");
    sio__buf_done(&query);
}

/* ---- targets ---- */

static void targets_are_those_of_the_official_client(void **state) {
    (void)state;
    static const struct {
        struct url_target target;
        const char *expected;
    } cases[] = {
        {{.path = SIO_TEXT("/socket.io"),
          .transport = SIO_TEXT("polling"),
          .timestamp_name = SIO_TEXT("t"),
          .timestamp = SIO_TEXT("abcdefgh")},
         "/socket.io/?EIO=4&transport=polling&t=abcdefgh"},
        {{.path = SIO_TEXT("/socket.io/"),
          .transport = SIO_TEXT("polling"),
          .timestamp_name = SIO_TEXT("t"),
          .timestamp = SIO_TEXT("abcdefgh"),
          .base64 = true,
          .sid = SIO_TEXT("x/y")},
         "/socket.io/?EIO=4&transport=polling&t=abcdefgh&b64=1&sid=x%2Fy"},
        {{.path = SIO_TEXT("/socket.io"),
          .query = SIO_TEXT("token=1&EIO=3&transport=x&sid=y&b64=0&t=1&u="),
          .transport = SIO_TEXT("websocket"),
          .timestamp_name = SIO_TEXT("t"),
          .sid = SIO_TEXT("S")},
         "/socket.io/?token=1&b64=0&t=1&u=&EIO=4&transport=websocket&sid=S"},
        {{.path = SIO_TEXT("/socket.io"),
          .query = SIO_TEXT("b64=0&t=1&z=2"),
          .transport = SIO_TEXT("polling"),
          .timestamp_name = SIO_TEXT("t"),
          .timestamp = SIO_TEXT("2"),
          .base64 = true},
         "/socket.io/?z=2&EIO=4&transport=polling&t=2&b64=1"},
        {{.path = SIO_TEXT("/a/b/"), .no_trailing_slash = true, .transport = SIO_TEXT("polling")},
         "/a/b?EIO=4&transport=polling"},
        {{.path = SIO_TEXT("/"), .no_trailing_slash = true, .transport = SIO_TEXT("polling")},
         "/?EIO=4&transport=polling"},
        {{.path = SIO_TEXT("/"), .transport = SIO_TEXT("polling")}, "/?EIO=4&transport=polling"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf out;
        sio__buf_init(&out, SIZE_MAX);
        assert_int_equal(sio__url_write_target(&out, &cases[i].target), 0);
        assert_text(sio__buf_text(&out), cases[i].expected);
        sio__buf_done(&out);
    }
}

static void a_path_that_would_change_the_request_is_refused(void **state) {
    (void)state;
    static const char *const paths[] = {"",     "socket.io",  "/a b",      "/a?b",
                                        "/a#b", "/a\r\nb: c", "/\xc3\xa9", "/\x7f"};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct url_target target = {.path = sio__text_of(paths[i]),
                                    .transport = SIO_TEXT("polling")};
        struct buf out;
        sio__buf_init(&out, SIZE_MAX);
        assert_int_equal(sio__buf_append_str(&out, "GET "), 0);
        assert_int_equal(sio__url_write_target(&out, &target), SIO_ERR_INVALID);
        assert_text(sio__buf_text(&out), "GET ");
        sio__buf_done(&out);
    }
}

static void a_target_that_does_not_fit_leaves_nothing_behind(void **state) {
    (void)state;
    struct url_target target = {.path = SIO_TEXT("/socket.io"),
                                .query = SIO_TEXT("a=1"),
                                .transport = SIO_TEXT("polling"),
                                .timestamp_name = SIO_TEXT("t"),
                                .timestamp = SIO_TEXT("12345678"),
                                .base64 = true,
                                .sid = SIO_TEXT("S")};
    size_t whole = strlen("/socket.io/?a=1&EIO=4&transport=polling&t=12345678&b64=1&sid=S");
    for (size_t max = 1; max <= whole; max++) {
        struct buf out;
        sio__buf_init(&out, max);
        int r = sio__url_write_target(&out, &target);
        assert_int_equal(r, max < whole ? SIO_ERR_TOO_BIG : 0);
        assert_int_equal(out.len, max < whole ? 0 : whole);
        sio__buf_done(&out);
    }
}

/* Date.now().toString(36).substring(3) is five characters from 2005 to 2059. */
static void timestamps_are_of_time_and_chance(void **state) {
    (void)state;
    char dst[URL_TIMESTAMP_LEN];
    assert_text(sio__url_timestamp(1760000000000, 0, dst), "6k3cw000");
    assert_text(sio__url_timestamp(1760000000001, 46655, dst), "6k3cxzzz");
    assert_text(sio__url_timestamp(0, 46656 + 37, dst), "00000011");
}

static int read_and_build(void *user) {
    (void)user;
    struct url u;
    const char *rule;
    struct buf out;
    sio__buf_init(&out, SIZE_MAX);
    int r = sio__url_init(&u, SIO_TEXT("http://u:p@host:3000/ns?a=1&b=2&a=3"), &rule);
    if (r < 0) {
        return r;
    }
    r = sio__query_add_encoded(&out, u.query);
    sio__url_done(&u);
    sio__buf_done(&out);
    return r;
}

static void memory_that_runs_out_is_reported(void **state) {
    (void)state;
    torture_run(read_and_build, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_read_as_the_official_client_does),
        cmocka_unit_test(texts_are_followed_by_nul),
        cmocka_unit_test(a_missing_scheme_is_https),
        cmocka_unit_test(scheme_and_host_may_be_in_capitals),
        cmocka_unit_test(user_and_password_are_told_apart),
        cmocka_unit_test(wrong_urls_are_refused_with_the_reason),
        cmocka_unit_test(hosts_and_urls_have_a_longest_length),
        cmocka_unit_test(a_zeroed_url_may_be_freed),
        cmocka_unit_test(hosts_are_names_or_addresses),
        cmocka_unit_test(queries_are_encoded_anew_as_the_official_client_does),
        cmocka_unit_test(what_is_malformed_leaves_the_query_as_it_was),
        cmocka_unit_test(a_full_query_stays_as_it_was),
        cmocka_unit_test(targets_are_those_of_the_official_client),
        cmocka_unit_test(a_path_that_would_change_the_request_is_refused),
        cmocka_unit_test(a_target_that_does_not_fit_leaves_nothing_behind),
        cmocka_unit_test(timestamps_are_of_time_and_chance),
        cmocka_unit_test_teardown(memory_that_runs_out_is_reported, torture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
