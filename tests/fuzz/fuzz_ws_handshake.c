/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The opening handshake of WebSocket. The input is lines of fields, behind the start of a request
 * that wants an upgrade. Held to be true of every request:
 * - the verdict is the same whether the head came in one piece or in several;
 * - a good one has an answer, in which only the subprotocol comes from the peer: a token;
 * - offers of extensions, once accepted, consist of tokens.
 */
#undef NDEBUG
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/ws_handshake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct http1_limits LIMITS = {HTTP1_HEAD_MAX, 200, 0};

struct verdict {
    enum http1_event event;
    enum ws_fault fault;
    char accept[WS_ACCEPT_LEN + 1];
    char protocol[64]; /* its begin */
    size_t protocol_len;
};

static void check_offers(const struct http1_head *head) {
    for (uint32_t i = 0; i < head->field_count; i++) {
        struct text name;
        struct text list;
        sio__http1_field_at(head, i, &name, &list);
        if (!sio__text_eq_nocase(name, SIO_TEXT("sec-websocket-extensions"))) {
            continue;
        }
        struct text extension;
        struct text params;
        int r = sio__ws_extension_next(&list, &extension, &params);
        for (; r == 1; r = sio__ws_extension_next(&list, &extension, &params)) {
            assert(sio__text_is_token(extension));
            struct text value;
            int p = sio__ws_param_next(&params, &name, &value);
            for (; p == 1; p = sio__ws_param_next(&params, &name, &value)) {
                assert(sio__text_is_token(name));
                assert(value.data == NULL || sio__text_is_token(value));
            }
            assert(p == 0);
        }
        assert(r == 0);
    }
}

static void check_answer(const struct ws_handshake *handshake) {
    struct buf out;
    sio__buf_init(&out, SIZE_MAX);
    int r = sio__ws_handshake_write(&out, handshake);
    assert(r == 0);
    r = sio__http1_write_end(&out);
    assert(r == 0);
    struct text rest = sio__buf_text(&out);
    struct text line;
    size_t lines = 0;
    while (sio__text_cut(&rest, '\n', &line)) {
        lines++;
    }
    assert(lines == (handshake->protocol.data != NULL ? 7 : 6));
    sio__buf_done(&out);
}

static struct verdict judge(const char *wire, size_t len, size_t cut) {
    struct http1_parser p;
    struct http1_result result;
    struct verdict verdict = {0};
    sio__http1_init(&p, &LIMITS);
    verdict.event = sio__http1_parse(&p, wire, cut, &result);
    if (verdict.event == HTTP1_MORE) {
        verdict.event = sio__http1_parse(&p, wire + cut, len - cut, &result);
    }
    if (verdict.event == HTTP1_HEAD) {
        struct ws_handshake handshake = {0};
        verdict.fault = sio__ws_handshake_check(&p.head, &handshake);
        if (verdict.fault == WS_FAULT_NONE) {
            assert(handshake.protocol.data == NULL || sio__text_is_token(handshake.protocol));
            check_offers(&p.head);
            check_answer(&handshake);
            memcpy(verdict.accept, handshake.accept, sizeof(verdict.accept));
            verdict.protocol_len = handshake.protocol.len;
            size_t n = handshake.protocol.len;
            n = n < sizeof(verdict.protocol) ? n : sizeof(verdict.protocol);
            if (n > 0) {
                memcpy(verdict.protocol, handshake.protocol.data, n);
            }
        } else {
            assert(sio__ws_fault_status(verdict.fault) >= 400);
            assert(strlen(sio__ws_fault_text(verdict.fault)) > 0);
        }
        struct text protocol;
        struct text offered = sio__http1_field(&p.head, "sec-websocket-protocol");
        sio__ws_handshake_check_answer(101, &p.head, "dGhlIHNhbXBsZSBub25jZQ==", offered,
                                       &protocol);
    }
    sio__http1_done(&p);
    return verdict;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char START[] = "GET / HTTP/1.1\r\nHost: a\r\n"
                                "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    static const char END[] = "\r\n\r\n";
    size_t len = strlen(START) + size + strlen(END);
    char *wire = malloc(len);
    assert(wire != NULL);
    memcpy(wire, START, strlen(START));
    if (size > 0) {
        memcpy(wire + strlen(START), data, size);
    }
    memcpy(wire + len - strlen(END), END, strlen(END));
    struct verdict whole = judge(wire, len, len);
    for (size_t i = 1; i < 4; i++) {
        struct verdict cut = judge(wire, len, len * i / 4);
        assert(cut.event == whole.event && cut.fault == whole.fault);
        assert(memcmp(cut.accept, whole.accept, sizeof(whole.accept)) == 0);
        assert(cut.protocol_len == whole.protocol_len);
        assert(memcmp(cut.protocol, whole.protocol, sizeof(whole.protocol)) == 0);
    }
    free(wire);
    return 0;
}
