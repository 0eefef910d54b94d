/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/list.h"

struct thing {
    char name;
    struct list link;
};

static struct thing *make(struct thing *t, char name) {
    t->name = name;
    sio__list_init(&t->link);
    return t;
}

/* Reads the names forwards, and checks that backwards they are the same. */
static void assert_names(const struct list *head, const char *expected) {
    const char *e = expected;
    for (struct list *n = head->next; n != head; n = n->next) {
        assert_int_equal(SIO_CONTAINER_OF(n, struct thing, link)->name, *e);
        e++;
    }
    assert_int_equal(*e, '\0');
    for (struct list *n = head->prev; n != head; n = n->prev) {
        e--;
        assert_int_equal(SIO_CONTAINER_OF(n, struct thing, link)->name, *e);
    }
    assert_ptr_equal(e, expected);
}

static void elements_keep_the_order_of_insertion(void **state) {
    (void)state;
    struct thing a, b, c;
    struct list head;
    sio__list_init(&head);
    assert_true(sio__list_empty(&head));
    assert_null(sio__list_first(&head));
    sio__list_push_back(&head, &make(&b, 'b')->link);
    sio__list_push_back(&head, &make(&c, 'c')->link);
    sio__list_push_front(&head, &make(&a, 'a')->link);
    assert_names(&head, "abc");
    assert_false(sio__list_empty(&head));
    assert_ptr_equal(sio__list_first(&head), &a.link);
}

static void removal_works_anywhere_and_twice(void **state) {
    (void)state;
    struct thing t[4];
    struct list head;
    sio__list_init(&head);
    for (size_t i = 0; i < 4; i++) {
        make(&t[i], (char)('a' + i));
        assert_false(sio__list_linked(&t[i].link));
        sio__list_push_back(&head, &t[i].link);
        assert_true(sio__list_linked(&t[i].link));
    }
    sio__list_remove(&t[1].link);
    assert_names(&head, "acd");
    assert_false(sio__list_linked(&t[1].link));
    sio__list_remove(&t[1].link);
    assert_names(&head, "acd");
    sio__list_remove(&t[0].link);
    assert_names(&head, "cd");
    sio__list_remove(&t[3].link);
    assert_names(&head, "c");
    sio__list_remove(&t[2].link);
    assert_names(&head, "");
    sio__list_push_back(&head, &t[1].link);
    assert_names(&head, "b");
}

static void pop_front_empties_the_list_in_order(void **state) {
    (void)state;
    struct thing t[3];
    struct list head;
    sio__list_init(&head);
    for (size_t i = 0; i < 3; i++) {
        sio__list_push_back(&head, &make(&t[i], (char)('a' + i))->link);
    }
    for (size_t i = 0; i < 3; i++) {
        assert_ptr_equal(sio__list_pop_front(&head), &t[i].link);
        assert_false(sio__list_linked(&t[i].link));
    }
    assert_null(sio__list_pop_front(&head));
}

static void splice_moves_all_elements_to_the_end(void **state) {
    (void)state;
    struct thing t[4];
    struct list to, from;
    sio__list_init(&to);
    sio__list_init(&from);
    sio__list_splice(&to, &from);
    assert_names(&to, "");
    for (size_t i = 0; i < 4; i++) {
        sio__list_push_back(i < 2 ? &to : &from, &make(&t[i], (char)('a' + i))->link);
    }
    sio__list_splice(&to, &from);
    assert_names(&to, "abcd");
    assert_names(&from, "");
    sio__list_splice(&to, &from);
    assert_names(&to, "abcd");
    sio__list_splice(&from, &to);
    assert_names(&from, "abcd");
    assert_names(&to, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_keep_the_order_of_insertion),
        cmocka_unit_test(removal_works_anywhere_and_twice),
        cmocka_unit_test(pop_front_empties_the_list_in_order),
        cmocka_unit_test(splice_moves_all_elements_to_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
