/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* A client: says hello to a server, and prints what it hears until Ctrl-C. Usage: client [URL] */
#include <signal.h>
#include <sio/sio.h>
#include <stdio.h>

static sio_client *client;

static void on_signal(int number) {
    (void)number;
    sio_client_stop(client); /* sio_client_run() returns once all is told */
}

static void on_connect(sio_socket *s, void *user) {
    (void)user;
    printf("connected as %s\n", sio_socket_id(s));
    sio_emit(s, "chat", "s", "hello from C");
}

static void on_connect_error(sio_socket *s, const sio_connect_error *error, void *user) {
    (void)s;
    (void)user;
    fprintf(stderr, "cannot connect: %s%s\n", error->message,
            error->active ? ", trying again" : "");
}

static void on_disconnect(sio_socket *s, int reason, int cause, void *user) {
    (void)s;
    (void)user;
    printf("disconnected: %s (%s)\n", sio_reason_text(reason), sio_cause_text(cause));
}

static void on_event(sio_socket *s, sio_event *ev, void *user) {
    size_t len = 0;
    const char *json = sio_event_json(ev, &len);
    (void)s;
    (void)user;
    printf("%s %.*s\n", sio_event_name(ev), (int)len, json);
}

int main(int argc, char **argv) {
    const char *url = argc > 1 ? argv[1] : "http://localhost:3000";
    int r = sio_client_new(&client, url, NULL);
    if (r == 0) {
        sio_socket *s = sio_client_socket(client, NULL, NULL);
        sio_socket_on_connect(s, on_connect, NULL);
        sio_socket_on_connect_error(s, on_connect_error, NULL);
        sio_socket_on_disconnect(s, on_disconnect, NULL);
        sio_socket_on_any(s, on_event, NULL);
        signal(SIGINT, on_signal);
        signal(SIGTERM, on_signal);
        r = sio_client_run(client);
    }
    if (r < 0) {
        fprintf(stderr, "client: %s\n", sio_strerror(r));
    }
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    sio_client_free(client);
    return r < 0 ? 1 : 0;
}
