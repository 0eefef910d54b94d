/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* Sockets: their state, rooms and selections, and what callbacks may do to them. */
#include "support/client.h"

#include <sio/adapter.h>
#include <stdio.h>
#include <string.h>

#include <sio/error.h>

struct fixture {
    struct harness h;
    sio_ns *root;
    size_t count; /* calls of what a test looks at */
    int r;        /* result of what a callback did */
    char text[256];
};

static struct fixture *begin(const sio_server_options *options) {
    static struct fixture f;
    f = (struct fixture){.count = 0};
    harness_init(&f.h, options);
    f.root = harness_root(&f.h);
    return &f;
}

static void listen_observed(struct fixture *f) {
    harness_observe(&f->h, f->root);
    harness_echo(f->root);
    harness_listen(&f->h);
}

static void end(struct fixture *f) {
    harness_done(&f->h);
}

static sio_socket *socket_of(struct fixture *f, const struct client *c) {
    sio_socket *s = sio_ns_find(f->root, c->socket_sid);
    assert_non_null(s);
    return s;
}

/* ---- life ---- */

static void count_destroyed(void *user) {
    size_t *count = user;
    (*count)++;
}

static void user_data_is_destroyed_once(void **state) {
    (void)state;
    size_t first = 0;
    size_t second = 0;
    struct fixture *f = begin(NULL);
    listen_observed(f);
    struct client *c = client_join_root(&f->h);
    sio_socket *s = socket_of(f, c);
    assert_null(sio_socket_user(s));
    sio_socket_set_user(s, &first, count_destroyed);
    assert_ptr_equal(sio_socket_user(s), &first);
    sio_socket_set_user(s, &second, count_destroyed);
    assert_int_equal(first, 1);
    assert_int_equal(second, 0);
    client_close(c);
    harness_wait_count(&f->h, &f->h.seen.disconnects, 1);
    harness_settle(&f->h);
    assert_int_equal(first, 1);
    assert_int_equal(second, 1);
    c = client_join_root(&f->h);
    sio_socket_set_user(socket_of(f, c), &first, count_destroyed);
    end(f); /* closing destroys it, too */
    assert_int_equal(first, 2);
    client_close(c);
}

static void references_outlive_the_connection(void **state) {
    (void)state;
    size_t destroyed = 0;
    struct fixture *f = begin(NULL);
    listen_observed(f);
    struct client *c = client_join_root(&f->h);
    sio_socket *s = socket_of(f, c);
    sio_socket_set_user(s, &destroyed, count_destroyed);
    assert_ptr_equal(sio_socket_ref(s), s);
    assert_ptr_equal(sio_socket_ref(s), s);
    client_close(c);
    harness_wait_count(&f->h, &f->h.seen.disconnects, 1);
    harness_settle(&f->h);
    assert_int_equal(destroyed, 0);
    assert_int_equal(sio_emit(s, "x", ""), SIO_ERR_CLOSED);
    sio_socket_unref(s);
    assert_ptr_equal(sio_socket_user(s), &destroyed);
    assert_int_equal(destroyed, 0);
    sio_socket_unref(s);
    assert_int_equal(destroyed, 1);
    end(f);
}

static void references_keep_removed_namespaces(void **state) {
    (void)state;
    struct fixture *f = begin(SIO_SERVER_OPTIONS(.cleanup_empty_namespaces = true));
    sio_ns *parent = sio_server_ns_match(f->h.server, "^/dyn$");
    harness_observe(&f->h, parent);
    harness_listen(&f->h);
    struct client *c = client_open(&f->h, SIO_WEBSOCKET);
    client_join(c, "/dyn");
    sio_socket *s =
        sio_socket_ref(sio_ns_find(sio_server_find_ns(f->h.server, "/dyn"), c->socket_sid));
    assert_non_null(s);
    client_close(c);
    harness_wait_count(&f->h, &f->h.seen.disconnects, 1);
    harness_settle(&f->h);
    assert_null(sio_server_find_ns(f->h.server, "/dyn"));
    assert_string_equal(sio_ns_name(sio_socket_ns(s)), "/dyn");
    assert_int_equal(sio_broadcast(sio_socket_ns(s), NULL, "x", ""), 0);
    sio_socket_unref(s);
    end(f);
}

static void data_is_one_value(void **state) {
    (void)state;
    struct fixture *f = begin(NULL);
    listen_observed(f);
    struct client *c = client_join_root(&f->h);
    sio_socket *s = socket_of(f, c);
    assert_string_equal(sio_socket_data(s), "{}");
    assert_int_equal(sio_socket_set_data(s, "{s:s,s:[ii]}", "name", "Ada", "at", 1, 2), 0);
    assert_string_equal(sio_socket_data(s), "{\"name\":\"Ada\",\"at\":[1,2]}");
    assert_int_equal(sio_socket_set_data(s, "q"), SIO_ERR_FORMAT);
    assert_int_equal(sio_socket_set_data(s, "s", "\xff"), SIO_ERR_INVALID);
    assert_int_equal(sio_socket_set_data(s, "B", "ab", (size_t)2), SIO_ERR_INVALID);
    assert_int_equal(sio_socket_set_data(s, "ii", 1, 2), SIO_ERR_FORMAT);
    assert_int_equal(sio_socket_set_data(s, ""), SIO_ERR_FORMAT);
    assert_string_equal(sio_socket_data(s),
                        "{\"name\":\"Ada\",\"at\":[1,2]}"); /* errors change nothing */
    assert_int_equal(sio_socket_set_data(s, "i", 7), 0);
    assert_string_equal(sio_socket_data(s), "7");
    assert_int_equal(sio_socket_set_data(s, NULL), 0);
    assert_string_equal(sio_socket_data(s), "{}");
    client_close(c);
    end(f);
}

static void requests_may_be_forgotten(void **state) {
    (void)state;
    char value[32];
    struct fixture *f = begin(NULL);
    listen_observed(f);
    struct client *c = client_join_root(&f->h);
    sio_socket *s = socket_of(f, c);
    assert_int_equal(sio_request_query(sio_socket_request(s), "transport", value, sizeof value), 9);
    assert_string_equal(value, "websocket");
    sio_socket_forget_request(s);
    assert_null(sio_socket_request(s));
    sio_socket_forget_request(s);
    client_expect_alive(c);
    client_close(c);
    end(f);
}

static void payloads_of_connects_are_read(void **state) {
    (void)state;
    struct fixture *f = begin(NULL);
    listen_observed(f);
    struct client *c = client_open(&f->h, SIO_WEBSOCKET);
    assert_true(client_send(c, "40{\"token\":\"t\",\"n\":[1]}"));
    assert_non_null(client_receive(c));
    sio_socket *s = sio_ns_find(f->root, f->h.seen.last_id);
    assert_string_equal(sio_val_str(sio_val_get(sio_socket_auth(s), "token"), NULL), "t");
    assert_int_equal(sio_val_count(sio_val_get(sio_socket_auth(s), "n")), 1);
    struct client *without = client_join_root(&f->h);
    assert_null(sio_socket_auth(socket_of(f, without)));
    client_close(c);
    client_close(without);
    end(f);
}

static void transports_are_named(void **state) {
    (void)state;
    struct fixture *f = begin(NULL);
    listen_observed(f);
    struct client *c = client_open(&f->h, SIO_POLLING);
    client_join(c, "/");
    sio_socket *s = socket_of(f, c);
    assert_string_equal(sio_socket_transport(s), "polling");
    assert_true(client_upgrade(c));
    client_expect_alive(c);
    assert_string_equal(sio_socket_transport(s), "websocket");
    assert_true(sio_socket_connected(s));
    client_close(c);
    end(f);
}

/* ---- rooms and selections ---- */

static void rooms_are_listed(void **state) {
    (void)state;
    struct fixture *f = begin(NULL);
    listen_observed(f);
    struct client *c = client_join_root(&f->h);
    sio_socket *s = socket_of(f, c);
    assert_int_equal(sio_socket_room_count(s), 1);
    assert_string_equal(sio_socket_room(s, 0), c->socket_sid);
    assert_int_equal(sio_socket_join(s, SIO_ROOMS("a", "b", "", "a")), 0);
    assert_int_equal(sio_socket_room_count(s), 4);
    assert_true(sio_socket_in(s, "a") && sio_socket_in(s, "b") && sio_socket_in(s, ""));
    assert_null(sio_socket_room(s, 4));
    assert_int_equal(sio_ns_room_count(f->root, "a"), 1);
    assert_int_equal(sio_ns_room_count(f->root, c->socket_sid), 1);
    assert_int_equal(harness_stats(&f->h).rooms, 3);
    sio_socket_leave(s, SIO_ROOMS("b", "none", "b"));
    assert_false(sio_socket_in(s, "b"));
    sio_socket_leave(s, SIO_ROOMS(c->socket_sid));
    assert_false(sio_socket_in(s, c->socket_sid));
    assert_int_equal(sio_socket_room_count(s), 2);
    assert_int_equal(sio_broadcast(f->root, SIO_TO(.rooms = SIO_ROOMS(c->socket_sid)), "x", ""), 0);
    assert_int_equal(sio_socket_join(s, SIO_ROOMS(c->socket_sid)), 0);
    assert_true(sio_socket_in(s, c->socket_sid));
    client_close(c);
    harness_wait_count(&f->h, &f->h.seen.disconnects, 1);
    assert_int_equal(harness_stats(&f->h).rooms, 0);
    end(f);
}

#define SELECTED 5

struct selection {
    const char *title;
    const char *rooms[4]; /* "*" as the first: everybody */
    const char *except[3];
    int but;               /* index of a client, -1 for nobody */
    const char *receivers; /* digits of the clients that are meant */
};

/* Client 0 is in a; 1 in a and b; 2 in b; 3 in c; 4 in none. */
static const struct selection selections[] = {
    {"everybody", {"*"}, {NULL}, -1, "01234"},
    {"one room", {"a"}, {NULL}, -1, "01"},
    {"union of rooms, each once", {"a", "b"}, {NULL}, -1, "012"},
    {"a room twice", {"c", "c"}, {NULL}, -1, "3"},
    {"no such room", {"z"}, {NULL}, -1, ""},
    {"no room at all", {NULL}, {NULL}, -1, ""},
    {"everybody but a room", {"*"}, {"a"}, -1, "234"},
    {"everybody but two rooms", {"*"}, {"a", "c"}, -1, "24"},
    {"room but room", {"a"}, {"b"}, -1, "0"},
    {"but one", {"*"}, {NULL}, 2, "0134"},
    {"room but one", {"b"}, {NULL}, 1, "2"},
    {"room but one who is not in it", {"b"}, {NULL}, 3, "12"},
    {"all together", {"a", "b", "c"}, {"c"}, 0, "12"},
};

/* Own ids are known only at run time: "#3" stands for that of client 3. */
static void replace_ids(const char *const *from, const char **to, struct client *const *c) {
    size_t n = 0;
    for (; from[n] != NULL; n++) {
        to[n] = from[n][0] == '#' ? c[from[n][1] - '0']->socket_sid : from[n];
    }
    to[n] = NULL;
}

static void expect_selected(struct fixture *f, struct client *const *c, const char *title,
                            const sio_to *to, const char *receivers) {
    int r = sio_broadcast(f->root, to, "sel", "s", title);
    assert_int_equal(r, strlen(receivers));
    assert_int_equal(sio_broadcast(f->root, NULL, "end", ""), SELECTED);
    for (int i = 0; i < SELECTED; i++) {
        const struct packet *p = client_receive(c[i]);
        assert_non_null(p);
        bool got = strncmp(p->data, "42[\"sel\"", 8) == 0;
        if (got != (strchr(receivers, '0' + i) != NULL)) {
            fail_msg("%s: client %d got %s", title, i, p->data);
        }
        if (got) {
            client_expect(c[i], "42[\"end\"]");
        }
    }
}

static void selections_choose_sockets(void **state) {
    (void)state;
    struct fixture *f = begin(NULL);
    struct client *c[SELECTED];
    sio_socket *s[SELECTED];
    listen_observed(f);
    for (int i = 0; i < SELECTED; i++) {
        c[i] = client_join_root(&f->h);
        s[i] = socket_of(f, c[i]);
    }
    assert_int_equal(sio_socket_join(s[0], SIO_ROOMS("a")), 0);
    assert_int_equal(sio_socket_join(s[1], SIO_ROOMS("a", "b")), 0);
    assert_int_equal(sio_socket_join(s[2], SIO_ROOMS("b")), 0);
    assert_int_equal(sio_socket_join(s[3], SIO_ROOMS("c")), 0);
    for (size_t i = 0; i < sizeof selections / sizeof selections[0]; i++) {
        const struct selection *sel = &selections[i];
        const char *rooms[4];
        const char *except[3];
        replace_ids(sel->rooms, rooms, c);
        replace_ids(sel->except, except, c);
        bool everybody = rooms[0] != NULL && strcmp(rooms[0], "*") == 0;
        expect_selected(f, c, sel->title,
                        SIO_TO(.rooms = everybody ? NULL : rooms, .except = except,
                               .but = sel->but >= 0 ? s[sel->but] : NULL),
                        sel->receivers);
    }
    expect_selected(f, c, "ids", SIO_TO(.rooms = SIO_ROOMS(c[3]->socket_sid, "a")), "013");
    expect_selected(f, c, "but ids", SIO_TO(.except = SIO_ROOMS(c[3]->socket_sid, "a")), "24");
    expect_selected(f, c, "NULL", NULL, "01234");
    for (int i = 0; i < SELECTED; i++) {
        client_close(c[i]);
    }
    end(f);
}

static void bulk_operations_follow_selections(void **state) {
    (void)state;
    struct fixture *f = begin(NULL);
    struct client *c[3];
    sio_socket *s[3];
    listen_observed(f);
    for (int i = 0; i < 3; i++) {
        c[i] = client_join_root(&f->h);
        s[i] = socket_of(f, c[i]);
    }
    assert_int_equal(sio_ns_join(f->root, NULL, SIO_ROOMS("all", "x")), 0);
    assert_int_equal(sio_ns_room_count(f->root, "all"), 3);
    assert_int_equal(sio_ns_leave(f->root, SIO_TO(.but = s[0]), SIO_ROOMS("x")), 0);
    assert_int_equal(sio_ns_room_count(f->root, "x"), 1);
    assert_int_equal(sio_ns_join(f->root, SIO_TO(.rooms = SIO_ROOMS("x")), SIO_ROOMS("y")), 0);
    assert_true(sio_socket_in(s[0], "y") && !sio_socket_in(s[1], "y"));
    assert_int_equal(sio_ns_leave(f->root, SIO_TO(.rooms = SIO_ROOMS("all")), SIO_ROOMS("all")), 0);
    assert_int_equal(sio_ns_room_count(f->root, "all"), 0);
    assert_int_equal(sio_ns_disconnect(f->root, SIO_TO(.except = SIO_ROOMS("y")), false), 0);
    harness_wait_count(&f->h, &f->h.seen.disconnects, 2);
    assert_int_equal(f->h.seen.reason, SIO_REASON_SERVER_NAMESPACE_DISCONNECT);
    client_expect(c[1], "41");
    client_expect(c[2], "41");
    client_expect_alive(c[0]);
    client_join(c[1], "/"); /* the connection is kept */
    assert_int_equal(sio_ns_disconnect(f->root, NULL, true), 0);
    assert_true(client_wait_end(c[0]));
    assert_true(client_wait_end(c[1]));
    assert_int_equal(sio_ns_count(f->root), 0);
    for (int i = 0; i < 3; i++) {
        client_close(c[i]);
    }
    end(f);
}

static void bulk_joins_report_limits(void **state) {
    (void)state;
    struct fixture *f = begin(SIO_SERVER_OPTIONS(.max_rooms_per_socket = 1));
    listen_observed(f);
    struct client *a = client_join_root(&f->h);
    struct client *b = client_join_root(&f->h);
    assert_int_equal(sio_socket_join(socket_of(f, a), SIO_ROOMS("full")), 0);
    assert_int_equal(sio_ns_join(f->root, NULL, SIO_ROOMS("r")), SIO_ERR_LIMIT);
    assert_int_equal(sio_ns_room_count(f->root, "r"), 1); /* the other one has joined */
    client_close(a);
    client_close(b);
    end(f);
}

/* ---- fetching ---- */

static void on_fetch(int status, const sio_socket_info *sockets, size_t count, void *user) {
    struct fixture *f = user;
    f->count++;
    f->r = status;
    f->text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        size_t used = strlen(f->text);
        assert_string_equal(sockets[i].id, sio_socket_id(sockets[i].socket));
        assert_null(sockets[i].rooms[sockets[i].room_count]);
        assert_string_equal(sockets[i].rooms[0], sockets[i].id);
        (void)snprintf(f->text + used, sizeof f->text - used, "%s:%zu ", sockets[i].data,
                       sockets[i].room_count);
    }
}

static void fetching_shows_sockets_once(void **state) {
    (void)state;
    struct fixture *f = begin(NULL);
    listen_observed(f);
    struct client *a = client_join_root(&f->h);
    struct client *b = client_join_root(&f->h);
    assert_int_equal(sio_socket_set_data(socket_of(f, a), "i", 1), 0);
    assert_int_equal(sio_socket_set_data(socket_of(f, b), "i", 2), 0);
    assert_int_equal(sio_socket_join(socket_of(f, b), SIO_ROOMS("r", "q")), 0);
    assert_int_equal(sio_ns_fetch(f->root, NULL, on_fetch, f), 0);
    assert_int_equal(f->count, 0); /* not from inside the call */
    harness_wait_count(&f->h, &f->count, 1);
    assert_int_equal(f->r, 0);
    assert_true(strcmp(f->text, "1:1 2:3 ") == 0 || strcmp(f->text, "2:3 1:1 ") == 0);
    const char *rooms[] = {"r", "q", NULL};
    sio_to to = {.size = sizeof to, .rooms = rooms, .but = socket_of(f, a)};
    assert_int_equal(sio_ns_fetch(f->root, &to, on_fetch, f), 0);
    rooms[0] = NULL; /* the selection was copied */
    harness_wait_count(&f->h, &f->count, 2);
    assert_string_equal(f->text, "2:3 ");
    assert_int_equal(sio_ns_local_fetch(f->root, SIO_TO(.rooms = SIO_ROOMS("q")), on_fetch, f), 0);
    assert_int_equal(f->count, 3); /* this one comes before the return */
    assert_string_equal(f->text, "2:3 ");
    client_close(a);
    client_close(b);
    end(f);
}

/* ---- what callbacks may do ---- */

static void join_on_connect(sio_socket *s, void *user) {
    struct fixture *f = user;
    f->r = sio_socket_join(s, SIO_ROOMS("hall"));
    assert_true(sio_socket_connected(s));
    assert_int_equal(sio_emit(s, "welcome", ""), 0);
    (void)sio_broadcast(sio_socket_ns(s), SIO_TO(.rooms = SIO_ROOMS("hall"), .but = s), "new", "s",
                        sio_socket_id(s));
}

static void connect_callbacks_come_first(void **state) {
    (void)state;
    struct fixture *f = begin(NULL);
    assert_int_equal(sio_ns_on_connect(f->root, join_on_connect, f), 0);
    listen_observed(f);
    struct client *a = client_open(&f->h, SIO_WEBSOCKET);
    assert_true(client_send(a, "40"));
    assert_true(client_send(a, "42[\"echo\",0]")); /* together with the CONNECT */
    assert_memory_equal(client_receive(a)->data, "40{\"sid\":\"", 10);
    client_expect(a, "42[\"welcome\"]");
    client_expect(a, "42[\"echo\",0]");
    struct client *b = client_join_root(&f->h);
    client_expect(b, "42[\"welcome\"]");
    char expected[96];
    (void)snprintf(expected, sizeof expected, "42[\"new\",\"%s\"]", b->socket_sid);
    client_expect(a, expected);
    assert_int_equal(f->r, 0);
    client_close(a);
    client_close(b);
    end(f);
}

/* Everybody moves from one room to the other while it is being told. */
static void move_all(sio_socket *s, sio_event *ev, void *user) {
    struct fixture *f = user;
    (void)s;
    (void)ev;
    f->count++;
    assert_int_equal(sio_broadcast(f->root, SIO_TO(.rooms = SIO_ROOMS("from")), "move", ""), 3);
    assert_int_equal(sio_ns_join(f->root, SIO_TO(.rooms = SIO_ROOMS("from")), SIO_ROOMS("to")), 0);
    assert_int_equal(sio_ns_leave(f->root, SIO_TO(.rooms = SIO_ROOMS("to")), SIO_ROOMS("from")), 0);
    assert_int_equal(sio_broadcast(f->root, SIO_TO(.rooms = SIO_ROOMS("from")), "lost", ""), 0);
    assert_int_equal(sio_broadcast(f->root, SIO_TO(.rooms = SIO_ROOMS("to", "from")), "moved", ""),
                     3);
}

static void rooms_change_between_broadcasts(void **state) {
    (void)state;
    struct fixture *f = begin(NULL);
    struct client *c[3];
    assert_int_equal(sio_ns_on(f->root, "go", move_all, f), 0);
    listen_observed(f);
    for (int i = 0; i < 3; i++) {
        c[i] = client_join_root(&f->h);
        assert_int_equal(sio_socket_join(socket_of(f, c[i]), SIO_ROOMS("from")), 0);
    }
    assert_true(client_send(c[0], "42[\"go\"]"));
    for (int i = 0; i < 3; i++) {
        client_expect(c[i], "42[\"move\"]");
        client_expect(c[i], "42[\"moved\"]");
    }
    assert_int_equal(f->count, 1);
    for (int i = 0; i < 3; i++) {
        client_close(c[i]);
    }
    end(f);
}

/* The callbacks in which a socket is disconnected, one after the other. */
enum place {
    IN_CONNECT,
    IN_MIDDLEWARE,
    IN_ANY,
    IN_EVENT_MIDDLEWARE,
    IN_EVENT,
    IN_OUTGOING,
    IN_ERROR,
    IN_REPLY,
    IN_DISCONNECTING,
    IN_DISCONNECT,
    IN_DRAIN,
    PLACES
};

struct places {
    struct fixture *f;
    enum place at;
    bool close_connection;
    size_t calls[PLACES];
};

static struct places places;

static void strike(enum place at, sio_socket *s) {
    places.calls[at]++;
    if (places.at == at) {
        sio_socket_disconnect(s, places.close_connection);
        sio_socket_disconnect(s, places.close_connection);
        (void)sio_emit(s, "after", "");
        (void)sio_socket_join(s, SIO_ROOMS("after"));
    }
}

static void strike_connect(sio_socket *s, void *user) {
    (void)user;
    strike(IN_CONNECT, s);
}

static void strike_middleware(sio_socket *s, sio_next *next, void *user) {
    (void)user;
    strike(IN_MIDDLEWARE, s);
    sio_next_ok(next);
}

static void strike_any(sio_socket *s, sio_event *ev, void *user) {
    (void)ev;
    (void)user;
    strike(IN_ANY, s);
}

static int strike_event_middleware(sio_socket *s, sio_event *ev, void *user) {
    (void)ev;
    (void)user;
    strike(IN_EVENT_MIDDLEWARE, s);
    return 0;
}

static void strike_reply(sio_socket *s, int status, sio_event *reply, void *user) {
    (void)status;
    (void)reply;
    (void)user;
    strike(IN_REPLY, s);
}

static void strike_event(sio_socket *s, sio_event *ev, void *user) {
    (void)user;
    (void)sio_emit_ack(s, SIO_ACK(.fn = strike_reply), "q", "");
    strike(IN_EVENT, s);
    (void)sio_event_reply(ev, "");
}

static void strike_outgoing(sio_socket *s, sio_event *ev, void *user) {
    (void)ev;
    (void)user;
    strike(IN_OUTGOING, s);
}

static void strike_error(sio_socket *s, int status, const char *message, void *user) {
    (void)status;
    (void)message;
    (void)user;
    strike(IN_ERROR, s);
}

static void strike_disconnecting(sio_socket *s, int reason, int cause, void *user) {
    (void)reason;
    (void)cause;
    (void)user;
    assert_false(sio_socket_connected(s));
    strike(IN_DISCONNECTING, s);
}

static void strike_disconnect(sio_socket *s, int reason, int cause, void *user) {
    (void)reason;
    (void)cause;
    (void)user;
    assert_false(sio_socket_connected(s));
    strike(IN_DISCONNECT, s);
}

static void strike_drain(sio_socket *s, void *user) {
    (void)user;
    strike(IN_DRAIN, s);
}

static void register_strikes(sio_ns *ns) {
    assert_int_equal(sio_ns_on_connect(ns, strike_connect, NULL), 0);
    assert_int_equal(sio_ns_use(ns, strike_middleware, NULL), 0);
    assert_int_equal(sio_ns_on_any(ns, strike_any, NULL), 0);
    assert_int_equal(sio_ns_use_event(ns, strike_event_middleware, NULL), 0);
    assert_int_equal(sio_ns_on(ns, "ev", strike_event, NULL), 0);
    assert_int_equal(sio_ns_on_any_outgoing(ns, strike_outgoing, NULL), 0);
    assert_int_equal(sio_ns_on_error(ns, strike_error, NULL), 0);
    assert_int_equal(sio_ns_on_disconnecting(ns, strike_disconnecting, NULL), 0);
    assert_int_equal(sio_ns_on_disconnect(ns, strike_disconnect, NULL), 0);
    assert_int_equal(sio_ns_on_drain(ns, strike_drain, NULL), 0);
}

/* A life in which everything happens, as far as it gets. */
static void live(struct fixture *f, unsigned transport) {
    struct client *c = client_open(&f->h, transport);
    f->h.patient = false; /* from here on the end may come at any time */
    (void)client_send(c, "40");
    (void)client_send(c, "425[\"ev\"]");
    (void)client_send(c, "430[]");
    harness_settle(&f->h);
    sio_socket *s = sio_ns_find(f->root, f->h.seen.last_id);
    static char filler[200001];
    memset(filler, 'f', sizeof filler - 1);
    for (int i = 0; i < 40 && s != NULL && sio_socket_connected(s); i++) {
        (void)sio_emit(s, "fill", "s", filler);
    }
    harness_settle(&f->h);
    (void)client_send(c, "42{}"); /* malformed */
    harness_settle(&f->h);
    client_close(c);
    harness_settle(&f->h);
}

static void sockets_may_be_disconnected_anywhere(void **state) {
    (void)state;
    for (int i = 0; i < PLACES * 4; i++) {
        places = (struct places){.at = (enum place)(i / 4), .close_connection = i % 2 == 1};
        struct fixture *f = begin(NULL);
        places.f = f;
        register_strikes(f->root);
        listen_observed(f);
        live(f, i / 2 % 2 == 1 ? SIO_POLLING : SIO_WEBSOCKET);
        if (places.at != IN_DRAIN) { /* the kernel may take all */
            assert_true(places.calls[places.at] > 0);
        }
        assert_true(places.calls[IN_CONNECT] <= 1);
        assert_int_equal(places.calls[IN_DISCONNECTING], places.calls[IN_CONNECT]);
        assert_int_equal(places.calls[IN_DISCONNECT], places.calls[IN_CONNECT]);
        assert_int_equal(f->h.seen.disconnects, places.calls[IN_CONNECT]);
        assert_int_equal(sio_ns_count(f->root), 0);
        assert_int_equal(harness_stats(&f->h).rooms, 0);
        end(f);
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(user_data_is_destroyed_once),
        cmocka_unit_test(references_outlive_the_connection),
        cmocka_unit_test(references_keep_removed_namespaces),
        cmocka_unit_test(data_is_one_value),
        cmocka_unit_test(requests_may_be_forgotten),
        cmocka_unit_test(payloads_of_connects_are_read),
        cmocka_unit_test(transports_are_named),
        cmocka_unit_test(rooms_are_listed),
        cmocka_unit_test(selections_choose_sockets),
        cmocka_unit_test(bulk_operations_follow_selections),
        cmocka_unit_test(bulk_joins_report_limits),
        cmocka_unit_test(fetching_shows_sockets_once),
        cmocka_unit_test(connect_callbacks_come_first),
        cmocka_unit_test(rooms_change_between_broadcasts),
        cmocka_unit_test(sockets_may_be_disconnected_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
