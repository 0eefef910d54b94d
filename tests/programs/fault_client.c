/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The client that the fault tests put into trouble; see tests/interop/faults.
 *
 *     fault_client URL [--OPTION VALUE]...
 *
 * It runs on a thread of its own and tells all that happens as lines of JSON. Its commands are
 * lines of standard input:
 *
 *     emit COUNT    numbered events "seq", each with an acknowledgement
 *     send EVENT    an event without arguments, and without acknowledgement
 *     memory        tells how much memory is in use, and the most there was since the last time
 *     connect       connects a socket that was disconnected or refused
 *     close, open   of the client
 *     quit          as does the end of the input: frees the client
 */
#include <malloc.h>
#include <sio/sio.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- memory ---- */

static atomic_size_t in_use;
static atomic_size_t peak;

static void count_up(size_t size) {
    size_t now = atomic_fetch_add(&in_use, size) + size;
    size_t most = atomic_load(&peak);
    while (now > most && !atomic_compare_exchange_weak(&peak, &most, now)) {
    }
}

static void *count_malloc(size_t size, void *user) {
    (void)user;
    void *p = malloc(size);
    if (p != NULL) {
        count_up(malloc_usable_size(p));
    }
    return p;
}

static void *count_realloc(void *p, size_t size, void *user) {
    (void)user;
    size_t before = p != NULL ? malloc_usable_size(p) : 0;
    void *q = realloc(p, size);
    if (q != NULL) {
        count_up(malloc_usable_size(q));
        atomic_fetch_sub(&in_use, before);
    }
    return q;
}

static void count_free(void *p, void *user) {
    (void)user;
    atomic_fetch_sub(&in_use, malloc_usable_size(p));
    free(p);
}

static void *count_pages(size_t size, void *user) {
    (void)user;
    void *p = aligned_alloc(size, size);
    if (p != NULL) {
        count_up(size);
    }
    return p;
}

static void count_pages_free(void *p, size_t size, void *user) {
    (void)user;
    atomic_fetch_sub(&in_use, size);
    free(p);
}

static void install_allocator(void) {
    const sio_allocator a = {.size = sizeof a,
                             .malloc_fn = count_malloc,
                             .realloc_fn = count_realloc,
                             .free_fn = count_free,
                             .pages_fn = count_pages,
                             .pages_free_fn = count_pages_free};
    if (sio_set_allocator(&a) < 0) {
        exit(70);
    }
}

static void tell_memory(void) {
    size_t now = atomic_load(&in_use);
    printf("{\"kind\":\"memory\",\"now\":%zu,\"peak\":%zu}\n", now, atomic_exchange(&peak, now));
}

/* ---- telling ---- */

/* Both threads tell: a line is written in one piece. */
static void print_string(const char *name, const char *s) {
    printf(",\"%s\":\"", name);
    for (; *s != '\0'; s++) {
        unsigned char c = (unsigned char)*s;
        if (c < ' ' || c == '"' || c == '\\') {
            printf("\\u%04x", c);
        } else {
            putchar(c);
        }
    }
    putchar('"');
}

static void begin_line(const char *kind) {
    flockfile(stdout);
    printf("{\"kind\":\"%s\"", kind);
}

static void end_line(void) {
    puts("}");
    funlockfile(stdout);
}

static const char *status_name(int status) {
    return status < 0 ? sio_errname(status) : "";
}

static void print_args(const sio_event *ev) {
    size_t len = 0;
    const char *json = sio_event_json(ev, &len);
    printf(",\"args\":[%.*s]", len > 1000 ? 0 : (int)len, json);
}

static void on_notice(sio_client *client, const sio_notice *n, void *user) {
    static const char *const names[] = {
#define XX(name, text) text,
        SIO_NOTICE_MAP(XX)
#undef XX
    };
    (void)client;
    (void)user;
    if (n->kind == SIO_NOTICE_PING) {
        return; /* there may be very many */
    }
    begin_line(names[n->kind]);
    print_string("status", status_name(n->status));
    print_string("reason", sio_reason_text(n->reason));
    print_string("cause", sio_cause_name(n->cause));
    print_string("text", n->text);
    end_line();
}

static void on_connect(sio_socket *s, void *user) {
    (void)user;
    begin_line("connect");
    print_string("id", sio_socket_id(s));
    print_string("transport", sio_socket_transport(s));
    printf(",\"recovered\":%s", sio_socket_recovered(s) ? "true" : "false");
    end_line();
}

static void on_connect_error(sio_socket *s, const sio_connect_error *error, void *user) {
    (void)s;
    (void)user;
    begin_line("connect_error");
    print_string("status", status_name(error->status));
    print_string("text", error->message);
    printf(",\"active\":%s", error->active ? "true" : "false");
    end_line();
}

static void on_disconnect(sio_socket *s, int reason, int cause, void *user) {
    (void)s;
    (void)user;
    begin_line("disconnect");
    print_string("reason", sio_reason_text(reason));
    print_string("cause", sio_cause_name(cause));
    end_line();
}

static void on_event(sio_socket *s, sio_event *ev, void *user) {
    (void)s;
    (void)user;
    begin_line("event");
    print_string("name", sio_event_name(ev));
    print_args(ev);
    end_line();
}

static void on_ack(sio_socket *s, int status, sio_event *reply, void *user) {
    (void)s;
    begin_line("ack");
    printf(",\"n\":%zu", (size_t)user);
    print_string("status", status_name(status));
    if (reply != NULL) {
        print_args(reply);
    }
    end_line();
}

/* ---- options ---- */

struct settings {
    sio_client_options client;
    sio_socket_options socket;
    sio_tls tls;
    uint32_t emit_timeout_ms;
    bool deaf; /* there are no handlers */
};

static void set_transports(struct settings *o, const char *list) {
    const char *polling = strstr(list, "polling");
    const char *websocket = strstr(list, "websocket");
    size_t n = 0;
    if (polling != NULL) {
        o->client.transports[n++] = SIO_POLLING;
    }
    if (websocket != NULL) {
        o->client.transports[n] = SIO_WEBSOCKET;
    }
}

static bool set_number(struct settings *o, const char *name, uint32_t value) {
    const struct {
        const char *name;
        uint32_t *value;
    } numbers[] = {
        {"--retries", &o->socket.retries},
        {"--ack-timeout", &o->socket.ack_timeout_ms},
        {"--connect-timeout", &o->socket.connect_timeout_ms},
        {"--emit-timeout", &o->emit_timeout_ms},
        {"--open-timeout", &o->client.open_timeout_ms},
        {"--request-timeout", &o->client.request_timeout_ms},
        {"--attachment-timeout", &o->client.attachment_timeout_ms},
        {"--delay", &o->client.reconnection_delay_ms},
        {"--delay-max", &o->client.reconnection_delay_max_ms},
        {"--attempts", &o->client.reconnection_attempts},
        {"--max-fragments", &o->client.max_fragments},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (strcmp(name, numbers[i].name) == 0) {
            *numbers[i].value = value;
            return true;
        }
    }
    return false;
}

static void set_option(struct settings *o, const char *name, const char *value) {
    if (strcmp(name, "--transports") == 0) {
        set_transports(o, value);
    } else if (strcmp(name, "--max-message") == 0) {
        o->client.max_message_bytes = (size_t)strtoull(value, NULL, 10);
    } else if (strcmp(name, "--ca") == 0) {
        o->tls.ca_file = value;
    } else if (strcmp(name, "--deaf") == 0) {
        o->deaf = true;
    } else if (strcmp(name, "--cookies") == 0) {
        o->client.cookies = true;
    } else if (!set_number(o, name, (uint32_t)strtoul(value, NULL, 10))) {
        fprintf(stderr, "fault_client: unknown option %s\n", name);
        exit(64);
    }
}

/* ---- commands ---- */

static void emit_numbered(sio_socket *s, const struct settings *o, size_t count) {
    static size_t last;
    for (; count > 0; count--) {
        last++;
        int r = sio_emit_ack(
            s, SIO_ACK(.fn = on_ack, .user = (void *)last, .timeout_ms = o->emit_timeout_ms), "seq",
            "I", (int64_t)last);
        if (r < 0) {
            begin_line("emit_error");
            printf(",\"n\":%zu", last);
            print_string("status", status_name(r));
            end_line();
        }
    }
}

static bool obey(sio_client *client, sio_socket *s, const struct settings *o, char *line) {
    line[strcspn(line, "\n")] = '\0';
    if (strncmp(line, "emit ", 5) == 0) {
        emit_numbered(s, o, strtoull(line + 5, NULL, 10));
    } else if (strncmp(line, "send ", 5) == 0) {
        sio_emit(s, line + 5, "");
    } else if (strcmp(line, "memory") == 0) {
        tell_memory();
    } else if (strcmp(line, "connect") == 0) {
        sio_socket_connect(s);
    } else if (strcmp(line, "close") == 0) {
        sio_client_close(client);
    } else if (strcmp(line, "open") == 0) {
        sio_client_open(client);
    }
    return strcmp(line, "quit") != 0;
}

static int run(const char *url, struct settings *o) {
    sio_client *client = NULL;
    char line[256];
    o->client.socket = &o->socket;
    o->client.tls = &o->tls;
    int r = sio_client_new(&client, url, &o->client);
    if (r < 0) {
        fprintf(stderr, "fault_client: %s\n", sio_strerror(r));
        return 1;
    }
    sio_socket *s = sio_client_socket(client, NULL, NULL);
    if (!o->deaf) {
        sio_client_on_notice(client, on_notice, NULL);
        sio_socket_on_connect(s, on_connect, NULL);
        sio_socket_on_connect_error(s, on_connect_error, NULL);
        sio_socket_on_disconnect(s, on_disconnect, NULL);
        sio_socket_on_any(s, on_event, NULL);
    }
    r = sio_client_start(client);
    while (r == 0 && fgets(line, sizeof line, stdin) != NULL && obey(client, s, o, line)) {
    }
    sio_client_free(client);
    printf("{\"kind\":\"end\",\"now\":%zu}\n", atomic_load(&in_use));
    return r < 0 ? 1 : 0;
}

int main(int argc, char **argv) {
    struct settings o = {.client = {.size = sizeof o.client},
                         .socket = {.size = sizeof o.socket},
                         .tls = {.size = sizeof o.tls}};
    install_allocator();
    setvbuf(stdout, NULL, _IOLBF, 1 << 16);
    if (argc < 2 || argc % 2 != 0) {
        fputs("usage: fault_client URL [--OPTION VALUE]...\n", stderr);
        return 64;
    }
    o.client.proxy = "";
    for (int i = 2; i < argc; i += 2) {
        set_option(&o, argv[i], argv[i + 1]);
    }
    return run(argv[1], &o);
}
