/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Acknowledgements both ways: "add" is answered with the sum; every client is asked for its name
 * when it connects, and has five seconds to answer.
 */
#include <sio/sio.h>
#include <stdio.h>
#include <stdlib.h>

static void on_add(sio_socket *s, sio_event *ev, void *user) {
    (void)s, (void)user;
    double a, b;
    if (sio_event_unpack(ev, "ff", &a, &b) < 0) {
        sio_event_reply(ev, "{s:s}", "error", "two numbers, please");
        return;
    }
    sio_event_reply(ev, "{s:f}", "sum", a + b);
}

static void on_name(sio_socket *s, int status, sio_event *reply, void *user) {
    (void)user;
    const char *name = NULL;
    if (status < 0) {
        printf("%s did not say its name: %s\n", sio_socket_id(s), sio_strerror(status));
    } else if (sio_event_unpack(reply, "s", &name) == 0) {
        printf("%s is called %s\n", sio_socket_id(s), name);
    }
}

static void on_connect(sio_socket *s, void *user) {
    (void)user;
    sio_emit_ack(s, SIO_ACK(.fn = on_name, .timeout_ms = 5000), "your name?", "");
}

int main(void) {
    sio_server *srv = NULL;
    int r = sio_server_new(&srv, SIO_SERVER_OPTIONS(.cors = SIO_CORS(.origin = "*")));
    if (r < 0) {
        fprintf(stderr, "ack: %s\n", sio_strerror(r));
        return EXIT_FAILURE;
    }
    sio_ns *root = sio_server_ns(srv, "/");
    sio_ns_on_connect(root, on_connect, NULL);
    sio_ns_on(root, "add", on_add, NULL);
    r = sio_server_listen(srv, NULL, 3000);
    if (r == 0) r = sio_server_run(srv);
    if (r < 0) fprintf(stderr, "ack: %s\n", sio_strerror(r));
    sio_server_free(srv);
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
