/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "socketio/contents.h"

struct keeper {
    char odd[13];
    struct contents contents;
};

static struct keeper *keep(struct text json, const struct value_bytes *attachments,
                           uint32_t count) {
    struct contents contents;
    struct keeper *k = sio__contents_new(sizeof *k, json, attachments, count, &contents);
    assert_non_null(k);
    k->contents = contents;
    return k;
}

static void text_and_attachments_are_copies(void **state) {
    (void)state;
    char text[] = "[\"x\",1]";
    uint8_t bytes[] = {1, 2, 3};
    const struct value_bytes attachments[] = {{bytes, sizeof bytes}, {NULL, 0}, {bytes, 1}};
    struct keeper *k = keep((struct text){text, strlen(text)}, attachments, 3);
    memset(text, '?', sizeof text - 1);
    memset(bytes, 0, sizeof bytes);
    const struct contents *c = &k->contents;
    assert_int_equal(c->json.len, 7);
    assert_memory_equal(c->json.data, "[\"x\",1]", 7);
    assert_int_equal(c->count, 3);
    assert_int_equal(c->attachments[0].len, 3);
    assert_memory_equal(c->attachments[0].data, "\1\2\3", 3);
    assert_int_equal(c->attachments[1].len, 0);
    assert_memory_equal(c->attachments[2].data, "\1", 1);
    assert_int_equal(c->bytes, 7 + 3 + 0 + 1);
    sio__free(k);
}

static void the_object_is_zeroed_and_attachments_are_aligned(void **state) {
    (void)state;
    static const char zeros[sizeof(struct keeper)] = {0};
    const uint8_t bytes[] = "0123456789";
    for (size_t len = 0; len < sizeof bytes; len++) {
        const struct value_bytes attachments[] = {{bytes, len}, {bytes, len}};
        struct contents contents;
        void *k =
            sio__contents_new(sizeof zeros, (struct text){"[]", 2}, attachments, 2, &contents);
        assert_non_null(k);
        assert_memory_equal(k, zeros, sizeof zeros);
        for (size_t i = 0; i < 2; i++) {
            assert_int_equal((uintptr_t)contents.attachments[i].data % alignof(max_align_t), 0);
        }
        sio__free(k);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_and_attachments_are_copies),
        cmocka_unit_test(the_object_is_zeroed_and_attachments_are_aligned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
