/* Access to a sparse row of CSR, in which no column is repeated. */

#ifndef SKLEARN_BACKPROP_SPARSE_ROW_H
#define SKLEARN_BACKPROP_SPARSE_ROW_H

#include "kernel.h"
#include "real.h"

typedef struct {
    const real *values;
    const void *columns;
    int wide;
    ptrdiff_t start, stop; /* where the values of the row are */
} sparse_row;

INLINE ptrdiff_t index_at(const void *indices, int wide, ptrdiff_t i)
{
    return wide ? (ptrdiff_t)((const int64_t *)indices)[i]
                : (ptrdiff_t)((const int32_t *)indices)[i];
}

INLINE sparse_row row_of(const samples *data, ptrdiff_t i)
{
    const int wide = data->wide_indices;
    return (sparse_row){data->X, data->indices, wide, index_at(data->indptr, wide, i),
                        index_at(data->indptr, wide, i + 1)};
}

INLINE ptrdiff_t column_at(const sparse_row *row, ptrdiff_t e)
{
    return index_at(row->columns, row->wide, e);
}

/* Count the values of one more row. Returns whether to end: `ask` is called after about
 * every PATIENCE values. */
INLINE int ends_at(const sparse_row *row, ptrdiff_t *seen, interrupted ask)
{
    *seen += 1 + row->stop - row->start;
    if (*seen <= PATIENCE) {
        return 0;
    }
    *seen = 0;
    return ask();
}

/* μ_j, the mean in units of the standard deviation, or 0 if column j is far from 0 */
INLINE double implicit_mean(const samples *data, ptrdiff_t j)
{
    return is_far(data, j) ? 0 : data->mean[j] * data->scale[j];
}

/* a value of column j in training units, without subtracting the implicit mean */
INLINE double in_training_units(const samples *data, ptrdiff_t j, double value)
{
    const double scale = data->scale[j], mean = data->mean[j];
    return is_far(data, j) ? (value - mean) * scale : value * scale;
}

/* x̃ = (1, (x - mean) × scale), with every zero written out */
static void spread_row(const samples *data, ptrdiff_t i, ptrdiff_t d, real *x)
{
    const sparse_row row = row_of(data, i);

    x[0] = 1;
    for (ptrdiff_t j = 0; j < d; j++) {
        x[j + 1] = (real)((0 - data->mean[j]) * data->scale[j]);
    }
    for (ptrdiff_t e = row.start; e < row.stop; e++) {
        const ptrdiff_t j = column_at(&row, e);
        x[j + 1] = (real)(((double)row.values[e] - data->mean[j]) * data->scale[j]);
    }
}

#endif
