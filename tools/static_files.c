/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "static_files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "answer.h"

enum { PATH_BYTES = 4096, NOT_FOUND = 404 };

static const struct {
    const char *suffix;
    const char *type;
} types[] = {
    {"avif", "image/avif"},
    {"bin", "application/octet-stream"},
    {"css", "text/css; charset=utf-8"},
    {"csv", "text/csv; charset=utf-8"},
    {"gif", "image/gif"},
    {"gz", "application/gzip"},
    {"htm", "text/html; charset=utf-8"},
    {"html", "text/html; charset=utf-8"},
    {"ico", "image/x-icon"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"js", "text/javascript; charset=utf-8"},
    {"json", "application/json; charset=utf-8"},
    {"map", "application/json; charset=utf-8"},
    {"md", "text/markdown; charset=utf-8"},
    {"mjs", "text/javascript; charset=utf-8"},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"ogg", "audio/ogg"},
    {"otf", "font/otf"},
    {"pdf", "application/pdf"},
    {"png", "image/png"},
    {"svg", "image/svg+xml"},
    {"ttf", "font/ttf"},
    {"txt", "text/plain; charset=utf-8"},
    {"wasm", "application/wasm"},
    {"wav", "audio/wav"},
    {"webm", "video/webm"},
    {"webmanifest", "application/manifest+json"},
    {"webp", "image/webp"},
    {"woff", "font/woff"},
    {"woff2", "font/woff2"},
    {"xml", "application/xml; charset=utf-8"},
    {"zip", "application/zip"},
};

static const char *type_of(const char *name) {
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot != NULL && i < sizeof types / sizeof types[0]; i++) {
        if (strcasecmp(dot + 1, types[i].suffix) == 0) {
            return types[i].type;
        }
    }
    return "application/octet-stream";
}

static int digit_of(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/*
 * Takes the next part of a path, which stands at its slash, and decodes it (RFC 3986 2.1).
 *
 * Returns 0 and the part, "" behind a slash at the end; or the status of an answer.
 */
static int next_part(const char **path, char *part, size_t size) {
    const char *p = *path + 1;
    size_t len = 0;
    for (; *p != '/' && *p != '?' && *p != '\0'; p++) {
        char c = *p;
        if (c == '%') {
            int high = digit_of(p[1]);
            int low = high < 0 ? -1 : digit_of(p[2]);
            if (low < 0) {
                return 400;
            }
            c = (char)(high * 16 + low);
            p += 2;
        }
        if (c == '\0' || c == '/' || (len == 0 && c == '.') || len + 1 >= size) {
            return NOT_FOUND;
        }
        part[len++] = c;
    }
    if (len == 0 && *p == '/') {
        return NOT_FOUND;
    }
    part[len] = '\0';
    *path = p;
    return 0;
}

/* Status of an answer for an errno of open(). */
static int status_of(int error) {
    switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOMEM: return 503;
    case EIO: return 500;
    default: return NOT_FOUND;
    }
}

/* O_NONBLOCK: a FIFO shall not stop the server. */
static int open_below(int dir, const char *part) {
    return openat(dir, part, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
}

/* A file that was found: its descriptor, and its name without directories. */
struct found {
    int fd;
    char name[PATH_BYTES];
    bool is_directory; /* and the path does not end with a slash */
};

/* Walks a path from the root. Returns 0, or the status of an answer. */
static int find(const char *root, const char *path, struct found *f) {
    f->fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (f->fd < 0) {
        return status_of(errno);
    }
    struct stat st = {.st_mode = S_IFDIR};
    while (*path == '/') {
        int status = next_part(&path, f->name, sizeof f->name);
        if (status == 0 && f->name[0] == '\0') {
            memcpy(f->name, "index.html", sizeof "index.html");
        }
        int fd = -1;
        if (status == 0 && S_ISDIR(st.st_mode)) {
            fd = open_below(f->fd, f->name);
            status = fd < 0 ? status_of(errno) : 0;
        } else if (status == 0) {
            status = NOT_FOUND;
        }
        close(f->fd);
        f->fd = fd;
        if (status == 0 && fstat(fd, &st) < 0) {
            status = 500;
        }
        if (status != 0) {
            if (fd >= 0) {
                close(fd);
            }
            return status;
        }
    }
    f->is_directory = S_ISDIR(st.st_mode);
    return 0;
}

/* Reads all of a file, which may be shorter than it was when it was looked at. */
static char *read_all(int fd, size_t size, size_t *ret_len) {
    char *data = malloc(size > 0 ? size : 1);
    size_t len = 0;
    while (data != NULL && len < size) {
        ssize_t n = read(fd, data + len, size - len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            free(data);
            return NULL;
        }
        if (n == 0) {
            break;
        }
        len += (size_t)n;
    }
    *ret_len = len;
    return data;
}

static void answer_file(const struct found *f, const sio_request *req, sio_response *res) {
    struct stat st;
    if (fstat(f->fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        answer_text(res, NOT_FOUND, "not found");
        return;
    }
    char etag[ETAG_BYTES];
    snprintf(etag, sizeof etag, "W/\"%jx-%jx-%lx\"", (uintmax_t)st.st_size,
             (uintmax_t)st.st_mtim.tv_sec, (unsigned long)st.st_mtim.tv_nsec);
    struct representation r = {
        .type = type_of(f->name), .etag = etag, .cache = "no-cache", .modified = st.st_mtim.tv_sec};
    if (answer_is_fresh(req, &r)) {
        answer_not_modified(res, &r);
        return;
    }
    if (st.st_size > (off_t)STATIC_FILE_MAX_BYTES) {
        answer_text(res, 500, "file is too large");
        return;
    }
    size_t len = 0;
    char *data = read_all(f->fd, (size_t)st.st_size, &len);
    if (data == NULL) {
        answer_text(res, 500, "file cannot be read");
        return;
    }
    answer_body(res, &r, data, len);
    free(data);
}

/* To the same path with a slash: relative links of the index page start there. */
static void answer_redirect(const char *path, sio_response *res) {
    char location[PATH_BYTES];
    size_t len = strcspn(path, "?");
    int n = snprintf(location, sizeof location, "%.*s/%s", (int)len, path, path + len);
    if (n < 0 || (size_t)n >= sizeof location) {
        answer_text(res, NOT_FOUND, "not found");
        return;
    }
    sio_headers_set(sio_response_headers(res), "Location", location);
    answer_text(res, 301, "moved permanently");
}

void static_files_answer(const char *root, const sio_request *req, sio_response *res) {
    const char *path = answer_path(req);
    struct found f;
    if (!answer_allows(req, res)) {
        return;
    }
    int status = path[0] == '/' ? find(root, path, &f) : 400;
    if (status != 0) {
        answer_text(res, status,
                    status == NOT_FOUND ? "not found"
                    : status == 400     ? "bad request"
                                        : "file cannot be read");
        return;
    }
    if (f.is_directory) {
        answer_redirect(path, res);
    } else {
        answer_file(&f, req, res);
    }
    close(f.fd);
}
