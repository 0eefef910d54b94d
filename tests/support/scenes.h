/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * States that a connection can be in, for tests of what happens in each of them: closing the
 * server, losing the connection. A scene is a server and one client that has come so far.
 *
 *     for (size_t i = 0; i < scene_count(); i++) {
 *         struct scene scene;
 *         scene_begin(&scene);
 *         scene_play(&scene, i);
 *         ...
 *         scene_end(&scene);
 *     }
 */
#ifndef SUPPORT_SCENES_H
#define SUPPORT_SCENES_H

#include "support/client.h"

struct scene {
    struct harness h;
    struct client *c;  /* NULL in some */
    struct wire *w;    /* NULL in some */
    sio_next *next;    /* a decision that waits, of the scenes with one */
    sio_response *res; /* an answer that waits */
    sio_ack *ack;      /* an acknowledgement that waits */
};

/** Number of scenes. */
size_t scene_count(void);

/** What the connection is doing: "half a head". */
const char *scene_name(size_t i);

/** Starts a server. "/" is observed and has the event "echo". */
void scene_begin(struct scene *scene);

/** The same; who is silent is given up after 2 * ping_ms. */
void scene_begin_with_ping(struct scene *scene, uint32_t ping_ms);

/** Brings a connection into state number i. */
void scene_play(struct scene *scene, size_t i);

/** Two of them by name. */
void scene_waiting_get(struct scene *scene);
void scene_websocket(struct scene *scene);

/** Decides and answers what waits, after the client has gone. */
void scene_give_back(struct scene *scene);

/** The client closes, after it has seen what the server did. */
void scene_leave(struct scene *scene);

/** Ends it all. */
void scene_end(struct scene *scene);

#endif /* SUPPORT_SCENES_H */
