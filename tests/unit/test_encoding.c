/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* The choice of a content coding (RFC 9110 12.5.3). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "engineio/http_conn.h"
#include "support/head.h"

#define ALL (HTTP_GZIP | HTTP_DEFLATE | HTTP_BR)

static const struct {
    const char *accept; /* NULL: no such field */
    unsigned available;
    enum http_encoding chosen;
} cases[] = {
    {NULL, ALL, HTTP_PLAIN},
    {"", ALL, HTTP_PLAIN},
    {"gzip", ALL, HTTP_GZIP},
    {"GZip", ALL, HTTP_GZIP},
    {"x-gzip", ALL, HTTP_GZIP},
    {"deflate", ALL, HTTP_DEFLATE},
    {"br", ALL, HTTP_BR},
    {"gzip, deflate, br", ALL, HTTP_BR},
    {"gzip, deflate, br", HTTP_GZIP | HTTP_DEFLATE, HTTP_GZIP},
    {"deflate, gzip", HTTP_GZIP | HTTP_DEFLATE, HTTP_GZIP},
    {"deflate;q=1, gzip;q=0.5", ALL, HTTP_DEFLATE},
    {"deflate;q=0.4, gzip;q=0.5", ALL, HTTP_GZIP},
    {"br;q=0.001, gzip;q=0.002", ALL, HTTP_GZIP},
    {"gzip;q=0", ALL, HTTP_PLAIN},
    {"gzip;q=0.0", ALL, HTTP_PLAIN},
    {"gzip;q=0.000", ALL, HTTP_PLAIN},
    {"gzip ; q=0", ALL, HTTP_PLAIN},
    {"gzip;Q=0", ALL, HTTP_PLAIN},
    {"gzip;q=1.000", ALL, HTTP_GZIP},
    {"*", ALL, HTTP_BR},
    {"*", HTTP_DEFLATE, HTTP_DEFLATE},
    {"*;q=0", ALL, HTTP_PLAIN},
    {"br;q=0, *", ALL, HTTP_GZIP},
    {"br;q=0, gzip;q=0, *", ALL, HTTP_DEFLATE},
    {"*;q=0.5, deflate", ALL, HTTP_DEFLATE},
    {"gzip", HTTP_BR, HTTP_PLAIN},
    {"identity", ALL, HTTP_PLAIN},
    {"zstd, sdch", ALL, HTTP_PLAIN},
    {"gzipped", ALL, HTTP_PLAIN},
    {",, gzip ,,", ALL, HTTP_GZIP},
    {"gzip;level=9;q=0", ALL, HTTP_PLAIN},
    {"gzip;q=", ALL, HTTP_GZIP},
    {"gzip;q=x, deflate;q=0.1", HTTP_GZIP | HTTP_DEFLATE, HTTP_DEFLATE},
};

static void the_best_of_both_sides_is_chosen(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct test_head t;
        char fields[256] = "Host: a\r\n";
        if (cases[i].accept != NULL) {
            (void)snprintf(fields, sizeof fields, "Host: a\r\nAccept-Encoding: %s\r\n",
                           cases[i].accept);
        }
        test_head_init(&t, "GET", fields);
        enum http_encoding chosen = sio__http_encoding(&t.parser.head, cases[i].available);
        if (chosen != cases[i].chosen) {
            fail_msg("%s: %d", cases[i].accept, (int)chosen);
        }
        test_head_done(&t);
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_of_both_sides_is_chosen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
