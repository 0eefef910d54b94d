/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The Engine.IO client against the server of this library, on one loop.
 */
#include "support/client.h"
#include "support/eio_user.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <sio/error.h>

/* ---- a clock that can be put forward ---- */

static uint64_t slept_s;

int shifted_clock_gettime(clockid_t clock, struct timespec *ret) __asm__("clock_gettime")
    __attribute__((visibility("default")));

int shifted_clock_gettime(clockid_t clock, struct timespec *ret) {
    int r = (int)syscall(SYS_clock_gettime, clock, ret);
    if (r == 0 && clock == CLOCK_BOOTTIME) {
        ret->tv_sec += (time_t)slept_s;
    }
    return r;
}

/* ---- fixture ---- */

struct fixture {
    struct harness h;
    struct eio_user user;
};

static struct fixture *begin(const sio_server_options *options) {
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    harness_init(&f->h, options);
    harness_echo(harness_root(&f->h));
    harness_observe(&f->h, harness_root(&f->h));
    harness_listen(&f->h);
    eio_user_init(&f->user, &f->h.loop, f->h.port);
    f->user.activity = &f->h.activity;
    slept_s = 0;
    return f;
}

static void end(struct fixture *f) {
    eio_user_done(&f->user);
    harness_done(&f->h);
    free(f);
}

static void wait_event(struct fixture *f, enum eio_user_event event, size_t count) {
    harness_wait_count(&f->h, &f->user.counts[event], count);
}

static void only(struct fixture *f, uint8_t transport) {
    f->user.config.transports[0] = transport;
    f->user.config.transports[1] = 0;
}

static void open_client(struct fixture *f) {
    assert_int_equal(eio_user_open(&f->user), 0);
    assert_int_equal(f->user.counts[EIO_USER_OPEN], 0);
    wait_event(f, EIO_USER_OPEN, 1);
}

/* Joins the namespace "/". */
static void join(struct fixture *f) {
    size_t before = f->user.counts[EIO_USER_MESSAGE];
    assert_int_equal(eio_user_send(&f->user, "0"), 0);
    wait_event(f, EIO_USER_MESSAGE, before + 1);
    assert_memory_equal(f->user.message, "0{\"sid\":\"", 9);
    harness_wait_count(&f->h, &f->h.seen.connects, 1);
}

static void expect_closed(struct fixture *f, int reason, int cause, int status) {
    wait_event(f, EIO_USER_CLOSE, 1);
    assert_int_equal(f->user.reason, reason);
    assert_int_equal(f->user.cause, cause);
    assert_int_equal(f->user.status, status);
    harness_settle(&f->h);
    assert_int_equal(f->user.counts[EIO_USER_CLOSE], 1);
}

/* ---- messages ---- */

static void exchange_messages(struct fixture *f) {
    open_client(f);
    assert_int_equal(strlen(f->user.sid), 20);
    join(f);
    assert_int_equal(eio_user_send(&f->user, "2[\"echo\",\"h\xc3\xa9llo\"]"), 0);
    wait_event(f, EIO_USER_MESSAGE, 2);
    assert_string_equal(f->user.message, "2[\"echo\",\"h\xc3\xa9llo\"]");
    assert_false(f->user.binary);
    assert_int_equal(eio_user_send_both(&f->user, "51-[\"echo\",{\"_placeholder\":true,\"num\":0}]",
                                        "\0\1\xff", 3),
                     0);
    wait_event(f, EIO_USER_MESSAGE, 4);
    assert_true(f->user.binary);
    assert_memory_equal(f->user.message, "\0\1\xff", 3);
    assert_int_equal(sio__eio_client_pending(f->user.client), 0);
    eio_user_close(&f->user);
    assert_int_equal(sio__eio_client_state(f->user.client), EIO_CLIENT_CLOSING);
    assert_int_equal(eio_user_send(&f->user, "2[\"late\"]"), SIO_ERR_CLOSED);
    expect_closed(f, SIO_REASON_FORCED_CLOSE, SIO_CAUSE_APPLICATION, 0);
    harness_wait_count(&f->h, &f->h.seen.disconnects, 1);
    assert_int_equal(f->h.seen.reason, SIO_REASON_TRANSPORT_CLOSE);
    assert_int_equal(f->h.seen.cause, SIO_CAUSE_PEER_CLOSED);
}

static void polling_carries_messages_both_ways(void **state) {
    (void)state;
    struct fixture *f = begin(NULL);
    only(f, SIO_POLLING);
    exchange_messages(f);
    assert_int_equal(f->user.counts[EIO_USER_UPGRADE], 0);
    end(f);
}

static void websocket_carries_messages_both_ways(void **state) {
    (void)state;
    struct fixture *f = begin(NULL);
    only(f, SIO_WEBSOCKET);
    exchange_messages(f);
    assert_int_equal(harness_stats(&f->h).polling_sessions, 0);
    end(f);
}

static void base64_carries_binary_over_both(void **state) {
    (void)state;
    for (uint8_t transport = SIO_POLLING; transport <= SIO_WEBSOCKET; transport++) {
        struct fixture *f = begin(NULL);
        only(f, transport);
        f->user.config.force_base64 = true;
        exchange_messages(f);
        end(f);
    }
}

static void closed_client_opens_again(void **state) {
    (void)state;
    struct fixture *f = begin(NULL);
    for (size_t i = 1; i <= 3; i++) {
        assert_int_equal(eio_user_open(&f->user), 0);
        assert_int_equal(eio_user_open(&f->user), SIO_ERR_STATE);
        wait_event(f, EIO_USER_OPEN, i);
        eio_user_close(&f->user);
        wait_event(f, EIO_USER_CLOSE, i);
        assert_int_equal(f->user.reason, SIO_REASON_FORCED_CLOSE);
    }
    end(f);
}

static void messages_keep_their_order_through_the_upgrade(void **state) {
    (void)state;
    struct fixture *f = begin(NULL);
    open_client(f);
    join(f);
    char event[64];
    size_t sent = 0;
    while (f->user.counts[EIO_USER_UPGRADE] == 0 || sent < 300) {
        (void)snprintf(event, sizeof event, "2[\"echo\",%zu]", sent);
        assert_int_equal(eio_user_send(&f->user, event), 0);
        sent++;
        if (sent % 3 == 0) {
            harness_turn(&f->h);
        }
        assert_true(sent < 1000000);
    }
    wait_event(f, EIO_USER_MESSAGE, sent + 1);
    assert_string_equal(f->user.message, event);
    assert_int_equal(f->user.message_bytes > 0, true);
    assert_int_equal(f->user.counts[EIO_USER_UPGRADE], 1);
    /* In the order of sending. */
    const char *at = f->user.trace;
    for (size_t i = 0; i < 300; i++) {
        (void)snprintf(event, sizeof event, "\n< 42[\"echo\",%zu]\n", i);
        at = strstr(at, event);
        assert_non_null(at);
    }
    end(f);
}

static void polling_goes_on_where_the_upgrade_is_not_wanted(void **state) {
    (void)state;
    struct fixture *f = begin(NULL);
    f->user.config.no_upgrade = true;
    open_client(f);
    join(f);
    harness_settle(&f->h);
    assert_int_equal(f->user.counts[EIO_USER_UPGRADE], 0);
    assert_string_equal(sio__eio_client_transport(f->user.client), "polling");
    end(f);
}

static void a_worked_upgrade_is_remembered(void **state) {
    (void)state;
    struct fixture *f = begin(NULL);
    f->user.config.remember_upgrade = true;
    open_client(f);
    wait_event(f, EIO_USER_UPGRADE, 1);
    eio_user_close(&f->user);
    wait_event(f, EIO_USER_CLOSE, 1);
    assert_int_equal(eio_user_open(&f->user), 0);
    assert_string_equal(sio__eio_client_transport(f->user.client), "websocket");
    wait_event(f, EIO_USER_OPEN, 2);
    end(f);
}

/* ---- limits of the server ---- */

static void posts_keep_the_limit_of_the_server(void **state) {
    (void)state;
    struct fixture *f = begin(SIO_SERVER_OPTIONS(.max_payload_bytes = 1000));
    only(f, SIO_POLLING);
    open_client(f);
    join(f);
    char event[256] = "2[\"echo\",\"";
    memset(event + strlen(event), 'a', 200);
    memcpy(event + 209, "\"]", 3);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(eio_user_send(&f->user, event), 0);
    }
    wait_event(f, EIO_USER_DRAIN, 1);
    wait_event(f, EIO_USER_MESSAGE, 51);
    assert_int_equal(f->user.counts[EIO_USER_CLOSE], 0);
    assert_int_equal(f->user.counts[EIO_USER_DRAIN], 1);
    end(f);
}

static void a_message_over_the_limit_ends_the_connection(void **state) {
    (void)state;
    struct fixture *f = begin(SIO_SERVER_OPTIONS(.max_payload_bytes = 100));
    only(f, SIO_POLLING);
    open_client(f);
    char event[256];
    memset(event, 'a', 200);
    event[200] = '\0';
    assert_int_equal(eio_user_send(&f->user, event), 0);
    expect_closed(f, SIO_REASON_TRANSPORT_ERROR, SIO_CAUSE_HTTP_STATUS, SIO_ERR_HTTP);
    assert_string_equal(f->user.text, "xhr post error: status 413");
    end(f);
}

static void refusals_tell_why(void **state) {
    (void)state;
    struct fixture *f = begin(SIO_SERVER_OPTIONS(.transports = SIO_WEBSOCKET));
    only(f, SIO_POLLING);
    assert_int_equal(eio_user_open(&f->user), 0);
    expect_closed(f, SIO_REASON_TRANSPORT_ERROR, SIO_CAUSE_HTTP_STATUS, SIO_ERR_HTTP);
    assert_string_equal(f->user.text, "xhr poll error: status 400, Transport unknown");
    end(f);
    f = begin(SIO_SERVER_OPTIONS(.transports = SIO_POLLING));
    only(f, SIO_WEBSOCKET);
    assert_int_equal(eio_user_open(&f->user), 0);
    expect_closed(f, SIO_REASON_TRANSPORT_ERROR, SIO_CAUSE_HTTP_STATUS, SIO_ERR_HTTP);
    assert_string_equal(f->user.text, "websocket error: status 400");
    end(f);
}

static void the_next_transport_is_tried(void **state) {
    (void)state;
    struct fixture *f = begin(SIO_SERVER_OPTIONS(.transports = SIO_WEBSOCKET));
    f->user.config.try_all_transports = true;
    open_client(f);
    assert_string_equal(sio__eio_client_transport(f->user.client), "websocket");
    end(f);
}

/* ---- heartbeat ---- */

static void heartbeats_are_answered(void **state) {
    (void)state;
    for (uint8_t transport = SIO_POLLING; transport <= SIO_WEBSOCKET; transport++) {
        struct fixture *f = begin(SIO_SERVER_OPTIONS(.ping_interval_ms = 20));
        only(f, transport);
        open_client(f);
        join(f);
        wait_event(f, EIO_USER_PING, 4);
        assert_non_null(strstr(f->user.trace, "< 2\n> 3\n"));
        assert_int_equal(f->user.counts[EIO_USER_CLOSE], 0);
        assert_int_equal(f->h.seen.disconnects, 0);
        end(f);
    }
}

static void a_deadline_that_was_slept_through_is_noticed(void **state) {
    (void)state;
    for (uint8_t transport = SIO_POLLING; transport <= SIO_WEBSOCKET; transport++) {
        struct fixture *f = begin(NULL);
        only(f, transport);
        open_client(f);
        slept_s = 44;
        assert_false(sio__eio_client_expired(f->user.client));
        slept_s = 46; /* 25 and 20 seconds are the defaults of the server */
        f->user.calling = true;
        assert_true(sio__eio_client_expired(f->user.client));
        assert_true(sio__eio_client_expired(f->user.client));
        f->user.calling = false;
        assert_int_equal(eio_user_send(&f->user, "2[\"late\"]"), SIO_ERR_CLOSED);
        expect_closed(f, SIO_REASON_PING_TIMEOUT, SIO_CAUSE_HEARTBEAT, SIO_ERR_TIMEOUT);
        end(f);
    }
}

/* ---- the server ends ---- */

static void the_end_of_the_server_is_told(void **state) {
    (void)state;
    for (uint8_t transport = SIO_POLLING; transport <= SIO_WEBSOCKET; transport++) {
        struct fixture *f = begin(NULL);
        only(f, transport);
        open_client(f);
        join(f);
        harness_turn(&f->h);
        harness_close(&f->h);
        expect_closed(f, SIO_REASON_TRANSPORT_CLOSE, SIO_CAUSE_PEER_CLOSED, 0);
        assert_string_equal(f->user.text, transport == SIO_POLLING
                                              ? "transport closed by the server"
                                              : "websocket connection closed");
        end(f);
    }
}

/* ---- closing ---- */

static void what_was_sent_arrives_before_the_end(void **state) {
    (void)state;
    for (uint8_t transport = SIO_POLLING; transport <= SIO_WEBSOCKET; transport++) {
        struct fixture *f = begin(NULL);
        only(f, transport);
        open_client(f);
        join(f);
        for (int i = 0; i < 200; i++) {
            assert_int_equal(eio_user_send(&f->user, "2[\"echo\"]"), 0);
        }
        eio_user_close(&f->user);
        expect_closed(f, SIO_REASON_FORCED_CLOSE, SIO_CAUSE_APPLICATION, 0);
        harness_wait_count(&f->h, &f->h.seen.disconnects, 1);
        assert_int_equal(harness_stats(&f->h).packets_in >= 201, true);
        end(f);
    }
}

static void closing_while_it_opens_leaves_no_session(void **state) {
    (void)state;
    for (uint8_t transport = SIO_POLLING; transport <= SIO_WEBSOCKET; transport++) {
        struct fixture *f = begin(NULL);
        only(f, transport);
        assert_int_equal(eio_user_open(&f->user), 0);
        eio_user_close(&f->user);
        expect_closed(f, SIO_REASON_FORCED_CLOSE, SIO_CAUSE_APPLICATION, 0);
        assert_int_equal(f->user.counts[EIO_USER_OPEN], 0);
        assert_int_equal(harness_stats(&f->h).sessions, 0);
        end(f);
    }
}

static void close_at_pong(struct eio_user *u, enum eio_user_event event) {
    if (event == EIO_USER_TRACE && strstr(u->trace, "< 3probe") != NULL &&
        sio__eio_client_state(u->client) == EIO_CLIENT_OPEN) {
        sio__eio_client_close(u->client);
    }
}

static void closing_gives_up_a_probe(void **state) {
    (void)state;
    struct fixture *f = begin(NULL);
    f->user.on_event = close_at_pong;
    open_client(f);
    expect_closed(f, SIO_REASON_FORCED_CLOSE, SIO_CAUSE_APPLICATION, 0);
    assert_int_equal(f->user.counts[EIO_USER_UPGRADE], 0);
    assert_int_equal(harness_stats(&f->h).sessions, 0);
    end(f);
}

/* ---- freeing ---- */

static void close_after_upgrade(struct eio_user *u, enum eio_user_event event) {
    if (event == EIO_USER_MESSAGE && u->counts[EIO_USER_MESSAGE] == 3) {
        sio__eio_client_close(u->client);
    }
}

static void it_may_be_freed_in_every_callback(void **state) {
    (void)state;
    static const enum eio_user_event events[] = {EIO_USER_OPEN, EIO_USER_MESSAGE, EIO_USER_CLOSE,
                                                 EIO_USER_PING, EIO_USER_UPGRADE, EIO_USER_TRACE};
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        for (size_t nth = 1; nth <= 12; nth++) {
            struct fixture *f = begin(SIO_SERVER_OPTIONS(.ping_interval_ms = 20));
            f->user.on_event = close_after_upgrade;
            assert_int_equal(eio_user_open(&f->user), 0);
            f->h.patient = false;
            for (size_t n = 0; n < 200 && f->user.client != NULL; n++) {
                if (f->user.counts[events[i]] + 1 >= nth) {
                    f->user.frees_in = (int)events[i];
                }
                if (f->user.counts[EIO_USER_OPEN] == 1 && n % 8 == 0) {
                    (void)eio_user_send(&f->user, n == 8 ? "0" : "2[\"echo\",1]");
                }
                harness_turn(&f->h);
            }
            harness_settle(&f->h);
            f->h.patient = true;
            end(f);
        }
    }
}

static void it_may_be_freed_at_any_time(void **state) {
    (void)state;
    for (int turns = 0; turns < 40; turns++) {
        struct fixture *f = begin(NULL);
        assert_int_equal(eio_user_open(&f->user), 0);
        for (int i = 0; i < turns; i++) {
            uv_run(&f->h.loop, UV_RUN_NOWAIT);
            if (f->user.counts[EIO_USER_OPEN] == 1) {
                (void)eio_user_send(&f->user, "0");
            }
        }
        end(f);
    }
}

/* ---- cookies ---- */

static void cookies_are_kept_and_sent(void **state) {
    (void)state;
    struct cookie_jar jar;
    struct fixture *f = begin(SIO_SERVER_OPTIONS(.cookie = SIO_COOKIE(.name = "io")));
    sio__cookie_jar_init(&jar, SIO_TEXT("127.0.0.1"), false);
    f->user.config.cookies = &jar;
    open_client(f);
    wait_event(f, EIO_USER_UPGRADE, 1);
    struct buf out;
    char expected[320];
    sio__buf_init(&out, 1000);
    assert_int_equal(sio__cookie_jar_write(&jar, SIO_TEXT("/socket.io/"), 0, SIZE_MAX, &out), 1);
    (void)snprintf(expected, sizeof expected, "io=%s", f->user.sid);
    assert_int_equal(out.len, strlen(expected));
    assert_memory_equal(out.data, expected, out.len);
    sio__buf_done(&out);
    end(f);
    sio__cookie_jar_done(&jar);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(polling_carries_messages_both_ways),
        cmocka_unit_test(websocket_carries_messages_both_ways),
        cmocka_unit_test(base64_carries_binary_over_both),
        cmocka_unit_test(closed_client_opens_again),
        cmocka_unit_test(messages_keep_their_order_through_the_upgrade),
        cmocka_unit_test(polling_goes_on_where_the_upgrade_is_not_wanted),
        cmocka_unit_test(a_worked_upgrade_is_remembered),
        cmocka_unit_test(posts_keep_the_limit_of_the_server),
        cmocka_unit_test(a_message_over_the_limit_ends_the_connection),
        cmocka_unit_test(refusals_tell_why),
        cmocka_unit_test(the_next_transport_is_tried),
        cmocka_unit_test(heartbeats_are_answered),
        cmocka_unit_test(a_deadline_that_was_slept_through_is_noticed),
        cmocka_unit_test(the_end_of_the_server_is_told),
        cmocka_unit_test(what_was_sent_arrives_before_the_end),
        cmocka_unit_test(closing_while_it_opens_leaves_no_session),
        cmocka_unit_test(closing_gives_up_a_probe),
        cmocka_unit_test(it_may_be_freed_in_every_callback),
        cmocka_unit_test(it_may_be_freed_at_any_time),
        cmocka_unit_test(cookies_are_kept_and_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
