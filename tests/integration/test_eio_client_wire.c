/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * What the Engine.IO client writes, byte by byte, and how it upgrades.
 */
#include "support/eio_peer.h"

#include <sio/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engineio/eio_request.h"
#include "proto/ws_handshake.h"

/* ---- the wire ---- */

/* Sends a message from on_open, as the layer above does. */
static void connect_at_open(struct eio_user *u, enum eio_user_event event) {
    if (event == EIO_USER_OPEN) {
        assert_int_equal(eio_user_send(u, "0{\"token\":\"t\"}"), 0);
    }
}

static void expect_post(struct eio_peer *f, const char *body) {
    char length[64];
    (void)snprintf(length, sizeof length, "\r\nContent-Length: %zu\r\n", strlen(body));
    char *head = peer_head(f->post);
    eio_peer_hide_timestamp(head);
    assert_memory_equal(head, EIO_PEER_POST_N, strlen(EIO_PEER_POST_N));
    assert_non_null(strstr(head, length));
    assert_non_null(strstr(head, "\r\nContent-type: text/plain;charset=UTF-8\r\n"));
    assert_non_null(strstr(head, "\r\nAccept: */*\r\n"));
    free(head);
    peer_expect(f->post, body);
}

/* A connection as the default client of the reference makes it: handshake and CONNECT by polling,
   upgrade, events with acknowledgement and attachment, a second namespace, heartbeat, the end. */
static void packets_are_those_of_the_official_client(void **state) {
    (void)state;
    char key[WS_KEY_LEN + 1];
    struct eio_peer *f = eio_peer_begin();
    f->user.on_event = connect_at_open;
    assert_int_equal(eio_user_open(&f->user), 0);
    f->get = peer_accept(f->peer);
    eio_peer_expect_request(f->get, EIO_PEER_GET_1, "\r\nAccept: */*\r\n");
    eio_peer_answer(f->get, EIO_PEER_HANDSHAKE);
    /* GET on the first connection; POST and the WebSocket on others, in any order. */
    eio_peer_expect_request(f->get, EIO_PEER_GET_N, "\r\nAccept: */*\r\n");
    struct peer_conn *a = peer_accept(f->peer);
    struct peer_conn *b = peer_accept(f->peer);
    eio_peer_await_bytes(a, 4);
    f->post = a->in[0] == 'P' ? a : b;
    f->ws = f->post == a ? b : a;
    expect_post(f, "40{\"token\":\"t\"}");
    eio_peer_answer(f->post, "ok");
    eio_peer_expect_upgrade(f->ws, EIO_PEER_UPGRADE, key);
    eio_peer_answer(f->get, "40{\"sid\":\"CT2FBx8FKfJSUi-WAAAA\"}");
    eio_peer_wait(f, EIO_USER_MESSAGE, 1);
    assert_string_equal(f->user.message, "0{\"sid\":\"CT2FBx8FKfJSUi-WAAAA\"}");
    eio_peer_expect_request(f->get, EIO_PEER_GET_N, NULL);
    eio_peer_accept_upgrade(f->ws, key);
    eio_peer_expect_text(f->ws, "2probe");
    eio_peer_send_text(f->ws, "3probe");
    peer_turn(f->peer);
    /* What is sent now waits for the upgrade. */
    assert_int_equal(eio_user_send(&f->user, "2[\"q\",\"early\"]"), 0);
    assert_int_equal(eio_user_send(&f->user, "20[\"q\",\"now\"]"), 0);
    assert_int_equal(
        eio_user_send_both(&f->user, "51-[\"q\",{\"_placeholder\":true,\"num\":0}]", "\1\2", 2), 0);
    peer_turn(f->peer);
    assert_int_equal(f->ws->in_len, 0);
    eio_peer_answer(f->get, "6");
    eio_peer_expect_text(f->ws, "5");
    eio_peer_expect_text(f->ws, "42[\"q\",\"early\"]");
    eio_peer_expect_text(f->ws, "420[\"q\",\"now\"]");
    eio_peer_expect_text(f->ws, "451-[\"q\",{\"_placeholder\":true,\"num\":0}]");
    eio_peer_expect_frame(f->ws, WS_FIN | WS_OP_BINARY, "\1\2", 2);
    assert_int_equal(f->user.counts[EIO_USER_UPGRADE], 1);
    eio_peer_send_text(f->ws, "430[\"now\"]");
    eio_peer_wait(f, EIO_USER_MESSAGE, 2);
    assert_string_equal(f->user.message, "30[\"now\"]");
    eio_peer_send_text(f->ws, "2");
    eio_peer_expect_text(f->ws, "3");
    assert_int_equal(eio_user_send(&f->user, "1/a,"), 0);
    eio_user_close(&f->user);
    eio_peer_expect_text(f->ws, "41/a,");
    eio_peer_expect_frame(f->ws, WS_FIN | WS_OP_CLOSE, "", 0);
    assert_int_equal(f->user.counts[EIO_USER_CLOSE], 0);
    eio_peer_send_frame(f->ws, WS_FIN | WS_OP_CLOSE, "", 0);
    eio_peer_expect_closed(f, SIO_REASON_FORCED_CLOSE, SIO_CAUSE_APPLICATION, 0, "");
    assert_string_equal(
        f->user.trace,
        "< " EIO_PEER_HANDSHAKE "\n> 40{\"token\":\"t\"}\n< 40{\"sid\":\"CT2FBx8FKfJSUi-WAAAA\"}\n"
        "> 2probe\n< 3probe\n< 6\n> 5\n> 42[\"q\",\"early\"]\n> 420[\"q\",\"now\"]\n"
        "> 451-[\"q\",{\"_placeholder\":true,\"num\":0}]\n> b0102\n< 430[\"now\"]\n< 2\n> 3\n"
        "> 41/a,\n");
    eio_peer_end(f);
}

static void polling_ends_with_a_close_packet(void **state) {
    (void)state;
    struct eio_peer *f = eio_peer_begin();
    eio_peer_open_polling(f, EIO_PEER_NO_UPGRADES);
    assert_int_equal(eio_user_send(&f->user, "1/a,"), 0);
    eio_user_close(&f->user);
    f->post = peer_accept(f->peer);
    expect_post(f, "41/a,");
    eio_peer_answer(f->post, "ok");
    expect_post(f, "1");
    eio_peer_answer(f->get, "6");
    peer_turn(f->peer);
    assert_int_equal(f->get->in_len, 0); /* nothing is asked of a session that is gone */
    assert_int_equal(f->user.counts[EIO_USER_CLOSE], 0);
    eio_peer_answer(f->post, "ok");
    eio_peer_expect_closed(f, SIO_REASON_FORCED_CLOSE, SIO_CAUSE_APPLICATION, 0, "");
    eio_peer_end(f);
}

static void a_server_closes_polling_with_a_close_packet(void **state) {
    (void)state;
    static const char *const bodies[] = {"1", "6\x1e"
                                              "1"};
    for (size_t i = 0; i < 2; i++) {
        struct eio_peer *f = eio_peer_begin();
        eio_peer_open_polling(f, EIO_PEER_NO_UPGRADES);
        eio_peer_answer(f->get, bodies[i]);
        eio_peer_expect_closed(f, SIO_REASON_TRANSPORT_CLOSE, SIO_CAUSE_PEER_CLOSED, 0,
                               "transport closed by the server");
        eio_peer_end(f);
    }
}

static void a_server_that_takes_no_subprotocol_is_left(void **state) {
    (void)state;
    char key[WS_KEY_LEN + 1];
    struct eio_peer *f = eio_peer_begin();
    f->user.config.protocols = SIO_TEXT("a, b");
    eio_peer_only(f, SIO_WEBSOCKET);
    assert_int_equal(eio_user_open(&f->user), 0);
    f->ws = peer_accept(f->peer);
    eio_peer_expect_upgrade(f->ws, "GET " EIO_PEER_TARGET "websocket HTTP/1.1\r\n", key);
    eio_peer_accept_upgrade(f->ws, key);
    eio_peer_expect_closed(f, SIO_REASON_TRANSPORT_ERROR, SIO_CAUSE_HANDSHAKE, SIO_ERR_PROTO,
                           "websocket error: Server sent no subprotocol");
    eio_peer_end(f);
}

/* The first request of a client with two cookies in its jar: what it says of cookies. */
static void expect_cookies(uint8_t transport, struct text own, const char *expected) {
    struct cookie_jar jar;
    struct eio_peer *f = eio_peer_begin();
    sio__cookie_jar_init(&jar, SIO_TEXT("127.0.0.1"), false);
    assert_int_equal(sio__cookie_jar_set(&jar, SIO_TEXT("a=1"), SIO_TEXT("/"), 0), 1);
    assert_int_equal(sio__cookie_jar_set(&jar, SIO_TEXT("bcd=234"), SIO_TEXT("/"), 0), 1);
    f->user.config.cookies = &jar;
    f->user.config.cookie = own;
    eio_peer_only(f, transport);
    assert_int_equal(eio_user_open(&f->user), 0);
    char *head = peer_head(peer_accept(f->peer));
    const char *field = strstr(head, "\r\nCookie: ");
    assert_non_null(field);
    assert_null(strstr(field + 1, "\r\nCookie: "));
    const char *end = strstr(field + 1, "\r\n");
    const char *last = end - strlen(expected);
    assert_memory_equal(last, expected, strlen(expected));
    assert_int_equal(last - field, (ptrdiff_t)(strlen("\r\nCookie: ") + own.len));
    assert_memory_equal(last - own.len, own.data, own.len);
    free(head);
    eio_peer_end(f);
    sio__cookie_jar_done(&jar);
}

static void cookies_go_into_one_field_that_is_bounded(void **state) {
    (void)state;
    char own[EIO_COOKIE_LINE_MAX];
    size_t room = EIO_COOKIE_LINE_MAX - strlen("Cookie: ");
    memset(own, 'x', sizeof own);
    own[0] = 'y';
    own[1] = '=';
    for (uint8_t transport = SIO_POLLING; transport <= SIO_WEBSOCKET; transport++) {
        expect_cookies(transport, SIO_TEXT(""), "a=1; bcd=234");
        expect_cookies(transport, SIO_TEXT("x=0; y"), "; a=1; bcd=234");
        expect_cookies(transport, (struct text){own, room - 14}, "; a=1; bcd=234");
        expect_cookies(transport, (struct text){own, room - 13}, "; a=1");
        expect_cookies(transport, (struct text){own, room - 5}, "; a=1");
        expect_cookies(transport, (struct text){own, room - 4}, "");
        expect_cookies(transport, (struct text){own, sizeof own}, "");
    }
}

static void application_fields_and_options_are_sent(void **state) {
    (void)state;
    char key[WS_KEY_LEN + 1];
    struct eio_peer *f = eio_peer_begin();
    f->user.config.server.fields = SIO_TEXT("X-Own: 1\r\nHost: other\r\n");
    f->user.config.server.user_agent = SIO_TEXT("sio");
    f->user.config.protocols = SIO_TEXT("a, b");
    f->user.config.force_base64 = true;
    f->user.config.timestamp_always = true;
    eio_peer_only(f, SIO_WEBSOCKET);
    assert_int_equal(eio_user_open(&f->user), 0);
    f->ws = peer_accept(f->peer);
    eio_peer_await_bytes(f->ws, 200);
    assert_non_null(strstr(f->ws->in, "\r\nX-Own: 1\r\nHost: other\r\n"));
    assert_null(strstr(f->ws->in, "\r\nHost: localhost"));
    assert_non_null(strstr(f->ws->in, "\r\nUser-Agent: sio\r\n"));
    assert_non_null(strstr(f->ws->in, "\r\nSec-WebSocket-Protocol: a, b\r\n"));
    eio_peer_hide_timestamp(f->ws->in);
    eio_peer_expect_upgrade(
        f->ws, "GET /socket.io/?foo=bar&EIO=4&transport=websocket&t=........&b64=1 HTTP/1.1\r\n",
        key);
    eio_peer_accept_upgrade_with(f->ws, key, "Sec-WebSocket-Protocol: b\r\n");
    eio_peer_send_text(f->ws, EIO_PEER_NO_UPGRADES);
    eio_peer_wait(f, EIO_USER_OPEN, 1);
    assert_int_equal(eio_user_send_binary(&f->user, "\1\2\3\4", 4), 0);
    eio_peer_expect_text(f->ws, "bAQIDBA==");
    eio_peer_send_text(f->ws, "bAQIDBA==");
    eio_peer_wait(f, EIO_USER_MESSAGE, 1);
    assert_true(f->user.binary);
    assert_memory_equal(f->user.message, "\1\2\3\4", 5);
    eio_peer_end(f);
}

static void polling_asks_for_base64_once(void **state) {
    (void)state;
    struct eio_peer *f = eio_peer_begin();
    f->user.config.query = (struct text){"", 0};
    f->user.config.force_base64 = true;
    f->user.config.no_timestamp = true;
    assert_int_equal(eio_user_open(&f->user), 0);
    f->get = peer_accept(f->peer);
    eio_peer_expect_request(f->get, "GET /socket.io/?EIO=4&transport=polling&b64=1 HTTP/1.1\r\n",
                            NULL);
    eio_peer_answer(f->get, EIO_PEER_NO_UPGRADES);
    eio_peer_expect_request(
        f->get, "GET /socket.io/?EIO=4&transport=polling&sid=" EIO_PEER_SID " HTTP/1.1\r\n", NULL);
    eio_peer_end(f);
}

static void posts_are_as_long_as_the_server_takes(void **state) {
    (void)state;
    struct eio_peer *f = eio_peer_begin();
    eio_peer_open_polling(f,
                          "0{\"sid\":\"" EIO_PEER_SID "\",\"upgrades\":[],\"pingInterval\":25000,"
                          "\"pingTimeout\":20000,\"maxPayload\":20}");
    assert_int_equal(eio_user_send(&f->user, "a message that is longer than it all"), 0);
    assert_int_equal(eio_user_send(&f->user, "12345678"), 0);
    assert_int_equal(eio_user_send(&f->user, "123456789"), 0); /* 9 + 1 + 10 = 20 */
    assert_int_equal(eio_user_send(&f->user, "12345678"), 0);
    assert_int_equal(eio_user_send(&f->user, "1234567890"), 0);         /* 21 */
    assert_int_equal(eio_user_send_binary(&f->user, "\1\2\3\4", 4), 0); /* 11 + 1 + 9 = 21 */
    assert_int_equal(eio_user_send_binary(&f->user, "\1\2\3", 3), 0);
    assert_int_equal(eio_user_send(&f->user, "123"), 0); /* 9 + 1 + 5 + 1 + 4 = 20 */
    assert_int_equal(eio_user_send(&f->user, ""), 0);
    assert_true(sio__eio_client_pending(f->user.client) > 0);
    f->post = peer_accept(f->peer);
    static const char *const posts[] = {
        "4a message that is longer than it all",
        "412345678\x1e"
        "4123456789",
        "412345678",
        "41234567890",
        "bAQIDBA==\x1e"
        "bAQID\x1e"
        "4123",
        "4",
    };
    for (size_t i = 0; i < sizeof posts / sizeof posts[0]; i++) {
        expect_post(f, posts[i]);
        assert_int_equal(f->user.counts[EIO_USER_DRAIN], 0);
        eio_peer_answer(f->post, "ok");
    }
    eio_peer_wait(f, EIO_USER_DRAIN, 1);
    eio_peer_end(f);
}

/* The pong in front counts, too. */
static void a_pong_takes_room_of_a_post(void **state) {
    (void)state;
    struct eio_peer *f = eio_peer_begin();
    eio_peer_open_polling(f,
                          "0{\"sid\":\"" EIO_PEER_SID "\",\"upgrades\":[],\"pingInterval\":25000,"
                          "\"pingTimeout\":20000,\"maxPayload\":10}");
    assert_int_equal(eio_user_send(&f->user, "first"), 0);
    f->post = peer_accept(f->peer);
    expect_post(f, "4first");
    assert_int_equal(eio_user_send(&f->user, "123"), 0);
    assert_int_equal(eio_user_send(&f->user, "12"), 0); /* 1 + 1 + 4 + 1 + 3 = 10 */
    assert_int_equal(eio_user_send(&f->user, ""), 0);
    eio_peer_answer(f->get, "2");
    eio_peer_wait(f, EIO_USER_PING, 1);
    eio_peer_answer(f->post, "ok");
    expect_post(f, "3\x1e"
                   "4123\x1e"
                   "412");
    eio_peer_answer(f->post, "ok");
    expect_post(f, "4");
    eio_peer_end(f);
}

static void a_pong_goes_before_what_is_queued(void **state) {
    (void)state;
    struct eio_peer *f = eio_peer_begin();
    eio_peer_open_polling(f, EIO_PEER_NO_UPGRADES);
    assert_true(sio__eio_client_writable(f->user.client));
    assert_int_equal(eio_user_send(&f->user, "first"), 0);
    f->post = peer_accept(f->peer);
    expect_post(f, "4first");
    assert_false(sio__eio_client_writable(f->user.client));
    assert_int_equal(eio_user_send(&f->user, "second"), 0);
    eio_peer_answer(f->get, "2");
    eio_peer_wait(f, EIO_USER_PING, 1);
    eio_peer_answer(f->post, "ok");
    expect_post(f, "3\x1e"
                   "4second");
    eio_peer_end(f);
}

static void pings_of_websocket_get_pongs(void **state) {
    (void)state;
    struct eio_peer *f = eio_peer_begin();
    eio_peer_open_websocket(f);
    eio_peer_send_frame(f->ws, WS_FIN | WS_OP_PING, "data", 4);
    eio_peer_send_frame(f->ws, WS_FIN | WS_OP_PONG, "", 0);
    eio_peer_expect_frame(f->ws, WS_FIN | WS_OP_PONG, "data", 4);
    assert_int_equal(f->user.counts[EIO_USER_PING], 0);
    eio_peer_end(f);
}

static void packets_that_mean_nothing_are_ignored(void **state) {
    (void)state;
    static const char *const packets[] = {"0{}", "1", "3", "5", "6"};
    struct eio_peer *f = eio_peer_begin();
    eio_peer_open_websocket(f);
    for (size_t i = 0; i < sizeof packets / sizeof packets[0]; i++) {
        eio_peer_send_text(f->ws, packets[i]);
    }
    eio_peer_send_text(f->ws, "4hello");
    eio_peer_wait(f, EIO_USER_MESSAGE, 1);
    assert_string_equal(f->user.message, "hello");
    assert_string_equal(sio__eio_client_sid(f->user.client), EIO_PEER_SID);
    eio_peer_end(f);
}

static void the_layer_above_can_end_it(void **state) {
    (void)state;
    for (int polls = 0; polls < 2; polls++) {
        struct eio_peer *f = eio_peer_begin();
        if (polls == 1) {
            eio_peer_open_polling(f, EIO_PEER_NO_UPGRADES);
        } else {
            eio_peer_open_websocket(f);
        }
        f->user.calling = true;
        sio__eio_client_fail(f->user.client, SIO_REASON_PARSE_ERROR, SIO_CAUSE_PACKET_SYNTAX,
                             SIO_ERR_PROTO, "invalid payload");
        sio__eio_client_close(f->user.client);
        f->user.calling = false;
        eio_peer_expect_closed(f, SIO_REASON_PARSE_ERROR, SIO_CAUSE_PACKET_SYNTAX, SIO_ERR_PROTO,
                               "invalid payload");
        if (polls == 1) {
            peer_expect_end(f->get);
        } else {
            eio_peer_expect_frame(f->ws, WS_FIN | WS_OP_CLOSE, "", 0);
        }
        eio_peer_end(f);
    }
}

/* ---- upgrade ---- */

static void a_failed_upgrade_leaves_polling(void **state) {
    (void)state;
    static const struct {
        const char *packet; /* NULL: the connection ends */
        const char *text;
    } cases[] = {
        {NULL, "probe error: websocket connection closed: no Close frame came"},
        {"3", "probe error: unexpected packet"},
        {"4hello", "probe error: unexpected packet"},
        {"", "probe error: unexpected packet"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct eio_peer *f = eio_peer_begin();
        eio_peer_open_probe(f);
        if (cases[i].packet == NULL) {
            peer_close(f->ws, false);
        } else {
            eio_peer_send_text(f->ws, cases[i].packet);
        }
        eio_peer_wait(f, EIO_USER_UPGRADE_ERROR, 1);
        assert_string_equal(f->user.text, cases[i].text);
        assert_string_equal(sio__eio_client_transport(f->user.client), "polling");
        eio_peer_answer(f->get, "4still here");
        eio_peer_wait(f, EIO_USER_MESSAGE, 1);
        assert_int_equal(eio_user_send(&f->user, "so am I"), 0);
        f->post = peer_accept(f->peer);
        expect_post(f, "4so am I");
        eio_peer_end(f);
    }
}

static void an_upgrade_that_breaks_while_polling_pauses_leaves_polling(void **state) {
    (void)state;
    struct eio_peer *f = eio_peer_begin();
    eio_peer_open_probe(f);
    eio_peer_send_text(f->ws, "3probe");
    peer_turn(f->peer);
    assert_int_equal(eio_user_send(&f->user, "hello"), 0);
    peer_close(f->ws, false);
    eio_peer_wait(f, EIO_USER_UPGRADE_ERROR, 1);
    eio_peer_answer(f->get, "6");
    eio_peer_expect_request(f->get, EIO_PEER_GET_N, NULL);
    f->post = peer_accept(f->peer);
    expect_post(f, "4hello");
    eio_peer_end(f);
}

static void a_probe_is_answered_once(void **state) {
    (void)state;
    struct eio_peer *f = eio_peer_begin();
    eio_peer_open_probe(f);
    eio_peer_send_text(f->ws, "3probe");
    eio_peer_send_text(f->ws, "3probe");
    eio_peer_wait(f, EIO_USER_UPGRADE_ERROR, 1);
    assert_string_equal(f->user.text, "probe error: unexpected packet");
    assert_string_equal(sio__eio_client_transport(f->user.client), "polling");
    eio_peer_end(f);
}

static void polling_that_had_stopped_for_an_upgrade_starts_again(void **state) {
    (void)state;
    struct eio_peer *f = eio_peer_begin();
    eio_peer_open_probe(f);
    assert_int_equal(eio_user_send(&f->user, "first"), 0);
    f->post = peer_accept(f->peer);
    expect_post(f, "4first");
    eio_peer_send_text(f->ws, "3probe");
    peer_turn(f->peer);
    assert_int_equal(eio_user_send(&f->user, "second"), 0);
    assert_false(sio__eio_client_writable(f->user.client));
    eio_peer_answer(f->get, "6");
    peer_turn(f->peer);
    assert_int_equal(f->get->in_len, 0);
    assert_int_equal(f->ws->in_len, 0); /* the POST is not answered yet */
    peer_close(f->ws, false);
    eio_peer_wait(f, EIO_USER_UPGRADE_ERROR, 1);
    eio_peer_expect_request(f->get, EIO_PEER_GET_N, NULL);
    eio_peer_answer(f->post, "ok");
    expect_post(f, "4second");
    eio_peer_end(f);
}

/* Else a server that has lost its WebSockets would never be reached again. */
static void a_remembered_websocket_that_fails_is_forgotten(void **state) {
    (void)state;
    struct eio_peer *f = eio_peer_begin();
    f->user.config.remember_upgrade = true;
    eio_peer_open_probe(f);
    eio_peer_send_text(f->ws, "3probe");
    peer_turn(f->peer);
    eio_peer_answer(f->get, "6");
    eio_peer_expect_text(f->ws, "5");
    peer_close(f->ws, false);
    eio_peer_wait(f, EIO_USER_CLOSE, 1);
    assert_int_equal(eio_user_open(&f->user), 0);
    assert_string_equal(sio__eio_client_transport(f->user.client), "websocket");
    f->ws = peer_accept(f->peer);
    char key[WS_KEY_LEN + 1];
    eio_peer_expect_upgrade(f->ws, "GET /socket.io/?foo=bar&EIO=4&transport=websocket HTTP/1.1\r\n",
                            key);
    eio_peer_accept_upgrade(f->ws, key);
    eio_peer_send_frame(f->ws, WS_FIN | WS_OP_CLOSE, "", 0);
    eio_peer_wait(f, EIO_USER_CLOSE, 2);
    assert_int_equal(f->user.reason, SIO_REASON_TRANSPORT_CLOSE);
    assert_int_equal(eio_user_open(&f->user), 0);
    assert_string_equal(sio__eio_client_transport(f->user.client), "polling");
    eio_peer_end(f);
}

static void a_refused_upgrade_leaves_polling(void **state) {
    (void)state;
    char key[WS_KEY_LEN + 1];
    struct eio_peer *f = eio_peer_begin();
    eio_peer_open_polling(f, EIO_PEER_HANDSHAKE);
    f->ws = peer_accept(f->peer);
    eio_peer_expect_upgrade(f->ws, EIO_PEER_UPGRADE, key);
    eio_peer_answer_status(f->ws, 403, "");
    eio_peer_wait(f, EIO_USER_UPGRADE_ERROR, 1);
    assert_string_equal(f->user.text, "probe error: websocket error: status 403");
    assert_int_equal(f->user.counts[EIO_USER_CLOSE], 0);
    eio_peer_end(f);
}

static bool is_freed(void *arg) {
    const struct eio_peer *f = arg;
    return f->user.client == NULL;
}

static void it_may_be_freed_when_output_drains_or_an_upgrade_fails(void **state) {
    (void)state;
    for (int case_number = 0; case_number < 5; case_number++) {
        struct eio_peer *f = eio_peer_begin();
        eio_peer_open_probe(f);
        f->user.frees_in = case_number == 0 ? EIO_USER_DRAIN : EIO_USER_UPGRADE_ERROR;
        switch (case_number) {
        case 0:
            f->user.config.send_high_water_bytes = 1;
            assert_int_equal(eio_user_send(&f->user, "much"), SIO_SLOW);
            f->post = peer_accept(f->peer);
            expect_post(f, "4much");
            eio_peer_answer(f->post, "ok");
            break;
        case 1: eio_peer_send_text(f->ws, "4hello"); break;
        case 2: eio_peer_send_frame(f->ws, WS_FIN | WS_OP_BINARY, "x", 1); break;
        case 3: eio_peer_send_frame(f->ws, WS_FIN | WS_OP_CLOSE, "", 0); break;
        default:
            eio_peer_send_text(f->ws, "3probe");
            peer_turn(f->peer);
            peer_close(f->ws, true);
            break;
        }
        peer_run(f->peer, is_freed, f);
        eio_peer_end(f);
    }
}

static void closing_waits_for_the_upgrade(void **state) {
    (void)state;
    struct eio_peer *f = eio_peer_begin();
    eio_peer_open_probe(f);
    eio_peer_send_text(f->ws, "3probe");
    peer_turn(f->peer);
    assert_int_equal(eio_user_send(&f->user, "last"), 0);
    eio_user_close(&f->user);
    peer_turn(f->peer);
    assert_int_equal(f->user.counts[EIO_USER_CLOSE], 0);
    eio_peer_answer(f->get, "6");
    eio_peer_expect_text(f->ws, "5");
    eio_peer_expect_text(f->ws, "4last");
    eio_peer_expect_frame(f->ws, WS_FIN | WS_OP_CLOSE, "", 0);
    eio_peer_send_frame(f->ws, WS_FIN | WS_OP_CLOSE, "", 0);
    eio_peer_expect_closed(f, SIO_REASON_FORCED_CLOSE, SIO_CAUSE_APPLICATION, 0, "");
    eio_peer_end(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_are_those_of_the_official_client),
        cmocka_unit_test(polling_ends_with_a_close_packet),
        cmocka_unit_test(a_server_closes_polling_with_a_close_packet),
        cmocka_unit_test(a_server_that_takes_no_subprotocol_is_left),
        cmocka_unit_test(cookies_go_into_one_field_that_is_bounded),
        cmocka_unit_test(application_fields_and_options_are_sent),
        cmocka_unit_test(polling_asks_for_base64_once),
        cmocka_unit_test(posts_are_as_long_as_the_server_takes),
        cmocka_unit_test(a_pong_takes_room_of_a_post),
        cmocka_unit_test(a_pong_goes_before_what_is_queued),
        cmocka_unit_test(pings_of_websocket_get_pongs),
        cmocka_unit_test(packets_that_mean_nothing_are_ignored),
        cmocka_unit_test(the_layer_above_can_end_it),
        cmocka_unit_test(a_failed_upgrade_leaves_polling),
        cmocka_unit_test(an_upgrade_that_breaks_while_polling_pauses_leaves_polling),
        cmocka_unit_test(a_probe_is_answered_once),
        cmocka_unit_test(polling_that_had_stopped_for_an_upgrade_starts_again),
        cmocka_unit_test(a_remembered_websocket_that_fails_is_forgotten),
        cmocka_unit_test(a_refused_upgrade_leaves_polling),
        cmocka_unit_test(it_may_be_freed_when_output_drains_or_an_upgrade_fails),
        cmocka_unit_test(closing_waits_for_the_upgrade),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
