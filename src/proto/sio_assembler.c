/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * All bytes of a waiting packet stand in one growing buffer: namespace, JSON, and the attachments,
 * each at an aligned place. Pointers into it are made only when the packet is complete, as the
 * buffer may move until then. Invariant: bytes.len <= charged <= max_bytes.
 */
#include "proto/sio_assembler.h"

#include <assert.h>
#include <string.h>

#include <sio/error.h>

#include "base/alloc.h"
#include "base/vec.h"
#include "proto/value.h"

/* The charge covers the entry in the table and the gap before the bytes. */
_Static_assert(ASSEMBLER_ATTACHMENT_COST >= sizeof(struct value_bytes) + ASSEMBLER_ALIGNMENT,
               "an attachment costs more than it is charged for");

/* With SIO_NO_POOL every packet has memory of its own, where checkers see it. */
#ifdef SIO_NO_POOL
#define KEEP_COUNT 0
#else
#define KEEP_COUNT ASSEMBLER_KEEP_COUNT
#endif

static size_t align(size_t offset) {
    return (offset + ASSEMBLER_ALIGNMENT - 1) & ~(size_t)(ASSEMBLER_ALIGNMENT - 1);
}

static enum packet_error error_of(int r) {
    return r == SIO_ERR_TOO_BIG ? PACKET_ATTACHMENTS_TOO_BIG : PACKET_NOMEM;
}

void sio__assembler_pool_init(struct assembler_pool *pool, size_t max_bytes) {
    *pool = (struct assembler_pool){.max_bytes = max_bytes};
}

static void free_assembler(struct sio_assembler *a) {
    sio__buf_done(&a->bytes);
    sio__free(a->attachments);
    sio__free(a);
}

void sio__assembler_pool_done(struct assembler_pool *pool) {
    assert(pool->in_use == 0);
    while (pool->idle) {
        struct sio_assembler *a = pool->idle;
        pool->idle = a->next;
        free_assembler(a);
    }
    pool->idle_count = 0;
}

static struct sio_assembler *take_assembler(struct assembler_pool *pool) {
    struct sio_assembler *a = pool->idle;
    if (a) {
        pool->idle = a->next;
        pool->idle_count--;
    } else {
        a = sio__calloc(1, sizeof *a);
        if (!a) {
            return NULL;
        }
        sio__buf_init(&a->bytes, pool->max_bytes);
    }
    a->next = NULL;
    a->count = 0;
    a->charged = 0;
    pool->in_use++;
    return a;
}

static void give_back(struct assembler_pool *pool, struct sio_assembler *a) {
    pool->in_use--;
    size_t memory = a->bytes.cap + a->cap * sizeof *a->attachments;
    if (memory > ASSEMBLER_KEEP_BYTES || pool->idle_count + 1 > KEEP_COUNT) {
        free_assembler(a);
        return;
    }
    sio__buf_clear(&a->bytes);
    a->next = pool->idle;
    pool->idle = a;
    pool->idle_count++;
}

enum packet_error sio__assembler_begin(struct assembler_pool *pool, struct sio_assembler **slot,
                                       const struct sio_packet *packet) {
    assert(packet->attachments > 0);
    if (*slot) {
        return PACKET_TEXT_WHILE_PENDING;
    }
    struct sio_assembler *a = take_assembler(pool);
    if (!a) {
        return PACKET_NOMEM;
    }
    a->packet = *packet;
    int r = sio__buf_append(&a->bytes, packet->nsp.data, packet->nsp.len);
    if (r == 0) {
        r = sio__buf_append(&a->bytes, packet->json.data, packet->json.len);
    }
    if (r < 0) {
        give_back(pool, a);
        return error_of(r);
    }
    a->charged = a->bytes.len;
    *slot = a;
    return PACKET_OK;
}

/* Makes the pointers, now that the buffer does not move any more. */
static void complete(struct sio_assembler *a) {
    const uint8_t *base = a->bytes.data;
    a->packet.nsp.data = (const char *)base;
    a->packet.json.data = (const char *)base + a->packet.nsp.len;
    size_t offset = a->packet.nsp.len + a->packet.json.len;
    for (uint32_t i = 0; i < a->count; i++) {
        offset = align(offset);
        a->attachments[i].data = base + offset;
        offset += a->attachments[i].len;
    }
}

enum packet_error sio__assembler_add(struct assembler_pool *pool, struct sio_assembler *a,
                                     const void *data, size_t len, bool *ret_complete) {
    if (!a || a->count == a->packet.attachments) {
        return PACKET_BINARY_UNEXPECTED;
    }
    size_t room = pool->max_bytes - a->charged;
    if (room < ASSEMBLER_ATTACHMENT_COST || len > room - ASSEMBLER_ATTACHMENT_COST) {
        return PACKET_ATTACHMENTS_TOO_BIG;
    }
    int r = sio__vec_reserve(&a->attachments, &a->cap, a->count + 1, sizeof *a->attachments);
    if (r < 0) {
        return error_of(r);
    }
    size_t gap = align(a->bytes.len) - a->bytes.len;
    r = sio__buf_reserve(&a->bytes, gap + len);
    if (r < 0) {
        return error_of(r);
    }
    uint8_t *end = a->bytes.data + a->bytes.len;
    memset(end, 0, gap);
    if (len > 0) {
        memcpy(end + gap, data, len);
    }
    a->bytes.len += gap + len;
    a->charged += ASSEMBLER_ATTACHMENT_COST + len;
    a->attachments[a->count++] = (struct value_bytes){.len = len};
    *ret_complete = a->count == a->packet.attachments;
    if (*ret_complete) {
        complete(a);
    }
    return PACKET_OK;
}

void sio__assembler_end(struct assembler_pool *pool, struct sio_assembler **slot) {
    struct sio_assembler *a = *slot;
    if (a) {
        *slot = NULL;
        give_back(pool, a);
    }
}
