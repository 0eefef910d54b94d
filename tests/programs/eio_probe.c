/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * An Engine.IO client, driven by lines of standard input, for tests/interop/eio-client.test.mjs:
 *
 *     eio_probe port path transport[,transport] [no-upgrade] [force-base64] [try-all] [timeout=ms]
 *
 *     text <hex>      sends a text message
 *     binary <hex>    sends a binary message
 *     close           closes in order
 *
 * What it is told is printed, one JSON object in a line: {"event":"message","data":"..."} with
 * "binary":true and hexadecimal digits for bytes; open, drain, ping, upgrade, upgradeError; packet
 * with "sent" for every packet; and close with reason, cause, status and text, after which it ends.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include <sio/error.h>

#include "engineio/eio_client.h"
#include "proto/json_write.h"

struct probe {
    uv_loop_t loop;
    uv_pipe_t input;
    struct reactor reactor;
    struct logger log;
    struct frame_pool frames;
    struct eio_client_config config;
    struct eio_client *client;
    struct buf lines; /* of standard input, not complete yet */
    struct buf out;
    char chunk[65536];
};

static void check(int r) {
    if (r < 0) {
        fprintf(stderr, "eio_probe: %s\n", sio_strerror(r));
        exit(EXIT_FAILURE);
    }
}

/* ---- what is printed ---- */

static struct buf *begin(struct eio_client *c, const char *event) {
    struct probe *p = sio__eio_client_owner(c);
    sio__buf_clear(&p->out);
    check(sio__buf_append_str(&p->out, "{\"event\":"));
    check(sio__json_write_string(&p->out, sio__text_of(event)));
    return &p->out;
}

static void put_text(struct buf *out, const char *name, struct text value) {
    check(sio__buf_append_str(out, ",\""));
    check(sio__buf_append_str(out, name));
    check(sio__buf_append_str(out, "\":"));
    check(sio__json_write_string(out, value));
}

static void put_data(struct buf *out, const void *data, size_t len, bool binary) {
    static const char DIGITS[] = "0123456789abcdef";
    const uint8_t *bytes = data;
    if (!binary) {
        put_text(out, "data", (struct text){data, len});
        return;
    }
    check(sio__buf_append_str(out, ",\"binary\":true,\"data\":\""));
    for (size_t i = 0; i < len; i++) {
        check(sio__buf_push(out, (uint8_t)DIGITS[bytes[i] >> 4]));
        check(sio__buf_push(out, (uint8_t)DIGITS[bytes[i] & 15]));
    }
    check(sio__buf_push(out, '"'));
}

static void finish(struct buf *out) {
    check(sio__buf_append_str(out, "}\n"));
    fwrite(out->data, 1, out->len, stdout);
    fflush(stdout);
}

static void print_event(struct eio_client *c, const char *event) {
    struct buf *out = begin(c, event);
    put_text(out, "transport", sio__text_of(sio__eio_client_transport(c)));
    finish(out);
}

static void on_open(struct eio_client *c) {
    print_event(c, "open");
}

static void on_message(struct eio_client *c, uint8_t *data, size_t len, bool binary) {
    struct buf *out = begin(c, "message");
    put_data(out, data, len, binary);
    finish(out);
}

static void on_closed(void *context) {
    (void)context;
}

static void on_close(struct eio_client *c, int reason, int cause, int status, const char *text) {
    struct probe *p = sio__eio_client_owner(c);
    struct buf *out = begin(c, "close");
    put_text(out, "reason", sio__text_of(sio_reason_text(reason)));
    put_text(out, "cause", sio__text_of(sio_cause_name(cause)));
    put_text(out, "status", sio__text_of(status == 0 ? "" : sio_errname(status)));
    put_text(out, "text", sio__text_of(text));
    finish(out);
    p->client = NULL;
    sio__eio_client_free(c);
    sio__reactor_close(&p->reactor, on_closed, p);
    uv_close((uv_handle_t *)&p->input, NULL);
}

static void on_drain(struct eio_client *c) {
    print_event(c, "drain");
}

static void on_ping(struct eio_client *c) {
    print_event(c, "ping");
}

static void on_upgrade(struct eio_client *c) {
    print_event(c, "upgrade");
}

static void on_upgrade_error(struct eio_client *c, int status, const char *text) {
    struct buf *out = begin(c, "upgradeError");
    put_text(out, "status", sio__text_of(sio_errname(status)));
    put_text(out, "text", sio__text_of(text));
    finish(out);
}

static void on_trace(struct eio_client *c, bool sent, const void *data, size_t len, bool binary) {
    struct buf *out = begin(c, "packet");
    check(sio__buf_append_str(out, sent ? ",\"sent\":true" : ",\"sent\":false"));
    put_data(out, data, len, binary);
    finish(out);
}

static const struct eio_client_ops ops = {
    on_open, on_message, on_close, on_drain, on_ping, on_upgrade, on_upgrade_error, on_trace,
};

/* ---- what is read ---- */

static int hex_value(char c) {
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* Sends the bytes that the digits stand for. */
static void send_message(struct probe *p, struct text digits, bool binary) {
    struct buf packet;
    sio__buf_init(&packet, SIZE_MAX);
    if (!binary) {
        check(sio__buf_push(&packet, '4'));
    }
    for (size_t i = 0; i + 1 < digits.len; i += 2) {
        int byte = hex_value(digits.data[i]) << 4 | hex_value(digits.data[i + 1]);
        check(sio__buf_push(&packet, (uint8_t)byte));
    }
    struct frame_source source = {packet.data, packet.len, binary};
    struct frame *f = sio__frame_new(&p->frames, &source, 1);
    check(f == NULL ? SIO_ERR_NOMEM : sio__eio_client_send(p->client, f));
    sio__frame_unref(&p->frames, f);
    sio__buf_done(&packet);
}

static void take_line(struct probe *p, struct text line) {
    struct text rest = line;
    struct text verb;
    if (p->client == NULL || !sio__text_cut(&rest, ' ', &verb)) {
        return;
    }
    if (sio__text_eq(verb, SIO_TEXT("close"))) {
        sio__eio_client_close(p->client);
    } else {
        send_message(p, rest, sio__text_eq(verb, SIO_TEXT("binary")));
    }
}

static void on_alloc(uv_handle_t *handle, size_t wanted, uv_buf_t *ret) {
    struct probe *p = handle->data;
    (void)wanted;
    *ret = uv_buf_init(p->chunk, sizeof p->chunk);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
    struct probe *p = stream->data;
    if (n < 0) {
        uv_read_stop(stream);
        return;
    }
    check(sio__buf_append(&p->lines, buf->base, (size_t)n));
    struct text rest = sio__buf_text(&p->lines);
    const char *end = memchr(rest.data, '\n', rest.len);
    while (end != NULL) {
        size_t len = (size_t)(end - rest.data);
        take_line(p, (struct text){rest.data, len});
        rest.data += len + 1;
        rest.len -= len + 1;
        end = memchr(rest.data, '\n', rest.len);
    }
    p->lines.len = rest.len;
    if (rest.len > 0) {
        memmove(p->lines.data, rest.data, rest.len);
    }
}

/* ---- options ---- */

static void read_transports(struct eio_client_config *config, const char *names) {
    struct text rest = sio__text_of(names);
    struct text name;
    for (size_t i = 0; i < 3 && sio__text_cut(&rest, ',', &name); i++) {
        config->transports[i] =
            sio__text_eq(name, SIO_TEXT("polling")) ? SIO_POLLING : SIO_WEBSOCKET;
    }
}

static void read_option(struct eio_client_config *config, const char *option) {
    if (strcmp(option, "no-upgrade") == 0) {
        config->no_upgrade = true;
    } else if (strcmp(option, "force-base64") == 0) {
        config->force_base64 = true;
    } else if (strcmp(option, "try-all") == 0) {
        config->try_all_transports = true;
    } else if (strncmp(option, "timeout=", 8) == 0) {
        config->open_timeout_ms = (uint32_t)strtoul(option + 8, NULL, 10);
    }
}

static void configure(struct eio_client_config *config, int argc, char **argv) {
    *config = (struct eio_client_config){
        .server = {.link = {.host = SIO_TEXT("127.0.0.1"),
                            .port = (uint16_t)strtoul(argv[1], NULL, 10)},
                   .authority = SIO_TEXT("127.0.0.1"),
                   .limits = {16384, 200, 16 << 20}},
        .path = sio__text_of(argv[2]),
        .timestamp_param = SIO_TEXT("t"),
        .max_message_bytes = 16 << 20,
        .max_fragments = 4096,
        .send_high_water_bytes = 1 << 20,
        .send_hard_bytes = 64 << 20,
    };
    read_transports(config, argv[3]);
    for (int i = 4; i < argc; i++) {
        read_option(config, argv[i]);
    }
}

int main(int argc, char **argv) {
    static struct probe p;
    if (argc < 4) {
        return EXIT_FAILURE;
    }
    configure(&p.config, argc, argv);
    sio__logger_init(&p.log, SIO_LOG_NONE, NULL, NULL, NULL);
    sio__frame_pool_init(&p.frames);
    sio__buf_init(&p.lines, SIZE_MAX);
    sio__buf_init(&p.out, SIZE_MAX);
    check(uv_loop_init(&p.loop));
    check(sio__reactor_init(&p.reactor, &p.loop, &p.log));
    check(uv_pipe_init(&p.loop, &p.input, 0));
    check(uv_pipe_open(&p.input, 0));
    p.input.data = &p;
    check(uv_read_start((uv_stream_t *)&p.input, on_alloc, on_read));
    check(sio__eio_client_new(&p.reactor, &p.config, &p.frames, &p.log, &ops, &p, &p.client));
    check(sio__eio_client_open(p.client));
    uv_run(&p.loop, UV_RUN_DEFAULT);
    sio__reactor_done(&p.reactor);
    sio__frame_pool_done(&p.frames);
    sio__buf_done(&p.lines);
    sio__buf_done(&p.out);
    return uv_loop_close(&p.loop) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
