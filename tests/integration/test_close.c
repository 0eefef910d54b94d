/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* Closing and freeing a server: in every state that connections can be in, from everywhere, in any
 * order. */
#include "support/scenes.h"

#include <sio/error.h>
#include <stdlib.h>
#include <string.h>

/* ---- closing in every state ---- */

static bool is_closed(void *arg) {
    return *(bool *)arg;
}

static void set_closed(sio_server *server, void *user) {
    sio_stats stats = {.size = sizeof stats};
    sio_server_stats(server, &stats);
    assert_int_equal(stats.connections, 0);
    assert_int_equal(stats.sessions, 0);
    assert_int_equal(stats.polling_sessions, 0);
    assert_int_equal(stats.websocket_sessions, 0);
    assert_int_equal(stats.sockets, 0);
    *(bool *)user = true;
}

static void servers_close_whatever_connections_do(void **state) {
    (void)state;
    for (size_t i = 0; i < scene_count(); i++) {
        print_message("closing with %s\n", scene_name(i));
        struct scene scene;
        bool closed = false;
        scene_begin(&scene);
        scene_play(&scene, i);
        assert_int_equal(sio_server_close(scene.h.server, set_closed, &closed), 0);
        assert_int_equal(sio_server_close(scene.h.server, set_closed, &closed), SIO_ERR_STATE);
        scene_leave(&scene);
        assert_true(harness_wait(&scene.h, is_closed, &closed));
        scene_give_back(&scene);
        assert_int_equal(sio_server_close(scene.h.server, NULL, NULL), SIO_ERR_STATE);
        assert_int_equal(scene.h.seen.connects, scene.h.seen.disconnects);
        scene_end(&scene);
    }
}

/* What waits is decided between the order to close and its end. */
static void decisions_during_closing_have_no_effect(void **state) {
    (void)state;
    for (size_t i = 0; i < scene_count(); i++) {
        struct scene scene;
        bool closed = false;
        scene_begin(&scene);
        scene_play(&scene, i);
        assert_int_equal(sio_server_close(scene.h.server, set_closed, &closed), 0);
        sio_next_ok(scene.next);
        sio_ack_free(scene.ack);
        if (scene.res != NULL) { /* its connection is still there */
            assert_int_equal(sio_response_send(scene.res, 200, "just in time", 12), 0);
        }
        scene_leave(&scene);
        assert_true(harness_wait(&scene.h, is_closed, &closed));
        assert_int_equal(scene.h.seen.connects, scene.h.seen.disconnects);
        scene_end(&scene);
    }
}

static void peers_that_never_close_do_not_hold_it_up(void **state) {
    (void)state;
    struct scene scene;
    bool closed = false;
    scene_begin(&scene);
    struct client *clients[4] = {NULL};
    for (size_t i = 0; i < 4; i++) {
        clients[i] = client_join_root(&scene.h);
        wire_pause(clients[i]->ws); /* reads no Close frame, sends none, closes nothing */
    }
    uint64_t start = uv_now(&scene.h.loop);
    assert_int_equal(sio_server_close(scene.h.server, set_closed, &closed), 0);
    assert_true(harness_wait(&scene.h, is_closed, &closed));
    assert_true(uv_now(&scene.h.loop) - start < 5000);
    for (size_t i = 0; i < 4; i++) {
        client_close(clients[i]);
    }
    scene_end(&scene);
}

static void waiting_gets_are_told(void **state) {
    (void)state;
    struct scene scene;
    scene_begin(&scene);
    scene_waiting_get(&scene);
    harness_close(&scene.h);
    const struct response *res = wire_expect_status(scene.c->get, 200);
    assert_string_equal(res->body, "1");
    scene_end(&scene);
}

static void many_clients_are_closed_at_once(void **state) {
    (void)state;
    enum { COUNT = 300 };
    struct scene scene;
    scene_begin_with_ping(&scene, 60000); /* none is due before all of them have come */
    struct client **clients = calloc(COUNT, sizeof *clients);
    assert_non_null(clients);
    for (size_t i = 0; i < COUNT; i++) {
        clients[i] = client_open(&scene.h, i % 3 == 0 ? SIO_POLLING : SIO_WEBSOCKET);
        client_join(clients[i], "/");
    }
    assert_int_equal(harness_stats(&scene.h).sockets, COUNT);
    harness_close(&scene.h);
    assert_int_equal(scene.h.seen.disconnects, COUNT);
    assert_int_equal(scene.h.seen.reason, SIO_REASON_SERVER_SHUTTING_DOWN);
    for (size_t i = 0; i < COUNT; i++) {
        client_close(clients[i]);
    }
    free(clients);
    scene_end(&scene);
}

/* ---- closing from callbacks ---- */

struct closer {
    struct harness h;
    bool closed;
    size_t calls;
};

static void close_it(struct closer *closer) {
    closer->calls++;
    (void)sio_server_close(closer->h.server, set_closed, &closer->closed);
}

static void close_in_socket_fn(sio_socket *s, void *user) {
    close_it(user);
    (void)sio_emit(s, "last", "");
}

static void close_in_event(sio_socket *s, sio_event *ev, void *user) {
    close_it(user);
    (void)sio_emit(s, "last", "");
    (void)sio_event_reply(ev, "");
}

static void close_in_disconnect(sio_socket *s, int reason, int cause, void *user) {
    (void)s;
    (void)reason;
    (void)cause;
    close_it(user);
}

static void close_in_middleware(sio_socket *s, sio_next *next, void *user) {
    (void)s;
    close_it(user);
    sio_next_ok(next);
}

static void close_in_allow(const sio_request *req, sio_next *next, void *user) {
    (void)req;
    close_it(user);
    sio_next_ok(next);
}

static void close_in_headers(sio_headers *headers, const sio_request *req, void *user) {
    (void)headers;
    (void)req;
    close_it(user);
}

static int close_in_generate_id(const sio_request *req, char *buffer, size_t size, void *user) {
    (void)req;
    close_it(user);
    (void)snprintf(buffer, size, "id-of-the-application");
    return 0;
}

static void close_in_connection_error(const sio_connection_error *error, void *user) {
    (void)error;
    close_it(user);
}

static void close_in_request(const sio_request *req, const void *body, size_t len,
                             sio_response *res, void *user) {
    (void)req;
    (void)body;
    (void)len;
    close_it(user);
    assert_int_equal(sio_response_send(res, 200, "ok", 2), 0);
}

static void close_in_new_ns(sio_ns *ns, void *user) {
    (void)ns;
    close_it(user);
}

static void close_in_post(sio_server *server, void *arg) {
    (void)server;
    close_it(arg);
}

enum place {
    PLACE_CONNECT,
    PLACE_EVENT,
    PLACE_ACK,
    PLACE_DISCONNECT,
    PLACE_MIDDLEWARE,
    PLACE_ALLOW,
    PLACE_HEADERS,
    PLACE_ID,
    PLACE_REFUSAL,
    PLACE_REQUEST,
    PLACE_NEW_NS,
    PLACE_POST,
    PLACE_COUNT
};

static void prepare(struct closer *closer, enum place place) {
    sio_server_options o;
    sio_server_options_init(&o);
    o.allow_request = place == PLACE_ALLOW ? close_in_allow : NULL;
    o.on_headers = place == PLACE_HEADERS ? close_in_headers : NULL;
    o.generate_id = place == PLACE_ID ? close_in_generate_id : NULL;
    o.on_connection_error = place == PLACE_REFUSAL ? close_in_connection_error : NULL;
    o.allow_request_user = closer;
    o.on_headers_user = closer;
    o.generate_id_user = closer;
    o.on_connection_error_user = closer;
    *closer = (struct closer){0};
    harness_init(&closer->h, &o);
    sio_ns *root = harness_root(&closer->h);
    sio_ns *parent = sio_server_ns_match(closer->h.server, "^/new-[0-9]+$");
    assert_non_null(parent);
    if (place == PLACE_CONNECT) {
        assert_int_equal(sio_ns_on_connect(root, close_in_socket_fn, closer), 0);
    }
    if (place == PLACE_DISCONNECT) {
        assert_int_equal(sio_ns_on_disconnect(root, close_in_disconnect, closer), 0);
    }
    if (place == PLACE_MIDDLEWARE) {
        assert_int_equal(sio_ns_use(root, close_in_middleware, closer), 0);
    }
    assert_int_equal(sio_ns_on(root, "close", close_in_event, closer), 0);
    sio_server_on_request(closer->h.server, close_in_request, closer);
    sio_server_on_new_ns(closer->h.server, close_in_new_ns, closer);
    harness_listen(&closer->h);
}

/* Brings the callback about. The session may end anywhere on the way. */
static void provoke(struct closer *closer, enum place place, unsigned transport) {
    struct harness *h = &closer->h;
    if (place == PLACE_REQUEST || place == PLACE_REFUSAL) {
        (void)http_get_status(h, place == PLACE_REQUEST ? "/app" : "/socket.io/?EIO=4");
        return;
    }
    if (place == PLACE_POST) {
        assert_int_equal(sio_server_post(h->server, close_in_post, closer), 0);
        return;
    }
    struct client *c = client_try_open(h, transport, "");
    if (c == NULL) {
        return;
    }
    if (client_send(c, "40") && client_receive(c) != NULL) {
        if (place == PLACE_EVENT || place == PLACE_ACK) {
            (void)client_send(c, place == PLACE_ACK ? "421[\"close\"]" : "42[\"close\"]");
        } else if (place == PLACE_NEW_NS) {
            (void)client_send(c, "40/new-1,");
        } else if (place == PLACE_DISCONNECT) {
            (void)client_send(c, "41");
        }
    }
    (void)client_wait_end(c);
    client_close(c);
}

static void servers_close_in_every_callback(void **state) {
    (void)state;
    static const unsigned transports[] = {SIO_POLLING, SIO_WEBSOCKET};
    for (int place = 0; place < PLACE_COUNT; place++) {
        for (size_t i = 0; i < 2; i++) {
            print_message("closing in callback %d, transport %u\n", place, transports[i]);
            struct closer closer;
            prepare(&closer, (enum place)place);
            provoke(&closer, (enum place)place, transports[i]);
            assert_true(harness_wait(&closer.h, is_closed, &closer.closed));
            assert_true(closer.calls > 0);
            harness_done(&closer.h);
        }
    }
}

/* ---- freeing ---- */

static void free_in_callback(sio_server *server, void *user) {
    *(bool *)user = true;
    sio_server_free(server);
}

static void freeing_closes(void **state) {
    (void)state;
    for (size_t i = 0; i < scene_count(); i++) {
        struct scene scene;
        scene_begin(&scene);
        scene_play(&scene, i);
        sio_next_fail(scene.next, "no", NULL);
        sio_ack_free(scene.ack);
        if (scene.res != NULL) {
            assert_int_equal(sio_response_send(scene.res, 204, "not sent", 8), 0);
        }
        sio_server_free(scene.h.server);
        scene.h.server = NULL; /* it is freed by the loop */
        scene_leave(&scene);
        while (uv_loop_alive(&scene.h.loop)) {
            uv_run(&scene.h.loop, UV_RUN_ONCE);
        }
        scene_end(&scene);
    }
}

static void servers_are_freed_when_they_have_closed(void **state) {
    (void)state;
    struct scene scene;
    bool freed = false;
    scene_begin(&scene);
    scene_websocket(&scene);
    assert_int_equal(sio_server_close(scene.h.server, free_in_callback, &freed), 0);
    assert_true(harness_wait(&scene.h, is_closed, &freed));
    scene.h.server = NULL;
    scene_end(&scene);
}

static void servers_are_freed_unused(void **state) {
    (void)state;
    sio_server *server = NULL;
    assert_int_equal(sio_server_new(&server, NULL), 0);
    sio_server_free(server);

    assert_int_equal(sio_server_new(&server, NULL), 0);
    assert_non_null(sio_server_ns(server, "/a"));
    assert_non_null(sio_server_ns_match(server, "^/b"));
    assert_int_equal(sio_server_close(server, NULL, NULL), SIO_ERR_STATE);
    sio_server_free(server);

    assert_int_equal(sio_server_new(&server, NULL), 0);
    assert_int_equal(sio_server_listen(server, "127.0.0.1", 0), 0);
    sio_server_free(server);

    assert_int_equal(sio_server_new(&server, NULL), 0);
    assert_int_equal(sio_server_listen(server, "127.0.0.1", 0), 0);
    assert_int_equal(sio_server_close(server, NULL, NULL), 0);
    sio_server_free(server);
}

/* ---- stopping, on a loop of the server's own ---- */

static void stopping_is_remembered(void **state) {
    (void)state;
    sio_server *server = NULL;
    assert_int_equal(sio_server_new(&server, NULL), 0);
    sio_server_stop(server); /* there is no loop yet */
    assert_int_equal(sio_server_listen(server, "127.0.0.1", 0), 0);
    assert_int_equal(sio_server_run(server), 0);
    assert_int_equal(sio_server_run(server), SIO_ERR_STATE);
    sio_server_stop(server);
    sio_server_free(server);

    assert_int_equal(sio_server_new(&server, NULL), 0);
    assert_int_equal(sio_server_listen(server, "127.0.0.1", 0), 0);
    sio_server_stop(server);
    sio_server_stop(server);
    assert_int_equal(sio_server_run(server), 0);
    sio_server_free(server);

    assert_int_equal(sio_server_new(&server, NULL), 0);
    assert_int_equal(sio_server_listen(server, "127.0.0.1", 0), 0);
    sio_server_stop(server);
    sio_server_free(server);
}

static void run_server(void *arg) {
    assert_int_equal(sio_server_run(arg), 0);
}

static void set_flag(sio_server *server, void *arg) {
    (void)server;
    *(bool *)arg = true;
}

static void other_threads_stop_it(void **state) {
    (void)state;
    for (int i = 0; i < 50; i++) {
        sio_server *server = NULL;
        bool flag = false;
        uv_thread_t thread;
        assert_int_equal(sio_server_new(&server, NULL), 0);
        assert_int_equal(sio_server_listen(server, "127.0.0.1", 0), 0);
        assert_int_equal(uv_thread_create(&thread, run_server, server), 0);
        int posted = sio_server_post(server, set_flag, &flag);
        sio_server_stop(server);
        sio_server_stop(server);
        assert_int_equal(uv_thread_join(&thread), 0);
        assert_int_equal(posted, 0);
        assert_true(flag); /* what was handed in has run */
        assert_int_equal(sio_server_post(server, set_flag, &flag), SIO_ERR_CLOSED);
        sio_server_free(server);
    }
}

static void close_now(sio_server *server, void *arg) {
    assert_int_equal(sio_server_close(server, set_flag, arg), 0);
    sio_server_stop(server); /* at the same time */
}

static void closing_and_stopping_meet(void **state) {
    (void)state;
    sio_server *server = NULL;
    bool flag = false;
    assert_int_equal(sio_server_new(&server, NULL), 0);
    assert_int_equal(sio_server_listen(server, "127.0.0.1", 0), 0);
    assert_int_equal(sio_server_post(server, close_now, &flag), 0);
    assert_int_equal(sio_server_run(server), 0);
    assert_true(flag);
    sio_server_free(server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers_close_whatever_connections_do),
        cmocka_unit_test(decisions_during_closing_have_no_effect),
        cmocka_unit_test(peers_that_never_close_do_not_hold_it_up),
        cmocka_unit_test(waiting_gets_are_told),
        cmocka_unit_test(many_clients_are_closed_at_once),
        cmocka_unit_test(servers_close_in_every_callback),
        cmocka_unit_test(freeing_closes),
        cmocka_unit_test(servers_are_freed_when_they_have_closed),
        cmocka_unit_test(servers_are_freed_unused),
        cmocka_unit_test(stopping_is_remembered),
        cmocka_unit_test(other_threads_stop_it),
        cmocka_unit_test(closing_and_stopping_meet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
