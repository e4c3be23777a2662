/* The inputs of a block of samples: x̃ in training units, in the order in which a pass
 * over W reads them. */

#ifndef SKLEARN_BACKPROP_BLOCK_INPUTS_H
#define SKLEARN_BACKPROP_BLOCK_INPUTS_H

#include <string.h>

#include "sparse_row.h"
#include "vector.h"

/* x_tilde[s][j], with x̃ = (1, (x - mean) × scale), for `count` samples, starting at
 * the first. Each sample takes up whole tiles; their padding is left as it is. */
INLINE void standardize_strided(const samples *data, ptrdiff_t column_stride,
                                ptrdiff_t first, ptrdiff_t count, ptrdiff_t d,
                                real *restrict x_tilde)
{
    const ptrdiff_t length = padded(d + 1, sizeof(real));
    const double *restrict mean = data->mean;
    const double *restrict scale = data->scale;

    for (ptrdiff_t s = 0; s < count; s++, x_tilde += length) {
        const ptrdiff_t i = row_at(&data->order, first + s);
        const real *restrict row = (const real *)data->X + i * data->row_stride;
        x_tilde[0] = 1;
        for (ptrdiff_t j = 0; j < d; j++) {
            x_tilde[j + 1] =
                (real)(((double)row[j * column_stride] - mean[j]) * scale[j]);
        }
    }
}

/* the same for a block of m samples, where samples beyond `count` are 0 */
static void standardize(const samples *data, ptrdiff_t first, ptrdiff_t count,
                        ptrdiff_t m, ptrdiff_t d, real *x_tilde)
{
    const ptrdiff_t length = padded(d + 1, sizeof(real));

    if (count < m) {
        memset(x_tilde + count * length, 0, (m - count) * length * sizeof(real));
    }
    if (data->indptr) {
        for (ptrdiff_t s = 0; s < count; s++) {
            spread_row(data, row_at(&data->order, first + s), d, x_tilde + s * length);
        }
    } else if (data->column_stride == 1) {
        standardize_strided(data, 1, first, count, d, x_tilde);
    } else {
        standardize_strided(data, data->column_stride, first, count, d, x_tilde);
    }
}

/* x[j][s] = x̃_s[j], so that a sweep reads its inputs sequentially */
INLINE void transpose(const real *restrict x_tilde, ptrdiff_t m, ptrdiff_t d,
                      real *restrict x)
{
    const ptrdiff_t length = padded(d + 1, sizeof(real));

    for (ptrdiff_t j = 0; j <= d; j++) {
        EACH(s, m)
            x[j * m + s] = x_tilde[s * length + j];
    }
}

/* the same, with sample s multiplied by inputs[s], and its constant input by bias[s] */
INLINE void transpose_scaled(const real *restrict x_tilde, ptrdiff_t m, ptrdiff_t d,
                             const real *bias, const real *inputs, real *restrict x)
{
    const ptrdiff_t length = padded(d + 1, sizeof(real));

    EACH(s, m)
        x[s] = x_tilde[s * length] * bias[s];
    for (ptrdiff_t j = 1; j <= d; j++) {
        EACH(s, m)
            x[j * m + s] = x_tilde[s * length + j] * inputs[s];
    }
}

#endif
