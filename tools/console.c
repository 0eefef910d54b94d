/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "console.h"

#include <sio/error.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "show.h"
#include "states.h"

enum { NAME_BYTES = 200 };

FILE *console_out(struct console *c) {
    line_editor_hide(c->editor);
    return stdout;
}

/* Plain input is read once the connection has been tried. */
static void settle(struct console *c) {
    if (c->editor == NULL && !c->input_over) {
        c->pump.input = STDIN_FILENO;
    }
}

/* In plain runs the end of the connection is the end of all; at a terminal one can connect again.
 */
static void end_plainly(struct console *c, int status) {
    if (c->editor == NULL && !c->pump.over) {
        c->status = status;
        c->pump.over = true;
    }
}

void console_end_if_idle(struct console *c) {
    if (c->input_over && c->waiting == 0) {
        c->pump.over = true;
    }
}

/* ---- the connection ---- */

static void on_notice(sio_client *client, const sio_notice *notice, void *user) {
    struct console *c = user;
    char *text = NULL;
    size_t len = 0;
    FILE *line = open_memstream(&text, &len);
    bool worth = line != NULL && states_notice(line, client, c->options->url, notice);
    if (line != NULL && fclose(line) == 0 && worth) {
        fprintf(console_out(c), "* %s\n", text);
    }
    free(text);
    c->was_open = c->was_open || notice->kind == SIO_NOTICE_OPEN;
    if (states_is_end(notice)) {
        end_plainly(c, c->was_open ? EXIT_DISCONNECTED : EXIT_UNREACHABLE);
    }
}

static void on_trace(sio_client *client, bool sent, const char *transport, const void *data,
                     size_t len, bool binary, void *user) {
    struct console *c = user;
    struct explainer *e = sent ? &c->sent : &c->received;
    (void)client;
    e->out = console_out(c);
    fprintf(e->out, "%s %s: ", sent ? "->" : "<-", transport);
    if (binary) {
        explain_binary(e, len > 0 ? data : "", len);
    } else {
        explain_text(e, len > 0 ? data : "", len);
    }
}

void console_watch(struct console *c) {
    sio_client_on_notice(c->pump.client, on_notice, c);
    c->sent = (struct explainer){.out = stdout, .brief = true};
    c->received = c->sent;
    if (c->options->trace) {
        sio_client_on_trace(c->pump.client, on_trace, c);
    }
}

/* ---- sockets ---- */

/* The namespace is named where there are several. */
static void print_nsp(const struct console *c, FILE *out, sio_socket *s) {
    if (c->socket_count > 1) {
        const char *nsp = sio_socket_nsp(s);
        show_text(out, nsp, strlen(nsp), NAME_BYTES);
        putc(' ', out);
    }
}

static void on_event(sio_socket *s, sio_event *ev, void *user) {
    struct console *c = user;
    const char *name = sio_event_name(ev);
    FILE *out = console_out(c);
    names_add(&c->names, name);
    fputs("< ", out);
    print_nsp(c, out, s);
    show_text(out, name, strlen(name), NAME_BYTES);
    fputs(sio_event_count(ev) > 0 ? " " : "", out);
    show_args(out, ev, " ", SHOW_MARK);
    unsigned number = owed_add(&c->owed, ev);
    if (number > 0) {
        fprintf(out, "   (wants an answer: answer %u [ARG]...)", number);
    }
    putc('\n', out);
    show_dumps(out, ev);
}

void console_on_answer(sio_socket *s, int status, sio_event *reply, void *user) {
    struct console *c = sio_socket_user(s);
    FILE *out = console_out(c);
    fprintf(out, "< #%u ", (unsigned)(uintptr_t)user);
    if (status == 0) {
        show_args(out, reply, " ", SHOW_MARK);
        putc('\n', out);
        show_dumps(out, reply);
    } else {
        fprintf(out, "no answer: %s\n", sio_strerror(status));
    }
    c->waiting--;
    console_end_if_idle(c);
}

static void on_connect(sio_socket *s, void *user) {
    struct console *c = user;
    FILE *out = console_out(c);
    fputs("* ", out);
    states_connected(out, s);
    putc('\n', out);
    settle(c);
}

static void on_connect_error(sio_socket *s, const sio_connect_error *error, void *user) {
    struct console *c = user;
    if (!states_is_of_namespace(s)) {
        return; /* a notice tells of it */
    }
    FILE *out = console_out(c);
    fputs("* ", out);
    states_connect_error(out, s, error);
    putc('\n', out);
    if (!error->active && s == c->current) {
        end_plainly(c, states_exit_status(error));
    }
}

static void on_disconnect(sio_socket *s, int reason, int cause, void *user) {
    struct console *c = user;
    FILE *out = console_out(c);
    fputs("* ", out);
    states_disconnected(out, s, reason, cause);
    putc('\n', out);
    if (reason == SIO_REASON_IO_SERVER_DISCONNECT && s == c->current) {
        end_plainly(c, EXIT_DISCONNECTED);
    }
}

int console_open(struct console *c, const char *nsp) {
    sio_socket *s = sio_client_socket(c->pump.client, nsp, NULL);
    if (s == NULL) {
        return SIO_ERR_NOMEM;
    }
    for (size_t i = 0; i < c->socket_count; i++) {
        if (c->sockets[i] == s) {
            c->current = s;
            return 0;
        }
    }
    if (c->socket_count == CONSOLE_SOCKETS_MAX) {
        return SIO_ERR_LIMIT;
    }
    int r = sio_socket_on_any(s, on_event, c);
    if (r == 0) {
        r = sio_socket_on_connect(s, on_connect, c);
    }
    if (r == 0) {
        r = sio_socket_on_connect_error(s, on_connect_error, c);
    }
    if (r == 0) {
        r = sio_socket_on_disconnect(s, on_disconnect, c);
    }
    if (r == 0) {
        sio_socket_set_user(s, c, NULL);
        c->sockets[c->socket_count++] = s;
        c->current = s;
    }
    return r;
}
