/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The steps of a link, each begun by the end of the one before. What a step is told comes from the
 * loop, so any of them may end the link; who has ended it returns at once.
 */
#include "engineio/link.h"

#include <arpa/inet.h>
#include <sio/error.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "net/dial.h"
#include "net/lookup.h"
#include "proto/url.h"

/* Room for "[host]:port (proxy)". */
#define PLACE_CHARS 300

/* So many addresses of a server are tried through a proxy that wants to be told them. */
#define ADDRESSES_MAX 8

/* Room for a description of a failure. */
#define TEXT_CHARS 400

enum link_step {
    LINK_LOOKUP,  /* of the server's address, for a proxy that wants to be told it */
    LINK_CONNECT, /* to the proxy, or else to the server */
    LINK_PROXY,
    LINK_TLS,
};

struct link {
    struct reactor *reactor;
    const struct link_target *target;
    const struct link_ops *ops; /* NULL: it has ended */
    void *owner;
    struct task begin;
    struct timer timeout;
    uint32_t timeout_ms;
    enum link_step step;
    struct lookup *lookup; /* these three in their steps, else NULL */
    struct dial *dial;
    struct stream *stream;
    struct proxy_dialogue dialogue;
    char addresses[ADDRESSES_MAX][INET6_ADDRSTRLEN]; /* of the server, from the lookup */
    unsigned address_count;
    unsigned address_at;   /* the one that is tried */
    char text[TEXT_CHARS]; /* why it failed */
};

/* ---- ending ---- */

static void stop(struct link *l) {
    l->ops = NULL;
    sio__task_cancel(&l->begin);
    sio__reactor_stop(l->reactor, &l->timeout);
    sio__lookup_cancel(l->lookup);
    sio__dial_cancel(l->dial);
    if (l->stream != NULL) {
        sio__stream_close(l->stream);
    }
}

void sio__link_cancel(struct link *l) {
    if (l == NULL || l->ops == NULL) {
        return;
    }
    stop(l);
    sio__free(l);
}

static void succeed(struct link *l) {
    const struct link_ops *ops = l->ops;
    struct stream *stream = l->stream;
    l->stream = NULL;
    stop(l);
    ops->on_ready(l->owner, stream);
    sio__free(l);
}

/* Ends it with the description in l->text. */
static void fail(struct link *l, int status) {
    const struct link_ops *ops = l->ops;
    stop(l);
    ops->on_failed(l->owner, status, l->text);
    sio__free(l);
}

/* Whom the step speaks to, or asks for. */
static void write_place(const struct link *l, char place[PLACE_CHARS]) {
    const struct link_target *target = l->target;
    bool is_proxy = target->proxy != NULL && (l->step == LINK_CONNECT || l->step == LINK_PROXY);
    const char *host = is_proxy ? target->proxy->host.data : target->host.data;
    unsigned port = is_proxy ? target->proxy->port : target->port;
    bool is_ipv6 = strchr(host, ':') != NULL;
    (void)snprintf(place, PLACE_CHARS, is_ipv6 ? "[%s]:%u%s" : "%s:%u%s", host, port,
                   is_proxy ? " (proxy)" : "");
}

/* As "connect ECONNREFUSED 127.0.0.1:3000". */
static void fail_with(struct link *l, int status) {
    static const char *const verbs[] = {
        [LINK_LOOKUP] = "getaddrinfo",
        [LINK_CONNECT] = "connect",
        [LINK_PROXY] = "tunnel",
        [LINK_TLS] = "TLS handshake",
    };
    char place[PLACE_CHARS];
    write_place(l, place);
    const char *name = status == SIO_ERR_TIMEOUT ? "timeout" : sio_errname(status);
    bool is_lookup = strncmp(name, "EAI_", 4) == 0;
    const char *hint = status == UV_EAI_NONAME ? " (name not known)" : "";
    (void)snprintf(l->text, sizeof l->text, "%s %s %s%s",
                   is_lookup ? verbs[LINK_LOOKUP] : verbs[l->step], name, place, hint);
    fail(l, status);
}

/* What the proxy did wrong. @param code  of its protocol, or 0 */
static void fail_at_proxy(struct link *l, int status, const char *rule, int code) {
    const struct proxy *proxy = l->target->proxy;
    char place[PLACE_CHARS];
    char number[24] = "";
    write_place(l, place);
    if (code != 0) {
        (void)snprintf(number, sizeof number, ", %s %d",
                       proxy->kind == PROXY_HTTP ? "status" : "code", code);
    }
    (void)snprintf(l->text, sizeof l->text, "%s%s: %s", rule, number, place);
    fail(l, status);
}

static void on_timeout(struct timer *t) {
    fail_with(SIO_CONTAINER_OF(t, struct link, timeout), SIO_ERR_TIMEOUT);
}

/* ---- TLS ---- */

static void secure(struct link *l) {
    if (l->target->tls == NULL) {
        succeed(l);
        return;
    }
    const struct tls_peer peer = {.host = l->target->host.data};
    l->step = LINK_TLS;
    int r = sio__stream_start_tls(l->stream, l->target->tls, &peer);
    if (r < 0) {
        fail_with(l, r);
    }
}

static void on_secured(struct stream *s) {
    succeed(sio__stream_owner(s));
}

/* ---- the proxy ---- */

/* Sends what the dialogue has to say next. */
static int ask_proxy(struct link *l) {
    struct buf out;
    sio__buf_init(&out, SIZE_MAX);
    int r = sio__proxy_dialogue_output(&l->dialogue, &out);
    if (r == 0) {
        r = sio__stream_write(l->stream, out.data, out.len, NULL, 0);
    }
    sio__buf_done(&out);
    return r;
}

static void begin_dialogue(struct link *l) {
    const struct link_target *target = l->target;
    bool has_address = l->address_count > 0;
    struct text host = has_address ? sio__text_of(l->addresses[l->address_at]) : target->host;
    l->step = LINK_PROXY;
    int r = sio__proxy_dialogue_init(&l->dialogue, target->proxy, host, target->port);
    if (r < 0) {
        fail_at_proxy(l, r, "the host, or the login, does not fit into the proxy's protocol", 0);
        return;
    }
    r = ask_proxy(l);
    if (r < 0) {
        fail_with(l, r);
    }
}

static void dial(struct link *l);

/* The proxy has understood, and refuses: another address may be within its reach. */
static bool try_next_address(struct link *l, const struct proxy_result *result) {
    bool is_refusal = result->status != 0 && result->error != SIO_ERR_PROTO;
    if (!is_refusal || l->address_at + 1 >= l->address_count) {
        return false;
    }
    l->address_at++;
    sio__stream_close(l->stream);
    l->stream = NULL;
    dial(l);
    return true;
}

static void on_input(struct stream *s, uint8_t *data, size_t len) {
    struct link *l = sio__stream_owner(s);
    struct proxy_result result;
    switch (sio__proxy_dialogue_feed(&l->dialogue, data, len, &result)) {
    case PROXY_MORE: {
        int r = ask_proxy(l);
        if (r < 0) {
            fail_with(l, r);
        }
        break;
    }
    case PROXY_DONE:
        /* In TLS and in HTTP it is the client who speaks first. */
        if (result.used < len) {
            fail_at_proxy(l, SIO_ERR_PROXY, "the proxy sent more than its answer", 0);
        } else if (sio__stream_pending(s) > 0) {
            fail_at_proxy(l, SIO_ERR_PROXY, "the proxy answered before it was asked", 0);
        } else {
            secure(l);
        }
        break;
    case PROXY_ERROR:
        if (try_next_address(l, &result)) {
            break;
        }
        /* Codes of the system are about the proxy's way to the server. */
        fail_at_proxy(l, result.error > SIO_ERR_NOMEM ? result.error : SIO_ERR_PROXY, result.rule,
                      result.status);
        break;
    }
}

/* ---- the stream ---- */

static void on_end(struct stream *s, int status) {
    struct link *l = sio__stream_owner(s);
    if (l->step == LINK_PROXY && status == 0) {
        fail_at_proxy(l, SIO_ERR_PROXY, "the proxy closed the connection", 0);
    } else if (status == 0 || status == SIO_ERR_TLS) {
        const char *why = sio__stream_tls_error(s);
        (void)snprintf(l->text, sizeof l->text, "%s",
                       why[0] != '\0' ? why : "peer closed during handshake");
        fail(l, SIO_ERR_TLS);
    } else {
        fail_with(l, status);
    }
}

static void on_drain(struct stream *s) {
    (void)s;
}

static const struct stream_ops link_stream_ops = {
    .on_input = on_input,
    .on_end = on_end,
    .on_drain = on_drain,
    .on_secured = on_secured,
};

static void on_dialled(void *owner, int result) {
    struct link *l = owner;
    l->dial = NULL;
    if (result < 0) {
        fail_with(l, result);
        return;
    }
    int r = sio__stream_open(l->reactor, result, &link_stream_ops, l, &l->stream);
    if (r < 0) {
        close(result);
        fail_with(l, r);
    } else if (l->target->proxy != NULL) {
        begin_dialogue(l);
    } else {
        secure(l);
    }
}

static void dial(struct link *l) {
    const struct link_target *target = l->target;
    const struct dial_options options = {
        .host = target->proxy != NULL ? target->proxy->host : target->host,
        .port = target->proxy != NULL ? target->proxy->port : target->port,
    };
    l->step = LINK_CONNECT;
    int r = sio__dial_start(l->reactor, &options, on_dialled, l, &l->dial);
    if (r < 0) {
        fail_with(l, r);
    }
}

/* ---- starting ---- */

/* Those of other families are left out. */
static void note_address(struct link *l, const struct sockaddr *address) {
    const void *number;
    if (address->sa_family == AF_INET) {
        number = &((const struct sockaddr_in *)(const void *)address)->sin_addr;
    } else if (address->sa_family == AF_INET6) {
        number = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    } else {
        return;
    }
    inet_ntop(address->sa_family, number, l->addresses[l->address_count], INET6_ADDRSTRLEN);
    l->address_count++;
}

static void on_looked_up(void *owner, int status, const struct addrinfo *list) {
    struct link *l = owner;
    l->lookup = NULL;
    if (status < 0) {
        fail_with(l, status);
        return;
    }
    for (; list != NULL && l->address_count < ADDRESSES_MAX; list = list->ai_next) {
        note_address(l, list->ai_addr);
    }
    dial(l);
}

static bool needs_lookup(const struct link_target *target) {
    uint8_t address[16];
    return target->proxy != NULL && target->proxy->resolve_locally &&
           sio__url_host(target->host, address) == URL_HOST_NAME;
}

/* Time counts from here, where the loop knows it. */
static void on_begin(struct task *task) {
    struct link *l = SIO_CONTAINER_OF(task, struct link, begin);
    if (l->timeout_ms > 0) {
        sio__reactor_start(l->reactor, &l->timeout, l->timeout_ms);
    }
    if (!needs_lookup(l->target)) {
        dial(l);
        return;
    }
    l->step = LINK_LOOKUP;
    int r = sio__lookup_start(l->reactor, l->target->host.data, on_looked_up, l, &l->lookup);
    if (r < 0) {
        fail_with(l, r);
    }
}

int sio__link_start(struct reactor *r, const struct link_target *target, uint32_t timeout_ms,
                    const struct link_ops *ops, void *owner, struct link **ret_link) {
    struct link *l = sio__calloc(1, sizeof *l);
    if (l == NULL) {
        return SIO_ERR_NOMEM;
    }
    l->reactor = r;
    l->target = target;
    l->ops = ops;
    l->owner = owner;
    l->timeout_ms = timeout_ms;
    sio__task_init(&l->begin, on_begin);
    sio__timer_init(&l->timeout, on_timeout);
    sio__task_queue(r, &l->begin);
    *ret_link = l;
    return 0;
}
