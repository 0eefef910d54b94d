/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* Command lines by table. That mistakes are told in words is for the tests of the whole command. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client_options.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct option_entry entries[] = {
    {.kind = OPTION_TITLE, .help = "Own"},
    {.kind = OPTION_FLAG, .name = "ack", .at = offsetof(struct client_options, ack), .help = "x"},
    CLIENT_NO_RECONNECT,
};

static const struct option_table table = {entries, COUNT(entries)};

static const struct option_command command = {.name = "test",
                                              .synopsis = "",
                                              .notes = "",
                                              .tables = {&table, &client_table},
                                              .leading = true};

static struct client_options options;
static struct operands operands;

/* Parses "a b c". */
static enum options_result parse(const char *line) {
    static char copy[400];
    static char *words[40];
    int count = 0;
    snprintf(copy, sizeof(copy), "test %s", line);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " ")) {
        words[count++] = word;
    }
    words[count] = NULL;
    return client_options_parse(&options, &command, count, words, &operands);
}

static void values_go_where_the_table_says(void **state) {
    (void)state;
    assert_int_equal(
        parse("--namespace /n -a {} -H A:1 --header B:2 --path /p --timeout 3s "
              "--transport websocket,polling --proxy none --cacert ca --cert c --key k "
              "--insecure --no-reconnect --log-level info --ack url event"),
        OPTIONS_RUN);
    assert_string_equal(options.url, "url");
    assert_string_equal(options.nsp, "/n");
    assert_string_equal(options.auth, "{}");
    assert_int_equal(options.headers.count, 2);
    assert_string_equal(options.headers.lines[1], "B:2");
    assert_null(options.headers.lines[2]);
    assert_string_equal(options.client.path, "/p");
    assert_int_equal(options.timeout_ms, 3000);
    assert_int_equal(options.client.transports[0], SIO_WEBSOCKET);
    assert_int_equal(options.client.transports[1], SIO_POLLING);
    assert_int_equal(options.client.transports[2], 0);
    assert_string_equal(options.client.proxy, "");
    assert_string_equal(options.tls.ca_file, "ca");
    assert_true(options.tls.insecure && options.client.no_reconnection && options.ack);
    assert_int_equal(options.client.log_level, SIO_LOG_INFO);
    assert_int_equal(operands.rest_count, 1);
    client_options_done(&options);
}

static void defaults_are_those_of_the_help(void **state) {
    (void)state;
    assert_int_equal(parse("url"), OPTIONS_RUN);
    assert_int_equal(options.timeout_ms, 20000);
    assert_null(options.client.proxy);
    assert_int_equal(options.client.transports[0], 0);
    assert_false(options.tls.insecure || options.ack || options.client.no_reconnection);
    assert_int_equal(operands.rest_count, 0);
}

static const struct {
    const char *line;
    bool ack;
    const char *leading;
    const char *rest; /* joined with blanks */
} ORDERS[] = {
    {"--ack url event 1", true, "url", "event 1 "},
    {"url --ack event 1", true, "url", "event 1 "},
    {"url event --ack", false, "url", "event --ack "},
    {"url event -5 --unknown", false, "url", "event -5 --unknown "},
    {"url -- --ack x", false, "url", "--ack x "},
    {"-- url --ack", false, "url", "--ack "},
    {"--ack -- -url", true, "-url", ""},
};

static void options_end_at_the_second_argument(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(ORDERS); i++) {
        char rest[80] = "";
        assert_int_equal(parse(ORDERS[i].line), OPTIONS_RUN);
        for (int j = 0; j < operands.rest_count; j++) {
            strcat(strcat(rest, operands.rest[j]), " ");
        }
        assert_int_equal(options.ack, ORDERS[i].ack);
        assert_string_equal(operands.leading, ORDERS[i].leading);
        assert_string_equal(rest, ORDERS[i].rest);
    }
}

static void words_are_recognised_as_options(void **state) {
    (void)state;
    assert_true(options_has(&command, "--auth"));
    assert_true(options_has(&command, "--timeout=5s"));
    assert_true(options_has(&command, "--help"));
    static const char *const others[] = {"",      "--",      "auth",  "-a",
                                         "--aut", "--authx", "-auth", "--au=x"};
    for (size_t i = 0; i < COUNT(others); i++) {
        assert_false(options_has(&command, others[i]));
    }
}

static void mistakes_are_refused(void **state) {
    (void)state;
    static const char *const LINES[] = {
        "",
        "--ack",
        "--unknown url",
        "-z url",
        "--ack=1 url",
        "url --timeout",
        "--timeout 0 url",
        "--timeout soon url",
        "--transport smoke url",
        "--transport polling,polling url",
        "--transport polling, url",
        "--auth [] url",
        "--auth {a} url",
        "-H novalue url",
        "-H :x url",
        "--path p url",
        "--cert c url",
        "--key k url",
        "--log-level loud url",
        "--namespace= url",
    };
    for (size_t i = 0; i < COUNT(LINES); i++) {
        assert_int_equal(parse(LINES[i]), OPTIONS_WRONG);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_go_where_the_table_says),
        cmocka_unit_test(defaults_are_those_of_the_help),
        cmocka_unit_test(options_end_at_the_second_argument),
        cmocka_unit_test(words_are_recognised_as_options),
        cmocka_unit_test(mistakes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
