/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* The short way of reading JSON reads nothing that yyjson refuses, and the same values. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/value.h"
#include "proto/value_flat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int ok) {
    if (!ok) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > 4096) {
        return 0;
    }
    uint8_t *memory = aligned_alloc(16, (VALUE_FLAT_BYTES(size) + 15) & ~(size_t)15);
    check(memory != NULL);
    const sio_val *flat = sio__value_read_flat((const char *)data, size, memory);
    if (flat != NULL) {
        static char a[65536];
        static char b[65536];
        struct value_doc doc;
        check(sio__value_parse(NULL, (const char *)data, size, &doc) == 0);
        check(sio_val_json(flat, a, sizeof a) == sio_val_json(doc.root, b, sizeof b));
        check(strcmp(a, b) == 0);
        sio__value_release(&doc);
    }
    free(memory);
    return 0;
}
