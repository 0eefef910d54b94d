/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* Lines that `sio listen` reads: out of a descriptor, and what they ask for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lines.h"
#include "proto/msg.h"
#include "requests.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
    const char *line;
    const char *text; /* of the message: event and arguments */
    const char *id;   /* NULL: no answer is wanted */
    unsigned long answers;
} REQUESTS[] = {
    {"{\"event\":\"a\"}", "\"a\"", NULL, 0},
    {" {\"args\":[1, {\"b\":2}], \"event\":\"a\\u0062\"}", "\"ab\",1,{\"b\":2}", NULL, 0},
    {"{\"event\":\"a\",\"args\":[],\"ack\":false}", "\"a\"", NULL, 0},
    {"{\"event\":\"a\",\"args\":[],\"ack\":null}", "\"a\"", NULL, 0},
    {"{\"event\":\"a\",\"ack\":true}", "\"a\"", "", 0},
    {"{\"event\":\"a\",\"ack\":12}", "\"a\"", "12", 0},
    {"{\"event\":\"a\",\"ack\":\"x,y\"}", "\"a\"", "\"x,y\"", 0},
    {"{\"ack\":3,\"args\":[\"yes\"]}", "\"yes\"", NULL, 3},
    {"{\"ack\":4}", "", NULL, 4},
    {"{\"event\":\"a\",\"args\":[{\"base64\":\"AQI=\"}]}",
     "\"a\",{\"_placeholder\":true,\"num\":0}", NULL, 0},
};

static void lines_ask_for_events_and_answers(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(REQUESTS); i++) {
        struct request r;
        assert_null(request_parse(REQUESTS[i].line, &r));
        assert_int_equal(r.msg->text.len, strlen(REQUESTS[i].text));
        assert_memory_equal(r.msg->text.data, REQUESTS[i].text, r.msg->text.len);
        assert_int_equal(r.wants_ack, REQUESTS[i].id != NULL);
        if (r.wants_ack) {
            assert_int_equal(r.id.len, strlen(REQUESTS[i].id));
            assert_memory_equal(r.id.len > 0 ? r.id.data : "", REQUESTS[i].id, r.id.len);
        }
        assert_int_equal(r.is_answer, REQUESTS[i].answers > 0);
        assert_int_equal(r.answers, REQUESTS[i].answers);
        sio_msg_unref(r.msg);
    }
}

static void mistakes_are_named(void **state) {
    (void)state;
    static const struct {
        const char *line;
        const char *why; /* a part of it */
    } MISTAKES[] = {
        {"event", "no JSON object"},
        {"[1]", "no JSON object"},
        {"{\"event\":\"a\"", "no JSON object"},
        {"{\"event\":\"a\"} x", "no JSON object"},
        {"{}", "neither"},
        {"{\"args\":[]}", "neither"},
        {"{\"ack\":true}", "neither"},
        {"{\"event\":1}", "no string"},
        {"{\"event\":\"a\",\"args\":{}}", "no array"},
        {"{\"event\":\"a\",\"ack\":[]}", "neither true, a string nor a number"},
        {"{\"event\":\"connect\"}", "reserved"},
        {"{\"event\":\"a\\u0000b\"}", "cannot be used"},
        {"{\"evnt\":\"a\"}", "other than"},
    };
    for (size_t i = 0; i < COUNT(MISTAKES); i++) {
        struct request r;
        const char *why = request_parse(MISTAKES[i].line, &r);
        if (why == NULL || strstr(why, MISTAKES[i].why) == NULL) {
            fail_msg("%s: %s", MISTAKES[i].line, why ? why : "accepted");
        }
        assert_null(r.msg);
    }
}

static void lines_come_whole_however_they_are_written(void **state) {
    (void)state;
    static const char *const PIECES[] = {"on", "e\ntwo\r\n\nth", "ree"};
    static const char *const LINES[] = {"one", "two", "", "three"};
    struct lines l = {0};
    int ends[2];
    size_t count = 0;
    assert_int_equal(pipe(ends), 0);
    for (size_t i = 0; i <= COUNT(PIECES); i++) {
        if (i < COUNT(PIECES)) {
            assert_int_equal(write(ends[1], PIECES[i], strlen(PIECES[i])), strlen(PIECES[i]));
        } else {
            close(ends[1]);
        }
        lines_read(&l, ends[0]);
        for (char *line = lines_next(&l); line != NULL; line = lines_next(&l)) {
            assert_in_range(count, 0, COUNT(LINES) - 1);
            assert_string_equal(line, LINES[count]);
            count++;
        }
        assert_int_equal(count, i == 0 ? 0 : i < COUNT(PIECES) ? 3 : 4);
    }
    assert_true(l.end);
    close(ends[0]);
    lines_done(&l);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_ask_for_events_and_answers),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(lines_come_whole_however_they_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
