/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * What the kernel says that a process used: CPU time and memory, from /proc (see proc(5)) and from
 * the CPU clock of the process. Linux only.
 */
#ifndef SIO_BENCH_ACCOUNT_H
#define SIO_BENCH_ACCOUNT_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static inline double account_seconds(clockid_t clock) {
    struct timespec t;
    return clock_gettime(clock, &t) == 0 ? (double)t.tv_sec + (double)t.tv_nsec / 1e9 : -1.0;
}

static inline double account_own_cpu(void) {
    return account_seconds(CLOCK_PROCESS_CPUTIME_ID);
}

/* CPU seconds of all threads of `pid` since its start. User and system time are in ticks of
 * usually 10 ms; the total is exact where the kernel lets us read the clock of the process.
 * False when there is no such process. */
static inline bool account_cpu(pid_t pid, double *ret_total, double *ret_user, double *ret_system) {
    char path[64];
    snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
    FILE *f = fopen(path, "r");
    if (f == NULL) {
        return false;
    }
    char line[1024];
    size_t n = fread(line, 1, sizeof(line) - 1, f);
    line[n] = '\0';
    fclose(f);

    const char *fields = strrchr(line, ')'); /* the name of the program may hold anything */
    unsigned long user;
    unsigned long system;
    if (fields == NULL || sscanf(fields + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
                                 &user, &system) != 2) {
        return false;
    }
    double ticks = (double)sysconf(_SC_CLK_TCK);
    *ret_user = (double)user / ticks;
    *ret_system = (double)system / ticks;
    clockid_t clock;
    double exact = clock_getcpuclockid(pid, &clock) == 0 ? account_seconds(clock) : -1.0;
    *ret_total = exact >= 0 ? exact : *ret_user + *ret_system;
    return true;
}

/* The line "NAME: n kB" of a file such as /proc/meminfo; 0 when it is not there. */
static inline double account_kb(const char *path, const char *name) {
    FILE *f = fopen(path, "r");
    if (f == NULL) {
        return 0;
    }
    char line[256];
    double kb = 0;
    size_t n = strlen(name);
    while (fgets(line, sizeof(line), f) != NULL) {
        if (strncmp(line, name, n) == 0 && line[n] == ':') {
            kb = strtod(line + n + 1, NULL);
            break;
        }
    }
    fclose(f);
    return kb;
}

/* Memory of a process that is really there: its resident set. */
static inline double account_rss_kb(pid_t pid) {
    char path[64];
    snprintf(path, sizeof(path), "/proc/%ld/status", (long)pid);
    return account_kb(path, "VmRSS");
}

#endif
