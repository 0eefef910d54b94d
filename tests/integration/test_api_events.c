/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* Receiving: what handlers see of events, in which order they are called, and how they answer. */
#include "support/client.h"

#include <stdio.h>
#include <string.h>

#include <sio/error.h>

struct fixture {
    struct harness h;
    sio_ns *root;
    sio_ack *ack;    /* that a handler has taken */
    size_t answered; /* events of "answer" */
    int drop;        /* result of the middleware */
    char order[128]; /* who was called */
};

static void note(struct fixture *f, const char *who, sio_event *ev) {
    size_t used = strlen(f->order);
    (void)snprintf(f->order + used, sizeof f->order - used, "%s:%s ", who, sio_event_name(ev));
}

static void on_any(sio_socket *s, sio_event *ev, void *user) {
    (void)s;
    note(user, "any", ev);
}

static int on_middleware(sio_socket *s, sio_event *ev, void *user) {
    struct fixture *f = user;
    (void)s;
    note(f, "mid", ev);
    return f->drop;
}

static void on_first(sio_socket *s, sio_event *ev, void *user) {
    (void)s;
    note(user, "first", ev);
}

static void on_second(sio_socket *s, sio_event *ev, void *user) {
    (void)s;
    note(user, "second", ev);
}

static void on_outgoing(sio_socket *s, sio_event *ev, void *user) {
    (void)s;
    assert_false(sio_event_wants_ack(ev));
    note(user, "out", ev);
}

static void on_read(sio_socket *s, sio_event *ev, void *user) {
    const char *text = NULL;
    const void *bytes = NULL;
    size_t len = 0;
    int n = 0;
    (void)s;
    (void)user;
    assert_string_equal(sio_event_name(ev), "read");
    assert_int_equal(sio_event_count(ev), 3);
    assert_int_equal(sio_event_unpack(ev, "s{s:i}B", &text, "n", &n, &bytes, &len), 0);
    assert_string_equal(text, "text");
    assert_int_equal(n, 7);
    assert_int_equal(len, 5);
    assert_memory_equal(bytes, "bytes", 5);
    assert_int_equal(sio_val_type(sio_event_arg(ev, 0)), SIO_STRING);
    assert_int_equal(sio_val_type(sio_event_arg(ev, 2)), SIO_BYTES);
    assert_null(sio_event_arg(ev, 3));
    assert_int_equal(sio_event_unpack(ev, "i", &n), SIO_ERR_TYPE);
    assert_int_equal(sio_event_unpack(ev, "ss", &text, &text), SIO_ERR_TYPE);
    assert_int_equal(sio_event_unpack(ev, "q"), SIO_ERR_FORMAT);
    static const char json[] = "\"text\",{\"n\":7},{\"_placeholder\":true,\"num\":0}";
    const char *all = sio_event_json(ev, &len);
    assert_int_equal(len, sizeof json - 1);
    assert_memory_equal(all, json, len);
    assert_int_equal(sio_event_reply(ev, "v", sio_event_arg(ev, 2)), 0);
}

static void on_answer(sio_socket *s, sio_event *ev, void *user) {
    struct fixture *f = user;
    (void)s;
    f->answered++;
    assert_true(sio_event_wants_ack(ev));
    assert_int_equal(sio_event_reply(ev, NULL), SIO_ERR_INVALID);
    assert_int_equal(sio_event_reply(ev, "q"), SIO_ERR_FORMAT);
    assert_int_equal(sio_event_reply(ev, "s", "\xff"), SIO_ERR_INVALID);
    assert_true(sio_event_wants_ack(ev)); /* none of these was an answer */
    assert_int_equal(sio_event_reply(ev, "i", 1), 0);
    assert_false(sio_event_wants_ack(ev));
    assert_int_equal(sio_event_reply(ev, "i", 2), SIO_ERR_STATE);
    assert_null(sio_event_take_ack(ev));
}

static void on_message(sio_socket *s, sio_event *ev, void *user) {
    sio_msg *m = NULL;
    (void)s;
    (void)user;
    assert_int_equal(sio_event_reply_msg(ev, NULL), SIO_ERR_INVALID);
    assert_int_equal(sio_msg_new(&m, NULL), 0);
    assert_int_equal(sio_msg_add_bool(m, true), 0);
    assert_int_equal(sio_event_reply_msg(ev, m), 0);
    assert_int_equal(sio_event_reply_msg(ev, m), SIO_ERR_STATE);
    sio_msg_unref(m);
}

static void on_silent(sio_socket *s, sio_event *ev, void *user) {
    (void)user;
    assert_false(sio_event_wants_ack(ev));
    assert_int_equal(sio_event_reply(ev, "i", 1), 0); /* nobody asked */
    assert_null(sio_event_take_ack(ev));
    assert_int_equal(sio_emit(s, "done", ""), 0);
}

static void on_later(sio_socket *s, sio_event *ev, void *user) {
    struct fixture *f = user;
    (void)s;
    f->ack = sio_event_take_ack(ev);
    assert_non_null(f->ack);
    assert_false(sio_event_wants_ack(ev));
    assert_int_equal(sio_event_reply(ev, ""), SIO_ERR_STATE);
    assert_null(sio_event_take_ack(ev));
}

static int setup(void **state) {
    static struct fixture f;
    f = (struct fixture){.ack = NULL};
    harness_init(&f.h, NULL);
    f.root = harness_root(&f.h);
    harness_observe(&f.h, f.root);
    harness_echo(f.root);
    assert_int_equal(sio_ns_on_any(f.root, on_any, &f), 0);
    assert_int_equal(sio_ns_use_event(f.root, on_middleware, &f), 0);
    assert_int_equal(sio_ns_on(f.root, "order", on_first, &f), 0);
    assert_int_equal(sio_ns_on(f.root, "order", on_second, &f), 0);
    assert_int_equal(sio_ns_on_any_outgoing(f.root, on_outgoing, &f), 0);
    assert_int_equal(sio_ns_on(f.root, "read", on_read, &f), 0);
    assert_int_equal(sio_ns_on(f.root, "answer", on_answer, &f), 0);
    assert_int_equal(sio_ns_on(f.root, "message", on_message, &f), 0);
    assert_int_equal(sio_ns_on(f.root, "silent", on_silent, &f), 0);
    assert_int_equal(sio_ns_on(f.root, "later", on_later, &f), 0);
    harness_listen(&f.h);
    *state = &f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    harness_done(&f->h);
    return 0;
}

/* ---- tests ---- */

static void handlers_are_called_in_order(void **state) {
    struct fixture *f = *state;
    struct client *c = client_join_root(&f->h);
    assert_true(client_send(c, "42[\"order\",1]"));
    client_expect_alive(c);
    assert_string_equal(f->order, "any:order mid:order first:order second:order any:echo mid:echo "
                                  "out:echo ");
    f->order[0] = '\0';
    assert_true(client_send(c, "42[\"unknown\"]"));
    assert_true(client_send(c, "42[7,\"a number is a name, too, of nobody\"]"));
    client_expect_alive(c);
    assert_string_equal(f->order, "any:unknown mid:unknown any: mid: any:echo mid:echo out:echo ");
    client_close(c);
}

static void middlewares_drop_events(void **state) {
    struct fixture *f = *state;
    struct client *c = client_join_root(&f->h);
    f->drop = -7;
    assert_true(client_send(c, "421[\"order\",1]"));
    harness_wait_count(&f->h, &f->h.seen.errors, 1);
    assert_string_equal(f->order, "any:order mid:order ");
    f->drop = 0;
    client_expect_alive(c); /* no answer, and no harm to the connection */
    client_close(c);
}

static void everything_sent_is_shown(void **state) {
    struct fixture *f = *state;
    struct client *a = client_join_root(&f->h);
    struct client *b = client_join_root(&f->h);
    assert_int_equal(sio_broadcast(f->root, NULL, "all", "B", "bytes", (size_t)5), 2);
    assert_int_equal(sio_emit(sio_ns_find(f->root, a->socket_sid), "one", ""), 0);
    assert_string_equal(f->order, ""); /* not from inside the calls */
    harness_settle(&f->h);
    assert_string_equal(f->order, "out:all out:all out:one ");
    client_close(a);
    client_close(b);
}

static void arguments_are_read(void **state) {
    struct fixture *f = *state;
    struct client *c = client_join_root(&f->h);
    assert_true(
        client_send(c, "451-9[\"read\",\"text\",{\"n\":7},{\"_placeholder\":true,\"num\":0}]"));
    assert_true(client_send_binary(c, "bytes", 5));
    client_expect(c, "461-9[{\"_placeholder\":true,\"num\":0}]");
    client_expect_binary(c, "bytes", 5);
    client_close(c);
}

static void events_are_answered_once(void **state) {
    struct fixture *f = *state;
    struct client *c = client_join_root(&f->h);
    assert_true(client_send(c, "423[\"answer\"]"));
    client_expect(c, "433[1]");
    assert_true(client_send(c, "424[\"message\"]"));
    client_expect(c, "434[true]");
    assert_true(client_send(c, "42[\"silent\"]"));
    client_expect(c, "42[\"done\"]");
    assert_int_equal(f->answered, 1);
    client_close(c);
}

static void events_are_answered_later(void **state) {
    struct fixture *f = *state;
    struct client *c = client_join_root(&f->h);
    assert_true(client_send(c, "425[\"later\"]"));
    client_expect_alive(c); /* it holds nothing up */
    assert_non_null(f->ack);
    assert_int_equal(sio_ack_reply(f->ack, "s", "late"), 0);
    client_expect(c, "435[\"late\"]");
    assert_true(client_send(c, "426[\"later\"]"));
    client_expect_alive(c);
    sio_ack_free(f->ack); /* never */
    client_expect_alive(c);
    assert_true(client_send(c, "427[\"later\"]"));
    client_expect_alive(c);
    assert_int_equal(sio_ack_reply(f->ack, "q"), SIO_ERR_FORMAT); /* gone all the same */
    client_expect_alive(c);
    client_close(c);
}

static void answers_to_who_has_left_are_closed(void **state) {
    struct fixture *f = *state;
    sio_msg *m = NULL;
    for (int i = 0; i < 2; i++) {
        struct client *c = client_join_root(&f->h);
        assert_true(client_send(c, "425[\"later\"]"));
        client_expect_alive(c);
        client_close(c);
        harness_wait_count(&f->h, &f->h.seen.disconnects, (size_t)i + 1);
        if (i == 0) {
            assert_int_equal(sio_ack_reply(f->ack, "s", "late"), SIO_ERR_CLOSED);
        } else {
            assert_int_equal(sio_msg_new(&m, NULL), 0);
            assert_int_equal(sio_ack_reply_msg(f->ack, m), SIO_ERR_CLOSED);
            sio_msg_unref(m);
        }
    }
    assert_int_equal(sio_ack_reply_msg(NULL, NULL), 0);
}

/* With no handler of any kind registered: the bad packets of published advisories. */
static void malformed_packets_need_no_handler(void **state) {
    (void)state;
    static const char *const packets[] = {
        "4abc",
        "42{}",
        "42[]",
        "42[\"connect\"]",
        "42[{\"toString\":\"foo\"}]",
        "42[null]",
        "42[[\"x\"]]",
        "42[true]",
        "450-[\"x\"]",
        "45[\"x\"]",
        "459999999-[\"x\"]",
        "451-[\"x\",{\"_placeholder\":true,\"num\":\"splice\"}]",
        "40[]",
        "40\"x\"",
        "4",
        "49",
        "42/other,[\"x\"]",
        "44{\"message\":\"x\"}",
        "7",
        "abc",
        "",
        "2",
        "420x[\"x\"]",
        "42[\"x\"",
        "42[\"x\"]]",
        "42[\"\xff\"]",
    };
    struct harness h;
    harness_init(&h, NULL);
    harness_listen(&h);
    for (size_t i = 0; i < sizeof packets / sizeof packets[0]; i++) {
        struct client *c = client_join_root(&h);
        c->silent = true;
        wire_text(c->ws, packets[i]);
        (void)client_send_binary(c, "x", 1); /* for those that wait for attachments */
        if (!client_wait_end(c)) {
            fail_msg("%s did not end the session", packets[i]);
        }
        client_close(c);
    }
    harness_settle(&h);
    assert_int_equal(harness_stats(&h).sessions, 0);
    assert_int_equal(harness_stats(&h).sockets, 0);
    harness_done(&h);
}

int main(void) {
#define EVENT_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    static const struct CMUnitTest tests[] = {
        EVENT_TEST(handlers_are_called_in_order),
        EVENT_TEST(middlewares_drop_events),
        EVENT_TEST(everything_sent_is_shown),
        EVENT_TEST(arguments_are_read),
        EVENT_TEST(events_are_answered_once),
        EVENT_TEST(events_are_answered_later),
        EVENT_TEST(answers_to_who_has_left_are_closed),
        cmocka_unit_test(malformed_packets_need_no_handler),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
