/* Training and prediction in blocks of M examples; included by network.inc.h for each M.
 *
 * One pass over W adds the updates of the last block and computes the products of the
 * next, so that W is read and written once in M examples. The products are those of W
 * before the block: with the update of example s written as W += g_s x̃_sᵀ, the
 * pre-activations of example t in the block are
 *
 *     a_t = W x̃_t + Σ_{s<t} (x̃_s · x̃_t) g_s
 *
 * which equals one example at a time but for rounding. In a batch no correction is
 * needed: W stands still, and the updates go to the deltas until the batch ends.
 */

#include "sweep.inc.h"

#define PREFETCH_BYTES 512 /* of a row: the hardware goes on from there */

/* x̃ = (1, (x - mean) × scale) of `count` rows from the first on, the rest 0 */
INLINE void IN_BLOCKS(standardise_from)(const examples *data, ptrdiff_t column_stride,
                                        ptrdiff_t first, ptrdiff_t count, ptrdiff_t d,
                                        REAL *restrict x)
{
    const double *restrict mean = data->mean;
    const double *restrict scale = data->scale;
    const REAL *row[M];

    EACH(s, M) {
        const ptrdiff_t i = s < count ? first + s : first;
        row[s] = (const REAL *)data->X + row_at(data->order, i) * data->row_stride;
        x[s] = 1;
    }
    for (ptrdiff_t j = 0; j < d; j++) {
        EACH(s, M)
            x[(j + 1) * M + s] =
                (REAL)(((double)row[s][j * column_stride] - mean[j]) * scale[j]);
    }
    for (ptrdiff_t s = count; s < M; s++) {
        for (ptrdiff_t j = 0; j <= d; j++) {
            x[j * M + s] = 0;
        }
    }
}

static void IN_BLOCKS(standardise)(const examples *data, ptrdiff_t first,
                                   ptrdiff_t count, ptrdiff_t d, REAL *x)
{
    if (data->column_stride == 1) {
        IN_BLOCKS(standardise_from)(data, 1, first, count, d, x);
    } else {
        IN_BLOCKS(standardise_from)(data, data->column_stride, first, count, d, x);
    }
}

/* Fetch what the next block will read: rows in a random order are far from the CPU. */
static void IN_BLOCKS(prefetch)(const examples *data, ptrdiff_t first, ptrdiff_t d)
{
    const int neighbours = data->column_stride == 1;
    const ptrdiff_t most = PREFETCH_BYTES / sizeof(REAL);
    const ptrdiff_t end = neighbours && d > most ? most : d;

    for (ptrdiff_t i = first; i < first + M; i++) {
        const ptrdiff_t row = row_at(data->order, i);
        const REAL *const x = (const REAL *)data->X + row * data->row_stride;
        for (ptrdiff_t j = 0; j < end; j += neighbours ? TILE : 1) {
            __builtin_prefetch(x + j * data->column_stride);
        }
        __builtin_prefetch(x + (d - 1) * data->column_stride);
        __builtin_prefetch((const REAL *)data->y + row);
    }
}

/* gram[s][t] = x̃_s · x̃_t; two partial sums each */
static void IN_BLOCKS(inner_products)(const REAL *restrict x, ptrdiff_t d,
                                      REAL gram[M][M])
{
    REAL even[M][M] = {{0}}, odd[M][M] = {{0}};

    for (ptrdiff_t j = 0; j + 1 <= d; j += 2) {
        const REAL *const here = x + j * M, *const next = here + M;
        EACH(s, M) EACH(t, M) even[s][t] = FMA(here[s], here[t], even[s][t]);
        EACH(s, M) EACH(t, M) odd[s][t] = FMA(next[s], next[t], odd[s][t]);
    }
    if (d % 2 == 0) {
        const REAL *const here = x + d * M;
        EACH(s, M) EACH(t, M) even[s][t] = FMA(here[s], here[t], even[s][t]);
    }
    EACH(s, M) EACH(t, M) gram[s][t] = even[s][t] + odd[s][t];
}

static int IN_BLOCKS(all_finite)(REAL gram[M][M])
{
    REAL zero = 0;
    EACH(s, M) EACH(t, M) zero += 0 * gram[s][t];
    return zero == 0;
}

/* one example at a time: batches of one */
static double IN_BLOCKS(train_online)(const network *net, const examples *data,
                                      ptrdiff_t start, ptrdiff_t stop, REAL eta)
{
    const ptrdiff_t d = net->d, nodes = padded_nodes(net->H, sizeof(REAL));
    const REAL *const y = data->y;
    REAL *const W = net->weights, *const v = W + nodes * (d + 1);
    REAL *const a = net->workspace, *const g = a + M * nodes;
    REAL *x = g + M * nodes, *x_last = x + M * (d + 1);
    REAL gram[M][M];
    double loss = 0;
    int backward = 0;

    memset(g, 0, M * nodes * sizeof(REAL));
    memset(x_last, 0, M * (d + 1) * sizeof(REAL));
    for (ptrdiff_t i = start, count; i < stop; i += count, backward = !backward) {
        count = stop - i < M ? stop - i : M;
        IN_BLOCKS(standardise)(data, i, count, d, x);
        if (stop - i >= 2 * M) {
            IN_BLOCKS(prefetch)(data, i + M, d);
        }
        IN_BLOCKS(sweep)(W, g, x_last, x, a, d, nodes, backward);
        IN_BLOCKS(inner_products)(x, d, gram);
        if (!IN_BLOCKS(all_finite)(gram)) {
            count = 1; /* inf × 0 would make a NaN that the rule does not have */
        }

        REAL step = 0;
        for (ptrdiff_t t = 0; t < count; t++) {
            const REAL y_hat =
                t ? NAME(learn_then_output)(v, a, step, nodes, g, gram[t], t)
                  : NAME(output)(v, a, nodes);
            const REAL error = y[row_at(data->order, i + t)] - y_hat;
            loss += 0.5 * (double)error * (double)error;
            step = eta * error;
        }
        const ptrdiff_t last = (count - 1) * nodes;
        NAME(learn)(v, v, a + last, step, nodes, g + last);
        memset(g + count * nodes, 0, (M - count) * nodes * sizeof(REAL));

        REAL *const swap = x_last;
        x_last = x;
        x = swap;
    }
    IN_BLOCKS(add_updates)(W, g, x_last, d, nodes);
    return loss;
}

/* batches of several examples: W and v stand still until a batch ends */
static double IN_BLOCKS(train_batches)(const network *net, const examples *data,
                                       ptrdiff_t start, ptrdiff_t stop, ptrdiff_t n,
                                       ptrdiff_t batch_size, REAL eta)
{
    const ptrdiff_t d = net->d, nodes = padded_nodes(net->H, sizeof(REAL));
    const REAL *const y = data->y;
    REAL *const W = net->weights, *const v = W + nodes * (d + 1);
    REAL *const delta_W = net->deltas, *const delta_v = delta_W + nodes * (d + 1);
    REAL *const a = net->workspace, *const g = a + M * nodes;
    REAL *const x = g + M * nodes;
    double loss = 0;

    for (ptrdiff_t i = start, count; i < stop; i += count) {
        const ptrdiff_t left = batch_size - i % batch_size;
        count = stop - i < M ? stop - i : M;
        count = count < left ? count : left;
        IN_BLOCKS(standardise)(data, i, count, d, x);
        if (stop - i >= 2 * M) {
            IN_BLOCKS(prefetch)(data, i + count, d);
        }
        IN_BLOCKS(products)(W, x, a, d, nodes);
        memset(g, 0, M * nodes * sizeof(REAL));
        for (ptrdiff_t s = 0; s < count; s++) {
            REAL *const z = a + s * nodes;
            const REAL error =
                y[row_at(data->order, i + s)] - NAME(output)(v, z, nodes);
            loss += 0.5 * (double)error * (double)error;
            NAME(learn)(v, delta_v, z, eta * error, nodes, g + s * nodes);
        }
        IN_BLOCKS(add_updates)(delta_W, g, x, d, nodes);
        if ((i + count) % batch_size == 0 || i + count == n) {
            for (REAL *w = W, *delta = delta_W; w <= v + nodes; w++, delta++) {
                *w += *delta;
                *delta = 0;
            }
        }
    }
    return loss;
}

static double IN_BLOCKS(train)(const network *net, const examples *data, ptrdiff_t start,
                               ptrdiff_t stop, ptrdiff_t n, ptrdiff_t batch_size,
                               REAL eta)
{
    return batch_size == 1
               ? IN_BLOCKS(train_online)(net, data, start, stop, eta)
               : IN_BLOCKS(train_batches)(net, data, start, stop, n, batch_size, eta);
}

static void IN_BLOCKS(predict)(const network *net, const examples *data, ptrdiff_t start,
                               ptrdiff_t stop, REAL *y_hat)
{
    const ptrdiff_t d = net->d, nodes = padded_nodes(net->H, sizeof(REAL));
    const REAL *const W = net->weights, *const v = W + nodes * (d + 1);
    REAL *const a = net->workspace, *const x = a + M * nodes;
    const REAL limit = LIMIT;

    for (ptrdiff_t i = start, count; i < stop; i += count) {
        count = stop - i < M ? stop - i : M;
        IN_BLOCKS(standardise)(data, i, count, d, x);
        for (ptrdiff_t k = 0; k < M * (d + 1); k++) {
            x[k] = x[k] > limit ? limit : x[k] < -limit ? -limit : x[k];
        }
        IN_BLOCKS(products)(W, x, a, d, nodes);
        for (ptrdiff_t s = 0; s < count; s++) {
            y_hat[i + s] = NAME(output)(v, a + s * nodes, nodes);
        }
    }
}

#undef M
#undef WIDTH
#undef IN_BLOCKS
#undef PREFETCH_BYTES
