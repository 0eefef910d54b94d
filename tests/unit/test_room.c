/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* Membership against a model: a matrix of sockets and rooms, under random operations. */
#include "support/client.h"

#include <stdio.h>
#include <string.h>

#include <sio/error.h>

#include "socketio/core.h"

#define SOCKETS 40
#define ROOMS   25
#define STEPS   20000

static struct {
    struct harness h;
    sio_ns *ns;
    struct client *clients[SOCKETS];
    sio_socket *sockets[SOCKETS];
    bool member[SOCKETS][ROOMS];
    bool own[SOCKETS]; /* is in the room of its own id */
    char names[ROOMS][8];
    uint32_t random;
} m;

static uint32_t next_random(uint32_t below) {
    m.random = m.random * 1664525u + 1013904223u;
    return (m.random >> 8) % below;
}

static void connect_one(size_t s) {
    m.clients[s] = client_join_root(&m.h);
    m.sockets[s] = sio_ns_find(m.ns, m.clients[s]->socket_sid);
    assert_non_null(m.sockets[s]);
    memset(m.member[s], 0, sizeof m.member[s]);
    m.own[s] = true;
}

static void disconnect_one(size_t s) {
    size_t before = m.h.seen.disconnects;
    client_close(m.clients[s]);
    harness_wait_count(&m.h, &m.h.seen.disconnects, before + 1);
}

/* A list of up to three rooms; the model changes for every socket s with set(s). */
static void random_rooms(const char *names[4], size_t rooms[3], size_t *ret_count) {
    *ret_count = 1 + next_random(3);
    for (size_t i = 0; i < *ret_count; i++) {
        /* Few rooms are full, many nearly empty. */
        rooms[i] = next_random(3) == 0 ? next_random(3) : next_random(ROOMS);
        names[i] = m.names[rooms[i]];
    }
    names[*ret_count] = NULL;
}

static void move_one(bool in) {
    const char *names[4];
    size_t rooms[3];
    size_t count;
    size_t s = next_random(SOCKETS);
    random_rooms(names, rooms, &count);
    if (in) {
        assert_int_equal(sio_socket_join(m.sockets[s], names), 0);
    } else {
        sio_socket_leave(m.sockets[s], names);
    }
    for (size_t i = 0; i < count; i++) {
        m.member[s][rooms[i]] = in;
    }
}

static void move_own(void) {
    size_t s = next_random(SOCKETS);
    m.own[s] = !m.own[s];
    if (m.own[s]) {
        assert_int_equal(sio_socket_join(m.sockets[s], SIO_ROOMS(m.clients[s]->socket_sid)), 0);
    } else {
        sio_socket_leave(m.sockets[s], SIO_ROOMS(m.clients[s]->socket_sid));
    }
}

static bool is_selected(size_t s, size_t from, size_t except) {
    return m.member[s][from] && !m.member[s][except];
}

/* Those of one room, but not of another, enter or leave a third. */
static void move_many(bool in) {
    size_t from = next_random(ROOMS);
    size_t except = next_random(ROOMS);
    size_t room = next_random(ROOMS);
    bool selected[SOCKETS];
    for (size_t s = 0; s < SOCKETS; s++) {
        selected[s] = is_selected(s, from, except);
    }
    const sio_to *to =
        SIO_TO(.rooms = SIO_ROOMS(m.names[from]), .except = SIO_ROOMS(m.names[except]));
    int r = in ? sio_ns_join(m.ns, to, SIO_ROOMS(m.names[room]))
               : sio_ns_leave(m.ns, to, SIO_ROOMS(m.names[room]));
    assert_int_equal(r, 0);
    for (size_t s = 0; s < SOCKETS; s++) {
        m.member[s][room] = selected[s] ? in : m.member[s][room];
    }
}

static void count_selected(struct server_socket *s, void *arg) {
    size_t *counts = arg;
    for (size_t i = 0; i < SOCKETS; i++) {
        counts[i] += m.sockets[i] == &s->base ? 1 : 0;
    }
}

/* Two rooms together, without a third and without the sender: everybody once. */
static void expect_selection(void) {
    size_t a = next_random(ROOMS);
    size_t b = next_random(ROOMS);
    size_t except = next_random(ROOMS);
    size_t sender = next_random(SOCKETS);
    size_t counts[SOCKETS] = {0};
    sio_to to = sio__to(SIO_TO(.rooms = SIO_ROOMS(m.names[a], m.names[b], m.clients[0]->socket_sid),
                               .except = SIO_ROOMS(m.names[except], m.clients[1]->socket_sid),
                               .but = m.sockets[sender]));
    sio__select(m.ns, &to, count_selected, counts);
    for (size_t s = 0; s < SOCKETS; s++) {
        bool meant = m.member[s][a] || m.member[s][b] || (s == 0 && m.own[s]);
        bool left_out = m.member[s][except] || s == sender || (s == 1 && m.own[s]);
        assert_int_equal(counts[s], meant && !left_out ? 1 : 0);
    }
}

static void expect_socket(size_t s) {
    size_t count = m.own[s] ? 1 : 0;
    size_t listed = 0;
    for (size_t r = 0; r < ROOMS; r++) {
        assert_int_equal(sio_socket_in(m.sockets[s], m.names[r]), m.member[s][r]);
        count += m.member[s][r] ? 1 : 0;
    }
    assert_int_equal(sio_socket_room_count(m.sockets[s]), count);
    assert_int_equal(sio_socket_in(m.sockets[s], m.clients[s]->socket_sid), m.own[s]);
    for (const char *name = sio_socket_room(m.sockets[s], 0); name != NULL;
         name = sio_socket_room(m.sockets[s], listed)) {
        assert_true(sio_socket_in(m.sockets[s], name));
        listed++;
    }
    assert_int_equal(listed, count);
}

static void expect_model(void) {
    size_t rooms = 0;
    for (size_t r = 0; r < ROOMS; r++) {
        size_t members = 0;
        for (size_t s = 0; s < SOCKETS; s++) {
            members += m.member[s][r] ? 1 : 0;
        }
        assert_int_equal(sio_ns_room_count(m.ns, m.names[r]), members);
        rooms += members > 0 ? 1 : 0;
    }
    assert_int_equal(harness_stats(&m.h).rooms, rooms);
    for (size_t s = 0; s < SOCKETS; s++) {
        expect_socket(s);
    }
}

static void membership_is_that_of_the_model(void **state) {
    (void)state;
    memset(&m, 0, sizeof m);
    m.random = 1;
    harness_init(&m.h, NULL);
    m.ns = harness_root(&m.h);
    harness_observe(&m.h, m.ns);
    harness_listen(&m.h);
    for (size_t r = 0; r < ROOMS; r++) {
        (void)snprintf(m.names[r], sizeof m.names[r], "r%zu", r);
    }
    for (size_t s = 0; s < SOCKETS; s++) {
        connect_one(s);
    }
    for (int i = 0; i < STEPS; i++) {
        uint32_t what = next_random(100);
        if (what < 45) {
            move_one(true);
        } else if (what < 90) {
            move_one(false);
        } else if (what < 93) {
            move_many(true);
        } else if (what < 97) {
            move_many(false);
        } else if (what < 99) {
            move_own();
        } else if (next_random(4) == 0) {
            size_t s = next_random(SOCKETS);
            disconnect_one(s);
            connect_one(s);
        }
        expect_selection();
        if (i % 20 == 0) {
            expect_model();
        }
    }
    for (size_t s = 0; s < SOCKETS; s++) {
        disconnect_one(s);
    }
    assert_int_equal(harness_stats(&m.h).rooms, 0);
    assert_int_equal(sio_ns_count(m.ns), 0);
    harness_done(&m.h);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(membership_is_that_of_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
