/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* HTTP as applications see it: requests, hooks, decisions about handshakes, answers of their own.
 */
#include "support/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sio/error.h>

#define HANDSHAKE "/socket.io/?EIO=4&transport=polling"

struct fixture {
    struct harness h;
    size_t count;
    char text[512];
    sio_next *next;
    sio_response *response;
    const char *id; /* that generate_id makes */
    int id_result;
};

static struct fixture *begin(void) {
    static struct fixture f;
    f = (struct fixture){.count = 0};
    return &f;
}

/* ---- requests ---- */

static void look_at_request(const sio_request *req, const void *body, size_t len, sio_response *res,
                            void *user) {
    struct fixture *f = user;
    char value[8];
    size_t cursor = 0;
    size_t fields = 0;
    const char *name;
    const char *field;
    f->count++;
    assert_string_equal(sio_request_method(req), "PUT");
    assert_string_equal(sio_request_url(req), "/app/x?a=1&b=%C3%A9+%26&a=2&c&long=0123456789");
    assert_int_equal(sio_request_query(req, "a", value, sizeof value), 1);
    assert_string_equal(value, "2");
    assert_int_equal(sio_request_query(req, "b", value, sizeof value), 4);
    assert_string_equal(value, "\xc3\xa9 &");
    assert_int_equal(sio_request_query(req, "c", value, sizeof value), 0);
    assert_string_equal(value, "");
    assert_int_equal(sio_request_query(req, "long", value, sizeof value), 10);
    assert_string_equal(value, "0123456");
    assert_int_equal(sio_request_query(req, "long", NULL, 0), 10);
    assert_int_equal(sio_request_query(req, "none", value, sizeof value), SIO_ERR_NOT_FOUND);
    assert_int_equal(sio_request_query(req, NULL, value, sizeof value), SIO_ERR_INVALID);
    assert_string_equal(sio_request_header(req, "X-Twice"), "one, two");
    assert_string_equal(sio_request_header(req, "x-twice"), "one, two");
    assert_null(sio_request_header(req, "x-none"));
    assert_null(sio_request_header(req, ""));
    assert_null(sio_request_header(req, NULL));
    assert_string_equal(sio_request_address(req), "127.0.0.1");
    assert_int_not_equal(sio_request_port(req), 0);
    assert_false(sio_request_secure(req));
    assert_true(sio_request_cross_domain(req));
    int64_t now_ms = (int64_t)time(NULL) * 1000;
    assert_in_range(sio_request_issued_ms(req), now_ms - 60000, now_ms + 2000);
    while (sio_request_next_header(req, &cursor, &name, &field)) {
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz-"), strlen(name));
        fields++;
    }
    assert_true(fields >= 4);
    assert_int_equal(len, 4);
    assert_memory_equal(body, "body", 4);
    assert_int_equal(sio_response_send(res, 201, "made", 4), 0);
}

static void requests_are_read(void **state) {
    (void)state;
    struct fixture *f = begin();
    harness_init(&f->h, NULL);
    sio_server_on_request(f->h.server, look_at_request, f);
    harness_listen(&f->h);
    struct wire *w = wire_open(&f->h);
    wire_puts(w, "PUT /app/x?a=1&b=%C3%A9+%26&a=2&c&long=0123456789 HTTP/1.1\r\nHost: test\r\n"
                 "X-Twice: one\r\nContent-Length: 4\r\nOrigin: http://elsewhere\r\nX-TWICE: "
                 "two\r\n\r\nbody");
    assert_string_equal(wire_expect_status(w, 201)->body, "made");
    assert_int_equal(f->count, 1);
    wire_close(w);
    harness_done(&f->h);
}

/* ---- hooks ---- */

static void change_headers(sio_headers *headers, const sio_request *req, void *user) {
    struct fixture *f = user;
    f->count++;
    assert_non_null(sio_request_header(req, "host"));
    assert_int_equal(sio_headers_set(headers, "X-Every", "no"), 0);
    assert_int_equal(sio_headers_set(headers, "x-every", "yes"), 0);
    assert_string_equal(sio_headers_get(headers, "X-EVERY"), "yes");
    assert_int_equal(sio_headers_add(headers, "X-Two", "1"), 0);
    assert_int_equal(sio_headers_add(headers, "X-Two", "2"), 0);
    assert_int_equal(sio_headers_set(headers, "X-Gone", "1"), 0);
    sio_headers_remove(headers, "x-gone");
    assert_null(sio_headers_get(headers, "X-Gone"));
    assert_int_equal(sio_headers_set(headers, "X Bad", "1"), SIO_ERR_INVALID);
    assert_int_equal(sio_headers_set(headers, "", "1"), SIO_ERR_INVALID);
    assert_int_equal(sio_headers_add(headers, "X-Bad", "1\r\nX-Evil: 1"), SIO_ERR_INVALID);
    assert_int_equal(sio_headers_add(headers, "X-Bad", NULL), SIO_ERR_INVALID);
    assert_int_equal(sio_headers_add(headers, NULL, "1"), SIO_ERR_INVALID);
}

static void mark_first(sio_headers *headers, const sio_request *req, void *user) {
    (void)req;
    (void)user;
    assert_int_equal(sio_headers_set(headers, "X-First", "1"), 0);
}

static void expect_fields(const struct response *res, bool first) {
    char value[32];
    assert_string_equal(response_field(res, "X-Every", value, sizeof value), "yes");
    assert_string_equal(response_field(res, "X-Two", value, sizeof value), "1, 2");
    assert_null(response_field(res, "X-Gone", value, sizeof value));
    assert_null(response_field(res, "X-Bad", value, sizeof value));
    assert_null(response_field(res, "X-Evil", value, sizeof value));
    assert_int_equal(response_field(res, "X-First", value, sizeof value) != NULL, first);
}

static void hooks_change_the_fields_of_answers(void **state) {
    (void)state;
    struct fixture *f = begin();
    harness_init(&f->h, SIO_SERVER_OPTIONS(.on_headers = change_headers, .on_headers_user = f,
                                           .on_initial_headers = mark_first));
    harness_listen(&f->h);
    struct client *c = client_open(&f->h, SIO_POLLING);
    expect_fields(&c->get->response, true);
    assert_true(client_send(c, "40"));
    expect_fields(&c->post->response, false);
    assert_non_null(client_receive(c));
    expect_fields(&c->get->response, false);
    struct wire *w = wire_open(&f->h);
    wire_upgrade_request(w, "/socket.io/?EIO=4&transport=websocket", "");
    expect_fields(wire_expect_status(w, 101), true);
    size_t before = f->count;
    assert_int_equal(http_get_status(&f->h, "/other"), 404); /* not an answer of the engine */
    assert_int_equal(f->count, before);
    wire_close(w);
    client_close(c);
    harness_done(&f->h);
}

static int generate(const sio_request *req, char *buffer, size_t size, void *user) {
    struct fixture *f = user;
    f->count++;
    assert_non_null(sio_request_header(req, "host"));
    assert_int_equal(size, 64);
    if (f->id != NULL) {
        (void)snprintf(buffer, size, "%s", f->id);
    }
    return f->id_result;
}

static void ids_may_be_the_applications(void **state) {
    (void)state;
    static const char longest[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    static const char *const good[] = {"x", "a-b_C9", "12345678901234567890",
                                       "123456789012345678901", longest};
    struct fixture *f = begin();
    harness_init(&f->h, SIO_SERVER_OPTIONS(.generate_id = generate, .generate_id_user = f));
    harness_echo(harness_root(&f->h));
    harness_listen(&f->h);
    assert_int_equal(strlen(longest), 63);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        f->id = good[i];
        struct client *c = client_open(&f->h, SIO_POLLING);
        assert_string_equal(c->sid, good[i]);
        client_join(c, "/");
        client_expect_alive(c);
        assert_int_equal(http_get_status(&f->h, HANDSHAKE), 400); /* it is in use */
        assert_true(client_send(c, "1"));
        client_close(c);
    }
    harness_done(&f->h);
}

static void ids_that_are_malformed_refuse_the_handshake(void **state) {
    (void)state;
    static const char *const bad[] = {"", "a b", "a/b", "a\"b", "\xc3\xa9", "a\r\nb", NULL};
    struct fixture *f = begin();
    harness_init(&f->h, SIO_SERVER_OPTIONS(.generate_id = generate, .generate_id_user = f));
    harness_listen(&f->h);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        f->id = bad[i];
        assert_int_equal(http_get_status(&f->h, HANDSHAKE), 400);
    }
    f->id = "good";
    f->id_result = -1;
    assert_int_equal(http_get_status(&f->h, HANDSHAKE), 400);
    assert_int_equal(harness_stats(&f->h).sessions_total, 0);
    assert_int_equal(harness_stats(&f->h).sessions, 0);
    harness_done(&f->h);
}

/* ---- decisions ---- */

static void decide_by_query(const sio_request *req, sio_next *next, void *user) {
    struct fixture *f = user;
    char answer[16] = "";
    f->count++;
    (void)sio_request_query(req, "answer", answer, sizeof answer);
    if (strcmp(answer, "ok") == 0) {
        sio_next_ok(next);
    } else if (strcmp(answer, "later") == 0) {
        assert_null(f->next);
        f->next = next;
    } else if (strcmp(answer, "twice") == 0) {
        sio_next_fail(next, "first", NULL);
        sio_next_ok(next); /* the first decision counts */
    } else {
        sio_next_fail(next, answer[0] != '\0' ? answer : NULL, "{\"ignored\":1}");
    }
}

static struct fixture *begin_deciding(void) {
    struct fixture *f = begin();
    harness_init(&f->h,
                 SIO_SERVER_OPTIONS(.allow_request = decide_by_query, .allow_request_user = f));
    harness_echo(harness_root(&f->h));
    harness_listen(&f->h);
    return f;
}

static void handshakes_are_decided_at_once(void **state) {
    (void)state;
    struct fixture *f = begin_deciding();
    struct wire *w = wire_open(&f->h);
    wire_get(w, HANDSHAKE, "");
    assert_string_equal(wire_expect_status(w, 403)->body, "{\"code\":4,\"message\":\"Forbidden\"}");
    wire_get(w, HANDSHAKE "&answer=no%22way", "");
    assert_string_equal(wire_expect_status(w, 403)->body, "{\"code\":4,\"message\":\"no\\\"way\"}");
    wire_get(w, HANDSHAKE "&answer=twice", "");
    assert_string_equal(wire_expect_status(w, 403)->body, "{\"code\":4,\"message\":\"first\"}");
    wire_get(w, HANDSHAKE "&answer=ok", "");
    wire_expect_status(w, 200);
    struct wire *ws = wire_open(&f->h);
    wire_upgrade_request(ws, "/socket.io/?EIO=4&transport=websocket&answer=nope", "");
    assert_string_equal(wire_expect_status(ws, 403)->body, "nope");
    assert_true(wire_wait_end(ws));
    assert_int_equal(harness_cause(&f->h, SIO_CAUSE_REQUEST_REFUSED), 4);
    assert_int_equal(f->count, 5);
    wire_close(w);
    wire_close(ws);
    harness_done(&f->h);
}

static bool is_asked(void *arg) {
    const struct fixture *f = arg;
    return f->next != NULL;
}

static sio_next *wait_for_question(struct fixture *f) {
    assert_true(harness_wait(&f->h, is_asked, f));
    sio_next *next = f->next;
    f->next = NULL;
    return next;
}

static void handshakes_are_decided_later(void **state) {
    (void)state;
    struct fixture *f = begin_deciding();
    struct wire *w = wire_open(&f->h);
    wire_get(w, HANDSHAKE "&answer=later", "");
    sio_next *next = wait_for_question(f);
    harness_settle(&f->h);
    assert_int_equal(w->received, 0);
    sio_next_fail(next, "late", NULL);
    assert_int_equal(w->received, 0);
    assert_string_equal(wire_expect_status(w, 403)->body, "{\"code\":4,\"message\":\"late\"}");
    wire_get(w, HANDSHAKE "&answer=later", "");
    wire_get(w, HANDSHAKE, ""); /* pipelined behind it */
    sio_next_ok(wait_for_question(f));
    wire_expect_status(w, 200);
    wire_expect_status(w, 403);
    wire_close(w);
    /* A WebSocket, and its first frames together with the request. */
    w = wire_open(&f->h);
    wire_upgrade_request(w, "/socket.io/?EIO=4&transport=websocket&answer=later", "");
    wire_text(w, "40");
    wire_text(w, "42[\"echo\",1]");
    next = wait_for_question(f);
    wire_text(w, "42[\"echo\",2]");
    harness_settle(&f->h);
    sio_next_ok(next);
    wire_expect_status(w, 101);
    assert_memory_equal(wire_read_frame(w)->data, "0{\"sid\"", 7);
    assert_memory_equal(wire_read_frame(w)->data, "40{\"sid\"", 8);
    assert_string_equal(wire_read_frame(w)->data, "42[\"echo\",1]");
    assert_string_equal(wire_read_frame(w)->data, "42[\"echo\",2]");
    wire_close(w);
    harness_done(&f->h);
}

static void decisions_for_clients_that_left_have_no_effect(void **state) {
    (void)state;
    struct fixture *f = begin_deciding();
    for (int i = 0; i < 3; i++) {
        struct wire *w = wire_open(&f->h);
        wire_get(w, HANDSHAKE "&answer=later", "");
        sio_next *next = wait_for_question(f);
        if (i == 2) {
            sio_next_ok(next); /* decided, but not carried out before the end is seen */
            wire_reset(w);
            harness_settle(&f->h);
            continue;
        }
        wire_reset(w);
        harness_settle(&f->h);
        if (i == 0) {
            sio_next_ok(next);
        } else {
            sio_next_fail(next, "nobody hears it", NULL);
        }
        harness_settle(&f->h);
    }
    assert_int_equal(harness_stats(&f->h).connections, 0);
    harness_done(&f->h);
}

static void decisions_that_never_come_do_not_hold_up_closing(void **state) {
    (void)state;
    struct fixture *f = begin_deciding();
    struct wire *w = wire_open(&f->h);
    wire_get(w, HANDSHAKE "&answer=later", "");
    sio_next *next = wait_for_question(f);
    harness_close(&f->h);
    assert_true(wire_wait_end(w));
    wire_close(w);
    sio_next_ok(next); /* still to be ended, even after the server was freed */
    harness_done(&f->h);
}

/* ---- refusals are told ---- */

static void on_refusal(const sio_connection_error *error, void *user) {
    struct fixture *f = user;
    f->count++;
    assert_non_null(error->req);
    (void)snprintf(f->text, sizeof f->text, "%d|%s|%s|%s", error->code, error->message,
                   error->context, sio_request_method(error->req));
}

static void refusals_are_told(void **state) {
    (void)state;
    static const struct {
        const char *path;
        const char *told;
    } cases[] = {
        {"/socket.io/?EIO=4", "0|Transport unknown||GET"},
        {"/socket.io/?EIO=4&transport=constructor", "0|Transport unknown||GET"},
        {HANDSHAKE "&sid=nobody", "1|Session ID unknown||GET"},
        {"/socket.io/?EIO=4&transport=websocket", "3|Bad request|TRANSPORT_HANDSHAKE_ERROR|GET"},
        {"/socket.io/?EIO=3&transport=polling", "5|Unsupported protocol version||GET"},
    };
    struct fixture *f = begin();
    harness_init(&f->h, SIO_SERVER_OPTIONS(.on_connection_error = on_refusal,
                                           .on_connection_error_user = f));
    harness_listen(&f->h);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(http_get_status(&f->h, cases[i].path), 400);
        assert_string_equal(f->text, cases[i].told);
    }
    struct wire *w = wire_open(&f->h);
    wire_post(w, HANDSHAKE, "", "", 0);
    wire_expect_status(w, 400);
    assert_string_equal(f->text, "2|Bad handshake method||POST");
    assert_int_equal(f->count, sizeof cases / sizeof cases[0] + 1);
    wire_close(w);
    harness_done(&f->h);
}

/* ---- answers of the application ---- */

static void answer_by_path(const sio_request *req, const void *body, size_t len, sio_response *res,
                           void *user) {
    struct fixture *f = user;
    (void)body;
    (void)len;
    f->count++;
    if (strcmp(sio_request_url(req), "/later") == 0) {
        f->response = res;
        return;
    }
    if (strcmp(sio_request_url(req), "/empty") == 0) {
        assert_int_equal(sio_response_send(res, 204, NULL, 0), 0);
        return;
    }
    sio_headers *headers = sio_response_headers(res);
    assert_int_equal(sio_headers_set(headers, "Content-Type", "text/x-test"), 0);
    assert_int_equal(sio_headers_set(headers, "X-Bad", "a\nb"), SIO_ERR_INVALID);
    assert_int_equal(sio_response_send(res, 199, "x", 1), SIO_ERR_INVALID); /* not ended by that */
    assert_int_equal(sio_response_send(res, 600, "x", 1), SIO_ERR_INVALID);
    assert_int_equal(sio_response_send(res, 200, NULL, 1), SIO_ERR_INVALID);
    assert_int_equal(sio_response_send(res, 418, "short", 5), 0);
}

static struct fixture *begin_answering(void) {
    struct fixture *f = begin();
    harness_init(&f->h, NULL);
    sio_server_on_request(f->h.server, answer_by_path, f);
    harness_listen(&f->h);
    return f;
}

static void applications_answer_other_paths(void **state) {
    (void)state;
    char value[32];
    struct fixture *f = begin_answering();
    struct wire *w = wire_open(&f->h);
    wire_get(w, "/tea", "");
    const struct response *res = wire_expect_status(w, 418);
    assert_string_equal(res->body, "short");
    assert_string_equal(response_field(res, "content-type", value, sizeof value), "text/x-test");
    assert_string_equal(response_field(res, "content-length", value, sizeof value), "5");
    assert_null(response_field(res, "x-bad", value, sizeof value));
    wire_puts(w, "HEAD /tea HTTP/1.1\r\nHost: test\r\n\r\n");
    res = wire_response_head(w);
    assert_int_equal(res->status, 418);
    assert_string_equal(response_field(res, "content-length", value, sizeof value), "5");
    wire_get(w, "/empty", "");
    assert_null(response_field(wire_expect_status(w, 204), "content-length", value, sizeof value));
    wire_get(w, "/tea", "Connection: close\r\n");
    wire_expect_status(w, 418);
    assert_true(wire_wait_end(w));
    assert_int_equal(f->count, 4);
    wire_close(w);
    harness_done(&f->h);
}

static bool has_response(void *arg) {
    const struct fixture *f = arg;
    return f->response != NULL;
}

static sio_response *wait_for_request(struct fixture *f) {
    assert_true(harness_wait(&f->h, has_response, f));
    sio_response *res = f->response;
    f->response = NULL;
    return res;
}

static void applications_answer_later(void **state) {
    (void)state;
    struct fixture *f = begin_answering();
    struct wire *w = wire_open(&f->h);
    wire_get(w, "/later", "");
    wire_get(w, "/tea", ""); /* pipelined: waits for its turn */
    sio_response *res = wait_for_request(f);
    harness_settle(&f->h);
    assert_int_equal(w->received, 0);
    assert_int_equal(f->count, 1);
    char body[100000];
    memset(body, 'b', sizeof body);
    assert_int_equal(sio_response_send(res, 200, body, sizeof body), 0);
    memset(body, 'x', sizeof body); /* it was copied */
    const struct response *got = wire_expect_status(w, 200);
    assert_int_equal(got->len, sizeof body);
    assert_int_equal(strspn(got->body, "b"), sizeof body);
    assert_string_equal(wire_expect_status(w, 418)->body, "short");
    wire_close(w);
    harness_done(&f->h);
}

static void answers_to_clients_that_left_are_closed(void **state) {
    (void)state;
    struct fixture *f = begin_answering();
    struct wire *w = wire_open(&f->h);
    wire_get(w, "/later", "");
    sio_response *res = wait_for_request(f);
    wire_reset(w);
    harness_settle(&f->h);
    assert_non_null(sio_response_headers(res));
    assert_int_equal(sio_headers_set(sio_response_headers(res), "A", "b"), 0);
    assert_int_equal(sio_response_send(res, 200, "x", 1), SIO_ERR_CLOSED);
    w = wire_open(&f->h);
    wire_get(w, "/later", "");
    res = wait_for_request(f);
    harness_close(&f->h);
    assert_int_equal(sio_response_send(res, 200, "x", 1), SIO_ERR_CLOSED);
    wire_close(w);
    harness_done(&f->h);
}

/* ---- closing the server from inside ---- */

static void close_server(struct fixture *f) {
    f->count++;
    (void)sio_server_close(f->h.server, NULL, NULL);
}

static void close_and_allow(const sio_request *req, sio_next *next, void *user) {
    (void)req;
    close_server(user);
    sio_next_ok(next);
}

static void close_in_hook(sio_headers *headers, const sio_request *req, void *user) {
    (void)headers;
    (void)req;
    close_server(user);
}

static int close_and_generate(const sio_request *req, char *buffer, size_t size, void *user) {
    (void)req;
    close_server(user);
    (void)snprintf(buffer, size, "id");
    return 0;
}

static bool close_and_check(const char *origin, void *user) {
    (void)origin;
    close_server(user);
    return true;
}

static void close_and_answer(const sio_request *req, const void *body, size_t len,
                             sio_response *res, void *user) {
    (void)req;
    (void)body;
    (void)len;
    close_server(user);
    (void)sio_response_send(res, 200, "x", 1);
}

static void close_on_refusal(const sio_connection_error *error, void *user) {
    (void)error;
    close_server(user);
}

static void servers_may_be_closed_in_every_callback(void **state) {
    (void)state;
    static const char *const paths[] = {HANDSHAKE, "/other", "/socket.io/?EIO=4&transport=none"};
    for (int i = 0; i < 6 * 2 * 3; i++) {
        struct fixture *f = begin();
        sio_server_options o;
        sio_server_options_init(&o);
        sio_cors cors = {.size = sizeof cors, .check = close_and_check, .user = f};
        o.cors = i / 6 == 5 ? &cors : NULL;
        o.allow_request = i / 6 == 0 ? close_and_allow : NULL;
        o.allow_request_user = f;
        o.on_headers = i / 6 == 1 ? close_in_hook : NULL;
        o.on_headers_user = f;
        o.on_initial_headers = i / 6 == 2 ? close_in_hook : NULL;
        o.on_initial_headers_user = f;
        o.generate_id = i / 6 == 3 ? close_and_generate : NULL;
        o.generate_id_user = f;
        o.on_connection_error = i / 6 == 4 ? close_on_refusal : NULL;
        o.on_connection_error_user = f;
        harness_init(&f->h, &o);
        sio_server_on_request(f->h.server, close_and_answer, f);
        harness_listen(&f->h);
        struct wire *w = wire_open(&f->h);
        if (i % 2 == 0) {
            wire_get(w, paths[i / 2 % 3], "Origin: http://elsewhere\r\n");
        } else {
            wire_upgrade_request(w, "/socket.io/?EIO=4&transport=websocket",
                                 "Origin: http://elsewhere\r\n");
        }
        f->h.patient = false;
        (void)wire_response(w);
        (void)wire_wait_end(w);
        wire_close(w);
        harness_done(&f->h);
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_read),
        cmocka_unit_test(hooks_change_the_fields_of_answers),
        cmocka_unit_test(ids_may_be_the_applications),
        cmocka_unit_test(ids_that_are_malformed_refuse_the_handshake),
        cmocka_unit_test(handshakes_are_decided_at_once),
        cmocka_unit_test(handshakes_are_decided_later),
        cmocka_unit_test(decisions_for_clients_that_left_have_no_effect),
        cmocka_unit_test(decisions_that_never_come_do_not_hold_up_closing),
        cmocka_unit_test(refusals_are_told),
        cmocka_unit_test(applications_answer_other_paths),
        cmocka_unit_test(applications_answer_later),
        cmocka_unit_test(answers_to_clients_that_left_are_closed),
        cmocka_unit_test(servers_may_be_closed_in_every_callback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
