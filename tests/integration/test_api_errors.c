/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* What the functions of the API answer when they are misused: NULL, nonsense, and what is closed.
 */
#include "support/client.h"

#include <string.h>

#include <sio/adapter.h>
#include <sio/error.h>

/* ---- callbacks that are never called ---- */

static void no_socket(sio_socket *s, void *user) {
    (void)s;
    (void)user;
    fail();
}

static void no_event(sio_socket *s, sio_event *ev, void *user) {
    (void)s;
    (void)ev;
    (void)user;
    fail();
}

static void no_disconnect(sio_socket *s, int reason, int cause, void *user) {
    (void)s;
    (void)reason;
    (void)cause;
    (void)user;
    fail();
}

static void no_error(sio_socket *s, int status, const char *message, void *user) {
    (void)s;
    (void)status;
    (void)message;
    (void)user;
    fail();
}

static void no_middleware(sio_socket *s, sio_next *next, void *user) {
    (void)s;
    (void)next;
    (void)user;
    fail();
}

static int no_event_middleware(sio_socket *s, sio_event *ev, void *user) {
    (void)s;
    (void)ev;
    (void)user;
    fail();
    return 0;
}

static void no_ack(sio_socket *s, int status, sio_event *reply, void *user) {
    (void)s;
    (void)status;
    (void)reply;
    (void)user;
    fail();
}

static void no_answers(int status, const sio_answers *answers, void *user) {
    (void)status;
    (void)answers;
    (void)user;
    fail();
}

static void no_fetch(int status, const sio_socket_info *sockets, size_t count, void *user) {
    (void)status;
    (void)sockets;
    (void)count;
    (void)user;
    fail();
}

static void no_post(sio_server *server, void *arg) {
    (void)server;
    (void)arg;
    fail();
}

static void no_check(const char *name, const sio_val *auth, sio_next *next, void *user) {
    (void)name;
    (void)auth;
    (void)next;
    (void)user;
    fail();
}

static void no_answer(void *user, const sio_val *value) {
    (void)user;
    (void)value;
    fail();
}

/* ---- NULL ---- */

static void servers_may_be_null(void **state) {
    (void)state;
    sio_server *server = NULL;
    sio_stats stats = {.size = sizeof stats, .sessions = 7};
    uv_loop_t *loop = uv_default_loop();
    assert_int_equal(sio_server_new(NULL, NULL), SIO_ERR_INVALID);
    assert_int_equal(sio_server_listen(NULL, NULL, 0), SIO_ERR_INVALID);
    assert_int_equal(sio_server_port(NULL), 0);
    assert_int_equal(sio_server_run(NULL), SIO_ERR_INVALID);
    assert_int_equal(sio_server_close(NULL, NULL, NULL), SIO_ERR_INVALID);
    assert_int_equal(sio_server_post(NULL, no_post, NULL), SIO_ERR_INVALID);
    assert_int_equal(sio_server_attach_uv(NULL, loop), SIO_ERR_INVALID);
    assert_null(sio_server_ns(NULL, "/"));
    assert_null(sio_server_find_ns(NULL, "/"));
    assert_null(sio_server_ns_match(NULL, "x"));
    assert_null(sio_server_ns_check(NULL, no_check, NULL));
    sio_server_stats(NULL, &stats);
    assert_int_equal(stats.sessions, 7);
    sio_server_stop(NULL);
    sio_server_free(NULL);
    sio_server_on_request(NULL, NULL, NULL);
    sio_server_on_new_ns(NULL, NULL, NULL);

    assert_int_equal(sio_server_new(&server, NULL), 0);
    assert_int_equal(sio_server_attach_uv(server, NULL), SIO_ERR_INVALID);
    assert_int_equal(sio_server_post(server, NULL, NULL), SIO_ERR_INVALID);
    assert_null(sio_server_ns_match(server, NULL));
    assert_null(sio_server_ns_check(server, NULL, NULL));
    sio_server_stats(server, NULL);
    sio_server_free(server);
}

static void namespaces_may_be_null(void **state) {
    (void)state;
    assert_string_equal(sio_ns_name(NULL), "");
    assert_null(sio_ns_server(NULL));
    assert_int_equal(sio_ns_count(NULL), 0);
    assert_int_equal(sio_ns_room_count(NULL, "a"), 0);
    assert_null(sio_ns_find(NULL, "x"));
    assert_int_equal(sio_ns_on_connect(NULL, no_socket, NULL), SIO_ERR_INVALID);
    assert_int_equal(sio_ns_on_disconnecting(NULL, no_disconnect, NULL), SIO_ERR_INVALID);
    assert_int_equal(sio_ns_on_disconnect(NULL, no_disconnect, NULL), SIO_ERR_INVALID);
    assert_int_equal(sio_ns_on(NULL, "x", no_event, NULL), SIO_ERR_INVALID);
    assert_int_equal(sio_ns_on_any(NULL, no_event, NULL), SIO_ERR_INVALID);
    assert_int_equal(sio_ns_on_any_outgoing(NULL, no_event, NULL), SIO_ERR_INVALID);
    assert_int_equal(sio_ns_on_error(NULL, no_error, NULL), SIO_ERR_INVALID);
    assert_int_equal(sio_ns_on_drain(NULL, no_socket, NULL), SIO_ERR_INVALID);
    assert_int_equal(sio_ns_use(NULL, no_middleware, NULL), SIO_ERR_INVALID);
    assert_int_equal(sio_ns_use_event(NULL, no_event_middleware, NULL), SIO_ERR_INVALID);
    assert_int_equal(sio_ns_on_server(NULL, "x", no_event, NULL), SIO_ERR_INVALID);
    assert_int_equal(sio_broadcast(NULL, NULL, "x", ""), SIO_ERR_INVALID);
    assert_int_equal(sio_broadcast_msg(NULL, NULL, NULL), SIO_ERR_INVALID);
    assert_int_equal(sio_broadcast_ack(NULL, NULL, 1, no_answers, NULL, "x", ""), SIO_ERR_INVALID);
    assert_int_equal(sio_ns_fetch(NULL, NULL, no_fetch, NULL), SIO_ERR_INVALID);
    assert_int_equal(sio_ns_join(NULL, NULL, SIO_ROOMS("a")), SIO_ERR_INVALID);
    assert_int_equal(sio_ns_leave(NULL, NULL, SIO_ROOMS("a")), SIO_ERR_INVALID);
    assert_int_equal(sio_ns_disconnect(NULL, NULL, true), SIO_ERR_INVALID);
    assert_int_equal(sio_ns_server_emit(NULL, "x", ""), SIO_ERR_INVALID);
    assert_int_equal(sio_ns_server_emit_ack(NULL, 1, no_answers, NULL, "x", ""), SIO_ERR_INVALID);
    assert_int_equal(sio_answers_count(NULL), 0);
    assert_null(sio_answers_at(NULL, 0));
}

static void sockets_may_be_null(void **state) {
    (void)state;
    assert_string_equal(sio_socket_id(NULL), "");
    assert_null(sio_socket_ns(NULL));
    assert_false(sio_socket_connected(NULL));
    assert_string_equal(sio_socket_transport(NULL), "polling");
    assert_null(sio_socket_request(NULL));
    sio_socket_forget_request(NULL);
    assert_null(sio_socket_auth(NULL));
    assert_null(sio_socket_ref(NULL));
    sio_socket_unref(NULL);
    sio_socket_set_user(NULL, NULL, NULL);
    assert_null(sio_socket_user(NULL));
    assert_int_equal(sio_socket_set_data(NULL, "n"), SIO_ERR_INVALID);
    assert_string_equal(sio_socket_data(NULL), "{}");
    sio_socket_disconnect(NULL, true);
    assert_int_equal(sio_socket_join(NULL, SIO_ROOMS("a")), SIO_ERR_INVALID);
    sio_socket_leave(NULL, SIO_ROOMS("a"));
    assert_false(sio_socket_in(NULL, "a"));
    assert_int_equal(sio_socket_room_count(NULL), 0);
    assert_null(sio_socket_room(NULL, 0));
    assert_int_equal(sio_emit(NULL, "x", ""), SIO_ERR_INVALID);
    assert_int_equal(sio_emit_opt(NULL, 0, "x", ""), SIO_ERR_INVALID);
    assert_int_equal(sio_emit_msg(NULL, 0, NULL), SIO_ERR_INVALID);
    assert_int_equal(sio_emit_ack(NULL, SIO_ACK(.fn = no_ack), "x", ""), SIO_ERR_INVALID);
    assert_int_equal(sio_emit_ack_msg(NULL, SIO_ACK(.fn = no_ack), NULL), SIO_ERR_INVALID);
    assert_int_equal(sio_socket_pending_bytes(NULL), 0);
}

static void events_may_be_null(void **state) {
    (void)state;
    size_t len = 7;
    int x = 0;
    assert_string_equal(sio_event_name(NULL), "");
    assert_int_equal(sio_event_count(NULL), 0);
    assert_null(sio_event_arg(NULL, 0));
    assert_int_equal(sio_event_unpack(NULL, "i", &x), SIO_ERR_TYPE);
    assert_string_equal(sio_event_json(NULL, &len), "");
    assert_int_equal(len, 0);
    assert_false(sio_event_wants_ack(NULL));
    assert_int_equal(sio_event_reply(NULL, ""), SIO_ERR_INVALID);
    assert_null(sio_event_take_ack(NULL));
    assert_int_equal(sio_ack_reply(NULL, ""), 0);
    sio_ack_free(NULL);
    sio_next_ok(NULL);
    sio_next_fail(NULL, NULL, NULL);
}

static void requests_and_headers_may_be_null(void **state) {
    (void)state;
    char buffer[8];
    size_t cursor = 0;
    const char *name;
    const char *value;
    assert_string_equal(sio_request_method(NULL), "");
    assert_string_equal(sio_request_url(NULL), "");
    assert_int_equal(sio_request_query(NULL, "a", buffer, sizeof buffer), SIO_ERR_INVALID);
    assert_null(sio_request_header(NULL, "a"));
    assert_false(sio_request_next_header(NULL, &cursor, &name, &value));
    assert_string_equal(sio_request_address(NULL), "");
    assert_int_equal(sio_request_port(NULL), 0);
    assert_false(sio_request_secure(NULL));
    assert_false(sio_request_cross_domain(NULL));
    assert_int_equal(sio_request_issued_ms(NULL), 0);
    assert_int_equal(sio_headers_set(NULL, "a", "b"), SIO_ERR_INVALID);
    assert_int_equal(sio_headers_add(NULL, "a", "b"), SIO_ERR_INVALID);
    sio_headers_remove(NULL, "a");
    assert_null(sio_headers_get(NULL, "a"));
    assert_null(sio_response_headers(NULL));
    assert_int_equal(sio_response_send(NULL, 200, NULL, 0), SIO_ERR_INVALID);
}

static void adapters_may_pass_null(void **state) {
    (void)state;
    sio_packet_view view = {.json = "[\"x\"]", .json_len = 5};
    assert_int_equal(sio_ns_local_broadcast(NULL, &view, NULL), SIO_ERR_INVALID);
    assert_int_equal(sio_ns_local_broadcast_ack(NULL, &view, NULL, 1, no_answer, NULL, NULL),
                     SIO_ERR_INVALID);
    assert_int_equal(sio_ns_local_join(NULL, NULL, SIO_ROOMS("a")), SIO_ERR_INVALID);
    assert_int_equal(sio_ns_local_leave(NULL, NULL, SIO_ROOMS("a")), SIO_ERR_INVALID);
    assert_int_equal(sio_ns_local_disconnect(NULL, NULL, true), SIO_ERR_INVALID);
    assert_int_equal(sio_ns_local_fetch(NULL, NULL, no_fetch, NULL), SIO_ERR_INVALID);
    assert_int_equal(sio_ns_local_server_event(NULL, &view, NULL, NULL), SIO_ERR_INVALID);
    sio_request_expect(NULL, 1);
    assert_int_equal(sio_request_answer(NULL, &view), SIO_ERR_INVALID);
    assert_int_equal(sio_request_sockets(NULL, NULL, 0), SIO_ERR_INVALID);
    sio_request_done(NULL, 0);
}

/* ---- nonsense ---- */

static void arguments_are_checked(void **state) {
    (void)state;
    struct harness h;
    sio_packet_view view = {.json = "[\"x\"]", .json_len = 5};
    harness_init(&h, NULL);
    harness_listen(&h);
    sio_ns *root = harness_root(&h);
    struct client *c = client_join_root(&h);
    sio_socket *s = sio_ns_find(root, c->socket_sid);
    assert_non_null(s);
    assert_null(sio_ns_find(root, NULL));
    assert_null(sio_ns_find(root, "nobody"));
    assert_int_equal(sio_ns_room_count(root, NULL), 0);
    assert_int_equal(sio_socket_join(s, NULL), SIO_ERR_INVALID);
    sio_socket_leave(s, NULL);
    assert_false(sio_socket_in(s, NULL));
    assert_int_equal(sio_emit(s, NULL, ""), SIO_ERR_INVALID);
    assert_int_equal(sio_emit(s, "x", NULL), SIO_ERR_INVALID);
    assert_int_equal(sio_emit(s, "x", "q"), SIO_ERR_FORMAT);
    assert_int_equal(sio_emit(s, "x", "{i}", 1), SIO_ERR_FORMAT);
    assert_int_equal(sio_emit(s, "x", "s", "\xff"), SIO_ERR_INVALID);
    assert_int_equal(sio_emit(s, "\xff", ""), SIO_ERR_INVALID);
    assert_int_equal(sio_emit(s, "x", "r", "{"), SIO_ERR_JSON);
    assert_int_equal(sio_emit_msg(s, 0, NULL), SIO_ERR_INVALID);
    assert_int_equal(sio_emit_ack(s, NULL, "x", ""), SIO_ERR_INVALID);
    assert_int_equal(sio_emit_ack(s, SIO_ACK(.user = s), "x", ""), SIO_ERR_INVALID);
    assert_int_equal(sio_emit_ack(s, SIO_ACK(.fn = no_ack), "x", "q"), SIO_ERR_FORMAT);
    assert_int_equal(sio_emit_ack_msg(s, SIO_ACK(.fn = no_ack), NULL), SIO_ERR_INVALID);
    assert_int_equal(sio_broadcast(root, NULL, NULL, ""), SIO_ERR_INVALID);
    assert_int_equal(sio_broadcast(root, NULL, "x", NULL), SIO_ERR_INVALID);
    assert_int_equal(sio_broadcast(root, NULL, "x", "q"), SIO_ERR_FORMAT);
    assert_int_equal(sio_broadcast_msg(root, NULL, NULL), SIO_ERR_INVALID);
    assert_int_equal(sio_broadcast_ack(root, NULL, 0, no_answers, NULL, "x", ""), SIO_ERR_INVALID);
    assert_int_equal(sio_broadcast_ack(root, NULL, 10, NULL, NULL, "x", ""), SIO_ERR_INVALID);
    assert_int_equal(sio_broadcast_ack(root, NULL, 10, no_answers, NULL, "x", "q"), SIO_ERR_FORMAT);
    assert_int_equal(sio_ns_fetch(root, NULL, NULL, NULL), SIO_ERR_INVALID);
    assert_int_equal(sio_ns_join(root, NULL, NULL), SIO_ERR_INVALID);
    assert_int_equal(sio_ns_leave(root, NULL, NULL), SIO_ERR_INVALID);
    assert_int_equal(sio_ns_local_broadcast(root, NULL, NULL), SIO_ERR_INVALID);
    assert_int_equal(sio_ns_local_broadcast_ack(root, &view, NULL, 0, no_answer, NULL, NULL),
                     SIO_ERR_INVALID);
    assert_int_equal(sio_ns_local_broadcast_ack(root, &view, NULL, 5, NULL, NULL, NULL),
                     SIO_ERR_INVALID);
    assert_int_equal(sio_ns_local_server_event(root, NULL, NULL, NULL), SIO_ERR_INVALID);
    view.json = "[";
    view.json_len = 1;
    assert_int_equal(sio_ns_local_server_event(root, &view, NULL, NULL), SIO_ERR_JSON);
    view.json = "{}";
    view.json_len = 2;
    assert_int_equal(sio_ns_local_server_event(root, &view, NULL, NULL), SIO_ERR_JSON);
    /* Nothing of all that has reached the client. */
    assert_int_equal(sio_emit(s, "end", ""), 0);
    client_expect(c, "42[\"end\"]");
    client_close(c);
    harness_done(&h);
}

static void reserved_names_are_refused(void **state) {
    (void)state;
    static const char *const names[] = {"connect",       "connect_error", "disconnect",
                                        "disconnecting", "newListener",   "removeListener"};
    static const char *const between_nodes[] = {"connect", "connection", "new_namespace"};
    struct harness h;
    harness_init(&h, NULL);
    sio_ns *root = harness_root(&h);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        sio_msg *m = NULL;
        assert_int_equal(sio_ns_on(root, names[i], no_event, NULL), SIO_ERR_INVALID);
        assert_int_equal(sio_broadcast(root, NULL, names[i], ""), SIO_ERR_RESERVED);
        assert_int_equal(sio_broadcast_ack(root, NULL, 5, no_answers, NULL, names[i], ""),
                         SIO_ERR_RESERVED);
        assert_int_equal(sio_msg_new(&m, names[i]), SIO_ERR_RESERVED);
        sio_msg_unref(m);
    }
    for (size_t i = 0; i < sizeof between_nodes / sizeof between_nodes[0]; i++) {
        assert_int_equal(sio_ns_server_emit(root, between_nodes[i], ""), SIO_ERR_RESERVED);
    }
    assert_int_equal(sio_ns_server_emit(root, "x", ""), SIO_ERR_UNSUPPORTED);
    assert_int_equal(sio_ns_server_emit_ack(root, 5, no_answers, NULL, "x", ""),
                     SIO_ERR_UNSUPPORTED);
    assert_int_equal(sio_ns_server_emit_ack(root, 0, no_answers, NULL, "x", ""), SIO_ERR_INVALID);
    assert_int_equal(sio_ns_on(root, NULL, no_event, NULL), SIO_ERR_INVALID);
    assert_int_equal(sio_ns_on(root, "x", NULL, NULL), SIO_ERR_INVALID);
    assert_int_equal(sio_ns_on_connect(root, NULL, NULL), SIO_ERR_INVALID);
    assert_int_equal(sio_ns_use(root, NULL, NULL), SIO_ERR_INVALID);
    assert_int_equal(sio_ns_use_event(root, NULL, NULL), SIO_ERR_INVALID);
    assert_int_equal(sio_ns_on_server(root, NULL, no_event, NULL), SIO_ERR_INVALID);
    harness_done(&h);
}

static void malformed_patterns_are_told(void **state) {
    (void)state;
    struct harness h;
    harness_init(&h, NULL);
    assert_null(sio_server_ns_match(h.server, "^/room-("));
    assert_true(harness_logged(&h, "error socket.io:parent-namespace pattern \"^/room-(\""));
    assert_non_null(sio_server_ns_match(h.server, "^/room-[0-9]+$"));
    harness_done(&h);
}

/* ---- what is closed ---- */

static void handlers_are_fixed_once_the_server_runs(void **state) {
    (void)state;
    struct harness h;
    harness_init(&h, NULL);
    harness_listen(&h);
    sio_ns *root = harness_root(&h);
    assert_int_equal(sio_ns_on(root, "early", no_event, NULL), 0);
    struct client *c = client_join_root(&h);
    assert_int_equal(sio_ns_on(root, "late", no_event, NULL), SIO_ERR_STATE);
    assert_int_equal(sio_ns_on_any(root, no_event, NULL), SIO_ERR_STATE);
    assert_int_equal(sio_ns_on_connect(root, no_socket, NULL), SIO_ERR_STATE);
    assert_int_equal(sio_ns_use(root, no_middleware, NULL), SIO_ERR_STATE);
    assert_int_equal(sio_ns_use_event(root, no_event_middleware, NULL), SIO_ERR_STATE);
    assert_int_equal(sio_ns_on_server(root, "late", no_event, NULL), SIO_ERR_STATE);
    assert_null(sio_server_ns_match(h.server, "^/x$"));
    assert_null(sio_server_ns_check(h.server, no_check, NULL));
    assert_non_null(sio_server_ns(h.server, "/later")); /* namespaces may come */
    assert_int_equal(sio_server_attach_uv(h.server, &h.loop), SIO_ERR_STATE);
    assert_int_equal(sio_server_run(h.server), SIO_ERR_STATE); /* it is on our loop */
    client_close(c);
    harness_done(&h);
}

static void sockets_that_are_gone_say_so(void **state) {
    (void)state;
    struct harness h;
    sio_msg *m = NULL;
    harness_init(&h, NULL);
    harness_observe(&h, harness_root(&h));
    harness_listen(&h);
    struct client *c = client_join_root(&h);
    sio_socket *s = sio_socket_ref(sio_ns_find(harness_root(&h), c->socket_sid));
    assert_int_equal(sio_socket_join(s, SIO_ROOMS("a")), 0);
    client_close(c);
    harness_wait_count(&h, &h.seen.disconnects, 1);
    assert_int_equal(sio_msg_new(&m, "x"), 0);
    assert_false(sio_socket_connected(s));
    assert_int_equal(strlen(sio_socket_id(s)), 20);
    assert_ptr_equal(sio_socket_ns(s), harness_root(&h));
    assert_int_equal(sio_emit(s, "x", ""), SIO_ERR_CLOSED);
    assert_int_equal(sio_emit_opt(s, SIO_VOLATILE, "x", ""), SIO_ERR_CLOSED);
    assert_int_equal(sio_emit_msg(s, 0, m), SIO_ERR_CLOSED);
    assert_int_equal(sio_emit_ack(s, SIO_ACK(.fn = no_ack), "x", ""), SIO_ERR_CLOSED);
    assert_int_equal(sio_emit_ack_msg(s, SIO_ACK(.fn = no_ack), m), SIO_ERR_CLOSED);
    assert_int_equal(sio_socket_join(s, SIO_ROOMS("b")), SIO_ERR_CLOSED);
    sio_socket_leave(s, SIO_ROOMS("a"));
    assert_false(sio_socket_in(s, "a"));
    assert_false(sio_socket_in(s, sio_socket_id(s)));
    assert_int_equal(sio_socket_room_count(s), 0);
    assert_null(sio_socket_room(s, 0));
    assert_null(sio_socket_request(s));
    sio_socket_forget_request(s);
    sio_socket_disconnect(s, true);
    assert_int_equal(sio_socket_pending_bytes(s), 0);
    assert_int_equal(sio_broadcast(harness_root(&h), SIO_TO(.but = s), "x", ""), 0);
    assert_null(sio_ns_find(harness_root(&h), sio_socket_id(s)));
    sio_msg_unref(m);
    sio_socket_unref(s);
    harness_done(&h);
}

static void servers_that_are_closed_say_so(void **state) {
    (void)state;
    struct harness h;
    harness_init(&h, NULL);
    assert_int_equal(sio_server_close(h.server, NULL, NULL), 0);
    assert_int_equal(sio_server_close(h.server, NULL, NULL), SIO_ERR_STATE);
    assert_int_equal(sio_server_listen(h.server, "127.0.0.1", 0), SIO_ERR_STATE);
    assert_int_equal(sio_server_post(h.server, no_post, NULL), SIO_ERR_CLOSED);
    assert_int_equal(sio_server_attach_uv(h.server, &h.loop), SIO_ERR_STATE);
    harness_settle(&h);
    assert_int_equal(sio_server_close(h.server, NULL, NULL), SIO_ERR_STATE);
    assert_int_equal(sio_server_run(h.server), SIO_ERR_STATE);
    assert_int_equal(sio_server_port(h.server), 0);
    harness_done(&h);
}

static void addresses_that_cannot_be_had_are_told(void **state) {
    (void)state;
    struct harness h;
    harness_init(&h, NULL);
    harness_listen(&h);
    assert_int_equal(sio_server_listen(h.server, "127.0.0.1", h.port), UV_EADDRINUSE);
    assert_int_equal(sio_server_listen(h.server, "203.0.113.7", 0), UV_EADDRNOTAVAIL);
    assert_int_equal(sio_server_listen(h.server, "no such host", 0), UV_EAI_NONAME);
    assert_int_equal(sio_server_listen(h.server, "127.0.0.1", 0), 0); /* a second one */
    assert_int_equal(sio_server_port(h.server), h.port);
    assert_int_equal(http_get_status(&h, "/"), 404);
    harness_done(&h);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers_may_be_null),
        cmocka_unit_test(namespaces_may_be_null),
        cmocka_unit_test(sockets_may_be_null),
        cmocka_unit_test(events_may_be_null),
        cmocka_unit_test(requests_and_headers_may_be_null),
        cmocka_unit_test(adapters_may_pass_null),
        cmocka_unit_test(arguments_are_checked),
        cmocka_unit_test(reserved_names_are_refused),
        cmocka_unit_test(malformed_patterns_are_told),
        cmocka_unit_test(handlers_are_fixed_once_the_server_runs),
        cmocka_unit_test(sockets_that_are_gone_say_so),
        cmocka_unit_test(servers_that_are_closed_say_so),
        cmocka_unit_test(addresses_that_cannot_be_had_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
