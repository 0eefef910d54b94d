/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * A network that can be broken: two network namespaces, and a wire between them that loses and
 * delays packets as it is told. What tc-netem does, where the kernel need not have it.
 *
 *     faulty_wire     needs the right to make network namespaces; status 77 where that fails
 *
 * It prints "wire PATH PATH": the namespaces of the server (10.77.0.1) and of the client
 * (10.77.0.2), for nsenter --net=PATH. They are gone when it ends. Its commands are lines of
 * standard input, each answered with "ok":
 *
 *     loss PERCENT      of the packets in either direction
 *     delay MS          of every packet
 *     mute PERCENT      loss of packets from the server only
 *     down, up          the client's network interface
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define PACKET_MAX 2048
#define QUEUE_MAX  4096

enum side { SERVER, CLIENT };

/* A packet on its way. */
struct packet {
    uint64_t due_ms;
    uint8_t to; /* enum side */
    uint16_t len;
    uint8_t data[PACKET_MAX];
};

struct wire {
    int tun[2];
    int namespaces[2];
    unsigned loss[2]; /* percent of the packets from this side */
    unsigned delay_ms;
    uint32_t random;
    struct packet *queue; /* a ring */
    size_t first;
    size_t len;
};

/* The network cannot be made here, which is no fault of what is tested. */
static void skip(const char *what) {
    fprintf(stderr, "faulty_wire: %s: %s\n", what, strerror(errno));
    exit(77);
}

/* ---- the namespaces ---- */

static void set_flags(const char *name, bool up) {
    struct ifreq request = {.ifr_flags = 0};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    (void)snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
    if (ioctl(fd, SIOCGIFFLAGS, &request) < 0) {
        skip("SIOCGIFFLAGS");
    }
    request.ifr_flags = (short)(up ? request.ifr_flags | IFF_UP : request.ifr_flags & ~IFF_UP);
    if (ioctl(fd, SIOCSIFFLAGS, &request) < 0) {
        skip("SIOCSIFFLAGS");
    }
    close(fd);
}

static void set_address(const char *name, unsigned long code, const char *address) {
    struct ifreq request = {.ifr_flags = 0};
    struct sockaddr_in in = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    inet_pton(AF_INET, address, &in.sin_addr);
    memcpy(&request.ifr_addr, &in, sizeof in);
    (void)snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
    if (ioctl(fd, code, &request) < 0) {
        skip("address of the interface");
    }
    close(fd);
}

/* Makes a namespace with one end of the wire, and stays in it. */
static void make_end(struct wire *w, enum side side) {
    static const char *const addresses[] = {"10.77.0.1", "10.77.0.2"};
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    if (unshare(CLONE_NEWNET) < 0) {
        skip("network namespace");
    }
    w->namespaces[side] = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    w->tun[side] = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (w->namespaces[side] < 0 || w->tun[side] < 0) {
        skip("/dev/net/tun");
    }
    (void)snprintf(request.ifr_name, sizeof request.ifr_name, "wire");
    if (ioctl(w->tun[side], TUNSETIFF, &request) < 0) {
        skip("TUNSETIFF");
    }
    set_address("wire", SIOCSIFADDR, addresses[side]);
    set_address("wire", SIOCSIFNETMASK, "255.255.255.0");
    set_flags("wire", true);
    set_flags("lo", true);
}

/* ---- the wire ---- */

static uint64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool is_lost(struct wire *w, enum side from) {
    w->random ^= w->random << 13;
    w->random ^= w->random >> 17;
    w->random ^= w->random << 5;
    return w->random % 100 < w->loss[from];
}

static void take_packets(struct wire *w, enum side from) {
    for (;;) {
        struct packet *p = &w->queue[(w->first + w->len) % QUEUE_MAX];
        ssize_t n = read(w->tun[from], p->data, sizeof p->data);
        if (n <= 0) {
            return;
        }
        if (w->len < QUEUE_MAX - 1 && !is_lost(w, from)) {
            p->due_ms = now_ms() + w->delay_ms;
            p->to = from == SERVER ? CLIENT : SERVER;
            p->len = (uint16_t)n;
            w->len++;
        }
    }
}

/* @return milliseconds until the next packet is due; -1: there is none */
static int give_packets(struct wire *w) {
    while (w->len > 0) {
        const struct packet *p = &w->queue[w->first];
        uint64_t now = now_ms();
        if (p->due_ms > now) {
            return (int)(p->due_ms - now);
        }
        if (write(w->tun[p->to], p->data, p->len) < 0 && errno != EIO && errno != EAGAIN) {
            perror("faulty_wire: write"); /* EIO: the interface is down */
        }
        w->first = (w->first + 1) % QUEUE_MAX;
        w->len--;
    }
    return -1;
}

static void obey(struct wire *w, char *line) {
    unsigned number = 0;
    char word[16] = "";
    if (sscanf(line, "%15s %u", word, &number) < 1) {
        return;
    }
    if (strcmp(word, "loss") == 0) {
        w->loss[SERVER] = number;
        w->loss[CLIENT] = number;
    } else if (strcmp(word, "mute") == 0) {
        w->loss[SERVER] = number;
    } else if (strcmp(word, "delay") == 0) {
        w->delay_ms = number;
    } else if (strcmp(word, "down") == 0 || strcmp(word, "up") == 0) {
        set_flags("wire", strcmp(word, "up") == 0); /* of the client: made last */
    } else {
        fprintf(stderr, "faulty_wire: unknown command %s\n", word);
        exit(64);
    }
    puts("ok");
}

/* Takes whole lines, as many as there are. @return false at the end of the input */
static bool take_commands(struct wire *w) {
    static char line[64];
    static size_t len;
    char c;
    ssize_t n = read(STDIN_FILENO, &c, 1);
    if (n <= 0) {
        return false;
    }
    if (c == '\n') {
        line[len] = '\0';
        len = 0;
        obey(w, line);
    } else if (len < sizeof line - 1) {
        line[len++] = c;
    }
    return true;
}

int main(void) {
    struct wire w = {.random = 2463534242u};
    w.queue = calloc(QUEUE_MAX, sizeof *w.queue);
    if (w.queue == NULL) {
        skip("memory");
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    make_end(&w, SERVER);
    make_end(&w, CLIENT);
    printf("wire /proc/%d/fd/%d /proc/%d/fd/%d\n", (int)getpid(), w.namespaces[SERVER],
           (int)getpid(), w.namespaces[CLIENT]);
    for (;;) {
        int timeout = give_packets(&w);
        struct pollfd fds[] = {{.fd = w.tun[SERVER], .events = POLLIN},
                               {.fd = w.tun[CLIENT], .events = POLLIN},
                               {.fd = STDIN_FILENO, .events = POLLIN}};
        (void)poll(fds, 3, timeout);
        take_packets(&w, SERVER);
        take_packets(&w, CLIENT);
        if (fds[2].revents != 0 && !take_commands(&w)) {
            break;
        }
    }
    free(w.queue);
    return 0;
}
