/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The server with every allocation failing in turn, once and from then on: it may lose what the
 * allocation was for, a message or a connection; it does not crash or leak, keeps its promises
 * about callbacks, and serves the next client as soon as there is memory again.
 */
#include "support/scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sio/adapter.h>
#include <sio/error.h>

/* ---- scenarios ---- */

static void on_socket(sio_socket *s, void *user) {
    (void)s;
    (void)user;
}

static void on_event(sio_socket *s, sio_event *ev, void *user) {
    (void)s;
    (void)ev;
    (void)user;
}

static int register_some(sio_server *server) {
    sio_ns *ns = sio_server_ns(server, "/some");
    int r = ns != NULL ? sio_ns_on_connect(ns, on_socket, NULL) : SIO_ERR_NOMEM;
    if (r == 0) {
        r = sio_ns_on(ns, "one", on_event, NULL);
    }
    if (r == 0) {
        r = sio_ns_on(ns, "one", on_event, NULL);
    }
    for (int i = 0; i < 10 && r == 0; i++) {
        char name[24];
        (void)snprintf(name, sizeof name, "event %d", i);
        r = sio_ns_on(ns, name, on_event, NULL);
    }
    if (r == 0 && sio_server_ns_match(server, "^/room-[0-9]+$") == NULL) {
        r = SIO_ERR_NOMEM;
    }
    return r;
}

static int life(void *user) {
    struct harness h;
    (void)user;
    int r =
        harness_try_init(&h, SIO_SERVER_OPTIONS(.path = "/x", .initial_packet = "hi",
                                                .debug = "none", .cookie = SIO_COOKIE(.name = "io"),
                                                .cors = SIO_CORS(.origin = "http://a http://b"),
                                                .log_level = SIO_LOG_NONE));
    if (r < 0) {
        return r;
    }
    h.may_have_lost = scenario_may_fail;
    r = register_some(h.server);
    if (r == 0) {
        r = harness_try_listen(&h);
    }
    if (r == 0) {
        (void)http_get_status(&h, "/x/?EIO=4&transport=polling");
    }
    harness_done(&h);
    return r;
}

static int polling(void *user) {
    struct scenario x;
    (void)user;
    scenario_begin(&x, NULL, NULL);
    struct client *c = scenario_open(&x, SIO_POLLING);
    scenario_join(&x, c, "/");
    scenario_echo(&x, c);
    scenario_echo(&x, c);
    client_close(c);
    return scenario_end(&x);
}

static int websocket(void *user) {
    struct scenario x;
    (void)user;
    scenario_begin(&x, NULL, NULL);
    struct client *c = scenario_open(&x, SIO_WEBSOCKET);
    scenario_join(&x, c, "/");
    scenario_echo(&x, c);
    scenario_echo(&x, c);
    client_close(c);
    return scenario_end(&x);
}

static int upgrade(void *user) {
    struct scenario x;
    (void)user;
    scenario_begin(&x, NULL, NULL);
    struct client *c = scenario_client(&x, SIO_POLLING);
    if (x.ok) {
        scenario_step(&x, client_upgrade(c));
    }
    scenario_echo(&x, c);
    client_close(c);
    return scenario_end(&x);
}

static void ask(struct scenario *x, struct client *c, uint32_t timeout_ms) {
    sio_socket *s = scenario_socket(x, c);
    if (!x->ok || s == NULL) {
        return;
    }
    int r = sio_emit_ack(s, SIO_ACK(.fn = scenario_on_reply, .user = x, .timeout_ms = timeout_ms),
                         "q", "s", "why?");
    scenario_asked(x, r);
}

static int acknowledgements(void *user) {
    struct scenario x;
    (void)user;
    scenario_begin(&x, NULL, NULL);
    struct client *c = scenario_client(&x, SIO_WEBSOCKET);
    scenario_tell(&x, c, "427[\"echo\",\"x\"]");
    scenario_hear(&x, c, "437[\"x\"]");
    ask(&x, c, 5000);
    scenario_hear(&x, c, "420[\"q\"");
    scenario_tell(&x, c, "430[\"because\"]");
    ask(&x, c, 0); /* answered by the end of the connection */
    client_close(c);
    return scenario_end(&x);
}

static int binary(void *user) {
    struct scenario x;
    char bytes[3000];
    unsigned transport = *(const unsigned *)user;
    memset(bytes, 'b', sizeof bytes);
    scenario_begin(&x, NULL, NULL);
    struct client *c = scenario_client(&x, transport);
    scenario_tell(
        &x, c,
        "452-[\"echo\",{\"_placeholder\":true,\"num\":1},{\"x\":{\"_placeholder\":true,\"num\":0}}"
        "]");
    scenario_tell_binary(&x, c, bytes, sizeof bytes);
    scenario_tell_binary(&x, c, "second", 6);
    scenario_hear(&x, c, "452-[\"echo\",{\"_placeholder\":true,\"num\":");
    scenario_hear(&x, c, "");
    scenario_hear(&x, c, "");
    client_close(c);
    return scenario_end(&x);
}

static int broadcasts(void *user) {
    struct scenario x;
    struct client *c[3];
    (void)user;
    scenario_begin(&x, NULL, NULL);
    for (int i = 0; i < 3; i++) {
        c[i] = scenario_client(&x, i == 2 ? SIO_POLLING : SIO_WEBSOCKET);
        scenario_sent(
            &x, sio_socket_join(scenario_socket(&x, c[i]), SIO_ROOMS("a", "b", "c", "d", "e")));
    }
    scenario_sent(&x, sio_broadcast(x.root, SIO_TO(.rooms = SIO_ROOMS("a", "b")), "x", "sB", "text",
                                    "bytes", (size_t)5));
    for (int i = 0; i < 3; i++) {
        scenario_hear(&x, c[i], "451-[\"x\",\"text\"");
        scenario_hear(&x, c[i], "bytes");
    }
    scenario_sent(&x, sio_ns_leave(x.root, NULL, SIO_ROOMS("a")));
    scenario_sent(&x, sio_ns_join(x.root, SIO_TO(.except = SIO_ROOMS("a")), SIO_ROOMS("f")));
    scenario_sent(&x, sio_broadcast(x.root, SIO_TO(.rooms = SIO_ROOMS("f")), "y", ""));
    for (int i = 0; i < 3; i++) {
        scenario_hear(&x, c[i], "42[\"y\"]");
        client_close(c[i]);
    }
    return scenario_end(&x);
}

static int broadcast_acknowledgements(void *user) {
    struct scenario x;
    (void)user;
    scenario_begin(&x, NULL, NULL);
    struct client *a = scenario_client(&x, SIO_WEBSOCKET);
    struct client *b = scenario_client(&x, SIO_WEBSOCKET);
    scenario_asked(&x, sio_broadcast_ack(x.root, NULL, 5000, scenario_on_answers, &x, "q", ""));
    scenario_hear(&x, a, "420[\"q\"]");
    scenario_hear(&x, b, "420[\"q\"]");
    scenario_tell(&x, a, "430[\"yes\"]");
    scenario_tell(&x, b, "461-0[{\"_placeholder\":true,\"num\":0}]");
    scenario_tell_binary(&x, b, "bytes", 5);
    scenario_echo(&x, b);
    client_close(a);
    client_close(b);
    return scenario_end(&x);
}

static void decide_later(sio_socket *s, sio_next *next, void *user) {
    (void)sio_socket_auth(s);
    (void)sio_socket_set_data(s, "{s:i}", "n", 1);
    scenario_keep_next(user, next);
}

static void add_middleware(struct scenario *x) {
    sio_ns *ns = sio_server_ns(x->h.server, "/asked");
    assert_int_equal(sio_ns_use(ns, decide_later, x), 0);
    assert_int_equal(sio_ns_use(ns, decide_later, x), 0);
}

static int middlewares(void *user) {
    struct scenario x;
    (void)user;
    scenario_begin(&x, NULL, add_middleware);
    struct client *c = scenario_client(&x, SIO_WEBSOCKET);
    scenario_tell(&x, c, "40/asked,{\"token\":[\"t\"]}");
    sio_next_ok(scenario_decision(&x));
    sio_next_fail(scenario_decision(&x), "not you", "{\"code\":1}");
    scenario_hear(&x, c, "44/asked,{\"message\":\"not you\",\"data\":{\"code\":1}}");
    scenario_tell(&x, c, "40/asked,");
    sio_next_ok(scenario_decision(&x));
    sio_next_ok(scenario_decision(&x));
    scenario_hear(&x, c, "40/asked,{\"sid\":");
    client_close(c);
    return scenario_end(&x);
}

static void on_check(const char *name, const sio_val *auth, sio_next *next, void *user) {
    struct scenario *x = user;
    (void)auth;
    if (strcmp(name, "/later") == 0) {
        x->next = next;
    } else {
        sio_next_fail(next, NULL, NULL);
    }
}

static void add_parents(struct scenario *x) {
    sio_ns *check = sio_server_ns_check(x->h.server, on_check, x);
    sio_ns *match = sio_server_ns_match(x->h.server, "^/room-[0-9]+$");
    harness_echo(check);
    harness_echo(match);
}

static int dynamic_namespaces(void *user) {
    struct scenario x;
    (void)user;
    scenario_begin(&x,
                   SIO_SERVER_OPTIONS(.cleanup_empty_namespaces = true, .log_level = SIO_LOG_NONE),
                   add_parents);
    struct client *c = scenario_client(&x, SIO_WEBSOCKET);
    scenario_join(&x, c, "/room-1");
    scenario_tell(&x, c, "42/room-1,[\"echo\",1]");
    scenario_hear(&x, c, "42/room-1,[\"echo\",1]");
    scenario_tell(&x, c, "40/later,{\"a\":1}");
    sio_next_ok(scenario_decision(&x));
    scenario_hear(&x, c, "40/later,{\"sid\":");
    scenario_tell(&x, c, "40/none,");
    scenario_hear(&x, c, "44/none,{\"message\":\"Invalid namespace\"}");
    scenario_tell(&x, c, "41/room-1,");
    scenario_tell(&x, c, "41/later,");
    scenario_echo(&x, c);
    client_close(c);
    return scenario_end(&x);
}

static int disconnects(void *user) {
    struct scenario x;
    (void)user;
    scenario_begin(&x, NULL, NULL);
    struct client *a = scenario_client(&x, SIO_WEBSOCKET);
    struct client *b = scenario_client(&x, SIO_WEBSOCKET);
    struct client *p = scenario_client(&x, SIO_POLLING);
    sio_socket_disconnect(scenario_socket(&x, a), false);
    scenario_hear(&x, a, "41");
    scenario_join(&x, a, "/");
    sio_socket_disconnect(scenario_socket(&x, b), true);
    scenario_gone(&x, b);
    sio_socket_disconnect(scenario_socket(&x, p), true);
    scenario_gone(&x, p);
    scenario_tell(&x, a, "42{}"); /* a violation */
    scenario_gone(&x, a);
    client_close(a);
    client_close(b);
    client_close(p);
    return scenario_end(&x);
}

/* "42["echo","xxx.."]" */
static char *long_event(size_t len) {
    char *text = malloc(len + 1);
    assert_non_null(text);
    memset(text, 'x', len);
    memcpy(text, "42[\"echo\",\"", 11);
    memcpy(text + len - 2, "\"]", 3);
    return text;
}

static int long_messages(void *user) {
    struct scenario x;
    char *text = long_event(150000);
    (void)user;
    scenario_begin(&x, NULL, NULL);
    struct client *c = scenario_client(&x, SIO_WEBSOCKET);
    wire_frame(c->ws, 0x01, text, 70000);
    wire_frame(c->ws, 0x00, text + 70000, 70000);
    wire_frame(c->ws, 0x80, text + 140000, 10000);
    scenario_hear(&x, c, text);
    wire_pause(c->ws); /* and a queue of several kinds of output */
    for (int i = 0; i < 60 && x.ok; i++) {
        sio_socket *s = scenario_socket(&x, c);
        scenario_sent(&x, s != NULL ? sio_emit(s, "fill", "s", text) : SIO_ERR_CLOSED);
        scenario_sent(&x, sio_broadcast(x.root, NULL, "fill", "s", text));
    }
    wire_resume(c->ws);
    for (int i = 0; i < 120 && x.ok; i++) {
        scenario_hear(&x, c, "42[\"fill\",");
    }
    client_close(c);
    free(text);
    return scenario_end(&x);
}

static int compression(void *user) {
    struct scenario x;
    char *text = long_event(20000);
    (void)user;
    scenario_begin(&x, NULL, NULL);
    struct client *c = scenario_client(&x, SIO_POLLING);
    wire_get(c->get, c->path, "Accept-Encoding: gzip\r\n");
    scenario_sent(&x, sio_emit(scenario_socket(&x, c), "x", "s", text));
    scenario_answer(&x, c->get, 200);
    wire_get(c->get, c->path, "Accept-Encoding: deflate\r\n");
    if (x.ok) {
        scenario_sent(&x, sio_emit(scenario_socket(&x, c), "x", "s", text));
    }
    scenario_answer(&x, c->get, 200);
    client_close(c);
    free(text);
    return scenario_end(&x);
}

static void on_request(const sio_request *req, const void *body, size_t len, sio_response *res,
                       void *user) {
    struct scenario *x = user;
    char value[8];
    (void)body;
    (void)len;
    (void)sio_request_query(req, "a", value, sizeof value);
    (void)sio_request_address(req);
    if (strcmp(sio_request_url(req), "/later") == 0 && x->response == NULL) {
        x->response = res;
        return;
    }
    (void)sio_headers_set(sio_response_headers(res), "X-Test", "1");
    (void)sio_headers_add(sio_response_headers(res), "X-Test", "2");
    (void)sio_response_send(res, 200, "body", 4);
}

static void on_headers(sio_headers *headers, const sio_request *req, void *user) {
    (void)req;
    (void)user;
    (void)sio_headers_set(headers, "X-Hook", "1");
}

static void allow(const sio_request *req, sio_next *next, void *user) {
    char value[8];
    (void)user;
    if (sio_request_query(req, "refuse", value, sizeof value) >= 0) {
        sio_next_fail(next, "refused", NULL);
    } else {
        sio_next_ok(next);
    }
}

static void add_requests(struct scenario *x) {
    sio_server_on_request(x->h.server, on_request, x);
}

static bool is_unanswered(void *arg) {
    const struct scenario *x = arg;
    return x->response != NULL;
}

static int http(void *user) {
    struct scenario x;
    (void)user;
    scenario_begin(&x,
                   SIO_SERVER_OPTIONS(.log_level = SIO_LOG_NONE,
                                      .cors = SIO_CORS(.origin = "http://a http://b"),
                                      .cookie = SIO_COOKIE(.secure = true),
                                      .on_headers = on_headers, .allow_request = allow),
                   add_requests);
    struct wire *w = wire_open(&x.h);
    wire_get(w, "/now?a=b%20c", "");
    scenario_answer(&x, w, 200);
    wire_get(w, "/later", "");
    wire_get(w, "/now", "");
    scenario_until(&x, is_unanswered);
    if (x.response != NULL) {
        (void)sio_response_send(x.response, 200, "late", 4);
        x.response = NULL;
    }
    scenario_answer(&x, w, 200);
    scenario_answer(&x, w, 200);
    wire_puts(w, "POST /chunks HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    harness_turn(&x.h);
    wire_puts(w, "4\r\nabcd\r\n");
    harness_turn(&x.h);
    wire_puts(w, "2\r\nef\r\n0\r\n\r\n");
    scenario_answer(&x, w, 200);
    wire_puts(w, "OPTIONS /socket.io/ HTTP/1.1\r\nHost: a\r\nOrigin: http://b\r\n"
                 "Access-Control-Request-Headers: x\r\n\r\n");
    scenario_answer(&x, w, 204);
    wire_get(w, "/socket.io/?EIO=4&transport=polling&refuse=1", "Origin: http://b\r\n");
    scenario_answer(&x, w, 403);
    wire_get(w, "/socket.io/?EIO=4&transport=polling", "Origin: http://b\r\n");
    scenario_answer(&x, w, 200);
    wire_get(w, "/socket.io/?EIO=4&transport=none", "");
    scenario_answer(&x, w, 400);
    wire_close(w);
    return scenario_end(&x);
}

static void fetch(struct scenario *x) {
    int r = sio_ns_fetch(x->root, SIO_TO(.rooms = SIO_ROOMS("a"), .except = SIO_ROOMS("b")),
                         scenario_on_fetch, x);
    scenario_asked(x, r);
    r = sio_ns_local_fetch(x->root, NULL, scenario_on_fetch, x);
    scenario_asked(x, r);
}

static void on_posted(sio_server *server, void *arg) {
    struct scenario *x = arg;
    (void)server;
    x->told++;
}

static int on_packet(sio_socket *s, sio_event *ev, void *user) {
    (void)user;
    sio_ack_free(sio_event_take_ack(ev));
    return sio_socket_connected(s) ? 0 : -1;
}

static void add_watchers(struct scenario *x) {
    assert_int_equal(sio_ns_on_any_outgoing(x->root, on_event, NULL), 0);
    assert_int_equal(sio_ns_use_event(x->root, on_packet, NULL), 0);
    assert_int_equal(sio_ns_on_server(x->root, "node", on_event, NULL), 0);
}

static int the_rest(void *user) {
    struct scenario x;
    sio_msg *m = NULL;
    sio_packet_view view = {.json = "[\"node\",1]", .json_len = 10};
    (void)user;
    scenario_begin(&x, NULL, add_watchers);
    struct client *c = scenario_client(&x, SIO_WEBSOCKET);
    scenario_sent(&x, sio_socket_set_data(scenario_socket(&x, c), "{s:[iii]}", "x", 1, 2, 3));
    scenario_sent(&x, sio_ns_join(x.root, NULL, SIO_ROOMS("a", "c")));
    fetch(&x);
    int r = sio_server_post(x.h.server, on_posted, &x);
    scenario_asked(&x, r);
    scenario_sent(&x, sio_ns_local_broadcast(x.root, &view, NULL));
    scenario_sent(&x, sio_ns_local_server_event(x.root, &view, NULL, NULL));
    scenario_hear(&x, c, "42[\"node\",1]");
    scenario_sent(&x, sio_msg_new(&m, "m"));
    scenario_sent(&x, sio_msg_add_bytes(m, "bytes", 5));
    scenario_sent(&x, sio_emit_msg(scenario_socket(&x, c), 0, m));
    scenario_hear(&x, c, "451-[\"m\"");
    scenario_hear(&x, c, "bytes");
    sio_msg_unref(m);
    scenario_tell(&x, c, "429[\"taken\"]");
    scenario_echo(&x, c);
    client_close(c);
    return scenario_end(&x);
}

/* ---- tests ---- */

SCENARIO_TEST(life)
SCENARIO_TEST(polling)
SCENARIO_TEST(websocket)
SCENARIO_TEST(upgrade)
SCENARIO_TEST(acknowledgements)
SCENARIO_TEST(broadcasts)
SCENARIO_TEST(broadcast_acknowledgements)
SCENARIO_TEST(middlewares)
SCENARIO_TEST(dynamic_namespaces)
SCENARIO_TEST(disconnects)
SCENARIO_TEST(long_messages)
SCENARIO_TEST(compression)
SCENARIO_TEST(http)
SCENARIO_TEST(the_rest)

static void server_survives_binary(void **state) {
    static unsigned transports[] = {SIO_WEBSOCKET, SIO_POLLING};
    (void)state;
    torture_run(binary, &transports[0]);
    torture_run(binary, &transports[1]);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        SCENARIO(life),
        SCENARIO(polling),
        SCENARIO(websocket),
        SCENARIO(upgrade),
        SCENARIO(acknowledgements),
        SCENARIO(binary),
        SCENARIO(broadcasts),
        SCENARIO(broadcast_acknowledgements),
        SCENARIO(middlewares),
        SCENARIO(dynamic_namespaces),
        SCENARIO(disconnects),
        SCENARIO(long_messages),
        SCENARIO(compression),
        SCENARIO(http),
        SCENARIO(the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
