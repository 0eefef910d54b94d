/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "requests.h"

#include <sio/error.h>
#include <stdlib.h>
#include <string.h>

/* The members of a line that count. */
struct members {
    struct slice event;
    struct slice args;
    struct slice ack;
};

static bool is(struct slice s, const char *text) {
    return s.len == strlen(text) && memcmp(s.data, text, s.len) == 0;
}

static bool begins(struct slice s, const char *characters) {
    return s.len > 0 && strchr(characters, s.data[0]) != NULL;
}

static const char *divide(const char *line, struct members *ret) {
    struct slice rest = {line + strspn(line, " \t"), 0};
    rest.len = strlen(rest.data);
    if (!begins(rest, "{") || !json_valid(rest.data, rest.len)) {
        return "is no JSON object";
    }
    struct slice key;
    struct slice value;
    while (json_next(&rest, &key, &value)) {
        if (is(key, "\"event\"")) {
            ret->event = value;
        } else if (is(key, "\"args\"")) {
            ret->args = value;
        } else if (is(key, "\"ack\"")) {
            ret->ack = value;
        } else {
            return "has members other than event, args and ack";
        }
    }
    return NULL;
}

static const char *new_msg(struct slice event, sio_msg **ret_msg) {
    size_t len = 0;
    char *name = event.len > 0 ? json_unescape(event, &len) : NULL;
    if (event.len > 0 && (name == NULL || strlen(name) != len)) {
        free(name);
        return "has an event whose name cannot be used";
    }
    int r = sio_msg_new(ret_msg, name);
    free(name);
    return r == SIO_ERR_RESERVED ? "has an event with a reserved name"
           : r < 0               ? sio_strerror(r)
                                 : NULL;
}

static const char *add_args(sio_msg *m, struct slice args) {
    struct slice key;
    struct slice value;
    while (args.len > 0 && json_next(&args, &key, &value)) {
        int r = json_to_msg(m, value.data, value.len);
        if (r < 0) {
            return sio_strerror(r);
        }
    }
    return NULL;
}

/* Takes what "ack" says; returns what is wrong with it. */
static const char *take_ack(struct slice ack, struct request *r) {
    bool number = begins(ack, "0123456789");
    if (r->is_answer) {
        r->answers = number ? strtoul(ack.data, NULL, 10) : 0;
        return number ? NULL : "has neither an event nor the number of one to answer";
    }
    if (ack.len == 0 || is(ack, "false") || is(ack, "null")) {
        return NULL;
    }
    r->wants_ack = true;
    if (number || begins(ack, "\"")) {
        r->id = ack;
    } else if (!is(ack, "true")) {
        return "has an ack that is neither true, a string nor a number";
    }
    return NULL;
}

const char *request_parse(const char *line, struct request *ret_request) {
    struct members m = {0};
    struct request *r = ret_request;
    *r = (struct request){0};
    const char *why = divide(line, &m);
    if (why != NULL) {
        return why;
    }
    if (m.event.len > 0 && !begins(m.event, "\"")) {
        return "has an event whose name is no string";
    }
    if (m.args.len > 0 && !begins(m.args, "[")) {
        return "has args that are no array";
    }
    r->is_answer = m.event.len == 0;
    why = take_ack(m.ack, r);
    if (why == NULL) {
        why = new_msg(m.event, &r->msg);
    }
    if (why == NULL) {
        why = add_args(r->msg, m.args);
    }
    if (why != NULL) {
        sio_msg_unref(r->msg);
        r->msg = NULL;
    }
    return why;
}
