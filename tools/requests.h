/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#ifndef SIO_TOOLS_REQUESTS_H
#define SIO_TOOLS_REQUESTS_H

/*
 * The lines that `sio listen` reads:
 *
 *     {"event":"news","args":[1,"x"]}          sends an event
 *     {"event":"ask","args":[],"ack":true}     and prints {"ack":[...]}
 *     {"event":"ask","ack":"7"}                and prints {"ack":[...],"id":"7"}; any string or
 * number
 *     {"ack":1,"args":["yes"]}                 answers the event that was printed with "ack":1
 */

#include <sio/msg.h>
#include <stdbool.h>

#include "json_text.h"

struct request {
    sio_msg *msg; /* the event, or an answer without a name */
    bool is_answer;
    unsigned long answers; /* the number of what it answers */
    bool wants_ack;
    struct slice id; /* JSON text of "ack", within the line; empty when it is true */
};

/*
 * Reads a line. Returns NULL, or what is wrong with it. ret_request->msg is to be given back by
 * sio_msg_unref().
 */
const char *request_parse(const char *line, struct request *ret_request);

#endif
