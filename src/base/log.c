/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Formatting and writing of log messages.
 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sio/error.h>

#include "base/text.h"

#define MESSAGE_BYTES 1024
#define LINE_BYTES    (MESSAGE_BYTES + 128)
#define LIMIT_MS      1000

static const char *const component_names[LOG_COMPONENTS] = {
#define XX(name, text) [LOG_COMPONENT_##name] = (text),
    SIO_LOG_COMPONENT_MAP(XX)
#undef XX
};

static const char *const level_names[] = {
    [SIO_LOG_NONE] = "none", [SIO_LOG_ERROR] = "error", [SIO_LOG_WARN] = "warn",
    [SIO_LOG_INFO] = "info", [SIO_LOG_DEBUG] = "debug",
};

const char *sio_log_level_name(int level) {
    return level < SIO_LOG_NONE || level > SIO_LOG_DEBUG ? "none" : level_names[level];
}

int sio_log_level_parse(const char *name) {
    for (int level = SIO_LOG_NONE; name != NULL && level <= SIO_LOG_DEBUG; level++) {
        if (strcmp(name, level_names[level]) == 0) {
            return level;
        }
    }
    return SIO_ERR_INVALID;
}

/* Writes a line as "2024-05-17T09:30:00.123Z warn engine:ws text\n", in one call so that lines of
 * several threads or processes do not mix. */
static void write_to_stderr(int level, const char *component, const char *message, void *user) {
    (void)user;
    struct timespec now = {0};
    struct tm utc = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &utc);
    char date[32];
    if (strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc) == 0) {
        date[0] = '\0';
    }
    char line[LINE_BYTES];
    int len = snprintf(line, sizeof(line), "%s.%03dZ %s %s %s\n", date,
                       (int)(now.tv_nsec / 1000000), sio_log_level_name(level), component, message);
    if (len > 0) {
        size_t n = (size_t)len < sizeof(line) ? (size_t)len : sizeof(line) - 1;
        /* There is nowhere to report to that stderr is gone. */
        ssize_t written = write(STDERR_FILENO, line, n);
        (void)written;
    }
}

/* Bits of the components that a pattern selects; exclusions win, wherever they stand. */
static uint32_t select_components(const char *pattern) {
    uint32_t selected = 0;
    uint32_t excluded = 0;
    for (const char *p = pattern; *p != '\0';) {
        size_t len = strcspn(p, ", \t");
        bool exclude = p[0] == '-';
        struct text glob = {p + exclude, len - exclude};
        for (unsigned c = 0; c < LOG_COMPONENTS && glob.len > 0; c++) {
            if (sio__glob_match(glob, sio__text_of(component_names[c]))) {
                *(exclude ? &excluded : &selected) |= 1u << c;
            }
        }
        p += len;
        p += strspn(p, ", \t");
    }
    return selected & ~excluded;
}

void sio__logger_init(struct logger *l, int level, sio_log_fn fn, void *user,
                      const char *debug_pattern) {
    l->level = level == SIO_LOG_DEFAULT ? SIO_LOG_WARN : level;
    l->fn = fn != NULL ? fn : write_to_stderr;
    l->user = user;
    l->mask = l->level >= SIO_LOG_DEBUG ? UINT32_MAX : 0;
    if (debug_pattern != NULL && debug_pattern[0] != '\0') {
        l->mask = select_components(debug_pattern);
    }
}

/* U+0080 to U+009F in UTF-8: line ends and escape sequences of terminals are among them. */
static bool is_c1_control(const char *character) {
    return (uint8_t)character[0] == 0xc2 && (uint8_t)character[1] < 0xa0;
}

/* Sees to it that a message is one line of UTF-8, whatever was formatted into it. */
static void clean(char *message, size_t len) {
    bool utf8 = sio__utf8_valid((const uint8_t *)message, len);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)message[i];
        if (utf8 && is_c1_control(message + i)) {
            message[i] = '?';
            i++;
            message[i] = '?';
        } else if (c < 0x20 || c == 0x7f || (c >= 0x80 && !utf8)) {
            message[i] = '?';
        }
    }
}

/* Ends a message that was cut at len bytes with dots, in place of its last characters. */
static size_t end_with_dots(char *message, size_t len) {
    len -= 3;
    while (len > 0 && ((unsigned char)message[len] & 0xc0) == 0x80) {
        len--;
    }
    memcpy(message + len, "...", sizeof("..."));
    return len + 3;
}

void sio__log_write(const struct logger *l, int level, enum log_component component,
                    const char *format, ...) {
    char message[MESSAGE_BYTES];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    if (n < 0) {
        return;
    }
    size_t len = (size_t)n;
    if (len >= sizeof(message)) {
        len = end_with_dots(message, sizeof(message) - 1);
    }
    clean(message, len);
    l->fn(level, component_names[component], message, l->user);
}

bool sio__log_allow(struct log_limit *limit, uint64_t now_ms, uint32_t *ret_suppressed) {
    if (limit->last_ms != 0 && now_ms - limit->last_ms < LIMIT_MS) {
        if (limit->suppressed < UINT32_MAX) {
            limit->suppressed++;
        }
        return false;
    }
    *ret_suppressed = limit->suppressed;
    limit->last_ms = now_ms;
    limit->suppressed = 0;
    return true;
}
