/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Formats of any kind against values of any kind. The input is a format, a NUL, and a JSON text.
 * Unpacking may fail, but stores within the places it is given; packing may fail, but what is
 * packed is a packet with JSON in it.
 */
#undef NDEBUG
#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <sio/error.h>

#include "proto/pack.h"
#include "proto/unpack.h"
#include "proto/value.h"

/* A format of this length takes at most twice as many arguments. */
#define MAX_FORMAT 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What an argument points to: a string, long enough and aligned for any result. */
struct place {
    _Alignas(max_align_t) char bytes[32];
};

static struct place places[2 * MAX_FORMAT];

static void reset_places(void) {
    for (size_t i = 0; i < 2 * MAX_FORMAT; i++) {
        places[i] = (struct place){{"k"}};
    }
}

#define P(i)       (void *)&places[i]
#define P8(i)      P(i), P(i + 1), P(i + 2), P(i + 3), P(i + 4), P(i + 5), P(i + 6), P(i + 7)
#define ALL_PLACES P8(0), P8(8), P8(16), P8(24)

static int unpack_args(const struct value_args *args, const char *format, ...) {
    va_list ap;
    va_start(ap, format);
    int r = sio__args_unpack(args, format, &ap);
    va_end(ap);
    return r;
}

static int pack_event(struct packer *p, const char *format, ...) {
    va_list ap;
    va_start(ap, format);
    int r = sio__pack_event(p, SIO_TEXT("/"), true, 7, SIO_TEXT("e"), format, &ap);
    va_end(ap);
    return r;
}

static void check_unpack(const struct value_doc *doc, const char *format) {
    reset_places();
    int r = sio_val_unpack(doc->root, format, ALL_PLACES);
    assert(r == 0 || r == SIO_ERR_TYPE || r == SIO_ERR_INVALID || r == SIO_ERR_FORMAT);
    struct value_args args = {.root = doc->root, .first = 1};
    reset_places();
    r = unpack_args(&args, format, ALL_PLACES);
    assert(r == 0 || r == SIO_ERR_TYPE || r == SIO_ERR_INVALID || r == SIO_ERR_FORMAT);
    /* Without values every type fails, but a format remains what it is. */
    reset_places();
    assert(unpack_args(NULL, format, ALL_PLACES) != SIO_ERR_INVALID);
}

/* Packs by a format if it has no other letters than those for which the arguments are right. */
#define PACK_WITH(p, format, letters, argument)                                                    \
    (strspn(format, letters "n?{}[],: z") == strlen(format)                                        \
         ? pack_event(p, format, V8(argument), V8(argument))                                       \
         : SIO_ERR_FORMAT)
#define V8(v) v, v, v, v, v, v, v, v

static void check_packet(const struct packer *p, int r) {
    struct text packet = sio__packer_text(p);
    if (r == 0) {
        struct value_doc doc;
        assert(packet.len > 4 && memcmp(packet.data, "427[", 4) == 0);
        assert(sio__value_parse(NULL, packet.data + 3, packet.len - 3, &doc) == 0);
        sio__value_release(&doc);
    } else {
        assert(r == SIO_ERR_FORMAT || r == SIO_ERR_TOO_BIG || r == SIO_ERR_JSON);
        assert(packet.len == 0);
    }
}

static void check_pack(const struct value_doc *doc, const char *format) {
    struct packer p;
    sio__packer_init(&p, 100000);
    check_packet(&p, PACK_WITH(&p, format, "v", doc->root));
    const char *s = sio_val_str(doc->root, NULL);
    sio__packer_reset(&p);
    check_packet(&p, PACK_WITH(&p, format, "sr", s ? s : "7"));
    sio__packer_done(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t *end = size > 0 ? memchr(data, '\0', size) : NULL;
    if (!end || end - data > MAX_FORMAT) {
        return 0;
    }
    const char *format = (const char *)data;
    struct value_doc doc;
    if (sio__value_parse(NULL, (const char *)end + 1, size - (size_t)(end + 1 - data), &doc) < 0) {
        return 0;
    }
    check_unpack(&doc, format);
    check_pack(&doc, format);
    static const struct value_bytes bytes = {(const uint8_t *)"bytes", 5};
    if (sio__value_bind(&doc, &bytes, 1) == 0) {
        check_unpack(&doc, format);
    }
    sio__value_release(&doc);
    return 0;
}
