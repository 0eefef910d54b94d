/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* A server on the program's own libuv loop, beside a timer and a signal handler of the program. */
#include <sio/sio.h>
#include <sio/uv.h>
#include <stdio.h>
#include <stdlib.h>

static sio_server *srv;
static uv_timer_t ticker;
static uv_signal_t interrupt;

static void on_tick(uv_timer_t *timer) {
    sio_broadcast(sio_server_ns(srv, "/"), NULL, "tick", "U", (uint64_t)uv_now(timer->loop));
}

static void on_closed(sio_server *server, void *user) {
    (void)user;
    sio_server_free(server);
}

static void on_interrupt(uv_signal_t *handle, int number) {
    (void)number;
    uv_close((uv_handle_t *)&ticker, NULL);
    uv_close((uv_handle_t *)handle, NULL);
    sio_server_close(srv, on_closed, NULL);
}

int main(void) {
    uv_loop_t *loop = uv_default_loop();
    int r = sio_server_new(&srv, SIO_SERVER_OPTIONS(.cors = SIO_CORS(.origin = "*")));
    if (r == 0) r = sio_server_attach_uv(srv, loop);
    if (r == 0) r = sio_server_listen(srv, NULL, 3000);
    if (r < 0) {
        fprintf(stderr, "own_loop: %s\n", sio_strerror(r));
        sio_server_free(srv);
        uv_run(loop, UV_RUN_DEFAULT);
        return EXIT_FAILURE;
    }
    uv_timer_init(loop, &ticker);
    uv_timer_start(&ticker, on_tick, 1000, 1000);
    uv_signal_init(loop, &interrupt);
    uv_signal_start(&interrupt, on_interrupt, SIGINT);
    uv_run(loop, UV_RUN_DEFAULT);
    return uv_loop_close(loop) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
