/* A 64-bit hash of the content of a row. It uses integer arithmetic, so it is the same
 * on every CPU. */

#ifndef SKLEARN_BACKPROP_HASH_ROWS_H
#define SKLEARN_BACKPROP_HASH_ROWS_H

#include "kernel.h"
#include "mix.h"
#include "real.h"
#include "sparse_row.h"

/* Hash of a value at a place, mixed with the seed: otherwise, the sums for two seeds
 * would differ only by a constant. It is 0 for a value of 0, so that sparse rows have
 * the same hashes as dense ones. */
INLINE uint64_t hash_value(double value, uint64_t place, uint64_t seed)
{
    union {
        double value;
        uint64_t bits;
    } of = {value};
    return value == 0 ? 0 : mix(of.bits + place * GOLDEN + seed);
}

/* The end of a stretch of rows of about PATIENCE values. */
static ptrdiff_t end_of_stretch(const samples *data, ptrdiff_t start, ptrdiff_t n,
                                ptrdiff_t d, ptrdiff_t K)
{
    ptrdiff_t stop = start;

    if (!data->indptr) {
        return MIN(start + 1 + PATIENCE / (d + K), n);
    }
    for (ptrdiff_t seen = 0; stop < n && seen <= PATIENCE; stop++) {
        const sparse_row row = row_of(data, stop);
        seen += 1 + K + row.stop - row.start;
    }
    return stop;
}

/* The hash of a row is a sum over its values, so that the order does not matter: the
 * inner loop runs over contiguous memory. The sum starts with a number that depends on
 * the seed, so that the hash of a row of zeros does, too. */
static int hash_rows(const samples *data, const double *y, ptrdiff_t n, ptrdiff_t d,
                     ptrdiff_t K, uint64_t seed, uint64_t *hashes, interrupted ask)
{
    const real *const X = data->X;
    const int neighbors = data->column_stride == 1;
    const uint64_t first = mix(seed + GOLDEN), of_values = mix(first + GOLDEN);

    for (ptrdiff_t start = 0, stop; start < n; start = stop) {
        stop = end_of_stretch(data, start, n, d, K);
        if (start && ask()) {
            return -1;
        }
        for (ptrdiff_t i = start; i < stop; i++) {
            hashes[i] = first;
            for (ptrdiff_t k = 0; k < K; k++) {
                hashes[i] += hash_value(y[i * K + k], (uint64_t)-k, of_values);
            }
        }
        if (data->indptr) {
            for (ptrdiff_t i = start; i < stop; i++) {
                const sparse_row row = row_of(data, i);
                uint64_t hash = hashes[i];
                for (ptrdiff_t e = row.start; e < row.stop; e++) {
                    const ptrdiff_t j = column_at(&row, e);
                    hash += hash_value(row.values[e], 1 + (uint64_t)j, of_values);
                }
                hashes[i] = hash;
            }
        } else if (neighbors) {
            for (ptrdiff_t i = start; i < stop; i++) {
                const real *const row = X + i * data->row_stride;
                uint64_t hash = hashes[i];
                for (ptrdiff_t j = 0; j < d; j++) {
                    hash += hash_value(row[j], 1 + (uint64_t)j, of_values);
                }
                hashes[i] = hash;
            }
        } else {
            for (ptrdiff_t j = 0; j < d; j++) {
                const real *const column = X + j * data->column_stride;
                for (ptrdiff_t i = start; i < stop; i++) {
                    hashes[i] += hash_value(column[i * data->row_stride],
                                            1 + (uint64_t)j, of_values);
                }
            }
        }
        for (ptrdiff_t i = start; i < stop; i++) {
            hashes[i] = mix(hashes[i]);
        }
    }
    return 0;
}

#endif
