/* Samples, the order in which they are used, and how much each counts. */

#ifndef SKLEARN_BACKPROP_SAMPLES_H
#define SKLEARN_BACKPROP_SAMPLES_H

#include <stddef.h>
#include <stdint.h>

/* Limits for values of X in training units: training refuses values beyond them, and
 * predict clips them, so that products and sums stay finite. */
#define LIMIT_FLOAT32 1e18
#define LIMIT_FLOAT64 1e100

/* Columns whose mean is this many standard deviations from 0 have hardly any zeros. In
 * sparse X, their values are centered one by one: centering them implicitly would lose
 * digits, by a factor of the square of this number. */
#define FAR 16

/* The order in which samples are used, each repeated by its weight. Entry i is
 * entries[i], or i if entries is NULL. Without `fraction`, an entry is a row, which
 * counts in full. With it, 2 row is a row that counts in full, and 2 row + 1 is a row
 * that counts by its fraction. */
typedef struct {
    const int64_t *entries;
    const double *fraction; /* IN (n,) */
} sample_order;

/* "real" is float or double, depending on the function to which these are passed. */
typedef struct {
    const void *X;                       /* IN real (n, d), units of the user */
    ptrdiff_t row_stride, column_stride; /* of X, in items */
    /* Sparse rows: the values of row i are X[indptr[i]] up to X[indptr[i + 1] - 1], and
     * their columns are at the same places of indices. Both arrays have 64 or 32 bits.
     * They are NULL if X is dense. */
    const void *indptr, *indices;
    int wide_indices;
    const void *y;       /* IN real (n, K), training units */
    const double *mean;  /* IN (d,)  training units are (x - mean) × scale */
    const double *scale; /* IN (d,) */
    sample_order order;
} samples;

static inline int64_t entry_at(const sample_order *order, ptrdiff_t i)
{
    return order->entries ? order->entries[i] : i;
}

static inline ptrdiff_t row_at(const sample_order *order, ptrdiff_t i)
{
    const int64_t entry = entry_at(order, i);
    return (ptrdiff_t)(order->fraction ? entry >> 1 : entry);
}

/* how much entry i counts */
static inline double fraction_at(const sample_order *order, ptrdiff_t i)
{
    if (!order->fraction) {
        return 1;
    }
    const int64_t entry = entry_at(order, i);
    return entry & 1 ? order->fraction[entry >> 1] : 1;
}

/* how many values CSR has stored for the row of entry i */
static inline ptrdiff_t values_at(const samples *data, ptrdiff_t i)
{
    const ptrdiff_t row = row_at(&data->order, i);

    if (data->wide_indices) {
        const int64_t *const indptr = data->indptr;
        return (ptrdiff_t)(indptr[row + 1] - indptr[row]);
    }
    const int32_t *const indptr = data->indptr;
    return (ptrdiff_t)indptr[row + 1] - (ptrdiff_t)indptr[row];
}

/* prefetch what values_at will read */
static inline void fetch_values_at(const samples *data, ptrdiff_t i)
{
    __builtin_prefetch((const char *)data->indptr
                       + row_at(&data->order, i) * (data->wide_indices ? 8 : 4));
}

static inline int is_far(const samples *data, ptrdiff_t j)
{
    const double mu = data->mean[j] * data->scale[j];
    return mu > FAR || mu < -FAR;
}

#endif
