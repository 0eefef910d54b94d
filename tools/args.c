/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "args.h"

#include <sio/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "json_text.h"

/* ---- messages ---- */

static int add_file(sio_msg *m, const char *name) {
    char *data = NULL;
    size_t len = 0;
    int r = file_read(name, &data, &len);
    if (r == 0) {
        r = sio_msg_add_bytes(m, data, len);
    }
    free(data);
    return r;
}

static int add_word(sio_msg *m, const char *word) {
    if (word[0] == '@' && word[1] == '@') {
        return sio_msg_add_str(m, word + 1, SIO_NUL);
    }
    if (word[0] == '@') {
        return add_file(m, word + 1);
    }
    if (json_valid(word, strlen(word))) {
        return json_to_msg(m, word, strlen(word));
    }
    return sio_msg_add_str(m, word, SIO_NUL);
}

void args_explain(char *ret_why, const char *event, int error) {
    if (error == SIO_ERR_RESERVED) {
        snprintf(ret_why, ARGS_WHY_BYTES, "'%s' is a reserved name of Socket.IO", event);
    } else {
        snprintf(ret_why, ARGS_WHY_BYTES, "%s: %s", event == NULL ? "answer" : event,
                 error == SIO_ERR_INVALID ? "not UTF-8" : sio_strerror(error));
    }
}

int args_to_msg(sio_msg **ret_msg, const char *event, char *const *args, size_t count, bool literal,
                char *ret_why) {
    sio_msg *m = NULL;
    int r = sio_msg_new(&m, event);
    if (r < 0) {
        args_explain(ret_why, event, r);
        return r;
    }
    for (size_t i = 0; i < count; i++) {
        r = literal ? sio_msg_add_str(m, args[i], SIO_NUL) : add_word(m, args[i]);
        if (r < 0) {
            snprintf(ret_why, ARGS_WHY_BYTES, "%.100s: %s", args[i],
                     r == SIO_ERR_INVALID ? "not UTF-8" : sio_strerror(r));
            sio_msg_unref(m);
            return r;
        }
    }
    *ret_msg = m;
    return 0;
}

const char *args_doubtful(char *const *args, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const char *arg = args[i];
        bool is_like_json = arg[0] == '{' || arg[0] == '[' || arg[0] == '"';
        if (is_like_json && !json_valid(arg, strlen(arg))) {
            return arg;
        }
    }
    return NULL;
}

/* ---- words ---- */

/* The end of the word that begins at p, which is no blank; NULL when its quote has no partner. */
static char *word_end(char *p, char *end) {
    if (*p == '\'') {
        return memchr(p + 1, '\'', (size_t)(end - p - 1));
    }
    if (*p == '{' || *p == '[' || *p == '"') {
        p += json_skip(p, end) - p;
    }
    return p + strcspn(p, " \t");
}

int args_split(char *line, char **ret_words, int max) {
    char *end = line + strlen(line);
    int count = 0;
    for (char *p = line + strspn(line, " \t"); p < end; p += strspn(p, " \t")) {
        char *behind = word_end(p, end);
        if (behind == NULL || count == max) {
            return -1;
        }
        ret_words[count++] = *p == '\'' ? p + 1 : p;
        p = behind < end ? behind + 1 : end;
        *behind = '\0';
    }
    return count;
}
