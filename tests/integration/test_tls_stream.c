/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* Streams with TLS carry, pause and end as those without; in every phase, whatever the peer does.
 */
#include "support/certs.h"
#include "support/tls_pair.h"
#include "support/torture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/ssl.h>
#include <sio/error.h>

#define LINGER_MS 2000
#define MEGABYTE  1000000u

static struct cert *root;
static struct cert *good;
static struct tls_context *client_context;
static struct tls_context *server_context;
static struct pair pair;

static void make_contexts(void) {
    struct tls_options client = {.ca_pem = cert_pem(root)};
    struct tls_options server = {.cert_pem = cert_pem(good), .key_pem = cert_key(good)};
    client_context = pair_context(&client, false);
    server_context = pair_context(&server, true);
}

static void free_contexts(void) {
    sio__tls_context_free(client_context);
    sio__tls_context_free(server_context);
}

static int make_certificates(void **state) {
    (void)state;
    root = cert_make(&(struct cert_spec){.name = "root", .authority = true});
    good = cert_make(&(struct cert_spec){.name = "good", .alt = "DNS:localhost", .issuer = root});
    return 0;
}

static int free_certificates(void **state) {
    (void)state;
    cert_free(good);
    cert_free(root);
    return 0;
}

static int setup(void **state) {
    (void)state;
    make_contexts();
    pair_init(&pair);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    pair_done(&pair);
    free_contexts();
    return 0;
}

static void begin(int buffer) {
    pair_connect_tls(&pair, client_context, server_context, "localhost", buffer);
}

static void begin_secured(int buffer) {
    begin(buffer);
    pair_run(&pair, pair_is_secured);
}

static void expect_intact(void) {
    assert_false(pair.client.pattern_broken || pair.server.pattern_broken);
    assert_false(pair.client.input_while_paused || pair.server.input_while_paused);
}

static void finish(struct pair_end *e) {
    struct stream *s = e->stream;
    e->stream = NULL;
    sio__stream_finish(s, LINGER_MS);
}

/* ---- transfers ---- */

static void expect_big_transfer(int max_version, int buffer, size_t pause_every) {
    SSL_CTX_set_max_proto_version(server_context->ssl_ctx, max_version);
    begin(buffer);
    pair.client.pause_every = pause_every;
    pair.server.pause_every = pause_every;
    pair_write(&pair.client, 3 * MEGABYTE); /* before the handshake */
    pair_run(&pair, pair_is_secured);
    assert_string_equal(SSL_get_version(pair.client.stream->tls->ssl),
                        max_version == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3");
    pair_write(&pair.server, 3 * MEGABYTE);
    while (!pair_is_transferred(&pair)) {
        pair_turn(&pair);
        assert_true(sio__tls_unsent(pair.client.stream->tls) <= TLS_OUT_BYTES);
        sio__stream_resume(pair.client.stream);
        sio__stream_resume(pair.server.stream);
    }
    expect_intact();
    assert_true(pair.client.drains > 0);
    assert_true(pair.server.drains > 0 || buffer == 0);
    assert_int_equal(sio__stream_pending(pair.client.stream), 0);
    assert_int_equal(sio__stream_pending(pair.server.stream), 0);
    pair_disconnect(&pair);
}

static void big_transfers_arrive(void **state) {
    (void)state;
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        expect_big_transfer(version, 0, 0);
        expect_big_transfer(version, 2048, 0);
        expect_big_transfer(version, 0, 10000);
        expect_big_transfer(version, 2048, 10000);
    }
}

static void small_messages_share_a_record(void **state) {
    (void)state;
    begin_secured(0);
    pair_turn(&pair); /* the tickets have come */
    uint64_t before = pair.reactor.stats.bytes_out;
    for (int i = 0; i < 200; i++) {
        pair_write(&pair.client, 50);
    }
    assert_int_equal(sio__stream_pending(pair.client.stream), 200 * 50);
    pair_run(&pair, pair_is_transferred);
    expect_intact();
    assert_int_equal(pair.server.inputs, 1);
    assert_in_range(pair.reactor.stats.bytes_out - before, 200 * 50, 200 * 50 + 64);
}

static void connections_without_output_hold_no_buffer(void **state) {
    (void)state;
    begin_secured(0);
    pair_write(&pair.client, MEGABYTE);
    pair_write(&pair.server, MEGABYTE);
    pair_run(&pair, pair_is_transferred);
    struct tls *ends[] = {pair.client.stream->tls, pair.server.stream->tls};
    for (size_t i = 0; i < 2; i++) {
        assert_null(ends[i]->out);
        assert_null(ends[i]->rest);
    }
    assert_non_null(pair.reactor.tls_out);
    sio__reactor_trim(&pair.reactor);
    assert_null(pair.reactor.tls_out);
    pair_write(&pair.client, 10);
    pair_run(&pair, pair_is_transferred);
}

static bool server_has_paused(struct pair *p) {
    return p->server.paused_at > 0;
}

static bool client_is_blocked(struct pair *p) {
    return p->client.stream->blocked;
}

static void paused_streams_stop_the_peer(void **state) {
    (void)state;
    begin_secured(4096);
    pair.server.pause_every = 1;
    pair_write(&pair.client, 3 * MEGABYTE);
    pair_run(&pair, server_has_paused);
    pair_run(&pair, client_is_blocked);
    size_t received = pair.server.received;
    for (int i = 0; i < 100; i++) {
        pair_turn(&pair);
    }
    assert_int_equal(pair.server.received, received);
    assert_true(pair.server.stream->tls->in_len <= REACTOR_INPUT_BYTES);
    assert_true(sio__stream_pending(pair.client.stream) > 2 * MEGABYTE);
    sio__stream_resume(pair.server.stream);
    assert_int_equal(pair.server.received, received); /* not within the call */
    pair.server.pause_every = 0;
    pair_run(&pair, pair_is_transferred);
    expect_intact();
}

static void a_pause_taken_back_at_once_stops_nothing(void **state) {
    (void)state;
    begin_secured(0);
    for (int i = 0; i < 10; i++) {
        sio__stream_pause(pair.server.stream);
        sio__stream_resume(pair.server.stream);
        pair_write(&pair.client, 100);
        pair_run(&pair, pair_is_transferred);
    }
    pair.server.pause_every = 1; /* it pauses with nothing left behind */
    pair_write(&pair.client, 100);
    pair_run(&pair, server_has_paused);
    pair.server.pause_every = 0;
    sio__stream_resume(pair.server.stream);
    pair_write(&pair.client, 100);
    pair_run(&pair, pair_is_transferred);
}

static void keys_are_updated(void **state) {
    (void)state;
    begin_secured(2048);
    for (int i = 0; i < 50; i++) {
        SSL *ssl = pair.client.stream->tls->ssl;
        assert_int_equal(SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED), 1);
        pair_write(&pair.client, 40000);
        pair_write(&pair.server, 40000);
        pair_run(&pair, pair_is_transferred);
    }
    expect_intact();
}

/* The client has the server answer, and does not read the answers, until the server reads no more.
 */
static void stall_server(void) {
    sio__stream_pause(pair.client.stream);
    pair_write(&pair.server, 200000);
    for (int i = 0; i < 20000 && !pair.server.stream->tls->unread; i++) {
        if (!client_is_blocked(&pair)) {
            SSL *ssl = pair.client.stream->tls->ssl;
            assert_int_equal(SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED), 1);
            pair_write(&pair.client, 1);
        }
        pair_turn(&pair);
        assert_true(sio__tls_unsent(pair.server.stream->tls) <= TLS_OUT_BYTES);
        assert_true(pair.server.stream->tls->in_len <= REACTOR_INPUT_BYTES);
    }
    assert_true(pair.server.stream->tls->unread);
    assert_true(pair.server.received < pair.client.sent);
}

static void stop_counting(uv_timer_t *timer) {
    *(bool *)timer->data = true;
}

/* Turns of the loop in 20 ms. */
static unsigned count_turns(void) {
    bool over = false;
    unsigned turns = 0;
    pair.watchdog.data = &over;
    uv_timer_start(&pair.watchdog, stop_counting, 20, 0);
    while (!over) {
        uv_run(&pair.loop, UV_RUN_ONCE);
        turns++;
    }
    return turns;
}

static void a_peer_that_does_not_read_is_not_read(void **state) {
    (void)state;
    begin_secured(2048);
    stall_server();
    sio__stream_resume(pair.client.stream);
    pair_run(&pair, pair_is_transferred);
    stall_server();
    pair_write(&pair.client, MEGABYTE);
    for (int i = 0; i < 100; i++) {
        pair_turn(&pair);
    }
    assert_true(client_is_blocked(&pair));
    assert_true(pair.server.received < pair.client.sent - MEGABYTE / 2);
    assert_true(count_turns() < 10); /* nor does the loop spin */
    sio__stream_resume(pair.client.stream);
    pair_run(&pair, pair_is_transferred);
    expect_intact();
}

/* ---- ends ---- */

static void output_is_sent_before_the_end(void **state) {
    (void)state;
    begin_secured(2048);
    pair_write(&pair.client, MEGABYTE);
    finish(&pair.client);
    pair_run(&pair, pair_server_ended);
    assert_int_equal(pair.server.received, MEGABYTE);
    assert_int_equal(pair.server.status, 0);
    assert_string_equal(pair.server.error, ""); /* it was announced */
    expect_intact();
    pair_run(&pair, pair_is_over);
}

static void both_may_finish(void **state) {
    (void)state;
    begin_secured(0);
    pair.server.finish_at_end = true;
    finish(&pair.client);
    pair_write(&pair.server, 100);
    pair_run(&pair, pair_is_over);
    assert_int_equal(pair.server.status, 0);
    assert_int_equal(pair.server.ends, 1);
}

static void an_end_that_was_not_announced_is_told(void **state) {
    (void)state;
    begin_secured(0);
    pair_write(&pair.client, 100);
    pair_run(&pair, pair_is_transferred);
    sio__stream_close(pair.client.stream);
    pair.client.stream = NULL;
    pair_run(&pair, pair_server_ended);
    assert_int_equal(pair.server.status, 0);
    assert_string_equal(pair.server.error, "peer closed without close_notify");
}

static void finishing_before_the_handshake_closes(void **state) {
    (void)state;
    begin(0);
    pair_write(&pair.client, 100);
    finish(&pair.client);
    pair_run(&pair, pair_is_over);
    assert_int_equal(pair.server.status, SIO_ERR_TLS);
    assert_string_equal(pair.server.error, "peer closed during handshake");
    assert_int_equal(pair.client.ends, 0);
}

static void close_turn(struct pair_end *e, int how) {
    struct stream *s = e->stream;
    if (s == NULL) {
        return;
    }
    e->stream = NULL;
    switch (how) {
    case 0: sio__stream_close(s); break;
    case 1: pair_reset(s); break;
    default: sio__stream_finish(s, LINGER_MS); break;
    }
}

/* After every number of turns, by either end, in every way. */
static void streams_may_be_closed_in_every_phase(void **state) {
    (void)state;
    for (int turns = 0; turns < 24; turns++) {
        for (int way = 0; way < 6; way++) {
            begin(turns % 3 == 0 ? 2048 : 0);
            pair.client.finish_at_end = way % 2 == 0;
            pair.client.pause_every = turns % 2 == 0 ? 50000 : 0;
            pair_write(&pair.client, 200000);
            pair_write(&pair.server, 200000);
            for (int i = 0; i < turns; i++) {
                pair_turn(&pair);
            }
            close_turn(way < 3 ? &pair.client : &pair.server, way % 3);
            if (pair.client.stream != NULL) {
                pair.client.pause_every = 0;
                sio__stream_resume(pair.client.stream);
            }
            pair_run(&pair, pair_is_over);
            assert_true(pair.client.ends + pair.server.ends <= 1);
            expect_intact();
        }
    }
}

static void streams_may_be_closed_in_callbacks(void **state) {
    (void)state;
    for (int i = 0; i < 4; i++) {
        begin(0);
        struct pair_end *closes = i % 2 == 0 ? &pair.client : &pair.server;
        closes->close_when_secured = i < 2;
        closes->close_at = i < 2 ? 0 : 20000; /* in the midst of its input */
        pair_write(&pair.client, 100000);
        pair_write(&pair.server, 100000);
        pair_run(&pair, pair_is_over);
        assert_null(closes->stream);
        assert_int_equal(closes->ends, 0);
        assert_true(closes->received < 20000 + TLS_PLAIN_BYTES);
        expect_intact();
    }
}

/* The client has something to say first, although it does not want to hear anything. */
static void handshakes_of_paused_streams_begin_later(void **state) {
    (void)state;
    begin(0);
    sio__stream_pause(pair.client.stream);
    for (int i = 0; i < 3; i++) {
        pair_turn(&pair);
    }
    sio__stream_resume(pair.client.stream);
    pair_run(&pair, pair_is_secured);
}

/* ---- peers that do not play by the rules ---- */

static void begin_client_alone(void) {
    struct tls_peer peer = {.host = "localhost"};
    pair_connect(&pair, 0);
    pair_open_client(&pair);
    assert_int_equal(sio__stream_start_tls(pair.client.stream, client_context, &peer), 0);
}

static void begin_server_alone(void) {
    pair_connect(&pair, 0);
    pair_open_server(&pair);
    assert_int_equal(sio__stream_start_tls(pair.server.stream, server_context, NULL), 0);
}

static void say(int fd, const void *data, size_t len) {
    assert_int_equal(send(fd, data, len, MSG_NOSIGNAL), len);
}

#define GARBAGE(literal, what)                                                                     \
    { literal, sizeof(literal) - 1, what }

static const struct {
    const char *bytes;
    size_t len;
    const char *error;
} garbage[] = {
    GARBAGE("HTTP/1.1 400 Bad Request\r\n\r\n", "peer does not speak TLS"),
    GARBAGE("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "peer does not speak TLS"),
    GARBAGE("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "peer does not speak TLS"),
    GARBAGE("\x15\x03\x03\x00\x02\x02\x28", "peer has sent the alert: handshake failure"),
    GARBAGE("\x15\x03\x03\x00\x02\x02\x50", "peer has sent the alert: internal error"),
};

static void peers_without_tls_are_recognised(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
        begin_client_alone();
        say(pair.server_fd, garbage[i].bytes, garbage[i].len);
        pair_run(&pair, pair_client_ended);
        assert_int_equal(pair.client.status, SIO_ERR_TLS);
        assert_string_equal(pair.client.error, garbage[i].error);
        pair_disconnect(&pair);
        begin_server_alone();
        say(pair.client_fd, garbage[i].bytes, garbage[i].len);
        pair_run(&pair, pair_server_ended);
        assert_int_equal(pair.server.status, SIO_ERR_TLS);
        assert_true(pair.server.error[0] != '\0');
        pair_disconnect(&pair);
    }
}

static void a_handshake_may_be_cut_off(void **state) {
    (void)state;
    static const char beginning[] = "\x16\x03\x03\x01\x00\x02\x00";
    for (size_t len = 0; len < sizeof beginning; len++) {
        begin_client_alone();
        say(pair.server_fd, beginning, len);
        shutdown(pair.server_fd, SHUT_WR);
        pair_run(&pair, pair_client_ended);
        assert_int_equal(pair.client.status, SIO_ERR_TLS);
        assert_string_equal(pair.client.error, "peer closed during handshake");
        pair_disconnect(&pair);
    }
}

static void reset_fd(int *fd) {
    struct linger off = {.l_onoff = 1, .l_linger = 0};
    assert_int_equal(setsockopt(*fd, SOL_SOCKET, SO_LINGER, &off, sizeof off), 0);
    close(*fd);
    *fd = -1;
}

static void resets_are_told(void **state) {
    (void)state;
    begin_client_alone();
    pair_turn(&pair);
    pair_turn(&pair);
    reset_fd(&pair.server_fd);
    pair_run(&pair, pair_client_ended);
    assert_int_equal(pair.client.status, -ECONNRESET);
    pair_disconnect(&pair);
    begin_secured(0);
    pair_reset(pair.client.stream);
    pair.client.stream = NULL;
    pair_run(&pair, pair_server_ended);
    assert_int_equal(pair.server.status, -ECONNRESET);
}

/* A write that fails takes the error from the socket: reading finds only the end. */
static void resets_that_a_write_meets_are_told(void **state) {
    (void)state;
    for (int has_tls = 0; has_tls < 2; has_tls++) {
        if (has_tls != 0) {
            begin_secured(0);
        } else {
            pair_connect(&pair, 0);
            pair_open_client(&pair);
            pair_open_server(&pair);
        }
        pair_turn(&pair);
        pair_reset(pair.server.stream);
        pair.server.stream = NULL;
        for (int i = 0; i < 2; i++) { /* who writes more in this turn does not know yet */
            pair_write(&pair.client, 100);
            sio__stream_flush(pair.client.stream);
        }
        assert_int_equal(pair.client.ends, 0);
        pair_run(&pair, pair_client_ended);
        assert_int_equal(pair.client.status, -ECONNRESET);
        pair_disconnect(&pair);
    }
}

/* The peer had closed its side before it answered the first write with a reset. */
static void an_end_in_order_that_a_write_meets_is_none_by_failure(void **state) {
    (void)state;
    pair_connect(&pair, 0);
    pair_open_client(&pair);
    pair_turn(&pair);
    close(pair.server_fd);
    pair.server_fd = -1;
    for (int i = 0; i < 2; i++) {
        pair_write(&pair.client, 100);
        sio__stream_flush(pair.client.stream);
    }
    assert_int_equal(sio__stream_pending(pair.client.stream), 0);
    pair_run(&pair, pair_client_ended);
    assert_int_equal(pair.client.status, 0);
}

static void tls_begins_once_and_on_a_clean_stream(void **state) {
    (void)state;
    begin(0);
    struct tls_peer peer = {.host = "localhost"};
    assert_int_equal(sio__stream_start_tls(pair.client.stream, client_context, &peer),
                     SIO_ERR_STATE);
    pair_disconnect(&pair);
    pair_connect(&pair, 0);
    pair_open_client(&pair);
    assert_string_equal(sio__stream_tls_error(pair.client.stream), "");
    pair_write(&pair.client, 1);
    assert_int_equal(sio__stream_start_tls(pair.client.stream, client_context, &peer),
                     SIO_ERR_STATE);
}

/* ---- memory ---- */

static bool is_done(struct pair *p) {
    return p->client.ends > 0 || p->server.ends > 0 || pair_is_transferred(p);
}

/* A handshake, a transfer with pauses, and an end. Only what TLS allocates fails. */
static int scenario(void *user) {
    (void)user;
    torture_suspend(true);
    make_contexts();
    pair_init(&pair);
    pair_connect(&pair, 2048);
    pair_open_client(&pair);
    pair_open_server(&pair);
    pair_write(&pair.client, 0);
    pair_turn(&pair);
    torture_suspend(false);
    struct tls_peer peer = {.host = "localhost"};
    int r = sio__stream_start_tls(pair.client.stream, client_context, &peer);
    if (r == 0) {
        r = sio__stream_start_tls(pair.server.stream, server_context, NULL);
    }
    if (r == 0) {
        torture_suspend(true);
        pair_write(&pair.client, 100000);
        pair_write(&pair.server, 100000);
        torture_suspend(false);
        pair.client.pause_every = 20000;
        while (!is_done(&pair)) {
            pair_turn(&pair);
            if (pair.client.stream != NULL) {
                sio__stream_resume(pair.client.stream);
            }
        }
        int client = pair.client.status == SIO_ERR_NOMEM ? SIO_ERR_NOMEM : 0;
        r = pair.server.status == SIO_ERR_NOMEM ? SIO_ERR_NOMEM : client;
        assert_true(r == SIO_ERR_NOMEM || pair_is_transferred(&pair));
        expect_intact();
    }
    torture_suspend(true);
    pair_done(&pair);
    free_contexts();
    torture_suspend(false);
    return r;
}

static void every_failure_of_memory_is_survived(void **state) {
    (void)state;
    torture_run(scenario, NULL);
}

#define WITH_PAIR(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        WITH_PAIR(big_transfers_arrive),
        WITH_PAIR(small_messages_share_a_record),
        WITH_PAIR(connections_without_output_hold_no_buffer),
        WITH_PAIR(paused_streams_stop_the_peer),
        WITH_PAIR(a_pause_taken_back_at_once_stops_nothing),
        WITH_PAIR(keys_are_updated),
        WITH_PAIR(a_peer_that_does_not_read_is_not_read),
        WITH_PAIR(output_is_sent_before_the_end),
        WITH_PAIR(both_may_finish),
        WITH_PAIR(an_end_that_was_not_announced_is_told),
        WITH_PAIR(finishing_before_the_handshake_closes),
        WITH_PAIR(streams_may_be_closed_in_every_phase),
        WITH_PAIR(streams_may_be_closed_in_callbacks),
        WITH_PAIR(handshakes_of_paused_streams_begin_later),
        WITH_PAIR(peers_without_tls_are_recognised),
        WITH_PAIR(a_handshake_may_be_cut_off),
        WITH_PAIR(resets_are_told),
        WITH_PAIR(resets_that_a_write_meets_are_told),
        WITH_PAIR(an_end_in_order_that_a_write_meets_is_none_by_failure),
        WITH_PAIR(tls_begins_once_and_on_a_clean_stream),
        cmocka_unit_test_teardown(every_failure_of_memory_is_survived, torture_teardown),
    };
    return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}
