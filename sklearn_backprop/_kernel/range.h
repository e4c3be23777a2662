/* Whether the columns of X stay in range. */

#ifndef SKLEARN_BACKPROP_RANGE_H
#define SKLEARN_BACKPROP_RANGE_H

#include "kernel.h"
#include "real.h"
#include "sparse_row.h"

/* Sparse rows are used in products both with and without their mean: both have to be in
 * range. */
static int is_beyond(const samples *data, ptrdiff_t j, double x)
{
    return fabs((x - data->mean[j]) * data->scale[j]) > LIMIT
           || fabs(in_training_units(data, j, x)) > LIMIT;
}

static ptrdiff_t first_beyond_of_sparse(const samples *data, ptrdiff_t n,
                                        interrupted ask)
{
    ptrdiff_t seen = 0;

    for (ptrdiff_t i = 0; i < n; i++) {
        const sparse_row row = row_of(data, i);
        if (ends_at(&row, &seen, ask)) {
            return -1;
        }
        for (ptrdiff_t e = row.start; e < row.stop; e++) {
            if (is_beyond(data, column_at(&row, e), row.values[e])) {
                return i;
            }
        }
    }
    return n;
}

static ptrdiff_t first_beyond(const samples *data, ptrdiff_t n, ptrdiff_t d,
                              interrupted ask)
{
    const real *const X = data->X;
    const int neighbors = data->column_stride == 1;
    const ptrdiff_t stretch = 1 + PATIENCE / d;

    if (data->indptr) {
        return first_beyond_of_sparse(data, n, ask);
    }
    for (ptrdiff_t start = 0; start < n; start += stretch) {
        ptrdiff_t found = start + stretch < n ? start + stretch : n;
        const ptrdiff_t stop = found;
        if (start && ask()) {
            return -1;
        }
        /* the inner loop runs over contiguous memory */
        for (ptrdiff_t j = 0; !neighbors && j < d; j++) {
            const double mean = data->mean[j], scale = data->scale[j];
            const real *const column = X + j * data->column_stride;
            for (ptrdiff_t i = start; i < found; i++) {
                if (fabs((column[i * data->row_stride] - mean) * scale) > LIMIT) {
                    found = i;
                }
            }
        }
        for (ptrdiff_t i = start; neighbors && i < found; i++) {
            const real *const row = X + i * data->row_stride;
            int beyond = 0;
            for (ptrdiff_t j = 0; j < d; j++) {
                beyond |= fabs((row[j] - data->mean[j]) * data->scale[j]) > LIMIT;
            }
            found = beyond ? i : found;
        }
        if (found < stop) {
            return found;
        }
    }
    return n;
}

#endif
