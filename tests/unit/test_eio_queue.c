/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* The queue of frames of a client: its parts come off in order, also while it grows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engineio/eio_queue.h"

struct fixture {
    struct frame_pool pool;
    struct eio_queue queue;
    unsigned pushed; /* parts */
    unsigned taken;
};

static int setup(void **state) {
    static struct fixture f;
    f = (struct fixture){.pushed = 0};
    sio__frame_pool_init(&f.pool);
    *state = &f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    sio__eio_queue_clear(&f->queue, &f->pool);
    assert_int_equal(f->queue.bytes, 0);
    assert_int_equal(f->pool.live, 0);
    sio__frame_pool_done(&f->pool);
    return 0;
}

/* Parts are numbers, each one greater than the one before. */
static void push(struct fixture *f, uint32_t parts) {
    struct frame_source sources[8];
    char numbers[8][16];
    assert_true(parts <= 8);
    for (uint32_t i = 0; i < parts; i++) {
        int n = snprintf(numbers[i], sizeof numbers[i], "4%u", f->pushed);
        sources[i] = (struct frame_source){numbers[i], (size_t)n, false};
        f->pushed++;
    }
    struct frame *frame = sio__frame_new(&f->pool, sources, parts);
    assert_non_null(frame);
    assert_int_equal(sio__eio_queue_push(&f->queue, frame), 0);
    assert_int_equal(frame->refs, 2);
    sio__frame_unref(&f->pool, frame);
}

static void assert_part(const struct frame_part *part, unsigned number) {
    char expected[16];
    int n = snprintf(expected, sizeof expected, "4%u", number);
    assert_non_null(part);
    assert_int_equal(part->len, n);
    assert_memory_equal(part->data, expected, (size_t)n);
}

static void take(struct fixture *f) {
    assert_part(sio__eio_queue_first(&f->queue), f->taken);
    f->taken++;
    sio__eio_queue_drop(&f->queue, &f->pool);
}

static void an_empty_queue_has_no_parts(void **state) {
    struct fixture *f = *state;
    struct eio_queue_walk walk = {0};
    assert_null(sio__eio_queue_first(&f->queue));
    assert_null(sio__eio_queue_next(&f->queue, &walk));
    assert_null(sio__eio_queue_next(&f->queue, &walk));
}

static void parts_come_off_in_order_while_it_grows(void **state) {
    struct fixture *f = *state;
    for (unsigned round = 0; round < 3000; round++) {
        push(f, 1 + round % 3);
        if (round % 2 == 0) {
            take(f);
        }
    }
    while (f->taken < f->pushed) {
        take(f);
    }
    assert_null(sio__eio_queue_first(&f->queue));
    assert_int_equal(f->queue.bytes, 0);
    assert_int_equal(f->pool.live, 0);
}

static void a_walk_begins_where_the_parts_were_taken(void **state) {
    struct fixture *f = *state;
    push(f, 3);
    push(f, 1);
    push(f, 2);
    for (unsigned taken = 0; taken < 6; taken++) {
        struct eio_queue_walk walk = {0};
        for (unsigned i = taken; i < 6; i++) {
            assert_part(sio__eio_queue_next(&f->queue, &walk), i);
        }
        assert_null(sio__eio_queue_next(&f->queue, &walk));
        take(f);
    }
}

static void bytes_are_those_of_frames_on_websocket(void **state) {
    struct fixture *f = *state;
    push(f, 2);
    assert_int_equal(f->queue.bytes, 2 * (2 + 2));
    take(f);
    assert_int_equal(f->queue.bytes, 2 + 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_queue_has_no_parts, setup, teardown),
        cmocka_unit_test_setup_teardown(parts_come_off_in_order_while_it_grows, setup, teardown),
        cmocka_unit_test_setup_teardown(a_walk_begins_where_the_parts_were_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(bytes_are_those_of_frames_on_websocket, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
