/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Session and socket ids: 20 characters of [A-Za-z0-9_-], as the official packages make them.
 *
 * 12 random bytes and a counter of 3, in URL-safe base64. The random bytes are what keeps ids
 * secret (a session id is all that a polling request shows); the counter keeps them apart.
 */
#ifndef ENGINEIO_SID_H
#define ENGINEIO_SID_H

#include <stdint.h>

#include "base/rand.h"

#define SID_CHARS 20

/**
 * Makes an id.
 *
 * @param counter  advanced
 * @param ret_sid  SID_CHARS characters and a NUL
 * @return 0, or a negative errno when there are no random bytes
 */
int sio__sid_new(struct rand_pool *random, uint32_t *counter, char ret_sid[SID_CHARS + 1]);

#endif /* ENGINEIO_SID_H */
