/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "socketio/answers.h"

#include <sio/error.h>
#include <string.h>

#include "base/alloc.h"
#include "base/vec.h"
#include "socketio/cluster.h"

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
        sio__ack_free(SIO_CONTAINER_OF(node, struct ack_wait, group_link));
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

/* One receiver has answered, or left. */
static void on_answer(sio_socket *s, int status, sio_event *reply, void *user) {
    struct answer_group *g = user;
    (void)s;
    if (status == 0 && g->on_answer != NULL) {
        g->on_answer(g->user, sio__args_at(&reply->args, 0));
    } else if (status == 0) {
        status = sio__group_answer(g, reply->args.json, reply->args.attachments,
                                   reply->args.attachment_count, true);
    }
    g->lost += status < 0 ? 1 : 0;
    sio__group_check(g);
}

int sio__group_add(struct answer_group *g, struct server_socket *s, uint64_t id) {
    struct ack_wait *w = sio__ack_new(&s->base, id);
    if (w == NULL) {
        return SIO_ERR_NOMEM;
    }
    w->fn = on_answer;
    w->user = g;
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
