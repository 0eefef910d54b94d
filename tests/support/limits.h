/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * What every test of a limit has in common: a server with it, a second client that has to be left
 * in peace, and the traces that hitting it leaves.
 */
#ifndef SUPPORT_LIMITS_H
#define SUPPORT_LIMITS_H

#include "support/client.h"

struct limit_test {
    struct harness h;
    struct client *bystander; /* on WebSocket, in "/" */
};

/**
 * Starts a server with the limit. "/" is observed and has the event "echo"; the application's
 * handler of other requests answers 200 with the length of the body.
 *
 * @param options  of which `debug` is replaced, so that every cause is logged
 * @param setup    registers more handlers; may be NULL
 */
void limit_begin(struct limit_test *t, const sio_server_options *options,
                 void (*setup)(struct limit_test *t));

/** Waits until the cause was counted, and requires that it was logged and the bystander did not
 * notice. */
void limit_expect_at(struct limit_test *t, int cause, const char *file, int line);
#define limit_expect(t, cause) limit_expect_at(t, cause, __FILE__, __LINE__)

/** Requires that a cause was not counted. */
void limit_expect_none(struct limit_test *t, int cause);

/** Waits for a disconnection of a socket and requires its reason and cause. */
void limit_expect_disconnect(struct limit_test *t, int reason, int cause);

/** Ends it all. */
void limit_end(struct limit_test *t);

#endif /* SUPPORT_LIMITS_H */
