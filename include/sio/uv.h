/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Running a server on a loop of yours. The only header that needs libuv's.
 */
#ifndef SIO_UV_H
#define SIO_UV_H

#include <sio/server.h>
#include <uv.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Puts a server on your loop, instead of sio_server_run(). [setup], on the loop's thread
 *
 * Listening sockets keep the loop alive until sio_server_close(). Call sio_server_attach_uv()
 * before sio_server_listen().
 *
 * @param loop  yours; it must run, and must outlive the server
 * @return 0; SIO_ERR_STATE when it listens or is attached already; a code of libuv
 */
SIO_API int sio_server_attach_uv(sio_server *server, uv_loop_t *loop);

#ifdef __cplusplus
}
#endif

#endif /* SIO_UV_H */
