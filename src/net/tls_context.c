/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "net/tls_context.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sio/error.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/text.h"
#include "net/tls.h"

/* An option that holds PEM text, or names a file of it. */
struct source {
    const char *name; /* of the option */
    const char *file;
    const char *pem;
};

/* Describes a failure: "<option>: <what>". */
static int fail(char error[TLS_ERROR_CHARS], int code, const char *option, const char *what) {
    (void)snprintf(error, TLS_ERROR_CHARS, "%s%s%s", option, option[0] == '\0' ? "" : ": ", what);
    ERR_clear_error();
    return code;
}

/* The same for what is in a source: "ca_file ca.pem: <what>"; the end of a long path says more than
 * its beginning. */
static int fail_in(char error[TLS_ERROR_CHARS], int code, const struct source *from,
                   const char *what) {
    char option[TLS_ERROR_CHARS / 2];
    bool is_file = from->pem == NULL && from->file != NULL;
    size_t room = sizeof option - strlen(from->name) - sizeof " ...";
    size_t len = is_file ? strlen(from->file) : 0;
    (void)snprintf(option, sizeof option, "%s%s%s%s", from->name, is_file ? " " : "",
                   len > room ? "..." : "",
                   is_file ? from->file + (len > room ? len - room : 0) : "");
    return fail(error, code, option, what);
}

static int fail_nomem(char error[TLS_ERROR_CHARS]) {
    return fail(error, SIO_ERR_NOMEM, "", sio_strerror(SIO_ERR_NOMEM));
}

static int fail_system(char error[TLS_ERROR_CHARS], const struct source *from, int number) {
    int code = number == ENOENT || number == ENOTDIR ? SIO_ERR_NOT_FOUND : -number;
    return fail_in(error, code, from, sio_strerror(-number));
}

static struct source source(const char *file_option, const char *file, const char *pem_option,
                            const char *pem) {
    return (struct source){pem != NULL ? pem_option : file_option, file, pem};
}

static bool is_given(const struct source *from) {
    return from->file != NULL || from->pem != NULL;
}

static int open_source(const struct source *from, BIO **ret_bio, char error[TLS_ERROR_CHARS]) {
    BIO *bio = from->pem != NULL ? BIO_new_mem_buf(from->pem, -1) : BIO_new_file(from->file, "r");
    if (bio != NULL) {
        *ret_bio = bio;
        return 0;
    }
    unsigned long first = ERR_peek_error();
    if (from->pem == NULL && ERR_GET_LIB(first) == ERR_LIB_SYS) {
        return fail_system(error, from, ERR_GET_REASON(first));
    }
    return fail_nomem(error);
}

/* ---- certificates ---- */

/* Hands every certificate of a source to `take`, which takes it over; at least one. */
static int each_certificate(const struct source *from, SSL_CTX *ctx,
                            bool (*take)(SSL_CTX *ctx, X509 *cert, int index),
                            char error[TLS_ERROR_CHARS]) {
    BIO *bio = NULL;
    int r = open_source(from, &bio, error);
    if (r < 0) {
        return r;
    }
    int count = 0;
    X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    while (cert != NULL && take(ctx, cert, count)) {
        count++;
        cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    }
    BIO_free(bio);
    if (cert != NULL) {
        return fail_in(error, SIO_ERR_INVALID, from, "certificate cannot be used");
    }
    if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
        return fail_in(error, SIO_ERR_INVALID, from, "malformed certificate");
    }
    ERR_clear_error(); /* the end of the text was found by looking for more */
    return count > 0 ? 0 : fail_in(error, SIO_ERR_INVALID, from, "no certificate in it");
}

static bool take_authority(SSL_CTX *ctx, X509 *cert, int index) {
    (void)index;
    bool ok = X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), cert) == 1 &&
              SSL_CTX_add_client_CA(ctx, cert) == 1;
    X509_free(cert);
    return ok;
}

static bool take_own(SSL_CTX *ctx, X509 *cert, int index) {
    bool ok = index == 0 ? SSL_CTX_use_certificate(ctx, cert) == 1
                         : SSL_CTX_add0_chain_cert(ctx, cert) == 1;
    if (index == 0 || !ok) {
        X509_free(cert);
    }
    return ok;
}

static int load_authorities(struct tls_context *c, const struct tls_options *o,
                            char error[TLS_ERROR_CHARS]) {
    struct source sources[] = {{"ca_file", o->ca_file, NULL}, {"ca_pem", NULL, o->ca_pem}};
    bool own = o->ca_dir != NULL;
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        if (is_given(&sources[i])) {
            own = true;
            int r = each_certificate(&sources[i], c->ssl_ctx, take_authority, error);
            if (r < 0) {
                return r;
            }
        }
    }
    if (o->ca_dir != NULL) {
        const struct source dir = {"ca_dir", o->ca_dir, NULL};
        struct stat info;
        if (stat(o->ca_dir, &info) < 0) {
            return fail_system(error, &dir, errno);
        }
        if (!S_ISDIR(info.st_mode)) {
            return fail_system(error, &dir, ENOTDIR);
        }
        if (SSL_CTX_load_verify_locations(c->ssl_ctx, NULL, o->ca_dir) != 1) {
            return fail_nomem(error);
        }
    }
    if (c->is_server) {
        int demand = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
        SSL_CTX_set_verify(c->ssl_ctx, own ? demand : SSL_VERIFY_NONE, NULL);
        return 0;
    }
    SSL_CTX_set_verify(c->ssl_ctx, c->insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    if (!own && !c->insecure && SSL_CTX_set_default_verify_paths(c->ssl_ctx) != 1) {
        return fail(error, SIO_ERR_INVALID, "", "the authorities of the system cannot be loaded");
    }
    ERR_clear_error(); /* a system without any is no failure: it will trust nobody */
    return 0;
}

/* ---- the key ---- */

struct password {
    const char *text; /* may be NULL */
    bool asked;
};

/* Answers OpenSSL, which would ask at the terminal. */
static int give_password(char *dst, int size, int writing, void *user) {
    struct password *password = user;
    (void)writing;
    password->asked = true;
    size_t len = password->text == NULL ? SIZE_MAX : strlen(password->text);
    if (len > (size_t)size) {
        return -1;
    }
    memcpy(dst, password->text, len);
    return (int)len;
}

static int load_key(struct tls_context *c, const struct source *from, const char *password_text,
                    char error[TLS_ERROR_CHARS]) {
    BIO *bio = NULL;
    int r = open_source(from, &bio, error);
    if (r < 0) {
        return r;
    }
    struct password password = {password_text, false};
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, give_password, &password);
    BIO_free(bio);
    if (key == NULL) {
        const char *what = !password.asked         ? "no private key in it"
                           : password_text == NULL ? "encrypted, and no key_password given"
                                                   : "wrong password";
        return fail_in(error, SIO_ERR_INVALID, from, what);
    }
    X509 *cert = SSL_CTX_get0_certificate(c->ssl_ctx);
    if (X509_check_private_key(cert, key) != 1) {
        r = fail_in(error, SIO_ERR_INVALID, from, "key does not belong to the certificate");
    } else if (SSL_CTX_use_PrivateKey(c->ssl_ctx, key) != 1) {
        r = fail_in(error, SIO_ERR_INVALID, from, "key cannot be used");
    }
    EVP_PKEY_free(key);
    return r;
}

static int load_identity(struct tls_context *c, const struct tls_options *o,
                         char error[TLS_ERROR_CHARS]) {
    struct source cert = source("cert_file", o->cert_file, "cert_pem", o->cert_pem);
    struct source key = source("key_file", o->key_file, "key_pem", o->key_pem);
    if (!is_given(&cert)) {
        if (is_given(&key)) {
            return fail_in(error, SIO_ERR_INVALID, &key, "key without a certificate");
        }
        return c->is_server ? fail(error, SIO_ERR_INVALID, cert.name, "missing") : 0;
    }
    if (!is_given(&key)) {
        return fail_in(error, SIO_ERR_INVALID, &cert, "certificate without a key");
    }
    int r = each_certificate(&cert, c->ssl_ctx, take_own, error);
    return r < 0 ? r : load_key(c, &key, o->key_password, error);
}

/* ---- protocol ---- */

static int set_protocol(struct tls_context *c, const struct tls_options *o,
                        char error[TLS_ERROR_CHARS]) {
    int version = o->min_version == 0 ? TLS1_2_VERSION : o->min_version;
    if (version < TLS1_VERSION || version > TLS1_3_VERSION ||
        SSL_CTX_set_min_proto_version(c->ssl_ctx, version) != 1) {
        return fail(error, SIO_ERR_INVALID, "min_version", "no such version of TLS");
    }
    if (o->ciphers != NULL && SSL_CTX_set_cipher_list(c->ssl_ctx, o->ciphers) != 1) {
        return fail(error, SIO_ERR_INVALID, "ciphers", "no such cipher");
    }
    if (o->cipher_suites != NULL && SSL_CTX_set_ciphersuites(c->ssl_ctx, o->cipher_suites) != 1) {
        return fail(error, SIO_ERR_INVALID, "cipher_suites", "no such cipher suite");
    }
    return 0;
}

/* RFC 7301: HTTP/1.1 is all there is. Clients that want another protocol only find out later. */
static const unsigned char alpn[] = "\x08http/1.1";

static int choose_alpn(SSL *ssl, const unsigned char **ret_name, unsigned char *ret_len,
                       const unsigned char *offered, unsigned int offered_len, void *user) {
    unsigned char *name;
    (void)ssl;
    (void)user;
    if (SSL_select_next_proto(&name, ret_len, alpn, sizeof alpn - 1, offered, offered_len) !=
        OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_NOACK;
    }
    *ret_name = name;
    return SSL_TLSEXT_ERR_OK;
}

static int set_up(struct tls_context *c, const struct tls_options *o, char error[TLS_ERROR_CHARS]) {
    SSL_CTX_set_options(c->ssl_ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(c->ssl_ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                     SSL_MODE_AUTO_RETRY);
    if (c->is_server) {
        static const unsigned char scope[] = "sio";
        SSL_CTX_set_session_cache_mode(c->ssl_ctx, SSL_SESS_CACHE_OFF); /* tickets need none */
        SSL_CTX_set_session_id_context(c->ssl_ctx, scope, sizeof scope - 1);
        SSL_CTX_set_alpn_select_cb(c->ssl_ctx, choose_alpn, NULL);
    } else {
        SSL_CTX_set_session_cache_mode(c->ssl_ctx,
                                       SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(c->ssl_ctx, sio__tls_on_session);
        if (SSL_CTX_set_alpn_protos(c->ssl_ctx, alpn, sizeof alpn - 1) != 0) {
            return fail_nomem(error);
        }
    }
    int r = set_protocol(c, o, error);
    if (r == 0) {
        r = load_authorities(c, o, error);
    }
    return r < 0 ? r : load_identity(c, o, error);
}

/* ---- sharing ---- */

static bool digest_bytes(EVP_MD_CTX *md, const void *data, size_t len) {
    return EVP_DigestUpdate(md, data, len) == 1;
}

/* NULL differs from "", and no text runs into the next one. */
static bool digest_text(EVP_MD_CTX *md, const char *text) {
    size_t len = text == NULL ? 0 : strlen(text) + 1;
    return digest_bytes(md, &len, sizeof len) && (len == 0 || digest_bytes(md, text, len));
}

/* A file that was replaced or written to is another one. */
static bool digest_file(EVP_MD_CTX *md, const char *path) {
    struct stat info;
    if (path == NULL || stat(path, &info) < 0) {
        return digest_text(md, path);
    }
    const int64_t state[] = {(int64_t)info.st_dev,          (int64_t)info.st_ino,
                             (int64_t)info.st_size,         (int64_t)info.st_mtim.tv_sec,
                             (int64_t)info.st_mtim.tv_nsec, (int64_t)info.st_ctim.tv_sec,
                             (int64_t)info.st_ctim.tv_nsec};
    return digest_text(md, path) && digest_bytes(md, state, sizeof state);
}

/* What OpenSSL takes for the authorities of the system. */
static const char *system_path(const char *variable, const char *path) {
    const char *value = getenv(variable);
    return value != NULL ? value : path;
}

static bool digest_options(EVP_MD_CTX *md, const struct tls_options *o, uint8_t *ret_digest) {
    const char *const files[] = {
        o->ca_file,
        o->ca_dir,
        o->cert_file,
        o->key_file,
        system_path(X509_get_default_cert_file_env(), X509_get_default_cert_file()),
        system_path(X509_get_default_cert_dir_env(), X509_get_default_cert_dir()),
    };
    const char *const texts[] = {o->ca_pem,       o->cert_pem, o->key_pem,
                                 o->key_password, o->ciphers,  o->cipher_suites};
    const int numbers[] = {o->min_version, o->insecure};
    bool ok = EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        ok = ok && digest_file(md, files[i]);
    }
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        ok = ok && digest_text(md, texts[i]);
    }
    return ok && digest_bytes(md, numbers, sizeof numbers) &&
           EVP_DigestFinal_ex(md, ret_digest, NULL) == 1;
}

static int set_digest(struct tls_context *c, const struct tls_options *o,
                      char error[TLS_ERROR_CHARS]) {
    EVP_MD_CTX *md = c->is_server ? NULL : EVP_MD_CTX_new();
    bool ok = c->is_server || (md != NULL && digest_options(md, o, c->digest));
    EVP_MD_CTX_free(md);
    return ok ? 0 : fail_nomem(error);
}

/* Equal options have made equal contexts. */
static void share(struct tls_context *c, const struct tls_context *other) {
    if (c->ssl_ctx != other->ssl_ctx && SSL_CTX_up_ref(other->ssl_ctx) == 1) {
        SSL_CTX_free(c->ssl_ctx);
        c->ssl_ctx = other->ssl_ctx;
    }
}

void sio__tls_context_join(struct tls_context *c, struct list *contexts) {
    for (struct list *node = contexts->next; node != contexts; node = node->next) {
        const struct tls_context *other = SIO_CONTAINER_OF(node, struct tls_context, joined);
        if (memcmp(c->digest, other->digest, sizeof c->digest) == 0) {
            share(c, other);
            break;
        }
    }
    sio__list_push_back(contexts, &c->joined);
}

void sio__tls_context_leave(struct tls_context *c) {
    if (c != NULL) {
        sio__list_remove(&c->joined);
    }
}

/* ---- life ---- */

int sio__tls_context_new(const struct tls_options *o, bool is_server,
                         struct tls_context **ret_context, char ret_error[TLS_ERROR_CHARS]) {
    static const struct tls_options defaults = {0};
    o = o == NULL ? &defaults : o;
    struct text name = sio__text_of(o->server_name);
    if (name.len >= TLS_HOST_CHARS) {
        return fail(ret_error, SIO_ERR_INVALID, "server_name", "too long");
    }
    struct tls_context *c = sio__calloc(1, sizeof *c);
    if (c == NULL) {
        return fail_nomem(ret_error);
    }
    if (name.len > 0) {
        memcpy(c->server_name, name.data, name.len);
    }
    c->references = 1;
    sio__list_init(&c->joined);
    c->is_server = is_server;
    c->insecure = o->insecure && !is_server;
    ERR_clear_error();
    int r;
    c->ssl_ctx = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
    c->bio_method = sio__tls_bio_method();
    if (c->ssl_ctx == NULL || c->bio_method == NULL) {
        r = fail_nomem(ret_error);
    } else {
        r = set_digest(c, o, ret_error);
        r = r < 0 ? r : set_up(c, o, ret_error);
    }
    if (r < 0) {
        sio__tls_context_free(c);
        return r;
    }
    *ret_context = c;
    return 0;
}

struct tls_context *sio__tls_context_ref(struct tls_context *c) {
    atomic_fetch_add_explicit(&c->references, 1, memory_order_relaxed);
    return c;
}

void sio__tls_context_free(struct tls_context *c) {
    if (c == NULL || atomic_fetch_sub_explicit(&c->references, 1, memory_order_acq_rel) > 1) {
        return;
    }
    SSL_SESSION_free(c->session);
    SSL_CTX_free(c->ssl_ctx);
    BIO_meth_free(c->bio_method);
    sio__free(c);
}

/* ---- sessions ---- */

void sio__tls_context_keep(struct tls_context *c, const char *host, SSL_SESSION *session) {
    SSL_SESSION_free(c->session);
    c->session = session;
    (void)snprintf(c->session_host, sizeof c->session_host, "%s", host);
}

/* The host is compared because resuming skips the look at the certificate. */
void sio__tls_context_resume(struct tls_context *c, const char *host, SSL *ssl) {
    if (c->session == NULL || strcmp(c->session_host, host) != 0) {
        return;
    }
    SSL_set_session(ssl, c->session);
    if (SSL_SESSION_get_protocol_version(c->session) >= TLS1_3_VERSION) {
        SSL_SESSION_free(c->session); /* a ticket is for one use (RFC 8446 C.4) */
        c->session = NULL;
    }
}
