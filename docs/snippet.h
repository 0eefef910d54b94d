/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * What stands in front of the snippets of the documentation when script/check-docs compiles them.
 *
 * Snippets without an #include get the headers below. Those that are statements become the body of
 * a function with SNIPPET_PARAMETERS, and may name the handlers.
 */
#ifndef DOCS_SNIPPET_H
#define DOCS_SNIPPET_H

#include <sio/adapter.h>
#include <sio/sio.h>
#include <sio/uv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SNIPPET_PARAMETERS                                                                         \
    sio_server *srv, sio_client *client, sio_ns *root, sio_ns *ns, sio_socket *s, sio_event *ev,   \
        sio_next *next, sio_msg *m, const sio_val *v, uv_loop_t *loop, void *user,                 \
        const char *text, double x, double y, int r

#if defined(SNIPPET_HANDLERS)
sio_socket_fn on_connect, on_drain;
sio_disconnect_fn on_disconnecting, on_disconnect;
sio_event_fn on_event, on_any, on_sent;
sio_error_fn on_error;
sio_middleware_fn check_token;
sio_event_middleware_fn check_event;
sio_ack_fn on_answer;
sio_answers_fn on_answers;
sio_fetch_fn on_sockets;
sio_request_fn on_request;
sio_allow_fn allow;
sio_headers_fn add_headers;
sio_generate_id_fn make_id;
sio_connection_error_fn on_refused;
sio_ns_check_fn check_name;
sio_log_fn write_log;
sio_connect_error_fn on_connect_error;
sio_notice_fn on_notice;
sio_trace_fn on_trace;
sio_auth_fn give_token;
void on_turn(sio_client *client, void *arg);
void on_new_ns(sio_ns *ns, void *user);
void on_closed(sio_server *server, void *user);
void on_loop(sio_server *server, void *arg);
#endif

void snippet(SNIPPET_PARAMETERS);

#endif /* DOCS_SNIPPET_H */
