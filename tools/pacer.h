/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#ifndef SIO_TOOLS_PACER_H
#define SIO_TOOLS_PACER_H

/*
 * Calls a function on a loop when given points of time have come, to the microsecond where the
 * system can do that (timerfd), else to the millisecond.
 */

#include <sio/uv.h>
#include <stdint.h>

struct pacer {
#ifdef __linux__
    uv_poll_t handle;
    int fd;
#else
    uv_timer_t handle;
#endif
    void (*fn)(void *user);
    void *user;
};

/* Prepares one; the struct must not move. Returns 0 or a code of the system. */
int pacer_init(struct pacer *p, uv_loop_t *loop, void (*fn)(void *user), void *user);

/* Calls fn at `when`, of the clock of usage_clock(), or at once when that has passed. */
void pacer_set(struct pacer *p, uint64_t when);

/* Closes it; the loop has to go on for a turn. */
void pacer_close(struct pacer *p);

#endif
