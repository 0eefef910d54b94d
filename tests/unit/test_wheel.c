/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/wheel.h"

static uint32_t next_random(uint64_t *x) {
    *x = *x * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*x >> 33);
}

/* Of all magnitudes alike: up to 2^0, 2^1, ... 2^max_bits. */
static uint64_t random_magnitude(uint64_t *x, unsigned max_bits) {
    uint64_t r = (uint64_t)next_random(x) << 33 ^ (uint64_t)next_random(x) << 11 ^ next_random(x);
    unsigned bits = next_random(x) % (max_bits + 1);
    return bits == 0 ? 0 : r >> (64 - bits);
}

/* ---- simple cases ---- */

static unsigned fired;
static struct timer *last_fired;

static void count(struct timer *t) {
    fired++;
    last_fired = t;
}

static int reset(void **state) {
    (void)state;
    fired = 0;
    last_fired = NULL;
    return 0;
}

static void a_timer_fires_at_its_time_and_once(void **state) {
    (void)state;
    static const uint64_t delays[] = {1, 2, 63, 64, 65, 4095, 4096, 25000, 262144, 1ull << 40};
    for (size_t i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
        struct wheel w;
        struct timer t;
        uint64_t start = 123456789;
        sio__wheel_init(&w, start);
        sio__timer_init(&t, count);
        assert_false(sio__timer_active(&t));
        assert_true(sio__wheel_next(&w) == UINT64_MAX);
        sio__wheel_start(&w, &t, start + delays[i]);
        assert_true(sio__timer_active(&t));
        assert_true(sio__wheel_next(&w) <= start + delays[i]);
        assert_int_equal(sio__wheel_advance(&w, start + delays[i] - 1), 0);
        assert_true(sio__timer_active(&t));
        assert_int_equal(sio__wheel_advance(&w, start + delays[i]), 1);
        assert_false(sio__timer_active(&t));
        assert_int_equal(sio__wheel_advance(&w, start + 2 * delays[i]), 0);
        assert_true(sio__wheel_next(&w) == UINT64_MAX);
    }
    assert_int_equal(fired, sizeof(delays) / sizeof(delays[0]));
}

static void a_stopped_timer_does_not_fire(void **state) {
    (void)state;
    struct wheel w;
    struct timer t;
    sio__wheel_init(&w, 0);
    sio__timer_init(&t, count);
    sio__wheel_stop(&w, &t);
    sio__wheel_start(&w, &t, 100);
    sio__wheel_stop(&w, &t);
    sio__wheel_stop(&w, &t);
    assert_false(sio__timer_active(&t));
    assert_true(sio__wheel_next(&w) == UINT64_MAX);
    assert_int_equal(sio__wheel_advance(&w, 1000), 0);
    assert_int_equal(fired, 0);
}

static void starting_again_moves_a_timer(void **state) {
    (void)state;
    struct wheel w;
    struct timer t;
    sio__wheel_init(&w, 0);
    sio__timer_init(&t, count);
    sio__wheel_start(&w, &t, 100);
    sio__wheel_start(&w, &t, 50000);
    assert_int_equal(sio__wheel_advance(&w, 49999), 0);
    sio__wheel_start(&w, &t, 50001);
    assert_int_equal(sio__wheel_advance(&w, 50000), 0);
    assert_int_equal(sio__wheel_advance(&w, 50001), 1);
}

static void a_time_that_has_passed_fires_with_the_next_advance(void **state) {
    (void)state;
    static const uint64_t times[] = {0, 999, 1000};
    for (size_t i = 0; i < 3; i++) {
        struct wheel w;
        struct timer t;
        sio__wheel_init(&w, 1000);
        sio__timer_init(&t, count);
        sio__wheel_start(&w, &t, times[i]);
        assert_true(sio__timer_active(&t));
        assert_true(sio__wheel_next(&w) == 1000);
        sio__wheel_stop(&w, &t);
        assert_true(sio__wheel_next(&w) == UINT64_MAX);
        sio__wheel_start(&w, &t, times[i]);
        assert_int_equal(sio__wheel_advance(&w, 1000), 1);
        assert_int_equal(sio__wheel_advance(&w, 1000), 0);
    }
}

static void time_does_not_go_back(void **state) {
    (void)state;
    struct wheel w;
    struct timer t;
    sio__wheel_init(&w, 1000);
    sio__timer_init(&t, count);
    sio__wheel_start(&w, &t, 1010);
    assert_int_equal(sio__wheel_advance(&w, 500), 0);
    assert_int_equal(sio__wheel_advance(&w, 1009), 0);
    assert_int_equal(sio__wheel_advance(&w, 0), 0);
    assert_int_equal(sio__wheel_advance(&w, 1010), 1);
}

static void the_end_of_time_is_a_time_as_any_other(void **state) {
    (void)state;
    struct wheel w;
    struct timer a, b;
    sio__wheel_init(&w, 0);
    sio__timer_init(&a, count);
    sio__timer_init(&b, count);
    sio__wheel_start(&w, &a, UINT64_MAX);
    sio__wheel_start(&w, &b, UINT64_MAX - 1);
    assert_int_equal(sio__wheel_advance(&w, UINT64_MAX - 2), 0);
    assert_int_equal(sio__wheel_advance(&w, UINT64_MAX - 1), 1);
    assert_ptr_equal(last_fired, &b);
    assert_int_equal(sio__wheel_advance(&w, UINT64_MAX), 1);
    assert_ptr_equal(last_fired, &a);
}

/* ---- what a callback may do ---- */

static struct wheel wheel;

static void start_again_now(struct timer *t) {
    fired++;
    sio__wheel_start(&wheel, t, 0);
}

static void a_timer_that_starts_itself_for_now_waits_for_the_next_advance(void **state) {
    (void)state;
    struct timer t;
    sio__wheel_init(&wheel, 0);
    sio__timer_init(&t, start_again_now);
    sio__wheel_start(&wheel, &t, 10);
    assert_int_equal(sio__wheel_advance(&wheel, 100), 1);
    assert_true(sio__timer_active(&t));
    assert_true(sio__wheel_next(&wheel) == 100);
    assert_int_equal(sio__wheel_advance(&wheel, 100), 1);
    assert_int_equal(fired, 2);
    sio__wheel_stop(&wheel, &t);
}

static struct timer trio[3];

static void stop_the_others(struct timer *t) {
    fired++;
    for (size_t i = 0; i < 3; i++) {
        sio__wheel_stop(&wheel, &trio[i]);
    }
    assert_false(sio__timer_active(t));
}

static void put_the_others_off(struct timer *t) {
    fired++;
    for (size_t i = 0; i < 3; i++) {
        if (&trio[i] != t) {
            sio__wheel_start(&wheel, &trio[i], 500);
        }
    }
}

static void start_trio(void (*fn)(struct timer *t)) {
    sio__wheel_init(&wheel, 0);
    for (size_t i = 0; i < 3; i++) {
        sio__timer_init(&trio[i], fn);
        sio__wheel_start(&wheel, &trio[i], 100);
    }
}

static void a_callback_may_stop_others_that_are_due(void **state) {
    (void)state;
    start_trio(stop_the_others);
    assert_int_equal(sio__wheel_advance(&wheel, 200), 1);
    assert_true(sio__wheel_next(&wheel) == UINT64_MAX);
}

static void a_callback_may_put_off_others_that_are_due(void **state) {
    (void)state;
    start_trio(put_the_others_off);
    assert_int_equal(sio__wheel_advance(&wheel, 200), 1);
    assert_int_equal(sio__wheel_advance(&wheel, 499), 0);
    assert_true(sio__wheel_next(&wheel) <= 500);
    assert_int_equal(sio__wheel_advance(&wheel, 500), 1);
}

static void ask_for_next(struct timer *t) {
    (void)t;
    fired++;
    assert_true(sio__wheel_next(&wheel) == (fired < 3 ? 200 : UINT64_MAX));
}

static void next_knows_of_timers_that_are_still_to_fire_in_this_run(void **state) {
    (void)state;
    start_trio(ask_for_next);
    assert_int_equal(sio__wheel_advance(&wheel, 200), 3);
}

static void free_itself(struct timer *t) {
    fired++;
    memset(t, 0xdd, sizeof(*t));
    free(t);
}

static void a_callback_may_free_its_timer(void **state) {
    (void)state;
    sio__wheel_init(&wheel, 0);
    for (uint64_t i = 0; i < 100; i++) {
        struct timer *t = malloc(sizeof(*t));
        assert_non_null(t);
        sio__timer_init(t, free_itself);
        sio__wheel_start(&wheel, t, i % 7 * 50);
    }
    assert_int_equal(sio__wheel_advance(&wheel, 1000), 100);
    assert_int_equal(fired, 100);
}

/* ---- against a reference ---- */

#define TIMERS 48

struct tracked {
    struct timer timer;
    bool active;
    bool fresh; /* started for now by a callback of the run that is under way */
    uint64_t expires_ms;
};

static struct {
    struct tracked timers[TIMERS];
    uint64_t random;
    uint64_t now_ms;
    bool running;
    uint64_t last_ms; /* expiry of the timer that fired last in this run */
} model;

static void start(struct tracked *t, uint64_t expires_ms) {
    sio__wheel_start(&wheel, &t->timer, expires_ms);
    t->active = true;
    t->expires_ms = expires_ms > model.now_ms ? expires_ms : model.now_ms;
    t->fresh = model.running && expires_ms <= model.now_ms;
}

static void stop(struct tracked *t) {
    sio__wheel_stop(&wheel, &t->timer);
    t->active = false;
}

static void do_something(void) {
    struct tracked *t = &model.timers[next_random(&model.random) % TIMERS];
    uint64_t distance = random_magnitude(&model.random, 45);
    switch (next_random(&model.random) % 8) {
    case 0: stop(t); break;
    case 1: start(t, model.now_ms - (distance < model.now_ms ? distance : 0)); break;
    case 2: start(t, UINT64_MAX - distance); break;
    default: start(t, model.now_ms + distance); break;
    }
}

static void check_firing(struct timer *timer) {
    struct tracked *t = SIO_CONTAINER_OF(timer, struct tracked, timer);
    assert_true(t->active);
    assert_false(t->fresh);
    assert_false(sio__timer_active(timer));
    assert_true(t->expires_ms <= model.now_ms);
    assert_true(t->expires_ms >= model.last_ms);
    assert_true(timer->expires_ms == t->expires_ms);
    model.last_ms = t->expires_ms;
    t->active = false;
    for (uint32_t n = next_random(&model.random) % 3; n > 0; n--) {
        do_something();
    }
}

static void check_state(void) {
    uint64_t earliest = UINT64_MAX;
    bool any = false;
    for (size_t i = 0; i < TIMERS; i++) {
        const struct tracked *t = &model.timers[i];
        assert_int_equal(sio__timer_active(&t->timer), t->active);
        if (t->active) {
            any = true;
            earliest = t->expires_ms < earliest ? t->expires_ms : earliest;
        }
    }
    uint64_t next = sio__wheel_next(&wheel);
    assert_true(next <= earliest);
    assert_true(any || next == UINT64_MAX);
    assert_true(next >= model.now_ms);
}

static void advance(uint64_t now_ms) {
    model.now_ms = now_ms > model.now_ms ? now_ms : model.now_ms;
    model.running = true;
    model.last_ms = 0;
    (void)sio__wheel_advance(&wheel, now_ms);
    model.running = false;
    for (size_t i = 0; i < TIMERS; i++) {
        struct tracked *t = &model.timers[i];
        assert_true(!t->active || t->expires_ms > model.now_ms || t->fresh);
        t->fresh = false;
    }
}

static void random_use_agrees_with_the_reference(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        memset(&model, 0, sizeof(model));
        model.random = seed * 0x9e3779b97f4a7c15u;
        model.now_ms = random_magnitude(&model.random, 42);
        sio__wheel_init(&wheel, model.now_ms);
        for (size_t i = 0; i < TIMERS; i++) {
            sio__timer_init(&model.timers[i].timer, check_firing);
        }
        for (int step = 0; step < 1000; step++) {
            uint32_t what = next_random(&model.random) % 10;
            if (what < 6) {
                do_something();
            } else if (what < 8) {
                uint64_t next = sio__wheel_next(&wheel);
                advance(next == UINT64_MAX ? model.now_ms : next);
            } else {
                advance(model.now_ms + random_magnitude(&model.random, 40));
            }
            check_state();
        }
    }
}

static uint64_t fired_at;

static void check_punctual(struct timer *t) {
    assert_true(t->expires_ms == fired_at);
    fired++;
}

static void waiting_until_next_serves_every_timer_on_time(void **state) {
    (void)state;
    enum { COUNT = 2000 };
    static struct timer timers[COUNT];
    uint64_t random = 99;
    uint64_t now_ms = 1700000000000;
    sio__wheel_init(&wheel, now_ms);
    for (size_t i = 0; i < COUNT; i++) {
        sio__timer_init(&timers[i], check_punctual);
        sio__wheel_start(&wheel, &timers[i], now_ms + 1 + random_magnitude(&random, 40));
    }
    unsigned wake_ups = 0;
    while (fired < COUNT) {
        fired_at = sio__wheel_next(&wheel);
        (void)sio__wheel_advance(&wheel, fired_at);
        wake_ups++;
    }
    assert_true(wake_ups <= COUNT * 8);
    assert_true(sio__wheel_next(&wheel) == UINT64_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_timer_fires_at_its_time_and_once, reset),
        cmocka_unit_test_setup(a_stopped_timer_does_not_fire, reset),
        cmocka_unit_test_setup(starting_again_moves_a_timer, reset),
        cmocka_unit_test_setup(a_time_that_has_passed_fires_with_the_next_advance, reset),
        cmocka_unit_test_setup(time_does_not_go_back, reset),
        cmocka_unit_test_setup(the_end_of_time_is_a_time_as_any_other, reset),
        cmocka_unit_test_setup(a_timer_that_starts_itself_for_now_waits_for_the_next_advance,
                               reset),
        cmocka_unit_test_setup(a_callback_may_stop_others_that_are_due, reset),
        cmocka_unit_test_setup(a_callback_may_put_off_others_that_are_due, reset),
        cmocka_unit_test_setup(next_knows_of_timers_that_are_still_to_fire_in_this_run, reset),
        cmocka_unit_test_setup(a_callback_may_free_its_timer, reset),
        cmocka_unit_test(random_use_agrees_with_the_reference),
        cmocka_unit_test_setup(waiting_until_next_serves_every_timer_on_time, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
