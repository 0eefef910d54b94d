/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/backoff.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* What backo2 gives for the first attempts when each Math.random() is random / 2^32. */
static const struct {
    uint32_t min_ms;
    uint32_t max_ms;
    double jitter;
    uint32_t random;
    uint32_t delays[8];
} vectors[] = {
    {1000, 5000, 0.5, 0x00000000, {1000, 2000, 4000, 5000, 5000, 5000, 5000, 5000}},
    {1000, 5000, 0.5, 0x19999999, {951, 1901, 3801, 5000, 5000, 5000, 5000, 5000}},
    {1000, 5000, 0.5, 0x1999999a, {1050, 2100, 4200, 5000, 5000, 5000, 5000, 5000}},
    {1000, 5000, 0.5, 0x40000000, {875, 1750, 3500, 5000, 5000, 5000, 5000, 5000}},
    {1000, 5000, 0.5, 0x80000000, {1250, 2500, 5000, 5000, 5000, 5000, 5000, 5000}},
    {1000, 5000, 0.5, 0xb0000000, {657, 1313, 2625, 5000, 5000, 5000, 5000, 5000}},
    {1000, 5000, 0.5, 0xcccccccd, {600, 1200, 2400, 4800, 5000, 5000, 5000, 5000}},
    {1000, 5000, 0.5, 0xe6666665, {551, 1101, 2201, 4401, 5000, 5000, 5000, 5000}},
    {1000, 5000, 0.5, 0xe6666667, {1450, 2900, 5000, 5000, 5000, 5000, 5000, 5000}},
    {1000, 5000, 0.5, 0xffffffff, {1499, 2999, 5000, 5000, 5000, 5000, 5000, 5000}},
    {1000, 5000, 0, 0xb0000000, {1000, 2000, 4000, 5000, 5000, 5000, 5000, 5000}},
    {100, 10000, 1, 0x00000000, {100, 200, 400, 800, 1600, 3200, 6400, 10000}},
    {100, 10000, 1, 0x19999999, {91, 181, 361, 721, 1441, 2881, 5761, 10000}},
    {100, 10000, 1, 0x1999999a, {110, 220, 440, 880, 1760, 3520, 7040, 10000}},
    {100, 10000, 1, 0x40000000, {75, 150, 300, 600, 1200, 2400, 4800, 9600}},
    {100, 10000, 1, 0x80000000, {150, 300, 600, 1200, 2400, 4800, 9600, 10000}},
    {100, 10000, 1, 0xb0000000, {32, 63, 125, 250, 500, 1000, 2000, 4000}},
    {100, 10000, 1, 0xcccccccd, {20, 40, 80, 160, 320, 640, 1280, 2560}},
    {100, 10000, 1, 0xe6666665, {11, 21, 41, 81, 161, 321, 641, 1281}},
    {100, 10000, 1, 0xe6666667, {190, 380, 760, 1520, 3040, 6080, 10000, 10000}},
    {100, 10000, 1, 0xffffffff, {199, 399, 799, 1599, 3199, 6399, 10000, 10000}},
    {1, 2000000000, 1, 0x19999999, {1, 2, 4, 8, 15, 29, 58, 116}},
    {1, 2000000000, 1, 0x40000000, {1, 2, 3, 6, 12, 24, 48, 96}},
    {1, 2000000000, 1, 0xe6666665, {1, 1, 1, 1, 2, 4, 7, 13}},
    {333, 60000, 0.3, 0x00000000, {333, 666, 1332, 2664, 5328, 10656, 21312, 42624}},
    {333, 60000, 0.3, 0x19999999, {324, 647, 1293, 2585, 5169, 10337, 20673, 41346}},
    {333, 60000, 0.3, 0x1999999a, {342, 685, 1371, 2743, 5487, 10975, 21951, 43902}},
    {333, 60000, 0.3, 0x40000000, {309, 617, 1233, 2465, 4929, 9857, 19714, 39428}},
    {333, 60000, 0.3, 0x80000000, {382, 765, 1531, 3063, 6127, 12254, 24508, 49017}},
    {333, 60000, 0.3, 0xb0000000, {265, 529, 1058, 2115, 4230, 8459, 16917, 33833}},
    {333, 60000, 0.3, 0xcccccccd, {254, 507, 1013, 2025, 4050, 8099, 16198, 32395}},
    {333, 60000, 0.3, 0xe6666665, {244, 487, 973, 1945, 3890, 7779, 15558, 31116}},
    {333, 60000, 0.3, 0xe6666667, {422, 845, 1691, 3383, 6766, 13533, 27066, 54132}},
    {333, 60000, 0.3, 0xffffffff, {432, 865, 1731, 3463, 6926, 13852, 27705, 55411}},
    {1000, 500, 0.5, 0xb0000000, {500, 500, 500, 500, 500, 500, 500, 500}},
    {7, 2147483647, 0.25, 0x00000000, {7, 14, 28, 56, 112, 224, 448, 896}},
    {7, 2147483647, 0.25, 0x19999999, {7, 14, 28, 55, 110, 219, 437, 874}},
    {7, 2147483647, 0.25, 0x1999999a, {7, 14, 28, 57, 114, 229, 459, 918}},
    {7, 2147483647, 0.25, 0x40000000, {7, 14, 27, 53, 105, 210, 420, 840}},
    {7, 2147483647, 0.25, 0x80000000, {7, 15, 31, 63, 126, 252, 504, 1008}},
    {7, 2147483647, 0.25, 0xb0000000, {6, 12, 24, 47, 93, 186, 371, 742}},
    {7, 2147483647, 0.25, 0xcccccccd, {6, 12, 23, 45, 90, 180, 359, 717}},
    {7, 2147483647, 0.25, 0xe6666665, {6, 11, 22, 44, 87, 174, 348, 695}},
    {7, 2147483647, 0.25, 0xe6666667, {8, 17, 34, 68, 137, 274, 548, 1097}},
    {7, 2147483647, 0.25, 0xffffffff, {8, 17, 34, 69, 139, 279, 559, 1119}},
    {1000, 5000, 1.5, 0xb0000000, {1000, 2000, 4000, 5000, 5000, 5000, 5000, 5000}},
    {1000, 5000, -1, 0xb0000000, {1000, 2000, 4000, 5000, 5000, 5000, 5000, 5000}},
};

static void delays_are_those_of_the_official_client(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(vectors); i++) {
        struct backoff b;
        sio__backoff_init(&b, vectors[i].min_ms, vectors[i].max_ms, vectors[i].jitter);
        for (size_t n = 0; n < COUNT_OF(vectors[i].delays); n++) {
            assert_int_equal(b.attempts, n);
            assert_int_equal(sio__backoff_next(&b, vectors[i].random), vectors[i].delays[n]);
        }
    }
}

static void a_reset_begins_with_the_first_delay(void **state) {
    (void)state;
    struct backoff b;
    sio__backoff_init(&b, 1000, 5000, 0);
    assert_int_equal(sio__backoff_next(&b, 0), 1000);
    assert_int_equal(sio__backoff_next(&b, 0), 2000);
    sio__backoff_reset(&b);
    assert_int_equal(b.attempts, 0);
    assert_int_equal(sio__backoff_next(&b, 0), 1000);
}

/* 0xe6666665 / 2^32 is the greatest fraction that makes a delay shorter. */
static void any_number_of_attempts_gives_the_longest_delay(void **state) {
    (void)state;
    static const uint32_t attempts[] = {36,        37, 63, 64, 1023, 1024, 5000000, UINT32_MAX - 1,
                                        UINT32_MAX};
    static const uint32_t randoms[] = {0, 1, 0x80000000, 0xe6666665, UINT32_MAX};
    for (size_t i = 0; i < COUNT_OF(attempts); i++) {
        for (size_t k = 0; k < COUNT_OF(randoms); k++) {
            struct backoff b;
            sio__backoff_init(&b, 1, UINT32_MAX, 1);
            b.attempts = attempts[i];
            assert_int_equal(sio__backoff_next(&b, randoms[k]), UINT32_MAX);
            assert_int_equal(b.attempts, attempts[i] + (attempts[i] < UINT32_MAX));
            sio__backoff_init(&b, UINT32_MAX, UINT32_MAX, 0);
            b.attempts = attempts[i];
            assert_int_equal(sio__backoff_next(&b, randoms[k]), UINT32_MAX);
        }
    }
}

static void no_delay_stays_no_delay(void **state) {
    (void)state;
    struct backoff b;
    sio__backoff_init(&b, 0, 5000, 0.5);
    b.attempts = UINT32_MAX;
    assert_int_equal(sio__backoff_next(&b, UINT32_MAX), 0);
}

static void a_jitter_that_is_no_number_is_none(void **state) {
    (void)state;
    struct backoff b;
    sio__backoff_init(&b, 1000, 5000, (double)NAN);
    assert_int_equal(sio__backoff_next(&b, 0xb0000000), 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delays_are_those_of_the_official_client),
        cmocka_unit_test(a_reset_begins_with_the_first_delay),
        cmocka_unit_test(any_number_of_attempts_gives_the_longest_delay),
        cmocka_unit_test(no_delay_stays_no_delay),
        cmocka_unit_test(a_jitter_that_is_no_number_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
