/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "engineio/next.h"

#include <string.h>

#include "base/alloc.h"

static void run(struct task *task) {
    struct sio_next *next = SIO_CONTAINER_OF(task, struct sio_next, task);
    next->decide(next);
}

struct sio_next *sio__next_new(struct reactor *r, void (*decide)(struct sio_next *next),
                               void *owner) {
    struct sio_next *next = sio__calloc(1, sizeof *next);
    if (next != NULL) {
        sio__task_init(&next->task, run);
        next->reactor = r;
        next->decide = decide;
        next->owner = owner;
    }
    return next;
}

void sio__next_free(struct sio_next *next) {
    if (next != NULL) {
        sio__task_cancel(&next->task);
        sio__free(next->message);
        sio__free(next->data);
        sio__free(next);
    }
}

void sio__next_reset(struct sio_next *next) {
    sio__free(next->message);
    sio__free(next->data);
    next->message = NULL;
    next->data = NULL;
    next->decided = false;
    next->ok = false;
}

void sio__next_abandon(struct sio_next *next) {
    next->owner = NULL;
    if (next->decided && !next->asking) {
        sio__next_free(next); /* its task was queued already */
    }
}

static void decide(struct sio_next *next, bool ok) {
    next->decided = true;
    next->ok = ok;
    if (next->asking) {
        return;
    }
    if (next->owner == NULL) {
        sio__next_free(next); /* nobody waits; the server itself may be gone */
    } else {
        sio__task_queue(next->reactor, &next->task);
    }
}

void sio_next_ok(sio_next *next) {
    if (next != NULL && !next->decided) {
        decide(next, true);
    }
}

void sio_next_fail(sio_next *next, const char *message, const char *data_json) {
    if (next == NULL || next->decided) {
        return;
    }
    /* Without memory for the texts it is still a refusal. */
    next->message = message != NULL ? sio__strndup(message, strlen(message)) : NULL;
    next->data = data_json != NULL ? sio__strndup(data_json, strlen(data_json)) : NULL;
    decide(next, false);
}
