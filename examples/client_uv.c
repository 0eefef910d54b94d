/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * A client on the program's own libuv loop, beside a timer and a signal handler of the program.
 * Usage: client_uv [URL]
 */
#include <sio/sio.h>
#include <sio/uv.h>
#include <stdio.h>

struct program {
    sio_client *client;
    sio_socket *socket;
    uv_timer_t ticker;
    uv_signal_t interrupt;
};

static void on_connect(sio_socket *s, void *user) {
    (void)user;
    printf("connected as %s\n", sio_socket_id(s));
}

static void on_connect_error(sio_socket *s, const sio_connect_error *error, void *user) {
    (void)s;
    (void)user;
    fprintf(stderr, "cannot connect: %s%s\n", error->message,
            error->active ? ", trying again" : "");
}

static void on_event(sio_socket *s, sio_event *ev, void *user) {
    size_t len = 0;
    const char *json = sio_event_json(ev, &len);
    (void)s;
    (void)user;
    printf("%s %.*s\n", sio_event_name(ev), (int)len, json);
}

static void on_tick(uv_timer_t *timer) {
    const struct program *p = timer->data;
    sio_emit_opt(p->socket, SIO_VOLATILE, "tick", "U", (uint64_t)uv_now(timer->loop));
}

/* The loop ends when the last of these has closed. */
static void on_interrupt(uv_signal_t *handle, int number) {
    struct program *p = handle->data;
    (void)number;
    uv_close((uv_handle_t *)&p->ticker, NULL);
    uv_close((uv_handle_t *)&p->interrupt, NULL);
    sio_client_close(p->client);
}

static void watch(struct program *p, uv_loop_t *loop) {
    uv_timer_init(loop, &p->ticker);
    uv_signal_init(loop, &p->interrupt);
    p->ticker.data = p;
    p->interrupt.data = p;
    uv_timer_start(&p->ticker, on_tick, 1000, 1000);
    uv_signal_start(&p->interrupt, on_interrupt, SIGINT);
}

int main(int argc, char **argv) {
    const char *url = argc > 1 ? argv[1] : "http://localhost:3000";
    struct program p = {.client = NULL};
    uv_loop_t *loop = uv_default_loop();
    int r = sio_client_new(&p.client, url, NULL);
    if (r == 0) r = sio_client_attach_uv(p.client, loop); /* before the first socket */
    p.socket = sio_client_socket(p.client, NULL, NULL);
    if (r == 0) r = sio_socket_on_connect(p.socket, on_connect, NULL);
    if (r == 0) r = sio_socket_on_connect_error(p.socket, on_connect_error, NULL);
    if (r == 0) r = sio_socket_on_any(p.socket, on_event, NULL);
    if (r == 0) {
        watch(&p, loop);
        uv_run(loop, UV_RUN_DEFAULT);
    } else {
        fprintf(stderr, "client_uv: %s\n", sio_strerror(r));
    }
    sio_client_free(p.client);
    uv_run(loop, UV_RUN_DEFAULT); /* its handles close */
    uv_loop_close(loop);
    return r < 0 ? 1 : 0;
}
