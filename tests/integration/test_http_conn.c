/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* HTTP connections: pipelining, half-closed and slow peers, forms of targets, what must not be
 * smuggled. */
#include "support/client.h"

#include <sio/error.h>
#include <stdlib.h>
#include <string.h>

#define ANSWERS_MAX 64
#define HANDSHAKE   "/socket.io/?EIO=4&transport=polling"

/* The application: answers "/now" at once, "/big/N" with N bytes, keeps all others to be answered
 * later. */
struct app {
    struct harness h;
    size_t calls;
    sio_response *kept[ANSWERS_MAX];
    size_t kept_count;
    char url[256]; /* of the last request */
    char *big;
    size_t big_len;
};

static void answer(const sio_request *req, const void *body, size_t len, sio_response *res,
                   void *user) {
    struct app *app = user;
    const char *url = sio_request_url(req);
    (void)body;
    (void)len;
    app->calls++;
    (void)snprintf(app->url, sizeof app->url, "%s", url);
    if (strcmp(url, "/big") == 0) {
        assert_int_equal(sio_response_send(res, 200, app->big, app->big_len), 0);
    } else if (strcmp(url, "/204") == 0) {
        assert_int_equal(sio_response_send(res, 204, "no body", 7), 0);
    } else if (strncmp(url, "/later", 6) == 0) {
        assert_true(app->kept_count < ANSWERS_MAX);
        app->kept[app->kept_count] = res;
        app->kept_count++;
    } else {
        assert_int_equal(sio_response_send(res, 200, url, strlen(url)), 0);
    }
}

static void begin(struct app *app, const sio_server_options *options) {
    *app = (struct app){0};
    harness_init(&app->h, options);
    harness_echo(harness_root(&app->h));
    harness_observe(&app->h, harness_root(&app->h));
    sio_server_on_request(app->h.server, answer, app);
    harness_listen(&app->h);
}

static void make_big(struct app *app, size_t len) {
    app->big = calloc(1, len);
    assert_non_null(app->big);
    memset(app->big, 'x', len);
    app->big_len = len;
}

static void end(struct app *app) {
    harness_done(&app->h);
    free(app->big);
}

static void expect_body(struct wire *w, const char *body) {
    const struct response *res = wire_expect_status(w, 200);
    assert_string_equal(res->body, body);
}

/* ---- pipelining ---- */

static void pipelined_requests_are_answered_in_order(void **state) {
    (void)state;
    struct app app;
    begin(&app, NULL);
    struct wire *w = wire_open(&app.h);
    wire_puts(w, "GET /later1 HTTP/1.1\r\nHost: a\r\n\r\n"
                 "POST /now1 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"
                 "GET /later2 HTTP/1.1\r\nHost: a\r\n\r\n"
                 "GET /now2 HTTP/1.1\r\nHost: a\r\n\r\n");
    harness_wait_count(&app.h, &app.kept_count, 1);
    harness_settle(&app.h);
    assert_int_equal(app.calls, 1); /* the others wait for their turn */
    assert_int_equal(sio_response_send(app.kept[0], 200, "later1", 6), 0);
    expect_body(w, "later1");
    expect_body(w, "/now1");
    harness_wait_count(&app.h, &app.kept_count, 2);
    assert_int_equal(sio_response_send(app.kept[1], 200, "later2", 6), 0);
    expect_body(w, "later2");
    expect_body(w, "/now2");
    wire_close(w);
    end(&app);
}

static void requests_wait_behind_a_poll(void **state) {
    (void)state;
    struct app app;
    begin(&app, NULL);
    struct client *c = client_open(&app.h, SIO_POLLING);
    struct wire *w = wire_open(&app.h);
    wire_get(w, c->path, "");
    wire_get(w, "/now", "");
    harness_settle(&app.h);
    assert_int_equal(app.calls, 0);
    assert_true(client_send(c, "40"));
    const struct response *res = wire_expect_status(w, 200);
    assert_int_equal(strncmp(res->body, "40{", 3), 0);
    expect_body(w, "/now");
    wire_close(w);
    client_close(c);
    end(&app);
}

static void input_behind_a_late_handshake_is_kept(void **state) {
    (void)state;
    struct app app;
    begin(&app, NULL);
    struct wire *w = wire_open(&app.h);
    wire_get(w, "/later", "");
    wire_upgrade_request(w, "/socket.io/?EIO=4&transport=websocket", "");
    wire_text(w, "40");
    harness_wait_count(&app.h, &app.kept_count, 1);
    harness_settle(&app.h);
    assert_int_equal(sio_response_send(app.kept[0], 200, "ok", 2), 0);
    expect_body(w, "ok");
    wire_expect_status(w, 101);
    const struct ws_received *f = wire_read_frame(w);
    assert_non_null(f);
    assert_int_equal(f->data[0], '0');
    harness_wait_count(&app.h, &app.h.seen.connects, 1);
    wire_close(w);
    end(&app);
}

/* What is not read is not made: a peer cannot fill the memory with answers. */
static void floods_of_requests_wait_until_answers_are_read(void **state) {
    (void)state;
    enum { COUNT = 400 };
    struct app app;
    begin(&app, NULL);
    make_big(&app, 100000);
    struct wire *w = wire_open(&app.h);
    wire_pause(w);
    for (int i = 0; i < COUNT; i++) {
        wire_get(w, "/big", "");
    }
    harness_settle(&app.h);
    assert_in_range(app.calls, 1, COUNT / 2); /* the system takes some of them */
    wire_resume(w);
    for (int i = 0; i < COUNT; i++) {
        const struct response *res = wire_expect_status(w, 200);
        assert_int_equal(res->len, app.big_len);
    }
    assert_int_equal(app.calls, COUNT);
    wire_get(w, "/now", "");
    expect_body(w, "/now");
    wire_close(w);
    end(&app);
}

/* ---- peers that are slow, or have closed their side ---- */

static void half_closed_peers_get_what_is_on_its_way(void **state) {
    (void)state;
    struct app app;
    begin(&app, NULL);
    make_big(&app, 16u << 20);
    struct wire *w = wire_open(&app.h);
    wire_pause(w);
    wire_get(w, "/big", "");
    harness_wait_count(&app.h, &app.calls, 1);
    wire_shutdown(w);
    harness_settle(&app.h);
    wire_resume(w);
    const struct response *res = wire_expect_status(w, 200);
    assert_int_equal(res->len, app.big_len);
    assert_true(wire_wait_end(w));
    assert_false(w->reset);
    wire_close(w);
    end(&app);
}

static void half_closed_peers_want_no_further_answers(void **state) {
    (void)state;
    struct app app;
    begin(&app, NULL);
    struct client *c = client_open(&app.h, SIO_POLLING);
    client_join(c, "/");
    wire_get(c->get, c->path, "");
    harness_settle(&app.h);
    wire_shutdown(c->get);
    harness_wait_count(&app.h, &app.h.seen.disconnects, 1);
    assert_int_equal(app.h.seen.reason, SIO_REASON_TRANSPORT_ERROR);
    assert_int_equal(app.h.seen.cause, SIO_CAUSE_CONNECTION_LOST);
    assert_true(wire_wait_end(c->get));
    client_close(c);

    struct wire *w = wire_open(&app.h);
    wire_get(w, "/later", "");
    harness_wait_count(&app.h, &app.kept_count, 1);
    wire_shutdown(w);
    assert_true(wire_wait_end(w));
    assert_int_equal(sio_response_send(app.kept[0], 200, "ok", 2), SIO_ERR_CLOSED);
    wire_close(w);
    end(&app);
}

/* Far longer than an idle connection may live, and than a closed one lingers. */
static void slow_readers_get_all_of_an_answer(void **state) {
    (void)state;
    static const char *const fields[] = {"", "Connection: close\r\n"};
    for (size_t i = 0; i < 2; i++) {
        struct app app;
        begin(&app, SIO_SERVER_OPTIONS(.keep_alive_timeout_ms = 50));
        make_big(&app, 16u << 20);
        struct wire *w = wire_open(&app.h);
        wire_pause(w);
        wire_get(w, "/big", fields[i]);
        harness_wait_count(&app.h, &app.calls, 1);
        harness_pass_ms(&app.h, 2500);
        wire_resume(w);
        const struct response *res = wire_expect_status(w, 200);
        assert_int_equal(res->len, app.big_len);
        assert_true(wire_wait_end(w)); /* then it is idle, or done */
        wire_close(w);
        end(&app);
    }
}

/* ---- answers ---- */

static void answers_without_a_body_have_none(void **state) {
    (void)state;
    struct app app;
    begin(&app, NULL);
    struct wire *w = wire_open(&app.h);
    wire_puts(w, "GET /204 HTTP/1.1\r\nHost: a\r\n\r\nGET /now HTTP/1.1\r\nHost: a\r\n\r\n");
    char value[16];
    const struct response *res = wire_expect_status(w, 204);
    assert_null(response_field(res, "content-length", value, sizeof value));
    expect_body(w, "/now");
    wire_close(w);
    end(&app);
}

/* While the fields of one answer are being put together, a hook sends another. */
static void send_kept(sio_headers *headers, const sio_request *req, void *user) {
    struct app *app = user;
    (void)req;
    assert_int_equal(sio_headers_set(headers, "X-Engine", "yes"), 0);
    for (size_t i = 0; i < app->kept_count; i++) {
        assert_int_equal(sio_headers_set(sio_response_headers(app->kept[i]), "X-App", "yes"), 0);
        assert_int_equal(sio_response_send(app->kept[i], 200, "kept", 4), 0);
    }
    app->kept_count = 0;
}

static void set_framing(sio_headers *headers, const sio_request *req, void *user) {
    static const char *const names[] = {"Content-Length", "transfer-encoding", "CONNECTION"};
    (void)req;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(sio_headers_set(headers, names[i], "1"), SIO_ERR_INVALID);
        assert_int_equal(sio_headers_add(headers, names[i], "1"), SIO_ERR_INVALID);
    }
    ((struct app *)user)->calls++;
}

static void the_framing_is_the_librarys(void **state) {
    (void)state;
    struct app app;
    begin(&app, SIO_SERVER_OPTIONS(.on_headers = set_framing, .on_headers_user = &app));
    assert_int_equal(http_get_status(&app.h, HANDSHAKE), 200);
    assert_int_equal(app.calls, 1);
    end(&app);
}

static void answers_do_not_mix(void **state) {
    (void)state;
    struct app app;
    char value[16];
    begin(&app, SIO_SERVER_OPTIONS(.on_headers = send_kept, .on_headers_user = &app,
                                   .cookie = SIO_COOKIE(.name = "io")));
    struct wire *w = wire_open(&app.h);
    struct wire *ws = wire_open(&app.h);
    struct wire *poll = wire_open(&app.h);
    wire_get(w, "/later", "");
    harness_wait_count(&app.h, &app.kept_count, 1);
    wire_get(poll, HANDSHAKE, "");
    const struct response *res = wire_expect_status(poll, 200);
    assert_int_equal(strncmp(res->body, "0{", 2), 0);
    assert_non_null(response_field(res, "set-cookie", value, sizeof value));
    assert_non_null(response_field(res, "x-engine", value, sizeof value));
    assert_null(response_field(res, "x-app", value, sizeof value));
    res = wire_expect_status(w, 200);
    assert_string_equal(res->body, "kept");
    assert_non_null(response_field(res, "x-app", value, sizeof value));
    assert_null(response_field(res, "set-cookie", value, sizeof value));
    assert_null(response_field(res, "x-engine", value, sizeof value));

    wire_get(w, "/later", "");
    harness_wait_count(&app.h, &app.kept_count, 1);
    wire_upgrade_request(ws, "/socket.io/?EIO=4&transport=websocket", "");
    res = wire_expect_status(ws, 101);
    assert_non_null(response_field(res, "x-engine", value, sizeof value));
    expect_body(w, "kept");
    wire_close(w);
    wire_close(ws);
    wire_close(poll);
    end(&app);
}

static void broadcast_bytes(sio_headers *headers, const sio_request *req, void *user) {
    static const char bytes[5000] = "bytes";
    struct app *app = user;
    (void)headers;
    (void)req;
    assert_true(sio_broadcast(harness_root(&app->h), NULL, "hook", "B", bytes, sizeof bytes) >= 0);
}

static void hooks_that_send_leave_the_answer_alone(void **state) {
    (void)state;
    struct app app;
    begin(&app, SIO_SERVER_OPTIONS(.on_headers = broadcast_bytes, .on_headers_user = &app,
                                   .compression_threshold_bytes = 1));
    struct wire *ws = wire_open(&app.h);
    wire_upgrade_request(ws, "/socket.io/?EIO=4&transport=websocket&b64=1", "");
    wire_expect_status(ws, 101);
    wire_text(ws, "40"); /* attachments go to it as base64 */
    harness_wait_count(&app.h, &app.h.seen.connects, 1);
    struct client *c = client_open(&app.h, SIO_POLLING);
    wire_post(c->post, c->path, "", "40", 2);
    wire_expect_status(c->post, 200);
    wire_get(c->get, c->path, "Accept-Encoding: gzip\r\n");
    const struct response *res = wire_expect_status(c->get, 200);
    assert_true(res->len > 2);
    assert_memory_equal(res->body, "\x1f\x8b", 2); /* RFC 1952 2.3.1 */
    wire_close(ws);
    client_close(c);
    end(&app);
}

/* ---- targets (RFC 9112 3.2) ---- */

static void targets_may_be_absolute(void **state) {
    (void)state;
    static const struct {
        const char *target;
        bool engine;
    } cases[] = {{"http://example.com" HANDSHAKE, true},
                 {"HTTP://example.com:80" HANDSHAKE, true},
                 {"https://[::1]:443" HANDSHAKE, true},
                 {"http://example.com/app", false},
                 {"http://example.com", false},
                 {"http://example.com?a=/socket.io/", false},
                 {"http://example.com//socket.io/?EIO=4&transport=polling", false},
                 {"ftp://example.com" HANDSHAKE, false}};
    struct app app;
    begin(&app, NULL);
    struct wire *w = wire_open(&app.h);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t calls = app.calls;
        wire_get(w, cases[i].target, "");
        const struct response *res = wire_expect_status(w, 200);
        if (cases[i].engine) {
            assert_int_equal(strncmp(res->body, "0{\"sid\":", 8), 0);
            assert_int_equal(app.calls, calls);
        } else {
            assert_int_equal(app.calls, calls + 1);
            assert_string_equal(app.url, cases[i].target); /* as it was sent */
        }
    }
    wire_close(w);
    end(&app);
}

static int upgrade_status(struct app *app, const char *target, const char *fields) {
    struct wire *w = wire_open(&app->h);
    wire_upgrade_request(w, target, fields);
    const struct response *res = wire_response(w);
    int status = res != NULL ? res->status : 0;
    wire_close(w);
    return status;
}

/* Of an absolute target the host counts, not that of the Host field, which is "test" here. */
static void origins_are_compared_with_the_host_of_the_target(void **state) {
    (void)state;
    static const char path[] = "/socket.io/?EIO=4&transport=websocket";
    static const char absolute[] = "http://example.com/socket.io/?EIO=4&transport=websocket";
    struct app app;
    begin(&app, NULL);
    assert_int_equal(upgrade_status(&app, path, "Origin: http://example.com\r\n"), 403);
    assert_int_equal(upgrade_status(&app, absolute, "Origin: http://example.com\r\n"), 101);
    assert_int_equal(upgrade_status(&app, absolute, "Origin: http://evil.example\r\n"), 403);
    end(&app);
}

/* ---- requests with two meanings ---- */

#define POST "POST /a HTTP/1.1\r\nHost: a\r\n"

static void ambiguous_requests_end_the_connection(void **state) {
    (void)state;
    static const char *const requests[] = {
        POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        POST "Content-Length: +5\r\n\r\nhello",
        POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        POST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET /a HTTP/1.1\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: a\r\nX: y\r\n folded\r\n\r\n",
        "GET /a HTTP/1.1\nHost: a\n\n"};
    struct app app;
    begin(&app, NULL);
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        struct wire *w = wire_open(&app.h);
        wire_puts(w, requests[i]);
        wire_puts(w, "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
        const struct response *res = wire_response(w);
        assert_non_null(res);
        assert_true(res->status == 400 || res->status == 501);
        assert_null(wire_response(w));
        assert_true(w->ended);
        wire_close(w);
    }
    assert_int_equal(app.calls, 0);
    end(&app);
}

static void bodies_that_are_too_large_are_not_asked_for(void **state) {
    (void)state;
    struct app app;
    begin(&app, SIO_SERVER_OPTIONS(.max_payload_bytes = 100));
    struct wire *w = wire_open(&app.h);
    wire_puts(
        w, "POST /now HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n");
    assert_true(wire_wait_bytes(w, 25));
    assert_int_equal(strncmp(w->in, "HTTP/1.1 100 Continue\r\n\r\n", 25), 0);
    wire_consume(w, 25);
    char body[100] = {0};
    wire_send(w, body, sizeof body);
    expect_body(w, "/now");
    wire_puts(
        w, "POST /now HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\nExpect: 100-continue\r\n\r\n");
    wire_expect_status(w, 413);
    wire_close(w);
    end(&app);
}

static void posts_are_cut_off_when_their_session_ends(void **state) {
    (void)state;
    struct app app;
    begin(&app, NULL);
    struct client *c = client_open(&app.h, SIO_POLLING);
    client_join(c, "/");
    struct wire *w = wire_open(&app.h);
    wire_printf(w, "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n42[\"e", c->path);
    wire_get(c->get, c->path, "");
    harness_settle(&app.h);
    wire_reset(c->get);
    c->get = NULL;
    harness_wait_count(&app.h, &app.h.seen.disconnects, 1);
    wire_puts(w, "cho\"]");
    assert_true(wire_wait_end(w));
    wire_close(w);
    client_close(c);
    end(&app);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(requests_wait_behind_a_poll),
        cmocka_unit_test(input_behind_a_late_handshake_is_kept),
        cmocka_unit_test(floods_of_requests_wait_until_answers_are_read),
        cmocka_unit_test(half_closed_peers_get_what_is_on_its_way),
        cmocka_unit_test(half_closed_peers_want_no_further_answers),
        cmocka_unit_test(slow_readers_get_all_of_an_answer),
        cmocka_unit_test(answers_without_a_body_have_none),
        cmocka_unit_test(the_framing_is_the_librarys),
        cmocka_unit_test(answers_do_not_mix),
        cmocka_unit_test(hooks_that_send_leave_the_answer_alone),
        cmocka_unit_test(targets_may_be_absolute),
        cmocka_unit_test(origins_are_compared_with_the_host_of_the_target),
        cmocka_unit_test(ambiguous_requests_end_the_connection),
        cmocka_unit_test(bodies_that_are_too_large_are_not_asked_for),
        cmocka_unit_test(posts_are_cut_off_when_their_session_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
