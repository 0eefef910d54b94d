/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The data of an open packet, as a client reads it. Held to be true of every input:
 * - what was read is in its range, so that it can stand in a request and in a timer;
 * - it says the same with blanks behind it, and when it is written anew from what was read;
 * - nothing is written where it is refused, and no memory is kept.
 */
#undef NDEBUG
#include <assert.h>
#include <inttypes.h>
#include <sio/error.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "counting.h"
#include "engineio/eio_handshake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_sid(const char *sid) {
    size_t len = strlen(sid);
    assert(len > 0 && len <= EIO_SID_MAX);
    for (size_t i = 0; i < len; i++) {
        assert(sid[i] > ' ' && sid[i] <= '~');
    }
}

static void assert_same(const struct eio_handshake *a, const struct eio_handshake *b) {
    assert(strcmp(a->sid, b->sid) == 0);
    assert(a->ping_interval_ms == b->ping_interval_ms);
    assert(a->ping_timeout_ms == b->ping_timeout_ms);
    assert(a->max_payload == b->max_payload);
    assert(a->has_websocket == b->has_websocket);
}

/* As a server would write it. */
static void check_rewritten(const struct eio_handshake *h) {
    char sid[2 * EIO_SID_MAX + 1];
    char text[2 * EIO_SID_MAX + 256];
    size_t len = 0;
    for (const char *s = h->sid; *s != '\0'; s++) {
        if (*s == '"' || *s == '\\') {
            sid[len++] = '\\';
        }
        sid[len++] = *s;
    }
    sid[len] = '\0';
    int n = snprintf(text, sizeof text,
                     "{\"sid\":\"%s\",\"upgrades\":[%s],\"pingInterval\":%" PRIu32
                     ",\"pingTimeout\":%" PRIu32 ",\"maxPayload\":%" PRIu64 "}",
                     sid, h->has_websocket ? "\"websocket\"" : "", h->ping_interval_ms,
                     h->ping_timeout_ms, h->max_payload);
    assert(n > 0 && (size_t)n < sizeof text);
    struct eio_handshake again;
    int r = sio__eio_handshake_parse((struct text){text, (size_t)n}, &again);
    assert(r == 0);
    assert_same(h, &again);
}

static void check_with_blanks(struct text data, int result, const struct eio_handshake *h) {
    char *copy = malloc(data.len + 2);
    assert(copy != NULL);
    if (data.len > 0) {
        memcpy(copy, data.data, data.len);
    }
    memcpy(copy + data.len, "\n ", 2);
    struct eio_handshake again;
    int r = sio__eio_handshake_parse((struct text){copy, data.len + 2}, &again);
    assert(r == result);
    if (r == 0) {
        assert_same(h, &again);
    }
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct text text = {(const char *)data, size};
    struct eio_handshake before;
    struct eio_handshake h;
    count_memory();
    memset(&before, 0xa5, sizeof before);
    memset(&h, 0xa5, sizeof h);
    int r = sio__eio_handshake_parse(text, &h);
    assert(bytes_alive == 0);
    if (r < 0) {
        assert(r == SIO_ERR_PROTO || r == SIO_ERR_JSON);
        assert(memcmp(&before, &h, sizeof h) == 0);
    } else {
        assert(r == 0);
        check_sid(h.sid);
        assert(h.ping_interval_ms <= INT32_MAX && h.ping_timeout_ms <= INT32_MAX);
        assert(h.ping_interval_ms > 0 || h.ping_timeout_ms > 0);
        check_rewritten(&h);
    }
    check_with_blanks(text, r, &h);
    assert(bytes_alive == 0);
    return 0;
}
