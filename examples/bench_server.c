/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The server that the benchmarks measure: bench_server [PORT]
 *
 *   echo  is answered by the event echo with the same arguments;
 *   ack   is answered by its acknowledgement with the same arguments;
 *   cast  is answered by a broadcast of cast to every socket of the namespace, the sender included.
 *
 * All limits of the library are at their defaults.
 */
#include <signal.h>
#include <sio/sio.h>
#include <stdio.h>
#include <stdlib.h>

static sio_server *srv;

static void on_signal(int number) {
    (void)number;
    sio_server_stop(srv);
}

static void on_echo(sio_socket *s, sio_event *ev, void *user) {
    (void)user;
    sio_emit(s, "echo", "a", ev);
}

static void on_ack(sio_socket *s, sio_event *ev, void *user) {
    (void)s, (void)user;
    sio_event_reply(ev, "a", ev);
}

static void on_cast(sio_socket *s, sio_event *ev, void *user) {
    (void)user;
    sio_broadcast(sio_socket_ns(s), NULL, "cast", "a", ev);
}

int main(int argc, char **argv) {
    int port = argc > 1 ? atoi(argv[1]) : 3000;
    int r = sio_server_new(&srv, NULL);
    if (r < 0) {
        fprintf(stderr, "bench_server: %s\n", sio_strerror(r));
        return EXIT_FAILURE;
    }
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    sio_ns *root = sio_server_ns(srv, "/");
    sio_ns_on(root, "echo", on_echo, NULL);
    sio_ns_on(root, "ack", on_ack, NULL);
    sio_ns_on(root, "cast", on_cast, NULL);
    r = sio_server_listen(srv, NULL, (uint16_t)port);
    if (r == 0) {
        printf("listening %u\n", (unsigned)sio_server_port(srv));
        fflush(stdout);
        r = sio_server_run(srv);
    }
    if (r < 0) fprintf(stderr, "bench_server: %s\n", sio_strerror(r));
    sio_server_free(srv);
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
