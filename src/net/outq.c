/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "net/outq.h"

#include <sio/error.h>
#include <string.h>

#include "base/alloc.h"
#include "net/reactor.h"

/* A block's bytes follow its node. */
#define BLOCK_HEADER offsetof(struct outq_node, u.refs[1])
#define CHUNK_ROOM   ((uint32_t)(OUTQ_CHUNK_BYTES - BLOCK_HEADER))

_Static_assert(sizeof(struct outq_node) == 128, "two cache lines");

static void release(struct reactor *r, struct outq_ref *ref) {
    if (ref->shared != NULL) {
        r->release(r->release_context, ref->shared);
    }
}

static void node_free(struct reactor *r, struct outq_node *node) {
    switch (node->kind) {
    case OUTQ_CHUNK: sio__slab_free(&r->chunk_slab, node); break;
    case OUTQ_HEAP: sio__free(node); break;
    default:
        for (; node->first < node->count; node->first++) {
            release(r, &node->u.refs[node->first]);
        }
        sio__slab_free(&r->ref_slab, node);
        break;
    }
}

static void link_node(struct outq *q, struct outq_node *node) {
    if (q->tail != NULL) {
        node->next = q->tail->next;
        q->tail->next = node;
    } else {
        node->next = node;
    }
    q->tail = node;
}

void sio__outq_clear(struct reactor *r, struct outq *q) {
    struct outq_node *node = q->tail == NULL ? NULL : q->tail->next;
    if (node != NULL) {
        q->tail->next = NULL;
    }
    *q = (struct outq){0};
    while (node != NULL) {
        struct outq_node *next = node->next;
        node_free(r, node);
        node = next;
    }
}

/* A new block with room for at least n bytes. */
static struct outq_node *new_block(struct reactor *r, size_t n) {
    struct outq_node *node;
    if (n <= CHUNK_ROOM) {
        node = sio__slab_alloc(&r->chunk_slab);
        if (node == NULL) {
            return NULL;
        }
        node->kind = OUTQ_CHUNK;
        node->room = CHUNK_ROOM;
    } else {
        if (n > UINT32_MAX - BLOCK_HEADER) {
            return NULL;
        }
        node = sio__malloc(BLOCK_HEADER + n);
        if (node == NULL) {
            return NULL;
        }
        node->kind = OUTQ_HEAP;
        node->room = (uint32_t)n;
    }
    node->u.block.data = (uint8_t *)node + BLOCK_HEADER;
    node->u.block.len = 0;
    return node;
}

uint8_t *sio__outq_extend(struct reactor *r, struct outq *q, size_t n) {
    struct outq_node *node = q->tail;
    if (node == NULL || node->kind == OUTQ_REF || node->room < n) {
        node = new_block(r, n);
        if (node == NULL) {
            return NULL;
        }
        link_node(q, node);
    }
    uint8_t *end = node->u.block.data + node->u.block.len;
    node->u.block.len += (uint32_t)n;
    node->room -= (uint32_t)n;
    q->bytes += n;
    return end;
}

static void put(uint8_t *to, const void *data, size_t n) {
    if (n > 0) {
        memcpy(to, data, n);
    }
}

int sio__outq_append(struct reactor *r, struct outq *q, const void *head, size_t head_len,
                     const void *body, size_t body_len) {
    uint8_t *end = sio__outq_extend(r, q, head_len + body_len);
    if (end == NULL) {
        return SIO_ERR_NOMEM;
    }
    put(end, head, head_len);
    put(end + head_len, body, body_len);
    return 0;
}

int sio__outq_append_ref(struct reactor *r, struct outq *q, const void *data, size_t len,
                         void *shared) {
    size_t offset = (size_t)((const uint8_t *)data - (const uint8_t *)shared);
    if (len > UINT32_MAX || offset > UINT32_MAX) {
        return SIO_ERR_TOO_BIG;
    }
    struct outq_node *node = q->tail;
    if (node == NULL || node->kind != OUTQ_REF || node->count == OUTQ_REFS) {
        node = sio__slab_alloc(&r->ref_slab);
        if (node == NULL) {
            return SIO_ERR_NOMEM;
        }
        node->kind = OUTQ_REF;
        node->first = 0;
        node->count = 0;
        node->room = 0;
        link_node(q, node);
    }
    node->u.refs[node->count] = (struct outq_ref){shared, (uint32_t)offset, (uint32_t)len};
    node->count++;
    q->bytes += len;
    return 0;
}

/* Takes up to n bytes off a node, and returns how many. */
static size_t consume_refs(struct reactor *r, struct outq_node *node, size_t n) {
    size_t done = 0;
    while (node->first < node->count) {
        struct outq_ref *ref = &node->u.refs[node->first];
        if (n - done < ref->len) {
            ref->offset += (uint32_t)(n - done);
            ref->len -= (uint32_t)(n - done);
            return n;
        }
        done += ref->len;
        node->first++;
        release(r, ref);
    }
    return done;
}

static size_t consume_block(struct outq_node *node, size_t n) {
    size_t done = n < node->u.block.len ? n : node->u.block.len;
    node->u.block.data += done;
    node->u.block.len -= (uint32_t)done;
    return done;
}

static bool is_empty(const struct outq_node *node) {
    return node->kind == OUTQ_REF ? node->first == node->count : node->u.block.len == 0;
}

void sio__outq_consume(struct reactor *r, struct outq *q, size_t n) {
    q->bytes -= n;
    while (q->tail != NULL) {
        struct outq_node *node = q->tail->next;
        n -= node->kind == OUTQ_REF ? consume_refs(r, node, n) : consume_block(node, n);
        if (!is_empty(node)) {
            return;
        }
        if (node == q->tail) {
            q->tail = NULL;
        } else {
            q->tail->next = node->next;
        }
        node_free(r, node);
    }
}

/* Piece i of a node; false past its last one. */
static bool piece(const struct outq_node *node, unsigned i, struct iovec *ret) {
    if (node->kind != OUTQ_REF) {
        *ret = (struct iovec){node->u.block.data, node->u.block.len};
        return i == 0;
    }
    i += node->first;
    if (i >= node->count) {
        return false;
    }
    const struct outq_ref *ref = &node->u.refs[i];
    *ret = (struct iovec){ref->shared + ref->offset, ref->len};
    return true;
}

/* The node to look at after `node`, NULL for the first; NULL behind the last one. */
static const struct outq_node *next_node(const struct outq *q, const struct outq_node *node) {
    if (node == q->tail) {
        return NULL;
    }
    return node == NULL ? q->tail->next : node->next;
}

int sio__outq_peek(const struct outq *q, struct iovec *iov, int max) {
    int n = 0;
    for (const struct outq_node *node = next_node(q, NULL); node != NULL;
         node = next_node(q, node)) {
        for (unsigned i = 0; n < max && piece(node, i, &iov[n]); i++) {
            n++;
        }
    }
    return n;
}

bool sio__outq_single(const struct outq *q, struct iovec *ret_piece) {
    struct iovec second;
    return q->tail->next == q->tail && piece(q->tail, 0, ret_piece) && !piece(q->tail, 1, &second);
}

void sio__outq_copy(const struct outq *q, uint8_t *dst) {
    for (const struct outq_node *node = next_node(q, NULL); node != NULL;
         node = next_node(q, node)) {
        struct iovec from;
        for (unsigned i = 0; piece(node, i, &from); i++) {
            memcpy(dst, from.iov_base, from.iov_len);
            dst += from.iov_len;
        }
    }
}
