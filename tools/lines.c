/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READ_BYTES = 16384 };

/* Makes room for a read, and for a NUL behind all. */
static bool make_room(struct lines *l) {
    if (l->start > 0) {
        memmove(l->data, l->data + l->start, l->len - l->start);
        l->len -= l->start;
        l->start = 0;
    }
    if (l->room - l->len > READ_BYTES) {
        return true;
    }
    size_t room = 2 * l->room + READ_BYTES + 1;
    char *data = realloc(l->data, room);
    if (data == NULL) {
        return false;
    }
    l->data = data;
    l->room = room;
    return true;
}

void lines_read(struct lines *l, int fd) {
    if (!make_room(l)) {
        l->end = true;
        return;
    }
    ssize_t n = read(fd, l->data + l->len, READ_BYTES);
    if (n > 0) {
        l->len += (size_t)n;
    } else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
        l->end = true;
    }
}

char *lines_next(struct lines *l) {
    size_t left = l->len - l->start;
    if (left == 0) {
        return NULL;
    }
    char *line = l->data + l->start;
    char *end = memchr(line, '\n', left);
    if (end == NULL && !l->end) {
        return NULL;
    }
    end = end != NULL ? end : line + left;
    l->start = end == line + left ? l->len : (size_t)(end - l->data) + 1;
    if (end > line && end[-1] == '\r') {
        end[-1] = '\0';
    }
    *end = '\0';
    return line;
}

void lines_done(struct lines *l) {
    free(l->data);
    *l = (struct lines){0};
}
