/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Sockets and namespaces with every allocation failing in turn: callbacks of all kinds, rooms and
 * selections, attachments, acknowledgements that come late or never, what outlives a connection.
 */
#include "support/scenario.h"

#include <stdlib.h>
#include <string.h>

#include <sio/error.h>

#define TWO_PLACEHOLDERS                                                                           \
    "{\"_placeholder\":true,\"num\":0},{\"deep\":[{\"_placeholder\":true,\"num\":1}]}"

/* ---- listeners and middlewares ---- */

static void count_event(sio_socket *s, sio_event *ev, void *user) {
    size_t len = 0;
    (void)user;
    assert_non_null(s);
    assert_true(strlen(sio_event_name(ev)) > 0);
    (void)sio_event_json(ev, &len);
    (void)sio_val_json(sio_event_arg(ev, 0), NULL, 0);
}

/* Answers every event by another one, while the first one is being told. */
static void emit_more(sio_socket *s, sio_event *ev, void *user) {
    (void)user;
    (void)sio_emit(s, "more", "a", ev);
}

static int drop_some(sio_socket *s, sio_event *ev, void *user) {
    (void)s;
    (void)user;
    return strcmp(sio_event_name(ev), "forbidden") == 0 ? SIO_ERR_REFUSED : 0;
}

static void tell_error(sio_socket *s, int status, const char *message, void *user) {
    (void)user;
    (void)message;
    if (status == SIO_ERR_REFUSED) {
        (void)sio_emit(s, "refused", "");
    }
}

static void add_listeners(struct scenario *x) {
    assert_int_equal(sio_ns_on_any(x->root, count_event, NULL), 0);
    assert_int_equal(sio_ns_on_any(x->root, count_event, NULL), 0);
    assert_int_equal(sio_ns_on_any_outgoing(x->root, count_event, NULL), 0);
    assert_int_equal(sio_ns_on_any_outgoing(x->root, count_event, NULL), 0);
    assert_int_equal(sio_ns_on(x->root, "say", emit_more, NULL), 0);
    assert_int_equal(sio_ns_on(x->root, "say", emit_more, NULL), 0);
    assert_int_equal(sio_ns_use_event(x->root, drop_some, NULL), 0);
    assert_int_equal(sio_ns_use_event(x->root, drop_some, NULL), 0);
    assert_int_equal(sio_ns_on_error(x->root, tell_error, NULL), 0);
}

static int listeners(void *user) {
    struct scenario x;
    (void)user;
    scenario_begin(&x, NULL, add_listeners);
    struct client *a = scenario_client(&x, SIO_WEBSOCKET);
    struct client *b = scenario_client(&x, SIO_POLLING);
    scenario_tell(&x, a, "42[\"say\",{\"a\":1}]");
    scenario_hear(&x, a, "42[\"more\",{\"a\":1}]");
    scenario_hear(&x, a, "42[\"more\",{\"a\":1}]");
    scenario_tell(&x, a, "42[\"forbidden\"]");
    scenario_hear(&x, a, "42[\"refused\"]");
    scenario_sent(&x, sio_broadcast(x.root, NULL, "all", "sB", "text", "bytes", (size_t)5));
    scenario_hear(&x, a, "451-[\"all\",");
    scenario_hear(&x, a, "bytes");
    scenario_hear(&x, b, "451-[\"all\",");
    scenario_hear(&x, b, "bytes");
    client_close(a);
    client_close(b);
    return scenario_end(&x);
}

static void greet(sio_socket *s, void *user) {
    (void)user;
    (void)sio_socket_join(s, SIO_ROOMS("all", "new"));
    (void)sio_emit(s, "welcome", "v?", sio_socket_auth(s));
    (void)sio_broadcast(sio_socket_ns(s), SIO_TO(.but = s), "joined", "s", sio_socket_id(s));
}

static void say_farewell(sio_socket *s, int reason, int cause, void *user) {
    (void)reason;
    (void)cause;
    (void)user;
    (void)sio_broadcast(sio_socket_ns(s), SIO_TO(.rooms = SIO_ROOMS("all"), .but = s), "left", "");
}

static void add_greeting(struct scenario *x) {
    sio_ns *ns = sio_server_ns(x->h.server, "/greeting");
    assert_int_equal(sio_ns_on_connect(ns, greet, NULL), 0);
    assert_int_equal(sio_ns_on_disconnecting(ns, say_farewell, NULL), 0);
    assert_int_equal(sio_ns_on_disconnect(ns, say_farewell, NULL), 0);
}

static int greetings(void *user) {
    struct scenario x;
    (void)user;
    scenario_begin(&x, NULL, add_greeting);
    struct client *a = scenario_client(&x, SIO_WEBSOCKET);
    struct client *b = scenario_client(&x, SIO_POLLING);
    scenario_tell(&x, a, "40/greeting,{\"token\":\"t\"}");
    scenario_hear(&x, a, "40/greeting,{\"sid\":");
    scenario_hear(&x, a, "42/greeting,[\"welcome\",{\"token\":\"t\"}]");
    scenario_tell(&x, b, "40/greeting,");
    scenario_hear(&x, b, "40/greeting,{\"sid\":");
    scenario_hear(&x, b, "42/greeting,[\"welcome\",null]");
    scenario_hear(&x, a, "42/greeting,[\"joined\",");
    scenario_tell(&x, b, "41/greeting,");
    scenario_hear(&x, a, "42/greeting,[\"left\"]");
    scenario_hear(&x, a, "42/greeting,[\"left\"]");
    client_close(a);
    client_close(b);
    return scenario_end(&x);
}

/* ---- namespaces ---- */

static void check_name(const char *name, const sio_val *auth, sio_next *next, void *user) {
    struct scenario *x = user;
    if (strcmp(name, "/later") == 0) {
        scenario_keep_next(x, next);
    } else if (sio_val_get(auth, "allow") != NULL) {
        sio_next_ok(next);
    } else {
        sio_next_fail(next, "no such place", NULL);
    }
}

static void greet_ns(sio_ns *ns, void *user) {
    (void)user;
    assert_true(strlen(sio_ns_name(ns)) > 0);
}

static void add_parents(struct scenario *x) {
    sio_ns *match = sio_server_ns_match(x->h.server, "^/room-[0-9]+$");
    sio_ns *check = sio_server_ns_check(x->h.server, check_name, x);
    harness_echo(match);
    harness_echo(check);
    harness_observe(&x->h, match);
    harness_observe(&x->h, check);
    sio_server_on_new_ns(x->h.server, greet_ns, NULL);
    x->data = match;
}

static int parents(void *user) {
    struct scenario x;
    (void)user;
    scenario_begin(&x,
                   SIO_SERVER_OPTIONS(.cleanup_empty_namespaces = true, .log_level = SIO_LOG_NONE),
                   add_parents);
    struct client *a = scenario_client(&x, SIO_WEBSOCKET);
    struct client *b = scenario_client(&x, SIO_POLLING);
    scenario_join(&x, a, "/room-1");
    scenario_join(&x, b, "/room-2");
    scenario_sent(&x, sio_broadcast(x.data, NULL, "to all rooms", "i", 1));
    scenario_hear(&x, a, "42/room-1,[\"to all rooms\",1]");
    scenario_hear(&x, b, "42/room-2,[\"to all rooms\",1]");
    scenario_step(&x, sio_server_ns(x.h.server, "/room-3") != NULL); /* the application's */
    scenario_step(&x, sio_server_ns(x.h.server, "/plain") != NULL);
    scenario_join(&x, a, "/room-3");
    scenario_join(&x, a, "/plain");
    scenario_tell(&x, a, "40/any,{\"allow\":1}");
    scenario_hear(&x, a, "40/any,{\"sid\":");
    scenario_tell(&x, a, "40/other,{}");
    scenario_hear(&x, a, "44/other,");
    scenario_tell(&x, b, "40/later,{\"auth\":[1,2]}");
    sio_next_fail(scenario_decision(&x), "not now", NULL);
    scenario_hear(&x, b, "44/later,");
    scenario_sent(&x, sio_ns_disconnect(x.data, NULL, false)); /* removes the rooms */
    scenario_hear(&x, a, "41/room-1,");
    scenario_hear(&x, a, "41/room-3,");
    scenario_echo(&x, a);
    client_close(a);
    client_close(b);
    return scenario_end(&x);
}

/* The client leaves while its namespace is being decided about. */
static int abandoned_namespaces(void *user) {
    struct scenario x;
    (void)user;
    scenario_begin(&x, NULL, add_parents);
    struct client *c = scenario_client(&x, SIO_WEBSOCKET);
    scenario_tell(&x, c, "40/later,{\"auth\":1}");
    sio_next *next = scenario_decision(&x);
    client_close(c);
    harness_settle(&x.h);
    sio_next_ok(next);
    c = scenario_client(&x, SIO_POLLING);
    scenario_tell(&x, c, "40/later,");
    next = scenario_decision(&x);
    sio_next_ok(next);
    scenario_hear(&x, c, "40/later,{\"sid\":");
    scenario_echo(&x, c);
    client_close(c);
    return scenario_end(&x);
}

static void middleware(sio_socket *s, sio_next *next, void *user) {
    struct scenario *x = user;
    (void)sio_socket_join(s, SIO_ROOMS("before"));
    (void)sio_emit(s, "early", "");
    scenario_keep_next(x, next);
}

static void add_middleware(struct scenario *x) {
    sio_ns *ns = sio_server_ns(x->h.server, "/asked");
    harness_observe(&x->h, ns);
    assert_int_equal(sio_ns_use(ns, middleware, x), 0);
}

static int abandoned_middlewares(void *user) {
    struct scenario x;
    (void)user;
    scenario_begin(&x, NULL, add_middleware);
    struct client *c = scenario_client(&x, SIO_WEBSOCKET);
    scenario_tell(&x, c, "40/asked,{\"token\":1}");
    sio_next *next = scenario_decision(&x);
    client_close(c);
    harness_settle(&x.h);
    sio_next_ok(next);
    c = scenario_client(&x, SIO_WEBSOCKET);
    scenario_tell(&x, c, "40/asked,");
    next = scenario_decision(&x);
    sio_next_ok(next);
    scenario_hear(&x, c, "42/asked,[\"early\"]");
    scenario_hear(&x, c, "40/asked,{\"sid\":");
    client_close(c);
    return scenario_end(&x);
}

/* ---- rooms and selections ---- */

static int rooms(void *user) {
    struct scenario x;
    char name[24];
    const char *const names[] = {name, NULL};
    (void)user;
    scenario_begin(&x, NULL, NULL);
    struct client *a = scenario_client(&x, SIO_WEBSOCKET);
    struct client *b = scenario_client(&x, SIO_POLLING);
    for (int i = 0; i < 20; i++) {
        (void)snprintf(name, sizeof name, "room %d", i);
        scenario_sent(&x, sio_socket_join(scenario_socket(&x, a), names));
    }
    for (int i = 0; i < 20; i += 2) {
        (void)snprintf(name, sizeof name, "room %d", i);
        sio_socket_leave(scenario_socket(&x, a), names);
    }
    scenario_sent(&x, sio_ns_join(x.root, SIO_TO(.rooms = SIO_ROOMS("room 1")), SIO_ROOMS("few")));
    scenario_sent(&x, sio_ns_join(x.root, NULL, SIO_ROOMS("many", "more")));
    scenario_sent(&x, sio_ns_leave(x.root, SIO_TO(.rooms = SIO_ROOMS("few")), SIO_ROOMS("many")));
    scenario_sent(&x, sio_broadcast(x.root, SIO_TO(.rooms = SIO_ROOMS("few", "room 3")), "1", ""));
    scenario_hear(&x, a, "42[\"1\"]");
    scenario_sent(&x, sio_broadcast(x.root, SIO_TO(.rooms = SIO_ROOMS("many")), "2", ""));
    scenario_hear(&x, b, "42[\"2\"]");
    scenario_sent(
        &x, sio_ns_disconnect(
                x.root, SIO_TO(.rooms = SIO_ROOMS("more"), .except = SIO_ROOMS("many")), false));
    scenario_hear(&x, a, "41");
    scenario_sent(&x, sio_ns_disconnect(x.root, SIO_TO(.rooms = SIO_ROOMS("many")), true));
    scenario_gone(&x, b);
    scenario_join(&x, a, "/");
    scenario_echo(&x, a);
    client_close(a);
    client_close(b);
    return scenario_end(&x);
}

/* ---- attachments ---- */

static void on_bytes(sio_socket *s, sio_event *ev, void *user) {
    const void *bytes = NULL;
    size_t len = 0;
    (void)user;
    if (sio_event_unpack(ev, "B", &bytes, &len) == 0) {
        (void)sio_emit(s, "bytes", "B{s:B}", bytes, len, "again", bytes, len);
    }
    (void)sio_event_reply(ev, "a", ev);
}

static void add_bytes(struct scenario *x) {
    assert_int_equal(sio_ns_on(x->root, "bytes", on_bytes, NULL), 0);
}

static int attachments(void *user) {
    struct scenario x;
    char bytes[2000];
    unsigned transport = *(const unsigned *)user;
    memset(bytes, 'b', sizeof bytes);
    scenario_begin(&x, NULL, add_bytes);
    struct client *c = scenario_client(&x, transport);
    scenario_tell(&x, c, "452-7[\"bytes\"," TWO_PLACEHOLDERS "]");
    scenario_tell_binary(&x, c, bytes, sizeof bytes);
    scenario_tell_binary(&x, c, "second", 6);
    scenario_hear(&x, c, "452-[\"bytes\",");
    scenario_hear(&x, c, "bbbb");
    scenario_hear(&x, c, "bbbb");
    scenario_hear(&x, c, "462-7[");
    scenario_hear(&x, c, "bbbb");
    scenario_hear(&x, c, "second");
    sio_socket *s = scenario_socket(&x, c);
    scenario_asked(&x, sio_emit_ack(s, SIO_ACK(.fn = scenario_on_reply, .user = &x), "q", "B",
                                    bytes, sizeof bytes));
    scenario_hear(&x, c, "451-0[\"q\",");
    scenario_hear(&x, c, "bbbb");
    scenario_tell(&x, c, "462-0[" TWO_PLACEHOLDERS "]");
    scenario_tell_binary(&x, c, "first", 5);
    scenario_tell_binary(&x, c, "second", 6);
    scenario_tell(&x, c, "452-[\"bytes\"," TWO_PLACEHOLDERS "]");
    scenario_tell_binary(&x, c, "first", 5); /* and no second one */
    client_close(c);
    return scenario_end(&x);
}

/* ---- acknowledgements ---- */

static void take_ack(sio_socket *s, sio_event *ev, void *user) {
    struct scenario *x = user;
    (void)s;
    sio_ack_free(x->ack);
    x->ack = sio_event_take_ack(ev);
}

static void add_take(struct scenario *x) {
    assert_int_equal(sio_ns_on(x->root, "take", take_ack, x), 0);
}

static bool has_ack(void *scenario) {
    const struct scenario *x = scenario;
    return x->ack != NULL;
}

static sio_ack *the_ack(struct scenario *x) {
    scenario_until(x, has_ack);
    sio_ack *ack = x->ack;
    x->ack = NULL;
    return ack;
}

static int late_replies(void *user) {
    struct scenario x;
    sio_msg *m = NULL;
    (void)user;
    scenario_begin(&x, NULL, add_take);
    struct client *c = scenario_client(&x, SIO_WEBSOCKET);
    scenario_tell(&x, c, "423[\"take\",\"x\"]");
    scenario_sent(&x, sio_ack_reply(the_ack(&x), "sB", "text", "bytes", (size_t)5));
    scenario_hear(&x, c, "461-3[\"text\",");
    scenario_hear(&x, c, "bytes");
    scenario_tell(&x, c, "424[\"take\",\"x\"]");
    scenario_sent(&x, sio_msg_new(&m, NULL));
    scenario_sent(&x, sio_msg_begin_object(m));
    scenario_sent(&x, sio_msg_key(m, "key"));
    scenario_sent(&x, sio_msg_add_json(m, "[1,{\"a\":null}]", SIO_NUL));
    scenario_sent(&x, sio_msg_end(m));
    scenario_sent(&x, sio_ack_reply_msg(the_ack(&x), m));
    sio_msg_unref(m);
    scenario_hear(&x, c, "434[{\"key\":[1,{\"a\":null}]}]");
    scenario_tell(&x, c, "425[\"take\"]");
    sio_ack *ack = the_ack(&x);
    client_close(c);
    harness_settle(&x.h);
    (void)sio_ack_reply(ack, "s", "to nobody");
    return scenario_end(&x);
}

/* The clients never answer: the time ends it, or the connection. */
static int questions_without_answers(void *user) {
    struct scenario x;
    sio_msg *m = NULL;
    (void)user;
    scenario_begin(&x, NULL, NULL);
    struct client *a = scenario_client(&x, SIO_WEBSOCKET);
    struct client *b = scenario_client(&x, SIO_POLLING);
    sio_socket *s = scenario_socket(&x, a);
    sio_ack_options ack = *SIO_ACK(.fn = scenario_on_reply, .user = &x, .timeout_ms = 4);
    scenario_asked(&x, sio_emit_ack(s, &ack, "q", ""));
    scenario_asked(&x, sio_broadcast_ack(x.root, NULL, 4, scenario_on_answers, &x, "q", ""));
    scenario_tell(&x, b, "431[1]");
    scenario_asked(&x, sio_broadcast_ack(x.root, SIO_TO(.rooms = SIO_ROOMS("nobody")), 4,
                                         scenario_on_answers, &x, "q", ""));
    harness_pass_ms(&x.h, 6);
    scenario_sent(&x, sio_msg_new(&m, "q"));
    scenario_sent(&x, sio_msg_add_str(m, "text", 4));
    ack.timeout_ms = 0;
    ack.flags = SIO_VOLATILE;
    for (int i = 0; i < 3; i++) {
        scenario_asked(&x, sio_emit_ack_msg(s, &ack, m));
    }
    sio_msg_unref(m);
    scenario_asked(&x,
                   sio_broadcast_ack(x.root, NULL, SIO_NEVER, scenario_on_answers, &x, "q", ""));
    scenario_hear(&x, a, "42");
    scenario_hear(&x, b, "42");
    client_close(a);
    sio_socket_disconnect(scenario_socket(&x, b), true);
    client_close(b);
    return scenario_end(&x);
}

/* ---- slow clients ---- */

static int volatile_events(void *user) {
    struct scenario x;
    char *text = calloc(1, 50001);
    (void)user;
    assert_non_null(text);
    memset(text, 'v', 50000);
    scenario_begin(&x, NULL, NULL);
    struct client *a = scenario_client(&x, SIO_WEBSOCKET);
    struct client *b = scenario_client(&x, SIO_POLLING);
    scenario_sent(&x, sio_emit_opt(scenario_socket(&x, a), SIO_VOLATILE, "1", ""));
    scenario_hear(&x, a, "42[\"1\"]");
    wire_pause(a->ws);
    int slow = 0;
    for (int i = 0; i < 200 && slow != SIO_SLOW && x.ok; i++) {
        slow = sio_emit(scenario_socket(&x, a), "fill", "s", text);
        scenario_sent(&x, slow);
        harness_turn(&x.h);
    }
    int dropped = sio_emit_opt(scenario_socket(&x, a), SIO_VOLATILE, "2", "s", text);
    scenario_step(&x, dropped == SIO_ERR_DROPPED);
    scenario_sent(&x, sio_broadcast(x.root, SIO_TO(.flags = SIO_VOLATILE), "3", "s", text));
    wire_resume(a->ws);
    for (int i = 0; i < 3; i++) {
        scenario_hear(&x, a, "42[\"fill\",");
    }
    (void)sio_emit_opt(scenario_socket(&x, b), SIO_VOLATILE | SIO_NO_COMPRESS, "4",
                       ""); /* no GET */
    scenario_echo(&x, b);
    client_close(a);
    client_close(b);
    free(text);
    return scenario_end(&x);
}

/* ---- life ---- */

static void destroy(void *user) {
    free(user);
}

static int what_outlives_a_connection(void *user) {
    struct scenario x;
    (void)user;
    scenario_begin(&x,
                   SIO_SERVER_OPTIONS(.cleanup_empty_namespaces = true, .log_level = SIO_LOG_NONE),
                   add_parents);
    struct client *c = scenario_client(&x, SIO_WEBSOCKET);
    sio_socket *s = sio_socket_ref(scenario_socket(&x, c));
    sio_socket_set_user(s, calloc(1, 10), destroy);
    sio_socket_set_user(s, calloc(1, 10), destroy);
    scenario_sent(&x, sio_socket_set_data(s, "{s:[s?]}", "a", NULL));
    scenario_sent(&x, sio_socket_set_data(s, "s", "other"));
    sio_socket_forget_request(s);
    scenario_join(&x, c, "/room-9");
    assert_ptr_equal(sio_server_find_ns(x.h.server, "/"), x.root); /* memory or not */
    assert_ptr_equal(sio_server_ns(x.h.server, "/"), x.root);
    sio_ns *ns = sio_server_find_ns(x.h.server, "/room-9");
    sio_socket *other = sio_socket_ref(ns != NULL ? sio_ns_find(ns, c->socket_sid) : NULL);
    client_close(c);
    harness_settle(&x.h);
    assert_true(sio_emit(s, "late", "") < 0);
    assert_true(sio_socket_join(s, SIO_ROOMS("late")) < 0);
    (void)sio_emit(other, "late", "");
    sio_socket_unref(s);
    sio_socket_unref(other);
    return scenario_end(&x);
}

/* ---- tests ---- */

SCENARIO_TEST(listeners)
SCENARIO_TEST(greetings)
SCENARIO_TEST(parents)
SCENARIO_TEST(abandoned_namespaces)
SCENARIO_TEST(abandoned_middlewares)
SCENARIO_TEST(rooms)
SCENARIO_TEST(late_replies)
SCENARIO_TEST(questions_without_answers)
SCENARIO_TEST(volatile_events)
SCENARIO_TEST(what_outlives_a_connection)

static void server_survives_attachments(void **state) {
    static unsigned transports[] = {SIO_WEBSOCKET, SIO_POLLING};
    (void)state;
    torture_run(attachments, &transports[0]);
    torture_run(attachments, &transports[1]);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        SCENARIO(listeners),
        SCENARIO(greetings),
        SCENARIO(parents),
        SCENARIO(abandoned_namespaces),
        SCENARIO(abandoned_middlewares),
        SCENARIO(rooms),
        SCENARIO(attachments),
        SCENARIO(late_replies),
        SCENARIO(questions_without_answers),
        SCENARIO(volatile_events),
        SCENARIO(what_outlives_a_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
