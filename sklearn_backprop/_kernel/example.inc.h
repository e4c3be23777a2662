/* What one example needs once W x̃ is known: its output, and what it teaches.
 *
 *     a, z     (nodes,)        pre-activations; outputs of the nodes take their place
 *     v        (nodes + 1,)    output weights, with v_0 behind them
 *     g        (nodes,)        factor of the update W += g x̃ᵀ
 */

/* the sum over all lanes of a tile */
INLINE REAL NAME(total)(const VECTOR *parts)
{
    REAL sum[TILE_BYTES / sizeof(REAL)] __attribute__((aligned(TILE_BYTES)));

    EACH(p, PARTS) STORE(sum + p * LANES, parts[p]);
    for (ptrdiff_t width = TILE / 2; width > 0; width /= 2) {
        for (ptrdiff_t lane = 0; lane < width; lane++) {
            sum[lane] += sum[lane + width];
        }
    }
    return sum[0];
}

/* For one register of nodes: g = step v z (1 - z) from v as it is, then Δv = step z goes
 * to delta_v, which may be v itself; step is η (y - ŷ). Returns g. */
INLINE VECTOR NAME(learn_nodes)(const REAL *v, REAL *delta_v, const REAL *z, REAL step,
                                REAL *g)
{
    const VECTOR outputs = LOAD(z), delta = step * outputs;
    const VECTOR factor = LOAD(v) * FUSED(-delta, outputs, delta);

    STORE(delta_v, LOAD(delta_v) + delta);
    STORE(g, factor);
    return factor;
}

static void NAME(learn)(const REAL *v, REAL *delta_v, const REAL *z, REAL step,
                        ptrdiff_t nodes, REAL *g)
{
    for (ptrdiff_t h = 0; h < nodes; h += LANES) {
        NAME(learn_nodes)(v + h, delta_v + h, z + h, step, g + h);
    }
    delta_v[nodes] += step;
}

/* ŷ = Σ_h v_h z_h + v_0 with z = sigmoid(a) */
static REAL NAME(output)(const REAL *v, REAL *a, ptrdiff_t nodes)
{
    VECTOR sum[PARTS];

    EACH(p, PARTS) sum[p] = ALL(0);
    for (ptrdiff_t first = 0; first < nodes; first += TILE) {
        EACH(p, PARTS) {
            const ptrdiff_t h = first + p * LANES;
            const VECTOR z = NAME(sigmoid)(LOAD(a + h));
            sum[p] = FUSED(LOAD(v + h), z, sum[p]);
            STORE(a + h, z);
        }
    }
    return NAME(total)(sum) + v[nodes];
}

/* ŷ of example t > 0 of a block, once the example before has taught its part: `learn`
 * for example t - 1, a_t += Σ_{s<t} gram[s] g_s, and `output` for example t, in one pass
 * over the nodes. Rows of a, and of g, are `nodes` apart. */
static REAL NAME(learn_then_output)(REAL *v, REAL *a, REAL step, ptrdiff_t nodes,
                                    REAL *g, const REAL *gram, ptrdiff_t t)
{
    REAL *const a_t = a + t * nodes;
    VECTOR sum[PARTS];

    EACH(p, PARTS) sum[p] = ALL(0);
    for (ptrdiff_t first = 0; first < nodes; first += TILE) {
        EACH(p, PARTS) {
            const ptrdiff_t h = first + p * LANES;
            const VECTOR last = NAME(learn_nodes)(v + h, v + h, a_t - nodes + h, step,
                                                  g + (t - 1) * nodes + h);
            VECTOR z = LOAD(a_t + h);
            for (ptrdiff_t s = 0; s < t - 1; s++) {
                z = FUSED(ALL(gram[s]), LOAD(g + s * nodes + h), z);
            }
            z = NAME(sigmoid)(FUSED(ALL(gram[t - 1]), last, z));
            sum[p] = FUSED(LOAD(v + h), z, sum[p]);
            STORE(a_t + h, z);
        }
    }
    v[nodes] += step;
    return NAME(total)(sum) + v[nodes];
}
