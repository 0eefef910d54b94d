/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#ifndef SIO_TOOLS_STATUS_PAGE_H
#define SIO_TOOLS_STATUS_PAGE_H

/* What a server tells about itself: /health for load balancers, /metrics for Prometheus. */

#include <sio/server.h>
#include <time.h>

/* Answers with a JSON object: status "ok", version, uptime in seconds, and some gauges. */
void status_page_health(const sio_server *server, time_t uptime, const sio_request *req,
                        sio_response *res);

/* Answers with all counters in the text format of Prometheus, version 0.0.4. */
void status_page_metrics(const sio_server *server, time_t uptime, const sio_request *req,
                         sio_response *res);

#endif
