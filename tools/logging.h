/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#ifndef SIO_TOOLS_LOGGING_H
#define SIO_TOOLS_LOGGING_H

/*
 * The log of the tool: lines on the standard error, as "2024-05-17T09:30:00.123Z warn engine:ws
 * text", each in one write() so that lines of several processes do not mix.
 */

/* Writes a message of the library; a sio_log_fn. */
void log_message(int level, const char *component, const char *message, void *user);

/* Formats and writes a message of the tool itself, level and all; long ones are cut. */
void log_line(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
