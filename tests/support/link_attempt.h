/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Attempts to link to a peer (peer.h), directly or as to a proxy, and what came of them. For the
 * server they are given a certificate, and there is a context with it.
 */
#ifndef SUPPORT_LINK_ATTEMPT_H
#define SUPPORT_LINK_ATTEMPT_H

#include "engineio/link.h"
#include "support/certs.h"
#include "support/peer.h"

#define ATTEMPT_SERVER "server.example" /* is only reached through proxies, at port 8443 */

extern struct cert *attempt_root;          /* the authority */
extern struct tls_context *attempt_server; /* for ATTEMPT_SERVER and 127.0.0.1, signed by it */

/** For cmocka_run_group_tests(): make and free these two, and replace the resolver (dialer.h). */
int attempt_setup(void **state);
int attempt_teardown(void **state);

/** Makes a context; failures fail the test. */
struct tls_context *attempt_context(const struct tls_options *o, bool is_server);

struct attempt {
    struct peer *peer;
    struct link_target target;
    struct proxy proxy;
    struct link *link;
    int calls;
    int status;
    char text[400];
    struct stream *stream;
    char in[64]; /* what the stream was sent */
    size_t in_len;
    bool cancels; /* in its callbacks */
    bool closes;  /* the stream, at once */
};

/** The callbacks of an attempt, for tests that start it themselves. */
extern const struct link_ops attempt_ops;

/** Directly to the peer. */
struct attempt attempt_direct(const struct peer *p);

/** To ATTEMPT_SERVER through the peer. @param login  "user:password", or "" */
void attempt_through(struct attempt *a, const struct peer *p, const char *scheme,
                     const char *login);

void attempt_start(struct attempt *a, struct peer *p, uint32_t timeout_ms);

/** True after its callback; for peer_run(). */
bool attempt_is_over(void *attempt);

/** Waits for its failure, and sees that nothing is left. @param format  of the text */
void attempt_expect_failure(struct attempt *a, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Waits for the stream, on which nothing has come yet, tries it in both directions, closes it. */
void attempt_expect_ready(struct attempt *a, struct peer_conn *c);

/** Closes the stream, if there is one. */
void attempt_close(struct attempt *a);

#endif /* SUPPORT_LINK_ATTEMPT_H */
