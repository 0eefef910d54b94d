/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Arguments as people type them: words of a line, and what becomes of each word in a message. Also
 * base64 and hexadecimal digits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <sio/error.h>

#include "args.h"
#include "base64.h"
#include "hex.h"
#include "proto/msg.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- words ---- */

static const struct {
    const char *line;
    const char *words; /* with '|' behind each */
} LINES[] = {
    {"", ""},
    {"  \t ", ""},
    {"emit news", "emit|news|"},
    {"  emit \t news  ", "emit|news|"},
    {"a {\"b\": [1, 2]} [3, 4] 5", "a|{\"b\": [1, 2]}|[3, 4]|5|"},
    {"a \"b c\" d", "a|\"b c\"|d|"},
    {"a \"b \\\" c\" d", "a|\"b \\\" c\"|d|"},
    {"a {\"x\":\"} {\"} b", "a|{\"x\":\"} {\"}|b|"},
    {"a 'b  c' d", "a|b  c|d|"},
    {"a '' d", "a||d|"},
    {"a '{\"b\": 1}' d", "a|{\"b\": 1}|d|"},
    {"a {b c", "a|{b c|"},
    {"it's fine", "it's|fine|"},
};

static void lines_are_divided_into_words(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(LINES); i++) {
        char line[80];
        char joined[80] = "";
        char *words[8];
        strcpy(line, LINES[i].line);
        int count = args_split(line, words, COUNT(words));
        assert_in_range(count, 0, COUNT(words));
        for (int j = 0; j < count; j++) {
            strcat(strcat(joined, words[j]), "|");
        }
        assert_string_equal(joined, LINES[i].words);
    }
}

static void broken_json_is_doubtful_and_texts_are_not(void **state) {
    (void)state;
    static const struct {
        char *arg;
        bool is_doubtful;
    } ARGS[] = {
        {"text", false},     {"42", false},     {"{\"a\":1}", false}, {"[1]", false},
        {"\"text\"", false}, {"@[file", false}, {"", false},          {"{a:1}", true},
        {"[1", true},        {"\"text", true},  {"{", true},
    };
    char *words[COUNT(ARGS)];
    for (size_t i = 0; i < COUNT(ARGS); i++) {
        char *one[] = {ARGS[i].arg};
        words[i] = ARGS[i].arg;
        assert_ptr_equal(args_doubtful(one, 1), ARGS[i].is_doubtful ? ARGS[i].arg : NULL);
    }
    assert_string_equal(args_doubtful(words, COUNT(words)), "{a:1}");
    assert_null(args_doubtful(NULL, 0));
}

static void unpaired_quotes_and_too_many_words_are_refused(void **state) {
    (void)state;
    char quote[] = "a 'b";
    char many[] = "a b c";
    char *words[2];
    assert_int_equal(args_split(quote, words, 2), -1);
    assert_int_equal(args_split(many, words, 2), -1);
}

/* ---- messages ---- */

static const struct {
    const char *word;
    const char *json;
} WORDS[] = {
    {"text", "\"text\""},
    {"", "\"\""},
    {"two words", "\"two words\""},
    {"42", "42"},
    {"-1.5e3", "-1.5e3"},
    {"\"42\"", "\"42\""},
    {"true", "true"},
    {"null", "null"},
    {"nul", "\"nul\""},
    {"{\"a\":[1]}", "{\"a\":[1]}"},
    {"{\"a\":[1}", "\"{\\\"a\\\":[1}\""},
    {"1 2", "\"1 2\""},
    {"@@home", "\"@home\""},
    {"@@", "\"@\""},
    {"{\"base64\":\"AQI\"}", "{\"_placeholder\":true,\"num\":0}"},
};

static void words_are_json_or_text(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(WORDS); i++) {
        char why[ARGS_WHY_BYTES] = "";
        char word[40];
        char expected[80] = "\"e\",";
        sio_msg *m = NULL;
        char *args[] = {strcpy(word, WORDS[i].word)};
        assert_int_equal(args_to_msg(&m, "e", args, 1, false, why), 0);
        strcat(expected, WORDS[i].json);
        assert_int_equal(m->text.len, strlen(expected));
        assert_memory_equal(m->text.data, expected, m->text.len);
        sio_msg_unref(m);
    }
}

static void literal_words_are_texts(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(WORDS); i++) {
        char why[ARGS_WHY_BYTES] = "";
        char word[40];
        sio_msg *m = NULL;
        char *args[] = {strcpy(word, WORDS[i].word)};
        assert_int_equal(args_to_msg(&m, "e", args, 1, true, why), 0);
        assert_int_equal(m->attachments.len, 0);
        assert_int_equal(m->text.data[4], '"');
        assert_int_equal(m->text.data[m->text.len - 1], '"');
        sio_msg_unref(m);
    }
}

static void files_are_bytes(void **state) {
    (void)state;
    char name[] = "/tmp/sio-args-XXXXXX";
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "a\0b", 3), 3);
    close(fd);
    char word[40] = "@";
    char why[ARGS_WHY_BYTES] = "";
    char *args[] = {strcat(word, name)};
    sio_msg *m = NULL;
    int r = args_to_msg(&m, "e", args, 1, false, why);
    unlink(name);
    assert_int_equal(r, 0);
    assert_memory_equal(m->text.data, "\"e\",{\"_placeholder\":true,\"num\":0}", m->text.len);
    sio_msg_unref(m);
}

static void what_cannot_be_sent_is_explained(void **state) {
    (void)state;
    char why[ARGS_WHY_BYTES] = "";
    char missing[] = "@/nonexistent/file";
    char latin1[] = "\xe4";
    char *args[] = {missing};
    sio_msg *m = NULL;
    assert_int_equal(args_to_msg(&m, "disconnect", args, 0, false, why), SIO_ERR_RESERVED);
    assert_string_equal(why, "'disconnect' is a reserved name of Socket.IO");
    assert_true(args_to_msg(&m, "e", args, 1, false, why) < 0);
    assert_string_equal(why, "@/nonexistent/file: no such file or directory");
    args[0] = latin1;
    assert_int_equal(args_to_msg(&m, "e", args, 1, false, why), SIO_ERR_INVALID);
    assert_non_null(strstr(why, "not UTF-8"));
    assert_null(m);
}

/* ---- digits ---- */

static void base64_is_written_and_read(void **state) {
    (void)state;
    static const char *const TEXTS[] = {"",         "Zg==",     "Zm8=",    "Zm9v",
                                        "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    for (size_t i = 0; i < COUNT(TEXTS); i++) {
        uint8_t bytes[16];
        char *text = NULL;
        size_t size = 0;
        size_t len = 99;
        FILE *out = open_memstream(&text, &size);
        base64_write(out, (const uint8_t *)"foobar", i);
        fclose(out);
        assert_string_equal(text, TEXTS[i]);
        assert_true(base64_read(text, size, bytes, &len));
        assert_int_equal(len, i);
        assert_memory_equal(bytes, "foobar", i);
        free(text);
    }
}

static void base64_that_is_none_is_refused(void **state) {
    (void)state;
    static const char *const TEXTS[] = {"A", "AQI*", "====", "AQ=", "AQ=A", "AR==", "A===", "AQ ="};
    for (size_t i = 0; i < COUNT(TEXTS); i++) {
        uint8_t bytes[16];
        size_t len;
        assert_false(base64_read(TEXTS[i], strlen(TEXTS[i]), bytes, &len));
    }
}

static void hexadecimal_digits_are_read(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *bytes; /* NULL: refused */
    } VECTORS[] = {
        {"", ""},           {"414243", "ABC"}, {"41 42\n43", "ABC"}, {"0x41 0X42", "AB"},
        {"4A:4b", "JK"},    {"4", NULL},       {"4g", NULL},         {"41-42", NULL},
        {"0x4 0x42", NULL}, {"4 1 4 2", "AB"},
    };
    for (size_t i = 0; i < COUNT(VECTORS); i++) {
        char text[20];
        size_t len = 99;
        bool fine = hex_read(strcpy(text, VECTORS[i].text), strlen(VECTORS[i].text), &len);
        assert_int_equal(fine, VECTORS[i].bytes != NULL);
        if (fine) {
            assert_int_equal(len, strlen(VECTORS[i].bytes));
            assert_memory_equal(text, VECTORS[i].bytes, len);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_divided_into_words),
        cmocka_unit_test(broken_json_is_doubtful_and_texts_are_not),
        cmocka_unit_test(unpaired_quotes_and_too_many_words_are_refused),
        cmocka_unit_test(words_are_json_or_text),
        cmocka_unit_test(literal_words_are_texts),
        cmocka_unit_test(files_are_bytes),
        cmocka_unit_test(what_cannot_be_sent_is_explained),
        cmocka_unit_test(base64_is_written_and_read),
        cmocka_unit_test(base64_that_is_none_is_refused),
        cmocka_unit_test(hexadecimal_digits_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
