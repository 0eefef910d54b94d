/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The client, and its server, with every allocation failing in turn: whatever it was doing, it
 * tells of a failure or goes on, leaks nothing, and is as good as new when there is memory again.
 */
#include "support/client.h"
#include "support/torture.h"

#include <stdio.h>
#include <stdlib.h>

#include <sio/error.h>
#include <sio/uv.h>

#define TOO_BIG 10000

struct scenario {
    struct harness h;
    sio_client *client;
    sio_socket *s;
    char url[64];
    size_t connects;
    size_t disconnects;
    size_t events;
    size_t upgrades;
    size_t asked; /* questions that were taken, and */
    size_t told;  /* their answers, of whatever kind, and */
    size_t good;  /* those that were answers */
    const size_t *awaited;
    size_t count;
};

static bool was_refused(void) {
    return torture_refused() > 0;
}

/* ---- callbacks ---- */

static void on_connect(sio_socket *s, void *user) {
    struct scenario *x = user;
    (void)s;
    x->connects++;
    x->h.activity++;
}

static void on_disconnect(sio_socket *s, int reason, int cause, void *user) {
    struct scenario *x = user;
    (void)s;
    (void)reason;
    (void)cause;
    x->disconnects++;
    x->h.activity++;
}

static void on_event(sio_socket *s, sio_event *ev, void *user) {
    struct scenario *x = user;
    (void)s;
    sio_event *copy = sio_event_copy(ev);
    sio_event_free(copy);
    x->events++;
    x->h.activity++;
}

static void on_notice(sio_client *client, const sio_notice *notice, void *user) {
    struct scenario *x = user;
    (void)client;
    x->upgrades += notice->kind == SIO_NOTICE_UPGRADE ? 1 : 0;
    /* Attempts that fail go on for ever while there is no memory. */
    x->h.activity += notice->status == 0 && notice->kind != SIO_NOTICE_RECONNECT_ATTEMPT ? 1 : 0;
}

static void on_answer(sio_socket *s, int status, sio_event *reply, void *user) {
    struct scenario *x = user;
    size_t len = 0;
    (void)s;
    x->told++;
    if (status == 0 && sio_val_bytes(sio_event_arg(reply, 0), &len) != NULL && len == 3) {
        x->good++;
    }
    x->h.activity++;
}

static void on_server_event(sio_socket *s, sio_event *ev, void *user) {
    (void)ev;
    (void)user;
    (void)sio_emit(s, "event", "sB", "text", "bytes", (size_t)5);
}

static void on_kick(sio_socket *s, sio_event *ev, void *user) {
    (void)ev;
    (void)user;
    sio_socket_disconnect(s, false);
}

/* ---- steps ---- */

static struct scenario *begin(void) {
    torture_suspend(true);
    struct scenario *x = calloc(1, sizeof *x);
    assert_non_null(x);
    harness_init(&x->h, SIO_SERVER_OPTIONS(.log_level = SIO_LOG_NONE, .connect_timeout_ms = 200,
                                           .max_payload_bytes = TOO_BIG));
    harness_echo(harness_root(&x->h));
    assert_int_equal(sio_ns_on(harness_root(&x->h), "event", on_server_event, NULL), 0);
    assert_int_equal(sio_ns_on(harness_root(&x->h), "kick", on_kick, NULL), 0);
    harness_listen(&x->h);
    (void)snprintf(x->url, sizeof x->url, "http://127.0.0.1:%u/?a=1", (unsigned)x->h.port);
    x->h.may_have_lost = was_refused;
    torture_suspend(false);
    return x;
}

static bool has_come(void *arg) {
    const struct scenario *x = arg;
    return *x->awaited >= x->count;
}

/* @return whether it has come; it must when nothing was refused */
static bool await(struct scenario *x, const size_t *counter, size_t count) {
    x->awaited = counter;
    x->count = count;
    bool came = harness_wait(&x->h, has_come, x);
    assert_true(came || was_refused());
    return came;
}

static bool may_fail(int r) {
    assert_true(r >= 0 || was_refused());
    return r >= 0;
}

static bool ask(struct scenario *x) {
    const sio_ack_options ack = {.size = sizeof ack, .fn = on_answer, .user = x, .timeout_ms = 50};
    int r = sio_emit_ack(x->s, &ack, "echo", "B", "abc", (size_t)3);
    x->asked += r >= 0 ? 1 : 0;
    return may_fail(r);
}

static void on_log(int level, const char *component, const char *message, void *user) {
    (void)level;
    (void)component;
    (void)message;
    (void)user;
}

/* Makes a client on the loop, with a socket. */
static bool make(struct scenario *x, sio_client_options o) {
    static const char *const headers[] = {"X-A: b", NULL};
    sio_socket_options so = {.size = sizeof so};
    if (o.socket != NULL) {
        so = *o.socket;
    }
    so.connect_timeout_ms = 100;
    o.socket = &so;
    o.size = sizeof o;
    o.log = on_log;
    o.headers = headers;
    o.cookies = true;
    o.proxy = "";
    o.reconnection_delay_ms = 1;
    o.reconnection_delay_max_ms = 2;
    o.open_timeout_ms = 500;
    if (!may_fail(sio_client_new(&x->client, x->url, &o))) {
        return false;
    }
    sio_client_on_notice(x->client, on_notice, x);
    if (!may_fail(sio_client_attach_uv(x->client, &x->h.loop))) {
        return false;
    }
    x->s = sio_client_socket(x->client, NULL, NULL);
    return may_fail(x->s != NULL ? 0 : SIO_ERR_NOMEM) &&
           may_fail(sio_socket_on_connect(x->s, on_connect, x)) &&
           may_fail(sio_socket_on_disconnect(x->s, on_disconnect, x)) &&
           may_fail(sio_socket_on(x->s, "event", on_event, x));
}

/* There is memory again: it can be used as ever, whatever it was doing. */
static void use_again(struct scenario *x) {
    size_t good = x->good;
    torture_suspend(true);
    x->h.may_have_lost = NULL;
    for (int i = 0; i < 200 && x->good == good; i++) {
        assert_int_equal(sio_client_open(x->client), 0);
        assert_int_equal(sio_socket_connect(x->s), 0);
        if (i % 20 == 0) {
            assert_true(ask(x));
        }
        harness_pass_ms(&x->h, i < 5 ? 2 : 20);
    }
    assert_true(x->good > good);
    torture_suspend(false);
}

static int end(struct scenario *x) {
    bool refused = was_refused();
    if (x->s != NULL && refused) {
        use_again(x);
    }
    torture_suspend(true);
    sio_client_free(x->client);
    x->h.may_have_lost = NULL;
    harness_turn(&x->h);
    harness_done(&x->h);
    assert_true(x->told <= x->asked);
    free(x);
    torture_suspend(false);
    return refused ? SIO_ERR_NOMEM : 0;
}

static bool converse(struct scenario *x) {
    size_t events = x->events;
    size_t told = x->told;
    return ask(x) && await(x, &x->told, told + 1) &&
           may_fail(sio_emit(x->s, "event", "{s:[ii]}", "a", 1, 2)) &&
           await(x, &x->events, events + 1);
}

/* ---- scenarios ---- */

static int by_transport(void *user) {
    const uint8_t *transport = user;
    struct scenario *x = begin();
    sio_client_options o = {.transports = {*transport}};
    if (make(x, o) && await(x, &x->connects, 1) && converse(x)) {
        (void)may_fail(sio_client_close(x->client));
        (void)await(x, &x->disconnects, 1);
    }
    return end(x);
}

static int upgrading(void *user) {
    (void)user;
    struct scenario *x = begin();
    sio_client_options o = {.no_upgrade = false};
    if (make(x, o) && await(x, &x->connects, 1) && await(x, &x->upgrades, 1)) {
        (void)converse(x);
    }
    return end(x);
}

static int buffering(void *user) {
    sio_client_options o = {.socket = user, .transports = {SIO_WEBSOCKET}};
    struct scenario *x = begin();
    if (make(x, o) && ask(x) && ask(x) && may_fail(sio_emit(x->s, "event", "s", "text")) &&
        await(x, &x->told, 2) && await(x, &x->events, 1)) {
        (void)converse(x);
    }
    return end(x);
}

static int reconnecting(void *user) {
    static const char big[2 * TOO_BIG];
    sio_client_options o = {.socket = user, .transports = {SIO_WEBSOCKET}};
    struct scenario *x = begin();
    if (make(x, o) && await(x, &x->connects, 1) &&
        may_fail(sio_emit(x->s, "event", "B", big, sizeof big)) && await(x, &x->disconnects, 1) &&
        ask(x) && await(x, &x->connects, 2) && await(x, &x->told, 1)) {
        (void)converse(x);
    }
    return end(x);
}

static int being_kicked(void *user) {
    (void)user;
    struct scenario *x = begin();
    sio_client_options o = {.transports = {SIO_WEBSOCKET}};
    if (make(x, o) && await(x, &x->connects, 1) && may_fail(sio_emit(x->s, "kick", "")) &&
        await(x, &x->disconnects, 1) && may_fail(sio_socket_connect(x->s)) &&
        await(x, &x->connects, 2)) {
        (void)converse(x);
    }
    return end(x);
}

static int closing_and_opening(void *user) {
    (void)user;
    struct scenario *x = begin();
    sio_client_options o = {.transports = {SIO_WEBSOCKET}};
    if (make(x, o) && await(x, &x->connects, 1) && ask(x) &&
        may_fail(sio_client_close(x->client)) && await(x, &x->disconnects, 1) &&
        may_fail(sio_client_open(x->client)) && await(x, &x->connects, 2)) {
        (void)converse(x);
    }
    return end(x);
}

/* The client has a loop of its own, and the test turns both. */
static int ticking(void *user) {
    (void)user;
    struct scenario *x = begin();
    bool made = may_fail(sio_client_new(
        &x->client, x->url,
        SIO_CLIENT_OPTIONS(.log = on_log, .proxy = "", .transports = {SIO_WEBSOCKET})));
    sio_socket *s = made ? sio_client_socket(x->client, "/", NULL) : NULL;
    bool works = made && may_fail(s != NULL ? 0 : SIO_ERR_NOMEM);
    for (int i = 0; works && i < 50; i++) {
        works = may_fail(sio_client_tick(x->client));
        (void)may_fail(i == 1 ? sio_emit(s, "event", "s", "text") : 0);
        harness_turn(&x->h);
    }
    return end(x);
}

/* From this thread to its own, which refuses connections. */
static int on_a_thread(void *user) {
    (void)user;
    sio_client *client = NULL;
    int r = sio_client_new(&client, "http://127.0.0.1:1", SIO_CLIENT_OPTIONS(.log = on_log));
    sio_socket *s = r == 0 ? sio_socket_ref(sio_client_socket(client, "/", NULL)) : NULL;
    if (r == 0) {
        r = s != NULL ? sio_client_start(client) : SIO_ERR_NOMEM;
    }
    for (int i = 0; r == 0 && i < 3; i++) {
        r = sio_emit(s, "event", "sB", "text", "bytes", (size_t)5);
    }
    if (r == 0) {
        r = sio_socket_connect(s);
    }
    sio_client_free(client);
    sio_socket_unref(s);
    assert_true(r == 0 || r == SIO_ERR_NOMEM);
    return was_refused() ? SIO_ERR_NOMEM : r;
}

/* ---- tests ---- */

static uint8_t polling = SIO_POLLING;
static uint8_t websocket = SIO_WEBSOCKET;
static sio_socket_options with_retries = {
    .size = sizeof with_retries, .retries = 1, .ack_timeout_ms = 50, .auth = "{\"a\":1}"};
static sio_socket_options without_retries = {.size = sizeof without_retries};

#define SURVIVES(name, scenario, user)                                                             \
    static void name(void **state) {                                                               \
        (void)state;                                                                               \
        torture_run(scenario, user);                                                               \
    }

SURVIVES(client_survives_polling, by_transport, &polling)
SURVIVES(client_survives_websocket, by_transport, &websocket)
SURVIVES(client_survives_upgrading, upgrading, NULL)
SURVIVES(client_survives_buffering, buffering, &without_retries)
SURVIVES(client_survives_retries, buffering, &with_retries)
SURVIVES(client_survives_reconnecting, reconnecting, &without_retries)
SURVIVES(client_survives_reconnecting_with_retries, reconnecting, &with_retries)
SURVIVES(client_survives_being_kicked, being_kicked, NULL)
SURVIVES(client_survives_closing_and_opening, closing_and_opening, NULL)
SURVIVES(client_survives_ticking, ticking, NULL)
SURVIVES(client_survives_on_a_thread, on_a_thread, NULL)

int main(void) {
    torture_install_uv();
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(client_survives_on_a_thread, torture_teardown),
        cmocka_unit_test_teardown(client_survives_polling, torture_teardown),
        cmocka_unit_test_teardown(client_survives_websocket, torture_teardown),
        cmocka_unit_test_teardown(client_survives_upgrading, torture_teardown),
        cmocka_unit_test_teardown(client_survives_buffering, torture_teardown),
        cmocka_unit_test_teardown(client_survives_retries, torture_teardown),
        cmocka_unit_test_teardown(client_survives_reconnecting, torture_teardown),
        cmocka_unit_test_teardown(client_survives_reconnecting_with_retries, torture_teardown),
        cmocka_unit_test_teardown(client_survives_being_kicked, torture_teardown),
        cmocka_unit_test_teardown(client_survives_closing_and_opening, torture_teardown),
        cmocka_unit_test_teardown(client_survives_ticking, torture_teardown),
        cmocka_unit_test_teardown(client_survives_on_a_thread, torture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
