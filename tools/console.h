/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#ifndef SIO_TOOLS_CONSOLE_H
#define SIO_TOOLS_CONSOLE_H

/*
 * What `sio connect` knows: a client, its sockets, and somebody who types. What happens is printed
 * by console.c, what is typed is done by console_commands.c.
 *
 *     * text   the state of the connection
 *     < text   from the server          <- text   a packet from the server (--trace)
 *     > text   to the server            -> text   a packet to the server
 */

#include <sio/client.h>
#include <stdbool.h>
#include <stdio.h>

#include "client_options.h"
#include "explain.h"
#include "line_editor.h"
#include "lines.h"
#include "names.h"
#include "owed.h"
#include "pump.h"

enum { CONSOLE_SOCKETS_MAX = 64 };

struct console {
    const struct client_options *options;
    struct pump pump;
    struct line_editor *editor; /* NULL: lines are read plainly */
    struct lines input;
    sio_socket *sockets[CONSOLE_SOCKETS_MAX]; /* of the client */
    size_t socket_count;
    sio_socket *current; /* the one that commands are for */
    struct owed owed;    /* answers that the server waits for */
    struct names names;  /* of events */
    struct explainer sent;
    struct explainer received;
    unsigned asked;   /* number of the last event that was sent for an answer */
    unsigned waiting; /* how many of them have none */
    bool was_open;
    bool input_over;
    int status; /* of the process */
};

/* The output, with the line that is being typed taken off it. */
FILE *console_out(struct console *c);

/* Adds the socket of a namespace, or finds it, and makes it the current one. Returns 0 or an error;
 * nsp as in sio_client_socket(). */
int console_open(struct console *c, const char *nsp);

/* Looks at the connection as a whole. */
void console_watch(struct console *c);

/* Ends the run when nothing is left to wait for. */
void console_end_if_idle(struct console *c);

/* Receives answers; user is the number of the question. */
void console_on_answer(sio_socket *s, int status, sio_event *reply, void *user);

/* Does what a line says, which is written to. */
void console_do(struct console *c, char *line);

/* Words that may stand behind the begin of a line; see struct line_editor_hooks. */
const char *console_candidate(void *user, const char *before, size_t len, size_t index);

#endif
