/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include <sio/alloc.h>
#include <sio/error.h>

#include "base/alloc.h"

/* An allocator that counts its calls, in front of the C library. */
struct counter {
    int mallocs;
    int reallocs;
    int frees;
    int pages;
    int pages_frees;
};

static void *count_malloc(size_t size, void *user) {
    assert_true(size > 0);
    ((struct counter *)user)->mallocs++;
    return malloc(size);
}

static void *count_realloc(void *p, size_t size, void *user) {
    assert_true(size > 0);
    ((struct counter *)user)->reallocs++;
    return realloc(p, size);
}

static void count_free(void *p, void *user) {
    assert_non_null(p);
    ((struct counter *)user)->frees++;
    free(p);
}

static void *count_pages(size_t size, void *user) {
    ((struct counter *)user)->pages++;
    return aligned_alloc(size, size);
}

static void count_pages_free(void *p, size_t size, void *user) {
    assert_int_equal(size, 65536);
    ((struct counter *)user)->pages_frees++;
    free(p);
}

static sio_allocator counting(struct counter *c) {
    return (sio_allocator){
        .size = sizeof(sio_allocator),
        .malloc_fn = count_malloc,
        .realloc_fn = count_realloc,
        .free_fn = count_free,
        .pages_fn = count_pages,
        .pages_free_fn = count_pages_free,
        .user = c,
    };
}

static int restore_default(void **state) {
    (void)state;
    return sio_set_allocator(NULL);
}

static void calloc_zeroes_and_refuses_overflow(void **state) {
    (void)state;
    uint8_t *p = sio__calloc(100, 3);
    assert_non_null(p);
    for (size_t i = 0; i < 300; i++) {
        assert_int_equal(p[i], 0);
    }
    sio__free(p);
    assert_null(sio__calloc(SIZE_MAX / 2, 3));
}

static void reallocarray_refuses_overflow_and_keeps_the_block(void **state) {
    (void)state;
    char *p = sio__reallocarray(NULL, 4, 2);
    assert_non_null(p);
    memcpy(p, "abcdefg", 8);
    assert_null(sio__reallocarray(p, SIZE_MAX / 2, 3));
    assert_string_equal(p, "abcdefg");
    p = sio__reallocarray(p, 16, 2);
    assert_non_null(p);
    assert_string_equal(p, "abcdefg");
    sio__free(p);
}

static void blocks_of_no_bytes_are_unique(void **state) {
    (void)state;
    void *a = sio__malloc(0);
    void *b = sio__malloc(0);
    void *c = sio__calloc(0, 8);
    void *d = sio__realloc(NULL, 0);
    assert_non_null(a);
    assert_non_null(b);
    assert_non_null(c);
    assert_non_null(d);
    assert_ptr_not_equal(a, b);
    sio__free(a);
    sio__free(b);
    sio__free(c);
    sio__free(d);
    sio__free(NULL);
}

static void strndup_copies_zero_bytes_and_terminates(void **state) {
    (void)state;
    char *copy = sio__strndup("a\0bcd", 4);
    assert_non_null(copy);
    assert_memory_equal(copy, "a\0bc", 5);
    sio__free(copy);
    copy = sio__strndup(NULL, 0);
    assert_non_null(copy);
    assert_string_equal(copy, "");
    sio__free(copy);
    assert_null(sio__strndup("", SIZE_MAX));
}

static void pages_are_aligned_to_their_size(void **state) {
    (void)state;
    static const size_t sizes[] = {4096, 65536, 1 << 20};
    enum { COUNT = 20 };
    void *pages[3][COUNT];
    void *gaps[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t k = 0; k < 3; k++) {
            pages[k][i] = sio__pages_alloc(sizes[k]);
            assert_non_null(pages[k][i]);
            assert_int_equal((uintptr_t)pages[k][i] % sizes[k], 0);
            memset(pages[k][i], 0x5a, sizes[k]);
        }
        /* One page in between, so that the next mapping does not come to lie aligned. */
        gaps[i] = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        assert_ptr_not_equal(gaps[i], MAP_FAILED);
    }
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t k = 0; k < 3; k++) {
            sio__pages_free(pages[k][i], sizes[k]);
        }
        assert_int_equal(munmap(gaps[i], 4096), 0);
    }
    sio__pages_free(NULL, 4096);
}

/* Size of the address space in use, in pages. */
static unsigned long address_space(void) {
    char text[128];
    FILE *f = fopen("/proc/self/statm", "r");
    assert_non_null(f);
    assert_non_null(fgets(text, sizeof(text), f));
    assert_int_equal(fclose(f), 0);
    unsigned long pages = strtoul(text, NULL, 10);
    assert_true(pages > 0);
    return pages;
}

static void aligned_pages_take_no_more_than_their_size(void **state) {
    (void)state;
    enum { COUNT = 50, SIZE = 1 << 20, SIZE_IN_PAGES = SIZE / 4096 };
    void *pages[COUNT];
    void *gaps[COUNT];
    unsigned long before = address_space();
    for (size_t i = 0; i < COUNT; i++) {
        gaps[i] = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        assert_ptr_not_equal(gaps[i], MAP_FAILED);
        pages[i] = sio__pages_alloc(SIZE);
        assert_non_null(pages[i]);
    }
    unsigned long taken = address_space() - before;
    /* A little less than all of it where a checker that runs the program unmaps memory meanwhile.
     */
    assert_in_range(taken, COUNT * SIZE_IN_PAGES * 9 / 10, COUNT * SIZE_IN_PAGES * 11 / 10);
    for (size_t i = 0; i < COUNT; i++) {
        sio__pages_free(pages[i], SIZE);
        assert_int_equal(munmap(gaps[i], 4096), 0);
    }
}

static void more_pages_than_there_are_cannot_be_had(void **state) {
    (void)state;
    assert_null(sio__pages_alloc((size_t)1 << 62));
    assert_null(sio__pages_alloc((size_t)1 << 63));
}

static void freed_pages_go_back_to_the_system(void **state) {
    (void)state;
    void *p = sio__pages_alloc(65536);
    assert_non_null(p);
    unsigned char resident[16];
    assert_int_equal(mincore(p, 65536, resident), 0);
    sio__pages_free(p, 65536);
    assert_int_equal(mincore(p, 65536, resident), -1);
    assert_int_equal(errno, ENOMEM);
}

static void every_call_goes_to_the_allocator_that_was_set(void **state) {
    (void)state;
    struct counter c = {0};
    sio_allocator a = counting(&c);
    assert_int_equal(sio_set_allocator(&a), 0);
    void *p = sio__malloc(0);
    uint8_t *q = sio__calloc(2, 2);
    char *s = sio__strndup("x", 1);
    assert_non_null(p);
    assert_non_null(q);
    assert_non_null(s);
    assert_int_equal(c.mallocs, 3);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(q[i], 0);
    }
    p = sio__realloc(p, 0);
    assert_non_null(p);
    assert_int_equal(c.reallocs, 1);
    sio__free(p);
    sio__free(q);
    sio__free(s);
    sio__free(NULL);
    assert_int_equal(c.frees, 3);
    void *pages = sio__pages_alloc(65536);
    assert_non_null(pages);
    sio__pages_free(pages, 65536);
    assert_int_equal(c.pages, 1);
    assert_int_equal(c.pages_frees, 1);

    assert_int_equal(sio_set_allocator(NULL), 0);
    sio__free(sio__malloc(1));
    assert_int_equal(c.mallocs, 3);
}

static void pages_come_from_the_system_when_the_allocator_has_none(void **state) {
    (void)state;
    struct counter c = {0};
    sio_allocator a = counting(&c);
    a.pages_fn = NULL;
    a.pages_free_fn = NULL;
    assert_int_equal(sio_set_allocator(&a), 0);
    void *p = sio__pages_alloc(65536);
    assert_non_null(p);
    assert_int_equal((uintptr_t)p % 65536, 0);
    sio__pages_free(p, 65536);
    assert_int_equal(c.pages + c.pages_frees + c.mallocs, 0);
}

static void incomplete_allocators_are_refused(void **state) {
    (void)state;
    struct counter c = {0};
    sio_allocator a[6];
    for (size_t i = 0; i < 6; i++) {
        a[i] = counting(&c);
    }
    a[0].malloc_fn = NULL;
    a[1].realloc_fn = NULL;
    a[2].free_fn = NULL;
    a[3].pages_fn = NULL;
    a[4].pages_free_fn = NULL;
    a[5].size = sizeof(sio_allocator) - 1;
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(sio_set_allocator(&a[i]), SIO_ERR_INVALID);
    }
    sio__free(sio__malloc(1));
    assert_int_equal(c.mallocs, 0);
}

static void larger_structs_are_taken_if_the_rest_is_zero(void **state) {
    (void)state;
    struct counter c = {0};
    struct {
        sio_allocator known;
        void *later;
    } larger = {.known = counting(&c)};
    larger.known.size = sizeof(larger);
    assert_int_equal(sio_set_allocator(&larger.known), 0);
    larger.later = &c;
    assert_int_equal(sio_set_allocator(&larger.known), SIO_ERR_VERSION);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calloc_zeroes_and_refuses_overflow),
        cmocka_unit_test(reallocarray_refuses_overflow_and_keeps_the_block),
        cmocka_unit_test(blocks_of_no_bytes_are_unique),
        cmocka_unit_test(strndup_copies_zero_bytes_and_terminates),
        cmocka_unit_test(pages_are_aligned_to_their_size),
        cmocka_unit_test(aligned_pages_take_no_more_than_their_size),
        cmocka_unit_test(more_pages_than_there_are_cannot_be_had),
        cmocka_unit_test(freed_pages_go_back_to_the_system),
        cmocka_unit_test_teardown(every_call_goes_to_the_allocator_that_was_set, restore_default),
        cmocka_unit_test_teardown(pages_come_from_the_system_when_the_allocator_has_none,
                                  restore_default),
        cmocka_unit_test_teardown(incomplete_allocators_are_refused, restore_default),
        cmocka_unit_test_teardown(larger_structs_are_taken_if_the_rest_is_zero, restore_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
