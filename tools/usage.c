/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "usage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static uint64_t read_clock(clockid_t clock) {
    struct timespec now = {0};
    (void)clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t usage_clock(void) {
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t usage_of_thread(pthread_t thread) {
    clockid_t clock;
    return pthread_getcpuclockid(thread, &clock) == 0 ? read_clock(clock) : 0;
}

/* The second number of statm: pages (proc_pid_statm(5)). */
static uint64_t resident_bytes(pid_t pid) {
    char path[64];
    char line[128] = "";
    snprintf(path, sizeof path, "/proc/%ld/statm", (long)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return 0;
    }
    const char *second = fgets(line, sizeof line, file) != NULL ? strchr(line, ' ') : NULL;
    fclose(file);
    unsigned long long pages = second != NULL ? strtoull(second, NULL, 10) : 0;
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

int usage_of_process(pid_t pid, struct usage *ret_usage) {
    clockid_t clock;
    int error = clock_getcpuclockid(pid, &clock);
    if (error != 0) {
        return -error;
    }
    *ret_usage = (struct usage){.cpu_ns = read_clock(clock), .resident_bytes = resident_bytes(pid)};
    return 0;
}
