/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * A client in a loop that belongs to somebody else, here a game's: nothing happens between two
 * ticks, and callbacks run inside them. The server has to send the "move" of each player to the
 * others as "moved". Usage: game_loop [URL]
 */
#define _POSIX_C_SOURCE 200809L /* nanosleep() */

#include <sio/sio.h>
#include <stdio.h>
#include <time.h>

enum { FRAMES_PER_SECOND = 60 };

struct game {
    int x;
    int others;
};

static void on_moved(sio_socket *s, sio_event *ev, void *user) {
    struct game *game = user;
    int64_t x = 0;
    (void)s;
    if (sio_event_unpack(ev, "I", &x) == 0) {
        game->others = (int)x;
    }
}

static void on_connect_error(sio_socket *s, const sio_connect_error *error, void *user) {
    (void)s;
    (void)user;
    fprintf(stderr, "game_loop: %s%s\n", error->message, error->active ? ", trying again" : "");
}

static void wait_for_frame(void) {
    const struct timespec frame = {.tv_nsec = 1000000000L / FRAMES_PER_SECOND};
    nanosleep(&frame, NULL);
}

int main(int argc, char **argv) {
    struct game game = {0, 0};
    sio_client *client = NULL;
    int r = sio_client_new(&client, argc > 1 ? argv[1] : "http://localhost:3000", NULL);
    sio_socket *s = sio_client_socket(client, NULL, NULL);
    if (r == 0) r = sio_socket_on(s, "moved", on_moved, &game);
    if (r == 0) r = sio_socket_on_connect_error(s, on_connect_error, NULL);
    if (r < 0) {
        fprintf(stderr, "game_loop: %s\n", sio_strerror(r));
        sio_client_free(client);
        return 1;
    }
    for (int frame = 0; frame < 10 * FRAMES_PER_SECOND; frame++) {
        sio_client_tick(client);
        game.x++;
        sio_emit_opt(s, SIO_VOLATILE, "move", "i", game.x); /* an old position is of no use */
        wait_for_frame();
    }
    printf("here %d, there %d\n", game.x, game.others);
    sio_client_free(client);
    return 0;
}
