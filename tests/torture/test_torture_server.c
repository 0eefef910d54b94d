/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The server with every allocation failing in turn, once and from then on: it may lose what the
 * allocation was for, a message or a connection; it does not crash or leak, keeps its promises
 * about callbacks, and serves the next client as soon as there is memory again.
 */
#include "support/client.h"
#include "support/torture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sio/adapter.h>
#include <sio/error.h>

struct scenario {
    struct harness h;
    sio_ns *root;
    bool ok;        /* everything has worked so far */
    sio_next *next; /* decision that a callback left open */
    sio_response *response;
    size_t asked; /* questions whose callback is due, and */
    size_t told;  /* those that came */
};

static bool was_refused(void) {
    return torture_refused() > 0;
}

/* ---- the parts that are not tortured ---- */

/* Starts a server; what `add` registers is there before it listens. */
static void begin(struct scenario *x, const sio_server_options *options,
                  void (*add)(struct scenario *x)) {
    torture_suspend(true);
    *x = (struct scenario){.ok = true};
    harness_init(&x->h, options != NULL ? options : SIO_SERVER_OPTIONS(.log_level = SIO_LOG_NONE));
    x->root = harness_root(&x->h);
    harness_echo(x->root);
    if (add != NULL) {
        add(x);
    }
    harness_listen(&x->h);
    x->h.may_have_lost = was_refused;
    torture_suspend(false);
}

/* The server still works, and has nothing left of what was done before. */
static int end(struct scenario *x) {
    torture_suspend(true);
    x->h.may_have_lost = NULL;
    struct client *ws = client_join_root(&x->h);
    struct client *polling = client_open(&x->h, SIO_POLLING);
    client_join(polling, "/");
    client_expect_alive(ws);
    client_expect_alive(polling);
    client_close(ws);
    client_close(polling);
    /* What callbacks have left open, and the scenario did not come to. */
    sio_next_ok(x->next);
    if (x->response != NULL) {
        (void)sio_response_send(x->response, 200, NULL, 0);
    }
    harness_done(&x->h);
    assert_int_equal(x->told, x->asked);
    torture_suspend(false);
    return x->ok ? 0 : SIO_ERR_NOMEM;
}

/* A client that is connected before the failures begin. */
static struct client *ready_client(struct scenario *x, unsigned transport) {
    torture_suspend(true);
    x->h.may_have_lost = NULL;
    struct client *c = client_open(&x->h, transport);
    client_join(c, "/");
    x->h.may_have_lost = was_refused;
    torture_suspend(false);
    return c;
}

static sio_socket *socket_of(const struct scenario *x, const struct client *c) {
    return sio_ns_find(x->root, c->socket_sid);
}

/* ---- steps: done as long as everything has worked ---- */

static void step(struct scenario *x, bool worked) {
    x->ok = x->ok && worked;
}

static void sent(struct scenario *x, int r) {
    step(x, r >= 0);
}

static void tell(struct scenario *x, struct client *c, const char *packet) {
    if (x->ok) {
        step(x, client_send(c, packet));
    }
}

/* The next packet begins with this text. */
static void hear(struct scenario *x, struct client *c, const char *text) {
    if (x->ok) {
        const struct packet *p = client_receive(c);
        step(x, p != NULL && strncmp(p->data, text, strlen(text)) == 0);
    }
}

static struct client *open_client(struct scenario *x, unsigned transport) {
    struct client *c = x->ok ? client_try_open(&x->h, transport, "") : NULL;
    step(x, c != NULL);
    return c;
}

static void join(struct scenario *x, struct client *c, const char *nsp) {
    if (x->ok) {
        step(x, client_try_join(c, nsp));
    }
}

static void echo(struct scenario *x, struct client *c) {
    tell(x, c, "42[\"echo\",{\"a\":[1,2.5,null,true,\"text\"]}]");
    hear(x, c, "42[\"echo\",{\"a\":[1,2.5,null,true,\"text\"]}]");
}

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
    h.may_have_lost = was_refused;
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
    begin(&x, NULL, NULL);
    struct client *c = open_client(&x, SIO_POLLING);
    join(&x, c, "/");
    echo(&x, c);
    echo(&x, c);
    client_close(c);
    return end(&x);
}

static int websocket(void *user) {
    struct scenario x;
    (void)user;
    begin(&x, NULL, NULL);
    struct client *c = open_client(&x, SIO_WEBSOCKET);
    join(&x, c, "/");
    echo(&x, c);
    echo(&x, c);
    client_close(c);
    return end(&x);
}

static int upgrade(void *user) {
    struct scenario x;
    (void)user;
    begin(&x, NULL, NULL);
    struct client *c = ready_client(&x, SIO_POLLING);
    if (x.ok) {
        step(&x, client_upgrade(c));
    }
    echo(&x, c);
    client_close(c);
    return end(&x);
}

static void on_reply(sio_socket *s, int status, sio_event *reply, void *user) {
    struct scenario *x = user;
    (void)s;
    assert_true((status == 0) == (reply != NULL));
    x->told++;
}

static void ask(struct scenario *x, struct client *c, uint32_t timeout_ms) {
    sio_socket *s = socket_of(x, c);
    if (!x->ok || s == NULL) {
        return;
    }
    int r = sio_emit_ack(s, SIO_ACK(.fn = on_reply, .user = x, .timeout_ms = timeout_ms), "q", "s",
                         "why?");
    x->asked += r >= 0 ? 1 : 0;
    sent(x, r);
}

static int acknowledgements(void *user) {
    struct scenario x;
    (void)user;
    begin(&x, NULL, NULL);
    struct client *c = ready_client(&x, SIO_WEBSOCKET);
    tell(&x, c, "427[\"echo\",\"x\"]");
    hear(&x, c, "437[\"x\"]");
    ask(&x, c, 5000);
    hear(&x, c, "420[\"q\"");
    tell(&x, c, "430[\"because\"]");
    ask(&x, c, 0); /* answered by the end of the connection */
    client_close(c);
    return end(&x);
}

static int binary(void *user) {
    struct scenario x;
    char bytes[3000];
    unsigned transport = *(const unsigned *)user;
    memset(bytes, 'b', sizeof bytes);
    begin(&x, NULL, NULL);
    struct client *c = ready_client(&x, transport);
    tell(&x, c,
         "452-[\"echo\",{\"_placeholder\":true,\"num\":1},{\"x\":{\"_placeholder\":true,\"num\":0}}"
         "]");
    if (x.ok) {
        step(&x, client_send_binary(c, bytes, sizeof bytes));
    }
    if (x.ok) {
        step(&x, client_send_binary(c, "second", 6));
    }
    hear(&x, c, "452-[\"echo\",{\"_placeholder\":true,\"num\":");
    hear(&x, c, "");
    hear(&x, c, "");
    client_close(c);
    return end(&x);
}

static int broadcasts(void *user) {
    struct scenario x;
    struct client *c[3];
    (void)user;
    begin(&x, NULL, NULL);
    for (int i = 0; i < 3; i++) {
        c[i] = ready_client(&x, i == 2 ? SIO_POLLING : SIO_WEBSOCKET);
        sent(&x, sio_socket_join(socket_of(&x, c[i]), SIO_ROOMS("a", "b", "c", "d", "e")));
    }
    sent(&x, sio_broadcast(x.root, SIO_TO(.rooms = SIO_ROOMS("a", "b")), "x", "sB", "text", "bytes",
                           (size_t)5));
    for (int i = 0; i < 3; i++) {
        hear(&x, c[i], "451-[\"x\",\"text\"");
        hear(&x, c[i], "bytes");
    }
    sent(&x, sio_ns_leave(x.root, NULL, SIO_ROOMS("a")));
    sent(&x, sio_ns_join(x.root, SIO_TO(.except = SIO_ROOMS("a")), SIO_ROOMS("f")));
    sent(&x, sio_broadcast(x.root, SIO_TO(.rooms = SIO_ROOMS("f")), "y", ""));
    for (int i = 0; i < 3; i++) {
        hear(&x, c[i], "42[\"y\"]");
        client_close(c[i]);
    }
    return end(&x);
}

static void on_answers(int status, const sio_answers *answers, void *user) {
    struct scenario *x = user;
    (void)status;
    assert_true(sio_answers_count(answers) <= 2);
    x->told++;
}

static int broadcast_acknowledgements(void *user) {
    struct scenario x;
    (void)user;
    begin(&x, NULL, NULL);
    struct client *a = ready_client(&x, SIO_WEBSOCKET);
    struct client *b = ready_client(&x, SIO_WEBSOCKET);
    int r = sio_broadcast_ack(x.root, NULL, 5000, on_answers, &x, "q", "");
    x.asked += r >= 0 ? 1 : 0;
    sent(&x, r);
    hear(&x, a, "420[\"q\"]");
    hear(&x, b, "420[\"q\"]");
    tell(&x, a, "430[\"yes\"]");
    tell(&x, b, "461-0[{\"_placeholder\":true,\"num\":0}]");
    if (x.ok) {
        step(&x, client_send_binary(b, "bytes", 5));
    }
    echo(&x, b);
    client_close(a);
    client_close(b);
    return end(&x);
}

static void decide_later(sio_socket *s, sio_next *next, void *user) {
    struct scenario *x = user;
    (void)sio_socket_auth(s);
    (void)sio_socket_set_data(s, "{s:i}", "n", 1);
    if (torture_refused() > 0 && x->next != NULL) {
        sio_next_ok(next); /* the second client, see end() */
        return;
    }
    x->next = next;
}

static bool is_undecided(void *arg) {
    const struct scenario *x = arg;
    return x->next != NULL;
}

static void add_middleware(struct scenario *x) {
    sio_ns *ns = sio_server_ns(x->h.server, "/asked");
    assert_int_equal(sio_ns_use(ns, decide_later, x), 0);
    assert_int_equal(sio_ns_use(ns, decide_later, x), 0);
}

static sio_next *take_decision(struct scenario *x) {
    sio_next *next = NULL;
    if (x->ok) {
        step(x, harness_wait(&x->h, is_undecided, x));
        next = x->next;
        x->next = NULL;
    }
    return next;
}

static int middlewares(void *user) {
    struct scenario x;
    (void)user;
    begin(&x, NULL, add_middleware);
    struct client *c = ready_client(&x, SIO_WEBSOCKET);
    tell(&x, c, "40/asked,{\"token\":[\"t\"]}");
    sio_next_ok(take_decision(&x));
    sio_next_fail(take_decision(&x), "not you", "{\"code\":1}");
    hear(&x, c, "44/asked,{\"message\":\"not you\",\"data\":{\"code\":1}}");
    tell(&x, c, "40/asked,");
    sio_next_ok(take_decision(&x));
    sio_next_ok(take_decision(&x));
    hear(&x, c, "40/asked,{\"sid\":");
    client_close(c);
    return end(&x);
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
    begin(&x, SIO_SERVER_OPTIONS(.cleanup_empty_namespaces = true, .log_level = SIO_LOG_NONE),
          add_parents);
    struct client *c = ready_client(&x, SIO_WEBSOCKET);
    join(&x, c, "/room-1");
    tell(&x, c, "42/room-1,[\"echo\",1]");
    hear(&x, c, "42/room-1,[\"echo\",1]");
    tell(&x, c, "40/later,{\"a\":1}");
    sio_next_ok(take_decision(&x));
    hear(&x, c, "40/later,{\"sid\":");
    tell(&x, c, "40/none,");
    hear(&x, c, "44/none,{\"message\":\"Invalid namespace\"}");
    tell(&x, c, "41/room-1,");
    tell(&x, c, "41/later,");
    echo(&x, c);
    client_close(c);
    return end(&x);
}

static int disconnects(void *user) {
    struct scenario x;
    (void)user;
    begin(&x, NULL, NULL);
    struct client *a = ready_client(&x, SIO_WEBSOCKET);
    struct client *b = ready_client(&x, SIO_WEBSOCKET);
    struct client *p = ready_client(&x, SIO_POLLING);
    sio_socket_disconnect(socket_of(&x, a), false);
    hear(&x, a, "41");
    join(&x, a, "/");
    sio_socket_disconnect(socket_of(&x, b), true);
    step(&x, client_wait_end(b));
    sio_socket_disconnect(socket_of(&x, p), true);
    if (x.ok) {
        step(&x, client_wait_end(p));
    }
    tell(&x, a, "42{}"); /* a violation */
    if (x.ok) {
        step(&x, client_wait_end(a));
    }
    client_close(a);
    client_close(b);
    client_close(p);
    return end(&x);
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
    begin(&x, NULL, NULL);
    struct client *c = ready_client(&x, SIO_WEBSOCKET);
    wire_frame(c->ws, 0x01, text, 70000);
    wire_frame(c->ws, 0x00, text + 70000, 70000);
    wire_frame(c->ws, 0x80, text + 140000, 10000);
    hear(&x, c, text);
    wire_pause(c->ws); /* and a queue of several kinds of output */
    for (int i = 0; i < 60 && x.ok; i++) {
        sio_socket *s = socket_of(&x, c);
        sent(&x, s != NULL ? sio_emit(s, "fill", "s", text) : SIO_ERR_CLOSED);
        sent(&x, sio_broadcast(x.root, NULL, "fill", "s", text));
    }
    wire_resume(c->ws);
    for (int i = 0; i < 120 && x.ok; i++) {
        hear(&x, c, "42[\"fill\",");
    }
    client_close(c);
    free(text);
    return end(&x);
}

static void hear_response(struct scenario *x, struct wire *w, int status) {
    if (x->ok) {
        const struct response *res = wire_response(w);
        step(x, res != NULL && res->status == status);
    }
}

static int compression(void *user) {
    struct scenario x;
    char *text = long_event(20000);
    (void)user;
    begin(&x, NULL, NULL);
    struct client *c = ready_client(&x, SIO_POLLING);
    wire_get(c->get, c->path, "Accept-Encoding: gzip\r\n");
    sent(&x, sio_emit(socket_of(&x, c), "x", "s", text));
    hear_response(&x, c->get, 200);
    wire_get(c->get, c->path, "Accept-Encoding: deflate\r\n");
    if (x.ok) {
        sent(&x, sio_emit(socket_of(&x, c), "x", "s", text));
    }
    hear_response(&x, c->get, 200);
    client_close(c);
    free(text);
    return end(&x);
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
    begin(&x,
          SIO_SERVER_OPTIONS(.log_level = SIO_LOG_NONE,
                             .cors = SIO_CORS(.origin = "http://a http://b"),
                             .cookie = SIO_COOKIE(.secure = true), .on_headers = on_headers,
                             .allow_request = allow),
          add_requests);
    struct wire *w = wire_open(&x.h);
    wire_get(w, "/now?a=b%20c", "");
    hear_response(&x, w, 200);
    wire_get(w, "/later", "");
    wire_get(w, "/now", "");
    if (x.ok) {
        step(&x, harness_wait(&x.h, is_unanswered, &x));
    }
    if (x.response != NULL) {
        (void)sio_response_send(x.response, 200, "late", 4);
        x.response = NULL;
    }
    hear_response(&x, w, 200);
    hear_response(&x, w, 200);
    wire_puts(w, "POST /chunks HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    harness_turn(&x.h);
    wire_puts(w, "4\r\nabcd\r\n");
    harness_turn(&x.h);
    wire_puts(w, "2\r\nef\r\n0\r\n\r\n");
    hear_response(&x, w, 200);
    wire_puts(w, "OPTIONS /socket.io/ HTTP/1.1\r\nHost: a\r\nOrigin: http://b\r\n"
                 "Access-Control-Request-Headers: x\r\n\r\n");
    hear_response(&x, w, 204);
    wire_get(w, "/socket.io/?EIO=4&transport=polling&refuse=1", "Origin: http://b\r\n");
    hear_response(&x, w, 403);
    wire_get(w, "/socket.io/?EIO=4&transport=polling", "Origin: http://b\r\n");
    hear_response(&x, w, 200);
    wire_get(w, "/socket.io/?EIO=4&transport=none", "");
    hear_response(&x, w, 400);
    wire_close(w);
    return end(&x);
}

static void on_fetch(int status, const sio_socket_info *sockets, size_t count, void *user) {
    struct scenario *x = user;
    (void)status;
    (void)sockets;
    (void)count;
    x->told++;
}

static void fetch(struct scenario *x) {
    int r = sio_ns_fetch(x->root, SIO_TO(.rooms = SIO_ROOMS("a"), .except = SIO_ROOMS("b")),
                         on_fetch, x);
    x->asked += r == 0 ? 1 : 0;
    sent(x, r);
    r = sio_ns_local_fetch(x->root, NULL, on_fetch, x);
    x->asked += r == 0 ? 1 : 0;
    sent(x, r);
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
    begin(&x, NULL, add_watchers);
    struct client *c = ready_client(&x, SIO_WEBSOCKET);
    sent(&x, sio_socket_set_data(socket_of(&x, c), "{s:[iii]}", "x", 1, 2, 3));
    sent(&x, sio_ns_join(x.root, NULL, SIO_ROOMS("a", "c")));
    fetch(&x);
    int r = sio_server_post(x.h.server, on_posted, &x);
    x.asked += r == 0 ? 1 : 0;
    sent(&x, r);
    sent(&x, sio_ns_local_broadcast(x.root, &view, NULL));
    sent(&x, sio_ns_local_server_event(x.root, &view, NULL, NULL));
    hear(&x, c, "42[\"node\",1]");
    sent(&x, sio_msg_new(&m, "m"));
    sent(&x, sio_msg_add_bytes(m, "bytes", 5));
    sent(&x, sio_emit_msg(socket_of(&x, c), 0, m));
    hear(&x, c, "451-[\"m\"");
    hear(&x, c, "bytes");
    sio_msg_unref(m);
    tell(&x, c, "429[\"taken\"]");
    echo(&x, c);
    client_close(c);
    return end(&x);
}

/* ---- tests ---- */

#define TORTURE_TEST(scenario)                                                                     \
    static void server_survives_##scenario(void **state) {                                         \
        (void)state;                                                                               \
        torture_run(scenario, NULL);                                                               \
    }

TORTURE_TEST(life)
TORTURE_TEST(polling)
TORTURE_TEST(websocket)
TORTURE_TEST(upgrade)
TORTURE_TEST(acknowledgements)
TORTURE_TEST(broadcasts)
TORTURE_TEST(broadcast_acknowledgements)
TORTURE_TEST(middlewares)
TORTURE_TEST(dynamic_namespaces)
TORTURE_TEST(disconnects)
TORTURE_TEST(long_messages)
TORTURE_TEST(compression)
TORTURE_TEST(http)
TORTURE_TEST(the_rest)

static void server_survives_binary(void **state) {
    static unsigned transports[] = {SIO_WEBSOCKET, SIO_POLLING};
    (void)state;
    torture_run(binary, &transports[0]);
    torture_run(binary, &transports[1]);
}

#define RUN(scenario) cmocka_unit_test_teardown(server_survives_##scenario, torture_teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        RUN(life),
        RUN(polling),
        RUN(websocket),
        RUN(upgrade),
        RUN(acknowledgements),
        RUN(binary),
        RUN(broadcasts),
        RUN(broadcast_acknowledgements),
        RUN(middlewares),
        RUN(dynamic_namespaces),
        RUN(disconnects),
        RUN(long_messages),
        RUN(compression),
        RUN(http),
        RUN(the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
