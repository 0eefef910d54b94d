/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "suggest.h"

#include <string.h>

/* Longer words are not compared. */
enum { WORD_BYTES = 40 };

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Restricted edit distance of Damerau and Levenshtein, by rows. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len) {
    size_t rows[3][WORD_BYTES + 1] = {{0}};
    size_t *before = rows[0];
    size_t *above = rows[1];
    size_t *row = rows[2];
    for (size_t j = 0; j <= b_len; j++) {
        above[j] = j;
    }
    for (size_t i = 1; i <= a_len; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t replaced = above[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = smaller(replaced, smaller(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = smaller(row[j], before[j - 2] + 1);
            }
        }
        size_t *oldest = before;
        before = above;
        above = row;
        row = oldest;
    }
    return above[b_len];
}

void suggestion_try(struct suggestion *s, const char *word, const char *candidate) {
    size_t word_len = strlen(word);
    size_t candidate_len = strlen(candidate);
    if (word_len == 0 || word_len > WORD_BYTES || candidate_len > WORD_BYTES) {
        return;
    }
    size_t d = distance(word, word_len, candidate, candidate_len);
    size_t near_enough = 1 + candidate_len / 4;
    if (d <= near_enough && (s->best == NULL || d < s->distance)) {
        s->best = candidate;
        s->distance = d;
    }
}
