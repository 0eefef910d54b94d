/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include <stdio.h>

#include "command.h"

int command_end_output(const char *program, int status) {
    if (fflush(stdout) == 0 && !ferror(stdout)) {
        return status;
    }
    perror(program);
    return EXIT_FAILED;
}
