/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Tells what the decoders make of Engine.IO messages, for tests/interop/differential.test.mjs.
 *
 * Each line of standard input is what one connection sends: messages with blanks between them, each
 * `t:` (a text frame) or `b:` (a binary frame) and the message in hexadecimal digits. For each line
 * a JSON object is printed:
 *
 *     packets  what was decoded, in order: {"eio":"ping","data":"probe"} for packets of the engine;
 *              {"type":2,"nsp":"/","id":1,"data":["x"],"attachments":["0102"]} for those of
 *              Socket.IO, where bytes in data are placeholders with their index in attachments, and
 *              id, data and attachments are absent when the packet has none
 *     error    text of the error that ended the line early, or null
 *     waiting  true when a packet waits for attachments at the end
 *     taken    number of messages that were taken without an error
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "proto/eio_packet.h"
#include "proto/json_write.h"
#include "proto/sio_assembler.h"
#include "proto/sio_packet.h"
#include "proto/value.h"

struct probe {
    struct assembler_pool pool;
    struct sio_assembler *assembler;
    struct value_scratch scratch;
    struct buf base64; /* bytes of a base64 packet */
    struct buf out;    /* the line being written */
};

static void check(int r) {
    if (r < 0) {
        fprintf(stderr, "packet_probe: error %d\n", r);
        exit(EXIT_FAILURE);
    }
}

static void write_str(struct buf *out, const char *s) {
    check(sio__buf_append_str(out, s));
}

/* What is to be appended for the next element of an array, or member of an object. */
static void begin_item(struct buf *out) {
    check(sio__json_separate(out));
}

static void write_hex(struct buf *out, const uint8_t *data, size_t len) {
    static const char DIGITS[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        check(sio__buf_push(out, (uint8_t)DIGITS[data[i] >> 4]));
        check(sio__buf_push(out, (uint8_t)DIGITS[data[i] & 15]));
    }
}

static void write_engine_packet(struct buf *out, const struct eio_packet *packet) {
    begin_item(out);
    write_str(out, "{\"eio\":\"");
    write_str(out, sio__eio_packet_name(packet->type));
    write_str(out, "\",\"data\":");
    check(sio__json_write_string(out, packet->data));
    write_str(out, "}");
}

static void write_packet(struct buf *out, const struct sio_packet *packet, const sio_val *root,
                         const struct sio_assembler *a) {
    /* Packets with attachments are delivered as ordinary ones. */
    unsigned type = packet->type;
    if (type >= SIO_PACKET_BINARY_EVENT) {
        type -= SIO_PACKET_BINARY_EVENT - SIO_PACKET_EVENT;
    }
    begin_item(out);
    write_str(out, "{\"type\":");
    check(sio__buf_append_u64(out, type));
    write_str(out, ",\"nsp\":");
    check(sio__json_write_string(out, packet->nsp));
    if (packet->has_id) {
        write_str(out, ",\"id\":");
        check(sio__buf_append_u64(out, packet->id));
    }
    if (root) {
        write_str(out, ",\"data\":");
        check(sio__json_write_value(out, root, NULL));
    }
    if (a) {
        write_str(out, ",\"attachments\":[");
        for (uint32_t i = 0; i < a->count; i++) {
            begin_item(out);
            write_str(out, "\"");
            write_hex(out, a->attachments[i].data, a->attachments[i].len);
            write_str(out, "\"");
        }
        write_str(out, "]");
    }
    write_str(out, "}");
}

/* Parses the JSON of a packet, if it has any, and checks its shape. */
static enum packet_error parse_json(struct probe *p, const struct sio_packet *packet,
                                    struct value_doc *ret_doc) {
    *ret_doc = (struct value_doc){0};
    if (packet->json.len == 0) {
        return PACKET_OK;
    }
    int r = sio__value_parse(&p->scratch, packet->json.data, packet->json.len, ret_doc);
    if (r < 0) {
        return PACKET_INVALID_PAYLOAD;
    }
    return sio__packet_check_shape(packet->type, ret_doc->root);
}

static enum packet_error take_text(struct probe *p, struct text text) {
    enum packet_error error = sio__assembler_admit_text(p->assembler);
    if (error) {
        return error;
    }
    struct sio_packet packet;
    error = sio__packet_decode(text.data, text.len, SIO_PACKET_MAX_ATTACHMENTS, &packet);
    if (error) {
        return error;
    }
    struct value_doc doc;
    error = parse_json(p, &packet, &doc);
    if (!error && packet.attachments > 0) {
        error = sio__assembler_begin(&p->pool, &p->assembler, &packet);
    } else if (!error) {
        write_packet(&p->out, &packet, doc.root, NULL);
    }
    sio__value_release(&doc);
    return error;
}

static enum packet_error take_bytes(struct probe *p, struct text bytes) {
    bool complete = false;
    enum packet_error error =
        sio__assembler_add(&p->pool, p->assembler, bytes.data, bytes.len, &complete);
    if (error || !complete) {
        return error;
    }
    const struct sio_assembler *a = p->assembler;
    struct value_doc doc;
    error = parse_json(p, &a->packet, &doc);
    if (!error && doc.root && sio__value_bind(&doc, a->attachments, a->count) < 0) {
        error = PACKET_PLACEHOLDER;
    }
    if (!error) {
        write_packet(&p->out, &a->packet, doc.root, a);
    }
    sio__value_release(&doc);
    sio__assembler_end(&p->pool, &p->assembler);
    return error;
}

/* Takes one message; returns the text of an error, or NULL. */
static const char *take_message(struct probe *p, bool binary, struct text message) {
    struct eio_packet packet = {.type = EIO_MESSAGE, .binary = true, .data = message};
    if (!binary && sio__eio_packet_decode(message, &p->base64, &packet) < 0) {
        return "parse error";
    }
    if (packet.type != EIO_MESSAGE) {
        write_engine_packet(&p->out, &packet);
        return NULL;
    }
    enum packet_error error =
        packet.binary ? take_bytes(p, packet.data) : take_text(p, packet.data);
    return error ? sio__packet_error_text(error) : NULL;
}

static int hex_value(char c) {
    const char *digits = "0123456789abcdef";
    const char *found = c == '\0' ? NULL : strchr(digits, c);
    check(found ? 0 : -1);
    return (int)(found - digits);
}

/* Replaces hexadecimal digits by what they mean, in place. */
static struct text unhex(char *digits) {
    size_t len = strlen(digits) / 2;
    for (size_t i = 0; i < len; i++) {
        digits[i] = (char)(hex_value(digits[2 * i]) << 4 | hex_value(digits[2 * i + 1]));
    }
    return (struct text){digits, len};
}

static void take_line(struct probe *p, char *line) {
    const char *error = NULL;
    uint64_t taken = 0;
    char *rest = line;
    sio__buf_clear(&p->out);
    write_str(&p->out, "{\"packets\":[");
    for (char *word = strsep(&rest, " \n"); word && !error; word = strsep(&rest, " \n")) {
        if (strlen(word) >= 2) {
            error = take_message(p, word[0] == 'b', unhex(word + 2));
            taken += error ? 0 : 1;
        }
    }
    write_str(&p->out, "],\"error\":");
    if (error) {
        check(sio__json_write_string(&p->out, sio__text_of(error)));
    } else {
        write_str(&p->out, "null");
    }
    write_str(&p->out, p->assembler ? ",\"waiting\":true" : ",\"waiting\":false");
    write_str(&p->out, ",\"taken\":");
    check(sio__buf_append_u64(&p->out, taken));
    write_str(&p->out, "}\n");
    sio__assembler_end(&p->pool, &p->assembler);
}

int main(void) {
    struct probe p = {0};
    sio__assembler_pool_init(&p.pool, 1000000);
    sio__value_scratch_init(&p.scratch, VALUE_SCRATCH_BYTES);
    sio__buf_init(&p.base64, 1000000);
    sio__buf_init(&p.out, SIZE_MAX);
    char *line = NULL;
    size_t cap = 0;
    while (getline(&line, &cap, stdin) > 0) {
        take_line(&p, line);
        fwrite(p.out.data, 1, p.out.len, stdout);
    }
    free(line);
    sio__buf_done(&p.out);
    sio__buf_done(&p.base64);
    sio__value_scratch_done(&p.scratch);
    sio__assembler_pool_done(&p.pool);
    return ferror(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
