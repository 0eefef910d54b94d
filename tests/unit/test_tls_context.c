/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* Options of TLS: which are refused, and in which words. */
#include "net/tls_context.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sio/error.h>

#include "support/certs.h"
#include "support/torture.h"

static struct cert *root;
static struct cert *user;
static struct cert *other;
static char *encrypted;
static char *broken;
static char *cert_path;
static char *key_path;
static char *empty_path;

static int setup(void **state) {
    (void)state;
    root = cert_make(&(struct cert_spec){.name = "root", .authority = true});
    user = cert_make(&(struct cert_spec){.name = "user", .issuer = root});
    other = cert_make(&(struct cert_spec){.name = "other", .issuer = root});
    encrypted = cert_encrypted_key(user, "open sesame");
    broken = strdup(cert_pem(user));
    assert_non_null(broken);
    broken[strlen(broken) / 2] = '!';
    cert_path = cert_file(cert_pem(user));
    key_path = cert_file(cert_key(user));
    empty_path = cert_file("");
    return 0;
}

static int teardown(void **state) {
    (void)state;
    unlink(cert_path);
    unlink(key_path);
    unlink(empty_path);
    free(cert_path);
    free(key_path);
    free(empty_path);
    free(broken);
    free(encrypted);
    cert_free(other);
    cert_free(user);
    cert_free(root);
    return 0;
}

static void expect(const struct tls_options *o, bool is_server, int status, const char *words) {
    struct tls_context *c = NULL;
    char error[TLS_ERROR_CHARS] = "";
    int r = sio__tls_context_new(o, is_server, &c, error);
    assert_string_equal(error, words);
    assert_int_equal(r, status);
    assert_int_equal(ERR_peek_error(), 0);
    assert_true((c != NULL) == (status == 0));
    sio__tls_context_free(c);
}

static void expect_client(const struct tls_options *o, int status, const char *words) {
    expect(o, false, status, words);
}

static void good_options_are_taken(void **state) {
    (void)state;
    expect_client(NULL, 0, "");
    expect_client(&(struct tls_options){.insecure = true}, 0, "");
    expect_client(&(struct tls_options){.ca_pem = cert_pem(root), .min_version = 0x0304}, 0, "");
    expect_client(&(struct tls_options){.ca_dir = "/"}, 0, "");
    expect_client(&(struct tls_options){.ca_file = cert_path, .ca_pem = cert_pem(root)}, 0, "");
    expect_client(&(struct tls_options){.cert_file = cert_path, .key_file = key_path}, 0, "");
    expect_client(&(struct tls_options){.cert_file = cert_path, .key_pem = cert_key(user)}, 0, "");
    expect_client(&(struct tls_options){.cert_pem = cert_pem(user),
                                        .key_pem = encrypted,
                                        .key_password = "open sesame"},
                  0, "");
    expect_client(
        &(struct tls_options){.ciphers = "ECDHE+AESGCM", .cipher_suites = "TLS_AES_128_GCM_SHA256"},
        0, "");
}

static const char *named(const char *option, const char *path, const char *what) {
    static char words[TLS_ERROR_CHARS];
    (void)snprintf(words, sizeof words, "%s%s%s", option, path, what);
    return words;
}

static void missing_files_are_named(void **state) {
    (void)state;
    const char *none = "/does/not/exist";
    expect_client(&(struct tls_options){.ca_file = none}, SIO_ERR_NOT_FOUND,
                  "ca_file /does/not/exist: no such file or directory");
    expect_client(&(struct tls_options){.ca_dir = none}, SIO_ERR_NOT_FOUND,
                  "ca_dir /does/not/exist: no such file or directory");
    expect_client(&(struct tls_options){.ca_dir = cert_path}, SIO_ERR_NOT_FOUND,
                  named("ca_dir ", cert_path, ": not a directory"));
    expect_client(&(struct tls_options){.cert_file = none, .key_file = key_path}, SIO_ERR_NOT_FOUND,
                  "cert_file /does/not/exist: no such file or directory");
    expect_client(&(struct tls_options){.cert_file = cert_path, .key_file = none},
                  SIO_ERR_NOT_FOUND, "key_file /does/not/exist: no such file or directory");
}

/* The end of a path says which file it is. */
static void long_paths_lose_their_beginning(void **state) {
    (void)state;
    char path[300];
    memset(path, '/', sizeof path);
    memcpy(path + sizeof path - sizeof "/nope.pem", "/nope.pem", sizeof "/nope.pem");
    struct tls_context *c = NULL;
    char error[TLS_ERROR_CHARS] = "";
    const struct tls_options o = {.ca_file = path};
    assert_int_equal(sio__tls_context_new(&o, false, &c, error), SIO_ERR_NOT_FOUND);
    assert_non_null(strstr(error, "ca_file .../"));
    assert_non_null(strstr(error, "/nope.pem: no such file or directory"));
}

static void useless_texts_are_refused(void **state) {
    (void)state;
    expect_client(&(struct tls_options){.ca_file = empty_path}, SIO_ERR_INVALID,
                  named("ca_file ", empty_path, ": no certificate in it"));
    expect_client(&(struct tls_options){.ca_file = key_path}, SIO_ERR_INVALID,
                  named("ca_file ", key_path, ": no certificate in it"));
    expect_client(&(struct tls_options){.ca_pem = ""}, SIO_ERR_INVALID,
                  "ca_pem: no certificate in it");
    expect_client(&(struct tls_options){.ca_pem = broken}, SIO_ERR_INVALID,
                  "ca_pem: malformed certificate");
    expect_client(&(struct tls_options){.cert_pem = broken, .key_pem = cert_key(user)},
                  SIO_ERR_INVALID, "cert_pem: malformed certificate");
    expect_client(&(struct tls_options){.cert_pem = cert_pem(user), .key_pem = "text"},
                  SIO_ERR_INVALID, "key_pem: no private key in it");
    expect_client(&(struct tls_options){.cert_file = cert_path, .key_file = cert_path},
                  SIO_ERR_INVALID, named("key_file ", cert_path, ": no private key in it"));
}

static void keys_have_to_fit(void **state) {
    (void)state;
    struct tls_options o = {.cert_pem = cert_pem(user), .key_pem = cert_key(other)};
    expect_client(&o, SIO_ERR_INVALID, "key_pem: key does not belong to the certificate");
    o.key_pem = encrypted;
    expect_client(&o, SIO_ERR_INVALID, "key_pem: encrypted, and no key_password given");
    o.key_password = "open barley";
    expect_client(&o, SIO_ERR_INVALID, "key_pem: wrong password");
    o.key_password = "";
    expect_client(&o, SIO_ERR_INVALID, "key_pem: wrong password");
    o.key_pem = NULL;
    expect_client(&o, SIO_ERR_INVALID, "cert_pem: certificate without a key");
    o.key_file = key_path;
    o.cert_pem = NULL;
    expect_client(&o, SIO_ERR_INVALID, named("key_file ", key_path, ": key without a certificate"));
    expect(NULL, true, SIO_ERR_INVALID, "cert_file: missing");
}

static void protocols_have_to_exist(void **state) {
    (void)state;
    static const int versions[] = {-1, 1, 3, 0x0300, 0x0305, 0x7fffffff};
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        expect_client(&(struct tls_options){.min_version = versions[i]}, SIO_ERR_INVALID,
                      "min_version: no such version of TLS");
    }
    expect_client(&(struct tls_options){.ciphers = "NONE-OF-THEM"}, SIO_ERR_INVALID,
                  "ciphers: no such cipher");
    expect_client(&(struct tls_options){.cipher_suites = "TLS_NONE"}, SIO_ERR_INVALID,
                  "cipher_suites: no such cipher suite");
    char name[TLS_HOST_CHARS + 1];
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    expect_client(&(struct tls_options){.server_name = name}, SIO_ERR_INVALID,
                  "server_name: too long");
}

static int mode_of(const struct tls_options *o) {
    struct tls_context *c = NULL;
    char error[TLS_ERROR_CHARS];
    assert_int_equal(sio__tls_context_new(o, false, &c, error), 0);
    int mode = SSL_CTX_get_verify_mode(c->ssl_ctx);
    assert_int_equal(SSL_CTX_get_min_proto_version(c->ssl_ctx), TLS1_2_VERSION);
    assert_true(SSL_CTX_get_options(c->ssl_ctx) & SSL_OP_NO_RENEGOTIATION);
    assert_true(SSL_CTX_get_options(c->ssl_ctx) & SSL_OP_NO_COMPRESSION);
    sio__tls_context_free(c);
    return mode;
}

static void only_insecure_clients_do_not_verify(void **state) {
    (void)state;
    assert_int_equal(mode_of(NULL), SSL_VERIFY_PEER);
    assert_int_equal(mode_of(&(struct tls_options){.ca_dir = "/"}), SSL_VERIFY_PEER);
    assert_int_equal(mode_of(&(struct tls_options){.server_name = ""}), SSL_VERIFY_PEER);
    assert_int_equal(mode_of(&(struct tls_options){.insecure = true}), SSL_VERIFY_NONE);
}

/* ---- sharing ---- */

static struct tls_context *joined(const struct tls_options *o, struct list *contexts) {
    struct tls_context *c = NULL;
    char error[TLS_ERROR_CHARS];
    assert_int_equal(sio__tls_context_new(o, false, &c, error), 0);
    sio__tls_context_join(c, contexts);
    return c;
}

static void leave(struct tls_context *c) {
    sio__tls_context_leave(c);
    sio__tls_context_free(c);
}

static void equal_options_share_what_was_loaded(void **state) {
    (void)state;
    char *ca = strdup(cert_pem(root)); /* the values count, not the places */
    char *path = strdup(cert_path);
    assert_true(ca != NULL && path != NULL);
    const struct tls_options pairs[][2] = {
        {{0}, {0}},
        {{.ca_pem = cert_pem(root)}, {.ca_pem = ca, .server_name = "x"}},
        {{.insecure = true, .min_version = 0x0304}, {.insecure = true, .min_version = 0x0304}},
        {{.cert_file = cert_path, .key_pem = encrypted, .key_password = "open sesame"},
         {.cert_file = path, .key_pem = encrypted, .key_password = "open sesame"}},
    };
    struct list contexts;
    sio__list_init(&contexts);
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct tls_context *a = joined(&pairs[i][0], &contexts);
        struct tls_context *between = joined(&(struct tls_options){.ca_dir = "/"}, &contexts);
        struct tls_context *b = joined(&pairs[i][1], &contexts);
        struct tls_context *c = joined(&pairs[i][1], &contexts);
        assert_ptr_equal(a->ssl_ctx, b->ssl_ctx);
        assert_ptr_equal(a->ssl_ctx, c->ssl_ctx);
        assert_ptr_not_equal(a->ssl_ctx, between->ssl_ctx);
        assert_string_equal(a->server_name, "");
        leave(a);
        struct tls_context *d = joined(&pairs[i][0], &contexts);
        assert_ptr_equal(b->ssl_ctx, d->ssl_ctx);
        leave(b);
        leave(d);
        leave(between);
        assert_int_equal(SSL_CTX_get_options(c->ssl_ctx) & SSL_OP_NO_COMPRESSION,
                         SSL_OP_NO_COMPRESSION);
        leave(c);
        assert_true(sio__list_empty(&contexts));
    }
    sio__tls_context_leave(NULL);
    free(path);
    free(ca);
}

static void other_options_share_nothing(void **state) {
    (void)state;
    const struct tls_options all[] = {
        {0},
        {.insecure = true},
        {.min_version = 0x0304},
        {.ciphers = "ECDHE+AESGCM"},
        {.ciphers = "ECDHE+CHACHA20"},
        {.cipher_suites = "TLS_AES_128_GCM_SHA256"},
        {.ca_dir = "/"},
        {.ca_file = cert_path},
        {.ca_pem = cert_pem(user)},
        {.ca_pem = cert_pem(root)},
        {.ca_file = cert_path, .ca_pem = cert_pem(root)},
        {.cert_file = cert_path, .key_file = key_path},
        {.cert_pem = cert_pem(user), .key_file = key_path},
        {.cert_file = cert_path, .key_pem = cert_key(user)},
        {.cert_file = cert_path, .key_pem = encrypted, .key_password = "open sesame"},
    };
    enum { COUNT = sizeof all / sizeof all[0] };
    struct tls_context *c[COUNT];
    struct list contexts;
    sio__list_init(&contexts);
    for (size_t i = 0; i < COUNT; i++) {
        c[i] = joined(&all[i], &contexts);
        for (size_t j = 0; j < i; j++) {
            assert_ptr_not_equal(c[i]->ssl_ctx, c[j]->ssl_ctx);
        }
    }
    for (size_t i = 0; i < COUNT; i++) {
        leave(c[i]);
    }
}

static void a_file_that_was_replaced_is_another_one(void **state) {
    (void)state;
    char *path = cert_file(cert_pem(user));
    char *next = cert_file(cert_pem(other));
    const struct tls_options o = {.ca_file = path};
    struct list contexts;
    sio__list_init(&contexts);
    struct tls_context *a = joined(&o, &contexts);
    assert_int_equal(rename(next, path), 0);
    struct tls_context *b = joined(&o, &contexts);
    assert_ptr_not_equal(a->ssl_ctx, b->ssl_ctx);
    leave(a);
    leave(b);
    unlink(path);
    free(next);
    free(path);
}

/* In the same second, and as long as before. */
static void a_file_that_was_written_to_is_another_one(void **state) {
    (void)state;
    size_t len = strlen(cert_pem(user));
    size_t other_len = strlen(cert_pem(other));
    size_t size = 1 + (len > other_len ? len : other_len);
    char *text = malloc(size + 1);
    assert_non_null(text);
    (void)snprintf(text, size + 1, "%-*s", (int)size, cert_pem(user));
    char *path = cert_file(text);
    const struct tls_options o = {.ca_file = path};
    struct list contexts;
    struct stat before;
    struct stat after;
    sio__list_init(&contexts);
    assert_int_equal(stat(path, &before), 0);
    struct tls_context *a = joined(&o, &contexts);
    (void)snprintf(text, size + 1, "%-*s", (int)size, cert_pem(other));
    do { /* the clock of a file system may be coarse */
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        assert_int_equal(fwrite(text, 1, size, file), size);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(stat(path, &after), 0);
    } while (memcmp(&before.st_mtim, &after.st_mtim, sizeof before.st_mtim) == 0);
    assert_int_equal(before.st_ino, after.st_ino);
    assert_int_equal(before.st_size, after.st_size);
    struct tls_context *b = joined(&o, &contexts);
    assert_ptr_not_equal(a->ssl_ctx, b->ssl_ctx);
    leave(a);
    leave(b);
    unlink(path);
    free(path);
    free(text);
}

static int scenario(void *user_data) {
    (void)user_data;
    struct tls_context *c = NULL;
    char error[TLS_ERROR_CHARS];
    struct tls_options o = {.ca_pem = cert_pem(root)};
    int r = sio__tls_context_new(&o, false, &c, error);
    if (r < 0) {
        assert_string_equal(error, "out of memory");
        return r;
    }
    sio__tls_context_free(sio__tls_context_ref(c));
    sio__tls_context_free(c);
    return 0;
}

static void every_failure_of_memory_is_survived(void **state) {
    (void)state;
    torture_run(scenario, NULL);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_options_are_taken),
        cmocka_unit_test(missing_files_are_named),
        cmocka_unit_test(long_paths_lose_their_beginning),
        cmocka_unit_test(useless_texts_are_refused),
        cmocka_unit_test(keys_have_to_fit),
        cmocka_unit_test(protocols_have_to_exist),
        cmocka_unit_test(only_insecure_clients_do_not_verify),
        cmocka_unit_test(equal_options_share_what_was_loaded),
        cmocka_unit_test(other_options_share_nothing),
        cmocka_unit_test(a_file_that_was_replaced_is_another_one),
        cmocka_unit_test(a_file_that_was_written_to_is_another_one),
        cmocka_unit_test_teardown(every_failure_of_memory_is_survived, torture_teardown),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
