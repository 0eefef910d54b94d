/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <sio/error.h>

#include "socketio/handlers.h"
#include "support/torture.h"

static void first(void) {
}

static void second(void) {
}

static const struct handler_list *find(const struct handlers *h, const char *name) {
    return sio__handlers_find(&h->events, sio__text_of(name));
}

static void callbacks_stay_in_order(void **state) {
    (void)state;
    struct handlers h = {0};
    int users[100];
    for (int i = 0; i < 100; i++) {
        assert_int_equal(sio__handlers_add(&h.connect, i % 2 == 0 ? first : second, &users[i]), 0);
    }
    assert_int_equal(h.connect.len, 100);
    for (int i = 0; i < 100; i++) {
        assert_ptr_equal(h.connect.items[i].user, &users[i]);
        assert_true(h.connect.items[i].fn == (i % 2 == 0 ? first : second));
    }
    sio__handlers_done(&h);
    assert_int_equal(h.connect.len, 0);
    sio__handlers_done(&h);
}

/* Names that share beginnings, ends and lengths. */
static const char *const similar[] = {
    "",
    "a",
    "b",
    "ab",
    "ba",
    "abcdefg",
    "abcdefgh",
    "bbcdefgh",
    "abcdefghi",
    "abcdefghabcdefgh",
    "abcdefgh-abcdefgh",
    "abcdefgh+abcdefgh",
    "abcdefgh--abcdefgh",
    "abcdefgh-+abcdefgh",
    "abcdefgh+-abcdefgh",
    "\xc3\xa4ndern",
    "message",
    "Message",
    "message ",
};

#define SIMILAR (sizeof similar / sizeof similar[0])

static void events_are_told_apart(void **state) {
    (void)state;
    struct handlers h = {0};
    int users[SIMILAR];
    assert_null(find(&h, "a"));
    for (size_t i = 0; i < SIMILAR; i++) {
        assert_null(find(&h, similar[i]));
        assert_int_equal(sio__handlers_add_event(&h.events, similar[i], first, &users[i]), 0);
    }
    for (size_t i = 0; i < SIMILAR; i++) {
        const struct handler_list *list = find(&h, similar[i]);
        assert_non_null(list);
        assert_int_equal(list->len, 1);
        assert_ptr_equal(list->items[0].user, &users[i]);
    }
    assert_null(find(&h, "abcdefgh.abcdefgh"));
    assert_null(find(&h, "messag"));
    assert_null(sio__handlers_find(&h.events, (struct text){"message\0x", 9}));
    assert_null(sio__handlers_find(&h.server_events, SIO_TEXT("message")));
    sio__handlers_done(&h);
}

static void names_need_no_end(void **state) {
    (void)state;
    struct handlers h = {0};
    char text[] = {'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'};
    assert_int_equal(sio__handlers_add_event(&h.events, "abcdefghi", first, NULL), 0);
    assert_non_null(sio__handlers_find(&h.events, (struct text){text, 9}));
    assert_null(sio__handlers_find(&h.events, (struct text){text, 8}));
    assert_null(sio__handlers_find(&h.events, (struct text){text, 10}));
    sio__handlers_done(&h);
}

static void one_event_has_many_handlers(void **state) {
    (void)state;
    struct handlers h = {0};
    int users[10];
    for (int i = 0; i < 10; i++) {
        assert_int_equal(sio__handlers_add_event(&h.events, "x", first, &users[i]), 0);
        assert_int_equal(sio__handlers_add_event(&h.events, "y", second, &users[i]), 0);
    }
    const struct handler_list *list = find(&h, "x");
    assert_int_equal(list->len, 10);
    for (int i = 0; i < 10; i++) {
        assert_ptr_equal(list->items[i].user, &users[i]);
        assert_true(list->items[i].fn == first);
    }
    sio__handlers_done(&h);
}

static void tables_grow(void **state) {
    (void)state;
    struct handlers h = {0};
    char name[48];
    for (int i = 0; i < 3000; i++) {
        (void)snprintf(name, sizeof name, "event number %d of many", i);
        assert_int_equal(sio__handlers_add_event(&h.events, name, first, NULL), 0);
    }
    for (int i = 0; i < 3000; i++) {
        (void)snprintf(name, sizeof name, "event number %d of many", i);
        assert_non_null(find(&h, name));
        (void)snprintf(name, sizeof name, "Event number %d of many", i);
        assert_null(find(&h, name));
    }
    sio__handlers_done(&h);
}

static int add_some(void *user) {
    struct handlers h = {0};
    (void)user;
    int r = 0;
    for (size_t i = 0; i < SIMILAR && r == 0; i++) {
        r = sio__handlers_add_event(&h.events, similar[i], first, NULL);
        if (r == 0) {
            r = sio__handlers_add(&h.any, first, NULL);
        }
        assert_int_equal(find(&h, similar[i]) != NULL, r == 0 || h.events.len == i + 1);
    }
    sio__handlers_done(&h);
    return r;
}

static void tables_survive_every_failure(void **state) {
    (void)state;
    torture_run(add_some, NULL);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(callbacks_stay_in_order),
        cmocka_unit_test(events_are_told_apart),
        cmocka_unit_test(names_need_no_end),
        cmocka_unit_test(one_event_has_many_handlers),
        cmocka_unit_test(tables_grow),
        cmocka_unit_test_teardown(tables_survive_every_failure, torture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
