/* The order in which the samples of an epoch are used. It uses only integer arithmetic,
 * so the order is the same on every machine. Functions that can take long ask now and
 * then whether to continue, and return -1 if not; see kernel.h. */

#ifndef SKLEARN_BACKPROP_ORDER_H
#define SKLEARN_BACKPROP_ORDER_H

#include "kernel.h"

/* Sort keys in place, and rows with them. */
int sort_rows(uint64_t *keys, int64_t *rows, ptrdiff_t n, interrupted);

/* Put rows into a uniformly random order that depends only on seed and epoch. */
int shuffle_rows(int64_t *rows, ptrdiff_t n, uint64_t seed, uint64_t epoch,
                 interrupted);

#endif
