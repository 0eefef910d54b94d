/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * floor: the least that a server on one thread can do for the plain WebSocket jobs of `load`.
 *
 *   floor PORT [cast]
 *
 * It echoes every message (with `cast`: sends it to all connections) and does nothing else: one
 * receive and one send per wakeup, no parsing beyond the bounds of the frames, no check of
 * anything, no timer, no allocation per message. It is a lower bound to hold servers against, not
 * a server: it trusts its client blindly, so it listens on 127.0.0.1 only.
 *
 * A frame that arrives in pieces is kept until the rest is there. Sends block, which `load` allows
 * because it always reads.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_FDS    65536
#define MAX_EVENTS 512
#define IO_SIZE    (256u * 1024u)

struct peer {
    uint8_t *rest; /* start of a frame whose end has not come yet */
    size_t rest_len;
    int open;
    int upgraded;
};

struct server {
    int epoll;
    int listener;
    int cast;
    int fds[MAX_FDS]; /* the open connections, in no order */
    int nfds;
    struct peer peers[MAX_FDS]; /* by file descriptor */
    uint8_t in[IO_SIZE];
    uint8_t out[IO_SIZE];
};

static struct server server;

static void fail(const char *what) {
    perror(what);
    exit(EXIT_FAILURE);
}

static void watch(int fd) {
    struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(server.epoll, EPOLL_CTL_ADD, fd, &ev) != 0) {
        fail("epoll_ctl");
    }
}

static void listen_on(uint16_t port) {
    server.listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int on = 1;
    setsockopt(server.listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(server.listener, (struct sockaddr *)&at, sizeof(at)) != 0 ||
        listen(server.listener, 4096) != 0) {
        fail("listen");
    }
    watch(server.listener);
}

static void accept_one(void) {
    int fd = accept4(server.listener, NULL, NULL, 0);
    if (fd < 0) {
        return;
    }
    if (fd >= MAX_FDS) {
        close(fd);
        return;
    }
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    server.peers[fd] = (struct peer){.open = 1};
    server.fds[server.nfds++] = fd;
    watch(fd);
}

static void close_peer(int fd) {
    free(server.peers[fd].rest);
    server.peers[fd] = (struct peer){0};
    close(fd);
    for (int i = 0; i < server.nfds; i++) {
        if (server.fds[i] == fd) {
            server.fds[i] = server.fds[--server.nfds];
            return;
        }
    }
}

static void send_all(int fd, const uint8_t *bytes, size_t len) {
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
        if (n < 0) {
            return; /* its own event closes it */
        }
        bytes += n;
        len -= (size_t)n;
    }
}

/* The answer to the key of RFC 6455 1.3, which is the one that `load` sends. */
static void upgrade(int fd) {
    static const char head[] = "HTTP/1.1 101 Switching Protocols\r\n"
                               "Upgrade: websocket\r\n"
                               "Connection: Upgrade\r\n"
                               "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                               "\r\n";
    send_all(fd, (const uint8_t *)head, sizeof(head) - 1);
    server.peers[fd].upgraded = 1;
}

/* Turns the complete masked frames of `in` into unmasked ones (RFC 6455 5.2). Returns the length
 * of the output; *ret_used is what was consumed of the input. */
static size_t reframe(size_t len, size_t *ret_used) {
    size_t used = 0;
    size_t made = 0;
    while (len - used >= 6) {
        const uint8_t *frame = server.in + used;
        size_t size = frame[1] & 0x7f;
        size_t head = 2;
        if (size == 126) {
            size = (size_t)frame[2] << 8 | frame[3];
            head = 4;
        }
        if (len - used < head + 4 + size) {
            break;
        }
        uint8_t *out = server.out + made;
        memcpy(out, frame, head);
        out[1] &= 0x7f;
        const uint8_t *mask = frame + head;
        for (size_t i = 0; i < size; i++) {
            out[head + i] = mask[4 + i] ^ mask[i & 3];
        }
        used += head + 4 + size;
        made += head + size;
    }
    *ret_used = used;
    return made;
}

static void keep_rest(struct peer *peer, const uint8_t *bytes, size_t len) {
    free(peer->rest);
    peer->rest = NULL;
    peer->rest_len = len;
    if (len == 0) {
        return;
    }
    peer->rest = malloc(len);
    if (peer->rest == NULL) {
        fail("malloc");
    }
    memcpy(peer->rest, bytes, len);
}

static void read_peer(int fd) {
    struct peer *peer = &server.peers[fd];
    if (!peer->open) {
        return; /* closed earlier in this turn */
    }
    if (peer->rest_len > 0) {
        memcpy(server.in, peer->rest, peer->rest_len);
    }
    size_t room = IO_SIZE - peer->rest_len;
    ssize_t n = recv(fd, server.in + peer->rest_len, room, MSG_DONTWAIT);
    if (n <= 0) {
        if (n == 0 || errno != EAGAIN) {
            close_peer(fd);
        }
        return;
    }
    if (!peer->upgraded) {
        upgrade(fd);
        return;
    }
    size_t len = peer->rest_len + (size_t)n;
    size_t used;
    size_t made = reframe(len, &used);
    if (peer->rest_len > 0 || used < len) {
        keep_rest(peer, server.in + used, len - used);
    }
    if (made == 0) {
        return;
    }
    if (!server.cast) {
        send_all(fd, server.out, made);
        return;
    }
    for (int i = 0; i < server.nfds; i++) {
        send_all(server.fds[i], server.out, made);
    }
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: floor PORT [cast]\n");
        return 2;
    }
    server.cast = argc > 2 && strcmp(argv[2], "cast") == 0;
    server.epoll = epoll_create1(0);
    if (server.epoll < 0) {
        fail("epoll_create1");
    }
    listen_on((uint16_t)strtoul(argv[1], NULL, 10));
    for (;;) {
        struct epoll_event events[MAX_EVENTS];
        int n = epoll_wait(server.epoll, events, MAX_EVENTS, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.fd == server.listener) {
                accept_one();
            } else {
                read_peer(events[i].data.fd);
            }
        }
    }
}
