/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <sio/error.h>

#include "base/map.h"
#include "support/torture.h"

static const uint64_t seed[2] = {0x0123456789abcdefu, 0xfedcba9876543210u};

struct item {
    char key[24];
    size_t len;
    bool in_map;
};

static const char *item_key(const void *item, size_t *ret_len) {
    const struct item *i = item;
    *ret_len = i->len;
    return i->key;
}

static struct item make(const char *key, size_t len) {
    struct item i = {.len = len};
    memcpy(i.key, key, len);
    return i;
}

static uint32_t next_random(uint32_t *x) {
    *x = *x * 1664525u + 1013904223u;
    return *x >> 8;
}

/* Numbers the item in its key, in a length that differs from item to item. */
static void number(struct item *i, uint32_t n) {
    i->len = 4 + n % 20;
    memset(i->key, 'k', sizeof(i->key));
    memcpy(i->key, &n, sizeof(n));
}

static void hash_is_siphash_1_3(void **state) {
    (void)state;
    /* Hashes that CPython 3.11, which uses the same function, has for bytes(range(n)). */
    static const struct {
        size_t n;
        uint64_t zero_seed;
        uint64_t other_seed;
    } cases[] = {
        {1, 0x68a914128e01e473, 0xce880c366bcf3489},  {2, 0x010bac45c41e3669, 0xef32fbc0469f0756},
        {3, 0x4d4c9a4a8ef6e0ad, 0xef4b9dcae9b04417},  {4, 0x7cc43f98813e4dbd, 0x79793200f3b3b3db},
        {5, 0x5abe2169dff36275, 0xbe8653fc64f95fbd},  {7, 0x2f098ab0c751325a, 0xce280fabc397fbda},
        {8, 0xead411e67ebe2eea, 0x60866c3c108c6afb},  {9, 0x75927f9d95124362, 0x68814005f7469e03},
        {15, 0xf30eb725bb91c9ea, 0x94ace24d68c18cf8}, {16, 0x8972188433a5c5b7, 0x339176f3ac59ce05},
        {20, 0x639e355ae68c0100, 0xa7dbb0b1fa0842a3}, {23, 0x37332b1389daa4ff, 0xad71bad831e3a42d},
        {40, 0x95bc321ab41d8206, 0xde03d697bf20e38a},
    };
    static const uint64_t zero[2] = {0, 0};
    static const uint64_t other[2] = {0xdc504fd368cd90af, 0xb920bb9ffe99e9c1};
    uint8_t bytes[40];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)i;
    }
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_true(sio__map_hash(zero, bytes, cases[i].n) == cases[i].zero_seed);
        assert_true(sio__map_hash(other, bytes, cases[i].n) == cases[i].other_seed);
    }
    assert_true(sio__map_hash(zero, NULL, 0) != sio__map_hash(other, NULL, 0));
}

static void an_empty_map_takes_no_memory_and_finds_nothing(void **state) {
    (void)state;
    torture_install();
    struct map m;
    uint32_t cursor = 0;
    sio__map_init(&m, item_key, seed);
    assert_null(sio__map_find(&m, "a", 1));
    assert_null(sio__map_remove(&m, "a", 1));
    assert_null(sio__map_next(&m, &cursor));
    assert_int_equal(torture_count(), 0);
    sio__map_done(&m);
    sio__map_done(NULL);
    torture_uninstall();
}

static void keys_are_bytes_with_a_length(void **state) {
    (void)state;
    struct item items[] = {make("", 0),  make("a", 1),        make("a\0", 2),    make("a\0b", 3),
                           make("A", 1), make("abcdefgh", 8), make("abcdefg", 7)};
    size_t count = sizeof(items) / sizeof(items[0]);
    struct map m;
    sio__map_init(&m, item_key, seed);
    for (size_t i = 0; i < count; i++) {
        assert_null(sio__map_find(&m, items[i].key, items[i].len));
        assert_int_equal(sio__map_insert(&m, &items[i]), 0);
    }
    assert_int_equal(m.len, count);
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(sio__map_find(&m, items[i].key, items[i].len), &items[i]);
    }
    assert_ptr_equal(sio__map_find(&m, NULL, 0), &items[0]);
    sio__map_done(&m);
    assert_int_equal(m.len, 0);
    assert_null(sio__map_find(&m, "a", 1));
}

static void a_key_can_be_in_the_map_once(void **state) {
    (void)state;
    struct item a = make("same", 4);
    struct item b = make("same", 4);
    struct map m;
    sio__map_init(&m, item_key, seed);
    assert_int_equal(sio__map_insert(&m, &a), 0);
    assert_int_equal(sio__map_insert(&m, &b), SIO_ERR_EXISTS);
    assert_int_equal(sio__map_insert(&m, &a), SIO_ERR_EXISTS);
    assert_ptr_equal(sio__map_remove(&m, "same", 4), &a);
    assert_null(sio__map_remove(&m, "same", 4));
    assert_int_equal(sio__map_insert(&m, &b), 0);
    assert_ptr_equal(sio__map_find(&m, "same", 4), &b);
    sio__map_done(&m);
}

/* Fills items with keys whose home is one of the last slots of a table of eight. */
static void collide_at_the_end(struct item *items, size_t count) {
    uint32_t n = 0;
    for (size_t i = 0; i < count; n++) {
        number(&items[i], n);
        if (sio__map_hash(seed, items[i].key, items[i].len) % 8 >= 6) {
            i++;
        }
    }
}

static void removal_repairs_clusters_that_wrap_round(void **state) {
    (void)state;
    enum { COUNT = 6 };
    struct item items[COUNT];
    collide_at_the_end(items, COUNT);
    for (unsigned removed = 0; removed < 1u << COUNT; removed++) {
        struct map m;
        sio__map_init(&m, item_key, seed);
        for (size_t i = 0; i < COUNT; i++) {
            assert_int_equal(sio__map_insert(&m, &items[i]), 0);
        }
        assert_int_equal(m.cap, 8);
        for (size_t i = 0; i < COUNT; i++) {
            if ((removed >> i & 1) != 0) {
                assert_ptr_equal(sio__map_remove(&m, items[i].key, items[i].len), &items[i]);
            }
        }
        for (size_t i = 0; i < COUNT; i++) {
            void *expected = (removed >> i & 1) != 0 ? NULL : &items[i];
            assert_ptr_equal(sio__map_find(&m, items[i].key, items[i].len), expected);
        }
        sio__map_done(&m);
    }
}

/* Keys that were searched for: under the seed of these tests the lower half of their hashes is 0,
 * which marks a free slot within the map, or is the same for both. */
static void keys_whose_hashes_are_special_are_found(void **state) {
    (void)state;
    struct item zero = make("\x1c\x30\x15\x68\x00\x00\x00\x00", 8);
    struct item same[] = {make("\xf7\x71\x91\x78\x01\x00\x00\x00", 8),
                          make("\xf7\x71\x91\x78\x01\x00\x00\x00"
                               "x",
                               9)};
    assert_int_equal((uint32_t)sio__map_hash(seed, zero.key, 8), 0);
    assert_int_equal((uint32_t)sio__map_hash(seed, same[0].key, 8),
                     (uint32_t)sio__map_hash(seed, same[1].key, 9));
    struct map m;
    sio__map_init(&m, item_key, seed);
    assert_int_equal(sio__map_insert(&m, &zero), 0);
    assert_int_equal(sio__map_insert(&m, &zero), SIO_ERR_EXISTS);
    assert_int_equal(sio__map_insert(&m, &same[1]), 0);
    assert_null(sio__map_find(&m, same[0].key, 8));
    assert_int_equal(sio__map_insert(&m, &same[0]), 0);
    for (size_t i = 0; i < 2; i++) {
        assert_ptr_equal(sio__map_find(&m, same[i].key, same[i].len), &same[i]);
    }
    assert_ptr_equal(sio__map_remove(&m, same[0].key, 8), &same[0]);
    assert_ptr_equal(sio__map_find(&m, same[1].key, 9), &same[1]);
    assert_ptr_equal(sio__map_remove(&m, zero.key, 8), &zero);
    assert_null(sio__map_find(&m, zero.key, 8));
    sio__map_done(&m);
}

static void random_use_agrees_with_a_plain_array(void **state) {
    (void)state;
    enum { COUNT = 3000 };
    static struct item items[COUNT];
    struct map m;
    sio__map_init(&m, item_key, seed);
    uint32_t len = 0;
    uint32_t random = 1;
    for (uint32_t i = 0; i < COUNT; i++) {
        number(&items[i], i);
    }
    for (uint32_t step = 0; step < 200000; step++) {
        /* The number of items in use swings, so that the map grows and shrinks. */
        uint32_t range = step / 20000 % 2 == 0 ? COUNT : COUNT / 50;
        struct item *i = &items[next_random(&random) % range];
        assert_ptr_equal(sio__map_find(&m, i->key, i->len), i->in_map ? i : NULL);
        if (i->in_map && next_random(&random) % 2 == 0) {
            assert_ptr_equal(sio__map_remove(&m, i->key, i->len), i);
            i->in_map = false;
            len--;
        } else {
            assert_int_equal(sio__map_insert(&m, i), i->in_map ? SIO_ERR_EXISTS : 0);
            len += i->in_map ? 0 : 1;
            i->in_map = true;
        }
        assert_int_equal(m.len, len);
        if (step % 20000 == 19999) {
            for (uint32_t k = range / 50; k < COUNT; k++) {
                void *expected = items[k].in_map ? &items[k] : NULL;
                assert_ptr_equal(sio__map_remove(&m, items[k].key, items[k].len), expected);
                len -= items[k].in_map ? 1 : 0;
                items[k].in_map = false;
            }
        }
    }
    sio__map_done(&m);
}

static void the_table_follows_the_number_of_items(void **state) {
    (void)state;
    enum { COUNT = 10000 };
    static struct item items[COUNT];
    struct map m;
    sio__map_init(&m, item_key, seed);
    for (uint32_t i = 0; i < COUNT; i++) {
        number(&items[i], i);
        assert_int_equal(sio__map_insert(&m, &items[i]), 0);
        assert_true(m.len <= m.cap / 4 * 3);
        assert_true(m.cap == 8 || m.len > m.cap / 8 * 3);
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_ptr_equal(sio__map_remove(&m, items[i].key, items[i].len), &items[i]);
        assert_true(m.cap == 8 || m.len >= m.cap / 8);
    }
    assert_int_equal(m.cap, 8);
    sio__map_done(&m);
}

static void walking_meets_every_item_once(void **state) {
    (void)state;
    enum { COUNT = 500 };
    static struct item items[COUNT];
    struct map m;
    sio__map_init(&m, item_key, seed);
    for (uint32_t i = 0; i < COUNT; i++) {
        number(&items[i], i);
        assert_int_equal(sio__map_insert(&m, &items[i]), 0);
    }
    uint32_t cursor = 0;
    uint32_t met = 0;
    for (struct item *i = sio__map_next(&m, &cursor); i != NULL; i = sio__map_next(&m, &cursor)) {
        assert_false(i->in_map);
        i->in_map = true;
        met++;
    }
    assert_int_equal(met, COUNT);
    assert_null(sio__map_next(&m, &cursor));
    sio__map_done(&m);
}

static void steady_use_allocates_nothing(void **state) {
    (void)state;
    enum { COUNT = 6 };
    struct item items[COUNT];
    torture_install();
    struct map m;
    sio__map_init(&m, item_key, seed);
    number(&items[0], 0);
    assert_int_equal(sio__map_insert(&m, &items[0]), 0);
    size_t before = torture_count();
    for (int round = 0; round < 100; round++) {
        for (uint32_t i = 1; i < COUNT; i++) {
            number(&items[i], i);
            assert_int_equal(sio__map_insert(&m, &items[i]), 0);
        }
        for (uint32_t i = 1; i < COUNT; i++) {
            assert_non_null(sio__map_remove(&m, items[i].key, items[i].len));
        }
    }
    assert_int_equal(torture_count(), before);
    sio__map_done(&m);
    torture_uninstall();
}

static void without_memory_the_map_stays_as_it_was(void **state) {
    (void)state;
    enum { COUNT = 193 }; /* one more than a table of 256 takes */
    static struct item items[COUNT];
    torture_install();
    struct map m;
    sio__map_init(&m, item_key, seed);
    for (uint32_t i = 0; i < COUNT; i++) {
        number(&items[i], i);
    }
    for (uint32_t i = 0; i + 1 < COUNT; i++) {
        assert_int_equal(sio__map_insert(&m, &items[i]), 0);
    }
    assert_int_equal(m.cap, 256);
    torture_plan(TORTURE_FROM, 1);
    assert_int_equal(sio__map_insert(&m, &items[COUNT - 1]), SIO_ERR_NOMEM);
    assert_int_equal(m.len, COUNT - 1);
    assert_null(sio__map_find(&m, items[COUNT - 1].key, items[COUNT - 1].len));
    for (uint32_t i = 0; i + 1 < COUNT; i++) {
        assert_ptr_equal(sio__map_find(&m, items[i].key, items[i].len), &items[i]);
    }
    for (uint32_t i = 0; i + 1 < COUNT; i++) {
        assert_ptr_equal(sio__map_remove(&m, items[i].key, items[i].len), &items[i]);
    }
    assert_int_equal(m.cap, 256);
    sio__map_done(&m);
    torture_uninstall();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hash_is_siphash_1_3),
        cmocka_unit_test_teardown(an_empty_map_takes_no_memory_and_finds_nothing, torture_teardown),
        cmocka_unit_test(keys_are_bytes_with_a_length),
        cmocka_unit_test(a_key_can_be_in_the_map_once),
        cmocka_unit_test(removal_repairs_clusters_that_wrap_round),
        cmocka_unit_test(keys_whose_hashes_are_special_are_found),
        cmocka_unit_test(random_use_agrees_with_a_plain_array),
        cmocka_unit_test(the_table_follows_the_number_of_items),
        cmocka_unit_test(walking_meets_every_item_once),
        cmocka_unit_test_teardown(steady_use_allocates_nothing, torture_teardown),
        cmocka_unit_test_teardown(without_memory_the_map_stays_as_it_was, torture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
