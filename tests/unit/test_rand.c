/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/rand.h"

/* The system's function is replaced for this program, so that it can be made to misbehave. */
static struct {
    unsigned calls;
    unsigned interruptions; /* calls that fail with EINTR */
    size_t most;            /* bytes per call, 0 for all */
    int error;              /* errno of every call, 0 for none */
} fake;

ssize_t getrandom(void *buffer, size_t length, unsigned int flags) {
    fake.calls++;
    if (fake.error != 0) {
        errno = fake.error;
        return -1;
    }
    if (fake.interruptions > 0) {
        fake.interruptions--;
        errno = EINTR;
        return -1;
    }
    size_t n = fake.most > 0 && fake.most < length ? fake.most : length;
    return syscall(SYS_getrandom, buffer, n, flags);
}

static int reset(void **state) {
    (void)state;
    memset(&fake, 0, sizeof(fake));
    return 0;
}

static bool has_zero_run(const uint8_t *p, size_t n, size_t run) {
    size_t zeros = 0;
    for (size_t i = 0; i < n; i++) {
        zeros = p[i] == 0 ? zeros + 1 : 0;
        if (zeros == run) {
            return true;
        }
    }
    return false;
}

static void bytes_of_every_length_are_filled(void **state) {
    (void)state;
    static const size_t lengths[] = {1, 4, 15, 256, 511, 512, 513, 5000};
    struct rand_pool pool = {0};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        uint8_t bytes[5001] = {0};
        assert_int_equal(sio__rand_bytes(&pool, bytes, lengths[i]), 0);
        assert_int_equal(bytes[lengths[i]], 0);
        /* Eight zero bytes in a row do not happen by chance. */
        assert_false(has_zero_run(bytes, lengths[i], 8));
    }
    assert_int_equal(sio__rand_bytes(&pool, NULL, 0), 0);
}

static void bytes_are_wiped_when_they_are_handed_out(void **state) {
    (void)state;
    struct rand_pool pool = {0};
    uint8_t bytes[16];
    assert_int_equal(sio__rand_bytes(&pool, bytes, sizeof(bytes)), 0);
    assert_int_equal(pool.left, sizeof(pool.bytes) - 16);
    for (size_t i = pool.left; i < sizeof(pool.bytes); i++) {
        assert_int_equal(pool.bytes[i], 0);
    }
    assert_false(has_zero_run(pool.bytes, pool.left, 8));
}

static int compare_ids(const void *a, const void *b) {
    return memcmp(a, b, 12);
}

static void no_two_ids_are_the_same(void **state) {
    (void)state;
    enum { COUNT = 20000 };
    static uint8_t ids[COUNT][12];
    struct rand_pool pool = {0};
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(sio__rand_bytes(&pool, ids[i], 12), 0);
    }
    qsort(ids, COUNT, 12, compare_ids);
    for (size_t i = 1; i < COUNT; i++) {
        assert_true(compare_ids(ids[i - 1], ids[i]) != 0);
    }
}

static void every_bit_is_set_half_of_the_time(void **state) {
    (void)state;
    enum { ROUNDS = 20000 };
    struct rand_pool pool = {0};
    unsigned ones[64] = {0};
    for (size_t i = 0; i < ROUNDS; i++) {
        uint64_t word;
        assert_int_equal(sio__rand_bytes(&pool, &word, sizeof(word)), 0);
        for (unsigned bit = 0; bit < 64; bit++) {
            ones[bit] += (unsigned)(word >> bit & 1);
        }
    }
    for (unsigned bit = 0; bit < 64; bit++) {
        /* Seven standard deviations, of 71 each. */
        assert_in_range(ones[bit], ROUNDS / 2 - 500, ROUNDS / 2 + 500);
    }
}

static void one_call_of_the_system_serves_many_ids(void **state) {
    (void)state;
    struct rand_pool pool = {0};
    uint8_t id[16];
    for (int i = 0; i < 32; i++) {
        assert_int_equal(sio__rand_bytes(&pool, id, sizeof(id)), 0);
    }
    assert_int_equal(fake.calls, 1);
    assert_int_equal(sio__rand_bytes(&pool, id, 1), 0);
    assert_int_equal(fake.calls, 2);
}

static void masks_come_from_the_same_store(void **state) {
    (void)state;
    struct rand_pool pool = {0};
    uint8_t seen[sizeof pool.bytes];
    uint8_t mask[4];
    assert_int_equal(sio__rand_mask(&pool, mask), 0);
    assert_int_equal(fake.calls, 1);
    memcpy(seen, pool.bytes, pool.left);
    while (pool.left > 0) {
        size_t left = pool.left - 4;
        assert_int_equal(sio__rand_mask(&pool, mask), 0);
        assert_int_equal(pool.left, left);
        assert_memory_equal(mask, seen + left, 4);
        assert_int_equal(pool.bytes[left] | pool.bytes[left + 3], 0);
    }
    assert_int_equal(fake.calls, 1);
    fake.error = ENOSYS;
    assert_int_equal(sio__rand_mask(&pool, mask), -ENOSYS);
}

static void interruptions_and_short_answers_are_worked_through(void **state) {
    (void)state;
    struct rand_pool pool = {0};
    uint8_t bytes[2000];
    fake.interruptions = 3;
    fake.most = 100;
    assert_int_equal(sio__rand_bytes(&pool, bytes, 16), 0);
    assert_int_equal(fake.calls, 3 + 6);
    assert_false(has_zero_run(pool.bytes, pool.left, 8));
    memset(bytes, 0, sizeof(bytes));
    assert_int_equal(sio__rand_bytes(&pool, bytes, sizeof(bytes)), 0);
    assert_false(has_zero_run(bytes, sizeof(bytes), 8));
}

static void a_failure_is_told_and_nothing_is_used_twice(void **state) {
    (void)state;
    struct rand_pool pool = {0};
    uint8_t bytes[1000];
    assert_int_equal(sio__rand_bytes(&pool, bytes, 500), 0);
    assert_int_equal(pool.left, 12);
    fake.error = ENOSYS;
    assert_int_equal(sio__rand_bytes(&pool, bytes, 16), -ENOSYS);
    assert_int_equal(sio__rand_bytes(&pool, bytes, 12), -ENOSYS);
    assert_int_equal(sio__rand_bytes(&pool, bytes, 1000), -ENOSYS);
    assert_int_equal(pool.left, 0);
    fake.error = 0;
    assert_int_equal(sio__rand_bytes(&pool, bytes, 16), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(bytes_of_every_length_are_filled, reset),
        cmocka_unit_test_setup(bytes_are_wiped_when_they_are_handed_out, reset),
        cmocka_unit_test_setup(no_two_ids_are_the_same, reset),
        cmocka_unit_test_setup(every_bit_is_set_half_of_the_time, reset),
        cmocka_unit_test_setup(one_call_of_the_system_serves_many_ids, reset),
        cmocka_unit_test_setup(masks_come_from_the_same_store, reset),
        cmocka_unit_test_setup(interruptions_and_short_answers_are_worked_through, reset),
        cmocka_unit_test_setup(a_failure_is_told_and_nothing_is_used_twice, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
