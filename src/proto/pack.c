/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Formats for writing, and packets around what they write.
 *
 * Where commas are needed is seen from the last byte written (sio__json_separate()), and which
 * brackets are open from a word with one bit per level: a format needs no state in memory.
 */
#include "proto/pack.h"

#include <string.h>

#include <sio/error.h>

#include "proto/msg.h"
#include "proto/sio_packet.h"

/* Room before the type digit, for "45" and the number of attachments; the hyphen takes its place.
 */
#define HEADROOM 16

/* Added to the type of a packet that has attachments. */
#define BINARY_OFFSET (SIO_PACKET_BINARY_EVENT - SIO_PACKET_EVENT)

/* ---- packer ---- */

void sio__packer_init(struct packer *p, size_t max_bytes) {
    *p = (struct packer){.start = HEADROOM};
    size_t room = HEADROOM - 1; /* the 4 counts */
    sio__buf_init(&p->text, max_bytes < SIZE_MAX - room ? max_bytes + room : SIZE_MAX);
    sio__value_scratch_init(&p->scratch, VALUE_SCRATCH_BYTES);
}

void sio__packer_reset(struct packer *p) {
    sio__buf_clear(&p->text);
    p->attachments.len = 0;
    p->placeholder = false;
}

void sio__packer_trim(struct packer *p, size_t keep) {
    sio__packer_reset(p);
    sio__buf_shrink(&p->text, keep);
    sio__json_attachments_done(&p->attachments);
    sio__value_scratch_done(&p->scratch);
}

void sio__packer_done(struct packer *p) {
    if (!p) {
        return;
    }
    sio__buf_done(&p->text);
    sio__json_attachments_done(&p->attachments);
    sio__value_scratch_done(&p->scratch);
}

/* Checks raw JSON text, and notes whether it has a literal placeholder. */
static int check_json(struct packer *p, struct text json) {
    struct value_doc doc;
    int r = sio__value_parse(&p->scratch, json.data, json.len, &doc);
    if (r < 0) {
        return r;
    }
    p->placeholder |= sio__value_has_placeholder(doc.root);
    sio__value_release(&doc);
    return 0;
}

/* ---- values by format ---- */

struct packing {
    struct packer *packer;
    const char *format; /* what is left of it */
    va_list *ap;
    uint64_t objects; /* bit i is set: the bracket opened at depth i is that of an object */
    uint32_t depth;
};

/* The next letter of the format; 0 at its end, where it stays. */
static char next_letter(struct packing *s) {
    for (;;) {
        char c = *s->format;
        if (c == '\0') {
            return c;
        }
        s->format++;
        if (c != ' ' && c != ',' && c != '\t' && c != '\n') {
            return c;
        }
    }
}

static bool accept(struct packing *s, char c) {
    if (*s->format != c) {
        return false;
    }
    s->format++;
    return true;
}

static bool in_object(const struct packing *s) {
    return s->depth > 0 && ((s->objects >> (s->depth - 1)) & 1) != 0;
}

static int write_word(struct packing *s, const char *word, size_t len) {
    int r = sio__json_separate(&s->packer->text);
    return r < 0 ? r : sio__buf_append(&s->packer->text, word, len);
}

static int write_null(struct packing *s) {
    return write_word(s, "null", 4);
}

/* What NULL gives: null where the item has a `?` behind it. */
static int write_missing(struct packing *s) {
    return accept(s, '?') ? write_null(s) : SIO_ERR_INVALID;
}

static int pack_string(struct packing *s) {
    bool with_len = accept(s, '#');
    struct text t = {.data = va_arg(*s->ap, const char *)};
    if (with_len) {
        t.len = va_arg(*s->ap, size_t);
    }
    bool is_empty = with_len && t.len == 0;
    if (!t.data && (!is_empty || *s->format == '?')) {
        return write_missing(s);
    }
    accept(s, '?');
    if (!with_len) {
        t.len = strlen(t.data);
    }
    int r = sio__json_separate(&s->packer->text);
    return r < 0 ? r : sio__json_write_string(&s->packer->text, t);
}

static int pack_int(struct packing *s, int64_t value) {
    int r = sio__json_separate(&s->packer->text);
    return r < 0 ? r : sio__json_write_int(&s->packer->text, value);
}

static int pack_uint(struct packing *s, uint64_t value) {
    int r = sio__json_separate(&s->packer->text);
    return r < 0 ? r : sio__json_write_uint(&s->packer->text, value);
}

static int pack_real(struct packing *s, double value) {
    int r = sio__json_separate(&s->packer->text);
    return r < 0 ? r : sio__json_write_real(&s->packer->text, value);
}

static int pack_bytes(struct packing *s) {
    const void *data = va_arg(*s->ap, const void *);
    size_t len = va_arg(*s->ap, size_t);
    if (!data && (len > 0 || *s->format == '?')) {
        return write_missing(s);
    }
    accept(s, '?');
    int r = sio__json_separate(&s->packer->text);
    if (r == 0) {
        r = sio__json_write_placeholder(&s->packer->text, s->packer->attachments.len);
    }
    return r < 0 ? r : sio__json_attach(&s->packer->attachments, data, len);
}

static int pack_raw(struct packing *s) {
    bool with_len = accept(s, '#');
    struct text t = {.data = va_arg(*s->ap, const char *)};
    if (with_len) {
        t.len = va_arg(*s->ap, size_t);
    }
    if (!t.data) {
        return write_missing(s);
    }
    accept(s, '?');
    if (!with_len) {
        t.len = strlen(t.data);
    }
    int r = check_json(s->packer, t);
    return r < 0 ? r : write_word(s, t.data, t.len);
}

static int pack_value(struct packing *s, const sio_val *v) {
    s->packer->placeholder |= sio__value_has_placeholder(v);
    int r = sio__json_separate(&s->packer->text);
    return r < 0 ? r : sio__json_write_value(&s->packer->text, v, &s->packer->attachments);
}

/* All arguments of an event: as text, unless their attachments have to be numbered anew. */
static int pack_args(struct packing *s, const struct value_args *args) {
    struct packer *p = s->packer;
    if (!args || in_object(s)) {
        return args ? SIO_ERR_FORMAT : SIO_ERR_INVALID;
    }
    if (args->attachment_count > 0 && p->attachments.len > 0) {
        int r = 0;
        size_t count = sio__args_count(args);
        for (size_t i = 0; r == 0 && i < count; i++) {
            r = pack_value(s, sio__args_at(args, i));
        }
        return r;
    }
    struct text text = sio__args_text(args);
    if (text.len == 0) {
        return 0;
    }
    int r = 0;
    for (uint32_t i = 0; r == 0 && i < args->attachment_count; i++) {
        r = sio__json_attach(&p->attachments, args->attachments[i].data, args->attachments[i].len);
    }
    bool is_last = *s->format == '\0';
    if (args->attachment_count == 0 && !(is_last && p->attachments.len == 0)) {
        p->placeholder |= sio__value_has_placeholder(args->root);
    }
    return r < 0 ? r : write_word(s, text.data, text.len);
}

static int open_bracket(struct packing *s, char c) {
    if (s->depth == PACK_MAX_DEPTH) {
        return SIO_ERR_FORMAT;
    }
    uint64_t bit = (uint64_t)1 << s->depth;
    s->objects = c == '{' ? s->objects | bit : s->objects & ~bit;
    s->depth++;
    int r = sio__json_separate(&s->packer->text);
    return r < 0 ? r : sio__buf_push(&s->packer->text, (uint8_t)c);
}

static int close_bracket(struct packing *s, char c) {
    if (s->depth == 0 || c != (in_object(s) ? '}' : ']')) {
        return SIO_ERR_FORMAT;
    }
    s->depth--;
    return sio__buf_push(&s->packer->text, (uint8_t)c);
}

/* Packs the item that begins with a letter, of brackets only the opening one. */
static int pack_item(struct packing *s, char letter) {
    switch (letter) {
    case 's': return pack_string(s);
    case 'i': return pack_int(s, va_arg(*s->ap, int));
    case 'u': return pack_uint(s, va_arg(*s->ap, unsigned));
    case 'I': return pack_int(s, va_arg(*s->ap, int64_t));
    case 'U': return pack_uint(s, va_arg(*s->ap, uint64_t));
    case 'f': return pack_real(s, va_arg(*s->ap, double));
    case 'b': return va_arg(*s->ap, int) ? write_word(s, "true", 4) : write_word(s, "false", 5);
    case 'n': return write_null(s);
    case 'B': return pack_bytes(s);
    case 'r': return pack_raw(s);
    case 'v': {
        const sio_val *v = va_arg(*s->ap, const sio_val *);
        bool may_be_missing = accept(s, '?');
        return v || may_be_missing ? pack_value(s, v) : SIO_ERR_INVALID;
    }
    case 'a': return pack_args(s, va_arg(*s->ap, const struct value_args *));
    case '{':
    case '[': return open_bracket(s, letter);
    default: return SIO_ERR_FORMAT;
    }
}

/* Packs a key, `s:` or `s#:`, of which the s was read. */
static int pack_key(struct packing *s) {
    struct text key = {0};
    bool with_len = accept(s, '#');
    if (next_letter(s) != ':') {
        return SIO_ERR_FORMAT;
    }
    key.data = va_arg(*s->ap, const char *);
    key.len = with_len ? va_arg(*s->ap, size_t) : key.data ? strlen(key.data) : 0;
    if (!key.data && !(with_len && key.len == 0)) {
        return SIO_ERR_INVALID;
    }
    struct buf *out = &s->packer->text;
    int r = sio__json_separate(out);
    if (r == 0) {
        r = sio__json_write_string(out, key);
    }
    return r < 0 ? r : sio__buf_push(out, ':');
}

static int pack_values(struct packer *p, const char *format, va_list *ap) {
    if (!format) {
        return SIO_ERR_FORMAT;
    }
    struct packing s = {.packer = p, .format = format, .ap = ap};
    for (;;) {
        int r;
        char letter = next_letter(&s);
        if (letter == '\0') {
            return s.depth == 0 ? 0 : SIO_ERR_FORMAT;
        }
        if (letter == ']' || letter == '}') {
            r = close_bracket(&s, letter);
        } else if (in_object(&s)) {
            r = letter == 's' ? pack_key(&s) : SIO_ERR_FORMAT;
            if (r == 0) {
                r = pack_item(&s, next_letter(&s));
            }
        } else {
            r = pack_item(&s, letter);
        }
        if (r < 0) {
            return r;
        }
    }
}

/* ---- packets ---- */

bool sio__event_name_reserved(struct text name) {
    switch (name.len) {
    case 7: return memcmp(name.data, "connect", 7) == 0;
    case 10: return memcmp(name.data, "disconnect", 10) == 0;
    case 11: return memcmp(name.data, "newListener", 11) == 0;
    case 13:
        return memcmp(name.data, "connect_error", 13) == 0 ||
               memcmp(name.data, "disconnecting", 13) == 0;
    case 14: return memcmp(name.data, "removeListener", 14) == 0;
    default: return false;
    }
}

/* Begins a packet with a type digit (settled in the end), namespace and id. */
static int begin_packet(struct packer *p, struct text nsp, bool has_id, uint64_t id) {
    sio__packer_reset(p);
    int r = sio__buf_reserve(&p->text, HEADROOM);
    if (r < 0) {
        return r;
    }
    p->text.len = HEADROOM;
    if (nsp.len <= 1 && sio__buf_reserve(&p->text, 1 + SIO_U64_CHARS) == 0) {
        char *digit = (char *)p->text.data + HEADROOM;
        *digit = '0';
        p->text.len += 1 + (has_id ? sio__u64_write(digit + 1, id) : 0);
        return 0;
    }
    return sio__packet_head(&p->text, SIO_PACKET_EVENT, 0, nsp, has_id, id);
}

/* Puts the type of a packet before it: "42", or "45N-" with attachments. r: result so far. */
static int end_packet(struct packer *p, enum sio_packet_type type, int r) {
    uint32_t count = p->attachments.len;
    if (r == 0 && count > 0 && p->placeholder) {
        r = SIO_ERR_INVALID;
    }
    if (r < 0) {
        sio__packer_reset(p);
        return r;
    }
    uint8_t *pos = p->text.data + HEADROOM;
    if (count == 0) {
        *pos = (uint8_t)('0' + type);
    } else {
        *pos = '-';
        for (; count > 0; count /= 10) {
            *--pos = (uint8_t)('0' + count % 10);
        }
        *--pos = (uint8_t)('0' + type + BINARY_OFFSET);
    }
    *--pos = '4';
    p->start = (size_t)(pos - p->text.data);
    return 0;
}

#define EACH_BYTE(c) (0x0101010101010101u * (c))

/* Whether one of eight bytes is a control, not ASCII, a quote or a backslash. A borrow may name a
 * byte above one of these in error, never one in a word without any. */
static bool has_special(uint64_t word) {
    uint64_t quote = word ^ EACH_BYTE('"');
    uint64_t backslash = word ^ EACH_BYTE('\\');
    uint64_t found = word | (word - EACH_BYTE(' ')) | ((quote - EACH_BYTE(1)) & ~quote) |
                     ((backslash - EACH_BYTE(1)) & ~backslash);
    return (found & EACH_BYTE(0x80)) != 0;
}

/* True when a string stands in JSON as it is. */
static bool is_plain(struct text t) {
    uint64_t word = EACH_BYTE('a'); /* in the place of what is missing */
    while (t.len >= sizeof word) {
        memcpy(&word, t.data, sizeof word);
        if (has_special(word)) {
            return false;
        }
        t = (struct text){t.data + sizeof word, t.len - sizeof word};
    }
    if (t.len >= sizeof(uint32_t)) { /* the rest in two pieces, which may overlap */
        memcpy(&word, t.data, sizeof(uint32_t));
        memcpy((uint8_t *)&word + 4, t.data + t.len - 4, sizeof(uint32_t));
    } else {
        for (size_t i = 0; i < t.len; i++) {
            word = word << 8 | (uint8_t)t.data[i];
        }
    }
    return !has_special(word);
}

/*
 * Passes arguments on that have no attachments. They have been JSON before, so the array is put
 * together in one go. Returns false, with nothing written, when the long way has to be taken.
 *
 * event: goes before the arguments, unless its data is NULL
 */
static bool relay(struct packer *p, struct text event, const struct value_args *args) {
    if (!args || args->attachment_count > 0 || !is_plain(event)) {
        return false;
    }
    struct text text = sio__args_text(args);
    if (text.len == 0 || sio__buf_reserve(&p->text, event.len + text.len + 5) < 0) {
        return false;
    }
    uint8_t *out = p->text.data + p->text.len;
    *out++ = '[';
    if (event.data) {
        *out++ = '"';
        memcpy(out, event.data, event.len);
        out += event.len;
        *out++ = '"';
        *out++ = ',';
    }
    memcpy(out, text.data, text.len);
    out[text.len] = ']';
    p->text.len = (size_t)(out - p->text.data) + text.len + 1;
    return true;
}

/* The array of a packet: name of the event, unless its data is NULL, and arguments by format. */
static int pack_array(struct packer *p, struct text event, const char *format, va_list *ap) {
    const struct value_args *args = NULL;
    bool is_relay = format && format[0] == 'a' && format[1] == '\0';
    if (is_relay) {
        args = va_arg(*ap, const struct value_args *);
        if (relay(p, event, args)) {
            return 0;
        }
    }
    int r = sio__buf_push(&p->text, '[');
    if (r == 0 && event.data) {
        r = sio__json_write_string(&p->text, event);
    }
    if (r == 0) {
        struct packing s = {.packer = p, .format = "", .ap = ap};
        r = is_relay ? pack_args(&s, args) : pack_values(p, format, ap);
    }
    return r < 0 ? r : sio__buf_push(&p->text, ']');
}

int sio__pack_event(struct packer *p, struct text nsp, bool has_id, uint64_t id, struct text event,
                    const char *format, va_list *ap) {
    if (sio__event_name_reserved(event)) {
        sio__packer_reset(p);
        return SIO_ERR_RESERVED;
    }
    int r = begin_packet(p, nsp, has_id, id);
    return end_packet(p, SIO_PACKET_EVENT, r < 0 ? r : pack_array(p, event, format, ap));
}

int sio__pack_ack(struct packer *p, struct text nsp, uint64_t id, const char *format, va_list *ap) {
    int r = begin_packet(p, nsp, true, id);
    return end_packet(p, SIO_PACKET_ACK, r < 0 ? r : pack_array(p, (struct text){0}, format, ap));
}

/* Packs what is in a message, and borrows its attachments. */
static int pack_msg(struct packer *p, sio_msg *m, bool with_event) {
    int r = sio__msg_seal(m);
    if (r < 0) {
        return r;
    }
    if (m->has_event != with_event) {
        return SIO_ERR_FORMAT;
    }
    size_t len = m->text.len;
    r = sio__buf_reserve(&p->text, len + 2);
    if (r < 0) {
        return r;
    }
    uint8_t *out = p->text.data + p->text.len;
    out[0] = '[';
    if (len > 0) {
        memcpy(out + 1, m->text.data, len);
    }
    out[len + 1] = ']';
    p->text.len += len + 2;
    p->placeholder = m->placeholder;
    for (uint32_t i = 0; r == 0 && i < m->attachments.len; i++) {
        struct value_bytes bytes = m->attachments.items[i];
        r = sio__json_attach(&p->attachments, bytes.data, bytes.len);
    }
    return r;
}

int sio__pack_event_msg(struct packer *p, struct text nsp, bool has_id, uint64_t id, sio_msg *m) {
    int r = begin_packet(p, nsp, has_id, id);
    return end_packet(p, SIO_PACKET_EVENT, r < 0 ? r : pack_msg(p, m, true));
}

int sio__pack_ack_msg(struct packer *p, struct text nsp, uint64_t id, sio_msg *m) {
    int r = begin_packet(p, nsp, true, id);
    return end_packet(p, SIO_PACKET_ACK, r < 0 ? r : pack_msg(p, m, false));
}

/* Checks that JSON text is an array whose placeholders fit the attachments. */
static int check_raw(struct packer *p, struct text json, const struct value_bytes *attachments,
                     uint32_t count) {
    struct value_doc doc;
    int r = sio__value_parse(&p->scratch, json.data, json.len, &doc);
    if (r < 0) {
        return r;
    }
    if (sio_val_type(doc.root) != SIO_ARRAY) {
        r = SIO_ERR_JSON;
    } else if (count > 0) {
        r = sio__value_bind(&doc, attachments, count);
    }
    sio__value_release(&doc);
    return r;
}

/* The rest of a packet whose head is written: an array that is packed already. */
static int end_raw(struct packer *p, enum sio_packet_type type, int r, struct text json,
                   const struct value_bytes *attachments, uint32_t count) {
    if (r == 0) {
        r = check_raw(p, json, attachments, count);
    }
    if (r == 0) {
        r = sio__buf_append_text(&p->text, json);
    }
    for (uint32_t i = 0; i < count && r == 0; i++) {
        r = sio__json_attach(&p->attachments, attachments[i].data, attachments[i].len);
    }
    return end_packet(p, type, r);
}

int sio__pack_event_raw(struct packer *p, struct text nsp, bool has_id, uint64_t id,
                        struct text json, const struct value_bytes *attachments, uint32_t count) {
    int r = begin_packet(p, nsp, has_id, id);
    return end_raw(p, SIO_PACKET_EVENT, r, json, attachments, count);
}

int sio__pack_ack_raw(struct packer *p, struct text nsp, uint64_t id, struct text json,
                      const struct value_bytes *attachments, uint32_t count) {
    int r = begin_packet(p, nsp, true, id);
    return end_raw(p, SIO_PACKET_ACK, r, json, attachments, count);
}

int sio__pack_connect(struct packer *p, struct text nsp, struct text json) {
    int r = begin_packet(p, nsp, false, 0);
    return end_packet(p, SIO_PACKET_CONNECT, r < 0 ? r : sio__buf_append_text(&p->text, json));
}

int sio__pack_disconnect(struct packer *p, struct text nsp) {
    return end_packet(p, SIO_PACKET_DISCONNECT, begin_packet(p, nsp, false, 0));
}

static int pack_error(struct packer *p, struct text message, struct text data) {
    int r = sio__buf_append_str(&p->text, "{\"message\":");
    if (r == 0) {
        r = sio__json_write_string(&p->text, message);
    }
    if (r == 0 && data.len > 0) {
        r = check_json(p, data);
        if (r == 0) {
            r = sio__buf_append_str(&p->text, ",\"data\":");
        }
        if (r == 0) {
            r = sio__buf_append_text(&p->text, data);
        }
    }
    return r < 0 ? r : sio__buf_push(&p->text, '}');
}

int sio__pack_connect_error(struct packer *p, struct text nsp, struct text message,
                            struct text data) {
    int r = begin_packet(p, nsp, false, 0);
    return end_packet(p, SIO_PACKET_CONNECT_ERROR, r < 0 ? r : pack_error(p, message, data));
}

int sio__pack_args(struct packer *p, const char *format, va_list *ap) {
    int r = begin_packet(p, (struct text){0}, false, 0);
    if (r == 0) {
        p->text.data[HEADROOM] = '['; /* instead of the type digit */
        r = pack_values(p, format, ap);
    }
    if (r == 0) {
        r = sio__buf_push(&p->text, ']');
    }
    if (r < 0 || (p->placeholder && p->attachments.len > 0)) {
        sio__packer_reset(p);
        return r < 0 ? r : SIO_ERR_INVALID;
    }
    p->start = HEADROOM;
    return 0;
}
