/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* Acknowledgements that are waited for, and the table in which they are found. */
#include <sio/error.h>

#include "base/alloc.h"
#include "base/slab.h"
#include "socketio/socket_base.h"

/* ---- the table ---- */

#define TABLE_BITS_MIN 3u
#define TABLE_BITS_MAX 30u

/* Ids count up: those of a client, of a client's socket, are beside each other, each in a list of
 * its own. Sockets that wait for the same id are apart: multiplied by the golden ratio, of which
 * the upper bits depend on all of the factor (Knuth, "The Art of Computer Programming", 6.4). */
static struct ack_wait **list_of(const struct ack_table *t, uint64_t id, const sio_socket *s) {
    uint64_t place = (uint64_t)(uintptr_t)s * UINT64_C(0x9e3779b97f4a7c15) >> 32;
    return &t->lists[(id + place) & ((UINT64_C(1) << t->bits) - 1)];
}

static void table_put(struct ack_table *t, struct ack_wait *w) {
    struct ack_wait **list = list_of(t, w->id, w->socket);
    w->next = *list;
    *list = w;
}

static int table_resize(struct ack_table *t, uint32_t bits) {
    struct ack_table to = {.bits = bits, .count = t->count, .spare = t->spare};
    to.lists = sio__calloc((size_t)1 << bits, sizeof *to.lists);
    if (to.lists == NULL) {
        return SIO_ERR_NOMEM;
    }
    for (size_t i = 0; t->lists != NULL && i < (size_t)1 << t->bits; i++) {
        for (struct ack_wait *w = t->lists[i]; w != NULL; w = t->lists[i]) {
            t->lists[i] = w->next;
            table_put(&to, w);
        }
    }
    sio__free(t->lists);
    *t = to;
    return 0;
}

static int table_insert(struct ack_table *t, struct ack_wait *w) {
    if (t->lists == NULL || t->count >> t->bits > 0) {
        /* A longer list does as well where there is no memory. */
        int r = t->bits < TABLE_BITS_MAX
                    ? table_resize(t, t->lists == NULL ? TABLE_BITS_MIN : t->bits + 1)
                    : 0;
        if (r < 0 && t->lists == NULL) {
            return r;
        }
    }
    table_put(t, w);
    t->count++;
    return 0;
}

static struct ack_wait *table_find(const struct ack_table *t, uint64_t id, const sio_socket *s) {
    struct ack_wait *w = t->lists != NULL ? *list_of(t, id, s) : NULL;
    while (w != NULL && (w->id != id || w->socket != s)) {
        w = w->next;
    }
    return w;
}

static void table_remove(struct ack_table *t, const struct ack_wait *w) {
    struct ack_wait **at = list_of(t, w->id, w->socket);
    while (*at != w) {
        at = &(*at)->next;
    }
    *at = w->next;
    t->count--;
    if (t->bits > TABLE_BITS_MIN && t->count < (UINT32_C(1) << t->bits) / 8) {
        (void)table_resize(t, t->bits - 1);
    }
}

void sio__ack_table_done(struct ack_table *t) {
    sio__free(t->lists);
    *t = (struct ack_table){0};
}

/* ---- answers ---- */

static void on_timeout(struct timer *t) {
    struct ack_wait *w = SIO_CONTAINER_OF(t, struct ack_wait, timer);
    if (w->socket->state == SOCKET_GONE && !w->always_told) {
        sio__ack_free(w); /* a client that is being freed tells nobody */
    } else {
        sio__ack_fail(w, w->status);
    }
}

/* Under load each answer is followed by the next question, which takes its memory. The last wait
 * leaves nothing behind. */
static struct ack_wait *take_memory(struct socket_home *home) {
    struct ack_wait *w = home->waits.spare;
    if (w == NULL) {
        return sio__slab_alloc(home->wait_slab);
    }
    home->waits.spare = NULL;
    return w;
}

static bool keeps_spare(const struct ack_table *t) {
#ifdef SIO_NO_POOL
    (void)t;
    return false;
#else
    return t->spare == NULL && t->count > 0;
#endif
}

static void give_memory(struct socket_home *home, struct ack_wait *w) {
    struct ack_table *t = &home->waits;
    if (keeps_spare(t)) {
        t->spare = w;
        return;
    }
    sio__slab_free(home->wait_slab, w);
    if (t->count == 0) {
        sio__slab_free(home->wait_slab, t->spare);
        t->spare = NULL;
    }
}

struct ack_wait *sio__ack_new(sio_socket *s, uint64_t id) {
    struct socket_home *home = s->home;
    struct ack_wait *w = take_memory(home);
    if (w == NULL) {
        return NULL;
    }
    w->id = id;
    w->socket = s;
    w->unsent = NULL;
    w->status = SIO_ERR_TIMEOUT;
    w->always_told = false;
    w->fn = NULL;
    w->user = NULL;
    if (table_insert(&home->waits, w) < 0) {
        give_memory(home, w);
        return NULL;
    }
    sio__list_init(&w->link);
    sio__list_init(&w->group_link);
    sio__timer_init(&w->timer, on_timeout);
    sio__list_push_back(&s->waits, &w->link);
    return w;
}

void sio__ack_free(struct ack_wait *w) {
    struct socket_home *home = w->socket->home;
    if (w->unsent != NULL) {
        home->ops->unsend(w);
    }
    table_remove(&home->waits, w);
    sio__list_remove(&w->link);
    sio__list_remove(&w->group_link);
    sio__reactor_stop(home->reactor, &w->timer);
    give_memory(home, w);
}

void sio__ack_start(struct ack_wait *w, uint32_t timeout_ms) {
    if (timeout_ms != 0 && timeout_ms != SIO_NEVER) {
        sio__reactor_start(w->socket->home->reactor, &w->timer, timeout_ms);
    }
}

/* Ends the wait before it is told of: the callback may ask anew. */
static void end(struct ack_wait *w, int status, sio_event *reply) {
    sio_socket *s = w->socket;
    sio_ack_fn fn = w->fn;
    void *user = w->user;
    sio__ack_free(w);
    const char *oldest = (const char *)s->waits.next; /* its answer is likely to come next */
    __builtin_prefetch(oldest);
    __builtin_prefetch(oldest + 64);
    fn(s, status, reply, user);
}

void sio__ack_fail(struct ack_wait *w, int status) {
    end(w, status, NULL);
}

void sio__ack_fail_all(sio_socket *s) {
    struct list asked; /* now; callbacks may ask anew */
    sio__list_init(&asked);
    sio__list_splice(&asked, &s->waits);
    struct list *node = sio__list_first(&asked);
    while (node != NULL && s->state != SOCKET_GONE) { /* a client may be freed in a callback */
        struct ack_wait *w = SIO_CONTAINER_OF(node, struct ack_wait, link);
        if (w->unsent != NULL) {
            sio__list_remove(node);
            sio__list_push_back(&s->waits, node);
        } else {
            sio__ack_fail(w, SIO_ERR_CLOSED);
        }
        node = sio__list_first(&asked);
    }
    if (node != NULL) {
        sio__list_splice(&s->waits, &asked);
    }
}

void sio__ack_receive(sio_socket *s, const struct sio_packet *packet, const struct value_doc *doc,
                      const struct value_bytes *attachments, uint32_t count) {
    if (!packet->has_id || doc->root == NULL) {
        return;
    }
    struct ack_wait *w = table_find(&s->home->waits, packet->id, s);
    if (w == NULL || w->unsent != NULL) {
        return; /* nobody waits for it, or nothing was asked yet */
    }
    sio_event reply = {.args = {.root = doc->root,
                                .first = 0,
                                .json = packet->json,
                                .attachments = attachments,
                                .attachment_count = count},
                       .socket = s,
                       .name = {"", 0}};
    end(w, 0, &reply);
}
