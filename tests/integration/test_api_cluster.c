/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The adapter interface: two servers in one process, and an adapter that carries every operation
 * from one to the other by calling it.
 */
#include "support/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sio/adapter.h>
#include <sio/error.h>

#define NODES 2

/* An instance of the adapter: one namespace of one server. */
struct link {
    struct link *next;
    sio_ns *ns;
    struct hub *hub;
    sio_cluster_request *open[4]; /* requests that the adapter keeps to itself, see hold */
    size_t open_count;
};

/* What connects the nodes. */
struct hub {
    struct link *links;
    bool hold; /* requests are not carried, but kept */
    int error; /* result of every operation when it is not 0 */
    bool refuse_open;
    size_t closed;
    char rooms[512]; /* what was told of rooms: +name -name; ids as # */
};

struct cluster {
    struct harness h;   /* node 0 */
    sio_server *second; /* node 1 */
    uint16_t ports[NODES];
    struct hub hub;
    struct client *c[NODES]; /* one client on each node */
    sio_socket *s[NODES];
};

/* ---- the adapter ---- */

static bool is_peer(const struct link *self, const struct link *other) {
    return other != self && strcmp(sio_ns_name(self->ns), sio_ns_name(other->ns)) == 0;
}

static void adapter_close(void *arg) {
    struct link *self = arg;
    struct link **at = &self->hub->links;
    while (*at != self) {
        at = &(*at)->next;
    }
    *at = self->next;
    for (size_t i = 0; i < self->open_count; i++) {
        sio_request_done(self->open[i], SIO_ERR_CLUSTER);
    }
    self->hub->closed++;
    free(self);
}

static int adapter_open(sio_ns *ns, void *user, void **ret_self) {
    struct hub *hub = user;
    if (hub->refuse_open) {
        return SIO_ERR_CLUSTER;
    }
    struct link *self = calloc(1, sizeof *self);
    assert_non_null(self);
    self->ns = ns;
    self->hub = hub;
    self->next = hub->links;
    hub->links = self;
    *ret_self = self;
    return 0;
}

static size_t adapter_server_count(void *arg) {
    (void)arg;
    return NODES;
}

static int adapter_broadcast(void *arg, const sio_packet_view *packet, const sio_to *to) {
    struct link *self = arg;
    assert_null(to->but);
    for (struct link *l = self->hub->links; l != NULL; l = l->next) {
        if (is_peer(self, l)) {
            assert_true(sio_ns_local_broadcast(l->ns, packet, to) >= 0);
        }
    }
    return self->hub->error;
}

/* @return true when the request is not to be carried */
static bool keep(struct link *self, sio_cluster_request *request) {
    if (self->hub->hold) {
        assert_true(self->open_count < 4);
        self->open[self->open_count] = request;
        self->open_count++;
    }
    return self->hub->hold;
}

static void answer(void *user, const sio_val *value) {
    char json[256];
    long len = sio_val_json(value, json, sizeof json);
    assert_in_range(len, 0, (long)sizeof json - 1);
    sio_packet_view view = {.json = len > 0 ? json : "null", .json_len = len > 0 ? (size_t)len : 4};
    assert_int_equal(sio_request_answer(user, &view), 0);
}

static void answers_done(void *user) {
    sio_request_done(user, 0);
}

static int adapter_broadcast_ack(void *arg, const sio_packet_view *packet, const sio_to *to,
                                 uint32_t timeout_ms, sio_cluster_request *request) {
    struct link *self = arg;
    if (self->hub->error < 0 || keep(self, request)) {
        return self->hub->error;
    }
    for (struct link *l = self->hub->links; l != NULL; l = l->next) {
        if (is_peer(self, l)) { /* there is one, whose end is the request's */
            int n = sio_ns_local_broadcast_ack(l->ns, packet, to, timeout_ms, answer, answers_done,
                                               request);
            assert_true(n >= 0);
            sio_request_expect(request, (size_t)n);
        }
    }
    return 0;
}

static int adapter_join(void *arg, const sio_to *to, const char *const *rooms) {
    struct link *self = arg;
    for (struct link *l = self->hub->links; l != NULL; l = l->next) {
        if (is_peer(self, l)) {
            assert_int_equal(sio_ns_local_join(l->ns, to, rooms), 0);
        }
    }
    return self->hub->error;
}

static int adapter_leave(void *arg, const sio_to *to, const char *const *rooms) {
    struct link *self = arg;
    for (struct link *l = self->hub->links; l != NULL; l = l->next) {
        if (is_peer(self, l)) {
            assert_int_equal(sio_ns_local_leave(l->ns, to, rooms), 0);
        }
    }
    return self->hub->error;
}

static int adapter_disconnect(void *arg, const sio_to *to, bool close_connection) {
    struct link *self = arg;
    for (struct link *l = self->hub->links; l != NULL; l = l->next) {
        if (is_peer(self, l)) {
            assert_int_equal(sio_ns_local_disconnect(l->ns, to, close_connection), 0);
        }
    }
    return self->hub->error;
}

/* Sockets of the other node: as they come over a wire, without pointers. */
static void pass_sockets(int status, const sio_socket_info *sockets, size_t count, void *user) {
    assert_int_equal(status, 0);
    for (size_t i = 0; i < count; i++) {
        sio_socket_info copy = sockets[i];
        copy.socket = NULL;
        copy.handshake = "{\"remote\":true}";
        assert_int_equal(sio_request_sockets(user, &copy, 1), 0);
    }
}

static int adapter_fetch(void *arg, const sio_to *to, sio_cluster_request *request) {
    struct link *self = arg;
    if (self->hub->error < 0 || keep(self, request)) {
        return self->hub->error;
    }
    for (struct link *l = self->hub->links; l != NULL; l = l->next) {
        if (is_peer(self, l)) {
            assert_int_equal(sio_ns_local_fetch(l->ns, to, pass_sockets, request), 0);
        }
    }
    sio_request_done(request, 0);
    return 0;
}

static int adapter_server_emit(void *arg, const sio_packet_view *packet, uint32_t timeout_ms,
                               sio_cluster_request *request) {
    struct link *self = arg;
    (void)timeout_ms;
    if (self->hub->error < 0 || (request != NULL && keep(self, request))) {
        return self->hub->error;
    }
    for (struct link *l = self->hub->links; l != NULL; l = l->next) {
        if (is_peer(self, l)) {
            int r =
                sio_ns_local_server_event(l->ns, packet, request != NULL ? answer : NULL, request);
            assert_int_equal(r, 0);
        }
    }
    sio_request_done(request, 0);
    return 0;
}

static void note_room(void *arg, const char *sign, const char *room, bool is_socket_id) {
    struct link *self = arg;
    size_t used = strlen(self->hub->rooms);
    (void)snprintf(self->hub->rooms + used, sizeof self->hub->rooms - used, "%s%s ", sign,
                   is_socket_id ? "#" : room);
}

static void adapter_room_created(void *arg, const char *room, bool is_socket_id) {
    note_room(arg, "+", room, is_socket_id);
}

static void adapter_room_deleted(void *arg, const char *room, bool is_socket_id) {
    note_room(arg, "-", room, is_socket_id);
}

static const sio_adapter_ops adapter_ops = {
    .size = sizeof adapter_ops,
    .close = adapter_close,
    .server_count = adapter_server_count,
    .broadcast = adapter_broadcast,
    .broadcast_ack = adapter_broadcast_ack,
    .join = adapter_join,
    .leave = adapter_leave,
    .disconnect = adapter_disconnect,
    .fetch = adapter_fetch,
    .server_emit = adapter_server_emit,
    .room_created = adapter_room_created,
    .room_deleted = adapter_room_deleted,
};

/* ---- the cluster ---- */

static void on_server_event(sio_socket *s, sio_event *ev, void *user);

static int setup(void **state) {
    static struct cluster x;
    x = (struct cluster){.second = NULL};
    sio_adapter_factory factory = {
        .size = sizeof factory, .ops = &adapter_ops, .open = adapter_open, .user = &x.hub};
    harness_init(&x.h, SIO_SERVER_OPTIONS(.adapter = &factory));
    harness_observe(&x.h, harness_root(&x.h));
    harness_listen(&x.h);
    assert_int_equal(sio_server_new(&x.second, SIO_SERVER_OPTIONS(.adapter = &factory)), 0);
    assert_int_equal(sio_server_attach_uv(x.second, &x.h.loop), 0);
    sio_ns *root = sio_server_ns(x.second, "/");
    harness_observe(&x.h, root);
    assert_int_equal(sio_ns_on_server(root, "question", on_server_event, &x), 0);
    assert_int_equal(sio_server_listen(x.second, "127.0.0.1", 0), 0);
    x.ports[0] = x.h.port;
    x.ports[1] = sio_server_port(x.second);
    for (int i = 0; i < NODES; i++) {
        x.h.port = x.ports[i];
        x.c[i] = client_join_root(&x.h);
        x.s[i] = sio_ns_find(i == 0 ? harness_root(&x.h) : root, x.c[i]->socket_sid);
        assert_non_null(x.s[i]);
    }
    *state = &x;
    return 0;
}

static int teardown(void **state) {
    struct cluster *x = *state;
    for (int i = 0; i < NODES; i++) {
        client_close(x->c[i]);
    }
    sio_server_free(x->second);
    harness_done(&x->h);
    assert_int_equal(x->hub.closed, NODES);
    return 0;
}

static sio_ns *root_of(struct cluster *x) {
    return harness_root(&x->h);
}

/* Nothing else has come to the clients. */
static void expect_silence(struct cluster *x) {
    for (int i = 0; i < NODES; i++) {
        assert_int_equal(sio_emit(x->s[i], "end", ""), 0);
        client_expect(x->c[i], "42[\"end\"]");
    }
}

/* ---- broadcasts ---- */

static void broadcasts_reach_all_nodes(void **state) {
    struct cluster *x = *state;
    assert_int_equal(sio_broadcast(root_of(x), NULL, "x", "iB", 1, "ab", (size_t)2),
                     1); /* receivers here */
    for (int i = 0; i < NODES; i++) {
        client_expect(x->c[i], "451-[\"x\",1,{\"_placeholder\":true,\"num\":0}]");
        client_expect_binary(x->c[i], "ab", 2);
    }
    sio_msg *m = NULL;
    assert_int_equal(sio_msg_new(&m, "m"), 0);
    assert_int_equal(sio_broadcast_msg(root_of(x), NULL, m), 1);
    sio_msg_unref(m);
    client_expect(x->c[0], "42[\"m\"]");
    client_expect(x->c[1], "42[\"m\"]");
    expect_silence(x);
}

static void selections_hold_on_all_nodes(void **state) {
    struct cluster *x = *state;
    assert_int_equal(sio_socket_join(x->s[1], SIO_ROOMS("r")), 0);
    assert_int_equal(sio_broadcast(root_of(x), SIO_TO(.rooms = SIO_ROOMS("r")), "x", "i", 1), 0);
    client_expect(x->c[1], "42[\"x\",1]");
    assert_int_equal(sio_broadcast(root_of(x), SIO_TO(.except = SIO_ROOMS("r")), "x", "i", 2), 1);
    client_expect(x->c[0], "42[\"x\",2]");
    assert_int_equal(sio_broadcast(root_of(x), SIO_TO(.but = x->s[0]), "x", "i", 3), 0);
    client_expect(x->c[1], "42[\"x\",3]");
    assert_int_equal(
        sio_broadcast(root_of(x), SIO_TO(.but = x->s[0], .except = SIO_ROOMS("r")), "x", "i", 4),
        0);
    assert_int_equal(sio_broadcast(root_of(x), SIO_TO(.flags = SIO_LOCAL), "x", "i", 5), 1);
    client_expect(x->c[0], "42[\"x\",5]");
    assert_int_equal(
        sio_broadcast(root_of(x), SIO_TO(.rooms = SIO_ROOMS(x->c[1]->socket_sid)), "x", "i", 6), 0);
    client_expect(x->c[1], "42[\"x\",6]");
    expect_silence(x);
}

static void failures_of_the_adapter_leave_this_node_alone(void **state) {
    struct cluster *x = *state;
    x->hub.error = SIO_ERR_CLUSTER;
    assert_int_equal(sio_broadcast(root_of(x), NULL, "x", ""), 1);
    client_expect(x->c[0], "42[\"x\"]");
    assert_true(harness_logged(&x->h, "error socket.io-adapter /: broadcast to other nodes: "));
    assert_int_equal(sio_ns_join(root_of(x), NULL, SIO_ROOMS("r")), 0);
    assert_true(sio_socket_in(x->s[0], "r"));
    assert_true(harness_logged(&x->h, "error socket.io-adapter /: operation on other nodes: "));
}

/* ---- acknowledgements ---- */

struct answers {
    size_t count;
    int status;
    size_t answered;
    int64_t sum;
};

static void on_answers(int status, const sio_answers *answers, void *user) {
    struct answers *a = user;
    a->count++;
    a->status = status;
    a->answered = sio_answers_count(answers);
    for (size_t i = 0; i < a->answered; i++) {
        int64_t n = 0;
        (void)sio_val_int(sio_answers_at(answers, i), &n);
        a->sum += n;
    }
}

static int ask(struct cluster *x, struct answers *a, uint32_t timeout_ms) {
    return sio_broadcast_ack(root_of(x), NULL, timeout_ms, on_answers, a, "q", "");
}

static void answers_come_from_all_nodes(void **state) {
    struct cluster *x = *state;
    struct answers a = {0};
    assert_int_equal(ask(x, &a, 5000), 1);
    client_expect(x->c[0], "420[\"q\"]");
    client_expect(x->c[1], "420[\"q\"]");
    assert_true(client_send(x->c[0], "430[1]"));
    harness_settle(&x->h);
    assert_int_equal(a.count, 0);
    assert_true(client_send(x->c[1], "430[10]"));
    harness_wait_count(&x->h, &a.count, 1);
    assert_int_equal(a.status, 0);
    assert_int_equal(a.answered, 2);
    assert_int_equal(a.sum, 11);
}

static void questions_may_stay_on_this_node(void **state) {
    struct cluster *x = *state;
    struct answers a = {0};
    assert_int_equal(
        sio_broadcast_ack(root_of(x), SIO_TO(.flags = SIO_LOCAL), 5000, on_answers, &a, "q", ""),
        1);
    assert_true(client_send(x->c[0], "430[1]"));
    harness_wait_count(&x->h, &a.count, 1);
    assert_int_equal(a.status, 0);
    assert_int_equal(a.answered, 1);
}

static void clients_of_other_nodes_may_be_late(void **state) {
    struct cluster *x = *state;
    struct answers a = {0};
    assert_int_equal(ask(x, &a, 40), 1);
    assert_true(client_send(x->c[0], "430[1]"));
    harness_wait_count(&x->h, &a.count, 1);
    assert_int_equal(a.status, SIO_ERR_TIMEOUT);
    assert_int_equal(a.answered, 1);
    harness_pass_ms(&x->h, 20);
    assert_int_equal(a.count, 1);
}

static void nodes_that_do_not_report_time_out(void **state) {
    struct cluster *x = *state;
    struct answers a = {0};
    sio_packet_view late = {.json = "5", .json_len = 1};
    x->hub.hold = true;
    assert_int_equal(ask(x, &a, 20), 1);
    assert_true(client_send(x->c[0], "430[1]"));
    harness_wait_count(&x->h, &a.count, 1);
    assert_int_equal(a.status, SIO_ERR_TIMEOUT);
    assert_int_equal(a.answered, 1);
    /* What comes later is accepted and goes nowhere. */
    struct link *self = x->hub.links->open_count > 0 ? x->hub.links : x->hub.links->next;
    assert_int_equal(self->open_count, 1);
    sio_request_expect(self->open[0], 3);
    assert_int_equal(sio_request_answer(self->open[0], &late), 0);
    sio_request_done(self->open[0], 0);
    self->open_count = 0;
    harness_settle(&x->h);
    assert_int_equal(a.count, 1);
}

static void nodes_that_fail_are_told_of(void **state) {
    struct cluster *x = *state;
    struct answers a = {0};
    x->hub.hold = true;
    assert_int_equal(ask(x, &a, 5000), 1);
    struct link *self = x->hub.links->open_count > 0 ? x->hub.links : x->hub.links->next;
    sio_request_done(self->open[0], SIO_ERR_CLUSTER);
    self->open_count = 0;
    assert_true(client_send(x->c[0], "430[1]"));
    harness_wait_count(&x->h, &a.count, 1);
    assert_int_equal(a.status, SIO_ERR_CLUSTER);
    assert_int_equal(a.answered, 1);
    x->hub.hold = false;
    x->hub.error = SIO_ERR_CLUSTER; /* it cannot even be asked */
    assert_int_equal(ask(x, &a, 5000), 1);
    assert_true(client_send(x->c[0], "431[1]"));
    harness_wait_count(&x->h, &a.count, 2);
    assert_int_equal(a.status, SIO_ERR_CLUSTER);
}

/* ---- rooms, disconnecting, fetching ---- */

static void bulk_operations_reach_all_nodes(void **state) {
    struct cluster *x = *state;
    assert_int_equal(sio_ns_join(root_of(x), NULL, SIO_ROOMS("a", "b")), 0);
    assert_true(sio_socket_in(x->s[0], "a") && sio_socket_in(x->s[1], "a"));
    assert_int_equal(sio_ns_leave(root_of(x), SIO_TO(.but = x->s[0]), SIO_ROOMS("a")), 0);
    assert_true(sio_socket_in(x->s[0], "a") && !sio_socket_in(x->s[1], "a"));
    assert_int_equal(sio_ns_leave(root_of(x), SIO_TO(.flags = SIO_LOCAL), SIO_ROOMS("b")), 0);
    assert_true(!sio_socket_in(x->s[0], "b") && sio_socket_in(x->s[1], "b"));
    assert_int_equal(sio_ns_disconnect(root_of(x), SIO_TO(.rooms = SIO_ROOMS("b")), false), 0);
    harness_wait_count(&x->h, &x->h.seen.disconnects, 1);
    client_expect(x->c[1], "41");
    assert_true(sio_socket_connected(x->s[0]));
    assert_int_equal(sio_ns_disconnect(root_of(x), NULL, true), 0);
    assert_true(client_wait_end(x->c[0]));
}

struct fetched {
    size_t count;
    int status;
    char text[256];
};

static void on_fetch(int status, const sio_socket_info *sockets, size_t count, void *user) {
    struct fetched *f = user;
    f->count++;
    f->status = status;
    f->text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        size_t used = strlen(f->text);
        assert_int_equal(strlen(sockets[i].id), 20);
        assert_null(sockets[i].rooms[sockets[i].room_count]);
        (void)snprintf(f->text + used, sizeof f->text - used, "%s %s %s/%zu; ",
                       sockets[i].socket != NULL ? "here" : "there", sockets[i].data,
                       sockets[i].rooms[sockets[i].room_count - 1], sockets[i].room_count);
    }
}

static void fetching_shows_sockets_of_all_nodes(void **state) {
    struct cluster *x = *state;
    struct fetched f = {0};
    assert_int_equal(sio_socket_set_data(x->s[0], "i", 1), 0);
    assert_int_equal(sio_socket_set_data(x->s[1], "i", 2), 0);
    assert_int_equal(sio_ns_join(root_of(x), NULL, SIO_ROOMS("r")), 0);
    assert_int_equal(sio_ns_fetch(root_of(x), NULL, on_fetch, &f), 0);
    assert_int_equal(f.count, 0);
    harness_wait_count(&x->h, &f.count, 1);
    assert_int_equal(f.status, 0);
    assert_string_equal(f.text, "there 2 r/2; here 1 r/2; ");
    assert_int_equal(sio_ns_fetch(root_of(x), SIO_TO(.flags = SIO_LOCAL), on_fetch, &f), 0);
    harness_wait_count(&x->h, &f.count, 2);
    assert_string_equal(f.text, "here 1 r/2; ");
    assert_int_equal(sio_ns_fetch(root_of(x), SIO_TO(.but = x->s[0]), on_fetch, &f), 0);
    harness_wait_count(&x->h, &f.count, 3);
    assert_string_equal(f.text, "there 2 r/2; ");
    x->hub.error = SIO_ERR_CLUSTER;
    assert_int_equal(sio_ns_fetch(root_of(x), NULL, on_fetch, &f), 0);
    harness_wait_count(&x->h, &f.count, 4);
    assert_int_equal(f.status, SIO_ERR_CLUSTER);
    assert_string_equal(f.text, "here 1 r/2; ");
}

static void rooms_are_told_to_the_adapter(void **state) {
    struct cluster *x = *state;
    x->hub.rooms[0] = '\0';
    assert_int_equal(sio_socket_join(x->s[0], SIO_ROOMS("a", "b", "a")), 0);
    assert_string_equal(x->hub.rooms, "+a +b ");
    sio_socket_leave(x->s[0], SIO_ROOMS("a", "a"));
    assert_string_equal(x->hub.rooms, "+a +b -a ");
    sio_socket_disconnect(x->s[0], false);
    harness_wait_count(&x->h, &x->h.seen.disconnects, 1);
    assert_string_equal(x->hub.rooms, "+a +b -a -b -# ");
    client_expect(x->c[0], "41");
    client_join(x->c[0], "/");
    assert_string_equal(x->hub.rooms, "+a +b -a -b -# +# ");
}

/* ---- events between nodes ---- */

static size_t server_events;

static void on_server_event(sio_socket *s, sio_event *ev, void *user) {
    int n = 0;
    (void)user;
    assert_null(s);
    assert_string_equal(sio_event_name(ev), "question");
    assert_int_equal(sio_event_unpack(ev, "i", &n), 0);
    server_events++;
    if (n < 0) {
        return; /* no answer */
    }
    if (sio_event_wants_ack(ev)) {
        assert_null(sio_event_take_ack(ev)); /* nodes answer at once */
        assert_int_equal(sio_event_reply(ev, "i", 2 * n), 0);
        assert_int_equal(sio_event_reply(ev, "i", 0), SIO_ERR_STATE);
    } else {
        assert_int_equal(sio_event_reply(ev, "i", 1), 0);
    }
}

static void events_go_from_node_to_node(void **state) {
    struct cluster *x = *state;
    struct answers a = {0};
    server_events = 0;
    assert_int_equal(sio_ns_server_emit(root_of(x), "question", "i", 3), 0);
    assert_int_equal(server_events, 1);
    assert_int_equal(sio_ns_server_emit(root_of(x), "nobody listens", ""), 0);
    assert_int_equal(sio_ns_server_emit_ack(root_of(x), 5000, on_answers, &a, "question", "i", 4),
                     0);
    assert_int_equal(a.count, 0);
    harness_wait_count(&x->h, &a.count, 1);
    assert_int_equal(a.status, 0);
    assert_int_equal(a.answered, 1);
    assert_int_equal(a.sum, 8);
    x->hub.hold = true;
    assert_int_equal(sio_ns_server_emit_ack(root_of(x), 20, on_answers, &a, "question", "i", 4), 0);
    harness_wait_count(&x->h, &a.count, 2);
    assert_int_equal(a.status, SIO_ERR_TIMEOUT);
    x->hub.hold = false;
    x->hub.error = SIO_ERR_CLUSTER;
    assert_int_equal(sio_ns_server_emit(root_of(x), "question", "i", 3), SIO_ERR_CLUSTER);
    assert_int_equal(sio_ns_server_emit_ack(root_of(x), 20, on_answers, &a, "question", "i", 4),
                     SIO_ERR_CLUSTER);
    harness_pass_ms(&x->h, 30);
    assert_int_equal(a.count, 2);
    expect_silence(x); /* clients hear nothing of it */
}

/* ---- life ---- */

static void namespaces_need_their_adapter(void **state) {
    struct cluster *x = *state;
    x->hub.refuse_open = true;
    assert_null(sio_server_ns(x->h.server, "/other"));
    assert_null(sio_server_find_ns(x->h.server, "/other"));
    assert_true(harness_logged(&x->h, "error socket.io-adapter /other: cannot open the adapter: "));
    assert_int_equal(harness_stats(&x->h).namespaces, 1);
}

static void open_requests_end_with_the_server(void **state) {
    struct cluster *x = *state;
    struct answers asked = {0};
    struct answers emitted = {0};
    struct fetched fetched = {0};
    x->hub.hold = true;
    assert_int_equal(ask(x, &asked, 5000), 1);
    assert_int_equal(
        sio_ns_server_emit_ack(root_of(x), 5000, on_answers, &emitted, "question", "i", 4), 0);
    assert_int_equal(sio_ns_fetch(root_of(x), NULL, on_fetch, &fetched), 0);
    harness_close(&x->h);
    assert_int_equal(asked.count, 1);
    assert_int_equal(emitted.count, 1);
    assert_int_equal(fetched.count, 1);
    assert_true(asked.status < 0);
    assert_true(emitted.status < 0);
    assert_true(fetched.status < 0);
}

int main(void) {
#define CLUSTER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    static const struct CMUnitTest tests[] = {
        CLUSTER_TEST(broadcasts_reach_all_nodes),
        CLUSTER_TEST(selections_hold_on_all_nodes),
        CLUSTER_TEST(failures_of_the_adapter_leave_this_node_alone),
        CLUSTER_TEST(answers_come_from_all_nodes),
        CLUSTER_TEST(questions_may_stay_on_this_node),
        CLUSTER_TEST(clients_of_other_nodes_may_be_late),
        CLUSTER_TEST(nodes_that_do_not_report_time_out),
        CLUSTER_TEST(nodes_that_fail_are_told_of),
        CLUSTER_TEST(bulk_operations_reach_all_nodes),
        CLUSTER_TEST(fetching_shows_sockets_of_all_nodes),
        CLUSTER_TEST(rooms_are_told_to_the_adapter),
        CLUSTER_TEST(events_go_from_node_to_node),
        CLUSTER_TEST(namespaces_need_their_adapter),
        CLUSTER_TEST(open_requests_end_with_the_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
