/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* What a client does in which order: attempts and their notices, buffers, retries, handlers. */
#include "support/life.h"

#include <stdio.h>
#include <string.h>

#include <sio/error.h>

#include "support/dialer.h"

#define HISTORY    64
#define LINE_CHARS 300

static struct life_server server;

struct entry {
    int kind;
    uint32_t attempt;
    uint32_t delay_ms;
};

struct record {
    sio_client *client;
    sio_socket *s;
    struct entry entries[HISTORY];
    size_t count;
    bool opens_again; /* when no attempts are left, once */
    int statuses[HISTORY];
    size_t answers;
    char calls[HISTORY]; /* which handlers were called */
    bool in_emit;
};

static int start(void **state) {
    (void)state;
    life_server_start(&server);
    return 0;
}

static int stop(void **state) {
    (void)state;
    life_server_stop(&server);
    return 0;
}

static void on_notice(sio_client *client, const sio_notice *notice, void *user) {
    struct record *r = user;
    if (r->count < HISTORY) {
        r->entries[r->count++] = (struct entry){notice->kind, notice->attempt, notice->delay_ms};
    }
    if (notice->kind == SIO_NOTICE_RECONNECT_FAILED && r->opens_again) {
        r->opens_again = false;
        assert_int_equal(sio_client_open(client), 0);
    }
}

static void make(struct record *r, const char *url, const sio_client_options *o) {
    memset(r, 0, sizeof *r);
    assert_int_equal(sio_client_new(&r->client, url, o), 0);
    sio_client_on_notice(r->client, on_notice, r);
    r->s = sio_client_socket(r->client, NULL, NULL);
    assert_non_null(r->s);
}

static void turn_until(struct record *r, const size_t *counter, size_t count) {
    int64_t begin = life_now_ms();
    while (*counter < count) {
        assert_int_equal(sio_client_tick(r->client), 0);
        assert_true(life_now_ms() - begin < 20000);
    }
}

/* ---- attempts ---- */

static void attempts_are_told_of_and_end(void **state) {
    static const struct entry expected[] = {
        {SIO_NOTICE_ERROR, 0, 4},
        {SIO_NOTICE_RECONNECT_ATTEMPT, 1, 0},
        {SIO_NOTICE_ERROR, 1, 8},
        {SIO_NOTICE_RECONNECT_ERROR, 1, 8},
        {SIO_NOTICE_RECONNECT_ATTEMPT, 2, 0},
        {SIO_NOTICE_ERROR, 2, 10},
        {SIO_NOTICE_RECONNECT_ERROR, 2, 10},
        {SIO_NOTICE_RECONNECT_ATTEMPT, 3, 0},
        {SIO_NOTICE_ERROR, 3, SIO_NEVER},
        {SIO_NOTICE_RECONNECT_ERROR, 3, SIO_NEVER},
        {SIO_NOTICE_RECONNECT_FAILED, 0, SIO_NEVER},
    };
    const size_t count = sizeof expected / sizeof expected[0];
    struct place nobody = place_refusing(AF_INET);
    struct record r;
    char url[64];
    (void)state;
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u", (unsigned)place_port(&nobody));
    make(&r, url,
         SIO_CLIENT_OPTIONS(.reconnection_attempts = 3, .reconnection_delay_ms = 4,
                            .reconnection_delay_max_ms = 10, .proxy = "",
                            .randomization_percent = SIO_NEVER));
    r.opens_again = true;
    assert_int_equal(sio_client_run(r.client), UV_ECONNREFUSED);
    assert_int_equal(r.count, 2 * count); /* all again, as it was opened again */
    for (size_t i = 0; i < 2 * count; i++) {
        assert_int_equal(r.entries[i].kind, expected[i % count].kind);
        assert_int_equal(r.entries[i].attempt, expected[i % count].attempt);
        assert_int_equal(r.entries[i].delay_ms, expected[i % count].delay_ms);
    }
    sio_client_free(r.client);
    place_leave(&nobody);
}

static void no_reconnection_means_one_attempt(void **state) {
    struct place nobody = place_refusing(AF_INET);
    struct record r;
    char url[64];
    (void)state;
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u", (unsigned)place_port(&nobody));
    make(&r, url, SIO_CLIENT_OPTIONS(.no_reconnection = true, .proxy = ""));
    assert_int_equal(sio_client_run(r.client), UV_ECONNREFUSED);
    assert_int_equal(r.count, 1);
    assert_int_equal(r.entries[0].kind, SIO_NOTICE_ERROR);
    assert_int_equal(r.entries[0].delay_ms, SIO_NEVER);
    sio_client_free(r.client);
    place_leave(&nobody);
}

/* ---- the buffer ---- */

static void on_answer(sio_socket *s, int status, sio_event *reply, void *user) {
    struct record *r = user;
    (void)s;
    (void)reply;
    assert_false(r->in_emit);
    assert_true(r->answers < HISTORY);
    r->statuses[r->answers++] = status;
}

static int ask(struct record *r, const char *event, uint32_t timeout_ms) {
    const sio_ack_options ack = {
        .size = sizeof ack, .fn = on_answer, .user = r, .timeout_ms = timeout_ms};
    r->in_emit = true;
    int status = sio_emit_ack(r->s, &ack, event, "s", "twenty bytes of text");
    r->in_emit = false;
    return status;
}

static void full_buffers_refuse(void **state) {
    struct record r;
    (void)state;
    make(&r, server.url,
         SIO_CLIENT_OPTIONS(.proxy = "", .socket = SIO_SOCKET(.max_buffered_bytes = 100)));
    assert_int_equal(ask(&r, "echo", 0), 0);
    assert_int_equal(ask(&r, "echo", 0), 0);
    assert_int_equal(ask(&r, "echo", 0), SIO_ERR_BUSY);
    turn_until(&r, &r.answers, 2);
    assert_int_equal(r.statuses[0], 0);
    assert_int_equal(r.statuses[1], 0);
    assert_int_equal(ask(&r, "echo", 0), 0);
    turn_until(&r, &r.answers, 3);
    sio_client_free(r.client);
}

static void what_waits_for_a_connection_is_kept_over_a_close(void **state) {
    struct record r;
    (void)state;
    make(&r, server.url, SIO_CLIENT_OPTIONS(.proxy = ""));
    assert_int_equal(ask(&r, "echo", 0), 0);
    assert_int_equal(sio_client_close(r.client), 0);
    assert_int_equal(sio_client_run(r.client), 0);
    assert_int_equal(r.answers, 0);
    assert_true(sio_socket_pending_bytes(r.s) > 0);
    assert_int_equal(sio_client_open(r.client), 0);
    turn_until(&r, &r.answers, 1);
    assert_int_equal(r.statuses[0], 0);
    sio_client_free(r.client);
}

static void full_buffers_drop_the_oldest(void **state) {
    struct record r;
    (void)state;
    make(&r, server.url,
         SIO_CLIENT_OPTIONS(.proxy = "",
                            .socket = SIO_SOCKET(.max_buffered_bytes = 100,
                                                 .overflow = SIO_OVERFLOW_DROP_OLDEST)));
    for (int i = 0; i < 5; i++) {
        assert_int_equal(ask(&r, "echo", 0), 0);
    }
    assert_int_equal(r.answers, 0);
    turn_until(&r, &r.answers, 5);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(r.statuses[i], i < 3 ? SIO_ERR_DROPPED : 0);
    }
    sio_client_free(r.client);
}

/* A second has passed since the client was made. */
static void time_counts_from_the_emission(void **state) {
    struct record r;
    (void)state;
    make(&r, server.url, SIO_CLIENT_OPTIONS(.proxy = ""));
    int64_t begin = life_now_ms();
    while (life_now_ms() - begin < 1000) {
    }
    assert_int_equal(ask(&r, "echo", 900), 0);
    turn_until(&r, &r.answers, 1);
    assert_int_equal(r.statuses[0], 0);
    sio_client_free(r.client);
}

/* ---- retries ---- */

static void retries_go_one_after_the_other(void **state) {
    struct record r;
    (void)state;
    make(&r, server.url,
         SIO_CLIENT_OPTIONS(.proxy = "", .socket = SIO_SOCKET(.retries = 2, .ack_timeout_ms = 20)));
    assert_int_equal(ask(&r, "echo", 1000), 0);
    assert_int_equal(ask(&r, "silent", 0), 0);
    assert_int_equal(ask(&r, "echo", 1000), 0);
    int64_t begin = life_now_ms();
    turn_until(&r, &r.answers, 3);
    assert_true(life_now_ms() - begin >= 60); /* three tries */
    assert_int_equal(r.statuses[0], 0);
    assert_int_equal(r.statuses[1], SIO_ERR_TIMEOUT);
    assert_int_equal(r.statuses[2], 0);
    sio_client_free(r.client);
}

/* ---- handlers ---- */

static void note_call(struct record *r, char name) {
    size_t len = strlen(r->calls);
    assert_true(len + 1 < HISTORY);
    r->calls[len] = name;
    r->count++;
}

static void on_c(sio_socket *s, sio_event *ev, void *user) {
    (void)s;
    (void)ev;
    note_call(user, 'c');
}

static void on_b(sio_socket *s, sio_event *ev, void *user) {
    (void)s;
    (void)ev;
    note_call(user, 'b');
}

static void on_a(sio_socket *s, sio_event *ev, void *user) {
    struct record *r = user;
    (void)ev;
    note_call(r, 'a');
    (void)sio_socket_off(s, "event", on_b);
    (void)sio_socket_on(s, "event", on_c, r);
    (void)sio_socket_off(s, "event", on_a);
    (void)sio_emit(s, "event", "s", "again");
}

static void on_once(sio_socket *s, sio_event *ev, void *user) {
    (void)s;
    (void)ev;
    note_call(user, '1');
}

static void on_last(sio_socket *s, sio_event *ev, void *user) {
    (void)s;
    (void)ev;
    note_call(user, '.');
}

static void handlers_come_and_go_while_they_run(void **state) {
    struct record r;
    (void)state;
    make(&r, server.url, SIO_CLIENT_OPTIONS(.proxy = ""));
    sio_client_on_notice(r.client, NULL, NULL);
    assert_int_equal(sio_socket_once(r.s, "event", on_once, &r), 0);
    assert_int_equal(sio_socket_on(r.s, "event", on_a, &r), 0);
    assert_int_equal(sio_socket_on(r.s, "event", on_b, &r), 0);
    assert_int_equal(sio_socket_on(r.s, "event", on_last, &r), 0);
    assert_int_equal(sio_emit(r.s, "event", "s", "text"), 0);
    turn_until(&r, &r.count, 5);
    assert_string_equal(r.calls, "1a..c");
    assert_int_equal(sio_socket_off(r.s, "event", NULL), 2);
    sio_client_free(r.client);
}

/* ---- many on a loop ---- */

static void on_first(sio_socket *s, void *user) {
    struct record *r = user;
    (void)s;
    r->answers++;
    sio_client_free(r->client);
}

static void clients_beside_each_other_are_freed_in_any_order(void **state) {
    enum { CLIENTS = 5 };
    struct record r[CLIENTS];
    uv_loop_t loop;
    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    for (int i = 0; i < CLIENTS; i++) {
        memset(&r[i], 0, sizeof r[i]);
        assert_int_equal(sio_client_new(&r[i].client, server.url, SIO_CLIENT_OPTIONS(.proxy = "")),
                         0);
        assert_int_equal(i == 0 ? sio_client_attach_uv(r[i].client, &loop)
                                : sio_client_attach_beside(r[i].client, r[i - 1].client),
                         0);
        r[i].s = sio_socket_ref(sio_client_socket(r[i].client, NULL, NULL));
        assert_non_null(r[i].s);
    }
    sio_client_free(r[0].client); /* the first one, before it has begun */
    for (int i = 1; i < CLIENTS; i++) {
        assert_int_equal(sio_socket_on_connect(r[i].s, on_first, &r[i]), 0);
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    for (int i = 0; i < CLIENTS; i++) {
        assert_int_equal(r[i].answers, i == 0 ? 0 : 1);
        assert_int_equal(sio_emit(r[i].s, "event", ""), SIO_ERR_CLOSED);
        sio_socket_unref(r[i].s);
    }
}

/* ---- options ---- */

static void options_need_their_size(void **state) {
    sio_client *client = NULL;
    (void)state;
    assert_int_equal(sio_client_new(&client, server.url, &(sio_client_options){.size = 0}),
                     SIO_ERR_INVALID);
    assert_int_equal(sio_client_new(NULL, server.url, NULL), SIO_ERR_INVALID);
    assert_int_equal(sio_client_new(&client, NULL, NULL), SIO_ERR_INVALID);
    assert_null(client);
    sio_client_free(NULL);
}

static void on_log(int level, const char *component, const char *message, void *user) {
    size_t *count = user;
    (void)level;
    (void)component;
    (void)message;
    (*count)++;
}

/* Of a program of an older version, which knows fewer of them. */
static void short_options_have_a_log(void **state) {
    sio_client *client = NULL;
    size_t lines = 0;
    sio_client_options o = {.size = sizeof o - sizeof o.debug, .log = on_log, .log_user = &lines};
    (void)state;
    assert_int_equal(sio_client_new(&client, "http://:bad:", &o), SIO_ERR_INVALID);
    assert_int_equal(lines, 1);
}

static void keep_line(int level, const char *component, const char *message, void *user) {
    char *line = user;
    (void)level;
    (void)component;
    (void)snprintf(line, LINE_CHARS, "%s", message);
}

static void wrong_options_are_named_in_the_log(void **state) {
    sio_client *client = NULL;
    char line[LINE_CHARS] = "";
    (void)state;
    const sio_client_options o = {.size = sizeof o, .log = keep_line, .log_user = line};
    assert_int_equal(sio_client_new(&client, server.url, &o), 0);
    assert_null(sio_client_socket(client, NULL, SIO_SOCKET(.auth = "[1]")));
    assert_string_equal(line, "/: auth is no JSON object");
    assert_null(sio_client_socket(client, "a", &(sio_socket_options){.size = 0}));
    assert_string_equal(line, "/a: size is missing");
    sio_client_free(client);
    sio_client_options wrong = o;
    wrong.tls = SIO_TLS(.ca_file = "nope.pem");
    assert_int_equal(sio_client_new(&client, "https://127.0.0.1", &wrong), SIO_ERR_TLS);
    assert_string_equal(line, "tls: ca_file nope.pem: no such file or directory");
    wrong = o;
    wrong.socket = SIO_SOCKET(.auth = "{");
    assert_int_equal(sio_client_new(&client, server.url, &wrong), SIO_ERR_INVALID);
    assert_string_equal(line, "socket: auth is no JSON object");
}

static void keep_message(sio_socket *s, const sio_connect_error *error, void *user) {
    (void)s;
    keep_line(0, NULL, error->message, user);
}

static void expect_message(const char *url, const char *expected) {
    sio_client *client = NULL;
    char line[LINE_CHARS] = "";
    assert_int_equal(sio_client_new(&client, url, SIO_CLIENT_OPTIONS(.no_reconnection = true)), 0);
    sio_socket *s = sio_client_socket(client, NULL, NULL);
    assert_int_equal(sio_socket_on_connect_error(s, keep_message, line), 0);
    assert_int_equal(sio_client_run(client), SIO_ERR_TLS);
    assert_string_equal(line, expected);
    sio_client_free(client);
}

static void a_missing_scheme_is_missed_where_there_is_no_tls(void **state) {
    char url[80];
    char expected[LINE_CHARS];
    const char *place = server.url + strlen("http://");
    (void)state;
    (void)snprintf(expected, sizeof expected,
                   "xhr poll error: peer does not speak TLS; did you mean %s?", server.url);
    expect_message(place, expected);
    (void)snprintf(url, sizeof url, "https://%s", place); /* this one is meant so */
    expect_message(url, "xhr poll error: peer does not speak TLS");
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(attempts_are_told_of_and_end),
        cmocka_unit_test(no_reconnection_means_one_attempt),
        cmocka_unit_test(full_buffers_refuse),
        cmocka_unit_test(what_waits_for_a_connection_is_kept_over_a_close),
        cmocka_unit_test(full_buffers_drop_the_oldest),
        cmocka_unit_test(time_counts_from_the_emission),
        cmocka_unit_test(retries_go_one_after_the_other),
        cmocka_unit_test(handlers_come_and_go_while_they_run),
        cmocka_unit_test(clients_beside_each_other_are_freed_in_any_order),
        cmocka_unit_test(options_need_their_size),
        cmocka_unit_test(short_options_have_a_log),
        cmocka_unit_test(wrong_options_are_named_in_the_log),
        cmocka_unit_test(a_missing_scheme_is_missed_where_there_is_no_tls),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
