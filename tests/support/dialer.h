/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * What tests of dialling share: places to dial, a resolver that answers as the test wants it, and a
 * reactor to dial from.
 *
 * The places are real sockets of the loopback interface. A port that is bound but does not listen
 * refuses; a listener whose backlog is full is a black hole: it answers nothing. getaddrinfo() is
 * replaced for one name; others go to the system's.
 */
#ifndef SUPPORT_DIALER_H
#define SUPPORT_DIALER_H

#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/dial.h"

/* ---- the resolver ---- */

#define RESOLVED_NAME "resolved.example"

/** Set by the test while no lookup runs. */
struct resolver {
    const union dial_address *addresses;
    size_t count;
    int error; /* of getaddrinfo() */
    bool held; /* posts `entered` and waits for `release` before it answers */
    sem_t entered;
    sem_t release;
    atomic_int lists; /* addresses that were not freed yet */
    atomic_int calls;
};

extern struct resolver resolver;

/** Once per program, before libuv makes threads. libuv gets only one, so that lookups come one
 * after the other. */
void resolver_init(void);

/** What RESOLVED_NAME resolves to. */
void resolver_answer(const union dial_address *addresses, size_t count, int error);

/* ---- places ---- */

struct place {
    union dial_address address;
    int fd;
    int fillers[8]; /* what makes a black hole of it */
    size_t filler_count;
};

/** 127.0.0.1 or ::1. */
union dial_address place_loopback(int family, uint16_t port);

/** An address that TCP refuses to connect to at once, with ENETUNREACH. */
union dial_address place_unreachable(void);

struct place place_refusing(int family);
struct place place_listening(int family);
struct place place_black_hole(int family);
void place_leave(struct place *p);

uint16_t place_port(const struct place *p);

/** True when the socket is connected to the place. */
bool place_is_peer(const struct place *p, int fd);

/** Whether there is IPv6 on the loopback interface. */
bool place_has_ipv6(void);

/* ---- the dialler ---- */

struct dialer {
    uv_loop_t loop;
    struct logger log;
    struct reactor reactor;
    bool closed;
    size_t fds; /* when it began */
};

/** A dial of the test, and what came of it. */
struct call {
    struct dialer *dialer;
    struct dial *dial;
    int calls;
    int result;
    bool cancels; /* in its callback */
};

struct dialer *dialer_begin(void);

/** Fails when descriptors are open that were not when it began, or a timer runs; then closes
 * everything. */
void dialer_end(struct dialer *f);

/** on_closed of its reactor. */
void dialer_on_closed(void *dialer);

/** on_done of a struct call. */
void dialer_on_done(void *call, int result);

/** Number of open descriptors; the same for ever where /proc is missing. */
size_t dialer_fds(void);

/** Runs a few turns of the loop, without waiting. */
void dialer_turn(struct dialer *f, int times);

void dialer_start(struct dialer *f, struct call *call, const struct dial_options *options);

/** Waits for the callback, which has to come once. @return its result */
int dialer_wait(struct call *call);

/** Both at once. */
int dialer_dial(struct dialer *f, const struct dial_options *options);

#endif /* SUPPORT_DIALER_H */
