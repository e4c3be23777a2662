/* Statistics of the columns of X: mean, spread, extremes, and whether a column has only
 * two values. */

#ifndef SKLEARN_BACKPROP_STATISTICS_H
#define SKLEARN_BACKPROP_STATISTICS_H

#include "kernel.h"
#include "real.h"
#include "sparse_row.h"

/* In `scale`, the std of a column of two values is at least RARE times half their
 * distance. Otherwise, a flag that is set in 1 of 500 rows would be 22 standard
 * deviations in that row. */
#define RARE 0.6

/* After samples with a total weight of CLIP_FROM, new values are clipped to CLIP
 * standard deviations in the statistics. Otherwise, after one outlier, all other values
 * would be close together. */
#define CLIP 100
#define CLIP_FROM 20

#define COLUMNS 256 /* processed together, or a row would be fetched many times */

/* Values are read three times, for these statistics, in this order. */
typedef enum { EXTREMES, MEAN, SPREAD } pass_over_X;

/* The sums of some columns so far. */
typedef struct {
    double *mean, *low, *high, *two;
    /* Sums are over values relative to the middle of the column's range, for the mean,
     * or relative to the mean, for the spread, times `unit`: a power of two that makes
     * half of that range about 1. So nothing overflows, underflows or cancels, whatever
     * the scale of the data. */
    double *unit, *sum;
    double *lower, *upper; /* the limits to which values are clipped */
} column_sums;

INLINE void choose_unit(double low, double high, double *mean, double *unit)
{
    int exponent = 0;

    *mean = low / 2 + high / 2;
    frexp(high / 2 - low / 2, &exponent);
    *unit = ldexp(1, exponent > -1022 ? -exponent : 1022);
}

/* Mean and std of a column whose extremes are known. std is 0 if there is no spread, or
 * if 1 / std is too large for real. It is infinite if the spread is only due to
 * rounding of a single number. */
static void conclude_column(const statistics *to, ptrdiff_t j, double variance,
                            double unit)
{
    const double low = to->low[j], high = to->high[j];
    const int one_number = high - low <= 4 * EPSILON * fmax(fabs(low), fabs(high));
    double std = sqrt(variance) / unit;

    if (one_number || !isfinite((real)(1 / std))) {
        to->mean[j] = low;
        std = one_number && high > low ? INFINITY : 0;
    }
    to->std[j] = std;
    to->scale[j] = 0;
    if (std > 0 && std < INFINITY) {
        const double least = to->two[j] ? RARE * (high / 2 - low / 2) : 0;
        to->scale[j] = 1 / fmax(std, least);
    }
}

/* Turn the statistics of a column over newer samples into those over all samples;
 * `share` is the fraction of the newer ones. */
static void merge_column(const statistics *before, const statistics *to, ptrdiff_t j,
                         double share)
{
    const double low = fmin(before->low[j], to->low[j]);
    const double high = fmax(before->high[j], to->high[j]);
    const double ends[] = {before->low[j], before->high[j], to->low[j], to->high[j]};
    const double std = isinf(to->std[j]) ? 0 : to->std[j];
    const double std_before = isinf(before->std[j]) ? 0 : before->std[j];
    double middle, unit, two = before->two[j] && to->two[j];

    for (int i = 0; i < 4; i++) {
        two = ends[i] == low || ends[i] == high ? two : 0;
    }
    choose_unit(low, high, &middle, &unit);
    const double was = before->mean[j] * unit - middle * unit;
    const double apart = to->mean[j] * unit - middle * unit - was;
    const double spread = std * unit, spread_before = std_before * unit;
    to->mean[j] = middle + (was + share * apart) / unit;
    to->low[j] = low;
    to->high[j] = high;
    to->two[j] = two;
    conclude_column(to, j,
                    (1 - share) * (spread_before * spread_before)
                        + share * (spread * spread)
                        + share * (1 - share) * (apart * apart),
                    unit);
}

/* Begin with column j of all columns, which is column `at` of those in `c`. The limits
 * for clipping come from the statistics of earlier samples. */
INLINE void begin_column(const column_sums *c, ptrdiff_t at, const statistics *before,
                         double weight_before, ptrdiff_t j)
{
    const int clips = weight_before >= CLIP_FROM && before->scale[j] > 0;

    c->low[at] = INFINITY;
    c->high[at] = -INFINITY;
    c->two[at] = 1;
    c->sum[at] = 0;
    c->lower[at] = clips ? before->mean[j] - CLIP / before->scale[j] : -INFINITY;
    c->upper[at] = clips ? before->mean[j] + CLIP / before->scale[j] : INFINITY;
}

/* Take a value of column j, which counts by `fraction`. */
INLINE void take_value(pass_over_X pass, const column_sums *c, ptrdiff_t j,
                       double value, double fraction)
{
    const double no_less = value < c->lower[j] ? c->lower[j] : value;
    const double x = no_less > c->upper[j] ? c->upper[j] : no_less;

    if (pass == EXTREMES) {
        c->low[j] = x < c->low[j] ? x : c->low[j];
        c->high[j] = x > c->high[j] ? x : c->high[j];
    } else {
        const double u = x * c->unit[j] - c->mean[j] * c->unit[j];
        c->sum[j] += fraction * (pass == MEAN ? u : u * u);
    }
    if (pass == MEAN) {
        c->two[j] = x == c->low[j] || x == c->high[j] ? c->two[j] : 0;
    }
}

/* Called after the first pass. Returns whether a value was clipped. */
INLINE int end_extremes(const column_sums *c, ptrdiff_t j)
{
    choose_unit(c->low[j], c->high[j], c->mean + j, c->unit + j);
    return c->low[j] <= c->lower[j] || c->high[j] >= c->upper[j];
}

/* Called after the second pass. */
INLINE void end_mean(const column_sums *c, ptrdiff_t j, double total)
{
    c->mean[j] += c->sum[j] / total / c->unit[j];
    c->sum[j] = 0;
}

/* the weight of the first n entries of the order */
static double weight_of(const samples *data, ptrdiff_t n)
{
    double weight = 0;

    for (ptrdiff_t i = 0; data->order.fraction && i < n; i++) {
        weight += fraction_at(&data->order, i);
    }
    return data->order.fraction ? weight : (double)n;
}

/* Take all values of `width` columns, starting at the first. Arguments that are passed
 * as constants are known at compile time. */
INLINE int take_columns(pass_over_X pass, const column_sums *c, const samples *data,
                        ptrdiff_t column_stride, ptrdiff_t n, ptrdiff_t first,
                        ptrdiff_t width, interrupted ask)
{
    const real *const X = (const real *)data->X + first * column_stride;
    const ptrdiff_t stretch = 1 + PATIENCE / width;

    for (ptrdiff_t i = 0; i < n; i++) {
        const real *const row = X + row_at(&data->order, i) * data->row_stride;
        const ptrdiff_t later = row_at(&data->order, MIN(i + 8, n - 1));
        const double fraction = fraction_at(&data->order, i);
        __builtin_prefetch(X + later * data->row_stride);
        __builtin_prefetch(X + later * data->row_stride + (width - 1) * column_stride);
        if (i % stretch == stretch - 1 && ask()) {
            return -1;
        }
        for (ptrdiff_t j = 0; j < width; j++) {
            take_value(pass, c, j, row[j * column_stride], fraction);
        }
    }
    return 0;
}

/* X with neighboring columns is read row by row. */
INLINE int measure_columns(const samples *data, ptrdiff_t column_stride, ptrdiff_t n,
                           double total, ptrdiff_t first, ptrdiff_t width,
                           const statistics *before, double weight_before,
                           const statistics *to, interrupted ask)
{
    double low[COLUMNS], high[COLUMNS], unit[COLUMNS], sum[COLUMNS];
    double lower[COLUMNS], upper[COLUMNS];
    const column_sums c = {
        to->mean + first, low, high, to->two + first, unit, sum, lower, upper};
    int has_clipped = 0;

    for (ptrdiff_t j = 0; j < width; j++) {
        begin_column(&c, j, before, weight_before, first + j);
    }
    if (take_columns(EXTREMES, &c, data, column_stride, n, first, width, ask)) {
        return -1;
    }
    for (ptrdiff_t j = 0; j < width; j++) {
        has_clipped |= end_extremes(&c, j);
    }
    if (take_columns(MEAN, &c, data, column_stride, n, first, width, ask)) {
        return -1;
    }
    for (ptrdiff_t j = 0; j < width; j++) {
        end_mean(&c, j, total);
    }
    if (take_columns(SPREAD, &c, data, column_stride, n, first, width, ask)) {
        return -1;
    }
    for (ptrdiff_t j = 0; j < width; j++) {
        to->low[first + j] = low[j];
        to->high[first + j] = high[j];
        conclude_column(to, first + j, sum[j] / total, unit[j]);
    }
    return has_clipped;
}

/* Take all stored values of sparse rows, and count those of each column. */
INLINE int take_sparse(pass_over_X pass, const column_sums *c, const samples *data,
                       ptrdiff_t n, double *count, double *weight, interrupted ask)
{
    ptrdiff_t seen = 0;

    for (ptrdiff_t i = 0; i < n; i++) {
        const sparse_row row = row_of(data, row_at(&data->order, i));
        const double fraction = fraction_at(&data->order, i);
        if (ends_at(&row, &seen, ask)) {
            return -1;
        }
        for (ptrdiff_t e = row.start; e < row.stop; e++) {
            const ptrdiff_t j = column_at(&row, e);
            take_value(pass, c, j, row.values[e], fraction);
            if (pass == EXTREMES) {
                count[j] += 1;
                weight[j] += fraction;
            }
        }
    }
    return 0;
}

/* All values that are not stored are 0; take them together. */
INLINE void take_zeros(pass_over_X pass, const column_sums *c, ptrdiff_t n, ptrdiff_t j,
                       const double *count, const double *weight, double total)
{
    if (count[j] < (double)n) {
        take_value(pass, c, j, 0, total - weight[j]);
    }
}

static int measure_sparse(const samples *data, ptrdiff_t n, double total, ptrdiff_t d,
                          const statistics *before, double weight_before,
                          const statistics *to, double *room, interrupted ask)
{
    double *const count = room, *const weight = count + d, *const rest = weight + d;
    const column_sums c = {to->mean, to->low,  to->high,     to->two,
                           rest,     rest + d, rest + 2 * d, rest + 3 * d};
    int has_clipped = 0;

    for (ptrdiff_t j = 0; j < d; j++) {
        begin_column(&c, j, before, weight_before, j);
        count[j] = weight[j] = 0;
    }
    if (take_sparse(EXTREMES, &c, data, n, count, weight, ask)) {
        return -1;
    }
    for (ptrdiff_t j = 0; j < d; j++) {
        take_zeros(EXTREMES, &c, n, j, count, weight, total);
        has_clipped |= end_extremes(&c, j);
    }
    if (take_sparse(MEAN, &c, data, n, count, weight, ask)) {
        return -1;
    }
    for (ptrdiff_t j = 0; j < d; j++) {
        take_zeros(MEAN, &c, n, j, count, weight, total);
        end_mean(&c, j, total);
    }
    if (take_sparse(SPREAD, &c, data, n, count, weight, ask)) {
        return -1;
    }
    for (ptrdiff_t j = 0; j < d; j++) {
        take_zeros(SPREAD, &c, n, j, count, weight, total);
        conclude_column(to, j, c.sum[j] / total, c.unit[j]);
    }
    return has_clipped;
}

/* Sums run over the entries of the order, each multiplied by how much it counts. */
static int measure(const samples *data, ptrdiff_t n, ptrdiff_t d,
                   const statistics *before, double weight_before, const statistics *to,
                   double *room, interrupted ask)
{
    const int neighbors = data->column_stride == 1;
    const ptrdiff_t group = neighbors ? COLUMNS : 1;
    const double total = weight_of(data, n);
    int result = 0;

    if (data->indptr) {
        result =
            measure_sparse(data, n, total, d, before, weight_before, to, room, ask);
    }
    for (ptrdiff_t j = 0; !data->indptr && result >= 0 && j < d; j += group) {
        const ptrdiff_t width = MIN(d - j, group);
        const int has_clipped =
            neighbors ? measure_columns(data, 1, n, total, j, width, before,
                                        weight_before, to, ask)
                      : measure_columns(data, data->column_stride, n, total, j, 1,
                                        before, weight_before, to, ask);
        result = has_clipped < 0 ? has_clipped : result | has_clipped;
    }
    for (ptrdiff_t j = 0; weight_before > 0 && result >= 0 && j < d; j++) {
        merge_column(before, to, j, total / (weight_before + total));
    }
    return result;
}

#endif
