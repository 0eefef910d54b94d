/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* The command line of `sio bench`. That mistakes are told in words is for the tests of the whole
 * command. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bench_options.h"

static struct bench_options options;

/* Parses "a b c". */
static enum options_result parse(const char *line) {
    static char copy[400];
    static char *words[40];
    int count = 0;
    snprintf(copy, sizeof(copy), "bench %s", line);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " ")) {
        words[count++] = word;
    }
    words[count] = NULL;
    return bench_options_parse(&options, count, words);
}

static void the_defaults_are_those_of_the_help(void **state) {
    (void)state;
    assert_int_equal(parse("http://h:1"), OPTIONS_RUN);
    assert_string_equal(options.client.url, "http://h:1");
    assert_int_equal(options.mode, BENCH_ECHO);
    assert_string_equal(options.event, "echo");
    assert_int_equal(options.connections, 100);
    assert_int_equal(options.threads, 1);
    assert_int_equal(options.ramp, 0);
    assert_int_equal(options.window, 1);
    assert_int_equal(options.rate, 0);
    assert_int_equal(options.duration_ms, 5000);
    assert_int_equal(options.warmup_ms, 500);
    assert_int_equal(options.payload, 32);
    assert_int_equal(options.server_pid, 0);
    assert_false(options.json);
    assert_int_equal(options.client.client.transports[0], SIO_WEBSOCKET);
    assert_int_equal(options.client.client.transports[1], 0);
    assert_true(options.client.client.no_reconnection);
    assert_int_equal(options.client.timeout_ms, 20000);
}

static void values_go_where_the_table_says(void **state) {
    (void)state;
    assert_int_equal(parse("-m ack --event e -c 1000 --ramp 50 -j 4 -w 8 -d 2s --warmup 1m "
                           "-s 64k -p 77 --json --namespace /n --transport polling http://h:1"),
                     OPTIONS_RUN);
    assert_int_equal(options.mode, BENCH_ACK);
    assert_string_equal(options.event, "e");
    assert_int_equal(options.connections, 1000);
    assert_int_equal(options.ramp, 50);
    assert_int_equal(options.threads, 4);
    assert_int_equal(options.window, 8);
    assert_int_equal(options.duration_ms, 2000);
    assert_int_equal(options.warmup_ms, 60000);
    assert_int_equal(options.payload, 65536);
    assert_int_equal(options.server_pid, 77);
    assert_true(options.json);
    assert_string_equal(options.client.nsp, "/n");
    assert_int_equal(options.client.client.transports[0], SIO_POLLING);
    assert_int_equal(options.client.client.transports[1], 0);
}

static void each_mode_has_its_event(void **state) {
    (void)state;
    static const struct {
        const char *line;
        int mode;
        const char *event;
    } cases[] = {
        {"-m echo u", BENCH_ECHO, "echo"}, {"--mode=ack u", BENCH_ACK, "ack"},
        {"-mcast u", BENCH_CAST, "cast"},  {"-m cast --event shout u", BENCH_CAST, "shout"},
        {"-m idle u", BENCH_IDLE, "idle"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(parse(cases[i].line), OPTIONS_RUN);
        assert_int_equal(options.mode, cases[i].mode);
        assert_string_equal(options.event, cases[i].event);
        assert_string_equal(bench_mode_name(options.mode),
                            cases[i].mode == BENCH_CAST ? "cast" : cases[i].event);
    }
}

static void warmup_and_payload_may_be_none(void **state) {
    (void)state;
    assert_int_equal(parse("--warmup 0 --payload 0 u"), OPTIONS_RUN);
    assert_int_equal(options.warmup_ms, 0);
    assert_int_equal(options.payload, 0);
}

static void mistakes_are_refused(void **state) {
    (void)state;
    static const char *const lines[] = {
        "",
        "url another",
        "-m shout url",
        "-c 0 url",
        "-c 1000001 url",
        "-w 0 url",
        "-r 0 url",
        "-j 0 url",
        "-d 0 url",
        "-p 0 url",
        "--rate 5 --window 5 url",
        "-m idle --rate 5 url",
        "-m idle --window 5 url",
        "-m idle --event e url",
        "-c 2 -j 3 url",
        "--connections ten url",
        "--unknown url",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_int_equal(parse(lines[i]), OPTIONS_WRONG);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_defaults_are_those_of_the_help),
        cmocka_unit_test(values_go_where_the_table_says),
        cmocka_unit_test(each_mode_has_its_event),
        cmocka_unit_test(warmup_and_payload_may_be_none),
        cmocka_unit_test(mistakes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
