/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "support/scenes.h"

#include <sio/error.h>
#include <stdlib.h>
#include <string.h>

static void keep_middleware(sio_socket *s, sio_next *next, void *user) {
    struct scene *scene = user;
    (void)s;
    scene->next = next;
}

static void keep_check(const char *name, const sio_val *auth, sio_next *next, void *user) {
    struct scene *scene = user;
    (void)name;
    (void)auth;
    scene->next = next;
}

static void keep_allow(const sio_request *req, sio_next *next, void *user) {
    struct scene *scene = user;
    if (sio_request_header(req, "x-wait") != NULL) {
        scene->next = next;
    } else {
        sio_next_ok(next);
    }
}

static void keep_request(const sio_request *req, const void *body, size_t len, sio_response *res,
                         void *user) {
    struct scene *scene = user;
    (void)req;
    (void)body;
    (void)len;
    scene->res = res;
}

static void keep_ack(sio_socket *s, sio_event *ev, void *user) {
    struct scene *scene = user;
    (void)s;
    scene->ack = sio_event_take_ack(ev);
}

static bool has_next(void *arg) {
    return ((struct scene *)arg)->next != NULL;
}

static bool has_response(void *arg) {
    return ((struct scene *)arg)->res != NULL;
}

static bool has_ack(void *arg) {
    return ((struct scene *)arg)->ack != NULL;
}

static void nothing(struct scene *scene) {
    (void)scene;
}

static void a_silent_connection(struct scene *scene) {
    scene->w = wire_open(&scene->h);
    harness_turn(&scene->h);
}

static void half_a_head(struct scene *scene) {
    scene->w = wire_open(&scene->h);
    wire_puts(scene->w, "GET /socket.io/?EIO=4&transport=pol");
    harness_turn(&scene->h);
}

static void half_a_body(struct scene *scene) {
    scene->c = client_open(&scene->h, SIO_POLLING);
    scene->w = wire_open(&scene->h);
    wire_printf(scene->w, "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n40",
                scene->c->path);
    harness_turn(&scene->h);
}

void scene_waiting_get(struct scene *scene) {
    scene->c = client_open(&scene->h, SIO_POLLING);
    wire_get(scene->c->get, scene->c->path, "");
    scene->c->asking++;
    harness_turn(&scene->h);
}

static void no_waiting_get(struct scene *scene) {
    scene->c = client_open(&scene->h, SIO_POLLING);
    client_join(scene->c, "/");
}

void scene_websocket(struct scene *scene) {
    scene->c = client_join_root(&scene->h);
}

static void half_a_frame(struct scene *scene) {
    scene->c = client_join_root(&scene->h);
    wire_send(scene->c->ws, "\x81\xff\0\0", 4);
    harness_turn(&scene->h);
}

static void a_probing_websocket(struct scene *scene) {
    scene->c = client_open(&scene->h, SIO_POLLING);
    scene->w = wire_open(&scene->h);
    char path[160];
    (void)snprintf(path, sizeof path, "/socket.io/?EIO=4&transport=websocket&sid=%s",
                   scene->c->sid);
    wire_upgrade_request(scene->w, path, "");
    assert_int_equal(wire_response(scene->w)->status, 101);
    wire_text(scene->w, "2probe");
    assert_non_null(wire_read_frame(scene->w));
}

/* The server has sent its Close frame, and gets none back. */
static void a_closing_websocket(struct scene *scene) {
    scene->c = client_join_root(&scene->h);
    sio_socket *s = sio_ns_find(harness_root(&scene->h), scene->c->socket_sid);
    assert_non_null(s);
    wire_pause(scene->c->ws);
    sio_socket_disconnect(s, true);
    harness_turn(&scene->h);
}

static void a_closing_polling_session(struct scene *scene) {
    no_waiting_get(scene);
    sio_socket_disconnect(sio_ns_find(harness_root(&scene->h), scene->c->socket_sid), true);
    harness_turn(&scene->h);
}

static void a_pending_handshake(struct scene *scene) {
    scene->w = wire_open(&scene->h);
    wire_get(scene->w, "/socket.io/?EIO=4&transport=polling", "X-Wait: yes\r\n");
    assert_true(harness_wait(&scene->h, has_next, scene));
}

static void a_pending_websocket_handshake(struct scene *scene) {
    scene->w = wire_open(&scene->h);
    wire_upgrade_request(scene->w, "/socket.io/?EIO=4&transport=websocket", "X-Wait: yes\r\n");
    wire_text(scene->w, "40");
    assert_true(harness_wait(&scene->h, has_next, scene));
}

static void a_pending_middleware(struct scene *scene) {
    scene->c = client_open(&scene->h, SIO_WEBSOCKET);
    assert_true(client_send(scene->c, "40/slow,"));
    assert_true(harness_wait(&scene->h, has_next, scene));
}

static void a_pending_namespace(struct scene *scene) {
    scene->c = client_open(&scene->h, SIO_WEBSOCKET);
    assert_true(client_send(scene->c, "40/made,"));
    assert_true(harness_wait(&scene->h, has_next, scene));
}

static void a_pending_answer(struct scene *scene) {
    scene->w = wire_open(&scene->h);
    wire_get(scene->w, "/app", "");
    assert_true(harness_wait(&scene->h, has_response, scene));
}

static void a_pending_acknowledgement(struct scene *scene) {
    scene->c = client_join_root(&scene->h);
    assert_true(client_send(scene->c, "421[\"keep\"]"));
    assert_true(harness_wait(&scene->h, has_ack, scene));
}

static void unread_output(struct scene *scene) {
    scene->c = client_join_root(&scene->h);
    wire_pause(scene->c->ws);
    sio_socket *s = sio_ns_find(harness_root(&scene->h), scene->c->socket_sid);
    char *text = calloc(1, 100001);
    assert_non_null(text);
    memset(text, 'x', 100000);
    for (int i = 0; i < 200; i++) {
        assert_true(sio_emit(s, "big", "s", text) >= 0);
    }
    free(text);
    harness_turn(&scene->h);
}

static const struct {
    const char *name;
    void (*play)(struct scene *scene);
} scenes[] = {{"nothing", nothing},
              {"a silent connection", a_silent_connection},
              {"half a head", half_a_head},
              {"half a body", half_a_body},
              {"a waiting GET", scene_waiting_get},
              {"no waiting GET", no_waiting_get},
              {"a WebSocket", scene_websocket},
              {"half a frame", half_a_frame},
              {"a probing WebSocket", a_probing_websocket},
              {"a closing WebSocket", a_closing_websocket},
              {"a closing polling session", a_closing_polling_session},
              {"a pending handshake", a_pending_handshake},
              {"a pending WebSocket handshake", a_pending_websocket_handshake},
              {"a pending middleware", a_pending_middleware},
              {"a pending namespace", a_pending_namespace},
              {"a pending answer", a_pending_answer},
              {"a pending acknowledgement", a_pending_acknowledgement},
              {"unread output", unread_output}};

size_t scene_count(void) {
    return sizeof scenes / sizeof scenes[0];
}

const char *scene_name(size_t i) {
    return scenes[i].name;
}

void scene_play(struct scene *scene, size_t i) {
    scenes[i].play(scene);
}

void scene_begin(struct scene *scene) {
    scene_begin_with_ping(scene, 300);
}

void scene_begin_with_ping(struct scene *scene, uint32_t ping_ms) {
    *scene = (struct scene){0};
    harness_init(&scene->h,
                 SIO_SERVER_OPTIONS(.allow_request = keep_allow, .allow_request_user = scene,
                                    .ping_interval_ms = ping_ms, .ping_timeout_ms = ping_ms));
    sio_server *server = scene->h.server;
    sio_ns *root = harness_root(&scene->h);
    harness_echo(root);
    harness_observe(&scene->h, root);
    assert_int_equal(sio_ns_on(root, "keep", keep_ack, scene), 0);
    assert_int_equal(sio_ns_use(sio_server_ns(server, "/slow"), keep_middleware, scene), 0);
    assert_non_null(sio_server_ns_check(server, keep_check, scene));
    sio_server_on_request(server, keep_request, scene);
    harness_listen(&scene->h);
}

void scene_give_back(struct scene *scene) {
    sio_next_ok(scene->next);
    sio_ack_free(scene->ack);
    if (scene->res != NULL) {
        assert_int_equal(sio_response_send(scene->res, 200, "late", 4), SIO_ERR_CLOSED);
    }
}

void scene_leave(struct scene *scene) {
    harness_settle(&scene->h);
    client_close(scene->c);
    wire_close(scene->w);
    scene->c = NULL;
    scene->w = NULL;
}

void scene_end(struct scene *scene) {
    client_close(scene->c);
    wire_close(scene->w);
    harness_done(&scene->h);
}
