/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * A TCP connection of a test to the server of a harness, byte by byte: HTTP answers and WebSocket
 * frames are read from it, whatever is wanted is written to it.
 *
 * Functions that wait run the loop of the harness; they return false or NULL when the connection
 * has ended or nothing moves any more.
 */
#ifndef SUPPORT_WIRE_H
#define SUPPORT_WIRE_H

#include "support/harness.h"

/** An answer; borrowed until the next one is read from the same connection. */
struct response {
    int status;
    char *head; /* status line and fields, NUL-terminated */
    char *body; /* NUL-terminated */
    size_t len; /* bytes of the body */
};

/** A frame; borrowed until the next one is read. */
struct ws_received {
    uint8_t first; /* FIN, RSV bits and opcode */
    char *data;    /* NUL-terminated */
    size_t len;
};

struct wire {
    struct harness_watch watch;
    struct harness *h;
    uint32_t events; /* that are watched */
    char *in;        /* received, not yet consumed */
    size_t in_len;
    size_t in_cap;
    char *out; /* not yet taken by the kernel */
    size_t out_len;
    size_t out_cap;
    size_t received; /* bytes, ever */
    bool ended;      /* the server closed its side, or reset the connection */
    bool reset;
    bool paused;
    struct response response;
    struct ws_received frame;
};

/** Connects. */
struct wire *wire_open(struct harness *h);

/** Closes and frees it; NULL is fine. */
void wire_close(struct wire *w);

/** Closes with a reset (RST), and frees it. */
void wire_reset(struct wire *w);

/** Closes the sending side only. */
void wire_shutdown(struct wire *w);

/** Sends bytes; what the kernel does not take goes out with the next turns of the loop. */
void wire_send(struct wire *w, const void *data, size_t len);

/** Sends a text. */
void wire_puts(struct wire *w, const char *text);

/** Sends text by a format of printf. */
void wire_printf(struct wire *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Stops and resumes reading, as a slow client. */
void wire_pause(struct wire *w);
void wire_resume(struct wire *w);

/** Waits until all that was sent is taken by the kernel. */
bool wire_wait_sent(struct wire *w);

/** Waits for n bytes of input. */
bool wire_wait_bytes(struct wire *w, size_t n);

/** Waits for the end of the connection. */
bool wire_wait_end(struct wire *w);

/** Drops n bytes from the front of the input. */
void wire_consume(struct wire *w, size_t n);

/* ---- HTTP ---- */

/** Waits for a complete answer with Content-Length, or one that has no body. */
const struct response *wire_response(struct wire *w);

/** Takes an answer that is there already; NULL when there is none. Does not run the loop. */
const struct response *wire_poll_response(struct wire *w);

/** Waits for the answer to a HEAD request, which has no body. */
const struct response *wire_response_head(struct wire *w);

/** Waits for an answer and requires its status. */
const struct response *wire_expect_status_at(struct wire *w, int status, const char *file,
                                             int line);
#define wire_expect_status(w, status) wire_expect_status_at(w, status, __FILE__, __LINE__)

/**
 * Finds a field of an answer.
 *
 * @param buffer  receives its value, cut to size; several are joined with ", "
 * @return buffer, or NULL when there is no such field
 */
const char *response_field(const struct response *res, const char *name, char *buffer, size_t size);

/** Sends GET for a path with extra fields ("Name: value\r\n" each, or ""). */
void wire_get(struct wire *w, const char *path, const char *fields);

/** Sends POST for a path with a body. */
void wire_post(struct wire *w, const char *path, const char *fields, const void *body, size_t len);

/** One GET on a connection of its own: its status, 0 when there was no answer. */
int http_get_status(struct harness *h, const char *path);

/* ---- WebSocket ---- */

/** Sends a request to open a WebSocket, with extra fields. */
void wire_upgrade_request(struct wire *w, const char *path, const char *fields);

/** Sends a frame, masked. @param first  FIN, RSV bits and opcode */
void wire_frame(struct wire *w, uint8_t first, const void *data, size_t len);

/** Sends a whole text message. */
void wire_text(struct wire *w, const char *text);

/** Waits for a frame. */
const struct ws_received *wire_read_frame(struct wire *w);

/** Takes a frame that is there already; NULL when there is none. Does not run the loop. */
const struct ws_received *wire_poll_frame(struct wire *w);

/** Waits for a Close frame, skipping others. @return its code; 1005 when it has none, 1006 when
 * none came */
int wire_close_code(struct wire *w);

#endif /* SUPPORT_WIRE_H */
