/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Rooms, namespaces and middlewares: clients of every namespace "/team-NAME" join rooms and talk in
 * them. A token is asked for at connect.
 */
#include <sio/sio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check_token(sio_socket *s, sio_next *next, void *user) {
    (void)user;
    const char *token = sio_val_str(sio_val_get(sio_socket_auth(s), "token"), NULL);
    if (token && strcmp(token, "secret") == 0) {
        sio_next_ok(next);
    } else {
        sio_next_fail(next, "unauthorized", "{\"hint\":\"send auth.token\"}");
    }
}

static void on_join(sio_socket *s, sio_event *ev, void *user) {
    (void)user;
    const char *room = NULL;
    if (sio_event_unpack(ev, "s", &room) < 0) return;
    bool joined = sio_socket_join(s, SIO_ROOMS(room)) == 0;
    sio_event_reply(ev, "b", joined);
}

static void on_say(sio_socket *s, sio_event *ev, void *user) {
    (void)user;
    const char *room = NULL;
    const char *text = NULL;
    if (sio_event_unpack(ev, "ss", &room, &text) < 0 || !sio_socket_in(s, room)) return;
    sio_broadcast(sio_socket_ns(s), SIO_TO(.rooms = SIO_ROOMS(room), .but = s), "said", "{s:s,s:s}",
                  "from", sio_socket_id(s), "text", text);
}

static void on_disconnecting(sio_socket *s, int reason, int cause, void *user) {
    (void)cause, (void)user;
    for (size_t i = 1; sio_socket_room(s, i); i++) {
        sio_broadcast(sio_socket_ns(s), SIO_TO(.rooms = SIO_ROOMS(sio_socket_room(s, i)), .but = s),
                      "left", "ss", sio_socket_id(s), sio_reason_text(reason));
    }
}

int main(void) {
    sio_server *srv = NULL;
    int r = sio_server_new(&srv, SIO_SERVER_OPTIONS(.cleanup_empty_namespaces = true));
    if (r < 0) {
        fprintf(stderr, "rooms: %s\n", sio_strerror(r));
        return EXIT_FAILURE;
    }
    sio_ns *teams = sio_server_ns_match(srv, "^/team-[a-z]+$");
    sio_ns_use(teams, check_token, NULL);
    sio_ns_on(teams, "join", on_join, NULL);
    sio_ns_on(teams, "say", on_say, NULL);
    sio_ns_on_disconnecting(teams, on_disconnecting, NULL);
    r = sio_server_listen(srv, NULL, 3000);
    if (r == 0) r = sio_server_run(srv);
    if (r < 0) fprintf(stderr, "rooms: %s\n", sio_strerror(r));
    sio_server_free(srv);
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
