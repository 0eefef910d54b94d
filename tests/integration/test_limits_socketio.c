/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* Limits of the Socket.IO protocol: attachments, namespaces, rooms, decisions that wait. */
#include "support/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sio/error.h>

#define ONE_PLACEHOLDER  "{\"_placeholder\":true,\"num\":0}"
#define TWO_PLACEHOLDERS ONE_PLACEHOLDER ",{\"_placeholder\":true,\"num\":1}"

/* ---- attachments ---- */

static void packets_have_a_greatest_number_of_attachments(void **state) {
    (void)state;
    struct limit_test t;
    limit_begin(&t, SIO_SERVER_OPTIONS(.max_attachments = 2), NULL);
    struct client *c = client_join_root(&t.h);
    assert_true(client_send(c, "452-[\"echo\"," TWO_PLACEHOLDERS "]"));
    assert_true(client_send_binary(c, "ab", 2));
    assert_true(client_send_binary(c, "cd", 2));
    client_expect(c, "452-[\"echo\"," TWO_PLACEHOLDERS "]");
    client_expect_binary(c, "ab", 2);
    client_expect_binary(c, "cd", 2);
    limit_expect_none(&t, SIO_CAUSE_ATTACHMENT_COUNT);
    assert_true(client_send(c, "453-[\"echo\"]"));
    assert_true(client_wait_end(c));
    limit_expect_disconnect(&t, SIO_REASON_FORCED_CLOSE, SIO_CAUSE_ATTACHMENT_COUNT);
    limit_expect(&t, SIO_CAUSE_ATTACHMENT_COUNT);
    assert_int_equal(t.h.seen.errors, 1);
    client_close(c);
    limit_end(&t);
}

static void attachments_have_a_greatest_size(void **state) {
    (void)state;
    struct limit_test t;
    char *bytes = calloc(1, 2000);
    assert_non_null(bytes);
    limit_begin(&t, SIO_SERVER_OPTIONS(.max_attachment_bytes = 2000), NULL);
    struct client *c = client_join_root(&t.h);
    assert_true(client_send(c, "452-[\"echo\"," TWO_PLACEHOLDERS "]"));
    assert_true(client_send_binary(c, bytes, 800));
    assert_true(client_send_binary(c, bytes, 800));
    client_expect(c, "452-[\"echo\"," TWO_PLACEHOLDERS "]");
    client_expect_binary(c, bytes, 800);
    client_expect_binary(c, bytes, 800);
    limit_expect_none(&t, SIO_CAUSE_ATTACHMENT_BYTES);
    assert_true(client_send(c, "452-[\"echo\"," TWO_PLACEHOLDERS "]"));
    assert_true(client_send_binary(c, bytes, 1200));
    assert_true(client_send_binary(c, bytes, 801));
    assert_true(client_wait_end(c));
    limit_expect_disconnect(&t, SIO_REASON_FORCED_CLOSE, SIO_CAUSE_ATTACHMENT_BYTES);
    limit_expect(&t, SIO_CAUSE_ATTACHMENT_BYTES);
    free(bytes);
    client_close(c);
    limit_end(&t);
}

static void attachments_have_to_come_in_time(void **state) {
    (void)state;
    struct limit_test t;
    limit_begin(&t, SIO_SERVER_OPTIONS(.attachment_timeout_ms = 40), NULL);
    struct client *c = client_join_root(&t.h);
    assert_true(client_send(c, "451-[\"echo\"," ONE_PLACEHOLDER "]"));
    harness_turn(&t.h);
    assert_true(client_send_binary(c, "ab", 2));
    client_expect(c, "451-[\"echo\"," ONE_PLACEHOLDER "]");
    client_expect_binary(c, "ab", 2);
    harness_pass_ms(&t.h, 60); /* nothing is awaited any more */
    client_expect_alive(c);
    limit_expect_none(&t, SIO_CAUSE_ATTACHMENT_TIME);
    assert_true(client_send(c, "452-[\"echo\"," TWO_PLACEHOLDERS "]"));
    assert_true(client_send_binary(c, "ab", 2)); /* and no second one */
    assert_true(client_wait_end(c));
    limit_expect_disconnect(&t, SIO_REASON_FORCED_CLOSE, SIO_CAUSE_ATTACHMENT_TIME);
    limit_expect(&t, SIO_CAUSE_ATTACHMENT_TIME);
    client_close(c);
    limit_end(&t);
}

/* ---- namespaces ---- */

static void add_namespaces(struct limit_test *t) {
    static const char *const names[] = {"/a", "/b", "/c"};
    for (size_t i = 0; i < 3; i++) {
        sio_ns *ns = sio_server_ns(t->h.server, names[i]);
        assert_non_null(ns);
        harness_echo(ns);
    }
    sio_ns *parent = sio_server_ns_match(t->h.server, "^/room-[0-9]+$");
    assert_non_null(parent);
    harness_echo(parent);
}

static void connections_join_a_greatest_number_of_namespaces(void **state) {
    (void)state;
    struct limit_test t;
    limit_begin(&t, SIO_SERVER_OPTIONS(.max_namespaces_per_connection = 2), add_namespaces);
    struct client *c = client_open(&t.h, SIO_WEBSOCKET);
    client_join(c, "/a");
    client_join(c, "/b");
    limit_expect_none(&t, SIO_CAUSE_NAMESPACES);
    assert_false(client_try_join(c, "/c"));
    assert_string_equal(c->taken->data, "44/c,{\"message\":\"Too many namespaces\"}");
    limit_expect(&t, SIO_CAUSE_NAMESPACES);
    assert_true(client_send(c, "42/a,[\"echo\",1]")); /* the connection is kept, */
    client_expect(c, "42/a,[\"echo\",1]");
    assert_true(client_send(c, "41/a,"));
    client_join(c, "/c"); /* and who leaves one may join another */
    client_close(c);
    limit_end(&t);
}

static bool first_room_is_gone(void *arg) {
    const struct harness *h = arg;
    return sio_server_find_ns(h->server, "/room-1") == NULL;
}

static void namespaces_are_made_up_to_a_number(void **state) {
    (void)state;
    struct limit_test t;
    limit_begin(&t,
                SIO_SERVER_OPTIONS(.max_dynamic_namespaces = 2, .cleanup_empty_namespaces = true),
                add_namespaces);
    struct client *c = client_open(&t.h, SIO_WEBSOCKET);
    client_join(c, "/room-1");
    client_join(c, "/room-2");
    client_join(c, "/a"); /* was made by the application, and does not count */
    limit_expect_none(&t, SIO_CAUSE_DYNAMIC_NAMESPACES);
    assert_false(client_try_join(c, "/room-3"));
    assert_string_equal(c->taken->data, "44/room-3,{\"message\":\"Too many namespaces\"}");
    limit_expect(&t, SIO_CAUSE_DYNAMIC_NAMESPACES);
    assert_true(client_send(c, "42/room-2,[\"echo\",1]"));
    client_expect(c, "42/room-2,[\"echo\",1]");
    assert_true(client_send(c, "41/room-1,")); /* with its last socket it is removed */
    assert_true(harness_wait(&t.h, first_room_is_gone, &t.h));
    client_join(c, "/room-3");
    client_close(c);
    limit_end(&t);
}

/* ---- rooms ---- */

static void sockets_join_a_greatest_number_of_rooms(void **state) {
    (void)state;
    struct limit_test t;
    limit_begin(&t, SIO_SERVER_OPTIONS(.max_rooms_per_socket = 2), NULL);
    struct client *c = client_join_root(&t.h);
    sio_socket *s = sio_ns_find(harness_root(&t.h), c->socket_sid);
    assert_non_null(s);
    assert_int_equal(sio_socket_join(s, SIO_ROOMS("a", "b", "a")), 0);
    assert_int_equal(sio_socket_join(s, SIO_ROOMS(c->socket_sid)), 0); /* its own does not count */
    limit_expect_none(&t, SIO_CAUSE_ROOMS);
    assert_int_equal(sio_socket_join(s, SIO_ROOMS("c")), SIO_ERR_LIMIT);
    limit_expect(&t, SIO_CAUSE_ROOMS);
    assert_false(sio_socket_in(s, "c"));
    assert_int_equal(sio_ns_room_count(harness_root(&t.h), "c"), 0);
    assert_int_equal(harness_stats(&t.h).rooms, 2);
    sio_socket_leave(s, SIO_ROOMS("a"));
    assert_int_equal(sio_socket_join(s, SIO_ROOMS("c")), 0);
    client_expect_alive(c);
    client_close(c);
    limit_end(&t);
}

/* ---- decisions ---- */

struct pending {
    sio_next *next[8];
    size_t count;
};

static struct pending pending;

static void decide_later(sio_socket *s, sio_next *next, void *user) {
    (void)s;
    (void)user;
    assert_true(pending.count < 8);
    pending.next[pending.count] = next;
    pending.count++;
}

static void add_slow_namespace(struct limit_test *t) {
    pending.count = 0;
    sio_ns *ns = sio_server_ns(t->h.server, "/slow");
    assert_non_null(ns);
    assert_int_equal(sio_ns_use(ns, decide_later, NULL), 0);
}

static void decisions_wait_up_to_a_number(void **state) {
    (void)state;
    struct limit_test t;
    limit_begin(&t, SIO_SERVER_OPTIONS(.max_pending_connects = 2), add_slow_namespace);
    struct client *c[3];
    for (int i = 0; i < 3; i++) {
        c[i] = client_open(&t.h, SIO_WEBSOCKET);
    }
    assert_true(client_send(c[0], "40/slow,"));
    harness_wait_count(&t.h, &pending.count, 1);
    assert_true(client_send(c[1], "40/slow,"));
    harness_wait_count(&t.h, &pending.count, 2);
    limit_expect_none(&t, SIO_CAUSE_PENDING_CONNECTS);
    assert_true(client_send(c[2], "40/slow,"));
    client_expect(c[2], "44/slow,{\"message\":\"Too many pending connections\"}");
    limit_expect(&t, SIO_CAUSE_PENDING_CONNECTS);
    assert_int_equal(pending.count, 2);
    sio_next_ok(pending.next[0]);
    const struct packet *p = client_receive(c[0]);
    assert_non_null(p);
    assert_memory_equal(p->data, "40/slow,{\"sid\":\"", 16);
    assert_true(client_send(c[2], "40/slow,")); /* there is room again */
    harness_wait_count(&t.h, &pending.count, 3);
    client_close(c[1]); /* one gives up: its decision has no effect any more */
    harness_settle(&t.h);
    sio_next_ok(pending.next[1]);
    sio_next_fail(pending.next[2], "no", "{\"code\":7}");
    client_expect(c[2], "44/slow,{\"message\":\"no\",\"data\":{\"code\":7}}");
    assert_int_equal(sio_ns_count(sio_server_ns(t.h.server, "/slow")), 1);
    client_close(c[0]);
    client_close(c[2]);
    limit_end(&t);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_have_a_greatest_number_of_attachments),
        cmocka_unit_test(attachments_have_a_greatest_size),
        cmocka_unit_test(attachments_have_to_come_in_time),
        cmocka_unit_test(connections_join_a_greatest_number_of_namespaces),
        cmocka_unit_test(namespaces_are_made_up_to_a_number),
        cmocka_unit_test(sockets_join_a_greatest_number_of_rooms),
        cmocka_unit_test(decisions_wait_up_to_a_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
