/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Certificates for tests of TLS, made when they are needed. Keys are of the curve P-256: quick to
 * make. Whatever fails here fails the test.
 */
#ifndef SUPPORT_CERTS_H
#define SUPPORT_CERTS_H

#include <stdbool.h>

struct cert;

#define CERT_DAY 86400L

/** What to make; the rest is zero. */
struct cert_spec {
    const char *name;          /**< common name of the subject */
    const char *alt;           /**< "DNS:a.example,IP:127.0.0.1", or NULL */
    const struct cert *issuer; /**< NULL: signs itself */
    bool authority;            /**< may sign others */
    long from;                 /**< seconds from now; 0: since yesterday */
    long to;                   /**< seconds from now; 0: until in a year */
};

/** Makes a certificate with its key. @return for cert_free() */
struct cert *cert_make(const struct cert_spec *spec);

/** The certificate, in PEM form. */
const char *cert_pem(const struct cert *c);

/** Its key, in PEM form. */
const char *cert_key(const struct cert *c);

/** Its key, encrypted with the password. @return for free() */
char *cert_encrypted_key(const struct cert *c, const char *password);

/** The PEM forms of both, one after the other. @return for free() */
char *cert_join(const struct cert *first, const struct cert *second);

/** Frees it; NULL is fine. */
void cert_free(struct cert *c);

/** Writes a text into a new file of the directory for temporary files. @return its path, free() */
char *cert_file(const char *text);

#endif /* SUPPORT_CERTS_H */
