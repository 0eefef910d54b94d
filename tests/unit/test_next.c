/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* Decisions that come at once, later, twice, too late, or never. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engineio/next.h"
#include "support/torture.h"

struct owner {
    int decisions;
    bool ok;
    char message[32];
    char data[32];
    bool keeps; /* does not free the decision */
};

static struct reactor reactor;

static int setup(void **state) {
    (void)state;
    torture_install();
    memset(&reactor, 0, sizeof reactor);
    sio__list_init(&reactor.tasks);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    assert_true(sio__list_empty(&reactor.tasks));
    torture_uninstall();
    return 0;
}

static void run_tasks(void) {
    struct list *node = sio__list_pop_front(&reactor.tasks);
    while (node != NULL) {
        struct task *task = SIO_CONTAINER_OF(node, struct task, link);
        task->fn(task);
        node = sio__list_pop_front(&reactor.tasks);
    }
}

static void decide(struct sio_next *next) {
    struct owner *o = next->owner;
    assert_non_null(o);
    o->decisions++;
    o->ok = next->ok;
    (void)strncpy(o->message, next->message != NULL ? next->message : "-", sizeof o->message - 1);
    (void)strncpy(o->data, next->data != NULL ? next->data : "-", sizeof o->data - 1);
    if (!o->keeps) {
        sio__next_free(next);
    }
}

static struct sio_next *make(struct owner *o) {
    struct sio_next *next = sio__next_new(&reactor, decide, o);
    assert_non_null(next);
    return next;
}

static void decisions_at_once_are_there_on_return(void **state) {
    (void)state;
    struct owner o = {0};
    struct sio_next *next = make(&o);
    sio__next_begin(next);
    sio_next_ok(next);
    assert_true(sio__next_end(next));
    assert_true(next->ok);
    run_tasks();
    assert_int_equal(o.decisions, 0); /* its maker goes on by itself */
    sio__next_free(next);
}

static void decisions_later_come_from_a_task(void **state) {
    (void)state;
    struct owner o = {0};
    struct sio_next *next = make(&o);
    sio__next_begin(next);
    assert_false(sio__next_end(next));
    sio_next_fail(next, "no", "{}");
    assert_int_equal(o.decisions, 0);
    run_tasks();
    assert_int_equal(o.decisions, 1);
    assert_false(o.ok);
    assert_string_equal(o.message, "no");
    assert_string_equal(o.data, "{}");
}

static void the_first_decision_counts(void **state) {
    (void)state;
    struct owner o = {0};
    struct sio_next *next = make(&o);
    sio_next_fail(next, NULL, NULL);
    sio_next_ok(next);
    sio_next_fail(next, "again", NULL);
    run_tasks();
    assert_int_equal(o.decisions, 1);
    assert_false(o.ok);
    assert_string_equal(o.message, "-");
}

static void abandoned_decisions_reach_nobody(void **state) {
    (void)state;
    struct owner o = {0};
    struct sio_next *next = make(&o);
    sio__next_abandon(next);
    sio_next_ok(next); /* frees it, at once or in a task */
    run_tasks();
    next = make(&o);
    sio__next_abandon(next);
    sio_next_fail(next, "message", "{}");
    run_tasks();
    assert_int_equal(o.decisions, 0);
}

static void decided_ones_may_be_abandoned(void **state) {
    (void)state;
    struct owner o = {0};
    struct sio_next *next = make(&o);
    sio_next_fail(next, "message", "{}");
    sio__next_abandon(next); /* before its task has run */
    run_tasks();
    assert_int_equal(o.decisions, 0);
}

static void decisions_may_be_asked_anew(void **state) {
    (void)state;
    struct owner o = {.keeps = true};
    struct sio_next *next = make(&o);
    sio_next_fail(next, "first", "1");
    run_tasks();
    assert_string_equal(o.message, "first");
    sio__next_reset(next);
    sio__next_begin(next);
    assert_false(sio__next_end(next));
    sio_next_ok(next);
    run_tasks();
    assert_int_equal(o.decisions, 2);
    assert_true(o.ok);
    assert_string_equal(o.message, "-");
    sio__next_free(next);
}

static void refusals_hold_without_memory_for_their_texts(void **state) {
    (void)state;
    struct owner o = {0};
    struct sio_next *next = make(&o);
    torture_plan(TORTURE_FROM, 1);
    sio_next_fail(next, "message", "{}");
    run_tasks();
    assert_int_equal(o.decisions, 1);
    assert_false(o.ok);
    assert_string_equal(o.message, "-");
    assert_null(sio__next_new(&reactor, decide, &o));
    torture_plan(TORTURE_NEVER, 0);
}

int main(void) {
#define NEXT_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    static const struct CMUnitTest tests[] = {
        NEXT_TEST(decisions_at_once_are_there_on_return),
        NEXT_TEST(decisions_later_come_from_a_task),
        NEXT_TEST(the_first_decision_counts),
        NEXT_TEST(abandoned_decisions_reach_nobody),
        NEXT_TEST(decided_ones_may_be_abandoned),
        NEXT_TEST(decisions_may_be_asked_anew),
        NEXT_TEST(refusals_hold_without_memory_for_their_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
