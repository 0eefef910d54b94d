/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* Clients are freed and closed in every state, and in every callback, in all four ways to run. */
#include "support/life.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sio/error.h>

#include "support/dialer.h"

#define DEADLINE_MS 20000

/* More than any test opens. */
#define FDS_MAX 256

/* ---- states ---- */

/** What a client is brought to before it is freed. */
struct stage {
    struct life l;
    struct life_server server;
    struct life_stub stub;
    struct place place;
    bool has_server;
    bool has_stub;
    bool has_place;
    bool resolves;
    char url[128];
    char proxy[64];
};

struct state {
    const char *name;
    void (*prepare)(struct stage *g, sio_client_options *o);
    bool (*reached)(struct life *l);
    void (*then)(struct stage *g);
    bool never_run;
};

static struct stage *stage; /* of the test that runs */

static void at_server(struct stage *g, sio_client_options *o) {
    (void)o;
    life_server_start(&g->server);
    g->has_server = true;
    (void)snprintf(g->url, sizeof g->url, "%s", g->server.url);
}

static void at_namespace(struct stage *g, sio_client_options *o, const char *nsp) {
    at_server(g, o);
    (void)snprintf(g->url, sizeof g->url, "%s%s", g->server.url, nsp);
}

static void at_slow(struct stage *g, sio_client_options *o) {
    at_namespace(g, o, "/slow");
}

static void at_refused(struct stage *g, sio_client_options *o) {
    at_namespace(g, o, "/refused");
}

static void at_stub(struct stage *g, enum life_stub_kind kind, const char *scheme) {
    life_stub_start(&g->stub, kind);
    g->has_stub = true;
    (void)snprintf(g->url, sizeof g->url, "%s://127.0.0.1:%u", scheme, (unsigned)g->stub.port);
}

static void at_mute(struct stage *g, sio_client_options *o) {
    (void)o;
    at_stub(g, LIFE_STUB_MUTE, "http");
}

static void at_mute_websocket(struct stage *g, sio_client_options *o) {
    o->transports[0] = SIO_WEBSOCKET;
    at_stub(g, LIFE_STUB_MUTE, "http");
}

static void at_mute_tls(struct stage *g, sio_client_options *o) {
    (void)o;
    at_stub(g, LIFE_STUB_MUTE, "https");
}

static void at_mute_proxy(struct stage *g, sio_client_options *o) {
    at_stub(g, LIFE_STUB_MUTE, "http");
    (void)snprintf(g->proxy, sizeof g->proxy, "http://127.0.0.1:%u", (unsigned)g->stub.port);
    (void)snprintf(g->url, sizeof g->url, "http://192.0.2.1:9");
    o->proxy = g->proxy;
}

static void at_upgrade(struct stage *g, sio_client_options *o) {
    (void)o;
    at_stub(g, LIFE_STUB_UPGRADE, "http");
}

static void at_session(struct stage *g, sio_client_options *o) {
    (void)o;
    at_stub(g, LIFE_STUB_SESSION, "http");
}

static void at_place(struct stage *g, struct place place) {
    g->place = place;
    g->has_place = true;
    (void)snprintf(g->url, sizeof g->url, "http://127.0.0.1:%u", (unsigned)place_port(&g->place));
}

static void at_black_hole(struct stage *g, sio_client_options *o) {
    (void)o;
    at_place(g, place_black_hole(AF_INET));
}

static void at_closed_port(struct stage *g, sio_client_options *o) {
    o->reconnection_delay_ms = 60000;
    o->reconnection_delay_max_ms = 60000;
    at_place(g, place_refusing(AF_INET));
}

static void at_resolver(struct stage *g, sio_client_options *o) {
    (void)o;
    resolver.held = true;
    g->resolves = true;
    (void)snprintf(g->url, sizeof g->url, "http://" RESOLVED_NAME ":9");
}

static void at_resolver_for_proxy(struct stage *g, sio_client_options *o) {
    at_resolver(g, o);
    o->proxy = "socks5://127.0.0.1:9";
}

static bool at_once(struct life *l) {
    (void)l;
    return true;
}

static bool is_opening(struct life *l) {
    return sio_client_state(l->client) == SIO_CLIENT_OPENING;
}

static bool is_resolving(struct life *l) {
    (void)l;
    return sem_trywait(&resolver.entered) == 0;
}

static bool is_stuck(struct life *l) {
    (void)l;
    return atomic_load(&stage->stub.reached);
}

static bool is_asked(struct life *l) {
    (void)l;
    return atomic_load(&stage->server.asked) > 0;
}

static bool has_auth_request(struct life *l) {
    return atomic_load(&l->counts[LIFE_ON_AUTH]) > 0;
}

static bool is_connected(struct life *l) {
    return atomic_load(&l->counts[LIFE_ON_CONNECT]) > 0;
}

static bool was_refused(struct life *l) {
    return atomic_load(&l->counts[LIFE_ON_CONNECT_ERROR]) > 0;
}

static bool has_failed(struct life *l) {
    return atomic_load(&l->counts[LIFE_ON_NOTICE + SIO_NOTICE_ERROR]) > 0;
}

static void begin_to_close(struct stage *g) {
    life_act(&g->l, LIFE_CLOSE);
    life_turn(&g->l);
    life_turn(&g->l);
}

static void on_answer(sio_socket *s, int status, sio_event *reply, void *user) {
    struct life *l = user;
    (void)s;
    (void)status;
    (void)reply;
    l->told++;
    if (atomic_load(&l->over)) {
        l->late++;
    }
}

/* From this thread, whichever runs the client. */
static void fill(struct stage *g) {
    struct life *l = &g->l;
    for (int i = 0; i < 20; i++) {
        const sio_ack_options ack = {
            .size = sizeof ack, .fn = on_answer, .user = l, .timeout_ms = i % 2 == 0 ? 0 : 1000};
        int r = sio_emit_ack(l->s, &ack, "silent", "s", "nobody answers");
        l->asked += r >= 0 ? 1 : 0;
        (void)sio_emit(l->s, "event", "sB", "hello", "bytes", (size_t)5);
        (void)sio_emit_opt(l->s, SIO_VOLATILE, "event", "s", "hello");
    }
}

static void fill_with_retries(struct stage *g, sio_client_options *o) {
    static const sio_socket_options so = {
        .size = sizeof so, .retries = 3, .ack_timeout_ms = 20, .auth = "{}"};
    o->socket = &so;
    at_server(g, o);
}

static void fill_unconnected_with_retries(struct stage *g, sio_client_options *o) {
    fill_with_retries(g, o);
    at_place(g, place_refusing(AF_INET));
}

static void keep_auth(struct stage *g, sio_client_options *o) {
    at_server(g, o);
    g->l.keep_auth = true;
}

static const struct state states[] = {
    {"never run", at_server, at_once, NULL, true},
    {"never run, with a buffer", at_server, at_once, fill, true},
    {"just begun", at_server, at_once, NULL, false},
    {"resolver", at_resolver, is_resolving, NULL, false},
    {"resolver, for a proxy", at_resolver_for_proxy, is_resolving, NULL, false},
    {"connecting", at_black_hole, is_opening, NULL, false},
    {"TLS handshake", at_mute_tls, is_stuck, NULL, false},
    {"proxy dialogue", at_mute_proxy, is_stuck, NULL, false},
    {"polling handshake", at_mute, is_stuck, NULL, false},
    {"websocket handshake", at_mute_websocket, is_stuck, NULL, false},
    {"upgrade", at_upgrade, is_stuck, NULL, false},
    {"POST", at_session, is_stuck, NULL, false},
    {"closing", at_session, is_stuck, begin_to_close, false},
    {"auth callback", keep_auth, has_auth_request, NULL, false},
    {"CONNECT", at_slow, is_asked, NULL, false},
    {"refused", at_refused, was_refused, NULL, false},
    {"connected", at_server, is_connected, NULL, false},
    {"connected, busy", at_server, is_connected, fill, false},
    {"connected, with retries", fill_with_retries, is_connected, fill, false},
    {"reconnect wait", at_closed_port, has_failed, NULL, false},
    {"reconnect wait, with a buffer", at_closed_port, has_failed, fill, false},
    {"reconnect wait, with retries", fill_unconnected_with_retries, has_failed, fill, false},
    {"connected and closed", at_server, is_connected, begin_to_close, false},
};

static const char *const mode_names[] = {"start", "run", "attach_uv", "tick"};

/* Threads that are left behind close theirs unseen; reading a directory would take their numbers.
 */
static size_t count_fds(void) {
    size_t count = 0;
    for (int fd = 0; fd < FDS_MAX; fd++) {
        count += fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
    }
    return count;
}

static bool fds_are_back(size_t fds) {
    int64_t begin = life_now_ms();
    while (count_fds() != fds && life_now_ms() - begin < DEADLINE_MS) {
        (void)poll(NULL, 0, 1); /* threads that were left behind end by themselves */
    }
    return count_fds() == fds;
}

static void clear_stage(struct stage *g) {
    if (g->has_server) {
        life_server_stop(&g->server);
    }
    if (g->has_stub) {
        life_stub_stop(&g->stub);
    }
    if (g->has_place) {
        place_leave(&g->place);
    }
    stage = NULL;
}

static void wait_for_state(struct stage *g, const struct state *state, enum life_mode mode) {
    sio_client_options o = {.size = sizeof o};
    memset(g, 0, sizeof *g);
    stage = g;
    state->prepare(g, &o);
    bool keeps = g->l.keep_auth;
    life_begin(&g->l, mode, g->url, &o);
    g->l.keep_auth = keeps;
    if (!state->never_run) {
        life_run(&g->l);
        life_wait(&g->l, state->reached);
    }
    if (state->then != NULL) {
        state->then(g);
    }
}

static bool is_closed(struct life *l) {
    return sio_client_state(l->client) == SIO_CLIENT_CLOSED;
}

static void end_in(const struct state *state, enum life_mode mode, enum life_action action) {
    struct stage g;
    size_t fds = count_fds();
    if (getenv("SIO_TEST_LOG") != NULL) {
        print_message("%s, %s, action %d\n", state->name, mode_names[mode], action);
    }
    wait_for_state(&g, state, mode);
    if (action == LIFE_CLOSE) {
        life_act(&g.l, LIFE_CLOSE);
        life_wait(&g.l, is_closed);
    }
    if (g.resolves) { /* it answers when the client is gone, or has been closed */
        if (mode == LIFE_LOOP) {
            life_act(&g.l, LIFE_FREE);
            sem_post(&resolver.release);
            life_end(&g.l);
        } else {
            life_end(&g.l);
            sem_post(&resolver.release);
        }
        resolver.held = false;
    } else {
        life_act(&g.l, action == LIFE_CLOSE ? LIFE_FREE : action);
        life_end(&g.l);
    }
    clear_stage(&g);
    if (!fds_are_back(fds)) {
        print_error("%s, %s: %zu descriptors instead of %zu\n", state->name, mode_names[mode],
                    count_fds(), fds);
        fail();
    }
}

static void end_everywhere(enum life_mode mode, enum life_action action) {
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        end_in(&states[i], mode, action);
    }
}

#define EVERY_STATE(name, mode, action)                                                            \
    static void name(void **state) {                                                               \
        (void)state;                                                                               \
        end_everywhere(mode, action);                                                              \
    }

EVERY_STATE(clients_with_a_thread_are_freed_in_every_state, LIFE_THREAD, LIFE_FREE)
EVERY_STATE(clients_that_run_are_freed_in_every_state, LIFE_RUN, LIFE_FREE)
EVERY_STATE(clients_on_a_loop_are_freed_in_every_state, LIFE_LOOP, LIFE_FREE)
EVERY_STATE(clients_that_tick_are_freed_in_every_state, LIFE_TICK, LIFE_FREE)
EVERY_STATE(clients_with_a_thread_are_closed_in_every_state, LIFE_THREAD, LIFE_CLOSE)
EVERY_STATE(clients_that_run_are_closed_in_every_state, LIFE_RUN, LIFE_CLOSE)
EVERY_STATE(clients_on_a_loop_are_closed_in_every_state, LIFE_LOOP, LIFE_CLOSE)
EVERY_STATE(clients_that_tick_are_closed_in_every_state, LIFE_TICK, LIFE_CLOSE)
EVERY_STATE(clients_with_a_thread_are_closed_and_freed_in_every_state, LIFE_THREAD,
            LIFE_CLOSE_AND_FREE)
EVERY_STATE(clients_that_tick_are_closed_and_freed_in_every_state, LIFE_TICK, LIFE_CLOSE_AND_FREE)

/* ---- callbacks ---- */

/* What comes from where: some callbacks need a server that is not there. */
static void make_comfortable(struct stage *g, int callback, sio_client_options *o) {
    o->reconnection_delay_ms = 1;
    o->reconnection_delay_max_ms = 2;
    switch (callback) {
    case LIFE_ON_CONNECT_ERROR: at_refused(g, o); break;
    case LIFE_ON_NOTICE + SIO_NOTICE_ERROR:
    case LIFE_ON_NOTICE + SIO_NOTICE_RECONNECT_ERROR:
    case LIFE_ON_NOTICE + SIO_NOTICE_RECONNECT_FAILED:
        o->reconnection_attempts = 2;
        at_place(g, place_refusing(AF_INET));
        break;
    case LIFE_ON_NOTICE + SIO_NOTICE_DRAIN:
        o->send_high_water_bytes = 100;
        at_server(g, o);
        break;
    default: at_server(g, o); break;
    }
}

static bool has_acted(struct life *l) {
    return atomic_load(&l->over) || atomic_load(&l->counts[l->act_on]) >= l->act_at;
}

static void act_in(int callback, enum life_mode mode, enum life_action action) {
    struct stage g;
    size_t fds = count_fds();
    sio_client_options o = {.size = sizeof o};
    memset(&g, 0, sizeof g);
    make_comfortable(&g, callback, &o);
    life_begin(&g.l, mode, g.url, &o);
    g.l.busy = true;
    g.l.act_on = callback;
    g.l.act_at = 1;
    g.l.action = action;
    life_run(&g.l);
    life_wait(&g.l, has_acted);
    if (action == LIFE_FREE || action == LIFE_CLOSE_AND_FREE) {
        while (!atomic_load(&g.l.over)) {
            life_turn(&g.l);
        }
    } else {
        for (int i = 0; i < 3; i++) {
            life_turn(&g.l);
        }
    }
    life_end(&g.l);
    clear_stage(&g);
    assert_true(fds_are_back(fds));
}

/* A server's ping comes after 25 seconds, and a failed upgrade needs a server of its own. */
static bool comes_here(int callback) {
    return callback != LIFE_ON_NOTICE + SIO_NOTICE_PING &&
           callback != LIFE_ON_NOTICE + SIO_NOTICE_UPGRADE_ERROR;
}

static void act_in_every_callback(enum life_mode mode) {
    for (int callback = 0; callback < LIFE_CALLBACKS; callback++) {
        for (int action = LIFE_FREE; comes_here(callback) && action < LIFE_ACTIONS; action++) {
            if (getenv("SIO_TEST_LOG") != NULL) {
                print_message("callback %d, %s, action %d\n", callback, mode_names[mode], action);
            }
            act_in(callback, mode, (enum life_action)action);
        }
    }
}

static void callbacks_of_a_thread_may_end_it(void **state) {
    (void)state;
    act_in_every_callback(LIFE_THREAD);
}

static void callbacks_of_run_may_end_it(void **state) {
    (void)state;
    act_in_every_callback(LIFE_RUN);
}

static void callbacks_on_a_loop_may_end_it(void **state) {
    (void)state;
    act_in_every_callback(LIFE_LOOP);
}

static void callbacks_of_ticks_may_end_it(void **state) {
    (void)state;
    act_in_every_callback(LIFE_TICK);
}

/* libuv keeps what it opens first. */
static int warm_up(void **unused) {
    (void)unused;
    resolver_init();
    struct stage g;
    wait_for_state(&g, &states[0], LIFE_LOOP);
    life_end(&g.l);
    clear_stage(&g);
    return 0;
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(clients_with_a_thread_are_freed_in_every_state),
        cmocka_unit_test(clients_that_run_are_freed_in_every_state),
        cmocka_unit_test(clients_on_a_loop_are_freed_in_every_state),
        cmocka_unit_test(clients_that_tick_are_freed_in_every_state),
        cmocka_unit_test(clients_with_a_thread_are_closed_in_every_state),
        cmocka_unit_test(clients_that_run_are_closed_in_every_state),
        cmocka_unit_test(clients_on_a_loop_are_closed_in_every_state),
        cmocka_unit_test(clients_that_tick_are_closed_in_every_state),
        cmocka_unit_test(clients_with_a_thread_are_closed_and_freed_in_every_state),
        cmocka_unit_test(clients_that_tick_are_closed_and_freed_in_every_state),
        cmocka_unit_test(callbacks_of_a_thread_may_end_it),
        cmocka_unit_test(callbacks_of_run_may_end_it),
        cmocka_unit_test(callbacks_on_a_loop_may_end_it),
        cmocka_unit_test(callbacks_of_ticks_may_end_it),
    };
    return cmocka_run_group_tests(tests, warm_up, NULL);
}
