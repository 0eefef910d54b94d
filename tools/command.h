/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#ifndef SIO_TOOLS_COMMAND_H
#define SIO_TOOLS_COMMAND_H

/*
 * The commands of the tool. Each one gets the arguments from its own name on and returns the exit
 * status of the process.
 */

/* Exit statuses. */
enum {
    EXIT_OK = 0,     /* done, or ended by SIGINT or SIGTERM as asked */
    EXIT_FAILED = 1, /* the system or the network said no */
    EXIT_USAGE = 2   /* the command line is wrong */
};

/* `sio serve`: the server, with the demo or a directory of files. */
int cmd_serve(int argc, char **argv);

/* Flushes what was written to the standard output: status, or EXIT_FAILED when that fails. */
int command_end_output(const char *program, int status);

#endif
