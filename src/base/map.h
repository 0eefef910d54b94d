/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Hash map: a set of pointers to items that carry their own keys.
 *
 * Open addressing with linear probing, at most three quarters full. Beside each pointer stand 32
 * bits of its hash, in an array of their own: probing reads that array only, and growing or
 * removing never has to look into an item. Removal shifts the followers back, so there are no
 * tombstones. Keys are byte strings, chosen by peers; hence SipHash-1-3 under a random seed,
 * against floods of colliding keys. The map owns neither items nor keys. A key must not change
 * while its item is in the map.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

struct map {
    void **slots;     /* cap pointers, NULL where free; behind them cap uint32_t of hashes */
    uint32_t len;     /* number of items */
    uint32_t cap;     /* number of slots: 0 or a power of two */
    uint64_t seed[2]; /* key of the hash function */
    const char *(*key)(const void *item, size_t *ret_len);
};

/**
 * Makes an empty map; allocates nothing.
 *
 * @param key   tells an item's key and its length in bytes; borrowed from the item
 * @param seed  16 random bytes that peers cannot know
 */
void sio__map_init(struct map *m, const char *(*key)(const void *item, size_t *ret_len),
                   const uint64_t seed[2]);

/** Frees the memory of the map, not the items; it is then empty and usable. NULL is fine. */
void sio__map_done(struct map *m);

/** Finds the item with the key of len bytes; NULL when there is none. */
void *sio__map_find(const struct map *m, const void *key, size_t len);

/** Adds an item. @return 0; SIO_ERR_EXISTS when its key is there, SIO_ERR_NOMEM */
int sio__map_insert(struct map *m, void *item);

/** Takes out and returns the item with the key; NULL when there is none. May free memory. */
void *sio__map_remove(struct map *m, const void *key, size_t len);

/**
 * Walks over all items, in no order. The map must not change meanwhile.
 *
 * @param cursor  0 at first; kept by the caller, moved by this function
 * @return the next item, NULL at the end
 */
void *sio__map_next(const struct map *m, uint32_t *cursor);

/** SipHash-1-3 of the key, with the seed as its 128-bit key (words in little-endian order). */
uint64_t sio__map_hash(const uint64_t seed[2], const void *key, size_t len);

#endif /* BASE_MAP_H */
