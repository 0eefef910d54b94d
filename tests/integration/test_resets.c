/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Connections that are lost, in every state that they can be in, and callbacks that end things
 * while they end: nothing may be left of them, neither memory nor counts.
 */
#include "support/scenes.h"

#include <sio/error.h>
#include <stdlib.h>
#include <string.h>

/* ---- losing connections ---- */

static void reset(struct wire **w) {
    if (*w != NULL) {
        wire_reset(*w);
        *w = NULL;
    }
}

static void reset_all(struct scene *scene) {
    reset(&scene->w);
    if (scene->c != NULL) {
        reset(&scene->c->ws);
        reset(&scene->c->get);
        reset(&scene->c->post);
    }
}

static void shut_down_all(struct scene *scene) {
    struct wire *wires[] = {scene->w, scene->c != NULL ? scene->c->ws : NULL,
                            scene->c != NULL ? scene->c->get : NULL,
                            scene->c != NULL ? scene->c->post : NULL};
    for (size_t i = 0; i < sizeof wires / sizeof wires[0]; i++) {
        if (wires[i] != NULL) {
            wire_shutdown(wires[i]);
        }
    }
}

static bool has_no_connections(void *arg) {
    const struct harness *h = arg;
    return harness_stats(h).connections == 0;
}

/* Polling sessions without a request live on until their heartbeat fails. */
static bool has_no_sockets(void *arg) {
    const struct harness *h = arg;
    sio_stats stats = harness_stats(h);
    return stats.sessions == 0 && stats.sockets == 0;
}

static void expect_nothing_left(struct harness *h) {
    assert_true(harness_wait(h, has_no_connections, h));
    assert_true(harness_wait(h, has_no_sockets, h));
    sio_stats stats = harness_stats(h);
    assert_int_equal(stats.polling_sessions, 0);
    assert_int_equal(stats.websocket_sessions, 0);
    assert_int_equal(stats.rooms, 0);
    assert_int_equal(sio_ns_count(harness_root(h)), 0);
    assert_int_equal(h->seen.connects, h->seen.disconnects);
}

static void expect_service(struct harness *h) {
    struct client *c = client_join_root(h);
    client_expect_alive(c);
    client_close(c);
    expect_nothing_left(h);
}

static void lose_in_every_state(void (*lose)(struct scene *scene)) {
    for (size_t i = 0; i < scene_count(); i++) {
        print_message("losing the connection with %s\n", scene_name(i));
        struct scene scene;
        scene_begin(&scene);
        scene_play(&scene, i);
        lose(&scene);
        scene_leave(&scene);
        expect_nothing_left(&scene.h);
        scene_give_back(&scene);
        expect_service(&scene.h);
        scene_end(&scene);
    }
}

static void connections_may_be_reset_in_every_state(void **state) {
    (void)state;
    lose_in_every_state(reset_all);
}

static void connections_may_be_closed_in_every_state(void **state) {
    (void)state;
    lose_in_every_state(scene_leave);
}

static void connections_may_be_half_closed_in_every_state(void **state) {
    (void)state;
    lose_in_every_state(shut_down_all);
}

/* The decision and the loss come in the same turn, in both orders. */
static void decisions_and_resets_meet(void **state) {
    (void)state;
    for (size_t i = 0; i < scene_count(); i++) {
        for (int order = 0; order < 2; order++) {
            struct scene scene;
            scene_begin(&scene);
            scene_play(&scene, i);
            if (order == 0) {
                reset_all(&scene);
            }
            sio_next_ok(scene.next);
            sio_ack_free(scene.ack);
            if (scene.res != NULL) {
                (void)sio_response_send(scene.res, 200, "ok", 2);
            }
            reset_all(&scene);
            scene_leave(&scene);
            expect_nothing_left(&scene.h);
            scene_end(&scene);
        }
    }
}

static void many_connections_are_lost_at_once(void **state) {
    (void)state;
    enum { COUNT = 300 };
    struct scene scene;
    scene_begin_with_ping(&scene, 600000); /* those that have come answer no pings */
    struct client **clients = calloc(COUNT, sizeof *clients);
    assert_non_null(clients);
    for (size_t i = 0; i < COUNT; i++) {
        clients[i] = client_open(&scene.h, i % 2 == 0 ? SIO_WEBSOCKET : SIO_POLLING);
        client_join(clients[i], "/");
        assert_int_equal(
            sio_socket_join(sio_ns_find(harness_root(&scene.h), clients[i]->socket_sid),
                            SIO_ROOMS("all")),
            0);
        if (clients[i]->get != NULL) {
            wire_get(clients[i]->get, clients[i]->path, "");
        }
    }
    assert_int_equal(sio_ns_room_count(harness_root(&scene.h), "all"), COUNT);
    harness_settle(&scene.h);
    for (size_t i = 0; i < COUNT; i++) {
        if (i % 4 == 0) {
            reset(&clients[i]->ws);
        }
        client_close(clients[i]);
    }
    free(clients);
    expect_nothing_left(&scene.h);
    assert_int_equal(scene.h.seen.disconnects, COUNT);
    scene_end(&scene);
}

/* ---- callbacks that end things ---- */

struct pair {
    struct harness h;
    sio_socket *other; /* of the same connection, in "/other"; a reference */
    size_t ends;
    bool inside; /* a function of the library was called and has not returned */
    size_t hooks;
};

static void keep_other(sio_socket *s, void *user) {
    struct pair *pair = user;
    pair->other = sio_socket_ref(s);
}

/* Looks at all that a socket has, which has to be there still, or not at all. */
static void look_at(sio_socket *s) {
    (void)sio_socket_pending_bytes(s);
    (void)sio_socket_transport(s);
    (void)sio_socket_request(s);
    assert_int_equal(sio_emit(s, "late", ""), SIO_ERR_CLOSED);
    assert_int_equal(sio_socket_join(s, SIO_ROOMS("late")), SIO_ERR_CLOSED);
    assert_false(sio_socket_connected(s));
}

static void end_other(sio_socket *s, int reason, int cause, void *user) {
    struct pair *pair = user;
    (void)reason;
    (void)cause;
    pair->ends++;
    look_at(s);
    if (pair->other != NULL) {
        sio_socket_disconnect(pair->other, false);
        sio_socket_disconnect(pair->other, true);
    }
}

static void end_both(sio_socket *s, sio_event *ev, void *user) {
    struct pair *pair = user;
    (void)ev;
    pair->inside = true;
    sio_socket_disconnect(s, true);
    sio_socket_disconnect(s, false);
    sio_socket_disconnect(pair->other, false);
    sio_socket_disconnect(pair->other, true);
    pair->inside = false;
    look_at(s);
}

static void watch_headers(sio_headers *headers, const sio_request *req, void *user) {
    struct pair *pair = user;
    (void)headers;
    (void)req;
    assert_false(pair->inside);
    pair->hooks++;
    if (pair->other != NULL) {
        sio_socket_disconnect(pair->other, true);
    }
}

static void begin_pair(struct pair *pair) {
    *pair = (struct pair){0};
    harness_init(&pair->h,
                 SIO_SERVER_OPTIONS(.on_headers = watch_headers, .on_headers_user = pair));
    sio_ns *root = harness_root(&pair->h);
    sio_ns *other = sio_server_ns(pair->h.server, "/other");
    harness_observe(&pair->h, root);
    assert_int_equal(sio_ns_on(root, "end", end_both, pair), 0);
    assert_int_equal(sio_ns_on_disconnecting(root, end_other, pair), 0);
    assert_int_equal(sio_ns_on_disconnect(root, end_other, pair), 0);
    assert_int_equal(sio_ns_on_disconnect(other, end_other, pair), 0);
    assert_int_equal(sio_ns_on_connect(other, keep_other, pair), 0);
    harness_listen(&pair->h);
}

static void end_pair(struct pair *pair) {
    expect_nothing_left(&pair->h);
    look_at(pair->other);
    sio_socket_unref(pair->other);
    assert_int_equal(pair->ends, 3);
    harness_done(&pair->h);
}

static void sockets_of_a_lost_connection_end_once(void **state) {
    (void)state;
    struct pair pair;
    begin_pair(&pair);
    struct client *c = client_join_root(&pair.h);
    client_join(c, "/other");
    client_close(c);
    end_pair(&pair);
}

static void handlers_may_end_all_sockets_of_a_connection(void **state) {
    (void)state;
    struct pair pair;
    begin_pair(&pair);
    struct client *c = client_join_root(&pair.h);
    client_join(c, "/other");
    assert_true(client_send(c, "42[\"end\"]"));
    assert_true(client_wait_end(c));
    client_close(c);
    end_pair(&pair);
}

/* Ending a polling session answers its GET: not before the handler has returned. The hook ends the
 * session, too. */
static void hooks_are_not_called_within_other_callbacks(void **state) {
    (void)state;
    struct pair pair;
    begin_pair(&pair);
    struct client *c = client_open(&pair.h, SIO_POLLING);
    client_join(c, "/");
    assert_true(client_send(c, "40/other,"));
    wire_get(c->get, c->path, "");
    size_t before = pair.hooks;
    assert_true(client_send(c, "42[\"end\"]") || c->ended);
    (void)client_wait_end(c);
    assert_true(pair.hooks > before);
    client_close(c);
    end_pair(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_may_be_reset_in_every_state),
        cmocka_unit_test(connections_may_be_closed_in_every_state),
        cmocka_unit_test(connections_may_be_half_closed_in_every_state),
        cmocka_unit_test(decisions_and_resets_meet),
        cmocka_unit_test(many_connections_are_lost_at_once),
        cmocka_unit_test(sockets_of_a_lost_connection_end_once),
        cmocka_unit_test(handlers_may_end_all_sockets_of_a_connection),
        cmocka_unit_test(hooks_are_not_called_within_other_callbacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
