/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Hash map with linear probing over an array of hashes.
 *
 * Invariants: hashes[i] is 0 exactly where slots[i] is NULL; at least a quarter is free, so every
 * probe ends; walking from the home slot of an item (hash & mask) to the slot where it stands, no
 * free one is passed.
 */
#include "base/map.h"

#include <stdbool.h>
#include <string.h>

#include <sio/error.h>

#include "base/alloc.h"

#define FIRST_CAP 8u
#define CAP_MAX   (UINT32_C(1) << 31)
#define NOT_FOUND UINT32_MAX

/* ---- SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF") ---- */

static uint64_t load_le64(const uint8_t *p) {
    uint64_t word;
    memcpy(&word, p, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

static uint64_t load_le32(const uint8_t *p) {
    uint32_t word;
    memcpy(&word, p, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap32(word);
#endif
    return word;
}

/*
 * The n bytes at p, the last 1 to 7 of a key, as a number, the first byte lowest. Loads overlap
 * instead of going byte by byte. If has_word, the 8 bytes that end with them are within the key.
 */
static uint64_t load_rest(const uint8_t *p, size_t n, bool has_word) {
    if (has_word) {
        return load_le64(p + n - 8) >> (64 - 8 * n);
    }
    if (n >= 4) {
        return load_le32(p) | load_le32(p + n - 4) << (8 * (n - 4));
    }
    size_t middle = n / 2;
    return p[0] | (uint64_t)p[middle] << (8 * middle) | (uint64_t)p[n - 1] << (8 * (n - 1));
}

static inline uint64_t rotate(uint64_t word, unsigned bits) {
    return word << bits | word >> (64 - bits);
}

static inline void sip_round(uint64_t v[4]) {
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] = rotate(v[2], 32);
}

static inline void sip_word(uint64_t v[4], uint64_t word) {
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
}

uint64_t sio__map_hash(const uint64_t seed[2], const void *key, size_t len) {
    uint64_t v[4] = {
        seed[0] ^ 0x736f6d6570736575u,
        seed[1] ^ 0x646f72616e646f6du,
        seed[0] ^ 0x6c7967656e657261u,
        seed[1] ^ 0x7465646279746573u,
    };
    const uint8_t *p = key;
    uint64_t last = (uint64_t)len << 56;
    for (size_t n = len; n >= 8; n -= 8) {
        sip_word(v, load_le64(p));
        p += 8;
    }
    if (len % 8 > 0) {
        last |= load_rest(p, len % 8, len >= 8);
    }
    sip_word(v, last);
    v[2] ^= 0xff;
    sip_round(v);
    sip_round(v);
    sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* ---- table ---- */

static uint32_t *hashes_of(void **slots, uint32_t cap) {
    return (uint32_t *)(void *)(slots + cap);
}

/* 32 bits, never 0: that marks a free slot. */
static uint32_t short_hash(const struct map *m, const void *key, size_t len) {
    uint32_t hash = (uint32_t)sio__map_hash(m->seed, key, len);
    return hash != 0 ? hash : 1;
}

static bool has_key(const struct map *m, const void *item, const void *key, size_t len) {
    size_t item_len;
    const char *item_key = m->key(item, &item_len);
    return item_len == len && (len == 0 || memcmp(item_key, key, len) == 0);
}

static uint32_t locate(const struct map *m, uint32_t hash, const void *key, size_t len) {
    if (m->len == 0) {
        return NOT_FOUND;
    }
    const uint32_t *hashes = hashes_of(m->slots, m->cap);
    uint32_t mask = m->cap - 1;
    uint32_t i = hash & mask;
    __builtin_prefetch(&m->slots[i]);
    for (; hashes[i] != 0; i = (i + 1) & mask) {
        if (hashes[i] == hash && has_key(m, m->slots[i], key, len)) {
            return i;
        }
    }
    return NOT_FOUND;
}

static void place(void **slots, uint32_t cap, uint32_t hash, void *item) {
    uint32_t *hashes = hashes_of(slots, cap);
    uint32_t i = hash & (cap - 1);
    while (hashes[i] != 0) {
        i = (i + 1) & (cap - 1);
    }
    hashes[i] = hash;
    slots[i] = item;
}

static int resize(struct map *m, uint32_t cap) {
    void **slots = sio__calloc(cap, sizeof(*slots) + sizeof(uint32_t));
    if (slots == NULL) {
        return SIO_ERR_NOMEM;
    }
    for (uint32_t i = 0; i < m->cap; i++) {
        uint32_t hash = hashes_of(m->slots, m->cap)[i];
        if (hash != 0) {
            place(slots, cap, hash, m->slots[i]);
        }
    }
    sio__free(m->slots);
    m->slots = slots;
    m->cap = cap;
    return 0;
}

void sio__map_init(struct map *m, const char *(*key)(const void *item, size_t *ret_len),
                   const uint64_t seed[2]) {
    *m = (struct map){.seed = {seed[0], seed[1]}, .key = key};
}

void sio__map_done(struct map *m) {
    if (m != NULL) {
        sio__free(m->slots);
        m->slots = NULL;
        m->len = 0;
        m->cap = 0;
    }
}

void *sio__map_find(const struct map *m, const void *key, size_t len) {
    if (m->len == 0) {
        return NULL;
    }
    uint32_t i = locate(m, short_hash(m, key, len), key, len);
    return i == NOT_FOUND ? NULL : m->slots[i];
}

int sio__map_insert(struct map *m, void *item) {
    size_t len;
    const char *key = m->key(item, &len);
    uint32_t hash = short_hash(m, key, len);
    if (locate(m, hash, key, len) != NOT_FOUND) {
        return SIO_ERR_EXISTS;
    }
    if (m->len >= m->cap / 4 * 3) {
        if (m->cap == CAP_MAX) {
            return SIO_ERR_NOMEM;
        }
        int r = resize(m, m->cap == 0 ? FIRST_CAP : 2 * m->cap);
        if (r < 0) {
            return r;
        }
    }
    place(m->slots, m->cap, hash, item);
    m->len++;
    return 0;
}

/* Frees slot i: followers that are not at home move up into it, one after the other. */
static void vacate(struct map *m, uint32_t i) {
    uint32_t *hashes = hashes_of(m->slots, m->cap);
    uint32_t mask = m->cap - 1;
    for (uint32_t j = (i + 1) & mask; hashes[j] != 0; j = (j + 1) & mask) {
        uint32_t from_home = (j - hashes[j]) & mask;
        uint32_t from_gap = (j - i) & mask;
        if (from_home >= from_gap) {
            hashes[i] = hashes[j];
            m->slots[i] = m->slots[j];
            i = j;
        }
    }
    hashes[i] = 0;
    m->slots[i] = NULL;
}

void *sio__map_remove(struct map *m, const void *key, size_t len) {
    if (m->len == 0) {
        return NULL;
    }
    uint32_t i = locate(m, short_hash(m, key, len), key, len);
    if (i == NOT_FOUND) {
        return NULL;
    }
    void *item = m->slots[i];
    vacate(m, i);
    m->len--;
    if (m->cap > FIRST_CAP && m->len < m->cap / 8) {
        /* Half full, then. If there is no memory for it the larger table does as well. */
        (void)resize(m, m->cap / 4 > FIRST_CAP ? m->cap / 4 : FIRST_CAP);
    }
    return item;
}

void *sio__map_next(const struct map *m, uint32_t *cursor) {
    while (*cursor < m->cap) {
        void *item = m->slots[*cursor];
        (*cursor)++;
        if (item != NULL) {
            return item;
        }
    }
    return NULL;
}
