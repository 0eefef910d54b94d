/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#ifndef SIO_TOOLS_CHAT_H
#define SIO_TOOLS_CHAT_H

/*
 * The chat of demo/chat/PROTOCOL.md, in the main namespace of a server.
 *
 * Everything is in memory and bounded by the limits of that file: at most 100 rooms of 50 messages,
 * in which at most 500 members each.
 */

#include <sio/server.h>

struct chat;

/* Adds the chat to a server that does not run yet. NULL when there is no memory. */
struct chat *chat_new(sio_server *server);

/* Frees it, after the server was freed. NULL is fine. */
void chat_free(struct chat *chat);

#endif
