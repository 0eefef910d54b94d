/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* `sio listen`: events as lines of JSON, in both directions, for scripts. */
#include <sio/client.h>
#include <sio/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client_options.h"
#include "command.h"
#include "lines.h"
#include "owed.h"
#include "pump.h"
#include "requests.h"
#include "show.h"
#include "states.h"

#define NAME "sio listen"

static const struct option_entry entries[] = {
    {.kind = OPTION_TITLE, .help = "Session"},
    CLIENT_NO_RECONNECT,
};

static const struct option_table table = {entries, sizeof entries / sizeof entries[0]};

static const struct option_command command = {
    .name = NAME,
    .synopsis =
        "Usage: sio listen [OPTION]... URL [EVENT]...\n"
        "\n"
        "Prints every event of a Socket.IO server, or only those named, as a line\n"
        "{\"event\":\"news\",\"args\":[1,\"x\"]}. Bytes are {\"base64\":\"AAEC\"}; with \"ack\":1 "
        "the\n"
        "server waits for an answer. Lines of the same form on the standard input are\n"
        "sent: with \"ack\":true the answer is printed as {\"ack\":[...]}, with another text\n"
        "or number it has that as its \"id\", and {\"ack\":1,\"args\":[]} is an answer. What\n"
        "happens to the connection is told on the standard error.",
    .notes =
        "MS are milliseconds, or with a unit: 500ms, 30s, 5m, 1h.\n"
        "\n"
        "Exit status: 0 ended by SIGINT (Ctrl-C) or SIGTERM, 1 failure, 2 wrong command\n"
        "line, 3 could not connect, 4 refused by the server, 6 disconnected for good: by\n"
        "the server, or by the network with --no-reconnect.\n"
        "\n"
        "Examples:\n"
        "  sio listen http://localhost:3000\n"
        "  sio listen --namespace /chat https://example.com message typing\n"
        "  sio listen https://example.com | jq -r '.args[0].title'\n"
        "  echo '{\"event\":\"ask\",\"args\":[1],\"ack\":true}' | sio listen https://example.com",
    .tables = {&table, &client_table},
    .leading = true,
};

struct listener {
    const struct client_options *options;
    char *const *events; /* to be printed; all when there is none */
    int event_count;
    sio_socket *socket;
    struct pump pump;
    struct lines input;
    size_t line; /* number of the last one */
    struct owed owed;
    struct question *questions;
    int status;
    bool was_open;
};

/* An event that was sent and waits for its answer. */
struct question {
    struct question *next;
    struct listener *listener;
    size_t id_len;
    char id[]; /* JSON text */
};

/* ---- output ---- */

/* Ends a line of the output. A reader that has gone ends the command. */
static void end_line(struct listener *l) {
    putchar('\n');
    if (command_end_output(NAME, EXIT_OK) != EXIT_OK) {
        l->status = EXIT_FAILED;
        l->pump.over = true;
    }
}

static void end_state(void) {
    putc('\n', stderr);
}

static void end_with(struct listener *l, int status) {
    if (!l->pump.over) {
        l->status = status;
        l->pump.over = true;
    }
}

/* ---- what the server does ---- */

static bool is_wanted(const struct listener *l, const char *event) {
    for (int i = 0; i < l->event_count; i++) {
        if (strcmp(l->events[i], event) == 0) {
            return true;
        }
    }
    return l->event_count == 0;
}

static void on_event(sio_socket *s, sio_event *ev, void *user) {
    struct listener *l = user;
    const char *name = sio_event_name(ev);
    (void)s;
    if (!is_wanted(l, name)) {
        return;
    }
    fputs("{\"event\":", stdout);
    json_print_string(stdout, name, strlen(name));
    fputs(",\"args\":[", stdout);
    show_args(stdout, ev, ",", SHOW_BASE64);
    putchar(']');
    unsigned number = owed_add(&l->owed, ev);
    if (number > 0) {
        printf(",\"ack\":%u", number);
    }
    putchar('}');
    end_line(l);
}

static void on_connect(sio_socket *s, void *user) {
    (void)user;
    states_connected(stderr, s);
    end_state();
}

static void on_connect_error(sio_socket *s, const sio_connect_error *error, void *user) {
    struct listener *l = user;
    if (!states_is_of_namespace(s)) {
        return; /* a notice tells of it */
    }
    states_connect_error(stderr, s, error);
    end_state();
    if (!error->active) {
        end_with(l, states_exit_status(error));
    }
}

static void on_disconnect(sio_socket *s, int reason, int cause, void *user) {
    struct listener *l = user;
    states_disconnected(stderr, s, reason, cause);
    end_state();
    if (reason == SIO_REASON_IO_SERVER_DISCONNECT) {
        end_with(l, EXIT_DISCONNECTED);
    }
}

static void on_notice(sio_client *client, const sio_notice *notice, void *user) {
    struct listener *l = user;
    l->was_open = l->was_open || notice->kind == SIO_NOTICE_OPEN;
    if (states_notice(stderr, client, l->options->url, notice)) {
        end_state();
    }
    if (states_is_end(notice)) {
        end_with(l, l->was_open ? EXIT_DISCONNECTED : EXIT_UNREACHABLE);
    }
}

/* ---- what is sent ---- */

static void forget(struct question *q) {
    struct question **at = &q->listener->questions;
    while (*at != q) {
        at = &(*at)->next;
    }
    *at = q->next;
    free(q);
}

static void on_answer(sio_socket *s, int status, sio_event *reply, void *user) {
    struct question *q = user;
    (void)s;
    if (status == 0) {
        fputs("{\"ack\":[", stdout);
        show_args(stdout, reply, ",", SHOW_BASE64);
        putchar(']');
    } else {
        printf("{\"ack\":null,\"error\":\"%s\"", sio_strerror(status));
    }
    if (q->id_len > 0) {
        printf(",\"id\":%.*s", (int)q->id_len, q->id);
    }
    putchar('}');
    end_line(q->listener);
    forget(q);
}

static int ask(struct listener *l, const struct request *r) {
    struct question *q = malloc(sizeof *q + r->id.len);
    if (q == NULL) {
        return SIO_ERR_NOMEM;
    }
    *q = (struct question){.next = l->questions, .listener = l, .id_len = r->id.len};
    if (r->id.len > 0) {
        memcpy(q->id, r->id.data, r->id.len);
    }
    l->questions = q;
    int result = sio_emit_ack_msg(
        l->socket, SIO_ACK(.fn = on_answer, .user = q, .timeout_ms = l->options->timeout_ms),
        r->msg);
    if (result < 0) {
        forget(q);
    }
    return result;
}

static void send_line(struct listener *l, const char *line) {
    struct request r;
    l->line++;
    if (line[strspn(line, " \t")] == '\0') {
        return;
    }
    const char *why = request_parse(line, &r);
    if (why == NULL) {
        int result;
        sio_ack *ack = r.is_answer ? owed_take(&l->owed, r.answers) : NULL;
        if (r.is_answer) {
            result = ack == NULL ? SIO_ERR_NOT_FOUND : sio_ack_reply_msg(ack, r.msg);
        } else {
            result = r.wants_ack ? ask(l, &r) : sio_emit_msg(l->socket, 0, r.msg);
        }
        sio_msg_unref(r.msg);
        why = result < 0 ? sio_strerror(result) : NULL;
    }
    if (why != NULL) {
        fprintf(stderr, NAME ": input line %zu: %s\n", l->line, why);
    }
}

static void read_input(struct listener *l) {
    lines_read(&l->input, STDIN_FILENO);
    for (char *line = lines_next(&l->input); line != NULL; line = lines_next(&l->input)) {
        send_line(l, line);
    }
    if (l->input.end) {
        l->pump.input = -1; /* and events are still printed */
    }
}

/* ---- the run ---- */

static int listen_on(struct listener *l) {
    sio_socket *s = l->socket;
    sio_client_on_notice(l->pump.client, on_notice, l);
    int r = s == NULL ? SIO_ERR_NOMEM : sio_socket_on_any(s, on_event, l);
    if (r == 0) {
        r = sio_socket_on_connect(s, on_connect, l);
    }
    if (r == 0) {
        r = sio_socket_on_connect_error(s, on_connect_error, l);
    }
    if (r == 0) {
        r = sio_socket_on_disconnect(s, on_disconnect, l);
    }
    if (r < 0) {
        fprintf(stderr, NAME ": %s\n", sio_strerror(r));
        return EXIT_FAILED;
    }
    pump_start();
    for (;;) {
        unsigned events = pump_wait(&l->pump);
        if ((events & PUMP_OVER) != 0) {
            break;
        }
        if ((events & (PUMP_INT | PUMP_TERM)) != 0) {
            l->status = EXIT_OK;
            pump_drain(&l->pump, s);
            break;
        }
        if ((events & PUMP_INPUT) != 0) {
            read_input(l);
        }
    }
    l->pump.over = true;
    pump_close(&l->pump);
    return l->status;
}

static int run(struct client_options *o, const struct operands *operands) {
    struct listener l = {.options = o, .events = operands->rest};
    l.event_count = operands->rest_count;
    l.pump.input = STDIN_FILENO;
    int status = client_options_open(o, &command, &l.pump.client);
    if (status == EXIT_OK) {
        l.socket = sio_client_socket(l.pump.client, o->nsp, NULL);
        status = listen_on(&l);
    }
    owed_done(&l.owed);
    sio_client_free(l.pump.client);
    while (l.questions != NULL) {
        struct question *next = l.questions->next;
        free(l.questions);
        l.questions = next;
    }
    lines_done(&l.input);
    return status;
}

int cmd_listen(int argc, char **argv) {
    struct client_options options;
    struct operands operands;
    int status = EXIT_USAGE;
    switch (client_options_parse(&options, &command, argc, argv, &operands)) {
    case OPTIONS_RUN: status = run(&options, &operands); break;
    case OPTIONS_HELP: status = command_end_output(NAME, EXIT_OK); break;
    default: break;
    }
    client_options_done(&options);
    return status;
}
