/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#ifndef SIO_TOOLS_USAGE_H
#define SIO_TOOLS_USAGE_H

/* What processes and threads have used of the machine. */

#include <pthread.h>
#include <stdint.h>
#include <sys/types.h>

struct usage {
    uint64_t cpu_ns;         /* user and system time of all its threads */
    uint64_t resident_bytes; /* 0 where the system does not tell */
};

/* Returns 0, or a negative errno: -ESRCH when there is no such process. */
int usage_of_process(pid_t pid, struct usage *ret_usage);

/* User and system time of a thread of this process, in nanoseconds. */
uint64_t usage_of_thread(pthread_t thread);

/* Monotonic time in nanoseconds. */
uint64_t usage_clock(void);

#endif
