/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The options of a client. Their defaults are those that the official client documents ("Client
 * options").
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <sio/error.h>

#include "socketio/client_options.h"

static void drop_line(int level, const char *component, const char *message, void *user) {
    (void)level;
    (void)component;
    (void)message;
    (void)user;
}

static int init(struct client_options *options, const char *url, const sio_client_options *given) {
    struct logger log;
    sio__logger_init(&log, SIO_LOG_ERROR, drop_line, NULL, NULL);
    return sio__client_options_init(options, url, given, &log);
}

static void expect_text(struct text actual, const char *expected) {
    assert_int_equal(actual.len, strlen(expected));
    if (actual.len > 0) {
        assert_memory_equal(actual.data, expected, actual.len);
    }
}

static void the_engine_has_the_defaults_of_the_official_client(void **state) {
    (void)state;
    struct client_options options;
    assert_int_equal(init(&options, "http://localhost", NULL), 0);
    const struct eio_client_config *e = &options.engine;
    expect_text(e->path, "/socket.io/"); /* path, addTrailingSlash */
    expect_text(e->query, "");
    expect_text(e->server.fields, ""); /* extraHeaders */
    const uint8_t transports[] = {SIO_POLLING, SIO_WEBSOCKET, 0, 0};
    assert_memory_equal(e->transports, transports, sizeof transports);
    assert_false(e->no_upgrade);
    assert_false(e->remember_upgrade);
    assert_false(e->try_all_transports);
    assert_false(e->force_base64);
    assert_false(e->no_timestamp); /* timestampRequests */
    expect_text(e->timestamp_param, "t");
    expect_text(e->protocols, "");
    assert_null(e->cookies); /* withCredentials */
    assert_int_equal(e->server.request_timeout_ms, 0);
    assert_int_equal(e->open_timeout_ms, 20000); /* timeout */
    sio__client_options_done(&options);
}

static void the_manager_has_the_defaults_of_the_official_client(void **state) {
    (void)state;
    struct client_options options;
    assert_int_equal(init(&options, "http://localhost", SIO_CLIENT_OPTIONS(.path = NULL)), 0);
    const sio_client_options *o = &options.o;
    assert_false(o->no_auto_connect);
    assert_false(o->no_reconnection);
    assert_int_equal(o->reconnection_attempts, 0); /* without end */
    assert_int_equal(o->reconnection_delay_ms, 1000);
    assert_int_equal(o->reconnection_delay_max_ms, 5000);
    assert_int_equal(o->randomization_percent, 50);
    sio__client_options_done(&options);
}

static void sockets_have_the_defaults_of_the_official_client(void **state) {
    (void)state;
    struct client_options options;
    sio_socket_options socket;
    const char *what = "";
    assert_int_equal(init(&options, "http://localhost", NULL), 0);
    assert_int_equal(sio__socket_options_init(&socket, NULL, &options.socket, &what), 0);
    assert_null(socket.auth);
    assert_null(socket.auth_fn);
    assert_int_equal(socket.retries, 0);
    assert_int_equal(socket.ack_timeout_ms, 0); /* none */
    sio__client_options_done(&options);
}

static void sockets_have_the_options_of_the_client_where_they_have_none(void **state) {
    (void)state;
    struct client_options options;
    sio_socket_options socket;
    const char *what = "";
    const sio_client_options *given =
        SIO_CLIENT_OPTIONS(.socket = SIO_SOCKET(.auth = "{\"token\":1}", .retries = 3,
                                                .ack_timeout_ms = 100));
    assert_int_equal(init(&options, "http://localhost", given), 0);
    assert_int_equal(
        sio__socket_options_init(&socket, SIO_SOCKET(.retries = 5), &options.socket, &what), 0);
    assert_string_equal(socket.auth, "{\"token\":1}");
    assert_int_equal(socket.retries, 5);
    assert_int_equal(socket.ack_timeout_ms, 100);
    sio__client_options_done(&options);
}

static void wrong_options_are_refused(void **state) {
    (void)state;
    struct client_options options;
    const char *const no_field[] = {"no field", NULL};
    const char *const framing[] = {"Content-Length: 1", NULL};
    const char *const protocol[] = {"sec-websocket-protocol: chat",
                                    NULL}; /* .protocols is for it */
    const sio_client_options *const wrong[] = {
        SIO_CLIENT_OPTIONS(.path = "no/slash"),
        SIO_CLIENT_OPTIONS(.path = "/with?query"),
        SIO_CLIENT_OPTIONS(.transports = {SIO_POLLING, SIO_POLLING}),
        SIO_CLIENT_OPTIONS(.transports = {8}),
        SIO_CLIENT_OPTIONS(.headers = no_field),
        SIO_CLIENT_OPTIONS(.headers = framing),
        SIO_CLIENT_OPTIONS(.headers = protocol),
        SIO_CLIENT_OPTIONS(.socket = SIO_SOCKET(.auth = "[1]")),
        SIO_CLIENT_OPTIONS(.proxy = "gopher://localhost"),
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(init(&options, "http://localhost", wrong[i]), SIO_ERR_INVALID);
    }
    assert_int_equal(init(&options, "http://", NULL), SIO_ERR_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_engine_has_the_defaults_of_the_official_client),
        cmocka_unit_test(the_manager_has_the_defaults_of_the_official_client),
        cmocka_unit_test(sockets_have_the_defaults_of_the_official_client),
        cmocka_unit_test(sockets_have_the_options_of_the_client_where_they_have_none),
        cmocka_unit_test(wrong_options_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
