/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Packets with attachments: order and copies, the limits that bound what a peer can make us hold,
 * and the pool.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sio/error.h>

#include "proto/sio_assembler.h"
#include "proto/value.h"
#include "support/torture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct sio_packet packet_of(const char *text) {
    struct sio_packet packet;
    assert_int_equal(sio__packet_decode(text, strlen(text), UINT32_MAX, &packet), PACKET_OK);
    return packet;
}

static void assert_text_equal(struct text actual, const char *expected) {
    assert_int_equal(actual.len, strlen(expected));
    assert_memory_equal(actual.data, expected, actual.len);
}

static void assert_attachment(const struct sio_assembler *a, uint32_t i, const char *expected) {
    assert_true(i < a->count);
    assert_non_null(a->attachments[i].data);
    assert_int_equal((uintptr_t)a->attachments[i].data % ASSEMBLER_ALIGNMENT, 0);
    assert_text_equal((struct text){(const char *)a->attachments[i].data, a->attachments[i].len},
                      expected);
}

/* Adds a copy that is gone afterwards, so that only copies of the assembler can be right. */
static enum packet_error add(struct assembler_pool *pool, struct sio_assembler *a,
                             const char *bytes, bool *ret_complete) {
    size_t len = strlen(bytes);
    char *copy = malloc(len + 1);
    assert_non_null(copy);
    memcpy(copy, bytes, len + 1);
    enum packet_error error = sio__assembler_add(pool, a, copy, len, ret_complete);
    memset(copy, '#', len);
    free(copy);
    return error;
}

static void packet_is_complete_with_its_last_attachment(void **state) {
    (void)state;
    struct assembler_pool pool;
    sio__assembler_pool_init(&pool, 10000);
    struct sio_assembler *a = NULL;
    char text[] = "53-/admin,7[\"x\",{\"_placeholder\":true,\"num\":0}]";
    struct sio_packet packet = packet_of(text);
    assert_int_equal(sio__assembler_begin(&pool, &a, &packet), PACKET_OK);
    assert_non_null(a);
    memset(text, '#', sizeof text);

    bool complete = true;
    assert_int_equal(add(&pool, a, "first", &complete), PACKET_OK);
    assert_false(complete);
    assert_int_equal(add(&pool, a, "", &complete), PACKET_OK);
    assert_false(complete);
    assert_int_equal(add(&pool, a, "the third one", &complete), PACKET_OK);
    assert_true(complete);

    assert_int_equal(a->packet.type, SIO_PACKET_BINARY_EVENT);
    assert_true(a->packet.has_id && a->packet.id == 7);
    assert_text_equal(a->packet.nsp, "/admin");
    assert_text_equal(a->packet.json, "[\"x\",{\"_placeholder\":true,\"num\":0}]");
    assert_int_equal(a->count, 3);
    assert_attachment(a, 0, "first");
    assert_attachment(a, 1, "");
    assert_attachment(a, 2, "the third one");
    sio__assembler_end(&pool, &a);
    assert_null(a);
    sio__assembler_pool_done(&pool);
}

static void packet_without_json_is_held_too(void **state) {
    (void)state;
    struct assembler_pool pool;
    sio__assembler_pool_init(&pool, 100);
    struct sio_assembler *a = NULL;
    struct sio_packet packet = packet_of("61-");
    assert_int_equal(sio__assembler_begin(&pool, &a, &packet), PACKET_OK);
    bool complete = false;
    assert_int_equal(sio__assembler_add(&pool, a, NULL, 0, &complete), PACKET_OK);
    assert_true(complete);
    assert_text_equal(a->packet.nsp, "/");
    assert_int_equal(a->packet.json.len, 0);
    assert_attachment(a, 0, "");
    sio__assembler_end(&pool, &a);
    sio__assembler_pool_done(&pool);
}

static void bytes_survive_the_growth_of_the_buffer(void **state) {
    (void)state;
    enum { ATTACHMENTS = 300, MAX_LEN = 1000 };
    struct assembler_pool pool;
    sio__assembler_pool_init(&pool, ATTACHMENTS * (MAX_LEN + ASSEMBLER_ATTACHMENT_COST));
    struct sio_assembler *a = NULL;
    struct sio_packet packet = packet_of("5300-[\"x\"]");
    assert_int_equal(sio__assembler_begin(&pool, &a, &packet), PACKET_OK);
    uint8_t bytes[MAX_LEN];
    bool complete = false;
    for (uint32_t i = 0; i < ATTACHMENTS; i++) {
        assert_false(complete);
        memset(bytes, (int)(i & 0xff), sizeof bytes);
        assert_int_equal(sio__assembler_add(&pool, a, bytes, i * 7 % MAX_LEN, &complete),
                         PACKET_OK);
    }
    assert_true(complete);
    for (uint32_t i = 0; i < ATTACHMENTS; i++) {
        memset(bytes, (int)(i & 0xff), sizeof bytes);
        assert_int_equal(a->attachments[i].len, i * 7 % MAX_LEN);
        assert_memory_equal(a->attachments[i].data, bytes, a->attachments[i].len);
    }
    sio__assembler_end(&pool, &a);
    sio__assembler_pool_done(&pool);
}

static void text_between_attachments_is_refused(void **state) {
    (void)state;
    struct assembler_pool pool;
    sio__assembler_pool_init(&pool, 1000);
    struct sio_assembler *a = NULL;
    struct sio_packet packet = packet_of("52-[\"x\"]");
    assert_int_equal(sio__assembler_admit_text(a), PACKET_OK);
    assert_int_equal(sio__assembler_begin(&pool, &a, &packet), PACKET_OK);
    assert_int_equal(sio__assembler_admit_text(a), PACKET_TEXT_WHILE_PENDING);
    struct sio_assembler *before = a;
    assert_int_equal(sio__assembler_begin(&pool, &a, &packet), PACKET_TEXT_WHILE_PENDING);
    assert_ptr_equal(a, before);
    assert_int_equal(pool.in_use, 1);
    sio__assembler_end(&pool, &a);
    assert_int_equal(sio__assembler_admit_text(a), PACKET_OK);
    sio__assembler_pool_done(&pool);
}

static void bytes_that_nobody_waits_for_are_refused(void **state) {
    (void)state;
    struct assembler_pool pool;
    sio__assembler_pool_init(&pool, 1000);
    bool complete = false;
    assert_int_equal(sio__assembler_add(&pool, NULL, "x", 1, &complete), PACKET_BINARY_UNEXPECTED);

    struct sio_assembler *a = NULL;
    struct sio_packet packet = packet_of("51-[\"x\"]");
    assert_int_equal(sio__assembler_begin(&pool, &a, &packet), PACKET_OK);
    assert_int_equal(sio__assembler_add(&pool, a, "x", 1, &complete), PACKET_OK);
    assert_true(complete);
    size_t charged = a->charged;
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(sio__assembler_add(&pool, a, "y", 1, &complete), PACKET_BINARY_UNEXPECTED);
    }
    assert_int_equal(a->charged, charged);
    assert_attachment(a, 0, "x");
    sio__assembler_end(&pool, &a);
    sio__assembler_pool_done(&pool);
}

static void packet_up_to_the_limit_is_taken_and_no_byte_more(void **state) {
    (void)state;
    enum { MAX = 1000 };
    static uint8_t bytes[MAX];
    struct assembler_pool pool;
    sio__assembler_pool_init(&pool, MAX);
    struct sio_assembler *a = NULL;
    struct sio_packet packet = packet_of("52-/n,[\"x\"]");
    size_t text = strlen("/n[\"x\"]");
    assert_int_equal(sio__assembler_begin(&pool, &a, &packet), PACKET_OK);
    bool complete = false;
    size_t first = 400;
    assert_int_equal(sio__assembler_add(&pool, a, bytes, first, &complete), PACKET_OK);
    size_t second = MAX - text - first - 2 * ASSEMBLER_ATTACHMENT_COST;
    assert_int_equal(sio__assembler_add(&pool, a, bytes, second + 1, &complete),
                     PACKET_ATTACHMENTS_TOO_BIG);
    assert_int_equal(sio__assembler_add(&pool, a, bytes, SIZE_MAX, &complete),
                     PACKET_ATTACHMENTS_TOO_BIG);
    assert_int_equal(a->count, 1);
    assert_false(complete);
    assert_int_equal(sio__assembler_add(&pool, a, bytes, second, &complete), PACKET_OK);
    assert_true(complete);
    assert_int_equal(a->charged, MAX);
    assert_true(a->bytes.cap <= MAX);
    sio__assembler_end(&pool, &a);
    sio__assembler_pool_done(&pool);
}

static void text_over_the_limit_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum packet_error error;
    } CASES[] = {
        {"51-[\"1234\"]", PACKET_OK},
        {"51-[\"12345\"]", PACKET_ATTACHMENTS_TOO_BIG},
        {"51-/12345678", PACKET_OK},
        {"51-/123456789", PACKET_ATTACHMENTS_TOO_BIG},
    };
    struct assembler_pool pool;
    sio__assembler_pool_init(&pool, 9);
    for (size_t i = 0; i < COUNT(CASES); i++) {
        struct sio_assembler *a = NULL;
        struct sio_packet packet = packet_of(CASES[i].text);
        assert_int_equal(sio__assembler_begin(&pool, &a, &packet), CASES[i].error);
        assert_true((a != NULL) == (CASES[i].error == PACKET_OK));
        bool complete = false;
        if (a) {
            assert_int_equal(sio__assembler_add(&pool, a, "", 0, &complete),
                             PACKET_ATTACHMENTS_TOO_BIG);
        }
        sio__assembler_end(&pool, &a);
        assert_int_equal(pool.in_use, 0);
    }
    sio__assembler_pool_done(&pool);
}

static void empty_attachments_are_not_free(void **state) {
    (void)state;
    enum { MAX = 100000 };
    torture_install();
    struct assembler_pool pool;
    sio__assembler_pool_init(&pool, MAX);
    struct sio_assembler *a = NULL;
    struct sio_packet packet = packet_of("54294967295-[\"x\"]");
    assert_int_equal(sio__assembler_begin(&pool, &a, &packet), PACKET_OK);
    bool complete = false;
    enum packet_error error = PACKET_OK;
    while (error == PACKET_OK) {
        error = sio__assembler_add(&pool, a, "", 0, &complete);
    }
    assert_int_equal(error, PACKET_ATTACHMENTS_TOO_BIG);
    assert_int_equal(a->count, (MAX - strlen("/[\"x\"]")) / ASSEMBLER_ATTACHMENT_COST);
    assert_true(torture_bytes() < 2 * MAX);
    sio__assembler_end(&pool, &a);
    assert_int_equal(torture_blocks(), 0);
    sio__assembler_pool_done(&pool);
    torture_uninstall();
}

static void announcing_attachments_takes_no_memory_for_them(void **state) {
    (void)state;
    torture_install();
    struct assembler_pool pool;
    sio__assembler_pool_init(&pool, SIZE_MAX);
    struct sio_assembler *a = NULL;
    struct sio_packet packet = packet_of("54294967295-[\"x\"]");
    assert_int_equal(sio__assembler_begin(&pool, &a, &packet), PACKET_OK);
    assert_true(torture_bytes() < 1024);
    sio__assembler_end(&pool, &a);
    sio__assembler_pool_done(&pool);
    torture_uninstall();
}

/* One packet with two attachments, of `len` bytes each. */
static void run_packet(struct assembler_pool *pool, size_t len) {
    static const uint8_t BYTES[2 * ASSEMBLER_KEEP_BYTES];
    struct sio_assembler *a = NULL;
    struct sio_packet packet = packet_of("52-[\"x\"]");
    bool complete = false;
    assert_int_equal(sio__assembler_begin(pool, &a, &packet), PACKET_OK);
    assert_int_equal(sio__assembler_add(pool, a, BYTES, len, &complete), PACKET_OK);
    assert_int_equal(sio__assembler_add(pool, a, BYTES, len, &complete), PACKET_OK);
    assert_true(complete);
    sio__assembler_end(pool, &a);
}

#ifndef SIO_NO_POOL
static void steady_state_allocates_nothing(void **state) {
    (void)state;
    torture_install();
    struct assembler_pool pool;
    sio__assembler_pool_init(&pool, 100000);
    run_packet(&pool, 500);
    assert_int_equal(pool.idle_count, 1);
    size_t before = torture_count();
    for (int i = 0; i < 100; i++) {
        run_packet(&pool, 500);
    }
    assert_int_equal(torture_count(), before);
    sio__assembler_pool_done(&pool);
    torture_uninstall();
}

static void pool_keeps_a_limited_number(void **state) {
    (void)state;
    struct assembler_pool pool;
    sio__assembler_pool_init(&pool, 1000);
    struct sio_assembler *slots[ASSEMBLER_KEEP_COUNT + 10] = {0};
    struct sio_packet packet = packet_of("51-[\"x\"]");
    for (size_t i = 0; i < COUNT(slots); i++) {
        assert_int_equal(sio__assembler_begin(&pool, &slots[i], &packet), PACKET_OK);
    }
    assert_int_equal(pool.in_use, COUNT(slots));
    for (size_t i = 0; i < COUNT(slots); i++) {
        sio__assembler_end(&pool, &slots[i]);
    }
    assert_int_equal(pool.in_use, 0);
    assert_int_equal(pool.idle_count, ASSEMBLER_KEEP_COUNT);
    sio__assembler_pool_done(&pool);
}
#endif

static void memory_of_a_big_packet_is_given_back(void **state) {
    (void)state;
    torture_install();
    struct assembler_pool pool;
    sio__assembler_pool_init(&pool, 1000000);
    run_packet(&pool, ASSEMBLER_KEEP_BYTES);
    assert_int_equal(pool.idle_count, 0);
    assert_int_equal(torture_blocks(), 0);
    sio__assembler_pool_done(&pool);
    torture_uninstall();
}

static void ending_nothing_is_fine(void **state) {
    (void)state;
    struct assembler_pool pool;
    sio__assembler_pool_init(&pool, 100);
    struct sio_assembler *a = NULL;
    sio__assembler_end(&pool, &a);
    assert_null(a);
    assert_int_equal(pool.in_use, 0);
    sio__assembler_pool_done(&pool);
}

static void packet_is_dropped_half_way(void **state) {
    (void)state;
    struct assembler_pool pool;
    sio__assembler_pool_init(&pool, 1000);
    struct sio_assembler *a = NULL;
    struct sio_packet packet = packet_of("52-[\"x\"]");
    bool complete = false;
    assert_int_equal(sio__assembler_begin(&pool, &a, &packet), PACKET_OK);
    assert_int_equal(sio__assembler_add(&pool, a, "old", 3, &complete), PACKET_OK);
    sio__assembler_end(&pool, &a);

    /* What comes next in its place knows nothing of it. */
    packet = packet_of("51-/b,[\"y\"]");
    assert_int_equal(sio__assembler_begin(&pool, &a, &packet), PACKET_OK);
    assert_int_equal(a->count, 0);
    assert_int_equal(sio__assembler_add(&pool, a, "new", 3, &complete), PACKET_OK);
    assert_true(complete);
    assert_text_equal(a->packet.nsp, "/b");
    assert_text_equal(a->packet.json, "[\"y\"]");
    assert_attachment(a, 0, "new");
    sio__assembler_end(&pool, &a);
    sio__assembler_pool_done(&pool);
}

/* A step that is refused memory is done again, and has to find all as it was. */
static int assemble_again_after_refusals(void *user) {
    (void)user;
    struct assembler_pool pool;
    sio__assembler_pool_init(&pool, 10000);
    struct sio_assembler *a = NULL;
    struct sio_packet packet = packet_of("56-/a,[\"x\"]");
    enum packet_error error = sio__assembler_begin(&pool, &a, &packet);
    bool refused = error != PACKET_OK;
    if (error) {
        assert_int_equal(error, PACKET_NOMEM);
        assert_null(a);
        error = sio__assembler_begin(&pool, &a, &packet);
    }
    char bytes[100];
    bool complete = false;
    for (uint32_t i = 0; error == PACKET_OK && i < 6; i++) {
        memset(bytes, (int)('a' + i), sizeof bytes);
        error = sio__assembler_add(&pool, a, bytes, sizeof bytes, &complete);
        if (error) {
            assert_int_equal(error, PACKET_NOMEM);
            assert_int_equal(a->count, i);
            refused = true;
            error = sio__assembler_add(&pool, a, bytes, sizeof bytes, &complete);
        }
    }
    assert_int_equal(complete, error == PACKET_OK);
    for (uint32_t i = 0; complete && i < 6; i++) {
        memset(bytes, (int)('a' + i), sizeof bytes);
        assert_int_equal(a->attachments[i].len, sizeof bytes);
        assert_memory_equal(a->attachments[i].data, bytes, sizeof bytes);
    }
    sio__assembler_end(&pool, &a);
    sio__assembler_pool_done(&pool);
    return refused ? SIO_ERR_NOMEM : 0;
}

static void lack_of_memory_leaves_the_assembler_as_it_was(void **state) {
    (void)state;
    torture_run(assemble_again_after_refusals, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packet_is_complete_with_its_last_attachment),
        cmocka_unit_test(packet_without_json_is_held_too),
        cmocka_unit_test(bytes_survive_the_growth_of_the_buffer),
        cmocka_unit_test(text_between_attachments_is_refused),
        cmocka_unit_test(bytes_that_nobody_waits_for_are_refused),
        cmocka_unit_test(packet_up_to_the_limit_is_taken_and_no_byte_more),
        cmocka_unit_test(text_over_the_limit_is_refused),
        cmocka_unit_test_teardown(empty_attachments_are_not_free, torture_teardown),
        cmocka_unit_test_teardown(announcing_attachments_takes_no_memory_for_them,
                                  torture_teardown),
#ifndef SIO_NO_POOL
        cmocka_unit_test_teardown(steady_state_allocates_nothing, torture_teardown),
        cmocka_unit_test(pool_keeps_a_limited_number),
#endif
        cmocka_unit_test_teardown(memory_of_a_big_packet_is_given_back, torture_teardown),
        cmocka_unit_test(ending_nothing_is_fine),
        cmocka_unit_test(packet_is_dropped_half_way),
        cmocka_unit_test_teardown(lack_of_memory_leaves_the_assembler_as_it_was, torture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
