/* Training and prediction on sparse rows, at a cost that goes with their entries.
 *
 * A row in training units is x - μ, where x has the entries of the row times `scale`, and
 * μ is mean × scale: it is not sparse, but the same μ is in all. So the weights of the
 * inputs are kept as W = σ (U - c μᵀ), with c, of a number per node, taking all that the
 * updates owe to μ:
 *
 *     W (x - μ) = σ (U x - (μ · x) c - q),              q = (U - c μᵀ) μ
 *     W += g (x - μ)ᵀ:   U += g xᵀ / σ,   c += g / σ,   q += ((μ · x) - (μ · μ)) g / σ
 *
 * and decay only multiplies σ. The weights of an input lie together, in rows.
 */

#define SMALL_SIGMA 1e-12 /* it goes into the weights before it underflows */

typedef struct {
    ptrdiff_t d, nodes;
    REAL *U;              /* U[j][h]  (d, nodes) */
    REAL *c, *q, *bias;   /* (nodes,), behind U */
    double *sigma;        /* one number */
    /* of a batch, gathered in the deltas; (nodes,) */
    REAL *sum_g, *sum_q;
    double mu_mu;         /* μ · μ */
} NAME(rows);

static NAME(rows) NAME(rows_of)(const network *net, const examples *data)
{
    NAME(rows) rows = {.d = net->d, .nodes = padded(net->H, sizeof(REAL))};

    rows.U = net->rows;
    rows.c = rows.U + rows.d * rows.nodes;
    rows.q = rows.c + rows.nodes;
    rows.bias = rows.q + rows.nodes;
    rows.sum_q = rows.bias + rows.nodes;
    rows.sigma = (double *)(rows.sum_q + rows.nodes);
    if (net->deltas) {
        rows.sum_g = (REAL *)net->deltas + rows.d * rows.nodes;
    }
    for (ptrdiff_t j = 0; j < rows.d; j++) {
        const double mu = data->mean[j] * data->scale[j];
        rows.mu_mu += mu * mu;
    }
    return rows;
}

static void NAME(open_rows)(const network *net, const examples *data)
{
    const NAME(rows) rows = NAME(rows_of)(net, data);
    const ptrdiff_t d = rows.d, nodes = rows.nodes;
    const REAL *from = net->weights;

    memset(rows.c, 0, 4 * nodes * sizeof(REAL));
    *rows.sigma = 1;
    for (ptrdiff_t first = 0; first < nodes; first += TILE) {
        memcpy(rows.bias + first, from, TILE_BYTES);
        from += TILE;
        for (ptrdiff_t j = 0; j < d; j++, from += TILE) {
            const REAL mu = (REAL)(data->mean[j] * data->scale[j]);
            EACH(p, PARTS) {
                const ptrdiff_t h = first + p * LANES;
                const VECTOR w = LOAD(from + p * LANES);
                STORE(rows.U + j * nodes + h, w);
                STORE(rows.q + h, FUSED(ALL(mu), w, LOAD(rows.q + h)));
            }
        }
    }
}

static void NAME(close_rows)(const network *net, const examples *data)
{
    const NAME(rows) rows = NAME(rows_of)(net, data);
    const ptrdiff_t d = rows.d, nodes = rows.nodes;
    const VECTOR sigma = ALL((REAL)*rows.sigma);
    REAL *to = net->weights;

    for (ptrdiff_t first = 0; first < nodes; first += TILE) {
        memcpy(to, rows.bias + first, TILE_BYTES);
        to += TILE;
        for (ptrdiff_t j = 0; j < d; j++, to += TILE) {
            const REAL mu = (REAL)(data->mean[j] * data->scale[j]);
            EACH(p, PARTS) {
                const ptrdiff_t h = first + p * LANES;
                const VECTOR u = LOAD(rows.U + j * nodes + h);
                STORE(to + p * LANES,
                      sigma * FUSED(ALL(-mu), LOAD(rows.c + h), u));
            }
        }
    }
}

/* x of an entry, within what products can bear */
INLINE REAL NAME(entry)(const examples *data, const NAME(row) *row, ptrdiff_t e,
                        ptrdiff_t j)
{
    const double x = (double)row->values[e] * data->scale[j];
    return (REAL)(x > LIMIT ? LIMIT : x < -LIMIT ? -LIMIT : x);
}

/* a = W x̃ of row i; returns μ · x */
static double NAME(product_with_row)(const NAME(rows) *rows, const examples *data,
                                     ptrdiff_t i, REAL *a)
{
    const NAME(row) row = NAME(row_of)(data, i);
    const ptrdiff_t nodes = rows->nodes;
    double mu_x = 0;

    memset(a, 0, nodes * sizeof(REAL));
    EACH_ENTRY(row) {
        const REAL x = NAME(entry)(data, &row, e, j);
        const REAL *const u = rows->U + j * nodes;
        mu_x += data->mean[j] * data->scale[j] * (double)x;
        for (ptrdiff_t h = 0; h < nodes; h += LANES) {
            STORE(a + h, FUSED(ALL(x), LOAD(u + h), LOAD(a + h)));
        }
    }
    for (ptrdiff_t h = 0; h < nodes; h += LANES) {
        const VECTOR centred = FUSED(ALL((REAL)-mu_x), LOAD(rows->c + h), LOAD(a + h));
        STORE(a + h, FUSED(ALL((REAL)*rows->sigma), centred - LOAD(rows->q + h),
                           LOAD(rows->bias + h)));
    }
    return mu_x;
}

/* to += factor g */
static void NAME(add)(REAL *to, REAL factor, const REAL *g, ptrdiff_t nodes)
{
    for (ptrdiff_t h = 0; h < nodes; h += LANES) {
        STORE(to + h, FUSED(ALL(factor), LOAD(g + h), LOAD(to + h)));
    }
}

/* U, or its deltas, += factor g xᵀ with the entries of row i */
static void NAME(add_row)(REAL *U, REAL factor, const REAL *g, ptrdiff_t nodes,
                          const examples *data, ptrdiff_t i)
{
    const NAME(row) row = NAME(row_of)(data, i);

    EACH_ENTRY(row) {
        NAME(add)(U + j * nodes, factor * NAME(entry)(data, &row, e, j), g, nodes);
    }
}

/* What decays does so by σ, which goes into U, c and q once it has become small. */
static void NAME(shrink)(const NAME(rows) *rows, double decay)
{
    *rows->sigma *= 1 - decay;
    if (fabs(*rows->sigma) < SMALL_SIGMA) {
        for (REAL *u = rows->U; u < rows->bias; u++) {
            *u *= (REAL)*rows->sigma;
        }
        *rows->sigma = 1;
    }
}

/* the weights of an input take its deltas */
INLINE void NAME(take)(REAL *u, REAL factor, REAL *delta, ptrdiff_t nodes)
{
    NAME(add)(u, factor, delta, nodes);
    memset(delta, 0, nodes * sizeof(REAL)); /* a column may come again */
}

/* U takes the deltas of the presentations first ≤ i ≤ last: of the columns in their rows,
 * or of all if these are fewer. */
static void NAME(take_deltas)(const NAME(rows) *rows, REAL factor, REAL *deltas,
                              const examples *data, ptrdiff_t first, ptrdiff_t last)
{
    const ptrdiff_t nodes = rows->nodes;
    ptrdiff_t entries = 0;

    for (ptrdiff_t i = first; i <= last && entries < rows->d; i++) {
        const NAME(row) row = NAME(row_of)(data, row_at(&data->order, i));
        entries += row.stop - row.start;
    }
    for (ptrdiff_t j = 0; entries >= rows->d && j < rows->d; j++) {
        NAME(take)(rows->U + j * nodes, factor, deltas + j * nodes, nodes);
    }
    for (ptrdiff_t i = first; entries < rows->d && i <= last; i++) {
        const NAME(row) row = NAME(row_of)(data, row_at(&data->order, i));
        EACH_ENTRY(row) {
            NAME(take)(rows->U + j * nodes, factor, deltas + j * nodes, nodes);
        }
    }
}

/* All weights take the deltas of a batch, which ends with presentation `last`. */
static void NAME(end_batch_of_rows)(const network *net, const examples *data,
                                    const NAME(rows) *rows, const rule *rule,
                                    ptrdiff_t last)
{
    const ptrdiff_t nodes = rows->nodes, hidden = (rows->d + 1) * nodes, K = net->K;
    const double decay = rule->eta * rule->alpha;
    REAL *const deltas = net->deltas, *const v = (REAL *)net->weights + hidden;

    NAME(shrink)(rows, decay);
    const REAL factor = (REAL)(1 / *rows->sigma);
    NAME(take_deltas)(rows, factor, deltas, data, last - last % rule->batch_size, last);
    NAME(add)(rows->bias, 1, rows->sum_g, nodes);
    NAME(add)(rows->c, factor, rows->sum_g, nodes);
    NAME(add)(rows->q, factor, rows->sum_q, nodes);
    memset(rows->sum_g, 0, nodes * sizeof(REAL));
    memset(rows->sum_q, 0, nodes * sizeof(REAL));
    NAME(change)(v, NULL, deltas + hidden, K * nodes, (REAL)decay, 0);
    NAME(change)(v + K * nodes, NULL, deltas + hidden + K * nodes, K, 0, 0);
}

static double NAME(train_rows)(const network *net, const examples *data,
                               const rule *rule, ptrdiff_t start, ptrdiff_t stop)
{
    const NAME(rows) rows = NAME(rows_of)(net, data);
    const ptrdiff_t nodes = rows.nodes;
    const int online = rule->batch_size == 1;
    const int kind = !online ? COLLECTING : rule->alpha ? DECAYING : PLAIN;
    REAL *const a = net->workspace, *const g = a + nodes;
    const NAME(outputs) out = NAME(outputs_of)(net, rule, g + nodes);
    double loss = 0;

    for (ptrdiff_t p = start; p < stop; p++) {
        const ptrdiff_t i = row_at(&data->order, p);
        const double mu_x = NAME(product_with_row)(&rows, data, i, a);
        const REAL along = (REAL)(mu_x - rows.mu_mu);
        NAME(output)(&out, a);
        loss += NAME(present)(&out, data, p, rule->eta);
        NAME(learn)(&out, kind, a, g);
        if (online) {
            NAME(shrink)(&rows, rule->eta * rule->alpha);
            const REAL factor = (REAL)(1 / *rows.sigma);
            NAME(add_row)(rows.U, factor, g, nodes, data, i);
            NAME(add)(rows.bias, 1, g, nodes);
            NAME(add)(rows.c, factor, g, nodes);
            NAME(add)(rows.q, factor * along, g, nodes);
            continue;
        }
        NAME(add_row)(net->deltas, 1, g, nodes, data, i);
        NAME(add)(rows.sum_g, 1, g, nodes);
        NAME(add)(rows.sum_q, along, g, nodes);
        if ((p + 1) % rule->batch_size == 0 || p + 1 == rule->n) {
            NAME(end_batch_of_rows)(net, data, &rows, rule, p);
        }
    }
    return loss;
}

static void NAME(predict_rows)(const network *net, const examples *data, ptrdiff_t start,
                               ptrdiff_t stop, REAL *y_hat)
{
    const NAME(rows) rows = NAME(rows_of)(net, data);
    REAL *const a = net->workspace;
    const NAME(outputs) out = NAME(outputs_of)(net, NULL, a + rows.nodes);

    for (ptrdiff_t i = start; i < stop; i++) {
        NAME(product_with_row)(&rows, data, i, a);
        NAME(output)(&out, a);
        memcpy(y_hat + i * out.K, out.y_hat, out.K * sizeof(REAL));
    }
}

#undef SMALL_SIGMA
