/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/proxy.h"

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

static void the_variables_are_those_of_curl(void **state) {
    (void)state;
    static const char *const names[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
                                        "ALL_PROXY",  "no_proxy",    "NO_PROXY"};
    assert_int_equal(PROXY_VARIABLES, COUNT_OF(names));
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        assert_string_equal(sio__proxy_variable_name((enum proxy_variable)i), names[i]);
    }
}

static void the_scheme_of_the_server_chooses_the_variable(void **state) {
    (void)state;
    static const struct {
        const char *values[PROXY_VARIABLES];
        const char *plain;
        const char *secure;
    } cases[] = {
        {{0}, NULL, NULL},
        {{[PROXY_VARIABLE_HTTP] = "h"}, "h", NULL},
        {{[PROXY_VARIABLE_HTTPS] = "s"}, NULL, "s"},
        {{[PROXY_VARIABLE_HTTPS_UPPER] = "S"}, NULL, "S"},
        {{[PROXY_VARIABLE_HTTPS] = "s", [PROXY_VARIABLE_HTTPS_UPPER] = "S"}, NULL, "s"},
        {{[PROXY_VARIABLE_HTTPS] = "", [PROXY_VARIABLE_HTTPS_UPPER] = "S"}, NULL, "S"},
        {{[PROXY_VARIABLE_ALL] = "a", [PROXY_VARIABLE_ALL_UPPER] = "A"}, "a", "a"},
        {{[PROXY_VARIABLE_ALL_UPPER] = "A"}, "A", "A"},
        {{[PROXY_VARIABLE_HTTP] = "h", [PROXY_VARIABLE_ALL] = "a"}, "h", "a"},
        {{[PROXY_VARIABLE_HTTPS_UPPER] = "S", [PROXY_VARIABLE_ALL] = "a"}, "a", "S"},
        {{[PROXY_VARIABLE_HTTP] = "", [PROXY_VARIABLE_ALL_UPPER] = "A"}, "A", "A"},
        {{[PROXY_VARIABLE_ALL] = "a", [PROXY_VARIABLE_NO] = "h.example"}, NULL, NULL},
        {{[PROXY_VARIABLE_ALL] = "a", [PROXY_VARIABLE_NO_UPPER] = "h.example"}, NULL, NULL},
        {{[PROXY_VARIABLE_ALL] = "a",
          [PROXY_VARIABLE_NO] = "x",
          [PROXY_VARIABLE_NO_UPPER] = "h.example"},
         "a",
         "a"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct text host = SIO_TEXT("h.example");
        assert_text(sio__proxy_choose(cases[i].values, false, host, 80), cases[i].plain);
        assert_text(sio__proxy_choose(cases[i].values, true, host, 443), cases[i].secure);
    }
}

static const struct {
    const char *no_proxy;
    const char *host;
    uint16_t port;
    bool exempt;
} exemptions[] = {
    {"*", "h", 80, true},
    {"a, *", "h", 80, true},
    {"", "h", 80, false},
    {" , ,,", "h", 80, false},
    {".", "h", 80, false},
    {"example.com", "example.com", 80, true},
    {"example.com", "EXAMPLE.com.", 80, true},
    {"Example.com.", "example.com", 80, true},
    {"example.com", "www.example.com", 80, true},
    {".example.com", "www.example.com", 80, true},
    {".example.com", "example.com", 80, true},
    {"example.com", "nonexample.com", 80, false},
    {"example.com", "example.com.evil", 80, false},
    {"www.example.com", "example.com", 80, false},
    {"com", "example.com", 80, true},
    {"a.example,b.example", "b.example", 80, true},
    {"a.example b.example", "b.example", 80, true},
    {"  a.example\t,\tb.example ", "b.example", 80, true},
    {"a.exampleb.example", "b.example", 80, false},
    {"example.com:80", "example.com", 80, true},
    {"example.com:80", "www.example.com", 80, true},
    {"example.com:80", "example.com", 443, false},
    {"example.com:x", "example.com", 80, false},
    {"example.com:", "example.com", 80, false},
    {"192.0.2.1", "192.0.2.1", 80, true},
    {"192.0.2.1", "192.0.2.10", 80, false},
    {"2.1", "192.0.2.1", 80, false},
    {"192.0.2.1:80", "192.0.2.1", 80, true},
    {"192.0.2.1:81", "192.0.2.1", 80, false},
    {"192.0.2.0/24", "192.0.2.255", 80, true},
    {"192.0.2.0/24", "192.0.3.0", 80, false},
    {"192.0.2.128/25", "192.0.2.127", 80, false},
    {"192.0.2.128/25", "192.0.2.200", 80, true},
    {"192.0.2.129/31", "192.0.2.128", 80, true},
    {"0.0.0.0/0", "192.0.2.1", 80, true},
    {"192.0.2.1/32", "192.0.2.1", 80, true},
    {"192.0.2.1/33", "192.0.2.1", 80, false},
    {"192.0.2.1/", "192.0.2.1", 80, false},
    {"192.0.2.1/x", "192.0.2.1", 80, false},
    {"0.0.0.0/0", "::1", 80, false},
    {"0.0.0.0/0", "example.com", 80, false},
    {"::1", "::1", 80, true},
    {"0:0:0:0:0:0:0:1", "::1", 80, true},
    {"[::1]", "::1", 80, true},
    {"[::1]:80", "::1", 80, true},
    {"[::1]:81", "::1", 80, false},
    {"[::1]x", "::1", 80, false},
    {"[::1", "::1", 80, false},
    {"[", "::1", 80, false},
    {"2001:db8::/32", "2001:db8:1::1", 80, true},
    {"2001:db8::/32", "2001:db9::1", 80, false},
    {"::/0", "192.0.2.1", 80, false},
    {"::1/128", "::1", 80, true},
    {"::1/129", "::1", 80, false},
};

static void no_proxy_exempts_hosts(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(exemptions); i++) {
        const char *values[PROXY_VARIABLES] = {
            [PROXY_VARIABLE_ALL] = "http://proxy",
            [PROXY_VARIABLE_NO] = exemptions[i].no_proxy,
        };
        struct text host = sio__text_of(exemptions[i].host);
        struct text proxy = sio__proxy_choose(values, false, host, exemptions[i].port);
        if ((proxy.data == NULL) != exemptions[i].exempt) {
            print_message("no_proxy=\"%s\" %s\n", exemptions[i].no_proxy, exemptions[i].host);
        }
        assert_text(proxy, exemptions[i].exempt ? NULL : "http://proxy");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_variables_are_those_of_curl),
        cmocka_unit_test(the_scheme_of_the_server_chooses_the_variable),
        cmocka_unit_test(no_proxy_exempts_hosts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
