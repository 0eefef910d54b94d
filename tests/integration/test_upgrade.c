/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* Upgrades from polling to WebSocket that are raced by everything else (Engine.IO protocol,
 * "Upgrade"). */
#include "support/client.h"

#include <sio/error.h>
#include <stdlib.h>
#include <string.h>

/* Longer than the high-water mark of the tests about it, which is 100 bytes. */
#define LONG                                                                                       \
    "01234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901" \
    "23456789"

struct fixture {
    struct harness h;
    struct client *c; /* on polling, in "/" */
    struct wire *ws;  /* upgrades it */
    size_t initial;   /* calls of the hook for the first answer of a session */
    size_t every;     /* and for every answer */
};

static void count_initial(sio_headers *headers, const sio_request *req, void *user) {
    (void)headers;
    (void)req;
    ((struct fixture *)user)->initial++;
}

static void count_every(sio_headers *headers, const sio_request *req, void *user) {
    (void)headers;
    (void)req;
    ((struct fixture *)user)->every++;
}

static struct wire *open_websocket(struct fixture *f) {
    char path[160];
    (void)snprintf(path, sizeof path, "/socket.io/?EIO=4&transport=websocket&sid=%s", f->c->sid);
    struct wire *w = wire_open(&f->h);
    wire_upgrade_request(w, path, "");
    wire_expect_status(w, 101);
    return w;
}

static void begin(struct fixture *f, const sio_server_options *options) {
    *f = (struct fixture){0};
    harness_init(&f->h, options);
    harness_echo(harness_root(&f->h));
    harness_observe(&f->h, harness_root(&f->h));
    harness_listen(&f->h);
    f->c = client_open(&f->h, SIO_POLLING);
    client_join(f->c, "/");
    f->ws = open_websocket(f);
}

static void end(struct fixture *f) {
    wire_close(f->ws);
    client_close(f->c);
    harness_done(&f->h);
}

static sio_socket *socket_of(struct fixture *f) {
    sio_socket *s = sio_ns_find(harness_root(&f->h), f->c->socket_sid);
    assert_non_null(s);
    return s;
}

static void expect_text(struct wire *w, const char *text) {
    const struct ws_received *f = wire_read_frame(w);
    assert_non_null(f);
    assert_string_equal(f->data, text);
}

static void expect_transports(struct fixture *f, size_t polling, size_t websocket) {
    sio_stats stats = harness_stats(&f->h);
    assert_int_equal(stats.polling_sessions, polling);
    assert_int_equal(stats.websocket_sessions, websocket);
    assert_int_equal(stats.sessions, polling + websocket);
}

static void expect_polling_goes_on(struct fixture *f) {
    expect_transports(f, 1, 0);
    client_expect_alive(f->c);
    assert_string_equal(sio_socket_transport(socket_of(f)), "polling");
}

/* ---- before it is done ---- */

static void gets_are_released_by_the_probe_only(void **state) {
    (void)state;
    struct fixture f;
    begin(&f, NULL);
    wire_get(f.c->get, f.c->path, "");
    harness_settle(&f.h);
    assert_null(wire_poll_response(
        f.c->get)); /* a WebSocket alone does not make the client poll in circles */
    wire_text(f.ws, "2probe");
    expect_text(f.ws, "3probe");
    assert_string_equal(wire_expect_status(f.c->get, 200)->body, "6");
    wire_get(f.c->get, f.c->path, "");
    assert_string_equal(wire_expect_status(f.c->get, 200)->body, "6");
    wire_text(f.ws, "5");
    wire_text(f.ws, "42[\"echo\",1]");
    expect_text(f.ws, "42[\"echo\",1]");
    expect_transports(&f, 0, 1);
    wire_get(f.c->get, f.c->path, "");
    wire_expect_status(f.c->get, 400);
    end(&f);
}

static void attempts_that_fail_leave_polling_alone(void **state) {
    (void)state;
    static const char *const first[] = {"5", "4hello", "2", "3probe", "1", "x", ""};
    for (size_t i = 0; i < sizeof first / sizeof first[0]; i++) {
        struct fixture f;
        begin(&f, NULL);
        wire_text(f.ws, first[i]);
        assert_int_equal(wire_close_code(f.ws), 1005);
        expect_polling_goes_on(&f);
        end(&f);
    }
}

static void probing_connections_may_be_lost(void **state) {
    (void)state;
    for (int probed = 0; probed < 2; probed++) {
        struct fixture f;
        begin(&f, NULL);
        if (probed > 0) {
            wire_text(f.ws, "2probe");
            expect_text(f.ws, "3probe");
        }
        wire_reset(f.ws);
        f.ws = NULL;
        harness_settle(&f.h);
        expect_polling_goes_on(&f);
        f.ws = open_websocket(&f); /* and may be tried again */
        wire_text(f.ws, "2probe");
        expect_text(f.ws, "3probe");
        wire_text(f.ws, "5");
        wire_text(f.ws, "42[\"echo\",1]");
        expect_text(f.ws, "42[\"echo\",1]");
        end(&f);
    }
}

static void sessions_upgrade_once_at_a_time(void **state) {
    (void)state;
    struct fixture f;
    begin(&f, NULL);
    struct wire *second = open_websocket(&f);
    assert_int_equal(wire_close_code(second), 1005);
    wire_close(second);
    wire_text(f.ws, "2probe");
    expect_text(f.ws, "3probe");
    wire_text(f.ws, "5");
    wire_text(f.ws, "42[\"echo\",1]");
    expect_text(f.ws, "42[\"echo\",1]");
    second = open_websocket(&f);
    assert_int_equal(wire_close_code(second), 1005);
    wire_close(second);
    wire_text(f.ws, "42[\"echo\",2]");
    expect_text(f.ws, "42[\"echo\",2]");
    end(&f);
}

static void sessions_may_end_while_they_upgrade(void **state) {
    (void)state;
    for (int by_server = 0; by_server < 2; by_server++) {
        struct fixture f;
        begin(&f, NULL);
        wire_text(f.ws, "2probe");
        expect_text(f.ws, "3probe");
        if (by_server > 0) {
            sio_socket_disconnect(socket_of(&f), true);
        } else {
            (void)client_send(f.c, "1");
        }
        assert_int_equal(wire_close_code(f.ws), 1005);
        harness_wait_count(&f.h, &f.h.seen.disconnects, 1);
        expect_transports(&f, 0, 0);
        end(&f);
    }
}

static void posts_that_are_not_finished_are_cut_off(void **state) {
    (void)state;
    struct fixture f;
    begin(&f, NULL);
    wire_text(f.ws, "2probe");
    expect_text(f.ws, "3probe");
    wire_printf(f.c->post, "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\n42[\"e",
                f.c->path);
    harness_settle(&f.h);
    wire_text(f.ws, "5");
    wire_text(f.ws, "42[\"echo\",1]");
    expect_text(f.ws, "42[\"echo\",1]");
    assert_true(wire_wait_end(f.c->post));
    assert_int_equal(f.h.seen.disconnects, 0);
    end(&f);
}

/* ---- what was queued ---- */

static void queued_packets_move_in_order(void **state) {
    (void)state;
    struct fixture f;
    begin(&f, NULL);
    wire_text(f.ws, "2probe");
    expect_text(f.ws, "3probe");
    assert_int_equal(sio_emit(socket_of(&f), "a", "i", 1), 0);
    assert_int_equal(sio_emit(socket_of(&f), "b", "B", "\1\2", (size_t)2), 0);
    assert_int_equal(sio_emit(socket_of(&f), "c", "i", 3), 0);
    harness_settle(&f.h);
    wire_text(f.ws, "5");
    expect_text(f.ws, "42[\"a\",1]");
    expect_text(f.ws, "451-[\"b\",{\"_placeholder\":true,\"num\":0}]");
    expect_text(f.ws, "\1\2");
    expect_text(f.ws, "42[\"c\",3]");
    end(&f);
}

static void who_waits_for_the_queue_is_told(void **state) {
    (void)state;
    struct fixture f;
    begin(&f, SIO_SERVER_OPTIONS(.send_high_water_bytes = 100));
    assert_int_equal(sio_emit(socket_of(&f), "long", "s", LONG), SIO_SLOW);
    wire_text(f.ws, "2probe");
    expect_text(f.ws, "3probe");
    assert_int_equal(f.h.seen.drains, 0);
    wire_text(f.ws, "5");
    expect_text(f.ws, "42[\"long\",\"" LONG "\"]");
    harness_wait_count(&f.h, &f.h.seen.drains, 1);
    end(&f);
}

/* The GET that takes the queue is answered by the probe, not by the end of a turn. */
static void who_waits_for_a_released_get_is_told(void **state) {
    (void)state;
    struct fixture f;
    begin(&f, SIO_SERVER_OPTIONS(.send_high_water_bytes = 100));
    assert_int_equal(sio_emit(socket_of(&f), "long", "s", LONG), SIO_SLOW);
    wire_text(f.ws, "2probe");
    expect_text(f.ws, "3probe");
    wire_get(f.c->get, f.c->path, "");
    assert_string_equal(wire_expect_status(f.c->get, 200)->body, "42[\"long\",\"" LONG "\"]");
    harness_wait_count(&f.h, &f.h.seen.drains, 1);
    end(&f);
}

static void send_one(sio_socket *s, void *user) {
    struct fixture *f = user;
    if (f->every < 3) {
        f->every++;
        (void)sio_emit(s, "more", "s", LONG);
    }
}

static void drain_callbacks_may_send(void **state) {
    (void)state;
    struct fixture f = {0};
    harness_init(&f.h, SIO_SERVER_OPTIONS(.send_high_water_bytes = 100));
    harness_observe(&f.h, harness_root(&f.h));
    assert_int_equal(sio_ns_on_drain(harness_root(&f.h), send_one, &f), 0);
    harness_listen(&f.h);
    f.c = client_open(&f.h, SIO_POLLING);
    client_join(f.c, "/");
    assert_int_equal(sio_emit(socket_of(&f), "long", "s", LONG), SIO_SLOW);
    client_expect(f.c, "42[\"long\",\"" LONG "\"]");
    for (int i = 0; i < 3; i++) {
        client_expect(f.c, "42[\"more\",\"" LONG "\"]");
    }
    harness_wait_count(&f.h, &f.h.seen.drains, 4);
    end(&f);
}

/* ---- hooks ---- */

static void upgrades_are_no_first_answers(void **state) {
    (void)state;
    struct fixture f;
    sio_server_options *o =
        SIO_SERVER_OPTIONS(.on_initial_headers = count_initial, .on_initial_headers_user = &f,
                           .on_headers = count_every, .on_headers_user = &f);
    begin(&f, o);
    assert_int_equal(f.initial, 1);
    assert_true(f.every > 1); /* the 101 is among these */
    struct client *c = client_open(&f.h, SIO_WEBSOCKET);
    assert_int_equal(f.initial, 2);
    client_close(c);
    end(&f);
}

static void probes_have_to_be_read(void **state) {
    (void)state;
    struct fixture f;
    begin(&f, SIO_SERVER_OPTIONS(.send_high_water_bytes = 100, .ping_interval_ms = 600000,
                                 .keep_alive_timeout_ms = SIO_NEVER));
    wire_pause(f.ws);
    /* More answers than the buffers of the kernel hold. */
    for (int i = 0; i < 1000; i++) {
        for (int k = 0; k < 1000; k++) {
            wire_text(f.ws, "2probe");
        }
        assert_true(wire_wait_sent(f.ws));
    }
    wire_resume(f.ws);
    assert_int_equal(wire_close_code(f.ws), 1005);
    expect_polling_goes_on(&f);
    end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gets_are_released_by_the_probe_only),
        cmocka_unit_test(attempts_that_fail_leave_polling_alone),
        cmocka_unit_test(probing_connections_may_be_lost),
        cmocka_unit_test(sessions_upgrade_once_at_a_time),
        cmocka_unit_test(sessions_may_end_while_they_upgrade),
        cmocka_unit_test(posts_that_are_not_finished_are_cut_off),
        cmocka_unit_test(queued_packets_move_in_order),
        cmocka_unit_test(who_waits_for_the_queue_is_told),
        cmocka_unit_test(who_waits_for_a_released_get_is_told),
        cmocka_unit_test(drain_callbacks_may_send),
        cmocka_unit_test(upgrades_are_no_first_answers),
        cmocka_unit_test(probes_have_to_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
