/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "show.h"

#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "json_text.h"

enum { DUMP_COLUMNS = 16, DUMP_BYTES = 64, DUMP_INDENT = 4, SCALAR_BYTES = 64 };

/* ---- bytes ---- */

static void dump_line(FILE *out, const unsigned char *p, size_t at, size_t len, int indent) {
    fprintf(out, "%*s%04zx ", indent, "", at);
    for (size_t i = 0; i < DUMP_COLUMNS; i++) {
        fputs(i == DUMP_COLUMNS / 2 ? "  " : " ", out);
        if (i < len) {
            fprintf(out, "%02x", p[at + i]);
        } else {
            fputs("  ", out);
        }
    }
    fputs("  ", out);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = p[at + i];
        putc(c >= 0x20 && c < 0x7f ? c : '.', out);
    }
    putc('\n', out);
}

void show_dump(FILE *out, const void *data, size_t len, int indent) {
    size_t shown = len > DUMP_BYTES ? DUMP_BYTES : len;
    for (size_t at = 0; at < shown; at += DUMP_COLUMNS) {
        size_t left = shown - at;
        dump_line(out, data, at, left < DUMP_COLUMNS ? left : DUMP_COLUMNS, indent);
    }
    if (shown < len) {
        fprintf(out, "%*s... %zu more bytes\n", indent, "", len - shown);
    }
}

/* Length of the character of UTF-8 at p that a terminal may be given; 0 for anything else. */
static size_t printable(const unsigned char *p, size_t len) {
    if (p[0] < 0x80) {
        return p[0] >= 0x20 && p[0] < 0x7f && p[0] != '\\';
    }
    size_t size = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || size > len || (p[0] == 0xc2 && p[1] < 0xa0)) {
        return 0;
    }
    for (size_t i = 1; i < size; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return json_is_invisible((const char *)p, len) ? 0 : size;
}

void show_text(FILE *out, const char *text, size_t len, size_t max) {
    const unsigned char *p = (const unsigned char *)text;
    size_t shown = len > max ? max : len;
    for (size_t i = 0; i < shown;) {
        size_t size = printable(p + i, len - i);
        if (size > 0) {
            fwrite(p + i, 1, size, out);
            i += size;
        } else {
            fprintf(out, p[i] == '\\' ? "\\\\" : "\\x%02x", p[i]);
            i++;
        }
    }
    if (shown < len) {
        fputs("...", out);
    }
}

/* ---- values ---- */

/* An array or object that is being written. */
struct level {
    const sio_val *container;
    sio_val_iter it;
};

/* What is open. Documents may be nested as deeply as their length allows. */
struct levels {
    struct level *items;
    size_t count;
    size_t room;
};

static bool enter(struct levels *l, const sio_val *container) {
    if (l->count == l->room) {
        size_t room = l->room == 0 ? 16 : 2 * l->room;
        struct level *items = realloc(l->items, room * sizeof *items);
        if (items == NULL) {
            return false;
        }
        l->items = items;
        l->room = room;
    }
    l->items[l->count++] = (struct level){.container = container};
    return true;
}

/* The value that comes next, or NULL at the end of all. *ret_left counts the containers that end
 * before it. */
static const sio_val *step(struct levels *l, size_t *ret_left) {
    *ret_left = 0;
    while (l->count > 0) {
        struct level *top = &l->items[l->count - 1];
        const sio_val *v = sio_val_next(top->container, &top->it);
        if (v != NULL) {
            return v;
        }
        l->count--;
        ++*ret_left;
    }
    return NULL;
}

static bool is_container(const sio_val *v) {
    return sio_val_type(v) == SIO_ARRAY || sio_val_type(v) == SIO_OBJECT;
}

static void show_bytes(FILE *out, const sio_val *v, enum show_bytes bytes) {
    size_t len = 0;
    const void *data = sio_val_bytes(v, &len);
    if (bytes == SHOW_MARK) {
        fprintf(out, "<%zu bytes>", len);
        return;
    }
    fputs("{\"base64\":\"", out);
    base64_write(out, data, len);
    fputs("\"}", out);
}

static void show_scalar(FILE *out, const sio_val *v, enum show_bytes bytes) {
    char text[SCALAR_BYTES];
    size_t len = 0;
    const char *string = sio_val_str(v, &len);
    if (string != NULL) {
        json_print_string(out, string, len);
    } else if (sio_val_type(v) == SIO_BYTES) {
        show_bytes(out, v, bytes);
    } else {
        sio_val_json(v, text, sizeof text);
        fputs(v == NULL ? "null" : text, out);
    }
}

/* Writes what stands between a value and the one before it. */
static void show_between(FILE *out, const struct level *in) {
    if (in->it.index > 1) {
        putc(',', out);
    }
    if (in->it.key != NULL) {
        json_print_string(out, in->it.key, in->it.key_len);
        putc(':', out);
    }
}

/* Closes the innermost `count` of the containers that were open until now. */
static void show_ends(FILE *out, const struct levels *l, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct level *ended = &l->items[l->count + count - 1 - i];
        putc(sio_val_type(ended->container) == SIO_ARRAY ? ']' : '}', out);
    }
}

void show_value(FILE *out, const sio_val *v, enum show_bytes bytes) {
    struct levels levels = {0};
    size_t left = 0;
    while (v != NULL || levels.count > 0) {
        if (v != NULL && is_container(v) && enter(&levels, v)) {
            putc(sio_val_type(v) == SIO_ARRAY ? '[' : '{', out);
        } else {
            show_scalar(out, v, bytes);
        }
        v = step(&levels, &left);
        show_ends(out, &levels, left);
        if (v != NULL) {
            show_between(out, &levels.items[levels.count - 1]);
        }
    }
    free(levels.items);
}

void show_args(FILE *out, const sio_event *ev, const char *separator, enum show_bytes bytes) {
    for (size_t i = 0; i < sio_event_count(ev); i++) {
        if (i > 0) {
            fputs(separator, out);
        }
        show_value(out, sio_event_arg(ev, i), bytes);
    }
}

void show_dumps(FILE *out, const sio_event *ev) {
    struct levels levels = {0};
    size_t left = 0;
    for (size_t i = 0; i < sio_event_count(ev); i++) {
        for (const sio_val *v = sio_event_arg(ev, i); v != NULL; v = step(&levels, &left)) {
            size_t len = 0;
            const void *data = sio_val_bytes(v, &len);
            if (data != NULL) {
                show_dump(out, data, len, DUMP_INDENT);
            } else if (is_container(v)) {
                (void)enter(&levels, v); /* without memory the dumps are left out */
            }
        }
    }
    free(levels.items);
}
