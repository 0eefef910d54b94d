/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The server of the sessions in docs/guide/cli.md: guide_server [PORT]
 *
 *   history N          is answered with an array of the last N messages;
 *   upload NAME BYTES  is answered with the name and the size;
 *   later              is followed by three events, of which the last one wants an answer;
 *   echo               comes back with the same arguments.
 *
 * Into /admin come only those with the token "abc".
 */
#include <sio/sio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const history[] = {"Hello", "Is anybody there?"};
static const size_t history_count = sizeof history / sizeof history[0];

static void on_history(sio_socket *s, sio_event *ev, void *user) {
    (void)s, (void)user;
    unsigned n = 0;
    if (sio_event_unpack(ev, "u", &n) < 0 || n > history_count) n = (unsigned)history_count;
    sio_msg *m = NULL;
    if (sio_msg_new(&m, NULL) < 0) return;
    sio_msg_begin_array(m);
    for (size_t i = history_count - n; i < history_count; i++) {
        sio_msg_add_str(m, history[i], SIO_NUL);
    }
    sio_msg_end(m);
    sio_event_reply_msg(ev, m);
    sio_msg_unref(m);
}

static void on_upload(sio_socket *s, sio_event *ev, void *user) {
    (void)s, (void)user;
    const char *name = NULL;
    const void *bytes = NULL;
    size_t size = 0;
    if (sio_event_unpack(ev, "sB", &name, &bytes, &size) < 0) {
        sio_event_reply(ev, "{s:s}", "error", "a name and bytes, please");
        return;
    }
    sio_event_reply(ev, "{s:s,s:U}", "name", name, "size", (uint64_t)size);
}

static void on_answer(sio_socket *s, int status, sio_event *reply, void *user) {
    (void)user;
    size_t len = 0;
    const char *json = status == 0 ? sio_event_json(reply, &len) : "";
    printf("%s: %s%.*s\n", sio_socket_id(s), status < 0 ? sio_strerror(status) : "answered ",
           (int)len, json);
}

static void on_later(sio_socket *s, sio_event *ev, void *user) {
    (void)ev, (void)user;
    static const char picture[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10\0\0\0\x10\x08\x06\0\0";
    sio_emit(s, "news", "{s:s,s:i}", "title", "Hello", "id", 7);
    sio_emit(s, "thumbnail", "B", picture, sizeof picture - 1);
    sio_emit_ack(s, SIO_ACK(.fn = on_answer, .timeout_ms = 60000), "still there?", "");
}

static void on_echo(sio_socket *s, sio_event *ev, void *user) {
    (void)user;
    sio_emit(s, "echo", "a", ev);
}

static void check_token(sio_socket *s, sio_next *next, void *user) {
    (void)user;
    const char *token = sio_val_str(sio_val_get(sio_socket_auth(s), "token"), NULL);
    if (token && strcmp(token, "abc") == 0) {
        sio_next_ok(next);
    } else {
        sio_next_fail(next, "not authorized", "{\"code\":401}");
    }
}

int main(int argc, char **argv) {
    int port = argc > 1 ? atoi(argv[1]) : 3000;
    sio_server *srv = NULL;
    int r = sio_server_new(&srv, NULL);
    if (r < 0) {
        fprintf(stderr, "guide_server: %s\n", sio_strerror(r));
        return EXIT_FAILURE;
    }
    sio_ns *root = sio_server_ns(srv, "/");
    sio_ns_on(root, "history", on_history, NULL);
    sio_ns_on(root, "upload", on_upload, NULL);
    sio_ns_on(root, "later", on_later, NULL);
    sio_ns_on(root, "echo", on_echo, NULL);
    sio_ns_use(sio_server_ns(srv, "/admin"), check_token, NULL);
    r = sio_server_listen(srv, NULL, (uint16_t)port);
    if (r == 0) {
        setvbuf(stdout, NULL, _IOLBF, 0); /* lines show at once, in a file too */
        printf("listening on port %u\n", (unsigned)sio_server_port(srv));
        r = sio_server_run(srv);
    }
    if (r < 0) fprintf(stderr, "guide_server: %s\n", sio_strerror(r));
    sio_server_free(srv);
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
