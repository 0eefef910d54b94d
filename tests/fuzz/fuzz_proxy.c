/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Answers of proxies. The first byte of the input chooses the proxy, the rest is what it sends; the
 * client asks as soon as it is its turn. Held to be true of every answer:
 * - cut anywhere, it has the same outcome, and as many bytes are left to the tunnel;
 * - the client asks at most three times, and nothing after the end;
 * - an error has a code and a text, and stays.
 */
#undef NDEBUG
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    enum proxy_event event;
    struct proxy_result result;
    size_t used;
    size_t questions;
};

static size_t ask(struct proxy_dialogue *d) {
    struct buf out;
    sio__buf_init(&out, SIZE_MAX);
    int r = sio__proxy_dialogue_output(d, &out);
    assert(r == 0);
    size_t asked = out.len > 0 ? 1 : 0;
    sio__buf_done(&out);
    return asked;
}

/*
 * Runs the answer, cut at places that the seed tells; seed 0 makes pieces of one byte. SOCKS5 has
 * two bytes in answer to all but the last question, and the proxy may not go on without the next.
 */
static struct outcome run(const struct proxy *proxy, const uint8_t *data, size_t size,
                          uint32_t seed) {
    struct proxy_dialogue d;
    struct outcome outcome = {.event = PROXY_MORE};
    int r = sio__proxy_dialogue_init(&d, proxy, SIO_TEXT("h.example"), 443);
    assert(r == 0);
    outcome.questions = ask(&d);
    while (outcome.used < size && outcome.event == PROXY_MORE) {
        size_t n = 1;
        if (seed != 0) {
            seed = seed * 1664525u + 1013904223u;
            n = 1 + (seed >> 8) % (1u << (seed >> 24) % 12);
        }
        if (proxy->kind == PROXY_SOCKS5 && outcome.used < 4) {
            n = n < 2 - outcome.used % 2 ? n : 2 - outcome.used % 2;
        }
        n = n < size - outcome.used ? n : size - outcome.used;
        uint8_t *piece = malloc(n);
        assert(piece != NULL);
        memcpy(piece, data + outcome.used, n);
        outcome.event = sio__proxy_dialogue_feed(&d, piece, n, &outcome.result);
        free(piece);
        assert(outcome.result.used <= n);
        assert(outcome.event != PROXY_MORE || outcome.result.used == n);
        outcome.used += outcome.result.used;
        outcome.questions += ask(&d);
    }
    if (outcome.event != PROXY_MORE) {
        struct proxy_result again;
        assert(sio__proxy_dialogue_feed(&d, "x", 1, &again) == outcome.event && again.used == 0);
        assert(ask(&d) == 0);
    }
    return outcome;
}

static void check(const struct proxy *proxy, const struct outcome *outcome) {
    size_t most = proxy->kind == PROXY_HTTP ? 1 : proxy->user.data != NULL ? 3 : 2;
    assert(outcome->questions <= most);
    assert(outcome->used <= PROXY_HEAD_MAX);
    if (outcome->event == PROXY_ERROR) {
        assert(outcome->result.error < 0 && strlen(outcome->result.rule) > 0);
        assert(outcome->result.status >= 0 && outcome->result.status <= 999);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct proxy proxies[] = {
        {.kind = PROXY_HTTP},
        {.kind = PROXY_SOCKS5},
        {.kind = PROXY_SOCKS5, .user = {"user", 4}, .password = {"pass", 4}},
    };
    if (size == 0) {
        return 0;
    }
    const struct proxy *proxy = &proxies[data[0] % 3];
    struct outcome bytewise = run(proxy, data + 1, size - 1, 0);
    check(proxy, &bytewise);
    for (uint32_t seed = 1; seed < 4; seed++) {
        struct outcome cut = run(proxy, data + 1, size - 1, seed * 2654435761u);
        assert(cut.event == bytewise.event && cut.used == bytewise.used);
        assert(cut.questions == bytewise.questions);
        if (cut.event == PROXY_ERROR) {
            assert(cut.result.error == bytewise.result.error);
            assert(cut.result.status == bytewise.result.status);
            assert(cut.result.rule == bytewise.result.rule);
        }
    }
    return 0;
}
