/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "frames.h"

#include <inttypes.h>
#include <sio/decode.h>
#include <stdlib.h>
#include <string.h>

#include "explain.h"
#include "show.h"

enum { CONTINUATION = 0, TEXT = 1, BINARY = 2, CLOSE = 8, RSV1 = 4, REASON_BYTES = 123 };

/* One direction. */
struct direction {
    struct explainer explainer;
    char *message; /* the fragments so far */
    size_t len;
    int opcode; /* of the first of them; 0: none has begun */
    bool compressed;
};

struct stream {
    FILE *out;
    struct direction directions[2]; /* of the server, of the client */
    size_t count;
};

static bool complain(const struct stream *s, const char *what) {
    fprintf(s->out, "  %-9s  %s\n", "error", what);
    return false;
}

/* ---- heads of HTTP ---- */

static bool starts(const char *data, size_t len, const char *text) {
    return len >= strlen(text) && memcmp(data, text, strlen(text)) == 0;
}

/* Length of the HTTP head at the front; 0 for none. */
static size_t http_head(const char *data, size_t len) {
    if (!starts(data, len, "GET ") && !starts(data, len, "HTTP/1.1 ")) {
        return 0;
    }
    const char *end = memmem(data, len, "\r\n\r\n", 4);
    return end != NULL ? (size_t)(end - data) + 4 : 0;
}

/* ---- messages ---- */

static bool append(struct direction *d, const char *data, size_t len) {
    char *message = realloc(d->message, d->len + len + 1);
    if (message == NULL) {
        return false;
    }
    memcpy(message + d->len, data, len);
    d->message = message;
    d->len += len;
    return true;
}

static bool end_message(struct stream *s, struct direction *d) {
    bool fine = true;
    if (d->compressed) {
        fprintf(s->out, "  %-9s  compressed (permessage-deflate), not decoded\n", "message");
    } else if (d->opcode == TEXT) {
        fine = explain_text(&d->explainer, d->message, d->len);
    } else {
        fine = explain_binary(&d->explainer, d->message, d->len);
    }
    d->len = 0;
    d->opcode = CONTINUATION;
    return fine;
}

static bool take_data(struct stream *s, struct direction *d, const sio_ws_head *head,
                      const char *data) {
    if ((head->opcode == CONTINUATION) == (d->opcode == CONTINUATION)) {
        d->opcode = CONTINUATION;
        d->len = 0;
        return complain(s, head->opcode == CONTINUATION
                               ? "there is no message to continue (RFC 6455 5.4)"
                               : "the message before is not finished (RFC 6455 5.4)");
    }
    if (head->opcode != CONTINUATION) {
        d->opcode = head->opcode;
        d->compressed = (head->rsv & RSV1) != 0;
    }
    if (!append(d, data, (size_t)head->len)) {
        return complain(s, "out of memory");
    }
    return !head->fin || end_message(s, d);
}

static void print_close(const struct stream *s, const unsigned char *data, size_t len) {
    if (len < 2) {
        return;
    }
    fprintf(s->out, "  %-9s  code %u", "close", (unsigned)data[0] << 8 | data[1]);
    if (len > 2) {
        fputs(", reason ", s->out);
        show_text(s->out, (const char *)data + 2, len - 2, REASON_BYTES);
    }
    putc('\n', s->out);
}

/* ---- frames ---- */

static void print_head(struct stream *s, const sio_ws_head *head, size_t at) {
    fprintf(s->out, "%sframe %zu at byte %zu: %s%s%s, from a %s, %" PRIu64 " byte%s\n",
            s->count > 1 ? "\n" : "", s->count, at, head->name, head->fin ? "" : ", not the last",
            (head->rsv & RSV1) != 0 ? ", compressed" : "", head->masked ? "client" : "server",
            head->len, head->len == 1 ? "" : "s");
}

/* Explains a frame that is there as a whole. */
static bool take_frame(struct stream *s, const sio_ws_head *head, char *data) {
    if (head->rule != NULL) {
        return complain(s, head->rule);
    }
    if (head->opcode < CLOSE) {
        return take_data(s, &s->directions[head->masked], head, data);
    }
    if (head->opcode == CLOSE) {
        print_close(s, (const unsigned char *)data, (size_t)head->len);
    } else {
        show_dump(s->out, data, (size_t)head->len, 4);
    }
    return true;
}

bool frames_explain(FILE *out, char *data, size_t len) {
    struct stream s = {.out = out};
    bool fine = true;
    size_t at = 0;
    s.directions[0].explainer.out = out;
    s.directions[1].explainer.out = out;
    while (at < len) {
        size_t skipped = http_head(data + at, len - at);
        sio_ws_head head = {.size = sizeof head};
        at += skipped;
        if (skipped > 0) {
            continue;
        }
        int r = sio_decode_ws(data + at, len - at, &head);
        s.count++;
        if (r > 0) {
            fprintf(out, "frame %zu at byte %zu\n", s.count, at);
            fine = complain(&s, "the capture ends within its head");
            break;
        }
        print_head(&s, &head, at);
        at += head.head_len;
        if (head.len > len - at) {
            fine = head.rule == NULL ? complain(&s, "the capture ends within this frame")
                                     : complain(&s, head.rule);
            break;
        }
        sio_decode_ws_unmask(&head, data + at, (size_t)head.len, 0);
        fine = take_frame(&s, &head, data + at) && fine;
        at += (size_t)head.len;
    }
    for (size_t i = 0; i < 2; i++) {
        fine = explain_end(&s.directions[i].explainer) && fine;
        free(s.directions[i].message);
    }
    return fine;
}
