/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#ifndef SIO_TOOLS_PUMP_H
#define SIO_TOOLS_PUMP_H

/*
 * Runs a client beside an input and signals, on one thread: all callbacks come out of pump_wait().
 *
 * SIGINT, SIGTERM, SIGWINCH and SIGCONT are blocked from pump_start() on, except while pump_wait()
 * sleeps, so that none is lost.
 */

#include <sio/client.h>
#include <stdbool.h>

enum pump_event {
    PUMP_INPUT = 1,   /* the input can be read without waiting, or is at its end */
    PUMP_OVER = 2,    /* `over` was set by a callback */
    PUMP_INT = 4,     /* SIGINT */
    PUMP_TERM = 8,    /* SIGTERM */
    PUMP_RESIZED = 16 /* SIGWINCH or SIGCONT: the terminal may be another one */
};

struct pump {
    sio_client *client;
    int input; /* descriptor; -1: none is wanted now */
    bool over;
    void (*before_sleep)(void *user); /* called whenever nothing is left to do; may be NULL */
    void *user;
};

void pump_start(void);

/* Runs the client until one of the events happens; returns all that did. */
unsigned pump_wait(struct pump *p);

/*
 * Runs the client until nothing waits to be sent on the connection of s, and a moment longer: the
 * official server drops events when the end of the connection comes along with them. Ends early
 * with an event that pump_wait() would return.
 */
void pump_drain(struct pump *p, const sio_socket *s);

/* Closes the client in order, which takes as long as the network needs, but not longer than some
 * seconds. Signals end the process now. */
void pump_close(struct pump *p);

#endif
