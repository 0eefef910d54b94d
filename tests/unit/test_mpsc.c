/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/list.h"
#include "base/mpsc.h"

struct letter {
    struct mpsc_node node;
    unsigned sender;
    unsigned number;
};

static void elements_come_out_in_the_order_they_went_in(void **state) {
    (void)state;
    struct letter letters[5];
    struct mpsc q;
    sio__mpsc_init(&q);
    assert_null(sio__mpsc_take_all(&q));
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 5; i++) {
            letters[i].number = i;
            (void)sio__mpsc_push(&q, &letters[i].node);
        }
        unsigned expected = 0;
        for (struct mpsc_node *n = sio__mpsc_take_all(&q); n != NULL; n = n->next) {
            assert_int_equal(SIO_CONTAINER_OF(n, struct letter, node)->number, expected);
            expected++;
        }
        assert_int_equal(expected, 5);
        assert_null(sio__mpsc_take_all(&q));
    }
}

static void only_the_first_push_asks_for_a_wake_up(void **state) {
    (void)state;
    struct letter letters[3];
    struct mpsc q;
    sio__mpsc_init(&q);
    assert_true(sio__mpsc_push(&q, &letters[0].node));
    assert_false(sio__mpsc_push(&q, &letters[1].node));
    assert_false(sio__mpsc_push(&q, &letters[2].node));
    assert_non_null(sio__mpsc_take_all(&q));
    assert_true(sio__mpsc_push(&q, &letters[0].node));
}

/* ---- threads ---- */

#define SENDERS 4
#define LETTERS 50000

static struct {
    struct mpsc queue;
    sem_t wake;
    struct letter letters[SENDERS][LETTERS];
} office;

static void *send_letters(void *arg) {
    unsigned sender = *(const unsigned *)arg;
    for (unsigned i = 0; i < LETTERS; i++) {
        struct letter *l = &office.letters[sender][i];
        l->sender = sender;
        l->number = i;
        if (sio__mpsc_push(&office.queue, &l->node)) {
            sem_post(&office.wake);
        }
    }
    return NULL;
}

/* The consumer sleeps until it is woken: a wake-up too few would leave it asleep for ever. */
static void many_producers_lose_nothing_and_keep_their_order(void **state) {
    (void)state;
    static unsigned ids[SENDERS];
    pthread_t threads[SENDERS];
    unsigned next[SENDERS] = {0};
    sio__mpsc_init(&office.queue);
    assert_int_equal(sem_init(&office.wake, 0, 0), 0);
    for (unsigned i = 0; i < SENDERS; i++) {
        ids[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, send_letters, &ids[i]), 0);
    }
    unsigned received = 0;
    while (received < SENDERS * LETTERS) {
        assert_int_equal(sem_wait(&office.wake), 0);
        for (struct mpsc_node *n = sio__mpsc_take_all(&office.queue); n != NULL; n = n->next) {
            const struct letter *l = SIO_CONTAINER_OF(n, struct letter, node);
            assert_int_equal(l->number, next[l->sender]);
            next[l->sender]++;
            received++;
        }
    }
    for (unsigned i = 0; i < SENDERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(next[i], LETTERS);
    }
    assert_null(sio__mpsc_take_all(&office.queue));
    sem_destroy(&office.wake);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_come_out_in_the_order_they_went_in),
        cmocka_unit_test(only_the_first_push_asks_for_a_wake_up),
        cmocka_unit_test(many_producers_lose_nothing_and_keep_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
