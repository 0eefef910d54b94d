/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Clients that are freed and closed at random moments: in a random callback, after a random number
 * of turns, from another thread while they run; over both transports, with a server that refuses,
 * kicks and drops them. Each round is a client of its own. SIO_RACE_ROUNDS sets their number, and
 * SIO_RACE_SEED where they begin; a failure is repeated with the seed that it prints.
 */
#include "support/life.h"

#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sio/error.h>

#include "support/dialer.h"

#define ROUNDS 2000

static struct life_server server;
static struct place refusing;
static uint64_t current; /* seed */

static uint64_t number_of(const char *variable, uint64_t otherwise) {
    const char *text = getenv(variable);
    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

/* xorshift64*: each round is a function of its seed. */
static uint32_t next_random(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (uint32_t)(*state * UINT64_C(2685821657736338717) >> 32);
}

static uint32_t below(uint64_t *state, uint32_t n) {
    return next_random(state) % n;
}

/* ---- somebody else ---- */

/** A thread that uses the socket while the client comes and goes. */
struct stranger {
    pthread_t thread;
    struct life *l;
    uint32_t times;
};

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

static void *interfere(void *arg) {
    struct stranger *x = arg;
    sio_socket *s = x->l->s;
    for (uint32_t i = 0; i < x->times; i++) {
        const sio_ack_options ack = {
            .size = sizeof ack, .fn = on_answer, .user = x->l, .timeout_ms = 3};
        sio_event *reply = NULL;
        switch (i % 6) {
        case 0: (void)sio_emit(s, "event", "sB", "hello", "bytes", (size_t)5); break;
        case 1:
            x->l->asked++;
            if (sio_emit_ack(s, &ack, "echo", "i", (int)i) < 0) {
                x->l->asked--;
            }
            break;
        case 2:
            if (sio_socket_call(s, 5, &reply, i % 4 == 0 ? "silent" : "echo", "") == 0) {
                sio_event_free(reply);
            }
            break;
        case 3: sio_socket_disconnect(s, false); break;
        case 4: (void)sio_socket_connect(s); break;
        default: (void)sio_socket_pending_bytes(s); break;
        }
    }
    sio_socket_unref(s);
    return NULL;
}

/* ---- rounds ---- */

static void choose_options(uint64_t *random, sio_client_options *o, sio_socket_options *so) {
    o->reconnection_delay_ms = 1;
    o->reconnection_delay_max_ms = 2;
    if (below(random, 2) == 0) {
        o->transports[0] = SIO_WEBSOCKET;
    } else {
        o->no_upgrade = below(random, 3) == 0;
    }
    so->retries = below(random, 4) == 0 ? 2 : 0;
    so->ack_timeout_ms = 4;
    so->auth = below(random, 2) == 0 ? "{\"token\":1}" : NULL;
    o->socket = so;
}

static void play(uint64_t seed) {
    current = seed;
    uint64_t random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    sio_client_options o = {.size = sizeof o};
    sio_socket_options so = {.size = sizeof so};
    struct life l;
    struct stranger x = {.l = &l};
    char url[128];
    choose_options(&random, &o, &so);
    (void)snprintf(url, sizeof url, "%s", server.url);
    if (below(&random, 8) == 0) {
        (void)snprintf(url, sizeof url, "%s/refused", server.url);
    } else if (below(&random, 8) == 0) {
        (void)snprintf(url, sizeof url, "http://127.0.0.1:%u", (unsigned)place_port(&refusing));
    }
    enum life_mode mode = (enum life_mode)below(&random, LIFE_MODES);
    life_begin(&l, mode, url, &o);
    if (below(&random, 2) == 0) { /* nobody looks on: the short way of packets */
        sio_client_on_trace(l.client, NULL, NULL);
        (void)sio_socket_off(l.s, NULL, NULL);
    }
    l.busy = below(&random, 4) != 0;
    l.keep_auth = below(&random, 4) == 0;
    l.act_on = (int)below(&random, LIFE_CALLBACKS);
    l.act_at = 1 + (int)below(&random, 2);
    l.action = (enum life_action)below(&random, LIFE_ACTIONS);
    life_run(&l);
    if (mode == LIFE_THREAD && below(&random, 2) == 0) {
        x.times = 1 + below(&random, 12);
        (void)sio_socket_ref(l.s);
        assert_int_equal(pthread_create(&x.thread, NULL, interfere, &x), 0);
        l.helper = &x.thread;
    }
    uint32_t turns = below(&random, 5);
    for (uint32_t i = 0; i < turns && !atomic_load(&l.over); i++) {
        life_turn(&l);
    }
    for (uint32_t i = below(&random, 50); i > 0; i--) {
        sched_yield();
    }
    life_end(&l);
}

static void no_moment_is_wrong(void **state) {
    uint64_t seed = number_of("SIO_RACE_SEED", 1);
    uint64_t rounds = number_of("SIO_RACE_ROUNDS", ROUNDS);
    (void)state;
    life_server_start(&server);
    refusing = place_refusing(AF_INET);
    play(seed);
    size_t fds = dialer_fds();
    for (uint64_t i = 1; i < rounds; i++) {
        if (getenv("SIO_TEST_LOG") != NULL) {
            print_message("SIO_RACE_SEED=%llu\n", (unsigned long long)(seed + i));
        } else if (i % 10000 == 0) {
            print_message("%llu rounds\n", (unsigned long long)i);
        }
        play(seed + i);
    }
    place_leave(&refusing);
    life_server_stop(&server);
    assert_true(dialer_fds() <= fds);
}

static int tell_seed(void **state) {
    (void)state;
    print_message("the last round was SIO_RACE_SEED=%llu\n", (unsigned long long)current);
    return 0;
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(no_moment_is_wrong, tell_seed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
