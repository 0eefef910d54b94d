/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* A client that runs on a thread of its own, and is used by many others; ways to run it; calls. */
#include "support/life.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sio/error.h>

#define THREADS 4
#define EVENTS  300

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

static int64_t cpu_ms(void) {
    struct timespec now;
    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now), 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- many threads ---- */

struct question {
    struct crowd *crowd;
    int thread;
    int number;
    atomic_int answers;
};

struct crowd {
    struct life l;
    struct question questions[THREADS][EVENTS];
    int last[THREADS]; /* answered, in the client's thread */
    atomic_int disordered;
    atomic_int answered;
    atomic_int wrong;
};

static void on_answer(sio_socket *s, int status, sio_event *reply, void *user) {
    struct question *q = user;
    struct crowd *c = q->crowd;
    int thread = -1;
    int number = -1;
    (void)s;
    if (status == 0 && (sio_event_unpack(reply, "ii", &thread, &number) < 0 ||
                        thread != q->thread || number != q->number)) {
        c->wrong++;
    }
    if (status == 0) {
        c->disordered += c->last[q->thread] > q->number ? 1 : 0;
        c->last[q->thread] = q->number;
    }
    q->answers++;
    c->answered++;
}

static void *ask(void *arg) {
    struct question *questions = arg;
    struct crowd *c = questions[0].crowd;
    for (int i = 0; i < EVENTS; i++) {
        const sio_ack_options ack = {.size = sizeof ack, .fn = on_answer, .user = &questions[i]};
        int r = sio_emit_ack(c->l.s, &ack, "echo", "ii", questions[i].thread, i);
        assert_true(r >= 0);
    }
    return NULL;
}

static struct crowd *gather(const sio_client_options *o) {
    struct crowd *c = calloc(1, sizeof *c);
    assert_non_null(c);
    life_begin(&c->l, LIFE_THREAD, server.url, o);
    for (int t = 0; t < THREADS; t++) {
        c->last[t] = -1;
        for (int i = 0; i < EVENTS; i++) {
            c->questions[t][i] = (struct question){.crowd = c, .thread = t, .number = i};
        }
    }
    life_run(&c->l);
    return c;
}

static void ask_from_everywhere(struct crowd *c, void (*meanwhile)(struct crowd *c)) {
    pthread_t threads[THREADS];
    for (int t = 0; t < THREADS; t++) {
        assert_int_equal(pthread_create(&threads[t], NULL, ask, c->questions[t]), 0);
    }
    if (meanwhile != NULL) {
        meanwhile(c);
    }
    for (int t = 0; t < THREADS; t++) {
        assert_int_equal(pthread_join(threads[t], NULL), 0);
    }
}

static void wait_for_answers(struct crowd *c) {
    int64_t begin = life_now_ms();
    while (atomic_load(&c->answered) < THREADS * EVENTS && life_now_ms() - begin < 20000) {
        (void)poll(NULL, 0, 1);
    }
    for (int t = 0; t < THREADS; t++) {
        for (int i = 0; i < EVENTS; i++) {
            assert_int_equal(c->questions[t][i].answers, 1);
        }
    }
    assert_int_equal(c->wrong, 0);
}

static void threads_keep_their_order(void **state) {
    (void)state;
    struct crowd *c = gather(NULL);
    ask_from_everywhere(c, NULL);
    wait_for_answers(c);
    assert_int_equal(c->disordered, 0);
    life_end(&c->l);
    free(c);
}

/* Again and again, in every way there is. */
static void break_connection(struct crowd *c) {
    static const char big[2 * LIFE_TOO_BIG];
    for (int i = 0; i < 12; i++) {
        int connects = atomic_load(&c->l.counts[LIFE_ON_CONNECT]);
        switch (i % 4) {
        case 0: (void)sio_emit(c->l.s, "event", "B", big, sizeof big); break;
        case 1: life_act(&c->l, LIFE_RECONNECT); break;
        case 2: life_act(&c->l, LIFE_REOPEN); break;
        default: (void)sio_emit(c->l.s, "kick", ""); break;
        }
        if (i % 4 == 3) {
            life_wait_count(&c->l, LIFE_ON_DISCONNECT, i + 1);
            assert_int_equal(sio_socket_connect(c->l.s), 0);
        }
        life_wait_count(&c->l, LIFE_ON_CONNECT, connects + 1);
    }
}

static void every_question_is_answered_once_while_connections_break(void **state) {
    (void)state;
    struct crowd *c =
        gather(SIO_CLIENT_OPTIONS(.reconnection_delay_ms = 1, .reconnection_delay_max_ms = 1));
    life_wait_count(&c->l, LIFE_ON_CONNECT, 1);
    ask_from_everywhere(c, break_connection);
    wait_for_answers(c);
    life_end(&c->l);
    free(c);
}

static void nothing_is_answered_after_the_end(void **state) {
    (void)state;
    struct crowd *c = gather(NULL);
    ask_from_everywhere(c, NULL);
    life_act(&c->l, LIFE_FREE);
    int answered = atomic_load(&c->answered);
    for (int i = 0; i < 20; i++) {
        life_turn(&c->l);
    }
    assert_int_equal(c->answered, answered);
    for (int t = 0; t < THREADS; t++) {
        for (int i = 0; i < EVENTS; i++) {
            assert_in_range(c->questions[t][i].answers, 0, 1);
        }
    }
    life_end(&c->l);
    free(c);
}

/* Whatever made it slow: what is on its way to the thread, or what waits for the server. */
static void senders_that_are_too_fast_are_told_when_there_is_room(void **state) {
    (void)state;
    static const char data[500];
    struct life l;
    life_begin(&l, LIFE_THREAD, server.url, SIO_CLIENT_OPTIONS(.send_high_water_bytes = 2000));
    life_run(&l);
    life_wait_count(&l, LIFE_ON_CONNECT, 1);
    for (int i = 0; i < 200; i++) {
        int drains = atomic_load(&l.counts[LIFE_ON_NOTICE + SIO_NOTICE_DRAIN]);
        int r = 0;
        while (r == 0) {
            r = sio_emit(l.s, "silent", "B", data, sizeof data);
        }
        assert_int_equal(r, SIO_SLOW);
        life_wait_count(&l, LIFE_ON_NOTICE + SIO_NOTICE_DRAIN, drains + 1);
    }
    life_end(&l);
}

/* ---- room ---- */

static int drains_of(struct life *l) {
    return atomic_load(&l->counts[LIFE_ON_NOTICE + SIO_NOTICE_DRAIN]);
}

/* Together they are too much for the moment, and none has to wait for the network. */
static void emit_two(sio_client *client, void *arg) {
    static const char data[700];
    sio_socket *s = sio_client_socket(client, NULL, NULL);
    atomic_int *result = arg;
    int r = sio_emit(s, "silent", "B", data, sizeof data);
    atomic_store(result, r < 0 ? r : sio_emit(s, "silent", "B", data, sizeof data));
}

static void emit_large(sio_client *client, void *arg) {
    static const char data[2000];
    atomic_int *result = arg;
    atomic_store(result,
                 sio_emit(sio_client_socket(client, NULL, NULL), "silent", "B", data, sizeof data));
}

static int result_on_thread(struct life *l, void (*fn)(sio_client *client, void *arg)) {
    atomic_int result = 1;
    assert_int_equal(sio_client_post(l->client, fn, &result), 0);
    while (atomic_load(&result) == 1) {
        life_turn(l);
    }
    return atomic_load(&result);
}

static void refused_senders_are_told_when_there_is_room(void **state) {
    (void)state;
    const uint8_t transports[] = {SIO_POLLING, SIO_WEBSOCKET};
    for (size_t i = 0; i < sizeof transports; i++) {
        struct life l;
        life_begin(&l, LIFE_THREAD, server.url,
                   SIO_CLIENT_OPTIONS(.transports = {transports[i]}, .send_hard_bytes = 1000));
        life_run(&l);
        life_wait_count(&l, LIFE_ON_CONNECT, 1);
        assert_int_equal(result_on_thread(&l, emit_two), SIO_ERR_BUSY);
        life_wait_count(&l, LIFE_ON_NOTICE + SIO_NOTICE_DRAIN, 1);
        assert_int_equal(sio_socket_call(l.s, 5000, NULL, "echo", ""), 0);
        life_end(&l);
    }
}

/* Nobody is told to wait for room that there will never be. */
static void events_above_the_limit_are_in_nobodys_way(void **state) {
    (void)state;
    static const char data[2000];
    struct life l;
    life_begin(&l, LIFE_THREAD, server.url, SIO_CLIENT_OPTIONS(.send_hard_bytes = 1000));
    life_run(&l);
    life_wait_count(&l, LIFE_ON_CONNECT, 1);
    assert_int_equal(result_on_thread(&l, emit_large), SIO_ERR_TOO_BIG);
    assert_int_equal(sio_socket_call(l.s, 5000, NULL, "echo", ""), 0);
    assert_int_equal(sio_socket_call(l.s, 5000, NULL, "echo", "B", data, sizeof data),
                     SIO_ERR_TOO_BIG);
    assert_int_equal(sio_socket_call(l.s, 5000, NULL, "echo", ""), 0);
    life_end(&l);
}

static void events_above_the_limit_do_not_wait_for_the_connection(void **state) {
    (void)state;
    static const char data[2000];
    for (uint32_t retries = 0; retries < 2; retries++) {
        struct life l;
        life_begin(
            &l, LIFE_TICK, server.url,
            SIO_CLIENT_OPTIONS(.send_hard_bytes = 1000, .socket = SIO_SOCKET(.retries = retries)));
        assert_int_equal(sio_emit(l.s, "echo", "B", data, sizeof data), SIO_ERR_TOO_BIG);
        assert_int_equal(sio_emit(l.s, "event", "s", "small"), 0);
        life_run(&l);
        life_wait_count(&l, LIFE_ON_EVENT, 1);
        life_end(&l);
    }
}

/* What has waited is gone with it. */
static void slow_senders_are_told_of_room_when_the_connection_is_lost(void **state) {
    (void)state;
    static const char data[LIFE_TOO_BIG * 2];
    struct life l;
    life_begin(&l, LIFE_TICK, server.url,
               SIO_CLIENT_OPTIONS(.send_high_water_bytes = 100, .no_reconnection = true));
    life_run(&l);
    life_wait_count(&l, LIFE_ON_CONNECT, 1);
    assert_int_equal(sio_emit(l.s, "event", "B", data, sizeof data), SIO_SLOW);
    sio_client_close(l.client);
    life_wait_count(&l, LIFE_ON_NOTICE + SIO_NOTICE_CLOSE, 1);
    life_wait_count(&l, LIFE_ON_NOTICE + SIO_NOTICE_DRAIN, 1);
    life_end(&l);
}

static void full_buffers_tell_when_they_have_room(void **state) {
    (void)state;
    for (uint32_t retries = 0; retries < 2; retries++) {
        struct life l;
        life_begin(&l, LIFE_TICK, server.url,
                   SIO_CLIENT_OPTIONS(.socket = SIO_SOCKET(.max_buffered_bytes = 100,
                                                           .retries = retries)));
        int r = 0;
        while (r == 0) {
            r = sio_emit(l.s, "echo", "s", "twenty bytes of text");
        }
        assert_int_equal(r, SIO_ERR_BUSY);
        assert_int_equal(drains_of(&l), 0);
        life_run(&l);
        life_wait_count(&l, LIFE_ON_NOTICE + SIO_NOTICE_DRAIN, 1);
        assert_int_equal(sio_emit(l.s, "echo", "s", "twenty bytes of text"), 0);
        assert_int_equal(drains_of(&l), 1);
        life_end(&l);
    }
}

/* ---- calls ---- */

static void calls_return_the_answer(void **state) {
    (void)state;
    struct life l;
    sio_event *reply = NULL;
    life_begin(&l, LIFE_THREAD, server.url, NULL);
    life_run(&l);
    assert_int_equal(sio_socket_call(l.s, 5000, &reply, "echo", "si", "a", 1), 0);
    size_t len = 0;
    const char *json = sio_event_json(reply, &len);
    assert_int_equal(len, 5);
    assert_memory_equal(json, "\"a\",1", 5);
    sio_event_free(reply);
    assert_int_equal(sio_socket_call(l.s, 5000, NULL, "echo", ""), 0);
    assert_int_equal(sio_socket_call(l.s, 5000, NULL, "connect", ""), SIO_ERR_RESERVED);
    assert_int_equal(sio_socket_call(l.s, 5000, NULL, "echo", "?"), SIO_ERR_FORMAT);
    life_end(&l);
}

static void calls_time_out(void **state) {
    (void)state;
    struct life l;
    life_begin(&l, LIFE_THREAD, server.url, NULL);
    life_run(&l);
    assert_int_equal(sio_socket_call(l.s, 20, NULL, "silent", ""), SIO_ERR_TIMEOUT);
    life_end(&l);
    life_begin(&l, LIFE_THREAD, "http://127.0.0.1:1", NULL);
    life_run(&l);
    assert_int_equal(sio_socket_call(l.s, 20, NULL, "echo", ""), SIO_ERR_TIMEOUT);
    life_end(&l);
}

static void calls_that_nobody_runs_are_refused(void **state) {
    (void)state;
    struct life l;
    life_begin(&l, LIFE_RUN, server.url, NULL);
    assert_int_equal(sio_socket_call(l.s, 0, NULL, "echo", ""), SIO_ERR_WOULD_DEADLOCK);
    life_run(&l);
    life_wait_count(&l, LIFE_ON_CONNECT, 1);
    assert_int_equal(sio_socket_call(l.s, 0, NULL, "echo", ""), 0);
    life_act(&l, LIFE_CLOSE);
    while (!atomic_load(&l.run_ended)) {
        life_turn(&l);
    }
    assert_int_equal(l.run_result, 0);
    assert_int_equal(sio_socket_call(l.s, 0, NULL, "echo", ""), SIO_ERR_WOULD_DEADLOCK);
    life_end(&l);
}

static void call_inside(sio_client *client, void *arg) {
    struct life *l = arg;
    (void)client;
    assert_int_equal(sio_socket_call(l->s, 0, NULL, "echo", ""), SIO_ERR_WOULD_DEADLOCK);
    l->told++;
}

static void calls_on_the_clients_thread_are_refused(void **state) {
    (void)state;
    struct life l;
    life_begin(&l, LIFE_TICK, server.url, NULL);
    life_run(&l);
    assert_int_equal(sio_client_post(l.client, call_inside, &l), 0);
    while (l.told == 0) {
        life_turn(&l);
    }
    assert_int_equal(sio_socket_call(l.s, 0, NULL, "echo", ""), SIO_ERR_WOULD_DEADLOCK);
    l.told = 0;
    life_end(&l);
}

struct caller {
    pthread_t thread;
    sio_socket *s;
    atomic_int result;
    atomic_bool begun;
};

static void *call_for_ever(void *arg) {
    struct caller *caller = arg;
    atomic_store(&caller->begun, true);
    atomic_store(&caller->result, sio_socket_call(caller->s, 0, NULL, "silent", ""));
    return NULL;
}

/* A blocked call ends with the client, whatever that waits for. */
static void end_call(const char *url, enum life_mode mode, enum life_action action,
                     uint32_t retries) {
    struct life l;
    struct caller caller = {.result = 1};
    life_begin(&l, mode, url,
               SIO_CLIENT_OPTIONS(.socket = SIO_SOCKET(.retries = retries),
                                  .reconnection_delay_ms = 60000,
                                  .reconnection_delay_max_ms = 60000));
    caller.s = l.s;
    life_run(&l);
    life_wait_count(&l, url == server.url ? LIFE_ON_CONNECT : LIFE_ON_CONNECT_ERROR, 1);
    assert_int_equal(pthread_create(&caller.thread, NULL, call_for_ever, &caller), 0);
    while (!atomic_load(&caller.begun)) {
        life_turn(&l);
    }
    for (int i = 0; i < 10; i++) {
        life_turn(&l);
    }
    life_act(&l, action);
    while (atomic_load(&caller.result) == 1) {
        life_turn(&l);
    }
    assert_int_equal(pthread_join(caller.thread, NULL), 0);
    int result = caller.result;
    /* Without a loop that runs it may have come too late. */
    assert_true(result == SIO_ERR_CLOSED || (result == SIO_ERR_WOULD_DEADLOCK && mode == LIFE_RUN));
    life_end(&l);
}

static void calls_end_with_the_client(void **state) {
    (void)state;
    static const char nowhere[] = "http://127.0.0.1:1";
    static const enum life_action actions[] = {LIFE_FREE, LIFE_CLOSE, LIFE_CLOSE_AND_FREE};
    for (enum life_mode mode = LIFE_THREAD; mode < LIFE_MODES; mode++) {
        for (size_t i = 0; i < 3; i++) {
            for (uint32_t retries = 0; retries < 2; retries++) {
                end_call(server.url, mode, actions[i], retries);
                end_call(nowhere, mode, actions[i], retries);
            }
        }
    }
}

/* ---- ways to run ---- */

static void one_way_to_run_excludes_the_others(void **state) {
    (void)state;
    struct life l;
    uv_loop_t loop;
    assert_int_equal(uv_loop_init(&loop), 0);
    life_begin(&l, LIFE_TICK, server.url, NULL);
    assert_int_equal(sio_client_attach_uv(l.client, &loop), SIO_ERR_STATE);
    life_run(&l);
    assert_int_equal(sio_client_run(l.client), SIO_ERR_STATE);
    assert_int_equal(sio_client_start(l.client), SIO_ERR_STATE);
    life_end(&l);
    life_begin(&l, LIFE_THREAD, server.url, NULL);
    life_run(&l);
    assert_int_equal(sio_client_start(l.client), SIO_ERR_STATE);
    assert_int_equal(sio_client_run(l.client), SIO_ERR_STATE);
    assert_int_equal(sio_client_tick(l.client), SIO_ERR_STATE);
    life_end(&l);
    life_begin(&l, LIFE_LOOP, server.url, NULL);
    assert_int_equal(sio_client_start(l.client), SIO_ERR_STATE);
    assert_int_equal(sio_client_run(l.client), SIO_ERR_STATE);
    assert_int_equal(sio_client_tick(l.client), SIO_ERR_STATE);
    life_end(&l);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void ticks_are_the_only_place_of_callbacks(void **state) {
    (void)state;
    struct life l;
    life_begin(&l, LIFE_TICK, server.url, NULL);
    l.busy = true;
    life_run(&l);
    int64_t begin = life_now_ms();
    while (atomic_load(&l.counts[LIFE_ON_DISCONNECT]) < 4) {
        int before[LIFE_CALLBACKS];
        for (int i = 0; i < LIFE_CALLBACKS; i++) {
            before[i] = l.counts[i];
        }
        (void)sio_emit(l.s, "event", "s", "hello");
        (void)sio_socket_connect(l.s);
        if (l.counts[LIFE_ON_CONNECT] % 3 == 0 && sio_socket_connected(l.s)) {
            sio_socket_disconnect(l.s, false);
        }
        (void)poll(NULL, 0, 1);
        for (int i = 0; i < LIFE_CALLBACKS; i++) {
            assert_int_equal(l.counts[i], before[i]);
        }
        assert_int_equal(sio_client_tick(l.client), 0);
        assert_true(life_now_ms() - begin < 20000);
    }
    life_end(&l);
}

/* Less than what ends a wait that nothing else ends: timeouts of connections, and pings. */
#define PATIENCE_MS 15000

static void tick_once(struct life *l, int64_t begin) {
    struct pollfd fd = {.fd = sio_client_fd(l->client), .events = POLLIN};
    int timeout = sio_client_timeout(l->client);
    int left = (int)(PATIENCE_MS - (life_now_ms() - begin));
    assert_true(left > 0);
    (void)poll(&fd, 1, timeout < 0 || timeout > left ? left : timeout);
    assert_int_equal(sio_client_tick(l->client), 0);
}

/* Only by what fd() and timeout() say. @return ticks that were needed */
static int tick_until(struct life *l, int callback, int count) {
    int64_t begin = life_now_ms();
    int ticks = 0;
    for (; atomic_load(&l->counts[callback]) < count; ticks++) {
        tick_once(l, begin);
    }
    return ticks;
}

/* The same, until no time limits the wait for the descriptor. */
static int tick_to_rest(struct life *l) {
    int64_t begin = life_now_ms();
    int ticks = 0;
    for (; sio_client_timeout(l->client) >= 0; ticks++) {
        tick_once(l, begin);
    }
    return ticks;
}

/* Every wake-up that is missed costs more than PATIENCE_MS. */
static void descriptor_and_timeout_miss_nothing(void **state) {
    (void)state;
    struct life l;
    for (int i = 0; i < 20; i++) {
        life_begin(&l, LIFE_TICK, server.url,
                   SIO_CLIENT_OPTIONS(.reconnection_delay_ms = 1, .reconnection_delay_max_ms = 2));
        l.busy = true;
        l.has_begun = true;
        (void)tick_until(&l, LIFE_ON_CONNECT, 1);
        (void)tick_until(&l, LIFE_ON_ACK, 2);
        (void)tick_until(&l, LIFE_ON_DISCONNECT, 2);
        (void)tick_until(&l, LIFE_ON_CONNECT, 3);
        life_end(&l);
    }
}

static void upgrades_need_no_luck(void **state) {
    (void)state;
    struct life l;
    for (int i = 0; i < 20; i++) {
        life_begin(&l, LIFE_TICK, server.url, NULL);
        l.has_begun = true;
        (void)tick_until(&l, LIFE_ON_NOTICE + SIO_NOTICE_UPGRADE, 1);
        life_end(&l);
    }
}

/* It begins to connect behind the poll of a tick, which has nothing else to wait for then. */
static void opening_again_needs_no_luck(void **state) {
    (void)state;
    struct life l;
    life_begin(&l, LIFE_TICK, server.url, SIO_CLIENT_OPTIONS(.transports = {SIO_WEBSOCKET}));
    l.has_begun = true;
    for (int i = 1; i <= 20; i++) {
        (void)tick_until(&l, LIFE_ON_CONNECT, i);
        assert_int_equal(sio_client_close(l.client), 0);
        assert_int_equal(sio_client_open(l.client), 0);
    }
    life_end(&l);
}

/* More than the kernel takes at once; only the last event is answered. */
static void send_much(sio_socket *s, sio_event *ev, void *user) {
    static const char bytes[5000];
    (void)ev;
    (void)user;
    for (int i = 0; i < 4000; i++) {
        assert_true(sio_emit(s, "silent", "B", bytes, sizeof bytes) >= 0);
    }
    assert_true(sio_emit(s, "event", "s", "last") >= 0);
}

static void writing_needs_no_luck(void **state) {
    (void)state;
    struct life l;
    life_begin(&l, LIFE_TICK, server.url, SIO_CLIENT_OPTIONS(.transports = {SIO_WEBSOCKET}));
    l.has_begun = true;
    assert_int_equal(sio_socket_once(l.s, "event", send_much, NULL), 0);
    assert_int_equal(sio_emit(l.s, "event", "s", "first"), 0);
    (void)tick_until(&l, LIFE_ON_EVENT, 2);
    life_end(&l);
}

struct fatal {
    struct life *l;
    int calls;
};

static void on_fatal_answer(sio_socket *s, int status, sio_event *reply, void *user) {
    struct fatal *f = user;
    (void)s;
    (void)reply;
    assert_int_equal(status, SIO_ERR_CLOSED);
    f->calls++;
    life_act(f->l, LIFE_FREE);
}

static void answers_end_with_the_one_that_frees(void **state) {
    (void)state;
    struct life l;
    struct fatal f = {.l = &l};
    const sio_ack_options ack = {.size = sizeof ack, .fn = on_fatal_answer, .user = &f};
    life_begin(&l, LIFE_TICK, server.url, NULL);
    life_run(&l);
    life_wait_count(&l, LIFE_ON_CONNECT, 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sio_emit_ack(l.s, &ack, "silent", ""), 0);
    }
    sio_socket_disconnect(l.s, false);
    while (f.calls == 0) {
        life_turn(&l);
    }
    assert_int_equal(f.calls, 1);
    life_end(&l);
}

static void *post_later(void *arg) {
    struct life *l = arg;
    (void)poll(NULL, 0, 300);
    assert_int_equal(sio_emit(l->s, "event", "s", "hello"), 0);
    return NULL;
}

/* Nothing happens for a while; then another thread wakes it. */
static void waiting_takes_no_time(void **state) {
    (void)state;
    struct life l;
    pthread_t thread;
    life_begin(&l, LIFE_TICK, server.url, SIO_CLIENT_OPTIONS(.transports = {SIO_WEBSOCKET}));
    l.has_begun = true;
    (void)tick_until(&l, LIFE_ON_CONNECT, 1);
    int64_t cpu = cpu_ms();
    assert_int_equal(pthread_create(&thread, NULL, post_later, &l), 0);
    int ticks = tick_until(&l, LIFE_ON_EVENT, 1);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_in_range(ticks, 1, 20);
    assert_true(cpu_ms() - cpu < 150);
    life_end(&l);
}

/* Closed, with an answer that is still due, and with mail. */
static void closed_clients_that_tick_still_do_what_is_due(void **state) {
    (void)state;
    struct life l;
    life_begin(&l, LIFE_TICK, server.url, NULL);
    l.has_begun = true;
    (void)tick_until(&l, LIFE_ON_CONNECT, 1);
    assert_int_equal(sio_client_close(l.client), 0);
    (void)tick_until(&l, LIFE_ON_NOTICE + SIO_NOTICE_CLOSE, 1);
    assert_int_equal(sio_client_close(l.client), SIO_ERR_CLOSED);
    assert_in_range(tick_to_rest(&l), 0, 20);
    l.busy = true;
    assert_int_equal(sio_client_open(l.client), 0);
    (void)tick_until(&l, LIFE_ON_ACK, 2);
    life_end(&l);
}

static void clients_on_a_loop_let_it_end_when_they_are_closed(void **state) {
    (void)state;
    struct life l;
    life_begin(&l, LIFE_LOOP, server.url, NULL);
    l.act_on = LIFE_ON_CONNECT;
    l.act_at = 1;
    l.action = LIFE_CLOSE;
    uv_run(&l.loop, UV_RUN_DEFAULT);
    assert_int_equal(l.counts[LIFE_ON_DISCONNECT], 1);
    assert_int_equal(l.counts[LIFE_ON_NOTICE + SIO_NOTICE_CLOSE], 1);
    assert_int_equal(sio_client_state(l.client), SIO_CLIENT_CLOSED);
    l.action = LIFE_NOTHING;
    assert_int_equal(sio_client_open(l.client), 0);
    l.act_on = LIFE_ON_CONNECT;
    l.act_at = 2;
    l.action = LIFE_CLOSE;
    uv_run(&l.loop, UV_RUN_DEFAULT);
    assert_int_equal(l.counts[LIFE_ON_CONNECT], 2);
    life_end(&l);
}

static void run_returns_why(void **state) {
    (void)state;
    struct life l;
    char url[80];
    (void)snprintf(url, sizeof url, "%s/refused", server.url);
    life_begin(&l, LIFE_TICK, url, NULL);
    assert_int_equal(sio_client_run(l.client), SIO_ERR_REFUSED);
    assert_int_equal(sio_client_run(l.client), SIO_ERR_REFUSED); /* it was not opened again */
    assert_int_equal(l.counts[LIFE_ON_CONNECT_ERROR], 1);
    assert_int_equal(sio_socket_connect(l.s), 0);
    assert_int_equal(sio_client_run(l.client), SIO_ERR_REFUSED);
    assert_int_equal(l.counts[LIFE_ON_CONNECT_ERROR], 2);
    life_end(&l);
    life_begin(&l, LIFE_TICK, "http://127.0.0.1:1", SIO_CLIENT_OPTIONS(.no_reconnection = true));
    assert_int_equal(sio_client_run(l.client), UV_ECONNREFUSED);
    assert_int_equal(sio_client_open(l.client), 0);
    assert_int_equal(sio_client_run(l.client), UV_ECONNREFUSED);
    assert_int_equal(l.counts[LIFE_ON_CONNECT_ERROR], 2);
    life_end(&l);
    life_begin(&l, LIFE_TICK, server.url, NULL);
    assert_int_equal(sio_client_close(l.client), 0); /* before it runs */
    assert_int_equal(sio_client_run(l.client), 0);
    assert_int_equal(l.counts[LIFE_ON_CONNECT], 0);
    assert_int_equal(sio_client_open(l.client), 0);
    l.act_on = LIFE_ON_CONNECT;
    l.act_at = 1;
    l.action = LIFE_CLOSE;
    assert_int_equal(sio_client_run(l.client), 0);
    assert_int_equal(l.counts[LIFE_ON_CONNECT], 1);
    assert_int_equal(l.counts[LIFE_ON_DISCONNECT], 1);
    life_end(&l);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_keep_their_order),
        cmocka_unit_test(every_question_is_answered_once_while_connections_break),
        cmocka_unit_test(nothing_is_answered_after_the_end),
        cmocka_unit_test(senders_that_are_too_fast_are_told_when_there_is_room),
        cmocka_unit_test(refused_senders_are_told_when_there_is_room),
        cmocka_unit_test(events_above_the_limit_are_in_nobodys_way),
        cmocka_unit_test(events_above_the_limit_do_not_wait_for_the_connection),
        cmocka_unit_test(slow_senders_are_told_of_room_when_the_connection_is_lost),
        cmocka_unit_test(full_buffers_tell_when_they_have_room),
        cmocka_unit_test(calls_return_the_answer),
        cmocka_unit_test(calls_time_out),
        cmocka_unit_test(calls_that_nobody_runs_are_refused),
        cmocka_unit_test(calls_on_the_clients_thread_are_refused),
        cmocka_unit_test(calls_end_with_the_client),
        cmocka_unit_test(one_way_to_run_excludes_the_others),
        cmocka_unit_test(ticks_are_the_only_place_of_callbacks),
        cmocka_unit_test(descriptor_and_timeout_miss_nothing),
        cmocka_unit_test(upgrades_need_no_luck),
        cmocka_unit_test(opening_again_needs_no_luck),
        cmocka_unit_test(writing_needs_no_luck),
        cmocka_unit_test(answers_end_with_the_one_that_frees),
        cmocka_unit_test(waiting_takes_no_time),
        cmocka_unit_test(closed_clients_that_tick_still_do_what_is_due),
        cmocka_unit_test(clients_on_a_loop_let_it_end_when_they_are_closed),
        cmocka_unit_test(run_returns_why),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
