/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "support/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/ws_frame.h"

/* ---- bytes ---- */

static void reserve(char **buffer, size_t *cap, size_t need) {
    if (need > *cap) {
        *cap = 2 * need;
        *buffer = realloc(*buffer, *cap);
        assert_non_null(*buffer);
    }
}

static void update_events(struct wire *w) {
    uint32_t events = 0;
    if (!w->paused && !w->ended) {
        events |= EPOLLIN;
    }
    if (w->out_len > 0) {
        events |= EPOLLOUT;
    }
    harness_rewatch(w->h, &w->watch, w->events, events);
    w->events = events;
}

static void end(struct wire *w, bool reset) {
    w->ended = true;
    w->reset = w->reset || reset;
    w->out_len = reset ? 0 : w->out_len;
}

static void read_input(struct wire *w) {
    for (;;) {
        reserve(&w->in, &w->in_cap, w->in_len + 65536 + 1);
        ssize_t n = read(w->watch.fd, w->in + w->in_len, 65536);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && errno == EAGAIN) {
            return;
        }
        if (n <= 0) {
            end(w, n < 0);
            return;
        }
        w->in_len += (size_t)n;
        w->received += (size_t)n;
        w->in[w->in_len] = '\0';
    }
}

static void write_output(struct wire *w) {
    while (w->out_len > 0) {
        ssize_t n = send(w->watch.fd, w->out, w->out_len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            if (errno != EAGAIN) {
                w->out_len = 0; /* the end is read */
            }
            return;
        }
        w->out_len -= (size_t)n;
        memmove(w->out, w->out + n, w->out_len);
    }
}

static void on_ready(struct harness_watch *watch, uint32_t events) {
    struct wire *w = (struct wire *)watch;
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && !w->paused) {
        read_input(w);
    }
    write_output(w);
    update_events(w);
}

struct wire *wire_open(struct harness *h) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(h->port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct wire *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->h = h;
    w->watch.fn = on_ready;
    w->watch.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(w->watch.fd >= 0);
    int r = connect(w->watch.fd, (struct sockaddr *)&address, sizeof address);
    assert_true(r == 0 || errno == EINPROGRESS);
    setsockopt(w->watch.fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    w->events = EPOLLIN;
    harness_watch(h, &w->watch, w->events);
    return w;
}

static void free_wire(struct wire *w) {
    free(w->in);
    free(w->out);
    free(w->response.head);
    free(w->response.body);
    free(w->frame.data);
    free(w);
}

void wire_close(struct wire *w) {
    if (w == NULL) {
        return;
    }
    close(w->watch.fd);
    free_wire(w);
}

void wire_reset(struct wire *w) {
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    assert_int_equal(setsockopt(w->watch.fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
    wire_close(w);
}

void wire_shutdown(struct wire *w) {
    (void)shutdown(w->watch.fd, SHUT_WR);
}

void wire_send(struct wire *w, const void *data, size_t len) {
    if (len == 0) {
        return;
    }
    reserve(&w->out, &w->out_cap, w->out_len + len);
    memcpy(w->out + w->out_len, data, len);
    w->out_len += len;
    write_output(w);
    update_events(w);
}

void wire_puts(struct wire *w, const char *text) {
    wire_send(w, text, strlen(text));
}

void wire_printf(struct wire *w, const char *format, ...) {
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int n = vasprintf(&text, format, args);
    va_end(args);
    assert_true(n >= 0);
    wire_send(w, text, (size_t)n);
    free(text);
}

void wire_pause(struct wire *w) {
    w->paused = true;
    update_events(w);
}

void wire_resume(struct wire *w) {
    w->paused = false;
    update_events(w);
}

struct awaited {
    struct wire *w;
    size_t bytes;
};

static bool is_sent(void *arg) {
    const struct wire *w = arg;
    return w->out_len == 0 || w->ended;
}

bool wire_wait_sent(struct wire *w) {
    return harness_wait(w->h, is_sent, w) && w->out_len == 0;
}

static bool has_bytes(void *arg) {
    const struct awaited *a = arg;
    return a->w->in_len >= a->bytes || a->w->ended;
}

bool wire_wait_bytes(struct wire *w, size_t n) {
    struct awaited a = {w, n};
    return harness_wait(w->h, has_bytes, &a) && w->in_len >= n;
}

static bool has_ended(void *arg) {
    const struct wire *w = arg;
    return w->ended;
}

bool wire_wait_end(struct wire *w) {
    return harness_wait(w->h, has_ended, w);
}

void wire_consume(struct wire *w, size_t n) {
    assert_true(n <= w->in_len);
    w->in_len -= n;
    memmove(w->in, w->in + n, w->in_len);
    if (w->in != NULL) {
        w->in[w->in_len] = '\0';
    }
}

/* ---- HTTP ---- */

const char *response_field(const struct response *res, const char *name, char *buffer,
                           size_t size) {
    size_t name_len = strlen(name);
    size_t len = 0;
    bool found = false;
    const char *line = strstr(res->head, "\r\n");
    while (line != NULL && line[2] != '\0') {
        line += 2;
        const char *stop = strstr(line, "\r\n");
        if (strncasecmp(line, name, name_len) == 0 && line[name_len] == ':') {
            const char *value = line + name_len + 1;
            value += strspn(value, " ");
            int value_len = (int)((stop != NULL ? stop : value + strlen(value)) - value);
            int n =
                snprintf(buffer + len, size - len, "%s%.*s", found ? ", " : "", value_len, value);
            len += (size_t)n < size - len ? (size_t)n : size - len - 1;
            found = true;
        }
        line = stop;
    }
    return found ? buffer : NULL;
}

static char *copy_bytes(char *old, const char *data, size_t len) {
    char *copy = realloc(old, len + 1);
    assert_non_null(copy);
    memcpy(copy, data, len);
    copy[len] = '\0';
    return copy;
}

static const struct response *poll_response(struct wire *w, bool bodiless) {
    struct response *res = &w->response;
    char *stop = w->in_len > 0 ? strstr(w->in, "\r\n\r\n") : NULL;
    if (stop == NULL) {
        return NULL;
    }
    size_t head_len = (size_t)(stop - w->in) + 4;
    char value[32];
    res->head = copy_bytes(res->head, w->in, head_len - 2);
    assert_int_equal(sscanf(res->head, "HTTP/1.1 %d", &res->status), 1);
    size_t len = 0;
    if (!bodiless && res->status != 304 &&
        response_field(res, "content-length", value, sizeof value) != NULL) {
        len = strtoul(value, NULL, 10);
    }
    if (w->in_len < head_len + len) {
        return NULL;
    }
    res->body = copy_bytes(res->body, w->in + head_len, len);
    res->len = len;
    wire_consume(w, head_len + len);
    return res;
}

const struct response *wire_poll_response(struct wire *w) {
    return poll_response(w, false);
}

struct awaited_response {
    struct wire *w;
    bool bodiless;
    const struct response *response;
};

static bool has_response(void *arg) {
    struct awaited_response *a = arg;
    if (a->response == NULL) {
        a->response = poll_response(a->w, a->bodiless);
    }
    return a->response != NULL || a->w->ended;
}

static const struct response *read_response(struct wire *w, bool bodiless) {
    struct awaited_response a = {w, bodiless, NULL};
    (void)harness_wait(w->h, has_response, &a);
    return a.response;
}

const struct response *wire_response(struct wire *w) {
    return read_response(w, false);
}

const struct response *wire_response_head(struct wire *w) {
    return read_response(w, true);
}

const struct response *wire_expect_status_at(struct wire *w, int status, const char *file,
                                             int line) {
    const struct response *res = wire_response(w);
    if (res == NULL || res->status != status) {
        print_error("%s:%d: waited for status %d, and got %s\n", file, line, status,
                    res != NULL ? res->head : "no answer");
        _fail(file, line);
    }
    return res;
}

void wire_get(struct wire *w, const char *path, const char *fields) {
    wire_printf(w, "GET %s HTTP/1.1\r\nHost: test\r\n%s\r\n", path, fields);
}

void wire_post(struct wire *w, const char *path, const char *fields, const void *body, size_t len) {
    wire_printf(w, "POST %s HTTP/1.1\r\nHost: test\r\nContent-Length: %zu\r\n%s\r\n", path, len,
                fields);
    wire_send(w, body, len);
}

int http_get_status(struct harness *h, const char *path) {
    struct wire *w = wire_open(h);
    wire_get(w, path, "");
    const struct response *res = wire_response(w);
    int status = res != NULL ? res->status : 0;
    wire_close(w);
    return status;
}

/* ---- WebSocket ---- */

void wire_upgrade_request(struct wire *w, const char *path, const char *fields) {
    wire_printf(
        w,
        "GET %s HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
        path, fields);
}

void wire_frame(struct wire *w, uint8_t first, const void *data, size_t len) {
    static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};
    uint8_t *bytes = malloc(WS_HEADER_MAX + len);
    assert_non_null(bytes);
    size_t n = sio__ws_header(bytes, first, len, mask);
    if (len > 0) {
        memcpy(bytes + n, data, len);
    }
    sio__ws_mask(bytes + n, len, mask, 0);
    wire_send(w, bytes, n + len);
    free(bytes);
}

void wire_text(struct wire *w, const char *text) {
    wire_frame(w, WS_FIN | WS_OP_TEXT, text, strlen(text));
}

static size_t big_endian(const char *p, size_t n) {
    size_t value = 0;
    for (size_t i = 0; i < n; i++) {
        value = value << 8 | (uint8_t)p[i];
    }
    return value;
}

const struct ws_received *wire_poll_frame(struct wire *w) {
    if (w->in_len < 2) {
        return NULL;
    }
    size_t len = (uint8_t)w->in[1];
    size_t extra = len == WS_LEN_16 ? 2 : len == WS_LEN_64 ? 8 : 0;
    assert_int_equal(len & WS_MASKED, 0); /* servers do not mask: RFC 6455 5.1 */
    if (w->in_len < 2 + extra) {
        return NULL;
    }
    if (extra > 0) {
        len = big_endian(w->in + 2, extra);
    }
    if (w->in_len < 2 + extra + len) {
        return NULL;
    }
    w->frame.first = (uint8_t)w->in[0];
    w->frame.data = copy_bytes(w->frame.data, w->in + 2 + extra, len);
    w->frame.len = len;
    wire_consume(w, 2 + extra + len);
    return &w->frame;
}

struct awaited_frame {
    struct wire *w;
    const struct ws_received *frame;
};

static bool has_frame(void *arg) {
    struct awaited_frame *a = arg;
    if (a->frame == NULL) {
        a->frame = wire_poll_frame(a->w);
    }
    return a->frame != NULL || a->w->ended;
}

const struct ws_received *wire_read_frame(struct wire *w) {
    struct awaited_frame a = {w, NULL};
    (void)harness_wait(w->h, has_frame, &a);
    return a.frame;
}

int wire_close_code(struct wire *w) {
    const struct ws_received *f = wire_read_frame(w);
    while (f != NULL && (f->first & WS_OPCODE_MASK) != WS_OP_CLOSE) {
        f = wire_read_frame(w);
    }
    if (f == NULL) {
        return WS_CLOSE_ABNORMAL;
    }
    return f->len >= 2 ? (int)big_endian(f->data, 2) : WS_CLOSE_NO_STATUS;
}
