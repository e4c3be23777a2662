/* A fresh random order of an epoch: Fisher and Yates, with random numbers that are a
 * function of seed and epoch alone. SplitMix64 (Steele, Lea and Flood, 2014) supplies
 * them: integer arithmetic, so the same order on every machine. */

#ifndef SKLEARN_BACKPROP_SHUFFLE_H
#define SKLEARN_BACKPROP_SHUFFLE_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t split_mix(uint64_t *state)
{
    uint64_t bits = *state += UINT64_C(0x9e3779b97f4a7c15);
    bits = (bits ^ (bits >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    bits = (bits ^ (bits >> 27)) * UINT64_C(0x94d049bb133111eb);
    return bits ^ (bits >> 31);
}

static inline void shuffle(ptrdiff_t *order, ptrdiff_t n, uint64_t seed, uint64_t epoch)
{
    uint64_t state = seed;
    state = split_mix(&state) + epoch;
    state = split_mix(&state);
    for (ptrdiff_t i = n - 1; i > 0; i--) {
        /* uniform below i + 1: 53 random bits as a fraction of 1, times i + 1 */
        const double fraction = (double)(split_mix(&state) >> 11) * 0x1p-53;
        const ptrdiff_t k = (ptrdiff_t)(fraction * (double)(i + 1));
        const ptrdiff_t swap = order[i];
        order[i] = order[k];
        order[k] = swap;
    }
}

#endif
