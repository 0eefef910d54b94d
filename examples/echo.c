/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* The first server: answers every "echo" with the same arguments. */
#include <sio/sio.h>
#include <stdio.h>

static void on_echo(sio_socket *s, sio_event *ev, void *user) {
    (void)user;
    sio_emit(s, "echo", "a", ev);
}

int main(void) {
    sio_server *srv = NULL;
    int r = sio_server_new(&srv, SIO_SERVER_OPTIONS(.cors = SIO_CORS(.origin = "*")));
    if (r == 0) r = sio_ns_on(sio_server_ns(srv, "/"), "echo", on_echo, NULL);
    if (r == 0) r = sio_server_listen(srv, NULL, 3000);
    if (r == 0) r = sio_server_run(srv);
    if (r < 0) fprintf(stderr, "echo: %s\n", sio_strerror(r));
    sio_server_free(srv);
    return r < 0;
}
