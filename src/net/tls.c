/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "net/tls.h"

#include <assert.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sio/error.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

/* Places in a record that holds a ServerHello or ClientHello (RFC 8446 4.1.2, 4.1.3, 5.1). */
#define RECORD_TYPE      0
#define HELLO_TYPE       5
#define HELLO_VERSION    9
#define RECORD_HANDSHAKE 22
#define RECORD_FIRST     20 /* change_cipher_spec */
#define RECORD_LAST      23 /* application_data */

/* ---- buffers ---- */

static void release_out(struct tls *t) {
    struct reactor *r = t->reactor;
    if (r->tls_out == NULL) {
        r->tls_out = t->out;
    } else {
        sio__free(t->out);
    }
    t->out = NULL;
    t->out_from = 0;
    t->out_to = 0;
}

static bool acquire_out(struct tls *t) {
    struct reactor *r = t->reactor;
    if (t->out == NULL) {
        t->out = r->tls_out != NULL ? r->tls_out : sio__malloc(TLS_OUT_BYTES);
        r->tls_out = NULL;
    }
    return t->out != NULL;
}

void sio__tls_sent(struct tls *t, size_t n) {
    t->out_from += (uint32_t)n;
    if (t->out_from == t->out_to && t->out != NULL) {
        release_out(t);
    }
}

/* ---- the BIO ---- */

static int bio_create(BIO *bio) {
    BIO_set_init(bio, 1);
    return 1;
}

static int bio_read(BIO *bio, char *dst, int size) {
    struct tls *t = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (t->in_len == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    size_t n = (size_t)size < t->in_len ? (size_t)size : t->in_len;
    memcpy(dst, t->in, n);
    t->in += n;
    t->in_len -= n;
    return (int)n;
}

static int bio_write(BIO *bio, const char *data, int len) {
    struct tls *t = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (!acquire_out(t)) {
        t->status = SIO_ERR_NOMEM;
        return -1;
    }
    if (t->out_from > 0 && (size_t)len > TLS_OUT_BYTES - t->out_to) {
        memmove(t->out, t->out + t->out_from, t->out_to - t->out_from);
        t->out_to -= t->out_from;
        t->out_from = 0;
    }
    size_t room = TLS_OUT_BYTES - t->out_to;
    if (room == 0) {
        BIO_set_retry_write(bio);
        return -1;
    }
    size_t n = (size_t)len < room ? (size_t)len : room;
    memcpy(t->out + t->out_to, data, n);
    t->out_to += (uint32_t)n;
    return (int)n;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer) {
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

BIO_METHOD *sio__tls_bio_method(void) {
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "sio");
    if (method != NULL) {
        BIO_meth_set_create(method, bio_create);
        BIO_meth_set_read(method, bio_read);
        BIO_meth_set_write(method, bio_write);
        BIO_meth_set_ctrl(method, bio_ctrl);
    }
    return method;
}

/* ---- begin and end ---- */

static int copy_host(struct tls *t, const char *host) {
    struct text name =
        sio__text_of(t->context->server_name[0] != '\0' ? t->context->server_name : host);
    if (name.len > 0 && name.data[name.len - 1] == '.') {
        name.len--; /* a fully qualified name is the same without its dot */
    }
    if (name.len >= sizeof t->host) {
        return SIO_ERR_INVALID;
    }
    if (name.len > 0) {
        memcpy(t->host, name.data, name.len);
    }
    return t->host[0] == '\0' && !t->context->insecure ? SIO_ERR_INVALID : 0;
}

/* RFC 6066 3: names are told to the server, addresses are not. */
static int expect_host(struct tls *t) {
    X509_VERIFY_PARAM *param = SSL_get0_param(t->ssl);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (X509_VERIFY_PARAM_set1_ip_asc(param, t->host) == 1) {
        return 0;
    }
    if (X509_VERIFY_PARAM_set1_host(param, t->host, 0) != 1 ||
        (t->host[0] != '\0' && SSL_set_tlsext_host_name(t->ssl, t->host) != 1)) {
        return SIO_ERR_NOMEM;
    }
    return 0;
}

static int begin(struct tls *t, const struct tls_peer *peer) {
    struct tls_context *c = t->context;
    t->ssl = SSL_new(c->ssl_ctx);
    BIO *bio = t->ssl == NULL ? NULL : BIO_new(c->bio_method);
    if (bio == NULL) {
        return SIO_ERR_NOMEM;
    }
    BIO_set_data(bio, t);
    SSL_set_bio(t->ssl, bio, bio);
    SSL_set_app_data(t->ssl, t);
    if (c->is_server) {
        SSL_set_accept_state(t->ssl);
        return 0;
    }
    int r = copy_host(t, peer == NULL ? NULL : peer->host);
    if (r == 0) {
        r = expect_host(t);
    }
    if (r == 0) {
        SSL_set_connect_state(t->ssl);
        sio__tls_context_resume(c, t->host, t->ssl);
    }
    return r;
}

int sio__tls_new(struct reactor *r, struct tls_context *c, const struct tls_peer *peer,
                 struct tls **ret_tls) {
    struct tls *t = sio__calloc(1, sizeof *t);
    if (t == NULL) {
        return SIO_ERR_NOMEM;
    }
    t->reactor = r;
    t->context = sio__tls_context_ref(c);
    if (r->tls_plain == NULL) {
        r->tls_plain = sio__malloc(TLS_PLAIN_BYTES);
    }
    ERR_clear_error();
    int status = r->tls_plain == NULL ? SIO_ERR_NOMEM : begin(t, peer);
    ERR_clear_error();
    if (status < 0) {
        sio__tls_free(t);
        return status;
    }
    *ret_tls = t;
    return 0;
}

void sio__tls_free(struct tls *t) {
    if (t == NULL) {
        return;
    }
    if (t->ssl != NULL && t->secured && t->status == 0) {
        /* Else OpenSSL takes its session for one that must not be resumed. */
        SSL_set_shutdown(t->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    }
    SSL_free(t->ssl);
    ERR_clear_error();
    if (t->out != NULL) {
        release_out(t);
    }
    sio__free(t->rest);
    sio__tls_context_free(t->context);
    sio__free(t);
}

/* ---- failures ---- */

static void describe(struct tls *t, const char *what, const char *detail) {
    (void)snprintf(t->error, sizeof t->error, "%s%s", what, detail);
}

static const char *version_name(int version) {
    switch (version) {
    case 0x0300: return "SSL 3.0";
    case 0x0301: return "TLS 1.0";
    case 0x0302: return "TLS 1.1";
    case 0x0303: return "TLS 1.2";
    default: return "an unknown one";
    }
}

static bool is_version_error(int reason) {
    return reason == SSL_R_UNSUPPORTED_PROTOCOL || reason == SSL_R_VERSION_TOO_LOW ||
           reason == SSL_R_WRONG_SSL_VERSION;
}

/* The hello of a peer that speaks TLS 1.3 names an old version, too, and a list of others. */
static void describe_version(struct tls *t) {
    const uint8_t *head = t->head;
    int version = head[HELLO_VERSION] << 8 | head[HELLO_VERSION + 1];
    if (t->head_len == TLS_HEAD_BYTES && head[RECORD_TYPE] == RECORD_HANDSHAKE &&
        head[HELLO_TYPE] <= 2 && version < (int)SSL_get_min_proto_version(t->ssl)) {
        describe(t, "protocol version too old: peer offers ", version_name(version));
    } else {
        describe(t, "no common protocol version", "");
    }
}

/* Alerts of the peer have names such as "tlsv1 alert unknown ca". */
static const char *alert_name(unsigned long error, const char *name) {
    static const char word[] = "alert ";
    const char *place = strstr(name, word);
    return ERR_GET_REASON(error) > SSL_AD_REASON_OFFSET && place != NULL ? place + sizeof word - 1
                                                                         : NULL;
}

/* Puts into words what OpenSSL has in its queue. */
static void describe_failure(struct tls *t) {
    unsigned long error = ERR_peek_error();
    const char *name = ERR_reason_error_string(error);
    const char *alert = name == NULL ? NULL : alert_name(error, name);
    const uint8_t *head = t->head;
    if (ERR_GET_REASON(error) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
        describe(t, X509_verify_cert_error_string(SSL_get_verify_result(t->ssl)), "");
    } else if (t->head_len > 0 && !t->secured &&
               (head[RECORD_TYPE] < RECORD_FIRST || head[RECORD_TYPE] > RECORD_LAST)) {
        describe(t, "peer does not speak TLS", "");
    } else if (is_version_error(ERR_GET_REASON(error))) {
        describe_version(t);
    } else if (alert != NULL) {
        describe(t, "peer has sent the alert: ", alert);
    } else {
        describe(t, name != NULL ? name : "failure without a reason", "");
    }
}

/* The last function of OpenSSL has failed for good. */
static int fail(struct tls *t) {
    t->status = t->status < 0 ? t->status : SIO_ERR_TLS;
    if (t->status == SIO_ERR_NOMEM) {
        describe(t, sio_strerror(SIO_ERR_NOMEM), "");
    } else {
        describe_failure(t);
    }
    ERR_clear_error();
    sio__tls_drop_input(t);
    return t->status;
}

int sio__tls_end(struct tls *t) {
    if (t->status == 0 && !t->secured) {
        t->status = SIO_ERR_TLS;
        describe(t, "peer closed during handshake", "");
    } else if (t->status == 0 && !t->closed) {
        describe(t, "peer closed without close_notify", "");
    }
    return t->status;
}

/* ---- input ---- */

void sio__tls_feed(struct tls *t, const void *data, size_t len) {
    assert(t->in_len == 0);
    t->in = data;
    t->in_len = len;
    if (t->head_len < TLS_HEAD_BYTES) {
        size_t n = TLS_HEAD_BYTES - (size_t)t->head_len;
        n = n < len ? n : len;
        memcpy(t->head + t->head_len, data, n);
        t->head_len += (uint8_t)n;
    }
}

void sio__tls_drop_input(struct tls *t) {
    t->in_len = 0;
    sio__free(t->rest);
    t->rest = NULL;
}

int sio__tls_keep(struct tls *t) {
    if (t->in_len == 0) {
        sio__tls_drop_input(t);
        return 0;
    }
    if (t->rest != NULL) {
        return 0; /* it is what `in` is in already */
    }
    t->rest = sio__malloc(t->in_len);
    if (t->rest == NULL) {
        t->status = SIO_ERR_NOMEM;
        return fail(t);
    }
    memcpy(t->rest, t->in, t->in_len);
    t->in = t->rest;
    return 0;
}

/* What the result of an SSL function means. */
static int event_of(struct tls *t, int result) {
    switch (SSL_get_error(t->ssl, result)) {
    case SSL_ERROR_WANT_READ: return TLS_MORE;
    case SSL_ERROR_WANT_WRITE: return TLS_FULL;
    case SSL_ERROR_ZERO_RETURN: t->closed = true; return TLS_CLOSED;
    default: return fail(t);
    }
}

int sio__tls_read(struct tls *t, uint8_t *dst, size_t *ret_len) {
    if (t->status < 0) {
        return t->status;
    }
    ERR_clear_error();
    if (!t->secured) {
        int result = SSL_do_handshake(t->ssl);
        if (result != 1) {
            return event_of(t, result);
        }
        t->secured = true;
        return TLS_SECURED;
    }
    size_t len = 0;
    int event = TLS_PLAIN;
    while (len < TLS_PLAIN_BYTES) {
        int n = SSL_read(t->ssl, dst + len, (int)(TLS_PLAIN_BYTES - len));
        if (n <= 0) {
            event = event_of(t, n);
            break;
        }
        len += (size_t)n;
    }
    /* Those bytes first: the event comes again. */
    if (len > 0) {
        *ret_len = len;
        return TLS_PLAIN;
    }
    return event;
}

/* ---- output ---- */

int sio__tls_write(struct tls *t, const void *data, size_t len) {
    assert(len > 0 && len <= TLS_PLAIN_BYTES);
    ERR_clear_error();
    int n = SSL_write(t->ssl, data, (int)len);
    if (n == (int)len) {
        return 0;
    }
    return SSL_get_error(t->ssl, n) == SSL_ERROR_WANT_READ ? 1 : fail(t);
}

int sio__tls_finish(struct tls *t) {
    ERR_clear_error();
    t->notified = true;
    return SSL_shutdown(t->ssl) < 0 ? fail(t) : 0;
}

/* ---- sessions ---- */

int sio__tls_on_session(SSL *ssl, SSL_SESSION *session) {
    const struct tls *t = SSL_get_app_data(ssl);
    sio__tls_context_keep(t->context, t->host, session);
    return 1;
}
