/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* The server itself: options, life and end, threads, logging, statistics, namespaces made for
 * clients. */
#include "support/client.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "proto/ws_frame.h"
#include <sio/error.h>

/* ---- options ---- */

/* What the log says of refused options. */
struct log_lines {
    size_t count;
    char last[256];
};

static void keep_line(int level, const char *component, const char *message, void *user) {
    struct log_lines *l = user;
    l->count++;
    (void)snprintf(l->last, sizeof l->last, "%s %s %s", sio_log_level_name(level), component,
                   message);
}

static void options_are_checked(void **state) {
    (void)state;
    const sio_cookie bad_cookies[] = {{.size = sizeof(sio_cookie), .name = "a b"},
                                      {.size = sizeof(sio_cookie), .path = "/a;b"},
                                      {.size = sizeof(sio_cookie), .domain = "a\r\nb"},
                                      {.size = sizeof(sio_cookie), .same_site = "None; Evil"}};
    const sio_cors bad_cors[] = {{.size = sizeof(sio_cors), .origin = "http://a\r\nX: y"},
                                 {.size = sizeof(sio_cors), .methods = "GET\n"},
                                 {.size = sizeof(sio_cors), .headers = "a\rb"},
                                 {.size = sizeof(sio_cors), .expose = "a\nb"}};
    const struct {
        const sio_server_options *options;
        const char *logged;
    } cases[] = {
        {SIO_SERVER_OPTIONS(.path = "relative"), "option path"},
        {SIO_SERVER_OPTIONS(.path = ""), "option path"},
        {SIO_SERVER_OPTIONS(.transports = 4), "option transports"},
        {SIO_SERVER_OPTIONS(.max_head_bytes = 65536), "option max_head_bytes"},
        {SIO_SERVER_OPTIONS(.max_payload_bytes = UINT32_MAX), "option max_payload_bytes"},
        {SIO_SERVER_OPTIONS(.send_hard_bytes = 1000), "option send_*_bytes"},
        {SIO_SERVER_OPTIONS(.send_high_water_bytes = 5000000), "option send_*_bytes"},
        {SIO_SERVER_OPTIONS(.log_level = 6), "option log_level"},
        {SIO_SERVER_OPTIONS(.log_level = -1), "option log_level"},
        {SIO_SERVER_OPTIONS(.cookie = &bad_cookies[0]), "option cookie"},
        {SIO_SERVER_OPTIONS(.cookie = &bad_cookies[1]), "option cookie"},
        {SIO_SERVER_OPTIONS(.cookie = &bad_cookies[2]), "option cookie"},
        {SIO_SERVER_OPTIONS(.cookie = &bad_cookies[3]), "option cookie"},
        {SIO_SERVER_OPTIONS(.cors = &bad_cors[0]), "option cors"},
        {SIO_SERVER_OPTIONS(.cors = &bad_cors[1]), "option cors"},
        {SIO_SERVER_OPTIONS(.cors = &bad_cors[2]), "option cors"},
        {SIO_SERVER_OPTIONS(.cors = &bad_cors[3]), "option cors"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct log_lines l = {0};
        sio_server *server = NULL;
        sio_server_options o = *cases[i].options;
        o.log_level = o.log_level != 0 ? o.log_level : SIO_LOG_ERROR;
        o.log = keep_line;
        o.log_user = &l;
        assert_int_equal(sio_server_new(&server, &o), SIO_ERR_INVALID);
        assert_null(server);
        if (o.log_level > 0) { /* else not even this is logged */
            assert_int_equal(l.count, 1);
            assert_non_null(strstr(l.last, cases[i].logged));
        }
    }
}

/* Options of a later version, with one more member. */
struct later_options {
    sio_server_options now;
    uint64_t more;
};

static void options_of_other_versions_are_understood(void **state) {
    (void)state;
    struct later_options later = {.now = {.size = sizeof later}};
    sio_server *server = NULL;
    assert_int_equal(sio_server_new(&server, &later.now), 0); /* what is unknown is not used */
    sio_server_free(server);
    server = NULL;
    later.more = 1;
    assert_int_equal(sio_server_new(&server, &later.now), SIO_ERR_VERSION);
    assert_null(server);
    /* Of an earlier version: what is behind its end is not read. */
    sio_server_options earlier = {.size = offsetof(sio_server_options, adapter)};
    earlier.adapter = (const void *)1;
    assert_int_equal(sio_server_new(&server, &earlier), 0);
    sio_server_free(server);
    server = NULL;
    sio_server_options none = {.size = 0};
    assert_int_equal(sio_server_new(&server, &none), SIO_ERR_INVALID);
    struct {
        sio_cors now;
        uint64_t more;
    } cors = {.now = {.size = sizeof cors}, .more = 1};
    assert_int_equal(sio_server_new(&server, SIO_SERVER_OPTIONS(.cors = &cors.now)),
                     SIO_ERR_VERSION);
    assert_null(server);
}

static void strings_of_options_are_copied(void **state) {
    (void)state;
    struct harness h;
    char path[] = "/engine";
    char initial[] = "hello";
    harness_init(&h, SIO_SERVER_OPTIONS(.path = path, .initial_packet = initial));
    memset(path, 'x', sizeof path - 1);
    memset(initial, 'x', sizeof initial - 1);
    harness_listen(&h);
    struct wire *w = wire_open(&h);
    wire_upgrade_request(w, "/engine/?EIO=4&transport=websocket", "");
    wire_expect_status(w, 101);
    assert_memory_equal(wire_read_frame(w)->data, "0{", 2);
    assert_string_equal(wire_read_frame(w)->data, "4hello");
    assert_int_equal(http_get_status(&h, "/socket.io/?EIO=4&transport=polling"), 404);
    wire_close(w);
    harness_done(&h);
}

/* ---- logging ---- */

static void nothing_is_logged_when_nothing_is_wrong(void **state) {
    (void)state;
    struct harness h;
    harness_init(&h, NULL);
    harness_echo(harness_root(&h));
    harness_listen(&h);
    struct client *c = client_join_root(&h);
    client_expect_alive(c);
    client_close(c);
    harness_close(&h);
    assert_int_equal(h.log_len, 0);
    harness_done(&h);
}

static void starts_and_ends_are_information(void **state) {
    (void)state;
    struct harness h;
    harness_init(&h, SIO_SERVER_OPTIONS(.log_level = SIO_LOG_INFO));
    harness_listen(&h);
    assert_true(harness_logged(&h, "info socket.io:server listening on 127.0.0.1 port "));
    harness_close(&h);
    assert_true(harness_logged(&h, "info socket.io:server closed"));
    assert_false(harness_logged(&h, "debug"));
    harness_done(&h);
}

struct debug_case {
    const char *pattern;
    bool engine;
    bool engine_http;
    bool namespaces;
};

static const struct debug_case debug_cases[] = {
    {NULL, false, false, false},
    {"*", true, true, true},
    {"engine", true, false, false},
    {"engine*", true, true, false},
    {"engine*,-engine:http", true, false, false},
    {"socket.io:*", false, false, true},
    {"*,-engine*", false, false, true},
    {"-engine*,*", false, false, true},
    {"nothing", false, false, false},
    {"engine:http socket.io:namespace", false, true, true},
};

static void debug_patterns_choose_components(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof debug_cases / sizeof debug_cases[0]; i++) {
        const struct debug_case *d = &debug_cases[i];
        struct harness h;
        harness_init(&h, SIO_SERVER_OPTIONS(.debug = d->pattern));
        harness_listen(&h);
        client_close(client_join_root(&h));
        harness_close(&h);
        assert_int_equal(harness_logged(&h, "debug engine "), d->engine);
        assert_int_equal(harness_logged(&h, "debug engine:http "), d->engine_http);
        assert_int_equal(harness_logged(&h, "debug socket.io:namespace "), d->namespaces);
        harness_done(&h);
    }
}

static void log_lines_of_peers_are_escaped_and_limited(void **state) {
    (void)state;
    struct harness h;
    harness_init(&h, SIO_SERVER_OPTIONS(.debug = "*", .max_headers = 3));
    harness_listen(&h);
    for (int i = 0; i < 5; i++) {
        struct wire *w = wire_open(&h);
        wire_puts(w,
                  "GET /\x01\x7f\xff HTTP/1.1\r\nHost: a\r\nA: \x1b[31m\r\nB: b\r\nC: c\r\n\r\n");
        (void)wire_response(w);
        wire_close(w);
        w = wire_open(&h);
        wire_puts(w, "GET / HTTP/1.1\r\nHost: a\r\nA: a\r\nB: b\r\nC: c\r\n\r\n");
        wire_expect_status(w, 431);
        wire_close(w);
    }
    assert_int_equal(harness_cause(&h, SIO_CAUSE_HEAD_COUNT), 5);
    size_t warnings = 0;
    static const char line[] = "warn engine cause 21";
    for (const char *at = strstr(h.log, line); at != NULL; at = strstr(at + 1, line)) {
        warnings++;
    }
    assert_int_equal(warnings, 1); /* five within one second */
    for (const char *at = h.log; *at != '\0'; at++) {
        assert_true(*at == '\n' || (*at >= ' ' && *at < 0x7f));
    }
    harness_done(&h);
}

/* ---- life and end ---- */

static void servers_may_be_freed_in_every_state(void **state) {
    (void)state;
    struct harness h;
    sio_server *server = NULL;
    assert_int_equal(sio_server_new(&server, NULL), 0);
    assert_non_null(sio_server_ns(server, "/a"));
    sio_server_free(server); /* never on a loop */

    assert_int_equal(sio_server_new(&server, NULL), 0);
    assert_int_equal(sio_server_listen(server, "127.0.0.1", 0), 0);
    sio_server_free(server); /* on its own loop, which never ran */

    harness_init(&h, NULL);
    harness_listen(&h);
    struct client *c = client_join_root(&h);
    sio_server_free(h.server); /* open, with a client: goes when the loop has run */
    h.server = NULL;
    assert_true(client_wait_end(c));
    client_close(c);
    harness_done(&h);

    harness_init(&h, NULL);
    harness_listen(&h);
    c = client_join_root(&h);
    assert_int_equal(sio_server_close(h.server, NULL, NULL), 0);
    sio_server_free(h.server); /* while it closes */
    h.server = NULL;
    assert_true(client_wait_end(c));
    client_close(c);
    harness_done(&h);
}

static void free_when_closed(sio_server *server, void *user) {
    bool *done = user;
    sio_server_free(server);
    *done = true;
}

static bool is_true(void *arg) {
    return *(bool *)arg;
}

static void servers_may_be_freed_when_they_tell_of_their_end(void **state) {
    (void)state;
    struct harness h;
    bool done = false;
    harness_init(&h, NULL);
    harness_listen(&h);
    struct client *c = client_join_root(&h);
    assert_int_equal(sio_server_close(h.server, free_when_closed, &done), 0);
    h.server = NULL;
    assert_false(done);
    assert_true(harness_wait(&h, is_true, &done));
    client_close(c);
    harness_done(&h);
}

static void closing_does_not_wait_for_clients_for_ever(void **state) {
    (void)state;
    struct harness h;
    struct wire *w[3];
    harness_init(&h, NULL);
    harness_listen(&h);
    struct client *deaf = client_join_root(&h);
    wire_pause(deaf->ws);
    for (int i = 0; i < 3; i++) {
        w[i] = wire_open(&h);
    }
    wire_puts(w[1], "GET / HT");
    wire_puts(w[2], "POST /app HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nx");
    harness_turn(&h);
    harness_close(&h); /* none of them closes its side */
    client_close(deaf);
    for (int i = 0; i < 3; i++) {
        wire_close(w[i]);
    }
    harness_done(&h);
}

static void two_servers_share_a_loop(void **state) {
    (void)state;
    struct harness h;
    sio_server *second = NULL;
    harness_init(&h, NULL);
    harness_echo(harness_root(&h));
    harness_listen(&h);
    assert_int_equal(sio_server_new(&second, NULL), 0);
    assert_int_equal(sio_server_attach_uv(second, &h.loop), 0);
    assert_non_null(sio_server_ns(second, "/"));
    assert_int_equal(sio_server_listen(second, "127.0.0.1", 0), 0);
    uint16_t first_port = h.port;
    struct client *a = client_join_root(&h);
    h.port = sio_server_port(second);
    struct client *b = client_join_root(&h);
    h.port = first_port;
    assert_int_equal(sio_ns_count(sio_server_ns(second, "/")), 1);
    sio_server_free(second);
    assert_true(client_wait_end(b));
    client_expect_alive(a);
    client_close(a);
    client_close(b);
    harness_done(&h);
}

/* ---- threads ---- */

struct runner {
    sio_server *server;
    pthread_t thread;
    int result;
};

static void *run_server(void *arg) {
    struct runner *r = arg;
    r->result = sio_server_run(r->server);
    return NULL;
}

static void start(struct runner *r) {
    *r = (struct runner){.result = 1};
    assert_int_equal(sio_server_new(&r->server, NULL), 0);
    assert_int_equal(sio_server_listen(r->server, "127.0.0.1", 0), 0);
    assert_int_equal(pthread_create(&r->thread, NULL, run_server, r), 0);
}

static void finish(struct runner *r) {
    assert_int_equal(pthread_join(r->thread, NULL), 0);
    assert_int_equal(r->result, 0);
    sio_server_free(r->server);
}

static void servers_are_stopped_from_other_threads(void **state) {
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct runner r;
        start(&r);
        sio_server_stop(r.server); /* maybe before it runs */
        sio_server_stop(r.server);
        finish(&r);
    }
}

#define POSTERS 4
#define POSTS   2000

/* What the posts of several threads do. Written on the server's thread, read when that has ended.
 */
struct posts {
    unsigned next[POSTERS]; /* number that each thread's next post has */
    unsigned count;
    bool in_order;
};

struct posted {
    struct posts *posts;
    unsigned who;
    unsigned number;
};

struct poster {
    sio_server *server;
    pthread_t thread;
    unsigned accepted;
    bool odd_result;
    struct posted posted[POSTS];
};

static void on_post(sio_server *server, void *arg) {
    const struct posted *p = arg;
    (void)server;
    p->posts->in_order = p->posts->in_order && p->number == p->posts->next[p->who];
    p->posts->next[p->who] = p->number + 1;
    p->posts->count++;
}

static void *post_many(void *arg) {
    struct poster *p = arg;
    for (unsigned i = 0; i < POSTS; i++) {
        int r = sio_server_post(p->server, on_post, &p->posted[i]);
        p->accepted += r == 0 ? 1 : 0;
        p->odd_result = p->odd_result || (r != 0 && r != SIO_ERR_CLOSED);
    }
    return NULL;
}

static void post_from_threads(bool stop_meanwhile) {
    static struct poster posters[POSTERS];
    struct posts posts = {.in_order = true};
    struct runner r;
    unsigned accepted = 0;
    start(&r);
    for (unsigned who = 0; who < POSTERS; who++) {
        struct poster *p = &posters[who];
        p->server = r.server;
        p->accepted = 0;
        p->odd_result = false;
        for (unsigned i = 0; i < POSTS; i++) {
            p->posted[i] = (struct posted){&posts, who, i};
        }
        assert_int_equal(pthread_create(&p->thread, NULL, post_many, p), 0);
    }
    if (stop_meanwhile) {
        sio_server_stop(r.server);
    }
    for (unsigned who = 0; who < POSTERS; who++) {
        assert_int_equal(pthread_join(posters[who].thread, NULL), 0);
        assert_false(posters[who].odd_result);
        accepted += posters[who].accepted;
    }
    sio_server_stop(r.server);
    finish(&r);
    assert_true(posts.in_order);             /* of each thread */
    assert_int_equal(posts.count, accepted); /* what was accepted ran, and nothing else */
    if (!stop_meanwhile) {
        assert_int_equal(accepted, POSTERS * POSTS);
    }
}

static void posts_run_once_and_in_order(void **state) {
    (void)state;
    post_from_threads(false);
}

static void posts_race_with_the_end(void **state) {
    (void)state;
    for (int i = 0; i < 5; i++) {
        post_from_threads(true);
    }
}

static void stop_inside(sio_server *server, void *arg) {
    (void)arg;
    sio_server_stop(server);
}

static void servers_are_stopped_from_inside(void **state) {
    (void)state;
    struct runner r;
    start(&r);
    int posted_now = SIO_ERR_CLOSED;
    while (posted_now == SIO_ERR_CLOSED) { /* the loop is about to start */
        posted_now = sio_server_post(r.server, stop_inside, NULL);
    }
    assert_int_equal(posted_now, 0);
    finish(&r);
}

/* ---- statistics ---- */

static void gauges_return_to_nothing(void **state) {
    (void)state;
    struct harness h;
    harness_init(&h, SIO_SERVER_OPTIONS(.cleanup_empty_namespaces = true));
    sio_ns *parent = sio_server_ns_match(h.server, "^/dyn");
    harness_observe(&h, harness_root(&h));
    harness_observe(&h, parent);
    harness_echo(harness_root(&h));
    harness_listen(&h);
    sio_stats before = harness_stats(&h);
    assert_int_equal(before.namespaces, 1);
    struct client *ws = client_join_root(&h);
    struct client *polling = client_open(&h, SIO_POLLING);
    struct client *upgraded = client_open(&h, SIO_POLLING);
    client_join(polling, "/");
    client_join(polling, "/dynamic");
    client_join(upgraded, "/");
    assert_true(client_upgrade(upgraded));
    client_expect_alive(upgraded);
    assert_int_equal(
        sio_socket_join(sio_ns_find(harness_root(&h), ws->socket_sid), SIO_ROOMS("a", "b")), 0);
    sio_stats s = harness_stats(&h);
    assert_int_equal(s.sessions, 3);
    assert_int_equal(s.polling_sessions, 1);
    assert_int_equal(s.websocket_sessions, 2);
    assert_int_equal(s.sockets, 4);
    assert_int_equal(s.namespaces, 2);
    assert_int_equal(s.rooms, 2);
    assert_int_equal(s.connections, 4); /* the two of polling included */
    assert_int_equal(s.sessions_total, 3);
    assert_int_equal(s.upgrades_total, 1);
    assert_int_equal(s.events_in, 1);
    assert_true(s.packets_in >= 5 && s.packets_out >= 8);
    assert_true(s.bytes_in > 500 && s.bytes_out > 500);
    assert_int_equal(sio_broadcast(harness_root(&h), NULL, "x", ""), 3);
    s = harness_stats(&h);
    assert_int_equal(s.broadcasts, 1);
    assert_int_equal(s.deliveries, 3);
    assert_true(client_send(polling, "1"));
    client_close(ws);
    client_close(polling);
    client_close(upgraded);
    harness_wait_count(&h, &h.seen.disconnects, 4);
    harness_settle(&h);
    s = harness_stats(&h);
    assert_int_equal(s.sessions, 0);
    assert_int_equal(s.polling_sessions, 0);
    assert_int_equal(s.websocket_sessions, 0);
    assert_int_equal(s.sockets, 0);
    assert_int_equal(s.namespaces, 1);
    assert_int_equal(s.rooms, 0);
    assert_int_equal(s.connections, 0);
    uint64_t reasons = 0;
    for (size_t i = 0; i < sizeof s.reasons / sizeof s.reasons[0]; i++) {
        reasons += s.reasons[i];
    }
    assert_int_equal(reasons, 4);
    harness_done(&h);
}

static void statistics_know_their_size(void **state) {
    (void)state;
    struct harness h;
    struct {
        sio_stats stats;
        uint64_t behind;
    } s;
    harness_init(&h, NULL);
    memset(&s, 0x55, sizeof s);
    s.stats.size = offsetof(sio_stats, polling_sessions);
    sio_server_stats(h.server, &s.stats);
    assert_int_equal(s.stats.sessions, 0);
    assert_int_equal(s.stats.polling_sessions, 0x5555555555555555u);
    s.stats.size = sizeof s; /* of a later version */
    sio_server_stats(h.server, &s.stats);
    assert_int_equal(s.stats.polling_sessions, 0);
    assert_int_equal(s.behind, 0x5555555555555555u);
    assert_int_equal(s.stats.size, sizeof s.stats);
    memset(&s, 0x55, sizeof s);
    s.stats.size = 0;
    sio_server_stats(h.server, &s.stats);
    assert_int_equal(s.stats.sessions, 0x5555555555555555u);
    harness_done(&h);
}

/* ---- namespaces made for clients ---- */

struct asked {
    size_t count;
    size_t made;
    sio_next *next;
    char auth[32];
};

static void on_check(const char *name, const sio_val *auth, sio_next *next, void *user) {
    struct asked *a = user;
    a->count++;
    const char *token = sio_val_str(sio_val_get(auth, "token"), NULL);
    (void)snprintf(a->auth, sizeof a->auth, "%s", token != NULL ? token : "none");
    if (strcmp(name, "/later") == 0) {
        a->next = next;
    } else if (strncmp(name, "/yes", 4) == 0) {
        sio_next_ok(next);
    } else {
        sio_next_fail(next, NULL, NULL);
    }
}

static void on_new_ns(sio_ns *ns, void *user) {
    struct asked *a = user;
    assert_non_null(strchr(sio_ns_name(ns), '/'));
    a->made++;
}

static bool has_next(void *arg) {
    const struct asked *a = arg;
    return a->next != NULL;
}

static void parents_are_asked_in_order(void **state) {
    (void)state;
    struct harness h;
    struct asked first = {0};
    struct asked second = {0};
    struct asked made = {0};
    harness_init(&h, NULL);
    sio_ns *one = sio_server_ns_check(h.server, on_check, &first);
    sio_ns *two = sio_server_ns_match(h.server, "^/(yes2|pattern)$");
    assert_non_null(sio_server_ns_check(h.server, on_check, &second));
    sio_server_on_new_ns(h.server, on_new_ns, &made);
    harness_echo(one);
    harness_listen(&h);
    struct client *c = client_open(&h, SIO_WEBSOCKET);
    assert_true(client_send(c, "40/yes1,{\"token\":\"t\"}"));
    assert_memory_equal(client_receive(c)->data, "40/yes1,{", 9);
    assert_string_equal(first.auth, "t");
    client_join(c, "/yes2"); /* the first one that allows it */
    client_join(c, "/pattern");
    assert_int_equal(first.count, 3);
    assert_int_equal(second.count, 0);
    assert_false(client_try_join(c, "/no"));
    assert_string_equal(c->taken->data, "44/no,{\"message\":\"Invalid namespace\"}");
    assert_int_equal(second.count, 1);
    assert_int_equal(made.made, 3);
    assert_string_equal(first.auth, "none");
    assert_true(client_send(c, "42/yes2,[\"echo\",1]"));
    client_expect(c, "42/yes2,[\"echo\",1]");
    assert_int_equal(sio_broadcast(one, NULL, "all", ""), 2); /* to all children */
    assert_int_equal(sio_broadcast(two, NULL, "all", ""), 1);
    client_expect(c, "42/yes1,[\"all\"]");
    client_expect(c, "42/yes2,[\"all\"]");
    client_expect(c, "42/pattern,[\"all\"]");
    assert_true(client_send(c, "40/later,"));
    assert_true(harness_wait(&h, has_next, &first));
    assert_true(client_send(c, "40/yes3,")); /* does not wait for it */
    assert_memory_equal(client_receive(c)->data, "40/yes3,{", 9);
    sio_next_ok(first.next);
    assert_memory_equal(client_receive(c)->data, "40/later,{", 10);
    client_close(c);
    harness_done(&h);
}

static void parents_see_whole_names_only(void **state) {
    (void)state;
    struct harness h;
    struct asked a = {0};
    harness_init(&h, NULL);
    assert_non_null(sio_server_ns_match(h.server, "^/pattern$"));
    assert_non_null(sio_server_ns_check(h.server, on_check, &a));
    harness_listen(&h);
    struct client *c = client_open(&h, SIO_WEBSOCKET);
    static const char *const names[] = {"40/pattern\0x,", "40/yes\0x,"};
    static const size_t lens[] = {13, 9};
    for (size_t i = 0; i < 2; i++) {
        wire_frame(c->ws, WS_FIN | WS_OP_TEXT, names[i], lens[i]);
        const struct packet *answer = client_receive(c);
        assert_memory_equal(answer->data, "44", 2);
        assert_memory_equal(answer->data + 2, names[i] + 2, lens[i] - 2);
    }
    assert_int_equal(a.count, 0);
    assert_int_equal(harness_stats(&h).namespaces, 1);
    client_close(c);
    harness_done(&h);
}

static void names_of_dynamic_namespaces_are_short(void **state) {
    (void)state;
    struct harness h;
    harness_init(&h, NULL);
    assert_non_null(sio_server_ns_match(h.server, "^/room-[0-9]+$"));
    harness_listen(&h);
    struct client *c = client_open(&h, SIO_WEBSOCKET);
    char connect[2048] = "40/room-";
    size_t prefix = strlen(connect);
    memset(connect + prefix, '7', 1025);
    memcpy(connect + 2 + 1025, ",", 2);
    assert_true(client_send(c, connect));
    assert_memory_equal(client_receive(c)->data, "44/room-777", 11);
    assert_int_equal(harness_stats(&h).namespaces, 1);
    memcpy(connect + 2 + 1024, ",", 2);
    assert_true(client_send(c, connect));
    assert_memory_equal(client_receive(c)->data, "40/room-777", 11);
    assert_int_equal(harness_stats(&h).namespaces, 2);
    client_close(c);
    harness_done(&h);
}

static void questions_about_namespaces_may_stay_open(void **state) {
    (void)state;
    struct harness h;
    struct asked a = {0};
    harness_init(&h, NULL);
    assert_non_null(sio_server_ns_check(h.server, on_check, &a));
    harness_listen(&h);
    struct client *c = client_open(&h, SIO_WEBSOCKET);
    assert_true(client_send(c, "40/later,"));
    assert_true(harness_wait(&h, has_next, &a));
    assert_true(client_send(c, "40/later,")); /* twice is a violation */
    assert_true(client_wait_end(c));
    client_close(c);
    harness_settle(&h);
    sio_next_ok(a.next); /* nobody is there any more */
    harness_settle(&h);
    assert_null(sio_server_find_ns(h.server, "/later"));
    a.next = NULL;
    c = client_open(&h, SIO_WEBSOCKET);
    assert_true(client_send(c, "40/later,"));
    assert_true(harness_wait(&h, has_next, &a));
    harness_close(&h);
    sio_next_fail(a.next, "closed", NULL); /* nor the server */
    client_close(c);
    harness_done(&h);
}

static void namespaces_have_one_name(void **state) {
    (void)state;
    struct harness h;
    harness_init(&h, NULL);
    sio_ns *chat = sio_server_ns(h.server, "/chat");
    assert_ptr_equal(sio_server_ns(h.server, "chat"), chat);
    assert_ptr_equal(sio_server_find_ns(h.server, "chat"), chat);
    assert_string_equal(sio_ns_name(chat), "/chat");
    assert_ptr_equal(sio_ns_server(chat), h.server);
    assert_string_equal(sio_ns_name(sio_server_ns(h.server, NULL)), "/");
    assert_ptr_equal(sio_server_ns(h.server, ""), harness_root(&h));
    assert_null(sio_server_find_ns(h.server, "/none"));
    harness_done(&h);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_checked),
        cmocka_unit_test(options_of_other_versions_are_understood),
        cmocka_unit_test(strings_of_options_are_copied),
        cmocka_unit_test(nothing_is_logged_when_nothing_is_wrong),
        cmocka_unit_test(starts_and_ends_are_information),
        cmocka_unit_test(debug_patterns_choose_components),
        cmocka_unit_test(log_lines_of_peers_are_escaped_and_limited),
        cmocka_unit_test(servers_may_be_freed_in_every_state),
        cmocka_unit_test(servers_may_be_freed_when_they_tell_of_their_end),
        cmocka_unit_test(closing_does_not_wait_for_clients_for_ever),
        cmocka_unit_test(two_servers_share_a_loop),
        cmocka_unit_test(servers_are_stopped_from_other_threads),
        cmocka_unit_test(posts_run_once_and_in_order),
        cmocka_unit_test(posts_race_with_the_end),
        cmocka_unit_test(servers_are_stopped_from_inside),
        cmocka_unit_test(gauges_return_to_nothing),
        cmocka_unit_test(statistics_know_their_size),
        cmocka_unit_test(parents_are_asked_in_order),
        cmocka_unit_test(parents_see_whole_names_only),
        cmocka_unit_test(names_of_dynamic_namespaces_are_short),
        cmocka_unit_test(questions_about_namespaces_may_stay_open),
        cmocka_unit_test(namespaces_have_one_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
