/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#ifndef SIO_TOOLS_EXPLAIN_H
#define SIO_TOOLS_EXPLAIN_H

/* Packets in words, layer by layer: for `sio decode` and `sio connect --trace`. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Explains the packets of one direction of a connection, one after the other. */
struct explainer {
    FILE *out;
    bool brief; /* one line for each packet; else several, the first one being the packet itself */
    uint32_t announced; /* attachments of the last packet that has some */
    uint32_t missing;   /* those of them that did not come yet */
};

/* Explains an Engine.IO packet of a carrier of text. False when it breaks a rule, which is told. */
bool explain_text(struct explainer *e, const char *packet, size_t len);

/* Explains a binary message in the same way. */
bool explain_binary(struct explainer *e, const void *data, size_t len);

/* True when nothing is missing at the end of a capture; else that is told. */
bool explain_end(const struct explainer *e);

#endif
