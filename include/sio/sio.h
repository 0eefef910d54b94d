/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Everything but <sio/uv.h> (needs libuv) and <sio/adapter.h> (for those who write adapters).
 */
#ifndef SIO_SIO_H
#define SIO_SIO_H

#include <sio/alloc.h>
#include <sio/api.h>
#include <sio/client.h>
#include <sio/decode.h>
#include <sio/error.h>
#include <sio/http.h>
#include <sio/log.h>
#include <sio/msg.h>
#include <sio/reason.h>
#include <sio/server.h>
#include <sio/socket.h>
#include <sio/value.h>
#include <sio/version.h>

#endif /* SIO_SIO_H */
