/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "support/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <sio/error.h>

/* Far above what anything takes, under valgrind too: nobody waits for it but a test that fails. */
#define PATIENCE_MS 20000

/* After so long without anything that moves nothing will. */
#define REST_MS 5

/* ---- log ---- */

static void on_log(int level, const char *component, const char *message, void *user) {
    struct harness *h = user;
    char line[1024];
    int n =
        snprintf(line, sizeof line, "%s %s %s\n", sio_log_level_name(level), component, message);
    size_t len = (size_t)n < sizeof line ? (size_t)n : sizeof line - 1;
    if (getenv("SIO_TEST_LOG") != NULL) {
        (void)fputs(line, stderr);
    }
    if (h->log_len + len + 1 > h->log_cap) {
        h->log_cap = 2 * (h->log_cap + len + 1);
        h->log = realloc(h->log, h->log_cap);
        assert_non_null(h->log);
    }
    memcpy(h->log + h->log_len, line, len);
    h->log_len += len;
    h->log[h->log_len] = '\0';
}

bool harness_logged(const struct harness *h, const char *text) {
    return h->log != NULL && strstr(h->log, text) != NULL;
}

/* ---- life ---- */

static void on_ready(uv_poll_t *poll, int status, int events) {
    struct harness *h = poll->data;
    struct epoll_event event;
    (void)events;
    assert_int_equal(status, 0);
    /* One at a time: what is called may close the others. */
    for (int i = 0; i < 64 && epoll_wait(h->epoll, &event, 1, 0) == 1; i++) {
        struct harness_watch *w = event.data.ptr;
        h->activity++;
        w->fn(w, event.events);
    }
}

static void on_time(uv_timer_t *timer) {
    struct harness *h = timer->data;
    h->expired = true;
}

static void init_loop(struct harness *h) {
    assert_int_equal(uv_loop_init(&h->loop), 0);
    h->epoll = epoll_create1(EPOLL_CLOEXEC);
    assert_true(h->epoll >= 0);
    assert_int_equal(uv_poll_init(&h->loop, &h->poll, h->epoll), 0);
    assert_int_equal(uv_timer_init(&h->loop, &h->timer), 0);
    h->poll.data = h;
    h->timer.data = h;
    assert_int_equal(uv_poll_start(&h->poll, UV_READABLE, on_ready), 0);
    uv_unref((uv_handle_t *)&h->poll);
    uv_unref((uv_handle_t *)&h->timer);
}

static void done_loop(struct harness *h) {
    uv_close((uv_handle_t *)&h->poll, NULL);
    uv_close((uv_handle_t *)&h->timer, NULL);
    uv_run(&h->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&h->loop), 0);
    close(h->epoll);
    free(h->log);
    h->log = NULL;
}

int harness_try_init(struct harness *h, const sio_server_options *options) {
    sio_server_options o;
    *h = (struct harness){.patient = true};
    sio_server_options_init(&o);
    if (options != NULL) {
        o = *options;
    }
    if (o.log == NULL) {
        o.log = on_log;
        o.log_user = h;
    }
    init_loop(h);
    int r = sio_server_new(&h->server, &o);
    if (r == 0) {
        r = sio_server_attach_uv(h->server, &h->loop);
    }
    if (r == 0 && sio_server_ns(h->server, "/") == NULL) {
        r = SIO_ERR_NOMEM;
    }
    if (r < 0) {
        harness_done(h);
    }
    return r;
}

void harness_init(struct harness *h, const sio_server_options *options) {
    assert_int_equal(harness_try_init(h, options), 0);
}

int harness_try_listen(struct harness *h) {
    int r = sio_server_listen(h->server, "127.0.0.1", 0);
    h->port = r == 0 ? sio_server_port(h->server) : 0;
    return r;
}

void harness_listen(struct harness *h) {
    assert_int_equal(harness_try_listen(h), 0);
    assert_int_not_equal(h->port, 0);
}

static void on_closed(sio_server *server, void *user) {
    struct harness *h = user;
    assert_ptr_equal(server, h->server);
    h->closed = true;
}

static bool has_closed(void *arg) {
    const struct harness *h = arg;
    return h->closed;
}

void harness_close(struct harness *h) {
    if (h->server == NULL) {
        return;
    }
    h->patient = true;
    h->may_have_lost = NULL;
    if (sio_server_close(h->server, on_closed, h) == 0) {
        assert_true(harness_wait(h, has_closed, h));
    }
    sio_server_free(h->server);
    h->server = NULL;
}

void harness_done(struct harness *h) {
    harness_close(h);
    done_loop(h);
}

/* ---- waiting ---- */

static void start_timer(struct harness *h, uint64_t ms) {
    uv_update_time(&h->loop);
    h->expired = false;
    /* Repeated: uv_run() may find it due before it sleeps, and must not sleep long then. */
    uv_timer_start(&h->timer, on_time, ms, REST_MS);
    uv_ref((uv_handle_t *)&h->timer);
}

static void stop_timer(struct harness *h) {
    uv_timer_stop(&h->timer);
    uv_unref((uv_handle_t *)&h->timer);
}

static bool is_patient(const struct harness *h) {
    return h->patient && (h->may_have_lost == NULL || !h->may_have_lost());
}

static uint64_t now_ms(void) {
    return uv_hrtime() / 1000000;
}

bool harness_wait(struct harness *h, bool (*done)(void *arg), void *arg) {
    size_t activity = h->activity;
    uint64_t moved = now_ms();
    bool waiting = true;
    start_timer(h, REST_MS);
    while (waiting && !done(arg)) {
        /* What is queued is done before the loop sleeps, and may be what is waited for. */
        uv_run(&h->loop, UV_RUN_NOWAIT);
        if (done(arg)) {
            break;
        }
        uv_run(&h->loop, UV_RUN_ONCE);
        uint64_t now = now_ms();
        if (h->activity != activity) {
            activity = h->activity;
            moved = now;
        }
        waiting = now - moved < (is_patient(h) ? PATIENCE_MS : REST_MS);
    }
    stop_timer(h);
    return done(arg);
}

struct counted {
    const size_t *counter;
    size_t value;
};

static bool has_counted(void *arg) {
    const struct counted *c = arg;
    return *c->counter >= c->value;
}

void harness_wait_count_at(struct harness *h, const size_t *counter, size_t value, const char *file,
                           int line) {
    struct counted c = {counter, value};
    if (!harness_wait(h, has_counted, &c)) {
        print_error("%s:%d: waited for %zu, and got %zu\n", file, line, value, *counter);
        _fail(file, line);
    }
}

void harness_turn(struct harness *h) {
    for (int i = 0; i < 4; i++) {
        uv_run(&h->loop, UV_RUN_NOWAIT);
    }
}

static bool never(void *arg) {
    (void)arg;
    return false;
}

void harness_settle(struct harness *h) {
    bool patient = h->patient;
    h->patient = false;
    (void)harness_wait(h, never, NULL);
    h->patient = patient;
}

void harness_pass_ms(struct harness *h, uint64_t ms) {
    start_timer(h, ms);
    while (!h->expired) {
        uv_run(&h->loop, UV_RUN_ONCE);
    }
    stop_timer(h);
}

/* ---- what the server tells ---- */

sio_stats harness_stats(const struct harness *h) {
    sio_stats stats = {.size = sizeof stats};
    sio_server_stats(h->server, &stats);
    return stats;
}

uint64_t harness_cause(const struct harness *h, int cause) {
    return harness_stats(h).causes[cause];
}

struct awaited_cause {
    const struct harness *h;
    int cause;
};

static bool was_counted(void *arg) {
    const struct awaited_cause *a = arg;
    return harness_cause(a->h, a->cause) > 0;
}

void harness_wait_cause_at(struct harness *h, int cause, const char *file, int line) {
    struct awaited_cause a = {h, cause};
    if (!harness_wait(h, was_counted, &a)) {
        print_error("%s:%d: waited for cause %s\n", file, line, sio_cause_name(cause));
        _fail(file, line);
    }
}

static void on_connect(sio_socket *s, void *user) {
    struct harness *h = user;
    h->seen.connects++;
    (void)snprintf(h->seen.last_id, sizeof h->seen.last_id, "%s", sio_socket_id(s));
}

static void on_disconnect(sio_socket *s, int reason, int cause, void *user) {
    struct harness *h = user;
    (void)s;
    h->seen.disconnects++;
    h->seen.reason = reason;
    h->seen.cause = cause;
}

static void on_error(sio_socket *s, int status, const char *message, void *user) {
    struct harness *h = user;
    (void)s;
    (void)status;
    h->seen.errors++;
    (void)snprintf(h->seen.error, sizeof h->seen.error, "%s", message != NULL ? message : "");
}

static void on_drain(sio_socket *s, void *user) {
    struct harness *h = user;
    (void)s;
    h->seen.drains++;
}

sio_ns *harness_root(struct harness *h) {
    sio_ns *root = sio_server_ns(h->server, "/");
    assert_non_null(root);
    return root;
}

void harness_observe(struct harness *h, sio_ns *ns) {
    assert_int_equal(sio_ns_on_connect(ns, on_connect, h), 0);
    assert_int_equal(sio_ns_on_disconnect(ns, on_disconnect, h), 0);
    assert_int_equal(sio_ns_on_error(ns, on_error, h), 0);
    assert_int_equal(sio_ns_on_drain(ns, on_drain, h), 0);
}

/* ---- for clients ---- */

static void control(struct harness *h, struct harness_watch *w, int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = w};
    assert_int_equal(epoll_ctl(h->epoll, operation, w->fd, &event), 0);
}

void harness_watch(struct harness *h, struct harness_watch *w, uint32_t events) {
    control(h, w, EPOLL_CTL_ADD, events);
}

void harness_rewatch(struct harness *h, struct harness_watch *w, uint32_t old_events,
                     uint32_t events) {
    if (events == old_events) {
        return;
    }
    if (events == 0) {
        control(h, w, EPOLL_CTL_DEL, 0);
    } else {
        control(h, w, old_events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, events);
    }
}
