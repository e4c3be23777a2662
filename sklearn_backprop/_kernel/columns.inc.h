/* The columns of X: their mean and spread, and whether they stay in range. */

#define COLUMNS 256 /* taken together, or a row would be fetched often */
#define ROUNDING (4 * (sizeof(REAL) == 4 ? FLT_EPSILON : DBL_EPSILON))

/* Values enter sums relative to the middle of their column's range and times a power of
 * two that makes half that range about 1, so that nothing overflows, underflows or
 * cancels, whatever the scale of the data. */
static void NAME(choose_unit)(double low, double high, double *mean, double *unit)
{
    int exponent = 0;

    *mean = low / 2 + high / 2;
    frexp(high / 2 - low / 2, &exponent);
    *unit = ldexp(1, exponent > -1022 ? -exponent : 1022);
}

/* std is 0 in a column without spread, or whose 1 / std is beyond REAL. It is infinite
 * where all the spread is what rounding makes of one number: 1 / std is then 0. */
static void NAME(conclude_column)(double low, double high, double variance, double unit,
                                  double *mean, double *std)
{
    const int one_number = high - low <= ROUNDING * fmax(fabs(low), fabs(high));

    *std = sqrt(variance) / unit;
    if (one_number || !isfinite((REAL)(1 / *std))) {
        *mean = low;
        *std = one_number && high > low ? INFINITY : 0;
    }
}

/* of the first n entries of the order */
static double NAME(total_weight)(const samples *data, ptrdiff_t n)
{
    double total = 0;

    for (ptrdiff_t i = 0; data->order.fraction && i < n; i++) {
        total += fraction_at(&data->order, i);
    }
    return data->order.fraction ? total : (double)n;
}

/* `width` columns from the first on. X with neighboring columns is read row by row;
 * column_stride is then known at compile time. */
INLINE int NAME(moments_of_columns)(const samples *data, ptrdiff_t column_stride,
                                    ptrdiff_t n, ptrdiff_t first, ptrdiff_t width,
                                    double *mean, double *std, interrupted ask)
{
    const REAL *const X = (const REAL *)data->X + first * column_stride;
    const double total = NAME(total_weight)(data, n);
    double low[COLUMNS], high[COLUMNS], unit[COLUMNS], sum[COLUMNS] = {0};
    double squares[COLUMNS] = {0};
    const ptrdiff_t stretch = 1 + PATIENCE / width;

#define ROWS                                                                            \
    for (ptrdiff_t i = 0; i < n; i++) {                                                 \
        const REAL *const row = X + row_at(&data->order, i) * data->row_stride;         \
        const ptrdiff_t later = row_at(&data->order, MIN(i + 8, n - 1));                \
        const double fraction = fraction_at(&data->order, i);                           \
        __builtin_prefetch(X + later * data->row_stride);                               \
        __builtin_prefetch(X + later * data->row_stride + (width - 1) * column_stride); \
        if (i % stretch == stretch - 1 && ask()) {                                      \
            return -1;                                                                  \
        }                                                                               \
        for (ptrdiff_t j = 0; j < width; j++) {                                         \
            const double x = row[j * column_stride];
#define END_ROWS                                                                        \
        }                                                                               \
        (void)fraction;                                                                 \
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
        NAME(choose_unit)(low[j], high[j], mean + j, unit + j);
    }
    ROWS
        sum[j] += fraction * (x * unit[j] - mean[j] * unit[j]);
    END_ROWS
    for (ptrdiff_t j = 0; j < width; j++) {
        mean[j] += sum[j] / total / unit[j];
    }
    ROWS
        const double u = x * unit[j] - mean[j] * unit[j];
        squares[j] += fraction * (u * u);
    END_ROWS
    for (ptrdiff_t j = 0; j < width; j++) {
        NAME(conclude_column)(low[j], high[j], squares[j] / total, unit[j], mean + j,
                              std + j);
    }
    return 0;
#undef ROWS
#undef END_ROWS
}

/* The same from the entries of sparse rows: all other values are 0, and enter every sum
 * together. */
static int NAME(moments_of_sparse)(const samples *data, ptrdiff_t n, ptrdiff_t d,
                                   double *mean, double *std, double *room,
                                   interrupted ask)
{
    const double total = NAME(total_weight)(data, n);
    double *const low = room, *const high = low + d, *const unit = high + d;
    double *const sum = unit + d, *const count = sum + d, *const weight = count + d;
    ptrdiff_t seen = 0;

#define ENTRIES                                                                         \
    for (ptrdiff_t i = 0; i < n; i++) {                                                 \
        const NAME(row) row = NAME(row_of)(data, row_at(&data->order, i));              \
        const double fraction = fraction_at(&data->order, i);                           \
        seen += 1 + row.stop - row.start;                                               \
        if (seen > PATIENCE) {                                                          \
            seen = 0;                                                                   \
            if (ask()) {                                                                \
                return -1;                                                              \
            }                                                                           \
        }                                                                               \
        EACH_ENTRY(row) {                                                               \
            const double x = row.values[e];
#define END_ENTRIES                                                                     \
        }                                                                               \
        (void)fraction;                                                                 \
    }

    for (ptrdiff_t j = 0; j < d; j++) {
        low[j] = INFINITY;
        high[j] = -INFINITY;
        sum[j] = count[j] = weight[j] = 0;
    }
    ENTRIES
        low[j] = x < low[j] ? x : low[j];
        high[j] = x > high[j] ? x : high[j];
        count[j] += 1;
        weight[j] += fraction;
    END_ENTRIES
    for (ptrdiff_t j = 0; j < d; j++) {
        if (count[j] < (double)n) {
            low[j] = low[j] < 0 ? low[j] : 0;
            high[j] = high[j] > 0 ? high[j] : 0;
        }
        NAME(choose_unit)(low[j], high[j], mean + j, unit + j);
    }
    ENTRIES
        sum[j] += fraction * (x * unit[j] - mean[j] * unit[j]);
    END_ENTRIES
    for (ptrdiff_t j = 0; j < d; j++) {
        const double zeros = count[j] < (double)n ? total - weight[j] : 0;
        sum[j] -= zeros * (mean[j] * unit[j]);
        mean[j] += sum[j] / total / unit[j];
        sum[j] = 0;
    }
    ENTRIES
        const double u = x * unit[j] - mean[j] * unit[j];
        sum[j] += fraction * (u * u);
    END_ENTRIES
    for (ptrdiff_t j = 0; j < d; j++) {
        const double zeros = count[j] < (double)n ? total - weight[j] : 0;
        const double u = mean[j] * unit[j];
        NAME(conclude_column)(low[j], high[j], (sum[j] + zeros * (u * u)) / total,
                              unit[j], mean + j, std + j);
    }
    return 0;
#undef ENTRIES
#undef END_ENTRIES
}

/* Sums run over the entries of the order, each as much as it counts; the spread has a
 * pass of its own. */
static int NAME(moments)(const samples *data, ptrdiff_t n, ptrdiff_t d, double *mean,
                         double *std, double *room, interrupted ask)
{
    const int neighbors = data->column_stride == 1;
    const ptrdiff_t group = neighbors ? COLUMNS : 1;

    if (data->indptr) {
        return NAME(moments_of_sparse)(data, n, d, mean, std, room, ask);
    }
    for (ptrdiff_t first = 0; first < d; first += group) {
        const ptrdiff_t width = d - first < group ? d - first : group;
        const int result =
            neighbors ? NAME(moments_of_columns)(data, 1, n, first, width, mean + first,
                                                  std + first, ask)
                       : NAME(moments_of_columns)(data, data->column_stride, n, first, 1,
                                                  mean + first, std + first, ask);
        if (result) {
            return result;
        }
    }
    return 0;
}

/* Sparse rows enter products with and without their mean: both have to be in range. */
static int NAME(beyond)(const samples *data, ptrdiff_t j, double x)
{
    return fabs((x - data->mean[j]) * data->scale[j]) > LIMIT
           || fabs(NAME(in_training_units)(data, j, x)) > LIMIT;
}

static ptrdiff_t NAME(first_beyond_of_sparse)(const samples *data, ptrdiff_t n,
                                              interrupted ask)
{
    ptrdiff_t seen = 0;

    for (ptrdiff_t i = 0; i < n; i++) {
        const NAME(row) row = NAME(row_of)(data, i);
        seen += 1 + row.stop - row.start;
        if (seen > PATIENCE) {
            seen = 0;
            if (ask()) {
                return -1;
            }
        }
        EACH_ENTRY(row) {
            if (NAME(beyond)(data, j, row.values[e])) {
                return i;
            }
        }
    }
    return n;
}

static ptrdiff_t NAME(first_beyond)(const samples *data, ptrdiff_t n, ptrdiff_t d,
                                    interrupted ask)
{
    const REAL *const X = data->X;
    const int neighbors = data->column_stride == 1;
    const ptrdiff_t stretch = 1 + PATIENCE / d;

    if (data->indptr) {
        return NAME(first_beyond_of_sparse)(data, n, ask);
    }
    for (ptrdiff_t start = 0; start < n; start += stretch) {
        ptrdiff_t found = start + stretch < n ? start + stretch : n;
        const ptrdiff_t stop = found;
        if (start && ask()) {
            return -1;
        }
        /* the inner loop runs over what lies together in memory */
        for (ptrdiff_t j = 0; !neighbors && j < d; j++) {
            const double mean = data->mean[j], scale = data->scale[j];
            const REAL *const column = X + j * data->column_stride;
            for (ptrdiff_t i = start; i < found; i++) {
                if (fabs((column[i * data->row_stride] - mean) * scale) > LIMIT) {
                    found = i;
                }
            }
        }
        for (ptrdiff_t i = start; neighbors && i < found; i++) {
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
#undef ROUNDING
