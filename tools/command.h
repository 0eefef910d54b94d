/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#ifndef SIO_TOOLS_COMMAND_H
#define SIO_TOOLS_COMMAND_H

/*
 * The commands of the tool. Each one gets the arguments from its own name on and returns the exit
 * status of the process.
 */

/* Exit statuses. */
enum {
    EXIT_OK = 0,          /* done, or ended by SIGINT or SIGTERM as asked */
    EXIT_FAILED = 1,      /* the system or the network said no */
    EXIT_USAGE = 2,       /* the command line is wrong */
    EXIT_UNREACHABLE = 3, /* could not connect */
    EXIT_REFUSED = 4,     /* the server refused the connection to the namespace */
    EXIT_NO_ANSWER = 5,   /* none within the time */
    EXIT_DISCONNECTED = 6 /* the connection was lost, or ended by the server */
};

/* `sio serve`: the server, with the demo or a directory of files. */
int cmd_serve(int argc, char **argv);

/* `sio connect`: a client to type into. */
int cmd_connect(int argc, char **argv);

/* `sio emit`: sends one event. */
int cmd_emit(int argc, char **argv);

/* `sio listen`: events as lines of JSON, in both directions. */
int cmd_listen(int argc, char **argv);

/* `sio decode`: explains captured packets. */
int cmd_decode(int argc, char **argv);

/* `sio bench`: puts a server under load. */
int cmd_bench(int argc, char **argv);

/* Flushes what was written to the standard output: status, or EXIT_FAILED when that fails. */
int command_end_output(const char *program, int status);

#endif
