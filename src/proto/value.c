/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Documents (memory, parsing, binding of attachments) and the readers of <sio/value.h>.
 *
 * Layout that is relied upon (yyjson, immutable documents): the cells of a document lie one behind
 * the other in the order of the text, a container before its elements, a key before its value; a
 * container knows the distance to the cell behind its last one.
 */
#include "proto/value.h"

#include <string.h>
#include <yyjson.h>

#include <sio/error.h>

#include "base/alloc.h"
#include "proto/value_flat.h"

#define PLACEHOLDER_KEY "_placeholder"

/* Cells are not const because yyjson's readers do not know the word. */
static yyjson_val *cell_of(const sio_val *v) {
    return (yyjson_val *)v;
}

static const sio_val *value_of(const yyjson_val *cell) {
    return (const sio_val *)cell;
}

/* The cell behind a value and all that is in it. */
static yyjson_val *next_cell(yyjson_val *cell) {
    return unsafe_yyjson_get_next(cell);
}

/* The raw cell of an object that is bytes; NULL for all other values and for NULL. */
static yyjson_val *raw_cell(yyjson_val *cell) {
    if (!yyjson_is_obj(cell) || unsafe_yyjson_get_len(cell) == 0) {
        return NULL;
    }
    return yyjson_is_raw(cell + 2) ? cell + 2 : NULL;
}

/* ---- memory ---- */

void sio__value_scratch_init(struct value_scratch *scratch, size_t size) {
    *scratch = (struct value_scratch){.wanted = size & ~(size_t)15};
}

void sio__value_scratch_done(struct value_scratch *scratch) {
    if (!scratch) {
        return;
    }
    sio__free(scratch->block);
    sio__value_scratch_init(scratch, scratch->wanted);
}

static bool in_block(const struct value_scratch *s, const void *p) {
    return (uintptr_t)p - (uintptr_t)s->block < s->size;
}

/* Pieces lie one behind the other and are given back all at once: freeing one does nothing. */
static void *take(void *ctx, size_t size) {
    struct value_scratch *s = ctx;
    if (s && size <= s->size - s->used) {
        s->last = s->used;
        s->used += (size + 15) & ~(size_t)15;
        return s->block + s->last;
    }
    if (s) {
        s->spilled = true;
    }
    return sio__malloc(size);
}

static void *retake(void *ctx, void *p, size_t old_size, size_t size) {
    struct value_scratch *s = ctx;
    if (!s || !in_block(s, p)) {
        return sio__realloc(p, size);
    }
    if (p == s->block + s->last && size <= s->size - s->last) {
        s->used = s->last + ((size + 15) & ~(size_t)15);
        return p;
    }
    void *moved = take(s, size);
    if (moved) {
        memcpy(moved, p, old_size);
    }
    return moved;
}

static void give_back(void *ctx, void *p) {
    struct value_scratch *s = ctx;
    if (!s || !in_block(s, p)) {
        sio__free(p);
    }
}

/* ---- documents ---- */

/* Reads once; see sio__value_parse(). */
static int read_document(struct value_scratch *scratch, const char *json, size_t len,
                         struct value_doc *ret_doc) {
    size_t mark = 0;
    if (scratch) {
        mark = scratch->used;
        scratch->spilled = false;
    }
    yyjson_alc alc = {take, retake, give_back, scratch};
    yyjson_read_err err;
    yyjson_doc *memory = yyjson_read_opts((char *)json, len, YYJSON_READ_NOFLAG, &alc, &err);
    if (!memory) {
        if (scratch) {
            scratch->used = mark;
        }
        return err.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION ? SIO_ERR_NOMEM : SIO_ERR_JSON;
    }
    *ret_doc = (struct value_doc){
        .root = value_of(yyjson_doc_get_root(memory)), .memory = memory, .scratch = scratch};
    if (scratch) {
        ret_doc->spilled = scratch->spilled;
        scratch->live++;
    }
    return 0;
}

/* The short way, where it leads anywhere. */
static bool read_flat(struct value_scratch *scratch, const char *json, size_t len,
                      struct value_doc *ret_doc) {
    const sio_val *root = sio__value_read_flat(json, len, scratch->block + scratch->used);
    if (!root) {
        return false;
    }
    *ret_doc = (struct value_doc){.root = root, .scratch = scratch};
    scratch->used += (VALUE_FLAT_BYTES(len) + 15) & ~(size_t)15;
    scratch->live++;
    return true;
}

static bool is_hex(char c) {
    char lower = sio__ascii_lower(c);
    return (c >= '0' && c <= '9') || (lower >= 'a' && lower <= 'f');
}

/* Which half of a surrogate pair is escaped at p: 'h'igh, 'l'ow, or 0 for neither. */
static char surrogate_at(const char *p, size_t len) {
    if (len < 6 || p[0] != '\\' || p[1] != 'u' || sio__ascii_lower(p[2]) != 'd') {
        return 0;
    }
    if (!is_hex(p[3]) || p[3] < '8' || !is_hex(p[4]) || !is_hex(p[5])) {
        return 0;
    }
    return p[3] <= '9' || sio__ascii_lower(p[3]) <= 'b' ? 'h' : 'l';
}

/* Turns lone surrogates into U+FFFD. Returns true when there were any. */
static bool replace_lone_surrogates(char *text, size_t len) {
    bool replaced = false;
    const char *end = text + len;
    char *p = memchr(text, '\\', len);
    while (p) {
        size_t left = (size_t)(end - p);
        size_t step = left < 2 ? left : 2;
        char half = surrogate_at(p, left);
        if (half == 'h' && surrogate_at(p + 6, left - 6) == 'l') {
            step = 12;
        } else if (half) {
            memcpy(p, "\\ufffd", 6);
            replaced = true;
            step = 6;
        }
        p = memchr(p + step, '\\', left - step);
    }
    return replaced;
}

/* Second try for a text that was refused: yyjson takes no lone surrogates. */
static int read_repaired(struct value_scratch *scratch, const char *json, size_t len,
                         struct value_doc *ret_doc) {
    if (len == 0 || !memmem(json, len, "\\u", 2)) {
        return SIO_ERR_JSON;
    }
    char *copy = sio__strndup(json, len);
    if (!copy) {
        return SIO_ERR_NOMEM;
    }
    int r = SIO_ERR_JSON;
    if (replace_lone_surrogates(copy, len)) {
        r = read_document(scratch, copy, len, ret_doc);
    }
    sio__free(copy);
    return r;
}

int sio__value_parse(struct value_scratch *scratch, const char *json, size_t len,
                     struct value_doc *ret_doc) {
#ifdef SIO_NO_POOL
    scratch = NULL;
#endif
    if (scratch && !scratch->block) {
        scratch->block = sio__malloc(scratch->wanted);
        if (!scratch->block) {
            return SIO_ERR_NOMEM;
        }
        scratch->size = scratch->wanted;
    }
    if (scratch && VALUE_FLAT_BYTES(len) <= scratch->size - scratch->used &&
        read_flat(scratch, json, len, ret_doc)) {
        return 0;
    }
    int r = read_document(scratch, json, len, ret_doc);
    return r == SIO_ERR_JSON ? read_repaired(scratch, json, len, ret_doc) : r;
}

void sio__value_release(struct value_doc *doc) {
    if (!doc || !doc->root) {
        return;
    }
    struct value_scratch *scratch = doc->scratch;
    if (!scratch || doc->spilled) {
        yyjson_doc_free(doc->memory);
    }
    if (scratch) {
        scratch->live--;
        if (scratch->live == 0) {
            scratch->used = 0;
        }
    }
    *doc = (struct value_doc){0};
}

/* ---- attachments ---- */

static bool key_is(yyjson_val *key, struct text name) {
    return unsafe_yyjson_get_len(key) == name.len && memcmp(key->uni.str, name.data, name.len) == 0;
}

/*
 * True when an object stands for an attachment. Of duplicate members the last one counts, as in
 * JavaScript: what is bytes for one side must not be a plain object for the other.
 *
 * ret_num: its member `num`, NULL when there is none
 */
static bool is_placeholder(yyjson_val *object, yyjson_val **ret_num) {
    yyjson_val *flag = NULL;
    yyjson_val *num = NULL;
    yyjson_val *key = object + 1;
    for (size_t left = unsafe_yyjson_get_len(object); left > 0; left--) {
        if (key_is(key, SIO_TEXT(PLACEHOLDER_KEY))) {
            flag = key + 1;
        } else if (key_is(key, SIO_TEXT("num"))) {
            num = key + 1;
        }
        key = next_cell(key + 1);
    }
    if (!yyjson_is_true(flag)) {
        return false;
    }
    *ret_num = num;
    return true;
}

/* Makes bytes of an object: its first two members are written over, its extent remains. */
static int bind_object(yyjson_val *object, yyjson_val *num, const struct value_bytes *attachments,
                       uint32_t count) {
    uint64_t index;
    int r = sio_val_uint(value_of(num), &index);
    if (r < 0 || index >= count) {
        return SIO_ERR_PROTO;
    }
    struct value_bytes bytes = attachments[index];
    if (!bytes.data) {
        bytes.data = (const uint8_t *)"";
    }
    unsafe_yyjson_set_len(object, 2);
    unsafe_yyjson_set_strn(object + 1, PLACEHOLDER_KEY, strlen(PLACEHOLDER_KEY));
    unsafe_yyjson_set_raw(object + 2, (const char *)bytes.data, bytes.len);
    unsafe_yyjson_set_strn(object + 3, "num", 3);
    unsafe_yyjson_set_uint(object + 4, index);
    return 0;
}

int sio__value_bind(struct value_doc *doc, const struct value_bytes *attachments, uint32_t count) {
    yyjson_val *cell = cell_of(doc->root);
    yyjson_val *end = next_cell(cell);
    while (cell < end) {
        yyjson_val *num;
        if (!yyjson_is_obj(cell) || !is_placeholder(cell, &num)) {
            cell++;
            continue;
        }
        int r = bind_object(cell, num, attachments, count);
        if (r < 0) {
            return r;
        }
        cell = next_cell(cell);
    }
    return 0;
}

bool sio__value_has_placeholder(const sio_val *v) {
    if (!v) {
        return false;
    }
    yyjson_val *end = next_cell(cell_of(v));
    for (yyjson_val *cell = cell_of(v); cell < end;) {
        yyjson_val *num;
        if (raw_cell(cell)) {
            cell = next_cell(cell);
        } else if (yyjson_is_obj(cell) && is_placeholder(cell, &num)) {
            return true;
        } else {
            cell++;
        }
    }
    return false;
}

/* ---- arguments ---- */

size_t sio__args_count(const struct value_args *args) {
    size_t count = sio_val_count(args->root);
    return count > args->first ? count - args->first : 0;
}

const sio_val *sio__args_at(const struct value_args *args, size_t index) {
    return index < sio__args_count(args) ? sio_val_at(args->root, args->first + index) : NULL;
}

static const char *skip_space(const char *p) {
    while (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r') {
        p++;
    }
    return p;
}

/* The end of the string or number that begins at p; the text is known to be JSON. */
static const char *skip_name(const char *p) {
    if (*p != '"') {
        while (*p != ',' && *p != ']') {
            p++;
        }
        return p;
    }
    for (p++; *p != '"'; p++) {
        if (*p == '\\') {
            p++;
        }
    }
    return p + 1;
}

/*
 * Where the arguments begin if the name stands there as it is, without escapes or blanks; else
 * NULL. With escapes the string is longer than the name: a quote found within it is an escaped one,
 * behind a backslash.
 */
static const char *behind_plain_name(const struct value_args *args) {
    const char *json = args->json.data;
    if (args->first != 1 || json[0] != '[' || json[1] != '"') {
        return NULL;
    }
    size_t len = unsafe_yyjson_get_len(cell_of(args->root) + 1);
    if (len + 4 > args->json.len || json[len + 2] != '"' || json[len + 3] != ',' ||
        json[len + 1] == '\\') {
        return NULL;
    }
    return json + len + 4;
}

struct text sio__args_text(const struct value_args *args) {
    if (sio__args_count(args) == 0) {
        return (struct text){0};
    }
    const char *p = behind_plain_name(args);
    if (p && args->json.data[args->json.len - 1] == ']') {
        return (struct text){p, (size_t)(args->json.data + args->json.len - 1 - p)};
    }
    p = skip_space(args->json.data) + 1;
    for (uint32_t i = 0; i < args->first; i++) {
        p = skip_space(skip_name(skip_space(p))) + 1;
    }
    const char *end = args->json.data + args->json.len;
    do {
        end--;
    } while (*end != ']');
    return (struct text){p, (size_t)(end - p)};
}

/* ---- readers ---- */

int sio_val_type(const sio_val *v) {
    yyjson_val *cell = cell_of(v);
    if (!cell) {
        return SIO_NONE;
    }
    switch (unsafe_yyjson_get_type(cell)) {
    case YYJSON_TYPE_NULL: return SIO_NULL;
    case YYJSON_TYPE_BOOL: return SIO_BOOL;
    case YYJSON_TYPE_NUM: return yyjson_is_real(cell) ? SIO_REAL : SIO_INT;
    case YYJSON_TYPE_STR: return SIO_STRING;
    case YYJSON_TYPE_ARR: return SIO_ARRAY;
    default: return raw_cell(cell) ? SIO_BYTES : SIO_OBJECT;
    }
}

bool sio_val_is_null(const sio_val *v) {
    return !v || yyjson_is_null(cell_of(v));
}

const char *sio_val_str(const sio_val *v, size_t *ret_len) {
    yyjson_val *cell = cell_of(v);
    if (!yyjson_is_str(cell)) {
        return NULL;
    }
    if (ret_len) {
        *ret_len = unsafe_yyjson_get_len(cell);
    }
    return unsafe_yyjson_get_str(cell);
}

int sio_val_int(const sio_val *v, int64_t *ret_value) {
    yyjson_val *cell = cell_of(v);
    if (!yyjson_is_num(cell)) {
        return SIO_ERR_TYPE;
    }
    if (yyjson_is_real(cell)) {
        double d = unsafe_yyjson_get_real(cell);
        if (!(d >= -0x1p63 && d < 0x1p63) || d != (double)(int64_t)d) {
            return SIO_ERR_INVALID;
        }
        *ret_value = (int64_t)d;
        return 0;
    }
    if (yyjson_is_uint(cell) && unsafe_yyjson_get_uint(cell) > INT64_MAX) {
        return SIO_ERR_INVALID;
    }
    *ret_value = unsafe_yyjson_get_sint(cell);
    return 0;
}

int sio_val_uint(const sio_val *v, uint64_t *ret_value) {
    yyjson_val *cell = cell_of(v);
    if (!yyjson_is_num(cell)) {
        return SIO_ERR_TYPE;
    }
    if (yyjson_is_real(cell)) {
        double d = unsafe_yyjson_get_real(cell);
        if (!(d >= 0 && d < 0x1p64) || d != (double)(uint64_t)d) {
            return SIO_ERR_INVALID;
        }
        *ret_value = (uint64_t)d;
        return 0;
    }
    if (yyjson_is_sint(cell) && unsafe_yyjson_get_sint(cell) < 0) {
        return SIO_ERR_INVALID;
    }
    *ret_value = unsafe_yyjson_get_uint(cell);
    return 0;
}

int sio_val_real(const sio_val *v, double *ret_value) {
    yyjson_val *cell = cell_of(v);
    if (!yyjson_is_num(cell)) {
        return SIO_ERR_TYPE;
    }
    *ret_value = unsafe_yyjson_get_num(cell);
    return 0;
}

int sio_val_bool(const sio_val *v, bool *ret_value) {
    yyjson_val *cell = cell_of(v);
    if (!yyjson_is_bool(cell)) {
        return SIO_ERR_TYPE;
    }
    *ret_value = unsafe_yyjson_get_bool(cell);
    return 0;
}

const void *sio_val_bytes(const sio_val *v, size_t *ret_len) {
    yyjson_val *raw = raw_cell(cell_of(v));
    if (ret_len) {
        *ret_len = raw ? unsafe_yyjson_get_len(raw) : 0;
    }
    return raw ? raw->uni.ptr : NULL;
}

size_t sio_val_count(const sio_val *v) {
    yyjson_val *cell = cell_of(v);
    return yyjson_is_ctn(cell) && !raw_cell(cell) ? unsafe_yyjson_get_len(cell) : 0;
}

const sio_val *sio_val_at(const sio_val *v, size_t index) {
    return value_of(yyjson_arr_get(cell_of(v), index));
}

const sio_val *sio__value_member(const sio_val *v, struct text key) {
    yyjson_val *cell = cell_of(v);
    return raw_cell(cell) ? NULL : value_of(yyjson_obj_getn(cell, key.data, key.len));
}

const sio_val *sio_val_get(const sio_val *v, const char *key) {
    return sio__value_member(v, sio__text_of(key));
}

const sio_val *sio_val_next(const sio_val *v, sio_val_iter *it) {
    it->key = NULL;
    it->key_len = 0;
    if (it->index >= sio_val_count(v)) {
        return NULL;
    }
    yyjson_val *cell = it->index == 0 ? cell_of(v) + 1 : next_cell(cell_of(it->reserved));
    if (yyjson_is_obj(cell_of(v))) {
        it->key = unsafe_yyjson_get_str(cell);
        it->key_len = unsafe_yyjson_get_len(cell);
        cell++;
    }
    it->index++;
    it->reserved = cell;
    return value_of(cell);
}
