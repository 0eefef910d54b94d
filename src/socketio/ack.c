/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "socketio/ack.h"

#include <sio/error.h>
#include <string.h>

#include "base/alloc.h"
#include "base/vec.h"
#include "socketio/cluster.h"

const char *sio__ack_key(const void *item, size_t *ret_len) {
    *ret_len = sizeof(struct ack_key);
    return (const char *)&((const struct ack_wait *)item)->key;
}

static struct ack_wait *find(const sio_socket *s, uint64_t id) {
    struct ack_key key = {id, s};
    return sio__map_find(&s->ns->waits, &key, sizeof key);
}

static void on_timeout(struct timer *t);

static struct ack_wait *new_wait(sio_socket *s, uint64_t id) {
    sio_server *server = s->ns->server;
    struct ack_wait *w = sio__slab_alloc(&server->wait_slab);
    if (w == NULL) {
        return NULL;
    }
    memset(w, 0, sizeof *w);
    w->key = (struct ack_key){id, s};
    if (sio__map_insert(&s->ns->waits, w) < 0) {
        sio__slab_free(&server->wait_slab, w);
        return NULL;
    }
    sio__list_init(&w->link);
    sio__list_init(&w->group_link);
    sio__timer_init(&w->timer, on_timeout);
    sio__list_push_back(&s->waits, &w->link);
    return w;
}

static void free_wait(struct ack_wait *w) {
    sio_ns *ns = w->key.socket->ns;
    sio__map_remove(&ns->waits, &w->key, sizeof w->key);
    sio__list_remove(&w->link);
    sio__list_remove(&w->group_link);
    sio__reactor_stop(&ns->server->reactor, &w->timer);
    sio__slab_free(&ns->server->wait_slab, w);
}

/* ---- one client ---- */

static void fail(struct ack_wait *w, int status) {
    sio_socket *s = (sio_socket *)(uintptr_t)w->key.socket;
    sio_ack_fn fn = w->fn;
    void *user = w->user;
    free_wait(w);
    fn(s, status, NULL, user);
}

static void on_timeout(struct timer *t) {
    fail(SIO_CONTAINER_OF(t, struct ack_wait, timer), SIO_ERR_TIMEOUT);
}

void sio__ack_fail_all(sio_socket *s) {
    struct list *node = sio__list_first(&s->waits);
    while (node != NULL) {
        struct ack_wait *w = SIO_CONTAINER_OF(node, struct ack_wait, link);
        if (w->group != NULL) {
            struct answer_group *g = w->group;
            free_wait(w);
            g->lost++;
            sio__group_check(g);
        } else {
            fail(w, SIO_ERR_CLOSED);
        }
        node = sio__list_first(&s->waits);
    }
}

static void receive_one(struct ack_wait *w, sio_socket *s, const struct value_args *args) {
    sio_event reply = {.args = *args, .socket = s, .name = {"", 0}};
    sio_ack_fn fn = w->fn;
    void *user = w->user;
    free_wait(w);
    fn(s, 0, &reply, user);
}

static void receive_group(struct ack_wait *w, const struct value_args *args) {
    struct answer_group *g = w->group;
    free_wait(w);
    if (g->on_answer != NULL) {
        g->on_answer(g->user, sio__args_at(args, 0));
    } else if (sio__group_answer(g, args->json, args->attachments, args->attachment_count, true) <
               0) {
        g->lost++;
    }
    sio__group_check(g);
}

void sio__ack_receive(sio_socket *s, const struct sio_packet *packet, const struct value_doc *doc,
                      const struct value_bytes *attachments, uint32_t count) {
    struct ack_wait *w = packet->has_id ? find(s, packet->id) : NULL;
    if (w == NULL || doc->root == NULL) {
        return; /* nobody waits for it */
    }
    struct value_args args = {.root = doc->root,
                              .first = 0,
                              .json = packet->json,
                              .attachments = attachments,
                              .attachment_count = count};
    if (w->group != NULL) {
        receive_group(w, &args);
    } else {
        receive_one(w, s, &args);
    }
}

static int check_options(const sio_ack_options *ack, sio_ack_options *ret) {
    if (ack == NULL || ack->size < sizeof ack->size) {
        return SIO_ERR_INVALID;
    }
    memset(ret, 0, sizeof *ret);
    memcpy(ret, ack, ack->size < sizeof *ret ? ack->size : sizeof *ret);
    return ret->fn != NULL ? 0 : SIO_ERR_INVALID;
}

/* Sends what was packed with `id`, and waits. */
static int send_and_wait(sio_socket *s, const sio_ack_options *ack, uint64_t id) {
    struct ack_wait *w = new_wait(s, id);
    if (w == NULL) {
        return SIO_ERR_NOMEM;
    }
    w->fn = ack->fn;
    w->user = ack->user;
    int r = sio__emit_packed(s, ack->flags);
    if (r < 0) {
        free_wait(w);
        return r;
    }
    if (ack->timeout_ms != 0 && ack->timeout_ms != SIO_NEVER) {
        sio__reactor_start(&s->ns->server->reactor, &w->timer, ack->timeout_ms);
    }
    return r;
}

int sio_emit_ack(sio_socket *s, const sio_ack_options *ack, const char *event, const char *format,
                 ...) {
    sio_ack_options options;
    if (s == NULL || event == NULL || format == NULL || check_options(ack, &options) < 0) {
        return SIO_ERR_INVALID;
    }
    if (s->state != SOCKET_CONNECTED && s->state != SOCKET_PENDING) {
        return SIO_ERR_CLOSED;
    }
    uint64_t id = s->ns->next_ack;
    va_list args;
    va_start(args, format);
    int r = sio__pack_event(&s->ns->server->packer, sio__ns_text(s->ns), true, id,
                            sio__text_of(event), format, &args);
    va_end(args);
    if (r < 0) {
        return r;
    }
    s->ns->next_ack++;
    return send_and_wait(s, &options, id);
}

int sio_emit_ack_msg(sio_socket *s, const sio_ack_options *ack, sio_msg *msg) {
    sio_ack_options options;
    if (s == NULL || msg == NULL || check_options(ack, &options) < 0) {
        return SIO_ERR_INVALID;
    }
    if (s->state != SOCKET_CONNECTED && s->state != SOCKET_PENDING) {
        return SIO_ERR_CLOSED;
    }
    uint64_t id = s->ns->next_ack;
    int r = sio__pack_event_msg(&s->ns->server->packer, sio__ns_text(s->ns), true, id, msg);
    if (r < 0) {
        return r;
    }
    s->ns->next_ack++;
    return send_and_wait(s, &options, id);
}

/* ---- many ---- */

static void on_group_timeout(struct timer *t);
static void on_group_task(struct task *task);

struct answer_group *sio__group_new(sio_server *server, uint32_t timeout_ms) {
    struct answer_group *g = sio__calloc(1, sizeof *g);
    if (g != NULL) {
        g->server = server;
        sio__list_push_back(&server->groups, &g->link);
        sio__list_init(&g->waits);
        sio__timer_init(&g->timer, on_group_timeout);
        sio__task_init(&g->task, on_group_task);
        sio__engine_start(&server->engine, &g->timer, timeout_ms);
    }
    return g;
}

static void drop_waits(struct answer_group *g) {
    struct list *node = sio__list_first(&g->waits);
    while (node != NULL) {
        free_wait(SIO_CONTAINER_OF(node, struct ack_wait, group_link));
        node = sio__list_first(&g->waits);
    }
}

void sio__group_free(struct answer_group *g) {
    if (g->request != NULL) {
        g->request->group = NULL; /* answers that come later go nowhere */
    }
    for (uint32_t i = 0; i < g->answers.len; i++) {
        sio__value_release(&g->answers.items[i].doc);
        sio__free(g->answers.items[i].attachments);
    }
    sio__free(g->answers.items);
    sio__list_remove(&g->link);
    sio__reactor_stop(&g->server->reactor, &g->timer);
    sio__task_cancel(&g->task);
    sio__free(g);
}

void sio__group_abort(struct answer_group *g) {
    drop_waits(g);
    sio__group_free(g);
}

int sio__group_add(struct answer_group *g, sio_socket *s, uint64_t id) {
    struct ack_wait *w = new_wait(s, id);
    if (w == NULL) {
        return SIO_ERR_NOMEM;
    }
    w->group = g;
    sio__list_push_back(&g->waits, &w->group_link);
    return 0;
}

static void end_group(struct answer_group *g, int status) {
    drop_waits(g);
    if (g->fn != NULL) {
        g->fn(status, &g->answers, g->user);
    } else if (g->on_done != NULL) {
        g->on_done(g->user);
    }
    sio__group_free(g);
}

static void on_group_timeout(struct timer *t) {
    end_group(SIO_CONTAINER_OF(t, struct answer_group, timer), SIO_ERR_TIMEOUT);
}

static void on_group_task(struct task *task) {
    sio__group_check(SIO_CONTAINER_OF(task, struct answer_group, task));
}

void sio__group_check(struct answer_group *g) {
    bool local_open = !sio__list_empty(&g->waits);
    bool remote_open =
        g->remote_open || (g->remote_status == 0 && g->remote_came < g->remote_expected);
    if (local_open || remote_open) {
        return;
    }
    int status = g->lost > 0 ? SIO_ERR_CLOSED : 0;
    end_group(g, g->remote_status < 0 ? g->remote_status : status);
}

void sio__group_ready(struct answer_group *g) {
    if (sio__list_empty(&g->waits) && !g->remote_open) {
        sio__task_queue(&g->server->reactor, &g->task);
    }
}

static void close_group(struct answer_group *g) {
    if (!sio__list_empty(&g->waits) || g->remote_open || g->remote_came < g->remote_expected) {
        g->lost++;
    }
    drop_waits(g);
    g->remote_open = false;
    g->remote_expected = g->remote_came;
    sio__group_check(g);
}

void sio__groups_close(sio_server *server) {
    /* Those that their callbacks make meanwhile come behind the last one, and end by themselves. */
    const struct list *last = server->groups.prev;
    bool done = sio__list_empty(&server->groups);
    while (!done) {
        struct list *node = server->groups.next;
        done = node == last;
        close_group(SIO_CONTAINER_OF(node, struct answer_group, link));
    }
}

/* Copies of attachments: the table and the bytes in one block. */
static struct value_bytes *copy_attachments(const struct value_bytes *from, uint32_t count) {
    size_t size = sizeof *from * count;
    for (uint32_t i = 0; i < count; i++) {
        size += from[i].len;
    }
    struct value_bytes *copy = sio__malloc(size);
    if (copy == NULL) {
        return NULL;
    }
    uint8_t *bytes = (uint8_t *)(copy + count);
    for (uint32_t i = 0; i < count; i++) {
        if (from[i].len > 0) {
            memcpy(bytes, from[i].data, from[i].len);
        }
        copy[i] = (struct value_bytes){bytes, from[i].len};
        bytes += from[i].len;
    }
    return copy;
}

int sio__group_answer(struct answer_group *g, struct text json,
                      const struct value_bytes *attachments, uint32_t count, bool is_array) {
    struct sio_answers *a = &g->answers;
    int r = sio__vec_reserve(&a->items, &a->cap, a->len + 1, sizeof *a->items);
    if (r < 0) {
        return r;
    }
    struct answer_item item = {.is_array = is_array};
    r = sio__value_parse(NULL, json.data, json.len, &item.doc);
    if (r == 0 && count > 0) {
        item.attachments = copy_attachments(attachments, count);
        r = item.attachments != NULL ? sio__value_bind(&item.doc, item.attachments, count)
                                     : SIO_ERR_NOMEM;
    }
    if (r < 0) {
        sio__value_release(&item.doc);
        sio__free(item.attachments);
        return r;
    }
    a->items[a->len] = item;
    a->len++;
    return 0;
}

size_t sio_answers_count(const sio_answers *answers) {
    return answers != NULL ? answers->len : 0;
}

const sio_val *sio_answers_at(const sio_answers *answers, size_t index) {
    if (answers == NULL || index >= answers->len) {
        return NULL;
    }
    const struct answer_item *item = &answers->items[index];
    return item->is_array ? sio_val_at(item->doc.root, 0) : item->doc.root;
}
