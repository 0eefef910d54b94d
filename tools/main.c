/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* The sio command: finds the command that was asked for. */
#include <sio/sio.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "suggest.h"

static const struct {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"serve", "run a Socket.IO server, with a chat as its demo", cmd_serve},
    {"connect", "connect to a server and talk to it by hand", cmd_connect},
    {"emit", "send one event, and print its answer", cmd_emit},
    {"listen", "print events as lines of JSON, send those of the input", cmd_listen},
    {"bench", "put a server under load, and measure it", cmd_bench},
    {"decode", "explain captured packets, payloads and frames", cmd_decode},
};

enum { COMMANDS = sizeof commands / sizeof commands[0] };

static void print_help(void) {
    puts("Usage: sio COMMAND [OPTION]...\n"
         "\n"
         "Socket.IO in C.\n"
         "\n"
         "Commands:");
    for (size_t i = 0; i < COMMANDS; i++) {
        printf("  %-10s  %s\n", commands[i].name, commands[i].summary);
    }
    puts("\n"
         "Options:\n"
         "  -h, --help     show this help\n"
         "  -V, --version  show the version\n"
         "\n"
         "'sio COMMAND --help' explains a command.");
}

static int unknown(const char *what, const char *word) {
    struct suggestion s = {0};
    for (size_t i = 0; i < COMMANDS; i++) {
        suggestion_try(&s, word, commands[i].name);
    }
    static const char *const others[] = {"help", "version", "--help", "--version"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        suggestion_try(&s, word, others[i]);
    }
    fprintf(stderr, "sio: unknown %s '%s'", what, word);
    if (s.best != NULL) {
        fprintf(stderr, "; did you mean '%s'?", s.best);
    }
    fputs("\nTry 'sio --help'.\n", stderr);
    return EXIT_USAGE;
}

static bool is_one_of(const char *word, const char *a, const char *b, const char *c) {
    return strcmp(word, a) == 0 || strcmp(word, b) == 0 || strcmp(word, c) == 0;
}

/* `sio help COMMAND` is `sio COMMAND --help`. */
static int help(int argc, char **argv) {
    if (argc < 2 || is_one_of(argv[1], "help", "--help", "-h") ||
        is_one_of(argv[1], "version", "--version", "-V")) {
        print_help();
        return command_end_output("sio", EXIT_OK);
    }
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            char option[] = "--help";
            char *arguments[] = {argv[1], option, NULL};
            return commands[i].run(2, arguments);
        }
    }
    return unknown("command", argv[1]);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fputs("sio: no command was given\nTry 'sio --help'.\n", stderr);
        return EXIT_USAGE;
    }
    const char *word = argv[1];
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(word, commands[i].name) == 0) {
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    if (is_one_of(word, "help", "--help", "-h")) {
        return help(argc - 1, argv + 1);
    }
    if (is_one_of(word, "version", "--version", "-V")) {
        printf("sio %s\n", sio_version());
        return command_end_output("sio", EXIT_OK);
    }
    return unknown(word[0] == '-' ? "option" : "command", word);
}
