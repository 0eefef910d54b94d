/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* `sio emit`: connects, sends one event, waits for its answer if that is wanted, and ends. */
#include <signal.h>
#include <sio/client.h>
#include <sio/error.h>
#include <stdio.h>
#include <string.h>

#include "args.h"
#include "client_options.h"
#include "command.h"
#include "pump.h"
#include "show.h"
#include "states.h"

#define NAME "sio emit"

enum { DOUBTFUL_BYTES = 100 };

static const struct option_entry entries[] = {
    {.kind = OPTION_TITLE, .help = "Event"},
    {.kind = OPTION_FLAG,
     .name = "ack",
     .at = offsetof(struct client_options, ack),
     .help = "wait for the answer and print its arguments, as an array of JSON in one line"},
    {.kind = OPTION_FLAG,
     .name = "text",
     .at = offsetof(struct client_options, text),
     .help = "send every ARG as a text, also what looks like JSON or a file: for texts of somebody "
             "else"},
};

static const struct option_table table = {entries, sizeof entries / sizeof entries[0]};

static const struct option_command command = {
    .name = NAME,
    .synopsis = "Usage: sio emit [OPTION]... URL EVENT [ARG]...\n"
                "\n"
                "Connects to a Socket.IO server, sends one event, and ends. What stands behind\n"
                "EVENT are arguments, also if it begins with '-'.",
    .notes = CLIENT_NOTES
    "\n"
    "Exit status: 0 sent (and answered), 1 failure, 2 wrong command line, 3 could not\n"
    "connect, 4 refused by the server, 5 no answer in time, 6 disconnected.\n"
    "\n"
    "Examples:\n"
    "  sio emit http://localhost:3000 news '{\"title\":\"Hello\"}' 42 text\n"
    "  sio emit --ack --timeout 5s https://example.com/chat history 10\n"
    "  sio emit --auth '{\"token\":\"abc\"}' https://example.com upload @photo.jpg",
    .tables = {&table, &client_table},
    .leading = true,
};

/* One run. */
struct delivery {
    const struct client_options *options;
    struct pump pump;
    sio_msg *msg;
    int status; /* of the process, as things stand */
    bool told;  /* why it will not be EXIT_OK */
};

/* Says what went wrong, once. */
static void tell(struct delivery *d, int status, const char *what) {
    if (!d->told) {
        fprintf(stderr, NAME ": %s\n", what);
        d->status = status;
        d->told = true;
    }
}

static void on_answer(sio_socket *s, int status, sio_event *reply, void *user) {
    struct delivery *d = user;
    (void)s;
    if (status == 0) {
        putchar('[');
        show_args(stdout, reply, ",", SHOW_BASE64);
        puts("]");
        d->status = EXIT_OK;
    } else if (status == SIO_ERR_TIMEOUT) {
        tell(d, EXIT_NO_ANSWER, "no answer in time");
    } else if (status != SIO_ERR_CLOSED) {
        tell(d, EXIT_FAILED, sio_strerror(status));
    }
    d->pump.over = d->pump.over || status != SIO_ERR_CLOSED;
}

static void on_connect(sio_socket *s, void *user) {
    struct delivery *d = user;
    int r;
    d->status = EXIT_DISCONNECTED; /* until it is done */
    if (d->options->ack) {
        r = sio_emit_ack_msg(
            s, SIO_ACK(.fn = on_answer, .user = d, .timeout_ms = d->options->timeout_ms), d->msg);
    } else {
        r = sio_emit_msg(s, 0, d->msg);
    }
    if (r < 0) {
        tell(d, EXIT_FAILED, sio_strerror(r));
    } else if (!d->options->ack) {
        d->status = EXIT_OK;
    }
    d->pump.over = r < 0 || !d->options->ack;
}

static void on_connect_error(sio_socket *s, const sio_connect_error *error, void *user) {
    struct delivery *d = user;
    if (!states_is_of_namespace(s)) {
        return; /* a notice tells of it */
    }
    fputs(NAME ": ", stderr);
    states_connect_error(stderr, s, error);
    putc('\n', stderr);
    d->told = true;
    d->status = states_exit_status(error);
    d->pump.over = true;
}

static void on_disconnect(sio_socket *s, int reason, int cause, void *user) {
    struct delivery *d = user;
    if (reason == SIO_REASON_IO_CLIENT_DISCONNECT || d->told) {
        return;
    }
    fputs(NAME ": ", stderr);
    states_disconnected(stderr, s, reason, cause);
    putc('\n', stderr);
    d->told = true;
    d->status = EXIT_DISCONNECTED;
    d->pump.over = true;
}

static void on_notice(sio_client *client, const sio_notice *notice, void *user) {
    struct delivery *d = user;
    if (notice->kind == SIO_NOTICE_ERROR && !d->told) {
        fprintf(stderr, NAME ": %s: ", d->options->url);
        states_notice(stderr, client, d->options->url, notice);
        putc('\n', stderr);
        d->told = true;
    }
    d->pump.over = d->pump.over || states_is_end(notice);
}

static int deliver(struct delivery *d) {
    sio_client_on_notice(d->pump.client, on_notice, d);
    sio_socket *s = sio_client_socket(d->pump.client, d->options->nsp, NULL);
    int r = s == NULL ? SIO_ERR_NOMEM : sio_socket_on_connect(s, on_connect, d);
    if (r == 0) {
        r = sio_socket_on_connect_error(s, on_connect_error, d);
    }
    if (r == 0) {
        r = sio_socket_on_disconnect(s, on_disconnect, d);
    }
    if (r < 0) {
        tell(d, EXIT_FAILED, sio_strerror(r));
        return EXIT_FAILED;
    }
    pump_wait(&d->pump); /* signals have their usual effect: the only event is that it is over */
    if (d->status == EXIT_OK && !d->options->ack) {
        d->pump.over = false;
        pump_drain(&d->pump, s);
    }
    d->pump.over = true;
    d->told = d->told || d->status == EXIT_OK;
    pump_close(&d->pump);
    if (d->status != EXIT_OK) {
        tell(d, d->status, "disconnected before the answer came");
        return d->status;
    }
    return command_end_output(NAME, EXIT_OK);
}

/* Tells of arguments that are not what they look like. */
static void warn(char *const *args, size_t count) {
    const char *doubtful = args_doubtful(args, count);
    if (doubtful != NULL) {
        fputs(NAME ": this is no JSON, and goes as a text (--text, if it is meant so): ", stderr);
        show_text(stderr, doubtful, strlen(doubtful), DOUBTFUL_BYTES);
        putc('\n', stderr);
    }
    for (size_t i = 0; i < count; i++) {
        if (options_has(&command, args[i])) {
            fprintf(stderr,
                    NAME ": '%.*s' goes as a text: options stand before the EVENT (--text, if "
                         "it is meant so)\n",
                    (int)strcspn(args[i], "="), args[i]);
            return;
        }
    }
}

static int run(struct client_options *o, const struct operands *operands) {
    struct delivery d = {.options = o, .status = EXIT_UNREACHABLE};
    char why[ARGS_WHY_BYTES];
    int r = args_to_msg(&d.msg, operands->rest[0], operands->rest + 1,
                        (size_t)operands->rest_count - 1, o->text, why);
    if (r < 0) {
        fprintf(stderr, NAME ": %s\n", why);
        return r == SIO_ERR_RESERVED || r == SIO_ERR_INVALID ? EXIT_USAGE : EXIT_FAILED;
    }
    if (!o->text) {
        warn(operands->rest + 1, (size_t)operands->rest_count - 1);
    }
    signal(SIGPIPE, SIG_IGN);
    d.pump.input = -1;
    o->client.no_reconnection = true;
    int status = client_options_open(o, &command, &d.pump.client);
    if (status == EXIT_OK) {
        status = deliver(&d);
    }
    sio_client_free(d.pump.client);
    sio_msg_unref(d.msg);
    return status;
}

int cmd_emit(int argc, char **argv) {
    struct client_options options;
    struct operands operands;
    int status = EXIT_USAGE;
    enum options_result result = client_options_parse(&options, &command, argc, argv, &operands);
    if (result == OPTIONS_HELP) {
        status = command_end_output(NAME, EXIT_OK);
    } else if (result == OPTIONS_RUN && operands.rest_count == 0) {
        options_wrong(&command, "an EVENT is missing");
    } else if (result == OPTIONS_RUN) {
        status = run(&options, &operands);
    }
    client_options_done(&options);
    return status;
}
