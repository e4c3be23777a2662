/* Passes over W: the updates of one block of M examples go in, the products of another
 * come out.
 *
 * Included by blocks.inc.h. WIDTH registers of nodes are taken together,
 * as many as fit beside their M factors and M sums, so that an input that is broadcast
 * serves several multiplications.
 *
 *     x[j][s]  (d + 1, M)      x̃ of example s; 0 where the block is not full
 *     g[s][h]  (M, nodes)      factor of the update W += g_s x̃_sᵀ
 *     a[s][h]  (M, nodes)      W x̃_s
 */

/* `width` registers of nodes, from node `first` on. What is to be done and width are
 * known at compile time. */
INLINE void IN_BLOCKS(sweep_group)(int adds, int multiplies, ptrdiff_t width, REAL *W,
                              const REAL *g, const REAL *x_last, const REAL *x, REAL *a,
                              ptrdiff_t d, ptrdiff_t nodes, ptrdiff_t first)
{
    REAL *rows[WIDTH]; /* of W, for one register of nodes each */
    VECTOR factor[M][WIDTH], sum[M][WIDTH], w[WIDTH];

    EACH(p, width) {
        const ptrdiff_t node = first + p * LANES;
        rows[p] = W + node / TILE * (d + 1) * TILE + node % TILE;
    }
    EACH(s, M) EACH(p, width) {
        factor[s][p] = adds ? LOAD(g + s * nodes + first + p * LANES) : ALL(0);
        sum[s][p] = ALL(0);
    }
    for (ptrdiff_t j = 0; j <= d; j++) {
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
        EACH(s, M) EACH(p, width) STORE(a + s * nodes + first + p * LANES, sum[s][p]);
    }
}

/* All of W; backward begins with the last nodes, so that a W that is too large for a
 * cache is taken up at the end that the pass before has left there. */
INLINE void IN_BLOCKS(sweep_all)(int adds, int multiplies, REAL *W, const REAL *g,
                            const REAL *x_last, const REAL *x, REAL *a, ptrdiff_t d,
                            ptrdiff_t nodes, int backward)
{
    const ptrdiff_t step = WIDTH * LANES, groups = (nodes + step - 1) / step;

    for (ptrdiff_t i = 0; i < groups; i++) {
        const ptrdiff_t first = step * (backward ? groups - 1 - i : i);
#define SWEEP(width)                                                                    \
    IN_BLOCKS(sweep_group)(adds, multiplies, width, W, g, x_last, x, a, d, nodes, first)
        switch ((nodes - first) / LANES) {
        case 1:
            SWEEP(1);
            break;
#if WIDTH > 2
        case 2:
            SWEEP(2);
            break;
#endif
        default:
            SWEEP(WIDTH);
        }
#undef SWEEP
    }
}

/* W += Σ_s g_s x̃_sᵀ for the last block, and a = W x̃ for the next */
static void IN_BLOCKS(sweep)(REAL *W, const REAL *g, const REAL *x_last, const REAL *x,
                        REAL *a, ptrdiff_t d, ptrdiff_t nodes, int backward)
{
    IN_BLOCKS(sweep_all)(1, 1, W, g, x_last, x, a, d, nodes, backward);
}

/* W += Σ_s g_s x̃_sᵀ */
static void IN_BLOCKS(add_updates)(REAL *W, const REAL *g, const REAL *x, ptrdiff_t d,
                              ptrdiff_t nodes)
{
    IN_BLOCKS(sweep_all)(1, 0, W, g, x, NULL, NULL, d, nodes, 0);
}

/* a = W x̃ */
static void IN_BLOCKS(products)(const REAL *W, const REAL *x, REAL *a, ptrdiff_t d,
                           ptrdiff_t nodes)
{
    IN_BLOCKS(sweep_all)(0, 1, (REAL *)W, NULL, NULL, x, a, d, nodes, 0);
}
