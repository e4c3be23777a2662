/* Passes over W: a pass adds the updates of one block of samples and computes the
 * products of another.
 *
 * m samples and `width` registers of hidden units are processed together, as many as
 * fit: there are m × width factors and as many sums, so that each loaded weight and
 * each broadcast input is used in several multiplications. With momentum, the pass also
 * goes over the velocity V; see recurrence.h.
 */

#ifndef SKLEARN_BACKPROP_SWEEP_H
#define SKLEARN_BACKPROP_SWEEP_H

#include "panels.h"
#include "recurrence.h"
#include "vector.h"

/* The largest `width` in a pass that adds and multiplies, for blocks of BLOCK and of
 * LONG_BLOCK samples. With momentum, twice as many registers are needed. */
#ifndef WIDTH_OF_BLOCK
#define WIDTH_OF_BLOCK (REGISTERS == 32 ? 3 : 2)
#endif
#ifndef WIDTH_OF_LONG_BLOCK
#define WIDTH_OF_LONG_BLOCK 2
#endif
#define WIDTH_OF_BLOCK_WITH_V (REGISTERS == 32 ? 2 : 1)
#define WIDTH_OF_LONG_BLOCK_WITH_V 1
#define MOST_WIDTH 3

#define FEW_LINES 8 /* cache lines of a row that are fetched all at once */

typedef struct {
    real *W, *V;
    real *to; /* where the updates are added: W, or its deltas in a batch */
    ptrdiff_t d, units;
    /* With the samples of the last block, W += Σ_s g_s x̃_sᵀ, and likewise for V, where
     * x̃ is multiplied by the factors of the recurrence. Before that, W = keep[0] W +
     * keep[1] V and V = keep[2] W + keep[3] V; keep_bias has the numbers for the
     * bias. */
    real *g;      /* g[s][h]       (m, units) */
    real *x_last; /* x_last[j][s]  (d + 1, m), 0 where the block was not full */
    real *x_last_V;
    real keep[4], keep_bias[4];
    /* a = W x̃ for the samples of this block, plus V x̃ with momentum */
    real *x; /* x[j][s]       (d + 1, m), 0 where the block is not full */
    real *x_V;
    real *a; /* a[s][h]       (m, units) */
    /* rows of d items that will be read next, to be fetched from memory meanwhile;
     * their items are `stride` apart */
    const real *ahead[BATCH_BLOCK];
    ptrdiff_t n_ahead, stride;
    /* whether to begin with the last hidden units: if W is too large for a cache, a
     * pass can start at the end that the previous pass has left there */
    int backward;
} pass_over_W;

/* Process m samples, starting at sample `at` of the block, for `width` registers of
 * hidden units, starting at `unit`. The i-th of these calls fetches the i-th of the
 * next rows. The arguments between `pass` and `at` are known at compile time. */
INLINE void sweep_group(const pass_over_W *pass, ptrdiff_t m, rule_variant variant,
                        int adds, int multiplies, ptrdiff_t width, ptrdiff_t at,
                        ptrdiff_t unit, ptrdiff_t i)
{
    /* if there is no row to fetch, use x instead, which is in a cache */
    const int fetches = i < pass->n_ahead;
    const ptrdiff_t stride = fetches ? pass->stride : 1;
    const real *ahead = fetches ? pass->ahead[i] : pass->x;
    const ptrdiff_t d = pass->d, units = pass->units;
    const real *const x_last = pass->x_last + at * (d + 1);
    const real *const x = pass->x + at * (d + 1);
    const real *const g = pass->g + at * units + unit;
    real *const a = pass->a + at * units + unit;
    const real *const x_last_V = pass->x_last_V, *const x_V = pass->x_V;
    const int has_V = variant == WITH_MOMENTUM;
    const real *keep = pass->keep_bias;
    real *W[MOST_WIDTH], *V[MOST_WIDTH]; /* one register of units each */
    vector factor[LONG_BLOCK][MOST_WIDTH], sum[LONG_BLOCK][MOST_WIDTH];
    vector w[MOST_WIDTH], velocity[MOST_WIDTH];

    EACH(p, width) {
        const ptrdiff_t from = place_of(d, unit + p * LANES, 0);
        W[p] = (adds ? pass->to : pass->W) + from;
        V[p] = has_V ? pass->V + from : NULL;
    }
    EACH(s, m)
        EACH(p, width) {
            factor[s][p] = adds ? load(g + s * units + p * LANES) : all_lanes(0);
            sum[s][p] = all_lanes(0);
        }
    for (ptrdiff_t j = 0; j <= d; j++) {
        __builtin_prefetch(ahead);
        ahead += stride;
        EACH(p, width)
            w[p] = load(W[p] + j * TILE);
        if (has_V) {
            EACH(p, width)
                velocity[p] = load(V[p] + j * TILE);
        }
        if (adds && variant == WITH_PENALTY) {
            EACH(p, width)
                w[p] *= keep[0];
            keep = pass->keep;
        }
        if (adds && has_V) {
            EACH(p, width) {
                const vector w_kept = w[p] * keep[2];
                w[p] = fused(velocity[p], all_lanes(keep[1]), w[p] * keep[0]);
                velocity[p] = fused(velocity[p], all_lanes(keep[3]), w_kept);
            }
            keep = pass->keep;
            EACH(s, m) {
                const vector input = all_lanes(x_last_V[j * m + s]);
                EACH(p, width)
                    velocity[p] = fused(factor[s][p], input, velocity[p]);
            }
            EACH(p, width)
                store(V[p] + j * TILE, velocity[p]);
        }
        if (adds) {
            EACH(s, m) {
                const vector input = all_lanes(x_last[j * m + s]);
                EACH(p, width)
                    w[p] = fused(factor[s][p], input, w[p]);
            }
            EACH(p, width)
                store(W[p] + j * TILE, w[p]);
        }
        if (multiplies) {
            EACH(s, m) {
                const vector input = all_lanes(x[j * m + s]);
                EACH(p, width)
                    sum[s][p] = fused(w[p], input, sum[s][p]);
            }
        }
        if (multiplies && has_V) {
            EACH(s, m) {
                const vector input = all_lanes(x_V[j * m + s]);
                EACH(p, width)
                    sum[s][p] = fused(velocity[p], input, sum[s][p]);
            }
        }
    }
    if (multiplies) {
        EACH(s, m)
            EACH(p, width)
                store(a + s * units + p * LANES, sum[s][p]);
    }
}

/* Fetch the beginnings of `count` rows, which are not in a cache if their order is
 * random. Returns whether rows are longer than that. */
static int fetch_rows(const samples *data, ptrdiff_t first, ptrdiff_t count,
                      ptrdiff_t d)
{
    const ptrdiff_t stride = data->column_stride;
    const ptrdiff_t line = stride == 1 ? TILE : 1; /* items in a cache line */
    const ptrdiff_t few = MIN(d, FEW_LINES * line);

    if (data->indptr) {
        return 0;
    }
    for (ptrdiff_t s = 0; s < count; s++) {
        const ptrdiff_t i = row_at(&data->order, first + s);
        const real *const row = (const real *)data->X + i * data->row_stride;
        for (ptrdiff_t j = 0; j < few; j += line) {
            __builtin_prefetch(row + j * stride);
        }
        __builtin_prefetch(row + (d - 1) * stride);
    }
    return few < d;
}

/* Fetch what the next block will read first of its `count` rows. If rows are longer
 * than that, the pass fetches the whole rows. */
static void look_ahead(pass_over_W *pass, const samples *data, ptrdiff_t first,
                       ptrdiff_t count)
{
    const int is_more = fetch_rows(data, first, MIN(count, LONG_BLOCK), pass->d);

    pass->n_ahead = is_more ? count : 0;
    pass->stride = data->column_stride;
    for (ptrdiff_t s = 0; s < pass->n_ahead; s++) {
        const ptrdiff_t i = row_at(&data->order, first + s);
        pass->ahead[s] = (const real *)data->X + i * data->row_stride;
    }
}

/* A pass over a network's weights, with room in its workspace for blocks of this
 * length: for x̃ of LONG_BLOCK samples (see block_inputs.h), and for the output layer
 * (see output_layer.h). */
static pass_over_W pass_over(const network *net, ptrdiff_t length, real **x_tilde,
                             real **room)
{
    const ptrdiff_t d = net->d, units = padded(net->H, sizeof(real));
    pass_over_W pass = {.W = net->weights, .V = net->velocity, .d = d, .units = units};

    pass.to = pass.W;
    pass.a = net->workspace;
    pass.g = pass.a + length * units;
    *x_tilde = pass.g + length * units;
    pass.x = *x_tilde + LONG_BLOCK * padded(d + 1, sizeof(real));
    pass.x_last = pass.x + length * (d + 1);
    pass.x_V = pass.x_last + length * (d + 1);
    pass.x_last_V = pass.x_V + LONG_BLOCK * (d + 1);
    *room = (real *)net->workspace + workspace_size(d, net->H, 0, sizeof(real), length);
    pass.keep[0] = pass.keep[3] = pass.keep_bias[0] = pass.keep_bias[3] = 1;
    return pass;
}

#endif
