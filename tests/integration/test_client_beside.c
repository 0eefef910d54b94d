/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* Many clients on one loop of the application, beside a server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sio/sio.h>
#include <sio/uv.h>

#include "socketio/client_core.h"

enum { CLIENTS = 20 };

struct world {
    uv_loop_t loop;
    sio_server *server;
    char url[64];
    sio_client *clients[CLIENTS];
    sio_socket *sockets[CLIENTS];
    unsigned connected;
    unsigned disconnected;
    unsigned echoes;
    int sum; /* of what came back */
};

static struct world w;

static void on_echo_asked(sio_socket *s, sio_event *ev, void *user) {
    (void)user;
    sio_emit(s, "echo", "a", ev);
}

static int begin(void **state) {
    (void)state;
    memset(&w, 0, sizeof w);
    assert_int_equal(uv_loop_init(&w.loop), 0);
    assert_int_equal(sio_server_new(&w.server, NULL), 0);
    assert_int_equal(sio_server_attach_uv(w.server, &w.loop), 0);
    sio_ns_on(sio_server_ns(w.server, "/"), "echo", on_echo_asked, NULL);
    assert_int_equal(sio_server_listen(w.server, "127.0.0.1", 0), 0);
    snprintf(w.url, sizeof w.url, "http://127.0.0.1:%u", (unsigned)sio_server_port(w.server));
    return 0;
}

/* What is left is freed; then nothing may keep the loop. */
static int end(void **state) {
    (void)state;
    for (size_t i = 0; i < CLIENTS; i++) {
        sio_client_free(w.clients[i]);
    }
    sio_server_close(w.server, NULL, NULL);
    assert_int_equal(uv_run(&w.loop, UV_RUN_DEFAULT), 0);
    sio_server_free(w.server);
    uv_run(&w.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w.loop), 0);
    return 0;
}

static void on_connect(sio_socket *s, void *user) {
    (void)s, (void)user;
    w.connected++;
}

static void on_disconnect(sio_socket *s, int reason, int cause, void *user) {
    (void)s, (void)reason, (void)cause, (void)user;
    w.disconnected++;
}

static void on_echo(sio_socket *s, sio_event *ev, void *user) {
    int number = 0;
    (void)s, (void)user;
    assert_true(sio_event_unpack(ev, "i", &number) >= 0);
    w.echoes++;
    w.sum += number;
}

static void new_client(size_t i) {
    const sio_client_options *options =
        SIO_CLIENT_OPTIONS(.transports = {i % 2 == 0 ? SIO_WEBSOCKET : SIO_POLLING},
                           .no_reconnection = true, .log_level = SIO_LOG_NONE);
    assert_int_equal(sio_client_new(&w.clients[i], w.url, options), 0);
}

static void new_socket(size_t i) {
    w.sockets[i] = sio_client_socket(w.clients[i], NULL, NULL);
    assert_non_null(w.sockets[i]);
    assert_int_equal(sio_socket_on_connect(w.sockets[i], on_connect, NULL), 0);
    assert_int_equal(sio_socket_on_disconnect(w.sockets[i], on_disconnect, NULL), 0);
    assert_int_equal(sio_socket_on(w.sockets[i], "echo", on_echo, NULL), 0);
}

/* The first on the loop, the others beside it. */
static void connect_all(void) {
    for (size_t i = 0; i < CLIENTS; i++) {
        new_client(i);
        assert_int_equal(i == 0 ? sio_client_attach_uv(w.clients[i], &w.loop)
                                : sio_client_attach_beside(w.clients[i], w.clients[i - 1]),
                         0);
        new_socket(i);
    }
    while (w.connected < CLIENTS) {
        uv_run(&w.loop, UV_RUN_ONCE);
    }
}

/* Those of the clients that are left emit, and get everything back. */
static void echo_all(void) {
    unsigned expected = w.echoes;
    int sum = w.sum;
    for (size_t i = 0; i < CLIENTS; i++) {
        if (w.clients[i] != NULL) {
            assert_int_equal(sio_emit(w.sockets[i], "echo", "i", (int)i + 1), 0);
            expected++;
            sum += (int)i + 1;
        }
    }
    while (w.echoes < expected) {
        uv_run(&w.loop, UV_RUN_ONCE);
    }
    assert_int_equal(w.echoes, expected);
    assert_int_equal(w.sum, sum);
}

static void free_client(size_t i) {
    sio_client_free(w.clients[i]);
    w.clients[i] = NULL;
}

static void each_has_its_own_connection(void **state) {
    (void)state;
    connect_all();
    for (size_t i = 1; i < CLIENTS; i++) {
        assert_string_not_equal(sio_client_sid(w.clients[i]), sio_client_sid(w.clients[i - 1]));
    }
    echo_all();
}

static void the_others_go_on_when_one_is_freed(void **state) {
    (void)state;
    connect_all();
    free_client(0);
    echo_all();
    free_client(CLIENTS - 1);
    free_client(CLIENTS / 2);
    echo_all();
    assert_int_equal(w.disconnected, 0);
}

static void one_may_come_when_the_first_is_gone(void **state) {
    (void)state;
    connect_all();
    for (size_t i = 0; i < CLIENTS - 1; i++) {
        free_client(i);
    }
    echo_all();
    new_client(0);
    assert_int_equal(sio_client_attach_beside(w.clients[0], w.clients[CLIENTS - 1]), 0);
    new_socket(0);
    while (w.connected < CLIENTS + 1) {
        uv_run(&w.loop, UV_RUN_ONCE);
    }
    echo_all();
}

static void closing_one_leaves_the_others_open(void **state) {
    (void)state;
    connect_all();
    assert_int_equal(sio_client_close(w.clients[3]), 0);
    while (w.disconnected < 1) {
        uv_run(&w.loop, UV_RUN_ONCE);
    }
    free_client(3);
    echo_all();
    assert_int_equal(w.disconnected, 1);
}

static void the_loop_ends_when_all_are_closed(void **state) {
    (void)state;
    connect_all();
    for (size_t i = 0; i < CLIENTS; i++) {
        assert_int_equal(sio_client_close(w.clients[i]), 0);
    }
    sio_server_close(w.server, NULL, NULL);
    assert_int_equal(uv_run(&w.loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(w.disconnected, CLIENTS);
}

static const void *loaded_by(size_t i) {
    return w.clients[i]->options.tls->ssl_ctx;
}

/* Authorities, certificates and keys are most of what a client with TLS takes. */
static void clients_with_tls_share_what_it_has_loaded(void **state) {
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        const sio_client_options *options =
            SIO_CLIENT_OPTIONS(.tls = SIO_TLS(.insecure = true, .min_version = i == 1 ? 0x0304 : 0),
                               .no_auto_connect = true, .log_level = SIO_LOG_NONE);
        assert_int_equal(sio_client_new(&w.clients[i], "https://127.0.0.1", options), 0);
    }
    assert_ptr_not_equal(loaded_by(0), loaded_by(2));
    assert_int_equal(sio_client_attach_uv(w.clients[0], &w.loop), 0);
    new_client(CLIENTS - 1); /* without TLS */
    assert_int_equal(sio_client_attach_beside(w.clients[CLIENTS - 1], w.clients[0]), 0);
    for (size_t i = 1; i < 4; i++) {
        assert_int_equal(sio_client_attach_beside(w.clients[i], w.clients[i - 1]), 0);
    }
    assert_ptr_not_equal(loaded_by(0), loaded_by(1));
    assert_ptr_equal(loaded_by(0), loaded_by(2));
    assert_ptr_equal(loaded_by(0), loaded_by(3));
    free_client(0);
    uv_run(&w.loop, UV_RUN_NOWAIT);
    assert_int_equal(sio_client_attach_beside(w.clients[4], w.clients[1]), 0);
    assert_ptr_equal(loaded_by(3), loaded_by(4));
}

static void it_is_refused_where_there_is_no_loop_to_share(void **state) {
    (void)state;
    new_client(0);
    new_client(1);
    assert_int_equal(sio_client_attach_beside(w.clients[0], w.clients[1]), SIO_ERR_STATE);
    assert_int_equal(sio_client_attach_beside(w.clients[0], w.clients[0]), SIO_ERR_STATE);
    assert_int_equal(sio_client_attach_beside(NULL, w.clients[1]), SIO_ERR_INVALID);
    assert_int_equal(sio_client_attach_beside(w.clients[0], NULL), SIO_ERR_INVALID);
    assert_int_equal(sio_client_attach_uv(w.clients[1], &w.loop), 0);
    assert_int_equal(sio_client_attach_beside(w.clients[1], w.clients[1]), SIO_ERR_STATE);
    assert_int_equal(sio_client_attach_beside(w.clients[0], w.clients[1]), 0);
    assert_int_equal(sio_client_attach_beside(w.clients[0], w.clients[1]), SIO_ERR_STATE);
    assert_int_equal(sio_client_start(w.clients[0]), SIO_ERR_STATE);
}

static void a_socket_may_outlive_its_client(void **state) {
    (void)state;
    connect_all();
    sio_socket *kept = sio_socket_ref(w.sockets[5]);
    for (size_t i = 0; i < CLIENTS; i++) {
        free_client(i);
    }
    sio_server_close(w.server, NULL, NULL);
    uv_run(&w.loop, UV_RUN_DEFAULT);
    assert_int_equal(sio_emit(kept, "echo", "i", 1), SIO_ERR_CLOSED);
    sio_socket_unref(kept);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_has_its_own_connection, begin, end),
        cmocka_unit_test_setup_teardown(the_others_go_on_when_one_is_freed, begin, end),
        cmocka_unit_test_setup_teardown(one_may_come_when_the_first_is_gone, begin, end),
        cmocka_unit_test_setup_teardown(closing_one_leaves_the_others_open, begin, end),
        cmocka_unit_test_setup_teardown(the_loop_ends_when_all_are_closed, begin, end),
        cmocka_unit_test_setup_teardown(clients_with_tls_share_what_it_has_loaded, begin, end),
        cmocka_unit_test_setup_teardown(it_is_refused_where_there_is_no_loop_to_share, begin, end),
        cmocka_unit_test_setup_teardown(a_socket_may_outlive_its_client, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
