/* The columns of X: their statistics, and whether they stay in range. */

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

/* Mean and std of a column whose extremes are known. std is 0 without spread, or if 1 / std
 * is beyond REAL. It is infinite where all the spread is what rounding makes of one
 * number. */
static void NAME(conclude_column)(const statistics *of, ptrdiff_t j, double variance,
                                  double unit)
{
    const double low = of->low[j], high = of->high[j];
    const int one_number = high - low <= ROUNDING * fmax(fabs(low), fabs(high));
    double std = sqrt(variance) / unit;

    if (one_number || !isfinite((REAL)(1 / std))) {
        of->mean[j] = low;
        std = one_number && high > low ? INFINITY : 0;
    }
    of->std[j] = std;
    of->scale[j] = 0;
    if (std > 0 && std < INFINITY) {
        const double least = of->two[j] ? RARE * (high / 2 - low / 2) : 0;
        of->scale[j] = 1 / fmax(std, least);
    }
}

/* The statistics of a column over newer samples become those of all, of which the newer
 * are a share. */
static void NAME(merge_column)(const statistics *before, const statistics *of, ptrdiff_t j,
                               double share)
{
    const double low = fmin(before->low[j], of->low[j]);
    const double high = fmax(before->high[j], of->high[j]);
    const double ends[] = {before->low[j], before->high[j], of->low[j], of->high[j]};
    const double std = isinf(of->std[j]) ? 0 : of->std[j];
    const double std_before = isinf(before->std[j]) ? 0 : before->std[j];
    double middle, unit, two = before->two[j] && of->two[j];

    for (int i = 0; i < 4; i++) {
        two = ends[i] == low || ends[i] == high ? two : 0;
    }
    NAME(choose_unit)(low, high, &middle, &unit);
    const double was = before->mean[j] * unit - middle * unit;
    const double apart = of->mean[j] * unit - middle * unit - was;
    const double spread = std * unit, spread_before = std_before * unit;
    of->mean[j] = middle + (was + share * apart) / unit;
    of->low[j] = low;
    of->high[j] = high;
    of->two[j] = two;
    NAME(conclude_column)(of, j,
                          (1 - share) * (spread_before * spread_before)
                              + share * (spread * spread)
                              + share * (1 - share) * (apart * apart),
                          unit);
}

/* What values of a column are clipped to, by what is known from before. */
static void NAME(bounds)(const statistics *before, double weight, ptrdiff_t j,
                         double *lower, double *upper)
{
    const int clips = weight >= CLIP_FROM && before->scale[j] > 0;

    *lower = clips ? before->mean[j] - CLIP / before->scale[j] : -INFINITY;
    *upper = clips ? before->mean[j] + CLIP / before->scale[j] : INFINITY;
}

static double NAME(clipped)(double x, double lower, double upper)
{
    x = x < lower ? lower : x;
    return x > upper ? upper : x;
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
INLINE int NAME(statistics_of_columns)(const samples *data, ptrdiff_t column_stride,
                                       ptrdiff_t n, double total, ptrdiff_t first,
                                       ptrdiff_t width, const statistics *before,
                                       double weight_before, const statistics *of,
                                       interrupted ask)
{
    const REAL *const X = (const REAL *)data->X + first * column_stride;
    double *const mean = of->mean + first, *const two = of->two + first;
    double low[COLUMNS], high[COLUMNS], unit[COLUMNS], sum[COLUMNS] = {0};
    double squares[COLUMNS] = {0}, lower[COLUMNS], upper[COLUMNS];
    const ptrdiff_t stretch = 1 + PATIENCE / width;
    int has_clipped = 0;

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
            const double x = NAME(clipped)(row[j * column_stride], lower[j], upper[j]);
#define END_ROWS                                                                        \
        }                                                                               \
        (void)fraction;                                                                 \
    }

    for (ptrdiff_t j = 0; j < width; j++) {
        low[j] = INFINITY;
        high[j] = -INFINITY;
        two[j] = 1;
        NAME(bounds)(before, weight_before, first + j, lower + j, upper + j);
    }
    ROWS
        low[j] = x < low[j] ? x : low[j];
        high[j] = x > high[j] ? x : high[j];
    END_ROWS
    for (ptrdiff_t j = 0; j < width; j++) {
        has_clipped |= low[j] <= lower[j] || high[j] >= upper[j];
        NAME(choose_unit)(low[j], high[j], mean + j, unit + j);
    }
    ROWS
        sum[j] += fraction * (x * unit[j] - mean[j] * unit[j]);
        two[j] = x == low[j] || x == high[j] ? two[j] : 0;
    END_ROWS
    for (ptrdiff_t j = 0; j < width; j++) {
        mean[j] += sum[j] / total / unit[j];
    }
    ROWS
        const double u = x * unit[j] - mean[j] * unit[j];
        squares[j] += fraction * (u * u);
    END_ROWS
    for (ptrdiff_t j = 0; j < width; j++) {
        of->low[first + j] = low[j];
        of->high[first + j] = high[j];
        NAME(conclude_column)(of, first + j, squares[j] / total, unit[j]);
    }
    return has_clipped;
#undef ROWS
#undef END_ROWS
}

/* The same from the entries of sparse rows: all other values are 0, and enter every sum
 * together. */
static int NAME(statistics_of_sparse)(const samples *data, ptrdiff_t n, double total,
                                      ptrdiff_t d, const statistics *before,
                                      double weight_before, const statistics *of,
                                      double *room, interrupted ask)
{
    double *const mean = of->mean, *const low = of->low, *const high = of->high;
    double *const two = of->two;
    double *const unit = room, *const sum = unit + d, *const count = sum + d;
    double *const weight = count + d, *const lower = weight + d, *const upper = lower + d;
    ptrdiff_t seen = 0;
    int has_clipped = 0;

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
            const double x = NAME(clipped)(row.values[e], lower[j], upper[j]);
#define END_ENTRIES                                                                     \
        }                                                                               \
        (void)fraction;                                                                 \
    }

    for (ptrdiff_t j = 0; j < d; j++) {
        low[j] = INFINITY;
        high[j] = -INFINITY;
        two[j] = 1;
        sum[j] = count[j] = weight[j] = 0;
        NAME(bounds)(before, weight_before, j, lower + j, upper + j);
    }
    ENTRIES
        low[j] = x < low[j] ? x : low[j];
        high[j] = x > high[j] ? x : high[j];
        count[j] += 1;
        weight[j] += fraction;
    END_ENTRIES
    for (ptrdiff_t j = 0; j < d; j++) {
        const double zero = NAME(clipped)(0, lower[j], upper[j]);
        if (count[j] < (double)n) {
            two[j] = low[j] == high[j] || zero == low[j] || zero == high[j] || count[j] == 0;
            low[j] = low[j] < zero ? low[j] : zero;
            high[j] = high[j] > zero ? high[j] : zero;
        }
        has_clipped |= low[j] <= lower[j] || high[j] >= upper[j];
        NAME(choose_unit)(low[j], high[j], mean + j, unit + j);
    }
    ENTRIES
        sum[j] += fraction * (x * unit[j] - mean[j] * unit[j]);
        two[j] = x == low[j] || x == high[j] ? two[j] : 0;
    END_ENTRIES
    for (ptrdiff_t j = 0; j < d; j++) {
        const double zero = NAME(clipped)(0, lower[j], upper[j]);
        const double zeros = count[j] < (double)n ? total - weight[j] : 0;
        sum[j] += zeros * (zero * unit[j] - mean[j] * unit[j]);
        mean[j] += sum[j] / total / unit[j];
        sum[j] = 0;
    }
    ENTRIES
        const double u = x * unit[j] - mean[j] * unit[j];
        sum[j] += fraction * (u * u);
    END_ENTRIES
    for (ptrdiff_t j = 0; j < d; j++) {
        const double zero = NAME(clipped)(0, lower[j], upper[j]);
        const double zeros = count[j] < (double)n ? total - weight[j] : 0;
        const double u = zero * unit[j] - mean[j] * unit[j];
        NAME(conclude_column)(of, j, (sum[j] + zeros * (u * u)) / total, unit[j]);
    }
    return has_clipped;
#undef ENTRIES
#undef END_ENTRIES
}

/* Sums run over the entries of the order, each as much as it counts; the spread has a
 * pass of its own. */
static int NAME(measure)(const samples *data, ptrdiff_t n, ptrdiff_t d,
                         const statistics *before, double weight_before,
                         const statistics *of, double *room, interrupted ask)
{
    const int neighbors = data->column_stride == 1;
    const ptrdiff_t group = neighbors ? COLUMNS : 1;
    const double total = NAME(total_weight)(data, n);
    int result = 0;

    if (data->indptr) {
        result = NAME(statistics_of_sparse)(data, n, total, d, before, weight_before, of,
                                            room, ask);
    }
    for (ptrdiff_t j = 0; !data->indptr && result >= 0 && j < d; j += group) {
        const ptrdiff_t width = d - j < group ? d - j : group;
        const ptrdiff_t stride = data->column_stride;
        const int has_clipped =
            neighbors ? NAME(statistics_of_columns)(data, 1, n, total, j, width, before,
                                                    weight_before, of, ask)
                      : NAME(statistics_of_columns)(data, stride, n, total, j, 1, before,
                                                    weight_before, of, ask);
        result = has_clipped < 0 ? has_clipped : result | has_clipped;
    }
    for (ptrdiff_t j = 0; weight_before > 0 && result >= 0 && j < d; j++) {
        NAME(merge_column)(before, of, j, total / (weight_before + total));
    }
    return result;
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
