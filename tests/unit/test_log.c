/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <sio/error.h>

#include "base/log.h"
#include "base/text.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static struct {
    unsigned messages;
    int level;
    char component[64];
    char message[2048];
    void *user;
} caught;

static void catch (int level, const char *component, const char *message, void *user) {
    caught.messages++;
    caught.level = level;
    (void)snprintf(caught.component, sizeof(caught.component), "%s", component);
    (void)snprintf(caught.message, sizeof(caught.message), "%s", message);
    caught.user = user;
}

static int reset(void **state) {
    (void)state;
    memset(&caught, 0, sizeof(caught));
    return 0;
}

/* ---- what is wanted ---- */

static void messages_up_to_the_level_are_written(void **state) {
    (void)state;
    static const struct {
        int level;
        bool error, warn, info, debug;
    } cases[] = {
        {SIO_LOG_DEFAULT, true, true, false, false}, {SIO_LOG_NONE, false, false, false, false},
        {SIO_LOG_ERROR, true, false, false, false},  {SIO_LOG_WARN, true, true, false, false},
        {SIO_LOG_INFO, true, true, true, false},     {SIO_LOG_DEBUG, true, true, true, true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct logger l;
        sio__logger_init(&l, cases[i].level, catch, NULL, NULL);
        assert_int_equal(sio__log_wants(&l, SIO_LOG_ERROR, LOG_COMPONENT_ENGINE), cases[i].error);
        assert_int_equal(sio__log_wants(&l, SIO_LOG_WARN, LOG_COMPONENT_ENGINE), cases[i].warn);
        assert_int_equal(sio__log_wants(&l, SIO_LOG_INFO, LOG_COMPONENT_ENGINE), cases[i].info);
        assert_int_equal(sio__log_wants(&l, SIO_LOG_DEBUG, LOG_COMPONENT_ENGINE), cases[i].debug);
    }
}

#define BIT(name) (1u << LOG_COMPONENT_##name)
#define ALL       ((1u << LOG_COMPONENTS) - 1)

static void a_pattern_selects_components_as_the_debug_variable_does(void **state) {
    (void)state;
    static const uint32_t engine = BIT(ENGINE) | BIT(ENGINE_SOCKET) | BIT(ENGINE_TRANSPORT) |
                                   BIT(ENGINE_POLLING) | BIT(ENGINE_WS) | BIT(ENGINE_HTTP);
    const struct {
        const char *pattern;
        uint32_t selected;
    } cases[] = {
        {NULL, 0},
        {"", 0},
        {" ", 0},
        {"*", ALL},
        {"engine", BIT(ENGINE)},
        {"engine*", engine},
        {"engine:*", engine & ~BIT(ENGINE)},
        {"engine*,-engine:ws", engine & ~BIT(ENGINE_WS)},
        {"-engine:ws,engine*", engine & ~BIT(ENGINE_WS)},
        {"*,-engine*", ALL & ~engine},
        {"engine:ws socket.io:socket", BIT(ENGINE_WS) | BIT(SOCKET)},
        {" ,engine:ws,, socket.io-parser ,", BIT(ENGINE_WS) | BIT(PARSER)},
        {"*:socket", BIT(ENGINE_SOCKET) | BIT(SOCKET)},
        {"socket.io:*namespace", BIT(NAMESPACE) | BIT(PARENT_NAMESPACE)},
        {"express", 0},
        {"-engine", 0},
        {"-", 0},
        {"Engine", 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct logger l;
        sio__logger_init(&l, SIO_LOG_WARN, catch, NULL, cases[i].pattern);
        assert_int_equal(l.mask & ALL, cases[i].selected);
        assert_int_equal(l.level, SIO_LOG_WARN);
    }
}

static void a_pattern_narrows_the_debug_level(void **state) {
    (void)state;
    struct logger l;
    sio__logger_init(&l, SIO_LOG_DEBUG, catch, NULL, "engine:ws");
    assert_true(sio__log_wants(&l, SIO_LOG_DEBUG, LOG_COMPONENT_ENGINE_WS));
    assert_false(sio__log_wants(&l, SIO_LOG_DEBUG, LOG_COMPONENT_ENGINE));
    assert_true(sio__log_wants(&l, SIO_LOG_INFO, LOG_COMPONENT_ENGINE));
}

static unsigned evaluations;

static int evaluate(void) {
    evaluations++;
    return 1;
}

static void arguments_of_unwanted_messages_are_not_evaluated(void **state) {
    (void)state;
    struct logger l;
    sio__logger_init(&l, SIO_LOG_WARN, catch, NULL, NULL);
    evaluations = 0;
    SIO_LOG_AT(&l, SIO_LOG_INFO, LOG_COMPONENT_SERVER, "%d", evaluate());
    SIO_DEBUG(&l, LOG_COMPONENT_SERVER, "%d", evaluate());
    assert_int_equal(evaluations, 0);
    assert_int_equal(caught.messages, 0);
    SIO_LOG_AT(&l, SIO_LOG_WARN, LOG_COMPONENT_SERVER, "%d", evaluate());
    assert_int_equal(evaluations, 1);
    assert_int_equal(caught.messages, 1);
}

/* ---- what is written ---- */

static void the_callback_gets_level_component_text_and_user(void **state) {
    (void)state;
    struct logger l;
    int user;
    sio__logger_init(&l, SIO_LOG_INFO, catch, &user, "socket.io:*");
    SIO_LOG_AT(&l, SIO_LOG_ERROR, LOG_COMPONENT_ENGINE_HTTP, "fd %d: %s", 7, "gone");
    assert_int_equal(caught.level, SIO_LOG_ERROR);
    assert_string_equal(caught.component, "engine:http");
    assert_string_equal(caught.message, "fd 7: gone");
    assert_ptr_equal(caught.user, &user);
    SIO_DEBUG(&l, LOG_COMPONENT_BROADCAST, "to %u sockets", 12u);
    assert_int_equal(caught.level, SIO_LOG_DEBUG);
    assert_string_equal(caught.component, "socket.io:broadcast-operator");
    assert_string_equal(caught.message, "to 12 sockets");
    assert_int_equal(caught.messages, 2);
}

static void a_message_is_one_line_of_utf8_whatever_went_into_it(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *logged;
    } cases[] = {
        {"a\r\nb\tc\x1b[0m\x7f", "a??b?c?[0m?"},
        {"\xe4\xbd\xa0", "\xe4\xbd\xa0"},
        {"\xe4\xbd\xa0\xff", "????"},
        {"a\xc2\x85"
         "b\xc2\x9b"
         "0m\xc2\xa0",
         "a??b??0m\xc2\xa0"}, /* controls of ISO 6429, too */
    };
    struct logger l;
    sio__logger_init(&l, SIO_LOG_WARN, catch, NULL, NULL);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        SIO_LOG_AT(&l, SIO_LOG_WARN, LOG_COMPONENT_SERVER, "%s", cases[i].text);
        assert_string_equal(caught.message, cases[i].logged);
    }
}

static void long_messages_are_cut_between_characters(void **state) {
    (void)state;
    struct logger l;
    sio__logger_init(&l, SIO_LOG_WARN, catch, NULL, NULL);
    for (size_t lead = 0; lead < 4; lead++) {
        char text[3000];
        memset(text, 'x', lead);
        for (size_t i = lead; i + 3 < sizeof(text); i += 3) {
            memcpy(text + i, "\xe4\xbd\xa0", 4);
        }
        SIO_LOG_AT(&l, SIO_LOG_WARN, LOG_COMPONENT_SERVER, "%s", text);
        size_t len = strlen(caught.message);
        assert_in_range(len, 1018, 1023);
        assert_string_equal(caught.message + len - 3, "...");
        assert_memory_equal(caught.message, text, len - 3);
        assert_true(sio__utf8_valid((const uint8_t *)caught.message, len));
    }
    char text[1025];
    memset(text, 'x', 1024);
    text[1024] = '\0';
    SIO_LOG_AT(&l, SIO_LOG_WARN, LOG_COMPONENT_SERVER, "%s", text);
    assert_int_equal(strlen(caught.message), 1023);
    assert_string_equal(caught.message + 1019, "x...");
    text[1023] = '\0';
    SIO_LOG_AT(&l, SIO_LOG_WARN, LOG_COMPONENT_SERVER, "%s", text);
    assert_string_equal(caught.message, text);
}

/* Lets a logger without callback write, and returns what one read of the pipe yields. */
static void capture_stderr(void (*log)(const struct logger *l), char *line, size_t size) {
    int ends[2];
    /* In packet mode every write is a read of its own. */
    assert_int_equal(pipe2(ends, O_DIRECT | O_NONBLOCK), 0);
    int saved = dup(STDERR_FILENO);
    assert_true(saved >= 0);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    struct logger l;
    sio__logger_init(&l, SIO_LOG_WARN, NULL, NULL, NULL);
    log(&l);
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    ssize_t n = read(ends[0], line, size - 1);
    assert_true(n > 0);
    line[n] = '\0';
    char more;
    assert_int_equal(read(ends[0], &more, 1), -1);
    assert_int_equal(close(ends[0]) + close(ends[1]) + close(saved), 0);
}

static void log_short(const struct logger *l) {
    SIO_LOG_AT(l, SIO_LOG_WARN, LOG_COMPONENT_ENGINE, "queue of %s is full", "abc");
}

static void log_long(const struct logger *l) {
    SIO_LOG_AT(l, SIO_LOG_ERROR, LOG_COMPONENT_BROADCAST, "%03000d", 1);
}

static void without_callback_a_line_goes_to_stderr_in_one_write(void **state) {
    (void)state;
    char line[4096];
    capture_stderr(log_short, line, sizeof(line));
    static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ";
    for (size_t i = 0; i < sizeof(form) - 1; i++) {
        bool digit = line[i] >= '0' && line[i] <= '9';
        assert_true(form[i] == 'd' ? digit : line[i] == form[i]);
    }
    assert_true(strncmp(line, "20", 2) == 0);
    assert_string_equal(line + sizeof(form) - 1, " warn engine queue of abc is full\n");

    capture_stderr(log_long, line, sizeof(line));
    assert_string_equal(line + strlen(line) - 4, "...\n");
    assert_non_null(strstr(line, " error socket.io:broadcast-operator 0000"));
}

/* ---- limits ---- */

static void a_limited_message_passes_once_a_second(void **state) {
    (void)state;
    struct log_limit limit = {0};
    uint32_t suppressed = 99;
    assert_true(sio__log_allow(&limit, 5000, &suppressed));
    assert_int_equal(suppressed, 0);
    suppressed = 99;
    assert_false(sio__log_allow(&limit, 5000, &suppressed));
    assert_false(sio__log_allow(&limit, 5999, &suppressed));
    assert_int_equal(suppressed, 99);
    assert_true(sio__log_allow(&limit, 6000, &suppressed));
    assert_int_equal(suppressed, 2);
    assert_true(sio__log_allow(&limit, 7000, &suppressed));
    assert_int_equal(suppressed, 0);
    limit.suppressed = UINT32_MAX;
    assert_false(sio__log_allow(&limit, 7001, &suppressed));
    assert_true(sio__log_allow(&limit, 9000, &suppressed));
    assert_int_equal(suppressed, UINT32_MAX);
}

/* ---- names ---- */

static void levels_have_names_that_can_be_read_back(void **state) {
    (void)state;
    static const char *const names[] = {"none", "error", "warn", "info", "debug"};
    for (int i = 0; i < 5; i++) {
        assert_string_equal(sio_log_level_name(SIO_LOG_NONE + i), names[i]);
        assert_int_equal(sio_log_level_parse(names[i]), SIO_LOG_NONE + i);
    }
    static const char *const wrong[] = {"", "WARN", "warning", "war", "default", "4"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_int_equal(sio_log_level_parse(wrong[i]), SIO_ERR_INVALID);
    }
    assert_int_equal(sio_log_level_parse(NULL), SIO_ERR_INVALID);
    assert_string_equal(sio_log_level_name(-1), "none");
    assert_string_equal(sio_log_level_name(SIO_LOG_DEBUG + 1), "none");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(messages_up_to_the_level_are_written, reset),
        cmocka_unit_test_setup(a_pattern_selects_components_as_the_debug_variable_does, reset),
        cmocka_unit_test_setup(a_pattern_narrows_the_debug_level, reset),
        cmocka_unit_test_setup(arguments_of_unwanted_messages_are_not_evaluated, reset),
        cmocka_unit_test_setup(the_callback_gets_level_component_text_and_user, reset),
        cmocka_unit_test_setup(a_message_is_one_line_of_utf8_whatever_went_into_it, reset),
        cmocka_unit_test_setup(long_messages_are_cut_between_characters, reset),
        cmocka_unit_test_setup(without_callback_a_line_goes_to_stderr_in_one_write, reset),
        cmocka_unit_test(a_limited_message_passes_once_a_second),
        cmocka_unit_test(levels_have_names_that_can_be_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
