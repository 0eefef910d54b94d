/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "support/life.h"

#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <sio/error.h>

/* Far above what anything takes. */
#define DEADLINE_MS 20000

/* Freeing must not take longer; a slow machine with a checker needs some of it. */
#define FREE_MAX_MS 1000

/* libuv closes descriptors without the checker's knowledge: it takes the next use of the number for
 * a race. The names are those of the functions that it puts in place of the system's. */
const char *__tsan_default_suppressions(void) __attribute__((visibility("default")));
const char *__tsan_default_suppressions(void) {
    return "race:interceptor_accept4$\nrace:interceptor_epoll_create1$\n"
           "race:interceptor_eventfd$\nrace:interceptor_pipe2$\nrace:interceptor_socket$\n"
           "race:interceptor_open$\nrace:interceptor_closedir$\nrace:interceptor_close$\n";
}

int64_t life_now_ms(void) {
    struct timespec now;
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- the server ---- */

static void on_echo(sio_socket *s, sio_event *ev, void *user) {
    (void)s;
    (void)user;
    sio_msg *msg = NULL;
    if (sio_event_wants_ack(ev) && sio_msg_new(&msg, NULL) == 0) {
        for (size_t i = 0; i < sio_event_count(ev); i++) {
            (void)sio_msg_add_val(msg, sio_event_arg(ev, i));
        }
        (void)sio_event_reply_msg(ev, msg);
    }
    sio_msg_unref(msg);
}

static void on_event_back(sio_socket *s, sio_event *ev, void *user) {
    (void)user;
    const char *text = "";
    (void)sio_event_unpack(ev, "s", &text);
    (void)sio_emit(s, "event", "s", text);
}

static void on_kick(sio_socket *s, sio_event *ev, void *user) {
    (void)ev;
    (void)user;
    sio_socket_disconnect(s, false);
}

static void refuse(sio_socket *s, sio_next *next, void *user) {
    (void)s;
    (void)user;
    sio_next_fail(next, "refused", NULL);
}

static void wait_for_ever(sio_socket *s, sio_next *next, void *user) {
    struct life_server *server = user;
    (void)s;
    sio_next_ok(server->next);
    server->next = next;
    server->asked++;
}

static void *serve(void *arg) {
    struct life_server *server = arg;
    (void)sio_server_run(server->server);
    return NULL;
}

void life_server_start(struct life_server *server) {
    memset(server, 0, sizeof *server);
    assert_int_equal(
        sio_server_new(&server->server, SIO_SERVER_OPTIONS(.log_level = SIO_LOG_NONE,
                                                           .max_payload_bytes = LIFE_TOO_BIG)),
        0);
    sio_ns *root = sio_server_ns(server->server, "/");
    assert_int_equal(sio_ns_on(root, "echo", on_echo, NULL), 0);
    assert_int_equal(sio_ns_on(root, "event", on_event_back, NULL), 0);
    assert_int_equal(sio_ns_on(root, "kick", on_kick, NULL), 0);
    assert_int_equal(sio_ns_use(sio_server_ns(server->server, "/refused"), refuse, NULL), 0);
    assert_int_equal(sio_ns_use(sio_server_ns(server->server, "/slow"), wait_for_ever, server), 0);
    assert_int_equal(sio_server_listen(server->server, "127.0.0.1", 0), 0);
    (void)snprintf(server->url, sizeof server->url, "http://127.0.0.1:%u",
                   (unsigned)sio_server_port(server->server));
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void close_server(sio_server *s, void *arg) {
    struct life_server *server = arg;
    sio_next_ok(server->next);
    server->next = NULL;
    (void)sio_server_close(s, NULL, NULL);
}

void life_server_stop(struct life_server *server) {
    while (sio_server_post(server->server, close_server, server) == SIO_ERR_CLOSED) {
        sched_yield(); /* it does not run yet */
    }
    assert_int_equal(pthread_join(server->thread, NULL), 0);
    sio_server_free(server->server);
}

/* ---- the mute server ---- */

#define STUB_CONNS 16
#define STUB_INPUT 4096

struct stub_conn {
    int fd;
    size_t len;
    char in[STUB_INPUT + 1];
};

static void stub_answer(const struct life_stub *stub, int fd) {
    char body[256];
    char answer[512];
    (void)snprintf(body, sizeof body,
                   "0{\"sid\":\"abc\",\"upgrades\":[%s],\"pingInterval\":25000,"
                   "\"pingTimeout\":500,\"maxPayload\":1000000}",
                   stub->kind == LIFE_STUB_UPGRADE ? "\"websocket\"" : "");
    int n = snprintf(answer, sizeof answer,
                     "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nContent-Type: text/plain\r\n\r\n%s",
                     strlen(body), body);
    (void)!send(fd, answer, (size_t)n, MSG_NOSIGNAL);
}

/* A head has come, or, without HTTP, anything. */
static void stub_take(struct life_stub *stub, struct stub_conn *c) {
    if (stub->kind == LIFE_STUB_MUTE) {
        stub->reached = true;
        return;
    }
    if (strstr(c->in, "\r\n\r\n") == NULL) {
        return;
    }
    if (strstr(c->in, "sid=") == NULL) {
        stub_answer(stub, c->fd);
    } else if (strstr(c->in, stub->kind == LIFE_STUB_UPGRADE ? "transport=websocket" : "POST")) {
        stub->reached = true;
    }
    c->len = 0;
}

/* @return false at the end of the connection */
static bool stub_read(struct life_stub *stub, struct stub_conn *c) {
    ssize_t n = recv(c->fd, c->in + c->len, STUB_INPUT - c->len, 0);
    if (n <= 0) {
        return false;
    }
    c->len += (size_t)n;
    c->in[c->len] = '\0';
    stub_take(stub, c);
    c->len = c->len == STUB_INPUT ? 0 : c->len;
    return true;
}

static void *serve_mutely(void *arg) {
    struct life_stub *stub = arg;
    struct stub_conn *conns = calloc(STUB_CONNS, sizeof *conns);
    struct pollfd fds[STUB_CONNS + 2] = {{.fd = stub->stop[0], .events = POLLIN},
                                         {.fd = stub->fd, .events = POLLIN}};
    for (int i = 0; i < STUB_CONNS; i++) {
        fds[i + 2] = (struct pollfd){.fd = -1, .events = POLLIN};
    }
    while (conns != NULL && poll(fds, STUB_CONNS + 2, -1) > 0 && fds[0].revents == 0) {
        for (int i = 0; i < STUB_CONNS; i++) {
            if (fds[i + 2].fd >= 0 && fds[i + 2].revents != 0 && !stub_read(stub, &conns[i])) {
                close(fds[i + 2].fd);
                fds[i + 2].fd = -1;
            }
            if (fds[i + 2].fd < 0 && fds[1].revents != 0) {
                conns[i].fd = fds[i + 2].fd = accept(stub->fd, NULL, NULL);
                conns[i].len = 0;
                fds[1].revents = 0;
            }
            fds[i + 2].revents = 0;
        }
    }
    for (int i = 0; i < STUB_CONNS; i++) {
        if (fds[i + 2].fd >= 0) {
            close(fds[i + 2].fd);
        }
    }
    free(conns);
    return NULL;
}

void life_stub_start(struct life_stub *stub, enum life_stub_kind kind) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    memset(stub, 0, sizeof *stub);
    stub->kind = kind;
    stub->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(stub->fd >= 0);
    assert_int_equal(bind(stub->fd, (const struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(stub->fd, (struct sockaddr *)&address, &len), 0);
    assert_int_equal(listen(stub->fd, 100), 0);
    assert_int_equal(pipe(stub->stop), 0);
    stub->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&stub->thread, NULL, serve_mutely, stub), 0);
}

void life_stub_stop(struct life_stub *stub) {
    assert_int_equal(write(stub->stop[1], "", 1), 1);
    assert_int_equal(pthread_join(stub->thread, NULL), 0);
    close(stub->stop[0]);
    close(stub->stop[1]);
    close(stub->fd);
}

/* ---- actions ---- */

static void free_client(struct life *l) {
    int64_t begin = life_now_ms();
    pthread_mutex_lock(&l->lock); /* nobody posts any more */
    bool is_first = !atomic_exchange(&l->freeing, true);
    pthread_mutex_unlock(&l->lock);
    if (!is_first) {
        return;
    }
    sio_client_free(l->client);
    l->free_ms = life_now_ms() - begin;
    l->freed_by = pthread_self();
    atomic_store(&l->over, true);
}

/* On a thread that may do it. */
static void perform(struct life *l, enum life_action action) {
    switch (action) {
    case LIFE_FREE: free_client(l); break;
    case LIFE_CLOSE: (void)sio_client_close(l->client); break;
    case LIFE_CLOSE_AND_FREE:
        (void)sio_client_close(l->client);
        free_client(l);
        break;
    case LIFE_DISCONNECT: sio_socket_disconnect(l->s, false); break;
    case LIFE_RECONNECT:
        sio_socket_disconnect(l->s, false);
        (void)sio_socket_connect(l->s);
        break;
    case LIFE_REOPEN:
        (void)sio_client_close(l->client);
        (void)sio_client_open(l->client);
        break;
    default: break;
    }
}

/* Every callback begins with this. @return false when nothing more may be done in it */
static bool note(struct life *l, int callback) {
    if (atomic_load(&l->over)) {
        l->late++;
        return false;
    }
    int count = atomic_fetch_add(&l->counts[callback], 1) + 1;
    if (callback == l->act_on && count == l->act_at) {
        perform(l, l->action);
    }
    return !atomic_load(&l->over);
}

/* ---- callbacks ---- */

static void on_ack(sio_socket *s, int status, sio_event *reply, void *user) {
    struct life *l = user;
    (void)s;
    (void)status;
    (void)reply;
    l->told++;
    (void)note(l, LIFE_ON_ACK);
}

static void ask(struct life *l, sio_socket *s, const char *event) {
    const sio_ack_options ack = {.size = sizeof ack, .fn = on_ack, .user = l, .timeout_ms = 5};
    if (sio_emit_ack(s, &ack, event, "s", "text") >= 0) {
        l->asked++;
    }
}

/* Something of everything that an application does. */
static void be_busy(struct life *l, sio_socket *s) {
    static const char big[2 * LIFE_TOO_BIG];
    int round = atomic_load(&l->counts[LIFE_ON_CONNECT]);
    ask(l, s, "echo");
    ask(l, s, "silent");
    (void)sio_emit(s, "event", "s", "hello");
    if (round % 3 == 1) {
        (void)sio_emit(s, "event", "B", big, sizeof big);
    } else if (round % 3 == 2) {
        (void)sio_emit(s, "kick", "");
    }
}

static void on_connect(sio_socket *s, void *user) {
    struct life *l = user;
    if (note(l, LIFE_ON_CONNECT) && l->busy) {
        be_busy(l, s);
    }
}

static void on_connect_error(sio_socket *s, const sio_connect_error *error, void *user) {
    (void)s;
    (void)error;
    (void)note(user, LIFE_ON_CONNECT_ERROR);
}

static void on_disconnect(sio_socket *s, int reason, int cause, void *user) {
    struct life *l = user;
    (void)cause;
    if (note(l, LIFE_ON_DISCONNECT) && l->busy && reason == SIO_REASON_IO_SERVER_DISCONNECT) {
        (void)sio_socket_connect(s);
    }
}

static void on_event(sio_socket *s, sio_event *ev, void *user) {
    (void)s;
    (void)ev;
    (void)note(user, LIFE_ON_EVENT);
}

static void on_any(sio_socket *s, sio_event *ev, void *user) {
    (void)s;
    (void)ev;
    (void)note(user, LIFE_ON_ANY);
}

static void on_any_outgoing(sio_socket *s, sio_event *ev, void *user) {
    (void)s;
    (void)ev;
    (void)note(user, LIFE_ON_ANY_OUTGOING);
}

static void on_auth(sio_socket *s, sio_auth_request *request, void *user) {
    struct life *l = user;
    (void)s;
    bool lives = note(l, LIFE_ON_AUTH);
    if (lives && l->keep_auth && l->auth == NULL) {
        l->auth = request;
    } else {
        (void)sio_auth_give(request, "{\"token\":\"x\"}");
    }
}

static void on_trace(sio_client *client, bool sent, const char *transport, const void *data,
                     size_t len, bool binary, void *user) {
    (void)client;
    (void)sent;
    (void)transport;
    (void)data;
    (void)len;
    (void)binary;
    (void)note(user, LIFE_ON_TRACE);
}

static void on_post(sio_client *client, void *arg) {
    (void)client;
    (void)note(arg, LIFE_ON_POST);
}

static void on_notice(sio_client *client, const sio_notice *notice, void *user) {
    struct life *l = user;
    (void)client;
    if (note(l, LIFE_ON_NOTICE + notice->kind) && notice->kind == SIO_NOTICE_OPEN) {
        (void)sio_client_post(l->client, on_post, l);
    }
}

static void on_log(int level, const char *component, const char *message, void *user) {
    struct life *l = user;
    if (getenv("SIO_TEST_LOG") != NULL) {
        (void)fprintf(stderr, "%s %s %s\n", sio_log_level_name(level), component, message);
    }
    if (atomic_load(&l->over)) {
        l->late++;
    }
}

/* ---- life ---- */

void life_begin(struct life *l, enum life_mode mode, const char *url,
                const sio_client_options *options) {
    memset(l, 0, sizeof *l);
    l->mode = mode;
    l->free_ms = -1;
    assert_int_equal(pthread_mutex_init(&l->lock, NULL), 0);
    sio_client_options o = {.size = sizeof o};
    if (options != NULL) {
        o = *options;
    }
    o.log = on_log;
    o.log_user = l;
    o.log_level = SIO_LOG_DEBUG;
    o.proxy = o.proxy != NULL ? o.proxy : "";
    assert_int_equal(sio_client_new(&l->client, url, &o), 0);
    sio_client_on_notice(l->client, on_notice, l);
    sio_client_on_trace(l->client, on_trace, l);
    if (mode == LIFE_LOOP) {
        assert_int_equal(uv_loop_init(&l->loop), 0);
        assert_int_equal(sio_client_attach_uv(l->client, &l->loop), 0);
        l->has_begun = true;
    }
    sio_socket_options so = {.size = sizeof so};
    if (o.socket != NULL) {
        so = *o.socket;
    }
    if (so.auth == NULL) {
        so.auth_fn = on_auth;
        so.auth_user = l;
    }
    l->s = sio_socket_ref(sio_client_socket(l->client, NULL, &so));
    assert_non_null(l->s);
    assert_int_equal(sio_socket_on_connect(l->s, on_connect, l), 0);
    assert_int_equal(sio_socket_on_connect_error(l->s, on_connect_error, l), 0);
    assert_int_equal(sio_socket_on_disconnect(l->s, on_disconnect, l), 0);
    assert_int_equal(sio_socket_on(l->s, "event", on_event, l), 0);
    assert_int_equal(sio_socket_on_any(l->s, on_any, l), 0);
    assert_int_equal(sio_socket_on_any_outgoing(l->s, on_any_outgoing, l), 0);
}

static void *run(void *arg) {
    struct life *l = arg;
    atomic_store(&l->run_result, sio_client_run(l->client));
    atomic_store(&l->run_ended, true);
    return NULL;
}

void life_run(struct life *l) {
    l->has_begun = true;
    if (l->mode == LIFE_THREAD) {
        assert_int_equal(sio_client_start(l->client), 0);
    } else if (l->mode == LIFE_RUN) {
        assert_int_equal(pthread_create(&l->runner, NULL, run, l), 0);
    } else if (l->mode == LIFE_TICK) {
        assert_int_equal(sio_client_tick(l->client), 0);
    }
}

static void do_deed(sio_client *client, void *arg) {
    struct life *l = arg;
    (void)client;
    perform(l, (enum life_action)atomic_load(&l->deed));
}

/* On the thread of sio_client_run(). */
static void post(struct life *l, enum life_action action) {
    pthread_mutex_lock(&l->lock);
    if (!atomic_load(&l->freeing)) {
        atomic_store(&l->deed, (int)action);
        assert_int_equal(sio_client_post(l->client, do_deed, l), 0);
    }
    pthread_mutex_unlock(&l->lock);
}

void life_act(struct life *l, enum life_action action) {
    bool frees = action == LIFE_FREE || action == LIFE_CLOSE_AND_FREE;
    bool runs = l->mode == LIFE_RUN && l->has_begun && !atomic_load(&l->run_ended);
    if (atomic_load(&l->over)) {
        return;
    }
    if (runs) {
        post(l, action);
    } else {
        perform(l, action);
    }
    while (frees && !atomic_load(&l->over)) {
        (void)poll(NULL, 0, 1);
        if (runs && atomic_load(&l->run_ended)) {
            perform(l, action); /* it came too late for the loop */
        }
    }
}

void life_turn(struct life *l) {
    if (l->mode == LIFE_LOOP) {
        struct pollfd fd = {.fd = uv_backend_fd(&l->loop), .events = POLLIN};
        uv_run(&l->loop, UV_RUN_NOWAIT);
        (void)poll(&fd, 1, 1);
    } else if (l->mode == LIFE_TICK && !atomic_load(&l->over)) {
        assert_int_equal(sio_client_tick(l->client), 0);
        if (!atomic_load(&l->over)) {
            struct pollfd fd = {.fd = sio_client_fd(l->client), .events = POLLIN};
            int timeout = sio_client_timeout(l->client);
            (void)poll(&fd, 1, timeout < 0 || timeout > 1 ? 1 : timeout);
        }
    } else {
        (void)poll(NULL, 0, 1);
    }
}

void life_wait(struct life *l, bool (*condition)(struct life *l)) {
    int64_t begin = life_now_ms();
    while (!condition(l)) {
        life_turn(l);
        assert_true(life_now_ms() - begin < DEADLINE_MS);
    }
}

void life_wait_count(struct life *l, int callback, int count) {
    int64_t begin = life_now_ms();
    while (atomic_load(&l->counts[callback]) < count) {
        life_turn(l);
        if (life_now_ms() - begin >= DEADLINE_MS) {
            print_error("callback %d came %d times instead of %d\n", callback,
                        atomic_load(&l->counts[callback]), count);
            fail();
        }
    }
}

/* What may be done with a socket whose client is gone. */
static void check_held(struct life *l) {
    const sio_ack_options ack = {.size = sizeof ack, .fn = on_ack, .user = l};
    sio_event *reply = NULL;
    assert_int_equal(sio_emit(l->s, "echo", "s", "text"), SIO_ERR_CLOSED);
    assert_int_equal(sio_emit_ack(l->s, &ack, "echo", ""), SIO_ERR_CLOSED);
    assert_int_equal(sio_socket_connect(l->s), SIO_ERR_CLOSED);
    assert_int_equal(sio_socket_call(l->s, 0, &reply, "echo", ""), SIO_ERR_CLOSED);
    assert_null(reply);
    sio_socket_disconnect(l->s, false);
    sio_socket_disconnect(l->s, true);
    assert_int_equal(sio_socket_nsp(l->s)[0], '/');
    if (l->mode == LIFE_THREAD && !pthread_equal(l->freed_by, pthread_self())) {
        return; /* its thread may still be there: the rest is not for others */
    }
    assert_int_equal(sio_socket_pending_bytes(l->s), 0);
    assert_false(sio_socket_connected(l->s));
    assert_false(sio_socket_active(l->s));
    assert_string_equal(sio_socket_id(l->s), "");
    assert_string_equal(sio_socket_transport(l->s), "");
    assert_null(sio_socket_client(l->s));
    assert_int_equal(sio_socket_off(l->s, NULL, NULL), 0);
    assert_int_equal(sio_socket_on(l->s, "event", on_event, l), SIO_ERR_INVALID);
}

void life_end(struct life *l) {
    life_act(l, LIFE_FREE);
    if (l->mode == LIFE_RUN && l->has_begun) {
        assert_int_equal(pthread_join(l->runner, NULL), 0);
    }
    if (l->mode == LIFE_LOOP) {
        uv_run(&l->loop, UV_RUN_DEFAULT);
        assert_int_equal(uv_loop_close(&l->loop), 0);
    }
    check_held(l);
    if (l->helper != NULL) {
        assert_int_equal(pthread_join(*l->helper, NULL), 0);
    }
    if (l->auth != NULL) {
        (void)sio_auth_give(l->auth, "{}");
    }
    sio_socket_unref(l->s);
    assert_int_equal(l->late, 0);
    assert_in_range(l->free_ms, 0, FREE_MAX_MS);
    assert_true(l->told <= l->asked);
    pthread_mutex_destroy(&l->lock);
}
