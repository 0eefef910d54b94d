/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* Dials that are cancelled in each of their states, or find no memory. */
#include <fcntl.h>
#include <netdb.h>
#include <unistd.h>

#include <sio/error.h>

#include "support/dialer.h"
#include "support/torture.h"

#define NEVER_MS 600000u /* much longer than a test may take */
#define ROUNDS   1000

/* ---- cancelling ---- */

static void cancelling_nothing_is_fine(void **state) {
    (void)state;
    sio__dial_cancel(NULL);
}

static void dials_are_cancelled_before_they_begin(void **state) {
    (void)state;
    struct dialer *f = dialer_begin();
    struct place open = place_listening(AF_INET);
    struct dial_options options = {
        .host = SIO_TEXT("127.0.0.1"), .port = place_port(&open), .timeout_ms = NEVER_MS};
    struct call call = {0};
    for (int i = 0; i < ROUNDS; i++) {
        dialer_start(f, &call, &options);
        sio__dial_cancel(call.dial);
        assert_int_equal(call.calls, 0);
    }
    dialer_turn(f, 3);
    assert_int_equal(call.calls, 0);
    place_leave(&open);
    dialer_end(f);
    assert_int_equal(call.calls, 0);
}

static void dials_are_cancelled_while_lookups_are_queued(void **state) {
    (void)state;
    struct dialer *f = dialer_begin();
    struct dial_options options = {
        .host = SIO_TEXT(RESOLVED_NAME), .port = 80, .timeout_ms = NEVER_MS};
    struct call first = {0};
    struct call call = {0};
    resolver_answer(NULL, 0, EAI_NONAME);
    resolver.held = true; /* and libuv's only thread with it */
    dialer_start(f, &first, &options);
    dialer_turn(f, 1);
    sem_wait(&resolver.entered);
    for (int i = 0; i < ROUNDS; i++) {
        dialer_start(f, &call, &options);
        dialer_turn(f, 1);
        sio__dial_cancel(call.dial);
    }
    dialer_turn(f, 3);
    resolver.held = false;
    sem_post(&resolver.release);
    assert_int_equal(dialer_wait(&first), UV_EAI_NONAME);
    dialer_end(f);
    assert_int_equal(call.calls, 0);
    assert_int_equal(resolver.calls, 1); /* the others were taken back */
}

static void dials_are_cancelled_while_lookups_run(void **state) {
    (void)state;
    struct dialer *f = dialer_begin();
    struct place open = place_listening(AF_INET);
    struct dial_options options = {
        .host = SIO_TEXT(RESOLVED_NAME), .port = place_port(&open), .timeout_ms = NEVER_MS};
    struct call call = {0};
    resolver_answer(&open.address, 1, 0);
    resolver.held = true;
    for (int i = 0; i < ROUNDS; i++) {
        dialer_start(f, &call, &options);
        dialer_turn(f, 1);
        sem_wait(&resolver.entered);
        sio__dial_cancel(call.dial);
        sem_post(&resolver.release);
    }
    place_leave(&open);
    dialer_end(f); /* waits for all of them */
    assert_int_equal(call.calls, 0);
    assert_int_equal(resolver.calls, ROUNDS);
}

static void dials_are_cancelled_during_attempts(void **state) {
    (void)state;
    struct dialer *f = dialer_begin();
    struct place hole = place_black_hole(AF_INET);
    union dial_address list[] = {hole.address, hole.address, hole.address};
    struct dial_options options = {
        .addresses = list, .address_count = 3, .attempt_delay_ms = 1, .timeout_ms = NEVER_MS};
    struct call call = {0};
    for (int i = 0; i < ROUNDS; i++) {
        size_t wanted = i % 10 == 0 ? 3 : 1; /* attempts under way; each takes a millisecond */
        size_t before = wanted == 3 ? dialer_fds() : 0;
        dialer_start(f, &call, &options);
        dialer_turn(f, 1);
        while (wanted == 3 && dialer_fds() < before + wanted) {
            uv_run(&f->loop, UV_RUN_ONCE);
        }
        sio__dial_cancel(call.dial);
    }
    place_leave(&hole);
    dialer_end(f);
    assert_int_equal(call.calls, 0);
}

/* In no state in particular: between the turns of a dial that would succeed. */
static void dials_are_cancelled_as_they_succeed(void **state) {
    (void)state;
    struct dialer *f = dialer_begin();
    struct place open = place_listening(AF_INET);
    assert_int_equal(fcntl(open.fd, F_SETFL, O_NONBLOCK), 0);
    struct dial_options options = {.host = SIO_TEXT("127.0.0.1"), .port = place_port(&open)};
    int done = 0;
    for (int i = 0; i < ROUNDS; i++) {
        struct call call = {0};
        dialer_start(f, &call, &options);
        dialer_turn(f, i % 4);
        if (call.calls == 0) {
            sio__dial_cancel(call.dial);
            dialer_turn(f, 2);
            assert_int_equal(call.calls, 0);
        } else {
            assert_true(call.result >= 0);
            close(call.result);
            done++;
        }
        close(accept(open.fd, NULL, NULL));
    }
    assert_in_range(done, 1, ROUNDS - 1);
    place_leave(&open);
    dialer_end(f);
}

static void cancelling_in_the_callback_has_no_effect(void **state) {
    (void)state;
    struct dialer *f = dialer_begin();
    struct place open = place_listening(AF_INET);
    struct place refuses = place_refusing(AF_INET);
    assert_int_equal(fcntl(open.fd, F_SETFL, O_NONBLOCK), 0);
    struct call call = {.cancels = true};
    for (int i = 0; i < ROUNDS; i++) {
        struct dial_options options = {.host = SIO_TEXT("127.0.0.1"), .port = place_port(&open)};
        dialer_start(f, &call, &options);
        int fd = dialer_wait(&call);
        assert_true(fd >= 0);
        assert_true(place_is_peer(&open, fd));
        close(fd);
        close(accept(open.fd, NULL, NULL));
        options.port = place_port(&refuses);
        dialer_start(f, &call, &options);
        assert_int_equal(dialer_wait(&call), UV_ECONNREFUSED);
    }
    resolver_answer(NULL, 0, EAI_NONAME);
    struct dial_options options = {.host = SIO_TEXT(RESOLVED_NAME), .port = 80};
    dialer_start(f, &call, &options);
    assert_int_equal(dialer_wait(&call), UV_EAI_NONAME);
    place_leave(&open);
    place_leave(&refuses);
    dialer_end(f);
}

/* ---- memory ---- */

struct torture_case {
    struct dialer *f;
    struct dial_options options;
    int expected; /* error without a refusal of memory; 0: a socket */
};

static int dial_once(void *user) {
    struct torture_case *c = user;
    struct call call = {.dialer = c->f};
    int result = sio__dial_start(&c->f->reactor, &c->options, dialer_on_done, &call, &call.dial);
    if (result == 0) {
        result = dialer_wait(&call);
    }
    if (result >= 0) {
        close(result);
        result = 0;
    }
    dialer_turn(c->f, 2); /* attempts are closed */
    assert_int_equal(c->f->reactor.open_handles, c->f->reactor.own_handles);
    if (result == c->expected && (result == 0 || torture_refused() == 0)) {
        return 0;
    }
    if (result ==
        SIO_ERR_TIMEOUT) { /* no memory for the one that is open; the black hole is left */
        assert_true(torture_refused() > 0);
        return SIO_ERR_NOMEM;
    }
    assert_int_equal(result, SIO_ERR_NOMEM);
    return result;
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    struct dialer *f = dialer_begin();
    struct place open = place_listening(AF_INET);
    struct place refuses = place_refusing(AF_INET);
    struct place hole = place_black_hole(AF_INET);
    static union dial_address list[8];
    static union dial_address all_refuse[8];
    for (size_t i = 0; i < 8; i++) {
        list[i] = refuses.address;
        all_refuse[i] = refuses.address;
    }
    list[3] = place_unreachable();
    list[5] = hole.address;
    list[7] = open.address;
    resolver_answer(list + 6, 2, 0);
    struct torture_case cases[] = {
        {f, {.host = SIO_TEXT("127.0.0.1"), .port = place_port(&open)}, 0},
        {f, {.host = SIO_TEXT("localhost"), .port = place_port(&open)}, 0},
        {f, {.host = SIO_TEXT("127.0.0.1"), .port = place_port(&refuses)}, UV_ECONNREFUSED},
        {f, {.host = SIO_TEXT(RESOLVED_NAME), .port = place_port(&open), .attempt_delay_ms = 1}, 0},
        {f, {.addresses = list, .address_count = 8, .attempt_delay_ms = 1, .timeout_ms = 500}, 0},
        {f, {.addresses = all_refuse, .address_count = 8, .attempt_delay_ms = 1}, UV_ECONNREFUSED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        torture_run(dial_once, &cases[i]);
    }
    place_leave(&open);
    place_leave(&refuses);
    place_leave(&hole);
    dialer_end(f);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(cancelling_nothing_is_fine),
        cmocka_unit_test(dials_are_cancelled_before_they_begin),
        cmocka_unit_test(dials_are_cancelled_while_lookups_are_queued),
        cmocka_unit_test(dials_are_cancelled_while_lookups_run),
        cmocka_unit_test(dials_are_cancelled_during_attempts),
        cmocka_unit_test(dials_are_cancelled_as_they_succeed),
        cmocka_unit_test(cancelling_in_the_callback_has_no_effect),
        cmocka_unit_test_teardown(every_allocation_may_fail, torture_teardown),
    };
    resolver_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
