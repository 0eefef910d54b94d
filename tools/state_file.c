/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "state_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Makes the directories that a path names before its last part. */
static int make_directories(char *path) {
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int r = mkdir(path, S_IRWXU);
        *slash = '/';
        if (r < 0 && errno != EEXIST) {
            return -errno;
        }
    }
    return 0;
}

char *state_file(const char *name) {
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    char *path = NULL;
    int n = -1;
    if (state != NULL && state[0] == '/') {
        n = asprintf(&path, "%s/sio/%s", state, name);
    } else if (home != NULL && home[0] == '/') {
        n = asprintf(&path, "%s/.local/state/sio/%s", home, name);
    }
    if (n < 0) {
        return NULL;
    }
    if (make_directories(path) < 0) {
        free(path);
        return NULL;
    }
    return path;
}
