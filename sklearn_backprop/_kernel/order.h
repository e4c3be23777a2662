/* In which order the examples of an epoch are presented: integer arithmetic alone, so
 * the same on every machine. Functions that can take long ask now and then whether to
 * go on, and return -1 if not; see kernel.h. */

#ifndef SKLEARN_BACKPROP_ORDER_H
#define SKLEARN_BACKPROP_ORDER_H

#include "kernel.h"

/* hashes[i] = 64 bits that depend on the values of row i of X (n, d) and of y, and on
 * nothing else: -0 counts as 0, and values of 0 in X leave no trace. */
int hash_rows_f32(const float *X, ptrdiff_t row_stride, ptrdiff_t column_stride,
                  const double *y, ptrdiff_t n, ptrdiff_t d, uint64_t *hashes,
                  interrupted);
int hash_rows_f64(const double *X, ptrdiff_t row_stride, ptrdiff_t column_stride,
                  const double *y, ptrdiff_t n, ptrdiff_t d, uint64_t *hashes,
                  interrupted);

/* Sort keys in place, and rows with them. */
int sort_rows_narrow(uint64_t *keys, uint32_t *rows, ptrdiff_t n, interrupted);
int sort_rows_wide(uint64_t *keys, uint64_t *rows, ptrdiff_t n, interrupted);

/* Put rows into a uniformly random order that is a function of seed and epoch alone. */
int shuffle_narrow(uint32_t *rows, ptrdiff_t n, uint64_t seed, uint64_t epoch,
                   interrupted);
int shuffle_wide(uint64_t *rows, ptrdiff_t n, uint64_t seed, uint64_t epoch,
                 interrupted);

#endif
