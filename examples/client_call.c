/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * A simple program that asks a server and waits: the client runs on a thread of its own.
 * Usage: client_call [URL [EVENT [TEXT]]]
 */
#include <sio/sio.h>
#include <stdio.h>

int main(int argc, char **argv) {
    const char *url = argc > 1 ? argv[1] : "http://localhost:3000";
    const char *event = argc > 2 ? argv[2] : "ack";
    const char *text = argc > 3 ? argv[3] : "hello";
    sio_client *client = NULL;
    sio_event *reply = NULL;
    int r = sio_client_new(&client, url, NULL);
    sio_socket *s = sio_client_socket(client, NULL, NULL);
    if (r == 0) {
        r = sio_client_start(client);
    }
    if (r == 0) {
        r = sio_socket_call(s, 5000, &reply, event, "s", text);
    }
    if (r == 0) {
        size_t len = 0;
        const char *json = sio_event_json(reply, &len);
        printf("%.*s\n", (int)len, json);
    } else {
        fprintf(stderr, "client_call: %s\n", sio_strerror(r));
    }
    sio_event_free(reply);
    sio_client_free(client);
    return r < 0 ? 1 : 0;
}
