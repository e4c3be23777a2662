/* Training and prediction in blocks of M samples; included by network.inc.h for each M.
 *
 * One pass over W adds the updates of the last block and computes the products of the
 * next, so that W is read and written once in M samples. The products are those of W
 * before the block: with the update of sample s written as W += g_s x̃_sᵀ, the
 * pre-activations of sample t in the block are
 *
 *     a_t = W x̃_t + Σ_{s<t} (x̃_s · x̃_t) g_s
 *
 * which equals one sample at a time but for rounding. With a penalty or momentum every
 * term has a factor; see recurrence.h. In a batch no correction is
 * needed: W stands still, and the updates go to the deltas until the batch ends.
 */

#include "sweep.inc.h"

#define FEW_LINES 8 /* of memory that are fetched of a row all at once */

/* The rows of a block in training units, x̃ = (1, (x - mean) × scale): `count` of them
 * from the first on, the rest 0. Rows are padded to whole tiles, with zeros. */
INLINE void IN_BLOCKS(standardize_from)(const samples *data, ptrdiff_t column_stride,
                                        ptrdiff_t first, ptrdiff_t count, ptrdiff_t d,
                                        REAL *restrict rows)
{
    const ptrdiff_t length = padded(d + 1, sizeof(REAL));
    const double *restrict mean = data->mean;
    const double *restrict scale = data->scale;

    for (ptrdiff_t s = 0; s < count; s++, rows += length) {
        const ptrdiff_t i = row_at(&data->order, first + s);
        const REAL *restrict row = (const REAL *)data->X + i * data->row_stride;
        rows[0] = 1;
        for (ptrdiff_t j = 0; j < d; j++) {
            rows[j + 1] =
                (REAL)(((double)row[j * column_stride] - mean[j]) * scale[j]);
        }
    }
}

static void IN_BLOCKS(standardize)(const samples *data, ptrdiff_t first,
                                   ptrdiff_t count, ptrdiff_t d, REAL *rows)
{
    const ptrdiff_t length = padded(d + 1, sizeof(REAL));

    if (count < M) {
        memset(rows + count * length, 0, (M - count) * length * sizeof(REAL));
    }
    if (data->indptr) {
        for (ptrdiff_t s = 0; s < count; s++) {
            NAME(spread_row)(data, row_at(&data->order, first + s), d, rows + s * length);
        }
    } else if (data->column_stride == 1) {
        IN_BLOCKS(standardize_from)(data, 1, first, count, d, rows);
    } else {
        IN_BLOCKS(standardize_from)(data, data->column_stride, first, count, d, rows);
    }
}

/* x[j][s] = x̃_s[j], so that a sweep reads its inputs one after the other */
static void IN_BLOCKS(transpose)(const REAL *restrict rows, ptrdiff_t d,
                                 REAL *restrict x)
{
    const ptrdiff_t length = padded(d + 1, sizeof(REAL));

    for (ptrdiff_t j = 0; j <= d; j++) {
        EACH(s, M) x[j * M + s] = rows[s * length + j];
    }
}

/* the same, with sample s multiplied by inputs[s], and its constant input by bias[s] */
static void IN_BLOCKS(transpose_scaled)(const REAL *restrict rows, ptrdiff_t d,
                                        const REAL bias[M], const REAL inputs[M],
                                        REAL *restrict x)
{
    const ptrdiff_t length = padded(d + 1, sizeof(REAL));

    EACH(s, M) x[s] = rows[s * length] * bias[s];
    for (ptrdiff_t j = 1; j <= d; j++) {
        EACH(s, M) x[j * M + s] = rows[s * length + j] * inputs[s];
    }
}

/* What sample t = 0, 1, … of a block takes from the weights before the block. */
static void IN_BLOCKS(inputs_of_block)(const REAL *rows, ptrdiff_t d,
                                       const double bias[M], const double inputs[M],
                                       REAL *x)
{
    REAL for_bias[M], for_inputs[M];

    EACH(t, M) {
        for_bias[t] = (REAL)bias[t];
        for_inputs[t] = (REAL)inputs[t];
    }
    IN_BLOCKS(transpose_scaled)(rows, d, for_bias, for_inputs, x);
}

/* What a block of `count` samples, s = 0, 1, …, leaves in the weights after it. */
static void IN_BLOCKS(updates_of_block)(const REAL *rows, ptrdiff_t d, ptrdiff_t count,
                                        const double *bias, const double *inputs,
                                        REAL *x)
{
    REAL for_bias[M], for_inputs[M];

    EACH(s, M) {
        for_bias[s] = s < count ? (REAL)bias[count - s] : 0;
        for_inputs[s] = s < count ? (REAL)inputs[count - s] : 0;
    }
    IN_BLOCKS(transpose_scaled)(rows, d, for_bias, for_inputs, x);
}

/* Fetch the `count` rows that the next block will read: in a random order they are far
 * from the CPU. Of long rows only the beginning; the pass over W fetches the rest. */
static void IN_BLOCKS(look_ahead)(const samples *data, ptrdiff_t first, ptrdiff_t count,
                                  ptrdiff_t d, ptrdiff_t K, IN_BLOCKS(pass) *pass)
{
    if (data->indptr) {
        return;
    }
    const ptrdiff_t stride = data->column_stride;
    const ptrdiff_t line = stride == 1 ? TILE : 1; /* items in a cache line */
    const ptrdiff_t few = MIN(d, FEW_LINES * line);

    pass->n_ahead = few < d ? count : 0;
    pass->stride = stride;
    for (ptrdiff_t s = 0; s < count; s++) {
        const ptrdiff_t i = row_at(&data->order, first + s);
        const REAL *const row = (const REAL *)data->X + i * data->row_stride;
        for (ptrdiff_t j = 0; j < few; j += line) {
            __builtin_prefetch(row + j * stride);
        }
        __builtin_prefetch(row + (d - 1) * stride);
        __builtin_prefetch((const REAL *)data->y + i * K);
        pass->ahead[s] = row;
    }
}

/* gram[t][s] = x̃_s · x̃_t for s < t */
static void IN_BLOCKS(inner_products)(const REAL *rows, ptrdiff_t d, REAL gram[M][M])
{
    const ptrdiff_t length = padded(d + 1, sizeof(REAL));
    VECTOR sum[M][M][PARTS];

    EACH(t, M) EACH(s, t) EACH(p, PARTS) sum[t][s][p] = ALL(0);
    for (ptrdiff_t j = 0; j < length; j += TILE) {
        EACH(p, PARTS) {
            VECTOR x[M];
            EACH(t, M) x[t] = LOAD(rows + t * length + j + p * LANES);
            EACH(t, M) EACH(s, t) sum[t][s][p] = FUSED(x[t], x[s], sum[t][s][p]);
        }
    }
    EACH(t, M) EACH(s, t) gram[t][s] = NAME(total)(sum[t][s]);
}

static int IN_BLOCKS(all_finite)(REAL gram[M][M])
{
    REAL zero = 0;
    EACH(t, M) EACH(s, t) zero += 0 * gram[t][s];
    return zero == 0;
}

/* A pass over the network's weights, with room in its workspace: for the rows of a
 * block, and what is left of it */
static IN_BLOCKS(pass) IN_BLOCKS(new_pass)(const network *net, REAL **rows, REAL **left)
{
    const ptrdiff_t d = net->d, units = padded(net->H, sizeof(REAL));
    const ptrdiff_t inputs = M * (d + 1);
    IN_BLOCKS(pass) pass = {.W = net->weights, .V = net->velocity, .d = d};

    pass.units = units;
    pass.a = net->workspace;
    pass.g = pass.a + M * units;
    *rows = pass.g + M * units;
    pass.x = *rows + M * padded(d + 1, sizeof(REAL));
    memset(*rows, 0, (char *)pass.x - (char *)*rows);
    pass.x_last = pass.x + inputs;
    pass.x_V = pass.x_last + inputs;
    pass.x_last_V = pass.x_V + inputs;
    *left = pass.a + workspace_size(d, net->H, 0, sizeof(REAL));
    pass.keep[0] = pass.keep[3] = pass.keep_bias[0] = pass.keep_bias[3] = 1;
    return pass;
}

/* How W and V are kept in a block of `count` samples, and what it has taught. */
static void IN_BLOCKS(end_of_block)(IN_BLOCKS(pass) *pass, int kind, const REAL *rows,
                                    ptrdiff_t count, const recurrence *bias,
                                    const recurrence *inputs)
{
    const recurrence *const of[2] = {bias, inputs};
    REAL *const keep[2] = {pass->keep_bias, pass->keep};

    EACH(i, 2) {
        keep[i][0] = (REAL)of[i]->W_from_W[count];
        keep[i][1] = (REAL)of[i]->W_from_V[count];
        keep[i][2] = (REAL)of[i]->V_from_W[count];
        keep[i][3] = (REAL)of[i]->V_from_V[count];
    }
    IN_BLOCKS(updates_of_block)(rows, pass->d, count, bias->W_from_g, inputs->W_from_g,
                                pass->x_last);
    if (kind == WITH_MOMENTUM) {
        IN_BLOCKS(updates_of_block)(rows, pass->d, count, bias->V_from_g,
                                    inputs->V_from_g, pass->x_last_V);
    }
}

/* one sample at a time: batches of one */
static double IN_BLOCKS(train_online)(const network *net, const samples *data,
                                      const rule *rule, ptrdiff_t start, ptrdiff_t stop,
                                      double loss)
{
    REAL *rows, *left;
    IN_BLOCKS(pass) pass = IN_BLOCKS(new_pass)(net, &rows, &left);
    const int kind = net->velocity ? WITH_MOMENTUM : rule->alpha ? WITH_PENALTY : PLAIN;
    const NAME(outputs) out = NAME(outputs_of)(net, rule, left);
    const recurrence bias = recurrence_of(0, rule->momentum);
    const recurrence inputs = recurrence_of(rule->eta * rule->alpha, rule->momentum);
    const ptrdiff_t d = pass.d, units = pass.units;
    REAL *const a = pass.a, *const g = pass.g;
    REAL gram[M][M];

    memset(g, 0, M * units * sizeof(REAL));
    memset(pass.x_last, 0, M * (d + 1) * sizeof(REAL));
    memset(pass.x_last_V, 0, M * (d + 1) * sizeof(REAL));
    for (ptrdiff_t i = start, count; i < stop; i += count) {
        count = MIN(stop - i, M);
        IN_BLOCKS(standardize)(data, i, count, d, rows);
        if (kind == PLAIN) {
            IN_BLOCKS(transpose)(rows, d, pass.x);
        } else {
            IN_BLOCKS(inputs_of_block)(rows, d, bias.W_from_W, inputs.W_from_W, pass.x);
        }
        if (kind == WITH_MOMENTUM) {
            IN_BLOCKS(inputs_of_block)(rows, d, bias.W_from_V, inputs.W_from_V, pass.x_V);
        }
        IN_BLOCKS(look_ahead)(data, i + M, MIN(stop - i - M, M), d, out.K, &pass);
        IN_BLOCKS(sweep)(&pass, kind);
        pass.backward = !pass.backward;
        IN_BLOCKS(inner_products)(rows, d, gram);
        if (!IN_BLOCKS(all_finite)(gram)) {
            count = 1; /* inf × 0 would make a NaN that the rule does not have */
        }
        if (kind != PLAIN) {
            EACH(t, M) EACH(s, t)
                gram[t][s] = (REAL)(bias.W_from_g[t - s]
                                    + inputs.W_from_g[t - s] * (gram[t][s] - 1));
        }

        for (ptrdiff_t t = 0; t < count; t++) {
            if (t) {
                NAME(learn_then_output)(&out, kind, a, g, gram[t], t);
            } else {
                NAME(output)(&out, a);
            }
            loss += NAME(loss_of)(&out, data, i + t, rule->eta);
        }
        const ptrdiff_t last = (count - 1) * units;
        NAME(learn)(&out, kind, a + last, g + last);
        if (count < M) {
            memset(g + count * units, 0, (M - count) * units * sizeof(REAL));
        }

        if (kind == PLAIN) {
            REAL *const swap = pass.x_last;
            pass.x_last = pass.x;
            pass.x = swap;
        } else {
            IN_BLOCKS(end_of_block)(&pass, kind, rows, count, &bias, &inputs);
        }
    }
    IN_BLOCKS(add_updates)(&pass, kind);
    return loss;
}

/* batches of several samples: W and v stand still until a batch ends */
static double IN_BLOCKS(train_batches)(const network *net, const samples *data,
                                       const rule *rule, ptrdiff_t start,
                                       ptrdiff_t stop, double loss)
{
    REAL *rows, *left;
    IN_BLOCKS(pass) pass = IN_BLOCKS(new_pass)(net, &rows, &left);
    const NAME(outputs) out = NAME(outputs_of)(net, rule, left);
    const ptrdiff_t d = pass.d, units = pass.units;
    REAL *const g = pass.g;

    for (ptrdiff_t i = start, count; i < stop; i += count) {
        count = MIN(MIN(stop - i, M), rule->batch_size - i % rule->batch_size);
        IN_BLOCKS(standardize)(data, i, count, d, rows);
        IN_BLOCKS(transpose)(rows, d, pass.x);
        IN_BLOCKS(look_ahead)(data, i + count, MIN(stop - i - count, M), d, out.K, &pass);
        pass.W = net->weights;
        IN_BLOCKS(products_and_fetch)(&pass);
        memset(g, 0, M * units * sizeof(REAL));
        for (ptrdiff_t s = 0; s < count; s++) {
            REAL *const z = pass.a + s * units;
            NAME(output)(&out, z);
            loss += NAME(loss_of)(&out, data, i + s, rule->eta);
            NAME(learn)(&out, COLLECTING, z, g + s * units);
        }
        pass.W = net->deltas;
        pass.x_last = pass.x;
        IN_BLOCKS(add_updates)(&pass, PLAIN);
        if ((i + count) % rule->batch_size == 0 || i + count == rule->n) {
            NAME(end_batch)(net, rule);
        }
    }
    return loss;
}

static double IN_BLOCKS(train)(const network *net, const samples *data,
                               const rule *rule, ptrdiff_t start, ptrdiff_t stop,
                               double loss)
{
    return rule->batch_size == 1
               ? IN_BLOCKS(train_online)(net, data, rule, start, stop, loss)
               : IN_BLOCKS(train_batches)(net, data, rule, start, stop, loss);
}

static void IN_BLOCKS(predict)(const network *net, const samples *data, ptrdiff_t start,
                               ptrdiff_t stop, REAL *y_hat)
{
    REAL *rows, *left;
    IN_BLOCKS(pass) pass = IN_BLOCKS(new_pass)(net, &rows, &left);
    const NAME(outputs) out = NAME(outputs_of)(net, NULL, left);
    const ptrdiff_t d = pass.d, K = out.K;
    REAL *const x = pass.x;
    const REAL limit = LIMIT;

    for (ptrdiff_t i = start, count; i < stop; i += count) {
        count = MIN(stop - i, M);
        IN_BLOCKS(standardize)(data, i, count, d, rows);
        IN_BLOCKS(transpose)(rows, d, x);
        for (ptrdiff_t k = 0; k < M * (d + 1); k++) {
            x[k] = x[k] > limit ? limit : x[k] < -limit ? -limit : x[k];
        }
        IN_BLOCKS(products)(&pass);
        for (ptrdiff_t s = 0; s < count; s++) {
            NAME(output)(&out, pass.a + s * pass.units);
            memcpy(y_hat + (i + s) * K, out.y_hat, K * sizeof(REAL));
        }
    }
}

#undef M
#undef WIDTH
#undef WIDTH_WITH_V
#undef IN_BLOCKS
#undef FEW_LINES
