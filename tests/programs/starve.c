/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "starve.h"

#include <inttypes.h>
#include <signal.h>
#include <sio/sio.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static uint64_t seed;
static uint64_t one_in;
static atomic_bool starving;
static atomic_uint_fast64_t asked;
static atomic_uint_fast64_t refused;

/* The next number of splitmix64, whichever thread asks. */
static uint64_t next_number(void) {
    uint64_t z = seed + (atomic_fetch_add(&asked, 1) + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static bool refuse(void) {
    bool hit = atomic_load(&starving) && next_number() % one_in == 0;
    if (hit) {
        atomic_fetch_add(&refused, 1);
    }
    return hit;
}

static void *starved_malloc(size_t size, void *user) {
    (void)user;
    return refuse() ? NULL : malloc(size);
}

static void *starved_realloc(void *p, size_t size, void *user) {
    (void)user;
    return refuse() ? NULL : realloc(p, size);
}

static void starved_free(void *p, void *user) {
    (void)user;
    free(p);
}

static void *starved_pages(size_t size, void *user) {
    (void)user;
    return refuse() ? NULL : aligned_alloc(size, size);
}

static void starved_pages_free(void *p, size_t size, void *user) {
    (void)size;
    (void)user;
    free(p);
}

static void on_sated(int number) {
    (void)number;
    atomic_store(&starving, false);
    /* In a signal handler there is no printf(): digits from the right. */
    char line[32];
    size_t at = sizeof line;
    uint64_t count = atomic_load(&refused);
    line[--at] = '\n';
    do {
        line[--at] = (char)('0' + count % 10);
        count /= 10;
    } while (count > 0);
    for (size_t i = 6; i > 0; i--) {
        line[--at] = "sated "[i - 1];
    }
    ssize_t written = write(STDOUT_FILENO, line + at, sizeof line - at);
    (void)written;
}

void starve_init(void) {
    static const sio_allocator allocator = {
        .size = sizeof allocator,
        .malloc_fn = starved_malloc,
        .realloc_fn = starved_realloc,
        .free_fn = starved_free,
        .pages_fn = starved_pages,
        .pages_free_fn = starved_pages_free,
    };
    const char *wish = getenv("SIO_STARVE");
    if (wish == NULL) {
        return;
    }
    if (sscanf(wish, "%" SCNu64 ":%" SCNu64, &seed, &one_in) != 2 || one_in == 0 ||
        sio_set_allocator(&allocator) < 0) {
        fprintf(stderr, "SIO_STARVE is not SEED:N but %s\n", wish);
        exit(EXIT_FAILURE);
    }
    struct sigaction action = {.sa_handler = on_sated, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &action, NULL);
}

void starve_begin(void) {
    atomic_store(&starving, one_in > 0);
}
