/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#ifndef SIO_TOOLS_STATIC_FILES_H
#define SIO_TOOLS_STATIC_FILES_H

/*
 * A directory of files, mounted at "/".
 *
 * There is no way out of it: a path is taken apart, and each part is opened below the one before,
 * never through a symbolic link. Parts that are empty, begin with a dot, or hold a slash or a NUL
 * are answered as if there were no such file. The directory itself may be a symbolic link, and may
 * be replaced while the server runs.
 *
 * Files are read whole, into memory, on the loop's thread: it is meant for the pages of an
 * application, not for downloads.
 */

#include <sio/http.h>

/* Larger files are not served. */
#define STATIC_FILE_MAX_BYTES (16u << 20)

/* Answers a request of any method and path with a file below `root`, or with an error. */
void static_files_answer(const char *root, const sio_request *req, sio_response *res);

#endif
