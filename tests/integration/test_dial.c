/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Dialling: hosts, errors, the order and the pace of attempts, timeouts. What needs a machine
 * without network, or without /etc/hosts, runs in namespaces of its own.
 */
#include "support/dialer.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sio/error.h>

#include "net/stream.h"

#define NEVER_MS 600000u /* much longer than a test may take */

static int dial_host(struct dialer *f, const char *host, uint16_t port) {
    struct dial_options options = {
        .host = sio__text_of(host), .port = port, .attempt_delay_ms = NEVER_MS};
    return dialer_dial(f, &options);
}

static int dial_list(struct dialer *f, const union dial_address *addresses, size_t count,
                     uint32_t delay_ms) {
    struct dial_options options = {
        .addresses = addresses, .address_count = (uint32_t)count, .attempt_delay_ms = delay_ms};
    return dialer_dial(f, &options);
}

static uint64_t now_ms(void) {
    return uv_hrtime() / 1000000;
}

static void need_ipv6(void) {
    if (!place_has_ipv6()) {
        print_message("there is no IPv6 here\n");
        skip();
    }
}

/* ---- hosts ---- */

static void literals_are_connected_to(void **state) {
    (void)state;
    static const struct {
        const char *host;
        int family;
    } cases[] = {
        {"127.0.0.1", AF_INET},     {"::1", AF_INET6},       {"0:0::0001", AF_INET6},
        {"127.1", AF_INET}, /* by getaddrinfo() */
        {"0x7f.1", AF_INET},        {"localhost", AF_INET},  {"LocalHost.", AF_INET},
        {"a.b.LOCALHOST", AF_INET}, {"localhost", AF_INET6}, {"x.localhost.", AF_INET6},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (cases[i].family == AF_INET6 && !place_has_ipv6()) {
            continue;
        }
        struct dialer *f = dialer_begin();
        struct place p = place_listening(cases[i].family);
        int fd = dial_host(f, cases[i].host, place_port(&p));
        if (fd < 0) {
            fail_msg("%s: %s", cases[i].host, sio_errname(fd));
        }
        assert_true(place_is_peer(&p, fd));
        close(fd);
        place_leave(&p);
        dialer_end(f);
    }
}

static void sockets_are_ready_for_a_stream(void **state) {
    (void)state;
    static const struct stream_ops ops = {0};
    struct dialer *f = dialer_begin();
    struct place p = place_listening(AF_INET);
    int fd = dial_host(f, "127.0.0.1", place_port(&p));
    assert_true(fd >= 0);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    int nodelay = 0;
    socklen_t len = sizeof nodelay;
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &nodelay, &len), 0);
    assert_true(nodelay != 0);
    struct stream *s = NULL;
    assert_int_equal(sio__stream_open(&f->reactor, fd, &ops, NULL, &s), 0);
    sio__stream_close(s);
    place_leave(&p);
    dialer_end(f);
}

static void what_cannot_be_a_host_is_refused(void **state) {
    (void)state;
    static const struct text hosts[] = {
        {NULL, 0},   {"", 0},     {"a b", 3},        {"a\0b", 3},
        {"a\nb", 3}, {"\x7f", 1}, {"m\xc3\xbcn", 4}, {"10.0.0.1\r", 9},
    };
    struct dialer *f = dialer_begin();
    struct call call = {.dialer = f};
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        struct dial_options options = {.host = hosts[i], .port = 1};
        assert_int_equal(sio__dial_start(&f->reactor, &options, dialer_on_done, &call, &call.dial),
                         SIO_ERR_INVALID);
    }
    char name[256];
    memset(name, 'a', sizeof name);
    struct dial_options options = {.host = {name, 255}, .port = 1};
    assert_int_equal(sio__dial_start(&f->reactor, &options, dialer_on_done, &call, &call.dial),
                     SIO_ERR_INVALID);
    union dial_address other = {.any = {.sa_family = AF_UNIX}};
    options = (struct dial_options){.addresses = &other, .address_count = 1};
    assert_int_equal(sio__dial_start(&f->reactor, &options, dialer_on_done, &call, &call.dial),
                     SIO_ERR_INVALID);
    dialer_turn(f, 3);
    assert_int_equal(call.calls, 0);
    dialer_end(f);
}

static void names_are_resolved(void **state) {
    (void)state;
    struct dialer *f = dialer_begin();
    struct place p = place_listening(AF_INET);
    union dial_address answer = p.address;
    answer.in.sin_port = htons(1); /* the port is ours to choose */
    resolver_answer(&answer, 1, 0);
    int fd = dial_host(f, RESOLVED_NAME, place_port(&p));
    assert_true(fd >= 0);
    assert_true(place_is_peer(&p, fd));
    assert_int_equal(resolver.calls, 1);
    close(fd);
    place_leave(&p);
    dialer_end(f);
}

static void errors_of_the_resolver_are_told(void **state) {
    (void)state;
    static const struct {
        int error;
        int expected;
    } cases[] = {
        {EAI_NONAME, UV_EAI_NONAME}, {EAI_AGAIN, UV_EAI_AGAIN}, {EAI_FAIL, UV_EAI_FAIL},
        {EAI_MEMORY, UV_EAI_MEMORY}, {0, UV_EAI_NODATA}, /* an empty list */
    };
    struct dialer *f = dialer_begin();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        resolver_answer(NULL, 0, cases[i].error);
        assert_int_equal(dial_host(f, RESOLVED_NAME, 80), cases[i].expected);
    }
    union dial_address other = {.any = {.sa_family = AF_UNIX}};
    resolver_answer(&other, 1, 0);
    assert_int_equal(dial_host(f, RESOLVED_NAME, 80), UV_EAI_NODATA);
    dialer_end(f);
}

/* However many there are of one family, those of the other get their turn. */
static void names_with_very_many_addresses_are_bounded(void **state) {
    (void)state;
    enum { MANY = 500 };
    struct dialer *f = dialer_begin();
    struct place open = place_listening(AF_INET);
    static union dial_address addresses[MANY];
    for (size_t i = 0; i < MANY; i++) {
        addresses[i] = place_loopback(AF_INET, 0);
        addresses[i].in.sin_addr.s_addr = htonl(0x7f000002);
    }
    addresses[DIAL_FAMILY_ADDRESSES] = open.address; /* the first that is too many */
    resolver_answer(addresses, MANY, 0);
    assert_int_equal(dial_host(f, RESOLVED_NAME, place_port(&open)), UV_ECONNREFUSED);
    addresses[DIAL_FAMILY_ADDRESSES - 1] = open.address;
    int fd = dial_host(f, RESOLVED_NAME, place_port(&open));
    assert_true(fd >= 0);
    close(fd);
    if (place_has_ipv6()) {
        struct place v6 = place_listening(AF_INET6);
        addresses[MANY - 1] = v6.address;
        fd = dial_host(f, RESOLVED_NAME, place_port(&v6));
        assert_true(fd >= 0);
        close(fd);
        place_leave(&v6);
    }
    place_leave(&open);
    dialer_end(f);
}

/* ---- errors ---- */

static void closed_ports_refuse(void **state) {
    (void)state;
    struct dialer *f = dialer_begin();
    struct place v4 = place_refusing(AF_INET);
    assert_int_equal(dial_host(f, "127.0.0.1", place_port(&v4)), UV_ECONNREFUSED);
    assert_int_equal(dial_host(f, "localhost", place_port(&v4)), UV_ECONNREFUSED);
    place_leave(&v4);
    dialer_end(f);
}

static void addresses_of_no_use_are_passed_over(void **state) {
    (void)state;
    struct dialer *f = dialer_begin();
    struct place open = place_listening(AF_INET);
    union dial_address list[] = {place_unreachable(), place_unreachable(), open.address};
    int fd = dial_list(f, list, 3, NEVER_MS);
    assert_true(fd >= 0);
    assert_true(place_is_peer(&open, fd));
    close(fd);
    assert_int_equal(dial_list(f, list, 2, NEVER_MS), UV_ENETUNREACH);
    place_leave(&open);
    dialer_end(f);
}

/* Whatever the order: an answer of the host says more than that a family is of no use. */
static void the_weightiest_error_is_told(void **state) {
    (void)state;
    struct dialer *f = dialer_begin();
    struct place refuses = place_refusing(AF_INET);
    union dial_address list[] = {place_unreachable(), refuses.address, place_unreachable()};
    assert_int_equal(dial_list(f, list, 3, NEVER_MS), UV_ECONNREFUSED);
    assert_int_equal(dial_list(f, list, 2, NEVER_MS), UV_ECONNREFUSED);
    assert_int_equal(dial_list(f, list + 1, 2, NEVER_MS), UV_ECONNREFUSED);
    place_leave(&refuses);
    dialer_end(f);
}

static void limit_descriptors(rlim_t soft) {
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = soft;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* The lowest descriptor that is free. */
static rlim_t next_descriptor(void) {
    int fd = dup(0);
    assert_true(fd >= 0);
    close(fd);
    return (rlim_t)fd;
}

static void lack_of_descriptors_is_told(void **state) {
    (void)state;
    struct dialer *f = dialer_begin();
    struct place refuses = place_refusing(AF_INET);
    struct place open = place_listening(AF_INET);
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    rlim_t next = next_descriptor();
    limit_descriptors(next);
    union dial_address list[] = {open.address, open.address, place_unreachable()};
    int none = dial_list(f, list, 3, NEVER_MS);
    struct call call = {0};
    union dial_address two[] = {refuses.address, open.address};
    struct dial_options options = {
        .addresses = two, .address_count = 2, .attempt_delay_ms = NEVER_MS};
    limit_descriptors(next + 1); /* for the first attempt */
    dialer_start(f, &call, &options);
    int fd = dialer_wait(&call); /* its descriptor serves the second one */
    limit_descriptors(before.rlim_cur);
    assert_int_equal(none, UV_EMFILE);
    assert_true(fd >= 0);
    close(fd);
    place_leave(&refuses);
    place_leave(&open);
    dialer_end(f);
}

/* The second attempt finds no descriptor, while the first is under way and then refused. */
static void attempts_under_way_go_on_without_descriptors(void **state) {
    (void)state;
    struct dialer *f = dialer_begin();
    struct place hole = place_black_hole(AF_INET);
    struct place open = place_listening(AF_INET);
    union dial_address list[] = {hole.address, open.address};
    struct dial_options options = {
        .addresses = list, .address_count = 2, .attempt_delay_ms = 1, .timeout_ms = 50};
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    limit_descriptors(next_descriptor() + 1);
    int result = dialer_dial(f, &options);
    limit_descriptors(before.rlim_cur);
    assert_int_equal(result, SIO_ERR_TIMEOUT);
    place_leave(&hole);
    place_leave(&open);
    dialer_end(f);
}

/* ---- Happy Eyeballs ---- */

/* The first that is open is reached in the order that the families take turns. */
static void families_take_turns(void **state) {
    (void)state;
    need_ipv6();
    struct place places[] = {place_refusing(AF_INET),   place_listening(AF_INET),
                             place_listening(AF_INET),  place_refusing(AF_INET6),
                             place_listening(AF_INET6), place_listening(AF_INET6)};
    enum { REFUSES4, A4, B4, REFUSES6, A6, B6, NONE };
    static const struct {
        int order[6];
        int winner;
    } cases[] = {
        {{A6, A4, NONE}, A6},
        {{A4, A6, NONE}, A4},
        {{A6, B6, A4, NONE}, A6},
        {{REFUSES6, A4, NONE}, A4},
        {{REFUSES4, A6, NONE}, A6},
        {{REFUSES6, A6, A4, NONE}, A4},
        {{REFUSES4, A4, A6, B6, NONE}, A6},
        {{REFUSES6, A6, REFUSES4, A4, NONE}, A6},
        {{REFUSES6, REFUSES6, REFUSES4, A4, A6, NONE}, A4},
        {{REFUSES6, REFUSES6, REFUSES6, B6, REFUSES4, NONE}, B6},
        {{REFUSES4, REFUSES4, B4, A4, NONE}, B4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dialer *f = dialer_begin();
        union dial_address list[6];
        size_t count = 0;
        while (cases[i].order[count] != NONE) {
            list[count] = places[cases[i].order[count]].address;
            count++;
        }
        int fd = dial_list(f, list, count, NEVER_MS);
        assert_true(fd >= 0);
        if (!place_is_peer(&places[cases[i].winner], fd)) {
            fail_msg("case %zu: another one has won", i);
        }
        close(fd);
        dialer_end(f);
    }
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        place_leave(&places[i]);
    }
}

static void attempts_have_a_head_start(void **state) {
    (void)state;
    struct dialer *f = dialer_begin();
    struct place hole = place_black_hole(AF_INET);
    struct place open = place_listening(AF_INET);
    union dial_address list[] = {hole.address, hole.address, open.address};
    uint64_t started = now_ms();
    int fd = dial_list(f, list, 3, 40);
    uint64_t took = now_ms() - started;
    assert_true(fd >= 0);
    assert_true(place_is_peer(&open, fd));
    assert_in_range(took, 79, 20000);
    assert_int_equal(dialer_fds(), f->fds + 3 + hole.filler_count); /* two places, and the winner */
    close(fd);
    started = now_ms();
    fd = dial_list(f, list + 1, 2, 0);
    assert_in_range(now_ms() - started, DIAL_ATTEMPT_DELAY_MS - 1, 20000);
    assert_true(fd >= 0);
    close(fd);
    place_leave(&hole);
    place_leave(&open);
    dialer_end(f);
}

/* A failure brings the next one forward, whatever else is under way. */
static void failures_bring_the_next_attempt_at_once(void **state) {
    (void)state;
    struct dialer *f = dialer_begin();
    struct place hole = place_black_hole(AF_INET);
    struct place refuses = place_refusing(AF_INET);
    struct place open = place_listening(AF_INET);
    union dial_address list[] = {refuses.address, refuses.address, place_unreachable(),
                                 open.address};
    uint64_t started = now_ms();
    int fd = dial_list(f, list, 4, NEVER_MS);
    assert_true(fd >= 0);
    assert_true(place_is_peer(&open, fd));
    close(fd);
    /* One delay for the black hole, none for what comes after it. */
    union dial_address behind[] = {hole.address, refuses.address, refuses.address, open.address};
    fd = dial_list(f, behind, 4, 1500);
    assert_in_range(now_ms() - started, 1499, 2999);
    assert_true(fd >= 0);
    assert_true(place_is_peer(&open, fd));
    close(fd);
    place_leave(&hole);
    place_leave(&refuses);
    place_leave(&open);
    dialer_end(f);
}

/* The first attempt goes on while others are made, and wins when its host answers late. */
static void earlier_attempts_can_still_win(void **state) {
    (void)state;
    struct dialer *f = dialer_begin();
    struct place late = place_black_hole(AF_INET);
    struct place hole = place_black_hole(AF_INET);
    union dial_address list[] = {late.address, hole.address};
    struct dial_options options = {.addresses = list, .address_count = 2, .attempt_delay_ms = 1};
    struct call call = {0};
    dialer_start(f, &call, &options);
    size_t both = f->fds + 2 + late.filler_count + hole.filler_count + 2;
    while (dialer_fds() < both) {
        uv_run(&f->loop, UV_RUN_ONCE);
    }
    for (size_t i = 0; i < late.filler_count; i++) {
        close(late.fillers[i]);
    }
    late.filler_count = 0;
    assert_int_equal(fcntl(late.fd, F_SETFL, O_NONBLOCK), 0);
    while (call.calls == 0) { /* the kernel tries again after a second */
        close(accept(late.fd, NULL, NULL));
        uv_run(&f->loop, UV_RUN_ONCE);
    }
    int fd = dialer_wait(&call);
    assert_true(fd >= 0);
    assert_true(place_is_peer(&late, fd));
    close(fd);
    place_leave(&late);
    place_leave(&hole);
    dialer_end(f);
}

static void all_errors_are_waited_for(void **state) {
    (void)state;
    struct dialer *f = dialer_begin();
    struct place hole = place_black_hole(AF_INET);
    struct place refuses = place_refusing(AF_INET);
    union dial_address list[] = {hole.address, refuses.address};
    struct dial_options options = {
        .addresses = list, .address_count = 2, .attempt_delay_ms = 1, .timeout_ms = 100};
    uint64_t started = now_ms();
    assert_int_equal(dialer_dial(f, &options),
                     SIO_ERR_TIMEOUT); /* not refused: the first may answer */
    assert_in_range(now_ms() - started, 99, 20000);
    place_leave(&hole);
    place_leave(&refuses);
    dialer_end(f);
}

/* ---- timeouts ---- */

static void timeouts_end_attempts(void **state) {
    (void)state;
    struct dialer *f = dialer_begin();
    struct place hole = place_black_hole(AF_INET);
    struct dial_options options = {
        .host = SIO_TEXT("127.0.0.1"), .port = place_port(&hole), .timeout_ms = 30};
    uint64_t started = now_ms();
    struct call call = {.cancels = true};
    dialer_start(f, &call, &options);
    assert_int_equal(dialer_wait(&call), SIO_ERR_TIMEOUT);
    assert_in_range(now_ms() - started, 29, 20000);
    place_leave(&hole);
    dialer_end(f);
}

static void timeouts_end_lookups(void **state) {
    (void)state;
    struct dialer *f = dialer_begin();
    struct dial_options options = {.host = SIO_TEXT(RESOLVED_NAME), .port = 80, .timeout_ms = 20};
    struct call call = {.cancels = true};
    resolver.held = true;
    dialer_start(f, &call, &options);
    assert_int_equal(dialer_wait(&call), SIO_ERR_TIMEOUT);
    sem_wait(&resolver.entered);
    /* The reactor waits for the resolver. */
    sio__reactor_close(&f->reactor, dialer_on_closed, f);
    dialer_turn(f, 5);
    assert_false(f->closed);
    sem_post(&resolver.release);
    while (!f->closed) {
        uv_run(&f->loop, UV_RUN_ONCE);
    }
    assert_int_equal(call.calls, 1);
    dialer_end(f);
}

/* ---- in namespaces: no network but a loopback interface, no files ---- */

static void localhost_needs_no_files(void **state) {
    (void)state;
    assert_int_equal(access("/etc/hosts", F_OK), -1);
    struct place v4 = place_listening(AF_INET);
    struct dialer *f = dialer_begin();
    int fd = dial_host(f, "localhost", place_port(&v4));
    assert_true(fd >= 0);
    assert_true(place_is_peer(&v4, fd));
    close(fd);
    int error = dial_host(f, "nonexistent.invalid", 80);
    print_message("nonexistent.invalid without network: %s\n", sio_errname(error));
    assert_in_range(error, UV_EAI_PROTOCOL, UV_EAI_ADDRFAMILY);
    error = dial_host(f, "192.0.2.1", 80);
    assert_int_equal(error, UV_ENETUNREACH);
    place_leave(&v4);
    dialer_end(f);
}

static bool set_port_range(const char *range) {
    int fd = open("/proc/sys/net/ipv4/ip_local_port_range", O_WRONLY | O_CLOEXEC);
    bool set = fd >= 0 && write(fd, range, strlen(range)) == (ssize_t)strlen(range);
    if (fd >= 0) {
        close(fd);
    }
    return set;
}

/* The system has but one port for connections, and that is the one that is dialled. */
static void sockets_do_not_meet_themselves(void **state) {
    (void)state;
    if (!set_port_range("40001 40001")) {
        print_message("the range of ports cannot be set here\n");
        skip();
    }
    union dial_address own = place_loopback(AF_INET, 40001);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, &own.any, sizeof own.in), 0); /* it would */
    struct linger reset = {.l_onoff = 1};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
    close(fd);
    struct dialer *f = dialer_begin();
    assert_int_equal(dial_host(f, "127.0.0.1", 40001), UV_ECONNREFUSED);
    dialer_end(f);
    assert_true(set_port_range("32768 60999"));
}

static bool raise_loopback(void) {
    struct ifreq request = {.ifr_name = "lo"};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    request.ifr_flags = IFF_UP;
    bool up = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return up;
}

/* A directory that is removed before it becomes the root: nothing stays behind. */
static int enter_empty_root(void **state) {
    (void)state;
    char path[] = "/tmp/sio-dial-XXXXXX";
    bool entered = mkdtemp(path) != NULL && chdir(path) == 0 && rmdir(path) == 0;
    return entered && chroot(".") == 0 ? 0 : -1;
}

/* In a process of its own, before libuv has made threads. */
static int run_isolated(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(sockets_do_not_meet_themselves),
        cmocka_unit_test_setup(localhost_needs_no_files, enter_empty_root),
    };
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0 || !raise_loopback()) {
        print_message("namespaces cannot be made here\n");
        return 0;
    }
    return cmocka_run_group_tests_name("isolated", tests, NULL, NULL);
}

static int run_child(void) {
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        int failures = run_isolated();
        uv_library_shutdown(); /* as exit() would, which is for the parent */
        (void)fflush(NULL);
        _exit(failures == 0 ? 0 : 1);
    }
    int status = 0;
    bool ok = pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status);
    return ok ? WEXITSTATUS(status) : 1;
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(literals_are_connected_to),
        cmocka_unit_test(sockets_are_ready_for_a_stream),
        cmocka_unit_test(what_cannot_be_a_host_is_refused),
        cmocka_unit_test(names_are_resolved),
        cmocka_unit_test(errors_of_the_resolver_are_told),
        cmocka_unit_test(names_with_very_many_addresses_are_bounded),
        cmocka_unit_test(closed_ports_refuse),
        cmocka_unit_test(addresses_of_no_use_are_passed_over),
        cmocka_unit_test(the_weightiest_error_is_told),
        cmocka_unit_test(lack_of_descriptors_is_told),
        cmocka_unit_test(attempts_under_way_go_on_without_descriptors),
        cmocka_unit_test(families_take_turns),
        cmocka_unit_test(attempts_have_a_head_start),
        cmocka_unit_test(failures_bring_the_next_attempt_at_once),
        cmocka_unit_test(earlier_attempts_can_still_win),
        cmocka_unit_test(all_errors_are_waited_for),
        cmocka_unit_test(timeouts_end_attempts),
        cmocka_unit_test(timeouts_end_lookups),
    };
    resolver_init();
    int failures = run_child();
    return failures + cmocka_run_group_tests(tests, NULL, NULL);
}
