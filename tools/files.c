/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FIRST_BYTES = 65536 };

/* Reads on until the end. */
static int read_all(int fd, char **ret_data, size_t *ret_len) {
    size_t room = FIRST_BYTES;
    size_t len = 0;
    char *data = malloc(room);
    while (data != NULL) {
        ssize_t n = read(fd, data + len, room - len - 1);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            int error = errno;
            free(data);
            return -error;
        }
        if (n == 0) {
            data[len] = '\0';
            *ret_data = data;
            *ret_len = len;
            return 0;
        }
        len += (size_t)n;
        if (len + 1 == room) {
            char *more = room > SIZE_MAX / 2 ? NULL : realloc(data, 2 * room);
            if (more == NULL) {
                free(data);
            }
            data = more;
            room *= 2;
        }
    }
    return -ENOMEM;
}

int file_read(const char *name, char **ret_data, size_t *ret_len) {
    if (strcmp(name, "-") == 0) {
        return read_all(STDIN_FILENO, ret_data, ret_len);
    }
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    int r = read_all(fd, ret_data, ret_len);
    close(fd);
    return r;
}
