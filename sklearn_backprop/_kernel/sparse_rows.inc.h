/* What is in a sparse row: CSR, without entries that repeat a column. */

typedef struct {
    const REAL *values;
    const void *columns;
    int wide;
    ptrdiff_t start, stop; /* the entries of the row */
} NAME(row);

INLINE ptrdiff_t NAME(index)(const void *indices, int wide, ptrdiff_t i)
{
    return wide ? (ptrdiff_t)((const int64_t *)indices)[i]
                : (ptrdiff_t)((const int32_t *)indices)[i];
}

INLINE NAME(row) NAME(row_of)(const samples *data, ptrdiff_t i)
{
    const int wide = data->wide_indices;
    return (NAME(row)){data->X, data->indices, wide,
                       NAME(index)(data->indptr, wide, i),
                       NAME(index)(data->indptr, wide, i + 1)};
}

/* for each entry e of a row, with its column j */
#define EACH_ENTRY(row)                                                                 \
    for (ptrdiff_t e = (row).start, j; e < (row).stop                                   \
         && (j = NAME(index)((row).columns, (row).wide, e), 1); e++)

/* μ_j, the mean in units of the standard deviation, or 0 where column j is far */
INLINE double NAME(implicit_mean)(const samples *data, ptrdiff_t j)
{
    return is_far(data, j) ? 0 : data->mean[j] * data->scale[j];
}

/* a value of column j in training units but for the implicit mean */
INLINE double NAME(in_training_units)(const samples *data, ptrdiff_t j, double value)
{
    const double scale = data->scale[j], mean = data->mean[j];
    return is_far(data, j) ? (value - mean) * scale : value * scale;
}

/* x̃ = (1, (x - mean) × scale), with every zero written out */
static void NAME(spread_row)(const samples *data, ptrdiff_t i, ptrdiff_t d, REAL *x)
{
    const NAME(row) row = NAME(row_of)(data, i);

    x[0] = 1;
    for (ptrdiff_t j = 0; j < d; j++) {
        x[j + 1] = (REAL)((0 - data->mean[j]) * data->scale[j]);
    }
    EACH_ENTRY(row) {
        x[j + 1] = (REAL)(((double)row.values[e] - data->mean[j]) * data->scale[j]);
    }
}
