/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* Tasks of a reactor: when they run, and how many in a turn of the loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "net/reactor.h"

/* More than run in a turn when they queue each other. */
#define MANY 50000u

struct fixture {
    uv_loop_t loop;
    struct logger log;
    struct reactor reactor;
    bool closed;
};

struct counted {
    struct task task;
    struct fixture *f;
    size_t runs;
    size_t wanted; /* queues itself until it has run so often */
};

static struct fixture *begin(void) {
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    sio__logger_init(&f->log, SIO_LOG_NONE, NULL, NULL, NULL);
    assert_int_equal(sio__reactor_init(&f->reactor, &f->loop, &f->log), 0);
    uv_ref((uv_handle_t *)&f->reactor.async); /* a loop without anything to wait for does not run */
    return f;
}

static void on_closed(void *context) {
    ((struct fixture *)context)->closed = true;
}

static void end(struct fixture *f) {
    sio__reactor_close(&f->reactor, on_closed, f);
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    assert_true(f->closed);
    sio__reactor_done(&f->reactor);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    free(f);
}

static void count_run(struct task *task) {
    struct counted *c = SIO_CONTAINER_OF(task, struct counted, task);
    c->runs++;
    if (c->runs < c->wanted) {
        sio__task_queue(&c->f->reactor, task);
    }
}

static void init_counted(struct counted *c, struct fixture *f, size_t wanted) {
    *c = (struct counted){.f = f, .wanted = wanted};
    sio__task_init(&c->task, count_run);
}

static void all_that_are_queued_run_in_one_turn(void **state) {
    (void)state;
    struct fixture *f = begin();
    struct counted *tasks = calloc(MANY, sizeof *tasks);
    assert_non_null(tasks);
    for (size_t i = 0; i < MANY; i++) {
        init_counted(&tasks[i], f, 1);
        sio__task_queue(&f->reactor, &tasks[i].task);
        sio__task_queue(&f->reactor, &tasks[i].task); /* queued already */
    }
    uv_run(&f->loop, UV_RUN_NOWAIT);
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(tasks[i].runs, 1);
    }
    end(f);
    free(tasks);
}

static void one_that_queues_itself_for_ever_lets_the_loop_go_on(void **state) {
    (void)state;
    struct fixture *f = begin();
    struct counted endless;
    init_counted(&endless, f, SIZE_MAX);
    sio__task_queue(&f->reactor, &endless.task);
    uv_run(&f->loop, UV_RUN_NOWAIT); /* returns */
    size_t first = endless.runs;
    assert_true(first > 0);
    uv_run(&f->loop, UV_RUN_NOWAIT);
    assert_true(endless.runs > first);
    sio__task_cancel(&endless.task);
    end(f);
}

static void those_that_are_taken_back_do_not_run(void **state) {
    (void)state;
    struct fixture *f = begin();
    struct counted taken;
    struct counted stays;
    init_counted(&taken, f, 1);
    init_counted(&stays, f, 3);
    sio__task_queue(&f->reactor, &taken.task);
    sio__task_queue(&f->reactor, &stays.task);
    sio__task_cancel(&taken.task);
    uv_run(&f->loop, UV_RUN_NOWAIT);
    assert_int_equal(taken.runs, 0);
    assert_int_equal(stays.runs, 3); /* a task may queue itself, and runs in the same turn */
    end(f);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_are_queued_run_in_one_turn),
        cmocka_unit_test(one_that_queues_itself_for_ever_lets_the_loop_go_on),
        cmocka_unit_test(those_that_are_taken_back_do_not_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
