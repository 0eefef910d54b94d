/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* Limits of sessions: messages, fragments, times, send queues. */
#include "support/limits.h"

#include <stdlib.h>
#include <string.h>

#include "proto/ws_frame.h"
#include <sio/error.h>

/* ---- messages ---- */

/* The text 42["xxx.."] of exactly this many bytes; to be freed. */
static char *event_of(size_t bytes) {
    char *text = malloc(bytes + 1);
    assert_non_null(text);
    memset(text, 'x', bytes);
    memcpy(text, "42[\"", 4);
    memcpy(text + bytes - 2, "\"]", 3);
    return text;
}

static void messages_have_a_greatest_size(void **state) {
    (void)state;
    struct limit_test t;
    limit_begin(&t, SIO_SERVER_OPTIONS(.max_payload_bytes = 1000), NULL);
    struct client *c = client_join_root(&t.h);
    char *fits = event_of(1000);
    char *too_long = event_of(1001);
    assert_true(client_send(c, fits));
    client_expect_alive(c);
    limit_expect_none(&t, SIO_CAUSE_MESSAGE_BYTES);
    wire_text(c->ws, too_long);
    assert_int_equal(wire_close_code(c->ws), WS_CLOSE_TOO_BIG);
    limit_expect_disconnect(&t, SIO_REASON_TRANSPORT_ERROR, SIO_CAUSE_MESSAGE_BYTES);
    limit_expect(&t, SIO_CAUSE_MESSAGE_BYTES);
    free(fits);
    free(too_long);
    client_close(c);
    limit_end(&t);
}

static void fragments_together_have_the_same_limit(void **state) {
    (void)state;
    struct limit_test t;
    limit_begin(&t, SIO_SERVER_OPTIONS(.max_payload_bytes = 1000), NULL);
    struct client *c = client_join_root(&t.h);
    char *text = event_of(1001);
    wire_frame(c->ws, WS_OP_TEXT, text, 600);
    wire_frame(c->ws, WS_OP_CONTINUATION, text + 600, 401);
    assert_int_equal(wire_close_code(c->ws), WS_CLOSE_TOO_BIG);
    limit_expect_disconnect(&t, SIO_REASON_TRANSPORT_ERROR, SIO_CAUSE_MESSAGE_BYTES);
    limit_expect(&t, SIO_CAUSE_MESSAGE_BYTES);
    free(text);
    client_close(c);
    limit_end(&t);
}

/* Sends 42["echo",1] in so many frames. */
static void send_in_fragments(struct client *c, size_t count) {
    static const char text[] = "42[\"echo\",1]";
    size_t last = count - 1;
    for (size_t i = 0; i < count; i++) {
        uint8_t first =
            (uint8_t)((i == 0 ? WS_OP_TEXT : WS_OP_CONTINUATION) | (i == last ? WS_FIN : 0));
        wire_frame(c->ws, first, text + i, i == last ? sizeof text - 1 - last : 1);
    }
}

static void messages_have_a_greatest_number_of_fragments(void **state) {
    (void)state;
    struct limit_test t;
    limit_begin(&t, SIO_SERVER_OPTIONS(.max_fragments = 4), NULL);
    struct client *c = client_join_root(&t.h);
    for (int i = 0; i < 3; i++) {
        send_in_fragments(c, 4); /* counted for each message anew */
        client_expect(c, "42[\"echo\",1]");
    }
    limit_expect_none(&t, SIO_CAUSE_FRAGMENTS);
    send_in_fragments(c, 5);
    assert_int_equal(wire_close_code(c->ws), WS_CLOSE_POLICY);
    limit_expect_disconnect(&t, SIO_REASON_TRANSPORT_ERROR, SIO_CAUSE_FRAGMENTS);
    limit_expect(&t, SIO_CAUSE_FRAGMENTS);
    client_close(c);
    limit_end(&t);
}

/* ---- times ---- */

static void sessions_have_to_join_in_time(void **state) {
    (void)state;
    struct limit_test t;
    limit_begin(&t, SIO_SERVER_OPTIONS(.connect_timeout_ms = 500), NULL);
    struct client *c = client_open(&t.h, SIO_WEBSOCKET);
    assert_int_equal(wire_close_code(c->ws), WS_CLOSE_NO_STATUS);
    limit_expect(&t, SIO_CAUSE_CONNECT_TIME);
    client_close(c);
    c = client_open(&t.h, SIO_POLLING);
    assert_true(client_wait_end(c));
    assert_int_equal(harness_cause(&t.h, SIO_CAUSE_CONNECT_TIME), 2);
    client_close(c);
    limit_end(&t); /* the bystander has joined, and stays */
}

static void upgrades_have_to_end_in_time(void **state) {
    (void)state;
    struct limit_test t;
    limit_begin(&t, SIO_SERVER_OPTIONS(.upgrade_timeout_ms = 500), NULL);
    struct client *c = client_open(&t.h, SIO_POLLING);
    client_join(c, "/");
    struct wire *w = wire_open(&t.h);
    char path[160];
    assert_true(
        snprintf(path, sizeof path, "/socket.io/?EIO=4&transport=websocket&sid=%s", c->sid) < 160);
    wire_upgrade_request(w, path, "");
    wire_expect_status(w, 101);
    wire_text(w, "2probe");
    assert_string_equal(wire_read_frame(w)->data, "3probe");
    assert_int_equal(wire_close_code(w), WS_CLOSE_NO_STATUS);
    limit_expect(&t, SIO_CAUSE_UPGRADE_TIME);
    client_expect_alive(c); /* the session goes on with polling, */
    wire_close(w);
    assert_true(client_upgrade(c)); /* and may try again */
    client_expect_alive(c);
    client_close(c);
    limit_end(&t);
}

static void disconnect_all(sio_socket *s, sio_event *ev, void *user) {
    (void)ev;
    (void)user;
    sio_socket_disconnect(s, true);
}

static void add_bye(struct limit_test *t) {
    assert_int_equal(sio_ns_on(harness_root(&t->h), "bye", disconnect_all, NULL), 0);
}

static void closing_has_to_end_in_time(void **state) {
    (void)state;
    struct limit_test t;
    limit_begin(&t, SIO_SERVER_OPTIONS(.close_timeout_ms = 500), add_bye);
    struct client *c = client_join_root(&t.h);
    wire_text(c->ws, "42[\"bye\"]");
    assert_int_equal(wire_close_code(c->ws), WS_CLOSE_NO_STATUS);
    limit_expect_none(&t, SIO_CAUSE_CLOSE_TIME);
    assert_true(wire_wait_end(c->ws)); /* it did not answer */
    limit_expect(&t, SIO_CAUSE_CLOSE_TIME);
    client_close(c);
    c = client_join_root(&t.h);
    wire_text(c->ws, "42[\"bye\"]");
    assert_int_equal(wire_close_code(c->ws), WS_CLOSE_NO_STATUS);
    wire_frame(c->ws, WS_FIN | WS_OP_CLOSE, "", 0);
    assert_true(wire_wait_end(c->ws));
    assert_int_equal(harness_cause(&t.h, SIO_CAUSE_CLOSE_TIME), 1); /* it did */
    client_close(c);
    limit_end(&t);
}

static void polling_sessions_are_not_waited_for_longer(void **state) {
    (void)state;
    struct limit_test t;
    limit_begin(&t, SIO_SERVER_OPTIONS(.close_timeout_ms = 40), add_bye);
    struct client *c = client_open(&t.h, SIO_POLLING);
    client_join(c, "/");
    assert_true(client_send(c, "42[\"bye\"]")); /* and no GET that could take the answer */
    harness_wait_count(&t.h, &t.h.seen.disconnects, 1);
    harness_pass_ms(&t.h, 80);
    wire_get(c->get, c->path, "");
    assert_string_equal(wire_expect_status(c->get, 400)->body,
                        "{\"code\":1,\"message\":\"Session ID unknown\"}");
    client_close(c);
    limit_end(&t);
}

static void heartbeats_have_to_be_answered_in_time(void **state) {
    (void)state;
    struct limit_test t;
    limit_begin(&t, SIO_SERVER_OPTIONS(.ping_interval_ms = 30, .ping_timeout_ms = 1000), NULL);
    struct client *c = client_join_root(&t.h);
    struct client *polling = client_open(&t.h, SIO_POLLING);
    client_join(polling, "/");
    c->silent = true;
    polling->silent = true;
    while (t.h.seen.disconnects < 2) {
        client_expect_alive(t.bystander); /* answers its pings meanwhile */
        (void)client_poll(polling);
        (void)client_poll(c);
        harness_pass_ms(&t.h, 5);
    }
    assert_int_equal(t.h.seen.reason, SIO_REASON_PING_TIMEOUT);
    assert_int_equal(t.h.seen.cause, SIO_CAUSE_HEARTBEAT);
    assert_int_equal(harness_cause(&t.h, SIO_CAUSE_HEARTBEAT), 2);
    client_close(c);
    client_close(polling);
    limit_end(&t);
}

/* ---- send queues ---- */

static const char *filler(void) {
    static char text[60001];
    memset(text, 'f', sizeof text - 1);
    return text;
}

/* Emits to a client that does not read until the result is an error; returns it. */
static int flood(struct limit_test *t, const char *id, uint64_t pause_ms) {
    int r = 0;
    bool slow = false;
    for (int i = 0; i < 100000 && r >= 0; i++) {
        sio_socket *s = sio_ns_find(harness_root(&t->h), id);
        r = s != NULL ? sio_emit(s, "flood", "s", filler()) : SIO_ERR_CLOSED;
        slow = slow || r == SIO_SLOW;
        if (slow && pause_ms > 0) {
            harness_pass_ms(&t->h, pause_ms);
        } else if (i % 16 == 15) {
            harness_turn(&t->h);
        }
    }
    assert_true(slow);
    return r;
}

static void send_queues_have_a_hard_limit(void **state) {
    (void)state;
    struct limit_test t;
    limit_begin(&t,
                SIO_SERVER_OPTIONS(.send_high_water_bytes = 100000, .send_soft_bytes = 1000000,
                                   .send_hard_bytes = 2000000),
                NULL);
    struct client *c = client_join_root(&t.h);
    wire_pause(c->ws);
    assert_int_equal(flood(&t, c->socket_sid, 0), SIO_ERR_SLOW_CONSUMER);
    limit_expect_disconnect(&t, SIO_REASON_TRANSPORT_ERROR, SIO_CAUSE_SEND_QUEUE);
    limit_expect(&t, SIO_CAUSE_SEND_QUEUE);
    wire_resume(c->ws);
    assert_true(wire_wait_end(c->ws));
    client_close(c);
    limit_end(&t);
}

static void send_queues_may_be_above_the_soft_limit_for_a_time(void **state) {
    (void)state;
    struct limit_test t;
    limit_begin(&t,
                SIO_SERVER_OPTIONS(.send_high_water_bytes = 50000, .send_soft_bytes = 100000,
                                   .send_soft_ms = 40),
                NULL);
    struct client *c = client_join_root(&t.h);
    wire_pause(c->ws);
    assert_int_equal(flood(&t, c->socket_sid, 5), SIO_ERR_SLOW_CONSUMER);
    limit_expect_disconnect(&t, SIO_REASON_TRANSPORT_ERROR, SIO_CAUSE_SEND_TIME);
    limit_expect(&t, SIO_CAUSE_SEND_TIME);
    limit_expect_none(&t, SIO_CAUSE_SEND_QUEUE);
    client_close(c);
    limit_end(&t);
}

/* Emits to a client that does not read until this much waits for it. @return number of events */
static size_t fill(sio_socket *s, size_t bytes) {
    size_t count = 0;
    while (sio_socket_pending_bytes(s) < bytes) {
        assert_true(sio_emit(s, "fill", "s", filler()) >= 0);
        count++;
    }
    return count;
}

static void heartbeats_look_at_the_soft_limit_too(void **state) {
    (void)state;
    struct limit_test t;
    limit_begin(&t,
                SIO_SERVER_OPTIONS(.send_high_water_bytes = 50000, .send_soft_bytes = 100000,
                                   .send_soft_ms = 40, .ping_interval_ms = 50),
                NULL);
    struct client *c = client_join_root(&t.h);
    wire_pause(c->ws);
    fill(sio_ns_find(harness_root(&t.h), c->socket_sid), 200000);
    while (t.h.seen.disconnects == 0) { /* nothing more is sent to it, and it claims to be alive */
        wire_text(c->ws, "3");
        client_expect_alive(t.bystander);
        harness_pass_ms(&t.h, 5);
    }
    limit_expect_disconnect(&t, SIO_REASON_TRANSPORT_ERROR, SIO_CAUSE_SEND_TIME);
    limit_expect(&t, SIO_CAUSE_SEND_TIME);
    client_close(c);
    limit_end(&t);
}

static void look_at_request(sio_socket *s, int reason, int cause, void *user) {
    (void)reason;
    (void)cause;
    (void)user;
    assert_string_equal(sio_request_method(sio_socket_request(s)), "GET");
}

static void add_look(struct limit_test *t) {
    assert_int_equal(sio_ns_on_disconnect(harness_root(&t->h), look_at_request, NULL), 0);
}

static void disconnected_sockets_do_not_outlive_their_connection(void **state) {
    (void)state;
    for (int close_connection = 0; close_connection <= 1; close_connection++) {
        struct limit_test t;
        limit_begin(&t,
                    SIO_SERVER_OPTIONS(.send_high_water_bytes = 50000, .send_soft_bytes = 100000,
                                       .send_soft_ms = 20),
                    add_look);
        struct client *c = client_join_root(&t.h);
        wire_pause(c->ws);
        sio_socket *s = sio_ns_find(harness_root(&t.h), c->socket_sid);
        fill(s, 200000);
        harness_pass_ms(&t.h, 40);
        sio_socket_disconnect(s, close_connection == 1); /* the packet about it is one too many */
        limit_expect_disconnect(&t, SIO_REASON_TRANSPORT_ERROR, SIO_CAUSE_SEND_TIME);
        client_close(c);
        limit_end(&t);
    }
}

static void the_time_above_the_soft_limit_begins_anew(void **state) {
    (void)state;
    struct limit_test t;
    limit_begin(&t,
                SIO_SERVER_OPTIONS(.send_high_water_bytes = 1000, .send_soft_bytes = 30000,
                                   .send_soft_ms = 1000), /* one event is above both */
                NULL);
    struct client *c = client_join_root(&t.h);
    sio_socket *s = sio_ns_find(harness_root(&t.h), c->socket_sid);
    for (size_t round = 1; round <= 2; round++) {
        wire_pause(c->ws);
        size_t count = fill(s, 200000);
        wire_resume(c->ws);
        for (size_t i = 0; i < count; i++) {
            assert_non_null(client_receive(c));
        }
        harness_wait_count(&t.h, &t.h.seen.drains, round);
        harness_pass_ms(&t.h, 1100); /* does not count: there is no queue */
    }
    limit_expect_none(&t, SIO_CAUSE_SEND_TIME);
    client_close(c);
    limit_end(&t);
}

static void polling_queues_have_the_hard_limit_too(void **state) {
    (void)state;
    struct limit_test t;
    limit_begin(&t,
                SIO_SERVER_OPTIONS(.send_high_water_bytes = 100000, .send_soft_bytes = 200000,
                                   .send_hard_bytes = 300000),
                NULL);
    struct client *c = client_open(&t.h, SIO_POLLING);
    client_join(c, "/");
    assert_int_equal(flood(&t, c->socket_sid, 0), SIO_ERR_SLOW_CONSUMER);
    limit_expect_disconnect(&t, SIO_REASON_TRANSPORT_ERROR, SIO_CAUSE_SEND_QUEUE);
    limit_expect(&t, SIO_CAUSE_SEND_QUEUE);
    client_close(c);
    limit_end(&t);
}

static void slow_clients_that_catch_up_stay(void **state) {
    (void)state;
    struct limit_test t;
    limit_begin(&t,
                SIO_SERVER_OPTIONS(.send_high_water_bytes = 50000, .send_soft_bytes = 1000000,
                                   .send_soft_ms = 20),
                NULL);
    struct client *c = client_join_root(&t.h);
    sio_socket *s = sio_ns_find(harness_root(&t.h), c->socket_sid);
    wire_pause(c->ws);
    size_t sent = fill(s, 300000);
    assert_int_equal(t.h.seen.drains, 0);
    harness_pass_ms(&t.h, 40); /* above the high-water mark, but never above the soft limit */
    wire_resume(c->ws);
    for (size_t i = 0; i < sent; i++) {
        const struct packet *p = client_receive(c);
        assert_non_null(p);
        assert_true(p->len > 60000);
    }
    harness_wait_count(&t.h, &t.h.seen.drains, 1);
    assert_int_equal(sio_socket_pending_bytes(s), 0);
    client_expect_alive(c);
    limit_expect_none(&t, SIO_CAUSE_SEND_TIME);
    client_close(c);
    limit_end(&t);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_have_a_greatest_size),
        cmocka_unit_test(fragments_together_have_the_same_limit),
        cmocka_unit_test(messages_have_a_greatest_number_of_fragments),
        cmocka_unit_test(sessions_have_to_join_in_time),
        cmocka_unit_test(upgrades_have_to_end_in_time),
        cmocka_unit_test(closing_has_to_end_in_time),
        cmocka_unit_test(polling_sessions_are_not_waited_for_longer),
        cmocka_unit_test(heartbeats_have_to_be_answered_in_time),
        cmocka_unit_test(send_queues_have_a_hard_limit),
        cmocka_unit_test(send_queues_may_be_above_the_soft_limit_for_a_time),
        cmocka_unit_test(heartbeats_look_at_the_soft_limit_too),
        cmocka_unit_test(disconnected_sockets_do_not_outlive_their_connection),
        cmocka_unit_test(the_time_above_the_soft_limit_begins_anew),
        cmocka_unit_test(polling_queues_have_the_hard_limit_too),
        cmocka_unit_test(slow_clients_that_catch_up_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
