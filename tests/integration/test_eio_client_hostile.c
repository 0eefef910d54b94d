/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The Engine.IO client and servers that mean no good: malformed, endless, slow or silent ones.
 */
#include "support/eio_peer.h"

#include <netinet/in.h>
#include <sio/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/ws_handshake.h"

/* ---- servers that mean no good ---- */

static void malformed_handshakes_are_refused(void **state) {
    (void)state;
    static const char *const handshakes[] = {
        "4hello",
        "0",
        "0[]",
        "0{}",
        "0null",
        "0{\"sid\":1,\"upgrades\":[],\"pingInterval\":1,\"pingTimeout\":1}",
        "0{\"sid\":\"\",\"upgrades\":[],\"pingInterval\":1,\"pingTimeout\":1}",
        "0{\"sid\":\"a b\",\"upgrades\":[],\"pingInterval\":1,\"pingTimeout\":1}",
        "0{\"sid\":\"a\\u0000\",\"upgrades\":[],\"pingInterval\":1,\"pingTimeout\":1}",
        "0{\"sid\":\"a\",\"upgrades\":{},\"pingInterval\":1,\"pingTimeout\":1}",
        "0{\"sid\":\"a\",\"upgrades\":[1],\"pingInterval\":1,\"pingTimeout\":1}",
        "0{\"sid\":\"a\",\"pingInterval\":1,\"pingTimeout\":1}",
        "0{\"sid\":\"a\",\"upgrades\":[],\"pingInterval\":-1,\"pingTimeout\":1}",
        "0{\"sid\":\"a\",\"upgrades\":[],\"pingInterval\":\"1\",\"pingTimeout\":1}",
        "0{\"sid\":\"a\",\"upgrades\":[],\"pingInterval\":1.5,\"pingTimeout\":1}",
        "0{\"sid\":\"a\",\"upgrades\":[],\"pingInterval\":1,\"pingTimeout\":2147483648}",
        "0{\"sid\":\"a\",\"upgrades\":[],\"pingInterval\":0,\"pingTimeout\":0}",
        "0{\"sid\":\"a\",\"upgrades\":[],\"pingInterval\":1}",
        "0{\"sid\":\"a\",\"upgrades\":[],\"pingInterval\":1,\"pingTimeout\":1,\"maxPayload\":-1}",
        "0{\"sid\":\"a\",\"upgrades\":[],\"pingInterval\":1,\"pingTimeout\":1,\"maxPayload\":[]}",
    };
    for (size_t i = 0; i < sizeof handshakes / sizeof handshakes[0]; i++) {
        struct eio_peer *f = eio_peer_begin();
        assert_int_equal(eio_user_open(&f->user), 0);
        f->get = peer_accept(f->peer);
        eio_peer_expect_request(f->get, EIO_PEER_GET_1, NULL);
        eio_peer_answer(f->get, handshakes[i]);
        eio_peer_wait(f, EIO_USER_CLOSE, 1);
        assert_string_equal(f->user.text, "malformed handshake");
        assert_int_equal(f->user.reason, SIO_REASON_TRANSPORT_ERROR);
        assert_int_equal(f->user.cause, SIO_CAUSE_HANDSHAKE);
        assert_true(f->user.status < 0);
        assert_int_equal(f->user.counts[EIO_USER_OPEN], 0);
        eio_peer_end(f);
    }
}

static void long_sids_are_refused(void **state) {
    (void)state;
    for (int len = 256; len <= 257; len++) {
        char handshake[512];
        struct eio_peer *f = eio_peer_begin();
        assert_int_equal(eio_user_open(&f->user), 0);
        f->get = peer_accept(f->peer);
        eio_peer_expect_request(f->get, EIO_PEER_GET_1, NULL);
        (void)snprintf(
            handshake, sizeof handshake,
            "0{\"sid\":\"%0*d\",\"upgrades\":[],\"pingInterval\":1,\"pingTimeout\":9999}", len, 0);
        eio_peer_answer(f->get, handshake);
        eio_peer_wait(f, len == 256 ? EIO_USER_OPEN : EIO_USER_CLOSE, 1);
        eio_peer_end(f);
    }
}

static void malformed_answers_end_the_connection(void **state) {
    (void)state;
    static const struct {
        const char *answer;
        int cause;
        int status;
        const char *text;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", SIO_CAUSE_ENGINE_SYNTAX, SIO_ERR_PROTO,
         "server error"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n7", SIO_CAUSE_ENGINE_SYNTAX, SIO_ERR_PROTO,
         "server error"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n4\xff\xff", SIO_CAUSE_ENGINE_SYNTAX,
         SIO_ERR_PROTO, "server error"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nb!!", SIO_CAUSE_ENGINE_SYNTAX, SIO_ERR_PROTO,
         "server error"},
        {"HTTP/1.1 204 No Content\r\n\r\n", SIO_CAUSE_HTTP_STATUS, SIO_ERR_HTTP,
         "xhr poll error: status 204"},
        {"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", SIO_CAUSE_HTTP_STATUS,
         SIO_ERR_HTTP, "xhr poll error: status 302"},
        {"HTTP/1.1 400 Bad Request\r\nContent-Length: 41\r\n\r\n"
         "{\"code\":1,\"message\":\"Session ID unknown\"}",
         SIO_CAUSE_HTTP_STATUS, SIO_ERR_HTTP, "xhr poll error: status 400, Session ID unknown"},
        {"HTTP/1.1 400 Bad Request\r\nContent-Length: 27\r\n\r\n{\"message\":\"a\\nb\\u001b[1m\"}",
         SIO_CAUSE_HTTP_STATUS, SIO_ERR_HTTP, "xhr poll error: status 400, a\\x0ab\\x1b[1m"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct eio_peer *f = eio_peer_begin();
        eio_peer_open_polling(f, EIO_PEER_NO_UPGRADES);
        peer_puts(f->get, cases[i].answer);
        eio_peer_expect_closed(f, SIO_REASON_TRANSPORT_ERROR, cases[i].cause, cases[i].status,
                               cases[i].text);
        eio_peer_end(f);
    }
}

static void answers_that_are_too_large_end_the_connection(void **state) {
    (void)state;
    struct eio_peer *f = eio_peer_begin();
    eio_peer_open_polling(f, EIO_PEER_NO_UPGRADES);
    peer_puts(f->get, "HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n4");
    eio_peer_wait(f, EIO_USER_CLOSE, 1);
    assert_int_equal(f->user.status, SIO_ERR_TOO_BIG);
    assert_int_equal(f->user.cause, SIO_CAUSE_MESSAGE_BYTES);
    assert_memory_equal(f->user.text, "xhr poll error: ", 16);
    eio_peer_end(f);
}

static void expect_large_head_is_told(uint8_t transport, const char *field, int count, int cause) {
    struct eio_peer *f = eio_peer_begin();
    eio_peer_only(f, transport);
    assert_int_equal(eio_user_open(&f->user), 0);
    struct peer_conn *conn = peer_accept(f->peer);
    free(peer_head(conn));
    peer_puts(conn, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < count; i++) {
        peer_puts(conn, field);
    }
    eio_peer_wait(f, EIO_USER_CLOSE, 1);
    assert_int_equal(f->user.cause, cause);
    assert_int_equal(f->user.status, SIO_ERR_TOO_BIG);
    eio_peer_end(f);
}

static void heads_above_their_limits_are_told_as_such(void **state) {
    (void)state;
    char field[1000];
    (void)snprintf(field, sizeof field, "a: %0*d\r\n", (int)sizeof field - 10, 0);
    for (uint8_t transport = SIO_POLLING; transport <= SIO_WEBSOCKET; transport++) {
        expect_large_head_is_told(transport, "a: b\r\n", 201, SIO_CAUSE_HEAD_COUNT);
        expect_large_head_is_told(transport, field, 17, SIO_CAUSE_HEAD_BYTES);
    }
}

static void malformed_frames_end_the_connection(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        int cause;
        int status;
    } cases[] = {
        {"\x81\x01\xff", 3, SIO_CAUSE_WS_UTF8, SIO_ERR_PROTO},
        {"\x83\x00", 2, SIO_CAUSE_WS_SYNTAX, SIO_ERR_PROTO},
        {"\xc1\x01"
         "4",
         3, SIO_CAUSE_WS_SYNTAX, SIO_ERR_PROTO},
        {"\x81\x81\0\0\0\0"
         "4",
         7, SIO_CAUSE_WS_SYNTAX, SIO_ERR_PROTO},
        {"\x81\x7f\0\0\0\0\x40\0\0\0", 10, SIO_CAUSE_MESSAGE_BYTES, SIO_ERR_TOO_BIG},
        {"\x81\x00", 2, SIO_CAUSE_ENGINE_SYNTAX, SIO_ERR_PROTO},
        {"\x81\x01"
         "7",
         3, SIO_CAUSE_ENGINE_SYNTAX, SIO_ERR_PROTO},
        {"\x81\x03"
         "b!!",
         5, SIO_CAUSE_ENGINE_SYNTAX, SIO_ERR_PROTO},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct eio_peer *f = eio_peer_begin();
        eio_peer_open_websocket(f);
        peer_send(f->ws, cases[i].bytes, cases[i].len);
        eio_peer_wait(f, EIO_USER_CLOSE, 1);
        assert_int_equal(f->user.reason, SIO_REASON_TRANSPORT_ERROR);
        assert_int_equal(f->user.cause, cases[i].cause);
        assert_int_equal(f->user.status, cases[i].status);
        eio_peer_end(f);
    }
}

static void wrong_websocket_handshakes_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *answer;
        const char *text;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "websocket error: status 200"},
        {"HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
         "websocket error: Invalid Upgrade header"},
        {"HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
         "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
         "websocket error: Invalid Sec-WebSocket-Accept header"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct eio_peer *f = eio_peer_begin();
        eio_peer_only(f, SIO_WEBSOCKET);
        assert_int_equal(eio_user_open(&f->user), 0);
        f->ws = peer_accept(f->peer);
        free(peer_head(f->ws));
        peer_puts(f->ws, cases[i].answer);
        eio_peer_wait(f, EIO_USER_CLOSE, 1);
        assert_string_equal(f->user.text, cases[i].text);
        assert_int_equal(f->user.reason, SIO_REASON_TRANSPORT_ERROR);
        eio_peer_end(f);
    }
}

static void a_server_that_says_nothing_is_left(void **state) {
    (void)state;
    for (uint8_t transport = SIO_POLLING; transport <= SIO_WEBSOCKET; transport++) {
        struct eio_peer *f = eio_peer_begin();
        eio_peer_only(f, transport);
        f->user.config.open_timeout_ms = 30;
        assert_int_equal(eio_user_open(&f->user), 0);
        eio_peer_expect_closed(f, SIO_REASON_TRANSPORT_ERROR, SIO_CAUSE_CONNECT_FAILED,
                               SIO_ERR_TIMEOUT, "timeout");
        eio_peer_end(f);
    }
}

static void a_port_that_refuses_is_told(void **state) {
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0); /* bound, and not listening */
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    for (uint8_t transport = SIO_POLLING; transport <= SIO_WEBSOCKET; transport++) {
        char text[100];
        struct eio_peer *f = eio_peer_begin();
        eio_peer_only(f, transport);
        f->user.config.server.link.port = ntohs(address.sin_port);
        assert_int_equal(eio_user_open(&f->user), 0);
        (void)snprintf(text, sizeof text, "%s error: connect ECONNREFUSED 127.0.0.1:%u",
                       transport == SIO_POLLING ? "xhr poll" : "websocket",
                       (unsigned)ntohs(address.sin_port));
        eio_peer_expect_closed(f, SIO_REASON_TRANSPORT_ERROR, SIO_CAUSE_CONNECT_FAILED,
                               UV_ECONNREFUSED, text);
        eio_peer_end(f);
    }
    close(fd);
}

#define SHORT_TIMES                                                                                \
    "0{\"sid\":\"" EIO_PEER_SID "\",\"upgrades\":[],\"pingInterval\":20,\"pingTimeout\":20}"

static void missing_heartbeats_end_the_connection(void **state) {
    (void)state;
    struct eio_peer *f = eio_peer_begin();
    eio_peer_open_polling(f, SHORT_TIMES);
    eio_peer_expect_closed(f, SIO_REASON_PING_TIMEOUT, SIO_CAUSE_HEARTBEAT, SIO_ERR_TIMEOUT,
                           "ping timeout");
    eio_peer_end(f);
}

static void a_post_without_answer_ends_the_connection(void **state) {
    (void)state;
    struct eio_peer *f = eio_peer_begin();
    eio_peer_open_polling(f, EIO_PEER_NO_UPGRADES);
    assert_int_equal(eio_user_send(&f->user, "hello"), 0);
    f->post = peer_accept(f->peer);
    eio_peer_expect_request(f->post, EIO_PEER_POST_N, NULL);
    eio_peer_answer(f->get, "2"); /* the heartbeat's time begins anew: it ends later */
    eio_peer_wait(f, EIO_USER_PING, 1);
    assert_int_equal(f->user.counts[EIO_USER_CLOSE], 0);
    struct reactor *r = &f->peer->reactor;
    (void)sio__wheel_advance(&r->wheel, sio__reactor_now(r) + 25000 + 20000);
    eio_peer_expect_closed(f, SIO_REASON_TRANSPORT_ERROR, SIO_CAUSE_CONNECTION_LOST,
                           SIO_ERR_TIMEOUT,
                           "xhr post error: no answer within the time of the heartbeat");
    eio_peer_end(f);
}

/* ---- a server that does not read ---- */

static int send_block(struct eio_peer *f) {
    char block[4000];
    memset(block, 'a', sizeof block);
    block[sizeof block - 1] = '\0';
    return eio_user_send(&f->user, block);
}

static void output_is_bounded_and_drains(void **state) {
    (void)state;
    struct eio_peer *f = eio_peer_begin();
    f->user.config.send_high_water_bytes = 1 << 20;
    f->user.config.send_hard_bytes = 16 << 20;
    eio_peer_open_websocket(f);
    sio__stream_pause(f->ws->stream);
    int r = 0;
    while (r >= 0) {
        r = send_block(f);
        if (r >= 0) {
            peer_turn(f->peer);
        }
    }
    assert_int_equal(r, SIO_ERR_BUSY);
    size_t pending = sio__eio_client_pending(f->user.client);
    assert_true(pending <= 16 << 20 && pending > (16 << 20) - 5000);
    assert_false(sio__eio_client_writable(f->user.client));
    assert_int_equal(f->user.counts[EIO_USER_DRAIN], 0);
    sio__stream_resume(f->ws->stream);
    eio_peer_wait(f, EIO_USER_DRAIN, 1);
    assert_true(sio__eio_client_writable(f->user.client));
    assert_int_equal(send_block(f), 0);
    eio_peer_end(f);
}

static void a_pong_overtakes_a_queue_that_does_not_move(void **state) {
    (void)state;
    struct eio_peer *f = eio_peer_begin();
    eio_peer_open_websocket(f);
    sio__stream_pause(f->ws->stream);
    for (int r = 0; r == 0;) {
        r = send_block(f);
        peer_turn(f->peer);
    }
    f->user.trace_len = 0;
    eio_peer_send_text(f->ws, "2");
    eio_peer_wait(f, EIO_USER_PING, 1);
    size_t drains = f->user.counts[EIO_USER_DRAIN];
    sio__stream_resume(f->ws->stream);
    eio_peer_wait(f, EIO_USER_DRAIN, drains + 1);
    assert_memory_equal(f->user.trace, "< 2\n> 3\n> 4aaa", 14);
    eio_peer_end(f);
}

#define SHORT_TIMEOUT                                                                              \
    "0{\"sid\":\"" EIO_PEER_SID "\",\"upgrades\":[],\"pingInterval\":25000,\"pingTimeout\":1}"

static void a_server_that_does_not_close_is_left(void **state) {
    (void)state;
    struct eio_peer *f = eio_peer_begin();
    eio_peer_open_polling(f, SHORT_TIMEOUT);
    eio_user_close(&f->user);
    eio_peer_expect_closed(f, SIO_REASON_FORCED_CLOSE, SIO_CAUSE_CLOSE_TIME, SIO_ERR_TIMEOUT,
                           "the server did not close in time");
    eio_peer_end(f);
}

static void a_probe_without_answer_is_given_up(void **state) {
    (void)state;
    struct eio_peer *f = eio_peer_begin();
    f->user.config.open_timeout_ms = 1000;
    eio_peer_open_probe(f);
    eio_peer_wait(f, EIO_USER_UPGRADE_ERROR, 1);
    assert_string_equal(f->user.text, "probe error: timeout");
    assert_int_equal(f->user.status, SIO_ERR_TIMEOUT);
    assert_string_equal(sio__eio_client_transport(f->user.client), "polling");
    eio_peer_end(f);
}

static void a_connection_that_breaks_is_told(void **state) {
    (void)state;
    struct eio_peer *f = eio_peer_begin();
    eio_peer_open_polling(f, EIO_PEER_NO_UPGRADES);
    peer_puts(f->get, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n4");
    peer_finish(f->get);
    eio_peer_expect_closed(
        f, SIO_REASON_TRANSPORT_ERROR, SIO_CAUSE_CONNECTION_LOST, SIO_ERR_CLOSED,
        "xhr poll error: the server closed the connection before the end of its answer");
    eio_peer_end(f);
    f = eio_peer_begin();
    eio_peer_open_polling(f, EIO_PEER_NO_UPGRADES);
    peer_puts(f->get, "nonsense");
    eio_peer_wait(f, EIO_USER_CLOSE, 1);
    assert_int_equal(f->user.cause, SIO_CAUSE_HTTP_SYNTAX);
    assert_int_equal(f->user.status, SIO_ERR_PROTO);
    eio_peer_end(f);
    f = eio_peer_begin();
    eio_peer_open_websocket(f);
    peer_close(f->ws, true);
    eio_peer_wait(f, EIO_USER_CLOSE, 1);
    assert_int_equal(f->user.reason, SIO_REASON_TRANSPORT_CLOSE);
    assert_int_equal(f->user.cause, SIO_CAUSE_CONNECTION_LOST);
    assert_int_equal(f->user.status, UV_ECONNRESET);
    eio_peer_end(f);
}

static void the_last_transport_tells_why(void **state) {
    (void)state;
    struct eio_peer *f = eio_peer_begin();
    f->user.config.try_all_transports = true;
    assert_int_equal(eio_user_open(&f->user), 0);
    f->get = peer_accept(f->peer);
    eio_peer_expect_request(f->get, EIO_PEER_GET_1, NULL);
    eio_peer_answer_status(f->get, 500, "");
    f->ws = peer_accept(f->peer);
    free(peer_head(f->ws));
    eio_peer_answer_status(f->ws, 502, "");
    eio_peer_expect_closed(f, SIO_REASON_TRANSPORT_ERROR, SIO_CAUSE_HTTP_STATUS, SIO_ERR_HTTP,
                           "websocket error: status 502");
    eio_peer_end(f);
}

/* A frame that ends its transport is the last of those that have come together. */
static void the_next_transport_still_notices_its_deadline(void **state) {
    (void)state;
    struct eio_peer *f = eio_peer_begin();
    char key[WS_KEY_LEN + 1];
    f->user.config.try_all_transports = true;
    f->user.config.transports[0] = SIO_WEBSOCKET;
    f->user.config.transports[1] = SIO_POLLING;
    assert_int_equal(eio_user_open(&f->user), 0);
    f->ws = peer_accept(f->peer);
    eio_peer_expect_upgrade(f->ws, "GET /socket.io/?foo=bar&EIO=4&transport=websocket HTTP/1.1\r\n",
                            key);
    eio_peer_accept_upgrade(f->ws, key);
    eio_peer_send_text(f->ws, "7");
    f->get = peer_accept(f->peer);
    eio_peer_expect_request(f->get, EIO_PEER_GET_1, NULL);
    eio_peer_answer(f->get, "0{\"sid\":\"" EIO_PEER_SID "\",\"upgrades\":[],\"pingInterval\":300,"
                            "\"pingTimeout\":200,\"maxPayload\":1000000}");
    eio_peer_wait(f, EIO_USER_OPEN, 1);
    assert_false(sio__eio_client_expired(f->user.client)); /* it has been looked at */
    uint64_t begin = uv_hrtime();
    while (!sio__eio_client_expired(f->user.client)) { /* the loop stands, as if it slept */
        assert_true(uv_hrtime() - begin < UINT64_C(20) * 1000 * 1000 * 1000);
    }
    eio_peer_expect_closed(f, SIO_REASON_PING_TIMEOUT, SIO_CAUSE_HEARTBEAT, SIO_ERR_TIMEOUT,
                           "ping timeout");
    eio_peer_end(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(malformed_handshakes_are_refused),
        cmocka_unit_test(long_sids_are_refused),
        cmocka_unit_test(malformed_answers_end_the_connection),
        cmocka_unit_test(answers_that_are_too_large_end_the_connection),
        cmocka_unit_test(heads_above_their_limits_are_told_as_such),
        cmocka_unit_test(malformed_frames_end_the_connection),
        cmocka_unit_test(wrong_websocket_handshakes_are_refused),
        cmocka_unit_test(a_server_that_says_nothing_is_left),
        cmocka_unit_test(a_port_that_refuses_is_told),
        cmocka_unit_test(missing_heartbeats_end_the_connection),
        cmocka_unit_test(a_post_without_answer_ends_the_connection),
        cmocka_unit_test(output_is_bounded_and_drains),
        cmocka_unit_test(a_pong_overtakes_a_queue_that_does_not_move),
        cmocka_unit_test(a_server_that_does_not_close_is_left),
        cmocka_unit_test(a_probe_without_answer_is_given_up),
        cmocka_unit_test(a_connection_that_breaks_is_told),
        cmocka_unit_test(the_last_transport_tells_why),
        cmocka_unit_test(the_next_transport_still_notices_its_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
