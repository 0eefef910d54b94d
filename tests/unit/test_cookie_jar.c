/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sio/error.h>

#include "proto/cookie_jar.h"
#include "support/torture.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define NOW 1700000000

static struct cookie_jar jar_of(const char *host, bool secure) {
    struct cookie_jar jar;
    sio__cookie_jar_init(&jar, sio__text_of(host), secure);
    return jar;
}

static int set(struct cookie_jar *jar, const char *cookie, const char *target) {
    return sio__cookie_jar_set(jar, sio__text_of(cookie), sio__text_of(target), NOW);
}

static void assert_field_at(struct cookie_jar *jar, const char *target, int64_t now_s,
                            const char *expected) {
    struct buf out;
    sio__buf_init(&out, SIZE_MAX);
    int n = sio__cookie_jar_write(jar, sio__text_of(target), now_s, SIZE_MAX, &out);
    if (out.len != strlen(expected) || (out.len > 0 && memcmp(out.data, expected, out.len) != 0)) {
        fail_msg("%s: \"%.*s\", not \"%s\"", target, (int)out.len, (const char *)out.data,
                 expected);
    }
    int expected_n = expected[0] == '\0' ? 0 : 1;
    for (const char *p = strstr(expected, "; "); p != NULL; p = strstr(p + 2, "; ")) {
        expected_n++;
    }
    assert_int_equal(n, expected_n);
    sio__buf_done(&out);
}

static void assert_field(struct cookie_jar *jar, const char *target, const char *expected) {
    assert_field_at(jar, target, NOW, expected);
}

/* ---- one cookie ---- */

/* What a jar for https://www.example.com/socket.io/ sends back after one Set-Cookie. */
static const struct {
    const char *cookie;
    const char *sent;
} cookies[] = {
    {"a=b", "a=b"},
    {"  a \t=\t b  ", "a=b"},
    {"a=", "a="},
    {"a=b=c", "a=b=c"},
    {"a=\"b c\"; x", "a=\"b c\""},
    {"a=b;", "a=b"},
    {"a=b; HttpOnly; SameSite=Lax; Priority=High; ;=;=x", "a=b"},
    {"io=\xc3\xa9", "io=\xc3\xa9"},
    {"", ""},
    {"a", ""},
    {";a=b", ""},
    {"=b", ""},
    {" =b", ""},
    {"a=b\r\nX: y", ""},
    {"a=b\x01", ""},
    {"a=b; Path=/\x7f", ""},
    /* Domain: RFC 6265 5.1.3, 5.2.3 */
    {"a=b; Domain=www.example.com", "a=b"},
    {"a=b; Domain=example.com", "a=b"},
    {"a=b; Domain=.example.com", "a=b"},
    {"a=b; DOMAIN = Example.COM", "a=b"},
    {"a=b; Domain=", "a=b"},
    {"a=b; Domain=.", "a=b"},
    {"a=b; Domain=xample.com", ""},
    {"a=b; Domain=other.com", ""},
    {"a=b; Domain=ww.example.com", ""},
    {"a=b; Domain=x.www.example.com", ""},
    {"a=b; Domain=..example.com", ""},
    {"a=b; Domain=www.example.com.", ""},
    {"a=b; Domain=example.com; Domain=other.com", ""},
    {"a=b; Domain=other.com; Domain=example.com", "a=b"},
    {"a=b; Domain=other.com; Domain=", ""},
    /* Path: 5.1.4, 5.2.4 */
    {"a=b; Path=/", "a=b"},
    {"a=b; Path=/socket.io", "a=b"},
    {"a=b; Path=/socket.io/", "a=b"},
    {"a=b; path=x", "a=b"},
    {"a=b; Path", "a=b"},
    {"a=b; Path=/socket", ""},
    {"a=b; Path=/socket.io/x", ""},
    {"a=b; Path=/Socket.io", ""},
    {"a=b; Path=/x; Path=/", "a=b"},
    {"a=b; Path=/; Path=/x", ""},
    /* Expires and Max-Age: 5.2.1, 5.2.2; now is 14 Nov 2023 22:13:20 */
    {"a=b; Expires=Tue, 14 Nov 2023 22:13:21 GMT", "a=b"},
    {"a=b; Expires=Tue, 14 Nov 2023 22:13:20 GMT", ""},
    {"a=b; expires=Thu, 01-Jan-1970 00:00:00 GMT", ""},
    {"a=b; Expires=never", "a=b"},
    {"a=b; Max-Age=1", "a=b"},
    {"a=b; Max-Age=0", ""},
    {"a=b; max-age=-1", ""},
    {"a=b; Max-Age=99999999999999999999999999", "a=b"},
    {"a=b; Max-Age=9223372036854775807", "a=b"},
    {"a=b; Max-Age=-99999999999999999999999999", ""},
    {"a=b; Max-Age=x", "a=b"},
    {"a=b; Max-Age=-", "a=b"},
    {"a=b; Max-Age=", "a=b"},
    {"a=b; Max-Age=0x", "a=b"},
    {"a=b; Max-Age=+0", "a=b"},
    {"a=b; Max-Age=0; Expires=Tue, 14 Nov 2033 22:13:21 GMT", ""},
    {"a=b; Expires=Tue, 14 Nov 2033 22:13:21 GMT; Max-Age=0", ""},
    {"a=b; Max-Age=1; Expires=Thu, 01-Jan-1970 00:00:00 GMT", "a=b"},
    {"a=b; Max-Age=0; Max-Age=1", "a=b"},
    /* Secure */
    {"a=b; Secure", "a=b"},
};

static void a_cookie_is_sent_back_where_it_belongs(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cookies); i++) {
        struct cookie_jar jar = jar_of("www.example.com", true);
        int r = set(&jar, cookies[i].cookie, "/socket.io/?EIO=4");
        assert_true(r == 0 || r == 1);
        if (cookies[i].sent[0] != '\0') {
            assert_int_equal(r, 1);
        }
        assert_field(&jar, "/socket.io/?EIO=4", cookies[i].sent);
        sio__cookie_jar_done(&jar);
    }
}

static void a_secure_cookie_is_not_for_plain_connections(void **state) {
    (void)state;
    struct cookie_jar jar = jar_of("h", false);
    assert_int_equal(set(&jar, "a=b; secure", "/"), 0);
    assert_int_equal(set(&jar, "c=d; Secure=no", "/"), 0);
    assert_int_equal(set(&jar, "e=f", "/"), 1);
    assert_field(&jar, "/", "e=f");
    sio__cookie_jar_done(&jar);
}

static void an_address_has_no_domains_above_it(void **state) {
    (void)state;
    static const struct {
        const char *host;
        const char *cookie;
        int result;
    } cases[] = {
        {"192.0.2.1", "a=b; Domain=2.1", 0},
        {"192.0.2.1", "a=b; Domain=192.0.2.1", 1},
        {"::ffff:192.0.2.1", "a=b; Domain=2.1", 0},
        {"1.a.2.1", "a=b; Domain=2.1", 1},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct cookie_jar jar = jar_of(cases[i].host, false);
        assert_int_equal(set(&jar, cases[i].cookie, "/"), cases[i].result);
        sio__cookie_jar_done(&jar);
    }
}

static void a_cookie_without_path_has_that_of_the_request(void **state) {
    (void)state;
    static const struct {
        const char *target;
        const char *inside;
        const char *outside;
    } cases[] = {
        {"/a/b/c?d=/e/f", "/a/b/x", "/a/x"},
        {"/a/b/", "/a/b", "/a/bc"},
        {"/a", "/x", NULL},
        {"/", "/x", NULL},
        {"", "/x", NULL},
        {"a/b", "/x", NULL},
        {"?/a/b", "/x", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct cookie_jar jar = jar_of("h", false);
        assert_int_equal(set(&jar, "n=v", cases[i].target), 1);
        assert_field(&jar, cases[i].inside, "n=v");
        if (cases[i].outside != NULL) {
            assert_field(&jar, cases[i].outside, "");
        }
        sio__cookie_jar_done(&jar);
    }
}

/* ---- several cookies ---- */

static void longer_paths_come_first_then_older_cookies(void **state) {
    (void)state;
    struct cookie_jar jar = jar_of("h", false);
    assert_int_equal(set(&jar, "a=1; Path=/", "/"), 1);
    assert_int_equal(set(&jar, "b=2; Path=/x", "/"), 1);
    assert_int_equal(set(&jar, "c=3; Path=/", "/"), 1);
    assert_int_equal(set(&jar, "d=4; Path=/x/y", "/"), 1);
    assert_int_equal(set(&jar, "e=5; Path=/x", "/"), 1);
    assert_field(&jar, "/x/y/z", "d=4; b=2; e=5; a=1; c=3");
    assert_field(&jar, "/x", "b=2; e=5; a=1; c=3");
    assert_field(&jar, "/", "a=1; c=3");
    assert_field(&jar, "", "");
    sio__cookie_jar_done(&jar);
}

static void a_cookie_of_same_name_domain_and_path_is_replaced_in_its_place(void **state) {
    (void)state;
    struct cookie_jar jar = jar_of("www.example.com", false);
    assert_int_equal(set(&jar, "a=1; Path=/", "/"), 1);
    assert_int_equal(set(&jar, "b=2; Path=/", "/"), 1);
    assert_int_equal(set(&jar, "a=3; Path=/; Domain=www.example.com", "/"), 1);
    assert_field(&jar, "/x", "a=3; b=2");
    assert_int_equal(set(&jar, "a=4; Path=/; Domain=example.com", "/"), 1);
    assert_int_equal(set(&jar, "a=5; Path=/x", "/"), 1);
    assert_int_equal(set(&jar, "A=6; Path=/", "/"), 1);
    assert_field(&jar, "/x", "a=5; a=3; b=2; a=4; A=6");
    sio__cookie_jar_done(&jar);
}

static void an_expired_cookie_removes_the_one_before(void **state) {
    (void)state;
    struct cookie_jar jar = jar_of("h", false);
    assert_int_equal(set(&jar, "a=1; Path=/", "/"), 1);
    assert_int_equal(set(&jar, "b=2; Path=/", "/"), 1);
    assert_int_equal(set(&jar, "a=; Path=/x; Max-Age=0", "/"), 0);
    assert_int_equal(set(&jar, "a=; Path=/; Max-Age=0", "/"), 1);
    assert_int_equal(set(&jar, "a=; Path=/; Max-Age=0", "/"), 0);
    assert_field(&jar, "/x", "b=2");
    sio__cookie_jar_done(&jar);
}

static void a_cookie_is_gone_when_its_time_comes(void **state) {
    (void)state;
    struct cookie_jar jar = jar_of("h", false);
    assert_int_equal(set(&jar, "a=1; Max-Age=10", "/"), 1);
    assert_int_equal(set(&jar, "b=2; Max-Age=20", "/"), 1);
    assert_int_equal(set(&jar, "c=3", "/"), 1);
    assert_field_at(&jar, "/", NOW + 9, "a=1; b=2; c=3");
    assert_field_at(&jar, "/", NOW + 10, "b=2; c=3");
    assert_field_at(&jar, "/", NOW, "b=2; c=3"); /* a clock set back revives nothing */
    assert_field_at(&jar, "/", INT64_MAX - 1, "c=3");
    sio__cookie_jar_done(&jar);
}

/* ---- bounds ---- */

static void a_full_jar_drops_the_oldest_cookie(void **state) {
    (void)state;
    struct cookie_jar jar = jar_of("h", false);
    char cookie[64];
    for (int i = 0; i < COOKIE_JAR_MAX + 3; i++) {
        /* The oldest ones have the shortest path, and so are the last in order. */
        snprintf(cookie, sizeof(cookie), "n%d=v; Path=/%.*s", i, i < 2 ? 0 : 1, "x");
        assert_int_equal(set(&jar, cookie, "/"), 1);
    }
    assert_int_equal(jar.len, COOKIE_JAR_MAX);
    struct buf out;
    sio__buf_init(&out, SIZE_MAX);
    assert_int_equal(sio__cookie_jar_write(&jar, SIO_TEXT("/x"), NOW, SIZE_MAX, &out),
                     COOKIE_JAR_MAX);
    assert_true(sio__text_starts(sio__buf_text(&out), SIO_TEXT("n3=v; n4=v")));
    sio__buf_done(&out);
    assert_int_equal(set(&jar, "n3=w; Path=/x", "/"), 1);
    assert_int_equal(jar.len, COOKIE_JAR_MAX);
    sio__cookie_jar_done(&jar);
}

static void expired_cookies_make_room_before_others(void **state) {
    (void)state;
    struct cookie_jar jar = jar_of("h", false);
    char cookie[64];
    assert_int_equal(set(&jar, "old=1", "/"), 1);
    for (int i = 1; i < COOKIE_JAR_MAX; i++) {
        snprintf(cookie, sizeof(cookie), "n%d=v; Max-Age=1", i);
        assert_int_equal(set(&jar, cookie, "/"), 1);
    }
    int r = sio__cookie_jar_set(&jar, SIO_TEXT("new=2"), SIO_TEXT("/"), NOW + 1);
    assert_int_equal(r, 1);
    assert_field(&jar, "/", "old=1; new=2");
    sio__cookie_jar_done(&jar);
}

static void cookies_and_attributes_have_a_longest_length(void **state) {
    (void)state;
    char *cookie = malloc((size_t)2 * COOKIE_BYTES_MAX);
    assert_non_null(cookie);
    static const struct {
        const char *start;
        size_t fill;
        int result;
        const char *target;
    } cases[] = {
        {"a=", COOKIE_BYTES_MAX - 1, 1, "/"},
        {"a=", COOKIE_BYTES_MAX, 0, "/"},
        {"a=b; Path=/", COOKIE_ATTRIBUTE_MAX - 1, 1, NULL},
        {"a=b; Path=/", COOKIE_ATTRIBUTE_MAX, 1, "/"}, /* the attribute is ignored */
        {"a=b; x=", COOKIE_BYTES_MAX, 1, "/"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct cookie_jar jar = jar_of("h", false);
        size_t len = strlen(cases[i].start);
        memcpy(cookie, cases[i].start, len);
        memset(cookie + len, 'x', cases[i].fill);
        struct text text = {cookie, len + cases[i].fill};
        assert_int_equal(sio__cookie_jar_set(&jar, text, SIO_TEXT("/"), NOW), cases[i].result);
        struct buf out;
        sio__buf_init(&out, SIZE_MAX);
        struct text target = sio__text_of(cases[i].target);
        if (target.data == NULL) {
            target = (struct text){cookie + len - 1, cases[i].fill + 1};
        }
        assert_int_equal(sio__cookie_jar_write(&jar, target, NOW, SIZE_MAX, &out), cases[i].result);
        sio__buf_done(&out);
        sio__cookie_jar_done(&jar);
    }
    struct cookie_jar jar = jar_of("h", false);
    memset(cookie, '/', COOKIE_ATTRIBUTE_MAX + 3);
    struct text target = {cookie, COOKIE_ATTRIBUTE_MAX + 2};
    assert_int_equal(sio__cookie_jar_set(&jar, SIO_TEXT("a=b"), target, NOW), 0);
    target.len--;
    assert_int_equal(sio__cookie_jar_set(&jar, SIO_TEXT("a=b"), target, NOW), 1);
    sio__cookie_jar_done(&jar);
    free(cookie);
}

static void a_field_that_does_not_fit_leaves_nothing_behind(void **state) {
    (void)state;
    struct cookie_jar jar = jar_of("h", false);
    assert_int_equal(set(&jar, "a=1", "/"), 1);
    assert_int_equal(set(&jar, "b=2", "/"), 1);
    for (size_t max = 1; max < 10; max++) {
        struct buf out;
        sio__buf_init(&out, max);
        assert_int_equal(sio__buf_push(&out, '.'), 0);
        int r = sio__cookie_jar_write(&jar, SIO_TEXT("/"), NOW, SIZE_MAX, &out);
        assert_int_equal(r, max < 9 ? SIO_ERR_TOO_BIG : 2);
        assert_int_equal(out.len, max < 9 ? 1 : 9);
        sio__buf_done(&out);
    }
    sio__cookie_jar_done(&jar);
}

static void the_longest_cookies_are_left_out_of_a_full_field(void **state) {
    (void)state;
    static const struct {
        size_t max;
        const char *sent;
        int count;
    } cases[] = {
        {SIZE_MAX, "p=12345; a=1; b=123; c=456; d=1", 5},
        {31, "p=12345; a=1; b=123; c=456; d=1", 5},
        {30, "a=1; b=123; c=456; d=1", 4},
        {22, "a=1; b=123; c=456; d=1", 4},
        {21, "a=1; b=123; d=1", 3},
        {14, "a=1; d=1", 2},
        {7, "a=1", 1},
        {3, "a=1", 1},
        {2, "", 0},
        {0, "", 0},
    };
    static const char *const given[] = {"a=1", "b=123", "c=456", "d=1", "p=12345; Path=/x"};
    struct cookie_jar jar = jar_of("h", false);
    for (size_t i = 0; i < COUNT_OF(given); i++) {
        assert_int_equal(set(&jar, given[i], "/"), 1);
    }
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf out;
        sio__buf_init(&out, SIZE_MAX);
        int r = sio__cookie_jar_write(&jar, SIO_TEXT("/x"), NOW, cases[i].max, &out);
        assert_int_equal(r, cases[i].count);
        assert_int_equal(out.len, strlen(cases[i].sent));
        assert_true(sio__text_eq(sio__buf_text(&out), sio__text_of(cases[i].sent)));
        sio__buf_done(&out);
    }
    assert_int_equal(jar.len, COUNT_OF(given));
    sio__cookie_jar_done(&jar);
}

static void an_empty_jar_may_be_freed(void **state) {
    (void)state;
    struct cookie_jar jar = {0};
    sio__cookie_jar_done(&jar);
    sio__cookie_jar_done(NULL);
    assert_int_equal(jar.len, 0);
}

/* ---- dates ---- */

static void dates_are_read_as_user_agents_do(void **state) {
    (void)state;
    static const struct {
        const char *date;
        int64_t seconds;
    } cases[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
        {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
        {"Sun Nov  6 08:49:37 1994", 784111777},
        {"08:49:37 06 november 94", 784111777},
        {"1994 Nov 8:49:37 6", 784111777},
        {"6 NOVXYZ 1994x 8:49:37.5 UTC", 784111777},
        {"6th Nov 1994 08:49:37", 784111777},
        {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
        {"Wed, 31 Dec 1969 23:59:59 GMT", -1},
        {"01 Jan 1601 00:00:00", -11644473600},
        {"31 Dec 9999 23:59:59", 253402300799},
        {"29 Feb 2000 12:00:00", 951825600},
        {"29 Feb 2024 00:00:00", 1709164800},
        {"1 Mar 2024 00:00:00", 1709251200},
        {"1 Jan 69 00:00:00", 3124224000},
        {"1 Jan 70 00:00:00", 0},
        {"1 Jan 00 00:00:00", 946684800},
        {"1 Jan 099 00:00:00", 915148800},
        {"29 Feb 2023 00:00:00", INT64_MIN},
        {"29 Feb 1900 00:00:00", INT64_MIN},
        {"31 Apr 2024 00:00:00", INT64_MIN},
        {"0 Jan 2024 00:00:00", INT64_MIN},
        {"32 Jan 2024 00:00:00", INT64_MIN},
        {"1 Jan 1600 00:00:00", INT64_MIN},
        {"1 Jan 2024 24:00:00", INT64_MIN},
        {"1 Jan 2024 00:60:00", INT64_MIN},
        {"1 Jan 2024 00:00:60", INT64_MIN},
        {"1 Jan 2024 00:00", INT64_MIN},
        {"1 Jan 2024 000:00:00", INT64_MIN},
        {"1 Jan 20245 00:00:00", INT64_MIN},
        {"001 Jan 2024 00:00:00", INT64_MIN},
        {"1 Ja 2024 00:00:00", INT64_MIN},
        {"Jan 2024 00:00:00", INT64_MIN},
        {"1 2024 00:00:00", INT64_MIN},
        {"1 Jan 00:00:00", INT64_MIN},
        {"", INT64_MIN},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t seconds = INT64_MIN;
        int r = sio__cookie_date_parse(sio__text_of(cases[i].date), &seconds);
        if (seconds != cases[i].seconds) {
            print_message("%s: %lld\n", cases[i].date, (long long)seconds);
        }
        assert_true(seconds == cases[i].seconds);
        assert_int_equal(r, seconds == INT64_MIN ? SIO_ERR_INVALID : 0);
    }
}

/* ---- memory ---- */

static int fill_a_jar(void *user) {
    (void)user;
    static const char *const lines[] = {"a=1", "b=2; Path=/x",          "c=3",
                                        "a=4", "d=5; Path=/y",          "e=6",
                                        "f=7", "b=; Path=/x; Max-Age=0"};
    struct cookie_jar jar = jar_of("h", false);
    int result = 0;
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        uint32_t before = jar.len;
        int r = set(&jar, lines[i], "/");
        if (r < 0) {
            assert_int_equal(jar.len, before);
            result = r;
        }
    }
    struct buf out;
    sio__buf_init(&out, SIZE_MAX);
    int r = sio__cookie_jar_write(&jar, SIO_TEXT("/"), NOW, SIZE_MAX, &out);
    result = r < 0 ? r : result;
    sio__buf_done(&out);
    sio__cookie_jar_done(&jar);
    return result;
}

static void memory_that_runs_out_is_reported(void **state) {
    (void)state;
    torture_run(fill_a_jar, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cookie_is_sent_back_where_it_belongs),
        cmocka_unit_test(a_secure_cookie_is_not_for_plain_connections),
        cmocka_unit_test(an_address_has_no_domains_above_it),
        cmocka_unit_test(a_cookie_without_path_has_that_of_the_request),
        cmocka_unit_test(longer_paths_come_first_then_older_cookies),
        cmocka_unit_test(a_cookie_of_same_name_domain_and_path_is_replaced_in_its_place),
        cmocka_unit_test(an_expired_cookie_removes_the_one_before),
        cmocka_unit_test(a_cookie_is_gone_when_its_time_comes),
        cmocka_unit_test(a_full_jar_drops_the_oldest_cookie),
        cmocka_unit_test(expired_cookies_make_room_before_others),
        cmocka_unit_test(cookies_and_attributes_have_a_longest_length),
        cmocka_unit_test(a_field_that_does_not_fit_leaves_nothing_behind),
        cmocka_unit_test(the_longest_cookies_are_left_out_of_a_full_field),
        cmocka_unit_test(an_empty_jar_may_be_freed),
        cmocka_unit_test(dates_are_read_as_user_agents_do),
        cmocka_unit_test_teardown(memory_that_runs_out_is_reported, torture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
