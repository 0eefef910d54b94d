/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Torture: every scenario again, with each of its allocations failing in turn.
 *
 * An allocator under the library (and under libuv, if wanted) counts allocations, knows which
 * blocks are alive, and refuses those that it is told to. torture_run() drives it: it runs a
 * scenario once to count, then for every n with the n-th allocation failing, then for every n with
 * all failing from the n-th on, and holds each run to leave no block behind.
 *
 *     static int scenario(void *user) {
 *         struct buf b;
 *         sio__buf_init(&b, 100);
 *         int r = sio__buf_append(&b, "x", 1);
 *         sio__buf_done(&b);
 *         return r;
 *     }
 *     static void buf_survives_every_failure(void **state) {
 *         torture_run(scenario, NULL);
 *     }
 *     cmocka_unit_test_teardown(buf_survives_every_failure, torture_teardown)
 *
 * One allocation is one call of malloc, calloc, realloc or pages that asks for memory. The harness
 * has one state for the process; it is thread safe, so that libuv's threads may be under it.
 */
#ifndef SUPPORT_TORTURE_H
#define SUPPORT_TORTURE_H

#include <stdbool.h>
#include <stddef.h>

enum torture_mode {
    TORTURE_NEVER, /* no allocation fails */
    TORTURE_ONCE,  /* only the n-th fails */
    TORTURE_FROM   /* the n-th fails and all after it */
};

/**
 * A scenario sets up, works, and frees all that it has made.
 *
 * @return 0, or SIO_ERR_NOMEM or -ENOMEM if it was refused memory; without a refusal it must
 *         succeed. May use the assertions of cmocka.
 */
typedef int (*torture_fn)(void *user);

/** Runs a scenario with every failure there is; fails the test when a run leaks or returns wrong.
 */
void torture_run(torture_fn scenario, void *user);

/** Teardown for cmocka: tells which run was under way when the test failed, and uninstalls. */
int torture_teardown(void **state);

/** Puts the allocator under the library; nothing of the library may be alive. */
void torture_install(void);

/**
 * Puts the allocator under libuv, too, for good; before the first use of libuv in the process.
 * Its allocations are counted and its leaks found, but none is refused: libuv aborts the process
 * when it cannot grow its tables.
 */
void torture_install_uv(void);

/**
 * Takes the allocator from under the library; fails the test, and lists the blocks, when some of
 * the library are alive.
 */
void torture_uninstall(void);

/** Plans failures: n = 1 is the next allocation. */
void torture_plan(enum torture_mode mode, size_t n);

/**
 * Suspends the plan, and resumes it: what is allocated meanwhile neither fails nor is numbered. For
 * the parts of a scenario that have their own test, and for looking at what is left after failures.
 */
void torture_suspend(bool suspended);

/** Number of allocations that were refused since the last torture_plan(). */
size_t torture_refused(void);

/** Number of allocations ever, refused or not; equal at two points: there was none in between. */
size_t torture_count(void);

/** Number of blocks that are alive. */
size_t torture_blocks(void);

/** Number of bytes that are alive. */
size_t torture_bytes(void);

#endif /* SUPPORT_TORTURE_H */
