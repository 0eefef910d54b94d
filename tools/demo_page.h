/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#ifndef SIO_TOOLS_DEMO_PAGE_H
#define SIO_TOOLS_DEMO_PAGE_H

/* The chat page that is built into the tool, from demo/chat: "/" and the files beside it. */

#include <sio/http.h>

/* Answers a request of any method and path. */
void demo_page_answer(const sio_request *req, sio_response *res);

#endif
