/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Building messages. Every step begins with begin_value() or the like, which checks whether it
 * fits, and ends with end_step(), which takes back what a failed step has written.
 */
#include "proto/msg.h"

#include <string.h>

#include <sio/error.h>

#include "base/alloc.h"
#include "proto/pack.h"
#include "proto/value.h"

/* ---- life ---- */

static void free_attachments(sio_msg *m, uint32_t from) {
    for (uint32_t i = from; i < m->attachments.len; i++) {
        sio__free((void *)m->attachments.items[i].data);
    }
    m->attachments.len = from;
}

static void free_msg(sio_msg *m) {
    free_attachments(m, 0);
    sio__json_attachments_done(&m->attachments);
    sio__buf_done(&m->text);
    sio__free(m);
}

int sio_msg_new(sio_msg **ret_msg, const char *event) {
    if (sio__event_name_reserved(sio__text_of(event))) {
        return SIO_ERR_RESERVED;
    }
    sio_msg *m = sio__calloc(1, sizeof(*m));
    if (!m) {
        return SIO_ERR_NOMEM;
    }
    atomic_init(&m->refs, 1);
    atomic_init(&m->sealed, false);
    sio__buf_init(&m->text, MSG_MAX_BYTES);
    if (event) {
        m->has_event = true;
        int r = sio__json_write_string(&m->text, sio__text_of(event));
        if (r < 0) {
            free_msg(m);
            return r;
        }
    }
    *ret_msg = m;
    return 0;
}

sio_msg *sio_msg_ref(sio_msg *m) {
    if (m) {
        atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
    }
    return m;
}

void sio_msg_unref(sio_msg *m) {
    if (m && atomic_fetch_sub_explicit(&m->refs, 1, memory_order_acq_rel) == 1) {
        free_msg(m);
    }
}

int sio_msg_error(const sio_msg *m) {
    return m ? m->error : SIO_ERR_NOMEM;
}

int sio__msg_seal(sio_msg *m) {
    int r = sio_msg_error(m);
    if (r < 0) {
        return r;
    }
    if (m->depth > 0) {
        return SIO_ERR_FORMAT;
    }
    if (!atomic_load_explicit(&m->sealed, memory_order_relaxed)) {
        atomic_store_explicit(&m->sealed, true, memory_order_relaxed);
    }
    return 0;
}

/* ---- steps ---- */

static bool in_object(const sio_msg *m) {
    return m->depth > 0 && ((m->objects >> (m->depth - 1)) & 1) != 0;
}

/* True behind a key; no value ends with a colon. */
static bool after_key(const sio_msg *m) {
    return m->text.len > 0 && m->text.data[m->text.len - 1] == ':';
}

/* Why a step cannot be done, or 0. */
static int refusal(const sio_msg *m) {
    if (m && atomic_load_explicit(&m->sealed, memory_order_relaxed)) {
        return SIO_ERR_STATE;
    }
    return sio_msg_error(m);
}

/* Ends a step: on failure the text is cut back to the mark and the error stays. */
static int end_step(sio_msg *m, size_t mark, int r) {
    if (r < 0) {
        m->text.len = mark;
        m->error = r;
    }
    return r;
}

static int begin_value(sio_msg *m, size_t *ret_mark) {
    int r = refusal(m);
    if (r < 0) {
        return r;
    }
    *ret_mark = m->text.len;
    r = in_object(m) && !after_key(m) ? SIO_ERR_FORMAT : sio__json_separate(&m->text);
    return end_step(m, *ret_mark, r);
}

static size_t length_of(const char *s, size_t len) {
    return len == SIO_NUL ? strlen(s) : len;
}

int sio_msg_add_str(sio_msg *m, const char *s, size_t len) {
    size_t mark;
    int r = begin_value(m, &mark);
    if (r < 0) {
        return r;
    }
    if (!s) {
        return end_step(m, mark, SIO_ERR_INVALID);
    }
    return end_step(m, mark, sio__json_write_string(&m->text, (struct text){s, length_of(s, len)}));
}

int sio_msg_add_int(sio_msg *m, int64_t value) {
    size_t mark;
    int r = begin_value(m, &mark);
    return r < 0 ? r : end_step(m, mark, sio__json_write_int(&m->text, value));
}

int sio_msg_add_uint(sio_msg *m, uint64_t value) {
    size_t mark;
    int r = begin_value(m, &mark);
    return r < 0 ? r : end_step(m, mark, sio__json_write_uint(&m->text, value));
}

int sio_msg_add_real(sio_msg *m, double value) {
    size_t mark;
    int r = begin_value(m, &mark);
    return r < 0 ? r : end_step(m, mark, sio__json_write_real(&m->text, value));
}

int sio_msg_add_bool(sio_msg *m, bool value) {
    size_t mark;
    int r = begin_value(m, &mark);
    return r < 0 ? r : end_step(m, mark, sio__buf_append_str(&m->text, value ? "true" : "false"));
}

int sio_msg_add_null(sio_msg *m) {
    size_t mark;
    int r = begin_value(m, &mark);
    return r < 0 ? r : end_step(m, mark, sio__buf_append(&m->text, "null", 4));
}

/* Gives the attachments from a number on bytes of their own; those that fail are dropped. */
static int own_attachments(sio_msg *m, uint32_t from) {
    for (uint32_t i = from; i < m->attachments.len; i++) {
        struct value_bytes *bytes = &m->attachments.items[i];
        uint8_t *copy = sio__malloc(bytes->len);
        if (!copy) {
            m->attachments.len = i;
            free_attachments(m, from);
            return SIO_ERR_NOMEM;
        }
        if (bytes->len > 0) {
            memcpy(copy, bytes->data, bytes->len);
        }
        bytes->data = copy;
    }
    return 0;
}

int sio_msg_add_bytes(sio_msg *m, const void *data, size_t len) {
    size_t mark;
    int r = begin_value(m, &mark);
    if (r < 0) {
        return r;
    }
    if (len > MSG_MAX_BYTES || (!data && len > 0)) {
        return end_step(m, mark, data ? SIO_ERR_TOO_BIG : SIO_ERR_INVALID);
    }
    uint32_t number = m->attachments.len;
    r = sio__json_write_placeholder(&m->text, number);
    if (r == 0) {
        r = sio__json_attach(&m->attachments, data, len);
    }
    return end_step(m, mark, r < 0 ? r : own_attachments(m, number));
}

int sio_msg_add_json(sio_msg *m, const char *json, size_t len) {
    size_t mark;
    int r = begin_value(m, &mark);
    if (r < 0) {
        return r;
    }
    if (!json) {
        return end_step(m, mark, SIO_ERR_INVALID);
    }
    struct text text = {json, length_of(json, len)};
    struct value_doc doc;
    r = sio__value_parse(NULL, text.data, text.len, &doc);
    if (r < 0) {
        return end_step(m, mark, r);
    }
    m->placeholder |= sio__value_has_placeholder(doc.root);
    sio__value_release(&doc);
    return end_step(m, mark, sio__buf_append_text(&m->text, text));
}

int sio_msg_add_val(sio_msg *m, const sio_val *v) {
    size_t mark;
    int r = begin_value(m, &mark);
    if (r < 0) {
        return r;
    }
    m->placeholder |= sio__value_has_placeholder(v);
    uint32_t number = m->attachments.len;
    r = sio__json_write_value(&m->text, v, &m->attachments);
    if (r < 0) {
        m->attachments.len = number;
        return end_step(m, mark, r);
    }
    return end_step(m, mark, own_attachments(m, number));
}

static int begin_bracket(sio_msg *m, bool is_object) {
    size_t mark;
    int r = begin_value(m, &mark);
    if (r < 0) {
        return r;
    }
    if (m->depth == MSG_MAX_DEPTH) {
        return end_step(m, mark, SIO_ERR_TOO_BIG);
    }
    r = sio__buf_push(&m->text, is_object ? '{' : '[');
    if (r == 0) {
        uint64_t bit = (uint64_t)1 << m->depth;
        m->objects = is_object ? m->objects | bit : m->objects & ~bit;
        m->depth++;
    }
    return end_step(m, mark, r);
}

int sio_msg_begin_object(sio_msg *m) {
    return begin_bracket(m, true);
}

int sio_msg_begin_array(sio_msg *m) {
    return begin_bracket(m, false);
}

int sio_msg_key(sio_msg *m, const char *key) {
    int r = refusal(m);
    if (r < 0) {
        return r;
    }
    size_t mark = m->text.len;
    if (!in_object(m) || after_key(m)) {
        return end_step(m, mark, SIO_ERR_FORMAT);
    }
    if (!key) {
        return end_step(m, mark, SIO_ERR_INVALID);
    }
    r = sio__json_separate(&m->text);
    if (r == 0) {
        r = sio__json_write_string(&m->text, sio__text_of(key));
    }
    if (r == 0) {
        r = sio__buf_push(&m->text, ':');
    }
    return end_step(m, mark, r);
}

int sio_msg_end(sio_msg *m) {
    int r = refusal(m);
    if (r < 0) {
        return r;
    }
    size_t mark = m->text.len;
    if (m->depth == 0 || after_key(m)) {
        return end_step(m, mark, SIO_ERR_FORMAT);
    }
    r = sio__buf_push(&m->text, in_object(m) ? '}' : ']');
    if (r == 0) {
        m->depth--;
    }
    return end_step(m, mark, r);
}
