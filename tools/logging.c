/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "logging.h"

#include <sio/log.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_BYTES = 1280, TEXT_BYTES = 1024 };

void log_message(int level, const char *component, const char *message, void *user) {
    (void)user;
    struct timespec now = {0};
    struct tm utc = {0};
    char date[32] = "";
    char line[LINE_BYTES];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc);
    int len = snprintf(line, sizeof line, "%s.%03dZ %s %s %s\n", date, (int)(now.tv_nsec / 1000000),
                       sio_log_level_name(level), component, message);
    if (len < 0) {
        return;
    }
    size_t size = (size_t)len;
    if (size >= sizeof line) {
        size = sizeof line - 1;
        line[size - 1] = '\n';
    }
    /* There is nowhere to report to that the standard error is gone. */
    ssize_t written = write(STDERR_FILENO, line, size);
    (void)written;
}

void log_line(int level, const char *format, ...) {
    char text[TEXT_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    log_message(level, "sio", text, NULL);
}
