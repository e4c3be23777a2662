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

#define FEW_LINES 8 /* of memory that are fetched of a row all at once */

/* The rows of a block in training units, x̃ = (1, (x - mean) × scale): `count` of them from
 * the first on, the rest 0. Rows are padded to whole tiles, with zeros. */
INLINE void IN_BLOCKS(standardise_from)(const examples *data, ptrdiff_t column_stride,
                                        ptrdiff_t first, ptrdiff_t count, ptrdiff_t d,
                                        REAL *restrict rows)
{
    const ptrdiff_t length = padded(d + 1, sizeof(REAL));
    const double *restrict mean = data->mean;
    const double *restrict scale = data->scale;

    for (ptrdiff_t s = 0; s < count; s++, rows += length) {
        const ptrdiff_t i = row_at(data->order, first + s);
        const REAL *restrict row = (const REAL *)data->X + i * data->row_stride;
        rows[0] = 1;
        for (ptrdiff_t j = 0; j < d; j++) {
            rows[j + 1] =
                (REAL)(((double)row[j * column_stride] - mean[j]) * scale[j]);
        }
    }
    if (count < M) {
        memset(rows, 0, (M - count) * length * sizeof(REAL));
    }
}

static void IN_BLOCKS(standardise)(const examples *data, ptrdiff_t first,
                                   ptrdiff_t count, ptrdiff_t d, REAL *rows)
{
    if (data->column_stride == 1) {
        IN_BLOCKS(standardise_from)(data, 1, first, count, d, rows);
    } else {
        IN_BLOCKS(standardise_from)(data, data->column_stride, first, count, d, rows);
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

/* Fetch the `count` rows that the next block will read: in a random order they are far
 * from the CPU. Of long rows only the beginning; the pass over W fetches the rest. */
static void IN_BLOCKS(look_ahead)(const examples *data, ptrdiff_t first, ptrdiff_t count,
                                  ptrdiff_t d, IN_BLOCKS(pass) *pass)
{
    const ptrdiff_t stride = data->column_stride;
    const ptrdiff_t line = stride == 1 ? TILE : 1; /* items in a cache line */
    const ptrdiff_t few = MIN(d, FEW_LINES * line);

    pass->n_ahead = few < d ? count : 0;
    pass->stride = stride;
    for (ptrdiff_t s = 0; s < count; s++) {
        const ptrdiff_t i = row_at(data->order, first + s);
        const REAL *const row = (const REAL *)data->X + i * data->row_stride;
        for (ptrdiff_t j = 0; j < few; j += line) {
            __builtin_prefetch(row + j * stride);
        }
        __builtin_prefetch(row + (d - 1) * stride);
        __builtin_prefetch((const REAL *)data->y + i);
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

/* A pass over the network's weights, with room in its workspace; *rows is what is left */
static IN_BLOCKS(pass) IN_BLOCKS(new_pass)(const network *net, REAL **rows)
{
    const ptrdiff_t d = net->d, nodes = padded(net->H, sizeof(REAL));
    IN_BLOCKS(pass) pass = {.W = net->weights, .d = d, .nodes = nodes};

    pass.a = net->workspace;
    pass.g = pass.a + M * nodes;
    pass.x = pass.g + M * nodes + M * padded(d + 1, sizeof(REAL));
    pass.x_last = pass.x + M * (d + 1);
    *rows = pass.g + M * nodes;
    return pass;
}

/* one example at a time: batches of one */
static double IN_BLOCKS(train_online)(const network *net, const examples *data,
                                      ptrdiff_t start, ptrdiff_t stop, REAL eta)
{
    REAL *rows;
    IN_BLOCKS(pass) pass = IN_BLOCKS(new_pass)(net, &rows);
    const ptrdiff_t d = pass.d, nodes = pass.nodes;
    const REAL *const y = data->y;
    REAL *const a = pass.a, *const g = pass.g, *const v = pass.W + nodes * (d + 1);
    REAL gram[M][M];
    double loss = 0;

    memset(g, 0, M * nodes * sizeof(REAL));
    memset(pass.x_last, 0, M * (d + 1) * sizeof(REAL));
    for (ptrdiff_t i = start, count; i < stop; i += count) {
        count = MIN(stop - i, M);
        IN_BLOCKS(standardise)(data, i, count, d, rows);
        IN_BLOCKS(transpose)(rows, d, pass.x);
        IN_BLOCKS(look_ahead)(data, i + M, MIN(stop - i - M, M), d, &pass);
        IN_BLOCKS(sweep)(&pass);
        pass.backward = !pass.backward;
        IN_BLOCKS(inner_products)(rows, d, gram);
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
        if (count < M) {
            memset(g + count * nodes, 0, (M - count) * nodes * sizeof(REAL));
        }

        REAL *const swap = pass.x_last;
        pass.x_last = pass.x;
        pass.x = swap;
    }
    IN_BLOCKS(add_updates)(&pass);
    return loss;
}

/* batches of several examples: W and v stand still until a batch ends */
static double IN_BLOCKS(train_batches)(const network *net, const examples *data,
                                       ptrdiff_t start, ptrdiff_t stop, ptrdiff_t n,
                                       ptrdiff_t batch_size, REAL eta)
{
    REAL *rows;
    IN_BLOCKS(pass) pass = IN_BLOCKS(new_pass)(net, &rows);
    const ptrdiff_t d = pass.d, nodes = pass.nodes;
    const REAL *const y = data->y;
    REAL *const g = pass.g;
    REAL *const W = net->weights, *const v = W + nodes * (d + 1);
    REAL *const delta_W = net->deltas, *const delta_v = delta_W + nodes * (d + 1);
    double loss = 0;

    for (ptrdiff_t i = start, count; i < stop; i += count) {
        count = MIN(MIN(stop - i, M), batch_size - i % batch_size);
        IN_BLOCKS(standardise)(data, i, count, d, rows);
        IN_BLOCKS(transpose)(rows, d, pass.x);
        IN_BLOCKS(look_ahead)(data, i + count, MIN(stop - i - count, M), d, &pass);
        pass.W = W;
        IN_BLOCKS(products)(&pass);
        memset(g, 0, M * nodes * sizeof(REAL));
        for (ptrdiff_t s = 0; s < count; s++) {
            REAL *const z = pass.a + s * nodes;
            const REAL error =
                y[row_at(data->order, i + s)] - NAME(output)(v, z, nodes);
            loss += 0.5 * (double)error * (double)error;
            NAME(learn)(v, delta_v, z, eta * error, nodes, g + s * nodes);
        }
        pass.W = delta_W;
        pass.x_last = pass.x;
        IN_BLOCKS(add_updates)(&pass);
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
    REAL *rows;
    IN_BLOCKS(pass) pass = IN_BLOCKS(new_pass)(net, &rows);
    const ptrdiff_t d = pass.d, nodes = pass.nodes;
    const REAL *const v = pass.W + nodes * (d + 1);
    REAL *const x = pass.x;
    const REAL limit = LIMIT;

    for (ptrdiff_t i = start, count; i < stop; i += count) {
        count = MIN(stop - i, M);
        IN_BLOCKS(standardise)(data, i, count, d, rows);
        IN_BLOCKS(transpose)(rows, d, x);
        for (ptrdiff_t k = 0; k < M * (d + 1); k++) {
            x[k] = x[k] > limit ? limit : x[k] < -limit ? -limit : x[k];
        }
        IN_BLOCKS(products)(&pass);
        for (ptrdiff_t s = 0; s < count; s++) {
            y_hat[i + s] = NAME(output)(v, pass.a + s * nodes, nodes);
        }
    }
}

#undef M
#undef WIDTH
#undef IN_BLOCKS
#undef FEW_LINES
