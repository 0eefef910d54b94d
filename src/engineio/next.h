/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * A decision of the application that may come later (sio_next of <sio/http.h>).
 *
 * The application is asked between sio__next_begin() and sio__next_end(). When it decides before it
 * returns, the decision is there at once. Otherwise `decide` is called from a task after the
 * decision, never from inside the application's call. An owner that goes away before sets `owner`
 * to NULL with sio__next_abandon(); the decision then only frees the object.
 */
#ifndef ENGINEIO_NEXT_H
#define ENGINEIO_NEXT_H

#include <sio/http.h>

#include "net/reactor.h"

struct sio_next {
    struct task task;
    struct reactor *reactor;
    void (*decide)(struct sio_next *next); /* takes the result and calls sio__next_free() */
    void *owner;                           /* NULL when nobody waits any more */
    char *message;                         /* of a refusal; NULL for the default */
    char *data;                            /* of a refusal, JSON text; NULL for none */
    bool asking;
    bool decided;
    bool ok;
};

/** Makes an open decision. @return NULL when out of memory */
struct sio_next *sio__next_new(struct reactor *r, void (*decide)(struct sio_next *next),
                               void *owner);

/** Frees it with its texts; NULL is fine. */
void sio__next_free(struct sio_next *next);

/** Opens a decision again, for the next one to ask. */
void sio__next_reset(struct sio_next *next);

/** To be called before and after the application is asked. The latter is true when it has decided.
 */
static inline void sio__next_begin(struct sio_next *next) {
    next->asking = true;
}
static inline bool sio__next_end(struct sio_next *next) {
    next->asking = false;
    return next->decided;
}

/** The owner goes away: it must not be called any more. */
void sio__next_abandon(struct sio_next *next);

#endif /* ENGINEIO_NEXT_H */
