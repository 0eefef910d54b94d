/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "pump.h"

#include <poll.h>
#include <signal.h>
#include <time.h>

enum { CLOSE_MS = 3000, DRAIN_MS = 100 };

static const struct {
    int number;
    unsigned event;
} signals[] = {
    {SIGINT, PUMP_INT},
    {SIGTERM, PUMP_TERM},
    {SIGWINCH, PUMP_RESIZED},
    {SIGCONT, PUMP_RESIZED},
};

enum { SIGNALS = sizeof signals / sizeof signals[0] };

/* What came since pump_wait() looked; written by the handler, which gets no argument. */
static volatile sig_atomic_t pending;

static void on_signal(int number) {
    for (int i = 0; i < SIGNALS; i++) {
        if (signals[i].number == number) {
            pending |= (sig_atomic_t)signals[i].event;
        }
    }
}

static void mask_signals(int how) {
    sigset_t set;
    sigemptyset(&set);
    for (int i = 0; i < SIGNALS; i++) {
        sigaddset(&set, signals[i].number);
    }
    sigprocmask(how, &set, NULL);
}

static void handle_signals(void (*handler)(int)) {
    struct sigaction action = {.sa_handler = handler};
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < SIGNALS; i++) {
        sigaction(signals[i].number, &action, NULL);
    }
}

void pump_start(void) {
    signal(SIGPIPE, SIG_IGN);
    mask_signals(SIG_BLOCK);
    handle_signals(on_signal);
}

/* Sleeps until something happens, or until the client's time has come; at most max_ms. */
static short sleep_for(struct pump *p, int max_ms) {
    struct pollfd fds[2] = {{.fd = sio_client_fd(p->client), .events = POLLIN},
                            {.fd = p->input, .events = POLLIN}};
    int ms = sio_client_timeout(p->client);
    if (max_ms >= 0 && (ms < 0 || ms > max_ms)) {
        ms = max_ms;
    }
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    sigset_t none;
    sigemptyset(&none);
    return ppoll(fds, 2, ms < 0 ? NULL : &time, &none) > 0 ? fds[1].revents : 0;
}

unsigned pump_wait(struct pump *p) {
    unsigned events = 0;
    while (events == 0) {
        sio_client_tick(p->client);
        if (p->over) {
            return PUMP_OVER;
        }
        if (p->before_sleep != NULL) {
            p->before_sleep(p->user);
        }
        short input = sleep_for(p, -1);
        sio_client_tick(p->client);
        events = (unsigned)pending;
        pending = 0;
        if (p->input >= 0 && input != 0) {
            events |= PUMP_INPUT;
        }
        if (p->over) {
            events |= PUMP_OVER;
        }
    }
    return events;
}

static long now(void) {
    struct timespec time = {0};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

void pump_drain(struct pump *p, const sio_socket *s) {
    long end = now() + DRAIN_MS;
    p->input = -1;
    while (!p->over && pending == 0 && now() < end) {
        sleep_for(p, (int)(end - now()));
        sio_client_tick(p->client);
        if (sio_socket_connected(s) && sio_socket_pending_bytes(s) > 0) {
            end = now() + DRAIN_MS;
        }
    }
}

void pump_close(struct pump *p) {
    long end = now() + CLOSE_MS;
    handle_signals(SIG_DFL);
    mask_signals(SIG_UNBLOCK);
    p->input = -1;
    sio_client_close(p->client);
    sio_client_tick(p->client);
    while (sio_client_state(p->client) != SIO_CLIENT_CLOSED && now() < end) {
        sleep_for(p, (int)(end - now()));
        sio_client_tick(p->client);
    }
}
