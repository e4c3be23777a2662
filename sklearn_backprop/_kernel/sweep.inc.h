/* Passes over W: the updates of one block of M examples go in, the products of another
 * come out. Included by blocks.inc.h.
 *
 * WIDTH registers of nodes are taken together, as many as fit beside their M factors
 * and M sums, so that an input that is broadcast serves several multiplications.
 */

typedef struct {
    REAL *W;
    ptrdiff_t d, nodes;
    /* W += Σ_s g_s x̃_sᵀ with the examples of the last block */
    REAL *g;              /* g[s][h]       (M, nodes) */
    REAL *x_last;         /* x_last[j][s]  (d + 1, M), 0 where the block was not full */
    /* a = W x̃ for those of this block */
    REAL *x;              /* x[j][s]       (d + 1, M), 0 where the block is not full */
    REAL *a;              /* a[s][h]       (M, nodes) */
    /* rows of d items that will be read next, to be fetched from memory meanwhile;
     * their items are `stride` apart */
    const REAL *ahead[M];
    ptrdiff_t n_ahead, stride;
    /* begin with the last nodes: a W that is too large for a cache is then taken up at
     * the end that the pass before has left there */
    int backward;
} IN_BLOCKS(pass);

/* `width` registers of nodes, from node `first` on. What is to be done, and width, are
 * known at compile time. */
INLINE void IN_BLOCKS(sweep_group)(const IN_BLOCKS(pass) *pass, int adds, int multiplies,
                                   ptrdiff_t width, ptrdiff_t first, const REAL *ahead,
                                   ptrdiff_t stride)
{
    const ptrdiff_t d = pass->d, nodes = pass->nodes;
    const REAL *const x_last = pass->x_last, *const x = pass->x;
    REAL *rows[WIDTH]; /* of W, for one register of nodes each */
    VECTOR factor[M][WIDTH], sum[M][WIDTH], w[WIDTH];

    EACH(p, width) {
        const ptrdiff_t node = first + p * LANES;
        rows[p] = pass->W + node / TILE * (d + 1) * TILE + node % TILE;
    }
    EACH(s, M) EACH(p, width) {
        factor[s][p] = adds ? LOAD(pass->g + s * nodes + first + p * LANES) : ALL(0);
        sum[s][p] = ALL(0);
    }
    for (ptrdiff_t j = 0; j <= d; j++) {
        if (multiplies) {
            __builtin_prefetch(ahead);
            ahead += stride;
        }
        EACH(p, width) w[p] = LOAD(rows[p] + j * TILE);
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
    }
    if (multiplies) {
        EACH(s, M) EACH(p, width)
            STORE(pass->a + s * nodes + first + p * LANES, sum[s][p]);
    }
}

INLINE void IN_BLOCKS(sweep_all)(const IN_BLOCKS(pass) *pass, int adds, int multiplies)
{
    const ptrdiff_t step = WIDTH * LANES, groups = (pass->nodes + step - 1) / step;

    for (ptrdiff_t i = 0; i < groups; i++) {
        const ptrdiff_t first = step * (pass->backward ? groups - 1 - i : i);
        /* where there is no row to fetch, x stands in, which is at hand */
        const int some = i < pass->n_ahead;
        const REAL *const ahead = some ? pass->ahead[i] : pass->x;
        const ptrdiff_t stride = some ? pass->stride : 1;
        switch ((pass->nodes - first) / LANES) {
        case 1:
            IN_BLOCKS(sweep_group)(pass, adds, multiplies, 1, first, ahead,
                                   stride);
            break;
#if WIDTH > 2
        case 2:
            IN_BLOCKS(sweep_group)(pass, adds, multiplies, 2, first, ahead,
                                   stride);
            break;
#endif
        default:
            IN_BLOCKS(sweep_group)(pass, adds, multiplies, WIDTH, first, ahead,
                                   stride);
        }
    }
}

/* both in one pass */
static void IN_BLOCKS(sweep)(const IN_BLOCKS(pass) *pass)
{
    IN_BLOCKS(sweep_all)(pass, 1, 1);
}

static void IN_BLOCKS(add_updates)(const IN_BLOCKS(pass) *pass)
{
    IN_BLOCKS(sweep_all)(pass, 1, 0);
}

static void IN_BLOCKS(products)(const IN_BLOCKS(pass) *pass)
{
    IN_BLOCKS(sweep_all)(pass, 0, 1);
}
