/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Running a server or a client on a loop of yours. The only header that needs libuv's.
 */
#ifndef SIO_UV_H
#define SIO_UV_H

#include <sio/client.h>
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

/**
 * Puts a client on your loop, before its first socket is made, instead of the other ways to run it.
 * On the loop's thread, as all use of the client that is not [any].
 *
 * The client keeps the loop alive while it is connected or tries to be. After sio_client_free() the
 * loop has to run on until the client's handles are closed.
 *
 * @param loop  yours; must outlive the client
 * @return 0; SIO_ERR_STATE when it has a loop already; SIO_ERR_NOMEM; a code of libuv
 */
SIO_API int sio_client_attach_uv(sio_client *client, uv_loop_t *loop);

/**
 * Puts a client on the loop of another one, with which it shares buffers from then on: thousands of
 * clients on one loop cost a few kilobytes each, instead of fifty. With TLS, those of the same
 * options share certificates and keys, too. Otherwise as sio_client_attach_uv(). Which of them is
 * freed first does not matter.
 *
 * @param other  is on a loop of yours, by either function
 * @return 0; SIO_ERR_STATE when the client has a loop already, or the other one has none of yours
 */
SIO_API int sio_client_attach_beside(sio_client *client, sio_client *other);

#ifdef __cplusplus
}
#endif

#endif /* SIO_UV_H */
