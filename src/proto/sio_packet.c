/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Decoder and encoder for the head of Socket.IO packets. Nearly all packets are events of the main
 * namespace without acknowledgement, `2["name",...]`: they leave the decoder at its first test.
 * Those with one, and the acknowledgements, leave it at the second.
 */
#include "proto/sio_packet.h"

#include <string.h>

#include "proto/pack.h"

static const char MAIN_NAMESPACE[] = "/";

const char *sio__packet_error_text(enum packet_error error) {
    switch (error) {
#define XX(name, text)                                                                             \
    case PACKET_##name: return text;
        PACKET_ERROR_MAP(XX)
#undef XX
    case PACKET_OK: break;
    }
    return "success";
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Reads `1*DIGIT "-"` and moves *pos behind it. A count above the limit is not computed any
 * further, but the rest of its form is still checked. */
static enum packet_error read_attachments(const char **pos, const char *end, uint32_t max,
                                          uint32_t *ret_count) {
    const char *p = *pos;
    uint64_t count = 0;
    for (; p < end && is_digit(*p); p++) {
        if (count <= max) {
            count = count * 10 + (uint64_t)(*p - '0');
        }
    }
    if (p == end || *p != '-' || count == 0) {
        return PACKET_ILLEGAL_ATTACHMENTS;
    }
    if (count > max) {
        return PACKET_TOO_MANY_ATTACHMENTS;
    }
    *pos = p + 1;
    *ret_count = (uint32_t)count;
    return PACKET_OK;
}

/* Reads `"/" ... ","` up to the comma or the end of the text, and moves *pos behind the comma. */
static struct text read_namespace(const char **pos, const char *end) {
    const char *begin = *pos;
    const char *comma = memchr(begin, ',', (size_t)(end - begin));
    *pos = comma ? comma + 1 : end;
    return (struct text){begin, (size_t)((comma ? comma : end) - begin)};
}

/* An event with an id, or its answer, in the main namespace. So many digits are no number above the
 * limit, whatever they are.
 * @return false when the long way has to be taken */
static bool decode_numbered(const char *text, size_t len, struct sio_packet *ret) {
    enum { DIGITS_MAX = 15 };
    if (len < 2 || (text[0] != '2' && text[0] != '3')) {
        return false;
    }
    size_t end = len <= DIGITS_MAX ? len : DIGITS_MAX + 1;
    size_t i = 1;
    uint64_t id = 0;
    for (; i < end && is_digit(text[i]); i++) {
        id = id * 10 + (uint64_t)(text[i] - '0');
    }
    if (i == 1 || i == len || text[i] != '[') {
        return false;
    }
    *ret = (struct sio_packet){.type = text[0] == '2' ? SIO_PACKET_EVENT : SIO_PACKET_ACK,
                               .nsp = {MAIN_NAMESPACE, 1},
                               .json = {text + i, len - i},
                               .id = id,
                               .has_id = true};
    return true;
}

enum packet_error sio__packet_decode(const char *text, size_t len, uint32_t max_attachments,
                                     struct sio_packet *ret) {
    if (len >= 2 && text[0] == '2' && text[1] == '[') {
        *ret = (struct sio_packet){
            .type = SIO_PACKET_EVENT, .nsp = {MAIN_NAMESPACE, 1}, .json = {text + 1, len - 1}};
        return PACKET_OK;
    }
    if (decode_numbered(text, len, ret)) {
        return PACKET_OK;
    }
    if (len == 0 || text[0] < '0' || text[0] > '6') {
        return PACKET_UNKNOWN_TYPE;
    }
    enum sio_packet_type type = (enum sio_packet_type)(text[0] - '0');
    const char *p = text + 1;
    const char *end = text + len;
    uint32_t attachments = 0;
    if (type >= SIO_PACKET_BINARY_EVENT) {
        enum packet_error error = read_attachments(&p, end, max_attachments, &attachments);
        if (error) {
            return error;
        }
    }
    struct text nsp = {MAIN_NAMESPACE, 1};
    if (p < end && *p == '/') {
        nsp = read_namespace(&p, end);
    }
    const char *digits = p;
    uint64_t id = 0;
    for (; p < end && is_digit(*p); p++) {
        id = id * 10 + (uint64_t)(*p - '0');
        if (id > SIO_PACKET_MAX_ID) {
            return PACKET_ILLEGAL_ID;
        }
    }
    if (type == SIO_PACKET_DISCONNECT && p < end) {
        return PACKET_INVALID_PAYLOAD;
    }
    *ret = (struct sio_packet){.type = type,
                               .attachments = attachments,
                               .nsp = nsp,
                               .json = {p, (size_t)(end - p)},
                               .id = id,
                               .has_id = p > digits};
    return PACKET_OK;
}

/* The first element of an event: its name, or a number (which no handler can be registered for, but
 * which the reference implementation accepts). */
static bool is_event_name(const sio_val *v) {
    size_t len = 0;
    const char *name = sio_val_str(v, &len);
    if (name) {
        return !sio__event_name_reserved((struct text){name, len});
    }
    int type = sio_val_type(v);
    return type == SIO_INT || type == SIO_REAL;
}

enum packet_error sio__packet_check_shape(enum sio_packet_type type, const sio_val *root) {
    if (!root) {
        return PACKET_OK;
    }
    int is = sio_val_type(root);
    bool fits = false;
    switch (type) {
    case SIO_PACKET_CONNECT: fits = is == SIO_OBJECT; break;
    case SIO_PACKET_DISCONNECT: break;
    case SIO_PACKET_CONNECT_ERROR: fits = is == SIO_OBJECT || is == SIO_STRING; break;
    case SIO_PACKET_EVENT:
    case SIO_PACKET_BINARY_EVENT:
        fits = is == SIO_ARRAY && is_event_name(sio_val_at(root, 0));
        break;
    case SIO_PACKET_ACK:
    case SIO_PACKET_BINARY_ACK: fits = is == SIO_ARRAY; break;
    }
    return fits ? PACKET_OK : PACKET_INVALID_PAYLOAD;
}

/* Writes `type [attachments "-"]`, at most 12 bytes. */
static size_t write_type(char *dst, enum sio_packet_type type, uint32_t attachments) {
    char *p = dst;
    *p++ = (char)('0' + type);
    if (type >= SIO_PACKET_BINARY_EVENT) {
        p += sio__u64_write(p, attachments);
        *p++ = '-';
    }
    return (size_t)(p - dst);
}

int sio__packet_head(struct buf *out, enum sio_packet_type type, uint32_t attachments,
                     struct text nsp, bool has_id, uint64_t id) {
    char first[12];
    size_t first_len = write_type(first, type, attachments);
    char last[SIO_U64_CHARS];
    size_t last_len = has_id ? sio__u64_write(last, id) : 0;
    size_t nsp_len = nsp.len > 1 ? nsp.len + 1 : 0;
    int r = sio__buf_reserve(out, first_len + nsp_len + last_len);
    if (r < 0) {
        return r;
    }
    uint8_t *p = out->data + out->len;
    memcpy(p, first, first_len);
    p += first_len;
    if (nsp_len > 0) {
        memcpy(p, nsp.data, nsp.len);
        p[nsp.len] = ',';
        p += nsp_len;
    }
    memcpy(p, last, last_len);
    out->len += first_len + nsp_len + last_len;
    return 0;
}
