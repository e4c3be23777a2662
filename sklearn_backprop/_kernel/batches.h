/* Batches of several samples, and predictions: W does not change meanwhile, so products
 * need no correction, and many samples share a pass over W.
 *
 * A block is a batch, or a part of one; see batch_block. For a few registers of hidden
 * units at a time, a pass adds the updates of the last block, MANY or FEW samples at a
 * time, and computes the products of the next block. If a block is a whole batch, the
 * pass adds the updates to W. Otherwise, and with momentum, it adds them to deltas,
 * which are added to W when the batch ends.
 */

#ifndef SKLEARN_BACKPROP_BATCHES_H
#define SKLEARN_BACKPROP_BATCHES_H

#include "block_inputs.h"
#include "output_layer.h"
#include "recurrence.h"
#include "sweep.h"

#define MANY (REGISTERS == 32 ? 8 : 4)
#define FEW 4
#define WIDTH_OF_BATCH 3

_Static_assert(MANY <= LONG_BLOCK && WIDTH_OF_BATCH <= MOST_WIDTH
                   && BATCH_BLOCK % LONG_BLOCK == 0,
               "a pass, and its room, hold no more");

/* the count, including samples of 0 that fill up the last FEW */
static ptrdiff_t filled(ptrdiff_t count)
{
    return (count + FEW - 1) / FEW * FEW;
}

static ptrdiff_t parts_of(ptrdiff_t count)
{
    return (count + MANY - 1) / MANY;
}

/* The inputs of `count` samples, MANY at a time, or FEW at the end. */
static void inputs_of_batch(const samples *data, ptrdiff_t first, ptrdiff_t count,
                            ptrdiff_t d, real *x_tilde, real *x)
{
    for (ptrdiff_t s = 0; s < count; s += MANY, x += MANY * (d + 1)) {
        const ptrdiff_t left = MIN(count - s, MANY);
        fetch_rows(data, first + s + MANY, MIN(count - s - MANY, MANY), d);
        if (left > FEW) {
            standardize(data, first + s, left, MANY, d, x_tilde);
            transpose(x_tilde, MANY, d, x);
        } else {
            standardize(data, first + s, left, FEW, d, x_tilde);
            transpose(x_tilde, FEW, d, x);
        }
    }
}

/* Add the updates of `count` samples, or compute their products, for `width` registers
 * of hidden units, starting at `unit`. */
INLINE void sweep_part(const pass_over_W *pass, rule_variant variant, int adds,
                       ptrdiff_t width, ptrdiff_t count, ptrdiff_t unit, ptrdiff_t i)
{
    for (ptrdiff_t at = 0; at < count; at += MANY, i++) {
        /* weights shrink once per batch */
        if (variant == WITH_PENALTY && at == 0 && count > FEW) {
            sweep_group(pass, MANY, WITH_PENALTY, adds, !adds, width, at, unit, i);
        } else if (variant == WITH_PENALTY && at == 0) {
            sweep_group(pass, FEW, WITH_PENALTY, adds, !adds, width, at, unit, i);
        } else if (count - at > FEW) {
            sweep_group(pass, MANY, PLAIN, adds, !adds, width, at, unit, i);
        } else {
            sweep_group(pass, FEW, PLAIN, adds, !adds, width, at, unit, i);
        }
    }
}

/* first `added` samples of the last block, then `multiplied` samples of this block */
INLINE void sweep_units(const pass_over_W *pass, rule_variant variant, ptrdiff_t width,
                        ptrdiff_t added, ptrdiff_t multiplied, ptrdiff_t unit,
                        ptrdiff_t i)
{
    sweep_part(pass, variant, 1, width, added, unit, i);
    sweep_part(pass, PLAIN, 0, width, multiplied, unit, i + parts_of(added));
}

static void sweep_batch(const pass_over_W *pass, rule_variant variant, ptrdiff_t added,
                        ptrdiff_t multiplied)
{
    const ptrdiff_t taken = WIDTH_OF_BATCH * LANES;
    const ptrdiff_t groups = (pass->units + taken - 1) / taken;
    const ptrdiff_t parts = parts_of(added) + parts_of(multiplied);

    for (ptrdiff_t group = 0; group < groups; group++) {
        const ptrdiff_t unit = taken * (pass->backward ? groups - 1 - group : group);
        const ptrdiff_t left = (pass->units - unit) / LANES, i = group * parts;
        if (left == 1) {
            sweep_units(pass, variant, 1, added, multiplied, unit, i);
        } else if (left == 2) {
            sweep_units(pass, variant, 2, added, multiplied, unit, i);
        } else {
            sweep_units(pass, variant, WIDTH_OF_BATCH, added, multiplied, unit, i);
        }
    }
}

/* Add the deltas to the hidden weights; biases have no penalty. */
static void take_hidden_deltas(const network *net, const output_layer *layer)
{
    const ptrdiff_t inputs = net->d * TILE, hidden = layer->units * (net->d + 1);
    real *const W = net->weights, *const V = net->velocity, *const deltas = net->deltas;

    for (ptrdiff_t bias = 0; bias < hidden; bias += TILE + inputs) {
        const ptrdiff_t first = bias + TILE;
        take_deltas(W + bias, V ? V + bias : NULL, deltas + bias, TILE, 0,
                    layer->momentum);
        take_deltas(W + first, V ? V + first : NULL, deltas + first, inputs,
                    layer->penalty, layer->momentum);
    }
}

static double train_batches(const network *net, const samples *data,
                            const learning_rule *rule, ptrdiff_t start, ptrdiff_t stop,
                            double loss)
{
    real *x_tilde, *room;
    const ptrdiff_t b = rule->batch_size, length = batch_block(b, net->d, sizeof(real));
    pass_over_W pass = pass_over(net, length, &x_tilde, &room);
    const output_layer layer = layer_of(net, rule, room, length);
    const int adds_to_W = b <= length && !net->velocity;
    const rule_variant variant = adds_to_W ? variant_of(net, rule) : PLAIN;
    const ptrdiff_t units = pass.units, d = pass.d, K = layer.K;
    ptrdiff_t added = 0;

    pass.to = adds_to_W ? net->weights : net->deltas;
    pass.keep[0] = (real)(1 - rule->eta * rule->alpha);
    for (ptrdiff_t i = start, count; i < stop; i += count) {
        count = MIN(MIN(stop - i, length), b - i % b);
        inputs_of_batch(data, i, count, d, x_tilde, pass.x);
        look_ahead(&pass, data, i + count, MIN(stop - i - count, length));
        sweep_batch(&pass, variant, added, count);
        pass.backward = !pass.backward;
        outputs(&layer, count, pass.a, layer.y_hat);
        for (ptrdiff_t s = 0; s < count; s++) {
            loss += loss_of(&layer, data, i + s, rule->eta, layer.y_hat + s * K,
                            layer.step + s * K);
        }
        collect(&layer, count, pass.a, pass.g);
        memset(pass.g + count * units, 0,
               (filled(count) - count) * units * sizeof(real));
        real *const swap = pass.x_last;
        pass.x_last = pass.x;
        pass.x = swap;
        added = count;
        if ((i + count) % b == 0 || i + count == rule->n) {
            if (!adds_to_W) {
                sweep_batch(&pass, PLAIN, added, 0);
                added = 0;
                take_hidden_deltas(net, &layer);
            }
            end_batch_of_layer(&layer);
        }
    }
    sweep_batch(&pass, variant, added, 0);
    return loss;
}

static void predict_batches(const network *net, const samples *data, ptrdiff_t start,
                            ptrdiff_t stop, real *y_hat)
{
    real *x_tilde, *room;
    const ptrdiff_t d = net->d, length = batch_block(stop - start, d, sizeof(real));
    pass_over_W pass = pass_over(net, length, &x_tilde, &room);
    const output_layer layer = layer_of(net, NULL, room, length);
    const real limit = LIMIT;

    for (ptrdiff_t i = start, count; i < stop; i += count) {
        count = MIN(stop - i, length);
        inputs_of_batch(data, i, count, d, x_tilde, pass.x);
        for (ptrdiff_t k = 0; k < filled(count) * (d + 1); k++) {
            pass.x[k] = pass.x[k] > limit    ? limit
                        : pass.x[k] < -limit ? -limit
                                             : pass.x[k];
        }
        look_ahead(&pass, data, i + count, MIN(stop - i - count, length));
        sweep_batch(&pass, PLAIN, 0, count);
        outputs(&layer, count, pass.a, y_hat + i * layer.K);
    }
}

#endif
