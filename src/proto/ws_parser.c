/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The WebSocket decoder.
 *
 * There are two ways through it. sio__ws_parse() itself takes the frame that nearly all frames are:
 * a short message of one frame, whole in the input, with nothing unfinished before it. Everything
 * else goes through parse_frames(), which keeps what is unfinished in a struct ws_partial: bytes of
 * a header, the message so far, a control frame in between.
 *
 * Every decision is made from the bytes up to a fixed place of the frame (its first two bytes, its
 * header, its payload so far), and as soon as they are there, so it cannot depend on the cuts.
 */
#include "proto/ws_parser.h"

#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/text.h"

/* What a pool keeps: so many objects, with buffers of so many bytes at most. */
#define POOL_COUNT  64
#define POOL_BUFFER ((size_t)16 * 1024)

#define LIKELY(condition) __builtin_expect(!!(condition), 1)

/* What can be wrong: XX(NAME, close code, text) */
#define RULE_MAP(XX)                                                                               \
    XX(RSV, WS_CLOSE_PROTOCOL_ERROR, "a reserved bit is set")                                      \
    XX(OPCODE, WS_CLOSE_PROTOCOL_ERROR, "the opcode is reserved")                                  \
    XX(MASK_MISSING, WS_CLOSE_PROTOCOL_ERROR, "a frame of the client is not masked")               \
    XX(MASK_PRESENT, WS_CLOSE_PROTOCOL_ERROR, "a frame of the server is masked")                   \
    XX(CONTROL_FIN, WS_CLOSE_PROTOCOL_ERROR, "a control frame is fragmented")                      \
    XX(CONTROL_LEN, WS_CLOSE_PROTOCOL_ERROR, "a control frame has more than 125 bytes")            \
    XX(NO_MESSAGE, WS_CLOSE_PROTOCOL_ERROR, "a continuation without a message")                    \
    XX(IN_MESSAGE, WS_CLOSE_PROTOCOL_ERROR, "a new message within a fragmented one")               \
    XX(LEN_ENCODING, WS_CLOSE_PROTOCOL_ERROR, "the length is not in its shortest form")            \
    XX(LEN_TOP_BIT, WS_CLOSE_PROTOCOL_ERROR, "the most significant bit of the length is set")      \
    XX(CLOSE_LEN, WS_CLOSE_PROTOCOL_ERROR, "a close frame has one byte")                           \
    XX(CLOSE_CODE, WS_CLOSE_PROTOCOL_ERROR, "the close code is not allowed")                       \
    XX(UTF8, WS_CLOSE_BAD_DATA, "text is not UTF-8")                                               \
    XX(FRAGMENTS, WS_CLOSE_POLICY, "the message has too many fragments")                           \
    XX(TOO_BIG, WS_CLOSE_TOO_BIG, "the message is too big")                                        \
    XX(NOMEM, WS_CLOSE_INTERNAL, "out of memory")

enum rule {
    RULE_NONE,
#define XX(name, code, text) RULE_##name,
    RULE_MAP(XX)
#undef XX
};

static const struct {
    uint16_t code;
    const char *text;
} rules[] = {{0, NULL},
#define XX(name, code, text) {code, text},
             RULE_MAP(XX)
#undef XX
};

enum state {
    STATE_OPEN,
    STATE_CLOSED, /* a close frame came: no byte after it means anything (RFC 6455 5.5.1) */
    STATE_FAILED,
};

struct ws_partial {
    struct ws_partial *next; /* in the pool */
    struct buf message;      /* payload of the message so far, unmasked */
    uint64_t frame_left;     /* bytes of the frame's payload that have not come */
    size_t frame_done;       /* those that have */
    uint32_t fragments;      /* of the message */
    struct utf8_state utf8;  /* of the message, if it is text */
    bool in_frame;           /* its header is complete, its payload is not */
    bool delivered;          /* only the caller still looks at it: given back by the next call */
    uint8_t opcode;          /* of the message; 0 outside of one */
    uint8_t first_byte;      /* of the frame */
    uint8_t key[4];          /* of the frame */
    uint8_t header_len;
    uint8_t header[WS_HEADER_MAX]; /* of a frame whose header is not complete */
    uint8_t control[WS_CONTROL_MAX];
};

struct header {
    uint64_t payload_len;
    uint8_t first_byte;
    uint8_t size;
    uint8_t key[4];
};

_Static_assert(sizeof(struct ws_parser) <= 24, "one per idle connection");
_Static_assert((int)WS_TEXT == (int)WS_OP_TEXT && (int)WS_BINARY == (int)WS_OP_BINARY,
               "sio__ws_parse() takes an opcode for an event");

/* ---- partial objects ---- */

void sio__ws_pool_init(struct ws_pool *pool) {
    *pool = (struct ws_pool){0};
}

static void free_partial(struct ws_partial *partial) {
    sio__buf_done(&partial->message);
    sio__free(partial);
}

void sio__ws_pool_done(struct ws_pool *pool) {
    if (pool == NULL) {
        return;
    }
    while (pool->free != NULL) {
        struct ws_partial *partial = pool->free;
        pool->free = partial->next;
        free_partial(partial);
    }
    pool->count = 0;
}

static struct ws_partial *take_partial(struct ws_parser *p) {
    struct ws_pool *pool = p->config->pool;
    size_t max = p->config->max_message_bytes;
    struct ws_partial *partial = pool->free;
    struct buf message;
    sio__buf_init(&message, max > 0 ? max : 1);
    if (partial != NULL) {
        pool->free = partial->next;
        pool->count--;
        if (partial->message.cap > message.max) {
            sio__buf_done(&partial->message);
        }
        message.data = partial->message.data;
        message.cap = partial->message.cap;
    } else {
        partial = sio__malloc(sizeof(*partial));
        if (partial == NULL) {
            return NULL;
        }
    }
    partial->message = message;
    partial->in_frame = false;
    partial->delivered = false;
    partial->opcode = 0;
    partial->header_len = 0;
    p->partial = partial;
    return partial;
}

static bool is_full(const struct ws_pool *pool) {
#ifdef SIO_NO_POOL
    (void)pool;
    return true;
#else
    return pool->count >= POOL_COUNT;
#endif
}

static void drop_partial(struct ws_parser *p) {
    struct ws_pool *pool = p->config->pool;
    struct ws_partial *partial = p->partial;
    p->partial = NULL;
    if (is_full(pool)) {
        free_partial(partial);
        return;
    }
    if (partial->message.cap > POOL_BUFFER) {
        sio__buf_done(&partial->message);
    }
    partial->next = pool->free;
    pool->free = partial;
    pool->count++;
}

void sio__ws_parser_init(struct ws_parser *p, const struct ws_config *config) {
    *p = (struct ws_parser){.config = config};
}

void sio__ws_parser_done(struct ws_parser *p) {
    if (p != NULL && p->partial != NULL) {
        drop_partial(p);
    }
}

/* ---- events ---- */

static enum ws_event fail(struct ws_parser *p, enum rule rule, struct ws_message *ret) {
    if (p->partial != NULL) {
        drop_partial(p);
    }
    p->state = STATE_FAILED;
    p->rule = (uint8_t)rule;
    ret->code = rules[rule].code;
    ret->rule = rules[rule].text;
    return WS_ERROR;
}

/* RFC 6455 5.5.1 */
static enum ws_event close_event(struct ws_parser *p, uint8_t *data, size_t len,
                                 struct ws_message *ret) {
    if (len == 1) {
        return fail(p, RULE_CLOSE_LEN, ret);
    }
    uint16_t code = WS_CLOSE_NO_STATUS;
    if (len >= 2) {
        code = (uint16_t)(data[0] << 8 | data[1]);
        data += 2;
        len -= 2;
        if (!sio__ws_close_code_valid(code)) {
            return fail(p, RULE_CLOSE_CODE, ret);
        }
        if (!sio__utf8_valid(data, len)) {
            return fail(p, RULE_UTF8, ret);
        }
    }
    p->state = STATE_CLOSED;
    ret->code = code;
    ret->data = data;
    ret->len = len;
    return WS_CLOSE;
}

static enum ws_event control_event(struct ws_parser *p, uint8_t opcode, uint8_t *data, size_t len,
                                   struct ws_message *ret) {
    if (opcode == WS_OP_CLOSE) {
        return close_event(p, data, len, ret);
    }
    ret->data = data;
    ret->len = len;
    return opcode == WS_OP_PING ? WS_PING : WS_PONG;
}

/* ---- headers ---- */

static bool is_control(uint8_t first_byte) {
    return (first_byte & 0x08) != 0;
}

static bool is_final(uint8_t first_byte) {
    return (first_byte & WS_FIN) != 0;
}

/*
 * Checks what the first two bytes of a frame say (RFC 6455 5.2, 5.4, 5.5).
 *
 * An extension that uses a reserved bit is let in here.
 */
static enum rule check_start(const struct ws_parser *p, uint8_t first, uint8_t second) {
    if ((first & WS_RSV_MASK) != 0) {
        return RULE_RSV;
    }
    bool in_message = p->partial != NULL && p->partial->opcode != 0;
    switch (first & WS_OPCODE_MASK) {
    case WS_OP_CONTINUATION:
        if (!in_message) {
            return RULE_NO_MESSAGE;
        }
        break;
    case WS_OP_TEXT:
    case WS_OP_BINARY:
        if (in_message) {
            return RULE_IN_MESSAGE;
        }
        break;
    case WS_OP_CLOSE:
    case WS_OP_PING:
    case WS_OP_PONG:
        if (!is_final(first)) {
            return RULE_CONTROL_FIN;
        }
        if ((second & WS_LEN_MASK) > WS_CONTROL_MAX) {
            return RULE_CONTROL_LEN;
        }
        break;
    default: return RULE_OPCODE;
    }
    bool masked = (second & WS_MASKED) != 0;
    if (masked == p->config->is_server) {
        return RULE_NONE;
    }
    return masked ? RULE_MASK_PRESENT : RULE_MASK_MISSING;
}

/* Checks the complete header of a data frame: its length, and the limits. */
static enum rule check_data(const struct ws_parser *p, const struct header *h, size_t len_bytes) {
    static const uint64_t least[] = {[0] = 0, [2] = WS_LEN_16, [8] = UINT64_C(1) << 16};
    if (h->payload_len < least[len_bytes]) {
        return RULE_LEN_ENCODING;
    }
    if (h->payload_len >> 63 != 0) {
        return RULE_LEN_TOP_BIT;
    }
    const struct ws_partial *partial = p->partial;
    bool in_message = partial != NULL && partial->opcode != 0;
    size_t have = in_message ? partial->message.len : 0;
    if (h->payload_len > p->config->max_message_bytes - have) {
        return RULE_TOO_BIG;
    }
    /* Every frame costs work, also an empty one, so their number is limited, too. */
    if (in_message && partial->fragments >= p->config->max_fragments) {
        return RULE_FRAGMENTS;
    }
    return RULE_NONE;
}

/*
 * Reads a header. ret->size is 0 as long as bytes are missing, and nothing was found wrong so far.
 */
static enum rule read_header(const struct ws_parser *p, const uint8_t *data, size_t len,
                             struct header *ret) {
    ret->size = 0;
    if (len < 2) {
        return RULE_NONE;
    }
    enum rule rule = check_start(p, data[0], data[1]);
    if (rule != RULE_NONE) {
        return rule;
    }
    size_t len_bytes = 0;
    uint64_t payload_len = data[1] & WS_LEN_MASK;
    if (payload_len > WS_CONTROL_MAX) {
        len_bytes = payload_len == WS_LEN_16 ? 2 : 8;
        payload_len = 0;
    }
    size_t size = 2 + len_bytes + (p->config->is_server ? 4 : 0);
    if (len < size) {
        return RULE_NONE;
    }
    for (size_t i = 0; i < len_bytes; i++) {
        payload_len = payload_len << 8 | data[2 + i];
    }
    if (len_bytes == 0) {
        payload_len = data[1] & WS_LEN_MASK;
    }
    ret->payload_len = payload_len;
    ret->first_byte = data[0];
    ret->size = (uint8_t)size;
    if (p->config->is_server) {
        memcpy(ret->key, data + size - 4, 4);
    }
    return is_control(data[0]) ? RULE_NONE : check_data(p, ret, len_bytes);
}

/* As read_header(), with the bytes of the header that were stored; moves *at behind the header. */
static enum rule take_header(struct ws_parser *p, const uint8_t *data, size_t len, size_t *at,
                             struct header *ret) {
    struct ws_partial *partial = p->partial;
    if (partial == NULL || partial->header_len == 0) {
        enum rule rule = read_header(p, data + *at, len - *at, ret);
        *at += ret->size;
        if (rule != RULE_NONE || ret->size > 0) {
            return rule;
        }
        if (partial == NULL) {
            partial = take_partial(p);
            if (partial == NULL) {
                return RULE_NOMEM;
            }
        }
    }
    enum rule rule = RULE_NONE;
    ret->size = 0;
    while (*at < len && rule == RULE_NONE && ret->size == 0) {
        partial->header[partial->header_len] = data[*at];
        partial->header_len++;
        (*at)++;
        rule = read_header(p, partial->header, partial->header_len, ret);
    }
    if (ret->size > 0) {
        partial->header_len = 0;
    }
    return rule;
}

/* ---- payload ---- */

/* Unmasks; returns whether it is known that all bytes are ASCII. */
static bool unmask(const struct ws_parser *p, uint8_t *data, size_t len, const uint8_t *key,
                   size_t offset) {
    return p->config->is_server && sio__ws_mask_ascii(data, len, key, offset);
}

/* Delivers a frame that is an event by itself out of the input. */
static enum ws_event whole_frame(struct ws_parser *p, const struct header *h, uint8_t *data,
                                 struct ws_message *ret) {
    size_t len = (size_t)h->payload_len;
    uint8_t opcode = h->first_byte & WS_OPCODE_MASK;
    bool ascii = unmask(p, data, len, h->key, 0);
    if (is_control(h->first_byte)) {
        return control_event(p, opcode, data, len, ret);
    }
    if (opcode == WS_OP_TEXT && !ascii && !sio__utf8_valid(data, len)) {
        return fail(p, RULE_UTF8, ret);
    }
    ret->data = data;
    ret->len = len;
    return opcode == WS_OP_TEXT ? WS_TEXT : WS_BINARY;
}

/* Stores the start of a frame. */
static enum rule begin_frame(struct ws_parser *p, const struct header *h) {
    struct ws_partial *partial = p->partial;
    if (partial == NULL) {
        partial = take_partial(p);
        if (partial == NULL) {
            return RULE_NOMEM;
        }
    }
    partial->in_frame = true;
    partial->frame_left = h->payload_len;
    partial->frame_done = 0;
    partial->first_byte = h->first_byte;
    memcpy(partial->key, h->key, 4);
    if (is_control(h->first_byte)) {
        return RULE_NONE;
    }
    if (partial->opcode == 0) {
        partial->opcode = h->first_byte & WS_OPCODE_MASK;
        partial->fragments = 0;
        partial->utf8 = (struct utf8_state){0};
    }
    partial->fragments++;
    return RULE_NONE;
}

/* Stores a piece of a frame's payload. */
static enum rule add_payload(struct ws_parser *p, uint8_t *data, size_t len) {
    struct ws_partial *partial = p->partial;
    bool ascii = unmask(p, data, len, partial->key, partial->frame_done);
    if (is_control(partial->first_byte)) {
        memcpy(partial->control + partial->frame_done, data, len);
    } else {
        bool known = ascii && sio__utf8_complete(&partial->utf8);
        if (partial->opcode == WS_OP_TEXT && !known && !sio__utf8_feed(&partial->utf8, data, len)) {
            return RULE_UTF8;
        }
        if (sio__buf_append(&partial->message, data, len) < 0) {
            return RULE_NOMEM;
        }
    }
    partial->frame_left -= len;
    partial->frame_done += len;
    return RULE_NONE;
}

/* The stored frame is complete: delivers it, or the message that it ends. */
static enum ws_event end_frame(struct ws_parser *p, struct ws_message *ret) {
    struct ws_partial *partial = p->partial;
    partial->in_frame = false;
    if (is_control(partial->first_byte)) {
        partial->delivered = partial->opcode == 0;
        return control_event(p, partial->first_byte & WS_OPCODE_MASK, partial->control,
                             partial->frame_done, ret);
    }
    if (!is_final(partial->first_byte)) {
        return WS_MORE;
    }
    bool text = partial->opcode == WS_OP_TEXT;
    if (text && !sio__utf8_complete(&partial->utf8)) {
        return fail(p, RULE_UTF8, ret);
    }
    partial->delivered = true;
    ret->len = partial->message.len;
    ret->data = ret->len > 0 ? partial->message.data : partial->control;
    return text ? WS_TEXT : WS_BINARY;
}

/* ---- the two ways ---- */

/* What had a part of a header is of no use any more, unless a message is unfinished. */
static void drop_header(struct ws_parser *p, bool in_message) {
    if (p->partial != NULL && !in_message) {
        drop_partial(p);
    }
}

/* Takes frames of any kind up to the next event. */
static enum ws_event parse_frames(struct ws_parser *p, uint8_t *data, size_t len, size_t *at,
                                  struct ws_message *ret) {
    while (*at < len) {
        if (p->partial == NULL || !p->partial->in_frame) {
            struct header h;
            enum rule rule = take_header(p, data, len, at, &h);
            if (rule != RULE_NONE) {
                return fail(p, rule, ret);
            }
            if (h.size == 0) {
                return WS_MORE;
            }
            bool in_message = p->partial != NULL && p->partial->opcode != 0;
            bool event = is_control(h.first_byte) || (is_final(h.first_byte) && !in_message);
            if (event && h.payload_len <= len - *at) {
                uint8_t *payload = data + *at;
                *at += (size_t)h.payload_len;
                drop_header(p, in_message);
                return whole_frame(p, &h, payload, ret);
            }
            rule = begin_frame(p, &h);
            if (rule != RULE_NONE) {
                return fail(p, rule, ret);
            }
        }
        size_t n = len - *at;
        if (n > p->partial->frame_left) {
            n = (size_t)p->partial->frame_left;
        }
        enum rule rule = add_payload(p, data + *at, n);
        *at += n;
        if (rule != RULE_NONE) {
            return fail(p, rule, ret);
        }
        if (p->partial->frame_left == 0) {
            enum ws_event event = end_frame(p, ret);
            if (event != WS_MORE) {
                return event;
            }
        }
    }
    return WS_MORE;
}

static enum ws_event parse_any(struct ws_parser *p, uint8_t *data, size_t len, size_t *ret_used,
                               struct ws_message *ret) {
    *ret_used = 0;
    if (p->partial != NULL && p->partial->delivered) {
        drop_partial(p);
    }
    if (p->state == STATE_FAILED) {
        return fail(p, p->rule, ret);
    }
    if (p->state == STATE_CLOSED) {
        *ret_used = len;
        return WS_MORE;
    }
    return parse_frames(p, data, len, ret_used, ret);
}

enum ws_event sio__ws_parse(struct ws_parser *p, uint8_t *data, size_t len, size_t *ret_used,
                            struct ws_message *ret) {
    if (!LIKELY(p->partial == NULL && p->state == STATE_OPEN && len >= 4)) {
        return parse_any(p, data, len, ret_used, ret);
    }
    uint8_t opcode = data[0] ^ WS_FIN;
    size_t payload_len = data[1] ^ (p->config->is_server ? WS_MASKED : 0);
    size_t at = p->config->is_server ? 6 : 2;
    if (payload_len == WS_LEN_16) {
        payload_len = (size_t)data[2] << 8 | data[3];
        at += 2;
        if (payload_len < WS_LEN_16) {
            return parse_any(p, data, len, ret_used, ret);
        }
    } else if (payload_len > WS_CONTROL_MAX) {
        return parse_any(p, data, len, ret_used, ret);
    }
    if (!LIKELY((opcode == WS_OP_TEXT || opcode == WS_OP_BINARY) && at + payload_len <= len &&
                payload_len <= p->config->max_message_bytes)) {
        return parse_any(p, data, len, ret_used, ret);
    }
    uint8_t *payload = data + at;
    bool ascii = unmask(p, payload, payload_len, payload - 4, 0);
    *ret_used = at + payload_len;
    if (!ascii && opcode == WS_OP_TEXT && !sio__utf8_valid(payload, payload_len)) {
        return fail(p, RULE_UTF8, ret);
    }
    ret->data = payload;
    ret->len = payload_len;
    return (enum ws_event)opcode;
}
