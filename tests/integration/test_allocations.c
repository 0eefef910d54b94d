/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * What memory the server takes: none for messages in steady state, little for a connection that is
 * idle, and nothing that it keeps when clients have gone.
 */
#include "support/client.h"
#include "support/torture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define WARM_ROUNDS   50
#define STEADY_ROUNDS 200

struct fixture {
    struct harness h;
    sio_ns *root;
    size_t replies;
};

static int setup(void **state) {
    static struct fixture f;
    f = (struct fixture){.root = NULL};
    torture_install();
    harness_init(&f.h, NULL);
    f.root = harness_root(&f.h);
    harness_echo(f.root);
    harness_observe(&f.h, f.root);
    harness_listen(&f.h);
    *state = &f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    harness_done(&f->h);
    torture_uninstall();
    return 0;
}

/* Without pools every object is an allocation, which is what such builds are for. */
static bool has_pools(void) {
#ifdef SIO_NO_POOL
    return false;
#else
    return true;
#endif
}

/* ---- steady state ---- */

static void emit_echo(struct fixture *f, struct client *c) {
    (void)f;
    assert_true(client_send(c, "42[\"echo\",{\"id\":7,\"list\":[1,2,3]},\"some text\"]"));
    client_expect(c, "42[\"echo\",{\"id\":7,\"list\":[1,2,3]},\"some text\"]");
}

static void acknowledge(struct fixture *f, struct client *c) {
    (void)f;
    assert_true(client_send(c, "427[\"echo\",\"some text\",3.5]"));
    client_expect(c, "437[\"some text\",3.5]");
}

static void on_reply(sio_socket *s, int status, sio_event *reply, void *user) {
    struct fixture *f = user;
    (void)s;
    (void)reply;
    assert_int_equal(status, 0);
    f->replies++;
}

static void ask(struct fixture *f, struct client *c) {
    char answer[32];
    sio_socket *s = sio_ns_find(f->root, c->socket_sid);
    size_t before = f->replies;
    assert_int_equal(
        sio_emit_ack(s, SIO_ACK(.fn = on_reply, .user = f, .timeout_ms = 5000), "q", "i", 1), 0);
    const struct packet *p = client_receive(c);
    assert_non_null(p);
    (void)snprintf(answer, sizeof answer, "43%d[\"yes\"]", atoi(p->data + 2));
    assert_true(client_send(c, answer));
    harness_wait_count(&f->h, &f->replies, before + 1);
}

static void broadcast(struct fixture *f, struct client *c) {
    assert_int_equal(sio_broadcast(f->root, SIO_TO(.rooms = SIO_ROOMS("room")), "news", "s{s:i}",
                                   "text", "id", 7),
                     1);
    client_expect(c, "42[\"news\",\"text\",{\"id\":7}]");
}

static void attachments(struct fixture *f, struct client *c) {
    (void)f;
    assert_true(client_send(c, "451-[\"echo\",{\"_placeholder\":true,\"num\":0}]"));
    assert_true(client_send_binary(c, "some bytes", 10));
    client_expect(c, "451-[\"echo\",{\"_placeholder\":true,\"num\":0}]");
    client_expect_binary(c, "some bytes", 10);
}

/* @return allocations of the server for STEADY_ROUNDS of what `act` does */
static size_t count_allocations(struct fixture *f, unsigned transport,
                                void (*act)(struct fixture *f, struct client *c)) {
    struct client *c = client_open(&f->h, transport);
    client_join(c, "/");
    assert_int_equal(sio_socket_join(sio_ns_find(f->root, c->socket_sid), SIO_ROOMS("room")), 0);
    for (int i = 0; i < WARM_ROUNDS; i++) {
        act(f, c);
    }
    size_t before = torture_count();
    for (int i = 0; i < STEADY_ROUNDS; i++) {
        act(f, c);
    }
    size_t count = torture_count() - before;
    (void)client_send(c, "1"); /* else the room keeps a polling client until its heartbeat fails */
    client_close(c);
    return count;
}

static const struct {
    const char *title;
    void (*act)(struct fixture *f, struct client *c);
} acts[] = {
    {"echo", emit_echo},
    {"acknowledgement sent", acknowledge},
    {"acknowledgement awaited", ask},
    {"broadcast", broadcast},
    {"attachments", attachments},
};

static void websocket_messages_allocate_nothing(void **state) {
    struct fixture *f = *state;
    if (!has_pools()) {
        skip();
    }
    for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) {
        size_t count = count_allocations(f, SIO_WEBSOCKET, acts[i].act);
        print_message("websocket, %s: %zu allocations in %d rounds\n", acts[i].title, count,
                      STEADY_ROUNDS);
        assert_int_equal(count, 0);
    }
}

static void polling_messages_allocate_next_to_nothing(void **state) {
    struct fixture *f = *state;
    if (!has_pools()) {
        skip();
    }
    for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) {
        size_t count = count_allocations(f, SIO_POLLING, acts[i].act);
        print_message("polling, %s: %zu allocations in %d rounds\n", acts[i].title, count,
                      STEADY_ROUNDS);
        /* The parts of a message with attachments are gathered in one block. */
        assert_true(count <= (acts[i].act == attachments ? STEADY_ROUNDS : 0));
    }
}

static void unread_output_goes_back(void **state) {
    struct fixture *f = *state;
    struct client *c = client_join_root(&f->h);
    sio_socket *s = sio_ns_find(f->root, c->socket_sid);
    static char text[50001];
    memset(text, 'x', sizeof text - 1);
    for (int round = 0; round < 2; round++) {
        size_t before = torture_bytes();
        size_t sent = 0;
        wire_pause(c->ws);
        while (sio_socket_pending_bytes(s) < 1000000) {
            assert_true(sio_emit(s, "x", "s", text) >= 0);
            sent++;
        }
        assert_true(torture_bytes() >= before + 1000000);
        wire_resume(c->ws);
        for (size_t i = 0; i < sent; i++) {
            assert_non_null(client_receive(c));
        }
        if (round > 0) { /* the first one leaves room for its text in scratch buffers */
            assert_in_range(torture_bytes(), 0, before + 4 * 65536);
        }
    }
    client_close(c);
}

/* ---- connections ---- */

/* Many, because pools take memory in blocks of 64 KiB; the first ones fill up what is begun. */
#define CROWD 2000
#define FIRST 500

static struct client *crowd[CROWD];

static void allow_files(void) {
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max < 4 * CROWD ? limit.rlim_max : 4 * CROWD;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void gather(struct fixture *f, int from, int to) {
    for (int i = from; i < to; i++) {
        crowd[i] = client_join_root(&f->h);
    }
}

struct leaving {
    struct fixture *f;
    size_t disconnects;
    size_t bytes;
};

static bool have_gone(void *arg) {
    const struct leaving *l = arg;
    return l->f->h.seen.disconnects >= l->disconnects && torture_bytes() <= l->bytes;
}

/* Everybody leaves, and the server gives back what it kept for them: at once, or a second later. */
static void scatter(struct fixture *f, int count, size_t bytes) {
    struct leaving l = {f, f->h.seen.disconnects + (size_t)count, bytes};
    for (int i = 0; i < count; i++) {
        client_close(crowd[i]);
    }
    if (!harness_wait(&f->h, have_gone, &l)) {
        fail_msg("%zu bytes are alive, %zu were before", torture_bytes(), bytes);
    }
}

static void idle_connections_are_small(void **state) {
    struct fixture *f = *state;
    allow_files();
    gather(f, 0, FIRST);
    size_t before = torture_bytes();
    gather(f, FIRST, CROWD);
    harness_settle(&f->h);
    size_t each = (torture_bytes() - before) / (CROWD - FIRST);
    print_message("an idle connection: %zu bytes\n", each);
    assert_true(each <= 1024);
    client_expect_alive(crowd[CROWD - 1]);
    scatter(f, CROWD, SIZE_MAX);
}

static void memory_comes_back_when_clients_leave(void **state) {
    struct fixture *f = *state;
    allow_files();
    gather(f, 0,
           FIRST); /* what grows with the greatest number ever, and stays, has grown afterwards */
    scatter(f, FIRST, SIZE_MAX);
    harness_pass_ms(&f->h, 1200);
    size_t before = torture_bytes();
    gather(f, 0, FIRST);
    assert_true(torture_bytes() > before + 100000);
    scatter(f, FIRST, before);
    print_message("after %d clients: %zu bytes, %zu before\n", FIRST, torture_bytes(), before);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(websocket_messages_allocate_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(polling_messages_allocate_next_to_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(unread_output_goes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(idle_connections_are_small, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_comes_back_when_clients_leave, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
