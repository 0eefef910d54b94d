/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Cookies of a server. The input is lines: the first one is the target of the requests, each other
 * one a Set-Cookie field, a second after the one before. Held to be true after every one:
 * - a jar that has not changed sends the same as before;
 * - what is sent is the value of one field, and its cookies are pairs that the server has set;
 * - memory is bounded, whatever comes.
 */
#undef NDEBUG
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <sio/error.h>

#include "counting.h"
#include "proto/cookie_jar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW 1700000000

static void check_field(struct text input, struct text field, int count) {
    struct text pair;
    int found = 0;
    assert(sio__text_is_field_value(field));
    while (field.len > 0 && sio__text_cut(&field, ';', &pair)) {
        pair = sio__text_trim(pair);
        struct text name;
        struct text value = pair;
        assert(sio__text_cut(&value, '=', &name) && value.data != NULL && name.len > 0);
        assert(name.len + value.len <= COOKIE_BYTES_MAX);
        assert(sio__text_find(input, name) != SIZE_MAX);
        assert(sio__text_find(input, value) != SIZE_MAX);
        found++;
    }
    assert(found == count && count <= COOKIE_JAR_MAX);
}

static void run(const char *host, bool secure, struct text input) {
    struct cookie_jar jar;
    struct buf before;
    struct buf after;
    struct text rest = input;
    struct text target;
    struct text line;
    sio__cookie_jar_init(&jar, sio__text_of(host), secure);
    sio__buf_init(&before, SIZE_MAX);
    sio__buf_init(&after, SIZE_MAX);
    (void)sio__text_cut(&rest, '\n', &target);
    for (int64_t now = NOW; sio__text_cut(&rest, '\n', &line); now++) {
        sio__buf_clear(&before);
        sio__buf_clear(&after);
        int count_before = sio__cookie_jar_write(&jar, target, now, SIZE_MAX, &before);
        int changed = sio__cookie_jar_set(&jar, line, target, now);
        int count = sio__cookie_jar_write(&jar, target, now, SIZE_MAX, &after);
        assert(count_before >= 0 && count >= 0 && (changed == 0 || changed == 1));
        check_field(input, sio__buf_text(&after), count);
        assert(changed || sio__text_eq(sio__buf_text(&before), sio__buf_text(&after)));
        size_t cookie = COOKIE_BYTES_MAX + COOKIE_ATTRIBUTE_MAX + 128;
        assert(bytes_alive <= COOKIE_JAR_MAX * cookie + before.cap + after.cap + 4096);
    }
    sio__buf_done(&before);
    sio__buf_done(&after);
    sio__cookie_jar_done(&jar);
    assert(bytes_alive == 0);
}

static void check_date(struct text input) {
    int64_t seconds;
    if (sio__cookie_date_parse(input, &seconds) == 0) {
        assert(seconds >= -11644473600 && seconds <= 253402300799);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) {
        return 0;
    }
    struct text input = {(const char *)data, size};
    count_memory();
    run("www.example.com", true, input);
    run("192.0.2.1", false, input);
    check_date(input);
    return 0;
}
