/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The HTTP side of the server with every allocation failing in turn: hooks, cookies, cross-origin
 * requests, decisions that come late, the browser client, and connections with many requests.
 */
#include "support/scenario.h"

#include <stdlib.h>
#include <string.h>

#include <sio/error.h>

#define POLLING   "/socket.io/?EIO=4&transport=polling"
#define WEBSOCKET "/socket.io/?EIO=4&transport=websocket"

/* ---- hooks ---- */

static void on_headers(sio_headers *headers, const sio_request *req, void *user) {
    (void)user;
    (void)sio_headers_set(headers, "X-Every", sio_request_method(req));
    (void)sio_headers_add(headers, "X-Two", "1");
    (void)sio_headers_add(headers, "X-Two", "2");
    sio_headers_remove(headers, "X-Every");
    (void)sio_headers_get(headers, "X-Two");
}

static int generate_id(const sio_request *req, char *buffer, size_t size, void *user) {
    char id[40];
    (void)user;
    int r = sio_request_query(req, "id", id, sizeof id);
    if (r < 0) {
        return r;
    }
    (void)snprintf(buffer, size, "%s", id);
    return 0;
}

static void on_refusal(const sio_connection_error *error, void *user) {
    (void)user;
    assert_non_null(error->message);
    (void)sio_request_header(error->req, "host");
}

static bool check_origin(const char *origin, void *user) {
    (void)user;
    return strcmp(origin, "http://good") == 0;
}

static int hooks(void *user) {
    struct scenario x;
    (void)user;
    scenario_begin(&x,
                   SIO_SERVER_OPTIONS(.on_headers = on_headers, .on_initial_headers = on_headers,
                                      .on_connection_error = on_refusal, .initial_packet = "hello",
                                      .cookie = SIO_COOKIE(.name = "session", .domain = "a.example",
                                                           .same_site = "None", .secure = true,
                                                           .max_age_s = 5),
                                      .log_level = SIO_LOG_NONE),
                   NULL);
    /* The clients at the end do not expect an initial packet. */
    struct wire *w = wire_open(&x.h);
    wire_get(w, POLLING, "");
    scenario_answer(&x, w, 200);
    wire_get(w, "/socket.io/?EIO=3&transport=polling", "");
    scenario_answer(&x, w, 400);
    wire_get(w, POLLING "&sid=none", "");
    scenario_answer(&x, w, 400);
    wire_close(w);
    w = wire_open(&x.h);
    wire_upgrade_request(w, WEBSOCKET, "");
    scenario_answer(&x, w, 101);
    if (x.ok) {
        scenario_step(&x, wire_read_frame(w) != NULL);
    }
    wire_close(w);
    scenario_relax(&x);
    assert_int_equal(http_get_status(&x.h, POLLING), 200);
    return scenario_end_closed(&x);
}

static int ids_of_the_application(void *user) {
    struct scenario x;
    (void)user;
    scenario_begin(&x, SIO_SERVER_OPTIONS(.generate_id = generate_id, .log_level = SIO_LOG_NONE),
                   NULL);
    struct wire *w = wire_open(&x.h);
    wire_get(w, POLLING "&id=mine", "");
    scenario_answer(&x, w, 200);
    wire_get(w, POLLING "&id=mine", ""); /* it is there already */
    scenario_answer(&x, w, 400);
    wire_get(w, POLLING, "");
    scenario_answer(&x, w, 400);
    wire_get(w, POLLING "&id=other", "");
    scenario_answer(&x, w, 200);
    wire_close(w);
    scenario_relax(&x);
    assert_int_equal(http_get_status(&x.h, POLLING "&id=last"), 200);
    return scenario_end_closed(&x);
}

static int cross_origin(void *user) {
    struct scenario x;
    (void)user;
    scenario_begin(&x,
                   SIO_SERVER_OPTIONS(.cors = SIO_CORS(.check = check_origin, .credentials = true,
                                                       .expose = "X-A,X-B", .max_age_s = 60),
                                      .log_level = SIO_LOG_NONE),
                   NULL);
    struct wire *w = wire_open(&x.h);
    wire_puts(w, "OPTIONS " POLLING " HTTP/1.1\r\nHost: a\r\nOrigin: http://good\r\n"
                 "Access-Control-Request-Headers: x-a, x-b\r\n\r\n");
    scenario_answer(&x, w, 204);
    wire_get(w, POLLING, "Origin: http://good\r\n");
    scenario_answer(&x, w, 200);
    wire_get(w, POLLING, "Origin: http://bad\r\n");
    scenario_answer(&x, w, 200);
    wire_upgrade_request(w, WEBSOCKET, "Origin: http://bad\r\n");
    scenario_answer(&x, w, 403);
    wire_close(w);
    w = wire_open(&x.h);
    wire_upgrade_request(w, WEBSOCKET, "Origin: http://good\r\n");
    scenario_answer(&x, w, 101);
    wire_close(w);
    return scenario_end(&x);
}

/* ---- decisions about handshakes ---- */

static void allow_later(const sio_request *req, sio_next *next, void *user) {
    struct scenario *x = user;
    if (sio_request_header(req, "x-wait") != NULL) {
        scenario_keep_next(x, next);
    } else {
        sio_next_ok(next);
    }
}

static void begin_asking(struct scenario *x) {
    scenario_begin(x,
                   SIO_SERVER_OPTIONS(.allow_request = allow_later, .allow_request_user = x,
                                      .cookie = SIO_COOKIE(.name = "io"),
                                      .log_level = SIO_LOG_NONE),
                   NULL);
}

static int late_decisions(void *user) {
    struct scenario x;
    (void)user;
    begin_asking(&x);
    struct wire *w = wire_open(&x.h);
    wire_get(w, POLLING, "X-Wait: yes\r\n");
    wire_get(w, "/other", ""); /* waits behind it */
    sio_next_ok(scenario_decision(&x));
    scenario_answer(&x, w, 200);
    scenario_answer(&x, w, 404);
    wire_get(w, POLLING, "X-Wait: yes\r\n");
    sio_next_fail(scenario_decision(&x), "not you", NULL);
    scenario_answer(&x, w, 403);
    wire_close(w);
    w = wire_open(&x.h);
    wire_upgrade_request(w, WEBSOCKET, "X-Wait: yes\r\n");
    wire_text(w, "40");
    sio_next_ok(scenario_decision(&x));
    scenario_answer(&x, w, 101);
    for (int i = 0; i < 2 && x.ok; i++) { /* handshake and CONNECT */
        scenario_step(&x, wire_read_frame(w) != NULL);
    }
    wire_close(w);
    return scenario_end(&x);
}

static int decisions_for_nobody(void *user) {
    struct scenario x;
    (void)user;
    begin_asking(&x);
    for (int i = 0; i < 3; i++) {
        struct wire *w = wire_open(&x.h);
        if (i < 2) {
            wire_get(w, POLLING, "X-Wait: yes\r\n");
        } else {
            wire_upgrade_request(w, WEBSOCKET, "X-Wait: yes\r\n");
        }
        sio_next *next = scenario_decision(&x);
        wire_reset(w);
        if (i > 0) {
            harness_settle(&x.h);
        }
        sio_next_ok(next);
    }
    return scenario_end(&x);
}

/* ---- the browser client ---- */

static int browser_client(void *user) {
    static const char *const encodings[] = {"br", "gzip", "deflate", "identity"};
    struct scenario x;
    (void)user;
    scenario_begin(&x, NULL, NULL);
    struct wire *w = wire_open(&x.h);
    char etag[64] = "";
    for (size_t i = 0; i < sizeof encodings / sizeof encodings[0]; i++) {
        char fields[64];
        (void)snprintf(fields, sizeof fields, "Accept-Encoding: %s\r\n", encodings[i]);
        wire_get(w, "/socket.io/socket.io.min.js", fields);
        scenario_answer(&x, w, 200);
        if (x.ok) {
            (void)response_field(&w->response, "ETag", etag, sizeof etag);
        }
    }
    if (x.ok) {
        char fields[96];
        (void)snprintf(fields, sizeof fields, "If-None-Match: %s\r\n", etag);
        wire_get(w, "/socket.io/socket.io.min.js", fields);
        scenario_answer(&x, w, 304);
    }
    wire_get(w, "/socket.io/socket.io.js.map", "");
    scenario_answer(&x, w, 200);
    wire_get(w, "/socket.io/none.js", "");
    scenario_answer(&x, w, 400);
    wire_close(w);
    return scenario_end(&x);
}

/* ---- requests of the application ---- */

static void on_request(const sio_request *req, const void *body, size_t len, sio_response *res,
                       void *user) {
    struct scenario *x = user;
    size_t cursor = 0;
    const char *name;
    const char *value;
    while (sio_request_next_header(req, &cursor, &name, &value)) {
        assert_true(strlen(name) > 0);
    }
    if (strcmp(sio_request_url(req), "/later") == 0 && x->response == NULL) {
        x->response = res;
        return;
    }
    (void)sio_headers_set(sio_response_headers(res), "Content-Type", "text/plain");
    (void)sio_response_send(res, len > 0 ? 201 : 200, len > 0 ? body : "none", len > 0 ? len : 4);
}

static void add_requests(struct scenario *x) {
    sio_server_on_request(x->h.server, on_request, x);
}

static bool has_response(void *scenario) {
    const struct scenario *x = scenario;
    return x->response != NULL;
}

static int many_requests(void *user) {
    struct scenario x;
    char *body = calloc(1, 70000);
    (void)user;
    assert_non_null(body);
    scenario_begin(&x, NULL, add_requests);
    struct wire *w = wire_open(&x.h);
    for (int i = 0; i < 4; i++) { /* at once */
        wire_get(w, "/a", "X-One: 1\r\nX-Two: 2\r\n");
        wire_post(w, "/b", "", body, 100);
    }
    for (int i = 0; i < 4; i++) {
        scenario_answer(&x, w, 200);
        scenario_answer(&x, w, 201);
    }
    wire_post(w, "/large", "", body, 70000);
    scenario_answer(&x, w, 201);
    wire_puts(w, "GET /half HTTP/1.1\r\nHost: a\r\nX-Fi"); /* a head in two parts */
    harness_turn(&x.h);
    wire_puts(w, "eld: value\r\nExpect: 100-continue\r\n\r\n");
    scenario_step(&x, !x.ok || wire_response(w) != NULL);
    wire_get(w, "/last", "Connection: close\r\n");
    if (x.ok) {
        scenario_step(&x, wire_wait_end(w));
    }
    wire_close(w);
    free(body);
    return scenario_end(&x);
}

static int half_closed(void *user) {
    struct scenario x;
    (void)user;
    scenario_begin(&x, NULL, add_requests);
    struct wire *w = wire_open(&x.h);
    wire_get(w, "/later", "");
    wire_get(w, "/now", "");
    scenario_until(&x, has_response);
    wire_shutdown(w);
    if (x.ok) {
        scenario_step(&x, wire_wait_end(w)); /* it wants no answer any more */
    }
    if (x.response != NULL) {
        (void)sio_response_send(x.response, 200, "late", 4);
        x.response = NULL;
    }
    wire_close(w);
    w = wire_open(&x.h);
    wire_get(w, "/later", "");
    scenario_until(&x, has_response);
    wire_reset(w);
    harness_settle(&x.h);
    if (x.response != NULL) { /* to nobody */
        (void)sio_response_send(x.response, 200, "late", 4);
        x.response = NULL;
    }
    return scenario_end(&x);
}

/* Answers that are larger than what the kernel takes at once. */
static int slow_readers(void *user) {
    struct scenario x;
    (void)user;
    scenario_begin(&x, NULL, NULL);
    struct wire *w = wire_open(&x.h);
    wire_pause(w);
    for (int i = 0; i < 24; i++) {
        wire_get(w, "/socket.io/socket.io.js.map", "");
    }
    harness_turn(&x.h);
    wire_resume(w);
    for (int i = 0; i < 24; i++) {
        scenario_answer(&x, w, 200);
    }
    wire_close(w);
    return scenario_end(&x);
}

/* ---- polling ---- */

static int polling_requests(void *user) {
    struct scenario x;
    (void)user;
    scenario_begin(&x, NULL, NULL);
    struct client *c = scenario_client(&x, SIO_POLLING);
    scenario_tell(&x, c,
                  "42[\"echo\",1]\x1e"
                  "42[\"echo\",2]\x1e"
                  "42[\"echo\",3]");
    for (int i = 0; i < 3; i++) {
        scenario_hear(&x, c, "42[\"echo\",");
    }
    struct wire *w = wire_open(&x.h);
    wire_puts(w, "OPTIONS " POLLING " HTTP/1.1\r\nHost: a\r\nOrigin: http://b\r\n\r\n");
    scenario_answer(&x, w, 400);
    wire_printf(w,
                "POST %s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                "6\r\n42[\"ec\r\n8\r\nho\",\"a\"]\r\n0\r\n\r\n",
                c->path);
    scenario_answer(&x, w, 200);
    scenario_hear(&x, c, "42[\"echo\",\"a\"]");
    wire_get(w, c->path, ""); /* two at once end the session, and give an answer each */
    harness_turn(&x.h);
    wire_get(c->get, c->path, "");
    scenario_answer(&x, c->get, 400);
    wire_close(w);
    client_close(c);
    return scenario_end(&x);
}

/* ---- tests ---- */

SCENARIO_TEST(hooks)
SCENARIO_TEST(ids_of_the_application)
SCENARIO_TEST(cross_origin)
SCENARIO_TEST(late_decisions)
SCENARIO_TEST(decisions_for_nobody)
SCENARIO_TEST(browser_client)
SCENARIO_TEST(many_requests)
SCENARIO_TEST(half_closed)
SCENARIO_TEST(slow_readers)
SCENARIO_TEST(polling_requests)

int main(void) {
    static const struct CMUnitTest tests[] = {
        SCENARIO(hooks),
        SCENARIO(ids_of_the_application),
        SCENARIO(cross_origin),
        SCENARIO(late_decisions),
        SCENARIO(decisions_for_nobody),
        SCENARIO(browser_client),
        SCENARIO(many_requests),
        SCENARIO(half_closed),
        SCENARIO(slow_readers),
        SCENARIO(polling_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
