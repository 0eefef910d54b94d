/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Requests to the other nodes of a cluster (sio_cluster_request of <sio/adapter.h>), and fetching
 * of sockets.
 */
#ifndef SOCKETIO_CLUSTER_H
#define SOCKETIO_CLUSTER_H

#include "socketio/answers.h"

/** A request. Belongs to the adapter from the call of its operation until sio_request_done(). */
struct sio_cluster_request {
    struct answer_group *group; /* gets answers; NULL when it has ended */
    struct fetch *fetch;        /* gets sockets; NULL when it is none */
};

/** Makes a request of a group. NULL when out of memory. */
struct sio_cluster_request *sio__request_for_group(struct answer_group *g);

/** What the packer holds, as adapters see it. attachments: room for the packer's attachments. */
sio_packet_view sio__packet_view(const struct packer *p, sio_bytes_view *attachments);

#endif /* SOCKETIO_CLUSTER_H */
