/* Training and prediction in one floating-point type; included by kernel.c for each.
 *
 * Examples are taken in blocks of M. One pass over W adds the updates of the last block
 * and computes the products of the next, so that W is read and written once in M
 * examples. The products are those of W before the block: with the update of example s
 * written as W += g_s x̃_sᵀ, the pre-activations of example t in the block are
 *
 *     a_t = W x̃_t + Σ_{s<t} (x̃_s · x̃_t) g_s
 *
 * which equals one example at a time but for rounding. In a batch no correction is
 * needed: W stands still, and the updates go to the deltas until the batch ends.
 *
 * Names follow ../equations.py. Every loop over lanes has a fixed length and no
 * dependence between lanes: that is what lets a compiler vectorise it, and what keeps
 * the order of every sum the same on every CPU.
 */

#include "columns.inc.h"
#include "sigmoid.inc.h"

#define TILE ((ptrdiff_t)(TILE_BYTES / sizeof(REAL)))
#define M BLOCK_LENGTH
#define NODES(lane) for (ptrdiff_t lane = 0; lane < TILE; lane++)
/* unrolled, or compilers vectorise over the block instead of over the nodes */
#define BLOCK(s) _Pragma("GCC unroll 4") for (ptrdiff_t s = 0; s < M; s++)

/* Arrays of one block of M examples:
 *     x[j][s]  (d + 1, M)      x̃ of example s; 0 where the block is not full
 *     a[s][h]  (M, nodes)      pre-activations, then outputs z
 *     g[s][h]  (M, nodes)      factor of the update W += g_s x̃_sᵀ */

/* --------------------------------------------------------------- passes over W */

/* W += Σ_s g_s x̃_sᵀ for the last block, and a = W x̃ for the next, in one pass */
static void NAME(sweep)(REAL *restrict W, const REAL *restrict g,
                        const REAL *restrict x_last, const REAL *restrict x,
                        ptrdiff_t d, ptrdiff_t nodes, REAL *restrict a)
{
    for (ptrdiff_t h = 0; h < nodes; h += TILE) {
        REAL sum[M][TILE_BYTES / sizeof(REAL)] = {{0}};
        REAL factor[M][TILE_BYTES / sizeof(REAL)];
        BLOCK(s) NODES(lane) factor[s][lane] = g[s * nodes + h + lane];

        for (ptrdiff_t j = 0; j <= d; j++, W += TILE) {
            REAL w[TILE_BYTES / sizeof(REAL)];
            NODES(lane) w[lane] = W[lane];
            BLOCK(s) NODES(lane) w[lane] = FMA(factor[s][lane], x_last[j * M + s], w[lane]);
            NODES(lane) W[lane] = w[lane];
            BLOCK(s) NODES(lane) sum[s][lane] = FMA(w[lane], x[j * M + s], sum[s][lane]);
        }
        BLOCK(s) NODES(lane) a[s * nodes + h + lane] = sum[s][lane];
    }
}

/* W += Σ_s g_s x̃_sᵀ */
static void NAME(add_updates)(REAL *restrict W, const REAL *restrict g,
                              const REAL *restrict x, ptrdiff_t d, ptrdiff_t nodes)
{
    for (ptrdiff_t h = 0; h < nodes; h += TILE) {
        for (ptrdiff_t j = 0; j <= d; j++, W += TILE) {
            BLOCK(s) NODES(lane)
                W[lane] = FMA(g[s * nodes + h + lane], x[j * M + s], W[lane]);
        }
    }
}

/* a = W x̃ */
static void NAME(products)(const REAL *restrict W, const REAL *restrict x, ptrdiff_t d,
                           ptrdiff_t nodes, REAL *restrict a)
{
    for (ptrdiff_t h = 0; h < nodes; h += TILE) {
        REAL sum[M][TILE_BYTES / sizeof(REAL)] = {{0}};
        for (ptrdiff_t j = 0; j <= d; j++, W += TILE) {
            BLOCK(s) NODES(lane) sum[s][lane] = FMA(W[lane], x[j * M + s], sum[s][lane]);
        }
        BLOCK(s) NODES(lane) a[s * nodes + h + lane] = sum[s][lane];
    }
}

/* ------------------------------------------------------------------- a block */

/* x̃ = (1, (x - mean) × scale) of `count` rows, the rest 0; rows is NULL for first, … */
static void NAME(standardise)(NAME(examples) examples, const ptrdiff_t *rows,
                              ptrdiff_t first, ptrdiff_t count, ptrdiff_t d,
                              REAL *restrict x)
{
    const double *restrict mean = examples.mean;
    const double *restrict scale = examples.scale;

    BLOCK(s) {
        if (s >= count) {
            for (ptrdiff_t j = 0; j <= d; j++) {
                x[j * M + s] = 0;
            }
            continue;
        }
        const REAL *restrict row = examples.X + (rows ? rows[first + s] : first + s) * d;
        x[s] = 1;
        for (ptrdiff_t j = 0; j < d; j++) {
            x[(j + 1) * M + s] = (REAL)(((double)row[j] - mean[j]) * scale[j]);
        }
    }
}

/* gram[s][t] = x̃_s · x̃_t; two partial sums each */
static void NAME(inner_products)(const REAL *restrict x, ptrdiff_t d, REAL gram[M][M])
{
    REAL even[M][M] = {{0}}, odd[M][M] = {{0}};
    for (ptrdiff_t j = 0; j + 1 <= d; j += 2) {
        BLOCK(s) BLOCK(t) even[s][t] = FMA(x[j * M + s], x[j * M + t], even[s][t]);
        BLOCK(s) BLOCK(t)
            odd[s][t] = FMA(x[(j + 1) * M + s], x[(j + 1) * M + t], odd[s][t]);
    }
    if (d % 2 == 0) {
        BLOCK(s) BLOCK(t) even[s][t] = FMA(x[d * M + s], x[d * M + t], even[s][t]);
    }
    BLOCK(s) BLOCK(t) gram[s][t] = even[s][t] + odd[s][t];
}

/* z = sigmoid(a), in place, and ŷ = Σ_h v_h z_h + v_0, where v_0 stands behind v_h */
static REAL NAME(output)(const REAL *restrict v, REAL *restrict a, ptrdiff_t nodes)
{
    REAL sum[TILE_BYTES / sizeof(REAL)] = {0};
    for (ptrdiff_t h = 0; h < nodes; h += TILE) {
        REAL z[TILE_BYTES / sizeof(REAL)];
        NODES(lane) z[lane] = NAME(sigmoid)(a[h + lane]);
        NODES(lane) sum[lane] = FMA(v[h + lane], z[lane], sum[lane]);
        NODES(lane) a[h + lane] = z[lane];
    }
    for (ptrdiff_t width = TILE / 2; width > 0; width /= 2) {
        for (ptrdiff_t lane = 0; lane < width; lane++) {
            sum[lane] += sum[lane + width];
        }
    }
    return sum[0] + v[nodes];
}

/* a += Σ_{s<t} gram[s][t] g_s: what the updates of the block so far add to a_t */
static void NAME(catch_up)(REAL *restrict a, const REAL *restrict g, REAL gram[M][M],
                           ptrdiff_t t, ptrdiff_t nodes)
{
    for (ptrdiff_t s = 0; s < t; s++) {
        for (ptrdiff_t h = 0; h < nodes; h++) {
            a[h] = FMA(gram[s][t], g[s * nodes + h], a[h]);
        }
    }
}

/* g = step v z (1 - z) from v as it is, then Δv = step z̃ goes to delta_v, which may be v
 * itself; step is η (y - ŷ) */
static void NAME(output_deltas)(const REAL *v, REAL *delta_v, const REAL *restrict z,
                                REAL step, ptrdiff_t nodes, REAL *restrict g)
{
    for (ptrdiff_t h = 0; h < nodes; h++) {
        g[h] = step * v[h] * z[h] * (1 - z[h]);
    }
    for (ptrdiff_t h = 0; h < nodes; h++) {
        delta_v[h] = FMA(step, z[h], delta_v[h]);
    }
    delta_v[nodes] += step;
}

static int NAME(all_finite)(REAL gram[M][M])
{
    REAL zero = 0;
    BLOCK(s) BLOCK(t) zero += 0 * gram[s][t];
    return zero == 0;
}

/* -------------------------------------------------------------- many examples */

/* weights += deltas; deltas = 0 */
static void NAME(end_batch)(REAL *restrict weights, REAL *restrict deltas,
                            ptrdiff_t size)
{
    for (ptrdiff_t i = 0; i < size; i++) {
        weights[i] += deltas[i];
        deltas[i] = 0;
    }
}

static double NAME(train)(NAME(network) network, NAME(examples) examples,
                          const ptrdiff_t *order, ptrdiff_t start, ptrdiff_t stop,
                          ptrdiff_t n, ptrdiff_t batch_size, REAL eta)
{
    const ptrdiff_t d = network.d;
    const ptrdiff_t nodes = padded_nodes(network.H, sizeof(REAL));
    const int online = batch_size == 1;
    REAL *const W = network.weights, *const delta_W = network.deltas;
    REAL *const v = W + nodes * (d + 1), *const delta_v = delta_W + nodes * (d + 1);
    REAL *const a = network.workspace, *const g = a + M * nodes;
    REAL *x = g + M * nodes, *x_last = x + M * (d + 1);
    REAL gram[M][M];
    double loss = 0;

    memset(g, 0, M * nodes * sizeof(REAL));
    memset(x_last, 0, M * (d + 1) * sizeof(REAL));
    for (ptrdiff_t t = start, count; t < stop; t += count) {
        count = stop - t < M ? stop - t : M;
        if (!online) {
            const ptrdiff_t left = batch_size - t % batch_size;
            count = count < left ? count : left;
        }
        NAME(standardise)(examples, order, t, count, d, x);
        if (online) {
            NAME(sweep)(W, g, x_last, x, d, nodes, a);
            NAME(inner_products)(x, d, gram);
            if (!NAME(all_finite)(gram)) {
                count = 1; /* inf × 0 would make a NaN that the rule does not have */
            }
        } else {
            NAME(products)(W, x, d, nodes, a);
        }
        for (ptrdiff_t s = 0; s < count; s++) {
            REAL *const z = a + s * nodes;
            if (online) {
                NAME(catch_up)(z, g, gram, s, nodes);
            }
            const REAL error = examples.y[order[t + s]] - NAME(output)(v, z, nodes);
            loss += 0.5 * (double)error * (double)error;
            NAME(output_deltas)(v, delta_v, z, eta * error, nodes, g + s * nodes);
        }
        memset(g + count * nodes, 0, (M - count) * nodes * sizeof(REAL));
        if (online) {
            REAL *const swap = x_last;
            x_last = x;
            x = swap;
        } else {
            NAME(add_updates)(delta_W, g, x, d, nodes);
            if ((t + count) % batch_size == 0 || t + count == n) {
                NAME(end_batch)(W, delta_W, network.size);
            }
        }
    }
    if (online) {
        NAME(add_updates)(W, g, x_last, d, nodes);
    }
    return loss;
}

static void NAME(predict)(NAME(network) network, NAME(examples) examples,
                          ptrdiff_t start, ptrdiff_t stop, REAL *y_hat)
{
    const ptrdiff_t d = network.d;
    const ptrdiff_t nodes = padded_nodes(network.H, sizeof(REAL));
    const REAL *const W = network.weights, *const v = W + nodes * (d + 1);
    REAL *const a = network.workspace, *const x = a + 2 * M * nodes;
    const REAL limit = LIMIT;

    for (ptrdiff_t i = start, count; i < stop; i += count) {
        count = stop - i < M ? stop - i : M;
        NAME(standardise)(examples, NULL, i, count, d, x);
        for (ptrdiff_t j = 0; j < M * (d + 1); j++) {
            x[j] = x[j] > limit ? limit : x[j] < -limit ? -limit : x[j];
        }
        NAME(products)(W, x, d, nodes, a);
        for (ptrdiff_t s = 0; s < count; s++) {
            y_hat[i + s] = NAME(output)(v, a + s * nodes, nodes);
        }
    }
}

#undef TILE
#undef M
#undef NODES
#undef BLOCK
#undef FMA
