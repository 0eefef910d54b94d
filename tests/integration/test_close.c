/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* Closing and freeing a server: in every state that connections can be in, from everywhere, in any order. */
#include "support/client.h"

#include <sio/error.h>
#include <stdlib.h>
#include <string.h>

/* ---- what connections may be doing ---- */

struct scene {
    struct harness h;
    struct client *c;
    struct wire *w;
    sio_next *next;     /* a decision that waits */
    sio_response *res;  /* an answer that waits */
    sio_ack *ack;       /* an acknowledgement that waits */
};

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

static void keep_request(const sio_request *req, const void *body, size_t len, sio_response *res, void *user) {
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
    wire_printf(scene->w, "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n40", scene->c->path);
    harness_turn(&scene->h);
}

static void a_waiting_get(struct scene *scene) {
    scene->c = client_open(&scene->h, SIO_POLLING);
    wire_get(scene->c->get, scene->c->path, "");
    scene->c->asking++;
    harness_turn(&scene->h);
}

static void no_waiting_get(struct scene *scene) {
    scene->c = client_open(&scene->h, SIO_POLLING);
    client_join(scene->c, "/");
}

static void a_websocket(struct scene *scene) {
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
    (void)snprintf(path, sizeof path, "/socket.io/?EIO=4&transport=websocket&sid=%s", scene->c->sid);
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
              {"a waiting GET", a_waiting_get},
              {"no waiting GET", no_waiting_get},
              {"a WebSocket", a_websocket},
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

#define SCENE_COUNT (sizeof scenes / sizeof scenes[0])

static void begin(struct scene *scene) {
    *scene = (struct scene){0};
    harness_init(&scene->h, SIO_SERVER_OPTIONS(.allow_request = keep_allow, .allow_request_user = scene));
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

static void give_back(struct scene *scene) {
    sio_next_ok(scene->next);
    sio_ack_free(scene->ack);
    if (scene->res != NULL) {
        assert_int_equal(sio_response_send(scene->res, 200, "late", 4), SIO_ERR_CLOSED);
    }
}

static void end(struct scene *scene) {
    client_close(scene->c);
    wire_close(scene->w);
    harness_done(&scene->h);
}

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
    for (size_t i = 0; i < SCENE_COUNT; i++) {
        print_message("closing with %s\n", scenes[i].name);
        struct scene scene;
        bool closed = false;
        begin(&scene);
        scenes[i].play(&scene);
        assert_int_equal(sio_server_close(scene.h.server, set_closed, &closed), 0);
        assert_int_equal(sio_server_close(scene.h.server, set_closed, &closed), SIO_ERR_STATE);
        assert_true(harness_wait(&scene.h, is_closed, &closed));
        give_back(&scene);
        assert_int_equal(sio_server_close(scene.h.server, NULL, NULL), SIO_ERR_STATE);
        assert_int_equal(scene.h.seen.connects, scene.h.seen.disconnects);
        end(&scene);
    }
}

/* What waits is decided between the order to close and its end. */
static void decisions_during_closing_have_no_effect(void **state) {
    (void)state;
    for (size_t i = 0; i < SCENE_COUNT; i++) {
        struct scene scene;
        bool closed = false;
        begin(&scene);
        scenes[i].play(&scene);
        assert_int_equal(sio_server_close(scene.h.server, set_closed, &closed), 0);
        sio_next_ok(scene.next);
        sio_ack_free(scene.ack);
        if (scene.res != NULL) { /* its connection is still there */
            assert_int_equal(sio_response_send(scene.res, 200, "just in time", 12), 0);
        }
        assert_true(harness_wait(&scene.h, is_closed, &closed));
        assert_int_equal(scene.h.seen.connects, scene.h.seen.disconnects);
        end(&scene);
    }
}

static void peers_that_never_close_do_not_hold_it_up(void **state) {
    (void)state;
    struct scene scene;
    bool closed = false;
    begin(&scene);
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
    end(&scene);
}

static void waiting_gets_are_told(void **state) {
    (void)state;
    struct scene scene;
    begin(&scene);
    a_waiting_get(&scene);
    harness_close(&scene.h);
    const struct packet *p = client_receive(scene.c);
    assert_non_null(p);
    assert_string_equal(p->data, "1");
    end(&scene);
}

static void many_clients_are_closed_at_once(void **state) {
    (void)state;
    enum { COUNT = 300 };
    struct scene scene;
    begin(&scene);
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
    end(&scene);
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

static void close_in_request(const sio_request *req, const void *body, size_t len, sio_response *res, void *user) {
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
    PLACE_CONNECT, PLACE_EVENT, PLACE_ACK, PLACE_DISCONNECT, PLACE_MIDDLEWARE, PLACE_ALLOW, PLACE_HEADERS, PLACE_ID,
    PLACE_REFUSAL, PLACE_REQUEST, PLACE_NEW_NS, PLACE_POST, PLACE_COUNT
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
            (void)client_send(c, place == PLACE_ACK ? "421[\"close\"]" : "42[\"close\"]\x1e" "2");
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
    for (size_t i = 0; i < SCENE_COUNT; i++) {
        struct scene scene;
        begin(&scene);
        scenes[i].play(&scene);
        sio_next_fail(scene.next, "no", NULL);
        sio_ack_free(scene.ack);
        if (scene.res != NULL) {
            assert_int_equal(sio_response_send(scene.res, 204, "not sent", 8), 0);
        }
        sio_server_free(scene.h.server);
        scene.h.server = NULL; /* it is freed by the loop */
        while (uv_loop_alive(&scene.h.loop)) {
            uv_run(&scene.h.loop, UV_RUN_ONCE);
        }
        end(&scene);
    }
}

static void servers_are_freed_when_they_have_closed(void **state) {
    (void)state;
    struct scene scene;
    bool freed = false;
    begin(&scene);
    a_websocket(&scene);
    assert_int_equal(sio_server_close(scene.h.server, free_in_callback, &freed), 0);
    assert_true(harness_wait(&scene.h, is_closed, &freed));
    scene.h.server = NULL;
    end(&scene);
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
