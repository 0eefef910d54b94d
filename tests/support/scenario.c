/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "support/scenario.h"

#include <string.h>

#include <sio/error.h>

/* ---- the parts that are not tortured ---- */

bool scenario_may_fail(void) {
    return torture_refused() > 0;
}

void scenario_begin(struct scenario *x, const sio_server_options *options,
                    void (*add)(struct scenario *x)) {
    torture_suspend(true);
    *x = (struct scenario){.ok = true};
    harness_init(&x->h, options != NULL ? options : SIO_SERVER_OPTIONS(.log_level = SIO_LOG_NONE));
    x->root = harness_root(&x->h);
    harness_echo(x->root);
    harness_observe(&x->h, x->root);
    if (add != NULL) {
        add(x);
    }
    harness_listen(&x->h);
    x->h.may_have_lost = scenario_may_fail;
    torture_suspend(false);
}

void scenario_relax(struct scenario *x) {
    torture_suspend(true);
    x->h.may_have_lost = NULL;
}

/* What callbacks have left open, and the scenario did not come to. */
static void give_back(struct scenario *x) {
    sio_next_ok(x->next);
    sio_ack_free(x->ack);
    if (x->response != NULL) {
        (void)sio_response_send(x->response, 200, NULL, 0);
    }
}

static int finish(struct scenario *x) {
    harness_done(&x->h);
    assert_int_equal(x->told, x->asked);
    assert_int_equal(x->h.seen.connects, x->h.seen.disconnects);
    torture_suspend(false);
    return x->ok ? 0 : SIO_ERR_NOMEM;
}

int scenario_end(struct scenario *x) {
    scenario_relax(x);
    struct client *ws = client_join_root(&x->h);
    struct client *polling = client_open(&x->h, SIO_POLLING);
    client_join(polling, "/");
    client_expect_alive(ws);
    client_expect_alive(polling);
    client_close(ws);
    client_close(polling);
    give_back(x);
    return finish(x);
}

int scenario_end_closed(struct scenario *x) {
    scenario_relax(x);
    give_back(x);
    return finish(x);
}

struct client *scenario_client(struct scenario *x, unsigned transport) {
    scenario_relax(x);
    struct client *c = client_open(&x->h, transport);
    client_join(c, "/");
    x->h.may_have_lost = scenario_may_fail;
    torture_suspend(false);
    return c;
}

sio_socket *scenario_socket(const struct scenario *x, const struct client *c) {
    return c != NULL ? sio_ns_find(x->root, c->socket_sid) : NULL;
}

/* ---- steps ---- */

void scenario_step(struct scenario *x, bool worked) {
    x->ok = x->ok && worked;
}

void scenario_sent(struct scenario *x, int r) {
    scenario_step(x, r >= 0);
}

void scenario_asked(struct scenario *x, int r) {
    x->asked += r >= 0 ? 1 : 0;
    scenario_sent(x, r);
}

void scenario_tell(struct scenario *x, struct client *c, const char *packet) {
    if (x->ok) {
        scenario_step(x, client_send(c, packet));
    }
}

void scenario_tell_binary(struct scenario *x, struct client *c, const void *data, size_t len) {
    if (x->ok) {
        scenario_step(x, client_send_binary(c, data, len));
    }
}

void scenario_hear(struct scenario *x, struct client *c, const char *text) {
    if (x->ok) {
        const struct packet *p = client_receive(c);
        bool heard = p != NULL && strncmp(p->data, text, strlen(text)) == 0;
        if (!heard && !scenario_may_fail()) {
            print_error("waited for %s, and got %s\n", text, p != NULL ? p->data : "nothing");
        }
        scenario_step(x, heard);
    }
}

void scenario_answer(struct scenario *x, struct wire *w, int status) {
    if (x->ok) {
        const struct response *res = wire_response(w);
        int got = res != NULL ? res->status : 0;
        if (got != status && !scenario_may_fail()) {
            print_error("waited for status %d, and got %d\n", status, got);
        }
        scenario_step(x, got == status);
    }
}

struct client *scenario_open(struct scenario *x, unsigned transport) {
    struct client *c = x->ok ? client_try_open(&x->h, transport, "") : NULL;
    scenario_step(x, c != NULL);
    return c;
}

void scenario_join(struct scenario *x, struct client *c, const char *nsp) {
    if (x->ok) {
        scenario_step(x, client_try_join(c, nsp));
    }
}

void scenario_echo(struct scenario *x, struct client *c) {
    scenario_tell(x, c, "42[\"echo\",{\"a\":[1,2.5,null,true,\"text\"]}]");
    scenario_hear(x, c, "42[\"echo\",{\"a\":[1,2.5,null,true,\"text\"]}]");
}

void scenario_gone(struct scenario *x, struct client *c) {
    if (x->ok) {
        scenario_step(x, client_wait_end(c));
    }
}

void scenario_until(struct scenario *x, bool (*done)(void *scenario)) {
    if (x->ok) {
        scenario_step(x, harness_wait(&x->h, done, x));
    }
}

static bool is_undecided(void *scenario) {
    const struct scenario *x = scenario;
    return x->next != NULL;
}

sio_next *scenario_decision(struct scenario *x) {
    scenario_until(x, is_undecided);
    sio_next *next = x->ok ? x->next : NULL;
    if (next != NULL) {
        x->next = NULL;
    }
    return next;
}

/* ---- callbacks ---- */

void scenario_keep_next(struct scenario *x, sio_next *next) {
    if (x->next != NULL) {
        sio_next_ok(next);
        return;
    }
    x->next = next;
}

void scenario_on_reply(sio_socket *s, int status, sio_event *reply, void *user) {
    struct scenario *x = user;
    (void)s;
    assert_true((status == 0) == (reply != NULL));
    x->told++;
}

void scenario_on_answers(int status, const sio_answers *answers, void *user) {
    struct scenario *x = user;
    (void)status;
    assert_in_range(sio_answers_count(answers), 0, 4);
    x->told++;
}

void scenario_on_fetch(int status, const sio_socket_info *sockets, size_t count, void *user) {
    struct scenario *x = user;
    (void)status;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(strlen(sockets[i].id), 20);
        assert_null(sockets[i].rooms[sockets[i].room_count]);
    }
    x->told++;
}
