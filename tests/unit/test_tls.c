/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* One TLS connection over memory: bytes come in whatever pieces, or are changed on their way. */
#include "net/tls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/ssl.h>
#include <sio/error.h>

#include "base/alloc.h"
#include "support/certs.h"
#include "support/tls_pair.h"

static struct cert *root;
static struct cert *good;
static struct tls_context *contexts[2]; /* of client, of server */
static struct reactor reactor;          /* for its buffers only */
static struct tls *ends[2];
static int events[2]; /* the last of each */
static char text[2][64];
static size_t text_len[2];

static int setup(void **state) {
    (void)state;
    root = cert_make(&(struct cert_spec){.name = "root", .authority = true});
    good = cert_make(&(struct cert_spec){.name = "good", .alt = "DNS:localhost", .issuer = root});
    struct tls_options client = {.ca_pem = cert_pem(root)};
    struct tls_options server = {.cert_pem = cert_pem(good), .key_pem = cert_key(good)};
    contexts[0] = pair_context(&client, false);
    contexts[1] = pair_context(&server, true);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    sio__tls_context_free(contexts[0]);
    sio__tls_context_free(contexts[1]);
    sio__free(reactor.tls_plain);
    sio__free(reactor.tls_out);
    cert_free(good);
    cert_free(root);
    return 0;
}

static void read_all(int i) {
    size_t len = 0;
    do {
        events[i] = sio__tls_read(ends[i], reactor.tls_plain, &len);
        if (events[i] == TLS_PLAIN) {
            assert_true(text_len[i] + len <= sizeof text[i]);
            memcpy(text[i] + text_len[i], reactor.tls_plain, len);
            text_len[i] += len;
        }
    } while (events[i] == TLS_PLAIN || events[i] == TLS_SECURED);
}

static void begin(void) {
    struct tls_peer peer = {.host = "localhost"};
    assert_int_equal(sio__tls_new(&reactor, contexts[0], &peer, &ends[0]), 0);
    assert_int_equal(sio__tls_new(&reactor, contexts[1], NULL, &ends[1]), 0);
    memset(text_len, 0, sizeof text_len);
    read_all(0);
}

static void end(void) {
    sio__tls_free(ends[0]);
    sio__tls_free(ends[1]);
}

/* Carries up to n bytes to end i. @return whether there were some */
static bool carry(int i, size_t n) {
    struct tls *from = ends[1 - i];
    size_t unsent = sio__tls_unsent(from);
    n = n < unsent ? n : unsent;
    if (n == 0) {
        return false;
    }
    sio__tls_feed(ends[i], from->out + from->out_from, n);
    read_all(i);
    sio__tls_sent(from, n);
    return true;
}

static bool carry_both(size_t n) {
    bool any = carry(1, n);
    return carry(0, n) || any;
}

static void pieces_may_have_any_size(void **state) {
    (void)state;
    static const size_t sizes[] = {1, 2, 3, 5, 6, 100, 1000, TLS_OUT_BYTES};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        begin();
        while (carry_both(sizes[i])) {
        }
        assert_true(ends[0]->secured && ends[1]->secured);
        assert_int_equal(sio__tls_write(ends[0], "question", 8), 0);
        assert_int_equal(sio__tls_write(ends[1], "answer", 6), 0);
        assert_int_equal(sio__tls_finish(ends[1]), 0);
        assert_false(sio__tls_can_write(ends[1]));
        while (carry_both(sizes[i])) {
        }
        assert_int_equal(events[0], TLS_CLOSED);
        assert_int_equal(events[1], TLS_MORE);
        assert_memory_equal(text[1], "question", 8);
        assert_memory_equal(text[0], "answer", 6);
        assert_int_equal(sio__tls_end(ends[0]), 0);
        assert_string_equal(ends[0]->error, "");
        end();
    }
}

/* Changes the byte at `place` of what the server says first; false when it says less. */
static bool change(size_t place) {
    begin();
    (void)carry(1, TLS_OUT_BYTES);
    bool there = place < sio__tls_unsent(ends[1]);
    if (there) {
        ends[1]->out[ends[1]->out_from + place] ^= 0x55;
        (void)carry(0, TLS_OUT_BYTES);
        while (events[0] >= 0 && events[1] >= 0 && carry_both(TLS_OUT_BYTES)) {
        }
        /* It fails, or waits for the rest of a record that has become longer. */
        assert_true(events[0] < 0 || events[1] < 0 || !ends[0]->secured);
        for (int i = 0; i < 2; i++) {
            if (events[i] < 0) {
                assert_int_equal(events[i], SIO_ERR_TLS);
                assert_true(ends[i]->error[0] != '\0');
                size_t len;
                assert_int_equal(sio__tls_read(ends[i], reactor.tls_plain, &len), SIO_ERR_TLS);
                assert_false(sio__tls_can_write(ends[i]));
            }
        }
    }
    end();
    return there;
}

static void changed_handshakes_fail(void **state) {
    (void)state;
    size_t count = 0;
    /* Two bytes of the first two records are legacy versions, which nobody reads. */
    for (size_t place = 11; change(place); place += 7) {
        count++;
    }
    assert_true(count > 50);
}

static void changed_records_fail(void **state) {
    (void)state;
    for (size_t place = 5; place < 5 + 5 + 17; place++) {
        begin();
        while (carry_both(TLS_OUT_BYTES)) {
        }
        assert_int_equal(sio__tls_write(ends[0], "text!", 5), 0);
        assert_int_equal(sio__tls_unsent(ends[0]), 5 + 5 + 17);
        ends[0]->out[ends[0]->out_from + place] ^= 1;
        (void)carry(1, TLS_OUT_BYTES);
        assert_int_equal(events[1], SIO_ERR_TLS);
        assert_string_equal(ends[1]->error, "decryption failed or bad record mac");
        assert_int_equal(text_len[1], 0);
        assert_true(carry(0, TLS_OUT_BYTES)); /* the alert */
        assert_int_equal(events[0], SIO_ERR_TLS);
        assert_string_equal(ends[0]->error, "peer has sent the alert: bad record mac");
        end();
    }
}

static void output_is_bounded(void **state) {
    (void)state;
    static const uint8_t record[TLS_PLAIN_BYTES];
    begin();
    while (carry_both(TLS_OUT_BYTES)) {
    }
    size_t count = 0;
    while (sio__tls_can_write(ends[0])) {
        assert_int_equal(sio__tls_write(ends[0], record, sizeof record), 0);
        count++;
    }
    assert_int_equal(count, 2);
    assert_true(sio__tls_unsent(ends[0]) <= TLS_OUT_BYTES);
    end();
}

static void input_that_was_kept_is_read_later(void **state) {
    (void)state;
    begin();
    while (carry_both(TLS_OUT_BYTES)) {
    }
    uint8_t copy[128];
    assert_int_equal(sio__tls_write(ends[0], "one", 3), 0);
    assert_int_equal(sio__tls_write(ends[0], "two", 3), 0);
    size_t len = sio__tls_unsent(ends[0]);
    assert_true(len <= sizeof copy);
    memcpy(copy, ends[0]->out + ends[0]->out_from, len);
    sio__tls_feed(ends[1], copy, len);
    assert_int_equal(sio__tls_keep(ends[1]), 0);
    memset(copy, 0, sizeof copy);
    read_all(1);
    assert_int_equal(text_len[1], 6);
    assert_memory_equal(text[1], "onetwo", 6);
    end();
}

static int make_ticket_long(SSL *ssl, void *user) {
    static const uint8_t data[2000];
    (void)user;
    return SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), data, sizeof data);
}

/* A ticket that comes in several records: between two of them nothing can be written. */
static void messages_after_the_handshake_may_come_in_pieces(void **state) {
    (void)state;
    SSL_CTX_set_session_ticket_cb(contexts[1]->ssl_ctx, make_ticket_long, NULL, NULL);
    begin();
    assert_int_equal(SSL_set_max_send_fragment(ends[1]->ssl, 512), 1);
    size_t written = 0;
    size_t waited = 0;
    while (carry(0, 200) | carry(1, TLS_OUT_BYTES)) { /* both */
        if (ends[0]->secured && sio__tls_unsent(ends[1]) > 0) {
            int r = sio__tls_write(ends[0], "x", 1);
            assert_in_range(r, 0, 1);
            written += r == 0;
            waited += r == 1;
        }
        assert_true(written < sizeof text[1]);
    }
    assert_true(written > 0 && waited > 0);
    assert_int_equal(sio__tls_write(ends[0], "x", 1), 0);
    assert_int_equal(text_len[1], written);
    end();
    SSL_CTX_set_session_ticket_cb(contexts[1]->ssl_ctx, NULL, NULL, NULL);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_may_have_any_size),
        cmocka_unit_test(changed_handshakes_fail),
        cmocka_unit_test(changed_records_fail),
        cmocka_unit_test(output_is_bounded),
        cmocka_unit_test(input_that_was_kept_is_read_later),
        cmocka_unit_test(messages_after_the_handshake_may_come_in_pieces),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
