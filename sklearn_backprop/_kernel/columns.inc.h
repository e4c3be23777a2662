/* The columns of X: their mean and spread, and whether they stay in range. */

#define COLUMNS 16  /* taken together, so that a pass over the rows is vectorised */

/* Sums run over the rows in the order given. Values enter them relative to the middle
 * of their column's range and in units of half that range, so that nothing overflows,
 * underflows or cancels, whatever the scale of the data; the spread has a pass of its
 * own. A column without spread, or whose 1 / std is beyond REAL, gets std 1. */
static void NAME(moments)(const REAL *X, const ptrdiff_t *order, ptrdiff_t n,
                          ptrdiff_t d, double *mean, double *std)
{
    for (ptrdiff_t first = 0; first < d; first += COLUMNS) {
        const ptrdiff_t width = d - first < COLUMNS ? d - first : COLUMNS;
        double low[COLUMNS], high[COLUMNS], range[COLUMNS], sum[COLUMNS] = {0};
        double squares[COLUMNS] = {0};

        for (ptrdiff_t j = 0; j < width; j++) {
            low[j] = high[j] = X[order[0] * d + first + j];
        }
        for (ptrdiff_t i = 1; i < n; i++) {
            const REAL *row = X + order[i] * d + first;
            for (ptrdiff_t j = 0; j < width; j++) {
                low[j] = row[j] < low[j] ? row[j] : low[j];
                high[j] = row[j] > high[j] ? row[j] : high[j];
            }
        }
        for (ptrdiff_t j = 0; j < width; j++) {
            mean[first + j] = low[j] / 2 + high[j] / 2;
            range[j] = high[j] / 2 - low[j] / 2;
            range[j] = range[j] > 0 ? range[j] : 1;
        }
        for (ptrdiff_t i = 0; i < n; i++) {
            const REAL *row = X + order[i] * d + first;
            for (ptrdiff_t j = 0; j < width; j++) {
                sum[j] += (row[j] - mean[first + j]) / range[j];
            }
        }
        for (ptrdiff_t j = 0; j < width; j++) {
            mean[first + j] += range[j] * (sum[j] / (double)n);
        }
        for (ptrdiff_t i = 0; i < n; i++) {
            const REAL *row = X + order[i] * d + first;
            for (ptrdiff_t j = 0; j < width; j++) {
                const double u = (row[j] - mean[first + j]) / range[j];
                squares[j] += u * u;
            }
        }
        for (ptrdiff_t j = 0; j < width; j++) {
            std[first + j] = range[j] * sqrt(squares[j] / (double)n);
            if (low[j] == high[j] || !isfinite((REAL)(1 / std[first + j]))) {
                mean[first + j] = low[j];
                std[first + j] = 1;
            }
        }
    }
}

static ptrdiff_t NAME(first_beyond)(NAME(examples) examples, ptrdiff_t n, ptrdiff_t d)
{
    for (ptrdiff_t i = 0; i < n; i++) {
        const REAL *row = examples.X + i * d;
        int beyond = 0;
        for (ptrdiff_t j = 0; j < d; j++) {
            const double x = ((double)row[j] - examples.mean[j]) * examples.scale[j];
            beyond |= fabs(x) > LIMIT;
        }
        if (beyond) {
            return i;
        }
    }
    return n;
}

#undef COLUMNS
