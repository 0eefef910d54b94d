/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * <sio/decode.h>: explains packets and heads of frames, over the decoders that clients and servers
 * use. So what is accepted here is what they accept, but for limits: there are none.
 *
 * Those decoders only say what is wrong. Where it is wrong is found out here afterwards, when it is
 * clear that there is an error, so that they stay as quick as they are.
 */
#include <sio/decode.h>

#include <string.h>
#include <yyjson.h>

#include <sio/error.h>

#include "base/alloc.h"
#include "base/text.h"
#include "proto/eio_packet.h"
#include "proto/eio_payload.h"
#include "proto/pack.h"
#include "proto/sio_packet.h"
#include "proto/value.h"
#include "proto/ws_frame.h"

/* What sio_decode_packet() works on. */
struct decoding {
    struct text in;   /* the whole input */
    sio_decoded said; /* so far */
};

static int fail(struct decoding *d, int status, const char *at, const char *rule) {
    d->said.rule = rule;
    d->said.position = (size_t)(at - d->in.data);
    return status;
}

/* ---- UTF-8 and JSON ---- */

/* Where the first character stands that is not UTF-8; the end when it is cut off there. */
static const char *not_utf8(struct text t) {
    struct utf8_state state = {0};
    for (size_t i = 0; i < t.len; i++) {
        if (!sio__utf8_feed(&state, (const uint8_t *)t.data + i, 1)) {
            return t.data + i;
        }
    }
    return t.data + t.len;
}

static void *take(void *ctx, size_t size) {
    (void)ctx;
    return sio__malloc(size);
}

static void *retake(void *ctx, void *p, size_t old_size, size_t size) {
    (void)ctx;
    (void)old_size;
    return sio__realloc(p, size);
}

static void give_back(void *ctx, void *p) {
    (void)ctx;
    sio__free(p);
}

/* yyjson's codes are variables, so that they can stand in no table and in no case. */
static const char *json_rule(yyjson_read_code code) {
    if (code == YYJSON_READ_ERROR_UNEXPECTED_CONTENT) {
        return "malformed JSON: something follows the value";
    }
    if (code == YYJSON_READ_ERROR_UNEXPECTED_END) {
        return "malformed JSON: unexpected end";
    }
    if (code == YYJSON_READ_ERROR_INVALID_NUMBER) {
        return "malformed JSON: not a number";
    }
    if (code == YYJSON_READ_ERROR_INVALID_STRING) {
        return "malformed JSON: not allowed in a string";
    }
    return "malformed JSON: unexpected character";
}

/* Says why a text is not JSON. */
static int explain_json(struct decoding *d, struct text json) {
    yyjson_alc alc = {take, retake, give_back, NULL};
    yyjson_read_err err = {.msg = "", .pos = 0};
    yyjson_doc *doc = yyjson_read_opts((char *)json.data, json.len, YYJSON_READ_NOFLAG, &alc, &err);
    yyjson_doc_free(doc);
    if (err.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION) {
        return SIO_ERR_NOMEM;
    }
    if (json.len == 0) {
        err.code = YYJSON_READ_ERROR_UNEXPECTED_END;
    }
    size_t at = err.pos < json.len ? err.pos : json.len;
    return fail(d, SIO_ERR_JSON, json.data + at, json_rule(err.code));
}

/* ---- Socket.IO ---- */

static bool is_event(int type) {
    return type == SIO_PACKET_EVENT || type == SIO_PACKET_BINARY_EVENT;
}

static bool is_ack(int type) {
    return type == SIO_PACKET_ACK || type == SIO_PACKET_BINARY_ACK;
}

/* In the words of the protocol. */
static const char *shape_of(int type) {
    switch (type) {
    case SIO_PACKET_CONNECT: return "invalid payload: a CONNECT has an object, or nothing";
    case SIO_PACKET_DISCONNECT: return "invalid payload: a DISCONNECT has none";
    case SIO_PACKET_CONNECT_ERROR:
        return "invalid payload: a CONNECT_ERROR has an object or a string";
    case SIO_PACKET_ACK:
    case SIO_PACKET_BINARY_ACK: return "invalid payload: an ACK has an array";
    default:
        return "invalid payload: an EVENT has an array that begins with a name which is not "
               "reserved";
    }
}

static const char *skip_digits(const char *p, const char *end) {
    while (p < end && *p >= '0' && *p <= '9') {
        p++;
    }
    return p;
}

/* Where the head of a packet breaks the rule that sio__packet_decode() names. */
static int explain_head(struct decoding *d, struct text packet, enum packet_error error) {
    const char *end = packet.data + packet.len;
    if (error == PACKET_UNKNOWN_TYPE) {
        return fail(d, SIO_ERR_PROTO, packet.data,
                    packet.len == 0 ? "a Socket.IO packet has a type"
                                    : "unknown packet type: 0 to 6 are known");
    }
    const char *p = packet.data + 1;
    if (error == PACKET_ILLEGAL_ATTACHMENTS) {
        const char *digits = skip_digits(p, end);
        return digits > p && digits < end && *digits == '-'
                   ? fail(d, SIO_ERR_PROTO, p, "Illegal attachments: there is at least one")
                   : fail(d, SIO_ERR_PROTO, digits,
                          "Illegal attachments: their number and '-' follow the type");
    }
    if (error == PACKET_TOO_MANY_ATTACHMENTS) {
        return fail(d, SIO_ERR_PROTO, p, sio__packet_error_text(error));
    }
    if (*packet.data >= '0' + SIO_PACKET_BINARY_EVENT) {
        p = skip_digits(p, end) + 1;
    }
    if (p < end && *p == '/') {
        const char *comma = memchr(p, ',', (size_t)(end - p));
        p = comma ? comma + 1 : end;
    }
    return error == PACKET_ILLEGAL_ID
               ? fail(d, SIO_ERR_PROTO, p, "Illegal acknowledgement id: above 2^53 - 1")
               : fail(d, SIO_ERR_PROTO, skip_digits(p, end), shape_of(SIO_PACKET_DISCONNECT));
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* In a checked array: a value, or its end, follows. */
static const char *skip_blanks(const char *p) {
    while (is_blank(*p)) {
        p++;
    }
    return p;
}

/* Parts of a checked JSON text: the name of an event, and arguments. */
static void divide(sio_decoded *said, const struct value_doc *doc, struct text json) {
    if (!is_event(said->type) && !is_ack(said->type)) {
        said->json = json.data;
        said->json_len = json.len;
        return;
    }
    struct value_args args = {.root = doc->root, .json = json, .first = is_event(said->type)};
    struct text rest = sio__args_text(&args);
    if (rest.len > 0) {
        said->json = rest.data;
        said->json_len = rest.len;
    }
    if (is_event(said->type)) {
        const char *first = skip_blanks(skip_blanks(json.data) + 1);
        const char *last = first + 1;
        if (*first == '"') {
            for (; *last != '"'; last++) {
                last += *last == '\\';
            }
            last++;
        } else {
            while (!is_blank(*last) && *last != ',' && *last != ']') {
                last++;
            }
        }
        said->event = first;
        said->event_len = (size_t)(last - first);
    }
}

static int decode_json(struct decoding *d, struct text json) {
    struct value_doc doc = {0};
    int r = sio__value_parse(NULL, json.data, json.len, &doc);
    if (r == SIO_ERR_JSON) {
        return explain_json(d, json);
    }
    if (r < 0) {
        return r;
    }
    if (sio__packet_check_shape((enum sio_packet_type)d->said.type, doc.root)) {
        r = fail(d, SIO_ERR_PROTO, json.data, shape_of(d->said.type));
    } else {
        divide(&d->said, &doc, json);
    }
    sio__value_release(&doc);
    return r;
}

static int decode_inner(struct decoding *d, struct text packet) {
    static const char *const NAMES[] = {"CONNECT",       "DISCONNECT",   "EVENT",     "ACK",
                                        "CONNECT_ERROR", "BINARY_EVENT", "BINARY_ACK"};
    struct sio_packet head;
    enum packet_error error = sio__packet_decode(packet.data, packet.len, UINT32_MAX, &head);
    if (error != PACKET_UNKNOWN_TYPE) {
        d->said.type = packet.data[0] - '0';
        d->said.type_name = NAMES[d->said.type];
    }
    if (error) {
        return explain_head(d, packet, error);
    }
    d->said.attachments = head.attachments;
    d->said.has_id = head.has_id;
    d->said.id = head.id;
    d->said.nsp = head.nsp.data;
    d->said.nsp_len = head.nsp.len;
    return head.json.len > 0 ? decode_json(d, head.json) : 0;
}

/* ---- Engine.IO ---- */

/* The position of the first byte that base64 (RFC 4648 4) cannot have there; its end for a group
 * that is cut off. */
static const char *not_base64(struct text digits) {
    static const char ALPHABET[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < digits.len; i++) {
        if (!memchr(ALPHABET, digits.data[i], sizeof(ALPHABET) - 1)) {
            return digits.data + i;
        }
    }
    return digits.data + digits.len;
}

static int decode_base64(struct decoding *d, struct text digits) {
    struct buf bytes;
    struct eio_packet packet;
    sio__buf_init(&bytes, SIZE_MAX);
    int r = sio__eio_packet_decode(d->in, &bytes, &packet);
    if (r == SIO_ERR_PROTO) {
        r = fail(d, r, not_base64(digits), "not base64");
    } else if (r == 0) {
        d->said.bytes = packet.data.len;
        d->said.base64 = true;
    }
    sio__buf_done(&bytes);
    return r;
}

static int decode_engine(struct decoding *d) {
    struct text in = d->in;
    if (in.len == 0) {
        return fail(d, SIO_ERR_PROTO, in.data, "an Engine.IO packet has a type");
    }
    char type = in.data[0];
    if (type != 'b' && (type < '0' || type > '6')) {
        return fail(d, SIO_ERR_PROTO, in.data,
                    "unknown Engine.IO packet type: 0 to 6 and b are known");
    }
    struct text data = {in.data + 1, in.len - 1};
    d->said.engine = type == 'b' ? EIO_MESSAGE : type - '0';
    d->said.engine_name = sio__eio_packet_name((enum eio_packet_type)d->said.engine);
    d->said.data = data.data;
    d->said.data_len = data.len;
    if (type == 'b') {
        d->said.binary = true;
        return decode_base64(d, data);
    }
    if (!sio__utf8_valid((const uint8_t *)data.data, data.len)) {
        return fail(d, SIO_ERR_PROTO, not_utf8(data), "not UTF-8");
    }
    if (d->said.engine == EIO_MESSAGE) {
        return decode_inner(d, data);
    }
    if (d->said.engine == EIO_OPEN) { /* the handshake */
        struct value_doc doc = {0};
        int r = sio__value_parse(NULL, data.data, data.len, &doc);
        if (r == SIO_ERR_JSON) {
            return explain_json(d, data);
        }
        if (r == 0 && sio_val_type(doc.root) != SIO_OBJECT) {
            r = fail(d, SIO_ERR_PROTO, data.data, "a handshake is an object");
        }
        sio__value_release(&doc);
        return r;
    }
    return 0;
}

static int decode_bytes(struct decoding *d) {
    d->said.engine = EIO_MESSAGE;
    d->said.engine_name = sio__eio_packet_name(EIO_MESSAGE);
    d->said.binary = true;
    d->said.data = d->in.data;
    d->said.data_len = d->in.len;
    d->said.bytes = d->in.len;
    return 0;
}

/* ---- the interface ---- */

int sio_decode_packet(const void *data, size_t len, unsigned flags, sio_decoded *ret_decoded) {
    if (!data || !ret_decoded || ret_decoded->size < sizeof(size_t)) {
        return SIO_ERR_INVALID;
    }
    struct decoding d = {.in = {data, len}};
    d.said = (sio_decoded){
        .size = ret_decoded->size, .engine = -1, .engine_name = "", .type = -1, .type_name = ""};
    int r;
    if (flags & SIO_DECODE_BINARY) {
        r = decode_bytes(&d);
    } else if (!(flags & SIO_DECODE_INNER)) {
        r = decode_engine(&d);
    } else if (!sio__utf8_valid(data, len)) {
        r = fail(&d, SIO_ERR_PROTO, not_utf8(d.in), "not UTF-8");
    } else {
        r = decode_inner(&d, d.in);
    }
    size_t known = ret_decoded->size < sizeof(d.said) ? ret_decoded->size : sizeof(d.said);
    memcpy(ret_decoded, &d.said, known);
    return r;
}

bool sio_decode_payload(const void *payload, size_t len, sio_payload_iter *it) {
    size_t start = it->index == 0 ? 0 : it->offset + it->len + 1;
    if (start > len) {
        return false;
    }
    const char *rest = payload ? (const char *)payload + start : "";
    const char *end = memchr(rest, EIO_PAYLOAD_SEPARATOR, len - start);
    *it = (sio_payload_iter){.packet = rest,
                             .len = end ? (size_t)(end - rest) : len - start,
                             .offset = start,
                             .index = it->index + 1};
    return true;
}

static const char *ws_name(int opcode) {
    switch (opcode) {
    case WS_OP_CONTINUATION: return "continuation";
    case WS_OP_TEXT: return "text";
    case WS_OP_BINARY: return "binary";
    case WS_OP_CLOSE: return "close";
    case WS_OP_PING: return "ping";
    case WS_OP_PONG: return "pong";
    default: return "reserved";
    }
}

/* The rule that a head breaks, NULL for none. @param extra  bytes of the length behind the second
 */
static const char *ws_rule(const sio_ws_head *head, size_t extra) {
    bool control = head->opcode >= WS_OP_CLOSE;
    if (strcmp(head->name, "reserved") == 0) {
        return "reserved opcode (RFC 6455 5.2)";
    }
    if ((head->rsv & 3) != 0 || (control && head->rsv != 0)) {
        return "reserved bits are set (RFC 6455 5.2)";
    }
    if (control && !head->fin) {
        return "a control frame is not fragmented (RFC 6455 5.5)";
    }
    if (control && head->len > WS_CONTROL_MAX) {
        return "a control frame has at most 125 bytes (RFC 6455 5.5)";
    }
    if (head->len >> 63 != 0) {
        return "the length has 63 bits (RFC 6455 5.2)";
    }
    if ((extra == 2 && head->len <= WS_CONTROL_MAX) || (extra == 8 && head->len <= UINT16_MAX)) {
        return "the length is written in the fewest bytes (RFC 6455 5.2)";
    }
    return NULL;
}

int sio_decode_ws(const void *data, size_t len, sio_ws_head *ret_head) {
    if (!data || !ret_head || ret_head->size < sizeof(size_t)) {
        return SIO_ERR_INVALID;
    }
    const uint8_t *p = data;
    if (len < 2) {
        return 1;
    }
    uint8_t form = p[1] & WS_LEN_MASK;
    size_t extra = form == WS_LEN_64 ? 8 : form == WS_LEN_16 ? 2 : 0;
    bool masked = (p[1] & WS_MASKED) != 0;
    size_t head_len = 2 + extra + (masked ? 4 : 0);
    if (len < head_len) {
        return 1;
    }
    sio_ws_head head = {.size = ret_head->size,
                        .head_len = head_len,
                        .len = extra == 0 ? form : 0,
                        .opcode = p[0] & WS_OPCODE_MASK,
                        .fin = (p[0] & WS_FIN) != 0,
                        .rsv = (unsigned)(p[0] & WS_RSV_MASK) >> 4,
                        .masked = masked};
    for (size_t i = 0; i < extra; i++) {
        head.len = head.len << 8 | p[2 + i];
    }
    if (masked) {
        memcpy(head.key, p + 2 + extra, 4);
    }
    head.name = ws_name(head.opcode);
    head.rule = ws_rule(&head, extra);
    memcpy(ret_head, &head, ret_head->size < sizeof(head) ? ret_head->size : sizeof(head));
    return head.rule ? SIO_ERR_PROTO : 0;
}

void sio_decode_ws_unmask(const sio_ws_head *head, void *data, size_t len, size_t offset) {
    if (head && head->masked && data && len > 0) {
        sio__ws_mask(data, len, head->key, offset);
    }
}
