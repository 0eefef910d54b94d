/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Packets with attachments, against a simple model. The input is a list of steps, two bytes each:
 * what is done on which of a few connections, and how long the text or attachment is. Held to be
 * true:
 * - text and attachments are accepted, refused and completed exactly as the model says;
 * - a complete packet has the bytes that were given, in their order;
 * - no connection holds more than the limit, whatever comes.
 */
#undef NDEBUG
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "proto/sio_assembler.h"
#include "proto/value.h"

enum { CONNECTIONS = 4, MAX_BYTES = 700, MAX_ATTACHMENTS = 12, TEXT_HEAD = 3 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a connection should hold. */
struct model {
    uint32_t expected; /* attachments announced; 0: nothing waits */
    uint32_t count;
    size_t text_len;
    size_t charged;
    size_t lens[MAX_ATTACHMENTS];
    uint8_t fill[MAX_ATTACHMENTS];
};

struct connection {
    struct sio_assembler *assembler;
    struct model model;
};

static bool is_filled(const void *data, size_t len, uint8_t byte) {
    const uint8_t *p = data;
    for (size_t i = 0; i < len; i++) {
        if (p[i] != byte) {
            return false;
        }
    }
    return true;
}

static void begin(struct assembler_pool *pool, struct connection *c, uint32_t attachments,
                  size_t len) {
    char json[256];
    memset(json, 'j', sizeof json);
    struct sio_packet packet = {.type = SIO_PACKET_BINARY_EVENT,
                                .attachments = attachments,
                                .nsp = SIO_TEXT("/ab"),
                                .json = {json, len},
                                .id = len,
                                .has_id = true};
    enum packet_error error = sio__assembler_begin(pool, &c->assembler, &packet);
    memset(json, '#', sizeof json);
    if (c->model.expected > 0) {
        assert(error == PACKET_TEXT_WHILE_PENDING);
        return;
    }
    assert(error == PACKET_OK);
    c->model = (struct model){.expected = attachments, .text_len = len, .charged = TEXT_HEAD + len};
}

static void check_complete(const struct connection *c) {
    const struct sio_assembler *a = c->assembler;
    const struct model *m = &c->model;
    assert(sio__text_eq(a->packet.nsp, SIO_TEXT("/ab")));
    assert(a->packet.json.len == m->text_len);
    assert(is_filled(a->packet.json.data, m->text_len, 'j'));
    assert(a->packet.id == m->text_len && a->count == m->count);
    for (uint32_t i = 0; i < m->count; i++) {
        assert(a->attachments[i].len == m->lens[i]);
        assert(a->attachments[i].data);
        assert(is_filled(a->attachments[i].data, m->lens[i], m->fill[i]));
    }
}

static void add(struct assembler_pool *pool, struct connection *c, size_t len, uint8_t fill) {
    uint8_t bytes[1024];
    memset(bytes, fill, sizeof bytes);
    struct model *m = &c->model;
    bool complete = false;
    enum packet_error error = sio__assembler_add(pool, c->assembler, bytes, len, &complete);
    memset(bytes, '#', sizeof bytes);
    if (m->count == m->expected) {
        assert(error == PACKET_BINARY_UNEXPECTED);
        return;
    }
    size_t charged = m->charged + len + ASSEMBLER_ATTACHMENT_COST;
    if (charged > MAX_BYTES) {
        assert(error == PACKET_ATTACHMENTS_TOO_BIG && !complete);
        return;
    }
    assert(error == PACKET_OK);
    m->charged = charged;
    m->lens[m->count] = len;
    m->fill[m->count++] = fill;
    assert(complete == (m->count == m->expected));
    if (complete) {
        check_complete(c);
    }
}

static void step(struct assembler_pool *pool, struct connection *c, uint8_t op, uint8_t argument) {
    switch (op >> 2 & 3) {
    case 0: begin(pool, c, 1 + (op >> 4) % MAX_ATTACHMENTS, argument); break;
    case 1:
        sio__assembler_end(pool, &c->assembler);
        assert(!c->assembler);
        c->model = (struct model){0};
        break;
    default: add(pool, c, (size_t)argument << (op >> 6 & 2), op); break;
    }
    const struct sio_assembler *a = c->assembler;
    assert((a != NULL) == (c->model.expected > 0));
    if (a) {
        assert(a->charged == c->model.charged && a->charged <= MAX_BYTES);
        assert(a->bytes.len <= a->charged && a->bytes.cap <= MAX_BYTES);
        assert(a->count == c->model.count && a->count <= MAX_ATTACHMENTS);
        assert(sio__assembler_admit_text(a) == PACKET_TEXT_WHILE_PENDING);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct assembler_pool pool;
    sio__assembler_pool_init(&pool, MAX_BYTES);
    struct connection connections[CONNECTIONS] = {0};
    for (size_t i = 0; i + 1 < size; i += 2) {
        step(&pool, &connections[data[i] % CONNECTIONS], data[i], data[i + 1]);
    }
    for (size_t i = 0; i < CONNECTIONS; i++) {
        sio__assembler_end(&pool, &connections[i].assembler);
    }
    assert(pool.in_use == 0 && pool.idle_count <= CONNECTIONS);
    sio__assembler_pool_done(&pool);
    return 0;
}
