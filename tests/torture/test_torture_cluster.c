/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Two servers in one process and an adapter that carries every operation from one to the other,
 * with every allocation failing in turn: on either side of the adapter, and in what is between.
 */
#include "support/scenario.h"

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
    sio_cluster_request *kept; /* see hold */
};

/* What connects the nodes. */
struct hub {
    struct link *links;
    bool hold;      /* requests are not carried, but kept */
    size_t opened;  /* instances, and */
    size_t closed;  /* those that were ended */
    size_t rooms;   /* that exist, */
    size_t sockets; /* and those of single sockets */
};

/* The scenario is that of node 0. */
struct cluster {
    struct scenario x; /* the first member: see add_node() */
    sio_server *second;
    uint16_t ports[NODES];
    struct hub hub;
    struct client *c[NODES]; /* one client on each node */
};

/* ---- the adapter ---- */

static struct link *peer_of(const struct link *self) {
    struct link *l = self->hub->links;
    while (l != NULL && (l == self || strcmp(sio_ns_name(l->ns), sio_ns_name(self->ns)) != 0)) {
        l = l->next;
    }
    return l;
}

static void adapter_close(void *arg) {
    struct link *self = arg;
    struct link **at = &self->hub->links;
    while (*at != self) {
        at = &(*at)->next;
    }
    *at = self->next;
    sio_request_done(self->kept, SIO_ERR_CLUSTER);
    self->hub->closed++;
    free(self);
}

static int adapter_open(sio_ns *ns, void *user, void **ret_self) {
    struct link *self = calloc(1, sizeof *self);
    assert_non_null(self);
    self->ns = ns;
    self->hub = user;
    self->next = self->hub->links;
    self->hub->links = self;
    self->hub->opened++;
    *ret_self = self;
    return 0;
}

static size_t adapter_server_count(void *arg) {
    (void)arg;
    return NODES;
}

static int adapter_broadcast(void *arg, const sio_packet_view *packet, const sio_to *to) {
    const struct link *l = peer_of(arg);
    int r = l != NULL ? sio_ns_local_broadcast(l->ns, packet, to) : 0;
    return r < 0 ? r : 0;
}

/* @return true when the request is not to be carried */
static bool keep(struct link *self, sio_cluster_request *request) {
    bool kept = self->hub->hold && self->kept == NULL && request != NULL;
    if (kept) {
        self->kept = request;
    }
    return kept;
}

static void pass_answer(void *user, const sio_val *value) {
    static const sio_bytes_view bytes = {.data = "bytes", .len = 5};
    sio_packet_view text = {.json = "[1,\"two\"]", .json_len = 9};
    sio_packet_view binary = {.json = "{\"_placeholder\":true,\"num\":0}",
                              .json_len = 29,
                              .attachments = &bytes,
                              .attachment_count = 1};
    bool is_binary = sio_val_type(value) == SIO_BYTES;
    (void)sio_request_answer(user, is_binary ? &binary : &text);
}

static void answers_done(void *user) {
    sio_request_done(user, 0);
}

static int adapter_broadcast_ack(void *arg, const sio_packet_view *packet, const sio_to *to,
                                 uint32_t timeout_ms, sio_cluster_request *request) {
    const struct link *l = peer_of(arg);
    if (l == NULL) {
        return SIO_ERR_CLUSTER;
    }
    if (keep(arg, request)) {
        return 0;
    }
    int n = sio_ns_local_broadcast_ack(l->ns, packet, to, timeout_ms, pass_answer, answers_done,
                                       request);
    if (n >= 0) {
        sio_request_expect(request, (size_t)n);
    }
    return n < 0 ? n : 0;
}

static int adapter_join(void *arg, const sio_to *to, const char *const *rooms) {
    const struct link *l = peer_of(arg);
    return l != NULL ? sio_ns_local_join(l->ns, to, rooms) : 0;
}

static int adapter_leave(void *arg, const sio_to *to, const char *const *rooms) {
    const struct link *l = peer_of(arg);
    return l != NULL ? sio_ns_local_leave(l->ns, to, rooms) : 0;
}

static int adapter_disconnect(void *arg, const sio_to *to, bool close_connection) {
    const struct link *l = peer_of(arg);
    return l != NULL ? sio_ns_local_disconnect(l->ns, to, close_connection) : 0;
}

/* Sockets of the other node: as they come over a wire, without pointers. */
static void pass_sockets(int status, const sio_socket_info *sockets, size_t count, void *user) {
    (void)status;
    for (size_t i = 0; i < count; i++) {
        sio_socket_info copy = sockets[i];
        copy.socket = NULL;
        copy.handshake = "{\"remote\":true}";
        (void)sio_request_sockets(user, &copy, 1);
    }
}

static int adapter_fetch(void *arg, const sio_to *to, sio_cluster_request *request) {
    const struct link *l = peer_of(arg);
    if (keep(arg, request)) {
        return 0;
    }
    int r = l != NULL ? sio_ns_local_fetch(l->ns, to, pass_sockets, request) : 0;
    if (r == 0) {
        sio_request_done(request, 0);
    }
    return r;
}

static int adapter_server_emit(void *arg, const sio_packet_view *packet, uint32_t timeout_ms,
                               sio_cluster_request *request) {
    const struct link *l = peer_of(arg);
    (void)timeout_ms;
    if (keep(arg, request)) {
        return 0;
    }
    int r = l != NULL ? sio_ns_local_server_event(l->ns, packet,
                                                  request != NULL ? pass_answer : NULL, request)
                      : 0;
    if (r == 0) {
        sio_request_done(request, 0);
    }
    return r;
}

static void adapter_room_created(void *arg, const char *room, bool is_socket_id) {
    struct link *self = arg;
    (void)room;
    *(is_socket_id ? &self->hub->sockets : &self->hub->rooms) += 1;
}

static void adapter_room_deleted(void *arg, const char *room, bool is_socket_id) {
    struct link *self = arg;
    size_t *count = is_socket_id ? &self->hub->sockets : &self->hub->rooms;
    (void)room;
    assert_true(*count > 0);
    *count -= 1;
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

static void on_question(sio_socket *s, sio_event *ev, void *user) {
    int n = 0;
    (void)user;
    assert_null(s);
    (void)sio_event_unpack(ev, "i", &n);
    (void)sio_event_reply(ev, "iB", 2 * n, "bytes", (size_t)5);
}

static sio_adapter_factory factory_of(struct cluster *z) {
    return (sio_adapter_factory){
        .size = sizeof(sio_adapter_factory),
        .ops = &adapter_ops,
        .open = adapter_open,
        .user = &z->hub,
    };
}

static void add_node(struct scenario *x) {
    struct cluster *z = (struct cluster *)x;
    sio_adapter_factory factory = factory_of(z);
    assert_int_equal(sio_server_new(&z->second, SIO_SERVER_OPTIONS(.adapter = &factory,
                                                                   .log_level = SIO_LOG_NONE)),
                     0);
    assert_int_equal(sio_server_attach_uv(z->second, &x->h.loop), 0);
    sio_ns *root = sio_server_ns(z->second, "/");
    harness_echo(root);
    harness_observe(&x->h, root);
    assert_int_equal(sio_ns_on_server(root, "question", on_question, z), 0);
    assert_int_equal(sio_ns_on_server(x->root, "question", on_question, z), 0);
    assert_non_null(sio_server_ns_match(z->second, "^/room-[0-9]+$"));
    assert_non_null(sio_server_ns_match(x->h.server, "^/room-[0-9]+$"));
    assert_int_equal(sio_server_listen(z->second, "127.0.0.1", 0), 0);
    z->ports[1] = sio_server_port(z->second);
}

static void begin(struct cluster *z) {
    sio_adapter_factory factory = factory_of(z);
    z->hub = (struct hub){.links = NULL};
    scenario_begin(&z->x,
                   SIO_SERVER_OPTIONS(.adapter = &factory, .cleanup_empty_namespaces = true,
                                      .log_level = SIO_LOG_NONE),
                   add_node);
    z->ports[0] = z->x.h.port;
    for (int i = 0; i < NODES; i++) {
        z->x.h.port = z->ports[i];
        z->c[i] = scenario_client(&z->x, SIO_WEBSOCKET);
    }
    z->x.h.port = z->ports[0];
}

/* Node 1 works, too, and nothing is left of either. */
static int end(struct cluster *z) {
    client_close(z->c[0]);
    client_close(z->c[1]);
    scenario_relax(&z->x);
    z->x.h.port = z->ports[1];
    struct client *c = client_join_root(&z->x.h);
    client_expect_alive(c);
    client_close(c);
    z->x.h.port = z->ports[0];
    sio_server_free(z->second);
    int r = scenario_end(&z->x);
    assert_null(z->hub.links);
    assert_int_equal(z->hub.closed, z->hub.opened);
    assert_int_equal(z->hub.rooms, 0);
    assert_int_equal(z->hub.sockets, 0);
    return r;
}

static void hear_both(struct cluster *z, const char *text) {
    scenario_hear(&z->x, z->c[0], text);
    scenario_hear(&z->x, z->c[1], text);
}

/* ---- scenarios ---- */

static int broadcasts(void *user) {
    struct cluster z;
    sio_msg *m = NULL;
    (void)user;
    begin(&z);
    struct scenario *x = &z.x;
    scenario_sent(x, sio_broadcast(x->root, NULL, "x", "iB", 1, "ab", (size_t)2));
    hear_both(&z, "451-[\"x\",1,");
    hear_both(&z, "ab");
    scenario_sent(x, sio_msg_new(&m, "m"));
    scenario_sent(x, sio_broadcast_msg(x->root, NULL, m));
    sio_msg_unref(m);
    hear_both(&z, "42[\"m\"]");
    sio_socket *s = scenario_socket(x, z.c[0]);
    scenario_sent(x, sio_broadcast(x->root, SIO_TO(.but = s, .except = SIO_ROOMS("b")), "y", ""));
    scenario_hear(x, z.c[1], "42[\"y\"]");
    scenario_sent(x, sio_broadcast(x->root, SIO_TO(.flags = SIO_LOCAL), "z", ""));
    scenario_hear(x, z.c[0], "42[\"z\"]");
    return end(&z);
}

static int selections(void *user) {
    struct cluster z;
    (void)user;
    begin(&z);
    struct scenario *x = &z.x;
    scenario_sent(x, sio_ns_join(x->root, NULL, SIO_ROOMS("a", "b", "c")));
    scenario_sent(x, sio_ns_leave(x->root, SIO_TO(.rooms = SIO_ROOMS("a", "c")), SIO_ROOMS("b")));
    scenario_sent(x, sio_broadcast(x->root, SIO_TO(.rooms = SIO_ROOMS("a", "c")), "x", ""));
    hear_both(&z, "42[\"x\"]");
    scenario_sent(x, sio_ns_disconnect(x->root, SIO_TO(.rooms = SIO_ROOMS("a")), false));
    hear_both(&z, "41");
    scenario_join(x, z.c[0], "/");
    scenario_join(x, z.c[1], "/");
    scenario_sent(x, sio_ns_disconnect(x->root, NULL, true));
    scenario_gone(x, z.c[0]);
    scenario_gone(x, z.c[1]);
    return end(&z);
}

static int answers(void *user) {
    struct cluster z;
    (void)user;
    begin(&z);
    struct scenario *x = &z.x;
    scenario_asked(x, sio_broadcast_ack(x->root, NULL, 5000, scenario_on_answers, x, "q", "sB",
                                        "why?", "ab", (size_t)2));
    hear_both(&z, "451-0[\"q\",\"why?\",");
    hear_both(&z, "ab");
    scenario_tell(x, z.c[0], "430[{\"because\":1}]");
    scenario_tell(x, z.c[1], "461-0[{\"_placeholder\":true,\"num\":0}]");
    scenario_tell_binary(x, z.c[1], "bytes", 5);
    scenario_asked(x, sio_broadcast_ack(x->root, NULL, 5000, scenario_on_answers, x, "q", ""));
    hear_both(&z, "421[\"q\"]");
    scenario_tell(x, z.c[1], "431[\"text\"]");
    return end(&z); /* the end of the connections answers for the other one */
}

static int late_answers(void *user) {
    struct cluster z;
    (void)user;
    begin(&z);
    struct scenario *x = &z.x;
    scenario_asked(x, sio_broadcast_ack(x->root, NULL, 4, scenario_on_answers, x, "q", ""));
    hear_both(&z, "420[\"q\"]");
    scenario_tell(x, z.c[0], "430[1]");
    harness_pass_ms(&x->h, 6); /* the other one is late, */
    z.hub.hold = true;         /* and then a node */
    scenario_asked(x, sio_broadcast_ack(x->root, NULL, 4, scenario_on_answers, x, "q", ""));
    harness_pass_ms(&x->h, 6);
    scenario_tell(x, z.c[1], "430[1]");
    return end(&z);
}

static int fetching(void *user) {
    struct cluster z;
    (void)user;
    begin(&z);
    struct scenario *x = &z.x;
    sio_socket *s = scenario_socket(x, z.c[0]);
    scenario_sent(x, sio_socket_set_data(s, "{s:i}", "n", 1));
    scenario_sent(x, sio_ns_join(x->root, NULL, SIO_ROOMS("r", "s")));
    scenario_asked(x, sio_ns_fetch(x->root, NULL, scenario_on_fetch, x));
    scenario_asked(
        x, sio_ns_fetch(x->root, SIO_TO(.but = s, .rooms = SIO_ROOMS("r")), scenario_on_fetch, x));
    harness_turn(&x->h);
    z.hub.hold = true;
    scenario_asked(x, sio_ns_fetch(x->root, NULL, scenario_on_fetch, x));
    return end(&z); /* closing the adapter ends the last one */
}

static int events_between_nodes(void *user) {
    struct cluster z;
    (void)user;
    begin(&z);
    struct scenario *x = &z.x;
    scenario_sent(x, sio_ns_server_emit(x->root, "question", "iB", 3, "ab", (size_t)2));
    scenario_asked(x, sio_ns_server_emit_ack(x->root, 5000, scenario_on_answers, x, "question",
                                             "is", 4, "text"));
    harness_turn(&x->h);
    scenario_asked(x, sio_ns_server_emit_ack(x->root, 5000, scenario_on_answers, x, "nobody", ""));
    z.hub.hold = true;
    scenario_asked(x,
                   sio_ns_server_emit_ack(x->root, 4, scenario_on_answers, x, "question", "i", 4));
    harness_pass_ms(&x->h, 6);
    return end(&z);
}

static int namespaces(void *user) {
    struct cluster z;
    (void)user;
    begin(&z);
    struct scenario *x = &z.x;
    sio_ns *ns = sio_server_ns(x->h.server, "/new");
    scenario_step(x, ns != NULL);
    ns = sio_server_ns(z.second, "/new");
    scenario_step(x, ns != NULL);
    scenario_join(x, z.c[0], "/new");
    scenario_join(x, z.c[1], "/new");
    if (x->ok) {
        scenario_sent(x, sio_broadcast(ns, NULL, "x", ""));
    }
    hear_both(&z, "42/new,[\"x\"]");
    scenario_join(x, z.c[0], "/room-1");
    scenario_join(x, z.c[1], "/room-1");
    scenario_tell(x, z.c[0], "41/room-1,"); /* with its last socket it is removed */
    scenario_echo(x, z.c[0]);
    return end(&z);
}

static void on_closed(sio_server *server, void *user) {
    struct scenario *x = user;
    assert_ptr_equal(server, x->h.server);
    x->h.closed = true;
}

static bool has_closed(void *arg) {
    const struct scenario *x = arg;
    return x->h.closed;
}

static int closing(void *user) {
    struct cluster z;
    (void)user;
    begin(&z);
    struct scenario *x = &z.x;
    scenario_asked(x, sio_broadcast_ack(x->root, NULL, 5000, scenario_on_answers, x, "q", ""));
    z.hub.hold = true;
    scenario_asked(
        x, sio_ns_server_emit_ack(x->root, 5000, scenario_on_answers, x, "question", "i", 4));
    scenario_asked(x, sio_ns_fetch(x->root, NULL, scenario_on_fetch, x));
    sio_server_free(z.second);
    assert_int_equal(sio_server_close(x->h.server, on_closed, x), 0);
    harness_settle(&x->h);
    client_close(z.c[0]); /* they do not answer Close frames */
    client_close(z.c[1]);
    scenario_relax(x);
    assert_true(harness_wait(&x->h, has_closed, x));
    int r = scenario_end_closed(x);
    assert_int_equal(z.hub.closed, z.hub.opened);
    return r;
}

/* ---- tests ---- */

SCENARIO_TEST(broadcasts)
SCENARIO_TEST(selections)
SCENARIO_TEST(answers)
SCENARIO_TEST(late_answers)
SCENARIO_TEST(fetching)
SCENARIO_TEST(events_between_nodes)
SCENARIO_TEST(namespaces)
SCENARIO_TEST(closing)

int main(void) {
    static const struct CMUnitTest tests[] = {
        SCENARIO(broadcasts),   SCENARIO(selections), SCENARIO(answers),
        SCENARIO(late_answers), SCENARIO(fetching),   SCENARIO(events_between_nodes),
        SCENARIO(namespaces),   SCENARIO(closing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
