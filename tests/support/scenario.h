/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Scenarios of a server for torture.h: what a server and its clients do while allocations fail.
 *
 *     static int greeting(void *user) {
 *         struct scenario x;
 *         (void)user;
 *         scenario_begin(&x, NULL, NULL);
 *         struct client *c = scenario_client(&x, SIO_WEBSOCKET);
 *         scenario_sent(&x, sio_emit(scenario_socket(&x, c), "hello", ""));
 *         scenario_hear(&x, c, "42[\"hello\"]");
 *         client_close(c);
 *         return scenario_end(&x);
 *     }
 *     SCENARIO_TEST(greeting)
 *     SCENARIO(greeting), in the list of tests
 *
 * A step is done as long as all before it have worked: after a failure the scenario hurries to its
 * end. Memory is never refused while a server starts, and at the end, where the server has to
 * serve new clients, has to have called every callback that it owes, and must leave nothing behind.
 */
#ifndef SUPPORT_SCENARIO_H
#define SUPPORT_SCENARIO_H

#include "support/client.h"
#include "support/torture.h"

struct scenario {
    struct harness h;
    sio_ns *root;
    bool ok;                /* everything has worked so far */
    sio_next *next;         /* a decision that a callback has left open */
    sio_response *response; /* an answer that it has left open */
    sio_ack *ack;           /* an acknowledgement that it has left open */
    void *data;             /* of the test */
    size_t asked;           /* questions whose callback is due, and */
    size_t told;            /* those that came */
};

/**
 * Starts a server. "/" is observed and has the event "echo".
 *
 * @param options  NULL for the defaults without a log; options that the clients at the end cannot
 *                 do with are not for scenarios
 * @param add      registers what has to be there before it listens; may be NULL
 */
void scenario_begin(struct scenario *x, const sio_server_options *options,
                    void (*add)(struct scenario *x));

/** From here on no memory is refused. scenario_end() begins so. */
void scenario_relax(struct scenario *x);

/**
 * The server still works, and has nothing left of what was done before; then it is closed. Clients
 * have to be closed before.
 *
 * @return the result of the scenario
 */
int scenario_end(struct scenario *x);

/** As scenario_end(), without new clients: for a server that is closed, or that needs others. */
int scenario_end_closed(struct scenario *x);

/** A client in "/" that has come there before the failures begin. */
struct client *scenario_client(struct scenario *x, unsigned transport);

/** Its socket; NULL when it has been lost. */
sio_socket *scenario_socket(const struct scenario *x, const struct client *c);

/** Whether memory was refused in this run: what does not come then may have been lost. */
bool scenario_may_fail(void);

/* ---- steps ---- */

/** Something has worked, or not. */
void scenario_step(struct scenario *x, bool worked);

/** The same by a result: negative is not. */
void scenario_sent(struct scenario *x, int r);

/** The same for questions: unless it is negative the callback is due. */
void scenario_asked(struct scenario *x, int r);

/** The client sends a packet, and a binary one. */
void scenario_tell(struct scenario *x, struct client *c, const char *packet);
void scenario_tell_binary(struct scenario *x, struct client *c, const void *data, size_t len);

/** The next packet that the client gets begins with this text. */
void scenario_hear(struct scenario *x, struct client *c, const char *text);

/** The next answer on a connection has this status. */
void scenario_answer(struct scenario *x, struct wire *w, int status);

/** Opens a session; NULL when that has failed, which the other functions put up with. */
struct client *scenario_open(struct scenario *x, unsigned transport);

/** Joins a namespace. */
void scenario_join(struct scenario *x, struct client *c, const char *nsp);

/** Sends an echo and waits for it. */
void scenario_echo(struct scenario *x, struct client *c);

/** Waits for the end of a session. */
void scenario_gone(struct scenario *x, struct client *c);

/** Waits for a condition; the argument is the scenario. */
void scenario_until(struct scenario *x, bool (*done)(void *scenario));

/** Waits for x->next and takes it; NULL when it does not come. */
sio_next *scenario_decision(struct scenario *x);

/* ---- callbacks ---- */

/** Keeps the decision in x->next, the argument `user`; one that is there already is accepted. */
void scenario_keep_next(struct scenario *x, sio_next *next);

/** Count x->told, the argument `user`. */
void scenario_on_reply(sio_socket *s, int status, sio_event *reply, void *user);
void scenario_on_answers(int status, const sio_answers *answers, void *user);
void scenario_on_fetch(int status, const sio_socket_info *sockets, size_t count, void *user);

/* ---- tests ---- */

#define SCENARIO_TEST(scenario)                                                                    \
    static void server_survives_##scenario(void **state) {                                         \
        (void)state;                                                                               \
        torture_run(scenario, NULL);                                                               \
    }

#define SCENARIO(scenario) cmocka_unit_test_teardown(server_survives_##scenario, torture_teardown)

#endif /* SUPPORT_SCENARIO_H */
