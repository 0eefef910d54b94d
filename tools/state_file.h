/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#ifndef SIO_TOOLS_STATE_FILE_H
#define SIO_TOOLS_STATE_FILE_H

/*
 * Where a file of this name is kept between runs: in $XDG_STATE_HOME/sio, or ~/.local/state/sio if
 * that is unset or not absolute. Directories are made as far as they are missing, for the user
 * only. To be freed; NULL when there is no such place.
 */
char *state_file(const char *name);

#endif
