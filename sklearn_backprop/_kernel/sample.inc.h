/* What one sample needs once W x̃ is known: its outputs, and what it teaches.
 *
 *     a, z     (units,)        pre-activations; outputs of hidden units take their place
 *     step     (K,)            η (y - ŷ)
 *     g        (units,)        factor of the update W += g x̃ᵀ
 *
 * K, and how the output weights learn, are known at compile time in the cases that must
 * be fast: one output, and the rule without penalty or momentum.
 */

typedef struct {
    ptrdiff_t units, K;
    REAL *v;              /* v[k][h] (K, units), and v_0 (K,) behind them */
    REAL *velocity;       /* of v and v_0, if WITH_MOMENTUM */
    REAL *deltas;         /* of v and v_0, if COLLECTING */
    REAL penalty, momentum; /* ηα and μ */
    REAL *sums;           /* room for K tiles */
    REAL *y_hat, *step;   /* (K,) */
} NAME(outputs);

static NAME(outputs) NAME(outputs_of)(const network *net, const rule *rule, REAL *room)
{
    const ptrdiff_t units = padded(net->H, sizeof(REAL)), K = net->K;
    const ptrdiff_t hidden = units * (net->d + 1);
    NAME(outputs) out = {.units = units, .K = K, .v = (REAL *)net->weights + hidden};

    if (net->velocity) {
        out.velocity = (REAL *)net->velocity + hidden;
    }
    if (net->deltas) {
        out.deltas = (REAL *)net->deltas + hidden;
    }
    if (rule) {
        out.penalty = (REAL)(rule->eta * rule->alpha);
        out.momentum = (REAL)rule->momentum;
    }
    out.sums = room;
    out.y_hat = room + K * TILE;
    out.step = out.y_hat + padded(K, sizeof(REAL));
    return out;
}

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

/* For one register of hidden units: g = Σ_k step_k v_k z (1 - z) from v as it is, then
 * v_k learns step_k z. Returns g. */
INLINE VECTOR NAME(learn_units)(const NAME(outputs) *out, int kind, ptrdiff_t K,
                                ptrdiff_t h, const REAL *z, REAL *g)
{
    const VECTOR outputs = LOAD(z + h);
    VECTOR factor = ALL(0);

    for (ptrdiff_t k = 0; k < K; k++) {
        REAL *const to = out->v + k * out->units + h;
        const VECTOR step = ALL(out->step[k]), v = LOAD(to);
        factor = k ? FUSED(step, v, factor) : step * v;
        if (kind == PLAIN) {
            STORE(to, FUSED(step, outputs, v));
        } else if (kind == COLLECTING) {
            REAL *const delta = out->deltas + k * out->units + h;
            STORE(delta, FUSED(step, outputs, LOAD(delta)));
        } else if (kind == WITH_PENALTY) {
            STORE(to, FUSED(step, outputs, FUSED(ALL(-out->penalty), v, v)));
        } else {
            REAL *const velocity = out->velocity + k * out->units + h;
            const VECTOR kept =
                FUSED(ALL(-out->penalty), v, out->momentum * LOAD(velocity));
            const VECTOR change = FUSED(step, outputs, kept);
            STORE(velocity, change);
            STORE(to, v + change);
        }
    }
    factor *= FUSED(-outputs, outputs, outputs);
    STORE(g + h, factor);
    return factor;
}

INLINE void NAME(learn_bias)(const NAME(outputs) *out, int kind, ptrdiff_t K)
{
    REAL *const v_0 = (kind == COLLECTING ? out->deltas : out->v) + K * out->units;

    for (ptrdiff_t k = 0; k < K; k++) {
        REAL change = out->step[k];
        if (kind == WITH_MOMENTUM) {
            REAL *const velocity = out->velocity + K * out->units + k;
            change = *velocity = FMA(out->momentum, *velocity, change);
        }
        v_0[k] += change;
    }
}

/* The sums over hidden units of v_k z, tile by tile: they begin with 0, take in the
 * register of units that is part p of its tile, and become ŷ_k. */
INLINE void NAME(clear)(VECTOR *sums, ptrdiff_t K)
{
    for (ptrdiff_t k = 0; k < K; k++) {
        EACH(p, PARTS) sums[k * PARTS + p] = ALL(0);
    }
}

INLINE void NAME(take_in)(const NAME(outputs) *out, VECTOR *sums, ptrdiff_t K,
                          ptrdiff_t h, ptrdiff_t p, VECTOR z)
{
    for (ptrdiff_t k = 0; k < K; k++) {
        VECTOR *const sum = sums + k * PARTS + p;
        *sum = FUSED(LOAD(out->v + k * out->units + h), z, *sum);
    }
}

INLINE void NAME(conclude)(const NAME(outputs) *out, const VECTOR *sums, ptrdiff_t K)
{
    for (ptrdiff_t k = 0; k < K; k++) {
        out->y_hat[k] = NAME(total)(sums + k * PARTS) + out->v[K * out->units + k];
    }
}

/* ŷ_k = Σ_h v_kh z_h + v_k0 with z = sigmoid(a) */
INLINE void NAME(output_of)(const NAME(outputs) *out, ptrdiff_t K, REAL *a)
{
    VECTOR one[PARTS], *const sums = K == 1 ? one : (VECTOR *)out->sums;

    NAME(clear)(sums, K);
    for (ptrdiff_t first = 0; first < out->units; first += TILE) {
        EACH(p, PARTS) {
            const ptrdiff_t h = first + p * LANES;
            const VECTOR z = NAME(sigmoid)(LOAD(a + h));
            STORE(a + h, z);
            NAME(take_in)(out, sums, K, h, p, z);
        }
    }
    NAME(conclude)(out, sums, K);
}

static void NAME(output)(const NAME(outputs) *out, REAL *a)
{
    if (out->K == 1) {
        NAME(output_of)(out, 1, a);
    } else {
        NAME(output_of)(out, out->K, a);
    }
}

INLINE void NAME(learn_from)(const NAME(outputs) *out, int kind, ptrdiff_t K,
                             const REAL *z, REAL *g)
{
    for (ptrdiff_t h = 0; h < out->units; h += LANES) {
        NAME(learn_units)(out, kind, K, h, z, g);
    }
    NAME(learn_bias)(out, kind, K);
}

/* v and v_0 learn a sample; its g */
static void NAME(learn)(const NAME(outputs) *out, int kind, const REAL *z, REAL *g)
{
    if (kind == PLAIN && out->K == 1) {
        NAME(learn_from)(out, PLAIN, 1, z, g);
    } else if (kind == PLAIN) {
        NAME(learn_from)(out, PLAIN, out->K, z, g);
    } else if (kind == COLLECTING) {
        NAME(learn_from)(out, COLLECTING, out->K, z, g);
    } else if (kind == WITH_PENALTY) {
        NAME(learn_from)(out, WITH_PENALTY, out->K, z, g);
    } else {
        NAME(learn_from)(out, WITH_MOMENTUM, out->K, z, g);
    }
}

/* The outputs for sample t > 0 of a block, once the sample before has taught its part:
 * `learn` for sample t - 1, a_t += Σ_{s<t} gram[s] g_s, and `output` for sample t, in
 * one pass over the hidden units. Rows of a, and of g, are `units` apart. */
INLINE void NAME(learn_from_then_output)(const NAME(outputs) *out, int kind,
                                         ptrdiff_t K, REAL *a, REAL *g,
                                         const REAL *gram, ptrdiff_t t)
{
    const ptrdiff_t units = out->units;
    REAL *const a_t = a + t * units;
    VECTOR one[PARTS], *const sums = K == 1 ? one : (VECTOR *)out->sums;

    NAME(clear)(sums, K);
    for (ptrdiff_t first = 0; first < units; first += TILE) {
        EACH(p, PARTS) {
            const ptrdiff_t h = first + p * LANES;
            const VECTOR last = NAME(learn_units)(out, kind, K, h, a_t - units,
                                                  g + (t - 1) * units);
            VECTOR z = LOAD(a_t + h);
            for (ptrdiff_t s = 0; s < t - 1; s++) {
                z = FUSED(ALL(gram[s]), LOAD(g + s * units + h), z);
            }
            z = NAME(sigmoid)(FUSED(ALL(gram[t - 1]), last, z));
            STORE(a_t + h, z);
            NAME(take_in)(out, sums, K, h, p, z);
        }
    }
    NAME(learn_bias)(out, kind, K);
    NAME(conclude)(out, sums, K);
}

static void NAME(learn_then_output)(const NAME(outputs) *out, int kind, REAL *a, REAL *g,
                                    const REAL *gram, ptrdiff_t t)
{
    if (kind == PLAIN && out->K == 1) {
        NAME(learn_from_then_output)(out, PLAIN, 1, a, g, gram, t);
    } else if (kind == PLAIN) {
        NAME(learn_from_then_output)(out, PLAIN, out->K, a, g, gram, t);
    } else if (kind == WITH_PENALTY) {
        NAME(learn_from_then_output)(out, WITH_PENALTY, out->K, a, g, gram, t);
    } else {
        NAME(learn_from_then_output)(out, WITH_MOMENTUM, out->K, a, g, gram, t);
    }
}

/* E of entry i of the order, from ŷ; out->step becomes what it teaches */
static double NAME(loss_of)(const NAME(outputs) *out, const samples *data, ptrdiff_t i,
                            double eta)
{
    const REAL *const y = (const REAL *)data->y + row_at(&data->order, i) * out->K;
    const double fraction = fraction_at(&data->order, i);
    const REAL rate = (REAL)(fraction * eta);
    double squares = 0;

    for (ptrdiff_t k = 0; k < out->K; k++) {
        const REAL error = y[k] - out->y_hat[k];
        squares += (double)error * (double)error;
        out->step[k] = rate * error;
    }
    return 0.5 * fraction * squares;
}

static void NAME(change)(REAL *w, REAL *velocity, REAL *delta, ptrdiff_t count,
                         REAL penalty, REAL momentum)
{
    for (ptrdiff_t i = 0; i < count; i++) {
        REAL by = delta[i] - penalty * w[i];
        if (velocity) {
            by = velocity[i] = by + momentum * velocity[i];
        }
        w[i] += by;
        delta[i] = 0;
    }
}

/* All weights take their deltas; those of the constant input have no penalty. */
static void NAME(end_batch)(const network *net, const rule *rule)
{
    const ptrdiff_t units = padded(net->H, sizeof(REAL)), d = net->d, K = net->K;
    const ptrdiff_t inputs = d * TILE, hidden = units * (d + 1), outputs = K * units;
    const REAL penalty = (REAL)(rule->eta * rule->alpha);
    const REAL momentum = (REAL)rule->momentum;
    REAL *const w = net->weights, *const velocity = net->velocity;
    REAL *const delta = net->deltas;

#define CHANGE(first, count, penalty)                                                   \
    NAME(change)(w + (first), velocity ? velocity + (first) : NULL, delta + (first),    \
                 count, penalty, momentum)
    for (ptrdiff_t panel = 0; panel < hidden; panel += TILE + inputs) {
        CHANGE(panel, TILE, 0);
        CHANGE(panel + TILE, inputs, penalty);
    }
    CHANGE(hidden, outputs, penalty);
    CHANGE(hidden + outputs, K, 0);
#undef CHANGE
}
