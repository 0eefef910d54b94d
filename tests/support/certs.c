/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "support/certs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

struct cert {
    X509 *x509;
    EVP_PKEY *key;
    char *pem;
    char *key_pem;
};

/* What was written to a BIO in memory, as a string for free(); frees the BIO. */
static char *take_text(BIO *bio) {
    char *data = NULL;
    size_t len = (size_t)BIO_get_mem_data(bio, &data);
    char *text = malloc(len + 1);
    assert_non_null(text);
    memcpy(text, data, len);
    text[len] = '\0';
    BIO_free(bio);
    return text;
}

static void extend(const struct cert *c, const struct cert *issuer, int nid, const char *value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer->x509, c->x509, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(c->x509, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static void name(const struct cert *c, const char *text) {
    X509_NAME *subject = X509_get_subject_name(c->x509);
    assert_int_equal(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                                (const unsigned char *)text, -1, -1, 0),
                     1);
}

struct cert *cert_make(const struct cert_spec *spec) {
    struct cert *c = calloc(1, sizeof *c);
    assert_non_null(c);
    const struct cert *issuer = spec->issuer == NULL ? c : spec->issuer;
    uint32_t serial;
    assert_int_equal(RAND_bytes((unsigned char *)&serial, sizeof serial), 1);
    c->key = EVP_EC_gen("P-256");
    c->x509 = X509_new();
    assert_non_null(c->key);
    assert_non_null(c->x509);
    X509_set_version(c->x509, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(c->x509), (long)(serial >> 1));
    X509_gmtime_adj(X509_getm_notBefore(c->x509), spec->from == 0 ? -CERT_DAY : spec->from);
    X509_gmtime_adj(X509_getm_notAfter(c->x509), spec->to == 0 ? 365 * CERT_DAY : spec->to);
    X509_set_pubkey(c->x509, c->key);
    name(c, spec->name);
    X509_set_issuer_name(c->x509, X509_get_subject_name(issuer->x509));
    extend(c, issuer, NID_basic_constraints, spec->authority ? "critical,CA:TRUE" : "CA:FALSE");
    extend(c, issuer, NID_subject_key_identifier, "hash");
    if (spec->issuer != NULL) {
        extend(c, issuer, NID_authority_key_identifier, "keyid");
    }
    if (spec->alt != NULL) {
        extend(c, issuer, NID_subject_alt_name, spec->alt);
    }
    assert_true(X509_sign(c->x509, issuer->key, EVP_sha256()) > 0);
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_X509(bio, c->x509), 1);
    c->pem = take_text(bio);
    bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PrivateKey(bio, c->key, NULL, NULL, 0, NULL, NULL), 1);
    c->key_pem = take_text(bio);
    return c;
}

const char *cert_pem(const struct cert *c) {
    return c->pem;
}

const char *cert_key(const struct cert *c) {
    return c->key_pem;
}

char *cert_encrypted_key(const struct cert *c, const char *password) {
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, c->key, EVP_aes_128_cbc(), password,
                                                   (int)strlen(password), NULL, NULL),
                     1);
    return take_text(bio);
}

char *cert_join(const struct cert *first, const struct cert *second) {
    char *text = NULL;
    assert_true(asprintf(&text, "%s%s", first->pem, second->pem) > 0);
    return text;
}

void cert_free(struct cert *c) {
    if (c != NULL) {
        X509_free(c->x509);
        EVP_PKEY_free(c->key);
        free(c->pem);
        free(c->key_pem);
        free(c);
    }
}

char *cert_file(const char *text) {
    const char *dir = getenv("TMPDIR");
    char *path = NULL;
    assert_true(asprintf(&path, "%s/sio-test-XXXXXX", dir == NULL ? "/tmp" : dir) > 0);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    return path;
}
