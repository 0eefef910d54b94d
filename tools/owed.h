/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#ifndef SIO_TOOLS_OWED_H
#define SIO_TOOLS_OWED_H

/*
 * Answers that a server waits for. Each event that wants one gets a number, under which it is
 * answered. Of many that are never answered the oldest are given up. Begin with an empty struct.
 */

#include <sio/socket.h>

enum { OWED_MAX = 256 };

struct owed {
    sio_ack *acks[OWED_MAX]; /* that with number n at n % OWED_MAX */
    unsigned last;           /* the number that was given last */
};

/* Keeps the duty to answer. Returns its number; 0 when the event wants no answer. */
unsigned owed_add(struct owed *o, sio_event *ev);

/* Takes it out; NULL when there is none of this number (any more). */
sio_ack *owed_take(struct owed *o, unsigned long number);

/* Gives all up; to be called before the client is freed. */
void owed_done(struct owed *o);

#endif
