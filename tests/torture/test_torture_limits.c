/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Every limit hit and every kind of violation committed, with every allocation failing in turn:
 * what is refused stays refused, and the refusal costs nobody else anything.
 */
#include "support/scenario.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <sio/error.h>

#include "proto/ws_frame.h"

#define POLLING   "/socket.io/?EIO=4&transport=polling"
#define WEBSOCKET "/socket.io/?EIO=4&transport=websocket"
#define APP       "GET /app HTTP/1.1\r\nHost: test\r\n"

/* Times are far above what the clients at the end take, under a checker too. */
#define LIMIT_MS     30
#define CONNECT_MS   60
#define HEARTBEAT_MS 170

/* One offence: what a client does, and the cause that has to be counted for it. */
struct offence {
    int cause;
    void (*commit)(struct scenario *x);
    sio_server_options options;
};

#define WITH(...)                                                                                  \
    { .size = sizeof(sio_server_options), .log_level = SIO_LOG_NONE, __VA_ARGS__ }

#define PLAIN                                                                                      \
    { .size = sizeof(sio_server_options), .log_level = SIO_LOG_NONE }

/* ---- helpers ---- */

#define KEPT_MAX 8

/* What an offence leaves open until its cause has been counted. */
struct kept {
    const struct offence *offence;
    struct client *clients[KEPT_MAX];
    struct wire *wires[KEPT_MAX];
    sio_next *nexts[KEPT_MAX]; /* and decisions */
    size_t client_count;
    size_t wire_count;
    size_t next_count;
};

static struct client *a_client(struct scenario *x, unsigned transport) {
    struct kept *kept = x->data;
    assert_true(kept->client_count < KEPT_MAX);
    struct client *c = scenario_client(x, transport);
    kept->clients[kept->client_count] = c;
    kept->client_count++;
    return c;
}

static struct wire *a_wire(struct scenario *x) {
    struct kept *kept = x->data;
    assert_true(kept->wire_count < KEPT_MAX);
    struct wire *w = wire_open(&x->h);
    kept->wires[kept->wire_count] = w;
    kept->wire_count++;
    return w;
}

/* Text of this length: a prefix, and what fills it up. To be freed. */
static char *filled(const char *prefix, size_t len) {
    char *text = malloc(len + 1);
    size_t begin = strlen(prefix);
    assert_non_null(text);
    memset(text, 'x', len);
    memcpy(text, prefix, begin);
    text[len] = '\0';
    return text;
}

static void frame(struct scenario *x, uint8_t first, const char *data, size_t len) {
    wire_frame(a_client(x, SIO_WEBSOCKET)->ws, first, data, len);
}

static void packet(struct scenario *x, const char *text) {
    wire_text(a_client(x, SIO_WEBSOCKET)->ws, text);
}

static void post(struct scenario *x, const char *fields, const char *body, size_t len) {
    struct client *c = a_client(x, SIO_POLLING);
    wire_post(c->post, c->path, fields, body, len);
}

/* A message of this length, in one frame or two. */
static void long_message(struct scenario *x, size_t len) {
    char *text = filled("42[\"", len);
    frame(x, WS_FIN | WS_OP_TEXT, text, len);
    free(text);
}

/* ---- heads and bodies ---- */

static void head_bytes(struct scenario *x) {
    char *field = filled("X-Long: ", 2000);
    wire_printf(a_wire(x), APP "%s\r\n\r\n", field);
    free(field);
}

static void head_count(struct scenario *x) {
    struct wire *w = a_wire(x);
    wire_puts(w, APP);
    for (int i = 0; i < 20; i++) {
        wire_printf(w, "X-%d: y\r\n", i);
    }
    wire_puts(w, "\r\n");
}

static void head_time(struct scenario *x) {
    wire_puts(a_wire(x), APP "X-Slow: ");
}

static void idle_time(struct scenario *x) {
    struct wire *w = a_wire(x);
    wire_get(w, "/app", "");
    scenario_answer(x, w, 404);
}

static void body_bytes(struct scenario *x) {
    wire_puts(a_wire(x), "POST /app HTTP/1.1\r\nHost: test\r\nContent-Length: 5000\r\n\r\nabc");
}

static void chunked_body_bytes(struct scenario *x) {
    char *chunk = filled("", 600);
    struct wire *w = a_wire(x);
    wire_puts(w, "POST /app HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 3; i++) {
        wire_printf(w, "258\r\n%s\r\n", chunk);
        harness_turn(&x->h);
    }
    free(chunk);
}

static void polling_body_bytes(struct scenario *x) {
    char *body = filled("42[\"", 1001);
    post(x, "", body, 1001);
    free(body);
}

static void body_time(struct scenario *x) {
    struct client *c = a_client(x, SIO_POLLING);
    wire_printf(c->post, "POST %s HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\n42[",
                c->path);
}

static void connections(struct scenario *x) {
    for (int i = 0; i < 4; i++) {
        wire_get(a_wire(x), "/app", "");
    }
}

/* Clients are connected for the kernel, and the process may open one more file. */
static void files(struct scenario *x) {
    struct rlimit old;
    for (int i = 0; i < 4; i++) {
        wire_get(a_wire(x), "/app", "");
    }
    int lowest_free = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(lowest_free >= 0);
    close(lowest_free);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    struct rlimit few = {.rlim_cur = (rlim_t)lowest_free + 1, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    harness_turn(&x->h);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
}

static void http_syntax(struct scenario *x) {
    wire_puts(a_wire(x), APP "Content-Length: 1\r\nContent-Length: 2\r\n\r\n");
}

/* ---- requests of the engine ---- */

static void unknown_session(struct scenario *x) {
    wire_get(a_wire(x), POLLING "&sid=none", "");
}

static void origin_refused(struct scenario *x) {
    wire_upgrade_request(a_wire(x), WEBSOCKET, "Origin: http://elsewhere\r\n");
}

static void overlap(struct scenario *x) {
    struct client *c = a_client(x, SIO_POLLING);
    struct wire *w = a_wire(x);
    wire_get(c->get, c->path, "");
    wire_get(w, c->path, "");
}

static void content_type(struct scenario *x) {
    post(x, "Content-Type: application/octet-stream\r\n", "2", 1);
}

static void engine_syntax(struct scenario *x) {
    packet(x, "9");
}

static void polling_engine_syntax(struct scenario *x) {
    static const char body[] = "42[\"echo\",1]\x1e"
                               "bno base64!";
    post(x, "", body, sizeof body - 1);
}

static void heartbeat_direction(struct scenario *x) {
    packet(x, "2");
}

static void heartbeat(struct scenario *x) {
    struct client *c = a_client(x, SIO_WEBSOCKET);
    c->silent = true;
}

static void upgrade_time(struct scenario *x) {
    struct client *c = a_client(x, SIO_POLLING);
    struct wire *w = a_wire(x);
    char path[160];
    (void)snprintf(path, sizeof path, WEBSOCKET "&sid=%s", c->sid);
    wire_upgrade_request(w, path, "");
    scenario_answer(x, w, 101);
    wire_text(w, "2probe");
}

/* ---- frames ---- */

static void message_bytes(struct scenario *x) {
    long_message(x, 1001);
}

static void fragments(struct scenario *x) {
    struct client *c = a_client(x, SIO_WEBSOCKET);
    wire_frame(c->ws, WS_OP_TEXT, "42", 2);
    for (int i = 0; i < 5; i++) {
        wire_frame(c->ws, WS_OP_CONTINUATION, "x", 1);
    }
}

static void ws_syntax(struct scenario *x) {
    frame(x, WS_FIN | 0x70, "4", 1);
}

static void ws_utf8(struct scenario *x) {
    frame(x, WS_FIN | WS_OP_TEXT, "4\xff", 2);
}

static void close_time(struct scenario *x) {
    struct client *c = a_client(x, SIO_WEBSOCKET);
    wire_pause(c->ws);
    sio_socket_disconnect(scenario_socket(x, c), true);
}

/* ---- packets ---- */

static void packet_syntax(struct scenario *x) {
    packet(x, "42[\"echo\",{\"a\":[1,2,{\"b\"");
}

static void packet_state(struct scenario *x) {
    packet(x, "42/elsewhere,[\"echo\"]");
}

static void unknown_namespace(struct scenario *x) {
    packet(x, "40/none,{\"auth\":1}");
}

static void attachment_count(struct scenario *x) {
    packet(x, "453-[\"echo\"]");
}

static void attachment_bytes(struct scenario *x) {
    char *bytes = filled("", 900);
    struct client *c = a_client(x, SIO_WEBSOCKET);
    wire_text(c->ws, "452-[\"echo\",{\"_placeholder\":true,\"num\":0},"
                     "{\"_placeholder\":true,\"num\":1}]");
    wire_frame(c->ws, WS_FIN | WS_OP_BINARY, bytes, 900);
    wire_frame(c->ws, WS_FIN | WS_OP_BINARY, bytes, 900);
    free(bytes);
}

static void attachment_time(struct scenario *x) {
    struct client *c = a_client(x, SIO_WEBSOCKET);
    wire_text(c->ws, "452-[\"echo\",{\"_placeholder\":true,\"num\":0},"
                     "{\"_placeholder\":true,\"num\":1}]");
    wire_frame(c->ws, WS_FIN | WS_OP_BINARY, "ab", 2);
}

static void connect_time(struct scenario *x) {
    wire_upgrade_request(a_wire(x), WEBSOCKET, "");
}

static void namespaces(struct scenario *x) {
    struct client *c = a_client(x, SIO_WEBSOCKET);
    wire_text(c->ws, "40/a,");
    wire_text(c->ws, "40/room-1,");
    wire_text(c->ws, "40/room-2,");
    wire_text(c->ws, "40/slow,");
}

static void rooms(struct scenario *x) {
    sio_socket *s = scenario_socket(x, a_client(x, SIO_WEBSOCKET));
    (void)sio_socket_join(s, SIO_ROOMS("a", "b", "c"));
    (void)sio_ns_join(x->root, NULL, SIO_ROOMS("c", "d"));
}

static void pending_connects(struct scenario *x) {
    for (int i = 0; i < 3; i++) {
        wire_text(a_client(x, SIO_WEBSOCKET)->ws, "40/slow,");
        harness_turn(&x->h);
    }
}

/* ---- send queues ---- */

static void flood(struct scenario *x, unsigned transport) {
    char *text = filled("", 60000);
    struct client *c = a_client(x, transport);
    if (c->ws != NULL) {
        wire_pause(c->ws);
    }
    int r = 0;
    for (int i = 0; i < 2000 && r >= 0; i++) {
        r = sio_emit(scenario_socket(x, c), "flood", "s", text);
        if (i % 16 == 15) {
            harness_turn(&x->h);
        }
    }
    free(text);
}

static void send_queue(struct scenario *x) {
    flood(x, SIO_WEBSOCKET);
}

static void polling_send_queue(struct scenario *x) {
    flood(x, SIO_POLLING);
}

static void send_time(struct scenario *x) {
    char *text = filled("", 60000);
    struct client *c = a_client(x, SIO_WEBSOCKET);
    sio_socket *s = scenario_socket(x, c);
    wire_pause(c->ws);
    for (int i = 0; i < 200 && sio_socket_pending_bytes(s) < 150000; i++) {
        (void)sio_emit(s, "fill", "s", text);
        harness_turn(&x->h);
        s = scenario_socket(x, c);
    }
    harness_pass_ms(&x->h, LIMIT_MS + 5);
    (void)sio_emit(scenario_socket(x, c), "last", "s", text);
    free(text);
}

/* ---- the table ---- */

static const struct offence offences[] = {
    {SIO_CAUSE_HEAD_BYTES, head_bytes, WITH(.max_head_bytes = 1024)},
    {SIO_CAUSE_HEAD_COUNT, head_count, WITH(.max_headers = 15)},
    {SIO_CAUSE_HEAD_TIME, head_time, WITH(.head_timeout_ms = LIMIT_MS)},
    {SIO_CAUSE_IDLE_TIME, idle_time, WITH(.keep_alive_timeout_ms = LIMIT_MS)},
    {SIO_CAUSE_BODY_BYTES, body_bytes, WITH(.max_payload_bytes = 1000)},
    {SIO_CAUSE_BODY_BYTES, chunked_body_bytes, WITH(.max_payload_bytes = 1000)},
    {SIO_CAUSE_BODY_BYTES, polling_body_bytes, WITH(.max_payload_bytes = 1000)},
    {SIO_CAUSE_BODY_TIME, body_time, WITH(.body_timeout_ms = LIMIT_MS)},
    {SIO_CAUSE_CONNECTIONS, connections, WITH(.max_connections = 3)},
    {SIO_CAUSE_FILES, files, PLAIN},
    {SIO_CAUSE_HTTP_SYNTAX, http_syntax, PLAIN},
    {SIO_CAUSE_UNKNOWN_SESSION, unknown_session, PLAIN},
    {SIO_CAUSE_ORIGIN_REFUSED, origin_refused, PLAIN},
    {SIO_CAUSE_OVERLAP, overlap, PLAIN},
    {SIO_CAUSE_CONTENT_TYPE, content_type, PLAIN},
    {SIO_CAUSE_ENGINE_SYNTAX, engine_syntax, PLAIN},
    {SIO_CAUSE_ENGINE_SYNTAX, polling_engine_syntax, PLAIN},
    {SIO_CAUSE_HEARTBEAT_DIRECTION, heartbeat_direction, PLAIN},
    {SIO_CAUSE_HEARTBEAT, heartbeat,
     WITH(.ping_interval_ms = 20, .ping_timeout_ms = HEARTBEAT_MS - 20)},
    {SIO_CAUSE_UPGRADE_TIME, upgrade_time, WITH(.upgrade_timeout_ms = LIMIT_MS)},
    {SIO_CAUSE_MESSAGE_BYTES, message_bytes, WITH(.max_payload_bytes = 1000)},
    {SIO_CAUSE_FRAGMENTS, fragments, WITH(.max_fragments = 4)},
    {SIO_CAUSE_WS_SYNTAX, ws_syntax, PLAIN},
    {SIO_CAUSE_WS_UTF8, ws_utf8, PLAIN},
    {SIO_CAUSE_CLOSE_TIME, close_time, WITH(.close_timeout_ms = LIMIT_MS)},
    {SIO_CAUSE_PACKET_SYNTAX, packet_syntax, PLAIN},
    {SIO_CAUSE_PACKET_STATE, packet_state, PLAIN},
    {SIO_CAUSE_UNKNOWN_NAMESPACE, unknown_namespace, PLAIN},
    {SIO_CAUSE_ATTACHMENT_COUNT, attachment_count, WITH(.max_attachments = 2)},
    {SIO_CAUSE_ATTACHMENT_BYTES, attachment_bytes, WITH(.max_attachment_bytes = 1000)},
    {SIO_CAUSE_ATTACHMENT_TIME, attachment_time, WITH(.attachment_timeout_ms = LIMIT_MS)},
    {SIO_CAUSE_CONNECT_TIME, connect_time, WITH(.connect_timeout_ms = CONNECT_MS)},
    {SIO_CAUSE_NAMESPACES, namespaces, WITH(.max_namespaces_per_connection = 3)},
    {SIO_CAUSE_DYNAMIC_NAMESPACES, namespaces, WITH(.max_dynamic_namespaces = 1)},
    {SIO_CAUSE_ROOMS, rooms, WITH(.max_rooms_per_socket = 2)},
    {SIO_CAUSE_PENDING_CONNECTS, pending_connects, WITH(.max_pending_connects = 2)},
    {SIO_CAUSE_SEND_QUEUE, send_queue,
     WITH(.send_high_water_bytes = 1000, .send_soft_bytes = 100000, .send_hard_bytes = 200000)},
    {SIO_CAUSE_SEND_QUEUE, polling_send_queue,
     WITH(.send_high_water_bytes = 1000, .send_soft_bytes = 100000, .send_hard_bytes = 200000)},
    {SIO_CAUSE_SEND_TIME, send_time,
     WITH(.send_high_water_bytes = 1000, .send_soft_bytes = 100000, .send_soft_ms = LIMIT_MS)},
};

/* ---- the scenario ---- */

static void keep_decision(sio_socket *s, sio_next *next, void *user) {
    const struct scenario *x = user;
    struct kept *kept = x->data;
    (void)s;
    assert_true(kept->next_count < KEPT_MAX);
    kept->nexts[kept->next_count] = next;
    kept->next_count++;
}

static void add_namespaces(struct scenario *x) {
    assert_non_null(sio_server_ns(x->h.server, "/a"));
    assert_non_null(sio_server_ns_match(x->h.server, "^/room-[0-9]+$"));
    assert_int_equal(sio_ns_use(sio_server_ns(x->h.server, "/slow"), keep_decision, x), 0);
}

static bool was_counted(void *scenario) {
    const struct scenario *x = scenario;
    const struct kept *kept = x->data;
    return harness_cause(&x->h, kept->offence->cause) > 0;
}

/* How long it takes at most until the cause is counted. */
static uint64_t time_of(const struct offence *o) {
    switch (o->cause) {
    case SIO_CAUSE_HEARTBEAT: return HEARTBEAT_MS;
    case SIO_CAUSE_CONNECT_TIME: return CONNECT_MS;
    default: return strstr(sio_cause_name(o->cause), "TIME") != NULL ? LIMIT_MS : 0;
    }
}

static int commit(void *user) {
    struct scenario x;
    struct kept kept = {.offence = user};
    scenario_begin(&x, &kept.offence->options, add_namespaces);
    x.data = &kept;
    kept.offence->commit(&x);
    if (time_of(kept.offence) > 0 && scenario_may_fail()) {
        harness_pass_ms(&x.h, time_of(kept.offence) + 5);
    }
    scenario_until(&x, was_counted);
    for (size_t i = 0; i < kept.client_count; i++) {
        client_close(kept.clients[i]);
    }
    for (size_t i = 0; i < kept.wire_count; i++) {
        wire_close(kept.wires[i]);
    }
    for (size_t i = 0; i < kept.next_count; i++) {
        sio_next_ok(kept.nexts[i]);
    }
    harness_settle(&x.h); /* there may be a greatest number of connections */
    return scenario_end(&x);
}

static void server_survives_offences(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof offences / sizeof offences[0]; i++) {
        print_message("torture: %s\n", sio_cause_name(offences[i].cause));
        torture_run(commit, (void *)(uintptr_t)&offences[i]);
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        SCENARIO(offences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
