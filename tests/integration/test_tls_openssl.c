/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* Streams with TLS against the openssl command, as the server and as the client. */
#include "support/certs.h"
#include "support/tls_pair.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <signal.h>
#include <sio/error.h>

#define LINGER_MS 2000
#define ARGS_MAX  24

extern char **environ;

static struct cert *root;
static struct cert *good;
static char *root_path;
static char *cert_path;
static char *key_path;
static struct pair pair;
static pid_t child; /* the openssl that runs, or 0 */

static int setup(void **state) {
    (void)state;
    root = cert_make(&(struct cert_spec){.name = "root", .authority = true});
    good = cert_make(&(struct cert_spec){.name = "good", .alt = "DNS:localhost", .issuer = root});
    root_path = cert_file(cert_pem(root));
    cert_path = cert_file(cert_pem(good));
    key_path = cert_file(cert_key(good));
    return 0;
}

static void end_child(void) {
    if (child != 0) {
        kill(child, SIGTERM);
        assert_int_equal(waitpid(child, NULL, 0), child);
        child = 0;
    }
}

static int teardown(void **state) {
    (void)state;
    end_child();
    char *paths[] = {root_path, cert_path, key_path};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        unlink(paths[i]);
        free(paths[i]);
    }
    cert_free(good);
    cert_free(root);
    return 0;
}

/* Starts openssl with pipes for its input and output. */
static void start(const char *const *args, int *ret_stdin, int *ret_stdout) {
    int in[2];
    int out[2];
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    const char *argv[ARGS_MAX] = {"openssl"};
    for (size_t i = 0; args[i] != NULL; i++) {
        assert_true(i + 2 < ARGS_MAX);
        argv[i + 1] = args[i];
    }
    end_child(); /* of a test that has failed */
    int r =
        posix_spawnp(&child, "openssl", &actions, NULL, (char *const *)(uintptr_t)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    *ret_stdin = in[1];
    *ret_stdout = out[0];
    if (r != 0) {
        close(in[1]);
        close(out[0]);
        child = 0;
        skip();
    }
}

/* ---- openssl s_server ---- */

/* It says "ACCEPT 127.0.0.1:<port>". */
static uint16_t read_port(int fd) {
    static const char word[] = "ACCEPT 127.0.0.1:";
    char text[512];
    size_t len = 0;
    unsigned port = 0;
    while (port == 0 && len < sizeof text - 1) {
        ssize_t n = read(fd, text + len, 1);
        assert_int_equal(n, 1);
        len++;
        text[len] = '\0';
        const char *place = strstr(text, word);
        if (place != NULL && text[len - 1] == '\n') {
            port = (unsigned)strtoul(place + sizeof word - 1, NULL, 10);
        }
    }
    assert_in_range(port, 1, 65535);
    return (uint16_t)port;
}

static void connect_to(uint16_t port) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    pair.client = (struct pair_end){.pair = &pair};
    pair.client_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(pair.client_fd, (struct sockaddr *)&address, sizeof address), 0);
    pair_open_client(&pair);
}

static bool client_has_answer(struct pair *p) {
    return p->client.ends > 0 || strchr(p->client.text, '\n') != NULL;
}

static const struct {
    const char *title;
    const char *args[6];
    bool known;
    const char *error;
} servers[] = {
    {"TLS 1.3", {"-tls1_3"}, true, ""},
    {"TLS 1.2", {"-tls1_2"}, true, ""},
    {"TLS 1.1",
     {"-tls1_1", "-cipher", "ALL:@SECLEVEL=0"},
     true,
     "peer has sent the alert: protocol version"},
    {"demands a certificate", {"-Verify", "1", "-verify_return_error"}, true, ""},
    {"unknown authority", {NULL}, false, "self-signed certificate in certificate chain"},
};

static void talks_to_openssl_servers(void **state) {
    (void)state;
    pair_init(&pair);
    for (size_t i = 0; i < sizeof servers / sizeof servers[0]; i++) {
        print_message("%s\n", servers[i].title);
        const char *args[ARGS_MAX] = {"s_server", "-accept", "127.0.0.1:0", "-rev", "-CAfile",
                                      root_path,  "-cert",   cert_path,     "-key", key_path};
        for (size_t k = 0; servers[i].args[k] != NULL; k++) {
            args[10 + k] = servers[i].args[k];
        }
        int in;
        int out;
        start(args, &in, &out);
        connect_to(read_port(out));
        struct tls_options o = {.ca_pem = servers[i].known ? cert_pem(root) : cert_pem(good),
                                .cert_pem = cert_pem(good),
                                .key_pem = cert_key(good)};
        struct tls_context *c = pair_context(&o, false);
        struct tls_peer peer = {.host = "localhost"};
        assert_int_equal(sio__stream_start_tls(pair.client.stream, c, &peer), 0);
        assert_int_equal(sio__stream_write(pair.client.stream, "hello", 5, "\n", 1), 0);
        pair_run(&pair, client_has_answer);
        assert_string_equal(pair.client.error, servers[i].error);
        assert_string_equal(pair.client.text, servers[i].error[0] == '\0' ? "olleh\n" : "");
        pair_disconnect(&pair);
        sio__tls_context_free(c);
        end_child();
        close(in);
        close(out);
    }
    pair_done(&pair);
}

/* ---- openssl s_client ---- */

static int listen_here(uint16_t *ret_port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static bool server_has_question(struct pair *p) {
    return p->server.ends > 0 || strchr(p->server.text, '\n') != NULL;
}

static const struct {
    const char *title;
    const char *args[4];
    const char *error;
} clients[] = {
    {"TLS 1.3", {"-tls1_3"}, ""},
    {"TLS 1.2", {"-tls1_2"}, ""},
    {"TLS 1.1",
     {"-tls1_1", "-cipher", "ALL:@SECLEVEL=0"},
     "protocol version too old: peer offers TLS 1.1"},
    {"expects another host",
     {"-verify_hostname", "a.example"},
     "peer has sent the alert: bad certificate"},
};

static void expect_conversation(int in, int out, size_t i) {
    assert_int_equal(write(in, "question\n", 9), 9);
    pair_run(&pair, server_has_question);
    assert_string_equal(pair.server.error, clients[i].error);
    if (clients[i].error[0] != '\0') {
        assert_int_equal(pair.server.status, SIO_ERR_TLS);
        return;
    }
    assert_string_equal(pair.server.text, "question\n");
    assert_int_equal(sio__stream_write(pair.server.stream, "answer\n", 7, NULL, 0), 0);
    sio__stream_finish(pair.server.stream, LINGER_MS);
    pair.server.stream = NULL;
    pair_run(&pair, pair_is_over);
    char answer[16] = "";
    size_t len = 0;
    ssize_t n = 1;
    while (n > 0 && len < sizeof answer - 1) {
        n = read(out, answer + len, sizeof answer - 1 - len);
        len += n > 0 ? (size_t)n : 0;
    }
    assert_string_equal(answer, "answer\n");
}

static void talks_to_openssl_clients(void **state) {
    (void)state;
    uint16_t port;
    int listener = listen_here(&port);
    char address[32];
    (void)snprintf(address, sizeof address, "127.0.0.1:%u", port);
    struct tls_options o = {.cert_pem = cert_pem(good), .key_pem = cert_key(good)};
    struct tls_context *c = pair_context(&o, true);
    pair_init(&pair);
    for (size_t i = 0; i < sizeof clients / sizeof clients[0]; i++) {
        print_message("%s\n", clients[i].title);
        const char *args[ARGS_MAX] = {"s_client",
                                      "-connect",
                                      address,
                                      "-quiet",
                                      "-CAfile",
                                      root_path,
                                      "-verify_return_error"};
        for (size_t k = 0; clients[i].args[k] != NULL; k++) {
            args[7 + k] = clients[i].args[k];
        }
        int in;
        int out;
        start(args, &in, &out);
        pair.server = (struct pair_end){.pair = &pair};
        pair.server_fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        assert_true(pair.server_fd >= 0);
        pair_open_server(&pair);
        assert_int_equal(sio__stream_start_tls(pair.server.stream, c, NULL), 0);
        expect_conversation(in, out, i);
        close(in);
        close(out);
        int status = -1;
        assert_int_equal(waitpid(child, &status, 0), child);
        child = 0;
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status) == 0, clients[i].error[0] == '\0');
    }
    pair_done(&pair);
    sio__tls_context_free(c);
    close(listener);
}

int main(void) {
    (void)signal(SIGPIPE, SIG_IGN); /* an openssl that has ended reads no more of its input */
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(talks_to_openssl_servers),
        cmocka_unit_test(talks_to_openssl_clients),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
