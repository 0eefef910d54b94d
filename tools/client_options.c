/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "client_options.h"

#include <sio/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "files.h"
#include "json_text.h"
#include "logging.h"

/* ---- values ---- */

/* Whether a header is well-formed is for the library to say. */
static const char *add_header(void *to, const char *value) {
    struct client_headers *headers = to;
    const char *colon = strchr(value, ':');
    if (colon == NULL || colon == value) {
        return "is not a header such as 'Name: value'";
    }
    if (headers->count == CLIENT_HEADERS_MAX) {
        return "is one header too many";
    }
    headers->lines[headers->count++] = value;
    return NULL;
}

static const char *set_auth(void *to, const char *value) {
    if (value[0] != '@' && (value[0] != '{' || !json_valid(value, strlen(value)))) {
        return "is neither a JSON object such as '{\"token\":\"abc\"}' nor '@FILE'";
    }
    *(const char **)to = value;
    return NULL;
}

/* The order of the list is that in which they are tried. */
static const char *set_transports(void *to, const char *value) {
    static const char why[] = "is not polling, websocket, or both with a comma between";
    uint8_t transports[4] = {0};
    size_t count = 0;
    const char *p = value;
    for (;;) {
        size_t len = strcspn(p, ",");
        uint8_t transport = 0;
        if (len == strlen("polling") && strncmp(p, "polling", len) == 0) {
            transport = SIO_POLLING;
        } else if (len == strlen("websocket") && strncmp(p, "websocket", len) == 0) {
            transport = SIO_WEBSOCKET;
        }
        if (transport == 0 || count == 2 || (count == 1 && transports[0] == transport)) {
            return why;
        }
        transports[count++] = transport;
        if (p[len] == '\0') {
            break;
        }
        p += len + 1;
    }
    memcpy(to, transports, sizeof transports);
    return NULL;
}

static const char *set_proxy(void *to, const char *value) {
    *(const char **)to = strcmp(value, "none") == 0 ? "" : value;
    return value[0] == '\0' ? "must not be empty" : NULL;
}

/* ---- the tables ---- */

#define AT(member)     offsetof(struct client_options, member)
#define CLIENT(member) offsetof(struct client_options, client.member)
#define TLS(member)    offsetof(struct client_options, tls.member)

/* clang-format off */
static const struct option_entry entries[] = {
    {.kind = OPTION_TITLE, .help = "Connection"},
    {.kind = OPTION_TEXT, .letter = 'n', .name = "namespace", .arg = "NAME", .at = AT(nsp),
     .help = "namespace to connect to (default: the path of the URL)"},
    {.kind = OPTION_OWN, .letter = 'a', .name = "auth", .arg = "JSON", .at = AT(auth),
     .set = set_auth,
     .help = "object to send with the connection, for example '{\"token\":\"abc\"}'; or @FILE, "
             "which keeps it out of the list of processes"},
    {.kind = OPTION_OWN, .letter = 'H', .name = "header", .arg = "LINE", .at = AT(headers),
     .set = add_header,
     .help = "header 'Name: value' of all requests. May be repeated"},
    {.kind = OPTION_PATH, .name = "path", .arg = "PATH", .at = CLIENT(path),
     .help = "path of Socket.IO (default:~/socket.io)"},
    {.kind = OPTION_OWN, .name = "transport", .arg = "LIST", .at = CLIENT(transports),
     .set = set_transports,
     .help = "polling, websocket, or both, the first one first (default:~polling,websocket)"},
    {.kind = OPTION_OWN, .name = "proxy", .arg = "URL", .at = CLIENT(proxy), .set = set_proxy,
     .help = "http://, socks5:// or socks5h:// with host and port; none (default: as http_proxy, "
             "https_proxy, all_proxy and no_proxy say)"},
    {.kind = OPTION_TIME, .letter = 't', .name = "timeout", .arg = "MS", .at = AT(timeout_ms),
     .min = 1, .max = OPTION_NONE, .preset = 20000,
     .help = "time to connect, and time to wait for an answer"},

    {.kind = OPTION_TITLE, .help = "TLS"},
    {.kind = OPTION_TEXT, .name = "cacert", .arg = "FILE", .at = TLS(ca_file),
     .help = "certificates to trust instead of the system's"},
    {.kind = OPTION_TEXT, .name = "cert", .arg = "FILE", .at = TLS(cert_file),
     .help = "certificate of the client, with its chain"},
    {.kind = OPTION_TEXT, .name = "key", .arg = "FILE", .at = TLS(key_file),
     .help = "its private key"},
    {.kind = OPTION_FLAG, .letter = 'k', .name = "insecure", .at = TLS(insecure),
     .help = "accept any certificate: whoever is on the way can read and change everything"},

    {.kind = OPTION_TITLE, .help = "Messages"},
    {.kind = OPTION_LEVEL, .name = "log-level", .arg = "LEVEL", .at = CLIENT(log_level),
     .help = "none, error, warn, info or debug (default:~error)"},
    {.kind = OPTION_TEXT, .name = "debug", .arg = "PATTERN", .at = CLIENT(debug), .env = "DEBUG",
     .help = "trace these components, for example 'engine*' (default: the environment variable "
             "DEBUG)"},
    {.kind = OPTION_HELP, .letter = 'h', .name = "help", .help = "show this help"},
};
/* clang-format on */

const struct option_table client_table = {entries, sizeof entries / sizeof entries[0]};

/* ---- all together ---- */

enum options_result client_options_parse(struct client_options *ret_options,
                                         const struct option_command *command, int argc,
                                         char **argv, struct operands *ret_operands) {
    struct client_options *o = ret_options;
    *o = (struct client_options){.tls = {.size = sizeof(sio_tls)},
                                 .client = {.size = sizeof(sio_client_options),
                                            .log_level = SIO_LOG_ERROR,
                                            .log = log_message}};
    options_preset(command, o);
    enum options_result result = options_parse(command, o, argc, argv, ret_operands);
    if (result != OPTIONS_RUN) {
        return result;
    }
    if (ret_operands->leading == NULL) {
        return options_wrong(command, "a URL is missing");
    }
    o->url = ret_operands->leading;
    if ((o->tls.cert_file == NULL) != (o->tls.key_file == NULL)) {
        return options_wrong(command, "--cert and --key go together");
    }
    return OPTIONS_RUN;
}

/* Reads the payload of the connection from its file. */
static int read_auth(struct client_options *o, const struct option_command *command) {
    if (o->auth == NULL || o->auth[0] != '@') {
        return EXIT_OK;
    }
    size_t len = 0;
    int r = file_read(o->auth + 1, &o->auth_text, &len);
    if (r < 0) {
        fprintf(stderr, "%s: --auth: %s: %s\n", command->name, o->auth + 1, sio_strerror(r));
        return EXIT_FAILED;
    }
    const char *text = o->auth_text + strspn(o->auth_text, " \t\r\n");
    if (text[0] != '{' || !json_valid(o->auth_text, len)) {
        fprintf(stderr, "%s: --auth: %s holds no JSON object\n", command->name, o->auth + 1);
        return EXIT_USAGE;
    }
    o->auth = o->auth_text;
    return EXIT_OK;
}

/* ---- what is wrong ---- */

static void on_log(int level, const char *component, const char *message, void *user) {
    struct client_log *log = user;
    if (log->is_opening && level == SIO_LOG_ERROR) {
        snprintf(log->why, sizeof log->why, "%s", message);
    } else {
        log->fn(level, component, message, log->user);
    }
}

/* What stands behind a prefix; NULL when the text does not begin with it. */
static const char *behind(const char *text, const char *prefix) {
    size_t len = strlen(prefix);
    return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

static const char *or_else(const char *text, const char *other) {
    return text != NULL && text[0] != '\0' ? text : other;
}

/* A URL for messages: without the password that may be in it. */
static const char *without_login(const char *url) {
    const char *at = url != NULL ? strrchr(url, '@') : NULL;
    return at != NULL ? at + 1 : url;
}

/* Says it in terms of the command line. */
static void explain(const struct client_options *o, const char *program, int error) {
    const struct {
        const char *prefix; /* of the library's message */
        const char *option;
        const char *value; /* NULL: the message has it */
    } sources[] = {
        {"URL: ", "", o->url},
        {"query: ", "", o->url},
        {"tls: ca_file ", "--cacert: ", NULL},
        {"tls: cert_file ", "--cert: ", NULL},
        {"tls: key_file ", "--key: ", NULL},
        {"proxy: ", "--proxy: ",
         or_else(without_login(o->client.proxy), "that of the environment")},
    };
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        const char *why = behind(o->log.why, sources[i].prefix);
        if (why != NULL) {
            const char *value = sources[i].value;
            fprintf(stderr, "%s: %s%s%s%s\n", program, sources[i].option, or_else(value, ""),
                    value != NULL ? ": " : "", why);
            return;
        }
    }
    bool is_header = error == SIO_ERR_INVALID && o->log.why[0] != '\0';
    fprintf(stderr, "%s: %s%s\n", program, is_header ? "--header: " : "",
            or_else(o->log.why, sio_strerror(error)));
}

/* ---- the client ---- */

int client_options_open(struct client_options *o, const struct option_command *command,
                        sio_client **ret_client) {
    int status = read_auth(o, command);
    if (status != EXIT_OK) {
        return status;
    }
    if (o->tls.insecure) {
        fprintf(stderr,
                "%s: WARNING: --insecure: the server is not verified, whoever is on the way can "
                "read and change everything\n",
                command->name);
    }
    sio_socket_options socket = {
        .size = sizeof(sio_socket_options), .auth = o->auth, .connect_timeout_ms = o->timeout_ms};
    o->client.tls = &o->tls;
    o->client.headers = o->headers.lines;
    o->client.open_timeout_ms = o->timeout_ms;
    o->client.socket = &socket;
    o->log =
        (struct client_log){.fn = o->client.log, .user = o->client.log_user, .is_opening = true};
    o->client.log = on_log;
    o->client.log_user = &o->log;
    int r = sio_client_new(ret_client, o->url, &o->client);
    o->log.is_opening = false;
    o->client.socket = NULL;
    if (r < 0) {
        explain(o, command->name, r);
        return r == SIO_ERR_INVALID ? EXIT_USAGE : EXIT_FAILED;
    }
    return EXIT_OK;
}

void client_options_done(struct client_options *o) {
    free(o->auth_text);
    o->auth_text = NULL;
}
