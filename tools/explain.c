/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "explain.h"

#include <inttypes.h>
#include <sio/decode.h>
#include <sio/error.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "json_text.h"
#include "show.h"

enum { ECHO_BYTES = 76, NEAR_BYTES = 24, INDENT = 4, BRIEF_BYTES = 1000 };

/* Begins what is said of a layer. */
static void layer(const struct explainer *e, const char *name) {
    if (e->brief) {
        fputs(strcmp(name, "Engine.IO") == 0 ? "" : " | ", e->out);
    } else {
        fprintf(e->out, "  %-9s  ", name);
    }
}

static void end_layer(const struct explainer *e) {
    if (!e->brief) {
        putc('\n', e->out);
    }
}

static bool complain(const struct explainer *e, const char *what) {
    layer(e, "error");
    fprintf(e->out, e->brief ? "error: %s" : "%s", what);
    end_layer(e);
    return false;
}

/* What the library says is wrong, and where. */
static bool complain_at(const struct explainer *e, const char *packet, size_t len,
                        const sio_decoded *d) {
    layer(e, "error");
    fprintf(e->out, e->brief ? "error at byte %zu (" : "at byte %zu (", d->position);
    if (d->position < len) {
        putc('\'', e->out);
        show_text(e->out, packet + d->position, len - d->position, NEAR_BYTES);
        putc('\'', e->out);
    } else {
        fputs("the end", e->out);
    }
    fprintf(e->out, "): %s", d->rule);
    end_layer(e);
    return false;
}

/* JSON values with commas between. */
static void print_json(const struct explainer *e, const char *json, size_t len) {
    if (len == 0) {
        return;
    }
    if (!e->brief) {
        json_print_pretty(e->out, json, len, INDENT);
    } else if (len <= BRIEF_BYTES) {
        layer(e, "JSON");
        json_print_line(e->out, json, len);
    } else {
        layer(e, "JSON");
        show_text(e->out, json, len, BRIEF_BYTES);
    }
}

/* ---- Socket.IO ---- */

static void print_head(const struct explainer *e, const sio_decoded *d) {
    layer(e, "Socket.IO");
    fprintf(e->out, "%d %s", d->type, d->type_name);
    if (d->nsp != NULL) {
        fputs(", namespace ", e->out);
        show_text(e->out, d->nsp, d->nsp_len, ECHO_BYTES);
    }
    if (d->has_id) {
        fprintf(e->out, ", id %" PRIu64, d->id);
    }
    if (d->attachments > 0) {
        fprintf(e->out, ", %" PRIu32 " attachment%s", d->attachments,
                d->attachments == 1 ? "" : "s");
    }
    if (d->event != NULL) {
        fputs(", event ", e->out);
        json_print_line(e->out, d->event, d->event_len);
    }
    end_layer(e);
}

static bool print_attachment(struct explainer *e, const void *data, size_t len) {
    bool expected = e->missing > 0;
    if (expected) {
        e->missing--;
        layer(e, "Socket.IO");
        fprintf(e->out, "attachment %" PRIu32 " of %" PRIu32, e->announced - e->missing,
                e->announced);
        end_layer(e);
    }
    if (!expected) {
        complain(e, "no packet has announced this attachment");
    }
    if (e->brief) {
        putc('\n', e->out);
    }
    show_dump(e->out, data, len, INDENT);
    return expected;
}

/* ---- Engine.IO ---- */

static bool print_base64(struct explainer *e, const sio_decoded *d) {
    uint8_t *bytes = malloc(d->data_len + 1);
    size_t len = 0;
    if (bytes == NULL || !base64_read(d->data, d->data_len, bytes, &len)) {
        free(bytes);
        return complain(e, sio_strerror(SIO_ERR_NOMEM));
    }
    bool fine = print_attachment(e, bytes, len);
    free(bytes);
    return fine;
}

static void print_engine(const struct explainer *e, const sio_decoded *d) {
    layer(e, "Engine.IO");
    if (d->binary) {
        fprintf(e->out, "binary message, %zu bytes%s", d->bytes, d->base64 ? " as base64" : "");
    } else {
        fprintf(e->out, "%d %s", d->engine, d->engine_name);
    }
    bool probe = (d->engine == 2 || d->engine == 3) && d->data_len > 0;
    if (probe) {
        fputs(", data ", e->out);
        show_text(e->out, d->data, d->data_len, ECHO_BYTES);
    }
    end_layer(e);
}

static bool explain(struct explainer *e, const char *packet, size_t len, unsigned flags) {
    enum { MESSAGE = 4, OPEN = 0 };
    sio_decoded d = {.size = sizeof d};
    int r = sio_decode_packet(packet, len, flags, &d);
    if (r == SIO_ERR_NOMEM) {
        return complain(e, sio_strerror(r));
    }
    if (d.engine >= 0) {
        print_engine(e, &d);
    }
    if (d.type >= 0) {
        print_head(e, &d);
    }
    if (r < 0) {
        return complain_at(e, packet, len, &d);
    }
    if (d.binary) {
        return d.base64 ? print_base64(e, &d) : print_attachment(e, packet, len);
    }
    print_json(e, d.json, d.json_len);
    if (d.engine == OPEN) {
        print_json(e, d.data, d.data_len);
    }
    bool fine = d.engine != MESSAGE || explain_end(e);
    if (d.engine == MESSAGE) {
        e->announced = d.attachments;
        e->missing = d.attachments;
    }
    return fine;
}

bool explain_text(struct explainer *e, const char *packet, size_t len) {
    if (!e->brief) {
        show_text(e->out, packet, len, ECHO_BYTES);
        putc('\n', e->out);
    }
    bool fine = explain(e, packet, len, 0);
    if (e->brief && (len == 0 || packet[0] != 'b')) { /* behind a dump the line has ended */
        putc('\n', e->out);
    }
    return fine;
}

bool explain_binary(struct explainer *e, const void *data, size_t len) {
    return explain(e, data, len, SIO_DECODE_BINARY);
}

bool explain_end(const struct explainer *e) {
    char text[80];
    if (e->missing == 0) {
        return true;
    }
    snprintf(text, sizeof text, "%" PRIu32 " of %" PRIu32 " attachments are missing", e->missing,
             e->announced);
    return complain(e, text);
}
