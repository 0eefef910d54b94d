/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * load: the load client of the benchmark, for Socket.IO and for plain WebSocket servers.
 *
 * One thread, one epoll, no dependency on what it measures. Every connection keeps a fixed number
 * of messages in flight (its window), or the messages leave at a fixed rate whatever the answers do
 * (-r), and then latency counts from the moment a message was due. Every delivery is compared with
 * what it has to be and counted: a run in which one is missing or wrong is a failed run.
 *
 * The figure to compare is the CPU time of the server per message, taken from the kernel's account
 * of the process given by -P. The client reports its own share too, so that a run that it limited
 * itself can be told. The result is one line of JSON; usage() below names the modes.
 *
 * Exit status: 0 all delivered, 1 something was missing or wrong, 2 usage, 3 no connection.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "account.h"
#include "histogram.h"

#define NS_PER_S       UINT64_C(1000000000)
#define IO_SIZE        (256u * 1024u)
#define MAX_EVENTS     512
#define MAX_CONNECTING 128
#define MAX_WINDOW     1024u /* a power of two */
#define PATIENCE_NS    (10 * NS_PER_S)
#define WARM_UP        500u /* connections */

enum job { JOB_ECHO, JOB_ACK, JOB_CAST, JOB_IDLE, JOB_CONNECT };
enum phase { PHASE_CLOSED, PHASE_HTTP, PHASE_OPEN, PHASE_JOIN, PHASE_READY };

struct bytes {
    uint8_t *data;
    size_t len;
    size_t cap;
};

struct conn {
    int fd;
    enum phase phase;
    bool blocked;       /* waits for EPOLLOUT */
    struct bytes in;    /* start of a frame whose end has not come yet */
    struct bytes out;   /* what the socket did not take yet */
    uint64_t sent;      /* messages; the next acknowledgement id */
    uint64_t delivered; /* messages */
    uint64_t answered;  /* in this turn, to be followed by as many new ones */
    uint64_t *due_at;   /* of message number i at [i % load.ring] */
};

/* A broadcast in flight: until its last receiver has it. */
struct cast {
    uint64_t sent_at;
    unsigned missing;
};

struct usage {
    double server; /* CPU seconds */
    double server_user;
    double server_system;
    double own;
    uint64_t at;
};

struct load {
    const char *mode;
    enum job job;
    bool plain; /* WebSocket without Socket.IO */
    uint16_t port;
    unsigned connections;
    unsigned window;
    size_t payload;
    double seconds;
    double warm_up;
    double rate; /* messages per second of all connections; 0: by window */
    pid_t pid;

    int epoll;
    struct conn *conns;
    unsigned ready;
    bool running; /* new messages may leave */
    struct bytes request;
    struct bytes frames; /* `window` times the message to send */
    size_t frame_len;
    struct bytes answer;  /* what a delivery is; of an acknowledgement: what follows the id */
    struct bytes scratch; /* frames of acknowledged events, which differ by their id */
    struct cast casts[MAX_WINDOW];
    uint64_t casts_sent;
    unsigned casts_done; /* in this turn */
    uint64_t paced;      /* messages sent by rate */
    uint64_t paced_from;
    size_t ring; /* a power of two: messages that a connection may have in flight */

    uint64_t sent;
    uint64_t delivered;
    uint64_t wrong;
    uint64_t lost; /* connections closed by the server */
    struct histogram latency;
    uint8_t io[IO_SIZE];
};

static struct load load = {
    .mode = "echo",
    .port = 3000,
    .connections = 100,
    .window = 1,
    .payload = 32,
    .seconds = 3,
    .warm_up = 0.5,
};

/* ------------------------------------------------------------------------------------ helpers */

static _Noreturn __attribute__((format(printf, 2, 3))) void fail(int status, const char *format,
                                                                 ...) {
    va_list args;
    va_start(args, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(status);
}

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* Makes room for `more` bytes at the end and returns where they go. */
static uint8_t *bytes_reserve(struct bytes *b, size_t more) {
    if (b->cap - b->len < more) {
        size_t cap = b->cap * 2 > b->len + more ? b->cap * 2 : b->len + more;
        uint8_t *data = realloc(b->data, cap);
        if (data == NULL) {
            fail(3, "out of memory");
        }
        b->data = data;
        b->cap = cap;
    }
    return b->data + b->len;
}

static void bytes_append(struct bytes *b, const void *data, size_t len) {
    if (len > 0) {
        memcpy(bytes_reserve(b, len), data, len);
        b->len += len;
    }
}

static void bytes_free(struct bytes *b) {
    free(b->data);
    *b = (struct bytes){0};
}

/* Appends one masked frame (RFC 6455 5.2) around `text`. */
static void append_frame(struct bytes *b, unsigned opcode, const void *text, size_t len) {
    static const uint8_t mask[4] = {0x12, 0x9a, 0x5c, 0xe7};
    uint8_t head[8] = {(uint8_t)(0x80u | opcode)};
    size_t n = 2;
    if (len < 126) {
        head[1] = (uint8_t)(0x80u | len);
    } else if (len <= UINT16_MAX) {
        head[1] = 0x80 | 126;
        head[n++] = (uint8_t)(len >> 8);
        head[n++] = (uint8_t)len;
    } else {
        fail(2, "a message is at most 65535 bytes");
    }
    memcpy(head + n, mask, 4);
    bytes_append(b, head, n + 4);
    const uint8_t *from = text;
    uint8_t *to = bytes_reserve(b, len);
    for (size_t i = 0; i < len; i++) {
        to[i] = from[i] ^ mask[i & 3];
    }
    b->len += len;
}

/* Time and CPU time so far; user and system time come in ticks of 10 ms. */
static struct usage usage_now(void) {
    struct usage u = {.at = now_ns(), .own = account_own_cpu()};
    if (load.pid != 0 && !account_cpu(load.pid, &u.server, &u.server_user, &u.server_system)) {
        fail(3, "the server (process %ld) is gone", (long)load.pid);
    }
    return u;
}

/* -------------------------------------------------------------------------------- connections */

static void want(struct conn *c, int op, uint32_t events) {
    struct epoll_event ev = {.events = events, .data.ptr = c};
    if (epoll_ctl(load.epoll, op, c->fd, &ev) != 0) {
        fail(3, "epoll_ctl: %s", strerror(errno));
    }
    c->blocked = (events & EPOLLOUT) != 0;
}

/* Writes, and keeps what the socket does not take for later. An error shows when reading. */
static void conn_send(struct conn *c, const uint8_t *data, size_t len) {
    if (c->out.len == 0) {
        ssize_t n = send(c->fd, data, len, MSG_NOSIGNAL);
        size_t taken = n > 0 ? (size_t)n : 0;
        data += taken;
        len -= taken;
    }
    if (len == 0) {
        return;
    }
    bytes_append(&c->out, data, len);
    if (!c->blocked) {
        want(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
    }
}

static void conn_flush(struct conn *c) {
    ssize_t n = send(c->fd, c->out.data, c->out.len, MSG_NOSIGNAL);
    if (n <= 0) {
        return;
    }
    c->out.len -= (size_t)n;
    memmove(c->out.data, c->out.data + n, c->out.len);
    if (c->out.len == 0) {
        want(c, EPOLL_CTL_MOD, EPOLLIN);
    }
}

static void conn_send_text(struct conn *c, unsigned opcode, const void *text, size_t len) {
    struct bytes frame = {0};
    append_frame(&frame, opcode, text, len);
    conn_send(c, frame.data, frame.len);
    bytes_free(&frame);
}

static void conn_open(struct conn *c) {
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0) {
        fail(3, "socket: %s", strerror(errno));
    }
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(load.port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(c->fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
        fail(3, "connect: %s", strerror(errno));
    }
    int on = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    want(c, EPOLL_CTL_ADD, EPOLLIN);
    c->phase = PHASE_HTTP;
    conn_send(c, load.request.data, load.request.len);
}

/* Closes by a reset, which leaves no port in TIME_WAIT for the next run to trip over. */
static void conn_close(struct conn *c) {
    if (c->phase == PHASE_CLOSED) {
        return;
    }
    struct linger at_once = {.l_onoff = 1};
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(c->fd);
    bytes_free(&c->in);
    bytes_free(&c->out);
    free(c->due_at);
    *c = (struct conn){0};
}

/* ----------------------------------------------------------------------------------- messages */

/* Sends `count` messages that were due at `due`. */
static void fire(struct conn *c, uint64_t count, uint64_t due) {
    for (uint64_t i = 0; i < count; i++) {
        c->due_at[(c->sent + i) % load.ring] = due;
    }
    if (load.job == JOB_ACK) {
        load.scratch.len = 0;
        struct bytes text = {0};
        for (uint64_t i = 0; i < count; i++) {
            text.len = 0;
            bytes_reserve(&text, 32 + load.answer.len);
            text.len = (size_t)snprintf((char *)text.data, 32, "42%llu[\"ack\",",
                                        (unsigned long long)(c->sent + i));
            bytes_append(&text, load.answer.data + 1, load.answer.len - 1);
            append_frame(&load.scratch, 1, text.data, text.len);
        }
        bytes_free(&text);
        conn_send(c, load.scratch.data, load.scratch.len);
    } else {
        conn_send(c, load.frames.data, load.frame_len * (size_t)count);
    }
    c->sent += count;
    load.sent += count;
}

/* The first connection sends `count` broadcasts. */
static void fire_casts(unsigned count) {
    uint64_t now = now_ns();
    for (unsigned i = 0; i < count; i++) {
        struct cast *cast = &load.casts[load.casts_sent++ % MAX_WINDOW];
        cast->sent_at = now;
        cast->missing = load.connections;
    }
    conn_send(&load.conns[0], load.frames.data, load.frame_len * count);
    load.sent += (uint64_t)count * load.connections;
}

/* Sends what is due by the rate, one connection after the other. */
static void fire_paced(uint64_t now) {
    while (load.running) {
        uint64_t due = load.paced_from + (uint64_t)((double)load.paced * 1e9 / load.rate);
        struct conn *c = &load.conns[load.paced % load.connections];
        if (due > now || c->sent - c->delivered == load.ring) {
            return;
        }
        fire(c, 1, due);
        load.paced++;
    }
}

static bool same(const struct bytes *b, const uint8_t *text, size_t len) {
    return len == b->len && memcmp(text, b->data, len) == 0;
}

/* Is it the acknowledgement of the oldest event in flight? "43", its id, the arguments. */
static bool is_ack(const struct conn *c, const uint8_t *text, size_t len) {
    char head[32];
    size_t n = (size_t)snprintf(head, sizeof(head), "43%llu", (unsigned long long)c->delivered);
    return len > n && memcmp(text, head, n) == 0 && same(&load.answer, text + n, len - n);
}

static void on_delivery(struct conn *c, const uint8_t *text, size_t len, uint64_t now) {
    bool good = load.job == JOB_ACK ? is_ack(c, text, len) : same(&load.answer, text, len);
    if (load.job == JOB_CAST) {
        struct cast *cast = &load.casts[c->delivered % MAX_WINDOW];
        if (!good || c->delivered == load.casts_sent) {
            load.wrong++;
            return;
        }
        histogram_record(&load.latency, now - cast->sent_at);
        if (--cast->missing == 0) {
            load.casts_done++;
        }
    } else {
        if (!good || c->delivered == c->sent) {
            load.wrong++;
            return;
        }
        histogram_record(&load.latency, now - c->due_at[c->delivered % load.ring]);
        c->answered++;
    }
    c->delivered++;
    load.delivered++;
}

/* A text frame: the way up to ready (Engine.IO open, Socket.IO CONNECT), heartbeat, deliveries. */
static void on_text(struct conn *c, const uint8_t *text, size_t len, uint64_t now) {
    if (!load.plain && len == 1 && text[0] == '2') {
        conn_send_text(c, 1, "3", 1);
    } else if (c->phase == PHASE_OPEN && len > 0 && text[0] == '0') {
        c->phase = PHASE_JOIN;
        conn_send_text(c, 1, "40", 2);
    } else if (c->phase == PHASE_JOIN && len > 2 && memcmp(text, "40", 2) == 0) {
        c->phase = PHASE_READY;
        load.ready++;
    } else if (c->phase == PHASE_READY && (load.job <= JOB_CAST)) {
        on_delivery(c, text, len, now);
    } else {
        load.wrong++;
    }
}

/* Consumes the answer to the upgrade request; 0 when it is not complete yet. */
static size_t on_head(struct conn *c, const uint8_t *data, size_t len) {
    const uint8_t *end = memmem(data, len, "\r\n\r\n", 4);
    if (end == NULL) {
        return 0;
    }
    if (memcmp(data, "HTTP/1.1 101", 12) != 0) {
        fail(3, "no upgrade to WebSocket: %.*s", (int)(end - data), (const char *)data);
    }
    c->phase = load.plain ? PHASE_READY : PHASE_OPEN;
    load.ready += load.plain;
    return (size_t)(end - data) + 4;
}

/* Consumes all complete frames of a server (not masked); returns what it consumed. */
static size_t on_frames(struct conn *c, const uint8_t *data, size_t len, uint64_t now) {
    size_t used = 0;
    while (len - used >= 2) {
        const uint8_t *frame = data + used;
        size_t size = frame[1] & 0x7f;
        size_t head = size < 126 ? 2 : size == 126 ? 4 : 10;
        if (len - used < head) {
            break;
        }
        if (head > 2) {
            size = 0;
            for (size_t i = 2; i < head; i++) {
                size = size << 8 | frame[i];
            }
        }
        if (size > IO_SIZE / 2) {
            fail(1, "a frame of %zu bytes", size);
        }
        if (len - used < head + size) {
            break;
        }
        switch (frame[0] & 0x0f) {
        case 1: on_text(c, frame + head, size, now); break;
        case 9: conn_send_text(c, 10, frame + head, size); break;
        default: load.wrong++; break;
        }
        used += head + size;
    }
    return used;
}

static void on_readable(struct conn *c) {
    size_t kept = c->in.len;
    if (kept > 0) {
        memcpy(load.io, c->in.data, kept);
    }
    ssize_t n = recv(c->fd, load.io + kept, IO_SIZE - kept, 0);
    if (n <= 0) {
        if (n == 0 || errno != EAGAIN) {
            load.lost++;
            load.running = false;
            conn_close(c);
        }
        return;
    }
    uint64_t now = now_ns();
    size_t len = kept + (size_t)n;
    size_t used = c->phase == PHASE_HTTP ? on_head(c, load.io, len) : 0;
    if (c->phase != PHASE_HTTP) {
        used += on_frames(c, load.io + used, len - used, now);
    }
    c->in.len = 0;
    bytes_append(&c->in, load.io + used, len - used);
    if (c->in.len == 0 && c->in.cap > 0) {
        bytes_free(&c->in);
    }
    if (c->answered > 0 && load.running && load.rate == 0) {
        fire(c, c->answered, now);
    }
    c->answered = 0;
}

/* One turn: waits until `until` at the longest. */
static void turn(uint64_t until) {
    if (load.running && load.rate > 0) {
        uint64_t due = load.paced_from + (uint64_t)((double)load.paced * 1e9 / load.rate);
        until = due < until ? due : until;
    }
    uint64_t now = now_ns();
    uint64_t wait = until > now ? until - now : 0;
    struct timespec t = {.tv_sec = (time_t)(wait / NS_PER_S), .tv_nsec = (long)(wait % NS_PER_S)};
    struct epoll_event events[MAX_EVENTS];
    int n = epoll_pwait2(load.epoll, events, MAX_EVENTS, &t, NULL);
    for (int i = 0; i < n; i++) {
        struct conn *c = events[i].data.ptr;
        if (events[i].events & EPOLLOUT) {
            conn_flush(c);
        }
        if (events[i].events & ~(uint32_t)EPOLLOUT) {
            on_readable(c);
        }
    }
    if (load.running && load.rate > 0) {
        fire_paced(now_ns());
    }
    if (load.running && load.casts_done > 0) {
        fire_casts(load.casts_done);
        load.casts_done = 0;
    }
}

/* --------------------------------------------------------------------------------------- jobs */

/* Brings the first `count` connections up to ready. */
static void open_all(unsigned count) {
    unsigned opened = 0;
    load.ready = 0;
    uint64_t last = now_ns();
    while (load.ready < count) {
        while (opened < count && opened - load.ready < MAX_CONNECTING) {
            conn_open(&load.conns[opened++]);
        }
        unsigned before = load.ready;
        turn(now_ns() + NS_PER_S);
        if (load.lost > 0) {
            fail(3, "the server closed a connection: %u of %u ready", load.ready, count);
        }
        if (load.ready > before) {
            last = now_ns();
        } else if (now_ns() - last > PATIENCE_NS) {
            fail(3, "stuck: %u of %u ready", load.ready, count);
        }
    }
}

static void close_all(void) {
    for (unsigned i = 0; i < load.connections; i++) {
        conn_close(&load.conns[i]);
    }
}

static void run_for(double seconds) {
    uint64_t end = now_ns() + (uint64_t)(seconds * 1e9);
    while (now_ns() < end && load.lost == 0 && load.wrong == 0) {
        turn(end);
    }
}

/* Waits until the server did nothing for 20 ms, so that clearing up is not counted as the next. */
static void settle(void) {
    uint64_t end = now_ns() + PATIENCE_NS;
    double before = -1;
    while (load.pid != 0 && now_ns() < end) {
        double cpu = usage_now().server;
        if (cpu - before < 0.0001) {
            return;
        }
        before = cpu;
        run_for(0.02);
    }
}

static void print_common(const struct usage *from, const struct usage *to) {
    double wall = (double)(to->at - from->at) / 1e9;
    double server = (to->server - from->server) / wall;
    double own = (to->own - from->own) / wall;
    const char *limit = own > 0.97 && server < 0.97 ? "load" : server > 0.97 ? "server" : "none";
    printf("{\"mode\":\"%s\",\"connections\":%u,\"window\":%u,\"payload\":%zu,\"rate\":%.0f,"
           "\"seconds\":%.3f,\"server_cpu\":%.4f,\"server_user\":%.4f,\"server_system\":%.4f,"
           "\"load_cpu\":%.4f,\"limited_by\":\"%s\",\"rss_kb\":%.0f",
           load.mode, load.connections, load.window, load.payload, load.rate, wall, server,
           (to->server_user - from->server_user) / wall,
           (to->server_system - from->server_system) / wall, own, limit, account_rss_kb(load.pid));
}

static void print_end(bool good) {
    printf(",\"wrong\":%llu,\"lost_connections\":%llu,\"ok\":%s}\n", (unsigned long long)load.wrong,
           (unsigned long long)load.lost, good ? "true" : "false");
}

/* echo, ack, cast: warm up, measure, then let everything in flight arrive and count. */
static int run_messages(void) {
    open_all(load.connections);
    load.ring = load.rate > 0 ? MAX_WINDOW : 1;
    while (load.ring < load.window) {
        load.ring *= 2;
    }
    for (unsigned i = 0; i < load.connections; i++) {
        load.conns[i].due_at = calloc(load.ring, sizeof(uint64_t));
        if (load.conns[i].due_at == NULL) {
            fail(3, "out of memory");
        }
    }
    load.running = true;
    load.paced_from = now_ns();
    if (load.job == JOB_CAST) {
        fire_casts(load.window);
    } else if (load.rate == 0) {
        for (unsigned i = 0; i < load.connections; i++) {
            fire(&load.conns[i], load.window, now_ns());
        }
    }
    run_for(load.warm_up);

    histogram_reset(&load.latency);
    struct usage from = usage_now();
    uint64_t before = load.delivered;
    run_for(load.seconds);
    struct usage to = usage_now();
    uint64_t measured = load.delivered - before;

    load.running = false;
    uint64_t end = now_ns() + PATIENCE_NS;
    while (load.delivered < load.sent && load.lost == 0 && now_ns() < end) {
        turn(end);
    }
    bool good = load.delivered == load.sent && load.wrong == 0 && load.lost == 0 && measured > 0;
    print_common(&from, &to);
    double wall = (double)(to.at - from.at) / 1e9;
    printf(",\"messages\":%llu,\"messages_per_s\":%.0f,\"server_us_per_message\":%.4f,"
           "\"latency_us\":{\"mean\":%.1f,\"p50\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f},"
           "\"sent\":%llu,\"delivered\":%llu",
           (unsigned long long)measured, (double)measured / wall,
           measured > 0 ? (to.server - from.server) * 1e6 / (double)measured : 0,
           histogram_mean(&load.latency) / 1e3,
           (double)histogram_quantile(&load.latency, 0.5) / 1e3,
           (double)histogram_quantile(&load.latency, 0.99) / 1e3,
           (double)histogram_quantile(&load.latency, 0.999) / 1e3, (double)load.latency.max / 1e3,
           (unsigned long long)load.sent, (unsigned long long)load.delivered);
    print_end(good);
    close_all();
    return good ? 0 : 1;
}

/* idle: memory of the server per connection that does nothing. The kernel's own part is what its
 * slabs grew by, for both ends of each connection. */
static int run_idle(void) {
    double rss = account_rss_kb(load.pid);
    double slab = account_kb("/proc/meminfo", "Slab");
    struct usage from = usage_now();
    open_all(load.connections);
    run_for(load.seconds);
    struct usage to = usage_now();
    bool good = load.lost == 0 && load.wrong == 0;
    print_common(&from, &to);
    printf(",\"bytes_per_connection\":%.0f,\"kernel_bytes_per_connection\":%.0f",
           (account_rss_kb(load.pid) - rss) * 1024 / load.connections,
           (account_kb("/proc/meminfo", "Slab") - slab) * 1024 / load.connections);
    print_end(good);
    close_all();
    return good ? 0 : 1;
}

/* connect: CPU of the server per connection up to ready, again and again, without the closing. */
static int run_connect(void) {
    open_all(load.connections < WARM_UP ? load.connections : WARM_UP);
    close_all();
    double cpu = 0;
    uint64_t made = 0;
    uint64_t busy = 0;
    struct usage start = usage_now();
    struct usage to;
    do {
        settle();
        struct usage from = usage_now();
        open_all(load.connections);
        busy += now_ns() - from.at;
        settle();
        to = usage_now();
        cpu += to.server - from.server;
        made += load.connections;
        close_all();
    } while ((double)busy < load.seconds * 1e9);
    print_common(&start, &to);
    printf(",\"opened\":%llu,\"opened_per_s\":%.0f,\"server_us_per_connection\":%.3f",
           (unsigned long long)made, (double)made * 1e9 / (double)busy, cpu * 1e6 / (double)made);
    print_end(load.wrong == 0);
    return load.wrong == 0 ? 0 : 1;
}

/* --------------------------------------------------------------------------------------- main */

static _Noreturn void usage(void) {
    fputs("usage: load [options]\n"
          "  -m MODE  echo ack cast idle connect: Socket.IO over WebSocket\n"
          "           wsecho wscast wsidle wsconnect: plain WebSocket\n"
          "  -p PORT  of the server on 127.0.0.1 (3000)\n"
          "  -P PID   process of the server\n"
          "  -c N     connections (100)\n"
          "  -w N     messages in flight per connection; cast: in all (1)\n"
          "  -s N     bytes of payload (32)\n"
          "  -d S     seconds measured (3)\n"
          "  -u S     seconds before them (0.5)\n"
          "  -r N     messages per second of all connections, instead of a window\n",
          stderr);
    exit(2);
}

static double number(const char *text, double min, double max) {
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || !(value >= min && value <= max)) {
        fail(2, "not a number from %g to %g: %s", min, max, text);
    }
    return value;
}

static void parse_mode(const char *mode) {
    static const char *const names[] = {"echo", "ack", "cast", "idle", "connect"};
    load.mode = mode;
    load.plain = strncmp(mode, "ws", 2) == 0;
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(mode + (load.plain ? 2 : 0), names[i]) == 0) {
            load.job = (enum job)i;
            if (!load.plain || load.job != JOB_ACK) {
                return;
            }
        }
    }
    usage();
}

static void parse_options(int argc, char **argv) {
    int opt;
    while ((opt = getopt(argc, argv, "m:p:P:c:w:s:d:u:r:")) != -1) {
        switch (opt) {
        case 'm': parse_mode(optarg); break;
        case 'p': load.port = (uint16_t)number(optarg, 1, 65535); break;
        case 'P': load.pid = (pid_t)number(optarg, 1, 1e9); break;
        case 'c': load.connections = (unsigned)number(optarg, 1, 1e6); break;
        case 'w': load.window = (unsigned)number(optarg, 1, MAX_WINDOW); break;
        case 's': load.payload = (size_t)number(optarg, 1, 60000); break;
        case 'd': load.seconds = number(optarg, 0.01, 3600); break;
        case 'u': load.warm_up = number(optarg, 0, 3600); break;
        case 'r': load.rate = number(optarg, 1, 1e7); break;
        default: usage();
        }
    }
    if (optind != argc || (load.rate > 0 && load.job > JOB_ACK)) {
        usage();
    }
}

/* The message with its frames, and what comes back: the same for echo and cast, and for ack the
 * array of the arguments behind the id. */
static void prepare_messages(void) {
    struct bytes text = {0};
    if (!load.plain) {
        const char *head = load.job == JOB_CAST  ? "42[\"cast\",\""
                           : load.job == JOB_ACK ? "[\""
                                                 : "42[\"echo\",\"";
        bytes_append(&text, head, strlen(head));
    }
    memset(bytes_reserve(&text, load.payload), 'x', load.payload);
    text.len += load.payload;
    if (!load.plain) {
        bytes_append(&text, "\"]", 2);
    }
    for (unsigned i = 0; i < load.window; i++) {
        append_frame(&load.frames, 1, text.data, text.len);
    }
    load.frame_len = load.frames.len / load.window;
    load.answer = text;
}

static void prepare_request(void) {
    char request[512];
    int n = snprintf(request, sizeof(request),
                     "GET %s HTTP/1.1\r\n"
                     "Host: 127.0.0.1:%u\r\n"
                     "Upgrade: websocket\r\n"
                     "Connection: Upgrade\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                     "Sec-WebSocket-Version: 13\r\n"
                     "\r\n",
                     load.plain ? "/" : "/socket.io/?EIO=4&transport=websocket", load.port);
    bytes_append(&load.request, request, (size_t)n);
}

int main(int argc, char **argv) {
    parse_options(argc, argv);
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    prctl(PR_SET_TIMERSLACK, 1UL);
    load.epoll = epoll_create1(0);
    load.conns = calloc(load.connections, sizeof(*load.conns));
    if (load.epoll < 0 || load.conns == NULL) {
        fail(3, "no resources");
    }
    prepare_request();
    prepare_messages();
    switch (load.job) {
    case JOB_IDLE: return run_idle();
    case JOB_CONNECT: return run_connect();
    default: return run_messages();
    }
}
