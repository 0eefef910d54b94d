/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "states.h"

#include <sio/error.h>
#include <string.h>

#include "command.h"
#include "show.h"

enum { TEXT_BYTES = 500 };

/* What a server or a library below has said. */
static void print_text(FILE *out, const char *text) {
    show_text(out, text, strlen(text), TEXT_BYTES);
}

static void print_reason(FILE *out, int reason, int cause) {
    fputs(sio_reason_text(reason), out);
    if (cause != SIO_CAUSE_NONE && cause != SIO_CAUSE_APPLICATION) {
        fprintf(out, " (%s)", sio_cause_text(cause));
    }
}

static void print_error(FILE *out, const sio_notice *notice) {
    const char *status = sio_strerror(notice->status);
    print_text(out, notice->text[0] != '\0' ? notice->text : status);
}

/* Ends with this text. */
static bool ends_with(const char *text, const char *end) {
    size_t len = strlen(text);
    size_t end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* A server without TLS is asked for it, or one with TLS that closes what is none. */
static void print_hint(FILE *out, const char *url, const sio_notice *notice) {
    const char *mark = strstr(url, "://");
    const char *rest = mark != NULL ? mark + 3 : url;
    bool is_websocket = strncmp(url, "ws", 2) == 0 && mark != NULL;
    bool is_plain = strncmp(url, "http:", 5) == 0 || strncmp(url, "ws:", 3) == 0;
    const char *scheme = NULL;
    if (!is_plain && ends_with(notice->text, "peer does not speak TLS")) {
        scheme = is_websocket ? "ws" : "http";
    } else if (is_plain && (ends_with(notice->text, "the connection was closed") ||
                            ends_with(notice->text, "closed the connection without an answer"))) {
        scheme = is_websocket ? "wss" : "https";
    }
    if (scheme != NULL) {
        fprintf(out, "; did you mean %s://", scheme);
        print_text(out, rest);
        putc('?', out);
    }
}

static void print_delay(FILE *out, const sio_notice *notice) {
    if (notice->delay_ms != SIO_NEVER) {
        fprintf(out, "; trying again in %.1f s", notice->delay_ms / 1000.0);
    }
}

bool states_notice(FILE *out, sio_client *client, const char *url, const sio_notice *notice) {
    switch (notice->kind) {
    case SIO_NOTICE_OPEN:
        fprintf(out, "connection open: %s, session ", sio_client_transport(client));
        print_text(out, sio_client_sid(client));
        return true;
    case SIO_NOTICE_CLOSE:
        fputs("connection closed: ", out);
        print_reason(out, notice->reason, notice->cause);
        print_delay(out, notice);
        return true;
    case SIO_NOTICE_ERROR:
        fputs("cannot connect: ", out);
        print_error(out, notice);
        print_hint(out, url, notice);
        print_delay(out, notice);
        return true;
    case SIO_NOTICE_RECONNECT_ATTEMPT:
        fprintf(out, "connecting again, attempt %u", (unsigned)notice->attempt);
        return true;
    case SIO_NOTICE_RECONNECT_FAILED: fputs("given up: no attempts are left", out); return true;
    case SIO_NOTICE_UPGRADE:
        fputs("transport upgraded to ", out);
        print_text(out, notice->text);
        return true;
    case SIO_NOTICE_UPGRADE_ERROR:
        fputs("staying on polling: ", out);
        print_error(out, notice);
        return true;
    default: return false; /* told by another one, or too often */
    }
}

bool states_is_end(const sio_notice *notice) {
    switch (notice->kind) {
    case SIO_NOTICE_CLOSE:
    case SIO_NOTICE_ERROR: return notice->delay_ms == SIO_NEVER;
    case SIO_NOTICE_RECONNECT_FAILED: return true;
    default: return false;
    }
}

void states_connected(FILE *out, sio_socket *s) {
    fputs("connected to ", out);
    print_text(out, sio_socket_nsp(s));
    fputs(" as ", out);
    print_text(out, sio_socket_id(s));
    fprintf(out, " over %s", sio_socket_transport(s));
}

void states_connect_error(FILE *out, sio_socket *s, const sio_connect_error *error) {
    print_text(out, sio_socket_nsp(s));
    fputs(error->status == SIO_ERR_REFUSED ? ": refused by the server: " : ": cannot connect: ",
          out);
    print_text(out, error->message);
    if (error->data != NULL) {
        putc(' ', out);
        show_value(out, error->data, SHOW_MARK);
    }
}

bool states_is_of_namespace(const sio_socket *s) {
    return sio_client_state(sio_socket_client(s)) == SIO_CLIENT_OPEN;
}

int states_exit_status(const sio_connect_error *error) {
    return error->status == SIO_ERR_REFUSED ? EXIT_REFUSED : EXIT_UNREACHABLE;
}

void states_disconnected(FILE *out, sio_socket *s, int reason, int cause) {
    fputs("disconnected from ", out);
    print_text(out, sio_socket_nsp(s));
    fputs(": ", out);
    print_reason(out, reason, cause);
}
