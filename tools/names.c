/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "names.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES = 80 };

static bool is_plain(const char *name) {
    size_t len = strlen(name);
    if (len == 0 || len > NAME_BYTES || strchr("{[@", name[0]) != NULL) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)name[i];
        bool control = c == 0xc2 && (unsigned char)name[i + 1] < 0xa0; /* U+0080 to U+009F */
        if (c <= ' ' || c == 0x7f || c == '"' || c == '\'' || control) {
            return false;
        }
    }
    return true;
}

void names_add(struct names *n, const char *name) {
    if (n->count == NAMES_MAX || !is_plain(name)) {
        return;
    }
    for (size_t i = 0; i < n->count; i++) {
        if (strcmp(n->items[i], name) == 0) {
            return;
        }
    }
    n->items[n->count] = strdup(name);
    n->count += n->items[n->count] != NULL;
}

void names_done(struct names *n) {
    for (size_t i = 0; i < n->count; i++) {
        free(n->items[i]);
    }
    n->count = 0;
}
