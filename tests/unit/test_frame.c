/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Frames: what goes on the wire, counting, and where the memory comes from.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sio/error.h>

#include "proto/frame.h"
#include "support/torture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What a frame with one part needs besides header and data. */
#define FRAME_HEAD (sizeof(struct frame) + sizeof(struct frame_part))

static char *filled(size_t len, char c) {
    char *data = malloc(len + 1);
    assert_non_null(data);
    memset(data, c, len);
    return data;
}

static struct frame *new_text(struct frame_pool *pool, size_t len) {
    char *data = filled(len, 'x');
    struct frame *f = sio__frame_new(pool, &(struct frame_source){.data = data, .len = len}, 1);
    free(data);
    return f;
}

static void part_is_a_websocket_frame_of_a_server(void **state) {
    (void)state;
    static const struct {
        size_t len;
        bool binary;
        struct text header;
    } CASES[] = {
        {0, false, SIO_TEXT("\x81\x00")},
        {1, false, SIO_TEXT("\x81\x01")},
        {50, false, SIO_TEXT("\x81\x32")},
        {125, false, SIO_TEXT("\x81\x7d")},
        {126, false, SIO_TEXT("\x81\x7e\x00\x7e")},
        {65535, false, SIO_TEXT("\x81\x7e\xff\xff")},
        {65536, false, SIO_TEXT("\x81\x7f\0\0\0\0\0\1\0\0")},
        {0, true, SIO_TEXT("\x82\x00")},
        {125, true, SIO_TEXT("\x82\x7d")},
        {126, true, SIO_TEXT("\x82\x7e\x00\x7e")},
        {1000000, true, SIO_TEXT("\x82\x7f\0\0\0\0\0\x0f\x42\x40")},
    };
    struct frame_pool pool;
    sio__frame_pool_init(&pool);
    for (size_t i = 0; i < COUNT(CASES); i++) {
        size_t len = CASES[i].len;
        char *data = filled(len, 'd');
        struct frame_source source = {.data = data, .len = len, .binary = CASES[i].binary};
        struct frame *f = sio__frame_new(&pool, &source, 1);
        assert_non_null(f);
        const struct frame_part *part = &f->parts[0];
        struct text ws = sio__frame_part_ws(part);
        struct text plain = sio__frame_part_data(part);
        assert_int_equal(f->part_count, 1);
        assert_int_equal(f->flags, 0);
        assert_int_equal(part->binary, CASES[i].binary);
        assert_int_equal(part->ws_header_len, CASES[i].header.len);
        assert_int_equal(ws.len, CASES[i].header.len + len);
        assert_int_equal(f->bytes, ws.len);
        assert_memory_equal(ws.data, CASES[i].header.data, CASES[i].header.len);
        assert_ptr_equal(ws.data + CASES[i].header.len, plain.data);
        assert_int_equal(plain.len, len);
        assert_memory_equal(plain.data, data, len);
        sio__frame_unref(&pool, f);
        free(data);
    }
    sio__frame_pool_done(&pool);
}

static void parts_keep_their_order_and_are_copies(void **state) {
    (void)state;
    struct frame_pool pool;
    sio__frame_pool_init(&pool);
    char text[] = "452-[\"x\",{\"_placeholder\":true,\"num\":0}]";
    char first[] = "\x01\x02";
    const struct frame_source sources[] = {
        {.data = text, .len = 2},
        {.data = first, .len = 2, .binary = true},
        {.data = NULL, .len = 0, .binary = true},
    };
    struct frame *f = sio__frame_new(&pool, sources, 3);
    assert_non_null(f);
    memset(text, '#', sizeof text);
    memset(first, '#', sizeof first);
    assert_int_equal(f->part_count, 3);
    assert_int_equal(f->bytes, 4 + 4 + 2);
    assert_memory_equal(sio__frame_part_ws(&f->parts[0]).data, "\x81\x02\x34\x35", 4);
    assert_memory_equal(sio__frame_part_ws(&f->parts[1]).data, "\x82\x02\x01\x02", 4);
    assert_memory_equal(sio__frame_part_ws(&f->parts[2]).data, "\x82\x00", 2);
    assert_true(f->parts[1].binary && f->parts[2].binary && !f->parts[0].binary);
    sio__frame_unref(&pool, f);
    sio__frame_pool_done(&pool);
}

static void frame_lives_until_its_last_reference_is_dropped(void **state) {
    (void)state;
    struct frame_pool pool;
    sio__frame_pool_init(&pool);
    struct frame *f = new_text(&pool, 10);
    assert_non_null(f);
    assert_int_equal(f->refs, 1);
    assert_ptr_equal(sio__frame_ref(f), f);
    assert_ptr_equal(sio__frame_ref(f), f);
    assert_int_equal(f->refs, 3);
    sio__frame_unref(&pool, f);
    sio__frame_unref(&pool, f);
    assert_int_equal(f->refs, 1);
    assert_int_equal(pool.live, 1);
    assert_memory_equal(sio__frame_part_data(&f->parts[0]).data, "xxxxxxxxxx", 10);
    sio__frame_unref(&pool, f);
    assert_int_equal(pool.live, 0);
    sio__frame_unref(&pool, NULL);
    assert_int_equal(pool.live, 0);
    sio__frame_pool_done(&pool);
}

static void frame_comes_from_the_smallest_slab_that_holds_it(void **state) {
    (void)state;
    struct frame_pool pool;
    sio__frame_pool_init(&pool);
    for (uint8_t index = 0; index < FRAME_SLAB_COUNT; index++) {
        size_t size = (size_t)FRAME_SLAB_MIN << index;
        size_t len = size - FRAME_HEAD - (size < 256 ? 2 : 4);
        struct frame *fits = new_text(&pool, len);
        struct frame *does_not = new_text(&pool, len + 1);
        assert_non_null(fits);
        assert_non_null(does_not);
        assert_int_equal(fits->size_class, index);
        assert_int_equal(does_not->size_class, index + 1);
        sio__frame_unref(&pool, fits);
        sio__frame_unref(&pool, does_not);
    }
    struct frame *huge = new_text(&pool, 1000000);
    assert_non_null(huge);
    assert_int_equal(huge->size_class, FRAME_SLAB_COUNT);
    sio__frame_unref(&pool, huge);
    sio__frame_pool_done(&pool);
}

#ifndef SIO_NO_POOL
static void steady_state_allocates_nothing(void **state) {
    (void)state;
    torture_install();
    struct frame_pool pool;
    sio__frame_pool_init(&pool);
    struct frame_source source = {.data = "42[\"echo\"]", .len = 10};
    sio__frame_unref(&pool, sio__frame_new(&pool, &source, 1));
    size_t before = torture_count();
    for (int i = 0; i < 1000; i++) {
        struct frame *f = sio__frame_new(&pool, &source, 1);
        assert_non_null(f);
        sio__frame_unref(&pool, f);
    }
    assert_int_equal(torture_count(), before);
    sio__frame_pool_done(&pool);
    torture_uninstall();
}
#endif

static void frame_over_four_gigabytes_is_refused(void **state) {
    (void)state;
    struct frame_pool pool;
    sio__frame_pool_init(&pool);
    struct frame_source huge = {.data = "", .len = UINT32_MAX};
    assert_null(sio__frame_new(&pool, &huge, 1));
    huge.len = UINT32_MAX - FRAME_HEAD - 9; /* no room for the header */
    assert_null(sio__frame_new(&pool, &huge, 1));
    huge.len = SIZE_MAX;
    assert_null(sio__frame_new(&pool, &huge, 1));
    const struct frame_source two[] = {{.data = "", .len = UINT32_MAX / 2},
                                       {.data = "", .len = UINT32_MAX / 2}};
    assert_null(sio__frame_new(&pool, two, 2));
    assert_null(sio__frame_new(&pool, two, UINT32_MAX)); /* the part table alone */
    assert_int_equal(pool.live, 0);
    sio__frame_pool_done(&pool);
}

static int make_frames_of_all_sizes(void *user) {
    (void)user;
    struct frame_pool pool;
    sio__frame_pool_init(&pool);
    int r = 0;
    for (size_t len = 1; len < 20000; len *= 2) {
        struct frame *f = new_text(&pool, len);
        if (!f) {
            r = SIO_ERR_NOMEM;
        }
        assert_int_equal(pool.live, f ? 1 : 0);
        sio__frame_unref(&pool, f);
    }
    sio__frame_pool_done(&pool);
    return r;
}

static void lack_of_memory_yields_no_frame(void **state) {
    (void)state;
    torture_run(make_frames_of_all_sizes, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(part_is_a_websocket_frame_of_a_server),
        cmocka_unit_test(parts_keep_their_order_and_are_copies),
        cmocka_unit_test(frame_lives_until_its_last_reference_is_dropped),
        cmocka_unit_test(frame_comes_from_the_smallest_slab_that_holds_it),
#ifndef SIO_NO_POOL
        cmocka_unit_test_teardown(steady_state_allocates_nothing, torture_teardown),
#endif
        cmocka_unit_test(frame_over_four_gigabytes_is_refused),
        cmocka_unit_test_teardown(lack_of_memory_yields_no_frame, torture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
