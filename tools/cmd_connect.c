/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* `sio connect`: a client to type into. */
#include <sio/client.h>
#include <sio/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client_options.h"
#include "command.h"
#include "console.h"
#include "logging.h"
#include "state_file.h"

#define NAME "sio connect"

enum { PROMPT_BYTES = 40 };

static const struct option_entry entries[] = {
    {.kind = OPTION_TITLE, .help = "Session"},
    {.kind = OPTION_FLAG,
     .name = "trace",
     .at = offsetof(struct client_options, trace),
     .help = "show every packet, decoded: Engine.IO | Socket.IO | JSON"},
    CLIENT_NO_RECONNECT,
};

static const struct option_table table = {entries, sizeof entries / sizeof entries[0]};

static const struct option_command command = {
    .name = NAME,
    .synopsis = "Usage: sio connect [OPTION]... URL\n"
                "\n"
                "Connects to a Socket.IO server, shows what it sends, and sends what is typed;\n"
                "'help' lists the commands. Without a terminal the same commands are read from\n"
                "the standard input once there is a connection, and the end of the input ends it\n"
                "when all answers are there; a connection that fails is not tried again then.",
    .notes = CLIENT_NOTES
    "\n"
    "The file $XDG_STATE_HOME/sio/history (default: ~/.local/state/sio/history) keeps\n"
    "the lines that were typed, except those that begin with a blank.\n"
    "\n"
    "Exit status: 0 ended by 'quit', the end of the input, or a signal; 1 failure; 2\n"
    "wrong command line; and without a terminal 3 could not connect, 4 refused by the\n"
    "server, 6 disconnected for good.\n"
    "\n"
    "Examples:\n"
    "  sio connect http://localhost:3000\n"
    "  sio connect --trace --transport websocket https://example.com/chat\n"
    "  echo 'ack history 10' | sio connect https://example.com",
    .tables = {&table, &client_table},
    .leading = true,
};

/* ---- at a terminal ---- */

static enum line_editor_wake on_wait(void *user) {
    struct console *c = user;
    unsigned events = pump_wait(&c->pump);
    if ((events & (PUMP_OVER | PUMP_TERM)) != 0) {
        return LINE_EDITOR_END;
    }
    if ((events & PUMP_INT) != 0) {
        return LINE_EDITOR_INTERRUPT;
    }
    return (events & PUMP_RESIZED) != 0 ? LINE_EDITOR_RESIZED : LINE_EDITOR_INPUT;
}

/* The namespace, as far as a prompt can show it. */
static const char *prompt_of(void *user) {
    static char prompt[PROMPT_BYTES]; /* libedit takes it before it asks again */
    struct console *c = user;
    snprintf(prompt, sizeof prompt, "%.*s> ", PROMPT_BYTES - 3, sio_socket_nsp(c->current));
    for (char *p = prompt; *p != '\0'; p++) {
        *p = *p >= ' ' && *p < 0x7f ? *p : '?';
    }
    return prompt;
}

static void edit_lines(struct console *c) {
    for (const char *line = line_editor_read(c->editor); line != NULL;
         line = line_editor_read(c->editor)) {
        char *copy = strdup(line);
        if (copy != NULL) {
            console_do(c, copy);
        }
        free(copy);
        if (c->pump.over) {
            break;
        }
    }
}

/* ---- without one ---- */

static void read_lines(struct console *c) {
    lines_read(&c->input, STDIN_FILENO);
    for (char *line = lines_next(&c->input); line != NULL && !c->pump.over;
         line = lines_next(&c->input)) {
        console_do(c, line);
    }
    if (c->input.end) {
        c->input_over = true;
        c->pump.input = -1;
        console_end_if_idle(c);
    }
}

static void wait_for_lines(struct console *c) {
    while (!c->pump.over) {
        unsigned events = pump_wait(&c->pump);
        if ((events & (PUMP_INT | PUMP_TERM)) != 0) {
            break;
        }
        if ((events & PUMP_INPUT) != 0) {
            read_lines(c);
        }
    }
}

/* ---- the run ---- */

static void before_sleep(void *user) {
    struct console *c = user;
    line_editor_show(c->editor);
    fflush(stdout);
}

static void on_log(int level, const char *component, const char *message, void *user) {
    struct console *c = user;
    line_editor_hide(c->editor);
    fflush(stdout);
    log_message(level, component, message, NULL);
}

static void talk(struct console *c) {
    static const struct line_editor_hooks hooks = {
        .wait = on_wait, .prompt = prompt_of, .candidate = console_candidate};
    struct line_editor_hooks own = hooks;
    own.user = c;
    c->pump.input = -1;
    c->pump.before_sleep = before_sleep;
    c->pump.user = c;
    pump_start();
    c->editor = line_editor_new(&own);
    if (c->editor == NULL) {
        wait_for_lines(c);
    } else {
        char *history = state_file("history");
        if (history != NULL) {
            line_editor_load(c->editor, history);
        }
        c->pump.input = STDIN_FILENO;
        edit_lines(c);
        if (history != NULL) {
            line_editor_save(c->editor, history);
        }
        free(history);
        line_editor_free(c->editor);
        c->editor = NULL;
    }
    if (c->status == EXIT_OK) {
        c->pump.over = false;
        pump_drain(&c->pump, c->current);
    }
    c->pump.over = true;
    pump_close(&c->pump);
}

static int run(struct client_options *o) {
    struct console c = {.options = o, .status = EXIT_OK};
    o->client.log = on_log;
    o->client.log_user = &c;
    int status = client_options_open(o, &command, &c.pump.client);
    if (status == EXIT_OK) {
        console_watch(&c);
        int r = console_open(&c, o->nsp);
        if (r < 0) {
            fprintf(stderr, NAME ": %s\n", sio_strerror(r));
            status = EXIT_FAILED;
        } else {
            talk(&c);
            status = command_end_output(NAME, c.status);
        }
    }
    owed_done(&c.owed);
    sio_client_free(c.pump.client);
    names_done(&c.names);
    lines_done(&c.input);
    return status;
}

int cmd_connect(int argc, char **argv) {
    struct client_options options;
    struct operands operands;
    int status = EXIT_USAGE;
    enum options_result result = client_options_parse(&options, &command, argc, argv, &operands);
    if (result == OPTIONS_HELP) {
        status = command_end_output(NAME, EXIT_OK);
    } else if (result == OPTIONS_RUN && operands.rest_count > 0) {
        options_wrong(&command, "unexpected argument '%s'", operands.rest[0]);
    } else if (result == OPTIONS_RUN) {
        /* A script wants to know that there is no connection. */
        options.client.no_reconnection = options.client.no_reconnection || !isatty(STDIN_FILENO);
        status = run(&options);
    }
    client_options_done(&options);
    return status;
}
