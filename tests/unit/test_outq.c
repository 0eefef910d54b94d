/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* The output queue against a model: an array of bytes, and a count of references for every owner.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <sio/error.h>

#include "net/outq.h"
#include "net/reactor.h"
#include "support/torture.h"

#define MODEL_BYTES 400000
#define OWNERS      5
#define OWNER_BYTES 9000

struct owner {
    int refs; /* held by the queue */
    uint8_t bytes[OWNER_BYTES];
};

struct fixture {
    struct reactor reactor;
    struct outq q;
    struct owner owners[OWNERS];
    uint8_t model[MODEL_BYTES];
    size_t len; /* of the model */
};

static struct fixture f;

static void release(void *context, void *shared) {
    (void)context;
    struct owner *o = shared;
    assert_true(o->refs > 0);
    o->refs--;
}

static int setup(void **state) {
    (void)state;
    memset(&f, 0, sizeof f);
    sio__slab_init(&f.reactor.chunk_slab, OUTQ_CHUNK_BYTES);
    sio__slab_init(&f.reactor.ref_slab, sizeof(struct outq_node));
    f.reactor.release = release;
    for (size_t i = 0; i < OWNERS; i++) {
        for (size_t k = 0; k < OWNER_BYTES; k++) {
            f.owners[i].bytes[k] = (uint8_t)(i * 31 + k * 7);
        }
    }
    return 0;
}

static int teardown(void **state) {
    (void)state;
    sio__outq_clear(&f.reactor, &f.q);
    for (size_t i = 0; i < OWNERS; i++) {
        assert_int_equal(f.owners[i].refs, 0);
    }
    sio__slab_done(&f.reactor.chunk_slab);
    sio__slab_done(&f.reactor.ref_slab);
    return 0;
}

static uint32_t next_random(uint32_t *x) {
    *x = *x * 1664525u + 1013904223u;
    return *x >> 8;
}

static void remember(const void *data, size_t len) {
    assert_true(f.len + len <= MODEL_BYTES);
    if (len > 0) {
        memcpy(f.model + f.len, data, len);
        f.len += len;
    }
}

static int append(const void *head, size_t head_len, const void *body, size_t body_len) {
    int r = sio__outq_append(&f.reactor, &f.q, head, head_len, body, body_len);
    if (r == 0) {
        remember(head, head_len);
        remember(body, body_len);
    }
    return r;
}

static void extend(int byte, size_t len) {
    uint8_t *room = sio__outq_extend(&f.reactor, &f.q, len);
    assert_non_null(room);
    memset(room, byte, len);
    remember(room, len);
}

static int append_ref(struct owner *o, size_t at, size_t len) {
    o->refs++;
    int r = sio__outq_append_ref(&f.reactor, &f.q, o->bytes + at, len, o);
    if (r == 0) {
        remember(o->bytes + at, len);
    } else {
        o->refs--;
    }
    return r;
}

static void consume(size_t n) {
    sio__outq_consume(&f.reactor, &f.q, n);
    f.len -= n;
    memmove(f.model, f.model + n, f.len);
}

/* The pieces, one after the other, are the front of the model. */
static size_t expect_pieces(int max) {
    struct iovec iov[16];
    int n = sio__outq_peek(&f.q, iov, max);
    size_t at = 0;
    assert_true(n <= max);
    assert_int_equal(n > 0, f.len > 0 && max > 0);
    for (int i = 0; i < n; i++) {
        assert_true(iov[i].iov_len > 0);
        assert_true(at + iov[i].iov_len <= f.len);
        assert_memory_equal(iov[i].iov_base, f.model + at, iov[i].iov_len);
        at += iov[i].iov_len;
    }
    return at;
}

static void expect_model(void) {
    static uint8_t copy[MODEL_BYTES];
    assert_int_equal(f.q.bytes, f.len);
    sio__outq_copy(&f.q, copy);
    assert_memory_equal(copy, f.model, f.len);
    (void)expect_pieces(16);
    (void)expect_pieces(1);
}

static void empty_queues_hold_nothing(void **state) {
    (void)state;
    expect_model();
    sio__outq_clear(&f.reactor, &f.q);
    assert_int_equal(f.reactor.chunk_slab.used, 0);
    assert_int_equal(append("ab", 2, "cd", 2), 0);
    consume(4);
    expect_model();
    assert_int_equal(f.reactor.chunk_slab.used, 0);
}

static void small_pieces_share_a_block(void **state) {
    (void)state;
    struct iovec piece;
    for (int i = 0; i < 100; i++) {
        assert_int_equal(append("head", 4, "body", (size_t)i % 5), 0);
    }
    expect_model();
    assert_int_equal(f.reactor.chunk_slab.used, 1);
    assert_true(sio__outq_single(&f.q, &piece));
    assert_int_equal(piece.iov_len, f.len);
    assert_memory_equal(piece.iov_base, f.model, f.len);
}

static void head_and_body_may_be_empty(void **state) {
    (void)state;
    assert_int_equal(append(NULL, 0, "body", 4), 0);
    assert_int_equal(append("head", 4, NULL, 0), 0);
    expect_model();
}

static void room_is_in_one_piece_behind_what_is_queued(void **state) {
    (void)state;
    assert_int_equal(append("head", 4, NULL, 0), 0);
    extend('x', 3);
    assert_int_equal(f.reactor.chunk_slab.used, 1);
    extend('y', OUTQ_CHUNK_BYTES);
    extend('z', 1);
    expect_model();
}

static void large_pieces_are_taken_whole(void **state) {
    (void)state;
    static uint8_t large[100000];
    for (size_t i = 0; i < sizeof large; i++) {
        large[i] = (uint8_t)(i * 13);
    }
    assert_int_equal(append("a", 1, NULL, 0), 0);
    assert_int_equal(append("head", 4, large, sizeof large), 0);
    assert_int_equal(append("z", 1, NULL, 0), 0);
    expect_model();
    while (f.len > 0) {
        consume(f.len < 777 ? f.len : 777);
        expect_model();
    }
}

static void references_are_given_back_when_they_are_written(void **state) {
    (void)state;
    struct owner *o = &f.owners[0];
    assert_int_equal(append_ref(o, 0, 100), 0);
    assert_int_equal(append_ref(o, 50, 100), 0);
    assert_int_equal(append("x", 1, NULL, 0), 0);
    assert_int_equal(append_ref(&f.owners[1], 8000, 1000), 0);
    expect_model();
    assert_int_equal(o->refs, 2);
    consume(99);
    assert_int_equal(o->refs, 2);
    consume(1);
    assert_int_equal(o->refs, 1);
    consume(101);
    assert_int_equal(o->refs, 0);
    assert_int_equal(f.owners[1].refs, 1);
    expect_model();
    sio__outq_clear(&f.reactor, &f.q);
    f.len = 0;
    assert_int_equal(f.owners[1].refs, 0);
    expect_model();
}

static void append_something(uint32_t *x) {
    static uint8_t bytes[10000];
    uint32_t kind = next_random(x) % 8;
    size_t len = next_random(x) % (kind == 0 ? 9000 : 300) + 1;
    if (kind == 1) {
        extend((int)next_random(x), len);
    } else if (kind < 4) {
        memset(bytes, (int)next_random(x), sizeof bytes);
        size_t head = next_random(x) % (len + 1);
        assert_int_equal(append(bytes, head, bytes + 1, len - head), 0);
    } else {
        size_t at = next_random(x) % (OWNER_BYTES - len);
        assert_int_equal(append_ref(&f.owners[next_random(x) % OWNERS], at, len), 0);
    }
}

static void any_order_of_operations_keeps_the_bytes(void **state) {
    (void)state;
    uint32_t x = 1;
    for (int i = 0; i < 20000; i++) {
        bool grow = f.len < 5000 || (f.len < MODEL_BYTES / 2 && next_random(&x) % 5 < 3);
        if (grow) {
            append_something(&x);
        } else if (next_random(&x) % 4 == 0) {
            consume(expect_pieces(1 + (int)(next_random(&x) % 15))); /* as writev() does */
        } else {
            consume(next_random(&x) % (f.len + 1));
        }
        if (i % 50 == 0) {
            expect_model();
        }
    }
    consume(f.len);
    assert_int_equal(f.reactor.chunk_slab.used, 0);
    assert_int_equal(f.reactor.ref_slab.used, 0);
}

static int fill(void *user) {
    static const uint8_t large[8000];
    (void)user;
    (void)setup(NULL);
    int r = 0;
    for (int i = 0; i < 40 && r == 0; i++) {
        r = append("head", 4, large, i % 3 == 0 ? sizeof large : 500);
        if (r == 0) {
            r = append_ref(&f.owners[i % OWNERS], 0, 500);
        }
        expect_model(); /* what could not be queued is not there, all else is */
    }
    (void)teardown(NULL);
    return r;
}

static void queues_survive_every_failure(void **state) {
    (void)state;
    torture_run(fill, NULL);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(empty_queues_hold_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(small_pieces_share_a_block, setup, teardown),
        cmocka_unit_test_setup_teardown(head_and_body_may_be_empty, setup, teardown),
        cmocka_unit_test_setup_teardown(room_is_in_one_piece_behind_what_is_queued, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(large_pieces_are_taken_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(references_are_given_back_when_they_are_written, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(any_order_of_operations_keeps_the_bytes, setup, teardown),
        cmocka_unit_test_teardown(queues_survive_every_failure, torture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
