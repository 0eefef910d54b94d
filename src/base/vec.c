/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Growth of typed arrays.
 *
 * The caller's pointer has some type T *, of which only the address is known here. It is read and
 * written with memcpy(), since an access as void * would break the aliasing rules.
 */
#include "base/vec.h"

#include <string.h>

#include <sio/error.h>

#include "base/alloc.h"

#define FIRST_CAP 4u

static int resize(void *items, uint32_t *cap, uint32_t new_cap, size_t item_size) {
    void *old;
    memcpy(&old, items, sizeof(old));
    void *p = sio__reallocarray(old, new_cap, item_size);
    if (p == NULL) {
        return SIO_ERR_NOMEM;
    }
    memcpy(items, &p, sizeof(p));
    *cap = new_cap;
    return 0;
}

int sio__vec_grow(void *items, uint32_t *cap, uint32_t need, size_t item_size) {
    if (need == 0) {
        return SIO_ERR_NOMEM;
    }
    uint32_t new_cap = *cap > UINT32_MAX / 2 ? UINT32_MAX : 2 * *cap;
    if (new_cap < FIRST_CAP) {
        new_cap = FIRST_CAP;
    }
    if (new_cap < need) {
        new_cap = need;
    }
    return resize(items, cap, new_cap, item_size);
}

void sio__vec_shrink(void *items, uint32_t *cap, uint32_t len, size_t item_size) {
    if (len == 0) {
        void *old;
        memcpy(&old, items, sizeof(old));
        sio__free(old);
        old = NULL;
        memcpy(items, &old, sizeof(old));
        *cap = 0;
        return;
    }
    if (len < *cap / 4 && *cap > FIRST_CAP) {
        /* Twice the contents, so that the next item does not make it grow again. */
        (void)resize(items, cap, 2 * len < FIRST_CAP ? FIRST_CAP : 2 * len, item_size);
    }
}
