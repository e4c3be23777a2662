/* The work on samples once W x̃ is known: their outputs and updates.
 *
 *     a, z     (units,)        pre-activations, replaced by outputs of hidden units
 *     y_hat    (K,)            outputs
 *     step     (K,)            η (y - ŷ)
 *     g        (units,)        factor of the update W += g x̃ᵀ
 *
 * K, and the variant of the rule, are known at compile time in the cases that must be
 * fast: one output, and the rule without penalty or momentum. Functions that end in
 * `_as` are compiled once for each such case.
 */

#ifndef SKLEARN_BACKPROP_OUTPUT_LAYER_H
#define SKLEARN_BACKPROP_OUTPUT_LAYER_H

#include "network.h"
#include "recurrence.h"
#include "samples.h"
#include "sigmoid.h"
#include "vector.h"

typedef struct {
    ptrdiff_t units, K;
    real *v;                /* v[k][h] (K, units), and v_0 (K,) behind them */
    real *velocity;         /* of v and v_0, with momentum */
    real *deltas;           /* of v and v_0, in batches */
    real penalty, momentum; /* ηα and μ */
    real *y_hat, *step;     /* (K,), of one sample or of a block */
    real *sums;             /* room for K tiles */
} output_layer;

/* The output layer of a network; `room`, in its workspace, is for blocks of this
 * length. */
static output_layer layer_of(const network *net, const learning_rule *rule, real *room,
                             ptrdiff_t length)
{
    const ptrdiff_t units = padded(net->H, sizeof(real)), K = net->K;
    const ptrdiff_t hidden = units * (net->d + 1);
    output_layer layer = {.units = units, .K = K, .v = (real *)net->weights + hidden};

    if (net->velocity) {
        layer.velocity = (real *)net->velocity + hidden;
    }
    if (net->deltas) {
        layer.deltas = (real *)net->deltas + hidden;
    }
    if (rule) {
        layer.penalty = (real)(rule->eta * rule->alpha);
        layer.momentum = (real)rule->momentum;
    }
    layer.sums = room;
    layer.y_hat = room + K * TILE;
    layer.step = layer.y_hat + padded(length * K, sizeof(real));
    return layer;
}

/* The sums over hidden units of v_k z, tile by tile: they start at 0, add each register
 * of units (part p of its tile), and become ŷ_k. */
INLINE void clear(vector *sums, ptrdiff_t K)
{
    for (ptrdiff_t k = 0; k < K; k++) {
        EACH(p, PARTS)
            sums[k * PARTS + p] = all_lanes(0);
    }
}

INLINE void take_in(const output_layer *layer, vector *sums, ptrdiff_t K, ptrdiff_t h,
                    ptrdiff_t p, vector z)
{
    for (ptrdiff_t k = 0; k < K; k++) {
        vector *const sum = sums + k * PARTS + p;
        *sum = fused(load(layer->v + k * layer->units + h), z, *sum);
    }
}

INLINE void conclude(const output_layer *layer, const vector *sums, ptrdiff_t K,
                     real *y_hat)
{
    for (ptrdiff_t k = 0; k < K; k++) {
        y_hat[k] = sum_of_lanes(sums + k * PARTS) + layer->v[K * layer->units + k];
    }
}

/* ŷ_k = Σ_h v_kh z_h + v_k0 with z = sigmoid(a) */
INLINE void output_as(const output_layer *layer, ptrdiff_t K, real *a, real *y_hat)
{
    vector one[PARTS], *const sums = K == 1 ? one : (vector *)layer->sums;

    clear(sums, K);
    for (ptrdiff_t first = 0; first < layer->units; first += TILE) {
        EACH(p, PARTS) {
            const ptrdiff_t h = first + p * LANES;
            const vector z = sigmoid(load(a + h));
            store(a + h, z);
            take_in(layer, sums, K, h, p, z);
        }
    }
    conclude(layer, sums, K, y_hat);
}

/* the same for `count` samples, which do not wait for each other's outputs */
static void outputs(const output_layer *layer, ptrdiff_t count, real *a, real *y_hat)
{
    const ptrdiff_t K = layer->K;

    for (ptrdiff_t s = 0; s < count; s++, a += layer->units, y_hat += K) {
        if (K == 1) {
            output_as(layer, 1, a, y_hat);
        } else {
            output_as(layer, K, a, y_hat);
        }
    }
}

/* E of entry i of the order, from its outputs; sets `step` for its update */
static double loss_of(const output_layer *layer, const samples *data, ptrdiff_t i,
                      double eta, const real *y_hat, real *step)
{
    const real *const y = (const real *)data->y + row_at(&data->order, i) * layer->K;
    const double fraction = fraction_at(&data->order, i);
    const real rate = (real)(fraction * eta);
    double squares = 0;

    for (ptrdiff_t k = 0; k < layer->K; k++) {
        const real error = y[k] - y_hat[k];
        squares += (double)error * (double)error;
        step[k] = rate * error;
    }
    return 0.5 * fraction * squares;
}

/* For one register of hidden units: compute g = Σ_k step_k v_k z (1 - z) from v before
 * its update, then add step_k z to v_k. Returns g. */
INLINE vector learn_units(const output_layer *layer, rule_variant variant, ptrdiff_t K,
                          ptrdiff_t h, const real *a, real *g)
{
    const vector z = load(a + h);
    vector factor = all_lanes(0);

    for (ptrdiff_t k = 0; k < K; k++) {
        real *const to = layer->v + k * layer->units + h;
        const vector step = all_lanes(layer->step[k]), v = load(to);
        factor = k ? fused(step, v, factor) : step * v;
        if (variant == PLAIN) {
            store(to, fused(step, z, v));
        } else if (variant == WITH_PENALTY) {
            store(to, fused(step, z, fused(all_lanes(-layer->penalty), v, v)));
        } else {
            real *const velocity = layer->velocity + k * layer->units + h;
            const vector kept =
                fused(all_lanes(-layer->penalty), v, layer->momentum * load(velocity));
            const vector change = fused(step, z, kept);
            store(velocity, change);
            store(to, v + change);
        }
    }
    factor *= fused(-z, z, z);
    store(g + h, factor);
    return factor;
}

INLINE void learn_biases(const output_layer *layer, rule_variant variant, ptrdiff_t K)
{
    real *const v_0 = layer->v + K * layer->units;

    for (ptrdiff_t k = 0; k < K; k++) {
        real change = layer->step[k];
        if (variant == WITH_MOMENTUM) {
            real *const velocity = layer->velocity + K * layer->units + k;
            change = *velocity = FMA(layer->momentum, *velocity, change);
        }
        v_0[k] += change;
    }
}

INLINE void learn_as(const output_layer *layer, rule_variant variant, ptrdiff_t K,
                     const real *z, real *g)
{
    for (ptrdiff_t h = 0; h < layer->units; h += LANES) {
        learn_units(layer, variant, K, h, z, g);
    }
    learn_biases(layer, variant, K);
}

/* update v and v_0 with a sample, and compute its g */
static void learn(const output_layer *layer, rule_variant variant, const real *z,
                  real *g)
{
    if (variant == PLAIN && layer->K == 1) {
        learn_as(layer, PLAIN, 1, z, g);
    } else if (variant == PLAIN) {
        learn_as(layer, PLAIN, layer->K, z, g);
    } else if (variant == WITH_PENALTY) {
        learn_as(layer, WITH_PENALTY, layer->K, z, g);
    } else {
        learn_as(layer, WITH_MOMENTUM, layer->K, z, g);
    }
}

/* The outputs for sample t > 0 of a block, after the update of the previous sample:
 * `learn` for sample t - 1, a_t += Σ_{s<t} gram[s] g_s, and `output` for sample t, in
 * one pass over the hidden units. Rows of a, and of g, are `units` apart. */
INLINE void next_output_as(const output_layer *layer, rule_variant variant, ptrdiff_t K,
                           real *a, real *g, const real *gram, ptrdiff_t t)
{
    const ptrdiff_t units = layer->units;
    real *const a_t = a + t * units;
    vector one[PARTS], *const sums = K == 1 ? one : (vector *)layer->sums;

    clear(sums, K);
    for (ptrdiff_t first = 0; first < units; first += TILE) {
        EACH(p, PARTS) {
            const ptrdiff_t h = first + p * LANES;
            const vector last =
                learn_units(layer, variant, K, h, a_t - units, g + (t - 1) * units);
            vector z = load(a_t + h);
            for (ptrdiff_t s = 0; s < t - 1; s++) {
                z = fused(all_lanes(gram[s]), load(g + s * units + h), z);
            }
            z = sigmoid(fused(all_lanes(gram[t - 1]), last, z));
            store(a_t + h, z);
            take_in(layer, sums, K, h, p, z);
        }
    }
    learn_biases(layer, variant, K);
    conclude(layer, sums, K, layer->y_hat);
}

static void next_output(const output_layer *layer, rule_variant variant, real *a,
                        real *g, const real *gram, ptrdiff_t t)
{
    if (variant == PLAIN && layer->K == 1) {
        next_output_as(layer, PLAIN, 1, a, g, gram, t);
    } else if (variant == PLAIN) {
        next_output_as(layer, PLAIN, layer->K, a, g, gram, t);
    } else if (variant == WITH_PENALTY) {
        next_output_as(layer, WITH_PENALTY, layer->K, a, g, gram, t);
    } else {
        next_output_as(layer, WITH_MOMENTUM, layer->K, a, g, gram, t);
    }
}

/* In a batch, v and v_0 do not change: add the updates of `count` samples to the
 * deltas, and compute the g of each sample. */
INLINE void collect_as(const output_layer *layer, ptrdiff_t K, ptrdiff_t count,
                       const real *z, real *g)
{
    const ptrdiff_t units = layer->units;

    for (ptrdiff_t h = 0; h < units; h += LANES) {
        for (ptrdiff_t k = 0; k < K; k++) {
            const vector v = load(layer->v + k * units + h);
            vector delta = load(layer->deltas + k * units + h);
            for (ptrdiff_t s = 0; s < count; s++) {
                const vector step = all_lanes(layer->step[s * K + k]);
                const vector z_s = load(z + s * units + h);
                real *const g_s = g + s * units + h;
                const vector factor = k ? fused(step, v, load(g_s)) : step * v;
                store(g_s, k < K - 1 ? factor : factor * fused(-z_s, z_s, z_s));
                delta = fused(step, z_s, delta);
            }
            store(layer->deltas + k * units + h, delta);
        }
    }
    for (ptrdiff_t s = 0; s < count; s++) {
        for (ptrdiff_t k = 0; k < K; k++) {
            layer->deltas[K * units + k] += layer->step[s * K + k];
        }
    }
}

static void collect(const output_layer *layer, ptrdiff_t count, const real *z, real *g)
{
    if (layer->K == 1) {
        collect_as(layer, 1, count, z, g);
    } else {
        collect_as(layer, layer->K, count, z, g);
    }
}

/* Add deltas to the weights, with penalty ηα and, if there is a velocity, momentum. */
static void take_deltas(real *w, real *velocity, real *delta, ptrdiff_t count,
                        real penalty, real momentum)
{
    for (ptrdiff_t i = 0; i < count; i++) {
        real change = delta[i] - penalty * w[i];
        if (velocity) {
            change = velocity[i] = change + momentum * velocity[i];
        }
        w[i] += change;
        delta[i] = 0;
    }
}

/* At the end of a batch. */
static void end_batch_of_layer(const output_layer *layer)
{
    const ptrdiff_t biases = layer->K * layer->units;

    take_deltas(layer->v, layer->velocity, layer->deltas, biases, layer->penalty,
                layer->momentum);
    take_deltas(layer->v + biases, layer->velocity ? layer->velocity + biases : NULL,
                layer->deltas + biases, layer->K, 0, layer->momentum);
}

#endif
