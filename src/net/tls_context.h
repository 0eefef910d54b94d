/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * What the TLS connections of one client or one server have in common: whom they trust, who they
 * are, and which protocol versions and ciphers they use. One OpenSSL SSL_CTX.
 *
 * A client verifies the certificate of its server: against its own authorities if it was given
 * some, else against those of the system; also that it is for the host that was asked for. Only
 * tls_options.insecure turns that off. Renegotiation and compression are off.
 *
 * A context is counted: each connection holds a reference, so that it may be freed before they end.
 * The context of a client keeps the session that its server has offered last, to resume it with the
 * next connection, and therefore belongs to the thread of one reactor; that of a server does not
 * change, and may serve many. Making one reads files, and parses the system's authorities: it takes
 * milliseconds, and is done once.
 *
 * Contexts of clients that are joined share what was loaded of the same options: authorities,
 * certificate, key. Each keeps its own session and its own name of the server.
 */
#ifndef NET_TLS_CONTEXT_H
#define NET_TLS_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

struct bio_method_st;
struct ssl_ctx_st;
struct ssl_session_st;
struct ssl_st;

/** Room for the description of a failure, NUL included. */
#define TLS_ERROR_CHARS 160

/** Room for the name of a host, NUL included (RFC 1035 2.3.4). */
#define TLS_HOST_CHARS 256

/** Bytes of the digest of options: SHA-256. */
#define TLS_DIGEST_BYTES 32

/** All strings are borrowed for the call, and NULL when not given. */
struct tls_options {
    /** Trusted authorities: a file or a text in PEM form, a directory of files named by hash. None:
     * those of the system, for a server: clients need no certificate. */
    const char *ca_file;
    const char *ca_dir;
    const char *ca_pem;
    /** The own certificate, followed by intermediate ones, and its key; in PEM form. */
    const char *cert_file;
    const char *cert_pem;
    const char *key_file;
    const char *key_pem;
    const char *key_password;
    /** Name or address to expect and to ask for, in place of the host of the URL. Clients only. */
    const char *server_name;
    const char *ciphers;       /**< up to TLS 1.2, in OpenSSL's form */
    const char *cipher_suites; /**< of TLS 1.3 */
    int min_version;           /**< 0x0301 (TLS 1.0) to 0x0304 (TLS 1.3); 0 for 0x0303 */
    bool insecure;             /**< a client takes any certificate */
};

struct tls_context {
    struct ssl_ctx_st *ssl_ctx;
    struct bio_method_st *bio_method; /* used by tls.c */
    struct ssl_session_st *session;   /* the last one that was offered, or NULL */
    char session_host[TLS_HOST_CHARS];
    char server_name[TLS_HOST_CHARS]; /* "" when not given */
    uint8_t digest[TLS_DIGEST_BYTES]; /* of what a client's ssl_ctx was made of */
    struct list joined;               /* with others that may share it, or in no list */
    _Atomic uint32_t references;
    bool is_server;
    bool insecure;
};

/**
 * Makes a context with one reference.
 *
 * @param o         NULL for the defaults
 * @param is_server for accepting connections; needs a certificate
 * @param ret_error says on failure what was wrong: "key_file: wrong password"
 * @return 0; SIO_ERR_NOMEM, SIO_ERR_INVALID, SIO_ERR_NOT_FOUND when there is no such file or
 * directory, another code of the system when it cannot be read
 */
int sio__tls_context_new(const struct tls_options *o, bool is_server,
                         struct tls_context **ret_context, char ret_error[TLS_ERROR_CHARS]);

/** Takes another reference. From any thread. */
struct tls_context *sio__tls_context_ref(struct tls_context *c);

/** Drops a reference; the last one frees the context. From any thread. NULL is fine. */
void sio__tls_context_free(struct tls_context *c);

/**
 * Puts a client's context, with which no connection was made yet, into a list of such. If there is
 * one that was made of the same options and of files that have not changed in between, its SSL_CTX
 * is used from then on in place of the own. All on one thread.
 */
void sio__tls_context_join(struct tls_context *c, struct list *contexts);

/** Takes it out of the list; what it shares stays. NULL and contexts in no list are fine. */
void sio__tls_context_leave(struct tls_context *c);

/** Keeps a session with a host for the next connection to it. Takes over the reference. */
void sio__tls_context_keep(struct tls_context *c, const char *host, struct ssl_session_st *session);

/** Has a connection that has not begun resume the session with this host, if there is one. */
void sio__tls_context_resume(struct tls_context *c, const char *host, struct ssl_st *ssl);

#endif /* NET_TLS_CONTEXT_H */
