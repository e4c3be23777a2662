/* Sort and shuffle rows; see order.h. */

#include <string.h>

#include "mix.h"
#include "order.h"

static uint64_t next_random(uint64_t *state)
{
    return mix(*state += GOLDEN);
}

#define SHORT 24 /* arrays up to this length are sorted by insertion */
#define DIGITS 8 /* at most so many bits select a bucket; a call takes 4 KB of stack */

static void insertion_sort(uint64_t *keys, int64_t *rows, ptrdiff_t n)
{
    for (ptrdiff_t i = 1; i < n; i++) {
        const uint64_t key = keys[i];
        const int64_t row = rows[i];
        ptrdiff_t k = i;
        for (; k > 0 && keys[k - 1] > key; k--) {
            keys[k] = keys[k - 1];
            rows[k] = rows[k - 1];
        }
        keys[k] = key;
        rows[k] = row;
    }
}

/* Radix sort in place, from the highest bits down ("American flag"). Keys are hashes,
 * so nearly all of them differ in the first bits, if these are enough bits to leave
 * only a few keys per bucket. Only the lowest `bits` bits count: those above are
 * equal. */
static int radix_sort(uint64_t *keys, int64_t *rows, ptrdiff_t n, int bits,
                      interrupted ask)
{
    ptrdiff_t stop[1 << DIGITS], next[1 << DIGITS];
    int digits = 1, shift = bits;
    if (n <= SHORT) {
        insertion_sort(keys, rows, n);
        return 0;
    }
    while (digits < DIGITS && n >> digits > SHORT / 2) {
        digits++;
    }
    const int buckets = 1 << digits;
    do { /* until two buckets are in use, which never happens if all keys are equal */
        if (shift == 0) {
            return 0;
        }
        shift = shift > digits ? shift - digits : 0;
        memset(stop, 0, buckets * sizeof *stop);
        for (ptrdiff_t i = 0; i < n; i++) {
            stop[keys[i] >> shift & (buckets - 1)]++;
        }
    } while (stop[keys[0] >> shift & (buckets - 1)] == n);
    for (ptrdiff_t bucket = 0, start = 0; bucket < buckets; bucket++) {
        next[bucket] = start;
        start = stop[bucket] += start;
    }
    for (ptrdiff_t bucket = 0, steps = 1; bucket < buckets; bucket++) {
        for (; next[bucket] < stop[bucket]; steps++) {
            const ptrdiff_t here = next[bucket];
            const uint64_t key = keys[here];
            const ptrdiff_t there = next[key >> shift & (buckets - 1)]++;
            const int64_t row = rows[here];
            keys[here] = keys[there];
            rows[here] = rows[there];
            keys[there] = key;
            rows[there] = row;
            if (steps % PATIENCE == 0 && ask()) {
                return -1;
            }
        }
    }
    for (ptrdiff_t bucket = 0, start = 0; shift && bucket < buckets; bucket++) {
        const ptrdiff_t size = stop[bucket] - start;
        if (size > PATIENCE / 256 && ask()) {
            return -1;
        }
        if (radix_sort(keys + start, rows + start, size, shift, ask)) {
            return -1;
        }
        start = stop[bucket];
    }
    return 0;
}

int sort_rows(uint64_t *keys, int64_t *rows, ptrdiff_t n, interrupted ask)
{
    return radix_sort(keys, rows, n, 64, ask);
}

/* Fisher–Yates shuffle */
int shuffle_rows(int64_t *rows, ptrdiff_t n, uint64_t seed, uint64_t epoch,
                 interrupted ask)
{
    uint64_t state = seed;
    state = next_random(&state) + epoch;
    state = next_random(&state);
    for (ptrdiff_t i = n - 1; i > 0; i--) {
        /* uniform below i + 1: 53 random bits as a fraction of 1, times i + 1 */
        const double fraction = (double)(next_random(&state) >> 11) * 0x1p-53;
        const ptrdiff_t k = (ptrdiff_t)(fraction * (double)(i + 1));
        const int64_t swap = rows[i];
        rows[i] = rows[k];
        rows[k] = swap;
        if (i % PATIENCE == 0 && ask()) {
            return -1;
        }
    }
    return 0;
}
