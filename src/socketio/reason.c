/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include <sio/reason.h>
#include <stddef.h>

static const char *const reason_texts[] = {
#define XX(number, name, text) text,
    SIO_REASON_MAP(XX)
#undef XX
};

static const char *const cause_texts[] = {
#define XX(number, name, text) text,
    SIO_CAUSE_MAP(XX)
#undef XX
};

static const char *const cause_names[] = {
#define XX(number, name, text) #name,
    SIO_CAUSE_MAP(XX)
#undef XX
};

_Static_assert(sizeof cause_texts / sizeof cause_texts[0] == SIO_CAUSE_COUNT,
               "causes are numbered in order");

const char *sio_reason_text(int reason) {
    size_t count = sizeof reason_texts / sizeof reason_texts[0];
    return reason >= 0 && (size_t)reason < count ? reason_texts[reason] : "unknown";
}

const char *sio_cause_text(int cause) {
    return cause >= 0 && cause < SIO_CAUSE_COUNT ? cause_texts[cause] : "unknown";
}

const char *sio_cause_name(int cause) {
    return cause >= 0 && cause < SIO_CAUSE_COUNT ? cause_names[cause] : "UNKNOWN";
}
