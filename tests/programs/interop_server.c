/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The server that the interoperability tests drive: flags, namespaces and events are those of
 * tests/interop/SERVER.md.
 */
#include <sio/sio.h>
#include <sio/uv.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engineio/sid.h"
#include "starve.h"

#define EXIT_USAGE 64
#define NAMES_MAX  64 /* rooms of one selection, and sockets or answers of one reply */
#define LATER_MS   20 /* "later" in SERVER.md */

static sio_server *server;
static uv_loop_t loop;
static uv_signal_t terminate;

static void check(int r, const char *what) {
    if (r < 0) {
        fprintf(stderr, "interop_server: %s: %s\n", what, sio_strerror(r));
        exit(EXIT_FAILURE);
    }
}

static void *must(void *p) {
    check(p != NULL ? 0 : SIO_ERR_NOMEM, "memory");
    return p;
}

/* ---- something to be done later ---- */

struct later {
    uv_timer_t timer;
    void (*fn)(struct later *later);
    sio_next *next;
    char *message; /* refusal; NULL: accepted */
    const char *data;
    bool refuse;
    sio_socket *socket;
    sio_msg *msg;
};

static void on_later_closed(uv_handle_t *handle) {
    struct later *later = handle->data;
    free(later->message);
    free(later);
}

static void on_later(uv_timer_t *timer) {
    struct later *later = timer->data;
    later->fn(later);
    uv_close((uv_handle_t *)timer, on_later_closed);
}

static struct later *do_later(void (*fn)(struct later *later)) {
    struct later *later = must(calloc(1, sizeof *later));
    later->fn = fn;
    later->timer.data = later;
    check(uv_timer_init(&loop, &later->timer), "timer");
    check(uv_timer_start(&later->timer, on_later, LATER_MS, 0), "timer");
    return later;
}

static void decide(sio_next *next, bool refuse, const char *message, const char *data) {
    if (refuse) {
        sio_next_fail(next, message, data);
    } else {
        sio_next_ok(next);
    }
}

static void decide_now(struct later *later) {
    decide(later->next, later->refuse, later->message, later->data);
}

static void decide_later(sio_next *next, bool refuse, const char *message, const char *data) {
    struct later *later = do_later(decide_now);
    later->next = next;
    later->refuse = refuse;
    later->message = message != NULL ? must(strdup(message)) : NULL;
    later->data = data;
}

/* ---- messages ---- */

/* NULL when out of memory, see starve.h; all that takes a message puts up with it. */
static sio_msg *new_msg(const char *event) {
    sio_msg *m = NULL;
    (void)sio_msg_new(&m, event);
    return m;
}

static void add_args(sio_msg *m, const sio_event *ev, size_t from) {
    for (size_t i = from; i < sio_event_count(ev); i++) {
        sio_msg_add_val(m, sio_event_arg(ev, i));
    }
}

static void add_items(sio_msg *m, const sio_val *array) {
    sio_val_iter it = {0};
    for (const sio_val *v = sio_val_next(array, &it); v != NULL; v = sio_val_next(array, &it)) {
        sio_msg_add_val(m, v);
    }
}

static void add_text(sio_msg *m, const char *text) {
    if (text != NULL) {
        sio_msg_add_str(m, text, SIO_NUL);
    } else {
        sio_msg_add_null(m);
    }
}

static void add_error(sio_msg *m, int status) {
    add_text(m, status < 0 ? sio_strerror(status) : NULL);
}

/* A message for the event that an argument names, with the items of another one. */
static sio_msg *msg_of(const sio_event *ev, size_t name_at) {
    const char *name = sio_val_str(sio_event_arg(ev, name_at), NULL);
    sio_msg *m = new_msg(name != NULL ? name : "");
    add_items(m, sio_event_arg(ev, name_at + 1));
    return m;
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add_sorted(sio_msg *m, const char *const *names, size_t count) {
    const char **sorted = must(calloc(count + 1, sizeof *sorted));
    memcpy(sorted, names, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, by_name);
    sio_msg_begin_array(m);
    for (size_t i = 0; i < count; i++) {
        sio_msg_add_str(m, sorted[i], SIO_NUL);
    }
    sio_msg_end(m);
    free(sorted);
}

/* ---- selections ---- */

struct selection {
    const char *rooms[NAMES_MAX + 1];
    const char *except[NAMES_MAX + 1];
    sio_to to;
    int timeout_ms; /* 0: none */
};

/* The strings of an array, or one string. @return false when there are none */
static bool read_names(const sio_val *v, const char *names[NAMES_MAX + 1]) {
    size_t count = 0;
    const char *one = sio_val_str(v, NULL);
    if (one != NULL) {
        names[count++] = one;
    }
    sio_val_iter it = {0};
    for (const sio_val *e = sio_val_next(v, &it); e != NULL && count < NAMES_MAX;
         e = sio_val_next(v, &it)) {
        const char *name = sio_val_str(e, NULL);
        if (name != NULL) {
            names[count++] = name;
        }
    }
    names[count] = NULL;
    return count > 0;
}

static bool is_true(const sio_val *v) {
    bool value = false;
    (void)sio_val_bool(v, &value);
    return value;
}

static void read_selection(const sio_val *opts, struct selection *ret) {
    int64_t timeout = 0;
    (void)sio_val_int(sio_val_get(opts, "timeout"), &timeout);
    *ret = (struct selection){.to = {.size = sizeof(sio_to)}, .timeout_ms = (int)timeout};
    if (read_names(sio_val_get(opts, "to"), ret->rooms)) {
        ret->to.rooms = ret->rooms;
    }
    if (read_names(sio_val_get(opts, "except"), ret->except)) {
        ret->to.except = ret->except;
    }
    ret->to.flags = (is_true(sio_val_get(opts, "volatile")) ? SIO_VOLATILE : 0u) |
                    (is_true(sio_val_get(opts, "local")) ? SIO_LOCAL : 0u);
}

/* ---- the common events ---- */

static void on_echo(sio_socket *s, sio_event *ev, void *user) {
    (void)user;
    (void)sio_emit(s, "echo", "a", ev);
}

static void on_ack(sio_socket *s, sio_event *ev, void *user) {
    (void)s;
    (void)user;
    (void)sio_event_reply(ev, "a", ev);
}

static void on_twice(sio_socket *s, sio_event *ev, void *user) {
    (void)s;
    (void)user;
    (void)sio_event_reply(ev, "s", "first");
    (void)sio_event_reply(ev, "s", "second");
}

static void on_cast(sio_socket *s, sio_event *ev, void *user) {
    (void)user;
    (void)sio_broadcast(sio_socket_ns(s), NULL, "cast", "a", ev);
}

static void on_tell(sio_socket *s, sio_event *ev, void *user) {
    (void)user;
    struct selection selection;
    read_selection(sio_event_arg(ev, 0), &selection);
    selection.to.but = s;
    sio_msg *m = msg_of(ev, 1);
    (void)sio_broadcast_msg(sio_socket_ns(s), &selection.to, m);
    sio_msg_unref(m);
    (void)sio_event_reply(ev, "");
}

static void on_answer(sio_socket *s, int status, sio_event *reply, void *user) {
    (void)s;
    sio_msg *m = new_msg(NULL);
    add_error(m, status);
    sio_msg_begin_array(m);
    add_args(m, reply, 0);
    sio_msg_end(m);
    (void)sio_ack_reply_msg(user, m);
    sio_msg_unref(m);
}

static void on_ask(sio_socket *s, sio_event *ev, void *user) {
    (void)user;
    int64_t timeout = 0;
    (void)sio_val_int(sio_event_arg(ev, 0), &timeout);
    sio_ack *ack = sio_event_take_ack(ev);
    sio_msg *m = msg_of(ev, 1);
    if (sio_emit_ack_msg(s, SIO_ACK(.fn = on_answer, .user = ack, .timeout_ms = (uint32_t)timeout),
                         m) < 0) {
        sio_ack_free(ack);
    }
    sio_msg_unref(m);
}

static void on_burst(sio_socket *s, sio_event *ev, void *user) {
    (void)user;
    int count = 0;
    (void)sio_event_unpack(ev, "i", &count);
    for (int i = 0; i < count; i++) {
        (void)sio_emit(s, "burst", "i", i);
    }
}

static void on_volatile(sio_socket *s, sio_event *ev, void *user) {
    (void)user;
    int count = 0;
    (void)sio_event_unpack(ev, "i", &count);
    for (int i = 0; i < count; i++) {
        (void)sio_emit_opt(s, SIO_VOLATILE, "volatile", "i", i);
    }
    (void)sio_emit(s, "volatile-end", "");
}

static void on_join_or_leave(sio_socket *s, sio_event *ev, void *user) {
    (void)user;
    const char *rooms[NAMES_MAX + 1];
    (void)read_names(sio_event_arg(ev, 0), rooms);
    if (strcmp(sio_event_name(ev), "join") == 0) {
        (void)sio_socket_join(s, rooms);
    } else {
        sio_socket_leave(s, rooms);
    }
    (void)sio_event_reply(ev, "");
}

static void on_rooms(sio_socket *s, sio_event *ev, void *user) {
    (void)user;
    size_t count = sio_socket_room_count(s);
    const char **rooms = must(calloc(count + 1, sizeof *rooms));
    for (size_t i = 0; i < count; i++) {
        rooms[i] = sio_socket_room(s, i);
    }
    sio_msg *m = new_msg(NULL);
    add_sorted(m, rooms, count);
    (void)sio_event_reply_msg(ev, m);
    sio_msg_unref(m);
    free(rooms);
}

static void on_handshake(sio_socket *s, sio_event *ev, void *user) {
    (void)user;
    const sio_request *req = sio_socket_request(s);
    char query[256];
    bool has_query = sio_request_query(req, "q", query, sizeof query) >= 0;
    sio_msg *m = new_msg(NULL);
    sio_msg_begin_object(m);
    sio_msg_key(m, "auth");
    const sio_val *auth = sio_socket_auth(s);
    (void)(auth != NULL ? sio_msg_add_val(m, auth) : sio_msg_add_json(m, "{}", SIO_NUL));
    sio_msg_key(m, "query");
    add_text(m, has_query ? query : NULL);
    sio_msg_key(m, "header");
    add_text(m, sio_request_header(req, "x-test"));
    sio_msg_key(m, "url");
    sio_msg_add_str(m, sio_request_url(req), SIO_NUL);
    sio_msg_key(m, "address");
    sio_msg_add_str(m, sio_request_address(req), SIO_NUL);
    sio_msg_key(m, "secure");
    sio_msg_add_bool(m, sio_request_secure(req));
    sio_msg_key(m, "xdomain");
    sio_msg_add_bool(m, sio_request_cross_domain(req));
    sio_msg_end(m);
    (void)sio_event_reply_msg(ev, m);
    sio_msg_unref(m);
}

static void on_kick(sio_socket *s, sio_event *ev, void *user) {
    (void)user;
    sio_socket_disconnect(s, is_true(sio_event_arg(ev, 0)));
}

static void add_common(sio_ns *ns) {
    static const struct {
        const char *name;
        sio_event_fn fn;
    } events[] = {{"echo", on_echo},          {"ack", on_ack},
                  {"twice", on_twice},        {"cast", on_cast},
                  {"tell", on_tell},          {"ask", on_ask},
                  {"burst", on_burst},        {"volatile", on_volatile},
                  {"join", on_join_or_leave}, {"leave", on_join_or_leave},
                  {"rooms", on_rooms},        {"handshake", on_handshake},
                  {"kick", on_kick}};
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        check(sio_ns_on(ns, events[i].name, events[i].fn, NULL), "handler");
    }
}

/* ---- namespaces ---- */

static void announce(sio_socket *s, void *user) {
    (void)user;
    printf("connect %s %s\n", sio_ns_name(sio_socket_ns(s)), sio_socket_id(s));
}

static void announce_end(sio_socket *s, int reason, int cause, void *user) {
    (void)cause;
    (void)user;
    printf("disconnect %s %s %s\n", sio_ns_name(sio_socket_ns(s)), sio_socket_id(s),
           sio_reason_text(reason));
}

static sio_ns *announced(sio_ns *ns) {
    check(sio_ns_on_connect(must(ns), announce, NULL), "handler");
    check(sio_ns_on_disconnect(ns, announce_end, NULL), "handler");
    return ns;
}

static sio_ns *common(sio_ns *ns) {
    add_common(announced(ns));
    return ns;
}

static void check_token(sio_socket *s, sio_next *next, void *user) {
    (void)user;
    const char *token = sio_val_str(sio_val_get(sio_socket_auth(s), "token"), NULL);
    token = token != NULL ? token : "";
    bool late = strcmp(token, "later") == 0 || strcmp(token, "later-bad") == 0;
    bool good = strcmp(token, "good") == 0 || strcmp(token, "later") == 0;
    bool bad = strcmp(token, "bad") == 0 || strcmp(token, "later-bad") == 0;
    const char *message = bad ? "not authorized" : "token missing";
    const char *data = bad ? "{\"code\":401,\"why\":[\"bad token\"]}" : NULL;
    if (late) {
        decide_later(next, !good, message, data);
    } else {
        decide(next, !good, message, data);
    }
}

static void check_second(sio_socket *s, sio_next *next, void *user) {
    (void)user;
    decide(next, is_true(sio_val_get(sio_socket_auth(s), "second")), "refused by the second", NULL);
}

static void send_welcome(sio_socket *s, void *user) {
    (void)user;
    (void)sio_emit(s, "welcome", "v?", sio_socket_auth(s));
}

static void send_hello(sio_socket *s, void *user) {
    (void)user;
    (void)sio_emit(s, "hello", "s", sio_ns_name(sio_socket_ns(s)));
}

static int forbid(sio_socket *s, sio_event *ev, void *user) {
    (void)s;
    (void)user;
    return strcmp(sio_event_name(ev), "forbidden") == 0 ? SIO_ERR_REFUSED : 0;
}

static void send_refused(sio_socket *s, int status, const char *message, void *user) {
    (void)message;
    (void)user;
    if (status == SIO_ERR_REFUSED) {
        (void)sio_emit(s, "refused", "s", "event forbidden");
    }
}

static void emit_now(struct later *later) {
    (void)sio_emit_msg(later->socket, 0, later->msg);
    sio_msg_unref(later->msg);
    sio_socket_unref(later->socket);
}

/* Middlewares for events decide at once: it is the handler that waits. */
static void on_later_event(sio_socket *s, sio_event *ev, void *user) {
    (void)user;
    struct later *later = do_later(emit_now);
    later->socket = sio_socket_ref(s);
    later->msg = new_msg("later");
    add_args(later->msg, ev, 0);
}

static void on_any(sio_socket *s, sio_event *ev, void *user) {
    (void)user;
    sio_msg *m = new_msg("any");
    sio_msg_add_str(m, sio_event_name(ev), SIO_NUL);
    sio_msg_begin_array(m);
    add_args(m, ev, 0);
    sio_msg_end(m);
    (void)sio_emit_msg(s, 0, m);
    sio_msg_unref(m);
}

static void check_name(const char *name, const sio_val *auth, sio_next *next, void *user) {
    (void)user;
    bool refuse = strncmp(name, "/dyn-", 5) != 0 || !is_true(sio_val_get(auth, "allow"));
    if (is_true(sio_val_get(auth, "later"))) {
        decide_later(next, refuse, NULL, NULL);
    } else {
        decide(next, refuse, NULL, NULL);
    }
}

/* ---- /control: the first argument is a namespace, the second a selection ---- */

static sio_ns *ns_of(const sio_event *ev) {
    return sio_server_ns(server, sio_val_str(sio_event_arg(ev, 0), NULL));
}

static void on_answers(int status, const sio_answers *answers, void *user) {
    sio_msg *m = new_msg(NULL);
    add_error(m, status);
    sio_msg_begin_array(m);
    for (size_t i = 0; i < sio_answers_count(answers); i++) {
        sio_msg_add_val(m, sio_answers_at(answers, i));
    }
    sio_msg_end(m);
    (void)sio_ack_reply_msg(user, m);
    sio_msg_unref(m);
}

/* A broadcast for answers takes a format: the items of an array, up to five. */
static int ask_many(sio_ns *ns, const struct selection *selection, const sio_event *ev,
                    sio_ack *ack) {
    static const char *const formats[] = {"", "v", "vv", "vvv", "vvvv", "vvvvv"};
    const sio_val *args = sio_event_arg(ev, 3);
    size_t count = sio_val_count(args);
    if (count >= sizeof formats / sizeof formats[0]) {
        return SIO_ERR_INVALID;
    }
    return sio_broadcast_ack(ns, &selection->to, (uint32_t)selection->timeout_ms, on_answers, ack,
                             sio_val_str(sio_event_arg(ev, 2), NULL), formats[count],
                             sio_val_at(args, 0), sio_val_at(args, 1), sio_val_at(args, 2),
                             sio_val_at(args, 3), sio_val_at(args, 4));
}

static void control_emit(sio_socket *s, sio_event *ev, void *user) {
    (void)s;
    (void)user;
    struct selection selection;
    read_selection(sio_event_arg(ev, 1), &selection);
    if (selection.timeout_ms > 0) {
        sio_ack *ack = sio_event_take_ack(ev);
        if (ask_many(ns_of(ev), &selection, ev, ack) < 0) {
            sio_ack_free(ack);
        }
        return;
    }
    sio_msg *m = msg_of(ev, 2);
    (void)sio_broadcast_msg(ns_of(ev), &selection.to, m);
    sio_msg_unref(m);
    (void)sio_event_reply(ev, "n[]");
}

static int by_id(const void *a, const void *b) {
    return strcmp(((const sio_socket_info *)a)->id, ((const sio_socket_info *)b)->id);
}

static void on_fetched(int status, const sio_socket_info *sockets, size_t count, void *user) {
    (void)status;
    sio_socket_info *sorted = must(calloc(count + 1, sizeof *sorted));
    if (count > 0) {
        memcpy(sorted, sockets, count * sizeof *sorted);
    }
    qsort(sorted, count, sizeof *sorted, by_id);
    sio_msg *m = new_msg(NULL);
    sio_msg_begin_array(m);
    for (size_t i = 0; i < count; i++) {
        sio_msg_begin_object(m);
        sio_msg_key(m, "id");
        sio_msg_add_str(m, sorted[i].id, SIO_NUL);
        sio_msg_key(m, "rooms");
        add_sorted(m, sorted[i].rooms, sorted[i].room_count);
        sio_msg_end(m);
    }
    sio_msg_end(m);
    (void)sio_ack_reply_msg(user, m);
    sio_msg_unref(m);
    free(sorted);
}

static void control_fetch(sio_socket *s, sio_event *ev, void *user) {
    (void)s;
    (void)user;
    struct selection selection;
    read_selection(sio_event_arg(ev, 1), &selection);
    sio_ack *ack = sio_event_take_ack(ev);
    if (sio_ns_fetch(ns_of(ev), &selection.to, on_fetched, ack) < 0) {
        sio_ack_free(ack);
    }
}

/* Joins, leaves or drops a selection; `user` is the name of the event. */
static void control_change(sio_socket *s, sio_event *ev, void *user) {
    (void)s;
    struct selection selection;
    const char *rooms[NAMES_MAX + 1];
    read_selection(sio_event_arg(ev, 1), &selection);
    (void)read_names(sio_event_arg(ev, 2), rooms);
    if (strcmp(user, "join") == 0) {
        (void)sio_ns_join(ns_of(ev), &selection.to, rooms);
    } else if (strcmp(user, "leave") == 0) {
        (void)sio_ns_leave(ns_of(ev), &selection.to, rooms);
    } else {
        (void)sio_ns_disconnect(ns_of(ev), &selection.to, is_true(sio_event_arg(ev, 2)));
    }
    (void)sio_event_reply(ev, "");
}

static void control_sockets(sio_socket *s, sio_event *ev, void *user) {
    (void)s;
    (void)user;
    const sio_ns *ns = sio_server_find_ns(server, sio_val_str(sio_event_arg(ev, 0), NULL));
    (void)sio_event_reply(ev, ns != NULL ? "U" : "n", (uint64_t)sio_ns_count(ns));
}

static void control_sessions(sio_socket *s, sio_event *ev, void *user) {
    (void)s;
    (void)user;
    sio_stats stats = {.size = sizeof stats};
    sio_server_stats(server, &stats);
    (void)sio_event_reply(ev, "U", stats.sessions);
}

static void close_all(void) {
    if (sio_server_close(server, NULL, NULL) == 0) {
        uv_close((uv_handle_t *)&terminate, NULL);
    }
}

static void control_close(sio_socket *s, sio_event *ev, void *user) {
    (void)s;
    (void)ev;
    (void)user;
    close_all();
}

static void add_control(sio_ns *ns) {
    check(sio_ns_on(ns, "emit", control_emit, NULL), "handler");
    check(sio_ns_on(ns, "fetch", control_fetch, NULL), "handler");
    check(sio_ns_on(ns, "join", control_change, "join"), "handler");
    check(sio_ns_on(ns, "leave", control_change, "leave"), "handler");
    check(sio_ns_on(ns, "drop", control_change, "drop"), "handler");
    check(sio_ns_on(ns, "sockets", control_sockets, NULL), "handler");
    check(sio_ns_on(ns, "sessions", control_sessions, NULL), "handler");
    check(sio_ns_on(ns, "close", control_close, NULL), "handler");
}

static void add_namespaces(void) {
    common(sio_server_ns(server, "/"));
    common(sio_server_ns(server, "/chat"));
    sio_ns *auth = common(sio_server_ns(server, "/auth"));
    check(sio_ns_use(auth, check_token, NULL), "middleware");
    check(sio_ns_use(auth, check_second, NULL), "middleware");
    check(sio_ns_on_connect(auth, send_welcome, NULL), "handler");
    sio_ns *guarded = common(sio_server_ns(server, "/guarded"));
    check(sio_ns_use_event(guarded, forbid, NULL), "middleware");
    check(sio_ns_on_error(guarded, send_refused, NULL), "handler");
    check(sio_ns_on(guarded, "later", on_later_event, NULL), "handler");
    check(sio_ns_on_any(announced(sio_server_ns(server, "/any")), on_any, NULL), "handler");
    check(
        sio_ns_on_connect(common(sio_server_ns_match(server, "^/room-[0-9]+$")), send_hello, NULL),
        "handler");
    check(
        sio_ns_on_connect(common(sio_server_ns_check(server, check_name, NULL)), send_hello, NULL),
        "handler");
    add_control(announced(sio_server_ns(server, "/control")));
}

/* ---- hooks of the engine ---- */

static void allow(const sio_request *req, sio_next *next, void *user) {
    (void)user;
    const char *now = sio_request_header(req, "x-reject");
    const char *late = sio_request_header(req, "x-reject-later");
    const char *refusal = now != NULL ? now : late;
    const char *message = refusal != NULL && *refusal != '\0' ? refusal : NULL;
    bool is_late = late != NULL || sio_request_header(req, "x-allow-later") != NULL;
    (is_late ? decide_later : decide)(next, refusal != NULL, message, NULL);
}

static int generate_id(const sio_request *req, char *buffer, size_t size, void *user) {
    (void)user;
    static struct rand_pool random;
    static uint32_t counter;
    char own[SID_CHARS + 1];
    const char *id = sio_request_header(req, "x-id");
    if (id == NULL) {
        check(sio__sid_new(&random, &counter, own), "random bytes");
        id = own;
    } else if (strcmp(id, "fail") == 0) {
        return SIO_ERR_REFUSED;
    }
    snprintf(buffer, size, "%s", id);
    return 0;
}

static void add_header(sio_headers *headers, const sio_request *req, void *user) {
    (void)req;
    (void)sio_headers_set(headers, user, "yes");
}

/* ---- flags ---- */

struct flags {
    sio_server_options options;
    sio_cors cors;
    sio_cookie cookie;
    char origins[1024]; /* of all --cors */
    const char *transports;
    uint32_t port;
    bool allow_request;
    bool generate_id;
    bool headers;
};

enum flag_kind { FLAG_SWITCH, FLAG_NUMBER, FLAG_SIZE, FLAG_TEXT, FLAG_ORIGIN };

#define FLAG(kind, name, member)                                                                   \
    { name, FLAG_##kind, offsetof(struct flags, member) }

static const struct flag {
    const char *name;
    enum flag_kind kind;
    size_t at; /* in struct flags */
} all_flags[] = {
    FLAG(NUMBER, "--port", port),
    FLAG(TEXT, "--path", options.path),
    FLAG(SWITCH, "--no-trailing-slash", options.no_trailing_slash),
    FLAG(NUMBER, "--ping-interval", options.ping_interval_ms),
    FLAG(NUMBER, "--ping-timeout", options.ping_timeout_ms),
    FLAG(NUMBER, "--upgrade-timeout", options.upgrade_timeout_ms),
    FLAG(NUMBER, "--connect-timeout", options.connect_timeout_ms),
    FLAG(SIZE, "--max-payload", options.max_payload_bytes),
    FLAG(TEXT, "--transports", transports),
    FLAG(SWITCH, "--no-upgrade", options.no_upgrade),
    FLAG(ORIGIN, "--cors", origins),
    FLAG(SWITCH, "--cors-credentials", cors.credentials),
    FLAG(TEXT, "--cors-methods", cors.methods),
    FLAG(TEXT, "--cors-allow-headers", cors.headers),
    FLAG(TEXT, "--cors-expose-headers", cors.expose),
    FLAG(NUMBER, "--cors-max-age", cors.max_age_s),
    FLAG(TEXT, "--cookie", cookie.name),
    FLAG(SWITCH, "--allow-request", allow_request),
    FLAG(TEXT, "--initial-packet", options.initial_packet),
    FLAG(SWITCH, "--generate-id", generate_id),
    FLAG(SWITCH, "--headers", headers),
    FLAG(SWITCH, "--cleanup-empty", options.cleanup_empty_namespaces),
    FLAG(SIZE, "--http-compression-threshold", options.compression_threshold_bytes),
    FLAG(SWITCH, "--no-http-compression", options.no_compression),
    FLAG(SWITCH, "--no-serve-client", options.no_client),
};

static const struct flag *find_flag(const char *name) {
    for (size_t i = 0; i < sizeof all_flags / sizeof all_flags[0]; i++) {
        if (strcmp(name, all_flags[i].name) == 0) {
            return &all_flags[i];
        }
    }
    fprintf(stderr, "interop_server: unknown flag %s\n", name);
    exit(EXIT_USAGE);
}

static void add_origin(struct flags *f, const char *origin) {
    size_t len = strlen(f->origins);
    snprintf(f->origins + len, sizeof f->origins - len, "%s%s", len > 0 ? " " : "", origin);
}

static void set_flag(struct flags *f, const struct flag *flag, const char *value) {
    void *at = (char *)f + flag->at;
    switch (flag->kind) {
    case FLAG_SWITCH: *(bool *)at = true; break;
    case FLAG_NUMBER: *(uint32_t *)at = (uint32_t)strtoul(value, NULL, 10); break;
    case FLAG_SIZE: *(size_t *)at = strtoul(value, NULL, 10); break;
    case FLAG_TEXT: *(const char **)at = value; break;
    case FLAG_ORIGIN: add_origin(f, value); break;
    }
}

static void apply(struct flags *f) {
    sio_server_options *o = &f->options;
    f->cors.size = sizeof f->cors;
    f->cookie.size = sizeof f->cookie;
    f->cors.origin = f->origins;
    o->cors = f->origins[0] != '\0' ? &f->cors : NULL;
    o->cookie = f->cookie.name != NULL ? &f->cookie : NULL;
    o->allow_request = f->allow_request ? allow : NULL;
    o->generate_id = f->generate_id ? generate_id : NULL;
    o->on_initial_headers = f->headers ? add_header : NULL;
    o->on_initial_headers_user = "x-initial";
    o->on_headers = f->headers ? add_header : NULL;
    o->on_headers_user = "x-every";
    if (f->transports != NULL) {
        o->transports = (strstr(f->transports, "polling") != NULL ? SIO_POLLING : 0u) |
                        (strstr(f->transports, "websocket") != NULL ? SIO_WEBSOCKET : 0u);
    }
}

static void read_flags(struct flags *f, char **argv) {
    sio_server_options_init(&f->options);
    while (*argv != NULL) {
        const struct flag *flag = find_flag(*argv++);
        if (flag->kind != FLAG_SWITCH && *argv == NULL) {
            fprintf(stderr, "interop_server: %s needs a value\n", flag->name);
            exit(EXIT_USAGE);
        }
        set_flag(f, flag, flag->kind != FLAG_SWITCH ? *argv++ : NULL);
    }
    apply(f);
}

/* ---- main ---- */

static void on_terminate(uv_signal_t *handle, int number) {
    (void)handle;
    (void)number;
    close_all();
}

static void listen_on(uint16_t port) {
    check(sio_server_listen(server, "127.0.0.1", port), "127.0.0.1");
    int r = sio_server_listen(server, "::1", sio_server_port(server));
    if (r != UV_EADDRNOTAVAIL && r != UV_EAFNOSUPPORT) { /* a machine without IPv6 is fine */
        check(r, "::1");
    }
}

int main(int argc, char **argv) {
    (void)argc;
    struct flags flags = {0};
    starve_init();
    read_flags(&flags, argv + 1);
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    check(uv_loop_init(&loop), "loop");
    check(sio_server_new(&server, &flags.options), "server");
    add_namespaces();
    check(sio_server_attach_uv(server, &loop), "loop");
    listen_on((uint16_t)flags.port);
    check(uv_signal_init(&loop, &terminate), "signal");
    check(uv_signal_start(&terminate, on_terminate, SIGTERM), "signal");
    printf("listening %u\n", (unsigned)sio_server_port(server));
    starve_begin();
    uv_run(&loop, UV_RUN_DEFAULT);
    sio_server_free(server);
    check(uv_loop_close(&loop), "loop");
    return EXIT_SUCCESS;
}
