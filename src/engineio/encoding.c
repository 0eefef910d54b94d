/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* Choice of a content coding by Accept-Encoding (RFC 9110 12.5.3). */
#include "engineio/http_conn.h"

/* Weight of an item such as "gzip;q=0.5", in thousandths. */
static unsigned weight_of(struct text *item) {
    struct text params = *item;
    struct text name;
    sio__text_cut(&params, ';', &name);
    *item = sio__text_trim(name);
    struct text param;
    while (sio__text_cut(&params, ';', &param)) {
        param = sio__text_trim(param);
        if (param.len < 3 || (param.data[0] | 0x20) != 'q' || param.data[1] != '=') {
            continue;
        }
        unsigned weight = param.data[2] == '1' ? 1000 : 0;
        unsigned scale = 100;
        for (size_t i = 4; i < param.len && i < 7 && weight < 1000; i++) {
            if (param.data[i] < '0' || param.data[i] > '9') {
                break;
            }
            weight += (unsigned)(param.data[i] - '0') * scale;
            scale /= 10;
        }
        return weight;
    }
    return 1000;
}

static enum http_encoding by_name(struct text name) {
    if (sio__text_eq_nocase(name, SIO_TEXT("br"))) {
        return HTTP_BR;
    }
    if (sio__text_eq_nocase(name, SIO_TEXT("gzip")) ||
        sio__text_eq_nocase(name, SIO_TEXT("x-gzip"))) {
        return HTTP_GZIP;
    }
    return sio__text_eq_nocase(name, SIO_TEXT("deflate")) ? HTTP_DEFLATE : HTTP_PLAIN;
}

enum http_encoding sio__http_encoding(const struct http1_head *head, unsigned available) {
    static const enum http_encoding preference[] = {HTTP_BR, HTTP_GZIP,
                                                    HTTP_DEFLATE}; /* among equals */
    unsigned weights[3] = {0, 0, 0};
    bool named[3] = {false, false, false};
    unsigned others = 0;
    struct text rest = sio__http1_field(head, "accept-encoding");
    struct text item;
    while (rest.data != NULL && sio__http1_list_next(&rest, &item)) {
        unsigned weight = weight_of(&item);
        if (sio__text_eq(item, SIO_TEXT("*"))) {
            others = weight;
            continue;
        }
        for (int i = 0; i < 3; i++) {
            if (by_name(item) == preference[i]) {
                weights[i] = weight;
                named[i] = true;
            }
        }
    }
    enum http_encoding best = HTTP_PLAIN;
    unsigned best_weight = 0;
    for (int i = 0; i < 3; i++) {
        unsigned weight = named[i] ? weights[i] : others;
        if ((available & preference[i]) != 0 && weight > best_weight) {
            best = preference[i];
            best_weight = weight;
        }
    }
    return best;
}
