/* Training one sample at a time, in blocks of m samples that share a pass over W.
 *
 * The pass adds the updates of the last block and computes the products of the next, so
 * that W is read and written once for m samples. The products use W as it was before
 * the block. If the update of sample s is W += g_s x̃_sᵀ, the pre-activations of sample
 * t in the block are
 *
 *     a_t = W x̃_t + Σ_{s<t} (x̃_s · x̃_t) g_s
 *
 * This is the same as one sample at a time, up to rounding. With a penalty or momentum,
 * every term has a factor; see recurrence.h.
 */

#ifndef SKLEARN_BACKPROP_ONLINE_H
#define SKLEARN_BACKPROP_ONLINE_H

#include <string.h>

#include "block_inputs.h"
#include "output_layer.h"
#include "recurrence.h"
#include "sweep.h"

/* gram[t][s] = x̃_s · x̃_t for s < t */
INLINE void inner_products(const real *x_tilde, ptrdiff_t m, ptrdiff_t d,
                           real gram[LONG_BLOCK][LONG_BLOCK])
{
    const ptrdiff_t length = padded(d + 1, sizeof(real));
    vector sum[LONG_BLOCK][LONG_BLOCK][PARTS];

    EACH(t, m)
        EACH(s, t)
            EACH(p, PARTS)
                sum[t][s][p] = all_lanes(0);
    for (ptrdiff_t j = 0; j < length; j += TILE) {
        EACH(p, PARTS) {
            vector x[LONG_BLOCK];
            EACH(t, m)
                x[t] = load(x_tilde + t * length + j + p * LANES);
            EACH(t, m)
                EACH(s, t)
                    sum[t][s][p] = fused(x[t], x[s], sum[t][s][p]);
        }
    }
    EACH(t, m)
        EACH(s, t)
            gram[t][s] = sum_of_lanes(sum[t][s]);
}

INLINE int all_finite(ptrdiff_t m, real gram[LONG_BLOCK][LONG_BLOCK])
{
    real zero = 0;
    EACH(t, m)
        EACH(s, t)
            zero += 0 * gram[t][s];
    return zero == 0;
}

/* The inputs of samples t = 0, 1, … of a block, scaled for products with the weights
 * before the block. */
INLINE void inputs_of_block(const real *x_tilde, ptrdiff_t m, ptrdiff_t d,
                            const double *bias, const double *inputs, real *x)
{
    real for_bias[LONG_BLOCK], for_inputs[LONG_BLOCK];

    EACH(t, m) {
        for_bias[t] = (real)bias[t];
        for_inputs[t] = (real)inputs[t];
    }
    transpose_scaled(x_tilde, m, d, for_bias, for_inputs, x);
}

/* The inputs of `count` samples, s = 0, 1, …, scaled for their updates of the weights
 * after the block. */
INLINE void updates_of_block(const real *x_tilde, ptrdiff_t m, ptrdiff_t d,
                             ptrdiff_t count, const double *bias, const double *inputs,
                             real *x)
{
    real for_bias[LONG_BLOCK], for_inputs[LONG_BLOCK];

    EACH(s, m) {
        for_bias[s] = s < count ? (real)bias[count - s] : 0;
        for_inputs[s] = s < count ? (real)inputs[count - s] : 0;
    }
    transpose_scaled(x_tilde, m, d, for_bias, for_inputs, x);
}

/* Set what a block of `count` samples does to W and V: their factors, and its
 * updates. */
INLINE void end_of_block(pass_over_W *pass, rule_variant variant, const real *x_tilde,
                         ptrdiff_t m, ptrdiff_t count, const recurrence *bias,
                         const recurrence *inputs)
{
    const recurrence *const of[2] = {bias, inputs};
    real *const keep[2] = {pass->keep_bias, pass->keep};

    EACH(i, 2) {
        keep[i][0] = (real)of[i]->W_from_W[count];
        keep[i][1] = (real)of[i]->W_from_V[count];
        keep[i][2] = (real)of[i]->V_from_W[count];
        keep[i][3] = (real)of[i]->V_from_V[count];
    }
    updates_of_block(x_tilde, m, pass->d, count, bias->W_from_g, inputs->W_from_g,
                     pass->x_last);
    if (variant == WITH_MOMENTUM) {
        updates_of_block(x_tilde, m, pass->d, count, bias->V_from_g, inputs->V_from_g,
                         pass->x_last_V);
    }
}

INLINE void sweep_as(const pass_over_W *pass, ptrdiff_t m, rule_variant variant,
                     int multiplies, ptrdiff_t width)
{
    const ptrdiff_t taken = width * LANES, groups = (pass->units + taken - 1) / taken;

    for (ptrdiff_t i = 0; i < groups; i++) {
        const ptrdiff_t unit = taken * (pass->backward ? groups - 1 - i : i);
        const ptrdiff_t left = (pass->units - unit) / LANES;

        if (width > 1 && left == 1) {
            sweep_group(pass, m, variant, 1, multiplies, 1, 0, unit, i);
        } else if (width > 2 && left == 2) {
            sweep_group(pass, m, variant, 1, multiplies, 2, 0, unit, i);
        } else {
            sweep_group(pass, m, variant, 1, multiplies, width, 0, unit, i);
        }
    }
}

INLINE void sweep_variant(const pass_over_W *pass, ptrdiff_t m, rule_variant variant,
                          int multiplies, ptrdiff_t width, ptrdiff_t width_with_V)
{
    if (variant == PLAIN) {
        sweep_as(pass, m, PLAIN, multiplies, width);
    } else if (variant == WITH_PENALTY) {
        sweep_as(pass, m, WITH_PENALTY, multiplies, width);
    } else {
        sweep_as(pass, m, WITH_MOMENTUM, multiplies, width_with_V);
    }
}

/* Add the updates of the last block, and compute the products of the next block if
 * there is one. These are separate functions, so that each can use all registers. */
static NOINLINE void sweep_short(const pass_over_W *pass, rule_variant variant,
                                 int multiplies)
{
    if (multiplies) {
        sweep_variant(pass, BLOCK, variant, 1, WIDTH_OF_BLOCK, WIDTH_OF_BLOCK_WITH_V);
    } else {
        sweep_variant(pass, BLOCK, variant, 0, WIDTH_OF_BLOCK, WIDTH_OF_BLOCK_WITH_V);
    }
}

static NOINLINE void sweep_long(const pass_over_W *pass, rule_variant variant,
                                int multiplies)
{
    const ptrdiff_t width = WIDTH_OF_LONG_BLOCK, with_V = WIDTH_OF_LONG_BLOCK_WITH_V;

    if (multiplies) {
        sweep_variant(pass, LONG_BLOCK, variant, 1, width, with_V);
    } else {
        sweep_variant(pass, LONG_BLOCK, variant, 0, width, with_V);
    }
}

INLINE void sweep(const pass_over_W *pass, ptrdiff_t m, rule_variant variant,
                  int multiplies)
{
    if (m == BLOCK) {
        sweep_short(pass, variant, multiplies);
    } else {
        sweep_long(pass, variant, multiplies);
    }
}

INLINE double train_in_blocks(const network *net, const samples *data,
                              const learning_rule *rule, ptrdiff_t m, ptrdiff_t start,
                              ptrdiff_t stop, double loss)
{
    real *x_tilde, *room;
    pass_over_W pass = pass_over(net, m, &x_tilde, &room);
    const rule_variant variant = variant_of(net, rule);
    const output_layer layer = layer_of(net, rule, room, m);
    const recurrence bias = recurrence_of(0, rule->momentum);
    const recurrence inputs = recurrence_of(rule->eta * rule->alpha, rule->momentum);
    const ptrdiff_t d = pass.d, units = pass.units;
    real *const a = pass.a, *const g = pass.g;
    real gram[LONG_BLOCK][LONG_BLOCK];

    memset(x_tilde, 0, m * padded(d + 1, sizeof(real)) * sizeof(real));
    memset(g, 0, m * units * sizeof(real));
    memset(pass.x_last, 0, m * (d + 1) * sizeof(real));
    memset(pass.x_last_V, 0, m * (d + 1) * sizeof(real));
    for (ptrdiff_t i = start, count; i < stop; i += count) {
        count = MIN(stop - i, m);
        standardize(data, i, count, m, d, x_tilde);
        if (variant == PLAIN) {
            transpose(x_tilde, m, d, pass.x);
        } else {
            inputs_of_block(x_tilde, m, d, bias.W_from_W, inputs.W_from_W, pass.x);
        }
        if (variant == WITH_MOMENTUM) {
            inputs_of_block(x_tilde, m, d, bias.W_from_V, inputs.W_from_V, pass.x_V);
        }
        look_ahead(&pass, data, i + m, MIN(stop - i - m, m));
        sweep(&pass, m, variant, 1);
        pass.backward = !pass.backward;
        inner_products(x_tilde, m, d, gram);
        if (!all_finite(m, gram)) {
            count = 1; /* inf × 0 would be NaN, unlike in the rule */
        }
        if (variant != PLAIN) {
            EACH(t, m)
                EACH(s, t)
                    gram[t][s] = (real)(bias.W_from_g[t - s]
                                        + inputs.W_from_g[t - s] * (gram[t][s] - 1));
        }

        for (ptrdiff_t t = 0; t < count; t++) {
            if (t) {
                next_output(&layer, variant, a, g, gram[t], t);
            } else {
                outputs(&layer, 1, a, layer.y_hat);
            }
            loss += loss_of(&layer, data, i + t, rule->eta, layer.y_hat, layer.step);
        }
        const ptrdiff_t last = (count - 1) * units;
        learn(&layer, variant, a + last, g + last);
        if (count < m) {
            memset(g + count * units, 0, (m - count) * units * sizeof(real));
        }

        if (variant == PLAIN) {
            real *const swap = pass.x_last;
            pass.x_last = pass.x;
            pass.x = swap;
        } else {
            end_of_block(&pass, variant, x_tilde, m, count, &bias, &inputs);
        }
    }
    sweep(&pass, m, variant, 0);
    return loss;
}

static NOINLINE double train_short(const network *net, const samples *data,
                                   const learning_rule *rule, ptrdiff_t start,
                                   ptrdiff_t stop, double loss)
{
    return train_in_blocks(net, data, rule, BLOCK, start, stop, loss);
}

static NOINLINE double train_long(const network *net, const samples *data,
                                  const learning_rule *rule, ptrdiff_t start,
                                  ptrdiff_t stop, double loss)
{
    return train_in_blocks(net, data, rule, LONG_BLOCK, start, stop, loss);
}

static double train_online(const network *net, const samples *data,
                           const learning_rule *rule, ptrdiff_t start, ptrdiff_t stop,
                           double loss)
{
    return block_length(net->d, net->H, sizeof(real)) == BLOCK
               ? train_short(net, data, rule, start, stop, loss)
               : train_long(net, data, rule, start, stop, loss);
}

#endif
