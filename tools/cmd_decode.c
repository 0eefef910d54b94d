/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* `sio decode`: explains what was captured elsewhere. */
#include <sio/decode.h>
#include <sio/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "explain.h"
#include "files.h"
#include "frames.h"
#include "hex.h"
#include "options.h"
#include "show.h"

#define NAME "sio decode"

enum { NAME_BYTES = 200 };

struct decode_options {
    bool hex;
    bool ws;
    bool text;
};

static const struct option_entry entries[] = {
    {.kind = OPTION_TITLE, .help = "Options"},
    {.kind = OPTION_FLAG,
     .letter = 'x',
     .name = "hex",
     .at = offsetof(struct decode_options, hex),
     .help = "the input is written in hexadecimal digits"},
    {.kind = OPTION_FLAG,
     .letter = 'w',
     .name = "ws",
     .at = offsetof(struct decode_options, ws),
     .help = "the input is a stream of WebSocket frames, of either direction or both"},
    {.kind = OPTION_FLAG,
     .letter = 't',
     .name = "text",
     .at = offsetof(struct decode_options, text),
     .help = "take every INPUT for a text, also if there is a file of this name"},
    {.kind = OPTION_HELP, .letter = 'h', .name = "help", .help = "show this help"},
};

static const struct option_table table = {entries, sizeof entries / sizeof entries[0]};

static const struct option_command command = {
    .name = NAME,
    .synopsis = "Usage: sio decode [OPTION]... [INPUT]...\n"
                "\n"
                "Explains packets of Engine.IO 4 and Socket.IO 5, layer by layer. INPUT is a\n"
                "file, or else the text of a packet; '-', and no INPUT, is the standard input.\n"
                "Each line of it is a packet or a payload of HTTP long-polling, in which the byte\n"
                "0x1e separates packets; 'b' with base64 is a binary attachment.",
    .notes = "Exit status: 0 all is well-formed, 1 something is not, or cannot be read,\n"
             "2 wrong command line.\n"
             "\n"
             "Examples:\n"
             "  sio decode '42/chat,7[\"ask\",{\"id\":1}]'\n"
             "  sio decode body.txt\n"
             "  sio decode --hex '34 32 5b 22 68 69 22 5d'\n"
             "  tcpflow -C port 3000 | sio decode --ws",
    .tables = {&table},
};

/* What all inputs have in common. */
struct decoding {
    const struct decode_options *options;
    struct explainer explainer;
    bool began; /* something was printed */
    bool fine;
};

static void decode_payload(struct decoding *d, const char *payload, size_t len) {
    sio_payload_iter it = {0};
    while (sio_decode_payload(payload, len, &it)) {
        if (d->began) {
            putchar('\n');
        }
        d->began = true;
        d->fine = explain_text(&d->explainer, it.packet, it.len) && d->fine;
    }
}

static void complain_of_hex(struct decoding *d) {
    fputs(NAME ": --hex: these are no pairs of hexadecimal digits\n", stderr);
    d->fine = false;
}

static void decode_lines(struct decoding *d, char *data, size_t len) {
    if (len == 0) {
        decode_payload(d, data, 0);
    }
    for (char *line = data; line < data + len;) {
        size_t left = (size_t)(data + len - line);
        char *end = memchr(line, '\n', left);
        size_t size = end != NULL ? (size_t)(end - line) : left;
        char *next = line + size + 1;
        if (size > 0 && line[size - 1] == '\r') {
            size--;
        }
        if (size > 0 && d->options->hex && !hex_read(line, size, &size)) {
            complain_of_hex(d);
        } else if (size > 0) {
            decode_payload(d, line, size);
        }
        line = next;
    }
}

static void decode(struct decoding *d, char *data, size_t len) {
    if (!d->options->ws) {
        decode_lines(d, data, len);
    } else if (d->options->hex && !hex_read(data, len, &len)) {
        complain_of_hex(d);
    } else {
        d->fine = frames_explain(stdout, data, len) && d->fine;
    }
}

static void decode_file(struct decoding *d, const char *name) {
    char *data = NULL;
    size_t len = 0;
    int r = file_read(name, &data, &len);
    if (r < 0) {
        fprintf(stderr, NAME ": %s: %s\n", name, sio_strerror(r));
        d->fine = false;
        return;
    }
    decode(d, data, len);
    free(data);
}

static void decode_input(struct decoding *d, char *input) {
    bool is_file = strcmp(input, "-") == 0 || access(input, F_OK) == 0;
    if (is_file && !d->options->text) {
        decode_file(d, input);
        return;
    }
    bool is_like_file = strpbrk(input, "[{\"") == NULL && strpbrk(input, "/.") != NULL;
    bool is_binary = d->options->ws && !d->options->hex; /* which nobody types */
    if (!d->options->text && (is_like_file || is_binary)) {
        fputs(NAME ": there is no file '", stderr);
        show_text(stderr, input, strlen(input), NAME_BYTES);
        fputs("'; taken for the text of a packet\n", stderr);
    }
    decode(d, input, strlen(input));
}

static int run(const struct decode_options *options, const struct operands *operands) {
    struct decoding d = {.options = options, .explainer = {.out = stdout}, .fine = true};
    char stdin_name[] = "-";
    if (operands->rest_count == 0) {
        decode_input(&d, stdin_name);
    }
    for (int i = 0; i < operands->rest_count; i++) {
        decode_input(&d, operands->rest[i]);
    }
    d.fine = explain_end(&d.explainer) && d.fine;
    return command_end_output(NAME, d.fine ? EXIT_OK : EXIT_FAILED);
}

int cmd_decode(int argc, char **argv) {
    struct decode_options options = {0};
    struct operands operands;
    switch (options_parse(&command, &options, argc, argv, &operands)) {
    case OPTIONS_RUN: return run(&options, &operands);
    case OPTIONS_HELP: return command_end_output(NAME, EXIT_OK);
    default: return EXIT_USAGE;
    }
}
