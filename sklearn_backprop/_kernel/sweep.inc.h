/* Passes over W: the updates of one block of M samples go in, the products of another
 * come out. Included by blocks.inc.h.
 *
 * `width` registers of hidden units are taken together, as many as fit beside their M
 * factors and M sums, so that an input that is broadcast serves several
 * multiplications. With momentum the velocity V passes beside W; see recurrence.h.
 */

typedef struct {
    REAL *W, *V;
    ptrdiff_t d, units;
    /* With the samples of the last block, W += Σ_s g_s x̃_sᵀ, and V alike, where x̃ is
     * multiplied by what the recurrence says. Before, W and V are kept: W = keep[0] W +
     * keep[1] V and V = keep[2] W + keep[3] V, the bias by the numbers of keep_bias. */
    REAL *g;              /* g[s][h]       (M, units) */
    REAL *x_last;         /* x_last[j][s]  (d + 1, M), 0 where the block was not full */
    REAL *x_last_V;
    REAL keep[4], keep_bias[4];
    /* a = W x̃ for those of this block, plus V x̃ with momentum */
    REAL *x;              /* x[j][s]       (d + 1, M), 0 where the block is not full */
    REAL *x_V;
    REAL *a;              /* a[s][h]       (M, units) */
    /* rows of d items that will be read next, to be fetched from memory meanwhile;
     * their items are `stride` apart */
    const REAL *ahead[M];
    ptrdiff_t n_ahead, stride;
    /* begin with the last hidden units: a W that is too large for a cache is then taken
     * up at the end that the pass before has left there */
    int backward;
} IN_BLOCKS(pass);

/* `width` registers of hidden units, from `first` on. What is to be done, for what kind
 * of rule, and width, are known at compile time. */
INLINE void IN_BLOCKS(sweep_group)(const IN_BLOCKS(pass) *pass, int kind, int adds,
                                   int multiplies, int fetches, ptrdiff_t width,
                                   ptrdiff_t first, const REAL *ahead, ptrdiff_t stride)
{
    const ptrdiff_t d = pass->d, units = pass->units;
    const REAL *const x_last = pass->x_last, *const x = pass->x;
    const REAL *const x_last_V = pass->x_last_V, *const x_V = pass->x_V;
    const int has_V = kind == WITH_MOMENTUM;
    const REAL *keep = pass->keep_bias;
    REAL *rows[WIDTH], *rows_V[WIDTH]; /* of W and V, for one register of units each */
    VECTOR factor[M][WIDTH], sum[M][WIDTH], w[WIDTH], velocity[WIDTH];

    EACH(p, width) {
        const ptrdiff_t unit = first + p * LANES;
        const ptrdiff_t from = unit / TILE * (d + 1) * TILE + unit % TILE;
        rows[p] = pass->W + from;
        rows_V[p] = has_V ? pass->V + from : NULL;
    }
    EACH(s, M) EACH(p, width) {
        factor[s][p] = adds ? LOAD(pass->g + s * units + first + p * LANES) : ALL(0);
        sum[s][p] = ALL(0);
    }
    for (ptrdiff_t j = 0; j <= d; j++) {
        if (fetches) {
            __builtin_prefetch(ahead);
            ahead += stride;
        }
        EACH(p, width) w[p] = LOAD(rows[p] + j * TILE);
        if (has_V) {
            EACH(p, width) velocity[p] = LOAD(rows_V[p] + j * TILE);
        }
        if (adds && kind == WITH_PENALTY) {
            EACH(p, width) w[p] *= keep[0];
            keep = pass->keep;
        }
        if (adds && has_V) {
            EACH(p, width) {
                const VECTOR w_kept = w[p] * keep[2];
                w[p] = FUSED(velocity[p], ALL(keep[1]), w[p] * keep[0]);
                velocity[p] = FUSED(velocity[p], ALL(keep[3]), w_kept);
            }
            keep = pass->keep;
            EACH(s, M) {
                const VECTOR input = ALL(x_last_V[j * M + s]);
                EACH(p, width)
                    velocity[p] = FUSED(factor[s][p], input, velocity[p]);
            }
            EACH(p, width) STORE(rows_V[p] + j * TILE, velocity[p]);
        }
        if (adds) {
            EACH(s, M) {
                const VECTOR input = ALL(x_last[j * M + s]);
                EACH(p, width) w[p] = FUSED(factor[s][p], input, w[p]);
            }
            EACH(p, width) STORE(rows[p] + j * TILE, w[p]);
        }
        if (multiplies) {
            EACH(s, M) {
                const VECTOR input = ALL(x[j * M + s]);
                EACH(p, width) sum[s][p] = FUSED(w[p], input, sum[s][p]);
            }
        }
        if (multiplies && has_V) {
            EACH(s, M) {
                const VECTOR input = ALL(x_V[j * M + s]);
                EACH(p, width) sum[s][p] = FUSED(velocity[p], input, sum[s][p]);
            }
        }
    }
    if (multiplies) {
        EACH(s, M) EACH(p, width)
            STORE(pass->a + s * units + first + p * LANES, sum[s][p]);
    }
}

INLINE void IN_BLOCKS(sweep_all)(const IN_BLOCKS(pass) *pass, int kind, int adds,
                                 int multiplies, int fetches, ptrdiff_t width)
{
    const ptrdiff_t step = width * LANES, groups = (pass->units + step - 1) / step;

    for (ptrdiff_t i = 0; i < groups; i++) {
        const ptrdiff_t first = step * (pass->backward ? groups - 1 - i : i);
        /* where there is no row to fetch, x stands in, which is at hand */
        const int some = i < pass->n_ahead;
        const REAL *const ahead = some ? pass->ahead[i] : pass->x;
        const ptrdiff_t stride = some ? pass->stride : 1;
        const ptrdiff_t left = (pass->units - first) / LANES;

#define GROUP(width)                                                                    \
    IN_BLOCKS(sweep_group)(pass, kind, adds, multiplies, fetches, width, first, ahead,  \
                           stride)
        if (width > 1 && left == 1) {
            GROUP(1);
        } else if (width > 2 && left == 2) {
            GROUP(2);
        } else {
            GROUP(width);
        }
#undef GROUP
    }
}

/* both in one pass */
static void IN_BLOCKS(sweep)(const IN_BLOCKS(pass) *pass, int kind)
{
    if (kind == PLAIN) {
        IN_BLOCKS(sweep_all)(pass, PLAIN, 1, 1, 1, WIDTH);
    } else if (kind == WITH_PENALTY) {
        IN_BLOCKS(sweep_all)(pass, WITH_PENALTY, 1, 1, 1, WIDTH);
    } else {
        IN_BLOCKS(sweep_all)(pass, WITH_MOMENTUM, 1, 1, 1, WIDTH_WITH_V);
    }
}

static void IN_BLOCKS(add_updates)(const IN_BLOCKS(pass) *pass, int kind)
{
    if (kind == PLAIN) {
        IN_BLOCKS(sweep_all)(pass, PLAIN, 1, 0, 0, WIDTH);
    } else if (kind == WITH_PENALTY) {
        IN_BLOCKS(sweep_all)(pass, WITH_PENALTY, 1, 0, 0, WIDTH);
    } else {
        IN_BLOCKS(sweep_all)(pass, WITH_MOMENTUM, 1, 0, 0, WIDTH_WITH_V);
    }
}

static void IN_BLOCKS(products)(const IN_BLOCKS(pass) *pass)
{
    IN_BLOCKS(sweep_all)(pass, PLAIN, 0, 1, 0, WIDTH);
}

static void IN_BLOCKS(products_and_fetch)(const IN_BLOCKS(pass) *pass)
{
    IN_BLOCKS(sweep_all)(pass, PLAIN, 0, 1, 1, WIDTH);
}
