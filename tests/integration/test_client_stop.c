/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* The orderly end of a client: who waits for it, and signal handlers that ask for it. */
#include "support/life.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>

#include <sio/error.h>

static struct life_server server;

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

/* ---- joining ---- */

#define JOIN_ASKS 1000

struct tally {
    int told; /* on the client's thread until it is joined */
    int failed;
    int disconnects;
};

static void count_answer(sio_socket *s, int status, sio_event *reply, void *user) {
    struct tally *t = user;
    (void)s;
    (void)reply;
    t->told++;
    t->failed += status < 0 ? 1 : 0;
}

static void count_disconnect(sio_socket *s, int reason, int cause, void *user) {
    struct tally *t = user;
    (void)s;
    (void)reason;
    (void)cause;
    t->disconnects++;
}

static void ask_and_join(const char *url, const char *event, uint32_t retries, bool connects) {
    struct tally tally = {0};
    const sio_ack_options ack = {.size = sizeof ack, .fn = count_answer, .user = &tally};
    sio_client *client = NULL;
    assert_int_equal(sio_client_new(&client, url, NULL), 0);
    sio_socket *s = sio_client_socket(client, NULL, SIO_SOCKET(.retries = retries));
    assert_int_equal(sio_socket_on_disconnect(s, count_disconnect, &tally), 0);
    assert_int_equal(sio_client_join(client, 0), SIO_ERR_WOULD_DEADLOCK); /* it has not begun */
    assert_int_equal(sio_client_start(client), 0);
    if (connects) {
        assert_int_equal(sio_socket_call(s, 0, NULL, "echo", ""), 0);
    }
    assert_int_equal(sio_client_join(client, 0), SIO_ERR_STATE);
    for (int i = 0; i < JOIN_ASKS; i++) {
        assert_true(sio_emit_ack(s, &ack, event, "i", i) >= 0);
    }
    assert_int_equal(sio_client_close(client), 0);
    assert_int_equal(sio_client_join(client, 20000), 0);
    assert_int_equal(tally.told, JOIN_ASKS);
    assert_int_equal(tally.disconnects, connects ? 1 : 0);
    if (!connects) {
        assert_int_equal(tally.failed, JOIN_ASKS);
    }
    assert_int_equal(sio_client_state(client), SIO_CLIENT_CLOSED);
    assert_int_equal(sio_client_join(client, SIO_NEVER), 0); /* it still is at rest */
    sio_client_free(client);
    assert_int_equal(tally.told, JOIN_ASKS);
}

static void joined_clients_have_told_every_answer(void **state) {
    (void)state;
    for (uint32_t retries = 0; retries < 2; retries++) {
        ask_and_join(server.url, "silent", retries, true);
        ask_and_join(server.url, "echo", retries, true);
        ask_and_join("http://127.0.0.1:1", "echo", retries, false);
    }
}

static void joined_clients_can_be_opened_again(void **state) {
    (void)state;
    struct life l;
    life_begin(&l, LIFE_THREAD, server.url, NULL);
    life_run(&l);
    for (int i = 1; i < 4; i++) {
        life_wait_count(&l, LIFE_ON_CONNECT, i);
        assert_int_equal(sio_client_close(l.client), 0);
        assert_int_equal(sio_client_join(l.client, 20000), 0);
        assert_int_equal(l.counts[LIFE_ON_DISCONNECT], i);
        assert_int_equal(sio_client_open(l.client), 0);
    }
    life_end(&l);
}

static void joining_takes_no_longer_than_it_may(void **state) {
    (void)state;
    struct life_stub stub;
    struct life l;
    char url[64];
    life_stub_start(&stub, LIFE_STUB_SESSION); /* it never answers what closing sends */
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u", (unsigned)stub.port);
    life_begin(&l, LIFE_THREAD, url, NULL);
    life_run(&l);
    life_wait_count(&l, LIFE_ON_NOTICE + SIO_NOTICE_OPEN, 1);
    assert_int_equal(sio_client_close(l.client), 0);
    int64_t begin = life_now_ms();
    assert_int_equal(sio_client_join(l.client, 50), SIO_ERR_TIMEOUT);
    assert_in_range(life_now_ms() - begin, 45, 10000);
    life_end(&l);
    life_stub_stop(&stub);
}

static void join_inside(sio_client *client, void *arg) {
    struct life *l = arg;
    assert_int_equal(sio_client_join(client, 0), SIO_ERR_WOULD_DEADLOCK);
    l->told++;
}

static void joining_on_the_clients_thread_is_refused(void **state) {
    (void)state;
    struct life l;
    assert_int_equal(sio_client_join(NULL, 0), SIO_ERR_INVALID);
    life_begin(&l, LIFE_TICK, server.url, NULL);
    life_run(&l);
    assert_int_equal(sio_client_post(l.client, join_inside, &l), 0);
    while (l.told == 0) {
        life_turn(&l);
    }
    l.told = 0;
    life_end(&l);
}

struct joiner {
    pthread_t thread;
    sio_client *client;
    int result;
};

static void *join_client(void *arg) {
    struct joiner *j = arg;
    j->result = sio_client_join(j->client, 20000);
    return NULL;
}

static void free_later(sio_client *client, void *arg) {
    (void)arg;
    sio_client_free(client);
}

/* Those that wait are told when it is freed, or opened again, before its rest has come. */
static void joining_ends_with_the_client(void **state) {
    (void)state;
    struct life_stub stub;
    char url[64];
    life_stub_start(&stub, LIFE_STUB_SESSION);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u", (unsigned)stub.port);
    for (int frees = 0; frees < 2; frees++) {
        struct joiner joiners[3];
        sio_client *client = NULL;
        assert_int_equal(sio_client_new(&client, url, NULL), 0);
        sio_socket *s = sio_socket_ref(sio_client_socket(client, NULL, NULL)); /* and its client */
        assert_non_null(s);
        assert_int_equal(sio_client_start(client), 0);
        while (sio_client_state(client) != SIO_CLIENT_OPEN) {
            (void)poll(NULL, 0, 1);
        }
        assert_int_equal(sio_client_close(client), 0);
        for (int i = 0; i < 3; i++) {
            joiners[i].client = client;
            assert_int_equal(pthread_create(&joiners[i].thread, NULL, join_client, &joiners[i]), 0);
        }
        (void)poll(NULL, 0, 50); /* no result depends on it, but which path is taken */
        if (frees == 1) {
            assert_int_equal(sio_client_post(client, free_later, NULL), 0);
        } else {
            assert_int_equal(sio_client_open(client), 0);
        }
        for (int i = 0; i < 3; i++) {
            assert_int_equal(pthread_join(joiners[i].thread, NULL), 0);
            assert_int_equal(joiners[i].result, frees == 1 ? SIO_ERR_CLOSED : SIO_ERR_STATE);
        }
        if (frees == 0) {
            sio_client_free(client);
        }
        sio_socket_unref(s);
    }
    life_stub_stop(&stub);
}

/* ---- stopping ---- */

static sio_client *stopped; /* by the handler of a signal */

static void on_signal(int number) {
    (void)number;
    sio_client_stop(stopped);
}

static void signal_on_connect(sio_socket *s, void *user) {
    (void)s;
    (void)user;
    assert_int_equal(raise(SIGUSR1), 0);
}

static void stopping_ends_run_in_order(void **state) {
    (void)state;
    struct tally tally = {0};
    const sio_ack_options ack = {.size = sizeof ack, .fn = count_answer, .user = &tally};
    sio_client_stop(NULL);
    const struct sigaction stops = {.sa_handler = on_signal};
    struct sigaction before;
    assert_int_equal(sigaction(SIGUSR1, &stops, &before), 0);
    assert_int_equal(sio_client_new(&stopped, server.url, NULL), 0);
    sio_socket *s = sio_client_socket(stopped, NULL, NULL);
    assert_int_equal(sio_socket_on_connect(s, signal_on_connect, NULL), 0);
    assert_int_equal(sio_socket_on_disconnect(s, count_disconnect, &tally), 0);
    assert_true(sio_emit_ack(s, &ack, "silent", "") >= 0);
    assert_int_equal(sio_client_run(stopped), 0);
    assert_int_equal(tally.disconnects, 1);
    assert_int_equal(tally.told, 1);
    assert_int_equal(sio_client_open(stopped), 0); /* it can be stopped again */
    assert_int_equal(sio_client_run(stopped), 0);
    assert_int_equal(tally.disconnects, 2);
    sio_client_free(stopped);
    assert_int_equal(sigaction(SIGUSR1, &before, NULL), 0);
}

static void clients_that_are_stopped_before_they_run_do_not_connect(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct life l;
        life_begin(&l, LIFE_TICK, server.url, SIO_CLIENT_OPTIONS(.no_auto_connect = i == 1));
        sio_client_stop(l.client);
        assert_int_equal(sio_client_run(l.client), 0);
        assert_int_equal(l.counts[LIFE_ON_NOTICE + SIO_NOTICE_OPEN], 0);
        life_end(&l);
    }
    sio_client *client = NULL; /* there is no loop yet, and never will be */
    assert_int_equal(sio_client_new(&client, server.url, NULL), 0);
    sio_client_stop(client);
    sio_client_free(client);
    assert_int_equal(sio_client_new(&client, server.url, NULL), 0);
    sio_client_stop(client);
    assert_int_equal(sio_client_run(client), 0);
    sio_client_stop(client); /* is on its way for ever */
    sio_client_free(client);
}

static void *stop_often(void *arg) {
    struct joiner *j = arg;
    for (int i = 0; i < 200; i++) {
        sio_client_stop(j->client);
    }
    return NULL;
}

static void clients_on_a_thread_are_stopped_and_joined(void **state) {
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct tally tally = {0};
        struct joiner stopper = {0};
        assert_int_equal(sio_client_new(&stopper.client, server.url, NULL), 0);
        sio_socket *s = sio_client_socket(stopper.client, NULL, NULL);
        assert_int_equal(sio_socket_on_disconnect(s, count_disconnect, &tally), 0);
        assert_int_equal(sio_client_start(stopper.client), 0);
        assert_int_equal(sio_socket_call(s, 0, NULL, "echo", ""), 0);
        assert_int_equal(pthread_create(&stopper.thread, NULL, stop_often, &stopper), 0);
        int r = sio_client_join(stopper.client, 20000);
        while (r == SIO_ERR_STATE) { /* it was not stopped yet */
            r = sio_client_join(stopper.client, 20000);
        }
        assert_int_equal(r, 0);
        assert_int_equal(tally.disconnects, 1);
        assert_int_equal(pthread_join(stopper.thread, NULL), 0);
        sio_client_free(stopper.client); /* with a stop that is on its way */
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(joined_clients_have_told_every_answer),
        cmocka_unit_test(joined_clients_can_be_opened_again),
        cmocka_unit_test(joining_takes_no_longer_than_it_may),
        cmocka_unit_test(joining_on_the_clients_thread_is_refused),
        cmocka_unit_test(joining_ends_with_the_client),
        cmocka_unit_test(stopping_ends_run_in_order),
        cmocka_unit_test(clients_that_are_stopped_before_they_run_do_not_connect),
        cmocka_unit_test(clients_on_a_thread_are_stopped_and_joined),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
