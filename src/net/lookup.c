/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "net/lookup.h"

#include <sio/error.h>

#include "base/alloc.h"

struct lookup {
    uv_getaddrinfo_t request;
    struct reactor *reactor;
    lookup_fn on_done; /* NULL: given up */
    void *owner;
};

static bool is_internet(const struct addrinfo *info) {
    return info->ai_family == AF_INET || info->ai_family == AF_INET6;
}

static void on_answer(uv_getaddrinfo_t *request, int status, struct addrinfo *list) {
    struct lookup *l = SIO_CONTAINER_OF(request, struct lookup, request);
    struct reactor *r = l->reactor;
    const struct addrinfo *first = list;
    while (first != NULL && !is_internet(first)) {
        first = first->ai_next;
    }
    if (status == 0 && first == NULL) {
        status = UV_EAI_NODATA;
    }
    if (l->on_done != NULL) {
        lookup_fn on_done = l->on_done;
        l->on_done = NULL;
        on_done(l->owner, status, first);
    }
    uv_freeaddrinfo(list);
    sio__free(l);
    r->lookups--;
    sio__reactor_drop(r);
}

int sio__lookup_start(struct reactor *r, const char *name, lookup_fn on_done, void *owner,
                      struct lookup **ret_lookup) {
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct lookup *l = sio__calloc(1, sizeof *l);
    if (l == NULL) {
        return SIO_ERR_NOMEM;
    }
    l->reactor = r;
    l->on_done = on_done;
    l->owner = owner;
    int status = uv_getaddrinfo(r->loop, &l->request, on_answer, name, NULL, &hints);
    if (status < 0) {
        sio__free(l);
        return status;
    }
    sio__reactor_hold(r);
    r->lookups++;
    *ret_lookup = l;
    return 0;
}

void sio__lookup_cancel(struct lookup *l) {
    if (l == NULL || l->on_done == NULL) {
        return;
    }
    l->on_done = NULL;
    (void)uv_cancel((uv_req_t *)&l->request); /* only works while it is queued */
}
