/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* The test client against the server: every way to hold a session, once. */
#include "support/client.h"

#include <string.h>

static void begin(struct harness *h) {
    harness_init(h, NULL);
    harness_echo(harness_root(h));
    harness_observe(h, harness_root(h));
    harness_listen(h);
}

static void hold_conversation(struct client *c) {
    static const uint8_t bytes[] = {0, 1, 254, 255};
    client_join(c, "/");
    client_expect_alive(c);
    assert_true(client_send(c, "4217[\"echo\",\"a\"]"));
    client_expect(c, "4317[\"a\"]");
    assert_true(client_send(c, "451-[\"echo\",{\"_placeholder\":true,\"num\":0}]"));
    assert_true(client_send_binary(c, bytes, sizeof bytes));
    client_expect(c, "451-[\"echo\",{\"_placeholder\":true,\"num\":0}]");
    client_expect_binary(c, bytes, sizeof bytes);
}

static void leave(struct harness *h, struct client *c) {
    assert_true(client_send(c, "41"));
    harness_wait_count(h, &h->seen.disconnects, 1);
    assert_int_equal(h->seen.reason, SIO_REASON_CLIENT_NAMESPACE_DISCONNECT);
    client_close(c);
    harness_done(h);
}

static void websocket_sessions_talk(void **state) {
    (void)state;
    struct harness h;
    begin(&h);
    struct client *c = client_open(&h, SIO_WEBSOCKET);
    hold_conversation(c);
    leave(&h, c);
}

static void polling_sessions_talk(void **state) {
    (void)state;
    struct harness h;
    begin(&h);
    struct client *c = client_open(&h, SIO_POLLING);
    hold_conversation(c);
    leave(&h, c);
}

static void upgraded_sessions_talk(void **state) {
    (void)state;
    struct harness h;
    begin(&h);
    struct client *c = client_open(&h, SIO_POLLING);
    hold_conversation(c);
    assert_true(client_upgrade(c));
    client_expect_alive(c);
    assert_int_equal(harness_stats(&h).upgrades_total, 1);
    leave(&h, c);
}

static void other_paths_are_not_found(void **state) {
    (void)state;
    struct harness h;
    begin(&h);
    assert_int_equal(http_get_status(&h, "/nothing"), 404);
    harness_done(&h);
}

static void closing_ends_clients(void **state) {
    (void)state;
    struct harness h;
    begin(&h);
    struct client *ws = client_join_root(&h);
    struct client *polling = client_open(&h, SIO_POLLING);
    client_join(polling, "/");
    harness_close(&h);
    assert_int_equal(h.seen.disconnects, 2);
    assert_int_equal(h.seen.reason, SIO_REASON_SERVER_SHUTTING_DOWN);
    assert_true(client_wait_end(ws));
    assert_true(client_wait_end(polling));
    client_close(ws);
    client_close(polling);
    harness_done(&h);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(websocket_sessions_talk), cmocka_unit_test(polling_sessions_talk),
        cmocka_unit_test(upgraded_sessions_talk),  cmocka_unit_test(other_paths_are_not_found),
        cmocka_unit_test(closing_ends_clients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
