/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <sio/error.h>

#include "engineio/options.h"
#include "support/torture.h"

static void drop_line(int level, const char *component, const char *message, void *user) {
    (void)level;
    (void)component;
    (void)message;
    (void)user;
}

static int resolve(struct options *options, const sio_server_options *user) {
    struct logger log;
    sio__logger_init(&log, SIO_LOG_ERROR, drop_line, NULL, NULL);
    return sio__options_init(options, user, &log);
}

static void zero_means_the_default(void **state) {
    (void)state;
    struct options a;
    struct options b;
    assert_int_equal(resolve(&a, NULL), 0);
    assert_int_equal(resolve(&b, SIO_SERVER_OPTIONS(.path = NULL)), 0);
    assert_string_equal(a.o.path, "/socket.io");
    assert_int_equal(a.o.transports, SIO_POLLING | SIO_WEBSOCKET);
    assert_int_equal(a.o.ping_interval_ms, 25000);
    assert_int_equal(a.o.ping_timeout_ms, 20000);
    assert_int_equal(a.o.upgrade_timeout_ms, 10000);
    assert_int_equal(a.o.max_payload_bytes, 1000000);
    assert_int_equal(a.o.connect_timeout_ms, 45000);
    assert_int_equal(a.o.max_connections, SIO_UNLIMITED);
    assert_int_equal(a.o.max_attachments, 10);
    assert_int_equal(a.o.log_level, SIO_LOG_WARN);
    assert_null(a.o.cors);
    assert_null(a.o.cookie);
    assert_null(a.o.adapter);
    /* No limit is left at zero, which would allow nothing. */
    assert_true(a.o.max_head_bytes > 0 && a.o.max_headers > 0 && a.o.head_timeout_ms > 0);
    assert_true(a.o.body_timeout_ms > 0 && a.o.keep_alive_timeout_ms > 0 &&
                a.o.close_timeout_ms > 0);
    assert_true(a.o.max_fragments > 0 && a.o.max_attachment_bytes > 0 &&
                a.o.attachment_timeout_ms > 0);
    assert_true(a.o.max_namespaces_per_connection > 0 && a.o.max_dynamic_namespaces > 0);
    assert_true(a.o.max_rooms_per_socket > 0 && a.o.max_pending_connects > 0);
    assert_true(a.o.send_high_water_bytes > 0 && a.o.send_soft_bytes > 0 && a.o.send_soft_ms > 0);
    assert_true(a.o.send_hard_bytes > 0 && a.o.compression_threshold_bytes > 0);
    assert_string_equal(a.o.path, b.o.path);
    sio__options_done(&a);
    sio__options_done(&b);
}

static const struct {
    const char *path;
    bool no_trailing_slash;
    const char *prefix;
} paths[] = {
    {NULL, false, "/socket.io/"}, {"/x", false, "/x/"}, {"/x/", false, "/x/"},
    {"/x", true, "/x"},           {"/x/", true, "/x"},  {"/", false, "/"},
    {"/a/b", false, "/a/b/"},
};

static void paths_become_prefixes(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct options o;
        assert_int_equal(
            resolve(&o, SIO_SERVER_OPTIONS(.path = paths[i].path,
                                           .no_trailing_slash = paths[i].no_trailing_slash)),
            0);
        assert_int_equal(o.path.len, strlen(paths[i].prefix));
        assert_string_equal(o.path.data, paths[i].prefix);
        sio__options_done(&o);
    }
}

static int open_adapter(sio_ns *ns, void *user, void **ret_self) {
    (void)ns;
    (void)user;
    (void)ret_self;
    return 0;
}

static void nested_structures_are_copied(void **state) {
    (void)state;
    char origin[] = "https://a.example";
    char name[] = "session";
    int user = 0;
    sio_cors cors = {.size = sizeof cors, .origin = origin, .credentials = true};
    sio_cookie cookie = {.size = sizeof cookie, .name = name};
    sio_adapter_ops ops = {.size = sizeof ops};
    sio_adapter_factory adapter = {
        .size = sizeof adapter, .ops = &ops, .open = open_adapter, .user = &user};
    struct options o;
    assert_int_equal(
        resolve(&o, SIO_SERVER_OPTIONS(.cors = &cors, .cookie = &cookie, .adapter = &adapter)), 0);
    memset(origin, 'x', sizeof origin - 1);
    memset(name, 'x', sizeof name - 1);
    memset(&cors, 0xff, sizeof cors);
    memset(&cookie, 0xff, sizeof cookie);
    memset(&adapter, 0xff, sizeof adapter);
    memset(&ops, 0xff, sizeof ops);
    assert_string_equal(o.o.cors->origin, "https://a.example");
    assert_true(o.o.cors->credentials);
    assert_string_equal(o.o.cookie->name, "session");
    assert_string_equal(o.o.cookie->path, "/");
    assert_string_equal(o.o.cookie->same_site, "Lax");
    assert_ptr_equal(o.o.adapter->user, &user);
    assert_int_equal(o.o.adapter->open(NULL, NULL, NULL), 0);
    assert_null(o.o.adapter->ops->broadcast);
    sio__options_done(&o);
}

static void structures_of_other_versions_are_copied_as_far_as_known(void **state) {
    (void)state;
    struct {
        sio_cookie now;
        uint64_t more;
    } cookie = {.now = {.size = sizeof cookie, .secure = true}};
    struct options o;
    assert_int_equal(resolve(&o, SIO_SERVER_OPTIONS(.cookie = &cookie.now)), 0);
    assert_true(o.o.cookie->secure);
    assert_int_equal(o.o.cookie->size, sizeof(sio_cookie));
    sio__options_done(&o);
    cookie.more = 1;
    assert_int_equal(resolve(&o, SIO_SERVER_OPTIONS(.cookie = &cookie.now)), SIO_ERR_VERSION);
    cookie.now.size = offsetof(sio_cookie, secure); /* an old one: the rest is not read */
    assert_int_equal(resolve(&o, SIO_SERVER_OPTIONS(.cookie = &cookie.now)), 0);
    assert_false(o.o.cookie->secure);
    sio__options_done(&o);
    cookie.now.size = 0;
    assert_int_equal(resolve(&o, SIO_SERVER_OPTIONS(.cookie = &cookie.now)), SIO_ERR_INVALID);
    sio_adapter_factory empty = {.size = sizeof empty};
    assert_int_equal(resolve(&o, SIO_SERVER_OPTIONS(.adapter = &empty)), SIO_ERR_INVALID);
    sio__options_done(&o); /* nothing is left of failures */
}

static int resolve_all(void *user) {
    struct options o;
    (void)user;
    int r = resolve(&o, SIO_SERVER_OPTIONS(.path = "/x", .initial_packet = "i", .debug = "*",
                                           .cors = SIO_CORS(.origin = "a", .methods = "b",
                                                            .headers = "c", .expose = "d"),
                                           .cookie = SIO_COOKIE(.name = "n", .domain = "d")));
    if (r == 0) {
        sio__options_done(&o);
    }
    return r;
}

static void options_survive_every_failure(void **state) {
    (void)state;
    torture_run(resolve_all, NULL);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(zero_means_the_default),
        cmocka_unit_test(paths_become_prefixes),
        cmocka_unit_test(nested_structures_are_copied),
        cmocka_unit_test(structures_of_other_versions_are_copied_as_far_as_known),
        cmocka_unit_test_teardown(options_survive_every_failure, torture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
