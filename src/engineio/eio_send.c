/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * What empties the queue of a client. By polling, one POST takes as much of it as the server
 * accepts; a WebSocket gets a window of it, and the rest stays in the queue, where a pong can
 * overtake it.
 */
#include <sio/error.h>

#include "engineio/eio_connection.h"
#include "proto/eio_payload.h"

/* What a part is in a payload: with its type, as base64 if it is binary. */
static size_t payload_bytes(const struct frame_part *part) {
    return part->binary ? 1 + sio__base64_encoded_len(part->len) : part->len;
}

static int append_part(struct buf *out, const struct frame_part *part) {
    struct text data = sio__frame_part_data(part);
    return part->binary ? sio__eio_payload_append_binary(out, 0, data.data, data.len)
                        : sio__eio_payload_append_text(out, 0, data);
}

/* Puts into the payload what the server takes at once (Engine.IO protocol, "maxPayload"), at least
   one packet. @return how many parts of the queue, or an error */
static int build_payload(struct eio_client *c) {
    struct eio_queue_walk walk = {0};
    uint64_t most = c->handshake.max_payload;
    int count = 0;
    int r = 0;
    sio__buf_clear(&c->payload);
    if (c->pong_due) {
        r = sio__eio_payload_append_text(&c->payload, 0, SIO_TEXT("3"));
    }
    const struct frame_part *part = sio__eio_queue_next(&c->queue, &walk);
    while (r == 0 && part != NULL && count < INT32_MAX) {
        size_t before = c->payload.len;
        if (most > 0 && before > 0 && before + 1 + payload_bytes(part) > most) {
            break; /* 1: the separator */
        }
        r = append_part(&c->payload, part);
        count++;
        part = sio__eio_queue_next(&c->queue, &walk);
    }
    return r < 0 ? r : count;
}

/* Takes parts off the queue that are sent. @return whether the client goes on */
static bool take_parts(struct eio_client *c, int count) {
    bool alive = true;
    if (c->pong_due) {
        c->pong_due = false;
        alive = sio__eio_client_trace(c, true, SIO_TEXT("3"), false);
    }
    for (; alive && count > 0; count--) {
        const struct frame_part *part = sio__eio_queue_first(&c->queue);
        alive = sio__eio_client_trace(c, true, sio__frame_part_data(part), part->binary);
        if (alive) {
            size_t before = c->queue.bytes;
            sio__eio_queue_drop(&c->queue, c->frames);
            c->posting_bytes += c->polling != NULL ? before - c->queue.bytes : 0;
        }
    }
    return alive;
}

static void post_queue(struct eio_client *c) {
    int count = build_payload(c);
    int r = count < 0 ? count : sio__eio_polling_post(c->polling, sio__buf_text(&c->payload));
    sio__buf_clear(&c->payload);
    sio__buf_shrink(&c->payload, EIO_KEEP_BYTES);
    if (r < 0) {
        sio__eio_client_finish_status(c, r);
    } else if (take_parts(c, count) && c->queue.len > 0) {
        c->waited = true;
    }
}

static void post_farewell(struct eio_client *c) {
    int r = sio__eio_polling_post(c->polling, SIO_TEXT("1"));
    if (r < 0) {
        sio__eio_client_finish_status(c, r);
        return;
    }
    c->farewell = true;
    sio__eio_polling_pause(c->polling); /* the server forgets the session */
    (void)sio__eio_client_trace(c, true, SIO_TEXT("1"), false);
}

static void tell_drained(struct eio_client *c) {
    if (c->waited) {
        c->waited = false;
        c->ops->on_drain(c);
    }
}

static void send_by_polling(struct eio_client *c) {
    if (sio__eio_polling_posting(c->polling) || sio__eio_client_switching(c) || c->farewell) {
        return;
    }
    if (c->pong_due || c->queue.len > 0) {
        post_queue(c);
    } else if (c->state == EIO_CLIENT_CLOSING) {
        post_farewell(c);
    }
    if (sio__eio_client_lives(c) && c->queue.len == 0 && !sio__eio_polling_posting(c->polling)) {
        tell_drained(c);
    }
}

/* A binary message where the server wants text, or we were told so. */
static int send_base64(struct eio_client *c, const struct frame_part *part) {
    struct eio_packet packet = {
        .type = EIO_MESSAGE, .binary = true, .data = sio__frame_part_data(part)};
    sio__buf_clear(&c->payload);
    int r = sio__eio_packet_append(&c->payload, &packet);
    if (r == 0) {
        r = sio__eio_websocket_send(c->ws, c->payload.data, c->payload.len, false);
    }
    sio__buf_clear(&c->payload);
    sio__buf_shrink(&c->payload, EIO_KEEP_BYTES);
    return r;
}

/* Sends the next packet: a pong overtakes what is queued. */
static int send_next(struct eio_client *c) {
    if (c->pong_due) {
        return sio__eio_websocket_send(c->ws, "3", 1, false);
    }
    const struct frame_part *part = sio__eio_queue_first(&c->queue);
    if (part->binary && c->config->force_base64) {
        return send_base64(c, part);
    }
    return sio__eio_websocket_send(c->ws, part->data, part->len, part->binary);
}

/* True when more may be given to the stream. */
static bool has_window(struct eio_client *c) {
    if (sio__eio_websocket_pending(c->ws) >= EIO_WEBSOCKET_WINDOW) {
        sio__eio_websocket_flush(c->ws);
    }
    return sio__eio_websocket_pending(c->ws) < EIO_WEBSOCKET_WINDOW;
}

static void close_websocket(struct eio_client *c) {
    int r = sio__eio_websocket_close(c->ws);
    if (r < 0) {
        sio__eio_client_finish_status(c, r);
        return;
    }
    c->farewell = true;
}

static void send_by_websocket(struct eio_client *c) {
    bool alive = !c->farewell;
    while (alive && (c->pong_due || c->queue.len > 0) && has_window(c)) {
        int r = send_next(c);
        if (r < 0) {
            sio__eio_client_finish_status(c, r);
            return;
        }
        alive = take_parts(c, c->pong_due ? 0 : 1);
    }
    if (!alive || c->pong_due || c->queue.len > 0) {
        return;
    }
    if (c->state == EIO_CLIENT_CLOSING) {
        close_websocket(c);
        return;
    }
    if (c->waited) {
        sio__eio_websocket_flush(c->ws);
        if (sio__eio_websocket_pending(c->ws) == 0) {
            tell_drained(c);
        }
    }
}

void sio__eio_client_send_queue(struct eio_client *c) {
    if (c->handshake.sid[0] == '\0' || c->ended) {
        return; /* before the handshake, or behind the end */
    }
    if (c->ws != NULL) {
        send_by_websocket(c);
    } else if (c->polling != NULL) {
        send_by_polling(c);
    }
}
