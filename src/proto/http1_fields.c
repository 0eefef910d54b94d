/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Fields of a head by name, and lists in their values. A name is compared without regard to ASCII
 * case; heads are short, so it is looked for from the first field on.
 */
#include "proto/http1.h"

void sio__http1_field_at(const struct http1_head *head, uint32_t i, struct text *ret_name,
                         struct text *ret_value) {
    const struct http1_field *field = &head->fields[i];
    *ret_name = (struct text){head->raw.data + field->name_at, field->name_len};
    *ret_value = (struct text){head->raw.data + field->value_at, field->value_len};
}

/* Whether field number i has this name; then its value is set. */
static bool match_field(const struct http1_head *head, uint32_t i, struct text name,
                        struct text *ret_value) {
    if (head->fields[i].name_len != name.len) {
        return false;
    }
    struct text found;
    sio__http1_field_at(head, i, &found, ret_value);
    return sio__text_eq_nocase(found, name);
}

struct text sio__http1_field(const struct http1_head *head, const char *name) {
    struct text wanted = sio__text_of(name);
    struct text value;
    for (uint32_t i = 0; i < head->field_count; i++) {
        if (match_field(head, i, wanted, &value)) {
            return value;
        }
    }
    return (struct text){0};
}

uint32_t sio__http1_field_count(const struct http1_head *head, const char *name) {
    struct text wanted = sio__text_of(name);
    struct text value;
    uint32_t count = 0;
    for (uint32_t i = 0; i < head->field_count; i++) {
        count += match_field(head, i, wanted, &value);
    }
    return count;
}

bool sio__http1_list_next(struct text *rest, struct text *ret_item) {
    size_t at = 0;
    struct text item = {0};
    while (at < rest->len && item.len == 0) {
        size_t begin = at;
        bool quoted = false;
        while (at < rest->len && (quoted || rest->data[at] != ',')) {
            if (rest->data[at] == '"') {
                quoted = !quoted;
            } else if (quoted && rest->data[at] == '\\' && at + 1 < rest->len) {
                at++;
            }
            at++;
        }
        item = sio__text_trim((struct text){rest->data + begin, at - begin});
        at += at < rest->len;
    }
    *rest = (struct text){at > 0 ? rest->data + at : rest->data, rest->len - at};
    if (item.len == 0) {
        return false;
    }
    *ret_item = item;
    return true;
}

bool sio__http1_list_has(const struct http1_head *head, const char *name, const char *token) {
    struct text wanted_name = sio__text_of(name);
    struct text wanted = sio__text_of(token);
    struct text rest;
    for (uint32_t i = 0; i < head->field_count; i++) {
        if (!match_field(head, i, wanted_name, &rest)) {
            continue;
        }
        struct text item;
        while (sio__http1_list_next(&rest, &item)) {
            if (sio__text_eq_nocase(item, wanted)) {
                return true;
            }
        }
    }
    return false;
}
