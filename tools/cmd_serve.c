/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* `sio serve`: from options to a running server, and to its end. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sio/sio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "answer.h"
#include "chat.h"
#include "command.h"
#include "demo_page.h"
#include "logging.h"
#include "serve_options.h"
#include "static_files.h"
#include "status_page.h"

/* Open files that are no connections: the loop, listening sockets, files that are served. */
#define FILES_IN_RESERVE ((rlim_t)64)

/* A running server, and what it answers requests with. */
struct site {
    const struct serve_options *options;
    sio_server *server;
    struct chat *chat;
    time_t started; /* seconds of the monotonic clock */
};

/* For the signal handler, which gets no argument. */
static sio_server *running;

/* ---- requests ---- */

static time_t monotonic_seconds(void) {
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

static bool is_path(const char *url, const char *path) {
    return strcspn(url, "?") == strlen(path) && strncmp(url, path, strlen(path)) == 0;
}

/* The page asks for the client, and connects, below this path. */
static bool has_demo_page(const struct serve_options *o) {
    const char *path = o->server.path;
    return !o->no_demo && o->static_dir == NULL &&
           (strcmp(path, "/socket.io") == 0 || strcmp(path, "/socket.io/") == 0);
}

static void on_request(const sio_request *req, const void *body, size_t len, sio_response *res,
                       void *user) {
    (void)body;
    (void)len;
    const struct site *site = user;
    const char *url = answer_path(req);
    time_t uptime = monotonic_seconds() - site->started;
    if (is_path(url, "/health")) {
        status_page_health(site->server, uptime, req, res);
    } else if (is_path(url, "/metrics")) {
        status_page_metrics(site->server, uptime, req, res);
    } else if (site->options->static_dir != NULL) {
        static_files_answer(site->options->static_dir, req, res);
    } else if (has_demo_page(site->options)) {
        demo_page_answer(req, res);
    } else {
        answer_text(res, 404, "not found");
    }
}

/* ---- signals ---- */

/* The first signal ends the server in good order, the next one as signals do. */
static void on_signal(int number) {
    (void)number;
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    sio_server_stop(running); /* NOLINT(bugprone-signal-handler): made for it */
}

static void catch_signals(sio_server *server) {
    running = server;
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
}

static void release_signals(void) {
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    running = NULL;
}

/* ---- the start ---- */

/* Raises the limit of open files as far as it goes. Returns how many connections then fit. */
static size_t make_room(void) {
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) < 0) {
        return (size_t)FILES_IN_RESERVE;
    }
    rlim_t soft = files.rlim_cur;
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) < 0) {
        files.rlim_cur = soft;
    }
    if (files.rlim_cur == RLIM_INFINITY) {
        return SIO_UNLIMITED;
    }
    return files.rlim_cur > 2 * FILES_IN_RESERVE ? (size_t)files.rlim_cur - FILES_IN_RESERVE
                                                 : (size_t)files.rlim_cur / 2;
}

/* Fits the options to what the system allows. */
static void limit_connections(struct serve_options *o) {
    size_t room = make_room();
    if (o->server.max_connections <= room) {
        return;
    }
    if (o->server.max_connections != SIO_UNLIMITED && o->server.log_level >= SIO_LOG_WARN) {
        log_line(SIO_LOG_WARN,
                 "--max-connections: the limit of open files leaves room for %zu instead of %zu; "
                 "'ulimit -n', or LimitNOFILE= of systemd, raises it",
                 room, o->server.max_connections);
    }
    o->server.max_connections = room;
}

static bool is_directory(const char *path) {
    struct stat st;
    if (stat(path, &st) < 0) {
        fprintf(stderr, "sio serve: --static: '%s': %s\n", path, strerror(errno));
        return false;
    }
    if (!S_ISDIR(st.st_mode)) {
        fprintf(stderr, "sio serve: --static: '%s' is not a directory\n", path);
        return false;
    }
    return true;
}

/* Says why the server does not listen, and what can be done. */
static void explain(const struct serve_options *o, int error) {
    const char *host = o->host != NULL ? o->host : "all addresses";
    unsigned port = o->port;
    switch (-error) {
    case EADDRINUSE:
        fprintf(stderr,
                "sio serve: port %u is in use already: choose another one with --port (or "
                "make run PORT=N), or any free one with --port 0\n",
                port);
        break;
    case EACCES:
        fprintf(stderr,
                "sio serve: port %u may not be used by this user: choose one above 1023 with "
                "--port\n",
                port);
        break;
    case EADDRNOTAVAIL:
        fprintf(stderr, "sio serve: --host: '%s' is not an address of this machine\n", host);
        break;
    default:
        fprintf(stderr, "sio serve: cannot listen on %s, port %u: %s\n", host, port,
                sio_strerror(error));
        break;
    }
}

/* The one line of a start: where to go, and how many may come. */
static void announce(const struct serve_options *o, uint16_t port) {
    const char *host = o->host;
    if (host == NULL || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0) {
        host = "localhost";
    }
    bool brackets = strchr(host, ':') != NULL;
    char room[32] = "any number of";
    if (o->server.max_connections != SIO_UNLIMITED) {
        snprintf(room, sizeof room, "%zu", o->server.max_connections);
    }
    fprintf(stderr, "sio %s: open http://%s%s%s:%u/ (room for %s connections)\n", sio_version(),
            brackets ? "[" : "", host, brackets ? "]" : "", (unsigned)port, room);
}

/* Listens and runs until a signal comes. Returns the exit status. */
static int serve(struct site *site) {
    const struct serve_options *o = site->options;
    sio_server_on_request(site->server, on_request, site);
    bool ready =
        sio_server_ns(site->server, "/") != NULL; /* clients find it without the chat, too */
    if (ready && !o->no_demo) {
        site->chat = chat_new(site->server);
        ready = site->chat != NULL;
    }
    if (!ready) {
        fprintf(stderr, "sio serve: %s\n", sio_strerror(SIO_ERR_NOMEM));
        return EXIT_FAILED;
    }
    int r = sio_server_listen(site->server, o->host, o->port);
    if (r < 0) {
        explain(o, r);
        return EXIT_FAILED;
    }
    catch_signals(site->server);
    if (!o->quiet) {
        announce(o, sio_server_port(site->server));
    }
    r = sio_server_run(site->server);
    release_signals();
    if (r < 0) {
        fprintf(stderr, "sio serve: %s\n", sio_strerror(r));
        return EXIT_FAILED;
    }
    return EXIT_OK;
}

static int run(struct serve_options *o) {
    if (o->static_dir != NULL && !is_directory(o->static_dir)) {
        return EXIT_FAILED;
    }
    if (o->quiet && o->server.log_level > SIO_LOG_ERROR) {
        o->server.log_level = SIO_LOG_ERROR;
    }
    o->server.log = log_message;
    signal(SIGPIPE, SIG_IGN); /* the reader of our log may go */
    limit_connections(o);
    struct site site = {.options = o, .started = monotonic_seconds()};
    int r = sio_server_new(&site.server, &o->server);
    if (r < 0) {
        fprintf(stderr, "sio serve: %s\n", sio_strerror(r));
        return EXIT_FAILED;
    }
    int status = serve(&site);
    sio_server_free(site.server);
    chat_free(site.chat);
    return status;
}

int cmd_serve(int argc, char **argv) {
    struct serve_options options;
    int status = EXIT_USAGE;
    switch (serve_options_parse(&options, argc, argv)) {
    case OPTIONS_RUN: status = run(&options); break;
    case OPTIONS_HELP: status = command_end_output("sio serve", EXIT_OK); break;
    default: break;
    }
    serve_options_done(&options);
    return status;
}
