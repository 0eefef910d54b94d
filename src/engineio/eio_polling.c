/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "engineio/eio_polling.h"

#include <assert.h>
#include <sio/error.h>
#include <sio/reason.h>

#include "base/alloc.h"
#include "engineio/exchange.h"
#include "proto/eio_payload.h"
#include "proto/value.h"

/* Memory of the scratch for base64 that is worth keeping. */
#define KEEP_BYTES 65536u

/* Answers that refuse tell why, in a short JSON object. */
#define REFUSAL_MAX   1024u
#define REFUSAL_CHARS 128

struct eio_polling {
    struct reactor *reactor;
    const struct eio_client_config *config;
    const struct eio_polling_ops *ops;
    void *owner;
    struct exchange *get;
    struct exchange *post;
    struct text sid;
    uint64_t post_timeout_ms;
    struct timer post_timer;
    struct buf get_target; /* of the requests on their way, for their cookies */
    struct buf post_target;
    struct buf bytes; /* scratch: decoded base64 */
    bool pausing;
    bool reading; /* gives out the packets of a payload */
    bool busy;    /* in a callback of the loop: it is freed later */
    bool dead;
};

/* ---- life ---- */

static void destroy(struct eio_polling *p) {
    sio__buf_done(&p->get_target);
    sio__buf_done(&p->post_target);
    sio__buf_done(&p->bytes);
    sio__free(p);
}

/* Ends all that could call back. */
static void stop(struct eio_polling *p) {
    sio__exchange_free(p->get);
    sio__exchange_free(p->post);
    p->get = NULL;
    p->post = NULL;
    sio__reactor_stop(p->reactor, &p->post_timer);
}

void sio__eio_polling_free(struct eio_polling *p) {
    if (p == NULL) {
        return;
    }
    stop(p);
    if (p->busy) {
        p->dead = true;
    } else {
        destroy(p);
    }
}

static void enter(struct eio_polling *p) {
    p->busy = true;
}

static void leave(struct eio_polling *p) {
    p->busy = false;
    if (p->dead) {
        destroy(p);
    }
}

static void fail(struct eio_polling *p, const struct eio_failure *why) {
    stop(p);
    p->ops->on_failed(p->owner, why);
}

/* What has gone wrong means another thing once there is a session. */
static int refine_cause(const struct eio_polling *p, int cause) {
    if (p->sid.len > 0 && cause == SIO_CAUSE_CONNECT_FAILED) {
        return SIO_CAUSE_CONNECTION_LOST;
    }
    return p->sid.len > 0 && cause == SIO_CAUSE_HANDSHAKE ? SIO_CAUSE_HTTP_SYNTAX : cause;
}

static void fail_request(struct eio_polling *p, const char *what, int cause, int status,
                         const char *text) {
    struct eio_failure why;
    sio__eio_failure_set(&why, refine_cause(p, cause), status, "%s: %s", what, text);
    fail(p, &why);
}

static void fail_get(struct eio_polling *p, int status) {
    fail_request(p, "xhr poll error", sio__eio_failure_cause(status), status, sio_strerror(status));
}

/* What servers of Engine.IO say beside a status that refuses: {"code":1,"message":"..."}. */
static void read_refusal(struct text body, char *ret_text) {
    struct value_doc doc;
    ret_text[0] = '\0';
    if (body.len == 0 || body.len > REFUSAL_MAX ||
        sio__value_parse(NULL, body.data, body.len, &doc) < 0) {
        return;
    }
    size_t len = 0;
    const char *message = sio_val_str(sio_val_get(doc.root, "message"), &len);
    if (message != NULL) {
        (void)sio__text_escape(ret_text, REFUSAL_CHARS, (struct text){message, len});
    }
    sio__value_release(&doc);
}

static void fail_answer(struct eio_polling *p, const char *what,
                        const struct exchange_answer *answer) {
    struct eio_failure why;
    char refusal[REFUSAL_CHARS];
    read_refusal(answer->body, refusal);
    sio__eio_failure_set(&why, SIO_CAUSE_HTTP_STATUS, SIO_ERR_HTTP, "%s: status %d%s%s", what,
                         answer->status, refusal[0] == '\0' ? "" : ", ", refusal);
    fail(p, &why);
}

/* ---- requests ---- */

static int start_request(struct eio_polling *p, struct exchange *x, struct buf *target,
                         struct exchange_request *request) {
    struct buf fields;
    sio__buf_init(&fields, SIZE_MAX);
    sio__buf_clear(target);
    int r = sio__eio_request_target(p->config, p->reactor, SIO_POLLING, p->sid, target);
    if (r == 0 && request->body.len > 0) {
        r = sio__buf_append_str(&fields, "Content-type: text/plain;charset=UTF-8\r\n");
    }
    if (r == 0) {
        r = sio__eio_request_cookies(p->config, sio__buf_text(target), &fields);
    }
    if (r == 0) {
        request->target = sio__buf_text(target);
        request->fields = sio__buf_text(&fields);
        r = sio__exchange_start(x, request);
    }
    sio__buf_done(&fields);
    return r;
}

static int start_get(struct eio_polling *p) {
    struct exchange_request request = {.method = SIO_TEXT("GET")};
    return start_request(p, p->get, &p->get_target, &request);
}

int sio__eio_polling_post(struct eio_polling *p, struct text payload) {
    struct exchange_request request = {.method = SIO_TEXT("POST"), .body = payload};
    int r = start_request(p, p->post, &p->post_target, &request);
    if (r == 0) {
        sio__reactor_start(p->reactor, &p->post_timer, p->post_timeout_ms);
    }
    return r;
}

bool sio__eio_polling_posting(const struct eio_polling *p) {
    return p->post != NULL && sio__exchange_busy(p->post);
}

void sio__eio_polling_set_session(struct eio_polling *p, struct text sid,
                                  uint64_t post_timeout_ms) {
    p->sid = sid;
    p->post_timeout_ms = post_timeout_ms;
}

/* ---- pause ---- */

static bool is_quiet(const struct eio_polling *p) {
    return !p->reading && !sio__exchange_busy(p->get) && !sio__exchange_busy(p->post);
}

static void tell_if_paused(struct eio_polling *p) {
    if (!p->dead && p->get != NULL && p->pausing && is_quiet(p)) {
        p->ops->on_paused(p->owner);
    }
}

void sio__eio_polling_pause(struct eio_polling *p) {
    p->pausing = true;
    assert(!is_quiet(p)); /* there is always a GET */
}

int sio__eio_polling_resume(struct eio_polling *p) {
    p->pausing = false;
    return p->reading || sio__exchange_busy(p->get) ? 0 : start_get(p);
}

/* ---- answers to GET ---- */

/* The packet as the payload has it: text stands behind its type there. */
static struct text raw_packet(const struct eio_packet *packet) {
    return packet->binary ? packet->data
                          : (struct text){packet->data.data - 1, packet->data.len + 1};
}

/* @return false when the transport has failed or is gone */
static bool read_payload(struct eio_polling *p, struct text body) {
    struct eio_payload payload;
    struct eio_packet packet;
    sio__eio_payload_init(&payload, body, &p->bytes);
    int r = sio__eio_payload_next(&payload, &packet);
    while (r > 0) {
        p->ops->on_packet(p->owner, &packet, raw_packet(&packet));
        if (p->dead) {
            return false;
        }
        r = sio__eio_payload_next(&payload, &packet);
    }
    sio__buf_shrink(&p->bytes, KEEP_BYTES);
    if (r == SIO_ERR_PROTO) {
        struct eio_failure why;
        sio__eio_failure_set(&why, SIO_CAUSE_ENGINE_SYNTAX, r, "server error");
        fail(p, &why);
    } else if (r < 0) {
        fail_get(p, r);
    }
    return r == 0;
}

static void take_payload(struct eio_polling *p, struct text body) {
    p->reading = true;
    bool goes_on = read_payload(p, body);
    p->reading = false;
    if (!goes_on) {
        return;
    }
    if (p->pausing) {
        tell_if_paused(p);
        return;
    }
    int r = start_get(p);
    if (r < 0) {
        fail_get(p, r);
    }
}

static void on_get_answer(void *owner, const struct exchange_answer *answer) {
    struct eio_polling *p = owner;
    enter(p);
    sio__eio_request_keep_cookies(p->config, sio__buf_text(&p->get_target), answer->head);
    if (answer->status == 200) {
        take_payload(p, answer->body);
    } else {
        fail_answer(p, "xhr poll error", answer);
    }
    leave(p);
}

static void on_get_failed(void *owner, int cause, int status, const char *text) {
    struct eio_polling *p = owner;
    enter(p);
    fail_request(p, "xhr poll error", cause, status, text);
    leave(p);
}

static const struct exchange_ops get_ops = {on_get_answer, on_get_failed};

/* ---- answers to POST ---- */

static void on_post_answer(void *owner, const struct exchange_answer *answer) {
    struct eio_polling *p = owner;
    enter(p);
    sio__reactor_stop(p->reactor, &p->post_timer);
    sio__eio_request_keep_cookies(p->config, sio__buf_text(&p->post_target), answer->head);
    if (answer->status == 200) {
        p->ops->on_posted(p->owner);
        tell_if_paused(p);
    } else {
        fail_answer(p, "xhr post error", answer);
    }
    leave(p);
}

static void on_post_failed(void *owner, int cause, int status, const char *text) {
    struct eio_polling *p = owner;
    enter(p);
    fail_request(p, "xhr post error", cause, status, text);
    leave(p);
}

static const struct exchange_ops post_ops = {on_post_answer, on_post_failed};

static void on_post_timer(struct timer *t) {
    struct eio_polling *p = SIO_CONTAINER_OF(t, struct eio_polling, post_timer);
    on_post_failed(p, SIO_CAUSE_CONNECT_FAILED, SIO_ERR_TIMEOUT,
                   "no answer within the time of the heartbeat");
}

/* ---- opening ---- */

int sio__eio_polling_new(struct reactor *r, const struct eio_client_config *config,
                         const struct eio_polling_ops *ops, void *owner,
                         struct eio_polling **ret_polling) {
    struct eio_polling *p = sio__calloc(1, sizeof *p);
    size_t max = config->max_message_bytes;
    if (p == NULL) {
        return SIO_ERR_NOMEM;
    }
    p->reactor = r;
    p->config = config;
    p->ops = ops;
    p->owner = owner;
    sio__timer_init(&p->post_timer, on_post_timer);
    sio__buf_init(&p->get_target, EIO_REQUEST_MAX);
    sio__buf_init(&p->post_target, EIO_REQUEST_MAX);
    sio__buf_init(&p->bytes, max < SIZE_MAX - 8 ? max + 8 : SIZE_MAX);
    p->get = sio__exchange_new(r, &config->server, &get_ops, p);
    p->post = sio__exchange_new(r, &config->server, &post_ops, p);
    int status = p->get == NULL || p->post == NULL ? SIO_ERR_NOMEM : start_get(p);
    if (status < 0) {
        sio__eio_polling_free(p);
        return status;
    }
    *ret_polling = p;
    return 0;
}
