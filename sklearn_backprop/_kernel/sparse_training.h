/* Training and prediction on sparse rows, at a cost proportional to their stored
 * values.
 *
 * A row in training units is x - μ, where x has the values of the row times `scale`,
 * and μ is mean × scale. It is not sparse, but μ is the same for all rows. So the
 * weights of the inputs are stored as W = σ (U - c μᵀ). c has a number for each hidden
 * unit, and collects the part of the updates that is due to μ:
 *
 *     W (x - μ) = σ (U x - (μ · x) c - q),              q = (U - c μᵀ) μ
 *     W += g (x - μ)ᵀ:   U += g xᵀ / σ,   c += g / σ,   q += ((μ · x) - (μ · μ)) g / σ
 *
 * and a penalty only multiplies σ. The weights of an input are contiguous.
 *
 * μ is 0 for a column that is far from 0 (see sparse_row.h): its values are centered
 * one by one, including its zeros.
 */

#ifndef SKLEARN_BACKPROP_SPARSE_TRAINING_H
#define SKLEARN_BACKPROP_SPARSE_TRAINING_H

#include <string.h>

#include "output_layer.h"
#include "panels.h"
#include "recurrence.h"
#include "sparse_row.h"
#include "vector.h"

#define GROUP 4           /* registers of hidden units that are processed together */
#define SMALL_SIGMA 1e-12 /* below it, σ is multiplied into U, c and q */

typedef struct {
    ptrdiff_t d, units;
    real *U;            /* U[j][h]  (d, units) */
    real *c, *q, *bias; /* (units,), behind U */
    double *sigma;      /* one number */
    /* sums over a batch, in the memory of the deltas; (units,) */
    real *sum_g, *sum_q;
    double mu_mu;    /* μ · μ */
    ptrdiff_t n_far; /* number of columns that are far from 0 */
    /* room in the workspace */
    real *a, *g;        /* (units,) */
    real *x;            /* (d,) */
    ptrdiff_t *columns; /* (d,) */
    real *room;
} weights_by_input;

/* the values of a row in training units, without subtracting μ, and their columns */
typedef struct {
    ptrdiff_t count;
    const ptrdiff_t *columns;
    const real *x;
    double mu_x; /* μ · x */
} sparse_sample;

static weights_by_input by_input_of(const network *net, const samples *data)
{
    weights_by_input W = {.d = net->d, .units = padded(net->H, sizeof(real))};

    W.U = net->by_input;
    W.c = W.U + W.d * W.units;
    W.q = W.c + W.units;
    W.bias = W.q + W.units;
    W.sum_q = W.bias + W.units;
    W.sigma = (double *)(W.sum_q + W.units);
    if (net->deltas) {
        W.sum_g = (real *)net->deltas + W.d * W.units;
    }
    for (ptrdiff_t j = 0; j < W.d; j++) {
        const double mu = implicit_mean(data, j);
        W.mu_mu += mu * mu;
        W.n_far += is_far(data, j);
    }
    W.a = net->workspace;
    W.g = W.a + W.units;
    W.columns = (ptrdiff_t *)(W.g + W.units);
    W.x = (real *)(W.columns + padded(W.d, sizeof(ptrdiff_t)));
    W.room = W.x + padded(W.d, sizeof(real));
    return W;
}

static void open_sparse(const network *net, const samples *data, const void *weights)
{
    const weights_by_input by_input = by_input_of(net, data);
    const ptrdiff_t d = by_input.d, units = by_input.units, hidden = (d + 1) * units;
    const ptrdiff_t size = weights_size(d, net->H, net->K, sizeof(real));
    const real *const W = weights;

    memset(by_input.c, 0, 4 * units * sizeof(real));
    *by_input.sigma = 1;
    for (ptrdiff_t j = 0; j <= d; j++) {
        real *const to = j ? by_input.U + (j - 1) * units : by_input.bias;
        const vector mu = all_lanes(j ? (real)implicit_mean(data, j - 1) : 0);
        for (ptrdiff_t h = 0; h < units; h += LANES) {
            const vector w = load(W + place_of(d, h, j));
            store(to + h, w);
            store(by_input.q + h, fused(mu, w, load(by_input.q + h)));
        }
    }
    if (W != net->weights) {
        memcpy((real *)net->weights + hidden, W + hidden,
               (size - hidden) * sizeof(real));
    }
}

static void close_sparse(const network *net, const samples *data)
{
    const weights_by_input by_input = by_input_of(net, data);
    const ptrdiff_t d = by_input.d, units = by_input.units;
    const vector sigma = all_lanes((real)*by_input.sigma);
    real *const W = net->weights;

    for (ptrdiff_t j = 0; j <= d; j++) {
        for (ptrdiff_t h = 0; h < units; h += LANES) {
            vector w = load(by_input.bias + h);
            if (j) {
                const vector mu = all_lanes((real)implicit_mean(data, j - 1));
                const vector u = load(by_input.U + (j - 1) * units + h);
                w = sigma * fused(-mu, load(by_input.c + h), u);
            }
            store(W + place_of(d, h, j), w);
        }
    }
}

/* append an entry, clipped so that products stay finite */
INLINE void append(const weights_by_input *by_input, sparse_sample *sample, ptrdiff_t j,
                   double x)
{
    by_input->columns[sample->count] = j;
    by_input->x[sample->count++] = (real)(x > LIMIT ? LIMIT : x < -LIMIT ? -LIMIT : x);
}

static sparse_sample sample_of(const weights_by_input *by_input, const samples *data,
                               ptrdiff_t i)
{
    const sparse_row row = row_of(data, i);
    sparse_sample sample = {.columns = by_input->columns, .x = by_input->x};
    ptrdiff_t n_far = 0;

    for (ptrdiff_t e = row.start; e < row.stop; e++) {
        const ptrdiff_t j = column_at(&row, e);
        const double mu = implicit_mean(data, j);
        append(by_input, &sample, j, in_training_units(data, j, (double)row.values[e]));
        sample.mu_x += mu * (double)by_input->x[sample.count - 1];
        n_far += is_far(data, j);
    }
    /* zeros in columns that are far from 0: columns of a row are in ascending order */
    ptrdiff_t e = row.start;
    for (ptrdiff_t j = 0; n_far < by_input->n_far && j < by_input->d; j++) {
        if (e < row.stop && column_at(&row, e) == j) {
            e++;
        } else if (is_far(data, j)) {
            append(by_input, &sample, j, in_training_units(data, j, 0));
            n_far++;
        }
    }
    return sample;
}

/* a = W x̃ of a row, for `width` registers of hidden units, starting at the first */
INLINE void product_of_group(const weights_by_input *by_input,
                             const sparse_sample *sample, ptrdiff_t width,
                             ptrdiff_t first)
{
    const vector sigma = all_lanes((real)*by_input->sigma),
                 minus_mu_x = all_lanes((real)-sample->mu_x);
    vector sum[GROUP];

    EACH(p, width)
        sum[p] = all_lanes(0);
    for (ptrdiff_t e = 0; e < sample->count; e++) {
        const vector input = all_lanes(sample->x[e]);
        const real *const u =
            by_input->U + sample->columns[e] * by_input->units + first;
        EACH(p, width)
            sum[p] = fused(input, load(u + p * LANES), sum[p]);
    }
    EACH(p, width) {
        const ptrdiff_t h = first + p * LANES;
        sum[p] =
            fused(minus_mu_x, load(by_input->c + h), sum[p]) - load(by_input->q + h);
        store(by_input->a + h, fused(sigma, sum[p], load(by_input->bias + h)));
    }
}

static void product_with_sample(const weights_by_input *by_input,
                                const sparse_sample *sample)
{
    ptrdiff_t h = 0;

    for (; h + GROUP * LANES <= by_input->units; h += GROUP * LANES) {
        product_of_group(by_input, sample, GROUP, h);
    }
    for (; h < by_input->units; h += LANES) {
        product_of_group(by_input, sample, 1, h);
    }
}

/* U, or its deltas, += factor g xᵀ with the values of a row, for the same units */
INLINE void add_to_group(real *U, const weights_by_input *by_input,
                         const sparse_sample *sample, real factor, ptrdiff_t width,
                         ptrdiff_t first)
{
    vector part[GROUP];

    EACH(p, width)
        part[p] = factor * load(by_input->g + first + p * LANES);
    for (ptrdiff_t e = 0; e < sample->count; e++) {
        const vector input = all_lanes(sample->x[e]);
        real *const u = U + sample->columns[e] * by_input->units + first;
        EACH(p, width)
            store(u + p * LANES, fused(input, part[p], load(u + p * LANES)));
    }
}

/* Hidden units are in reverse order: a cache may still have what the product read
 * last. */
static void add_sample(real *U, const weights_by_input *by_input,
                       const sparse_sample *sample, real factor)
{
    ptrdiff_t h = by_input->units;

    for (; h % (GROUP * LANES); h -= LANES) {
        add_to_group(U, by_input, sample, factor, 1, h - LANES);
    }
    for (; h > 0; h -= GROUP * LANES) {
        add_to_group(U, by_input, sample, factor, GROUP, h - GROUP * LANES);
    }
}

/* to += factor g */
static void add(real *to, real factor, const real *g, ptrdiff_t units)
{
    for (ptrdiff_t h = 0; h < units; h += LANES) {
        store(to + h, fused(all_lanes(factor), load(g + h), load(to + h)));
    }
}

/* A penalty multiplies σ, which is multiplied into U, c and q once it has become
 * small. */
static void shrink(const weights_by_input *by_input, double penalty)
{
    *by_input->sigma *= 1 - penalty;
    if (fabs(*by_input->sigma) < SMALL_SIGMA) {
        for (real *u = by_input->U; u < by_input->bias; u++) {
            *u *= (real)*by_input->sigma;
        }
        *by_input->sigma = 1;
    }
}

/* add the deltas of an input to its weights */
INLINE void take_deltas_of_input(real *u, real factor, real *delta, ptrdiff_t units)
{
    add(u, factor, delta, units);
    memset(delta, 0, units * sizeof(real)); /* the column may occur again */
}

/* Add to U the deltas of the entries first ≤ i ≤ last of the order: those of the
 * columns in their rows, or those of all columns if that is less work. Signals are not
 * checked meanwhile, so neither may take longer than all columns do, however long the
 * batch. */
static void take_sparse_deltas(const weights_by_input *by_input, real factor,
                               real *deltas, const samples *data, ptrdiff_t first,
                               ptrdiff_t last)
{
    const ptrdiff_t units = by_input->units, d = by_input->d;
    real *const U = by_input->U;
    ptrdiff_t work = 0;

    for (ptrdiff_t i = first; i <= last && work < d; i++) {
        work += 1 + values_at(data, i) + by_input->n_far;
    }
    for (ptrdiff_t j = 0; work >= d && j < d; j++) {
        take_deltas_of_input(U + j * units, factor, deltas + j * units, units);
    }
    for (ptrdiff_t i = first; work < d && i <= last; i++) {
        const sparse_sample sample = sample_of(by_input, data, row_at(&data->order, i));
        for (ptrdiff_t e = 0; e < sample.count; e++) {
            const ptrdiff_t j = sample.columns[e];
            take_deltas_of_input(U + j * units, factor, deltas + j * units, units);
        }
    }
}

/* Add the deltas of a batch, which ends with entry `last` of the order, to all
 * weights. */
static void end_sparse_batch(const network *net, const samples *data,
                             const weights_by_input *by_input,
                             const output_layer *layer, const learning_rule *rule,
                             ptrdiff_t last)
{
    const ptrdiff_t units = by_input->units;

    shrink(by_input, rule->eta * rule->alpha);
    const real factor = (real)(1 / *by_input->sigma);
    take_sparse_deltas(by_input, factor, net->deltas, data,
                       last - last % rule->batch_size, last);
    add(by_input->bias, 1, by_input->sum_g, units);
    add(by_input->c, factor, by_input->sum_g, units);
    add(by_input->q, factor, by_input->sum_q, units);
    memset(by_input->sum_g, 0, units * sizeof(real));
    memset(by_input->sum_q, 0, units * sizeof(real));
    end_batch_of_layer(layer);
}

static double train_sparse(const network *net, const samples *data,
                           const learning_rule *rule, ptrdiff_t start, ptrdiff_t stop,
                           double loss)
{
    const weights_by_input by_input = by_input_of(net, data);
    const output_layer layer = layer_of(net, rule, by_input.room, 1);
    const rule_variant variant = variant_of(net, rule);
    const ptrdiff_t units = by_input.units;
    real *const a = by_input.a, *const g = by_input.g;

    for (ptrdiff_t i = start; i < stop; i++) {
        const sparse_sample sample =
            sample_of(&by_input, data, row_at(&data->order, i));
        const real along = (real)(sample.mu_x - by_input.mu_mu);
        product_with_sample(&by_input, &sample);
        outputs(&layer, 1, a, layer.y_hat);
        loss += loss_of(&layer, data, i, rule->eta, layer.y_hat, layer.step);
        if (rule->batch_size == 1) {
            learn(&layer, variant, a, g);
            shrink(&by_input, rule->eta * rule->alpha);
            const real factor = (real)(1 / *by_input.sigma);
            add_sample(by_input.U, &by_input, &sample, factor);
            add(by_input.bias, 1, g, units);
            add(by_input.c, factor, g, units);
            add(by_input.q, factor * along, g, units);
            continue;
        }
        collect(&layer, 1, a, g);
        add_sample(net->deltas, &by_input, &sample, 1);
        add(by_input.sum_g, 1, g, units);
        add(by_input.sum_q, along, g, units);
        if ((i + 1) % rule->batch_size == 0 || i + 1 == rule->n) {
            end_sparse_batch(net, data, &by_input, &layer, rule, i);
        }
    }
    return loss;
}

static void predict_sparse(const network *net, const samples *data, ptrdiff_t start,
                           ptrdiff_t stop, real *y_hat)
{
    const weights_by_input by_input = by_input_of(net, data);
    const output_layer layer = layer_of(net, NULL, by_input.room, 1);

    for (ptrdiff_t i = start; i < stop; i++) {
        const sparse_sample sample =
            sample_of(&by_input, data, row_at(&data->order, i));
        product_with_sample(&by_input, &sample);
        outputs(&layer, 1, by_input.a, y_hat + i * layer.K);
    }
}

#endif
