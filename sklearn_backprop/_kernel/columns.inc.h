/* The columns of X: their mean and spread, and whether they stay in range. */

#define COLUMNS 256 /* taken together, or a row would be fetched often */

/* `width` columns from the first on. X with neighbouring columns is read row by row;
 * column_stride is then known at compile time. */
INLINE int NAME(moments_of_columns)(const examples *data, ptrdiff_t column_stride,
                                    ptrdiff_t n, ptrdiff_t first, ptrdiff_t width,
                                    double *mean, double *std, interrupted ask)
{
    const REAL *const X = (const REAL *)data->X + first * column_stride;
    double low[COLUMNS], high[COLUMNS], unit[COLUMNS], sum[COLUMNS] = {0};
    double squares[COLUMNS] = {0};
    const ptrdiff_t stretch = 1 + PATIENCE / width;

#define ROWS                                                                            \
    for (ptrdiff_t i = 0; i < n; i++) {                                                 \
        const REAL *const row = X + row_at(data->order, i) * data->row_stride;          \
        const ptrdiff_t later = row_at(data->order, MIN(i + 8, n - 1));                 \
        __builtin_prefetch(X + later * data->row_stride);                               \
        __builtin_prefetch(X + later * data->row_stride + (width - 1) * column_stride); \
        if (i % stretch == stretch - 1 && ask()) {                                    \
            return -1;                                                                  \
        }                                                                               \
        for (ptrdiff_t j = 0; j < width; j++) {                                         \
            const double x = row[j * column_stride];
#define END_ROWS                                                                        \
        }                                                                               \
    }

    for (ptrdiff_t j = 0; j < width; j++) {
        low[j] = INFINITY;
        high[j] = -INFINITY;
    }
    ROWS
        low[j] = x < low[j] ? x : low[j];
        high[j] = x > high[j] ? x : high[j];
    END_ROWS
    for (ptrdiff_t j = 0; j < width; j++) {
        int exponent = 0;
        mean[j] = low[j] / 2 + high[j] / 2;
        frexp(high[j] / 2 - low[j] / 2, &exponent);
        unit[j] = ldexp(1, exponent > -1022 ? -exponent : 1022);
    }
    ROWS
        sum[j] += (x - mean[j]) * unit[j];
    END_ROWS
    for (ptrdiff_t j = 0; j < width; j++) {
        mean[j] += sum[j] / (double)n / unit[j];
    }
    ROWS
        const double u = (x - mean[j]) * unit[j];
        squares[j] += u * u;
    END_ROWS
    for (ptrdiff_t j = 0; j < width; j++) {
        std[j] = sqrt(squares[j] / (double)n) / unit[j];
        if (low[j] == high[j] || !isfinite((REAL)(1 / std[j]))) {
            mean[j] = low[j];
            std[j] = 1;
        }
    }
    return 0;
#undef ROWS
#undef END_ROWS
}

/* Sums run over the rows in their order. Values enter them relative to the middle of
 * their column's range and times a power of two that makes half that range about 1, so
 * that nothing overflows, underflows or cancels, whatever the scale of the data; the spread has a pass of its
 * own. A column without spread, or whose 1 / std is beyond REAL, gets std 1. */
static int NAME(moments)(const examples *data, ptrdiff_t n, ptrdiff_t d, double *mean,
                         double *std, interrupted ask)
{
    const int neighbours = data->column_stride == 1;
    const ptrdiff_t group = neighbours ? COLUMNS : 1;

    for (ptrdiff_t first = 0; first < d; first += group) {
        const ptrdiff_t width = d - first < group ? d - first : group;
        const int result =
            neighbours ? NAME(moments_of_columns)(data, 1, n, first, width, mean + first,
                                                  std + first, ask)
                       : NAME(moments_of_columns)(data, data->column_stride, n, first, 1,
                                                  mean + first, std + first, ask);
        if (result) {
            return result;
        }
    }
    return 0;
}

static ptrdiff_t NAME(first_beyond)(const examples *data, ptrdiff_t n, ptrdiff_t d,
                                    interrupted ask)
{
    const REAL *const X = data->X;
    const int neighbours = data->column_stride == 1;
    const ptrdiff_t stretch = 1 + PATIENCE / d;

    for (ptrdiff_t start = 0; start < n; start += stretch) {
        ptrdiff_t found = start + stretch < n ? start + stretch : n;
        const ptrdiff_t stop = found;
        if (start && ask()) {
            return -1;
        }
        /* the inner loop runs over what lies together in memory */
        for (ptrdiff_t j = 0; !neighbours && j < d; j++) {
            const double mean = data->mean[j], scale = data->scale[j];
            const REAL *const column = X + j * data->column_stride;
            for (ptrdiff_t i = start; i < found; i++) {
                if (fabs((column[i * data->row_stride] - mean) * scale) > LIMIT) {
                    found = i;
                }
            }
        }
        for (ptrdiff_t i = start; neighbours && i < found; i++) {
            const REAL *const row = X + i * data->row_stride;
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

#undef COLUMNS
