/* Hash, sort and shuffle rows; see order.h. */

#include <string.h>

#include "order.h"

#define PATIENCE ((ptrdiff_t)1 << 20) /* steps between two questions */

/* SplitMix64 (Steele, Lea and Flood, 2014) */
static uint64_t mix(uint64_t bits)
{
    bits = (bits ^ (bits >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    bits = (bits ^ (bits >> 27)) * UINT64_C(0x94d049bb133111eb);
    return bits ^ (bits >> 31);
}

#define GOLDEN UINT64_C(0x9e3779b97f4a7c15)

static uint64_t next_random(uint64_t *state)
{
    return mix(*state += GOLDEN);
}

/* ------------------------------------------------------------------------- hash */

/* A value at a place; 0 for a value of 0, so that sparse rows hash as dense ones do. */
static inline uint64_t hash_value(double value, uint64_t place)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return value == 0 ? 0 : mix(bits + place * GOLDEN);
}

/* A row's hash is a sum over its values, so that they may be taken in any order: the
 * inner loop runs over what lies together in memory. */
#define DEFINE_HASH_ROWS(REAL, SUFFIX)                                                  \
    int hash_rows_##SUFFIX(const REAL *X, ptrdiff_t row_stride, ptrdiff_t column_stride, \
                           const double *y, ptrdiff_t n, ptrdiff_t d, uint64_t *hashes, \
                           interrupted ask)                                             \
    {                                                                                   \
        const ptrdiff_t stretch = 1 + PATIENCE / d;                                     \
        for (ptrdiff_t start = 0; start < n; start += stretch) {                        \
            const ptrdiff_t stop = start + stretch < n ? start + stretch : n;           \
            if (start && ask()) {                                                       \
                return -1;                                                              \
            }                                                                           \
            for (ptrdiff_t i = start; i < stop; i++) {                                  \
                uint64_t hash = hash_value(y[i], 0);                                    \
                for (ptrdiff_t j = 0; column_stride == 1 && j < d; j++) {               \
                    hash += hash_value(X[i * row_stride + j], 1 + (uint64_t)j);         \
                }                                                                       \
                hashes[i] = hash;                                                       \
            }                                                                           \
            for (ptrdiff_t j = 0; column_stride != 1 && j < d; j++) {                   \
                const REAL *const column = X + j * column_stride;                       \
                for (ptrdiff_t i = start; i < stop; i++) {                              \
                    hashes[i] += hash_value(column[i * row_stride], 1 + (uint64_t)j);   \
                }                                                                       \
            }                                                                           \
            for (ptrdiff_t i = start; i < stop; i++) {                                  \
                hashes[i] = mix(hashes[i]);                                             \
            }                                                                           \
        }                                                                               \
        return 0;                                                                       \
    }

DEFINE_HASH_ROWS(float, f32)
DEFINE_HASH_ROWS(double, f64)

/* ------------------------------------------------------------- sort and shuffle */

#define FEW 24    /* are sorted by insertion */
#define DIGITS 8  /* at most, of a key, tell buckets apart */

/* Radix sort in place from the highest bits down ("American flag"). Keys are hashes, so
 * that as many bits as leave a few keys to a bucket tell nearly all of them apart. */
#define DEFINE_ORDER(ROW, SUFFIX)                                                       \
    static void insertion_sort_##SUFFIX(uint64_t *keys, ROW *rows, ptrdiff_t n)         \
    {                                                                                   \
        for (ptrdiff_t i = 1; i < n; i++) {                                             \
            const uint64_t key = keys[i];                                               \
            const ROW row = rows[i];                                                    \
            ptrdiff_t k = i;                                                            \
            for (; k > 0 && keys[k - 1] > key; k--) {                                   \
                keys[k] = keys[k - 1];                                                  \
                rows[k] = rows[k - 1];                                                  \
            }                                                                           \
            keys[k] = key;                                                              \
            rows[k] = row;                                                              \
        }                                                                               \
    }                                                                                   \
                                                                                        \
    /* by the lowest `bits` bits alone: those above are equal */                        \
    static int radix_sort_##SUFFIX(uint64_t *keys, ROW *rows, ptrdiff_t n, int bits,    \
                                   interrupted ask)                                     \
    {                                                                                   \
        ptrdiff_t stop[1 << DIGITS] = {0}, next[1 << DIGITS];                           \
        int digits = 1;                                                                 \
        if (n <= FEW) {                                                                 \
            insertion_sort_##SUFFIX(keys, rows, n);                                     \
            return 0;                                                                   \
        }                                                                               \
        while (digits < DIGITS && digits < bits && n >> digits > FEW / 2) {             \
            digits++;                                                                   \
        }                                                                               \
        const int shift = bits - digits, buckets = 1 << digits;                         \
        for (ptrdiff_t i = 0; i < n; i++) {                                             \
            stop[keys[i] >> shift & (buckets - 1)]++;                                   \
        }                                                                               \
        for (ptrdiff_t bucket = 0, start = 0; bucket < buckets; bucket++) {             \
            next[bucket] = start;                                                       \
            start = stop[bucket] += start;                                              \
        }                                                                               \
        for (ptrdiff_t bucket = 0, steps = 1; bucket < buckets; bucket++) {             \
            for (; next[bucket] < stop[bucket]; steps++) {                              \
                const ptrdiff_t here = next[bucket];                                    \
                const uint64_t key = keys[here];                                        \
                const ptrdiff_t there = next[key >> shift & (buckets - 1)]++;           \
                const ROW row = rows[here];                                             \
                keys[here] = keys[there];                                               \
                rows[here] = rows[there];                                               \
                keys[there] = key;                                                      \
                rows[there] = row;                                                      \
                if (steps % PATIENCE == 0 && ask()) {                                   \
                    return -1;                                                          \
                }                                                                       \
            }                                                                           \
        }                                                                               \
        for (ptrdiff_t bucket = 0, start = 0; shift && bucket < buckets; bucket++) {    \
            const ptrdiff_t size = stop[bucket] - start;                                \
            if (size > PATIENCE / 256 && ask()) {                                       \
                return -1;                                                              \
            }                                                                           \
            if (radix_sort_##SUFFIX(keys + start, rows + start, size, shift, ask)) {    \
                return -1;                                                              \
            }                                                                           \
            start = stop[bucket];                                                       \
        }                                                                               \
        return 0;                                                                       \
    }                                                                                   \
                                                                                        \
    int sort_rows_##SUFFIX(uint64_t *keys, ROW *rows, ptrdiff_t n, interrupted ask)     \
    {                                                                                   \
        return radix_sort_##SUFFIX(keys, rows, n, 64, ask);                             \
    }                                                                                   \
                                                                                        \
    /* Fisher and Yates */                                                              \
    int shuffle_##SUFFIX(ROW *rows, ptrdiff_t n, uint64_t seed, uint64_t epoch,         \
                         interrupted ask)                                               \
    {                                                                                   \
        uint64_t state = seed;                                                          \
        state = next_random(&state) + epoch;                                            \
        state = next_random(&state);                                                    \
        for (ptrdiff_t i = n - 1; i > 0; i--) {                                         \
            /* uniform below i + 1: 53 random bits as a fraction of 1, times i + 1 */   \
            const double fraction = (double)(next_random(&state) >> 11) * 0x1p-53;      \
            const ptrdiff_t k = (ptrdiff_t)(fraction * (double)(i + 1));                \
            const ROW swap = rows[i];                                                   \
            rows[i] = rows[k];                                                          \
            rows[k] = swap;                                                             \
            if (i % PATIENCE == 0 && ask()) {                                           \
                return -1;                                                              \
            }                                                                           \
        }                                                                               \
        return 0;                                                                       \
    }

DEFINE_ORDER(uint32_t, narrow)
DEFINE_ORDER(uint64_t, wide)
