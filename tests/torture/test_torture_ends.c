/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Ends of all kinds with every allocation failing in turn: connections that are reset or closed in
 * every state that they can be in, upgrades that fail halfway, servers that close meanwhile.
 */
#include "support/scenario.h"
#include "support/scenes.h"

#include <string.h>

#include <sio/error.h>

#include "proto/ws_frame.h"

#define POLLING   "/socket.io/?EIO=4&transport=polling"
#define WEBSOCKET "/socket.io/?EIO=4&transport=websocket"

/* ---- states, see scenes.h: memory fails from there on ---- */

struct end_of_scene {
    size_t number; /* of the scene */
    void (*end)(struct scene *scene);
    bool closed; /* the server is, too */
};

static void reset(struct wire **w) {
    wire_reset(*w);
    *w = NULL;
}

static void reset_all(struct scene *scene) {
    if (scene->w != NULL) {
        reset(&scene->w);
    }
    if (scene->c != NULL && scene->c->ws != NULL) {
        reset(&scene->c->ws);
    }
    if (scene->c != NULL && scene->c->get != NULL) {
        wire_shutdown(scene->c->get);
        wire_shutdown(scene->c->post);
    }
    harness_settle(&scene->h);
}

static void decide_and_reset(struct scene *scene) {
    sio_next_ok(scene->next);
    sio_ack_free(scene->ack);
    if (scene->res != NULL) {
        (void)sio_response_send(scene->res, 200, "ok", 2);
    }
    scene->next = NULL;
    scene->ack = NULL;
    scene->res = NULL;
    reset_all(scene);
}

static void close_server(struct scene *scene) {
    assert_int_equal(sio_server_close(scene->h.server, NULL, NULL), 0);
    harness_settle(&scene->h);
}

static void disconnect_all(struct scene *scene) {
    (void)sio_ns_disconnect(harness_root(&scene->h), NULL, true);
    harness_settle(&scene->h);
}

/* The client goes on as if nothing had happened. */
static void go_on(struct scene *scene) {
    if (scene->w != NULL) {
        wire_puts(scene->w, "\r\n\r\n0123456789");
    }
    if (scene->c != NULL && scene->c->ws != NULL) {
        wire_text(scene->c->ws, "42[\"echo\",\"more\"]");
    }
    harness_settle(&scene->h);
    decide_and_reset(scene);
}

static int end_scene(void *user) {
    const struct end_of_scene *e = user;
    struct scene scene;
    torture_suspend(true);
    scene_begin_with_ping(&scene, 20000);
    scene_play(&scene, e->number);
    torture_suspend(false);
    scene.h.may_have_lost = scenario_may_fail;
    e->end(&scene);
    torture_suspend(true);
    scene.h.may_have_lost = NULL;
    scene_leave(&scene);
    harness_settle(&scene.h);
    scene_give_back(&scene);
    if (!e->closed) {
        struct client *c = client_join_root(&scene.h);
        client_expect_alive(c);
        client_close(c);
    }
    scene_end(&scene);
    assert_int_equal(scene.h.seen.connects, scene.h.seen.disconnects);
    torture_suspend(false);
    return 0;
}

static void end_every_scene(void (*end)(struct scene *scene), bool closed) {
    for (size_t i = 0; i < scene_count(); i++) {
        struct end_of_scene e = {.number = i, .end = end, .closed = closed};
        print_message("torture: %s\n", scene_name(i));
        torture_run(end_scene, &e);
    }
}

static void server_survives_resets(void **state) {
    (void)state;
    end_every_scene(reset_all, false);
}

static void server_survives_decisions_and_resets(void **state) {
    (void)state;
    end_every_scene(decide_and_reset, false);
}

static void server_survives_clients_that_go_on(void **state) {
    (void)state;
    end_every_scene(go_on, false);
}

static void server_survives_disconnecting_all(void **state) {
    (void)state;
    end_every_scene(disconnect_all, false);
}

static void server_survives_closing(void **state) {
    (void)state;
    end_every_scene(close_server, true);
}

/* ---- handshakes and upgrades: memory fails on the way there, too ---- */

static int reset_handshakes(void *user) {
    struct scenario x;
    (void)user;
    scenario_begin(&x, NULL, NULL);
    for (int i = 0; i < 4; i++) {
        struct wire *w = wire_open(&x.h);
        if (i % 2 == 0) {
            wire_get(w, POLLING, "");
        } else {
            wire_upgrade_request(w, WEBSOCKET, "");
            wire_text(w, "40");
        }
        if (i >= 2) {
            harness_turn(&x.h); /* the answer is on its way */
        }
        wire_reset(w);
        harness_settle(&x.h);
    }
    return scenario_end(&x);
}

/* A second connection for a session, up to the answer to its probe. */
static struct wire *probe(struct scenario *x, const struct client *c) {
    char path[160];
    (void)snprintf(path, sizeof path, WEBSOCKET "&sid=%s", c->sid);
    struct wire *w = wire_open(&x->h);
    wire_upgrade_request(w, path, "");
    scenario_answer(x, w, 101);
    if (x->ok) {
        wire_text(w, "2probe");
        const struct ws_received *f = wire_read_frame(w);
        scenario_step(x, f != NULL && strcmp(f->data, "3probe") == 0);
    }
    return w;
}

static int failed_upgrades(void *user) {
    struct scenario x;
    (void)user;
    scenario_begin(&x, NULL, NULL);
    struct client *c = scenario_client(&x, SIO_POLLING);
    wire_reset(probe(&x, c)); /* lost */
    harness_settle(&x.h);
    scenario_echo(&x, c);
    struct wire *w = probe(&x, c);
    wire_text(w, "4not allowed here");
    if (x.ok) {
        scenario_step(&x, wire_close_code(w) == WS_CLOSE_NO_STATUS);
    }
    wire_close(w);
    scenario_echo(&x, c);
    w = probe(&x, c);
    struct wire *second = wire_open(&x.h); /* one at a time */
    char path[160];
    (void)snprintf(path, sizeof path, WEBSOCKET "&sid=%s", c->sid);
    wire_upgrade_request(second, path, "");
    harness_settle(&x.h);
    wire_close(second);
    wire_close(w);
    harness_settle(&x.h);
    scenario_echo(&x, c);
    if (x.ok) {
        scenario_step(&x, client_upgrade(c));
    }
    scenario_echo(&x, c);
    client_close(c);
    return scenario_end(&x);
}

/* What is queued moves with the session, and sessions may end on the way. */
static int upgrades_with_a_queue(void *user) {
    struct scenario x;
    (void)user;
    scenario_begin(&x, NULL, NULL);
    struct client *c = scenario_client(&x, SIO_POLLING);
    for (int i = 0; i < 3; i++) {
        scenario_sent(&x, sio_emit(scenario_socket(&x, c), "queued", "iB", i, "ab", (size_t)2));
    }
    struct wire *w = probe(&x, c);
    scenario_sent(&x, sio_emit(scenario_socket(&x, c), "during", ""));
    if (x.ok) {
        wire_text(w, "5");
        for (int i = 0; i < 7 && x.ok; i++) {
            scenario_step(&x, wire_read_frame(w) != NULL);
        }
    }
    wire_close(w);
    client_close(c);
    c = scenario_client(&x, SIO_POLLING);
    w = probe(&x, c);
    sio_socket_disconnect(scenario_socket(&x, c), true);
    harness_settle(&x.h);
    wire_close(w);
    client_close(c);
    return scenario_end(&x);
}

/* ---- servers that end ---- */

static void on_closed(sio_server *server, void *user) {
    struct scenario *x = user;
    assert_ptr_equal(server, x->h.server);
    x->h.closed = true;
}

static bool has_closed(void *arg) {
    const struct scenario *x = arg;
    return x->h.closed;
}

static void say_farewell(sio_socket *s, int reason, int cause, void *user) {
    (void)reason;
    (void)cause;
    (void)user;
    (void)sio_broadcast(sio_socket_ns(s), NULL, "farewell", "");
    (void)sio_emit(s, "farewell", "");
}

static void add_farewell(struct scenario *x) {
    assert_int_equal(sio_ns_on_disconnecting(x->root, say_farewell, NULL), 0);
}

static int closing_with_clients(void *user) {
    struct scenario x;
    struct client *c[4];
    (void)user;
    scenario_begin(&x, NULL, add_farewell);
    for (int i = 0; i < 4; i++) {
        c[i] = scenario_client(&x, i % 2 == 0 ? SIO_WEBSOCKET : SIO_POLLING);
        scenario_asked(&x, sio_emit_ack(scenario_socket(&x, c[i]),
                                        SIO_ACK(.fn = scenario_on_reply, .user = &x), "q", ""));
    }
    wire_get(c[1]->get, c[1]->path, "");
    scenario_asked(&x, sio_broadcast_ack(x.root, NULL, 5000, scenario_on_answers, &x, "q", ""));
    scenario_asked(&x, sio_ns_fetch(x.root, NULL, scenario_on_fetch, &x));
    assert_int_equal(sio_server_close(x.h.server, on_closed, &x), 0);
    harness_settle(&x.h);
    for (int i = 0; i < 4; i++) {
        client_close(c[i]);
    }
    scenario_relax(&x);
    assert_true(harness_wait(&x.h, has_closed, &x));
    return scenario_end_closed(&x);
}

/* ---- tests ---- */

SCENARIO_TEST(reset_handshakes)
SCENARIO_TEST(failed_upgrades)
SCENARIO_TEST(upgrades_with_a_queue)
SCENARIO_TEST(closing_with_clients)

int main(void) {
    static const struct CMUnitTest tests[] = {
        SCENARIO(resets),
        SCENARIO(decisions_and_resets),
        SCENARIO(clients_that_go_on),
        SCENARIO(disconnecting_all),
        SCENARIO(closing),
        SCENARIO(reset_handshakes),
        SCENARIO(failed_upgrades),
        SCENARIO(upgrades_with_a_queue),
        SCENARIO(closing_with_clients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
