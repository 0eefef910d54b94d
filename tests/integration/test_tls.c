/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* TLS between two streams: whom they accept, what they say when they do not, and that a stream with
 * TLS carries, pauses and ends as one without. */
#include "support/certs.h"
#include "support/tls_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/ssl.h>
#include <sio/error.h>

#define UNVERIFIED "unable to get local issuer certificate"

static struct cert *root;
static struct cert *other_root;
static struct cert *good; /* localhost, signed by root */
static struct pair pair;

static int setup(void **state) {
    (void)state;
    root = cert_make(&(struct cert_spec){.name = "root", .authority = true});
    other_root = cert_make(&(struct cert_spec){.name = "other root", .authority = true});
    good = cert_make(&(struct cert_spec){.name = "good", .alt = "DNS:localhost", .issuer = root});
    return 0;
}

static int teardown(void **state) {
    (void)state;
    cert_free(good);
    cert_free(other_root);
    cert_free(root);
    return 0;
}

static struct tls_context *server_of(const struct cert *cert) {
    return pair_context(
        &(struct tls_options){.cert_pem = cert_pem(cert), .key_pem = cert_key(cert)}, true);
}

static struct tls_context *client_of(const struct cert *authority) {
    return pair_context(&(struct tls_options){.ca_pem = cert_pem(authority)}, false);
}

static void expect_transfer(void) {
    pair_write(&pair.client, 1000);
    pair_write(&pair.server, 30000);
    pair_run(&pair, pair_is_transferred);
    assert_false(pair.client.pattern_broken || pair.server.pattern_broken);
}

static bool has_outcome(struct pair *p) {
    return pair_is_secured(p) || (p->client.ends > 0 && p->server.ends > 0);
}

/* Plays a handshake to its end. @param error  of the client; NULL: it succeeds */
static void expect_outcome(struct tls_context *client, struct tls_context *server, const char *host,
                           const char *error) {
    pair_connect_tls(&pair, client, server, host, 0);
    pair_run(&pair, has_outcome);
    if (error == NULL) {
        assert_string_equal(pair.client.error, "");
        assert_true(pair_is_secured(&pair));
        expect_transfer();
    } else {
        assert_int_equal(pair.client.status, SIO_ERR_TLS);
        assert_int_equal(pair.client.ends, 1);
        assert_int_equal(pair.client.secured, 0);
        assert_string_equal(pair.client.error, error);
        assert_int_equal(pair.client.received, 0);
    }
    pair_disconnect(&pair);
    sio__tls_context_free(client);
    sio__tls_context_free(server);
}

/* ---- certificates of servers ---- */

enum trust { TRUST_ROOT, TRUST_OTHER, TRUST_SYSTEM, TRUST_ALL };

static const struct {
    const char *title;
    const char *alt;
    const char *host;
    long from;
    long to;
    enum trust trust;
    bool self_signed;
    const char *error;
} servers[] = {
    {"good", "DNS:localhost", "localhost", 0, 0, TRUST_ROOT, false, NULL},
    {"name with a final dot", "DNS:localhost", "localhost.", 0, 0, TRUST_ROOT, false, NULL},
    {"name in capitals", "DNS:localhost", "LocalHost", 0, 0, TRUST_ROOT, false, NULL},
    {"expired", "DNS:localhost", "localhost", -3 * CERT_DAY, -CERT_DAY, TRUST_ROOT, false,
     "certificate has expired"},
    {"not yet valid", "DNS:localhost", "localhost", CERT_DAY, 3 * CERT_DAY, TRUST_ROOT, false,
     "certificate is not yet valid"},
    {"other host", "DNS:a.example", "localhost", 0, 0, TRUST_ROOT, false, "hostname mismatch"},
    {"no name", NULL, "localhost", 0, 0, TRUST_ROOT, false, "hostname mismatch"},
    {"self-signed", "DNS:localhost", "localhost", 0, 0, TRUST_ROOT, true,
     "self-signed certificate"},
    {"unknown authority", "DNS:localhost", "localhost", 0, 0, TRUST_OTHER, false, UNVERIFIED},
    {"unknown to the system", "DNS:localhost", "localhost", 0, 0, TRUST_SYSTEM, false, UNVERIFIED},
    {"IPv4 address", "IP:127.0.0.1", "127.0.0.1", 0, 0, TRUST_ROOT, false, NULL},
    {"IPv6 address", "IP:::1", "::1", 0, 0, TRUST_ROOT, false, NULL},
    {"other address", "IP:127.0.0.2", "127.0.0.1", 0, 0, TRUST_ROOT, false, "IP address mismatch"},
    {"address as a name", "DNS:127.0.0.1", "127.0.0.1", 0, 0, TRUST_ROOT, false,
     "IP address mismatch"},
    {"wildcard", "DNS:*.b.example", "a.b.example", 0, 0, TRUST_ROOT, false, NULL},
    {"wildcard for one label only", "DNS:*.example", "a.b.example", 0, 0, TRUST_ROOT, false,
     "hostname mismatch"},
    {"wildcard in a label", "DNS:a*.b.example", "aa.b.example", 0, 0, TRUST_ROOT, false,
     "hostname mismatch"},
    {"name that begins alike", "DNS:localhost.example", "localhost", 0, 0, TRUST_ROOT, false,
     "hostname mismatch"},
    {"expired, insecure", "DNS:a.example", "localhost", -3 * CERT_DAY, -CERT_DAY, TRUST_ALL, true,
     NULL},
};

static void servers_are_verified(void **state) {
    (void)state;
    pair_init(&pair);
    for (size_t i = 0; i < sizeof servers / sizeof servers[0]; i++) {
        print_message("%s\n", servers[i].title);
        struct cert *cert = cert_make(&(struct cert_spec){
            .name = "server",
            .alt = servers[i].alt,
            .from = servers[i].from,
            .to = servers[i].to,
            .issuer = servers[i].self_signed ? NULL : root,
        });
        struct tls_options o = {.insecure = servers[i].trust == TRUST_ALL};
        if (servers[i].trust == TRUST_ROOT || servers[i].trust == TRUST_OTHER) {
            o.ca_pem = cert_pem(servers[i].trust == TRUST_ROOT ? root : other_root);
        }
        expect_outcome(pair_context(&o, false), server_of(cert), servers[i].host, servers[i].error);
        cert_free(cert);
    }
    pair_done(&pair);
}

static void chains_have_to_be_complete(void **state) {
    (void)state;
    struct cert *middle =
        cert_make(&(struct cert_spec){.name = "middle", .authority = true, .issuer = root});
    struct cert *leaf =
        cert_make(&(struct cert_spec){.name = "leaf", .alt = "DNS:localhost", .issuer = middle});
    struct cert *forged =
        cert_make(&(struct cert_spec){.name = "forged", .alt = "DNS:localhost", .issuer = good});
    char *chain = cert_join(leaf, middle);
    char *forged_chain = cert_join(forged, good);
    pair_init(&pair);
    expect_outcome(client_of(root), server_of(leaf), "localhost", UNVERIFIED);
    expect_outcome(
        client_of(root),
        pair_context(&(struct tls_options){.cert_pem = chain, .key_pem = cert_key(leaf)}, true),
        "localhost", NULL);
    expect_outcome(
        client_of(root),
        pair_context(&(struct tls_options){.cert_pem = forged_chain, .key_pem = cert_key(forged)},
                     true),
        "localhost", "invalid CA certificate");
    pair_done(&pair);
    free(chain);
    free(forged_chain);
    cert_free(forged);
    cert_free(leaf);
    cert_free(middle);
}

static void the_environment_may_name_the_authorities(void **state) {
    (void)state;
    char *path = cert_file(cert_pem(root));
    pair_init(&pair);
    assert_int_equal(setenv("SSL_CERT_FILE", path, 1), 0);
    expect_outcome(pair_context(NULL, false), server_of(good), "localhost", NULL);
    /* Authorities of one's own are the only ones. */
    expect_outcome(client_of(other_root), server_of(good), "localhost", UNVERIFIED);
    assert_int_equal(unsetenv("SSL_CERT_FILE"), 0);
    expect_outcome(pair_context(NULL, false), server_of(good), "localhost", UNVERIFIED);
    pair_done(&pair);
    unlink(path);
    free(path);
}

static void another_name_may_be_expected(void **state) {
    (void)state;
    struct cert *cert =
        cert_make(&(struct cert_spec){.name = "x", .alt = "DNS:a.example", .issuer = root});
    struct tls_options o = {.ca_pem = cert_pem(root), .server_name = "a.example"};
    pair_init(&pair);
    expect_outcome(pair_context(&o, false), server_of(cert), "localhost", NULL);
    expect_outcome(pair_context(&o, false), server_of(good), "localhost", "hostname mismatch");
    pair_done(&pair);
    cert_free(cert);
}

static void names_are_told_to_the_server_and_addresses_are_not(void **state) {
    (void)state;
    static const char *const hosts[][2] = {{"localhost", "localhost"},
                                           {"localhost.", "localhost"},
                                           {"127.0.0.1", NULL},
                                           {"::1", NULL}};
    struct cert *cert = cert_make(&(struct cert_spec){
        .name = "x", .alt = "DNS:localhost,IP:127.0.0.1,IP:::1", .issuer = root});
    struct tls_context *client = client_of(root);
    struct tls_context *server = server_of(cert);
    pair_init(&pair);
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        pair_connect_tls(&pair, client, server, hosts[i][0], 0);
        pair_run(&pair, pair_is_secured);
        const SSL *ssl = pair.server.stream->tls->ssl;
        const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
        if (hosts[i][1] == NULL) {
            assert_null(name);
        } else {
            assert_string_equal(name, hosts[i][1]);
        }
        const unsigned char *protocol;
        unsigned len;
        SSL_get0_alpn_selected(ssl, &protocol, &len);
        assert_int_equal(len, 8);
        assert_memory_equal(protocol, "http/1.1", 8);
        pair_disconnect(&pair);
    }
    pair_done(&pair);
    sio__tls_context_free(client);
    sio__tls_context_free(server);
    cert_free(cert);
}

static void a_client_has_to_know_whom_it_wants(void **state) {
    (void)state;
    char too_long[TLS_HOST_CHARS + 1];
    memset(too_long, 'a', sizeof too_long - 1);
    too_long[sizeof too_long - 1] = '\0';
    const char *bad[] = {NULL, "", ".", too_long};
    struct tls_context *client = client_of(root);
    pair_init(&pair);
    pair_connect(&pair, 0);
    pair_open_client(&pair);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct tls_peer peer = {.host = bad[i]};
        assert_int_equal(sio__stream_start_tls(pair.client.stream, client, &peer), SIO_ERR_INVALID);
    }
    assert_int_equal(sio__stream_start_tls(pair.client.stream, client, NULL), SIO_ERR_INVALID);
    pair_done(&pair);
    sio__tls_context_free(client);
}

/* ---- certificates of clients ---- */

static const struct {
    const char *title;
    bool given;
    bool known;
    const char *server_error;
    const char *client_error;
} clients[] = {
    {"given", true, true, NULL, NULL},
    {"missing", false, false, "peer did not return a certificate",
     "peer has sent the alert: certificate required"},
    {"of an unknown authority", true, false, UNVERIFIED, "peer has sent the alert: unknown ca"},
};

static bool have_ended(struct pair *p) {
    return p->client.ends > 0 && p->server.ends > 0;
}

static void servers_may_demand_certificates(void **state) {
    (void)state;
    pair_init(&pair);
    struct tls_context *server = pair_context(&(struct tls_options){.cert_pem = cert_pem(good),
                                                                    .key_pem = cert_key(good),
                                                                    .ca_pem = cert_pem(root)},
                                              true);
    for (size_t i = 0; i < sizeof clients / sizeof clients[0]; i++) {
        print_message("%s\n", clients[i].title);
        struct cert *cert = cert_make(
            &(struct cert_spec){.name = "user", .issuer = clients[i].known ? root : other_root});
        struct tls_options o = {.ca_pem = cert_pem(root)};
        if (clients[i].given) {
            o.cert_pem = cert_pem(cert);
            o.key_pem = cert_key(cert);
        }
        struct tls_context *client = pair_context(&o, false);
        pair_connect_tls(&pair, client, server, "localhost", 0);
        if (clients[i].server_error == NULL) {
            pair_run(&pair, pair_is_secured);
            expect_transfer();
        } else { /* in TLS 1.3 the client is through before it hears of it */
            pair_run(&pair, have_ended);
            assert_int_equal(pair.server.status, SIO_ERR_TLS);
            assert_string_equal(pair.server.error, clients[i].server_error);
            assert_int_equal(pair.client.status, SIO_ERR_TLS);
            assert_string_equal(pair.client.error, clients[i].client_error);
        }
        pair_disconnect(&pair);
        sio__tls_context_free(client);
        cert_free(cert);
    }
    sio__tls_context_free(server);
    pair_done(&pair);
}

/* ---- versions and ciphers ---- */

#define OLD_CIPHERS "ALL:@SECLEVEL=0"

static const struct {
    const char *title;
    int client_min, client_max, server_min, server_max;
    const char *client_error, *server_error; /* NULL: they understand each other */
} versions[] = {
    {"TLS 1.3", 0, 0, 0, 0, NULL, NULL},
    {"TLS 1.2", 0, 0x0303, 0, 0, NULL, NULL},
    {"TLS 1.1 when allowed", 0x0302, 0x0302, 0x0301, 0, NULL, NULL},
    {"old server", 0, 0x0303, 0x0301, 0x0302, "protocol version too old: peer offers TLS 1.1",
     "wrong version number"},
    {"oldest server", 0, 0x0303, 0x0301, 0x0301, "protocol version too old: peer offers TLS 1.0",
     "wrong version number"},
    {"old client", 0x0301, 0x0302, 0, 0, "peer has sent the alert: protocol version",
     "protocol version too old: peer offers TLS 1.1"},
    {"client without TLS 1.3", 0, 0x0303, 0x0304, 0, "peer has sent the alert: protocol version",
     "protocol version too old: peer offers TLS 1.2"},
    {"server without TLS 1.3", 0x0304, 0, 0, 0x0303, "peer has sent the alert: protocol version",
     "no common protocol version"},
};

static void versions_have_to_meet(void **state) {
    (void)state;
    pair_init(&pair);
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        print_message("%s\n", versions[i].title);
        struct tls_context *client =
            pair_context(&(struct tls_options){.ca_pem = cert_pem(root),
                                               .ciphers = OLD_CIPHERS,
                                               .min_version = versions[i].client_min},
                         false);
        struct tls_context *server =
            pair_context(&(struct tls_options){.cert_pem = cert_pem(good),
                                               .key_pem = cert_key(good),
                                               .ciphers = OLD_CIPHERS,
                                               .min_version = versions[i].server_min},
                         true);
        SSL_CTX_set_max_proto_version(client->ssl_ctx, versions[i].client_max);
        SSL_CTX_set_max_proto_version(server->ssl_ctx, versions[i].server_max);
        expect_outcome(client, server, "localhost", versions[i].client_error);
        assert_string_equal(pair.server.error,
                            versions[i].server_error == NULL ? "" : versions[i].server_error);
    }
    pair_done(&pair);
}

static void ciphers_have_to_meet(void **state) {
    (void)state;
    static const struct tls_options differ[][2] = {
        {{.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256"},
         {.ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384"}},
        {{.cipher_suites = "TLS_AES_128_GCM_SHA256", .min_version = 0x0304},
         {.cipher_suites = "TLS_AES_256_GCM_SHA384"}},
    };
    pair_init(&pair);
    for (size_t i = 0; i < sizeof differ / sizeof differ[0]; i++) {
        struct tls_options client = differ[i][0];
        struct tls_options server = differ[i][1];
        client.ca_pem = cert_pem(root);
        server.cert_pem = cert_pem(good);
        server.key_pem = cert_key(good);
        struct tls_context *c = pair_context(&client, false);
        SSL_CTX_set_max_proto_version(c->ssl_ctx, client.min_version == 0 ? TLS1_2_VERSION : 0);
        expect_outcome(c, pair_context(&server, true), "localhost",
                       "peer has sent the alert: handshake failure");
        assert_string_equal(pair.server.error, "no shared cipher");
    }
    pair_done(&pair);
}

/* ---- sessions ---- */

static void thousand_connections_resume_the_session(void **state) {
    (void)state;
    struct tls_context *client = client_of(root);
    struct tls_context *server = server_of(good);
    pair_init(&pair);
    for (int i = 0; i < 1000; i++) {
        pair_connect_tls(&pair, client, server, "localhost", 0);
        pair_run(&pair, pair_is_secured);
        assert_int_equal(SSL_session_reused(pair.client.stream->tls->ssl), i > 0);
        expect_transfer();
        pair_disconnect(&pair);
    }
    /* Not with another host: nobody has looked at its certificate. */
    pair_connect_tls(&pair, client, server, "a.example", 0);
    pair_run(&pair, have_ended);
    assert_string_equal(pair.client.error, "hostname mismatch");
    pair_done(&pair);
    sio__tls_context_free(client);
    sio__tls_context_free(server);
}

/* The ticket of one would be used up by the other. */
static void joined_clients_keep_sessions_of_their_own(void **state) {
    (void)state;
    struct tls_context *server = server_of(good);
    struct tls_context *both[] = {client_of(root), client_of(root)};
    struct list contexts;
    sio__list_init(&contexts);
    sio__tls_context_join(both[0], &contexts);
    sio__tls_context_join(both[1], &contexts);
    assert_ptr_equal(both[0]->ssl_ctx, both[1]->ssl_ctx);
    pair_init(&pair);
    for (int i = 0; i < 8; i++) {
        struct tls_context *client = both[i / 2 % 2];
        pair_connect_tls(&pair, client, server, "localhost", 0);
        pair_run(&pair, pair_is_secured);
        bool is_first = i == 0 || i == 2;
        assert_int_equal(SSL_session_reused(pair.client.stream->tls->ssl), !is_first);
        expect_transfer();
        if (i == 5) { /* the first one goes, while it has a connection; the other goes on */
            sio__tls_context_leave(both[0]);
            sio__tls_context_free(both[0]);
            both[0] = both[1];
        }
        pair_disconnect(&pair);
    }
    pair_done(&pair);
    sio__tls_context_leave(both[1]);
    sio__tls_context_free(both[1]);
    sio__tls_context_free(server);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers_are_verified),
        cmocka_unit_test(chains_have_to_be_complete),
        cmocka_unit_test(the_environment_may_name_the_authorities),
        cmocka_unit_test(another_name_may_be_expected),
        cmocka_unit_test(names_are_told_to_the_server_and_addresses_are_not),
        cmocka_unit_test(a_client_has_to_know_whom_it_wants),
        cmocka_unit_test(servers_may_demand_certificates),
        cmocka_unit_test(versions_have_to_meet),
        cmocka_unit_test(ciphers_have_to_meet),
        cmocka_unit_test(thousand_connections_resume_the_session),
        cmocka_unit_test(joined_clients_keep_sessions_of_their_own),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
