/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* The commands that are typed into `sio connect`. */
#include <sio/error.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "command.h"
#include "console.h"
#include "show.h"
#include "suggest.h"

enum { WORDS_MAX = 256, ID_BYTES = 100 };

/* A line in words; those behind the command. */
struct line {
    char **words;
    size_t count;
};

__attribute__((format(printf, 2, 3))) static void complain(struct console *c, const char *format,
                                                           ...) {
    FILE *out = console_out(c);
    va_list args;
    va_start(args, format);
    fputs("! ", out);
    vfprintf(out, format, args);
    putc('\n', out);
    va_end(args);
}

static void complain_of(struct console *c, int error) {
    if (error == SIO_ERR_CLOSED) {
        complain(c, "not connected; 'connect' connects");
    } else if (error < 0) {
        complain(c, "%s", sio_strerror(error));
    }
}

/* ---- sending ---- */

static void warn_of_text(struct console *c, char *const *args, size_t count) {
    const char *arg = args_doubtful(args, count);
    if (arg != NULL) {
        complain(c, "this is no JSON, and goes as a text: %s", arg);
    }
}

/* What is sent while there is no connection waits for one, which may not come by itself. */
static const char *delay_of(const struct console *c) {
    if (sio_socket_connected(c->current)) {
        return "";
    }
    return sio_socket_active(c->current) ? "waits for the connection"
                                         : "waits: not connected; 'connect' connects";
}

/* Makes the message of a line EVENT ARG...; NULL when that failed, which was said. */
static sio_msg *msg_of(struct console *c, const struct line *l) {
    sio_msg *m = NULL;
    char why[ARGS_WHY_BYTES];
    if (l->count == 0) {
        complain(c, "an EVENT is missing");
    } else if (args_to_msg(&m, l->words[0], l->words + 1, l->count - 1, false, why) < 0) {
        complain(c, "%s", why);
    } else {
        names_add(&c->names, l->words[0]);
        warn_of_text(c, l->words + 1, l->count - 1);
    }
    return m;
}

static void emit(struct console *c, const struct line *l, unsigned flags) {
    sio_msg *m = msg_of(c, l);
    if (m == NULL) {
        return;
    }
    const char *delay = delay_of(c);
    int r = sio_emit_msg(c->current, flags, m);
    sio_msg_unref(m);
    complain_of(c, r);
    if (r >= 0 && delay[0] != '\0') {
        fprintf(console_out(c), "> %s\n", delay);
    }
}

static void do_emit(struct console *c, const struct line *l) {
    emit(c, l, 0);
}

static void do_volatile(struct console *c, const struct line *l) {
    emit(c, l, SIO_VOLATILE);
}

static void do_ack(struct console *c, const struct line *l) {
    sio_msg *m = msg_of(c, l);
    if (m == NULL) {
        return;
    }
    const char *delay = delay_of(c);
    c->asked++;
    int r = sio_emit_ack_msg(c->current,
                             SIO_ACK(.fn = console_on_answer, .user = (void *)(uintptr_t)c->asked,
                                     .timeout_ms = c->options->timeout_ms),
                             m);
    sio_msg_unref(m);
    if (r < 0) {
        complain_of(c, r);
        return;
    }
    c->waiting++;
    fprintf(console_out(c), "> #%u%s%s\n", c->asked, delay[0] != '\0' ? " " : "", delay);
}

/* The number of the event that is to be answered; 0 when there is none, which was said. */
static unsigned number_to_answer(struct console *c, const struct line *l) {
    char *end = NULL;
    unsigned long number = l->count > 0 ? strtoul(l->words[0], &end, 10) : 0;
    if (l->count == 0) {
        complain(c, "a NUMBER is missing: that of the event to answer");
    } else if (strspn(l->words[0], "0123456789") != strlen(l->words[0])) {
        complain(c, "'%s' is no number; 'answer 1 yes' answers event 1 with \"yes\"", l->words[0]);
    } else if (number == 0 || number > c->owed.last) {
        complain(c, "there was no event %s that wants an answer", l->words[0]);
    } else if (c->owed.last - number >= OWED_MAX) {
        complain(c, "event %lu is too long ago: only the last %d can be answered", number,
                 OWED_MAX);
    } else if (c->owed.acks[number % OWED_MAX] == NULL) {
        complain(c, "event %lu was answered already", number);
    } else {
        return (unsigned)number;
    }
    return 0;
}

static void do_answer(struct console *c, const struct line *l) {
    sio_msg *m = NULL;
    char why[ARGS_WHY_BYTES];
    unsigned number = number_to_answer(c, l);
    if (number == 0) {
        return;
    }
    if (args_to_msg(&m, NULL, l->words + 1, l->count - 1, false, why) < 0) {
        complain(c, "%s", why); /* and the event still waits */
        return;
    }
    warn_of_text(c, l->words + 1, l->count - 1);
    int r = sio_ack_reply_msg(owed_take(&c->owed, number), m);
    sio_msg_unref(m);
    if (r == SIO_ERR_CLOSED) {
        complain(c, "event %u cannot be answered any more: the connection it came over is gone",
                 number);
    } else {
        complain_of(c, r);
    }
}

/* ---- the connection ---- */

static void list_namespaces(struct console *c) {
    FILE *out = console_out(c);
    for (size_t i = 0; i < c->socket_count; i++) {
        sio_socket *s = c->sockets[i];
        fprintf(out, "%s %s: %s\n", s == c->current ? "*" : " ", sio_socket_nsp(s),
                sio_socket_connected(s) ? "connected" : "not connected");
    }
}

static void do_ns(struct console *c, const struct line *l) {
    if (l->count == 0) {
        list_namespaces(c);
        return;
    }
    int r = console_open(c, l->words[0]);
    if (r < 0) {
        complain_of(c, r);
    }
}

static void do_transport(struct console *c, const struct line *l) {
    sio_client *client = c->pump.client;
    FILE *out = console_out(c);
    (void)l;
    if (sio_client_state(client) != SIO_CLIENT_OPEN) {
        complain(c, "not connected; 'connect' connects");
        return;
    }
    fprintf(out, "* %s, session ", sio_client_transport(client));
    show_text(out, sio_client_sid(client), strlen(sio_client_sid(client)), ID_BYTES);
    fputs(sio_socket_connected(c->current) ? ", socket " : ", not in this namespace", out);
    show_text(out, sio_socket_id(c->current), strlen(sio_socket_id(c->current)), ID_BYTES);
    putc('\n', out);
}

static void do_disconnect(struct console *c, const struct line *l) {
    (void)l;
    sio_socket_disconnect(c->current, false);
}

static void do_connect(struct console *c, const struct line *l) {
    (void)l;
    if (sio_client_state(c->pump.client) == SIO_CLIENT_CLOSED) {
        sio_client_open(c->pump.client);
    }
    complain_of(c, sio_socket_connect(c->current));
}

static void do_quit(struct console *c, const struct line *l) {
    (void)l;
    c->status = EXIT_OK;
    c->pump.over = true;
}

/* ---- all of them ---- */

static void do_help(struct console *c, const struct line *l);

static const struct {
    const char *name;
    const char *arguments;
    const char *help;
    void (*run)(struct console *c, const struct line *l);
} commands[] = {
    {"emit", "EVENT [ARG]...", "send an event", do_emit},
    {"ack", "EVENT [ARG]...", "send an event, and show its answer", do_ack},
    {"volatile", "EVENT [ARG]...", "send an event that may be dropped", do_volatile},
    {"answer", "NUMBER [ARG]...", "answer event NUMBER, which wants it", do_answer},
    {"ns", "[NAME]", "open or choose a namespace; list them", do_ns},
    {"transport", "", "show the transport and the ids", do_transport},
    {"disconnect", "", "leave the namespace", do_disconnect},
    {"connect", "", "connect to it again", do_connect},
    {"help", "", "show this list", do_help},
    {"quit", "", "end; so does Ctrl-D", do_quit},
};

enum { COMMANDS = sizeof commands / sizeof commands[0] };

static void do_help(struct console *c, const struct line *l) {
    FILE *out = console_out(c);
    (void)l;
    for (size_t i = 0; i < COMMANDS; i++) {
        int width = fprintf(out, "  %s %s", commands[i].name, commands[i].arguments);
        fprintf(out, "%*s%s\n", 30 - width, "", commands[i].help);
    }
    fputs("An ARG is JSON, in which blanks may stand, or else a text as it stands; 'a b' is\n"
          "one with blanks. {\"base64\":\"AAEC\"} is bytes, @FILE the bytes of a file, @@x\n"
          "the text @x. Other events than those of Socket.IO itself are the server's own:\n"
          "'emit join room1' does whatever this server does then. A '/' before a command is\n"
          "ignored.\n",
          out);
    if (!line_editor_is_built_in()) {
        fputs("This build has no line editor (libedit): no history, no completion.\n", out);
    }
}

static void complain_of_command(struct console *c, const char *word) {
    struct suggestion s = {0};
    for (size_t i = 0; i < COMMANDS; i++) {
        suggestion_try(&s, word, commands[i].name);
    }
    FILE *out = console_out(c);
    if (s.best != NULL) {
        fprintf(out, "! unknown command '%s'; did you mean '%s'?\n", word, s.best);
    } else {
        fprintf(out, "! unknown command '%s'; 'emit' sends events, 'help' shows the commands\n",
                word);
    }
}

void console_do(struct console *c, char *line) {
    char *words[WORDS_MAX];
    int count = args_split(line, words, WORDS_MAX);
    if (count < 0) {
        complain(c, "a quote has no partner, or there are too many words");
    }
    if (count <= 0) {
        return;
    }
    const char *name = words[0] + (words[0][0] == '/');
    struct line l = {words + 1, (size_t)count - 1};
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(name, commands[i].name) == 0) {
            commands[i].run(c, &l);
            return;
        }
    }
    complain_of_command(c, words[0]);
}

/* ---- completion ---- */

static bool begins_with(const char *before, size_t len, const char *command) {
    size_t command_len = strlen(command);
    return len > command_len && strncmp(before, command, command_len) == 0 &&
           strspn(before + command_len, " ") == len - command_len;
}

const char *console_candidate(void *user, const char *before, size_t len, size_t index) {
    struct console *c = user;
    size_t blanks = strspn(before, " ");
    blanks = blanks > len ? len : blanks;
    before += blanks;
    len -= blanks;
    if (len == 0) {
        return index < COMMANDS ? commands[index].name : NULL;
    }
    if (begins_with(before, len, "ns")) {
        return index < c->socket_count ? sio_socket_nsp(c->sockets[index]) : NULL;
    }
    if (begins_with(before, len, "emit") || begins_with(before, len, "ack") ||
        begins_with(before, len, "volatile")) {
        return index < c->names.count ? c->names.items[index] : NULL;
    }
    return NULL;
}
