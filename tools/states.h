/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#ifndef SIO_TOOLS_STATES_H
#define SIO_TOOLS_STATES_H

/* What happens to a connection, in words. */

#include <sio/client.h>
#include <stdbool.h>
#include <stdio.h>

/* Tells of a notice, without a line end; false for those that are not worth a line. The URL is that
 * of the client: another scheme is proposed when it looks wrong. */
bool states_notice(FILE *out, sio_client *client, const char *url, const sio_notice *notice);

/* "connected to / as AbCdEf over polling" */
void states_connected(FILE *out, sio_socket *s);

/* "/chat: refused by the server: not allowed {"code":1}" */
void states_connect_error(FILE *out, sio_socket *s, const sio_connect_error *error);

/* True while the connection stands, and only the namespace fails: no notice tells of that. */
bool states_is_of_namespace(const sio_socket *s);

/* The exit status for it. */
int states_exit_status(const sio_connect_error *error);

/* "disconnected from /: transport close (the connection was lost)" */
void states_disconnected(FILE *out, sio_socket *s, int reason, int cause);

/* True for a notice behind which the client will not connect again by itself. */
bool states_is_end(const sio_notice *notice);

#endif
