/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* Sending: results, slow clients, prepared messages, and acknowledgements that come exactly once.
 */
#include "support/client.h"

#include <string.h>

#include <sio/error.h>

struct fixture {
    struct harness h;
    sio_ns *root;
};

static int setup(void **state) {
    static struct fixture f;
    f = (struct fixture){.root = NULL};
    harness_init(&f.h,
                 SIO_SERVER_OPTIONS(.send_high_water_bytes = 20000, .send_soft_bytes = 50000000,
                                    .send_hard_bytes = 60000000));
    f.root = harness_root(&f.h);
    harness_observe(&f.h, f.root);
    harness_echo(f.root);
    harness_listen(&f.h);
    *state = &f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    harness_done(&f->h);
    return 0;
}

static sio_socket *socket_of(struct fixture *f, const struct client *c) {
    sio_socket *s = sio_ns_find(f->root, c->socket_sid);
    assert_non_null(s);
    return s;
}

/* ---- slow clients ---- */

static const char *filler(void) {
    static char text[30001];
    memset(text, 'f', sizeof text - 1);
    return text;
}

/* Emits to a client that does not read until it is reported slow. @return number of events */
static size_t emit_until_slow(sio_socket *s) {
    size_t count = 0;
    int r = 0;
    while (r == 0 && count < 10000) {
        r = sio_emit(s, "fill", "s", filler());
        count++;
    }
    assert_int_equal(r, SIO_SLOW);
    return count;
}

static void slow_is_reported_and_drain_follows(void **state) {
    struct fixture *f = *state;
    struct client *c = client_join_root(&f->h);
    sio_socket *s = socket_of(f, c);
    for (size_t round = 1; round <= 2; round++) {
        wire_pause(c->ws);
        size_t count = emit_until_slow(s);
        assert_true(sio_socket_pending_bytes(s) > 20000);
        assert_int_equal(sio_emit(s, "fill", "s", filler()), SIO_SLOW); /* taken nevertheless */
        harness_turn(&f->h);
        assert_int_equal(f->h.seen.drains, round - 1);
        wire_resume(c->ws);
        for (size_t i = 0; i < count + 1; i++) {
            assert_non_null(client_receive(c));
            assert_memory_equal(c->taken->data, "42[\"fill\",\"ff", 13);
        }
        harness_wait_count(&f->h, &f->h.seen.drains, round);
        assert_int_equal(sio_socket_pending_bytes(s), 0);
    }
    client_expect_alive(c);
    assert_int_equal(f->h.seen.drains, 2); /* once per slowness, not per message */
    client_close(c);
}

static void polling_clients_drain_too(void **state) {
    struct fixture *f = *state;
    struct client *c = client_open(&f->h, SIO_POLLING);
    client_join(c, "/");
    sio_socket *s = socket_of(f, c);
    size_t count = emit_until_slow(s);
    for (size_t i = 0; i < count; i++) {
        assert_non_null(client_receive(c));
    }
    harness_wait_count(&f->h, &f->h.seen.drains, 1);
    assert_int_equal(sio_socket_pending_bytes(s), 0);
    client_close(c);
}

static void volatile_events_are_dropped_when_it_is_slow(void **state) {
    struct fixture *f = *state;
    struct client *c = client_join_root(&f->h);
    sio_socket *s = socket_of(f, c);
    assert_int_equal(sio_emit_opt(s, SIO_VOLATILE, "v", "i", 1), 0);
    client_expect(c, "42[\"v\",1]");
    wire_pause(c->ws);
    size_t count = emit_until_slow(s);
    assert_int_equal(sio_emit_opt(s, SIO_VOLATILE, "v", "i", 2), SIO_ERR_DROPPED);
    assert_int_equal(sio_broadcast(f->root, SIO_TO(.flags = SIO_VOLATILE), "v", "i", 3), 0);
    assert_int_equal(harness_stats(&f->h).volatile_dropped, 2);
    wire_resume(c->ws);
    for (size_t i = 0; i < count; i++) {
        assert_memory_equal(client_receive(c)->data, "42[\"fill\"", 9);
    }
    harness_wait_count(&f->h, &f->h.seen.drains, 1);
    assert_int_equal(sio_emit_opt(s, SIO_VOLATILE, "v", "i", 4), 0);
    client_expect(c, "42[\"v\",4]"); /* and neither 2 nor 3 */
    client_close(c);
}

static void volatile_events_need_a_waiting_get(void **state) {
    struct fixture *f = *state;
    struct client *c = client_open(&f->h, SIO_POLLING);
    client_join(c, "/");
    sio_socket *s = socket_of(f, c);
    assert_int_equal(sio_emit_opt(s, SIO_VOLATILE, "v", "i", 1), SIO_ERR_DROPPED);
    assert_int_equal(sio_emit(s, "e", "i", 1), 0);
    client_expect(c, "42[\"e\",1]");
    client_close(c);
}

/* ---- prepared messages ---- */

static void messages_may_be_sent_again_and_again(void **state) {
    struct fixture *f = *state;
    sio_msg *m = NULL;
    struct client *a = client_join_root(&f->h);
    struct client *b = client_open(&f->h, SIO_POLLING);
    client_join(b, "/");
    assert_int_equal(sio_msg_new(&m, "news"), 0);
    assert_int_equal(sio_msg_begin_object(m), 0);
    assert_int_equal(sio_msg_key(m, "id"), 0);
    assert_int_equal(sio_msg_add_int(m, 7), 0);
    assert_int_equal(sio_msg_end(m), 0);
    assert_int_equal(sio_msg_add_bytes(m, "\x01\x02", 2), 0);
    assert_int_equal(sio_emit_msg(socket_of(f, a), 0, m), 0);
    assert_int_equal(sio_broadcast_msg(f->root, NULL, m), 2);
    assert_int_equal(sio_emit_msg(socket_of(f, b), 0, m), 0);
    assert_int_equal(sio_msg_add_int(m, 8), SIO_ERR_STATE); /* it is immutable now */
    sio_msg_unref(m);                                       /* what was sent is safe */
    for (int i = 0; i < 2; i++) {
        client_expect(a, "451-[\"news\",{\"id\":7},{\"_placeholder\":true,\"num\":0}]");
        client_expect_binary(a, "\x01\x02", 2);
        client_expect(b, "451-[\"news\",{\"id\":7},{\"_placeholder\":true,\"num\":0}]");
        client_expect_binary(b, "\x01\x02", 2);
    }
    client_close(a);
    client_close(b);
}

static void messages_with_an_error_are_not_sent(void **state) {
    struct fixture *f = *state;
    sio_msg *m = NULL;
    struct client *c = client_join_root(&f->h);
    assert_int_equal(sio_msg_new(&m, "news"), 0);
    assert_int_equal(sio_msg_begin_array(m), 0); /* and no end */
    assert_int_equal(sio_emit_msg(socket_of(f, c), 0, m), SIO_ERR_FORMAT);
    assert_int_equal(sio_broadcast_msg(f->root, NULL, m), SIO_ERR_FORMAT);
    sio_msg_unref(m);
    client_expect_alive(c);
    client_close(c);
}

/* ---- acknowledgements of one ---- */

struct replies {
    size_t count;
    int status;
    sio_socket *socket;
    char json[64];
};

static void on_reply(sio_socket *s, int status, sio_event *reply, void *user) {
    struct replies *r = user;
    size_t len = 0;
    r->count++;
    r->status = status;
    r->socket = s;
    assert_true((status == 0) == (reply != NULL));
    const char *json = sio_event_json(reply, &len);
    assert_true(len < sizeof r->json);
    memcpy(r->json, json, len);
    r->json[len] = '\0';
}

static void replies_come_once(void **state) {
    struct fixture *f = *state;
    struct replies r = {0};
    struct client *c = client_join_root(&f->h);
    sio_socket *s = socket_of(f, c);
    assert_int_equal(
        sio_emit_ack(s, SIO_ACK(.fn = on_reply, .user = &r, .timeout_ms = 500), "q", "i", 1), 0);
    client_expect(c, "420[\"q\",1]");
    assert_true(client_send(c, "430[\"yes\",2]"));
    harness_wait_count(&f->h, &r.count, 1);
    assert_int_equal(r.status, 0);
    assert_ptr_equal(r.socket, s);
    assert_string_equal(r.json, "\"yes\",2");
    assert_true(client_send(c, "430[\"again\"]")); /* nobody waits for it */
    client_expect_alive(c);
    harness_pass_ms(&f->h, 600); /* nor does the timeout come */
    client_close(c);
    harness_wait_count(&f->h, &f->h.seen.disconnects, 1);
    assert_int_equal(r.count, 1);
}

static void replies_that_do_not_come_time_out(void **state) {
    struct fixture *f = *state;
    struct replies r = {0};
    struct client *c = client_join_root(&f->h);
    sio_socket *s = socket_of(f, c);
    assert_int_equal(
        sio_emit_ack(s, SIO_ACK(.fn = on_reply, .user = &r, .timeout_ms = 20), "q", ""), 0);
    harness_wait_count(&f->h, &r.count, 1);
    assert_int_equal(r.status, SIO_ERR_TIMEOUT);
    client_expect(c, "420[\"q\"]");
    assert_true(client_send(c, "430[\"late\"]"));
    client_expect_alive(c);
    client_close(c);
    harness_wait_count(&f->h, &f->h.seen.disconnects, 1);
    assert_int_equal(r.count, 1);
}

static void replies_fail_with_the_connection(void **state) {
    struct fixture *f = *state;
    struct replies with = {0};
    struct replies without = {0};
    struct client *c = client_join_root(&f->h);
    sio_socket *s = socket_of(f, c);
    assert_int_equal(
        sio_emit_ack(s, SIO_ACK(.fn = on_reply, .user = &with, .timeout_ms = 5000), "q", ""), 0);
    assert_int_equal(sio_emit_ack(s, SIO_ACK(.fn = on_reply, .user = &without), "q", ""), 0);
    client_close(c);
    harness_wait_count(&f->h, &f->h.seen.disconnects, 1);
    assert_int_equal(with.count, 1);
    assert_int_equal(with.status, SIO_ERR_CLOSED);
    assert_int_equal(without.count, 1);
    assert_int_equal(without.status, SIO_ERR_CLOSED);
}

static void replies_fail_when_the_server_closes(void **state) {
    struct fixture *f = *state;
    struct replies r = {0};
    struct client *c = client_join_root(&f->h);
    assert_int_equal(sio_emit_ack(socket_of(f, c), SIO_ACK(.fn = on_reply, .user = &r), "q", ""),
                     0);
    harness_close(&f->h);
    assert_int_equal(r.count, 1);
    assert_int_equal(r.status, SIO_ERR_CLOSED);
    client_close(c);
}

static void what_was_not_sent_is_never_answered(void **state) {
    struct fixture *f = *state;
    struct replies r = {0};
    struct client *c = client_join_root(&f->h);
    sio_socket *s = socket_of(f, c);
    const sio_ack_options *ack = SIO_ACK(.fn = on_reply, .user = &r, .timeout_ms = 10);
    assert_int_equal(sio_emit_ack(s, ack, "disconnect", ""), SIO_ERR_RESERVED);
    assert_int_equal(sio_emit_ack(s, ack, "q", "s", "\xff"), SIO_ERR_INVALID);
    sio_socket_disconnect(s, false);
    assert_int_equal(sio_emit_ack(s, ack, "q", ""), SIO_ERR_CLOSED);
    harness_pass_ms(&f->h, 30);
    client_close(c);
    assert_int_equal(r.count, 0);
}

static void volatile_questions_are_dropped_without_an_answer(void **state) {
    struct fixture *f = *state;
    struct replies r = {0};
    struct client *c = client_open(&f->h, SIO_POLLING);
    client_join(c, "/");
    assert_int_equal(
        sio_emit_ack(socket_of(f, c),
                     SIO_ACK(.fn = on_reply, .user = &r, .timeout_ms = 10, .flags = SIO_VOLATILE),
                     "q", ""),
        SIO_ERR_DROPPED);
    harness_pass_ms(&f->h, 30);
    assert_int_equal(r.count, 0);
    client_close(c);
}

static void clients_answer_only_what_they_were_asked(void **state) {
    struct fixture *f = *state;
    struct replies r = {0};
    struct client *asked = client_join_root(&f->h);
    struct client *other = client_join_root(&f->h);
    assert_int_equal(
        sio_emit_ack(socket_of(f, asked), SIO_ACK(.fn = on_reply, .user = &r), "q", ""), 0);
    assert_true(client_send(other, "430[\"mine\"]"));
    client_expect_alive(other);
    assert_int_equal(r.count, 0);
    assert_true(client_send(asked, "439[\"other id\"]"));
    assert_true(client_send(asked, "430[\"right\"]"));
    harness_wait_count(&f->h, &r.count, 1);
    assert_string_equal(r.json, "\"right\"");
    client_close(asked);
    client_close(other);
}

static void prepared_questions_may_be_asked_again(void **state) {
    struct fixture *f = *state;
    struct replies r = {0};
    sio_msg *m = NULL;
    struct client *c = client_join_root(&f->h);
    assert_int_equal(sio_msg_new(&m, "q"), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sio_emit_ack_msg(socket_of(f, c), SIO_ACK(.fn = on_reply, .user = &r), m),
                         0);
    }
    sio_msg_unref(m);
    client_expect(c, "420[\"q\"]");
    client_expect(c, "421[\"q\"]");
    client_expect(c, "422[\"q\"]");
    assert_true(client_send(c, "432[]"));
    assert_true(client_send(c, "430[]"));
    assert_true(client_send(c, "431[]"));
    harness_wait_count(&f->h, &r.count, 3);
    client_close(c);
}

/* ---- acknowledgements of many ---- */

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
    a->sum = 0;
    for (size_t i = 0; i < a->answered; i++) {
        int64_t x = 0;
        assert_int_equal(sio_val_int(sio_answers_at(answers, i), &x), 0);
        a->sum += x;
    }
    assert_null(sio_answers_at(answers, a->answered));
}

static int ask_all(struct fixture *f, struct answers *a, uint32_t timeout_ms) {
    return sio_broadcast_ack(f->root, NULL, timeout_ms, on_answers, a, "q", "s", "how many?");
}

static void all_answers_end_a_broadcast(void **state) {
    struct fixture *f = *state;
    struct answers a = {0};
    struct client *c[3];
    for (int i = 0; i < 3; i++) {
        c[i] = client_join_root(&f->h);
    }
    assert_int_equal(ask_all(f, &a, 5000), 3);
    for (int i = 0; i < 3; i++) {
        client_expect(c[i], "420[\"q\",\"how many?\"]");
        assert_int_equal(a.count, 0);
        assert_true(client_sendf(c[i], "430[%d,\"more\"]", i + 1));
        assert_true(client_send(c[i], "430[100]")); /* twice counts once */
        client_expect_alive(c[i]);
    }
    harness_wait_count(&f->h, &a.count, 1);
    assert_int_equal(a.status, 0);
    assert_int_equal(a.answered, 3);
    assert_int_equal(a.sum, 6);
    for (int i = 0; i < 3; i++) {
        client_close(c[i]);
    }
    harness_wait_count(&f->h, &f->h.seen.disconnects, 3);
    assert_int_equal(a.count, 1);
}

static void broadcasts_time_out_with_what_has_come(void **state) {
    struct fixture *f = *state;
    struct answers a = {0};
    struct client *fast = client_join_root(&f->h);
    struct client *lazy = client_join_root(&f->h);
    assert_int_equal(ask_all(f, &a, 60), 2);
    assert_true(client_send(fast, "430[5]"));
    harness_wait_count(&f->h, &a.count, 1);
    assert_int_equal(a.status, SIO_ERR_TIMEOUT);
    assert_int_equal(a.answered, 1);
    assert_int_equal(a.sum, 5);
    assert_true(client_send(lazy, "430[6]"));
    client_expect(lazy, "420[\"q\",\"how many?\"]");
    client_expect_alive(lazy);
    assert_int_equal(a.count, 1);
    client_close(fast);
    client_close(lazy);
}

static void who_leaves_does_not_hold_up_a_broadcast(void **state) {
    struct fixture *f = *state;
    struct answers a = {0};
    struct client *stays = client_join_root(&f->h);
    struct client *leaves = client_join_root(&f->h);
    assert_int_equal(ask_all(f, &a, 5000), 2);
    assert_true(client_send(stays, "430[5]"));
    client_expect(stays, "420[\"q\",\"how many?\"]");
    client_expect_alive(stays);
    assert_int_equal(a.count, 0);
    client_close(leaves);
    harness_wait_count(&f->h, &a.count, 1);
    assert_int_equal(a.status, SIO_ERR_CLOSED);
    assert_int_equal(a.answered, 1);
    client_close(stays);
}

static void nobody_answers_at_once(void **state) {
    struct fixture *f = *state;
    struct answers a = {0};
    assert_int_equal(ask_all(f, &a, 5000), 0);
    assert_int_equal(a.count, 0); /* not from inside the call */
    harness_wait_count(&f->h, &a.count, 1);
    assert_int_equal(a.status, 0);
    assert_int_equal(a.answered, 0);
}

static void broadcasts_fail_when_the_server_closes(void **state) {
    struct fixture *f = *state;
    struct answers a = {0};
    struct client *c = client_join_root(&f->h);
    assert_int_equal(ask_all(f, &a, 5000), 1);
    harness_close(&f->h);
    assert_int_equal(a.count, 1);
    assert_int_equal(a.status, SIO_ERR_CLOSED);
    client_close(c);
}

static void answers_may_hold_bytes_or_nothing(void **state) {
    struct fixture *f = *state;
    struct answers a = {0};
    struct client *c = client_join_root(&f->h);
    assert_int_equal(ask_all(f, &a, 5000), 1);
    assert_true(client_send(c, "461-0[3,{\"_placeholder\":true,\"num\":0}]"));
    assert_true(client_send_binary(c, "ab", 2));
    harness_wait_count(&f->h, &a.count, 1);
    assert_int_equal(a.sum, 3);
    client_close(c);
}

int main(void) {
#define API_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    static const struct CMUnitTest tests[] = {
        API_TEST(slow_is_reported_and_drain_follows),
        API_TEST(polling_clients_drain_too),
        API_TEST(volatile_events_are_dropped_when_it_is_slow),
        API_TEST(volatile_events_need_a_waiting_get),
        API_TEST(messages_may_be_sent_again_and_again),
        API_TEST(messages_with_an_error_are_not_sent),
        API_TEST(replies_come_once),
        API_TEST(replies_that_do_not_come_time_out),
        API_TEST(replies_fail_with_the_connection),
        API_TEST(replies_fail_when_the_server_closes),
        API_TEST(what_was_not_sent_is_never_answered),
        API_TEST(volatile_questions_are_dropped_without_an_answer),
        API_TEST(clients_answer_only_what_they_were_asked),
        API_TEST(prepared_questions_may_be_asked_again),
        API_TEST(all_answers_end_a_broadcast),
        API_TEST(broadcasts_time_out_with_what_has_come),
        API_TEST(who_leaves_does_not_hold_up_a_broadcast),
        API_TEST(nobody_answers_at_once),
        API_TEST(broadcasts_fail_when_the_server_closes),
        API_TEST(answers_may_hold_bytes_or_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
