/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* Limits of HTTP connections: heads, bodies, times, numbers. */
#include "support/limits.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- heads ---- */

/* A request whose head has exactly this many bytes. */
static void send_head_of(struct wire *w, size_t bytes) {
    static const char start[] = "GET /app HTTP/1.1\r\nHost: test\r\nX-Filler: ";
    static const char end[] = "\r\n\r\n";
    size_t filler = bytes - (sizeof start - 1) - (sizeof end - 1);
    char *text = malloc(filler);
    assert_non_null(text);
    memset(text, 'x', filler);
    wire_puts(w, start);
    wire_send(w, text, filler);
    wire_puts(w, end);
    free(text);
}

static void heads_have_a_greatest_size(void **state) {
    (void)state;
    struct limit_test t;
    limit_begin(&t, SIO_SERVER_OPTIONS(.max_head_bytes = 1024), NULL);
    struct wire *w = wire_open(&t.h);
    send_head_of(w, 1024);
    wire_expect_status(w, 200);
    limit_expect_none(&t, SIO_CAUSE_HEAD_BYTES);
    send_head_of(w, 1025);
    wire_expect_status(w, 431);
    assert_true(wire_wait_end(w));
    limit_expect(&t, SIO_CAUSE_HEAD_BYTES);
    wire_close(w);
    limit_end(&t);
}

static void endless_heads_are_refused_before_they_end(void **state) {
    (void)state;
    struct limit_test t;
    limit_begin(&t, SIO_SERVER_OPTIONS(.max_head_bytes = 1024), NULL);
    struct wire *w = wire_open(&t.h);
    wire_puts(w, "GET /app HTTP/1.1\r\nHost: test\r\n");
    for (int i = 0; i < 40; i++) {
        wire_puts(w, "X-Field: 0123456789012345678901234567890123456789\r\n");
        harness_turn(&t.h);
    }
    wire_expect_status(w, 431);
    limit_expect(&t, SIO_CAUSE_HEAD_BYTES);
    wire_close(w);
    limit_end(&t);
}

static void long_request_lines_are_refused(void **state) {
    (void)state;
    struct limit_test t;
    limit_begin(&t, SIO_SERVER_OPTIONS(.max_head_bytes = 1024), NULL);
    struct wire *w = wire_open(&t.h);
    char target[2001];
    memset(target, 'x', sizeof target - 1);
    target[0] = '/';
    target[sizeof target - 1] = '\0';
    wire_get(w, target, "");
    const struct response *res = wire_response(w);
    assert_non_null(res);
    assert_true(res->status == 414 || res->status == 431);
    limit_expect(&t, SIO_CAUSE_HEAD_BYTES);
    wire_close(w);
    limit_end(&t);
}

static void send_fields(struct wire *w, int count) {
    wire_puts(w, "GET /app HTTP/1.1\r\nHost: test\r\n");
    for (int i = 1; i < count; i++) {
        wire_printf(w, "X-%d: y\r\n", i);
    }
    wire_puts(w, "\r\n");
}

static void heads_have_a_greatest_number_of_fields(void **state) {
    (void)state;
    struct limit_test t;
    limit_begin(&t, SIO_SERVER_OPTIONS(.max_headers = 10), NULL);
    struct wire *w = wire_open(&t.h);
    send_fields(w, 10);
    wire_expect_status(w, 200);
    limit_expect_none(&t, SIO_CAUSE_HEAD_COUNT);
    send_fields(w, 11);
    wire_expect_status(w, 431);
    assert_true(wire_wait_end(w));
    limit_expect(&t, SIO_CAUSE_HEAD_COUNT);
    limit_expect_none(&t, SIO_CAUSE_HEAD_BYTES);
    wire_close(w);
    limit_end(&t);
}

/* A byte every few milliseconds, so that the connection is never idle. */
static void drip(struct limit_test *t, struct wire *w, const char *text) {
    for (; *text != '\0' && !w->ended; text++) {
        wire_send(w, text, 1);
        harness_pass_ms(&t->h, 5);
    }
}

static void slow_heads_are_ended(void **state) {
    (void)state;
    struct limit_test t;
    limit_begin(&t, SIO_SERVER_OPTIONS(.head_timeout_ms = 250), NULL);
    struct wire *w = wire_open(&t.h);
    drip(&t, w, "GET /app HTTP/1.1\r\nHost: test\r\nX-Slow-Loris: is dripping bytes\r\n");
    wire_expect_status(w, 408);
    assert_true(wire_wait_end(w));
    limit_expect(&t, SIO_CAUSE_HEAD_TIME);
    wire_close(w);
    limit_end(&t);
}

static void silent_connections_are_ended(void **state) {
    (void)state;
    struct limit_test t;
    limit_begin(&t, SIO_SERVER_OPTIONS(.head_timeout_ms = 250), NULL);
    struct wire *w = wire_open(&t.h);
    assert_true(wire_wait_end(w));
    limit_expect(&t, SIO_CAUSE_HEAD_TIME);
    wire_close(w);
    limit_end(&t);
}

static void later_heads_have_their_time_too(void **state) {
    (void)state;
    struct limit_test t;
    limit_begin(&t, SIO_SERVER_OPTIONS(.head_timeout_ms = 250, .keep_alive_timeout_ms = SIO_NEVER),
                NULL);
    struct wire *w = wire_open(&t.h);
    wire_get(w, "/app", "");
    wire_expect_status(w, 200);
    harness_pass_ms(&t.h, 400); /* longer than the time for a head: it has not begun */
    assert_false(w->ended);
    wire_puts(w, "GET /app HT");
    wire_expect_status(w, 408);
    limit_expect(&t, SIO_CAUSE_HEAD_TIME);
    wire_close(w);
    limit_end(&t);
}

/* ---- bodies ---- */

static void bodies_have_a_greatest_size(void **state) {
    (void)state;
    struct limit_test t;
    char body[1001];
    memset(body, 'x', sizeof body);
    limit_begin(&t, SIO_SERVER_OPTIONS(.max_payload_bytes = 1000), NULL);
    struct wire *w = wire_open(&t.h);
    wire_post(w, "/app", "", body, 1000);
    assert_string_equal(wire_expect_status(w, 200)->body, "1000");
    limit_expect_none(&t, SIO_CAUSE_BODY_BYTES);
    wire_post(w, "/app", "", body, 1001);
    wire_expect_status(w, 413);
    assert_true(wire_wait_end(w));
    limit_expect(&t, SIO_CAUSE_BODY_BYTES);
    wire_close(w);
    limit_end(&t);
}

static void chunked_bodies_have_a_greatest_size(void **state) {
    (void)state;
    struct limit_test t;
    limit_begin(&t, SIO_SERVER_OPTIONS(.max_payload_bytes = 20), NULL);
    struct wire *w = wire_open(&t.h);
    static const char head[] =
        "POST /app HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n";
    wire_puts(w, head);
    wire_puts(w, "a\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n");
    assert_string_equal(wire_expect_status(w, 200)->body, "20");
    wire_puts(w, head);
    wire_puts(w, "a\r\n0123456789\r\na\r\n0123456789\r\n1\r\n");
    wire_expect_status(w, 413);
    limit_expect(&t, SIO_CAUSE_BODY_BYTES);
    wire_close(w);
    limit_end(&t);
}

static void polling_bodies_have_a_greatest_size(void **state) {
    (void)state;
    struct limit_test t;
    limit_begin(&t, SIO_SERVER_OPTIONS(.max_payload_bytes = 100), NULL);
    struct client *c = client_open(&t.h, SIO_POLLING);
    client_join(c, "/");
    char packet[102];
    memset(packet, 'x', sizeof packet);
    memcpy(packet, "42[\"", 4);
    memcpy(packet + 98, "\"]", 3);
    assert_true(client_send(c, packet)); /* 100 bytes */
    limit_expect_none(&t, SIO_CAUSE_BODY_BYTES);
    memcpy(packet + 98, "x\"]", 4);
    assert_false(client_send(c, packet));
    limit_expect(&t, SIO_CAUSE_BODY_BYTES);
    client_close(c);
    limit_end(&t);
}

static void slow_bodies_are_ended(void **state) {
    (void)state;
    struct limit_test t;
    limit_begin(&t, SIO_SERVER_OPTIONS(.body_timeout_ms = 40), NULL);
    struct wire *w = wire_open(&t.h);
    wire_puts(w, "POST /app HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\n");
    drip(&t, w, "0123456789012345678901234567890123456789");
    wire_expect_status(w, 408);
    assert_true(wire_wait_end(w));
    limit_expect(&t, SIO_CAUSE_BODY_TIME);
    wire_close(w);
    limit_end(&t);
}

static void slow_polling_bodies_end_the_session(void **state) {
    (void)state;
    struct limit_test t;
    limit_begin(&t, SIO_SERVER_OPTIONS(.body_timeout_ms = 40), NULL);
    struct client *c = client_open(&t.h, SIO_POLLING);
    client_join(c, "/");
    wire_printf(c->post, "POST %s HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\n42[",
                c->path);
    wire_expect_status(c->post, 408);
    limit_expect_disconnect(&t, SIO_REASON_TRANSPORT_ERROR, SIO_CAUSE_BODY_TIME);
    limit_expect(&t, SIO_CAUSE_BODY_TIME);
    client_close(c);
    limit_end(&t);
}

/* ---- connections ---- */

static void idle_connections_are_ended(void **state) {
    (void)state;
    struct limit_test t;
    limit_begin(&t, SIO_SERVER_OPTIONS(.keep_alive_timeout_ms = 1000), NULL);
    struct wire *w = wire_open(&t.h);
    for (int i = 0; i < 4; i++) {
        wire_get(w, "/app", "");
        wire_expect_status(w, 200);
        harness_pass_ms(&t.h, 300); /* in all longer than the limit: each answer begins it anew */
    }
    limit_expect_none(&t, SIO_CAUSE_IDLE_TIME);
    assert_true(wire_wait_end(w));
    limit_expect(&t, SIO_CAUSE_IDLE_TIME);
    wire_close(w);
    limit_end(&t);
}

static void connections_have_a_greatest_number(void **state) {
    (void)state;
    struct limit_test t;
    limit_begin(&t, SIO_SERVER_OPTIONS(.max_connections = 3),
                NULL); /* the bystander is the first */
    struct wire *second = wire_open(&t.h);
    struct wire *third = wire_open(&t.h);
    wire_get(second, "/app", "");
    wire_expect_status(second, 200);
    wire_get(third, "/app", "");
    wire_expect_status(third, 200);
    limit_expect_none(&t, SIO_CAUSE_CONNECTIONS);
    struct wire *fourth = wire_open(&t.h);
    wire_expect_status(fourth, 503);
    assert_true(wire_wait_end(fourth));
    limit_expect(&t, SIO_CAUSE_CONNECTIONS);
    wire_close(third);
    harness_settle(&t.h);
    assert_int_equal(http_get_status(&t.h, "/app"), 200);
    wire_close(second);
    wire_close(fourth);
    limit_end(&t);
}

#define FILE_CLIENTS 12

/* Lets the process open only this many more files. @return the old limit */
static struct rlimit allow_files(rlim_t more) {
    struct rlimit old;
    int lowest_free = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(lowest_free >= 0);
    close(lowest_free);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    struct rlimit few = {.rlim_cur = (rlim_t)lowest_free + more, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    return old;
}

static void connections_end_at_once_without_files(void **state) {
    (void)state;
    struct limit_test t;
    limit_begin(&t, SIO_SERVER_OPTIONS(.path = NULL), NULL);
    struct wire *wires[FILE_CLIENTS];
    for (int i = 0; i < FILE_CLIENTS; i++) {
        wires[i] = wire_open(&t.h); /* the kernel has connected it; the server has not run yet */
        wire_get(wires[i], "/app", "");
    }
    struct rlimit old = allow_files(3);
    int served = 0;
    for (int i = 0; i < FILE_CLIENTS; i++) {
        const struct response *res = wire_response(wires[i]);
        assert_true(res != NULL || wires[i]->ended);
        served += res != NULL ? 1 : 0;
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_true(served < FILE_CLIENTS);
    limit_expect(&t, SIO_CAUSE_FILES);
    for (int i = 0; i < FILE_CLIENTS; i++) {
        wire_close(wires[i]);
    }
    assert_int_equal(http_get_status(&t.h, "/app"), 200);
    limit_end(&t);
}

static void limits_can_be_switched_off(void **state) {
    (void)state;
    struct limit_test t;
    limit_begin(&t,
                SIO_SERVER_OPTIONS(.head_timeout_ms = SIO_NEVER, .body_timeout_ms = SIO_NEVER,
                                   .keep_alive_timeout_ms = SIO_NEVER,
                                   .max_payload_bytes = SIO_UNLIMITED),
                NULL);
    size_t len = 3000000; /* three times the default */
    char *body = calloc(1, len);
    assert_non_null(body);
    struct wire *w = wire_open(&t.h);
    harness_pass_ms(&t.h, 20);
    wire_post(w, "/app", "", body, len);
    assert_string_equal(wire_expect_status(w, 200)->body, "3000000");
    harness_pass_ms(&t.h, 20);
    assert_false(w->ended);
    free(body);
    wire_close(w);
    limit_end(&t);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_have_a_greatest_size),
        cmocka_unit_test(endless_heads_are_refused_before_they_end),
        cmocka_unit_test(long_request_lines_are_refused),
        cmocka_unit_test(heads_have_a_greatest_number_of_fields),
        cmocka_unit_test(slow_heads_are_ended),
        cmocka_unit_test(silent_connections_are_ended),
        cmocka_unit_test(later_heads_have_their_time_too),
        cmocka_unit_test(bodies_have_a_greatest_size),
        cmocka_unit_test(chunked_bodies_have_a_greatest_size),
        cmocka_unit_test(polling_bodies_have_a_greatest_size),
        cmocka_unit_test(slow_bodies_are_ended),
        cmocka_unit_test(slow_polling_bodies_end_the_session),
        cmocka_unit_test(idle_connections_are_ended),
        cmocka_unit_test(connections_have_a_greatest_number),
        cmocka_unit_test(connections_end_at_once_without_files),
        cmocka_unit_test(limits_can_be_switched_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
