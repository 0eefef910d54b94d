/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Request heads for unit tests, made of their fields.
 */
#ifndef SUPPORT_HEAD_H
#define SUPPORT_HEAD_H

#include "proto/http1.h"

struct test_head {
    struct http1_parser parser; /* its member head is the head */
    char text[4096];
};

/** Reads "<method> / HTTP/1.1" with fields ("Name: value\r\n" each); a Host has to be among them.
 */
void test_head_init(struct test_head *t, const char *method, const char *fields);
void test_head_done(struct test_head *t);

#endif /* SUPPORT_HEAD_H */
