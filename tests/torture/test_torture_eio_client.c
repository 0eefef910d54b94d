/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The Engine.IO client, and its server, with every allocation failing in turn: the client opens,
 * sends, upgrades and closes, or tells once that it has ended; nothing leaks, and whatever it was
 * doing it may be freed.
 */
#include "support/client.h"
#include "support/eio_user.h"
#include "support/torture.h"

#include <stdlib.h>
#include <string.h>

#include <sio/error.h>

struct scenario {
    struct harness h;
    struct eio_user user;
    enum eio_user_event awaited;
    size_t count;
};

static bool was_refused(void) {
    return torture_refused() > 0;
}

static struct scenario *begin(const sio_server_options *options) {
    torture_suspend(true);
    struct scenario *x = calloc(1, sizeof *x);
    assert_non_null(x);
    harness_init(&x->h, options != NULL ? options : SIO_SERVER_OPTIONS(.log_level = SIO_LOG_NONE));
    harness_echo(harness_root(&x->h));
    harness_listen(&x->h);
    x->h.may_have_lost = was_refused;
    eio_user_init(&x->user, &x->h.loop, x->h.port);
    x->user.activity = &x->h.activity;
    torture_suspend(false);
    return x;
}

static int end(struct scenario *x) {
    torture_suspend(true);
    bool refused = was_refused();
    assert_true(x->user.counts[EIO_USER_CLOSE] <= 1);
    eio_user_done(&x->user);
    x->h.may_have_lost = NULL;
    harness_done(&x->h);
    free(x);
    torture_suspend(false);
    return refused ? SIO_ERR_NOMEM : 0;
}

static bool has_come(void *arg) {
    const struct scenario *x = arg;
    return x->user.counts[x->awaited] >= x->count || x->user.counts[EIO_USER_CLOSE] > 0;
}

/* @return whether it has come; it must when nothing was refused */
static bool await(struct scenario *x, enum eio_user_event event, size_t count) {
    x->awaited = event;
    x->count = count;
    (void)harness_wait(&x->h, has_come, x);
    bool came = x->user.counts[event] >= count;
    assert_true(came || was_refused());
    return came;
}

static bool open_client(struct scenario *x) {
    int r = eio_user_open(&x->user);
    if (r < 0) {
        assert_int_equal(r, SIO_ERR_NOMEM);
        if (x->user.client != NULL) {
            assert_int_equal(sio__eio_client_state(x->user.client), EIO_CLIENT_CLOSED);
        }
        return false;
    }
    return await(x, EIO_USER_OPEN, 1);
}

/* Joins "/", and has a text and bytes echoed. */
static bool use(struct scenario *x) {
    int r = eio_user_send(&x->user, "0");
    if (r == 0 && await(x, EIO_USER_MESSAGE, 1)) {
        r = eio_user_send_both(&x->user, "51-[\"echo\",{\"_placeholder\":true,\"num\":0}]", "\1\2",
                               2);
        return r == 0 && await(x, EIO_USER_MESSAGE, 3);
    }
    assert_true(r == 0 || r == SIO_ERR_NOMEM || r == SIO_ERR_CLOSED);
    return false;
}

static void close_client(struct scenario *x) {
    if (x->user.counts[EIO_USER_CLOSE] == 0) {
        eio_user_close(&x->user);
        (void)await(x, EIO_USER_CLOSE, 1);
    }
}

static int by_transport(void *user) {
    const uint8_t *transport = user;
    struct scenario *x = begin(NULL);
    x->user.config.transports[0] = *transport;
    x->user.config.transports[1] = 0;
    if (open_client(x) && use(x)) {
        close_client(x);
    }
    return end(x);
}

static int upgrading(void *user) {
    (void)user;
    struct scenario *x = begin(NULL);
    if (open_client(x)) {
        x->awaited = EIO_USER_UPGRADE;
        x->count = 1;
        (void)harness_wait(&x->h, has_come, x);
        assert_true(x->user.counts[EIO_USER_UPGRADE] == 1 || was_refused());
        if (x->user.counts[EIO_USER_CLOSE] == 0 && use(x)) {
            close_client(x);
        }
    }
    return end(x);
}

static int with_cookies_and_base64(void *user) {
    (void)user;
    struct cookie_jar jar;
    struct scenario *x =
        begin(SIO_SERVER_OPTIONS(.log_level = SIO_LOG_NONE, .cookie = SIO_COOKIE(.name = "io")));
    sio__cookie_jar_init(&jar, SIO_TEXT("127.0.0.1"), false);
    x->user.config.cookies = &jar;
    x->user.config.force_base64 = true;
    if (open_client(x) && use(x)) {
        close_client(x);
    }
    int r = end(x);
    sio__cookie_jar_done(&jar);
    return r;
}

static int closed_at_once(void *user) {
    (void)user;
    struct scenario *x = begin(NULL);
    if (eio_user_open(&x->user) == 0) {
        close_client(x);
        (void)await(x, EIO_USER_CLOSE, 1);
    }
    return end(x);
}

static void polling_survives(void **state) {
    (void)state;
    uint8_t transport = SIO_POLLING;
    torture_run(by_transport, &transport);
}

static void websocket_survives(void **state) {
    (void)state;
    uint8_t transport = SIO_WEBSOCKET;
    torture_run(by_transport, &transport);
}

static void upgrade_survives(void **state) {
    (void)state;
    torture_run(upgrading, NULL);
}

static void cookies_and_base64_survive(void **state) {
    (void)state;
    torture_run(with_cookies_and_base64, NULL);
}

static void closing_while_opening_survives(void **state) {
    (void)state;
    torture_run(closed_at_once, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(polling_survives, torture_teardown),
        cmocka_unit_test_teardown(websocket_survives, torture_teardown),
        cmocka_unit_test_teardown(upgrade_survives, torture_teardown),
        cmocka_unit_test_teardown(cookies_and_base64_survive, torture_teardown),
        cmocka_unit_test_teardown(closing_while_opening_survives, torture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
