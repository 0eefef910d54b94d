/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "net/outq.h"

#include <sio/error.h>
#include <string.h>

#include "base/alloc.h"
#include "net/reactor.h"

#define CHUNK_ROOM ((uint32_t)(OUTQ_CHUNK_BYTES - sizeof(struct outq_node)))

static void node_free(struct reactor *r, struct outq_node *node) {
    switch (node->kind) {
    case OUTQ_CHUNK:
        sio__slab_free(&r->chunk_slab, node);
        break;
    case OUTQ_HEAP:
        sio__free(node);
        break;
    default:
        if (node->shared != NULL) {
            r->release(r->release_context, node->shared);
        }
        sio__slab_free(&r->ref_slab, node);
        break;
    }
}

static void link_node(struct outq *q, struct outq_node *node) {
    node->next = NULL;
    if (q->tail != NULL) {
        q->tail->next = node;
    } else {
        q->head = node;
    }
    q->tail = node;
}

void sio__outq_clear(struct reactor *r, struct outq *q) {
    struct outq_node *node = q->head;
    *q = (struct outq){0};
    while (node != NULL) {
        struct outq_node *next = node->next;
        node_free(r, node);
        node = next;
    }
}

/* A new node with room for at least n bytes of its own. */
static struct outq_node *node_with_room(struct reactor *r, size_t n) {
    struct outq_node *node;
    if (n <= CHUNK_ROOM) {
        node = sio__slab_alloc(&r->chunk_slab);
        if (node == NULL) {
            return NULL;
        }
        node->kind = OUTQ_CHUNK;
        node->room = CHUNK_ROOM;
    } else {
        if (n > UINT32_MAX - sizeof *node) {
            return NULL;
        }
        node = sio__malloc(sizeof *node + n);
        if (node == NULL) {
            return NULL;
        }
        node->kind = OUTQ_HEAP;
        node->room = (uint32_t)n;
    }
    node->data = (const uint8_t *)(node + 1);
    node->len = 0;
    node->shared = NULL;
    return node;
}

static void node_put(struct outq_node *node, const void *data, size_t n) {
    if (n > 0) {
        memcpy((uint8_t *)(uintptr_t)node->data + node->len, data, n);
        node->len += (uint32_t)n;
        node->room -= (uint32_t)n;
    }
}

int sio__outq_append(struct reactor *r, struct outq *q, const void *head, size_t head_len, const void *body,
                     size_t body_len) {
    size_t n = head_len + body_len;
    struct outq_node *node = q->tail;
    if (node == NULL || node->kind == OUTQ_REF || node->room < n) {
        node = node_with_room(r, n);
        if (node == NULL) {
            return SIO_ERR_NOMEM;
        }
        link_node(q, node);
    }
    node_put(node, head, head_len);
    node_put(node, body, body_len);
    q->bytes += n;
    return 0;
}

int sio__outq_append_ref(struct reactor *r, struct outq *q, const void *data, size_t len, void *shared) {
    if (len > UINT32_MAX) {
        return SIO_ERR_TOO_BIG;
    }
    struct outq_node *node = sio__slab_alloc(&r->ref_slab);
    if (node == NULL) {
        return SIO_ERR_NOMEM;
    }
    *node = (struct outq_node){.data = data, .len = (uint32_t)len, .shared = shared, .kind = OUTQ_REF};
    link_node(q, node);
    q->bytes += len;
    return 0;
}

void sio__outq_consume(struct reactor *r, struct outq *q, size_t n) {
    q->bytes -= n;
    while (q->head != NULL && n >= q->head->len) {
        struct outq_node *node = q->head;
        n -= node->len;
        q->head = node->next;
        node_free(r, node);
    }
    if (q->head == NULL) {
        q->tail = NULL;
    } else {
        q->head->data += n;
        q->head->len -= (uint32_t)n;
    }
}

int sio__outq_peek(const struct outq *q, struct iovec *iov, int max) {
    int n = 0;
    for (const struct outq_node *node = q->head; node != NULL && n < max; node = node->next) {
        iov[n].iov_base = (void *)(uintptr_t)node->data;
        iov[n].iov_len = node->len;
        n++;
    }
    return n;
}

void sio__outq_copy(const struct outq *q, uint8_t *dst) {
    for (const struct outq_node *node = q->head; node != NULL; node = node->next) {
        memcpy(dst, node->data, node->len);
        dst += node->len;
    }
}
