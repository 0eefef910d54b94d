/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "engineio/eio_handshake.h"

#include <sio/error.h>
#include <string.h>

#include "proto/value.h"

/* As timers of JavaScript have it, which servers set their times for. */
#define TIME_MAX_MS 0x7fffffffu

static int read_sid(const sio_val *v, char *ret_sid) {
    size_t len = 0;
    const char *sid = sio_val_str(v, &len);
    if (sid == NULL || len == 0 || len > EIO_SID_MAX) {
        return SIO_ERR_PROTO;
    }
    for (size_t i = 0; i < len; i++) {
        if (sid[i] <= ' ' || sid[i] > '~') {
            return SIO_ERR_PROTO;
        }
    }
    memcpy(ret_sid, sid, len);
    ret_sid[len] = '\0';
    return 0;
}

static int read_time(const sio_val *v, uint32_t *ret_ms) {
    uint64_t ms;
    if (sio_val_uint(v, &ms) < 0 || ms > TIME_MAX_MS) {
        return SIO_ERR_PROTO;
    }
    *ret_ms = (uint32_t)ms;
    return 0;
}

/* Older servers do not tell it, others say null for a limit that is infinite. */
static int read_max_payload(const sio_val *v, uint64_t *ret_bytes) {
    *ret_bytes = 0;
    return sio_val_is_null(v) || sio_val_uint(v, ret_bytes) == 0 ? 0 : SIO_ERR_PROTO;
}

static int read_upgrades(const sio_val *v, bool *ret_has_websocket) {
    if (sio_val_type(v) != SIO_ARRAY) {
        return SIO_ERR_PROTO;
    }
    bool found = false;
    sio_val_iter it = {0};
    for (const sio_val *e = sio_val_next(v, &it); e != NULL; e = sio_val_next(v, &it)) {
        const char *name = sio_val_str(e, NULL);
        if (name == NULL) {
            return SIO_ERR_PROTO;
        }
        found = found || strcmp(name, "websocket") == 0;
    }
    *ret_has_websocket = found;
    return 0;
}

int sio__eio_handshake_parse(struct text data, struct eio_handshake *ret) {
    struct value_doc doc;
    struct eio_handshake h = {.ping_interval_ms = 0};
    int r = sio__value_parse(NULL, data.data, data.len, &doc);
    if (r < 0) {
        return r;
    }
    r = read_sid(sio_val_get(doc.root, "sid"), h.sid);
    if (r == 0) {
        r = read_time(sio_val_get(doc.root, "pingInterval"), &h.ping_interval_ms);
    }
    if (r == 0) {
        r = read_time(sio_val_get(doc.root, "pingTimeout"), &h.ping_timeout_ms);
    }
    if (r == 0) {
        r = read_max_payload(sio_val_get(doc.root, "maxPayload"), &h.max_payload);
    }
    if (r == 0) {
        r = read_upgrades(sio_val_get(doc.root, "upgrades"), &h.has_websocket);
    }
    sio__value_release(&doc);
    if (r == 0 && h.ping_interval_ms == 0 && h.ping_timeout_ms == 0) {
        r = SIO_ERR_PROTO;
    }
    if (r == 0) {
        *ret = h;
    }
    return r;
}
