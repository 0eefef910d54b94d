/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * JSON in, JSON out. The first byte of the input is the number of attachments, the rest is a JSON
 * text. Held to be true of every text that is accepted:
 * - parsing it into a scratch, into one that is too small, and onto the heap gives the same;
 * - bound to its attachments and written, it is JSON again, and a second round changes nothing;
 * - passed on as the arguments of an event, it is a packet with the same arguments, whether its
 *   text is copied or its values are written.
 */
#undef NDEBUG
#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "proto/json_write.h"
#include "proto/pack.h"
#include "proto/value.h"

#define MAX_ATTACHMENTS 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct value_bytes BYTES[MAX_ATTACHMENTS] = {{(const uint8_t *)"zero", 4},
                                                          {(const uint8_t *)"one", 3},
                                                          {NULL, 0},
                                                          {(const uint8_t *)"3", 1}};

/* Writes a value; what became of its bytes is put into list, if there is one. */
static struct buf write(const sio_val *v, struct json_attachments *list) {
    struct buf out;
    sio__buf_init(&out, SIZE_MAX);
    assert(sio__json_write_value(&out, v, list) == 0);
    return out;
}

/* Walks a value with the readers; returns the number of values seen. */
static size_t walk(const sio_val *v) {
    size_t seen = 0;
    sio_val_iter it = {0};
    for (const sio_val *e = sio_val_next(v, &it); e; e = sio_val_next(v, &it)) {
        size_t len = 0;
        int64_t number = 0;
        const char *s = sio_val_str(e, &len);
        assert(!s || s[len] == '\0');
        assert((sio_val_type(e) == SIO_STRING) == (s != NULL));
        assert((sio_val_type(e) == SIO_BYTES) == (sio_val_bytes(e, NULL) != NULL));
        assert(sio_val_int(e, &number) != 0 || sio_val_type(e) == SIO_INT ||
               sio_val_type(e) == SIO_REAL);
        assert(it.key == NULL || sio__value_member(v, (struct text){it.key, it.key_len}) != NULL);
        seen++;
        if (seen > 64) {
            break;
        }
    }
    assert(seen == sio_val_count(v) || seen > 64);
    return seen;
}

/* The text has to parse, and what is parsed has to be written as the text. */
static void check_written(const struct buf *text, const struct json_attachments *list) {
    struct value_doc doc;
    assert(sio__value_parse(NULL, (const char *)text->data, text->len, &doc) == 0);
    assert(list->len == 0 || sio__value_bind(&doc, list->items, list->len) == 0);
    struct json_attachments again = {0};
    struct buf out = write(doc.root, list->len > 0 ? &again : NULL);
    assert(sio__text_eq(sio__buf_text(&out), sio__buf_text(text)));
    assert(again.len == list->len);
    for (uint32_t i = 0; i < list->len; i++) {
        assert(again.items[i].len == list->items[i].len);
    }
    sio__buf_done(&out);
    sio__json_attachments_done(&again);
    sio__value_release(&doc);
}

static int pack(struct packer *p, const char *format, ...) {
    va_list ap;
    va_start(ap, format);
    int r = sio__pack_event(p, SIO_TEXT("/"), false, 0, SIO_TEXT("e"), format, &ap);
    va_end(ap);
    return r;
}

/* The arguments of a packet that a packer holds, written anew, with attachments as they are. */
static struct buf read_packet(const struct packer *p) {
    struct text packet = sio__packer_text(p);
    const char *json = memchr(packet.data, '[', packet.len);
    struct value_doc doc;
    assert(sio__value_parse(NULL, json, (size_t)(packet.data + packet.len - json), &doc) == 0);
    if (p->attachments.len > 0) {
        assert(sio__value_bind(&doc, p->attachments.items, p->attachments.len) == 0);
    }
    struct json_attachments list = {0};
    struct buf out = write(doc.root, &list);
    sio__json_attachments_done(&list);
    sio__value_release(&doc);
    return out;
}

static void check_passed_on(const struct value_args *args) {
    struct packer p;
    sio__packer_init(&p, SIZE_MAX);
    assert(pack(&p, "a", args) == 0);
    assert(p.attachments.len == (sio__args_count(args) > 0 ? args->attachment_count : 0));
    struct buf whole = read_packet(&p);
    /* Writing the values one by one gives the same, as far as the first ones tell. */
    if (sio__args_count(args) == 1) {
        assert(pack(&p, "v", sio__args_at(args, 0)) == 0);
        struct buf single = read_packet(&p);
        assert(sio__text_eq(sio__buf_text(&whole), sio__buf_text(&single)));
        sio__buf_done(&single);
    }
    /* Behind other bytes all numbers have to change; unless it looks like bytes and is none. */
    bool is_plain = args->attachment_count == 0 && sio__value_has_placeholder(args->root);
    assert((pack(&p, "Ba", "x", (size_t)1, args) == 0) == !is_plain);
    if (!is_plain) {
        struct buf behind = read_packet(&p);
        assert(behind.len >= whole.len);
        sio__buf_done(&behind);
    }
    sio__buf_done(&whole);
    sio__packer_done(&p);
}

static void check_value(struct value_doc *doc, struct text json, uint32_t count) {
    walk(doc->root);
    for (size_t i = 0; i < sio_val_count(doc->root) && i < 8; i++) {
        walk(sio_val_at(doc->root, i));
    }
    if (count > 0 && sio__value_bind(doc, BYTES, count) < 0) {
        return;
    }
    walk(doc->root);
    struct json_attachments list = {0};
    struct buf text = write(doc->root, count > 0 ? &list : NULL);
    check_written(&text, &list);
    sio__buf_done(&text);
    sio__json_attachments_done(&list);
    if (sio_val_type(doc->root) == SIO_ARRAY) {
        int first = sio_val_type(sio_val_at(doc->root, 0));
        bool is_event = first == SIO_STRING || first == SIO_INT || first == SIO_REAL;
        struct value_args args = {doc->root, json, BYTES, count, is_event ? 1 : 0};
        check_passed_on(&args);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) {
        return 0;
    }
    uint32_t count = data[0] % (MAX_ATTACHMENTS + 1);
    struct text json = {(const char *)data + 1, size - 1};
    struct value_scratch large;
    struct value_scratch small;
    sio__value_scratch_init(&large, 8192);
    sio__value_scratch_init(&small, 256);
    struct value_doc docs[3];
    int r = sio__value_parse(NULL, json.data, json.len, &docs[0]);
    assert(sio__value_parse(&large, json.data, json.len, &docs[1]) == r);
    assert(sio__value_parse(&small, json.data, json.len, &docs[2]) == r);
    if (r == 0) {
        check_value(&docs[0], json, count);
        check_value(&docs[1], json, count);
        check_value(&docs[2], json, count);
        sio__value_release(&docs[0]);
        sio__value_release(&docs[1]);
        sio__value_release(&docs[2]);
    }
    assert(large.used == 0 && small.used == 0);
    sio__value_scratch_done(&large);
    sio__value_scratch_done(&small);
    return 0;
}
