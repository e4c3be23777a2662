/* Training and prediction in one floating-point type; included by kernel.c for each.
 *
 * One pass over W serves two examples: it adds the update of the last example and
 * computes the products of the next, so that W is read and written once an example.
 * In a batch the updates go to the deltas and W stands still until the batch ends.
 *
 * Names follow ../equations.py. Every loop over lanes has a fixed length and no
 * dependence between lanes: that is what lets a compiler vectorise it, and what keeps
 * the order of every sum the same on every CPU.
 */

#include "columns.inc.h"
#include "sigmoid.inc.h"

#define TILE ((ptrdiff_t)(TILE_BYTES / sizeof(REAL)))

/* ---------------------------------------------------------------- one example */

/* x̃ = (1, (x - mean) × scale) */
static void NAME(standardise)(NAME(examples) examples, ptrdiff_t row, ptrdiff_t d,
                              REAL *restrict x)
{
    const REAL *restrict given = examples.X + row * d;
    const double *restrict mean = examples.mean;
    const double *restrict scale = examples.scale;

    x[0] = 1;
    for (ptrdiff_t j = 0; j < d; j++) {
        x[j + 1] = (REAL)(((double)given[j] - mean[j]) * scale[j]);
    }
}

/* W += g x̃ᵀ */
static void NAME(add_outer)(REAL *restrict W, const REAL *restrict g,
                            const REAL *restrict x, ptrdiff_t d, ptrdiff_t nodes)
{
    for (ptrdiff_t h = 0; h < nodes; h += TILE) {
        for (ptrdiff_t j = 0; j <= d; j++) {
            for (ptrdiff_t lane = 0; lane < TILE; lane++) {
                W[lane] = FMA(g[h + lane], x[j], W[lane]);
            }
            W += TILE;
        }
    }
}

/* a = W x̃ */
static void NAME(products)(const REAL *restrict W, const REAL *restrict x, ptrdiff_t d,
                           ptrdiff_t nodes, REAL *restrict a)
{
    for (ptrdiff_t h = 0; h < nodes; h += TILE) {
        REAL sum[TILE_BYTES / sizeof(REAL)] = {0};
        for (ptrdiff_t j = 0; j <= d; j++) {
            for (ptrdiff_t lane = 0; lane < TILE; lane++) {
                sum[lane] = FMA(W[lane], x[j], sum[lane]);
            }
            W += TILE;
        }
        memcpy(a + h, sum, sizeof sum);
    }
}

/* add_outer(deltas, g, x_last), then products(W, x), in one pass. The deltas may be W
 * itself, in which case the products see the update; nothing else overlaps. */
static void NAME(sweep)(const REAL *W, REAL *deltas, const REAL *restrict g,
                        const REAL *restrict x_last, const REAL *restrict x,
                        ptrdiff_t d, ptrdiff_t nodes, REAL *restrict a)
{
    for (ptrdiff_t h = 0; h < nodes; h += TILE) {
        REAL sum[TILE_BYTES / sizeof(REAL)] = {0};
        for (ptrdiff_t j = 0; j <= d; j++) {
            for (ptrdiff_t lane = 0; lane < TILE; lane++) {
                deltas[lane] = FMA(g[h + lane], x_last[j], deltas[lane]);
            }
            for (ptrdiff_t lane = 0; lane < TILE; lane++) {
                sum[lane] = FMA(W[lane], x[j], sum[lane]);
            }
            W += TILE;
            deltas += TILE;
        }
        memcpy(a + h, sum, sizeof sum);
    }
}

/* z = sigmoid(a), in place; nodes that only pad a panel give 0, so they never learn */
static void NAME(activate)(REAL *restrict z, ptrdiff_t H, ptrdiff_t nodes)
{
    for (ptrdiff_t h = 0; h < nodes; h++) {
        z[h] = NAME(sigmoid)(z[h]);
    }
    for (ptrdiff_t h = H; h < nodes; h++) {
        z[h] = 0;
    }
}

/* ŷ = Σ_h v_h z_h + v_0, where v_0 stands behind the last v_h */
static REAL NAME(output)(const REAL *restrict v, const REAL *restrict z,
                         ptrdiff_t nodes)
{
    REAL sum[TILE_BYTES / sizeof(REAL)] = {0};
    for (ptrdiff_t h = 0; h < nodes; h += TILE) {
        for (ptrdiff_t lane = 0; lane < TILE; lane++) {
            sum[lane] = FMA(v[h + lane], z[h + lane], sum[lane]);
        }
    }
    for (ptrdiff_t width = TILE / 2; width > 0; width /= 2) {
        for (ptrdiff_t lane = 0; lane < width; lane++) {
            sum[lane] += sum[lane + width];
        }
    }
    return sum[0] + v[nodes];
}

/* Δv = step z̃ goes to delta_v, which may be v itself; the factor g of ΔW = g x̃ᵀ, from
 * the v before that, is kept for the next sweep. step is η (y - ŷ). */
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
    const ptrdiff_t d = network.d, H = network.H;
    const ptrdiff_t nodes = padded_nodes(H, sizeof(REAL));
    REAL *const W = network.weights, *const delta_W = network.deltas;
    REAL *const v = W + nodes * (d + 1), *const delta_v = delta_W + nodes * (d + 1);
    REAL *const z = network.workspace, *const g = z + nodes;
    REAL *x = g + nodes, *x_last = x + d + 1;
    double loss = 0;

    memset(g, 0, nodes * sizeof(REAL));
    memset(x_last, 0, (d + 1) * sizeof(REAL));
    for (ptrdiff_t t = start; t < stop; t++) {
        NAME(standardise)(examples, order[t], d, x);
        NAME(sweep)(W, delta_W, g, x_last, x, d, nodes, z);
        NAME(activate)(z, H, nodes);
        const REAL error = examples.y[order[t]] - NAME(output)(v, z, nodes);
        loss += 0.5 * (double)error * (double)error;
        NAME(output_deltas)(v, delta_v, z, eta * error, nodes, g);

        if (batch_size > 1 && ((t + 1) % batch_size == 0 || t + 1 == n)) {
            NAME(add_outer)(delta_W, g, x, d, nodes);
            NAME(end_batch)(W, delta_W, network.size);
            memset(g, 0, nodes * sizeof(REAL));
        }
        REAL *const swap = x_last;
        x_last = x;
        x = swap;
    }
    NAME(add_outer)(delta_W, g, x_last, d, nodes);
    return loss;
}

static void NAME(predict)(NAME(network) network, NAME(examples) examples,
                          ptrdiff_t start, ptrdiff_t stop, REAL *y_hat)
{
    const ptrdiff_t d = network.d, H = network.H;
    const ptrdiff_t nodes = padded_nodes(H, sizeof(REAL));
    const REAL *const W = network.weights, *const v = W + nodes * (d + 1);
    REAL *const z = network.workspace, *const x = z + 2 * nodes;
    const REAL limit = LIMIT;

    for (ptrdiff_t i = start; i < stop; i++) {
        NAME(standardise)(examples, i, d, x);
        for (ptrdiff_t j = 1; j <= d; j++) {
            x[j] = x[j] > limit ? limit : x[j] < -limit ? -limit : x[j];
        }
        NAME(products)(W, x, d, nodes, z);
        NAME(activate)(z, H, nodes);
        y_hat[i] = NAME(output)(v, z, nodes);
    }
}

#undef TILE
#undef FMA
